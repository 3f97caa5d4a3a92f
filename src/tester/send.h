/* send.h - the calls of a destination under test, and what its answers are worth. */
#ifndef WEIR_TESTER_SEND_H
#define WEIR_TESTER_SEND_H

#include "tester/plan.h"
#include "tester/setup.h"
#include "tester/tester.h"

typedef struct dest_test {
    const tester_options *o;
    report *r;
    tester_peer *peer;
    tester_setup setup;
    arena arena;         /* of the whole test */
    map tables;          /* tester_target_table by name, as far as known; NULL: to be asked for again */
    const char *folder;  /* of the batch files, as the server sees it */
    char null_string[40], unmodified_string[40];
    bool parquet;        /* batch files: Parquet instead of CSV */
    uint64_t rows, calls;
} dest_test;

/** Asks for a table. @param ret NULL: there is none */
weir_rc tester_describe(dest_test *x, weir_view name, tester_target_table **ret, err *e);
weir_rc tester_create(dest_test *x, const tester_target_table *t, err *e);
weir_rc tester_alter(dest_test *x, const tester_target_table *t, bool drop, err *e);
weir_rc tester_truncate(dest_test *x, const tester_truncation *t, err *e);
/** Writes the files of a batch, and has them loaded. @param stem of the input file's name */
weir_rc tester_write(dest_test *x, const tester_batch *b, const char *stem, err *e);
/** @param ret_done false: the destination does not support it */
weir_rc tester_migrate(dest_test *x, const FivetranSdk__V2__MigrationDetails *d, bool *ret_done, err *e);

/** The member of an answer: success, warning (the test goes on) or task (it fails); tells if it is none. */
typedef struct tester_answer {
    bool has_success, success;
    const FivetranSdk__V2__Warning *warning;
    const FivetranSdk__V2__Task *task;
} tester_answer;
weir_rc tester_judge(dest_test *x, const char *what, tester_answer a, err *e);
/** Of a response: all but Capabilities and DescribeTable have the same members. */
#define TESTER_ANSWER(m, UPPER)                                                                                                                                \
    (tester_answer){.has_success = (m)->response_case == FIVETRAN_SDK__V2__##UPPER##_RESPONSE__RESPONSE_SUCCESS,                                               \
                    .success = (m)->response_case == FIVETRAN_SDK__V2__##UPPER##_RESPONSE__RESPONSE_SUCCESS && (m)->success,                                   \
                    .warning = (m)->response_case == FIVETRAN_SDK__V2__##UPPER##_RESPONSE__RESPONSE_WARNING ? (m)->warning : NULL,                             \
                    .task = (m)->response_case == FIVETRAN_SDK__V2__##UPPER##_RESPONSE__RESPONSE_TASK ? (m)->task : NULL}

/** Calls a method. What the request is made of and the answer live in the arena. */
weir_rc tester_call(dest_test *x, const char *method, const ProtobufCMessage *q, const ProtobufCMessageDescriptor *type, ProtobufCMessage **ret, err *e);

/** The table of that name: as known, or as the destination describes it. A tester_finder. */
tester_finder tester_find;
/** What is known of a table counts no more, it is known as this one, or (NULL) has to be asked for. */
weir_rc tester_know(dest_test *x, weir_view name, tester_target_table *t, err *e);
/** Does the destination describe the table as it was made? */
weir_rc tester_compare(dest_test *x, const tester_target_table *wanted, bool surplus, err *e);

#endif
