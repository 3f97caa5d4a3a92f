#include <stdlib.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/progress.h"
#include "json/number.h"
#include "plane/shard.h"

static progress_mode mode_of(const cli_args *a)
{
    if (a->quiet)
        return PROGRESS_NONE;
    if (a->json)
        return PROGRESS_JSON;
    const char *term = getenv("TERM");
    return isatty(2) && term && strcmp(term, "dumb") != 0 ? PROGRESS_TERMINAL : PROGRESS_LINES;
}

static weir_rc shards_of(const cli *c, size_t *ret, err *e)
{
    uint64_t count = 0;
    if (c->a.shards && (!number_to_u64(view_of(c->a.shards), &count) || !count || count > SHARDS_MOST))
        return err_fail(e, WEIR_E_CONFIG, "--shards is no number from 1 to %d: '%s'", SHARDS_MOST, c->a.shards);
    *ret = (size_t)count;
    return WEIR_OK;
}

static weir_rc run(cli *c, const catalog *cat, run_options o, err *e)
{
    progress *p = progress_new(mode_of(&c->a), c->a.json ? 1 : 2);
    buf summary = {0};
    if (!p)
        return err_nomem(e);
    o.catalog = cat;
    o.data_dir = cli_data(c);
    o.only = c->a.only;
    o.natives = c->natives;
    o.log = c->log;
    o.stop_fd = c->stop_fd;
    o.progress = progress_update;
    o.progress_arg = p;
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
    run_options o = {.once = c->a.once};
    weir_rc rc = cli_duration(c->a.idle, "idle", -1, &o.idle_ms, e);
    if (!rc)
        rc = shards_of(c, &o.shards, e);
    if (!rc)
        rc = catalog_read(&cat, c->a.source ? c->a.source : "flow.yaml", e);
    if (!rc)
        rc = run(c, &cat, o, e);
    catalog_free(&cat);
    return rc;
}

weir_rc cmd_replay(cli *c, err *e)
{
    catalog cat = {0};
    weir_rc rc = catalog_read(&cat, c->a.source ? c->a.source : "flow.yaml", e);
    if (!rc)
        rc = run(c, &cat, (run_options){.once = true, .replay = true, .idle_ms = -1}, e);
    catalog_free(&cat);
    return rc;
}
