/* jsonSchemaMerge: the schema that takes what either takes, as far as inference follows schemas (json/infer.h). A schema of an
 * older generation of its collection counts no more once there is a newer one. What has become too complex is made simpler (x-complexity-limit). */
#include "doc/reduce_inner.h"

#include "json/infer.h"

static weir_view member_text(const tape *t, uint32_t node, const char *name, uint8_t kind)
{
    uint32_t m = node == NOTHING || t->nodes[node].kind != TREE_OBJECT ? 0 : tape_member(t, node, view_of(name));
    return m && t->nodes[m].kind == kind ? tape_text(t, m) : (weir_view){0};
}

/* Behind the members of the object that was just written. */
static void put_member(reducer *r, const char *name, weir_view value)
{
    if (!value.len || !buf_ok(r->out) || !r->out->len)
        return;
    r->out->len--;
    buf_printf(r->out, "%s\"%s\":%.*s}", r->out->ptr[r->out->len - 1] == '{' ? "" : ",", name, VIEW_ARG(value));
}

static weir_rc learn(shape *s, const tape *t, uint32_t node, err *e)
{
    bool widened;
    return node == NOTHING ? WEIR_OK : shape_union(s, tape_text(t, node), e, &widened);
}

outcome reduce_by_schema(reducer *r, const note *n, uint32_t a, uint32_t b)
{
    static const char generation[] = "x-collection-generation-id";
    weir_view left = member_text(r->left, a, generation, TREE_STRING), right = member_text(r->right, b, generation, TREE_STRING);
    int newer = left.len && right.len ? view_cmp(left, right) : 0;
    err why = {0};
    shape *s = shape_new();
    if (!s)
        return reduce_nomem(r);
    weir_rc rc = newer < 0 ? WEIR_OK : learn(s, r->left, a, &why);
    rc = rc || newer > 0 ? rc : learn(s, r->right, b, &why);
    outcome o = DONE;
    rc = rc || shape_limit(s) ? rc : WEIR_E_NOMEM;
    if (!rc) {
        shape_schema(s, r->out);
        put_member(r, generation, newer > 0 || !right.len ? left : right);
    } else {
        o = rc == WEIR_E_NOMEM ? reduce_nomem(r) : reduce_fail(r, n, a, b, "takes JSON Schemas");
    }
    shape_free(s);
    err_free(&why);
    return o;
}
