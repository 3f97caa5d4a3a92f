/* Flat maps of texts as settings, and settings as flat maps: what is shown, what is empty, what is secret (docs/forms.md, docs/protocols/fivetran.md 2.2). */
#include <unistd.h>

#include "fivetran_plan.h"
#include "json/patch.h"

/* Platforms keep what a form does not ask for any more. */
static void unknown_names(void **state)
{
    (void)state;
    fixture x;
    int ends[2];
    flat_pairs items;
    ft_flat flat = flat_of(&items, PAIRS("old", "hunter2", "a", "1"));
    buf out = {0};
    char text[400] = "";
    assert_int_equal(pipe(ends), 0);
    log_sink *log = log_open(ends[1]);
    log_set_level(log, WEIR_DEBUG);
    planned(&x, "{\"properties\":{\"a\":{\"type\":\"integer\"}}}");
    assert_int_equal(ft_plan_settings(x.plan, &flat, log, &out, &x.e), WEIR_OK);
    assert_string_equal(buf_text(&out), "{\"a\":1}");
    assert_true(read(ends[0], text, sizeof text - 1) > 0);
    assert_non_null(strstr(text, "no field is called 'old'"));
    assert_null(strstr(text, "hunter2"));
    log_close(log);
    close(ends[0]);
    close(ends[1]);
    buf_free(&out);
    done(&x);
}

/* An empty text is no value, but where somebody has to give one, or where clearing the field means to have no default. */
static void empty_texts(void **state)
{
    (void)state;
    fixture x;
    planned(&x, "{\"type\":\"object\",\"required\":[\"must\",\"filled\",\"one\"],\"properties\":{"
                "\"must\":{\"type\":\"string\"},\"may\":{\"type\":\"string\"},\"prefix\":{\"type\":\"string\",\"default\":\"weir_\"},"
                "\"filled\":{\"type\":\"string\",\"minLength\":1},\"one\":{\"enum\":[\"a\"]},\"none\":{\"enum\":[\"\",\"a\"]},\"n\":{\"type\":\"integer\",\"default\":3}}}");
    assert_settings(&x, PAIRS("must", "", "may", "", "prefix", "", "filled", "", "one", "", "none", "", "n", ""), "{\"must\":\"\",\"prefix\":\"\",\"none\":\"\"}");
    done(&x);
}

/* ---------------------------------------------------------------------------------------------------------- what is shown -- */

