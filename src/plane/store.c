/* weir.db is read and written; store_open.c makes it. */
#include "plane/store_parts.h"

static const char *const sql[STATEMENTS] = {
    [BEGIN] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [ROLLBACK] = "ROLLBACK",
    [GET_STATE] = "SELECT state FROM tasks WHERE task = ?1",
    [GET_JOURNAL] = "SELECT committed FROM journals WHERE journal = ?1",
    [GET_READ] = "SELECT at FROM reads WHERE reader = ?1 AND journal = ?2",
    [GET_INFERRED] = "SELECT schema FROM inferred WHERE collection = ?1",
    [GET_NOTE] = "SELECT value FROM notes WHERE task = ?1 AND name = ?2",
    [PUT_NOTE] = "INSERT INTO notes (task, name, value) VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET value = excluded.value",
    [FORGET_NOTES] = "DELETE FROM notes WHERE task = ?1",
    [GET_TOTALS] = "SELECT documents, bytes FROM tasks WHERE task = ?1",
    [PUT_STATE] = "INSERT INTO tasks (task, state) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET state = excluded.state",
    [PUT_JOURNAL] =
        "INSERT INTO journals (journal, committed) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET committed = excluded.committed",
    [PUT_READ] = "INSERT INTO reads (reader, journal, at, task) VALUES (?1, ?2, ?3, ?4)"
                 " ON CONFLICT DO UPDATE SET at = excluded.at, task = excluded.task",
    [PUT_INFERRED] = "INSERT INTO inferred (collection, schema) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET schema = excluded.schema",
    /* The clock may be set back; journals grow forwards. */
    [PUT_TIME] = "INSERT INTO times (journal, second, at) VALUES (?1, max(?2, coalesce((SELECT max(second) FROM times WHERE journal = ?1), 0)), ?3)"
                 " ON CONFLICT DO UPDATE SET at = excluded.at",
    [GET_TIMES] = "SELECT second, at FROM times WHERE journal = ?1 AND at > ?2 ORDER BY second LIMIT ?3",
    [ADD_TOTALS] = "INSERT INTO tasks (task, documents, bytes) VALUES (?1, ?2, ?3)"
                   " ON CONFLICT DO UPDATE SET documents = documents + excluded.documents, bytes = bytes + excluded.bytes",
    [FORGET_TASK] = "DELETE FROM tasks WHERE task = ?1",
    [FORGET_READS] = "DELETE FROM reads WHERE task = ?1",
    [COPY_STATE] = "INSERT OR REPLACE INTO tasks (task, state) SELECT ?2, state FROM tasks WHERE task = ?1",
    [COPY_READS] = "INSERT OR REPLACE INTO reads (reader, journal, at, task) SELECT ?2, journal, at, ?2 FROM reads WHERE task = ?1",
    [COPY_NOTES] = "INSERT OR REPLACE INTO notes (task, name, value) SELECT ?2, name, value FROM notes WHERE task = ?1",
};

/* --------------------------------------------------------------------------------------------------------------- errors -- */

static weir_rc rc_of_sqlite(int code)
{
    switch (code & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return WEIR_OK;
    case SQLITE_NOMEM:
    case SQLITE_FULL:
    case SQLITE_IOERR:
        return WEIR_E_NOMEM;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
        return WEIR_E_TRANSIENT;
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
    case SQLITE_AUTH:
        return WEIR_E_CONFIG;
    default:
        return WEIR_E_BUG;
    }
}

weir_rc store_error(const store *s, const char *doing, err *e)
{
    int code = s->db ? sqlite3_extended_errcode(s->db) : SQLITE_NOMEM;
    int errnum = s->db ? sqlite3_system_errno(s->db) : 0;
    weir_rc rc = rc_of_sqlite(code);

    if ((code & 0xff) == SQLITE_IOERR && errnum) /* "disk I/O error" alone helps nobody */
        return err_errno(e, errnum, "%s \"%s\": %s", doing, s->path, sqlite3_errmsg(s->db));
    return err_fail(e, rc ? rc : WEIR_E_BUG, "%s \"%s\": %s", doing, s->path, s->db ? sqlite3_errmsg(s->db) : "out of memory");
}

/* ----------------------------------------------------------------------------------------------------------- statements -- */

/* Statements are bound and stepped in one go: views given by the caller live long enough to be bound without a copy. */
static weir_rc get(store *s, statement which, sqlite3_stmt **ret, err *e)
{
    sqlite3_stmt **at = &s->statements[which];
    if (!*at && sqlite3_prepare_v3(s->db, sql[which], -1, SQLITE_PREPARE_PERSISTENT, at, NULL))
        return store_error(s, "preparing for", e);
    *ret = *at;
    return WEIR_OK;
}

