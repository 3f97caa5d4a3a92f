/* Expected values: YAML 1.2.2, chapter 10.3.2 (core schema) for scalars, its chapters 2 and 7 for structure; JSON text written by
 * hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "json/patch.h"
#include "json/text.h"
#include "plane/yaml.h"

typedef struct world {
    arena mem;
    err e;
    buf out;
} world;

static int set_up(void **state)
{
    *state = calloc(1, sizeof(world));
    return *state ? 0 : -1;
}

static int tear_down(void **state)
{
    world *w = *state;
    arena_free(&w->mem);
    err_free(&w->e);
    buf_free(&w->out);
    free(w);
    return 0;
}

static const tree *parse(world *w, weir_view yaml)
{
    tree *t = NULL;
    if (yaml_parse(&w->mem, yaml, "f.yaml", &t, &w->e))
        fail_msg("%.*s\n%s", VIEW_ARG(yaml), err_text(&w->e));
    return t;
}

static const char *json_of(world *w, const tree *t)
{
    buf_clear(&w->out);
    tree_write(&w->out, t);
    return buf_text(&w->out);
}

static void assert_json(world *w, const char *yaml, const char *json)
{
    assert_string_equal(json_of(w, parse(w, view_of(yaml))), json);
}

static void assert_refused(world *w, weir_view yaml, const char *message)
{
    tree *t = NULL;
    if (yaml_parse(&w->mem, yaml, "f.yaml", &t, &w->e) == WEIR_OK)
        fail_msg("accepted: %.*s", VIEW_ARG(yaml));
    assert_null(t);
    assert_int_equal(w->e.rc, WEIR_E_CONFIG);
    assert_string_equal(err_text(&w->e), message);
}

/* ----------------------------------------------------------------------------------------------------------- scalars -- */

static const struct {
    const char *yaml, *json;
} scalars[] = {
    {"null", "null"},
    {"Null", "null"},
    {"NULL", "null"},
    {"~", "null"},
    {"", "null"},
    {"nUll", "\"nUll\""},
    {"None", "\"None\""},
    {"true", "true"},
    {"True", "true"},
    {"TRUE", "true"},
    {"false", "false"},
    {"False", "false"},
    {"FALSE", "false"},
    {"no", "\"no\""},
    {"yes", "\"yes\""},
    {"on", "\"on\""},
    {"off", "\"off\""},
    {"y", "\"y\""},
    {"tRue", "\"tRue\""},
    {"0", "0"},
    {"-19", "-19"},
    {"+12", "12"},
    {"007", "7"},
    {"000", "0"},
    {"-0", "-0"},
    {"0o7", "7"},
    {"0o17", "15"},
    {"0o8", "\"0o8\""},
    {"0x3A", "58"},
    {"0x1f", "31"},
    {"0x", "\"0x\""},
    {"0xg", "\"0xg\""},
    {"-0x1f", "\"-0x1f\""},
    {"0x0", "0"},
    {"0xffffffffffffffffffffffff", "79228162514264337593543950335"},
    {"-1234", "-1234"},
    {"+1234", "1234"},
    {"123456789012345678901234567890", "123456789012345678901234567890"},
    {"0.", "0.0"},
    {"-0.0", "-0.0"},
    {".5", "0.5"},
    {"-.5", "-0.5"},
    {"+12e03", "12e03"},
    {"-2E+05", "-2E+05"},
    {"1.e3", "1.0e3"},
    {"00.50", "0.50"},
    {"1.10", "1.10"},
    {"1e", "\"1e\""},
    {"1e+", "\"1e+\""},
    {".", "\".\""},
    {"-", "[null]"},
    {"+", "\"+\""},
    {"1.2.3", "\"1.2.3\""},
    {"1_000", "\"1_000\""},
    {"1:30", "\"1:30\""},
    {"2024-01-31", "\"2024-01-31\""},
    {"1 2", "\"1 2\""},
    {"+.info", "\"+.info\""},
    {"-.nan", "\"-.nan\""},
    {".infx", "\".infx\""},
    {"-0x1", "\"-0x1\""},
    {"-.123", "-0.123"},
    {"'1'", "\"1\""},
    {"\"true\"", "\"true\""},
    {"!!str 1", "\"1\""},
    {"! 1", "\"1\""},
    {"!!int \"3\"", "3"},
    {"!!float 1", "1"},
    {"!!null ''", "null"},
    {"!!bool \"true\"", "true"},
    {"<<", "\"<<\""},
    {"text # comment", "\"text\""},
    {"flow://x", "\"flow://x\""},
};

