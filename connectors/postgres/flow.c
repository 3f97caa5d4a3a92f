/* Rows on their way: COPY into the table, or into one beside it. */
#include <stdlib.h>
#include <string.h>

#include "rows.h"

enum { SEND_BYTES = 64 << 10, STRAIGHT_BYTES = 4 << 20 };

/* ------------------------------------------------------------------------------------------------------ temporary tables -- */

const char *pg_temporary(weir_task *t, const table *x, const char *what)
{
    return weir_format(t, "pg_temp.weir_%s_%u", what, (unsigned)x->index).ptr;
}

/* With the types in which values are sent; nothing is required of them. */
static weir_rc make_temporary(weir_task *t, pg *d, const table *x, const char *name, size_t columns, bool numbered)
{
    lite_text sql = {0};
    pg_add(&sql, "CREATE TEMPORARY TABLE ");
    pg_add(&sql, strchr(name, '.') + 1);
    pg_add(&sql, numbered ? " (weir_at integer" : " (");
    for (size_t i = 0; i < columns; i++) {
        pg_add(&sql, i || numbered ? ", " : "");
        pg_add(&sql, x->columns[i].quoted);
        pg_add(&sql, " ");
        pg_add(&sql, pg_type_name(x->columns[i].shape.type));
    }
    pg_add(&sql, ") ON COMMIT DELETE ROWS");
    weir_rc rc = pg_run(t, d, pg_sql(&sql));
    lite_text_free(&sql);
    return rc;
}

/* There, and empty. */
static weir_rc prepare_temporary(weir_task *t, pg *d, table *x, flow_mode mode, const char **ret)
{
    static const char *const names[] = {[FLOW_UPSERT] = "stage", [FLOW_CHANGE] = "stage", [FLOW_REMOVE] = "gone", [FLOW_ASK] = "ask"};
    bool *there = mode == FLOW_REMOVE ? &x->gone : mode == FLOW_ASK ? &x->asked : &x->staged;
    uint64_t *used = mode == FLOW_REMOVE ? &x->gone_in : mode == FLOW_ASK ? &x->asked_in : &x->staged_in;
    weir_rc rc = WEIR_OK;
    *ret = pg_temporary(t, x, names[mode]);
    if (!*ret)
        return pg_nomem(t);
    if (!*there)
        rc = make_temporary(t, d, x, *ret, mode == FLOW_REMOVE || mode == FLOW_ASK ? x->keys : x->count, mode == FLOW_ASK);
    else if (*used == d->transaction)
        rc = pg_run(t, d, weir_format(t, "TRUNCATE %s", *ret).ptr);
    *there = true;
    *used = d->transaction;
    return rc;
}

/* ----------------------------------------------------------------------------------------------------------------- opening -- */

static bool goes_along(const flow *f, size_t at)
{
    return f->mode == FLOW_STRAIGHT || f->mode == FLOW_UPSERT || at < f->x->keys || (f->mode == FLOW_CHANGE && f->set[at]);
}

static void add_columns(lite_text *sql, const flow *f)
{
    const char *comma = " (";
    pg_add(sql, f->mode == FLOW_ASK ? " (weir_at" : "");
    comma = f->mode == FLOW_ASK ? ", " : comma;
    for (size_t i = 0; i < f->x->count; i++) {
        if (!goes_along(f, i))
            continue;
        pg_add(sql, comma);
        pg_add(sql, f->x->columns[i].quoted);
        comma = ", ";
    }
    pg_add(sql, ")");
}

static weir_rc begin_copy(weir_task *t, flow *f, const char *into)
{
    lite_text sql = {0};
    pg_add(&sql, "COPY ");
    pg_add(&sql, into);
    add_columns(&sql, f);
    pg_add(&sql, " FROM STDIN (FORMAT binary)");
    weir_rc rc = pg_copy_begin(t, f->d, pg_sql(&sql));
    lite_text_free(&sql);
    return rc;
}

