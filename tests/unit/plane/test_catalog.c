/* Expected values: docs/protocols/flow.md, section 8, and places counted by hand. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "fault.h"
#include "folder.h"
#include "plane/catalog.h"
#include "plane/catalog_parts.h"

typedef struct world {
    char *folder;
    catalog c;
    err e;
    buf text;
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
    buf_free(&w->text);
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

static void read_catalog(world *w, const char *path)
{
    if (catalog_read(&w->c, path, &w->e))
        fail_msg("%s", err_text(&w->e));
}

static void read_text(world *w, const char *content)
{
    file("flow.yaml", content);
    read_catalog(w, "flow.yaml");
}

static void assert_refused(world *w, const char *content, const char *message)
{
    if (content)
        file("flow.yaml", content);
    if (catalog_read(&w->c, "flow.yaml", &w->e) == WEIR_OK)
        fail_msg("accepted:\n%s", content ? content : "(the file as it is)");
    assert_int_equal(w->e.rc, WEIR_E_CONFIG);
    assert_string_equal(err_text(&w->e), message);
    assert_null(w->c.tasks);
}

static void assert_view(weir_view v, const char *text)
{
    if (!view_is(v, text))
        fail_msg("\"%.*s\" != \"%s\"", VIEW_ARG(v), text);
}

static void assert_tree(world *w, const tree *t, const char *json)
{
    buf_clear(&w->text);
    tree_write(&w->text, t);
    assert_string_equal(buf_text(&w->text), json);
}

/* ------------------------------------------------------------------------------------------------------------ reading -- */

static const char whole[] =
    "captures:\n"
    "  acme/src:\n"
    "    autoDiscover: {addNewBindings: true, evolveIncompatibleCollections: true}\n"
    "    endpoint: {local: {command: [./src, -v], config: src.config.yaml, env: {K: v, E: ''}, protobuf: true}}\n"
    "    interval: 1h30m\n"
    "    bindings:\n"
    "      - {resource: {stream: a}, target: acme/a, disable: false, backfill: 3}\n"
    "      - {resource: {stream: off}, target: acme/gone, disable: true}\n"
    "      - {resource: {stream: b}, target: acme/b}\n"
    "    shards: {logLevel: debug}\n"
    "  acme/native: {endpoint: {native: {connector: source-hello, config: {count: 3}}}, bindings: [], shards: {disable: true}}\n"
    "collections:\n"
    "  acme/a:\n"
    "    schema: a.schema.yaml\n"
    "    key: [/id, /x~1y]\n"
    "    projections: {other: /a/b, region: {location: /region, partition: true}}\n"
    "  acme/d:\n"
    "    schema: {type: object}\n"
    "    key: [/id]\n"
    "    derive:\n"
    "      using: {sqlite: {migrations: [m.sql]}}\n"
    "      transforms: [{name: t, source: acme/b, shuffle: any, lambda: t.sql}, {name: u, source: {name: acme/a, partitions: "
    "{include: {region: [1, null]}}, notBefore: 2024-01-01T00:00:00Z}, shuffle: {key: [/k]}, lambda: select 1, readDelay: 10s, "
    "priority: -1}]\n"
    "      shuffleKeyTypes: [integer]\n"
    "  acme/b: {writeSchema: {type: object}, readSchema: {allOf: [{$ref: 'flow://relaxed-write-schema'}, "
    "{$ref: 'flow://inferred-schema'}]}, key: [/k]}\n"
    "materializations:\n"
    "  acme/dst:\n"
    "    endpoint: {connector: {image: 'ghcr.io/x/y:v1', config: dst.yaml}}\n"
    "    bindings:\n"
    "      - {resource: {table: a}, source: acme/a, fields: {recommended: true, include: {x: {}}, exclude: [y]}}\n"
    "      - {resource: {table: b}, source: {name: acme/b, notAfter: '2025-01-01T00:00:00Z'}, backfill: 1, "
    "onIncompatibleSchemaChange: abort}\n"
    "  acme/kafka: {endpoint: {dekaf: {variant: x, config: {}}}, sourceCapture: acme/src}\n"
    "tests:\n"
    "  acme/t: [{ingest: {collection: acme/b, documents: [{id: 1}]}}, {verify: {collection: acme/a, documents: more.json}}]\n"
    "  acme/u: {description: d, steps: [{verify: {collection: {name: acme/a}, documents: []}}]}\n";

