/* Expected values: RFC 8259; json_check() for what is JSON at all; the values of documents that the test makes itself. */
#include "json/helpers.h"

#include <errno.h>
#include <stdio.h>

#include "doc/tape.h"
#include "fault.h"
#include "json/scan.h"

static tape read_ok(const char *text)
{
    tape t = {0};
    err e = {0};
    weir_rc rc = tape_read(&t, view_of(text), &e);
    if (rc)
        print_error("%s: %s\n", text, err_text(&e));
    assert_int_equal(rc, WEIR_OK);
    err_free(&e);
    return t;
}

static void test_nodes(void **state)
{
    (void)state;
    tape t = read_ok(" {\"a\" : [1, -2.5e3,true] ,\"b\\n\":\"x\\u0041\",\"c\":{},\"d\":null , \"e\":false} ");
    static const struct {
        tree_kind kind;
        const char *text, *name;
        uint32_t next, count;
        bool escaped, name_escaped, yes;
    } expected[] = {
        {TREE_OBJECT, "{\"a\" : [1, -2.5e3,true] ,\"b\\n\":\"x\\u0041\",\"c\":{},\"d\":null , \"e\":false}", "", 9, 5, false, false, false},
        {TREE_ARRAY, "[1, -2.5e3,true]", "a", 5, 3, false, false, false},
        {TREE_NUMBER, "1", "", 3, 0, false, false, false},
        {TREE_NUMBER, "-2.5e3", "", 4, 0, false, false, false},
        {TREE_BOOL, "true", "", 5, 0, false, false, true},
        {TREE_STRING, "\"x\\u0041\"", "b\\n", 6, 0, true, true, false},
        {TREE_OBJECT, "{}", "c", 7, 0, false, false, false},
        {TREE_NULL, "null", "d", 8, 0, false, false, false},
        {TREE_BOOL, "false", "e", 9, 0, false, false, false},
    };
    assert_int_equal(t.count, sizeof expected / sizeof *expected);
    for (uint32_t i = 0; i < t.count; i++) {
        assert_int_equal(t.nodes[i].kind, expected[i].kind);
        assert_view(tape_text(&t, i), view_of(expected[i].text));
        assert_view(tape_name(&t, i), view_of(expected[i].name));
        assert_int_equal(t.nodes[i].next, expected[i].next);
        assert_int_equal(t.nodes[i].count, expected[i].count);
        assert_int_equal(t.nodes[i].escaped, expected[i].escaped);
        assert_int_equal(t.nodes[i].name_escaped, expected[i].name_escaped);
        assert_int_equal(t.nodes[i].yes, expected[i].yes);
    }
    tape_free(&t);
}

/* Every text is one that json_check() takes, or it is refused. */
static void test_grammar(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "", " ", "1", "01", "-", "1.", "1e", "tru", "true", "nul", "\"", "\"\\x\"", "\"\x01\"", "\"\xff\"", "\"\xc3\xa4\"", "[", "[]", "[1", "[1,]", "[,1]", "[1 2]", "{", "{}", "{1:2}",
        "{\"a\"}", "{\"a\":}", "{\"a\":1", "{\"a\":1,}", "{\"a\":1]", "[1}", "[1]]", "1 2", "{\"a\":1}x", "\"\\ud800\"", "[[[[[]]]]]", "{\"a\":{\"b\":[{}]}}", "\x01", "[\x0b]",
    };
    tape t = {0};
    err e = {0};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        weir_view text = guarded(view_of(texts[i]));
        bool good = json_check(text, NULL, NULL);
        assert_int_equal(tape_read(&t, text, &e), good ? WEIR_OK : WEIR_E_CONFIG);
        guarded_free(text);
    }
    assert_int_equal(tape_read(&t, VIEW("[1, 2 3]"), &e), WEIR_E_CONFIG);
    assert_string_equal(err_text(&e), "expected , or ] in an array at byte 6");
    err_free(&e);
    tape_free(&t);
}

