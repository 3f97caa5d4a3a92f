/* What CSV values look like, and what is learned from JSON documents. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "fault.h"
#include "files/cursor.h"
#include "files/infer.h"
#include "files/value.h"
#include "json/scan.h"

static void classifies_values(void **state)
{
    static const struct {
        const char *text;
        value_class want;
    } values[] = {
        {"0", VALUE_INTEGER},
        {"-12", VALUE_INTEGER},
        {"123456789012345678901234567890", VALUE_INTEGER},
        {"-0", VALUE_INTEGER},
        {"007", VALUE_TEXT},
        {"-", VALUE_TEXT},
        {"+1", VALUE_TEXT},
        {" 1", VALUE_TEXT},
        {"1 ", VALUE_TEXT},
        {"1,5", VALUE_TEXT},
        {"1.50", VALUE_NUMBER},
        {"-0.001", VALUE_NUMBER},
        {".5", VALUE_TEXT},
        {"5.", VALUE_TEXT},
        {"1.2.3", VALUE_TEXT},
        {"1e5", VALUE_TEXT},
        {"12E3", VALUE_TEXT},
        {"1e-05", VALUE_NUMBER},
        {"1e+16", VALUE_NUMBER},
        {"2.5E10", VALUE_NUMBER},
        {"1.5e", VALUE_TEXT},
        {"1e+", VALUE_TEXT},
        {"1e+1000", VALUE_TEXT},
        {"1.0e-400", VALUE_NUMBER},
        {"0x1f", VALUE_TEXT},
        {"NaN", VALUE_TEXT},
        {"Infinity", VALUE_TEXT},
        {"-inf", VALUE_TEXT},
        {"", VALUE_TEXT},
        {"00", VALUE_TEXT},
        {"0.0", VALUE_NUMBER},
        {"true", VALUE_BOOLEAN},
        {"False", VALUE_BOOLEAN},
        {"TRUE", VALUE_BOOLEAN},
        {"tRUE", VALUE_TEXT},
        {"yes", VALUE_TEXT},
        {"t", VALUE_TEXT},
        {"2024-02-29", VALUE_DATE},
        {"2023-02-29", VALUE_TEXT},
        {"1900-02-29", VALUE_TEXT},
        {"2000-02-29", VALUE_DATE},
        {"2024-13-01", VALUE_TEXT},
        {"2024-00-10", VALUE_TEXT},
        {"2024-04-31", VALUE_TEXT},
        {"24-01-01", VALUE_TEXT},
        {"2024-1-1", VALUE_TEXT},
        {"2024-01-010", VALUE_TEXT},
        {"2024-01-01T00:00:00Z", VALUE_DATE_TIME},
        {"2024-01-01T23:59:60.123456+01:00", VALUE_DATE_TIME},
        {"2024-01-01T00:00:00", VALUE_TEXT},
        {"2024-01-01 00:00:00Z", VALUE_TEXT},
        {"2024-01-01T24:00:00Z", VALUE_TEXT},
        {"2024-01-01T00:00:00.Z", VALUE_TEXT},
        {"2024-01-01T00:00:00+0100", VALUE_TEXT},
        {"2024-01-01T00:00Z", VALUE_TEXT},
        {"----------", VALUE_TEXT},
        {"1234-56789", VALUE_TEXT},
    };
    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        weir_view text = view_text(values[i].text);
        char *exact = malloc(text.len ? text.len : 1); /* so that reading behind it is seen */
        assert_non_null(exact);
        memcpy(exact, text.ptr, text.len);
        value_class got = value_classify(exact, text.len);
        if (got != values[i].want)
            fail_msg("'%s' is %d", values[i].text, got);
        if (got == VALUE_INTEGER || got == VALUE_NUMBER)
            assert_true(json_check((weir_view){exact, text.len}, NULL, NULL));
        free(exact);
    }
}

static void checks_utf8_as_the_scanner_does(void **state)
{
    static const char *const texts[] = {
        "plain",
        "\xc3\xa9",
        "12345678\xe2\x82\xac",
        "\xf0\x9f\x98\x80",
        "\x80",
        "\xc0\x80",
        "\xc3",
        "\xe0\x80\x80",
        "\xed\xa0\x80",
        "\xed\x9f\xbf",
        "\xf4\x8f\xbf\xbf",
        "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80",
        "\xe2\x82",
        "aaaaaaa\xff",
        "\xf0\x8f\xbf\xbf",
        "\xef\xbf\xbf",
        "\xc2\x7f",
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        size_t bad;
        assert_int_equal(value_utf8(texts[i], strlen(texts[i]), &bad), json_utf8(view_text(texts[i])));
    }
}

