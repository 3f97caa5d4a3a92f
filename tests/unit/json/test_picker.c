#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "json/pointer.h"
#include "json/scan.h"

#include "fault.h"

enum { MOST = 16 };

typedef struct fixture {
    arena arena;
    picker *picker;
    weir_view values[MOST];
    size_t count;
} fixture;

static void make(fixture *f, const char *const *pointers)
{
    weir_view list[MOST];
    err e = {0};
    for (f->count = 0; pointers[f->count]; f->count++)
        list[f->count] = view_of(pointers[f->count]);
    assert_int_equal(picker_make(&f->arena, list, f->count, &f->picker, &e), WEIR_OK);
}

/* A copy in a block of exactly its size, so that a sanitizer sees every read past the end. */
static bool run(fixture *f, weir_view doc, char **block)
{
    *block = malloc(doc.len ? doc.len : 1);
    memcpy(*block, doc.ptr, doc.len);
    return picker_run(f->picker, (weir_view){*block, doc.len}, f->values);
}

static void expect(fixture *f, const char *doc, const char *const *want)
{
    char *block;
    assert_true(run(f, view_of(doc), &block));
    for (size_t i = 0; i < f->count; i++) {
        assert_int_equal(f->values[i].len, want[i] ? strlen(want[i]) : 0);
        if (want[i])
            assert_memory_equal(f->values[i].ptr, want[i], f->values[i].len);
    }
    free(block);
}
#define EXPECT(f, doc, ...) expect(f, doc, (const char *const[]){__VA_ARGS__})

static void flat(void **state)
{
    (void)state;
    fixture f = {0};
    make(&f, (const char *const[]){"/id", "/name", "/id", "/a member with a rather long name", NULL});
    EXPECT(&f, "{\"id\":1,\"name\":\"x\",\"a member with a rather long name\":[1]}", "1", "\"x\"", "1", "[1]");
    EXPECT(&f, "{\"id\":1,\"name\":\"x\",\"a member with a rather long name\":[1]}", "1", "\"x\"", "1", "[1]");
    EXPECT(&f, "{\"id\":2,\"name\":\"x\",\"a member with a rather lonG name\":[1]}", "2", "\"x\"", "2", NULL);
    EXPECT(&f, "{\"name\":\"y\",\"id\":null}", "null", "\"y\"", "null", NULL);
    EXPECT(&f, " { \"id\" : 1e5 , \"idd\":9 , \"name\"\t:\r\"\\\"\\\\\" } \n", "1e5", "\"\\\"\\\\\"", "1e5", NULL);
    EXPECT(&f, "{}", NULL, NULL, NULL, NULL);
    EXPECT(&f, "[]", NULL, NULL, NULL, NULL);
    EXPECT(&f, "[{\"id\":1}]", NULL, NULL, NULL, NULL);
    EXPECT(&f, "7", NULL, NULL, NULL, NULL);
    arena_free(&f.arena);
}

static void nested(void **state)
{
    (void)state;
    fixture f = {0};
    make(&f, (const char *const[]){"/a/b", "/a", "", "/a/c/2/x", "/l/0", "/l/2", "/l/10", "/l/-", NULL});
    EXPECT(&f, " {\"a\":{\"b\":1,\"c\":[0,1,{\"x\":true}]},\"l\":[0,[1],{\"2\":2},3]}", "1", "{\"b\":1,\"c\":[0,1,{\"x\":true}]}",
           "{\"a\":{\"b\":1,\"c\":[0,1,{\"x\":true}]},\"l\":[0,[1],{\"2\":2},3]}", "true", "0", "{\"2\":2}", NULL, NULL);
    EXPECT(&f, "{\"l\":[],\"a\":[5]}", NULL, "[5]", "{\"l\":[],\"a\":[5]}", NULL, NULL, NULL, NULL, NULL);
    EXPECT(&f, "{\"l\":{\"10\":1,\"-\":2},\"a\":false}", NULL, "false", "{\"l\":{\"10\":1,\"-\":2},\"a\":false}", NULL, NULL, NULL,
           "1", "2");
    EXPECT(&f, "[{\"a\":1}]", NULL, NULL, "[{\"a\":1}]", NULL, NULL, NULL, NULL, NULL);
    arena_free(&f.arena);
}

static void repeated_members(void **state)
{
    (void)state;
    fixture f = {0};
    make(&f, (const char *const[]){"/a", "/a/b", "/a/c/d", "/x", NULL});
    EXPECT(&f, "{\"x\":1,\"x\":2}", NULL, NULL, NULL, "2");
    EXPECT(&f, "{\"a\":{\"b\":1,\"c\":{\"d\":2}},\"a\":{\"b\":3}}", "{\"b\":3}", "3", NULL, NULL);
    EXPECT(&f, "{\"a\":{\"b\":1,\"c\":{\"d\":2}},\"\\u0061\":0}", "0", NULL, NULL, NULL);
    EXPECT(&f, "{\"a\":{\"c\":{\"d\":2},\"c\":{}}}", "{\"c\":{\"d\":2},\"c\":{}}", NULL, NULL, NULL);
    arena_free(&f.arena);
}

