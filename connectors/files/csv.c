/* csv.c - the parser. Sixty-four bytes at a time become a bit mask of the delimiters, quotes and line breaks among them; all else
 * is skipped without being looked at. */
#include "csv.h"

#include <stdlib.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum { BLOCK = 64 };

void csv_init(csv_parser *p, csv_dialect d)
{
    *p = (csv_parser){.dialect = d, .next_line = 1, .line = 1};
}

void csv_free(csv_parser *p)
{
    free(p->fields);
    strbuf_free(&p->undoubled);
    *p = (csv_parser){0};
}

#ifdef __SSE2__
typedef struct signs {
    __m128i delimiter, quote, lf, cr;
} signs;

static signs signs_of(csv_dialect d)
{
    /* Without quotes a second look at the delimiter does no harm. */
    return (signs){_mm_set1_epi8(d.delimiter), _mm_set1_epi8(d.quote ? d.quote : d.delimiter), _mm_set1_epi8('\n'),
                   _mm_set1_epi8('\r')};
}

static uint64_t block_mask(const signs *s, const char *bytes)
{
    uint64_t mask = 0;
    for (int i = 0; i < BLOCK; i += 16) {
        __m128i b = _mm_loadu_si128((const __m128i *)(const void *)(bytes + i));
        __m128i hit = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(b, s->delimiter), _mm_cmpeq_epi8(b, s->quote)),
                                   _mm_or_si128(_mm_cmpeq_epi8(b, s->lf), _mm_cmpeq_epi8(b, s->cr)));
        mask |= (uint64_t)(unsigned)_mm_movemask_epi8(hit) << i;
    }
    return mask;
}
#else
typedef csv_dialect signs;

static signs signs_of(csv_dialect d) { return d; }

static uint64_t block_mask(const signs *s, const char *bytes)
{
    uint64_t mask = 0;
    for (int i = 0; i < BLOCK; i++) {
        char c = bytes[i];
        bool hit = c == s->delimiter || c == '\n' || c == '\r' || (s->quote && c == s->quote);
        mask |= (uint64_t)hit << i;
    }
    return mask;
}
#endif

/* The mask of up to 64 bytes; those behind the end are never looked at. */
static uint64_t mask_of(const signs *s, const char *bytes, size_t len)
{
    if (len >= BLOCK)
        return block_mask(s, bytes);
    char tail[BLOCK] = {0};
    memcpy(tail, bytes, len);
    return block_mask(s, tail) & ((UINT64_C(1) << len) - 1);
}

static bool grow_fields(csv_parser *p)
{
    size_t cap = p->cap ? p->cap * 2 : 32;
    if (cap > SIZE_MAX / sizeof *p->fields)
        return false;
    csv_field *fields = realloc(p->fields, cap * sizeof *fields);
    if (!fields)
        return false;
    p->fields = fields;
    p->cap = cap;
    return true;
}

static void begin_field(csv_parser *p, size_t at)
{
    p->begin = at;
    p->quoted = p->closed = p->doubled = false;
}

/* Ends the field before `at`. Doubled quotes are still in it, see undouble(). */
static bool end_field(csv_parser *p, size_t at)
{
    if (p->count == p->cap && !grow_fields(p))
        return false;
    csv_field *f = &p->fields[p->count++];
    f->at = p->begin + p->quoted;
    f->ptr = p->base + f->at;
    f->len = (p->closed ? p->close : at) - p->begin - p->quoted;
    f->quoted = p->quoted;
    p->any_doubled |= p->doubled;
    return true;
}

/* Undoes doubled quotes. The room is made before, since the pointers into it must hold. */
static bool undouble(csv_parser *p, size_t record)
{
    strbuf *out = &p->undoubled;
    strbuf_clear(out);
    if (!strbuf_reserve(out, record))
        return false;
    for (csv_field *f = p->fields; f < p->fields + p->count; f++) {
        const char *at = f->ptr, *end = at + f->len, *quote;
        if (!f->quoted || !(quote = memchr(at, p->dialect.quote, f->len)))
            continue;
        f->ptr = out->ptr + out->len;
        for (; quote; quote = memchr(at, p->dialect.quote, (size_t)(end - at))) {
            strbuf_add(out, at, (size_t)(quote + 1 - at));
            at = quote + 2;
        }
        strbuf_add(out, at, (size_t)(end - at));
        f->len = (size_t)(out->ptr + out->len - f->ptr);
    }
    return true;
}

static void begin_record(csv_parser *p)
{
    p->at = 0;
    p->count = 0;
    p->stray = p->any_doubled = false;
    p->line = p->next_line;
    begin_field(p, 0);
}

/* The bytes of an unfinished record may have moved: its fields follow. */
static void follow(csv_parser *p)
{
    for (size_t i = 0; i < p->count; i++)
        p->fields[i].ptr = p->base + p->fields[i].at;
}

/* The record is complete, `at` is behind its line break. */
static csv_status finish(csv_parser *p, size_t at, bool ended, size_t *ret_used)
{
    p->ended = ended;
    *ret_used = at;
    if (p->stray)
        return CSV_STRAY;
    return p->any_doubled && !undouble(p, at) ? CSV_NOMEM : CSV_ROW;
}

