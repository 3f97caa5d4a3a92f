/* A ConfigurationFormResponse, or a JSON Schema. A form that is read can be written and reads as the same; its schema is one, and has a form with the same fields. What is
 * answered becomes settings or is refused with a reason; settings go to the flat map and back without a change.
 */
#include "fivetran_form.h"
#include "fuzz.h"
#include "json/patch.h"
#include "json/scan.h"

static weir_view answer_to(const ft_field *f, size_t i, const uint8_t *bytes, size_t len)
{
    static const char *const texts[] = {"", "true", "false", "x", "7", "[1]", "{\"a\":1}", "null", " 5 ", "a,b", "eA=="};
    const size_t dice = len ? bytes[i % len] : 0;
    if (dice % 4 == 0 && f->option_count)
        return f->options[dice / 4 % f->option_count].value;
    if (dice % 4 == 1 && f->fallback.ptr)
        return f->fallback;
    return view_of(texts[dice / 4 % (sizeof texts / sizeof *texts)]);
}

static ft_flat answered(arena *a, const ft_form *form, const uint8_t *bytes, size_t len)
{
    ft_flat flat = {0};
    size_t at = 0, room = 64;
    flat.items = arena_array(a, room, sizeof *flat.items);
    for (const ft_field *f; flat.count < room && (f = ft_form_visible(form, &flat, &at)) != NULL;) {
        MUST(f->ask != FT_ASK_GROUP);
        if (!len || bytes[(at * 7) % len] % 3)
            flat.items[flat.count++] = (ft_pair){f->name, answer_to(f, at, bytes, len)};
    }
    return flat;
}

/* @return false if they are refused */
static bool settings_of(const ft_plan *p, const ft_flat *flat, buf *out)
{
    err e = {0};
    weir_rc rc = ft_plan_settings(p, flat, NULL, out, &e);
    MUST(rc == WEIR_OK || (rc == WEIR_E_CONFIG && out->len == 0 && json_utf8(view_of(err_text(&e)))));
    MUST(rc || json_check(buf_view(out), NULL, NULL));
    err_free(&e);
    return !rc;
}

/* @return false if they cannot be sent */
static bool again(arena *a, const ft_plan *p, const buf *settings, buf *out)
{
    err e = {0};
    tree *t;
    ft_flat flat;
    weir_rc rc = tree_parse_lenient(a, buf_view(settings), NULL, WEIR_E_BUG, &t, &e);
    MUST(!rc);
    rc = ft_plan_flat(a, p, t, &flat, &e);
    MUST(rc == WEIR_OK || rc == WEIR_E_CONFIG);
    MUST(rc || settings_of(p, &flat, out));
    err_free(&e);
    return !rc;
}

static void answer(arena *a, const ft_plan *p, const uint8_t *bytes, size_t len)
{
    buf first = {0}, second = {0}, third = {0};
    ft_flat flat = answered(a, ft_plan_form(p), bytes, len);
    /* The first settings may still say what an untouched form says; from then on they stay. */
    if (settings_of(p, &flat, &first) && again(a, p, &first, &second) && again(a, p, &second, &third) && !json_equal(buf_view(&second), buf_view(&third)))
        MUST_EQ(buf_view(&third), buf_view(&second));
    buf_free(&first);
    buf_free(&second);
    buf_free(&third);
}

static void must_read_as_it_was_written(arena *a, const ft_form *f)
{
    buf once = {0}, twice = {0};
    err e = {0};
    ft_form back;
    MUST(ft_form_write(a, f, &once));
    MUST(ft_form_read(a, buf_view(&once), &back, &e) == WEIR_OK);
    MUST(ft_form_write(a, &back, &twice));
    MUST_EQ(buf_view(&twice), buf_view(&once));
    buf_free(&once);
    buf_free(&twice);
    err_free(&e);
}

static void must_have_fields(const ft_form *all, const ft_field *fields, size_t count)
{
    const ft_flat none = {0};
    for (size_t i = 0; i < count; i++)
        if (fields[i].ask == FT_ASK_GROUP)
            must_have_fields(all, fields[i].fields, fields[i].count);
        else
            (void)ft_form_shows(all, &none, fields[i].name);
}

/* Every field outside of groups is there. */
static void must_have_the_same(const ft_form *form, const ft_form *made)
{
    for (size_t i = 0; i < form->count; i++) {
        bool found = form->fields[i].ask == FT_ASK_GROUP;
        for (size_t k = 0; k < made->count && !found; k++)
            found = view_eq(made->fields[k].name, form->fields[i].name);
        MUST(found);
    }
    must_have_fields(made, form->fields, form->count);
}

static void with_form(arena *a, const ft_form *form, const uint8_t *bytes, size_t len)
{
    buf text = {0};
    err e = {0};
    tree *schema;
    ft_plan *plan;
    must_read_as_it_was_written(a, form);
    ft_flat complete = answered(a, form, bytes, len);
    MUST(ft_form_complete(a, form, &complete));
    ft_form_schema(form, VIEW("t"), &text);
    MUST(buf_ok(&text) && tree_parse(a, buf_view(&text), NULL, WEIR_E_BUG, &schema, &e) == WEIR_OK);
    weir_rc rc = ft_plan_new(a, schema, &plan, &e);
    MUST(rc == WEIR_OK || rc == WEIR_E_CONFIG);
    if (!rc) {
        must_have_the_same(form, ft_plan_form(plan));
        must_read_as_it_was_written(a, ft_plan_form(plan));
        answer(a, plan, bytes, len);
    }
    err_free(&e);
    buf_free(&text);
}

static void with_schema(arena *a, weir_view json, const uint8_t *bytes, size_t len)
{
    err e = {0};
    tree *schema;
    ft_plan *plan;
    weir_rc rc = tree_parse_lenient(a, json, NULL, WEIR_E_CONFIG, &schema, &e);
    rc = rc ? rc : ft_plan_new(a, schema, &plan, &e);
    MUST(rc == WEIR_OK || rc == WEIR_E_CONFIG);
    if (!rc) {
        must_read_as_it_was_written(a, ft_plan_form(plan));
        answer(a, plan, bytes, len);
    }
    err_free(&e);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    arena a = {0};
    err e = {0};
    ft_form form;
    weir_view all = {(const char *)bytes, len};
    if (len && *bytes == '{') {
        with_schema(&a, all, bytes, len);
    } else {
        weir_rc rc = ft_form_read(&a, all, &form, &e);
        MUST(rc == WEIR_OK || rc == WEIR_E_PROTOCOL);
        if (!rc)
            with_form(&a, &form, bytes, len);
    }
    arena_free(&a);
    err_free(&e);
    return 0;
}
