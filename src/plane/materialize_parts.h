/* materialize_parts.h - a materialization at work: what its files share. */
#ifndef WEIR_PLANE_MATERIALIZE_PARTS_H
#define WEIR_PLANE_MATERIALIZE_PARTS_H

#include "plane/fields.h"
#include "plane/gate.h"
#include "plane/intake.h"
#include "plane/loads.h"
#include "plane/reducing.h"
#include "plane/refused.h"
#include "plane/work.h"

/* Notes in weir.db of what was applied last. */
#define MATERIALIZE_SPEC_NOTE VIEW("specification")
#define MATERIALIZE_VERSION_NOTE VIEW("version")

typedef struct source { /* one binding */
    book *b;
    unsigned version;     /* of its inferred schema */
    intake *in;
    uint64_t at;          /* committed in the destination; other shards read it: changed with the ledger's lock */
    uint64_t next;        /* read in this transaction */
    combined *combine;    /* or: */
    relayed *relay;
    reducing *reduce;     /* beside combine: its schema says how documents of one key become one; NULL: the last one stays */
    bool reduces_held;    /* ... and with what the destination holds */
    gate *gate;           /* what it reads is held against the read schema; NULL: what is written is valid there, too */
    refused *aside;       /* where documents go that are refused; NULL: they fail the task */
    refused_reader *again; /* those that were, in a run that puts them through again; otherwise NULL */
    buf lines;
    const tree *inferred;
    weir_row *rows;       /* of this round */
    size_t row_count, read;
    bool parts;           /* documents of op "u" are */
    bool additions;       /* the destination says that its rows are: a part of a document is one, too */
    bool truncated;       /* in this round: rows from before are to go */
    bool stored;          /* rows of it, in this transaction */
    bool held;            /* a truncation is next that other shards have not come to yet */
    loads loads;          /* which keys may exist */
    weir_view name;       /* of the offset: collection;state key */
} source;

typedef struct materialization {
    listener base;
    worker *w;
    const shard *shard;
    const struct materialization *all; /* of all shards */
    fields *f;
    const task *t;        /* the worker's, as it is to run now */
    prepared p;
    session *s;
    arena arena;          /* as long as the session */
    source *sources;
    size_t count;
    bool relay;           /* it gets documents as they came */
    bool unsettled;       /* the last commit was acknowledged without waiting for what comes of it */
    bool again;           /* the session has to begin anew: a binding did not fit */
    bool load_all;        /* the destination holds rows that are not from here */
    weir_view spec, version; /* that were applied last, as the connector is told */
    bool resumed;         /* the destination keeps the checkpoint */
    weir_view checkpoint; /* what it kept */
    const tree *position; /* ... read; NULL: nothing */
    buf why;              /* a document is refused */
    buf state;            /* what we keep for it */
    bool kept;            /* ... has changed since weir.db was told */
} materialization;

/* What a transaction holds so far. */
typedef struct transaction {
    int64_t begun_ms;
    uint64_t documents, bytes;
    uint64_t passed;      /* bytes of journals, with those of documents that are not for us */
    uint64_t lag;         /* bytes that remain to be read */
} transaction;

static inline const weir_materialize *materialize_destination(const materialization *m) { return m->p.end.connector->materialize; }
static inline bool materialize_takes_parts(const materialization *m) { return materialize_destination(m)->updates; }

/* materialize_listen.c: what the session is told by the destination. */
extern const listener_ops materialize_ops;

/* materialize_open.c */
/** Validates, applies, opens; m->again: the session has to begin anew. */
weir_rc materialize_open(materialization *m, err *e);
void materialize_close(materialization *m);

/* materialize_round.c */
/** How far the source may be read. *ret_widened is set if its schema has. */
uint64_t materialize_limit(materialization *m, source *s, bool *ret_widened);
/** Reads what there is, up to the size of a transaction. Once a schema has widened nothing more is read: the session has to begin anew. */
weir_rc materialize_read(materialization *m, transaction *x, uint64_t *ret_bytes, bool *ret_widened, err *e);
/** Stores what was read: all keys first, then all rows, for that is the order in which some destinations work. */
weir_rc materialize_store(materialization *m, transaction *x, err *e);
/** Whether the shard may read a truncation at this offset, and what follows: one of them empties the table, and no other one may have stored anything by then that
 *  came after it. So the first one waits until all others have come to it, and they wait until it has committed that. The ledger's lock is held. */
bool materialize_may_pass(const materialization *m, const source *s, uint64_t at);
/** Is there something to read that it may read now? The ledger's lock is held. */
bool materialize_has_more(const materialization *m, const source *s);
/** Is it a destination that must be told which rows exist, or what is there of those that are parts? */
bool materialize_may_ask(const materialization *m, const source *s);

/* materialize_commit.c */
weir_rc materialize_commit(materialization *m, const transaction *x, err *e);
weir_rc materialize_acknowledge(materialization *m, err *e);
/** What it wants to be remembered, outside of a commit: at once. */
weir_rc materialize_keep(materialization *m, err *e);

#endif
