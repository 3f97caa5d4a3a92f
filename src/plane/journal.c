#include "plane/journal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"

enum { DIGITS = 20, SEGMENT_NAME = DIGITS + sizeof ".ndjson" };

/* Where a journal lives: its folder, and what errors call it. */
typedef struct place {
    int folder; /* descriptor; -1: not there yet */
    char *path;
    char *name; /* the collection's */
} place;

struct journal {
    place at;
    int fd;         /* the newest segment, positioned at its end; -1: none yet */
    uint64_t start; /* its first byte */
    uint64_t end;
    uint64_t segment_size;
    bool segment_dirty, folder_dirty; /* changed since the last sync */
    bool names_dirty;                 /* nothing was ever committed: the names of the folders may not be on disk */
    bool broken;                      /* what is on disk is unknown: only reopening helps */
};

struct journal_reader {
    place at;
    int fd; /* the segment that holds `offset`; -1: to be looked for */
    uint64_t start;
    uint64_t offset;
};

typedef struct segments {
    uint64_t *starts; /* ascending */
    size_t count, room;
} segments;

/* ---------------------------------------------------------------------------------------------------------------- names -- */

static void segment_name(char out[SEGMENT_NAME], uint64_t start)
{
    snprintf(out, SEGMENT_NAME, "%0*" PRIu64 ".ndjson", DIGITS, start);
}

static bool segment_start(const char *name, uint64_t *ret)
{
    if (strspn(name, "0123456789") != DIGITS || strcmp(name + DIGITS, ".ndjson") != 0)
        return false;
    errno = 0;
    *ret = strtoull(name, NULL, 10);
    return errno == 0;
}

/* One folder name from any collection name: nothing that a shell or a file system reads as something else. */
static void add_encoded(buf *out, weir_view name)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.+=";

    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool keep = (c & 0x80) || (c && strchr(plain, c) && !(i == 0 && c == '.'));
        if (keep)
            buf_addc(out, c);
        else
            buf_printf(out, "%%%02X", (unsigned)(unsigned char)c);
    }
}

static char *folder_path(const char *data_dir, weir_view collection)
{
    buf path = {0};
    buf_printf(&path, "%s/journals/", data_dir);
    add_encoded(&path, collection);
    buf_addc(&path, '\0');
    if (!buf_ok(&path))
        buf_free(&path);
    return path.ptr;
}

/* ---------------------------------------------------------------------------------------------------------------- place -- */

static void place_close(place *p)
{
    if (p->folder >= 0)
        close(p->folder);
    free(p->path);
    free(p->name);
    *p = (place){.folder = -1};
}

static weir_rc place_name(place *p, const char *data_dir, weir_view collection, err *e)
{
    *p = (place){.folder = -1};
    if (collection.len == 0)
        return err_fail(e, WEIR_E_BUG, "a journal needs a name");
    p->path = folder_path(data_dir, collection);
    p->name = strndup(collection.ptr, collection.len);
    return p->path && p->name ? WEIR_OK : err_nomem(e);
}

