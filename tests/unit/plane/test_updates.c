/* Parts of documents and truncations, from a source through its journal into destinations that can take them, that are asked for the rest, and that cannot. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>

#include <cmocka.h>

#include "base/io.h"
#include "folder.h"
#include "plane/run.h"

/* What the source says: a letter (u: upsert, p: part, d: deletion, t: truncation, c: checkpoint) and a document. */
static struct script {
    const char *const *source;
    buf said;
} script;

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
    weir_rc rc = WEIR_OK;
    for (const char *const *at = script.source; *at && !rc; at++) {
        weir_view doc = view_of(*at + 1);
        rc = **at == 't' ? weir_truncate(t, b)
             : **at == 'c' ? weir_checkpoint(t, b, VIEW("{\"at\":1}"))
                           : weir_emit(t, b, **at == 'p' ? WEIR_UPDATE : **at == 'd' ? WEIR_DELETE : WEIR_UPSERT, doc);
    }
    return rc;
}

static weir_rc apply(weir_task *t, void *self, const weir_binding *b, size_t count)
{
    (void)t;
    (void)self;
    (void)b;
    (void)count;
    return WEIR_OK;
}

/* It holds rows 1 and 2. */
/* It holds rows that nobody here has stored. */
static weir_rc open_loading(weir_task *t, const weir_connector *me, const void *config, void **ret)
{
    (void)me;
    (void)config;
    *ret = NULL;
    return weir_load_all(t);
}

static weir_rc load(weir_task *t, void *self, const weir_row *keys, size_t count)
{
    weir_rc rc = WEIR_OK;
    (void)self;
    for (size_t i = 0; i < count && !rc; i++) {
        buf_printf(&script.said, "load %.*s\n", VIEW_ARG(keys[i].values[0]));
        if (view_is(keys[i].values[0], "1") || view_is(keys[i].values[0], "2"))
            rc = weir_loaded(t, &keys[i], VIEW("{\"id\":1,\"v\":\"held\",\"w\":{\"x\":1},\"other\":[1]}"));
    }
    return rc;
}

static weir_rc store(weir_task *t, void *self, const weir_row *rows, size_t count)
{
    static const char *const ops[] = {"store", "delete", "update"};
    (void)t;
    (void)self;
    for (size_t i = 0; i < count; i++) {
        const weir_binding *b = rows[i].binding;
        buf_adds(&script.said, ops[rows[i].op]);
        for (size_t k = 0; rows[i].values && k < b->column_count; k++)
            if (!view_is(b->columns[k].field, "_meta/op"))
                buf_printf(&script.said, " %.*s=%.*s", VIEW_ARG(b->columns[k].field), VIEW_ARG(rows[i].values[k]));
        buf_printf(&script.said, " %.*s\n", VIEW_ARG(rows[i].doc));
    }
    return WEIR_OK;
}

static weir_rc commit(weir_task *t, void *self, weir_view position)
{
    (void)t;
    (void)self;
    (void)position;
    buf_adds(&script.said, "commit\n");
    return WEIR_OK;
}

static weir_rc expire(weir_task *t, void *self, const weir_binding *b, const weir_expiry *how)
{
    (void)t;
    (void)self;
    assert_null(how->age);
    assert_null(how->mark);
    buf_printf(&script.said, "expire %.*s\n", VIEW_ARG(b->name));
    return WEIR_OK;
}

static const weir_field resource[] = {{.name = "name", .type = WEIR_TEXT, .flags = WEIR_PATH, .help = "which"}, {0}};
#define COMMON .abi = WEIR_ABI, .version = "1", .resource = resource, .resource_size = sizeof(char *)
#define STORES .apply = apply, .store = store, .commit = commit
static const weir_connector connectors[] = {
    {COMMON, .name = "source-test", .capture = &(const weir_capture){.discover = discover, .pull = pull}},
    {COMMON, .name = "materialize-parts", .materialize = &(const weir_materialize){STORES, .expire = expire, .updates = true}},
    {COMMON, .name = "materialize-loads", .open = open_loading, .materialize = &(const weir_materialize){STORES, .load = load, .expire = expire}},
    {COMMON, .name = "materialize-plain", .materialize = &(const weir_materialize){STORES}},
    {COMMON, .name = "materialize-relay", .materialize = &(const weir_materialize){STORES, .expire = expire, .relay = true, .updates = true}},
};

static const weir_connector *find(weir_view name)
{
    for (size_t i = 0; i < sizeof connectors / sizeof *connectors; i++)
        if (view_is(name, connectors[i].name))
            return &connectors[i];
    return NULL;
}

typedef struct rig {
    char *folder, *file, *data;
    FILE *log_file;
    log_sink *log;
    err e;
} rig;

