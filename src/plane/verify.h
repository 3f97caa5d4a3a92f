/* verify.h - documents that are expected against those that are there, and the difference as text. */
#ifndef WEIR_PLANE_VERIFY_H
#define WEIR_PLANE_VERIFY_H

#include "plane/catalog.h"

/** Is there, for each document expected, one with the same key, in the same order and no other, that holds all its members? An array holds as many items as
 *  expected, each of which holds what is expected of it; numbers are equal by value.
 *  @param actual NDJSON, in the order of its keys  @param diff stays empty if so, otherwise gets lines of text */
weir_rc verify_documents(const collection *c, const tree *expected, weir_view actual, buf *diff, err *e);

#endif
