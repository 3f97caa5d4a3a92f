#include <stdalign.h>
#include <stdarg.h>

#include "json/scan.h"
#include "model/field.h"

/* A table being checked: where it is, and the room its offsets count in. */
typedef struct check {
    buf path; /* "credentials/token": names, for the error */
    size_t size;
    bool in_list; /* or in a variant: nothing there can identify a resource */
    err *e;
} check;

static const struct layout {
    size_t size, align;
} layouts[] = {
    [WEIR_TEXT] = {sizeof(char *), alignof(char *)},       [WEIR_INT] = {sizeof(int64_t), alignof(int64_t)},
    [WEIR_NUMBER] = {sizeof(double), alignof(double)},     [WEIR_BOOL] = {sizeof(bool), alignof(bool)},
    [WEIR_JSON] = {sizeof(weir_view), alignof(weir_view)}, [WEIR_OBJECT] = {0, 1}, /* its fields say */
    [WEIR_LIST] = {sizeof(weir_list), alignof(weir_list)}, [WEIR_ONE_OF] = {sizeof(char *), alignof(char *)},
};

static weir_rc check_table(check *c, const weir_field *table, size_t base);

WEIR_PRINTF(2, 3) static weir_rc slip(check *c, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    weir_rc rc = err_vfail(c->e, WEIR_E_BUG, fmt, args);
    va_end(args);
    return err_wrap(c->e, rc, "setting '%s'", buf_text(&c->path));
}

static weir_rc check_name(check *c, const weir_field *table, const weir_field *f)
{
    if (!f->name || !*f->name)
        return slip(c, "it has no name");
    if (!json_utf8(view_of(f->name)))
        return slip(c, "its name is not UTF-8");
    for (const weir_field *other = table; other < f; other++)
        if (view_is(view_of(other->name), f->name))
            return slip(c, "there are two of that name");
    return WEIR_OK;
}

/* Do the values of two settings of one struct lie on one another? Only where both sizes are known. */
static bool overlap(const weir_field *a, const weir_field *b)
{
    return a->offset < b->offset + layouts[b->type].size && b->offset < a->offset + layouts[a->type].size;
}

static weir_rc check_place(check *c, const weir_field *table, const weir_field *f, size_t base)
{
    struct layout l = layouts[f->type];
    if (f->offset > c->size || base > c->size - f->offset || l.size > c->size - f->offset - base)
        return slip(c, "offset %zu is outside of the struct, which has %zu bytes", f->offset, c->size);
    if ((base + f->offset) % l.align)
        return slip(c, "offset %zu is not that of a member of this type", f->offset);
    for (const weir_field *other = table; other < f; other++)
        if (overlap(other, f))
            return slip(c, "offset %zu is also that of '%s'", f->offset, other->name);
    return WEIR_OK;
}

static weir_rc check_flags(check *c, const weir_field *f)
{
    const unsigned text_only = WEIR_SECRET | WEIR_MULTILINE | WEIR_PATH;
    if (f->flags & text_only && f->type != WEIR_TEXT)
        return slip(c, "only a text can be %s",
                    f->flags & WEIR_SECRET ? "a secret"
                    : f->flags & WEIR_PATH ? "part of a path"
                                           : "multiline");
    if (f->flags & WEIR_PATH && c->in_list)
        return slip(c, "what is inside a list or a variant cannot be part of a path");
    if (f->choices && f->type != WEIR_TEXT)
        return slip(c, "only a text can have choices");
    if (f->choices && !*f->choices)
        return slip(c, "its list of choices is empty");
    if (f->type == WEIR_INT && f->min > f->max)
        return slip(c, "its least value is above its greatest");
    if (f->type != WEIR_INT && !(f->flags & WEIR_UPLOAD) && (f->min || f->max))
        return slip(c, "only an integer has bounds");
    return WEIR_OK;
}

