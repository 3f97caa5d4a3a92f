/* singer.h - the two sides of the Singer protocol. */
#ifndef WEIR_SINGER_SINGER_H
#define WEIR_SINGER_SINGER_H

#include "proto/protocol.h"
#include "proto/singer/wire.h"

/** What the command line and the config files say (singer.md 4), for the tap and the target. All live until the job is done. */
typedef struct singer_job {
    const weir_connector *c;
    const serve_options *o;
    const char *name;           /* `tap-hello`, `target-sqlite`: of settings in the environment, of metrics, of files */
    const tree *config;         /* the connector's own settings, an object */
    const tree *settings;       /* those that every tap or target has (settings.h), as far as they are given: an object, not yet checked */
    const char *config_path;    /* the only config file: it may be written anew. NULL: there is none, or several */
    const char *catalog;        /* tap: path, `-` or NULL */
    bool legacy;                /* tap: the catalog came by --properties: selection may stand in its schemas */
    const char *state;          /* tap: path, `-` or NULL */
    const char *test;           /* tap: "all" or "schema"; NULL: a sync */
    const char *input;          /* target: path, `-` or NULL (both standard input) */
} singer_job;

/** A tap or a target, whichever the connector is (singer.md 4). serve.c reads the arguments; tap.c and target.c do the rest. */
weir_rc singer_serve(const weir_connector *, const serve_options *, serve_end *, err *e);
/** A connector that could not be had: status 1, as every failure. */
void singer_refuse(const serve_options *, serve_end *, weir_rc, err *e);
/** `--discover`: prints the catalog. */
weir_rc singer_discover(const singer_job *, err *e);
/** A sync, or a test. @param ret_broken nobody reads any more: what WEIR_STOPPED alone does not tell */
weir_rc singer_tap(const singer_job *, bool *ret_broken, err *e);
/** Messages into a destination; states are printed on o->out. WEIR_STOPPED by a signal: everything received is stored and its state printed. */
weir_rc singer_target(const singer_job *, err *e);

weir_rc singer_drive(const drive_options *, weir_connector **ret, err *e);
void singer_drive_free(weir_connector *);

#endif