static void visible(void **state)
{
    (void)state;
    fixture x;
    planned(&x, "{\"properties\":{\"auth\":{\"enum\":[\"a\",\"b\"],\"default\":\"a\",\"title\":\"\"},\"on\":{\"type\":\"boolean\"},"
                "\"p\":{\"type\":\"string\",\"x-shown-when\":{\"auth\":\"a\"}},\"q\":{\"type\":\"string\",\"x-shown-when\":{\"auth\":\"b\",\"on\":true}},"
                "\"r\":{\"type\":\"string\",\"x-shown-when\":{\"p\":{\"empty\":false}},\"x-shown-required\":true},\"s\":{\"type\":\"string\",\"x-shown-when\":{\"p\":{\"empty\":true}}},"
                "\"t\":{\"type\":\"string\",\"x-shown-when\":[{\"auth\":\"b\"},{\"on\":false}]},\"u\":{\"type\":\"string\",\"x-shown-when\":{\"nobody\":\"x\"}}}}");
    assert_form(&x, "auth  dropdown \"Auth\" of a | b = a\n"
                    "on  toggle \"On\"\n"
                    "if auth is a\n  p  text \"P\"\n"
                    "if auth is b\n  if on is true\n    q  text \"Q\"\n"
                    "if p is not empty\n  r*  text \"R\"\n"
                    "if p is empty\n  s  text \"S\"\n"
                    "if auth is b\n  t  text \"T\"\n"
                    "if on is false\n  t  text \"T\"\n"
                    "u  text \"U\"\n");
    const struct {
        const char *const *answers;
        const char *shown;
    } cases[] = {
        {NO_PAIRS, "auth on p s t u"},
        {PAIRS("auth", "a", "p", "x", "on", "TRUE"), "auth on p r u"},
        {PAIRS("auth", "b", "p", "stale"), "auth on s t t u"},
        {PAIRS("auth", "b", "on", "true"), "auth on q s t u"},
        {PAIRS("auth", ""), "auth on s t u"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        flat_pairs items;
        ft_flat flat = flat_of(&items, cases[i].answers);
        buf out = {0};
        size_t at = 0;
        for (const ft_field *f; (f = ft_form_visible(ft_plan_form(x.plan), &flat, &at)) != NULL;)
            buf_printf(&out, "%s%.*s", out.len ? " " : "", VIEW_ARG(f->name));
        assert_string_equal(buf_text(&out), cases[i].shown);
        assert_null(ft_form_visible(ft_plan_form(x.plan), &flat, &at));
        buf_free(&out);
    }
    assert_settings(&x, PAIRS("auth", "b", "p", "stale", "q", "no", "t", "x", "r", "y"), "{\"auth\":\"b\",\"t\":\"x\"}");
    done(&x);
}

/* What a platform sends without anybody's doing. A later default may show more. */
static void completed(void **state)
{
    (void)state;
    fixture x;
    planned(&x, "{\"properties\":{\"a\":{\"enum\":[\"p\",\"q\"],\"default\":\"p\"},\"b\":{\"type\":\"boolean\",\"x-shown-when\":{\"a\":\"p\"}},"
                "\"c\":{\"type\":\"boolean\",\"default\":true,\"x-shown-when\":{\"b\":false}},\"d\":{\"type\":\"string\",\"default\":\"e\"},\"f\":{\"type\":\"string\"},"
                "\"g\":{\"type\":\"string\",\"default\":\"h\",\"x-shown-when\":{\"a\":\"q\"}}}}");
    flat_pairs items;
    ft_flat flat = flat_of(&items, PAIRS("d", ""));
    buf out = {0};
    assert_true(ft_form_complete(&x.a, ft_plan_form(x.plan), &flat));
    for (size_t i = 0; i < flat.count; i++)
        buf_printf(&out, "%.*s=%.*s;", VIEW_ARG(flat.items[i].name), VIEW_ARG(flat.items[i].value));
    assert_string_equal(buf_text(&out), "d=;a=p;b=false;c=true;");
    buf_free(&out);
    done(&x);
}

/* Conditions that go round in circles, or on and on, end. */
static void circles(void **state)
{
    (void)state;
    fixture x;
    buf text = {0};
    buf_adds(&text, "{\"properties\":{\"a\":{\"type\":\"string\",\"x-shown-when\":{\"b\":\"x\"}},\"b\":{\"type\":\"string\",\"x-shown-when\":{\"a\":\"x\"}}");
    for (int i = 1; i < 300; i++)
        buf_printf(&text, ",\"n%d\":{\"type\":\"string\",\"x-shown-when\":[{\"n%d\":\"x\"},{\"n%d\":\"y\"}]}", i, i - 1, (i + 7) % 300);
    buf_adds(&text, "}}");
    planned(&x, buf_text(&text));
    flat_pairs items;
    ft_flat flat = flat_of(&items, PAIRS("a", "x", "b", "x", "n299", "x"));
    buf out = {0};
    assert_false(ft_form_shows(ft_plan_form(x.plan), &flat, VIEW("a")));
    assert_int_equal(ft_plan_settings(x.plan, &flat, NULL, &out, &x.e), WEIR_OK);
    buf_free(&out);
    buf_free(&text);
    done(&x);
}

/* ----------------------------------------------------------------------------------------------------------------- secrets -- */

static void note(void *arg, weir_view secret)
{
    buf_printf(arg, "%.*s;", VIEW_ARG(secret));
}

static void secrets(void **state)
{
    (void)state;
    fixture x;
    flat_pairs items;
    buf out = {0};
    planned(&x, "{\"properties\":{\"user\":{\"type\":\"string\"},\"password\":{\"type\":\"string\",\"secret\":true},\"pin\":{\"type\":\"integer\",\"airbyte_secret\":true},"
                "\"one\":{\"enum\":[\"a\"],\"secret\":true},\"login\":{\"type\":\"array\",\"items\":{\"$ref\":\"#/$defs/l\"}}},"
                "\"$defs\":{\"l\":{\"type\":\"object\",\"properties\":{\"token\":{\"type\":\"string\",\"secret\":true}}}}}");
    assert_form(&x, "user  text \"User\"\npassword  password \"Password\"\npin  password \"Pin\"\none  password \"One\"\nlogin  password \"Login\" (To be given as JSON.)\n");
    ft_flat flat = flat_of(&items, PAIRS("user", "u", "password", "hunter2", "pin", "12a4", "one", "b", "login", "[{\"token\":\"tok\\n\"}]", "old", "o", "password", "new"));
    ft_plan_secrets(x.plan, &flat, note, &out);
    assert_string_equal(buf_text(&out), "hunter2;12a4;b;[{\"token\":\"tok\\n\"}];tok\n;new;");
    assert_refused(&x, PAIRS("pin", "12a4", "one", "b"), "field 'pin': expected an integer, got something else\nfield 'one': expected one of 'a', got something else");
    done(&x);
    const weir_connector untold = {.abi = WEIR_ABI, .name = "tap-x", .version = "1", .config_schema = VIEW("{\"type\":\"object\"}")};
    planned_connector(&x, &untold); /* where nothing is known of the settings, any may be secret, wherever it stands */
    flat = flat_of(&items, PAIRS("config", "{\"password\":\"hunter2\"}", "token", "hunter3", "empty", ""));
    buf_clear(&out);
    ft_plan_secrets(x.plan, &flat, note, &out);
    assert_string_equal(buf_text(&out), "{\"password\":\"hunter2\"};hunter2;hunter3;");
    buf_free(&out);
    done(&x);
}

/* ------------------------------------------------------------------------------------------------------- there and back -- */

static uint64_t dice(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *seed >> 33;
}

static void make_value(const tree *root, const tree *schema, uint64_t *seed, buf *out);

static const tree *resolved(const tree *root, const tree *schema)
{
    weir_view ref = tree_text(schema, "$ref");
    return ref.len ? tree_at(root, view_from(ref, 1)) : schema;
}

static bool is_required(const tree *schema, weir_view name)
{
    const tree *list = tree_get(schema, "required");
    for (const tree *t = list ? list->first : NULL; t; t = t->next)
        if (view_eq(t->text, name))
            return true;
    return false;
}

/* @return how many members there are now */
static size_t make_members(const tree *root, const tree *schema, uint64_t *seed, size_t count, buf *out)
{
    const tree *properties = tree_get(schema, "properties"), *variants_of = tree_get(schema, "oneOf");
    for (const tree *p = properties ? properties->first : NULL; p; p = p->next) {
        size_t len = out->len, from;
        if ((!is_required(schema, p->name) && dice(seed) % 3 == 0) || tree_get(p, "x-shown-when"))
            continue;
        buf_adds(out, count ? "," : "");
        json_quote(out, p->name);
        buf_addc(out, ':');
        from = out->len;
        make_value(root, p, seed, out);
        if (!is_required(schema, p->name) && (view_is(view_from(buf_view(out), from), "{}") || view_is(view_from(buf_view(out), from), "\"\"")))
            out->len = len; /* nothing, as far as a form goes */
        else
            count++;
        if (schema != root && view_is(view_from(buf_view(out), from), "\"\"")) {
            out->len = from; /* neither is this, inside of what may be absent */
            buf_adds(out, "\"-\"");
        }
    }
    if (!variants_of)
        return count;
    const tree *v = variants_of->first;
    for (size_t skip = dice(seed) % variants_of->count; skip; skip--)
        v = v->next;
    return make_members(root, resolved(root, v), seed, count, out);
}

static void make_text(uint64_t *seed, buf *out)
{
    static const char *const texts[] = {"", "x", "true", "null", "12", " 12 ", "1e5", "a,b", "[1]", "{\"a\":1}", "\"quoted\"", "two\nlines", "h\xc3\xa9llo \xf0\x9f\x98\x80", "\\", " ", "-"};
    json_quote(out, view_of(texts[dice(seed) % (sizeof texts / sizeof *texts)]));
}

static void make_anything(uint64_t *seed, buf *out)
{
    static const char *const values[] = {"null", "true", "12.50", "[]", "{}", "[1,{\"a\":null}]", "{\"x\":\"y\"}", "1E400", "\"\\u0001\""};
    if (dice(seed) % 2)
        make_text(seed, out);
    else
        buf_adds(out, values[dice(seed) % (sizeof values / sizeof *values)]);
}

static void make_value(const tree *root, const tree *place, uint64_t *seed, buf *out)
{
    static const char *const integers[] = {"0", "-5", "123456789012345678901234567890", "1e3", "7.0"}, *const numbers[] = {"0.10", "-1.5e-7", "3"};
    const tree *schema = resolved(root, place), *values = tree_get(schema, "enum"), *constant = tree_get(schema, "const"), *types = tree_get(schema, "type");
    const tree *v = values ? values->first : constant;
    weir_view type = types ? (types->first ? types->first->text : types->text) : (weir_view){0};
    for (size_t skip = values ? dice(seed) % values->count : 0; skip; skip--)
        v = v->next;
    if (v) {
        tree_write(out, v);
    } else if (tree_get(schema, "properties") || tree_get(schema, "oneOf")) {
        buf_addc(out, '{');
        make_members(root, schema, seed, 0, out);
        buf_addc(out, '}');
    } else if (view_is(type, "string")) {
        make_text(seed, out);
    } else if (view_is(type, "boolean")) {
        buf_adds(out, dice(seed) % 2 ? "true" : "false");
    } else if (view_is(type, "integer")) {
        buf_adds(out, integers[dice(seed) % 5]);
    } else if (view_is(type, "number")) {
        buf_adds(out, numbers[dice(seed) % 3]);
    } else if (view_is(type, "array")) {
        buf_addc(out, '[');
        for (size_t i = 0, n = dice(seed) % 3; i < n; i++) {
            buf_adds(out, i ? "," : "");
            make_value(root, tree_get(schema, "items"), seed, out);
        }
        buf_addc(out, ']');
    } else if (view_is(type, "object")) {
        buf_adds(out, "{\"m\":\"n\"}");
    } else {
        make_anything(seed, out);
    }
}

static void assert_there_and_back(const ft_plan *plan, const buf *settings)
{
    arena a = {0};
    err e = {0};
    tree *t;
    ft_flat flat;
    buf back = {0};
    assert_int_equal(tree_parse(&a, buf_view(settings), NULL, WEIR_E_BUG, &t, &e), WEIR_OK);
    if (ft_plan_flat(&a, plan, t, &flat, &e) || ft_plan_settings(plan, &flat, NULL, &back, &e))
        fail_msg("%.*s: %s", VIEW_ARG(buf_view(settings)), err_text(&e));
    if (!json_equal(buf_view(&back), buf_view(settings)))
        fail_msg("%.*s\nbecame %.*s", VIEW_ARG(buf_view(settings)), VIEW_ARG(buf_view(&back)));
    buf_free(&back);
    arena_free(&a);
    err_free(&e);
}

/* Any settings that are valid under the schema come back. Not made up here: nulls, empty texts and empty objects that may be absent, for they are. */
static void there_and_back(void **state)
{
    (void)state;
    static const char *const schemas[] = {
        TUNNEL,
        CREDENTIALS,
        "{\"properties\":{\"a\":{},\"b\":{\"type\":[\"integer\",\"string\"]},\"c\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}},\"d\":{\"type\":\"array\",\"items\":{}},"
        "\"e\":{\"type\":\"object\"},\"f\":{\"enum\":[1,\"two\",false]},\"g\":{\"const\":5},\"h\":{\"type\":\"number\"},\"i\":{\"type\":\"string\",\"default\":\"d\"},"
        "\"j\":{\"$ref\":\"#/$defs/j\"}},\"required\":[\"a\",\"f\"],\"$defs\":{\"j\":{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"},\"c\":{\"type\":\"boolean\"}}}}}",
    };
    uint64_t seed = 1;
    for (size_t i = 0; i < sizeof schemas / sizeof *schemas; i++) {
        fixture x;
        tree *schema;
        planned(&x, schemas[i]);
        assert_int_equal(tree_parse(&x.a, view_of(schemas[i]), NULL, WEIR_E_BUG, &schema, &x.e), WEIR_OK);
        for (int n = 0; n < 3000; n++) {
            buf settings = {0};
            make_value(schema, schema, &seed, &settings);
            assert_there_and_back(x.plan, &settings);
            buf_free(&settings);
        }
        done(&x);
    }
}

