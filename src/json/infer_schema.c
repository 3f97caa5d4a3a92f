/* Shapes from schemas, and schemas from shapes. */
#include "json/infer_node.h"

#include "json/number.h"
#include "json/write.h"

/* --------------------------------------------------------------------------------------------------------------- union -- */

typedef struct merger {
    shape *shape;
    bool widened;
} merger;

static void merge(merger *g, node *n, const facet *f, unsigned level);

static void set(merger *g, bool *flag, bool value)
{
    g->widened = g->widened || (value && !*flag);
    *flag = *flag || value;
}

/* The text that all strings have in common so far, if there were any, and now. */
static void merge_text(merger *g, weir_view *text, bool *any, weir_view other, bool first)
{
    if (first && other.len)
        *text = arena_dup(&g->shape->arena, other);
    if (first)
        *any = !other.len;
    else if (!*any)
        set(g, any, !view_eq(*text, other));
}

static void merge_strings(merger *g, node *n, const facet *f, bool first)
{
    merge_text(g, &n->format, &n->any_text, f->format, first);
    merge_text(g, &n->encoding, &n->any_code, f->encoding, first);
    n->test = format_named(n->format);
}

/* Members that both have carry the mark of this round: `round` if it requires them, one less if not. */
static void merge_member(merger *g, node *n, const facet_member *in, const facet *f, bool first, uint64_t round, unsigned level)
{
    member *m = node_member(n, in->name);
    if (!m && !n->open && !n->rest && level < SHAPE_DEPTH) {
        m = node_add(g->shape, n, in->name);
        if (m) {
            g->widened = true;
            m->required = first && in->required;
            n->required += m->required;
        }
    }
    if (m) {
        m->round = in->required ? round : round - 1;
        merge(g, &m->node, f, level + 1);
    } else if (n->rest) {
        merge(g, n->rest, f, level + 1);
    } else {
        set(g, &n->open, true);
    }
}

/* What is said of all further members; of what is not followed any more, anything. */
static void merge_rest(merger *g, node *n, const facet *f, unsigned level)
{
    const bool typed = f->rest && f->rest->types != FACET_ANY && !f->cut && level < SHAPE_DEPTH;
    set(g, &n->open, f->cut || (!f->closed && !typed));
    if (n->open)
        n->rest = NULL;
    else if (typed && f->rest->types != FACET_NONE && node_rest(g->shape, n))
        merge(g, n->rest, f->rest, level + 1);
}

static void merge_object(merger *g, node *n, const facet *f, bool first, unsigned level)
{
    const facet *rest = f->rest ? f->rest : &facet_anything;
    uint64_t round = g->shape->rounds += 2;
    for (const facet_member *in = f->members; in; in = in->next) {
        const facet *of = facet_of_member(f, in);
        of = of ? of : &facet_anything;
        if (of->types != FACET_NONE)
            merge_member(g, n, in, of, first, round, level);
    }
    for (member *m = n->members; m; m = m->next)
        if (m->round < round - 1)
            merge(g, &m->node, rest, level + 1);
    g->widened = node_relax(n, round) || g->widened;
    merge_rest(g, n, f, level);
}

static void merge_array(merger *g, node *n, const facet *f, unsigned level)
{
    set(g, &n->open_items, !f->items || level >= SHAPE_DEPTH);
    if (n->open_items || f->items->types == FACET_NONE)
        return;
    node *items = node_items(g->shape, n);
    if (items)
        merge(g, items, f->items, level + 1);
}

static void merge(merger *g, node *n, const facet *f, unsigned level)
{
    unsigned before = n->types, types = f->types | (f->types & WEIR_IS_NUMBER ? WEIR_IS_INTEGER : 0);
    n->types |= types;
    g->widened = g->widened || n->types != before;
    if (types & WEIR_IS_STRING)
        merge_strings(g, n, f, !(before & WEIR_IS_STRING));
    if (types & WEIR_IS_OBJECT)
        merge_object(g, n, f, !(before & WEIR_IS_OBJECT), level);
    if (types & WEIR_IS_ARRAY)
        merge_array(g, n, f, level);
}

