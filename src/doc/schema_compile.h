/* schema_compile.h - from a schema to its program. Private to this room. */
#ifndef WEIR_DOC_SCHEMA_COMPILE_H
#define WEIR_DOC_SCHEMA_COMPILE_H

#include "doc/schema_index.h"
#include "doc/schema_program.h"

/* What is still to be compiled, in the order of the program's subs. */
typedef struct compiler {
    schema *out;
    schema_index index;
    map subs;            /* address of a tree -> sub, counted from 1 */
    const spot **queue;  /* by sub */
    uint32_t room, done;
    struct dynamic_name *names; /* of $dynamicRef, and of $recursiveRef */
    bool formats;
    err *e;
    weir_rc rc;
} compiler;

/* A schema in the making. */
typedef struct building {
    const spot *at;
    uint32_t index;
    unsigned types;
    const note *note;
    op *ops;
    unsigned *kinds; /* for which kinds each of them is */
    size_t count, room;
} building;

/** The sub of a schema; it is compiled later. SUB_NONE on error. */
int32_t compile_sub(compiler *c, const spot *at);
int32_t compile_inner(compiler *c, const building *b, const tree *schema, const char *keyword, weir_view name, long item);
/** Adds an operation. @return it; NULL without memory */
op *compile_op(compiler *c, building *b, op_run *run, const char *keyword, unsigned kinds);
bool compile_fail(compiler *c, const building *b, const char *keyword, const char *fmt, ...) WEIR_PRINTF(4, 5);
/** Zeroed memory of the schema; NULL: there is none, and compiling has failed. */
void *compile_alloc(compiler *c, size_t count, size_t size);
weir_view compile_text(compiler *c, weir_view text);
/** A value of the schema as JSON text. {NULL, 0}: there is no memory. */
weir_view compile_json(compiler *c, const tree *value);
/** The keyword's value, if it is of that kind; NULL if it is not there, or an error. */
const tree *compile_said(compiler *c, const building *b, const char *keyword, tree_kind kind);
pattern *compile_pattern(compiler *c, const building *b, const char *keyword, weir_view regex);
/** What is noted: note.h. */
void compile_notes(compiler *c, building *b);
/** Everything else. */
void compile_keywords(compiler *c, building *b);

/* A name that dynamic references look for. */
typedef struct dynamic_name {
    struct dynamic_name *next;
    weir_view name;       /* empty: of $recursiveRef */
    int32_t *by_resource; /* made at the end */
    anchor_rule *rule;
} dynamic_name;

#endif
