/* wire.h - Singer's messages as lines, no I/O. Facts: docs/protocols/singer.md, numbered as there. */
#ifndef WEIR_SINGER_WIRE_H
#define WEIR_SINGER_WIRE_H

#include "base/err.h"
#include "json/scan.h"

/** SINGER_UNKNOWN: an object whose type we do not know (a target warns and skips it, section 1). */
typedef enum singer_type { SINGER_UNKNOWN, SINGER_SCHEMA, SINGER_RECORD, SINGER_STATE, SINGER_ACTIVATE_VERSION, SINGER_BATCH } singer_type;

/** A text as it stands between its quotes. */
typedef json_key singer_text;

/** One message. Views borrow from the line. Optional things that are absent or null are empty views. */
typedef struct singer_message {
    singer_type type;
    singer_text type_name;     /* as written: for warnings */
    singer_text stream;        /* all but STATE */
    weir_view record;          /* RECORD: the document, a checked JSON object */
    bool lines;                /* record has raw line breaks */
    weir_view time_extracted;  /* RECORD: a JSON string */
    weir_view version;         /* RECORD, ACTIVATE_VERSION, BATCH: number text */
    weir_view schema;          /* SCHEMA: an object */
    weir_view key_properties;  /* SCHEMA: array of strings */
    weir_view bookmark_properties; /* SCHEMA: array of strings */
    weir_view value;           /* STATE: any JSON value but null, which counts as absent here, too */
    weir_view encoding, manifest;  /* BATCH */
} singer_message;

/** Reads one line, which is not blank. `type` may be written in any case; where a name repeats, the last one counts. WEIR_E_PROTOCOL, with the byte and
 *  what stands there: not a JSON object, or a message without what its type demands (key_properties may be absent; a time_extracted, version of a RECORD
 *  or bookmark_properties of another type than theirs counts as absent). The tokens NaN, Infinity and -Infinity of Python's writers (section 6) are
 *  WEIR_E_PROTOCOL, too, naming stream and member. */
weir_rc singer_read(weir_view line, singer_message *ret, err *e);

const char *singer_type_name(singer_type type);

#endif
