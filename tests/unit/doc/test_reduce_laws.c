/* Laws of reductions (flow.md 8.2), over random documents: parts may be put together in any order of brackets, what is full comes
 * to the same in one step or in several, and what there is of neutral documents changes nothing. */
#include "reduce_rig.h"

#include "json/patch.h"

enum { ROUNDS = 400 };

#define SCHEMA_2019 "\"$schema\":\"https://json-schema.org/draft/2019-09/schema\","

typedef struct law {
    const char *name, *schema;
    void (*make)(buf *out, uint64_t *seed);
    const char *neutral; /* NULL: there is none */
    unsigned apart;      /* at most so many of a hundred may be kept apart */
    bool changes;        /* what is reduced into nothing may change: terms of sets and deletions take effect, decimals are written plainly */
} law;

/* ---------------------------------------------------------------------------------------------------------- documents -- */

static void integer(buf *out, uint64_t *seed)
{
    size_t digits = roll(seed, 4) ? 1 + roll(seed, 3) : 1 + roll(seed, 30);
    if (roll(seed, 2))
        buf_addc(out, '-');
    buf_addc(out, (char)('1' + roll(seed, 9)));
    while (--digits)
        buf_addc(out, (char)('0' + roll(seed, 10)));
}

static void quarter(buf *out, uint64_t *seed) { buf_printf(out, "%d.%s", (int)roll(seed, 2000) - 1000, (const char *[]){"0", "25", "5", "75"}[roll(seed, 4)]); }

static void decimal(buf *out, uint64_t *seed)
{
    if (!roll(seed, 4)) {
        integer(out, seed);
        return;
    }
    buf_addc(out, '"');
    integer(out, seed);
    if (roll(seed, 2))
        buf_printf(out, ".%u", (unsigned)roll(seed, 100000));
    if (!roll(seed, 5))
        buf_printf(out, "e%d", (int)roll(seed, 20) - 10);
    buf_addc(out, '"');
}

static void scalar(buf *out, uint64_t *seed)
{
    static const char *const some[] = {"null", "true", "false", "0", "-0", "1", "1.0", "-3.5", "1e2", "100", "\"\"", "\"a\"", "\"\\u0061b\"", "\"\xc3\xa4\""};
    buf_adds(out, some[roll(seed, sizeof some / sizeof *some)]);
}

static void nested(buf *out, uint64_t *seed, unsigned depth)
{
    size_t kind = depth ? roll(seed, 3) : 2;
    if (kind == 2) {
        scalar(out, seed);
        return;
    }
    buf_addc(out, "{["[kind]);
    for (size_t n = roll(seed, 4), i = 0; i < n; i++) {
        buf_adds(out, i ? "," : "");
        if (!kind)
            buf_printf(out, "\"%c\":", (char)('a' + roll(seed, 4)));
        nested(out, seed, depth - 1);
    }
    buf_addc(out, "}]"[kind]);
}

static void any(buf *out, uint64_t *seed) { nested(out, seed, 3); }

static void list(buf *out, uint64_t *seed)
{
    buf_addc(out, '[');
    for (size_t n = roll(seed, 4), i = 0; i < n; i++) {
        buf_adds(out, i ? "," : "");
        any(out, seed);
    }
    buf_addc(out, ']');
}

static void integers(buf *out, uint64_t *seed)
{
    buf_addc(out, '[');
    for (size_t n = roll(seed, 5), i = 0; i < n; i++)
        buf_printf(out, "%s%u", i ? "," : "", (unsigned)roll(seed, 10));
    buf_addc(out, ']');
}

static void with_key(buf *out, uint64_t *seed)
{
    if (roll(seed, 6))
        buf_printf(out, "{\"k\":%u,\"n\":%d}", (unsigned)roll(seed, 3), (int)roll(seed, 20) - 10);
    else
        buf_printf(out, "{\"n\":%d,\"x\":%u}", (int)roll(seed, 20) - 10, (unsigned)roll(seed, 3));
}

/* Sorted, as the strategy wants it. */
static void keyed(buf *out, uint64_t *seed)
{
    buf_addc(out, '[');
    bool some = false;
    for (unsigned k = 0; k < 6; k++)
        if (roll(seed, 2)) {
            buf_printf(out, "%s{\"k\":%u,\"%c\":%d}", some ? "," : "", k, (char)('a' + roll(seed, 3)), (int)roll(seed, 20) - 10);
            some = true;
        }
    buf_addc(out, ']');
}

