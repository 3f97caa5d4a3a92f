/* airbyte.h - the two sides of the Airbyte protocol. */
#ifndef WEIR_AIRBYTE_AIRBYTE_H
#define WEIR_AIRBYTE_AIRBYTE_H

#include <pthread.h>

#include "proto/airbyte/wire.h"
#include "proto/protocol.h"

/** spec, check, discover, read, write (airbyte.md 1.1). serve.c reads the arguments; source.c and destination.c do the rest. */
weir_rc airbyte_serve(const weir_connector *, const serve_options *, serve_end *, err *e);
void airbyte_refuse(const serve_options *, serve_end *, weir_rc, err *e);
weir_rc airbyte_drive(const drive_options *, weir_connector **ret, err *e);
void airbyte_drive_free(weir_connector *);

/* ---- inside of the serving side ---- */

/** A command that was called, its arguments read. */
typedef struct airbyte_call {
    const weir_connector *c;
    const serve_options *o;
    arena *arena;            /* as long as the call */
    const tree *config;      /* an object; NULL for `spec` */
    const char *catalog;     /* path of the configured catalog; NULL: the command has none */
    const char *state;       /* path; NULL: none was given */
    pthread_mutex_t *gate;   /* held while whole lines go to o->out: log messages are among them (writer_share(), airbyte_put()) */
    serve_end *end;
} airbyte_call;

/** Writes whole lines to the platform and empties the buf. WEIR_STOPPED: nobody reads. */
weir_rc airbyte_put(const airbyte_call *k, buf *lines, err *e);

/** What the commands do; each writes its own messages. An error is reported by whoever calls. */
weir_rc airbyte_spec(const airbyte_call *k, err *e);
weir_rc airbyte_check(const airbyte_call *k, err *e);
weir_rc airbyte_discover(const airbyte_call *k, err *e);
weir_rc airbyte_read_source(const airbyte_call *k, err *e);
/** Reads messages from o->in and confirms states (airbyte.md 3.1). */
weir_rc airbyte_write(const airbyte_call *k, err *e);

/** Appends the body of a SPEC (airbyte.md 2.5). */
weir_rc airbyte_spec_body(const weir_connector *c, buf *out, err *e);
/** Appends a connector's metadata.yaml. @param image its name in a registry; NULL: made from the connector's name  @param license its SPDX
 *  identifier; NULL: not said (registries demand one) */
weir_rc airbyte_metadata(const weir_connector *c, const char *image, const char *license, buf *out, err *e);

#endif
