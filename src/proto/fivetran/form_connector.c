/* The plan of a connector: its settings and its tests. */
#include "model/spec.h"
#include "proto/fivetran/form_plan.h"

static bool put_tests(arena *a, const weir_connector *c, ft_form *form)
{
    static const weir_test usual[][3] = {
        {{.name = "connect", .title = "Connects with these settings"}, {.name = "select", .title = "Finds what can be read"}, {0}},
        {{.name = "connect", .title = "Connects with these settings"}, {.name = "select", .title = "Can be written to"}, {0}},
    };
    const weir_test *tests = c->tests ? c->tests : usual[c->capture == NULL];
    while (tests[form->test_count].name)
        form->test_count++;
    form->tests = arena_array(a, form->test_count, sizeof *form->tests);
    for (size_t i = 0; form->tests && i < form->test_count; i++)
        form->tests[i] = (ft_option){.value = view_of(tests[i].name), .label = view_of(tests[i].title ? tests[i].title : tests[i].name)};
    return form->tests != NULL;
}

/* Does it say that there are settings, and not which? */
static bool is_untold(const tree *schema, const ft_plan *p)
{
    const tree *others = tree_get(schema, "additionalProperties");
    return !p->leaf_count && !tree_get(schema, "properties") && !(others && others->kind == TREE_BOOL && !others->boolean);
}

/* One field for all settings. Some of them may be secret. */
static weir_rc plan_open(arena *a, ft_plan **ret, err *e)
{
    static const weir_view text = WEIR_LIT("{\"type\":\"object\",\"properties\":{\"config\":{\"type\":\"object\",\"title\":\"Configuration\",\"secret\":true,"
                                           "\"description\":\"All settings, an object.\"}}}");
    tree *schema;
    weir_rc rc = tree_parse(a, text, NULL, WEIR_E_BUG, &schema, e);
    rc = rc ? rc : ft_plan_new(a, schema, ret, e);
    if (!rc)
        (*ret)->open = true;
    return rc;
}

weir_rc ft_plan_of_connector(arena *a, const weir_connector *c, ft_plan **ret, err *e)
{
    buf text = {0};
    tree *schema = NULL;
    spec_config_schema(c, &text);
    weir_view kept = buf_ok(&text) ? arena_dup(a, buf_view(&text)) : (weir_view){0};
    buf_free(&text);
    weir_rc rc = kept.ptr ? tree_parse_lenient(a, kept, NULL, WEIR_E_PROTOCOL, &schema, e) : err_nomem(e);
    rc = rc ? rc : ft_plan_new(a, schema, ret, e);
    if (!rc && is_untold(schema, *ret))
        rc = plan_open(a, ret, e);
    if (!rc && !put_tests(a, c, &(*ret)->form))
        rc = err_nomem(e);
    if (!rc)
        (*ret)->form.schema_selection = (*ret)->form.table_selection = c->capture != NULL;
    return err_wrap(e, rc, "settings of '%s'", c->name);
}
