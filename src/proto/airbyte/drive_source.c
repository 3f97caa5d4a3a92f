/* An Airbyte source as a capture: discovery and reading. What flow-sdk's shim does, this does (flow.md 10.2); where it gives up, this goes on: states
 * of type GLOBAL and LEGACY, incremental streams without a key. */
#include <stdlib.h>

#include "base/map.h"
#include "json/pointer.h"
#include "proto/airbyte/driven.h"
#include "proto/flowdoc.h"

/* ---- discovery ---- */

typedef struct finding {
    weir_task *t;
    const airbyte_driven *d;
    buf key, cursors, resource, schema;
} finding;

static void finding_clear(finding *f)
{
    buf_clear(&f->key);
    buf_clear(&f->cursors);
    buf_clear(&f->resource);
    buf_clear(&f->schema);
}

static void finding_free(finding *f)
{
    buf_free(&f->key);
    buf_free(&f->cursors);
    buf_free(&f->resource);
    buf_free(&f->schema);
}

/* A path as a pointer; a bare name is one of a single component. */
static void pointer_of(buf *out, const tree *path)
{
    if (path->kind == TREE_STRING)
        pointer_push(out, path->text);
    for (const tree *part = path->kind == TREE_ARRAY ? path->first : NULL; part; part = part->next)
        if (part->kind == TREE_STRING)
            pointer_push(out, part->text);
}

static void put_pointer(buf *list, const tree *path)
{
    buf pointer = {0};
    pointer_of(&pointer, path);
    if (pointer.len) {
        if (list->len > 1)
            buf_addc(list, ',');
        json_quote_lossy(list, buf_view(&pointer));
    }
    if (!buf_ok(&pointer))
        list->failed = true;
    buf_free(&pointer);
}

static unsigned modes_of(const tree *stream)
{
    unsigned modes = 0;
    const tree *list = tree_get(stream, "supported_sync_modes");
    for (const tree *m = list && list->kind == TREE_ARRAY ? list->first : NULL; m; m = m->next)
        if (m->kind == TREE_STRING)
            modes |= view_is(m->text, "incremental") ? WEIR_INCREMENTAL : view_is(m->text, "full_refresh") ? WEIR_FULL_REFRESH : 0;
    return modes ? modes : WEIR_FULL_REFRESH;
}

static bool says_true(const tree *t, const char *name)
{
    const tree *m = tree_get(t, name);
    return m && m->kind == TREE_BOOL && m->boolean;
}

/* The cursor that is read by if nobody chooses one; a list of one pointer. */
static const tree *default_cursor(const tree *stream)
{
    const tree *path = tree_get(stream, "default_cursor_field");
    return path && path->kind == TREE_ARRAY && path->count ? path : NULL;
}

static void put_resource(finding *f, const tree *stream, unsigned modes)
{
    bool incremental = modes & WEIR_INCREMENTAL;
    weir_view name_space = tree_text(stream, "namespace");
    const tree *cursor = default_cursor(stream);
    json_out w = json_out_to(&f->resource);
    out_open(&w, '{');
    out_text(out_name(&w, "stream"), tree_text(stream, "name"));
    out_text(out_name(&w, "syncMode"), incremental ? VIEW("incremental") : VIEW("full_refresh"));
    if (name_space.len)
        out_text(out_name(&w, "namespace"), name_space);
    if (incremental && cursor && !says_true(stream, "source_defined_cursor"))
        out_raw(out_name(&w, "cursorField"), cursor->raw); /* reading knows nothing but this (airbyte.md 3.3) */
    out_close(&w, '}');
}

static void put_lists(finding *f, const tree *stream, unsigned modes)
{
    const tree *key = tree_get(stream, "source_defined_primary_key"), *cursor = default_cursor(stream);
    buf_addc(&f->key, '[');
    for (const tree *path = key && key->kind == TREE_ARRAY ? key->first : NULL; path; path = path->next)
        put_pointer(&f->key, path);
    buf_addc(&f->key, ']');
    buf_addc(&f->cursors, '[');
    if ((modes & WEIR_INCREMENTAL) && cursor)
        put_pointer(&f->cursors, cursor);
    buf_addc(&f->cursors, ']');
}

