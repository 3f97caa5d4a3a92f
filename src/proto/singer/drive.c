/* Being the platform for a Singer tap: an executable becomes an ordinary weir_connector (singer.md 2, 3, 11; to Flow as flow-sdk's shim does it, 10).
 *
 * Every operation begins with the tap's discovery, which is also the connection test: a dry run of a record, as flow-sdk makes one in its own process,
 * would cost a whole sync with an arbitrary executable.
 */
#include <ctype.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "json/patch.h"
#include "json/write.h"
#include "proto/flowdoc.h"
#include "proto/singer/batch.h"
#include "proto/singer/driven.h"
#include "proto/singer/tapped_catalog.h"
#include "proto/singer/tapped_schema.h"
#include "proto/singer/tapped_state.h"

#define ROW_ID_SCHEMA "{\"type\":[\"integer\"]}" /* as flow-sdk 0.1.9 declares it */

/* How a tap takes its catalog (singer.md 4): the first that it knows. */
static const struct catalog_flag {
    const char *flag; /* NULL: not at all */
    bool in_schema;
} catalog_flags[] = {{"--catalog", false}, {"--properties", true}, {NULL, false}};
enum { CATALOG_FLAGS = sizeof catalog_flags / sizeof *catalog_flags };

/* ---- discovery ---- */

static bool is_blank(weir_view line)
{
    while (line.len && isspace((unsigned char)*line.ptr))
        line = view_from(line, 1);
    return !line.len;
}

/* A program that does not know a flag says so with status 2 (both libraries, singer.md 4); *e has its words. */
static bool is_unknown_flag(int status, const char *flag, err *e)
{
    return WIFEXITED(status) && WEXITSTATUS(status) == 2 && strstr(err_text(e), flag);
}

/* From the first line that begins an object on: some print a greeting before it. */
static weir_view catalog_text(weir_view text)
{
    while (text.len) {
        weir_view line = text;
        while (line.len && (*line.ptr == ' ' || *line.ptr == '\t'))
            line = view_from(line, 1);
        if (line.len && *line.ptr == '{')
            return text;
        const char *nl = memchr(text.ptr, '\n', text.len);
        text = nl ? view_from(text, (size_t)(nl - text.ptr) + 1) : (weir_view){0};
    }
    return text;
}

static weir_rc parse_catalog(arena *a, weir_view printed, tree **ret, err *e)
{
    weir_view text = arena_dup(a, catalog_text(printed));
    if (a->failed)
        return err_nomem(e);
    if (!text.len)
        return err_fail(e, WEIR_E_PROTOCOL, "discovery printed no catalog");
    weir_rc rc = tree_parse(a, text, "catalog", WEIR_E_PROTOCOL, ret, e);
    const tree *streams = rc ? NULL : tree_get(*ret, "streams");
    if (!rc && (!streams || streams->kind != TREE_ARRAY))
        rc = err_fail(e, WEIR_E_PROTOCOL, "there is no list of streams in it");
    return err_wrap(e, rc, "the catalog that discovery printed");
}

/* @param ret_known false: the tap has no discovery (its error stands in *e, *ret is not set) */
static weir_rc discover(weir_task *t, driven_run *r, arena *a, tree **ret, bool *ret_known)
{
    err *e = task_error(t);
    papers p = {0};
    child *c = NULL;
    buf text = {0};
    const char *config;
    int status = 0;
    *ret_known = true;
    weir_rc rc = driven_config(r, &p, &config, e);
    if (!rc)
        rc = driven_start(&c, r->d, (const char *const[]){"--config", config, "--discover", NULL}, r->d->o.log, weir_stop_fd(t), e);
    if (!rc) {
        child_close_input(c);
        rc = driven_read(c, 0, SINGER_TEXT_MAX, &text, e);
    }
    if (!rc)
        rc = child_finish(c, &status, e);
    if (!rc && child_stopped(c))
        rc = err_fail(e, WEIR_STOPPED, "stopped");
    if (!rc && status) {
        rc = child_describe(c, e);
        *ret_known = !(is_blank(buf_view(&text)) && is_unknown_flag(status, "--discover", e));
    }
    if (!rc)
        rc = parse_catalog(a, buf_view(&text), ret, e);
    child_free(c);
    weir_rc changed = driven_config_changed(t, r, &p);
    papers_free(&p);
    buf_free(&text);
    return rc ? rc : changed;
}

