#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "json/infer.h"
#include "json/scan.h"

#include "fault.h"

/* ------------------------------------------------------------------------------------------------------------- documents -- */

/* Single quotes stand for double ones. */
static char *quoted(const char *text)
{
    char *copy = malloc(strlen(text) + 1);
    assert_non_null(copy);
    strcpy(copy, text);
    for (char *p = copy; *p; p++)
        *p = *p == '\'' ? '"' : *p;
    return copy;
}

static int observe(shape *s, const char *doc)
{
    char *text = quoted(doc);
    size_t len = strlen(text);
    char *exact = malloc(len); /* without the NUL, so that a sanitizer sees reads past the end */
    memcpy(exact, text, len);
    int widened = shape_observe(s, (weir_view){exact, len});
    free(exact);
    free(text);
    return widened;
}

static void expect_schema(const shape *s, const char *want)
{
    buf got = {0};
    char *text = quoted(want);
    shape_schema(s, &got);
    assert_true(buf_ok(&got));
    assert_true(json_check(buf_view(&got), NULL, NULL));
    assert_string_equal(buf_text(&got), text);
    free(text);
    buf_free(&got);
}

static void unite(shape *s, const char *schema, bool want_widened)
{
    char *text = quoted(schema);
    err e = {0};
    bool widened = !want_widened;
    if (shape_union(s, view_of(text), &e, &widened))
        fail_msg("%s: %s", schema, err_text(&e));
    assert_int_equal(widened, want_widened);
    free(text);
}

/* The schema, read back, gives the same schema and knows no more. */
static void expect_stable(const shape *s)
{
    shape *again = shape_new();
    buf first = {0}, second = {0};
    err e = {0};
    bool widened = false;
    shape_schema(s, &first);
    assert_int_equal(shape_union(again, buf_view(&first), &e, &widened), WEIR_OK);
    assert_true(widened);
    shape_schema(again, &second);
    assert_string_equal(buf_text(&second), buf_text(&first));
    assert_int_equal(shape_union(again, buf_view(&first), &e, &widened), WEIR_OK);
    assert_false(widened);
    buf_free(&first);
    buf_free(&second);
    shape_free(again);
}

/* Documents in turn; one that begins with + must widen, others must not. */
static void learn(const char *const *docs, const char *want)
{
    shape *s = shape_new();
    assert_non_null(s);
    for (; *docs; docs++) {
        const char *doc = *docs;
        bool widens = *doc == '+';
        if (observe(s, doc + widens) != widens)
            fail_msg("%s", doc);
        if (observe(s, doc + widens) != 0)
            fail_msg("again: %s", doc);
    }
    expect_schema(s, want);
    expect_stable(s);
    shape_free(s);
}
#define LEARN(want, ...) learn((const char *const[]){__VA_ARGS__, NULL}, want)

static void nothing(void **state)
{
    (void)state;
    shape *s = shape_new();
    expect_schema(s, "{}");
    assert_int_equal(observe(s, "{}"), 1);
    expect_schema(s, "{'type':'object','additionalProperties':false}");
    shape_free(s);
    shape_free(NULL);
}

static void scalars(void **state)
{
    (void)state;
    LEARN("{'type':'integer'}", "+1", "-0", "123456789012345678901234567890");
    LEARN("{'type':'number'}", "+1", "+1.5", "2", "1e400");
    LEARN("{'type':'number'}", "+1.0", "2");
    LEARN("{'type':'integer'}", "+1", "1.0", "1e3", "-0.0", "100e-2");
    LEARN("{'type':'number'}", "+1e3", "1");
    LEARN("{'type':'boolean'}", "+true", "false");
    LEARN("{'type':['null','string']}", "+null", "+'x'");
    LEARN("{'type':['array','boolean','integer','null','object','string'],'additionalProperties':false,'items':false}", "+null",
          "+true", "+1", "+'x'", "+[]", "+{}");
}

