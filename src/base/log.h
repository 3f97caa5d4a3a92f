/* log.h - one line a record on stderr; stdout belongs to protocols.
 *
 * Format `json` (default when stderr is no terminal): {"ts":RFC 3339,"level":"info","message":"...","fields":{...}}; `text` and
 * `color` are for people. Secrets registered with log_mask() never leave. A line goes out with one write(2), so processes do not
 * mix within it. Read by platforms as in docs/protocols: flow 1.8 (level words, last line carries the fatal reason).
 */
#ifndef WEIR_BASE_LOG_H
#define WEIR_BASE_LOG_H

#include "base/err.h"

typedef enum log_format { LOG_JSON, LOG_TEXT, LOG_COLOR } log_format;

typedef struct log_sink log_sink; /* one for a process; shared by its threads */

typedef struct log_field {
    const char *name;
    weir_view value; /* text, or JSON text if json */
    bool json;
} log_field;

/** Makes one that writes to fd. Level and format from LOG_LEVEL and LOG_FORMAT; unknown words fall back to info and json with one
 *  warning line. @return NULL without memory, having said so in a record */
log_sink *log_open(int fd);
void log_close(log_sink *l);
bool log_enabled(const log_sink *l, weir_level level);
/** Overrides what LOG_LEVEL said. */
void log_set_level(log_sink *l, weir_level level);
/** Reads a level word in any case (flow 1.8: warning, fatal, panic, too). @return 0 if it is none */
weir_level log_level_of(weir_view word);
const char *log_level_name(weir_level level);

/** Writes one record. `scope` is put into fields as "task" if not empty; a field of that name is then called "inner_task". JSON
 * fields come out as one line whatever they were. Without memory the record is cut, never dropped. All functions accept a NULL
 * sink: nothing is written, nothing masked. */
void log_record(log_sink *l, weir_level level, weir_view scope, weir_view message, const log_field *fields, size_t count);
void log_line(log_sink *l, weir_level level, const char *fmt, ...) WEIR_PRINTF(3, 4);

/** Where records go instead of to the descriptor: platforms that want logs among their messages. */
typedef struct log_outlet {
    /* One record: the text is masked, on one line, and holds the fields as name=value behind the message. Called by any thread, one at a time. */
    void (*write)(void *arg, weir_level level, weir_view text);
    void *arg;
} log_outlet;
/** Sends records there from now on; NULL: back to the descriptor. What `o` points to must outlive that. */
void log_redirect(log_sink *l, const log_outlet *o);

/** From now on this text (if 3 bytes or longer) is written as ***, also where it appears escaped for JSON in whatever way, or as
 * JSON within a JSON string. Of a text of several lines each line of 8 bytes or more is a secret, too. Thread-safe. If there is no
 * memory to remember it, messages are withheld from then on. */
void log_mask(log_sink *l, weir_view secret);
/** Appends text to out with every registered secret masked: for errors and reports that leave by another way. */
void log_masked(const log_sink *l, weir_view text, buf *out);

#endif
