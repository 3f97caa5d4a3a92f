/* tester.h - tests of other people's connectors of Fivetran's protocol (fivetran.md 3): the tester plays the platform, on this machine, and says what is wrong. */
#ifndef WEIR_TESTER_H
#define WEIR_TESTER_H

#include "run/session.h"

typedef struct tester_options {
    const char *address;            /* of a server that is there: HOST:PORT; NULL: command */
    const char *const *command;     /* started with `--port N`; NULL: address */
    const char *data;               /* folder of configuration.json, state.json, warehouse.db, or of the input files; made if it is not there */
    const char *configuration;      /* file instead of DATA/configuration.json; NULL: that */
    bool json;                      /* JSON lines instead of text */
    bool ask;                       /* standard input is a terminal: ask for what the configuration lacks */
    log_sink *log;
    int stop_fd;

    /* of a source */
    const char *schema;             /* of the tables in the warehouse; of a destination: the schema of its tables */
    const char *state;              /* file instead of DATA/state.json; NULL: that */
    const char *const *excluded;    /* tables and columns that are not selected; NULL-terminated */
    const weir_connector *warehouse;
    bool reset;                     /* forget the state and the warehouse first */

    /* of a destination */
    const char *input_file;         /* one of the folder's; NULL: all that end in .json, in the order of their names */
    const char *batch_type;         /* "CSV", "PARQUET" */
    bool plain_text, no_delay;
} tester_options;

/** Form, tests, schema, one sync into the warehouse. @param ret_ok was nothing wrong? Told on standard output; an error is left to the caller, too */
weir_rc tester_source(const tester_options *o, bool *ret_ok, err *e);
/** Form, tests, the input files. */
weir_rc tester_destination(const tester_options *o, bool *ret_ok, err *e);

#endif
