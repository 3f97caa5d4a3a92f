/* A run of a connector: open, bind, then one operation. */
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "model/fields.h"
#include "model/state.h"
#include "run/task.h"

/* ---- a listener that keeps nothing ---- */

static weir_rc pass_over(listener *l, weir_task *t, const weir_stream *s, weir_view resource, weir_view path)
{
    (void)l;
    (void)t;
    (void)s;
    (void)resource;
    (void)path;
    return WEIR_OK;
}

const listener_ops listener_quiet = {.discovered = pass_over};

/* ---- its beginning and end ---- */

session *session_new(const session_options *o)
{
    session *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    *s = (session){.connector = o->connector, .to = o->to, .log = o->log, .relay = o->connector->capture && o->connector->capture->relay,
                   .no_acks = o->no_acks};
    pthread_mutex_init(&s->lock, NULL);
    atomic_init(&s->stop, false);
    s->name = arena_dup(&s->arena, o->task_name);
    s->runs_ahead = o->runs_ahead;
    s->key_begin = o->key_begin;
    s->key_end = o->key_begin || o->key_end ? o->key_end : UINT32_MAX;
    s->last_spec = arena_dup(&s->arena, o->last_spec);
    s->last_version = arena_dup(&s->arena, o->last_version);
    s->stop_fd = eventfd(0, EFD_CLOEXEC);
    if (s->arena.failed || s->stop_fd < 0) {
        session_free(s);
        return NULL;
    }
    return s;
}

static void free_acks(session *s)
{
    for (size_t i = 0; i < s->ack_count; i++)
        free(s->acks[(s->ack_first + i) % s->ack_room].state);
    free(s->acks);
}

void session_free(session *s)
{
    if (!s)
        return;
    if (s->opened && s->connector->close)
        s->connector->close(s->self);
    free_acks(s);
    for (size_t i = 0; s->states && i < s->binding_count; i++)
        buf_free(&s->states[i]);
    buf_free(&s->problems);
    free(s->rules);
    arena_free(&s->cuts);
    if (s->stop_fd >= 0)
        close(s->stop_fd);
    pthread_mutex_destroy(&s->lock);
    arena_free(&s->values);
    buf_wipe(&s->state); /* it may hold credentials */
    arena_free(&s->arena);
    free(s);
}

static void mask_one(void *arg, weir_view secret)
{
    log_mask(arg, secret);
}

weir_rc session_mask_settings(session *s, const weir_field *table, weir_view schema, const tree *const *settings, size_t count, err *e)
{
    tree *parsed = NULL;
    if (!table && schema.len) {
        weir_rc rc = tree_parse(&s->arena, schema, NULL, WEIR_E_PROTOCOL, &parsed, e);
        if (rc)
            return err_wrap(e, rc, "a settings schema of '%s'", s->connector->name);
    }
    for (size_t i = 0; i < count; i++) {
        if (table)
            fields_secrets(table, settings[i], mask_one, s->log);
        else if (parsed)
            schema_secrets(parsed, settings[i], mask_one, s->log);
    }
    return WEIR_OK;
}

weir_rc session_mask_config(session *s, weir_view config, err *e)
{
    arena a = {0};
    tree *parsed;
    weir_rc rc = tree_parse(&a, config, NULL, WEIR_E_PROTOCOL, &parsed, e);
    const tree *settings = rc ? NULL : parsed;
    if (!rc)
        rc = session_mask_settings(s, s->connector->config, s->connector->config_schema, &settings, 1, e);
    arena_free(&a);
    return err_wrap(e, rc, "changed settings");
}

static weir_rc parse_config(session *s, const tree *config, err *e)
{
    const weir_connector *c = s->connector;
    if (c->config || !c->config_schema.len) {
        s->config = arena_alloc(&s->arena, c->config_size);
        if (!s->config)
            return err_nomem(e);
        return c->config ? fields_parse(c->config, config, "config", s->config, &s->arena, e) : WEIR_OK;
    }
    buf text = {0};
    if (config)
        tree_write(&text, config);
    else
        buf_adds(&text, "{}");
    weir_view *view = arena_alloc(&s->arena, sizeof *view);
    if (view)
        *view = arena_dup(&s->arena, buf_view(&text));
    bool ok = view && buf_ok(&text) && view->ptr;
    buf_free(&text);
    s->config = view;
    return ok ? WEIR_OK : err_nomem(e);
}

/* Runs one callback on a task of its own and moves its error out. */
typedef weir_rc work(weir_task *t, void *arg);

static weir_rc on_task(session *s, work *fn, void *arg, err *e)
{
    weir_task t;
    task_init(&t, s);
    weir_rc rc = task_finish(&t, fn(&t, arg));
    if (rc)
        err_move(e, &t.err);
    e->rc = rc ? rc : e->rc;
    task_end(&t);
    return rc;
}

