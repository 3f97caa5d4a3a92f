#include "cli/command.h"
#include "plane/generate.h"

static weir_rc wrote(void *arg, const char *path, err *e)
{
    size_t *count = arg;
    buf line = {0};
    ++*count;
    buf_printf(&line, "wrote %s\n", path);
    weir_rc rc = cli_print(&line, e);
    buf_free(&line);
    return rc;
}

static weir_rc generate(cli *c, const catalog *cat, learned *known, err *e)
{
    size_t count = 0;
    cli_live *l = cli_live_new(c, e);
    if (!l)
        return e->rc;
    const prepare_options o = cli_prepare_options(c, l);
    weir_rc rc = generate_files(&(generate_options){.catalog = cat, .learned = known, .natives = o.natives, .log = o.log, .stop_fd = o.stop_fd, .wrote = wrote, .arg = &count,
                                                    .live = o.live, .live_arg = o.arg}, e);
    if (!rc && !count) {
        buf line = {0};
        buf_adds(&line, "nothing is missing\n");
        rc = cli_print(&line, e);
        buf_free(&line);
    }
    cli_live_free(l);
    return rc;
}

weir_rc cmd_generate(cli *c, err *e)
{
    catalog cat = {0};
    weir_rc rc = catalog_read_missing(&cat, c->a.source ? c->a.source : "flow.yaml", e);
    learned *known = NULL;
    if (!rc)
        rc = learned_open(&known, cli_data(c), e);
    if (!rc)
        rc = generate(c, &cat, known, e);
    learned_close(known);
    catalog_free(&cat);
    return rc;
}
