/* Runs into destinations of every kind: that relay, that commit in two steps, that load late, that are choosy about columns. And connectors that change
 * their settings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/io.h"
#include "folder.h"
#include "plane/run.h"
#include "position.h"

/* A script for both ends; the descriptors are const, so it hangs off the test. */
static struct script {
    const char *const *documents; /* emitted by the source, a checkpoint at the end */
    const char *new_config;       /* that the source reports */
    bool fail_acknowledge;        /* once */
    bool forbids_key, forbids_v, demands_document;
    const weir_row *loading;      /* keys that flush() has to answer */
    size_t loading_count;
    buf said;
} script;

static void say(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    buf_vprintf(&script.said, fmt, args);
    va_end(args);
    buf_addc(&script.said, '\n');
}

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
    for (; script.documents[at]; at++) {
        weir_rc rc = weir_emit(t, b, WEIR_UPSERT, view_of(script.documents[at]));
        if (rc)
            return rc;
    }
    weir_rc rc = script.new_config ? weir_config_changed(t, view_of(script.new_config)) : WEIR_OK;
    return rc ? rc : weir_checkpoint(t, b, weir_format(t, "{\"at\":%lld}", (long long)at));
}

typedef struct settings {
    const char *token;
} settings;
static const weir_field config[] = {{.name = "token", .type = WEIR_TEXT, .flags = WEIR_SECRET | WEIR_OPTIONAL, .help = "a token"}, {0}};
static const weir_field resource[] = {{.name = "name", .type = WEIR_TEXT, .flags = WEIR_PATH, .help = "which"}, {0}};
#define COMMON .abi = WEIR_ABI, .version = "1", .resource = resource, .resource_size = sizeof(char *), .config = config, .config_size = sizeof(settings)

static const weir_connector source = {COMMON, .name = "source-test", .capture = &(const weir_capture){.discover = discover, .pull = pull}};

/* ---- destinations ---- */

static weir_rc apply(weir_task *t, void *self, const weir_binding *b, size_t count)
{
    (void)t;
    (void)self;
    (void)b;
    (void)count;
    return WEIR_OK;
}

static weir_rc store(weir_task *t, void *self, const weir_row *rows, size_t count)
{
    static const char *const exists[] = {"?", "new", "old"};
    (void)t;
    (void)self;
    for (size_t i = 0; i < count; i++) {
        const weir_binding *b = rows[i].binding;
        buf_printf(&script.said, "%.*s %s %s", VIEW_ARG(b->name), rows[i].op == WEIR_DELETE ? "delete" : "store", exists[rows[i].exists]);
        for (size_t k = 0; rows[i].values && k < b->column_count; k++)
            buf_printf(&script.said, " %.*s=%.*s", VIEW_ARG(b->columns[k].field), VIEW_ARG(rows[i].values[k]));
        if (!rows[i].values)
            buf_printf(&script.said, " %.*s", VIEW_ARG(rows[i].doc));
        buf_addc(&script.said, '\n');
    }
    return WEIR_OK;
}

static weir_rc commit(weir_task *t, void *self, weir_view position)
{
    (void)t;
    (void)self;
    buf_adds(&script.said, "commit ");
    position_add(&script.said, position);
    buf_addc(&script.said, '\n');
    return WEIR_OK;
}

static weir_rc keeping_commit(weir_task *t, void *self, weir_view position)
{
    weir_rc rc = weir_keep(t, VIEW("{\"files\":[\"f1\"]}"));
    return rc ? rc : commit(t, self, position);
}

static weir_rc acknowledge(weir_task *t, void *self)
{
    (void)self;
    weir_view state = weir_state(t);
    say("acknowledge %.*s", VIEW_ARG(state));
    if (script.fail_acknowledge && state.len == 0 && strstr(buf_text(&script.said), "commit"))
        return weir_fail(t, WEIR_E_TRANSIENT, "the second step fails");
    return strstr(buf_text(&script.said), "commit") || state.len ? weir_keep(t, VIEW("{\"files\":null,\"done\":1}")) : WEIR_OK;
}

