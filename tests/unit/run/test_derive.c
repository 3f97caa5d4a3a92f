/* Sessions of derivations: what a lambda gets, when it may publish, what is kept, what a reset forgets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <pthread.h>
#include <stdlib.h>

#include <cmocka.h>

#include "run/session.h"

/* ---- the listener: a line for everything that it is told ---- */

typedef struct hearer {
    listener base;
    pthread_mutex_t lock;
    buf said;
} hearer;

static void note(listener *l, const char *what, weir_view text)
{
    hearer *h = (hearer *)l;
    buf_printf(&h->said, "%s %.*s\n", what, VIEW_ARG(text));
}

static weir_rc attach(listener *l, weir_task *t, lane *ln)
{
    (void)l;
    (void)t;
    ln->outlets[0] = (outlet){.to = &ln->shared, .prefix = VIEW("doc "), .suffix = VIEW("\n")};
    return WEIR_OK;
}

static void detach(listener *l, lane *ln)
{
    (void)l;
    (void)ln;
}

static weir_rc take(listener *l, weir_task *t, lane *ln)
{
    hearer *h = (hearer *)l;
    (void)t;
    pthread_mutex_lock(&h->lock);
    buf_addv(&h->said, buf_view(&ln->shared));
    pthread_mutex_unlock(&h->lock);
    buf_clear(&ln->shared);
    return WEIR_OK;
}

static weir_rc seal(listener *l, weir_task *t, lane *ln, const checkpoint *c)
{
    assert_true(view_is(c->state, "{}") && c->merge && !c->binding);
    return take(l, t, ln);
}

static weir_rc keep(listener *l, weir_task *t, weir_view patch)
{
    (void)t;
    note(l, "keep", patch);
    return WEIR_OK;
}

static weir_rc resume(listener *l, weir_task *t, weir_view position)
{
    (void)t;
    note(l, "resume", position);
    return WEIR_OK;
}

static weir_rc read_only(listener *l, weir_task *t, const weir_transform *x)
{
    (void)t;
    note(l, "read-only", x->name);
    return WEIR_OK;
}

static weir_rc generated(listener *l, weir_task *t, weir_view url, weir_view content)
{
    (void)t;
    note(l, "file", url);
    note(l, "content", content);
    return WEIR_OK;
}

static const listener_ops hearer_ops = {
    .attach = attach, .detach = detach, .spill = take, .seal = seal, .keep = keep, .resume = resume, .read_only = read_only, .generated = generated,
};

/* ---- the derivation ---- */

typedef struct lambda {
    int64_t times;
} lambda;

static const weir_field lambda_fields[] = {{.name = "times", .type = WEIR_INT, .offset = offsetof(lambda, times), .fallback = "1", .min = 0, .max = 9, .help = "x"}, {0}};

static const weir_column columns[] = {
    {.field = WEIR_LIT("id"), .pointer = WEIR_LIT("/id"), .key = true}, {.field = WEIR_LIT("n"), .pointer = WEIR_LIT("/a/n")},
    {.field = WEIR_LIT("flow_document"), .pointer = WEIR_LIT("")}, {.field = WEIR_LIT("same"), .pointer = WEIR_LIT("/id")},
};

typedef struct rig {
    hearer h;
    weir_connector c;
    weir_derive derive;
    weir_derivation d;
    weir_binding to;
    weir_transform x[2];
    log_sink *log;
    arena a;
    session *s;
    err e;
} rig;

static rig *now; /* the one of the test at hand */

static const tree *parsed(rig *r, const char *text)
{
    tree *t = NULL;
    if (text)
        assert_int_equal(tree_parse(&r->a, view_of(text), NULL, WEIR_E_BUG, &t, &r->e), WEIR_OK);
    return t;
}

/* @return what session_derive() said */
static weir_rc rig_open(rig *r, const char *first, const char *second, const char *state)
{
    now = r;
    r->h.base.ops = &hearer_ops;
    pthread_mutex_init(&r->h.lock, NULL);
    r->c = (weir_connector){.abi = WEIR_ABI, .name = "derive-test", .resource = lambda_fields, .resource_size = sizeof(lambda), .derive = &r->derive};
    r->to = (weir_binding){.name = VIEW("t/d")};
    r->d = (weir_derivation){.count = 2};
    for (int i = 0; i < 2; i++)
        r->x[i] = (weir_transform){.name = i ? VIEW("two") : VIEW("one"), .collection = VIEW("t/s"), .columns = columns, .column_count = 4, .key_count = 1};
    r->log = log_open(2);
    r->s = session_new(&(session_options){.connector = &r->c, .to = &r->h.base, .log = r->log, .task_name = VIEW("t/d")});
    assert_non_null(r->s);
    assert_int_equal(session_open(r->s, NULL, &r->e), WEIR_OK);
    const tree *lambdas[] = {parsed(r, first), parsed(r, second)};
    return session_derive(r->s, &r->d, &r->to, r->x, lambdas, view_of(state), &r->e);
}

