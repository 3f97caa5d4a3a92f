#include "proto/airbyte/states.h"

#include <inttypes.h>

#include "json/patch.h"
#include "json/scan.h"
#include "json/write.h"
#include "proto/airbyte/say.h"

/* What a stream says that has no state: readers expect one (airbyte.md 3.1). */
#define NO_STATE "{\"__ab_no_cursor_state_message\":true}"
#define BINDINGS "bindingStateV1"

bool airbyte_states_init(airbyte_states *s, airbyte_part *parts, size_t count)
{
    *s = (airbyte_states){.parts = parts, .count = count};
    s->last = &s->changed;
    bool ok = true;
    for (size_t i = 0; i < count && ok; i++)
        ok = map_put(&s->by_key, parts[i].key, &parts[i]) && map_put(&s->by_descriptor, parts[i].descriptor, &parts[i]);
    return ok;
}

void airbyte_states_free(airbyte_states *s)
{
    for (size_t i = 0; i < s->count; i++)
        buf_free(&s->parts[i].state);
    map_free(&s->by_key);
    map_free(&s->by_descriptor);
    buf_free(&s->rest);
    buf_free(&s->others);
    *s = (airbyte_states){0};
}

/* ---- what the platform hands over ---- */

static weir_rc bad(const tree *at, const char *what, err *e)
{
    buf place = {0};
    tree_where(&place, at->mark);
    weir_rc rc = err_fail(e, WEIR_E_CONFIG, "%s%s", buf_text(&place), what);
    buf_free(&place);
    return rc;
}

static const tree *given(const tree *t, const char *name)
{
    const tree *m = tree_get(t, name);
    return tree_is_null(m) ? NULL : m;
}

static void set(buf *to, const tree *value)
{
    buf_clear(to);
    if (value && value->count)
        tree_write(to, value);
}

static bool is_no_state(const tree *state)
{
    return tree_get(state, "__ab_no_cursor_state_message") != NULL;
}

static airbyte_part *find_part(const airbyte_states *s, weir_view name, weir_view name_space)
{
    buf text = {0};
    airbyte_descriptor(&text, name, name_space);
    airbyte_part *p = map_get(&s->by_descriptor, buf_view(&text));
    buf_free(&text);
    return p;
}

static void keep_other(airbyte_states *s, const tree *item)
{
    if (s->others.len)
        buf_addc(&s->others, ',');
    tree_write(&s->others, item);
}

static weir_rc take_stream(airbyte_states *s, const tree *item, bool global, err *e)
{
    const tree *descriptor = given(item, "stream_descriptor"), *state = given(item, "stream_state"), *name = given(descriptor, "name"),
               *space = given(descriptor, "namespace");
    if (!name)
        return bad(item, "a state of a stream without stream_descriptor and name", e);
    if (name->kind != TREE_STRING || (space && space->kind != TREE_STRING))
        return bad(name, "name and namespace of a stream are not strings", e);
    if (state && state->kind != TREE_OBJECT)
        return bad(state, "stream_state is not an object", e);
    airbyte_part *p = find_part(s, name->text, space ? space->text : (weir_view){0});
    if (p)
        set(&p->state, is_no_state(state) ? NULL : state);
    else if (global)
        keep_other(s, item);
    return WEIR_OK;
}

static weir_rc take_global(airbyte_states *s, const tree *global, err *e)
{
    const tree *shared = given(global, "shared_state"), *list = given(global, "stream_states");
    weir_rc rc = WEIR_OK;
    if (global->kind != TREE_OBJECT)
        return bad(global, "global is not an object", e);
    if (!list || list->kind != TREE_ARRAY)
        return bad(list ? list : global, "stream_states is not an array", e);
    if (shared && shared->kind != TREE_OBJECT)
        return bad(shared, "shared_state is not an object", e);
    s->global = true;
    set(&s->rest, shared);
    for (const tree *t = list->first; t && !rc; t = t->next)
        rc = take_stream(s, t, true, e);
    return rc;
}

/* The part of a stream of this name, whatever its namespace: legacy states do not tell. */
static airbyte_part *part_named(const airbyte_states *s, weir_view name)
{
    for (size_t i = 0; i < s->count; i++)
        if (view_eq(s->parts[i].name, name))
            return &s->parts[i];
    return NULL;
}

static void take_binding(airbyte_states *s, const tree *m)
{
    airbyte_part *p = map_get(&s->by_key, m->name);
    if (p && m->kind == TREE_OBJECT)
        set(&p->state, m);
}

