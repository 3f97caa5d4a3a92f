/* Expected values: RFC 7396 (section 3 and appendix A); and the pseudo code of its section 2, on trees, for random values. */
#include "helpers.h"

#include "json/patch.h"
#include "json/scan.h"
#include "json/text.h"
#include "json/tree.h"

/* ----------------------------------------------------------------------------------------------------------- merging -- */

static void applied(const char *target, const char *patch, const char *expected)
{
    buf out = {0};
    weir_view t = guarded(view_of(target)), p = guarded(view_of(patch));
    assert_true(patch_apply(&out, t, p));
    assert_view(buf_view(&out), view_of(expected));
    guarded_free(t);
    guarded_free(p);
    buf_free(&out);
}

/* RFC 7396, appendix A: original, patch, result. */
static const char *const appendix[][3] = {
    {"{\"a\":\"b\"}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
    {"{\"a\":\"b\"}", "{\"b\":\"c\"}", "{\"a\":\"b\",\"b\":\"c\"}"},
    {"{\"a\":\"b\"}", "{\"a\":null}", "{}"},
    {"{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":null}", "{\"b\":\"c\"}"},
    {"{\"a\":[\"b\"]}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
    {"{\"a\":\"c\"}", "{\"a\":[\"b\"]}", "{\"a\":[\"b\"]}"},
    {"{\"a\":{\"b\":\"c\"}}", "{\"a\":{\"b\":\"d\",\"c\":null}}", "{\"a\":{\"b\":\"d\"}}"},
    {"{\"a\":[{\"b\":\"c\"}]}", "{\"a\":[1]}", "{\"a\":[1]}"},
    {"[\"a\",\"b\"]", "[\"c\",\"d\"]", "[\"c\",\"d\"]"},
    {"{\"a\":\"b\"}", "[\"c\"]", "[\"c\"]"},
    {"{\"a\":\"foo\"}", "null", "null"},
    {"{\"a\":\"foo\"}", "\"bar\"", "\"bar\""},
    {"{\"e\":null}", "{\"a\":1}", "{\"e\":null,\"a\":1}"},
    {"[1,2]", "{\"a\":\"b\",\"c\":null}", "{\"a\":\"b\"}"},
    {"{}", "{\"a\":{\"bb\":{\"ccc\":null}}}", "{\"a\":{\"bb\":{}}}"},
};

static void test_appendix(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof appendix / sizeof *appendix; i++)
        applied(appendix[i][0], appendix[i][1], appendix[i][2]);
}

static void test_section_3(void **state)
{
    (void)state;
    applied("{\"title\":\"Goodbye!\",\"author\":{\"givenName\":\"John\",\"familyName\":\"Doe\"},\"tags\":[\"example\",\"sample\"],"
            "\"content\":\"This will be unchanged\"}",
            "{\"title\":\"Hello!\",\"phoneNumber\":\"+01-123-456-7890\",\"author\":{\"familyName\":null},\"tags\":[\"example\"]}",
            "{\"title\":\"Hello!\",\"author\":{\"givenName\":\"John\"},\"tags\":[\"example\"],"
            "\"content\":\"This will be unchanged\",\"phoneNumber\":\"+01-123-456-7890\"}");
}

static void test_apply(void **state)
{
    (void)state;
    /* order of the target, then of the patch; values as written */
    applied("{\"z\":1,\"a\" : [ 1, 2 ],\"m\":3}", "{\"n\":1e0,\"m\":4,\"b\": \"\\u0041\"}",
    "{\"z\":1,\"a\":[ 1, 2 ],\"m\":4,\"n\":1e0,\"b\":\"\\u0041\"}");
    /* names are compared by value */
    applied("{\"t\\u0079pe\":1}", "{\"type\":2}", "{\"t\\u0079pe\":2}");
    applied("{\"type\":1}", "{\"\\u0074ype\":null}", "{}");
    applied("{\"\\ud800\":1,\"\\ud801\":2,\"\\ufffd\":3}", "{\"\\uD801\":null}", "{\"\\ud800\":1,\"\\ufffd\":3}");
    /* an empty text counts as null */
    applied("", "{\"a\":1,\"b\":null}", "{\"a\":1}");
    applied("", "1", "1");
    applied("null", "{}", "{}");
    /* nulls inside of arrays are values, also in objects there */
    applied("{}", "{\"a\":[null,{\"b\":null}]}", "{\"a\":[null,{\"b\":null}]}");
    applied("{\"a\":{\"b\":null}}", "{\"a\":{\"c\":1}}", "{\"a\":{\"b\":null,\"c\":1}}");
    /* white space around everything */
    applied(" { \"a\" : 1 , \"b\" : { } } ", " { \"b\" : { \"c\" : 2 } } ", "{\"a\":1,\"b\":{\"c\":2}}");
}

/* Of duplicate names the last one counts. Where the target has them, whichever a reader takes is patched. */
static void test_apply_to_duplicate_names(void **state)
{
    (void)state;
    applied("{\"a\":0}", "{\"a\":1,\"a\":null}", "{}");
    applied("{\"a\":0}", "{\"a\":null,\"a\":1}", "{\"a\":1}");
    applied("{}", "{\"a\":{\"x\":1},\"a\":{\"y\":1}}", "{\"a\":{\"y\":1}}");
    applied("{\"a\":{\"x\":1},\"a\":{\"y\":1}}", "{\"a\":{\"x\":2}}", "{\"a\":{\"x\":2},\"a\":{\"y\":1,\"x\":2}}");
    applied("{\"a\":1,\"b\":2,\"a\":3}", "{\"a\":null}", "{\"b\":2}");
}

static void test_apply_without_room(void **state)
{
    (void)state;
    for (size_t max = 1; max <= 24; max++) {
        buf out = {.max = max};
        buf_addc(&out, '-');
        bool good = patch_apply(&out, VIEW("{\"a\":\"b\",\"c\":1}"), VIEW("{\"c\":{\"d\":2}}"));
        assert_int_equal(good, max >= 1 + 21);
        assert_int_equal(out.len, good ? 1 + 21 : 1);
        buf_free(&out);
    }
}

/* ---------------------------------------------------------------------------------------------------------- equality -- */

static const char *const equal[][2] = {
    {"1", "1.0"},
    {"100", "1e2"},
    {"-0", "0"},
    {"\"A\"", "\"\\u0041\""},
    {"\"\\/\\ud834\\udd1e\"", "\"/\xf0\x9d\x84\x9e\""},
    {"\"\\ud800\"", "\"\\uD800\""},
    {"{\"a\":1,\"b\":[1,2]}", " { \"b\" : [ 1 , 2.0 ] , \"a\" : 1 } "},
    {"{\"a\":{\"b\":{}}}", "{\"\\u0061\":{\"b\":{ }}}"},
    {"[]", "[ ]"},
    {"{\"a\":1,\"a\":2}", "{\"a\":2}"},
    {"", "null"},
};

static const char *const different[][2] = {
    {"1", "1.1"},
    {"1", "\"1\""},
    {"0", "false"},
    {"0", "null"},
    {"true", "false"},
    {"\"a\"", "\"A\""},
    {"\"\\ud800\"", "\"\\ufffd\""},
    {"9007199254740993", "9007199254740992"},
    {"[1,2]", "[2,1]"},
    {"[1]", "[1,1]"},
    {"[]", "{}"},
    {"[null]", "[]"},
    {"{\"a\":null}", "{}"},
    {"{\"a\":1}", "{\"b\":1}"},
    {"{\"a\":1}", "{\"a\":1,\"b\":1}"},
    {"{\"a\":1,\"a\":2}", "{\"a\":1}"},
};

static void test_equal(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof equal / sizeof *equal; i++) {
        if (!json_equal(view_of(equal[i][0]), view_of(equal[i][1])) || !json_equal(view_of(equal[i][1]), view_of(equal[i][0])))
            fail_msg("%s is %s", equal[i][0], equal[i][1]);
    }
    for (size_t i = 0; i < sizeof different / sizeof *different; i++) {
        if (json_equal(view_of(different[i][0]), view_of(different[i][1])) || json_equal(view_of(different[i][1]),
        view_of(different[i][0])))
            fail_msg("%s is not %s", different[i][0], different[i][1]);
    }
}

