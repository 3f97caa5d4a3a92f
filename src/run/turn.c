#include "run/turn.h"

void turn_init(turn *t)
{
    pthread_mutex_init(&t->lock, NULL);
    pthread_cond_init(&t->freed, NULL);
}

void turn_free(turn *t)
{
    pthread_cond_destroy(&t->freed);
    pthread_mutex_destroy(&t->lock);
}

void turn_take(turn *t, const void *who)
{
    pthread_mutex_lock(&t->lock);
    while (t->owner && t->owner != who)
        pthread_cond_wait(&t->freed, &t->lock);
    t->owner = who;
    pthread_mutex_unlock(&t->lock);
}

bool turn_try(turn *t, const void *who, bool *ret_held)
{
    pthread_mutex_lock(&t->lock);
    bool got = !t->owner;
    if (got)
        t->owner = who;
    else
        *ret_held = t->held;
    pthread_mutex_unlock(&t->lock);
    return got;
}

void turn_keep(turn *t)
{
    pthread_mutex_lock(&t->lock);
    t->held = true;
    pthread_mutex_unlock(&t->lock);
}

void turn_give_back(turn *t)
{
    pthread_mutex_lock(&t->lock);
    t->owner = NULL;
    t->held = false;
    pthread_cond_broadcast(&t->freed);
    pthread_mutex_unlock(&t->lock);
}
