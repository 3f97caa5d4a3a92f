/* Expected bytes come from the Python binding of FoundationDB (package foundationdb 8.0.0, fdb.tuple.pack), whose layer this is. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "json/number.h"
#include "json/scan.h"
#include "json/text.h"
#include "model/tuple.h"

static void hex_of(weir_view bytes, buf *out)
{
    for (size_t i = 0; i < bytes.len; i++)
        buf_printf(out, "%02x", (unsigned char)bytes.ptr[i]);
}

static void bytes_of(const char *hex, buf *out)
{
    for (; *hex; hex += 2) {
        unsigned byte;
        assert_int_equal(sscanf(hex, "%2x", &byte), 1);
        buf_addc(out, (char)byte);
    }
}

static void assert_packs(const char *json, const char *hex)
{
    buf packed = {0}, shown = {0};
    assert_true(tuple_pack(&packed, view_of(json)));
    hex_of(buf_view(&packed), &shown);
    assert_string_equal(buf_text(&shown), hex);
    buf_free(&packed);
    buf_free(&shown);
}

static void assert_unpacks(const char *hex, const char *json)
{
    buf packed = {0}, text = {0};
    err e = {0};
    bytes_of(hex, &packed);
    assert_int_equal(tuple_unpack(&text, buf_view(&packed), &e), WEIR_OK);
    assert_string_equal(buf_text(&text), json);
    buf_free(&packed);
    buf_free(&text);
    err_free(&e);
}

static const struct {
    const char *json, *hex, *back;
} vectors[] = {
    {"null", "00", NULL},
    {"true", "27", NULL},
    {"false", "26", NULL},
    {"0", "14", NULL},
    {"1", "1501", NULL},
    {"-1", "13fe", NULL},
    {"255", "15ff", NULL},
    {"256", "160100", NULL},
    {"-255", "1300", NULL},
    {"-256", "12feff", NULL},
    {"65535", "16ffff", NULL},
    {"65536", "17010000", NULL},
    {"-65535", "120000", NULL},
    {"-65536", "11feffff", NULL},
    {"16777215", "17ffffff", NULL},
    {"16777216", "1801000000", NULL},
    {"-16777216", "10feffffff", NULL},
    {"4294967295", "18ffffffff", NULL},
    {"4294967296", "190100000000", NULL},
    {"-4294967296", "0ffeffffffff", NULL},
    {"1099511627775", "19ffffffffff", NULL},
    {"1099511627776", "1a010000000000", NULL},
    {"281474976710656", "1b01000000000000", NULL},
    {"-281474976710656", "0dfeffffffffffff", NULL},
    {"72057594037927936", "1c0100000000000000", NULL},
    {"9223372036854775807", "1c7fffffffffffffff", NULL},
    {"-9223372036854775808", "0c7fffffffffffffff", NULL},
    {"9223372036854775808", "1c8000000000000000", NULL},
    {"18446744073709551614", "1cfffffffffffffffe", NULL},
    {"-18446744073709551614", "0c0000000000000001", NULL},
    {"18446744073709551616", "1d09010000000000000000", NULL},
    {"-18446744073709551616", "0bf6feffffffffffffffff", NULL},
    {"123456789012345678", "1c01b69b4ba630f34e", NULL},
    {"1234567890123456789", "1c112210f47de98115", NULL},
    {"-99999999999999999999", "0bf6fa9438a1d29cf00000", NULL},
    {"340282366920938463463374607431768211456", "1d110100000000000000000000000000000000", NULL},
    {"-340282366920938463463374607431768211455", "0bef00000000000000000000000000000000", NULL},
    {"0.5", "21bfe0000000000000", NULL},
    {"-0.5", "21401fffffffffffff", NULL},
    {"3.14159", "21c00921f9f01b866e", NULL},
    {"-3.14159", "213ff6de060fe47991", NULL},
    {"1e-300", "2181a56e1fc2f8f359", NULL},
    {"-1e-300", "217e5a91e03d070ca6", NULL},
    {"\"\"", "0200", NULL},
    {"\"a\"", "026100", NULL},
    {"\"hello world\"", "0268656c6c6f20776f726c6400", NULL},
    {"\"a\\u0000b\"", "026100ff6200", NULL},
    {"\"\\u0000\"", "0200ff00", NULL},
    {"\"\\u00e9\\ud83d\\ude00\"", "02c3a9f09f988000", "[\"\303\251\360\237\230\200\"]"},
    {"\"\303\251\360\237\230\200\"", "02c3a9f09f988000", NULL},
    {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "02225c2f080c0a0d0900", "[\"\\\"\\\\/\\b\\f\\n\\r\\t\"]"},
    {"{}", "017b7d00", NULL},
    {"[]", "015b5d00", NULL},
    {"{\"a\":[1,2,{\"b\":null}]}", "017b2261223a5b312c322c7b2262223a6e756c6c7d5d7d00", NULL},
    {"[1,\"x\",null]", "015b312c2278222c6e756c6c5d00", NULL},
    {"\"{}\"", "027b7d00", NULL},
    {"1e0", "1501", "[1]"},
    {"1.0", "1501", "[1]"},
    {"1e3", "1603e8", "[1000]"},
    {"12.50E1", "157d", "[125]"},
    {"-0", "14", "[0]"},
    {"-0.0", "14", "[0]"},
    {"0.000e5", "14", "[0]"},
    {"10e-1", "1501", "[1]"},
    {"1e20", "1d09056bc75e2d63100000", "[100000000000000000000]"},
    {"-123.456e3", "11fe1dbf", "[-123456]"},
    {"1e40", "1d111d6329f1c35ca4bfabb9f5610000000000", "[10000000000000000000000000000000000000000]"},
    {" [ 1 , { \"a\" : 2 } ] ", "015b312c7b2261223a327d5d00", "[[1,{\"a\":2}]]"},
    {"10000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000",
     "1d2a1249ad2594c37ceb0b2784c4ce0bf38ace408e211a7caab24308a82e8f10000000000000000000000000", NULL},
    {"-10000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000",
     "0bd5edb652da6b3c8314f4d87b3b31f40c7531bf71dee583554dbcf757d170efffffffffffffffffffffffff", NULL},
    {"126238304966058622268417487065116999845484776053576109500509161826268184136202698801551568013761380"
     "7175340545348511641386489045279316051605276880952595636059399643647160195159833992099624595785421721"
     "0014993776393858121960407273342250718005600967254090070955410951681657377959332633228831487325155907"
     "7853068444977864803391962580800682760017849589281937637993445539366428356761821065267423102149447628"
     "3756918622107172020252416303031185591886783043140769438016925282469809597059016414442388949286208254"
     "8230343180695569022630877342682950390093052939518120873959196719584153605314314577530705059432888107"
     "7553168201547775",
     "1dffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
     "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
     "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
     "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
     "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
     "ffffffffffffff",
     NULL},
    {"-12623830496605862226841748706511699984548477605357610950050916182626818413620269880155156801376138"
     "0717534054534851164138648904527931605160527688095259563605939964364716019515983399209962459578542172"
     "1001499377639385812196040727334225071800560096725409007095541095168165737795933263322883148732515590"
     "7785306844497786480339196258080068276001784958928193763799344553936642835676182106526742310214944762"
     "8375691862210717202025241630303118559188678304314076943801692528246980959705901641444238894928620825"
     "4823034318069556902263087734268295039009305293951812087395919671958415360531431457753070505943288810"
     "77553168201547775",
     "0b00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
     "0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
     "0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
     "0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
     "0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
     "00000000000000",
     NULL},
};

static void test_vectors(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        assert_packs(vectors[i].json, vectors[i].hex);
        buf back = {0};
        if (vectors[i].back)
            buf_adds(&back, vectors[i].back);
        else
            buf_printf(&back, "[%s]", vectors[i].json);
        assert_unpacks(vectors[i].hex, buf_text(&back));
        buf_free(&back);
    }
}

/* flow 6.3: ["a",1,true]. An absent value packs as null. */
static void test_several_values_in_a_row(void **state)
{
    (void)state;
    buf packed = {0}, shown = {0};
    assert_true(tuple_pack(&packed, VIEW("\"a\"")));
    assert_true(tuple_pack(&packed, VIEW("1")));
    assert_true(tuple_pack(&packed, VIEW("true")));
    hex_of(buf_view(&packed), &shown);
    assert_string_equal(buf_text(&shown), "026100150127");
    assert_unpacks("026100150127", "[\"a\",1,true]");
    assert_unpacks("", "[]");
    buf_clear(&packed);
    assert_true(tuple_pack(&packed, (weir_view){NULL, 0}));
    assert_int_equal(packed.len, 1);
    assert_int_equal(packed.ptr[0], 0);
    buf_free(&packed);
    buf_free(&shown);
}

