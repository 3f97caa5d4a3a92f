/* combine.h - documents of one binding on their way into a destination: reduced by key within a transaction, and taken apart into the binding's columns.
 * Of documents with the same key the last one stays or, if the binding has a cursor, the last of those whose cursor is the largest. A deletion without a
 * cursor counts whatever came before it (its row then is `regardless`): deletions often tell no more than the key.
 *
 * A document may be a part (WEIR_UPDATE): its top-level members replace those of what came before it. A part of what was deleted changes nothing.
 *
 * Documents lie in a text of the caller's (which may grow, and so move, between the calls); a `combined` notes where. Batches whose keys already ascend,
 * as most do, cost neither a sort nor a table.
 */
#ifndef WEIR_RUN_COMBINE_H
#define WEIR_RUN_COMBINE_H

#include "base/err.h"

typedef struct combined combined;

typedef struct combine_options {
    const weir_binding *b;       /* columns: keys first; delta_updates: every document is a row of its own, in order */
    bool whole;                  /* rows are documents as they came: neither reduced nor taken apart */
    const size_t *extras;        /* values that come beside a document: of which column each is; SIZE_MAX: of none */
    size_t extra_count;
    const char *what;            /* what errors call the binding; NULL: "collection" */
    weir_view deleted;           /* JSON pointer: a document deletes if it has a value there ... */
    weir_view deleted_is;        /* ... that is this; empty: that is not null */
    weir_view part_is;           /* it is a part if it has this value there; empty: none is */
} combine_options;

/** What `o` points to must live as long as the result; its arrays of extras, too. */
weir_rc combine_make(combined **ret, const combine_options *o, err *e);
/** The binding has moved in memory, nothing else. */
void combine_moved(combined *c, const weir_binding *b);
/** The binding has other columns now, behind the same key; documents noted stay. */
weir_rc combine_repick(combined *c, err *e);
/** Notes a document, which is at text[at, at + len) with its extra values behind it, see combine_extras(). `at` ascends.
 *  @return WEIR_E_CONFIG: it is not JSON, or has no value for part of the key */
weir_rc combine_add(combined *c, weir_view text, size_t at, size_t len, weir_op op, err *e);
/** Appends extra values as combine_add() wants them; an empty view is absent, and then the document's own value counts. @return false without memory,
 *  or for a value of 4 GiB */
bool combine_extras(buf *text, const weir_view *values, size_t count);
/** How many documents are noted that lie before `upto`. */
size_t combine_count(const combined *c, size_t upto);
/** From now on, until combine_clear(), only those count. */
void combine_take(combined *c, size_t upto);
/** The text has lost its first bytes, none of which is of a document noted. */
void combine_shift(combined *c, size_t bytes);
/** Of a column, for weir_cursor_compare(). */
unsigned combine_cursor_types(const weir_column *c);
/** The next rows, at most `most`, sorted by key; none: all were given. Rows and values are good until the next call. */
weir_rc combine_rows(combined *c, weir_view text, size_t most, weir_row **ret, size_t *ret_count, err *e);
/** Are there parts among what is to be given, or was given, since the last combine_clear()? */
bool combine_has_parts(const combined *c);
/** Makes a row that is a part (WEIR_UPDATE) the whole document: `held` is what the destination has of it. Then it is a WEIR_UPSERT of a row that exists. */
weir_rc combine_complete(combined *c, weir_row *row, weir_view held, err *e);
/** A member of the documents given so far that has no column: its name as written in JSON, without quotes; empty: none. */
weir_view combine_stray(const combined *c);
/** Forgets what was taken: everything, unless combine_take() said less. */
void combine_clear(combined *c);
void combine_free(combined *c);

/** A line that says: what came before is out of date (weir_truncate). No document of a connector is one: those begin with their brace. */
#define TRUNCATION_TEXT "{\"_meta\":{\"op\":\"t\"}}"
#define COMBINE_TRUNCATION " " TRUNCATION_TEXT

/** All at once: takes lines of NDJSON (borrowed until the next call) and gives all rows. What stands before the last COMBINE_TRUNCATION is dropped, unless
 *  every document is a row of its own: then that line means nothing. */
weir_rc combine_batch(combined *c, weir_view lines, weir_row **ret, size_t *ret_count, size_t *ret_documents, err *e);
/** Was there such a line in the last batch, so that rows from earlier ones are to go? */
bool combine_truncated(const combined *c);

#endif
