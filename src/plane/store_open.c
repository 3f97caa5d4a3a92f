/* The database is found or made, and the folder locked. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"
#include "json/text.h"
#include "plane/store_parts.h"

enum { SCHEMA_VERSION = 2, BUSY_MS = 5000, LOCK_TRIES = 200, LOCK_PAUSE_MS = 10 };

static const char schema[] =
    "CREATE TABLE schema_version (version INTEGER NOT NULL) STRICT;"
    "CREATE TABLE tasks (task TEXT NOT NULL PRIMARY KEY, state TEXT NOT NULL DEFAULT '', documents INTEGER NOT NULL DEFAULT 0,"
    " bytes INTEGER NOT NULL DEFAULT 0) STRICT, WITHOUT ROWID;"
    "CREATE TABLE journals (journal TEXT NOT NULL PRIMARY KEY, committed INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE reads (reader TEXT NOT NULL, journal TEXT NOT NULL, at INTEGER NOT NULL, task TEXT NOT NULL,"
    " PRIMARY KEY (reader, journal)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE inferred (collection TEXT NOT NULL PRIMARY KEY, schema TEXT NOT NULL) STRICT, WITHOUT ROWID;";

/* Since version 2: when what stands in a journal before `at` was committed, to the second. */
static const char schema_times[] =
    "CREATE TABLE times (journal TEXT NOT NULL, second INTEGER NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (journal, second)) STRICT, WITHOUT ROWID;";

/* What a task remembers beside its state, under names of its own. */
static const char schema_notes[] =
    "CREATE TABLE IF NOT EXISTS notes (task TEXT NOT NULL, name TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY (task, name)) STRICT, WITHOUT ROWID;"
    "INSERT OR IGNORE INTO notes VALUES ('', 'identity', randomblob(6))"; /* as many bytes as a producer of Flow's has */

/* ----------------------------------------------------------------------------------------------------------------- lock -- */

static pid_t read_pid(int fd)
{
    char text[32] = "";
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    return n > 0 ? (pid_t)strtol(text, NULL, 10) : 0;
}

static weir_rc write_pid(int fd, const char *path, err *e)
{
    char text[32];
    int len = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    if (ftruncate(fd, 0) || pwrite(fd, text, (size_t)len, 0) != len)
        return err_errno(e, errno ? errno : ENOSPC, "writing \"%s\"", path);
    return WEIR_OK;
}

/* The lock belongs to the open file, and a child that was forked but has not yet executed its program holds that too. So if the
 * process that took the lock is gone, it will be free in a moment. */
static weir_rc take_lock(int fd, const char *data_dir, err *e)
{
    for (int tries = 0;; tries++) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0)
            return WEIR_OK;
        if (errno != EWOULDBLOCK && errno != EINTR)
            return err_errno(e, errno, "locking the data folder \"%s\"", data_dir);
        pid_t pid = read_pid(fd);
        bool gone = pid <= 0 || (kill(pid, 0) && errno == ESRCH);
        if (!gone || tries == LOCK_TRIES)
            return err_fail(e, WEIR_E_CONFIG,
                            "the data folder \"%s\" is in use by another run (process %ld): stop it or choose another folder",
                            data_dir, (long)pid);
        nanosleep(&(struct timespec){.tv_nsec = LOCK_PAUSE_MS * 1000000L}, NULL);
    }
}

