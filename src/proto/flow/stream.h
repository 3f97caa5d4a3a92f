/* stream.h - a stream of Flow messages coming in, in either codec. */
#ifndef WEIR_FLOW_STREAM_H
#define WEIR_FLOW_STREAM_H

#include "base/io.h"
#include "proto/flow/wire.h"

typedef struct flow_stream {
    io_reader in;
    flow_codec codec;
    bool guess;   /* the codec shows with the first four bytes */
    buf scratch;  /* JSON of a transcoded message */
} flow_stream;

/** @param codec "json", "proto"; NULL or "": told from the first bytes, which is never ambiguous: the fourth byte of a frame is at most 4 (64 MiB), and JSON
 *  text has no such byte. Another word is WEIR_E_CONFIG. @param what names the source in errors */
weir_rc flow_stream_init(flow_stream *s, int fd, const char *codec, const char *what, err *e);
void flow_stream_free(flow_stream *s);

/** The next message, waiting for it; *ret_more is false at the end of input. The message is good until the next call. */
weir_rc flow_stream_next(flow_stream *s, flow_direction dir, flow_message *ret, bool *ret_more, err *e);
/** Reads once, whatever is there. *ret_more is false at the end of input. */
weir_rc flow_stream_fill(flow_stream *s, bool *ret_more, err *e);
/** Nothing more will come, whoever still holds the other end open. */
void flow_stream_cut(flow_stream *s);
/** Has the end of input been seen? */
bool flow_stream_ended(const flow_stream *s);
/** Is a whole message there, or enough of it to see that it is too long, without reading? */
bool flow_stream_ready(flow_stream *s);

#endif
