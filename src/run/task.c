/* A lane: documents and checkpoints on their way to the listener. */
#include <stdlib.h>
#include <string.h>

#include "json/number.h"
#include "json/order.h"
#include "json/patch.h"
#include "json/pointer.h"
#include "json/scan.h"
#include "json/text.h"
#include "model/state.h"
#include "run/task.h"

void task_init(weir_task *t, session *s)
{
    *t = (weir_task){.s = s};
}

/* The session knows the tasks that are attached. */
static void attach(weir_task *t)
{
    session *s = t->s;
    pthread_mutex_lock(&s->lock);
    t->next = s->attached;
    s->attached = t;
    t->attached = true;
    pthread_mutex_unlock(&s->lock);
}

static void detach(weir_task *t)
{
    session *s = t->s;
    pthread_mutex_lock(&s->lock);
    weir_task **at = &s->attached;
    while (*at != t)
        at = &(*at)->next;
    *at = t->next;
    s->emitted += atomic_load_explicit(&t->lane.emitted, memory_order_relaxed);
    pthread_mutex_unlock(&s->lock);
    if (s->to->ops->detach)
        s->to->ops->detach(s->to, &t->lane);
}

void task_drop_rest(weir_task *t)
{
    if (!t->attached)
        return;
    detach(t);
    t->attached = false;
    buf_free(&t->lane.shared);
    free(t->lane.outlets);
    t->lane = (lane){0};
}

void task_end(weir_task *t)
{
    if (t->attached)
        detach(t);
    buf_free(&t->lane.shared);
    free(t->lane.outlets);
    buf_free(&t->scratch);
    arena_free(&t->arena);
    arena_free(&t->names);
    err_free(&t->err);
}

weir_rc task_nomem(weir_task *t)
{
    if (t->err.rc != WEIR_E_NOMEM)
        err_nomem(&t->err);
    return WEIR_E_NOMEM;
}

weir_rc task_seal_rest(weir_task *t)
{
    const checkpoint c = {.state = VIEW("{}"), .merge = true};
    if (!t->attached || !(t->lane.documents || t->lane.truncated))
        return WEIR_OK;
    weir_rc rc = t->s->to->ops->seal(t->s->to, t, &t->lane, &c);
    t->lane.held = t->lane.documents = 0;
    t->lane.truncated = false;
    return rc;
}

weir_rc task_finish(weir_task *t, weir_rc rc)
{
    if (t->building) {
        task_drop(t);
        if (!rc)
            rc = weir_fail(t, WEIR_E_BUG, "a document was begun and not ended");
    }
    if (!rc && (t->arena.failed || t->names.failed))
        rc = task_nomem(t);
    if (!rc)
        rc = task_seal_rest(t);
    arena_reset(&t->arena);
    if (rc && t->err.rc == WEIR_OK)
        err_fail(&t->err, rc, "the connector gave no reason");
    return rc;
}

weir_rc task_attach(weir_task *t)
{
    session *s = t->s;
    if (!s->to->ops->attach)
        return weir_fail(t, WEIR_E_BUG, "documents are not expected here");
    if (s->derivation && !s->publishing)
        return weir_fail(t, WEIR_E_BUG, "a derivation publishes in read() and flush() only");
    pthread_mutex_lock(&s->lock);
    if (!s->used)
        s->used = arena_array(&s->arena, s->binding_count, sizeof *s->used);
    bool ok = s->used != NULL;
    pthread_mutex_unlock(&s->lock);
    if (!ok)
        return task_nomem(t);
    t->lane.outlets = calloc(s->binding_count ? s->binding_count : 1, sizeof *t->lane.outlets);
    if (!t->lane.outlets)
        return task_nomem(t);
    weir_rc rc = s->to->ops->attach(s->to, t, &t->lane);
    if (!rc) {
        attach(t);
        return WEIR_OK;
    }
    free(t->lane.outlets);
    t->lane.outlets = NULL;
    return rc;
}

