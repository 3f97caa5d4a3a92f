#include "run/meaning.h"

#include "json/pointer.h"
#include "json/write.h"
#include "model/state.h"

/* The setting of a resource that is marked so; with a schema instead of a table, the property. NULL: there is none. */
static const char *marked_setting(const weir_connector *c, const tree *schema, unsigned flag, const char *keyword)
{
    for (const weir_field *f = c->resource; f && f->name; f++)
        if (f->flags & flag)
            return f->name;
    const tree *properties = tree_get(schema, "properties");
    for (const tree *p = properties ? properties->first : NULL; p; p = p->next) {
        const tree *mark = tree_get(p, keyword);
        if (mark && mark->kind == TREE_BOOL && mark->boolean)
            return p->name.ptr;
    }
    return NULL;
}

/* The first of the settings that identify a resource. */
static const char *first_setting(arena *a, const weir_connector *c)
{
    buf pointers = {0};
    weir_view *texts, *tokens;
    size_t count, parts;
    const char *name = NULL;
    spec_path_pointers(c, &pointers);
    if (buf_ok(&pointers) && pointer_list(a, buf_view(&pointers), &texts, &count) && count &&
        pointer_split(a, texts[0], &tokens, &parts) && parts == 1)
        name = arena_text(a, tokens[0]);
    buf_free(&pointers);
    return name;
}

static weir_rc make_resource(const weir_connector *c, arena *a, const load_stream_spec *spec, weir_view *ret, err *e)
{
    tree *schema = NULL;
    buf text = {0};
    json_out w = json_out_to(&text);
    if (spec->resource.len) {
        *ret = arena_dup(a, spec->resource);
        return ret->ptr ? WEIR_OK : err_nomem(e);
    }
    if (!c->resource && c->resource_schema.len) {
        weir_rc rc = tree_parse(a, c->resource_schema, NULL, WEIR_E_PROTOCOL, &schema, e);
        if (rc)
            return rc;
    }
    const char *name = marked_setting(c, schema, WEIR_COLLECTION_NAME, "x-collection-name"),
               *space = marked_setting(c, schema, WEIR_SCHEMA_NAME, "x-schema-name");
    name = name ? name : first_setting(a, c);
    weir_view full = spec->name_space.len && !space ? arena_printf(a, "%.*s__%.*s", VIEW_ARG(spec->name_space), VIEW_ARG(spec->name)) : spec->name;
    out_open(&w, '{');
    if (name)
        out_text(out_name(&w, name), full);
    if (space && spec->name_space.len)
        out_text(out_name(&w, space), spec->name_space);
    out_close(&w, '}');
    *ret = arena_dup(a, buf_view(&text));
    bool ok = buf_ok(&text) && !a->failed;
    buf_free(&text);
    return ok ? WEIR_OK : err_nomem(e);
}

static weir_rc set_path(meaning *m, weir_view path, err *e)
{
    buf key = {0};
    weir_rc rc = WEIR_OK;
    if (!state_key(&key, path, 0))
        rc = buf_ok(&key) ? err_fail(e, WEIR_E_BUG, "resource path %.*s is no list of strings", VIEW_ARG(path)) : err_nomem(e);
    m->path = arena_dup(&m->arena, path);
    m->state_key = arena_dup(&m->arena, buf_view(&key));
    buf_free(&key);
    return rc ? rc : m->arena.failed ? err_nomem(e) : WEIR_OK;
}

weir_rc meaning_set_path(meaning *m, weir_view path, weir_binding *b, err *e)
{
    weir_rc rc = set_path(m, path, e);
    b->resource_path = m->path;
    b->state_key = m->state_key;
    return rc;
}

/* All texts of a resource. */
static void whole_path(const tree *resource, buf *out)
{
    json_out w = json_out_to(out);
    out_open(&w, '[');
    for (const tree *t = resource->first; t; t = t->next)
        if (t->kind == TREE_STRING)
            out_text(&w, t->text);
    out_close(&w, ']');
}

