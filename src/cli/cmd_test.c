/* weir test-source, test-destination: connectors of Fivetran's protocol, tested as the platform would use them. */
#include <stdlib.h>
#include <unistd.h>

#include "cli/command.h"
#include "tester/tester.h"

/* The address of a server that is there already. */
static weir_rc address_of(const cli *c, const char *port, arena *a, const char **ret, err *e)
{
    const char *host = getenv("GRPC_HOSTNAME"), *given = c->a.port ? c->a.port : port;
    char *end;
    long n = strtol(given, &end, 10);
    if (c->a.address && c->a.port)
        return err_fail(e, WEIR_E_CONFIG, "--address and --port: one of them");
    if (*end || n < 1 || n > 65535)
        return err_fail(e, WEIR_E_CONFIG, "--port is no port: '%s'", given);
    *ret = c->a.address ? c->a.address : arena_printf(a, "%s:%ld", host && *host ? host : "localhost", n).ptr;
    return *ret ? WEIR_OK : err_nomem(e);
}

static weir_rc command_of(const cli *c, arena *a, const char *const **ret, err *e)
{
    const char **argv = arena_array(a, c->a.rest_count + 1, sizeof *argv);
    if (!argv)
        return err_nomem(e);
    for (size_t i = 0; i < c->a.rest_count; i++)
        argv[i] = c->a.rest[i];
    *ret = argv;
    return c->a.address || c->a.port ? err_fail(e, WEIR_E_CONFIG, "a command is started on a port of its own: no --address, no --port") : WEIR_OK;
}

static weir_rc options(const cli *c, const char *port, arena *a, tester_options *ret, err *e)
{
    *ret = (tester_options){.data = c->a.data ? c->a.data : ".", .configuration = c->a.configuration, .json = c->a.json, .ask = isatty(0) && !c->a.json,
                            .log = c->log, .stop_fd = c->stop_fd};
    return c->a.rest_count ? command_of(c, a, &ret->command, e) : address_of(c, port, a, &ret->address, e);
}

/* "a,b.c" as a list. */
static const char *const *list_of(const char *text, arena *a)
{
    size_t n = 0, room = text ? strlen(text) + 2 : 1;
    const char **list = arena_array(a, room, sizeof *list);
    for (const char *at = text; list && at && *at;) {
        size_t len = strcspn(at, ",");
        if (len)
            list[n++] = arena_text(a, (weir_view){at, len});
        at += len + (at[len] == ',');
    }
    return list;
}

static weir_rc warehouse_of(const cli *c, arena *a, const weir_connector **ret, err *e)
{
    const char *given = c->a.warehouse ? c->a.warehouse : "duckdb";
    weir_view name = arena_printf(a, "materialize-%s", given);
    *ret = c->natives && name.ptr ? c->natives(name) : NULL;
    return *ret && (*ret)->sql ? WEIR_OK : err_fail(e, WEIR_E_CONFIG, "--warehouse '%s' is not known: there are duckdb and sqlite", given);
}

/* A test that failed without an error has told why; its exit status is the peer's kind of fault. */
static weir_rc end(cli *c, weir_rc rc, bool ok)
{
    c->status = ok ? 0 : rc == WEIR_STOPPED ? WEIR_E_TRANSIENT : WEIR_E_PROTOCOL; /* one that was stopped has not succeeded */
    return rc;
}

weir_rc cmd_test_source(cli *c, err *e)
{
    arena a = {0};
    tester_options o;
    bool ok = false;
    weir_rc rc = options(c, "50051", &a, &o, e);
    o.schema = c->a.destination_schema ? c->a.destination_schema : "default_schema";
    o.state = c->a.state;
    o.reset = c->a.reset;
    o.excluded = list_of(c->a.exclude, &a);
    if (!rc)
        rc = warehouse_of(c, &a, &o.warehouse, e);
    if (!rc)
        rc = tester_source(&o, &ok, e);
    arena_free(&a);
    return end(c, rc, ok);
}

weir_rc cmd_test_destination(cli *c, err *e)
{
    arena a = {0};
    tester_options o;
    bool ok = false;
    weir_rc rc = options(c, "50052", &a, &o, e);
    o.schema = c->a.schema_name ? c->a.schema_name : "tester";
    o.input_file = c->a.input_file;
    o.batch_type = c->a.batch_file_type ? c->a.batch_file_type : "CSV";
    o.plain_text = c->a.plain_text;
    o.no_delay = c->a.no_delay;
    if (!rc)
        rc = tester_destination(&o, &ok, e);
    arena_free(&a);
    return end(c, rc, ok);
}
