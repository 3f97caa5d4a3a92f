/* output.h - the files of one binding: begun, filled, rolled. */
#ifndef FILES_OUTPUT_H
#define FILES_OUTPUT_H

#include "lite_value.h"
#include "sink.h"
#include "stage.h"

typedef enum output_format { OUTPUT_NDJSON, OUTPUT_CSV, OUTPUT_PARQUET } output_format;

typedef struct output_settings {
    output_format format;
    const char *compression; /* "none", "gzip", "zstd", "snappy" */
    bool whole;              /* NDJSON: documents as they are, where the platform sends them */
    const char *operation;   /* name of the column that says what a row is; "": none */
    const char *file_name;   /* template, see output_name_refused() */
    int64_t file_rows;       /* rows of a file, at most; 0: any number */
    int64_t file_bytes;      /* bytes of a file before compression after which another one is begun */
} output_settings;

typedef struct output output;

/** @param o, s must outlive it; of the binding everything is copied  @param former whose place it takes, and whose numbers it goes on with; may be NULL */
weir_rc output_new(weir_task *t, output **ret, const output_settings *o, stage *s, const weir_binding *b, const output *former);
void output_free(output *x);
/** Does it still have the columns of the binding? */
bool output_fits(const output *x, const weir_binding *b);
weir_rc output_store(weir_task *t, output *x, const weir_row *rows, size_t count);
/** Ends the file that is open, if one is: it is durable, and waits to be moved. */
weir_rc output_finish(weir_task *t, output *x);
/** What the state has to remember of it, `"key":7`, appended behind a comma unless it is the first; nothing if nothing has changed. */
void output_remember(output *x, lite_text *out);
/** What is wrong with a template: {date} {time} {seq} {id} stand for something, {id} makes names unique. NULL: nothing. */
const char *output_name_refused(const char *file_name);
/** The folder of a binding, below the root. */
const char *output_folder(const weir_binding *b);

/** The settings of a binding. */
typedef struct output_resource {
    const char *path;
} output_resource;

#endif
