/* The form of a platform's connector as a JSON Schema: an object with a member for each field, by its name. What only forms know becomes the annotations that
 * model/fields_schema.c lists, and
 *
 *     x-enum-labels     a label for each value of enum, in its order
 *     x-shown-when      {"field": value, ...}, all of them; or an array of such objects, one of which is enough
 *
 * A name may be there several times, in groups with other conditions (fivetran.md 2.2): then it is one member.
 */
#include "base/map.h"
#include "json/pointer.h"
#include "json/scan.h"
#include "json/write.h"
#include "model/fields.h"
#include "proto/fivetran/form.h"

enum { DEEPEST = 64 };

typedef struct under {
    const ft_condition *items[DEEPEST];
    size_t count;
} under;

typedef struct member {
    const ft_field *field;    /* the first of the name */
    const ft_field **others;  /* and all */
    size_t count;
    buf shown;                /* objects of conditions, with commas between */
    size_t ways;              /* how many */
    bool always, required;    /* shown whatever the others are, and then required */
    bool shown_required;      /* required wherever it is shown */
} member;

typedef struct schema_maker {
    arena *arena;
    member *items;
    size_t count, room;
    map by_name; /* -> index + 1 */
    under under;
} schema_maker;

/* -------------------------------------------------------------------------------------------------------------- conditions -- */

static bool same(const ft_condition *a, const ft_condition *b)
{
    return a->when == b->when && view_eq(a->text, b->text) && a->truth == b->truth;
}

static bool is_any_value(const ft_condition *c)
{
    return c->when == FT_WHEN_EMPTY && !c->truth;
}

/* One condition a field: of two the one that says more. @return false if they contradict each other */
static bool add_condition(under *u, const ft_condition *c)
{
    if (c->when == FT_WHEN_ALWAYS || !c->field.len)
        return true;
    for (size_t i = 0; i < u->count; i++)
        if (view_eq(u->items[i]->field, c->field)) {
            if (is_any_value(u->items[i]))
                u->items[i] = c;
            return is_any_value(c) || same(u->items[i], c);
        }
    if (u->count < DEEPEST)
        u->items[u->count++] = c;
    return true;
}

static void put_conditions(buf *out, const under *u)
{
    json_out w = json_out_to(out);
    out_open(&w, '{');
    for (size_t i = 0; i < u->count; i++) {
        const ft_condition *c = u->items[i];
        out_namev(&w, c->field);
        if (c->when == FT_WHEN_BOOL)
            out_bool(&w, c->truth);
        else if (c->when == FT_WHEN_TEXT)
            out_text(&w, c->text);
        else
            out_raw(&w, c->truth ? VIEW("{\"empty\":true}") : VIEW("{\"empty\":false}"));
    }
    out_close(&w, '}');
}

/* ----------------------------------------------------------------------------------------------------------------- members -- */

static void *grown(arena *a, const void *items, size_t count, size_t *room, size_t size)
{
    size_t more = *room ? 2 * *room : 16;
    void *to = arena_array(a, more, size);
    if (to && count)
        memcpy(to, items, count * size);
    *room = to ? more : *room;
    return to;
}

static member *member_named(schema_maker *s, const ft_field *f)
{
    size_t index = (size_t)(uintptr_t)map_get(&s->by_name, f->name);
    if (index)
        return s->items + index - 1;
    if (s->count == s->room) {
        member *more = grown(s->arena, s->items, s->count, &s->room, sizeof *more);
        if (!more)
            return NULL;
        s->items = more;
    }
    if (!map_put(&s->by_name, f->name, (void *)(uintptr_t)(s->count + 1)))
        return NULL;
    s->items[s->count] = (member){.field = f, .shown_required = true};
    return s->items + s->count++;
}

static void gather(schema_maker *s, const ft_field *f)
{
    member *m = member_named(s, f);
    if (!m) {
        s->arena->failed = true;
        return;
    }
    if ((m->count & (m->count - 1)) == 0) {
        size_t room = m->count;
        const ft_field **more = arena_array(s->arena, room ? 2 * room : 1, sizeof *more);
        if (!more)
            return;
        if (room)
            memcpy(more, m->others, room * sizeof *more);
        m->others = more;
    }
    m->others[m->count++] = f;
    m->shown_required &= f->required;
    if (!s->under.count) {
        m->required |= f->required;
        m->always = true;
        return;
    }
    if (m->ways++)
        buf_addc(&m->shown, ',');
    put_conditions(&m->shown, &s->under);
}

static void gather_all(schema_maker *s, const ft_field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (fields[i].ask != FT_ASK_GROUP) {
            gather(s, fields + i);
            continue;
        }
        under outer = s->under;
        if (add_condition(&s->under, &fields[i].condition))
            gather_all(s, fields[i].fields, fields[i].count);
        s->under = outer;
    }
}

/* ---------------------------------------------------------------------------------------------------------------- a member -- */

static bool all_ask(const member *m, ft_ask ask, ft_ask or)
{
    for (size_t i = 0; i < m->count; i++)
        if (m->others[i]->ask != ask && m->others[i]->ask != or)
            return false;
    return true;
}

static bool any_asks(const member *m, ft_ask ask)
{
    for (size_t i = 0; i < m->count; i++)
        if (m->others[i]->ask == ask)
            return true;
    return false;
}

/* Each value once. @return how many there are */
static size_t unite_options(schema_maker *s, const member *m, const ft_option **ret)
{
    size_t room = 0, count = 0;
    map known = {0};
    for (size_t i = 0; i < m->count; i++)
        room += m->others[i]->option_count;
    const ft_option **all = arena_array(s->arena, room, sizeof *all);
    ft_option *kept = arena_array(s->arena, room, sizeof *kept);
    for (size_t i = 0; i < m->count && all && kept; i++)
        for (size_t k = 0; k < m->others[i]->option_count; k++) {
            const ft_option *o = m->others[i]->options + k;
            if (!map_get(&known, o->value)) {
                s->arena->failed |= !map_put(&known, o->value, (void *)(uintptr_t)1);
                kept[count++] = *o;
            }
        }
    map_free(&known);
    *ret = kept;
    return count;
}

