/* tap: a connector's documents on their way out, line by line. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/io.h"
#include "json/patch.h"
#include "fault.h"
#include "proto/singer/singer.h"

typedef weir_rc pulling(weir_task *, void *, const weir_binding *, size_t);

typedef struct fixture {
    weir_connector connector;
    weir_capture capture;
    arena arena;
    log_sink *log;
    int out;
    buf said;      /* without times */
    err e;
    bool broken;
    const char *catalog, *state, *config_path;
} fixture;

static const weir_stream wrapped = {
    .name = WEIR_LIT("w"), .key = WEIR_LIT("[\"/_meta/row_id\"]"), .resource = WEIR_LIT("{\"s\":\"w\"}"), .resource_path = WEIR_LIT("[\"w\"]"),
    .schema = WEIR_LIT("{\"type\":\"object\",\"properties\":{\"x\":{\"type\":\"integer\"},\"y\":{\"type\":\"integer\"},\"_meta\":{\"type\":\"object\","
                       "\"properties\":{\"row_id\":{\"type\":\"integer\"}}}},\"required\":[\"_meta\"],\"x-infer-schema\":true}")};
static const weir_stream changes = {
    .name = WEIR_LIT("c"), .name_space = WEIR_LIT("db"), .key = WEIR_LIT("[\"/x\"]"), .resource = WEIR_LIT("{\"s\":\"c\"}"), .deletes = true,
    .modes = WEIR_LOG_BASED, .resource_path = WEIR_LIT("[\"db\",\"c\"]"),
    .schema = WEIR_LIT("{\"type\":\"object\",\"properties\":{\"x\":{\"type\":\"integer\"},\"_meta\":{\"type\":\"object\",\"properties\":{\"op\":{\"type\":"
                       "\"string\"},\"lsn\":{\"type\":\"integer\"}}}},\"required\":[\"x\"]}")};

static weir_rc discover(weir_task *t, void *self)
{
    (void)self;
    weir_rc rc = weir_discovered(t, &wrapped);
    return rc ? rc : weir_discovered(t, &changes);
}

static const char *paper(arena *a, const char *content)
{
    if (!content)
        return NULL;
    int fd = memfd_create("paper", 0);
    assert_int_equal(write(fd, content, strlen(content)), strlen(content));
    return arena_printf(a, "/proc/self/fd/%d", fd).ptr;
}

static void begin(fixture *f, pulling *pull)
{
    static const weir_field resource[] = {{.name = "s", .type = WEIR_TEXT, .flags = WEIR_PATH}, {0}};
    *f = (fixture){.log = log_open(-1), .out = memfd_create("out", 0)};
    f->capture = (weir_capture){.discover = discover, .pull = pull};
    f->connector = (weir_connector){.abi = WEIR_ABI, .name = "source-x", .version = "1", .resource = resource, .resource_size = sizeof(char *), .capture = &f->capture};
    log_set_level(f->log, WEIR_ERROR);
}

/* Runs it; what it said is kept, with T for every time. */
static weir_rc sync_with(fixture *f, const char *settings, const char *test)
{
    static const tree empty = {.kind = TREE_OBJECT};
    char *const none[] = {NULL};
    tree *given;
    err e = {0};
    assert_int_equal(tree_parse(&f->arena, view_of(settings), NULL, WEIR_E_BUG, &given, &e), WEIR_OK);
    const serve_options o = {.in = -1, .out = f->out, .log = f->log, .stop_fd = -1, .program = "x", .args = none};
    const singer_job job = {.c = &f->connector, .o = &o, .name = "tap-x", .config = &empty, .settings = given, .catalog = paper(&f->arena, f->catalog),
                            .state = paper(&f->arena, f->state), .test = test, .config_path = f->config_path};
    weir_rc rc = singer_tap(&job, &f->broken, &f->e);
    char bytes[65536];
    lseek(f->out, 0, SEEK_SET);
    ssize_t n = read(f->out, bytes, sizeof bytes - 1);
    bytes[n < 0 ? 0 : n] = '\0';
    for (const char *p = bytes; *p; p++) {
        bool time = *p == '"' && strlen(p) > 28 && p[5] == '-' && p[11] == 'T' && memcmp(p + 24, "000Z\"", 5) == 0;
        buf_adds(&f->said, time ? "\"T\"" : "");
        p += time ? 28 : 0;
        if (!time)
            buf_addc(&f->said, *p);
    }
    return rc;
}