static void formats(void **state)
{
    (void)state;
    LEARN("{'type':'string','format':'date-time'}", "+'2024-01-31T12:00:00Z'", "'1985-04-12T23:20:50.52+01:00'");
    LEARN("{'type':'string'}", "+'2024-01-31T12:00:00Z'", "+'2024-01-31 12:00:00'", "'2024-01-31T12:00:00Z'");
    LEARN("{'type':'string','format':'date'}", "+'2024-01-31'");
    LEARN("{'type':'string'}", "+'2024-01-31'", "+''");
    LEARN("{'type':'string','format':'time'}", "+'12:00:00Z'");
    LEARN("{'type':'string','format':'uuid'}", "+'f81d4fae-7dec-11d0-a765-00a0c91e6bf6'");
    LEARN("{'type':'string'}", "+'2024-01-31'", "+'12:00:00Z'");
    LEARN("{'type':'string'}", "+'12'", "'2024-01-31'");
    LEARN("{'type':['null','string'],'format':'date'}", "+null", "+'2024-01-31'");
    LEARN("{'type':'string'}", "+'2024-01-31'", "+'2024-01-3\\u0031'");
}

static void objects(void **state)
{
    (void)state;
    LEARN("{'type':'object','properties':{'a':{'type':'integer'},'b':{'type':'string'}},'required':['a','b'],'additionalProperties'"
          ":false}",
          "+{'a':1,'b':'x'}", "{'b':'y','a':2}", " { 'a' : 3 , 'b' : '' } ");
    LEARN("{'type':'object','properties':{'a':{'type':['integer','null']},'b':{'type':'string'},'c':{'type':'boolean'}},'required':"
          "['a'],"
          "'additionalProperties':false}",
          "+{'a':1,'b':'x'}", "+{'a':null,'b':'x'}", "+{'a':1}", "+{'a':1,'b':'x','c':true}", "{'c':false,'a':1}",
          "{'a':1,'c':false}");
    LEARN("{'type':'object','properties':{'a':{'type':'integer'}},'additionalProperties':false}", "+{}", "+{'a':1}");
    LEARN("{'type':'object','properties':{'o':{'type':'object','properties':{'x':{'type':'integer'},'y':{'type':'null'}},"
          "'required':['x'],'additionalProperties':false}},'required':['o'],'additionalProperties':false}",
          "+{'o':{'x':1}}", "+{'o':{'x':1,'y':null}}");
    /* where names repeat, both are looked at, and the member counts once */
    LEARN("{'type':'object','properties':{'a':{'type':['integer','string']},'b':{'type':'null'}},'required':['a'],'"
          "additionalProperties':false}",
          "+{'a':1,'b':null}", "+{'a':1,'a':'x'}");
    LEARN("{'type':'object','properties':{'t\\u0001\\\\':{'type':'integer'},'\xc3\xa9':{'type':'integer'},'':{'type':'null'}},"
          "'required':['t\\u0001\\\\','\xc3\xa9',''],'additionalProperties':false}",
          "+{'t\\u0001\\\\':1,'\\u00e9':1,'':null}", "{'\\u0074\\u0001\\u005c':1,'\xc3\xa9':1,'':null}");
}

static void many_members(void **state)
{
    (void)state;
    shape *s = shape_new();
    buf forward = {0}, backward = {0};
    for (int i = 0; i < 50; i++) {
        buf_printf(&forward, "%c'member number %d':%d", i ? ',' : '{', i, i);
        buf_printf(&backward, "%c'member number %d':%d", i ? ',' : '{', 49 - i, i);
    }
    buf_addc(&forward, '}');
    buf_addc(&backward, '}');
    assert_int_equal(observe(s, buf_text(&forward)), 1);
    assert_int_equal(observe(s, buf_text(&backward)), 0);
    assert_int_equal(observe(s, buf_text(&forward)), 0);
    assert_int_equal(observe(s, "{'member number 49':1.5}"), 1);
    assert_int_equal(observe(s, buf_text(&backward)), 0);
    buf_free(&forward);
    buf_free(&backward);
    expect_stable(s);
    shape_free(s);
}

