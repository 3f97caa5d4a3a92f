/* reduce_rig.h - a schema, its checker and a reducer, for tests that reduce texts. */
#ifndef WEIR_TEST_DOC_REDUCE_RIG_H
#define WEIR_TEST_DOC_REDUCE_RIG_H

#include "json/helpers.h"
#include "doc/reduce.h"

typedef struct rig {
    schema *schema;
    checker *check;
    reducer *reducer;
    tape left, right;
    err e;
} rig;

static inline void rig_free(rig *r)
{
    checker_free(r->check);
    schema_free(r->schema);
    reducer_free(r->reducer);
    tape_free(&r->left);
    tape_free(&r->right);
    err_free(&r->e);
    *r = (rig){0};
}

static inline void rig_make(rig *r, weir_view text)
{
    *r = (rig){0};
    weir_rc rc = schema_make(text, NULL, &r->schema, &r->e);
    rc = rc ? rc : checker_make(r->schema, &r->check, &r->e);
    rc = rc ? rc : reducer_make(&r->reducer, &r->e);
    if (rc)
        fail_msg("%s: %.*s", err_text(&r->e), VIEW_ARG(text));
}

/* @param left empty: none  @return WEIR_STOPPED: the document to the right is not valid */
static inline weir_rc rig_reduce(rig *r, weir_view left, weir_view right, bool full, buf *out, reduced *ret)
{
    bool valid = false;
    weir_rc rc = tape_read(&r->right, right, &r->e);
    if (!rc)
        rc = checker_run(r->check, &r->right, true, &valid, &r->e);
    if (rc || !valid)
        return rc ? rc : WEIR_STOPPED;
    if (!left.len)
        return reduce_alone(r->reducer, &r->right, r->check, out, ret, &r->e);
    rc = tape_read(&r->left, left, &r->e);
    return rc ? rc : reduce(r->reducer, &r->left, &r->right, r->check, full, out, ret, &r->e);
}

static inline bool same_value(weir_view a, weir_view b)
{
    tape x = {0}, y = {0};
    err e = {0};
    bool same = tape_read(&x, a, &e) == WEIR_OK && tape_read(&y, b, &e) == WEIR_OK && tape_equal(&x, 0, &y, 0);
    tape_free(&x);
    tape_free(&y);
    err_free(&e);
    return same;
}

#endif