weir_rc pg_flow_open(weir_task *t, flow *f, table *x, flow_mode mode, const bool *set)
{
    const char *into = x->quoted;
    if (f->mode == mode && f->x == x && !set)
        return WEIR_OK;
    weir_rc rc = pg_rows_settle(t, f);
    if (!rc && mode == FLOW_STRAIGHT && x->keys)
        rc = pg_run(t, f->d, "SAVEPOINT weir_rows");
    else if (!rc && mode != FLOW_STRAIGHT)
        rc = prepare_temporary(t, f->d, x, mode, &into);
    if (rc)
        return rc;
    f->x = x;
    f->mode = mode;
    f->set = set;
    f->sent = f->rows = f->e.out.len = 0;
    rc = begin_copy(t, f, into);
    f->mode = rc ? FLOW_IDLE : mode;
    return rc;
}

/* ------------------------------------------------------------------------------------------------------------------- rows -- */

static weir_rc send_rows(weir_task *t, flow *f)
{
    if (f->e.out.failed || f->e.scratch.failed)
        return pg_nomem(t);
    weir_rc rc = pg_copy_send(t, f->d, f->e.out.ptr + f->sent, f->e.out.len - f->sent);
    f->sent = f->mode == FLOW_STRAIGHT && f->x->keys ? f->e.out.len : 0;
    f->e.out.len = f->sent;
    return rc;
}

static weir_rc refuse_nul(weir_task *t, const table *x, size_t at)
{
    return weir_fail(t, WEIR_E_CONFIG, "table \"%s\": a value of column \"%s\" has the character U+0000, which PostgreSQL cannot store%s", x->name,
                     x->columns[at].name, at < x->keys ? " in a key" : ": remove it, or let `nul` be `replace`");
}

static void tell_replaced(weir_task *t, flow *f, size_t at)
{
    if (f->e.replaced && !f->warned)
        weir_log(t, WEIR_WARN, "table \"%s\": a value of column \"%s\" has characters that PostgreSQL cannot store, U+0000 or half of a pair: they become U+FFFD",
                 f->x->name, f->x->columns[at].name);
    f->warned |= f->e.replaced;
    f->e.replaced = false;
}

static weir_view value_of(const flow *f, const weir_row *row, size_t at)
{
    bool whole = f->mode == FLOW_CHANGE && f->x->columns[at].whole && !row->values[at].len;
    return whole ? row->doc : row->values[at];
}

weir_rc pg_flow_put(weir_task *t, flow *f, const weir_row *row, uint32_t number, size_t *misfit)
{
    const table *x = f->x;
    lite_text *out = &f->e.out;
    size_t begin = out->len, fields = f->mode == FLOW_ASK;
    bool refuses = f->d->s->more.nul[0] == 'f';
    pg_put16(out, 0);
    if (f->mode == FLOW_ASK) {
        pg_put32(out, 4);
        pg_put32(out, number);
    }
    for (*misfit = 0; *misfit < x->count; ++*misfit) {
        const column *c = &x->columns[*misfit];
        if (!goes_along(f, *misfit))
            continue;
        weir_view value = value_of(f, row, *misfit);
        bool null = !value.len || value.ptr[0] == 'n';
        f->e.refuse_nul = refuses || *misfit < x->keys;
        pg_fit fit = null && c->not_null ? PG_MISFIT : pg_encode(&f->e, &c->shape, value);
        if (f->e.replaced)
            tell_replaced(t, f, *misfit);
        if (fit == PG_HAS_NUL && (f->mode == FLOW_UPSERT || f->mode == FLOW_STRAIGHT || f->mode == FLOW_CHANGE))
            return refuse_nul(t, x, *misfit);
        if (fit) {
            out->len = begin;
            return WEIR_OK;
        }
        fields++;
    }
    if (out->failed || f->e.scratch.failed)
        return pg_nomem(t);
    out->ptr[begin] = (char)(fields >> 8);
    out->ptr[begin + 1] = (char)fields;
    f->rows++;
    if (out->len - f->sent >= SEND_BYTES) {
        weir_rc rc = send_rows(t, f);
        return rc || f->mode != FLOW_STRAIGHT || out->len < STRAIGHT_BYTES ? rc : pg_rows_settle(t, f);
    }
    return WEIR_OK;
}

weir_rc pg_flow_close(weir_task *t, flow *f, bool *ret_duplicate)
{
    weir_rc rc = send_rows(t, f);
    return rc ? rc : pg_copy_end(t, f->d, ret_duplicate);
}

void pg_flow_free(flow *f)
{
    lite_text_free(&f->e.out);
    lite_text_free(&f->e.scratch);
}
