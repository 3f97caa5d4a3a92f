/* A flat map of texts as settings. */
#include <strings.h>

#include "json/patch.h"
#include "json/pointer.h"
#include "json/scan.h"
#include "json/write.h"
#include "proto/fivetran/form_plan.h"

enum { MOST_SHOWN = 40 /* bytes of a value in an error */ };

typedef struct giving {
    const ft_plan *plan;
    const ft_flat *flat;
    json_out w;
    buf problems;
} giving;

/* How much of an object there is. */
typedef struct tally {
    bool any;     /* something was given */
    bool changed; /* something that an untouched form would not have given by itself */
    bool missing; /* something is not there that has to be */
} tally;

static void put_node(giving *g, const ft_node *n, tally *t);

/* --------------------------------------------------------------------------------------------------------------- problems -- */

static void put_shown(buf *out, const ft_node *n, weir_view text)
{
    size_t len = text.len;
    if (n->secret) {
        buf_adds(out, "something else");
        return;
    }
    if (len > MOST_SHOWN)
        for (len = MOST_SHOWN; len > 0 && ((unsigned char)text.ptr[len] & 0xc0) == 0x80;)
            len--;
    json_quote_lossy(out, (weir_view){text.ptr, len});
    if (len < text.len)
        buf_adds(out, "...");
}

static buf *problem(giving *g, const ft_node *n)
{
    if (g->problems.len)
        buf_addc(&g->problems, '\n');
    buf_printf(&g->problems, "field '%.*s': ", VIEW_ARG(n->name));
    return &g->problems;
}

static void expected(giving *g, const ft_node *n, const char *what, weir_view text)
{
    buf *out = problem(g, n);
    buf_printf(out, "expected %s, got ", what);
    put_shown(out, n, text);
}

static void expected_choice(giving *g, const ft_node *n, weir_view text)
{
    buf *out = problem(g, n);
    buf_adds(out, "expected one of ");
    for (size_t i = 0; i < n->choice_count; i++)
        buf_printf(out, "%s'%.*s'", i ? ", " : "", VIEW_ARG(n->choices[i].text));
    buf_adds(out, ", got ");
    put_shown(out, n, text);
}

/* ----------------------------------------------------------------------------------------------------------------- values -- */

static weir_view trimmed(weir_view v)
{
    while (v.len && strchr(" \t\r\n", v.ptr[0]) && *v.ptr)
        v = view_from(v, 1);
    while (v.len && strchr(" \t\r\n", v.ptr[v.len - 1]) && v.ptr[v.len - 1])
        v.len--;
    return v;
}

static unsigned type_of_json(weir_view json)
{
    switch (*json.ptr) {
    case '{': return WEIR_IS_OBJECT;
    case '[': return WEIR_IS_ARRAY;
    case '"': return WEIR_IS_STRING;
    case 'n': return WEIR_IS_NULL;
    case 't':
    case 'f': return WEIR_IS_BOOLEAN;
    default: return number_is_integer(json) ? WEIR_IS_INTEGER | WEIR_IS_NUMBER : WEIR_IS_NUMBER;
    }
}

/* Is it JSON of a type that the setting may have? */
static bool is_fitting_json(const ft_node *n, weir_view text)
{
    return text.len && json_check(text, NULL, NULL) && (!n->types || n->types & type_of_json(text));
}

bool ft_stands_for_itself(const ft_node *n, weir_view text)
{
    return text.len && !is_fitting_json(n, trimmed(text));
}

static void put_texts(giving *g, weir_view text)
{
    out_open(&g->w, '[');
    for (bool more = true; more;) {
        const char *comma = text.len ? memchr(text.ptr, ',', text.len) : NULL;
        weir_view item = {text.ptr, comma ? (size_t)(comma - text.ptr) : text.len};
        out_text(&g->w, trimmed(item));
        more = comma != NULL;
        text = view_from(text, item.len + 1);
    }
    out_close(&g->w, ']');
}

static void put_json(giving *g, const ft_node *n, weir_view text)
{
    weir_view json = trimmed(text);
    const char *why = "";
    if (is_fitting_json(n, json)) {
        out_raw(&g->w, json);
    } else if (n->texts && json.len && *json.ptr != '[') {
        put_texts(g, json);
    } else if (!n->types || n->types & WEIR_IS_STRING) {
        out_text(&g->w, text);
    } else {
        out_null(&g->w);
        if (json_check(json, &why, NULL))
            why = "it is JSON of another type";
        buf *out = problem(g, n);
        buf_printf(out, "expected JSON as its description says (%s), got ", why);
        put_shown(out, n, text);
    }
}

static void put_number(giving *g, const ft_node *n, weir_view text)
{
    weir_view number = trimmed(text);
    bool integer = n->kind == FT_KIND_INTEGER;
    if (number_is(number) && (!integer || number_is_integer(number))) {
        out_raw(&g->w, number);
        return;
    }
    out_null(&g->w);
    expected(g, n, integer ? "an integer" : "a number", text);
}

