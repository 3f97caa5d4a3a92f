/* say.h - what a served connector tells the platform about itself: log lines on standard output, and what becomes of an error (fivetran.md 2.1, 2.3). */
#ifndef WEIR_FIVETRAN_SAY_H
#define WEIR_FIVETRAN_SAY_H

#include "base/log.h"

/** Sends the log to `fd` in the platform's form, one JSON object a line: level (INFO, WARNING, SEVERE), message, message-origin. */
typedef struct ft_logs {
    log_outlet outlet;
    log_sink *log;
    int fd;
    const char *origin; /* sdk_connector, sdk_destination */
} ft_logs;
void ft_logs_begin(ft_logs *l, log_sink *log, int fd, bool destination);
void ft_logs_end(ft_logs *l);

/** What becomes of an error. In Update: a task, which the user is shown and the sync ends with, or a status, after which the platform tries again. */
bool ft_is_task(weir_rc rc);
/** In Test: the test's failure; otherwise a status. */
bool ft_is_failure(weir_rc rc);
/** Of one table: a warning, and the others are read before the sync ends with it; otherwise it ends at once. */
bool ft_is_warning(weir_rc rc);

/** The text of an error as it may leave: secrets masked. */
void ft_reason(const log_sink *log, err *e, buf *out);
/** The end of a call: an error is logged, and its text masked, for it becomes the status. @return rc */
weir_rc ft_concluded(log_sink *log, const char *call, weir_rc rc, err *e);

#endif