static weir_rc check_upload(check *c, const weir_field *f)
{
    if (!(f->flags & WEIR_UPLOAD))
        return WEIR_OK;
    if (f->type != WEIR_TEXT)
        return slip(c, "only a text can be an upload");
    if (f->flags & (WEIR_PATH | WEIR_MULTILINE))
        return slip(c, "an upload cannot be %s", f->flags & WEIR_PATH ? "part of a path" : "multiline");
    if (f->fallback)
        return slip(c, "an upload has no default");
    if (f->min || f->max < 0 || f->max > INT32_MAX)
        return slip(c, "the size of an upload is at most 0 (any) to %d bytes, and at least nothing", INT32_MAX);
    for (const char *const *type = f->choices; type && *type; type++)
        if (**type != '.')
            return slip(c, "the file type '%s' does not begin with a dot", *type);
    return WEIR_OK;
}

static weir_rc check_choice_help(check *c, const weir_field *f)
{
    if (!f->choice_help)
        return WEIR_OK;
    if (!f->choices || f->flags & WEIR_UPLOAD)
        return slip(c, "it explains choices, but has none");
    for (size_t i = 0; f->choices[i]; i++)
        if (!f->choice_help[i])
            return slip(c, "its choice '%s' is not explained", f->choices[i]);
    return WEIR_OK;
}

static bool is_choice(const weir_field *f, const char *value)
{
    for (const char *const *choice = f->choices; *choice; choice++)
        if (strcmp(*choice, value) == 0)
            return true;
    return false;
}

/* Does it depend on itself, by way of others? */
static bool shown_in_circles(const weir_field *table, const weir_field *f)
{
    const weir_field *by = f;
    for (const weir_field *step = table; field_more(step) && by && by->shown_by; step++)
        by = field_named(table, view_of(by->shown_by));
    return by && by->shown_by; /* more steps than there are settings */
}

static weir_rc check_shown_for(check *c, const weir_field *f, const weir_field *by)
{
    const char *value = f->shown_for ? f->shown_for : "";
    if (by->type == WEIR_BOOL && strcmp(value, "true") != 0 && strcmp(value, "false") != 0)
        return slip(c, "'%s', by which it is shown, is true or false, never '%s'", by->name, value);
    if (by->choices && !(by->flags & WEIR_UPLOAD) && *value && !is_choice(by, value))
        return slip(c, "'%s', by which it is shown, cannot be '%s'", by->name, value);
    return WEIR_OK;
}

static weir_rc check_shown(check *c, const weir_field *table, const weir_field *f)
{
    const weir_field *by = f->shown_by ? field_named(table, view_of(f->shown_by)) : NULL;
    if (!f->shown_by)
        return f->shown_for ? slip(c, "it is shown for '%s', but of which setting?", f->shown_for) : WEIR_OK;
    if (!by || by == f)
        return slip(c, "it is shown by '%s', which is not another setting of this table", f->shown_by);
    if (by->type != WEIR_TEXT && by->type != WEIR_BOOL)
        return slip(c, "'%s', by which it is shown, is neither a text nor a boolean", f->shown_by);
    if (shown_in_circles(table, f))
        return slip(c, "whether it is shown depends on itself");
    return check_shown_for(c, f, by);
}

/* What a group needs is there, and what is no group does not have it. */
static weir_rc check_group(check *c, const weir_field *f)
{
    bool group = f->type == WEIR_OBJECT || f->type == WEIR_LIST || f->type == WEIR_ONE_OF;
    if (group && !field_more(f->fields))
        return slip(c, "its fields are missing");
    if (!group && f->fields)
        return slip(c, "only an object, a list and a choice of variants have fields");
    if ((f->type == WEIR_LIST) != (f->item_size != 0))
        return slip(c, f->item_size ? "only a list has an item size" : "the size of its items is missing");
    if ((f->type == WEIR_ONE_OF) != (f->discriminator != NULL))
        return slip(c, f->discriminator ? "only a choice of variants has a discriminator" : "its discriminator is missing");
    if (f->type == WEIR_OBJECT && f->fallback)
        return slip(c, "an object takes its defaults from its fields");
    return WEIR_OK;
}

