#include "infer.h"

#include <stdlib.h>

#include "cursor.h"

enum { CHUNK = 32 << 10, MANY = 8, MAX_MEMBERS = 1000, MAX_NODES = 50000, MAX_DEPTH = 100 };

typedef struct infer_chunk {
    struct infer_chunk *next;
    size_t used, size;
    _Alignas(max_align_t) char bytes[];
} infer_chunk;

/* -------------------------------------------------------------------------------------------------------------- memory -- */

static void *take(infer *in, size_t size)
{
    size = (size + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
    if (!in->chunks || in->chunks->size - in->chunks->used < size) {
        size_t room = size > CHUNK ? size : CHUNK;
        infer_chunk *c = calloc(1, sizeof *c + room);
        if (!c) {
            in->failed = true;
            return NULL;
        }
        c->size = room;
        c->next = in->chunks;
        in->chunks = c;
    }
    void *p = in->chunks->bytes + in->chunks->used;
    in->chunks->used += size;
    return p;
}

static infer_node *new_node(infer *in)
{
    infer_node *n = take(in, sizeof *n);
    in->nodes += n != NULL;
    return n;
}

void infer_free(infer *in)
{
    for (infer_chunk *c = in->chunks, *next; c; c = next) {
        next = c->next;
        free(c);
    }
    strbuf_free(&in->scratch);
    *in = (infer){0};
}

/* ------------------------------------------------------------------------------------------------------------- members -- */

static size_t hash_of(weir_view name)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < name.len; i++)
        h = (h ^ (unsigned char)name.ptr[i]) * UINT64_C(0x100000001b3);
    return (size_t)(h ^ (h >> 32));
}

static void index_put(infer_node *n, size_t member)
{
    size_t at = hash_of(n->members[member].name) & (n->places - 1);
    while (n->index[at])
        at = (at + 1) & (n->places - 1);
    n->index[at] = (uint32_t)member + 1;
}

static size_t find_member(const infer_node *n, weir_view name)
{
    if (!n->places) {
        for (size_t i = 0; i < n->count; i++)
            if (view_same(n->members[i].name, name))
                return i;
        return SIZE_MAX;
    }
    for (size_t at = hash_of(name) & (n->places - 1); n->index[at]; at = (at + 1) & (n->places - 1))
        if (view_same(n->members[n->index[at] - 1].name, name))
            return n->index[at] - 1;
    return SIZE_MAX;
}

infer_node *infer_find(const infer_node *object, weir_view name)
{
    size_t i = find_member(object, name);
    return i == SIZE_MAX ? NULL : object->members[i].node;
}

/* Room for twice as many members; what was there before stays in its chunk, unused. */
static bool more_room(infer *in, infer_node *n)
{
    size_t cap = n->cap ? n->cap * 2 : MANY;
    infer_member *members = take(in, cap * sizeof *members);
    uint32_t *index = cap > MANY ? take(in, cap * 2 * sizeof *index) : NULL;
    if (!members || (cap > MANY && !index))
        return false;
    if (n->count)
        memcpy(members, n->members, n->count * sizeof *members);
    n->members = members;
    n->cap = cap;
    n->index = index;
    n->places = index ? cap * 2 : 0;
    for (size_t i = 0; index && i < n->count; i++)
        index_put(n, i);
    return true;
}

static infer_node *add_member(infer *in, infer_node *object, weir_view name)
{
    if (object->count == object->cap && !more_room(in, object))
        return NULL;
    char *copy = take(in, name.len + 1);
    infer_node *n = new_node(in);
    if (!copy || !n)
        return NULL;
    if (name.len)
        memcpy(copy, name.ptr, name.len);
    object->members[object->count++] = (infer_member){{copy, name.len}, n};
    if (object->places)
        index_put(object, object->count - 1);
    return n;
}

infer_node *infer_member_of(infer *in, infer_node *object, weir_view name)
{
    infer_node *n = infer_find(object, name);
    if (n || object->crowded)
        return n;
    if (in->nodes >= MAX_NODES) {
        object->crowded = true;
        return NULL;
    }
    n = add_member(in, object, name);
    in->news = true;
    return n;
}

