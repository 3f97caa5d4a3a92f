/* derivation.h - a derivation of the catalog with its connector at work: what is read goes in, what is published comes out. Journals, offsets and commits are
 * the business of who uses it: derive.c in a run, testing.c in a test of a catalog.
 */
#ifndef WEIR_PLANE_DERIVATION_H
#define WEIR_PLANE_DERIVATION_H

#include "plane/run.h"

typedef struct derivation derivation;

typedef struct derivation_options {
    const task *t;
    native_finder natives;
    log_sink *log;
    int stop_fd;
    const tree *config;       /* settings instead of the catalog's; NULL: those */
    const char *state_file;   /* where `using: sqlite` keeps its state, unless its settings say; NULL: in memory */
    bool apart;               /* ... whatever its settings say: what was kept there is not to be touched */
    weir_view state;          /* what was kept; empty: nothing yet */
    uint32_t key_begin, key_end; /* which shuffle keys it reads; both 0: all */
    /** The inferred schema of a collection, or empty; into the arena. NULL: none is known. */
    weir_view (*inferred)(void *arg, const collection *c, arena *a);
    /** A document that is published: good until it returns. Called from one thread at a time. */
    weir_rc (*published)(void *arg, weir_view doc, err *e);
    /** The connector has changed its settings. NULL: a warning that they are lost. */
    weir_rc (*changed)(void *arg, weir_task *t, weir_view config);
    /** What a file should hold, says the connector, by its URL. NULL: nobody wants to know. */
    weir_rc (*generated)(void *arg, weir_view url, weir_view content, err *e);
    void (*live)(void *arg, session *s); /* it begins to work; NULL: it has ended; so that it can be stopped. May be NULL */
    void *arg;
    bool validate_only;       /* it does not begin: nothing can be read */
} derivation_options;

/** Opens the endpoint, validates, begins. */
weir_rc derivation_open(derivation **ret, const derivation_options *o, err *e);
void derivation_close(derivation *d);
/** It works now, and not another one: tells live(). */
void derivation_live(const derivation *d);
/** What it does with what: after validation it is known which transforms change nothing. */
const weir_derivation *derivation_of(const derivation *d);
/** What stands for a part of a shuffle key that a document has not, JSON: its default, as far as a schema has one, or null. */
weir_view derivation_absent(const derivation *d, size_t transform, weir_view pointer);
/** Did the connector say what checkpoint its state belongs to (weir_resume)? @param ret it; empty: it has none, its state is new */
bool derivation_resumed(const derivation *d, weir_view *ret);
/** Reads lines of documents of a transform. Truncations among them are passed over. @param second when they were published; 0: not known */
weir_rc derivation_read(derivation *d, size_t transform, weir_view lines, int64_t second, err *e);
/** What is still to be published comes now. */
weir_rc derivation_flush(derivation *d, err *e);
/** Afterwards derivation_kept() is what is to be stored with the checkpoint. */
weir_rc derivation_commit(derivation *d, weir_view position, err *e);
/** The whole state, if it has changed since derivation_stored() was last called; otherwise empty. */
weir_view derivation_kept(const derivation *d);
void derivation_stored(derivation *d);
/** Forgets all state. */
weir_rc derivation_reset(derivation *d, err *e);
/** Who has to act if it publishes a document without its key (gate_refuse): the author of its SQL, or of its program. */
weir_rc derivation_keyless(const task *t);
/** When a document may be read that was published in that second: the transform's readDelay later. */
int64_t transform_due(const task_transform *x, int64_t second);
/** Is a document of one transform that was published in that second to be read before one of another? Of those alike the one that stands first in the catalog. */
bool transform_before(const task_transform *x, int64_t second, const task_transform *other, int64_t other_second);
/** Documents given to it so far, truncations that it could not be told of not counted. */
uint64_t derivation_documents(const derivation *d);

#endif