static void end(fixture *f)
{
    close(f->out);
    log_close(f->log);
    buf_free(&f->said);
    err_free(&f->e);
    arena_free(&f->arena);
}

static void expect_lines(fixture *f, const char *want) { assert_string_equal(buf_text(&f->said), want); }

#define W_SCHEMA "{\"type\":\"SCHEMA\",\"stream\":\"w\",\"schema\":{\"type\":\"object\",\"properties\":{\"x\":{\"type\":[\"integer\",\"null\"]},\"y\":{\"type\":[\"integer\",\"null\"]}}},\"key_properties\":[]}\n"
#define C_SCHEMA "{\"type\":\"SCHEMA\",\"stream\":\"db-c\",\"schema\":{\"required\":[\"x\"],\"type\":\"object\",\"properties\":{\"x\":{\"type\":\"integer\"},\"_meta\":{\"type\":[\"object\",\"null\"],\"properties\":{\"op\":{\"type\":[\"string\",\"null\"]},\"lsn\":{\"type\":[\"integer\",\"null\"]}}},\"_sdc_deleted_at\":{\"type\":[\"string\",\"null\"],\"format\":\"date-time\"}}},\"key_properties\":[\"x\"]}\n"
#define RECORD(stream, doc) "{\"type\":\"RECORD\",\"stream\":\"" stream "\",\"record\":" doc ",\"time_extracted\":\"T\"}\n"
#define STATE(value) "{\"type\":\"STATE\",\"value\":" value "}\n"

/* ---- documents ---- */

static weir_rc pull_documents(weir_task *t, void *self, const weir_binding *b, size_t n)
{
    (void)self;
    (void)n;
    weir_rc rc;
    if (view_is(b->name, "w")) {
        assert_true(view_is(b->key, "[]"));
        rc = weir_emit(t, b, WEIR_UPSERT, VIEW("{\"_meta\":{\"row_id\":1},\"x\":1,\"y\":2}"));
        rc = rc ? rc : weir_emit(t, b, WEIR_UPSERT, VIEW("{\"x\":2,\n\"y\":3, \"_meta\" : {\"row_id\":2}}"));
        return rc ? rc : weir_checkpoint(t, b, VIEW("{\"n\":2}"));
    }
    assert_int_equal(b->mode, WEIR_LOG_BASED);
    rc = weir_emit(t, b, WEIR_UPSERT, VIEW("{\"x\":1,\"_meta\":{\"op\":\"c\",\"lsn\":5}}"));
    rc = rc ? rc : weir_emit(t, b, WEIR_UPSERT, VIEW("{\"x\":1,\"_meta\":{\"op\":\"d\",\"lsn\":6}}"));
    rc = rc ? rc : weir_emit(t, b, WEIR_DELETE, VIEW("{\"x\":2}"));
    return rc ? rc : weir_checkpoint(t, b, VIEW("{\"lsn\":6}"));
}

/* ---- truncations ---- */

static weir_rc pull_truncated(weir_task *t, void *self, const weir_binding *b, size_t n)
{
    (void)self;
    (void)n;
    weir_rc rc = weir_emit(t, b, WEIR_UPSERT, VIEW("{\"x\":1}"));
    rc = rc ? rc : weir_truncate(t, b);
    rc = rc ? rc : weir_emit(t, b, WEIR_UPSERT, VIEW("{\"x\":2}"));
    return rc ? rc : weir_checkpoint(t, b, VIEW("{\"n\":2}"));
}

static weir_rc pull_more(weir_task *t, void *self, const weir_binding *b, size_t n)
{
    (void)self;
    (void)n;
    weir_rc rc = weir_emit(t, b, WEIR_UPSERT, VIEW("{\"x\":3}"));
    return rc ? rc : weir_checkpoint(t, b, VIEW("{\"n\":3}"));
}

#define C_ONLY "{\"streams\":[{\"tap_stream_id\":\"db-c\",\"stream\":\"db-c\",\"schema\":{\"type\":\"object\",\"properties\":{\"x\":{\"type\":\"integer\"}}}," \
               "\"key_properties\":[\"x\"],\"metadata\":[{\"breadcrumb\":[],\"metadata\":{\"selected\":true,\"replication-method\":\"LOG_BASED\"}}]}]}"

