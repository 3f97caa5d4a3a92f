#include "json_rows.h"

#include <stdlib.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "cursor.h"

enum { GO_ON = -1 }; /* beside rows_status: the machine takes its next step */

typedef struct window {
    const char *bytes;
    size_t len;
    bool last;
} window;

void json_rows_lines(json_rows *r) { *r = (json_rows){.lines = true, .pointer = ""}; }
void json_rows_document(json_rows *r, const char *pointer) { *r = (json_rows){.pointer = pointer}; }

void json_rows_resume(json_rows *r, const char *pointer, size_t open)
{
    json_rows_document(r, pointer);
    r->open = open;
    r->state = open ? ROWS_LIST : ROWS_ROOT;
}

size_t json_rows_open(const json_rows *r) { return r->open; }

bool json_rows_let_go(json_rows *r)
{
    if (!r->holding || !r->whole)
        return false;
    r->holding = r->whole = false;
    return true;
}

static int broken(json_rows *r, const char *problem)
{
    r->problem = problem;
    return ROWS_BROKEN;
}

static int need_more(json_rows *r, const window *w)
{
    if (!w->last)
        return ROWS_MORE;
    r->cut_off = true;
    return broken(r, "ends too early");
}

/* ------------------------------------------------------------------------------------------------------ skipping values -- */

static bool is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

/* The next quote or bracket. */
static size_t find_sign(const char *bytes, size_t at, size_t len)
{
#ifdef __SSE2__
    const __m128i quote = _mm_set1_epi8('"'), bit = _mm_set1_epi8(0x20), open = _mm_set1_epi8('{'), close = _mm_set1_epi8('}');
    for (; len - at >= 16; at += 16) {
        __m128i b = _mm_loadu_si128((const __m128i *)(const void *)(bytes + at)), low = _mm_or_si128(b, bit);
        __m128i hit = _mm_or_si128(_mm_cmpeq_epi8(b, quote), _mm_or_si128(_mm_cmpeq_epi8(low, open), _mm_cmpeq_epi8(low, close)));
        int mask = _mm_movemask_epi8(hit);
        if (mask)
            return at + (size_t)__builtin_ctz((unsigned)mask);
    }
#endif
    while (at < len && bytes[at] != '"' && (bytes[at] | 0x20) != '{' && (bytes[at] | 0x20) != '}')
        at++;
    return at;
}

/* The next quote or backslash. */
static size_t find_string_end(const char *bytes, size_t at, size_t len)
{
#ifdef __SSE2__
    const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\');
    for (; len - at >= 16; at += 16) {
        __m128i b = _mm_loadu_si128((const __m128i *)(const void *)(bytes + at));
        int mask = _mm_movemask_epi8(_mm_or_si128(_mm_cmpeq_epi8(b, quote), _mm_cmpeq_epi8(b, slash)));
        if (mask)
            return at + (size_t)__builtin_ctz((unsigned)mask);
    }
#endif
    while (at < len && bytes[at] != '"' && bytes[at] != '\\')
        at++;
    return at;
}

/* Goes on inside a string. @return false if its end is not there yet */
static bool skip_string(rows_skip *s, const window *w, size_t *at)
{
    for (;;) {
        *at = find_string_end(w->bytes, *at, w->len);
        if (*at >= w->len)
            return false;
        if (w->bytes[*at] == '"')
            break;
        if (*at + 1 >= w->len)
            return false; /* the backslash comes again together with what it escapes */
        *at += 2;
    }
    s->string = false;
    ++*at;
    return true;
}

static bool ends_scalar(char c) { return c == ',' || c == ']' || c == '}' || is_space(c); }

/* Goes on inside a value. @return false if its end is not there yet; *at is how far it got */
static bool skip_on(rows_skip *s, const window *w, size_t *at)
{
    if (s->scalar) {
        while (*at < w->len && !ends_scalar(w->bytes[*at]))
            ++*at;
        return *at < w->len || w->last;
    }
    for (;;) {
        if (s->string) {
            if (!skip_string(s, w, at))
                return false;
            if (!s->depth)
                return true;
        }
        *at = find_sign(w->bytes, *at, w->len);
        if (*at >= w->len)
            return false;
        char c = w->bytes[(*at)++];
        if (c == '"')
            s->string = true;
        else if ((c | 0x20) == '{')
            s->depth++;
        else if (!--s->depth)
            return true;
    }
}