/* The integers of 8 bytes end at 2^64 - 1 (the Python binding begins the long form one early). */
static void test_the_largest_short_integer(void **state)
{
    (void)state;
    assert_packs("18446744073709551615", "1cffffffffffffffff");
    assert_packs("-18446744073709551615", "0c0000000000000000");
    assert_unpacks("1cffffffffffffffff", "[18446744073709551615]");
    assert_unpacks("0c0000000000000000", "[-18446744073709551615]");
    assert_unpacks("1d08ffffffffffffffff", "[18446744073709551615]");
    assert_unpacks("0bf70000000000000000", "[-18446744073709551615]");
}

/* What others may send although we never would; fdb.tuple: pack((1, (None, 2, (b"{}", "x")), SingleFloat(1.5))) and longer forms.
 */
static void test_unpack_foreign_forms(void **state)
{
    (void)state;
    assert_unpacks("15010500ff15020501"
                   "7b7d00"
                   "027800"
                   "0000"
                   "20bfc00000",
                   "[1,[null,2,[{},\"x\"]],1.5]");
    assert_unpacks("0500", "[[]]");
    assert_unpacks("05050000", "[[[]]]");
    assert_unpacks("050500050000", "[[[],[]]]");
    assert_unpacks("0500ff00", "[[null]]");
    assert_unpacks("150013ff1d00", "[0,0,0]");
    assert_unpacks("1d020100", "[256]");
    assert_unpacks("20407fffff", "[-1]");
    assert_unpacks("017b202261223a20310a7d00", "[{\"a\":1}]");
}

