/* Layout: a segment is a row of chunks; a chunk is its length as it is and as it is stored (the same: not compressed), then
 * documents: binding, flags, length of the key and of the document, key, document. Numbers are 32 bits in the machine's order:
 * nobody else reads this. */
#include "doc/combiner_spill.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/io.h"
#include "doc/combiner_table.h"

enum { LEVEL = -3 /* of zstd: half the CPU of level 1, and documents are much alike */, HEAD = 2, FIELDS = 4 };
enum { LARGE = 1 << 20 /* a chunk of that size is one document, which is not held until its turn has come */ };

static const char noun[] = "documents that do not fit into memory";

void spill_init(spill *s, const char *folder, size_t chunk) { *s = (spill){.folder = folder, .chunk = chunk, .fd = -1}; }

void spill_free(spill *s)
{
    if (s->fd >= 0)
        close(s->fd);
    ZSTD_freeCCtx(s->squeeze);
    ZSTD_freeDCtx(s->expand);
    free(s->segments);
    buf_free(&s->raw);
    buf_free(&s->packed);
    *s = (spill){.fd = -1};
}

void spill_reset(spill *s)
{
    s->count = 0;
    s->end = 0;
    buf_free(&s->raw);
    buf_free(&s->packed);
    if (s->fd >= 0 && ftruncate(s->fd, 0) != 0) {
        close(s->fd); /* gives the disk back as well */
        s->fd = -1;
    }
}

/* ---------------------------------------------------------------------------------------------------------------- file -- */

/* Some file systems have no files without a name. */
static int open_named(const char *folder)
{
    buf path = {0};
    buf_printf(&path, "%s/weir-XXXXXX", folder);
    int fd = -1;
    errno = ENOMEM;
    if (buf_ok(&path) && buf_text(&path)[0])
        fd = mkostemp(path.ptr, O_CLOEXEC);
    if (fd >= 0)
        unlink(path.ptr);
    buf_free(&path);
    return fd;
}

static weir_rc open_file(spill *s, err *e)
{
    const char *folder = s->folder ? s->folder : getenv("TMPDIR");
    folder = folder && *folder ? folder : "/tmp";
    s->fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (s->fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL))
        s->fd = open_named(folder);
    return s->fd < 0 ? err_errno(e, errno, "a temporary file in %s, for %s", folder, noun) : WEIR_OK;
}

static weir_rc go_to(const spill *s, uint64_t at, err *e)
{
    return lseek(s->fd, (off_t)at, SEEK_SET) < 0 ? err_errno(e, errno, "%s", noun) : WEIR_OK;
}

