#include "run/combine.h"

#include <stdlib.h>

#include "json/order.h"
#include "json/patch.h"
#include "json/pointer.h"
#include "json/scan.h"
#include "model/tuple.h"
#include "run/defaults.h"

/* A document. Texts of more than 4 GiB are refused, so 32 bits do. */
typedef struct entry {
    uint64_t head;          /* first eight bytes of the packed key, big-endian: decides most comparisons */
    uint32_t key, key_len;  /* in combined.keys */
    uint32_t at;            /* in the text; also the order of arrival. Joined: which of combined.joined */
    uint32_t len : 28, deletes : 1, part : 1, joined : 1, regardless : 1; /* regardless: a deletion without a cursor came before it, or is it */
    uint32_t values;        /* which of combined.early; LATER: taken out of the document when its row is made */
} entry;

#define LATER UINT32_MAX

enum { LEN_MAX = 0xfffffff, KEEP_BYTES = 1 << 20 /* larger buffers are not kept for the next batch */, EARLY_BYTES = 32 << 20 };

struct combined {
    combine_options o;
    arena arena;
    picker *key_pick;    /* key parts and, last, what says that it is deleted; NULL: there is nothing to look for */
    weir_view *key;      /* what it found */
    picker *pick;        /* all columns */
    picker *batch_pick;  /* all columns and, last, what says that it is deleted; made for the first batch */
    weir_view *found;    /* what that found */
    buf early;           /* values of all columns, in order of arrival, of documents that do not move: one pass finds key and values */
    buf keys;            /* packed */
    buf entries;         /* array, grown as bytes */
    bool sorted;
    size_t taken;        /* entries that count now, of those noted; others come after them */
    size_t next, count;  /* entries to give, once sorted */
    size_t cursor;       /* the column of the cursor; SIZE_MAX: there is none. While entries are given */
    unsigned cursor_types;
    buf rows, values;    /* arrays, grown as bytes */
    arena joins;         /* documents that were made of several, with their extra values behind them */
    buf joined;          /* array of views of them */
    buf work[2];         /* of one that is being made */
    bool parts;          /* there are some */
    bool truncated;      /* the last batch was */
    bool defaults;       /* some columns have one; while rows are given */
    weir_view stray;     /* in the arena */
};

/* ------------------------------------------------------------------------------------------------------------- making -- */

/* Of the first columns, with one pointer behind them if it is said. */
static weir_rc make_picker(combined *c, size_t columns, const weir_view *last, picker **ret, weir_view **ret_found, err *e)
{
    size_t count = columns + (last != NULL);
    weir_view *pointers = arena_array(&c->arena, count + 1, sizeof *pointers);
    *ret_found = arena_array(&c->arena, count + 1, sizeof **ret_found);
    if (!pointers || !*ret_found)
        return err_nomem(e);
    for (size_t i = 0; i < columns; i++)
        pointers[i] = c->o.b->columns[i].pointer;
    if (last)
        pointers[columns] = *last;
    return picker_make(&c->arena, pointers, count, ret, e);
}

weir_rc combine_repick(combined *c, err *e)
{
    weir_view *unused;
    c->batch_pick = NULL;
    return c->o.whole ? WEIR_OK : make_picker(c, c->o.b->column_count, NULL, &c->pick, &unused, e);
}

static weir_rc make_pickers(combined *c, err *e)
{
    size_t keys = c->o.whole ? 0 : c->o.b->key_count;
    weir_rc rc = combine_repick(c, e);
    return rc || (!keys && !c->o.deleted.len) ? rc : make_picker(c, keys, &c->o.deleted, &c->key_pick, &c->key, e);
}

weir_rc combine_make(combined **ret, const combine_options *o, err *e)
{
    combined *c = calloc(1, sizeof *c);
    if (!c)
        return err_nomem(e);
    c->o = *o;
    c->taken = SIZE_MAX;
    weir_rc rc = make_pickers(c, e);
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
    buf_free(&c->early);
    buf_free(&c->joined);
    buf_free(&c->work[0]);
    buf_free(&c->work[1]);
    arena_free(&c->joins);
    arena_free(&c->arena);
    free(c);
}