/* ----------------------------------------------------------------------------------------------------------- diffing -- */

static void test_diff(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to, *expected;
    } cases[] = {
        {"{}", "{}", "{}"},
        {"", "{}", "{}"},
        {"", "{\"a\":1,\"b\":null}", "{\"a\":1}"},
        {"{\"a\":1}", "{\"a\":1.0}", "{}"},
        {"{\"a\":1,\"b\":2}", "{\"b\":2,\"a\":1}", "{}"},
        {"{\"a\":1}", "{}", "{\"a\":null}"},
        {"{\"a\":1}", "{\"a\":null}", "{\"a\":null}"},
        {"{}", "{\"a\":null}", "{}"},
        {"{\"a\":null}", "{\"a\":null}", "{}"},
        {"{\"a\":null}", "{}", "{\"a\":null}"},
        {"{\"a\":1}", "{\"a\":\"1\"}", "{\"a\":\"1\"}"},
        {"{\"a\":{\"b\":1,\"c\":2},\"d\":3}", "{\"a\":{\"b\":1,\"c\":3},\"d\":3}", "{\"a\":{\"c\":3}}"},
        {"{\"a\":{\"b\":1}}", "{\"a\":{}}", "{\"a\":{\"b\":null}}"},
        {"{\"a\":1}", "{\"a\":{}}", "{\"a\":{}}"},
        {"{\"a\":1}", "{\"a\":{\"b\":null}}", "{\"a\":{}}"},
        {"{\"a\":{\"b\":1}}", "{\"a\":[]}", "{\"a\":[]}"},
        {"{\"a\":[1,{\"b\":null}]}", "{\"a\":[1,{}]}", "{\"a\":[1,{}]}"},
        {"{\"a\":[1,{\"b\":null}]}", "{\"a\":[1.0,{ \"b\":null }]}", "{}"},
        {"{\"a\":1,\"b\":1}", "{\"c\":1,\"b\":2}", "{\"a\":null,\"b\":2,\"c\":1}"},
        {"[1]", "{\"a\":1}", "{\"a\":1}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        buf out = {0};
        weir_view from = guarded(view_of(cases[i].from)), to = guarded(view_of(cases[i].to));
        assert_true(patch_diff(&out, from, to));
        assert_view(buf_view(&out), view_of(cases[i].expected));
        guarded_free(from);
        guarded_free(to);
        buf_free(&out);
    }
}