/* The number behind the last `version":`, and what was said with V for it. */
static int64_t take_version(fixture *f)
{
    int64_t version = 0;
    char *at;
    while ((at = memmem(f->said.ptr, f->said.len, "\"version\":1", 11))) {
        char *digits = at + sizeof "\"version\":" - 1, *end;
        version = strtoll(digits, &end, 10);
        *digits = 'V';
        buf rest = {0};
        buf_addv(&rest, (weir_view){end, (size_t)(f->said.ptr + f->said.len - end)});
        f->said.len = (size_t)(digits + 1 - f->said.ptr);
        buf_addv(&f->said, buf_view(&rest));
        buf_free(&rest);
    }
    return version;
}

/* Rows from before have no version, or a lower one; those to come have this one, in later runs, too. */
static void a_truncation_is_a_new_version(void **state)
{
    (void)state;
    fixture f;
    char given[200];
    begin(&f, pull_truncated);
    f.catalog = C_ONLY;
    assert_int_equal(sync_with(&f, "{\"emit_activate_version_messages\":true}", NULL), WEIR_OK);
    int64_t version = take_version(&f);
    assert_true(version > 1700000000000);
    assert_non_null(strstr(buf_text(&f.said), RECORD("db-c", "{\"x\":1}") "{\"type\":\"ACTIVATE_VERSION\",\"stream\":\"db-c\",\"version\":V}\n"
                           "{\"type\":\"RECORD\",\"stream\":\"db-c\",\"record\":{\"x\":2},\"version\":V,\"time_extracted\":\"T\"}\n"));
    snprintf(given, sizeof given, "{\"bookmarks\":{\"db-c\":{\"n\":2}},\"activate_versions\":{\"db-c\":%lld}}", (long long)version);
    assert_non_null(strstr(buf_text(&f.said), given));
    end(&f);
    begin(&f, pull_more);
    f.catalog = C_ONLY;
    f.state = given;
    assert_int_equal(sync_with(&f, "{\"emit_activate_version_messages\":true}", NULL), WEIR_OK);
    assert_int_equal(take_version(&f), version);
    assert_null(strstr(buf_text(&f.said), "ACTIVATE_VERSION"));
    assert_non_null(strstr(buf_text(&f.said), "\"record\":{\"x\":3},\"version\":V,"));
    end(&f);
}

/* Row ids are not the user's data; a deletion is told by _sdc_deleted_at, whichever way the connector says it. */
static void documents_as_singer_has_them(void **state)
{
    (void)state;
    fixture f;
    begin(&f, pull_documents);
    assert_int_equal(sync_with(&f, "{}", NULL), WEIR_OK);
    expect_lines(&f, W_SCHEMA RECORD("w", "{\"x\":1,\"y\":2}") RECORD("w", "{\"x\":2,\"y\":3}") STATE("{\"bookmarks\":{\"w\":{\"n\":2}}}")
                 C_SCHEMA RECORD("db-c", "{\"x\":1,\"_meta\":{\"op\":\"c\",\"lsn\":5}}")
                 RECORD("db-c", "{\"x\":1,\"_meta\":{\"op\":\"d\",\"lsn\":6},\"_sdc_deleted_at\":\"T\"}") RECORD("db-c", "{\"x\":2,\"_sdc_deleted_at\":\"T\"}")
                 STATE("{\"bookmarks\":{\"w\":{\"n\":2},\"db-c\":{\"lsn\":6}}}"));
    end(&f);
}

static void what_is_not_selected_is_not_there(void **state)
{
    (void)state;
    fixture f;
    begin(&f, pull_documents);
    f.catalog = "{\"streams\":[{\"tap_stream_id\":\"w\",\"metadata\":[{\"breadcrumb\":[],\"metadata\":{\"selected\":true}},{\"breadcrumb\":[\"properties\",\"y\"],"
                "\"metadata\":{\"selected\":false}}]}]}";
    assert_int_equal(sync_with(&f, "{}", NULL), WEIR_OK);
    expect_lines(&f, "{\"type\":\"SCHEMA\",\"stream\":\"w\",\"schema\":{\"type\":\"object\",\"properties\":{\"x\":{\"type\":[\"integer\",\"null\"]}}},\"key_properties\":[]}\n"
                 RECORD("w", "{\"x\":1}") RECORD("w", "{\"x\":2}") STATE("{\"bookmarks\":{\"w\":{\"n\":2}}}"));
    end(&f);
}

