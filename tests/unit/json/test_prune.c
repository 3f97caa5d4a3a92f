#include <errno.h>

#include "helpers.h"

#include "fault.h"
#include "json/pointer.h"
#include "json/prune.h"
#include "json/scan.h"
#include "json/text.h"
#include "json/tree.h"

static prune *make(arena *a, const char *const *pointers)
{
    weir_view list[16];
    size_t n = 0;
    err e = {0};
    prune *p = NULL;
    for (; pointers[n]; n++)
        list[n] = view_of(pointers[n]);
    assert_int_equal(prune_make(a, list, n, &p, &e), WEIR_OK);
    return p;
}

/* Both ways, on a copy that ends where its memory ends. */
static void check(const prune *p, weir_view doc, weir_view want)
{
    weir_view copy = guarded(doc);
    buf out = {0};
    buf_adds(&out, "before");
    prune_into(p, copy, &out);
    assert_true(buf_ok(&out));
    assert_view(view_from(buf_view(&out), 6), want);
    buf_free(&out);
    size_t len = prune_in_place(p, (char *)copy.ptr, copy.len);
    assert_view(((weir_view){copy.ptr, len}), want);
    guarded_free(copy);
}

#define CHECK(doc, want, ...) check_one(doc, want, (const char *const[]){__VA_ARGS__, NULL})
static void check_one(const char *doc, const char *want, const char *const *pointers)
{
    arena a = {0};
    check(make(&a, pointers), view_of(doc), view_of(want));
    arena_free(&a);
}

static void commas(void **state)
{
    (void)state;
    CHECK("{\"a\":1,\"b\":2,\"c\":3}", "{\"b\":2,\"c\":3}", "/a");
    CHECK("{\"a\":1,\"b\":2,\"c\":3}", "{\"a\":1,\"c\":3}", "/b");
    CHECK("{\"a\":1,\"b\":2,\"c\":3}", "{\"a\":1,\"b\":2}", "/c");
    CHECK("{\"a\":1,\"b\":2,\"c\":3}", "{\"c\":3}", "/a", "/b");
    CHECK("{\"a\":1,\"b\":2,\"c\":3}", "{\"a\":1}", "/b", "/c");
    CHECK("{\"a\":1,\"b\":2,\"c\":3}", "{\"b\":2}", "/c", "/a");
    CHECK("{\"a\":1,\"b\":2,\"c\":3}", "{}", "/c", "/a", "/b");
    CHECK("{\"a\":1,\"b\":2,\"c\":3}", "{\"a\":1,\"b\":2,\"c\":3}", "/d", "/a/b", "/aa");
    CHECK("{}", "{}", "/a");
    CHECK(" { \"a\" : 1 , \"b\" :\t2 } ", " {\"b\" :\t2 } ", "/a");
    CHECK(" { \"a\" : 1 , \"b\" :\t2 } ", " { \"a\" : 1 } ", "/b");
    CHECK("{\"a\":1}", "{\"a\":1}", "/b");
}

static void nested(void **state)
{
    (void)state;
    CHECK("{\"a\":{\"b\":1,\"c\":{\"d\":[1,{\"e\":2}]}},\"b\":3}", "{\"a\":{\"c\":{\"d\":[1,{}]}},\"b\":3}", "/a/b", "/a/c/d/e");
    CHECK("{\"a\":{\"b\":1,\"c\":2},\"b\":3}", "{\"b\":3}", "/a/b", "/a");
    CHECK("{\"a\":{\"b\":1},\"b\":3}", "{\"a\":{},\"b\":3}", "/a/b");
    CHECK("{\"l\":[{\"x\":1,\"y\":2},[],7,[{\"x\":1}],{\"y\":\"x\"}]}", "{\"l\":[{\"y\":2},[],7,[{}],{\"y\":\"x\"}]}", "/l/x");
    CHECK("{\"a\":\"b\",\"c\":null}", "{\"a\":\"b\",\"c\":null}", "/a/b", "/c/d");
}

