#include "plane/derivation.h"

#include <pthread.h>
#include <stdlib.h>

#include "json/patch.h"
#include "json/pointer.h"
#include "json/text.h"
#include "model/state.h"
#include "plane/columns.h"
#include "run/combine.h"

enum { READS = 512 /* documents given at once */, DOCUMENT_BYTES = 64 << 20 /* of one that is published */ };

/* What a document's shuffle key is taken with. */
typedef struct shuffler {
    picker *pick; /* NULL: there is no key */
    weir_view *parts;
    weir_view *fallbacks; /* JSON: of parts that are absent */
    size_t count;
} shuffler;

struct derivation {
    listener base;
    derivation_options o;
    opened_endpoint end;
    arena arena;
    session *s;
    weir_derivation d;
    weir_binding to;
    weir_transform *transforms;
    const tree **lambdas;
    shuffler *shufflers;    /* by transform */
    pthread_mutex_t lock;   /* lanes publish one after the other */
    weir_read *reads;
    buf keys;               /* shuffle keys of those reads */
    buf state;              /* what is kept for it */
    bool kept;              /* ... has changed */
    bool resumed;
    weir_view checkpoint;
    uint64_t documents;
    bool told_truncation;
};

/* ---- the listener ---- */

static weir_rc attach(listener *l, weir_task *t, lane *ln)
{
    (void)l;
    (void)t;
    ln->outlets[0] = (outlet){.to = &ln->shared, .prefix = VIEW(""), .suffix = VIEW("\n"), .max = DOCUMENT_BYTES};
    return WEIR_OK;
}

static void detach(listener *l, lane *ln)
{
    (void)l;
    (void)ln;
}

static weir_rc take_lines(derivation *d, weir_view lines, err *e)
{
    weir_rc rc = WEIR_OK;
    while (!rc && lines.len) {
        const char *nl = memchr(lines.ptr, '\n', lines.len);
        size_t len = nl ? (size_t)(nl - lines.ptr) : lines.len;
        rc = d->o.published(d->o.arg, (weir_view){lines.ptr, len}, e);
        lines = view_from(lines, nl ? len + 1 : len);
    }
    return rc;
}

static weir_rc take_published(listener *l, weir_task *t, lane *ln)
{
    derivation *d = (derivation *)l;
    pthread_mutex_lock(&d->lock);
    weir_rc rc = take_lines(d, buf_view(&ln->shared), task_error(t));
    pthread_mutex_unlock(&d->lock);
    buf_clear(&ln->shared);
    return rc;
}

static weir_rc seal(listener *l, weir_task *t, lane *ln, const checkpoint *k)
{
    (void)k;
    return take_published(l, t, ln);
}

static weir_rc take_checkpoint(listener *l, weir_task *t, weir_view position)
{
    derivation *d = (derivation *)l;
    d->resumed = true;
    d->checkpoint = arena_dup(&d->arena, position);
    return d->checkpoint.ptr ? WEIR_OK : err_nomem(task_error(t));
}

static weir_rc take_state(listener *l, weir_task *t, weir_view patch)
{
    derivation *d = (derivation *)l;
    buf next = {0};
    if (!patch_apply(&next, d->state.len ? buf_view(&d->state) : VIEW("{}"), patch) || !buf_ok(&next)) {
        buf_free(&next);
        return err_nomem(task_error(t));
    }
    buf_free(&d->state);
    d->state = next;
    d->kept = true;
    return WEIR_OK;
}

static weir_rc take_read_only(listener *l, weir_task *t, const weir_transform *x)
{
    (void)t;
    ((derivation *)l)->transforms[x->index].read_only = true;
    return WEIR_OK;
}

static weir_rc take_config(listener *l, weir_task *t, lane *ln, weir_view config)
{
    derivation *d = (derivation *)l;
    (void)ln;
    return d->o.changed ? d->o.changed(d->o.arg, t, config) : task_config_lost(t);
}

static weir_rc take_generated(listener *l, weir_task *t, weir_view url, weir_view content)
{
    derivation *d = (derivation *)l;
    return d->o.generated ? d->o.generated(d->o.arg, url, content, task_error(t)) : WEIR_OK;
}

static const listener_ops ops = {
    .attach = attach, .detach = detach, .spill = take_published, .seal = seal, .resume = take_checkpoint, .keep = take_state,
    .read_only = take_read_only, .config = take_config, .generated = take_generated,
};

/* ---- what it makes, and of what ---- */