static void read_whole(world *w)
{
    file("src.config.yaml", "password: x\nnested: {n: 0x10}\n");
    file("dst.yaml", "{\"a\": [1.50]}");
    file("m.sql", "create table t (n integer);");
    file("t.sql", "select 1;\n");
    file("more.json", "[{\"id\": 1}]");
    file("a.schema.yaml", "type: object\nproperties: {id: {type: integer}}\nrequired: [id]\n");
    read_text(w, whole);
}

static void test_tasks(void **state)
{
    world *w = *state;
    read_whole(w);
    assert_int_equal(w->c.task_count, 5);
    const task *src = &w->c.tasks[0];
    assert_int_equal(src->kind, TASK_CAPTURE);
    assert_view(src->name, "acme/src");
    assert_int_equal(src->interval_ms, 5400000);
    assert_int_equal(src->log_level, WEIR_DEBUG);
    assert_false(src->disabled);
    assert_int_equal(src->mark.line, 2);
    assert_int_equal(src->binding_count, 2); /* the disabled one is left out */
    assert_tree(w, src->bindings[0].resource, "{\"stream\":\"a\"}");
    assert_int_equal(src->bindings[0].backfill, 3);
    assert_ptr_equal(src->bindings[0].collection, catalog_collection(&w->c, VIEW("acme/a")));
    assert_ptr_equal(src->bindings[1].collection, catalog_collection(&w->c, VIEW("acme/b")));
    assert_int_equal(src->bindings[1].mark.line, 9);

    assert_view(w->c.tasks[1].name, "acme/native");
    assert_true(w->c.tasks[1].disabled);
    assert_int_equal(w->c.tasks[1].interval_ms, 300000);
    assert_int_equal(w->c.tasks[1].log_level, 0);

    const task *dst = &w->c.tasks[2];
    assert_int_equal(dst->kind, TASK_MATERIALIZE);
    assert_tree(w, dst->bindings[0].fields, "{\"recommended\":true,\"include\":{\"x\":{}},\"exclude\":[\"y\"]}");
    assert_null(dst->bindings[0].source);
    assert_tree(w, dst->bindings[1].source, "{\"name\":\"acme/b\",\"notAfter\":\"2025-01-01T00:00:00Z\"}");
    assert_ptr_equal(dst->bindings[1].collection, catalog_collection(&w->c, VIEW("acme/b")));
    assert_true(dst->bindings[1].reading.has_not_after);
    assert_int_equal(dst->bindings[1].reading.not_after, 1735689600); /* date -d 2025-01-01T00:00:00Z +%s */
    assert_int_equal(w->c.tasks[4].kind, TASK_DERIVE);
    assert_int_equal(w->c.test_count, 2);
}