static void members(buf *out, uint64_t *seed)
{
    bool some = false;
    buf_addc(out, '{');
    for (unsigned i = 0; i < 20; i++)
        if (!roll(seed, 3)) {
            buf_printf(out, "%s%s\"%s%c\":%d", some ? "," : "", roll(seed, 5) ? "" : " ", roll(seed, 10) ? "" : "\\u006d", (char)('a' + i), (int)roll(seed, 9));
            some = true;
        }
    buf_addc(out, '}');
}

static void term(buf *out, uint64_t *seed, const char *name, bool objects, bool counts)
{
    bool some = false;
    buf_printf(out, "\"%s\":%c", name, objects ? '{' : '[');
    for (unsigned k = 0; k < 6; k++)
        if (roll(seed, 2)) {
            buf_printf(out, objects ? "%s\"%u\":%d" : "%s[%u,%d]", some ? "," : "", k, counts ? (int)roll(seed, 9) - 4 : 0);
            some = true;
        }
    buf_addc(out, objects ? '}' : ']');
}

static void any_set(buf *out, uint64_t *seed, bool objects)
{
    const size_t what = roll(seed, 3);
    const bool adds = roll(seed, 4);
    buf_addc(out, '{');
    if (adds)
        term(out, seed, "add", objects, true);
    if (what) {
        buf_adds(out, adds ? "," : "");
        term(out, seed, what == 1 ? "intersect" : "remove", objects, false);
    }
    buf_addc(out, '}');
}

static void set_of_names(buf *out, uint64_t *seed) { any_set(out, seed, true); }
static void set_of_items(buf *out, uint64_t *seed) { any_set(out, seed, false); }

static void patch(buf *out, uint64_t *seed)
{
    buf_addc(out, '{');
    for (size_t n = roll(seed, 4), i = 0; i < n; i++) {
        buf_printf(out, "%s\"%c\":", i ? "," : "", (char)('a' + roll(seed, 4)));
        scalar(out, seed);
    }
    buf_addc(out, '}');
}

/* A schema, as inference writes them; nothing in it is a list whose order would tell which one came first. */
static void type_schema(buf *out, uint64_t *seed, unsigned depth)
{
    static const char *const simple[] = {"{\"type\":\"null\"}", "{\"type\":\"integer\"}", "{\"type\":\"number\"}", "{\"type\":\"boolean\"}", "{\"type\":\"string\"}",
                                         "{\"type\":\"string\",\"format\":\"date\"}", "{}", "{\"type\":\"array\",\"items\":false}"};
    const size_t what = depth ? roll(seed, 3) : 0;
    if (what == 0) {
        buf_adds(out, simple[roll(seed, sizeof simple / sizeof *simple)]);
    } else if (what == 1) {
        buf_adds(out, "{\"type\":\"array\",\"items\":");
        type_schema(out, seed, depth - 1);
        buf_addc(out, '}');
    } else {
        const size_t n = roll(seed, 3);
        buf_adds(out, "{\"type\":\"object\"");
        for (size_t i = 0; i < n; i++) {
            buf_printf(out, "%s\"%c\":", i ? "," : ",\"properties\":{", (char)('a' + 2 * i + roll(seed, 2)));
            type_schema(out, seed, depth - 1);
        }
        buf_printf(out, "%s%s}", n ? "}" : "", roll(seed, 3) ? ",\"additionalProperties\":false" : "");
    }
}

static void schema_of_types(buf *out, uint64_t *seed) { type_schema(out, seed, 3); }