/* What a sign does to the record. */
typedef enum verdict { GO_ON, NEED_NEXT, LINE_END, NO_MEMORY } verdict;

typedef struct window {
    const char *bytes;
    size_t len;
    bool last;
} window;

/* Is the byte behind `at` this one? -1: not known yet. */
static int next_is(const window *w, size_t at, char c)
{
    if (at + 1 < w->len)
        return w->bytes[at + 1] == c;
    return w->last ? 0 : -1;
}

/* A sign inside quotes; *skip: the next sign belongs to it. */
static verdict inside_quotes(csv_parser *p, const window *w, size_t at, bool *skip)
{
    char c = w->bytes[at];
    if (c == p->dialect.quote) {
        int doubled = next_is(w, at, c);
        if (doubled < 0)
            return NEED_NEXT;
        p->doubled |= doubled != 0;
        *skip = doubled != 0;
        if (!doubled) {
            p->closed = true;
            p->close = at;
        }
    } else if (c == '\n') {
        p->next_line++;
    } else if (c == '\r') {
        int crlf = next_is(w, at, '\n');
        if (crlf < 0)
            return NEED_NEXT;
        p->next_line += !crlf;
    }
    return GO_ON;
}

/* A line break outside quotes. *at is moved to its last byte. */
static verdict line_break(csv_parser *p, const window *w, size_t *at, bool *skip)
{
    int crlf = w->bytes[*at] == '\r' ? next_is(w, *at, '\n') : 0;
    if (crlf < 0)
        return NEED_NEXT;
    bool blank = p->count == 0 && p->begin == *at && !p->quoted && !p->stray;
    if (!blank && !p->stray && !end_field(p, *at))
        return NO_MEMORY;
    p->next_line++;
    *at += (size_t)crlf;
    *skip = crlf != 0;
    if (!blank)
        return LINE_END;
    p->line = p->next_line;
    begin_field(p, *at + 1);
    return GO_ON;
}

/* A quoted field must end right behind its closing quote. */
static void check_close(csv_parser *p, size_t at)
{
    if (p->closed && p->close + 1 != at)
        p->stray = true;
}

static verdict outside_quotes(csv_parser *p, const window *w, size_t *at, bool *skip)
{
    char c = w->bytes[*at];
    check_close(p, *at);
    if (c == '\n' || c == '\r')
        return line_break(p, w, at, skip);
    if (p->stray)
        return GO_ON;
    if (c == p->dialect.delimiter) {
        if (!end_field(p, *at))
            return NO_MEMORY;
        begin_field(p, *at + 1);
    } else if (p->begin == *at) {
        p->quoted = true;
    }
    return GO_ON;
}

static csv_status unclosed(csv_parser *p, const window *w, size_t *ret_used)
{
    size_t at = 0;
    while (at < w->len && w->bytes[at] != '\n' && w->bytes[at] != '\r')
        at++;
    if (at < w->len)
        at += next_is(w, at, '\n') == 1 && w->bytes[at] == '\r' ? 2 : 1;
    p->next_line = p->line + 1;
    *ret_used = at;
    return CSV_UNCLOSED;
}

/* No sign is left. */
static csv_status run_out(csv_parser *p, const window *w, size_t *ret_used)
{
    p->at = w->len;
    if (!w->last)
        return CSV_MORE;
    if (p->quoted && !p->closed && !p->stray)
        return unclosed(p, w, ret_used);
    check_close(p, w->len);
    if (!p->count && p->begin == w->len && !p->quoted && !p->stray) {
        *ret_used = w->len;
        return CSV_END;
    }
    if (!p->stray && !end_field(p, w->len))
        return CSV_NOMEM;
    return finish(p, w->len, false, ret_used);
}

static csv_status scan(csv_parser *p, const window *w, size_t *ret_used)
{
    const signs s = signs_of(p->dialect);
    for (size_t block = p->at; block < w->len; block += BLOCK) {
        uint64_t mask = mask_of(&s, w->bytes + block, w->len - block);
        while (mask) {
            size_t sign = block + (size_t)__builtin_ctzll(mask), at = sign;
            bool skip = false;
            mask &= mask - 1;
            if (sign < p->at) /* the second half of a pair */
                continue;
            verdict v = p->quoted && !p->closed && !p->stray ? inside_quotes(p, w, at, &skip) : outside_quotes(p, w, &at, &skip);
            p->at = v == NEED_NEXT ? sign : sign + 1 + skip;
            if (v == LINE_END)
                return finish(p, at + 1, true, ret_used);
            if (v != GO_ON)
                return v == NEED_NEXT ? CSV_MORE : CSV_NOMEM;
        }
    }
    return run_out(p, w, ret_used);
}

csv_status csv_next(csv_parser *p, const char *bytes, size_t len, bool last, size_t *ret_used)
{
    const window w = {bytes, len, last};
    p->base = bytes;
    if (p->unfinished)
        follow(p);
    else
        begin_record(p);
    csv_status status = scan(p, &w, ret_used);
    p->unfinished = status == CSV_MORE;
    return status;
}