/* ------------------------------------------------------------------------------------------------------ random values -- */

/* Names repeat often enough to meet; the escaped ones mean the same as others. */
static const struct {
    const char *plain, *escaped;
} names[] = {{"a", "\\u0061"}, {"b", "b"}, {"/x~", "\\/x~"}, {"\xc3\xa9", "\\u00e9"}, {"", ""}, {"\xf0\x9d\x84\x9e",
             "\\ud834\\udd1e"}};
enum { NAMES = sizeof names / sizeof *names };

static const char *const scalars[] = {"null", "null", "1", "1.0", "2", "-0", "true", "false", "\"s\"", "\"\\u0073\"",
                                      "\"\xe2\x82\xac\"", "{}", "[ ]"};

static void make_value(buf *out, uint64_t *seed, size_t depth);

/** With few members of often the same names, or with many. */
static void make_object(buf *out, uint64_t *seed, size_t depth)
{
    bool many = roll(seed, 6) == 0;
    size_t sides = many ? 40 : NAMES;
    uint64_t used = 0;
    const char *comma = "{";
    for (size_t n = roll(seed, many ? 40 : 5); n; n--) {
        size_t name = roll(seed, sides);
        if (used >> name & 1)
            continue;
        used |= (uint64_t)1 << name;
        buf_adds(out, comma);
        comma = roll(seed, 2) ? "," : " ,\n";
        if (name < NAMES)
            buf_printf(out, "\"%s\":", roll(seed, 3) ? names[name].plain : names[name].escaped);
        else
            buf_printf(out, "\"name %zu\" : ", name);
        make_value(out, seed, many ? 0 : depth);
    }
    buf_adds(out, *comma == '{' ? "{}" : "}");
}

