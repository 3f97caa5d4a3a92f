/* Expected values: the contract in columns.h and docs/protocols/flow.md, 6.1 and 8. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <unistd.h>

#include "base/io.h"
#include "fault.h"
#include "folder.h"
#include "plane/columns.h"
#include "plane/keywords.h"
#include "plane/yaml.h"

typedef struct world {
    char *folder;
    arena mem;
    catalog c;
    err e;
    buf text;
    weir_column *columns;
    size_t count, keys;
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
    arena_free(&w->mem);
    err_free(&w->e);
    buf_free(&w->text);
    if (chdir("/") == 0)
        folder_remove(w->folder);
    free(w);
    return 0;
}

static const tree *yaml(world *w, const char *text)
{
    tree *t = NULL;
    if (yaml_parse(&w->mem, view_of(text), NULL, &t, &w->e))
        fail_msg("%s", err_text(&w->e));
    return t;
}

/* The columns of a binding with these fields of a collection written so (in flow style, all on line 3). */
static weir_rc choose(world *w, const char *spec, const char *fields, const char *inferred)
{
    buf text = {0};
    catalog_free(&w->c);
    buf_printf(
        &text,
        "materializations:\n  a/m: {endpoint: {native: {connector: x}}, bindings: [{resource: {}, source: a/c, fields: %s}]}\n"
        "collections: {a/c: %s}\n",
        fields, spec);
    if (io_replace_file("flow.yaml", buf_view(&text), &w->e) || catalog_read(&w->c, "flow.yaml", &w->e))
        fail_msg("%s", err_text(&w->e));
    buf_free(&text);
    return columns_select(&w->mem, &w->c.collections[0], &w->c.tasks[0].bindings[0], inferred ? yaml(w, inferred) : NULL,
                          &w->columns, &w->count, &w->keys, &w->e);
}

/* Expects fields in this order, a | behind the keys. */
static void assert_columns(world *w, const char *spec, const char *fields, const char *inferred, const char *expected)
{
    if (choose(w, spec, fields, inferred))
        fail_msg("%s", err_text(&w->e));
    buf_clear(&w->text);
    for (size_t i = 0; i <= w->count; i++) {
        if (i == w->keys)
            buf_adds(&w->text, i ? " |" : "|");
        if (i < w->count)
            buf_printf(&w->text, "%s%.*s", i ? " " : "", VIEW_ARG(w->columns[i].field));
        if (i < w->count)
            assert_int_equal(w->columns[i].key, i < w->keys);
    }
    assert_string_equal(buf_text(&w->text), expected);
}

static void assert_refused(world *w, const char *spec, const char *fields, const char *message)
{
    assert_int_equal(choose(w, spec, fields, NULL), WEIR_E_CONFIG);
    assert_string_equal(err_text(&w->e), message);
}

#define PEOPLE                                                                                                                     \
    "{key: [/last, /id], schema: {type: object, required: [id, last, tags], properties: {id: {type: integer, description: The "    \
    "number},"                                                                                                                     \
    " name: {type: [string, 'null'], title: Name, description: x}, last: {type: string}, never: {type: 'null'},"                   \
    " _meta: {type: object, properties: {op: {type: string}}},"                                                                    \
    " born: {type: string, format: date-time}, pic: {type: string, contentEncoding: base64},"                                      \
    " address: {type: object, properties: {city: {type: string}, 'a/b': {type: number}}}, tags: {type: array}}}"

static void test_recommended(void **state)
{
    assert_columns(*state, PEOPLE "}", "{}", NULL, "last id | name born pic address tags");
    assert_columns(*state, PEOPLE "}", "{recommended: true}", NULL, "last id | name _meta/op born pic address/city address/a/b tags");
    assert_columns(*state, PEOPLE "}", "null", NULL, "last id | name born pic address tags");
    assert_columns(*state, PEOPLE "}", "{recommended: 1}", NULL, "last id | name born pic address tags");
    assert_columns(*state, PEOPLE "}", "{recommended: 2}", NULL,
                   "last id | name _meta/op born pic address/city address/a/b tags");
    assert_columns(*state, PEOPLE "}", "{recommended: 4000000000}", NULL,
                   "last id | name _meta/op born pic address/city address/a/b tags");
    assert_columns(*state, PEOPLE "}", "{recommended: false}", NULL, "last id |");
    assert_columns(*state, PEOPLE "}", "{recommended: 0}", NULL, "last id |");
    assert_columns(*state, PEOPLE "}", "{exclude: [born, tags, unknown]}", NULL, "last id | name pic address");
}

