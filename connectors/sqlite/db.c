#include "fence.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* `table` and `column` are words of SQL; nobody but us reads these tables. */
static const char meta_sql[] =
    "CREATE TABLE IF NOT EXISTS weir_tables (name TEXT NOT NULL COLLATE NOCASE PRIMARY KEY, task TEXT NOT NULL,"
    " backfill INTEGER NOT NULL) STRICT;"
    "CREATE TABLE IF NOT EXISTS weir_columns (table_name TEXT NOT NULL COLLATE NOCASE, field TEXT NOT NULL, column_name TEXT NOT "
    "NULL,"
    " PRIMARY KEY (table_name, field)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS weir_names (asked TEXT NOT NULL PRIMARY KEY, name TEXT NOT NULL COLLATE NOCASE UNIQUE) STRICT, WITHOUT ROWID";

/* --------------------------------------------------------------------------------------------------------------- errors -- */

weir_rc lite_fail(weir_task *t, const db *d, const char *doing)
{
    return lite_code_fail(t, d->sqlite, d->path, doing, d->sqlite ? sqlite3_extended_errcode(d->sqlite) : SQLITE_NOMEM);
}

void *lite_zeroed(weir_task *t, size_t count, size_t size)
{
    size_t bytes = count < SIZE_MAX / size ? (count + 1) * size : 0;
    void *p = bytes ? weir_alloc(t, bytes) : NULL;
    return p ? memset(p, 0, bytes) : NULL;
}

/* ----------------------------------------------------------------------------------------------------------- statements -- */

weir_rc lite_exec(weir_task *t, db *d, const char *sql)
{
    return sqlite3_exec(d->sqlite, sql, NULL, NULL, NULL) ? lite_fail(t, d, "writing to") : WEIR_OK;
}

weir_rc lite_run(weir_task *t, db *d, char *sql)
{
    if (!sql)
        return lite_code_fail(t, d->sqlite, d->path, "writing to", SQLITE_NOMEM);
    weir_rc rc = lite_exec(t, d, sql);
    sqlite3_free(sql);
    return rc;
}

weir_rc lite_prepare(weir_task *t, db *d, char *sql, sqlite3_stmt **ret)
{
    if (!sql)
        return lite_code_fail(t, d->sqlite, d->path, "writing to", SQLITE_NOMEM);
    int code = sqlite3_prepare_v3(d->sqlite, sql, -1, SQLITE_PREPARE_PERSISTENT, ret, NULL);
    sqlite3_free(sql);
    return code ? lite_fail(t, d, "preparing for") : WEIR_OK;
}

weir_rc lite_query(weir_task *t, db *d, const char *sql, const char *const *texts, int count, sqlite3_stmt **ret)
{
    sqlite3_stmt *st = NULL;
    *ret = NULL;
    int code = sqlite3_prepare_v2(d->sqlite, sql, -1, &st, NULL);
    for (int i = 0; !code && i < count; i++)
        code = sqlite3_bind_text(st, i + 1, texts[i], -1, SQLITE_STATIC);
    if (!code)
        code = sqlite3_step(st);
    if (code == SQLITE_ROW) {
        *ret = st;
        return WEIR_OK;
    }
    weir_rc rc = code == SQLITE_DONE ? WEIR_OK : lite_fail(t, d, "reading");
    sqlite3_finalize(st);
    return rc;
}

/* -------------------------------------------------------------------------------------------------------------- cursors -- */

static lite_value stored_value(sqlite3_value *v)
{
    switch (sqlite3_value_type(v)) {
    case SQLITE_INTEGER:
        return (lite_value){.kind = VALUE_INTEGER, .integer = sqlite3_value_int64(v)};
    case SQLITE_FLOAT:
        return (lite_value){.kind = VALUE_REAL, .real = sqlite3_value_double(v)};
    case SQLITE_TEXT:
        return (lite_value){.kind = VALUE_TEXT, .bytes = {(const char *)sqlite3_value_text(v), (size_t)sqlite3_value_bytes(v)}};
    case SQLITE_BLOB:
        return (lite_value){.kind = VALUE_BLOB, .bytes = {sqlite3_value_blob(v), (size_t)sqlite3_value_bytes(v)}};
    default:
        return (lite_value){.kind = VALUE_NULL};
    }
}

