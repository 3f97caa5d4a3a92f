#include "tester/migrate.h"

/* A step of a migration while it is made. */
typedef struct migrating {
    dest_test *x;
    const char *step; /* its name */
    const tree *row;
    FivetranSdk__V2__MigrationDetails details;
    /* what must be so afterwards; empty: nothing is known */
    weir_view gone_table, new_table, gone_column, new_column;
} migrating;

/* A member that must be there, as a C string; remembers the first one that is not. */
static char *text(migrating *m, const char *name, err *e)
{
    const tree *t = tree_get(m->row, name);
    buf out = {0};
    if (tree_is_null(t)) {
        if (!e->rc)
            tester_input_wrong(m->row->mark, e, "%s needs '%s'", m->step, name);
        return (char *)(uintptr_t)"";
    }
    if (t->kind == TREE_STRING)
        buf_addv(&out, t->text);
    else
        tree_write(&out, t); /* 12, true */
    char *kept = ft_text(&m->x->arena, buf_view(&out));
    buf_free(&out);
    if (!kept && !e->rc)
        err_nomem(e);
    return kept ? kept : (char *)(uintptr_t)"";
}

static char *either(migrating *m, const char *name, const char *other, err *e)
{
    return text(m, tree_get(m->row, name) ? name : other, e);
}

static FivetranSdk__V2__DataType type(migrating *m, err *e)
{
    ft_type t = FT_UNSPECIFIED;
    const tree *given = tree_get(m->row, tree_get(m->row, "data_type") ? "data_type" : "column_type");
    weir_view name = given && given->kind == TREE_OBJECT ? tree_text(given, "type") : given ? given->text : (weir_view){0};
    if (!ft_type_named(name, &t) && !e->rc)
        tester_input_wrong(m->row->mark, e, "%s: '%.*s' is no type of a column", m->step, VIEW_ARG(name));
    return (FivetranSdk__V2__DataType)t;
}

/* ------------------------------------------------------------------------------------------------------- by AlterTable -- */

/* The table as it is, to be changed. */
static tester_target_table *table_of(migrating *m, err *e)
{
    bool unknown = false;
    const tester_target_table *t = tester_find(m->x, view_of(text(m, "table", e)), &unknown, e);
    tester_target_table *copy = t ? arena_alloc(&m->x->arena, sizeof *copy) : NULL;
    if (unknown && !e->rc)
        tester_input_wrong(m->row->mark, e, "%s: the destination has no such table", m->step);
    if (!copy)
        return NULL;
    *copy = *t;
    copy->table.columns = arena_array(&m->x->arena, t->table.count + 1, sizeof(ft_column));
    if (!copy->table.columns)
        return NULL;
    memcpy(copy->table.columns, t->table.columns, t->table.count * sizeof(ft_column));
    return copy;
}

static weir_rc altered(migrating *m, tester_target_table *t, bool drop, err *e)
{
    weir_rc rc = tester_alter(m->x, t, drop, e);
    if (!rc)
        rc = tester_compare(m->x, t, false, e);
    return rc ? rc : tester_know(m->x, t->table.name, NULL, e);
}

static weir_rc params(migrating *m, ft_column *c, err *e)
{
    const tree *given = tree_get(m->row, "data_type");
    return tester_target_params(given && given->kind == TREE_OBJECT ? given : m->row, c, e);
}

static weir_rc add_column(migrating *m, err *e)
{
    ft_column c = {.name = view_of(text(m, "column", e)), .type = (ft_type)type(m, e)};
    tester_target_table *t = e->rc || params(m, &c, e) ? NULL : table_of(m, e);
    if (!t || e->rc)
        return e->rc ? e->rc : err_nomem(e);
    return tester_target_add(&m->x->arena, &t->table, c) ? altered(m, t, false, e) : err_nomem(e);
}

