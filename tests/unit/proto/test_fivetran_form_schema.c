/* Forms of driven connectors as JSON Schemas (docs/forms.md, docs/protocols/fivetran.md 2.2). */
#include "fivetran_plan.h"
#include "json/patch.h"
#include "json/pointer.h"
#include "json/scan.h"

static void assert_schema_at(const buf *schema, const char *pointer, const char *expected)
{
    weir_view got = pointer_find(buf_view(schema), view_of(pointer));
    if (expected ? !json_equal(got, view_of(expected)) : got.len > 0)
        fail_msg("%s: %.*s", pointer, VIEW_ARG(got));
}

/* A form with what ours do not have: a name in several groups, groups in groups, conditions of every kind. */
static ft_field text_field(const char *name, bool required)
{
    return (ft_field){.name = view_of(name), .label = view_of(name), .ask = FT_ASK_TEXT, .required = required};
}

static void driven_form(void **state)
{
    (void)state;
    ft_option writers[] = {{.value = VIEW("Database")}, {.value = VIEW("File")}, {.value = VIEW("Cloud")}, {.value = VIEW("File")}},
              sizes[] = {{VIEW("s"), VIEW("Small"), VIEW("Cheap.")}, {VIEW("l"), VIEW("Large"), VIEW("")}};
    weir_view types[] = {VIEW(".pem")};
    ft_field database[] = {text_field("host", true), text_field("port", true)}, cloud[] = {text_field("host", true), text_field("region", false)},
             inner[] = {text_field("cert", true)};
    ft_field secure[] = {{.name = VIEW("tls"), .label = VIEW("TLS"), .ask = FT_ASK_TOGGLE, .fallback = VIEW("true")},
                         {.ask = FT_ASK_GROUP, .condition = {VIEW("tls"), FT_WHEN_BOOL, .truth = true}, .fields = inner, .count = 1}};
    ft_field fields[] = {
        {.name = VIEW("writer"), .label = VIEW("Writer"), .ask = FT_ASK_DROPDOWN, .required = true, .options = writers, .option_count = 4, .fallback = VIEW("File")},
        {.ask = FT_ASK_GROUP, .condition = {VIEW("writer"), FT_WHEN_TEXT, VIEW("Database"), false}, .fields = database, .count = 2},
        {.ask = FT_ASK_GROUP, .condition = {VIEW("writer"), FT_WHEN_TEXT, VIEW("Cloud"), false}, .fields = cloud, .count = 2},
        {.ask = FT_ASK_GROUP, .condition = {VIEW("writer"), FT_WHEN_EMPTY, .truth = false}, .fields = secure, .count = 2},
        {.name = VIEW("size"), .label = VIEW("Size"), .ask = FT_ASK_DESCRIBED, .options = sizes, .option_count = 2},
        {.name = VIEW("key"), .ask = FT_ASK_UPLOAD, .file_types = types, .file_type_count = 1, .max_bytes = 10},
        {.name = VIEW("pw"), .label = VIEW("Password"), .ask = FT_ASK_PASSWORD, .required = true, .placeholder = VIEW("***")},
        {.name = VIEW("id"), .label = VIEW("Id"), .ask = FT_ASK_HIDDEN, .fallback = VIEW("7")},
        {.name = VIEW("new"), .label = VIEW("New"), .ask = FT_ASK_NOTHING},
    };
    ft_form form = {.fields = fields, .count = sizeof fields / sizeof *fields};
    buf schema = {0};
    ft_form_schema(&form, VIEW("Driven"), &schema);
    assert_true(json_check(buf_view(&schema), NULL, NULL));
    assert_schema_at(&schema, "/title", "\"Driven\"");
    assert_schema_at(&schema, "/required", "[\"writer\",\"pw\"]");
    assert_schema_at(&schema, "/properties/writer", "{\"title\":\"Writer\",\"type\":\"string\",\"enum\":[\"Database\",\"File\",\"Cloud\"],\"default\":\"File\",\"order\":0}");
    assert_schema_at(&schema, "/properties/host/x-shown-when", "[{\"writer\":\"Database\"},{\"writer\":\"Cloud\"}]");
    assert_schema_at(&schema, "/properties/host/x-shown-required", "true");
    assert_schema_at(&schema, "/properties/region/x-shown-when", "{\"writer\":\"Cloud\"}");
    assert_schema_at(&schema, "/properties/region/x-shown-required", NULL);
    assert_schema_at(&schema, "/properties/tls", "{\"title\":\"TLS\",\"type\":\"boolean\",\"default\":true,\"x-shown-when\":{\"writer\":{\"empty\":false}},\"order\":4}");
    assert_schema_at(&schema, "/properties/cert/x-shown-when", "{\"writer\":{\"empty\":false},\"tls\":true}");
    assert_schema_at(&schema, "/properties/size/x-enum-labels", "[\"Small\",\"Large\"]");
    assert_schema_at(&schema, "/properties/size/x-enum-descriptions", "[\"Cheap.\",\"\"]");
    assert_schema_at(&schema, "/properties/key", "{\"title\":\"Key\",\"type\":\"string\",\"contentEncoding\":\"base64\",\"x-upload\":{\"types\":[\".pem\"],\"maxBytes\":10},\"order\":7}");
    assert_schema_at(&schema, "/properties/pw", "{\"title\":\"Password\",\"type\":\"string\",\"examples\":[\"***\"],\"secret\":true,\"order\":8}");
    assert_schema_at(&schema, "/properties/id", "{\"title\":\"Id\",\"type\":\"string\",\"default\":\"7\",\"x-hidden-field\":true,\"order\":9}");
    assert_schema_at(&schema, "/properties/new", "{\"title\":\"New\",\"type\":\"string\",\"order\":10}");

    fixture x; /* and as a form again: a shim of this platform as a connector of the same */
    planned(&x, buf_text(&schema));
    assert_form(&x, "writer*  dropdown \"Writer\" of Database | File | Cloud = File\n"
                    "if writer is Database\n  host*  text \"host\"\n"
                    "if writer is Cloud\n  host*  text \"host\"\n"
                    "if writer is Database\n  port*  text \"port\"\n"
                    "if writer is Cloud\n  region  text \"region\"\n"
                    "if writer is not empty\n  tls  toggle \"TLS\" = true\n  if tls is true\n    cert*  text \"cert\"\n"
                    "size  described \"Size\" of s | l\n"
                    "key  upload \"Key\" .pem <10\n"
                    "pw*  password \"Password\" ~ ***\n"
                    "id  hidden \"Id\" = 7\n"
                    "new  text \"New\"\n");
    done(&x);
    buf_free(&schema);
}

