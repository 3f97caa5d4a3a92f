/* map: a table of outside keys, its hash, the nearest word. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/map.h"
#include "fault.h"

/* With a seed of 0 the hash is SipHash-1-3 with a key of zeros: what CPython 3.11 computes for bytes under PYTHONHASHSEED=0. */
static void hash_is_siphash_1_3(void **state)
{
    (void)state;
    static const struct {
        size_t len;
        uint64_t hash;
    } known[] = {
        {1, 0x44bc103b1f8540ed},  {2, 0x59c293a98a99f70b},   {3, 0x711b47561b9b33e2},  {4, 0xd18e60eb59380f69},
        {5, 0x4983680039fb2f34},  {6, 0xb646f9a3ed9bf441},   {7, 0x9fff4ac9ef420232},  {8, 0xcaf590d4e8867659},
        {9, 0xdbc958e03a783083},  {10, 0x0940e301a509d222},  {11, 0x55e4be449d0a4167}, {12, 0xedf2e77f22f2c675},
        {13, 0x776c61d049da5825}, {14, 0x9997e340c31a8aa6},  {15, 0xade679b8aedd64c4}, {16, 0xd16eb79de4d128d0},
        {17, 0x64aa3c973ae91df5}, {31, 0xe7bfc3e032e8eec3},  {32, 0x28800d68bca87613}, {33, 0xeb48ef9f48e7f55c},
        {64, 0x5567a64c7eaaba34}, {100, 0xe7e90a1389544e65},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        char bytes[101];
        for (size_t k = 0; k < known[i].len; k++)
            bytes[k + 1] = (char)(k * 7 + known[i].len); /* off the alignment */
        assert_true(map_hash(0, (weir_view){bytes + 1, known[i].len}) == known[i].hash);
        assert_true(map_hash(1, (weir_view){bytes + 1, known[i].len}) != known[i].hash);
    }
    assert_true(map_hash(5, (weir_view){0}) == map_hash(5, VIEW("")));
}

static void an_empty_map_has_nothing(void **state)
{
    (void)state;
    map m = {0};
    assert_null(map_get(&m, VIEW("x")));
    assert_null(map_get(&m, (weir_view){0}));
    map_free(&m);
    map_free(&m);
}

static void values_are_found_and_replaced(void **state)
{
    (void)state;
    int one = 1, two = 2, three = 3;
    map m = {0};
    assert_true(map_put(&m, VIEW("one"), &one));
    assert_true(map_put(&m, VIEW(""), &two));
    assert_true(map_put(&m, (weir_view){"a\0b", 3}, &three));
    assert_ptr_equal(map_get(&m, VIEW("one")), &one);
    assert_ptr_equal(map_get(&m, (weir_view){0}), &two);
    assert_ptr_equal(map_get(&m, (weir_view){"a\0b", 3}), &three);
    assert_null(map_get(&m, VIEW("a")));
    assert_null(map_get(&m, VIEW("ones")));
    assert_true(map_put(&m, VIEW("one"), &two));
    assert_ptr_equal(map_get(&m, VIEW("one")), &two);
    assert_int_equal(m.count, 3);
    assert_true(map_put(&m, VIEW("one"), NULL)); /* a value of NULL is there, too */
    assert_int_equal(m.count, 3);
    assert_null(map_get(&m, VIEW("one")));
    map_free(&m);
}

static void many_keep_their_order(void **state)
{
    (void)state;
    enum { MANY = 20000 };
    map m = {0};
    arena a = {0};
    for (intptr_t i = 0; i < MANY; i++)
        assert_true(map_put(&m, arena_printf(&a, "key %d", (int)(i * 7919 % MANY)), (void *)(i + 1)));
    assert_int_equal(m.count, MANY);
    for (intptr_t i = 0; i < MANY; i++) {
        char text[32];
        snprintf(text, sizeof text, "key %d", (int)(i * 7919 % MANY));
        assert_ptr_equal(map_get(&m, view_of(text)), (void *)(i + 1));
        assert_true(view_is(m.entries[i].key, text));
    }
    assert_null(map_get(&m, VIEW("key 20000")));
    map_free(&m);
    arena_free(&a);
}

static void each_map_has_its_seed(void **state)
{
    (void)state;
    map a = {0}, b = {0};
    assert_true(map_put(&a, VIEW("x"), &a) && map_put(&b, VIEW("x"), &b));
    assert_true(a.seed != b.seed);
    map_free(&a);
    map_free(&b);
}