static weir_rc put_schema(finding *f, const tree *stream)
{
    err *e = task_error(f->t);
    const tree *schema = tree_get(stream, "json_schema");
    if (!schema || schema->kind != TREE_OBJECT)
        return err_fail(e, WEIR_E_PROTOCOL, "json_schema must be an object");
    if (!f->d->o.flow_documents) {
        buf_addv(&f->schema, schema->raw);
        return WEIR_OK;
    }
    const flowdoc_rules rules = {.row_id = VIEW("{\"type\":\"integer\"}"), .deletes = tree_at(schema, VIEW("/properties/_ab_cdc_deleted_at")) != NULL};
    return flowdoc_schema(&f->schema, schema->raw, &rules, e);
}

static weir_rc find_one(finding *f, const tree *stream)
{
    err *e = task_error(f->t);
    const tree *name = tree_get(stream, "name");
    if (!name || name->kind != TREE_STRING)
        return err_fail(e, WEIR_E_PROTOCOL, "discover: a stream has no name");
    unsigned modes = modes_of(stream);
    finding_clear(f);
    put_resource(f, stream, modes);
    put_lists(f, stream, modes);
    weir_rc rc = put_schema(f, stream);
    if (rc)
        return err_wrap(e, rc, "discover: stream '%.*s'", VIEW_ARG(name->text));
    bool counted = f->d->o.flow_documents && view_is(buf_view(&f->key), "[]");
    weir_stream s = {
        .name = name->text, .name_space = tree_text(stream, "namespace"), .schema = buf_view(&f->schema),
        .key = counted ? VIEW(FLOWDOC_KEY) : buf_view(&f->key), .resource = buf_view(&f->resource), .cursors = buf_view(&f->cursors),
        .modes = modes, .fallback_key = counted,
    };
    if (!buf_ok(&f->key) || !buf_ok(&f->cursors) || !buf_ok(&f->resource) || !buf_ok(&f->schema))
        return err_nomem(e);
    return weir_discovered(f->t, &s);
}

static weir_rc driven_discover(weir_task *t, void *self)
{
    airbyte_run *r = self;
    arena a = {0};
    buf body = {0};
    tree *catalog;
    finding f = {.t = t, .d = r->d};
    weir_rc rc = airbyte_run_ask(t, r, "discover", AIRBYTE_CATALOG, &body);
    if (!rc)
        rc = err_wrap(task_error(t), tree_parse(&a, buf_view(&body), NULL, WEIR_E_PROTOCOL, &catalog, task_error(t)), "discover: the catalog");
    const tree *list = rc ? NULL : tree_get(catalog, "streams");
    if (!rc && (!list || list->kind != TREE_ARRAY))
        rc = weir_fail(t, WEIR_E_PROTOCOL, "discover: the catalog has no list of streams");
    for (const tree *stream = rc ? NULL : list->first; stream && !rc; stream = stream->next)
        rc = find_one(&f, stream);
    finding_free(&f);
    buf_free(&body);
    arena_free(&a);
    return rc;
}

static weir_rc driven_validate(weir_task *t, void *self, const weir_binding *b, size_t n)
{
    weir_rc rc = airbyte_run_check(t, self);
    return rc ? rc : airbyte_tell_paths(t, b, n);
}

/* ---- what is known while reading ---- */

typedef struct stream {
    const weir_binding *b;
    airbyte_resource resource;
    const char *sync_mode;
    weir_view cursor;   /* array of strings */
    uint64_t row_id;    /* of the next document */
    uint64_t sealed;    /* the same, as of its last checkpoint */
    uint64_t since;     /* documents since its last STATE */
    buf state;          /* its last AirbyteStateMessage; empty: none */
    bool deletes;       /* its documents may say that they are deletions */
    bool miscounted, started, complete, incomplete;
} stream;