/* The cursor accepts and refuses what the runtime's scanner does. */
static void reads_json_as_the_scanner_does(void **state)
{
    static const char *const texts[] = {
        "{}",
        "[]",
        " [1, 2.5, -0, 1e5, 1E+5, 0.1e-2] ",
        "{\"a\":{\"b\":[{},[],null,true,false,\"x\\n\\u00e9\"]}}",
        "01",
        "1.",
        ".5",
        "-",
        "+1",
        "1e",
        "[1,]",
        "[,1]",
        "[1 2]",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{a:1}",
        "{\"a\":1 \"b\":2}",
        "\"\\x\"",
        "\"\\u12g4\"",
        "\"\\u123\"",
        "\"a",
        "\"\x01\"",
        "tru",
        "nul",
        "truex",
        "[1]x",
        "",
        " ",
        "[",
        "{",
        "]",
        "[[[[]]]]",
        "[[[]]",
        "{\"a\":[}",
        "[{]",
        "\"\\\"",
        "{\"\":\"\"}",
        "[\"a\",\n\t\"b\"\r]",
        "-0.0e-0",
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        cursor c = cursor_of(view_text(texts[i]));
        bool good = cursor_skip(&c, NULL) && cursor_done(&c);
        if (good != json_check(view_text(texts[i]), NULL, NULL))
            fail_msg("%s: %d %s", texts[i], good, c.error ? c.error : "");
    }
}

/* Tests write ' where JSON has a quotation mark. */
static char *quoted(const char *text)
{
    char *copy = strdup(text);
    assert_non_null(copy);
    for (char *p = copy; *p; p++)
        *p = *p == '\'' ? '"' : *p;
    return copy;
}

static void expect_schema(const infer *in, bool closed, const char *text)
{
    strbuf got = {0};
    char *want = quoted(text);
    infer_schema(in, &got, closed);
    assert_string_equal(strbuf_text(&got), want);
    strbuf_free(&got);
    free(want);
}

#define META "'_meta':{'type':'object','properties':{'file':{'type':'string'},'row':{'type':'integer'}},'required':['file','row']}"

static void look(infer *in, infer_status want, const char *text)
{
    infer_seen seen;
    char *document = quoted(text);
    infer_status got = infer_observe(in, view_text(document), &seen);
    if (got != want)
        fail_msg("%s: %d %s", document, got, seen.problem ? seen.problem : "");
    free(document);
}

static void learns_from_documents(void **state)
{
    (void)state;
    infer in;
    assert_true(infer_init(&in));
    assert_non_null(infer_require(&in, "/id"));
    look(&in, INFER_OK, "{'id':1,'n':1,'s':'x','d':'2024-01-01','o':{'b':true},'l':[1,'2'],'z':null}");
    look(&in, INFER_OK, "{'n':1.5,'id':2,'d':'2024-01-02','o':{'c':[{'x':1}]},'t\\u0065':'2024-01-01T00:00:00Z'}");
    expect_schema(
        &in, false,
        "{'type':'object','properties':{'id':{'type':'integer'},'n':{'type':['number','null']},'s':{'type':['string','null']},"
        "'d':{'type':['string','null'],'format':'date'},'o':{'type':['object','null'],'properties':{'b':{'type':['boolean',"
        "'null']},'c':{'type':['array','null'],'items':{'type':['object','null'],'properties':{'x':{'type':['integer','null']}}}"
        "}}},'l':{'type':['array','null'],'items':{'type':['integer','string','null']}},'z':{},'te':{'type':['string','null'],"
        "'format':'date-time'}," META "},'required':['_meta','id'],'x-infer-schema':true}");
    look(&in, INFER_NO_KEY, "{'n':1}");
    look(&in, INFER_NO_KEY, "{'id':null}");
    look(&in, INFER_BAD, "[1]");
    look(&in, INFER_BAD, "{'id':1,}");
    look(&in, INFER_BAD, "{'id':01}");
    look(&in, INFER_BAD, "{'id':1} x");
    infer_free(&in);
}