/* Is the task in a state to emit for this binding? */
static inline weir_rc ready(weir_task *t, const weir_binding *b)
{
    if (__builtin_expect(t->arena.failed || t->names.failed, 0))
        return task_nomem(t);
    if (__builtin_expect(!t->attached, 0)) {
        weir_rc rc = task_attach(t);
        if (rc)
            return rc;
    }
    if (__builtin_expect(b && b->index >= t->s->binding_count, 0))
        return weir_fail(t, WEIR_E_BUG, "binding %u does not exist: there are %zu", b->index, t->s->binding_count);
    return WEIR_OK;
}

/* The first document of a binding on this lane. */
static void note_use(weir_task *t, outlet *o)
{
    o->used = true;
    pthread_mutex_lock(&t->s->lock);
    t->s->used[o - t->lane.outlets] = true;
    pthread_mutex_unlock(&t->s->lock);
}

weir_rc task_appended(weir_task *t, outlet *o, size_t start)
{
    buf *to = o->to;
    if (o->finish)
        o->finish(o, start);
    if (__builtin_expect(!buf_ok(to), 0)) {
        to->len = start;
        to->failed = false;
        return task_nomem(t);
    }
    if (__builtin_expect(o->max && to->len - start > o->max, 0)) {
        size_t size = to->len - start;
        to->len = start;
        return weir_fail(t, WEIR_E_REMOTE, "a document of %zu bytes: %zu are the limit", size, o->max);
    }
    size_t held = to->len - start;
    if (o->take) {
        weir_rc rc = o->take(o, t, start, &held);
        if (rc)
            return rc;
    }
    return task_counted(t, o, held);
}

weir_rc task_counted(weir_task *t, outlet *o, size_t held)
{
    if (__builtin_expect(!o->used, 0))
        note_use(t, o);
    t->lane.held += held;
    t->lane.documents++;
    atomic_store_explicit(&t->lane.emitted, atomic_load_explicit(&t->lane.emitted, memory_order_relaxed) + 1, memory_order_relaxed);
    if (__builtin_expect(t->lane.held < LANE_SPILL, 1))
        return WEIR_OK;
    if (session_stopping(t->s))
        return WEIR_STOPPED;
    weir_rc rc = t->s->to->ops->spill(t->s->to, t, &t->lane);
    t->lane.held = 0;
    return rc;
}

/* With /_meta/op, in t->scratch. */
static bool mark_meta(weir_task *t, weir_view patch, weir_view doc)
{
    weir_view meta = pointer_find(doc, VIEW("/_meta"));
    buf patched = {0};
    bool ok;
    if (meta.len && *meta.ptr == '{') {
        ok = patch_apply(&patched, meta, patch);
        buf_add(&t->scratch, doc.ptr, (size_t)(meta.ptr - doc.ptr));
        buf_addv(&t->scratch, buf_view(&patched));
        buf_addv(&t->scratch, view_from(doc, (size_t)(meta.ptr - doc.ptr) + meta.len));
    } else {
        buf_adds(&patched, "{\"_meta\":");
        buf_addv(&patched, patch);
        buf_addc(&patched, '}');
        ok = buf_ok(&patched) && patch_apply(&t->scratch, doc, buf_view(&patched));
    }
    buf_free(&patched);
    return ok;
}

weir_rc task_mark(weir_task *t, const weir_binding *b, const outlet *o, weir_op op, weir_view doc, weir_view *ret)
{
    if (op == WEIR_UPDATE && o->whole)
        return weir_fail(t, WEIR_E_CONFIG, "%.*s sends updates of single fields, and this platform knows only whole documents", VIEW_ARG(b->name));
    buf_clear(&t->scratch);
    bool made = o->mark ? o->mark(o, op, doc, &t->scratch)
                        : mark_meta(t, op == WEIR_DELETE ? VIEW("{\"op\":\"d\"}") : VIEW("{\"op\":\"u\"}"), doc);
    *ret = buf_view(&t->scratch);
    return made && buf_ok(&t->scratch) ? WEIR_OK : task_nomem(t);
}

