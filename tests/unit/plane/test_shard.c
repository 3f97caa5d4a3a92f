/* Tasks cut into shards: the ranges cover all hashes once, lie within each other when a task is cut further, and weir.db learns of it at once or not at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>

#include "fault.h"
#include "folder.h"
#include "plane/shard.h"

typedef struct rig {
    char *folder;
    store *s;
    arena a;
    err e;
} rig;

static void setup(rig *r)
{
    *r = (rig){.folder = folder_make()};
    assert_int_equal(store_open(&r->s, r->folder, false, &r->e), WEIR_OK);
}

static void teardown(rig *r)
{
    store_close(r->s);
    arena_free(&r->a);
    err_free(&r->e);
    folder_remove(r->folder);
}

static shards find(rig *r, const char *task, size_t wanted)
{
    shards found = {0};
    if (shards_find(r->s, view_of(task), wanted, &r->a, NULL, NULL, &found, &r->e))
        fail_msg("%s", err_text(&r->e));
    return found;
}

static void assert_refused(rig *r, const char *task, size_t wanted, const char *why)
{
    shards found;
    assert_int_equal(shards_find(r->s, view_of(task), wanted, &r->a, NULL, NULL, &found, &r->e), WEIR_E_CONFIG);
    if (!strstr(err_text(&r->e), why))
        fail_msg("\"%s\" does not say \"%s\"", err_text(&r->e), why);
    err_free(&r->e);
    r->e = (err){0};
}

static void assert_view(weir_view got, const char *expected)
{
    if (!view_is(got, expected))
        fail_msg("got \"%.*s\", expected \"%s\"", VIEW_ARG(got), expected);
}

/* What a task of this name has: its state, where it is in `t/in`, a note. */
static void assert_has(rig *r, const char *task, const char *state, uint64_t at, const char *note)
{
    weir_view got = {0}, noted = {0};
    uint64_t read = 0;
    assert_int_equal(store_state(r->s, view_of(task), &r->a, &got, &r->e), WEIR_OK);
    assert_view(got, state);
    assert_int_equal(store_read_offset(r->s, view_of(task), VIEW("t/in"), &read, &r->e), WEIR_OK);
    assert_int_equal(read, at);
    assert_int_equal(store_note(r->s, view_of(task), VIEW("note"), &r->a, &noted, &r->e), WEIR_OK);
    assert_view(noted, note);
}

static void give(rig *r, const char *task, const char *state, uint64_t at, const char *note)
{
    const weir_view name = view_of(task);
    const offset read = {VIEW("t/in"), at};
    assert_int_equal(store_commit_all(r->s, &(store_commit){.task = name, .state = view_of(state), .reader = name, .reads = &read, .read_count = 1, .documents = 7, .bytes = 70},
                                      &r->e), WEIR_OK);
    assert_int_equal(store_put_note(r->s, name, VIEW("note"), view_of(note), &r->e), WEIR_OK);
}

static void test_ranges(void **unused)
{
    (void)unused;
    for (size_t count = 1; count <= SHARDS_MOST; count++) {
        rig r;
        setup(&r);
        const shards all = find(&r, "t/x", count);
        uint64_t next = 0;
        assert_int_equal(all.count, count);
        for (size_t i = 0; i < count; i++) {
            const uint64_t size = (uint64_t)all.all[i].key_end - all.all[i].key_begin + 1;
            assert_int_equal(all.all[i].index, i);
            assert_int_equal(all.all[i].key_begin, next);
            assert_in_range(size, (UINT64_C(1) << 32) / count, (UINT64_C(1) << 32) / count + 1);
            next = (uint64_t)all.all[i].key_end + 1;
        }
        assert_int_equal(next, UINT64_C(1) << 32);
        teardown(&r);
    }
}

