#include "plane/intake.h"

#include <stdlib.h>

#include "run/combine.h"

enum { MARKS = 64 };

struct intake {
    ledger *l;
    const book *b;
    intake_options o;
    arena arena;
    selector *only;     /* NULL: all */
    journal_reader *r;  /* at `at`; NULL: not opened */
    uint64_t at;
    time_mark marks[MARKS];
    size_t count, next; /* marks at hand; the first one that is behind `at` */
    buf lines;          /* before they are selected */
};

weir_rc intake_make(intake **ret, ledger *l, const book *b, const intake_options *o, uint64_t at, err *e)
{
    intake *i = calloc(1, sizeof *i);
    if (!i) {
        range_free(o->keys);
        return err_nomem(e);
    }
    i->l = l;
    i->b = b;
    i->o = *o;
    i->at = at;
    weir_rc rc = selector_make(&i->arena, b->c, o->what, &i->only, e);
    if (rc)
        intake_free(i);
    else
        *ret = i;
    return rc;
}

void intake_free(intake *i)
{
    if (!i)
        return;
    if (i->r)
        journal_reader_close(i->r);
    range_free(i->o.keys);
    buf_free(&i->lines);
    arena_free(&i->arena);
    free(i);
}

uint64_t intake_at(const intake *i) { return i->at; }

/* What is committed has its mark: they are made in one transaction. */
static weir_rc refill(intake *i, err *e)
{
    while (i->next < i->count && i->marks[i->next].at <= i->at)
        i->next++;
    if (i->next < i->count)
        return WEIR_OK;
    i->next = 0;
    return store_times(i->l->store, i->b->c->name, i->at, i->marks, MARKS, &i->count, e);
}

weir_rc intake_peek(intake *i, uint64_t limit, piece *ret, err *e)
{
    *ret = (piece){i->at, i->at, 0};
    if (limit <= i->at)
        return WEIR_OK;
    weir_rc rc = refill(i, e);
    if (rc)
        return rc;
    ret->to = limit;
    if (i->next < i->count) {
        ret->second = i->marks[i->next].second;
        ret->to = i->marks[i->next].at < limit ? i->marks[i->next].at : limit;
    }
    return WEIR_OK;
}

static bool in_time(const reading *r, int64_t second)
{
    return !(r->has_not_before && second < r->not_before) && !(r->has_not_after && second > r->not_after);
}

static void pass_over(intake *i, uint64_t to)
{
    if (i->r)
        journal_reader_close(i->r);
    i->r = NULL;
    i->at = to;
}

static weir_rc takes(intake *i, weir_view doc, bool *ret, err *e)
{
    *ret = true;
    weir_rc rc = i->only ? selector_takes(i->only, doc, ret, e) : WEIR_OK;
    return rc || !*ret || !i->o.keys ? rc : range_has(i->o.keys, doc, ret, e);
}

/* @param at the offset of the first line  @param ret_held one that may not be passed: the lines end before it; UINT64_MAX: there is none */
static weir_rc select_lines(intake *i, weir_view lines, uint64_t at, buf *out, uint64_t *ret_held, err *e)
{
    weir_rc rc = WEIR_OK;
    *ret_held = UINT64_MAX;
    while (!rc && lines.len) {
        const char *nl = memchr(lines.ptr, '\n', lines.len);
        size_t len = nl ? (size_t)(nl - lines.ptr) : lines.len;
        const weir_view line = {lines.ptr, len};
        bool wanted = true;
        if (!view_is(line, COMBINE_TRUNCATION)) {
            rc = takes(i, line, &wanted, e);
        } else if (i->o.may_pass && !i->o.may_pass(i->o.arg, at)) {
            *ret_held = at;
            break;
        }
        len += nl != NULL;
        if (!rc && wanted)
            buf_add(out, lines.ptr, len);
        lines = view_from(lines, len);
        at += len;
    }
    return rc || buf_ok(out) ? rc : err_nomem(e);
}

weir_rc intake_read(intake *i, const piece *p, size_t want, buf *out, err *e)
{
    if (!in_time(i->o.what, p->second)) {
        pass_over(i, p->to);
        return WEIR_OK;
    }
    weir_rc rc = i->r ? WEIR_OK : journal_reader_open(&i->r, i->l->data_dir, i->b->c->name, i->at, e);
    if (!i->only && !i->o.keys && !i->o.may_pass)
        return rc ? rc : journal_read(i->r, p->to, want, out, &i->at, e);
    const uint64_t from = i->at;
    uint64_t held = UINT64_MAX;
    buf_clear(&i->lines);
    if (!rc)
        rc = journal_read(i->r, p->to, want, &i->lines, &i->at, e);
    if (!rc)
        rc = select_lines(i, buf_view(&i->lines), from, out, &held, e);
    if (!rc && held != UINT64_MAX)
        pass_over(i, held);
    return rc;
}
