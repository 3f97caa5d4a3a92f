/* A sync, from its request to its last message. */
#include "proto/fivetran/update.h"

#include "json/patch.h"
#include "json/pointer.h"
#include "json/scan.h"
#include "model/state.h"
#include "proto/fivetran/say.h"
#include "proto/fivetran/serve.h"
#include "proto/fivetran/update_parts.h"

typedef struct sync {
    const ft_sync *o;
    arena arena;
    ft_listener u;
    session *s;
    /* by binding */
    size_t count;
    weir_binding *bindings;
    const tree **resources;
} sync;

/* ---- bindings ---- */

/* As much as can be seen: the platform has no say in it. */
static unsigned mode_of(const weir_stream *s)
{
    const unsigned modes = s->modes ? s->modes : WEIR_INCREMENTAL;
    return modes & WEIR_LOG_BASED ? WEIR_LOG_BASED : modes & WEIR_INCREMENTAL ? WEIR_INCREMENTAL : WEIR_FULL_REFRESH;
}

static weir_rc cursor_of(sync *v, const weir_stream *s, weir_view *ret, err *e)
{
    weir_view *pointers;
    size_t count;
    if (!s->cursors.len)
        return WEIR_OK;
    if (!pointer_list(&v->arena, s->cursors, &pointers, &count))
        return v->arena.failed ? err_nomem(e) : err_fail(e, WEIR_E_PROTOCOL, "cursors of stream '%.*s' are not an array", VIEW_ARG(s->name));
    *ret = count ? pointers[0] : (weir_view){0};
    return WEIR_OK;
}

static weir_rc state_key_of(sync *v, weir_view path, weir_view *ret, err *e)
{
    buf text = {0};
    weir_view *parts;
    size_t count;
    if (!pointer_list(&v->arena, path, &parts, &count) && !v->arena.failed)
        return err_fail(e, WEIR_E_PROTOCOL, "a resource path is not an array of strings: %.*s", VIEW_ARG(path));
    *ret = state_key(&text, path, 0) ? arena_dup(&v->arena, buf_view(&text)) : (weir_view){0};
    buf_free(&text);
    return ret->ptr ? WEIR_OK : err_nomem(e);
}

static weir_rc add_binding(sync *v, const ft_stream *from, const ft_chosen *chosen, err *e)
{
    const weir_stream *s = from->s;
    weir_binding *b = &v->bindings[v->count];
    ft_target *target = &v->u.targets[v->count];
    tree *resource;
    weir_rc rc = tree_parse(&v->arena, s->resource, NULL, WEIR_E_PROTOCOL, &resource, e);
    if (rc)
        return rc;
    *b = (weir_binding){.name = s->name, .schema = s->schema, .key = s->key, .resource_json = s->resource, .resource_path = s->resource_path, .mode = mode_of(s)};
    rc = cursor_of(v, s, &b->cursor, e);
    if (!rc)
        rc = state_key_of(v, s->resource_path, &b->state_key, e);
    if (rc)
        return rc;
    v->resources[v->count++] = resource;
    *target = (ft_target){.key = s->fallback_key ? VIEW("[]") : from->u.key, .row_id = from->u.row_id, .deletes = from->u.deletes};
    v->u.count = v->count;
    return ft_growing_init(&target->table, &from->table, chosen) ? WEIR_OK : err_nomem(e);
}

static weir_rc add_bindings(sync *v, err *e)
{
    const ft_streams *all = &v->u.streams;
    v->bindings = arena_array(&v->arena, all->count, sizeof *v->bindings);
    v->resources = arena_array(&v->arena, all->count, sizeof *v->resources);
    v->u.targets = arena_array(&v->arena, all->count, sizeof *v->u.targets);
    weir_rc rc = v->arena.failed ? err_nomem(e) : WEIR_OK;
    for (size_t i = 0; i < all->count && !rc; i++) {
        ft_chosen chosen;
        if (!ft_choose(&v->arena, v->o->selection, &all->items[i].table, &chosen))
            rc = err_nomem(e);
        else if (chosen.table)
            rc = add_binding(v, &all->items[i], &chosen, e);
    }
    return rc;
}

/* ---- state ---- */

/* Is there more in a task's state than parts of bindings? Then what is new cannot be told from it. */
static bool is_shared(weir_view state)
{
    json_scan s = json_scan_of(state);
    json_key key;
    if (!json_enter(&s, '{'))
        return false;
    while (json_member(&s, &key)) {
        if (!json_key_is(key, VIEW("bindingStateV1")))
            return true;
        if (!json_skip(&s, NULL))
            return false;
    }
    return false;
}

