/* singer.h - the two sides of the Singer protocol. */
#ifndef WEIR_SINGER_SINGER_H
#define WEIR_SINGER_SINGER_H

#include "proto/protocol.h"
#include "proto/singer/wire.h"

/** A tap or a target, whichever the connector is (singer.md 4). serve.c reads the arguments; tap.c and target.c do the rest. */
weir_rc singer_serve(const weir_connector *, const serve_options *, serve_end *, err *e);
weir_rc singer_drive(const drive_options *, weir_connector **ret, err *e);
void singer_drive_free(weir_connector *);

#endif