static void escaped_names(void **state)
{
    (void)state;
    fixture f = {0};
    make(&f, (const char *const[]){"/gr\xc3\xb6\xc3\x9f"
                                   "e",
                                   "/a\"b", "/x~1y", "/", NULL});
    for (int i = 0; i < 3; i++) {
        EXPECT(&f, "{\"gr\\u00f6\\u00dfe\":1,\"a\\\"b\":2,\"x\\/y\":3,\"\":4}", "1", "2", "3", "4");
        EXPECT(&f,
               "{\"gr\xc3\xb6\xc3\x9f"
               "e\":1,\"\\u0061\\u0022\\u0062\":2,\"x/y\":3}",
               "1", "2", "3", NULL);
    }
    char *block;
    assert_false(run(&f, VIEW("{\"a\"b\":2}"), &block));
    free(block);
    arena_free(&f.arena);
}

static void malformed(void **state)
{
    (void)state;
    static const char whole[] =
        "{\"a\":{\"b\":[1,-2.5e3,\"\\u00e9\xc3\xa9\"]},\"c\":null,\"d\":[[],{}],\"a long name, for once\":\"0123456789abcdef\"}";
    fixture f = {0};
    char *block;
    make(&f, (const char *const[]){"/a/b/1", "/c", "/a long name, for once", NULL});
    for (int round = 0; round < 2; round++) {
        for (size_t len = 0; len < sizeof whole - 1; len++) {
            assert_false(run(&f, (weir_view){whole, len}, &block));
            free(block);
        }
        assert_true(run(&f, VIEW(whole), &block));
        free(block);
    }
    assert_false(run(&f, VIEW("{\"c\":1}}"), &block));
    free(block);
    arena_free(&f.arena);
}

static void bad_pointers(void **state)
{
    (void)state;
    arena a = {0};
    err e = {0};
    picker *p = NULL;
    weir_view list[] = {VIEW("/ok"), VIEW("not")};
    assert_int_equal(picker_make(&a, list, 2, &p, &e), WEIR_E_CONFIG);
    assert_non_null(strstr(err_text(&e), "\"not\""));
    buf deep = {0};
    for (int i = 0; i < JSON_DEPTH; i++)
        buf_addc(&deep, '/');
    list[1] = buf_view(&deep);
    assert_int_equal(picker_make(&a, list, 2, &p, &e), WEIR_OK);
    buf_addc(&deep, '/');
    list[1] = buf_view(&deep);
    assert_int_equal(picker_make(&a, list, 2, &p, &e), WEIR_E_CONFIG);
    buf_free(&deep);
    err_free(&e);
    arena_free(&a);
}

static void depth(void **state)
{
    (void)state;
    fixture f = {0};
    buf doc = {0};
    weir_view deepest;
    err e = {0};
    for (int i = 0; i < JSON_DEPTH; i++)
        buf_adds(&doc, "/0");
    deepest = arena_dup(&f.arena, buf_view(&doc));
    buf_clear(&doc);
    assert_int_equal(picker_make(&f.arena, &deepest, 1, &f.picker, &e), WEIR_OK);
    for (int i = 0; i < JSON_DEPTH; i++)
        buf_addc(&doc, '[');
    buf_addc(&doc, '7');
    for (int i = 0; i < JSON_DEPTH; i++)
        buf_addc(&doc, ']');
    assert_true(picker_run(f.picker, buf_view(&doc), f.values));
    assert_int_equal(f.values[0].len, 1);
    doc.ptr[JSON_DEPTH] = '[';
    buf_adds(&doc, "]");
    assert_false(picker_run(f.picker, buf_view(&doc), f.values));
    buf_free(&doc);
    arena_free(&f.arena);
}

/* ------------------------------------------------------------------------------------------------- against pointer_find -- */

static uint64_t seed = 1;

static unsigned pick_random(unsigned below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(seed >> 33) % below;
}

