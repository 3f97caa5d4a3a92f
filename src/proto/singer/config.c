#include "proto/singer/config.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/io.h"
#include "json/number.h"
#include "json/scan.h"
#include "json/text.h"
#include "run/stop.h"

enum { MOST_BYTES = 256 << 20 }; /* of a config, catalog or state */

/* ------------------------------------------------------------------------------------------------------------------ files -- */

static weir_rc read_standard_input(buf *out, err *e)
{
    while (buf_reserve(out, 64 * 1024) && out->len <= MOST_BYTES) {
        ssize_t n = read(0, out->ptr + out->len, 64 * 1024);
        if (n == 0)
            return WEIR_OK;
        if (n < 0 && errno != EINTR)
            return err_errno(e, errno, "read standard input");
        out->len += n < 0 ? 0 : (size_t)n;
    }
    return out->failed ? err_nomem(e) : err_fail(e, WEIR_E_CONFIG, "standard input has more than %d MiB", MOST_BYTES >> 20);
}

weir_rc singer_read_json(arena *a, const char *path, tree **ret, err *e)
{
    const bool standard = strcmp(path, "-") == 0;
    buf text = {0};
    weir_rc rc = standard ? read_standard_input(&text, e) : stop_read_file(path, MOST_BYTES, &text, e);
    weir_view kept = rc ? (weir_view){0} : arena_dup(a, buf_view(&text));
    buf_wipe(&text);
    if (rc)
        return rc == WEIR_E_REMOTE ? e->rc = WEIR_E_CONFIG : rc;
    if (!kept.ptr)
        return err_nomem(e);
    return tree_parse(a, kept, standard ? "standard input" : path, WEIR_E_CONFIG, ret, e);
}

/* Adds a member, in the place of one of that name if there is one. */
static bool put(arena *a, tree *object, const tree *member)
{
    tree *node = arena_alloc(a, sizeof *node);
    if (!node)
        return false;
    *node = *member;
    for (tree **at = &object->first; *at; at = &(*at)->next)
        if (view_eq((*at)->name, member->name)) {
            node->next = (*at)->next;
            if (object->last == *at)
                object->last = node;
            *at = node;
            return true;
        }
    node->next = NULL;
    *(object->last ? &object->last->next : &object->first) = node;
    object->last = node;
    object->count++;
    return true;
}

static weir_rc add_file(arena *a, tree *all, const char *path, err *e)
{
    tree *file;
    weir_rc rc = singer_read_json(a, path, &file, e);
    if (!rc && file->kind != TREE_OBJECT)
        rc = err_fail(e, WEIR_E_CONFIG, "%s: %s instead of an object of settings", path, tree_kind_name(file->kind));
    for (const tree *m = rc ? NULL : file->first; m && !rc; m = m->next)
        rc = put(a, all, m) ? WEIR_OK : err_nomem(e);
    return err_wrap(e, rc, "config");
}

/* ------------------------------------------------------------------------------------------------------------ environment -- */

void singer_variable(const char *name, weir_view setting, buf *out)
{
    for (const char *p = name; *p; p++)
        buf_addc(out, *p == '-' ? '_' : (char)toupper((unsigned char)*p));
    buf_addc(out, '_');
    for (size_t i = 0; i < setting.len; i++)
        buf_addc(out, setting.ptr[i] == '-' ? '_' : (char)toupper((unsigned char)setting.ptr[i]));
}

/* KEY=VALUE, `export` before it, quotes around the value, # comments: what there is wins over it. */
static bool set_line(weir_view line)
{
    char *copy = strndup(line.len ? line.ptr : "", line.len), *name = copy;
    if (!copy)
        return false;
    name += strspn(name, " \t");
    if (strncmp(name, "export ", 7) == 0)
        name += 7 + strspn(name + 7, " \t");
    char *equals = *name == '#' ? NULL : strchr(name, '=');
    if (equals) {
        char *value = equals + 1 + strspn(equals + 1, " \t"), *end;
        char quote = *value == '"' || *value == '\'' ? *value : 0;
        end = quote ? strchr(value + 1, quote) : strstr(value, " #");
        if (quote && end)
            value++;
        end = end ? end : value + strlen(value);
        while (!quote && end > value && isspace((unsigned char)end[-1]))
            end--;
        *end = *equals = '\0';
        name[strcspn(name, " \t")] = '\0';
        if (*name)
            setenv(name, value, 0);
    }
    free(copy);
    return true;
}

