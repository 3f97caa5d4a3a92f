/* record.h - the hot messages, by hand: Records, Record, ValueType, and UpdateResponse around them (fivetran.md 1.2, 1.5). No I/O, no tree, no allocation
 * for a record.
 */
#ifndef WEIR_PROTO_FIVETRAN_RECORD_H
#define WEIR_PROTO_FIVETRAN_RECORD_H

#include "proto/fivetran/types.h"

enum {
    FT_BATCH_RECORDS = 100,  /* of a Records message, at most (fivetran.md 2.3) */
    FT_BATCH_BYTES = 100000  /* of a serialised Records message, at most; a record that is larger goes alone, as `record` */
};

/* ---- writing ---- */

/** How records of one table are written: its names as they stand on the wire. */
typedef struct ft_writing ft_writing;

/** @param selected one for each column, NULL: all. What is not selected is left out, as are members that are no columns. @return NULL without memory */
ft_writing *ft_writing_new(const ft_table *t, const bool *selected);
void ft_writing_free(ft_writing *w);

/** Appends a Record (its fields only) made of a document: checked JSON, an object. Numbers keep their digits, whatever the column's type.
 *  @param ret_misfit WEIR_E_CONFIG because of a value that its column cannot hold: the column's index and the type that would do; then nothing was appended
 *  @return WEIR_E_CONFIG naming table and column; WEIR_E_NOMEM */
typedef struct ft_misfit {
    size_t column; /* SIZE_MAX: a member that is no column, see name */
    weir_view name;
    ft_type needed;
} ft_misfit;
weir_rc ft_write_record(ft_writing *w, ft_op op, weir_view doc, buf *out, ft_misfit *ret_misfit, err *e);

/** Records on their way into UpdateResponse messages: gathered while they fit, exact to the byte. */
typedef struct ft_batch {
    buf records; /* Records' content: `0a LEN Record` each */
    size_t count;
} ft_batch;
/** Would a Record of `size` bytes still fit? */
bool ft_batch_fits(const ft_batch *b, size_t size);
void ft_batch_add(ft_batch *b, weir_view record);
/** Makes the batch an UpdateResponse, and empties it. One record alone stays a batch of one. */
void ft_batch_message(ft_batch *b, buf *out);
/** A record alone, as `record`. */
void ft_record_message(weir_view record, buf *out);
void ft_checkpoint_message(weir_view state_json, buf *out);
void ft_warning_message(weir_view text, buf *out);
void ft_task_message(weir_view text, buf *out);

/* ---- reading ---- */

typedef enum ft_update_kind { FT_NOTHING = 0, FT_RECORD = 1, FT_SCHEMA_CHANGE = 2, FT_CHECKPOINT = 3, FT_WARNING = 4, FT_TASK = 5, FT_RECORDS = 6 } ft_update_kind;

/** An UpdateResponse: which member it has, and that member's bytes: of a checkpoint, warning and task the text, checked; of a record and records what
 *  ft_next_record() takes. */
typedef struct ft_update {
    ft_update_kind kind;
    weir_view body;
} ft_update;
/** WEIR_E_PROTOCOL: not a message, two members of one oneof are not an error (the last wins). */
weir_rc ft_read_update(weir_view message, ft_update *ret, err *e);

typedef struct ft_record {
    weir_view schema, table; /* UTF-8, checked */
    bool has_schema;
    ft_op op;
    weir_view data; /* the whole Record, for ft_row_json() */
} ft_record;
/** Takes the next record of a FT_RECORD or FT_RECORDS body. @param at where reading goes on; begins with 0  @return WEIR_STOPPED: no more */
weir_rc ft_next_record(const ft_update *u, size_t *at, ft_record *ret, err *e);

/** How records of one table are read: which column comes next, names quoted beforehand. */
typedef struct ft_reading ft_reading;
/** @param t columns as known so far; others may come. Copied. @return NULL without memory */
ft_reading *ft_reading_new(const ft_table *t);
void ft_reading_free(ft_reading *r);
/** Appends the record's values as a JSON object: numbers and decimals with all digits, dates and times as ISO 8601, binary as base64, `json` as it is
 *  (checked), null as null.
 *  @param ret_types united into it: a bit (1 << ft_type) for each type that was seen of each column of the table; may be NULL
 *  @param ret_unknown set to a name that is no column of the table, or empty
 *  @return WEIR_E_PROTOCOL: bad UTF-8, a value without a member, a date out of range, JSON that is none: names the column */
weir_rc ft_row_json(ft_reading *r, const ft_record *rec, buf *out, uint32_t *ret_types, weir_view *ret_unknown, err *e);

#endif
