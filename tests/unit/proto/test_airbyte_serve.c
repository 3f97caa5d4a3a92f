/* Serving Airbyte: who fails how in `check`, what is masked, deletions and row ids on their way (docs/protocols/airbyte.md 1.2, 2.5.1, 2.6). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/io.h"
#include "json/patch.h"
#include "json/pointer.h"
#include "json/tree.h"
#include "proto/airbyte/airbyte.h"

/* ---- a connector that fails where it is told to ---- */

static struct {
    weir_rc open, discover, validate, pull;
    const char *problem;
} fails;

static const weir_field config[] = {{.name = "password", .type = WEIR_TEXT, .flags = WEIR_SECRET, .help = "h"}, {0}};
static const weir_field resource[] = {{.name = "stream", .type = WEIR_TEXT, .flags = WEIR_PATH, .help = "which"}, {0}};

static weir_rc failing(weir_task *t, weir_rc rc, const char *where)
{
    return rc ? weir_fail(t, rc, "%s: hunter2-hunter2 is refused", where) : WEIR_OK;
}

static weir_rc do_open(weir_task *t, const weir_connector *me, const void *settings, void **ret)
{
    (void)me;
    *ret = (void *)(uintptr_t)settings;
    weir_log(t, WEIR_INFO, "logging in with hunter2-hunter2");
    return failing(t, fails.open, "open");
}

static weir_rc discover(weir_task *t, void *self)
{
    (void)self;
    const weir_stream people = {.name = VIEW("people"), .name_space = VIEW("public"), .deletes = true, .key = VIEW("[\"/id\"]"), .modes = WEIR_FULL_REFRESH | WEIR_LOG_BASED,
                                .schema = VIEW("{\"type\":\"object\",\"properties\":{\"id\":{\"type\":\"integer\"}}}")};
    const weir_stream rows = {.name = VIEW("rows"), .key = VIEW("[\"/_meta/row_id\"]"), .modes = WEIR_FULL_REFRESH,
                              .schema = VIEW("{\"type\":\"object\",\"properties\":{\"a\":{},\"_meta\":{\"type\":\"object\",\"properties\":{\"row_id\":{\"type\":\"integer\"}},"
                                             "\"required\":[\"row_id\"]}},\"required\":[\"_meta\"],\"x-infer-schema\":true}")};
    weir_rc rc = failing(t, fails.discover, "discover");
    if (!rc)
        rc = weir_discovered(t, &people);
    return rc ? rc : weir_discovered(t, &rows);
}

static weir_rc validate(weir_task *t, void *self, const weir_binding *b, size_t n)
{
    (void)self;
    (void)b;
    (void)n;
    if (fails.problem)
        weir_problem(t, NULL, "%s", fails.problem);
    return failing(t, fails.validate, "validate");
}

static weir_rc pull(weir_task *t, void *self, const weir_binding *b, size_t n)
{
    static const weir_name id = WEIR_NAME("id");
    (void)self;
    (void)n;
    if (view_is(b->name, "rows"))
        return weir_emit(t, b, WEIR_UPSERT, VIEW("{\"_meta\":{\"row_id\":1},\"a\":[1]}"));
    weir_rc rc = weir_emit(t, b, WEIR_UPSERT, weir_format(t, "{\"id\":1,\"mode\":%u}", b->mode));
    if (!rc)
        rc = weir_emit(t, b, WEIR_DELETE, VIEW("{\"id\":2}"));
    if (!rc)
        rc = weir_begin(t, b, WEIR_DELETE);
    if (!rc) {
        weir_put_int(t, id, 3);
        rc = weir_end(t);
    }
    return rc ? rc : failing(t, fails.pull, "pull");
}

static const weir_capture capture = {.discover = discover, .validate = validate, .pull = pull};
static const weir_connector rig = {.abi = WEIR_ABI, .name = "source-rig", .version = "1", .config = config, .config_size = sizeof(const char *),
                                   .resource = resource, .resource_size = sizeof(const char *), .open = do_open, .capture = &capture};

/* ---- the platform ---- */

typedef struct platform {
    char folder[32];
    arena a;
    tree *messages[32];
    size_t count;
    int status;
    buf said;
} platform;

