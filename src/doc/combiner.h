/* combiner.h - the documents of a transaction, reduced by key: any number of them within a budget of memory. What does not fit goes
 * to sorted segments in a file that has no name, which are merged when they are drained.
 *
 * Bindings are told apart by their index, keys by their packed tuples (model/tuple.h); that is the order in which they come out.
 *
 * A deletion ends what came before it, and documents behind it begin anew, whether they come in the same transaction or in the next:
 * how documents fall into transactions makes no difference. (Flow's own runtime merges them with what was deleted in the same one.)
 */
#ifndef WEIR_DOC_COMBINER_H
#define WEIR_DOC_COMBINER_H

#include "doc/reduce.h"

typedef struct combiner combiner;

typedef struct combiner_binding {
    const schema *schema;      /* against which documents are checked, and by which they are reduced */
    const weir_view *key;      /* JSON pointers */
    const weir_view *fallbacks;/* JSON: what stands for a part of the key that a document lacks; empty: it may not lack it. NULL: no part */
    size_t key_count;
    bool secret_key;           /* errors do not show it */
    bool partial;              /* what comes out are parts that somebody else reduces further: nothing is deleted, and what cannot
                                * be put together comes out apart: what is behind a deletion, too */
    const char *what;          /* what errors call it: `collection acme/orders` */
} combiner_binding;

typedef struct combiner_options {
    const combiner_binding *bindings; /* good as long as the combiner */
    size_t count;
    size_t budget;             /* bytes of memory; 0: 32 MiB. Reading back from disk takes some MiB, however little it is */
    const char *folder;        /* of spilled segments; NULL: TMPDIR or /tmp */
    weir_view salt;            /* for what schemas want to be redacted (doc/redact.h): done to documents as they are added, not to bases */
} combiner_options;

weir_rc combiner_make(const combiner_options *o, combiner **ret, err *e);
void combiner_free(combiner *c);

/** Takes a document: copied. Those of one key are reduced in the order in which they come.
 *  @param base it is what is stored already: reduced before all others of its key, whenever it comes; the result `exists`. At most
 *  one for each key. It is not checked: only what comes of it is
 *  @return WEIR_E_CONFIG: it is not valid, lacks a part of its key, or cannot be reduced; names the binding, the place and why.
 *  Nothing of it was taken, and one may go on. (What cannot be reduced may show only later, when it meets others.) WEIR_E_NOMEM and
 *  others: memory or disk are used up; nothing of it was taken, and if it was the disk, everything was dropped */
weir_rc combiner_add(combiner *c, uint32_t binding, weir_view doc, bool base, err *e);

typedef struct combined_doc {
    uint32_t binding;
    weir_view packed;          /* its key */
    weir_view doc;
    bool exists;               /* there was a base */
    bool deleted;              /* it is reduced away */
    bool unchanged;            /* there was a base, and nothing else */
} combined_doc;

/** All documents, in order; views are good until the next one. Then the combiner is empty, and ready for the next transaction;
 *  after an error it is empty, too. What documents were reduced to is checked: WEIR_E_CONFIG if it is not valid. */
weir_rc combiner_drain(combiner *c, weir_rc (*take)(void *arg, const combined_doc *, err *e), void *arg, err *e);
/** How many keys it holds, and how many documents it was given, since it was last empty. Keys that were spilled count once for each
 *  segment. */
size_t combiner_keys(const combiner *c);
uint64_t combiner_documents(const combiner *c);
/** Drops everything. */
void combiner_clear(combiner *c);

#endif
