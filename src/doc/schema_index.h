/* schema_index.h - every schema that references can lead to: by URI, by anchor, by pointer. Those of other documents are looked for when they are asked for.
 * Private to this room.
 */
#ifndef WEIR_DOC_SCHEMA_INDEX_H
#define WEIR_DOC_SCHEMA_INDEX_H

#include "base/arena.h"
#include "base/map.h"
#include "doc/schema.h"
#include "doc/schema_words.h"

/* A schema with a URI of its own, or a whole document. */
typedef struct resource {
    const tree *root;
    weir_view base;     /* its URI without fragment */
    weir_view document; /* what places in its document are called by: empty for the schema that is compiled */
    unsigned draft, vocabulary;
    uint32_t index;
    bool recursive;     /* $recursiveAnchor */
} resource;

/* Where a schema stands. */
typedef struct spot {
    const tree *schema;
    const resource *in;
    weir_view place; /* its pointer, behind the document's URI */
} spot;

typedef struct schema_index {
    arena *memory;
    const schema_options *options;
    const tree *root;
    map uris;     /* -> resource */
    map anchors;  /* URI#name -> spot */
    map dynamic;  /* URI#name -> spot: $dynamicAnchor */
    map spots;    /* address of a tree -> spot */
    resource **resources;
    uint32_t count, room;
    unsigned depth;
} schema_index;

/** Takes in the document. @return WEIR_E_CONFIG for what is no identifier, a $schema that cannot be found */
weir_rc index_open(schema_index *x, arena *memory, const tree *root, const schema_options *o, const spot **ret, err *e);
void index_free(schema_index *x);
/** Where a reference from `from` leads. @param ret_name if it is the name of a $dynamicAnchor there, that name; otherwise empty. May be NULL */
weir_rc index_follow(schema_index *x, const resource *from, weir_view ref, const spot **ret, weir_view *ret_name, err *e);
/** A schema inside of the one at `at`, which stands in the value of `keyword`, further down at `name` (may be empty), or as item number `item` (if not -1). */
const spot *index_inner(schema_index *x, const spot *at, const tree *schema, const char *keyword, weir_view name, long item);
/** The schema that has a $dynamicAnchor in a resource; NULL: there is none. */
const spot *index_dynamic(schema_index *x, const resource *in, weir_view name);
/** The value of a keyword, if the schema's draft and vocabularies have it. */
const tree *index_said(const spot *at, const char *keyword);
weir_rc index_fail(const schema_index *x, const spot *at, const char *keyword, err *e, const char *fmt, ...) WEIR_PRINTF(5, 6);

#endif
