/* files.h - the settings of source-files, and what its parts share. */
#ifndef FILES_FILES_H
#define FILES_FILES_H

#include "infer.h"
#include "strbuf.h"

typedef struct csv_settings {
    const char *delimiter; /* "auto", "tab" or one character */
    const char *quote;     /* one character, or "none" */
    const char *header;    /* auto, yes, no */
    weir_list columns;     /* const char * */
    int64_t skip_lines;
    const char *encoding;
    weir_list null_values; /* const char * */
    const char *types;     /* auto, text */
    const char *mismatch;  /* text, null, error */
} csv_settings;

typedef struct stream_settings {
    const char *name, *path, *format, *pointer, *on_error;
    weir_list key; /* const char * */
    csv_settings csv;
} stream_settings;

typedef struct files_settings {
    weir_list streams; /* stream_settings */
    const char *base;  /* NULL: where the connector runs */
    int64_t sample;    /* MiB */
} files_settings;

typedef struct files_resource {
    const char *stream;
} files_resource;

extern const weir_field files_config[], files_resource_fields[];

/** Checks what the settings table cannot: names, delimiters, pointers. */
weir_rc settings_check(weir_task *t, const files_settings *s);
/** The stream of that name; NULL: there is none. */
const stream_settings *settings_stream(const files_settings *s, const char *name);

static inline bool text_is(const char *a, const char *b) { return !strcmp(a, b); }
static inline const char *list_text(const weir_list *l, size_t i) { return ((const char *const *)l->items)[i]; }
static inline bool skips_errors(const stream_settings *s) { return text_is(s->on_error, "skip"); }

/* The three callbacks, a file each. */
weir_rc files_discover(weir_task *t, void *self);
weir_rc files_validate(weir_task *t, void *self, const weir_binding *bindings, size_t count);
weir_rc files_pull(weir_task *t, void *self, const weir_binding *bindings, size_t count);

/* ------------------------------------------------------------------------------------------------- finding files: find.c -- */

typedef struct found_file {
    char *path; /* where it is */
    char *name; /* as the documents and the state have it: like the pattern, relative to base */
} found_file;

typedef struct found_files {
    found_file *items; /* sorted by name */
    size_t count;
    size_t base; /* bytes of path that name leaves out */
} found_files;

/** Finds the regular files that a stream's pattern matches. A folder that does not exist or cannot be read is an error, told in
 * `problem`; nothing found is not. */
weir_rc files_find(const files_settings *s, const stream_settings *stream, found_files *ret, strbuf *problem);
void files_found_free(found_files *f);
/** Tells that nothing was found. @return WEIR_E_CONFIG */
weir_rc files_none(const files_settings *s, const stream_settings *stream, strbuf *problem);

/* ------------------------------------------------------------------------------------------- settings in smaller pieces -- */

/** Marks the key of the settings as required. @return false without memory */
bool settings_key(const stream_settings *s, infer *in);
/** Appends the key as a JSON array of pointers. */
void settings_key_json(const stream_settings *s, strbuf *out);

#endif