static const weir_column *column(const world *w, const char *field)
{
    for (size_t i = 0; i < w->count; i++)
        if (view_is(w->columns[i].field, field))
            return &w->columns[i];
    fail_msg("no column %s", field);
    return NULL;
}

static void assert_view(weir_view v, const char *text)
{
    if (!view_is(v, text))
        fail_msg("\"%.*s\" != \"%s\"", VIEW_ARG(v), text);
}

static void test_what_columns_say(void **state)
{
    world *w = *state;
    choose(w, PEOPLE "}", "{include: {address/a/b: {}, flow_document: {}}}", NULL);
    const weir_column *id = column(w, "id"), *name = column(w, "name"), *document = column(w, "flow_document");
    assert_int_equal(id->types, WEIR_IS_INTEGER);
    assert_true(id->required);
    assert_view(id->pointer, "/id");
    assert_view(id->description, "The number");
    assert_int_equal(name->types, WEIR_IS_STRING | WEIR_IS_NULL);
    assert_false(name->required);
    assert_view(name->description, "Name");
    assert_view(column(w, "born")->format, "date-time");
    assert_view(column(w, "pic")->encoding, "base64");
    assert_view(column(w, "address/a/b")->pointer, "/address/a~1b");
    assert_view(document->pointer, "");
    assert_int_equal(document->types, WEIR_IS_OBJECT);
    assert_true(document->required);
}

static void test_include(void **state)
{
    assert_columns(*state, PEOPLE "}", "{recommended: false, include: {tags: {}, address/city: {}}}", NULL,
                   "last id | address/city tags");
    assert_columns(*state, PEOPLE "}", "{recommended: false, require: {never: {}, id: {}}}", NULL, "last id | never");
    assert_columns(*state, PEOPLE "}", "{recommended: 1, include: {flow_document: {}}, exclude: [name]}", NULL,
                   "last id | born pic address tags flow_document");
    assert_columns(*state, PEOPLE "}", "{recommended: false, include: {flow_document: {}}}", NULL, "last id | flow_document");
}

static void test_explicit(void **state)
{
    /* They come instead of the location's own field, below the top level as well as those that the schema does not know. */
    assert_columns(
        *state,
        PEOPLE ", projections: {surname: /last, town: {location: /address/city, partition: true}, more: /extra/0, Name: /name}}",
        "{}", NULL, "surname id | born pic address tags town more Name");
    assert_columns(*state, PEOPLE ", projections: {surname: /last, town: /address/city}}", "{exclude: [surname, town]}", NULL,
                   "last id | name born pic address tags");
    assert_columns(*state, PEOPLE ", projections: {Name: /name}}", "{include: {name: {}}}", NULL,
                   "last id | name born pic address tags Name");
    /* A field of the schema can be taken by a projection of something else. */
    assert_columns(*state, PEOPLE ", projections: {tags: /address/city}}", "{}", NULL, "last id | name born pic address tags");
    assert_view(column(*state, "tags")->pointer, "/address/city");
    assert_columns(*state, PEOPLE ", projections: {Name: /name, town: {location: /address/city, partition: true}}}", "{recommended: false}", NULL,
                   "last id | town");
    assert_true(column(*state, "town")->partition && column(*state, "town")->given);
}

