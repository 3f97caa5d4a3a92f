/* Rows as the documents that they were. */
#include <stdlib.h>
#include <string.h>

#include "rows.h"

/* ----------------------------------------------------------------------------------------------------------------- asking -- */

static weir_rc send_keys(weir_task *t, flow *f, table *x, const weir_row *keys, size_t count)
{
    bool duplicate;
    weir_rc rc = pg_flow_open(t, f, x, FLOW_ASK, NULL);
    for (size_t i = 0; !rc && i < count; i++) {
        size_t misfit; /* a key that its column cannot hold is the key of no row */
        rc = pg_flow_put(t, f, &keys[i], (uint32_t)i, &misfit);
    }
    if (!rc)
        rc = pg_flow_close(t, f, &duplicate);
    f->mode = FLOW_IDLE;
    return rc;
}

static weir_rc take_rows(weir_task *t, pg *d, size_t count, pg_found *found, void *arg)
{
    weir_rc rc = WEIR_OK;
    for (PGresult *r; (r = PQgetResult(d->conn)) != NULL; PQclear(r)) {
        ExecStatusType status = PQresultStatus(r);
        size_t at = status == PGRES_SINGLE_TUPLE ? (size_t)strtoull(PQgetvalue(r, 0, 0), NULL, 10) : 0;
        if (rc)
            continue;
        if (status == PGRES_SINGLE_TUPLE && at < count)
            rc = found(t, arg, at, r);
        else if (status != PGRES_TUPLES_OK)
            rc = pg_fail(t, d, r, "reading rows");
    }
    return rc;
}

weir_rc pg_rows_ask(weir_task *t, flow *f, table *x, const weir_row *keys, size_t count, const char *columns, pg_found *found, void *arg)
{
    lite_text sql = {0};
    weir_rc rc = columns ? pg_rows_settle(t, f) : pg_nomem(t);
    if (!rc)
        rc = send_keys(t, f, x, keys, count);
    const char *from = weir_format(t, " FROM pg_temp.weir_ask_%u s JOIN %s t ON ", (unsigned)x->index, x->quoted).ptr;
    pg_add(&sql, "SELECT s.weir_at, ");
    pg_add(&sql, columns);
    pg_add(&sql, from);
    pg_add_same_key(&sql, x, "t.", "s.");
    if (!rc && (!from || !pg_sql(&sql)))
        rc = pg_nomem(t);
    if (!rc && (!PQsendQuery(f->d->conn, sql.ptr) || !PQsetSingleRowMode(f->d->conn)))
        rc = pg_fail(t, f->d, NULL, "reading rows");
    if (!rc)
        rc = take_rows(t, f->d, count, found, arg);
    lite_text_free(&sql);
    return rc;
}

/* -------------------------------------------------------------------------------------------------------------- documents -- */

/* A member of the documents that load() makes. They form a tree in one array; index 0 is the document itself, and as a link it means none. */
struct member {
    size_t name, name_len; /* in member_names: "quoted": */
    size_t first, next;    /* child, sibling */
    size_t column;         /* whose value it is; SIZE_MAX: only its children's */
};

/* The name of the next token of a JSON pointer, as JSON with its colon; *pointer is what follows it. */
static bool quote_token(weir_view *pointer, lite_text *name)
{
    lite_text token = {0};
    const char *at = pointer->ptr + 1, *end = pointer->ptr + pointer->len;
    for (; at < end && *at != '/'; at++) {
        bool escaped = *at == '~' && at + 1 < end;
        at += escaped;
        lite_text_add(&token, escaped ? (*at == '1' ? "/" : "~") : at, 1);
    }
    *pointer = (weir_view){at, (size_t)(end - at)};
    name->len = 0;
    lite_value_quote(name, (weir_view){token.ptr, token.len});
    lite_text_add(name, ":", 1);
    bool ok = !token.failed && !name->failed;
    lite_text_free(&token);
    return ok;
}