static weir_rc report_stream(weir_task *t, const driven_run *r, arena *a, const tree *entry)
{
    err *e = task_error(t);
    bool flow = r->d->o.flow_documents;
    tapped_stream s;
    buf schema = {0}, whole = {0};
    weir_rc rc = tapped_describe(a, entry, flow ? VIEW(FLOWDOC_KEY) : (weir_view){0}, &s, e);
    if (!rc)
        rc = tapped_schema(&schema, s.schema, e);
    if (!rc && flow)
        rc = flowdoc_schema(&whole, buf_view(&schema), &(flowdoc_rules){.row_id = VIEW(ROW_ID_SCHEMA), .root_requires = true, .deletes = s.deletes}, e);
    if (!rc) {
        const weir_view path = weir_format(t, "[%s]", weir_quote(t, arena_text(a, s.id)));
        rc = weir_discovered(t, &(weir_stream){
            .name = s.id, .schema = buf_view(flow ? &whole : &schema), .key = s.key, .resource = s.resource, .resource_path = path, .cursors = s.cursors,
            .modes = s.modes, .fallback_key = view_is(s.key, FLOWDOC_KEY), .disabled = s.unsupported, .deletes = s.deletes,
        });
    }
    buf_free(&schema);
    buf_free(&whole);
    return err_wrap(e, rc, "stream '%.*s'", VIEW_ARG(tapped_id(entry)));
}

static weir_rc tapped_discover(weir_task *t, void *self)
{
    driven_run *r = self;
    arena a = {0};
    tree *catalog = NULL;
    bool known;
    weir_rc rc = discover(t, r, &a, &catalog, &known);
    const tree *streams = rc ? NULL : tree_get(catalog, "streams");
    for (const tree *entry = streams ? streams->first : NULL; entry && !rc; entry = entry->next)
        rc = report_stream(t, r, &a, entry);
    if (streams && !streams->count)
        weir_log(t, WEIR_WARN, "the tap has discovered no streams");
    arena_free(&a);
    return rc;
}

/* ---- what is bound ---- */

/* A stream of the messages. */
typedef struct stream {
    weir_view name;          /* decoded */
    const weir_binding *b;   /* NULL: not bound */
    tapped_part *part;       /* of b */
    bool known;              /* the catalog has it */
    bool deletes;            /* its records may say that they are deletions */
    bool warned;             /* that it has no schema, or no binding */
    bool has_schema;
    buf schema;              /* the last */
    buf version;             /* the last that was activated */
    uint64_t left_out;       /* records of a stream that is not bound */
} stream;

/* What is bound, and what the tap has. */
typedef struct plan {
    driven_run *r;
    const weir_binding *b;
    size_t n;
    arena a;
    tree *catalog;
    const tree **resources;
    tapped_choice *choices; /* of the bindings first, then of parents */
    size_t choice_count;
} plan;

/* Takes a tap without discovery at its resource configs' word: they are catalog entries, but for the schema. */
static weir_rc plan_without_discovery(plan *p, err *e)
{
    buf out = {0};
    weir_rc rc = WEIR_OK;
    buf_adds(&out, "{\"streams\":[");
    for (size_t i = 0; i < p->n && !rc; i++) {
        buf schema = {0}, patch = {0}, entry = {0};
        rc = flowdoc_plain_schema(&schema, p->b[i].schema.len ? p->b[i].schema : VIEW("{}"), e);
        buf_printf(&patch, "{\"_meta\":null,\"schema\":%.*s}", VIEW_ARG(buf_view(&schema)));
        if (!rc && (!buf_ok(&patch) || !patch_apply(&entry, p->b[i].resource_json, buf_view(&patch))))
            rc = err_nomem(e);
        if (i)
            buf_addc(&out, ',');
        buf_addv(&out, buf_view(&entry));
        buf_free(&schema);
        buf_free(&patch);
        buf_free(&entry);
    }
    buf_adds(&out, "]}");
    if (!rc)
        rc = buf_ok(&out) ? parse_catalog(&p->a, buf_view(&out), &p->catalog, e) : err_nomem(e);
    buf_free(&out);
    return rc;
}

