#include "doc/tape.h"

#include <stdlib.h>

#include "doc/tape_names.h"
#include "json/pointer.h"
#include "json/steps.h"
#include "json/text.h"

enum { FIRST_ROOM = 64 };
static const uint32_t nobody = UINT32_MAX;

/* --------------------------------------------------------------------------------------------------------------- memory -- */

static bool grow(tape *t)
{
    size_t room = t->room ? t->room * 2 : FIRST_ROOM;
    tape_node *nodes = room > UINT32_MAX ? NULL : realloc(t->nodes, room * sizeof *nodes);
    if (!nodes)
        return false;
    t->nodes = nodes;
    t->room = room;
    return true;
}

void tape_free(tape *t)
{
    free(t->nodes);
    free(t->spare);
    free(t->slots);
    free(t->kept);
    buf_free(&t->scratch);
    *t = (tape){0};
}

/* -------------------------------------------------------------------------------------------------------------- reading -- */

typedef struct reading {
    json_scan scan;
    tape *tape;
    bool nomem, repeats; /* repeats: an object has a name twice */
} reading;

static const char *no_memory(reading *r)
{
    r->nomem = true;
    return NULL;
}

/* A word's kind, by its first letter. */
static inline uint8_t word_kind(char c)
{
    return c == 'n' ? TREE_NULL : TREE_BOOL;
}

/* Behind the value that `p` leads to, or NULL. While a container is open, its `next` is the container around it. */
static const char *read_values(reading *r, const char *p, const char *end)
{
    tape *t = r->tape;
    json_scan *s = &r->scan;
    const char *begin = p, *from;
    tape_node *nodes = t->nodes;
    uint32_t count = 0, open = nobody, up;
    unsigned depth = 0;
    bool escaped, in_object = false, name_escaped = false;
    uint32_t name_at = 0, name_len = 0;
    window w = {(uintptr_t)p - 64, 0};
    tape_node *v;

value:
    p = skip_space(s, p, end);
    if (p == end)
        return fail_at(s, p, "a value is missing at the end");
    if (__builtin_expect(count == t->room, 0)) {
        if (!grow(t))
            return no_memory(r);
        nodes = t->nodes;
    }
    v = &nodes[count++];
    v->at = (uint32_t)(p - begin);
    v->count = 0;
    v->name_at = name_at;
    v->name_len = name_len;
    v->name_escaped = name_escaped;
    v->escaped = v->yes = false;
    switch (*p) {
    case '"':
        escaped = false;
        p = string_end(s, &w, p + 1, end, &escaped);
        if (!p)
            return NULL;
        p++;
        v->kind = TREE_STRING;
        v->escaped = escaped;
        break;
    case '{': case '[':
        if (depth++ == JSON_DEPTH)
            return fail_at(s, p, "nested too deeply");
        in_object = *p == '{';
        v->kind = in_object ? TREE_OBJECT : TREE_ARRAY;
        v->next = open;
        open = count - 1;
        name_at = name_len = 0;
        name_escaped = false;
        p = skip_space(s, p + 1, end);
        if (p < end && *p == (in_object ? '}' : ']'))
            goto close;
        if (in_object)
            goto key;
        goto value;
    case '-': case '0': case '1': case '2': case '3': case '4': case '5': case '6': case '7': case '8': case '9':
        p = number_end(s, p, end);
        if (!p)
            return NULL;
        v->kind = TREE_NUMBER;
        break;
    default:
        from = p;
        p = word_end(s, p, end);
        if (!p)
            return NULL;
        v->kind = word_kind(*from);
        v->yes = *from == 't';
    }
    v->len = (uint32_t)(p - begin) - v->at;
    v->next = count;
after:
    if (open == nobody) {
        t->count = count;
        return p;
    }
    nodes[open].count++;
    if (p < end && *p != ',')
        p = skip_space(s, p, end);
    if (p == end)
        return fail_at(s, p, in_object ? "unterminated object" : "unterminated array");
    if (*p == ',') {
        p++;
        if (!in_object)
            goto value;
        p = skip_space(s, p, end);
        goto key;
    }
    if (*p != (in_object ? '}' : ']'))
        return fail_at(s, p, in_object ? "expected , or } in an object" : "expected , or ] in an array");
close:
    p++;
    depth--;
    v = &nodes[open];
    up = v->next;
    v->len = (uint32_t)(p - begin) - v->at;
    v->next = count;
    if (in_object && v->count > 1 && !r->repeats && !tape_names_differ(t, open, &r->repeats))
        return no_memory(r);
    open = up;
    in_object = open != nobody && nodes[open].kind == TREE_OBJECT;
    name_at = name_len = 0;
    name_escaped = false;
    goto after;
key:
    if (p == end || *p != '"')
        return fail_at(s, p, "expected a member name in quotes");
    from = p + 1;
    escaped = false;
    p = string_end(s, &w, from, end, &escaped);
    if (!p)
        return NULL;
    name_at = (uint32_t)(from - begin);
    name_len = (uint32_t)(p - from);
    name_escaped = escaped;
    p++;
    if (p < end && *p != ':')
        p = skip_space(s, p, end);
    if (p == end || *p != ':')
        return fail_at(s, p, "expected : after a member name");
    p++;
    goto value;
}

