#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "model/fields.h"

typedef struct item {
    int64_t n;
} item;

typedef struct choice {
    const char *kind;
    int64_t n;
} choice;

typedef struct settings {
    const char *text;
    int64_t n;
    bool flag;
    weir_list list;
    choice choice;
} settings;

static void assert_slip(const weir_field *table, const char *message)
{
    err e = {0};
    weir_rc rc = fields_check(table, sizeof(settings), &e);
    assert_string_equal(err_text(&e), message);
    assert_int_equal(rc, WEIR_E_BUG);
    err_free(&e);
}

#define TEXT     .type = WEIR_TEXT, .offset = offsetof(settings, text)
#define INT      .type = WEIR_INT, .offset = offsetof(settings, n)
#define ONE(...) ((const weir_field[]){{__VA_ARGS__}, {0}})

static void test_sound(void **state)
{
    (void)state;
    err e = {0};
    const weir_field int_item[] = {{.type = WEIR_INT}, {0}};
    const weir_field *variant = ONE(.name = "n", .type = WEIR_INT, .offset = offsetof(choice, n));
    const weir_field variants[] = {{.name = "a", .type = WEIR_OBJECT, .fields = variant}, {.name = "b", .type = WEIR_OBJECT}, {0}};
    const weir_field table[] = {
        {.name = "t", TEXT},
        {.name = "n", INT, .fallback = "5", .min = 1, .max = 9},
        {.name = "l",
         .type = WEIR_LIST,
         .offset = offsetof(settings, list),
         .fields = int_item,
         .item_size = sizeof(item),
         .fallback = "[1, 2]"},
        {.name = "c",
         .type = WEIR_ONE_OF,
         .offset = offsetof(settings, choice),
         .fields = variants,
         .discriminator = "by",
         .fallback = "{\"by\":\"a\",\"n\":1}"},
        {0},
    };
    if (fields_check(table, sizeof(settings), &e))
        fail_msg("%s", err_text(&e));
    assert_int_equal(fields_check(NULL, 0, &e), WEIR_OK);
}

static void test_names(void **state)
{
    (void)state;
    assert_slip(ONE(TEXT), "setting '': it has no name");
    assert_slip(ONE(.name = "", TEXT), "setting '': it has no name");
    assert_slip(ONE(.name = "a\xff", TEXT), "setting 'a\xff': its name is not UTF-8");
    assert_slip(((const weir_field[]){{.name = "a", TEXT}, {.name = "a", INT}, {0}}), "setting 'a': there are two of that name");
    assert_slip(ONE(.name = "a", .type = (weir_type)99), "setting 'a': 99 is not a type");
}

static void test_places(void **state)
{
    (void)state;
    char message[100];
    snprintf(message, sizeof message, "setting 'a': offset %zu is outside of the struct, which has %zu bytes", sizeof(settings),
             sizeof(settings));
    assert_slip(ONE(.name = "a", .type = WEIR_BOOL, .offset = sizeof(settings)), message);
    snprintf(message, sizeof message, "setting 'a': offset %zu is outside of the struct, which has %zu bytes", sizeof(settings) - 8,
             sizeof(settings));
    assert_slip(ONE(.name = "a", .type = WEIR_JSON, .offset = sizeof(settings) - 8), message);
    snprintf(message, sizeof message, "setting 'o/n': offset %zu is outside of the struct, which has %zu bytes",
             sizeof(settings) - 8, sizeof(settings));
    assert_slip(ONE(.name = "o", .type = WEIR_OBJECT, .offset = 8,
                    .fields = ONE(.name = "n", .type = WEIR_INT, .offset = sizeof(settings) - 8)),
                message);
    snprintf(message, sizeof message, "setting 'l/item': offset 8 is outside of the struct, which has 8 bytes");
    assert_slip(ONE(.name = "l", .type = WEIR_LIST, .offset = offsetof(settings, list), .item_size = 8,
                    .fields = ONE(.type = WEIR_INT, .offset = 8)),
                message);
    assert_slip(ONE(.name = "a", .type = WEIR_INT, .offset = 4), "setting 'a': offset 4 is not that of a member of this type");
    assert_slip(((const weir_field[]){{.name = "a", TEXT}, {.name = "b", TEXT}, {0}}), "setting 'b': offset 0 is also that of 'a'");
}

static void test_flags(void **state)
{
    (void)state;
    const char *const none[] = {NULL}, *const some[] = {"x", NULL};
    assert_slip(ONE(.name = "a", INT, .flags = WEIR_SECRET), "setting 'a': only a text can be a secret");
    assert_slip(ONE(.name = "a", INT, .flags = WEIR_MULTILINE), "setting 'a': only a text can be multiline");
    assert_slip(ONE(.name = "a", INT, .flags = WEIR_PATH), "setting 'a': only a text can be part of a path");
    assert_slip(ONE(.name = "l", .type = WEIR_LIST, .offset = offsetof(settings, list), .item_size = 8,
                    .fields = ONE(.type = WEIR_TEXT, .flags = WEIR_PATH)),
                "setting 'l/item': what is inside a list or a variant cannot be part of a path");
    assert_slip(ONE(.name = "a", INT, .choices = some), "setting 'a': only a text can have choices");
    assert_slip(ONE(.name = "a", TEXT, .choices = none), "setting 'a': its list of choices is empty");
    assert_slip(ONE(.name = "a", INT, .min = 2, .max = 1), "setting 'a': its least value is above its greatest");
    assert_slip(ONE(.name = "a", TEXT, .max = 1), "setting 'a': only an integer has bounds");
}

