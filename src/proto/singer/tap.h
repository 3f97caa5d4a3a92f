/* tap.h - the inside of a running tap. */
#ifndef WEIR_SINGER_TAP_H
#define WEIR_SINGER_TAP_H

#include <pthread.h>
#include <time.h>

#include "proto/singer/batch_file.h"
#include "proto/singer/settings.h"
#include "proto/singer/singer.h"
#include "proto/singer/state.h"
#include "run/writer.h"

typedef struct tap tap;
typedef struct tap_outlet tap_outlet;

/** A batch file, from its beginning until its BATCH message is among what is sealed: of one lane, which may end before that. */
typedef struct tap_file {
    batch_file *file;  /* NULL: it is complete, and the message waits in the lane */
    buf message;       /* the same, should the lane be dropped */
    const void *lane;
    struct tap_file *next;
} tap_file;

/** One stream on its way. Changed by whoever has the writer, but for the last four, which the tap's lock guards. */
typedef struct tap_progress {
    uint64_t records, reported; /* emitted; and told by metrics */
    int64_t began;              /* clock_ms(); 0: not yet */
    int64_t version;            /* of its records; 0: they have none. Of a stream that is not read whole: since its source has truncated it */
    uint64_t batches;           /* files begun */
    tap_file *files;            /* of all lanes */
    buf sent;                   /* the schema that was sent last */
} tap_progress;

/** The outlets of one lane. */
typedef struct tap_lane {
    tap_outlet *fresh; /* those with documents that no checkpoint has counted yet */
    bool truncated;    /* versions of some have changed since the last checkpoint */
} tap_lane;

enum { TAP_TIME = sizeof "2026-01-02T03:04:05.123000Z" - 1, VERSION_DIGITS = 13 /* milliseconds since 1970, from 2001 to 2286 */ };

/** One stream on one lane. */
struct tap_outlet {
    tap *t;
    const tap_stream *stream;
    tap_progress *progress;
    size_t index;           /* of the stream */
    tap_lane *lane;
    tap_outlet *next_fresh;
    uint64_t fresh;         /* documents since the last checkpoint */
    struct timespec at;     /* the time in `time` */
    char *time;             /* within the suffix */
    weir_view numbered;     /* another suffix, with a version of VERSION_DIGITS; empty: the stream cannot be truncated */
    int64_t version;        /* that was given by a truncation; 0: none */
    tap_file *file;         /* NULL: none is open */
    uint64_t closed, noted; /* how many of its files are complete; and how many were when a state was noted that waits for the next */
    bool waits;             /* such a state waits */
};

struct tap {
    const singer_job *job;
    log_sink *log;
    singer_tap_settings settings;
    arena arena;
    stream_list list;
    tap_sources sources;
    tap_catalog catalog;
    weir_view *keys;       /* state keys, by stream */
    const tree **resources;

    framing framing;
    writer *w;
    session *s;            /* the one that runs */
    size_t base;           /* the stream of its first binding */
    bool several;          /* streams are read at the same time: there is no one that is being read */
    bool one_each;         /* a test: a record of each stream, no states */
    atomic_bool satisfied; /* and it is there: */
    buf first;

    tap_state state;       /* as it is told */
    tap_state noted;       /* BATCH: as of the newest checkpoint, whose documents may still wait in a file */
    weir_view syncing;     /* the stream that is being read */
    bool dirty;            /* the state has changed since it was told */
    bool last;             /* the run is over: the state goes out unless it was the last thing that did */
    bool told;             /* it was */
    size_t told_at;        /* length of the buffer behind it; 0: none */
    size_t told_size, since; /* of the last STATE; bytes written since then */
    int64_t told_ms, metrics_ms;

    tap_progress *progress;
    int64_t version;       /* of this run, for streams that are read whole; 0: none */
    bool batches;
    batch_place place;
    pthread_mutex_t lock;  /* of progress.files, progress.sent, failure */
    err failure;           /* what went wrong where it could not be returned */
};

/** Of milliseconds since 1970. */
int64_t singer_tap_version_now(void);
/** Fills t->framing. */
void singer_tap_framing(tap *t);
/** Appends a SCHEMA message. */
void singer_tap_put_schema(const tap_stream *s, weir_view schema, buf *out);
/** Notes a failure and stops the session. */
void singer_tap_failed(tap *t, err *e);
/** Appends the schema that a stream has once its source has said more about it, if that is another one than `now`: properties are added, and their types
 *  widened; what is not selected stays out. */
weir_rc singer_tap_widen(const tap_stream *s, weir_view now, weir_view said, buf *out, err *e);

#endif
