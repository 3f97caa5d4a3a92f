#include "run/load.h"

#include <stdlib.h>

#include "json/pointer.h"
#include "run/conduct.h"
#include "run/meaning.h"

/* LOG_KEEP: a larger buffer of documents is not kept. */
enum { STORE_ROWS = 256, WIDE_VALUES = 64 * 1024, LOG_KEEP = LOAD_BYTES + (1 << 20) };

typedef struct stream {
    meaning m;
    bool applied;         /* its table fits */
    bool stored;          /* rows of it are in the open transaction */
    bool told;            /* that something is dropped */
    weir_row *rows;       /* while all rows of a transaction are looked up */
    size_t row_count;
} stream;

struct load {
    listener base;
    load_options o;
    session *s;
    arena arena;
    bool relay, exists;   /* rows go as they came; rows are looked up before */
    bool completes;       /* the destination takes no parts of documents: they are made whole with what it holds */
    bool began;           /* session_acknowledge() was called once */
    stream **streams;     /* each allocated, so that combiners may point to them */
    weir_binding *bindings;
    const tree **resources;
    size_t count, room;
    buf docs;             /* documents that wait, all streams' */
    uint64_t base_at;     /* where they begin, in bytes since load_open() */
    size_t stored;        /* bytes in the open transaction */
    buf checkpoint;
};

/* ------------------------------------------------------------------------------------------------------------- listener -- */

static weir_rc take_checkpoint(listener *l, weir_task *t, weir_view kept)
{
    load *x = (load *)l;
    buf_clear(&x->checkpoint);
    buf_addv(&x->checkpoint, kept);
    return buf_ok(&x->checkpoint) ? WEIR_OK : err_nomem(task_error(t));
}

/* The JSON text that a row has for a column; empty: none, or there is no such column. */
static weir_view value_at(const weir_row *row, weir_view pointer, unsigned *ret_types)
{
    const weir_binding *b = row->binding;
    for (size_t i = 0; i < b->column_count; i++)
        if (view_eq(b->columns[i].pointer, pointer)) {
            *ret_types = combine_cursor_types(&b->columns[i]);
            return row->values[i];
        }
    return (weir_view){0};
}

/* Is what the destination holds newer than the row? */
static bool is_older(const weir_row *row, weir_view held)
{
    const weir_binding *b = row->binding;
    unsigned types = 0;
    if (row->regardless || b->delta_updates)
        return false;
    int o = b->epoch.len ? weir_cursor_compare(value_at(row, b->epoch, &types), pointer_find(held, b->epoch), types) : 0;
    return o ? o < 0 : weir_cursor_compare(value_at(row, b->cursor, &types), pointer_find(held, b->cursor), types) < 0;
}

static weir_rc take_loaded(listener *l, weir_task *t, const weir_row *row, weir_view doc)
{
    load *x = (load *)l;
    stream *s = x->streams[row->binding->index];
    weir_row *mine = &s->rows[row - s->rows];
    mine->exists = WEIR_EXISTS_YES;
    if (mine->op == WEIR_UPDATE)
        return x->completes ? combine_complete(s->m.combine, mine, doc, task_error(t)) : WEIR_OK;
    if (mine->binding->cursor.len && is_older(mine, doc))
        mine->doc = (weir_view){0}; /* not to be stored, see drop_older() */
    return WEIR_OK;
}

/* What such a platform cannot keep is what its next session would clean up: after load_commit() everything is done. */
static weir_rc take_kept(listener *l, weir_task *t, weir_view patch)
{
    (void)l;
    (void)t;
    (void)patch;
    return WEIR_OK;
}

static weir_rc take_path(listener *l, weir_task *t, const weir_binding *b, weir_view path)
{
    load *x = (load *)l;
    return meaning_set_path(&x->streams[b->index]->m, path, &x->bindings[b->index], task_error(t));
}

static weir_rc take_constraint(listener *l, weir_task *t, const weir_binding *b, const weir_column *column, weir_need need, weir_view reason)
{
    stream *s = ((load *)l)->streams[b->index];
    return s->applied ? WEIR_OK : demands_take(&s->m.demands, &s->m.arena, b, column, need, reason, task_error(t));
}

static weir_rc take_delta(listener *l, weir_task *t, const weir_binding *b)
{
    (void)t;
    load *x = (load *)l;
    if (!x->relay) /* who relays is asked nothing anyway, and is to know whether rows were meant to replace one another */
        x->bindings[b->index].delta_updates = true;
    return WEIR_OK;
}

