/* Derivations and tests in catalogs. Expected values: docs/protocols/flow.md, section 8, and places counted by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "folder.h"
#include "plane/catalog.h"

typedef struct world {
    char *folder;
    catalog c;
    err e;
} world;

static int set_up(void **state)
{
    world *w = calloc(1, sizeof *w);
    w->folder = folder_make();
    *state = w;
    return chdir(w->folder);
}

static int tear_down(void **state)
{
    world *w = *state;
    catalog_free(&w->c);
    err_free(&w->e);
    if (chdir("/") == 0)
        folder_remove(w->folder);
    free(w);
    return 0;
}

static void file(const char *path, const char *content)
{
    err e = {0};
    if (io_replace_file(path, view_of(content), &e))
        fail_msg("%s", err_text(&e));
}

static void read_text(world *w, const char *content)
{
    file("flow.yaml", content);
    if (catalog_read(&w->c, "flow.yaml", &w->e))
        fail_msg("%s", err_text(&w->e));
}

static void assert_refused(world *w, const char *content, const char *message)
{
    file("flow.yaml", content);
    if (catalog_read(&w->c, "flow.yaml", &w->e) == WEIR_OK)
        fail_msg("accepted:\n%s", content);
    assert_int_equal(w->e.rc, WEIR_E_CONFIG);
    assert_string_equal(err_text(&w->e), message);
}

static void assert_view(weir_view v, const char *text)
{
    if (!view_is(v, text))
        fail_msg("\"%.*s\" != \"%s\"", VIEW_ARG(v), text);
}

static void assert_json(const tree *t, const char *json)
{
    buf text = {0};
    tree_write(&text, t);
    assert_string_equal(buf_text(&text), json);
    buf_free(&text);
}

static const char plain[] =
    "collections:\n"
    "  a/in: {schema: {type: object}, key: [/id], projections: {region: {location: /region, partition: true}, x: /x}}\n";

static void with(world *w, const char *more)
{
    buf text = {0};
    buf_adds(&text, plain);
    buf_adds(&text, more);
    read_text(w, buf_text(&text));
    buf_free(&text);
}

static void refused_with(world *w, const char *more, const char *message)
{
    buf text = {0};
    buf_adds(&text, plain);
    buf_adds(&text, more);
    assert_refused(w, buf_text(&text), message);
    buf_free(&text);
}

static void test_whole(void **state)
{
    world *w = *state;
    mkdir("sub", 0777);
    file("sub/m.sql", "create table t (n);");
    file("sub/l.sql", "select \"x\";\n");
    file("sub/d.yaml", "import: [../flow.yaml]\n"
                       "collections:\n"
                       "  a/out:\n"
                       "    schema: {type: object}\n"
                       "    key: [/id]\n"
                       "    derive:\n"
                       "      using: {sqlite: {migrations: [m.sql, 'create table u (n);']}}\n"
                       "      transforms:\n"
                       "        - {name: one, source: a/in, shuffle: any, lambda: l.sql}\n"
                       "        - {name: off, source: a/in, lambda: gone.sql, disable: true}\n"
                       "        - name: two\n"
                       "          source: {name: a/in, partitions: {include: {region: [eu, null]}, exclude: {region: [1]}},\n"
                       "                   notBefore: 2024-02-29T12:00:00.5+01:00, notAfter: '2024-03-01T00:00:00Z'}\n"
                       "          shuffle: {key: [/id]}\n"
                       "          lambda: select 1;\n"
                       "          priority: -3\n"
                       "          readDelay: 90s\n"
                       "          backfill: 2\n"
                       "      shuffleKeyTypes: [integer]\n"
                       "      shards: {logLevel: debug}\n"
                       "      onInvalid: divert\n");
    with(w, "import: [sub/d.yaml]\n");
    assert_int_equal(w->c.task_count, 1);
    const task *t = &w->c.tasks[0];
    assert_int_equal(t->kind, TASK_DERIVE);
    assert_view(t->name, "a/out");
    assert_int_equal(t->log_level, WEIR_DEBUG);
    assert_int_equal(t->binding_count, 1);
    assert_ptr_equal(t->bindings[0].collection, catalog_collection(&w->c, VIEW("a/out")));
    assert_int_equal(t->bindings[0].on_invalid, INVALID_DIVERT);
    assert_int_equal(t->endpoint.kind, ENDPOINT_NATIVE);
    assert_view(t->endpoint.connector, "derive-sqlite");
    assert_json(t->endpoint.config, "{\"migrations\":[\"create table t (n);\",\"create table u (n);\"]}");
    assert_int_equal(t->transform_count, 2);
    assert_view(t->transforms[0].name, "one");
    assert_ptr_equal(t->transforms[0].collection, catalog_collection(&w->c, VIEW("a/in")));
    assert_view(t->transforms[0].lambda_json, "\"select \\\"x\\\";\\n\"");
    assert_int_equal(t->transforms[0].shuffle_key.len, 0);
    const task_transform *two = &t->transforms[1];
    assert_view(two->lambda_json, "\"select 1;\"");
    assert_view(two->shuffle_key, "[\"/id\"]");
    assert_int_equal(two->priority, -3);
    assert_int_equal(two->read_delay_ms, 90000);
    assert_int_equal(two->backfill, 2);
    assert_json(two->reading.include, "{\"region\":[\"eu\",null]}");
    assert_json(two->reading.exclude, "{\"region\":[1]}");
    assert_true(two->reading.has_not_before && two->reading.has_not_after);
    assert_int_equal(two->reading.not_before, 1709204400); /* date -d 2024-02-29T11:00:00Z +%s */
    assert_int_equal(two->reading.not_after, 1709251200);
}

