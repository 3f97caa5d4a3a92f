/* catalog_parts.h - what the files of the catalog share: problems found, the grammar, names, the files read. Nobody else includes
 * it. */
#ifndef WEIR_PLANE_CATALOG_PARTS_H
#define WEIR_PLANE_CATALOG_PARTS_H

#include "base/map.h"
#include "plane/catalog.h"

/* ----------------------------------------------------------------------------------------------------------- problems -- */

typedef struct problem {
    struct problem *next;
    tree_mark at;
    size_t order;   /* in which they were found */
    weir_view text; /* without its place, unless it names one itself */
    bool placed;    /* it does */
} problem;

/** Everything wrong with a catalog, to be told at once. Memory running out is told by problems_result(). */
typedef struct problems {
    arena *mem;
    problem *first;
    size_t count;
} problems;

/** Notes "FILE:LINE:COLUMN: message". */
void problem_at(problems *p, tree_mark at, const char *fmt, ...) WEIR_PRINTF(3, 4);
/** Notes the error of a file that `from` refers to; it names its place itself. */
void problem_text(problems *p, tree_mark from, const char *text);
/** `; did you mean "x"?` if one of the words is near, otherwise "". In the arena. Gives up where there are more problems than
 *  anybody is told. */
const char *suggestion(problems *p, weir_view word, const char *const *words, size_t count);
/** WEIR_OK if there is none; otherwise WEIR_E_CONFIG with all of them, a line each, sorted by file and place. */
weir_rc problems_result(const problems *p, err *e);

/* ------------------------------------------------------------------------------------------------------------ grammar -- */

typedef struct grammar_type grammar_type;

typedef struct grammar_key {
    const char *name;
    const grammar_type *type;
    bool required;
} grammar_key;

enum {
    GRAMMAR_BOOL = 1 << TREE_BOOL,
    GRAMMAR_NUMBER = 1 << TREE_NUMBER,
    GRAMMAR_TEXT = 1 << TREE_STRING,
    GRAMMAR_LIST = 1 << TREE_ARRAY,
    GRAMMAR_OBJECT = 1 << TREE_OBJECT
};

/** What may stand at a place. Null counts as absent. */
struct grammar_type {
    const char *what;            /* "a duration such as 5m": what is expected */
    unsigned kinds;              /* GRAMMAR_TEXT | ... */
    const grammar_key *keys;     /* an object's members, ended by a row without a name; NULL: any names */
    const grammar_type *each;    /* an array's items; without keys also an object's values. NULL: anything */
    const char *const *choices;  /* of a text, NULL-terminated; NULL: any */
    bool one_of;                 /* an object has exactly one of the keys */
    void (*check)(problems *, const tree *); /* what a table cannot say; NULL: nothing */
};

extern const grammar_type grammar_catalog;

/** Holds the tree against the type; notes every unknown key (with the nearest allowed one), missing key and wrong type. */
void grammar_check(problems *p, const grammar_type *type, const tree *t);

/* -------------------------------------------------------------------------------------------------------------- names -- */

/** Is it two or more tokens of letters and digits (of any script) and -_. with slashes between? */
bool name_valid(weir_view name);
/** Is it one such token? */
bool token_valid(weir_view token);
/** Appends a stream's name as part of a collection's name: what a name may not hold becomes _, empty tokens go. Appends at least
 *  _. */
void name_normalise(buf *out, weir_view name);

/* -------------------------------------------------------------------------------------------------------------- files -- */

/** A catalog file: the first one, or imported. */
typedef struct catalog_file {
    struct catalog_file *next; /* in the order in which they were met */
    const char *path; /* as shown in marks: relative to where the first one was named from */
    const char *real; /* canonical; NULL: standard input */
    const tree *root; /* an object; NULL: it could not be read */
} catalog_file;

/** Reading state, gone when catalog_read() returns. */
typedef struct catalog_reader {
    catalog *c;
    arena *mem; /* the catalog's */
    problems found;
    catalog_file *files, *last_file;
    map reals;       /* canonical path -> catalog_file */
    map documents;   /* path -> tree, of other files that values name */
    map specs;       /* name -> its tree: of every spec, whatever kind */
    map collections; /* name -> collection */
    const char **collection_names;
    bool missing;    /* catalog_read_missing() */
} catalog_reader;

/** Reads the first file and everything it imports, each once. */
void read_files(catalog_reader *r, const char *path);
/** Reads what the files say into the catalog. */
void read_specs(catalog_reader *r);
/** For read_specs(): the derivations and the tests, once all collections are known. */
void read_derivations(catalog_reader *r);
void read_tests(catalog_reader *r);

/* What both halves of reading need (catalog_read.c). */
const tree *object_member(const tree *t, const char *name);
bool is_true_member(const tree *t, const char *name);
uint32_t count_member(const tree *t, const char *name);
int32_t priority_member(const tree *t);
weir_view json_of(catalog_reader *r, const tree *t);
void each_spec(catalog_reader *r, const char *section, void (*each)(catalog_reader *, const tree *spec));
/** The collection that a source names (a text, or an object with it); NULL after noting a problem. */
const collection *source_collection(catalog_reader *r, const tree *source);
/** What of it is read: partitions and times of a source object. */
void fill_reading(catalog_reader *r, const tree *source, const collection *c, reading *to);
void fill_partitions(catalog_reader *r, const tree *partitions, const collection *c, reading *to);
void fill_endpoint(catalog_reader *r, const tree *spec, endpoint *to);
/** A task of that kind and the tree of its spec, whose `shards` are read. */
task *add_task_of(catalog_reader *r, const tree *spec, const tree *shards, task_kind kind);
on_invalid invalid_member(const tree *t);
/** A member in base64, decoded into the arena; empty if there is none. */
weir_view base64_member(catalog_reader *r, const tree *t, const char *name);

/** A path that a value names, relative to the folder of the file that holds it. NULL without memory. */
const char *path_beside(arena *a, const char *file, weir_view path);
/** For catalog_read_missing(): the path of the file that the value names and that is not there; NULL: it is there, or it is a problem if it is not. */
const char *file_missing(catalog_reader *r, const tree *value);
/** What is in the file at `path`, which the value at `from` names; each is read once. NULL after noting a problem. */
const tree *file_tree(catalog_reader *r, const char *path, tree_mark from, const char *what);
/** The value itself, or what is in the file it names. NULL after noting a problem. */
const tree *file_value(catalog_reader *r, const tree *value, const char *what);
/** The text of a file that a value names, such as SQL; empty after noting a problem. */
weir_view file_text(catalog_reader *r, const tree *value, const char *what);
/** A collection's schema: inline, or from FILE or FILE#/pointer; files that it refers to are brought into its $defs. NULL after
 *  noting a problem. */
const tree *schema_value(catalog_reader *r, const tree *value, const char *what);

#endif