/* Classic taps go on with the stream they were reading (singer.md 3). */
static void an_interrupted_run_goes_on_where_it_was(void **state)
{
    (void)state;
    fixture f;
    begin(&f, pull_documents);
    f.state = "{\"currently_syncing\":\"db-c\",\"bookmarks\":{\"w\":{\"n\":1}}}";
    assert_int_equal(sync_with(&f, "{}", NULL), WEIR_OK);
    const char *c = strstr(buf_text(&f.said), "\"stream\":\"db-c\""), *w = strstr(buf_text(&f.said), "\"stream\":\"w\"");
    assert_true(c && w && c < w);
    assert_true(view_ends(buf_view(&f.said), VIEW(STATE("{\"bookmarks\":{\"db-c\":{\"lsn\":6},\"w\":{\"n\":2}}}"))));
    end(&f);
}

static void a_test_wants_one_of_each(void **state)
{
    (void)state;
    fixture f;
    begin(&f, pull_documents);
    assert_int_equal(sync_with(&f, "{}", "all"), WEIR_OK);
    expect_lines(&f, W_SCHEMA RECORD("w", "{\"x\":1,\"y\":2}") C_SCHEMA RECORD("db-c", "{\"x\":1,\"_meta\":{\"op\":\"c\",\"lsn\":5}}"));
    end(&f);
}

static void discovery(void **state)
{
    (void)state;
    static const tree empty = {.kind = TREE_OBJECT};
    fixture f;
    char bytes[8192];
    begin(&f, pull_documents);
    const serve_options o = {.in = -1, .out = f.out, .log = f.log, .stop_fd = -1, .program = "x"};
    const singer_job job = {.c = &f.connector, .o = &o, .name = "tap-x", .config = &empty, .settings = &empty};
    assert_int_equal(singer_discover(&job, &f.e), WEIR_OK);
    ssize_t n = pread(f.out, bytes, sizeof bytes, 0);
    weir_view said = {bytes, (size_t)n}, w = weir_json_at(said, "/streams/0"), c = weir_json_at(said, "/streams/1");
    assert_true(json_equal(weir_json_at(w, "/key_properties"), VIEW("[]")));
    assert_true(json_equal(weir_json_at(w, "/metadata/0/metadata"), VIEW("{\"inclusion\":\"available\",\"selected-by-default\":true,\"table-key-properties\":[],"
                                                                         "\"forced-replication-method\":\"INCREMENTAL\"}")));
    assert_false(weir_json_at(w, "/schema/properties/_meta").len);
    assert_true(view_is(weir_json_at(c, "/tap_stream_id"), "\"db-c\"") && view_is(weir_json_at(c, "/stream"), "\"db-c\""));
    assert_true(view_is(weir_json_at(c, "/replication_method"), "\"LOG_BASED\""));
    assert_true(json_equal(weir_json_at(c, "/metadata/0/metadata"), VIEW("{\"inclusion\":\"available\",\"selected-by-default\":true,\"table-key-properties\":[\"x\"],"
                                                                         "\"forced-replication-method\":\"LOG_BASED\",\"schema-name\":\"db\"}")));
    assert_true(json_equal(weir_json_at(c, "/metadata/5"), VIEW("{\"breadcrumb\":[\"properties\",\"_sdc_deleted_at\"],\"metadata\":{\"inclusion\":\"automatic\"}}")));
    end(&f);
}

/* ---- failures ---- */

static weir_rc pull_and_fail(weir_task *t, void *self, const weir_binding *b, size_t n)
{
    (void)self;
    (void)n;
    weir_rc rc = weir_emit(t, b, WEIR_UPSERT, VIEW("{\"x\":1}"));
    rc = rc ? rc : weir_checkpoint(t, b, VIEW("{\"n\":1}"));
    rc = rc ? rc : weir_emit(t, b, WEIR_UPSERT, VIEW("{\"x\":2}"));
    return rc ? rc : weir_fail(t, WEIR_E_REMOTE, "it went away");
}