static weir_rc lock_folder(store *s, const char *data_dir, err *e)
{
    buf path = {0};
    buf_printf(&path, "%s/lock", data_dir);
    s->lock = open(buf_text(&path), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    weir_rc rc = s->lock < 0 ? err_errno(e, errno, "opening \"%s\"", buf_text(&path)) : take_lock(s->lock, data_dir, e);
    if (!rc)
        rc = write_pid(s->lock, buf_text(&path), e);
    buf_free(&path);
    return rc;
}

/* ----------------------------------------------------------------------------------------------------------------- open -- */

static weir_rc exec(store *s, const char *text, err *e)
{
    return sqlite3_exec(s->db, text, NULL, NULL, NULL) ? store_error(s, "setting up", e) : WEIR_OK;
}

/* The first column of the first row, or -1 if there is none. */
static weir_rc ask(store *s, const char *text, int64_t *ret, err *e)
{
    sqlite3_stmt *st = NULL;
    if (sqlite3_prepare_v2(s->db, text, -1, &st, NULL))
        return store_error(s, "reading", e);
    int code = sqlite3_step(st);
    *ret = code == SQLITE_ROW ? sqlite3_column_int64(st, 0) : -1;
    weir_rc rc = code == SQLITE_ROW || code == SQLITE_DONE ? WEIR_OK : store_error(s, "reading", e);
    sqlite3_finalize(st);
    return rc;
}

static weir_rc make_schema(store *s, err *e)
{
    weir_rc rc = exec(s, schema, e);
    if (!rc)
        rc = exec(s, schema_times, e);
    char version[80];
    snprintf(version, sizeof version, "INSERT INTO schema_version VALUES (%d)", SCHEMA_VERSION);
    return rc ? rc : exec(s, version, e);
}

/* Are there journals beside it? They are made after it, never before. */
static bool has_journals(const store *s)
{
    char *path = NULL;
    bool found = false;
    if (asprintf(&path, "%.*s/journals", (int)(strrchr(s->path, '/') - s->path), s->path) < 0)
        return false;
    DIR *dir = opendir(path);
    for (struct dirent *entry = dir ? readdir(dir) : NULL; entry && !found; entry = readdir(dir))
        found = entry->d_name[0] != '.';
    if (dir)
        closedir(dir);
    free(path);
    return found;
}

/* Journals without a database would count as empty, and be cut off. */
static weir_rc make_new(store *s, err *e)
{
    if (has_journals(s))
        return err_fail(e, WEIR_E_CONFIG,
                        "\"%s\" is gone, or empty, and the journals beside it are not: put it back, or remove the folder \"journals\" "
                        "to begin anew",
                        s->path);
    return make_schema(s, e);
}

/* From version 1, the only other one so far: when its documents came is not known. */
static weir_rc upgrade(store *s, err *e)
{
    weir_rc rc = exec(s, schema_times, e);
    if (!rc)
        rc = exec(s, "INSERT INTO times (journal, second, at) SELECT journal, 0, committed FROM journals WHERE committed > 0", e);
    return rc ? rc : exec(s, "UPDATE schema_version SET version = 2", e);
}

/* In one transaction with whatever it makes: a kill in between leaves an empty database, which the next run fills. */
static weir_rc check_schema(store *s, bool may_make, err *e)
{
    int64_t tables = 0, ours = 0, version = 0;
    weir_rc rc = ask(s, "SELECT count(*) FROM sqlite_schema", &tables, e);
    if (!rc)
        rc = ask(s, "SELECT count(*) FROM sqlite_schema WHERE name = 'schema_version'", &ours, e);
    if (!rc && tables == 0 && may_make)
        return make_new(s, e);
    if (!rc && ours)
        rc = ask(s, "SELECT version FROM schema_version", &version, e);
    if (rc)
        return rc;
    if (!ours || version < 1)
        return err_fail(e, WEIR_E_CONFIG, "\"%s\" is not a database of this program: choose another data folder", s->path);
    if (version < SCHEMA_VERSION && may_make)
        return upgrade(s, e);
    if (version > SCHEMA_VERSION)
        return err_fail(e, WEIR_E_CONFIG,
                        "\"%s\" was written by a newer version of this program (its schema is %" PRId64
                        ", this one knows %d): use that one",
                        s->path, version, SCHEMA_VERSION);
    return WEIR_OK;
}

static weir_rc read_identity(store *s, err *e)
{
    arena a = {0};
    buf text = {0};
    weir_view bytes = {0};
    weir_rc rc = store_note(s, VIEW(""), VIEW("identity"), &a, &bytes, e);
    base64_encode(&text, bytes);
    if (!rc && !buf_ok(&text))
        rc = err_nomem(e);
    if (!rc)
        snprintf(s->identity, sizeof s->identity, "%.*s", VIEW_ARG(buf_view(&text)));
    buf_free(&text);
    arena_free(&a);
    return rc;
}

static weir_rc set_up(store *s, err *e)
{
    weir_rc rc = exec(s, "PRAGMA journal_mode=WAL", e);
    if (!rc)
        rc = exec(s, "PRAGMA synchronous=FULL", e);
    if (!rc)
        rc = exec(s, "BEGIN IMMEDIATE", e);
    if (rc)
        return rc;
    rc = check_schema(s, true, e);
    if (!rc)
        rc = exec(s, schema_notes, e);
    if (!rc)
        rc = exec(s, "COMMIT", e);
    if (!rc)
        rc = read_identity(s, e);
    if (rc && !sqlite3_get_autocommit(s->db))
        sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    return rc;
}

static weir_rc open_db(store *s, bool read_only, err *e)
{
    struct stat st;
    if (read_only && stat(s->path, &st))
        return errno == ENOENT
                   ? err_fail(e, WEIR_E_CONFIG, "there is no \"%s\": nothing has run with this data folder yet", s->path)
                   : err_errno(e, errno, "\"%s\"", s->path);
    int flags = SQLITE_OPEN_NOMUTEX | (read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    if (sqlite3_open_v2(s->path, &s->db, flags, NULL))
        return store_error(s, "opening", e);
    sqlite3_extended_result_codes(s->db, 1);
    sqlite3_busy_timeout(s->db, BUSY_MS);
    return read_only ? check_schema(s, false, e) : set_up(s, e);
}

static weir_rc prepare_folder(store *s, const char *data_dir, err *e)
{
    weir_rc rc = io_make_dirs(data_dir, e);
    return rc ? rc : lock_folder(s, data_dir, e);
}

weir_rc store_open(store **ret, const char *data_dir, bool read_only, err *e)
{
    store *s = calloc(1, sizeof *s);
    if (!s)
        return err_nomem(e);
    pthread_mutex_init(&s->mutex, NULL);
    s->lock = -1;
    weir_rc rc = asprintf(&s->path, "%s/weir.db", data_dir) < 0 ? (s->path = NULL, err_nomem(e)) : WEIR_OK;
    if (!rc && !read_only)
        rc = prepare_folder(s, data_dir, e);
    if (!rc)
        rc = open_db(s, read_only, e);
    if (rc)
        store_close(s);
    else
        *ret = s;
    return rc;
}

void store_close(store *s)
{
    if (!s)
        return;
    for (int i = 0; i < STATEMENTS; i++)
        sqlite3_finalize(s->statements[i]);
    sqlite3_close(s->db);
    if (s->lock >= 0)
        close(s->lock); /* and with it goes the lock; the file stays, or two runs could lock two files of one name */
    pthread_mutex_destroy(&s->mutex);
    free(s->path);
    free(s);
}
