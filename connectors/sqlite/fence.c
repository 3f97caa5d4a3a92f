#include "fence.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char table_sql[] =
    "CREATE TABLE IF NOT EXISTS weir_checkpoints (task TEXT NOT NULL, key_begin INTEGER NOT NULL, key_end INTEGER NOT NULL, fence INTEGER NOT NULL,"
    " checkpoint TEXT, PRIMARY KEY (task, key_begin, key_end)) STRICT";

/* Files of before there were shards. */
static const char upgrade_sql[] =
    "ALTER TABLE weir_checkpoints RENAME TO weir_checkpoints_before;"
    "CREATE TABLE weir_checkpoints (task TEXT NOT NULL, key_begin INTEGER NOT NULL, key_end INTEGER NOT NULL, fence INTEGER NOT NULL,"
    " checkpoint TEXT, PRIMARY KEY (task, key_begin, key_end)) STRICT;"
    "INSERT INTO weir_checkpoints (rowid, task, key_begin, key_end, fence, checkpoint) SELECT rowid, task, 0, 4294967295, fence, checkpoint"
    " FROM weir_checkpoints_before;"
    "DROP TABLE weir_checkpoints_before";

/* The smallest range that holds ours. */
static const char find_sql[] =
    "SELECT rowid, fence, checkpoint, key_begin = ?2 AND key_end = ?3 FROM weir_checkpoints WHERE task = ?1 AND key_begin <= ?2 AND key_end >= ?3"
    " ORDER BY key_end - key_begin LIMIT 1";
static const char find_old_sql[] = "SELECT rowid, fence, checkpoint, ?2 = 0 AND ?3 = 4294967295 FROM weir_checkpoints WHERE task = ?1";

typedef enum form { NO_TABLE, WITHOUT_RANGES, WITH_RANGES } form;

static weir_rc form_of(weir_task *t, db *d, form *ret)
{
    sqlite3_stmt *row;
    weir_rc rc = lite_query(t, d, "SELECT count(*), count(*) FILTER (WHERE name = 'key_begin') FROM pragma_table_info('weir_checkpoints')", NULL, 0, &row);
    if (rc)
        return rc;
    *ret = !row || !sqlite3_column_int(row, 0) ? NO_TABLE : sqlite3_column_int(row, 1) ? WITH_RANGES : WITHOUT_RANGES;
    sqlite3_finalize(row);
    return WEIR_OK;
}

/* @param ret_row NULL: there is none */
static weir_rc find(weir_task *t, db *d, form as, sqlite3_stmt **ret_row)
{
    *ret_row = NULL;
    if (as == NO_TABLE)
        return WEIR_OK;
    const char *begin = weir_format(t, "%" PRIu32, d->key_begin).ptr, *end = weir_format(t, "%" PRIu32, d->key_end).ptr;
    if (!begin || !end)
        return lite_nomem(t);
    return lite_query(t, d, as == WITH_RANGES ? find_sql : find_old_sql, (const char *[]){d->task_name, begin, end}, 3, ret_row);
}

static weir_view checkpoint_in(sqlite3_stmt *row)
{
    const char *text = (const char *)sqlite3_column_text(row, 2);
    return (weir_view){text, text ? (size_t)sqlite3_column_bytes(row, 2) : 0};
}

weir_rc lite_fence_read(weir_task *t, db *d)
{
    form as;
    sqlite3_stmt *row;
    weir_rc rc = form_of(t, d, &as);
    if (!rc)
        rc = find(t, d, as, &row);
    if (rc || !row)
        return rc;
    d->row = sqlite3_column_int64(row, 0);
    d->fence = sqlite3_column_int64(row, 1);
    const weir_view text = checkpoint_in(row);
    char *copy = text.ptr ? malloc(text.len + 1) : NULL;
    if (copy)
        d->checkpoint = (weir_view){memcpy(copy, text.ptr, text.len), text.len};
    const bool lost = text.ptr && !copy;
    sqlite3_finalize(row);
    return lost ? lite_nomem(t) : WEIR_OK;
}

static bool is_same(const db *d, sqlite3_stmt *row)
{
    if (!row)
        return !d->row;
    const weir_view text = checkpoint_in(row);
    const bool ours = sqlite3_column_int(row, 3);
    return d->row == sqlite3_column_int64(row, 0) && (!ours || d->fence == sqlite3_column_int64(row, 1)) && !text.ptr == !d->checkpoint.ptr &&
           text.len == d->checkpoint.len && (!text.len || memcmp(text.ptr, d->checkpoint.ptr, text.len) == 0);
}

