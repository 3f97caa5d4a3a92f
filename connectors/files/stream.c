#include "layer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WINDOW = 256 << 10, PADDING = 64 };

struct stream {
    int fd;
    struct stat attributes;
    layer *top;
    char *bytes;          /* cap + PADDING of them */
    size_t cap, at, len;  /* the window is bytes[at..len) */
    uint64_t offset;      /* of bytes[0] */
    bool plain, ended;
    stream_problem problem;
};

static int stream_fail(stream *s, weir_rc rc, const char *what)
{
    s->problem = (stream_problem){.rc = rc, .what = what, .error = errno};
    return -1;
}

void stream_close(stream *s)
{
    if (!s)
        return;
    for (layer *l = s->top, *below; l; l = below) {
        below = l->below;
        l->free(l);
    }
    if (s->fd >= 0)
        close(s->fd);
    free(s->bytes);
    free(s);
}

weir_view stream_window(const stream *s) { return (weir_view){s->bytes + s->at, s->len - s->at}; }
bool stream_ended(const stream *s) { return s->ended; }
uint64_t stream_offset(const stream *s) { return s->offset + s->at; }
const stream_problem *stream_error(const stream *s) { return &s->problem; }
bool stream_is_plain(const stream *s) { return s->plain; }
const struct stat *stream_stat(const stream *s) { return &s->attributes; }
void stream_use(stream *s, size_t n) { s->at += n; }

static void drop_used(stream *s)
{
    if (!s->at)
        return;
    memmove(s->bytes, s->bytes + s->at, s->len - s->at);
    s->offset += s->at;
    s->len -= s->at;
    s->at = 0;
}

/* @return 0 if the window is as large as it may become */
static int make_room(stream *s)
{
    if (s->cap - s->len >= LAYER_ROOM)
        return 1;
    if (s->cap >= STREAM_LIMIT)
        return 0;
    size_t cap = s->cap ? s->cap * 2 : WINDOW;
    char *bytes = realloc(s->bytes, cap + PADDING);
    if (!bytes)
        return stream_fail(s, WEIR_E_NOMEM, "cannot be read");
    memset(bytes + cap, 0, PADDING);
    s->bytes = bytes;
    s->cap = cap;
    return 1;
}

int stream_more(stream *s)
{
    if (s->problem.rc)
        return -1;
    if (s->ended)
        return 1;
    drop_used(s);
    int room = make_room(s);
    if (room <= 0)
        return room;
    ssize_t n = s->top->read(s->top, s->bytes + s->len, s->cap - s->len, &s->problem);
    if (n < 0)
        return -1;
    s->len += (size_t)n;
    s->ended = n == 0;
    return 1;
}

/* Puts a layer on top. */
static bool push(stream *s, layer *l)
{
    if (!l) {
        errno = ENOMEM;
        return stream_fail(s, WEIR_E_NOMEM, "cannot be read"), false;
    }
    s->top = l;
    return true;
}

static bool is_gzip(const unsigned char *magic, size_t n)
{
    return n >= 3 && magic[0] == 0x1f && magic[1] == 0x8b && magic[2] == 8;
}

/* A frame, or a skippable one. */
static bool is_zstd(const unsigned char *magic, size_t n)
{
    static const unsigned char frame[] = {0x28, 0xb5, 0x2f, 0xfd}, skippable[] = {0x2a, 0x4d, 0x18};
    return n >= 4 && (!memcmp(magic, frame, 4) || ((magic[0] & 0xf0) == 0x50 && !memcmp(magic + 1, skippable, 3)));
}

static bool decompress(stream *s)
{
    unsigned char magic[4];
    ssize_t got = stream_peek(s, 0, magic, sizeof magic);
    if (got < 0)
        return stream_fail(s, WEIR_E_NOMEM, "cannot be read"), false;
    size_t n = (size_t)got;
    if (is_gzip(magic, n))
        return s->plain = false, push(s, layer_gzip(s->top));
    if (is_zstd(magic, n))
        return s->plain = false, push(s, layer_zstd(s->top));
    return true;
}

static bool begins(const stream *s, const char *mark, size_t n) { return s->len >= n && !memcmp(s->bytes, mark, n); }