/* Begins to skip the value whose first byte is c; that byte is not taken yet, but for brackets and quotes. */
static void begin_skip(json_rows *r, char c)
{
    bool bracket = c == '{' || c == '[';
    r->skipping = true;
    r->skip = (rows_skip){.depth = bracket, .string = c == '"', .scalar = !bracket && c != '"'};
    r->at += !r->skip.scalar;
}

static void hold(json_rows *r)
{
    r->holding = true;
    r->hold = r->at;
}

/* ---------------------------------------------------------------------------------------------------------- the machine -- */

/* The next byte that is not whitespace; 0: it is not there yet, or a NUL, which is no JSON either. */
static char peek(json_rows *r, const window *w)
{
    while (r->at < w->len && is_space(w->bytes[r->at]))
        r->at++;
    return r->at < w->len ? w->bytes[r->at] : 0;
}

/* Takes the comma that is due, and looks at what follows it. 0: not there yet, or a comma was wrong (then r->problem). */
static char element(json_rows *r, const window *w, char close)
{
    char c = peek(r, w);
    if (r->first || c == close || !c)
        return c;
    if (c != ',') {
        r->problem = "lacks a comma or closing bracket";
        return 0;
    }
    size_t comma = r->at++;
    c = peek(r, w);
    if (!c)
        r->at = comma; /* comma and element are looked at together */
    if (c == close)
        r->problem = "has a comma too many";
    return c == close ? 0 : c;
}

/* What it means that element() or peek() gave 0. */
static int nothing(json_rows *r, const window *w)
{
    if (r->problem)
        return ROWS_BROKEN;
    size_t at = r->at;
    if (at < w->len && w->bytes[at] == ',')
        at++;
    while (at < w->len && is_space(w->bytes[at]))
        at++;
    return at >= w->len ? need_more(r, w) : broken(r, "has something that is no JSON");
}

/* Takes a key and its colon, if they are all there. @return GO_ON, or a status */
static int take_key(json_rows *r, const window *w, cursor_key *key)
{
    cursor c = {w->bytes + r->at, w->bytes + w->len, NULL};
    if (*c.at != '"')
        return broken(r, "lacks a member's name");
    bool string = cursor_string(&c, &key->raw, &key->escaped);
    bool escape_cut = !string && c.end - c.at < 6 && !w->last;
    char colon = cursor_peek(&c);
    if (c.at == c.end || escape_cut)
        return need_more(r, w);
    if (!string || colon != ':')
        return broken(r, string ? "lacks a colon" : c.error);
    r->at = (size_t)(c.at + 1 - w->bytes);
    return GO_ON;
}

/* The token of the pointer that is due, decoded (~1 is /, ~0 is ~). */
static void next_token(const json_rows *r, strbuf *out)
{
    const char *p = r->pointer;
    for (size_t i = 0; *p && i < r->gone; i++)
        p = strchr(p + 1, '/');
    for (p++; *p && *p != '/'; p++) {
        if (*p == '~')
            strbuf_addc(out, *++p == '1' ? '/' : '~');
        else
            strbuf_addc(out, *p);
    }
}

static size_t token_count(const char *pointer)
{
    size_t n = 0;
    for (; *pointer; pointer++)
        n += *pointer == '/';
    return n;
}

static bool arrived(const json_rows *r) { return r->gone == token_count(r->pointer); }

static void enter(json_rows *r, rows_state state)
{
    r->at++;
    r->open++;
    r->first = true;
    r->state = state;
}

/* Something closes: back to between documents, or on to the next bracket. */
static void leave(json_rows *r)
{
    r->at++;
    r->state = --r->open ? ROWS_CLOSE : ROWS_ROOT;
}

static int step_root(json_rows *r, const window *w)
{
    r->gone = r->index = 0;
    r->listed = false;
    if (peek(r, w)) {
        r->state = ROWS_VALUE;
        return GO_ON;
    }
    if (r->at < w->len)
        return broken(r, "has something that is no JSON");
    return w->last ? ROWS_END : ROWS_MORE;
}

