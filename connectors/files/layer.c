#include "layer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

ssize_t layer_fail(stream_problem *problem, weir_rc rc, const char *what)
{
    *problem = (stream_problem){.rc = rc, .what = what};
    return -1;
}

ssize_t layer_cut_off(stream_problem *problem, const char *what)
{
    *problem = (stream_problem){.rc = WEIR_E_REMOTE, .what = what, .cut_off = true};
    return -1;
}

bool layer_refill(layer *l, layer_input *in, stream_problem *problem)
{
    if (in->at < in->len || in->ended)
        return true;
    ssize_t n = l->below->read(l->below, in->bytes, LAYER_INPUT, problem);
    in->at = 0;
    in->len = n > 0 ? (size_t)n : 0;
    in->ended = n == 0;
    return n >= 0;
}

/* Allocates a layer of `size` bytes, its input behind it. */
static void *layer_new(size_t size, layer *below, layer_input **ret_input, size_t input_at)
{
    char *l = calloc(1, size);
    if (!l)
        return NULL;
    ((layer *)(void *)l)->below = below;
    *ret_input = (layer_input *)(void *)(l + input_at);
    (*ret_input)->bytes = malloc(LAYER_INPUT);
    if (!(*ret_input)->bytes) {
        free(l);
        return NULL;
    }
    return l;
}

/* ----------------------------------------------------------------------------------------------------------- the file -- */

typedef struct file_layer {
    layer base;
    int fd;
    uint64_t size, left;
} file_layer;

static ssize_t file_read(layer *l, char *out, size_t cap, stream_problem *problem)
{
    file_layer *f = (file_layer *)l;
    if (!f->left)
        return 0;
    ssize_t n;
    do
        n = read(f->fd, out, f->left < cap ? (size_t)f->left : cap);
    while (n < 0 && errno == EINTR);
    if (n < 0) {
        *problem = (stream_problem){.rc = WEIR_E_NOMEM, .what = "cannot be read", .error = errno};
        return -1;
    }
    if (!n)
        return layer_cut_off(problem, "has become shorter while it was read");
    f->left -= (uint64_t)n;
    return n;
}

static void file_free(layer *l) { free(l); }

layer *layer_file(int fd, uint64_t size)
{
    file_layer *f = calloc(1, sizeof *f);
    if (f)
        *f = (file_layer){.base = {file_read, file_free, NULL}, .fd = fd, .size = size, .left = size};
    return (layer *)f;
}

bool layer_file_seek(layer *l, uint64_t offset)
{
    file_layer *f = (file_layer *)l;
    if (offset > f->size || lseek(f->fd, (off_t)offset, SEEK_SET) < 0)
        return false;
    f->left = f->size - offset;
    return true;
}

/* --------------------------------------------------------------------------------------------------------------- gzip -- */

typedef struct gzip_layer {
    layer base;
    layer_input in;
    z_stream z;
    bool between; /* members */
} gzip_layer;

/* Behind a member: another one, zero bytes (tar pads with them), or the end. 1: another; 0: the end */
static int next_member(gzip_layer *g, stream_problem *problem)
{
    for (;;) {
        if (!layer_refill(&g->base, &g->in, problem))
            return -1;
        if (g->in.ended)
            return 0;
        while (g->in.at < g->in.len && !g->in.bytes[g->in.at])
            g->in.at++;
        if (g->in.at == g->in.len)
            continue;
        if ((unsigned char)g->in.bytes[g->in.at] != 0x1f)
            return (int)layer_fail(problem, WEIR_E_REMOTE, "has something else behind its gzip data");
        g->between = false;
        return inflateReset(&g->z) == Z_OK
                   ? 1
                   : (int)layer_fail(problem, WEIR_E_BUG, "cannot be decompressed: zlib will not start again");
    }
}

static ssize_t gzip_verdict(gzip_layer *g, int z, stream_problem *problem)
{
    if (z == Z_STREAM_END)
        g->between = true;
    else if (z == Z_MEM_ERROR)
        return layer_fail(problem, WEIR_E_NOMEM, "cannot be decompressed: out of memory");
    else if (z != Z_OK && z != Z_BUF_ERROR)
        return layer_fail(problem, WEIR_E_REMOTE, "is broken gzip data");
    return 0;
}

