/* turn.h - whose turn it is to put something out: one lane at a time, for as long as it holds on to it. */
#ifndef WEIR_RUN_TURN_H
#define WEIR_RUN_TURN_H

#include <pthread.h>
#include <stdbool.h>

/** Whoever has the turn may touch what it guards without a lock. */
typedef struct turn {
    pthread_mutex_t lock;
    pthread_cond_t freed;
    const void *owner; /* NULL: nobody */
    bool held;         /* the owner keeps it for long: it has spilled */
} turn;

void turn_init(turn *t);
void turn_free(turn *t);
/** Waits for it. Whoever has it gets it again. */
void turn_take(turn *t, const void *who);
/** Takes it if nobody has it. @param ret_held if not: its owner keeps it for long */
bool turn_try(turn *t, const void *who, bool *ret_held);
/** The owner keeps it: whoever tries to get it need not try again soon. */
void turn_keep(turn *t);
void turn_give_back(turn *t);

#endif