static int step_arrived(json_rows *r, char c)
{
    if (c == '[') {
        enter(r, ROWS_LIST);
        return GO_ON;
    }
    if (c != '{')
        return broken(r, "has neither a list nor an object where its rows should be");
    r->whole = true;
    hold(r);
    enter(r, ROWS_PICK);
    return GO_ON;
}

static int step_value(json_rows *r, const window *w)
{
    char c = peek(r, w);
    if (!c)
        return nothing(r, w);
    if (arrived(r))
        return step_arrived(r, c);
    if (c != '{' && c != '[')
        return broken(r, "has nothing at the pointer");
    r->index = 0;
    enter(r, c == '{' ? ROWS_MEMBERS : ROWS_ITEMS);
    return GO_ON;
}

static int step_members(json_rows *r, const window *w)
{
    cursor_key key;
    size_t before = r->at;
    char c = element(r, w, '}');
    if (!c)
        return nothing(r, w);
    if (c == '}')
        return broken(r, "has nothing at the pointer");
    int rc = take_key(r, w, &key);
    if (rc == ROWS_MORE)
        r->at = before;
    if (rc != GO_ON)
        return rc;
    c = peek(r, w);
    if (!c && !w->last) {
        r->at = before;
        return ROWS_MORE;
    }
    if (!c)
        return nothing(r, w);
    strbuf token = {0};
    next_token(r, &token);
    bool here = cursor_key_is(key, strbuf_text(&token));
    bool failed = token.failed;
    strbuf_free(&token);
    if (failed)
        return ROWS_NOMEM;
    r->first = false;
    if (here) {
        r->gone++;
        r->state = ROWS_VALUE;
    } else {
        begin_skip(r, c);
    }
    return GO_ON;
}

static int step_items(json_rows *r, const window *w)
{
    char c = element(r, w, ']');
    if (!c)
        return nothing(r, w);
    if (c == ']')
        return broken(r, "has nothing at the pointer");
    strbuf token = {0};
    next_token(r, &token);
    char *end;
    const char *text = strbuf_text(&token);
    size_t wanted = strtoull(text, &end, 10);
    bool is_index = *text >= '0' && *text <= '9' && !*end;
    strbuf_free(&token);
    r->first = false;
    if (!is_index)
        return broken(r, "has an array where the pointer names a member");
    if (r->index++ == wanted) {
        r->gone++;
        r->state = ROWS_VALUE;
    } else {
        begin_skip(r, c);
    }
    return GO_ON;
}

static int take_row(json_rows *r, const window *w, size_t begin, size_t end)
{
    r->row = (weir_view){w->bytes + begin, end - begin};
    r->holding = r->whole = false;
    return ROWS_ROW;
}

/* Inside the object that should hold the list: its members are looked at one by one. */
static int step_pick(json_rows *r, const window *w)
{
    cursor_key key;
    size_t before = r->at;
    char c = element(r, w, '}');
    if (!c)
        return nothing(r, w);
    if (c == '}') {
        bool whole = r->whole;
        size_t begin = r->hold;
        leave(r);
        if (whole)
            return take_row(r, w, begin, r->at);
        return r->listed ? GO_ON : broken(r, "has an object without a list of objects that is too large to be a row");
    }
    int rc = take_key(r, w, &key);
    if (rc == ROWS_MORE)
        r->at = before;
    if (rc != GO_ON)
        return rc;
    r->first = false;
    r->state = ROWS_PEEK;
    return GO_ON;
}

static int step_peek(json_rows *r, const window *w)
{
    char c = peek(r, w);
    if (!c)
        return nothing(r, w);
    if (c == '[') {
        enter(r, ROWS_NESTED);
        return GO_ON;
    }
    r->state = ROWS_PICK;
    begin_skip(r, c);
    return GO_ON;
}

