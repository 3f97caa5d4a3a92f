/* fivetran.h - the two sides of Fivetran's protocol, a gRPC service whose server is the connector. */
#ifndef WEIR_FIVETRAN_FIVETRAN_H
#define WEIR_FIVETRAN_FIVETRAN_H

#include "proto/protocol.h"

/** Listens and serves the services of a source, a destination or both (serve.c), until a signal. */
weir_rc fivetran_serve(const weir_connector *, const serve_options *, serve_end *, err *e);
void fivetran_refuse(const serve_options *, serve_end *, weir_rc, err *e);
weir_rc fivetran_drive(const drive_options *, weir_connector **ret, err *e);
void fivetran_drive_free(weir_connector *);

#endif
