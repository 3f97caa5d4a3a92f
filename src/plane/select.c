/* Field selection: reasons for and against each projection, the strongest ones first. Flow's rules, see columns.h. */
#include <stdlib.h>
#include <strings.h>

#include "base/map.h"
#include "json/scan.h"
#include "plane/columns.h"

/* Reasons for, ascending. */
typedef enum favour {
    NO_WISH,
    WITHIN_DEPTH,     /* wishes: a reason against beats them */
    PLACE_DEMANDED,   /* by the destination: some projection of the location */
    GIVEN,            /* by the catalog */
    STORED_NOW,
    PARTITION,
    DEMANDED,         /* by the destination */
    ASKED_FOR,        /* by the user */
    DOCUMENT_NOW,
    KEY_PART
} favour;

/* Reasons against, ascending. */
typedef enum objection { NO_OBJECTION, COVERED, BELOW_EXCLUDED, SAME_PLACE, SAME_NAME, INCOMPATIBLE, FORBIDDEN, EXCLUDED } objection;

typedef struct candidate {
    const weir_column *c;
    size_t at;          /* in the binding */
    const demand *said;
    favour favour;
    objection objection;
    weir_view name;     /* at the destination */
    const struct candidate *other; /* SAME_NAME: as which one */
    bool chosen;
} candidate;

typedef struct choice {
    arena *mem;
    const collection *from;
    const task_binding *b;
    const demands *said;
    const columns_live *live;
    const weir_binding *all;
    candidate *items, **order;
    unsigned depth;      /* recommended */
    map places;          /* pointer -> chosen candidate */
    map excluded;        /* pointers of places whose own field was excluded */
    map names;           /* -> chosen candidate */
    const candidate *document;
    buf problems;
} choice;

static const demand nothing_said = {0};

static void put(choice *s, map *m, weir_view key, const void *value)
{
    if (!map_put(m, key, (void *)(uintptr_t)value)) /* only read */
        s->mem->failed = true;
}

static unsigned levels_of(weir_view pointer)
{
    unsigned n = 0;
    for (size_t i = 0; i < pointer.len; i++)
        n += pointer.ptr[i] == '/';
    return n;
}

static bool is_below(weir_view pointer, weir_view above)
{
    return pointer.len > above.len && view_starts(pointer, above) && pointer.ptr[above.len] == '/';
}

/* ---- reasons for ---- */

/* Names that are lists or members of an object: of `fields`. */
static bool lists(const choice *s, const char *list, weir_view field)
{
    const tree *t = tree_get(s->b->fields, list);
    for (const tree *one = t ? t->first : NULL; one; one = one->next)
        if (view_eq(t->kind == TREE_OBJECT ? one->name : one->text, field))
            return true;
    return false;
}

static bool is_meta(weir_view pointer)
{
    return view_is(pointer, "/_meta") || view_starts(pointer, VIEW("/_meta/"));
}

static bool is_own_field(const weir_column *c)
{
    return !c->given && c->pointer.len;
}

/* Places below it that have fields of their own. Columns of one object follow each other, as in the schema. */
static bool has_members(const choice *s, size_t at)
{
    const weir_column *c = &s->all->columns[at];
    for (size_t i = 0; i < s->all->column_count; i++)
        if (is_below(s->all->columns[i].pointer, c->pointer))
            return true;
    return false;
}

static bool any_depth(const choice *s)
{
    const tree *t = tree_get(s->b->fields, "recommended");
    return t && t->kind == TREE_BOOL && t->boolean;
}

static bool within_depth(const choice *s, size_t at)
{
    const weir_column *c = &s->all->columns[at];
    const unsigned level = levels_of(c->pointer), object = WEIR_IS_OBJECT | WEIR_IS_NULL;
    if (!s->depth || !c->pointer.len)
        return false;
    if (view_is(c->field, "_meta/op") && view_is(c->pointer, "/_meta/op"))
        return s->depth > 1;
    if (is_meta(c->pointer))
        return false;
    if (level >= s->depth)
        return level == s->depth;
    if (!c->types || !(c->types & WEIR_IS_OBJECT) || c->types & ~object)
        return true;
    return !any_depth(s) && !has_members(s, at);
}

static favour stronger(favour a, favour b)
{
    return a > b ? a : b;
}

static bool is_stored(const columns_live *live, weir_view field)
{
    for (size_t i = 0; live && i < live->count; i++)
        if (view_eq(live->values[i], field))
            return true;
    return false;
}