static void random_value(buf *out, int levels)
{
    static const char *const scalars[] = {"1",
                                          "-0.25",
                                          "1e9",
                                          "true",
                                          "false",
                                          "null",
                                          "\"\"",
                                          "\"text\"",
                                          "\"esc\\n\\u0041\"",
                                          "\"\xe2\x82\xac and more than sixteen bytes\"",
                                          "12345678901234567890",
                                          "\"a,b}]\""};
    static const char *const names[] = {"a", "b", "c", "\\u0061", "0", "1", "", "name of twenty bytes", "a\\u002fb", "~"};
    unsigned kind = levels ? pick_random(3) : 0, count = pick_random(5);
    if (kind == 0) {
        buf_adds(out, scalars[pick_random(sizeof scalars / sizeof *scalars)]);
        return;
    }
    buf_addc(out, kind == 1 ? '{' : '[');
    for (unsigned i = 0; i < count; i++) {
        buf_adds(out, i ? pick_random(4) ? "," : " , " : "");
        if (kind == 1)
            buf_printf(out, "\"%s\"%s", names[pick_random(sizeof names / sizeof *names)], pick_random(4) ? ":" : " :\n");
        random_value(out, levels - 1);
    }
    buf_addc(out, kind == 1 ? '}' : ']');
}

static void same_as_pointer_find(void **state)
{
    (void)state;
    static const char *const pointers[] = {
        "/a", "/a/b", "/a/b/c", "/b/0", "/b/1/a", "/0", "/", "/a~1b/~0", "/name of twenty bytes", "", "/c/name of twenty bytes/1",
        NULL};
    fixture f = {0};
    buf doc = {0};
    size_t accepted = 0, found = 0;
    make(&f, pointers);
    for (int round = 0; round < 20000; round++) {
        char *block;
        buf_clear(&doc);
        random_value(&doc, 4);
        if (pick_random(4) == 0) /* damage it: the picker must notice whatever the scanner notices */
            doc.ptr[pick_random((unsigned)doc.len)] = "{}[],:\"\\ 0a\x80\x01"[pick_random(13)];
        bool valid = json_check(buf_view(&doc), NULL, NULL);
        assert_int_equal(run(&f, buf_view(&doc), &block), valid);
        accepted += valid;
        for (size_t i = 0; valid && i < f.count; i++) {
            weir_view want = pointer_find(buf_view(&doc), view_of(pointers[i]));
            assert_int_equal(f.values[i].len, want.len);
            if (want.len)
                assert_int_equal(f.values[i].ptr - block, want.ptr - doc.ptr);
            found += want.len != 0 && i != 9;
        }
        free(block);
    }
    assert_in_range(accepted, 15000, 19990);
    assert_true(found > 5000);
    buf_free(&doc);
    arena_free(&f.arena);
}

static void without_memory(void **state)
{
    (void)state;
    static const weir_view pointers[] = {WEIR_LIT("/a/b"), WEIR_LIT("/c~1d"), WEIR_LIT("/l/0")};
    bool again = true;
    char large[3000] = "/";
    memset(large + 1, 'x', sizeof large - 1);
    for (size_t n = 0; again; n++) {
        arena a = {0};
        err e = {0};
        picker *p;
        weir_view list[] = {pointers[0], pointers[1], pointers[2], {large, sizeof large}}, values[4];
        fault_at(FAULT_ALLOC, n, ENOMEM);
        weir_rc rc = picker_make(&a, list, 4, &p, &e);
        again = fault_clear();
        assert_int_equal(rc, again ? WEIR_E_NOMEM : WEIR_OK);
        if (!rc) {
            fault_from(FAULT_ALLOC, 0, ENOMEM); /* running needs none */
            assert_true(picker_run(p, VIEW("{\"c\\u002fd\":1,\"l\":[7]}"), values));
            assert_false(fault_clear());
            assert_int_equal(values[1].len + values[2].len, 2);
        }
        err_free(&e);
        arena_free(&a);
    }
}

/* Members that nobody wants, of the document itself. */
static void test_stray(void **state)
{
    (void)state;
    static const struct {
        const char *doc, *stray;
    } cases[] = {
        {"{\"a\":1,\"b\":{\"c\":2}}", ""},   {"{\"b\":{\"x\":1,\"c\":2}}", ""}, {"{\"a\":1,\"x\":2,\"b\":3}", "x"},
        {"{\"y\\\"\":[{\"a\":1}]}", "y\\\""}, {"{}", ""},                       {"[1]", ""},
    };
    arena a = {0};
    err e = {0};
    picker *p;
    weir_view values[2];
    assert_int_equal(picker_make(&a, (weir_view[]){VIEW("/a"), VIEW("/b/c")}, 2, &p, &e), WEIR_OK);
    for (int turn = 0; turn < 2; turn++)
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            assert_true(picker_run(p, view_of(cases[i].doc), values));
            assert_true(view_is(picker_stray(p), cases[i].stray));
        }
    arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stray),
        cmocka_unit_test(flat),
        cmocka_unit_test(nested),
        cmocka_unit_test(repeated_members),
        cmocka_unit_test(escaped_names),
        cmocka_unit_test(malformed),
        cmocka_unit_test(bad_pointers),
        cmocka_unit_test(depth),
        cmocka_unit_test(same_as_pointer_find),
        cmocka_unit_test(without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
