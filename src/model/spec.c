#include "model/spec.h"

#include "json/pointer.h"
#include "json/scan.h"
#include "json/write.h"
#include "model/field.h"

/* ---------------------------------------------------------------------------------------------------------------- schemas -- */

/* @param suffix what the title says behind the connector's */
static void put_schema(const weir_connector *c, weir_view given, const weir_field *table, const char *suffix, buf *out)
{
    buf title = {0};
    if (given.len) {
        json_compact(out, given);
        return;
    }
    if (c->title)
        buf_adds(&title, c->title);
    else
        title_of_name(c->name ? c->name : "", &title);
    buf_adds(&title, suffix);
    fields_schema(table, buf_text(&title), out);
    out->failed |= !buf_ok(&title);
    buf_free(&title);
}

void spec_config_schema(const weir_connector *c, buf *out)
{
    put_schema(c, c->config_schema, c->config, "", out);
}

void spec_resource_schema(const weir_connector *c, buf *out)
{
    put_schema(c, c->resource_schema, c->resource, " Resource", out);
}

void spec_path_pointers(const weir_connector *c, buf *out)
{
    if (c->resource_path_pointers.len)
        json_compact(out, c->resource_path_pointers);
    else
        fields_path_pointers(c->resource, out);
}

void spec_docs_url(const weir_connector *c, buf *out)
{
    if (c->docs_url && *c->docs_url)
        buf_adds(out, c->docs_url);
    else /* RFC 2606: a host that nobody has, so that a form's link leads nowhere instead of to a stranger */
        buf_printf(out, "https://weir.invalid/%s", c->name ? c->name : "");
}

/* ---------------------------------------------------------------------------------------------------------- resource path -- */

static weir_rc bad_path(tree_mark mark, const char *what, err *e)
{
    buf place = {0};
    tree_where(&place, mark);
    weir_rc rc = err_fail(e, WEIR_E_CONFIG, "%s/_meta/path: %s", buf_text(&place), what);
    buf_free(&place);
    return rc;
}

/* The path that the platform wrote into the config. @return WEIR_OK with *ret_count 0 if there is none */
static weir_rc given_path(const tree *resource, json_out *w, size_t *ret_count, err *e)
{
    const tree *path = tree_get(tree_get(resource, "_meta"), "path");
    *ret_count = 0;
    if (tree_is_null(path))
        return WEIR_OK;
    if (path->kind != TREE_ARRAY)
        return bad_path(path->mark, "expected an array of strings", e);
    for (const tree *t = path->first; t; t = t->next) {
        if (t->kind != TREE_STRING)
            return bad_path(t->mark, "expected a string", e);
        out_text(w, t->text);
        ++*ret_count;
    }
    return WEIR_OK;
}

/* Appends a component of a path. @return false if the setting is absent */
static bool put_component(const tree *t, json_out *w)
{
    buf text = {0};
    if (tree_is_null(t))
        return false;
    if (t->kind == TREE_STRING) {
        out_text(w, t->text);
        return true;
    }
    tree_write(&text, t);
    out_text(w, buf_view(&text));
    w->to->failed |= !buf_ok(&text);
    buf_free(&text);
    return true;
}

static weir_rc found_path(const weir_connector *c, const tree *resource, json_out *w, size_t *ret_count, buf *pointers, err *e)
{
    arena a = {0};
    weir_view *texts;
    size_t count;
    weir_rc rc = WEIR_OK;
    spec_path_pointers(c, pointers);
    if (!buf_ok(pointers))
        rc = err_nomem(e);
    else if (!pointer_list(&a, buf_view(pointers), &texts, &count))
        rc = a.failed ? err_nomem(e) : err_fail(e, WEIR_E_BUG, "the resource path pointers are not an array of strings");
    for (size_t i = 0; !rc && i < count; i++)
        *ret_count += put_component(tree_at(resource, texts[i]), w);
    arena_free(&a);
    return rc;
}

weir_rc spec_resource_path(const weir_connector *c, const tree *resource, buf *out, err *e)
{
    buf pointers = {0};
    size_t from = out->len, count = 0;
    json_out w = json_out_to(out);
    out_open(&w, '[');
    weir_rc rc = given_path(resource, &w, &count, e);
    if (!rc && !count)
        rc = found_path(c, resource, &w, &count, &pointers, e);
    if (!rc && !count)
        rc = err_fail(e, WEIR_E_CONFIG, "nothing in this resource config identifies the resource: none of %s is there",
                      buf_text(&pointers));
    out_close(&w, ']');
    if (!rc && !buf_ok(out))
        rc = err_nomem(e);
    if (rc)
        out->len = from;
    buf_free(&pointers);
    return rc;
}

