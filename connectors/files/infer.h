/* infer.h - what the documents of a stream look like: learned from a sample, or taken over from a collection's schema, and compared
 * with every document that passes. Types only ever widen.
 *
 * A tree of nodes, one for each place a value may be. Nodes never move and live as long as their infer.
 */
#ifndef FILES_INFER_H
#define FILES_INFER_H

#include "strbuf.h"
#include "value.h"

typedef enum infer_format {
    INFER_UNSEEN,   /* no string yet */
    INFER_DATE,     /* every string is one */
    INFER_DATE_TIME,
    INFER_FREE      /* strings of any form */
} infer_format;

typedef struct infer_node infer_node;

typedef struct infer_member {
    weir_view name; /* decoded; NUL-terminated */
    infer_node *node;
} infer_member;

struct infer_node {
    unsigned types; /* WEIR_IS_... bits; WEIR_IS_NUMBER stands for integers too */
    infer_format format;
    bool any;       /* the schema does not say: nothing is learned, nothing can contradict */
    bool required;  /* part of a key: must be there, never null */
    bool ours;      /* `_meta` and its members: added by us */
    bool crowded;   /* an object with more members than are worth describing */
    size_t demanded; /* members that documents must bring: required, but not ours */
    infer_member *members; /* in order of appearance */
    size_t count, cap;
    uint32_t *index; /* by hash, once there are many; a power of two of places, 0: free, else member + 1 */
    size_t places;
    infer_node *items; /* of arrays; NULL: no item seen */
};

typedef struct infer {
    infer_node *root;
    bool news;        /* a member, or the first type of one, was learned; the caller clears it */
    bool contradicted; /* a type was added to others: documents so far were described otherwise; the caller clears it */
    struct infer_chunk *chunks;
    size_t nodes;
    bool failed;      /* out of memory */
    strbuf scratch;
} infer;

/** Begins with an object that has nothing but `_meta: {file, row}`. @return false without memory */
bool infer_init(infer *in);
void infer_free(infer *in);

/** The node of a member, made if it is not there. @return NULL without memory, or if the object is full of members */
infer_node *infer_member_of(infer *in, infer_node *object, weir_view name);
/** The same, but never made. */
infer_node *infer_find(const infer_node *object, weir_view name);
/** Marks what a JSON pointer leads to as part of the key; every object on the way is required too. @return its node, or NULL */
infer_node *infer_require(infer *in, const char *pointer);
/** Adds a type to a node, and a string's form. */
void infer_widen(infer *in, infer_node *n, unsigned type, infer_format format);
/** The form of a string. */
infer_format infer_format_of(const char *text, size_t len);

typedef enum infer_status {
    INFER_OK,
    INFER_BAD,        /* no JSON object: `problem` (constant text) at byte `at` */
    INFER_NO_KEY,     /* something that is required is missing or null */
    INFER_NOMEM
} infer_status;

typedef struct infer_seen {
    const char *problem;
    size_t at;
    weir_view meta, meta_value; /* the member `_meta` of the document, key to value, and its value; empty: none */
    const char *close;          /* the closing brace of the document */
    bool empty;                 /* it has no members */
} infer_seen;

/** Looks at a document. */
infer_status infer_observe(infer *in, weir_view document, infer_seen *seen);

/** Takes over a collection's schema: type, format, properties, items, $ref within it. What else it says is not understood: there,
 * `any` is set. @return false without memory */
bool infer_load(infer *in, weir_view schema);

/** Appends the JSON Schema. @param closed as weir_sourced_schema() wants it: objects closed, what is not known left out */
void infer_schema(const infer *in, strbuf *out, bool closed);

#endif