/* It holds rows that nobody here has stored. */
static weir_rc open_late(weir_task *t, const weir_connector *me, const void *config_given, void **ret)
{
    (void)me;
    *ret = (void *)(uintptr_t)config_given; /* as without open() */
    return weir_load_all(t);
}

static weir_rc late_load(weir_task *t, void *self, const weir_row *keys, size_t count)
{
    (void)t;
    (void)self;
    say("load %zu", count);
    script.loading = keys;
    script.loading_count = count;
    return WEIR_OK;
}

static weir_rc flush(weir_task *t, void *self)
{
    (void)self;
    say("flush");
    return script.loading_count ? weir_loaded(t, &script.loading[0], VIEW("{}")) : WEIR_OK;
}

static weir_rc validate(weir_task *t, void *self, const weir_binding *b, size_t count)
{
    (void)self;
    (void)count;
    weir_rc rc = weir_constrain(t, b, NULL, script.demands_document ? WEIR_COLUMN_PLACE_REQUIRED : WEIR_COLUMN_OPTIONAL, VIEW("root"));
    for (size_t i = 0; !rc && i < b->column_count; i++)
        if (b->columns[i].pointer.len && (b->columns[i].key ? script.forbids_key : script.forbids_v))
            rc = weir_constrain(t, b, &b->columns[i], WEIR_COLUMN_FORBIDDEN, VIEW("not here"));
    return rc;
}

static const weir_connector destinations[] = {
    {COMMON, .name = "materialize-plain", .materialize = &(const weir_materialize){.validate = validate, .apply = apply, .store = store, .commit = commit}},
    {COMMON, .name = "materialize-relay", .materialize = &(const weir_materialize){.apply = apply, .store = store, .commit = commit, .relay = true}},
    {COMMON, .name = "materialize-steps", .materialize = &(const weir_materialize){.apply = apply, .store = store, .commit = keeping_commit, .acknowledge = acknowledge}},
    {COMMON, .name = "materialize-late", .open = open_late,
     .materialize = &(const weir_materialize){.load = late_load, .flush = flush, .apply = apply, .store = store, .commit = commit, .needs_exists = true}},
};

static const weir_connector *find(weir_view name)
{
    for (size_t i = 0; i < sizeof destinations / sizeof *destinations; i++)
        if (view_is(name, destinations[i].name))
            return &destinations[i];
    return view_is(name, "source-test") ? &source : NULL;
}

/* ---- the rig ---- */

typedef struct rig {
    char *folder, *file, *data;
    log_sink *log; /* NULL: nothing is logged */
    err e;
} rig;

static void write_file(rig *r, const char *name, const char *text)
{
    char *path = NULL;
    assert_true(asprintf(&path, "%s/%s", r->folder, name) > 0);
    assert_int_equal(io_replace_file(path, view_of(text), &r->e), WEIR_OK);
    free(path);
}

static void setup(rig *r, const char *config_of_source, const char *destination, const char *fields)
{
    buf text = {0};
    script = (struct script){0};
    *r = (rig){.folder = folder_make(), .log = getenv("TEST_LOG") ? log_open(2) : NULL};
    assert_true(asprintf(&r->file, "%s/flow.yaml", r->folder) > 0 && asprintf(&r->data, "%s/data", r->folder) > 0);
    buf_printf(&text,
               "captures:\n"
               "  t/source:\n"
               "    endpoint: {native: {connector: source-test, config: %s}}\n"
               "    bindings: [{resource: {name: x}, target: t/x}]\n"
               "collections:\n"
               "  t/x:\n"
               "    key: [/id]\n"
               "    schema: {type: object, properties: {id: {type: integer}, v: {type: string}}, required: [id]}\n"
               "materializations:\n"
               "  t/db:\n"
               "    endpoint: {native: {connector: %s}}\n"
               "    bindings: [{resource: {name: x}, source: t/x%s}]\n",
               config_of_source, destination, fields);
    write_file(r, "flow.yaml", buf_text(&text));
    buf_free(&text);
}