/* The first .env in this folder or those above it. */
static weir_rc load_dotenv(err *e)
{
    buf text = {0};
    weir_rc rc = WEIR_OK;
    char *folder = getcwd(NULL, 0);
    for (char *end = folder ? folder + strlen(folder) : NULL; end; end = end == folder ? NULL : strrchr(folder, '/')) {
        buf path = {0};
        *end = '\0';
        buf_printf(&path, "%s/.env", folder);
        bool there = buf_ok(&path) && access(buf_text(&path), F_OK) == 0;
        if (there)
            rc = io_read_file(buf_text(&path), MOST_BYTES, &text, e);
        buf_free(&path);
        if (there)
            break;
    }
    free(folder);
    for (weir_view rest = buf_view(&text); !rc && rest.len;) {
        const char *nl = memchr(rest.ptr, '\n', rest.len);
        weir_view line = {rest.ptr, nl ? (size_t)(nl - rest.ptr) : rest.len};
        rest = view_from(rest, line.len + 1);
        rc = set_line(view_ends(line, VIEW("\r")) ? (weir_view){line.ptr, line.len - 1} : line) ? WEIR_OK : err_nomem(e);
    }
    buf_wipe(&text);
    return rc;
}

static bool schema_is(const tree *schema, const char *type)
{
    const tree *t = tree_get(schema, "type");
    if (t && t->kind == TREE_STRING)
        return view_is(t->text, type);
    for (const tree *c = t ? t->first : NULL; c; c = c->next)
        if (c->kind == TREE_STRING && view_is(c->text, type))
            return true;
    return false;
}

static void quote_list(weir_view text, buf *out)
{
    buf_addc(out, '[');
    for (bool next = false; text.len || !next; next = true) {
        const char *comma = text.len ? memchr(text.ptr, ',', text.len) : NULL;
        weir_view item = {text.ptr, comma ? (size_t)(comma - text.ptr) : text.len};
        if (!next && !text.len)
            break;
        buf_adds(out, next ? "," : "");
        json_quote_lossy(out, item);
        text = view_from(text, item.len + 1);
    }
    buf_addc(out, ']');
}

/* A variable's text as JSON, by the type of its setting (singer.md 4). What does not fit is left as a string: whoever checks the settings says so. */
static void value_of(const tree *schema, weir_view text, buf *out)
{
    static const char *const truths[] = {"true", "1", "yes", "on"};
    const bool list = schema_is(schema, "array");
    bool truth = false;
    for (size_t i = 0; i < sizeof truths / sizeof *truths; i++)
        truth |= text.len == strlen(truths[i]) && strncasecmp(text.ptr, truths[i], text.len) == 0;
    if (schema_is(schema, "boolean"))
        buf_adds(out, truth ? "true" : "false");
    else if ((schema_is(schema, "integer") || schema_is(schema, "number")) && number_is(text))
        buf_addv(out, text);
    else if ((list || schema_is(schema, "object")) && json_check(text, NULL, NULL))
        buf_addv(out, text);
    else if (list && schema_is(tree_get(schema, "items"), "string"))
        quote_list(text, out);
    else if (!tree_get(schema, "type") && !tree_get(schema, "oneOf") && !tree_get(schema, "anyOf") && json_check(text, NULL, NULL))
        buf_addv(out, text);
    else
        json_quote_lossy(out, text);
}

static weir_rc add_variable(arena *a, tree *all, const char *name, const tree *property, err *e)
{
    buf variable = {0}, json = {0};
    weir_rc rc = WEIR_OK;
    singer_variable(name, property->name, &variable);
    const char *text = buf_ok(&variable) ? getenv(buf_text(&variable)) : NULL;
    if (text) {
        value_of(property, view_of(text), &json);
        weir_view kept = arena_dup(a, buf_view(&json));
        char *mark = arena_text(a, buf_view(&variable));
        tree *value = NULL;
        rc = kept.ptr && mark && buf_ok(&json) ? tree_parse(a, kept, mark, WEIR_E_CONFIG, &value, e) : err_nomem(e);
        if (!rc) {
            value->name = property->name;
            rc = put(a, all, value) ? WEIR_OK : err_nomem(e);
        }
    }
    if (!buf_ok(&variable))
        rc = err_nomem(e);
    buf_free(&variable);
    buf_wipe(&json);
    return rc;
}