static weir_rc read_at(const spill *s, uint64_t at, char *to, size_t len, err *e)
{
    weir_rc rc = go_to(s, at, e);
    while (!rc && len) {
        ssize_t n = read(s->fd, to, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_errno(e, errno, "read %s", noun);
        if (n == 0)
            return err_fail(e, WEIR_E_BUG, "read %s: the file ends too early", noun);
        to += n;
        len -= (size_t)n;
    }
    return rc;
}

/* ------------------------------------------------------------------------------------------------------------- writing -- */

static weir_rc write_chunk(spill *s, err *e)
{
    uint32_t head[HEAD] = {(uint32_t)s->raw.len};
    if (!s->raw.len)
        return WEIR_OK;
    buf_clear(&s->packed);
    if (!buf_reserve(&s->packed, sizeof head + ZSTD_compressBound(s->raw.len)))
        return err_nomem(e);
    char *to = s->packed.ptr + sizeof head;
    size_t len = ZSTD_compressCCtx(s->squeeze, to, s->packed.cap - sizeof head, s->raw.ptr, s->raw.len, LEVEL);
    if (ZSTD_isError(len))
        return err_fail(e, WEIR_E_NOMEM, "zstd: %s", ZSTD_getErrorName(len));
    if (len >= s->raw.len) {
        len = s->raw.len;
        memcpy(to, s->raw.ptr, len);
    }
    head[1] = (uint32_t)len;
    memcpy(s->packed.ptr, head, sizeof head);
    weir_rc rc = go_to(s, s->writing.end, e);
    if (!rc)
        rc = io_write(s->fd, (weir_view){s->packed.ptr, sizeof head + len}, noun, e);
    s->writing.end += sizeof head + len;
    buf_clear(&s->raw);
    return rc;
}

weir_rc spill_begin(spill *s, err *e)
{
    weir_rc rc = s->fd < 0 ? open_file(s, e) : WEIR_OK;
    if (!rc && !s->squeeze && !(s->squeeze = ZSTD_createCCtx()))
        rc = err_nomem(e);
    if (!rc && !s->expand && !(s->expand = ZSTD_createDCtx()))
        rc = err_nomem(e);
    s->writing = (spill_segment){.at = s->end, .end = s->end};
    buf_clear(&s->raw);
    return rc;
}

weir_rc spill_put(spill *s, const spilled *d, err *e)
{
    uint32_t fields[FIELDS] = {d->binding, d->flags, (uint32_t)d->key.len, (uint32_t)d->doc.len};
    weir_rc rc = WEIR_OK;
    if (s->raw.len && s->raw.len + sizeof fields + d->key.len + d->doc.len > s->chunk)
        rc = write_chunk(s, e);
    if (rc)
        return rc;
    buf_add(&s->raw, fields, sizeof fields);
    buf_addv(&s->raw, d->key);
    buf_addv(&s->raw, d->doc);
    return buf_ok(&s->raw) ? WEIR_OK : err_nomem(e);
}

static bool more_segments(spill *s)
{
    size_t room = s->room ? 2 * s->room : 16;
    spill_segment *segments = realloc(s->segments, room * sizeof *segments);
    if (!segments)
        return false;
    s->segments = segments;
    s->room = room;
    return true;
}

/* Disk that is not needed any more; if the file system cannot take it back, it stays until the end. */
static void forget_last(spill *s, size_t count)
{
    for (; count; count--) {
        const spill_segment *old = &s->segments[--s->count];
        (void)fallocate(s->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)old->at, (off_t)(old->end - old->at));
    }
}

weir_rc spill_end(spill *s, size_t keys, size_t replaced, err *e)
{
    weir_rc rc = write_chunk(s, e);
    if (rc)
        return rc;
    if (s->count == s->room && !more_segments(s))
        return err_nomem(e);
    s->writing.keys = keys;
    s->writing.level = replaced ? s->segments[s->count - 1].level + 1 : 0;
    forget_last(s, replaced);
    s->segments[s->count++] = s->writing;
    s->end = s->writing.end;
    return WEIR_OK;
}

/* ------------------------------------------------------------------------------------------------------------- reading -- */

typedef struct reader {
    uint64_t at, end; /* chunks still to be read */
    uint64_t last;    /* the one that was read last */
    buf raw;
    size_t next;      /* in raw */
    spilled now;
    buf key;          /* of a document that was put away again, as it is large */
    bool away, done;
} reader;

struct merger {
    spill *s;
    reader *readers;    /* older ones first */
    size_t *heap;       /* of those that are not done; the first has the next document */
    size_t count, open;
    bool given;         /* the first one's document has been given out */
};

static weir_rc read_chunk(spill *s, reader *r, err *e)
{
    uint32_t head[HEAD];
    weir_rc rc = read_at(s, r->at, (char *)head, sizeof head, e);
    if (rc)
        return rc;
    buf *to = head[0] == head[1] ? &r->raw : &s->packed;
    buf_clear(&r->raw);
    buf_clear(&s->packed);
    if (!buf_reserve(&r->raw, head[0]) || !buf_reserve(to, head[1]))
        return err_nomem(e);
    rc = read_at(s, r->at + sizeof head, to->ptr, head[1], e);
    if (!rc && to == &s->packed && ZSTD_decompressDCtx(s->expand, r->raw.ptr, head[0], s->packed.ptr, head[1]) != head[0])
        rc = err_fail(e, WEIR_E_NOMEM, "zstd: %s cannot be expanded", noun);
    r->raw.len = head[0];
    r->next = 0;
    r->last = r->at;
    r->at += sizeof head + head[1];
    return rc;
}

static void take_document(reader *r)
{
    uint32_t fields[FIELDS];
    const char *p = r->raw.ptr + r->next;
    memcpy(fields, p, sizeof fields);
    p += sizeof fields;
    r->now = (spilled){fields[0], fields[1], {p, fields[2]}, {p + fields[2], fields[3]}};
    r->next += sizeof fields + fields[2] + fields[3];
}

