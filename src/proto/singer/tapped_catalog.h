/* tapped_catalog.h - a tap's catalog (singer.md 2): its streams as we report them, and the document that it gets back. */
#ifndef WEIR_SINGER_TAPPED_CATALOG_H
#define WEIR_SINGER_TAPPED_CATALOG_H

#include "json/tree.h"

/** What identifies an entry of a catalog, or a resource config: its tap_stream_id, or, for lack of one, the name of its stream. */
weir_view singer_tapped_id(const tree *entry);
/** Which name its messages carry. */
weir_view singer_tapped_name(const tree *entry);
/** The entry of a catalog with this id, or, if there is none, the only one whose stream has that name. NULL: there is none. */
const tree *singer_tapped_find(const tree *catalog, weir_view id);

/** A stream as it is reported. All but modes and flags in the arena; schema as the tap gave it. */
typedef struct tapped_stream {
    weir_view id, schema, key, cursors, resource;
    unsigned modes;
    bool unsupported;
    bool deletes; /* deleted rows come with _sdc_deleted_at */
} tapped_stream;

/** @param row_id the key of streams that have none; empty: none  @return WEIR_E_PROTOCOL if it is no entry of a catalog */
weir_rc singer_tapped_describe(arena *a, const tree *entry, weir_view row_id, tapped_stream *ret, err *e);

/** How a bound stream is to be read. */
typedef struct tapped_choice {
    const tree *entry;     /* as discovered */
    const tree *resource;  /* the binding's resource config: a catalog entry, perhaps edited. NULL: nobody wants it but a child of it */
    weir_view method, key; /* FULL_TABLE ..., name of the replication key; empty: as the entry says */
} tapped_choice;

/** Fills method and key: what the platform chose (mode and cursor of the binding), else what the resource config says, else what the tap itself says.
 *  @param mode one of WEIR_FULL_REFRESH ..., 0: not chosen  @param cursor JSON pointer
 *  @return WEIR_E_CONFIG: INCREMENTAL is wanted without a key, though the tap does not say so itself, or the key is nested */
weir_rc singer_tapped_choose(arena *a, unsigned mode, weir_view cursor, tapped_choice *c, err *e);
/** The names of parents that an entry declares (metadata parent-tap-stream-id), NULL-terminated by an empty view. */
const weir_view *singer_tapped_parents(arena *a, const tree *entry);

/** Appends the catalog for a run: the entries as they were discovered, the chosen streams and all their fields selected explicitly (but for fields that
 *  the resource config deselects), all others not; replication written into entries and metadata.
 *  @param in_schema `selected` stands inside of the schemas, too, for taps that take --properties */
weir_rc singer_tapped_catalog_write(buf *out, const tree *catalog, const tapped_choice *choices, size_t count, bool in_schema, err *e);

#endif
