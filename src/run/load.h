/* load.h - documents into a destination, one by one, for the served sides of protocols that push: Airbyte's `write`, a Singer target, Fivetran's batches.
 *
 *     load_open -> load_stream (any time) -> load_add ... -> load_commit -> load_close
 *
 * Documents wait in memory, LOAD_BYTES of them at most; then they are combined by key (the last write wins, or the largest cursor) and stored in the destination's open
 * transaction, which load_commit() ends. Since a key may come but once in a transaction (weir_materialize.store), that transaction ends sooner where
 * documents of a stream with a key must be stored a second time. A destination that relays (weir_materialize.relay) gets documents as they came.
 *
 * Columns of a stream: its key, its extras, the top-level properties of its schema. What a document holds beside them is dropped.
 */
#ifndef WEIR_RUN_LOAD_H
#define WEIR_RUN_LOAD_H

#include "run/session.h"

enum {
    LOAD_BYTES = 2 << 20,        /* of documents in memory */
    LOAD_COMMIT_BYTES = 16 << 20 /* of documents that a transaction should not exceed, for those who choose when to commit */
};

typedef struct load load;

typedef struct load_options {
    const weir_connector *connector;
    const tree *config;
    log_sink *log;
    weir_view task_name;   /* under which the destination keeps its checkpoint; empty: the platform keeps the position, see weir_task_name() */
    int stop_fd;           /* readable: give up opening it; -1: none */
    const char *what;      /* what errors call a stream; NULL: "stream" */
    /* Called before documents are stored out of turn: of a stream that changes, or expires. NULL: nothing to do. */
    weir_rc (*out_of_turn)(void *arg, err *e);
    void *arg;
    bool tell_dropped;     /* warn, once a stream, of what its documents hold and its schema does not describe */
} load_options;

/** A column whose value comes with each document; where it is absent, the document's own property of that name counts. */
typedef struct load_extra {
    weir_view field;       /* `_sdc_received_at` */
    unsigned types;        /* WEIR_IS_... */
    weir_view format;      /* `date-time` ...; may be empty */
} load_extra;

/** A stream, as whoever pushes describes it. All views are copied. */
typedef struct load_stream_spec {
    weir_view name, name_space;
    weir_view schema;         /* JSON Schema of a document; its top-level properties become columns */
    weir_view key;            /* JSON array of JSON pointers; empty or []: none */
    bool append;              /* every document is a row of its own, also if there is a key */
    weir_view deleted;        /* JSON pointer: a document with a value there that is not null deletes the row of its key; empty: none does. Not for
                                 streams without a key, or with append */
    weir_view cursor;         /* JSON pointer: of the rows of a key the one with the largest value there stays (weir_binding.cursor); it gets a column,
                                 if it has none. Empty, or a column of bytes (base64): the last one stays. Not for streams without a key, or with append */
    weir_view epoch;          /* see weir_binding.epoch: the pointer of a column */
    const load_extra *extras;
    size_t extra_count;
    weir_view resource;       /* resource settings, a JSON object, if the caller knows them; empty: made from name and name_space: the setting marked
                                 WEIR_COLLECTION_NAME gets the name, WEIR_SCHEMA_NAME the namespace; without the latter the name is NAMESPACE__NAME */
} load_stream_spec;

/** Opens the destination. */
weir_rc load_open(load **ret, const load_options *o, err *e);
/** Adds a stream, or changes the one at `at` (its documents so far are stored first, as they were meant): tables are made or widened at the next store.
 *  Columns that it had stay, so a schema that only knows less changes nothing (a relay is told all the same).
 *  @param at index of a former stream, or SIZE_MAX: a new one  @param ret_index may be NULL */
weir_rc load_stream(load *l, size_t at, const load_stream_spec *spec, size_t *ret_index, err *e);
/** Takes a document: checked JSON, an object without raw line breaks. `extras`: JSON text for each of the stream's extra columns; an empty view is
 *  absent. All are copied. WEIR_E_CONFIG: it has no value for part of the key; then it is as if it had not come. */
weir_rc load_add(load *l, size_t stream, weir_op op, weir_view doc, const weir_view *extras, err *e);
/** See weir_materialize.expire; the stream's documents so far are stored first. Columns are named by field: "" is none.
 *  @param age the field whose number tells the age; "": all rows  @param mark the field to set to `value`; "": remove */
weir_rc load_expire(load *l, size_t stream, weir_view age, int64_t below, weir_view mark, weir_view value, err *e);
/** Can the destination do that at all? For refusals at start. @param chosen rows by their age, or marks; false: all rows, to be removed */
bool load_can_expire(const load *l, bool chosen);
/** Where the documents so far end, for load_commit(). */
uint64_t load_mark(const load *l);
/** Bytes of documents since the last commit, waiting or stored. */
size_t load_uncommitted(const load *l);
/** Stores what waits and makes everything stored durable, with the checkpoint (JSON object; may be empty) if the destination keeps one.
 *  @param mark only documents before it are stored, the others wait on: they may come again; LOAD_EVERYTHING: all */
#define LOAD_EVERYTHING UINT64_MAX
weir_rc load_commit(load *l, uint64_t mark, weir_view checkpoint, err *e);
/** The checkpoint that the destination kept last time; empty: none, or it keeps none. */
weir_view load_checkpoint(const load *l);
/** Everything is committed and nothing more will come; an order to stop ends the destination. */
weir_rc load_finish(load *l, err *e);
session *load_session(load *l);
/** What was not committed is dropped. Accepts NULL. */
void load_close(load *l);

#endif