/* ------------------------------------------------------------------------------------------------------------------ check -- */

static weir_rc slip(err *e, const char *what)
{
    return err_fail(e, WEIR_E_BUG, "%s", what);
}

static weir_rc check_callbacks(const weir_connector *c, err *e)
{
    const weir_capture *in = c->capture;
    const weir_materialize *out = c->materialize;
    if (!in && !out && !c->sql && !c->derive)
        return slip(e, "it is neither a capture nor a materialization nor a derivation nor an SQL database");
    if (c->derive && !c->derive->read)
        return slip(e, "its derivation has no read()");
    if (in && !in->discover)
        return slip(e, "its capture has no discover()");
    if (in && !in->pull)
        return slip(e, "its capture has no pull()");
    if (out && !out->apply)
        return slip(e, "its materialization has no apply()");
    if (out && !out->store)
        return slip(e, "its materialization has no store()");
    if (out && !out->commit)
        return slip(e, "its materialization has no commit()");
    if (out && out->needs_exists && !out->load)
        return slip(e, "its materialization needs to know whether rows exist, but has no load()");
    return WEIR_OK;
}

static weir_rc check_object(weir_view json, const char *what, err *e)
{
    const char *error = "it is no object";
    size_t at = 0;
    json_scan s = json_scan_of(json);
    if (!json.len || (json_check(json, &error, &at) && json_peek(&s) == '{'))
        return WEIR_OK;
    return err_fail(e, WEIR_E_BUG, "%s: byte %zu: %s", what, at, error);
}

/* One side of the settings, config or resource. */
static weir_rc check_settings(const weir_field *table, size_t size, weir_view schema, const char *what, err *e)
{
    if (table && schema.len)
        return err_fail(e, WEIR_E_BUG, "%s: there is a table and a schema: only one can be true", what);
    if (field_more(table) && !size)
        return err_fail(e, WEIR_E_BUG, "%s: the size of its struct is missing", what);
    weir_rc rc = check_object(schema, what, e);
    if (rc || !table)
        return rc;
    return err_wrap(e, fields_check(table, size, e), "%s", what);
}

bool spec_only_derives(const weir_connector *c) { return c->derive && !c->capture && !c->materialize; }

static weir_rc check_pointers(const weir_connector *c, err *e)
{
    arena a = {0};
    buf pointers = {0};
    weir_view *texts;
    size_t count = 0;
    weir_rc rc = WEIR_OK;
    if (c->resource_path_pointers.len)
        buf_addv(&pointers, c->resource_path_pointers); /* not yet known to be JSON */
    else
        fields_path_pointers(c->resource, &pointers);
    if (!buf_ok(&pointers))
        rc = err_nomem(e);
    else if (!pointer_list(&a, buf_view(&pointers), &texts, &count))
        rc = a.failed ? err_nomem(e) : slip(e, "the resource path pointers are not a JSON array of strings");
    for (size_t i = 0; !rc && i < count; i++)
        if (!pointer_valid(texts[i]))
            rc = err_fail(e, WEIR_E_BUG, "the resource path pointer '%.*s' is not a JSON pointer", VIEW_ARG(texts[i]));
    if (!rc && !count && field_more(c->resource) && !spec_only_derives(c))
        rc = slip(e, "no resource setting is marked WEIR_PATH: nothing would identify a resource");
    buf_free(&pointers);
    arena_free(&a);
    return rc;
}

static weir_rc check_parts(const weir_connector *c, err *e)
{
    weir_rc rc = check_callbacks(c, e);
    if (!rc)
        rc = check_settings(c->config, c->config_size, c->config_schema, "config", e);
    if (!rc)
        rc = check_settings(c->resource, c->resource_size, c->resource_schema, "resource", e);
    if (!rc)
        rc = check_pointers(c, e);
    return rc ? rc : check_object(c->oauth2, "oauth2", e);
}

weir_rc spec_check(const weir_connector *c, err *e)
{
    if (c->abi != WEIR_ABI)
        return err_fail(e, WEIR_E_BUG, "connector: made for version %u of weir.h's layout, this library has version %u",
                        (unsigned)c->abi, WEIR_ABI);
    if (!c->name || !*c->name)
        return slip(e, "connector: it has no name");
    return err_wrap(e, check_parts(c, e), "connector '%s'", c->name);
}
