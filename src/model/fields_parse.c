#include <inttypes.h>
#include <math.h>

#include "base/map.h"
#include "json/number.h"
#include "json/pointer.h"
#include "json/text.h"
#include "model/field.h"

enum {
    MOST_PROBLEMS = 100, /* what a person may still read; the rest is counted */
    MOST_SHOWN = 40,     /* bytes of a value shown in an error */
    MOST_STEPS = 100,    /* from a setting to the one by which it is shown, and on */
};

typedef struct parse {
    arena *a;
    const char *what;
    const tree *root;
    buf pointer, problems;
    size_t count;
    tree_mark here; /* of the innermost object that is present: the place of what it lacks */
    bool secret;    /* values are not shown */
    bool lenient;   /* inside an optional object that is absent: defaults are applied, nothing is demanded */
    bool fallback;  /* inside a default: what is wrong there is the author's */
    bool bug;
} parse;

static void take(parse *p, const weir_field *f, const tree *t, void *out);

/* ------------------------------------------------------------------------------------------------------------- problems -- */

/* Names come from outside: a problem stays on its line. */
static void put_plain(buf *out, weir_view text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c < ' ' || c == 0x7f)
            buf_printf(out, "\\x%02x", c);
        else
            buf_addc(out, (char)c);
    }
}

static void put_place(parse *p, tree_mark mark)
{
    buf *out = &p->problems;
    if (p->fallback)
        buf_printf(out, "%s: in the fallback", p->what);
    else
        buf_adds(out, mark.file ? mark.file : p->what);
    if (mark.line && !p->fallback)
        buf_printf(out, ":%zu", mark.line);
    if (mark.line && mark.column && !p->fallback)
        buf_printf(out, ":%zu", mark.column);
    buf_adds(out, ": ");
    put_plain(out, buf_view(&p->pointer));
    if (p->pointer.len)
        buf_adds(out, ": ");
}

/* Begins a line about what the pointer says. @return false if there are too many already */
static bool problem_at(parse *p, tree_mark mark)
{
    p->bug |= p->fallback;
    if (p->count++ >= MOST_PROBLEMS)
        return false;
    if (p->problems.len)
        buf_addc(&p->problems, '\n');
    put_place(p, mark);
    return true;
}

static void problem(parse *p, tree_mark mark, const char *text)
{
    if (problem_at(p, mark))
        buf_adds(&p->problems, text);
}

static void put_clipped(buf *out, weir_view text)
{
    size_t n = text.len;
    if (n > MOST_SHOWN)
        for (n = MOST_SHOWN; n > 0 && ((unsigned char)text.ptr[n] & 0xc0) == 0x80;)
            n--;
    json_quote_lossy(out, (weir_view){text.ptr, n});
    if (n < text.len)
        buf_adds(out, "...");
}

static void put_value(parse *p, const tree *t)
{
    if (p->secret || t->kind == TREE_ARRAY || t->kind == TREE_OBJECT)
        buf_adds(&p->problems, tree_kind_name(t->kind));
    else if (t->kind == TREE_STRING)
        put_clipped(&p->problems, t->text);
    else if (t->kind == TREE_NUMBER)
        buf_add(&p->problems, t->text.ptr, t->text.len < MOST_SHOWN ? t->text.len : MOST_SHOWN);
    else
        buf_adds(&p->problems, t->kind == TREE_NULL ? "null" : t->boolean ? "true" : "false");
}

static void expected(parse *p, const tree *t, const char *what)
{
    if (!problem_at(p, t->mark))
        return;
    buf_printf(&p->problems, "expected %s, got ", what);
    put_value(p, t);
}

static bool is_kind(parse *p, const tree *t, tree_kind kind, const char *what)
{
    if (t->kind != kind)
        expected(p, t, what);
    return t->kind == kind;
}

static void put_names(buf *out, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        buf_printf(out, "%s'%s'", i ? ", " : "", names[i]);
}

