/* fivetran_rig.h - a connector made of functions, its sync, and the messages of it as lines of text. The messages are taken apart by protobuf-c, which had no part in
 * making the records. */
#ifndef WEIR_TESTS_FIVETRAN_RIG_H
#define WEIR_TESTS_FIVETRAN_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>

#include "proto/fivetran/cold.h"
#include "proto/fivetran/update.h"

typedef weir_rc rig_pull(weir_task *, const weir_binding *);

typedef struct rig {
    weir_connector connector;
    weir_capture capture;
    const weir_stream *streams;
    size_t stream_count;
    rig_pull *pull;
    pthread_mutex_t lock;
    pthread_cond_t more;
    buf said;              /* a line for each message and record */
    size_t messages, checkpoints, warnings, batches, records;
    size_t largest, fullest;   /* batch, in bytes and records */
    size_t stop_after;     /* messages; then nobody wants any more. 0: never */
    bool totals_only;      /* lines of records are left out */
    arena arena;
    err e;
    void *user;
} rig;

static rig *rig_now; /* of the connector in this process */

static weir_rc rig_discover(weir_task *t, void *self)
{
    (void)self;
    weir_rc rc = WEIR_OK;
    for (size_t i = 0; i < rig_now->stream_count && !rc; i++)
        rc = weir_discovered(t, &rig_now->streams[i]);
    return rc;
}

static weir_rc rig_run(weir_task *t, void *self, const weir_binding *b, size_t count)
{
    (void)self;
    weir_rc rc = WEIR_OK;
    for (size_t i = 0; i < count && !rc; i++)
        rc = rig_now->pull(t, &b[i]);
    return rc;
}

static const weir_field rig_resource[] = {{.name = "stream", .type = WEIR_TEXT, .flags = WEIR_PATH, .help = "which"}, {0}};

static inline void rig_init(rig *r, const weir_stream *streams, size_t count, rig_pull *pull)
{
    *r = (rig){.streams = streams, .stream_count = count, .pull = pull, .capture = {.discover = rig_discover, .pull = rig_run}};
    r->connector = (weir_connector){.abi = WEIR_ABI, .name = "source-rig", .version = "1", .resource = rig_resource, .resource_size = sizeof(const char *),
                                    .capture = &r->capture};
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->more, NULL);
    rig_now = r;
}

static inline void rig_free(rig *r)
{
    buf_free(&r->said);
    arena_free(&r->arena);
    err_free(&r->e);
    pthread_cond_destroy(&r->more);
    pthread_mutex_destroy(&r->lock);
}

/* ---- messages as text ---- */

static void rig_value(buf *out, const FivetranSdk__V2__ValueType *v)
{
    switch (v ? v->inner_case : FIVETRAN_SDK__V2__VALUE_TYPE__INNER__NOT_SET) {
    case FIVETRAN_SDK__V2__VALUE_TYPE__INNER_NULL: buf_adds(out, v->null ? "null" : "null:false?"); break;
    case FIVETRAN_SDK__V2__VALUE_TYPE__INNER_BOOL: buf_adds(out, v->bool_ ? "true" : "false"); break;
    case FIVETRAN_SDK__V2__VALUE_TYPE__INNER_SHORT: buf_printf(out, "short:%d", v->short_); break;
    case FIVETRAN_SDK__V2__VALUE_TYPE__INNER_INT: buf_printf(out, "int:%d", v->int_); break;
    case FIVETRAN_SDK__V2__VALUE_TYPE__INNER_LONG: buf_printf(out, "%lld", (long long)v->long_); break;
    case FIVETRAN_SDK__V2__VALUE_TYPE__INNER_FLOAT: buf_printf(out, "float:%g", (double)v->float_); break;
    case FIVETRAN_SDK__V2__VALUE_TYPE__INNER_DOUBLE: buf_printf(out, "double:%.17g", v->double_); break;
    case FIVETRAN_SDK__V2__VALUE_TYPE__INNER_UTC_DATETIME: buf_printf(out, "utc:%lld.%09d", (long long)v->utc_datetime->seconds, v->utc_datetime->nanos); break;
    case FIVETRAN_SDK__V2__VALUE_TYPE__INNER_DECIMAL: buf_printf(out, "decimal:%s", v->decimal); break;
    case FIVETRAN_SDK__V2__VALUE_TYPE__INNER_BINARY: buf_printf(out, "binary:%zu", v->binary.len); break;
    case FIVETRAN_SDK__V2__VALUE_TYPE__INNER_STRING: buf_printf(out, "'%s'", v->string); break;
    case FIVETRAN_SDK__V2__VALUE_TYPE__INNER_JSON: buf_printf(out, "json:%s", v->json); break;
    default: buf_adds(out, "?"); break;
    }
}

static void rig_record(rig *r, const FivetranSdk__V2__Record *m, const char *how)
{
    static const char *const types[] = {"upsert", "update", "delete", "truncate"};
    buf *out = &r->said;
    r->records++;
    if (r->totals_only)
        return;
    buf_printf(out, "%s%s %s%s%s", how, types[m->type], m->_schema_name_case ? m->schema_name : "", m->_schema_name_case ? "." : "", m->table_name);
    for (size_t i = 0; i < m->n_data; i++) {
        buf_printf(out, " %s=", m->data[i]->key);
        rig_value(out, m->data[i]->value);
    }
    buf_addc(out, '\n');
}

