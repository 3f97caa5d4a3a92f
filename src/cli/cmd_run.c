#include <stdlib.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/progress.h"

static progress_mode mode_of(const cli_args *a)
{
    if (a->quiet)
        return PROGRESS_NONE;
    if (a->json)
        return PROGRESS_JSON;
    const char *term = getenv("TERM");
    return isatty(2) && term && strcmp(term, "dumb") != 0 ? PROGRESS_TERMINAL : PROGRESS_LINES;
}

static weir_rc run(cli *c, const catalog *cat, int64_t idle_ms, bool replay, err *e)
{
    progress *p = progress_new(mode_of(&c->a), c->a.json ? 1 : 2);
    buf summary = {0};
    if (!p)
        return err_nomem(e);
    const run_options o = {
        .catalog = cat, .data_dir = c->a.data ? c->a.data : "weir-data", .only = c->a.only, .once = c->a.once || replay, .replay = replay, .idle_ms = idle_ms,
        .natives = c->natives, .log = c->log, .stop_fd = c->stop_fd, .progress = progress_update, .progress_arg = p,
    };
    weir_rc rc = plane_run(&o, e);
    progress_summary(p, &summary);
    err ignored = {0};
    if (rc)
        cli_print(&summary, &ignored);
    else
        rc = cli_print(&summary, e);
    err_free(&ignored);
    buf_free(&summary);
    progress_free(p);
    return rc;
}

weir_rc cmd_run(cli *c, err *e)
{
    catalog cat = {0};
    int64_t idle_ms;
    weir_rc rc = cli_duration(c->a.idle, "idle", -1, &idle_ms, e);
    if (!rc)
        rc = catalog_read(&cat, c->a.source ? c->a.source : "flow.yaml", e);
    if (!rc)
        rc = run(c, &cat, idle_ms, false, e);
    catalog_free(&cat);
    return rc;
}

weir_rc cmd_replay(cli *c, err *e)
{
    catalog cat = {0};
    weir_rc rc = catalog_read(&cat, c->a.source ? c->a.source : "flow.yaml", e);
    if (!rc)
        rc = run(c, &cat, -1, true, e);
    catalog_free(&cat);
    return rc;
}