/* Many readers with a large document each would take much more memory than there is to be: of all but the first the key will do. */
static weir_rc put_away(reader *r, err *e)
{
    buf_clear(&r->key);
    buf_addv(&r->key, r->now.key);
    buf_free(&r->raw);
    r->next = 0;
    r->now.key = buf_view(&r->key);
    r->now.doc = (weir_view){NULL, 0};
    r->away = true;
    return buf_ok(&r->key) ? WEIR_OK : err_nomem(e);
}

static weir_rc bring_back(spill *s, reader *r, err *e)
{
    r->at = r->last;
    weir_rc rc = read_chunk(s, r, e);
    if (!rc)
        take_document(r);
    r->away = false;
    return rc;
}

static weir_rc reader_step(spill *s, reader *r, err *e)
{
    if (r->next == r->raw.len) {
        if (r->raw.cap > LARGE)
            buf_free(&r->raw);
        r->done = r->at == r->end;
        weir_rc rc = r->done ? WEIR_OK : read_chunk(s, r, e);
        if (rc || r->done)
            return rc;
    }
    take_document(r);
    return r->raw.len > LARGE ? put_away(r, e) : WEIR_OK;
}

static bool comes_first(const merger *m, size_t x, size_t y)
{
    const spilled *a = &m->readers[x].now, *b = &m->readers[y].now;
    if (a->binding != b->binding)
        return a->binding < b->binding;
    int o = view_cmp(a->key, b->key);
    if (o)
        return o < 0;
    if ((a->flags ^ b->flags) & TABLE_BASE)
        return a->flags & TABLE_BASE;
    return x < y;
}

static void sink(merger *m, size_t i)
{
    for (;;) {
        size_t child = 2 * i + 1, moved = m->heap[i];
        if (child >= m->open)
            return;
        child += child + 1 < m->open && comes_first(m, m->heap[child + 1], m->heap[child]);
        if (!comes_first(m, m->heap[child], moved))
            return;
        m->heap[i] = m->heap[child];
        m->heap[child] = moved;
        i = child;
    }
}

weir_rc merger_open(spill *s, size_t first, size_t count, merger **ret, err *e)
{
    merger *m = calloc(1, sizeof *m);
    reader *readers = calloc(count ? count : 1, sizeof *readers);
    size_t *heap = calloc(count ? count : 1, sizeof *heap);
    weir_rc rc = m && readers && heap ? WEIR_OK : err_nomem(e);
    if (!m) {
        free(readers);
        free(heap);
        return rc;
    }
    *m = (merger){.s = s, .readers = readers, .heap = heap, .count = readers ? count : 0};
    for (size_t i = 0; i < count && !rc; i++) {
        readers[i].at = s->segments[first + i].at;
        readers[i].end = s->segments[first + i].end;
        rc = reader_step(s, &readers[i], e);
        if (!rc && !readers[i].done)
            heap[m->open++] = i;
    }
    for (size_t i = m->open / 2; !rc && i-- > 0;)
        sink(m, i);
    if (rc)
        merger_close(m);
    else
        *ret = m;
    return rc;
}

weir_rc merger_next(merger *m, spilled *ret, bool *ret_more, err *e)
{
    if (m->given) {
        reader *r = &m->readers[m->heap[0]];
        weir_rc rc = reader_step(m->s, r, e);
        if (rc)
            return rc;
        if (r->done) {
            buf_free(&r->raw);
            buf_free(&r->key);
            m->heap[0] = m->heap[--m->open];
        }
        sink(m, 0);
    }
    m->given = *ret_more = m->open > 0;
    reader *first = m->open ? &m->readers[m->heap[0]] : NULL;
    weir_rc rc = first && first->away ? bring_back(m->s, first, e) : WEIR_OK;
    if (first)
        *ret = first->now;
    return rc;
}

void merger_close(merger *m)
{
    if (!m)
        return;
    for (size_t i = 0; i < m->count; i++) {
        buf_free(&m->readers[i].raw);
        buf_free(&m->readers[i].key);
    }
    free(m->readers);
    free(m->heap);
    free(m);
}
