/* Rows as the documents that they were. */
#include "rows.h"

#include <stdlib.h>
#include <string.h>

/* A member of the documents that load() makes. They form a tree in one array; index 0 is the document itself, and as a link it
 * means none. */
typedef struct member {
    size_t name, name_len; /* in member_names: "quoted": */
    size_t first, next;    /* child, sibling */
    size_t column;         /* whose value it is; SIZE_MAX: only its children's */
} member;

/* The next token of a JSON pointer, decoded; *pointer is what follows it. */
static void take_token(weir_view *pointer, lite_text *ret)
{
    const char *at = pointer->ptr + 1, *end = pointer->ptr + pointer->len;
    ret->len = 0;
    for (; at < end && *at != '/'; at++) {
        bool escaped = *at == '~' && at + 1 < end;
        at += escaped;
        lite_text_add(ret, escaped ? (*at == '1' ? "/" : "~") : at, 1);
    }
    *pointer = (weir_view){at, (size_t)(end - at)};
}

static size_t add_member(table *x, size_t parent, weir_view quoted)
{
    member *all = realloc(x->members, (x->member_count + 1) * sizeof *all);
    if (!all)
        return 0;
    x->members = all;
    size_t name = x->member_names.len, *link = &all[parent].first;
    while (*link)
        link = &all[*link].next;
    lite_text_add(&x->member_names, quoted.ptr, quoted.len);
    lite_text_add(&x->member_names, ":", 1);
    *link = x->member_count;
    all[x->member_count] = (member){.name = name, .name_len = quoted.len + 1, .column = SIZE_MAX};
    return x->member_names.failed ? 0 : x->member_count++;
}

static size_t child_of(table *x, size_t parent, weir_view quoted)
{
    for (size_t i = x->members[parent].first; i; i = x->members[i].next) {
        const member *m = &x->members[i];
        if (m->name_len == quoted.len + 1 && memcmp(x->member_names.ptr + m->name, quoted.ptr, quoted.len) == 0)
            return i;
    }
    return add_member(x, parent, quoted);
}

static bool add_column(table *x, size_t which, weir_view pointer)
{
    lite_text token = {0}, quoted = {0};
    size_t at = 0;
    bool ok = true;
    while (ok && pointer.len) {
        take_token(&pointer, &token);
        quoted.len = 0;
        lite_value_quote(&quoted, (weir_view){token.ptr, token.len});
        at = token.failed || quoted.failed ? 0 : child_of(x, at, (weir_view){quoted.ptr, quoted.len});
        ok = at != 0;
    }
    if (ok && x->members[at].column == SIZE_MAX)
        x->members[at].column = which;
    lite_text_free(&token);
    lite_text_free(&quoted);
    return ok;
}

static weir_rc make_members(weir_task *t, table *x, const weir_binding *b)
{
    x->members = calloc(1, sizeof *x->members);
    x->member_count = 1;
    bool ok = x->members != NULL;
    if (ok)
        x->members[0].column = SIZE_MAX;
    for (size_t i = 0; ok && i < x->count; i++)
        ok = add_column(x, i, b->columns[i].pointer);
    if (ok)
        return WEIR_OK;
    free(x->members);
    x->members = NULL;
    return lite_nomem(t);
}

static bool write_members(const table *x, sqlite3_stmt *row, size_t parent, lite_text *out);

/* The value of a field that has no column of its own. */
static bool write_surplus(const table *x, sqlite3_stmt *row, const column *c, lite_text *out)
{
    lite_value all = lite_rows_read_back(row, x->places);
    weir_view found = all.kind == VALUE_TEXT ? weir_json_at(all.bytes, c->pointer) : (weir_view){0};
    lite_text_add(out, found.ptr, found.len);
    return found.len > 0;
}

static bool write_member(const table *x, sqlite3_stmt *row, const member *m, lite_text *out)
{
    const column *c = m->column != SIZE_MAX ? &x->columns[m->column] : NULL;
    if (c && c->place) {
        lite_value v = lite_rows_read_back(row, c->place - 1);
        if (lite_value_write(out, &v, c->types))
            return true;
    }
    if (c && !c->place && write_surplus(x, row, c, out))
        return true;
    return m->first && write_members(x, row, (size_t)(m - x->members), out);
}

/* An object of the members that are there. @return false, and nothing written, if there are none */
static bool write_members(const table *x, sqlite3_stmt *row, size_t parent, lite_text *out)
{
    size_t begin = out->len;
    for (size_t i = x->members[parent].first; i; i = x->members[i].next) {
        const member *m = &x->members[i];
        size_t before = out->len;
        lite_text_add(out, before == begin ? "{" : ",", 1);
        lite_text_add(out, x->member_names.ptr + m->name, m->name_len);
        if (!write_member(x, row, m, out))
            out->len = before;
    }
    if (out->len == begin)
        return false;
    lite_text_add(out, "}", 1);
    return true;
}

static weir_rc answer(weir_task *t, const table *x, sqlite3_stmt *found, const weir_row *key, lite_text *out)
{
    out->len = 0;
    if (!write_member(x, found, &x->members[0], out))
        lite_text_add(out, "{}", 2);
    return out->failed ? lite_nomem(t) : weir_loaded(t, key, (weir_view){out->ptr, out->len});
}

static weir_rc load_row(weir_task *t, db *d, table *x, const weir_row *key, lite_text *scratch, lite_text *out)
{
    size_t misfit = 0;
    bool null = false;
    weir_rc rc = lite_rows_bind(t, d, x, x->get, key, x->keys, scratch, &misfit, &null);
    if (rc || misfit < x->keys)
        return rc;
    int code = sqlite3_step(x->get);
    if (code == SQLITE_ROW)
        rc = answer(t, x, x->get, key, out);
    else if (code != SQLITE_DONE)
        rc = lite_fail(t, d, "reading");
    sqlite3_reset(x->get);
    return rc;
}

weir_rc lite_rows_load(weir_task *t, db *d, table *x, const weir_row *keys, size_t count, lite_text *scratch, lite_text *out)
{
    if (x->keys == 0)
        return WEIR_OK;
    weir_rc rc = x->members ? WEIR_OK : make_members(t, x, keys[0].binding);
    if (!rc && !x->get)
        rc = lite_prepare(t, d, lite_rows_get_sql(x), &x->get);
    for (size_t i = 0; !rc && i < count; i++)
        rc = load_row(t, d, x, &keys[i], scratch, out);
    return weir_wrap(t, rc, "table \"%s\"", x->name);
}
