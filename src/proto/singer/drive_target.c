/* Being the platform for a Singer target: an executable becomes a destination that relays (singer.md 1, 11).
 *
 * A transaction is a process: it is started with the first row, gets SCHEMA and RECORD messages, and at the commit a final STATE that we make. It must then
 * exit with status 0, and the last state that it has printed must be that one: nothing else tells that the rows are stored (section 6: status 0 does not).
 * Whoever dies in between has confirmed nothing: the rows come again.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "json/patch.h"
#include "json/pointer.h"
#include "json/prune.h"
#include "json/write.h"
#include "proto/singer/driven.h"
#include "proto/singer/schema.h"
#include "proto/unwrap.h"

enum { BLOCK = 256 << 10 };

/* A binding as the target sees it. */
typedef struct stream {
    buf schema;      /* of the binding that all this was made from */
    buf key, cursor;
    buf message;     /* its SCHEMA, a line */
    buf prefix;      /* of its RECORD lines, up to the document */
    bool without_meta; /* documents lose /_meta */
    bool deletions;  /* declared */
    bool told;       /* to the present process */
} stream;

typedef struct target {
    singer_driven_run *r;
    arena arena;
    stream *streams;
    size_t stream_count;
    prune *meta;
    /* The transaction that is open; NULL: none. */
    child *c;
    papers papers;
    bool ended;      /* its output */
    buf out;
    buf state;       /* the last that it has printed */
    uint64_t transactions;
    bool warned_deletion;
} target;

/* ---- streams ---- */

static weir_view name_of(const weir_binding *b) { return weir_json_at(b->resource_json, "/stream"); }

/* Do all parts of a key lie in _meta, as those that captures make up for streams without one? Their documents never change: rows are appended. */
static bool is_made_up(const weir_view *pointers, size_t count)
{
    bool all = true;
    for (size_t i = 0; i < count; i++)
        all &= view_starts(pointers[i], VIEW("/_meta/"));
    return all;
}

/* key_properties: names of top-level fields (section 7: nothing else can be said). */
static weir_rc put_keys(arena *a, weir_view key, bool none, json_out *w, err *e)
{
    weir_view *pointers, *tokens;
    size_t count, depth;
    if (!pointer_list(a, key.len ? key : VIEW("[]"), &pointers, &count))
        return a->failed ? err_nomem(e) : err_fail(e, WEIR_E_CONFIG, "the key is no list of pointers: %.*s", VIEW_ARG(key));
    none |= is_made_up(pointers, count);
    out_open(out_name(w, "key_properties"), '[');
    for (size_t i = 0; i < count && !none; i++) {
        if (!pointer_split(a, pointers[i], &tokens, &depth))
            return a->failed ? err_nomem(e) : err_fail(e, WEIR_E_CONFIG, "'%.*s' is no JSON pointer", VIEW_ARG(pointers[i]));
        if (depth != 1)
            return err_fail(e, WEIR_E_CONFIG, "key '%.*s' is not a field of the document itself: a Singer target takes no other keys", VIEW_ARG(pointers[i]));
        out_text(w, tokens[0]);
    }
    out_close(w, ']');
    return WEIR_OK;
}

/* Are there no members of _meta but those that Flow puts there (flow.md 6.2, 10)? */
static bool only_flows(weir_view schema)
{
    json_scan s = json_scan_of(weir_json_at(schema, "/properties/_meta/properties"));
    json_key key;
    bool only = true;
    if (!json_enter(&s, '{'))
        return true;
    while (only && json_member(&s, &key) && json_skip(&s, NULL))
        only = json_key_is(key, VIEW("row_id")) || json_key_is(key, VIEW("op")) || json_key_is(key, VIEW("uuid"));
    return only;
}

/* The schema without _meta, if documents lose it. */
static weir_rc plain_schema(bool without_meta, const unwrap *u, buf *out, err *e)
{
    weir_view meta = weir_json_at(u->schema, "/properties/_meta");
    if (!without_meta || !meta.len)
        buf_addv(out, u->schema);
    else if (!patch_apply(out, u->schema, VIEW("{\"properties\":{\"_meta\":null}}")))
        return err_nomem(e);
    return buf_ok(out) ? WEIR_OK : err_nomem(e);
}

