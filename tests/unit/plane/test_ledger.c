/* The ledger: whose turn it is with a journal, and what is left in it of those who did not commit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <sched.h>

#include "fault.h"
#include "folder.h"
#include "plane/ledger.h"

typedef struct rig {
    char *folder;
    store *store;
    collection collections[2];
    catalog catalog;
    ledger l;
    book *x, *y;
    err e;
} rig;

static void setup(rig *r)
{
    *r = (rig){.folder = folder_make(), .collections = {{.name = VIEW("t/x")}, {.name = VIEW("t/y")}}};
    r->catalog = (catalog){.collections = r->collections, .collection_count = 2};
    assert_int_equal(store_open(&r->store, r->folder, false, &r->e), WEIR_OK);
    assert_int_equal(ledger_open(&r->l, &r->catalog, r->store, r->folder, NULL, &r->e), WEIR_OK);
    r->x = ledger_book(&r->l, VIEW("t/x"));
    r->y = ledger_book(&r->l, VIEW("t/y"));
}

static void teardown(rig *r)
{
    ledger_close(&r->l);
    store_close(r->store);
    folder_remove(r->folder);
    err_free(&r->e);
}

static void take(rig *r, book *const *books, size_t count)
{
    assert_int_equal(ledger_take(&r->l, books, count, VIEW("t/task"), &r->e), WEIR_OK);
}

static void append(rig *r, book *b, const char *lines)
{
    assert_int_equal(journal_append(b->j, view_of(lines), &r->e), WEIR_OK);
}

static void test_what_was_not_committed_is_gone(void **unused)
{
    (void)unused;
    rig r;
    setup(&r);
    take(&r, &r.x, 1);
    append(&r, r.x, "{\"id\":1}\n");
    ledger_committed(&r.l, r.x, 9, (weir_view){0});
    append(&r, r.x, "{\"id\":2}\n");
    ledger_give_back(&r.l, &r.x, 1);
    take(&r, &r.x, 1);
    assert_int_equal(journal_end(r.x->j), 9);
    ledger_give_back(&r.l, &r.x, 1);
    teardown(&r);
}

/* After a failed sync a journal refuses to work until it is opened anew. */
static void test_a_broken_journal_is_opened_anew(void **unused)
{
    (void)unused;
    rig r;
    setup(&r);
    take(&r, &r.x, 1);
    append(&r, r.x, "{\"id\":1}\n");
    fault_at(FAULT_FSYNC, 0, EIO);
    assert_int_equal(journal_sync(r.x->j, &r.e), WEIR_E_NOMEM);
    assert_true(fault_clear());
    ledger_give_back(&r.l, &r.x, 1);
    take(&r, &r.x, 1);
    assert_int_equal(journal_end(r.x->j), 0);
    append(&r, r.x, "{\"id\":2}\n");
    assert_int_equal(journal_sync(r.x->j, &r.e), WEIR_OK);
    ledger_give_back(&r.l, &r.x, 1);
    teardown(&r);
}

/* A journal that cannot be opened is nobody's turn for ever. */
static void test_a_failed_take_gives_back(void **unused)
{
    (void)unused;
    rig r;
    book *both[2];
    setup(&r);
    both[0] = r.x;
    both[1] = r.y;
    r.y->committed = 100; /* of which nothing is there */
    assert_int_equal(ledger_take(&r.l, both, 2, VIEW("t/task"), &r.e), WEIR_E_CONFIG);
    take(&r, &r.x, 1);
    ledger_give_back(&r.l, &r.x, 1);
    assert_int_equal(r.y->turn, r.y->turns);
    teardown(&r);
}

typedef struct waiter {
    rig *r;
    int number;
    weir_rc rc;
    pthread_t thread;
} waiter;

static void *wait_and_write(void *arg)
{
    waiter *w = arg;
    char line[] = "{\"id\":0}\n";
    err e = {0};
    line[6] = (char)('0' + w->number);
    w->rc = ledger_take(&w->r->l, &w->r->x, 1, VIEW("t/waiter"), &e);
    if (!w->rc) {
        append(w->r, w->r->x, line);
        ledger_committed(&w->r->l, w->r->x, journal_end(w->r->x->j), (weir_view){0});
        ledger_give_back(&w->r->l, &w->r->x, 1);
    }
    err_free(&e);
    return NULL;
}

