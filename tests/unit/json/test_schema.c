#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "json/schema.h"

#include "fault.h"

static void show_types(buf *out, unsigned types)
{
    static const char *const names[] = {"null", "boolean", "integer", "number", "string", "array", "object"};
    buf_adds(out, types ? "" : " any");
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
        if (types & 1u << i)
            buf_printf(out, "%s%s", types & ((1u << i) - 1) ? "|" : " ", names[i]);
}

static void show_text(buf *out, const char *what, weir_view text)
{
    if (text.len)
        buf_printf(out, " %s=%.*s", what, VIEW_ARG(text));
}

/* "/a/b integer|null required min=1; ..." */
static void show(buf *out, const locations *found)
{
    for (size_t i = 0; i < found->count; i++) {
        const location *l = &found->items[i];
        buf_printf(out, "%s%.*s", i ? "; " : "", VIEW_ARG(l->pointer));
        show_types(out, l->types);
        buf_adds(out, l->required ? " required" : "");
        show_text(out, "format", l->format);
        show_text(out, "encoding", l->encoding);
        show_text(out, "title", l->title);
        show_text(out, "description", l->description);
        if (l->has_min)
            buf_printf(out, " min=%lld", (long long)l->min);
        if (l->has_max)
            buf_printf(out, " max=%lld", (long long)l->max);
        buf_adds(out, l->open ? " open" : "");
    }
}

/* Single quotes stand for double ones. */
static weir_view quoted(arena *a, const char *text)
{
    char *copy = arena_text(a, view_of(text));
    assert_non_null(copy);
    for (char *p = copy; *p; p++)
        *p = *p == '\'' ? '"' : *p;
    return view_of(copy);
}

static weir_rc locate(arena *a, const char *schema, const char *known, unsigned depth, locations *found, err *e)
{
    tree *s, *k = NULL;
    assert_int_equal(tree_parse(a, quoted(a, schema), "s.json", WEIR_E_CONFIG, &s, e), WEIR_OK);
    if (known)
        assert_int_equal(tree_parse(a, quoted(a, known), NULL, WEIR_E_CONFIG, &k, e), WEIR_OK);
    return schema_locations(a, s, k, depth, found, e);
}

static void expect_known(const char *schema, const char *known, unsigned depth, const char *want)
{
    arena a = {0};
    err e = {0};
    buf got = {0};
    locations found;
    if (locate(&a, schema, known, depth, &found, &e))
        fail_msg("%s: %s", schema, err_text(&e));
    show(&got, &found);
    assert_string_equal(buf_text(&got), want);
    buf_free(&got);
    arena_free(&a);
}

static void expect(const char *properties, const char *want)
{
    buf b = {0};
    buf_printf(&b, "{'type':'object','properties':{%s}}", properties);
    expect_known(buf_text(&b), NULL, 1, want);
    buf_free(&b);
}

static void types(void **state)
{
    (void)state;
    expect("", "");
    expect("'a':{'type':'string'},'b':{'type':['null','integer']}", "/a string; /b null|integer");
    expect("'a':{},'b':true,'c':false", "/a any open; /b any open");
    expect("'a':{'type':'number'},'b':{'type':['integer','number']}", "/a number; /b number");
    expect("'a':{'type':['null','boolean','number','string','array','object']}", "/a any open");
    expect("'a':{'type':'object','additionalProperties':false},'b':{'type':'object'}", "/a object; /b object open");
    expect("'a':{'type':'object','additionalProperties':false,'patternProperties':{'^x':{}}}", "/a object open");
    expect("'a':{'type':'object','unevaluatedProperties':false},'b':{'type':'object','additionalProperties':{'type':'string'}}",
           "/a object; /b object open");
    expect("'a':{'type':'array','items':{'type':'string'}}", "/a array");
    expect("'a':{'type':'nonsense'}", "/a any open");
    expect("'a':{'const':1},'b':{'const':1.5},'c':{'const':null},'d':{'enum':['x',null]},'e':{'enum':[1,2.0,1e2]},'f':{'enum':[1,0."
           "5]}",
           "/a integer; /b number; /c null; /d null|string; /e integer; /f number");
    expect("'a':{'type':'string','enum':['x',null]},'b':{'type':'integer','enum':[1.5]},'c':{'type':'number','const':3}",
           "/a string; /c integer");
    expect("'a':{'type':'string','x-anything':{'type':'integer'},'default':7}", "/a string");
}