static void test_endpoints(void **state)
{
    world *w = *state;
    read_whole(w);
    const endpoint *local = &w->c.tasks[0].endpoint, *native = &w->c.tasks[1].endpoint, *image = &w->c.tasks[2].endpoint;
    assert_int_equal(local->kind, ENDPOINT_LOCAL);
    assert_string_equal(local->argv[0], "./src");
    assert_string_equal(local->argv[1], "-v");
    assert_null(local->argv[2]);
    assert_string_equal(local->env[0], "K=v");
    assert_string_equal(local->env[1], "E=");
    assert_null(local->env[2]);
    assert_true(local->protobuf);
    assert_int_equal(local->protocol.len, 0);
    assert_tree(w, local->config, "{\"password\":\"x\",\"nested\":{\"n\":16}}");
    assert_string_equal(local->config->first->mark.file, "src.config.yaml");
    assert_int_equal(native->kind, ENDPOINT_NATIVE);
    assert_view(native->connector, "source-hello");
    assert_tree(w, native->config, "{\"count\":3}");
    assert_int_equal(image->kind, ENDPOINT_IMAGE);
    assert_view(image->image, "ghcr.io/x/y:v1");
    assert_tree(w, image->config, "{\"a\":[1.50]}");
    assert_int_equal(w->c.tasks[3].endpoint.kind, ENDPOINT_OTHER);
}

static void test_collections(void **state)
{
    world *w = *state;
    read_whole(w);
    const collection *a = catalog_collection(&w->c, VIEW("acme/a")), *b = catalog_collection(&w->c, VIEW("acme/b"));
    assert_view(a->key_json, "[\"/id\",\"/x~1y\"]");
    assert_view(a->write_schema_json, "{\"type\":\"object\",\"properties\":{\"id\":{\"type\":\"integer\"}},\"required\":[\"id\"]}");
    assert_ptr_equal(a->read_schema, a->write_schema);
    assert_view(a->read_schema_json, a->write_schema_json.ptr);
    assert_tree(w, a->projections, "{\"other\":\"/a/b\",\"region\":{\"location\":\"/region\",\"partition\":true}}");
    assert_true(catalog_collection(&w->c, VIEW("acme/d"))->derived);
    assert_false(a->derived || b->derived);
    assert_null(b->projections);
    assert_view(b->write_schema_json, "{\"type\":\"object\"}");
    assert_view(b->read_schema_json,
                "{\"allOf\":[{\"$ref\":\"flow://relaxed-write-schema\"},{\"$ref\":\"flow://inferred-schema\"}]}");
    assert_null(catalog_collection(&w->c, VIEW("acme/c")));
}

static void test_finding_tasks(void **state)
{
    world *w = *state;
    const task *t = NULL;
    read_whole(w);
    assert_int_equal(catalog_task(&w->c, VIEW("acme/dst"), -1, &t, &w->e), WEIR_OK);
    assert_view(t->name, "acme/dst");
    assert_int_equal(catalog_task(&w->c, VIEW("acme/dst"), TASK_CAPTURE, &t, &w->e), WEIR_E_CONFIG);
    assert_string_equal(err_text(&w->e), "\"acme/dst\" is a materialization, not a capture");
    assert_int_equal(catalog_task(&w->c, VIEW("acme/scr"), -1, &t, &w->e), WEIR_E_CONFIG);
    assert_string_equal(err_text(&w->e), "\"flow.yaml\" has no task \"acme/scr\"; did you mean \"acme/src\"?");
    assert_int_equal(catalog_task(&w->c, VIEW(""), TASK_CAPTURE, &t, &w->e), WEIR_E_CONFIG);
    assert_string_equal(err_text(&w->e), "\"flow.yaml\" has 2 captures, name one of them: acme/src, acme/native");
    catalog_free(&w->c);
    read_text(w, "materializations: {a/b: {endpoint: {native: {connector: x}}, bindings: []}}");
    assert_int_equal(catalog_task(&w->c, VIEW(""), -1, &t, &w->e), WEIR_OK);
    assert_view(t->name, "a/b");
    assert_tree(w, t->endpoint.config, "{}");
    assert_int_equal(catalog_task(&w->c, VIEW(""), TASK_CAPTURE, &t, &w->e), WEIR_E_CONFIG);
    assert_string_equal(err_text(&w->e), "\"flow.yaml\" has no capture");
}