static infer_node *our_member(infer *in, infer_node *object, const char *name, unsigned type)
{
    infer_node *n = object ? infer_member_of(in, object, view_text(name)) : NULL;
    if (n) {
        n->types = type;
        n->format = INFER_FREE;
        n->required = n->ours = true;
        n->any = false;
    }
    return n;
}

static bool add_meta(infer *in)
{
    in->root->types = WEIR_IS_OBJECT;
    in->root->any = false;
    infer_node *meta = our_member(in, in->root, "_meta", WEIR_IS_OBJECT);
    bool ok = our_member(in, meta, "file", WEIR_IS_STRING) && our_member(in, meta, "row", WEIR_IS_INTEGER);
    in->news = false;
    return ok;
}

bool infer_init(infer *in)
{
    *in = (infer){0};
    in->root = new_node(in);
    if (in->root)
        in->root->required = true;
    return in->root && add_meta(in);
}

/* The next token of a pointer, decoded, into scratch. @return what is behind it */
static const char *token(infer *in, const char *pointer)
{
    strbuf_clear(&in->scratch);
    for (pointer++; *pointer && *pointer != '/'; pointer++)
        strbuf_addc(&in->scratch, *pointer != '~' ? *pointer : *++pointer == '1' ? '/' : '~');
    return pointer;
}

infer_node *infer_require(infer *in, const char *pointer)
{
    infer_node *n = in->root;
    while (n && *pointer) {
        pointer = token(in, pointer);
        infer_node *child = in->scratch.failed ? NULL : infer_member_of(in, n, strbuf_view(&in->scratch));
        if (child && !child->required) {
            child->required = true;
            child->types &= ~(unsigned)WEIR_IS_NULL;
            n->demanded++;
        }
        n = child;
    }
    return n;
}

/* --------------------------------------------------------------------------------------------------------------- types -- */

infer_format infer_format_of(const char *text, size_t len)
{
    if (len < 10 || text[4] != '-')
        return INFER_FREE;
    value_class c = value_classify(text, len);
    return c == VALUE_DATE ? INFER_DATE : c == VALUE_DATE_TIME ? INFER_DATE_TIME : INFER_FREE;
}

static void widen_format(infer *in, infer_node *n, infer_format format)
{
    if (n->format == format || n->format == INFER_FREE)
        return;
    if (n->format == INFER_UNSEEN) {
        n->format = format;
    } else {
        n->format = INFER_FREE;
        in->contradicted = true;
    }
}

void infer_widen(infer *in, infer_node *n, unsigned type, infer_format format)
{
    if (n->any)
        return;
    if (type == WEIR_IS_STRING)
        widen_format(in, n, format);
    bool known = n->types & type || (type == WEIR_IS_INTEGER && n->types & WEIR_IS_NUMBER);
    if (known)
        return;
    if (n->types)
        in->contradicted = true;
    else
        in->news = true;
    n->types |= type;
    if (type == WEIR_IS_NUMBER)
        n->types &= ~(unsigned)WEIR_IS_INTEGER;
}

/* ----------------------------------------------------------------------------------------------------------- documents -- */

typedef struct observer {
    infer *in;
    cursor c;
    infer_seen *seen;
    bool key_missing;
} observer;

static bool observe(observer *o, infer_node *n, unsigned depth, bool *ret_null);

/* The node of a member; documents mostly bring theirs in the same order: *next is tried first. */
static infer_node *member_node(observer *o, infer_node *n, const cursor_key *key, size_t *next)
{
    weir_view name = key->raw;
    if (key->escaped) {
        strbuf_clear(&o->in->scratch);
        cursor_decode(&o->in->scratch, key->raw);
        name = strbuf_view(&o->in->scratch);
    }
    if (*next < n->count && view_same(n->members[*next].name, name))
        return n->members[(*next)++].node;
    size_t found = find_member(n, name);
    if (found == SIZE_MAX) {
        n->crowded |= n->count >= MAX_MEMBERS;
        return infer_member_of(o->in, n, name);
    }
    *next = found + 1;
    return n->members[found].node;
}