static ssize_t gzip_read(layer *l, char *out, size_t cap, stream_problem *problem)
{
    gzip_layer *g = (gzip_layer *)l;
    g->z.next_out = (Bytef *)out;
    g->z.avail_out = cap > UINT32_MAX ? UINT32_MAX : (uInt)cap;
    for (;;) {
        if (g->between) {
            int more = next_member(g, problem);
            if (more <= 0)
                return more;
        } else if (!layer_refill(l, &g->in, problem)) {
            return -1;
        } else if (g->in.ended) {
            return layer_cut_off(problem, "ends in the middle of its gzip data");
        }
        g->z.next_in = (Bytef *)g->in.bytes + g->in.at;
        g->z.avail_in = (uInt)(g->in.len - g->in.at);
        int z = inflate(&g->z, Z_NO_FLUSH);
        g->in.at = g->in.len - g->z.avail_in;
        if (gzip_verdict(g, z, problem) < 0)
            return -1;
        if ((char *)g->z.next_out > out)
            return (char *)g->z.next_out - out;
    }
}

static void gzip_free(layer *l)
{
    gzip_layer *g = (gzip_layer *)l;
    inflateEnd(&g->z);
    free(g->in.bytes);
    free(g);
}

layer *layer_gzip(layer *below)
{
    layer_input *in;
    gzip_layer *g = layer_new(sizeof *g, below, &in, offsetof(gzip_layer, in));
    if (!g)
        return NULL;
    g->base.read = gzip_read;
    g->base.free = gzip_free;
    if (inflateInit2(&g->z, 15 + 16) == Z_OK)
        return &g->base;
    free(g->in.bytes);
    free(g);
    return NULL;
}

/* --------------------------------------------------------------------------------------------------------------- zstd -- */

typedef struct zstd_layer {
    layer base;
    layer_input in;
    ZSTD_DStream *z;
    bool inside; /* a frame */
} zstd_layer;

static ssize_t zstd_read(layer *l, char *out, size_t cap, stream_problem *problem)
{
    zstd_layer *s = (zstd_layer *)l;
    ZSTD_outBuffer to = {out, cap, 0};
    while (!to.pos) {
        if (!layer_refill(l, &s->in, problem))
            return -1;
        /* Even without new input the decoder may hold output back. */
        ZSTD_inBuffer from = {s->in.bytes, s->in.len, s->in.at};
        if (s->in.ended && !s->inside)
            return 0;
        size_t left = ZSTD_decompressStream(s->z, &to, &from);
        if (ZSTD_isError(left))
            return layer_fail(problem, WEIR_E_REMOTE, "is broken zstd data");
        s->in.at = from.pos;
        s->inside = left != 0;
        if (s->in.ended && !to.pos && s->inside)
            return layer_cut_off(problem, "ends in the middle of its zstd data");
    }
    return (ssize_t)to.pos;
}

static void zstd_free(layer *l)
{
    zstd_layer *s = (zstd_layer *)l;
    ZSTD_freeDStream(s->z);
    free(s->in.bytes);
    free(s);
}

layer *layer_zstd(layer *below)
{
    layer_input *in;
    zstd_layer *s = layer_new(sizeof *s, below, &in, offsetof(zstd_layer, in));
    if (!s)
        return NULL;
    s->base.read = zstd_read;
    s->base.free = zstd_free;
    s->z = ZSTD_createDStream();
    if (s->z)
        return &s->base;
    free(s->in.bytes);
    free(s);
    return NULL;
}

/* ---------------------------------------------------------------------------------------------------------- encodings -- */

typedef struct transcode_layer {
    layer base;
    layer_input in;
    stream_encoding from;
    uint32_t high; /* the first half of a surrogate pair, or 0 */
} transcode_layer;

/* What windows-1252 has at 0x80..0x9f; the five it leaves open are control characters, as browsers read them. */
static const uint16_t windows1252[32] = {
    0x20ac, 0x81,   0x201a, 0x192,  0x201e, 0x2026, 0x2020, 0x2021, 0x2c6, 0x2030, 0x160, 0x2039, 0x152, 0x8d, 0x17d, 0x8f,
    0x90,   0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x2dc, 0x2122, 0x161, 0x203a, 0x153, 0x9d, 0x17e, 0x178,
};