weir_rc tape_read(tape *t, weir_view doc, err *e)
{
    reading r = {.scan = json_scan_of(doc), .tape = t};
    t->doc = doc;
    t->count = 0;
    if (doc.len >= UINT32_MAX)
        return err_fail(e, WEIR_E_CONFIG, "a document of %zu bytes is too long", doc.len);
    const char *at = read_values(&r, r.scan.at, r.scan.end);
    if (at)
        r.scan.at = at;
    if (at && json_done(&r.scan) && r.repeats)
        r.nomem = !tape_drop_repeats(t);
    if (!r.nomem && !r.scan.error)
        return WEIR_OK;
    t->count = 0;
    return r.nomem ? err_nomem(e) : err_fail(e, WEIR_E_CONFIG, "%s at byte %zu", r.scan.error, (size_t)(r.scan.at - r.scan.begin));
}

/* -------------------------------------------------------------------------------------------------------------- looking -- */

uint32_t tape_member(const tape *t, uint32_t object, weir_view name)
{
    const tape_node *nodes = t->nodes;
    if (nodes[object].kind != TREE_OBJECT)
        return 0;
    for (uint32_t i = object + 1; i < nodes[object].next; i = nodes[i].next) {
        if (nodes[i].name_escaped ? json_key_is((json_key){tape_name(t, i), true}, name) : view_eq(tape_name(t, i), name))
            return i;
    }
    return 0;
}

static uint32_t item_at(const tape *t, uint32_t array, weir_view token)
{
    size_t index;
    if (t->nodes[array].kind != TREE_ARRAY || !pointer_index(token, &index) || index >= t->nodes[array].count)
        return 0;
    uint32_t i = array + 1;
    while (index--)
        i = t->nodes[i].next;
    return i;
}

uint32_t tape_at(const tape *t, uint32_t node, const weir_view *tokens, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        node = t->nodes[node].kind == TREE_OBJECT ? tape_member(t, node, tokens[i]) : item_at(t, node, tokens[i]);
        if (!node)
            return nobody;
    }
    return node;
}

static void push_name(const tape *t, uint32_t node, buf *out)
{
    buf name = {0};
    if (t->nodes[node].name_escaped)
        json_unquote(&name, tape_name(t, node));
    else
        buf_addv(&name, tape_name(t, node));
    if (buf_ok(&name))
        pointer_push(out, buf_view(&name));
    else
        out->failed = true;
    buf_free(&name);
}

void tape_pointer(const tape *t, uint32_t node, buf *out)
{
    const tape_node *nodes = t->nodes;
    for (uint32_t at = 0; at != node;) {
        uint32_t child = at + 1;
        size_t index = 0;
        for (; node >= nodes[child].next; child = nodes[child].next)
            index++;
        if (nodes[at].kind == TREE_OBJECT)
            push_name(t, child, out);
        else
            buf_printf(out, "/%zu", index);
        at = child;
    }
}