static const law laws[] = {
    {"lastWriteWins", "{}", any, NULL, 0, false},
    {"firstWriteWins", "{\"reduce\":{\"strategy\":\"firstWriteWins\"}}", any, NULL, 0, false},
    {"lastWriteWins, not associative", "{\"reduce\":{\"strategy\":\"lastWriteWins\",\"associative\":false}}", scalar, NULL, 100, false},
    {"append", "{\"reduce\":{\"strategy\":\"append\"}}", list, "[]", 0, false},
    {"maximize", "{\"reduce\":{\"strategy\":\"maximize\"}}", any, NULL, 0, false},
    {"minimize", "{\"reduce\":{\"strategy\":\"minimize\"}}", any, NULL, 0, false},
    {"maximize by key", "{\"reduce\":{\"strategy\":\"maximize\",\"key\":[\"/k\"]},\"properties\":{\"n\":{\"reduce\":{\"strategy\":\"sum\"}}}}", with_key, NULL, 0, false},
    {"minimize by key", "{\"reduce\":{\"strategy\":\"minimize\",\"key\":[\"/k\"]},\"properties\":{\"n\":{\"reduce\":{\"strategy\":\"sum\"}}}}", with_key, NULL, 0, false},
    {"merge of objects", "{\"reduce\":{\"strategy\":\"merge\"},\"additionalProperties\":{\"reduce\":{\"strategy\":\"sum\"}}}", members, "{}", 0, false},
    {"merge by index", "{\"reduce\":{\"strategy\":\"merge\"},\"items\":{\"reduce\":{\"strategy\":\"maximize\"}}}", integers, "[]", 0, false},
    {"merge by key",
     "{\"reduce\":{\"strategy\":\"merge\",\"key\":[\"/k\"]},\"items\":{\"reduce\":{\"strategy\":\"merge\"},\"properties\":{\"k\":{\"reduce\":{\"strategy\":\"lastWriteWins\"}}},"
     "\"additionalProperties\":{\"reduce\":{\"strategy\":\"sum\"}}}}",
     keyed, "[]", 0, false},
    {"merge with deletions",
     "{\"reduce\":{\"strategy\":\"merge\"},\"additionalProperties\":{\"if\":{\"type\":\"null\"},\"then\":{\"reduce\":{\"strategy\":\"lastWriteWins\",\"delete\":true}}}}", patch,
     "{}", 0, true},
    {"set of names", "{\"reduce\":{\"strategy\":\"set\"},\"properties\":{\"add\":{\"additionalProperties\":{\"reduce\":{\"strategy\":\"sum\"}}}}}", set_of_names, "{}", 0, true},
    {"set of items",
     "{" SCHEMA_2019 "\"reduce\":{\"strategy\":\"set\",\"key\":[\"/0\"]},\"properties\":{\"add\":{\"items\":{\"reduce\":{\"strategy\":\"merge\"},\"items\":[true,{\"reduce\":"
     "{\"strategy\":\"sum\"}}]}}}}",
     set_of_items, "{}", 0, true},
    {"sum of integers", "{\"reduce\":{\"strategy\":\"sum\"}}", integer, "0", 0, false},
    {"sum of doubles", "{\"reduce\":{\"strategy\":\"sum\"}}", quarter, "0", 0, false},
    {"sum of decimals", "{\"reduce\":{\"strategy\":\"sum\"}}", decimal, NULL, 0, true},
    {"jsonSchemaMerge", "{\"reduce\":{\"strategy\":\"jsonSchemaMerge\"}}", schema_of_types, "false", 0, false},
};

/* ---------------------------------------------------------------------------------------------------------------- laws -- */

/* @return false: kept apart */
static bool reduces(rig *r, const buf *left, const buf *right, bool full, buf *out, reduced *what)
{
    buf_clear(out);
    weir_rc rc = rig_reduce(r, left ? buf_view(left) : (weir_view){0}, buf_view(right), full, out, what);
    if (rc)
        fail_msg("%s: %.*s . %.*s", err_text(&r->e), VIEW_ARG(left ? buf_view(left) : VIEW("")), VIEW_ARG(buf_view(right)));
    return *what != REDUCED_APART;
}

static void equal(const law *l, const char *what, const buf docs[3], const buf *x, const buf *y)
{
    if (!same_value(buf_view(x), buf_view(y)))
        fail_msg("%s: %s: %.*s, %.*s, %.*s come to %.*s and %.*s", l->name, what, VIEW_ARG(buf_view(&docs[0])), VIEW_ARG(buf_view(&docs[1])),
                 VIEW_ARG(buf_view(&docs[2])), VIEW_ARG(buf_view(x)), VIEW_ARG(buf_view(y)));
}

/* (a . b) . c is a . (b . c). @return false: something was kept apart */
static bool associates(rig *r, const law *l, const buf d[3], buf t[4])
{
    reduced what;
    if (!reduces(r, &d[0], &d[1], false, &t[0], &what) || !reduces(r, &t[0], &d[2], false, &t[1], &what) || !reduces(r, &d[1], &d[2], false, &t[2], &what) ||
        !reduces(r, &d[0], &t[2], false, &t[3], &what))
        return false;
    equal(l, "brackets", d, &t[1], &t[3]);
    return true;
}

/* Into a base, or into nothing, b and c one after the other are what b . c is. */
static void is_full(rig *r, const law *l, const buf d[3], bool into_nothing, buf t[4])
{
    reduced one, other;
    if (!reduces(r, &d[1], &d[2], false, &t[0], &one))
        return;
    reduces(r, into_nothing ? NULL : &d[0], &t[0], true, &t[1], &one);
    reduces(r, into_nothing ? NULL : &d[0], &d[1], true, &t[2], &other);
    reduces(r, &t[2], &d[2], true, &t[3], &other);
    equal(l, into_nothing ? "fully into nothing" : "fully", d, &t[1], &t[3]);
    assert_int_equal(one, other);
}

