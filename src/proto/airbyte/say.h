/* say.h - the messages that both serving sides write: logs, errors, statuses (airbyte.md 2.4, 2.8). Each appends one whole line. */
#ifndef WEIR_AIRBYTE_SAY_H
#define WEIR_AIRBYTE_SAY_H

#include "proto/airbyte/wire.h"

/** Appends {"name":NAME,"namespace":NAMESPACE}; an empty namespace is left out. */
void airbyte_descriptor(buf *out, weir_view name, weir_view name_space);

typedef enum airbyte_status { AIRBYTE_STARTED, AIRBYTE_RUNNING, AIRBYTE_COMPLETE, AIRBYTE_INCOMPLETE } airbyte_status;

/** @param descriptor JSON text */
void airbyte_say_status(buf *out, weir_view descriptor, airbyte_status status);
/** LOG. `level` is the wire's word: "FATAL", "ERROR", "WARN" ... */
void airbyte_say_log(buf *out, const char *level, weir_view message);
const char *airbyte_level(weir_level level);
/** TRACE ERROR: the message and who has to act. @param descriptor JSON text; empty: no stream in particular */
void airbyte_say_error(buf *out, weir_rc rc, weir_view message, weir_view descriptor);

#endif
