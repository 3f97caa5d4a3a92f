/* scan.h - the strict JSON scanner: finds where values begin and end in text, builds nothing.
 *
 * Grammar: RFC 8259 to the letter, UTF-8 checked (no overlong forms, no surrogates), depth limited. A lone surrogate written as an escape
 * (\ud800) is grammar and passes; whoever decodes the text decides (json/text.h). Never reads past the end. Never allocates.
 *
 * Two ways to use it:
 *   - whole values: json_check(), json_skip()
 *   - step by step: json_enter() an object or array, then json_member() / json_item() until they say no more; each value must be taken
 *     with json_skip(), json_enter() or json_string() before the next step.
 *
 * The first error sticks: `error` is a constant text and `at` stays where it happened; everything afterwards says no.
 */
#ifndef WEIR_JSON_SCAN_H
#define WEIR_JSON_SCAN_H

#include "base/view.h"

enum { JSON_DEPTH = 1024 }; /* deepest nesting accepted */

typedef struct json_scan {
    const char *at, *end;
    const char *begin;
    const char *error; /* NULL: none yet */
    bool lines;        /* a raw line break was seen between tokens: a line protocol must compact the text */
    bool first;        /* inside json_member / json_item: no comma is due yet */
    unsigned depth;    /* open objects and arrays */
} json_scan;

typedef struct json_key {
    weir_view raw;  /* between the quotes, as written */
    bool escaped;   /* holds a backslash: compare with json_key_is() only */
} json_key;

static inline json_scan json_scan_of(weir_view text)
{
    return (json_scan){.at = text.ptr, .end = text.len ? text.ptr + text.len : text.ptr, .begin = text.ptr};
}

/** The first byte of the next value, whitespace skipped: one of { [ " t f n - 0..9, or 0 at the end or after an error. */
char json_peek(json_scan *s);
/** Takes one value; *span (may be NULL) is its text without surrounding whitespace. @return false on error */
bool json_skip(json_scan *s, weir_view *span);
/** Takes a string; *raw is what is between its quotes. @return false if it is not a string, or on error */
bool json_string(json_scan *s, weir_view *raw, bool *escaped);
/** Goes into an object or array ('{' or '['). @return false if that is not what comes, or on error */
bool json_enter(json_scan *s, char open);
/** Goes on to the next member and takes its key and colon; false at the closing brace (taken) or on error: tell by s->error. After it,
 *  take the value. */
bool json_member(json_scan *s, json_key *key);
/** Goes on to the next item; false at the closing bracket (taken) or on error. */
bool json_item(json_scan *s);
/** Only whitespace is left? Otherwise an error is set. */
bool json_done(json_scan *s);
/** Sets an error at the present place, unless there is one. @return false */
bool json_bad(json_scan *s, const char *error);

/** Is this whole text one JSON value? On failure *error (constant text) and *offset are set (both may be NULL). */
bool json_check(weir_view text, const char **error, size_t *offset);
/** Compares a key with plain text, decoding escapes ("t\u0079pe" is "type"). */
bool json_key_is(json_key key, weir_view name);
/** Decodes the escape at the backslash *at, inside a checked string whose closing quote is still behind it; moves *at on. A lone surrogate becomes
 *  U+FFFD. @return bytes in out */
size_t json_unescape(const char **at, char out[4]);
/** Valid UTF-8, every byte allowed? */
bool json_utf8(weir_view text);

#endif