/* bookmark_properties: the cursor, if it is a top-level field (section 2). No more than a hint: targets keep the row that came last. */
static weir_rc put_bookmark(arena *a, weir_view cursor, json_out *w, err *e)
{
    weir_view *tokens;
    size_t depth;
    if (!cursor.len)
        return WEIR_OK;
    if (!pointer_split(a, cursor, &tokens, &depth))
        return a->failed ? err_nomem(e) : err_fail(e, WEIR_E_CONFIG, "the cursor '%.*s' is no JSON pointer", VIEW_ARG(cursor));
    if (depth != 1)
        return WEIR_OK;
    out_open(out_name(w, "bookmark_properties"), '[');
    out_text(w, tokens[0]);
    out_close(w, ']');
    return WEIR_OK;
}

static weir_rc make_schema(arena *a, stream *s, const weir_binding *b, const unwrap *u, err *e)
{
    buf plain = {0}, schema = {0};
    json_out w = json_out_to(&s->message);
    weir_rc rc = plain_schema(s->without_meta, u, &plain, e);
    if (!rc)
        rc = singer_schema(buf_view(&plain), s->deletions, &schema, e);
    buf_clear(&s->message);
    out_open(&w, '{');
    out_text(out_name(&w, "type"), VIEW("SCHEMA"));
    out_raw(out_name(&w, "stream"), name_of(b));
    out_raw(out_name(&w, "schema"), buf_view(&schema));
    if (!rc)
        rc = put_keys(a, u->key, b->pushed && b->delta_updates, &w, e);
    if (!rc)
        rc = put_bookmark(a, b->cursor, &w, e);
    out_close(&w, '}');
    buf_addc(&s->message, '\n');
    buf_free(&plain);
    buf_free(&schema);
    return rc || buf_ok(&s->message) ? rc : err_nomem(e);
}

/* Everything that follows from a binding. */
static weir_rc make_stream(stream *s, const weir_binding *b, bool deletions, err *e)
{
    arena a = {0};
    unwrap u;
    weir_rc rc = name_of(b).len > 2 ? WEIR_OK : err_fail(e, WEIR_E_CONFIG, "the resource config has no stream");
    if (!rc)
        rc = unwrap_stream(&u, &a, &(weir_stream){.name = b->name, .schema = b->schema.len ? b->schema : VIEW("{}"), .key = b->key}, e);
    if (!rc) {
        s->without_meta = only_flows(b->schema);
        s->deletions = deletions || u.deletes;
        s->told = false;
        buf_clear(&s->schema);
        buf_clear(&s->key);
        buf_clear(&s->cursor);
        buf_clear(&s->prefix);
        buf_addv(&s->schema, b->schema);
        buf_addv(&s->key, b->key);
        buf_addv(&s->cursor, b->cursor);
        buf_printf(&s->prefix, "{\"type\":\"RECORD\",\"stream\":%.*s,\"record\":", VIEW_ARG(name_of(b)));
        rc = make_schema(&a, s, b, &u, e);
    }
    if (!rc && (!buf_ok(&s->schema) || !buf_ok(&s->key) || !buf_ok(&s->cursor) || !buf_ok(&s->prefix)))
        rc = err_nomem(e);
    arena_free(&a);
    return rc;
}

static void free_stream(stream *s)
{
    buf_free(&s->schema);
    buf_free(&s->key);
    buf_free(&s->cursor);
    buf_free(&s->message);
    buf_free(&s->prefix);
}

/* The stream of a binding, which may be new or have changed. */
static weir_rc stream_of(target *g, const weir_binding *b, stream **ret, err *e)
{
    if (b->index >= g->stream_count) {
        size_t count = b->index + 1;
        stream *grown = realloc(g->streams, count * sizeof *grown);
        if (!grown)
            return err_nomem(e);
        memset(grown + g->stream_count, 0, (count - g->stream_count) * sizeof *grown);
        g->streams = grown;
        g->stream_count = count;
    }
    stream *s = *ret = &g->streams[b->index];
    if (s->message.len && view_eq(buf_view(&s->schema), b->schema) && view_eq(buf_view(&s->key), b->key) &&
        view_eq(buf_view(&s->cursor), b->cursor))
        return WEIR_OK;
    weir_rc rc = make_stream(s, b, s->deletions, e);
    return err_wrap(e, rc, "binding %.*s", VIEW_ARG(b->name));
}

