/* combiner_inner.h - inside of a combiner. Private to this room. */
#ifndef WEIR_DOC_COMBINER_INNER_H
#define WEIR_DOC_COMBINER_INNER_H

#include "base/arena.h"
#include "doc/combiner.h"
#include "doc/combiner_spill.h"
#include "doc/combiner_table.h"
#include "doc/redact.h"

typedef struct part {
    const combiner_binding *b;
    checker *check;
    const note_pointer *key;
    bool reduces; /* otherwise the last document stays */
    bool redacts;
    bool deletes; /* what comes behind a document that deletes begins anew */
    bool owns;    /* the checker: bindings of one schema share it */
} part;

struct combiner {
    arena arena;
    part *parts;
    size_t count, budget;
    table table;
    spill spill;
    reducer *reducer;
    redactor *redactor;
    tape left, right;
    buf packed, out, clean;
    uint64_t documents;
};

/** "KEY: why" before the chain; the key as JSON. */
weir_rc combiner_wrap(const combiner *c, uint32_t binding, weir_view packed, weir_rc rc, err *e);
/** Reads `doc` into c->right and checks it. @return WEIR_E_CONFIG if it is not valid: `what` and why. @param notes will it be
 *  reduced? */
weir_rc combiner_check(combiner *c, const part *p, weir_view doc, bool notes, const char *what, err *e);

/* The documents of one key as they come in order, put together as far as they can be. */
typedef struct group {
    combiner *c;
    bool full;          /* into the base, or into nothing: this is the end. false: what comes out is a part */
    bool merging;       /* and goes back to the disk: a base stays by itself */
    weir_rc (*put)(void *arg, const struct group *g, err *e);
    void *arg;
    uint32_t binding;
    buf key, doc, next; /* next: the one that is being made */
    bool open, exists, changed, deleted;
    bool reduced;       /* it was made of several */
    unsigned flags;     /* of doc */
} group;

void group_free(group *g);
/** The next document; what is finished by it goes to put(). */
weir_rc group_add(group *g, const spilled *d, err *e);
/** There are no more. */
weir_rc group_end(group *g, err *e);

#endif
