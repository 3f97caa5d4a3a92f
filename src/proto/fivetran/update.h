/* update.h - a sync: a session of a connector whose documents go out as records of tables, batched, among checkpoints, changes of tables, warnings and at most one
 * task (fivetran.md 2.3). The order of the messages is the order in which things happened: no state goes out before the records that it covers, none of which
 * it does not cover goes out before it.
 */
#ifndef WEIR_FIVETRAN_UPDATE_H
#define WEIR_FIVETRAN_UPDATE_H

#include "proto/fivetran/record.h"
#include "proto/fivetran/serve_source.h"

enum {
    FT_STATE_BYTES = 64 * 1024, /* a state goes out when so much has gone out since the last one */
    FT_STATE_MS = 100           /* or so much time has passed */
};

/** Where messages go: UpdateResponse each. The bytes are taken over, the buffer is left empty. As rpc_send(): WEIR_STOPPED, nobody wants them any more. */
typedef struct ft_out {
    weir_rc (*send)(void *arg, buf *message, bool more, err *e);
    void *arg;
} ft_out;

typedef struct ft_sync {
    const weir_connector *c;
    const tree *config;
    const FivetranSdk__V2__Selection *selection; /* NULL: everything */
    weir_view state;   /* what the last checkpoint of the last sync said; empty or `{}`: there was none */
    ft_out out;
    int stop_fd;       /* readable: stop at once; -1: none */
    log_sink *log;
} ft_sync;

/** Runs it. What the user has to put right has been told as a task, and is no error here. */
weir_rc ft_sync_run(const ft_sync *o, err *e);
/** Appends an error as a task. It is logged, and cleared: it has been told. */
void ft_sync_task(log_sink *log, err *e, buf *message);

#endif
