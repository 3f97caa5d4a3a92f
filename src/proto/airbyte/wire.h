/* wire.h - Airbyte's messages as lines, no I/O. Facts: docs/protocols/airbyte.md, numbered as there.
 *
 * RECORD and STATE are the hot path and are taken apart in place; of the others the reader gives the body, which is parsed into a tree by whoever needs it.
 */
#ifndef WEIR_AIRBYTE_WIRE_H
#define WEIR_AIRBYTE_WIRE_H

#include "base/err.h"
#include "json/scan.h"

/** AIRBYTE_NOTHING: not a message, so a log line (1.3). */
typedef enum airbyte_type {
    AIRBYTE_NOTHING, AIRBYTE_RECORD, AIRBYTE_STATE, AIRBYTE_LOG, AIRBYTE_SPEC, AIRBYTE_CONNECTION_STATUS, AIRBYTE_CATALOG, AIRBYTE_TRACE,
    AIRBYTE_CONTROL, AIRBYTE_DESTINATION_CATALOG
} airbyte_type;

typedef enum airbyte_state_type { AIRBYTE_STATE_STREAM, AIRBYTE_STATE_GLOBAL, AIRBYTE_STATE_LEGACY } airbyte_state_type;

/** A text as it stands between its quotes. */
typedef json_key airbyte_text;

/** One message. Views borrow from the line. Optional things that are absent or null are empty views. */
typedef struct airbyte_message {
    airbyte_type type;
    weir_view body;           /* the value under the type's key: a checked JSON object */
    airbyte_text stream;      /* RECORD; STATE of type STREAM: of its descriptor */
    airbyte_text name_space;  /* the same; raw.ptr NULL: none */
    weir_view data;           /* RECORD: the document, a checked JSON object */
    bool lines;               /* data has raw line breaks */
    weir_view emitted_at;     /* RECORD: number text */
    weir_view meta;           /* RECORD: object */
    airbyte_state_type state_type; /* STATE: as said, or told from the filled key (3.1) */
    weir_view stream_state;   /* STATE of type STREAM: any JSON value; empty: null or absent, which resets the stream */
    weir_view global;         /* STATE of type GLOBAL: the object (`global_` is an alias, 4.1); each of its stream_states names a stream */
    weir_view legacy;         /* STATE of type LEGACY: data, an object */
    weir_view source_stats;   /* STATE: object */
} airbyte_message;

/** Reads one line. What is no message gives AIRBYTE_NOTHING and *ret_why, a constant text: not JSON, an unknown type ... (may be NULL). But what said
 *  that it is a RECORD or a STATE and then breaks (cut short, NaN, no data or stream) is WEIR_E_PROTOCOL with the byte and what stands there: as a log
 *  line it would be lost. Where keys repeat, the last one wins. */
weir_rc airbyte_read(weir_view line, airbyte_message *ret, const char **ret_why, err *e);

/** The wire's words for a type ("RECORD") and the key of its body ("record", "connectionStatus"). */
const char *airbyte_type_name(airbyte_type type);
const char *airbyte_type_key(airbyte_type type);

/** Who must act, as Airbyte says it: system_error, config_error, transient_error (design 8.10). */
const char *airbyte_failure_type(weir_rc rc);
/** And back, for driven connectors; an unknown word is WEIR_E_REMOTE. */
weir_rc airbyte_failure_code(weir_view failure_type);

/** Appends {"type":TYPE,KEY: with the body to follow; end with airbyte_close(). */
void airbyte_open(buf *out, airbyte_type type);
/** Appends }\n. */
void airbyte_close(buf *out);
/** Milliseconds since 1970 now. */
int64_t airbyte_now(void);

#endif
