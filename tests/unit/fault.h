/* fault.h - calls that fail when a test wants them to.
 *
 * Every unit test is linked so that the allocations, reads, writes and fsyncs of our own code pass through here (those inside of
 * libraries do not). Nothing fails until it is asked to.
 *
 *     for (size_t n = 0; again; n++) {
 *         fault_at(FAULT_ALLOC, n, ENOMEM);
 *         ... the work, which must fail cleanly or succeed ...
 *         again = fault_clear();
 *     }
 */
#ifndef WEIR_TESTS_FAULT_H
#define WEIR_TESTS_FAULT_H

#include <stdbool.h>
#include <stddef.h>

typedef enum fault_call { FAULT_ALLOC, FAULT_READ, FAULT_WRITE, FAULT_FSYNC, FAULT_CALLS } fault_call;

enum { FAULT_SHORT = -1 /* instead of errno: a read or write transfers a single byte */ };

/** From now on call number n (0: the next one) fails with errnum, once. */
void fault_at(fault_call call, size_t n, int errnum);
/** Call number n and all that follow fail. */
void fault_from(fault_call call, size_t n, int errnum);
/** Nothing fails any more. @return whether something has failed since the last time */
bool fault_clear(void);
/** How many such calls there were since fault_clear(). */
size_t fault_count(fault_call call);

#endif
