#include "json/patch.h"

#include <stdlib.h>

#include "json/number.h"
#include "json/scan.h"
#include "json/text.h"

/* ---------------------------------------------------------------------------------------------------- members by name -- */

/** A value of which the members can be found by name. Of duplicate names the last one counts, as for most readers. */
typedef struct node {
    weir_view name;   /* comparable, see json_identity() */
    weir_view quoted; /* the name as written */
    weir_view value;  /* as written */
    char kind;        /* its first byte */
    bool used;        /* merge: the target has it too */
    struct node *first, *next;
    struct node **sorted; /* children of an object by name, if there are more than a few */
    size_t count;
} node;

typedef struct work {
    arena mem;
    buf *out;
    json_scan scan;
    bool items; /* array items are wanted too */
    bool flat;  /* of the members of the root only where they are */
} work;

enum { FEW = 12 }; /* up to here names are compared one by one */

static int by_name(const void *left, const void *right)
{
    const node *a = *(node *const *)left, *b = *(node *const *)right;
    int c = view_cmp(a->name, b->name);
    return c ? c : (a->value.ptr > b->value.ptr) - (a->value.ptr < b->value.ptr);
}

static node *find_sorted(const node *object, weir_view name)
{
    size_t low = 0, high = object->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int c = view_cmp(object->sorted[middle]->name, name);
        if (c == 0)
            return object->sorted[middle];
        if (c < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static node *find(const node *object, weir_view name)
{
    if (object->sorted)
        return find_sorted(object, name);
    node *n = object->first;
    while (n && !view_eq(n->name, name))
        n = n->next;
    return n;
}

/** Sorts the names of a large object; of equal names only the last stays in the order. */
static bool sort_names(work *w, node *object)
{
    node **sorted = arena_array(&w->mem, object->count, sizeof *sorted);
    if (!sorted)
        return false;
    size_t n = 0, kept = 0;
    for (node *m = object->first; m; m = m->next)
        sorted[n++] = m;
    qsort(sorted, n, sizeof *sorted, by_name);
    for (size_t i = 0; i < n; i++) {
        if (i + 1 == n || !view_eq(sorted[i]->name, sorted[i + 1]->name))
            sorted[kept++] = sorted[i];
    }
    object->sorted = sorted;
    object->count = kept;
    return true;
}

/** Is there another member of that name behind this one? */
static bool is_overridden(const node *object, const node *m)
{
    if (object->sorted)
        return find_sorted(object, m->name) != m;
    const node *later = m->next;
    while (later && !view_eq(later->name, m->name))
        later = later->next;
    return later != NULL;
}

static bool settle_names(work *w, node *object)
{
    if (object->count > FEW && !sort_names(w, object))
        return false;
    size_t kept = 0;
    for (node **at = &object->first; *at;) {
        if (is_overridden(object, *at)) {
            *at = (*at)->next;
        } else {
            at = &(*at)->next;
            kept++;
        }
    }
    object->count = kept;
    return true;
}

static weir_view comparable(work *w, json_key key)
{
    return key.escaped ? json_identity(&w->mem, key.raw) : key.raw;
}

static bool take_value(work *w, node *n);

static bool take_children(work *w, node *parent)
{
    bool named = parent->kind == '{';
    node **end = &parent->first;
    json_key key;
    if (!json_enter(&w->scan, parent->kind))
        return false;
    while (named ? json_member(&w->scan, &key) : json_item(&w->scan)) {
        node *n = arena_alloc(&w->mem, sizeof *n);
        if (!n)
            return false;
        if (named) {
            n->name = comparable(w, key);
            n->quoted = (weir_view){key.raw.ptr - 1, key.raw.len + 2};
        }
        *end = n;
        end = &n->next;
        parent->count++;
        if (!(w->flat ? json_skip(&w->scan, &n->value) : take_value(w, n)))
            return false;
    }
    return !w->scan.error && !w->mem.failed && (!named || settle_names(w, parent));
}

static bool take_value(work *w, node *n)
{
    n->kind = json_peek(&w->scan);
    n->value.ptr = w->scan.at;
    bool good = n->kind == '{' || (n->kind == '[' && w->items) ? take_children(w, n) : json_skip(&w->scan, NULL);
    n->value.len = (size_t)(w->scan.at - n->value.ptr);
    return good;
}

static weir_view or_null(weir_view json)
{
    return json.len ? json : VIEW("null");
}

static node *index_text(work *w, weir_view json)
{
    node *n = arena_alloc(&w->mem, sizeof *n);
    w->scan = json_scan_of(or_null(json));
    return n && take_value(w, n) ? n : NULL;
}

/* ---------------------------------------------------------------------------------------------------------- equality -- */

static bool same(work *w, const node *a, const node *b);

static bool same_items(work *w, const node *a, const node *b)
{
    const node *p = a->first, *q = b->first;
    while (p && q && same(w, p, q)) {
        p = p->next;
        q = q->next;
    }
    return !p && !q;
}

static bool same_members(work *w, const node *a, const node *b)
{
    if (a->count != b->count)
        return false;
    for (const node *p = a->first; p; p = p->next) {
        const node *q = find(b, p->name);
        if (!q || !same(w, p, q))
            return false;
    }
    return true;
}

static bool same_text(work *w, weir_view a, weir_view b)
{
    weir_view left = json_identity(&w->mem, (weir_view){a.ptr + 1, a.len - 2});
    weir_view right = json_identity(&w->mem, (weir_view){b.ptr + 1, b.len - 2});
    return !w->mem.failed && view_eq(left, right);
}

static bool is_number(char kind)
{
    return kind == '-' || (kind >= '0' && kind <= '9');
}

static bool same(work *w, const node *a, const node *b)
{
    if (view_eq(a->value, b->value))
        return true;
    if (is_number(a->kind) && is_number(b->kind))
        return number_compare(a->value, b->value) == 0;
    if (a->kind != b->kind)
        return false;
    if (a->kind == '"')
        return same_text(w, a->value, b->value);
    return a->kind == '{' ? same_members(w, a, b) : a->kind == '[' && same_items(w, a, b);
}

bool json_equal(weir_view a, weir_view b)
{
    if (view_eq(a, b))
        return true;
    work w = {.items = true};
    const node *left = index_text(&w, a), *right = left ? index_text(&w, b) : NULL;
    bool equal = left && right && same(&w, left, right);
    arena_free(&w.mem);
    return equal;
}

/* ----------------------------------------------------------------------------------------------------------- merging -- */

/** Begins a member of the object being written. */
static void put_name(work *w, bool *comma, weir_view quoted)
{
    if (*comma)
        buf_addc(w->out, ',');
    *comma = true;
    buf_addv(w->out, quoted);
    buf_addc(w->out, ':');
}

/** Appends a value without the null members of its objects: what a merge into nothing gives. */
static void put_stripped(work *w, const node *n)
{
    bool comma = false;
    if (n->kind != '{') {
        buf_addv(w->out, n->value);
        return;
    }
    buf_addc(w->out, '{');
    for (const node *m = n->first; m; m = m->next) {
        if (m->kind != 'n') {
            put_name(w, &comma, m->quoted);
            put_stripped(w, m);
        }
    }
    buf_addc(w->out, '}');
}

static void merge(work *w, node *patch);

/** Takes the target's next value and appends it. */
static void put_taken(work *w)
{
    weir_view value;
    if (json_skip(&w->scan, &value))
        buf_addv(w->out, value);
}

static void merge_member(work *w, json_key key, node *patch, bool *comma)
{
    node *m = find(patch, comparable(w, key));
    if (m && m->kind == 'n') {
        json_skip(&w->scan, NULL);
    } else {
        put_name(w, comma, (weir_view){key.raw.ptr - 1, key.raw.len + 2});
        if (m)
            merge(w, m);
        else
            put_taken(w);
    }
    if (m)
        m->used = true;
}

static void merge_object(work *w, node *patch)
{
    bool comma = false;
    json_key key;
    buf_addc(w->out, '{');
    json_enter(&w->scan, '{');
    while (json_member(&w->scan, &key))
        merge_member(w, key, patch, &comma);
    for (node *m = patch->first; m; m = m->next) {
        if (!m->used && m->kind != 'n') {
            put_name(w, &comma, m->quoted);
            put_stripped(w, m);
        }
        m->used = false; /* a target with duplicate names comes here again */
    }
    buf_addc(w->out, '}');
}

/** Takes the target's next value, which is scanned only once, and appends what the patch makes of it. */
static void merge(work *w, node *patch)
{
    if (patch->kind == '{' && json_peek(&w->scan) == '{') {
        merge_object(w, patch);
    } else {
        json_skip(&w->scan, NULL);
        put_stripped(w, patch);
    }
}

/** Ends work on out: all or nothing. */
static bool finish(work *w, bool good, size_t begin)
{
    good = good && !w->mem.failed && buf_ok(w->out);
    if (!good)
        w->out->len = begin;
    arena_free(&w->mem);
    return good;
}

bool patch_apply(buf *out, weir_view target, weir_view patch)
{
    size_t begin = out->len;
    work w = {.out = out};
    node *root = index_text(&w, patch);
    if (root) {
        w.scan = json_scan_of(or_null(target));
        merge(&w, root);
    }
    return finish(&w, root && !w.scan.error, begin);
}

bool patch_overlay(buf *out, weir_view base, weir_view part)
{
    size_t begin = out->len;
    work w = {.out = out, .flat = true};
    node *root = index_text(&w, part);
    bool comma = false, good = root && root->kind == '{';
    json_key key;
    w.scan = json_scan_of(base);
    good = good && json_peek(&w.scan) == '{' && json_enter(&w.scan, '{');
    buf_addc(out, '{');
    while (good && json_member(&w.scan, &key)) {
        node *m = find(root, comparable(&w, key));
        put_name(&w, &comma, (weir_view){key.raw.ptr - 1, key.raw.len + 2});
        if (m) {
            json_skip(&w.scan, NULL);
            buf_addv(out, m->value);
            m->used = true;
        } else {
            put_taken(&w);
        }
    }
    for (node *m = good ? root->first : NULL; m; m = m->next) {
        if (m->used)
            continue;
        put_name(&w, &comma, m->quoted);
        buf_addv(out, m->value);
    }
    buf_addc(out, '}');
    return finish(&w, good && !w.scan.error, begin);
}

/* ----------------------------------------------------------------------------------------------------------- diffing -- */

static bool diff_members(work *w, const node *from, const node *to);

/** Appends a member that makes `to` of `from`, unless they are the same. */
static void diff_member(work *w, const node *from, const node *to, bool *comma)
{
    size_t begin = w->out->len;
    bool comma_before = *comma, changed = true;
    put_name(w, comma, from->quoted);
    if (!to || to->kind == 'n') {
        changed = !to || from->kind != 'n';
        buf_adds(w->out, "null");
    } else if (from->kind == '{' && to->kind == '{') {
        changed = diff_members(w, from, to);
    } else {
        changed = !json_equal(from->value, to->value);
        if (changed)
            put_stripped(w, to);
    }
    if (!changed) {
        w->out->len = begin;
        *comma = comma_before;
    }
}

/** Appends an object. @return whether anything is in it */
static bool diff_members(work *w, const node *from, const node *to)
{
    bool comma = false;
    buf_addc(w->out, '{');
    for (const node *m = from->first; m; m = m->next)
        diff_member(w, m, find(to, m->name), &comma);
    for (const node *m = to->first; m; m = m->next) {
        if (m->kind != 'n' && !find(from, m->name)) {
            put_name(w, &comma, m->quoted);
            put_stripped(w, m);
        }
    }
    buf_addc(w->out, '}');
    return comma;
}

bool patch_diff(buf *out, weir_view from, weir_view to)
{
    size_t begin = out->len;
    work w = {.out = out};
    const node *left = index_text(&w, from), *right = left ? index_text(&w, to) : NULL;
    if (right && left->kind == '{' && right->kind == '{')
        diff_members(&w, left, right);
    else if (right)
        put_stripped(&w, right);
    return finish(&w, right != NULL, begin);
}
