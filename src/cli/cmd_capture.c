#include "cli/printing.h"
#include "proto/flow/flow.h"

weir_rc cmd_capture(cli *c, err *e)
{
    catalog cat = {0};
    arena a = {0};
    weir_view state;
    const task *t;
    prepared p;
    weir_rc rc = cli_initial_state(c, &a, &state, e);
    if (!rc)
        rc = cli_task(c, &cat, TASK_CAPTURE, &t, e);
    cli_live *l = rc ? NULL : cli_live_new(c, e);
    if (!rc && !l)
        rc = e->rc;
    if (!rc) {
        const prepare_options o = cli_prepare_options(c, l);
        rc = prepare_task(&p, t, &o, e);
        if (!rc) {
            rc = print_session(c, &p, &flow_json_framing, state, 0, 0, NULL, e);
            prepared_free(&p);
        }
        err_wrap(e, rc, "capture %.*s", VIEW_ARG(t->name));
    }
    cli_live_free(l);
    catalog_free(&cat);
    arena_free(&a);
    return rc;
}
