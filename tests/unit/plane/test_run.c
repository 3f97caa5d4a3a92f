/* Whole runs with connectors made here: what a destination is given, when, and what happens when it or a source fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <semaphore.h>

#include "base/io.h"
#include "folder.h"
#include "plane/run.h"

/* A script for both ends; the descriptors are const, so it hangs off the test. One run at a time. */
static struct script {
    const char *const *documents; /* emitted by the source, a checkpoint after each "|" */
    bool source_fails;            /* at its end */
    bool keeps_checkpoint;        /* the destination calls weir_resume */
    const char *kept;             /* what it resumes with */
    size_t fail_commit;           /* this commit of the destination fails (from 1) */
    const char *existing;         /* keys that load() finds, as text "[1]" ... */
    buf said;
    buf checkpoint;
    size_t commits;
} script;

/* ---- the source ---- */

static weir_rc discover(weir_task *t, void *self)
{
    (void)t;
    (void)self;
    return WEIR_OK;
}

static weir_rc pull(weir_task *t, void *self, const weir_binding *b, size_t count)
{
    (void)self;
    (void)count;
    int64_t at = weir_json_int(b->state, "/at", 0);
    for (int64_t i = at; script.documents[i]; i++) {
        weir_rc rc = *script.documents[i] == '|' ? weir_checkpoint(t, b, weir_format(t, "{\"at\":%lld}", (long long)i + 1))
                                                 : weir_emit(t, b, WEIR_UPSERT, view_of(script.documents[i]));
        if (rc)
            return rc;
    }
    return script.source_fails ? weir_fail(t, WEIR_E_REMOTE, "the source fails") : WEIR_OK;
}

static const weir_field resource[] = {{.name = "name", .type = WEIR_TEXT, .flags = WEIR_PATH, .help = "which"}, {0}};

static const weir_connector source = {
    .abi = WEIR_ABI, .name = "source-test", .version = "1", .resource = resource, .resource_size = sizeof(char *),
    .capture = &(const weir_capture){.discover = discover, .pull = pull},
};

static sem_t acknowledged; /* of the test at hand */

static weir_rc acked(weir_task *t, void *self, const weir_ack *acks, size_t count)
{
    (void)t;
    (void)self;
    (void)acks;
    for (size_t i = 0; i < count; i++)
        sem_post(&acknowledged);
    return WEIR_OK;
}

static weir_rc pull_in_step(weir_task *t, void *self, const weir_binding *b, size_t count)
{
    (void)self;
    (void)count;
    for (int i = 0; i < 3; i++) {
        weir_rc rc = weir_checkpoint(t, b, weir_format(t, "{\"at\":%d}", i));
        if (rc)
            return rc;
        while (sem_wait(&acknowledged))
            ;
    }
    return WEIR_OK;
}

static const weir_connector in_step = {
    .abi = WEIR_ABI, .name = "source-in-step", .version = "1", .resource = resource, .resource_size = sizeof(char *),
    .capture = &(const weir_capture){.discover = discover, .pull = pull_in_step, .acked = acked},
};

/* ---- the destination ---- */

static weir_rc open_destination(weir_task *t, const weir_connector *me, const void *config, void **ret)
{
    (void)me;
    (void)config;
    *ret = NULL;
    return script.keeps_checkpoint ? weir_resume(t, view_of(script.kept)) : WEIR_OK;
}

/* It holds rows that nobody here has stored. */
static weir_rc open_loading(weir_task *t, const weir_connector *me, const void *config, void **ret)
{
    weir_rc rc = open_destination(t, me, config, ret);
    return rc ? rc : weir_load_all(t);
}

static weir_rc apply(weir_task *t, void *self, const weir_binding *b, size_t count)
{
    (void)t;
    (void)self;
    for (size_t i = 0; i < count; i++) {
        buf_printf(&script.said, "apply %.*s:", VIEW_ARG(b[i].name));
        for (size_t k = 0; k < b[i].column_count; k++)
            buf_printf(&script.said, " %.*s%s", VIEW_ARG(b[i].columns[k].field), k < b[i].key_count ? "*" : "");
        buf_addc(&script.said, '\n');
    }
    return WEIR_OK;
}

static weir_rc load(weir_task *t, void *self, const weir_row *keys, size_t count)
{
    (void)self;
    for (size_t i = 0; i < count; i++)
        if (strstr(script.existing, weir_format(t, "[%.*s]", VIEW_ARG(keys[i].values[0])).ptr)) {
            weir_rc rc = weir_loaded(t, &keys[i], VIEW("{}"));
            if (rc)
                return rc;
        }
    return WEIR_OK;
}

static weir_rc store(weir_task *t, void *self, const weir_row *rows, size_t count)
{
    static const char *const exists[] = {"?", "new", "old"};
    (void)t;
    (void)self;
    for (size_t i = 0; i < count; i++) {
        buf_printf(&script.said, "%s %s", rows[i].op == WEIR_DELETE ? "delete" : "store", exists[rows[i].exists]);
        for (size_t k = 0; k < rows[i].binding->column_count; k++)
            buf_printf(&script.said, " %.*s", rows[i].values[k].len ? (int)rows[i].values[k].len : 1, rows[i].values[k].len ? rows[i].values[k].ptr : "-");
        buf_addc(&script.said, '\n');
    }
    return WEIR_OK;
}

