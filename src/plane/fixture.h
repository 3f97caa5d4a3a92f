/* fixture.h - documents of a file instead of those of collections, in transactions (flow.md 9): a JSON array of transactions, each an array of
 * ["collection", {document}], or these one a line, and {"commit": true} behind each transaction.
 */
#ifndef WEIR_PLANE_FIXTURE_H
#define WEIR_PLANE_FIXTURE_H

#include "base/err.h"

typedef struct fixture fixture;

/** @param path "-": standard input. Lines are read as they come */
weir_rc fixture_open(fixture **ret, const char *path, err *e);
void fixture_close(fixture *f);
/** Who waits for more of it is not to wait any longer once this descriptor is readable. @param fd -1: none */
void fixture_stop_on(fixture *f, int fd);
/** Gives the documents of the next transaction, in their order; what is behind the last commit is one, too, and so is a file without any.
 *  @param take the document is good until it returns  @return WEIR_E_CONFIG: the file is no fixture, with the line; WEIR_STOPPED */
weir_rc fixture_next(fixture *f, weir_rc (*take)(void *arg, weir_view collection, weir_view doc, err *e), void *arg, bool *ret_any, err *e);

#endif
