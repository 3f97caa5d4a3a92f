#include "plane/fields.h"

#include <stdio.h>
#include <stdlib.h>

#include "json/write.h"
#include "model/state.h"
#include "plane/columns.h"

weir_rc fields_init(fields *f, const task *t, store *s, log_sink *log, err *e)
{
    *f = (fields){.t = t, .store = s, .log = log};
    f->off = arena_array(&f->arena, t->binding_count, sizeof *f->off);
    f->renewed = arena_array(&f->arena, t->binding_count, sizeof *f->renewed);
    f->from = arena_array(&f->arena, t->binding_count, sizeof *f->from);
    return f->arena.failed ? err_nomem(e) : WEIR_OK;
}

void fields_free(fields *f)
{
    arena_free(&f->arena);
}

static weir_rc get(fields *f, arena *a, const buf *name, weir_view *ret, err *e)
{
    *ret = (weir_view){NULL, 0};
    return buf_ok(name) ? store_note(f->store, f->t->name, buf_view(name), a, ret, e) : err_nomem(e);
}

static weir_rc put(fields *f, const buf *name, const buf *value, err *e)
{
    return buf_ok(name) && buf_ok(value) ? store_put_note(f->store, f->t->name, buf_view(name), buf_view(value), e) : err_nomem(e);
}

/* ---- backfills of our own ---- */

/* Its path is known only after validation. */
static buf backfill_note(const task_binding *b)
{
    buf name = {0};
    buf_printf(&name, "backfills of %.*s into ", VIEW_ARG(b->collection->name));
    if (b->resource)
        tree_write(&name, b->resource);
    return name;
}

static weir_rc own_backfills(fields *f, arena *a, const task_binding *b, uint32_t *ret, err *e)
{
    buf name = backfill_note(b);
    weir_view digits;
    uint64_t n = 0;
    weir_rc rc = get(f, a, &name, &digits, e);
    *ret = !rc && digits.len && number_to_u64(digits, &n) ? (uint32_t)n : 0;
    buf_free(&name);
    return rc;
}

weir_rc fields_task(fields *f, arena *a, const task **ret, err *e)
{
    task *t = arena_alloc(a, sizeof *t);
    task_binding *b = arena_array(a, f->t->binding_count, sizeof *b);
    if (!t || !b)
        return err_nomem(e);
    weir_rc rc = WEIR_OK;
    size_t n = 0;
    for (size_t i = 0; !rc && i < f->t->binding_count; i++) {
        uint32_t own = 0;
        if (f->off[i])
            continue;
        rc = own_backfills(f, a, &f->t->bindings[i], &own, e);
        b[n] = f->t->bindings[i];
        b[n].backfill += own;
        f->from[n++] = i;
    }
    *t = *f->t;
    t->bindings = b;
    t->binding_count = n;
    *ret = t;
    return rc;
}

/* ---- what is stored ---- */

static buf fields_note(const weir_binding *b)
{
    buf name = {0};
    buf_printf(&name, "fields of %.*s", VIEW_ARG(b->state_key));
    return name;
}

static weir_rc read_live(fields *f, arena *a, const weir_binding *b, columns_live *ret, bool *ret_any, err *e)
{
    buf name = fields_note(b);
    weir_view text;
    tree *t = NULL;
    weir_rc rc = get(f, a, &name, &text, e);
    buf_free(&name);
    *ret_any = !rc && text.len;
    if (!rc && text.len)
        rc = tree_parse(a, text, NULL, WEIR_E_BUG, &t, e);
    if (rc || !t)
        return rc;
    const tree *list = tree_get(t, "values");
    weir_view *values = arena_array(a, list ? list->count : 0, sizeof *values);
    *ret = (columns_live){.document = tree_text(t, "document"), .values = values};
    for (const tree *one = list && values ? list->first : NULL; one; one = one->next)
        values[ret->count++] = one->text;
    return values ? WEIR_OK : err_nomem(e);
}

