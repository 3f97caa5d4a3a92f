#include "state.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "cursor.h"

/* ------------------------------------------------------------------------------------------------------------- reading -- */

static int64_t integer_at(weir_view object, const char *name)
{
    weir_view v = cursor_find(object, name);
    return v.len ? weir_json_int(v, "", 0) : 0;
}

/* Copies a string member that fits; otherwise "". @return false without memory */
static bool text_at(weir_view object, const char *name, char *out, size_t size)
{
    weir_view v = cursor_find(object, name);
    strbuf text = {0};
    if (v.len >= 2 && *v.ptr == '"')
        cursor_decode(&text, (weir_view){v.ptr + 1, v.len - 2});
    memset(out, 0, size);
    if (text.len < size && text.len)
        memcpy(out, text.ptr, text.len);
    bool ok = !text.failed;
    strbuf_free(&text);
    return ok;
}

static bool read_file(file_state *f, weir_view object)
{
    char dialect[sizeof f->place.dialect + 1];
    f->size = integer_at(object, "size");
    f->place.offset = (uint64_t)integer_at(object, "offset");
    f->place.rows = (uint64_t)integer_at(object, "rows");
    f->place.lines = (uint64_t)integer_at(object, "lines");
    f->place.open = (size_t)integer_at(object, "open");
    f->done = view_says(cursor_find(object, "done"), "true");
    bool ok = text_at(object, "mtime", f->mtime, sizeof f->mtime) && text_at(object, "head", f->head, sizeof f->head) &&
              text_at(object, "tail", f->tail, sizeof f->tail) && text_at(object, "dialect", dialect, sizeof dialect);
    if (ok && strlen(dialect) == 3) {
        f->place.dialect[0] = dialect[0];
        f->place.dialect[1] = dialect[1] == ' ' ? 0 : dialect[1];
        f->place.dialect[2] = dialect[2];
    }
    return ok;
}

static file_state *add_file(stream_state *s, size_t *cap)
{
    if (s->count == *cap) {
        size_t more = *cap ? *cap * 2 : 16;
        file_state *files = realloc(s->files, more * sizeof *files);
        if (!files)
            return NULL;
        s->files = files;
        *cap = more;
    }
    s->files[s->count] = (file_state){0};
    return &s->files[s->count++];
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const file_state *)a)->name.ptr, ((const file_state *)b)->name.ptr);
}

bool stream_state_read(stream_state *s, weir_view state)
{
    size_t cap = 0;
    weir_view files = cursor_find(state, "files");
    cursor c = cursor_of(files);
    cursor_key key;
    weir_view value;
    *s = (stream_state){0};
    if (cursor_peek(&c) != '{' || !strbuf_reserve(&s->texts, files.len))
        return !s->texts.failed;
    cursor_enter(&c, '{');
    for (bool first = true; cursor_member(&c, &first, &key) && cursor_skip(&c, &value);) {
        file_state *f = add_file(s, &cap);
        if (!f)
            return false;
        size_t at = s->texts.len;
        cursor_decode(&s->texts, key.raw);
        f->name = (weir_view){s->texts.ptr + at, s->texts.len - at};
        strbuf_addc(&s->texts, 0);
        if (!read_file(f, value))
            return false;
    }
    if (s->count)
        qsort(s->files, s->count, sizeof *s->files, by_name);
    return !s->texts.failed;
}

void stream_state_free(stream_state *s)
{
    free(s->files);
    strbuf_free(&s->texts);
    *s = (stream_state){0};
}

static int compare_name(const void *name, const void *f) { return strcmp(name, ((const file_state *)f)->name.ptr); }

file_state *stream_state_find(const stream_state *s, const char *name)
{
    return s->count ? bsearch(name, s->files, s->count, sizeof *s->files, compare_name) : NULL;
}

/* -------------------------------------------------------------------------------------------------------------- hashes -- */

/* FNV-1a, 64 bits. */
static void hash_text(char out[17], const unsigned char *bytes, size_t len)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < len; i++)
        h = (h ^ bytes[i]) * UINT64_C(0x100000001b3);
    snprintf(out, 17, "%016" PRIx64, h);
}

typedef ssize_t (*peek_fn)(const void *arg, uint64_t offset, void *bytes, size_t len);

/* Hashes the first bytes and the last ones in front of the offset. @return 1; 0: the file is shorter; -1: errno */
static int hash_around(uint64_t offset, peek_fn peek, const void *arg, char head[17], char tail[17])
{
    unsigned char bytes[STATE_SAMPLE];
    size_t n = offset < STATE_SAMPLE ? (size_t)offset : STATE_SAMPLE;
    ssize_t got = peek(arg, 0, bytes, n);
    if (got < (ssize_t)n)
        return got < 0 ? -1 : 0;
    hash_text(head, bytes, n);
    got = peek(arg, offset - n, bytes, n);
    if (got < (ssize_t)n)
        return got < 0 ? -1 : 0;
    hash_text(tail, bytes, n);
    return 1;
}

