/* docs.h - rows become documents: values get their types, `_meta` says where they come from. */
#ifndef FILES_DOCS_H
#define FILES_DOCS_H

#include "table.h"

typedef struct docs {
    weir_task *task;
    const weir_binding *binding;
    infer in;      /* what the collection's schema says, and what was seen beyond it */
    table table;
    strbuf file;   /* the name of the file at hand, as a JSON string */
    strbuf doc;    /* a document in the making */
    strbuf problem; /* why the row is bad */
} docs;

typedef enum docs_status { DOCS_OK, DOCS_BAD, DOCS_FAILED } docs_status;

/** Takes over the binding's schema and key. @return false without memory */
bool docs_init(docs *d, weir_task *t, const weir_binding *b, const stream_settings *s);
void docs_free(docs *d);
/** A file begins. */
weir_rc docs_file(docs *d, reader *r, const char *name);
/** Emits the reader's row. @return DOCS_BAD: see problem; DOCS_FAILED: *ret_rc says why */
docs_status docs_row(docs *d, const reader *r, weir_rc *ret_rc);
/** Tells the platform what was learned since the last time, if anything. Call it before a checkpoint. */
weir_rc docs_tell(docs *d);

#endif