/* What was sealed and its state go out, what was not does not; the last line is a STATE. */
static void a_failure_keeps_what_was_done(void **state)
{
    (void)state;
    fixture f;
    begin(&f, pull_and_fail);
    assert_int_equal(sync_with(&f, "{}", NULL), WEIR_E_REMOTE);
    assert_string_equal(err_text(&f.e), "binding w: it went away");
    expect_lines(&f, W_SCHEMA RECORD("w", "{\"x\":1}") STATE("{\"currently_syncing\":\"w\",\"bookmarks\":{\"w\":{\"n\":1}}}"));
    end(&f);
}

/* ---- a state for all ---- */

static weir_rc pull_all(weir_task *t, void *self, const weir_binding *b, size_t n)
{
    (void)self;
    assert_int_equal(n, 2);
    weir_rc rc = weir_emit(t, &b[1], WEIR_UPSERT, VIEW("{\"x\":1}"));
    rc = rc ? rc : weir_checkpoint_patch(t, NULL, VIEW("{\"bindingStateV1\":{\"w\":{\"n\":1},\"db%2Fc\":{\"l\":1}},\"lsn\":7}"));
    rc = rc ? rc : weir_emit(t, &b[0], WEIR_UPSERT, VIEW("{\"x\":2}"));
    return rc ? rc : weir_checkpoint_patch(t, NULL, VIEW("{\"bindingStateV1\":{\"w\":{\"n\":2}}}"));
}

static void the_state_of_a_task(void **state)
{
    (void)state;
    fixture f;
    begin(&f, pull_all);
    f.capture.all_in_one = true;
    f.state = "{\"bookmarks\":{\"w\":{\"m\":0}},\"lsn\":6,\"other\":1.0}";
    assert_int_equal(sync_with(&f, "{}", NULL), WEIR_OK);
    assert_true(view_starts(buf_view(&f.said), VIEW(STATE("{\"bookmarks\":{\"w\":{\"m\":0}},\"lsn\":6,\"other\":1.0}") W_SCHEMA C_SCHEMA RECORD("db-c", "{\"x\":1}"))));
    assert_true(view_ends(buf_view(&f.said), VIEW(STATE("{\"bookmarks\":{\"w\":{\"m\":0,\"n\":2},\"db-c\":{\"l\":1}},\"lsn\":7,\"other\":1.0}"))));
    end(&f);
}

/* ---- schemas on the way ---- */

static weir_rc pull_schemas(weir_task *t, void *self, const weir_binding *b, size_t n)
{
    (void)self;
    (void)n;
    static const char *const said[] = {"{\"type\":\"object\",\"properties\":{\"x\":{\"type\":\"integer\"}}}",
                                       "{\"type\":\"object\",\"properties\":{\"x\":{\"type\":\"integer\"},\"z\":{\"type\":\"string\"},\"y\":{\"type\":\"string\"}}}"};
    weir_rc rc = WEIR_OK;
    for (size_t i = 0; i < 4 && !rc && view_is(b->name, "w"); i++)
        rc = weir_sourced_schema(t, b, view_of(said[i % 2]));
    return rc ? rc : weir_emit(t, b, WEIR_UPSERT, VIEW("{\"z\":\"1\",\"x\":2}"));
}

/* SCHEMA comes again only if it is another one; what is not selected stays out. */
static void schemas_that_change(void **state)
{
    (void)state;
    fixture f;
    begin(&f, pull_schemas);
    f.catalog = "{\"streams\":[{\"tap_stream_id\":\"w\",\"metadata\":[{\"breadcrumb\":[],\"metadata\":{\"selected\":true}},{\"breadcrumb\":[\"properties\",\"y\"],"
                "\"metadata\":{\"selected\":false}}]}]}";
    assert_int_equal(sync_with(&f, "{}", NULL), WEIR_OK);
    expect_lines(&f, "{\"type\":\"SCHEMA\",\"stream\":\"w\",\"schema\":{\"type\":\"object\",\"properties\":{\"x\":{\"type\":[\"integer\",\"null\"]}}},\"key_properties\":[]}\n"
                 "{\"type\":\"SCHEMA\",\"stream\":\"w\",\"schema\":{\"type\":\"object\",\"properties\":{\"x\":{\"type\":[\"integer\",\"null\"]},\"z\":{\"type\":[\"string\",\"null\"]}}},\"key_properties\":[]}\n"
                 RECORD("w", "{\"z\":\"1\",\"x\":2}") STATE("{\"bookmarks\":{}}"));
    end(&f);
}

