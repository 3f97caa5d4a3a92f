#include "plane/publisher.h"

#include <stdlib.h>

struct publisher {
    gate *gate;
    buf lines;
};

weir_rc publisher_make(publisher **ret, const collection *c, err *e)
{
    publisher *p = calloc(1, sizeof *p);
    if (!p)
        return err_nomem(e);
    weir_rc rc = gate_make(&p->gate, c, e);
    if (rc)
        publisher_free(p);
    else
        *ret = p;
    return rc;
}

void publisher_free(publisher *p)
{
    if (!p)
        return;
    gate_free(p->gate);
    buf_free(&p->lines);
    free(p);
}

weir_rc publisher_add(publisher *p, weir_view doc, buf *why, err *e)
{
    weir_rc rc = gate_check(p->gate, doc, why, e);
    if (rc || why->len)
        return rc;
    buf_addv(&p->lines, doc);
    buf_addc(&p->lines, '\n');
    return buf_ok(&p->lines) ? WEIR_OK : err_nomem(e);
}

weir_rc publisher_drain(publisher *p, weir_rc (*take)(void *arg, weir_view doc, err *e), void *arg, err *e)
{
    weir_view lines = buf_view(&p->lines);
    weir_rc rc = WEIR_OK;
    while (!rc && lines.len) {
        const char *nl = memchr(lines.ptr, '\n', lines.len);
        size_t len = (size_t)(nl - lines.ptr);
        rc = take(arg, (weir_view){lines.ptr, len}, e);
        lines = view_from(lines, len + 1);
    }
    publisher_clear(p);
    return rc;
}

void publisher_clear(publisher *p) { buf_clear(&p->lines); }
