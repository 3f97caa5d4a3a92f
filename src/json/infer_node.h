/* infer_node.h - inside of a shape. */
#ifndef WEIR_JSON_INFER_NODE_H
#define WEIR_JSON_INFER_NODE_H

#include "base/map.h"
#include "json/facet.h"
#include "json/format.h"
#include "json/infer.h"
#include "json/quick.h"

enum {
    SHAPE_TOTAL = 10000,  /* members in all */
    SHAPE_NAME = 1024,    /* bytes of a member's name */
    SHAPE_DEPTH = 100,    /* levels of members and items */
    SHAPE_LIMIT = 1000,   /* of shape_limit(): members in all where no schema says otherwise ... */
    SHAPE_LEVELS = 12     /* ... and levels */
};

typedef struct member member;

/* What is known of the values at one place. */
typedef struct node {
    unsigned types;          /* as in json/facet.h: a place that has numbers has integers too */
    bool any_text, any_code; /* strings: there is no format, no encoding that all of them have */
    bool open;               /* objects: members beyond those known may occur, and are anything; new ones are not learned any more */
    struct node *rest;       /* objects: what members beyond those known are, if not anything; NULL: there are none */
    bool open_items;         /* arrays: of items nothing is known */
    weir_view format, encoding;
    format_test *test; /* of format; NULL: we cannot tell */
    member *members, *last;
    size_t count, required; /* of members; how many of them are required */
    member *first;          /* guess: what objects begin with */
    map names;              /* empty while members are few */
    struct node *mapped;    /* the next node whose map is to be freed */
    bool listed;            /* it is among those */
    struct node *items;
} node;

struct member {
    weir_view name;
    node node;
    bool required;
    bool gone;      /* it is being taken out */
    uint64_t round; /* the last object in which it was seen */
    quick_name written;
    member *guess; /* what follows it */
    member *next;  /* in order of appearance */
};

struct shape {
    arena arena;
    node root;
    node *mapped;
    buf name; /* scratch: a decoded name */
    size_t members;
    size_t limit; /* of shape_limit(); 0: SHAPE_LIMIT */
    uint64_t rounds;
};

member *node_member(const node *n, weir_view name);
/** A new member; its node is empty. NULL if a limit is reached, or without memory (arena.failed). */
member *node_add(shape *s, node *n, weir_view name);
node *node_items(shape *s, node *n);
node *node_rest(shape *s, node *n);
/** Its members have changed: they are entered anew under their names. */
void node_rename(shape *s, node *n);
/** Members that were not seen in this round are not required. @return true if one was */
bool node_relax(node *n, uint64_t round);

#endif