static weir_rc append(weir_task *t, const weir_binding *b, weir_view head, weir_view doc, bool lines)
{
    outlet *o = &t->lane.outlets[b->index];
    buf *to = o->to;
    size_t start = to->len;
    if (doc.len > SIZE_MAX / 2 || !buf_reserve(to, o->prefix.len + o->head + head.len + doc.len + o->suffix.len + 16)) {
        to->failed = false;
        return task_nomem(t);
    }
    char *p = to->ptr + start;
    memcpy(p, o->prefix.ptr, o->prefix.len);
    p += o->prefix.len + o->head;
    if (head.len)
        p = (char *)memcpy(p, head.ptr, head.len) + head.len;
    if (lines) {
        to->len = (size_t)(p - to->ptr);
        json_compact(to, doc);
        buf_addv(to, o->suffix);
    } else {
        memcpy(p, doc.ptr, doc.len);
        p += doc.len;
        memcpy(p, o->suffix.ptr, o->suffix.len);
        to->len = (size_t)(p + o->suffix.len - to->ptr);
    }
    return task_appended(t, o, start);
}

weir_rc task_emit_scanned(weir_task *t, const weir_binding *b, weir_view doc, bool lines)
{
    weir_rc rc = ready(t, b);
    return rc ? rc : append(t, b, (weir_view){0}, doc, lines);
}

weir_rc task_emit_pieces(weir_task *t, const weir_binding *b, weir_view head, weir_view rest, bool lines)
{
    weir_rc rc = ready(t, b);
    return rc ? rc : append(t, b, head, rest, lines);
}

weir_rc weir_emit(weir_task *t, const weir_binding *b, weir_op op, weir_view doc)
{
    weir_rc rc = ready(t, b);
    if (rc)
        return rc;
    if (t->building)
        return weir_fail(t, WEIR_E_BUG, "weir_emit between weir_begin and weir_end");
    json_scan s = json_scan_of(doc);
    weir_view span;
    if (json_peek(&s) != '{')
        json_bad(&s, "expected an object");
    if (!json_skip(&s, &span) || !json_done(&s))
        return weir_fail(t, WEIR_E_BUG, "document for %.*s is not a JSON object: %s at byte %zu", VIEW_ARG(b->name), s.error,
                         (size_t)(s.at - s.begin));
    outlet *o = &t->lane.outlets[b->index];
    rc = WEIR_OK;
    if (op != WEIR_UPSERT)
        rc = task_mark(t, b, o, op, span, &span);
    o->op = op;
    rc = rc ? rc : append(t, b, (weir_view){0}, span, s.lines);
    o->op = WEIR_UPSERT;
    return rc;
}

/* ---- checkpoints ---- */

static void note_begun(session *s)
{
    pthread_mutex_lock(&s->lock);
    s->begun = true;
    pthread_mutex_unlock(&s->lock);
}

static weir_rc seal(weir_task *t, const checkpoint *c)
{
    const bool nothing = c->merge && view_is(c->state, "{}") && !t->lane.documents; /* what it seals was said of schemas */
    weir_rc rc = t->s->to->ops->seal(t->s->to, t, &t->lane, c);
    t->lane.held = t->lane.documents = 0;
    t->lane.truncated = false;
    if (!c->binding && !nothing)
        note_begun(t->s);
    arena_reset(&t->arena);
    return rc;
}

static weir_rc check_state(weir_task *t, const weir_binding *b, weir_view state)
{
    if (t->s->derivation)
        return weir_fail(t, WEIR_E_BUG, "a derivation has no checkpoints: what it is to remember it gives to weir_keep()");
    weir_rc rc = ready(t, b);
    if (rc)
        return rc;
    if (t->building)
        return weir_fail(t, WEIR_E_BUG, "a checkpoint between weir_begin and weir_end");
    json_scan s = json_scan_of(state);
    if (json_peek(&s) != '{')
        json_bad(&s, "expected an object");
    if (!json_skip(&s, NULL) || !json_done(&s))
        return weir_fail(t, WEIR_E_BUG, "state is not a JSON object: %s at byte %zu", s.error, (size_t)(s.at - s.begin));
    return WEIR_OK;
}