static void arrays(void **state)
{
    (void)state;
    LEARN("{'type':'array','items':{'type':'integer'}}", "+[]", "+[1]", "[1,2,3]", "[ ]");
    LEARN("{'type':'array','items':{'type':['number','string'],'format':'date'}}", "+[1,'2024-01-31',1.5]");
    LEARN("{'type':'array','items':{'type':'array','items':false}}", "+[[],[]]");
    LEARN("{'type':'array','items':{'type':'object','properties':{'a':{'type':'integer'},'b':{'type':'integer'}},'required':['a'],"
          "'additionalProperties':false}}",
          "+[{'a':1},{'a':1,'b':2}]", "[{'a':1}]");
    LEARN("{'type':'array','items':{'type':'object','properties':{'a':{'type':'integer'},'b':{'type':'integer'}},"
          "'additionalProperties':false}}",
          "+[{'a':1},{'b':2}]", "[]");
}

/* ---------------------------------------------------------------------------------------------------------------- limits -- */

static void wide_objects(void **state)
{
    (void)state;
    shape *s = shape_new();
    char doc[64];
    for (int i = 0; i < 10000; i++) {
        snprintf(doc, sizeof doc, "{'k%d':1}", i);
        assert_int_equal(observe(s, doc), 1);
    }
    assert_int_equal(observe(s, "{'one more':1}"), 1); /* opens up */
    assert_int_equal(observe(s, "{'another':{'x':1}}"), 0);
    assert_int_equal(observe(s, "{'k999':null}"), 1);
    buf got = {0};
    shape_schema(s, &got);
    assert_null(strstr(buf_text(&got), "additionalProperties"));
    assert_null(strstr(buf_text(&got), "one more"));
    assert_non_null(strstr(buf_text(&got), "\"k999\":{\"type\":[\"integer\",\"null\"]}"));
    buf_free(&got);
    expect_stable(s);
    shape_free(s);
}

static void bounded_memory(void **state)
{
    (void)state;
    shape *s = shape_new();
    char doc[64];
    size_t before = 0;
    buf got = {0};
    for (int i = 0; i < 30000; i++) {
        snprintf(doc, sizeof doc, "{'k%d':{'x%d':1}}", i % 100, i);
        assert_in_range(observe(s, doc), 0, 1);
        if (i == 25000) {
            shape_schema(s, &got);
            before = got.len;
        }
    }
    buf_clear(&got);
    shape_schema(s, &got);
    assert_int_equal(got.len, before);
    assert_true(got.len < 1000000);
    buf_free(&got);
    shape_free(s);
}

static void deep_documents(void **state)
{
    (void)state;
    for (int kind = 0; kind < 2; kind++) {
        shape *s = shape_new();
        buf doc = {0}, got = {0};
        for (int i = 0; i < JSON_DEPTH; i++)
            buf_adds(&doc, kind ? "[" : "{'a':");
        buf_adds(&doc, "1");
        for (int i = 0; i < JSON_DEPTH; i++)
            buf_adds(&doc, kind ? "]" : "}");
        assert_int_equal(observe(s, buf_text(&doc)), 1);
        assert_int_equal(observe(s, buf_text(&doc)), 0);
        shape_schema(s, &got);
        assert_true(json_check(buf_view(&got), NULL, NULL));
        expect_stable(s);
        buf_free(&doc);
        buf_free(&got);
        shape_free(s);
    }
}

static void long_names(void **state)
{
    (void)state;
    shape *s = shape_new();
    buf doc = {0};
    buf_adds(&doc, "{'");
    for (int i = 0; i < 5000; i++)
        buf_addc(&doc, 'x');
    buf_adds(&doc, "':1,'a':2}");
    assert_int_equal(observe(s, buf_text(&doc)), 1);
    expect_schema(s, "{'type':'object'}");
    buf_free(&doc);
    shape_free(s);
}

