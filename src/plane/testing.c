#include "plane/testing.h"

#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "plane/catalog_parts.h"
#include "plane/derivation.h"
#include "plane/gate.h"
#include "plane/keyed.h"
#include "plane/selector.h"
#include "plane/verify.h"

/* Documents of a collection that came at one moment. */
typedef struct batch {
    int64_t second;
    size_t at; /* behind its last byte */
} batch;

/* A collection, as long as a test. */
typedef struct topic {
    const collection *c;
    buf lines;
    buf batches;      /* array, grown as bytes */
    keyed *combine;   /* what comes in, by the write schema; NULL: not made yet */
    weir_view salt;   /* of the first task that writes to it */
} topic;

typedef struct testing testing;

/* What a derivation reads. */
typedef struct input {
    const task_transform *x;
    topic *from;
    selector *only;
    size_t at;        /* offset in from->lines */
    size_t next;      /* batch */
} input;

typedef struct deriver {
    testing *t;
    const task *task;
    derivation *d;    /* NULL: not at work */
    topic *to;
    input *inputs;
    size_t count;
    buf why;          /* the last document that it published is refused */
} deriver;

struct testing {
    const testing_options *o;
    arena arena;
    topic *topics;    /* as the catalog's collections */
    deriver *derivers; /* in an order in which those that are read from come first */
    size_t deriver_count;
    int64_t now;      /* seconds: of the test at hand, which makes time pass by itself */
    size_t documents;
};

/* -------------------------------------------------------------------------------------------------------- collections -- */

static topic *topic_of(testing *t, const collection *c) { return &t->topics[c - t->o->catalog->collections]; }

static weir_rc add_batch(testing *t, topic *to, err *e)
{
    const batch b = {t->now, to->lines.len};
    buf_add(&to->batches, &b, sizeof b);
    return buf_ok(&to->lines) && buf_ok(&to->batches) ? WEIR_OK : err_nomem(e);
}

static weir_rc append(void *arg, const keyed_doc *d, err *e)
{
    topic *to = arg;
    (void)e;
    buf_addv(&to->lines, d->doc);
    buf_addc(&to->lines, '\n');
    return WEIR_OK;
}

static weir_rc make_combine(topic *to, err *e)
{
    return to->combine ? WEIR_OK : keyed_make(&to->combine, &(keyed_options){.c = to->c, .partial = true, .salt = to->salt}, e);
}

/* What was gathered for a collection is in it now. */
static weir_rc publish(testing *t, topic *to, err *e)
{
    weir_rc rc = keyed_drain(to->combine, append, to, e);
    return rc ? rc : add_batch(t, to, e);
}

/* -------------------------------------------------------------------------------------------------------- derivations -- */

static weir_rc take_published(void *arg, weir_view doc, err *e)
{
    deriver *v = arg;
    weir_rc rc = keyed_add(v->to->combine, doc, &v->why, e);
    v->t->documents++;
    return !rc && v->why.len ? gate_refuse(v->to->c, derivation_keyless(v->task), keyed_hides(v->to->combine) ? (weir_view){0} : doc, &v->why, e) : rc;
}

static void live(void *arg, session *s)
{
    const testing_options *o = ((deriver *)arg)->t->o;
    if (o->live)
        o->live(o->live_arg, s);
}

static weir_rc open_deriver(deriver *v, err *e)
{
    weir_rc rc = make_combine(v->to, e);
    if (!rc && v->d) {
        derivation_live(v->d);
        return derivation_reset(v->d, e);
    }
    const testing_options *o = v->t->o;
    if (!rc)
        rc = derivation_open(&v->d, &(derivation_options){
            .t = v->task, .natives = o->natives, .log = o->log, .stop_fd = o->stop_fd, .apart = true, .published = take_published, .live = live, .arg = v}, e);
    return rc;
}

