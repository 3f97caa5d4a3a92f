/* sql.h - what PostgreSQL does for platforms that manage its tables (weir_sql). `self` is a pg. */
#ifndef POSTGRES_SQL_H
#define POSTGRES_SQL_H

#include "pg.h"

extern const weir_sql pg_sql_ops;

/** The statement with $1, $2 ... for its question marks, each cast to its type, for in a SELECT nothing else would tell what it is; those of no type are written
 *  as NULL, and get no number. The caller frees it. NULL without memory. */
char *pg_sql_numbered(const char *sql, const weir_sql_type *types, size_t count);

/* ---- types and values (sql_value.c) ---- */

weir_view pg_sql_type_name(weir_task *t, const weir_sql_column *c);
/** Of a parameter. */
const char *pg_sql_cast(weir_sql_type type);
/** From what the database says: pg_type.typname, the type's modifier, and whether the column is marked as XML. */
void pg_sql_type_of(const char *typname, int modifier, bool marked, weir_sql_column *ret);
weir_view pg_sql_convert(weir_task *t, weir_view expression, const weir_sql_column *from, const weir_sql_column *to);

/** Appends a value as the server reads it, ended by NUL. @return false: it has the character U+0000 and shall not */
bool pg_sql_write(lite_text *out, const weir_sql_value *v, bool replace_nul);
/** A value as the server writes it, of a type by its number; texts go to `out` if they are not as they stand. */
void pg_sql_read(weir_sql_value *ret, unsigned type, const char *text, size_t len, lite_text *out);

#endif
