/* schema_program.h - what a schema is compiled to, and the work space that runs it. Private to this room.
 *
 * Every schema of a document (and of those that it refers to) is a `sub`. What it demands is a list of operations for each kind of value, so that a number meets
 * nothing that is about strings; types are a mask that is looked at first.
 */
#ifndef WEIR_DOC_SCHEMA_PROGRAM_H
#define WEIR_DOC_SCHEMA_PROGRAM_H

#include "base/arena.h"
#include "doc/pattern.h"
#include "doc/schema.h"

enum {
    KINDS = TREE_OBJECT + 1,
    ANY_KIND = (1 << KINDS) - 1,
    INTEGERS = 1 << KINDS, /* in `types`: of numbers only integers */
    SUB_NONE = -1,
};

typedef struct op op;
/** @param begun the stamp at which the schema began: what was evaluated later was so by itself or what it applies in place */
typedef bool op_run(checker *c, const op *o, uint32_t node, uint64_t begun);

struct op {
    op_run *run;
    const char *keyword;
    uint32_t owner; /* the schema that says it */
    int32_t sub;    /* the schema that it applies, if it is just one */
    union {
        const void *data;
        uint64_t n;
    } u;
};

typedef struct sub {
    const op *ops[KINDS];
    uint32_t counts[KINDS];
    unsigned types;    /* a bit for each kind, and INTEGERS; 0: nothing is valid */
    bool simple;       /* there is nothing but types */
    bool tracks;       /* somebody wants to know which members and items it evaluates */
    bool notes;        /* it, or what it applies, notes something */
    uint32_t resource;
    const note *note;
    weir_view place;   /* its pointer, behind the document's URI if that is another one */
} sub;

typedef struct text_list {
    const weir_view *texts;
    size_t count;
} text_list;

/* What is said of members by name. */
typedef struct member_rule {
    weir_view name;
    int32_t sub;
    bool required;
} member_rule;

typedef struct pattern_rule {
    const pattern *pattern;
    int32_t sub;
} pattern_rule;

typedef struct object_rules {
    const member_rule *members;
    uint32_t count, required;
    uint32_t guess;        /* where the guesses begin: for each member the one that came behind it last time, and one for the first */
    const uint32_t *slots; /* index + 1, by name_hash() */
    uint32_t mask;
    const pattern_rule *patterns;
    size_t pattern_count;
    int32_t rest, names;   /* additionalProperties, propertyNames */
} object_rules;

typedef struct item_rules {
    const int32_t *first;
    size_t count;
    int32_t rest;
    const char *first_keyword;
} item_rules;

typedef struct sub_list {
    const int32_t *subs;
    size_t count;
} sub_list;

typedef struct if_rule {
    int32_t condition, then, otherwise;
} if_rule;

typedef struct contains_rule {
    uint64_t min, max;
    bool evaluates; /* what matches counts as evaluated */
} contains_rule;

typedef struct dependent_rule {
    weir_view name;
    int32_t sub;
    text_list required;
} dependent_rule;

typedef struct dependent_rules {
    const dependent_rule *rules;
    size_t count;
} dependent_rules;

typedef struct number_rule {
    weir_view number;
    bool is_small;
    int64_t small;
} number_rule;

typedef struct value_rule {
    tape tape;             /* a constant, or an array of those that are allowed */
    unsigned kinds;        /* of the constants */
    uint32_t *slots, mask; /* of many: node of the tape, by tape_hash(); otherwise NULL */
    struct value_rule *next;
} value_rule;

typedef struct anchor_rule {
    const int32_t *by_resource; /* the schema that has the anchor in each resource; SUB_NONE */
} anchor_rule;

struct schema {
    arena memory;
    sub *subs;
    uint32_t count, resources, guesses;
    int32_t root;
    bool dynamic;   /* has references that depend on where one comes from */
    bool annotates; /* notes anything: */
    bool reduces, redacts, deletes, secrets;
    value_rule *values;   /* those whose tapes are to be freed */
    pattern **patterns;   /* to be freed */
    size_t pattern_count, pattern_room;
};

/* ------------------------------------------------------------------------------------------------------------- work space -- */

typedef struct trail_entry {
    uint32_t node;
    bool is_note;
    union {
        const note *note;
        uint64_t stamp;
    } was;
} trail_entry;

/* The resources that were entered on the way to where we are. */
typedef struct scope {
    const struct scope *outer;
    uint32_t resource;
} scope;

typedef struct failure {
    uint32_t depth; /* of the value in the document */
    uint32_t weight;
    size_t at, len;   /* of the text in checker.said */
    size_t value, value_len; /* in it: the value, which may turn out to be secret */
    uint32_t node;
    uint8_t kind;     /* of what is shown: the value of the node, or its name */
} failure;

