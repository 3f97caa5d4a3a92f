/* What all calls do: request, settings, session, answer; and the two methods that sources and destinations have in common. */
#include "proto/fivetran/say.h"
#include "proto/fivetran/serve.h"

/* ---- request, answer ---- */

weir_rc ft_request(rpc_call *c, arena *a, const ProtobufCMessageDescriptor *type, ProtobufCMessage **ret, err *e)
{
    weir_view bytes;
    weir_rc rc = rpc_receive(c, &bytes, e);
    if (rc == WEIR_STOPPED)
        return err_fail(e, rpc_cancelled(c) ? WEIR_STOPPED : WEIR_E_PROTOCOL, rpc_cancelled(c) ? "cancelled" : "the call came without a request");
    return rc ? rc : err_wrap(e, ft_unpack(a, type, bytes, ret, e), "the request");
}

static weir_rc send_all(rpc_call *c, buf *message, err *e)
{
    weir_rc rc = buf_ok(message) ? rpc_send(c, message, false, e) : err_nomem(e);
    buf_free(message);
    return rc;
}

weir_rc ft_answer(rpc_call *c, const ProtobufCMessage *m, err *e)
{
    buf message = {0};
    ft_pack(m, &message);
    return send_all(c, &message, e);
}

/* ---- settings ---- */

static void mask(void *arg, weir_view secret)
{
    log_mask(arg, secret);
}

weir_rc ft_config(const ft_served *s, arena *a, const ft_flat *configuration, const tree **ret, err *e)
{
    ft_plan *plan;
    buf text = {0};
    tree *parsed = NULL;
    if (configuration->count && !configuration->items)
        return err_nomem(e);
    weir_rc rc = ft_plan_of_connector(a, s->c, &plan, e);
    if (!rc) {
        ft_plan_secrets(plan, configuration, mask, s->log);
        rc = ft_plan_settings(plan, configuration, s->log, &text, e);
    }
    if (!rc) {
        weir_view kept = buf_ok(&text) ? arena_dup(a, buf_view(&text)) : (weir_view){0};
        rc = kept.ptr ? tree_parse(a, kept, NULL, WEIR_E_BUG, &parsed, e) : err_nomem(e);
    }
    buf_wipe(&text);
    *ret = parsed;
    return rc;
}

/* ---- sessions ---- */

static weir_rc attended(const ft_session *o, session *s, err *e)
{
    ft_watch *watch = ft_watch_start(&(ft_watch_options){.s = s, .stop_fd = rpc_stop_fd(o->call), .wake_fd = -1}, e);
    if (!watch)
        return e->rc;
    weir_rc rc = session_open(s, o->config, e);
    if (!rc && o->work)
        rc = o->work(s, o->arg, e);
    return ft_watch_end(watch) ? err_fail(e, WEIR_STOPPED, "cancelled") : rc;
}

weir_rc ft_with_session(const ft_session *o, err *e)
{
    session *s = session_new(&(session_options){.connector = o->served->c, .to = o->to, .log = o->served->log, .task_name = view_of(o->served->c->name), .no_acks = true});
    weir_rc rc = s ? attended(o, s, e) : err_nomem(e);
    session_free(s);
    return rc;
}

/* ---- ConfigurationForm ---- */

weir_rc ft_configuration_form(rpc_call *c, void *context, err *e)
{
    const ft_served *s = context;
    arena a = {0};
    ft_plan *plan;
    buf message = {0};
    ProtobufCMessage *request;
    weir_rc rc = ft_request(c, &a, &fivetran_sdk__v2__configuration_form_request__descriptor, &request, e);
    if (!rc)
        rc = ft_plan_of_connector(&a, s->c, &plan, e);
    if (!rc)
        rc = ft_form_write(&a, ft_plan_form(plan), &message) ? send_all(c, &message, e) : err_nomem(e);
    buf_free(&message);
    arena_free(&a);
    return ft_concluded(s->log, "ConfigurationForm", rc, e);
}

/* ---- Test ---- */