static const batch *batch_of(const input *in)
{
    const batch *all = (const batch *)(const void *)in->from->batches.ptr;
    return in->next < in->from->batches.len / sizeof *all ? &all[in->next] : NULL;
}

static input *next_input(deriver *v)
{
    input *next = NULL;
    for (size_t i = 0; i < v->count; i++) {
        input *in = &v->inputs[i];
        const batch *b = batch_of(in);
        if (b && transform_due(in->x, b->second) <= v->t->now && (!next || transform_before(in->x, b->second, next->x, batch_of(next)->second)))
            next = in;
    }
    return next;
}

static bool in_time(const reading *r, int64_t second)
{
    return !(r->has_not_before && second < r->not_before) && !(r->has_not_after && second > r->not_after);
}

static weir_rc select_lines(selector *only, weir_view lines, buf *out, err *e)
{
    weir_rc rc = WEIR_OK;
    while (!rc && lines.len) {
        size_t len = (size_t)((const char *)memchr(lines.ptr, '\n', lines.len) - lines.ptr);
        bool takes = true;
        if (only)
            rc = selector_takes(only, (weir_view){lines.ptr, len}, &takes, e);
        if (!rc && takes)
            buf_add(out, lines.ptr, len + 1);
        lines = view_from(lines, len + 1);
    }
    return rc || buf_ok(out) ? rc : err_nomem(e);
}

static weir_rc read_batch(deriver *v, input *in, err *e)
{
    const batch *b = batch_of(in);
    buf lines = {0};
    weir_view all = {in->from->lines.ptr + in->at, b->at - in->at};
    weir_rc rc = all.len && in_time(&in->x->reading, b->second) ? select_lines(in->only, all, &lines, e) : WEIR_OK;
    in->at = b->at;
    in->next++;
    if (!rc && lines.len)
        rc = derivation_read(v->d, (size_t)(in - v->inputs), buf_view(&lines), b->second, e);
    buf_free(&lines);
    return rc;
}

/* One transaction: all that may be read now. */
static weir_rc derive(deriver *v, err *e)
{
    input *in = v->d ? next_input(v) : NULL;
    weir_rc rc = WEIR_OK;
    if (!in)
        return WEIR_OK;
    derivation_live(v->d);
    for (; in && !rc; in = next_input(v))
        rc = read_batch(v, in, e);
    if (!rc)
        rc = derivation_flush(v->d, e);
    if (!rc)
        rc = publish(v->t, v->to, e);
    if (!rc)
        rc = derivation_commit(v->d, VIEW("{}"), e);
    return err_wrap(e, rc, "derivation %.*s", VIEW_ARG(v->task->name));
}

/* In their order one turn is enough: nobody reads from one that comes later. */
static weir_rc derive_all(testing *t, err *e)
{
    weir_rc rc = WEIR_OK;
    for (size_t i = 0; i < t->deriver_count && !rc; i++)
        rc = derive(&t->derivers[i], e);
    return rc;
}

/* When the first of the documents that wait for their readDelay may be read; INT64_MAX: none waits. */
static int64_t next_due(const testing *t)
{
    int64_t due = INT64_MAX;
    for (size_t i = 0; i < t->deriver_count; i++)
        for (size_t k = 0; t->derivers[i].d && k < t->derivers[i].count; k++) {
            const batch *b = batch_of(&t->derivers[i].inputs[k]);
            int64_t one = b ? transform_due(t->derivers[i].inputs[k].x, b->second) : INT64_MAX;
            due = one < due ? one : due;
        }
    return due;
}

/* What is verified is everything: time passes until nothing waits any more. */
static weir_rc catch_up(testing *t, err *e)
{
    weir_rc rc = derive_all(t, e);
    for (int64_t due = next_due(t); !rc && due != INT64_MAX; due = next_due(t)) {
        t->now = due > t->now ? due : t->now;
        rc = derive_all(t, e);
    }
    return rc;
}

/* -------------------------------------------------------------------------------------------------------------- steps -- */