static weir_rc make_path(const weir_connector *c, meaning *m, err *e)
{
    buf text = {0};
    tree *resource;
    weir_rc rc = tree_parse(&m->arena, m->resource, NULL, WEIR_E_CONFIG, &resource, e);
    m->resource_tree = rc ? NULL : resource;
    spec_path_pointers(c, &text);
    const bool says = !view_is(buf_view(&text), "[]"); /* otherwise validate() does (flow.md 5.2), and until then all its settings do */
    buf_clear(&text);
    if (!rc && says)
        rc = spec_resource_path(c, resource, &text, e);
    else if (!rc)
        whole_path(resource, &text);
    if (!rc)
        rc = set_path(m, buf_view(&text), e);
    buf_free(&text);
    return rc;
}

static weir_column *column_at(const meaning *m, weir_view pointer)
{
    for (size_t i = 0; i < m->columns.count; i++)
        if (view_eq(m->columns.columns[i].pointer, pointer))
            return &m->columns.columns[i];
    return NULL;
}

static weir_rc make_columns(meaning *m, const load_stream_spec *spec, bool keyed, err *e)
{
    tree *schema;
    weir_view *key = NULL;
    size_t parts = 0;
    weir_rc rc = tree_parse(&m->arena, m->schema, NULL, WEIR_E_CONFIG, &schema, e);
    if (rc)
        return err_wrap(e, rc, "schema");
    if (keyed && !pointer_list(&m->arena, m->key, &key, &parts))
        return m->arena.failed ? err_nomem(e) : err_fail(e, WEIR_E_CONFIG, "its key is no list of texts: %.*s", VIEW_ARG(m->key));
    for (size_t i = 0; i < parts; i++)
        if (!pointer_valid(key[i]) || !key[i].len)
            return err_fail(e, WEIR_E_CONFIG, "part of its key is no JSON pointer: \"%.*s\"", VIEW_ARG(key[i]));
    const columns_spec what = {
        .schema = schema, .key = key, .key_count = parts, .extras = spec->extras, .extra_count = spec->extra_count, .more = m->cursor,
    };
    if (m->cursor.len && !pointer_valid(m->cursor))
        return err_fail(e, WEIR_E_CONFIG, "its cursor is no JSON pointer: \"%.*s\"", VIEW_ARG(m->cursor));
    rc = columns_of_stream(&m->arena, &what, &m->columns, e);
    const weir_column *cursor = rc ? NULL : column_at(m, m->cursor);
    if (cursor && cursor->encoding.len) /* bytes: their text tells no order */
        m->cursor = m->epoch = (weir_view){0};
    return err_wrap(e, rc, "schema");
}

weir_rc meaning_make(meaning *m, const weir_connector *c, const load_stream_spec *spec, err *e)
{
    arena *a = &m->arena;
    m->name = spec->name_space.len ? arena_printf(a, "%.*s/%.*s", VIEW_ARG(spec->name_space), VIEW_ARG(spec->name)) : arena_dup(a, spec->name);
    m->schema = arena_dup(a, spec->schema.len ? spec->schema : VIEW("{}"));
    m->key = arena_dup(a, spec->key.len ? spec->key : VIEW("[]"));
    m->deleted = arena_dup(a, spec->deleted);
    m->cursor = arena_dup(a, spec->append ? VIEW("") : spec->cursor);
    m->epoch = arena_dup(a, m->cursor.len ? spec->epoch : VIEW(""));
    m->extra_count = spec->extra_count;
    if (a->failed)
        return err_nomem(e);
    weir_rc rc = make_resource(c, a, spec, &m->resource, e);
    if (!rc)
        rc = make_path(c, m, e);
    return rc ? rc : make_columns(m, spec, !spec->append, e);
}

weir_binding meaning_binding(const meaning *m, const void *resource)
{
    return (weir_binding){
        .name = m->name, .schema = m->schema, .key = m->key, .resource = resource, .resource_json = m->resource, .resource_path = m->path,
        .state_key = m->state_key, .columns = m->columns.columns, .column_count = m->columns.count, .key_count = m->columns.keys,
        .cursor = m->cursor, .epoch = m->epoch, .delta_updates = m->columns.keys == 0, .pushed = true,
    };
}

static bool has_field(const meaning *m, weir_view field)
{
    for (size_t i = 0; i < m->columns.count; i++)
        if (view_eq(m->columns.columns[i].field, field))
            return true;
    return false;
}

