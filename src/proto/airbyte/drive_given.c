/* What a driven source is given to read: catalog and state. */
#include "json/pointer.h"
#include "proto/airbyte/drive_source.h"
#include "proto/flowdoc.h"

/* The schema as the source has it: without what Flow added. */
static weir_rc put_plain_schema(driven_reading *g, const driven_stream *s, buf *out)
{
    weir_view schema = s->b->schema;
    if (!schema.len || *schema.ptr != '{') {
        buf_adds(out, "{\"type\":\"object\",\"properties\":{}}");
        return WEIR_OK;
    }
    if (g->r->d->o.flow_documents)
        return flowdoc_plain_schema(out, schema, task_error(g->t));
    buf_addv(out, schema);
    return WEIR_OK;
}

/* Flow's key is the source's, unless it is the counter. */
static weir_view key_of(const driven_stream *s)
{
    return memmem(s->b->key.ptr, s->b->key.len, "/_meta/", 7) ? (weir_view){0} : s->b->key;
}

weir_rc driven_put_catalog(driven_reading *g, buf *out)
{
    buf schema = {0};
    weir_rc rc = WEIR_OK;
    json_out w = json_out_to(out);
    out_open(&w, '{');
    out_open(out_name(&w, "streams"), '[');
    for (size_t i = 0; i < g->count && !rc; i++) {
        const driven_stream *s = &g->streams[i];
        buf_clear(&schema);
        rc = put_plain_schema(g, s, &schema);
        const int64_t generation = (int64_t)s->b->backfill + 1;
        const airbyte_choice c = {
            .resource = &s->resource, .schema = buf_view(&schema), .sync_mode = s->sync_mode, .destination_sync_mode = "append", .cursor = s->cursor,
            .key = key_of(s), .generation = generation, .sync = 1,
        };
        if (!rc)
            airbyte_put_choice(&w, &c);
        if (!buf_ok(&schema))
            out->failed = true;
        if (rc)
            weir_wrap(g->t, rc, "binding %.*s", VIEW_ARG(s->b->name));
    }
    out_close(&w, ']');
    out_close(&w, '}');
    buf_free(&schema);
    return rc ? rc : buf_ok(out) ? WEIR_OK : err_nomem(task_error(g->t));
}

/* A kept message again, as it came or as flow-sdk wrote it, without what is null. */
static void put_kept_state(buf *out, weir_view state)
{
    airbyte_message m = {.body = state};
    weir_view type = pointer_find(state, VIEW("/type"));
    m.state_type = view_is(type, "\"GLOBAL\"") ? AIRBYTE_STATE_GLOBAL : view_is(type, "\"LEGACY\"") ? AIRBYTE_STATE_LEGACY : AIRBYTE_STATE_STREAM;
    airbyte_put_state(out, &m);
}

static bool is_null(weir_view json) { return !json.len || view_is(json, "null"); }

/* Python sources mark what a full refresh has left; handed to the next one it would read nothing (airbyte.md 3.1, 3.3). */
static bool is_finished(const driven_stream *s, weir_view state)
{
    return strcmp(s->sync_mode, "full_refresh") == 0 && (pointer_find(state, VIEW("/__ab_full_refresh_sync_complete")).len ||
                                                          pointer_find(state, VIEW("/__ab_no_cursor_state_message")).len);
}

/* Its own state, if there is something in it to resume from. */
static weir_view own_state(const driven_stream *s)
{
    weir_view state = pointer_find(buf_view(&s->state), VIEW("/stream/stream_state"));
    return is_null(state) || is_finished(s, state) ? (weir_view){0} : buf_view(&s->state);
}

/* The stream of an element of a GLOBAL state; NULL: it is not captured. */
static driven_stream *element_stream(driven_reading *g, weir_view element)
{
    arena a = {0};
    weir_view name = json_decode(&a, pointer_find(element, VIEW("/stream_descriptor/name")));
    weir_view name_space = json_decode(&a, pointer_find(element, VIEW("/stream_descriptor/namespace")));
    driven_stream *s = map_get(&g->index, driven_spelled(g, name, name_space));
    arena_free(&a);
    return s;
}

/* The elements of a GLOBAL state that still hold: not those of streams that start over, which have no part in the state any more, nor of those that
 * have a state of their own, which is newer. Then come the latter. */
static void put_elements(driven_reading *g, json_out *w, weir_view list)
{
    json_scan s = json_scan_of(list);
    weir_view element;
    if (list.len && json_enter(&s, '['))
        while (json_item(&s) && json_skip(&s, &element)) {
            const driven_stream *of = element_stream(g, element);
            if (!of || (of->b->state.len && !own_state(of).len))
                out_raw(w, element);
        }
    for (size_t i = 0; i < g->count; i++)
        if (own_state(&g->streams[i]).len)
            out_raw(w, pointer_find(own_state(&g->streams[i]), VIEW("/stream")));
}

static void put_global(driven_reading *g, json_out *w)
{
    weir_view shared = pointer_find(buf_view(&g->global), VIEW("/global/shared_state"));
    out_open(w, '{');
    out_text(out_name(w, "type"), VIEW("GLOBAL"));
    out_open(out_name(w, "global"), '{');
    if (!is_null(shared))
        out_raw(out_name(w, "shared_state"), shared);
    out_open(out_name(w, "stream_states"), '[');
    put_elements(g, w, pointer_find(buf_view(&g->global), VIEW("/global/stream_states")));
    out_close(w, ']');
    out_close(w, '}');
    out_close(w, '}');
}

static void put_kept(json_out *w, weir_view state)
{
    buf text = {0};
    put_kept_state(&text, state);
    out_raw(w, buf_view(&text));
    if (!buf_ok(&text))
        w->to->failed = true;
    buf_free(&text);
}

void driven_put_states(driven_reading *g, buf *out)
{
    json_out w = json_out_to(out);
    out_open(&w, '[');
    if (g->global.len)
        put_global(g, &w);
    else if (g->legacy.len)
        put_kept(&w, buf_view(&g->legacy));
    for (size_t i = 0; i < g->count && !g->global.len; i++)
        if (own_state(&g->streams[i]).len)
            put_kept(&w, own_state(&g->streams[i]));
    out_close(&w, ']');
}