static weir_rc inferred_of(derivation *d, const collection *c, const tree **ret, err *e)
{
    *ret = NULL;
    weir_view text = d->o.inferred ? d->o.inferred(d->o.arg, c, &d->arena) : (weir_view){0};
    if (!text.len)
        return WEIR_OK;
    tree *parsed;
    weir_rc rc = tree_parse(&d->arena, text, NULL, WEIR_E_BUG, &parsed, e);
    *ret = rc ? NULL : parsed;
    return rc;
}

static weir_view name_key(derivation *d, weir_view name, uint32_t backfill)
{
    buf path = {0}, key = {0};
    json_strings(&path, &name, 1);
    bool ok = state_key(&key, buf_view(&path), backfill) && buf_ok(&key);
    weir_view kept = ok ? arena_dup(&d->arena, buf_view(&key)) : (weir_view){0};
    buf_free(&path);
    buf_free(&key);
    d->arena.failed |= !ok;
    return kept;
}

weir_view derivation_absent(const derivation *d, size_t transform, weir_view pointer)
{
    const weir_transform *x = &d->transforms[transform];
    for (size_t i = 0; i < x->column_count; i++)
        if (view_eq(x->columns[i].pointer, pointer) && x->columns[i].fallback.len)
            return x->columns[i].fallback;
    return VIEW("null");
}

static weir_rc make_shuffler(derivation *d, const task_transform *from, shuffler *to, err *e)
{
    weir_view *pointers;
    if (!from->shuffle_key.len)
        return WEIR_OK;
    if (!pointer_list(&d->arena, from->shuffle_key, &pointers, &to->count))
        return err_fail(e, WEIR_E_CONFIG, "its shuffle key is no list of JSON pointers");
    to->parts = arena_array(&d->arena, to->count, sizeof *to->parts);
    to->fallbacks = arena_array(&d->arena, to->count, sizeof *to->fallbacks);
    for (size_t i = 0; to->fallbacks && i < to->count; i++)
        to->fallbacks[i] = derivation_absent(d, (size_t)(to - d->shufflers), pointers[i]);
    return to->parts && to->fallbacks ? picker_make(&d->arena, pointers, to->count, &to->pick, e) : err_nomem(e);
}

static weir_rc make_transform(derivation *d, size_t i, err *e)
{
    const task_transform *from = &d->o.t->transforms[i];
    const collection *c = from->collection;
    weir_transform *to = &d->transforms[i];
    const tree *inferred;
    weir_column *columns = NULL;
    *to = (weir_transform){
        .index = (uint32_t)i, .backfill = from->backfill, .name = from->name, .collection = c->name, .schema = c->read_schema_json, .key = c->key_json,
        .lambda_json = from->lambda_json, .shuffle_key = from->shuffle_key, .shuffle_lambda = from->shuffle_lambda,
        .state_key = name_key(d, from->name, from->backfill),
    };
    weir_rc rc = inferred_of(d, c, &inferred, e);
    if (!rc)
        rc = columns_all(&d->arena, c, inferred, &columns, &to->column_count, &to->key_count, e);
    to->columns = columns;
    if (!rc && from->lambda_json.len) {
        tree *lambda;
        rc = tree_parse(&d->arena, from->lambda_json, NULL, WEIR_E_CONFIG, &lambda, e);
        d->lambdas[i] = rc ? NULL : lambda;
    }
    return rc ? rc : make_shuffler(d, from, &d->shufflers[i], e);
}

static weir_rc make_target(derivation *d, err *e)
{
    const collection *c = d->o.t->bindings[0].collection;
    const tree *inferred;
    weir_column *columns = NULL;
    d->to = (weir_binding){.name = c->name, .schema = c->write_schema_json, .key = c->key_json, .state_key = name_key(d, c->name, 0)};
    weir_rc rc = inferred_of(d, c, &inferred, e);
    if (!rc)
        rc = columns_all(&d->arena, c, inferred, &columns, &d->to.column_count, &d->to.key_count, e);
    d->to.columns = columns;
    return rc;
}

static weir_rc make_parts(derivation *d, err *e)
{
    size_t n = d->o.t->transform_count;
    d->transforms = arena_array(&d->arena, n, sizeof *d->transforms);
    d->lambdas = arena_array(&d->arena, n, sizeof *d->lambdas);
    d->shufflers = arena_array(&d->arena, n, sizeof *d->shufflers);
    d->reads = arena_array(&d->arena, READS, sizeof *d->reads);
    d->d = (weir_derivation){.to = &d->to, .transforms = d->transforms, .count = n, .project_root = d->o.t->project_root, .imports = d->o.t->imports,
                             .key_begin = d->o.key_begin, .key_end = d->o.key_end ? d->o.key_end : UINT32_MAX};
    weir_rc rc = d->arena.failed ? err_nomem(e) : make_target(d, e);
    for (size_t i = 0; !rc && i < n; i++)
        rc = err_wrap(e, make_transform(d, i, e), "transform %.*s", VIEW_ARG(d->o.t->transforms[i].name));
    return rc || !d->arena.failed ? rc : err_nomem(e);
}

