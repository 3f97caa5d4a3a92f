/* schema.h - what a JSON Schema says about locations, for whoever makes columns of it. */
#ifndef WEIR_JSON_SCHEMA_H
#define WEIR_JSON_SCHEMA_H

#include "json/tree.h"

typedef struct location {
    weir_view pointer; /* "/address/city" */
    weir_view field;   /* "address/city": the pointer's tokens, decoded, joined with / */
    unsigned types;    /* WEIR_IS_..., united over allOf (intersected), anyOf / oneOf (united), $ref followed; 0: anything */
    bool required;     /* present and not null in every valid document */
    weir_view format, encoding, title, description;
    bool has_min, has_max; /* of integers, as far as they fit */
    int64_t min, max;
    bool open;         /* an object whose further members are not described */
    bool present;      /* in every valid document, though it may be null */
    const struct facet *facet; /* all that is known of it */
} location;

typedef struct locations {
    location *items; /* parents before children, properties in the order of the schema; the root is not among them */
    size_t count;
} locations;

/** Walks a schema to `depth` levels of properties (1: top-level only). Any draft. $ref within the document (#/$defs/...), to
 *  anchors, to $id, and to the URLs in `known` (flow://write-schema ... as name -> tree) are followed, cycles cut; one that
 *  leads nowhere is WEIR_E_CONFIG naming the place. Documents are taken to be objects even if the schema does not say so. Left
 *  out are locations that no document can have: described as `false`, or kept out by another part of an allOf that is closed. A
 *  member that only some of the alternatives of an anyOf / oneOf describe keeps the types that those say. @param known an
 *  object tree or NULL */
weir_rc schema_locations(arena *a, const tree *schema, const tree *known, unsigned depth, locations *ret, err *e);

#endif