static void assert_flat(fixture *x, const char *settings, const char *expected)
{
    tree *t;
    ft_flat flat;
    buf out = {0};
    assert_int_equal(tree_parse(&x->a, view_of(settings), NULL, WEIR_E_BUG, &t, &x->e), WEIR_OK);
    if (ft_plan_flat(&x->a, x->plan, t, &flat, &x->e))
        fail_msg("%s", err_text(&x->e));
    for (size_t i = 0; i < flat.count; i++)
        buf_printf(&out, "%.*s=%.*s;", VIEW_ARG(flat.items[i].name), VIEW_ARG(flat.items[i].value));
    assert_string_equal(buf_text(&out), expected);
    buf_free(&out);
}

/* What a catalog says goes to the connector as texts, whatever it is; what the form does not have, too. */
static void driven_settings(void **state)
{
    (void)state;
    fixture x;
    tree *t;
    ft_flat flat;
    planned(&x, "{\"properties\":{\"port\":{\"type\":\"string\"},\"key\":{\"type\":\"string\"},\"tls\":{\"type\":\"boolean\"},\"pw\":{\"type\":\"string\"}}}");
    assert_flat(&x, "{\"port\":5432,\"key\":{\"a\": [1]},\"tls\":true,\"pw\":null,\"more\":\"m\",\"less\":1.0,\"_meta\":{}}", "port=5432;key={\"a\":[1]};tls=true;more=m;less=1.0;");
    assert_flat(&x, "{\"tls\":\"yes\",\"pw\":\"\"}", "tls=yes;pw=;");
    assert_flat(&x, "null", "");
    assert_int_equal(tree_parse(&x.a, VIEW("{\"pw\":\"a\\u0000b\"}"), NULL, WEIR_E_BUG, &t, &x.e), WEIR_OK);
    assert_int_equal(ft_plan_flat(&x.a, x.plan, t, &flat, &x.e), WEIR_E_CONFIG);
    assert_string_equal(err_text(&x.e), "/pw: a text that holds a NUL character cannot be sent");
    done(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unknown_names), cmocka_unit_test(empty_texts), cmocka_unit_test(visible), cmocka_unit_test(completed), cmocka_unit_test(circles),
        cmocka_unit_test(secrets), cmocka_unit_test(there_and_back), cmocka_unit_test(driven_settings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