static void annotations(void **state)
{
    (void)state;
    expect("'a':{'type':'string','format':'date-time','title':'T','description':'D','contentEncoding':'base64'}",
           "/a string format=date-time encoding=base64 title=T description=D");
    expect("'a':{'type':'integer','minimum':-5,'maximum':1e3},'b':{'type':'integer','exclusiveMinimum':0,'exclusiveMaximum':10}",
           "/a integer min=-5 max=1000; /b integer min=1 max=9");
    expect("'a':{'minimum':0,'exclusiveMinimum':true,'type':'integer'},'b':{'minimum':1,'exclusiveMinimum':5,'type':'integer'}",
           "/a integer min=1; /b integer min=6");
    expect("'a':{'type':'number','minimum':0.5,'maximum':99999999999999999999}", "/a number");
    expect("'a':{'type':'integer','exclusiveMaximum':-9223372036854775808}", "/a integer");
}

static void names(void **state)
{
    (void)state;
    arena a = {0};
    err e = {0};
    locations found;
    assert_int_equal(locate(&a, "{'properties':{'a/b':{'properties':{'~x':{}}},'':{}}}", NULL, 2, &found, &e), WEIR_OK);
    assert_int_equal(found.count, 3);
    assert_string_equal(found.items[0].pointer.ptr, "/a~1b");
    assert_string_equal(found.items[0].field.ptr, "a/b");
    assert_string_equal(found.items[1].pointer.ptr, "/a~1b/~0x");
    assert_string_equal(found.items[1].field.ptr, "a/b/~x");
    assert_string_equal(found.items[2].pointer.ptr, "/");
    assert_string_equal(found.items[2].field.ptr, "");
    arena_free(&a);
}

static void required_members(void **state)
{
    (void)state;
    expect_known("{'properties':{'a':{'type':'string'},'b':{'type':['string','null']},'c':{}},'required':['a','b','c']}", NULL, 1,
                 "/a string required; /b null|string; /c any open");
    expect_known("{'properties':{'o':{'type':'object','required':['x'],'properties':{'x':{'type':'integer'}}}},'required':['o']}",
                 NULL, 2, "/o object required open; /o/x integer required");
    expect_known("{'properties':{'o':{'type':'object','required':['x'],'properties':{'x':{'type':'integer'}}}}}", NULL, 2,
                 "/o object open; /o/x integer");
    expect_known("{'properties':{'o':{'type':['object','string'],'required':['x'],'properties':{'x':{'type':'integer'}}}},"
                 "'required':['o']}",
                 NULL, 2, "/o string|object required open; /o/x integer");
    /* required, but not described: known to be there, whatever it is */
    expect_known("{'required':['id','id'],'properties':{'a':{}}}", NULL, 1, "/a any open; /id any open");
    expect_known(
        "{'required':['z','z'],'properties':{'0':false,'1':false,'2':false,'3':false,'4':false,'5':false,'6':false,'7':false,"
        "'8':false}}",
        NULL, 1, "/z any open");
    expect_known("{'required':['id'],'additionalProperties':{'type':'integer'}}", NULL, 1, "/id integer required");
    expect_known("{'required':['id'],'additionalProperties':false}", NULL, 1, "");
}

static void depth(void **state)
{
    (void)state;
    static const char schema[] = "{'properties':{'a':{'type':'object','properties':{'b':{'type':'object','properties':{'c':{}},"
                                 "'additionalProperties':false}}},'z':{'type':'null'}}}";
    expect_known(schema, NULL, 0, "");
    expect_known(schema, NULL, 1, "/a object open; /z null");
    expect_known(schema, NULL, 2, "/a object open; /a/b object; /z null");
    expect_known(schema, NULL, 3, "/a object open; /a/b object; /a/b/c any open; /z null");
    expect_known(schema, NULL, 4000000000u, "/a object open; /a/b object; /a/b/c any open; /z null");
    expect_known("{'properties':{'a':{'type':'string','properties':{'b':{}}}}}", NULL, 2, "/a string");
}

