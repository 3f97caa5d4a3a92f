/* weir.h - everything a connector author needs.
 *
 * A connector is a const descriptor: a table of settings, a few callbacks, no registration. weir_main() makes a program of
 * it; which platform it then speaks to is none of its business.
 *
 * Ownership, in one sentence each:
 *   - A weir_view borrows. One given to a callback is good until the callback returns; one made on a task (weir_format,
 *     weir_quote ...) is good until that task's next checkpoint, or until the callback returns if there is none.
 *   - A connector frees only what its open() made, in close().
 *   - A weir_task belongs to one thread. Parallel work gets tasks of its own from weir_parallel().
 *
 * Errors: a callback returns weir_fail(...) where something went wrong and weir_wrap(...) on the way up; the runtime reports the
 * chain once. WEIR_OK is zero, so `if (rc) return rc;` reads well.
 *
 * Compiles alone as C11, C17 and C++17.
 */
#ifndef WEIR_H
#define WEIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Version of the layout of the structs below. A descriptor carries it, the library refuses one it does not know. */
#define WEIR_ABI 1u

#define WEIR_API __attribute__((visibility("default")))
#define WEIR_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/* ------------------------------------------------------------------------------------------------------------- values -- */

/** Borrowed bytes: UTF-8, mostly JSON text; not NUL-terminated. {NULL, 0} is the empty view. */
typedef struct weir_view {
    const char *ptr;
    size_t len;
} weir_view;

/** A view of a string literal, usable in static initializers: `.schema = WEIR_LIT("{...}")`. */
#define WEIR_LIT(s) {(s), sizeof(s) - 1}

/** Who has to act? Zero is success. The values are stable: they are also what exit codes are made from. */
typedef enum weir_rc {
    WEIR_OK = 0,
    WEIR_STOPPED = 1,     /**< asked to stop and did, cleanly; not a failure */
    WEIR_E_CONFIG = 2,    /**< the operator: settings, credentials, catalog, a missing table */
    WEIR_E_TRANSIENT = 3, /**< nobody: try again later (network, 503, lock) */
    WEIR_E_REMOTE = 4,    /**< the owner of the other system: it answers, but wrongly */
    WEIR_E_PROTOCOL = 5,  /**< the author of the peer: it broke the protocol it claims to speak */
    WEIR_E_NOMEM = 6,     /**< the machine: memory, disk, file descriptors */
    WEIR_E_BUG = 7        /**< us, or the connector's author */
} weir_rc;

typedef struct weir_task weir_task;           /**< one lane of work: output, arena, log scope, error chain, stop flag */
typedef struct weir_connector weir_connector; /**< see below */

/* ----------------------------------------------------------------------------------------------------------- settings -- */

/** What a setting is in JSON, and what it becomes in the connector's own struct. */
typedef enum weir_type {
    WEIR_TEXT = 1, /**< string  -> const char *, NUL-terminated UTF-8 (NULL when optional and absent) */
    WEIR_INT,      /**< integer -> int64_t; a value outside min..max or of 64 bits is refused */
    WEIR_NUMBER,   /**< number  -> double */
    WEIR_BOOL,     /**< boolean -> bool */
    WEIR_JSON,     /**< anything -> weir_view, the JSON text as it was written */
    WEIR_OBJECT,   /**< object  -> a struct embedded at offset, described by fields */
    WEIR_LIST,     /**< array   -> weir_list; fields[0] describes the items, item_size is the size of one */
    WEIR_ONE_OF    /**< object  -> a struct at offset that begins with a `const char *`: the name of the chosen variant. fields are
                        the variants, each a WEIR_OBJECT whose offset counts from that struct; discriminator names the property
                        that says which one is meant */
} weir_type;

/** Flags of a setting. */
enum {
    WEIR_SECRET = 1 << 0,          /**< masked in every log, error and report */
    WEIR_MULTILINE = 1 << 1,       /**< a form shows a text area */
    WEIR_ADVANCED = 1 << 2,        /**< a form hides it behind "advanced" */
    WEIR_OPTIONAL = 1 << 3,        /**< may be absent although it has no fallback */
    WEIR_PATH = 1 << 4,            /**< resource only: part of what identifies the resource, in table order */
    WEIR_COLLECTION_NAME = 1 << 5, /**< resource of a materialization only: filled from the collection's name (x-collection-name) */
    WEIR_SCHEMA_NAME = 1 << 6,     /**< resource of a materialization only: x-schema-name */
    WEIR_DELTA_UPDATES = 1 << 7,   /**< resource of a materialization only: x-delta-updates */
    WEIR_HIDDEN = 1 << 8,          /**< a form carries it along, but does not show it */
    WEIR_UPLOAD = 1 << 9           /**< WEIR_TEXT: the content of a file, as base64; choices are the file types (".pem"), max is its size in bytes */
};

typedef struct weir_list {
    const void *items; /**< count structs (or values) of item_size bytes */
    size_t count;
} weir_list;

/** One line per setting: parser, JSON Schema, form, --help and documentation are all derived from it. A table ends with {0}. */
typedef struct weir_field {
    const char *name;           /**< the JSON property */
    weir_type type;
    size_t offset;              /**< offsetof() in the settings struct */
    const char *fallback;       /**< default: JSON text for every type but WEIR_TEXT, where it is the text itself. NULL and no
                                     WEIR_OPTIONAL: the setting is required. WEIR_OBJECT takes its defaults from its fields */
    const char *help;           /**< one sentence: what it is for */
    const char *title;          /**< what a form shows; NULL: made from the name ("api_key" -> "Api Key") */
    unsigned flags;
    const char *const *choices; /**< WEIR_TEXT: the allowed values, NULL-terminated; NULL: any */
    int64_t min, max;           /**< WEIR_INT: inclusive bounds; both 0: none */
    const struct weir_field *fields; /**< see weir_type */
    size_t item_size;           /**< WEIR_LIST: sizeof one item */
    const char *discriminator;  /**< WEIR_ONE_OF: the property that names the variant */
    const char *placeholder;    /**< what a form shows while it is empty */
    const char *const *choice_help; /**< a sentence for each of the choices, in their order; NULL: none */
    /** Only asked for where another setting of the same table, named here, has the value shown_for: a text, "true" or "false"; "" is no value. Required
     *  means: where it is asked for. NULL: always. */
    const char *shown_by, *shown_for;
} weir_field;

