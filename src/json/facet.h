/* facet.h - what a JSON Schema says about one place in documents, once everything that applies there is put together: its own
 * keywords and what $ref, allOf, anyOf, oneOf, if / then / else say. Drafts 4 to 2020-12. Keywords that do not matter to columns
 * are passed over.
 *
 * A NULL facet says nothing: any value will do.
 */
#ifndef WEIR_JSON_FACET_H
#define WEIR_JSON_FACET_H

#include "json/tree.h"

/** WEIR_IS_... bits of which WEIR_IS_NUMBER means numbers that are no integers; facet_types() puts them back as weir.h has them. */
enum { FACET_ANY = (1 << 7) - 1, FACET_NONE = 0 };

typedef struct facet facet;

typedef struct facet_member {
    weir_view name;
    facet *facet;
    bool described; /* by `properties`; otherwise it is just required */
    bool required;
    struct facet_member *next;
} facet_member;

/* What else is said, for who describes a place to others; nothing that decides over values. */
typedef struct facet_notes {
    weir_view media;                 /* contentMediaType */
    const tree *fallback;            /* default */
    const tree *choices;             /* enum, or const in an array of its own */
    const tree *least, *most;        /* minimum, maximum, numbers as written */
    const tree *reduce, *redact;     /* keywords with a strategy */
    bool several_reduce, several_redact; /* alternatives with different ones */
    bool secret;
    bool has_max_length, has_min_items, has_max_items;
    uint64_t max_length, min_items, max_items;
} facet_notes;

struct facet {
    facet_notes notes;
    unsigned types; /* FACET_NONE: no value will do */
    weir_view format, encoding, title, description;
    bool has_min, has_max; /* of integers, as far as they fit */
    int64_t min, max;
    bool closed;                  /* objects have no members beyond those described */
    bool cut;                     /* members were left out: the depth was reached, or the schema contains itself */
    facet_member *members, *last; /* in order of appearance */
    size_t count;
    facet *rest;  /* of members that are not described */
    facet *items; /* of the items of arrays */
};

extern const facet facet_anything; /* what NULL stands for */

/** Puts together what a schema says, down to `depth` levels of members and items.
 *  @param known schemas by URI: an object tree, or NULL
 *  @param rc of the error that names the place of what cannot be understood */
weir_rc facet_read(arena *a, const tree *schema, const tree *known, unsigned depth, weir_rc rc, facet **ret, err *e);
/** What is known of a member: its own facet, or that of the rest. */
const facet *facet_of_member(const facet *object, const facet_member *m);
/** WEIR_IS_... bits of a name in `type`, of "number" with WEIR_IS_INTEGER; 0: no draft has it. */
unsigned facet_types_named(weir_view name);
/** The types as weir.h has them: WEIR_IS_NUMBER includes integers, 0: anything. */
unsigned facet_types(const facet *f);

#endif
