/* The state of derivations by SQL: a database of SQLite for each shard. */
#include <sqlite3.h>
#include <stdio.h>
#include <unistd.h>

#include "base/io.h"
#include "json/text.h"
#include "model/state.h"
#include "plane/derive_parts.h"

weir_rc derive_state_file(const char *data_dir, weir_view name, arena *a, const char **ret, err *e)
{
    buf path = {0}, file = {0}, list = {0};
    json_strings(&list, &name, 1);
    buf_printf(&path, "%s/derivations", data_dir);
    weir_rc rc = io_make_dirs(buf_text(&path), e);
    bool ok = state_key(&file, buf_view(&list), 0);
    buf_printf(&path, "/%.*s.db", VIEW_ARG(buf_view(&file)));
    *ret = ok && buf_ok(&path) ? arena_text(a, buf_view(&path)) : NULL;
    buf_free(&path);
    buf_free(&file);
    buf_free(&list);
    return rc || *ret ? rc : err_nomem(e);
}

static weir_rc failed(sqlite3 *db, const char *path, err *e)
{
    return err_fail(e, WEIR_E_CONFIG, "\"%s\" cannot be copied: %s", path, db ? sqlite3_errmsg(db) : "out of memory");
}

/* The database as it was when its last transaction was committed, whatever files it consists of. */
static weir_rc copy(const char *from, const char *to, err *e)
{
    sqlite3 *in = NULL, *out = NULL;
    weir_rc rc = WEIR_OK;
    if (sqlite3_open_v2(from, &in, SQLITE_OPEN_READWRITE, NULL))
        rc = failed(in, from, e);
    if (!rc && sqlite3_open_v2(to, &out, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL))
        rc = failed(out, to, e);
    sqlite3_backup *b = rc ? NULL : sqlite3_backup_init(out, "main", in, "main");
    if (!rc && !b)
        rc = failed(out, to, e);
    if (b && sqlite3_backup_step(b, -1) != SQLITE_DONE)
        rc = failed(out, to, e);
    if (b && sqlite3_backup_finish(b) && !rc)
        rc = failed(out, to, e);
    sqlite3_close(out);
    sqlite3_close(in);
    return rc;
}

weir_rc derive_copy_state(const char *data_dir, weir_view from, weir_view to, err *e)
{
    arena a = {0};
    const char *old, *new = NULL;
    weir_rc rc = derive_state_file(data_dir, from, &a, &old, e);
    if (!rc)
        rc = derive_state_file(data_dir, to, &a, &new, e);
    if (!rc && access(old, F_OK) == 0)
        rc = copy(old, new, e);
    arena_free(&a);
    return rc;
}