static weir_rc add_variables(arena *a, tree *all, const char *name, const tree *schema, err *e)
{
    weir_rc rc = WEIR_OK;
    const tree *properties = tree_get(schema, "properties");
    for (const tree *p = properties ? properties->first : NULL; p && !rc; p = p->next)
        rc = add_variable(a, all, name, p, e);
    return rc;
}

static weir_rc side_schema(arena *a, const singer_side *side, tree **ret, err *e)
{
    buf text = {0};
    fields_schema(side->fields, NULL, &text);
    weir_view kept = buf_ok(&text) ? arena_dup(a, buf_view(&text)) : (weir_view){0};
    buf_free(&text);
    return kept.ptr ? tree_parse(a, kept, NULL, WEIR_E_BUG, ret, e) : err_nomem(e);
}

/* ---------------------------------------------------------------------------------------------------------------- reading -- */

static bool is_refused(const singer_side *side, weir_view name)
{
    for (const struct singer_refusal *r = side->refused; r->name; r++)
        if (view_is(name, r->name))
            return true;
    return false;
}

/* Whose is it? The connector's own settings come first; what nobody knows is left to it, to be complained about. */
static weir_rc split(singer_config *c, arena *a, const tree *all, const tree *schema, const tree *general, const singer_side *side, err *e)
{
    const tree *own = tree_get(schema, "properties"), *known = tree_get(general, "properties");
    c->own = arena_alloc(a, sizeof *c->own);
    c->settings = arena_alloc(a, sizeof *c->settings);
    if (!c->own || !c->settings)
        return err_nomem(e);
    c->own->kind = c->settings->kind = TREE_OBJECT;
    for (const tree *m = all->first; m; m = m->next) {
        bool mine = !tree_getv(own, m->name) && (tree_getv(known, m->name) || is_refused(side, m->name));
        if (!put(a, mine ? c->settings : c->own, m))
            return err_nomem(e);
    }
    return WEIR_OK;
}

weir_rc singer_config_read(singer_config *ret, arena *a, const singer_args *args, const char *name, const tree *schema, const singer_side *side, err *e)
{
    tree all = {.kind = TREE_OBJECT}, *general;
    bool environment = false;
    weir_rc rc = side_schema(a, side, &general, e);
    *ret = (singer_config){.path = args->config_count == 1 ? args->configs[0] : NULL};
    for (size_t i = 0; i < args->config_count && !rc; i++) {
        if (strcmp(args->configs[i], "ENV") == 0)
            environment = true;
        else
            rc = add_file(a, &all, args->configs[i], e);
    }
    if (environment) {
        rc = rc ? rc : load_dotenv(e);
        rc = rc ? rc : add_variables(a, &all, name, general, e);
        rc = rc ? rc : add_variables(a, &all, name, schema, e);
    }
    if (environment || (ret->path && strcmp(ret->path, "-") == 0))
        ret->path = NULL;
    return rc ? rc : split(ret, a, &all, schema, general, side, e);
}

static bool asks_for_nothing(const tree *t)
{
    return t->kind == TREE_NULL || (t->kind == TREE_BOOL && !t->boolean) || (t->kind == TREE_OBJECT && !t->first);
}

weir_rc singer_settings_parse(const singer_side *side, const tree *settings, void *out, arena *a, err *e)
{
    buf problems = {0};
    tree rest = {.kind = TREE_OBJECT};
    weir_rc rc = WEIR_OK;
    for (const tree *m = settings->first; m && !rc; m = m->next) {
        const struct singer_refusal *r = side->refused;
        while (r->name && !view_is(m->name, r->name))
            r++;
        if (!r->name)
            rc = put(a, &rest, m) ? WEIR_OK : err_nomem(e);
        else if (!asks_for_nothing(m)) {
            buf_adds(&problems, problems.len ? "\n" : "");
            tree_where(&problems, m->mark);
            buf_printf(&problems, "/%s: %s", r->name, r->why);
        }
    }
    if (!rc)
        rc = fields_parse(side->fields, &rest, "config", out, a, e);
    if (problems.len && (!rc || rc == WEIR_E_CONFIG)) {
        if (rc)
            buf_printf(&problems, "\n%s", err_text(e));
        rc = buf_ok(&problems) ? err_fail(e, WEIR_E_CONFIG, "%s", buf_text(&problems)) : err_nomem(e);
    }
    buf_free(&problems);
    return rc;
}