/* Documents are checked before they come here; but nothing bad may happen if they are not. */
static void malformed_documents(void **state)
{
    (void)state;
    static const char whole[] = "{'a':[1,2.5,'\\u0041',{'b':null}],'c':{'d':{},'e':'2024-01-31'},'f':true}";
    for (size_t len = 0; len < sizeof whole - 1; len++) {
        shape *s = shape_new();
        char part[sizeof whole];
        memcpy(part, whole, len);
        part[len] = '\0';
        assert_in_range(observe(s, part), 0, 1);
        assert_int_equal(observe(s, whole) | 1, 1);
        assert_int_equal(observe(s, part), 0);
        shape_free(s);
    }
}

/* --------------------------------------------------------------------------------------------------------------- unions -- */

/* A shape that has learned `before`, united with a schema. */
static void merge(const char *before, const char *schema, bool widens, const char *want)
{
    shape *s = shape_new();
    if (before)
        unite(s, before, true);
    unite(s, schema, widens);
    expect_schema(s, want);
    unite(s, schema, false);
    expect_stable(s);
    shape_free(s);
}

static void unions(void **state)
{
    (void)state;
    merge(NULL, "{'type':'integer'}", true, "{'type':'integer'}");
    merge(NULL, "{}", true, "{}");
    merge(NULL, "true", true, "{}");
    merge("{'type':'integer'}", "{}", true, "{}");
    merge("{'type':'integer'}", "false", false, "{'type':'integer'}");
    merge("{'type':'integer'}", "{'type':['null','number']}", true, "{'type':['null','number']}");
    merge("{'type':'number'}", "{'type':'integer'}", false, "{'type':'number'}");
    merge("{'type':'integer'}", "{'enum':[1.5,'x']}", true, "{'type':['number','string']}");
    merge("{'type':'string','format':'integer'}", "{'type':'string','format':'integer'}", false,
          "{'type':'string','format':'integer'}");
    merge("{'type':'string','format':'integer'}", "{'type':'string','format':'number'}", true, "{'type':'string'}");
    merge("{'type':'string','format':'date'}", "{'type':'string'}", true, "{'type':'string'}");
    merge("{'type':'integer'}", "{'type':'string','format':'date'}", true, "{'type':['integer','string'],'format':'date'}");
    merge("{'type':'string','contentEncoding':'base64'}", "{'type':'string','contentEncoding':'base64'}", false,
          "{'type':'string','contentEncoding':'base64'}");
    merge("{'type':'string','contentEncoding':'base64'}", "{'type':'string'}", true, "{'type':'string'}");
    merge("{'type':'array','items':{'type':'integer'}}", "{'type':'array','items':{'type':'null'}}", true,
          "{'type':'array','items':{'type':['integer','null']}}");
    merge("{'type':'array','items':{'type':'integer'}}", "{'type':'array'}", true, "{'type':'array'}");
    merge("{'type':'array','items':false}", "{'type':'array','items':{'type':'integer'}}", true,
          "{'type':'array','items':{'type':'integer'}}");
}