/* Of a range that was cut, the other parts may have raised the fence meanwhile. */
static weir_rc still_as_read(weir_task *t, db *d)
{
    sqlite3_stmt *row;
    weir_rc rc = find(t, d, WITH_RANGES, &row);
    if (rc)
        return rc;
    const bool same = is_same(d, row);
    sqlite3_finalize(row);
    return same ? WEIR_OK
                : weir_fail(t, WEIR_E_TRANSIENT, "another run of task \"%s\" wrote to \"%s\" while this one was starting", d->task_name, d->path);
}

/* Of our own row. @param ret_row NULL: there is none */
static weir_rc own(weir_task *t, db *d, sqlite3_stmt **ret_row)
{
    const char *begin = weir_format(t, "%" PRIu32, d->key_begin).ptr, *end = weir_format(t, "%" PRIu32, d->key_end).ptr;
    if (!begin || !end)
        return lite_nomem(t);
    return lite_query(t, d, "SELECT fence FROM weir_checkpoints WHERE task = ?1 AND key_begin = ?2 AND key_end = ?3", (const char *[]){d->task_name, begin, end}, 3,
                      ret_row);
}

static weir_rc take(weir_task *t, db *d)
{
    sqlite3_stmt *row;
    weir_rc rc = lite_run(t, d, sqlite3_mprintf("INSERT INTO weir_checkpoints (task, key_begin, key_end, fence, checkpoint) VALUES (%Q, %u, %u, 0,"
                                                " (SELECT checkpoint FROM weir_checkpoints WHERE rowid = %lld)) ON CONFLICT DO NOTHING",
                                                d->task_name, (unsigned)d->key_begin, (unsigned)d->key_end, (long long)d->row));
    if (!rc)
        rc = lite_run(t, d, sqlite3_mprintf("UPDATE weir_checkpoints SET fence = fence + 1 WHERE task = %Q AND key_begin <= %u AND key_end >= %u", d->task_name,
                                            (unsigned)d->key_end, (unsigned)d->key_begin));
    if (!rc)
        rc = own(t, d, &row);
    if (rc)
        return rc;
    d->fence = row ? sqlite3_column_int64(row, 0) : 0;
    sqlite3_finalize(row);
    return WEIR_OK;
}

weir_rc lite_fence_raise(weir_task *t, db *d)
{
    form as;
    weir_rc rc = form_of(t, d, &as);
    if (!rc && as != WITH_RANGES)
        rc = lite_exec(t, d, as == NO_TABLE ? table_sql : upgrade_sql);
    if (rc || !d->task_name[0])
        return rc;
    rc = still_as_read(t, d);
    return rc ? rc : take(t, d);
}

static weir_rc fenced_off(weir_task *t, const db *d)
{
    return weir_fail(t, WEIR_E_CONFIG, "fenced off: another run of task \"%s\" has taken over \"%s\"", d->task_name, d->path);
}

weir_rc lite_fence_check(weir_task *t, db *d)
{
    sqlite3_stmt *row;
    weir_rc rc = own(t, d, &row);
    if (rc)
        return rc;
    const bool ours = row && sqlite3_column_int64(row, 0) == d->fence;
    sqlite3_finalize(row);
    return ours ? WEIR_OK : fenced_off(t, d);
}

weir_rc lite_fence_write(weir_task *t, db *d, weir_view checkpoint)
{
    sqlite3_stmt *st;
    weir_rc rc = lite_prepare(t, d, sqlite3_mprintf("UPDATE weir_checkpoints SET checkpoint = ?1 WHERE task = %Q AND key_begin = %u AND key_end = %u AND fence = %lld",
                                                    d->task_name, (unsigned)d->key_begin, (unsigned)d->key_end, (long long)d->fence), &st);
    if (rc)
        return rc;
    int code = sqlite3_bind_text64(st, 1, checkpoint.ptr, checkpoint.len, SQLITE_STATIC, SQLITE_UTF8);
    if (!code)
        code = sqlite3_step(st);
    rc = code == SQLITE_DONE ? WEIR_OK : lite_fail(t, d, "writing to");
    const bool written = sqlite3_changes(d->sqlite) > 0;
    sqlite3_finalize(st);
    return !rc && !written ? fenced_off(t, d) : rc;
}