/* ---- settings that change ---- */

static weir_rc pull_rotated(weir_task *t, void *self, const weir_binding *b, size_t n)
{
    (void)self;
    (void)n;
    return view_is(b->name, "w") ? weir_config_changed(t, VIEW("{\"token\":\"new\"}")) : WEIR_OK;
}

static void settings_that_change_are_kept(void **state)
{
    (void)state;
    char path[] = "/tmp/weir-unit-XXXXXX";
    fixture f;
    buf text = {0};
    close(mkstemp(path));
    begin(&f, pull_rotated);
    f.config_path = path;
    assert_int_equal(sync_with(&f, "{\"emit_activate_version_messages\":false}", NULL), WEIR_OK);
    assert_int_equal(io_read_file(path, 0, &text, &f.e), WEIR_OK);
    assert_string_equal(buf_text(&text), "{\"token\":\"new\",\"emit_activate_version_messages\":false}\n");
    unlink(path);
    buf_free(&text);
    end(&f);
}

/* ---- nobody reads, nothing can be written ---- */

static weir_rc pull_much(weir_task *t, void *self, const weir_binding *b, size_t n)
{
    (void)self;
    (void)n;
    weir_rc rc = WEIR_OK;
    for (int i = 0; i < 100000 && !rc; i++) {
        rc = weir_emit(t, b, WEIR_UPSERT, VIEW("{\"x\":1,\"y\":2}"));
        rc = rc || i % 100 ? rc : weir_checkpoint(t, b, weir_format(t, "{\"n\":%d}", i));
    }
    return rc;
}

static void nobody_reads(void **state)
{
    (void)state;
    fixture f;
    int ends[2];
    begin(&f, pull_much);
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(pipe(ends), 0);
    close(f.out);
    close(ends[0]);
    f.out = ends[1];
    assert_int_equal(sync_with(&f, "{}", NULL), WEIR_STOPPED);
    assert_true(f.broken);
    end(&f);
}

/* Lanes of one stream have files of their own; what they hold is told before any state of theirs, and all of it in the end. */
static weir_rc lane_of(weir_task *t, void *arg, size_t i)
{
    const weir_binding *b = arg;
    weir_rc rc = WEIR_OK;
    for (int n = 0; n < 25 && !rc; n++) {
        rc = weir_emit(t, b, WEIR_UPSERT, weir_format(t, "{\"x\":%zu,\"y\":%d}", i, n));
        rc = rc ? rc : weir_checkpoint_patch(t, b, weir_format(t, "{\"l%zu\":%d}", i, n));
    }
    return rc;
}

static weir_rc pull_lanes(weir_task *t, void *self, const weir_binding *b, size_t n)
{
    (void)self;
    (void)n;
    return view_is(b->name, "w") ? weir_parallel(t, 4, 4, lane_of, (void *)(uintptr_t)b) : WEIR_OK;
}

static size_t lines_of_batch(const char *line, unsigned char seen[4][25])
{
    char path[256];
    size_t n = 0, x, y;
    assert_int_equal(sscanf(strstr(line, "file://"), "file://%255[^\"]", path), 1);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    for (; fscanf(f, "{\"x\":%zu,\"y\":%zu}\n", &x, &y) == 2; n++)
        seen[x][y]++;
    fclose(f);
    unlink(path);
    return n;
}