static weir_rc targeted_validate(weir_task *t, void *self, const weir_binding *b, size_t n)
{
    (void)self;
    for (size_t i = 0; i < n; i++) {
        stream s = {0};
        err e = {0};
        if (make_stream(&s, &b[i], false, &e))
            weir_problem(t, &b[i], "%s", err_text(&e));
        else if (weir_json_at(b[i].schema, "/properties").len < 3)
            weir_log(t, WEIR_WARN, "binding %.*s: its schema lists no properties, and a target may leave out what is not listed", VIEW_ARG(b[i].name));
        for (size_t k = 0; k < i; k++)
            if (json_equal(name_of(&b[k]), name_of(&b[i])))
                weir_problem(t, &b[i], "stream %.*s is another binding's, too", VIEW_ARG(name_of(&b[i])));
        free_stream(&s);
        err_free(&e);
        weir_rc rc = weir_delta_updates(t, &b[i]); /* it cannot be asked what it holds */
        if (rc)
            return rc;
    }
    return WEIR_OK;
}

/* Targets make and widen their tables when SCHEMA messages come. */
static weir_rc targeted_apply(weir_task *t, void *self, const weir_binding *b, size_t n)
{
    (void)t;
    (void)self;
    (void)b;
    (void)n;
    return WEIR_OK;
}

/* ---- a transaction's process ---- */

/* Takes the states that it prints: every line that is a JSON object replaces the one before (section 5.4).
 * @param until clock_ms() until which to wait for more; 0: until its output ends */
static weir_rc hear(target *g, int64_t until, err *e)
{
    for (;;) {
        weir_view line;
        bool more;
        weir_rc rc = child_line_until(g->c, until, &line, &more, e);
        if (rc || (more && !line.ptr))
            return rc;
        if (!more) {
            g->ended = true;
            return WEIR_OK;
        }
        json_scan s = json_scan_of(line);
        if (json_peek(&s) != '{' || !json_check(line, NULL, NULL)) {
            log_record(g->r->d->o.log, WEIR_DEBUG, g->r->d->o.task_name, line, NULL, 0);
            continue;
        }
        if (json_equal(line, VIEW("{}")))
            continue; /* no state (section 5.4) */
        buf_clear(&g->state);
        buf_addv(&g->state, line);
    }
}

static weir_rc begin(target *g, weir_task *t)
{
    err *e = task_error(t);
    const char *config;
    weir_rc rc = singer_driven_config(g->r, &g->papers, &config, e);
    if (!rc)
        rc = singer_driven_start(&g->c, g->r->d, (const char *const[]){"--config", config, NULL}, g->r->d->o.log, weir_stop_fd(t), e);
    return rc;
}

/* Writes, and hears what it says meanwhile: it may not read on before that is taken. */
static weir_rc send_bytes(target *g, weir_view bytes, err *e)
{
    for (;;) {
        bool readable, gone;
        weir_rc rc = child_write_some(g->c, &bytes, e);
        if (rc || !bytes.len)
            return rc;
        if (g->ended)
            return child_write(g->c, bytes, -1, e);
        child_await_room(g->c, &readable, &gone);
        if (child_stopped(g->c))
            return err_fail(e, WEIR_STOPPED, "stopped");
        rc = readable ? hear(g, clock_ms(), e) : gone ? err_fail(e, WEIR_E_PROTOCOL, "the target has ended before its input") : WEIR_OK;
        if (rc)
            return rc;
    }
}

static weir_rc send_rest(target *g, err *e)
{
    weir_rc rc = buf_ok(&g->out) ? send_bytes(g, buf_view(&g->out), e) : err_nomem(e);
    buf_clear(&g->out);
    return rc;
}