static const listener_ops ops = {
    .resume = take_checkpoint, .loaded = take_loaded, .keep = take_kept, .resource_path = take_path, .constrain = take_constraint, .delta = take_delta,
};

/* -------------------------------------------------------------------------------------------------------------- opening -- */

static weir_rc open_session(load *l, const tree *config, err *e)
{
    conductor *c = NULL;
    if (l->o.stop_fd >= 0 && !(c = conductor_start(&(conductor_options){.s = l->s, .stop_fd = l->o.stop_fd, .in = -1}, e)))
        return e->rc;
    weir_rc rc = session_open(l->s, config, e);
    conductor_end(c);
    if (!rc && session_stopping(l->s))
        rc = err_fail(e, WEIR_STOPPED, "stopped by a signal");
    return rc ? rc : session_bind(l->s, NULL, NULL, 0, (weir_view){0}, e);
}

weir_rc load_open(load **ret, const load_options *o, err *e)
{
    if (!o->connector->materialize)
        return err_fail(e, WEIR_E_CONFIG, "'%s' is a source: nothing can be loaded into it", o->connector->name);
    load *l = calloc(1, sizeof *l);
    if (!l)
        return err_nomem(e);
    const weir_materialize *m = o->connector->materialize;
    *l = (load){.base = {&ops}, .o = *o, .relay = m->relay, .exists = m->needs_exists && m->load && !m->relay,
                .completes = !m->updates && m->load && !m->relay};
    if (!l->o.what)
        l->o.what = "stream";
    l->s = session_new(&(session_options){.connector = o->connector, .to = &l->base, .log = o->log, .task_name = o->task_name});
    weir_rc rc = l->s ? open_session(l, o->config, e) : err_nomem(e);
    if (rc)
        load_close(l);
    else
        *ret = l;
    return rc;
}

weir_rc load_finish(load *l, err *e)
{
    conductor *c = NULL;
    if (l->o.stop_fd >= 0 && !(c = conductor_start(&(conductor_options){.s = l->s, .stop_fd = l->o.stop_fd, .in = -1}, e)))
        return e->rc;
    weir_rc rc = session_finish(l->s, e);
    conductor_end(c);
    return rc;
}

void load_close(load *l)
{
    if (!l)
        return;
    session_free(l->s);
    for (size_t i = 0; i < l->count; i++) {
        meaning_free(&l->streams[i]->m);
        free(l->streams[i]);
    }
    free(l->streams);
    buf_free(&l->docs);
    buf_free(&l->checkpoint);
    arena_free(&l->arena);
    free(l);
}

session *load_session(load *l) { return l->s; }
weir_view load_checkpoint(const load *l) { return buf_view(&l->checkpoint); }
bool load_can_expire(const load *l, bool chosen) { return session_can_expire(l->o.connector->materialize, chosen); }
size_t load_uncommitted(const load *l) { return l->stored + l->docs.len; }

/* Two streams must not share a resource: their rows would be mixed up. */
static weir_rc check_alone(const load *l, size_t at, const meaning *m, err *e)
{
    for (size_t i = 0; i < l->count; i++)
        if (i != at && view_eq(l->streams[i]->m.path, m->path))
            return err_fail(e, WEIR_E_CONFIG, "it goes to the same place as %s %.*s: %.*s", l->o.what, VIEW_ARG(l->streams[i]->m.name),
                            VIEW_ARG(m->path));
    return WEIR_OK;
}

static bool reserve(load *l, size_t count)
{
    if (count <= l->room)
        return true;
    size_t room = l->room ? 2 * l->room : 16;
    stream **streams = realloc(l->streams, room * sizeof *streams);
    if (!streams)
        return false;
    l->streams = streams;
    weir_binding *bindings = arena_array(&l->arena, room, sizeof *bindings);
    const tree **resources = arena_array(&l->arena, room, sizeof *resources);
    if (!bindings || !resources)
        return false;
    for (size_t i = 0; i < l->count; i++) {
        bindings[i] = l->bindings[i];
        resources[i] = l->resources[i];
    }
    for (size_t i = 0; i < l->count; i++)
        combine_moved(l->streams[i]->m.combine, &bindings[i]);
    l->bindings = bindings;
    l->resources = resources;
    l->room = room;
    return true;
}