static void test_other_connectors(void **state)
{
    world *w = *state;
    file("l.yaml", "x: [1, two]\n");
    with(w, "  a/l: {schema: true, key: [/id], derive: {using: {local: {command: [./d], config: {k: 1}}},\n"
            "        transforms: [{name: t, source: a/in, lambda: l.yaml}, {name: u, source: a/in, lambda: {y: 1}}, {name: v, source: a/in}]}}\n"
            "  a/n: {schema: true, key: [/id], derive: {using: {native: {connector: derive-x}}, transforms: []}}\n"
            "  a/t: {schema: true, key: [/id], derive: {using: {typescript: {module: t.ts}}}}\n");
    assert_int_equal(w->c.task_count, 3);
    assert_int_equal(w->c.tasks[0].endpoint.kind, ENDPOINT_LOCAL);
    assert_json(w->c.tasks[0].endpoint.config, "{\"k\":1}");
    assert_view(w->c.tasks[0].transforms[0].lambda_json, "{\"x\":[1,\"two\"]}");
    assert_view(w->c.tasks[0].transforms[1].lambda_json, "{\"y\":1}");
    assert_int_equal(w->c.tasks[0].transforms[2].lambda_json.len, 0);
    assert_view(w->c.tasks[1].endpoint.connector, "derive-x");
    assert_int_equal(w->c.tasks[2].endpoint.kind, ENDPOINT_OTHER);
}

#define SQLITE(name, transforms) "  " name ": {schema: true, key: [/id], derive: {using: {sqlite: {}}, transforms: [" transforms "]}}\n"

/* Those that are read from come first, wherever they stand. */
static void test_order(void **state)
{
    world *w = *state;
    with(w, SQLITE("a/c", "{name: t, source: a/b}, {name: u, source: a/a}")
            SQLITE("a/b", "{name: t, source: a/a}")
            SQLITE("a/a", "{name: t, source: a/in}"));
    assert_view(w->c.tasks[0].name, "a/a");
    assert_view(w->c.tasks[1].name, "a/b");
    assert_view(w->c.tasks[2].name, "a/c");
    assert_view(w->c.tasks[2].transforms[1].collection->name, "a/a");
}