static int bind_text(sqlite3_stmt *st, int at, weir_view text)
{
    return sqlite3_bind_text64(st, at, text.ptr ? text.ptr : "", text.len, SQLITE_STATIC, SQLITE_UTF8);
}

static bool bind_texts(sqlite3_stmt *st, const weir_view *texts, int count)
{
    for (int i = 0; i < count; i++)
        if (bind_text(st, i + 1, texts[i]))
            return false;
    return true;
}

static bool bind_count(sqlite3_stmt *st, int at, uint64_t n)
{
    return n <= INT64_MAX && sqlite3_bind_int64(st, at, (sqlite3_int64)n) == SQLITE_OK;
}

/* Steps a statement that gives no rows. Resetting it again reports nothing new. */
static weir_rc finish(store *s, sqlite3_stmt *st, err *e)
{
    weir_rc rc = sqlite3_step(st) == SQLITE_DONE ? WEIR_OK : store_error(s, "writing to", e);
    sqlite3_reset(st);
    return rc;
}

static weir_rc run(store *s, statement which, err *e)
{
    sqlite3_stmt *st = NULL;
    weir_rc rc = get(s, which, &st, e);
    return rc ? rc : finish(s, st, e);
}

/* Begins a query whose parameters are texts. *ret_row is NULL if it gives no row; otherwise the caller resets it. */
static weir_rc query(store *s, statement which, const weir_view *texts, int count, sqlite3_stmt **ret_row, err *e)
{
    sqlite3_stmt *st = NULL;
    weir_rc rc = get(s, which, &st, e);
    if (rc)
        return rc;
    int code = bind_texts(st, texts, count) ? sqlite3_step(st) : SQLITE_ERROR;
    *ret_row = code == SQLITE_ROW ? st : NULL;
    if (code == SQLITE_ROW)
        return WEIR_OK;
    rc = code == SQLITE_DONE ? WEIR_OK : store_error(s, "reading", e);
    sqlite3_reset(st);
    return rc;
}

static weir_rc get_number(store *s, statement which, const weir_view *texts, int count, uint64_t *ret, err *e)
{
    sqlite3_stmt *row = NULL;
    pthread_mutex_lock(&s->mutex);
    weir_rc rc = query(s, which, texts, count, &row, e);
    if (!rc)
        *ret = row ? (uint64_t)sqlite3_column_int64(row, 0) : 0;
    if (!rc && row)
        sqlite3_reset(row);
    pthread_mutex_unlock(&s->mutex);
    return rc;
}

static weir_rc get_text(store *s, statement which, weir_view key, arena *a, weir_view *ret, err *e)
{
    sqlite3_stmt *row = NULL;
    weir_view found = {NULL, 0};
    pthread_mutex_lock(&s->mutex);
    weir_rc rc = query(s, which, &key, 1, &row, e);
    if (!rc && row) {
        const char *text = (const char *)sqlite3_column_text(row, 0);
        found = arena_dup(a, (weir_view){text, (size_t)sqlite3_column_bytes(row, 0)});
        if (!text || !found.ptr)
            rc = err_nomem(e);
        sqlite3_reset(row);
    }
    pthread_mutex_unlock(&s->mutex);
    if (!rc)
        *ret = found;
    return rc;
}

/* -------------------------------------------------------------------------------------------------------------- reading -- */

weir_view store_identity(const store *s) { return view_of(s->identity); }

weir_rc store_state(store *s, weir_view task, arena *a, weir_view *ret, err *e)
{
    return get_text(s, GET_STATE, task, a, ret, e);
}

weir_rc store_journal(store *s, weir_view journal, uint64_t *ret, err *e)
{
    return get_number(s, GET_JOURNAL, &journal, 1, ret, e);
}

weir_rc store_read_offset(store *s, weir_view reader, weir_view journal, uint64_t *ret, err *e)
{
    return get_number(s, GET_READ, (const weir_view[]){reader, journal}, 2, ret, e);
}

weir_rc store_inferred(store *s, weir_view collection, arena *a, weir_view *ret, err *e)
{
    return get_text(s, GET_INFERRED, collection, a, ret, e);
}