static void make_value(buf *out, uint64_t *seed, size_t depth)
{
    size_t kind = depth ? roll(seed, 4) : 3;
    if (kind < 2) {
        make_object(out, seed, depth - 1);
    } else if (kind == 2) {
        buf_addc(out, '[');
        for (size_t n = roll(seed, 3); n; n--) {
            make_value(out, seed, depth - 1);
            buf_adds(out, n > 1 ? ", " : "");
        }
        buf_addc(out, ']');
    } else {
        buf_adds(out, scalars[roll(seed, sizeof scalars / sizeof *scalars)]);
    }
}

/** Two objects that have something, much or all in common: the same steps with another seed now and then. */
static void make_pair(buf *a, buf *b, uint64_t *seed)
{
    buf_clear(a);
    buf_clear(b);
    if (roll(seed, 4) == 0) {
        make_value(a, seed, 4);
        make_value(b, seed, 4);
        return;
    }
    const char *comma = "{";
    size_t sides = roll(seed, 3) ? 5 : 50;
    for (size_t name = 0; name < NAMES; name++) {
        uint64_t same = dice(seed), other = dice(seed), what = roll(seed, sides), copy = same;
        if (what != 0) {
            buf_printf(a, "%s\"%s\":", a->len ? "," : comma, names[name].plain);
            make_value(a, &same, 3);
        }
        if (what != 1) {
            buf_printf(b, "%s\"%s\":", b->len ? "," : comma, names[name].escaped);
            make_value(b, what == 2 ? &other : &copy, 3);
        }
    }
    buf_adds(a, a->len ? "}" : "{}");
    buf_adds(b, b->len ? "}" : "{}");
}

static const tree *parse(arena *mem, weir_view json)
{
    tree *t = NULL;
    err e = {0};
    if (tree_parse(mem, json, NULL, WEIR_E_BUG, &t, &e))
        fail_msg("%s: %.*s", err_text(&e), VIEW_ARG(json));
    return t;
}

/** RFC 7396, section 2. The target may be NULL. Members of the target come first, as ours do. */
static void merge_slowly(buf *out, const tree *target, const tree *patch)
{
    const char *comma = "";
    if (patch->kind != TREE_OBJECT) {
        tree_write(out, patch);
        return;
    }
    if (target && target->kind != TREE_OBJECT)
        target = NULL;
    buf_addc(out, '{');
    for (const tree *m = target ? target->first : NULL; m; m = m->next) {
        const tree *p = tree_getv(patch, m->name);
        if (p && p->kind == TREE_NULL)
            continue;
        buf_adds(out, comma);
        comma = ",";
        json_quote_lossy(out, m->name);
        buf_addc(out, ':');
        if (p)
            merge_slowly(out, m, p);
        else
            tree_write(out, m);
    }
    for (const tree *p = patch->first; p; p = p->next) {
        if (p->kind == TREE_NULL || tree_getv(target, p->name))
            continue;
        buf_adds(out, comma);
        comma = ",";
        json_quote_lossy(out, p->name);
        buf_addc(out, ':');
        merge_slowly(out, NULL, p);
    }
    buf_addc(out, '}');
}

/** The first member by name of those behind `last` (NULL: of all). */
static const tree *next_by_name(const tree *object, const tree *last)
{
    const tree *best = NULL;
    for (const tree *m = object->first; m; m = m->next) {
        if ((!last || view_cmp(m->name, last->name) > 0) && (!best || view_cmp(m->name, best->name) < 0))
            best = m;
    }
    return best;
}

static void normal(buf *out, const tree *t, bool sorted);

static void normal_children(buf *out, const tree *t, bool sorted)
{
    bool named = t->kind == TREE_OBJECT, by_name = named && sorted;
    buf_addc(out, named ? '{' : '[');
    for (const tree *m = by_name ? next_by_name(t, NULL) : t->first; m; m = by_name ? next_by_name(t, m) : m->next) {
        if (named) {
            json_quote_lossy(out, m->name);
            buf_addc(out, ':');
        }
        normal(out, m, sorted);
        buf_addc(out, ' ');
    }
    buf_addc(out, named ? '}' : ']');
}