/* Remembers where the document's own `_meta` is. Its file and row give way to ours. */
static bool observe_meta(observer *o, infer_node *meta, const char *key)
{
    weir_view span;
    cursor_peek(&o->c);
    if (!cursor_skip(&o->c, &span))
        return false;
    o->seen->meta = (weir_view){key, (size_t)(o->c.at - key)};
    o->seen->meta_value = span;
    if (*span.ptr != '{')
        return true;
    observer inner = {.in = o->in, .c = cursor_of(span), .seen = o->seen};
    cursor_key name;
    cursor_enter(&inner.c, '{');
    for (bool first = true; cursor_member(&inner.c, &first, &name);) {
        size_t next = 0;
        bool null;
        infer_node *n = member_node(&inner, meta, &name, &next);
        if (n && n->ours ? !cursor_skip(&inner.c, NULL) : !observe(&inner, n, 2, &null))
            break;
    }
    return true;
}

static bool observe_object(observer *o, infer_node *n, unsigned depth)
{
    cursor_key key;
    size_t next = 0, brought = 0;
    bool first = true;
    cursor_enter(&o->c, '{');
    while (cursor_member(&o->c, &first, &key)) {
        bool null = false;
        infer_node *m = member_node(o, n, &key, &next);
        if (m && m->ours && depth == 0 ? !observe_meta(o, m, key.raw.ptr - 1) : !observe(o, m, depth + 1, &null))
            return false;
        brought += m && m->required && !m->ours && !null;
    }
    o->key_missing |= brought < n->demanded;
    if (depth == 0)
        o->seen->empty = first;
    return !o->c.error;
}

static bool observe_array(observer *o, infer_node *n, unsigned depth)
{
    bool null;
    cursor_enter(&o->c, '[');
    for (bool first = true; cursor_item(&o->c, &first);) {
        if (!n->items && !(n->items = new_node(o->in)))
            return false;
        if (!observe(o, n->items, depth + 1, &null))
            return false;
    }
    return !o->c.error;
}

static bool observe_string(observer *o, infer_node *n)
{
    weir_view raw;
    bool escaped;
    if (!cursor_string(&o->c, &raw, &escaped))
        return false;
    infer_widen(o->in, n, WEIR_IS_STRING, n->format == INFER_FREE ? INFER_FREE : infer_format_of(raw.ptr, raw.len));
    return true;
}

static bool observe_number(observer *o, infer_node *n)
{
    bool integer;
    if (!cursor_number(&o->c, &integer))
        return false;
    infer_widen(o->in, n, integer ? WEIR_IS_INTEGER : WEIR_IS_NUMBER, INFER_UNSEEN);
    return true;
}

/* One value. @param n NULL: a place that is not described */
static bool observe(observer *o, infer_node *n, unsigned depth, bool *ret_null)
{
    char ch = cursor_peek(&o->c);
    *ret_null = ch == 'n';
    if (!n || n->any || depth >= MAX_DEPTH)
        return cursor_skip(&o->c, NULL);
    switch (ch) {
    case '{': infer_widen(o->in, n, WEIR_IS_OBJECT, INFER_UNSEEN); return observe_object(o, n, depth);
    case '[': infer_widen(o->in, n, WEIR_IS_ARRAY, INFER_UNSEEN); return observe_array(o, n, depth);
    case '"': return observe_string(o, n);
    case 't': infer_widen(o->in, n, WEIR_IS_BOOLEAN, INFER_UNSEEN); return cursor_word(&o->c, "true");
    case 'f': infer_widen(o->in, n, WEIR_IS_BOOLEAN, INFER_UNSEEN); return cursor_word(&o->c, "false");
    case 'n':
        if (!n->required)
            infer_widen(o->in, n, WEIR_IS_NULL, INFER_UNSEEN);
        return cursor_word(&o->c, "null");
    default: return ch == '-' || (ch >= '0' && ch <= '9') ? observe_number(o, n) : cursor_skip(&o->c, NULL);
    }
}

infer_status infer_observe(infer *in, weir_view document, infer_seen *seen)
{
    observer o = {.in = in, .c = cursor_of(document), .seen = seen};
    *seen = (infer_seen){0};
    bool ok = cursor_peek(&o.c) == '{' && observe_object(&o, in->root, 0);
    if (ok) {
        seen->close = o.c.at - 1;
        ok = cursor_done(&o.c);
    }
    if (in->failed || in->scratch.failed)
        return INFER_NOMEM;
    if (!ok) {
        seen->problem = o.c.error ? o.c.error : "is no JSON object";
        seen->at = (size_t)(o.c.at - document.ptr);
        return INFER_BAD;
    }
    return o.key_missing ? INFER_NO_KEY : INFER_OK;
}

