/* Which fields are stored, after the destination has said what it thinks of each. Expected values: the rules in columns.h, which are those of Flow's own field selection
 * (crates/validation, as of 2025) but for what stands there as ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <unistd.h>

#include "base/io.h"
#include "folder.h"
#include "plane/columns.h"

typedef struct world {
    char *folder;
    arena mem;
    catalog c;
    err e;
    weir_binding b;
    demands said;
    columns_live live;
    buf incompatible, text;
} world;

static int set_up(void **state)
{
    world *w = calloc(1, sizeof *w);
    w->folder = folder_make();
    *state = w;
    return chdir(w->folder);
}

static int tear_down(void **state)
{
    world *w = *state;
    catalog_free(&w->c);
    arena_free(&w->mem);
    err_free(&w->e);
    buf_free(&w->incompatible);
    buf_free(&w->text);
    if (chdir("/") == 0)
        folder_remove(w->folder);
    free(w);
    return 0;
}

#define ORDERS                                                                                                                                     \
    "{key: [/id], schema: {type: object, required: [id], properties: {id: {type: integer}, v: {type: string}, d: {type: number},"                  \
    " at: {type: object, properties: {city: {type: string}, zip: {type: string}}}, _meta: {type: object, properties: {op: {type: string}}}}}"

/* All that is possible for a binding with these fields. */
static void given(world *w, const char *spec, const char *fields)
{
    buf text = {0};
    catalog_free(&w->c);
    w->said = (demands){0};
    w->live = (columns_live){0};
    buf_printf(&text,
               "materializations:\n  a/m: {endpoint: {native: {connector: x}}, bindings: [{resource: {}, source: a/c, fields: %s}]}\n"
               "collections: {a/c: %s}\n", fields, spec);
    if (io_replace_file("flow.yaml", buf_view(&text), &w->e) || catalog_read(&w->c, "flow.yaml", &w->e))
        fail_msg("%s", err_text(&w->e));
    buf_free(&text);
    weir_column *columns;
    w->b = (weir_binding){.name = VIEW("a/c")};
    if (columns_possible(&w->mem, &w->c.collections[0], &w->c.tasks[0].bindings[0], NULL, &columns, &w->b.column_count, &w->b.key_count, &w->e))
        fail_msg("%s", err_text(&w->e));
    w->b.columns = columns;
}

static const weir_column *column(const world *w, const char *field)
{
    for (size_t i = 0; i < w->b.column_count; i++)
        if (view_is(w->b.columns[i].field, field))
            return &w->b.columns[i];
    fail_msg("no column %s", field);
    return NULL;
}

static void says(world *w, const char *field, weir_need need, const char *reason)
{
    assert_int_equal(demands_take(&w->said, &w->mem, &w->b, column(w, field), need, view_of(reason), &w->e), WEIR_OK);
}

static void folds(world *w, const char *field, const char *name)
{
    assert_int_equal(demands_fold(&w->said, &w->mem, &w->b, column(w, field), view_of(name), &w->e), WEIR_OK);
}

static weir_rc choose(world *w, bool live)
{
    buf_clear(&w->incompatible);
    return columns_choose(&w->mem, &w->c.collections[0], &w->c.tasks[0].bindings[0], &w->said, live ? &w->live : NULL, &w->b, &w->incompatible, &w->e);
}

static void assert_chosen(world *w, bool live, const char *expected)
{
    if (choose(w, live))
        fail_msg("%s", err_text(&w->e));
    buf_clear(&w->text);
    for (size_t i = 0; i < w->b.column_count; i++)
        buf_printf(&w->text, "%s%.*s", i ? " " : "", VIEW_ARG(w->b.columns[i].field));
    assert_string_equal(buf_text(&w->text), expected);
}

static void assert_conflict(world *w, bool live, const char *expected)
{
    assert_int_equal(choose(w, live), WEIR_E_CONFIG);
    assert_string_equal(err_text(&w->e), expected);
    err_free(&w->e);
}

static void test_demanded(void **state)
{
    world *w = *state;
    given(w, ORDERS "}", "{recommended: 0}");
    says(w, "flow_document", WEIR_COLUMN_PLACE_REQUIRED, "needed");
    says(w, "d", WEIR_COLUMN_REQUIRED, "");
    says(w, "v", WEIR_COLUMN_RECOMMENDED, "");
    says(w, "at/zip", WEIR_COLUMN_OPTIONAL, "");
    assert_chosen(w, false, "id d flow_document");
    /* One field of a location is enough: the strongest. */
    given(w, ORDERS ", projections: {town: /at/city}}", "{recommended: 0, require: {town: {}}}");
    says(w, "at/city", WEIR_COLUMN_PLACE_REQUIRED, "");
    says(w, "town", WEIR_COLUMN_PLACE_REQUIRED, "");
    assert_chosen(w, false, "id town");
}