static favour favour_of(const choice *s, size_t at, const demand *said)
{
    const weir_column *c = &s->all->columns[at];
    favour f = c->key ? KEY_PART : NO_WISH;
    if (s->live && s->live->document.len && view_eq(s->live->document, c->field))
        f = stronger(f, DOCUMENT_NOW);
    if (c->named)
        f = stronger(f, ASKED_FOR);
    if (said->need == WEIR_COLUMN_REQUIRED)
        f = stronger(f, DEMANDED);
    if (c->partition)
        f = stronger(f, PARTITION);
    if (is_stored(s->live, c->field))
        f = stronger(f, STORED_NOW);
    if (c->given && s->depth)
        f = stronger(f, GIVEN);
    if (said->need == WEIR_COLUMN_PLACE_REQUIRED)
        f = stronger(f, PLACE_DEMANDED);
    return stronger(f, within_depth(s, at) ? WITHIN_DEPTH : NO_WISH);
}

/* ---- reasons against ---- */

static objection objection_of(const choice *s, const weir_column *c, const demand *said)
{
    if (lists(s, "exclude", c->field))
        return EXCLUDED;
    if (said->need == WEIR_COLUMN_FORBIDDEN || (!said->any && c->types == WEIR_IS_NULL && !c->named))
        return FORBIDDEN;
    return said->need == WEIR_COLUMN_IMPOSSIBLE ? INCOMPATIBLE : NO_OBJECTION;
}

/* As the destination writes it; where case does not matter, in small letters (of ASCII: who folds others says so by name). */
static weir_view name_of(choice *s, const weir_column *c, const demand *said)
{
    weir_view name = said->folded.len ? said->folded : c->field;
    if (!s->said->rules.ignores_case)
        return name;
    weir_view small = arena_dup(s->mem, name);
    for (size_t i = 0; i < small.len; i++)
        if (small.ptr[i] >= 'A' && small.ptr[i] <= 'Z')
            ((char *)(uintptr_t)small.ptr)[i] = (char)(small.ptr[i] - 'A' + 'a'); /* our copy */
    return small;
}

static void make_candidates(choice *s)
{
    const size_t n = s->all->column_count;
    s->items = arena_array(s->mem, n, sizeof *s->items);
    s->order = arena_array(s->mem, n, sizeof(candidate *));
    for (size_t i = 0; !s->mem->failed && i < n; i++) {
        const weir_column *c = &s->all->columns[i];
        const demand *said = s->said->columns ? &s->said->columns[i] : &nothing_said;
        if (!said->any && !c->pointer.len)
            said = &s->said->document;
        s->items[i] = (candidate){.c = c, .at = i, .said = said, .favour = favour_of(s, i, said), .objection = objection_of(s, c, said),
                                  .name = name_of(s, c, said)};
        s->order[i] = &s->items[i];
        if (s->items[i].objection == EXCLUDED && is_own_field(c))
            put(s, &s->excluded, c->pointer, &s->items[i]);
    }
}

/* Is the key, or `_meta`, all that is known? */
static bool is_uninformed(const choice *s)
{
    for (size_t i = 0; i < s->all->column_count; i++) {
        const weir_column *c = &s->all->columns[i];
        bool key = c->key;
        for (size_t k = 0; !key && k < s->all->key_count; k++)
            key = view_eq(s->all->columns[k].pointer, c->pointer) || is_below(s->all->columns[k].pointer, c->pointer);
        if (!key && c->pointer.len && !is_meta(c->pointer) && !c->given)
            return false;
    }
    return true;
}

static void want_document(choice *s)
{
    for (size_t i = 0; s->depth && i < s->all->column_count; i++)
        if (!s->items[i].c->pointer.len && !s->items[i].c->given && is_uninformed(s) && !collection_infers(s->from))
            s->items[i].favour = stronger(s->items[i].favour, WITHIN_DEPTH);
}

/* ---- one after the other ---- */

/* The strongest first; among equals what is compatible, then by name. */
static int by_strength(const void *x, const void *y)
{
    const candidate *a = *(candidate *const *)x, *b = *(candidate *const *)y;
    if (a->favour != b->favour)
        return a->favour > b->favour ? -1 : 1;
    if ((a->objection == INCOMPATIBLE) != (b->objection == INCOMPATIBLE))
        return a->objection == INCOMPATIBLE ? 1 : -1;
    return view_cmp(a->c->field, b->c->field);
}

/* Is a place above this one among these? */
static bool has_above(const map *places, weir_view pointer)
{
    for (size_t i = pointer.len; i-- > 1;)
        if (pointer.ptr[i] == '/' && map_get(places, (weir_view){pointer.ptr, i}))
            return true;
    return false;
}

static void object(candidate *k, objection why)
{
    k->objection = k->objection > why ? k->objection : why;
}

