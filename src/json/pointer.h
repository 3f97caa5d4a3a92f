/* pointer.h - JSON pointers (RFC 6901) over text, and the picker that takes many of them out of a document in one pass. */
#ifndef WEIR_JSON_POINTER_H
#define WEIR_JSON_POINTER_H

#include "base/arena.h"
#include "base/err.h"

/** The value at the pointer as a span of `json`; empty if there is none or the text is malformed. */
weir_view pointer_find(weir_view json, weir_view pointer);
/** Appends one more token to a pointer, escaped (~ -> ~0, / -> ~1). */
void pointer_push(buf *pointer, weir_view token);
/** How many tokens it has. */
static inline size_t pointer_levels(weir_view pointer)
{
    size_t n = 0;
    for (size_t i = 0; i < pointer.len; i++)
        n += pointer.ptr[i] == '/';
    return n;
}
/** Is it well formed: empty, or begins with / and has only ~0 and ~1 after ~. */
bool pointer_valid(weir_view pointer);
/** Splits into decoded tokens in the arena. @return false if malformed or without memory */
bool pointer_split(arena *a, weir_view pointer, weir_view **ret_tokens, size_t *ret_count);
/** A token as the index of an array item: digits without a leading zero ("-" and what does not fit are none). */
bool pointer_index(weir_view token, size_t *ret_index);
/** Splits a JSON array of strings (pointers, path components ...) into decoded texts in the arena. @return false if it is none */
bool pointer_list(arena *a, weir_view json_array, weir_view **ret_texts, size_t *ret_count);

/** A compiled set of pointers. Finds all of them in one pass that also checks the document. It guesses that members come in the same order
 *  as last time, so the common case is one comparison a member. Not thread-safe: one for each thread. */
typedef struct picker picker;
/** @return WEIR_E_CONFIG if one of them is not a JSON pointer, or longer than any document is deep (JSON_DEPTH) */
weir_rc picker_make(arena *a, const weir_view *pointers, size_t count, picker **ret, err *e);
/** Fills values[i] with the span at pointer i; empty if absent. A pointer to the whole document ("") gives the document. Where names repeat,
 *  the last one wins. Allocates nothing. @return false if the document is not JSON; the values are then undefined */
bool picker_run(picker *p, weir_view doc, weir_view *values);
/** A member of the last document itself, as written between its quotes, that no pointer leads to; empty: there was none. */
weir_view picker_stray(const picker *p);

#endif