static void without_memory_it_stays_as_it_was(void **state)
{
    (void)state;
    static const char *const keys[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q", "r"};
    enum { KEYS = sizeof keys / sizeof *keys };
    for (size_t n = 0, again = 1; again; n++) {
        map m = {0};
        fault_at(FAULT_ALLOC, n, ENOMEM);
        size_t put = 0;
        while (put < KEYS && map_put(&m, view_of(keys[put]), (void *)keys[put]))
            put++;
        again = fault_clear();
        assert_int_equal(put < KEYS, again);
        assert_int_equal(m.count, put);
        for (size_t i = 0; i < KEYS; i++)
            assert_ptr_equal(map_get(&m, view_of(keys[i])), i < put ? keys[i] : NULL);
        for (size_t i = 0; i < put; i++) /* replacing needs no memory */
            assert_true(map_put(&m, view_of(keys[i]), NULL));
        for (; put < KEYS; put++)
            assert_true(map_put(&m, view_of(keys[put]), NULL));
        assert_int_equal(m.count, KEYS);
        map_free(&m);
    }
}

static void replacing_in_a_full_table_needs_no_memory(void **state)
{
    (void)state;
    map m = {0};
    char keys[64];
    do {
        keys[m.count] = (char)('0' + m.count);
        assert_true(map_put(&m, (weir_view){keys + m.count, 1}, NULL));
    } while (m.count < m.room);
    fault_from(FAULT_ALLOC, 0, ENOMEM);
    assert_true(map_put(&m, (weir_view){keys, 1}, keys));
    assert_false(fault_clear());
    assert_ptr_equal(map_get(&m, VIEW("0")), keys);
    map_free(&m);
}

/* ------------------------------------------------------------------------------------------------------------ nearest -- */

static const char *const words[] = {"captures",    "collections",
                                    "derivations", "materializations",
                                    "import",      "tests",
                                    "key",         "id",
                                    "x",           "acmeCo/very/long/prefix/that/is/much/longer/than/any/row/of/a/table/orders"};

static void expect_nearest(const char *word, const char *expected)
{
    const char *got = map_nearest(view_of(word), words, sizeof words / sizeof *words);
    if (got != expected && (!got || !expected || strcmp(got, expected) != 0))
        fail_msg("nearest to \"%s\" is %s, not %s", word, got ? got : "nothing", expected ? expected : "nothing");
}

static void slips_are_recognised(void **state)
{
    (void)state;
    expect_nearest("captures", "captures");
    expect_nearest("capture", "captures");
    expect_nearest("Captures", "captures");
    expect_nearest("CAPTURE", "captures");
    expect_nearest("catpures", "captures");
    expect_nearest("colections", "collections");
    expect_nearest("colelctions", "collections");
    expect_nearest("materialisations", "materializations");
    expect_nearest("materialization", "materializations");
    expect_nearest("imports", "import");
    expect_nearest("kye", "key");
    expect_nearest("keys", "key");
    expect_nearest("ID", "id");
    expect_nearest("acmeCo/very/long/prefix/that/is/much/longer/than/any/row/of/a/table/order", words[9]);
    expect_nearest("cmeCo/very/long/prefix/thta/is/much/longer/than/any/row/of/a/table/orders", words[9]);
}

static void other_words_are_not(void **state)
{
    (void)state;
    expect_nearest("", NULL);
    expect_nearest("y", NULL);
    expect_nearest("ab", NULL);
    expect_nearest("dog", NULL);
    expect_nearest("endpoint", NULL);
    expect_nearest("a", NULL);
    expect_nearest("testify", NULL); /* 3 edits of 7 letters */
    expect_nearest("acmeCo/quite/another/prefix/that/is/much/longer/than/any/row/of/a/table/orders", NULL);
    assert_null(map_nearest(VIEW("x"), NULL, 0));
    assert_null(map_nearest((weir_view){0}, words, 1));
}

static void the_first_of_equals_wins(void **state)
{
    (void)state;
    static const char *const equals[] = {"bald", "bold", "bild"};
    assert_string_equal(map_nearest(VIEW("beld"), equals, 3), "bald");
    assert_string_equal(map_nearest(VIEW("bild"), equals, 3), "bild");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hash_is_siphash_1_3),
        cmocka_unit_test(an_empty_map_has_nothing),
        cmocka_unit_test(values_are_found_and_replaced),
        cmocka_unit_test(many_keep_their_order),
        cmocka_unit_test(each_map_has_its_seed),
        cmocka_unit_test(without_memory_it_stays_as_it_was),
        cmocka_unit_test(replacing_in_a_full_table_needs_no_memory),
        cmocka_unit_test(slips_are_recognised),
        cmocka_unit_test(other_words_are_not),
        cmocka_unit_test(the_first_of_equals_wins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