static void all_of(void **state)
{
    (void)state;
    expect("'a':{'type':['string','null'],'allOf':[{'type':['string','integer']},{'format':'date'}]}", "/a string format=date");
    expect("'a':{'allOf':[{'type':'number'},{'type':'integer','minimum':3},{'minimum':1,'maximum':9},{'maximum':10}]}",
           "/a integer min=3 max=9");
    expect("'a':{'allOf':[{'type':'string'},{'type':'integer'}]}", "");
    expect_known("{'allOf':[{'properties':{'a':{'type':'integer'},'b':{}}},{'properties':{'b':{'type':'string'},'c':{}}},"
                 "{'required':['c','a']}],'properties':{'z':{}}}",
                 NULL, 1, "/z any open; /a integer required; /b string; /c any open");
    /* a closed one keeps out what it does not describe itself */
    expect_known("{'allOf':[{'properties':{'a':{},'b':{}}},{'properties':{'a':{'type':'string'}},'additionalProperties':false}]}",
                 NULL, 1, "/a string");
    expect_known("{'allOf':[{'properties':{'a':{},'b':{}}},{'properties':{'a':{}},'additionalProperties':{'type':'string'}}]}",
                 NULL, 1, "/a any open; /b string");
    /* this one looks into what is beside it */
    expect_known("{'allOf':[{'properties':{'a':{}}}],'properties':{'b':{}},'unevaluatedProperties':false}", NULL, 1,
                 "/b any open; /a any open");
}

static void any_of(void **state)
{
    (void)state;
    expect("'a':{'anyOf':[{'type':'string','format':'date-time'},{'type':'null'}]}", "/a null|string format=date-time");
    expect("'a':{'oneOf':[{'type':'string','format':'date'},{'type':'string','format':'time'}]}", "/a string");
    expect("'a':{'oneOf':[{'type':'string','format':'date'},{'type':'string'}],'title':'T'}", "/a string title=T");
    expect("'a':{'anyOf':[{'type':'integer','minimum':1,'maximum':5},{'type':'integer','minimum':-2},{'type':'null'}]}",
           "/a null|integer min=-2");
    expect("'a':{'anyOf':[{'type':'integer'},{}]},'b':{'anyOf':[false,{'type':'integer'}]},'c':{'anyOf':[]}",
           "/a any open; /b integer; /c any open");
    expect("'a':{'type':['integer','null'],'anyOf':[{'type':'string'},{'type':'integer'}]}", "/a integer");
    expect("'a':{'anyOf':[{'type':'object','additionalProperties':false},{'type':'object'}]},"
           "'b':{'anyOf':[{'type':'object','additionalProperties':false},{'type':'null'}]}",
           "/a object open; /b null|object");
    expect_known("{'oneOf':[{'properties':{'kind':{'const':'x'},'x':{'type':'integer'}},'required':['kind','x']},"
                 "{'properties':{'kind':{'const':'y'},'y':{'type':'string'}},'required':['kind','y']}]}",
                 NULL, 1, "/kind string required; /x integer; /y string");
    expect_known("{'properties':{'o':{'anyOf':[{'type':'null'},{'type':'object','properties':{'x':{'type':'string'}},"
                 "'additionalProperties':false}]}}}",
                 NULL, 2, "/o null|object; /o/x string");
    expect_known("{'properties':{'a':{'type':'string'}},'if':{'properties':{'a':{'const':'d'}}},'then':{'properties':{'b':{'type':"
                 "'integer'}},'required':['b']}}",
                 NULL, 1, "/a string; /b integer");
}