/* ------------------------------------------------------------------------------------------------ streams and bindings -- */

/** How a stream can be read. */
enum {
    WEIR_FULL_REFRESH = 1 << 0, /**< whole, every time */
    WEIR_INCREMENTAL = 1 << 1,  /**< from where it stopped */
    WEIR_LOG_BASED = 1 << 2     /**< from a change log: updates and deletions are seen */
};

/** What discover() reports: something that can be captured. Views must live until weir_discovered() returns. */
typedef struct weir_stream {
    weir_view name;          /**< recommended name, unique; platforms normalise it */
    weir_view name_space;    /**< optional: schema, database, account ... */
    weir_view schema;        /**< JSON Schema of a document */
    weir_view key;           /**< JSON array of JSON pointers; empty or `[]`: unknown */
    weir_view resource;      /**< resource config, a JSON object; empty: {"<first resource setting>": name} */
    weir_view resource_path; /**< JSON array of strings; empty: from the settings marked WEIR_PATH */
    weir_view cursors;       /**< JSON array of JSON pointers usable as a cursor; optional */
    unsigned modes;          /**< WEIR_FULL_REFRESH | ...; 0: WEIR_INCREMENTAL */
    bool fallback_key;       /**< the key is synthetic (file and row, row id): a user may want another */
    bool disabled;           /**< report it, but do not enable it by default */
    bool deletes;            /**< deletions are seen: documents come with WEIR_DELETE too */
    bool updates;            /**< documents may come with WEIR_UPDATE: parts, to be merged into what is there */
} weir_stream;

/** The JSON types a column was seen or declared to hold, as bits. */
enum {
    WEIR_IS_NULL = 1 << 0,
    WEIR_IS_BOOLEAN = 1 << 1,
    WEIR_IS_INTEGER = 1 << 2,
    WEIR_IS_NUMBER = 1 << 3, /**< integers included */
    WEIR_IS_STRING = 1 << 4,
    WEIR_IS_ARRAY = 1 << 5,
    WEIR_IS_OBJECT = 1 << 6
};

/** A field of a document that a materialization was asked to store: one column. */
typedef struct weir_column {
    weir_view field;       /**< its name, such as `id` or `address/city` */
    weir_view pointer;     /**< where it is in the document: a JSON pointer; empty: the whole document */
    unsigned types;        /**< WEIR_IS_... bits; 0: anything */
    weir_view format;      /**< of strings: `date-time`, `integer`, `number` ...; may be empty */
    weir_view encoding;    /**< of strings: contentEncoding, `base64`; may be empty */
    weir_view description; /**< title or description; may be empty */
    bool key;              /**< part of the primary key */
    bool required;         /**< always present and never null */
    bool named;            /**< the user asked for it by name; others were recommended, and a destination that forbids them gets none */
    weir_view fallback;    /**< its default, JSON text; may be empty */
    weir_view inference;   /**< all that is known of its values, as Flow says it (flow.md 6.1: types, exists, numeric, enum, reduce ...): a JSON object; may be empty */
    weir_view config;      /**< materialization: what the user wants of it, by name: JSON text; may be empty */
    bool given;            /**< the catalog has it as a projection; others are places of the schema, named as these */
    bool partition;        /**< the collection is partitioned by it */
} weir_column;

/** A stream or table that the user enabled. Lives as long as the callback it was given to. */
typedef struct weir_binding {
    uint32_t index;                /**< position in the task, from 0 */
    uint32_t backfill;             /**< how often the user asked to start over */
    weir_view name;                /**< the collection's name */
    weir_view schema;              /**< the collection's write schema (capture) or read schema (materialization) */
    weir_view key;                 /**< the collection's key: JSON array of JSON pointers */
    const void *resource;          /**< the resource settings struct, if the connector has a table; otherwise NULL */
    weir_view resource_json;       /**< the resource settings as JSON text */
    weir_view resource_path;       /**< JSON array of strings that identifies the resource */
    weir_view state_key;           /**< under which the state is kept; changes when backfill does */
    weir_view state;               /**< what this binding's last checkpoint left: JSON text; empty: nothing yet */
    unsigned mode;                 /**< capture: how the user wants it read, one of WEIR_FULL_REFRESH ...; 0: as the resource settings say */
    weir_view cursor;              /**< a JSON pointer. Capture: the cursor that the user chose; empty: as the resource settings say. Materialization: the
                                        column whose value says which of the rows of one key stays: a row whose value is smaller than that of the one
                                        stored changes nothing (weir_cursor_compare()); empty: the row that came last stays */
    weir_view epoch;               /**< materialization, beside a cursor: the column that is compared before it, for rows of another epoch count
                                        whatever their cursor is; empty: none */
    const weir_column *columns;    /**< materialization: what to store; key columns first, in key order */
    size_t column_count, key_count;
    bool delta_updates;            /**< materialization: every row is an addition, none replaces another */
    bool pushed;                   /**< materialization: the platform pushes documents and cannot give them again. What is stored is kept, then, whatever
                                        has changed: a table with another key gets this one, names that the system takes for one are told apart */
} weir_binding;

