/* table.h - the columns of a CSV stream, across its files, and the way from a field to a JSON value.
 *
 * A column has one type: what the schema says, or what all values of a sample agree on. "007" keeps its zeros, and if a column has
 * one such value all its values are text.
 */
#ifndef FILES_TABLE_H
#define FILES_TABLE_H

#include "csv.h"
#include "files.h"
#include "reader.h"

/** How a field is written. */
typedef enum field_kind { FIELD_TEXT, FIELD_NUMBER, FIELD_TRUE, FIELD_FALSE, FIELD_NULL, FIELD_LEFT_OUT } field_kind;

/** How a column decides that. */
typedef enum column_mode {
    COLUMN_TEXT,   /* everything is text */
    COLUMN_TYPED,  /* the schema says */
    COLUMN_NATURAL /* the schema does not say: as the value looks */
} column_mode;

typedef struct column {
    weir_view name;
    weir_name quoted;  /* only in pull() */
    infer_node *node;
    column_mode mode;
    unsigned seen;     /* value classes, 1 << value_class */
    bool empty_seen;
} column;

typedef struct table {
    infer *in;
    const stream_settings *settings;
    column **columns; /* all of them */
    size_t count, cap;
    column **of;      /* those of the file at hand, by position */
    size_t of_cap;
    size_t width;     /* how many it has */
    field_kind *kinds; /* of the row at hand */
    strbuf problem;
} table;

void table_init(table *t, infer *in, const stream_settings *settings);
void tables_free(table *t);
/** Sets `of` for a file that was opened. @return false without memory */
bool table_match(table *t, const reader *r);
/** Is there a column whose type nobody knows? */
bool table_unsettled(const table *t);
/** Looks at a row of a sample. */
void table_observe(table *t, const csv_field *fields, size_t count);
/** Gives every column without a type the one that all its values had. */
void table_settle(table *t);
/** Decides how the fields of a row are written. Types that are too narrow are widened, which in->contradicted then says.
 *  @return false if the row is bad: see problem */
bool table_decide(table *t, const csv_field *fields);

#endif
