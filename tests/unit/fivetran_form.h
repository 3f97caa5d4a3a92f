/* fivetran_form.h - for tests of forms: a form as text that a person can read, flat maps of literals. */
#ifndef WEIR_TESTS_FIVETRAN_FORM_H
#define WEIR_TESTS_FIVETRAN_FORM_H

#include "json/text.h"
#include "proto/fivetran/form.h"

/** A flat map of literals: flat_of(&pairs, (const char *const[]){"name", "value", NULL}). */
typedef struct flat_pairs {
    ft_pair items[40];
} flat_pairs;

static inline ft_flat flat_of(flat_pairs *to, const char *const *texts)
{
    ft_flat f = {.items = to->items};
    for (; *texts && f.count < 40; texts += 2)
        to->items[f.count++] = (ft_pair){view_of(texts[0]), view_of(texts[1])};
    return f;
}

static inline void show_condition(const ft_condition *c, buf *out)
{
    buf_printf(out, "if %.*s ", VIEW_ARG(c->field));
    if (c->when == FT_WHEN_TEXT)
        buf_printf(out, "is %.*s", VIEW_ARG(c->text));
    else if (c->when == FT_WHEN_BOOL)
        buf_adds(out, c->truth ? "is true" : "is false");
    else
        buf_adds(out, c->truth ? "is empty" : "is not empty");
}

static inline void show_fields(const ft_field *fields, size_t count, size_t indent, buf *out)
{
    static const char *const asks[] = {"?", "text", "password", "hidden", "dropdown", "described", "toggle", "upload", ""};
    for (size_t i = 0; i < count; i++) {
        const ft_field *f = fields + i;
        buf_printf(out, "%*s", (int)indent, "");
        if (f->ask == FT_ASK_GROUP) {
            show_condition(&f->condition, out);
            buf_addc(out, '\n');
            show_fields(f->fields, f->count, indent + 2, out);
            continue;
        }
        buf_printf(out, "%.*s%s  %s \"%.*s\"", VIEW_ARG(f->name), f->required ? "*" : "", asks[f->ask], VIEW_ARG(f->label));
        for (size_t k = 0; k < f->option_count; k++)
            buf_printf(out, "%s%.*s", k ? " | " : " of ", VIEW_ARG(f->options[k].value));
        for (size_t k = 0; k < f->file_type_count; k++)
            buf_printf(out, " %.*s", VIEW_ARG(f->file_types[k]));
        if (f->max_bytes)
            buf_printf(out, " <%d", f->max_bytes);
        if (f->fallback.ptr)
            buf_printf(out, " = %.*s", VIEW_ARG(f->fallback));
        if (f->placeholder.ptr)
            buf_printf(out, " ~ %.*s", VIEW_ARG(f->placeholder));
        if (f->description.ptr)
            buf_printf(out, " (%.*s)", VIEW_ARG(f->description));
        buf_addc(out, '\n');
    }
}

#endif