/* ------------------------------------------------------------------------------------------------------------- storing -- */

static weir_rc named(const load *l, const stream *s, weir_rc rc, err *e)
{
    return err_wrap(e, rc, "%s %.*s", l->o.what, VIEW_ARG(s->m.name));
}

static bool waits(const stream *s, size_t upto) { return combine_count(s->m.combine, upto) > 0; }

/* Asks the destination about everything new or changed. */
static weir_rc validate_all(load *l, err *e)
{
    bool any = false;
    for (size_t i = 0; i < l->count; i++)
        any |= !l->streams[i]->applied;
    weir_rc rc = any ? err_wrap(e, session_validate(l->s, e), "validate") : WEIR_OK;
    for (size_t i = 0; i < l->count && !rc; i++)
        if (!l->streams[i]->applied)
            rc = named(l, l->streams[i], meaning_obey(&l->streams[i]->m, &l->bindings[i], e), e);
    return rc;
}

/* Makes the tables of everything new or changed fit, neighbours together. */
static weir_rc apply_all(load *l, err *e)
{
    weir_rc rc = validate_all(l, e);
    for (size_t i = 0; i < l->count && !rc; i++) {
        size_t n = 0;
        while (i + n < l->count && !l->streams[i + n]->applied)
            n++;
        if (n)
            rc = err_wrap(e, session_apply_some(l->s, i, n, e), "apply");
        for (size_t k = i; k < i + n && !rc; k++)
            l->streams[k]->applied = true;
        i += n;
    }
    if (!rc && !l->began) {
        l->began = true;
        rc = session_acknowledge(l->s, e);
    }
    return rc;
}

/* Ends the open transaction. */
static weir_rc end_transaction(load *l, err *e)
{
    weir_rc rc = session_commit(l->s, buf_view(&l->checkpoint), e);
    if (!rc)
        rc = session_acknowledge(l->s, e);
    for (size_t i = 0; i < l->count && !rc; i++)
        l->streams[i]->stored = false;
    if (!rc)
        l->stored = 0;
    return err_wrap(e, rc, "commit");
}

/* A key may come but once in a transaction. */
static weir_rc make_way(load *l, const stream *only, size_t upto, err *e)
{
    for (size_t i = 0; i < l->count; i++) {
        const stream *s = l->streams[i];
        if ((!only || s == only) && s->stored && s->m.columns.keys && !l->relay && waits(s, upto))
            return end_transaction(l, e);
    }
    return WEIR_OK;
}

static bool is_asked(const load *l, const stream *s)
{
    return s->m.columns.keys && (l->exists || (l->completes && combine_has_parts(s->m.combine)));
}

/* Parts of documents that the destination does not hold change nothing. */
static void drop_parts(stream *s)
{
    size_t kept = 0;
    for (size_t i = 0; i < s->row_count; i++)
        if (s->rows[i].op != WEIR_UPDATE)
            s->rows[kept++] = s->rows[i];
    s->row_count = kept;
}

static weir_rc look_up(load *l, stream *s, err *e)
{
    weir_rc rc = combine_rows(s->m.combine, buf_view(&l->docs), SIZE_MAX, &s->rows, &s->row_count, e);
    for (size_t i = 0; i < s->row_count && !rc; i++)
        s->rows[i].exists = WEIR_EXISTS_NO;
    return rc ? rc : err_wrap(e, session_load(l->s, s->rows, s->row_count, e), "load");
}

/* Rows that the destination holds newer ones of. */
static void drop_older(stream *s)
{
    size_t kept = 0;
    for (size_t i = 0; i < s->row_count; i++)
        if (s->rows[i].doc.len)
            s->rows[kept++] = s->rows[i];
    s->row_count = kept;
}

static weir_rc store_rows(load *l, stream *s, err *e)
{
    size_t columns = s->m.columns.count, most = columns && WIDE_VALUES / columns < STORE_ROWS ? WIDE_VALUES / columns + 1 : STORE_ROWS;
    if (s->rows && l->completes)
        drop_parts(s);
    if (s->rows)
        drop_older(s);
    if (s->rows)
        return s->row_count ? session_store(l->s, s->rows, s->row_count, e) : WEIR_OK;
    for (;;) {
        weir_row *rows;
        size_t n;
        weir_rc rc = combine_rows(s->m.combine, buf_view(&l->docs), most, &rows, &n, e);
        if (!rc && n)
            rc = session_store(l->s, rows, n, e);
        if (rc || !n)
            return rc;
    }
}

