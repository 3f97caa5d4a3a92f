/* schema.h - JSON Schema: compiled once, then documents are checked without an allocation, and what the schema notes of their places (note.h) is collected.
 *
 * Drafts 4 (as far as catalogs still have it), 6, 7, 2019-09 and 2020-12, by `$schema`; 2020-12 where nothing is said. All required vocabularies; `format` and
 * `content...` are annotations unless asserting is asked for. Numbers are compared by value as text, to the last digit; regular expressions are ECMA-262's as far
 * as PCRE2 can do them.
 */
#ifndef WEIR_DOC_SCHEMA_H
#define WEIR_DOC_SCHEMA_H

#include "doc/note.h"
#include "doc/tape.h"

typedef struct schema schema;   /* compiled: const, may be shared by threads; owns its memory */
typedef struct checker checker; /* the work space of one thread */

typedef struct schema_options {
    const tree *known;      /* schemas by URI (flow://write-schema ...): an object tree; NULL: none */
    bool formats;           /* `format` asserts */
    const char *file;       /* where the schema stands, for errors; NULL: not said */
    /** Finds what no document holds and `known` does not have. NULL, or an empty *ret: an error that names the URI. */
    weir_rc (*fetch)(void *arg, weir_view uri, weir_view *ret, err *e);
    void *arg;
} schema_options;

/** @param text a JSON Schema  @param o may be NULL
 *  @return WEIR_E_CONFIG: names the place in the schema, what is wrong there: a keyword's value, a $ref that leads nowhere, a regular expression, an unknown option
 *  of `reduce` */
weir_rc schema_make(weir_view text, const schema_options *o, schema **ret, err *e);
void schema_free(schema *s);
/** Does it note any of these? */
bool schema_reduces(const schema *s);
bool schema_redacts(const schema *s);
/** Is anything secret? Then documents are not to be shown whole. */
bool schema_hides(const schema *s);
/** Is there a reduction that deletes? With what it deletes nothing may be reduced that comes behind. */
bool schema_deletes(const schema *s);

/** @return WEIR_E_NOMEM. The schema must outlive it. */
weir_rc checker_make(const schema *s, checker **ret, err *e);
void checker_free(checker *c);

/** Is the document valid? Allocates nothing once the work space has grown. Stops at the first failure.
 *  @param notes true: collect what is noted, see checker_note(); false: just check
 *  @param ret_valid false also where a regular expression takes too long for a text of the document, so that nobody can tell
 *  @return WEIR_OK whether valid or not; WEIR_E_NOMEM; WEIR_E_CONFIG where the schema refers to itself without end; with notes also where the document is valid, and
 *  schemas that apply to one place of it note different reductions or redactions of it (equal ones are fine): names the place and both */
weir_rc checker_run(checker *c, const tape *doc, bool notes, bool *ret_valid, err *e);
/** schema_deletes() of its schema. */
bool checker_deletes(const checker *c);
/** What the last run noted of a node; NULL: nothing. Where several schemas note titles or defaults, those of the first. */
const note *checker_note(const checker *c, uint32_t node);
/** Is the node secret, or part of something secret, by what the last run noted? Then its value is not to be shown, nor another one of its place; an object or array never
 *  is, where anything may be secret. @param kind of the value */
bool checker_hides(const checker *c, uint32_t node, tree_kind kind);

/** Why the document is not valid: a line for each failure, most telling ones first, as
 *  `/address/zip: "x" is not an integer (schema /properties/address/properties/zip/type)`.
 *  Runs again, slower. Of secret values only the kind is shown; where the schema redacts anything, of all. @param most failures */
void checker_explain(checker *c, const tape *doc, size_t most, buf *out);

#endif
