#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "json/refs.h"

/* RFC 3986, section 5.4, without the cases that are about fragments. */
static const char base[] = "http://a/b/c/d;p?q";
static const struct {
    const char *ref, *target;
} rfc_cases[] = {
    {"g:h", "g:h"},
    {"g", "http://a/b/c/g"},
    {"./g", "http://a/b/c/g"},
    {"g/", "http://a/b/c/g/"},
    {"/g", "http://a/g"},
    {"//g", "http://g"},
    {"?y", "http://a/b/c/d;p?y"},
    {"g?y", "http://a/b/c/g?y"},
    {";x", "http://a/b/c/;x"},
    {"g;x", "http://a/b/c/g;x"},
    {"", "http://a/b/c/d;p?q"},
    {".", "http://a/b/c/"},
    {"./", "http://a/b/c/"},
    {"..", "http://a/b/"},
    {"../", "http://a/b/"},
    {"../g", "http://a/b/g"},
    {"../..", "http://a/"},
    {"../../", "http://a/"},
    {"../../g", "http://a/g"},
    {"../../../g", "http://a/g"},
    {"../../../../g", "http://a/g"},
    {"/./g", "http://a/g"},
    {"/../g", "http://a/g"},
    {"g.", "http://a/b/c/g."},
    {".g", "http://a/b/c/.g"},
    {"g..", "http://a/b/c/g.."},
    {"..g", "http://a/b/c/..g"},
    {"./../g", "http://a/b/g"},
    {"./g/.", "http://a/b/c/g/"},
    {"g/./h", "http://a/b/c/g/h"},
    {"g/../h", "http://a/b/c/h"},
    {"g;x=1/./y", "http://a/b/c/g;x=1/y"},
    {"g;x=1/../y", "http://a/b/c/y"},
    {"g?y/./x", "http://a/b/c/g?y/./x"},
    {"g?y/../x", "http://a/b/c/g?y/../x"},
    {"http:g", "http:g"},
};

static void resolve(void **state)
{
    (void)state;
    arena a = {0};
    for (size_t i = 0; i < sizeof rfc_cases / sizeof *rfc_cases; i++)
        assert_string_equal(refs_resolve(&a, view_of(base), view_of(rfc_cases[i].ref)).ptr, rfc_cases[i].target);
    assert_string_equal(refs_resolve(&a, VIEW(""), VIEW("x.json")).ptr, "x.json");
    assert_string_equal(refs_resolve(&a, VIEW("flow://host"), VIEW("x")).ptr, "flow://host/x");
    assert_string_equal(refs_resolve(&a, VIEW(""), VIEW("")).ptr, "");
    arena_free(&a);
}

static const char schema[] =
    "{\"$id\":\"http://x.example/root.json\",\"title\":\"root\",\"$defs\":{"
    "\"a\":{\"$id\":\"sub/a.json\",\"title\":\"a\",\"$anchor\":\"spot\",\"$defs\":{\"in\":{\"title\":\"in a\"}}},"
    "\"b c/d~e%\":{\"title\":\"odd\",\"$dynamicAnchor\":\"spot\"},"
    "\"four\":{\"id\":\"#old\",\"title\":\"four\"},\"urn\":{\"$id\":\"urn:x:y\",\"title\":\"urn\"}},"
    "\"default\":{\"$id\":\"http://never/\"},\"allOf\":[{\"title\":\"first\"},{\"title\":\"second\"}]}";
static const char known[] = "{\"flow://write-schema\":{\"title\":\"write\",\"$defs\":{\"k\":{\"title\":\"k\"}}},"
                            "\"other.json\":{\"$id\":\"http://o.example/\",\"title\":\"other\"}}";
static const struct {
    const char *ref, *title; /* NULL: leads nowhere */
} follow_cases[] = {
    {"#", "root"},
    {"", "root"},
    {"#/$defs/a", "a"},
    {"#/$defs/a/$defs/in", "in a"},
    {"sub/a.json", "a"},
    {"http://x.example/sub/a.json#", "a"},
    {"sub/a.json#/$defs/in", "in a"},
    {"sub/a.json#spot", "a"},
    {"#spot", "odd"},
    {"#/$defs/b%20c~1d~0e%25", "odd"},
    {"#old", "four"},
    {"urn:x:y", "urn"},
    {"#/allOf/1", "second"},
    {"flow://write-schema", "write"},
    {"flow://write-schema#/$defs/k", "k"},
    {"other.json", "other"},
    {"http://o.example/", "other"},
    {"#/$defs/none", NULL},
    {"#none", NULL},
    {"#/allOf/2", NULL},
    {"#/allOf/01", NULL},
    {"#$defs", NULL},
    {"#/~2", NULL},
    {"a.json", NULL},
    {"http://never/", NULL},
    {"flow://read-schema", NULL},
    {"#/title/x", NULL},
};

static void follow(void **state)
{
    (void)state;
    arena a = {0};
    err e = {0};
    tree *s, *k;
    refs r;
    place root, to;
    assert_int_equal(tree_parse(&a, VIEW(schema), NULL, WEIR_E_CONFIG, &s, &e), WEIR_OK);
    assert_int_equal(tree_parse(&a, VIEW(known), NULL, WEIR_E_CONFIG, &k, &e), WEIR_OK);
    refs_init(&r, &a, s, k, &root);
    for (size_t i = 0; i < sizeof follow_cases / sizeof *follow_cases; i++) {
        bool found = refs_follow(&r, root, view_of(follow_cases[i].ref), &to);
        if (found != (follow_cases[i].title != NULL))
            fail_msg("%s", follow_cases[i].ref);
        if (found)
            assert_string_equal(tree_text(to.schema, "title").ptr, follow_cases[i].title);
    }
    /* within an embedded resource, # and relative references are its own */
    assert_true(refs_follow(&r, root, VIEW("#/$defs/a"), &to));
    assert_true(refs_follow(&r, to, VIEW("#/$defs/in"), &to));
    assert_string_equal(tree_text(to.schema, "title").ptr, "in a");
    assert_true(refs_follow(&r, to, VIEW("#"), &to));
    assert_string_equal(tree_text(to.schema, "title").ptr, "a");
    assert_true(refs_follow(&r, to, VIEW("../root.json#spot"), &to));
    assert_string_equal(tree_text(to.schema, "title").ptr, "odd");
    assert_false(r.failed);
    refs_free(&r);
    arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(resolve), cmocka_unit_test(follow)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
