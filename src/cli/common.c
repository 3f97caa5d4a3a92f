/* What several commands need. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/io.h"
#include "cli/command.h"
#include "json/scan.h"
#include "json/text.h"
#include "run/conduct.h"

struct cli_live {
    cli *c;
    conductor *conductor; /* of the live session */
};

cli_live *cli_live_new(cli *c, err *e)
{
    cli_live *l = calloc(1, sizeof *l);
    if (!l)
        err_nomem(e);
    else
        l->c = c;
    return l;
}

/* A session begins or ends to work: signals go to it meanwhile. Without a thread for that the session still works, signals wait. */
static void live(void *arg, session *s)
{
    cli_live *l = arg;
    err e = {0};
    conductor_end(l->conductor);
    l->conductor = s ? conductor_start(&(conductor_options){.s = s, .stop_fd = l->c->stop_fd, .in = -1}, &e) : NULL;
    err_free(&e);
}

prepare_options cli_prepare_options(cli *c, cli_live *l)
{
    return (prepare_options){.natives = c->natives, .log = c->log, .stop_fd = c->stop_fd, .live = live, .arg = l};
}

void cli_live_free(cli_live *l)
{
    if (l)
        conductor_end(l->conductor);
    free(l);
}

weir_rc cli_task(cli *c, catalog *cat, int kind, const task **ret, err *e)
{
    weir_rc rc = catalog_read(cat, c->a.source ? c->a.source : "flow.yaml", e);
    return rc ? rc : catalog_task(cat, view_of(c->a.name), kind, ret, e);
}

weir_rc cli_command_task(cli *c, arena *a, task *ret, err *e)
{
    const char **argv = arena_array(a, c->a.rest_count + 1, sizeof *argv);
    if (!argv)
        return err_nomem(e);
    for (size_t i = 0; i < c->a.rest_count; i++)
        argv[i] = c->a.rest[i];
    *ret = (task){.kind = TASK_CAPTURE, .name = VIEW("command/line"), .endpoint = {.kind = ENDPOINT_LOCAL, .argv = argv}};
    return WEIR_OK;
}

const char *cli_data(const cli *c) { return c->a.data ? c->a.data : "weir-data"; }

weir_rc cli_print(const buf *text, err *e)
{
    return buf_ok(text) ? io_write(1, buf_view(text), "standard output", e) : err_nomem(e);
}

weir_rc cli_initial_state(const cli *c, arena *a, weir_view *ret, err *e)
{
    weir_view given = view_of(c->a.initial_state);
    buf line = {0};
    *ret = (weir_view){0};
    if (!c->a.initial_state)
        return WEIR_OK;
    json_scan s = json_scan_of(given);
    if (json_peek(&s) != '{')
        json_bad(&s, "expected an object");
    if (!json_skip(&s, NULL) || !json_done(&s))
        return err_fail(e, WEIR_E_CONFIG, "--initial-state: %s at byte %zu", s.error, (size_t)(s.at - s.begin));
    json_compact(&line, given);
    *ret = arena_dup(a, buf_view(&line));
    bool ok = buf_ok(&line) && ret->ptr;
    buf_free(&line);
    return ok ? WEIR_OK : err_nomem(e);
}

weir_rc cli_duration(const char *text, const char *option, int64_t fallback, int64_t *ret, err *e)
{
    *ret = fallback;
    if (text && !clock_duration(view_of(text), ret))
        return err_fail(e, WEIR_E_CONFIG, "--%s is no duration: '%s'; such as 10s, 5m, 1h30m", option, text);
    return WEIR_OK;
}
