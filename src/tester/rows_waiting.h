/* rows_waiting.h - rows that wait, for rows.c and rows_write.c only. */
#ifndef WEIR_TESTER_ROWS_WAITING_H
#define WEIR_TESTER_ROWS_WAITING_H

#include "tester/rows.h"

struct tester_rows {
    ft_op op;
    size_t columns;         /* of each row: those of the table when the first of them came; then the id */
    size_t count, room, bytes;
    weir_sql_value *values; /* room * (columns + 1) */
    bool *present;          /* by column: of updates, which fields they have */
    bool *next;             /* the same of the row that is being read */
    arena texts;
    weir_view synced;       /* of the latest */
    weir_sql_value *packed; /* as the statement takes them */
    size_t packed_room;
};

#endif