static void tell_dropped(const load *l, stream *s)
{
    weir_view name = combine_stray(s->m.combine);
    if (!name.len || s->told)
        return;
    s->told = true;
    log_line(l->o.log, WEIR_WARN, "%s %.*s: \"%.*s\" is not described by its schema: it is dropped, as everything of the kind", l->o.what,
             VIEW_ARG(s->m.name), VIEW_ARG(name));
}

static void forget(stream *s)
{
    s->rows = NULL;
    s->row_count = 0;
    s->stored = true;
    combine_clear(s->m.combine);
}

/* Documents before `upto` are dropped from the log, once none of them waits any more. */
static void clear_log(load *l, size_t upto)
{
    const size_t gone = upto < l->docs.len ? upto : l->docs.len;
    for (size_t i = 0; i < l->count; i++)
        if (waits(l->streams[i], gone))
            return;
    for (size_t i = 0; i < l->count && gone < l->docs.len; i++)
        combine_shift(l->streams[i]->m.combine, gone);
    l->stored += gone;
    l->base_at += gone;
    buf_drop(&l->docs, gone);
    if (!l->docs.len && l->docs.cap > LOG_KEEP)
        buf_free(&l->docs);
}

/* Stores what waits of one stream or all, as far as it lies before `upto`. Rows are looked up before any is stored. */
static weir_rc store_waiting(load *l, stream *only, size_t upto, err *e)
{
    weir_rc rc = make_way(l, only, upto, e);
    if (!rc)
        rc = apply_all(l, e);
    for (size_t i = 0; i < l->count && !rc; i++)
        combine_take(l->streams[i]->m.combine, upto);
    bool asked = false;
    for (size_t i = 0; i < l->count && !rc; i++) {
        stream *s = l->streams[i];
        if ((only && s != only) || !waits(s, upto) || !is_asked(l, s))
            continue;
        asked = true;
        rc = named(l, s, look_up(l, s, e), e);
    }
    if (!rc && (asked || l->exists))
        rc = err_wrap(e, session_flush(l->s, e), "flush");
    for (size_t i = 0; i < l->count && !rc; i++) {
        stream *s = l->streams[i];
        if ((only && s != only) || !waits(s, upto))
            continue;
        rc = named(l, s, err_wrap(e, store_rows(l, s, e), "store"), e);
        if (!rc && l->o.tell_dropped)
            tell_dropped(l, s);
        if (!rc)
            forget(s);
    }
    if (!rc)
        clear_log(l, upto);
    return rc;
}

/* -------------------------------------------------------------------------------------------------------------- public -- */

/* Puts the meaning in its place; on failure the former one is still there. */
static weir_rc settle(load *l, size_t at, meaning *m, err *e)
{
    bool is_new = at == l->count;
    stream *s = is_new ? calloc(1, sizeof *s) : l->streams[at];
    if (!s || !reserve(l, at + 1)) {
        if (is_new)
            free(s);
        return err_nomem(e);
    }
    const bool same = !is_new && view_eq(s->m.resource, m->resource);
    const weir_binding had = is_new ? (weir_binding){0} : l->bindings[at];
    l->bindings[at] = meaning_binding(m, same ? had.resource : NULL);
    l->bindings[at].index = (uint32_t)at;
    l->resources[at] = m->resource_tree;
    weir_rc rc = meaning_combine(m, &l->bindings[at], l->relay, l->o.what, e);
    if (!rc && !same)
        rc = session_rebind(l->s, l->bindings, l->resources, at == l->count ? at + 1 : l->count, e);
    if (rc) {
        l->bindings[at] = had;
        if (is_new)
            free(s);
        return rc;
    }
    if (!is_new)
        meaning_free(&s->m);
    s->m = *m;
    s->applied = false;
    l->streams[at] = s;
    l->count += is_new;
    return WEIR_OK;
}

static weir_rc out_of_turn(load *l, stream *s, err *e)
{
    weir_rc rc = l->o.out_of_turn ? l->o.out_of_turn(l->o.arg, e) : WEIR_OK;
    return rc ? rc : store_waiting(l, s, SIZE_MAX, e);
}

