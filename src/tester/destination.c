/* A test of a destination: input files of operations, as the platform would send them (fivetran.md 3.2). */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/io.h"
#include "proto/fivetran/parquet.h"
#include "tester/migrate.h"
#include "tester/tables.h"

enum { INPUT_MAX = 1 << 30, OPERATION_MS = 1 }; /* bytes of an input file; time between operations */

/* ----------------------------------------------------------------------------------------------------------- beginnings -- */

static weir_rc ask_capabilities(dest_test *x, err *e)
{
    FivetranSdk__V2__CapabilitiesRequest q = FIVETRAN_SDK__V2__CAPABILITIES_REQUEST__INIT;
    ProtobufCMessage *m = NULL;
    weir_rc rc = tester_peer_call(x->peer, "Capabilities", &q.base, &fivetran_sdk__v2__capabilities_response__descriptor, &x->arena, &m, e);
    if (rc)
        return rc;
    const FivetranSdk__V2__CapabilitiesResponse *c = (const void *)m;
    bool csv = c->batch_file_format == FIVETRAN_SDK__V2__BATCH_FILE_FORMAT__CSV;
    tester_say(x->r, "capabilities", "batch files as %s", csv ? "CSV" : "Parquet");
    if (csv == !x->parquet)
        return WEIR_OK;
    return csv ? err_fail(e, WEIR_E_CONFIG, "the destination wants CSV files, not Parquet: leave out --batch-file-type")
               : err_fail(e, WEIR_E_CONFIG, "the destination wants Parquet files: --batch-file-type PARQUET");
}

/* "null-" and "unmod-" with letters that no value has by accident. */
static weir_rc make_marker(char *out, size_t room, const char *prefix, err *e)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    unsigned char bytes[32];
    weir_rc rc = ft_random(bytes, sizeof bytes, e);
    size_t n = (size_t)snprintf(out, room, "%s", prefix);
    for (size_t i = 0; i < sizeof bytes && n + 1 < room; i++)
        out[n++] = letters[bytes[i] % (sizeof letters - 1)];
    out[n] = 0;
    return rc;
}

static weir_rc prepare(dest_test *x, err *e)
{
    const char *given = getenv("WORKING_DIR");
    char *real = given && *given ? NULL : realpath(x->o->data, NULL);
    x->folder = arena_text(&x->arena, view_of(real ? real : given && *given ? given : x->o->data));
    free(real);
    weir_rc rc = x->folder ? make_marker(x->null_string, sizeof x->null_string, "null-", e) : err_nomem(e);
    return rc ? rc : make_marker(x->unmodified_string, sizeof x->unmodified_string, "unmod-", e);
}

/* Nobody has this table. */
static weir_rc ask_for_nothing(dest_test *x, err *e)
{
    tester_target_table *t;
    weir_rc rc = tester_describe(x, VIEW("weir_tester_no_such_table"), &t, e);
    if (!rc && t)
        tester_problem(x->r, "not_found", "DescribeTable finds a table that nobody has made");
    if (!rc)
        rc = tester_truncate(x, &(tester_truncation){.table = VIEW("weir_tester_no_such_table"), .before = 1}, e);
    return rc;
}

/* ----------------------------------------------------------------------------------------------------------------- tables -- */

static weir_rc create_tables(dest_test *x, const tree *tables, err *e)
{
    weir_rc rc = WEIR_OK;
    for (const tree *m = tables ? tables->first : NULL; !rc && m; m = m->next) {
        tester_target_table *t = arena_alloc(&x->arena, sizeof *t);
        rc = t ? tester_target_read(&x->arena, m, t, e) : err_nomem(e);
        if (!rc)
            rc = tester_create(x, t, e);
        if (!rc)
            rc = tester_compare(x, t, false, e);
        if (!rc)
            rc = tester_know(x, t->table.name, t, e);
        if (!rc)
            tester_say(x->r, "create_table", "%.*s, %zu columns%s", VIEW_ARG(m->name), t->table.count, t->history ? ", with history" : "");
        rc = err_wrap(e, rc, "create_table '%.*s'", VIEW_ARG(m->name));
    }
    return rc;
}

/* Columns that are not in the new description stay. */
static weir_rc keep_surplus(dest_test *x, const tester_target_table *had, tester_target_table *t, err *e)
{
    for (size_t i = 0; had && i < had->table.count; i++)
        if (!tester_target_column(&t->table, had->table.columns[i].name)) {
            ft_column c = had->table.columns[i];
            c.key = false;
            if (!tester_target_add(&x->arena, &t->table, c))
                return err_nomem(e);
        }
    return WEIR_OK;
}