typedef enum weir_op {
    WEIR_UPSERT = 0,
    WEIR_DELETE = 1, /**< the document identifies what was deleted; key fields at least */
    WEIR_UPDATE = 2  /**< the document has the key fields and those that have changed: what it does not have stays as it is. Of a row that does not exist
                          it changes nothing, where the platform can tell */
} weir_op;

/** Does the destination hold the row already? */
typedef enum weir_exists { WEIR_EXISTS_UNKNOWN = 0, WEIR_EXISTS_NO = 1, WEIR_EXISTS_YES = 2 } weir_exists;

/** A document on its way into a destination. */
typedef struct weir_row {
    const weir_binding *binding;
    weir_op op;
    weir_exists exists;      /**< known only if the connector has load(); otherwise WEIR_EXISTS_UNKNOWN */
    weir_view doc;           /**< the document, JSON text; empty in load(), and where the platform sends columns only */
    const weir_view *values; /**< JSON text of each of binding->columns; in load() only the first key_count. An absent value is the
                                  empty view, distinct from `null` */
    bool regardless;         /**< what is stored under the key is not compared with: the binding's cursor does not count for this row */
} weir_row;

/** Rows of a table that are out of date: all of them, or by their age. */
typedef struct weir_expiry {
    const weir_column *age;  /**< one of the binding's columns, whose number tells the age of a row; NULL: every row is meant */
    int64_t below;           /**< rows with a smaller number are meant; those without a number are not */
    const weir_column *mark; /**< one of the binding's columns, set to `value` in rows where it is null; NULL: the rows are removed */
    weir_view value;         /**< JSON text */
} weir_expiry;

/* ---------------------------------------------------------------------------------------------------------- callbacks -- */

/** A checkpoint that the platform has made durable; see weir_capture.acked. */
typedef struct weir_ack {
    const weir_binding *binding; /**< as given to weir_checkpoint(); NULL if that was NULL */
    weir_view state;             /**< the state or patch as given there */
} weir_ack;

/** A source: remote system -> documents. A NULL slot means what its comment says. */
typedef struct weir_capture {
    /** Reports every stream with weir_discovered(), in any order. Cheap and free of side effects: platforms repeat it. */
    weir_rc (*discover)(weir_task *, void *self);
    /** Checks settings and bindings against the remote system. Reports all problems with weir_problem(), not only the first.
     *  NULL: open() and the settings tables say enough. */
    weir_rc (*validate)(weir_task *, void *self, const weir_binding *bindings, size_t count);
    /** Makes the remote system fit the bindings (slots, subscriptions); may be repeated. NULL: nothing to do. */
    weir_rc (*apply)(weir_task *, void *self, const weir_binding *bindings, size_t count);
    /** Reads documents from where the state says, until there are no more or weir_stopping(). */
    weir_rc (*pull)(weir_task *, void *self, const weir_binding *bindings, size_t count);
    /** Checkpoints that are now durable at the platform, in order. Called on a thread of its own beside pull(); the state may be
     *  used to confirm at the remote system. Platforms repeat nothing: tolerate redelivery. NULL: not interested. */
    weir_rc (*acked)(weir_task *, void *self, const weir_ack *acks, size_t count);
    /** How many bindings may be pulled at the same time, each on its own lane and thread. 0 and 1: one after another. */
    unsigned lanes;
    /** true: one pull() gets all bindings; false: one pull() for each. */
    bool all_in_one;
    /** true: it relays another program's connector. Then pull() says weir_opened() itself, as soon as it knows, and acked() is told only how many
     *  checkpoints are durable (acks is NULL). */
    bool relay;
} weir_capture;

/** What a destination says of a column, in validate(). */
typedef enum weir_need {
    WEIR_COLUMN_OPTIONAL = 0,     /**< may be stored */
    WEIR_COLUMN_RECOMMENDED,      /**< should be */
    WEIR_COLUMN_REQUIRED,         /**< must be, under this name */
    WEIR_COLUMN_PLACE_REQUIRED,   /**< this one must be, or another one of the same pointer */
    WEIR_COLUMN_FORBIDDEN,        /**< must not be */
    WEIR_COLUMN_IMPOSSIBLE        /**< must be, but does not fit what is there already */
} weir_need;

/** A destination: documents -> remote system, in transactions: load()... flush() store()... commit() acknowledge(). */
typedef struct weir_materialize {
    /** Checks settings and bindings against the remote system, changing nothing. Problems: weir_problem(); what holds for single columns:
     *  weir_constrain(). NULL: nothing to check. */
    weir_rc (*validate)(weir_task *, void *self, const weir_binding *bindings, size_t count);
    /** Creates, widens or replaces tables. Idempotent. Called before every session and again when a schema has widened. */
    weir_rc (*apply)(weir_task *, void *self, const weir_binding *bindings, size_t count);
    /** Answers with weir_loaded() for each of these keys, of one binding, that exists, in any order. NULL: rows arrive with exists unknown. */
    weir_rc (*load)(weir_task *, void *self, const weir_row *keys, size_t count);
    /** All keys of the transaction have been given to load(), the rows are still there: answers that are outstanding come now. NULL: load() has
     *  answered. */
    weir_rc (*flush)(weir_task *, void *self);
    /** Takes rows of one binding: at most one for each key and transaction, sorted by key. */
    weir_rc (*store)(weir_task *, void *self, const weir_row *rows, size_t count);
    /** Makes everything stored durable, together with `checkpoint` if the destination can (see weir_resume). */
    weir_rc (*commit)(weir_task *, void *self, weir_view checkpoint);
    /** Removes, or marks, what is out of date among the rows stored so far in this transaction and before; takes effect with commit().
     *  NULL: the destination cannot, and what needs it is refused at start. */
    weir_rc (*expire)(weir_task *, void *self, const weir_binding *, const weir_expiry *);
    /** The platform has made its own part of the last commit() durable, with what weir_keep() gave it: the second step of a
     *  destination that commits in two. Also called once before the first store(). Idempotent. NULL: nothing to do. */
    weir_rc (*acknowledge)(weir_task *, void *self);
    /** Everything is committed and nothing more will come in this session: what is due at a good end, such as to move a table into place. A failure
     *  is one of the run; what was committed stays so. NULL: nothing to do. */
    weir_rc (*finish)(weir_task *, void *self);
    /** true: load() is called for every key of a transaction, so that `exists` is yes or no. false: only where a reduction needs the
     *  stored document. */
    bool needs_exists;
    /** true: it relays documents to another program's destination. Then rows come as they arrived, none combined or sorted, and `values` is NULL. */
    bool relay;
    /** true: store() takes rows of WEIR_UPDATE. false: they are made whole with what load() answers, and without load() refused. */
    bool updates;
    /** true: expire() removes all rows of a binding, but neither some by their age nor marks any; what needs that is refused at start. */
    bool expires_all_only;
    /** Megabytes of documents that a transaction of `weir run` has at most, if commits are dear; 0: 16. They are in memory. */
    unsigned transaction_mb;
} weir_materialize;