static weir_rc commit(weir_task *t, void *self, weir_view position)
{
    (void)self;
    if (++script.commits == script.fail_commit)
        return weir_fail(t, WEIR_E_TRANSIENT, "the destination is away");
    buf_clear(&script.checkpoint);
    buf_addv(&script.checkpoint, position);
    buf_adds(&script.said, "commit\n");
    return WEIR_OK;
}

static const weir_connector plain = {
    .abi = WEIR_ABI, .name = "materialize-plain", .version = "1", .resource = resource, .resource_size = sizeof(char *), .open = open_destination,
    .materialize = &(const weir_materialize){.apply = apply, .store = store, .commit = commit},
};
static const weir_connector loading = {
    .abi = WEIR_ABI, .name = "materialize-loading", .version = "1", .resource = resource, .resource_size = sizeof(char *), .open = open_loading,
    .materialize = &(const weir_materialize){.apply = apply, .load = load, .store = store, .commit = commit, .needs_exists = true},
};

static const weir_connector *find(weir_view name)
{
    static const weir_connector *const all[] = {&source, &in_step, &plain, &loading};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (view_is(name, all[i]->name))
            return all[i];
    return NULL;
}

/* ---- the rig ---- */

typedef struct rig {
    char *folder, *file, *data;
    log_sink *log;
    err e;
} rig;

static void setup_from(rig *r, const char *from, const char *destination)
{
    buf text = {0};
    script = (struct script){0};
    r->folder = folder_make();
    assert_true(asprintf(&r->file, "%s/flow.yaml", r->folder) > 0 && asprintf(&r->data, "%s/data", r->folder) > 0);
    buf_printf(&text,
               "captures:\n"
               "  t/source:\n"
               "    endpoint: {native: {connector: %s, config: {}}}\n"
               "    shards: {maxTxnDuration: 1h}\n"
               "    bindings: [{resource: {name: x}, target: t/x}]\n"
               "collections:\n"
               "  t/x:\n"
               "    key: [/id]\n"
               "    schema: {type: object, properties: {id: {type: integer}, v: {type: string}}, required: [id]}\n"
               "materializations:\n"
               "  t/db:\n"
               "    endpoint: {native: {connector: %s, config: {}}}\n"
               "    bindings: [{resource: {name: x}, source: t/x}]\n",
               from, destination);
    assert_int_equal(io_replace_file(r->file, buf_view(&text), &r->e), WEIR_OK);
    buf_free(&text);
    r->log = NULL; /* accepts NULL: nothing is logged */
}

static void setup(rig *r, const char *destination)
{
    setup_from(r, "source-test", destination);
}

static weir_rc run(rig *r, const char *only)
{
    catalog c;
    assert_int_equal(catalog_read(&c, r->file, &r->e), WEIR_OK);
    const run_options o = {.catalog = &c, .data_dir = r->data, .only = only, .once = true, .idle_ms = 60000, .natives = find, .log = r->log, .stop_fd = -1};
    weir_rc rc = plane_run(&o, &r->e);
    catalog_free(&c);
    return rc;
}

static void teardown(rig *r)
{
    buf_free(&script.said);
    buf_free(&script.checkpoint);
    folder_remove(r->folder);
    free(r->file);
    free(r->data);
    err_free(&r->e);
}

static void said(const char *expected)
{
    assert_string_equal(buf_text(&script.said), expected);
    buf_clear(&script.said);
}

#define DOCUMENTS(...) (const char *const[]){__VA_ARGS__, NULL}

/* ---- tests ---- */

static void test_last_write_by_key_sorted(void **unused)
{
    (void)unused;
    rig r = {0};
    setup(&r, "materialize-plain");
    script.documents = DOCUMENTS("{\"id\":10,\"v\":\"a\"}", "{\"id\":2,\"v\":\"b\"}", "|", "{\"v\":\"c\",\"id\":10}", "{\"id\":-1}", "|",
                                 "{\"id\":3,\"_meta\":{\"op\":\"d\"}}", "|");
    assert_int_equal(run(&r, "t/source"), WEIR_OK);
    assert_int_equal(run(&r, "t/db"), WEIR_OK);
    said("apply t/x: id* v\nstore ? -1 -\nstore ? 2 \"b\"\ndelete ? 3 -\nstore ? 10 \"c\"\ncommit\n");
    assert_int_equal(run(&r, NULL), WEIR_OK);
    said("apply t/x: id* v\n"); /* nothing new */
    teardown(&r);
}

static void test_exists_is_loaded(void **unused)
{
    (void)unused;
    rig r = {0};
    setup(&r, "materialize-loading");
    script.existing = "[2]";
    script.documents = DOCUMENTS("{\"id\":1}", "{\"id\":2}", "|");
    assert_int_equal(run(&r, NULL), WEIR_OK);
    said("apply t/x: id* v\nstore new 1 -\nstore old 2 -\ncommit\n");
    teardown(&r);
}