static void test_scalars(void **state)
{
    for (size_t i = 0; i < sizeof scalars / sizeof *scalars; i++) {
        buf one = {0}, key = {0};
        assert_json(*state, scalars[i].yaml, scalars[i].json);
        buf_printf(&one, "a: %s\n", scalars[i].yaml);
        buf_printf(&key, "{\"a\":%s}", scalars[i].json);
        if (strcmp(scalars[i].yaml, "-") != 0)
            assert_json(*state, buf_text(&one), buf_text(&key));
        buf_free(&one);
        buf_free(&key);
    }
}

static void test_refused_scalars(void **state)
{
    assert_refused(*state, VIEW("a: .inf"), "f.yaml:1:4: \".inf\" is no JSON number; quote it if it is text");
    assert_refused(*state, VIEW("- -.Inf"), "f.yaml:1:3: \"-.Inf\" is no JSON number; quote it if it is text");
    assert_refused(*state, VIEW("[.NaN]"), "f.yaml:1:2: \".NaN\" is no JSON number; quote it if it is text");
    assert_refused(*state, VIEW("!!int x"), "f.yaml:1:1: the tag \"!!int\" does not fit here");
    assert_refused(*state, VIEW("a: !!binary aGk="), "f.yaml:1:4: the tag \"!!binary\" does not fit here");
    assert_refused(*state, VIEW("a: !include x.yaml"), "f.yaml:1:4: the tag \"!include\" does not fit here");
    assert_refused(*state, VIEW("a: !!map []"), "f.yaml:1:4: the tag \"!!map\" does not fit here");
}

/* --------------------------------------------------------------------------------------------------------- structure -- */

static void test_structure(void **state)
{
    assert_json(*state, "", "null");
    assert_json(*state, "# nothing\n", "null");
    assert_json(*state, "\xef\xbb\xbfx: 1\n", "{\"x\":1}");
    assert_json(*state, "a:\n  - b\n  - c: 1\n    d: [x, {y: z}]\ne:\n- f\n",
                "{\"a\":[\"b\",{\"c\":1,\"d\":[\"x\",{\"y\":\"z\"}]}],\"e\":[\"f\"]}");
    assert_json(*state, "t: |\n  one\n   two\nf: >-\n  a\n  b\n\n  c\n", "{\"t\":\"one\\n two\\n\",\"f\":\"a b\\nc\"}");
    assert_json(*state, "\"\\u00e9\\x41\\t\": 'it''s'",
                "{\"\xc3\xa9"
                "A\\t\":\"it's\"}");
    assert_json(*state, "---\na: 1\n...\n", "{\"a\":1}");
    assert_json(*state, "1: a\ntrue: b\nnull: c\n1.0: d\n? x\n: y\n",
                "{\"1\":\"a\",\"true\":\"b\",\"null\":\"c\",\"1.0\":\"d\",\"x\":\"y\"}");
    assert_json(*state, "a: 1\r\nb: 2\r\n", "{\"a\":1,\"b\":2}");
}

static void test_aliases(void **state)
{
    assert_json(*state, "a: &x {k: [1]}\nb: *x\nc: [*x, *x]\n",
                "{\"a\":{\"k\":[1]},\"b\":{\"k\":[1]},\"c\":[{\"k\":[1]},{\"k\":[1]}]}");
    assert_json(*state, "- &x 1\n- &x 2\n- *x\n", "[1,2,2]");
    assert_json(*state, "a: &k name\n*k : v\n", "{\"a\":\"name\",\"name\":\"v\"}");
    assert_refused(*state, VIEW("a: *x\n"), "f.yaml:1:4: no anchor \"&x\" comes before this alias");
    assert_refused(*state, VIEW("a: &x [*x]\n"), "f.yaml:1:8: the alias \"*x\" is inside what it stands for");
}