void combine_moved(combined *c, const weir_binding *b) { c->o.b = b; }

/* What the last batch hardly used is given back; what it did use the next one will, too. */
static void let_go(buf *b)
{
    const bool used = b->len > b->cap / 4;
    buf_clear(b);
    if (b->cap > KEEP_BYTES && !used)
        buf_free(b);
}

static entry *entries_of(const combined *c) { return (entry *)(void *)c->entries.ptr; }
static size_t noted(const combined *c) { return c->entries.len / sizeof(entry); }

/* Entries behind those taken, which are in order of arrival, and so are their keys. */
static void keep_rest(combined *c, size_t left)
{
    entry *all = entries_of(c);
    memmove(all, all + c->taken, left * sizeof *all);
    c->entries.len = left * sizeof *all;
    const uint32_t from = all[0].key_len ? all[0].key : 0;
    buf_drop(&c->keys, from);
    for (size_t i = 0; i < left; i++)
        all[i].key -= from;
}

void combine_clear(combined *c)
{
    size_t left = c->taken < noted(c) ? noted(c) - c->taken : 0;
    if (left) {
        keep_rest(c, left);
    } else {
        let_go(&c->keys);
        let_go(&c->entries);
    }
    let_go(&c->rows);
    let_go(&c->values);
    let_go(&c->early);
    let_go(&c->joined);
    arena_reset(&c->joins);
    c->parts = false;
    for (size_t i = 0; i < noted(c); i++)
        c->parts |= entries_of(c)[i].part;
    c->sorted = false;
    c->taken = SIZE_MAX;
    c->next = c->count = 0;
}

/* ------------------------------------------------------------------------------------------------------------- adding -- */

static const char *noun(const combined *c) { return c->o.what ? c->o.what : "collection"; }

