#include "run/demands.h"

/* What is said of the column; NULL without memory. */
static demand *demand_of(demands *d, arena *a, const weir_binding *b, const weir_column *column)
{
    if (!column)
        return &d->document;
    if (!d->columns)
        d->columns = arena_array(a, b->column_count, sizeof *d->columns);
    return d->columns ? &d->columns[column - b->columns] : NULL;
}

weir_rc demands_take(demands *d, arena *a, const weir_binding *b, const weir_column *column, weir_need need, weir_view reason, err *e)
{
    demand *to = demand_of(d, a, b, column);
    if (to)
        *to = (demand){true, need, arena_dup(a, reason), to->folded};
    return a->failed ? err_nomem(e) : WEIR_OK;
}

weir_rc demands_fold(demands *d, arena *a, const weir_binding *b, const weir_column *column, weir_view name, err *e)
{
    demand *to = demand_of(d, a, b, column);
    if (to)
        to->folded = arena_dup(a, name);
    return a->failed ? err_nomem(e) : WEIR_OK;
}

static const char *reason_of(const demand *d, buf *room)
{
    if (d->reason.len)
        buf_printf(room, ": %.*s", VIEW_ARG(d->reason));
    return buf_text(room);
}

static void add_problem(buf *problems, weir_view field, const char *what, const demand *d)
{
    buf reason = {0};
    buf_printf(problems, "%sfield %.*s %s%s", problems->len ? "\n" : "", VIEW_ARG(field), what, reason_of(d, &reason));
    buf_free(&reason);
}

/* Is the column to be stored? What cannot be is noted. */
static bool keep(const weir_column *c, const demand *d, buf *problems)
{
    if (d->need == WEIR_COLUMN_IMPOSSIBLE)
        add_problem(problems, c->field, "cannot be stored as it is", d);
    if (d->need != WEIR_COLUMN_FORBIDDEN)
        return true;
    if (c->key)
        add_problem(problems, c->field, "is part of the key, but the destination does not take it", d);
    else if (c->named)
        add_problem(problems, c->field, "was asked for, but the destination does not take it", d);
    return c->key;
}

static const weir_view whole_document = WEIR_LIT("flow_document");

static bool is_document(const weir_column *c)
{
    return !c->pointer.len;
}

static bool is_demanded(weir_need need)
{
    return need == WEIR_COLUMN_REQUIRED || need == WEIR_COLUMN_PLACE_REQUIRED;
}

weir_rc demands_obey(const demands *d, arena *a, weir_binding *b, err *e)
{
    weir_column *kept = arena_array(a, b->column_count + 1, sizeof *kept);
    buf problems = {0};
    size_t n = 0;
    bool document = false;
    if (!kept)
        return err_nomem(e);
    for (size_t i = 0; i < b->column_count; i++) {
        const demand none = {0}, *said = d->columns ? &d->columns[i] : &none;
        if (is_document(&b->columns[i]) && !said->need)
            said = &d->document;
        if (!keep(&b->columns[i], said, &problems))
            continue;
        document |= is_document(&b->columns[i]);
        kept[n++] = b->columns[i];
    }
    if (!document && d->document.need == WEIR_COLUMN_IMPOSSIBLE)
        add_problem(&problems, whole_document, "has to be stored, and cannot be", &d->document);
    if (!document && is_demanded(d->document.need))
        kept[n++] = (weir_column){.field = whole_document, .pointer = VIEW(""), .types = WEIR_IS_OBJECT, .required = true};
    b->columns = kept;
    b->column_count = n;
    weir_rc rc = !buf_ok(&problems) ? err_nomem(e) : problems.len ? err_fail(e, WEIR_E_CONFIG, "%s", buf_text(&problems)) : WEIR_OK;
    buf_free(&problems);
    return rc;
}
