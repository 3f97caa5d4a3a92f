#include "tester/send.h"

#include <stdio.h>

#define CONFIGURATION(x, q, NAME, UPPER)                                                                                                                       \
    TESTER_CONFIGURATION(&(x)->arena, &(x)->setup, q, FivetranSdk__V2__##NAME##Request__ConfigurationEntry,                                                    \
                         FIVETRAN_SDK__V2__##UPPER##_REQUEST__CONFIGURATION_ENTRY__INIT)

weir_rc tester_call(dest_test *x, const char *method, const ProtobufCMessage *q, const ProtobufCMessageDescriptor *type, ProtobufCMessage **ret, err *e)
{
    x->calls++;
    return x->arena.failed ? err_nomem(e) : tester_peer_call(x->peer, method, q, type, &x->arena, ret, e);
}

weir_rc tester_judge(dest_test *x, const char *what, tester_answer a, err *e)
{
    if (a.task)
        return err_fail(e, WEIR_E_CONFIG, "%s: the destination has a task for its user: %s", what, a.task->message);
    if (a.warning)
        tester_warn(x->r, "warning", "%s: %s", what, a.warning->message);
    else if (!a.has_success)
        tester_problem(x->r, "no_member", "%s: the response says neither success nor warning nor task", what);
    else if (!a.success)
        tester_problem(x->r, "success_false", "%s: the response is success: false, which says nothing", what);
    return WEIR_OK;
}

static char *schema_of(const dest_test *x) { return (char *)(uintptr_t)x->o->schema; }

/* ---------------------------------------------------------------------------------------------------------------- tables -- */

weir_rc tester_describe(dest_test *x, weir_view name, tester_target_table **ret, err *e)
{
    FivetranSdk__V2__DescribeTableRequest q = FIVETRAN_SDK__V2__DESCRIBE_TABLE_REQUEST__INIT;
    ProtobufCMessage *m = NULL;
    *ret = NULL;
    CONFIGURATION(x, &q, DescribeTable, DESCRIBE_TABLE);
    q.schema_name = schema_of(x);
    q.table_name = ft_text(&x->arena, name);
    weir_rc rc = tester_call(x, "DescribeTable", &q.base, &fivetran_sdk__v2__describe_table_response__descriptor, &m, e);
    if (rc)
        return rc;
    const FivetranSdk__V2__DescribeTableResponse *d = (const void *)m;
    switch (d->response_case) {
    case FIVETRAN_SDK__V2__DESCRIBE_TABLE_RESPONSE__RESPONSE_NOT_FOUND:
        if (!d->not_found)
            tester_problem(x->r, "no_member", "DescribeTable of '%.*s': not_found: false, and no table", VIEW_ARG(name));
        return WEIR_OK;
    case FIVETRAN_SDK__V2__DESCRIBE_TABLE_RESPONSE__RESPONSE_TABLE:
        *ret = arena_alloc(&x->arena, sizeof **ret);
        return *ret ? tester_target_described(&x->arena, d->table, *ret, e) : err_nomem(e);
    case FIVETRAN_SDK__V2__DESCRIBE_TABLE_RESPONSE__RESPONSE_WARNING:
        return tester_judge(x, "DescribeTable", (tester_answer){.warning = d->warning}, e);
    case FIVETRAN_SDK__V2__DESCRIBE_TABLE_RESPONSE__RESPONSE_TASK:
        return tester_judge(x, "DescribeTable", (tester_answer){.task = d->task}, e);
    default:
        return tester_judge(x, "DescribeTable", (tester_answer){0}, e);
    }
}

weir_rc tester_know(dest_test *x, weir_view name, tester_target_table *t, err *e)
{
    weir_view kept = arena_dup(&x->arena, name);
    return kept.ptr && map_put(&x->tables, kept, t) ? WEIR_OK : err_nomem(e);
}

const tester_target_table *tester_find(void *arg, weir_view name, bool *ret_unknown, err *e)
{
    dest_test *x = arg;
    tester_target_table *t = map_get(&x->tables, name);
    if (t)
        return t;
    weir_rc rc = tester_describe(x, name, &t, e);
    if (!rc && t)
        rc = tester_know(x, name, t, e);
    *ret_unknown = !rc && !t;
    if (*ret_unknown)
        tester_say(x->r, "input", "the destination has no table '%.*s': what is meant for it changes nothing", VIEW_ARG(name));
    return rc ? NULL : t;
}

weir_rc tester_create(dest_test *x, const tester_target_table *t, err *e)
{
    FivetranSdk__V2__CreateTableRequest q = FIVETRAN_SDK__V2__CREATE_TABLE_REQUEST__INIT;
    ProtobufCMessage *m = NULL;
    CONFIGURATION(x, &q, CreateTable, CREATE_TABLE);
    q.schema_name = schema_of(x);
    q.table = tester_target_message(&x->arena, &t->table);
    weir_rc rc = tester_call(x, "CreateTable", &q.base, &fivetran_sdk__v2__create_table_response__descriptor, &m, e);
    return rc ? rc : tester_judge(x, "CreateTable", TESTER_ANSWER((const FivetranSdk__V2__CreateTableResponse *)(void *)m, CREATE_TABLE), e);
}

weir_rc tester_alter(dest_test *x, const tester_target_table *t, bool drop, err *e)
{
    FivetranSdk__V2__AlterTableRequest q = FIVETRAN_SDK__V2__ALTER_TABLE_REQUEST__INIT;
    ProtobufCMessage *m = NULL;
    CONFIGURATION(x, &q, AlterTable, ALTER_TABLE);
    q.schema_name = schema_of(x);
    q.table = tester_target_message(&x->arena, &t->table);
    q.drop_columns = drop;
    weir_rc rc = tester_call(x, "AlterTable", &q.base, &fivetran_sdk__v2__alter_table_response__descriptor, &m, e);
    return rc ? rc : tester_judge(x, "AlterTable", TESTER_ANSWER((const FivetranSdk__V2__AlterTableResponse *)(void *)m, ALTER_TABLE), e);
}

static void compare_column(dest_test *x, const char *table, const ft_column *want, const ft_column *have)
{
    if (!have)
        tester_problem(x->r, "describe", "DescribeTable of '%s' lacks column '%.*s'", table, VIEW_ARG(want->name));
    else if (have->key != want->key)
        tester_problem(x->r, "describe", "DescribeTable of '%s': column '%.*s' is %s of the primary key", table, VIEW_ARG(want->name),
                       want->key ? "not told as part" : "told as part");
    else if (have->type != want->type)
        tester_warn(x->r, "describe_type", "DescribeTable of '%s': column '%.*s' was made as %s and is told as %s: the platform would alter it again and again", table,
                    VIEW_ARG(want->name), ft_type_name(want->type), ft_type_name(have->type));
    else if (want->precision && have->precision && (have->precision != want->precision || have->scale != want->scale))
        tester_warn(x->r, "describe_type", "DescribeTable of '%s': column '%.*s' was made as DECIMAL(%u,%u) and is told as DECIMAL(%u,%u)", table, VIEW_ARG(want->name),
                    (unsigned)want->precision, (unsigned)want->scale, (unsigned)have->precision, (unsigned)have->scale);
}

weir_rc tester_compare(dest_test *x, const tester_target_table *want, bool surplus, err *e)
{
    tester_target_table *have;
    weir_rc rc = tester_describe(x, want->table.name, &have, e);
    char name[256];
    snprintf(name, sizeof name, "%.*s", VIEW_ARG(want->table.name));
    if (rc)
        return rc;
    if (!have) {
        tester_problem(x->r, "describe", "DescribeTable does not find '%s', which was made", name);
        return WEIR_OK;
    }
    if (have->table.name.len && !view_eq(have->table.name, want->table.name))
        tester_problem(x->r, "describe", "DescribeTable of '%s' names it '%.*s'", name, VIEW_ARG(have->table.name));
    for (size_t i = 0; i < want->table.count; i++)
        compare_column(x, name, &want->table.columns[i], tester_target_column(&have->table, want->table.columns[i].name));
    for (size_t i = 0; !surplus && i < have->table.count; i++)
        if (!tester_target_column(&want->table, have->table.columns[i].name))
            tester_problem(x->r, "describe", "DescribeTable of '%s' has column '%.*s', which was not asked for", name, VIEW_ARG(have->table.columns[i].name));
    return WEIR_OK;
}

/* ------------------------------------------------------------------------------------------------------------ truncations -- */

weir_rc tester_truncate(dest_test *x, const tester_truncation *t, err *e)
{
    FivetranSdk__V2__TruncateRequest q = FIVETRAN_SDK__V2__TRUNCATE_REQUEST__INIT;
    Google__Protobuf__Timestamp before = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    FivetranSdk__V2__SoftTruncate soft = FIVETRAN_SDK__V2__SOFT_TRUNCATE__INIT;
    ProtobufCMessage *m = NULL;
    CONFIGURATION(x, &q, Truncate, TRUNCATE);
    q.schema_name = schema_of(x);
    q.table_name = ft_text(&x->arena, t->table);
    q.synced_column = (char *)(uintptr_t)TARGET_SYNCED;
    before.seconds = t->before / 1000;
    before.nanos = (int32_t)(t->before % 1000 * 1000000);
    q.utc_delete_before = &before;
    if (t->soft) {
        soft.deleted_column = (char *)(uintptr_t)TARGET_DELETED;
        q._soft_case = FIVETRAN_SDK__V2__TRUNCATE_REQUEST___SOFT_SOFT;
        q.soft = &soft;
    }
    weir_rc rc = tester_call(x, "Truncate", &q.base, &fivetran_sdk__v2__truncate_response__descriptor, &m, e);
    return rc ? rc : tester_judge(x, "Truncate", TESTER_ANSWER((const FivetranSdk__V2__TruncateResponse *)(void *)m, TRUNCATE), e);
}

weir_rc tester_migrate(dest_test *x, const FivetranSdk__V2__MigrationDetails *d, bool *ret_done, err *e)
{
    FivetranSdk__V2__MigrateRequest q = FIVETRAN_SDK__V2__MIGRATE_REQUEST__INIT;
    ProtobufCMessage *m = NULL;
    CONFIGURATION(x, &q, Migrate, MIGRATE);
    q.details = (FivetranSdk__V2__MigrationDetails *)(uintptr_t)d;
    weir_rc rc = tester_call(x, "Migrate", &q.base, &fivetran_sdk__v2__migrate_response__descriptor, &m, e);
    if (rc)
        return rc;
    const FivetranSdk__V2__MigrateResponse *r = (const void *)m;
    *ret_done = r->response_case == FIVETRAN_SDK__V2__MIGRATE_RESPONSE__RESPONSE_SUCCESS;
    if (r->response_case != FIVETRAN_SDK__V2__MIGRATE_RESPONSE__RESPONSE_UNSUPPORTED)
        return tester_judge(x, "Migrate", TESTER_ANSWER(r, MIGRATE), e);
    tester_warn(x->r, "unsupported", "Migrate of table '%s': the destination does not support it", d->table);
    return WEIR_OK;
}