/* The encoding of the bytes that were read so far, and how long its mark is. */
static stream_encoding find_encoding(const stream *s, stream_encoding asked, size_t *ret_mark)
{
    bool little = begins(s, "\xff\xfe", 2), big = begins(s, "\xfe\xff", 2);
    *ret_mark = 0;
    if ((asked == STREAM_AUTO || asked == STREAM_UTF16LE || asked == STREAM_UTF16BE) && (little || big)) {
        *ret_mark = 2;
        return little ? STREAM_UTF16LE : STREAM_UTF16BE;
    }
    if ((asked == STREAM_AUTO || asked == STREAM_UTF8) && begins(s, "\xef\xbb\xbf", 3))
        *ret_mark = 3;
    return asked == STREAM_AUTO ? STREAM_UTF8 : asked;
}

/* Reads the first block and decides how its bytes are encoded. */
static bool decode(stream *s, stream_encoding asked)
{
    while (s->len < 4 && !s->ended)
        if (stream_more(s) < 0)
            return false;
    size_t mark;
    stream_encoding found = find_encoding(s, asked, &mark);
    if (found == STREAM_UTF8)
        return stream_use(s, mark), true;
    if (!push(s, layer_transcode(s->top, found, (weir_view){s->bytes + mark, s->len - mark})))
        return false;
    s->len = 0;
    s->plain = s->ended = false;
    return true;
}

static bool set_up(stream *s, stream_encoding encoding)
{
    if (fstat(s->fd, &s->attributes) < 0)
        return stream_fail(s, WEIR_E_CONFIG, "cannot be opened"), false;
    if (!S_ISREG(s->attributes.st_mode)) {
        errno = 0;
        return stream_fail(s, WEIR_E_CONFIG, "is not a regular file"), false;
    }
    s->plain = true;
    return push(s, layer_file(s->fd, (uint64_t)s->attributes.st_size)) && decompress(s) && decode(s, encoding);
}

stream *stream_open(const char *path, stream_encoding encoding, stream_problem *ret_problem)
{
    stream *s = calloc(1, sizeof *s);
    if (!s) {
        *ret_problem = (stream_problem){.rc = WEIR_E_NOMEM, .what = "cannot be opened", .error = ENOMEM};
        return NULL;
    }
    s->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (s->fd < 0)
        stream_fail(s, errno == EMFILE || errno == ENFILE || errno == ENOMEM ? WEIR_E_NOMEM : WEIR_E_CONFIG, "cannot be opened");
    if (s->fd >= 0 && set_up(s, encoding))
        return s;
    *ret_problem = s->problem;
    stream_close(s);
    return NULL;
}

static int seek_plain(stream *s, uint64_t offset)
{
    if (offset > (uint64_t)s->attributes.st_size)
        return 0;
    if (!layer_file_seek(s->top, offset))
        return stream_fail(s, WEIR_E_NOMEM, "cannot be read");
    s->at = s->len = 0;
    s->offset = offset;
    s->ended = false;
    return 1;
}

int stream_skip(stream *s, uint64_t offset)
{
    if (s->problem.rc)
        return -1;
    if (s->plain)
        return seek_plain(s, offset);
    while (s->offset + s->len < offset && !s->ended) {
        stream_use(s, s->len - s->at);
        if (stream_more(s) < 0)
            return -1;
    }
    if (offset < stream_offset(s) || offset > s->offset + s->len)
        return 0;
    stream_use(s, (size_t)(offset - stream_offset(s)));
    return 1;
}

bool stream_changed(const stream *s)
{
    struct stat now;
    const struct stat *then = &s->attributes;
    return fstat(s->fd, &now) < 0 || now.st_size != then->st_size || now.st_mtim.tv_sec != then->st_mtim.tv_sec ||
           now.st_mtim.tv_nsec != then->st_mtim.tv_nsec;
}

ssize_t stream_peek(const stream *s, uint64_t offset, void *bytes, size_t len)
{
    size_t got = 0;
    while (got < len) {
        ssize_t n = pread(s->fd, (char *)bytes + got, len - got, (off_t)(offset + got));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        got += (size_t)n;
    }
    return (ssize_t)got;
}
