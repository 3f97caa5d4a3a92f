/* mask.h - finding secrets in text, however JSON has escaped them. The part of log.c that knows no format. */
#ifndef WEIR_BASE_MASK_H
#define WEIR_BASE_MASK_H

#include "base/buf.h"

typedef struct mask_list {
    weir_view *secrets; /* own copies */
    size_t count, room;
} mask_list;

enum {
    MASK_MIN = 3,  /* shorter ones would hide half of every text */
    MASK_DEPTH = 3 /* as it is, in a JSON string, in a JSON string within a JSON string */
};

/** Adds a copy; short and known ones are left out. @return false without memory */
bool mask_add(mask_list *m, weir_view secret);
void mask_free(mask_list *m);

/** Looks at position `at` of text for a secret as it is, or as 1 to MASK_DEPTH - 1 levels of JSON strings escape it, in any of the
 * ways to escape. Below `min_depth` levels nothing is looked for. @return length of the longest found, 0 if none */
size_t mask_match(const mask_list *m, weir_view text, size_t at, int min_depth);

/** The first stretch of text at or after *at that has to be hidden; overlapping secrets make one stretch. @return false if none */
bool mask_next(const mask_list *m, weir_view text, int min_depth, size_t *at, size_t *ret_len);

/** Length of the escape sequence at `at` of a JSON string's inside, 1 if there is none. */
size_t mask_escape_length(weir_view text, size_t at);

#endif
