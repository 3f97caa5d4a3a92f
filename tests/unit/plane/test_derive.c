/* Whole runs of derivations with connectors made here: what one is given, in which order, what is in the collection, and what happens when something fails
 * between the two places that know how far it is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/io.h"
#include "folder.h"
#include "plane/run.h"
#include "plane/store.h"
#include "position.h"

/* A script for all ends; the descriptors are const, so it hangs off the test. One run at a time. */
static struct script {
    const char *const *documents[2]; /* emitted by the sources, a checkpoint behind them */
    int64_t now;
    buf said;                        /* what the derivation was given */
    /* A derivation that keeps its checkpoint itself: its durable memory. */
    buf kept;                        /* checkpoint */
    int64_t sum;
    bool fail_before, fail_after;    /* of its commit */
} script;

/* ---- the sources ---- */

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
    const char *const *all = script.documents[view_is(b->name, "t/y")];
    int64_t at = weir_json_int(b->state, "/at", 0), i = 0;
    for (; all && all[i]; i++) {
        weir_rc rc = i < at ? WEIR_OK : weir_emit(t, b, WEIR_UPSERT, view_of(all[i]));
        if (rc)
            return rc;
    }
    return weir_checkpoint(t, b, weir_format(t, "{\"at\":%lld}", (long long)i));
}

static const weir_field resource[] = {{.name = "name", .type = WEIR_TEXT, .flags = WEIR_PATH, .help = "which"}, {0}};

static const weir_connector source = {
    .abi = WEIR_ABI, .name = "source-test", .version = "1", .resource = resource, .resource_size = sizeof(char *),
    .capture = &(const weir_capture){.discover = discover, .pull = pull},
};

/* ---- derivations ---- */

typedef struct adder {
    int64_t sum; /* of all n so far */
    const weir_derivation *d;
} adder;

static weir_rc open_adder(weir_task *t, const weir_connector *me, const void *config, void **ret)
{
    (void)t;
    (void)me;
    (void)config;
    *ret = calloc(1, sizeof(adder));
    return *ret ? WEIR_OK : WEIR_E_NOMEM;
}

static weir_rc begin(weir_task *t, void *self, const weir_derivation *d)
{
    adder *a = self;
    a->d = d;
    a->sum = weir_json_int(weir_state(t), "/sum", 0);
    return WEIR_OK;
}

/* {"id":1,"n":5} -> {"id":1,"sum":5,"by":"TRANSFORM"} */
static weir_rc add(weir_task *t, void *self, const weir_read *reads, size_t count)
{
    adder *a = self;
    for (size_t i = 0; i < count; i++) {
        const weir_read *r = &reads[i];
        a->sum += weir_json_int(r->doc, "/n", 0);
        buf_printf(&script.said, "%.*s%s%.*s ", VIEW_ARG(r->transform->name), r->key.len ? "/" : "", VIEW_ARG(r->key));
        buf_printf(&script.said, "%lld\n", (long long)weir_json_int(r->doc, "/id", 0));
        weir_rc rc = weir_emit(t, a->d->to, WEIR_UPSERT, weir_format(t, "{\"id\":%lld,\"sum\":%lld,\"by\":\"%.*s\"}", (long long)weir_json_int(r->doc, "/id", 0),
                                                                   (long long)a->sum, VIEW_ARG(r->transform->name)));
        if (rc)
            return rc;
    }
    return WEIR_OK;
}

static weir_rc keep(weir_task *t, void *self, weir_view position)
{
    adder *a = self;
    (void)position;
    if (script.fail_before)
        return weir_fail(t, WEIR_E_TRANSIENT, "not today");
    return weir_keep(t, weir_format(t, "{\"sum\":%lld}", (long long)a->sum));
}

static weir_rc begin_own(weir_task *t, void *self, const weir_derivation *d)
{
    adder *a = self;
    a->d = d;
    a->sum = script.sum;
    return weir_resume(t, buf_view(&script.kept));
}

