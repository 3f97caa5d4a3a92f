#include "plane/run.h"

static weir_rc no_native(const task *t, err *e)
{
    return err_fail(e, WEIR_E_CONFIG, "native connector '%.*s' is not linked into this program", VIEW_ARG(t->endpoint.connector));
}

static weir_rc open_native(const task *t, native_finder natives, opened_endpoint *ret, err *e)
{
    ret->connector = natives ? natives(t->endpoint.connector) : NULL;
    return ret->connector ? WEIR_OK : no_native(t, e);
}

static weir_rc open_local(const task *t, log_sink *log, int stop_fd, opened_endpoint *ret, err *e)
{
    const protocol *p = protocol_find(t->endpoint.protocol);
    if (!p)
        return err_fail(e, WEIR_E_CONFIG, "protocol '%.*s' is not known", VIEW_ARG(t->endpoint.protocol));
    const drive_options o = {
        .argv = t->endpoint.argv, .address = t->endpoint.address, .env = t->endpoint.env, .protobuf = t->endpoint.protobuf, .log_level = t->log_level, .log = log,
        .task_name = t->name, .interval_ms = t->interval_ms, .stop_fd = stop_fd, .destination = t->kind == TASK_MATERIALIZE,
        .derivation = t->kind == TASK_DERIVE,
        .flow_documents = true,
    };
    weir_rc rc = p->drive(&o, &ret->driven, e);
    ret->driven_by = p;
    ret->connector = ret->driven;
    return rc;
}

static const char *const nouns[TASK_KINDS] = {[TASK_CAPTURE] = "source", [TASK_MATERIALIZE] = "destination", [TASK_DERIVE] = "derivation"};

static bool is_fit(const weir_connector *c, task_kind kind)
{
    const void *const roles[TASK_KINDS] = {[TASK_CAPTURE] = c->capture, [TASK_MATERIALIZE] = c->materialize, [TASK_DERIVE] = c->derive};
    return roles[kind] != NULL;
}

weir_rc endpoint_open(const task *t, native_finder natives, log_sink *log, int stop_fd, opened_endpoint *ret, err *e)
{
    *ret = (opened_endpoint){0};
    weir_rc rc;
    switch (t->endpoint.kind) {
    case ENDPOINT_NATIVE:
        rc = open_native(t, natives, ret, e);
        break;
    case ENDPOINT_LOCAL:
        rc = open_local(t, log, stop_fd, ret, e);
        break;
    case ENDPOINT_IMAGE:
        rc = err_fail(e, WEIR_E_CONFIG, "image '%.*s': containers are not run by this version: use local or native", VIEW_ARG(t->endpoint.image));
        break;
    default:
        rc = err_fail(e, WEIR_E_CONFIG, "this kind of endpoint is not run by this version: use local or native");
    }
    if (!rc && !is_fit(ret->connector, t->kind))
        rc = err_fail(e, WEIR_E_CONFIG, "'%s' is no %s", ret->connector->name, nouns[t->kind]);
    if (!rc)
        return WEIR_OK;
    endpoint_close(ret);
    return rc;
}

void endpoint_close(opened_endpoint *o)
{
    if (o->driven)
        o->driven_by->drive_free(o->driven);
    *o = (opened_endpoint){0};
}
