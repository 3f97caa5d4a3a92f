/* Reduction by key within a transaction: the last write wins. Batches whose keys already ascend, as most do, cost neither a sort nor a table. */
#include <stdlib.h>

#include "json/pointer.h"
#include "model/tuple.h"
#include "plane/work.h"

typedef struct entry {
    uint64_t head;  /* first eight bytes of the packed key, big-endian: decides most comparisons */
    size_t key, len; /* in combined.keys */
    size_t row;      /* order of arrival */
} entry;

struct combined {
    const weir_binding *b;
    arena arena;
    picker *pick;
    size_t picked;       /* columns and, last, /_meta/op */
    buf keys;            /* packed */
    buf entries, rows, values; /* arrays, grown as bytes */
    buf sorted;
};

weir_rc combine_make(combined **ret, const weir_binding *b, err *e)
{
    combined *c = calloc(1, sizeof *c);
    if (!c)
        return err_nomem(e);
    c->b = b;
    c->picked = b->column_count + 1;
    weir_view *pointers = arena_array(&c->arena, c->picked, sizeof *pointers);
    weir_rc rc = pointers ? WEIR_OK : err_nomem(e);
    for (size_t i = 0; !rc && i < b->column_count; i++)
        pointers[i] = b->columns[i].pointer;
    if (!rc) {
        pointers[b->column_count] = VIEW("/_meta/op");
        rc = picker_make(&c->arena, pointers, c->picked, &c->pick, e);
    }
    if (rc)
        combine_free(c);
    else
        *ret = c;
    return rc;
}

void combine_free(combined *c)
{
    if (!c)
        return;
    buf_free(&c->keys);
    buf_free(&c->entries);
    buf_free(&c->rows);
    buf_free(&c->values);
    buf_free(&c->sorted);
    arena_free(&c->arena);
    free(c);
}

static weir_rc bad_document(const combined *c, weir_view doc, const char *what, weir_view pointer, err *e)
{
    return err_fail(e, WEIR_E_CONFIG, "collection %.*s: a document %s%.*s: %.*s%s", VIEW_ARG(c->b->name), what, VIEW_ARG(pointer),
                    (int)(doc.len > 120 ? 120 : doc.len), doc.ptr, doc.len > 120 ? "..." : "");
}

static uint64_t head_of(const char *p, size_t len)
{
    unsigned char b[8] = {0};
    memcpy(b, p, len < 8 ? len : 8);
    uint64_t v = 0;
    for (int i = 0; i < 8; i++)
        v = v << 8 | b[i];
    return v;
}

static int compare(const combined *c, const entry *a, const entry *b)
{
    if (a->head != b->head)
        return a->head < b->head ? -1 : 1;
    return view_cmp((weir_view){c->keys.ptr + a->key, a->len}, (weir_view){c->keys.ptr + b->key, b->len});
}

static int by_key_then_age(const void *x, const void *y, void *arg)
{
    const entry *a = x, *b = y;
    int o = compare(arg, a, b);
    return o ? o : (a->row > b->row) - (a->row < b->row);
}

/* Picks a document apart and packs its key. */
static weir_rc add(combined *c, weir_view doc, size_t row, err *e)
{
    const weir_binding *b = c->b;
    if (!buf_reserve(&c->values, c->picked * sizeof(weir_view)))
        return err_nomem(e);
    weir_view *v = (weir_view *)(void *)(c->values.ptr + c->values.len);
    if (!picker_run(c->pick, doc, v))
        return bad_document(c, doc, "that is not JSON", VIEW(""), e);
    c->values.len += c->picked * sizeof(weir_view);
    entry n = {.key = c->keys.len, .row = row};
    for (size_t i = 0; i < b->key_count; i++) {
        if (!v[i].len)
            return bad_document(c, doc, "without its key ", b->columns[i].pointer, e);
        if (!tuple_pack(&c->keys, v[i]))
            return err_nomem(e);
    }
    n.len = c->keys.len - n.key;
    n.head = head_of(c->keys.ptr + n.key, n.len);
    buf_add(&c->entries, &n, sizeof n);
    return buf_ok(&c->entries) ? WEIR_OK : err_nomem(e);
}

/* Strictly ascending keys need no work. */
static bool ascending(const combined *c, const entry *all, size_t n)
{
    for (size_t i = 1; i < n; i++)
        if (compare(c, &all[i - 1], &all[i]) >= 0)
            return false;
    return true;
}

/* Sorts by key and keeps the last document of each. */
static size_t reduce(combined *c, entry *all, size_t n)
{
    size_t kept = 0;
    qsort_r(all, n, sizeof *all, by_key_then_age, c);
    for (size_t i = 0; i < n; i++)
        if (i + 1 == n || compare(c, &all[i], &all[i + 1]) != 0)
            all[kept++] = all[i];
    return kept;
}

static weir_rc take_lines(combined *c, weir_view lines, size_t *ret_count, err *e)
{
    size_t n = 0;
    while (lines.len) {
        const char *nl = memchr(lines.ptr, '\n', lines.len);
        size_t len = nl ? (size_t)(nl - lines.ptr) : lines.len;
        weir_view doc = {lines.ptr, len};
        weir_rc rc = add(c, doc, n, e);
        if (!rc)
            buf_add(&c->rows, &(weir_row){.binding = c->b, .doc = doc}, sizeof(weir_row));
        if (rc || !buf_ok(&c->rows))
            return rc ? rc : err_nomem(e);
        n++;
        lines = view_from(lines, nl ? len + 1 : len);
    }
    *ret_count = n;
    return WEIR_OK;
}

weir_rc combine_batch(combined *c, weir_view lines, weir_row **ret, size_t *ret_count, size_t *ret_documents, err *e)
{
    size_t n = 0;
    buf_clear(&c->keys);
    buf_clear(&c->entries);
    buf_clear(&c->rows);
    buf_clear(&c->values);
    buf_clear(&c->sorted);
    weir_rc rc = take_lines(c, lines, &n, e);
    if (rc)
        return rc;
    *ret_documents = n;
    entry *all = (entry *)(void *)c->entries.ptr;
    if (!c->b->delta_updates && !ascending(c, all, n))
        n = reduce(c, all, n);
    const weir_view *values = (const weir_view *)(const void *)c->values.ptr;
    const weir_row *rows = (const weir_row *)(const void *)c->rows.ptr;
    if (!buf_reserve(&c->sorted, n * sizeof(weir_row) + 1))
        return err_nomem(e);
    weir_row *out = (weir_row *)(void *)c->sorted.ptr;
    for (size_t i = 0; i < n; i++) {
        size_t row = all[i].row;
        out[i] = rows[row];
        out[i].values = values + row * c->picked;
        if (view_is(out[i].values[c->b->column_count], "\"d\""))
            out[i].op = WEIR_DELETE;
    }
    *ret = out;
    *ret_count = n;
    return WEIR_OK;
}