/* ------------------------------------------------------------------------------------------------------- SQL databases -- */

/** Types of columns, as SQL databases have them. */
typedef enum weir_sql_type {
    WEIR_SQL_NULL = 0,  /**< of a value only */
    WEIR_SQL_BOOLEAN,
    WEIR_SQL_SHORT,     /**< 16 bits */
    WEIR_SQL_INT,       /**< 32 bits */
    WEIR_SQL_LONG,      /**< 64 bits */
    WEIR_SQL_DECIMAL,
    WEIR_SQL_FLOAT,     /**< 32 bits */
    WEIR_SQL_DOUBLE,
    WEIR_SQL_DATE,
    WEIR_SQL_DATETIME,  /**< without a zone */
    WEIR_SQL_TIMESTAMP, /**< an instant, written in UTC */
    WEIR_SQL_TIME,
    WEIR_SQL_BINARY,
    WEIR_SQL_TEXT,
    WEIR_SQL_JSON,
    WEIR_SQL_XML
} weir_sql_type;

typedef struct weir_sql_column {
    weir_view name;
    weir_sql_type type;
    bool key;                  /**< part of the primary key */
    uint32_t precision, scale; /**< of a decimal; precision 0: not said */
    uint32_t length;           /**< of a text, bytes at most; 0: not said */
} weir_sql_column;

/** Texts have one form, so that what is equal is written equally: fractions of a second have 0, 3, 6 or 9 digits, as few as hold them; decimals are plain
 *  digits, without zeros before them or at the end of a fraction; no `-0`. A database may store them in another one, as long as it comes back as this one. */
typedef struct weir_sql_value {
    weir_sql_type type;        /**< says which of the others counts; WEIR_SQL_NULL: none */
    int64_t integer;           /**< boolean (0, 1), short, int, long */
    double number;             /**< float, double; NaN and infinities too */
    weir_view text;            /**< the others: decimal digits, `2007-12-03`, `2007-12-03T10:15:30.500`, the same with Z, `10:15:30`, bytes, text */
} weir_sql_value;

/** What an SQL database that is a destination does for platforms which manage its tables themselves (Fivetran: create, alter, truncate, migrate). They write the
 *  SQL, standard SQL: names in double quotes, parameters `?` in the order of their values, `INSERT ... ON CONFLICT (key) DO UPDATE SET x = excluded.x`,
 *  `CREATE TABLE` with the columns `NOT NULL` that are part of `PRIMARY KEY (...)`, `ALTER TABLE ... ADD COLUMN`, `... RENAME COLUMN`, `DROP TABLE`, window
 *  functions. What differs between databases is asked for here. A table is changed in any other way by making it anew, INSERT ... SELECT, and move_table().
 *
 *  All calls between begin() and commit() or rollback() are one transaction, DDL included; all are made on one thread, of one task. */
