/* The checkpoint, in the transaction of the rows, and the fence: who writes first takes over, and whoever had the same keys before is refused (flow.md 5.6). */
#include "loader.h"

#include <stdlib.h>
#include <string.h>

#include "run.h"

static const char own_tables[] =
    "CREATE TABLE IF NOT EXISTS main.weir_checkpoints (task VARCHAR NOT NULL, key_begin BIGINT NOT NULL, key_end BIGINT NOT NULL,"
    " fence BIGINT NOT NULL, checkpoint VARCHAR);"
    "CREATE TABLE IF NOT EXISTS main.weir_tables (schema_name VARCHAR NOT NULL, table_name VARCHAR NOT NULL, task VARCHAR NOT NULL,"
    " asked VARCHAR NOT NULL, backfill BIGINT NOT NULL, keys VARCHAR NOT NULL);"
    "CREATE TABLE IF NOT EXISTS main.weir_columns (schema_name VARCHAR NOT NULL, table_name VARCHAR NOT NULL, field VARCHAR NOT NULL,"
    " column_name VARCHAR NOT NULL)";

weir_rc duck_nomem(weir_task *t) { return weir_fail(t, WEIR_E_NOMEM, "out of memory"); }

weir_rc duck_exec_text(weir_task *t, duck_loader *l, lite_text *sql)
{
    lite_text_add(sql, "", 1);
    weir_rc rc = sql->failed ? duck_nomem(t) : duck_exec(t, &l->d, sql->ptr);
    sql->len = 0;
    return rc;
}

static weir_sql_value text_value(const char *text) { return (weir_sql_value){.type = WEIR_SQL_TEXT, .text = {text, strlen(text)}}; }

static weir_sql_value number(int64_t n) { return (weir_sql_value){.type = WEIR_SQL_LONG, .integer = n}; }

typedef struct kept {
    bool found, exact;
    int64_t fence;
    char *checkpoint;
    bool failed;
} kept;

static weir_rc read_kept(weir_task *t, void *arg, const weir_sql_value *v, size_t count)
{
    kept *k = arg;
    (void)t, (void)count;
    k->found = true;
    k->exact = v[2].integer != 0;
    k->fence = v[0].integer;
    free(k->checkpoint);
    k->checkpoint = v[1].type == WEIR_SQL_NULL ? NULL : strndup(v[1].text.ptr ? v[1].text.ptr : "", v[1].text.len);
    k->failed = v[1].type != WEIR_SQL_NULL && !k->checkpoint;
    return k->failed ? duck_nomem(t) : WEIR_OK;
}

/* The narrowest range that has all of ours: the same, or the one that was split into ours and others. */
static weir_rc look(weir_task *t, duck_loader *l, kept *ret)
{
    const weir_sql_value begin = number(l->key_begin), end = number(l->key_end), values[] = {begin, end, text_value(l->task_name), begin, end};
    *ret = (kept){0};
    return duck_query(t, l,
                      "SELECT fence, checkpoint, key_begin = ? AND key_end = ? FROM main.weir_checkpoints WHERE task = ? AND key_begin <= ? AND key_end >= ? "
                      "ORDER BY key_end - key_begin LIMIT 1",
                      values, 5, read_kept, ret);
}

static weir_rc count_one(weir_task *t, void *arg, const weir_sql_value *v, size_t count)
{
    (void)t, (void)v, (void)count;
    *(bool *)arg = true;
    return WEIR_OK;
}

weir_rc duck_fence_look(weir_task *t, duck_loader *l)
{
    bool there = false;
    kept k = {0};
    weir_rc rc = WEIR_OK;
    if (!l->task_name[0])
        return WEIR_OK;
    if (l->d.connection)
        rc = duck_query(t, l, "SELECT 1 FROM duckdb_tables() WHERE database_name = current_database() AND schema_name = 'main' AND table_name = 'weir_checkpoints'",
                        NULL, 0, count_one, &there);
    if (!rc && there)
        rc = look(t, l, &k);
    l->found = k.found;
    l->exact = k.exact;
    l->fence = k.fence;
    l->checkpoint = k.checkpoint;
    if (rc)
        return rc;
    return weir_resume(t, k.checkpoint ? (weir_view){k.checkpoint, strlen(k.checkpoint)} : (weir_view){0});
}

static bool same_text(const char *a, const char *b) { return a && b ? strcmp(a, b) == 0 : a == b; }