static weir_rc ingest_one(testing *t, topic *to, const tree *doc, size_t number, err *e)
{
    buf text = {0}, why = {0};
    tree_write(&text, doc);
    weir_rc rc = buf_ok(&text) ? keyed_add(to->combine, buf_view(&text), &why, e) : err_nomem(e);
    if (!rc && why.len)
        rc = gate_refuse(to->c, WEIR_E_CONFIG, keyed_hides(to->combine) ? (weir_view){0} : buf_view(&text), &why, e);
    t->documents++;
    buf_free(&text);
    buf_free(&why);
    return err_wrap(e, rc, "document %zu", number);
}

static weir_rc ingest(testing *t, const test_step *s, buf *diff, err *e)
{
    topic *to = topic_of(t, s->collection);
    weir_rc rc = make_combine(to, e);
    size_t n = 0;
    (void)diff;
    for (const tree *d = s->documents->first; d && !rc; d = d->next)
        rc = ingest_one(t, to, d, ++n, e);
    if (!rc)
        rc = publish(t, to, e);
    return rc ? rc : derive_all(t, e);
}

/* Everything that the collection holds, by key. */
static weir_rc reduce(testing *t, const test_step *s, keyed *by_key, err *e)
{
    const topic *from = topic_of(t, s->collection);
    const batch *all = (const batch *)(const void *)from->batches.ptr;
    size_t count = from->batches.len / sizeof *all, at = 0;
    selector *only;
    buf lines = {0}, why = {0};
    weir_rc rc = selector_make(&t->arena, s->collection, &s->reading, &only, e);
    for (size_t i = 0; i < count && !rc; at = all[i++].at)
        if (in_time(&s->reading, all[i].second) && all[i].at > at)
            rc = select_lines(only, (weir_view){from->lines.ptr + at, all[i].at - at}, &lines, e);
    for (weir_view rest = buf_view(&lines); rest.len && !rc;) {
        size_t len = (size_t)((const char *)memchr(rest.ptr, '\n', rest.len) - rest.ptr);
        rc = keyed_add(by_key, (weir_view){rest.ptr, len}, &why, e);
        if (!rc && why.len)
            rc = gate_refuse(s->collection, WEIR_E_CONFIG, keyed_hides(by_key) ? (weir_view){0} : (weir_view){rest.ptr, len}, &why, e);
        rest = view_from(rest, len + 1);
    }
    buf_free(&lines);
    buf_free(&why);
    return rc;
}

/* What was reduced away is not there. */
static weir_rc add_line(void *arg, const keyed_doc *d, err *e)
{
    buf *to = arg;
    (void)e;
    if (d->deleted)
        return WEIR_OK;
    buf_addv(to, d->doc);
    buf_addc(to, '\n');
    return WEIR_OK;
}

static weir_rc verify(testing *t, const test_step *s, buf *diff, err *e)
{
    keyed *by_key = NULL;
    buf actual = {0};
    weir_rc rc = catch_up(t, e);
    if (!rc)
        rc = keyed_make(&by_key, &(keyed_options){.c = s->collection, .read = true}, e);
    if (!rc)
        rc = reduce(t, s, by_key, e);
    if (!rc)
        rc = keyed_drain(by_key, add_line, &actual, e);
    if (!rc && !buf_ok(&actual))
        rc = err_nomem(e);
    if (!rc)
        rc = verify_documents(s->collection, s->documents, buf_view(&actual), diff, e);
    keyed_free(by_key);
    buf_free(&actual);
    return rc;
}

/* -------------------------------------------------------------------------------------------------------------- a test -- */

/* Which derivations matter: those whose collection is verified, or read by one that matters. */
static void mark_needed(testing *t, const catalog_test *test, bool *used, bool *needed)
{
    for (size_t i = 0; i < test->step_count; i++)
        if (test->steps[i].verify)
            used[topic_of(t, test->steps[i].collection) - t->topics] = true;
    for (size_t i = t->deriver_count; i-- > 0;) {
        const deriver *v = &t->derivers[i];
        needed[i] = used[v->to - t->topics];
        for (size_t k = 0; needed[i] && k < v->count; k++)
            used[v->inputs[k].from - t->topics] = true;
    }
}

