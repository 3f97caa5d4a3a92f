/* pointer.h - JSON pointers (RFC 6901) over text, and the picker that takes many of them out of a document in one pass. */
#ifndef WEIR_JSON_POINTER_H
#define WEIR_JSON_POINTER_H

#include "base/arena.h"
#include "base/err.h"

/** The value at the pointer as a span of `json`; empty if there is none or the text is malformed. */
weir_view pointer_find(weir_view json, weir_view pointer);
/** Appends one more token to a pointer, escaped (~ -> ~0, / -> ~1). */
void pointer_push(buf *pointer, weir_view token);
/** Is it well formed: empty, or begins with / and has only ~0 and ~1 after ~. */
bool pointer_valid(weir_view pointer);
/** Splits into decoded tokens in the arena. @return false if malformed or without memory */
bool pointer_split(arena *a, weir_view pointer, weir_view **ret_tokens, size_t *ret_count);
/** Splits a JSON array of strings (pointers, path components ...) into decoded texts in the arena. @return false if it is none */
bool pointer_list(arena *a, weir_view json_array, weir_view **ret_texts, size_t *ret_count);

/** A compiled set of pointers. Finds all of them in one pass; values it does not need are skipped without a look inside. It guesses that
 *  members come in the same order as last time, so the common case is one comparison a member. Not thread-safe: one for each thread. */
typedef struct picker picker;
weir_rc picker_make(arena *a, const weir_view *pointers, size_t count, picker **ret, err *e);
/** Fills values[i] with the span at pointer i; empty if absent. A pointer to the whole document ("") gives the document.
 *  @return false if the text is malformed before the last thing needed was found; `doc` is otherwise not checked to its end */
bool picker_run(picker *p, weir_view doc, weir_view *values);

#endif
