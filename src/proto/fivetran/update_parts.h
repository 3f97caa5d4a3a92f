/* update_parts.h - what the parts of a sync share: tables that grow, lanes that make records, the listener that sends them. Private to update*.c. */
#ifndef WEIR_FIVETRAN_UPDATE_PARTS_H
#define WEIR_FIVETRAN_UPDATE_PARTS_H

#include "proto/fivetran/update.h"
#include "run/turn.h"

enum { FT_COLUMNS_MAX = 10000 }; /* of a table that grows: documents with ever new members are not rows of one */

/* ---- update_table.c: a table as known so far; any lane may find out more ---- */

typedef struct ft_growing {
    pthread_mutex_t lock;  /* of what follows but version */
    arena arena;
    ft_table table;
    bool *selected;
    size_t room;           /* of table.columns and selected */
    bool new_columns;      /* are selected */
    atomic_uint version;   /* counts changes */
    unsigned told;         /* the version that the platform knows */
} ft_growing;

bool ft_growing_init(ft_growing *g, const ft_table *t, const ft_chosen *chosen);
void ft_growing_free(ft_growing *g);
/** A value did not fit: its column is widened, or made.
 *  @param version of the columns that it did not fit  @return WEIR_E_BUG: it should have fitted; WEIR_E_CONFIG: a name that is the platform's own */
weir_rc ft_growing_fit(ft_growing *g, const ft_misfit *misfit, unsigned version, err *e);
/** The source says what its columns are: united with what is known. @param ret_changed did that change anything? */
weir_rc ft_growing_unite(ft_growing *g, const ft_table *sourced, bool *ret_changed, err *e);
/** How its records are written, and a copy of its columns, as of now. NULL without memory. */
typedef struct ft_columns {
    ft_writing *writing;
    ft_column *items; /* names live as long as the table */
    bool *selected;
    size_t count;
    unsigned version;
} ft_columns;
bool ft_growing_columns(ft_growing *g, ft_columns *ret);
void ft_columns_free(ft_columns *c);
/** Appends a schema_change with the whole table, unless the platform knows it. */
void ft_growing_message(ft_growing *g, bool schemas, buf *out);

/* ---- update_lane.c: documents to records ---- */

/** A table that is read: one for each binding. */
typedef struct ft_target {
    ft_growing table;
    weir_view key;         /* of the stream, for schemas that come later */
    bool row_id, deletes;  /* see unwrap.h */
    bool afresh;           /* what was sent in former syncs is out of date: TRUNCATE first */
    bool ended;
} ft_target;

/** Something that goes out as it is, or a change of a table, which is written down when it goes out, so that no older one comes after a newer. */
typedef struct ft_message {
    buf bytes;
    ft_growing *change; /* NULL: bytes */
} ft_message;

typedef struct ft_queue {
    ft_message *items;
    size_t count, room;
} ft_queue;

typedef struct ft_listener ft_listener;
typedef struct ft_lane ft_lane;
typedef struct ft_typed ft_typed;

/** A binding on a lane. */
typedef struct ft_slot {
    ft_lane *of;
    ft_target *target;
    ft_columns columns;
    ft_typed *typed; /* update_typed.c; NULL: not made yet */
} ft_slot;

struct ft_lane {
    ft_listener *u;
    ft_queue queue;  /* whole messages */
    ft_batch open;   /* behind them */
    buf record;      /* the one that is being made */
    ft_slot *slots;
    size_t count;
};

ft_lane *ft_lane_new(ft_listener *u, ft_target *targets, size_t count);
void ft_lane_free(ft_lane *l);
/** Drops what was not sealed. */
void ft_lane_clear(ft_lane *l);
/** An outlet for a binding. */
void ft_lane_outlet(ft_lane *l, size_t i, outlet *o, buf *to);
/** Puts l->record, a record of the slot's table, behind the others. */
weir_rc ft_lane_add(ft_slot *s, err *e);
/** Makes the slot's columns what they are by now, and puts behind the records what the platform may not know of them. */
weir_rc ft_lane_refresh(ft_slot *s, err *e);
/** A value did not fit: the table grows, and the change goes out before the record. */
weir_rc ft_lane_fit(ft_slot *s, const ft_misfit *misfit, err *e);
/** Puts a TRUNCATE behind the records. */
weir_rc ft_lane_truncate(ft_slot *s, err *e);
/** Appends a record of type TRUNCATE as a message. */
weir_rc ft_truncate_message(ft_writing *w, buf *out, err *e);
/** Makes the batch, unless it is empty, the last message of a queue. */
bool ft_queue_batch(ft_queue *q, ft_batch *b);
void ft_queue_clear(ft_queue *q);

/* ---- update_typed.c: typed values to records ---- */

extern const outlet_values ft_typed_values;
void ft_typed_free(ft_typed *ty);

/* ---- update_listener.c ---- */

struct ft_listener {
    listener base;         /* first */
    ft_out out;
    log_sink *log;
    ft_streams streams;    /* what is discovered */
    ft_target *targets;    /* by binding */
    size_t count;
    bool together;         /* the connector pulls all bindings in one: they fail together */
    turn turn;             /* of what follows */
    ft_batch pending;      /* sealed, not yet sent */
    buf state;             /* the task's, as of the last seal */
    bool state_waits;      /* to be sent */
    bool stated;           /* it is the last thing that was sent */
    uint64_t since;        /* bytes of records sealed since the last one was */
    int64_t state_at;      /* when that was */
    int wake;              /* eventfd: a state has begun to wait */
    err failure;           /* sticky: what sending failed with */
    size_t failed;         /* tables, while others went on */
    weir_rc failed_rc;     /* what they failed with; WEIR_E_REMOTE if that differs */
};

weir_rc ft_listener_init(ft_listener *u, const ft_sync *o, err *e);
void ft_listener_free(ft_listener *u);
/** Sends what is sealed, with its state, if nobody is just sending. @return it is to be asked again */
bool ft_listener_flush(void *u);
/** The same, whoever is; then the last state, also if there is nothing new in it. */
weir_rc ft_listener_finish(ft_listener *u, err *e);
/** Sends one message behind everything sealed. */
weir_rc ft_listener_say(ft_listener *u, buf *message, err *e);

#endif