static weir_rc alter_tables(dest_test *x, const tree *tables, err *e)
{
    weir_rc rc = WEIR_OK;
    for (const tree *m = tables ? tables->first : NULL; !rc && m; m = m->next) {
        bool unknown = false;
        tester_target_table *t = arena_alloc(&x->arena, sizeof *t);
        rc = t ? tester_target_read(&x->arena, m, t, e) : err_nomem(e);
        const tester_target_table *had = rc ? NULL : tester_find(x, m->name, &unknown, e);
        if (!rc && !had)
            rc = unknown ? tester_input_wrong(m->name_mark, e, "the destination has no table '%.*s'", VIEW_ARG(m->name)) : e->rc;
        if (!rc)
            rc = tester_alter(x, t, false, e);
        if (!rc)
            rc = tester_compare(x, t, true, e);
        if (!rc)
            rc = keep_surplus(x, had, t, e);
        if (!rc)
            rc = tester_know(x, m->name, t, e);
        if (!rc)
            tester_say(x->r, "alter_table", "%.*s, %zu columns", VIEW_ARG(m->name), t->table.count);
        rc = err_wrap(e, rc, "alter_table '%.*s'", VIEW_ARG(m->name));
    }
    return rc;
}

/* ----------------------------------------------------------------------------------------------------------- operations -- */

static size_t count_operations(const tree *ops)
{
    size_t n = 0;
    for (const tree *o = ops && ops->kind == TREE_ARRAY ? ops->first : NULL; o; o = o->next)
        n += o->count;
    return n;
}

/* The last operation happens now. */
static weir_rc run_operations(dest_test *x, const tree *ops, const char *stem, err *e)
{
    int64_t seconds, step = x->o->no_delay ? 0 : OPERATION_MS;
    uint32_t nanos;
    tester_plan plan;
    clock_now(&seconds, &nanos);
    int64_t now = seconds * 1000 + nanos / 1000000;
    weir_rc rc = tester_plan_make(&x->arena, ops, now - (int64_t)count_operations(ops) * step, step, tester_find, x, &plan, e);
    for (size_t i = 0; !rc && i < plan.batch_count; i++)
        rc = tester_write(x, &plan.batches[i], stem, e);
    for (size_t i = 0; !rc && i < plan.truncation_count; i++) {
        rc = err_wrap(e, tester_truncate(x, &plan.truncations[i], e), "truncate '%.*s'", VIEW_ARG(plan.truncations[i].table));
        if (!rc)
            tester_say(x->r, "truncate", "%.*s%s", VIEW_ARG(plan.truncations[i].table), plan.truncations[i].soft ? ", soft" : "");
    }
    return rc;
}

/* -------------------------------------------------------------------------------------------------------------- showing -- */

static weir_rc show_table(dest_test *x, weir_view name, err *e)
{
    enum { COLUMNS = 4 };
    tester_target_table *t;
    arena a = {0};
    weir_rc rc = tester_describe(x, name, &t, e);
    if (!rc && !t)
        tester_say(x->r, "describe_table", "%.*s: not found", VIEW_ARG(name));
    weir_view *cells = rc || !t ? NULL : arena_array(&a, (t->table.count + 1) * COLUMNS, sizeof *cells), *at = cells;
    static const char *const head[COLUMNS] = {"TABLE", "COLUMN", "TYPE", "KEY"};
    for (size_t i = 0; cells && i < COLUMNS; i++)
        *at++ = view_of(head[i]);
    for (size_t i = 0; cells && i < t->table.count; i++) {
        const ft_column *c = &t->table.columns[i];
        *at++ = i && !x->r->json ? (weir_view){0} : name;
        *at++ = c->name;
        *at++ = tester_type_text(&a, c->type, c->precision, c->scale);
        *at++ = c->key ? VIEW("key") : (weir_view){0};
    }
    if (cells)
        tester_print(x->r, "column", cells, COLUMNS, t->table.count + 1, 0);
    arena_free(&a);
    return rc;
}

static weir_rc show_tables(dest_test *x, const tree *names, err *e)
{
    weir_rc rc = WEIR_OK;
    for (const tree *n = names ? names->first : NULL; !rc && n; n = n->next)
        rc = n->kind == TREE_STRING ? show_table(x, n->text, e) : tester_input_wrong(n->mark, e, "describe_table: expected the name of a table");
    return rc;
}

/* ---------------------------------------------------------------------------------------------------------------- files -- */

static const struct {
    const char *name;
    tree_kind kind;
} members[] = {{"create_table", TREE_OBJECT}, {"alter_table", TREE_OBJECT}, {"ops", TREE_ARRAY}, {"schema_migration", TREE_ARRAY}, {"describe_table", TREE_ARRAY}};

static weir_rc check_members(const tree *input, err *e)
{
    if (input->kind != TREE_OBJECT)
        return tester_input_wrong(input->mark, e, "expected an object");
    for (const tree *m = input->first; m; m = m->next) {
        bool known = false;
        for (size_t i = 0; i < sizeof members / sizeof *members; i++)
            known |= view_is(m->name, members[i].name) && m->kind == members[i].kind;
        if (!known)
            return tester_input_wrong(m->name_mark, e, "'%.*s' (%s) is nothing that an input file has", VIEW_ARG(m->name), tree_kind_name(m->kind));
    }
    return WEIR_OK;
}