static void test_json_catalog(void **state)
{
    world *w = *state;
    read_text(w, "{\n\t\"collections\": {\"a/b\": {\"schema\": {\"type\": \"object\"}, \"key\": [\"/id\"]}}\n}\n");
    assert_view(w->c.collections[0].write_schema_json, "{\"type\":\"object\"}");
    catalog_free(&w->c);
    assert_refused(w, "{\"collections\": {\"a/b\": {\n  \"schemas\": {}, \"schema\": {}, \"key\": [\"/id\"]}}}",
                   "flow.yaml:2:3: unknown key \"schemas\"; did you mean \"schema\"?");
}

/* -------------------------------------------------------------------------------------------------------------- files -- */

static void test_imports(void **state)
{
    world *w = *state;
    mkdir("sub", 0777);
    mkdir("sub/deep", 0777);
    file("flow.yaml", "import: [sub/one.yaml, ./sub/one.yaml, sub/deep/two.json]\n"
                      "captures: {a/c: {endpoint: {native: {connector: x}}, bindings: [{resource: {}, target: a/one}]}}\n");
    file("sub/one.yaml", "import: [deep/two.json, ../flow.yaml]\n"
                         "collections: {a/one: {schema: s.json, key: [/id]}}\n"
                         "captures: {a/local: {endpoint: {local: {command: [./run], config: deep/c.json}}, bindings: []}}\n");
    file("sub/s.json", "{\"type\":\"object\"}");
    file("sub/deep/two.json", "{\"import\":[\"../one.yaml\"],\"materializations\":{\"a/m\":{\"endpoint\":{\"local\":"
                              "{\"command\":[\"go\",\"./run\"]}},\"bindings\":[{\"resource\":{},\"source\":\"a/one\"}]}}}");
    file("sub/deep/c.json", "{\"k\":1}");
    read_catalog(w, "flow.yaml");
    assert_int_equal(w->c.task_count, 3);
    assert_view(w->c.tasks[0].name, "a/c");
    assert_ptr_equal(w->c.tasks[0].bindings[0].collection, &w->c.collections[0]);
    assert_string_equal(w->c.tasks[1].endpoint.argv[0], "sub/run"); /* beside the file that holds it */
    assert_tree(w, w->c.tasks[1].endpoint.config, "{\"k\":1}");
    assert_string_equal(w->c.tasks[1].endpoint.config->mark.file, "sub/deep/c.json");
    assert_string_equal(w->c.tasks[2].endpoint.argv[0], "go"); /* no slash: found on PATH */
    assert_string_equal(w->c.tasks[2].mark.file, "sub/deep/two.json");
    assert_view(w->c.collections[0].write_schema_json, "{\"type\":\"object\"}");
}

static void test_absolute_folder(void **state)
{
    world *w = *state;
    char *path;
    file("c.yaml", "x: 1");
    file("flow.yaml", "captures: {a/c: {endpoint: {local: {command: [bin/run], config: ./c.yaml}}, bindings: []}}\n");
    assert_true(asprintf(&path, "%s/flow.yaml", w->folder) > 0);
    read_catalog(w, path);
    free(path);
    assert_true(asprintf(&path, "%s/bin/run", w->folder) > 0);
    assert_string_equal(w->c.tasks[0].endpoint.argv[0], path);
    free(path);
    assert_tree(w, w->c.tasks[0].endpoint.config, "{\"x\":1}");
}

