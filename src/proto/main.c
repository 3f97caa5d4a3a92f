/* weir_main: a program of a connector. weir_shim_main: a program of somebody else's. */
#include <stdio.h>
#include <unistd.h>

#include "base/io.h"
#include "model/fields.h"
#include "model/spec.h"
#include "proto/protocol.h"
#include "run/stop.h"

/* ---- --help and --version ---- */

static void help_usage(const weir_connector *c, const char *program, buf *out)
{
    bool first = true;
    for (const protocol *p = protocols; p->name; p++)
        for (weir_view lines = protocol_serves(p, c) ? view_of(p->usage) : (weir_view){0}; lines.len;) {
            const char *nl = memchr(lines.ptr, '\n', lines.len);
            size_t len = nl ? (size_t)(nl - lines.ptr) + 1 : lines.len;
            char line[256];
            snprintf(line, sizeof line, "%.*s", (int)len, lines.ptr);
            buf_adds(out, first ? "usage: " : "       ");
            first = false;
            buf_printf(out, line, program);
            lines = view_from(lines, len);
        }
    buf_printf(out, "       %s --help | --version\n\n", program);
    if (!spec_only_derives(c)) {
        buf_adds(out, "The protocol shows in the arguments, the environment or the program's name; --protocol NAME or WEIR_PROTOCOL say it: ");
        protocol_names(out);
        buf_adds(out, ".\n");
    }
    buf_adds(out, "LOG_LEVEL is error, warn, info, debug or trace; LOG_FORMAT is json, text, color or singer.\n");
}

static void help(const weir_connector *c, const char *program, buf *out)
{
    buf_printf(out, "%s %s%s%s\n\n", c->name, c->version, c->title ? " - " : "", c->title ? c->title : "");
    help_usage(c, program, out);
    if (c->config) {
        buf_adds(out, "\nconfig:\n");
        fields_help(c->config, out);
    }
    if (c->resource) {
        buf_adds(out, spec_only_derives(c) ? "\nlambda of a transform:\n" : "\nresource of a binding:\n");
        fields_help(c->resource, out);
    }
    buf_adds(out, "\nexit status: 0 done, 2 the operator has to act, 3 try again later, 4 the other system, 5 the platform broke the protocol,\n"
                  "6 memory or disk, 7 a bug in the connector");
    buf_adds(out, spec_only_derives(c) ? "\n" : "; under Airbyte, Singer and Fivetran 0 done, 1 failed, 2 wrong arguments\n");
}

static int print(buf *text)
{
    err e = {0};
    weir_rc rc = buf_ok(text) ? io_write(1, buf_view(text), "standard output", &e) : WEIR_E_NOMEM;
    buf_free(text);
    err_free(&e);
    return rc == WEIR_STOPPED ? 0 : (int)rc;
}

/* ---- serving ---- */

static const char *base_name(const char *path)
{
    const char *slash = path ? strrchr(path, '/') : NULL;
    return slash ? slash + 1 : path ? path : "";
}

/* Here the peer is the platform. */
static const char *who(weir_rc rc)
{
    return rc == WEIR_E_PROTOCOL ? "the author of the platform has to act: it broke the protocol" : rc_who(rc);
}

/* The last line: platforms take it as the reason (flow.md 1.7). */
static void report(log_sink *log, weir_rc rc, const char *who_acts, err *e)
{
    log_record(log, WEIR_ERROR, (weir_view){0}, view_of(err_text(e)),
               (const log_field[]){{"code", view_of(rc_name(rc)), false}, {"who", view_of(who_acts), false}}, 2);
}

static serve_options options_of(const serving *g)
{
    return (serve_options){
        .in = 0, .out = 1, .log = g->log, .stop_fd = g->stop_fd, .program = g->name, .args = g->args, .arg_count = g->arg_count,
    };
}

/* @return exit status */
static int conclude(const serving *g, const serve_end *end, weir_rc rc, const char *who_acts, err *e)
{
    if (rc == WEIR_STOPPED)
        rc = WEIR_OK;
    if (rc && !end->reported)
        report(g->log, rc, who_acts, e);
    return end->status >= 0 ? end->status : (int)rc;
}

/* @param ret_signal by which the program is to end once it has cleaned up */
static int serve(const serving *g, const weir_connector *c, int *ret_signal, err *e)
{
    serve_end end = {.status = -1};
    const serve_options o = options_of(g);
    weir_rc rc = g->p->serve(c, &o, &end, e);
    *ret_signal = end.signal;
    return conclude(g, &end, rc, who(rc), e);
}

/* The connector could not be had: it, not the platform, is the peer that the error is about. */
static int refuse(const serving *g, weir_rc rc, err *e)
{
    serve_end end = {.status = -1};
    const serve_options o = options_of(g);
    if (g->p->refuse)
        g->p->refuse(&o, &end, rc, e);
    return conclude(g, &end, rc, rc_who(rc), e);
}