static void test_circles(void **state)
{
    world *w = *state;
    refused_with(w, SQLITE("a/a", "{name: t, source: a/a}"),
                 "flow.yaml:3:78: the transform \"t\" closes a circle of derivations: a/a -> a/a");
    refused_with(w, SQLITE("a/a", "{name: t, source: a/in}, {name: u, source: a/c}")
                    SQLITE("a/b", "{name: v, source: a/a}")
                    SQLITE("a/c", "{name: w, source: a/b}"),
                 "flow.yaml:4:78: the transform \"v\" closes a circle of derivations: a/a -> a/c -> a/b -> a/a");
}

static void test_refused(void **state)
{
    world *w = *state;
    refused_with(w, SQLITE("a/a", "{name: t, source: a/im}"), "flow.yaml:3:96: no collection is named \"a/im\"; did you mean \"a/in\"?");
    refused_with(w, SQLITE("a/a", "{name: t, sources: a/in}"), "flow.yaml:3:88: unknown key \"sources\"; did you mean \"source\"?");
    refused_with(w, SQLITE("a/a", "{name: t/u, source: a/in}, {name: t, source: a/in}, {name: t, source: a/in}"),
                 "flow.yaml:3:85: \"t/u\" is no valid name of a transform: it takes letters, digits and -_.\n"
                 "flow.yaml:3:137: another transform is named \"t\"");
    refused_with(w, SQLITE("a/a", "{name: t, source: a/in, shuffle: ary}"), "flow.yaml:3:111: \"ary\" is not one of: any; did you mean \"any\"?");
    refused_with(w, SQLITE("a/a", "{name: t, source: a/in, shuffle: {key: [id]}}"),
                 "flow.yaml:3:118: \"id\" is no JSON pointer: it begins with / and names a place in the document, such as /id");
    refused_with(w, SQLITE("a/a", "{name: t, source: a/in, shuffle: {key: [/id]}}, {name: u, source: a/in, shuffle: {key: [/id, /x]}}"),
                 "flow.yaml:3:165: the shuffle key has 2 parts, that of \"t\" has 1");
    refused_with(w, SQLITE("a/a", "{name: t, source: a/in, readDelay: soon}"),
                 "flow.yaml:3:113: \"soon\" is no duration: write it as 30s, 5m, 1h30m or 2d");
    refused_with(w, SQLITE("a/a", "{name: t, source: {name: a/in, notBefore: yesterday}}"),
                 "flow.yaml:3:120: \"yesterday\" is no time: write it as 2024-01-31T12:00:00Z");
    refused_with(w, SQLITE("a/a", "{name: t, source: {name: a/in, notBefore: 2024-02-30T00:00:00Z}}"),
                 "flow.yaml:3:120: \"2024-02-30T00:00:00Z\" is no time: write it as 2024-01-31T12:00:00Z");
    refused_with(w, SQLITE("a/a", "{name: t, source: {name: a/in, partitions: {include: {regoin: [1]}}}}"),
                 "flow.yaml:3:132: \"a/in\" is not partitioned by a field \"regoin\"; did you mean \"region\"?");
    refused_with(w, SQLITE("a/a", "{name: t, source: {name: a/in, partitions: {exclude: {x: [1]}}}}"),
                 "flow.yaml:3:132: \"a/in\" is not partitioned by a field \"x\"");
    refused_with(w, SQLITE("a/a", "{name: t, source: a/in, priority: 1.5}"), "flow.yaml:3:112: \"priority\" must be a whole number of 32 bits, is 1.5");
    refused_with(w, SQLITE("a/a", "{name: t, source: a/in, lambda: gone.sql}"), "flow.yaml:3:110: lambda: cannot read \"gone.sql\": No such file or directory");
    refused_with(w, "  a/a: {schema: true, key: [/id], derive: {using: {sqlite: {}, native: {connector: x}}}}\n",
                 "flow.yaml:3:64: \"sqlite\" and \"native\" exclude each other");
    refused_with(w, "  a/a: {schema: true, key: [/id], derive: {using: {sqlit: {}}}}\n", "flow.yaml:3:52: unknown key \"sqlit\"; did you mean \"sqlite\"?");
    refused_with(w, "  a/a: {schema: true, key: [/id], derive: {using: {sqlite: {}}, onInvalid: drop}}\n",
                 "flow.yaml:3:76: \"drop\" is not one of: fail, divert");
    refused_with(w, SQLITE("a/a", "{name: t, source: a/in}") "captures: {a/s: {endpoint: {native: {connector: x}}, bindings: [{resource: {}, target: a/a}]}}\n",
                 "flow.yaml:4:88: \"a/a\" is made by a derivation: a capture cannot write to it");
}