weir_rc store_times(store *s, weir_view journal, uint64_t from, time_mark *marks, size_t most, size_t *ret_count, err *e)
{
    sqlite3_stmt *st = NULL;
    size_t n = 0;
    int code = SQLITE_DONE;
    pthread_mutex_lock(&s->mutex);
    weir_rc rc = get(s, GET_TIMES, &st, e);
    if (!rc && !(bind_texts(st, &journal, 1) && bind_count(st, 2, from) && bind_count(st, 3, most)))
        rc = err_fail(e, WEIR_E_BUG, "the times of a journal cannot be asked for");
    while (!rc && n < most && (code = sqlite3_step(st)) == SQLITE_ROW)
        marks[n++] = (time_mark){sqlite3_column_int64(st, 0), (uint64_t)sqlite3_column_int64(st, 1)};
    if (!rc && code != SQLITE_ROW && code != SQLITE_DONE)
        rc = store_error(s, "reading", e);
    if (st)
        sqlite3_reset(st);
    pthread_mutex_unlock(&s->mutex);
    if (!rc)
        *ret_count = n;
    return rc;
}

weir_rc store_totals(store *s, weir_view task, uint64_t *documents, uint64_t *bytes, err *e)
{
    sqlite3_stmt *row = NULL;
    pthread_mutex_lock(&s->mutex);
    weir_rc rc = query(s, GET_TOTALS, &task, 1, &row, e);
    if (!rc) {
        *documents = row ? (uint64_t)sqlite3_column_int64(row, 0) : 0;
        *bytes = row ? (uint64_t)sqlite3_column_int64(row, 1) : 0;
    }
    if (!rc && row)
        sqlite3_reset(row);
    pthread_mutex_unlock(&s->mutex);
    return rc;
}

/* ----------------------------------------------------------------------------------------------------------- committing -- */

static weir_rc not_bound(const char *what, err *e)
{
    return err_fail(e, WEIR_E_BUG, "%s does not fit the database", what);
}

static weir_rc put_texts(store *s, statement which, weir_view a, weir_view b, err *e)
{
    sqlite3_stmt *st = NULL;
    weir_rc rc = get(s, which, &st, e);
    if (rc)
        return rc;
    return bind_texts(st, (const weir_view[]){a, b}, 2) ? finish(s, st, e) : not_bound("a text", e);
}

static weir_rc put_journal(store *s, const offset *o, err *e)
{
    sqlite3_stmt *st = NULL;
    weir_rc rc = get(s, PUT_JOURNAL, &st, e);
    if (rc)
        return rc;
    return bind_texts(st, &o->journal, 1) && bind_count(st, 2, o->at) ? finish(s, st, e) : not_bound("the length of a journal", e);
}

static weir_rc put_time(store *s, const offset *o, int64_t now, err *e)
{
    sqlite3_stmt *st = NULL;
    weir_rc rc = get(s, PUT_TIME, &st, e);
    if (rc)
        return rc;
    bool bound = bind_texts(st, &o->journal, 1) && sqlite3_bind_int64(st, 2, now) == SQLITE_OK && bind_count(st, 3, o->at);
    return bound ? finish(s, st, e) : not_bound("a time", e);
}

static weir_rc put_read(store *s, const store_commit *c, const offset *o, err *e)
{
    sqlite3_stmt *st = NULL;
    weir_rc rc = get(s, PUT_READ, &st, e);
    if (rc)
        return rc;
    bool bound =
        bind_texts(st, (const weir_view[]){c->reader, o->journal}, 2) && bind_count(st, 3, o->at) && !bind_text(st, 4, c->task);
    return bound ? finish(s, st, e) : not_bound("an offset", e);
}

static weir_rc add_totals(store *s, const store_commit *c, err *e)
{
    sqlite3_stmt *st = NULL;
    if (c->documents == 0 && c->bytes == 0)
        return WEIR_OK;
    weir_rc rc = get(s, ADD_TOTALS, &st, e);
    if (rc)
        return rc;
    return bind_texts(st, &c->task, 1) && bind_count(st, 2, c->documents) && bind_count(st, 3, c->bytes) ? finish(s, st, e)
                                                                                                         : not_bound("a count", e);
}

static weir_rc put_all(store *s, const store_commit *c, err *e)
{
    weir_rc rc = c->state.len ? put_texts(s, PUT_STATE, c->task, c->state, e) : WEIR_OK;
    for (size_t i = 0; !rc && i < c->journal_count; i++)
        rc = put_journal(s, &c->journals[i], e);
    for (size_t i = 0; !rc && c->now && i < c->journal_count; i++)
        rc = put_time(s, &c->journals[i], c->now, e);
    for (size_t i = 0; !rc && i < c->read_count; i++)
        rc = put_read(s, c, &c->reads[i], e);
    for (size_t i = 0; !rc && i < c->inferred_count; i++)
        rc = put_texts(s, PUT_INFERRED, c->inferred[2 * i], c->inferred[2 * i + 1], e);
    return rc ? rc : add_totals(s, c, e);
}

