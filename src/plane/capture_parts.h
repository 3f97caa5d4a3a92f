/* capture_parts.h - a capture at work: what its files share. */
#ifndef WEIR_PLANE_CAPTURE_PARTS_H
#define WEIR_PLANE_CAPTURE_PARTS_H

#include "plane/gate.h"
#include "plane/prepare.h"
#include "plane/refused.h"
#include "plane/work.h"

enum { CAPTURE_COMMIT_MS = 200, CAPTURE_COMMIT_BYTES = 16 << 20 };

typedef struct capture {
    listener base;
    worker *w;
    session *s;
    size_t binding_count;
    book **of_binding;
    gate **gates;            /* by binding: what its documents pass */
    refused **aside;         /* by binding: where those go that are refused; NULL: they fail the capture. Bindings of one collection share it */
    buf why;                 /* a document is refused */
    offset again;            /* how far such documents were put through again; no name: they are not */
    book **books;            /* sorted, without duplicates */
    size_t book_count;
    uint64_t *sealed;        /* by book: where its last seal ended */

    pthread_mutex_t lock;    /* of what follows, and of the journals while they are ours */
    pthread_cond_t changed;  /* for lanes: a turn, a commit, a failure */
    pthread_cond_t due;      /* for the committer: there is something to commit, or at once, or the end. Waits on CLOCK_MONOTONIC */
    const lane *owner;       /* a lane has spilled: others wait with their seals */
    bool holding;            /* the ledger gave us our books */
    buf state;               /* of the task, as of the last seal */
    uint64_t unsealed_bytes; /* in the journals, behind `sealed` */
    uint64_t pending_seals, pending_documents, pending_bytes;
    uint64_t pending_held;   /* bytes that wait for the commit: documents in journals, states in memory to be acknowledged */
    int64_t pending_since, commit_ms;
    int64_t took_ms;         /* the last commit */
    bool wants_acks;
    bool done;               /* no more seals will come */
    err failure;             /* of a commit */
} capture;

/* capture_lanes.c: what the session is told on lanes. */
extern const listener_ops capture_ops;
/** Others may have the journals as soon as everything in them is committed. */
void capture_let_go(capture *c);

/* capture_check.c */
/** Leaves those lines that go into the collection, as they may be kept. */
weir_rc capture_check(capture *c, size_t binding, buf *lines, err *e);

/* capture_commit.c */
/** Makes everything sealed durable. The lock is held. */
weir_rc capture_commit(capture *c, err *e);
/** The thread that commits; takes the capture. */
void *capture_committer(void *arg);

/* capture.c */
/** Which journals the bindings write to. */
weir_rc capture_find_books(capture *c, arena *a, err *e);
void capture_free_gates(capture *c);
/** Is it the first of the bindings that share where refused documents go? */
bool capture_is_first_aside(const capture *c, size_t i);

/* capture_replay.c */
/** Puts through again what was refused. The connector is not asked. */
weir_rc capture_replay(capture *c, err *e);

#endif