static void close_deriver(deriver *v)
{
    derivation_close(v->d);
    v->d = NULL;
}

/* As if nothing had been before. */
static void clear(testing *t)
{
    int64_t seconds;
    uint32_t nanos;
    clock_now(&seconds, &nanos);
    t->now = seconds;
    t->documents = 0;
    for (size_t i = 0; i < t->o->catalog->collection_count; i++) {
        buf_clear(&t->topics[i].lines);
        buf_clear(&t->topics[i].batches);
        if (t->topics[i].combine)
            keyed_clear(t->topics[i].combine);
    }
    for (size_t i = 0; i < t->deriver_count; i++)
        for (size_t k = 0; k < t->derivers[i].count; k++)
            t->derivers[i].inputs[k].at = t->derivers[i].inputs[k].next = 0;
}

static weir_rc begin(testing *t, const catalog_test *test, err *e)
{
    arena a = {0};
    bool *used = arena_array(&a, t->o->catalog->collection_count, sizeof *used), *needed = arena_array(&a, t->deriver_count, sizeof *needed);
    weir_rc rc = used && needed ? WEIR_OK : err_nomem(e);
    clear(t);
    if (!rc)
        mark_needed(t, test, used, needed);
    for (size_t i = 0; i < t->deriver_count && !rc; i++) {
        deriver *v = &t->derivers[i];
        if (needed[i])
            rc = err_wrap(e, open_deriver(v, e), "derivation %.*s", VIEW_ARG(v->task->name));
        else
            close_deriver(v);
    }
    arena_free(&a);
    return rc;
}

/* @param ret_step NULL: before the first of them */
static weir_rc run_steps(testing *t, const catalog_test *test, const test_step **ret_step, buf *diff, err *e)
{
    weir_rc rc = begin(t, test, e);
    for (size_t i = 0; i < test->step_count && !rc && !diff->len; i++) {
        const test_step *s = *ret_step = &test->steps[i];
        rc = (s->verify ? verify : ingest)(t, s, diff, e);
    }
    return rc;
}

static int64_t microseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

/* Nobody knows what a derivation that has failed holds. */
static void close_all(testing *t)
{
    for (size_t i = 0; i < t->deriver_count; i++)
        close_deriver(&t->derivers[i]);
}

static weir_rc run_test(testing *t, const catalog_test *test, size_t *ret_passed, size_t *ret_failed, err *e)
{
    err failure = {0};
    buf diff = {0};
    const test_step *step = NULL;
    int64_t begun = microseconds();
    weir_rc rc = run_steps(t, test, &step, &diff, &failure);
    bool passed = !rc && !diff.len;
    test_result r = {.test = test, .passed = passed, .documents = t->documents, .microseconds = microseconds() - begun,
                     .failure = rc ? view_of(err_text(&failure)) : buf_view(&diff)};
    if (!passed && step) {
        r.step = step;
        r.step_number = (size_t)(step - test->steps) + 1;
    }
    ++*(passed ? ret_passed : ret_failed);
    if (rc)
        close_all(t);
    if (rc == WEIR_E_NOMEM || rc == WEIR_STOPPED)
        rc = err_move(e, &failure);
    else
        rc = t->o->done(t->o->arg, &r, e);
    err_free(&failure);
    buf_free(&diff);
    return rc;
}

/* ---------------------------------------------------------------------------------------------------------------- all -- */