static bool is_word(weir_view text, const char *word)
{
    return text.len == strlen(word) && strncasecmp(text.ptr, word, text.len) == 0;
}

static void put_bool(giving *g, const ft_node *n, weir_view text)
{
    bool truth = is_word(trimmed(text), "true");
    out_bool(&g->w, truth);
    if (!truth && !is_word(trimmed(text), "false"))
        expected(g, n, "true or false", text);
}

static const ft_choice *choice_of(const ft_node *n, weir_view text)
{
    for (size_t i = 0; i < n->choice_count; i++)
        if (view_eq(n->choices[i].text, text))
            return n->choices + i;
    return NULL;
}

static void put_tree(json_out *w, const tree *t)
{
    buf text = {0};
    tree_write(&text, t);
    out_raw(w, buf_view(&text));
    w->to->failed |= !buf_ok(&text);
    buf_free(&text);
}

static void put_choice(giving *g, const ft_node *n, weir_view text)
{
    const ft_choice *c = choice_of(n, text);
    if (c) {
        put_tree(&g->w, c->value);
        return;
    }
    out_null(&g->w);
    expected_choice(g, n, text);
}

static void put_constant(giving *g, const ft_node *n, weir_view text)
{
    (void)text;
    put_tree(&g->w, n->choices->value);
}

static void put_text(giving *g, const ft_node *n, weir_view text)
{
    (void)n;
    out_text(&g->w, text);
}

/* ----------------------------------------------------------------------------------------------------------------- leaves -- */

static bool is_given(const ft_node *n, weir_view text)
{
    return text.ptr && (text.len || n->keeps_empty || (n->kind == FT_KIND_ENUM && choice_of(n, text)));
}

/* Would the form have said so without anybody's doing? */
static bool is_untouched(giving *g, const ft_node *n, weir_view text)
{
    buf own = {0};
    bool same = n->kind == FT_KIND_CONST;
    if (n->fallback) {
        if (n->fallback->kind == TREE_STRING)
            buf_addv(&own, n->fallback->text);
        else
            tree_write(&own, n->fallback);
        same |= view_eq(buf_view(&own), text);
    } else if (n->kind == FT_KIND_BOOL) {
        same = is_word(text, "false");
    }
    g->w.to->failed |= !buf_ok(&own);
    buf_free(&own);
    return same;
}

static void put_leaf(giving *g, const ft_node *n, tally *t)
{
    static void (*const puts[])(giving *, const ft_node *, weir_view) = {
        [FT_KIND_JSON] = put_json, [FT_KIND_TEXT] = put_text,   [FT_KIND_INTEGER] = put_number, [FT_KIND_NUMBER] = put_number,
        [FT_KIND_BOOL] = put_bool, [FT_KIND_ENUM] = put_choice, [FT_KIND_CONST] = put_constant,
    };
    weir_view text = ft_flat_get(g->flat, n->name);
    bool shown = !n->conditional || ft_form_shows(&g->plan->form, g->flat, n->name);
    if (!shown)
        return;
    if (is_given(n, text)) {
        t->any = true;
        t->changed |= !is_untouched(g, n, text);
    } else if (n->kind != FT_KIND_CONST || !n->required) {
        t->missing |= n->required;
        return;
    }
    out_namev(&g->w, n->property);
    puts[n->kind](g, n, text);
}

/* ---------------------------------------------------------------------------------------------------------------- objects -- */

static bool is_any_given(const giving *g, const ft_node *n)
{
    bool any = n->kind != FT_KIND_OBJECT && is_given(n, ft_flat_get(g->flat, n->name));
    for (const ft_node *m = n->first; m && !any; m = m->next)
        any = is_any_given(g, m);
    return any || (n->by && is_any_given(g, n->by));
}

/* The variant that is chosen; without a choice the one that is meant by default, if any of it is there. */
static const ft_choice *chosen(const giving *g, const ft_node *by, const ft_node *const *variants)
{
    weir_view text = ft_flat_get(g->flat, by->name);
    if (text.len || !by->fallback)
        return choice_of(by, text);
    const ft_choice *usual = NULL;
    for (size_t i = 0; i < by->choice_count; i++)
        if (by->fallback->kind == TREE_STRING && view_eq(by->choices[i].text, by->fallback->text) && is_any_given(g, variants[i]))
            usual = by->choices + i;
    return usual;
}