static size_t put_utf8(char *out, uint32_t c)
{
    if (c < 0x80)
        return out[0] = (char)c, 1;
    size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = n - 1; i > 0; i--, c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3f));
    static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    out[0] = (char)(lead[n] | c);
    return n;
}

/* One unit of UTF-16. *ret_size: the bytes written. @return false if the pairing is wrong */
static bool utf16_unit(transcode_layer *t, uint32_t unit, char *out, size_t *ret_size)
{
    *ret_size = 0;
    bool low = unit >= 0xdc00 && unit <= 0xdfff;
    if (low != (t->high != 0))
        return false;
    if (unit >= 0xd800 && unit <= 0xdbff) {
        t->high = unit;
        return true;
    }
    *ret_size = put_utf8(out, low ? 0x10000 + ((t->high - 0xd800) << 10) + (unit - 0xdc00) : unit);
    t->high = 0;
    return true;
}

static ssize_t utf16_block(transcode_layer *t, char *out, size_t cap, stream_problem *problem)
{
    bool big = t->from == STREAM_UTF16BE;
    size_t made = 0, n;
    for (; t->in.len - t->in.at >= 2 && cap - made >= 4; t->in.at += 2, made += n) {
        const unsigned char *p = (const unsigned char *)t->in.bytes + t->in.at;
        if (!utf16_unit(t, (uint32_t)p[!big] << 8 | p[big], out + made, &n))
            return layer_fail(problem, WEIR_E_REMOTE, "is broken UTF-16");
    }
    return (ssize_t)made;
}

static size_t single_block(transcode_layer *t, char *out, size_t cap)
{
    size_t made = 0;
    for (; t->in.at < t->in.len && cap - made >= 4; t->in.at++) {
        unsigned char c = (unsigned char)t->in.bytes[t->in.at];
        bool special = t->from == STREAM_WINDOWS1252 && c >= 0x80 && c < 0xa0;
        made += put_utf8(out + made, special ? windows1252[c - 0x80] : c);
    }
    return made;
}

/* The last byte of a block may be half a unit: it waits in front of the next block. */
static bool refill_units(transcode_layer *t, stream_problem *problem)
{
    if (t->in.len - t->in.at != 1 || t->from == STREAM_LATIN1 || t->from == STREAM_WINDOWS1252)
        return layer_refill(&t->base, &t->in, problem);
    char half = t->in.bytes[t->in.at];
    ssize_t n = t->base.below->read(t->base.below, t->in.bytes + 1, LAYER_INPUT - 1, problem);
    t->in.bytes[0] = half;
    t->in.at = 0;
    t->in.len = n > 0 ? (size_t)n + 1 : 1;
    if (!n)
        layer_cut_off(problem, "ends in the middle of a UTF-16 character");
    return n > 0;
}

static ssize_t transcode_read(layer *l, char *out, size_t cap, stream_problem *problem)
{
    transcode_layer *t = (transcode_layer *)l;
    bool wide = t->from == STREAM_UTF16LE || t->from == STREAM_UTF16BE;
    ssize_t made = 0;
    while (!made) {
        if (!refill_units(t, problem))
            return -1;
        if (t->in.ended)
            return t->high ? layer_cut_off(problem, "ends in the middle of a UTF-16 character") : 0;
        made = wide ? utf16_block(t, out, cap, problem) : (ssize_t)single_block(t, out, cap);
    }
    return made;
}

static void transcode_free(layer *l)
{
    free(((transcode_layer *)l)->in.bytes);
    free(l);
}

layer *layer_transcode(layer *below, stream_encoding from, weir_view begun)
{
    layer_input *in;
    transcode_layer *t = layer_new(sizeof *t, below, &in, offsetof(transcode_layer, in));
    if (!t)
        return NULL;
    t->base.read = transcode_read;
    t->base.free = transcode_free;
    t->from = from;
    if (begun.len > LAYER_INPUT) {
        free(in->bytes);
        in->bytes = malloc(begun.len);
    }
    if (!in->bytes) {
        free(t);
        return NULL;
    }
    memcpy(in->bytes, begun.ptr, begun.len);
    in->len = begun.len;
    return &t->base;
}