static weir_rc check_list(check *c, const weir_field *f)
{
    size_t size = c->size;
    bool in_list = c->in_list;
    weir_field item[] = {f->fields[0], {0}};
    if (!item->name)
        item->name = "item"; /* it needs none; this one is for the path */
    c->size = f->item_size;
    c->in_list = true;
    weir_rc rc = check_table(c, item, 0);
    c->size = size;
    c->in_list = in_list;
    return rc;
}

static weir_rc check_variant(check *c, const weir_field *f, const weir_field *v, size_t base)
{
    weir_rc rc = check_name(c, f->fields, v);
    if (rc)
        return rc;
    if (v->type != WEIR_OBJECT)
        return slip(c, "a variant has to be an object");
    if (v->shown_by)
        return slip(c, "a variant is shown where it is chosen, and by nothing else");
    if (field_named(v->fields, view_of(f->discriminator)))
        return slip(c, "its field '%s' has the name of the discriminator", f->discriminator);
    for (const weir_field *m = v->fields; field_more(m); m++)
        if (v->offset + m->offset < sizeof(char *))
            return slip(c, "its field '%s' lies on the name of the variant", m->name ? m->name : "");
    return check_table(c, v->fields, base + v->offset);
}

static weir_rc check_variants(check *c, const weir_field *f, size_t base)
{
    size_t len = c->path.len;
    bool in_list = c->in_list;
    weir_rc rc = WEIR_OK;
    c->in_list = true;
    for (const weir_field *v = f->fields; !rc && field_more(v); v++) {
        buf_printf(&c->path, "/%s", v->name ? v->name : "");
        rc = check_variant(c, f, v, base);
        c->path.len = len;
    }
    c->in_list = in_list;
    return rc;
}

/* Would the setting itself accept its default? Parsed into memory of its own, which is as large as the struct. */
static weir_rc check_fallback(check *c, const weir_field *f, size_t base)
{
    if (!f->fallback)
        return WEIR_OK;
    arena a = {0};
    buf what = {0};
    buf_printf(&what, "setting '%s'", buf_text(&c->path));
    char *scratch = arena_alloc(&a, c->size);
    weir_rc rc = scratch && buf_ok(&what) ? field_try_fallback(f, buf_text(&what), scratch + base, &a, c->e) : err_nomem(c->e);
    buf_free(&what);
    arena_free(&a);
    return rc;
}

static weir_rc check_inside(check *c, const weir_field *f, size_t base)
{
    switch (f->type) {
    case WEIR_OBJECT:
        return check_table(c, f->fields, base + f->offset);
    case WEIR_LIST:
        return check_list(c, f);
    case WEIR_ONE_OF:
        return check_variants(c, f, base + f->offset);
    default:
        return WEIR_OK;
    }
}

static weir_rc check_field(check *c, const weir_field *table, const weir_field *f, size_t base)
{
    weir_rc rc = check_name(c, table, f);
    if (rc)
        return rc;
    if (f->type < WEIR_TEXT || f->type > WEIR_ONE_OF)
        return slip(c, "%d is not a type", (int)f->type);
    rc = check_place(c, table, f, base);
    if (!rc)
        rc = check_flags(c, f);
    if (!rc)
        rc = check_upload(c, f);
    if (!rc)
        rc = check_choice_help(c, f);
    if (!rc)
        rc = check_shown(c, table, f);
    if (!rc)
        rc = check_group(c, f);
    if (!rc)
        rc = check_inside(c, f, base);
    return rc ? rc : check_fallback(c, f, base);
}

/* @param base offset of the table's struct in the outermost one */
static weir_rc check_table(check *c, const weir_field *table, size_t base)
{
    size_t len = c->path.len;
    weir_rc rc = WEIR_OK;
    for (const weir_field *f = table; !rc && field_more(f); f++) {
        buf_printf(&c->path, "%s%s", len ? "/" : "", f->name ? f->name : "");
        rc = check_field(c, table, f, base);
        c->path.len = len;
    }
    return rc;
}

weir_rc fields_check(const weir_field *table, size_t size, err *e)
{
    check c = {.size = size, .e = e};
    weir_rc rc = check_table(&c, table, 0);
    if (!buf_ok(&c.path))
        rc = err_nomem(e); /* an error could not have named its setting */
    buf_free(&c.path);
    return rc;
}