static void test_depth(void **state)
{
    (void)state;
    tape t = {0};
    err e = {0};
    for (size_t depth = JSON_DEPTH; depth <= JSON_DEPTH + 1; depth++) {
        buf text = {0};
        for (size_t i = 0; i < depth; i++)
            buf_addc(&text, '[');
        for (size_t i = 0; i < depth; i++)
            buf_addc(&text, ']');
        assert_int_equal(tape_read(&t, buf_view(&text), &e), depth == JSON_DEPTH ? WEIR_OK : WEIR_E_CONFIG);
        buf_free(&text);
    }
    err_free(&e);
    tape_free(&t);
}

/* Appends a value as the tape has it. */
static void put(const tape *t, uint32_t node, buf *out)
{
    const tape_node *v = &t->nodes[node];
    if (v->kind < TREE_ARRAY) {
        buf_addv(out, tape_text(t, node));
        return;
    }
    buf_addc(out, v->kind == TREE_OBJECT ? '{' : '[');
    for (uint32_t i = node + 1; i < v->next; i = t->nodes[i].next) {
        if (i > node + 1)
            buf_addc(out, ',');
        if (v->kind == TREE_OBJECT)
            buf_printf(out, "\"%.*s\":", VIEW_ARG(tape_name(t, i)));
        put(t, i, out);
    }
    buf_addc(out, v->kind == TREE_OBJECT ? '}' : ']');
}

static void check_repeats(tape *t, const char *text, const char *expected)
{
    err e = {0};
    buf out = {0};
    assert_int_equal(tape_read(t, view_of(text), &e), WEIR_OK);
    put(t, 0, &out);
    assert_view(buf_view(&out), view_of(expected));
    for (uint32_t i = 0; i < t->count; i++) {
        uint32_t children = 0;
        for (uint32_t k = i + 1; k < t->nodes[i].next; k = t->nodes[k].next)
            children++;
        assert_int_equal(children, t->nodes[i].count);
    }
    buf_free(&out);
    err_free(&e);
}

static void test_repeats(void **state)
{
    (void)state;
    tape t = {0};
    check_repeats(&t, "{\"a\":1,\"b\":2,\"a\":3}", "{\"a\":3,\"b\":2}");
    check_repeats(&t, "{\"a\":[1,2,3],\"b\":2,\"a\":{\"x\":1,\"y\":2,\"x\":[]},\"c\":4}", "{\"a\":{\"x\":[],\"y\":2},\"b\":2,\"c\":4}");
    check_repeats(&t, "[{\"\":1,\"\":2},{\"a\":{\"a\":1,\"a\":2},\"a\":{\"a\":3,\"a\":4}}]", "[{\"\":2},{\"a\":{\"a\":4}}]");
    check_repeats(&t, "{\"a\":1,\"\\u0061\":2}", "{\"\\u0061\":2}");
    check_repeats(&t, "{\"\\u0061\":1,\"\\u0061b\":0,\"a\":2}", "{\"a\":2,\"\\u0061b\":0}");
    check_repeats(&t, "{\"\\ud800\":1,\"\\ud801\":2}", "{\"\\ud800\":1,\"\\ud801\":2}");
    tape_free(&t);
}

/* Objects of any size, with one name that repeats, or none. */
static void test_repeats_in_large_objects(void **state)
{
    (void)state;
    tape t = {0};
    for (size_t count = 1; count < 100; count++) {
        for (size_t other = 0; other <= count; other += 7) {
            buf text = {0}, expected = {0};
            for (size_t i = 0; i < count; i++) {
                buf_printf(&text, "%c\"%s%zu\":%zu", i ? ',' : '{', i % 2 ? "name_" : "n", i, i);
                buf_printf(&expected, "%c\"%s%zu\":%zu", i ? ',' : '{', i % 2 ? "name_" : "n", i, i == other ? 1000 : i);
            }
            if (other < count)
                buf_printf(&text, ",\"%s%zu\":1000", other % 2 ? "name_" : "n", other);
            buf_addc(&text, '}');
            buf_addc(&expected, '}');
            check_repeats(&t, buf_text(&text), buf_text(&expected));
            buf_free(&text);
            buf_free(&expected);
        }
    }
    tape_free(&t);
}

