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
    tree_mark mark;
} endpoint;

typedef struct collection {
    weir_view name;
    const tree *write_schema, *read_schema; /* read may equal write */
    weir_view write_schema_json, read_schema_json; /* the same as one line of JSON */
    weir_view key_json;                     /* JSON array of pointers */
    const tree *projections;                /* {field: pointer | {location, partition}} or NULL */
    bool derived;                           /* has `derive`: parsed, not run yet */
    tree_mark mark;
} collection;

typedef enum task_kind { TASK_CAPTURE, TASK_MATERIALIZE } task_kind;

typedef struct task_binding {
    const tree *resource;
    const collection *collection;
    const tree *fields;      /* materialization: {recommended, require/include, exclude}; or NULL */
    const tree *source;      /* materialization: the source object, if it was one */
    uint32_t backfill;
    tree_mark mark;
} task_binding;

typedef struct task {
    task_kind kind;
    weir_view name;
    endpoint endpoint;
    task_binding *bindings;  /* the enabled ones only */
    size_t binding_count;
    int64_t interval_ms;     /* capture; default 5 min */
    weir_level log_level;    /* shards.logLevel; 0: not given */
    int64_t max_txn_ms;      /* shards.maxTxnDuration; -1: not given */
    bool disabled;           /* shards.disable */
    const tree *spec;        /* as written, all bindings included */
    tree_mark mark;
} task;

typedef struct catalog {
    arena arena;
    const char *path;        /* the file it was read from, as given */
    task *tasks;             /* captures, then materializations, in order of appearance */
    size_t task_count;
    collection *collections;
    size_t collection_count;
    bool has_tests, has_derivations;
    const struct catalog_file *files; /* which it was read from, the one at `path` first */
} catalog;

/** Reads a catalog and what it imports ("-": standard input). All errors that can be found are in one error text, a line each:
 *  "FILE:LINE:COLUMN: what; did you mean "x"?". */
weir_rc catalog_read(catalog *c, const char *path, err *e);
void catalog_free(catalog *c);
/** The task of that name; an empty name: the only one. Errors suggest the nearest name. `kind` < 0: any. */
weir_rc catalog_task(const catalog *c, weir_view name, int kind, const task **ret, err *e);
const collection *catalog_collection(const catalog *c, weir_view name);

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
