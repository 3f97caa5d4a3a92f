#include "model/field.h"

bool field_required(const weir_field *f)
{
    if (f->fallback || f->flags & WEIR_OPTIONAL)
        return false;
    if (f->type != WEIR_OBJECT)
        return true;
    for (const weir_field *m = f->fields; field_more(m); m++)
        if (field_required(m) && !m->shown_by)
            return true;
    return false;
}

const weir_field *field_named(const weir_field *table, weir_view name)
{
    for (const weir_field *f = table; field_more(f); f++)
        if (view_is(name, f->name))
            return f;
    return NULL;
}

static bool bounded(const weir_field *f)
{
    return f->type == WEIR_INT && (f->min || f->max);
}

bool field_min(const weir_field *f, int64_t *ret)
{
    if (!bounded(f) || f->min == INT64_MIN)
        return false;
    *ret = f->min;
    return true;
}

bool field_max(const weir_field *f, int64_t *ret)
{
    if (!bounded(f) || f->max == INT64_MAX)
        return false;
    *ret = f->max;
    return true;
}

size_t field_choices(const weir_field *f)
{
    size_t n = 0;
    while (f->choices && f->choices[n])
        n++;
    return n;
}

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

static bool parts_words(char c)
{
    return c == '_' || c == '-' || c == ' ' || c == '.';
}

void title_of_name(const char *name, buf *out)
{
    bool begins = true; /* the next letter begins a word */
    size_t from = out->len;
    for (const char *p = name; *p; p++) {
        if (parts_words(*p)) {
            begins = true;
            continue;
        }
        if (p > name && is_upper(*p) && is_lower(p[-1]))
            begins = true;
        if (begins && out->len > from)
            buf_addc(out, ' ');
        buf_addc(out, begins && is_lower(*p) ? (char)(*p - 'a' + 'A') : *p);
        begins = false;
    }
}

void field_title(const weir_field *f, buf *out)
{
    if (f->title)
        buf_adds(out, f->title);
    else
        title_of_name(f->name ? f->name : "", out);
}
