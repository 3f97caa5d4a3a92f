/* weir_main: a program of a connector. */
#include <stdio.h>
#include <unistd.h>

#include "base/io.h"
#include "model/fields.h"
#include "proto/protocol.h"
#include "run/stop.h"

static void help(const weir_connector *c, buf *out)
{
    buf_printf(out, "%s %s%s%s\n\n", c->name, c->version, c->title ? " - " : "", c->title ? c->title : "");
    buf_printf(out, "usage: %s            serve the platform on standard input and output\n", c->name);
    buf_printf(out, "       %s --help     this text\n       %s --version\n\n", c->name, c->name);
    buf_adds(out, "It speaks Estuary Flow's capture protocol, as JSON lines or as length-prefixed protobuf: whichever comes, or what\n"
                  "FLOW_RUNTIME_CODEC (json, proto) says. LOG_LEVEL is error, warn, info, debug or trace; LOG_FORMAT is json, text or color.\n");
    if (c->config) {
        buf_adds(out, "\nconfig:\n");
        fields_help(c->config, out);
    }
    if (c->resource) {
        buf_adds(out, "\nresource of a binding:\n");
        fields_help(c->resource, out);
    }
    buf_adds(out, "\nexit status: 0 done, 2 the operator has to act, 3 try again later, 4 the other system, 5 the platform broke the protocol,\n"
                  "6 memory or disk, 7 a bug in the connector\n");
}

static int print(buf *text)
{
    err e = {0};
    weir_rc rc = buf_ok(text) ? io_write(1, buf_view(text), "standard output", &e) : WEIR_E_NOMEM;
    buf_free(text);
    err_free(&e);
    return rc == WEIR_STOPPED ? 0 : (int)rc;
}

/* Here the peer is the platform. */
static const char *who(weir_rc rc)
{
    return rc == WEIR_E_PROTOCOL ? "the author of the platform has to act: it broke the protocol" : rc_who(rc);
}

static int serve(const weir_connector *c, log_sink *log)
{
    err e = {0};
    int stop = stop_signals(&e);
    if (stop >= 0 && isatty(0))
        log_line(log, WEIR_WARN, "%s waits for a platform's requests on standard input; see %s --help", c->name, c->name);
    const serve_options o = {.in = 0, .out = 1, .log = log, .stop_fd = stop};
    weir_rc rc = stop < 0 ? e.rc : protocols[0].serve(c, &o, &e);
    if (rc == WEIR_STOPPED)
        rc = WEIR_OK;
    if (rc) /* the last line: platforms take it as the reason (flow.md 1.7) */
        log_record(log, WEIR_ERROR, (weir_view){0}, view_of(err_text(&e)),
                   (const log_field[]){{"code", view_of(rc_name(rc)), false}, {"who", view_of(who(rc)), false}}, 2);
    err_free(&e);
    if (stop >= 0)
        close(stop);
    return (int)rc;
}

int weir_main(const weir_connector *c, int argc, char **argv)
{
    io_open_standard();
    buf text = {0};
    weir_view arg = argc > 1 ? view_of(argv[1]) : (weir_view){0};
    if (view_is(arg, "--help") || view_is(arg, "-h") || view_is(arg, "help")) {
        help(c, &text);
        return print(&text);
    }
    if (view_is(arg, "--version")) {
        buf_printf(&text, "%s %s (weir %s)\n", c->name, c->version, weir_version());
        return print(&text);
    }
    log_sink *log = log_open(2);
    if (!log)
        return WEIR_E_NOMEM;
    int status;
    if (argc > 1) {
        log_line(log, WEIR_ERROR, "unknown argument '%s': see %s --help", argv[1], c->name);
        status = WEIR_E_CONFIG;
    } else {
        status = serve(c, log);
    }
    log_close(log);
    return status;
}