/* ------------------------------------------------------------------------------------------------------ reading schemas -- */

typedef struct loader {
    infer *in;
    weir_view whole; /* what $ref refers into */
} loader;

static unsigned type_bit(weir_view name)
{
    static const struct {
        const char *name;
        unsigned bit;
    } types[] = {
        {"null", WEIR_IS_NULL},     {"boolean", WEIR_IS_BOOLEAN}, {"integer", WEIR_IS_INTEGER}, {"number", WEIR_IS_NUMBER},
        {"string", WEIR_IS_STRING}, {"array", WEIR_IS_ARRAY},     {"object", WEIR_IS_OBJECT},
    };
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (view_says(name, types[i].name))
            return types[i].bit;
    return 0;
}

/* The value of "type": a name or a list of names. */
static unsigned type_bits(weir_view type)
{
    cursor c = cursor_of(type);
    weir_view raw;
    bool escaped, first = true;
    unsigned bits = 0;
    if (cursor_peek(&c) == '"') {
        cursor_string(&c, &raw, &escaped);
        return type_bit(raw);
    }
    if (cursor_peek(&c) != '[')
        return 0;
    cursor_enter(&c, '[');
    while (cursor_item(&c, &first) && cursor_string(&c, &raw, &escaped))
        bits |= type_bit(raw);
    return c.error ? 0 : bits;
}

/* What a $ref refers to: #/a/b, or the name of one of $defs (flow://connector-schema). */
static weir_view refer(loader *l, weir_view ref)
{
    strbuf text = {0};
    if (ref.len >= 2)
        cursor_decode(&text, (weir_view){ref.ptr + 1, ref.len - 2});
    const char *url = strbuf_text(&text);
    l->in->failed |= text.failed;
    weir_view found;
    if (!strcmp(url, "#"))
        found = l->whole;
    else if (*url == '#')
        found = weir_json_at(l->whole, url + 1);
    else
        found = cursor_find(cursor_find(l->whole, "$defs"), url);
    strbuf_free(&text);
    return found;
}

static void load(loader *l, infer_node *n, weir_view schema, unsigned depth);

static void load_members(loader *l, infer_node *n, weir_view properties, unsigned depth)
{
    cursor c = cursor_of(properties);
    cursor_key key;
    weir_view value;
    if (cursor_peek(&c) != '{')
        return;
    cursor_enter(&c, '{');
    for (bool first = true; cursor_member(&c, &first, &key) && cursor_skip(&c, &value);) {
        strbuf name = {0};
        cursor_decode(&name, key.raw);
        infer_node *m = name.failed ? NULL : infer_member_of(l->in, n, strbuf_view(&name));
        l->in->failed |= name.failed;
        strbuf_free(&name);
        if (m && !m->ours)
            load(l, m, value, depth + 1);
        else if (m && depth == 0) /* what documents say in a `_meta` of their own */
            load_members(l, m, cursor_find(value, "properties"), depth + 1);
    }
}

static infer_format load_format(weir_view format)
{
    return view_says(format, "\"date\"") ? INFER_DATE : view_says(format, "\"date-time\"") ? INFER_DATE_TIME : INFER_FREE;
}

static void load(loader *l, infer_node *n, weir_view schema, unsigned depth)
{
    weir_view ref = cursor_find(schema, "$ref");
    if (ref.len && depth < MAX_DEPTH) {
        load(l, n, refer(l, ref), depth + 1);
        return;
    }
    unsigned types = type_bits(cursor_find(schema, "type"));
    n->any = !types || depth >= MAX_DEPTH;
    if (n->any)
        return;
    n->types = types & WEIR_IS_NUMBER ? types & ~(unsigned)WEIR_IS_INTEGER : types;
    if (types & WEIR_IS_STRING)
        n->format = load_format(cursor_find(schema, "format"));
    if (types & WEIR_IS_OBJECT)
        load_members(l, n, cursor_find(schema, "properties"), depth);
    weir_view items = cursor_find(schema, "items");
    if (types & WEIR_IS_ARRAY && items.len && (n->items = new_node(l->in)))
        load(l, n->items, items, depth + 1);
}