/* Runs the discovery and parses the resource configs. */
static weir_rc plan_begin(weir_task *t, plan *p)
{
    err *e = task_error(t);
    bool known;
    weir_rc rc = discover(t, p->r, &p->a, &p->catalog, &known);
    if (rc && !known) {
        err_clear(e);
        weir_log(t, WEIR_WARN, "the tap has no discovery: its streams are taken as the resource configs say");
        rc = plan_without_discovery(p, e);
    }
    p->resources = arena_array(&p->a, p->n, sizeof *p->resources);
    const tree *streams = tree_get(p->catalog, "streams");
    p->choices = arena_array(&p->a, p->n + (streams ? streams->count : 0), sizeof *p->choices);
    for (size_t i = 0; i < p->n && !rc && !p->a.failed; i++) {
        tree *resource;
        rc = tree_parse(&p->a, p->b[i].resource_json, "resource", WEIR_E_CONFIG, &resource, e);
        p->resources[i] = resource;
    }
    return rc ? rc : p->a.failed ? err_nomem(e) : WEIR_OK;
}

static weir_rc no_such_stream(const plan *p, weir_view id, err *e)
{
    enum { SHOWN = 10 };
    const tree *streams = tree_get(p->catalog, "streams"), *entry = streams ? streams->first : NULL;
    buf found = {0};
    for (size_t i = 0; entry && i < SHOWN; entry = entry->next, i++)
        buf_printf(&found, "%s%.*s", i ? ", " : "", VIEW_ARG(tapped_id(entry)));
    if (entry)
        buf_printf(&found, " and %zu more", streams->count - SHOWN);
    weir_rc rc = err_fail(e, WEIR_E_CONFIG, "the tap has no stream '%.*s': discovery found %s", VIEW_ARG(id), found.len ? buf_text(&found) : "none");
    buf_free(&found);
    return rc;
}

/* Decides how binding i is read. */
static weir_rc choose(plan *p, size_t i, err *e)
{
    const weir_binding *b = &p->b[i];
    tapped_choice *c = &p->choices[i];
    weir_view id = tapped_id(p->resources[i]);
    if (!id.len)
        return err_fail(e, WEIR_E_CONFIG, "the resource config has neither tap_stream_id nor stream");
    *c = (tapped_choice){.entry = tapped_find(p->catalog, id), .resource = p->resources[i]};
    if (!c->entry)
        return no_such_stream(p, id, e);
    weir_rc rc = tapped_choose(&p->a, b->mode, b->cursor, c, e);
    for (size_t k = 0; k < i && !rc; k++) {
        if (!p->choices[k].entry)
            continue;
        if (p->choices[k].entry == c->entry)
            rc = err_fail(e, WEIR_E_CONFIG, "two bindings are of stream '%.*s'", VIEW_ARG(tapped_id(c->entry)));
        else if (view_eq(tapped_name(p->choices[k].entry), tapped_name(c->entry)))
            rc = err_fail(e, WEIR_E_CONFIG, "'%.*s' and '%.*s' both call their stream '%.*s': their messages cannot be told apart. Bind one of them, or each "
                                            "in a task of its own", VIEW_ARG(tapped_id(p->choices[k].entry)), VIEW_ARG(tapped_id(c->entry)),
                          VIEW_ARG(tapped_name(c->entry)));
    }
    return rc;
}

/* Parents that a tap declares are read, too: it needs their records to find those of their children. */
static weir_rc choose_parents(plan *p, err *e)
{
    for (size_t i = 0; i < p->choice_count; i++) {
        const weir_view *parent = tapped_parents(&p->a, p->choices[i].entry);
        for (; parent && parent->len; parent++) {
            const tree *entry = tapped_find(p->catalog, *parent);
            bool there = !entry;
            for (size_t k = 0; k < p->choice_count && !there; k++)
                there = p->choices[k].entry == entry;
            if (!there)
                p->choices[p->choice_count++] = (tapped_choice){.entry = entry};
        }
    }
    return p->a.failed ? err_nomem(e) : WEIR_OK;
}

static weir_rc tapped_validate(weir_task *t, void *self, const weir_binding *b, size_t n)
{
    plan p = {.r = self, .b = b, .n = n};
    weir_rc rc = plan_begin(t, &p);
    for (size_t i = 0; i < n && !rc; i++) {
        err e = {0};
        if (choose(&p, i, &e)) {
            weir_problem(t, &b[i], "%s", err_text(&e));
        } else {
            const char *id = arena_text(&p.a, tapped_id(p.choices[i].entry));
            rc = weir_resource_path(t, &b[i], weir_format(t, "[%s]", weir_quote(t, id ? id : "")));
        }
        err_free(&e);
    }
    arena_free(&p.a);
    return rc;
}