static void test_merge_keys(void **state)
{
    assert_json(*state, "x: &x {a: 1, b: 2}\ny: {<<: *x, b: 3}\n", "{\"x\":{\"a\":1,\"b\":2},\"y\":{\"b\":3,\"a\":1}}");
    assert_json(*state, "- &x {a: 1}\n- &y {a: 2, c: 3}\n- {<<: [*x, *y], d: 4}\n",
                "[{\"a\":1},{\"a\":2,\"c\":3},{\"d\":4,\"a\":1,\"c\":3}]");
    assert_json(*state, "'<<': 1", "{\"<<\":1}");
    assert_refused(*state, VIEW("<<: 1\n"), "f.yaml:1:5: << merges objects, this is a number");
    assert_refused(*state, VIEW("<<: {}\n<<: {}\n"), "f.yaml:2:1: the key \"<<\" appears twice; merge a list of aliases instead");
}

static void test_marks(void **state)
{
    const tree *t = parse(*state, VIEW("# c\n\xc3\xa9: {b: 1}\nlist:\n  - x\n  -\n    k: v\n"));
    const tree *b = tree_at(t, VIEW("/\xc3\xa9/b")), *x = tree_at(t, VIEW("/list/0")), *k = tree_at(t, VIEW("/list/1/k"));
    assert_string_equal(b->mark.file, "f.yaml");
    assert_int_equal(b->name_mark.line, 2);
    assert_int_equal(b->name_mark.column, 5); /* characters, not bytes */
    assert_int_equal(b->mark.column, 8);
    assert_int_equal(x->mark.line, 4);
    assert_int_equal(x->mark.column, 5);
    assert_int_equal(k->name_mark.line, 6);
    assert_int_equal(k->name_mark.column, 5);
    assert_int_equal(k->mark.column, 8);
}

static void test_refused(void **state)
{
    assert_refused(*state, VIEW("a: 1\nb: 2\na: 3\n"), "f.yaml:3:1: the key \"a\" appears twice, first at 1:1");
    assert_refused(*state, VIEW("a: 1\n---\nb: 2\n"), "f.yaml:2:1: a second document begins here; there may be only one");
    assert_refused(*state, VIEW("? [a]\n: b\n"), "f.yaml:1:3: a key cannot be an array");
    assert_refused(*state, VIEW("a: b: c\n"), "f.yaml:1:5: mapping values are not allowed in this context");
    assert_refused(*state, VIEW("a: 1\nb: \xff\n"), "f.yaml:2:4: invalid leading UTF-8 octet");
    assert_refused(*state, VIEW("{\"a\":1,\"a\":2}"), "f.yaml:1:8: member \"a\" appears twice, first at 1:2");
}

/* -------------------------------------------------------------------------------------------------------------- JSON -- */

static void test_json(void **state)
{
    world *w = *state;
    const tree *t = parse(w, VIEW("{\n\t\"emoji\": \"\\ud83d\\ude00\\/\",\n\t\"n\":1E5, \"deep\":[[[]]]}\n"));
    assert_string_equal(tree_get(t, "emoji")->text.ptr, "\xf0\x9f\x98\x80/");
    assert_string_equal(tree_get(t, "n")->text.ptr ? "1E5" : "", "1E5");
    assert_true(tree_get(t, "n")->raw.len == 3);
    assert_json(w, "{\"a\": 1,}", "{\"a\":1}"); /* YAML allows the comma */
}

/* ----------------------------------------------------------------------------------------------------------- hostile -- */

