/* Learning from documents. From schemas, and back to them: infer_schema.c. */
#include "json/infer_node.h"

#include <stdlib.h>

#include "json/number.h"
#include "json/text.h"

shape *shape_new(void)
{
    return calloc(1, sizeof(shape));
}

void shape_free(shape *s)
{
    if (!s)
        return;
    for (node *n = s->mapped; n; n = n->mapped)
        map_free(&n->names);
    buf_free(&s->name);
    arena_free(&s->arena);
    free(s);
}

/* --------------------------------------------------------------------------------------------------------------- nodes -- */

enum { FEW = 8 };

member *node_member(const node *n, weir_view name)
{
    if (n->names.count)
        return map_get(&n->names, name);
    for (member *m = n->members; m; m = m->next)
        if (view_eq(m->name, name))
            return m;
    return NULL;
}

/* Members get a map once they are many. */
static bool enter_names(shape *s, node *n, member *added)
{
    if (n->names.count)
        return map_put(&n->names, added->name, added);
    if (n->count <= FEW)
        return true;
    if (!n->listed) {
        n->mapped = s->mapped;
        s->mapped = n;
        n->listed = true;
    }
    bool good = true;
    for (member *m = n->members; m && good; m = m->next)
        good = map_put(&n->names, m->name, m);
    return good;
}

void node_rename(shape *s, node *n)
{
    map_free(&n->names);
    n->names = (map){0};
    if (n->members && !enter_names(s, n, n->members))
        s->arena.failed = true;
}

member *node_add(shape *s, node *n, weir_view name)
{
    if (s->members == SHAPE_TOTAL || name.len > SHAPE_NAME)
        return NULL;
    member *m = arena_alloc(&s->arena, sizeof *m);
    char *raw = arena_alloc(&s->arena, quick_name_room(name.len));
    weir_view copy = arena_dup(&s->arena, name);
    if (!copy.ptr)
        return NULL;
    m->name = copy;
    m->written.raw = raw;
    *(n->last ? &n->last->next : &n->members) = m;
    n->last = m;
    n->count++;
    s->members++;
    if (!enter_names(s, n, m))
        s->arena.failed = true;
    return m;
}

node *node_rest(shape *s, node *n)
{
    if (!n->rest)
        n->rest = arena_alloc(&s->arena, sizeof *n->rest);
    return n->rest;
}

node *node_items(shape *s, node *n)
{
    if (!n->items)
        n->items = arena_alloc(&s->arena, sizeof *n->items);
    return n->items;
}

bool node_relax(node *n, uint64_t round)
{
    size_t before = n->required;
    for (member *m = n->members; m; m = m->next)
        if (m->required && m->round != round) {
            m->required = false;
            n->required--;
        }
    return n->required != before;
}

/* ------------------------------------------------------------------------------------------------------------- learning -- */

typedef struct lesson {
    json_scan scan; /* for all that is not common; `at` is brought up to date before it is asked */
    shape *shape;
    bool widened;
} lesson;

static const char *learn(lesson *l, node *n, const char *at);

static inline void note(lesson *l, node *n, unsigned types)
{
    if (types & ~n->types) {
        n->types |= types;
        l->widened = true;
    }
}

static inline const char *skip_value(lesson *l, const char *at)
{
    const char *to = quick_scalar(at, l->scan.end);
    if (to)
        return to;
    l->scan.at = at;
    return json_skip(&l->scan, NULL) ? l->scan.at : NULL;
}

/* How a number is written tells what it is: 1.0 comes from somebody who has fractions. But it is an integer where integers are
 * expected. */
static const char *learn_number(lesson *l, node *n, const char *at)
{
    const char *end = l->scan.end, *from = at + (*at == '-'), *to = quick_digits(from, end);
    if (to > from && (*from != '0' || to == from + 1) && (to == end || (*to != '.' && (*to | 0x20) != 'e'))) {
        note(l, n, WEIR_IS_INTEGER);
        return to;
    }
    to = skip_value(l, at);
    if (to && !(n->types & WEIR_IS_NUMBER) &&
        !(n->types & WEIR_IS_INTEGER && number_is_integer((weir_view){at, (size_t)(to - at)})))
        note(l, n, WEIR_IS_INTEGER | WEIR_IS_NUMBER);
    return to;
}

static void learn_text(lesson *l, node *n, weir_view raw, bool escaped)
{
    if (!(n->types & WEIR_IS_STRING)) {
        note(l, n, WEIR_IS_STRING);
        n->format = escaped ? (weir_view){NULL, 0} : format_guess(raw);
        n->test = format_named(n->format);
        n->any_text = !n->format.len;
        n->any_code = true;
    } else if (!n->any_text && n->test && (escaped || !n->test(raw))) {
        n->any_text = true;
        l->widened = true;
    }
}

static const char *learn_string(lesson *l, node *n, const char *at)
{
    const char *end = l->scan.end, *to = quick_plain(at + 1, end);
    weir_view raw = {at + 1, (size_t)(to - at - 1)};
    bool escaped = false;
    if (to < end && *to == '"') {
        to++;
    } else {
        l->scan.at = at;
        if (!json_string(&l->scan, &raw, &escaped))
            return NULL;
        to = l->scan.at;
    }
    learn_text(l, n, raw, escaped);
    return to;
}

static void open_up(lesson *l, node *n)
{
    l->widened = l->widened || !n->open;
    n->open = true;
}

