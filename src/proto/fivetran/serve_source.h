/* serve_source.h - what a served source has, as tables, and which of them a platform has selected. */
#ifndef WEIR_FIVETRAN_SERVE_SOURCE_H
#define WEIR_FIVETRAN_SERVE_SOURCE_H

#include "proto/fivetran/cold.h"
#include "proto/fivetran/types.h"
#include "proto/streams.h"
#include "proto/unwrap.h"

/** A stream that was discovered, as a table. */
typedef struct ft_stream {
    const weir_stream *s;
    unwrap u;
    ft_table table;
} ft_stream;

typedef struct ft_streams {
    arena arena;
    stream_list found;
    ft_stream *items;
    size_t count;
    bool schemas; /* one of them has a namespace: then all tables are in schemas, those without are in FT_NO_SCHEMA */
} ft_streams;

/** Where tables without a namespace are, if others have one. */
#define FT_NO_SCHEMA "default"

/** Fills in the rest, after `found`. WEIR_E_CONFIG: a stream that cannot be a table here: it is keyed within an object, or has a name that is the platform's own. */
weir_rc ft_streams_take(ft_streams *s, err *e);
void ft_streams_free(ft_streams *s);
/** Is the name of a table, or of a column of it, the platform's own? Then WEIR_E_CONFIG.  @param what it is the name of */
weir_rc ft_check_name(const ft_table *t, weir_view name, const char *what, err *e);

/** A Table; NULL without memory. */
FivetranSdk__V2__Table *ft_table_message(arena *a, const ft_table *t);
/** The tables, grouped by schema in the order in which they first come. NULL without memory. */
FivetranSdk__V2__TableList *ft_table_list(arena *a, const ft_table *const *tables, size_t count);
FivetranSdk__V2__SchemaList *ft_schema_list(arena *a, const ft_table *const *tables, size_t count);

/** What of a table is selected. */
typedef struct ft_chosen {
    bool table;
    bool *columns;    /* one for each; keys are always among them */
    bool new_columns; /* those that are not known yet, too */
} ft_chosen;

/** What a Selection says of a table (fivetran.md 2.3); NULL, or one without a member: everything. @return false without memory */
bool ft_choose(arena *a, const FivetranSdk__V2__Selection *selection, const ft_table *t, ft_chosen *ret);

#endif