/* Turns a binding's state, or a patch of it, into a patch of the task's state in t->scratch, and remembers the result. */
static bool binding_patch(weir_task *t, const weir_binding *b, weir_view state, bool merge)
{
    buf *known = &t->s->states[b->index];
    buf patch = {0}, next = {0};
    pthread_mutex_lock(&t->s->lock);
    bool ok = merge ? (buf_addv(&patch, state), patch_apply(&next, buf_view(known), state))
                    : (buf_addv(&next, state), patch_diff(&patch, buf_view(known), state));
    ok = ok && buf_ok(&patch) && buf_ok(&next);
    if (ok) {
        buf swap = *known;
        *known = next;
        next = swap;
    }
    pthread_mutex_unlock(&t->s->lock);
    buf_clear(&t->scratch);
    if (ok)
        state_patch(&t->scratch, b->state_key, buf_view(&patch));
    buf_free(&patch);
    buf_free(&next);
    return ok && buf_ok(&t->scratch);
}

/* What the part of a binding becomes when the task's state is replaced, or patched, by this. */
static bool part_after(buf *part, weir_view key, weir_view state, bool merge)
{
    buf before = {0}, after = {0};
    bool ok = true;
    if (merge) {
        state_patch(&before, key, part->len ? buf_view(part) : VIEW("null"));
        ok = patch_apply(&after, buf_view(&before), state) && buf_ok(&before);
        state = buf_view(&after);
    }
    if (ok) {
        buf_clear(part);
        buf_addv(part, state_of_binding(state, key));
    }
    buf_free(&before);
    buf_free(&after);
    return ok && buf_ok(part);
}

/* The task's state has changed as a whole, and with it perhaps the parts that its bindings' next checkpoints are compared with. */
static bool note_parts(session *s, weir_view state, bool merge)
{
    bool ok = true;
    if (merge && !pointer_find(state, VIEW("/bindingStateV1")).len)
        return true;
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < s->binding_count && ok; i++)
        if (s->bindings[i].state_key.len)
            ok = part_after(&s->states[i], s->bindings[i].state_key, state, merge);
    pthread_mutex_unlock(&s->lock);
    return ok;
}

static weir_rc do_checkpoint(weir_task *t, const weir_binding *b, weir_view state, bool merge)
{
    weir_rc rc = check_state(t, b, state);
    if (rc)
        return rc;
    if (!b) {
        buf_clear(&t->scratch);
        json_compact(&t->scratch, state);
        if (!buf_ok(&t->scratch) || !note_parts(t->s, state, merge))
            return task_nomem(t);
        return task_checkpoint_raw(t, buf_view(&t->scratch), merge);
    }
    if (!binding_patch(t, b, state, merge))
        return task_nomem(t);
    return seal(t, &(checkpoint){.binding = b, .state = buf_view(&t->scratch), .merge = true, .given = state});
}

weir_rc weir_checkpoint(weir_task *t, const weir_binding *b, weir_view state)
{
    return do_checkpoint(t, b, state, false);
}

weir_rc weir_checkpoint_patch(weir_task *t, const weir_binding *b, weir_view patch)
{
    return do_checkpoint(t, b, patch, true);
}

weir_rc task_checkpoint_raw(weir_task *t, weir_view state, bool merge)
{
    weir_rc rc = ready(t, NULL);
    if (rc)
        return rc;
    return seal(t, &(checkpoint){.state = state, .merge = merge, .given = state});
}

/* ---- schemas and truncations ---- */

weir_rc weir_sourced_schema(weir_task *t, const weir_binding *b, weir_view schema)
{
    weir_rc rc = ready(t, b);
    const char *error;
    size_t at;
    if (rc)
        return rc;
    if (!json_check(schema, &error, &at))
        return weir_fail(t, WEIR_E_BUG, "schema for %.*s is not JSON: %s at byte %zu", VIEW_ARG(b->name), error, at);
    listener *l = t->s->to;
    return l->ops->schema ? l->ops->schema(l, t, &t->lane, b, schema) : WEIR_OK;
}

/* Does a task's state hold anything beside those of its bindings? */
static bool has_own(weir_view state)
{
    json_scan s = json_scan_of(state);
    json_key key;
    bool own = false;
    if (!state.len || !json_enter(&s, '{'))
        return false;
    while (!own && json_member(&s, &key) && json_skip(&s, NULL))
        own = !json_key_is(key, VIEW("bindingStateV1"));
    return own;
}

