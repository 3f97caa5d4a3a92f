/* Schemas that grow while a tap runs. */
#include "json/write.h"
#include "proto/singer/schema.h"
#include "proto/singer/tap.h"

static bool is_left_out(const tap_stream *s, weir_view name)
{
    buf doc = {0}, left = {0};
    buf_addc(&doc, '{');
    json_quote_lossy(&doc, name);
    buf_adds(&doc, ":0}");
    if (s->prune && buf_ok(&doc))
        prune_into(s->prune, buf_view(&doc), &left);
    bool out = s->prune && buf_ok(&left) && view_is(buf_view(&left), "{}");
    buf_free(&doc);
    buf_free(&left);
    return out || (s->from->unwrap.row_id && view_is(name, "_meta"));
}

static bool has_type(const tree *type, weir_view word)
{
    if (type->kind == TREE_STRING)
        return view_eq(type->text, word) || (view_is(word, "integer") && view_is(type->text, "number"));
    for (const tree *c = type->first; c; c = c->next)
        if (has_type(c, word))
            return true;
    return false;
}

static bool covers(const tree *now, const tree *said)
{
    if (said->kind == TREE_STRING)
        return has_type(now, said->text);
    for (const tree *c = said->first; c; c = c->next)
        if (!covers(now, c))
            return false;
    return true;
}

static void put_type(json_out *w, const tree *type, const tree *unless)
{
    for (const tree *c = type->kind == TREE_ARRAY ? type->first : type; c; c = type->kind == TREE_ARRAY ? c->next : NULL)
        if (!unless || !has_type(unless, c->text))
            out_raw(w, c->raw);
}

/* Both types; a format holds only if both say so. */
static void put_wider(json_out *w, const tree *now, const tree *said)
{
    out_open(w, '{');
    for (const tree *m = now->first; m; m = m->next) {
        if (view_is(m->name, "format") && !view_eq(m->text, tree_text(said, "format")))
            continue;
        out_namev(w, m->name);
        if (!view_is(m->name, "type")) {
            out_raw(w, m->raw);
            continue;
        }
        out_open(w, '[');
        put_type(w, m, NULL);
        put_type(w, tree_get(said, "type"), m);
        out_close(w, ']');
    }
    out_close(w, '}');
}

/* @return whether it is another one than before */
static bool put_property(json_out *w, const tree *now, const tree *said)
{
    const tree *known = tree_get(now, "type"), *types = tree_get(said, "type");
    if (now->kind != TREE_OBJECT || !known || !said || (types && covers(known, types))) {
        out_raw(w, now->raw);
        return false;
    }
    if (types)
        put_wider(w, now, said);
    else
        out_raw(w, said->raw);
    return true;
}

/* @return whether anything is another one than before */
static bool put_properties(json_out *w, const tap_stream *s, const tree *now, const tree *said)
{
    bool news = false;
    for (const tree *p = now ? now->first : NULL; p; p = p->next) {
        out_namev(w, p->name);
        news |= put_property(w, p, tree_getv(said, p->name));
    }
    for (const tree *p = said ? said->first : NULL; p; p = p->next) {
        if (tree_getv(now, p->name) || is_left_out(s, p->name))
            continue;
        out_raw(out_namev(w, p->name), p->raw);
        news = true;
    }
    return news;
}

static weir_rc parse(arena *a, weir_view text, tree **ret, err *e)
{
    weir_view kept = arena_dup(a, text);
    return kept.ptr ? tree_parse(a, kept, NULL, WEIR_E_BUG, ret, e) : err_nomem(e);
}

weir_rc singer_tap_widen(const tap_stream *s, weir_view now, weir_view said, buf *out, err *e)
{
    arena a = {0};
    tree *before = NULL, *news = NULL;
    buf given = {0};
    json_out w = json_out_to(out);
    bool changed = false;
    weir_rc rc = singer_schema(said, false, &given, e);
    rc = rc ? rc : parse(&a, now, &before, e);
    rc = rc ? rc : parse(&a, buf_view(&given), &news, e);
    if (!rc) {
        out_open(&w, '{');
        for (const tree *m = before->first; m; m = m->next) {
            out_namev(&w, m->name);
            if (view_is(m->name, "properties")) {
                out_open(&w, '{');
                changed = put_properties(&w, s, m, tree_get(news, "properties"));
                out_close(&w, '}');
            } else {
                out_raw(&w, m->raw);
            }
        }
        out_close(&w, '}');
        rc = buf_ok(out) && !a.failed ? WEIR_OK : err_nomem(e);
    }
    if (!changed)
        buf_clear(out);
    buf_free(&given);
    arena_free(&a);
    return rc;
}