static weir_rc do_open(weir_task *t, void *arg)
{
    (void)arg;
    session *s = t->s;
    void *self = s->config;
    if (s->connector->open) {
        self = NULL;
        weir_rc rc = s->connector->open(t, s->connector, s->config, &self);
        if (rc) {
            if (s->connector->close)
                s->connector->close(self);
            return rc;
        }
    }
    s->self = self;
    s->opened = s->connector->open != NULL;
    return WEIR_OK;
}

weir_rc session_open(session *s, const tree *config, err *e)
{
    weir_rc rc = spec_check(s->connector, e);
    if (!rc)
        rc = session_mask_settings(s, s->connector->config, s->connector->config_schema, &config, 1, e);
    if (!rc)
        rc = parse_config(s, config, e);
    return rc ? rc : on_task(s, do_open, NULL, e);
}

weir_rc session_parse_resource(session *s, const tree *settings, const char *what, const void **ret, err *e)
{
    const weir_connector *c = s->connector;
    if (!c->resource)
        return WEIR_OK;
    void *filled = arena_alloc(&s->arena, c->resource_size);
    if (!filled)
        return err_nomem(e);
    *ret = filled;
    return fields_parse(c->resource, settings, what, filled, &s->arena, e);
}

static weir_rc take_state(session *s, weir_binding *b)
{
    b->state = b->state_key.len ? state_of_binding(s->initial_state, b->state_key) : (weir_view){0};
    buf_addv(&s->states[b->index], b->state);
    return buf_ok(&s->states[b->index]) ? WEIR_OK : WEIR_E_NOMEM;
}

weir_rc session_take_bindings(session *s, weir_binding *b, size_t count, weir_view task_state, err *e)
{
    s->states = arena_array(&s->arena, count, sizeof *s->states);
    s->initial_state = arena_dup(&s->arena, task_state);
    if (!s->states || !s->initial_state.ptr)
        return err_nomem(e);
    s->bindings = b;
    s->binding_count = count;
    for (size_t i = 0; i < count; i++) {
        b[i].index = (uint32_t)i;
        if (take_state(s, &b[i]))
            return err_nomem(e);
    }
    return WEIR_OK;
}

weir_rc session_bind(session *s, weir_binding *b, const tree *const *resources, size_t count, weir_view task_state, err *e)
{
    weir_rc rc = session_mask_settings(s, s->connector->resource, s->connector->resource_schema, resources, count, e);
    if (!rc)
        rc = session_take_bindings(s, b, count, task_state, e);
    if (rc)
        return rc;
    buf problems = {0};
    for (size_t i = 0; i < count && rc != WEIR_E_NOMEM; i++) {
        weir_rc one = session_parse_resource(s, resources[i], "resource", &b[i].resource, e);
        if (one) {
            rc = one;
            buf_printf(&problems, "%sbinding %zu (%.*s): %s", problems.len ? "\n" : "", i, VIEW_ARG(b[i].name), err_text(e));
        }
    }
    if (rc)
        rc = buf_ok(&problems) ? err_fail(e, rc, "%s", buf_text(&problems)) : err_nomem(e);
    buf_free(&problems);
    return rc;
}

weir_rc session_rebind(session *s, weir_binding *b, const tree *const *resources, size_t count, err *e)
{
    const size_t had = s->binding_count;
    buf *states = arena_array(&s->arena, count, sizeof *states);
    if (!states)
        return err_nomem(e);
    for (size_t i = 0; i < had && i < count; i++)
        states[i] = s->states[i];
    s->states = states;
    s->bindings = b;
    s->binding_count = count;
    for (size_t i = 0; i < count; i++) {
        b[i].index = (uint32_t)i;
        if (b[i].resource)
            continue;
        weir_rc rc = session_mask_settings(s, s->connector->resource, s->connector->resource_schema, &resources[i], 1, e);
        if (!rc)
            rc = session_parse_resource(s, resources[i], "resource", &b[i].resource, e);
        if (rc)
            return err_wrap(e, rc, "binding %zu (%.*s)", i, VIEW_ARG(b[i].name));
    }
    return WEIR_OK;
}

bool session_set_state(session *s, weir_view state)
{
    buf_clear(&s->state); /* with every transaction there may be another one */
    buf_addv(&s->state, state);
    s->initial_state = buf_view(&s->state);
    return buf_ok(&s->state);
}

const weir_binding *session_bindings(const session *s, size_t *ret_count)
{
    *ret_count = s->binding_count;
    return s->bindings;
}

/* ---- operations ---- */

typedef struct call_work {
    weir_rc (*fn)(weir_task *, void *self, void *arg);
    void *arg;
} call_work;

static weir_rc do_call(weir_task *t, void *arg)
{
    const call_work *w = arg;
    return w->fn(t, t->s->self, w->arg);
}