/* "required, but missing: one of 'a', 'b'", or "expected one of 'a', 'b', got "c", did you mean 'b'?" */
static void expected_one_of(parse *p, const tree *t, const char *const *names, size_t count)
{
    if (!problem_at(p, t ? t->mark : p->here))
        return;
    buf *out = &p->problems;
    buf_adds(out, t ? "expected one of " : "required, but missing: one of ");
    put_names(out, names, count);
    if (!t)
        return;
    buf_adds(out, ", got ");
    put_value(p, t);
    const char *near = t->kind == TREE_STRING && !p->secret ? map_nearest(t->text, names, count) : NULL;
    if (near)
        buf_printf(out, ", did you mean '%s'?", near);
}

/* The names of a table, and one more unless NULL. @return NULL without memory */
static const char **names_of(parse *p, const weir_field *table, const char *more, size_t *ret_count)
{
    size_t count = 0;
    while (field_more(table + count))
        count++;
    const char **names = arena_array(p->a, count + 1, sizeof *names);
    *ret_count = count;
    if (!names)
        return NULL;
    for (size_t i = 0; i < count; i++)
        names[i] = table[i].name;
    if (more)
        names[(*ret_count)++] = more;
    return names;
}

static void unknown_member(parse *p, const weir_field *table, const char *more, const tree *m)
{
    size_t count;
    if (!problem_at(p, m->name_mark))
        return;
    const char **names = names_of(p, table, more, &count);
    const char *near = names ? map_nearest(m->name, names, count) : NULL;
    buf_adds(&p->problems, "unknown setting");
    if (near) {
        buf_printf(&p->problems, ", did you mean '%s'?", near);
    } else if (names && count) {
        buf_adds(&p->problems, ", known are ");
        put_names(&p->problems, names, count);
    }
}

/* --------------------------------------------------------------------------------------------------------------- values -- */

/* Nothing of a file is shown. */
static bool is_upload(parse *p, const weir_field *f, const tree *t)
{
    buf file = {0};
    bool good = base64_decode(&file, t->text);
    p->a->failed |= !buf_ok(&file);
    if (!good) {
        problem(p, t->mark, "expected the content of a file as base64");
    } else if (f->max && file.len > (uint64_t)f->max) {
        good = false;
        if (problem_at(p, t->mark))
            buf_printf(&p->problems, "the file has %zu bytes, more than the %" PRId64 " that are allowed", file.len, f->max);
    }
    buf_wipe(&file);
    return good;
}

static bool is_among(const weir_field *f, const tree *t)
{
    for (const char *const *c = f->choices; c && *c; c++)
        if (view_is(t->text, *c))
            return true;
    return !f->choices;
}

static void take_text(parse *p, const weir_field *f, const tree *t, void *at)
{
    if (!is_kind(p, t, TREE_STRING, "a string"))
        return;
    if (t->text.len && memchr(t->text.ptr, 0, t->text.len))
        problem(p, t->mark, "a text that holds a NUL character cannot be used");
    else if (!(f->flags & WEIR_UPLOAD) && !is_among(f, t))
        expected_one_of(p, t, f->choices, field_choices(f));
    else if (f->flags & WEIR_UPLOAD && !is_upload(p, f, t))
        return;
    else
        *(const char **)at = arena_text(p->a, t->text);
}

static void out_of_bounds(parse *p, const weir_field *f, const tree *t)
{
    int64_t min = 0, max = 0;
    bool has_min = field_min(f, &min), has_max = field_max(f, &max);
    if (!problem_at(p, t->mark))
        return;
    if (has_min && has_max)
        buf_printf(&p->problems, "must be from %" PRId64 " to %" PRId64, min, max);
    else
        buf_printf(&p->problems, "must be at %s %" PRId64, has_min ? "least" : "most", has_min ? min : max);
    buf_adds(&p->problems, ", got ");
    put_value(p, t);
}

static void take_int(parse *p, const weir_field *f, const tree *t, void *at)
{
    int64_t v, bound;
    if (t->kind != TREE_NUMBER || !number_is_integer(t->text))
        expected(p, t, "an integer");
    else if (!number_to_i64(t->text, &v))
        expected(p, t, "an integer of at most 64 bits");
    else if ((field_min(f, &bound) && v < bound) || (field_max(f, &bound) && v > bound))
        out_of_bounds(p, f, t);
    else
        *(int64_t *)at = v;
}

