/* Being a Fivetran connector: a server of one service or both, until a signal (fivetran.md 2.1). */
#include <stdio.h>
#include <stdlib.h>

#include "base/io.h"
#include "json/number.h"
#include "proto/fivetran/fivetran.h"
#include "proto/fivetran/parquet.h"
#include "proto/fivetran/say.h"
#include "proto/fivetran/serve.h"
#include "proto/fivetran/serve_destination.h"

enum { SOURCE_PORT = 50051, DESTINATION_PORT = 50052 };

/* ---- arguments ---- */

typedef struct arguments {
    const char *port, *listen, *batch_type; /* NULL: not given */
    bool help, debug, writes; /* it is a destination */
} arguments;

static void put_usage(const serve_options *o, const arguments *a, buf *out)
{
    buf_printf(out, "usage: %s [--port N] [--listen ADDRESS] %s[--debug]\n", o->program, a->writes ? "[--batch-file-type CSV|PARQUET] " : "");
}

static weir_rc misused(const serve_options *o, const arguments *a, serve_end *end, err *e, const char *fmt, const char *what)
{
    buf text = {0};
    weir_rc rc = err_fail(e, WEIR_E_CONFIG, fmt, what);
    put_usage(o, a, &text);
    buf_printf(&text, "%s: %s\n", o->program, err_text(e));
    fputs(buf_text(&text), stderr);
    buf_free(&text);
    *end = (serve_end){.status = 2, .reported = true};
    return rc;
}

/* --flag VALUE or --flag=VALUE. @return is it this flag? Then *ret is NULL if there is no value */
static bool take(const serve_options *o, size_t *at, const char *flag, const char **ret)
{
    const char *arg = o->args[*at];
    const size_t len = strlen(flag);
    if (strncmp(arg, flag, len) != 0 || (arg[len] && arg[len] != '='))
        return false;
    *ret = arg[len] ? arg + len + 1 : *at + 1 < o->arg_count ? o->args[++*at] : NULL;
    return true;
}

static weir_rc read_arguments(const serve_options *o, arguments *a, serve_end *end, err *e)
{
    for (size_t i = 0; i < o->arg_count; i++) {
        const char *arg = o->args[i], *value = "";
        if (take(o, &i, "--port", &value))
            a->port = value;
        else if (take(o, &i, "--listen", &value))
            a->listen = value;
        else if (a->writes && take(o, &i, "--batch-file-type", &value))
            a->batch_type = value;
        else if (strcmp(arg, "--debug") == 0)
            a->debug = true;
        else if (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0)
            a->help = true;
        else
            return misused(o, a, end, e, "unknown argument '%s'", arg);
        if (!value || (!*value && *arg == '-' && strchr(arg, '=')))
            return misused(o, a, end, e, "%s needs a value", arg);
    }
    if (a->batch_type && strcasecmp(a->batch_type, "CSV") != 0 && strcasecmp(a->batch_type, "PARQUET") != 0)
        return misused(o, a, end, e, "--batch-file-type '%s': there are CSV and PARQUET", a->batch_type);
    return WEIR_OK;
}

/* ---- where to listen ---- */

/* Does the platform run us? Then it is in a container of its own, and calls from outside of it. */
static bool is_hosted(void)
{
    static const char *const vars[] = {"FIVETRAN_ACCOUNT_NAME", "FIVETRAN_GROUP_NAME"};
    for (size_t i = 0; i < sizeof vars / sizeof *vars; i++)
        if (view_of(getenv(vars[i])).len)
            return true;
    return false;
}

/* ADDRESS, ADDRESS:PORT, [ADDRESS]:PORT or unix:PATH. */
static void put_address(const char *listen, int64_t port, buf *out)
{
    const char *first = strchr(listen, ':');
    const bool many = first && strchr(first + 1, ':'), bracket = *listen == '[', with_port = bracket ? strstr(listen, "]:") != NULL : first && !many;
    if (with_port || strncmp(listen, "unix:", 5) == 0)
        buf_adds(out, listen);
    else if (many && !bracket)
        buf_printf(out, "[%s]:%lld", listen, (long long)port);
    else
        buf_printf(out, "%s:%lld", listen, (long long)port);
}

static weir_rc port_of(const serve_options *o, const weir_connector *c, const arguments *a, int64_t *ret, serve_end *end, err *e)
{
    *ret = c->capture ? SOURCE_PORT : DESTINATION_PORT;
    if (a->port && (!number_to_i64(view_of(a->port), ret) || *ret < 0 || *ret > 65535))
        return misused(o, a, end, e, "'%s' is no port", a->port);
    return WEIR_OK;
}

/* ---- the server ---- */

typedef struct service {
    const char *name;
    const rpc_method *methods;
} service;