/* ---- settings ---- */

static tree *copy_of(arena *a, const tree *t)
{
    tree *copy = arena_alloc(a, sizeof *copy);
    if (copy) {
        *copy = *t;
        copy->next = NULL;
    }
    return copy;
}

/* The settings of `using: sqlite`, with this file for its state. @param path NULL: in memory */
static const tree *with_path(derivation *d, const tree *config, const char *path)
{
    tree *copy = arena_alloc(&d->arena, sizeof *copy), *member = path ? arena_alloc(&d->arena, sizeof *member) : NULL;
    if (copy)
        *copy = (tree){.kind = TREE_OBJECT, .name = config->name, .mark = config->mark, .name_mark = config->name_mark};
    for (const tree *t = config->first; t; t = t->next)
        if (!view_is(t->name, "path"))
            tree_append(copy, copy_of(&d->arena, t));
    if (member)
        *member = (tree){.kind = TREE_STRING, .name = VIEW("path"), .text = view_of(path), .mark = config->mark};
    tree_append(copy, member);
    return d->arena.failed ? NULL : copy;
}

/* Are its lambdas SQL? */
static bool is_sql(const task *t) { return t->endpoint.kind == ENDPOINT_NATIVE && view_is(t->endpoint.connector, "derive-sqlite"); }

weir_rc derivation_keyless(const task *t) { return is_sql(t) ? WEIR_E_CONFIG : WEIR_E_PROTOCOL; }

static const tree *config_of(derivation *d)
{
    const tree *config = d->o.config ? d->o.config : d->o.t->endpoint.config;
    bool named = tree_get(config, "path") != NULL;
    return is_sql(d->o.t) && (named ? d->o.apart : d->o.state_file != NULL) ? with_path(d, config, d->o.state_file) : config;
}

/* ---- opening ---- */

static weir_rc begin(derivation *d, err *e)
{
    const tree *config = config_of(d);
    weir_rc rc = config ? session_open(d->s, config, e) : err_nomem(e);
    if (!rc)
        rc = session_derive(d->s, &d->d, &d->to, d->transforms, d->lambdas, buf_view(&d->state), e);
    if (!rc)
        rc = err_wrap(e, session_validate(d->s, e), "validate");
    return rc || d->o.validate_only ? rc : err_wrap(e, session_begin(d->s, e), "open");
}

static void set_live(const derivation *d, session *s)
{
    if (d->o.live)
        d->o.live(d->o.arg, s);
}

weir_rc derivation_open(derivation **ret, const derivation_options *o, err *e)
{
    derivation *d = calloc(1, sizeof *d);
    if (!d)
        return err_nomem(e);
    d->base.ops = &ops;
    d->o = *o;
    pthread_mutex_init(&d->lock, NULL);
    buf_addv(&d->state, o->state);
    weir_rc rc = buf_ok(&d->state) ? endpoint_open(o->t, o->natives, o->log, o->stop_fd, &d->end, e) : err_nomem(e);
    if (!rc)
        rc = make_parts(d, e);
    if (!rc) {
        d->s = session_new(&(session_options){.connector = d->end.connector, .to = &d->base, .log = o->log, .task_name = o->t->name});
        rc = d->s ? WEIR_OK : err_nomem(e);
    }
    if (!rc) {
        set_live(d, d->s);
        rc = begin(d, e);
    }
    if (rc)
        derivation_close(d);
    else
        *ret = d;
    return rc;
}

void derivation_close(derivation *d)
{
    if (!d)
        return;
    if (d->s)
        set_live(d, NULL);
    session_free(d->s);
    endpoint_close(&d->end);
    buf_free(&d->keys);
    buf_free(&d->state);
    arena_free(&d->arena);
    pthread_mutex_destroy(&d->lock);
    free(d);
}

void derivation_live(const derivation *d) { set_live(d, d->s); }

const weir_derivation *derivation_of(const derivation *d) { return &d->d; }

bool derivation_resumed(const derivation *d, weir_view *ret)
{
    *ret = d->checkpoint;
    return d->resumed;
}

/* ---- reading ---- */

int64_t transform_due(const task_transform *x, int64_t second) { return second + (x->read_delay_ms + 999) / 1000; }