weir_rc session_call(session *s, weir_rc (*fn)(weir_task *, void *self, void *arg), void *arg, err *e)
{
    call_work w = {fn, arg};
    return on_task(s, do_call, &w, e);
}

static weir_rc do_discover(weir_task *t, void *arg)
{
    (void)arg;
    return t->s->connector->capture->discover(t, t->s->self);
}

weir_rc session_discover(session *s, err *e)
{
    if (!s->connector->capture)
        return err_fail(e, WEIR_E_CONFIG, "'%s' is no source: there is nothing to discover", s->connector->name);
    return on_task(s, do_discover, NULL, e);
}

typedef weir_rc bindings_callback(weir_task *, void *self, const weir_binding *, size_t);

typedef struct bindings_work {
    bindings_callback *fn;
    const weir_binding *first;
    size_t count;
} bindings_work;

static weir_rc do_bindings(weir_task *t, void *arg)
{
    const bindings_work *w = arg;
    return w->fn(t, t->s->self, w->first, w->count);
}

static weir_rc call_bindings(session *s, bindings_callback *fn, size_t first, size_t count, err *e)
{
    bindings_work w = {fn, s->bindings ? s->bindings + first : NULL, count};
    return fn ? on_task(s, do_bindings, &w, e) : WEIR_OK;
}

static weir_rc validate_bindings(session *s, err *e)
{
    const weir_connector *c = s->connector;
    bindings_callback *fn = c->capture ? c->capture->validate : c->materialize ? c->materialize->validate : NULL;
    return call_bindings(s, fn, 0, s->binding_count, e);
}

weir_rc session_validate(session *s, err *e)
{
    weir_rc rc = s->derivation ? session_validate_derivation(s, e) : validate_bindings(s, e);
    if (rc == WEIR_OK && s->problems.len)
        rc = err_fail(e, WEIR_E_CONFIG, "%s", buf_text(&s->problems));
    return rc;
}

weir_rc session_apply_some(session *s, size_t first, size_t count, err *e)
{
    const weir_connector *c = s->connector;
    return call_bindings(s, c->capture ? c->capture->apply : c->materialize->apply, first, count, e);
}

weir_rc session_apply(session *s, err *e)
{
    return session_apply_some(s, 0, s->binding_count, e);
}

static weir_rc begin_one(weir_task *t, const weir_binding *b)
{
    listener *l = t->s->to;
    return l->ops->begin ? l->ops->begin(l, t, &t->lane, b) : WEIR_OK;
}

/* What was not sealed is dropped: the lane may go on with another binding. */
static weir_rc end_one(weir_task *t, const weir_binding *b, weir_rc rc)
{
    listener *l = t->s->to;
    if (!l->ops->end)
        return rc;
    weir_rc ended = l->ops->end(l, t, &t->lane, b, rc);
    if (rc)
        t->lane.held = t->lane.documents = 0;
    if (rc && !ended)
        err_clear(&t->err);
    return ended;
}

static weir_rc pull_one(weir_task *t, void *arg, size_t i)
{
    (void)arg;
    session *s = t->s;
    const weir_binding *b = &s->bindings[i];
    if (session_stopping(s))
        return WEIR_OK;
    weir_rc rc = begin_one(t, b);
    if (!rc)
        rc = s->connector->capture->pull(t, s->self, b, 1);
    if (!rc)
        rc = task_finish(t, rc);
    if (rc && rc != WEIR_STOPPED)
        weir_wrap(t, rc, "binding %.*s", VIEW_ARG(b->name));
    return end_one(t, b, rc);
}

static weir_rc pull_all(weir_task *t)
{
    session *s = t->s;
    weir_rc rc = WEIR_OK, ended = WEIR_OK;
    for (size_t i = 0; i < s->binding_count && !rc; i++)
        rc = begin_one(t, &s->bindings[i]);
    if (!rc)
        rc = s->connector->capture->pull(t, s->self, s->bindings, s->binding_count);
    if (!rc)
        rc = task_finish(t, rc);
    for (size_t i = 0; i < s->binding_count; i++) {
        listener *l = s->to;
        weir_rc one = l->ops->end ? l->ops->end(l, t, &t->lane, &s->bindings[i], rc) : rc;
        ended = ended ? ended : one;
    }
    return s->binding_count ? ended : rc;
}

static weir_rc do_pull(weir_task *t, void *arg)
{
    (void)arg;
    session *s = t->s;
    const weir_capture *c = s->connector->capture;
    if (!s->relay) {
        weir_rc rc = weir_opened(t, c->acked != NULL && !s->no_acks);
        if (rc)
            return rc;
    }
    if (c->all_in_one)
        return pull_all(t);
    return weir_parallel(t, c->lanes, s->binding_count, pull_one, NULL);
}

