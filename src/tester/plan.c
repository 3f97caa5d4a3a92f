#include "tester/plan.h"

#include <stdlib.h>

#include "base/map.h"
#include "proto/fivetran/moment.h"

#define OP_TIME "op_time"

/* 9999-12-31T23:59:59.999Z (fivetran.md 2.4) */
static const int64_t end_of_time = 253402300799999;

typedef struct planning {
    arena *a;
    tester_finder *find;
    void *arg;
    tester_plan *plan;
    map by_table; /* place in plan->batches, plus 1 */
    size_t room, truncation_room;
    int64_t now;
} planning;

/* --------------------------------------------------------------------------------------------------------------- batches -- */

static bool grow(arena *a, void **items, size_t count, size_t *room, size_t size)
{
    if (count < *room)
        return true;
    size_t more = *room ? *room * 2 : 8;
    void *grown = arena_array(a, more, size);
    if (!grown)
        return false;
    if (count)
        memcpy(grown, *items, count * size);
    *items = grown;
    *room = more;
    return true;
}

/* The batch of a table; *ret NULL: the destination has no such table, and rows for it change nothing. */
static weir_rc batch_of(planning *p, weir_view name, tester_batch **ret, err *e)
{
    bool unknown = false;
    size_t place = (size_t)(uintptr_t)map_get(&p->by_table, name);
    *ret = NULL;
    if (place) {
        *ret = &p->plan->batches[place - 1];
        return WEIR_OK;
    }
    const tester_target_table *t = p->find(p->arg, name, &unknown, e);
    if (!t)
        return unknown ? WEIR_OK : e->rc;
    if (!grow(p->a, (void **)&p->plan->batches, p->plan->batch_count, &p->room, sizeof *p->plan->batches) ||
        !map_put(&p->by_table, name, (void *)(uintptr_t)(p->plan->batch_count + 1)))
        return err_nomem(e);
    *ret = &p->plan->batches[p->plan->batch_count++];
    **ret = (tester_batch){.target = t};
    return WEIR_OK;
}

static void append(tester_batch *b, tester_file kind, tester_row *row)
{
    *(b->last[kind] ? &b->last[kind]->next : &b->first[kind]) = row;
    b->last[kind] = row;
    b->count[kind]++;
}

/* ------------------------------------------------------------------------------------------------------------------ rows -- */

static weir_rc check_members(const tester_target_table *t, const tree *values, err *e)
{
    for (const tree *m = values->first; m; m = m->next)
        if (!tester_target_column(&t->table, m->name) && !view_is(m->name, OP_TIME))
            return tester_input_wrong(m->name_mark, e, "table '%.*s' has no column '%.*s'", VIEW_ARG(t->table.name), VIEW_ARG(m->name));
    for (size_t i = 0; i < t->table.count; i++) {
        const ft_column *c = &t->table.columns[i];
        if (c->key && !view_is(c->name, TARGET_START) && tree_is_null(tree_getv(values, c->name)))
            return tester_input_wrong(values->mark, e, "the row lacks '%.*s', of the key of table '%.*s'", VIEW_ARG(c->name), VIEW_ARG(t->table.name));
    }
    return WEIR_OK;
}

static weir_rc read_start(const tree *values, tester_row *row, err *e)
{
    int64_t seconds;
    uint32_t nanos;
    const tree *t = tree_get(values, OP_TIME);
    if (!t || t->kind != TREE_STRING || !ft_time_of_text(FT_UTC_DATETIME, t->text, &seconds, &nanos))
        return tester_input_wrong(t ? t->mark : values->mark, e, "a row with history needs an " OP_TIME " such as \"2024-01-31T12:00:00Z\"");
    row->start = seconds * 1000 + nanos / 1000000;
    return WEIR_OK;
}

static weir_rc take_row(planning *p, tester_batch *b, tester_file kind, bool soft, const tree *values, err *e)
{
    if (values->kind != TREE_OBJECT)
        return tester_input_wrong(values->mark, e, "expected a row, an object");
    weir_rc rc = check_members(b->target, values, e);
    tester_row *row = rc ? NULL : arena_alloc(p->a, sizeof *row);
    if (!rc && !row)
        return err_nomem(e);
    if (rc)
        return rc;
    *row = (tester_row){.values = values, .synced = p->now, .soft_delete = soft, .end = end_of_time};
    if (b->target->history)
        rc = read_start(values, row, e);
    append(b, kind, row);
    return rc;
}

/* {TABLE: [ROW...]} */
static weir_rc take_rows(planning *p, const tree *tables, tester_file kind, bool soft, err *e)
{
    weir_rc rc = WEIR_OK;
    if (tables->kind != TREE_OBJECT)
        return tester_input_wrong(tables->mark, e, "expected an object with rows by table");
    for (const tree *t = tables->first; !rc && t; t = t->next) {
        tester_batch *b;
        if (t->kind != TREE_ARRAY)
            return tester_input_wrong(t->mark, e, "expected an array of rows");
        rc = batch_of(p, t->name, &b, e);
        if (!rc && soft && b && b->target->history)
            rc = tester_input_wrong(t->name_mark, e, "table '%.*s' has history: there are no soft deletes", VIEW_ARG(t->name));
        for (const tree *row = t->first; !rc && b && row; row = row->next)
            rc = take_row(p, b, kind, soft, row, e);
    }
    return rc;
}