/* Forgets the process and all that belongs to it; one that still runs is ended. */
static void end(target *g)
{
    child_free(g->c);
    g->c = NULL;
    g->ended = false;
    papers_free(&g->papers);
    buf_clear(&g->out);
    buf_clear(&g->state);
    for (size_t i = 0; i < g->stream_count; i++)
        g->streams[i].told = false;
}

/* ---- records ---- */

static void put_time(buf *out, const char *before, const char *after)
{
    char text[CLOCK_TEXT];
    int64_t seconds;
    uint32_t nanos;
    clock_now(&seconds, &nanos);
    size_t len = clock_rfc3339(seconds, nanos / 1000 * 1000, text);
    buf_adds(out, before);
    buf_add(out, text, len);
    buf_adds(out, after);
}

/* Puts _sdc_deleted_at behind the document's last member, unless it has one that says so. */
static void mark_deleted(buf *out, size_t from)
{
    weir_view doc = view_from(buf_view(out), from), at = weir_json_at(doc, "/_sdc_deleted_at");
    if (at.len && !view_is(at, "null"))
        return;
    buf patched = {0}, patch = {0};
    put_time(&patch, "{\"_sdc_deleted_at\":\"", "\"}");
    if (!buf_ok(&patch) || !patch_apply(&patched, doc, buf_view(&patch)))
        out->failed = true;
    out->len = from;
    buf_addv(out, buf_view(&patched));
    buf_free(&patched);
    buf_free(&patch);
}

static void put_record(const target *g, const stream *s, const weir_row *row, weir_view suffix, buf *out)
{
    buf_addv(out, buf_view(&s->prefix));
    size_t from = out->len;
    if (memchr(row->doc.ptr, '\n', row->doc.len) || memchr(row->doc.ptr, '\r', row->doc.len))
        json_compact(out, row->doc);
    else
        buf_addv(out, row->doc);
    if (s->without_meta && buf_ok(out))
        out->len = from + prune_in_place(g->meta, out->ptr + from, out->len - from);
    if (row->op == WEIR_DELETE && buf_ok(out))
        mark_deleted(out, from);
    buf_addv(out, suffix);
}

/* Deletions come where the schema did not say so: then it does from here on. */
static weir_rc expect_deletion(target *g, weir_task *t, stream *s, const weir_binding *b)
{
    if (!g->warned_deletion)
        weir_log(t, WEIR_INFO, "deletions are told as _sdc_deleted_at: targets made with the SDK see them only with add_record_metadata");
    g->warned_deletion = true;
    return s->deletions ? WEIR_OK : make_stream(s, b, true, task_error(t));
}

static weir_rc put_rows(target *g, weir_task *t, stream *s, const weir_row *rows, size_t count)
{
    err *e = task_error(t);
    buf suffix = {0};
    weir_rc rc = WEIR_OK;
    put_time(&suffix, ",\"time_extracted\":\"", "\"}\n");
    for (size_t i = 0; i < count && !rc; i++) {
        if (rows[i].op == WEIR_DELETE)
            rc = expect_deletion(g, t, s, rows[i].binding);
        if (!rc && !s->told)
            buf_addv(&g->out, buf_view(&s->message));
        s->told |= !rc;
        if (!rc)
            put_record(g, s, &rows[i], buf_view(&suffix), &g->out);
        if (!rc && g->out.len >= BLOCK)
            rc = send_rest(g, e);
    }
    if (!buf_ok(&suffix))
        rc = rc ? rc : err_nomem(e);
    buf_free(&suffix);
    return rc;
}

static target *target_of(singer_driven_run *r)
{
    if (r->target)
        return r->target;
    target *g = calloc(1, sizeof *g);
    err none = {0};
    if (!g)
        return NULL;
    g->r = r;
    if (prune_make(&g->arena, &(weir_view)WEIR_LIT("/_meta"), 1, &g->meta, &none)) {
        arena_free(&g->arena);
        free(g);
        g = NULL;
    }
    err_free(&none);
    return r->target = g;
}

void singer_targeted_free(void *target_)
{
    target *g = target_;
    if (!g)
        return;
    end(g);
    for (size_t i = 0; i < g->stream_count; i++)
        free_stream(&g->streams[i]);
    free(g->streams);
    buf_free(&g->out);
    buf_free(&g->state);
    arena_free(&g->arena);
    free(g);
}