static weir_rc bad_document(const combined *c, weir_view doc, const char *what, weir_view pointer, err *e)
{
    return err_fail(e, WEIR_E_CONFIG, "%s %.*s: a document %s%.*s: %.*s%s", noun(c), VIEW_ARG(c->o.b->name), what, VIEW_ARG(pointer),
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

static weir_rc pack_key(combined *c, weir_view doc, const weir_view *found, entry *n, err *e)
{
    const weir_binding *b = c->o.b;
    size_t from = c->keys.len;
    for (size_t i = 0; i < b->key_count; i++) {
        const weir_view value = found[i].len ? found[i] : b->columns[i].fallback;
        if (!value.len)
            return bad_document(c, doc, "without its key ", b->columns[i].pointer, e);
        tuple_pack_any(&c->keys, value);
    }
    if (!buf_ok(&c->keys))
        return err_nomem(e);
    n->key = (uint32_t)from;
    n->key_len = (uint32_t)(c->keys.len - from);
    n->head = head_of(c->keys.ptr + from, n->key_len);
    return WEIR_OK;
}

/* What a document says of itself. */
static void take_op(const combined *c, weir_view found, entry *n)
{
    n->deletes |= c->o.deleted_is.len ? view_eq(found, c->o.deleted_is) : found.len && !view_is(found, "null");
    n->part |= !n->deletes && c->o.part_is.len && view_eq(found, c->o.part_is);
}

static weir_rc note(combined *c, const entry *n, err *e)
{
    buf_add(&c->entries, n, sizeof *n);
    c->entries.failed |= c->keys.failed;
    c->parts |= n->part;
    if (buf_ok(&c->entries))
        return WEIR_OK;
    c->entries.failed = c->keys.failed = false; /* what is noted is still good */
    return err_nomem(e);
}

static weir_rc begin_entry(const combined *c, size_t at, size_t len, weir_op op, entry *ret, err *e)
{
    if (len > LEN_MAX)
        return err_fail(e, WEIR_E_NOMEM, "%s %.*s: a document of more than 256 MiB", noun(c), VIEW_ARG(c->o.b->name));
    if (at > UINT32_MAX || c->keys.len > UINT32_MAX - len)
        return err_fail(e, WEIR_E_NOMEM, "%s %.*s: documents of more than 4 GiB at once", noun(c), VIEW_ARG(c->o.b->name));
    *ret = (entry){.at = (uint32_t)at, .len = (uint32_t)(len & LEN_MAX), .deletes = op == WEIR_DELETE, .part = op == WEIR_UPDATE, .values = LATER};
    return WEIR_OK;
}

/* Finds the key, which stands first in `found`, and at `last` what the document says of itself. */
static weir_rc look_into(combined *c, picker *p, weir_view *found, size_t last, weir_view doc, entry *n, err *e)
{
    if (!picker_run(p, doc, found))
        return bad_document(c, doc, "that is not JSON", VIEW(""), e);
    if (c->o.deleted.len)
        take_op(c, found[last], n);
    return last ? pack_key(c, doc, found, n, e) : WEIR_OK;
}

weir_rc combine_add(combined *c, weir_view text, size_t at, size_t len, weir_op op, err *e)
{
    size_t keys = c->o.whole ? 0 : c->o.b->key_count;
    entry n;
    weir_rc rc = begin_entry(c, at, len, op, &n, e);
    if (!rc && c->key_pick)
        rc = look_into(c, c->key_pick, c->key, keys, (weir_view){text.ptr + at, len}, &n, e);
    return rc ? rc : note(c, &n, e);
}

static void note_stray(combined *c, const picker *p)
{
    weir_view stray = picker_stray(p);
    if (stray.len && !c->stray.len && !view_eq(view_from(c->o.deleted, 1), stray))
        c->stray = arena_dup(&c->arena, stray);
}

/* The same for a document that stays where it is until its row is stored, unless values have become too many: takes them all at once. */
static weir_rc add_early(combined *c, weir_view lines, size_t at, size_t len, err *e)
{
    size_t columns = c->o.b->column_count, bytes = columns * sizeof(weir_view);
    entry n;
    if (c->o.whole || !columns || c->early.len >= EARLY_BYTES)
        return combine_add(c, lines, at, len, WEIR_UPSERT, e);
    weir_rc rc = c->batch_pick ? WEIR_OK : make_picker(c, columns, &c->o.deleted, &c->batch_pick, &c->found, e);
    if (!rc)
        rc = begin_entry(c, at, len, WEIR_UPSERT, &n, e);
    if (!rc)
        rc = look_into(c, c->batch_pick, c->found, columns, (weir_view){lines.ptr + at, len}, &n, e);
    if (rc)
        return rc;
    note_stray(c, c->batch_pick);
    n.values = (uint32_t)(c->early.len / bytes);
    buf_add(&c->early, c->found, bytes);
    return buf_ok(&c->early) ? note(c, &n, e) : err_nomem(e);
}

bool combine_extras(buf *text, const weir_view *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t len = (uint32_t)values[i].len;
        if (values[i].len > LEN_MAX)
            return false;
        buf_add(text, &len, sizeof len);
        buf_addv(text, values[i]);
    }
    return buf_ok(text);
}

size_t combine_count(const combined *c, size_t upto)
{
    const entry *all = entries_of(c);
    size_t low = 0, high = noted(c);
    if (high && all[high - 1].at < upto)
        return high;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        *(all[middle].at < upto ? &low : &high) = all[middle].at < upto ? middle + 1 : middle;
    }
    return low;
}

void combine_take(combined *c, size_t upto) { c->taken = combine_count(c, upto); }

void combine_shift(combined *c, size_t bytes)
{
    entry *all = entries_of(c);
    for (size_t i = 0; i < noted(c); i++)
        all[i].at -= (uint32_t)bytes;
}

/* ----------------------------------------------------------------------------------------------------------- reducing -- */

static int compare(const combined *c, const entry *a, const entry *b)
{
    if (a->head != b->head)
        return a->head < b->head ? -1 : 1;
    return view_cmp((weir_view){c->keys.ptr + a->key, a->key_len}, (weir_view){c->keys.ptr + b->key, b->key_len});
}

static int by_key_then_age(const void *x, const void *y, void *arg)
{
    const entry *a = x, *b = y;
    int o = compare(arg, a, b);
    return o ? o : (a->at > b->at) - (a->at < b->at);
}

