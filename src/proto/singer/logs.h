/* logs.h - what a tap or target says on stderr (singer.md 4, logs): our own formats, or the structured line that runners read; and metrics.
 */
#ifndef WEIR_SINGER_LOGS_H
#define WEIR_SINGER_LOGS_H

#include "base/log.h"

typedef struct singer_logs {
    log_outlet outlet;
    const char *name;
    bool structured;
} singer_logs;

/** Takes the level from NAME_LOGLEVEL or LOGLEVEL (LOG_LEVEL goes before both) or from the file that SINGER_SDK_LOG_CONFIG names. Records become structured
 *  lines, {"level","pid","logger_name","ts","thread_name","app_name","stream_name","message","extra"}, if LOG_FORMAT is `singer` or that file asks for a
 *  StructuredFormatter and LOG_FORMAT says nothing else. `l` must live until singer_logs_end(). */
void singer_logs_begin(singer_logs *l, log_sink *log, const char *name);
void singer_logs_end(singer_logs *l, log_sink *log);

typedef struct singer_metric {
    const char *type, *name; /* "counter", "record_count" */
    weir_view value;         /* number text */
    weir_view stream;
    const char *status;      /* succeeded, failed; NULL: none */
} singer_metric;

/** Logs `METRIC: {"type":...,"metric":...,"value":...,"tags":{"stream":...,"pid":...,"context":{}}}`. */
void singer_metric_log(log_sink *log, const singer_metric *m);

#endif