static void unions_of_objects(void **state)
{
    (void)state;
    static const char a[] = "{'type':'object','properties':{'id':{'type':'integer'},'a':{'type':'string'}},'required':['id','a'],"
                            "'additionalProperties':false}";
    merge(a, a, false, a);
    merge(a,
          "{'type':'object','properties':{'b':{'type':'null'},'id':{'type':'integer'}},'required':['b','id'],'additionalProperties'"
          ":false}",
          true,
          "{'type':'object','properties':{'id':{'type':'integer'},'a':{'type':'string'},'b':{'type':'null'}},'required':['id'],"
          "'additionalProperties':false}");
    /* an open one lets anything pass under the names that it does not describe */
    merge(a, "{'type':'object','properties':{'id':{'type':'integer'}},'required':['id']}", true,
          "{'type':'object','properties':{'id':{'type':'integer'},'a':{}},'required':['id']}");
    merge(a, "{'type':'object','properties':{'id':{'type':'integer'}},'additionalProperties':{'type':'null'}}", true,
          "{'type':'object','properties':{'id':{'type':'integer'},'a':{'type':['null','string']}},'additionalProperties':{'type':'null'}}");
    merge("{'type':'null'}", a, true,
          "{'type':['null','object'],'properties':{'id':{'type':'integer'},'a':{'type':'string'}},'required':['id','a'],"
          "'additionalProperties':false}");
    merge(NULL,
          "{'allOf':[{'$ref':'#/$defs/x'}],'$defs':{'x':{'type':'object','properties':{'n':{'$ref':'#/$defs/x'}},"
          "'additionalProperties':false}}}",
          true, "{'type':'object','properties':{'n':{'type':'object'}},'additionalProperties':false}");
}

static void union_then_documents(void **state)
{
    (void)state;
    shape *s = shape_new();
    unite(s,
          "{'type':'object','properties':{'id':{'type':'integer'},'amount':{'type':'string','format':'number'},'mail':{'type':'"
          "string',"
          "'format':'email'},'at':{'type':'string','format':'date-time'},'bin':{'type':'string','contentEncoding':'base64'},"
          "'any':{}},'required':['id'],'additionalProperties':false}",
          true);
    assert_int_equal(observe(s, "{'id':1.0,'amount':'-12.50','mail':'x','at':'2024-01-31T12:00:00Z','bin':'AA==','any':[{'x':1}]}"),
                     0);
    assert_int_equal(observe(s, "{'id':1,'amount':'many'}"), 1);
    assert_int_equal(observe(s, "{'id':1,'at':'now'}"), 1);
    assert_int_equal(observe(s, "{'amount':'1'}"), 1);
    expect_schema(s, "{'type':'object','properties':{'id':{'type':'integer'},'amount':{'type':'string'},'mail':{'type':'string',"
                     "'format':'email'},'at':{'type':'string'},'bin':{'type':'string','contentEncoding':'base64'},'any':{}},"
                     "'additionalProperties':false}");
    expect_stable(s);
    shape_free(s);
}

static void bad_schemas(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "{", "[]", "7", "{\"$ref\":\"#/nowhere\"}", "{\"properties\":{\"a\":1}}"};
    shape *s = shape_new();
    err e = {0};
    bool widened = false;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(shape_union(s, view_of(bad[i]), &e, &widened), WEIR_E_PROTOCOL);
        assert_false(widened);
    }
    expect_schema(s, "{}");
    err_free(&e);
    shape_free(s);
}

static void without_memory(void **state)
{
    (void)state;
    bool again = true;
    buf doc = {0};
    for (int i = 0; i < 80; i++)
        buf_printf(&doc, "%c\"member\\u0020%d\":[{\"a\":1}]", i ? ',' : '{', i);
    buf_addc(&doc, '}');
    for (size_t n = 0; again; n++) {
        err e = {0};
        bool widened;
        fault_at(FAULT_ALLOC, n, ENOMEM);
        shape *s = shape_new();
        weir_rc rc = s ? shape_union(s, VIEW("{\"type\":\"string\",\"format\":\"email\"}"), &e, &widened) : WEIR_E_NOMEM;
        int learned = rc ? -1 : shape_observe(s, buf_view(&doc));
        again = fault_clear();
        assert_int_equal(rc == WEIR_OK && learned == 1, !again);
        assert_true(rc == WEIR_OK || rc == WEIR_E_NOMEM);
        if (!rc && again) { /* what could not be learned is not forgotten to be so */
            assert_int_equal(shape_observe(s, buf_view(&doc)), -1);
            assert_int_equal(shape_union(s, VIEW("{}"), &e, &widened), WEIR_E_NOMEM);
        }
        err_free(&e);
        shape_free(s);
    }
    buf_free(&doc);
}

