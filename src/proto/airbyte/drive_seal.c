/* States of a driven source become checkpoints: a stream's own as a patch of its binding's part, one for all beside the parts. */
#include "json/pointer.h"
#include "proto/airbyte/drive_source.h"

static void put_part(buf *out, const driven_stream *s)
{
    buf_addc(out, '{');
    if (s->state.len) {
        buf_adds(out, "\"state\":");
        buf_addv(out, buf_view(&s->state));
        buf_addc(out, ',');
    }
    buf_printf(out, "\"rowId\":%llu}", (unsigned long long)s->row_id);
}

static bool has_part(const driven_reading *g, const driven_stream *s) { return s->state.len || g->global.len || g->legacy.len || s->b->state.len; }

static bool is_ours(const driven_reading *g, weir_view state_key)
{
    for (size_t i = 0; i < g->count; i++)
        if (view_eq(g->streams[i].b->state_key, state_key))
            return true;
    return false;
}

/* The parts of bindings, also of those that are not captured any more: they may come back. */
static void put_parts(driven_reading *g, json_out *w)
{
    arena a = {0};
    json_scan s = json_scan_of(pointer_find(weir_state(g->t), VIEW("/bindingStateV1")));
    json_key key;
    weir_view value;
    if (json_peek(&s) == '{' && json_enter(&s, '{'))
        while (json_member(&s, &key) && json_skip(&s, &value)) {
            weir_view name = json_identity(&a, key.raw);
            if (!is_ours(g, name))
                out_raw(out_namev(w, name), value);
        }
    for (size_t i = 0; i < g->count; i++) {
        const driven_stream *one = &g->streams[i];
        buf_clear(&g->scratch);
        if (!has_part(g, one))
            continue;
        put_part(&g->scratch, one);
        out_raw(out_namev(w, one->b->state_key), buf_view(&g->scratch));
    }
    if (a.failed || !buf_ok(&g->scratch))
        w->to->failed = true;
    arena_free(&a);
}

/* The state of the task as it is now. */
static void put_whole(driven_reading *g, buf *out)
{
    static const char *const ours[] = {"bindingStateV1", AIRBYTE_GLOBAL, AIRBYTE_LEGACY, NULL};
    json_out w = json_out_to(out);
    out_open(&w, '{');
    airbyte_put_others(&w, weir_state(g->t), ours);
    if (g->global.len)
        out_raw(out_name(&w, AIRBYTE_GLOBAL), buf_view(&g->global));
    if (g->legacy.len)
        out_raw(out_name(&w, AIRBYTE_LEGACY), buf_view(&g->legacy));
    out_open(out_name(&w, "bindingStateV1"), '{');
    put_parts(g, &w);
    out_close(&w, '}');
    out_close(&w, '}');
}

static weir_rc seal_whole(driven_reading *g)
{
    buf whole = {0};
    put_whole(g, &whole);
    weir_rc rc = buf_ok(&whole) ? weir_checkpoint(g->t, NULL, buf_view(&whole)) : err_nomem(task_error(g->t));
    buf_free(&whole);
    for (size_t i = 0; i < g->count; i++)
        g->streams[i].sealed = g->streams[i].row_id;
    return rc;
}

static weir_rc seal_stream(driven_reading *g, driven_stream *s)
{
    if (airbyte_state_has_nulls(pointer_find(buf_view(&s->state), VIEW("/stream/stream_state"))))
        return seal_whole(g);
    buf_clear(&g->scratch);
    put_part(&g->scratch, s);
    s->sealed = s->row_id;
    return buf_ok(&g->scratch) && buf_ok(&s->state) ? weir_checkpoint(g->t, s->b, buf_view(&g->scratch)) : err_nomem(task_error(g->t));
}

/* A source that counts differently has lost records, or we have (airbyte.md 2.3). */
static bool counts_right(const airbyte_message *m, uint64_t counted, uint64_t *ret_said)
{
    weir_view said = pointer_find(m->source_stats, VIEW("/recordCount"));
    return !said.len || !number_to_u64(said, ret_said) || *ret_said == counted;
}

static weir_rc take_stream_state(driven_reading *g, const airbyte_message *m)
{
    driven_stream *s = driven_find(g, m);
    uint64_t said;
    if (!s)
        return WEIR_OK;
    if (!counts_right(m, s->since, &said) && !s->miscounted) {
        s->miscounted = true;
        weir_log(g->t, WEIR_WARN, "stream '%.*s': the source says that it has sent %llu records since its last state, but %llu have come",
                 VIEW_ARG(s->resource.stream), (unsigned long long)said, (unsigned long long)s->since);
    }
    s->since = 0;
    buf_clear(&s->state);
    airbyte_put_state(&s->state, m);
    return seal_stream(g, s);
}

/* One state for all streams: it is kept whole, beside the bindings' own parts. */
static weir_rc take_common_state(driven_reading *g, const airbyte_message *m)
{
    buf *kept = m->state_type == AIRBYTE_STATE_GLOBAL ? &g->global : &g->legacy, *other = kept == &g->global ? &g->legacy : &g->global;
    uint64_t said;
    if (!counts_right(m, g->since, &said))
        weir_log(g->t, WEIR_WARN, "the source says that it has sent %llu records since its last state, but %llu have come", (unsigned long long)said,
                 (unsigned long long)g->since);
    g->since = 0;
    buf_clear(kept);
    buf_clear(other);
    airbyte_put_state(kept, m);
    for (size_t i = 0; i < g->count; i++) {
        buf_clear(&g->streams[i].state);
        g->streams[i].since = 0;
    }
    return buf_ok(kept) ? seal_whole(g) : err_nomem(task_error(g->t));
}

weir_rc driven_take_state(driven_reading *g, const airbyte_message *m)
{
    return m->state_type == AIRBYTE_STATE_STREAM ? take_stream_state(g, m) : take_common_state(g, m);
}

weir_rc driven_seal_rest(driven_reading *g)
{
    bool common = g->global.len || g->legacy.len;
    for (size_t i = 0; i < g->count; i++) {
        driven_stream *s = &g->streams[i];
        if (s->row_id == s->sealed || !(s->state.len || common))
            continue;
        weir_rc rc = s->state.len ? seal_stream(g, s) : seal_whole(g);
        if (rc)
            return rc;
    }
    return WEIR_OK;
}
