/* steps.h - the steps of a scanner that sees a whole text: whitespace, strings, numbers, words. For scan.c and the scanner that makes tapes (doc/tape.c). Nothing at
 * or behind `end` is read.
 */
#ifndef WEIR_JSON_STEPS_H
#define WEIR_JSON_STEPS_H

#include "json/token.h"
#include "json/utf8.h"

/* The first byte that is no whitespace, or end. */
static inline const char *skip_space(json_scan *s, const char *p, const char *end)
{
    while (p < end && (unsigned char)*p <= ' ') {
        if (*p == '\n' || *p == '\r')
            s->lines = true;
        else if (*p != ' ' && *p != '\t')
            break; /* a control character: no token begins with it, the caller says so */
        p++;
    }
    return p;
}

static __attribute__((noinline, cold, unused)) const char *fail_at(json_scan *s, const char *p, const char *error)
{
    s->at = p;
    json_bad(s, error);
    return NULL;
}

/* Behind well-formed UTF-8 that is not ASCII; where it is not well formed, if that is not at p. */
static inline const char *sequences_end(const char *p, const char *end)
{
    while (p < end && (signed char)*p < 0) {
        size_t len = utf8_sequence((const unsigned char *)p, (size_t)(end - p));
        if (len == 2)
            p += 2;
        else if (len == 3)
            p += 3;
        else if (len == 4)
            p += 4;
        else
            break;
    }
    return p;
}

/* What stands in the way in the next 64 bytes of a string, found at once: a bit for each quote, backslash, control character and byte that is
 * not ASCII. A text has many short strings, and most of them are found in the bits of the one before. */
typedef struct window {
    uintptr_t from;
    uint64_t stops; /* where the end was too near to look, all bits are set */
} window;

static inline uint64_t stops_of(const char *p)
{
#ifdef __SSE2__
    const __m128i quote = _mm_set1_epi8('"'), backslash = _mm_set1_epi8('\\'), space = _mm_set1_epi8(' ');
    __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
    /* Signed order: bytes from 0x80 up are negative, so "less than space" finds them and the control characters. */
    __m128i stop = _mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_or_si128(_mm_cmpeq_epi8(v, backslash), _mm_cmplt_epi8(v, space)));
    return (unsigned)_mm_movemask_epi8(stop);
#else
    uint64_t stops = 0;
    for (unsigned i = 0; i < 16; i++)
        stops |= (uint64_t)((signed char)p[i] < ' ' || p[i] == '"' || p[i] == '\\') << i;
    return stops;
#endif
}

static inline void window_move(window *w, const char *p, const char *end)
{
    w->from = (uintptr_t)p;
    if (end - p >= 64) {
        w->stops = stops_of(p) | stops_of(p + 16) << 16 | stops_of(p + 32) << 32 | stops_of(p + 48) << 48;
        return;
    }
    w->stops = ~(uint64_t)0;
    for (unsigned at = 0; end - p >= 16; p += 16, at += 16)
        w->stops ^= (stops_of(p) ^ 0xffff) << at;
}

/* The first byte from p on that may not stand for itself in a string, or was not looked at, or end. */
static inline const char *next_stop(window *w, const char *p, const char *end)
{
    for (;;) {
        uintptr_t at = (uintptr_t)p - w->from;
        if (at < 64) {
            uint64_t stops = w->stops >> at;
            if (stops)
                return p + __builtin_ctzll(stops);
            p += 64 - at;
        }
        window_move(w, p, end);
    }
}

/* p is behind the opening quote. Returns the closing quote, or NULL with the error set. w: NULL where it is the only string. */
static inline const char *string_end(json_scan *s, window *w, const char *p, const char *end, bool *escaped)
{
    for (;;) {
        p = w ? next_stop(w, p, end) : quick_plain(p, end);
        if (p < end && *p == '"')
            return p;
        if (p == end)
            return fail_at(s, p, "unterminated string");
        if (*p == '\\') {
            const char *next = token_escape(p, end);
            if (!next)
                return fail_at(s, p, "bad escape in a string");
            *escaped = true;
            p = next;
        } else if ((signed char)*p < 0) {
            p = sequences_end(p, end);
            if (p < end && (signed char)*p < 0)
                return fail_at(s, p, "bytes that are not UTF-8");
        } else if (*p < ' ') {
            return fail_at(s, p, "control character in a string");
        } else {
            p++; /* a plain one, near the end */
        }
    }
}

/* Behind the number at p, or NULL with the error set. */
static inline const char *number_end(json_scan *s, const char *p, const char *end)
{
    const char *to = token_number(p, end);
    return to ? to : fail_at(s, p, "bad number");
}

/* Behind true, false or null at p, or NULL with the error set. */
static inline const char *word_end(json_scan *s, const char *p, const char *end)
{
    const char *to = token_word(p, end);
    return to ? to : fail_at(s, p, "no JSON value begins here");
}

#endif