static void take_number(parse *p, const weir_field *f, const tree *t, void *at)
{
    double v;
    (void)f;
    if (!is_kind(p, t, TREE_NUMBER, "a number"))
        return;
    if (!number_to_double(t->text, &v) || !isfinite(v))
        expected(p, t, "a number that a double can hold");
    else
        *(double *)at = v;
}

static void take_bool(parse *p, const weir_field *f, const tree *t, void *at)
{
    (void)f;
    if (is_kind(p, t, TREE_BOOL, "true or false"))
        *(bool *)at = t->boolean;
}

static void take_json(parse *p, const weir_field *f, const tree *t, void *at)
{
    (void)f;
    buf text = {0};
    if (!t->raw.len)
        tree_write(&text, t);
    p->a->failed |= !buf_ok(&text);
    *(weir_view *)at = arena_dup(p->a, t->raw.len ? t->raw : buf_view(&text));
    buf_free(&text);
}

/* --------------------------------------------------------------------------------------------------------------- groups -- */

static void take_members(parse *p, const weir_field *table, const char *more, const tree *t, void *out);

static void take_object(parse *p, const weir_field *f, const tree *t, void *at)
{
    if (is_kind(p, t, TREE_OBJECT, "an object"))
        take_members(p, f->fields, NULL, t, at);
}

static void take_list(parse *p, const weir_field *f, const tree *t, void *at)
{
    if (!is_kind(p, t, TREE_ARRAY, "an array"))
        return;
    char *items = arena_array(p->a, t->count, f->item_size);
    size_t i = 0, len = p->pointer.len;
    for (const tree *c = t->first; items && c; c = c->next, i++) {
        buf_printf(&p->pointer, "/%zu", i);
        take(p, f->fields, c, items + i * f->item_size);
        p->pointer.len = len;
    }
    *(weir_list *)at = (weir_list){items, items ? t->count : 0};
}

static void take_one_of(parse *p, const weir_field *f, const tree *t, void *at)
{
    if (!is_kind(p, t, TREE_OBJECT, "an object"))
        return;
    const tree *choice = tree_get(t, f->discriminator);
    const weir_field *variant = choice && choice->kind == TREE_STRING ? field_named(f->fields, choice->text) : NULL;
    if (variant) {
        *(const char **)at = variant->name;
        take_members(p, variant->fields, f->discriminator, t, (char *)at + variant->offset);
        return;
    }
    size_t count, len = p->pointer.len;
    const char **names = names_of(p, f->fields, NULL, &count);
    tree_mark outer = p->here;
    p->here = t->mark;
    pointer_push(&p->pointer, view_of(f->discriminator));
    if (names)
        expected_one_of(p, choice, names, count);
    p->pointer.len = len;
    p->here = outer;
}

static void take(parse *p, const weir_field *f, const tree *t, void *out)
{
    static void (*const takers[])(parse *, const weir_field *, const tree *, void *) = {
        [WEIR_TEXT] = take_text, [WEIR_INT] = take_int,       [WEIR_NUMBER] = take_number, [WEIR_BOOL] = take_bool,
        [WEIR_JSON] = take_json, [WEIR_OBJECT] = take_object, [WEIR_LIST] = take_list,     [WEIR_ONE_OF] = take_one_of,
    };
    bool outer = p->secret;
    p->secret |= (f->flags & WEIR_SECRET) != 0;
    takers[f->type](p, f, t, (char *)out + f->offset);
    p->secret = outer;
}

static void take_fallback(parse *p, const weir_field *f, void *out)
{
    err e = {0};
    tree text = {.kind = TREE_STRING, .text = view_of(f->fallback)}, *t = &text;
    bool outer = p->fallback;
    p->fallback = true;
    weir_rc rc = f->type == WEIR_TEXT ? WEIR_OK : tree_parse(p->a, text.text, NULL, WEIR_E_BUG, &t, &e);
    if (rc == WEIR_E_NOMEM)
        p->a->failed = true;
    else if (rc)
        problem(p, p->here, err_text(&e));
    else
        take(p, f, t, out);
    p->fallback = outer;
    err_free(&e);
}

