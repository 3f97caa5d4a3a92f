/* The streams of a driven source: told from the bindings, found by name. */
#include "json/pointer.h"
#include "proto/airbyte/drive_source.h"

weir_view driven_spelled(driven_reading *g, weir_view name, weir_view name_space)
{
    buf_clear(&g->scratch);
    buf_printf(&g->scratch, "%zu:", name_space.len);
    buf_addv(&g->scratch, name_space);
    buf_addv(&g->scratch, name);
    return buf_view(&g->scratch);
}

static weir_view decoded(arena *a, airbyte_text text)
{
    buf plain = {0};
    if (!text.escaped)
        return text.raw;
    json_unquote(&plain, text.raw);
    weir_view v = arena_dup(a, buf_view(&plain));
    buf_free(&plain);
    return v;
}

/* Says so the first time: records of streams that nobody asked for are left out (airbyte.md 3.7). */
static void warn_unknown(driven_reading *g, weir_view name, weir_view name_space, weir_view id)
{
    if (map_get(&g->unknown, id))
        return;
    weir_log(g->t, WEIR_WARN, "the source sends stream '%.*s'%s%.*s, which is not captured: left out", VIEW_ARG(name), name_space.len ? " of " : "",
             VIEW_ARG(name_space));
    weir_view kept = arena_dup(&g->arena, id);
    if (kept.ptr)
        map_put(&g->unknown, kept, g);
}

driven_stream *driven_find(driven_reading *g, const airbyte_message *m)
{
    arena a = {0};
    weir_view name = decoded(&a, m->stream), name_space = decoded(&a, m->name_space), id = driven_spelled(g, name, name_space);
    driven_stream *s = map_get(&g->index, id);
    if (!s)
        warn_unknown(g, name, name_space, id);
    arena_free(&a);
    return s;
}

/* ---- bindings and their states ---- */

static const char *mode_of(const weir_binding *b, const airbyte_resource *x)
{
    if (b->mode)
        return b->mode & (WEIR_INCREMENTAL | WEIR_LOG_BASED) ? "incremental" : "full_refresh";
    return view_is(x->sync_mode, "incremental") ? "incremental" : view_is(x->sync_mode, "full_refresh") ? "full_refresh" : NULL;
}

/* The part of the state that is its own: {"state":AirbyteStateMessage,"rowId":N} (flow.md 10.2). */
static weir_rc take_part(driven_reading *g, driven_stream *s)
{
    err *e = task_error(g->t);
    weir_view row_id = pointer_find(s->b->state, VIEW("/rowId")), message = pointer_find(s->b->state, VIEW("/state"));
    s->row_id = 1;
    if (row_id.len && !number_to_u64(row_id, &s->row_id))
        return err_fail(e, WEIR_E_CONFIG, "its state is not one of an Airbyte source: /rowId is %.*s", VIEW_ARG(row_id));
    if (message.len && !view_is(message, "null") && *message.ptr != '{')
        return err_fail(e, WEIR_E_CONFIG, "its state is not one of an Airbyte source: /state is no object");
    if (message.len && *message.ptr == '{')
        buf_addv(&s->state, message);
    s->sealed = s->row_id;
    return buf_ok(&s->state) ? WEIR_OK : err_nomem(e);
}

static weir_rc take_cursor(driven_reading *g, driven_stream *s)
{
    buf path = {0};
    s->cursor = s->resource.cursor;
    if (!s->b->cursor.len)
        return WEIR_OK;
    bool ok = airbyte_put_path(&path, s->b->cursor);
    s->cursor = ok ? arena_dup(&g->arena, buf_view(&path)) : (weir_view){0};
    buf_free(&path);
    return ok ? s->cursor.ptr ? WEIR_OK : err_nomem(task_error(g->t))
              : err_fail(task_error(g->t), WEIR_E_CONFIG, "the cursor '%.*s' is no JSON pointer", VIEW_ARG(s->b->cursor));
}

static weir_rc take_binding(driven_reading *g, driven_stream *s, const weir_binding *b)
{
    err *e = task_error(g->t);
    s->b = b;
    weir_rc rc = airbyte_resource_of(&g->arena, b, &s->resource, e);
    if (!rc && !(s->sync_mode = mode_of(b, &s->resource)))
        rc = err_fail(e, WEIR_E_CONFIG, "resource: /syncMode must be incremental or full_refresh");
    if (!rc)
        rc = take_cursor(g, s);
    if (!rc)
        rc = take_part(g, s);
    s->deletes = g->r->d->o.flow_documents && pointer_find(b->schema, VIEW("/properties/_ab_cdc_deleted_at")).len;
    weir_view id = rc ? (weir_view){0} : arena_dup(&g->arena, driven_spelled(g, s->resource.stream, s->resource.name_space));
    if (!rc && id.len && map_get(&g->index, id))
        rc = err_fail(e, WEIR_E_CONFIG, "stream '%.*s' is captured twice", VIEW_ARG(s->resource.stream));
    if (!rc && (!id.len || !map_put(&g->index, id, s)))
        rc = err_nomem(e);
    return err_wrap(e, rc, "binding %.*s", VIEW_ARG(b->name));
}

/* States that are not a binding's own. */
static void take_task_state(driven_reading *g)
{
    weir_view state = weir_state(g->t), global = pointer_find(state, VIEW("/" AIRBYTE_GLOBAL)), legacy = pointer_find(state, VIEW("/" AIRBYTE_LEGACY));
    if (global.len && *global.ptr == '{')
        buf_addv(&g->global, global);
    if (legacy.len && *legacy.ptr == '{')
        buf_addv(&g->legacy, legacy);
}

weir_rc driven_reading_init(driven_reading *g, const weir_binding *b, size_t n)
{
    g->streams = arena_array(&g->arena, n ? n : 1, sizeof *g->streams);
    weir_rc rc = g->streams ? WEIR_OK : err_nomem(task_error(g->t));
    for (; g->count < n && !rc; g->count++)
        rc = take_binding(g, &g->streams[g->count], &b[g->count]);
    take_task_state(g);
    if (!rc && (!buf_ok(&g->global) || !buf_ok(&g->legacy)))
        rc = err_nomem(task_error(g->t));
    return rc;
}

void driven_reading_free(driven_reading *g)
{
    airbyte_peer_free(&g->peer);
    for (size_t i = 0; i < g->count; i++)
        buf_free(&g->streams[i].state);
    map_free(&g->index);
    map_free(&g->unknown);
    buf_free(&g->global);
    buf_free(&g->legacy);
    buf_free(&g->last);
    buf_free(&g->head);
    buf_free(&g->scratch);
    arena_free(&g->arena);
}