/* The value as the JSON text that it came as, in effect. */
static weir_view as_json(sqlite3_value *v, unsigned types, const char *pointer, lite_text *text)
{
    lite_value value = stored_value(v);
    text->len = 0;
    if (pointer)
        return value.kind == VALUE_TEXT ? weir_json_at(value.bytes, pointer) : (weir_view){NULL, 0};
    return lite_value_write(text, &value, types) ? (weir_view){text->ptr, text->len} : (weir_view){NULL, 0};
}

static void cursor_order(sqlite3_context *x, int count, sqlite3_value **args)
{
    (void)count;
    if (sqlite3_value_type(args[0]) == SQLITE_INTEGER && sqlite3_value_type(args[1]) == SQLITE_INTEGER) {
        int64_t a = sqlite3_value_int64(args[0]), b = sqlite3_value_int64(args[1]);
        sqlite3_result_int(x, (a > b) - (a < b));
        return;
    }
    db *d = sqlite3_user_data(x);
    unsigned types = (unsigned)sqlite3_value_int(args[2]);
    const char *pointer = (const char *)sqlite3_value_text(args[3]);
    weir_view a = as_json(args[0], types, pointer, &d->left), b = as_json(args[1], types, pointer, &d->right);
    if (d->left.failed || d->right.failed)
        sqlite3_result_error_nomem(x);
    else
        sqlite3_result_int(x, weir_cursor_compare(a, b, types));
}

/* ------------------------------------------------------------------------------------------------------------- connecting -- */

static weir_rc connect_file(weir_task *t, db *d, int flags)
{
    if (sqlite3_open_v2(d->path, &d->sqlite, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | flags, NULL))
        return lite_fail(t, d, "opening");
    sqlite3_extended_result_codes(d->sqlite, 1);
    sqlite3_busy_handler(d->sqlite, lite_wait_for_lock, &d->wait);
    if (sqlite3_create_function_v2(d->sqlite, LITE_ORDER, 4, SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY, d, cursor_order, NULL, NULL, NULL))
        return lite_fail(t, d, "opening");
    if (sqlite3_db_readonly(d->sqlite, "main") == 1)
        return lite_code_fail(t, d->sqlite, d->path, "opening", SQLITE_READONLY);
    /* Rebuilding a table must not look into views that name it. */
    char *sql = sqlite3_mprintf("PRAGMA synchronous=FULL; PRAGMA legacy_alter_table=ON; PRAGMA cache_size=-%lld",
                                (long long)d->cache_mb * 1024);
    return lite_run(t, d, sql);
}

/* The folder that is to hold a new file. */
static weir_rc check_folder(weir_task *t, const db *d)
{
    const char *slash = strrchr(d->path, '/');
    struct stat st;
    if (!slash || slash == d->path)
        return WEIR_OK;
    weir_view folder = weir_format(t, "%.*s", (int)(slash - d->path), d->path);
    if (!folder.ptr)
        return lite_nomem(t);
    if (stat(folder.ptr, &st))
        return weir_fail(t, WEIR_E_CONFIG, "the folder of the database \"%s\": %s", d->path, strerror(errno));
    return S_ISDIR(st.st_mode) ? WEIR_OK
                               : weir_fail(t, WEIR_E_CONFIG, "the database \"%s\" is to be in a folder that is a file", d->path);
}