static void rig_table(buf *out, const char *schema, const FivetranSdk__V2__Table *t)
{
    buf_printf(out, "%s%s%s(", schema, *schema ? "." : "", t->name);
    for (size_t i = 0; i < t->n_columns; i++)
        buf_printf(out, "%s%s %s%s", i ? ", " : "", t->columns[i]->name, ft_type_name((int)t->columns[i]->type), t->columns[i]->primary_key ? " key" : "");
    buf_addc(out, ')');
}

static void rig_change(buf *out, const FivetranSdk__V2__SchemaChange *c)
{
    buf_adds(out, "change");
    if (c->change_case == FIVETRAN_SDK__V2__SCHEMA_CHANGE__CHANGE_WITHOUT_SCHEMA)
        for (size_t i = 0; i < c->without_schema->n_tables; i++)
            buf_addc(out, ' '), rig_table(out, "", c->without_schema->tables[i]);
    if (c->change_case == FIVETRAN_SDK__V2__SCHEMA_CHANGE__CHANGE_WITH_SCHEMA)
        for (size_t i = 0; i < c->with_schema->n_schemas; i++)
            for (size_t k = 0; k < c->with_schema->schemas[i]->n_tables; k++)
                buf_addc(out, ' '), rig_table(out, c->with_schema->schemas[i]->name, c->with_schema->schemas[i]->tables[k]);
    buf_addc(out, '\n');
}

static void rig_note(rig *r, const FivetranSdk__V2__UpdateResponse *m)
{
    buf *out = &r->said;
    r->messages++;
    switch (m->operation_case) {
    case FIVETRAN_SDK__V2__UPDATE_RESPONSE__OPERATION_RECORDS:
        r->batches++;
        r->fullest = m->records->n_records > r->fullest ? m->records->n_records : r->fullest;
        if (!r->totals_only)
            buf_printf(out, "batch of %zu\n", m->records->n_records);
        for (size_t i = 0; i < m->records->n_records; i++)
            rig_record(r, m->records->records[i], "  ");
        break;
    case FIVETRAN_SDK__V2__UPDATE_RESPONSE__OPERATION_RECORD: rig_record(r, m->record, "alone "); break;
    case FIVETRAN_SDK__V2__UPDATE_RESPONSE__OPERATION_CHECKPOINT:
        r->checkpoints++;
        buf_printf(out, "checkpoint %s%s", m->checkpoint->state_json, r->totals_only ? "" : "\n");
        if (r->totals_only)
            buf_printf(out, " after %zu\n", r->records);
        break;
    case FIVETRAN_SDK__V2__UPDATE_RESPONSE__OPERATION_WARNING:
        r->warnings++;
        buf_printf(out, "warning %s\n", m->warning->message);
        break;
    case FIVETRAN_SDK__V2__UPDATE_RESPONSE__OPERATION_TASK: buf_printf(out, "task %s\n", m->task->message); break;
    case FIVETRAN_SDK__V2__UPDATE_RESPONSE__OPERATION_SCHEMA_CHANGE: rig_change(out, m->schema_change); break;
    default: buf_adds(out, "nothing?\n"); break;
    }
}

/* How many bytes the serialised Records of a message have: what stands behind `32 LEN`. */
static size_t rig_batch_size(weir_view message)
{
    size_t at = 1;
    if (message.len < 2 || message.ptr[0] != 0x32)
        return 0;
    while (message.ptr[at] & 0x80)
        at++;
    return message.len - at - 1;
}

static weir_rc rig_send(void *arg, buf *message, bool more, err *e)
{
    rig *r = arg;
    ProtobufCMessage *m;
    arena a = {0};
    err bad = {0};
    (void)more;
    pthread_mutex_lock(&r->lock);
    if (r->stop_after && r->messages == r->stop_after) {
        pthread_mutex_unlock(&r->lock);
        return err_fail(e, WEIR_STOPPED, "nobody wants it");
    }
    size_t size = rig_batch_size(buf_view(message));
    r->largest = size > r->largest ? size : r->largest;
    if (ft_unpack(&a, &fivetran_sdk__v2__update_response__descriptor, buf_view(message), &m, &bad))
        buf_printf(&r->said, "bad message: %s\n", err_text(&bad));
    else
        rig_note(r, (FivetranSdk__V2__UpdateResponse *)m);
    pthread_cond_broadcast(&r->more);
    pthread_mutex_unlock(&r->lock);
    err_free(&bad);
    arena_free(&a);
    buf_free(message);
    return WEIR_OK;
}

static inline weir_rc rig_sync_with(rig *r, const char *state, const FivetranSdk__V2__Selection *selection, int stop_fd)
{
    tree *config;
    assert_int_equal(tree_parse(&r->arena, VIEW("{}"), NULL, WEIR_E_BUG, &config, &r->e), WEIR_OK);
    const ft_sync o = {.c = &r->connector, .config = config, .selection = selection, .state = view_of(state), .out = {rig_send, r}, .stop_fd = stop_fd};
    err_clear(&r->e);
    return ft_sync_run(&o, &r->e);
}

static inline weir_rc rig_sync(rig *r, const char *state)
{
    return rig_sync_with(r, state, NULL, -1);
}

/* Runs it to a good end and compares what was said. */
static inline void rig_expect(rig *r, const char *state, const char *said)
{
    weir_rc rc = rig_sync(r, state);
    if (rc)
        print_error("%s\n", err_text(&r->e));
    assert_int_equal(rc, WEIR_OK);
    assert_string_equal(buf_text(&r->said), said);
    rig_free(r);
}

#endif