static void contradictions(void **state)
{
    (void)state;
    ft_field deep[] = {text_field("never", true)}, fine[] = {text_field("fine", false)};
    ft_field middle[] = {{.ask = FT_ASK_GROUP, .condition = {VIEW("a"), FT_WHEN_TEXT, VIEW("y"), false}, .fields = deep, .count = 1},
                         {.ask = FT_ASK_GROUP, .condition = {VIEW("a"), FT_WHEN_TEXT, VIEW("x"), false}, .fields = fine, .count = 1}};
    ft_field fields[] = {text_field("a", false), {.ask = FT_ASK_GROUP, .condition = {VIEW("a"), FT_WHEN_TEXT, VIEW("x"), false}, .fields = middle, .count = 2},
                         {.ask = FT_ASK_GROUP, .fields = fine, .count = 1}};
    ft_form form = {.fields = fields, .count = 2};
    buf schema = {0};
    ft_form_schema(&form, (weir_view){0}, &schema);
    assert_string_equal(buf_text(&schema), "{\"type\":\"object\",\"properties\":{\"a\":{\"title\":\"a\",\"type\":\"string\",\"order\":0},"
                                           "\"fine\":{\"title\":\"fine\",\"type\":\"string\",\"x-shown-when\":{\"a\":\"x\"},\"order\":1}}}");
    buf_clear(&schema);
    form.count = 3; /* a group without a condition is always there */
    ft_form_schema(&form, (weir_view){0}, &schema);
    assert_schema_at(&schema, "/properties/fine/x-shown-when", NULL);
    buf_free(&schema);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(driven_form), cmocka_unit_test(contradictions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