static void test_group_by(void **state)
{
    assert_columns(*state, PEOPLE "}", "{groupBy: [address/city, id]}", NULL, "address/city id | name last born pic address tags");
    assert_columns(*state, PEOPLE ", projections: {Name: /name}}", "{groupBy: [Name], recommended: false}", NULL, "Name |");
    assert_refused(*state, PEOPLE "}", "{groupBy: [nme, tags, id, id, born], exclude: [born]}",
                   "flow.yaml:2:103: \"a/c\" has no field \"nme\"; did you mean \"name\"?\n"
                   "flow.yaml:2:108: \"tags\" cannot be part of a key: it is an object or array\n"
                   "flow.yaml:2:118: \"id\" is there twice\n"
                   "flow.yaml:2:122: \"born\" is part of the key and cannot be excluded");
}

/* flow.md 6.1. */
static void test_inference(void **state)
{
    static const char spec[] =
        "{key: [/id], schema: {type: object, required: [id, n, nil], properties: {id: {type: string, maxLength: 12, format: uuid, title: T, description: D},"
        " n: {type: [number, 'null'], minimum: 1.50, exclusiveMaximum: 3, maximum: 7, default: 2, reduce: {strategy: sum}}, nil: {type: [string, 'null']},"
        " list: {type: array, minItems: 1, maxItems: 9, items: {type: [integer, string]}, reduce: {strategy: lastWriteWins}},"
        " s: {enum: [a, b], secret: true, contentMediaType: text/plain}, one: {anyOf: [{reduce: {strategy: sum}}, {reduce: {strategy: maximize}}]}}}}";
    world *w = *state;
    assert_columns(w, spec, "{include: {flow_published_at: {}, s: {castTo: x}}}", NULL, "id | n nil list s one flow_published_at");
    assert_view(column(w, "id")->inference,
                "{\"types\":[\"string\"],\"string\":{\"format\":\"uuid\",\"maxLength\":12},\"title\":\"T\",\"description\":\"D\",\"exists\":\"MUST\"}");
    assert_view(column(w, "n")->inference, "{\"types\":[\"null\",\"number\"],\"default\":2,\"exists\":\"MUST\",\"numeric\":{\"hasMinimum\":true,"
                                           "\"minimum\":1.50,\"hasMaximum\":true,\"maximum\":7},\"reduce\":\"REDUCE_SUM\"}");
    assert_view(column(w, "nil")->inference, "{\"types\":[\"null\",\"string\"],\"exists\":\"MUST\"}");
    assert_false(column(w, "nil")->required);
    assert_view(column(w, "list")->inference,
                "{\"types\":[\"array\"],\"exists\":\"MAY\",\"array\":{\"minItems\":1,\"hasMaxItems\":true,\"maxItems\":9,\"itemTypes\":[\"integer\",\"string\"]},"
                "\"reduce\":\"REDUCE_LAST_WRITE_WINS\"}");
    assert_view(column(w, "s")->inference, "{\"types\":[\"string\"],\"string\":{\"contentType\":\"text/plain\"},\"secret\":true,\"exists\":\"MAY\",\"enum\":[\"a\",\"b\"],"
                                           "\"contentMediaType\":\"text/plain\"}");
    assert_view(weir_json_at(column(w, "one")->inference, "/reduce"), "\"REDUCE_MULTIPLE\"");
    assert_view(column(w, "s")->config, "{\"castTo\":\"x\"}");
    assert_view(column(w, "flow_published_at")->pointer, "/_meta/uuid");
    assert_view(column(w, "flow_published_at")->format, "date-time");
}

static void test_nothing_known(void **state)
{
    const char *only_key =
        "{key: [/a/id], schema: {type: object, properties: {a: {type: object, properties: {id: {type: integer}}},"
        " _meta: {type: object}}}}";
    assert_columns(*state, only_key, "{}", NULL, "a/id | a flow_document");
    assert_columns(*state, only_key, "{recommended: false}", NULL, "a/id |");
    assert_columns(*state, only_key, "{exclude: [flow_document, a]}", NULL, "a/id |");
}

#define INFERRING                                                                                                                  \
    "{key: [/id], writeSchema: {type: object, properties: {id: {type: integer}, type: {type: string}}, required: [id]},"           \
    " readSchema: {allOf: [{$ref: 'flow://relaxed-write-schema'}, {$ref: 'flow://inferred-schema'}]}}"

