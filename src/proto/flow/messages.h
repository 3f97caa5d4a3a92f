/* messages.h - Flow's messages as a table: JSON name, protobuf tag, type. One table serves both directions of the transcoder. */
#ifndef WEIR_FLOW_MESSAGES_H
#define WEIR_FLOW_MESSAGES_H

#include "proto/flow/wire.h"

typedef enum pb_type {
    PB_T_MESSAGE, /* {...} */
    PB_T_JSON,    /* bytes or string holding JSON text: embedded raw */
    PB_T_TEXT,    /* string */
    PB_T_BASE64,  /* bytes */
    PB_T_U32,     /* varint -> number */
    PB_T_FIXED32, /* fixed32 -> number */
    PB_T_BOOL,
    PB_T_ENUM,    /* varint -> name */
    PB_T_I64,     /* varint with a sign -> string of digits */
    PB_T_FIXED64, /* fixed64 -> string of digits */
    PB_T_DOUBLE,  /* fixed64 of a double -> number; NaN and infinities as strings */
    PB_T_JSON_MAP, /* map<string, JSON text> -> {...} */
    PB_T_MAP      /* map<string, ...> -> {...}; message is the entry: its second field is the value */
} pb_type;

typedef struct pb_enum {
    const char *name;
    uint32_t value;
} pb_enum;

typedef struct pb_def {
    const char *name;
    uint32_t tag;
    pb_type type;
    bool repeated;
    const struct pb_message *message; /* PB_T_MESSAGE, PB_T_MAP */
    const pb_enum *values;            /* PB_T_ENUM */
} pb_def;

struct pb_message {
    const char *name;
    const pb_def *fields; /* ended by {0} */
};

#endif