static void test_bundled_schemas(void **state)
{
    world *w = *state;
    mkdir("s", 0777);
    file("s/a.yaml", "type: object\nproperties: {p: {$ref: 'b.yaml#/$defs/point'}, self: {$ref: '#'}, default: {$ref: b.yaml}}\n"
                     "default: {$ref: c.yaml}\n");
    file("s/b.yaml", "$defs: {point: {properties: {up: {$ref: 'a.yaml'}, x: {$ref: '#/$defs/x'}}}, x: {type: integer}}\n");
    read_text(w, "collections:\n"
                 "  a/whole: {schema: s/a.yaml, key: [/id]}\n"
                 "  a/part: {schema: 's/b.yaml#/$defs/x', key: [/id]}\n"
                 "  a/flow: {writeSchema: {}, readSchema: 'flow://inferred-schema', key: [/id]}\n");
    assert_view(
        catalog_collection(&w->c, VIEW("a/whole"))->write_schema_json,
        "{\"type\":\"object\",\"properties\":{\"p\":{\"$ref\":\"#/$defs/b.yaml/$defs/point\"},\"self\":{\"$ref\":\"#\"},"
        "\"default\":{\"$ref\":\"#/$defs/b.yaml\"}},\"default\":{\"$ref\":\"c.yaml\"},"
        "\"$defs\":{\"b.yaml\":{\"$defs\":{\"point\":{\"properties\":{\"up\":{\"$ref\":\"#/$defs/a.yaml\"},"
        "\"x\":{\"$ref\":\"#/$defs/b.yaml/$defs/x\"}}},\"x\":{\"type\":\"integer\"}}},"
        "\"a.yaml\":{\"type\":\"object\",\"properties\":{\"p\":{\"$ref\":\"#/$defs/b.yaml/$defs/point\"},"
        "\"self\":{\"$ref\":\"#/$defs/a.yaml\"},\"default\":{\"$ref\":\"#/$defs/b.yaml\"}},\"default\":{\"$ref\":\"c.yaml\"}}}}");
    weir_view part = catalog_collection(&w->c, VIEW("a/part"))->write_schema_json;
    assert_true(view_starts(part, VIEW("{\"$ref\":\"#/$defs/b.yaml/$defs/x\",\"$defs\":{\"b.yaml\":{")));
    assert_view(catalog_collection(&w->c, VIEW("a/flow"))->read_schema_json, "{\"$ref\":\"flow://inferred-schema\"}");
}

static void test_bad_files(void **state)
{
    world *w = *state;
    file("bad.yaml", "a: [1\n");
    file("list.yaml", "[1]\n");
    assert_refused(
        w,
        "import: [gone.yaml, bad.yaml, list.yaml]\n"
        "captures:\n"
        "  a/c: {endpoint: {native: {connector: x, config: list.yaml}}, bindings: []}\n"
        "  a/d: {endpoint: {native: {connector: x, config: none.yaml}}, bindings: []}\n"
        "  a/e: {endpoint: {native: {connector: x, config: 'https://x/y.yaml'}}, bindings: []}\n"
        "collections: {a/s: {schema: list.yaml, key: [/id]}, a/t: {schema: {properties: {x: {$ref: far.yaml}}}, key: [/id]}}\n",
        "flow.yaml:1:10: import: cannot read \"gone.yaml\": No such file or directory\n"
        "bad.yaml:2:1: did not find expected ',' or ']' (while parsing a flow sequence that begins in line 1)\n"
        "flow.yaml:4:51: config: cannot read \"none.yaml\": No such file or directory\n"
        "flow.yaml:5:51: config: \"https://x/y.yaml\" is not the name of a file\n"
        "flow.yaml:6:91: schema: cannot read \"far.yaml\": No such file or directory\n"
        "list.yaml:1:1: expected an object with captures, collections, materializations, tests or import, found an array\n"
        "list.yaml:1:1: schema must be a JSON Schema, is an array\n"
        "list.yaml:1:1: config must be an object, is an array");
    unlink("flow.yaml");
    assert_refused(w, NULL, "cannot read \"flow.yaml\": No such file or directory");
}

static void test_sops(void **state)
{
    world *w = *state;
    file("c.yaml", "password_sops: ENC[AES256_GCM]\nsops:\n  mac: x\n");
    assert_refused(w, "captures: {a/c: {endpoint: {native: {connector: x, config: c.yaml}}, bindings: []}}\n",
                   "c.yaml:2:1: encrypted with sops: not supported yet by this version");
    assert_refused(w, "captures: {a/c: {endpoint: {native: {connector: x}}, bindings: [], secrets: {/password: a/secret}}}\n",
                   "flow.yaml:1:68: \"secrets\" are not supported by this version: write them into the config");
    file("c.yaml", "password: x\nsops: null\n");
    read_text(w, "captures: {a/c: {endpoint: {native: {connector: x, config: c.yaml}}, bindings: [], secrets: {}}}\n");
}

