/* What passes into a collection, which documents of it are read, and where those go that are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/io.h"
#include "folder.h"
#include "plane/gate.h"
#include "plane/refused.h"
#include "plane/selector.h"

typedef struct fixture {
    char *data;
    arena a;
    err e;
    buf why;
} fixture;

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    f->data = folder_make();
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    folder_remove(f->data);
    arena_free(&f->a);
    err_free(&f->e);
    buf_free(&f->why);
    free(f);
    return 0;
}

#define assert_ok(f, call)                                                                                                         \
    do {                                                                                                                           \
        if (call)                                                                                                                  \
            fail_msg("%s: %s", #call, err_text(&(f)->e));                                                                          \
    } while (0)

static const tree *parsed(fixture *f, const char *json)
{
    tree *t = NULL;
    assert_ok(f, tree_parse(&f->a, view_of(json), NULL, WEIR_E_BUG, &t, &f->e));
    return t;
}

static collection collection_of(fixture *f, const char *text, const char *key)
{
    const tree *t = parsed(f, text);
    return (collection){.name = VIEW("a/b"), .write_schema = t, .read_schema = t, .write_schema_json = view_of(text), .read_schema_json = view_of(text),
                        .key_json = view_of(key)};
}

/* @param why NULL: it passes */
static void assert_checked(fixture *f, gate *g, const char *doc, const char *why)
{
    assert_ok(f, gate_check(g, view_of(doc), &f->why, &f->e));
    if (why ? strncmp(buf_text(&f->why), why, strlen(why)) != 0 : f->why.len > 0)
        fail_msg("%s: \"%s\", not \"%s\"", doc, buf_text(&f->why), why ? why : "");
}

static void test_documents(void **state)
{
    fixture *f = *state;
    gate *g = NULL;
    const collection c = collection_of(f, "{\"type\":\"object\",\"properties\":{\"id\":{\"type\":\"integer\"},\"n\":{\"type\":\"string\",\"maxLength\":3}},\"required\":[\"id\",\"n\"]}",
                                       "[\"/id\",\"/k/x\"]");
    assert_ok(f, gate_make(&g, &c, VIEW(""), &f->e));
    assert_false(gate_redacts(g));
    assert_checked(f, g, "{\"id\":1,\"n\":\"abc\",\"k\":{\"x\":null}}", NULL);
    assert_checked(f, g, "{\"id\":1,\"n\":\"abc\"}", "lacks part 2 of its key [\"/id\",\"/k/x\"]");
    assert_checked(f, g, "{\"id\":1,\"n\":\"abcd\",\"k\":{\"x\":1}}", "is not valid: /n: ");
    assert_checked(f, g, "{\"id\":1,\"k\":{\"x\":1}}", "is not valid: ");
    assert_checked(f, g, "{\"id\":\"1\",\"n\":2,\"k\":{\"x\":1}}", "is not valid: ");
    assert_non_null(strstr(buf_text(&f->why), "; ")); /* all that is wrong, on one line */
    assert_null(strchr(buf_text(&f->why), '\n'));
    assert_checked(f, g, "{\"id\":1,\"n\":\"abc\",\"k\":{\"x\":null}}", NULL); /* nothing is left of the one before */
    assert_int_not_equal(gate_check(g, VIEW("{"), &f->why, &f->e), WEIR_OK);
    gate_free(g);
}

