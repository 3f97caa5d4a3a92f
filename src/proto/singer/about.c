#include "proto/singer/about.h"

#include "json/write.h"
#include "model/spec.h"
#include "proto/singer/config.h"

/* ------------------------------------------------------------------------------------------------------------------- name -- */

const char *singer_name(arena *a, const weir_connector *c, const char *program, bool target)
{
    static const char *const ours[] = {"source-", "destination-", "materialize-", "capture-", "tap-", "target-"};
    weir_view prefix = target ? VIEW("target-") : VIEW("tap-"), name = view_of(program);
    if (view_starts(name, prefix) && name.len > prefix.len)
        return arena_text(a, name);
    name = view_of(c->name);
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        if (view_starts(name, view_of(ours[i])) && name.len > strlen(ours[i])) {
            name = view_from(name, strlen(ours[i]));
            break;
        }
    return arena_printf(a, "%.*s%.*s", VIEW_ARG(prefix), VIEW_ARG(name)).ptr;
}

/* --------------------------------------------------------------------------------------------------------------- settings -- */

static bool is_secret(const tree *schema)
{
    static const char *const words[] = {"secret", "airbyte_secret"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        const tree *t = tree_get(schema, words[i]);
        if (t && t->kind == TREE_BOOL && t->boolean)
            return true;
    }
    return false;
}

