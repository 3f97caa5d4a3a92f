/* Being an Airbyte source or destination: arguments, logs, exit status (airbyte.md 1). */
#include <stdio.h>

#include "base/io.h"
#include "json/write.h"
#include "proto/airbyte/airbyte.h"
#include "proto/airbyte/catalog.h"
#include "proto/airbyte/say.h"

/* ---- arguments ---- */

typedef enum flag_id { CONFIG, CATALOG, STATE, FLAGS } flag_id;

static const struct {
    const char *name, *what;
} flags[FLAGS] = {[CONFIG] = {"--config", "FILE"}, [CATALOG] = {"--catalog", "FILE"}, [STATE] = {"--state", "FILE"}};

typedef struct command {
    const char *word;
    unsigned required, allowed; /* bits by flag_id */
    weir_rc (*run)(const airbyte_call *, err *e);
    bool needs_capture, needs_materialize;
} command;

#define BIT(id) (1u << (id))

static const command commands[] = {
    {"spec", 0, 0, airbyte_spec, false, false},
    {"check", BIT(CONFIG), BIT(CONFIG), airbyte_check, false, false},
    {"discover", BIT(CONFIG), BIT(CONFIG), airbyte_discover, true, false},
    {"read", BIT(CONFIG) | BIT(CATALOG), BIT(CONFIG) | BIT(CATALOG) | BIT(STATE), airbyte_read_source, true, false},
    {"write", BIT(CONFIG) | BIT(CATALOG), BIT(CONFIG) | BIT(CATALOG), airbyte_write, false, true},
};
enum { COMMANDS = sizeof commands / sizeof *commands };

typedef struct arguments {
    const command *command;   /* NULL: none was named */
    const char *files[FLAGS]; /* NULL: not given */
    bool debug, help;
} arguments;

/* The lines of a usage: of one command, or of all. */
static void put_usage(const char *program, const command *only, buf *out)
{
    const char *before = "usage:";
    for (const command *c = only ? only : commands; c < (only ? only + 1 : commands + COMMANDS); c++, before = "      ") {
        buf_printf(out, "%s %s %s", before, program, c->word);
        for (unsigned i = 0; i < FLAGS; i++)
            if (c->allowed & BIT(i))
                buf_printf(out, c->required & BIT(i) ? " %s %s" : " [%s %s]", flags[i].name, flags[i].what);
        buf_adds(out, " [--debug]\n");
    }
}

/* Wrong arguments: a text on stderr, and status 2, as the field has it (1.2). */
static weir_rc misused(const serve_options *o, const command *c, serve_end *end, err *e, const char *fmt, const char *what)
{
    buf text = {0};
    weir_rc rc = err_fail(e, WEIR_E_CONFIG, fmt, what);
    put_usage(o->program, c, &text);
    buf_printf(&text, "%s%s%s: %s\n", o->program, c ? " " : "", c ? c->word : "", err_text(e));
    fputs(buf_text(&text), stderr);
    buf_free(&text);
    *end = (serve_end){.status = 2, .reported = true};
    return rc;
}

static const command *find_command(const char *word)
{
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(commands[i].word, word) == 0)
            return &commands[i];
    return NULL;
}

/* --flag VALUE or --flag=VALUE. @return the flag, FLAGS: it is none */
static flag_id find_flag(weir_view arg, const char **ret_joined)
{
    const char *equals = memchr(arg.ptr, '=', arg.len);
    weir_view name = {arg.ptr, equals ? (size_t)(equals - arg.ptr) : arg.len};
    *ret_joined = equals ? equals + 1 : NULL;
    for (unsigned i = 0; i < FLAGS; i++)
        if (view_is(name, flags[i].name))
            return (flag_id)i;
    return FLAGS;
}

static weir_rc take_flag(const serve_options *o, arguments *a, size_t *at, serve_end *end, err *e)
{
    const char *arg = o->args[*at], *value;
    flag_id id = find_flag(view_of(arg), &value);
    if (id == FLAGS || (a->command && !(a->command->allowed & BIT(id))))
        return misused(o, a->command, end, e, "unknown argument '%s'", arg);
    if (!value && *at + 1 == o->arg_count)
        return misused(o, a->command, end, e, "%s needs a file", arg);
    a->files[id] = value ? value : o->args[++*at];
    return WEIR_OK;
}

static weir_rc check_files(const serve_options *o, const arguments *a, serve_end *end, err *e)
{
    for (unsigned i = 0; i < FLAGS && a->command; i++) {
        if (a->command->required & BIT(i) && !a->files[i])
            return misused(o, a->command, end, e, "%s is missing", flags[i].name);
        if (a->files[i] && !(a->command->allowed & BIT(i)))
            return misused(o, a->command, end, e, "unknown argument '%s'", flags[i].name);
    }
    return WEIR_OK;
}