static void is_neutral(rig *r, const law *l, const buf d[3], buf t[4])
{
    reduced what;
    buf none = {0};
    buf_adds(&none, l->neutral);
    assert_true(reduces(r, &none, &d[0], false, &t[0], &what) && reduces(r, &d[0], &none, false, &t[1], &what));
    equal(l, "neutral on the left", d, &t[0], &d[0]);
    equal(l, "neutral on the right", d, &t[1], &d[0]);
    buf_free(&none);
}

/* Nothing is neutral to all. */
static void is_left_alone(rig *r, const law *l, const buf d[3], buf t[4])
{
    reduced what;
    reduces(r, NULL, &d[0], true, &t[0], &what);
    assert_int_equal(what, REDUCED);
    equal(l, "into nothing", d, &t[0], &d[0]);
}

static void check(const law *l, uint64_t seed)
{
    rig r;
    unsigned apart = 0;
    buf d[3] = {0}, t[4] = {0};
    rig_make(&r, view_of(l->schema));
    for (unsigned i = 0; i < ROUNDS; i++) {
        for (size_t k = 0; k < 3; k++) {
            buf_clear(&d[k]);
            l->make(&d[k], &seed);
        }
        apart += !associates(&r, l, d, t);
        is_full(&r, l, d, false, t);
        is_full(&r, l, d, true, t);
        if (l->neutral)
            is_neutral(&r, l, d, t);
        if (!l->changes)
            is_left_alone(&r, l, d, t);
    }
    assert_true(apart * 100 <= l->apart * ROUNDS);
    for (size_t k = 0; k < 4; k++)
        buf_free(&t[k]);
    for (size_t k = 0; k < 3; k++)
        buf_free(&d[k]);
    rig_free(&r);
}

static void test_laws(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof laws / sizeof *laws; i++)
        check(&laws[i], i + 1);
}

/* RFC 7396 by another way. */
static void patched(const buf *target, const buf *patch, const buf *got)
{
    buf expected = {0};
    assert_true(patch_apply(&expected, buf_view(target), buf_view(patch)));
    if (!same_value(buf_view(&expected), buf_view(got)))
        fail_msg("merge patch: %.*s on %.*s comes to %.*s instead of %.*s", VIEW_ARG(buf_view(patch)), VIEW_ARG(buf_view(target)), VIEW_ARG(buf_view(got)),
                 VIEW_ARG(buf_view(&expected)));
    buf_free(&expected);
}

/* A merge patch as a schema reduces as RFC 7396 says, however patches are put together before; what cannot be put together is kept
 * apart. */
static void test_apart(void **state)
{
    (void)state;
    rig r;
    uint64_t seed = 7;
    buf d[3] = {0}, t[4] = {0};
    unsigned apart = 0;
    rig_make(&r, VIEW("{\"oneOf\":[{\"type\":\"object\",\"reduce\":{\"strategy\":\"merge\"},\"additionalProperties\":{\"$ref\":\"#\"}},{\"type\":\"null\",\"reduce\":{\"strategy\":"
                      "\"lastWriteWins\",\"delete\":true}},{\"type\":[\"array\",\"boolean\",\"number\",\"string\"]}]}"));
    for (unsigned i = 0; i < ROUNDS; i++) {
        reduced what;
        for (size_t k = 0; k < 3; k++) {
            buf_clear(&d[k]);
            nested(&d[k], &seed, 3);
        }
        reduces(&r, &d[0], &d[1], true, &t[0], &what);
        patched(&d[0], &d[1], &t[0]);
        reduces(&r, &t[0], &d[2], true, &t[1], &what);
        if (!reduces(&r, &d[1], &d[2], false, &t[2], &what)) {
            apart++;
            continue;
        }
        reduces(&r, &d[0], &t[2], true, &t[3], &what);
        equal(&(law){.name = "merge patch"}, "fully", d, &t[1], &t[3]);
    }
    assert_in_range(apart, ROUNDS / 50, ROUNDS / 2);
    for (size_t k = 0; k < 4; k++)
        buf_free(&t[k]);
    for (size_t k = 0; k < 3; k++)
        buf_free(&d[k]);
    rig_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_laws),
        cmocka_unit_test(test_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
