/* maps.h - `stream_maps` as far as it is supported (singer.md 4): leaving out streams and fields, other names for streams, other keys. Everything else is
 * refused. Which map holds for a stream is told as the SDK does: by its id or a pattern of it, the last that fits.
 */
#ifndef WEIR_SINGER_MAPS_H
#define WEIR_SINGER_MAPS_H

#include "json/tree.h"

typedef struct stream_map {
    const tree *fields;    /* an object; NULL: nothing is mapped */
    bool drop;             /* the whole stream */
    bool only_listed;      /* __else__ null */
    weir_view alias;       /* __alias__; empty: none */
    const tree *keys;      /* __key_properties__: a list of strings; NULL: none */
} stream_map;

/** The map of a stream. @param maps an object, or NULL  @return WEIR_E_CONFIG for what is not supported, naming it */
weir_rc singer_map_find(stream_map *ret, const tree *maps, weir_view id, err *e);
/** Is this member of `maps` for one stream, by its id? Then there must be one. */
bool singer_map_names(const tree *m);
/** Does the map leave this field out? */
bool singer_map_drops(const stream_map *m, weir_view field);

#endif
