/* What documents of a capture pass on their way into journals. */
#include "plane/capture_parts.h"

/* @param ret_kept it goes into the collection */
static weir_rc look_at_one(capture *c, size_t binding, weir_view doc, bool *ret_kept, err *e)
{
    book *b = c->of_binding[binding];
    *ret_kept = true;
    if (__builtin_expect(view_is(doc, COMBINE_TRUNCATION), 0))
        return WEIR_OK;
    weir_rc rc = gate_check(c->gates[binding], doc, &c->why, e);
    if (rc)
        return rc;
    if (__builtin_expect(!c->why.len, 1))
        return book_observe(b, doc, e);
    *ret_kept = false;
    if (c->aside[binding])
        return refused_add(c->aside[binding], doc, buf_view(&c->why), worker_now(c->w), e);
    return gate_refuse(b->c, WEIR_E_PROTOCOL, gate_hides(c->gates[binding]) ? (weir_view){0} : doc, &c->why, e);
}

/* The same lines, without what the schema wants to be redacted. */
static weir_rc clean(capture *c, size_t binding, buf *lines, err *e)
{
    weir_rc rc = WEIR_OK;
    buf kept = {0};
    for (weir_view rest = buf_view(lines); rest.len && !rc;) {
        size_t len = (size_t)((const char *)memchr(rest.ptr, '\n', rest.len) - rest.ptr);
        weir_view doc = {rest.ptr, len};
        bool keep = true, cut = view_is(doc, COMBINE_TRUNCATION);
        size_t at = kept.len;
        if (!cut)
            rc = look_at_one(c, binding, doc, &keep, e);
        if (!rc && keep && !cut)
            rc = gate_clean(c->gates[binding], &kept, e);
        else if (!rc && cut)
            buf_addv(&kept, doc);
        if (kept.len > at)
            buf_addc(&kept, '\n');
        rest = view_from(rest, len + 1);
    }
    buf_free(lines);
    *lines = kept;
    return rc || buf_ok(lines) ? rc : err_nomem(e);
}

/* Leaves those lines that go into the collection. */
static weir_rc look_at(capture *c, size_t binding, buf *lines, err *e)
{
    weir_view rest = buf_view(lines);
    size_t kept = 0;
    weir_rc rc = WEIR_OK;
    while (!rc && rest.len) {
        const char *nl = memchr(rest.ptr, '\n', rest.len);
        size_t len = (size_t)(nl - rest.ptr) + 1;
        bool keep;
        rc = look_at_one(c, binding, (weir_view){rest.ptr, len - 1}, &keep, e);
        if (keep && kept != (size_t)(rest.ptr - lines->ptr))
            memmove(lines->ptr + kept, rest.ptr, len);
        kept += keep ? len : 0;
        rest = view_from(rest, len);
    }
    lines->len = kept;
    return rc;
}

weir_rc capture_check(capture *c, size_t binding, buf *lines, err *e)
{
    return gate_redacts(c->gates[binding]) ? clean(c, binding, lines, e) : look_at(c, binding, lines, e);
}