typedef struct weir_sql {
    /** The name of a type in a column definition, such as `DECIMAL(10,2)`. What describe() says of a column made with it is the column that it was made of.
     *  In the task's memory. */
    weir_view (*type_name)(weir_task *, void *self, const weir_sql_column *);
    /** How a table is written in a statement, quoted, with its schema if the database has any; in the task's memory. Different tables never get the same name.
     *  @param schema may be empty: where the database puts tables if nobody says anything */
    weir_view (*table_name)(weir_task *, void *self, weir_view schema, weir_view table);
    /** An expression for the value of `expression` (in SQL, of column `from`) as a value of column `to`; in the task's memory. A value for which there is none
     *  makes the statement fail: WEIR_E_CONFIG, and the error has the value. Widening never fails or loses anything. Empty if the pair of types is refused
     *  altogether; then weir_fail() was called. */
    weir_view (*convert)(weir_task *, void *self, weir_view expression, const weir_sql_column *from, const weir_sql_column *to);
    /** Makes a schema unless there is one. NULL: there are none. */
    weir_rc (*create_schema)(weir_task *, void *self, weir_view schema);
    /** Calls column() for each column of a table in its order, of the types it was made with; columns of others' tables get the nearest type. A length is
     *  told only if the database enforces it.
     *  Outside of a transaction it changes nothing (a database that does not exist has no tables). @return with *ret_found false: there is no such table */
    weir_rc (*describe)(weir_task *, void *self, weir_view schema, weir_view table, bool *ret_found,
                        weir_rc (*column)(weir_task *, void *arg, const weir_sql_column *), void *arg);
    /** Renames a table within its schema. One that is named `to` is replaced: what hangs on it (indexes, rights) stays, if the database can do that. */
    weir_rc (*move_table)(weir_task *, void *self, weir_view schema, weir_view from, weir_view to);
    weir_rc (*begin)(weir_task *, void *self);
    weir_rc (*commit)(weir_task *, void *self);
    /** Also after a failed commit(). Nothing to do without a transaction; the next begin() is a new one. */
    weir_rc (*rollback)(weir_task *, void *self);
    /** Runs a statement, once for each of `rows` rows of parameters in their order (0: once, without). The same text comes again and again: prepare it once.
     *  There may be hundreds of calls for a transaction of millions of rows: what they need of memory is not the task's.
     *  @param values rows * columns of them, each of its column's type or NULL
     *  @param ret_done rows that are done, also on failure: the row that failed is the one at this index. May be NULL
     *  @return WEIR_E_CONFIG for what the table does not take (constraints, a value out of range) */
    weir_rc (*run)(weir_task *, void *self, const char *sql, const weir_sql_value *values, size_t columns, size_t rows, size_t *ret_done);
    /** Runs a query, and calls row() with each row of its result, whose views are good until row() returns. Columns of a table come with their types, what is
     *  computed as LONG, DOUBLE, TEXT or BINARY if nothing better is known: numbers as numbers, everything else as texts in the form above. */
    weir_rc (*query)(weir_task *, void *self, const char *sql, const weir_sql_value *values, size_t columns,
                     weir_rc (*row)(weir_task *, void *arg, const weir_sql_value *values, size_t columns), void *arg);
    /** Longest name of a table or column, in bytes; 0: no limit. */
    size_t name_max;
} weir_sql;

/* -------------------------------------------------------------------------------------------------------- derivations -- */

/** A collection that a derivation reads, and what it does with each of its documents: a row of `transforms` in a catalog. */
typedef struct weir_transform {
    uint32_t index;              /**< position in the derivation, from 0 */
    uint32_t backfill;           /**< how often the user asked to start over */
    weir_view name;
    weir_view collection;        /**< the name of the collection that is read */
    weir_view schema;            /**< its read schema */
    weir_view key;               /**< its key: JSON array of JSON pointers */
    const weir_column *columns;  /**< its fields (projections), those of the key first */
    size_t column_count, key_count;
    const void *lambda;          /**< the settings struct of the connector's table `resource`; without one NULL */
    weir_view lambda_json;       /**< the lambda as JSON text: of SQLite a string of SQL */
    weir_view shuffle_key;       /**< JSON array of JSON pointers; empty: documents go to any shard, or where shuffle_lambda says */
    weir_view shuffle_lambda;    /**< JSON text; may be empty */
    weir_view state_key;         /**< changes when backfill does */
    bool read_only;              /**< what validate() said of it: the documents change nothing but what is published */
} weir_transform;

/** What a derivation makes: one collection, of the documents of others. Lives as long as the callback it was given to; in a session, until its end. */
typedef struct weir_derivation {
    const weir_binding *to;      /**< the collection: weir_emit(t, d->to, WEIR_UPSERT, doc) publishes. Its columns are its fields */
    const weir_transform *transforms;
    size_t count;
    uint32_t key_begin, key_end; /**< in a session: the documents of which shuffle keys come here; 0 and UINT32_MAX: all */
    const char *project_root;    /**< in validate(): where files of the catalog's project are, a URL; NULL: not said */
    weir_view imports;           /**< in validate(): which settings and lambdas stood in files of their own, {"/transforms/0/lambda": "file:///t.sql"}; may be
                                      empty */
} weir_derivation;

/** A document that was read for a transform. */
typedef struct weir_read {
    const weir_transform *transform;
    weir_view doc;               /**< JSON text */
    weir_view key;               /**< the shuffle key's values, a JSON array; empty where none was sent */
    uint64_t clock;              /**< when it was published: of the document's UUID (flow.md 6.1), ascending for each producer; 0: not known */
    const weir_view *values;     /**< JSON text of each of transform->columns; an absent value is the empty view, distinct from `null`. NULL unless
                                      weir_derive.wants_values */
} weir_read;

/** A transformation: documents -> documents, in transactions: read()... flush() commit(). What is published until commit() and what `self` remembers become
 *  durable together with the positions in what is read, or neither. */
typedef struct weir_derive {
    /** Checks the transforms. Problems: weir_problem(t, NULL, ...). Which change nothing: weir_read_only(). NULL: nothing to check. */
    weir_rc (*validate)(weir_task *, void *self, const weir_derivation *);
    /** A session begins: weir_state() is what was kept. One that stores the checkpoint with its own state says weir_resume(). NULL: nothing to do. */
    weir_rc (*begin)(weir_task *, void *self, const weir_derivation *);
    /** Takes documents in their order, of any transforms. Publishes with weir_emit() and the like, now or until flush() is done. */
    weir_rc (*read)(weir_task *, void *self, const weir_read *reads, size_t count);
    /** All documents of the transaction have been read: what is still to be published comes now. NULL: nothing to do. */
    weir_rc (*flush)(weir_task *, void *self);
    /** Makes the state durable, with the checkpoint where it keeps that itself; otherwise weir_keep() gives the state to the platform. NULL: there is none. */
    weir_rc (*commit)(weir_task *, void *self, weir_view checkpoint);
    /** Forgets all state, as if the session had just begun for the first time: between the tests of a catalog. weir_state() is empty then. NULL: there is none. */
    weir_rc (*reset)(weir_task *, void *self);
    /** true: read() gets the values of the columns, taken from the document in one pass. */
    bool wants_values;
} weir_derive;