static void test_bombs(void **state)
{
    buf text = {0};
    buf_adds(&text, "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
    for (int i = 1; i < 20; i++) {
        buf_printf(&text, "a%d: &a%d [", i, i);
        for (int k = 0; k < 10; k++)
            buf_printf(&text, "*a%d%s", i - 1, k < 9 ? "," : "]\n");
    }
    assert_refused(*state, buf_view(&text), "f.yaml:5:38: aliases that stand for more than 100000 values or 64 MiB of text");

    buf_clear(&text);
    buf_adds(&text, "- &a \"");
    for (int i = 0; i < 1 << 20; i++)
        buf_addc(&text, 'x');
    buf_adds(&text, "\"\n");
    for (int i = 0; i < 65; i++)
        buf_adds(&text, "- *a\n");
    assert_refused(*state, buf_view(&text), "f.yaml:66:3: aliases that stand for more than 100000 values or 64 MiB of text");
    buf_free(&text);
}

static void test_depth(void **state)
{
    buf text = {0};
    buf_adds(&text, "x: "); /* no JSON */
    for (int i = 0; i < 127; i++)
        buf_addc(&text, '[');
    for (int i = 0; i < 127; i++)
        buf_addc(&text, ']');
    assert_int_equal(parse(*state, buf_view(&text))->count, 1);
    buf_clear(&text);
    buf_adds(&text, "x: ");
    for (int i = 0; i < 100000; i++)
        buf_addc(&text, '[');
    assert_refused(*state, buf_view(&text), "f.yaml:1:131: nested more than 128 levels deep");
    buf_clear(&text);
    buf_adds(&text, "- &a0 [[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]\n"); /* each 20 deeper: 1 + 120 + 1 levels */
    for (int i = 1; i < 6; i++)
        buf_printf(&text, "- &a%d [[[[[[[[[[[[[[[[[[[[*a%d]]]]]]]]]]]]]]]]]]]]\n", i, i - 1);
    buf_adds(&text, "- [[[[[[*a5]]]]]]\n");
    assert_int_equal(parse(*state, buf_view(&text))->count, 7);
    buf_adds(&text, "- [[[[[[[*a5]]]]]]]\n");
    assert_refused(*state, buf_view(&text), "f.yaml:8:10: nested more than 128 levels deep");
    buf_free(&text);
}

/* ----------------------------------------------------------------------------------------------------------- writing -- */

static const tree *from_json(world *w, const char *json)
{
    tree *t = NULL;
    if (tree_parse(&w->mem, view_of(json), NULL, WEIR_E_CONFIG, &t, &w->e))
        fail_msg("%s", err_text(&w->e));
    return t;
}

static void assert_written(world *w, const char *json, const char *yaml)
{
    buf_clear(&w->out);
    yaml_write(&w->out, from_json(w, json));
    assert_string_equal(buf_text(&w->out), yaml);
}

static void test_write(void **state)
{
    assert_written(
        *state,
        "{\"collections\":{\"acme/a\":{\"schema\":{\"type\":\"object\",\"properties\":{\"id\":{\"type\":[\"integer\",\"null\"]},"
        "\"n\":{}},\"required\":[\"id\"]},\"key\":[\"/id\"]}}}",
        "collections:\n  acme/a:\n    schema:\n      type: object\n      properties:\n        id: {type: [integer, \"null\"]}\n"
        "        n: {}\n      required: [id]\n    key: [/id]\n");
    assert_written(*state, "[{\"resource\":{\"stream\":\"a\"},\"target\":\"acme/a\",\"backfill\":2},[[1,{\"x\":[{}]}]]]",
                   "- resource: {stream: a}\n  target: acme/a\n  backfill: 2\n- - - 1\n    - {x: [{}]}\n");
    assert_written(*state,
                   "{\"a\":\"yes\",\"b\":\"\",\"c\":\"1\",\"d\":\"x y, it's (so)\",\"e\":\"a: "
                   "b\",\"f\":\"flow://write-schema\",\"$ref\":\"#/x\","
                   "\"g\":\" x\",\"h\":\"x \",\"i\":\"x #y\",\"\xc3\xa9\":\"\xc3\xa9\",\"no\":null,\"j\":\"- "
                   "x\",\"k\":\"\\u0007\\u0085\xef\xbb\xbf\"}",
                   "a: \"yes\"\nb: \"\"\nc: \"1\"\nd: x y, it's (so)\ne: \"a: b\"\nf: flow://write-schema\n$ref: \"#/x\"\ng: \" "
                   "x\"\nh: \"x \"\n"
                   "i: \"x #y\"\n\xc3\xa9: \xc3\xa9\n\"no\": null\nj: \"- x\"\nk: \"\\u0007\\u0085\\ufeff\"\n");
    assert_written(*state, "{\"sql\":\"select 1\\n\\n  from x\\n\",\"t\":[\"a\\nb\"]}",
                   "sql: |\n  select 1\n\n    from x\nt: [\"a\\nb\"]\n");
    assert_written(*state, "[]", "[]\n");
    assert_written(*state, "\"x\\ny\"", "|-\n  x\n  y\n");
}

/* What is written reads back as the same value; every byte below 0x80 and some beyond, at the beginning, the middle and the end. */
static void test_round_trip(void **state)
{
    static const char *const odd[] = {"\xc2\x85",     "\xc2\xa0",         "\xe2\x80\xa8", "\xef\xbb\xbf",
                                      "\xef\xbf\xbe", "\xf0\x9f\x98\x80", "\xed\x9f\xbf"};
    world *w = *state;
    buf json = {0};
    for (unsigned c = 0; c < 0x80 + sizeof odd / sizeof *odd; c++) {
        char ascii[2] = {(char)c, 0};
        weir_view one = c < 0x80 ? (weir_view){ascii, 1} : view_of(odd[c - 0x80]);
        const char *const shapes[][2] = {{"", ""},       {"a", "b"},  {"a", ""},  {"", "b"}, {"a ", " b"},
                                         {"a\n", "\nb"}, {"a\n", ""}, {"", "\n"}, {"1", "2"}};
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
            buf text = {0};
            buf_adds(&text, shapes[i][0]);
            buf_addv(&text, one);
            buf_adds(&text, shapes[i][1]);
            buf_clear(&json);
            buf_adds(&json, "{\"in\":{\"list\":[");
            json_quote(&json, buf_view(&text));
            buf_adds(&json, "],\"o\":[{\"x\":");
            json_quote(&json, buf_view(&text));
            buf_adds(&json, ",\"deep\":{\"er\":[[{}]]}}]},");
            json_quote(&json, buf_view(&text));
            buf_addc(&json, ':');
            json_quote(&json, buf_view(&text));
            buf_addc(&json, '}');
            buf_clear(&w->out);
            yaml_write(&w->out, from_json(w, buf_text(&json)));
            weir_view yaml = arena_dup(&w->mem, buf_view(&w->out));
            if (!json_equal(view_of(json_of(w, parse(w, yaml))), buf_view(&json)))
                fail_msg("%s\nbecame\n%.*s", buf_text(&json), VIEW_ARG(yaml));
            buf_free(&text);
        }
        arena_reset(&w->mem);
    }
    buf_free(&json);
}