static size_t child(table *x, size_t parent, const lite_text *name)
{
    size_t *link = &x->members[parent].first, made = x->member_count;
    for (; *link; link = &x->members[*link].next) {
        const struct member *m = &x->members[*link];
        if (m->name_len == name->len && memcmp(x->member_names.ptr + m->name, name->ptr, name->len) == 0)
            return *link;
    }
    *link = made;
    x->members[made] = (struct member){.name = x->member_names.len, .name_len = name->len, .column = SIZE_MAX};
    x->member_count++;
    lite_text_add(&x->member_names, name->ptr, name->len);
    return made;
}

static bool add_pointer(table *x, size_t at_column, weir_view pointer)
{
    lite_text name = {0};
    size_t at = 0;
    bool ok = true;
    while (ok && pointer.len) {
        ok = quote_token(&pointer, &name);
        at = ok ? child(x, at, &name) : 0;
    }
    if (x->members[at].column == SIZE_MAX)
        x->members[at].column = at_column;
    lite_text_free(&name);
    return ok && !x->member_names.failed;
}

static weir_rc make_members(weir_task *t, table *x, const weir_binding *b)
{
    size_t most = 1;
    for (size_t i = 0; i < x->count; i++)
        for (size_t k = 0; k < b->columns[i].pointer.len; k++)
            most += b->columns[i].pointer.ptr[k] == '/';
    x->members = calloc(most, sizeof *x->members);
    bool ok = x->members != NULL;
    x->member_count = 1;
    if (ok)
        x->members[0].column = SIZE_MAX;
    for (size_t i = 0; ok && i < x->count; i++)
        ok = add_pointer(x, i, b->columns[i].pointer);
    return ok ? WEIR_OK : pg_nomem(t);
}

typedef struct answering {
    const table *x;
    const weir_row *keys;
    lite_text out;
} answering;

static bool write_member(answering *a, const PGresult *r, size_t at);

/* An object of the members that are there. @return false, and nothing written, if there are none */
static bool write_members(answering *a, const PGresult *r, size_t parent)
{
    size_t begin = a->out.len;
    for (size_t i = a->x->members[parent].first; i; i = a->x->members[i].next) {
        const struct member *m = &a->x->members[i];
        size_t before = a->out.len;
        lite_text_add(&a->out, before == begin ? "{" : ",", 1);
        lite_text_add(&a->out, a->x->member_names.ptr + m->name, m->name_len);
        if (!write_member(a, r, i))
            a->out.len = before;
    }
    if (a->out.len == begin)
        return false;
    lite_text_add(&a->out, "}", 1);
    return true;
}

static bool write_member(answering *a, const PGresult *r, size_t at)
{
    const struct member *m = &a->x->members[at];
    int field = m->column == SIZE_MAX ? -1 : (int)m->column + 1;
    if (field > 0 && pg_decode(&a->out, &a->x->columns[m->column].shape, PQgetvalue(r, 0, field), (size_t)PQgetlength(r, 0, field), PQgetisnull(r, 0, field)))
        return true;
    return m->first && write_members(a, r, at);
}

static weir_rc answer(weir_task *t, void *arg, size_t at, const PGresult *r)
{
    answering *a = arg;
    a->out.len = 0;
    if (!write_member(a, r, 0))
        lite_text_add(&a->out, "{}", 2);
    return a->out.failed ? pg_nomem(t) : weir_loaded(t, &a->keys[at], (weir_view){a->out.ptr, a->out.len});
}

weir_rc pg_rows_load(weir_task *t, flow *f, table *x, const weir_row *keys, size_t count)
{
    answering a = {.x = x, .keys = keys};
    lite_text columns = {0};
    weir_rc rc = x->members || !x->keys ? WEIR_OK : make_members(t, x, keys[0].binding);
    for (size_t i = 0; i < x->count; i++) {
        pg_add(&columns, i ? ", t." : "t.");
        pg_add(&columns, x->columns[i].quoted);
        pg_add(&columns, x->columns[i].cast ? "::text" : "");
    }
    if (!rc && x->keys && !x->empty)
        rc = pg_rows_ask(t, f, x, keys, count, pg_sql(&columns), answer, &a);
    lite_text_free(&columns);
    lite_text_free(&a.out);
    return weir_wrap(t, rc, "table \"%s\"", x->name);
}
