/* fivetran_plan.h - for tests of plans: a plan of a schema or connector, its form, and the settings that become of a flat map. */
#ifndef WEIR_TESTS_FIVETRAN_PLAN_H
#define WEIR_TESTS_FIVETRAN_PLAN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fivetran_form.h"

typedef struct fixture {
    arena a;
    err e;
    ft_plan *plan;
} fixture;

static inline void planned(fixture *x, const char *schema)
{
    tree *t;
    *x = (fixture){0};
    if (tree_parse(&x->a, view_of(schema), "schema", WEIR_E_BUG, &t, &x->e) || ft_plan_new(&x->a, t, &x->plan, &x->e))
        fail_msg("%s", err_text(&x->e));
}

static inline void planned_connector(fixture *x, const weir_connector *c)
{
    *x = (fixture){0};
    if (ft_plan_of_connector(&x->a, c, &x->plan, &x->e))
        fail_msg("%s", err_text(&x->e));
}

static inline void done(fixture *x)
{
    arena_free(&x->a);
    err_free(&x->e);
}

static inline void assert_form(const fixture *x, const char *expected)
{
    buf out = {0};
    const ft_form *f = ft_plan_form(x->plan);
    show_fields(f->fields, f->count, 0, &out);
    assert_string_equal(buf_text(&out), expected);
    buf_free(&out);
}

static inline void assert_settings(fixture *x, const char *const *pairs, const char *expected)
{
    flat_pairs items;
    ft_flat flat = flat_of(&items, pairs);
    buf out = {0};
    if (ft_plan_settings(x->plan, &flat, NULL, &out, &x->e))
        fail_msg("%s", err_text(&x->e));
    assert_string_equal(buf_text(&out), expected);
    buf_free(&out);
}

static inline void assert_refused(fixture *x, const char *const *pairs, const char *expected)
{
    flat_pairs items;
    ft_flat flat = flat_of(&items, pairs);
    buf out = {0};
    assert_int_equal(ft_plan_settings(x->plan, &flat, NULL, &out, &x->e), WEIR_E_CONFIG);
    assert_string_equal(err_text(&x->e), expected);
    assert_int_equal(out.len, 0);
    err_clear(&x->e);
    buf_free(&out);
}

#define PAIRS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define NO_PAIRS ((const char *const[]){NULL})

/* ---- schemas ---- */

#define TUNNEL                                                                                                                                   \
    "{\"type\":\"object\",\"required\":[\"host\",\"source\"],\"properties\":{"                                                                   \
    "\"host\":{\"type\":\"string\"},"                                                                                                            \
    "\"source\":{\"type\":\"object\",\"title\":\"Source\",\"required\":[\"port\"],\"properties\":{\"port\":{\"type\":\"integer\"},\"ssl\":{\"type\":\"boolean\"}}}," \
    "\"tunnel\":{\"type\":\"object\",\"title\":\"SSH tunnel\",\"required\":[\"host\"],\"properties\":{\"host\":{\"type\":\"string\"},\"port\":{\"type\":\"integer\",\"default\":22},"   \
    "\"keep\":{\"type\":\"boolean\"}}},"                                                                                                         \
    "\"tuning\":{\"type\":\"object\",\"properties\":{\"deep\":{\"type\":\"object\",\"title\":\"Deep\",\"properties\":{\"level\":{\"type\":\"integer\",\"title\":\"Level\"}}}}}}}"

#define CREDENTIALS                                                                                                                              \
    "{\"type\":\"object\",\"required\":[\"credentials\"],\"properties\":{\"credentials\":{\"type\":\"object\",\"title\":\"Authentication\",\"description\":\"How to log in.\",\"oneOf\":["        \
    "{\"title\":\"OAuth\",\"type\":\"object\",\"required\":[\"auth_type\",\"client_id\"],\"properties\":{\"auth_type\":{\"type\":\"string\",\"const\":\"oauth2.0\"},"                             \
    "\"client_id\":{\"type\":\"string\"},\"token\":{\"type\":\"string\",\"airbyte_secret\":true}}},"                                             \
    "{\"title\":\"Key\",\"type\":\"object\",\"description\":\"A key.\",\"required\":[\"auth_type\",\"key\"],\"properties\":{\"auth_type\":{\"type\":\"string\",\"const\":\"key\"},"           \
    "\"key\":{\"type\":\"string\",\"airbyte_secret\":true},\"token\":{\"type\":\"integer\"},\"mode\":{\"type\":\"object\",\"title\":\"Mode\",\"oneOf\":["                                     \
    "{\"required\":[\"how\"],\"properties\":{\"how\":{\"const\":\"a\"},\"x\":{\"type\":\"integer\"}}},{\"required\":[\"how\"],\"properties\":{\"how\":{\"enum\":[\"b\"]}}}]}}},"                \
    "{\"title\":\"Nothing\",\"type\":\"object\",\"properties\":{\"auth_type\":{\"type\":\"string\",\"const\":\"none\"}}}]}}}"

#endif