/* A commit that fails leaves the offsets where they were: the next run stores the same rows again, by key. */
static void test_failed_commit_is_repeated(void **unused)
{
    (void)unused;
    rig r = {0};
    setup(&r, "materialize-plain");
    script.documents = DOCUMENTS("{\"id\":1}", "|");
    script.fail_commit = 1;
    assert_int_equal(run(&r, NULL), WEIR_E_TRANSIENT);
    said("apply t/x: id* v\nstore ? 1 -\n");
    assert_int_equal(run(&r, NULL), WEIR_OK);
    said("apply t/x: id* v\nstore ? 1 -\ncommit\n");
    teardown(&r);
}

/* A destination that keeps its checkpoint is believed: it has been emptied, so everything is loaded again. */
static void test_destination_decides_where_to_go_on(void **unused)
{
    (void)unused;
    rig r = {0};
    setup(&r, "materialize-plain");
    script.keeps_checkpoint = true;
    script.documents = DOCUMENTS("{\"id\":1}", "|");
    assert_int_equal(run(&r, NULL), WEIR_OK);
    said("apply t/x: id* v\nstore ? 1 -\ncommit\n");
    char *kept = strdup(buf_text(&script.checkpoint));
    script.kept = kept;
    assert_int_equal(run(&r, NULL), WEIR_OK);
    said("apply t/x: id* v\n");
    script.kept = NULL;
    assert_int_equal(run(&r, NULL), WEIR_OK);
    said("apply t/x: id* v\nstore ? 1 -\ncommit\n");
    free(kept);
    teardown(&r);
}

/* What a source sealed before it failed counts; what it did not seal never happened. */
static void test_failing_source(void **unused)
{
    (void)unused;
    rig r = {0};
    setup(&r, "materialize-plain");
    script.source_fails = true;
    script.documents = DOCUMENTS("{\"id\":1}", "|", "{\"id\":2}");
    assert_int_equal(run(&r, NULL), WEIR_E_REMOTE);
    said("apply t/x: id* v\nstore ? 1 -\ncommit\n");
    script.source_fails = false;
    assert_int_equal(run(&r, NULL), WEIR_OK);
    said("apply t/x: id* v\nstore ? 2 -\ncommit\n");
    teardown(&r);
}

static void test_document_without_its_key(void **unused)
{
    (void)unused;
    rig r = {0};
    setup(&r, "materialize-plain");
    script.documents = DOCUMENTS("{\"id\":1}", "|", "{\"id\":2}", "{\"v\":\"no key\"}", "|");
    assert_int_equal(run(&r, NULL), WEIR_E_PROTOCOL);
    said("apply t/x: id* v\nstore ? 1 -\ncommit\n");
    teardown(&r);
}

/* More documents than fit a lane, without a checkpoint in between. */
static void test_spilled_and_failed(void **unused)
{
    (void)unused;
    enum { MANY = 20000 };
    rig r = {0};
    setup(&r, "materialize-plain");
    const char **many = calloc(MANY + 2, sizeof *many);
    for (size_t i = 0; i < MANY; i++)
        many[i] = i == 1 ? "|" : "{\"id\":1,\"v\":\"01234567890123456789012345678901234567890123456789\"}";
    script.documents = many;
    script.source_fails = true;
    assert_int_equal(run(&r, "t/source"), WEIR_E_REMOTE);
    many[MANY] = "|";
    script.source_fails = false;
    assert_int_equal(run(&r, "t/source"), WEIR_OK);
    assert_int_equal(run(&r, "t/db"), WEIR_OK);
    said("apply t/x: id* v\nstore ? 1 \"01234567890123456789012345678901234567890123456789\"\ncommit\n");
    buf text = {0};
    char *path = NULL;
    assert_true(asprintf(&path, "%s/journals/t%%2Fx/00000000000000000000.ndjson", r.data) > 0);
    assert_int_equal(io_read_file(path, 0, &text, &r.e), WEIR_OK);
    assert_int_equal(text.len, (MANY - 1) * (strlen(many[0]) + 1));
    buf_free(&text);
    free(path);
    free(many);
    teardown(&r);
}

/* Commits are gathered for an hour, but not for a connector that waits for acknowledgements. */
static void test_acknowledgements_do_not_wait(void **unused)
{
    (void)unused;
    rig r = {0};
    assert_int_equal(sem_init(&acknowledged, 0, 0), 0);
    setup_from(&r, "source-in-step", "materialize-plain");
    assert_int_equal(run(&r, "t/source"), WEIR_OK);
    teardown(&r);
    sem_destroy(&acknowledged);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_last_write_by_key_sorted),
        cmocka_unit_test(test_exists_is_loaded),
        cmocka_unit_test(test_failed_commit_is_repeated),
        cmocka_unit_test(test_destination_decides_where_to_go_on),
        cmocka_unit_test(test_failing_source),
        cmocka_unit_test(test_document_without_its_key),
        cmocka_unit_test(test_spilled_and_failed),
        cmocka_unit_test(test_acknowledgements_do_not_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