static void odd_names(void **state)
{
    (void)state;
    CHECK("{\"\":1,\"a/b\":2,\"m~n\":3,\"c\":4}", "{\"c\":4}", "/", "/a~1b", "/m~0n");
    CHECK("{\"t\\u0079pe\":1,\"type\":2,\"x\":3}", "{\"x\":3}", "/type");
    CHECK("{\"\\u00e9t\\u00e9\":1,\"x\":3}", "{\"x\":3}", "/\xc3\xa9t\xc3\xa9");
    CHECK("{\"a\":1,\"b\":2,\"a\":3}", "{\"b\":2}", "/a");
    CHECK("{\"a\":\"}\\\",\\\"b\\\":{\",\"b\":\"\\\\\",\"c\":\"[\"}", "{\"a\":\"}\\\",\\\"b\\\":{\",\"c\":\"[\"}", "/b");
    CHECK("{\"0\":1,\"-\":2,\"l\":[1,2]}", "{\"l\":[1,2]}", "/0", "/-", "/l/0");
}

static void refuses_what_is_no_member(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "a", "/a~2"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        arena a = {0};
        err e = {0};
        prune *p;
        weir_view pointer = view_of(bad[i]);
        assert_int_equal(prune_make(&a, &pointer, 1, &p, &e), WEIR_E_CONFIG);
        err_free(&e);
        arena_free(&a);
    }
}

/* What breaks the contract is passed on as it can be: nothing is read or written beyond it. */
static void survives_what_is_not_json(void **state)
{
    (void)state;
    static const char doc[] = "{\"a\":[1,{\"b\":2}],\"c\":\"d\",\"e\":{\"f\":null}}";
    arena a = {0};
    prune *p = make(&a, (const char *const[]){"/a/b", "/c", "/e/f", NULL});
    for (size_t len = 0; len < sizeof doc - 1; len++) {
        weir_view copy = guarded((weir_view){doc, len});
        assert_true(prune_in_place(p, (char *)copy.ptr, len) <= len);
        guarded_free(copy);
    }
    arena_free(&a);
}

/* ---- beside a tree ---- */

typedef struct reference {
    weir_view *tokens[8];
    size_t counts[8], count;
} reference;

/* Which of the pointers that led here go on to this member? */
static bool left_out(const reference *r, const bool *here, size_t level, weir_view name, bool *below)
{
    bool out = false;
    for (size_t i = 0; i < r->count; i++) {
        below[i] = here[i] && r->counts[i] > level && view_eq(r->tokens[i][level], name);
        out |= below[i] && r->counts[i] == level + 1;
    }
    return out;
}

static void write_rest(const reference *r, const tree *t, const bool *here, size_t level, buf *out)
{
    const char *comma = "";
    if (t->kind != TREE_OBJECT && t->kind != TREE_ARRAY) {
        tree_write(out, t);
        return;
    }
    buf_addc(out, t->kind == TREE_OBJECT ? '{' : '[');
    for (const tree *c = t->first; c; c = c->next) {
        bool below[8];
        if (t->kind == TREE_OBJECT && left_out(r, here, level, c->name, below))
            continue;
        buf_adds(out, comma);
        comma = ",";
        if (t->kind == TREE_OBJECT) {
            json_quote_lossy(out, c->name);
            buf_addc(out, ':');
            write_rest(r, c, below, level + 1, out);
        } else {
            write_rest(r, c, here, level, out);
        }
    }
    buf_addc(out, t->kind == TREE_OBJECT ? '}' : ']');
}

static const char *const names[] = {"a", "b", "c", "a long name of more than sixteen bytes", "\xc3\xa9"};
enum { NAMES = sizeof names / sizeof *names };

static void space(uint64_t *seed, buf *out)
{
    static const char blanks[] = " \t";
    for (size_t n = roll(seed, 4) ? 0 : roll(seed, 20); n; n--)
        buf_addc(out, blanks[n & 1]);
}