static void setup(rig *r, const char *destination, const char *keyword)
{
    buf text = {0};
    script = (struct script){0};
    *r = (rig){.folder = folder_make(), .log_file = tmpfile()};
    r->log = log_open(fileno(r->log_file));
    assert_true(asprintf(&r->file, "%s/flow.yaml", r->folder) > 0 && asprintf(&r->data, "%s/data", r->folder) > 0);
    buf_printf(&text,
               "captures:\n"
               "  t/source: {endpoint: {native: {connector: source-test, config: {}}}, bindings: [{resource: {name: x}, target: t/x}]}\n"
               "collections:\n"
               "  t/x:\n"
               "    key: [/id]\n"
               "    schema: {type: object, properties: {id: {type: integer}, v: {type: [string, 'null']}, w: {type: object}}, required: [id]%s}\n"
               "materializations:\n"
               "  t/db: {endpoint: {native: {connector: %s, config: {}}}, bindings: [{resource: {name: x}, source: t/x}]}\n",
               keyword, destination);
    assert_int_equal(io_replace_file(r->file, buf_view(&text), &r->e), WEIR_OK);
    buf_free(&text);
}

static weir_rc try_run(rig *r, const char *const *source)
{
    catalog c;
    script.source = source;
    err_clear(&r->e);
    assert_int_equal(catalog_read(&c, r->file, &r->e), WEIR_OK);
    const run_options o = {.catalog = &c, .data_dir = r->data, .once = true, .idle_ms = 60000, .natives = find, .log = r->log, .stop_fd = -1};
    weir_rc rc = plane_run(&o, &r->e);
    catalog_free(&c);
    return rc;
}

static void run(rig *r, const char *const *source, const char *expected)
{
    if (try_run(r, source))
        fail_msg("%s", err_text(&r->e));
    assert_string_equal(buf_text(&script.said), expected);
    buf_clear(&script.said);
}

static void teardown(rig *r)
{
    buf_free(&script.said);
    folder_remove(r->folder);
    free(r->file);
    free(r->data);
    err_free(&r->e);
    log_close(r->log);
    fclose(r->log_file);
}

static void assert_logged(rig *r, const char *text)
{
    char all[8192];
    rewind(r->log_file);
    size_t n = fread(all, 1, sizeof all - 1, r->log_file);
    all[n] = '\0';
    if (!strstr(all, text))
        fail_msg("no '%s' in %s", text, all);
}

#define SAYS(...) (const char *const[]){__VA_ARGS__, NULL}
#define PARTS ", x-partial-updates: true"
#define U ",\"_meta\":{\"op\":\"u\"}}"
#define D ",\"_meta\":{\"op\":\"d\"}}"

/* Whole, then in part; in part, then in part; gone, then in part; in part, then gone; in part, then whole. */
static void test_within_a_transaction(void **unused)
{
    (void)unused;
    rig r;
    setup(&r, "materialize-parts", PARTS);
    run(&r,
        SAYS("u{\"id\":1,\"v\":\"a\",\"w\":{\"x\":1}}", "u{\"id\":3,\"v\":\"a\"}", "p{\"id\":1,\"v\":null}", "p{\"id\":2,\"v\":\"b\"}", "p{\"id\":2,\"w\":{}}",
             "d{\"id\":3}", "p{\"id\":3,\"v\":\"c\"}", "p{\"id\":4,\"v\":\"d\"}", "d{\"id\":4}", "p{\"id\":5,\"v\":\"e\"}", "u{\"id\":5,\"w\":{\"y\":1}}",
             "p{\"id\":6,\"w\":{\"new\":1}}"),
        "store id=1 v=null w={\"x\":1} {\"id\":1,\"v\":null,\"w\":{\"x\":1}" U "\n"
        "update id=2 v=\"b\" w={} {\"id\":2,\"v\":\"b\"" ",\"_meta\":{\"op\":\"u\"},\"w\":{}}\n"
        "delete id=3 v= w= {\"id\":3" D "\n"
        "delete id=4 v= w= {\"id\":4" D "\n"
        "store id=5 v= w={\"y\":1} {\"id\":5,\"w\":{\"y\":1}}\n"
        "update id=6 v= w={\"new\":1} {\"id\":6,\"w\":{\"new\":1}" U "\n"
        "commit\n");
    teardown(&r);
}