static void rig_close(rig *r)
{
    session_free(r->s);
    log_close(r->log);
    buf_free(&r->h.said);
    pthread_mutex_destroy(&r->h.lock);
    arena_free(&r->a);
    err_free(&r->e);
}

static void expect(rig *r, weir_rc got, weir_rc wanted, const char *said, const char *error)
{
    if (got != wanted || strcmp(buf_text(&r->h.said), said) != 0 || strcmp(err_text(&r->e), error) != 0)
        fail_msg("code %d, expected %d; error '%s', expected '%s'; said:\n%s\nexpected:\n%s", got, wanted, err_text(&r->e), error, buf_text(&r->h.said), said);
    buf_clear(&r->h.said);
    err_clear(&r->e);
}

static weir_rc publish(weir_task *t, int64_t n)
{
    return weir_emit(t, now->d.to, WEIR_UPSERT, weir_format(t, "{\"n\":%d}", (int)n));
}

static weir_rc times_id(weir_task *t, void *self, const weir_read *reads, size_t count)
{
    (void)self;
    weir_rc rc = WEIR_OK;
    for (size_t i = 0; i < count && !rc; i++)
        rc = publish(t, ((const lambda *)reads[i].transform->lambda)->times * weir_json_int(reads[i].doc, "/id", 0));
    return rc;
}

static weir_rc read_docs(rig *r, const char *first, const char *second)
{
    weir_read reads[] = {{.transform = &r->x[0], .doc = view_of(first)}, {.transform = &r->x[1], .doc = view_of(second)}};
    return session_read(r->s, reads, second ? 2 : 1, &r->e);
}

/* ---- lambdas and values ---- */

static void test_lambdas_are_parsed(void **unused)
{
    (void)unused;
    rig r = {.derive = {.read = times_id}};
    assert_int_equal(rig_open(&r, "{\"times\":3}", NULL, "{}"), WEIR_OK);
    assert_int_equal(r.x[1].index, 1);
    expect(&r, read_docs(&r, "{\"id\":5}", "{\"id\":7}"), WEIR_OK, "doc {\"n\":15}\ndoc {\"n\":7}\n", "");
    rig_close(&r);
}

static void test_all_wrong_lambdas_are_told(void **unused)
{
    (void)unused;
    rig r = {.derive = {.read = times_id}};
    expect(&r, rig_open(&r, "{\"times\":10}", "{\"time\":1}", ""), WEIR_E_CONFIG, "",
           "transform one: lambda:1:10: /times: must be from 0 to 9, got 10\ntransform two: lambda:1:2: /time: unknown setting, did you mean 'times'?");
    rig_close(&r);
}

static weir_rc tell_values(weir_task *t, void *self, const weir_read *reads, size_t count)
{
    (void)self;
    weir_rc rc = WEIR_OK;
    for (size_t i = 0; i < count && !rc; i++) {
        const weir_view *v = reads[i].values;
        rc = weir_keep(t, weir_format(t, "[%.*s,%s,%.*s,%.*s]", VIEW_ARG(v[0]), v[1].len ? weir_format(t, "%.*s", VIEW_ARG(v[1])).ptr : "\"-\"", VIEW_ARG(v[2]), VIEW_ARG(v[3])));
    }
    return rc;
}

static void test_values_of_the_columns(void **unused)
{
    (void)unused;
    rig r = {.derive = {.read = tell_values, .wants_values = true}};
    assert_int_equal(rig_open(&r, NULL, NULL, ""), WEIR_OK);
    expect(&r, read_docs(&r, "{\"a\":{\"n\":null},\"id\":1}", "{\"id\":\"x\",\"a\":{}}"), WEIR_OK,
           "keep [1,null,{\"a\":{\"n\":null},\"id\":1},1]\nkeep [\"x\",\"-\",{\"id\":\"x\",\"a\":{}},\"x\"]\n", "");
    expect(&r, read_docs(&r, "{\"id\":1", NULL), WEIR_E_REMOTE, "", "transform one: a document of t/s is not JSON");
    rig_close(&r);
}

