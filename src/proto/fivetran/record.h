/* record.h - the hot messages, by hand: Records, Record, ValueType, and UpdateResponse around them (fivetran.md 1.2, 1.5). No I/O, no tree, no allocation
 * for a record.
 */
#ifndef WEIR_PROTO_FIVETRAN_RECORD_H
#define WEIR_PROTO_FIVETRAN_RECORD_H

#include "proto/fivetran/put.h"
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

/* A value that its column cannot hold, or a member that is no column. */
typedef struct ft_misfit {
    size_t column; /* SIZE_MAX: a member that is no column, see name */
    weir_view name; /* decoded; may borrow from the document, good until the next call */
    ft_type needed; /* holds both what the column holds and this value; of a member: what its value asks for, null: FT_UNSPECIFIED */
} ft_misfit;

/** Appends a Record (its fields only) made of a document: checked JSON, an object. Its data stand in the order of the document. FT_UPSERT and FT_UPDATE have what
 *  is there, FT_DELETE the key (all, if there is none), FT_TRUNCATE nothing. Integers and decimals keep their digits; a DOUBLE is the nearest one; a lone
 *  surrogate becomes U+FFFD. An UNSPECIFIED column takes any value as what it is.
 *  @param ret_misfit set if WEIR_E_CONFIG is returned
 *  @return WEIR_E_CONFIG: a value that its column cannot hold, or a member that is no column, named with the table; nothing was appended. WEIR_E_NOMEM */
weir_rc ft_write_record(ft_writing *w, ft_op op, weir_view doc, buf *out, ft_misfit *ret_misfit, err *e);
/** The name of a column as put.h takes it. */
const ft_name *ft_writing_name(const ft_writing *w, size_t column);

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

/** A value of a record. */
typedef struct ft_value {
    ft_type type;    /* FT_UNSPECIFIED: null; a SHORT that 16 bits do not hold is an INT */
    int64_t integer; /* BOOLEAN, SHORT, INT, LONG; seconds of NAIVE_DATE, NAIVE_DATETIME, UTC_DATETIME, NAIVE_TIME */
    int32_t nanos;   /* of the latter */
    double number;   /* FLOAT, DOUBLE */
    weir_view text;  /* DECIMAL, BINARY (bytes), STRING, JSON, XML: as on the wire; UTF-8 checked but for BINARY */
} ft_value;
/** Takes the next entry of the record's map. A name that comes again replaces its former value: the caller lets the last win.
 *  @param at begins with 0
 *  @return WEIR_STOPPED: no more; WEIR_E_PROTOCOL: bad UTF-8, a value without a member, a null that is false, a time out of the years 1 to 9999, a decimal that
 *  is none; names the table and the column. Whether JSON is JSON is not looked at. */
weir_rc ft_next_value(const ft_record *rec, size_t *at, weir_view *ret_name, ft_value *ret, err *e);
/** Appends the text of a value: dates and times as ISO 8601 (`2007-12-03T10:15:30.500Z`), numbers, true and false; of those that have a text, that one. */
void ft_value_text(const ft_value *v, buf *out);

/** How records of one table are read: which column comes next, names quoted beforehand. */
typedef struct ft_reading ft_reading;
/** @param t columns as known so far; others may come. Copied. @return NULL without memory */
ft_reading *ft_reading_new(const ft_table *t);
void ft_reading_free(ft_reading *r);
/** Appends the record's values as a JSON object: numbers as numbers (NaN and the infinities as strings), decimals as strings, dates and times as ISO 8601, binary
 *  as base64, `json` as it is (checked), null as null. In a column that the table says is STRING, XML or DECIMAL numbers and truth values are strings as well, so that documents fit
 *  ft_schema_of_columns().
 *  @param ret_types united into it: a bit (1 << ft_type) for each type that was seen of each column of the table; may be NULL
 *  @param ret_unknown set to a name that is no column of the table, or empty
 *  @return WEIR_E_PROTOCOL: bad UTF-8, a value without a member, a date out of range, JSON that is none: names the column */
weir_rc ft_row_json(ft_reading *r, const ft_record *rec, buf *out, uint32_t *ret_types, weir_view *ret_unknown, err *e);

#endif