/* States by stream, or the state of a task. What is neither stays with the task. */
static weir_rc take_legacy(airbyte_states *s, const tree *data, err *e)
{
    buf rest = {0};
    json_out w = json_out_to(&rest);
    size_t count = 0;
    if (data->kind != TREE_OBJECT)
        return bad(data, "a state is an array of states, or an object", e);
    out_open(&w, '{');
    for (const tree *m = data->first; m; m = m->next) {
        airbyte_part *p = m->kind == TREE_OBJECT ? part_named(s, m->name) : NULL;
        if (view_is(m->name, BINDINGS) && m->kind == TREE_OBJECT) {
            for (const tree *b = m->first; b; b = b->next)
                take_binding(s, b);
        } else if (p) {
            set(&p->state, m);
        } else if (m->kind != TREE_NULL) {
            out_raw(out_namev(&w, m->name), m->raw);
            count++;
        }
    }
    out_close(&w, '}');
    if (count) {
        buf swap = s->rest;
        s->rest = rest;
        rest = swap;
    }
    buf_free(&rest);
    return WEIR_OK;
}

typedef enum shape { NO_SHAPE, STREAM, GLOBAL, LEGACY } shape;

/* What it says it is, or what it looks like (airbyte.md 3.1: readers disagree on what a missing type means). */
static weir_rc shape_of(const tree *item, shape *ret, err *e)
{
    static const char *const words[] = {[STREAM] = "STREAM", [GLOBAL] = "GLOBAL", [LEGACY] = "LEGACY"};
    const tree *type = given(item, "type");
    const bool global = given(given(item, "global"), "stream_states") || given(item, "global_");
    *ret = given(given(item, "stream"), "stream_descriptor") ? STREAM : global ? GLOBAL : NO_SHAPE;
    if (!type || type->kind != TREE_STRING)
        return WEIR_OK;
    for (shape i = STREAM; i <= LEGACY; i++)
        if (view_is(type->text, words[i])) {
            *ret = i;
            return WEIR_OK;
        }
    return bad(type, "the type of a state can only be STREAM, GLOBAL or LEGACY", e);
}

static weir_rc take_one(airbyte_states *s, const tree *item, bool alone, err *e)
{
    shape form;
    const tree *inner = given(item, "state"), *global = given(item, "global");
    if (view_is(tree_text(item, "type"), "STATE") && inner)
        return take_one(s, inner, alone, e);
    if (item->kind != TREE_OBJECT)
        return bad(item, "a state is an object", e);
    weir_rc rc = shape_of(item, &form, e);
    if (rc)
        return rc;
    global = global ? global : given(item, "global_");
    if (form == STREAM && given(item, "stream"))
        return take_stream(s, given(item, "stream"), false, e);
    if (form == GLOBAL && global)
        return take_global(s, global, e);
    if (form != STREAM && form != GLOBAL && (given(item, "data") || alone))
        return take_legacy(s, given(item, "data") ? given(item, "data") : item, e);
    return bad(item, "a state without anything in it", e);
}

weir_rc airbyte_states_take(airbyte_states *s, const tree *file, err *e)
{
    weir_rc rc = WEIR_OK;
    if (file->kind == TREE_OBJECT)
        rc = file->count ? take_one(s, file, true, e) : WEIR_OK;
    else if (file->kind != TREE_ARRAY)
        rc = bad(file, "a state is an array of states, or an object", e);
    for (const tree *t = file->kind == TREE_ARRAY ? file->first : NULL; t && !rc; t = t->next)
        rc = take_one(s, t, false, e);
    bool ok = buf_ok(&s->rest) && buf_ok(&s->others);
    for (size_t i = 0; i < s->count; i++)
        ok = ok && buf_ok(&s->parts[i].state);
    return rc ? rc : ok ? WEIR_OK : err_nomem(e);
}

void airbyte_states_task(const airbyte_states *s, buf *out)
{
    buf parts = {0};
    json_out w = json_out_to(&parts);
    out_open(&w, '{');
    out_open(out_name(&w, BINDINGS), '{');
    for (size_t i = 0; i < s->count; i++)
        if (s->parts[i].state.len)
            out_raw(out_namev(&w, s->parts[i].key), buf_view(&s->parts[i].state));
    out_close(&w, '}');
    out_close(&w, '}');
    if (!buf_ok(&parts) || !patch_apply(out, s->rest.len ? buf_view(&s->rest) : VIEW("{}"), buf_view(&parts)))
        out->failed = true;
    buf_free(&parts);
}

