/* report.h - what a tester tells: steps, tables, problems, and a last line; for people, or as JSON lines for programs. On standard output.
 *
 * A *problem* is something that the connector must not do: the test goes on and fails. A *warning* is something that it had better not do. Each has the name
 * of its rule; of a rule that is broken again and again the first few cases are told, the rest are counted.
 */
#ifndef WEIR_TESTER_REPORT_H
#define WEIR_TESTER_REPORT_H

#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "base/map.h"

enum { TESTER_TOLD = 5 }; /* cases of one rule */

typedef struct report {
    bool json;
    log_sink *log;   /* its secrets are masked in everything that is told; may be NULL */
    map rules;       /* how often each was broken */
    size_t problems, warnings;
    arena arena;
    err failed;      /* why standard output cannot be written any more */
} report;

void tester_report_free(report *r);

/** A step has begun, or something came of it. */
void tester_say(report *r, const char *step, const char *fmt, ...) WEIR_PRINTF(3, 4);
void tester_problem(report *r, const char *rule, const char *fmt, ...) WEIR_PRINTF(3, 4);
void tester_warn(report *r, const char *rule, const char *fmt, ...) WEIR_PRINTF(3, 4);

/** A table: rows * columns cells, the first row its head. For JSON an object a row, members named as the head says in lower case; numbers are those columns that
 *  `numbers` has a bit for. */
void tester_print(report *r, const char *event, const weir_view *cells, size_t columns, size_t rows, unsigned numbers);

/** The last line, with what was counted. @param e the error that ended it, or WEIR_OK in it; then set if what was told could not be written
 *  @return did it succeed? */
bool tester_verdict(report *r, const char *what, err *e);

#endif