static weir_rc change_type(migrating *m, err *e)
{
    weir_view name = view_of(text(m, "column", e));
    ft_type wanted = (ft_type)type(m, e);
    tester_target_table *t = e->rc ? NULL : table_of(m, e);
    if (!t || e->rc)
        return e->rc ? e->rc : err_nomem(e);
    ft_column *c = tester_target_column(&t->table, name);
    if (!c)
        return tester_input_wrong(m->row->mark, e, "%s: the table has no column '%.*s'", m->step, VIEW_ARG(name));
    c->type = wanted;
    weir_rc rc = params(m, c, e);
    return rc ? rc : altered(m, t, false, e);
}

static weir_rc drop_column(migrating *m, err *e)
{
    weir_view name = view_of(text(m, "column", e));
    tester_target_table *t = e->rc ? NULL : table_of(m, e);
    if (!t || e->rc)
        return e->rc ? e->rc : err_nomem(e);
    ft_column *c = tester_target_column(&t->table, name);
    if (!c)
        return tester_input_wrong(m->row->mark, e, "%s: the table has no column '%.*s'", m->step, VIEW_ARG(name));
    memmove(c, c + 1, (size_t)(t->table.columns + t->table.count - (c + 1)) * sizeof *c);
    t->table.count--;
    return altered(m, t, true, e);
}

/* ----------------------------------------------------------------------------------------------------------- by Migrate -- */

static weir_rc expect_table(migrating *m, weir_view name, bool there, err *e)
{
    tester_target_table *t = NULL;
    weir_rc rc = name.len ? tester_describe(m->x, name, &t, e) : WEIR_OK;
    if (!rc && name.len && there != (t != NULL))
        tester_problem(m->x->r, "migrate", "%s: table '%.*s' is %s afterwards", m->step, VIEW_ARG(name), there ? "not there" : "still there");
    return rc;
}

static weir_rc expect_columns(migrating *m, err *e)
{
    tester_target_table *t = NULL;
    if (!m->gone_column.len && !m->new_column.len)
        return WEIR_OK;
    weir_rc rc = tester_describe(m->x, view_of(m->details.table), &t, e);
    if (!rc && m->new_column.len && (!t || !tester_target_column(&t->table, m->new_column)))
        tester_problem(m->x->r, "migrate", "%s: column '%.*s' of '%s' is not there afterwards", m->step, VIEW_ARG(m->new_column), m->details.table);
    if (!rc && m->gone_column.len && t && tester_target_column(&t->table, m->gone_column))
        tester_problem(m->x->r, "migrate", "%s: column '%.*s' of '%s' is still there afterwards", m->step, VIEW_ARG(m->gone_column), m->details.table);
    return rc;
}

/* Sends what was made, and looks at what came of it. What was known of the tables counts no more. */
static weir_rc migrate(migrating *m, err *e)
{
    bool done = false;
    if (e->rc)
        return e->rc;
    m->details.schema = (char *)(uintptr_t)m->x->o->schema;
    weir_rc rc = tester_migrate(m->x, &m->details, &done, e);
    const weir_view touched[] = {view_of(m->details.table), m->gone_table, m->new_table};
    for (size_t i = 0; !rc && i < 3; i++)
        rc = touched[i].len ? tester_know(m->x, touched[i], NULL, e) : WEIR_OK;
    if (!rc && done)
        rc = expect_table(m, m->gone_table, false, e);
    if (!rc && done)
        rc = expect_table(m, m->new_table, true, e);
    return rc || !done ? rc : expect_columns(m, e);
}

/* Makes the message of an operation, whose member `KIND` of details is `member`. */
#define MEMBER(m, TYPE, INIT, var, KIND, member)                                                                                                               \
    FivetranSdk__V2__##TYPE var = FIVETRAN_SDK__V2__##INIT##__INIT;                                                                                            \
    (m)->details.operation_case = FIVETRAN_SDK__V2__MIGRATION_DETAILS__OPERATION_##KIND;                                                                       \
    (m)->details.member = &var

static weir_rc drop_table(migrating *m, err *e)
{
    MEMBER(m, DropOperation, DROP_OPERATION, op, DROP, drop);
    m->details.table = text(m, "table", e);
    op.entity_case = FIVETRAN_SDK__V2__DROP_OPERATION__ENTITY_DROP_TABLE;
    op.drop_table = true;
    m->gone_table = view_of(m->details.table);
    return migrate(m, e);
}