bool infer_load(infer *in, weir_view schema)
{
    loader l = {in, schema};
    load(&l, in->root, schema, 0);
    return add_meta(in) && !in->failed;
}

/* ------------------------------------------------------------------------------------------------------ writing schemas -- */

typedef struct schema_out {
    strbuf *out;
    const infer_node *root;
    bool closed;
} schema_out;

/* Is there anything to say but that it was null? */
static bool is_known(const infer_node *n)
{
    return !n->any && (n->types & ~(unsigned)WEIR_IS_NULL);
}

/* A closed schema can only speak of what has a type. */
static bool is_told(const schema_out *s, const infer_node *n)
{
    return !s->closed || (!n->any && n->types && !n->crowded);
}

static void write_types(const schema_out *s, unsigned types)
{
    static const struct {
        unsigned bit;
        const char *name;
    } names[] = {
        {WEIR_IS_BOOLEAN, "boolean"}, {WEIR_IS_INTEGER, "integer"}, {WEIR_IS_NUMBER, "number"}, {WEIR_IS_STRING, "string"},
        {WEIR_IS_ARRAY, "array"},     {WEIR_IS_OBJECT, "object"},   {WEIR_IS_NULL, "null"},
    };
    bool several = types & (types - 1);
    const char *between = "";
    strbuf_adds(s->out, several ? "\"type\":[" : "\"type\":");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (types & names[i].bit) {
            strbuf_printf(s->out, "%s\"%s\"", between, names[i].name);
            between = ",";
        }
    if (several)
        strbuf_addc(s->out, ']');
}

static void write_node(const schema_out *s, const infer_node *n);

static void write_required(const schema_out *s, const infer_node *n)
{
    const char *before = ",\"required\":[";
    for (size_t i = 0; i < n->count; i++)
        if (n->members[i].node->required && is_told(s, n->members[i].node)) {
            strbuf_adds(s->out, before);
            strbuf_quote(s->out, n->members[i].name);
            before = ",";
        }
    if (*before == ',' && !before[1])
        strbuf_addc(s->out, ']');
}

static void write_object(const schema_out *s, const infer_node *n)
{
    const char *before = "";
    strbuf_adds(s->out, ",\"properties\":{");
    for (size_t i = 0; i < n->count; i++) {
        /* `_meta` is the first member known, but it is written last. */
        const infer_member *m = &n->members[n == s->root ? (i + 1) % n->count : i];
        if (!is_told(s, m->node))
            continue;
        strbuf_adds(s->out, before);
        strbuf_quote(s->out, m->name);
        strbuf_addc(s->out, ':');
        write_node(s, m->node);
        before = ",";
    }
    strbuf_addc(s->out, '}');
    write_required(s, n);
    if (s->closed)
        strbuf_adds(s->out, ",\"additionalProperties\":false");
}

static void write_node(const schema_out *s, const infer_node *n)
{
    if (!is_known(n)) { /* a key that was never seen must have some type */
        strbuf_adds(s->out, n->required && !n->any ? "{\"type\":\"string\"}" : s->closed ? "{\"type\":\"null\"}" : "{}");
        return;
    }
    strbuf_addc(s->out, '{');
    write_types(s, n->required ? n->types : n->types | WEIR_IS_NULL);
    if (n->types & WEIR_IS_STRING && (n->format == INFER_DATE || n->format == INFER_DATE_TIME))
        strbuf_printf(s->out, ",\"format\":\"%s\"", n->format == INFER_DATE ? "date" : "date-time");
    if (n->types & WEIR_IS_OBJECT)
        write_object(s, n);
    if (n->items && is_known(n->items) && is_told(s, n->items)) {
        strbuf_adds(s->out, ",\"items\":");
        write_node(s, n->items);
    }
    if (n == s->root && !s->closed)
        strbuf_adds(s->out, ",\"x-infer-schema\":true");
    strbuf_addc(s->out, '}');
}

void infer_schema(const infer *in, strbuf *out, bool closed)
{
    const schema_out s = {out, in->root, closed};
    write_node(&s, in->root);
}