/* ------------------------------------------------------------------------------------------------------------- errors -- */

static void test_keys(void **state)
{
    assert_refused(
        *state,
        "captures:\n"
        "  acme/src:\n"
        "    endpont: {}\n"
        "    endpoint: {local: {comand: [x], config: {}}}\n"
        "    bindings:\n"
        "      - {resource: {}, targt: acme/a}\n"
        "      - resource: {}\n"
        "collection: {}\n"
        "zzz: 1\n",
        "flow.yaml:3:5: unknown key \"endpont\"; did you mean \"endpoint\"?\n"
        "flow.yaml:4:24: unknown key \"comand\"; did you mean \"command\"?\n"
        "flow.yaml:6:24: unknown key \"targt\"; did you mean \"target\"?\n"
        "flow.yaml:7:9: \"target\" is missing\n"
        "flow.yaml:8:1: unknown key \"collection\"; did you mean \"collections\"?\n"
        "flow.yaml:9:1: unknown key \"zzz\"; known here: $schema, import, captures, collections, materializations, tests");
}

static void test_types(void **state)
{
    assert_refused(*state,
                   "captures:\n"
                   "  acme/src:\n"
                   "    endpoint: {local: {command: ls, env: {PORT: 80, 'A=B': x}, protobuf: 'yes'}, native: {connector: x}}\n"
                   "    interval: 5 parsecs\n"
                   "    bindings: [{resource: {}, target: 7, backfill: -1}, x]\n"
                   "    shards: {logLevel: inof, hotStandbys: 1.5}\n"
                   "    redactSalt: '*'\n"
                   "  acme/nothing:\n"
                   "materializations: {a/m: {endpoint: {}, bindings: {}}}\n"
                   "tests: {a/t: [{}], a/u: {steps: 1}}\n",
                   "flow.yaml:3:33: \"command\" must be a list: the program and its arguments, is a string\n"
                   "flow.yaml:3:49: \"PORT\" must be a text, is a number; put it in quotes if it is meant as text\n"
                   "flow.yaml:3:53: \"A=B\" cannot be the name of an environment variable\n"
                   "flow.yaml:3:74: \"protobuf\" must be true or false, is a string\n"
                   "flow.yaml:3:82: \"local\" and \"native\" exclude each other\n"
                   "flow.yaml:4:15: \"5 parsecs\" is no duration: write it as 30s, 5m, 1h30m or 2d\n"
                   "flow.yaml:5:39: \"target\" must be a text, is a number; put it in quotes if it is meant as text\n"
                   "flow.yaml:5:52: \"backfill\" must be a whole number from 0 to 4294967295, is -1\n"
                   "flow.yaml:5:57: expected an object with resource and target, found a string\n"
                   "flow.yaml:6:24: \"inof\" is not one of: error, warn, info, debug, trace; did you mean \"info\"?\n"
                   "flow.yaml:6:43: \"hotStandbys\" must be a whole number from 0 to 4294967295, is 1.5\n"
                   "flow.yaml:7:17: \"redactSalt\" must be base64\n"
                   "flow.yaml:8:16: \"acme/nothing\" must be an object, is null\n"
                   "flow.yaml:9:36: one of \"connector\", \"local\", \"native\", \"dekaf\" is missing\n"
                   "flow.yaml:9:50: \"bindings\" must be a list of bindings, is an object\n"
                   "flow.yaml:10:15: one of \"ingest\", \"verify\" is missing\n"
                   "flow.yaml:10:33: \"steps\" must be a list of steps, is a number");
}

