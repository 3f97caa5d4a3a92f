#include "cli/command.h"
#include "proto/flow/flow.h"

static weir_rc print_spec(cli *c, const weir_connector *k, err *e)
{
    buf body = {0}, out = {0};
    arena a = {0};
    tree *t;
    weir_rc rc = flow_spec_body(k, &body, e);
    if (!rc && c->a.emit_raw) {
        rc = flow_write(FLOW_JSON, FLOW_RESPONSE, FLOW_SPEC, buf_view(&body), &out, e);
    } else if (!rc) {
        rc = tree_parse(&a, buf_view(&body), NULL, WEIR_E_PROTOCOL, &t, e);
        if (!rc)
            tree_write_pretty(&out, t);
        buf_addc(&out, '\n');
    }
    if (!rc)
        rc = cli_print(&out, e);
    arena_free(&a);
    buf_free(&body);
    buf_free(&out);
    return rc;
}

weir_rc cmd_spec(cli *c, err *e)
{
    catalog cat = {0};
    arena a = {0};
    task own;
    const task *t = &own;
    opened_endpoint end;
    weir_rc rc = c->a.rest_count ? cli_command_task(c, &a, &own, e) : cli_task(c, &cat, -1, &t, e);
    if (!rc)
        rc = endpoint_open(t, c->natives, c->log, c->stop_fd, &end, e);
    if (!rc) {
        rc = print_spec(c, end.connector, e);
        endpoint_close(&end);
    }
    arena_free(&a);
    catalog_free(&cat);
    return rc;
}