/* ---- a run ---- */

typedef struct pulling {
    weir_task *t;
    plan plan;
    tapped_state state;
    buf to_tap, base;    /* the state that the tap was given; its last STATE's value */
    buf folded, head;    /* scratch */
    stream *streams;     /* of the bindings */
    map by_name;
    stream *last;        /* of the last message: most are followed by one of the same stream */
    map types;           /* unknown ones that were warned of */
    papers papers;
    uint64_t lines, unsealed;
    bool opened, any_schema;
    const char *batch;   /* URL of the file that is being read */
} pulling;

static stream *add_stream(pulling *p, weir_view name)
{
    stream *s = arena_alloc(&p->plan.a, sizeof *s);
    weir_view kept = arena_dup(&p->plan.a, name);
    if (!s || !kept.ptr)
        return NULL;
    s->name = kept;
    return map_put(&p->by_name, kept, s) ? s : NULL;
}

static stream *find_stream(pulling *p, singer_text name)
{
    if (p->last && !name.escaped && view_eq(p->last->name, name.raw))
        return p->last;
    buf text = {0};
    if (name.escaped)
        json_unquote(&text, name.raw);
    weir_view decoded = name.escaped ? buf_view(&text) : name.raw;
    stream *s = buf_ok(&text) ? map_get(&p->by_name, decoded) : NULL;
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

/* Names of messages -> streams: those of the bindings, and those that the catalog knows besides. */
static weir_rc index_streams(pulling *p)
{
    err *e = task_error(p->t);
    plan *plan = &p->plan;
    p->streams = arena_array(&plan->a, plan->n, sizeof *p->streams);
    if (!p->streams)
        return err_nomem(e);
    for (size_t i = 0; i < plan->n; i++) {
        const tree *entry = plan->choices[i].entry, *schema = tree_get(entry, "schema");
        p->streams[i] = (stream){.name = tapped_name(entry), .b = &plan->b[i], .part = &p->state.parts[i], .known = true};
        p->streams[i].deletes = schema && declares_deletion(schema->raw);
        if (!map_put(&p->by_name, p->streams[i].name, &p->streams[i]))
            return err_nomem(e);
    }
    for (size_t i = 0; i < plan->n; i++) { /* some call their streams by the id */
        weir_view id = tapped_id(plan->choices[i].entry);
        if (!map_get(&p->by_name, id) && !map_put(&p->by_name, id, &p->streams[i]))
            return err_nomem(e);
    }
    const tree *streams = tree_get(plan->catalog, "streams");
    for (const tree *entry = streams ? streams->first : NULL; entry; entry = entry->next) {
        stream *s = map_get(&p->by_name, tapped_name(entry));
        if (!s && !(s = add_stream(p, tapped_name(entry))))
            return err_nomem(e);
        s->known = true;
    }
    return WEIR_OK;
}

/* ---- messages ---- */

/* Seals what was emitted with the tap's last state and the counters as they are now. */
static weir_rc seal(pulling *p)
{
    buf_clear(&p->folded);
    weir_view value = p->base.len ? buf_view(&p->base) : p->to_tap.len ? buf_view(&p->to_tap) : VIEW("{}");
    weir_rc rc = tapped_state_fold(&p->state, value, &p->folded, task_error(p->t));
    if (!rc)
        rc = task_checkpoint_raw(p->t, buf_view(&p->folded), false);
    p->unsealed = 0;
    return rc;
}

static weir_rc on_state(pulling *p, const singer_message *m)
{
    if (!p->unsealed && view_eq(m->value, buf_view(&p->base)))
        return WEIR_OK; /* nothing has changed */
    buf_clear(&p->base);
    buf_addv(&p->base, m->value);
    return buf_ok(&p->base) ? seal(p) : err_nomem(task_error(p->t));
}

/* Deletions come with a time (singer.md 1, LOG_BASED). */
static bool is_deleted(weir_view doc)
{
    weir_view at = weir_json_at(doc, "/_sdc_deleted_at");
    return at.len && !view_is(at, "null");
}

static void warn_once(pulling *p, stream *s)
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

static weir_rc emit(pulling *p, stream *s, weir_view doc, bool lines)
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
static weir_rc pass_schema_on(pulling *p, const stream *s)
{
    buf plain = {0}, closed = {0}, whole = {0};
    weir_rc rc = tapped_schema(&plain, buf_view(&s->schema), task_error(p->t));
    bool can = !rc && tapped_schema_closed(&closed, buf_view(&plain));
    if (can && p->plan.r->d->o.flow_documents)
        can = patch_apply(&whole, buf_view(&closed), VIEW("{\"properties\":{\"_meta\":{\"type\":\"object\",\"properties\":{\"row_id\":" ROW_ID_SCHEMA
                                                          ",\"op\":{\"type\":\"string\"}},\"required\":[\"row_id\"],\"additionalProperties\":false}}}"));
    weir_log(p->t, WEIR_INFO, "stream '%.*s' has another schema now%s", VIEW_ARG(s->name), can ? "" : ", which is not closed: it is not passed on");
    if (can)
        rc = weir_sourced_schema(p->t, s->b, buf_view(whole.len ? &whole : &closed));
    buf_free(&plain);
    buf_free(&closed);
    buf_free(&whole);
    return rc;
}

static weir_rc on_schema(pulling *p, stream *s, const singer_message *m)
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
static weir_rc on_version(pulling *p, stream *s, const singer_message *m)
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
    pulling *p;
    stream *s;
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
static weir_rc on_batch(pulling *p, stream *s, const singer_message *m)
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

static weir_rc on_unknown(pulling *p, const singer_message *m)
{
    if (map_get(&p->types, m->type_name.raw))
        return WEIR_OK;
    weir_view kept = arena_dup(&p->plan.a, m->type_name.raw);
    if (!kept.ptr || !map_put(&p->types, kept, p))
        return err_nomem(task_error(p->t));
    weir_log(p->t, WEIR_WARN, "messages of type '%.*s' are not known: they are left out", VIEW_ARG(kept));
    return WEIR_OK;
}

static weir_rc on_message(pulling *p, const singer_message *m)
{
    if (m->type == SINGER_STATE)
        return on_state(p, m);
    if (m->type == SINGER_UNKNOWN)
        return on_unknown(p, m);
    stream *s = find_stream(p, m->stream);
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

/* Takes messages until the tap's output ends. */
static weir_rc relay(pulling *p, child *c)
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
        if (is_blank(line))
            continue;
        rc = singer_read(line, &m, e);
        if (rc)
            return err_wrap(e, rc, "line %llu of the tap's output", (unsigned long long)p->lines);
        rc = on_message(p, &m);
        if (rc)
            return rc;
    }
}

