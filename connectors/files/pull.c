/* pull.c - reads what is new in a stream's files, in the order of their names, and remembers how far it got.
 *
 * A file is as large as it was when it was opened; what is written behind that is read by the next pull. A last row without a line
 * break, and compressed data that stops too early, are taken for complete (or broken) only when nobody has touched the file for a
 * moment: until then the writer may still be at it, and the row is left to the next pull.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

#include "docs.h"
#include "state.h"

enum {
    ROWS_BETWEEN_CHECKPOINTS = 10000,
    BYTES_BETWEEN_CHECKPOINTS = 4 << 20,
    FILES_BETWEEN_CHECKPOINTS = 250,
    MENTIONED_ROWS = 10, /* of a file's bad rows, so many are logged one by one */
    SETTLED_MS = 1000    /* so long must a file have been left alone to count as complete */
};

typedef struct puller {
    weir_task *task;
    const weir_binding *binding;
    const stream_settings *stream;
    stream_state state;
    docs docs;
    strbuf patch;               /* what the next checkpoint says of files, without its closing braces */
    size_t noted;               /* how many files that are */
    const char *unread;         /* one whose first or last bytes could not be read again for it; and why */
    int unread_errno;
    uint64_t unsealed_rows, unsealed_bytes; /* in these files */
    size_t files, skipped_files;
    uint64_t rows;
} puller;

/* A file on its way. */
typedef struct progress {
    const found_file *file;
    reader reader;
    uint64_t sealed, sealed_rows; /* the offset and row of the last checkpoint */
    uint64_t bad;
} progress;

/* What becomes of a file. */
typedef enum outcome { GO_ON, COMPLETE, LEFT, STOPPED, FAILED } outcome;

/* --------------------------------------------------------------------------------------------------------- checkpoints -- */

/* Makes everything emitted so far durable, together with what was noted of files. */
static weir_rc flush(puller *p)
{
    if (!p->noted)
        return WEIR_OK;
    if (p->unread)
        return weir_fail(p->task, WEIR_E_NOMEM, "'%s' cannot be read again: %s", p->unread, strerror(p->unread_errno));
    strbuf_adds(&p->patch, "}}");
    weir_rc rc = p->patch.failed ? weir_fail(p->task, WEIR_E_NOMEM, "the state of '%s': out of memory", p->stream->name)
                                 : docs_tell(&p->docs);
    if (!rc)
        rc = weir_checkpoint_patch(p->task, p->binding, strbuf_view(&p->patch));
    p->noted = 0;
    p->unsealed_rows = p->unsealed_bytes = 0;
    return rc;
}

/* Notes how far a file was read, for the next checkpoint. */
static void note(puller *p, progress *f, const reader_place *place, bool done)
{
    file_state now = {0};
    if (!file_state_set(&now, &f->reader, place, done)) {
        p->unread_errno = errno;
        p->unread = f->file->name;
    }
    if (!p->noted++) {
        strbuf_clear(&p->patch);
        strbuf_adds(&p->patch, "{\"files\":{");
    } else {
        strbuf_addc(&p->patch, ',');
    }
    file_state_patch(&p->patch, f->file->name, &now);
    p->unsealed_rows += place->rows - f->sealed_rows;
    p->unsealed_bytes += place->offset - f->sealed;
    f->sealed = place->offset;
    f->sealed_rows = place->rows;
}

static weir_rc seal(puller *p, progress *f, const reader_place *place)
{
    note(p, f, place, false);
    return flush(p);
}

static bool is_due(const puller *p, const progress *f)
{
    return p->unsealed_rows + (f->reader.row - f->sealed_rows) >= ROWS_BETWEEN_CHECKPOINTS ||
           p->unsealed_bytes + (stream_offset(f->reader.in) - f->sealed) >= BYTES_BETWEEN_CHECKPOINTS;
}

/* The end of a file. Small ones share a checkpoint. */
static weir_rc finish_file(puller *p, progress *f)
{
    bool due = is_due(p, f) || p->noted + 1 >= FILES_BETWEEN_CHECKPOINTS;
    const reader_place here = reader_at(&f->reader);
    note(p, f, &here, true);
    return due ? flush(p) : WEIR_OK;
}