static weir_rc drop_column_in_history(migrating *m, err *e)
{
    MEMBER(m, DropOperation, DROP_OPERATION, op, DROP, drop);
    FivetranSdk__V2__DropColumnInHistoryMode d = FIVETRAN_SDK__V2__DROP_COLUMN_IN_HISTORY_MODE__INIT;
    m->details.table = text(m, "table", e);
    op.entity_case = FIVETRAN_SDK__V2__DROP_OPERATION__ENTITY_DROP_COLUMN_IN_HISTORY_MODE;
    op.drop_column_in_history_mode = &d;
    d.column = text(m, "column", e);
    d.operation_timestamp = text(m, "operation_timestamp", e);
    m->new_column = view_of(d.column); /* it stays */
    return migrate(m, e);
}

static weir_rc copy_table(migrating *m, err *e)
{
    MEMBER(m, CopyOperation, COPY_OPERATION, op, COPY, copy);
    FivetranSdk__V2__CopyTable c = FIVETRAN_SDK__V2__COPY_TABLE__INIT;
    op.entity_case = FIVETRAN_SDK__V2__COPY_OPERATION__ENTITY_COPY_TABLE;
    op.copy_table = &c;
    m->details.table = c.from_table = text(m, "from_table", e);
    c.to_table = text(m, "to_table", e);
    m->new_table = view_of(c.to_table);
    return migrate(m, e);
}

static weir_rc copy_column(migrating *m, err *e)
{
    MEMBER(m, CopyOperation, COPY_OPERATION, op, COPY, copy);
    FivetranSdk__V2__CopyColumn c = FIVETRAN_SDK__V2__COPY_COLUMN__INIT;
    m->details.table = text(m, "table", e);
    op.entity_case = FIVETRAN_SDK__V2__COPY_OPERATION__ENTITY_COPY_COLUMN;
    op.copy_column = &c;
    c.from_column = text(m, "from_column", e);
    c.to_column = text(m, "to_column", e);
    m->new_column = view_of(c.to_column);
    return migrate(m, e);
}

static weir_rc copy_to_history(migrating *m, err *e)
{
    MEMBER(m, CopyOperation, COPY_OPERATION, op, COPY, copy);
    FivetranSdk__V2__CopyTableToHistoryMode c = FIVETRAN_SDK__V2__COPY_TABLE_TO_HISTORY_MODE__INIT;
    op.entity_case = FIVETRAN_SDK__V2__COPY_OPERATION__ENTITY_COPY_TABLE_TO_HISTORY_MODE;
    op.copy_table_to_history_mode = &c;
    m->details.table = c.from_table = text(m, "from_table", e);
    c.to_table = text(m, "to_table", e);
    if (tree_get(m->row, "deleted_column") || tree_get(m->row, "soft_deleted_column"))
        c.soft_deleted_column = either(m, "deleted_column", "soft_deleted_column", e);
    m->new_table = view_of(c.to_table);
    return migrate(m, e);
}

static weir_rc rename_table(migrating *m, err *e)
{
    MEMBER(m, RenameOperation, RENAME_OPERATION, op, RENAME, rename);
    FivetranSdk__V2__RenameTable r = FIVETRAN_SDK__V2__RENAME_TABLE__INIT;
    op.entity_case = FIVETRAN_SDK__V2__RENAME_OPERATION__ENTITY_RENAME_TABLE;
    op.rename_table = &r;
    m->details.table = r.from_table = text(m, "from_table", e);
    r.to_table = text(m, "to_table", e);
    m->gone_table = view_of(r.from_table);
    m->new_table = view_of(r.to_table);
    return migrate(m, e);
}

static weir_rc rename_column(migrating *m, err *e)
{
    MEMBER(m, RenameOperation, RENAME_OPERATION, op, RENAME, rename);
    FivetranSdk__V2__RenameColumn r = FIVETRAN_SDK__V2__RENAME_COLUMN__INIT;
    m->details.table = text(m, "table", e);
    op.entity_case = FIVETRAN_SDK__V2__RENAME_OPERATION__ENTITY_RENAME_COLUMN;
    op.rename_column = &r;
    r.from_column = text(m, "from_column", e);
    r.to_column = text(m, "to_column", e);
    m->gone_column = view_of(r.from_column);
    m->new_column = view_of(r.to_column);
    return migrate(m, e);
}

