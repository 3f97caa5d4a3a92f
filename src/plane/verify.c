#include "plane/verify.h"

#include "json/number.h"
#include "json/pointer.h"
#include "model/tuple.h"
#include "plane/key.h"

enum { SHOWN = 400 /* bytes of a value */ };

typedef struct document {
    const tree *t;
    weir_view key;     /* packed; empty: it does not have it */
    weir_view shown;   /* {"id":1}: its key for people */
    bool matched;
} document;

typedef struct verification {
    arena arena;
    collection_key key;
    document *expected, *actual;
    size_t expected_count, actual_count;
    buf *diff;
} verification;

/* ------------------------------------------------------------------------------------------------------ one document -- */

static void put_value(buf *out, const tree *t)
{
    size_t at = out->len;
    tree_write(out, t);
    if (out->len - at > SHOWN && buf_ok(out)) {
        out->len = at + SHOWN;
        while (out->len > at && ((unsigned char)out->ptr[out->len] & 0xc0) == 0x80) /* not within a character */
            out->len--;
        buf_adds(out, "...");
    }
}

static void tell(verification *v, weir_view pointer, const char *what, const tree *expected, const tree *actual)
{
    buf_printf(v->diff, "  %.*s: expected ", VIEW_ARG(pointer.len ? pointer : VIEW("/")));
    put_value(v->diff, expected);
    buf_adds(v->diff, what);
    if (actual)
        put_value(v->diff, actual);
    buf_addc(v->diff, '\n');
}

static bool same_scalar(const tree *a, const tree *b)
{
    if (a->kind != b->kind)
        return false;
    if (a->kind == TREE_NUMBER)
        return number_compare(a->text, b->text) == 0;
    return a->kind == TREE_BOOL ? a->boolean == b->boolean : a->kind == TREE_NULL || view_eq(a->text, b->text);
}

static void compare(verification *v, buf *at, const tree *expected, const tree *actual);

static void compare_members(verification *v, buf *at, const tree *expected, const tree *actual)
{
    size_t len = at->len;
    for (const tree *t = expected->first; t; t = t->next) {
        const tree *there = tree_getv(actual, t->name);
        pointer_push(at, t->name);
        if (there)
            compare(v, at, t, there);
        else
            tell(v, buf_view(at), ", is missing", t, NULL);
        at->len = len;
    }
}

static void compare_items(verification *v, buf *at, const tree *expected, const tree *actual)
{
    size_t len = at->len, i = 0;
    const tree *there = actual->first;
    if (expected->count != actual->count) {
        tell(v, buf_view(at), ", is ", expected, actual);
        return;
    }
    for (const tree *t = expected->first; t; t = t->next, there = there->next) {
        buf_printf(at, "/%zu", i++);
        compare(v, at, t, there);
        at->len = len;
    }
}

static void compare(verification *v, buf *at, const tree *expected, const tree *actual)
{
    if (expected->kind == TREE_OBJECT && actual->kind == TREE_OBJECT)
        compare_members(v, at, expected, actual);
    else if (expected->kind == TREE_ARRAY && actual->kind == TREE_ARRAY)
        compare_items(v, at, expected, actual);
    else if (!same_scalar(expected, actual))
        tell(v, buf_view(at), ", is ", expected, actual);
}

/* ------------------------------------------------------------------------------------------------------------- keys -- */

static weir_view keep(verification *v, buf *text)
{
    weir_view kept = buf_ok(text) ? arena_dup(&v->arena, buf_view(text)) : (weir_view){NULL, 0};
    v->arena.failed |= !kept.ptr;
    buf_free(text);
    return kept;
}

static document document_of(verification *v, const tree *t)
{
    document d = {.t = t};
    buf packed = {0}, shown = {0};
    bool whole = true;
    for (size_t i = 0; i < v->key.count; i++) {
        const tree *part = tree_at(t, v->key.pointers[i]);
        weir_view value = part ? tree_json(&v->arena, part) : v->key.fallbacks[i];
        whole &= value.len > 0;
        tuple_pack(&packed, value);
        buf_printf(&shown, "%s%.*s %.*s", i ? ", " : "", VIEW_ARG(v->key.pointers[i]), VIEW_ARG(value.len ? value : VIEW("(missing)")));
    }
    d.key = keep(v, &packed);
    d.shown = keep(v, &shown);
    if (!whole)
        d.key.len = 0;
    return d;
}