/* Returns when somebody more has asked for the book. */
static void start(waiter *w, rig *r, int number)
{
    uint64_t before = r->x->turns, now;
    *w = (waiter){.r = r, .number = number};
    assert_int_equal(pthread_create(&w->thread, NULL, wait_and_write, w), 0);
    do {
        sched_yield();
        pthread_mutex_lock(&r->l.lock);
        now = r->x->turns;
        pthread_mutex_unlock(&r->l.lock);
    } while (now == before);
}

/* Whoever gives it back and asks again comes behind those who have waited. */
static void test_turns_in_the_order_of_asking(void **unused)
{
    (void)unused;
    enum { WAITERS = 5 };
    rig r;
    waiter w[WAITERS];
    char text[64] = "";
    setup(&r);
    take(&r, &r.x, 1);
    for (int i = 0; i < WAITERS; i++)
        start(&w[i], &r, i + 1);
    ledger_give_back(&r.l, &r.x, 1);
    take(&r, &r.x, 1);
    append(&r, r.x, "{\"id\":9}\n");
    ledger_committed(&r.l, r.x, journal_end(r.x->j), (weir_view){0});
    ledger_give_back(&r.l, &r.x, 1);
    for (int i = 0; i < WAITERS; i++)
        pthread_join(w[i].thread, NULL);
    journal_reader *j;
    buf lines = {0};
    uint64_t end;
    assert_int_equal(journal_reader_open(&j, r.folder, VIEW("t/x"), 0, &r.e), WEIR_OK);
    assert_int_equal(journal_read(j, r.x->committed, 1000, &lines, &end, &r.e), WEIR_OK);
    for (size_t i = 6, n = 0; i < lines.len; i += 9)
        text[n++] = lines.ptr[i];
    assert_string_equal(text, "123459");
    journal_reader_close(j);
    buf_free(&lines);
    teardown(&r);
}

/* What was left may count or not: nobody may write behind it, nor cut it off, before that is known. */
static void test_what_was_left_is_kept(void **unused)
{
    (void)unused;
    rig r;
    waiter w;
    setup(&r);
    take(&r, &r.x, 1);
    append(&r, r.x, "{\"id\":1}\n");
    assert_int_equal(journal_sync(r.x->j, &r.e), WEIR_OK);
    start(&w, &r, 1);
    ledger_leave(&r.l, &r.x, 1);
    pthread_join(w.thread, NULL);
    assert_int_equal(w.rc, WEIR_STOPPED); /* who waited for its turn is told */
    assert_int_equal(ledger_take(&r.l, &r.x, 1, VIEW("t/task"), &r.e), WEIR_STOPPED);
    assert_string_equal(err_text(&r.e), "what was written last is not settled");
    err_free(&r.e);
    r.e = (err){0};
    ledger_committed(&r.l, r.x, 9, (weir_view){0}); /* it does */
    ledger_settle(&r.l, r.x);
    take(&r, &r.x, 1);
    assert_int_equal(journal_end(r.x->j), 9);
    append(&r, r.x, "{\"id\":2}\n");
    ledger_leave(&r.l, &r.x, 1);
    ledger_settle(&r.l, r.x); /* it does not */
    take(&r, &r.x, 1);
    assert_int_equal(journal_end(r.x->j), 9);
    ledger_give_back(&r.l, &r.x, 1);
    teardown(&r);
}

static void test_the_end_wakes_who_waits(void **unused)
{
    (void)unused;
    rig r;
    waiter w;
    setup(&r);
    take(&r, &r.x, 1);
    start(&w, &r, 1);
    ledger_end(&r.l);
    pthread_join(w.thread, NULL);
    assert_int_equal(w.rc, WEIR_STOPPED);
    ledger_give_back(&r.l, &r.x, 1);
    teardown(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_not_committed_is_gone),
        cmocka_unit_test(test_a_broken_journal_is_opened_anew),
        cmocka_unit_test(test_a_failed_take_gives_back),
        cmocka_unit_test(test_turns_in_the_order_of_asking),
        cmocka_unit_test(test_what_was_left_is_kept),
        cmocka_unit_test(test_the_end_wakes_who_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