/* Ends a transaction; what failed before stays the error. */
static weir_rc end_transaction(store *s, weir_rc rc, err *e)
{
    err ignored = {0};
    if (!rc)
        rc = run(s, COMMIT, e);
    if (rc && !sqlite3_get_autocommit(s->db))
        run(s, ROLLBACK, &ignored);
    err_free(&ignored);
    return rc;
}

weir_rc store_commit_all(store *s, const store_commit *c, err *e)
{
    pthread_mutex_lock(&s->mutex);
    weir_rc rc = run(s, BEGIN, e);
    if (!rc)
        rc = end_transaction(s, put_all(s, c, e), e);
    pthread_mutex_unlock(&s->mutex);
    return err_wrap(e, rc, "committing \"%.*s\"", VIEW_ARG(c->task));
}

static weir_rc forget(store *s, statement which, weir_view task, err *e)
{
    sqlite3_stmt *st = NULL;
    weir_rc rc = get(s, which, &st, e);
    if (rc)
        return rc;
    return bind_texts(st, &task, 1) ? finish(s, st, e) : not_bound("a name", e);
}

weir_rc store_note(store *s, weir_view task, weir_view name, arena *a, weir_view *ret, err *e)
{
    sqlite3_stmt *row = NULL;
    weir_view found = {NULL, 0};
    pthread_mutex_lock(&s->mutex);
    weir_rc rc = query(s, GET_NOTE, (const weir_view[]){task, name}, 2, &row, e);
    if (!rc && row) {
        const char *bytes = sqlite3_column_blob(row, 0); /* NULL if there are none */
        found = arena_dup(a, bytes ? (weir_view){bytes, (size_t)sqlite3_column_bytes(row, 0)} : VIEW(""));
        if (!found.ptr)
            rc = err_nomem(e);
        sqlite3_reset(row);
    }
    pthread_mutex_unlock(&s->mutex);
    if (!rc)
        *ret = found;
    return rc;
}

static weir_rc put_note(store *s, weir_view task, weir_view name, weir_view value, err *e)
{
    sqlite3_stmt *st = NULL;
    weir_rc rc = get(s, PUT_NOTE, &st, e);
    if (rc)
        return rc;
    return bind_texts(st, (const weir_view[]){task, name}, 2) &&
                   sqlite3_bind_blob64(st, 3, value.len ? value.ptr : "", value.len, SQLITE_STATIC) == SQLITE_OK
               ? finish(s, st, e) : not_bound("a note", e);
}

weir_rc store_put_note(store *s, weir_view task, weir_view name, weir_view value, err *e)
{
    pthread_mutex_lock(&s->mutex);
    weir_rc rc = put_note(s, task, name, value, e);
    pthread_mutex_unlock(&s->mutex);
    return err_wrap(e, rc, "noting \"%.*s\"", VIEW_ARG(name));
}

weir_rc store_copy_tasks(store *s, const store_copy *copies, size_t count, weir_view task, weir_view note, weir_view value, err *e)
{
    pthread_mutex_lock(&s->mutex);
    weir_rc rc = run(s, BEGIN, e);
    if (!rc) {
        for (size_t i = 0; !rc && i < count; i++)
            for (statement which = COPY_STATE; !rc && which <= COPY_NOTES; which++)
                rc = put_texts(s, which, copies[i].from, copies[i].to, e);
        if (!rc)
            rc = put_note(s, task, note, value, e);
        rc = end_transaction(s, rc, e);
    }
    pthread_mutex_unlock(&s->mutex);
    return err_wrap(e, rc, "noting \"%.*s\"", VIEW_ARG(note));
}

weir_rc store_forget(store *s, weir_view task, err *e)
{
    pthread_mutex_lock(&s->mutex);
    weir_rc rc = run(s, BEGIN, e);
    if (!rc) {
        rc = forget(s, FORGET_TASK, task, e);
        if (!rc)
            rc = forget(s, FORGET_READS, task, e);
        if (!rc)
            rc = forget(s, FORGET_NOTES, task, e);
        rc = end_transaction(s, rc, e);
    }
    pthread_mutex_unlock(&s->mutex);
    return err_wrap(e, rc, "forgetting \"%.*s\"", VIEW_ARG(task));
}
