/* Runs whose captures share a collection: what one of them fails to commit is not committed by the other; many at once lose and double nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <poll.h>
#include <semaphore.h>

#include "base/io.h"
#include "fault.h"
#include "folder.h"
#include "plane/run.h"

static sem_t first_has_failed; /* of the test at hand */

static weir_rc discover(weir_task *t, void *self)
{
    (void)t;
    (void)self;
    return WEIR_OK;
}

static const weir_field resource[] = {{.name = "name", .type = WEIR_TEXT, .flags = WEIR_PATH, .help = "which"}, {0}};

/* ---- one whose commit fails, and one that comes behind it ---- */

static weir_rc open_failing(weir_task *t, const weir_connector *me, const void *config, void **ret)
{
    (void)t;
    (void)me;
    (void)config;
    *ret = NULL;
    return WEIR_OK;
}

static weir_rc pull_failing(weir_task *t, void *self, const weir_binding *b, size_t count)
{
    (void)self;
    (void)count;
    struct pollfd stop = {weir_stop_fd(t), POLLIN, 0};
    weir_rc rc = weir_emit(t, b, WEIR_UPSERT, VIEW("{\"id\":1}"));
    fault_at(FAULT_FSYNC, 0, EIO); /* of the journal's folder, in the commit */
    if (!rc)
        rc = weir_checkpoint(t, b, VIEW("{\"at\":1}"));
    while (!rc && poll(&stop, 1, -1) < 0)
        ;
    sem_post(&first_has_failed);
    return rc;
}

static weir_rc pull_behind(weir_task *t, void *self, const weir_binding *b, size_t count)
{
    (void)self;
    (void)count;
    while (sem_wait(&first_has_failed))
        ;
    weir_rc rc = weir_emit(t, b, WEIR_UPSERT, VIEW("{\"id\":2}"));
    return rc ? rc : weir_checkpoint(t, b, VIEW("{}"));
}

static const weir_connector failing = {
    .abi = WEIR_ABI, .name = "failing", .version = "1", .resource = resource, .resource_size = sizeof(char *), .open = open_failing,
    .capture = &(const weir_capture){.discover = discover, .pull = pull_failing},
};
static const weir_connector behind = {
    .abi = WEIR_ABI, .name = "behind", .version = "1", .resource = resource, .resource_size = sizeof(char *),
    .capture = &(const weir_capture){.discover = discover, .pull = pull_behind},
};

/* ---- one with lanes, checkpoints of every size ---- */

enum { DOCUMENTS = 3000 };

static weir_rc pull_many(weir_task *t, void *self, const weir_binding *b, size_t count)
{
    (void)self;
    (void)count;
    weir_rc rc = weir_sourced_schema(t, b, VIEW("{\"type\":\"object\",\"properties\":{\"t\":{\"type\":\"string\"}},\"additionalProperties\":false}"));
    for (int i = 0; i < DOCUMENTS && !rc; i++) {
        rc = weir_emit(t, b, WEIR_UPSERT, weir_format(t, "{\"id\":%d,\"t\":\"%.*s %u %0*d\"}", i, VIEW_ARG(weir_task_name(t)), b->index, i % 900, i));
        if (!rc && (i % 700 < 300 || i % 700 == 699))
            rc = weir_checkpoint(t, b, weir_format(t, "{\"at\":%d}", i));
    }
    return rc;
}

static weir_rc acked(weir_task *t, void *self, const weir_ack *acks, size_t count)
{
    (void)t;
    (void)self;
    for (size_t i = 0; i < count; i++)
        assert_true(acks[i].binding != NULL);
    return WEIR_OK;
}

static const weir_connector many = {
    .abi = WEIR_ABI, .name = "many", .version = "1", .resource = resource, .resource_size = sizeof(char *),
    .capture = &(const weir_capture){.discover = discover, .pull = pull_many, .acked = acked, .lanes = 3},
};

static const weir_connector *find(weir_view name)
{
    static const weir_connector *const all[] = {&failing, &behind, &many};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (view_is(name, all[i]->name))
            return all[i];
    return NULL;
}

/* ---- the rig ---- */

