#include <inttypes.h>

#include "json/scan.h"
#include "json/text.h"
#include "model/field.h"

enum { WIDTH = 80, STEP = 2, HANG = 6 };

/* ---------------------------------------------------------------------------------------------------------------- layout -- */

static size_t characters(const char *p, size_t len)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++)
        n += ((unsigned char)p[i] & 0xc0) != 0x80;
    return n;
}

static void spaces(buf *out, size_t n)
{
    while (n--)
        buf_addc(out, ' ');
}

/* Appends text as lines of at most WIDTH characters, broken at spaces. The first is indented by `first`, the others by `rest`. */
static void wrapped(buf *out, size_t first, size_t rest, const char *text)
{
    size_t column = first;
    spaces(out, first);
    for (bool begins = true; *text; begins = false) {
        size_t gap = strspn(text, " \n"), len = strcspn(text + gap, " \n"), wide = characters(text + gap, len);
        if (!begins && column + gap + wide > WIDTH && column > rest) {
            buf_addc(out, '\n');
            spaces(out, rest);
            column = rest;
        } else if (!begins) {
            spaces(out, gap);
            column += gap;
        }
        buf_add(out, text + gap, len);
        column += wide;
        text += gap + len;
    }
    buf_addc(out, '\n');
}

static void put_line(buf *out, size_t indent, buf *line)
{
    wrapped(out, indent, indent + HANG, buf_text(line));
    out->failed |= !buf_ok(line);
}

/* ------------------------------------------------------------------------------------------------------------- one setting -- */

static void put_type(buf *out, const weir_field *f)
{
    static const char *const words[] = {
        [WEIR_TEXT] = "text",     [WEIR_INT] = "integer",   [WEIR_NUMBER] = "number", [WEIR_BOOL] = "boolean",
        [WEIR_JSON] = "any JSON", [WEIR_OBJECT] = "object", [WEIR_LIST] = "list of ", [WEIR_ONE_OF] = "one of several objects",
    };
    for (; f->type == WEIR_LIST; f = f->fields)
        buf_adds(out, words[WEIR_LIST]);
    const bool upload = f->flags & WEIR_UPLOAD;
    buf_adds(out, upload ? "file as base64" : words[f->type]);
    for (const char *const *c = f->choices; c && *c; c++)
        buf_printf(out, "%s'%s'", c > f->choices ? ", " : upload ? " of type " : " among ", *c);
    if (upload && f->max)
        buf_printf(out, " of at most %" PRId64 " bytes", f->max);
}

static void put_bounds(buf *out, const weir_field *f)
{
    int64_t min = 0, max = 0;
    bool has_min = field_min(f, &min), has_max = field_max(f, &max);
    if (has_min && has_max)
        buf_printf(out, " from %" PRId64 " to %" PRId64, min, max);
    else if (has_min || has_max)
        buf_printf(out, " of at %s %" PRId64, has_min ? "least" : "most", has_min ? min : max);
}

static void put_fallback(buf *out, const weir_field *f)
{
    weir_view text = view_of(f->fallback);
    if (f->type == WEIR_TEXT) {
        buf_printf(out, ", default '%s'", f->fallback);
    } else if (json_check(text, NULL, NULL)) {
        buf_adds(out, ", default ");
        json_compact(out, text);
    }
}

static void put_presence(buf *out, const weir_field *f)
{
    if (f->fallback)
        put_fallback(out, f);
    else if (field_required(f))
        buf_adds(out, ", required");
    else if (f->flags & WEIR_OPTIONAL)
        buf_adds(out, ", optional");
    if (f->flags & WEIR_SECRET)
        buf_adds(out, ", secret");
    if (f->placeholder)
        buf_printf(out, ", such as %s", f->placeholder);
}

static void put_shown(buf *out, const weir_field *f)
{
    if (f->shown_by && f->shown_for && *f->shown_for)
        buf_printf(out, ", only if %s is '%s'", f->shown_by, f->shown_for);
    else if (f->shown_by)
        buf_printf(out, ", only without %s", f->shown_by);
}

static void put_choice_help(buf *out, const weir_field *f, size_t indent)
{
    buf line = {0};
    for (size_t i = 0; f->choice_help && f->choices[i]; i++) {
        buf_clear(&line);
        buf_printf(&line, "'%s': %s", f->choices[i], f->choice_help[i]);
        put_line(out, indent, &line);
    }
    buf_free(&line);
}

/* ----------------------------------------------------------------------------------------------------------------- nesting -- */

static void put_fields(buf *out, const weir_field *table, size_t indent);

static void put_variants(buf *out, const weir_field *f, size_t indent)
{
    buf line = {0};
    for (const weir_field *v = f->fields; field_more(v); v++) {
        buf_clear(&line);
        buf_printf(&line, "%s '%s'", f->discriminator, v->name);
        if (v->help)
            buf_printf(&line, ": %s", v->help);
        put_line(out, indent, &line);
        put_fields(out, v->fields, indent + STEP);
    }
    buf_free(&line);
}

static void put_inside(buf *out, const weir_field *f, size_t indent)
{
    if (f->type == WEIR_OBJECT)
        put_fields(out, f->fields, indent);
    else if (f->type == WEIR_ONE_OF)
        put_variants(out, f, indent);
    else if (f->type == WEIR_LIST)
        put_inside(out, f->fields, indent);
}

static void put_fields(buf *out, const weir_field *table, size_t indent)
{
    buf line = {0};
    for (const weir_field *f = table; field_more(f); f++) {
        buf_clear(&line);
        buf_printf(&line, "%s  (", f->name);
        put_type(&line, f);
        put_bounds(&line, f);
        put_presence(&line, f);
        put_shown(&line, f);
        buf_addc(&line, ')');
        put_line(out, indent, &line);
        if (f->help)
            wrapped(out, indent + HANG, indent + HANG, f->help);
        put_choice_help(out, f, indent + HANG);
        put_inside(out, f, indent + 2 * STEP);
    }
    buf_free(&line);
}

void fields_help(const weir_field *table, buf *out)
{
    put_fields(out, table, STEP);
}
