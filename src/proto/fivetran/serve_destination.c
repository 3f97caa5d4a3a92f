/* The service DestinationConnector (fivetran.md 1.3): requests in, what the database did out. */
#include "proto/fivetran/say.h"
#include "proto/fivetran/serve.h"
#include "proto/fivetran/serve_destination.h"

/* ------------------------------------------------------------------------------------------------------------------ calls -- */

typedef struct calling calling;

/* A call: what it asks for, what is done, what is answered. All responses are alike: a oneof, whose members are found by their names. */
typedef struct method {
    const char *name;
    const ProtobufCMessageDescriptor *request, *response;
    ft_flat (*configuration)(arena *a, const ProtobufCMessage *request);
    const char *(*schema)(const ProtobufCMessage *request);
    weir_rc (*work)(ft_work *w, calling *c);
    bool reads; /* needs no transaction */
} method;

struct calling {
    const method *m;
    rpc_call *call;
    const ft_served *served;
    arena a;
    const ProtobufCMessage *request;
    const char *member; /* of the response */
    void *value;        /* the message in it; NULL: true */
};

/* ----------------------------------------------------------------------------------------------------------------- answers -- */

static weir_rc answer(calling *c, err *e)
{
    const ProtobufCMessageDescriptor *d = c->m->response;
    const ProtobufCFieldDescriptor *f = protobuf_c_message_descriptor_get_field_by_name(d, c->member);
    ProtobufCMessage *m = f ? arena_alloc(&c->a, d->sizeof_message) : NULL;
    if (!m)
        return f ? err_nomem(e) : err_fail(e, WEIR_E_BUG, "the response has no '%s'", c->member);
    d->message_init(m);
    *(uint32_t *)(void *)((char *)m + f->quantifier_offset) = f->id;
    if (f->type == PROTOBUF_C_TYPE_MESSAGE)
        *(void **)(void *)((char *)m + f->offset) = c->value;
    else
        *(protobuf_c_boolean *)(void *)((char *)m + f->offset) = true;
    return ft_answer(c->call, m, e);
}

/* What a person has to mend is told as a task; everything else is the status of the call, and the platform tries again (fivetran.md 2.4). */
static weir_rc answer_task(calling *c, err *e)
{
    FivetranSdk__V2__Task *task = arena_alloc(&c->a, sizeof *task);
    buf reason = {0};
    if (!task)
        return err_nomem(e);
    ft_reason(c->served->log, e, &reason);
    log_line(c->served->log, WEIR_ERROR, "%s: %s", c->m->name, buf_text(&reason));
    fivetran_sdk__v2__task__init(task);
    task->message = buf_ok(&reason) ? ft_text(&c->a, buf_view(&reason)) : NULL;
    buf_free(&reason);
    if (!task->message)
        return err_nomem(e);
    err_clear(e);
    c->member = "task";
    c->value = task;
    return answer(c, e);
}

/* ------------------------------------------------------------------------------------------------------------------- work -- */

static bool is_cancelled(void *arg)
{
    return rpc_cancelled(arg);
}

static weir_rc work_on(ft_work *w, void *arg)
{
    calling *c = arg;
    return c->m->work(w, c);
}

static weir_rc use_database(calling *c, err *e)
{
    const tree *config;
    const ft_flat flat = c->m->configuration(&c->a, c->request);
    ft_work w = {.a = &c->a, .schema = view_of(c->m->schema(c->request)), .cancelled = is_cancelled, .arg = c->call};
    weir_rc rc = ft_config(c->served, &c->a, &flat, &config, e);
    if (rc)
        return rc;
    return (c->m->reads ? ft_database_use : ft_database_change)(c->served->databases, config, &w, work_on, c, e);
}

static weir_rc serve(rpc_call *call, void *context, const method *m, err *e)
{
    calling c = {.m = m, .call = call, .served = context, .member = "success"};
    ProtobufCMessage *request;
    weir_rc rc = ft_request(call, &c.a, m->request, &request, e);
    if (!rc) {
        c.request = request;
        rc = use_database(&c, e);
        rc = rc == WEIR_E_CONFIG ? answer_task(&c, e) : rc ? rc : answer(&c, e);
    }
    arena_free(&c.a);
    return ft_concluded(c.served->log, m->name, rc, e);
}

/* ---------------------------------------------------------------------------------------------------------------- methods -- */

#define REQUEST(Type) const FivetranSdk__V2__##Type##Request *m = (const FivetranSdk__V2__##Type##Request *)(const void *)c->request

static weir_rc do_describe_table(ft_work *w, calling *c)
{
    REQUEST(DescribeTable);
    FivetranSdk__V2__Table *t;
    weir_rc rc = ft_describe_table(w, m->table_name, &t);
    c->member = t ? "table" : "not_found";
    c->value = t;
    return rc;
}

static weir_rc do_create_table(ft_work *w, calling *c)
{
    REQUEST(CreateTable);
    return ft_create_table(w, m->table);
}

static weir_rc do_alter_table(ft_work *w, calling *c)
{
    REQUEST(AlterTable);
    return ft_alter_table(w, m->table, m->drop_columns);
}