static weir_rc read_arguments(const serve_options *o, arguments *a, serve_end *end, err *e)
{
    weir_rc rc = WEIR_OK;
    for (size_t i = 0; i < o->arg_count && !rc; i++) {
        const char *arg = o->args[i];
        if (strcmp(arg, "--debug") == 0)
            a->debug = true;
        else if (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0)
            a->help = true;
        else if (*arg == '-')
            rc = take_flag(o, a, &i, end, e);
        else if (a->command)
            rc = misused(o, a->command, end, e, "unexpected argument '%s'", arg);
        else if (!(a->command = find_command(arg)))
            rc = misused(o, NULL, end, e, "unknown command '%s'", arg);
    }
    return rc || a->help ? rc : check_files(o, a, end, e);
}

/* ---- messages ---- */

weir_rc airbyte_put(const airbyte_call *k, buf *lines, err *e)
{
    if (!buf_ok(lines))
        return err_nomem(e);
    if (!lines->len)
        return WEIR_OK;
    pthread_mutex_lock(k->gate);
    weir_rc rc = io_write(k->o->out, buf_view(lines), "standard output", e);
    pthread_mutex_unlock(k->gate);
    buf_clear(lines);
    return rc;
}

/* Our own log, as LOG messages (1.3). Whoever reads them not will be found out by those who write what matters. */
static void put_log(void *arg, weir_level level, weir_view text)
{
    const airbyte_call *k = arg;
    buf line = {0};
    err e = {0};
    airbyte_say_log(&line, airbyte_level(level), text);
    airbyte_put(k, &line, &e);
    err_free(&e);
    buf_free(&line);
}

/* The reason of a failure: for the log, and for the platform. */
static void report(const airbyte_call *k, weir_rc rc, err *e)
{
    buf message = {0}, lines = {0};
    err unheard = {0};
    log_masked(k->o->log, view_of(err_text(e)), &message);
    airbyte_say_log(&lines, "FATAL", buf_view(&message));
    airbyte_say_error(&lines, rc, buf_view(&message), (weir_view){0});
    airbyte_put(k, &lines, &unheard);
    k->end->reported = !unheard.rc || unheard.rc == WEIR_STOPPED;
    err_free(&unheard);
    buf_free(&lines);
    buf_free(&message);
}

/* ---- the command ---- */

static weir_rc read_config(airbyte_call *k, const char *path, err *e)
{
    weir_rc rc = path ? airbyte_file(k->arena, path, &k->config, e) : WEIR_OK;
    if (!rc && path && k->config->kind != TREE_OBJECT)
        rc = err_fail(e, WEIR_E_CONFIG, "%s: expected an object, got %s", path, tree_kind_name(k->config->kind));
    return err_wrap(e, rc, "config");
}

static weir_rc run(airbyte_call *k, const arguments *a, err *e)
{
    const command *c = a->command;
    if (!c)
        return err_fail(e, WEIR_E_CONFIG, "no command: there are spec, check, discover, read and write");
    if (c->needs_capture && !k->c->capture)
        return err_fail(e, WEIR_E_CONFIG, "'%s' is a destination: it has nothing to %s", k->c->name, c->word);
    if (c->needs_materialize && !k->c->materialize)
        return err_fail(e, WEIR_E_CONFIG, "'%s' is a source: it cannot write", k->c->name);
    weir_rc rc = read_config(k, a->files[CONFIG], e);
    k->catalog = a->files[CATALOG];
    k->state = a->files[STATE];
    return rc ? rc : c->run(k, e);
}

void airbyte_refuse(const serve_options *o, serve_end *end, weir_rc rc, err *e)
{
    pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
    if (rc != WEIR_STOPPED)
        report(&(airbyte_call){.o = o, .gate = &gate, .end = end}, rc, e);
    end->status = 1;
    pthread_mutex_destroy(&gate);
}

static weir_rc print_help(const serve_options *o, const command *c, err *e)
{
    buf text = {0};
    put_usage(o->program, c, &text);
    weir_rc rc = buf_ok(&text) ? io_write(o->out, buf_view(&text), "standard output", e) : err_nomem(e);
    buf_free(&text);
    return rc;
}

weir_rc airbyte_serve(const weir_connector *c, const serve_options *o, serve_end *end, err *e)
{
    arguments a = {0};
    arena memory = {0};
    pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
    airbyte_call k = {.c = c, .o = o, .arena = &memory, .gate = &gate, .end = end};
    const log_outlet messages = {put_log, &k};
    weir_rc rc = read_arguments(o, &a, end, e);
    if (rc || a.help)
        return rc ? rc : print_help(o, a.command, e);
    if (a.debug)
        log_set_level(o->log, WEIR_DEBUG);
    log_redirect(o->log, &messages);
    rc = run(&k, &a, e);
    if (rc && rc != WEIR_STOPPED)
        report(&k, rc, e);
    log_redirect(o->log, NULL);
    end->status = rc != WEIR_OK;
    arena_free(&memory);
    pthread_mutex_destroy(&gate);
    return rc;
}
