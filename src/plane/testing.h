/* testing.h - the tests of a catalog (flow.md 8): documents are put into collections, derivations run in memory, and what is expected is held against what is
 * there. Nothing of a data folder is looked at or changed.
 */
#ifndef WEIR_PLANE_TESTING_H
#define WEIR_PLANE_TESTING_H

#include "plane/run.h"

typedef struct test_result {
    const catalog_test *test;
    bool passed;
    const test_step *step;   /* that failed; NULL: none, or not one of them */
    size_t step_number;      /* from 1; 0: see step */
    weir_view failure;       /* lines of text: what was expected and what is there, or the error */
    size_t documents;        /* ingested and derived */
    int64_t microseconds;
} test_result;

typedef struct testing_options {
    const catalog *catalog;
    const char *const *names; /* only these, in the order of the catalog */
    size_t name_count;        /* 0: all */
    native_finder natives;
    log_sink *log;
    int stop_fd;
    /** A test has ended; good until it returns. */
    weir_rc (*done)(void *arg, const test_result *r, err *e);
    void *arg;
    void (*live)(void *arg, session *s); /* the session that works now; NULL: none; so that it can be stopped. May be NULL */
    void *live_arg;
} testing_options;

/** Runs tests one after the other, each as if nothing had been before it.
 *  @return WEIR_E_CONFIG: there is no test, or none of a name (suggests the nearest one). Tests that fail are no error */
weir_rc testing_run(const testing_options *o, size_t *ret_passed, size_t *ret_failed, err *e);

#endif