static void test_long_keys(void **state)
{
    world *w = *state;
    buf json = {0};
    buf_adds(&json, "{\"a\":{\"");
    for (int i = 0; i < 3000; i++)
        buf_adds(&json, "\\u0001");
    buf_adds(&json, "\":{\"x\":[{\"y\":1}]}}}");
    yaml_write(&w->out, from_json(w, buf_text(&json)));
    weir_view yaml = arena_dup(&w->mem, buf_view(&w->out));
    assert_true(json_equal(view_of(json_of(w, parse(w, yaml))), buf_view(&json)));
    buf_free(&json);
}

static void test_show(void **state)
{
    world *w = *state;
    char path[] = "/tmp/weir-yaml-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    FILE *f = fdopen(fd, "w");
    fputs("a: 1\n\t\xc3\xa9x: 2\r\n", f);
    fclose(f);
    yaml_show(&w->out, (tree_mark){path, 2, 3});
    assert_string_equal(buf_text(&w->out), "\t\xc3\xa9x: 2\n\t ^\n");
    buf_clear(&w->out);
    yaml_show(&w->out, (tree_mark){path, 9, 1});
    yaml_show(&w->out, (tree_mark){"/no/such/file", 1, 1});
    yaml_show(&w->out, (tree_mark){0});
    assert_int_equal(w->out.len, 0);
    remove(path);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_scalars), TEST(test_refused_scalars), TEST(test_structure), TEST(test_aliases), TEST(test_merge_keys),
        TEST(test_marks),   TEST(test_refused),         TEST(test_json),      TEST(test_bombs),   TEST(test_depth),
        TEST(test_write),   TEST(test_round_trip),      TEST(test_long_keys), TEST(test_show),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
