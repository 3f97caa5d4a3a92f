/* catalog.h - catalogs: the one that `discover` says, and the configured one that `read` and `write` get in a file (airbyte.md 2.7). */
#ifndef WEIR_AIRBYTE_CATALOG_H
#define WEIR_AIRBYTE_CATALOG_H

#include "json/tree.h"
#include "proto/unwrap.h"

/** The column that tells a deleted row, null in all others (airbyte.md 3.4). */
#define AIRBYTE_DELETED_AT "_ab_cdc_deleted_at"

typedef enum airbyte_sync_mode { AIRBYTE_FULL_REFRESH, AIRBYTE_INCREMENTAL } airbyte_sync_mode;
typedef enum airbyte_write_mode {
    AIRBYTE_APPEND, AIRBYTE_OVERWRITE, AIRBYTE_APPEND_DEDUP, AIRBYTE_UPDATE, AIRBYTE_SOFT_DELETE
} airbyte_write_mode;

/** A stream of a configured catalog. Views live in the arena. What is null or absent is empty. */
typedef struct airbyte_configured {
    weir_view name, name_space;
    weir_view schema;          /* JSON text */
    weir_view descriptor;      /* {"name":...,"namespace":...} */
    airbyte_sync_mode sync_mode;
    airbyte_write_mode write_mode; /* AIRBYTE_APPEND if it is not said */
    weir_view cursor;          /* a JSON pointer */
    weir_view default_cursor;  /* the stream's own: default_cursor_field, a JSON pointer; empty also if it is no path */
    weir_view key;             /* primary_key as a JSON array of JSON pointers; empty: none */
    bool numbered;             /* generation ids were given */
    int64_t generation, minimum_generation, sync_id;
} airbyte_configured;

/** Reads a configured catalog: unknown members and nulls are passed over, a word that is none of the protocol's is WEIR_E_CONFIG, as is a stream
 *  that is there twice. Errors name FILE:LINE:COLUMN. */
weir_rc airbyte_configured_catalog(arena *a, const char *path, airbyte_configured **ret, size_t *ret_count, err *e);

/** How a discovered stream can be read here: whole always, for from nothing onwards is whole. */
bool airbyte_is_incremental(const weir_stream *s);
/** Appends an AirbyteStream. @param u what unwrap_stream() made of it */
weir_rc airbyte_stream(const weir_stream *s, const unwrap *u, buf *out, err *e);

/** A file as a tree; errors name FILE:LINE:COLUMN and are WEIR_E_CONFIG. Names may repeat: the last counts (airbyte.md 4.1). */
weir_rc airbyte_file(arena *a, const char *path, const tree **ret, err *e);

#endif