/* -------------------------------------------------------------------------------------------------------------- trouble -- */

/* Fails. What was good before it is sealed first, so that the next run comes straight back here. */
static weir_rc file_failed(puller *p, progress *f, weir_rc rc, const char *problem)
{
    reader *r = &f->reader;
    if (r->in && r->row_before > f->sealed_rows) {
        const reader_place before = reader_before(r);
        note(p, f, &before, false);
    }
    weir_rc sealed = flush(p);
    if (sealed)
        return sealed;
    return r->row_line ? weir_fail(p->task, rc, "'%s:%" PRIu64 "' %s", f->file->name, r->row_line, problem)
                       : weir_fail(p->task, rc, "'%s' %s", f->file->name, problem);
}

/* A bad row. @return WEIR_OK if it is to be left out */
static weir_rc bad_row(puller *p, progress *f, const char *problem)
{
    if (!skips_errors(p->stream))
        return file_failed(p, f, WEIR_E_REMOTE, problem);
    if (f->bad++ < MENTIONED_ROWS)
        weir_log(p->task, WEIR_WARN, "left out: '%s:%" PRIu64 "' %s", f->file->name, f->reader.row_line, problem);
    return WEIR_OK;
}

/* A file that cannot be read, or not to its end. Left out, it counts as done until it changes. */
static weir_rc bad_file(puller *p, progress *f)
{
    reader *r = &f->reader;
    const char *problem = strbuf_text(&r->problem);
    bool vanished = !r->in && r->rc == WEIR_E_CONFIG && access(f->file->path, F_OK) && errno == ENOENT;
    if (vanished) {
        weir_log(p->task, WEIR_INFO, "'%s' has vanished", f->file->name);
        return WEIR_OK;
    }
    if (!skips_errors(p->stream) || r->rc == WEIR_E_NOMEM)
        return file_failed(p, f, r->rc, problem);
    weir_log(p->task, WEIR_WARN, "left out: '%s' %s", f->file->name, problem);
    p->skipped_files++;
    return r->in ? finish_file(p, f) : WEIR_OK;
}

static int64_t age_ms(const struct stat *st)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    int64_t seconds = now.tv_sec - st->st_mtim.tv_sec, nanos = now.tv_nsec - st->st_mtim.tv_nsec;
    return seconds * 1000 + nanos / 1000000;
}

/* Has nobody touched the file for a moment? Waits until that can be said */
static bool is_settled(puller *p, const reader *r)
{
    int64_t age = age_ms(stream_stat(r->in));
    struct pollfd stop = {.fd = weir_stop_fd(p->task), .events = POLLIN};
    if (age >= 0 && age < SETTLED_MS) /* a time in the future says nothing */
        poll(&stop, 1, (int)(SETTLED_MS - age));
    return !stream_changed(r->in);
}

/* ---------------------------------------------------------------------------------------------------------------- rows -- */

/* The writer may still be at it: the row at hand does not count. */
static outcome leave(puller *p, progress *f, weir_rc *ret_rc)
{
    weir_log(p->task, WEIR_INFO, "'%s' is being written: the rest of it is left for the next time", f->file->name);
    const reader_place before = reader_before(&f->reader);
    *ret_rc = before.rows != f->sealed_rows ? seal(p, f, &before) : WEIR_OK;
    return *ret_rc ? FAILED : LEFT;
}

static outcome emit_row(puller *p, progress *f, weir_rc *ret_rc)
{
    if (!f->reader.ended && !is_settled(p, &f->reader))
        return leave(p, f, ret_rc);
    docs_status status = docs_row(&p->docs, &f->reader, ret_rc);
    if (status == DOCS_BAD) {
        *ret_rc = bad_row(p, f, strbuf_text(&p->docs.problem));
        return *ret_rc ? FAILED : GO_ON;
    }
    if (status == DOCS_FAILED) {
        if (*ret_rc != WEIR_STOPPED)
            weir_wrap(p->task, *ret_rc, "'%s:%" PRIu64 "'", f->file->name, f->reader.row_line);
        return FAILED;
    }
    p->rows++;
    return GO_ON;
}