static void test_groups(void **state)
{
    (void)state;
    const weir_field *x = ONE(.name = "x", .type = WEIR_INT, .offset = 8);
    assert_slip(ONE(.name = "a", .type = WEIR_OBJECT), "setting 'a': its fields are missing");
    assert_slip(ONE(.name = "a", TEXT, .fields = x), "setting 'a': only an object, a list and a choice of variants have fields");
    assert_slip(ONE(.name = "a", .type = WEIR_LIST, .offset = offsetof(settings, list), .fields = x),
                "setting 'a': the size of its items is missing");
    assert_slip(ONE(.name = "a", TEXT, .item_size = 1), "setting 'a': only a list has an item size");
    assert_slip(ONE(.name = "a", .type = WEIR_ONE_OF, .fields = x), "setting 'a': its discriminator is missing");
    assert_slip(ONE(.name = "a", TEXT, .discriminator = "x"), "setting 'a': only a choice of variants has a discriminator");
    assert_slip(ONE(.name = "a", .type = WEIR_OBJECT, .fields = x, .fallback = "{}"),
                "setting 'a': an object takes its defaults from its fields");
}

static void test_variants(void **state)
{
    (void)state;
    const weir_field *n = ONE(.name = "n", .type = WEIR_INT, .offset = offsetof(choice, n)),
                     *low = ONE(.name = "n", .type = WEIR_INT);
#define CHOICE .name = "c", .type = WEIR_ONE_OF, .offset = offsetof(settings, choice)
    assert_slip(ONE(CHOICE, .discriminator = "by", .fields = ONE(.name = "v", .type = WEIR_INT)),
                "setting 'c/v': a variant has to be an object");
    assert_slip(ONE(CHOICE, .discriminator = "by", .fields = ONE(.name = "v", .type = WEIR_OBJECT, .fields = low)),
                "setting 'c/v': its field 'n' lies on the name of the variant");
    assert_slip(ONE(CHOICE, .discriminator = "n", .fields = ONE(.name = "v", .type = WEIR_OBJECT, .fields = n)),
                "setting 'c/v': its field 'n' has the name of the discriminator");
    const weir_field twice[] = {
        {.name = "v", .type = WEIR_OBJECT, .fields = n}, {.name = "v", .type = WEIR_OBJECT, .fields = n}, {0}};
    assert_slip(ONE(CHOICE, .discriminator = "by", .fields = twice), "setting 'c/v': there are two of that name");
}

static void test_fallbacks(void **state)
{
    (void)state;
    const char *const some[] = {"x", "y", NULL};
    const weir_field *v =
        ONE(.name = "v", .type = WEIR_OBJECT, .fields = ONE(.name = "n", .type = WEIR_INT, .offset = offsetof(choice, n)));
    assert_slip(ONE(.name = "a", INT, .fallback = "nine"), "setting 'a': in the fallback: 1:1: no JSON value begins here");
    assert_slip(ONE(.name = "a", INT, .fallback = "\"9\""), "setting 'a': in the fallback: expected an integer, got \"9\"");
    assert_slip(ONE(.name = "a", INT, .fallback = "0", .min = 1, .max = 3),
                "setting 'a': in the fallback: must be from 1 to 3, got 0");
    assert_slip(ONE(.name = "a", TEXT, .fallback = "z", .choices = some),
                "setting 'a': in the fallback: expected one of 'x', 'y', got \"z\"");
    assert_slip(ONE(CHOICE, .discriminator = "by", .fields = v, .fallback = "{\"by\":\"v\"}"),
                "setting 'c': in the fallback: /n: required, but missing");
    assert_slip(ONE(CHOICE, .discriminator = "by", .fields = v, .fallback = "{}"),
                "setting 'c': in the fallback: /by: required, but missing: one of 'v'");
}

/* Where nobody has checked the table: the author's slip is not the operator's. */
static void test_a_bad_fallback_met_when_parsing(void **state)
{
    (void)state;
    settings s = {0};
    arena a = {0};
    err e = {0};
    assert_int_equal(fields_parse(ONE(.name = "a", INT, .fallback = "\"9\""), NULL, "config", &s, &a, &e), WEIR_E_BUG);
    assert_string_equal(err_text(&e), "config: in the fallback: /a: expected an integer, got \"9\"");
    arena_free(&a);
    err_free(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sound),     cmocka_unit_test(test_names),
        cmocka_unit_test(test_places),    cmocka_unit_test(test_flags),
        cmocka_unit_test(test_groups),    cmocka_unit_test(test_variants),
        cmocka_unit_test(test_fallbacks), cmocka_unit_test(test_a_bad_fallback_met_when_parsing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
