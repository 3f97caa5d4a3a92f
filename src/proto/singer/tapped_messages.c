/* What comes from a tap (singer.md 1): records become documents, states checkpoints. */
#include <stdlib.h>

#include "json/patch.h"
#include "json/text.h"
#include "proto/singer/batch.h"
#include "proto/singer/tapped.h"
#include "proto/singer/tapped_schema.h"

/* ---- streams ---- */

static tapped_messages *add_stream(tapped_pull *p, weir_view name)
{
    tapped_messages *s = arena_alloc(&p->plan.a, sizeof *s);
    weir_view kept = arena_dup(&p->plan.a, name);
    if (!s || !kept.ptr)
        return NULL;
    s->name = kept;
    return map_put(&p->by_name, kept, s) ? s : NULL;
}

static tapped_messages *find_stream(tapped_pull *p, singer_text name)
{
    if (p->last && !name.escaped && view_eq(p->last->name, name.raw))
        return p->last;
    buf text = {0};
    if (name.escaped)
        json_unquote(&text, name.raw);
    weir_view decoded = name.escaped ? buf_view(&text) : name.raw;
    tapped_messages *s = buf_ok(&text) ? map_get(&p->by_name, decoded) : NULL;
    if (!s && buf_ok(&text))
        s = add_stream(p, decoded);
    if (s)
        p->last = s;
    buf_free(&text);
    return s;
}

static bool declares_deletion(weir_view schema)
{
    return weir_json_at(schema, "/properties/_sdc_deleted_at").len > 0;
}

weir_rc singer_tapped_index(tapped_pull *p)
{
    err *e = task_error(p->t);
    tapped_plan *plan = &p->plan;
    p->streams = arena_array(&plan->a, plan->n, sizeof *p->streams);
    if (!p->streams)
        return err_nomem(e);
    for (size_t i = 0; i < plan->n; i++) {
        const tree *entry = plan->choices[i].entry, *schema = tree_get(entry, "schema");
        p->streams[i] = (tapped_messages){.name = singer_tapped_name(entry), .b = &plan->b[i], .part = &p->state.parts[i], .known = true};
        p->streams[i].deletes = schema && declares_deletion(schema->raw);
        if (!map_put(&p->by_name, p->streams[i].name, &p->streams[i]))
            return err_nomem(e);
    }
    for (size_t i = 0; i < plan->n; i++) { /* some call their streams by the id */
        weir_view id = singer_tapped_id(plan->choices[i].entry);
        if (!map_get(&p->by_name, id) && !map_put(&p->by_name, id, &p->streams[i]))
            return err_nomem(e);
    }
    const tree *streams = tree_get(plan->catalog, "streams");
    for (const tree *entry = streams ? streams->first : NULL; entry; entry = entry->next) {
        tapped_messages *s = map_get(&p->by_name, singer_tapped_name(entry));
        if (!s && !(s = add_stream(p, singer_tapped_name(entry))))
            return err_nomem(e);
        s->known = true;
    }
    return WEIR_OK;
}

/* ---- messages ---- */

weir_rc singer_tapped_seal(tapped_pull *p)
{
    buf_clear(&p->folded);
    weir_view value = p->base.len ? buf_view(&p->base) : p->to_tap.len ? buf_view(&p->to_tap) : VIEW("{}");
    weir_rc rc = singer_tapped_state_fold(&p->state, value, &p->folded, task_error(p->t));
    if (!rc)
        rc = task_checkpoint_raw(p->t, buf_view(&p->folded), false);
    p->unsealed = 0;
    return rc;
}

static weir_rc on_state(tapped_pull *p, const singer_message *m)
{
    if (!p->unsealed && view_eq(m->value, buf_view(&p->base)))
        return WEIR_OK; /* nothing has changed */
    buf_clear(&p->base);
    buf_addv(&p->base, m->value);
    return buf_ok(&p->base) ? singer_tapped_seal(p) : err_nomem(task_error(p->t));
}