static weir_rc take_truncations(planning *p, const tree *tables, bool soft, err *e)
{
    tester_plan *plan = p->plan;
    if (tables->kind != TREE_ARRAY)
        return tester_input_wrong(tables->mark, e, "expected an array of tables");
    for (const tree *t = tables->first; t; t = t->next) {
        bool unknown = false;
        if (t->kind != TREE_STRING)
            return tester_input_wrong(t->mark, e, "expected the name of a table");
        const tester_target_table *x = p->find(p->arg, t->text, &unknown, e);
        if (!x && !unknown)
            return e->rc;
        if (x && soft && x->history)
            return tester_input_wrong(t->mark, e, "table '%.*s' has history: there are no soft truncations", VIEW_ARG(t->text));
        if (!grow(p->a, (void **)&plan->truncations, plan->truncation_count, &p->truncation_room, sizeof *plan->truncations))
            return err_nomem(e);
        plan->truncations[plan->truncation_count++] = (tester_truncation){t->text, p->now, soft};
    }
    return WEIR_OK;
}

static const struct {
    const char *name;
    tester_file kind; /* TESTER_FILES: a truncation */
    bool soft;
} operations[] = {
    {"upsert", TESTER_UPSERTS, false}, {"update", TESTER_UPDATES, false}, {"delete", TESTER_DELETES, false}, {"soft_delete", TESTER_UPDATES, true},
    {"truncate_before", TESTER_FILES, false}, {"soft_truncate_before", TESTER_FILES, true},
};

static weir_rc take_operation(planning *p, const tree *op, err *e)
{
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++)
        if (view_is(op->name, operations[i].name))
            return operations[i].kind == TESTER_FILES ? take_truncations(p, op, operations[i].soft, e) : take_rows(p, op, operations[i].kind, operations[i].soft, e);
    return tester_input_wrong(op->name_mark, e, "'%.*s' is no operation", VIEW_ARG(op->name));
}

/* --------------------------------------------------------------------------------------------------------------- history -- */

typedef struct version {
    tester_row *row;
    weir_view key;
    size_t place;
} version;

static int by_key_and_start(const void *a, const void *b)
{
    const version *x = a, *y = b;
    int c = view_cmp(x->key, y->key);
    if (!c)
        c = (x->row->start > y->row->start) - (x->row->start < y->row->start);
    return c ? c : (x->place > y->place) - (x->place < y->place);
}

/* What identifies the thing whose versions these are. */
static weir_view key_of(arena *a, const tester_target_table *t, const tree *values)
{
    buf text = {0};
    for (size_t i = 0; i < t->table.count; i++)
        if (t->table.columns[i].key && !view_is(t->table.columns[i].name, TARGET_START)) {
            tree_write(&text, tree_getv(values, t->table.columns[i].name));
            buf_addc(&text, 0);
        }
    weir_view key = buf_ok(&text) ? arena_dup(a, buf_view(&text)) : (weir_view){0};
    a->failed |= !buf_ok(&text);
    buf_free(&text);
    return key;
}

static size_t gather(arena *a, const tester_batch *b, version *out)
{
    static const tester_file kinds[] = {TESTER_UPSERTS, TESTER_UPDATES};
    size_t n = 0;
    for (size_t k = 0; k < 2; k++)
        for (tester_row *r = b->first[kinds[k]]; r; r = r->next, n++)
            out[n] = (version){r, key_of(a, b->target, r->values), n};
    return n;
}

/* Versions of a key follow one another; the first start of each key goes into the file of earliest starts. A delete ends what is there at its own time. */
static weir_rc arrange(planning *p, tester_batch *b, err *e)
{
    size_t room = b->count[TESTER_UPSERTS] + b->count[TESTER_UPDATES];
    version *v = arena_array(p->a, room + 1, sizeof *v);
    if (!v)
        return err_nomem(e);
    size_t count = gather(p->a, b, v);
    qsort(v, count, sizeof *v, by_key_and_start);
    for (size_t i = 0; i < count; i++) {
        bool same = i + 1 < count && view_eq(v[i].key, v[i + 1].key);
        if (same) {
            v[i].row->superseded = true;
            v[i].row->end = v[i + 1].row->start - 1;
        }
        if (i && view_eq(v[i].key, v[i - 1].key))
            continue;
        tester_row *first = arena_alloc(p->a, sizeof *first);
        if (!first)
            return err_nomem(e);
        *first = *v[i].row;
        first->next = NULL;
        append(b, TESTER_EARLIEST, first);
    }
    for (tester_row *r = b->first[TESTER_DELETES]; r; r = r->next) {
        r->superseded = true;
        r->end = r->start;
    }
    return p->a->failed ? err_nomem(e) : WEIR_OK;
}

weir_rc tester_plan_make(arena *a, const tree *ops, int64_t began, int64_t step, tester_finder *find, void *arg, tester_plan *ret, err *e)
{
    planning p = {.a = a, .find = find, .arg = arg, .plan = ret, .now = began};
    weir_rc rc = WEIR_OK;
    *ret = (tester_plan){0};
    if (ops && ops->kind != TREE_ARRAY)
        return tester_input_wrong(ops->mark, e, "ops: expected an array of operations");
    for (const tree *element = ops ? ops->first : NULL; !rc && element; element = element->next) {
        if (element->kind != TREE_OBJECT)
            rc = tester_input_wrong(element->mark, e, "ops: expected an object");
        for (const tree *op = element->first; !rc && op; op = op->next, p.now += step)
            rc = take_operation(&p, op, e);
    }
    for (size_t i = 0; !rc && i < ret->batch_count; i++)
        if (ret->batches[i].target->history)
            rc = arrange(&p, &ret->batches[i], e);
    map_free(&p.by_table);
    return rc;
}