/** One form for strings and numbers and, if sorted, for objects: then equal values give equal text. */
static void normal(buf *out, const tree *t, bool sorted)
{
    if (t->kind == TREE_OBJECT || t->kind == TREE_ARRAY)
        normal_children(out, t, sorted);
    else if (t->kind == TREE_STRING)
        json_quote_lossy(out, t->text);
    else if (t->kind == TREE_NUMBER)
        buf_adds(out, t->text.ptr[0] == '2' ? "2" : t->text.ptr[0] == '1' ? "1" : "0");
    else
        buf_addv(out, t->raw);
}

enum { ROUNDS = 20000 };

typedef struct world {
    uint64_t seed;
    arena mem;
    buf a, b, out, slow, left, right;
} world;

static int set_up(void **state)
{
    world *w = calloc(1, sizeof *w);
    *state = w;
    return w ? 0 : -1;
}

static int tear_down(void **state)
{
    world *w = *state;
    arena_free(&w->mem);
    buf *all[] = {&w->a, &w->b, &w->out, &w->slow, &w->left, &w->right};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        buf_free(all[i]);
    free(w);
    return 0;
}

static void next_round(world *w)
{
    arena_reset(&w->mem);
    buf_clear(&w->out);
    buf_clear(&w->slow);
    make_pair(&w->a, &w->b, &w->seed);
}

static bool same(world *w, const tree *a, const tree *b, bool sorted)
{
    buf_clear(&w->left);
    buf_clear(&w->right);
    normal(&w->left, a, sorted);
    normal(&w->right, b, sorted);
    return view_eq(buf_view(&w->left), buf_view(&w->right));
}

static void give_up(world *w)
{
    fail_msg("\n%.*s\n%.*s\n%.*s\n%.*s", VIEW_ARG(buf_view(&w->a)), VIEW_ARG(buf_view(&w->b)), VIEW_ARG(buf_view(&w->left)),
             VIEW_ARG(buf_view(&w->right)));
}

static void test_apply_random(void **state)
{
    world *w = *state;
    for (int round = 0; round < ROUNDS; round++) {
        next_round(w);
        assert_true(patch_apply(&w->out, buf_view(&w->a), buf_view(&w->b)));
        merge_slowly(&w->slow, parse(&w->mem, buf_view(&w->a)), parse(&w->mem, buf_view(&w->b)));
        if (!same(w, parse(&w->mem, buf_view(&w->out)), parse(&w->mem, buf_view(&w->slow)), false))
            give_up(w);
    }
}

static void test_equal_random(void **state)
{
    world *w = *state;
    int equals = 0;
    for (int round = 0; round < ROUNDS; round++) {
        next_round(w);
        bool expected = same(w, parse(&w->mem, buf_view(&w->a)), parse(&w->mem, buf_view(&w->b)), true);
        if (json_equal(buf_view(&w->a), buf_view(&w->b)) != expected)
            give_up(w);
        equals += expected;
    }
    assert_in_range(equals, ROUNDS / 20, ROUNDS / 2);
}

static const tree *without_nulls(world *w, const tree *t)
{
    buf_clear(&w->slow);
    merge_slowly(&w->slow, NULL, t);
    return parse(&w->mem, arena_dup(&w->mem, buf_view(&w->slow)));
}

static void test_diff_random(void **state)
{
    world *w = *state;
    int empty = 0, exact = 0;
    for (int round = 0; round < ROUNDS; round++) {
        next_round(w);
        const tree *from = parse(&w->mem, buf_view(&w->a)), *to = parse(&w->mem, buf_view(&w->b));
        if (to->kind != TREE_OBJECT)
            continue;
        assert_true(patch_diff(&w->out, buf_view(&w->a), buf_view(&w->b)));
        merge_slowly(&w->slow, from, parse(&w->mem, buf_view(&w->out)));
        const tree *merged = parse(&w->mem, arena_dup(&w->mem, buf_view(&w->slow))), *bare = without_nulls(w, to);
        if (!same(w, without_nulls(w, merged), bare, true))
            give_up(w);
        if (same(w, to, bare, true)) {
            exact++;
            if (!same(w, merged, to, true))
                give_up(w);
        }
        if (same(w, from, to, true)) {
            empty++;
            assert_view(buf_view(&w->out), VIEW("{}"));
        }
    }
    assert_in_range(empty, ROUNDS / 20, ROUNDS / 2);
    assert_in_range(exact, ROUNDS / 20, ROUNDS);
}