/** A check of the settings that a user can ask for in a platform's setup. */
typedef struct weir_test {
    const char *name;  /**< `connect` */
    const char *title; /**< "Connects to the API" */
    weir_rc (*run)(weir_task *, void *self); /**< the error is what the user is told */
} weir_test;

/** A connector is a value. Descriptors are const; what changes hangs off `self`. */
struct weir_connector {
    uint32_t abi;              /**< WEIR_ABI */
    const char *name;          /**< `source-hello`, `materialize-sqlite`: what programs and catalogs call it */
    const char *version;
    const char *title;         /**< one line for people */
    const char *docs_url;      /**< platforms demand one; NULL: made from the name */
    const weir_field *config, *resource;    /**< settings tables; NULL: none, or schemas given below */
    size_t config_size, resource_size;      /**< sizes of the structs they fill */
    weir_view config_schema, resource_schema; /**< JSON Schemas instead of the tables. Then open() gets a `const weir_view *` to
                                                   the JSON text and binding->resource is NULL */
    weir_view resource_path_pointers;       /**< JSON array of pointers; empty: from the WEIR_PATH settings */
    weir_view oauth2;                       /**< OAuth2 description, JSON; optional */
    /** Makes `*ret_self` from the settings; connects, if the connector connects. `config` stays good until close(). NULL: self is the settings
     *  struct. */
    weir_rc (*open)(weir_task *, const weir_connector *me, const void *config, void **ret_self);
    void (*close)(void *self); /**< accepts NULL; NULL: nothing to do */
    const weir_capture *capture;         /**< NULL: not a source */
    const weir_materialize *materialize; /**< NULL: not a destination */
    const weir_derive *derive;           /**< NULL: not a transformation */
    const weir_sql *sql;                 /**< a destination that is an SQL database; NULL: it is not */
    const weir_test *tests;              /**< ended by one without a name. NULL: `connect` opens it, `select` discovers streams (source) or checks that it can
                                              be used (destination) */
};

/* -------------------------------------------------------------------------------------------------------------- output -- */

/** Reports a stream, in discover(). @return WEIR_E_BUG if the stream is not well formed. */
WEIR_API weir_rc weir_discovered(weir_task *, const weir_stream *);

/** Reports what identifies a binding's resource, in validate(); only needed where the settings alone do not say.
 *  @param path JSON array of strings. */
WEIR_API weir_rc weir_resource_path(weir_task *, const weir_binding *, weir_view path);

/** Reports a problem in validate(); the validation fails at its end, with all of them. `binding` may be NULL. */
WEIR_API void weir_problem(weir_task *, const weir_binding *, const char *fmt, ...) WEIR_PRINTF(3, 4);

/** Says in validate() what holds for a column of a binding; of those nothing is said of, the settings and the schema decide.
 *  @param column NULL: the whole document as a column of its own  @param reason for people; may be empty */
WEIR_API weir_rc weir_constrain(weir_task *, const weir_binding *, const weir_column *column, weir_need, weir_view reason);

/** Says in validate() under which name the destination stores a column, where that is not its field. Of columns that would get the same name one is chosen.
 *  @param column NULL: the whole document as a column of its own */
WEIR_API weir_rc weir_fold(weir_task *, const weir_binding *, const weir_column *column, weir_view name);

/** What holds for all rows of a binding. Values that are longer arrive cut; a column `_meta/flow_truncated` says of which row that is true. Keys are never cut. */
typedef struct weir_rules {
    bool ignores_case;     /**< names of columns that differ in nothing but their case are the same */
    uint32_t text_max;     /**< bytes of a text, cut between characters; 0: any */
    uint32_t members_max;  /**< members of an object inside of a document or a value, the first ones; 0: any */
    uint32_t items_max;    /**< items of an array, the first ones; 0: any */
} weir_rules;

/** Says in validate() what holds for all rows of a binding. */
WEIR_API weir_rc weir_row_rules(weir_task *, const weir_binding *, const weir_rules *);

/** Says in validate() that the rows of a binding are additions: what is stored already is of no interest. */
WEIR_API weir_rc weir_delta_updates(weir_task *, const weir_binding *);

/** Says in validate() of a derivation that a transform changes no state: its documents may be spread over shards. */
WEIR_API weir_rc weir_read_only(weir_task *, const weir_transform *);

/** Says in validate() of a derivation what a file should hold that the catalog names and that is not there: a platform may write it.
 *  @param url as the catalog has it, resolved */
WEIR_API weir_rc weir_generated_file(weir_task *, weir_view url, weir_view content);

/** Emits one document. Blocks while the reader is slow: that is the backpressure.
 *  @param doc one JSON object; checked (strict JSON, UTF-8), copied once. Line breaks between tokens are allowed.
 *  @return WEIR_E_BUG if it is not a JSON object, WEIR_STOPPED if nobody reads any more. */
WEIR_API weir_rc weir_emit(weir_task *, const weir_binding *, weir_op, weir_view doc);

/** Says that every row of a binding that was emitted before, in this run or an earlier one, is out of date: what is emitted from now on replaces them. Takes
 *  effect with the next checkpoint.
 *  @return WEIR_E_CONFIG where the platform has no word for it */
WEIR_API weir_rc weir_truncate(weir_task *, const weir_binding *);

/** Answers load(): this document exists. @param row the key it answers. */
WEIR_API weir_rc weir_loaded(weir_task *, const weir_row *row, weir_view doc);

/** Seals everything this task emitted since its last checkpoint together with the state: both become durable, or neither.
 *  @param binding whose state it is; NULL: the state of the whole task (one JSON object).
 *  @param state JSON object; replaces the former one. Members that are null count as absent. */