/* Deletions come with a time (singer.md 1, LOG_BASED). */
static bool is_deleted(weir_view doc)
{
    weir_view at = weir_json_at(doc, "/_sdc_deleted_at");
    return at.len && !view_is(at, "null");
}

static void warn_once(tapped_pull *p, tapped_messages *s)
{
    if (s->warned)
        return;
    s->warned = true;
    if (s->b)
        weir_log(p->t, WEIR_WARN, "stream '%.*s': records come before their schema", VIEW_ARG(s->name));
    else if (s->known)
        weir_log(p->t, WEIR_DEBUG, "stream '%.*s' is not bound: its records are left out", VIEW_ARG(s->name));
    else
        weir_log(p->t, WEIR_WARN, "stream '%.*s' is not in the catalog, so no binding is meant: its records are left out", VIEW_ARG(s->name));
}

static weir_rc emit(tapped_pull *p, tapped_messages *s, weir_view doc, bool lines)
{
    if (__builtin_expect(!s->b || !s->has_schema, 0)) {
        warn_once(p, s);
        s->left_out += !s->b;
        if (!s->b)
            return WEIR_OK;
    }
    p->unsealed++;
    if (!p->plan.r->d->o.flow_documents)
        return task_emit_scanned(p->t, s->b, doc, lines);
    weir_view rest;
    weir_rc rc = flowdoc_split(&p->head, doc, lines, s->part->next_row, s->deletes && is_deleted(doc), &rest, task_error(p->t));
    if (rc)
        return weir_wrap(p->t, rc, "stream '%.*s'", VIEW_ARG(s->name));
    s->part->next_row++;
    return task_emit_pieces(p->t, s->b, buf_view(&p->head), rest, lines);
}

/* A schema that has changed is passed on if it can be said of the documents that they have no other members; flow-sdk passes on none. */
static weir_rc pass_schema_on(tapped_pull *p, const tapped_messages *s)
{
    buf plain = {0}, closed = {0}, whole = {0};
    weir_rc rc = singer_tapped_schema(&plain, buf_view(&s->schema), task_error(p->t));
    bool can = !rc && singer_tapped_schema_closed(&closed, buf_view(&plain));
    if (can && p->plan.r->d->o.flow_documents)
        can = patch_apply(&whole, buf_view(&closed), VIEW("{\"properties\":{\"_meta\":{\"type\":\"object\",\"properties\":{\"row_id\":" TAPPED_ROW_ID
                                                          ",\"op\":{\"type\":\"string\"}},\"required\":[\"row_id\"],\"additionalProperties\":false}}}"));
    weir_log(p->t, WEIR_INFO, "stream '%.*s' has another schema now%s", VIEW_ARG(s->name), can ? "" : ", which is not closed: it is not passed on");
    if (can) {
        rc = weir_sourced_schema(p->t, s->b, buf_view(whole.len ? &whole : &closed));
        p->unsealed++;
    }
    buf_free(&plain);
    buf_free(&closed);
    buf_free(&whole);
    return rc;
}

static weir_rc on_schema(tapped_pull *p, tapped_messages *s, const singer_message *m)
{
    p->any_schema = true;
    bool first = !s->has_schema;
    s->has_schema = true;
    if (!first && view_eq(buf_view(&s->schema), m->schema))
        return WEIR_OK;
    buf_clear(&s->schema);
    buf_addv(&s->schema, m->schema);
    s->deletes |= declares_deletion(m->schema);
    if (!buf_ok(&s->schema))
        return err_nomem(task_error(p->t));
    return first || !s->b ? WEIR_OK : pass_schema_on(p, s);
}