weir_rc session_pull(session *s, err *e)
{
    weir_rc rc = on_task(s, do_pull, NULL, e);
    return rc == WEIR_STOPPED ? WEIR_OK : rc;
}

/* ---- acknowledgements ---- */

static bool push_ack(session *s, const checkpoint *c)
{
    if (s->ack_count == s->ack_room) {
        size_t room = s->ack_room ? s->ack_room * 2 : 64;
        pending_ack *grown = calloc(room, sizeof *grown);
        if (!grown)
            return false;
        for (size_t i = 0; i < s->ack_count; i++)
            grown[i] = s->acks[(s->ack_first + i) % s->ack_room];
        free(s->acks);
        s->acks = grown;
        s->ack_first = 0;
        s->ack_room = room;
    }
    char *copy = NULL;
    if (!s->relay && c->given.len) {
        copy = malloc(c->given.len);
        if (!copy)
            return false;
        memcpy(copy, c->given.ptr, c->given.len);
    }
    s->acks[(s->ack_first + s->ack_count++) % s->ack_room] = (pending_ack){c->binding, copy, copy ? c->given.len : 0};
    return true;
}

weir_rc task_sealed(weir_task *t, const checkpoint *c)
{
    session *s = t->s;
    if (!s->connector->capture || !s->connector->capture->acked || s->no_acks)
        return WEIR_OK;
    pthread_mutex_lock(&s->lock);
    bool ok = push_ack(s, c);
    pthread_mutex_unlock(&s->lock);
    return ok ? WEIR_OK : err_nomem(&t->err);
}

typedef struct ack_work {
    weir_ack *acks; /* NULL: by number only */
    size_t count;
} ack_work;

static weir_rc do_acked(weir_task *t, void *arg)
{
    const ack_work *w = arg;
    return t->s->connector->capture->acked(t, t->s->self, w->acks, w->count);
}

/* Takes `count` off the queue; the states belong to the caller. False if there are fewer, or no memory. */
static weir_rc pop_acks(session *s, size_t count, weir_ack *acks, err *e)
{
    weir_rc rc = WEIR_OK;
    pthread_mutex_lock(&s->lock);
    if (count > s->ack_count) {
        rc = err_fail(e, WEIR_E_PROTOCOL, "%zu checkpoints acknowledged, but only %zu are outstanding", count, s->ack_count);
    } else {
        for (size_t i = 0; i < count; i++) {
            pending_ack *p = &s->acks[(s->ack_first + i) % s->ack_room];
            acks[i] = (weir_ack){p->binding, {p->state, p->len}};
        }
        s->ack_first = s->ack_room ? (s->ack_first + count) % s->ack_room : 0;
        s->ack_count -= count;
    }
    pthread_mutex_unlock(&s->lock);
    return rc;
}

weir_rc session_acked(session *s, size_t count, err *e)
{
    if (count == 0)
        return err_fail(e, WEIR_E_PROTOCOL, "an acknowledgement of 0 checkpoints");
    if (!s->connector->capture->acked)
        return WEIR_OK;
    pthread_mutex_lock(&s->lock);
    size_t outstanding = s->ack_count;
    pthread_mutex_unlock(&s->lock);
    weir_ack *acks = count <= outstanding ? calloc(count, sizeof *acks) : NULL;
    if (count <= outstanding && !acks)
        return err_nomem(e);
    weir_rc rc = pop_acks(s, count, acks, e);
    if (!rc) {
        ack_work w = {s->relay ? NULL : acks, count};
        rc = on_task(s, do_acked, &w, e);
        for (size_t i = 0; i < count; i++)
            free((char *)acks[i].state.ptr);
    }
    free(acks);
    return rc;
}

/* ---- stopping, small things ---- */

void session_stop(session *s)
{
    if (!atomic_exchange(&s->stop, true)) {
        uint64_t one = 1;
        ssize_t n = write(s->stop_fd, &one, sizeof one);
        (void)n; /* an eventfd that was never written takes it */
    }
}

bool session_stopping(const session *s)
{
    return atomic_load_explicit(&((session *)(uintptr_t)s)->stop, memory_order_relaxed);
}

uint64_t session_emitted(session *s)
{
    pthread_mutex_lock(&s->lock);
    uint64_t n = s->emitted;
    for (weir_task *t = s->attached; t; t = t->next)
        n += atomic_load_explicit(&t->lane.emitted, memory_order_relaxed);
    pthread_mutex_unlock(&s->lock);
    return n;
}

int session_stop_fd(const session *s) { return s->stop_fd; }
log_sink *session_log(const session *s) { return s->log; }
listener *session_listener(const session *s) { return s->to; }
void *session_self(const session *s) { return s->self; }
session *task_session(weir_task *t) { return t->s; }
err *task_error(weir_task *t) { return &t->err; }