/* ------------------------------------------------------------------------------------------------------------ complexity -- */

/* As Flow's own tests have it (crates/doc/src/shape/limits.rs), but for ranges and lengths, which are not learned here. */
static void squashed(const char *const *docs, size_t count, unsigned limit, const char *want)
{
    shape *s = shape_new();
    char text[80];
    buf limited = {0};
    for (size_t i = 0; i < count; i++)
        observe(s, docs[i]);
    tree *t;
    arena a = {0};
    err e = {0};
    snprintf(text, sizeof text, "{\"x-complexity-limit\":%u}", limit);
    assert_int_equal(tree_parse(&a, view_of(text), NULL, WEIR_E_BUG, &t, &e), WEIR_OK);
    assert_true(shape_allow(s, t));
    assert_true(shape_limit(s));
    buf_printf(&limited, "%.*s,'x-complexity-limit':%u}", (int)strlen(want) - 1, want, limit);
    expect_schema(s, buf_text(&limited));
    expect_stable(s);
    for (size_t i = 0; i < count; i++) /* what was valid still is: nothing widens */
        if (observe(s, docs[i]))
            fail_msg("%s", docs[i]);
    buf_free(&limited);
    arena_free(&a);
    shape_free(s);
}
#define SQUASHED(limit, want, ...)                                                                                                                             \
    do {                                                                                                                                                       \
        static const char *const docs[] = {__VA_ARGS__};                                                                                                       \
        squashed(docs, sizeof docs / sizeof *docs, limit, want);                                                                                               \
    } while (0)

static void complexity(void **state)
{
    (void)state;
    /* nothing to do */
    SQUASHED(2, "{'type':'object','properties':{'b':{'type':'integer'},'a':{'type':'integer'}},'required':['b'],'additionalProperties':false}", "{'b':1,'a':1}", "{'b':1}");
    /* the last by name goes first */
    SQUASHED(2, "{'type':'object','properties':{'b':{'type':'integer'},'a':{'type':'integer'}},'required':['b','a'],'additionalProperties':{'type':['boolean','string']}}",
             "{'d':'x','b':1,'c':true,'a':1}");
    /* the deepest first */
    SQUASHED(1, "{'type':'object','properties':{'container':{'type':'object','additionalProperties':{'type':'integer'}}},'required':['container'],'additionalProperties':false}",
             "{'container':{'a':1,'b':2,'c':3}}");
    SQUASHED(1, "{'type':'object','properties':{'a':{'type':'object','additionalProperties':{'type':['integer','object']}}},'required':['a'],'additionalProperties':{'type':['integer','object']}}",
             "{'a':{'a':{'a':1},'b':2},'z':3,'b':{'c':4}}");
    /* within items */
    SQUASHED(1, "{'type':'array','items':{'type':'object','properties':{'k':{'type':'string'}},'required':['k'],'additionalProperties':{'type':'string','format':'date'}}}",
             "[{'k':'x','l':'2024-01-31','m':'2024-02-01'}]");
    /* strings keep a format that all of them have, empty arrays and objects stay what they are */
    SQUASHED(1, "{'type':'object','properties':{'a':{'type':'null'}},'required':['a'],'additionalProperties':{'type':['array','object','string'],'additionalProperties':false,"
                "'items':false}}",
             "{'a':null,'b':'2024-01-31','c':'x','d':[],'e':{}}");
    /* what is in arrays is given up */
    SQUASHED(1, "{'type':'object','properties':{'a':{'type':'null'}},'required':['a'],'additionalProperties':{'type':'array'}}", "{'a':null,'b':[1],'c':['x']}");
}

