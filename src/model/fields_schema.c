/* The annotations are those of flow.md 8.3; other platforms know most of them or pass them over. What only forms want to know has names that begin with x-, which
 * Flow lets pass, or that JSON Schema knows (examples, contentEncoding); none of them takes part in validation, so that they do no harm anywhere:
 *
 *     x-hidden-field        is not shown (Flow's name)
 *     examples              the placeholder
 *     x-upload              {"types": [".pem"], "maxBytes": N}: the content of a file; contentEncoding says that it is base64
 *     x-enum-descriptions   a sentence for each value of enum, in its order
 *     x-shown-when          {"name of a member of the same object": value}: asked for only then. The value is a text, true or false, or {"empty": true}
 *     x-shown-required      and then it has to be there
 */
#include "json/pointer.h"
#include "json/scan.h"
#include "json/write.h"
#include "model/field.h"

static void put_value_schema(json_out *w, const weir_field *f);

static void put_flags(json_out *w, const weir_field *f)
{
    static const struct {
        unsigned flag;
        const char *name;
    } annotations[] = {
        {WEIR_SECRET, "secret"},
        {WEIR_MULTILINE, "multiline"},
        {WEIR_ADVANCED, "advanced"},
        {WEIR_HIDDEN, "x-hidden-field"},
        {WEIR_COLLECTION_NAME, "x-collection-name"},
        {WEIR_SCHEMA_NAME, "x-schema-name"},
        {WEIR_DELTA_UPDATES, "x-delta-updates"},
    };
    for (size_t i = 0; i < sizeof annotations / sizeof *annotations; i++)
        if (f->flags & annotations[i].flag)
            out_bool(out_name(w, annotations[i].name), true);
}

static void put_title(json_out *w, const weir_field *f)
{
    buf title = {0};
    field_title(f, &title);
    if (title.len)
        out_text(out_name(w, "title"), buf_view(&title));
    w->to->failed |= !buf_ok(&title);
    buf_free(&title);
}

static void put_fallback(json_out *w, const weir_field *f)
{
    if (!f->fallback)
        return;
    out_name(w, "default");
    if (f->type == WEIR_TEXT)
        out_text(w, view_of(f->fallback));
    else
        out_raw(w, view_of(f->fallback));
}

static void put_texts(json_out *w, const char *name, const char *const *texts, size_t count)
{
    out_open(out_name(w, name), '[');
    for (size_t i = 0; i < count; i++)
        out_text(w, view_of(texts[i]));
    out_close(w, ']');
}

static void put_choices(json_out *w, const weir_field *f)
{
    const size_t count = field_choices(f);
    if (!f->choices || f->flags & WEIR_UPLOAD)
        return;
    put_texts(w, "enum", f->choices, count);
    if (f->choice_help)
        put_texts(w, "x-enum-descriptions", f->choice_help, count);
}

static void put_upload(json_out *w, const weir_field *f)
{
    if (!(f->flags & WEIR_UPLOAD))
        return;
    out_text(out_name(w, "contentEncoding"), VIEW("base64"));
    out_open(out_name(w, "x-upload"), '{');
    if (f->choices)
        put_texts(w, "types", f->choices, field_choices(f));
    if (f->max)
        out_int(out_name(w, "maxBytes"), f->max);
    out_close(w, '}');
}

/* A number is a number where numbers are expected. */
static void put_placeholder(json_out *w, const weir_field *f)
{
    if (!f->placeholder)
        return;
    out_open(out_name(w, "examples"), '[');
    if (f->type != WEIR_TEXT && json_check(view_of(f->placeholder), NULL, NULL))
        out_raw(w, view_of(f->placeholder));
    else
        out_text(w, view_of(f->placeholder));
    out_close(w, ']');
}

/* @param by the setting that decides whether this one is shown */
static void put_shown(json_out *w, const weir_field *f, const weir_field *by)
{
    if (!by)
        return;
    out_open(out_name(w, "x-shown-when"), '{');
    out_namev(w, view_of(f->shown_by));
    if (!f->shown_for || !*f->shown_for)
        out_raw(w, VIEW("{\"empty\":true}"));
    else if (by->type == WEIR_BOOL)
        out_bool(w, strcmp(f->shown_for, "true") == 0);
    else
        out_text(w, view_of(f->shown_for));
    out_close(w, '}');
    if (field_required(f))
        out_bool(out_name(w, "x-shown-required"), true);
}

static void put_bounds(json_out *w, const weir_field *f)
{
    int64_t bound;
    if (field_min(f, &bound))
        out_int(out_name(w, "minimum"), bound);
    if (field_max(f, &bound))
        out_int(out_name(w, "maximum"), bound);
}

/* ---------------------------------------------------------------------------------------------------------------- groups -- */

