/* note.h - what a schema notes at a place of a document beside whether it is valid: how it is reduced, and whether it is redacted (flow.md 8.2), whether it is secret
 * (8.3), what it is called, and what stands for it where it is not there. Compiled with the schema; nothing here changes. */
#ifndef WEIR_DOC_NOTE_H
#define WEIR_DOC_NOTE_H

#include "base/view.h"

typedef enum reduce_strategy {
    REDUCE_LAST_WRITE_WINS = 0, /* what holds where nothing is said */
    REDUCE_FIRST_WRITE_WINS,
    REDUCE_APPEND,
    REDUCE_MAXIMIZE,
    REDUCE_MINIMIZE,
    REDUCE_MERGE,
    REDUCE_SET,
    REDUCE_SUM,
    REDUCE_JSON_SCHEMA_MERGE
} reduce_strategy;

typedef enum redact_strategy { REDACT_NONE = 0, REDACT_BLOCK, REDACT_SHA256 } redact_strategy;

/* A pointer as decoded tokens. */
typedef struct note_pointer {
    const weir_view *tokens;
    size_t count;
} note_pointer;

typedef struct note {
    reduce_strategy reduce;
    bool reduces;              /* `reduce` was said */
    bool del;                  /* `delete`: in a full reduction the value goes */
    bool not_associative;      /* lastWriteWins with `associative: false` */
    const note_pointer *keys;  /* `key` of maximize, minimize, merge, set */
    size_t key_count;
    redact_strategy redact;
    bool secret;               /* `secret`, `airbyte_secret`: its value is not to be shown to anybody */
    weir_view title;           /* empty: none */
    weir_view fallback;        /* `default`, as JSON; empty: none */
} note;

#endif
