/* A collection as one of its readers sees it: only what is for its shard, and truncations that it may not pass yet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "folder.h"
#include "model/keyhash.h"
#include "model/tuple.h"
#include "plane/intake.h"
#include "run/combine.h"

#define CUT COMBINE_TRUNCATION "\n"

typedef struct rig {
    char *folder;
    store *store;
    collection collection;
    catalog catalog;
    ledger l;
    book *b;
    reading what;
    uint64_t held; /* a truncation here may not be passed */
    size_t asked;
    intake *in;
    buf out;
    err e;
} rig;

static bool may_pass(void *arg, uint64_t at)
{
    rig *r = arg;
    r->asked++;
    return at != r->held;
}

static void setup(rig *r, const char *lines)
{
    *r = (rig){.folder = folder_make(), .collection = {.name = VIEW("t/x")}, .held = UINT64_MAX};
    r->catalog = (catalog){.collections = &r->collection, .collection_count = 1};
    assert_int_equal(store_open(&r->store, r->folder, false, &r->e), WEIR_OK);
    assert_int_equal(ledger_open(&r->l, &r->catalog, r->store, r->folder, NULL, &r->e), WEIR_OK);
    r->b = ledger_book(&r->l, VIEW("t/x"));
    assert_int_equal(ledger_take(&r->l, &r->b, 1, VIEW("t/task"), &r->e), WEIR_OK);
    assert_int_equal(journal_append(r->b->j, view_of(lines), &r->e), WEIR_OK);
    ledger_committed(&r->l, r->b, journal_end(r->b->j), (weir_view){0});
    ledger_give_back(&r->l, &r->b, 1);
}

static void teardown(rig *r)
{
    intake_free(r->in);
    buf_free(&r->out);
    ledger_close(&r->l);
    store_close(r->store);
    folder_remove(r->folder);
    err_free(&r->e);
}

/* @param keys whether it is one that has the documents of this id only; negative: all */
static void begin(rig *r, int id, bool asks)
{
    intake_options o = {.what = &r->what, .may_pass = asks ? may_pass : NULL, .arg = r};
    if (id >= 0) {
        buf packed = {0};
        char digits[16];
        snprintf(digits, sizeof digits, "%d", id);
        assert_true(tuple_pack(&packed, view_of(digits)));
        const uint32_t hash = key_hash(buf_view(&packed));
        buf_free(&packed);
        assert_int_equal(range_make(&o.keys, &(range_options){&(weir_view){"/id", 3}, NULL, 1, hash, hash}, &r->e), WEIR_OK);
    }
    assert_int_equal(intake_make(&r->in, &r->l, r->b, &o, 0, &r->e), WEIR_OK);
}

/* Reads once. @param at where it is then */
static void assert_reads(rig *r, size_t want, const char *lines, uint64_t at)
{
    const piece p = {intake_at(r->in), r->b->committed, 0};
    buf_clear(&r->out);
    assert_int_equal(intake_read(r->in, &p, want, &r->out, &r->e), WEIR_OK);
    if (!view_is(buf_view(&r->out), lines))
        fail_msg("got\n%.*s\nexpected\n%s", VIEW_ARG(buf_view(&r->out)), lines);
    assert_int_equal(intake_at(r->in), at);
}

enum { LINE = sizeof "{\"id\":1}\n" - 1, CUTS = sizeof CUT - 1 };
#define ONE "{\"id\":1}\n"
#define TWO "{\"id\":2}\n"

static void test_keys(void **unused)
{
    (void)unused;
    rig r;
    setup(&r, ONE TWO CUT TWO ONE);
    begin(&r, 1, false);
    assert_reads(&r, 1 << 20, ONE CUT ONE, r.b->committed); /* truncations are everybody's */
    assert_reads(&r, 1 << 20, "", r.b->committed);
    teardown(&r);
    setup(&r, ONE TWO ONE);
    begin(&r, 3, false);
    assert_reads(&r, 1 << 20, "", 3 * LINE); /* read, though none of it was for it */
    teardown(&r);
}

static void test_truncations(void **unused)
{
    (void)unused;
    rig r;
    setup(&r, ONE TWO CUT TWO CUT CUT ONE);
    begin(&r, -1, true);
    r.held = 2 * LINE;
    assert_reads(&r, 1 << 20, ONE TWO, 2 * LINE); /* up to it */
    assert_reads(&r, 1 << 20, "", 2 * LINE);      /* it stays there */
    assert_int_equal(r.asked, 2);
    r.held = 3 * LINE + 2 * CUTS; /* the last one: the two before may be passed */
    assert_reads(&r, 1 << 20, CUT TWO CUT, 3 * LINE + 2 * CUTS);
    assert_reads(&r, 1 << 20, "", 3 * LINE + 2 * CUTS);
    r.held = UINT64_MAX;
    assert_reads(&r, 1 << 20, CUT ONE, r.b->committed);
    teardown(&r);
}

static void test_truncation_at_the_beginning(void **unused)
{
    (void)unused;
    rig r;
    setup(&r, CUT ONE TWO);
    begin(&r, 2, true);
    r.held = 0;
    assert_reads(&r, 1 << 20, "", 0);
    r.held = UINT64_MAX;
    assert_reads(&r, 1 << 20, CUT TWO, CUTS + 2 * LINE);
    teardown(&r);
}

/* What stands in it is passed over with the time at which it was published: nothing of that piece is read, truncations neither. */
static void test_not_at_this_time(void **unused)
{
    (void)unused;
    rig r;
    setup(&r, ONE CUT TWO);
    r.what = (reading){.has_not_before = true, .not_before = 100};
    begin(&r, -1, true);
    r.held = LINE;
    assert_reads(&r, 1 << 20, "", r.b->committed);
    teardown(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys), cmocka_unit_test(test_truncations), cmocka_unit_test(test_truncation_at_the_beginning), cmocka_unit_test(test_not_at_this_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