static void batches_of_several_lanes(void **state)
{
    (void)state;
    char dir[] = "/tmp/weir-unit-XXXXXX";
    unsigned char seen[4][25] = {0};
    fixture f;
    buf text = {0};
    assert_non_null(mkdtemp(dir));
    buf_printf(&text, "{\"batch_config\":{\"storage\":{\"root\":\"file://%s\"},\"batch_size\":10}}", dir);
    begin(&f, pull_lanes);
    assert_int_equal(sync_with(&f, buf_text(&text), NULL), WEIR_OK);
    for (char *line = strtok((char *)(uintptr_t)buf_text(&f.said), "\n"); line; line = strtok(NULL, "\n")) {
        if (strstr(line, "\"BATCH\""))
            assert_true(lines_of_batch(line, seen) <= 10);
        for (int i = 0; strstr(line, "\"STATE\"") && i < 4; i++) {
            char pointer[32];
            snprintf(pointer, sizeof pointer, "/value/bookmarks/w/l%d", i);
            for (int64_t n = weir_json_int(view_of(line), pointer, -1); n >= 0; n--)
                assert_int_equal(seen[i][n], 1);
        }
    }
    for (size_t i = 0; i < 100; i++)
        assert_int_equal(seen[i / 25][i % 25], 1);
    assert_int_equal(rmdir(dir), 0);
    end(&f);
    buf_free(&text);
}

/* The message of a full file is dropped with the lane that fails; what was sealed before is in that file. */
static weir_rc pull_and_fail_full(weir_task *t, void *self, const weir_binding *b, size_t n)
{
    (void)self;
    (void)n;
    weir_rc rc = weir_emit(t, b, WEIR_UPSERT, VIEW("{\"x\":0,\"y\":0}"));
    rc = rc ? rc : weir_checkpoint(t, b, VIEW("{\"n\":1}"));
    rc = rc ? rc : weir_emit(t, b, WEIR_UPSERT, VIEW("{\"x\":0,\"y\":1}"));
    return rc ? rc : weir_fail(t, WEIR_E_REMOTE, "it went away");
}

static void a_full_batch_and_then_a_failure(void **state)
{
    (void)state;
    char dir[] = "/tmp/weir-unit-XXXXXX";
    unsigned char seen[4][25] = {0};
    fixture f;
    buf text = {0};
    assert_non_null(mkdtemp(dir));
    buf_printf(&text, "{\"batch_config\":{\"storage\":{\"root\":\"file://%s\"},\"batch_size\":2}}", dir);
    begin(&f, pull_and_fail_full);
    assert_int_equal(sync_with(&f, buf_text(&text), NULL), WEIR_E_REMOTE);
    const char *batch = strstr(buf_text(&f.said), "\"BATCH\"");
    assert_non_null(batch);
    assert_int_equal(lines_of_batch(batch, seen), 2);
    assert_non_null(strstr(batch, "{\"currently_syncing\":\"w\",\"bookmarks\":{\"w\":{\"n\":1}}}"));
    assert_int_equal(rmdir(dir), 0);
    end(&f);
    buf_free(&text);
}

/* A batch file that cannot be written: nothing is told of it, no state that covers it, and it is gone. */
static void a_batch_that_fails(void **state)
{
    (void)state;
    static const char settings[] = "{\"batch_config\":{\"encoding\":{\"compression\":\"none\"},\"storage\":{\"root\":\"file://%s\"},\"batch_size\":1000000}}";
    char dir[] = "/tmp/weir-unit-XXXXXX";
    fixture f;
    buf text = {0};
    assert_non_null(mkdtemp(dir));
    buf_printf(&text, settings, dir);
    begin(&f, pull_much);
    fault_at(FAULT_FSYNC, 0, EIO);
    weir_rc rc = sync_with(&f, buf_text(&text), NULL);
    assert_true(fault_clear());
    assert_int_not_equal(rc, WEIR_OK);
    assert_null(strstr(buf_text(&f.said), "BATCH"));
    assert_null(strstr(buf_text(&f.said), "\"n\":"));
    assert_int_equal(rmdir(dir), 0);
    end(&f);
    buf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(discovery), cmocka_unit_test(a_truncation_is_a_new_version),
        cmocka_unit_test(documents_as_singer_has_them), cmocka_unit_test(what_is_not_selected_is_not_there),
        cmocka_unit_test(an_interrupted_run_goes_on_where_it_was), cmocka_unit_test(a_test_wants_one_of_each),
        cmocka_unit_test(a_failure_keeps_what_was_done), cmocka_unit_test(the_state_of_a_task), cmocka_unit_test(schemas_that_change),
        cmocka_unit_test(settings_that_change_are_kept),
        cmocka_unit_test(nobody_reads), cmocka_unit_test(batches_of_several_lanes), cmocka_unit_test(a_full_batch_and_then_a_failure),
        cmocka_unit_test(a_batch_that_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