/* Strictly ascending keys need no work. */
static bool ascending(const combined *c, const entry *all, size_t n)
{
    for (size_t i = 1; i < n; i++)
        if (compare(c, &all[i - 1], &all[i]) >= 0)
            return false;
    return true;
}

static weir_view doc_of(const combined *c, weir_view text, const entry *n)
{
    weir_view from = n->joined ? ((weir_view *)(void *)c->joined.ptr)[n->at] : view_from(text, n->at);
    return (weir_view){from.ptr, n->len};
}

/* Extra values behind a document; those that are there already stay. */
static void take_extras(const combined *c, const char *at, weir_view *extras)
{
    for (size_t i = 0; i < c->o.extra_count; i++) {
        uint32_t len;
        memcpy(&len, at, sizeof len);
        at += sizeof len;
        if (len && !extras[i].len)
            extras[i] = (weir_view){at, len};
        at += len;
    }
}

/* Puts the document in c->work[0], and its extra values, where they last. @param n what it was made of */
static weir_rc keep_joined(combined *c, const weir_view *extras, entry *n, err *e)
{
    buf *doc = &c->work[0];
    n->at = (uint32_t)(c->joined.len / sizeof(weir_view));
    n->joined = true;
    if (doc->len > LEN_MAX)
        return err_fail(e, WEIR_E_NOMEM, "%s %.*s: a document of more than 256 MiB", noun(c), VIEW_ARG(c->o.b->name));
    n->len = (uint32_t)(doc->len & LEN_MAX);
    bool ok = combine_extras(doc, extras, c->o.extra_count);
    weir_view kept = ok ? arena_dup(&c->joins, buf_view(doc)) : (weir_view){0};
    buf_add(&c->joined, &kept, sizeof kept);
    return kept.ptr && buf_ok(&c->joined) ? WEIR_OK : err_nomem(e);
}

/* What comes of documents with the same key, in order of arrival, the last of which is a part: from the last back to the one that is whole, so that what is
 * large is copied but once. */
static weir_rc join(combined *c, weir_view text, const entry *run, size_t n, entry *ret, err *e)
{
    weir_view *extras = arena_array(&c->joins, c->o.extra_count + 1, sizeof *extras), doc = doc_of(c, text, &run[n - 1]);
    if (!extras)
        return err_nomem(e);
    entry all = run[n - 1];
    memset(extras, 0, (c->o.extra_count + 1) * sizeof *extras);
    buf_clear(&c->work[0]);
    buf_addv(&c->work[0], doc);
    take_extras(c, doc.ptr + doc.len, extras);
    for (size_t i = n - 1; all.part && i-- > 0;) {
        if (run[i].deletes) {
            *ret = run[i];
            return WEIR_OK;
        }
        doc = doc_of(c, text, &run[i]);
        buf_clear(&c->work[1]);
        if (!buf_ok(&c->work[0]) || !patch_overlay(&c->work[1], doc, buf_view(&c->work[0])))
            return buf_ok(&c->work[0]) && buf_ok(&c->work[1]) && !json_check(doc, NULL, NULL) ? bad_document(c, doc, "that is not JSON", VIEW(""), e)
                                                                                             : err_nomem(e);
        buf swap = c->work[0];
        c->work[0] = c->work[1];
        c->work[1] = swap;
        take_extras(c, doc.ptr + doc.len, extras);
        all.part = run[i].part;
    }
    *ret = all;
    return keep_joined(c, extras, ret, e);
}

/* An extra value comes before the document's own. */
static weir_view cursor_of(const combined *c, weir_view text, const entry *n)
{
    weir_view doc = doc_of(c, text, n), found = pointer_find(doc, c->o.b->cursor);
    const char *at = doc.ptr + doc.len;
    for (size_t i = 0; i < c->o.extra_count; i++) {
        uint32_t len;
        memcpy(&len, at, sizeof len);
        at += sizeof len;
        if (len && c->o.extras[i] == c->cursor)
            found = (weir_view){at, len};
        at += len;
    }
    return found;
}