static weir_rc targeted_store(weir_task *t, void *self, const weir_row *rows, size_t count)
{
    target *g = target_of(self);
    err *e = task_error(t);
    stream *s = NULL;
    if (!g)
        return err_nomem(e);
    weir_rc rc = count ? stream_of(g, rows[0].binding, &s, e) : WEIR_OK;
    if (!rc && count && !g->c)
        rc = begin(g, t);
    if (!rc && count)
        rc = put_rows(g, t, s, rows, count);
    if (rc && g->c) {
        rc = child_explain(g->c, rc, e); /* if it has broken off, what it says about it is the reason */
        end(g);
    }
    return rc;
}

/* ---- commit ---- */

/* A state of the usual layout, since some targets look into it: a bookmark for every stream of the transaction (section 3). */
static void make_state(target *g, weir_task *t, buf *out)
{
    json_out w = json_out_to(out);
    const weir_binding *b;
    size_t count;
    b = session_bindings(task_session(t), &count);
    out_open(&w, '{');
    out_open(out_name(&w, "bookmarks"), '{');
    for (size_t i = 0; i < count && i < g->stream_count; i++) {
        if (!g->streams[i].told)
            continue;
        buf name = {0};
        weir_view quoted = name_of(&b[i]);
        json_unquote(&name, (weir_view){quoted.ptr + 1, quoted.len - 2});
        out_open(out_namev(&w, buf_view(&name)), '{');
        out_int(out_name(&w, "weir_transaction"), (int64_t)g->transactions);
        out_close(&w, '}');
        out->failed |= !buf_ok(&name);
        buf_free(&name);
    }
    out_close(&w, '}');
    out_close(&w, '}');
}

/* Some have printed whole STATE messages (section 9). */
static bool confirms(weir_view printed, weir_view state)
{
    return json_equal(printed, state) || (view_is(weir_json_at(printed, "/type"), "\"STATE\"") && json_equal(weir_json_at(printed, "/value"), state));
}

static weir_rc judge(target *g, weir_task *t, weir_view state)
{
    enum { SHOWN = 200 };
    err *e = task_error(t);
    weir_rc rc = child_finish(g->c, NULL, e);
    if (rc)
        return rc;
    if (child_stopped(g->c))
        return err_fail(e, WEIR_STOPPED, "stopped");
    if (!buf_ok(&g->state))
        return err_nomem(e);
    if (!g->state.len)
        return err_fail(e, WEIR_E_REMOTE, "the target has exited with status 0, but has printed no state: nothing tells that it has stored anything");
    if (!confirms(buf_view(&g->state), state))
        return err_fail(e, WEIR_E_REMOTE, "the target has not confirmed the last state %.*s, but %.*s", VIEW_ARG(state),
                        g->state.len > SHOWN ? SHOWN : (int)g->state.len, g->state.ptr);
    return WEIR_OK;
}

static weir_rc targeted_commit(weir_task *t, void *self, weir_view position)
{
    (void)position;
    target *g = target_of(self);
    err *e = task_error(t);
    if (!g)
        return err_nomem(e);
    if (!g->c)
        return WEIR_OK; /* no rows */
    buf state = {0};
    g->transactions++;
    make_state(g, t, &state);
    buf_printf(&g->out, "{\"type\":\"STATE\",\"value\":%.*s}\n", VIEW_ARG(buf_view(&state)));
    weir_rc rc = buf_ok(&state) ? send_rest(g, e) : err_nomem(e);
    if (!rc) {
        child_close_input(g->c);
        rc = g->ended ? WEIR_OK : hear(g, 0, e);
    }
    rc = rc ? child_explain(g->c, rc, e) : judge(g, t, buf_view(&state));
    weir_rc changed = singer_driven_config_changed(t, self, &g->papers);
    end(g);
    buf_free(&state);
    return rc ? rc : changed;
}

const weir_materialize singer_targeted_materialize = {
    .validate = targeted_validate,
    .apply = targeted_apply,
    .store = targeted_store,
    .commit = targeted_commit,
    .relay = true,
};
