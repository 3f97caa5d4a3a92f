/* catalog.h - flow.yaml (docs/protocols/flow.md 8): what to run. All views live in the catalog's arena. */
#ifndef WEIR_PLANE_CATALOG_H
#define WEIR_PLANE_CATALOG_H

#include "json/schema.h"
#include "json/tree.h"

typedef enum endpoint_kind { ENDPOINT_LOCAL, ENDPOINT_NATIVE, ENDPOINT_IMAGE, ENDPOINT_OTHER } endpoint_kind;

typedef struct endpoint {
    endpoint_kind kind;
    const char *const *argv;   /* local: relative commands are resolved against the catalog file's folder if they contain a slash */
    const char *address;       /* local: of a server that runs, instead of a command; NULL: none */
    const char *const *env;    /* local: NAME=value, NULL-terminated */
    bool protobuf;             /* local */
    weir_view protocol;        /* local: ours; empty: flow */
    weir_view connector;       /* native: NAME */
    weir_view image;           /* image */
    const tree *config;        /* object; inline or read from the file it names */
    const char *config_path;   /* that file; NULL: inline, or not given */
    bool config_missing;       /* catalog_read_missing(): it is not there */
    tree_mark mark;
} endpoint;

typedef struct collection {
    weir_view name;
    const tree *write_schema, *read_schema; /* read may equal write */
    weir_view write_schema_json, read_schema_json; /* the same as one line of JSON */
    weir_view key_json;                     /* JSON array of pointers */
    const tree *projections;                /* {field: pointer | {location, partition}} or NULL */
    bool derived;                           /* has `derive`: a task of its name makes it */
    tree_mark mark;
} collection;

typedef enum task_kind { TASK_CAPTURE, TASK_MATERIALIZE, TASK_DERIVE, TASK_KINDS } task_kind;

/** What becomes of a document that its collection's schema refuses; ours. */
typedef enum on_invalid { INVALID_FAIL, INVALID_DIVERT } on_invalid;

/** What is read of a collection, where only some of it is: by logical partitions and by when it was published. */
typedef struct reading {
    const tree *include, *exclude;      /* {field: [values]} of partitioned projections; NULL: all */
    bool has_not_before, has_not_after;
    int64_t not_before, not_after;      /* seconds since 1970: documents published before, or after, are passed over */
} reading;

typedef struct task_binding {
    const tree *resource;
    const char *resource_missing; /* catalog_read_missing(): the file with it, which is not there; NULL: it is */
    const collection *collection;
    const tree *fields;      /* materialization: {recommended, require/include, exclude}; or NULL */
    const tree *source;      /* materialization: the source object, if it was one */
    reading reading;         /* materialization: what of the collection is read */
    uint32_t backfill;
    int32_t priority;        /* materialization: what is larger is read first */
    weir_view on_incompatible; /* materialization: onIncompatibleSchemaChange, its own or the task's; empty: not said */
    on_invalid on_invalid;
    tree_mark mark;
} task_binding;

/** What a derivation does with the documents of one collection. */
typedef struct task_transform {
    weir_view name;
    const collection *collection; /* that is read */
    reading reading;
    weir_view lambda_json;   /* JSON text: of SQL a string, from the file if it names one; empty: none */
    const char *lambda_missing; /* catalog_read_missing(): the file with it, which is not there, its URL is lambda_json; NULL: it is */
    weir_view shuffle_key;   /* JSON array of pointers; empty: `any`, or nothing said */
    weir_view shuffle_lambda;/* JSON text; empty: none */
    int32_t priority;        /* what is larger is read first */
    int64_t read_delay_ms;
    uint32_t backfill;
    tree_mark mark;
} task_transform;

typedef struct task {
    task_kind kind;
    weir_view name;
    endpoint endpoint;
    task_binding *bindings;  /* the enabled ones only; of a derivation one: the collection that it makes */
    size_t binding_count;
    task_transform *transforms; /* derivation: the enabled ones */
    size_t transform_count;
    const tree *shuffle_key_types; /* derivation: list of texts, or NULL */
    weir_view imports;       /* derivation: what of it stands in files of their own, {"/transforms/0/lambda": "file:///..."} (flow.md 4.1) */
    const char *project_root;/* derivation: a URL */
    int64_t interval_ms;     /* capture; default 5 min */
    weir_level log_level;    /* shards.logLevel; 0: not given */
    int64_t max_txn_ms;      /* shards.maxTxnDuration; -1: not given */
    bool disabled;           /* shards.disable */
    weir_view redact_salt;   /* redactSalt of a capture or derivation, decoded; empty: none */
    const tree *spec;        /* as written, all bindings included */
    tree_mark mark;
} task;

typedef struct test_step {
    bool verify;             /* or ingest */
    const collection *collection;
    weir_view description;
    const tree *documents;   /* an array of objects */
    reading reading;         /* of what is verified */
    tree_mark mark;
} test_step;

typedef struct catalog_test {
    weir_view name, description;
    test_step *steps;
    size_t step_count;
    tree_mark mark;
} catalog_test;

typedef struct catalog {
    arena arena;
    const char *path;        /* the file it was read from, as given */
    task *tasks;             /* captures, materializations, derivations (those they read from come before them), in order of appearance */
    size_t task_count;
    collection *collections;
    size_t collection_count;
    catalog_test *tests;
    size_t test_count;
    const struct catalog_file *files; /* which it was read from, the one at `path` first */
} catalog;

/** Reads a catalog and what it imports ("-": standard input). All errors that can be found are in one error text, a line each:
 *  "FILE:LINE:COLUMN: what; did you mean "x"?". */
weir_rc catalog_read(catalog *c, const char *path, err *e);
/** The same for who makes files that are missing: settings and lambdas that are in files which are not there are no errors. */
weir_rc catalog_read_missing(catalog *c, const char *path, err *e);
void catalog_free(catalog *c);
/** The task of that name; an empty name: the only one. Errors suggest the nearest name. `kind` < 0: any. */
weir_rc catalog_task(const catalog *c, weir_view name, int kind, const task **ret, err *e);
const collection *catalog_collection(const catalog *c, weir_view name);
/** "capture", "materialization", "derivation". */
const char *task_kind_name(task_kind kind);

/** A stream found by discover, as it goes into the file. */
typedef struct found {
    weir_view name;      /* recommended name */
    weir_view resource, schema, key, path; /* JSON texts */
    bool disabled, fallback_key;
} found;

/** Rewrites the catalog file with what discovery found: bindings are matched by resource path (computed with `path_of`) and keep
 *  target, backfill and disable; new ones are added with a collection PREFIX/name next to the capture's name; those no longer
 *  found are removed from the capture (not their collections). Everything else in the file stays as it was, comments included
 *  where lines are untouched. */
weir_rc catalog_write_discovered(const catalog *c, const task *t, const found *streams, size_t count,
                                 weir_rc (*path_of)(void *arg, const tree *resource, buf *out, err *e), void *arg, buf *report,
                                 err *e);

#endif