/* Only if nobody has written since open() read the checkpoint: otherwise rows would be loaded that are there already. */
static weir_rc raise_fence(weir_task *t, duck_loader *l)
{
    kept k;
    weir_rc rc = look(t, l, &k);
    bool same = k.found == l->found && k.exact == l->exact && same_text(k.checkpoint, l->checkpoint) && (!l->exact || k.fence == l->fence);
    if (!rc && !same)
        rc = weir_fail(t, WEIR_E_TRANSIENT, "another run of task \"%s\" wrote to \"%s\" while this one was starting", l->task_name, l->d.path);
    l->fence = k.fence; /* of a range that was split: the other parts have raised it, too */
    free(k.checkpoint);
    if (rc)
        return rc;
    const weir_sql_value task = text_value(l->task_name), begin = number(l->key_begin), end = number(l->key_end);
    const weir_sql_value overlap[] = {task, end, begin}, row[] = {task, begin, end, number(l->fence + 1), text_value(l->checkpoint ? l->checkpoint : "")};
    rc = duck_run(t, l, "UPDATE main.weir_checkpoints SET fence = fence + 1, checkpoint = checkpoint WHERE task = ? AND key_begin <= ? AND key_end >= ?", overlap, 3, 1,
                  NULL);
    if (!rc && !l->exact)
        rc = duck_run(t, l, "INSERT INTO main.weir_checkpoints SELECT ?, ?, ?, ?, nullif(?, '')", row, 5, 1, NULL);
    return rc;
}

static weir_rc take_over(weir_task *t, duck_loader *l)
{
    weir_rc rc = duck_connect(t, &l->d);
    if (rc)
        return rc;
    duck_add_number(l->d.connection); /* before the transaction: it is one of its own */
    rc = duck_exec(t, &l->d, "BEGIN TRANSACTION");
    if (rc)
        return rc;
    rc = duck_exec(t, &l->d, own_tables);
    if (!rc && l->task_name[0])
        rc = raise_fence(t, l);
    if (!rc)
        rc = duck_exec(t, &l->d, "COMMIT");
    if (rc) {
        duckdb_query(l->d.connection, "ROLLBACK", NULL);
        return rc;
    }
    l->fence++;
    l->found = l->exact = l->ready = true;
    return WEIR_OK;
}

static weir_rc fenced_off(weir_task *t, const duck_loader *l)
{
    return weir_fail(t, WEIR_E_CONFIG, "fenced off: another run of task \"%s\" has taken over \"%s\"", l->task_name, l->d.path);
}

static weir_rc check_fence(weir_task *t, duck_loader *l)
{
    kept k;
    weir_rc rc = look(t, l, &k);
    free(k.checkpoint);
    return rc || (k.exact && k.fence == l->fence) ? rc : fenced_off(t, l);
}

weir_rc duck_loader_begin(weir_task *t, duck_loader *l)
{
    if (l->broken)
        return weir_fail(t, WEIR_E_BUG, "writing to \"%s\": a store or commit failed before", l->d.path);
    if (l->d.in_transaction)
        return WEIR_OK;
    weir_rc rc = l->ready ? WEIR_OK : take_over(t, l);
    if (!rc)
        rc = duck_exec(t, &l->d, "BEGIN TRANSACTION");
    if (rc)
        return rc;
    l->d.in_transaction = true;
    rc = l->task_name[0] ? check_fence(t, l) : WEIR_OK;
    if (rc)
        duck_loader_rollback(t, l);
    return rc;
}

/* Of two transactions that write the same column of a row DuckDB refuses the second one: so who raises the fence and who commits both write it. */
static weir_rc write_checkpoint(weir_task *t, duck_loader *l, weir_view checkpoint)
{
    const weir_sql_value values[] = {{.type = WEIR_SQL_TEXT, .text = checkpoint}, text_value(l->task_name), number(l->key_begin), number(l->key_end), number(l->fence)};
    return duck_run(t, l, "UPDATE main.weir_checkpoints SET checkpoint = ?, fence = fence WHERE task = ? AND key_begin = ? AND key_end = ? AND fence = ?", values, 5, 1,
                    NULL);
}

weir_rc duck_loader_commit(weir_task *t, duck_loader *l, const weir_view *checkpoint)
{
    weir_rc rc = checkpoint && l->task_name[0] ? write_checkpoint(t, l, *checkpoint) : WEIR_OK;
    if (!rc)
        rc = duck_exec(t, &l->d, "COMMIT");
    if (rc)
        duck_loader_rollback(t, l);
    else
        l->d.in_transaction = false;
    return rc;
}

void duck_loader_rollback(weir_task *t, duck_loader *l)
{
    (void)t;
    if (!l->d.in_transaction)
        return;
    duckdb_query(l->d.connection, "ROLLBACK", NULL);
    l->d.in_transaction = false;
    l->broken = true;
}