/* What two schemas noted of one place. */
typedef struct mixed_note {
    note mixed;
    const note *former, *latter; /* NULL: they agree */
    const struct mixed_note *next; /* that do not agree */
} mixed_note;

struct checker {
    const schema *schema;
    const tape *tape;       /* what nodes are nodes of: the document, or a name */
    bool noting;            /* notes are collected */
    bool explaining;        /* failures are */
    bool telling;           /* somebody wants to know them, though what is looked at now may be just an alternative */
    bool stopped;           /* by an error, or because ... */
    bool undecided;         /* ... nobody can tell whether the document is valid */
    unsigned depth;
    const scope *scope;
    uint64_t stamp;         /* of the last evaluation that was marked */
    trail_entry *trail;     /* what to take back if a schema fails */
    size_t trail_count, trail_room;
    const note **notes;     /* by node */
    uint64_t *evaluated;    /* by node: the stamp of its last evaluation as a member or item */
    size_t room;
    arena mixed;            /* notes made of two */
    const mixed_note *conflicts; /* those of them that do not agree; some may have been taken back */
    uint32_t *guesses;
    buf text, name;         /* decoded */
    uint64_t *hashes;       /* of items, and the table to find them: slots behind */
    size_t hash_room;
    uint64_t seed;
    pattern_space *space;
    tape names;             /* of one node: the name that is being looked at */
    const tape *document;
    uint32_t named;         /* the member whose name it is */
    weir_rc rc;
    err *e;
    failure *failures;
    size_t failure_count, failure_room;
    uint32_t *secrets;      /* nodes that some schema calls secret, whether they are valid or not */
    size_t secret_count, secret_room;
    buf said;
};

/** Is the node valid? */
bool check_value(checker *c, int32_t index, uint32_t node);
/** The same without a word if it is not. */
bool check_quietly(checker *c, int32_t index, uint32_t node);
/** The same where all is valid without it, and only what it notes is wanted: if nobody can tell whether the node is valid, it notes nothing. */
bool check_for_notes(checker *c, int32_t index, uint32_t node);
/** Remembers a failure if somebody wants to know. @return false */
bool check_refuse(checker *c, const op *o, uint32_t node, const char *fmt, ...) WEIR_PRINTF(4, 5);
/** Looks for a pattern in a text, of the node or its name (`what` it is called). If that takes too long, the document is refused, whatever else is said of it. */
bool check_pattern(checker *c, const op *o, uint32_t node, const pattern *p, weir_view text, const char *what);
/** Remembers that a schema calls the node secret, while failures are told. */
void check_tell_secret(checker *c, const sub *s, uint32_t node);
/** The text of a string or name, decoded. {NULL, 0} without memory, and then the run has stopped. */
weir_view check_text(checker *c, uint32_t node);
void check_stop(checker *c, weir_rc rc, const char *what);
/** Marks a member or item as evaluated. */
void check_mark(checker *c, uint32_t node);
bool check_grow(void **items, size_t *room, size_t need, size_t size);
/** Of those failures since `from` only the ones since `best` up to `end` stay. */
void check_keep_failures(checker *c, size_t from, size_t best, size_t end);
/** Which of two runs of failures tells more? */
bool check_tells_more(const checker *c, size_t a, size_t a_end, size_t b, size_t b_end);

/** The same for the same name. */
static inline uint32_t name_hash(weir_view name)
{
    const char *p = name.ptr, *end = p + name.len;
    uint64_t first = 0, last = 0;
    if (name.len >= 8) {
        memcpy(&first, p, 8);
        memcpy(&last, end - 8, 8);
    } else if (name.len >= 4) {
        memcpy(&first, p, 4);
        memcpy(&last, end - 4, 4);
    } else if (name.len) {
        first = (unsigned char)*p;
        last = (unsigned char)p[name.len / 2] | (uint64_t)(unsigned char)end[-1] << 8;
    }
    uint64_t h = (first * 0x9e3779b97f4a7c15u) ^ ((last + name.len) * 0xc2b2ae3d27d4eb4fu);
    return (uint32_t)(((h ^ h >> 29) * 0x165667b19e3779f9u) >> 32);
}

/* The operations: check_ops.c, check_object.c, check_array.c, check_scalar.c. */
op_run run_ref, run_dynamic_ref, run_all, run_any, run_one, run_not, run_if, run_const, run_enum;
op_run run_minimum, run_maximum, run_above, run_below, run_multiple, run_min_length, run_max_length, run_pattern, run_format;
op_run run_min_items, run_max_items, run_unique, run_items, run_contains, run_unevaluated_items;
op_run run_min_properties, run_max_properties, run_object, run_dependent, run_unevaluated_properties;

#endif
