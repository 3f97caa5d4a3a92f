/* weir test: the tests of a catalog. */
#include "base/io.h"
#include "cli/command.h"
#include "cli/report.h"

enum { TESTS_FAILED = 1 }; /* exit status */

typedef struct tests {
    cli *c;
    const char *path;     /* of the catalog */
    buf line;             /* at hand */
    buf cases;            /* for --junit */
    int64_t microseconds;
} tests;

static weir_rc done(void *arg, const test_result *r, err *e)
{
    tests *t = arg;
    buf_clear(&t->line);
    (t->c->a.json ? report_json : report_text)(&t->line, r);
    t->microseconds += r->microseconds;
    if (t->c->a.junit)
        report_junit(&t->cases, t->path, r);
    return cli_print(&t->line, e);
}

static weir_rc summary(tests *t, size_t passed, size_t failed, err *e)
{
    buf_clear(&t->line);
    if (t->c->a.json)
        buf_printf(&t->line, "{\"passed\":%zu,\"failed\":%zu}\n", passed, failed);
    else
        buf_printf(&t->line, "%zu test%s: %zu passed, %zu failed\n", passed + failed, passed + failed == 1 ? "" : "s", passed, failed);
    return cli_print(&t->line, e);
}

static weir_rc write_junit(tests *t, size_t passed, size_t failed, err *e)
{
    buf text = {0};
    if (!t->c->a.junit)
        return WEIR_OK;
    report_junit_file(&text, t->path, &t->cases, passed, failed, t->microseconds);
    weir_rc rc = buf_ok(&text) && buf_ok(&t->cases) ? io_replace_file(t->c->a.junit, buf_view(&text), e) : err_nomem(e);
    buf_free(&text);
    return rc;
}

static weir_rc run(cli *c, const catalog *cat, cli_live *l, err *e)
{
    tests t = {.c = c, .path = cat->path};
    const prepare_options o = cli_prepare_options(c, l);
    size_t passed, failed;
    weir_rc rc = testing_run(&(testing_options){.catalog = cat, .names = (const char *const *)c->a.rest, .name_count = c->a.rest_count, .natives = o.natives,
                                                .log = o.log, .stop_fd = o.stop_fd, .done = done, .arg = &t, .live = o.live, .live_arg = o.arg}, &passed, &failed, e);
    if (!rc)
        rc = summary(&t, passed, failed, e);
    if (!rc)
        rc = write_junit(&t, passed, failed, e);
    c->status = failed ? TESTS_FAILED : 0;
    buf_free(&t.line);
    buf_free(&t.cases);
    return rc;
}

weir_rc cmd_test(cli *c, err *e)
{
    catalog cat = {0};
    cli_live *l = cli_live_new(c, e);
    weir_rc rc = l ? catalog_read(&cat, c->a.source ? c->a.source : "flow.yaml", e) : WEIR_E_NOMEM;
    if (!rc)
        rc = run(c, &cat, l, e);
    cli_live_free(l);
    catalog_free(&cat);
    return rc;
}
