/* flow.h - the two sides of the Flow protocol. */
#ifndef WEIR_FLOW_FLOW_H
#define WEIR_FLOW_FLOW_H

#include "proto/flow/wire.h"
#include "proto/protocol.h"
#include "run/writer.h"

/** Framing of captured and checkpoint messages in a codec, for a writer. */
extern const framing flow_json_framing, flow_protobuf_framing;
/** Of published messages: what a derivation seals has no checkpoint. */
extern const framing flow_json_publishing, flow_protobuf_publishing;

weir_rc flow_serve(const weir_connector *, const serve_options *, serve_end *, err *e);
weir_rc flow_drive(const drive_options *, weir_connector **ret, err *e);
void flow_drive_free(weir_connector *);

/** Appends the body of a Spec response for a connector. */
weir_rc flow_spec_body(const weir_connector *, buf *out, err *e);
/** Appends the schema of a stream's documents, with what deletions and parts of documents do. @return false without memory */
bool flow_stream_schema(const weir_stream *, buf *out);
/** Appends one item of discovered.bindings. */
void flow_discovered_binding(const weir_stream *, weir_view resource, weir_view path, buf *out);

#endif