/* A deletion tells the key only; a part what has changed, where the schema says that there are parts. Types hold for them, too. */
static void test_less_than_whole(void **state)
{
    fixture *f = *state;
    gate *g = NULL;
    static const char *const schemas[] = {
        "{\"properties\":{\"id\":{\"type\":\"integer\"},\"n\":{\"type\":\"string\"}},\"required\":[\"id\",\"n\"]}",
        "{\"x-partial-updates\":true,\"properties\":{\"id\":{\"type\":\"integer\"},\"n\":{\"type\":\"string\"}},\"required\":[\"id\",\"n\"]}",
    };
    for (int parts = 0; parts < 2; parts++) {
        const collection c = collection_of(f, schemas[parts], "[\"/id\"]");
        assert_ok(f, gate_make(&g, &c, VIEW(""), &f->e));
        assert_checked(f, g, "{\"id\":1,\"_meta\":{\"op\":\"d\"}}", NULL);
        assert_checked(f, g, "{\"id\":1,\"_meta\":{\"op\":\"u\"}}", parts ? NULL : "is not valid: ");
        assert_checked(f, g, "{\"id\":1,\"_meta\":{\"op\":\"c\"}}", "is not valid: ");
        assert_checked(f, g, "{\"id\":1,\"n\":2,\"_meta\":{\"op\":\"d\"}}", "is not valid: /n: ");
        assert_checked(f, g, "{\"_meta\":{\"op\":\"d\"}}", "lacks part 1 of its key");
        gate_free(g);
    }
}

static void test_schemas(void **state)
{
    fixture *f = *state;
    gate *g = NULL;
    const collection any = collection_of(f, "true", "[\"/id\"]"), none = collection_of(f, "{\"$ref\":\"#/gone\"}", "[\"/id\"]");
    assert_ok(f, gate_make(&g, &any, VIEW(""), &f->e));
    assert_checked(f, g, "{\"id\":[]}", NULL);
    gate_free(g);
    assert_int_equal(gate_make(&g, &none, VIEW(""), &f->e), WEIR_E_CONFIG);
    assert_non_null(strstr(err_text(&f->e), "the write schema of collection a/b: "));
    collection other = any;
    const char *read = "{\"allOf\":[{\"$ref\":\"flow://write-schema\"},{\"$ref\":\"flow://inferred-schema\"},{\"required\":[\"x\"]}]}";
    other.read_schema = parsed(f, read);
    other.read_schema_json = view_of(read);
    assert_ok(f, gate_make_reading(&g, &other, NULL, &f->e));
    assert_checked(f, g, "{\"id\":1,\"x\":1}", NULL);
    assert_checked(f, g, "{\"id\":1}", "is not valid: ");
    gate_free(g);
    assert_ok(f, gate_make_reading(&g, &other, parsed(f, "{\"properties\":{\"x\":{\"type\":\"string\"}}}"), &f->e));
    assert_checked(f, g, "{\"id\":1,\"x\":1}", "is not valid: /x: ");
    gate_free(g);
}

static void assert_taken(fixture *f, selector *s, const char *doc, bool want)
{
    bool takes = !want;
    assert_ok(f, selector_takes(s, view_of(doc), &takes, &f->e));
    if (takes != want)
        fail_msg("%s", doc);
}

static void test_partitions(void **state)
{
    fixture *f = *state;
    selector *s;
    collection c = collection_of(f, "true", "[\"/id\"]");
    c.projections = parsed(f, "{\"r\":{\"location\":\"/region\",\"partition\":true},\"n\":{\"location\":\"/a/n\",\"partition\":true}}");
    reading r = {0};
    assert_ok(f, selector_make(&f->a, &c, &r, &s, &f->e));
    assert_null(s);
    r.include = parsed(f, "{\"r\":[\"eu\",null],\"n\":[1]}");
    r.exclude = parsed(f, "{\"r\":[\"xx\"]}");
    assert_ok(f, selector_make(&f->a, &c, &r, &s, &f->e));
    assert_taken(f, s, "{\"region\":\"eu\",\"a\":{\"n\":1}}", true);
    assert_taken(f, s, "{\"region\":\"e\\u0075\",\"a\":{\"n\":1.0}}", true);
    assert_taken(f, s, "{\"a\":{\"n\":1}}", true); /* absent counts as null */
    assert_taken(f, s, "{\"region\":\"us\",\"a\":{\"n\":1}}", false);
    assert_taken(f, s, "{\"region\":\"eu\",\"a\":{\"n\":2}}", false);
    assert_taken(f, s, "{\"region\":\"eu\"}", false);
    r.include = NULL;
    assert_ok(f, selector_make(&f->a, &c, &r, &s, &f->e));
    assert_taken(f, s, "{\"region\":\"xx\"}", false);
    assert_taken(f, s, "{}", true);
}