/* Can a table be made, and the like? */
static weir_rc begin_and_go_back(weir_task *t, void *self, void *arg)
{
    const weir_sql *sql = arg;
    weir_rc rc = sql->begin(t, self);
    return rc ? rc : sql->rollback(t, self);
}

/* Looking at what is there needs the access that reading needs. */
static weir_rc select_all(session *s, void *arg, err *e)
{
    const weir_connector *c = arg;
    weir_rc rc = c->capture ? session_discover(s, e) : WEIR_OK;
    if (!rc && c->sql)
        rc = session_call(s, begin_and_go_back, (void *)(uintptr_t)c->sql, e);
    if (!rc)
        rc = session_bind(s, NULL, NULL, 0, (weir_view){0}, e);
    return rc ? rc : session_validate(s, e);
}

static weir_rc run_own(weir_task *t, void *self, void *arg)
{
    return ((const weir_test *)arg)->run(t, self);
}

static weir_rc call_own(session *s, void *arg, err *e)
{
    return session_call(s, run_own, arg, e);
}

static weir_rc choose(const weir_connector *c, weir_view name, ft_session *ret, err *e)
{
    for (const weir_test *t = c->tests; t && t->name; t++)
        if (view_is(name, t->name)) {
            ret->work = call_own;
            ret->arg = (void *)(uintptr_t)t;
            return WEIR_OK;
        }
    if (!c->tests && view_is(name, "connect"))
        return WEIR_OK;
    if (c->tests || !view_is(name, "select"))
        return err_fail(e, WEIR_E_PROTOCOL, "there is no test '%.*s'", VIEW_ARG(name));
    ret->work = select_all;
    ret->arg = (void *)(uintptr_t)c;
    return WEIR_OK;
}

static weir_rc run_test(ft_session *o, arena *a, const FivetranSdk__V2__TestRequest *r, err *e)
{
    const ft_flat flat = FT_FLAT(a, r, configuration);
    weir_rc rc = ft_config(o->served, a, &flat, &o->config, e);
    return rc ? rc : ft_with_session(o, e);
}

/* What a test finds is its answer. */
static weir_rc answer_test(const ft_session *o, arena *a, weir_view name, weir_rc rc, err *found, err *e)
{
    FivetranSdk__V2__TestResponse m;
    buf text = {0};
    fivetran_sdk__v2__test_response__init(&m);
    m.response_case = rc ? FIVETRAN_SDK__V2__TEST_RESPONSE__RESPONSE_FAILURE : FIVETRAN_SDK__V2__TEST_RESPONSE__RESPONSE_SUCCESS;
    if (rc) {
        ft_reason(o->served->log, found, &text);
        log_line(o->served->log, WEIR_WARN, "test '%.*s' has failed: %s", VIEW_ARG(name), buf_text(&text));
        m.failure = ft_text(a, buf_view(&text));
    } else {
        m.success = true;
    }
    rc = buf_ok(&text) && !a->failed ? ft_answer(o->call, &m.base, e) : err_nomem(e);
    buf_free(&text);
    return rc;
}

weir_rc ft_test(rpc_call *c, void *context, err *e)
{
    listener l = {&listener_quiet};
    arena a = {0};
    err found = {0};
    ProtobufCMessage *request;
    ft_session o = {.served = context, .call = c, .to = &l};
    weir_rc rc = ft_request(c, &a, &fivetran_sdk__v2__test_request__descriptor, &request, e);
    const FivetranSdk__V2__TestRequest *r = rc ? NULL : (const FivetranSdk__V2__TestRequest *)request;
    if (!rc)
        rc = choose(o.served->c, view_of(r->name), &o, e);
    if (!rc) {
        weir_rc tested = run_test(&o, &a, r, &found);
        rc = tested && !ft_is_failure(tested) ? err_move(e, &found) : answer_test(&o, &a, view_of(r->name), tested, &found, e);
    }
    err_free(&found);
    arena_free(&a);
    return ft_concluded(o.served->log, "Test", rc, e);
}