/* -------------------------------------------------------------------------------------------------------------- size -- */

/** {"k0":..., "k1":...} with the names in an order of their own; step must have no divisor in common with count. */
static void make_wide(buf *out, size_t count, size_t step, size_t value)
{
    for (size_t i = 0; i < count; i++)
        buf_printf(out, "%c\"k%zu\":%zu", i ? ',' : '{', i * step % count, i * step % count % 3 ? value : 7);
    buf_addc(out, '}');
}

/* Would take minutes if every name were compared with every other. */
static void test_wide_objects(void **state)
{
    world *w = *state;
    enum { WIDE = 100000 };
    make_wide(&w->a, WIDE, 1, 1);
    make_wide(&w->b, WIDE, 7919, 2);
    assert_true(patch_diff(&w->out, buf_view(&w->a), buf_view(&w->b)));
    assert_int_equal(parse(&w->mem, buf_view(&w->out))->count, WIDE - (WIDE + 2) / 3);
    assert_true(patch_apply(&w->slow, buf_view(&w->a), buf_view(&w->out)));
    assert_true(json_equal(buf_view(&w->slow), buf_view(&w->b)));
    assert_false(json_equal(buf_view(&w->slow), buf_view(&w->a)));
}

static void make_deep(buf *out, size_t depth, const char *innermost)
{
    for (size_t i = 0; i < depth; i++)
        buf_adds(out, "{\"a\":");
    buf_adds(out, innermost);
    while (depth--)
        buf_addc(out, '}');
}

static void test_deep_objects(void **state)
{
    world *w = *state;
    make_deep(&w->a, JSON_DEPTH, "1");
    make_deep(&w->b, JSON_DEPTH, "2");
    assert_true(patch_diff(&w->out, buf_view(&w->a), buf_view(&w->b)));
    assert_view(buf_view(&w->out), buf_view(&w->b));
    assert_true(patch_apply(&w->slow, buf_view(&w->a), buf_view(&w->out)));
    assert_view(buf_view(&w->slow), buf_view(&w->b));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* Only the members of the document itself: values come whole, and null is one. */
static void test_overlay(void **unused)
{
    (void)unused;
    static const struct {
        const char *base, *part, *want;
    } cases[] = {
        {"{}", "{}", "{}"},
        {"{ \"a\": 1 , \"b\":{\"c\":1}}", "{\"b\":{\"d\":2},\"a\":null}", "{\"a\":null,\"b\":{\"d\":2}}"},
        {"{\"a\":1}", "{\"z\":[1, 2],\"y\":null}", "{\"a\":1,\"z\":[1, 2],\"y\":null}"},
        {"{\"\\u0061\":1}", "{\"a\":2}", "{\"\\u0061\":2}"},
        {"{\"a\":1}", "{\"a\":2,\"a\":3}", "{\"a\":3}"},
        {"[1]", "{\"a\":2}", NULL},
        {"{\"a\":1}", "7", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        buf out = {0};
        buf_adds(&out, "x");
        assert_int_equal(patch_overlay(&out, view_of(cases[i].base), view_of(cases[i].part)), cases[i].want != NULL);
        assert_string_equal(buf_text(&out) + 1, cases[i].want ? cases[i].want : "");
        buf_free(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_overlay),
        cmocka_unit_test(test_appendix),
        cmocka_unit_test(test_section_3),
        cmocka_unit_test(test_apply),
        cmocka_unit_test(test_apply_to_duplicate_names),
        cmocka_unit_test(test_apply_without_room),
        cmocka_unit_test(test_equal),
        cmocka_unit_test(test_diff),
        TEST(test_apply_random),
        TEST(test_equal_random),
        TEST(test_diff_random),
        TEST(test_wide_objects),
        TEST(test_deep_objects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