/* ---- what the connector says ---- */

static void mark(airbyte_states *s, airbyte_part *p)
{
    if (p->changed)
        return;
    p->changed = true;
    p->next = NULL;
    *s->last = p;
    s->last = &p->next;
}

bool airbyte_states_note(airbyte_states *s, airbyte_part *p, weir_view state)
{
    buf_clear(&p->state);
    buf_addv(&p->state, state);
    mark(s, p);
    return buf_ok(&p->state);
}

static bool note_part(airbyte_states *s, airbyte_part *p, weir_view value, bool merge)
{
    p->seen = s->round;
    const bool null = view_is(value, "null");
    if (!merge && view_eq(buf_view(&p->state), null ? (weir_view){0} : value))
        return true;
    if (!merge || null)
        return airbyte_states_note(s, p, null ? (weir_view){0} : value);
    buf next = {0};
    bool ok = patch_apply(&next, buf_view(&p->state), value) && airbyte_states_note(s, p, buf_view(&next));
    buf_free(&next);
    return ok;
}

/* The members of bindingStateV1. Those of no stream that is read go to the rest. @param unknown members of a JSON object */
static bool note_bindings(airbyte_states *s, weir_view object, bool merge, buf *unknown)
{
    json_scan scan = json_scan_of(object);
    json_key key;
    weir_view value;
    buf name = {0};
    bool ok = json_peek(&scan) == '{' && json_enter(&scan, '{');
    while (ok && json_member(&scan, &key) && json_skip(&scan, &value)) {
        buf_clear(&name);
        airbyte_part *p = json_unquote(&name, key.raw) ? map_get(&s->by_key, buf_view(&name)) : NULL;
        if (p)
            ok = note_part(s, p, value, merge);
        else
            buf_printf(unknown, "%s\"%.*s\":%.*s", unknown->len ? "," : "", VIEW_ARG(key.raw), VIEW_ARG(value));
        ok = ok && buf_ok(&name);
    }
    buf_free(&name);
    return ok;
}

static bool is_empty(weir_view object)
{
    json_scan scan = json_scan_of(object);
    json_key key;
    return !json_enter(&scan, '{') || !json_member(&scan, &key);
}

static bool note_rest(airbyte_states *s, weir_view rest, bool merge)
{
    buf next = {0};
    if (is_empty(rest) && (merge || !s->rest.len))
        return true;
    bool ok = !merge ? (buf_addv(&next, rest), true) : patch_apply(&next, s->rest.len ? buf_view(&s->rest) : VIEW("{}"), rest);
    s->rest_changed = s->rest_changed || !view_eq(buf_view(&s->rest), buf_view(&next));
    if (ok && buf_ok(&next) && is_empty(buf_view(&next)))
        buf_clear(&next);
    buf swap = s->rest;
    s->rest = next;
    buf_free(&swap);
    s->global = s->global || s->rest.len;
    return ok && buf_ok(&s->rest);
}

static bool take_apart(airbyte_states *s, weir_view state, bool merge, buf *rest, buf *unknown)
{
    json_scan scan = json_scan_of(state);
    json_key key;
    weir_view value;
    bool ok = json_enter(&scan, '{');
    buf_addc(rest, '{');
    while (ok && json_member(&scan, &key) && json_skip(&scan, &value))
        if (json_key_is(key, VIEW(BINDINGS)))
            ok = note_bindings(s, value, merge, unknown);
        else
            buf_printf(rest, "%s\"%.*s\":%.*s", rest->len > 1 ? "," : "", VIEW_ARG(key.raw), VIEW_ARG(value));
    if (unknown->len)
        buf_printf(rest, "%s\"" BINDINGS "\":{%.*s}", rest->len > 1 ? "," : "", VIEW_ARG(buf_view(unknown)));
    buf_addc(rest, '}');
    return ok && buf_ok(rest) && buf_ok(unknown);
}

bool airbyte_states_note_task(airbyte_states *s, weir_view state, bool merge)
{
    buf rest = {0}, unknown = {0};
    s->round++;
    bool ok = take_apart(s, state, merge, &rest, &unknown);
    for (size_t i = 0; i < s->count && ok && !merge; i++)
        if (s->parts[i].seen != s->round)
            ok = note_part(s, &s->parts[i], VIEW("null"), false);
    ok = ok && note_rest(s, buf_view(&rest), merge);
    buf_free(&rest);
    buf_free(&unknown);
    return ok;
}

