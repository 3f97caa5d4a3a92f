#include "run/columns.h"

#include "base/map.h"
#include "json/pointer.h"
#include "json/schema.h"

typedef struct columns_maker {
    arena *arena;
    locations known;
    map by_pointer; /* location, by where it is */
    map places;     /* column, by where it is */
    map fields;     /* column, by its name */
    column_list *to;
} columns_maker;

static unsigned levels_of(weir_view pointer)
{
    unsigned n = 0;
    for (size_t i = 0; i < pointer.len; i++)
        n += pointer.ptr[i] == '/';
    return n;
}

static void put(columns_maker *m, map *to, weir_view key, const void *value)
{
    m->arena->failed |= !map_put(to, key, (void *)(uintptr_t)value);
}

/* The tokens of a pointer joined with slashes. */
static weir_view field_of(arena *a, weir_view pointer)
{
    weir_view *tokens;
    size_t count;
    buf text = {0};
    if (!pointer_split(a, pointer, &tokens, &count))
        return pointer;
    for (size_t i = 0; i < count; i++) {
        if (i)
            buf_addc(&text, '/');
        buf_addv(&text, tokens[i]);
    }
    a->failed |= !buf_ok(&text);
    weir_view field = arena_dup(a, buf_view(&text));
    buf_free(&text);
    return field;
}

/* Adds a column for a place, unless there is one. */
static weir_column *add(columns_maker *m, weir_view pointer, weir_view field)
{
    weir_column *had = map_get(&m->places, pointer);
    if (had)
        return had;
    const location *at = map_get(&m->by_pointer, pointer);
    weir_column *c = &m->to->columns[m->to->count++];
    if (map_get(&m->fields, field)) /* the key /a/b beside a property called a/b */
        field = pointer;
    *c = (weir_column){.field = field, .pointer = pointer};
    if (at) {
        c->types = at->types;
        c->format = at->format;
        c->encoding = at->encoding;
        c->description = at->title.len ? at->title : at->description;
    }
    put(m, &m->places, pointer, c);
    put(m, &m->fields, field, c);
    return c;
}

static void add_keys(columns_maker *m, const weir_view *key, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        weir_column *c = add(m, key[i], field_of(m->arena, key[i]));
        c->key = c->required = true;
        c->types &= ~(unsigned)WEIR_IS_NULL;
    }
    m->to->keys = m->to->count;
}

static void add_extras(columns_maker *m, const load_extra *extras, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        buf pointer = {0};
        pointer_push(&pointer, extras[i].field);
        weir_view place = arena_dup(m->arena, buf_view(&pointer));
        m->arena->failed |= !buf_ok(&pointer);
        buf_free(&pointer);
        weir_column *c = add(m, place, arena_dup(m->arena, extras[i].field));
        m->to->extras[i] = c->key ? SIZE_MAX : (size_t)(c - m->to->columns);
        if (c->key)
            continue;
        bool described = map_get(&m->by_pointer, place) != NULL;
        c->types = described && !c->types ? 0 : c->types | extras[i].types;
        if (!described)
            c->format = arena_dup(m->arena, extras[i].format);
        else if (!view_eq(c->format, extras[i].format))
            c->format = (weir_view){0};
    }
}

static void add_properties(columns_maker *m)
{
    for (size_t i = 0; i < m->known.count; i++)
        if (levels_of(m->known.items[i].pointer) == 1)
            add(m, m->known.items[i].pointer, m->known.items[i].field);
}

weir_rc columns_of_stream(arena *a, const columns_spec *spec, column_list *ret, err *e)
{
    columns_maker m = {.arena = a, .to = ret};
    unsigned depth = levels_of(spec->more) > 1 ? levels_of(spec->more) : 1;
    for (size_t i = 0; i < spec->key_count; i++)
        depth = levels_of(spec->key[i]) > depth ? levels_of(spec->key[i]) : depth;
    weir_rc rc = schema_locations(a, spec->schema, NULL, depth, &m.known, e);
    if (rc)
        return rc;
    *ret = (column_list){.columns = arena_array(a, spec->key_count + spec->extra_count + m.known.count + 1, sizeof *ret->columns),
                         .extras = arena_array(a, spec->extra_count, sizeof *ret->extras)};
    for (size_t i = 0; !a->failed && i < m.known.count; i++)
        put(&m, &m.by_pointer, m.known.items[i].pointer, &m.known.items[i]);
    if (!a->failed) {
        add_keys(&m, spec->key, spec->key_count);
        add_extras(&m, spec->extras, spec->extra_count);
        add_properties(&m);
        if (spec->more.len)
            add(&m, spec->more, field_of(a, spec->more));
    }
    map_free(&m.by_pointer);
    map_free(&m.places);
    map_free(&m.fields);
    return a->failed ? err_nomem(e) : WEIR_OK;
}
