/* SourceConnector (fivetran.md 1.2, 2.3). */
#include "proto/fivetran/serve_source.h"

#include "proto/fivetran/say.h"
#include "proto/fivetran/serve.h"
#include "proto/fivetran/update.h"

/* ---- Schema ---- */

typedef struct collector {
    listener base;
    ft_streams streams;
} collector;

static weir_rc collect(listener *l, weir_task *t, const weir_stream *s, weir_view resource, weir_view path)
{
    return streams_add(&((collector *)l)->streams.found, t, s, resource, path);
}

static const listener_ops ops = {.discovered = collect};

static weir_rc discover(session *s, void *arg, err *e)
{
    (void)arg;
    return session_discover(s, e);
}

static weir_rc answer_schema(rpc_call *c, ft_streams *s, err *e)
{
    FivetranSdk__V2__SchemaResponse m;
    const ft_table **tables = arena_array(&s->arena, s->count, sizeof *tables);
    fivetran_sdk__v2__schema_response__init(&m);
    for (size_t i = 0; i < s->count && tables; i++)
        tables[i] = &s->items[i].table;
    m.response_case = s->schemas ? FIVETRAN_SDK__V2__SCHEMA_RESPONSE__RESPONSE_WITH_SCHEMA : FIVETRAN_SDK__V2__SCHEMA_RESPONSE__RESPONSE_WITHOUT_SCHEMA;
    if (s->schemas)
        m.with_schema = tables ? ft_schema_list(&s->arena, tables, s->count) : NULL;
    else
        m.without_schema = tables ? ft_table_list(&s->arena, tables, s->count) : NULL;
    m._selection_not_supported_case = FIVETRAN_SDK__V2__SCHEMA_RESPONSE___SELECTION_NOT_SUPPORTED_SELECTION_NOT_SUPPORTED;
    return s->arena.failed ? err_nomem(e) : ft_answer(c, &m.base, e);
}

static weir_rc schema(rpc_call *c, void *context, err *e)
{
    const ft_served *s = context;
    collector to = {.base = {&ops}};
    arena a = {0};
    ProtobufCMessage *request;
    ft_session o = {.served = s, .call = c, .to = &to.base, .work = discover};
    weir_rc rc = ft_request(c, &a, &fivetran_sdk__v2__schema_request__descriptor, &request, e);
    if (!rc) {
        const ft_flat flat = FT_FLAT(&a, (const FivetranSdk__V2__SchemaRequest *)request, configuration);
        rc = ft_config(s, &a, &flat, &o.config, e);
    }
    if (!rc)
        rc = ft_with_session(&o, e);
    if (!rc)
        rc = ft_streams_take(&to.streams, e);
    if (!rc)
        rc = answer_schema(c, &to.streams, e);
    ft_streams_free(&to.streams);
    arena_free(&a);
    return ft_concluded(s->log, "Schema", rc, e);
}

/* ---- Update ---- */

static weir_rc send_message(void *arg, buf *message, bool more, err *e)
{
    return rpc_send(arg, message, more, e);
}

/* Settings that are wrong are told as a task, like everything that the user has to put right. */
static weir_rc say_task(const ft_served *s, rpc_call *c, err *e)
{
    buf message = {0};
    ft_sync_task(s->log, e, &message);
    weir_rc rc = buf_ok(&message) ? rpc_send(c, &message, false, e) : err_nomem(e);
    buf_free(&message);
    return rc;
}

static weir_rc update(rpc_call *c, void *context, err *e)
{
    const ft_served *s = context;
    arena a = {0};
    ProtobufCMessage *request;
    ft_sync o = {.c = s->c, .out = {send_message, c}, .stop_fd = rpc_stop_fd(c), .log = s->log};
    weir_rc rc = ft_request(c, &a, &fivetran_sdk__v2__update_request__descriptor, &request, e);
    if (!rc) {
        const FivetranSdk__V2__UpdateRequest *r = (const FivetranSdk__V2__UpdateRequest *)request;
        const ft_flat flat = FT_FLAT(&a, r, configuration);
        o.selection = r->_selection_case ? r->selection : NULL;
        o.state = r->_state_json_case ? view_of(r->state_json) : (weir_view){0};
        rc = ft_config(s, &a, &flat, &o.config, e);
        if (ft_is_task(rc))
            rc = say_task(s, c, e);
        else if (!rc)
            rc = ft_sync_run(&o, e);
    }
    arena_free(&a);
    return ft_concluded(s->log, "Update", rc, e);
}

#define SERVICE "/fivetran_sdk.v2.SourceConnector/"

const rpc_method ft_source_methods[] = {
    {.path = SERVICE "ConfigurationForm", .handle = ft_configuration_form},
    {.path = SERVICE "Test", .handle = ft_test},
    {.path = SERVICE "Schema", .handle = schema},
    {.path = SERVICE "Update", .handle = update},
    {0},
};
