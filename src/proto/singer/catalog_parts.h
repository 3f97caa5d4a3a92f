/* catalog_parts.h - what printing a catalog and reading one have in common. */
#ifndef WEIR_SINGER_CATALOG_PARTS_H
#define WEIR_SINGER_CATALOG_PARTS_H

#include "proto/singer/catalog.h"

/** FULL_TABLE, INCREMENTAL, LOG_BASED. */
const char *singer_method_name(unsigned mode);
/** The modes of a stream, which has at least one. */
unsigned singer_modes(const tap_source *s);
/** The one that is taken if nobody says anything. */
unsigned singer_usual_mode(const tap_source *s);
/** Cursors that are top-level members, by name. @return false without memory */
bool singer_cursors(const tap_source *s, arena *a, weir_view **ret, size_t *ret_count);
bool singer_is_among(weir_view name, const weir_view *names, size_t count);

#endif