static void put_file(platform *p, const char *name, const char *text)
{
    char path[64];
    snprintf(path, sizeof path, "%s/%s", p->folder, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

static int set_up(void **state)
{
    platform *p = test_calloc(1, sizeof *p);
    strcpy(p->folder, "/tmp/weir-serve-XXXXXX");
    assert_non_null(mkdtemp(p->folder));
    put_file(p, "config", "{\"password\":\"hunter2-hunter2\"}");
    put_file(p, "catalog", "{\"streams\":[{\"stream\":{\"name\":\"people\",\"namespace\":\"public\"},\"sync_mode\":\"incremental\"},"
                           "{\"stream\":{\"name\":\"rows\"},\"sync_mode\":\"incremental\"}]}");
    memset(&fails, 0, sizeof fails);
    *state = p;
    return 0;
}

static int tear_down(void **state)
{
    platform *p = *state;
    char command[64];
    snprintf(command, sizeof command, "rm -r %s", p->folder);
    assert_int_equal(system(command), 0);
    arena_free(&p->a);
    buf_free(&p->said);
    test_free(p);
    return 0;
}

static void read_messages(platform *p)
{
    err e = {0};
    p->count = 0;
    for (weir_view rest = buf_view(&p->said); rest.len;) {
        const char *nl = memchr(rest.ptr, '\n', rest.len);
        assert_non_null(nl);
        assert_true(p->count < 32);
        if (tree_parse(&p->a, (weir_view){rest.ptr, (size_t)(nl - rest.ptr)}, NULL, WEIR_E_BUG, &p->messages[p->count++], &e))
            fail_msg("%s", err_text(&e));
        rest = view_from(rest, (size_t)(nl - rest.ptr) + 1);
    }
}

static void call(platform *p, const char *word)
{
    char path[64], catalog[64];
    snprintf(path, sizeof path, "--config=%s/config", p->folder);
    snprintf(catalog, sizeof catalog, "--catalog=%s/catalog", p->folder);
    char *args[] = {(char *)(uintptr_t)word, path, catalog};
    int out = memfd_create("out", MFD_CLOEXEC);
    log_sink *log = log_open(2);
    serve_end end = {.status = -1};
    err e = {0};
    log_set_level(log, WEIR_INFO);
    (void)airbyte_serve(&rig, &(serve_options){.in = -1, .out = out, .log = log, .stop_fd = -1, .program = "source-rig", .args = args,
                                               .arg_count = strcmp(word, "read") == 0 ? 3 : 2},
                        &end, &e);
    p->status = end.status;
    buf_clear(&p->said);
    assert_true(buf_reserve(&p->said, 1 << 16));
    ssize_t n = pread(out, p->said.ptr, 1 << 16, 0);
    assert_true(n >= 0);
    p->said.len = (size_t)n;
    assert_null(strstr(buf_text(&p->said), "hunter2")); /* whatever happens */
    read_messages(p);
    close(out);
    log_close(log);
    err_free(&e);
}

static const tree *find(const platform *p, const char *pointer, const char *text)
{
    for (size_t i = 0; i < p->count; i++) {
        const tree *t = tree_at(p->messages[i], view_of(pointer));
        if (t && view_is(t->text, text))
            return p->messages[i];
    }
    return NULL;
}

/* ---- tests ---- */

static void check_succeeds(void **state)
{
    platform *p = *state;
    call(p, "check");
    assert_int_equal(p->status, 0);
    assert_non_null(find(p, "/connectionStatus/status", "SUCCEEDED"));
    assert_non_null(find(p, "/log/message", "logging in with ***"));
}

static void what_the_user_can_put_right_is_the_outcome(void **state)
{
    platform *p = *state;
    weir_rc *const places[] = {&fails.open, &fails.discover, &fails.validate};
    static const char *const messages[] = {"open: *** is refused", "discover: *** is refused", "validate: *** is refused"};
    for (size_t i = 0; i < 3; i++) {
        *places[i] = WEIR_E_CONFIG;
        call(p, "check");
        *places[i] = WEIR_OK;
        assert_int_equal(p->status, 0);
        const tree *m = find(p, "/connectionStatus/status", "FAILED");
        assert_non_null(m);
        assert_true(view_is(tree_at(m, VIEW("/connectionStatus/message"))->text, messages[i]));
        assert_null(find(p, "/type", "TRACE"));
    }
    fails.problem = "no such table";
    call(p, "check");
    assert_int_equal(p->status, 0);
    assert_true(view_is(tree_at(find(p, "/connectionStatus/status", "FAILED"), VIEW("/connectionStatus/message"))->text, "no such table"));
}

static void what_nobody_can_put_right_there_is_a_failure(void **state)
{
    platform *p = *state;
    static const struct {
        weir_rc rc;
        const char *type;
    } codes[] = {{WEIR_E_TRANSIENT, "transient_error"}, {WEIR_E_REMOTE, "system_error"}, {WEIR_E_BUG, "system_error"}, {WEIR_E_NOMEM, "system_error"}};
    for (size_t i = 0; i < 4; i++) {
        fails.open = codes[i].rc;
        call(p, "check");
        assert_int_equal(p->status, 1);
        assert_null(find(p, "/type", "CONNECTION_STATUS"));
        assert_non_null(find(p, "/log/level", "FATAL"));
        const tree *m = find(p, "/trace/error/failure_type", codes[i].type);
        assert_non_null(m);
        assert_true(view_is(tree_at(m, VIEW("/trace/error/message"))->text, "open: *** is refused"));
    }
}

static void a_stream_that_fails_says_so_masked(void **state)
{
    platform *p = *state;
    fails.pull = WEIR_E_TRANSIENT;
    call(p, "read");
    assert_int_equal(p->status, 1);
    const tree *m = find(p, "/trace/error/stream_descriptor/name", "people");
    assert_non_null(m);
    assert_true(view_is(tree_at(m, VIEW("/trace/error/message"))->text, "binding people: pull: *** is refused"));
    assert_true(view_is(tree_at(m, VIEW("/trace/error/failure_type"))->text, "transient_error"));
    m = find(p, "/trace/error/message", "1 of 2 streams could not be read");
    assert_non_null(m);
    assert_true(view_is(tree_at(m, VIEW("/trace/error/failure_type"))->text, "transient_error"));
}

static void deletions_and_row_ids(void **state)
{
    platform *p = *state;
    call(p, "discover");
    const tree *streams = tree_at(find(p, "/type", "CATALOG"), VIEW("/catalog/streams"));
    assert_true(json_equal(tree_get(streams->first, "json_schema")->raw,
                           VIEW("{\"type\":\"object\",\"properties\":{\"id\":{\"type\":\"integer\"},\"_ab_cdc_deleted_at\":{\"type\":[\"null\",\"string\"],"
                                "\"format\":\"date-time\",\"airbyte_type\":\"timestamp_with_timezone\"}}}")));
    assert_true(json_equal(streams->last->raw, VIEW("{\"name\":\"rows\",\"json_schema\":{\"type\":\"object\",\"properties\":{\"a\":{}}},"
                                                    "\"supported_sync_modes\":[\"full_refresh\"],\"is_resumable\":false}")));
    call(p, "read");
    assert_int_equal(p->status, 0);
    const tree *records[4];
    size_t n = 0;
    for (size_t i = 0; i < p->count; i++)
        if (view_is(tree_text(p->messages[i], "type"), "RECORD")) {
            assert_true(n < 4);
            records[n++] = tree_get(p->messages[i], "record");
        }
    assert_int_equal(n, 4);
    assert_true(view_is(tree_get(records[0], "data")->raw, "{\"id\":1,\"mode\":4}")); /* WEIR_LOG_BASED: the only way onwards */
    assert_true(view_is(tree_text(records[0], "namespace"), "public"));
    for (size_t i = 1; i < 3; i++) {
        assert_int_equal(tree_get(records[i], "data")->count, 2);
        assert_true(view_ends(tree_at(records[i], VIEW("/data/_ab_cdc_deleted_at"))->text, VIEW("Z")));
    }
    assert_true(view_is(tree_get(records[3], "data")->raw, "{\"a\":[1]}"));
    /* no state was ever set: the dummy, which covers the records */
    const tree *m = find(p, "/state/stream/stream_descriptor/name", "rows");
    assert_non_null(m);
    assert_true(view_is(tree_get(m, "state")->raw, "{\"type\":\"STREAM\",\"stream\":{\"stream_descriptor\":{\"name\":\"rows\"},\"stream_state\":"
                                                   "{\"__ab_no_cursor_state_message\":true}},\"sourceStats\":{\"recordCount\":1.0}}"));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(check_succeeds), TEST(what_the_user_can_put_right_is_the_outcome), TEST(what_nobody_can_put_right_there_is_a_failure),
        TEST(a_stream_that_fails_says_so_masked), TEST(deletions_and_row_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