static void test_collection_errors(void **state)
{
    assert_refused(
        *state,
        "collections:\n"
        "  a/one: {schema: {}, readSchema: {}, key: [/id]}\n"
        "  a/two: {writeSchema: {}, key: [id, /a~2]}\n"
        "  a/three: {key: []}\n"
        "  a/four: {schema: {}, key: [/a, /a], projections: {x: {location: y}, z: a/b, w: {partition: true}}}\n"
        "  a/five: {schema: true}\n"
        "  orders: {schema: {}, key: [/id]}\n"
        "  a//b: {schema: {}, key: [/id]}\n"
        "  a/b c: {schema: {}, key: [/id]}\n"
        "  \xc3\xa9t\xc3\xa9/\xe6\x97\xa5\xe6\x9c\xac_1.2-x: {schema: {}, key: [/id]}\n",
        "flow.yaml:2:23: \"schema\" excludes \"writeSchema\" and \"readSchema\": give one schema or both of the two\n"
        "flow.yaml:3:11: \"readSchema\" is missing: \"writeSchema\" and \"readSchema\" go together\n"
        "flow.yaml:3:34: \"id\" is no JSON pointer: it begins with / and names a place in the document, such as /id\n"
        "flow.yaml:3:38: \"/a~2\" is no JSON pointer: it begins with / and names a place in the document, such as /id\n"
        "flow.yaml:4:12: \"schema\" is missing; or give \"writeSchema\" and \"readSchema\"\n"
        "flow.yaml:4:18: \"key\" is empty: a collection needs at least one pointer, such as /id\n"
        "flow.yaml:5:34: \"/a\" appears twice in the key\n"
        "flow.yaml:5:67: \"y\" is no JSON pointer: it begins with / and names a place in the document, such as /id\n"
        "flow.yaml:5:74: \"a/b\" is no JSON pointer: it begins with / and names a place in the document, such as /id\n"
        "flow.yaml:5:82: \"location\" is missing\n"
        "flow.yaml:6:11: \"key\" is missing\n"
        "flow.yaml:7:3: \"orders\" is no valid name: it takes two or more tokens of letters, digits and -_. with slashes "
        "between, such as acme/orders\n"
        "flow.yaml:8:3: \"a//b\" is no valid name: it takes two or more tokens of letters, digits and -_. with slashes "
        "between, such as acme/orders\n"
        "flow.yaml:9:3: \"a/b c\" is no valid name: it takes two or more tokens of letters, digits and -_. with slashes "
        "between, such as acme/orders");
}

static void test_references(void **state)
{
    assert_refused(
        *state,
        "captures: {acme/src: {endpoint: {native: {connector: x}}, bindings: [{resource: {}, target: acme/order}]}}\n"
        "materializations:\n"
        "  acme/dst:\n"
        "    endpoint: {native: {connector: y}}\n"
        "    bindings: [{resource: {}, source: {name: other/thing}}]\n"
        "collections:\n"
        "  acme/orders: {schema: {}, key: [/id], derive: {using: {sqlite: {}}, transforms: [{name: t, source: acme/orderz}]}}\n"
        "tests: {acme/t: [{ingest: {collection: acme/nothing-near, documents: []}}]}\n",
        "flow.yaml:1:93: no collection is named \"acme/order\"; did you mean \"acme/orders\"?\n"
        "flow.yaml:5:46: no collection is named \"other/thing\"\n"
        "flow.yaml:7:102: no collection is named \"acme/orderz\"; did you mean \"acme/orders\"?\n"
        "flow.yaml:8:40: no collection is named \"acme/nothing-near\"");
}

