/* wire.h - Flow's messages as bytes, no I/O. Facts: docs/protocols/flow.md, numbered as there.
 *
 * Everything above this file speaks the JSON form. The messages of the hot path (captured, checkpoint, load, loaded, store, read, published) are read and written by hand in
 * both codecs; in protobuf all others are transcoded to and from the JSON form by one table of messages (messages.c).
 */
#ifndef WEIR_FLOW_WIRE_H
#define WEIR_FLOW_WIRE_H

#include "base/err.h"
#include "json/scan.h"

enum { FLOW_PROTOCOL = 3032023, FLOW_MESSAGE_MAX = 64 << 20 };

typedef enum flow_codec { FLOW_JSON, FLOW_PROTOBUF } flow_codec;

/** The kinds of a message. Names are the JSON keys. */
typedef enum flow_kind {
    FLOW_NONE, FLOW_SPEC, FLOW_DISCOVER, FLOW_VALIDATE, FLOW_APPLY, FLOW_OPEN, FLOW_ACKNOWLEDGE, /* requests */
    FLOW_LOAD, FLOW_FLUSH, FLOW_STORE, FLOW_START_COMMIT, /* ... of a materialization */
    FLOW_READ, FLOW_RESET, /* ... of a derivation, beside flush and startCommit */
    FLOW_LOADED, FLOW_FLUSHED, FLOW_STARTED_COMMIT, FLOW_ACKNOWLEDGED, /* responses of a materialization */
    FLOW_PUBLISHED, /* ... of a derivation, beside flushed and startedCommit */
    FLOW_DISCOVERED, FLOW_VALIDATED, FLOW_APPLIED, FLOW_OPENED, FLOW_CAPTURED, FLOW_CHECKPOINT, FLOW_SOURCED_SCHEMA,
    FLOW_BACKFILL_BEGIN, FLOW_BACKFILL_COMPLETE
} flow_kind;

/** Captures, materializations and derivations have messages of their own, with numbers of their own. */
typedef enum flow_direction {
    FLOW_REQUEST, FLOW_RESPONSE, FLOW_MATERIALIZE_REQUEST, FLOW_MATERIALIZE_RESPONSE, FLOW_DERIVE_REQUEST, FLOW_DERIVE_RESPONSE
} flow_direction;

const char *flow_kind_name(flow_kind kind);

/** One message, taken apart as far as the hot path needs. Views borrow from the input, or for transcoded ones from `scratch`. */
typedef struct flow_message {
    flow_kind kind;
    weir_view body;      /* the kind's value, JSON text; for kinds of the hot path in the protobuf codec: empty */
    uint32_t binding;    /* captured, sourcedSchema, backfill..., load, loaded, store; read: the transform */
    weir_view doc;       /* captured, loaded, store, read, published: the document; sourcedSchema: the schema. Checked JSON object text; a store may have none */
    bool lines;          /* doc has raw line breaks */
    weir_view state;     /* checkpoint: state.updated, an object on one line; empty if there is none */
    bool merge;          /* checkpoint: state.mergePatch */
    weir_view key, values;               /* load, store, read (its shuffle key): JSON arrays; empty: only packed. See flow_values() */
    weir_view key_packed, values_packed; /* the same as tuples; text in base64 if packed_text */
    bool packed_text;
    bool exists, deleted;                /* store */
    uint64_t clock;                      /* read: of its UUID */
} flow_message;

/** Reads one message: a line of the JSON codec (without \n), or the payload of a protobuf frame. `scratch` receives the JSON of
 *  transcoded messages. Names may be written as in the .proto. Null siblings are absent, two kinds an error. Requests: other keys are
 *  ignored. Responses: an unknown kind, and an unknown key in a message of the hot path, are errors; an unknown protobuf tag is skipped.
 *  Errors are WEIR_E_PROTOCOL and say what, at which byte, and of a response what stands around it. */
weir_rc flow_read(flow_codec codec, flow_direction dir, weir_view bytes, flow_message *ret, buf *scratch, err *e);

/** Appends one framed message of any kind from its JSON body ("{...}" of the kind): a line, or a length-prefixed frame. */
weir_rc flow_write(flow_codec codec, flow_direction dir, flow_kind kind, weir_view body, buf *out, err *e);

/** The key (load, store) or the values (store) of a message, one view for each of `count`: as they came in JSON, which is exact, or else from the tuple
 *  (flow.md 5.4, 6.3). The views borrow from the message or from `room`, whose content is replaced. WEIR_E_PROTOCOL if there are not `count`. */
weir_rc flow_values(const flow_message *m, bool values, size_t count, weir_view *ret, buf *room, err *e);

/** A tuple of a message as a JSON array, in `room`, whose content is replaced. */
weir_rc flow_unpack(const flow_message *m, weir_view packed, buf *room, err *e);

/** Appends a framed checkpoint: the hot path's other half. */
void flow_write_checkpoint(flow_codec codec, weir_view state, bool merge, buf *out);
/** ... load and store; key and values in both forms, since connectors know the one or the other. Documents are on one line. */
typedef struct flow_row {
    uint32_t binding;
    weir_view key, key_packed, values, values_packed, doc; /* doc: may be empty */
    bool exists, deleted;
} flow_row;
void flow_write_load(flow_codec codec, const flow_row *row, buf *out);
void flow_write_store(flow_codec codec, const flow_row *row, buf *out);
/** ... loaded. */
void flow_write_loaded(flow_codec codec, uint32_t binding, weir_view doc, buf *out);
/** ... read. */
typedef struct flow_reading {
    uint32_t transform, hash;
    uint64_t clock;            /* 0: not known */
    weir_view key, key_packed; /* of the shuffle; may be empty */
    weir_view doc;             /* on one line */
} flow_reading;
void flow_write_read(flow_codec codec, const flow_reading *r, buf *out);

/* The protobuf codec's table-driven transcoder, for messages.c, tests and fuzzers. */
typedef struct pb_message pb_message;
extern const pb_message flow_request_pb, flow_response_pb, flow_materialize_request_pb, flow_materialize_response_pb, flow_derive_request_pb,
    flow_derive_response_pb;
/** Appends the JSON form of a protobuf message / the protobuf form of a JSON object. Unknown tags and keys are skipped. */
weir_rc pb_to_json(const pb_message *m, weir_view bytes, buf *out, err *e);
weir_rc pb_from_json(const pb_message *m, weir_view json, buf *out, err *e);

#endif
