/* writer.h - a listener that writes framed documents to a file descriptor: the serving side of every protocol on a pipe, `weir capture` and
 * `weir preview`. One lane alone writes straight through; several take turns, a checkpoint at a time, so that documents and their state stay
 * together. What is sealed goes out when 64 KiB are waiting or WRITER_LINGER_MS after it was sealed.
 */
#ifndef WEIR_RUN_WRITER_H
#define WEIR_RUN_WRITER_H

#include <pthread.h>

#include "run/session.h"

enum { WRITER_LINGER_MS = 20 };

typedef struct writer writer;

/** How a protocol frames things; all pure. */
typedef struct framing {
    /* Fills prefix, suffix, head, finish of the outlet of a binding; texts into the arena. */
    bool (*outlet)(const struct framing *, arena *, const weir_binding *, outlet *);
    /* Appends; may append nothing. `ln` is the lane whose documents were just put before it. */
    void (*checkpoint)(const struct framing *, buf *, const lane *ln, const checkpoint *);
    void (*schema)(const struct framing *, buf *, const weir_binding *, weir_view schema);     /* NULL: dropped */
    void (*opened)(const struct framing *, buf *, bool explicit_acks);                         /* NULL: nothing */
    /* Everything in the buffer is sealed and about to be written: states that were held back go behind it. NULL: nothing */
    void (*settle)(const struct framing *, buf *);
    /* Documents of this lane are about to go out before their checkpoint: what is known of their streams must go out first. NULL: nothing */
    void (*spill)(const struct framing *, const lane *ln);
    /* Does settle() still hold something back? Then it is asked again after WRITER_LINGER_MS. NULL: no */
    bool (*holds)(const struct framing *);
    /* See listener_ops. What they append stands behind everything sealed before. NULL: nothing; for end() also: rc as it is */
    void (*begin)(const struct framing *, buf *, const weir_binding *);
    weir_rc (*end)(const struct framing *, buf *, const lane *, const weir_binding *, weir_rc, err *);
    void (*estimate)(const struct framing *, buf *, const weir_binding *, uint64_t documents, uint64_t bytes);
    void (*config)(const struct framing *, buf *, weir_view config);
    /* Appends to the lane's documents that those before are out of date; may change the binding's outlet. NULL: the platform has no word for it */
    void (*truncate)(const struct framing *, buf *, lane *, const weir_binding *);
    void *context;
} framing;

writer *writer_new(int fd, const framing *f);
/** The listener to give to a session. Its other slots (discovered ...) are empty: subclass by copying ops. */
listener *writer_listener(writer *w);
/** Writes whatever is sealed. */
weir_rc writer_flush(writer *w, err *e);
/** Writes what is sealed if nobody is just writing. Thread-safe, like writer_flush. @param ret_waiting something may still wait */
weir_rc writer_flush_now(writer *w, bool *ret_waiting, err *e);
/** Becomes readable when something was sealed that nobody has written yet; for poll(). */
int writer_wake_fd(const writer *w);
/** Counts since the start. */
void writer_totals(writer *w, uint64_t *documents, uint64_t *bytes, uint64_t *checkpoints);
/** Called, by whoever just writes, when `checkpoints` more of them and all before them were handed to the descriptor: then they can be acknowledged.
 *  NULL: none. */
void writer_on_written(writer *w, void (*fn)(void *arg, uint64_t checkpoints), void *arg);
/** A lock to hold while lines go out, for whoever else writes lines to the same descriptor. NULL: none. */
void writer_share(writer *w, pthread_mutex_t *gate);
/** Refuses everything after `checkpoints` of them with WEIR_STOPPED. 0: no limit. */
void writer_limit(writer *w, uint64_t checkpoints);
void writer_free(writer *w);

#endif
