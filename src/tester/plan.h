/* plan.h - the operations of an input file, as the files and calls they become (fivetran.md 3.2). No I/O.
 *
 * All operations of an input file are merged, by table and kind: one file of upserts, one of updates (soft deletes among them), one of deletes; of tables with
 * history also one of the earliest starts. Nothing is deduplicated. What keeps operations apart is the time they happen at, `_fivetran_synced`: a truncation names
 * a time between those of its neighbours, and is called after the files are written.
 */
#ifndef WEIR_TESTER_PLAN_H
#define WEIR_TESTER_PLAN_H

#include "proto/fivetran/batch_write.h"
#include "tester/targets.h"

typedef enum tester_file { TESTER_EARLIEST, TESTER_UPSERTS, TESTER_UPDATES, TESTER_DELETES, TESTER_FILES } tester_file;

/** A row of a file. */
typedef struct tester_row {
    const tree *values;   /* the object of the input file */
    int64_t synced;       /* milliseconds since 1970 */
    bool soft_delete;
    bool superseded;      /* history: another version of the same key follows in the same input file */
    int64_t start, end;   /* history: milliseconds; end of what is not superseded: END_OF_TIME */
    struct tester_row *next;
} tester_row;

typedef struct tester_batch {
    const tester_target_table *target;
    tester_row *first[TESTER_FILES], *last[TESTER_FILES];
    size_t count[TESTER_FILES];
} tester_batch;

typedef struct tester_truncation {
    weir_view table;
    int64_t before; /* rows synced earlier than this */
    bool soft;
} tester_truncation;

typedef struct tester_plan {
    tester_batch *batches; /* in the order in which the tables came up */
    size_t batch_count;
    tester_truncation *truncations;
    size_t truncation_count;
} tester_plan;

/** Finds the table of that name; NULL with an error, or *ret_unknown: the destination does not have it. */
typedef const tester_target_table *tester_finder(void *arg, weir_view name, bool *ret_unknown, err *e);

/** @param ops the array; NULL: none  @param began the time of the first operation, milliseconds  @param step between two operations  @return WEIR_E_CONFIG naming the
 *  place: an operation that is none, a row without its key, a column that the table does not have, a soft delete or truncation with history */
weir_rc tester_plan_make(arena *a, const tree *ops, int64_t began, int64_t step, tester_finder *find, void *arg, tester_plan *ret, err *e);

/** The columns of a file: all of the table's, but of the earliest starts only the key's. Their order differs from file to file. */
weir_rc tester_plan_columns(arena *a, const tester_target_table *t, tester_file kind, ft_table *ret, err *e);
/** The cells of a row, in the order of these columns. Texts may live in the arena. */
weir_rc tester_plan_cells(arena *a, const tester_target_table *t, tester_file kind, const ft_table *columns, const tester_row *row, ft_cell *ret, err *e);

#endif