WEIR_API weir_rc weir_checkpoint(weir_task *, const weir_binding *, weir_view state);

/** The same, but `patch` is merged into the former state (RFC 7396: null removes a member). */
WEIR_API weir_rc weir_checkpoint_patch(weir_task *, const weir_binding *, weir_view patch);

/** Says what the source's own schema of a binding is, as far as known; takes effect with the next checkpoint.
 *  @param schema JSON Schema; every object closed with `additionalProperties: false`. */
WEIR_API weir_rc weir_sourced_schema(weir_task *, const weir_binding *, weir_view schema);

/** A relay only: the session has begun, and whether acknowledgements are wanted. Before the first document. */
WEIR_API weir_rc weir_opened(weir_task *, bool explicit_acknowledgements);

/** Says how much a binding will send in this run, as far as known: 0 is unknown. For progress; may be said again. */
WEIR_API weir_rc weir_estimate(weir_task *, const weir_binding *, uint64_t documents, uint64_t bytes);

/** The settings have changed by themselves (a rotated token): the platform keeps these from now on, if it can.
 *  @param config all of them, a JSON object; what is marked secret in it is masked. */
WEIR_API weir_rc weir_config_changed(weir_task *, weir_view config);

/** In apply(), flush(), commit() or acknowledge() of a destination: a merge patch of the state that the platform keeps for it. What commit() says
 *  becomes durable together with the platform's own checkpoint, the rest at once. weir_state() gives all of it back in the next session.
 *  In read(), flush() or commit() of a derivation: the same; all of it becomes durable together with what was published and the checkpoint. */
WEIR_API weir_rc weir_keep(weir_task *, weir_view patch);

/** The state of the whole task as the last checkpoint left it; empty when it is new. */
WEIR_API weir_view weir_state(const weir_task *);

/** In open() of a destination that keeps the checkpoint itself, or in the acknowledge() before the first store(): the checkpoint that its last
 *  commit() stored with the rows; empty: none, so that everything is to be stored. In begin() of a derivation: the checkpoint that its last commit() stored with its
 *  state. */
WEIR_API weir_rc weir_resume(weir_task *, weir_view checkpoint);

/** In open() of a destination, or in the acknowledge() before the first store(): it may hold rows that this task has not stored, so that every key has to be
 *  loaded. Without this, load() is not called for keys above the largest one that was ever stored: they cannot exist. */
WEIR_API weir_rc weir_load_all(weir_task *);

/** The part of all key hashes (flow.md 1.9) that this session of a destination stores: from `*ret_begin` to `*ret_end`, both included. Other sessions of the task
 *  store the other ones at the same time; a session of an overlapping range is an older one of our own, to be fenced off. */
WEIR_API void weir_key_range(const weir_task *, uint32_t *ret_begin, uint32_t *ret_end);

/** In validate() and apply() of a destination: the specification that was applied last, as Flow writes it (flow.md 5.7); empty: there is none, or the platform
 *  keeps none. @param ret_version may be NULL */
WEIR_API weir_view weir_last_spec(const weir_task *, weir_view *ret_version);

/** The name of the task, such as `acme/orders`; a destination may keep its checkpoint under it. Empty: the platform has no name for it, and keeps the
 *  position itself. */
WEIR_API weir_view weir_task_name(const weir_task *);

/** Has somebody asked to stop (SIGTERM, the platform, an error on another lane)? Long loops and waits ask it. */
WEIR_API bool weir_stopping(const weir_task *);

/** A file descriptor that becomes readable when weir_stopping() becomes true: for poll() beside a socket. Never read from it. */
WEIR_API int weir_stop_fd(const weir_task *);

/** Runs work(task, arg, i) for i in 0..count-1 on up to `lanes` threads, each with a task of its own, and waits.
 *  The first failure stops the others and becomes this task's error. */
WEIR_API weir_rc weir_parallel(weir_task *, unsigned lanes, size_t count, weir_rc (*work)(weir_task *, void *arg, size_t i),
                               void *arg);

/* ---------------------------------------------------------------------------------------------------- errors and logs -- */

/** Begins the error chain. `fmt`: lower case, no full stop, what failed first, the subject quoted. @return rc */
WEIR_API weir_rc weir_fail(weir_task *, weir_rc rc, const char *fmt, ...) WEIR_PRINTF(3, 4);

/** Adds "while doing what" in front of the chain: weir_wrap(t, rc, "page %d", n). WEIR_OK passes through. @return rc */
WEIR_API weir_rc weir_wrap(weir_task *, weir_rc rc, const char *fmt, ...) WEIR_PRINTF(3, 4);

typedef enum weir_level { WEIR_ERROR = 1, WEIR_WARN, WEIR_INFO, WEIR_DEBUG, WEIR_TRACE } weir_level;

/** Logs one line on stderr, if LOG_LEVEL (error, warn, info, debug, trace) allows; LOG_FORMAT is json, text or color. */
WEIR_API void weir_log(weir_task *, weir_level, const char *fmt, ...) WEIR_PRINTF(3, 4);

/** Masks a value in everything logged or reported from now on. Settings marked WEIR_SECRET are masked already. */
WEIR_API void weir_mask(weir_task *, const char *secret);

/* ---------------------------------------------------------------------------------------------------- document builder -- */

/** A member name, quoted and escaped beforehand: `static const weir_name id = WEIR_NAME("id");` The literal must hold nothing
 *  that JSON escapes; make others with weir_name_of(). In arrays it is ignored: pass WEIR_ITEM. */