/* Which of two documents with the same key stays, the later one of which is the second. */
static entry later(const combined *c, weir_view text, const entry *a, const entry *b)
{
    weir_view then = cursor_of(c, text, a), now = cursor_of(c, text, b);
    entry kept = *b;
    if (b->deletes && !order_has(now)) {
        kept.regardless = true;
        return kept;
    }
    if (weir_cursor_compare(now, then, c->cursor_types) < 0)
        kept = *a;
    kept.regardless = a->regardless || (a->deletes && !order_has(then));
    return kept;
}

/* Of documents with the same key, in order of arrival, the one whose cursor is the largest. Those who name a cursor send no parts. */
static entry latest(const combined *c, weir_view text, const entry *run, size_t n)
{
    entry one = run[0];
    for (size_t i = 1; i < n; i++)
        one = later(c, text, &one, &run[i]);
    return one;
}

/* Sorts by key and makes one document of those with the same: the last one, unless that is a part, or cursors decide. */
static weir_rc reduce(combined *c, weir_view text, entry *all, size_t n, size_t *ret, err *e)
{
    size_t kept = 0;
    weir_rc rc = WEIR_OK;
    qsort_r(all, n, sizeof *all, by_key_then_age, c);
    for (size_t i = 0, end; i < n && !rc; i = end) {
        entry one;
        for (end = i + 1; end < n && compare(c, &all[i], &all[end]) == 0;)
            end++;
        one = c->cursor != SIZE_MAX ? latest(c, text, &all[i], end - i) : all[end - 1];
        if (one.part && end - i > 1)
            rc = join(c, text, &all[i], end - i, &one, e);
        all[kept++] = one;
    }
    *ret = kept;
    return rc;
}

unsigned combine_cursor_types(const weir_column *c)
{
    const bool number = view_is(c->format, "integer") || view_is(c->format, "number");
    return c->types | (number ? WEIR_IS_NUMBER : 0);
}

/* Where the cursor is among the columns. One that is part of the key decides nothing. */
static void find_cursor(combined *c)
{
    const weir_binding *b = c->o.b;
    c->cursor = SIZE_MAX;
    for (size_t i = b->cursor.len ? b->key_count : b->column_count; i < b->column_count && c->cursor == SIZE_MAX; i++)
        if (view_eq(b->columns[i].pointer, b->cursor)) {
            c->cursor = i;
            c->cursor_types = combine_cursor_types(&b->columns[i]);
        }
}

static weir_rc sort(combined *c, weir_view text, err *e)
{
    bool every = c->o.whole || c->o.b->delta_updates;
    weir_rc rc = WEIR_OK;
    c->count = c->taken < noted(c) ? c->taken : noted(c);
    find_cursor(c);
    if (every)
        c->cursor = SIZE_MAX;
    else if (!ascending(c, entries_of(c), c->count))
        rc = reduce(c, text, entries_of(c), c->count, &c->count, e);
    c->sorted = true;
    return rc;
}

/* --------------------------------------------------------------------------------------------------------------- rows -- */

static void put_extras(const combined *c, const char *at, weir_view *values)
{
    for (size_t i = 0; i < c->o.extra_count; i++) {
        uint32_t len;
        memcpy(&len, at, sizeof len);
        at += sizeof len;
        if (len && c->o.extras[i] != SIZE_MAX)
            values[c->o.extras[i]] = (weir_view){at, len};
        at += len;
    }
}

static weir_rc make_row(combined *c, weir_view text, const entry *n, weir_row *row, weir_view *values, err *e)
{
    weir_view doc = doc_of(c, text, n);
    bool early = n->values != LATER && !n->joined;
    if (early)
        values = (weir_view *)(void *)c->early.ptr + n->values * c->o.b->column_count;
    *row = (weir_row){.binding = c->o.b, .op = n->deletes ? WEIR_DELETE : n->part ? WEIR_UPDATE : WEIR_UPSERT, .doc = doc, .values = values};
    if (c->o.whole)
        return WEIR_OK;
    if (!early && !picker_run(c->pick, doc, values))
        return bad_document(c, doc, "that is not JSON", VIEW(""), e);
    if (!early)
        note_stray(c, c->pick);
    put_extras(c, doc.ptr + doc.len, values);
    if (c->defaults)
        defaults_fill(row, values);
    row->regardless = n->regardless || (c->cursor != SIZE_MAX && n->deletes && !order_has(values[c->cursor]));
    return WEIR_OK;
}

