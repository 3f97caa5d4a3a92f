/* refs.h - where the references of JSON Schemas lead: within the document (#/$defs/x), to an anchor, to the $id of an embedded
 * schema, to the name of a known one. Nothing is ever fetched.
 */
#ifndef WEIR_JSON_REFS_H
#define WEIR_JSON_REFS_H

#include "base/map.h"
#include "json/tree.h"

/* A schema, and where it stands: references begin there. */
typedef struct place {
    const tree *schema;
    const tree *root; /* of its resource: what "#" means */
    weir_view base;   /* the resource's URI without fragment; empty: it has none */
} place;

typedef struct refs {
    arena *arena;
    map places;  /* URI, or URI#anchor -> place */
    bool failed; /* out of memory */
} refs;

/** Finds every $id and anchor (of draft 4: id) of a schema, and of the known ones: members of an object tree by their URI, or NULL.
 *  Memory failure is sticky. */
void refs_init(refs *r, arena *a, const tree *schema, const tree *known, place *ret_root);
void refs_free(refs *r);
/** A schema inside of the one at `from`. */
place refs_inner(refs *r, place from, const tree *schema);
/** @return false if the reference leads nowhere */
bool refs_follow(refs *r, place from, weir_view ref, place *ret);
/** Resolves a URI reference (RFC 3986, section 5.2); fragments are the caller's. {NULL, 0} without memory. */
weir_view refs_resolve(arena *a, weir_view base, weir_view ref);

#endif
