/* tree.h - value trees for the cold paths: settings, catalogs, schemas, control messages. Numbers stay text. Every node knows where it
 * was written, so that an error can name the place. The same tree comes from JSON and from YAML (plane/yaml.h).
 */
#ifndef WEIR_JSON_TREE_H
#define WEIR_JSON_TREE_H

#include "base/arena.h"
#include "base/err.h"

typedef enum tree_kind { TREE_NULL, TREE_BOOL, TREE_NUMBER, TREE_STRING, TREE_ARRAY, TREE_OBJECT } tree_kind;

typedef struct tree_mark {
    const char *file;  /* NULL: not from a file */
    size_t line, column; /* from 1, in characters; 0: unknown */
} tree_mark;

typedef struct tree {
    tree_kind kind;
    bool boolean;       /* TREE_BOOL */
    weir_view text;     /* TREE_STRING: decoded, NUL-terminated; TREE_NUMBER: as written (YAML forms normalised to JSON) */
    weir_view raw;      /* from JSON: the text of this value as written; from YAML: empty */
    weir_view name;     /* as a member: the key, decoded, NUL-terminated */
    tree_mark mark;     /* of the value */
    tree_mark name_mark; /* of the key */
    struct tree *first, *last, *next; /* children in order; siblings */
    size_t count;       /* of children */
} tree;

/** Parses one JSON text. Errors: code `rc`, text "FILE:LINE:COLUMN: what". Duplicate member names are errors.
 *  @param file for marks; may be NULL. The text must outlive the tree (raw borrows from it). */
weir_rc tree_parse(arena *a, weir_view json, const char *file, weir_rc rc, tree **ret, err *e);
/** The same for texts of writers who are known to repeat names: of those that are the same, the last member stays. raw is as it was written. */
weir_rc tree_parse_lenient(arena *a, weir_view json, const char *file, weir_rc rc, tree **ret, err *e);

/** The member of an object, or NULL (also if t is NULL or no object). */
const tree *tree_get(const tree *t, const char *name);
const tree *tree_getv(const tree *t, weir_view name);
/** The value at a JSON pointer, or NULL. */
const tree *tree_at(const tree *t, weir_view pointer);
/** Text of a string member; empty view if there is none. */
weir_view tree_text(const tree *t, const char *name);
/** Makes it the last child. Does nothing if either is NULL, as after an allocation that failed. */
void tree_append(tree *parent, tree *child);
bool tree_is_null(const tree *t); /* true for NULL too */

/** Appends the value as JSON on one line: raw text compacted where there is one. */
void tree_write(buf *out, const tree *t);
/** The same in an arena, which has failed if there is no memory. */
weir_view tree_json(arena *a, const tree *t);
/** Appends the value indented by two spaces a level: for people. */
void tree_write_pretty(buf *out, const tree *t);

/** "a string", "an object" ...: for messages. */
const char *tree_kind_name(tree_kind kind);
/** Appends "file:line:column: " (as far as known), or nothing. */
void tree_where(buf *out, tree_mark mark);

#endif
