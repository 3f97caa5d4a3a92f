/* tapped.h - a tap being driven, inside: drive.c the callbacks and the process, tapped_plan.c what is read, tapped_messages.c what comes. */
#ifndef WEIR_SINGER_TAPPED_H
#define WEIR_SINGER_TAPPED_H

#include "proto/flowdoc.h"
#include "proto/singer/driven.h"
#include "proto/singer/tapped_catalog.h"
#include "proto/singer/tapped_state.h"

#define TAPPED_ROW_ID "{\"type\":[\"integer\"]}" /* schema of /_meta/row_id, as flow-sdk 0.1.9 declares it */

/** A stream of the messages. */
typedef struct tapped_messages {
    weir_view name;          /* decoded */
    const weir_binding *b;   /* NULL: not bound */
    tapped_part *part;       /* of b */
    bool known;              /* the catalog has it */
    bool deletes;            /* its records may say that they are deletions */
    bool warned;             /* that it has no schema, or no binding */
    bool has_schema;
    buf schema;              /* the last */
    buf version;             /* the last that was activated */
    uint64_t left_out;       /* records of a stream that is not bound */
} tapped_messages;

/** What is bound, and what the tap has. */
typedef struct tapped_plan {
    singer_driven_run *r;
    const weir_binding *b;
    size_t n;
    arena a;
    tree *catalog;
    const tree **resources;
    tapped_choice *choices; /* of the bindings first, then of parents */
    size_t choice_count;
} tapped_plan;

/** A run of the tap. */
typedef struct tapped_pull {
    weir_task *t;
    tapped_plan plan;
    tapped_state state;
    buf to_tap, base;    /* the state that the tap was given; its last STATE's value */
    buf folded, head;    /* scratch */
    tapped_messages *streams; /* of the bindings */
    map by_name;
    tapped_messages *last; /* of the last message: most are followed by one of the same stream */
    map types;           /* unknown ones that were warned of */
    papers papers;
    uint64_t lines, unsealed; /* unsealed: documents and schemas since the last checkpoint */
    bool opened, any_schema;
} tapped_pull;

/** Runs the tap's discovery. @param ret_known false: it has none; then its error stands in the task's, and *ret is not set */
weir_rc singer_tapped_discover(weir_task *t, singer_driven_run *r, arena *a, tree **ret, bool *ret_known);
/** A program that does not know a flag says so with status 2 (singer.md 4); *e has its words. */
bool singer_tapped_unknown_flag(int status, const char *flag, err *e);
bool singer_tapped_is_blank(weir_view line);

/** Gets the catalog and parses the resource configs of p->b.
 *  @param recent a catalog that this process has seen less than a minute ago will do */
weir_rc singer_tapped_plan(weir_task *t, tapped_plan *p, bool recent);
/** Decides how binding i is read; those before it are decided. */
weir_rc singer_tapped_decide(tapped_plan *p, size_t i, err *e);
/** Parents that a bound stream declares are read, too: the tap needs their records to find those of the children. */
weir_rc singer_tapped_add_parents(tapped_plan *p, err *e);

/** Names of messages -> streams: those of the bindings, and those that the catalog knows besides. */
weir_rc singer_tapped_index(tapped_pull *p);
/** Takes messages until the tap's output ends. */
weir_rc singer_tapped_relay(tapped_pull *p, child *c);
/** Seals what was emitted with the tap's last state and the counters as they are now. */
weir_rc singer_tapped_seal(tapped_pull *p);

#endif
