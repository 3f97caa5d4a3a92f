/* command.h - the commands of `weir`. One table of options and one of commands feed the parser, --help, the man page and the completions. */
#ifndef WEIR_CLI_COMMAND_H
#define WEIR_CLI_COMMAND_H

#include "plane/prepare.h"

/** What was given on the command line; every option has its place here. */
typedef struct cli_args {
    const char *source, *name, *data, *only, *sessions, *timeout, *idle, *initial_state, *from, *as, *oauth2, *docs_url, *format;
    const char *port, *address, *destination_schema, *schema_name, *configuration, *state, *warehouse, *exclude, *input_file, *batch_file_type, *junit, *shards, *fixture;
    bool reset, plain_text, no_delay;
    bool once, json, emit_raw, output_state, quiet, destination, derivation;
    char **rest;        /* what followed `--` or the options */
    size_t rest_count;
} cli_args;

typedef struct cli {    /* what every command gets */
    cli_args a;
    log_sink *log;
    int stop_fd;
    native_finder natives;
    int status;         /* of a command that has reported for itself: exit status if it returns WEIR_OK */
} cli;

typedef struct cli_option {
    const char *name;   /* long name, without -- */
    const char *alias;  /* another long name; or NULL */
    const char *arg;    /* what its value is called; NULL: a flag */
    size_t offset;      /* in cli_args */
    const char *help;
} cli_option;

typedef struct cli_command {
    const char *name, *summary;
    const char *usage;            /* after `weir NAME` */
    const char *const *options;   /* names of the options it takes, NULL-terminated */
    const char *description;      /* paragraphs for --help and the man page */
    weir_rc (*run)(cli *, err *e);
    bool takes_rest;              /* arguments that are no options: a name, or a command behind -- */
} cli_command;

extern const cli_option cli_options[];   /* ended by {0} */
extern const cli_command cli_commands[]; /* ended by {0} */
const cli_option *cli_option_find(const char *name, size_t len);

/** Parses the arguments of a command. WEIR_E_CONFIG suggests the nearest option. */
weir_rc cli_parse(const cli_command *c, int argc, char **argv, cli_args *ret, err *e);
/** The texts made from the tables. `c` NULL: about weir as a whole. */
void cli_help(const cli_command *c, buf *out);
void cli_man(buf *out);
void cli_completion_bash(buf *out);
void cli_completion_zsh(buf *out);

/** The program: picks the command, runs it, reports. @return exit status */
int cli_main(int argc, char **argv, native_finder natives);

weir_rc cmd_spec(cli *, err *);
weir_rc cmd_discover(cli *, err *);
weir_rc cmd_validate(cli *, err *);
weir_rc cmd_capture(cli *, err *);
weir_rc cmd_preview(cli *, err *);
weir_rc cmd_run(cli *, err *);
weir_rc cmd_generate(cli *, err *);
weir_rc cmd_replay(cli *, err *);
weir_rc cmd_docs(cli *, err *);
weir_rc cmd_shim(cli *, err *);
weir_rc cmd_test(cli *, err *);
weir_rc cmd_test_source(cli *, err *);
weir_rc cmd_test_destination(cli *, err *);
weir_rc cmd_help(cli *, err *);

/* For commands. */

/** The options for preparing a task, with a conductor that turns signals into a stop of whatever session is live. */
typedef struct cli_live cli_live;
cli_live *cli_live_new(cli *c, err *e);
prepare_options cli_prepare_options(cli *c, cli_live *l);
void cli_live_free(cli_live *l);

/** Reads the catalog of --source (default flow.yaml) and finds the task of --name. @param kind a task_kind, or -1 */
weir_rc cli_task(cli *c, catalog *cat, int kind, const task **ret, err *e);
/** A task made of a command line: `weir spec -- ./source-x`. Borrowed from c and a. */
weir_rc cli_command_task(cli *c, arena *a, task *ret, err *e);
/** --data, or the folder that `weir run` takes if nothing is said. */
const char *cli_data(const cli *c);
weir_rc cli_print(const buf *text, err *e);
/** --initial-state, checked and on one line; empty if it is not given. Into the arena. */
weir_rc cli_initial_state(const cli *c, arena *a, weir_view *ret, err *e);
/** A duration option in milliseconds. */
weir_rc cli_duration(const char *text, const char *option, int64_t fallback, int64_t *ret, err *e);

#endif