static weir_rc add_in_history(migrating *m, err *e)
{
    MEMBER(m, AddOperation, ADD_OPERATION, op, ADD, add);
    FivetranSdk__V2__AddColumnInHistoryMode a = FIVETRAN_SDK__V2__ADD_COLUMN_IN_HISTORY_MODE__INIT;
    m->details.table = text(m, "table", e);
    op.entity_case = FIVETRAN_SDK__V2__ADD_OPERATION__ENTITY_ADD_COLUMN_IN_HISTORY_MODE;
    op.add_column_in_history_mode = &a;
    a.column = text(m, "column", e);
    a.column_type = type(m, e);
    a.default_value = text(m, "default_value", e);
    a.operation_timestamp = text(m, "operation_timestamp", e);
    m->new_column = view_of(a.column);
    return migrate(m, e);
}

static weir_rc add_with_default(migrating *m, err *e)
{
    MEMBER(m, AddOperation, ADD_OPERATION, op, ADD, add);
    FivetranSdk__V2__AddColumnWithDefaultValue a = FIVETRAN_SDK__V2__ADD_COLUMN_WITH_DEFAULT_VALUE__INIT;
    m->details.table = text(m, "table", e);
    op.entity_case = FIVETRAN_SDK__V2__ADD_OPERATION__ENTITY_ADD_COLUMN_WITH_DEFAULT_VALUE;
    op.add_column_with_default_value = &a;
    a.column = text(m, "column", e);
    a.column_type = type(m, e);
    a.default_value = text(m, "default_value", e);
    m->new_column = view_of(a.column);
    return migrate(m, e);
}

static weir_rc update_value(migrating *m, const char *value, err *e)
{
    MEMBER(m, UpdateColumnValueOperation, UPDATE_COLUMN_VALUE_OPERATION, u, UPDATE_COLUMN_VALUE, update_column_value);
    m->details.table = text(m, "table", e);
    u.column = text(m, "column", e);
    u.value = value ? (char *)(uintptr_t)value : text(m, "value", e);
    m->new_column = view_of(u.column);
    return migrate(m, e);
}

static weir_rc update_column_value(migrating *m, err *e) { return update_value(m, NULL, e); }
/* The text NULL is what null is called here (fivetran.md 2.4). */
static weir_rc set_to_null(migrating *m, err *e) { return update_value(m, "NULL", e); }

/* ---- other modes ---- */

static const struct {
    const char *step;
    FivetranSdk__V2__TableSyncModeMigrationType type;
} modes[] = {
    {"migrate_soft_delete_to_live", FIVETRAN_SDK__V2__TABLE_SYNC_MODE_MIGRATION_TYPE__SOFT_DELETE_TO_LIVE},
    {"migrate_soft_delete_to_history", FIVETRAN_SDK__V2__TABLE_SYNC_MODE_MIGRATION_TYPE__SOFT_DELETE_TO_HISTORY},
    {"migrate_history_to_soft_delete", FIVETRAN_SDK__V2__TABLE_SYNC_MODE_MIGRATION_TYPE__HISTORY_TO_SOFT_DELETE},
    {"migrate_history_to_live", FIVETRAN_SDK__V2__TABLE_SYNC_MODE_MIGRATION_TYPE__HISTORY_TO_LIVE},
    {"migrate_live_to_soft_delete", FIVETRAN_SDK__V2__TABLE_SYNC_MODE_MIGRATION_TYPE__LIVE_TO_SOFT_DELETE},
    {"migrate_live_to_history", FIVETRAN_SDK__V2__TABLE_SYNC_MODE_MIGRATION_TYPE__LIVE_TO_HISTORY},
};