static void test_looking(void **state)
{
    (void)state;
    tape t = read_ok("{\"a\":{\"b\":[10,{\"c\":1}],\"t\\u0079pe\":2},\"x/y~z\":[3]}");
    assert_int_equal(tape_member(&t, 0, VIEW("a")), 1);
    assert_int_equal(tape_member(&t, 1, VIEW("type")), 6);
    assert_int_equal(tape_member(&t, 0, VIEW("b")), 0);
    assert_int_equal(tape_member(&t, 2, VIEW("b")), 0);
    const weir_view c[] = {VIEW("a"), VIEW("b"), VIEW("1"), VIEW("c")};
    assert_int_equal(tape_at(&t, 0, c, 4), 5);
    assert_int_equal(tape_at(&t, 1, c + 1, 2), 4);
    assert_int_equal(tape_at(&t, 0, c, 0), 0);
    const weir_view out[] = {VIEW("a"), VIEW("b"), VIEW("2")}, none[] = {VIEW("a"), VIEW("b"), VIEW("-")};
    assert_int_equal(tape_at(&t, 0, out, 3), UINT32_MAX);
    assert_int_equal(tape_at(&t, 0, none, 3), UINT32_MAX);
    static const char *const pointers[] = {"", "/a", "/a/b", "/a/b/0", "/a/b/1", "/a/b/1/c", "/a/type", "/x~1y~0z", "/x~1y~0z/0"};
    assert_int_equal(t.count, 9);
    for (uint32_t i = 0; i < t.count; i++) {
        buf p = {0};
        tape_pointer(&t, i, &p);
        assert_view(buf_view(&p), view_of(pointers[i]));
        buf_free(&p);
    }
    tape_free(&t);
}

/* ------------------------------------------------------------------------------------------------------------ comparing -- */

/* In ascending order (flow.md 8.2); those of one line are equal. */
static const char *const ordered[][3] = {
    {"null", " null "},
    {"false"},
    {"true"},
    {"-1e400", "-10e399"},
    {"-1"},
    {"0", "-0", "0.0e5"},
    {"0.1", "1e-1", "0.10"},
    {"9007199254740992"},
    {"9007199254740993", "9007199254740993.0", "9.007199254740993e15"},
    {"123456789012345678901234567890123456789"},
    {"123456789012345678901234567890123456789.00001"},
    {"\"\""},
    {"\"A\"", "\"\\u0041\"", "\"\\u0041\""},
    {"\"a\""},
    {"\"a\\u0000\""},
    {"\"ab\"", "\"\\u0061\\u0062\""},
    {"\"\xc3\xa4\"", "\"\\u00e4\""},
    {"\"\xef\xbf\xbf\"", "\"\\uffff\""},
    {"\"\xf0\x9f\x98\x80\"", "\"\\ud83d\\ude00\""},
    {"[]", "[ ]"},
    {"[null]"},
    {"[1]", "[1.0]"},
    {"[1,0]"},
    {"[2]"},
    {"{}"},
    {"{\"a\":1}", "{\"\\u0061\":1e0}"},
    {"{\"a\":1,\"b\":1}", "{\"b\":1,\"a\":1}"},
    {"{\"a\":1,\"c\":0}", "{\"c\":0,\"a\":1}"},
    {"{\"a\":2}"},
    {"{\"b\":0}"},
};

static void check_pair(const char *a, const char *b, int order)
{
    tape x = read_ok(a), y = read_ok(b);
    if (order == 0)
        assert_true(tape_hash(&x, 0, 5) == tape_hash(&y, 0, 5));
    else
        assert_true(tape_hash(&x, 0, 5) != tape_hash(&y, 0, 5)); /* of these few */
    if (tape_compare(&x, 0, &y, 0) != order || tape_equal(&x, 0, &y, 0) != (order == 0))
        fail_msg("%s, %s: order %d (expected %d), equal %d", a, b, tape_compare(&x, 0, &y, 0), order, tape_equal(&x, 0, &y, 0));
    tape_free(&x);
    tape_free(&y);
}