weir_rc combine_rows(combined *c, weir_view text, size_t most, weir_row **ret, size_t *ret_count, err *e)
{
    const size_t columns = c->o.whole ? 0 : c->o.b->column_count;
    weir_rc rc = c->sorted ? WEIR_OK : sort(c, text, e);
    if (rc)
        return rc;
    size_t n = c->count - c->next < most ? c->count - c->next : most;
    c->defaults = defaults_any(c->o.b);
    buf_clear(&c->rows);
    buf_clear(&c->values);
    const size_t room = !c->parts && c->early.len && c->early.len == noted(c) * columns * sizeof(weir_view) ? 0 : columns; /* not early */
    if ((room && n > SIZE_MAX / 2 / room / sizeof(weir_view)) || !buf_reserve(&c->rows, n * sizeof(weir_row) + 1) ||
        !buf_reserve(&c->values, n * room * sizeof(weir_view) + 1))
        return err_nomem(e);
    weir_row *rows = (weir_row *)(void *)c->rows.ptr;
    weir_view *values = room ? (weir_view *)(void *)c->values.ptr : NULL;
    for (size_t i = 0; i < n; i++) {
        rc = make_row(c, text, &entries_of(c)[c->next + i], &rows[i], values ? values + i * columns : NULL, e);
        if (rc)
            return rc;
    }
    c->rows.len = n * sizeof *rows;
    c->next += n;
    *ret = rows;
    *ret_count = n;
    return WEIR_OK;
}

weir_view combine_stray(const combined *c) { return c->stray; }
bool combine_has_parts(const combined *c) { return c->parts; }
bool combine_truncated(const combined *c) { return c->truncated; }

weir_rc combine_complete(combined *c, weir_row *row, weir_view held, err *e)
{
    buf *whole = &c->work[0];
    weir_view *values = (weir_view *)(uintptr_t)row->values; /* ours */
    buf_clear(whole);
    if (!patch_overlay(whole, held, row->doc))
        return err_fail(e, buf_ok(whole) && !json_check(held, NULL, NULL) ? WEIR_E_REMOTE : WEIR_E_NOMEM, "what the destination holds cannot be updated");
    weir_view doc = arena_dup(&c->joins, buf_view(whole));
    if (!doc.ptr)
        return err_nomem(e);
    if (!picker_run(c->pick, doc, values))
        return bad_document(c, doc, "that is not JSON", VIEW(""), e);
    put_extras(c, row->doc.ptr + row->doc.len, values);
    row->doc = doc;
    row->op = WEIR_UPSERT;
    row->exists = WEIR_EXISTS_YES;
    defaults_fill(row, values);
    return WEIR_OK;
}

weir_rc combine_batch(combined *c, weir_view lines, weir_row **ret, size_t *ret_count, size_t *ret_documents, err *e)
{
    weir_view rest = lines;
    const bool every = c->o.whole || c->o.b->delta_updates;
    combine_clear(c);
    c->truncated = false;
    *ret_documents = 0;
    while (rest.len) {
        const char *nl = memchr(rest.ptr, '\n', rest.len);
        const weir_view line = {rest.ptr, nl ? (size_t)(nl - rest.ptr) : rest.len};
        rest = view_from(rest, line.len + (nl != NULL));
        if (__builtin_expect(view_is(line, COMBINE_TRUNCATION), 0)) {
            if (!every)
                combine_clear(c);
            c->truncated |= !every;
            continue;
        }
        ++*ret_documents;
        weir_rc rc = add_early(c, lines, (size_t)(line.ptr - lines.ptr), line.len, e);
        if (rc)
            return rc;
    }
    return combine_rows(c, lines, SIZE_MAX, ret, ret_count, e);
}
