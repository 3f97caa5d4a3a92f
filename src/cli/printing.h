/* printing.h - a capture whose documents go to standard output: `capture` and `preview`. */
#ifndef WEIR_CLI_PRINTING_H
#define WEIR_CLI_PRINTING_H

#include "cli/command.h"
#include "run/writer.h"

/** Runs one session of a prepared capture into standard output, acknowledging what was printed. Settings that the connector changes are kept where they
 *  came from, and for the next session.
 *  @param limit checkpoints after which it ends; 0: none  @param timeout_ms it ends when no checkpoint comes for so long; 0: never
 *  @param ret_stopped it was told to end, by a signal or the timeout; may be NULL */
weir_rc print_session(cli *c, prepared *p, const framing *f, weir_view state, uint64_t limit, int64_t timeout_ms, bool *ret_stopped,
                      err *e);

#endif