static void test_duplicates(void **state)
{
    file("other.yaml", "\n\ncaptures: {a/c: {endpoint: {native: {connector: x}}, bindings: []}}\n"
                       "collections: {a/x: {schema: {}, key: [/id]}}\n");
    assert_refused(*state,
                   "import: [other.yaml]\n"
                   "captures: {a/c: {endpoint: {native: {connector: x}}, bindings: []}}\n"
                   "materializations: {a/x: {endpoint: {native: {connector: x}}, bindings: []}}\n",
                   "flow.yaml:3:20: the name \"a/x\" is taken: it was given at other.yaml:4:15\n"
                   "other.yaml:3:12: the name \"a/c\" is taken: it was given at flow.yaml:2:12");
}

static void test_empty(void **state)
{
    assert_refused(*state, "",
                   "flow.yaml:1:1: expected an object with captures, collections, materializations, tests or import, found null");
    assert_refused(
        *state, "- a\n",
        "flow.yaml:1:1: expected an object with captures, collections, materializations, tests or import, found an array");
    read_text(*state, "captures:\ncollections: {}\n"); /* null counts as absent */
    assert_int_equal(((world *)*state)->c.task_count, 0);
}

/* A hundred are told, the rest is counted. */
static void test_many_errors(void **state)
{
    world *w = *state;
    buf text = {0};
    for (int i = 0; i < 5000; i++)
        buf_printf(&text, "k%d: 1\n", i);
    file("flow.yaml", buf_text(&text));
    assert_int_equal(catalog_read(&w->c, "flow.yaml", &w->e), WEIR_E_CONFIG);
    assert_non_null(strstr(err_text(&w->e), "\n... and 4900 more"));
    buf_free(&text);
}

/* Every allocation fails once, then every read: never a catalog that lacks something. */
static void test_faults(void **state)
{
    world *w = *state;
    read_whole(w);
    catalog_free(&w->c);
    static const struct {
        fault_call call;
        int errnum;
    } faults[] = {{FAULT_ALLOC, ENOMEM}, {FAULT_READ, EIO}};
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        size_t n = 0;
        for (bool again = true; again; n++) {
            err_free(&w->e);
            fault_at(faults[i].call, n, faults[i].errnum);
            weir_rc rc = catalog_read(&w->c, "flow.yaml", &w->e);
            again = fault_clear();
            assert_int_equal(rc, again ? WEIR_E_NOMEM : WEIR_OK);
            catalog_free(&w->c);
        }
        assert_in_range(n, 5, 10000);
    }
}

/* -------------------------------------------------------------------------------------------------------------- names -- */

static void test_names(void **state)
{
    static const struct {
        const char *from, *to;
    } names[] = {
        {"public/orders", "public/orders"},
        {"My Table!", "My_Table_"},
        {"//a//b/", "a/b"},
        {"", "_"},
        {"///", "_"},
        {"a.b-c_d", "a.b-c_d"},
        {"\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80z", "\xc3\xbc__z"},
        {"a\xff\xfe"
         "b",
         "a__b"},
        {"..", ".."},
    };
    world *w = *state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        buf_clear(&w->text);
        buf_adds(&w->text, "p/");
        name_normalise(&w->text, view_of(names[i].from));
        assert_string_equal(buf_text(&w->text) + 2, names[i].to);
        assert_true(name_valid(buf_view(&w->text)));
    }
    assert_false(name_valid(VIEW("a")));
    assert_false(name_valid(VIEW("a/")));
    assert_false(name_valid(VIEW("/a/b")));
    assert_false(name_valid(VIEW("a/b\xff")));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_tasks),
        TEST(test_endpoints),
        TEST(test_collections),
        TEST(test_finding_tasks),
        TEST(test_json_catalog),
        TEST(test_imports),
        TEST(test_absolute_folder),
        TEST(test_bundled_schemas),
        TEST(test_bad_files),
        TEST(test_sops),
        TEST(test_keys),
        TEST(test_types),
        TEST(test_collection_errors),
        TEST(test_references),
        TEST(test_duplicates),
        TEST(test_empty),
        TEST(test_many_errors),
        TEST(test_faults),
        TEST(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
