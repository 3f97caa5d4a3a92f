/* redact.h - what a schema wants to be redacted of a document (flow.md 8.2), taken out: a value that is blocked goes with its name;
 * of one that is hashed only "sha256:..." stays, the digest of a salt and the value as Estuary's runtime makes it.
 *
 * Combiners do this to every document that is added, before it is kept anywhere. Whoever writes documents elsewhere calls redact()
 * himself.
 */
#ifndef WEIR_DOC_REDACT_H
#define WEIR_DOC_REDACT_H

#include "doc/schema.h"

typedef struct redactor redactor; /* the work space of one thread */

/** @param salt copied */
weir_rc redactor_make(weir_view salt, redactor **ret, err *e);
void redactor_free(redactor *r);

/** Appends the document without what is to be redacted.
 *  @param notes what the schema notes of it: its checker has just run over it
 *  @param ret_changed false: there was nothing to redact, and nothing was appended
 *  @return WEIR_E_CONFIG: the whole document would be blocked; or OpenSSL, which is needed for the first digest, is not
 *  installed */
weir_rc redact(redactor *r, const tape *doc, const checker *notes, buf *out, bool *ret_changed, err *e);

#endif
