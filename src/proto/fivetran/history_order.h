/* history_order.h - rows of history updates, put in the order of their starts. An update is filled from the version before it, which may be in another file, or
 * further behind in the same one: the platform promises no order (fivetran.md 2.4). Rows are kept in memory, for as many keys at once as there is room for; for
 * the others the files are read again.
 */
#ifndef WEIR_PROTO_FIVETRAN_HISTORY_ORDER_H
#define WEIR_PROTO_FIVETRAN_HISTORY_ORDER_H

#include "proto/fivetran/sql.h"

/** Bytes of rows that are kept at once. */
enum { FT_ORDER_BYTES = 64 << 20 };

typedef struct ft_ordered_row {
    const char *path;   /* where it comes from: file and number in it */
    uint64_t number;
    uint64_t hash;      /* of its key, without the start */
    uint64_t arrival;
    size_t size;        /* bytes that it takes */
    weir_sql_value values[]; /* of the table's columns; their texts follow */
} ft_ordered_row;

typedef struct ft_order {
    const ft_sql_table *t;
    size_t start;       /* the column */
    size_t limit, full; /* bytes of rows; with how many there are too many keys */
    uint64_t from, to;  /* hashes of the keys whose rows are kept */
    ft_ordered_row **rows;
    size_t count, room;
    size_t bytes;       /* of the rows */
} ft_order;

/** @param start the column  @param limit bytes of rows that are kept at once; more only if one key has more */
void ft_order_init(ft_order *o, const ft_sql_table *t, size_t start, size_t limit);
/** Keeps a copy of a row, if its key is one of those at hand; they become fewer where there is no room. Borrows the path. @return false without memory */
bool ft_order_add(ft_order *o, const weir_sql_value *values, const char *path, uint64_t number);
/** Sorts what is kept: by start, and as it came where that is the same. */
void ft_order_sort(ft_order *o);
/** Lets go of what is kept. @return false: it was the rest; true: all rows have to be added again, of which the next keys are kept */
bool ft_order_next(ft_order *o);
void ft_order_free(ft_order *o);

#endif
