/* tables.h - the tables of a source as the test knows them: what was declared, what was chosen, what its records have shown, and how many there were. */
#ifndef WEIR_TESTER_TABLES_H
#define WEIR_TESTER_TABLES_H

#include "proto/fivetran/cold.h"
#include "proto/fivetran/types.h"
#include "tester/report.h"

typedef struct tester_column {
    weir_view name;
    ft_type declared, type; /* type: the narrowest that holds what was declared and what was seen; UNSPECIFIED: neither has said anything */
    bool key, included;
    uint32_t precision, scale; /* of decimals, as declared; 0: not said */
    uint32_t whole, behind;    /* most digits seen before and behind the point */
} tester_column;

typedef struct tester_rows tester_rows; /* rows.h */

typedef struct tester_table {
    weir_view schema, name;
    const char *title; /* `schema.name` */
    tester_column *columns;
    size_t count, room;
    map by_name;
    bool declared, included;
    uint64_t ops[4]; /* by ft_op */
    uint64_t changes;
    tester_rows *rows; /* on their way */
    weir_sql_column *stored; /* as they are in the warehouse; NULL: not looked at */
    size_t stored_count;
    bool exists;
    uint64_t touched; /* number of the transaction in which rows of it were last changed; 0: none */
    weir_view place; /* its schema in the warehouse */
} tester_table;

typedef struct tester_tables {
    arena arena;
    map by_title;
    tester_table **items;
    size_t count, room;
    tester_table *last; /* found */
    bool with_schemas;
    bool declared;      /* the source says which tables it has */
    const char *const *excluded; /* `table`, `schema.table`, `table.column` ...; NULL-terminated; may be NULL */
} tester_tables;

/** The table of that name; made if it is new. NULL without memory. */
tester_table *tester_table_of(tester_tables *t, weir_view schema, weir_view name);
/** The column of that name; added if it is new. NULL without memory. `hint`: where it probably is. */
tester_column *tester_column_of(tester_tables *t, tester_table *x, weir_view name, size_t hint);
/** Takes a description of a table, as Schema or SchemaChange gives it, and tells what must not be in it. @return WEIR_E_NOMEM */
weir_rc tester_table_declare(tester_tables *t, weir_view schema, const FivetranSdk__V2__Table *from, bool change, report *r, err *e);
weir_rc tester_list_declare(tester_tables *t, const FivetranSdk__V2__SchemaList *with, const FivetranSdk__V2__TableList *without, bool change, report *r, err *e);
bool tester_table_keyed(const tester_table *x);
/** A type with its digits, `DECIMAL(10,2)`. */
weir_view tester_type_text(arena *a, ft_type type, uint32_t precision, uint32_t scale);
void tester_tables_show(const tester_tables *t, report *r);
void tester_tables_free(tester_tables *t);

#endif
