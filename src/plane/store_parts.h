/* store_parts.h - what the halves of store.c share. */
#ifndef WEIR_PLANE_STORE_PARTS_H
#define WEIR_PLANE_STORE_PARTS_H

#include <pthread.h>
#include <sqlite3.h>

#include "plane/store.h"

typedef enum statement {
    BEGIN,
    COMMIT,
    ROLLBACK,
    GET_STATE,
    GET_JOURNAL,
    GET_READ,
    GET_INFERRED,
    GET_TOTALS,
    GET_TIMES,
    GET_NOTE,
    PUT_NOTE,
    FORGET_NOTES,
    PUT_STATE,
    PUT_JOURNAL,
    PUT_READ,
    PUT_INFERRED,
    PUT_TIME,
    ADD_TOTALS,
    FORGET_TASK,
    FORGET_READS,
    COPY_STATE,
    COPY_READS,
    COPY_NOTES,
    STATEMENTS
} statement;

struct store {
    sqlite3 *db;
    sqlite3_stmt *statements[STATEMENTS]; /* made at first use */
    pthread_mutex_t mutex;
    char *path; /* of weir.db */
    char identity[16]; /* see store_identity() */
    int lock;   /* DATA/lock; -1: read only */
};

/** What SQLite says of the last call. */
weir_rc store_error(const store *s, const char *doing, err *e);

#endif
