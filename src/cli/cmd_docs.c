/* weir docs: what registries and catalogs of connectors want to know, made from a connector's descriptor. */
#include "cli/command.h"
#include "model/fields.h"
#include "proto/airbyte/airbyte.h"
#include "proto/singer/about.h"

static weir_rc write_metadata(const weir_connector *k, buf *out, err *e)
{
    return airbyte_metadata(k, NULL, NULL, out, e);
}

static weir_rc write_about(const weir_connector *k, const char *format, buf *out, err *e)
{
    arena a = {0};
    bool target = !k->capture;
    const char *name = singer_name(&a, k, k->name, target);
    const singer_about about = {k, name, target ? &singer_target_side : &singer_tap_side};
    weir_rc rc = name ? singer_about_write(&about, format, out, e) : err_nomem(e);
    arena_free(&a);
    return rc;
}

static void put_settings(const char *title, const weir_field *table, buf *out)
{
    if (!table || !table->name)
        return;
    buf_printf(out, "\n## %s\n\n```\n", title);
    fields_help(table, out);
    buf_adds(out, "```\n");
}

/* Flow alone knows derivations: there is nobody to have a form for them. */
static weir_rc write_derivation(const weir_connector *k, buf *out, err *e)
{
    buf_printf(out, "# `%s`\n\n%s%sVersion %s, built with Weir %s.\n", k->name, k->title ? k->title : "", k->title ? "\n\n" : "", k->version, weir_version());
    put_settings("Settings", k->config, out);
    put_settings("Lambda of a transform", k->resource, out);
    return buf_ok(out) ? WEIR_OK : err_nomem(e);
}

static weir_rc write_meltano(const weir_connector *k, buf *out, err *e) { return write_about(k, "meltano", out, e); }
static weir_rc write_singer(const weir_connector *k, buf *out, err *e) { return write_about(k, "json", out, e); }
static weir_rc write_markdown(const weir_connector *k, buf *out, err *e) { return write_about(k, "markdown", out, e); }

static const struct {
    const char *name;
    weir_rc (*write)(const weir_connector *, buf *, err *);
} formats[] = {
    {"markdown", write_markdown}, {"airbyte", write_metadata}, {"meltano", write_meltano}, {"singer", write_singer},
};
enum { FORMATS = sizeof formats / sizeof *formats };

static weir_rc write_known(size_t format, const weir_connector *k, buf *out, err *e)
{
    if (!spec_only_derives(k))
        return formats[format].write(k, out, e);
    if (formats[format].write == write_markdown)
        return write_derivation(k, out, e);
    return err_fail(e, WEIR_E_CONFIG, "weir docs: '%s' is a derivation, which only Flow knows: there is no document of format %s of it", k->name, formats[format].name);
}

static weir_rc write_format(const char *name, const weir_connector *k, buf *out, err *e)
{
    buf known = {0};
    for (size_t i = 0; i < FORMATS; i++) {
        if (strcmp(formats[i].name, name) == 0) {
            buf_free(&known);
            return write_known(i, k, out, e);
        }
        buf_printf(&known, "%s%s", i ? ", " : "", formats[i].name);
    }
    weir_rc rc = err_fail(e, WEIR_E_CONFIG, "weir docs: --format '%s' is not known: there are %s", name, buf_text(&known));
    buf_free(&known);
    return rc;
}

/* One linked into this program, by name; or the task of a catalog. */
static weir_rc open_connector(cli *c, catalog *cat, opened_endpoint *ret, err *e)
{
    *ret = (opened_endpoint){0};
    if (c->a.rest_count > 1)
        return err_fail(e, WEIR_E_CONFIG, "weir docs: unexpected argument '%s'", c->a.rest[1]);
    if (c->a.rest_count) {
        ret->connector = c->natives ? c->natives(view_of(c->a.rest[0])) : NULL;
        return ret->connector ? WEIR_OK : err_fail(e, WEIR_E_CONFIG, "connector '%s' is not linked into this program", c->a.rest[0]);
    }
    const task *t;
    weir_rc rc = cli_task(c, cat, -1, &t, e);
    return rc ? rc : endpoint_open(t, c->natives, c->log, c->stop_fd, ret, e);
}

weir_rc cmd_docs(cli *c, err *e)
{
    catalog cat = {0};
    opened_endpoint end;
    buf out = {0};
    weir_rc rc = open_connector(c, &cat, &end, e);
    if (!rc)
        rc = write_format(c->a.format ? c->a.format : formats[0].name, end.connector, &out, e);
    if (!rc)
        rc = cli_print(&out, e);
    endpoint_close(&end);
    buf_free(&out);
    catalog_free(&cat);
    return rc;
}