static weir_rc run(rig *r, const char *only)
{
    catalog c;
    err_clear(&r->e);
    assert_int_equal(catalog_read(&c, r->file, &r->e), WEIR_OK);
    const run_options o = {.catalog = &c, .data_dir = r->data, .only = only, .once = true, .idle_ms = 60000, .natives = find, .log = r->log, .stop_fd = -1};
    weir_rc rc = plane_run(&o, &r->e);
    catalog_free(&c);
    return rc;
}

static void teardown(rig *r)
{
    buf_free(&script.said);
    folder_remove(r->folder);
    free(r->file);
    free(r->data);
    log_close(r->log);
    err_free(&r->e);
}

static void said(const char *expected)
{
    assert_string_equal(buf_text(&script.said), expected);
    buf_clear(&script.said);
}

#define DOCUMENTS(...) (const char *const[]){__VA_ARGS__, NULL}

/* ---- tests ---- */

/* In the order of the journal, none left out, whole. The lines have 8, 8, 27 and 8 bytes, and an end each. */
static void test_relay_gets_documents_as_they_came(void **unused)
{
    (void)unused;
    rig r;
    setup(&r, "{}", "materialize-relay", "");
    script.documents = DOCUMENTS("{\"id\":2}", "{\"id\":1}", "{\"id\":2,\"_meta\":{\"op\":\"d\"}}", "{\"id\":2}");
    assert_int_equal(run(&r, NULL), WEIR_OK);
    said("t/x store ? {\"id\":2}\nt/x store ? {\"id\":1}\nt/x delete ? {\"id\":2,\"_meta\":{\"op\":\"d\"}}\nt/x store ? {\"id\":2}\n"
         "commit {\"sources\":{\"t/x;x\":{\"readThrough\":\"55\"}}}\n");
    assert_int_equal(run(&r, NULL), WEIR_OK);
    said("");
    teardown(&r);
}

/* What it keeps comes back in the next session; the second step follows the commit, and is also taken at the start. */
static void test_two_steps(void **unused)
{
    (void)unused;
    rig r;
    setup(&r, "{}", "materialize-steps", "");
    script.documents = DOCUMENTS("{\"id\":1}");
    script.fail_acknowledge = true;
    assert_int_equal(run(&r, NULL), WEIR_E_TRANSIENT);
    said("acknowledge \nt/x store ? id=1 v=\ncommit {\"sources\":{\"t/x;x\":{\"readThrough\":\"9\"}}}\nacknowledge \n");
    assert_int_equal(run(&r, NULL), WEIR_OK);
    said("acknowledge {\"files\":[\"f1\"]}\n"); /* the rows were committed: nothing is stored again */
    assert_int_equal(run(&r, NULL), WEIR_OK);
    said("acknowledge {\"done\":1}\n");
    teardown(&r);
}

static void test_answers_may_come_with_the_flush(void **unused)
{
    (void)unused;
    rig r;
    setup(&r, "{}", "materialize-late", "");
    script.documents = DOCUMENTS("{\"id\":2}", "{\"id\":1}");
    assert_int_equal(run(&r, NULL), WEIR_OK);
    said("load 2\nflush\nt/x store old id=1 v=\nt/x store new id=2 v=\ncommit {\"sources\":{\"t/x;x\":{\"readThrough\":\"18\"}}}\n");
    teardown(&r);
}