/* The moment in which it is durable lies between the two places where it may fail. */
static weir_rc keep_own(weir_task *t, void *self, weir_view position)
{
    const adder *a = self;
    if (script.fail_before)
        return weir_fail(t, WEIR_E_TRANSIENT, "before");
    buf_clear(&script.kept);
    buf_addv(&script.kept, position);
    script.sum = a->sum;
    return script.fail_after ? weir_fail(t, WEIR_E_TRANSIENT, "after") : WEIR_OK;
}

static const weir_connector adding = {
    .abi = WEIR_ABI, .name = "derive-add", .version = "1", .open = open_adder, .close = free,
    .derive = &(const weir_derive){.begin = begin, .read = add, .commit = keep},
};
static const weir_connector own = {
    .abi = WEIR_ABI, .name = "derive-own", .version = "1", .open = open_adder, .close = free,
    .derive = &(const weir_derive){.begin = begin_own, .read = add, .commit = keep_own},
};

static const weir_connector *find(weir_view name)
{
    static const weir_connector *const all[] = {&source, &adding, &own};
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

/* t/x and t/y are captured, t/out is derived from them. @param rest more collections */
static void setup(rig *r, const char *connector, const char *transforms, const char *rest)
{
    buf text = {0};
    buf_free(&script.said);
    buf_free(&script.kept);
    script = (struct script){.now = 1000};
    r->folder = folder_make();
    assert_true(asprintf(&r->file, "%s/flow.yaml", r->folder) > 0 && asprintf(&r->data, "%s/data", r->folder) > 0);
    buf_printf(&text,
               "captures:\n"
               "  t/source: {endpoint: {native: {connector: source-test}}, bindings: [{resource: {name: x}, target: t/x}, {resource: {name: y}, target: t/y}]}\n"
               "collections:\n"
               "  t/x: {key: [/id], projections: {r: {location: /r, partition: true}}, schema: {type: object, properties: {id: {type: integer}}, required: [id]}}\n"
               "  t/y: {key: [/id], schema: {type: object, properties: {id: {type: integer}}, required: [id]}}\n"
               "  t/out: {key: [/id], schema: {type: object, properties: {id: {type: integer}, n: {type: integer}}, required: [id]},\n"
               "          derive: {using: {native: {connector: %s}}, transforms: [%s]}}\n%s",
               connector, transforms, rest);
    assert_int_equal(io_replace_file(r->file, buf_view(&text), &r->e), WEIR_OK);
    buf_free(&text);
}

static void teardown(rig *r)
{
    buf_free(&script.said);
    buf_free(&script.kept);
    folder_remove(r->folder);
    free(r->file);
    free(r->data);
    err_free(&r->e);
}

static int64_t now(void *arg)
{
    (void)arg;
    return script.now;
}

static weir_rc run_with(rig *r, const char *only, bool again)
{
    catalog c;
    if (catalog_read(&c, r->file, &r->e))
        fail_msg("%s", err_text(&r->e));
    const run_options o = {.catalog = &c, .data_dir = r->data, .only = only, .once = true, .idle_ms = 60000, .natives = find, .log = r->log, .stop_fd = -1, .now = now,
                           .replay = again};
    weir_rc rc = plane_run(&o, &r->e);
    catalog_free(&c);
    return rc;
}

static weir_rc run_only(rig *r, const char *only) { return run_with(r, only, false); }
static weir_rc replay(rig *r) { return run_with(r, NULL, true); }

static void replace_in_catalog(rig *r, const char *what, const char *with)
{
    buf text = {0}, out = {0};
    assert_int_equal(io_read_file(r->file, 1 << 20, &text, &r->e), WEIR_OK);
    const char *all = buf_text(&text), *at = strstr(all, what);
    assert_non_null(at);
    buf_add(&out, all, (size_t)(at - all));
    buf_adds(&out, with);
    buf_adds(&out, at + strlen(what));
    assert_int_equal(io_replace_file(r->file, buf_view(&out), &r->e), WEIR_OK);
    buf_free(&text);
    buf_free(&out);
}

static void run(rig *r) { assert_int_equal(run_only(r, NULL), WEIR_OK); }
static void run_apart(rig *r, const char *derivation)
{
    assert_int_equal(run_only(r, "t/source"), WEIR_OK);
    assert_int_equal(run_only(r, derivation), WEIR_OK);
}

static void said(const char *expected)
{
    assert_string_equal(buf_text(&script.said), expected);
    buf_clear(&script.said);
}

static void assert_journal(rig *r, const char *folder, const char *expected)
{
    char *path;
    buf text = {0};
    assert_true(asprintf(&path, "%s/journals/%s/00000000000000000000.ndjson", r->data, folder) > 0);
    if (io_read_file(path, 1 << 20, &text, &r->e))
        fail_msg("%s", err_text(&r->e));
    assert_string_equal(buf_text(&text), expected);
    buf_free(&text);
    free(path);
}

/* How many documents were refused, and put aside. */
static void assert_reasons(rig *r, size_t want)
{
    char *path;
    buf text = {0};
    size_t lines = 0;
    assert_true(asprintf(&path, "%s/journals/refused%%3Bt%%2Fout%%3Bt%%2Fout/00000000000000000000.ndjson", r->data) > 0);
    assert_int_equal(io_read_file(path, 1 << 20, &text, &r->e), WEIR_OK);
    for (size_t i = 0; i < text.len; i++)
        lines += text.ptr[i] == '\n';
    assert_int_equal(lines, want);
    buf_free(&text);
    free(path);
}

#define DOCUMENTS(...) (const char *const[]){__VA_ARGS__, NULL}

/* ---- tests ---- */

static void test_chain(void **unused)
{
    (void)unused;
    rig r = {0};
    setup(&r, "derive-add", "{name: a, source: t/x}",
          "  t/last: {key: [/id], schema: {type: object, properties: {id: {type: integer}}, required: [id]},\n"
          "           derive: {using: {native: {connector: derive-add}}, transforms: [{name: z, source: t/out}]}}\n");
    script.documents[0] = DOCUMENTS("{\"id\":1,\"n\":5}", "{\"id\":2,\"n\":-2}");
    run(&r);
    assert_journal(&r, "t%2Fout", "{\"id\":1,\"sum\":5,\"by\":\"a\"}\n{\"id\":2,\"sum\":3,\"by\":\"a\"}\n");
    assert_journal(&r, "t%2Flast", "{\"id\":1,\"sum\":0,\"by\":\"z\"}\n{\"id\":2,\"sum\":0,\"by\":\"z\"}\n");
    said("a 1\na 2\nz 1\nz 2\n");
    run(&r); /* nothing new */
    said("");
    script.documents[0] = DOCUMENTS("{\"id\":1,\"n\":5}", "{\"id\":2,\"n\":-2}", "{\"id\":3,\"n\":10}"); /* the state goes on */
    run(&r);
    assert_journal(&r, "t%2Fout", "{\"id\":1,\"sum\":5,\"by\":\"a\"}\n{\"id\":2,\"sum\":3,\"by\":\"a\"}\n{\"id\":3,\"sum\":13,\"by\":\"a\"}\n");
    teardown(&r);
}

/* State, offsets and documents are one transaction of weir.db. */
static void test_failed_commit_is_repeated(void **unused)
{
    (void)unused;
    rig r = {0};
    setup(&r, "derive-add", "{name: a, source: t/x}", "");
    script.documents[0] = DOCUMENTS("{\"id\":1,\"n\":5}");
    script.fail_before = true;
    assert_int_equal(run_only(&r, NULL), WEIR_E_TRANSIENT);
    script.fail_before = false;
    run(&r);
    said("a 1\na 1\n");
    assert_journal(&r, "t%2Fout", "{\"id\":1,\"sum\":5,\"by\":\"a\"}\n");
    teardown(&r);
}

/* It keeps the checkpoint with its state: what it has committed did happen, whatever weir.db says. */
static void test_own_checkpoint(void **unused)
{
    (void)unused;
    rig r = {0};
    setup(&r, "derive-own", "{name: a, source: t/x}", "");
    script.documents[0] = DOCUMENTS("{\"id\":1,\"n\":5}");
    run(&r);
    buf kept = {0};
    position_add(&kept, buf_view(&script.kept));
    assert_string_equal(buf_text(&kept), "{\"sources\":{\"t/x;derive/t/out/a\":{\"readThrough\":\"15\"}},\"ackIntents\":{\"t/out\":\"MjY=\"}}"); /* echo -n 26 | base64 */
    buf_free(&kept);
    said("a 1\n");
    script.documents[0] = DOCUMENTS("{\"id\":1,\"n\":5}", "{\"id\":2,\"n\":1}");
    script.fail_before = true; /* nothing has happened */
    assert_int_equal(run_only(&r, NULL), WEIR_E_TRANSIENT);
    assert_int_equal(script.sum, 5);
    assert_journal(&r, "t%2Fout", "{\"id\":1,\"sum\":5,\"by\":\"a\"}\n{\"id\":2,\"sum\":6,\"by\":\"a\"}\n"); /* not committed: nobody reads it */
    script.fail_before = false;
    script.fail_after = true; /* it has, and weir.db does not know */
    assert_int_equal(run_only(&r, NULL), WEIR_E_TRANSIENT);
    said("a 2\na 2\n");
    script.fail_after = false;
    script.documents[0] = DOCUMENTS("{\"id\":1,\"n\":5}", "{\"id\":2,\"n\":1}", "{\"id\":3,\"n\":2}");
    run(&r);
    said("a 3\n");
    assert_int_equal(script.sum, 8);
    assert_journal(&r, "t%2Fout", "{\"id\":1,\"sum\":5,\"by\":\"a\"}\n{\"id\":2,\"sum\":6,\"by\":\"a\"}\n{\"id\":3,\"sum\":8,\"by\":\"a\"}\n");
    teardown(&r);
}

/* Its last commit is known to nobody else, and there is nothing new: what it published then counts all the same, for those who read it. */
static void test_roll_forward_alone(void **unused)
{
    (void)unused;
    rig r = {0};
    setup(&r, "derive-own", "{name: a, source: t/x}",
          "  t/last: {key: [/id], schema: true, derive: {using: {native: {connector: derive-add}}, transforms: [{name: z, source: t/out}]}}\n");
    script.documents[0] = DOCUMENTS("{\"id\":1,\"n\":5}");
    script.fail_after = true;
    assert_int_equal(run_only(&r, NULL), WEIR_E_TRANSIENT);
    said("a 1\n");
    script.fail_after = false;
    run(&r);
    said("z 1\n");
    teardown(&r);
}

static void assert_learned(rig *r, const char *field)
{
    store *s;
    arena a = {0};
    weir_view schema = {0};
    assert_int_equal(store_open(&s, r->data, true, &r->e), WEIR_OK);
    assert_int_equal(store_inferred(s, VIEW("t/out"), &a, &schema, &r->e), WEIR_OK);
    store_close(s);
    if (!schema.len || !memmem(schema.ptr, schema.len, field, strlen(field)))
        fail_msg("%.*s does not know %s", VIEW_ARG(schema), field);
    arena_free(&a);
}

/* ... and its collection learns of it. */
static void test_roll_forward_learns(void **unused)
{
    (void)unused;
    rig r = {0};
    setup(&r, "derive-own", "{name: a, source: t/x}", "");
    replace_in_catalog(&r, "required: [id]},\n          derive: {", "required: [id], x-infer-schema: true},\n          derive: {");
    script.documents[0] = DOCUMENTS("{\"id\":1,\"n\":5}");
    script.fail_after = true;
    assert_int_equal(run_only(&r, NULL), WEIR_E_TRANSIENT);
    script.fail_after = false;
    run(&r);
    assert_learned(&r, "\"sum\"");
    teardown(&r);
}

/* What is refused belongs to the transaction: neither lost nor twice when its end is known to the connector only. */
static void test_refused_and_own_checkpoint(void **unused)
{
    (void)unused;
    rig r = {0};
    setup(&r, "derive-own", "{name: a, source: t/x}", "");
    replace_in_catalog(&r, "n: {type: integer}}, required: [id]},\n          derive: {", "sum: {maximum: 10}}, required: [id]},\n          derive: {onInvalid: divert, ");
    script.documents[0] = DOCUMENTS("{\"id\":1,\"n\":5}", "{\"id\":2,\"n\":50}");
    script.fail_after = true;
    assert_int_equal(run_only(&r, NULL), WEIR_E_TRANSIENT);
    script.fail_after = false;
    script.documents[0] = DOCUMENTS("{\"id\":1,\"n\":5}", "{\"id\":2,\"n\":50}", "{\"id\":3,\"n\":-50}", "{\"id\":4,\"n\":90}");
    run(&r);
    assert_journal(&r, "t%2Fout", "{\"id\":1,\"sum\":5,\"by\":\"a\"}\n{\"id\":3,\"sum\":5,\"by\":\"a\"}\n");
    assert_reasons(&r, 2);
    replace_in_catalog(&r, "maximum: 10", "maximum: 60");
    script.fail_after = true;
    assert_int_equal(replay(&r), WEIR_E_TRANSIENT);
    script.fail_after = false;
    assert_int_equal(replay(&r), WEIR_OK);
    assert_int_equal(replay(&r), WEIR_OK);
    assert_journal(&r, "t%2Fout", "{\"id\":1,\"sum\":5,\"by\":\"a\"}\n{\"id\":3,\"sum\":5,\"by\":\"a\"}\n{\"id\":2,\"sum\":55,\"by\":\"a\"}\n");
    run(&r);
    teardown(&r);
}

static void set_kept(const char *position)
{
    buf_clear(&script.kept);
    buf_adds(&script.kept, position);
}

static void test_lost_state(void **unused)
{
    (void)unused;
    rig r = {0};
    setup(&r, "derive-own", "{name: a, source: t/x}", "");
    script.documents[0] = DOCUMENTS("{\"id\":1,\"n\":5}");
    run(&r);
    char *first = strdup(buf_text(&script.kept));
    script.documents[0] = DOCUMENTS("{\"id\":1,\"n\":5}", "{\"id\":2,\"n\":1}");
    run(&r);
    char *second = strdup(buf_text(&script.kept)), *folder = strstr(second, "\"id\":\"") + 6;
    set_kept(first);
    assert_int_equal(run_only(&r, "t/out"), WEIR_E_CONFIG); /* an older state */
    set_kept("");
    assert_int_equal(run_only(&r, "t/out"), WEIR_E_CONFIG); /* none */
    *folder ^= 1;
    set_kept(second);
    assert_int_equal(run_only(&r, "t/out"), WEIR_E_CONFIG); /* one of another data folder */
    *folder ^= 1;
    set_kept(second);
    assert_int_equal(run_only(&r, "t/out"), WEIR_OK);
    free(first);
    free(second);
    teardown(&r);
}

static void test_priority_and_time(void **unused)
{
    (void)unused;
    rig r = {0};
    setup(&r, "derive-add", "{name: low, source: t/x}, {name: slow, source: t/x, readDelay: 10s}, {name: high, source: t/y, priority: 1}", "");
    script.documents[0] = DOCUMENTS("{\"id\":1}");
    script.documents[1] = DOCUMENTS("{\"id\":2}");
    assert_int_equal(run_only(&r, "t/source"), WEIR_OK);
    script.now = 1005;
    script.documents[0] = DOCUMENTS("{\"id\":1}", "{\"id\":3}");
    script.documents[1] = DOCUMENTS("{\"id\":2}", "{\"id\":4}");
    run_apart(&r, "t/out");
    said("high 2\nhigh 4\nlow 1\nlow 3\n"); /* of the slow one all are too young, and --once does not wait for them */
    script.now = 1009;
    assert_int_equal(run_only(&r, "t/out"), WEIR_OK);
    said("");
    script.now = 1010;
    assert_int_equal(run_only(&r, "t/out"), WEIR_OK);
    said("slow 1\n");
    script.now = 1014;
    script.documents[0] = DOCUMENTS("{\"id\":1}", "{\"id\":3}", "{\"id\":5}");
    assert_int_equal(run_only(&r, "t/source"), WEIR_OK);
    script.now = 1100;
    assert_int_equal(run_only(&r, "t/out"), WEIR_OK);
    said("low 5\nslow 3\nslow 5\n"); /* 1014, 1005 + 10, 1014 + 10 */
    teardown(&r);
}

static void test_times(void **unused)
{
    (void)unused;
    rig r = {0};
    setup(&r, "derive-add", "{name: a, source: {name: t/x, notBefore: 1970-01-01T00:16:50Z, notAfter: 1970-01-01T00:17:00Z}}", "");
    script.documents[0] = DOCUMENTS("{\"id\":1}");
    run_only(&r, "t/source");
    script.now = 1010;
    script.documents[0] = DOCUMENTS("{\"id\":1}", "{\"id\":2}");
    run_only(&r, "t/source");
    script.now = 1020;
    script.documents[0] = DOCUMENTS("{\"id\":1}", "{\"id\":2}", "{\"id\":3}");
    run_only(&r, "t/source");
    script.now = 1021;
    script.documents[0] = DOCUMENTS("{\"id\":1}", "{\"id\":2}", "{\"id\":3}", "{\"id\":4}");
    run(&r);
    said("a 2\na 3\n");
    run(&r);
    said("");
    teardown(&r);
}

static void test_partitions_and_shuffle(void **unused)
{
    (void)unused;
    rig r = {0};
    setup(&r, "derive-add",
          "{name: in, source: {name: t/x, partitions: {include: {r: [eu, null]}}}, shuffle: {key: [/id, /k]}}, "
          "{name: ex, source: {name: t/x, partitions: {exclude: {r: [eu]}}}}",
          "");
    script.documents[0] = DOCUMENTS("{\"id\":1,\"r\":\"eu\",\"k\":\"x\"}", "{\"id\":2,\"r\":\"us\"}", "{\"id\":3}", "{\"id\":4,\"r\":\"\\u0065u\"}");
    run(&r);
    said("in/[1,\"x\"] 1\nin/[3,null] 3\nin/[4,null] 4\nex 2\nex 3\n");
    teardown(&r);
}

/* A transform with another backfill begins anew; the others go on. */
static void test_backfill(void **unused)
{
    (void)unused;
    rig r = {0}, again = {0};
    setup(&r, "derive-add", "{name: a, source: t/x}, {name: b, source: t/x}", "");
    script.documents[0] = DOCUMENTS("{\"id\":1,\"n\":5}");
    run(&r);
    said("a 1\nb 1\n");
    setup(&again, "derive-add", "{name: a, source: t/x}, {name: b, source: t/x, backfill: 1}", "");
    script.documents[0] = DOCUMENTS("{\"id\":1,\"n\":5}");
    free(again.data);
    again.data = strdup(r.data);
    run(&again);
    said("b 1\n");
    teardown(&again);
    teardown(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chain),
        cmocka_unit_test(test_failed_commit_is_repeated),
        cmocka_unit_test(test_own_checkpoint),
        cmocka_unit_test(test_roll_forward_alone),
        cmocka_unit_test(test_roll_forward_learns),
        cmocka_unit_test(test_refused_and_own_checkpoint),
        cmocka_unit_test(test_lost_state),
        cmocka_unit_test(test_priority_and_time),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_partitions_and_shuffle),
        cmocka_unit_test(test_backfill),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