/* ---- the process ---- */

static weir_rc put_papers(pulling *p, const struct catalog_flag *flag, const char **args)
{
    err *e = task_error(p->t);
    size_t n = 0;
    buf catalog = {0};
    args[n++] = "--config";
    weir_rc rc = driven_config(p->plan.r, &p->papers, &args[n++], e);
    if (!rc && flag->flag) {
        args[n++] = flag->flag;
        rc = tapped_catalog_write(&catalog, p->plan.catalog, p->plan.choices, p->plan.choice_count, flag->in_schema, e);
        if (!rc)
            rc = papers_put(&p->papers, "catalog.json", buf_view(&catalog), &args[n++], e);
    }
    if (!rc && p->to_tap.len) {
        args[n++] = "--state";
        rc = papers_put(&p->papers, "state.json", buf_view(&p->to_tap), &args[n++], e);
    }
    args[rc ? 0 : n] = NULL;
    buf_free(&catalog);
    return rc;
}

static weir_rc open_once(pulling *p)
{
    if (p->opened)
        return WEIR_OK;
    p->opened = true;
    weir_rc rc = weir_opened(p->t, false);
    return rc ? rc : seal(p); /* flow.md 10.3: a checkpoint at once */
}

/* @param ret_again it does not know this flag; *e says so */
static weir_rc run_with(pulling *p, const struct catalog_flag *flag, bool *ret_again)
{
    enum { ARGS = 7 };
    const char *args[ARGS];
    err *e = task_error(p->t);
    child *c = NULL;
    int status = 0;
    weir_rc rc = put_papers(p, flag, args);
    if (!rc)
        rc = driven_start(&c, p->plan.r->d, args, p->plan.r->d->o.log, weir_stop_fd(p->t), e);
    if (!rc) {
        child_close_input(c);
        rc = open_once(p);
    }
    if (!rc) {
        rc = relay(p, c);
        rc = child_explain(c, rc, e);
        if (!rc)
            rc = child_finish(c, &status, e);
        if (!rc && status) {
            rc = child_describe(c, e);
            *ret_again = !p->lines && flag->flag && is_unknown_flag(status, flag->flag, e);
        }
    }
    child_free(c);
    return rc;
}