static void test_order(void **state)
{
    (void)state;
    size_t count = sizeof ordered / sizeof *ordered;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < count; k++)
            for (size_t p = 0; p < 3 && ordered[i][p]; p++)
                for (size_t q = 0; q < 3 && ordered[k][q]; q++)
                    check_pair(ordered[i][p], ordered[k][q], (i > k) - (i < k));
}

static void members_in_any_order(buf *out, uint64_t *seed, size_t count, size_t last)
{
    size_t at = roll(seed, count), step = 1; /* a step that has no divisor in common visits all */
    for (size_t i = 2; i < count; i++)
        if (count % i && (i % 2 || count % 2) && (i % 3 || count % 3) && (i % 5 || count % 5) && (i % 7 || count % 7))
            step = i;
    buf_addc(out, '{');
    for (size_t i = 0; i < count; i++, at = (at + step) % count)
        buf_printf(out, "%s\"k%03zu\":%zu", i ? "," : "", at, at == count - 1 ? last : at);
    buf_addc(out, '}');
}

static void check_large(size_t count, uint64_t *seed)
{
    buf a = {0}, b = {0}, c = {0};
    members_in_any_order(&a, seed, count, 1);
    members_in_any_order(&b, seed, count, 1);
    members_in_any_order(&c, seed, count, 2);
    check_pair(buf_text(&a), buf_text(&b), 0);
    check_pair(buf_text(&a), buf_text(&c), -1);
    check_pair(buf_text(&c), buf_text(&b), 1);
    buf_free(&a);
    buf_free(&b);
    buf_free(&c);
}

static void test_large_objects_compare(void **state)
{
    (void)state;
    uint64_t seed = 1;
    for (size_t count = 1; count < 130; count++)
        check_large(count, &seed);
}

/* Without memory objects are compared all the same. */
static void test_compare_without_memory(void **state)
{
    (void)state;
    uint64_t seed = 2;
    buf a = {0}, b = {0};
    members_in_any_order(&a, &seed, 101, 1);
    members_in_any_order(&b, &seed, 101, 2);
    tape x = read_ok(buf_text(&a)), y = read_ok(buf_text(&b));
    fault_from(FAULT_ALLOC, 0, ENOMEM);
    int order = tape_compare(&x, 0, &y, 0);
    bool equal = tape_equal(&x, 0, &x, 0), other = tape_equal(&x, 0, &y, 0);
    fault_clear();
    assert_int_equal(order, -1);
    assert_true(equal);
    assert_false(other);
    tape_free(&x);
    tape_free(&y);
    buf_free(&a);
    buf_free(&b);
}

static void test_memory(void **state)
{
    (void)state;
    buf text = {0};
    members_in_any_order(&text, &(uint64_t){3}, 80, 1);
    text.len--;
    buf_adds(&text, ",\"\\u006b000\":{\"x\":1,\"x\":2}}");
    bool again = true;
    for (size_t n = 0; again; n++) {
        tape t = {0};
        err e = {0};
        fault_at(FAULT_ALLOC, n, ENOMEM);
        weir_rc rc = tape_read(&t, buf_view(&text), &e);
        again = fault_clear();
        assert_int_equal(rc, again ? WEIR_E_NOMEM : WEIR_OK);
        err_free(&e);
        tape_free(&t);
    }
    buf_free(&text);
}

/* Once it has grown, nothing is allocated. */
static void test_no_allocation(void **state)
{
    (void)state;
    tape t = read_ok("{\"a\":[1,2,{\"b\":\"c\"}],\"d\":{\"e\":1,\"e\":2},\"\\u0066\":1}");
    err e = {0};
    fault_from(FAULT_ALLOC, 0, ENOMEM);
    for (int i = 0; i < 3; i++)
        assert_int_equal(tape_read(&t, VIEW("{\"a\":[1,2,{\"b\":\"c\"}],\"d\":{\"e\":1,\"e\":2},\"\\u0066\":1}"), &e), WEIR_OK);
    assert_false(fault_clear());
    err_free(&e);
    tape_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nodes),
        cmocka_unit_test(test_grammar),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_repeats),
        cmocka_unit_test(test_repeats_in_large_objects),
        cmocka_unit_test(test_looking),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_large_objects_compare),
        cmocka_unit_test(test_compare_without_memory),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_no_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
