/* rig.h - a connector made of functions, run in a session whose listener keeps everything in one text. */
#ifndef WEIR_TESTS_RIG_H
#define WEIR_TESTS_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>

#include "run/session.h"

typedef struct rig {
    listener base;
    pthread_mutex_t lock;
    buf said;          /* "doc N {...}", "checkpoint merge {...}", "schema N {...}", "opened acks", "spill" */
    weir_rc refuse;    /* what seal answers */
    size_t spills;
    size_t max;        /* of a document; 0: none */
    weir_connector connector;
    weir_capture capture;
    weir_binding bindings[4];
    size_t count;
    session *s;
    log_sink *log;
    err e;
} rig;

static void note(rig *r, const char *what, weir_view text)
{
    buf_printf(&r->said, "%s%.*s\n", what, VIEW_ARG(text));
}

static weir_rc rig_attach(listener *l, weir_task *t, lane *ln)
{
    (void)t;
    rig *r = (rig *)l;
    for (size_t i = 0; i < r->count; i++)
        ln->outlets[i] = (outlet){.to = &ln->shared, .prefix = i ? VIEW("doc 1 ") : VIEW("doc 0 "), .suffix = VIEW("\n"), .max = r->max};
    return WEIR_OK;
}

static weir_rc rig_spill(listener *l, weir_task *t, lane *ln)
{
    (void)t;
    rig *r = (rig *)l;
    pthread_mutex_lock(&r->lock);
    r->spills++;
    buf_addv(&r->said, buf_view(&ln->shared));
    pthread_mutex_unlock(&r->lock);
    buf_clear(&ln->shared);
    return WEIR_OK;
}

static weir_rc rig_seal(listener *l, weir_task *t, lane *ln, const checkpoint *c)
{
    rig *r = (rig *)l;
    if (r->refuse)
        return err_fail(task_error(t), r->refuse, "refused");
    pthread_mutex_lock(&r->lock);
    buf_addv(&r->said, buf_view(&ln->shared));
    note(r, c->merge ? "checkpoint merge " : "checkpoint ", c->state);
    weir_rc rc = task_sealed(t, c);
    pthread_mutex_unlock(&r->lock);
    buf_clear(&ln->shared);
    return rc;
}

static weir_rc rig_schema(listener *l, weir_task *t, lane *ln, const weir_binding *b, weir_view schema)
{
    (void)t;
    buf_printf(&ln->shared, "schema %u %.*s\n", b->index, VIEW_ARG(schema));
    (void)l;
    return WEIR_OK;
}

static weir_rc rig_opened(listener *l, weir_task *t, bool acks)
{
    (void)t;
    note((rig *)l, acks ? "opened acks" : "opened", VIEW(""));
    return WEIR_OK;
}

static weir_rc rig_discovered(listener *l, weir_task *t, const weir_stream *s, weir_view resource, weir_view path)
{
    (void)t;
    rig *r = (rig *)l;
    buf_printf(&r->said, "stream %.*s %.*s %.*s\n", VIEW_ARG(s->name), VIEW_ARG(resource), VIEW_ARG(path));
    return WEIR_OK;
}

static weir_rc no_discover(weir_task *t, void *self)
{
    (void)t;
    (void)self;
    return WEIR_OK;
}

static const weir_field rig_resource[] = {{.name = "stream", .type = WEIR_TEXT, .flags = WEIR_PATH, .help = "which"}, {0}};

typedef weir_rc rig_pull(weir_task *, void *, const weir_binding *, size_t);

/* Opens a session to this listener over this pull() with `count` bindings, named x/a and x/b, state keys a and b. */
static inline void rig_open_to(rig *r, listener *to, rig_pull *pull, size_t count, const char *state)
{
    static const listener_ops ops = {.attach = rig_attach, .spill = rig_spill, .seal = rig_seal, .schema = rig_schema,
                                     .opened = rig_opened, .discovered = rig_discovered};
    static const char *const names[] = {"x/a", "x/b"}, *const keys[] = {"a", "b"};
    arena a = {0};
    tree *resource;
    const tree *resources[2];
    weir_capture given = r->capture;
    r->base.ops = &ops;
    pthread_mutex_init(&r->lock, NULL);
    r->log = log_open(2);
    r->capture = given;
    r->capture.discover = given.discover ? given.discover : no_discover;
    r->capture.pull = pull;
    r->connector = (weir_connector){.abi = WEIR_ABI, .name = "rig", .version = "1", .resource = rig_resource,
                                    .resource_size = sizeof(const char *), .capture = &r->capture};
    r->count = count;
    for (size_t i = 0; i < count; i++)
        r->bindings[i] = (weir_binding){.name = view_of(names[i]), .state_key = view_of(keys[i])};
    r->s = session_new(&(session_options){.connector = &r->connector, .to = to, .log = r->log, .task_name = VIEW("x/task")});
    assert_non_null(r->s);
    assert_int_equal(tree_parse(&a, VIEW("{\"stream\":\"s\"}"), NULL, WEIR_E_BUG, &resource, &r->e), WEIR_OK);
    resources[0] = resources[1] = resource;
    assert_int_equal(session_open(r->s, NULL, &r->e), WEIR_OK);
    assert_int_equal(session_bind(r->s, r->bindings, resources, count, view_of(state), &r->e), WEIR_OK);
    arena_free(&a);
}

/* The same with the rig as the listener. */
static inline void rig_open(rig *r, rig_pull *pull, size_t count, const char *state)
{
    rig_open_to(r, &r->base, pull, count, state);
}

static inline void rig_close(rig *r)
{
    session_free(r->s);
    log_close(r->log);
    buf_free(&r->said);
    err_free(&r->e);
    pthread_mutex_destroy(&r->lock);
}

/* Pulls and compares what was said. */
static inline void rig_expect(rig *r, weir_rc rc, const char *said)
{
    assert_int_equal(session_pull(r->s, &r->e), rc);
    assert_string_equal(buf_text(&r->said), said);
}

#endif