/* Rows of older versions are obsolete (singer.md 1). Flow has no way to say that of rows that are not sent again, so it is only told. */
static weir_rc on_version(tapped_pull *p, tapped_messages *s, const singer_message *m)
{
    if (!s->b || view_eq(m->version, buf_view(&s->version)))
        return WEIR_OK;
    buf_clear(&s->version);
    buf_addv(&s->version, m->version);
    weir_log(p->t, WEIR_INFO, "stream '%.*s': version %.*s is active now; rows that the source no longer has are not removed", VIEW_ARG(s->name),
             VIEW_ARG(m->version));
    return WEIR_OK;
}

typedef struct batch_of {
    tapped_pull *p;
    tapped_messages *s;
    uint64_t records;
} batch_of;

static weir_rc on_batch_line(void *arg, weir_view line, err *e)
{
    batch_of *b = arg;
    json_scan s = json_scan_of(line);
    weir_view doc;
    b->records++;
    if (json_peek(&s) != '{')
        json_bad(&s, "expected a record, which is an object,");
    if (!json_skip(&s, &doc) || !json_done(&s))
        return err_fail(e, WEIR_E_PROTOCOL, "record %llu: %s at byte %zu", (unsigned long long)b->records, s.error, (size_t)(s.at - s.begin));
    return emit(b->p, b->s, doc, s.lines);
}

/* The files stay: who removes them is undefined, and only the tap knows that it made them (singer.md 1, BATCH). */
static weir_rc on_batch(tapped_pull *p, tapped_messages *s, const singer_message *m)
{
    err *e = task_error(p->t);
    json_scan scan = json_scan_of(m->manifest);
    weir_view raw;
    bool escaped;
    weir_rc rc = WEIR_OK;
    json_enter(&scan, '[');
    while (!rc && json_item(&scan) && json_string(&scan, &raw, &escaped)) {
        buf url = {0};
        batch_of b = {.p = p, .s = s};
        json_unquote(&url, raw);
        rc = buf_ok(&url) ? batch_read(buf_view(&url), m->encoding, on_batch_line, &b, e) : err_nomem(e);
        err_wrap(e, rc, "stream '%.*s': batch '%s'", VIEW_ARG(s->name), buf_text(&url));
        buf_free(&url);
    }
    return rc;
}

static weir_rc on_unknown(tapped_pull *p, const singer_message *m)
{
    if (map_get(&p->types, m->type_name.raw))
        return WEIR_OK;
    weir_view kept = arena_dup(&p->plan.a, m->type_name.raw);
    if (!kept.ptr || !map_put(&p->types, kept, p))
        return err_nomem(task_error(p->t));
    weir_log(p->t, WEIR_WARN, "messages of type '%.*s' are not known: they are left out", VIEW_ARG(kept));
    return WEIR_OK;
}

static weir_rc on_message(tapped_pull *p, const singer_message *m)
{
    if (m->type == SINGER_STATE)
        return on_state(p, m);
    if (m->type == SINGER_UNKNOWN)
        return on_unknown(p, m);
    tapped_messages *s = find_stream(p, m->stream);
    if (!s)
        return err_nomem(task_error(p->t));
    switch (m->type) {
    case SINGER_RECORD:
        return emit(p, s, m->record, m->lines);
    case SINGER_SCHEMA:
        return on_schema(p, s, m);
    case SINGER_ACTIVATE_VERSION:
        return on_version(p, s, m);
    default:
        return on_batch(p, s, m);
    }
}

weir_rc singer_tapped_relay(tapped_pull *p, child *c)
{
    err *e = task_error(p->t);
    for (;;) {
        weir_view line;
        bool more;
        singer_message m;
        weir_rc rc = child_line(c, &line, &more, e);
        if (rc || !more)
            return rc;
        p->lines++;
        if (singer_tapped_is_blank(line))
            continue;
        rc = singer_read(line, &m, e);
        if (rc && child_stopped(c))
            return err_fail(e, WEIR_STOPPED, "stopped"); /* in the middle of a line */
        if (rc)
            return err_wrap(e, rc, "line %llu of the tap's output", (unsigned long long)p->lines);
        rc = on_message(p, &m);
        if (rc)
            return rc;
    }
}