typedef struct reading {
    weir_task *t;
    airbyte_run *r;
    airbyte_peer peer;
    arena arena;
    stream *streams;
    size_t count;
    map index;          /* stream by spelled() */
    map unknown;        /* names that were warned of */
    buf global, legacy; /* their last AirbyteStateMessages; empty: none */
    uint64_t since;     /* documents since the last STATE of type GLOBAL or LEGACY */
    /* The stream of the last record, as it was written. */
    buf last;
    size_t last_name;   /* bytes of `last` that are the name; the rest is the namespace */
    bool last_spaced;
    stream *last_stream; /* NULL: none, or unknown */
    buf head, scratch;
} reading;

/* A stream's identity as one text. */
static weir_view spelled(reading *g, weir_view name, weir_view name_space)
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
static void warn_unknown(reading *g, weir_view name, weir_view name_space, weir_view id)
{
    if (map_get(&g->unknown, id))
        return;
    weir_log(g->t, WEIR_WARN, "the source sends stream '%.*s'%s%.*s, which is not captured: left out", VIEW_ARG(name), name_space.len ? " of " : "",
             VIEW_ARG(name_space));
    weir_view kept = arena_dup(&g->arena, id);
    if (kept.ptr)
        map_put(&g->unknown, kept, g);
}

static stream *find(reading *g, const airbyte_message *m)
{
    arena a = {0};
    weir_view name = decoded(&a, m->stream), name_space = decoded(&a, m->name_space), id = spelled(g, name, name_space);
    stream *s = map_get(&g->index, id);
    if (!s)
        warn_unknown(g, name, name_space, id);
    arena_free(&a);
    return s;
}

static inline bool same_bytes(const char *a, weir_view b, size_t len)
{
    return b.len == len && (len == 0 || memcmp(a, b.ptr, len) == 0);
}

/* The stream of a record; most come in runs. */
static inline stream *stream_of(reading *g, const airbyte_message *m)
{
    if (g->last.len && same_bytes(g->last.ptr, m->stream.raw, g->last_name) && g->last_spaced == (m->name_space.raw.ptr != NULL) &&
        same_bytes(g->last.ptr + g->last_name, m->name_space.raw, g->last.len - g->last_name))
        return g->last_stream;
    buf_clear(&g->last);
    buf_addv(&g->last, m->stream.raw);
    buf_addv(&g->last, m->name_space.raw);
    g->last_name = m->stream.raw.len;
    g->last_spaced = m->name_space.raw.ptr != NULL;
    if (!buf_ok(&g->last))
        buf_clear(&g->last);
    return g->last_stream = find(g, m);
}

/* ---- what it is given: catalog and state ---- */

static const char *mode_of(const weir_binding *b, const airbyte_resource *x)
{
    if (b->mode)
        return b->mode & (WEIR_INCREMENTAL | WEIR_LOG_BASED) ? "incremental" : "full_refresh";
    return view_is(x->sync_mode, "incremental") ? "incremental" : view_is(x->sync_mode, "full_refresh") ? "full_refresh" : NULL;
}

/* The part of the state that is its own: {"state":AirbyteStateMessage,"rowId":N} (flow.md 10.2). */
static weir_rc take_part(reading *g, stream *s)
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

static weir_rc take_cursor(reading *g, stream *s)
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

static weir_rc take_binding(reading *g, stream *s, const weir_binding *b)
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
    weir_view id = rc ? (weir_view){0} : arena_dup(&g->arena, spelled(g, s->resource.stream, s->resource.name_space));
    if (!rc && id.len && map_get(&g->index, id))
        rc = err_fail(e, WEIR_E_CONFIG, "stream '%.*s' is captured twice", VIEW_ARG(s->resource.stream));
    if (!rc && (!id.len || !map_put(&g->index, id, s)))
        rc = err_nomem(e);
    return err_wrap(e, rc, "binding %.*s", VIEW_ARG(b->name));
}

/* States that are not a binding's own. */
static void take_task_state(reading *g)
{
    weir_view state = weir_state(g->t), global = pointer_find(state, VIEW("/" AIRBYTE_GLOBAL)), legacy = pointer_find(state, VIEW("/" AIRBYTE_LEGACY));
    if (global.len && *global.ptr == '{')
        buf_addv(&g->global, global);
    if (legacy.len && *legacy.ptr == '{')
        buf_addv(&g->legacy, legacy);
}

