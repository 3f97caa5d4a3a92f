/* derive_parts.h - a derivation at work: what its files share. */
#ifndef WEIR_PLANE_DERIVE_PARTS_H
#define WEIR_PLANE_DERIVE_PARTS_H

#include "plane/derivation.h"
#include "plane/gate.h"
#include "plane/intake.h"
#include "plane/keyed.h"
#include "plane/refused.h"
#include "plane/work.h"

typedef struct source { /* of one transform */
    const task_transform *x;
    book *b;
    unsigned version;  /* of its inferred schema */
    intake *in;
    uint64_t at;       /* committed */
    uint64_t limit;    /* of this transaction */
    weir_view name;    /* of the offset: collection;derive/COLLECTION/TRANSFORM */
} source;

typedef struct deriving {
    worker *w;
    const shard *shard;
    derivation *d;
    arena arena;       /* as long as the session */
    book *out;
    source *sources;
    size_t count;
    keyed *published;
    buf why;           /* a document is refused */
    refused *aside;    /* where it goes then; NULL: it fails the derivation */
    refused_reader *again; /* what was refused, in a run that puts it through again; otherwise NULL */
    buf lines;
    buf position;      /* as of the last commit */
    int64_t due;       /* seconds: when the next document that waits may be read; INT64_MAX: none waits */
    bool unknown_end;  /* a commit of the connector has begun and weir.db does not know how it ended */
} deriving;

/* derive_open.c */
weir_rc derive_find_sources(deriving *v, err *e);
/** @return false: it is not to begin at all */
bool derive_await_schemas(deriving *v);
/** With --once: may there be more to read? The ledger's lock is held. */
bool derive_has_writers(const deriving *v);
/** Opens the connector and finds where it begins. */
weir_rc derive_open(deriving *v, err *e);
void derive_close(deriving *v);
/** The connector has published a document; arg: it. */
weir_rc derive_published(void *arg, weir_view doc, err *e);

/* derive_state.c */
/** Where `using: sqlite` keeps its state: beside the journals, DATA/derivations/acme%2Ftotals.db. Makes the folder. */
weir_rc derive_state_file(const char *data_dir, weir_view name, arena *a, const char **ret, err *e);

/* derive_commit.c */
weir_rc derive_commit(deriving *v, uint64_t documents, uint64_t bytes, err *e);

#endif