static const char collections[] =
    "collections:\n"
    "  t/x: {key: [/id], schema: {type: object, properties: {id: {type: integer}}, required: [id], x-infer-schema: true}}\n"
    "  t/y: {key: [/id], schema: {type: object, properties: {id: {type: integer}}, required: [id]}}\n";

static weir_rc run(const char *folder, const char *captures, err *e)
{
    buf text = {0};
    char *file = NULL, *data = NULL;
    catalog c;
    assert_true(asprintf(&file, "%s/flow.yaml", folder) > 0 && asprintf(&data, "%s/data", folder) > 0);
    buf_printf(&text, "%scaptures:\n%s", collections, captures);
    assert_int_equal(io_replace_file(file, buf_view(&text), e), WEIR_OK);
    assert_int_equal(catalog_read(&c, file, e), WEIR_OK);
    const run_options o = {.catalog = &c, .data_dir = data, .once = true, .idle_ms = 60000, .natives = find, .stop_fd = -1};
    weir_rc rc = plane_run(&o, e);
    catalog_free(&c);
    buf_free(&text);
    free(file);
    free(data);
    return rc;
}

static void read_journal(const char *folder, const char *name, buf *out)
{
    char *path = NULL;
    err e = {0};
    assert_true(asprintf(&path, "%s/data/journals/t%%2F%s/00000000000000000000.ndjson", folder, name) > 0);
    assert_int_equal(io_read_file(path, 0, out, &e), WEIR_OK);
    free(path);
}

static void test_a_failed_commit_is_nobodys(void **unused)
{
    (void)unused;
    char *folder = folder_make();
    buf text = {0};
    err e = {0};
    assert_int_equal(sem_init(&first_has_failed, 0, 0), 0);
    assert_int_equal(run(folder,
                         "  t/one: {endpoint: {native: {connector: failing, config: {}}}, bindings: [{resource: {name: x}, target: t/x}]}\n"
                         "  t/two: {endpoint: {native: {connector: behind, config: {}}}, bindings: [{resource: {name: x}, target: t/x}]}\n", &e),
                     WEIR_E_NOMEM);
    fault_clear();
    read_journal(folder, "x", &text);
    assert_string_equal(buf_text(&text), "{\"id\":2}\n");
    sem_destroy(&first_has_failed);
    buf_free(&text);
    err_free(&e);
    folder_remove(folder);
}

/* Documents of a lane come in order, all of them, each once: DOCUMENTS for every task and binding. */
static void check_whole(weir_view lines)
{
    int next[2][3] = {0};
    while (lines.len) {
        size_t len = (size_t)((const char *)memchr(lines.ptr, '\n', lines.len) - lines.ptr);
        int id;
        char name;
        unsigned binding;
        assert_int_equal(sscanf(lines.ptr, "{\"id\":%d,\"t\":\"t/%c %u ", &id, &name, &binding), 3);
        assert_int_equal(id, next[name - 'a'][binding]++);
        lines = view_from(lines, len + 1);
    }
    for (int i = 0; i < 6; i++)
        assert_int_equal(next[i / 3][i % 3], DOCUMENTS);
}

static void test_lanes_of_many_captures(void **unused)
{
    (void)unused;
    char *folder = folder_make();
    buf text = {0};
    err e = {0};
    assert_int_equal(run(folder,
                         "  t/a: {endpoint: {native: {connector: many, config: {}}}, bindings: [{resource: {name: x}, target: t/x},"
                         " {resource: {name: z}, target: t/x}, {resource: {name: y}, target: t/y}]}\n"
                         "  t/b: {endpoint: {native: {connector: many, config: {}}}, bindings: [{resource: {name: y}, target: t/y},"
                         " {resource: {name: x}, target: t/x}, {resource: {name: z}, target: t/y}]}\n", &e),
                     WEIR_OK);
    read_journal(folder, "x", &text);
    read_journal(folder, "y", &text);
    check_whole(buf_view(&text));
    buf_free(&text);
    err_free(&e);
    folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_failed_commit_is_nobodys),
        cmocka_unit_test(test_lanes_of_many_captures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