bool transform_before(const task_transform *x, int64_t second, const task_transform *other, int64_t other_second)
{
    if (x->priority != other->priority)
        return x->priority > other->priority;
    return transform_due(x, second) < transform_due(other, other_second);
}

/* Of a v1 UUID: 100 nanoseconds since 1582, and four bits to tell apart what is of the same time (flow.md 6.1). */
static uint64_t clock_of(int64_t second)
{
    const uint64_t since_1582 = 0x01B21DD213814000;
    return second > 0 ? ((uint64_t)second * 10000000 + since_1582) << 4 : 0;
}

/* Appends the key as a JSON array; an absent part is its default, or null. */
static weir_rc put_key(derivation *d, const shuffler *s, weir_view doc, err *e)
{
    if (!picker_run(s->pick, doc, s->parts))
        return err_fail(e, WEIR_E_CONFIG, "a document that is not JSON: %.*s", (int)(doc.len > 120 ? 120 : doc.len), doc.ptr);
    buf_addc(&d->keys, '[');
    for (size_t i = 0; i < s->count; i++) {
        if (i)
            buf_addc(&d->keys, ',');
        buf_addv(&d->keys, s->parts[i].len ? s->parts[i] : s->fallbacks[i]);
    }
    buf_addc(&d->keys, ']');
    return buf_ok(&d->keys) ? WEIR_OK : err_nomem(e);
}

/* Keys were noted by their length, since the buffer they are in moves as it grows. */
static void place_keys(derivation *d, size_t count)
{
    const char *at = d->keys.ptr;
    for (size_t i = 0; i < count; i++) {
        d->reads[i].key.ptr = d->reads[i].key.len ? at : NULL;
        at += d->reads[i].key.len;
    }
}

static weir_rc add_read(derivation *d, size_t transform, weir_view doc, uint64_t clock, weir_read *to, err *e)
{
    const shuffler *s = &d->shufflers[transform];
    size_t from = d->keys.len;
    weir_rc rc = s->pick ? put_key(d, s, doc, e) : WEIR_OK;
    *to = (weir_read){.transform = &d->transforms[transform], .doc = doc, .key = {NULL, d->keys.len - from}, .clock = clock};
    return rc;
}

static void tell_truncation(derivation *d, size_t transform)
{
    if (!d->told_truncation)
        log_line(d->o.log, WEIR_WARN, "derivation %.*s: all documents of %.*s so far are out of date, says its source, and a derivation cannot be told",
                 VIEW_ARG(d->o.t->name), VIEW_ARG(d->transforms[transform].collection));
    d->told_truncation = true;
}

static weir_rc give(derivation *d, size_t transform, size_t count, err *e)
{
    place_keys(d, count);
    weir_rc rc = session_read(d->s, d->reads, count, e);
    buf_clear(&d->keys);
    d->documents += rc ? 0 : count;
    return err_wrap(e, rc, "transform %.*s", VIEW_ARG(d->transforms[transform].name));
}

weir_rc derivation_read(derivation *d, size_t transform, weir_view lines, int64_t second, err *e)
{
    uint64_t clock = clock_of(second);
    size_t n = 0;
    weir_rc rc = WEIR_OK;
    while (!rc && lines.len) {
        const char *nl = memchr(lines.ptr, '\n', lines.len);
        weir_view doc = {lines.ptr, nl ? (size_t)(nl - lines.ptr) : lines.len};
        lines = view_from(lines, nl ? doc.len + 1 : doc.len);
        if (view_is(doc, COMBINE_TRUNCATION)) {
            tell_truncation(d, transform);
            continue;
        }
        rc = add_read(d, transform, doc, clock, &d->reads[n++], e);
        if (!rc && n == READS) {
            rc = give(d, transform, n, e);
            n = 0;
        }
    }
    return rc || !n ? rc : give(d, transform, n, e);
}

weir_rc derivation_flush(derivation *d, err *e) { return err_wrap(e, session_flush(d->s, e), "flush"); }

weir_rc derivation_commit(derivation *d, weir_view position, err *e) { return session_commit(d->s, position, e); }

weir_view derivation_kept(const derivation *d) { return d->kept ? buf_view(&d->state) : (weir_view){NULL, 0}; }

void derivation_stored(derivation *d) { d->kept = false; }

weir_rc derivation_reset(derivation *d, err *e)
{
    buf_clear(&d->state);
    d->kept = false;
    return err_wrap(e, session_reset(d->s, e), "reset");
}

uint64_t derivation_documents(const derivation *d) { return d->documents; }