static void test_inferred(void **state)
{
    world *w = *state;
    assert_columns(w, INFERRING, "{}", NULL, "id | type"); /* nothing inferred: what was declared */
    assert_int_equal(column(w, "id")->types, WEIR_IS_INTEGER);
    assert_columns(
        w, INFERRING, "{}",
        "{type: object, properties: {id: {type: number}, x: {type: boolean}, type: {type: [string, integer]}}, required: [x]}",
        "id | type x");
    assert_int_equal(column(w, "id")->types & WEIR_IS_NUMBER, WEIR_IS_NUMBER); /* no longer held to the write schema */
    assert_int_equal(column(w, "type")->types, WEIR_IS_STRING | WEIR_IS_INTEGER);
    assert_false(column(w, "id")->required);
    assert_true(column(w, "x")->required);
    assert_columns(
        w, "{key: [/id], writeSchema: {type: object, properties: {id: {type: string}}}, readSchema: {$ref: 'flow://write-schema'}}",
        "{}", NULL, "id | flow_document");
}

static void test_relaxed(void **state)
{
    world *w = *state;
    const tree *t = schema_relaxed(
        &w->mem, yaml(w, "{type: object, required: [type], format: x, properties: {type: {type: string, minLength: 1},"
                         " required: {const: {type: 1}}, format: {enum: [{required: 1}]}},"
                         " $defs: {format: {items: {type: string, title: t}}}, anyOf: [{type: object}, true]}"));
    tree_write(&w->text, t);
    assert_string_equal(buf_text(&w->text),
                        "{\"properties\":{\"type\":{\"minLength\":1},\"required\":{\"const\":{\"type\":1}},"
                        "\"format\":{\"enum\":[{\"required\":1}]}},\"$defs\":{\"format\":{\"items\":{\"title\":\"t\"}}},"
                        "\"anyOf\":[{\"type\":\"object\"},true]}");
}

static void test_refused(void **state)
{
    assert_refused(
        *state, "{key: [/idd, /address, /id], schema: {properties: {id: {type: integer}, address: {type: [object, array]}}}}", "{}",
        "flow.yaml:3:15: the schema of \"a/c\" does not know the key \"/idd\"; did you mean \"/id\"?\n"
        "flow.yaml:3:15: the key \"/address\" of \"a/c\" cannot be an object or array");
    assert_refused(*state, PEOPLE "}",
                   "{include: {nme: {}, born: {}}, require: {zzzzzzzz: {}}, exclude: [born, id]}",
                   "flow.yaml:2:103: \"a/c\" has no field \"nme\"; did you mean \"name\"?\n"
                   "flow.yaml:2:112: \"born\" is excluded as well\n"
                   "flow.yaml:2:133: \"a/c\" has no field \"zzzzzzzz\"\n"
                   "flow.yaml:2:157: \"id\" is part of the key and cannot be excluded");
    assert_int_equal(choose(*state, "{key: [/id], schema: {$ref: '#/$defs/gone'}}", "{}", NULL), WEIR_E_CONFIG);
}

static void test_no_memory(void **state)
{
    world *w = *state;
    assert_int_equal(choose(w, PEOPLE ", projections: {Name: /name}}", "{include: {address/city: {}}}", NULL), WEIR_OK);
    size_t n = 0, expected = w->count;
    for (bool again = true; again; n++) {
        arena_free(&w->mem);
        err_free(&w->e);
        fault_at(FAULT_ALLOC, n, ENOMEM);
        weir_rc rc = columns_select(&w->mem, &w->c.collections[0], &w->c.tasks[0].bindings[0], NULL, &w->columns, &w->count,
                                    &w->keys, &w->e);
        again = fault_clear();
        assert_int_equal(rc, again ? WEIR_E_NOMEM : WEIR_OK);
    }
    assert_in_range(n, 5, 1000);
    assert_int_equal(w->count, expected);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_recommended), TEST(test_what_columns_say), TEST(test_include), TEST(test_explicit),  TEST(test_nothing_known),
        TEST(test_inferred), TEST(test_group_by), TEST(test_inference),    TEST(test_relaxed),          TEST(test_refused), TEST(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
