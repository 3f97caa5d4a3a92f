/* cursor.h - walks over JSON text that is all there: strict (RFC 8259, but for UTF-8, which is checked where documents are
 * emitted), without a tree and without memory. The first error sticks: `error` is a constant text, `at` stays where it happened.
 */
#ifndef FILES_CURSOR_H
#define FILES_CURSOR_H

#include "strbuf.h"

enum { CURSOR_DEPTH = 1024 };

typedef struct cursor {
    const char *at, *end;
    const char *error; /* NULL: none yet */
} cursor;

typedef struct cursor_key {
    weir_view raw; /* between the quotes, as written */
    bool escaped;
} cursor_key;

static inline cursor cursor_of(weir_view text) { return (cursor){text.ptr, text.len ? text.ptr + text.len : text.ptr, NULL}; }

/** Skips whitespace. @return the first byte of what comes, 0 at the end or after an error */
char cursor_peek(cursor *c);
/** Takes a value of any kind; *span may be NULL. */
bool cursor_skip(cursor *c, weir_view *span);
/** Takes a string; *raw is what is between its quotes. */
bool cursor_string(cursor *c, weir_view *raw, bool *escaped);
/** Takes a number. *integer: neither fraction nor exponent. */
bool cursor_number(cursor *c, bool *integer);
/** Takes this word ("true"). */
bool cursor_word(cursor *c, const char *word);
/** Takes the bracket that opens an object or array. */
bool cursor_enter(cursor *c, char open);
/** The next member: takes its key and colon; the value must be taken next. *first must be true before the first call.
 *  @return false at the closing brace (taken) or on error */
bool cursor_member(cursor *c, bool *first, cursor_key *key);
/** The next item, likewise. */
bool cursor_item(cursor *c, bool *first);
/** Nothing but whitespace is left? */
bool cursor_done(cursor *c);

/** Appends the decoded form of what is between a string's quotes. Lone surrogates become U+FFFD. */
void cursor_decode(strbuf *out, weir_view raw);
/** Is the key this text? */
bool cursor_key_is(cursor_key key, const char *text);
/** The value of a member of an object, as JSON text; empty: none. */
weir_view cursor_find(weir_view object, const char *name);

#endif
