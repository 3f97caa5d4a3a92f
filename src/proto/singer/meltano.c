/* A plugin definition as Meltano's hub keeps them: YAML whose texts are JSON strings, which YAML takes as they are. */
#include <ctype.h>

#include "json/write.h"
#include "model/spec.h"
#include "proto/singer/about.h"

static void put_text(buf *out, const char *name, weir_view text)
{
    buf_printf(out, "%s: ", name);
    json_quote_lossy(out, text);
    buf_addc(out, '\n');
}

/* `tap-my-files` -> `My Files` */
static void put_label(buf *out, weir_view name)
{
    bool begins = true;
    const char *dash = memchr(name.ptr, '-', name.len);
    name = dash ? view_from(name, (size_t)(dash - name.ptr) + 1) : name;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i] == '-' || name.ptr[i] == '_' ? ' ' : name.ptr[i];
        buf_addc(out, begins ? (char)toupper((unsigned char)c) : c);
        begins = c == ' ';
    }
}

static weir_view type_of(const tree *setting)
{
    const tree *type = tree_get(setting, "type");
    if (!type || type->kind == TREE_STRING)
        return type ? type->text : VIEW("object");
    for (const tree *c = type->first; c; c = c->next)
        if (!view_is(c->text, "null"))
            return c->text;
    return VIEW("object");
}

static const char *kind_of(const tree *setting)
{
    static const struct {
        const char *type, *kind;
    } kinds[] = {{"integer", "integer"}, {"number", "decimal"}, {"boolean", "boolean"}, {"array", "array"}, {"object", "object"}};
    const weir_view type = type_of(setting), format = tree_text(setting, "format");
    if (tree_get(setting, "enum"))
        return "options";
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (view_is(type, kinds[i].type))
            return kinds[i].kind;
    return view_is(format, "date-time") || view_is(format, "date") ? "date_iso8601" : "string";
}

static void put_options(buf *out, const tree *values)
{
    buf_adds(out, "  options:\n");
    for (const tree *c = values->first; c; c = c->next) {
        buf_adds(out, "  - label: ");
        json_quote_lossy(out, c->kind == TREE_STRING ? c->text : c->raw);
        buf_adds(out, "\n    value: ");
        tree_write(out, c);
        buf_addc(out, '\n');
    }
}

static void put_settings(buf *out, const tree *schema, buf *path, bool optional);

static bool is_required(const tree *schema, weir_view name)
{
    const tree *required = tree_get(schema, "required");
    for (const tree *c = required ? required->first : NULL; c; c = c->next)
        if (view_eq(c->text, name))
            return true;
    return false;
}

/* Objects become their members, named with dots, as Meltano does. Meltano passes defaults on: those of the members of an optional object would make it
 * present. */
static void put_setting(buf *out, const tree *setting, buf *path, bool optional)
{
    const tree *fallback = tree_get(setting, "default"), *values = tree_get(setting, "enum");
    if (tree_get(setting, "properties")) {
        put_settings(out, setting, path, optional);
        return;
    }
    put_text(out, "- name", buf_view(path));
    if (tree_text(setting, "title").len)
        put_text(out, "  label", tree_text(setting, "title"));
    buf_printf(out, "  kind: %s\n", kind_of(setting));
    if (tree_text(setting, "description").len)
        put_text(out, "  description", tree_text(setting, "description"));
    if (fallback && !optional) {
        buf_adds(out, "  value: ");
        tree_write(out, fallback);
        buf_addc(out, '\n');
    }
    if (values)
        put_options(out, values);
    if (tree_get(setting, "writeOnly"))
        buf_adds(out, "  sensitive: true\n");
}

static void put_settings(buf *out, const tree *schema, buf *path, bool optional)
{
    const tree *properties = tree_get(schema, "properties");
    const size_t len = path->len;
    for (const tree *p = properties ? properties->first : NULL; p; p = p->next) {
        buf_adds(path, len ? "." : "");
        buf_addv(path, p->name);
        put_setting(out, p, path, optional || (tree_get(p, "properties") && !is_required(schema, p->name)));
        path->len = len;
    }
}

/* The one group of settings that makes it work: those that are required, down to the members of required objects. */
static size_t put_group(buf *out, const tree *schema, buf *path)
{
    const tree *required = tree_get(schema, "required");
    const size_t len = path->len;
    size_t n = 0;
    for (const tree *c = required ? required->first : NULL; c; c = c->next) {
        const tree *p = tree_getv(tree_get(schema, "properties"), c->text);
        buf_adds(path, len ? "." : "");
        buf_addv(path, c->text);
        size_t inside = p && tree_get(p, "properties") ? put_group(out, p, path) : 0;
        if (!inside) {
            buf_adds(out, n ? "  - " : len ? "  - " : "- - ");
            json_quote_lossy(out, buf_view(path));
            buf_addc(out, '\n');
        }
        n += inside ? inside : 1;
        path->len = len;
    }
    return n;
}

static void put_groups(buf *out, const tree *settings, buf *path)
{
    buf group = {0};
    buf_adds(out, "settings_group_validation:\n");
    if (put_group(&group, settings, path) && group.len > 2)
        memcpy(group.ptr, "- ", 2);
    else
        buf_adds(&group, "- []\n");
    buf_addv(out, buf_view(&group));
    out->failed |= group.failed;
    buf_free(&group);
}

static void put_head(const singer_about *about, buf *out)
{
    buf text = {0};
    put_text(out, "name", view_of(about->name));
    for (const char *p = about->name; *p; p++)
        buf_addc(&text, *p == '-' ? '_' : *p);
    put_text(out, "namespace", buf_view(&text));
    buf_adds(out, "variant: weir\n");
    buf_clear(&text);
    put_label(&text, view_of(about->name));
    put_text(out, "label", buf_view(&text));
    if (about->c->title)
        put_text(out, "description", view_of(about->c->title));
    buf_clear(&text);
    spec_docs_url(about->c, &text);
    put_text(out, "docs", buf_view(&text));
    put_text(out, "executable", view_of(about->name));
    buf_adds(out, "capabilities:\n");
    for (const char *const *c = about->side->capabilities; *c; c++)
        buf_printf(out, "- %s\n", *c);
    out->failed |= text.failed;
    buf_free(&text);
}

weir_rc singer_meltano_write(const singer_about *about, buf *out, err *e)
{
    arena a = {0};
    buf text = {0}, path = {0};
    tree *settings;
    weir_rc rc = singer_settings_schema(about, &text, e);
    if (!rc)
        rc = tree_parse(&a, buf_view(&text), NULL, WEIR_E_BUG, &settings, e);
    if (!rc) {
        put_head(about, out);
        put_groups(out, settings, &path);
        buf_adds(out, "settings:\n");
        put_settings(out, settings, &path, false);
        rc = buf_ok(out) && buf_ok(&path) ? WEIR_OK : err_nomem(e);
    }
    buf_free(&text);
    buf_free(&path);
    arena_free(&a);
    return rc;
}