static void put_texts(json_out *w, const char *name, const ft_option *options, size_t count, size_t offset)
{
    bool any = false;
    for (size_t i = 0; i < count; i++)
        any |= ((const weir_view *)(const void *)((const char *)(options + i) + offset))->len > 0;
    if (!any)
        return;
    out_open(out_name(w, name), '[');
    for (size_t i = 0; i < count; i++)
        out_text(w, *(const weir_view *)(const void *)((const char *)(options + i) + offset));
    out_close(w, ']');
}

static void put_options(schema_maker *s, json_out *w, const member *m)
{
    const ft_option *options;
    size_t count = unite_options(s, m, &options);
    if (!count)
        return;
    out_open(out_name(w, "enum"), '[');
    for (size_t i = 0; i < count; i++)
        out_text(w, options[i].value);
    out_close(w, ']');
    put_texts(w, "x-enum-labels", options, count, offsetof(ft_option, label));
    put_texts(w, "x-enum-descriptions", options, count, offsetof(ft_option, description));
}

static void put_upload(json_out *w, const ft_field *f)
{
    out_text(out_name(w, "contentEncoding"), VIEW("base64"));
    out_open(out_name(w, "x-upload"), '{');
    if (f->file_type_count) {
        out_open(out_name(w, "types"), '[');
        for (size_t i = 0; i < f->file_type_count; i++)
            out_text(w, f->file_types[i]);
        out_close(w, ']');
    }
    if (f->max_bytes > 0)
        out_int(out_name(w, "maxBytes"), f->max_bytes);
    out_close(w, '}');
}

static void put_fallback(json_out *w, const ft_field *f, bool toggle)
{
    if (!f->fallback.ptr)
        return;
    if (!toggle)
        out_text(out_name(w, "default"), f->fallback);
    else if (view_is(f->fallback, "true") || view_is(f->fallback, "false"))
        out_bool(out_name(w, "default"), view_is(f->fallback, "true"));
}

static void put_shown(json_out *w, const member *m)
{
    buf list = {0};
    if (m->always || !m->ways)
        return;
    buf_printf(&list, "[%.*s]", VIEW_ARG(buf_view(&m->shown)));
    out_raw(out_name(w, "x-shown-when"), m->ways == 1 ? buf_view(&m->shown) : buf_view(&list));
    w->to->failed |= !buf_ok(&list) || !buf_ok(&m->shown);
    buf_free(&list);
    if (m->shown_required)
        out_bool(out_name(w, "x-shown-required"), true);
}

static void put_title(json_out *w, const ft_field *f)
{
    buf title = {0};
    if (f->label.len)
        buf_addv(&title, f->label);
    else
        title_of_name(f->name.ptr, &title);
    out_text(out_name(w, "title"), buf_view(&title));
    w->to->failed |= !buf_ok(&title);
    buf_free(&title);
}

static void put_member(schema_maker *s, json_out *w, const member *m, size_t order)
{
    const ft_field *f = m->field;
    const bool toggle = all_ask(m, FT_ASK_TOGGLE, FT_ASK_TOGGLE);
    out_open(out_namev(w, f->name), '{');
    put_title(w, f);
    if (f->description.len)
        out_text(out_name(w, "description"), f->description);
    out_text(out_name(w, "type"), toggle ? VIEW("boolean") : VIEW("string"));
    if (all_ask(m, FT_ASK_DROPDOWN, FT_ASK_DESCRIBED))
        put_options(s, w, m);
    put_fallback(w, f, toggle);
    if (f->placeholder.len && !toggle) {
        out_open(out_name(w, "examples"), '[');
        out_text(w, f->placeholder);
        out_close(w, ']');
    }
    if (any_asks(m, FT_ASK_PASSWORD))
        out_bool(out_name(w, "secret"), true);
    if (all_ask(m, FT_ASK_HIDDEN, FT_ASK_HIDDEN))
        out_bool(out_name(w, "x-hidden-field"), true);
    if (all_ask(m, FT_ASK_UPLOAD, FT_ASK_UPLOAD))
        put_upload(w, f);
    put_shown(w, m);
    out_int(out_name(w, "order"), (int64_t)order);
    out_close(w, '}');
}

void ft_form_schema(const ft_form *f, weir_view title, buf *out)
{
    arena a = {0};
    schema_maker s = {.arena = &a};
    json_out w = json_out_to(out);
    size_t required = 0;
    gather_all(&s, f->fields, f->count);
    out_open(&w, '{');
    if (title.len)
        out_text(out_name(&w, "title"), title);
    out_text(out_name(&w, "type"), VIEW("object"));
    for (size_t i = 0; i < s.count; i++)
        required += s.items[i].required;
    if (required) {
        out_open(out_name(&w, "required"), '[');
        for (size_t i = 0; i < s.count; i++)
            if (s.items[i].required)
                out_text(&w, s.items[i].field->name);
        out_close(&w, ']');
    }
    out_open(out_name(&w, "properties"), '{');
    for (size_t i = 0; i < s.count; i++)
        put_member(&s, &w, s.items + i, i);
    out_close(&w, '}');
    out_close(&w, '}');
    for (size_t i = 0; i < s.count; i++)
        buf_free(&s.items[i].shown);
    out->failed |= a.failed;
    map_free(&s.by_name);
    arena_free(&a);
}
