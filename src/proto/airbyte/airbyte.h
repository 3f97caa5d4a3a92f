/* airbyte.h - the two sides of the Airbyte protocol. */
#ifndef WEIR_AIRBYTE_AIRBYTE_H
#define WEIR_AIRBYTE_AIRBYTE_H

#include "proto/airbyte/wire.h"
#include "proto/protocol.h"

/** spec, check, discover, read, write (airbyte.md 1.1). serve.c reads the arguments; source.c and destination.c do the rest. */
weir_rc airbyte_serve(const weir_connector *, const serve_options *, serve_end *, err *e);
weir_rc airbyte_drive(const drive_options *, weir_connector **ret, err *e);
void airbyte_drive_free(weir_connector *);

#endif