static outcome cut_row(puller *p, progress *f, weir_rc *ret_rc)
{
    if (!is_settled(p, &f->reader))
        return leave(p, f, ret_rc);
    if (!f->reader.passable) {
        *ret_rc = bad_file(p, f);
        return *ret_rc ? FAILED : LEFT;
    }
    *ret_rc = bad_row(p, f, strbuf_text(&f->reader.problem));
    return *ret_rc ? FAILED : GO_ON;
}

static outcome next_row(puller *p, progress *f, weir_rc *ret_rc)
{
    reader *r = &f->reader;
    switch (reader_next(r)) {
    case READER_ROW: return emit_row(p, f, ret_rc);
    case READER_END: return COMPLETE;
    case READER_CUT: return cut_row(p, f, ret_rc);
    case READER_BAD: *ret_rc = bad_row(p, f, strbuf_text(&r->problem)); return *ret_rc ? FAILED : GO_ON;
    case READER_BROKEN: *ret_rc = bad_file(p, f); return *ret_rc ? FAILED : LEFT;
    }
    return FAILED;
}

static weir_rc pull_rows(puller *p, progress *f)
{
    weir_rc rc = WEIR_OK;
    outcome what = GO_ON;
    while (what == GO_ON) {
        if (is_due(p, f)) {
            const reader_place here = reader_at(&f->reader);
            if ((rc = seal(p, f, &here)))
                return rc;
        }
        what = (f->reader.row & 255) == 0 && weir_stopping(p->task) ? STOPPED : next_row(p, f, &rc);
    }
    if (f->bad > MENTIONED_ROWS)
        weir_log(p->task, WEIR_WARN, "'%s': %" PRIu64 " rows were left out", f->file->name, f->bad);
    if (what == COMPLETE)
        return finish_file(p, f);
    if (what == STOPPED && f->reader.row != f->sealed_rows) {
        const reader_place here = reader_at(&f->reader);
        note(p, f, &here, false);
    }
    return rc;
}

/* --------------------------------------------------------------------------------------------------------------- files -- */

/* Where to begin: *ret_from NULL: at the beginning. *ret_read: there is anything to read at all. */
static weir_rc begin_at(puller *p, const found_file *file, const struct stat *st, file_state *known, const reader_place **ret_from,
                        bool *ret_read)
{
    file_state now = {0};
    *ret_read = true;
    *ret_from = NULL;
    if (!known)
        return WEIR_OK;
    known->present = true;
    file_state_stat(&now, st);
    if (file_state_same(&now, known)) {
        *ret_read = !known->done;
        *ret_from = known->place.offset ? &known->place : NULL;
        return WEIR_OK;
    }
    bool grown = now.size > known->size || (!known->done && now.size >= (int64_t)known->place.offset);
    int continues = grown ? file_state_continues(known, file->path) : 0;
    if (continues < 0)
        return weir_fail(p->task, WEIR_E_NOMEM, "'%s' cannot be compared with what was read of it: %s", file->name,
                         strerror(errno));
    *ret_from = continues ? &known->place : NULL;
    return WEIR_OK;
}

/* The name goes into documents and state, so it must be UTF-8. */
static weir_rc check_name(puller *p, const found_file *file, bool *ret_ok)
{
    size_t bad;
    *ret_ok = value_utf8(file->name, strlen(file->name), &bad);
    if (*ret_ok)
        return WEIR_OK;
    if (!skips_errors(p->stream))
        return weir_fail(p->task, WEIR_E_CONFIG, "stream '%s': the name of a file is not UTF-8: byte %zu of %s", p->stream->name,
                         bad + 1, weir_quote(p->task, p->stream->path));
    weir_log(p->task, WEIR_WARN, "stream '%s': left out: a file whose name is not UTF-8", p->stream->name);
    p->skipped_files++;
    return WEIR_OK;
}

static weir_rc pull_from(puller *p, const found_file *file, const reader_place *from)
{
    progress f = {.file = file};
    reader_status status = reader_open(&f.reader, p->stream, file->path, from);
    if (from) {
        f.sealed = from->offset;
        f.sealed_rows = from->rows;
    }
    weir_rc rc;
    if (status == READER_CUT && f.reader.in && !is_settled(p, &f.reader))
        rc = WEIR_OK; /* next time */
    else if (status != READER_ROW)
        rc = bad_file(p, &f);
    else if (!(rc = docs_file(&p->docs, &f.reader, file->name)))
        rc = pull_rows(p, &f);
    reader_close(&f.reader);
    return rc;
}

