#include <stdio.h>
#include <unistd.h>

#include "base/io.h"
#include "base/map.h"
#include "cli/command.h"
#include "plane/yaml.h"
#include "run/stop.h"

static const cli_command *find_command(const char *name)
{
    for (const cli_command *c = cli_commands; c->name; c++)
        if (strcmp(c->name, name) == 0)
            return c;
    return NULL;
}

static weir_rc no_command(const char *name, err *e)
{
    const char *words[32];
    size_t n = 0;
    for (const cli_command *c = cli_commands; c->name && n < 32; c++)
        words[n++] = c->name;
    const char *near = map_nearest(view_of(name), words, n);
    return err_fail(e, WEIR_E_CONFIG, "unknown command '%s'%s%s%s; see weir --help", name, near ? ", did you mean '" : "", near ? near : "",
                    near ? "'" : "");
}

static bool asks_help(int argc, char **argv)
{
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    return false;
}

static weir_rc print_help(const cli_command *c, err *e)
{
    buf text = {0};
    cli_help(c, &text);
    weir_rc rc = cli_print(&text, e);
    buf_free(&text);
    return rc;
}

weir_rc cmd_help(cli *c, err *e)
{
    static const struct { const char *name; void (*write)(buf *); } texts[] = {
        {"man", cli_man}, {"bash", cli_completion_bash}, {"zsh", cli_completion_zsh},
    };
    if (!c->a.rest_count)
        return print_help(NULL, e);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (strcmp(c->a.rest[0], texts[i].name) == 0) {
            buf text = {0};
            texts[i].write(&text);
            weir_rc rc = cli_print(&text, e);
            buf_free(&text);
            return rc;
        }
    const cli_command *k = find_command(c->a.rest[0]);
    return k ? print_help(k, e) : no_command(c->a.rest[0], e);
}

static weir_rc run_command(cli *c, int argc, char **argv, err *e)
{
    if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        weir_rc rc = print_help(NULL, e);
        return rc || argc > 1 ? rc : err_fail(e, WEIR_E_CONFIG, "a command is missing");
    }
    if (strcmp(argv[1], "--version") == 0) {
        buf text = {0};
        buf_printf(&text, "weir %s\n", weir_version());
        weir_rc rc = cli_print(&text, e);
        buf_free(&text);
        return rc;
    }
    const cli_command *k = find_command(argv[1]);
    if (!k)
        return no_command(argv[1], e);
    if (asks_help(argc - 2, argv + 2))
        return print_help(k, e);
    weir_rc rc = cli_parse(k, argc - 2, argv + 2, &c->a, e);
    if (!rc && c->a.rest_count && !k->takes_rest)
        rc = err_fail(e, WEIR_E_CONFIG, "weir %s: unexpected argument '%s'", k->name, c->a.rest[0]);
    return rc ? rc : k->run(c, e);
}

/* "flow.yaml:12:9: what": the place an error line begins with; file is a copy in the arena. False: none. */
static bool place_of(arena *a, weir_view line, tree_mark *ret)
{
    for (size_t i = 1; i < line.len; i++) {
        unsigned long at, column;
        int used = 0;
        if (line.ptr[i] != ':' || sscanf(line.ptr + i, ":%lu:%lu: %n", &at, &column, &used) != 2 || !used)
            continue;
        *ret = (tree_mark){arena_text(a, (weir_view){line.ptr, i}), at, column};
        return ret->file != NULL;
    }
    return false;
}

/* On a terminal: the line of the catalog itself, with a caret. */
static void show_place(cli *c, weir_view line)
{
    arena a = {0};
    buf shown = {0}, masked = {0};
    err ignored = {0};
    tree_mark mark;
    if (isatty(2) && place_of(&a, line, &mark)) {
        yaml_show(&shown, mark);
        log_masked(c->log, buf_view(&shown), &masked);
        io_write(2, buf_view(&masked), "standard error", &ignored);
    }
    arena_free(&a);
    buf_free(&shown);
    buf_free(&masked);
    err_free(&ignored);
}

/* A chain may hold several problems, a line each. */
static void report(cli *c, weir_rc rc, err *e)
{
    const log_field fields[] = {{"code", view_of(rc_name(rc)), false}, {"who", view_of(rc_who(rc)), false}};
    weir_view rest = view_of(err_text(e));
    while (rest.len) {
        const char *nl = memchr(rest.ptr, '\n', rest.len);
        weir_view line = {rest.ptr, nl ? (size_t)(nl - rest.ptr) : rest.len};
        log_record(c->log, WEIR_ERROR, (weir_view){0}, line, fields, 2);
        show_place(c, line);
        rest = view_from(rest, line.len + 1);
    }
}

int cli_main(int argc, char **argv, native_finder natives)
{
    io_open_standard();
    err e = {0};
    cli c = {.log = log_open(2), .natives = natives};
    if (!c.log)
        return WEIR_E_NOMEM;
    c.stop_fd = stop_signals(&e);
    weir_rc rc = c.stop_fd < 0 ? e.rc : run_command(&c, argc, argv, &e);
    if (rc == WEIR_STOPPED)
        rc = WEIR_OK;
    if (rc)
        report(&c, rc, &e);
    if (c.stop_fd >= 0)
        close(c.stop_fd);
    err_free(&e);
    log_close(c.log);
    return rc ? (int)rc : c.status;
}