static weir_rc run(pulling *p)
{
    int *flag = &p->plan.r->catalog_flag;
    for (;;) {
        bool again = false;
        weir_rc rc = run_with(p, &catalog_flags[*flag], &again);
        if (!again || *flag + 1 == CATALOG_FLAGS)
            return rc;
        ++*flag;
        err_clear(task_error(p->t));
        weir_log(p->t, WEIR_INFO, "the tap does not know %s: %s is tried", catalog_flags[*flag - 1].flag,
                 catalog_flags[*flag].flag ? catalog_flags[*flag].flag : "a run without a catalog");
    }
}

/* ---- pull ---- */

static weir_rc begin_pull(pulling *p)
{
    plan *plan = &p->plan;
    err *e = task_error(p->t);
    weir_rc rc = plan_begin(p->t, plan);
    for (size_t i = 0; i < plan->n && !rc; i++)
        rc = err_wrap(e, choose(plan, i, e), "binding %.*s", VIEW_ARG(plan->b[i].name));
    plan->choice_count = plan->n;
    if (!rc)
        rc = choose_parents(plan, e);
    p->state.parts = rc ? NULL : arena_array(&plan->a, plan->n, sizeof *p->state.parts);
    if (rc || !p->state.parts)
        return rc ? rc : err_nomem(e);
    p->state.count = plan->n;
    p->state.counters = plan->r->d->o.flow_documents;
    for (size_t i = 0; i < plan->n; i++)
        p->state.parts[i] = (tapped_part){
            .id = tapped_id(plan->choices[i].entry), .key = plan->b[i].state_key, .counts = view_is(plan->b[i].key, FLOWDOC_KEY),
        };
    rc = tapped_state_open(&p->state, weir_state(p->t), &p->to_tap, e);
    return rc ? rc : index_streams(p);
}

static void free_pull(pulling *p)
{
    for (size_t i = 0; i < p->by_name.count; i++) {
        stream *s = p->by_name.entries[i].value;
        buf_free(&s->schema);
        buf_free(&s->version);
    }
    map_free(&p->by_name);
    map_free(&p->types);
    tapped_state_free(&p->state);
    buf_free(&p->to_tap);
    buf_free(&p->base);
    buf_free(&p->folded);
    buf_free(&p->head);
    papers_free(&p->papers);
    arena_free(&p->plan.a);
}

static void tell_left_out(const pulling *p)
{
    for (size_t i = 0; i < p->by_name.count; i++) {
        const stream *s = p->by_name.entries[i].value;
        if (s->left_out)
            weir_log(p->t, s->known ? WEIR_DEBUG : WEIR_WARN, "stream '%.*s': %llu records left out", VIEW_ARG(s->name), (unsigned long long)s->left_out);
    }
    if (!p->any_schema)
        weir_log(p->t, WEIR_WARN, "the tap has ended without any schema: perhaps nothing is selected");
}

/* Records after the last STATE: taps of the SDK may never print a final one, so success seals them with the state unchanged (singer.md 1). After a failure
 * they never happened. */
static weir_rc tapped_pull(weir_task *t, void *self, const weir_binding *b, size_t n)
{
    pulling p = {.t = t, .plan = {.r = self, .b = b, .n = n}};
    weir_rc rc = begin_pull(&p);
    if (!rc)
        rc = run(&p);
    if (!rc && p.unsealed)
        rc = seal(&p);
    if (!rc)
        tell_left_out(&p);
    weir_rc changed = driven_config_changed(t, self, &p.papers);
    free_pull(&p);
    return rc ? rc : changed;
}

const weir_capture tapped_capture = {
    .discover = tapped_discover,
    .validate = tapped_validate,
    .pull = tapped_pull,
    .all_in_one = true,
    .relay = true,
};