static ssize_t peek_stream(const void *arg, uint64_t offset, void *bytes, size_t len)
{
    return stream_peek(arg, offset, bytes, len);
}

static ssize_t peek_fd(const void *arg, uint64_t offset, void *bytes, size_t len)
{
    return pread(*(const int *)arg, bytes, len, (off_t)offset);
}

void file_state_stat(file_state *f, const struct stat *st)
{
    struct tm tm;
    f->size = st->st_size;
    char *p = f->mtime;
    if (!gmtime_r(&st->st_mtim.tv_sec, &tm) || !strftime(p, STATE_TIME, "%Y-%m-%dT%H:%M:%S", &tm))
        *p = 0;
    size_t n = strlen(p);
    snprintf(p + n, STATE_TIME - n, ".%09ldZ", (long)st->st_mtim.tv_nsec);
}

bool file_state_set(file_state *f, const reader *r, const reader_place *place, bool done)
{
    file_state_stat(f, stream_stat(r->in));
    f->place = *place;
    f->done = done;
    *f->head = *f->tail = 0;
    if (!stream_is_plain(r->in) || r->format == READER_DOCUMENT)
        return true;
    int hashed = hash_around(place->offset, peek_stream, r->in, f->head, f->tail);
    if (hashed <= 0)
        *f->head = *f->tail = 0;
    return hashed >= 0;
}

bool file_state_same(const file_state *a, const file_state *b) { return a->size == b->size && text_is(a->mtime, b->mtime); }

/* A row that was taken although its line had no end yet: has the line got longer? -1: errno */
static int line_has_grown(const file_state *f, int fd)
{
    char pair[2];
    ssize_t got = f->place.offset ? peek_fd(&fd, f->place.offset - 1, pair, 2) : 0;
    if (got != 2)
        return got < 0 ? -1 : 0;
    bool ended = pair[0] == '\n' || pair[0] == '\r';
    return !ended && pair[1] != '\n' && pair[1] != '\r';
}

int file_state_continues(const file_state *f, const char *path)
{
    char head[17], tail[17];
    if (!*f->head)
        return 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return errno == EMFILE || errno == ENFILE || errno == ENOMEM ? -1 : 0; /* whoever opens it to read it will say why */
    int same = hash_around(f->place.offset, peek_fd, &fd, head, tail);
    if (same > 0)
        same = text_is(head, f->head) && text_is(tail, f->tail);
    int grown = same > 0 ? line_has_grown(f, fd) : 0;
    int error = errno;
    close(fd);
    errno = error;
    return grown ? (grown < 0 ? -1 : 0) : same;
}

/* ------------------------------------------------------------------------------------------------------------- patches -- */

static void patch_dialect(strbuf *out, const char d[4])
{
    const char text[] = {d[0], d[1] ? d[1] : ' ', d[2]};
    strbuf_adds(out, ",\"dialect\":");
    strbuf_quote(out, (weir_view){text, sizeof text});
}

void file_state_patch(strbuf *out, const char *name, const file_state *f)
{
    strbuf_quote(out, view_text(name));
    strbuf_printf(out,
                  ":{\"size\":%" PRId64 ",\"mtime\":\"%s\",\"offset\":%" PRIu64 ",\"rows\":%" PRIu64 ",\"lines\":%" PRIu64
                  ",\"done\":%s",
                  f->size, f->mtime, f->place.offset, f->place.rows, f->place.lines, f->done ? "true" : "false");
    if (*f->head)
        strbuf_printf(out, ",\"head\":\"%s\",\"tail\":\"%s\"", f->head, f->tail);
    else
        strbuf_adds(out, ",\"head\":null,\"tail\":null");
    if (f->place.open)
        strbuf_printf(out, ",\"open\":%zu", f->place.open);
    else
        strbuf_adds(out, ",\"open\":null");
    if (f->place.dialect[0])
        patch_dialect(out, f->place.dialect);
    strbuf_addc(out, '}');
}

size_t stream_state_forget(const stream_state *s, strbuf *out)
{
    size_t gone = 0;
    strbuf_adds(out, "{\"files\":{");
    for (size_t i = 0; i < s->count; i++) {
        if (s->files[i].present)
            continue;
        strbuf_adds(out, gone++ ? "," : "");
        strbuf_quote(out, s->files[i].name);
        strbuf_adds(out, ":null");
    }
    strbuf_adds(out, "}}");
    return gone;
}