static void random_value(uint64_t *seed, unsigned depth, buf *out)
{
    static const char *const scalars[] = {"1", "-0.5e7", "true", "null", "\"x\"", "\"}\\\"{,\"", "12345678901234567890", "\"\xe2\x82\xac and more text than sixteen\""};
    size_t kind = roll(seed, depth ? 4 : 2);
    if (kind < 2) {
        buf_adds(out, scalars[roll(seed, sizeof scalars / sizeof *scalars)]);
        return;
    }
    buf_addc(out, kind == 2 ? '{' : '[');
    unsigned used = 0;
    for (size_t n = roll(seed, NAMES + 1), i = 0; i < n; i++) {
        size_t which = roll(seed, NAMES);
        if (kind == 2 && used >> which & 1)
            continue;
        buf_adds(out, used ? "," : "");
        space(seed, out);
        used |= kind == 2 ? 1u << which : 1;
        if (kind == 2) {
            json_quote_lossy(out, view_of(names[which]));
            space(seed, out);
            buf_addc(out, ':');
            space(seed, out);
        }
        random_value(seed, depth - 1, out);
        space(seed, out);
    }
    buf_addc(out, kind == 2 ? '}' : ']');
}

static void random_pointers(uint64_t *seed, arena *a, weir_view *list, reference *r)
{
    r->count = roll(seed, 8);
    for (size_t i = 0; i < r->count; i++) {
        buf pointer = {0};
        for (size_t n = 1 + roll(seed, 3); n; n--)
            pointer_push(&pointer, view_of(names[roll(seed, NAMES)]));
        list[i] = arena_dup(a, buf_view(&pointer));
        assert_true(pointer_split(a, list[i], &r->tokens[i], &r->counts[i]));
        buf_free(&pointer);
    }
}

static void agrees_with_a_tree(void **state)
{
    (void)state;
    uint64_t seed = 7;
    size_t changed = 0;
    for (size_t round = 0; round < 20000; round++) {
        arena a = {0};
        err e = {0};
        reference r;
        weir_view list[8];
        buf doc = {0}, want = {0}, got = {0}, compact = {0};
        tree *t;
        prune *p;
        bool here[8] = {true, true, true, true, true, true, true, true};
        random_value(&seed, 5, &doc);
        random_pointers(&seed, &a, list, &r);
        assert_int_equal(tree_parse(&a, buf_view(&doc), NULL, WEIR_E_BUG, &t, &e), WEIR_OK);
        write_rest(&r, t, here, 0, &want);
        assert_int_equal(prune_make(&a, list, r.count, &p, &e), WEIR_OK);
        prune_into(p, buf_view(&doc), &got);
        assert_true(json_check(buf_view(&got), NULL, NULL));
        json_compact(&compact, buf_view(&got));
        assert_view(buf_view(&compact), buf_view(&want));
        check(p, buf_view(&doc), buf_view(&got));
        changed += got.len != doc.len;
        buf_free(&doc);
        buf_free(&want);
        buf_free(&got);
        buf_free(&compact);
        arena_free(&a);
    }
    assert_true(changed > 2000);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    static const weir_view list[] = {WEIR_LIT("/a/b"), WEIR_LIT("/c")};
    bool failed = true;
    for (size_t n = 0; failed; n++) {
        arena a = {0};
        err e = {0};
        prune *p;
        fault_at(FAULT_ALLOC, n, ENOMEM);
        weir_rc rc = prune_make(&a, list, 2, &p, &e);
        failed = fault_clear();
        assert_int_equal(rc, failed ? WEIR_E_NOMEM : WEIR_OK);
        err_free(&e);
        arena_free(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commas), cmocka_unit_test(nested), cmocka_unit_test(odd_names),
        cmocka_unit_test(refuses_what_is_no_member), cmocka_unit_test(survives_what_is_not_json),
        cmocka_unit_test(agrees_with_a_tree), cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
