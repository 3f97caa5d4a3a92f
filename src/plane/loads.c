#include "plane/loads.h"

#include "model/tuple.h"

/* One that is larger than any tuple: everything may exist. */
static const weir_view beyond_all = WEIR_LIT("\xff");

/* What was noted, and under which name. */
static weir_rc find(store *s, weir_view task, weir_view name, const weir_binding *b, arena *a, weir_view *ret_name, weir_view *ret_held, err *e)
{
    buf text = {0};
    buf_printf(&text, "largest key of %.*s by", VIEW_ARG(name));
    for (size_t i = 0; i < b->key_count; i++)
        buf_printf(&text, " %.*s", VIEW_ARG(b->columns[i].pointer));
    *ret_name = arena_dup(a, buf_view(&text));
    weir_rc rc = buf_ok(&text) && ret_name->ptr ? store_note(s, task, *ret_name, a, ret_held, e) : err_nomem(e);
    buf_free(&text);
    return rc;
}

weir_rc loads_open(loads *l, store *s, weir_view task, weir_view name, const weir_binding *b, bool begun, bool all, arena *a, err *e)
{
    weir_view held = {NULL, 0};
    weir_rc rc = find(s, task, name, b, a, &l->name, &held, e);
    buf_clear(&l->stored);
    buf_clear(&l->next);
    buf_addv(&l->stored, held.ptr ? held : begun ? beyond_all : VIEW(""));
    l->unknown = view_eq(buf_view(&l->stored), beyond_all);
    l->all = all;
    return rc || buf_ok(&l->stored) ? rc : err_nomem(e);
}

weir_rc loads_pass(store *s, weir_view task, weir_view name, const weir_binding *b, arena *a, err *e)
{
    weir_view held = {NULL, 0}, note;
    weir_rc rc = find(s, task, name, b, a, &note, &held, e);
    return rc || !held.ptr || view_eq(held, beyond_all) ? rc : store_put_note(s, task, note, beyond_all, e);
}

void loads_free(loads *l)
{
    buf_free(&l->stored);
    buf_free(&l->next);
    buf_free(&l->room);
}

static bool pack(loads *l, const weir_row *row)
{
    buf_clear(&l->room);
    bool ok = true;
    for (size_t i = 0; ok && i < row->binding->key_count; i++)
        ok = tuple_pack(&l->room, row->values[i]);
    return ok && buf_ok(&l->room);
}

bool loads_may_exist(loads *l, const weir_row *row)
{
    if (l->unknown)
        return true;
    if (!pack(l, row)) { /* a number that no tuple holds: from now on nobody knows */
        l->unknown = true;
        buf_clear(&l->next);
        buf_addv(&l->next, beyond_all);
        return true;
    }
    const weir_view key = buf_view(&l->room);
    if (l->stored.len && view_cmp(key, buf_view(&l->stored)) <= 0)
        return true;
    if (view_cmp(key, buf_view(&l->next)) > 0) {
        buf_clear(&l->next);
        buf_addv(&l->next, key);
    }
    return l->all;
}

weir_rc loads_note(loads *l, store *s, weir_view task, err *e)
{
    if (!l->next.len)
        return buf_ok(&l->next) ? WEIR_OK : err_nomem(e);
    weir_rc rc = store_put_note(s, task, l->name, buf_view(&l->next), e);
    buf_clear(&l->stored);
    buf_addv(&l->stored, buf_view(&l->next));
    buf_clear(&l->next);
    return rc || buf_ok(&l->stored) ? rc : err_nomem(e);
}