/* New members become part of what further ones are. */
static void beyond_complexity(void **state)
{
    (void)state;
    shape *s = shape_new();
    char doc[64];
    for (int i = 0; i < 1001; i++) {
        snprintf(doc, sizeof doc, "{'known':1,'key-%d':%d}", i, i * 5);
        assert_int_equal(observe(s, doc), 1);
        if (i % 100 == 50)
            assert_true(shape_limit(s));
    }
    assert_true(shape_limit(s)); /* 'known' is the last by name */
    assert_int_equal(observe(s, "{'known':1,'other':1}"), 0);
    assert_int_equal(observe(s, "{'known':1,'other':1.5}"), 1);
    assert_int_equal(observe(s, "{'other':-3.5,'key-5':7}"), 0);
    buf got = {0};
    shape_schema(s, &got);
    assert_non_null(strstr(buf_text(&got), "},\"additionalProperties\":{\"type\":\"number\"}}"));
    assert_null(strstr(buf_text(&got), "known"));
    assert_null(strstr(buf_text(&got), "required"));
    unite(s, "{'type':'object','properties':{'more':{'type':'string'}},'additionalProperties':false}", true);
    unite(s, "{'type':'object','properties':{'more':{'type':'string'}},'additionalProperties':{'type':'number'}}", true); /* the known ones, too, may be numbers */
    unite(s, "{'type':'object','properties':{'more':{'type':'string'}},'additionalProperties':{'type':'number'}}", false);
    buf_clear(&got);
    shape_schema(s, &got);
    assert_non_null(strstr(buf_text(&got), "},\"additionalProperties\":{\"type\":[\"number\",\"string\"]}}"));
    buf_free(&got);
    shape_free(s);
}

/* Twelve levels. */
static void too_deep(void **state)
{
    (void)state;
    buf doc = {0};
    shape *s = shape_new();
    for (int i = 0; i < 20; i++)
        buf_printf(&doc, "{'f%d':", i);
    buf_adds(&doc, "1");
    for (int i = 0; i < 20; i++)
        buf_addc(&doc, '}');
    assert_int_equal(observe(s, buf_text(&doc)), 1);
    assert_true(shape_limit(s));
    buf got = {0};
    shape_schema(s, &got);
    assert_non_null(strstr(buf_text(&got), "\"f11\":{\"type\":\"object\",\"additionalProperties\":{\"type\":\"object\"}}"));
    assert_null(strstr(buf_text(&got), "f12"));
    assert_int_equal(observe(s, buf_text(&doc)), 0);
    buf_free(&got);
    buf_free(&doc);
    shape_free(s);
}

static void what_limits_say(void **state)
{
    (void)state;
    static const char *const bad[] = {"{}", "{'x-complexity-limit':0}", "{'x-complexity-limit':100001}", "{'x-complexity-limit':'5'}", "{'x-complexity-limit':-1}"};
    shape *s = shape_new();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        bool widened;
        err e = {0};
        char *text = quoted(bad[i]);
        assert_int_equal(shape_union(s, view_of(text), &e, &widened), WEIR_OK);
        free(text);
    }
    expect_schema(s, "{}");
    unite(s, "{'x-complexity-limit':20000}", false);
    expect_schema(s, "{'x-complexity-limit':10000}");
    shape_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(complexity), cmocka_unit_test(beyond_complexity), cmocka_unit_test(too_deep), cmocka_unit_test(what_limits_say),
        cmocka_unit_test(nothing),
        cmocka_unit_test(scalars),
        cmocka_unit_test(formats),
        cmocka_unit_test(objects),
        cmocka_unit_test(many_members),
        cmocka_unit_test(arrays),
        cmocka_unit_test(wide_objects),
        cmocka_unit_test(bounded_memory),
        cmocka_unit_test(deep_documents),
        cmocka_unit_test(long_names),
        cmocka_unit_test(malformed_documents),
        cmocka_unit_test(unions),
        cmocka_unit_test(unions_of_objects),
        cmocka_unit_test(union_then_documents),
        cmocka_unit_test(bad_schemas),
        cmocka_unit_test(without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