/* A derivation can be served to a platform that knows them only; a database whose tables a platform manages itself to such a platform. */
static weir_rc check_served(const serving *g, const weir_connector *c, err *e)
{
    if (protocol_serves(g->p, c))
        return WEIR_OK;
    if (c->derive)
        return err_fail(e, WEIR_E_CONFIG, "'%s' is a derivation, which only Flow knows: it cannot be served as %s", c->name, g->p->name);
    return err_fail(e, WEIR_E_CONFIG, "'%s' is for platforms that manage its tables themselves, as Fivetran does (--port N): it cannot be served as %s yet", c->name,
                    g->p->name);
}

int program_serve(const serving *g, const weir_connector *c)
{
    err e = {0};
    weir_rc rc = check_served(g, c, &e);
    if (rc) {
        int refused = refuse(g, rc, &e);
        err_free(&e);
        return refused;
    }
    if (isatty(0) && !g->arg_count)
        log_line(g->log, WEIR_WARN, "%s waits for a platform's requests on standard input; see %s --help", c->name, g->name);
    int signum, status = serve(g, c, &signum, &e);
    err_free(&e);
    if (signum)
        stop_by(signum);
    return status;
}

int program_shim(const serving *g, const weir_shim *s)
{
    err e = {0};
    weir_connector *c = NULL;
    const protocol *q = protocol_find(view_of(s->from));
    const drive_options o = {
        .argv = s->command, .destination = s->destination, .derivation = s->derivation, .flow_documents = strcmp(g->p->name, "flow") == 0, .log = g->log,
        .task_name = view_of(s->command[0]), .stop_fd = g->stop_fd,
    };
    weir_rc rc = !q || !q->drive                    ? err_fail(&e, WEIR_E_CONFIG, "protocol '%s' cannot be driven", s->from)
                 : s->derivation && !q->derives     ? err_fail(&e, WEIR_E_CONFIG, "there are no derivations in protocol '%s'", s->from)
                 : s->derivation && !g->p->derives  ? err_fail(&e, WEIR_E_CONFIG, "a derivation cannot be served as %s, which has none", g->p->name)
                                                    : q->drive(&o, &c, &e);
    err_wrap(&e, rc, "%s", s->command[0]);
    if (rc) {
        int refused = refuse(g, rc, &e);
        err_free(&e);
        return refused;
    }
    c->name = base_name(c->name);
    if (s->docs_url)
        c->docs_url = s->docs_url;
    if (s->oauth2)
        c->oauth2 = view_of(s->oauth2);
    int signum, status = serve(g, c, &signum, &e);
    q->drive_free(c);
    err_free(&e);
    if (signum)
        stop_by(signum);
    return status;
}

/* ---- the programs ---- */

typedef int run_program(const serving *g, const void *what);

/* Log, arguments and signals around one of them. @param as the protocol; NULL: to be told */
static int run_as(const char *name, const char *as, int argc, char **argv, run_program *run, const void *what)
{
    err e = {0};
    log_sink *log = log_open(2);
    if (!log)
        return WEIR_E_NOMEM;
    serving g = {.log = log, .name = name, .args = argv + (argc > 0), .arg_count = argc > 0 ? (size_t)argc - 1 : 0, .stop_fd = -1};
    weir_rc rc = as ? protocol_named(as, &g.p, &e) : protocol_detect(g.name, g.args, &g.arg_count, &g.p, &e);
    if (!rc) {
        g.stop_fd = stop_signals(&e);
        rc = g.stop_fd < 0 ? e.rc : WEIR_OK;
    }
    if (rc)
        report(log, rc, who(rc), &e);
    int status = rc ? (int)rc : run(&g, what);
    err_free(&e);
    if (g.stop_fd >= 0)
        close(g.stop_fd);
    log_close(log);
    return status;
}

static int run_connector(const serving *g, const void *what) { return program_serve(g, what); }
static int run_shim(const serving *g, const void *what) { return program_shim(g, what); }

/* Some protocols have a form of their own for it. */
static bool tells_version(const char *name, char *arg)
{
    const protocol *p = NULL;
    size_t count = 1;
    err e = {0};
    bool own = protocol_detect(name, &arg, &count, &p, &e) == WEIR_OK && p->own_version;
    err_free(&e);
    return own;
}

int weir_main(const weir_connector *c, int argc, char **argv)
{
    io_open_standard();
    buf text = {0};
    const char *name = base_name(argc > 0 ? argv[0] : c->name);
    weir_view arg = argc > 1 ? view_of(argv[1]) : (weir_view){0};
    if (view_is(arg, "--help") || view_is(arg, "-h") || view_is(arg, "help")) {
        help(c, name, &text);
        return print(&text);
    }
    if (view_is(arg, "--version") && !tells_version(name, argv[1])) {
        buf_printf(&text, "%s %s (weir %s)\n", c->name, c->version, weir_version());
        return print(&text);
    }
    return run_as(name, NULL, argc, argv, run_connector, c);
}

int weir_shim_main(const weir_shim *s, int argc, char **argv)
{
    io_open_standard();
    return run_as(base_name(argc > 0 ? argv[0] : s->command[0]), s->as, argc, argv, run_shim, s);
}