/* What is for the forms of other platforms. */
static bool is_foreign(weir_view name)
{
    static const char *const words[] = {"order", "multiline", "advanced", "secret", "airbyte_secret", "writeOnly"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (view_is(name, words[i]))
            return true;
    return false;
}

static void put_schema(json_out *w, const tree *schema, bool nullable);

static void put_properties(json_out *w, const tree *properties)
{
    out_open(w, '{');
    for (const tree *p = properties->first; p; p = p->next) {
        out_namev(w, p->name);
        put_schema(w, p, false);
    }
    out_close(w, '}');
}

static void put_type(json_out *w, const tree *type, bool nullable)
{
    out_open(w, '[');
    for (const tree *c = type->kind == TREE_ARRAY ? type->first : type; c; c = type->kind == TREE_ARRAY ? c->next : NULL) {
        out_raw(w, c->raw);
        nullable &= !view_is(c->text, "null");
    }
    if (nullable)
        out_text(w, VIEW("null"));
    out_close(w, ']');
}

static void put_keyword(json_out *w, const tree *m, bool top, bool nullable)
{
    out_namev(w, m->name);
    if (view_is(m->name, "type") && top)
        put_type(w, m, nullable);
    else if (view_is(m->name, "properties") && m->kind == TREE_OBJECT)
        put_properties(w, m);
    else if (view_is(m->name, "items") && m->kind == TREE_OBJECT)
        put_schema(w, m, false);
    else if ((view_is(m->name, "oneOf") || view_is(m->name, "anyOf")) && m->kind == TREE_ARRAY) {
        out_open(w, '[');
        for (const tree *c = m->first; c; c = c->next)
            put_schema(w, c, false);
        out_close(w, ']');
    } else {
        tree_write(w->to, m);
        w->comma = true;
    }
}

static void put_setting(json_out *w, const tree *schema, bool top, bool nullable)
{
    if (schema->kind != TREE_OBJECT) {
        out_raw(w, schema->raw);
        return;
    }
    out_open(w, '{');
    for (const tree *m = schema->first; m; m = m->next)
        if (!is_foreign(m->name))
            put_keyword(w, m, top, nullable);
    if (is_secret(schema)) {
        out_bool(out_name(w, "secret"), true);
        out_bool(out_name(w, "writeOnly"), true);
    }
    out_close(w, '}');
}

static void put_schema(json_out *w, const tree *schema, bool nullable) { put_setting(w, schema, false, nullable); }

static bool is_required(const tree *schema, weir_view name)
{
    const tree *required = tree_get(schema, "required");
    for (const tree *c = required ? required->first : NULL; c; c = c->next)
        if (view_eq(c->text, name))
            return true;
    return false;
}

static weir_rc parse(arena *a, buf *text, tree **ret, err *e)
{
    weir_view kept = buf_ok(text) ? arena_dup(a, buf_view(text)) : (weir_view){0};
    buf_free(text);
    return kept.ptr ? tree_parse(a, kept, NULL, WEIR_E_PROTOCOL, ret, e) : err_nomem(e);
}

static void put_side(json_out *w, const tree *schema, const tree *unless)
{
    const tree *properties = tree_get(schema, "properties");
    for (const tree *p = properties ? properties->first : NULL; p; p = p->next) {
        if (tree_getv(tree_get(unless, "properties"), p->name))
            continue;
        out_namev(w, p->name);
        put_setting(w, p, true, !is_required(schema, p->name));
    }
}

static void put_required(json_out *w, const tree *own, const tree *general)
{
    const tree *lists[] = {tree_get(own, "required"), tree_get(general, "required")};
    out_open(out_name(w, "required"), '[');
    for (size_t i = 0; i < 2; i++)
        for (const tree *c = lists[i] ? lists[i]->first : NULL; c; c = c->next)
            out_raw(w, c->raw);
    out_close(w, ']');
}

weir_rc singer_settings_schema(const singer_about *about, buf *out, err *e)
{
    arena a = {0};
    tree *own, *general;
    buf own_text = {0}, general_text = {0};
    spec_config_schema(about->c, &own_text);
    fields_schema(about->side->fields, NULL, &general_text);
    weir_rc rc = parse(&a, &own_text, &own, e), also = parse(&a, &general_text, &general, e);
    rc = rc ? rc : also;
    if (!rc) {
        json_out w = json_out_to(out);
        out_open(&w, '{');
        out_text(out_name(&w, "type"), VIEW("object"));
        out_open(out_name(&w, "properties"), '{');
        put_side(&w, own, NULL);
        put_side(&w, general, own);
        out_close(&w, '}');
        put_required(&w, own, general);
        out_text(out_name(&w, "$schema"), VIEW("https://json-schema.org/draft/2020-12/schema"));
        out_close(&w, '}');
        rc = buf_ok(out) ? WEIR_OK : err_nomem(e);
    }
    arena_free(&a);
    return err_wrap(e, rc, "settings");
}

/* ---------------------------------------------------------------------------------------------------------------- formats -- */

static weir_rc write_json(const singer_about *about, const tree *settings, buf *out, err *e)
{
    arena a = {0};
    buf text = {0};
    tree *t;
    json_out w = json_out_to(&text);
    out_open(&w, '{');
    out_text(out_name(&w, "name"), view_of(about->name));
    out_text(out_name(&w, "description"), view_of(about->c->title));
    out_text(out_name(&w, "version"), view_of(about->c->version));
    out_text(out_name(&w, "sdk_version"), view_of(weir_version()));
    out_null(out_name(&w, "supported_python_versions"));
    out_open(out_name(&w, "capabilities"), '[');
    for (const char *const *c = about->side->capabilities; *c; c++)
        out_text(&w, view_of(*c));
    out_close(&w, ']');
    out_raw(out_name(&w, "settings"), settings->raw);
    out_close(&w, '}');
    weir_rc rc = parse(&a, &text, &t, e);
    if (!rc)
        tree_write_pretty(out, t);
    buf_addc(out, '\n');
    arena_free(&a);
    return rc;
}

static void put_cell(buf *out, weir_view text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '\n')
            buf_adds(out, "<br/>");
        else if (text.ptr[i] == '|')
            buf_adds(out, "\\|");
        else
            buf_addc(out, text.ptr[i]);
    }
}

