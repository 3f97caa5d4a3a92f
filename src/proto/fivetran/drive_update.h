/* drive_update.h - what comes of an Update: documents, states, and what else is said. For drive_source.c. */
#ifndef WEIR_PROTO_FIVETRAN_DRIVE_UPDATE_H
#define WEIR_PROTO_FIVETRAN_DRIVE_UPDATE_H

#include "base/map.h"
#include "proto/fivetran/drive.h"
#include "proto/fivetran/record.h"

/** A table that records come of. */
typedef struct ft_pulled {
    const weir_binding *b; /* NULL: not bound */
    ft_table t;            /* its columns, as far as known */
    size_t room;           /* for columns */
    ft_reading *reading;
    size_t *keys, key_count; /* which of its columns are the key */
    uint32_t *types;       /* by column: what was seen of it */
    uint32_t *told;        /* ... and told */
    bool keyed;            /* rows have a key of their own */
    bool counted;          /* rows get a /_meta/row_id: */
    uint64_t next_row;
    bool changed;          /* its columns, since its schema was told */
    bool touched;          /* it has had records since the last checkpoint */
    bool warned;
    uint64_t left_out;     /* records */
} ft_pulled;

typedef struct ft_pull {
    weir_task *t;
    ft_run *r;
    arena a;
    ft_schema schema;
    map tables;            /* ft_table_key() -> ft_pulled */
    ft_pulled *bound;      /* by binding */
    size_t count;
    ft_pulled *last;       /* of the last record */
    buf doc, head, text;
    uint64_t unsealed;     /* records since the last checkpoint, truncations among them */
    uint64_t messages;
} ft_pull;

/** Makes a table that is known: bound or not. */
weir_rc ft_pull_table(ft_pull *p, ft_pulled *x, const ft_table *t, const weir_binding *b);
/** Tells Flow what columns the tables have, where that is new, and seals it: what comes then goes into columns of these types. Between two checkpoints. */
weir_rc ft_pull_tell(ft_pull *p);
/** Takes one UpdateResponse. */
weir_rc ft_pull_message(ft_pull *p, weir_view message);
/** Only looks at one, for who has to find out which tables there are: nothing is emitted, columns and types are noted.
 *  @param ret_checkpoint it is a checkpoint */
weir_rc ft_pull_look(ft_pull *p, weir_view message, bool *ret_checkpoint);
/** The tables that were seen, with the types of what was seen in them. */
weir_rc ft_pull_seen(ft_pull *p, ft_schema *ret);
void ft_pull_free(ft_pull *p);

/* The task's state: what the connector calls its state, as a text; how many rows of tables without a key there were. */
#define FT_STATE "fivetranState"
#define FT_ROWS "fivetranRows"

#endif
