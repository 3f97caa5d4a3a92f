#include "proto/fivetran/form.h"

#include <strings.h>

#include "json/scan.h"

/* What is shown depends on values of fields, which count only where those are shown themselves: no form needs more conditions than this to know whether a
 * field is shown. */
enum { MOST_CONDITIONS = 64 };

typedef struct looking {
    const ft_form *form;
    const ft_flat *answers;
    unsigned left; /* of MOST_CONDITIONS */
} looking;

weir_view ft_flat_get(const ft_flat *f, weir_view name)
{
    for (size_t i = f->count; i > 0; i--)
        if (view_eq(f->items[i - 1].name, name))
            return f->items[i - 1].value;
    return (weir_view){0};
}

/* ------------------------------------------------------------------------------------------------------------- conditions -- */

static bool holds(looking *l, const ft_condition *c);

/* The first field of a name that is shown, or NULL. @param ret_known set if there is one at all */
static const ft_field *shown_field(looking *l, const ft_field *fields, size_t count, weir_view name, bool *ret_known)
{
    for (size_t i = 0; i < count; i++) {
        const ft_field *f = fields + i;
        if (f->ask == FT_ASK_GROUP)
            f = shown_field(l, f->fields, f->count, name, ret_known);
        else if (!view_eq(f->name, name))
            f = NULL;
        *ret_known |= f != NULL;
        if (f && (fields[i].ask != FT_ASK_GROUP || holds(l, &fields[i].condition)))
            return f;
    }
    return NULL;
}

static weir_view value_of(looking *l, weir_view name)
{
    bool known = false;
    const ft_field *f = shown_field(l, l->form->fields, l->form->count, name, &known);
    weir_view given = ft_flat_get(l->answers, name);
    if (known && !f)
        return (weir_view){0};
    if (!given.ptr && f)
        given = f->fallback;
    return !given.len && f && f->ask == FT_ASK_TOGGLE ? VIEW("false") : given;
}

static bool is_true(weir_view text)
{
    return text.len == 4 && strncasecmp(text.ptr, "true", 4) == 0;
}

static bool holds(looking *l, const ft_condition *c)
{
    if (c->when == FT_WHEN_ALWAYS)
        return true;
    if (!l->left)
        return false;
    l->left--;
    weir_view value = value_of(l, c->field);
    if (c->when == FT_WHEN_EMPTY)
        return (value.len == 0) == c->truth;
    if (c->when == FT_WHEN_BOOL)
        return value.len && is_true(value) == c->truth;
    return value.ptr && view_eq(value, c->text);
}

bool ft_form_shows(const ft_form *f, const ft_flat *answers, weir_view name)
{
    bool known = false;
    looking l = {f, answers, MOST_CONDITIONS};
    return shown_field(&l, f->fields, f->count, name, &known) != NULL;
}

/* ----------------------------------------------------------------------------------------------------------- one by one -- */

static size_t count_inside(const ft_field *f)
{
    size_t n = 1;
    for (size_t i = 0; f->ask == FT_ASK_GROUP && i < f->count; i++)
        n += count_inside(f->fields + i);
    return n;
}

/* @param at number of the field wanted  @param number of the first of these fields; moved on */
static const ft_field *next_shown(const ft_form *form, const ft_flat *answers, const ft_field *fields, size_t count, size_t at, size_t *number)
{
    for (size_t i = 0; i < count; i++) {
        const ft_field *f = fields + i;
        size_t all = count_inside(f);
        looking l = {form, answers, MOST_CONDITIONS};
        if (*number + all <= at || (f->ask == FT_ASK_GROUP && !holds(&l, &f->condition))) {
            *number += all;
            continue;
        }
        ++*number;
        if (f->ask != FT_ASK_GROUP)
            return f;
        f = next_shown(form, answers, f->fields, f->count, at, number);
        if (f)
            return f;
    }
    return NULL;
}

const ft_field *ft_form_visible(const ft_form *f, const ft_flat *answers, size_t *at)
{
    size_t number = 0;
    const ft_field *found = next_shown(f, answers, f->fields, f->count, *at, &number);
    *at = number;
    return found;
}

/* Room for an answer to every field. */
static bool make_room(arena *a, const ft_form *f, ft_flat *answers)
{
    size_t all = answers->count;
    for (size_t i = 0; i < f->count; i++)
        all += count_inside(f->fields + i);
    ft_pair *items = arena_array(a, all, sizeof *items);
    if (!items)
        return false;
    if (answers->count)
        memcpy(items, answers->items, answers->count * sizeof *items);
    answers->items = items;
    return true;
}

bool ft_form_complete(arena *a, const ft_form *f, ft_flat *answers)
{
    const ft_field *field;
    size_t at = 0;
    if (!make_room(a, f, answers))
        return false;
    while ((field = ft_form_visible(f, answers, &at)) != NULL) {
        weir_view value = field->ask == FT_ASK_TOGGLE && !field->fallback.ptr ? VIEW("false") : field->fallback;
        if (value.ptr && !ft_flat_get(answers, field->name).ptr)
            answers->items[answers->count++] = (ft_pair){field->name, value};
    }
    return true;
}
