/* Expected files are written by hand: what a careful person would have changed, and nothing else. */
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

typedef struct world {
    char *folder;
    catalog c;
    err e;
    buf report, text;
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
    buf_free(&w->report);
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

static void assert_file(world *w, const char *path, const char *content)
{
    buf_clear(&w->text);
    if (io_read_file(path, 0, &w->text, &w->e))
        fail_msg("%s", err_text(&w->e));
    assert_string_equal(buf_text(&w->text), content);
}

/* The path of a resource is its `stream`. */
static weir_rc path_of(void *arg, const tree *resource, buf *out, err *e)
{
    (void)arg;
    const tree *stream = tree_get(resource, "stream");
    if (!stream)
        return err_fail(e, WEIR_E_CONFIG, "\"stream\" is missing");
    buf_printf(out, "[\"%s\"]", stream->text.ptr);
    return WEIR_OK;
}

static weir_rc write_to(world *w, const char *path, const found *streams, size_t count)
{
    const task *t;
    catalog_free(&w->c);
    buf_clear(&w->report);
    if (catalog_read(&w->c, path, &w->e) || catalog_task(&w->c, VIEW(""), TASK_CAPTURE, &t, &w->e))
        fail_msg("%s", err_text(&w->e));
    weir_rc rc = catalog_write_discovered(&w->c, t, streams, count, path_of, NULL, &w->report, &w->e);
    catalog_free(&w->c);
    return rc;
}

#define STREAM(n)                                                                                                                  \
    {                                                                                                                              \
        .name = WEIR_LIT(n), .resource = WEIR_LIT("{\"stream\":\"" n "\"}"), .schema = WEIR_LIT("{\"type\":\"object\"}"),          \
        .key = WEIR_LIT("[\"/id\"]")                                                                                               \
    }
#define SCHEMA "    schema: {type: object}\n    key: [/id]\n"

static const found abc[] = {STREAM("a"), STREAM("b"), STREAM("c")};

/* Discovers the first `count` of a, b, c and expects that file; it must be readable again, and a second time nothing happens. */
static void assert_written(world *w, const char *before, size_t count, const char *after)
{
    struct stat first, second;
    file("flow.yaml", before);
    if (write_to(w, "flow.yaml", abc, count))
        fail_msg("%s", err_text(&w->e));
    assert_file(w, "flow.yaml", after);
    stat("flow.yaml", &first);
    assert_int_equal(write_to(w, "flow.yaml", abc, count), WEIR_OK);
    assert_true(view_starts(buf_view(&w->report), VIEW("Wrote 0 specifications under flow.yaml.\n")));
    stat("flow.yaml", &second);
    assert_int_equal(first.st_ino, second.st_ino);
}

#define HEAD "captures:\n  acme/x: # the source\n    endpoint: {native: {connector: x}}\n"

/* --------------------------------------------------------------------------------------------------------- first time -- */

static void test_first_time(void **state)
{
    const char *after = HEAD "    bindings:\n      - resource: {stream: a}\n        target: acme/a\n      - resource: {stream: b}\n"
                             "        target: acme/b\n"
                             "collections:\n  acme/a:\n" SCHEMA "  acme/b:\n" SCHEMA;
    assert_written(*state, HEAD "    bindings: []\n", 2, after);
    assert_written(*state, HEAD "    bindings:\n", 2, after);
    assert_written(*state, HEAD, 2, after);
    assert_written(*state, HEAD "    bindings: null", 2, after);
    assert_written(*state, HEAD "    bindings: []", 2, after); /* no line break at the end */
}

static void test_report(void **state)
{
    world *w = *state;
    file("flow.yaml", HEAD "    bindings: []\n");
    assert_int_equal(write_to(w, "flow.yaml", abc, 2), WEIR_OK);
    assert_string_equal(buf_text(&w->report), "Wrote 3 specifications under flow.yaml.\n"
                                              "  added      a -> acme/a\n"
                                              "  added      b -> acme/b\n");
    assert_int_equal(write_to(w, "flow.yaml", abc + 1, 2), WEIR_OK);
    assert_string_equal(buf_text(&w->report), "Wrote 2 specifications under flow.yaml.\n"
                                              "  added      c -> acme/c\n"
                                              "  removed    a -> acme/a\n"
                                              "  unchanged  b -> acme/b\n");
    assert_int_equal(write_to(w, "flow.yaml", abc, 3), WEIR_OK); /* the collection of a is still there */
    assert_string_equal(buf_text(&w->report), "Wrote 1 specification under flow.yaml.\n"
                                              "  added      a -> acme/a\n"
                                              "  unchanged  b -> acme/b\n"
                                              "  unchanged  c -> acme/c\n");
}

/* ------------------------------------------------------------------------------------------------------ what is kept -- */

static void test_comments(void **state)
{
    assert_written(*state,
                   "# top\n"
                   "\n"
                   "captures:\n"
                   "    acme/x:\n"
                   "        bindings: # which\n"
                   "            # about gone\n"
                   "            - resource: {stream: gone} # bye\n"
                   "              target: acme/gone\n"
                   "              # inside\n"
                   "\n"
                   "            # about b\n"
                   "            -   target: 'acme/other'   # odd layout\n"
                   "                backfill:   3\n"
                   "                resource:\n"
                   "                    stream: \"b\"\n"
                   "                    cursor: updated_at\n"
                   "            # - resource: {stream: z}\n"
                   "\n"
                   "        # about the endpoint\n"
                   "        endpoint: {native: {connector: x}}\n"
                   "collections:\n"
                   "    acme/gone: {schema: {}, key: [/id]}\n"
                   "    acme/other:\n"
                   "        key: [/id]\n"
                   "        schema:\n"
                   "            description: |\n"
                   "                Two\n"
                   "                lines.\n"
                   "            # keep me here\n"
                   "\n"
                   "# the end\n",
                   2,
                   "# top\n"
                   "\n"
                   "captures:\n"
                   "    acme/x:\n"
                   "        bindings: # which\n"
                   "            # about gone\n"
                   "              # inside\n"
                   "\n"
                   "            # about b\n"
                   "            -   target: 'acme/other'   # odd layout\n"
                   "                backfill:   3\n"
                   "                resource:\n"
                   "                    stream: \"b\"\n"
                   "                    cursor: updated_at\n"
                   "            # - resource: {stream: z}\n"
                   "            - resource: {stream: a}\n"
                   "              target: acme/a\n"
                   "\n"
                   "        # about the endpoint\n"
                   "        endpoint: {native: {connector: x}}\n"
                   "collections:\n"
                   "    acme/gone: {schema: {}, key: [/id]}\n"
                   "    acme/other:\n"
                   "        key: [/id]\n"
                   "        schema:\n"
                   "            description: |\n"
                   "                Two\n"
                   "                lines.\n"
                   "            # keep me here\n"
                   "    acme/a:\n"
                   "      schema: {type: object}\n"
                   "      key: [/id]\n"
                   "\n"
                   "# the end\n");
}

#define Q "import: [q.yaml]\n"

static void test_disabled_and_extra(void **state)
{
    file("q.yaml", "collections: {acme/q: {schema: {}, key: [/id]}}");
    assert_written(*state,
                   Q HEAD "    bindings:\n"
                          "    - {resource: {stream: a}, target: acme/q, disable: true}\n"
                          "    -\n"
                          "      # c is gone\n"
                          "      resource: {stream: c}\n"
                          "      target: acme/q\n"
                          "    - resource: {stream: b}\n"
                          "      target: acme/q\n"
                          "    # not the list's\n"
                          "    interval: 1h\n"
                          "collections: {}\n",
                   2,
                   Q HEAD "    bindings:\n"
                          "    - {resource: {stream: a}, target: acme/q, disable: true}\n"
                          "    - resource: {stream: b}\n"
                          "      target: acme/q\n"
                          "    # not the list's\n"
                          "    interval: 1h\n"
                          "collections: {}\n");
}

static void test_all_gone(void **state)
{
    file("q.yaml", "collections: {acme/q: {schema: {}, key: [/id]}}");
    assert_written(*state, Q HEAD "    bindings:\n    - {resource: {stream: z}, target: acme/q}\n    # why\n", 0,
                   Q HEAD "    bindings: []\n    # why\n");
    assert_written(*state, Q HEAD "    bindings: [{resource: {stream: z}, target: acme/q}] # why\n", 0,
                   Q HEAD "    bindings: [] # why\n");
    assert_written(
        *state,
        Q HEAD "    bindings:\n    - {resource: {stream: z}, target: acme/q}\ncollections: \n  acme/p: {schema: {}, key: [/id]}\n",
        1,
        Q HEAD "    bindings:\n    - resource: {stream: a}\n      target: acme/a\ncollections: \n"
               "  acme/p: {schema: {}, key: [/id]}\n  acme/a:\n" SCHEMA);
}

static void test_flow_style(void **state)
{
    file("q.yaml", "collections: {acme/q: {schema: {}, key: [/id]}}");
    assert_written(*state,
                   Q HEAD "    bindings: [ {resource: {stream: a}, target: acme/q, backfill: 2},\n"
                          "      {resource: {stream: z}, target: acme/q} ] # two\n"
                          "    interval: 1h\n"
                          "collections: {} # none\n"
                          "tests: {}\n",
                   2,
                   Q HEAD "    bindings: # two\n"
                          "      - resource: {stream: a}\n        target: acme/q\n        backfill: 2\n"
                          "      - resource: {stream: b}\n        target: acme/b\n"
                          "    interval: 1h\n"
                          "collections: # none\n"
                          "  acme/b:\n" SCHEMA "tests: {}\n");
}

static void test_windows_lines(void **state)
{
    assert_written(
        *state,
        "\xef\xbb\xbf"
        "captures:\r\n  acme/x:\r\n    endpoint: {native: {connector: x}}\r\n    bindings: []\r\n",
        1,
        "\xef\xbb\xbf"
        "captures:\r\n  acme/x:\r\n    endpoint: {native: {connector: x}}\r\n    bindings:\r\n"
        "      - resource: {stream: a}\r\n        target: acme/a\r\ncollections:\r\n  acme/a:\r\n    schema: {type: object}\r\n"
        "    key: [/id]\r\n");
}

/* Wide characters, quoted keys, anchors, block scalars and document markers around the places. */
static void test_odd_text(void **state)
{
    assert_written(*state,
                   "%YAML 1.1\n---\n'captures':\n  \"acme/x\" :\n"
                   "    endpoint: &e {native: {connector: \"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\", config: {s: '\xc3\xa4'}}}\n"
                   "    bindings :\n"
                   "      - resource: {stream: z, note: '\xe2\x82\xac'}\n"
                   "        target: acme/\xc3\xa4\n"
                   "      - &z\n"
                   "        resource:\n"
                   "          stream: y\n"
                   "          text: |\n"
                   "            not\n"
                   "            - an item\n"
                   "\n"
                   "        target: acme/\xc3\xa4\n"
                   "collections:\n"
                   "  acme/\xc3\xa4:\n"
                   "    key: [/id]\n"
                   "    schema:\n"
                   "      title: >+\n"
                   "        folded\n"
                   "\n"
                   "...\n"
                   "# after\n",
                   1,
                   "%YAML 1.1\n---\n'captures':\n  \"acme/x\" :\n"
                   "    endpoint: &e {native: {connector: \"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\", config: {s: '\xc3\xa4'}}}\n"
                   "    bindings :\n"
                   "      - resource: {stream: a}\n"
                   "        target: acme/a\n"
                   "collections:\n"
                   "  acme/\xc3\xa4:\n"
                   "    key: [/id]\n"
                   "    schema:\n"
                   "      title: >+\n"
                   "        folded\n"
                   "\n"
                   "  acme/a:\n" SCHEMA "...\n"
                   "# after\n");
}

/* ------------------------------------------------------------------------------------------------------ other layouts -- */

static void test_json_file(void **state)
{
    world *w = *state;
    const char *after = "{\n"
                        "  \"captures\": {\n"
                        "    \"acme/x\": {\n"
                        "      \"endpoint\": {\n"
                        "        \"native\": {\n"
                        "          \"connector\": \"x\"\n"
                        "        }\n"
                        "      },\n"
                        "      \"interval\": \"1h\",\n"
                        "      \"bindings\": [\n"
                        "        {\n"
                        "          \"resource\": {\n"
                        "            \"stream\": \"a\"\n"
                        "          },\n"
                        "          \"target\": \"acme/a\"\n"
                        "        }\n"
                        "      ]\n"
                        "    }\n"
                        "  },\n"
                        "  \"collections\": {\n"
                        "    \"acme/a\": {\n"
                        "      \"schema\": {\n"
                        "        \"type\": \"object\"\n"
                        "      },\n"
                        "      \"key\": [\n"
                        "        \"/id\"\n"
                        "      ]\n"
                        "    }\n"
                        "  }\n"
                        "}\n";
    assert_written(w, "{\"captures\": {\"acme/x\": {\"endpoint\": {\"native\": {\"connector\": \"x\"}}, \"interval\": \"1h\"}}}", 1,
                   after);
}

/* Where lines cannot be edited, the file is written anew, and the report says so. */
static void test_written_anew(void **state)
{
    world *w = *state;
    static const char *const files[] = {
        "captures: {acme/x: {endpoint: {native: {connector: x}}, bindings: []}} # flow\n",
        "captures:\n  ? acme/x\n  : {endpoint: {native: {connector: x}}}\n",
        "captures:\n  \"acme\\u002fx\":\n    endpoint: {native: {connector: x}}\n",
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        file("flow.yaml", files[i]);
        assert_int_equal(write_to(w, "flow.yaml", abc, 1), WEIR_OK);
        assert_non_null(strstr(buf_text(&w->report), "  note: flow.yaml was written anew: comments and layout are lost\n"));
        assert_file(w, "flow.yaml",
                    "captures:\n  acme/x:\n    endpoint:\n      native: {connector: x}\n"
                    "    bindings:\n      - resource: {stream: a}\n        target: acme/a\n"
                    "collections:\n  acme/a:\n" SCHEMA);
    }
}

/* A removed binding whose anchor others use. */
static void test_lost_anchor(void **state)
{
    world *w = *state;
    file("flow.yaml", HEAD "    bindings:\n      - resource: &r {stream: z}\n        target: acme/q\n      - {resource: {stream: "
                           "a, like: *r}, target: acme/q}\n"
                           "collections:\n  acme/q: {schema: {}, key: [/id]}\n");
    assert_int_equal(write_to(w, "flow.yaml", abc, 1), WEIR_OK);
    assert_file(
        w, "flow.yaml",
        "captures:\n  acme/x:\n    endpoint:\n      native: {connector: x}\n    bindings:\n      - resource:\n          stream: a\n"
        "          like: {stream: z}\n        target: acme/q\ncollections:\n  acme/q: {schema: {}, key: [/id]}\n");
}

static void test_imported_file(void **state)
{
    world *w = *state;
    mkdir("sub", 0777);
    file("flow.yaml", "import: [sub/x.yaml]\ncollections: {acme/b: {schema: {type: object}, key: [/id]}}\n");
    file("sub/x.yaml", HEAD "    bindings:\n      - {resource: c.json, target: acme/b}\n");
    file("sub/c.json", "{\"stream\": \"c\"}");
    assert_int_equal(write_to(w, "flow.yaml", abc, 3), WEIR_OK);
    assert_string_equal(buf_text(&w->report), "Wrote 3 specifications under sub/x.yaml.\n"
                                              "  added      a -> acme/a\n"
                                              "  added      b -> acme/b_2\n" /* c writes to acme/b */
                                              "  unchanged  c -> acme/b\n");
    assert_file(w, "sub/x.yaml",
                HEAD
                "    bindings:\n      - {resource: c.json, target: acme/b}\n      - resource: {stream: a}\n        target: acme/a\n"
                "      - resource: {stream: b}\n        target: acme/b_2\n"
                "collections:\n  acme/a:\n" SCHEMA "  acme/b_2:\n" SCHEMA);
}

/* -------------------------------------------------------------------------------------------------------- new contents -- */

static void test_names(void **state)
{
    world *w = *state;
    const found streams[] = {STREAM("public/My Table"), STREAM("public//My!Table"), STREAM("x"), STREAM("!")};
    file("flow.yaml", "captures:\n  deep/acme/x:\n    endpoint: {native: {connector: x}}\n");
    assert_int_equal(write_to(w, "flow.yaml", streams, 4), WEIR_OK);
    assert_string_equal(buf_text(&w->report), "Wrote 5 specifications under flow.yaml.\n"
                                              "  added      public/My Table -> deep/acme/public/My_Table\n"
                                              "  added      public//My!Table -> deep/acme/public/My_Table_2\n"
                                              "  added      x -> deep/acme/x_2\n" /* the capture's own name */
                                              "  added      ! -> deep/acme/_\n");
}

static void test_schemas(void **state)
{
    world *w = *state;
    found streams[] = {STREAM("a"), STREAM("b"), STREAM("c"), STREAM("d")};
    streams[0].schema = VIEW("{\"x-infer-schema\":true,\"type\":\"object\",\"properties\":{\"id\":{\"type\":\"integer\","
                             "\"description\":\"The row's number: from 1\"},"
                             "\"at\":{\"type\":[\"string\",\"null\"],\"format\":\"date-time\"}},\"required\":[\"id\"]}");
    streams[1].key = VIEW("[]");
    streams[1].disabled = true;
    streams[2].path = VIEW("[ \"sch\\u0065ma\", \"c\" ]");
    streams[3].key = VIEW("[\"/other\"]");
    streams[3].schema = VIEW("{\"type\" : \"object\"}");
    file("flow.yaml", HEAD "    bindings:\n      - {resource: {stream: d}, target: acme/d}\ncollections:\n  acme/d: {key: [/id], "
                           "schema: {type: object}}\n"
                           "  acme/c: {key: [/id], schema: {}}\n");
    assert_int_equal(write_to(w, "flow.yaml", streams, 4), WEIR_OK);
    assert_string_equal(buf_text(&w->report), "Wrote 3 specifications under flow.yaml.\n"
                                              "  added      a -> acme/a\n"
                                              "  added      b -> acme/b\n"
                                              "  added      schema/c -> acme/c\n"
                                              "  unchanged  d -> acme/d\n"
                                              "  note: no key of acme/b is known: set \"key\" before it can be used\n"
                                              "  note: the schema of acme/c is not the one discovered; it was left as it is\n"
                                              "  note: the key of acme/d is not the one discovered; it was left as it is\n");
    assert_file(w, "flow.yaml",
                HEAD "    bindings:\n      - {resource: {stream: d}, target: acme/d}\n"
                     "      - resource: {stream: a}\n        target: acme/a\n"
                     "      - resource: {stream: b}\n        target: acme/b\n        disable: true\n"
                     "      - resource: {stream: c}\n        target: acme/c\n"
                     "collections:\n  acme/d: {key: [/id], schema: {type: object}}\n  acme/c: {key: [/id], schema: {}}\n"
                     "  acme/a:\n"
                     "    writeSchema:\n"
                     "      x-infer-schema: true\n"
                     "      type: object\n"
                     "      properties:\n"
                     "        id: {type: integer, description: \"The row's number: from 1\"}\n"
                     "        at: {type: [string, \"null\"], format: date-time}\n"
                     "      required: [id]\n"
                     "    readSchema:\n"
                     "      allOf:\n"
                     "        - {$ref: flow://relaxed-write-schema}\n"
                     "        - {$ref: flow://inferred-schema}\n"
                     "    key: [/id]\n"
                     "  acme/b:\n    schema: {type: object}\n    key: []\n");
}

/* ------------------------------------------------------------------------------------------------------------- errors -- */

static void assert_refused(world *w, const found *streams, size_t count, weir_rc rc, const char *message)
{
    buf before = {0};
    assert_int_equal(io_read_file("flow.yaml", 0, &before, &w->e), WEIR_OK);
    assert_int_equal(write_to(w, "flow.yaml", streams, count), rc);
    assert_string_equal(err_text(&w->e), message);
    assert_file(w, "flow.yaml", buf_text(&before));
    assert_int_equal(w->report.len, 0);
    buf_free(&before);
}

static void test_refused(void **state)
{
    world *w = *state;
    found bad[] = {STREAM("a"), STREAM("a")};
    file("flow.yaml", HEAD "    bindings: []\n");
    assert_refused(w, bad, 2, WEIR_E_PROTOCOL, "the connector discovered [\"a\"] twice");
    bad[0].schema = VIEW("{\"type\"}");
    assert_int_equal(write_to(w, "flow.yaml", bad, 1), WEIR_E_PROTOCOL);
    assert_true(view_starts(view_of(err_text(&w->e)), VIEW("the schema of stream \"a\": 1:8: ")));
    bad[0].schema = VIEW("[]");
    assert_refused(w, bad, 1, WEIR_E_PROTOCOL, "the schema of stream \"a\": must be an object, is an array");
    bad[0] = (found)STREAM("a");
    bad[0].path = VIEW("[1]");
    assert_refused(w, bad, 1, WEIR_E_PROTOCOL, "a discovered stream: [1] is no resource path");
    file("flow.yaml", HEAD "    bindings:\n      - {resource: {table: x}, target: acme/q, disable: true}\n");
    assert_refused(w, abc, 1, WEIR_E_CONFIG, "flow.yaml:5:9: its resource: \"stream\" is missing");
}

/* The file changes while the connector looks around. */
static void test_changed_meanwhile(void **state)
{
    world *w = *state;
    const task *t;
    file("flow.yaml", HEAD);
    assert_int_equal(catalog_read(&w->c, "flow.yaml", &w->e), WEIR_OK);
    assert_int_equal(catalog_task(&w->c, VIEW(""), TASK_CAPTURE, &t, &w->e), WEIR_OK);
    file("flow.yaml", "# new\n" HEAD);
    assert_int_equal(catalog_write_discovered(&w->c, t, abc, 1, path_of, NULL, &w->report, &w->e), WEIR_OK);
    assert_file(w, "flow.yaml",
                "# new\n" HEAD
                "    bindings:\n      - resource: {stream: a}\n        target: acme/a\ncollections:\n  acme/a:\n" SCHEMA);
    file("flow.yaml", "captures: {}\n");
    assert_int_equal(catalog_write_discovered(&w->c, t, abc, 1, path_of, NULL, &w->report, &w->e), WEIR_E_CONFIG);
    assert_string_equal(err_text(&w->e), "\"flow.yaml\" has changed: the capture \"acme/x\" is gone");
}

static bool is_file(world *w, const char *content)
{
    buf_clear(&w->text);
    return io_read_file("flow.yaml", 0, &w->text, &w->e) == WEIR_OK && view_is(buf_view(&w->text), content);
}

/* Every allocation, read, write and fsync fails once: the file is the old one or the new one, and the answer is true. */
static void test_faults(void **state)
{
    world *w = *state;
    const task *t;
    const char *before =
        HEAD "    bindings:\n      - {resource: {stream: z}, target: acme/z}\ncollections:\n  acme/z: {schema: {}, key: [/id]}\n";
    for (int call = 0; call < FAULT_CALLS; call++) {
        size_t n = 0;
        for (bool again = true; again; n++) {
            file("flow.yaml", before);
            assert_int_equal(catalog_read(&w->c, "flow.yaml", &w->e), WEIR_OK);
            assert_int_equal(catalog_task(&w->c, VIEW(""), -1, &t, &w->e), WEIR_OK);
            buf_free(&w->report);
            err_free(&w->e);
            fault_at((fault_call)call, n, call == FAULT_ALLOC ? ENOMEM : EIO);
            weir_rc rc = catalog_write_discovered(&w->c, t, abc, 2, path_of, NULL, &w->report, &w->e);
            again = fault_clear();
            assert_int_equal(rc, again ? WEIR_E_NOMEM : WEIR_OK);
            if (!again || !is_file(w, before))
                assert_true(is_file(w, HEAD "    bindings:\n      - resource: {stream: a}\n        target: acme/a\n"
                                            "      - resource: {stream: b}\n        target: acme/b\n"
                                            "collections:\n  acme/z: {schema: {}, key: [/id]}\n  acme/a:\n" SCHEMA
                                            "  acme/b:\n" SCHEMA));
            catalog_free(&w->c);
        }
        assert_in_range(n, 2, 10000);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_first_time), TEST(test_report),       TEST(test_comments),      TEST(test_disabled_and_extra),
        TEST(test_all_gone),   TEST(test_flow_style),   TEST(test_windows_lines), TEST(test_odd_text),
        TEST(test_json_file),  TEST(test_written_anew), TEST(test_lost_anchor),   TEST(test_imported_file),
        TEST(test_names),      TEST(test_schemas),      TEST(test_refused),       TEST(test_changed_meanwhile),
        TEST(test_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