static void assert_waiting(fixture *f, store *s, const char *want)
{
    refused_reader *r = NULL;
    buf docs = {0};
    size_t count;
    bool waits = false;
    assert_ok(f, refused_reader_make(&r, s, f->data, VIEW("t/t"), VIEW("a/b"), &f->e));
    assert_ok(f, refused_waits(s, VIEW("t/t"), VIEW("a/b"), &waits, &f->e));
    assert_int_equal(waits, *want != 0);
    assert_ok(f, refused_read(r, &docs, &count, &f->e));
    assert_string_equal(buf_text(&docs), want);
    buf_free(&docs);
    refused_reader_free(r);
}

static void refuse(fixture *f, refused *r, const char *doc) { assert_ok(f, refused_add(r, view_of(doc), VIEW("is \"bad\""), 0, &f->e)); }

static offset written(fixture *f, refused *r)
{
    offset at;
    bool any = false;
    assert_ok(f, refused_write(r, &at, &any, &f->e));
    assert_true(any);
    return at;
}

/* Only what is sealed counts, and only once weir.db knows of it. */
static void test_aside(void **state)
{
    fixture *f = *state;
    store *s = NULL;
    refused *r = NULL;
    bool any = true;
    offset at;
    assert_ok(f, store_open(&s, f->data, false, &f->e));
    assert_ok(f, refused_make(&r, s, f->data, VIEW("t/t"), VIEW("a/b"), &f->e));
    assert_waiting(f, s, "");
    refuse(f, r, "{\"n\":1}");
    assert_ok(f, refused_write(r, &at, &any, &f->e));
    assert_false(any);
    refused_seal(r);
    refuse(f, r, "{\"n\":2}");
    refused_unseal(r);
    written(f, r); /* and then the commit fails */
    refuse(f, r, "{\"n\":3}");
    refused_seal(r);
    refuse(f, r, "{\"n\":4}");
    at = written(f, r);
    assert_ok(f, store_commit_all(s, &(store_commit){.task = VIEW("t/t"), .journals = &at, .journal_count = 1}, &f->e));
    refused_committed(r, NULL);
    assert_waiting(f, s, "{\"n\":1}\n{\"n\":3}\n");
    refused_seal(r);
    at = written(f, r);
    assert_ok(f, store_commit_all(s, &(store_commit){.task = VIEW("t/t"), .journals = &at, .journal_count = 1}, &f->e));
    refused_committed(r, NULL);
    assert_int_equal(refused_bytes(r), 0);
    assert_waiting(f, s, "{\"n\":1}\n{\"n\":3}\n{\"n\":4}\n");
    assert_ok(f, store_commit_all(s, &(store_commit){.task = VIEW("t/t"), .reader = VIEW("t/t"), .reads = &at, .read_count = 1}, &f->e));
    assert_waiting(f, s, "");
    refused_free(r);
    store_close(s);
    char *path;
    buf text = {0};
    assert_true(asprintf(&path, "%s/journals/refused%%3Bt%%2Ft%%3Ba%%2Fb/00000000000000000000.ndjson", f->data) > 0);
    assert_ok(f, io_read_file(path, 1000, &text, &f->e));
    assert_true(view_starts(buf_view(&text), VIEW("{\"at\":\"1970-01-01T00:00:00Z\",\"reason\":\"is \\\"bad\\\"\",\"document\":{\"n\":1}}\n")));
    buf_free(&text);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_documents, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_less_than_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_schemas, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_partitions, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_aside, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