static weir_rc run_input(dest_test *x, const tree *input, const char *stem, err *e)
{
    weir_rc rc = check_members(input, e);
    if (!rc)
        rc = create_tables(x, tree_get(input, "create_table"), e);
    if (!rc)
        rc = alter_tables(x, tree_get(input, "alter_table"), e);
    if (!rc)
        rc = run_operations(x, tree_get(input, "ops"), stem, e);
    if (!rc && tree_get(input, "schema_migration"))
        rc = tester_migrations(x, tree_get(input, "schema_migration"), e);
    return rc ? rc : show_tables(x, tree_get(input, "describe_table"), e);
}

static weir_rc run_file(dest_test *x, const char *name, err *e)
{
    buf text = {0};
    tree *input = NULL;
    char *path = arena_text(&x->arena, arena_printf(&x->arena, "%s/%s", x->o->data, name));
    char *stem = arena_text(&x->arena, view_of(name));
    if (!path || !stem)
        return err_nomem(e);
    if (strrchr(stem, '.'))
        *strrchr(stem, '.') = 0;
    tester_say(x->r, "input", "%s", name);
    weir_rc rc = io_read_file(path, INPUT_MAX, &text, e);
    weir_view kept = rc ? (weir_view){0} : arena_dup(&x->arena, buf_view(&text));
    buf_free(&text);
    if (!rc)
        rc = kept.ptr ? tree_parse_lenient(&x->arena, kept, path, WEIR_E_CONFIG, &input, e) : err_nomem(e);
    return rc ? rc : err_wrap(e, run_input(x, input, stem, e), "%s", name);
}

static int is_input(const struct dirent *d)
{
    return view_ends(view_of(d->d_name), VIEW(".json")) && strcmp(d->d_name, "configuration.json") != 0 && d->d_name[0] != '.';
}

static int by_bytes(const struct dirent **a, const struct dirent **b) { return strcmp((*a)->d_name, (*b)->d_name); }

static weir_rc run_files(dest_test *x, err *e)
{
    struct dirent **names = NULL;
    if (x->o->input_file)
        return run_file(x, x->o->input_file, e);
    int count = scandir(x->o->data, &names, is_input, by_bytes);
    weir_rc rc = count < 0 ? err_errno(e, errno, "read folder %s", x->o->data) : WEIR_OK;
    if (count == 0)
        rc = err_fail(e, WEIR_E_CONFIG, "%s: there is no input file in it (a name that ends in .json, other than configuration.json)", x->o->data);
    for (int i = 0; i < count; i++) {
        if (!rc)
            rc = run_file(x, names[i]->d_name, e);
        free(names[i]);
    }
    free(names);
    return rc;
}

/* --------------------------------------------------------------------------------------------------------------- course -- */

static weir_rc run(dest_test *x, err *e)
{
    const tester_options *o = x->o;
    const weir_parquet *unused;
    x->parquet = strcasecmp(o->batch_type, "PARQUET") == 0;
    if (!x->parquet && strcasecmp(o->batch_type, "CSV") != 0)
        return err_fail(e, WEIR_E_CONFIG, "--batch-file-type '%s' is not known: there are CSV and PARQUET", o->batch_type);
    weir_rc rc = x->parquet ? ft_parquet_load(&unused, e) : WEIR_OK;
    if (!rc)
        rc = io_make_dirs(o->data, e);
    if (!rc)
        rc = prepare(x, e);
    if (!rc)
        rc = tester_peer_open(&x->peer, &(tester_target){.address = o->address, .argv = o->command, .service = "DestinationConnector", .log = o->log,
                                                         .stop_fd = o->stop_fd},
                              x->r, e);
    if (!rc)
        rc = ask_capabilities(x, e);
    if (!rc)
        rc = tester_setup_read(&x->setup, x->peer, &(tester_setup_options){.data = o->data, .configuration = o->configuration, .ask = o->ask, .stop_fd = o->stop_fd}, x->r, e);
    if (!rc)
        rc = tester_setup_test(&x->setup, x->peer, x->r, e);
    if (!rc)
        rc = ask_for_nothing(x, e);
    return rc ? rc : run_files(x, e);
}

weir_rc tester_destination(const tester_options *o, bool *ret_ok, err *e)
{
    report r = {.json = o->json, .log = o->log};
    dest_test x = {.o = o, .r = &r};
    int64_t began = clock_ms();
    run(&x, e);
    tester_peer_close(x.peer);
    int64_t ms = clock_ms() - began;
    tester_say(&r, "summary", "%llu rows, %llu calls in %lld.%03lld s; rows cannot be read back through the protocol: look at the destination", (unsigned long long)x.rows,
               (unsigned long long)x.calls, (long long)(ms / 1000), (long long)(ms % 1000));
    *ret_ok = tester_verdict(&r, "destination", e);
    map_free(&x.tables);
    tester_setup_free(&x.setup);
    arena_free(&x.arena);
    tester_report_free(&r);
    return e->rc;
}