static weir_rc no_values(weir_task *t, void *self, const weir_read *reads, size_t count)
{
    (void)t;
    (void)self;
    assert_int_equal(count, 2);
    assert_null(reads[0].values);
    return WEIR_OK;
}

static void test_no_values_unless_they_are_wanted(void **unused)
{
    (void)unused;
    rig r = {.derive = {.read = no_values}};
    assert_int_equal(rig_open(&r, NULL, NULL, ""), WEIR_OK);
    expect(&r, read_docs(&r, "{}", "{}"), WEIR_OK, "", "");
    rig_close(&r);
}

/* ---- publishing ---- */

static weir_rc flush_two(weir_task *t, void *self)
{
    (void)self;
    weir_rc rc = publish(t, 1);
    return rc ? rc : publish(t, 2);
}

static weir_rc commit_publishes(weir_task *t, void *self, weir_view position)
{
    (void)self;
    return view_is(position, "{\"at\":1}") ? publish(t, 3) : WEIR_OK;
}

static weir_rc begin_publishes(weir_task *t, void *self, const weir_derivation *d)
{
    (void)self;
    assert_ptr_equal(d, &now->d);
    return weir_begin(t, d->to, WEIR_UPSERT);
}

static void test_only_reading_and_flushing_publish(void **unused)
{
    (void)unused;
    rig r = {.derive = {.begin = begin_publishes, .read = times_id, .flush = flush_two, .commit = commit_publishes}};
    assert_int_equal(rig_open(&r, NULL, NULL, ""), WEIR_OK);
    expect(&r, session_begin(r.s, &r.e), WEIR_E_BUG, "", "a derivation publishes in read() and flush() only");
    expect(&r, session_flush(r.s, &r.e), WEIR_OK, "doc {\"n\":1}\ndoc {\"n\":2}\n", "");
    expect(&r, session_commit(r.s, VIEW("{}"), &r.e), WEIR_OK, "", "");
    expect(&r, session_commit(r.s, VIEW("{\"at\":1}"), &r.e), WEIR_E_BUG, "", "a derivation publishes in read() and flush() only");
    rig_close(&r);
}

static weir_rc one_then_fails(weir_task *t, void *self, const weir_read *reads, size_t count)
{
    (void)self;
    (void)reads;
    weir_rc rc = publish(t, 1);
    return rc ? rc : count > 1 ? weir_fail(t, WEIR_E_CONFIG, "no") : WEIR_OK;
}

static void test_a_failed_read_publishes_nothing(void **unused)
{
    (void)unused;
    rig r = {.derive = {.read = one_then_fails}};
    assert_int_equal(rig_open(&r, NULL, NULL, ""), WEIR_OK);
    expect(&r, read_docs(&r, "{}", NULL), WEIR_OK, "doc {\"n\":1}\n", "");
    expect(&r, read_docs(&r, "{}", "{}"), WEIR_E_CONFIG, "", "no");
    rig_close(&r);
}

static weir_rc publish_one(weir_task *t, void *arg, size_t i)
{
    (void)arg;
    (void)i;
    return publish(t, 7);
}

static weir_rc in_parallel(weir_task *t, void *self, const weir_read *reads, size_t count)
{
    (void)self;
    (void)reads;
    (void)count;
    return weir_parallel(t, 3, 20, publish_one, NULL);
}

static void test_lanes_of_a_read_publish(void **unused)
{
    (void)unused;
    rig r = {.derive = {.read = in_parallel}};
    assert_int_equal(rig_open(&r, NULL, NULL, ""), WEIR_OK);
    assert_int_equal(read_docs(&r, "{}", NULL), WEIR_OK);
    assert_int_equal(r.h.said.len, 20 * strlen("doc {\"n\":7}\n"));
    rig_close(&r);
}

static weir_rc checkpoints(weir_task *t, void *self, const weir_read *reads, size_t count)
{
    (void)self;
    (void)reads;
    return weir_checkpoint(t, count > 1 ? now->d.to : NULL, VIEW("{}"));
}

static void test_there_are_no_checkpoints(void **unused)
{
    (void)unused;
    rig r = {.derive = {.read = checkpoints}};
    assert_int_equal(rig_open(&r, NULL, NULL, ""), WEIR_OK);
    for (int i = 0; i < 2; i++)
        expect(&r, read_docs(&r, "{}", i ? "{}" : NULL), WEIR_E_BUG, "", "a derivation has no checkpoints: what it is to remember it gives to weir_keep()");
    rig_close(&r);
}

/* ---- what is kept ---- */