static weir_rc pull_file(puller *p, const found_file *file)
{
    struct stat st;
    bool ok, read;
    weir_rc rc = check_name(p, file, &ok);
    if (rc || !ok)
        return rc;
    file_state *known = stream_state_find(&p->state, file->name);
    if (stat(file->path, &st) < 0) {
        if (errno != ENOENT)
            return weir_fail(p->task, WEIR_E_CONFIG, "'%s' cannot be looked at: %s", file->name, strerror(errno));
        weir_log(p->task, WEIR_INFO, "'%s' has vanished", file->name);
        return WEIR_OK;
    }
    const reader_place *from;
    rc = begin_at(p, file, &st, known, &from, &read);
    p->files += !rc && read;
    return !rc && read ? pull_from(p, file, from) : rc;
}

/* Forgets files that are no longer there. */
static weir_rc forget(puller *p, const found_files *found)
{
    for (size_t i = 0; i < found->count; i++) {
        file_state *known = stream_state_find(&p->state, found->items[i].name);
        if (known)
            known->present = true;
    }
    strbuf_clear(&p->patch);
    size_t gone = stream_state_forget(&p->state, &p->patch);
    if (p->patch.failed)
        return weir_fail(p->task, WEIR_E_NOMEM, "stream '%s': out of memory", p->stream->name);
    if (!gone)
        return WEIR_OK;
    weir_log(p->task, WEIR_INFO, "stream '%s': %zu files are no longer there", p->stream->name, gone);
    return weir_checkpoint_patch(p->task, p->binding, strbuf_view(&p->patch));
}

static weir_rc pull_found(puller *p, const found_files *found)
{
    weir_rc rc = forget(p, found);
    for (size_t i = 0; !rc && i < found->count && !weir_stopping(p->task); i++)
        rc = pull_file(p, &found->items[i]);
    if (!rc)
        rc = flush(p);
    if (!rc)
        weir_log(p->task, WEIR_DEBUG, "stream '%s': %" PRIu64 " rows from %zu of %zu files, %zu left out", p->stream->name, p->rows,
                 p->files, found->count, p->skipped_files);
    return rc;
}

/* ------------------------------------------------------------------------------------------------------------- streams -- */

/* Nothing found is a mistake at first; later it may mean that all files were carried away after reading. */
static weir_rc find(puller *p, const files_settings *s, found_files *found)
{
    strbuf problem = {0};
    weir_rc rc = files_find(s, p->stream, found, &problem);
    if (!rc && !found->count && !p->binding->state.len)
        rc = files_none(s, p->stream, &problem);
    if (rc)
        weir_fail(p->task, rc, "stream '%s': %s", p->stream->name, strbuf_text(&problem));
    strbuf_free(&problem);
    return rc;
}

static weir_rc pull_binding(weir_task *t, const files_settings *s, const weir_binding *b)
{
    const files_resource *resource = b->resource;
    puller p = {.task = t, .binding = b, .stream = settings_stream(s, resource->stream)};
    found_files found = {0};
    if (!p.stream)
        return weir_fail(t, WEIR_E_CONFIG, "the settings have no stream '%s'", resource->stream);
    bool ok = docs_init(&p.docs, t, b, p.stream) && stream_state_read(&p.state, b->state);
    weir_rc rc = ok ? find(&p, s, &found) : weir_fail(t, WEIR_E_NOMEM, "stream '%s': out of memory", p.stream->name);
    if (!rc)
        rc = pull_found(&p, &found);
    files_found_free(&found);
    stream_state_free(&p.state);
    docs_free(&p.docs);
    strbuf_free(&p.patch);
    return rc;
}

weir_rc files_pull(weir_task *t, void *self, const weir_binding *bindings, size_t count)
{
    weir_rc rc = WEIR_OK;
    for (size_t i = 0; !rc && i < count; i++)
        rc = pull_binding(t, self, &bindings[i]);
    return rc;
}