static void references(void **state)
{
    (void)state;
    expect_known(
        "{'$ref':'#/$defs/doc','$defs':{'doc':{'properties':{'a':{'$ref':'#/$defs/str','description':'here'}}},'str':{'type':"
        "'string','description':'there','format':'uuid'}}}",
        NULL, 1, "/a string format=uuid description=here");
    expect_known(
        "{'allOf':[{'$ref':'flow://write-schema'},{'$ref':'flow://inferred-schema'}]}",
        "{'flow://write-schema':{'properties':{'id':{'type':'integer','title':'Id'},'never':{'type':'string'}},'required':['id'"
        "]},'flow://inferred-schema':{'properties':{'id':{'type':'integer','minimum':1},'x':{'type':['null','string']}},"
        "'additionalProperties':false}}",
        1, "/id integer required title=Id min=1; /x null|string");
    expect_known(
        "{'$defs':{'flow://connector-schema':{'$id':'flow://connector-schema','properties':{'a':{'$ref':'#/$defs/t'}},'$defs':"
        "{'t':{'type':'boolean'}}}},'$ref':'flow://connector-schema'}",
        NULL, 1, "/a boolean");
    expect_known("{'definitions':{'p':{'id':'#p','type':'integer'}},'properties':{'a':{'$ref':'#p'}}}", NULL, 1, "/a integer");
}

static void cycles(void **state)
{
    (void)state;
    expect_known("{'$ref':'#','properties':{'a':{'type':'string'}}}", NULL, 5, "/a string");
    expect_known(
        "{'properties':{'a':{'allOf':[{'$ref':'#/properties/b'}]},'b':{'allOf':[{'$ref':'#/properties/a'}],'type':'null'}}}", NULL,
        5, "/a null; /b null");
    expect_known("{'type':'object','properties':{'id':{'type':'integer'},'parent':{'$ref':'#'}}}", NULL, 100,
                 "/id integer; /parent object open");
    expect_known("{'$ref':'#/$defs/n','$defs':{'n':{'type':['object','null'],'properties':{'l':{'$ref':'#/$defs/n'},'v':{'type':"
                 "'string'}}}}}",
                 NULL, 3, "/l null|object open; /v string");
    /* the same one twice side by side is no cycle */
    expect_known(
        "{'properties':{'a':{'$ref':'#/$defs/p'},'b':{'$ref':'#/$defs/p'}},'$defs':{'p':{'type':'object','properties':{'x':{}}}"
        "}}",
        NULL, 2, "/a object open; /a/x any open; /b object open; /b/x any open");
}

static void expect_error(const char *schema, const char *part)
{
    arena a = {0};
    err e = {0};
    locations found;
    assert_int_equal(locate(&a, schema, NULL, 3, &found, &e), WEIR_E_CONFIG);
    if (!strstr(err_text(&e), part))
        fail_msg("%s is not in: %s", part, err_text(&e));
    err_free(&e);
    arena_free(&a);
}

static void errors(void **state)
{
    (void)state;
    expect_error("{'properties':\n{'a':{'$ref':'#/$defs/x'}}}", "s.json:2:14: nothing is found at \"#/$defs/x\"");
    expect_error("{'$ref':'https://example.com/schema'}", "\"https://example.com/schema\"");
    expect_error("{'properties':{'a':7}}", "s.json:1:20: a schema is an object or a boolean");
    expect_error("[]", "a schema is an object or a boolean");
    expect_error("{'type':'string'}", "does not allow an object");
    expect_error("false", "does not allow an object");
    expect_error("{'allOf':[{'type':'array'},{'type':'object'}]}", "does not allow an object");
}