static weir_rc note_fields(fields *f, const weir_binding *b, err *e)
{
    buf name = fields_note(b), value = {0};
    json_out w = json_out_to(&value);
    out_open(&w, '{');
    for (size_t i = b->key_count; i < b->column_count; i++)
        if (!b->columns[i].pointer.len)
            out_text(out_name(&w, "document"), b->columns[i].field);
    out_open(out_name(&w, "values"), '[');
    for (size_t i = b->key_count; i < b->column_count; i++)
        if (b->columns[i].pointer.len)
            out_text(&w, b->columns[i].field);
    out_close(&w, ']');
    out_close(&w, '}');
    weir_rc rc = put(f, &name, &value, e);
    buf_free(&name);
    buf_free(&value);
    return rc;
}

weir_rc fields_applied(fields *f, const prepared *p, err *e)
{
    weir_rc rc = WEIR_OK;
    for (size_t i = 0; !rc && i < p->count; i++)
        rc = note_fields(f, &p->bindings[i], e);
    return rc;
}

/* ---- what does not fit ---- */

static void tell(const fields *f, const weir_binding *b, const char *what, buf *why)
{
    buf text = {0};
    buf_printf(&text, "binding %.*s: %s: %.*s", VIEW_ARG(b->name), what, VIEW_ARG(buf_view(why)));
    if (buf_ok(&text))
        log_record(f->log, WEIR_WARN, f->t->name, buf_view(&text), NULL, 0);
    buf_free(&text);
}

static weir_rc begin_backfill(fields *f, const weir_binding *b, size_t at, buf *why, err *e)
{
    arena a = {0};
    buf name = backfill_note(&f->t->bindings[at]), digits = {0};
    uint32_t own = 0;
    tell(f, b, "it is filled anew", why);
    weir_rc rc = own_backfills(f, &a, &f->t->bindings[at], &own, e);
    buf_printf(&digits, "%u", own + 1);
    if (!rc)
        rc = put(f, &name, &digits, e);
    f->renewed[at] = true;
    arena_free(&a);
    buf_free(&name);
    buf_free(&digits);
    return rc;
}

/* @param live something of the binding is stored: a table that never was ours is not emptied */
static weir_rc settle(fields *f, const weir_binding *b, size_t at, bool live, buf *why, err *e)
{
    const weir_view action = f->t->bindings[at].on_incompatible;
    if (view_is(action, "disableTask")) {
        tell(f, b, "the task is disabled", why);
        f->disabled = true;
        return WEIR_OK;
    }
    if (view_is(action, "disableBinding")) {
        tell(f, b, "it is left out", why);
        f->off[at] = true;
        return WEIR_OK;
    }
    if (view_is(action, "abort") || !live || f->renewed[at])
        return err_fail(e, WEIR_E_CONFIG, "%.*s", VIEW_ARG(buf_view(why)));
    return begin_backfill(f, b, at, why, e);
}

typedef struct choosing {
    fields *f;
    bool *again;
} choosing;

static weir_rc choose_one(void *arg, prepared *p, size_t i, err *e)
{
    fields *f = ((choosing *)arg)->f;
    weir_binding *b = &p->bindings[i];
    const task_binding *from = &f->t->bindings[f->from[i]];
    columns_live live = {0};
    bool any = false;
    buf why = {0};
    weir_rc rc = read_live(f, &p->arena, b, &live, &any, e);
    if (!rc)
        rc = columns_choose(&p->arena, from->collection, from, &p->demands[i], any ? &live : NULL, b, &why, e);
    if (!rc && why.len) {
        *((choosing *)arg)->again = true;
        rc = settle(f, b, f->from[i], any, &why, e);
    }
    buf_free(&why);
    return rc;
}

weir_rc fields_choose(fields *f, prepared *p, bool *ret_again, err *e)
{
    *ret_again = false;
    return prepared_each(p, choose_one, &(choosing){f, ret_again}, e);
}
