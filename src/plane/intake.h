/* intake.h - a collection as one of its readers sees it: from its own offset, in pieces whose documents were published in the same second, without those that
 * it does not read (reading: partitions, notBefore, notAfter).
 */
#ifndef WEIR_PLANE_INTAKE_H
#define WEIR_PLANE_INTAKE_H

#include "plane/ledger.h"
#include "plane/range.h"
#include "plane/selector.h"

typedef struct intake intake;

typedef struct piece { /* what comes next; from == to: nothing */
    uint64_t from, to;
    int64_t second; /* when it was published; 0: it is not known, and counts as long ago */
} piece;

/** Which documents, beside those that `reading` leaves out. What is pointed to must live as long. */
typedef struct intake_options {
    const reading *what;
    range *keys;     /* of the reader's shard; the intake's from now on. NULL: all */
    /** May a truncation at this offset be read, and what follows it? Otherwise reading ends before it. NULL: it may. */
    bool (*may_pass)(void *arg, uint64_t at);
    void *arg;
} intake_options;

/** @param at the offset it begins with */
weir_rc intake_make(intake **ret, ledger *l, const book *b, const intake_options *o, uint64_t at, err *e);
void intake_free(intake *i);
uint64_t intake_at(const intake *i);
/** The next piece that is committed below `limit`. */
weir_rc intake_peek(intake *i, uint64_t limit, piece *ret, err *e);
/** Appends lines of the piece, about `want` bytes at most but at least one, as far as they are to be read; the offset moves on, unless a truncation that may not
 *  be passed is next. Truncations are lines, too.  @param out may have got nothing although something was read */
weir_rc intake_read(intake *i, const piece *p, size_t want, buf *out, err *e);

#endif