static weir_rc make_inputs(testing *t, deriver *v, err *e)
{
    weir_rc rc = WEIR_OK;
    v->count = v->task->transform_count;
    v->inputs = arena_array(&t->arena, v->count, sizeof *v->inputs);
    for (size_t i = 0; v->inputs && i < v->count && !rc; i++) {
        const task_transform *x = &v->task->transforms[i];
        v->inputs[i] = (input){.x = x, .from = topic_of(t, x->collection)};
        rc = selector_make(&t->arena, x->collection, &x->reading, &v->inputs[i].only, e);
    }
    return rc || v->inputs ? rc : err_nomem(e);
}

static void find_salts(testing *t)
{
    const catalog *c = t->o->catalog;
    for (size_t i = 0; i < c->task_count; i++)
        for (size_t k = 0; c->tasks[i].kind != TASK_MATERIALIZE && k < c->tasks[i].binding_count; k++) {
            topic *to = topic_of(t, c->tasks[i].bindings[k].collection);
            to->salt = to->salt.len ? to->salt : c->tasks[i].redact_salt;
        }
}

static weir_rc make(testing *t, err *e)
{
    const catalog *c = t->o->catalog;
    t->topics = arena_array(&t->arena, c->collection_count, sizeof *t->topics);
    t->derivers = arena_array(&t->arena, c->task_count, sizeof *t->derivers);
    if (!t->topics || !t->derivers)
        return err_nomem(e);
    for (size_t i = 0; i < c->collection_count; i++)
        t->topics[i].c = &c->collections[i];
    find_salts(t);
    weir_rc rc = WEIR_OK;
    for (size_t i = 0; i < c->task_count && !rc; i++) {
        if (c->tasks[i].kind != TASK_DERIVE)
            continue;
        deriver *v = &t->derivers[t->deriver_count++];
        *v = (deriver){.t = t, .task = &c->tasks[i], .to = topic_of(t, c->tasks[i].bindings[0].collection)};
        rc = make_inputs(t, v, e);
    }
    return rc;
}

static void free_all(testing *t)
{
    close_all(t);
    for (size_t i = 0; i < t->deriver_count; i++)
        buf_free(&t->derivers[i].why);
    for (size_t i = 0; t->topics && i < t->o->catalog->collection_count; i++) {
        buf_free(&t->topics[i].lines);
        buf_free(&t->topics[i].batches);
        keyed_free(t->topics[i].combine);
    }
    arena_free(&t->arena);
}

static bool wanted(const testing_options *o, const catalog_test *test)
{
    for (size_t i = 0; i < o->name_count; i++)
        if (view_is(test->name, o->names[i]))
            return true;
    return !o->name_count;
}

static weir_rc check_names(testing *t, err *e)
{
    const catalog *c = t->o->catalog;
    const char **known = arena_array(&t->arena, c->test_count, sizeof *known);
    if (!known)
        return err_nomem(e);
    if (!c->test_count)
        return err_fail(e, WEIR_E_CONFIG, "\"%s\" has no tests", c->path);
    for (size_t i = 0; i < c->test_count; i++)
        known[i] = c->tests[i].name.ptr;
    for (size_t i = 0; i < t->o->name_count; i++) {
        size_t k = 0;
        while (k < c->test_count && strcmp(known[k], t->o->names[i]))
            k++;
        if (k == c->test_count)
            return err_fail(e, WEIR_E_CONFIG, "\"%s\" has no test \"%s\"%s", c->path, t->o->names[i],
                            suggestion(&(problems){.mem = &t->arena}, view_of(t->o->names[i]), known, c->test_count));
    }
    return WEIR_OK;
}

weir_rc testing_run(const testing_options *o, size_t *ret_passed, size_t *ret_failed, err *e)
{
    testing t = {.o = o};
    *ret_passed = *ret_failed = 0;
    weir_rc rc = check_names(&t, e);
    if (!rc)
        rc = make(&t, e);
    for (size_t i = 0; i < o->catalog->test_count && !rc; i++)
        if (wanted(o, &o->catalog->tests[i]))
            rc = run_test(&t, &o->catalog->tests[i], ret_passed, ret_failed, e);
    free_all(&t);
    return rc;
}