static weir_rc read_expected(verification *v, const tree *list, err *e)
{
    v->expected = arena_array(&v->arena, list->count, sizeof *v->expected);
    for (const tree *t = v->expected ? list->first : NULL; t; t = t->next)
        v->expected[v->expected_count++] = document_of(v, t);
    return v->arena.failed ? err_nomem(e) : WEIR_OK;
}

static size_t count_lines(weir_view lines)
{
    size_t n = 0;
    for (const char *at = lines.ptr, *end = at + lines.len; at < end; n++) {
        const char *nl = memchr(at, '\n', (size_t)(end - at));
        at = nl ? nl + 1 : end;
    }
    return n;
}

static weir_rc read_actual(verification *v, weir_view lines, err *e)
{
    v->actual = arena_array(&v->arena, lines.len ? count_lines(lines) : 0, sizeof *v->actual);
    weir_rc rc = v->actual ? WEIR_OK : err_nomem(e);
    while (!rc && lines.len) {
        const char *nl = memchr(lines.ptr, '\n', lines.len);
        size_t len = nl ? (size_t)(nl - lines.ptr) : lines.len;
        tree *t;
        rc = tree_parse_lenient(&v->arena, (weir_view){lines.ptr, len}, NULL, WEIR_E_BUG, &t, e);
        if (!rc)
            v->actual[v->actual_count++] = document_of(v, t);
        lines = view_from(lines, nl ? len + 1 : len);
    }
    return rc || !v->arena.failed ? rc : err_nomem(e);
}

static document *find(document *all, size_t count, weir_view key)
{
    for (size_t i = 0; i < count; i++)
        if (view_eq(all[i].key, key))
            return &all[i];
    return NULL;
}

/* ------------------------------------------------------------------------------------------------------- the difference -- */

static void compare_documents(verification *v, document *expected, document *actual)
{
    buf at = {0};
    size_t before = v->diff->len;
    expected->matched = actual->matched = true;
    buf_printf(v->diff, "document %.*s:\n", VIEW_ARG(actual->shown));
    size_t head = v->diff->len;
    compare(v, &at, expected->t, actual->t);
    if (v->diff->len == head && buf_ok(v->diff))
        v->diff->len = before;
    v->diff->failed |= !buf_ok(&at);
    buf_free(&at);
}

static void tell_document(verification *v, const document *d, const char *what)
{
    buf_printf(v->diff, "document %.*s %s: ", VIEW_ARG(d->shown), what);
    put_value(v->diff, d->t);
    buf_addc(v->diff, '\n');
}

/* Documents that are expected without their key stand for the one at their place. */
static document *counterpart(verification *v, size_t i)
{
    const document *d = &v->expected[i];
    if (d->key.len || !v->key.count)
        return find(v->actual, v->actual_count, d->key);
    return i < v->actual_count ? &v->actual[i] : NULL;
}

/* All are there, and equal, but listed in another order than that of their keys. */
static void check_order(verification *v)
{
    for (size_t i = 0; i < v->expected_count; i++) {
        const document *is = &v->actual[i], *wanted = &v->expected[i];
        if (!wanted->key.len || view_eq(is->key, wanted->key))
            continue;
        buf_printf(v->diff, "documents come in the order of their keys: number %zu is %.*s, where %.*s is expected\n", i + 1, VIEW_ARG(is->shown),
                   VIEW_ARG(wanted->shown));
        return;
    }
}

static void differ(verification *v)
{
    for (size_t i = 0; i < v->expected_count; i++) {
        document *there = counterpart(v, i);
        if (!there)
            tell_document(v, &v->expected[i], "is missing, expected");
        else if (there->matched)
            tell_document(v, &v->expected[i], "is expected twice");
        else
            compare_documents(v, &v->expected[i], there);
    }
    for (size_t i = 0; i < v->actual_count; i++)
        if (!v->actual[i].matched)
            tell_document(v, &v->actual[i], "is not expected");
    if (!v->diff->len)
        check_order(v);
}

weir_rc verify_documents(const collection *c, const tree *expected, weir_view actual, buf *diff, err *e)
{
    verification v = {.diff = diff};
    weir_rc rc = collection_key_of(&v.arena, c, NULL, &v.key, e);
    if (!rc)
        rc = read_expected(&v, expected, e);
    if (!rc)
        rc = read_actual(&v, actual, e);
    if (!rc)
        differ(&v);
    arena_free(&v.arena);
    return rc || buf_ok(diff) ? rc : err_nomem(e);
}