static void notices_what_contradicts_a_schema(void **state)
{
    static const char text[] =
        "{'$defs':{'flow://"
        "connector-schema':{'type':'object','properties':{'id':{'type':'integer'},'n':{'type':['integer','null']},"
        "'d':{'type':'string','format':'date'},'free':{},'o':{'type':'object','properties':{'x':{'$ref':'#/$defs/num'}}}}},"
        "'num':{'type':'number'}},'$ref':'flow://connector-schema'}";
    static const struct {
        const char *document;
        bool contradicted, news;
    } documents[] = {
        {"{'id':1,'n':null,'d':'2024-01-01','free':[1],'o':{'x':1}}", false, false},
        {"{'id':1,'o':{'x':1.5},'free':'a'}", false, false},
        {"{'id':1,'more':1}", false, true},
        {"{'id':1,'n':'N/A'}", true, false},
        {"{'id':1,'n':'again'}", false, false},
        {"{'id':1,'d':'today'}", true, false},
        {"{'id':1,'o':{'x':'1'}}", true, false},
        {"{'id':1,'o':7}", true, false},
        {"{'id':1,'late':{'q':null}}", false, true},
    };
    (void)state;
    infer in;
    char *schema = quoted(text);
    assert_true(infer_init(&in) && infer_load(&in, view_text(schema)));
    free(schema);
    in.news = in.contradicted = false;
    for (size_t i = 0; i < sizeof documents / sizeof *documents; i++) {
        look(&in, INFER_OK, documents[i].document);
        if (in.contradicted != documents[i].contradicted || in.news != documents[i].news)
            fail_msg("%s: contradicted %d, news %d", documents[i].document, in.contradicted, in.news);
        in.news = in.contradicted = false;
    }
    expect_schema(
        &in, true,
        "{'type':'object','properties':{'id':{'type':['integer','null']},'n':{'type':['integer','string','null']},"
        "'d':{'type':['string','null']},'o':{'type':['integer','object','null'],'properties':{'x':{'type':['number','string',"
        "'null']}},'additionalProperties':false},'more':{'type':['integer','null']},'late':{'type':['object','null'],"
        "'properties':{'q':{'type':'null'}},'additionalProperties':false},'_meta':{'type':'object','properties':{'file':"
        "{'type':'string'},'row':{'type':'integer'}},'required':['file','row'],'additionalProperties':false}},'required':['_meta'],"
        "'additionalProperties':false}");
    infer_free(&in);
}

static void finds_a_documents_own_meta(void **state)
{
    (void)state;
    infer in;
    infer_seen seen;
    assert_true(infer_init(&in));
    weir_view document = view_text("{\"a\":1, \"_meta\" : {\"file\":3,\"uuid\":\"u\"} ,\"b\":2}");
    assert_int_equal(infer_observe(&in, document, &seen), INFER_OK);
    assert_true(view_says(seen.meta, "\"_meta\" : {\"file\":3,\"uuid\":\"u\"}"));
    assert_true(view_says(seen.meta_value, "{\"file\":3,\"uuid\":\"u\"}"));
    assert_int_equal(*seen.close, '}');
    assert_ptr_equal(seen.close, document.ptr + document.len - 1);
    infer_free(&in);
}

static void describes_only_so_many_members(void **state)
{
    (void)state;
    infer in;
    assert_true(infer_init(&in));
    strbuf text = {0};
    for (int i = 0; i < 3000; i++) {
        strbuf_clear(&text);
        strbuf_printf(&text, "{\"map\":{\"key %d\":{\"x\":%d}}}", i, i);
        look(&in, INFER_OK, strbuf_text(&text));
    }
    infer_node *map = infer_find(in.root, view_text("map"));
    assert_true(map->crowded && map->count == 1000);
    strbuf_clear(&text);
    infer_schema(&in, &text, true);
    assert_null(strstr(strbuf_text(&text), "\"map\""));
    strbuf_free(&text);
    infer_free(&in);
}

static void goes_deep_without_the_stack(void **state)
{
    (void)state;
    infer in;
    strbuf text = {0};
    assert_true(infer_init(&in));
    for (int i = 0; i < 1000; i++)
        strbuf_adds(&text, "{'a':");
    strbuf_addc(&text, '1');
    for (int i = 0; i < 1000; i++)
        strbuf_addc(&text, '}');
    look(&in, INFER_OK, strbuf_text(&text));
    strbuf_clear(&text);
    infer_schema(&in, &text, false);
    assert_true(json_check(strbuf_view(&text), NULL, NULL));
    strbuf_free(&text);
    infer_free(&in);
}

static void survives_the_lack_of_memory(void **state)
{
    (void)state;
    for (size_t n = 0;; n++) {
        infer in;
        infer_seen seen;
        strbuf schema = {0};
        fault_at(FAULT_ALLOC, n, ENOMEM);
        bool ok = infer_init(&in) && infer_require(&in, "/a") &&
                  infer_observe(&in, view_text("{\"a\":1,\"b\\n\":[{}]}"), &seen) == INFER_OK;
        if (ok)
            infer_schema(&in, &schema, false);
        bool fired = fault_clear();
        assert_int_equal(ok && !schema.failed, !fired);
        strbuf_free(&schema);
        infer_free(&in);
        if (!fired)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classifies_values),
        cmocka_unit_test(checks_utf8_as_the_scanner_does),
        cmocka_unit_test(reads_json_as_the_scanner_does),
        cmocka_unit_test(learns_from_documents),
        cmocka_unit_test(notices_what_contradicts_a_schema),
        cmocka_unit_test(finds_a_documents_own_meta),
        cmocka_unit_test(describes_only_so_many_members),
        cmocka_unit_test(goes_deep_without_the_stack),
        cmocka_unit_test(survives_the_lack_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
