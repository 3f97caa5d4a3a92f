/* Rows that are out of date: removed, or marked. */
#include <string.h>

#include "look.h"
#include "run.h"

/* A JSON value as SQL for a column. */
static void add_value(lite_text *sql, const duck_column *c, weir_view json, lite_text *scratch)
{
    char type[32];
    duck_type_name(c->type, type, sizeof type);
    scratch->len = 0;
    if (!json.len || json.ptr[0] == 'n' || !lite_text_reserve(scratch, 2 * json.len + 1)) {
        duck_add(sql, "NULL");
        return;
    }
    weir_view text = json.ptr[0] == '"' && c->type.kind != DUCK_JSON ? lite_value_read(json, (value_hint){0}, scratch).bytes : json;
    duck_add(sql, "CAST('");
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '\'')
            duck_add(sql, "'");
        lite_text_add(sql, text.ptr + i, 1);
    }
    duck_add(sql, "' AS ");
    duck_add(sql, type);
    duck_add(sql, ")");
}

static weir_rc widen_mark(weir_task *t, duck_loader *l, duck_table *x, size_t at, weir_view value)
{
    duck_type *wanted = weir_alloc(t, x->count * sizeof *wanted);
    if (!wanted)
        return duck_nomem(t);
    memset(wanted, 0, x->count * sizeof *wanted);
    wanted[at] = duck_type_of(&x->columns[at], value, &l->scratch);
    duck_type to = duck_type_join(x->columns[at].type, wanted[at], x->columns[at].texts);
    return duck_type_same(to, x->columns[at].type) ? WEIR_OK : duck_table_widen(t, l, x, wanted);
}

weir_rc duck_table_expire(weir_task *t, duck_loader *l, duck_table *x, const weir_binding *b, const weir_expiry *how)
{
    const duck_column *age = how->age ? &x->columns[how->age - b->columns] : NULL, *mark = how->mark ? &x->columns[how->mark - b->columns] : NULL;
    weir_rc rc = mark ? widen_mark(t, l, x, (size_t)(mark - x->columns), how->value) : WEIR_OK;
    lite_text *sql = &l->sql;
    if (rc)
        return rc;
    sql->len = 0;
    duck_add(sql, mark ? "UPDATE " : "DELETE FROM ");
    duck_add(sql, x->quoted);
    if (mark) {
        duck_add(sql, " SET ");
        duck_add_name(sql, mark->name);
        duck_add(sql, " = ");
        add_value(sql, mark, how->value, &l->scratch);
    }
    if (age) {
        duck_add(sql, " WHERE TRY_CAST(");
        duck_add_name(sql, age->name);
        duck_add(sql, " AS DECIMAL(38,0)) < ");
        duck_add(sql, weir_format(t, "%lld", (long long)how->below).ptr);
    }
    if (mark) {
        duck_add(sql, age ? " AND " : " WHERE ");
        duck_add_name(sql, mark->name);
        duck_add(sql, " IS NULL");
    }
    x->touched = true;
    x->empty = false;
    return weir_wrap(t, duck_exec_text(t, l, sql), "table \"%s\"", x->name);
}