/* @param null the member if it is there, but null */
static void take_absent(parse *p, const weir_field *f, const tree *null, void *out)
{
    if (f->fallback) {
        take_fallback(p, f, out);
    } else if (f->type == WEIR_OBJECT) {
        bool outer = p->lenient;
        p->lenient |= (f->flags & WEIR_OPTIONAL) != 0;
        take_members(p, f->fields, NULL, NULL, (char *)out + f->offset);
        p->lenient = outer;
    } else if (!(f->flags & WEIR_OPTIONAL) && !p->lenient) {
        problem(p, null ? null->mark : p->here, null ? "required, but null" : "required, but missing");
    }
}

static void take_member(parse *p, const weir_field *f, const tree *t, void *out)
{
    const tree *m = tree_get(t, f->name);
    size_t len = p->pointer.len;
    pointer_push(&p->pointer, view_of(f->name));
    if (m && (m->kind != TREE_NULL || f->type == WEIR_JSON))
        take(p, f, m, out);
    else
        take_absent(p, f, m, out);
    p->pointer.len = len;
}

static weir_view value_shown(const weir_field *table, const weir_field *by, const tree *t, unsigned steps);

/* Is a setting asked for at all, with these others? Of settings that depend on themselves, which fields_check() refuses, nobody cares. */
static bool is_shown(const weir_field *table, const weir_field *f, const tree *t, unsigned steps)
{
    const weir_field *by = f->shown_by ? field_named(table, view_of(f->shown_by)) : NULL;
    return !by || view_eq(value_shown(table, by, t, steps), view_of(f->shown_for));
}

/* What a setting says as far as others depend on it: a text, "true" or "false"; empty: nothing, as where it is not shown itself. */
static weir_view value_shown(const weir_field *table, const weir_field *by, const tree *t, unsigned steps)
{
    const tree *m = tree_get(t, by->name);
    if (!steps || !is_shown(table, by, t, steps - 1))
        return (weir_view){0};
    if (tree_is_null(m))
        return view_of(by->fallback);
    return m->kind == TREE_BOOL ? view_of(m->boolean ? "true" : "false") : m->text;
}

static bool tolerated(const parse *p, const tree *object, const char *more, weir_view name)
{
    return (more && view_is(name, more)) || (object == p->root && view_is(name, "_meta"));
}

/* @param more a member that is known without being in the table, or NULL
 * @param t the object; NULL if it is absent */
static void take_members(parse *p, const weir_field *table, const char *more, const tree *t, void *out)
{
    tree_mark outer = p->here;
    if (t)
        p->here = t->mark;
    for (const weir_field *f = table; field_more(f); f++) {
        bool lenient = p->lenient;
        p->lenient |= !is_shown(table, f, t, MOST_STEPS);
        take_member(p, f, t, out);
        p->lenient = lenient;
    }
    size_t len = p->pointer.len;
    for (const tree *m = t ? t->first : NULL; m; m = m->next) {
        if (field_named(table, m->name) || tolerated(p, t, more, m->name))
            continue;
        pointer_push(&p->pointer, m->name);
        unknown_member(p, table, more, m);
        p->pointer.len = len;
    }
    p->here = outer;
}

/* ------------------------------------------------------------------------------------------------------------- the whole -- */

static weir_rc finish(parse *p, err *e)
{
    weir_rc rc = WEIR_OK;
    if (p->count > MOST_PROBLEMS)
        buf_printf(&p->problems, "\nand %zu more", p->count - MOST_PROBLEMS);
    if (p->a->failed || !buf_ok(&p->pointer) || !buf_ok(&p->problems))
        rc = err_nomem(e);
    else if (p->count)
        rc = err_fail(e, p->bug ? WEIR_E_BUG : WEIR_E_CONFIG, "%s", buf_text(&p->problems));
    buf_free(&p->pointer);
    buf_free(&p->problems);
    return rc;
}

weir_rc fields_parse(const weir_field *table, const tree *settings, const char *what, void *out, arena *a, err *e)
{
    parse p = {.a = a, .what = what, .root = settings};
    if (tree_is_null(settings))
        take_members(&p, table, NULL, NULL, out);
    else if (is_kind(&p, settings, TREE_OBJECT, "an object"))
        take_members(&p, table, NULL, settings, out);
    return finish(&p, e);
}

weir_rc field_try_fallback(const weir_field *f, const char *what, void *out, arena *a, err *e)
{
    parse p = {.a = a, .what = what};
    take_fallback(&p, f, out);
    return finish(&p, e);
}