/* @param may_miss the folder may not exist yet: then folder stays -1 */
static weir_rc place_open(place *p, bool may_miss, err *e)
{
    p->folder = open(p->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (p->folder >= 0 || (may_miss && errno == ENOENT))
        return WEIR_OK;
    return err_errno(e, errno, "journal folder \"%s\"", p->path);
}

static weir_rc place_make(place *p, err *e)
{
    weir_rc rc = io_make_dirs(p->path, e);
    return rc ? rc : place_open(p, false, e);
}

/* The names of the folders must outlive a power cut as much as the data: otherwise weir.db knows of bytes that nobody finds. */
static weir_rc place_sync_names(const place *p, err *e)
{
    char *path = strdup(p->path);
    weir_rc rc = path ? WEIR_OK : err_nomem(e);
    for (int level = 0; level < 2 && !rc; level++) { /* the folder of journals, the data folder */
        *strrchr(path, '/') = '\0';
        rc = io_sync_dir(path, e);
    }
    free(path);
    return rc;
}

static int by_start(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static bool segments_add(segments *s, uint64_t start)
{
    if (s->count == s->room) {
        size_t room = s->room ? s->room * 2 : 16;
        uint64_t *starts = reallocarray(s->starts, room, sizeof *starts);
        if (!starts)
            return false;
        s->starts = starts;
        s->room = room;
    }
    s->starts[s->count++] = start;
    return true;
}

static weir_rc segments_read(segments *s, DIR *dir, const place *p, err *e)
{
    for (;;) {
        errno = 0;
        struct dirent *entry = readdir(dir);
        if (!entry)
            return errno ? err_errno(e, errno, "reading the folder \"%s\"", p->path) : WEIR_OK;
        uint64_t start;
        if (segment_start(entry->d_name, &start) && !segments_add(s, start))
            return err_nomem(e);
    }
}

static weir_rc segments_list(segments *s, const place *p, err *e)
{
    *s = (segments){0};
    int fd = openat(p->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        weir_rc rc = err_errno(e, errno, "reading the folder \"%s\"", p->path);
        if (fd >= 0)
            close(fd);
        return rc;
    }
    weir_rc rc = segments_read(s, dir, p, e);
    closedir(dir);
    if (!rc && s->count)
        qsort(s->starts, s->count, sizeof *s->starts, by_start);
    return rc;
}

static weir_rc segment_error(const place *p, uint64_t start, const char *doing, err *e)
{
    return err_errno(e, errno, "%s segment %" PRIu64 " of the journal of \"%s\"", doing, start, p->name);
}

/* -------------------------------------------------------------------------------------------------------------- cutting -- */

static weir_rc lost(const place *p, uint64_t held, uint64_t committed, err *e)
{
    return err_fail(e, WEIR_E_CONFIG,
                    "the journal of \"%s\" holds %" PRIu64 " bytes, %" PRIu64
                    " were committed: data has been lost or moved (\"%s\")",
                    p->name, held, committed, p->path);
}

/* Do the first `count` segments hold every byte up to `committed`, each once? */
static weir_rc check_whole(const place *p, const segments *s, size_t count, uint64_t committed, err *e)
{
    uint64_t held = 0;

    for (size_t i = 0; i < count; i++) {
        uint64_t start = s->starts[i];
        if (start > held)
            return lost(p, held, committed, e);
        if (start < held)
            return err_fail(e, WEIR_E_CONFIG,
                            "segment %" PRIu64 " of the journal of \"%s\" begins before the one in front of it ends", start,
                            p->name);
        char name[SEGMENT_NAME];
        struct stat st;
        segment_name(name, start);
        if (fstatat(p->folder, name, &st, 0))
            return segment_error(p, start, "looking at", e);
        held = start + (uint64_t)st.st_size;
    }
    return held < committed ? lost(p, held, committed, e) : WEIR_OK;
}

static weir_rc check_line_end(journal *j, uint64_t at, err *e)
{
    char last = 0;
    ssize_t n = pread(j->fd, &last, 1, (off_t)(at - j->start - 1));
    if (n < 0)
        return segment_error(&j->at, j->start, "reading", e);
    if (n != 1 || last != '\n')
        return err_fail(e, WEIR_E_CONFIG,
                        "the journal of \"%s\" has no line end at its committed offset %" PRIu64 ": it has been changed",
                        j->at.name, at);
    return WEIR_OK;
}

/* Opens the segment that ends at `at` and removes what it holds behind. */
static weir_rc open_cut(journal *j, uint64_t start, uint64_t at, err *e)
{
    char name[SEGMENT_NAME];
    segment_name(name, start);
    j->fd = openat(j->at.folder, name, O_RDWR | O_CLOEXEC);
    if (j->fd < 0)
        return segment_error(&j->at, start, "opening", e);
    j->start = start;
    weir_rc rc = check_line_end(j, at, e);
    if (rc)
        return rc;
    off_t len = (off_t)(at - start), had = lseek(j->fd, 0, SEEK_END);
    if (had > len) {
        if (ftruncate(j->fd, len))
            return segment_error(&j->at, start, "cutting", e);
        j->segment_dirty = true;
    }
    return had < 0 || lseek(j->fd, len, SEEK_SET) < 0 ? segment_error(&j->at, start, "positioning in", e) : WEIR_OK;
}

static weir_rc remove_from(journal *j, const segments *s, size_t first, err *e)
{
    for (size_t i = s->count; i > first; i--) {
        char name[SEGMENT_NAME];
        segment_name(name, s->starts[i - 1]);
        if (unlinkat(j->at.folder, name, 0))
            return segment_error(&j->at, s->starts[i - 1], "removing", e);
        j->folder_dirty = true;
    }
    return WEIR_OK;
}

/* Makes the journal end at `at`: the one way in which bytes disappear. */
static weir_rc settle(journal *j, uint64_t at, err *e)
{
    segments s;
    weir_rc rc = segments_list(&s, &j->at, e);
    size_t keep = 0;
    while (keep < s.count && s.starts[keep] < at)
        keep++;
    if (!rc)
        rc = check_whole(&j->at, &s, keep, at, e);
    if (!rc)
        rc = remove_from(j, &s, keep, e);
    if (!rc && keep)
        rc = open_cut(j, s.starts[keep - 1], at, e);
    if (!rc)
        j->end = at;
    free(s.starts);
    return rc;
}

/* -------------------------------------------------------------------------------------------------------------- writing -- */

static weir_rc still_sound(const journal *j, err *e)
{
    return j->broken
               ? err_fail(e, WEIR_E_NOMEM, "the journal of \"%s\" cannot be used any more: writing it failed before", j->at.name)
               : WEIR_OK;
}

weir_rc journal_open(journal **ret, const char *data_dir, weir_view collection, uint64_t committed, uint64_t segment_size, err *e)
{
    if (committed > INT64_MAX)
        return err_fail(e, WEIR_E_BUG, "a journal cannot hold %" PRIu64 " bytes", committed);
    journal *j = calloc(1, sizeof *j);
    if (!j)
        return err_nomem(e);
    j->fd = -1;
    j->segment_size = segment_size ? segment_size : JOURNAL_SEGMENT;
    weir_rc rc = place_name(&j->at, data_dir, collection, e);
    if (!rc)
        rc = place_make(&j->at, e);
    if (!rc)
        rc = settle(j, committed, e);
    j->names_dirty = committed == 0;
    if (rc)
        journal_close(j);
    else
        *ret = j;
    return rc;
}

void journal_close(journal *j)
{
    if (!j)
        return;
    if (j->fd >= 0)
        close(j->fd);
    place_close(&j->at);
    free(j);
}

uint64_t journal_end(const journal *j)
{
    return j->end;
}

/* After a failed sync nobody knows which pages reached the disk, and asking again would be told "fine". */
static weir_rc sync_segment(journal *j, err *e)
{
    if (!j->segment_dirty || j->fd < 0)
        return WEIR_OK;
    if (fdatasync(j->fd)) {
        j->broken = true;
        return segment_error(&j->at, j->start, "syncing", e);
    }
    j->segment_dirty = false;
    return WEIR_OK;
}

/* A finished segment is synced at once: a later one can then never be on disk without it. */
static weir_rc next_segment(journal *j, err *e)
{
    weir_rc rc = sync_segment(j, e);
    if (rc)
        return rc;
    if (j->fd >= 0)
        close(j->fd);
    char name[SEGMENT_NAME];
    segment_name(name, j->end);
    j->start = j->end;
    j->fd = openat(j->at.folder, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (j->fd < 0)
        return segment_error(&j->at, j->end, "making", e);
    j->folder_dirty = true;
    return WEIR_OK;
}

static weir_rc write_lines(journal *j, weir_view lines, err *e)
{
    weir_rc rc = io_write(j->fd, lines, j->at.path, e);
    j->segment_dirty = true;
    if (rc) {
        off_t had = (off_t)(j->end - j->start);
        if (ftruncate(j->fd, had) || lseek(j->fd, had, SEEK_SET) < 0)
            j->broken = true;
        return rc;
    }
    j->end += lines.len;
    return WEIR_OK;
}

weir_rc journal_append(journal *j, weir_view lines, err *e)
{
    if (lines.len == 0)
        return WEIR_OK;
    if (lines.ptr[lines.len - 1] != '\n' || lines.len > INT64_MAX - j->end)
        return err_fail(e, WEIR_E_BUG, "the journal of \"%s\" was given %zu bytes that do not end a line", j->at.name, lines.len);
    weir_rc rc = still_sound(j, e);
    uint64_t had = j->end - j->start;
    bool full = had > 0 && (had >= j->segment_size || lines.len > j->segment_size - had);
    if (!rc && (j->fd < 0 || full))
        rc = next_segment(j, e);
    return rc ? rc : write_lines(j, lines, e);
}

static weir_rc sync_folders(journal *j, err *e)
{
    if (!j->folder_dirty)
        return WEIR_OK;
    weir_rc rc = fsync(j->at.folder) ? err_errno(e, errno, "syncing the folder \"%s\"", j->at.path) : WEIR_OK;
    if (!rc && j->names_dirty)
        rc = place_sync_names(&j->at, e);
    if (rc)
        j->broken = true;
    else
        j->folder_dirty = j->names_dirty = false;
    return rc;
}

weir_rc journal_sync(journal *j, err *e)
{
    weir_rc rc = still_sound(j, e);
    if (!rc)
        rc = sync_segment(j, e);
    return rc ? rc : sync_folders(j, e);
}

weir_rc journal_cut(journal *j, uint64_t offset, err *e)
{
    if (offset > j->end)
        return err_fail(e, WEIR_E_BUG, "the journal of \"%s\" ends at %" PRIu64 " and cannot be cut at %" PRIu64, j->at.name,
                        j->end, offset);
    weir_rc rc = still_sound(j, e);
    if (rc || offset == j->end)
        return rc;
    rc = sync_segment(j, e);
    if (rc)
        return rc;
    if (j->fd >= 0)
        close(j->fd);
    j->fd = -1;
    j->start = 0;
    rc = settle(j, offset, e);
    j->broken = rc != WEIR_OK;
    if (j->fd < 0)
        j->start = j->end;
    return rc;
}

/* -------------------------------------------------------------------------------------------------------------- reading -- */

weir_rc journal_reader_open(journal_reader **ret, const char *data_dir, weir_view collection, uint64_t offset, err *e)
{
    journal_reader *r = calloc(1, sizeof *r);
    if (!r)
        return err_nomem(e);
    r->fd = -1;
    r->offset = offset;
    weir_rc rc = place_name(&r->at, data_dir, collection, e);
    if (rc)
        journal_reader_close(r);
    else
        *ret = r;
    return rc;
}

void journal_reader_close(journal_reader *r)
{
    if (!r)
        return;
    if (r->fd >= 0)
        close(r->fd);
    place_close(&r->at);
    free(r);
}

static weir_rc find_segment(const journal_reader *r, uint64_t *ret_start, err *e)
{
    segments s;
    weir_rc rc = segments_list(&s, &r->at, e);
    size_t n = s.count;
    while (n > 0 && s.starts[n - 1] > r->offset)
        n--;
    if (!rc && n == 0)
        rc = err_fail(e, WEIR_E_CONFIG,
                      "the journal of \"%s\" has no segment with byte %" PRIu64 ": data has been lost or moved (\"%s\")",
                      r->at.name, r->offset, r->at.path);
    if (!rc)
        *ret_start = s.starts[n - 1];
    free(s.starts);
    return rc;
}

/* Called only when the byte at `offset` is committed. Before that the segment might still be taken back by the writer and made anew
 * under the same name, and we would go on reading the one that is gone. */
static weir_rc open_segment(journal_reader *r, uint64_t start, err *e)
{
    char name[SEGMENT_NAME];
    segment_name(name, start);
    r->fd = openat(r->at.folder, name, O_RDONLY | O_CLOEXEC);
    if (r->fd < 0)
        return segment_error(&r->at, start, "opening", e);
    r->start = start;
    return WEIR_OK;
}

static weir_rc reader_ready(journal_reader *r, err *e)
{
    if (r->fd >= 0)
        return WEIR_OK;
    weir_rc rc = r->at.folder < 0 ? place_open(&r->at, false, e) : WEIR_OK;
    uint64_t start = 0;
    if (!rc)
        rc = find_segment(r, &start, e);
    return rc ? rc : open_segment(r, start, e);
}

/* The segment ends at the reader's offset: the next one is named after it. */
static weir_rc reader_advance(journal_reader *r, uint64_t limit, err *e)
{
    if (r->start == r->offset)
        return lost(&r->at, r->offset, limit, e);
    close(r->fd);
    r->fd = -1;
    return open_segment(r, r->offset, e);
}

static weir_rc read_some(journal_reader *r, uint64_t at, size_t ask, buf *out, size_t *ret_n, err *e)
{
    if (!buf_reserve(out, ask))
        return err_nomem(e);
    ssize_t n;
    do
        n = pread(r->fd, out->ptr + out->len, ask, (off_t)(at - r->start));
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return segment_error(&r->at, r->start, "reading", e);
    out->len += (size_t)n;
    *ret_n = (size_t)n;
    return WEIR_OK;
}

static size_t whole_lines(const char *bytes, size_t len)
{
    const char *last = len ? memrchr(bytes, '\n', len) : NULL;
    return last ? (size_t)(last - bytes) + 1 : 0;
}

static weir_rc broken_line(const journal_reader *r, err *e)
{
    return err_fail(e, WEIR_E_CONFIG,
                    "the line at offset %" PRIu64 " of the journal of \"%s\" has no end: data has been lost or changed (\"%s\")",
                    r->offset, r->at.name, r->at.path);
}

/* Reads until there is a line end, asking for twice as much whenever there was none. */
static weir_rc read_lines(journal_reader *r, uint64_t limit, size_t want, buf *out, size_t *ret_len, err *e)
{
    size_t base = out->len, got = 0, lines = 0;
    weir_rc rc = reader_ready(r, e);

    while (!rc && lines == 0) {
        uint64_t left = limit - r->offset - got;
        if (left == 0)
            return broken_line(r, e);
        size_t ask = got < want ? want - got : got, n = 0;
        rc = read_some(r, r->offset + got, ask < left ? ask : (size_t)left, out, &n, e);
        if (!rc && n == 0)
            rc = got ? broken_line(r, e) : reader_advance(r, limit, e);
        if (n)
            lines = whole_lines(out->ptr + base + got, n);
        if (lines)
            lines += got;
        got += n;
    }
    *ret_len = lines;
    return rc;
}

weir_rc journal_read(journal_reader *r, uint64_t limit, size_t want, buf *out, uint64_t *ret_offset, err *e)
{
    if (r->offset > limit)
        return err_fail(e, WEIR_E_CONFIG,
                        "a reader of the journal of \"%s\" is at %" PRIu64 ", but only %" PRIu64 " bytes are committed", r->at.name,
                        r->offset, limit);
    size_t base = out->len, lines = 0;
    weir_rc rc = WEIR_OK;
    if (r->offset < limit)
        rc = read_lines(r, limit, want ? want : 1, out, &lines, e);
    out->len = base + (rc ? 0 : lines);
    if (rc)
        return rc;
    r->offset += lines;
    *ret_offset = r->offset;
    return WEIR_OK;
}
