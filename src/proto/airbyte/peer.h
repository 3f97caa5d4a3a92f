/* peer.h - an Airbyte connector process, as its platform sees it: started with its papers, its messages read, logs and errors among them taken care of,
 * judged.
 */
#ifndef WEIR_AIRBYTE_PEER_H
#define WEIR_AIRBYTE_PEER_H

#include "proto/airbyte/wire.h"
#include "proto/child.h"
#include "proto/papers.h"

/** A file that it is given: --FLAG PATH. */
typedef struct airbyte_paper {
    const char *flag;    /* "--config" */
    const char *name;    /* "config.json" */
    weir_view content;
} airbyte_paper;

/** {0} is one that was never started; airbyte_peer_free() takes it. */
typedef struct airbyte_peer {
    child *c;
    const drive_options *o;
    papers papers;
    buf failed;          /* the first TRACE ERROR */
    weir_rc failure;     /* its code; WEIR_OK: there was none */
    size_t failures;
    uint64_t junk;       /* lines that were no messages */
} airbyte_peer;

/** Starts "COMMAND --FLAG PATH...". @param stop_fd readable: terminate it */
weir_rc airbyte_peer_start(airbyte_peer *p, const drive_options *o, int stop_fd, const char *command, const airbyte_paper *files, size_t count, err *e);
/** The next message that is not LOG or TRACE ERROR: those go to the log, as do lines that are no messages (airbyte.md 1.3). Good until the next call.
 *  *ret_more is false at the end of its output. If it was stopped: WEIR_STOPPED. */
weir_rc airbyte_peer_next(airbyte_peer *p, airbyte_message *ret, bool *ret_more, err *e);
/** The same, but not later than clock_ms() `until`: then *ret_more is true and the type AIRBYTE_NOTHING. */
weir_rc airbyte_peer_next_until(airbyte_peer *p, int64_t until, airbyte_message *ret, bool *ret_more, err *e);
/** Its output has ended: waits for its exit and judges it by what it said, then by how it ended (airbyte.md 1.3).
 *  @param answered the result that was asked for has come: then nothing else counts, but is worth a warning */
weir_rc airbyte_peer_finish(airbyte_peer *p, bool answered, err *e);
/** Something went wrong while it ran: if its own words say why, these. */
weir_rc airbyte_peer_explain(airbyte_peer *p, weir_rc rc, err *e);
/** Ends it, by force if need be, removes its papers and frees. */
void airbyte_peer_free(airbyte_peer *p);

/** Runs a command that has one result, such as SPEC, to its end: *ret_body is appended the body of the first. CONTROL messages go to `control` (may be
 *  NULL). */
typedef struct airbyte_question {
    const char *command;
    const airbyte_paper *papers;
    size_t paper_count;
    airbyte_type answer;
    weir_rc (*control)(void *arg, weir_view config, err *e);
    void *arg;
} airbyte_question;
weir_rc airbyte_ask(const airbyte_question *q, const drive_options *o, int stop_fd, buf *ret_body, err *e);

/** Appends words of its own that become part of an error: not more of them than a line holds. */
void airbyte_put_words(buf *out, weir_view text);
/** The whole config that a CONTROL message brings; empty if it brings none (airbyte.md 2.9). */
weir_view airbyte_control_config(weir_view body);

#endif