enum { SERVICES = 2, METHODS = 24 };

/* What there is to be served: methods with their context, and the names of the services. */
typedef struct offer {
    ft_served served;
    rpc_method methods[METHODS];
    const char *services[SERVICES + 1];
    size_t method_count, service_count;
} offer;

static void add_service(offer *f, const char *name, const rpc_method *methods)
{
    f->services[f->service_count++] = name;
    for (const rpc_method *m = methods; m->path && f->method_count + 1 < METHODS; m++) {
        f->methods[f->method_count] = *m;
        f->methods[f->method_count++].context = &f->served;
    }
}

static weir_rc make_offer(offer *f, const weir_connector *c, const arguments *a, log_sink *log, err *e)
{
    const weir_parquet *unused;
    *f = (offer){.served = {.c = c, .log = log, .parquet = a->batch_type && strcasecmp(a->batch_type, "PARQUET") == 0}};
    if (c->capture)
        add_service(f, "fivetran_sdk.v2.SourceConnector", ft_source_methods);
    if (c->materialize || c->sql)
        add_service(f, "fivetran_sdk.v2.DestinationConnector", ft_destination_methods);
    if (!f->service_count)
        return err_fail(e, WEIR_E_CONFIG, "'%s' has nothing that this platform knows", c->name);
    if (f->served.parquet) { /* rather now than with the first batch */
        weir_rc rc = ft_parquet_load(&unused, e);
        if (rc)
            return rc;
    }
    return c->materialize || c->sql ? ft_databases_new(&f->served.databases, c, log, e) : WEIR_OK;
}

static weir_rc start(rpc_server **ret, const offer *f, const char *listen, int64_t port, err *e)
{
    buf address = {0};
    put_address(listen, port, &address);
    const rpc_server_options o = {.listen = buf_text(&address), .methods = f->methods, .descriptors = ft_descriptors(), .services = f->services, .log = f->served.log};
    weir_rc rc = buf_ok(&address) ? rpc_server_start(ret, &o, e) : err_nomem(e);
    if (!rc)
        log_line(f->served.log, WEIR_INFO, "%s %s listens on %s, port %d", f->served.c->name, f->served.c->version, o.listen, rpc_server_port(*ret));
    buf_free(&address);
    return rc;
}

/* Where there is only one of the two, v4 it is (fivetran.md 2.1). */
static weir_rc start_somewhere(rpc_server **ret, const offer *f, const arguments *a, int64_t port, err *e)
{
    if (a->listen || !is_hosted())
        return start(ret, f, a->listen ? a->listen : "127.0.0.1", port, e);
    err without = {0};
    weir_rc rc = start(ret, f, "[::]", port, &without);
    if (rc)
        rc = start(ret, f, "0.0.0.0", port, e);
    err_free(&without);
    return rc;
}

static weir_rc serve(const weir_connector *c, const serve_options *o, const arguments *a, int64_t port, err *e)
{
    offer f;
    rpc_server *server = NULL;
    weir_rc rc = make_offer(&f, c, a, o->log, e);
    if (!rc)
        rc = start_somewhere(&server, &f, a, port, e);
    if (!rc)
        rc = rpc_server_run(server, o->stop_fd, RPC_DRAIN_MS, e);
    rpc_server_free(server);
    ft_databases_free(f.served.databases);
    return rc;
}

weir_rc fivetran_serve(const weir_connector *c, const serve_options *o, serve_end *end, err *e)
{
    arguments a = {.writes = c->sql != NULL};
    ft_logs logs;
    int64_t port;
    weir_rc rc = read_arguments(o, &a, end, e);
    if (!rc)
        rc = port_of(o, c, &a, &port, end, e);
    if (rc)
        return rc;
    if (a.help) {
        buf text = {0};
        put_usage(o, &a, &text);
        rc = io_write(o->out, buf_view(&text), "standard output", e);
        buf_free(&text);
        return rc;
    }
    if (a.debug)
        log_set_level(o->log, WEIR_DEBUG);
    ft_logs_begin(&logs, o->log, o->out, !c->capture);
    rc = serve(c, o, &a, port, e);
    if (rc == WEIR_STOPPED)
        rc = WEIR_OK;
    ft_concluded(o->log, "serve", rc, e);
    ft_logs_end(&logs);
    *end = (serve_end){.status = rc != WEIR_OK, .reported = true};
    return rc;
}

void fivetran_refuse(const serve_options *o, serve_end *end, weir_rc rc, err *e)
{
    ft_logs logs;
    ft_logs_begin(&logs, o->log, o->out, false);
    ft_concluded(o->log, "start", rc, e);
    ft_logs_end(&logs);
    *end = (serve_end){.status = 1, .reported = true};
}