/* A row for each setting, and for those within objects. */
static void put_rows(buf *out, const tree *schema, buf *path)
{
    const tree *properties = tree_get(schema, "properties");
    const size_t len = path->len;
    for (const tree *p = properties ? properties->first : NULL; p; p = p->next) {
        const tree *fallback = tree_get(p, "default");
        buf_adds(path, len ? "." : "");
        buf_addv(path, p->name);
        buf_adds(out, "| `");
        put_cell(out, buf_view(path));
        buf_printf(out, "` | %s | ", is_required(schema, p->name) ? "yes" : "");
        if (fallback)
            put_cell(out, fallback->raw);
        buf_adds(out, fallback ? " | " : "| ");
        put_cell(out, tree_text(p, "description"));
        buf_adds(out, " |\n");
        put_rows(out, p, path);
        path->len = len;
    }
}

static weir_rc write_markdown(const singer_about *about, const tree *settings, buf *out, err *e)
{
    buf path = {0};
    (void)e;
    buf_printf(out, "# `%s`\n\n%s%sVersion %s, built with Weir %s.\n\n## Capabilities\n\n", about->name, about->c->title ? about->c->title : "",
               about->c->title ? "\n\n" : "", about->c->version, weir_version());
    for (const char *const *c = about->side->capabilities; *c; c++)
        buf_printf(out, "- `%s`\n", *c);
    buf_adds(out, "\n## Settings\n\n| Setting | Required | Default | Description |\n|:--------|:--------:|:-------:|:------------|\n");
    put_rows(out, settings, &path);
    buf_printf(out, "\n`%s --about` lists them, too.\n", about->name);
    out->failed |= path.failed;
    buf_free(&path);
    return WEIR_OK;
}

static weir_rc write_text(const singer_about *about, const tree *settings, buf *out, err *e)
{
    const tree *properties = tree_get(settings, "properties");
    (void)e;
    buf_printf(out, "Name: %s\nDescription: %s\nVersion: %s\nSDK Version: %s\nCapabilities:\n", about->name, about->c->title ? about->c->title : "",
               about->c->version, weir_version());
    for (const char *const *c = about->side->capabilities; *c; c++)
        buf_printf(out, "  - %s\n", *c);
    buf_adds(out, "Settings:\n");
    for (const tree *p = properties ? properties->first : NULL; p; p = p->next) {
        const tree *type = tree_get(p, "type"), *first = type ? type->first : NULL;
        buf_printf(out, "  - Name: %.*s\n    Type: %s%s\n    Environment Variable: ", VIEW_ARG(p->name), first ? first->text.ptr : "any",
                   is_required(settings, p->name) ? ", required" : "");
        singer_variable(about->name, p->name, out);
        buf_addc(out, '\n');
        if (tree_text(p, "description").len)
            buf_printf(out, "    %.*s\n", VIEW_ARG(tree_text(p, "description")));
    }
    return WEIR_OK;
}

static weir_rc write_meltano(const singer_about *about, const tree *settings, buf *out, err *e)
{
    (void)settings;
    return singer_meltano_write(about, out, e);
}

static const struct {
    const char *name;
    weir_rc (*write)(const singer_about *, const tree *settings, buf *, err *);
} formats[] = {{"text", write_text}, {"json", write_json}, {"markdown", write_markdown}, {"meltano", write_meltano}};

weir_rc singer_about_write(const singer_about *about, const char *format, buf *out, err *e)
{
    arena a = {0};
    buf text = {0};
    tree *settings;
    weir_rc rc = err_fail(e, WEIR_E_CONFIG, "format '%s' is not known: text, json, markdown and meltano are", format);
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        if (strcmp(format, formats[i].name) != 0)
            continue;
        err_clear(e);
        rc = singer_settings_schema(about, &text, e);
        if (!rc)
            rc = parse(&a, &text, &settings, e);
        if (!rc)
            rc = formats[i].write(about, settings, out, e);
        if (!rc && !buf_ok(out))
            rc = err_nomem(e);
    }
    buf_free(&text);
    arena_free(&a);
    return rc;
}