static void test_forbidden(void **state)
{
    world *w = *state;
    given(w, ORDERS "}", "{}");
    says(w, "v", WEIR_COLUMN_FORBIDDEN, "no room");
    assert_chosen(w, false, "id d at");
    given(w, ORDERS "}", "{require: {v: {}}, exclude: [d]}");
    says(w, "v", WEIR_COLUMN_FORBIDDEN, "no room");
    says(w, "d", WEIR_COLUMN_REQUIRED, "it has a meaning");
    says(w, "id", WEIR_COLUMN_FORBIDDEN, "");
    assert_conflict(w, false, "field id is part of the key, but the destination does not take it\n"
                              "field v was asked for, but the destination does not take it: no room\n"
                              "field d the destination demands it, but it is excluded");
}

static void test_covered(void **state)
{
    world *w = *state;
    given(w, ORDERS "}", "{recommended: 2}");
    assert_chosen(w, false, "id v d at/city at/zip _meta/op");
    given(w, ORDERS "}", "{recommended: 2, require: {at: {}}}");
    assert_chosen(w, false, "id v d _meta/op at");
    given(w, ORDERS "}", "{recommended: 2, exclude: [at]}");
    assert_chosen(w, false, "id v d _meta/op");
    given(w, ORDERS "}", "{recommended: 2, exclude: [at], require: {at/zip: {}}}");
    assert_chosen(w, false, "id v d at/zip _meta/op");
}

static void test_folded(void **state)
{
    world *w = *state;
    given(w, ORDERS "}", "{recommended: 2}");
    folds(w, "at/city", "at_name");
    folds(w, "at/zip", "at_name");
    assert_chosen(w, false, "id v d at/city _meta/op");
    /* Both asked for, or in the key: nobody can decide. */
    given(w, ORDERS "}", "{require: {at/city: {}, at/zip: {}}, recommended: 0}");
    folds(w, "at/city", "at_name");
    folds(w, "at/zip", "at_name");
    assert_conflict(w, false, "field at/zip was asked for, but another field has its name: at/city is written at_name, too");
    given(w, "{key: [/foo_id], projections: {Foo_Id: /foo_id}, schema: {type: object, properties: {foo_id: {type: integer},"
             " foo: {type: object, properties: {id: {type: string}}}}}}", "{recommended: 2, groupBy: [foo_id]}");
    w->said.rules.ignores_case = true;
    folds(w, "foo/id", "FOO_ID");
    assert_chosen(w, false, "foo_id");
}

static void test_live(void **state)
{
    world *w = *state;
    const weir_view values[] = {VIEW("at/zip"), VIEW("gone")};
    given(w, ORDERS "}", "{}");
    w->live = (columns_live){VIEW("flow_document"), values, 2};
    assert_chosen(w, true, "id v d at at/zip flow_document");
    given(w, ORDERS "}", "{exclude: [at/zip]}");
    w->live = (columns_live){VIEW(""), values, 2};
    assert_chosen(w, true, "id v d at");
    given(w, ORDERS "}", "{exclude: [flow_document]}");
    w->live = (columns_live){VIEW("flow_document"), values, 2};
    assert_conflict(w, true, "field flow_document it holds the document now, but it is excluded");
}

static void test_incompatible(void **state)
{
    world *w = *state;
    given(w, ORDERS "}", "{}");
    says(w, "d", WEIR_COLUMN_IMPOSSIBLE, "the column is a date");
    assert_chosen(w, true, "id v d at");
    assert_string_equal(buf_text(&w->incompatible), "field d cannot be stored as it is: the column is a date");
    /* Of no concern where it is not stored. */
    given(w, ORDERS "}", "{exclude: [d]}");
    says(w, "d", WEIR_COLUMN_IMPOSSIBLE, "the column is a date");
    assert_chosen(w, true, "id v at");
    assert_int_equal(w->incompatible.len, 0);
    /* Another field of the place that fits goes first. */
    given(w, ORDERS ", projections: {D: /d}}", "{recommended: 0}");
    says(w, "D", WEIR_COLUMN_PLACE_REQUIRED, "");
    says(w, "d", WEIR_COLUMN_IMPOSSIBLE, "the column is a date");
    assert_chosen(w, true, "id D");
    assert_int_equal(w->incompatible.len, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_demanded), TEST(test_forbidden), TEST(test_covered), TEST(test_folded), TEST(test_live), TEST(test_incompatible)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