static weir_rc open_existing(weir_task *t, db *d)
{
    struct stat st;
    if (stat(d->path, &st))
        return errno == ENOENT ? check_folder(t, d)
                               : weir_fail(t, WEIR_E_CONFIG, "the database \"%s\": %s", d->path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return weir_fail(t, WEIR_E_CONFIG, "the database \"%s\" is %s, not a file", d->path,
                         S_ISDIR(st.st_mode) ? "a folder" : "a device");
    weir_rc rc = connect_file(t, d, 0);
    return rc || !d->task_name[0] ? rc : lite_fence_read(t, d);
}

weir_rc lite_open(weir_task *t, db *d)
{
    if (!d->path[0] || strcmp(d->path, ":memory:") == 0)
        return weir_fail(t, WEIR_E_CONFIG, "\"path\" must name a file, not \"%s\"", d->path);
    weir_rc rc = open_existing(t, d);
    if (rc || !d->task_name[0])
        return rc;
    return weir_resume(t, d->checkpoint); /* an empty one too: whoever makes the file anew begins anew */
}

void lite_close(db *d)
{
    lite_rollback(d);
    if (d->sqlite)
        sqlite3_busy_handler(d->sqlite, NULL, NULL); /* it would ask a task that is gone */
    sqlite3_close(d->sqlite);
    lite_text_free(&d->left);
    lite_text_free(&d->right);
    free((char *)d->checkpoint.ptr);
    free(d->task_name);
}

/* ------------------------------------------------------------------------------------------------------------ taking over -- */

/* WAL: readers go on while we write, and a commit is one fsync. Where the file system cannot do that, the rollback journal is as
 * safe. */
weir_rc lite_use_wal(weir_task *t, db *d)
{
    sqlite3_stmt *row;
    weir_rc rc = lite_query(t, d, "PRAGMA journal_mode=WAL", NULL, 0, &row);
    if (rc)
        return rc;
    const char *mode = row ? (const char *)sqlite3_column_text(row, 0) : NULL;
    if (!mode || strcmp(mode, "wal") != 0)
        weir_log(t, WEIR_WARN, "\"%s\" cannot be written with a write-ahead log: others cannot read it meanwhile", d->path);
    sqlite3_finalize(row);
    return WEIR_OK;
}

weir_rc lite_connect(weir_task *t, db *d)
{
    return d->sqlite ? WEIR_OK : connect_file(t, d, SQLITE_OPEN_CREATE);
}

static weir_rc take_over(weir_task *t, db *d)
{
    weir_rc rc = lite_connect(t, d);
    if (!rc)
        rc = lite_use_wal(t, d);
    if (!rc)
        rc = lite_exec(t, d, "BEGIN IMMEDIATE");
    if (rc)
        return rc;
    rc = lite_exec(t, d, meta_sql);
    if (!rc)
        rc = lite_fence_raise(t, d);
    if (!rc)
        rc = lite_exec(t, d, "COMMIT");
    if (rc) {
        sqlite3_exec(d->sqlite, "ROLLBACK", NULL, NULL, NULL);
        return rc;
    }
    d->ours = true;
    return WEIR_OK;
}

/* ----------------------------------------------------------------------------------------------------------- transactions -- */

weir_rc lite_begin(weir_task *t, db *d)
{
    if (d->broken)
        return weir_fail(t, WEIR_E_BUG, "writing to \"%s\": a store or commit failed before", d->path);
    if (d->in_transaction)
        return WEIR_OK;
    weir_rc rc = d->ours ? WEIR_OK : take_over(t, d);
    if (!rc)
        rc = lite_exec(t, d, "BEGIN IMMEDIATE");
    if (rc)
        return rc;
    d->in_transaction = true;
    rc = d->task_name[0] ? lite_fence_check(t, d) : WEIR_OK;
    if (rc)
        lite_rollback(d);
    return rc;
}

weir_rc lite_commit(weir_task *t, db *d, const weir_view *checkpoint)
{
    weir_rc rc = checkpoint && d->task_name[0] ? lite_fence_write(t, d, *checkpoint) : WEIR_OK;
    if (!rc)
        rc = lite_exec(t, d, "COMMIT");
    if (rc)
        lite_rollback(d);
    else
        d->in_transaction = false;
    return rc;
}

void lite_rollback(db *d)
{
    if (!d->in_transaction)
        return;
    sqlite3_exec(d->sqlite, "ROLLBACK", NULL, NULL, NULL);
    d->in_transaction = false;
    d->broken = true;
}