/* Settles what a stream means from now on, unless it is nothing new. */
static weir_rc change(load *l, stream *s, meaning *m, bool *ret_same, err *e)
{
    const weir_connector *c = l->o.connector;
    const bool grows = !l->relay && (c->resource || !c->resource_schema.len);
    weir_rc rc = grows ? meaning_grow(m, &s->m, e) : WEIR_OK;
    *ret_same = !rc && grows && meaning_same(m, &s->m);
    return rc || *ret_same || !waits(s, SIZE_MAX) ? rc : out_of_turn(l, s, e);
}

weir_rc load_stream(load *l, size_t at, const load_stream_spec *spec, size_t *ret_index, err *e)
{
    meaning m = {0};
    bool same = false, is_new = at == SIZE_MAX;
    at = is_new ? l->count : at;
    weir_rc rc = meaning_make(&m, l->o.connector, spec, e);
    if (!rc)
        rc = check_alone(l, at, &m, e);
    if (!rc && !is_new)
        rc = change(l, l->streams[at], &m, &same, e);
    if (!rc && !same)
        rc = settle(l, at, &m, e);
    if (rc || same)
        meaning_free(&m);
    if (!rc && ret_index)
        *ret_index = at;
    return err_wrap(e, rc, "%s %.*s", l->o.what, VIEW_ARG(spec->name));
}

/* A relay's documents are not taken apart: whether they delete is looked up here. */
static bool relay_deletes(const load *l, const meaning *m, weir_view doc)
{
    if (!l->relay || !m->deleted.len)
        return false;
    weir_view found = pointer_find(doc, m->deleted);
    return found.len && !view_is(found, "null");
}

weir_rc load_add(load *l, size_t at, weir_op op, weir_view doc, const weir_view *extras, err *e)
{
    meaning *m = &l->streams[at]->m;
    if (op == WEIR_UPDATE && !l->completes && !l->o.connector->materialize->updates)
        return err_fail(e, WEIR_E_CONFIG, "%s %.*s: an update of single fields, and '%s' stores whole documents only", l->o.what, VIEW_ARG(m->name),
                        l->o.connector->name);
    weir_rc rc = l->docs.len >= LOAD_BYTES ? store_waiting(l, NULL, SIZE_MAX, e) : WEIR_OK;
    if (rc)
        return rc;
    const size_t from = l->docs.len;
    buf_addv(&l->docs, doc);
    bool ok = l->relay || combine_extras(&l->docs, extras, m->extra_count);
    if (!ok || !buf_ok(&l->docs))
        rc = err_nomem(e);
    if (!rc)
        rc = combine_add(m->combine, buf_view(&l->docs), from, doc.len, relay_deletes(l, m, doc) ? WEIR_DELETE : op, e);
    if (rc) {
        l->docs.len = from;
        l->docs.failed = false;
    }
    return rc;
}

static weir_rc find_column(const stream *s, weir_view field, const weir_column **ret, err *e)
{
    *ret = NULL;
    for (size_t i = 0; i < s->m.columns.count && !*ret && field.len; i++)
        if (view_eq(s->m.columns.columns[i].field, field))
            *ret = &s->m.columns.columns[i];
    return *ret || !field.len ? WEIR_OK : err_fail(e, WEIR_E_BUG, "there is no column \"%.*s\"", VIEW_ARG(field));
}

weir_rc load_expire(load *l, size_t at, weir_view age, int64_t below, weir_view mark, weir_view value, err *e)
{
    stream *s = l->streams[at];
    weir_expiry x = {.below = below, .value = value};
    weir_rc rc = out_of_turn(l, s, e); /* which may give the binding other columns */
    if (!rc)
        rc = find_column(s, age, &x.age, e);
    if (!rc)
        rc = find_column(s, mark, &x.mark, e);
    if (!rc)
        rc = session_expire(l->s, &l->bindings[at], &x, e);
    return named(l, s, rc, e);
}

uint64_t load_mark(const load *l) { return l->base_at + l->docs.len; }

weir_rc load_commit(load *l, uint64_t mark, weir_view position, err *e)
{
    size_t upto = mark < l->base_at ? 0 : mark - l->base_at < l->docs.len ? (size_t)(mark - l->base_at) : SIZE_MAX;
    weir_rc rc = store_waiting(l, NULL, upto, e);
    buf_clear(&l->checkpoint);
    buf_addv(&l->checkpoint, position);
    if (!rc && !buf_ok(&l->checkpoint))
        rc = err_nomem(e);
    return rc ? rc : end_transaction(l, e);
}
