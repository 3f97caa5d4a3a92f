/* keyed.h - documents of one collection by key: those of one key become one document as its schema says. */
#ifndef WEIR_PLANE_KEYED_H
#define WEIR_PLANE_KEYED_H

#include "plane/catalog.h"

typedef struct keyed keyed;

typedef struct keyed_options {
    const collection *c;
    bool read;            /* by the read schema; otherwise by the write schema */
    bool partial;         /* what comes out is reduced further by somebody else */
    const tree *inferred; /* of the collection, good as long as this; NULL: nothing was inferred yet */
    weir_view salt;       /* for what the schema wants to be redacted */
} keyed_options;

weir_rc keyed_make(keyed **ret, const keyed_options *o, err *e);
void keyed_free(keyed *k);
/** Does its schema say how? Otherwise the last document of a key stays. */
bool keyed_reduces(const keyed *k);
bool keyed_redacts(const keyed *k);
/** May anything in its documents be what nobody is to see (gate_hides())? */
bool keyed_hides(const keyed *k);
/** Takes a document: copied. @param why is emptied, and gets what is wrong with the document: of one that is refused nothing was taken */
weir_rc keyed_add(keyed *k, weir_view doc, buf *why, err *e);
/** A document that is stored already: what all others of its key are reduced into. */
weir_rc keyed_add_base(keyed *k, weir_view doc, err *e);

typedef struct keyed_doc {
    weir_view doc;        /* good until take() returns */
    bool exists;          /* there was a base */
    bool deleted;         /* it is reduced away */
} keyed_doc;

/** One document for each key, in the order of the keys (where it is partial, sometimes more). Then it is empty, also after an error. */
weir_rc keyed_drain(keyed *k, weir_rc (*take)(void *arg, const keyed_doc *d, err *e), void *arg, err *e);
void keyed_clear(keyed *k);

#endif