static void put_variant(giving *g, const ft_node *n, tally *t)
{
    const ft_node *by = n->by;
    if (by->conditional && !ft_form_shows(&g->plan->form, g->flat, by->name))
        return;
    weir_view text = ft_flat_get(g->flat, by->name);
    const ft_choice *c = chosen(g, by, (const ft_node *const *)n->variants);
    if (!c) {
        t->missing = true;
        if (text.len)
            expected_choice(g, by, text);
        return;
    }
    t->any = true;
    t->changed |= !is_untouched(g, by, c->text);
    put_tree(out_namev(&g->w, by->property), c->value);
    const ft_node *variant = n->variants[c - by->choices];
    for (const ft_node *m = variant ? variant->first : NULL; m; m = m->next)
        put_node(g, m, t);
}

static void put_members(giving *g, const ft_node *n, tally *t)
{
    for (const ft_node *m = n->first; m; m = m->next)
        put_node(g, m, t);
    if (n->by)
        put_variant(g, n, t);
}

/* An object that may be absent is, if nothing in it was given, or nothing but what an untouched form gives and that is not enough. */
static void put_object(giving *g, const ft_node *n, tally *outer)
{
    tally t = {0};
    json_out before = g->w;
    size_t len = g->w.to->len;
    out_open(out_namev(&g->w, n->property), '{');
    put_members(g, n, &t);
    out_close(&g->w, '}');
    bool keep = n->required || (t.any && (t.changed || !t.missing));
    if (!keep) {
        g->w = before;
        g->w.to->len = len;
        return;
    }
    outer->any |= t.any;
    outer->changed |= t.changed;
    outer->missing |= n->required && t.missing;
}

static void put_node(giving *g, const ft_node *n, tally *t)
{
    if (n->kind == FT_KIND_OBJECT)
        put_object(g, n, t);
    else
        put_leaf(g, n, t);
}

/* All settings are in the one that there is a field for, and beside it as texts. */
static weir_rc put_open(const ft_plan *p, const ft_flat *flat, buf *out, size_t from, err *e)
{
    buf beside = {0}, all = {0};
    weir_view inside = pointer_find(view_from(buf_view(out), from), VIEW("/config"));
    json_out w = json_out_to(&beside);
    out_open(&w, '{');
    for (size_t i = 0; i < flat->count; i++)
        if (flat->items[i].value.len && !ft_plan_leaf(p, flat->items[i].name))
            out_text(out_namev(&w, flat->items[i].name), flat->items[i].value);
    out_close(&w, '}');
    bool ok = buf_ok(&beside) && patch_apply(&all, inside.len ? inside : VIEW("{}"), buf_view(&beside)) && buf_ok(&all);
    out->len = from;
    buf_addv(out, buf_view(&all));
    ok = ok && buf_ok(out);
    buf_wipe(&all);
    buf_wipe(&beside);
    return ok ? WEIR_OK : err_nomem(e);
}

weir_rc ft_plan_settings(const ft_plan *p, const ft_flat *flat, log_sink *log, buf *out, err *e)
{
    giving g = {.plan = p, .flat = flat, .w = json_out_to(out)};
    size_t from = out->len;
    tally t = {0};
    weir_rc rc = WEIR_OK;
    out_open(&g.w, '{');
    put_members(&g, p->root, &t);
    out_close(&g.w, '}');
    for (size_t i = 0; i < flat->count; i++)
        if (!p->open && !ft_plan_leaf(p, flat->items[i].name))
            log_line(log, WEIR_DEBUG, "no field is called '%.*s': its value is not used", VIEW_ARG(flat->items[i].name));
    if (!buf_ok(out) || !buf_ok(&g.problems))
        rc = err_nomem(e);
    else if (g.problems.len)
        rc = err_fail(e, WEIR_E_CONFIG, "%s", buf_text(&g.problems));
    else if (p->open)
        rc = put_open(p, flat, out, from, e);
    if (rc)
        out->len = from;
    buf_free(&g.problems);
    return rc;
}

/* ---------------------------------------------------------------------------------------------------------------- secrets -- */

static void tell_inside(const tree *t, void (*each)(void *arg, weir_view secret), void *arg)
{
    if ((t->kind == TREE_STRING || t->kind == TREE_NUMBER) && t->text.len)
        each(arg, t->text);
    for (const tree *c = t->first; c; c = c->next)
        tell_inside(c, each, arg);
}

void ft_plan_secrets(const ft_plan *p, const ft_flat *flat, void (*each)(void *arg, weir_view secret), void *arg)
{
    for (size_t i = 0; i < flat->count; i++) {
        const ft_node *n = ft_plan_leaf(p, flat->items[i].name);
        weir_view text = flat->items[i].value;
        arena a = {0};
        err e = {0};
        tree *t;
        const bool secret = n ? n->secret : p->open; /* of what has no field there it may be any */
        if (!secret || !text.len)
            continue;
        each(arg, text);
        if (n && n->kind == FT_KIND_JSON && !tree_parse_lenient(&a, text, NULL, WEIR_E_CONFIG, &t, &e))
            tell_inside(t, each, arg); /* they come up alone, too */
        arena_free(&a);
        err_free(&e);
    }
}