static void test_tests(void **state)
{
    world *w = *state;
    file("docs.json", "[{\"id\": 1}, {\"id\": 2}]");
    with(w, "tests:\n"
            "  a/t:\n"
            "    - ingest: {collection: a/in, description: two, documents: docs.json}\n"
            "    - verify: {collection: {name: a/in, notBefore: 2024-01-01T00:00:00Z}, documents: [{id: 1}], partitions: {include: {region: [eu]}}}\n"
            "  a/u: {description: d, steps: [{verify: {collection: a/in, documents: []}}]}\n");
    assert_int_equal(w->c.test_count, 2);
    const catalog_test *t = &w->c.tests[0];
    assert_view(t->name, "a/t");
    assert_int_equal(t->step_count, 2);
    assert_false(t->steps[0].verify);
    assert_view(t->steps[0].description, "two");
    assert_json(t->steps[0].documents, "[{\"id\":1},{\"id\":2}]");
    assert_true(t->steps[1].verify);
    assert_int_equal(t->steps[1].mark.line, 6);
    assert_json(t->steps[1].reading.include, "{\"region\":[\"eu\"]}");
    assert_true(t->steps[1].reading.has_not_before);
    assert_view(w->c.tests[1].description, "d");
    assert_int_equal(w->c.tests[1].step_count, 1);
}

static void test_tests_refused(void **state)
{
    world *w = *state;
    file("docs.json", "{\"id\": 1}");
    file("list.json", "[{\"id\": 1},\n 2]");
    refused_with(w, "tests: {a/t: [{ingest: {collection: a/on, documents: []}}]}\n", "flow.yaml:3:37: no collection is named \"a/on\"; did you mean \"a/in\"?");
    refused_with(w, "tests: {a/t: [{ingest: {collection: a/in, documents: docs.json}}]}\n", "docs.json:1:1: documents must be a list, is an object");
    refused_with(w, "tests: {a/t: [{ingest: {collection: a/in, documents: list.json}}]}\n", "list.json:2:2: a document must be an object, is a number");
    refused_with(w, "tests: {a/t: [{ingest: {collection: a/in}}]}\n", "flow.yaml:3:24: \"documents\" is missing");
    refused_with(w, "tests: {a/t: [{verify: {collection: a/in, documents: [1]}}]}\n", "flow.yaml:3:55: expected an object, found a number");
    refused_with(w, "tests: {a/t: [], a/u: {description: d, steps: []}}\n", "flow.yaml:3:14: test \"a/t\" has no steps\nflow.yaml:3:47: test \"a/u\" has no steps");
    refused_with(w, "tests: {a/t: [{verifi: {collection: a/in, documents: []}}]}\n", "flow.yaml:3:16: unknown key \"verifi\"; did you mean \"verify\"?");
    refused_with(w, "tests: {a/t: [{verify: {collection: a/in, documents: [], partitions: {include: {id: [1]}}}}]}\n",
                 "flow.yaml:3:81: \"a/in\" is not partitioned by a field \"id\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_other_connectors, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_circles, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_tests, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_tests_refused, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