typedef struct weir_name {
    const char *quoted; /* "name": */
    size_t len;
} weir_name;
#define WEIR_NAME(s) {"\"" s "\":", sizeof("\"" s "\":") - 1}
#define WEIR_ITEM (weir_name_item())
static inline weir_name weir_name_item(void) { weir_name n = {NULL, 0}; return n; }

/** Quotes any name; good as long as the task. */
WEIR_API weir_name weir_name_of(weir_task *, weir_view name);

/** A document, typed, written straight into the task's output: weir_begin(); weir_put_...(); weir_end(). The puts return nothing; the
 *  first thing that goes wrong (no memory, a bad date) is what weir_end() returns, and the document is then taken back. */
WEIR_API weir_rc weir_begin(weir_task *, const weir_binding *, weir_op);
WEIR_API weir_rc weir_end(weir_task *);

WEIR_API void weir_put_null(weir_task *, weir_name);
WEIR_API void weir_put_bool(weir_task *, weir_name, bool);
WEIR_API void weir_put_int(weir_task *, weir_name, int64_t);
WEIR_API void weir_put_uint(weir_task *, weir_name, uint64_t);
/** Shortest text that reads back as the same double; NaN and infinities become the strings "NaN", "Infinity", "-Infinity". */
WEIR_API void weir_put_double(weir_task *, weir_name, double);
/** A number given as text, exact to the last digit: "-12.50". Must be a JSON number. */
WEIR_API void weir_put_decimal(weir_task *, weir_name, weir_view digits);
/** Text, escaped as needed. Bytes that are not UTF-8 make weir_end() fail. */
WEIR_API void weir_put_text(weir_task *, weir_name, weir_view);
/** Seconds and nanoseconds since 1970-01-01T00:00:00Z, written as RFC 3339 in UTC with 0, 3, 6 or 9 decimals. Years 0 to 9999. */
WEIR_API void weir_put_time(weir_task *, weir_name, int64_t seconds, uint32_t nanos);
/** Bytes, as base64. */
WEIR_API void weir_put_bytes(weir_task *, weir_name, const void *bytes, size_t len);
/** JSON text as it is; checked. */
WEIR_API void weir_put_json(weir_task *, weir_name, weir_view json);
WEIR_API void weir_open_object(weir_task *, weir_name);
WEIR_API void weir_open_array(weir_task *, weir_name);
/** Closes the innermost open object or array; the document itself is closed by weir_end(). */
WEIR_API void weir_close(weir_task *);

/* ------------------------------------------------------------------------------------------------------- small helpers -- */

/** printf into the task's memory. When it runs out the result is empty and the next emit or checkpoint says WEIR_E_NOMEM. */
WEIR_API weir_view weir_format(weir_task *, const char *fmt, ...) WEIR_PRINTF(2, 3);

/** `bytes` of task memory, aligned for anything; NULL when it runs out (then as weir_format). */
WEIR_API void *weir_alloc(weir_task *, size_t bytes);

/** A text as a JSON string, with its quotes, NUL-terminated; for %s in weir_format(). */
WEIR_API const char *weir_quote(weir_task *, const char *text);

/** The value at a JSON pointer, as JSON text; empty if there is none or `json` is not JSON. */
WEIR_API weir_view weir_json_at(weir_view json, const char *pointer);

/** A JSON object with each of the members of `part` in the place of its own: what a WEIR_UPDATE makes of a document. In the task's memory; empty when it runs
 *  out (then as weir_format), or if one of them is no object. */
WEIR_API weir_view weir_json_overlay(weir_task *, weir_view document, weir_view part);

/** The integer at a JSON pointer; `fallback` if there is none or it does not fit 64 bits. */
WEIR_API int64_t weir_json_int(weir_view json, const char *pointer, int64_t fallback);

/** The string at a JSON pointer, decoded, NUL-terminated, in the task's memory; `fallback` if there is none. */
WEIR_API const char *weir_json_text(weir_task *, weir_view json, const char *pointer, const char *fallback);

/** Which of two cursor values is the larger one, as every part of Weir has it: numbers by value, whatever their length; texts that are a date or a
 *  date-time by when that is; other texts by their bytes; what is absent, null, an array or an object is smaller than everything else, and equal.
 *  @param a, b JSON texts, or empty views  @param types WEIR_IS_... of their column; unless it knows texts and no numbers, a text that is a number
 *  counts as one, so WEIR_IS_NUMBER belongs to the types of a column whose format is `integer` or `number`  @return -1, 0, 1 */
WEIR_API int weir_cursor_compare(weir_view a, weir_view b, unsigned types);

/* ---------------------------------------------------------------------------------------------------------------- main -- */

/** Makes a program of a connector: serves the protocol that the platform speaks (see `--help`) and returns the exit status. */
WEIR_API int weir_main(const weir_connector *, int argc, char **argv);

/** A connector of another protocol, to be served as if it were one of ours. */
typedef struct weir_shim {
    const char *from;           /**< the protocol it speaks: "flow", "airbyte" or "singer" */
    const char *as;             /**< the one it is served as; NULL: whichever the platform speaks, as weir_main() tells it */
    const char *const *command; /**< how it is started: no shell, searched on PATH; ended by NULL */
    bool destination;           /**< it is a destination (target) rather than a source (tap) */
    const char *docs_url;       /**< instead of what it says; NULL: as it says */
    const char *oauth2;         /**< OAuth2 description, JSON text, instead of what it says; NULL: as it says */
    bool derivation;            /**< it is a derivation; only Flow knows them */
} weir_shim;

/** Makes a program of it, as weir_main() does of a connector of ours. */
WEIR_API int weir_shim_main(const weir_shim *, int argc, char **argv);

/** The library's version, "MAJOR.MINOR.PATCH". */
WEIR_API const char *weir_version(void);

#ifdef __cplusplus
}
#endif
#endif
