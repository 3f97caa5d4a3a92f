/* driven.h - what driving a tap and driving a target have in common. */
#ifndef WEIR_SINGER_DRIVEN_H
#define WEIR_SINGER_DRIVEN_H

#include <pthread.h>

#include "proto/child.h"
#include "proto/papers.h"
#include "proto/singer/singer.h"

enum {
    SINGER_LINE_MAX = 256 << 20, /* longest message of a tap (singer.md 11) */
    SINGER_TEXT_MAX = 256 << 20, /* longest catalog */
};

/** A tap's last discovery, for who comes soon after. */
typedef struct singer_discovery {
    pthread_mutex_t lock;
    buf config, printed;
    int64_t at_ms; /* 0: none */
} singer_discovery;

typedef struct driven {
    weir_connector base; /* first: callbacks get back from it */
    drive_options o;
    arena arena;         /* texts of base and env */
    const char *env[3];  /* for its loggers */
    singer_discovery *last; /* its own */
    bool described;      /* it has said what its settings are */
} driven;

/** `self` of an opened one. */
typedef struct singer_driven_run {
    const driven *d;
    buf config;        /* JSON text, as the connector last wrote it */
    int catalog_flag;  /* tap: which it knows, see drive.c */
    void *target;      /* target: see drive_target.c */
} singer_driven_run;

weir_rc singer_driven_open(weir_task *t, const weir_connector *me, const void *config, void **ret_self);
void singer_driven_close(void *self);

/** Starts it with arguments behind its own, NULL-terminated. */
weir_rc singer_driven_start(child **ret, const driven *d, const char *const *args, log_sink *log, int stop_fd, err *e);
/** Reads all of its output. @param until clock_ms() after which it is too late, which is WEIR_E_PROTOCOL as too much is; 0: never */
weir_rc singer_driven_read(child *c, int64_t until, size_t max, buf *out, err *e);
/** Puts the config into a file of its own, which it may change. */
weir_rc singer_driven_config(singer_driven_run *r, papers *p, const char **ret_path, err *e);
/** If it has changed its config: that is reported, and used from now on. */
weir_rc singer_driven_config_changed(weir_task *t, singer_driven_run *r, const papers *p);

/** Ends what a target's session has going; accepts NULL. */
void singer_targeted_free(void *target);

extern const weir_capture singer_tapped_capture;
extern const weir_materialize singer_targeted_materialize;

#endif