/* Every shard of before begins where one of now does, and bears its name: nothing that it has is another one's. */
static void test_nested(void **unused)
{
    (void)unused;
    for (size_t count = 1; count <= SHARDS_MOST; count++)
        for (size_t factor = 2; count * factor <= SHARDS_MOST; factor++) {
            rig r;
            setup(&r);
            const shards before = find(&r, "t/x", count), now = find(&r, "t/x", count * factor);
            for (size_t i = 0; i < count; i++) {
                assert_int_equal(before.all[i].key_begin, now.all[i * factor].key_begin);
                assert_int_equal(before.all[i].key_end, now.all[i * factor + factor - 1].key_end);
                assert_true(view_eq(before.all[i].name, now.all[i * factor].name));
            }
            teardown(&r);
        }
}

static void test_names(void **unused)
{
    (void)unused;
    rig r;
    setup(&r);
    assert_view(find(&r, "acme/totals", 0).all[0].name, "acme/totals");
    const shards all = find(&r, "acme/totals", 4);
    assert_view(all.all[0].name, "acme/totals");
    assert_view(all.all[1].name, "acme/totals@40000000");
    assert_view(all.all[2].name, "acme/totals@80000000");
    assert_view(all.all[3].name, "acme/totals@c0000000");
    const shards three = find(&r, "acme/others", 3);
    assert_view(three.all[1].name, "acme/others@55555555"); /* a third of 2^32 */
    assert_int_equal(three.all[1].key_end, 0xaaaaaaa9);
    teardown(&r);
}

static void test_remembered(void **unused)
{
    (void)unused;
    rig r;
    setup(&r);
    assert_int_equal(find(&r, "t/x", 0).count, 1);
    assert_int_equal(find(&r, "t/x", 2).count, 2);
    assert_int_equal(find(&r, "t/x", 0).count, 2);
    assert_int_equal(find(&r, "t/x", 2).count, 2);
    assert_int_equal(find(&r, "t/y", 0).count, 1); /* each task by itself */
    assert_refused(&r, "t/x", 1, "it has 2 shards");
    assert_refused(&r, "t/x", 3, "--shards takes a multiple of that");
    assert_refused(&r, "t/x", SHARDS_MOST + 2, "64 shards at most");
    assert_int_equal(find(&r, "t/x", 0).count, 2);
    assert_int_equal(find(&r, "t/x", 6).count, 6);
    assert_refused(&r, "t/x", 2, "it has 6 shards");
    assert_int_equal(store_put_note(r.s, VIEW("t/x"), VIEW("shards"), VIEW("0"), &r.e), WEIR_OK);
    assert_refused(&r, "t/x", 0, "weir.db says that it has 0 shards");
    assert_int_equal(store_put_note(r.s, VIEW("t/x"), VIEW("shards"), VIEW("65"), &r.e), WEIR_OK);
    assert_refused(&r, "t/x", 0, "weir.db says that it has 65 shards");
    teardown(&r);
}

/* What they have is what the one had of which they were cut, and not what one of the same name had before. */
static void test_copied(void **unused)
{
    (void)unused;
    rig r;
    setup(&r);
    uint64_t documents, bytes;
    give(&r, "t/x", "{\"a\":1}", 100, "one");
    find(&r, "t/x", 2);
    assert_has(&r, "t/x", "{\"a\":1}", 100, "one");
    assert_has(&r, "t/x@80000000", "{\"a\":1}", 100, "one");
    assert_int_equal(store_totals(r.s, VIEW("t/x@80000000"), &documents, &bytes, &r.e), WEIR_OK);
    assert_int_equal(documents, 0); /* counted once */
    give(&r, "t/x@80000000", "{\"b\":2}", 200, "two");
    find(&r, "t/x", 4);
    assert_has(&r, "t/x", "{\"a\":1}", 100, "one");
    assert_has(&r, "t/x@40000000", "{\"a\":1}", 100, "one");
    assert_has(&r, "t/x@80000000", "{\"b\":2}", 200, "two");
    assert_has(&r, "t/x@c0000000", "{\"b\":2}", 200, "two");
    teardown(&r);
}

typedef struct copying {
    rig *r;
    buf said;
    size_t fail_at; /* this call (from 1) */
    size_t calls;
} copying;