bool shape_allow(shape *s, const tree *schema)
{
    enum { MOST = 100000 };
    const tree *said = tree_get(schema, "x-complexity-limit");
    uint64_t n;
    if (!said || said->kind != TREE_NUMBER || !number_to_u64(said->text, &n) || n == 0 || n > MOST)
        return false;
    s->limit = n < SHAPE_TOTAL ? (size_t)n : SHAPE_TOTAL;
    return true;
}

void shape_allow_all(shape *s) { s->limit = SHAPE_TOTAL; }

weir_rc shape_union(shape *s, weir_view schema, err *e, bool *ret_widened)
{
    arena a = {0};
    tree *t;
    facet *f;
    merger g = {.shape = s};
    weir_rc rc = s->arena.failed ? err_nomem(e) : tree_parse(&a, schema, NULL, WEIR_E_PROTOCOL, &t, e);
    if (!rc)
        rc = facet_read(&a, t, NULL, SHAPE_DEPTH, WEIR_E_PROTOCOL, &f, e);
    if (!rc)
        merge(&g, &s->root, f ? f : &facet_anything, 0);
    if (!rc)
        shape_allow(s, t);
    if (!rc && s->arena.failed)
        rc = err_nomem(e);
    arena_free(&a);
    if (!rc)
        *ret_widened = g.widened;
    return rc;
}

/* -------------------------------------------------------------------------------------------------------------- writing -- */

static void write_types(json_out *w, unsigned types)
{
    static const struct {
        unsigned bit;
        const char *name;
    } names[] = {
        {WEIR_IS_ARRAY, "array"},   {WEIR_IS_BOOLEAN, "boolean"}, {WEIR_IS_INTEGER, "integer"}, {WEIR_IS_NULL, "null"},
        {WEIR_IS_NUMBER, "number"}, {WEIR_IS_OBJECT, "object"},   {WEIR_IS_STRING, "string"},
    };
    if (types == FACET_ANY || !types)
        return;
    types &= types & WEIR_IS_NUMBER ? ~(unsigned)WEIR_IS_INTEGER : FACET_ANY;
    bool several = types & (types - 1);
    out_name(w, "type");
    if (several)
        out_open(w, '[');
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (types & names[i].bit)
            out_text(w, view_of(names[i].name));
    if (several)
        out_close(w, ']');
}

static void write_node(json_out *w, const node *n);

static void write_object(json_out *w, const node *n)
{
    if (n->count) {
        out_open(out_name(w, "properties"), '{');
        for (const member *m = n->members; m; m = m->next)
            write_node(out_namev(w, m->name), &m->node);
        out_close(w, '}');
    }
    if (n->required) {
        out_open(out_name(w, "required"), '[');
        for (const member *m = n->members; m; m = m->next)
            if (m->required)
                out_text(w, m->name);
        out_close(w, ']');
    }
    if (n->rest)
        write_node(out_name(w, "additionalProperties"), n->rest);
    else if (!n->open)
        out_bool(out_name(w, "additionalProperties"), false);
}

static void write_inside(json_out *w, const node *n)
{
    write_types(w, n->types);
    if (n->types & WEIR_IS_STRING && !n->any_text)
        out_text(out_name(w, "format"), n->format);
    if (n->types & WEIR_IS_STRING && !n->any_code)
        out_text(out_name(w, "contentEncoding"), n->encoding);
    if (n->types & WEIR_IS_OBJECT)
        write_object(w, n);
    if (n->types & WEIR_IS_ARRAY && !n->open_items) {
        out_name(w, "items");
        if (n->items)
            write_node(w, n->items);
        else
            out_bool(w, false); /* only empty arrays so far */
    }
}

static void write_node(json_out *w, const node *n)
{
    out_open(w, '{');
    write_inside(w, n);
    out_close(w, '}');
}

void shape_schema(const shape *s, buf *out)
{
    json_out w = json_out_to(out);
    out_open(&w, '{');
    write_inside(&w, &s->root);
    if (s->limit)
        out_int(out_name(&w, "x-complexity-limit"), (int64_t)s->limit);
    out_close(&w, '}');
}