static void test_refuses_what_is_not_json(void **state)
{
    (void)state;
    static const char *const texts[] = {"-",
                                        "01",
                                        "+1",
                                        "1.",
                                        ".5",
                                        "1e",
                                        "0x10",
                                        "nul",
                                        "nulll",
                                        "tru",
                                        "TRUE",
                                        "\"a",
                                        "\"",
                                        "\"a\"b",
                                        "\"\\x\"",
                                        "\"\x01\"",
                                        "\"\xff\"",
                                        "{",
                                        "[1,]",
                                        "{}{}",
                                        " ",
                                        "1 2",
                                        "12a",
                                        "123456789012345678901x",
                                        "NaN",
                                        "-Infinity",
                                        "1e700",
                                        "-1e700",
                                        "1e99999999999999999999",
                                        "0.5e700"};
    buf out = {0};
    buf_adds(&out, "kept");
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (tuple_pack(&out, view_of(texts[i])))
            fail_msg("accepted: %s", texts[i]);
        assert_true(view_is(buf_view(&out), "kept"));
    }
    buf_free(&out);
}

static void test_unpack_says_what_is_wrong_where(void **state)
{
    (void)state;
    static const struct {
        const char *hex, *message;
    } bad[] = {
        {"1501"
         "0261",
         "packed tuple: byte 2: a string without its end"},
        {"02", "packed tuple: byte 0: a string without its end"},
        {"0261"
         "00ff",
         "packed tuple: byte 0: a string without its end"},
        {"02ff00", "packed tuple: byte 0: a text that is not UTF-8"},
        {"02c300ffa900", "packed tuple: byte 0: a text that is not UTF-8"},
        {"15", "packed tuple: byte 0: a number without its end"},
        {"141600", "packed tuple: byte 1: a number without its end"},
        {"21bfe00000000000", "packed tuple: byte 0: a number without its end"},
        {"1d", "packed tuple: byte 0: a number without its end"},
        {"1d0901", "packed tuple: byte 0: a number without its end"},
        {"0bf6", "packed tuple: byte 0: a number without its end"},
        {"21fff0000000000000", "packed tuple: byte 0: a number that is not finite, which JSON cannot say"},
        {"21fff8000000000000", "packed tuple: byte 0: a number that is not finite, which JSON cannot say"},
        {"01ff00", "packed tuple: byte 0: a byte string that is not JSON text"},
        {"0100", "packed tuple: byte 0: a byte string that is not JSON text"},
        {"14"
         "30",
         "packed tuple: byte 1: a type code that no JSON value has"},
        {"ff", "packed tuple: byte 0: a type code that no JSON value has"},
        {"03", "packed tuple: byte 0: a type code that no JSON value has"},
        {"051501", "packed tuple: byte 3: a nested tuple without its end"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        buf packed = {0}, out = {0};
        err e = {0};
        bytes_of(bad[i].hex, &packed);
        assert_int_equal(tuple_unpack(&out, buf_view(&packed), &e), WEIR_E_PROTOCOL);
        assert_string_equal(err_text(&e), bad[i].message);
        assert_int_equal(out.len, 0);
        buf_free(&packed);
        buf_free(&out);
        err_free(&e);
    }
}

static void test_nesting_is_limited(void **state)
{
    (void)state;
    buf packed = {0}, out = {0};
    err e = {0};
    for (int i = 0; i < 100000; i++)
        buf_addc(&packed, 5);
    assert_int_equal(tuple_unpack(&out, buf_view(&packed), &e), WEIR_E_PROTOCOL);
    assert_non_null(strstr(err_text(&e), "nested too deeply"));
    buf_free(&packed);
    buf_free(&out);
    err_free(&e);
}

/* Out of room: said, and what was there stays. */
static void test_a_full_buf(void **state)
{
    (void)state;
    for (size_t max = 1; max < 20; max++) {
        buf out = {.max = max};
        buf_adds(&out, "x");
        assert_int_equal(tuple_pack(&out, VIEW("\"0123456789abcdefgh\"")), false);
        assert_true(view_is(buf_view(&out), "x"));
        buf_free(&out);
    }
}

/* ------------------------------------------------------------------------------------------------------------- properties -- */

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static void random_integer(uint64_t *seed, buf *out)
{
    size_t digits = 1 + next_random(seed) % (next_random(seed) % 8 ? 20 : 60);
    if (next_random(seed) % 2)
        buf_addc(out, '-');
    buf_addc(out, (char)('1' + next_random(seed) % 9));
    for (size_t i = 1; i < digits; i++)
        buf_addc(out, (char)('0' + next_random(seed) % 10));
}

/* A finite double that is no integer, as 17 digits: enough to be exact. */
static void random_double(uint64_t *seed, buf *out)
{
    double v;
    do {
        uint64_t bits = next_random(seed);
        if (next_random(seed) % 2) /* near 1, where decimals live */
            bits = (bits & ~((uint64_t)0x7ff << 52)) | (uint64_t)(1023 - 10 + next_random(seed) % 40) << 52;
        memcpy(&v, &bits, sizeof v);
    } while (!isfinite(v) || v == floor(v));
    buf_printf(out, "%.17g", v);
}

static void random_text(uint64_t *seed, buf *out)
{
    static const char *const pieces[] = {"\\u0000", "\\u0001", "a", "b", "\xc3\xa9", "\xf0\x9f\x98\x80", "\\u00ff", "\x7f"};
    buf_addc(out, '"');
    for (size_t n = next_random(seed) % 6; n > 0; n--)
        buf_adds(out, pieces[next_random(seed) % 8]);
    buf_addc(out, '"');
}

static int compare_numbers(weir_view a, weir_view b)
{
    return number_compare(a, b);
}

static int compare_doubles(weir_view a, weir_view b)
{
    double va = strtod(a.ptr, NULL), vb = strtod(b.ptr, NULL); /* a NUL or a bracket ends both */
    return (va > vb) - (va < vb);
}

static int compare_texts(weir_view a, weir_view b)
{
    arena memory = {0};
    int c = view_cmp(json_decode(&memory, a), json_decode(&memory, b));
    arena_free(&memory);
    return c;
}

static int sign(int v)
{
    return (v > 0) - (v < 0);
}

static void check_order(void (*make)(uint64_t *, buf *), int (*compare)(weir_view, weir_view))
{
    uint64_t seed = 88172645463325252u;
    for (int i = 0; i < 20000; i++) {
        buf a = {0}, b = {0}, pa = {0}, pb = {0}, back = {0}, again = {0};
        err e = {0};
        make(&seed, &a);
        make(&seed, &b);
        buf_text(&a); /* NUL-terminated */
        buf_text(&b);
        assert_true(tuple_pack(&pa, buf_view(&a)) && tuple_pack(&pb, buf_view(&b)));
        int expected = sign(compare(buf_view(&a), buf_view(&b)));
        if (sign(view_cmp(buf_view(&pa), buf_view(&pb))) != expected)
            fail_msg("%s and %s: packed in another order", buf_text(&a), buf_text(&b));
        /* There and back: the same value, which is the same bytes. */
        assert_int_equal(tuple_unpack(&back, buf_view(&pa), &e), WEIR_OK);
        weir_view item = {back.ptr + 1, back.len - 2};
        assert_int_equal(compare(item, buf_view(&a)), 0);
        assert_true(tuple_pack(&again, item));
        assert_true(view_eq(buf_view(&again), buf_view(&pa)));
        buf_free(&a), buf_free(&b), buf_free(&pa), buf_free(&pb), buf_free(&back), buf_free(&again);
    }
}

static void test_order_of_integers(void **state)
{
    (void)state;
    check_order(random_integer, compare_numbers);
}

static void test_order_of_doubles(void **state)
{
    (void)state;
    check_order(random_double, compare_doubles);
}

static void test_order_of_texts(void **state)
{
    (void)state;
    check_order(random_text, compare_texts);
}

/* Rubbish in: an answer, and no more memory touched than there is (the sanitizers look). */
static void test_unpack_anything(void **state)
{
    (void)state;
    uint64_t seed = 2463534242u;
    static const unsigned char codes[] = {0,    1,    2,    5,    0x0b, 0x0c, 0x13, 0x14, 0x15, 0x1c,
                                          0x1d, 0x20, 0x21, 0x26, 0x27, 0xff, 0x7b, 0x7d, 0x61};
    for (int i = 0; i < 20000; i++) {
        size_t n = next_random(&seed) % 24;
        char *bytes = malloc(n ? n : 1); /* exactly as long, for the sanitizer */
        for (size_t k = 0; k < n; k++)
            bytes[k] = (char)(next_random(&seed) % 2 ? codes[next_random(&seed) % sizeof codes] : next_random(&seed) & 0xff);
        buf out = {0};
        err e = {0};
        weir_rc rc = tuple_unpack(&out, (weir_view){bytes, n}, &e);
        assert_true(rc == WEIR_OK ? json_check(buf_view(&out), NULL, NULL) : rc == WEIR_E_PROTOCOL && out.len == 0);
        free(bytes);
        buf_free(&out);
        err_free(&e);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_several_values_in_a_row),
        cmocka_unit_test(test_the_largest_short_integer),
        cmocka_unit_test(test_unpack_foreign_forms),
        cmocka_unit_test(test_refuses_what_is_not_json),
        cmocka_unit_test(test_unpack_says_what_is_wrong_where),
        cmocka_unit_test(test_nesting_is_limited),
        cmocka_unit_test(test_a_full_buf),
        cmocka_unit_test(test_order_of_integers),
        cmocka_unit_test(test_order_of_doubles),
        cmocka_unit_test(test_order_of_texts),
        cmocka_unit_test(test_unpack_anything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