static weir_rc drop_part(buf *state, weir_view key, err *e)
{
    buf patch = {0}, next = {0};
    state_patch(&patch, key, VIEW("null"));
    bool ok = buf_ok(&patch) && patch_apply(&next, buf_view(state), buf_view(&patch)) && buf_ok(&next);
    buf_free(&patch);
    if (!ok) {
        buf_free(&next);
        return err_nomem(e);
    }
    buf_free(state);
    *state = next;
    return WEIR_OK;
}

static weir_rc check_state(weir_view text, err *e)
{
    json_scan s = json_scan_of(text);
    if (json_peek(&s) != '{')
        json_bad(&s, "expected an object");
    if (!json_skip(&s, NULL) || !json_done(&s))
        return err_fail(e, WEIR_E_PROTOCOL, "state_json is not a JSON object: %s at byte %zu", s.error, (size_t)(s.at - s.begin));
    return WEIR_OK;
}

/* A stream that can only be read whole does not go on. */
static weir_rc take_state(sync *v, err *e)
{
    buf *state = &v->u.state;
    const weir_view given = v->o->state.len ? v->o->state : VIEW("{}");
    weir_rc rc = check_state(given, e);
    if (rc)
        return rc;
    buf_addv(state, given);
    if (!buf_ok(state))
        return err_nomem(e);
    const bool shared = is_shared(given);
    for (size_t i = 0; i < v->count && !rc; i++) {
        const weir_binding *b = &v->bindings[i];
        const bool known = state_of_binding(given, b->state_key).len;
        v->u.targets[i].afresh = b->mode == WEIR_FULL_REFRESH || !(known || shared);
        if (known && b->mode == WEIR_FULL_REFRESH)
            rc = drop_part(state, b->state_key, e);
    }
    return rc;
}

/* ---- the session ---- */

static weir_rc prepare(sync *v, err *e)
{
    weir_rc rc = session_open(v->s, v->o->config, e);
    if (!rc)
        rc = session_discover(v->s, e);
    if (!rc)
        rc = ft_streams_take(&v->u.streams, e);
    if (!rc)
        rc = add_bindings(v, e);
    if (!rc)
        rc = take_state(v, e);
    if (!rc)
        rc = session_bind(v->s, v->bindings, v->resources, v->count, buf_view(&v->u.state), e);
    return rc ? rc : session_apply(v->s, e);
}

static weir_rc pull(sync *v, err *e)
{
    const ft_watch_options o = {.s = v->s, .stop_fd = v->o->stop_fd, .wake_fd = v->u.wake, .linger_ms = FT_STATE_MS, .flush = ft_listener_flush, .arg = &v->u};
    ft_watch *watch = ft_watch_start(&o, e);
    if (!watch)
        return e->rc;
    weir_rc rc = prepare(v, e);
    if (!rc && v->count)
        rc = session_pull(v->s, e);
    bool cancelled = ft_watch_end(watch);
    if (cancelled || v->u.failure.rc == WEIR_STOPPED)
        return err_fail(e, WEIR_STOPPED, "cancelled");
    return rc;
}

/* What is sealed goes out whatever has happened; the last state as the last message, if all went well. */
static weir_rc conclude(sync *v, weir_rc rc, err *e)
{
    if (rc == WEIR_STOPPED)
        return rc;
    if (rc) {
        ft_listener_flush(&v->u);
        return rc;
    }
    rc = ft_listener_finish(&v->u, e);
    return rc || !v->u.failed ? rc : err_fail(e, v->u.failed_rc, "%zu of %zu tables could not be read: see the warnings", v->u.failed, v->count);
}

void ft_sync_task(log_sink *log, err *e, buf *message)
{
    buf text = {0};
    ft_reason(log, e, &text);
    log_line(log, WEIR_ERROR, "Update: %s", buf_text(&text));
    ft_task_message(buf_view(&text), message);
    message->failed |= !buf_ok(&text);
    err_clear(e);
    buf_free(&text);
}

static weir_rc say_task(sync *v, err *e)
{
    buf message = {0};
    ft_sync_task(v->o->log, e, &message);
    return ft_listener_say(&v->u, &message, e);
}

weir_rc ft_sync_run(const ft_sync *o, err *e)
{
    sync v = {.o = o};
    weir_rc rc = ft_listener_init(&v.u, o, e);
    if (!rc) {
        v.s = session_new(&(session_options){.connector = o->c, .to = &v.u.base, .log = o->log, .task_name = view_of(o->c->name), .no_acks = true});
        rc = v.s ? pull(&v, e) : err_nomem(e);
        rc = conclude(&v, rc, e);
        session_free(v.s);
    }
    if (ft_is_task(rc))
        rc = say_task(&v, e);
    ft_listener_free(&v.u);
    arena_free(&v.arena);
    return rc;
}