/* Alternatives that multiply must end with an error, not with the memory. */
static void explosion(void **state)
{
    (void)state;
    arena a = {0};
    err e = {0};
    locations found;
    buf b = {0};
    buf_adds(&b, "{'$ref':'#/$defs/a0','$defs':{");
    for (int i = 0; i < 60; i++)
        buf_printf(&b, "'a%d':{'allOf':[{'$ref':'#/$defs/a%d'},{'$ref':'#/$defs/a%d'}]},", i, i + 1, i + 1);
    buf_adds(&b, "'a60':{'type':'object'}}}");
    assert_int_equal(locate(&a, buf_text(&b), NULL, 1, &found, &e), WEIR_E_CONFIG);
    assert_non_null(strstr(err_text(&e), "too many"));
    buf_clear(&b);
    buf_adds(&b, "{'$ref':'#/$defs/a0','$defs':{");
    for (int i = 0; i < 5000; i++)
        buf_printf(&b, "'a%d':{'$ref':'#/$defs/a%d'},", i, i + 1);
    buf_adds(&b, "'a5000':{'type':'object'}}}");
    assert_int_equal(locate(&a, buf_text(&b), NULL, 1, &found, &e), WEIR_E_CONFIG);
    assert_non_null(strstr(err_text(&e), "too deeply"));
    buf_free(&b);
    err_free(&e);
    arena_free(&a);
}

static void wide(void **state)
{
    (void)state;
    enum { COLUMNS = 3000 };
    arena a = {0};
    err e = {0};
    locations found;
    buf b = {0};
    buf_adds(&b, "{'allOf':[{'properties':{");
    for (int i = 0; i < COLUMNS; i++)
        buf_printf(&b, "%s'c%d':{'type':['integer','null']}", i ? "," : "", i);
    buf_adds(&b, "}},{'properties':{");
    for (int i = COLUMNS - 1; i >= 0; i--)
        buf_printf(&b, "'c%d':{'type':['integer','string']}%s", i, i ? "," : "");
    buf_adds(&b, "}}]}");
    assert_int_equal(locate(&a, buf_text(&b), NULL, 1, &found, &e), WEIR_OK);
    assert_int_equal(found.count, COLUMNS);
    for (size_t i = 0; i < COLUMNS; i++)
        assert_int_equal(found.items[i].types, WEIR_IS_INTEGER);
    assert_string_equal(found.items[COLUMNS - 1].field.ptr, "c2999");
    buf_free(&b);
    arena_free(&a);
}

static void without_memory(void **state)
{
    (void)state;
    bool again = true;
    arena texts = {0};
    err e = {0};
    tree *schema, *known;
    buf b = {0};
    buf_adds(&b, "{'$id':'http://x/y','$ref':'#/$defs/a%20b','allOf':[{'$ref':'k'},{'$ref':'z#spot'}],'properties':{");
    for (int i = 0; i < 60; i++)
        buf_printf(&b, "'p%d':{'type':'string'},", i);
    buf_adds(&b, "'last':{}},'required':['p1','more'],'$defs':{'a b':{'anyOf':[{'properties':{'p2':{}}},{'title':'x'}]},"
                 "'z':{'$id':'z','$anchor':'spot'}}}");
    assert_int_equal(tree_parse(&texts, quoted(&texts, buf_text(&b)), NULL, WEIR_E_CONFIG, &schema, &e), WEIR_OK);
    assert_int_equal(tree_parse(&texts, VIEW("{\"http://x/k\":true}"), NULL, WEIR_E_CONFIG, &known, &e), WEIR_OK);
    for (size_t n = 0; again; n++) {
        arena a = {0};
        locations found = {0};
        fault_at(FAULT_ALLOC, n, ENOMEM);
        weir_rc rc = schema_locations(&a, schema, known, 2, &found, &e);
        again = fault_clear();
        assert_int_equal(rc, again ? WEIR_E_NOMEM : WEIR_OK);
        assert_int_equal(found.count, again ? 0 : 62);
        arena_free(&a);
    }
    buf_free(&b);
    err_free(&e);
    arena_free(&texts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types),          cmocka_unit_test(annotations),
        cmocka_unit_test(names),          cmocka_unit_test(required_members),
        cmocka_unit_test(depth),          cmocka_unit_test(all_of),
        cmocka_unit_test(any_of),         cmocka_unit_test(references),
        cmocka_unit_test(cycles),         cmocka_unit_test(errors),
        cmocka_unit_test(wide),           cmocka_unit_test(explosion),
        cmocka_unit_test(without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
