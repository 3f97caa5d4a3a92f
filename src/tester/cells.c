/* The rows of a plan as the cells of a batch file (fivetran.md 2.5). */
#include "proto/fivetran/moment.h"
#include "tester/plan.h"

weir_rc tester_plan_columns(arena *a, const tester_target_table *t, tester_file kind, ft_table *ret, err *e)
{
    *ret = (ft_table){.name = t->table.name};
    for (size_t i = 0; i < t->table.count; i++) {
        const ft_column *c = &t->table.columns[(i + (size_t)kind) % t->table.count]; /* the order is nobody's promise */
        if ((kind != TESTER_EARLIEST || c->key) && !tester_target_add(a, ret, *c))
            return err_nomem(e);
    }
    return WEIR_OK;
}

static ft_cell value(weir_view text) { return (ft_cell){FT_CELL_VALUE, text}; }
static ft_cell truth(bool v) { return value(v ? VIEW("true") : VIEW("false")); }

static ft_cell instant(arena *a, int64_t ms)
{
    char text[CLOCK_TEXT];
    int64_t seconds = ms / 1000 - (ms % 1000 < 0);
    size_t n = ft_text_of_time(FT_UTC_DATETIME, seconds, (int32_t)((ms - seconds * 1000) * 1000000), text);
    return value(arena_dup(a, (weir_view){text, n}));
}

/* A value as it stands in the input: numbers with all their digits. */
static ft_cell plain(arena *a, const tree *v)
{
    buf text = {0};
    switch (v->kind) {
    case TREE_NULL:
        return (ft_cell){0};
    case TREE_BOOL:
        return truth(v->boolean);
    case TREE_NUMBER:
        return value(v->text);
    case TREE_STRING:
        return value(v->text);
    default:
        tree_write(&text, v);
    }
    ft_cell cell = value(buf_ok(&text) ? arena_dup(a, buf_view(&text)) : (weir_view){0});
    a->failed |= !buf_ok(&text);
    buf_free(&text);
    return cell;
}

/* ---- the platform's own columns ---- */

typedef struct filling {
    arena *a;
    tester_file kind;
    const tester_row *row;
} filling;

static ft_cell synced(const filling *f) { return instant(f->a, f->row->synced); }

static ft_cell deleted(const filling *f)
{
    if (f->kind == TESTER_UPSERTS)
        return truth(false);
    if (f->kind == TESTER_DELETES)
        return (ft_cell){0};
    return f->row->soft_delete ? truth(true) : (ft_cell){.kind = FT_CELL_UNMODIFIED};
}

/* A delete tells when the version ends, not which it is. */
static ft_cell start(const filling *f) { return f->kind == TESTER_DELETES ? (ft_cell){0} : instant(f->a, f->row->start); }
static ft_cell end(const filling *f) { return instant(f->a, f->row->end); }
static ft_cell active(const filling *f) { return truth(!f->row->superseded); }

static const struct {
    const char *name;
    ft_cell (*fill)(const filling *);
    bool history; /* only with */
    bool plain;   /* only without */
} own[] = {
    {TARGET_SYNCED, synced, false, false}, {TARGET_DELETED, deleted, false, true}, {TARGET_START, start, true, false},
    {TARGET_END, end, true, false}, {TARGET_ACTIVE, active, true, false},
};

static ft_cell cell_of(const filling *f, const tester_target_table *t, const ft_column *c)
{
    const tree *v = tree_getv(f->row->values, c->name);
    if (v)
        return f->kind == TESTER_DELETES && !c->key ? (ft_cell){0} : plain(f->a, v);
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (view_is(c->name, own[i].name) && !(own[i].history && !t->history) && !(own[i].plain && t->history))
            return own[i].fill(f);
    return (ft_cell){.kind = f->kind == TESTER_UPDATES ? FT_CELL_UNMODIFIED : FT_CELL_NULL};
}

weir_rc tester_plan_cells(arena *a, const tester_target_table *t, tester_file kind, const ft_table *columns, const tester_row *row, ft_cell *ret, err *e)
{
    const filling f = {a, kind, row};
    for (size_t i = 0; i < columns->count; i++)
        ret[i] = cell_of(&f, t, &columns->columns[i]);
    return a->failed ? err_nomem(e) : WEIR_OK;
}