static weir_rc keep_state(weir_task *t, void *self, weir_view position)
{
    (void)self;
    (void)position;
    return weir_keep(t, weir_state(t).len ? weir_state(t) : VIEW("{\"new\":1}"));
}

static weir_rc keep_after_reset(weir_task *t, void *self)
{
    return keep_state(t, self, VIEW(""));
}

static weir_rc resumes(weir_task *t, void *self, const weir_derivation *d)
{
    (void)self;
    (void)d;
    return weir_resume(t, VIEW("{\"sources\":{}}"));
}

static void test_state(void **unused)
{
    (void)unused;
    rig r = {.derive = {.begin = resumes, .read = times_id, .commit = keep_state, .reset = keep_after_reset}};
    assert_int_equal(rig_open(&r, NULL, NULL, "{\"old\":1}"), WEIR_OK);
    expect(&r, session_begin(r.s, &r.e), WEIR_OK, "resume {\"sources\":{}}\n", "");
    expect(&r, session_commit(r.s, VIEW("{}"), &r.e), WEIR_OK, "keep {\"old\":1}\n", "");
    expect(&r, session_reset(r.s, &r.e), WEIR_OK, "keep {\"new\":1}\n", "");
    expect(&r, session_commit(r.s, VIEW("{}"), &r.e), WEIR_OK, "keep {\"new\":1}\n", "");
    rig_close(&r);
}

static void test_what_is_not_there_is_not_called(void **unused)
{
    (void)unused;
    rig r = {.derive = {.read = times_id}};
    assert_int_equal(rig_open(&r, NULL, NULL, ""), WEIR_OK);
    expect(&r, session_validate(r.s, &r.e), WEIR_OK, "", "");
    expect(&r, session_begin(r.s, &r.e), WEIR_OK, "", "");
    expect(&r, session_read(r.s, NULL, 0, &r.e), WEIR_OK, "", "");
    expect(&r, session_flush(r.s, &r.e), WEIR_OK, "", "");
    expect(&r, session_commit(r.s, VIEW("{}"), &r.e), WEIR_OK, "", "");
    expect(&r, session_reset(r.s, &r.e), WEIR_OK, "", "");
    rig_close(&r);
}

/* ---- validation ---- */

static weir_rc validate(weir_task *t, void *self, const weir_derivation *d)
{
    (void)self;
    weir_rc rc = weir_read_only(t, &d->transforms[1]);
    if (!rc)
        rc = weir_generated_file(t, VIEW("file:///a"), VIEW("text"));
    if (d->project_root) {
        weir_problem(t, NULL, "the one");
        weir_problem(t, NULL, "the %s", "other");
    }
    return rc;
}

static void test_validate(void **unused)
{
    (void)unused;
    rig r = {.derive = {.validate = validate, .read = times_id}};
    assert_int_equal(rig_open(&r, NULL, NULL, ""), WEIR_OK);
    const char *said = "read-only two\nfile file:///a\ncontent text\n";
    expect(&r, session_validate(r.s, &r.e), WEIR_OK, said, "");
    r.d.project_root = "file:///";
    expect(&r, session_validate(r.s, &r.e), WEIR_E_CONFIG, said, "the one\nthe other");
    rig_close(&r);
}

static void test_what_is_no_derivation(void **unused)
{
    (void)unused;
    const weir_connector none = {.abi = WEIR_ABI, .name = "other", .sql = &(const weir_sql){0}};
    rig r = {0};
    r.h.base.ops = &hearer_ops;
    r.log = log_open(2);
    r.s = session_new(&(session_options){.connector = &none, .to = &r.h.base, .log = r.log});
    assert_int_equal(session_open(r.s, NULL, &r.e), WEIR_OK);
    expect(&r, session_derive(r.s, &r.d, &r.to, r.x, NULL, VIEW(""), &r.e), WEIR_E_CONFIG, "", "'other' is no derivation");
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lambdas_are_parsed),
        cmocka_unit_test(test_all_wrong_lambdas_are_told),
        cmocka_unit_test(test_values_of_the_columns),
        cmocka_unit_test(test_no_values_unless_they_are_wanted),
        cmocka_unit_test(test_only_reading_and_flushing_publish),
        cmocka_unit_test(test_a_failed_read_publishes_nothing),
        cmocka_unit_test(test_lanes_of_a_read_publish),
        cmocka_unit_test(test_there_are_no_checkpoints),
        cmocka_unit_test(test_state),
        cmocka_unit_test(test_what_is_not_there_is_not_called),
        cmocka_unit_test(test_validate),
        cmocka_unit_test(test_what_is_no_derivation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
