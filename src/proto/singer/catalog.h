/* catalog.h - the catalog of a tap (singer.md 2): printed from what was discovered, and read back with what the user wants. */
#ifndef WEIR_SINGER_CATALOG_H
#define WEIR_SINGER_CATALOG_H

#include "json/prune.h"
#include "proto/streams.h"
#include "proto/unwrap.h"

/** A discovered stream as Singer sees it. */
typedef struct tap_source {
    const stream_item *item;
    weir_view id;        /* NAMESPACE-NAME, or NAME */
    weir_view schema;    /* as a tap gives it, see schema.h */
    weir_view *keys;     /* top-level names; none if a part of the key is nested */
    size_t key_count;
    unwrap unwrap;
    bool deletions;      /* documents may say that they are deletions */
} tap_source;

typedef struct tap_sources {
    arena arena;
    tap_source *items;
    size_t count;
} tap_sources;

/** {0} is an empty one. @return WEIR_E_CONFIG if two streams have one id */
weir_rc singer_sources_make(tap_sources *s, const stream_list *l, err *e);
void singer_sources_free(tap_sources *s);
/** Appends {"streams":[...]}. */
void singer_catalog_write(const tap_sources *s, buf *out);

/** A stream that is wanted. Views live in the arena given to singer_catalog_read(). */
typedef struct tap_stream {
    const tap_source *from;
    weir_view id;           /* of bookmarks */
    weir_view name;         /* of messages: the id, or an alias */
    weir_view schema;       /* what is left of the catalog's schema; a JSON object */
    weir_view key;          /* key_properties: a JSON array of names */
    weir_view bookmark;     /* bookmark_properties, or empty */
    weir_view key_pointers; /* for weir_binding */
    weir_view cursor;       /* for weir_binding: a pointer, or empty */
    unsigned mode;          /* for weir_binding: one of WEIR_FULL_REFRESH ..., or 0 */
    bool full_table;        /* read whole: its bookmark is not used */
    const prune *prune;     /* what documents lose; NULL: nothing */
} tap_stream;

typedef struct tap_catalog {
    tap_stream *streams;
    size_t count;
} tap_catalog;

typedef struct catalog_options {
    const tree *doc;          /* {"streams":[...]} */
    bool legacy;              /* selection may stand in the schemas: --properties */
    const tree *stream_maps;  /* an object, or NULL */
} catalog_options;

/** The selected streams of a catalog, in its order. @return WEIR_E_CONFIG, naming the stream and what is wrong */
weir_rc singer_catalog_read(tap_catalog *ret, arena *a, const tap_sources *s, const catalog_options *o, err *e);

#endif
