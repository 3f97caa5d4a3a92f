/* sql.h - weir_sql: tables that a platform manages by itself, in SQL that it writes.
 *
 *     type        declared as              affinity   stored as
 *     BOOLEAN     BOOLEAN                  numeric    0, 1
 *     SHORT, INT  SMALLINT, INT            integer    integer
 *     LONG        INTEGER                  integer    integer; as the only key it is the rowid
 *     DECIMAL     DECIMAL BLOB(p,s)        none       integer of 64 bits; double if 15 digits hold it; else its text
 *     FLOAT       FLOAT                    real       double; NaN as 'NaN'
 *     DOUBLE      DOUBLE                   real       the same
 *     DATE        DATE                     numeric    2007-12-03
 *     DATETIME    DATETIME                 numeric    2007-12-03T10:15:30.500
 *     TIMESTAMP   TIMESTAMPTZ              numeric    2007-12-03T10:15:30.500+00:00
 *     TIME        TIME                     numeric    10:15:30
 *     BINARY      BLOB                     none       bytes
 *     TEXT        TEXT                     text       text
 *     JSON, XML   JSON TEXT, XML TEXT      text       text
 *
 * A column that holds numbers exactly must not have numeric affinity, which makes doubles of texts that look like numbers; one that holds texts which are never
 * numbers may. Instants end with +00:00, not Z: '+' sorts before '.' and digits, so that texts of any precision compare as the instants do.
 */
#ifndef SQLITE_SQL_H
#define SQLITE_SQL_H

#include "db.h"
#include "lite_value.h"

extern const weir_sql lite_sql_ops; /* `self` begins with a db */
/** Frees the statements; before the database is closed. */
void lite_sql_free(db *d);

/* ---- types: sql_type.c ---- */

/** The declared type; in the task's memory. */
weir_view lite_sql_type_name(weir_task *t, const weir_sql_column *c);
/** Fills type, precision and scale from a declared type: one of the above, what other people write, or by SQLite's rules of affinity. */
void lite_sql_type_of(const char *declared, weir_sql_column *ret);
/** "DECIMAL", for people. */
const char *lite_sql_type_word(weir_sql_type type);

/* ---- values: sql_value.c ---- */

/** What all of the functions below may append to the scratch for a value of `len` bytes: it must have room for that, since what was read may stand in it. */
enum { LITE_SQL_ROOM = 1100 };
static inline size_t lite_sql_room(size_t len) { return 2 * LITE_SQL_ROOM + 8 * len; }

/** A value as SQLite stores it: what lite_bind() takes. */
lite_value lite_sql_store(const weir_sql_value *v, lite_text *scratch);
/** A value as it comes back. @param as the column's type; WEIR_SQL_NULL: something computed */
weir_sql_value lite_sql_read(sqlite3_value *from, weir_sql_type as, lite_text *scratch);
/** A value as one of another type. @return false: there is none */
bool lite_sql_convert(const weir_sql_value *from, weir_sql_type to, weir_sql_value *ret, lite_text *scratch);
/** Makes the SQL function weir_as(value, type, other type) known to the connection. @return SQLite's code */
int lite_sql_register(sqlite3 *sqlite);

#endif
