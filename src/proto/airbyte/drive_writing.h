/* drive_writing.h - a driven destination while it is written to: the streams, the process that takes them, what it has confirmed. */
#ifndef WEIR_AIRBYTE_DRIVE_WRITING_H
#define WEIR_AIRBYTE_DRIVE_WRITING_H

#include <pthread.h>

#include "proto/airbyte/driven.h"

/** A stream that it is given. */
typedef struct written_stream {
    arena arena;
    airbyte_resource resource;
    const char *mode;    /* destination_sync_mode */
    weir_view schema, key, state_key;
    weir_view cursor;    /* JSON array of strings; empty: none */
    weir_view prefix;    /* of its records, up to the document */
    weir_view descriptor;
    uint32_t backfill;
    bool row_id;         /* documents lose /_meta/row_id */
    bool deletes;        /* documents may be deletions */
    bool begun;          /* overwrite: the table holds rows of this generation already */
    bool kept;           /* ... and the platform remembers that */
    uint64_t stored;     /* records since its last STATE */
    uint64_t sent;       /* number of its last STATE; 0: none. Under the lock, as what follows */
    uint64_t sent_records; /* how many it was for */
    uint64_t echoed;     /* number of the last that came back */
} written_stream;

typedef struct airbyte_writing {
    const airbyte_run *r;
    written_stream **streams;    /* by index of the binding */
    size_t count;
    /* The process; none between two that end with their transaction. */
    airbyte_peer peer;
    bool running;
    bool stale;          /* its catalog is not what is wanted any more */
    bool ends_late;      /* it confirms only when its input has ended */
    bool dirty;          /* records went to it that no transaction has ended yet */
    buf out;
    char time[24];       /* emitted_at of the records of this moment */
    uint64_t states;     /* numbers given to STATEs */
    int64_t sync;
    int abort_fd, stop_fd; /* eventfd; epoll of it and the task's */
    /* The thread that reads. */
    pthread_t reader;
    bool reading;
    pthread_mutex_t lock;
    pthread_cond_t news;
    bool ended;          /* its output has; under the lock, as the rest */
    weir_rc rc;
    err err;
    buf config;          /* what a CONTROL said; empty: none */
} airbyte_writing;

/* ---- drive_written.c ---- */

weir_rc written_stream_make(const airbyte_run *r, const weir_binding *b, written_stream **ret, err *e);
void written_stream_free(written_stream *s);
static inline bool written_overwrites(const written_stream *s) { return strcmp(s->mode, "overwrite") == 0; }

/* ---- drive_process.c ---- */

weir_rc writing_start(airbyte_writing *w, weir_task *t, err *e);
/** Waits for the thread that reads: until its output has ended. */
void writing_join(airbyte_writing *w);
/** Frees what is left of the process. */
void writing_end(airbyte_writing *w);
/** Terminates it. */
void writing_give_up(airbyte_writing *w);

/* ---- drive_writing.c ---- */

/** Sends rows of one stream. */
weir_rc writing_store(airbyte_writing *w, written_stream *s, const weir_row *rows, size_t n, err *e);
/** Makes everything that it was given durable. */
weir_rc writing_settle(airbyte_writing *w, weir_task *t, err *e);
/** Ends its input, waits for its end and judges it. */
weir_rc writing_conclude(airbyte_writing *w, err *e);

#endif