static weir_rc reading_init(reading *g, const weir_binding *b, size_t n)
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

static void reading_free(reading *g)
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

/* The schema as the source has it: without what Flow added. */
static weir_rc put_plain_schema(reading *g, const stream *s, buf *out)
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
static weir_view key_of(const stream *s)
{
    return memmem(s->b->key.ptr, s->b->key.len, "/_meta/", 7) ? (weir_view){0} : s->b->key;
}

static weir_rc put_catalog(reading *g, buf *out)
{
    buf schema = {0};
    weir_rc rc = WEIR_OK;
    json_out w = json_out_to(out);
    out_open(&w, '{');
    out_open(out_name(&w, "streams"), '[');
    for (size_t i = 0; i < g->count && !rc; i++) {
        const stream *s = &g->streams[i];
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
static bool is_finished(const stream *s, weir_view state)
{
    return strcmp(s->sync_mode, "full_refresh") == 0 && (pointer_find(state, VIEW("/__ab_full_refresh_sync_complete")).len ||
                                                          pointer_find(state, VIEW("/__ab_no_cursor_state_message")).len);
}

/* Its own state, if there is something in it to resume from. */
static weir_view own_state(const stream *s)
{
    weir_view state = pointer_find(buf_view(&s->state), VIEW("/stream/stream_state"));
    return is_null(state) || is_finished(s, state) ? (weir_view){0} : buf_view(&s->state);
}

/* The stream of an element of a GLOBAL state; NULL: it is not captured. */
static stream *element_stream(reading *g, weir_view element)
{
    arena a = {0};
    weir_view name = json_decode(&a, pointer_find(element, VIEW("/stream_descriptor/name")));
    weir_view name_space = json_decode(&a, pointer_find(element, VIEW("/stream_descriptor/namespace")));
    stream *s = map_get(&g->index, spelled(g, name, name_space));
    arena_free(&a);
    return s;
}

/* The elements of a GLOBAL state that still hold: not those of streams that start over, which have no part in the state any more, nor of those that
 * have a state of their own, which is newer. Then come the latter. */
static void put_elements(reading *g, json_out *w, weir_view list)
{
    json_scan s = json_scan_of(list);
    weir_view element;
    if (list.len && json_enter(&s, '['))
        while (json_item(&s) && json_skip(&s, &element)) {
            const stream *of = element_stream(g, element);
            if (!of || (of->b->state.len && !own_state(of).len))
                out_raw(w, element);
        }
    for (size_t i = 0; i < g->count; i++)
        if (own_state(&g->streams[i]).len)
            out_raw(w, pointer_find(own_state(&g->streams[i]), VIEW("/stream")));
}

static void put_global(reading *g, json_out *w)
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

/* The file for --state: an array of states without envelope (airbyte.md 2.3). */
static void put_states(reading *g, buf *out)
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

/* ---- documents ---- */

static bool says_deleted(const airbyte_message *m)
{
    static const char name[] = "\"_ab_cdc_deleted_at\"";
    return memmem(m->data.ptr, m->data.len, name, sizeof name - 1) && !is_null(pointer_find(m->data, VIEW("/_ab_cdc_deleted_at")));
}

static inline weir_rc take_record(reading *g, const airbyte_message *m)
{
    stream *s = stream_of(g, m);
    weir_view rest;
    weir_rc rc;
    if (!s)
        return WEIR_OK;
    if (g->r->d->o.flow_documents) {
        rc = flowdoc_split(&g->head, m->data, m->lines, s->row_id, s->deletes && says_deleted(m), &rest, task_error(g->t));
        if (rc)
            return weir_wrap(g->t, rc, "stream '%.*s'", VIEW_ARG(s->resource.stream));
        rc = task_emit_pieces(g->t, s->b, buf_view(&g->head), rest, m->lines);
    } else {
        rc = task_emit_scanned(g->t, s->b, m->data, m->lines);
    }
    s->row_id++;
    s->since++;
    g->since++;
    return rc;
}

/* ---- checkpoints ---- */

static void put_part(buf *out, const stream *s)
{
    buf_addc(out, '{');
    if (s->state.len) {
        buf_adds(out, "\"state\":");
        buf_addv(out, buf_view(&s->state));
        buf_addc(out, ',');
    }
    buf_printf(out, "\"rowId\":%llu}", (unsigned long long)s->row_id);
}

static bool has_part(const reading *g, const stream *s) { return s->state.len || g->global.len || g->legacy.len || s->b->state.len; }

static bool is_ours(const reading *g, weir_view state_key)
{
    for (size_t i = 0; i < g->count; i++)
        if (view_eq(g->streams[i].b->state_key, state_key))
            return true;
    return false;
}

/* The parts of bindings, also of those that are not captured any more: they may come back. */
static void put_parts(reading *g, json_out *w)
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
        const stream *one = &g->streams[i];
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
static void put_whole(reading *g, buf *out)
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

static weir_rc seal_whole(reading *g)
{
    buf whole = {0};
    put_whole(g, &whole);
    weir_rc rc = buf_ok(&whole) ? weir_checkpoint(g->t, NULL, buf_view(&whole)) : err_nomem(task_error(g->t));
    buf_free(&whole);
    for (size_t i = 0; i < g->count; i++)
        g->streams[i].sealed = g->streams[i].row_id;
    return rc;
}

static weir_rc seal_stream(reading *g, stream *s)
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

static weir_rc take_stream_state(reading *g, const airbyte_message *m)
{
    stream *s = find(g, m);
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
static weir_rc take_common_state(reading *g, const airbyte_message *m)
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

static weir_rc take_state(reading *g, const airbyte_message *m)
{
    return m->state_type == AIRBYTE_STATE_STREAM ? take_stream_state(g, m) : take_common_state(g, m);
}

/* Documents without a state behind them are as good as the others once the source has ended well. */
static weir_rc seal_rest(reading *g)
{
    bool common = g->global.len || g->legacy.len;
    for (size_t i = 0; i < g->count; i++) {
        stream *s = &g->streams[i];
        if (s->row_id == s->sealed || !(s->state.len || common))
            continue;
        weir_rc rc = s->state.len ? seal_stream(g, s) : seal_whole(g);
        if (rc)
            return rc;
    }
    return WEIR_OK;
}

/* ---- what it says beside ---- */

static stream *described(reading *g, weir_view name, weir_view name_space)
{
    return map_get(&g->index, spelled(g, name, name_space));
}

static void take_status(reading *g, const tree *status)
{
    const tree *d = tree_get(status, "stream_descriptor");
    weir_view name = tree_text(d, "name"), word = tree_text(status, "status");
    stream *s = described(g, name, tree_text(d, "namespace"));
    bool running = view_is(word, "RUNNING");
    weir_log(g->t, running ? WEIR_DEBUG : WEIR_INFO, "stream '%.*s': %.*s", VIEW_ARG(name), VIEW_ARG(word));
    if (!s)
        return;
    s->started |= running || view_is(word, "STARTED");
    s->complete = view_is(word, "COMPLETE");
    s->incomplete = view_is(word, "INCOMPLETE");
}

static weir_rc take_estimate(reading *g, const tree *estimate)
{
    uint64_t rows = 0, bytes = 0;
    const tree *r = tree_get(estimate, "row_estimate"), *b = tree_get(estimate, "byte_estimate");
    stream *s = described(g, tree_text(estimate, "name"), tree_text(estimate, "namespace"));
    if (r && r->kind == TREE_NUMBER)
        number_to_u64(r->text, &rows);
    if (b && b->kind == TREE_NUMBER)
        number_to_u64(b->text, &bytes);
    return s && view_is(tree_text(estimate, "type"), "STREAM") ? weir_estimate(g->t, s->b, rows, bytes) : WEIR_OK;
}

static weir_rc take_trace(reading *g, const airbyte_message *m)
{
    arena a = {0};
    err unused = {0};
    tree *t;
    weir_rc rc = WEIR_OK;
    if (!tree_parse(&a, m->body, NULL, WEIR_E_PROTOCOL, &t, &unused)) {
        const tree *status = tree_get(t, "stream_status"), *estimate = tree_get(t, "estimate");
        if (!tree_is_null(status))
            take_status(g, status);
        else if (!tree_is_null(estimate))
            rc = take_estimate(g, estimate);
    }
    err_free(&unused);
    arena_free(&a);
    return rc;
}

/* ---- reading ---- */

static weir_rc take(reading *g, const airbyte_message *m)
{
    switch (m->type) {
    case AIRBYTE_RECORD:
        return take_record(g, m);
    case AIRBYTE_STATE:
        return take_state(g, m);
    case AIRBYTE_TRACE:
        return take_trace(g, m);
    case AIRBYTE_CONTROL:
        return airbyte_run_control(g->t, g->r, m->body);
    default:
        weir_log(g->t, WEIR_DEBUG, "the source sends %s while it reads: left out", airbyte_type_name(m->type));
        return WEIR_OK;
    }
}

static weir_rc start(reading *g)
{
    err *e = task_error(g->t);
    buf catalog = {0}, states = {0};
    weir_rc rc = put_catalog(g, &catalog);
    put_states(g, &states);
    if (!rc && (!buf_ok(&states) || !buf_ok(&g->scratch)))
        rc = err_nomem(e);
    const airbyte_paper papers[] = {
        {"--config", "config.json", buf_view(&g->r->config)},
        {"--catalog", "catalog.json", buf_view(&catalog)},
        {"--state", "state.json", buf_view(&states)},
    };
    if (!rc)
        rc = airbyte_peer_start(&g->peer, &g->r->d->o, weir_stop_fd(g->t), "read", papers, sizeof papers / sizeof *papers, e);
    if (!rc)
        child_close_input(g->peer.c);
    buf_free(&catalog);
    buf_free(&states);
    return rc;
}

static weir_rc relay(reading *g)
{
    for (;;) {
        airbyte_message m;
        bool more;
        weir_rc rc = airbyte_peer_next(&g->peer, &m, &more, task_error(g->t));
        if (!rc && more)
            rc = take(g, &m);
        if (rc || !more)
            return rc;
    }
}

/* A stream that is called incomplete has failed, whatever the exit status (airbyte.md 1.2, 3.2). */
static weir_rc judge_streams(reading *g)
{
    buf names = {0};
    bool started = false;
    for (size_t i = 0; i < g->count; i++) {
        const stream *s = &g->streams[i];
        if (!s->incomplete)
            continue;
        started |= s->started;
        buf_printf(&names, "%s'%.*s'", names.len ? ", " : "", VIEW_ARG(s->resource.stream));
    }
    weir_rc rc = WEIR_OK;
    if (names.len && started)
        rc = weir_fail(g->t, WEIR_E_REMOTE, "the source has left streams incomplete: %s", buf_text(&names));
    else if (names.len)
        rc = weir_fail(g->t, WEIR_E_CONFIG, "the source has not even started streams, most likely because it has none of these names: %s", buf_text(&names));
    buf_free(&names);
    return rc;
}

static weir_rc driven_pull(weir_task *t, void *self, const weir_binding *b, size_t n)
{
    err *e = task_error(t);
    reading g = {.t = t, .r = self};
    weir_rc rc = reading_init(&g, b, n);
    if (!rc)
        rc = start(&g);
    if (!rc)
        rc = airbyte_peer_explain(&g.peer, relay(&g), e);
    if (!rc)
        rc = airbyte_peer_finish(&g.peer, false, e);
    if (!rc)
        rc = judge_streams(&g);
    if (!rc)
        rc = seal_rest(&g);
    reading_free(&g);
    return rc;
}

const weir_capture airbyte_driven_capture = {
    .discover = driven_discover,
    .validate = driven_validate,
    .pull = driven_pull,
    .all_in_one = true,
};