static weir_rc copy(void *arg, weir_view from, weir_view to, err *e)
{
    copying *c = arg;
    weir_view state = {0};
    buf_printf(&c->said, "%.*s to %.*s\n", VIEW_ARG(from), VIEW_ARG(to));
    assert_int_equal(store_state(c->r->s, to, &c->r->a, &state, e), WEIR_OK);
    assert_int_equal(state.len, 0); /* before weir.db is told */
    return ++c->calls == c->fail_at ? err_fail(e, WEIR_E_NOMEM, "the disk is full") : WEIR_OK;
}

static void test_files_first(void **unused)
{
    (void)unused;
    rig r;
    setup(&r);
    copying c = {.r = &r, .fail_at = 2};
    shards found;
    give(&r, "t/x", "{\"a\":1}", 100, "one");
    assert_int_equal(shards_find(r.s, VIEW("t/x"), 4, &r.a, copy, &c, &found, &r.e), WEIR_E_NOMEM);
    assert_has(&r, "t/x@40000000", "", 0, "");
    assert_int_equal(find(&r, "t/x", 0).count, 1);
    buf_clear(&c.said);
    assert_int_equal(shards_find(r.s, VIEW("t/x"), 4, &r.a, copy, &c, &found, &r.e), WEIR_OK);
    assert_view(buf_view(&c.said), "t/x to t/x@40000000\nt/x to t/x@80000000\nt/x to t/x@c0000000\n");
    buf_clear(&c.said);
    assert_int_equal(shards_find(r.s, VIEW("t/x"), 0, &r.a, copy, &c, &found, &r.e), WEIR_OK); /* nothing is cut */
    assert_int_equal(c.said.len, 0);
    buf_free(&c.said);
    teardown(&r);
}

/* Without memory, either all is cut or nothing. */
static void test_no_memory(void **unused)
{
    (void)unused;
    bool again = true;
    size_t failures = 0;
    for (size_t n = 0; again; n++) {
        rig r;
        shards found;
        setup(&r);
        give(&r, "t/x", "{\"a\":1}", 100, "one");
        fault_clear();
        fault_at(FAULT_ALLOC, n, ENOMEM);
        weir_rc rc = shards_find(r.s, VIEW("t/x"), 4, &r.a, NULL, NULL, &found, &r.e);
        again = fault_clear();
        failures += rc != WEIR_OK;
        assert_int_equal(rc, again ? WEIR_E_NOMEM : WEIR_OK);
        err_free(&r.e);
        r.e = (err){0};
        arena_free(&r.a);
        r.a = (arena){0};
        const bool cut = find(&r, "t/x", 0).count == 4;
        assert_true(cut || rc);
        assert_has(&r, "t/x", "{\"a\":1}", 100, "one");
        for (const char *const *name = (const char *const[]){"t/x@40000000", "t/x@80000000", "t/x@c0000000", NULL}; *name; name++)
            assert_has(&r, *name, cut ? "{\"a\":1}" : "", cut ? 100 : 0, cut ? "one" : "");
        teardown(&r);
    }
    assert_true(failures > 0);
}

/* What fails in the middle of the transaction takes back what was before it. */
static void test_all_or_nothing(void **unused)
{
    (void)unused;
    rig r;
    setup(&r);
    give(&r, "t/x", "{\"a\":1}", 100, "one");
    const store_copy copies[] = {{VIEW("t/x"), VIEW("t/x@40000000")}, {VIEW("t/x"), {NULL, (size_t)1 << 40 /* too long for the database */}}};
    assert_int_not_equal(store_copy_tasks(r.s, copies, 2, VIEW("t/x"), VIEW("shards"), VIEW("3"), &r.e), WEIR_OK);
    err_free(&r.e);
    r.e = (err){0};
    assert_has(&r, "t/x@40000000", "", 0, "");
    assert_int_equal(find(&r, "t/x", 0).count, 1);
    teardown(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ranges), cmocka_unit_test(test_nested), cmocka_unit_test(test_names), cmocka_unit_test(test_remembered), cmocka_unit_test(test_copied),
        cmocka_unit_test(test_files_first), cmocka_unit_test(test_no_memory), cmocka_unit_test(test_all_or_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