static weir_rc do_truncate(ft_work *w, calling *c)
{
    REQUEST(Truncate);
    return ft_truncate_table(w, m);
}

static weir_rc do_write_batch(ft_work *w, calling *c)
{
    REQUEST(WriteBatch);
    return ft_write_batch(w, m);
}

static weir_rc do_write_history_batch(ft_work *w, calling *c)
{
    REQUEST(WriteHistoryBatch);
    return ft_write_history_batch(w, m);
}

static weir_rc do_migrate(ft_work *w, calling *c)
{
    REQUEST(Migrate);
    bool unsupported;
    weir_rc rc = ft_migrate(w, m->details, &unsupported);
    c->member = unsupported ? "unsupported" : "success";
    return rc;
}

static const char *schema_of_migrate(const ProtobufCMessage *request)
{
    const FivetranSdk__V2__MigrateRequest *m = (const FivetranSdk__V2__MigrateRequest *)(const void *)request;
    return m->details ? m->details->schema : "";
}

/* Every request has them, but C does not know that they are alike. */
#define CONFIGURATION(Type, function)                                                                                   \
    static ft_flat configuration_of_##function(arena *a, const ProtobufCMessage *request)                               \
    {                                                                                                                   \
        return FT_FLAT(a, (const FivetranSdk__V2__##Type##Request *)(const void *)request, configuration);              \
    }
#define SCHEMA(Type, function)                                                                            \
    static const char *schema_of_##function(const ProtobufCMessage *request)                              \
    {                                                                                                     \
        return ((const FivetranSdk__V2__##Type##Request *)(const void *)request)->schema_name;            \
    }
#define METHOD(Type, Response, function, only_reads)                                                      \
    static weir_rc serve_##function(rpc_call *call, void *context, err *e)                                \
    {                                                                                                     \
        static const method m = {                                                                         \
            .name = #Type,                                                                                \
            .request = &fivetran_sdk__v2__##function##_request__descriptor,                               \
            .response = &fivetran_sdk__v2__##Response##_response__descriptor,                             \
            .configuration = configuration_of_##function,                                                 \
            .schema = schema_of_##function,                                                               \
            .work = do_##function,                                                                            \
            .reads = only_reads,                                                                          \
        };                                                                                                \
        return serve(call, context, &m, e);                                                               \
    }

SCHEMA(DescribeTable, describe_table)
SCHEMA(CreateTable, create_table)
SCHEMA(AlterTable, alter_table)
SCHEMA(Truncate, truncate)
SCHEMA(WriteBatch, write_batch)
SCHEMA(WriteHistoryBatch, write_history_batch)
CONFIGURATION(DescribeTable, describe_table)
CONFIGURATION(CreateTable, create_table)
CONFIGURATION(AlterTable, alter_table)
CONFIGURATION(Truncate, truncate)
CONFIGURATION(WriteBatch, write_batch)
CONFIGURATION(WriteHistoryBatch, write_history_batch)
CONFIGURATION(Migrate, migrate)
METHOD(DescribeTable, describe_table, describe_table, true)
METHOD(CreateTable, create_table, create_table, false)
METHOD(AlterTable, alter_table, alter_table, false)
METHOD(Truncate, truncate, truncate, false)
METHOD(WriteBatch, write_batch, write_batch, false)
METHOD(WriteHistoryBatch, write_batch, write_history_batch, false)
METHOD(Migrate, migrate, migrate, false)

static weir_rc capabilities(rpc_call *call, void *context, err *e)
{
    const ft_served *s = context;
    arena a = {0};
    ProtobufCMessage *request;
    FivetranSdk__V2__CapabilitiesResponse m = FIVETRAN_SDK__V2__CAPABILITIES_RESPONSE__INIT;
    m.batch_file_format = s->parquet ? FIVETRAN_SDK__V2__BATCH_FILE_FORMAT__PARQUET : FIVETRAN_SDK__V2__BATCH_FILE_FORMAT__CSV;
    weir_rc rc = ft_request(call, &a, &fivetran_sdk__v2__capabilities_request__descriptor, &request, e);
    if (!rc)
        rc = ft_answer(call, &m.base, e);
    arena_free(&a);
    return ft_concluded(s->log, "Capabilities", rc, e);
}

#define PATH(name) "/fivetran_sdk.v2.DestinationConnector/" name
const rpc_method ft_destination_methods[] = {
    {.path = PATH("ConfigurationForm"), .handle = ft_configuration_form},
    {.path = PATH("Capabilities"), .handle = capabilities},
    {.path = PATH("Test"), .handle = ft_test},
    {.path = PATH("DescribeTable"), .handle = serve_describe_table},
    {.path = PATH("CreateTable"), .handle = serve_create_table},
    {.path = PATH("AlterTable"), .handle = serve_alter_table},
    {.path = PATH("Truncate"), .handle = serve_truncate},
    {.path = PATH("WriteBatch"), .handle = serve_write_batch},
    {.path = PATH("WriteHistoryBatch"), .handle = serve_write_history_batch},
    {.path = PATH("Migrate"), .handle = serve_migrate},
    {0},
};