/* ---- STATE messages ---- */

static void put_stats(buf *out, uint64_t records)
{
    buf_printf(out, ",\"sourceStats\":{\"recordCount\":%" PRIu64 ".0}}", records);
}

static void put_stream(airbyte_states *s, airbyte_part *p, buf *out, int64_t now_ms)
{
    airbyte_open(out, AIRBYTE_STATE);
    buf_adds(out, "{\"type\":\"STREAM\",\"stream\":{\"stream_descriptor\":");
    buf_addv(out, p->descriptor);
    buf_adds(out, ",\"stream_state\":");
    json_out w = json_out_to(out);
    out_raw(&w, p->state.len ? buf_view(&p->state) : VIEW(NO_STATE));
    buf_addc(out, '}');
    put_stats(out, p->records);
    airbyte_close(out);
    s->records -= p->records;
    s->bytes -= p->bytes;
    p->records = p->bytes = 0;
    p->sent = true;
    p->sent_ms = now_ms;
}

static void put_global(airbyte_states *s, buf *out, int64_t now_ms)
{
    const size_t from = out->len;
    json_out w = json_out_to(out);
    airbyte_open(out, AIRBYTE_STATE);
    buf_adds(out, "{\"type\":\"GLOBAL\",\"global\":{\"shared_state\":");
    out_raw(&w, s->rest.len ? buf_view(&s->rest) : VIEW("{}"));
    buf_adds(out, ",\"stream_states\":[");
    buf_addv(out, buf_view(&s->others));
    bool comma = s->others.len;
    for (airbyte_part *p = s->parts; p < s->parts + s->count; p++) {
        if (p->state.len) {
            buf_printf(out, "%s{\"stream_descriptor\":%.*s,\"stream_state\":", comma ? "," : "", VIEW_ARG(p->descriptor));
            out_raw(&(json_out){.to = out}, buf_view(&p->state));
            buf_addc(out, '}');
            comma = true;
        }
        p->records = p->bytes = 0;
        p->changed = false;
        p->sent = true;
    }
    buf_adds(out, "]}");
    put_stats(out, s->records);
    airbyte_close(out);
    s->records = s->bytes = 0;
    s->changed = NULL;
    s->last = &s->changed;
    s->rest_changed = false;
    s->sent = true;
    s->sent_ms = now_ms;
    s->last_size = out->len - from;
}

/* It is small beside what it covers, or it has waited long enough. */
static bool is_due(size_t size, uint64_t bytes, int64_t sent_ms, int64_t now_ms)
{
    return size <= bytes || now_ms - sent_ms >= STATE_HOLD_MS;
}

static void put_changed(airbyte_states *s, buf *out, bool all, int64_t now_ms)
{
    airbyte_part **at = &s->changed;
    while (*at) {
        airbyte_part *p = *at;
        if (!all && p->sent && !is_due(p->state.len, p->bytes, p->sent_ms, now_ms)) {
            at = &p->next;
            continue;
        }
        *at = p->next;
        p->changed = false;
        put_stream(s, p, out, now_ms);
    }
    s->last = at;
}

void airbyte_states_put(airbyte_states *s, buf *out, bool all, int64_t now_ms)
{
    if (!s->global)
        put_changed(s, out, all, now_ms);
    else if (airbyte_states_waiting(s) && (all || !s->sent || is_due(s->last_size, s->bytes, s->sent_ms, now_ms)))
        put_global(s, out, now_ms);
}

static void forget(airbyte_states *s, airbyte_part *p)
{
    airbyte_part **at = &s->changed;
    while (*at && *at != p)
        at = &(*at)->next;
    if (!*at)
        return;
    *at = p->next;
    p->changed = false;
    if (!*at)
        s->last = at;
}

void airbyte_states_put_last(airbyte_states *s, airbyte_part *p, bool complete, buf *out, int64_t now_ms)
{
    if (s->global) {
        if (airbyte_states_waiting(s) || (complete && (s->records || !s->sent)))
            put_global(s, out, now_ms);
    } else if (p->changed || (complete && (p->records || !p->sent))) {
        forget(s, p);
        put_stream(s, p, out, now_ms);
    }
}

bool airbyte_states_waiting(const airbyte_states *s)
{
    return s->changed || s->rest_changed;
}