/* The member of that name, which becomes known if it is not yet; NULL if it is not followed. */
static member *find_member(lesson *l, node *n, json_key key, bool required)
{
    shape *s = l->shape;
    weir_view name = key.raw;
    if (key.escaped) {
        buf_clear(&s->name);
        if (!json_unquote(&s->name, key.raw)) {
            s->arena.failed = true;
            return NULL;
        }
        name = buf_view(&s->name);
    }
    member *m = node_member(n, name);
    if (!m && !n->open && !n->rest && l->scan.depth <= SHAPE_DEPTH) {
        m = node_add(s, n, name);
        if (m) {
            m->required = required;
            n->required += required;
            l->widened = true;
        }
    }
    if (!m && !n->rest && !s->arena.failed)
        open_up(l, n);
    if (m)
        quick_name_learn(&m->written, key.raw);
    return m;
}

/* Takes name and colon of a member that was not guessed. @return behind the colon, or NULL if malformed or without memory */
static __attribute__((noinline)) const char *take_name(lesson *l, node *n, const char *at, bool required, member **ret)
{
    json_key key;
    at = quick_member(&l->scan, at, &key);
    *ret = at ? find_member(l, n, key, required) : NULL;
    return l->shape->arena.failed ? NULL : at;
}

/* The member whose name is written at `at`, if it is the one that came next last time or, some being left out, one of those after
 * it. */
static inline member *guess_member(member *guess, const char *at, const char *end)
{
    enum { TRIES = 4 };
    for (int i = 0; guess && i < TRIES; i++, guess = guess->guess)
        if (quick_name_is(&guess->written, at, end))
            return guess;
    return NULL;
}

/* The members of an object. `at` is behind the opening brace; `first` if it is the first object here. */
static const char *learn_members(lesson *l, node *n, const char *at, bool first)
{
    const char *end = l->scan.end;
    uint64_t round = ++l->shape->rounds;
    size_t present = 0;            /* of those required */
    member *m, **next = &n->first; /* the guess */
    at = quick_space(at, end);
    for (bool done = at < end && *at == '}'; !done;) {
        m = guess_member(*next, at, end);
        if (m) {
            at += m->written.len + 1;
        } else {
            at = take_name(l, n, at, first, &m);
            *next = m ? m : *next;
        }
        if (!at || (at = quick_space(at, end)) == end)
            return NULL;
        if (m) {
            present += m->required && m->round != round;
            m->round = round;
            next = &m->guess;
        }
        at = m ? learn(l, &m->node, at) : n->rest ? learn(l, n->rest, at) : skip_value(l, at);
        if (!at || (at = quick_space(at, end)) == end)
            return NULL;
        done = *at == '}';
        if (!done && *at != ',')
            return NULL;
        at = done ? at : quick_space(at + 1, end);
    }
    if (present < n->required && node_relax(n, round))
        l->widened = true;
    return at + 1;
}

static const char *learn_object(lesson *l, node *n, const char *at)
{
    bool first = !(n->types & WEIR_IS_OBJECT);
    note(l, n, WEIR_IS_OBJECT);
    if (n->open && !n->count)
        return skip_value(l, at);
    l->scan.depth++;
    at = learn_members(l, n, at + 1, first);
    l->scan.depth--;
    return at;
}

static const char *learn_items(lesson *l, node *items, const char *at)
{
    const char *end = l->scan.end;
    at = quick_space(at, end);
    for (bool done = at < end && *at == ']'; !done;) {
        if (at == end || !(at = learn(l, items, at)) || (at = quick_space(at, end)) == end)
            return NULL;
        done = *at == ']';
        if (!done && *at != ',')
            return NULL;
        at = done ? at : quick_space(at + 1, end);
    }
    return at + 1;
}

static const char *learn_array(lesson *l, node *n, const char *at)
{
    note(l, n, WEIR_IS_ARRAY);
    if (!n->open_items && l->scan.depth >= SHAPE_DEPTH) {
        n->open_items = true;
        l->widened = true;
    }
    if (n->open_items)
        return skip_value(l, at);
    const char *inner = quick_space(at + 1, l->scan.end);
    if (inner < l->scan.end && *inner == ']')
        return inner + 1;
    node *items = node_items(l->shape, n);
    if (!items)
        return NULL;
    l->scan.depth++;
    at = learn_items(l, items, inner);
    l->scan.depth--;
    return at;
}

/* Takes the value at `at`. @return behind it, or NULL if malformed or without memory */
static const char *learn(lesson *l, node *n, const char *at)
{
    switch (*at) {
    case '"':
        return learn_string(l, n, at);
    case '{':
        return learn_object(l, n, at);
    case '[':
        return learn_array(l, n, at);
    case 't':
    case 'f':
        note(l, n, WEIR_IS_BOOLEAN);
        return skip_value(l, at);
    case 'n':
        note(l, n, WEIR_IS_NULL);
        return skip_value(l, at);
    default:
        return learn_number(l, n, at);
    }
}

int shape_observe(shape *s, weir_view doc)
{
    lesson l = {.scan = json_scan_of(doc), .shape = s};
    const char *at = quick_space(doc.ptr, l.scan.end);
    if (!s->arena.failed && at < l.scan.end)
        learn(&l, &s->root, at);
    return s->arena.failed ? -1 : l.widened;
}