/* A transaction of its own for what is more urgent. */
static void test_priority(void **unused)
{
    (void)unused;
    rig r;
    setup(&r, "{}", "materialize-plain", ", priority: -1}, {resource: {name: y}, source: t/x}, {resource: {name: z}, source: t/x, priority: 0");
    script.documents = DOCUMENTS("{\"id\":1}");
    assert_int_equal(run(&r, NULL), WEIR_OK);
    said("t/x store ? id=1 v=\nt/x store ? id=1 v=\n"
         "commit {\"sources\":{\"t/x;x\":{\"readThrough\":\"0\"},\"t/x;y\":{\"readThrough\":\"9\"},\"t/x;z\":{\"readThrough\":\"9\"}}}\n"
         "t/x store ? id=1 v=\n"
         "commit {\"sources\":{\"t/x;x\":{\"readThrough\":\"9\"},\"t/x;y\":{\"readThrough\":\"9\"},\"t/x;z\":{\"readThrough\":\"9\"}}}\n");
    teardown(&r);
}

static void test_forbidden_columns_stay_away(void **unused)
{
    (void)unused;
    rig r;
    setup(&r, "{}", "materialize-plain", "");
    script.documents = DOCUMENTS("{\"id\":1,\"v\":\"a\"}");
    script.forbids_v = script.demands_document = true;
    assert_int_equal(run(&r, NULL), WEIR_OK);
    said("t/x store ? id=1 flow_document={\"id\":1,\"v\":\"a\"}\ncommit {\"sources\":{\"t/x;x\":{\"readThrough\":\"17\"}}}\n");
    teardown(&r);
}

static void test_forbidden_columns_that_were_asked_for(void **unused)
{
    (void)unused;
    rig r;
    setup(&r, "{}", "materialize-plain", ", fields: {include: {v: {}}}");
    script.documents = DOCUMENTS("{\"id\":1,\"v\":\"a\"}");
    script.forbids_v = script.forbids_key = true;
    assert_int_equal(run(&r, NULL), WEIR_E_CONFIG);
    said("");
    teardown(&r);
}

static void file_is(rig *r, const char *name, const char *expected)
{
    buf text = {0};
    char *path = NULL;
    assert_true(asprintf(&path, "%s/%s", r->folder, name) > 0);
    assert_int_equal(io_read_file(path, 0, &text, &r->e), WEIR_OK);
    assert_string_equal(buf_text(&text), expected);
    buf_free(&text);
    free(path);
}

/* The file keeps its format. */
static void test_changed_settings_are_kept(void **unused)
{
    (void)unused;
    static const struct {
        const char *name, *before, *after;
    } cases[] = {
        {"config.json", " {\"token\": \"old\"}\n", "{\"token\":\"new, \\\"b\\\"\"}\n"},
        {"config.yaml", "# a comment\ntoken: old\n", "token: \"new, \\\"b\\\"\"\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rig r;
        setup(&r, cases[i].name, "materialize-plain", "");
        write_file(&r, cases[i].name, cases[i].before);
        script.documents = DOCUMENTS("{\"id\":1}");
        script.new_config = "{\"token\":\"new, \\\"b\\\"\"}";
        assert_int_equal(run(&r, "t/source"), WEIR_OK);
        file_is(&r, cases[i].name, cases[i].after);
        teardown(&r);
    }
}

static void test_unknown_protocol(void **unused)
{
    (void)unused;
    rig r;
    catalog c;
    setup(&r, "{}", "materialize-plain", "");
    write_file(&r, "flow.yaml",
               "captures:\n  t/x:\n    endpoint: {local: {command: [x], protocol: flwo}}\n    bindings: []\n");
    assert_int_equal(catalog_read(&c, r.file, &r.e), WEIR_E_CONFIG);
    assert_non_null(strstr(err_text(&r.e), "flow.yaml:3:48: protocol \"flwo\" is not known"));
    assert_non_null(strstr(err_text(&r.e), "did you mean \"flow\"?"));
    catalog_free(&c);
    teardown(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_relay_gets_documents_as_they_came),
        cmocka_unit_test(test_two_steps),
        cmocka_unit_test(test_answers_may_come_with_the_flush),
        cmocka_unit_test(test_priority),
        cmocka_unit_test(test_forbidden_columns_stay_away),
        cmocka_unit_test(test_forbidden_columns_that_were_asked_for),
        cmocka_unit_test(test_changed_settings_are_kept),
        cmocka_unit_test(test_unknown_protocol),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