/* A list of objects, or an array of something else? */
static int step_nested(json_rows *r, const window *w)
{
    char c = peek(r, w);
    if (!c)
        return nothing(r, w);
    if (c != '{') {
        r->open--;
        r->first = false;
        r->state = ROWS_PICK;
        r->skipping = true;
        r->skip = (rows_skip){.depth = 1};
        return GO_ON;
    }
    if (r->listed)
        return broken(r, "has several lists of objects: say with a pointer which one");
    r->listed = true;
    r->holding = r->whole = false;
    r->state = ROWS_LIST;
    return GO_ON;
}

static int step_list(json_rows *r, const window *w)
{
    char c = element(r, w, ']');
    if (!c)
        return nothing(r, w);
    if (c == ']') {
        leave(r);
        if (r->listed && r->state == ROWS_CLOSE) {
            r->first = false;
            r->state = ROWS_PICK;
        }
        return GO_ON;
    }
    r->first = false;
    hold(r);
    begin_skip(r, c);
    return GO_ON;
}

static int step_close(json_rows *r)
{
    r->skipping = true;
    r->skip = (rows_skip){.depth = r->open};
    r->open = 0;
    r->state = ROWS_ROOT;
    return GO_ON;
}

static int step_skip(json_rows *r, const window *w)
{
    if (!skip_on(&r->skip, w, &r->at))
        return need_more(r, w);
    r->skipping = false;
    return r->holding && !r->whole ? take_row(r, w, r->hold, r->at) : GO_ON;
}

static int step(json_rows *r, const window *w)
{
    if (r->skipping)
        return step_skip(r, w);
    switch (r->state) {
    case ROWS_ROOT: return step_root(r, w);
    case ROWS_VALUE: return step_value(r, w);
    case ROWS_MEMBERS: return step_members(r, w);
    case ROWS_ITEMS: return step_items(r, w);
    case ROWS_PICK: return step_pick(r, w);
    case ROWS_PEEK: return step_peek(r, w);
    case ROWS_NESTED: return step_nested(r, w);
    case ROWS_LIST: return step_list(r, w);
    case ROWS_CLOSE: return step_close(r);
    }
    return ROWS_BROKEN;
}

static weir_view trimmed(const char *begin, const char *end)
{
    while (begin < end && (*begin == ' ' || *begin == '\t' || *begin == '\r'))
        begin++;
    while (begin < end && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r'))
        end--;
    return (weir_view){begin, (size_t)(end - begin)};
}

static rows_status next_line(json_rows *r, const window *w, size_t *ret_used)
{
    size_t begin = 0;
    for (;;) {
        const char *end = r->at < w->len ? memchr(w->bytes + r->at, '\n', w->len - r->at) : NULL;
        *ret_used = begin;
        r->at = w->len - begin;
        if (!end && !w->last)
            return ROWS_MORE;
        size_t stop = end ? (size_t)(end - w->bytes) : w->len;
        r->row = begin < stop ? trimmed(w->bytes + begin, w->bytes + stop) : (weir_view){NULL, 0};
        *ret_used = stop + (end != NULL);
        r->at = 0;
        if (r->row.len)
            return ROWS_ROW;
        if (!end)
            return ROWS_END;
        r->at = begin = *ret_used;
    }
}

rows_status json_rows_next(json_rows *r, const char *bytes, size_t len, bool last, size_t *ret_used)
{
    const window w = {bytes, len, last};
    if (r->lines)
        return next_line(r, &w, ret_used);
    int rc;
    do
        rc = step(r, &w);
    while (rc == GO_ON);
    *ret_used = r->holding ? r->hold : r->at;
    r->at -= *ret_used;
    r->hold = 0;
    return (rows_status)rc;
}

bool json_rows_sniff_lines(const char *bytes, size_t len, bool last)
{
    const char *end = memchr(bytes, '\n', len);
    if (!end)
        return false;
    cursor c = {bytes, end, NULL};
    if (cursor_peek(&c) != '{' || !cursor_skip(&c, NULL) || !cursor_done(&c))
        return false;
    cursor rest = {end, bytes + len, NULL};
    char next = cursor_peek(&rest);
    return next == '{' || (!next && !last);
}

bool json_pointer_valid(const char *pointer)
{
    if (*pointer && *pointer != '/')
        return false;
    for (; *pointer; pointer++)
        if (*pointer == '~' && pointer[1] != '0' && pointer[1] != '1')
            return false;
    return true;
}