static void expect_mode(migrating *m, FivetranSdk__V2__TableSyncModeMigrationType type)
{
    if (type == FIVETRAN_SDK__V2__TABLE_SYNC_MODE_MIGRATION_TYPE__SOFT_DELETE_TO_HISTORY) {
        m->new_column = VIEW(TARGET_START);
        m->gone_column = VIEW(TARGET_DELETED);
    } else if (type == FIVETRAN_SDK__V2__TABLE_SYNC_MODE_MIGRATION_TYPE__HISTORY_TO_SOFT_DELETE) {
        m->new_column = VIEW(TARGET_DELETED);
        m->gone_column = VIEW(TARGET_START);
    }
}

static weir_rc change_mode(migrating *m, err *e)
{
    MEMBER(m, TableSyncModeMigrationOperation, TABLE_SYNC_MODE_MIGRATION_OPERATION, op, TABLE_SYNC_MODE_MIGRATION, table_sync_mode_migration);
    m->details.table = text(m, "table", e);
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
        if (strcmp(modes[i].step, m->step) == 0)
            op.type = modes[i].type;
    if (tree_get(m->row, "deleted_column") || tree_get(m->row, "soft_deleted_column")) {
        op._soft_deleted_column_case = FIVETRAN_SDK__V2__TABLE_SYNC_MODE_MIGRATION_OPERATION___SOFT_DELETED_COLUMN_SOFT_DELETED_COLUMN;
        op.soft_deleted_column = either(m, "deleted_column", "soft_deleted_column", e);
    }
    expect_mode(m, op.type);
    return migrate(m, e);
}

/* ----------------------------------------------------------------------------------------------------------------- steps -- */

static const struct {
    const char *name;
    weir_rc (*run)(migrating *, err *);
} steps[] = {
    {"add_column", add_column}, {"change_column_data_type", change_type}, {"drop_column", drop_column}, {"drop_table", drop_table},
    {"drop_column_in_history_mode", drop_column_in_history}, {"copy_table", copy_table}, {"copy_column", copy_column},
    {"copy_table_to_history_mode", copy_to_history}, {"rename_table", rename_table}, {"rename_column", rename_column},
    {"add_column_in_history_mode", add_in_history}, {"add_column_with_default_value", add_with_default}, {"update_column_value", update_column_value},
    {"set_column_to_null", set_to_null}, {"migrate_soft_delete_to_live", change_mode}, {"migrate_soft_delete_to_history", change_mode},
    {"migrate_history_to_soft_delete", change_mode}, {"migrate_history_to_live", change_mode}, {"migrate_live_to_soft_delete", change_mode},
    {"migrate_live_to_history", change_mode},
};

static weir_rc run_row(dest_test *x, size_t i, const tree *row, err *e)
{
    migrating m = {.x = x, .step = steps[i].name, .row = row, .details = FIVETRAN_SDK__V2__MIGRATION_DETAILS__INIT};
    if (row->kind != TREE_OBJECT)
        return tester_input_wrong(row->mark, e, "%s: expected an object", steps[i].name);
    tester_say(x->r, "migrate", "%s", steps[i].name);
    return err_wrap(e, steps[i].run(&m, e), "%s", steps[i].name);
}

static weir_rc run_step(dest_test *x, const tree *step, err *e)
{
    weir_rc rc = WEIR_OK;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        if (!view_is(step->name, steps[i].name))
            continue;
        for (const tree *row = step->kind == TREE_ARRAY ? step->first : step; !rc && row; row = step->kind == TREE_ARRAY ? row->next : NULL)
            rc = run_row(x, i, row, e);
        return rc;
    }
    return tester_input_wrong(step->name_mark, e, "'%.*s' is no step of a migration", VIEW_ARG(step->name));
}

weir_rc tester_migrations(dest_test *x, const tree *list, err *e)
{
    weir_rc rc = WEIR_OK;
    if (list->kind != TREE_ARRAY)
        return tester_input_wrong(list->mark, e, "schema_migration: expected an array");
    for (const tree *element = list->first; !rc && element; element = element->next) {
        if (element->kind != TREE_OBJECT)
            rc = tester_input_wrong(element->mark, e, "schema_migration: expected an object");
        for (const tree *step = element->first; !rc && step; step = step->next)
            rc = run_step(x, step, e);
    }
    return rc;
}