/* Large documents are not copied for every part of them. */
static void test_many_parts_of_one_document(void **unused)
{
    (void)unused;
    enum { PARTS_OF_IT = 2000 };
    rig r;
    static const char *says[PARTS_OF_IT + 2];
    char last[80];
    setup(&r, "materialize-parts", PARTS);
    says[0] = "u{\"id\":1,\"v\":\"whole\",\"w\":{\"kept\":true}}";
    for (size_t i = 1; i <= PARTS_OF_IT; i++)
        says[i] = i == PARTS_OF_IT ? last : "p{\"id\":1,\"v\":\"between\"}";
    snprintf(last, sizeof last, "p{\"id\":1,\"v\":\"last\"}");
    run(&r, says, "store id=1 v=\"last\" w={\"kept\":true} {\"id\":1,\"v\":\"last\",\"w\":{\"kept\":true}" U "\ncommit\n");
    teardown(&r);
}

/* Made whole with what is there; those of rows that are not there change nothing. */
static void test_loaded(void **unused)
{
    (void)unused;
    rig r;
    setup(&r, "materialize-loads", PARTS);
    run(&r, SAYS("p{\"id\":1,\"v\":null}", "u{\"id\":2,\"v\":\"new\"}", "p{\"id\":9,\"v\":\"x\"}"),
        "load 1\nload 2\nload 9\n"
        "store id=1 v=null w={\"x\":1} {\"id\":1,\"v\":null,\"w\":{\"x\":1},\"other\":[1]" U "\n"
        "store id=2 v=\"new\" w= {\"id\":2,\"v\":\"new\"}\n"
        "commit\n");
    run(&r, SAYS("u{\"id\":1,\"v\":\"b\"}"), "store id=1 v=\"b\" w= {\"id\":1,\"v\":\"b\"}\ncommit\n"); /* nobody asks where it makes no difference */
    teardown(&r);
}

static void test_refused(void **unused)
{
    (void)unused;
    rig r;
    setup(&r, "materialize-plain", PARTS);
    run(&r, SAYS("u{\"id\":1}"), "store id=1 v= w= {\"id\":1}\ncommit\n");
    assert_int_equal(try_run(&r, SAYS("p{\"id\":1,\"v\":\"a\"}")), WEIR_E_CONFIG);
    assert_logged(&r, "its source updates single fields of rows, and 'materialize-plain' stores whole documents only");
    teardown(&r);
}

/* Change logs of Flow's sources mark whole documents: those replace. */
static void test_whole_where_the_schema_says_nothing(void **unused)
{
    (void)unused;
    rig r;
    setup(&r, "materialize-parts", "");
    run(&r, SAYS("u{\"id\":1,\"v\":\"a\",\"w\":{}}", "p{\"id\":1,\"v\":\"b\"}"), "store id=1 v=\"b\" w= {\"id\":1,\"v\":\"b\"" U "\ncommit\n");
    teardown(&r);
}

static void test_truncation(void **unused)
{
    (void)unused;
    rig r;
    setup(&r, "materialize-parts", "");
    run(&r, SAYS("t", "u{\"id\":1}", "c"), "store id=1 v= w= {\"id\":1}\ncommit\n"); /* nothing was there yet */
    run(&r, SAYS("u{\"id\":2}", "t", "u{\"id\":3}", "u{\"id\":1,\"v\":\"a\"}"),
        "expire t/x\nstore id=1 v=\"a\" w= {\"id\":1,\"v\":\"a\"}\nstore id=3 v= w= {\"id\":3}\ncommit\n");
    run(&r, SAYS("u{\"id\":4}"), "store id=4 v= w= {\"id\":4}\ncommit\n"); /* once is enough */
    run(&r, SAYS("u{\"id\":4}", "t"), "expire t/x\ncommit\n");
    teardown(&r);
}

static void test_truncation_into_a_relay(void **unused)
{
    (void)unused;
    rig r;
    setup(&r, "materialize-relay", PARTS);
    run(&r, SAYS("u{\"id\":1}", "t", "u{\"id\":3}"), "store {\"id\":3}\ncommit\n");
    run(&r, SAYS("p{\"id\":3,\"v\":null}", "t", "p{\"id\":4}"), "expire t/x\nupdate {\"id\":4" U "\ncommit\n");
    teardown(&r);
}

static void test_truncation_refused(void **unused)
{
    (void)unused;
    rig r;
    setup(&r, "materialize-plain", "");
    run(&r, SAYS("t", "u{\"id\":1}"), "store id=1 v= w= {\"id\":1}\ncommit\n");
    assert_int_equal(try_run(&r, SAYS("t", "u{\"id\":2}")), WEIR_E_CONFIG);
    assert_logged(&r, "all rows so far are out of date, and 'materialize-plain' cannot remove them");
    assert_string_equal(buf_text(&script.said), "");
    teardown(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_within_a_transaction),
        cmocka_unit_test(test_many_parts_of_one_document),
        cmocka_unit_test(test_loaded),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_whole_where_the_schema_says_nothing),
        cmocka_unit_test(test_truncation),
        cmocka_unit_test(test_truncation_into_a_relay),
        cmocka_unit_test(test_truncation_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