/* Has nothing of it come yet, as far as states tell: can nothing be out of date? */
static bool is_fresh(weir_task *t, const weir_binding *b)
{
    session *s = t->s;
    pthread_mutex_lock(&s->lock);
    bool fresh = !s->begun && !s->states[b->index].len && !s->used[b->index];
    pthread_mutex_unlock(&s->lock);
    return fresh && !has_own(s->initial_state);
}

weir_rc task_truncate_refused(weir_task *t, const weir_binding *b)
{
    if (is_fresh(t, b))
        return WEIR_OK;
    return weir_fail(t, WEIR_E_CONFIG, "%.*s says that all its rows are out of date, and this platform has no word for it", VIEW_ARG(b->name));
}

weir_rc weir_truncate(weir_task *t, const weir_binding *b)
{
    listener *l = t->s->to;
    weir_rc rc = ready(t, b);
    if (rc)
        return rc;
    if (t->building)
        return weir_fail(t, WEIR_E_BUG, "weir_truncate between weir_begin and weir_end");
    return l->ops->truncate ? l->ops->truncate(l, t, &t->lane, b) : task_truncate_refused(t, b);
}

/* ---- errors, logs, small helpers ---- */

weir_rc weir_fail(weir_task *t, weir_rc rc, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    err_vfail(&t->err, rc, fmt, args);
    va_end(args);
    return rc;
}

weir_rc weir_wrap(weir_task *t, weir_rc rc, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    err_vwrap(&t->err, rc, fmt, args);
    va_end(args);
    return rc;
}

void weir_log(weir_task *t, weir_level level, const char *fmt, ...)
{
    if (!log_enabled(t->s->log, level))
        return;
    buf text = {0};
    va_list args;
    va_start(args, fmt);
    buf_vprintf(&text, fmt, args);
    va_end(args);
    log_record(t->s->log, level, t->s->name, buf_view(&text), NULL, 0);
    buf_free(&text);
}

void weir_mask(weir_task *t, const char *secret) { log_mask(t->s->log, view_of(secret)); }
weir_view weir_state(const weir_task *t) { return t->s->initial_state; }
weir_view weir_task_name(const weir_task *t) { return t->s->name; }
bool weir_stopping(const weir_task *t) { return session_stopping(t->s); }
int weir_stop_fd(const weir_task *t) { return t->s->stop_fd; }
const char *weir_version(void) { return WEIR_VERSION; }

weir_view weir_format(weir_task *t, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    weir_view v = arena_vprintf(&t->arena, fmt, args);
    va_end(args);
    return v;
}

void *weir_alloc(weir_task *t, size_t bytes) { return arena_alloc(&t->arena, bytes); }

const char *weir_quote(weir_task *t, const char *text)
{
    buf quoted = {0};
    json_quote_lossy(&quoted, view_of(text));
    char *copy = buf_ok(&quoted) ? arena_text(&t->arena, buf_view(&quoted)) : NULL;
    if (!copy)
        t->arena.failed = true;
    buf_free(&quoted);
    return copy ? copy : "\"\"";
}

weir_view weir_json_at(weir_view json, const char *pointer)
{
    return pointer_find(json, view_of(pointer));
}

weir_view weir_json_overlay(weir_task *t, weir_view document, weir_view part)
{
    buf out = {0};
    weir_view all = {0};
    if (patch_overlay(&out, document, part))
        all = arena_dup(&t->arena, buf_view(&out));
    else if (!buf_ok(&out))
        t->arena.failed = true;
    buf_free(&out);
    return all;
}

int64_t weir_json_int(weir_view json, const char *pointer, int64_t fallback)
{
    weir_view v = weir_json_at(json, pointer);
    int64_t n;
    return v.len && number_to_i64(v, &n) ? n : fallback;
}

int weir_cursor_compare(weir_view a, weir_view b, unsigned types)
{
    const bool texts_only = (types & WEIR_IS_STRING) && !(types & (WEIR_IS_INTEGER | WEIR_IS_NUMBER));
    return order_compare(a, b, !texts_only);
}

const char *weir_json_text(weir_task *t, weir_view json, const char *pointer, const char *fallback)
{
    weir_view v = weir_json_at(json, pointer);
    if (!v.len || *v.ptr != '"')
        return fallback;
    weir_view text = json_decode(&t->arena, v);
    return text.ptr ? text.ptr : fallback;
}