/* A setting as a property: its own schema and its place in the form. */
static void put_property(json_out *w, const weir_field *table, const weir_field *f, int64_t order)
{
    out_open(out_namev(w, view_of(f->name)), '{');
    put_value_schema(w, f);
    put_shown(w, f, f->shown_by ? field_named(table, view_of(f->shown_by)) : NULL);
    out_int(out_name(w, "order"), order);
    out_close(w, '}');
}

static void put_discriminator(json_out *w, const char *name, const char *variant)
{
    out_open(out_namev(w, view_of(name)), '{');
    out_text(out_name(w, "const"), view_of(variant));
    out_text(out_name(w, "default"), view_of(variant));
    out_text(out_name(w, "type"), VIEW("string"));
    out_int(out_name(w, "order"), 0);
    out_close(w, '}');
}

static void put_required(json_out *w, const weir_field *table, const char *discriminator)
{
    size_t count = discriminator != NULL;
    for (const weir_field *f = table; field_more(f); f++)
        count += field_required(f) && !f->shown_by;
    if (!count)
        return;
    out_open(out_name(w, "required"), '[');
    if (discriminator)
        out_text(w, view_of(discriminator));
    for (const weir_field *f = table; field_more(f); f++)
        if (field_required(f) && !f->shown_by)
            out_text(w, view_of(f->name));
    out_close(w, ']');
}

/* @param discriminator of the variant whose members these are, or NULL */
static void put_members(json_out *w, const weir_field *table, const char *discriminator, const char *variant)
{
    int64_t order = 0;
    put_required(w, table, discriminator);
    out_open(out_name(w, "properties"), '{');
    if (discriminator) {
        put_discriminator(w, discriminator, variant);
        order++;
    }
    for (const weir_field *f = table; field_more(f); f++)
        put_property(w, table, f, order++);
    out_close(w, '}');
}

static void put_help(json_out *w, const weir_field *f)
{
    if (f->help)
        out_text(out_name(w, "description"), view_of(f->help));
}

static void put_variants(json_out *w, const weir_field *f)
{
    out_open(out_name(w, "discriminator"), '{');
    out_text(out_name(w, "propertyName"), view_of(f->discriminator));
    out_close(w, '}');
    out_open(out_name(w, "oneOf"), '[');
    for (const weir_field *v = f->fields; field_more(v); v++) {
        out_open(w, '{');
        put_title(w, v);
        put_help(w, v);
        out_text(out_name(w, "type"), VIEW("object"));
        put_members(w, v->fields, f->discriminator, v->name);
        out_close(w, '}');
    }
    out_close(w, ']');
}

static void put_inside(json_out *w, const weir_field *f)
{
    if (f->type == WEIR_OBJECT) {
        put_members(w, f->fields, NULL, NULL);
    } else if (f->type == WEIR_ONE_OF) {
        put_variants(w, f);
    } else if (f->type == WEIR_LIST) {
        out_open(out_name(w, "items"), '{');
        put_value_schema(w, f->fields);
        out_close(w, '}');
    }
}

/* Members of a schema, without the braces. */
static void put_value_schema(json_out *w, const weir_field *f)
{
    static const char *const types[] = {
        [WEIR_TEXT] = "string", [WEIR_INT] = "integer",   [WEIR_NUMBER] = "number", [WEIR_BOOL] = "boolean",
        [WEIR_JSON] = NULL,     [WEIR_OBJECT] = "object", [WEIR_LIST] = "array",    [WEIR_ONE_OF] = "object",
    };
    put_title(w, f);
    put_help(w, f);
    if (types[f->type])
        out_text(out_name(w, "type"), view_of(types[f->type]));
    put_choices(w, f);
    put_bounds(w, f);
    put_fallback(w, f);
    put_placeholder(w, f);
    put_flags(w, f);
    put_upload(w, f);
    put_inside(w, f);
}

void fields_schema(const weir_field *table, const char *title, buf *out)
{
    json_out w = json_out_to(out);
    out_open(&w, '{');
    if (title)
        out_text(out_name(&w, "title"), view_of(title));
    out_text(out_name(&w, "type"), VIEW("object"));
    put_members(&w, table, NULL, NULL);
    out_close(&w, '}');
}

/* --------------------------------------------------------------------------------------------------------------- pointers -- */

static void put_pointers(json_out *w, const weir_field *table, buf *pointer)
{
    size_t len = pointer->len;
    for (const weir_field *f = table; field_more(f); f++) {
        pointer_push(pointer, view_of(f->name));
        if (f->flags & WEIR_PATH)
            out_text(w, buf_view(pointer));
        if (f->type == WEIR_OBJECT)
            put_pointers(w, f->fields, pointer);
        pointer->len = len;
    }
}

void fields_path_pointers(const weir_field *table, buf *out)
{
    json_out w = json_out_to(out);
    buf pointer = {0};
    out_open(&w, '[');
    put_pointers(&w, table, &pointer);
    out_close(&w, ']');
    out->failed |= !buf_ok(&pointer);
    buf_free(&pointer);
}