static void widen(weir_column *c, const weir_column *former)
{
    c->types = c->types && former->types ? c->types | former->types : 0;
    if (c->key)
        c->types &= ~(unsigned)WEIR_IS_NULL;
    if (!view_eq(c->format, former->format))
        c->format = (weir_view){0};
    if (!view_eq(c->encoding, former->encoding))
        c->encoding = (weir_view){0};
}

weir_rc meaning_grow(meaning *m, const meaning *former, err *e)
{
    const column_list *had = &former->columns;
    weir_column *all = arena_array(&m->arena, m->columns.count + had->count, sizeof *all);
    if (!all)
        return err_nomem(e);
    if (m->columns.count)
        memcpy(all, m->columns.columns, m->columns.count * sizeof *all);
    m->columns.columns = all;
    for (size_t i = 0; i < had->count; i++) {
        const weir_column *c = &had->columns[i];
        weir_column *now = column_at(m, c->pointer);
        if (now) {
            widen(now, c);
            continue;
        }
        weir_view pointer = arena_dup(&m->arena, c->pointer);
        all[m->columns.count++] = (weir_column){
            .field = has_field(m, c->field) ? pointer : arena_dup(&m->arena, c->field), .pointer = pointer, .types = c->types,
            .format = arena_dup(&m->arena, c->format), .encoding = arena_dup(&m->arena, c->encoding),
            .description = arena_dup(&m->arena, c->description),
        };
    }
    return m->arena.failed ? err_nomem(e) : WEIR_OK;
}

static bool same_extras(const meaning *a, const meaning *b)
{
    for (size_t i = 0; i < a->extra_count; i++) {
        size_t x = a->columns.extras[i], y = b->columns.extras[i];
        if ((x == SIZE_MAX) != (y == SIZE_MAX) || (x != SIZE_MAX && !view_eq(a->columns.columns[x].pointer, b->columns.columns[y].pointer)))
            return false;
    }
    return true;
}

bool meaning_same(const meaning *m, const meaning *former)
{
    if (m->columns.count != former->columns.count || m->columns.keys != former->columns.keys || m->extra_count != former->extra_count ||
        !view_eq(m->resource, former->resource) || !view_eq(m->deleted, former->deleted) ||
        !view_eq(m->cursor, former->cursor) || !view_eq(m->epoch, former->epoch) || !same_extras(m, former))
        return false;
    for (size_t i = 0; i < m->columns.count; i++) {
        const weir_column *c = &m->columns.columns[i], *f = column_at(former, c->pointer);
        if (!f || c->types != f->types || c->key != f->key || !view_eq(c->format, f->format) || !view_eq(c->encoding, f->encoding) ||
            (c->key && f != &former->columns.columns[i]))
            return false;
    }
    return true;
}

/* Where the column of that place is now; SIZE_MAX: it is no more. */
static size_t place_of(const weir_binding *b, weir_view pointer)
{
    for (size_t i = 0; i < b->column_count; i++)
        if (view_eq(b->columns[i].pointer, pointer))
            return i;
    return SIZE_MAX;
}

weir_rc meaning_obey(meaning *m, weir_binding *b, err *e)
{
    const column_list had = m->columns;
    if (!m->demands.columns && !m->demands.document.need)
        return WEIR_OK;
    weir_rc rc = demands_obey(&m->demands, &m->arena, b, e);
    m->demands = (demands){0};
    for (size_t i = 0; i < m->extra_count && !rc; i++)
        if (had.extras[i] != SIZE_MAX)
            had.extras[i] = place_of(b, had.columns[had.extras[i]].pointer);
    m->columns.columns = (weir_column *)(uintptr_t)b->columns;
    m->columns.count = b->column_count;
    return rc ? rc : combine_repick(m->combine, e);
}

weir_rc meaning_combine(meaning *m, const weir_binding *b, bool whole, const char *what, err *e)
{
    const combine_options o = {
        .b = b, .whole = whole, .extras = m->columns.extras, .extra_count = m->extra_count, .what = what,
        .deleted = b->key_count && !whole ? m->deleted : (weir_view){0},
    };
    return combine_make(&m->combine, &o, e);
}

void meaning_free(meaning *m)
{
    combine_free(m->combine);
    arena_free(&m->arena);
}