/* What was chosen before this one may be in its way. */
static void look_around(choice *s, candidate *k)
{
    const weir_view pointer = k->c->pointer;
    const bool document = !pointer.len;
    const candidate *same_name = map_get(&s->names, k->name);
    if (same_name) {
        k->other = same_name;
        object(k, SAME_NAME);
    }
    if (document ? s->document != NULL : map_get(&s->places, pointer) != NULL) {
        if (k->favour <= PLACE_DEMANDED) {
            k->favour = NO_WISH;
            object(k, SAME_PLACE);
        }
    } else if (k->favour <= WITHIN_DEPTH && !document && has_above(&s->places, pointer)) {
        k->favour = NO_WISH;
        object(k, COVERED);
    } else if (k->favour <= WITHIN_DEPTH && !document && has_above(&s->excluded, pointer)) {
        k->favour = NO_WISH;
        object(k, BELOW_EXCLUDED);
    }
}

static const char *why_for(favour f)
{
    static const char *const words[] = {
        [PLACE_DEMANDED] = "the destination demands its place", [GIVEN] = "the catalog has it", [STORED_NOW] = "it is stored now",
        [PARTITION] = "the collection is partitioned by it", [DEMANDED] = "the destination demands it", [ASKED_FOR] = "was asked for",
        [DOCUMENT_NOW] = "it holds the document now", [KEY_PART] = "is part of the key", [WITHIN_DEPTH] = "it is recommended"};
    return words[f];
}

static void tell(buf *problems, const candidate *k)
{
    static const char *const words[] = {[FORBIDDEN] = "the destination does not take it", [EXCLUDED] = "it is excluded", [SAME_NAME] = "another field has its name",
                                        [INCOMPATIBLE] = "cannot be stored as it is"};
    buf_printf(problems, "%sfield %.*s ", problems->len ? "\n" : "", VIEW_ARG(k->c->field));
    if (k->objection != INCOMPATIBLE)
        buf_printf(problems, "%s, but ", why_for(k->favour));
    buf_adds(problems, words[k->objection]);
    if (k->objection == SAME_NAME)
        buf_printf(problems, ": %.*s is written %.*s, too", VIEW_ARG(k->other->c->field), VIEW_ARG(k->name));
    else if (k->said->reason.len && k->objection != EXCLUDED)
        buf_printf(problems, ": %.*s", VIEW_ARG(k->said->reason));
}

static bool is_wish(favour f)
{
    return f == WITHIN_DEPTH || (f >= GIVEN && f <= PARTITION);
}

static void decide(choice *s, candidate *k, buf *incompatible)
{
    look_around(s, k);
    if (!k->favour || (k->objection && k->objection != INCOMPATIBLE && is_wish(k->favour)))
        return;
    if (k->objection)
        tell(k->objection == INCOMPATIBLE && incompatible ? incompatible : &s->problems, k);
    k->chosen = !k->objection || k->objection == INCOMPATIBLE;
    if (!k->chosen)
        return;
    put(s, &s->names, k->name, k);
    if (k->c->pointer.len)
        put(s, &s->places, k->c->pointer, k);
    else
        s->document = s->document ? s->document : k;
}

/* ---- what comes of it ---- */

/* Keys; places; what the catalog gives; what was asked for and would not have come by itself. Within each as in the binding, the document at the end. */
static unsigned rank_of(const choice *s, const candidate *k)
{
    if (k->c->key)
        return 0;
    if (k->c->given)
        return 2;
    return k->favour == ASKED_FOR && !within_depth(s, k->at) && !is_stored(s->live, k->c->field) ? 3 : 1;
}

static void collect(const choice *s, weir_binding *b, weir_column *to)
{
    size_t n = 0;
    for (unsigned rank = 0; rank < 4; rank++)
        for (size_t i = 0; i < b->column_count; i++)
            if (s->items[i].chosen && rank_of(s, &s->items[i]) == rank)
                to[n++] = *s->items[i].c;
    b->columns = to;
    b->column_count = n;
}

weir_rc columns_choose(arena *a, const collection *c, const task_binding *from, const demands *said, const columns_live *live, weir_binding *b,
                       buf *ret_incompatible, err *e)
{
    choice s = {.mem = a, .from = c, .b = from, .said = said, .live = live, .all = b, .depth = columns_recommended_depth(from->fields)};
    weir_column *to = arena_array(a, b->column_count, sizeof *to);
    make_candidates(&s);
    if (!a->failed) {
        want_document(&s);
        qsort(s.order, b->column_count, sizeof(candidate *), by_strength);
    }
    for (size_t i = 0; !a->failed && i < b->column_count; i++)
        decide(&s, s.order[i], ret_incompatible);
    weir_rc rc = a->failed || !buf_ok(&s.problems) || (ret_incompatible && !buf_ok(ret_incompatible)) ? err_nomem(e) : WEIR_OK;
    if (!rc && s.problems.len)
        rc = err_fail(e, WEIR_E_CONFIG, "%s", buf_text(&s.problems));
    if (!rc)
        collect(&s, b, to);
    map_free(&s.places);
    map_free(&s.excluded);
    map_free(&s.names);
    buf_free(&s.problems);
    return rc;
}
