/* The setup forms of our connectors, and of connectors that nobody here wrote: settings that are valid come back. */
#include "fivetran_plan.h"
#include "json/patch.h"

extern const weir_connector source_files, source_hello, materialize_sqlite;

/* @param settings valid ones  @param flat how the platform gives them back, "NAME=TEXT;" each */
static void assert_there_and_back(fixture *x, const char *settings, const char *flat_text)
{
    tree *t;
    ft_flat flat;
    buf back = {0}, shown = {0};
    if (tree_parse(&x->a, view_of(settings), NULL, WEIR_E_BUG, &t, &x->e) || ft_plan_flat(&x->a, x->plan, t, &flat, &x->e) ||
        ft_plan_settings(x->plan, &flat, NULL, &back, &x->e))
        fail_msg("%s", err_text(&x->e));
    for (size_t i = 0; i < flat.count; i++)
        buf_printf(&shown, "%.*s=%.*s;", VIEW_ARG(flat.items[i].name), VIEW_ARG(flat.items[i].value));
    assert_string_equal(buf_text(&shown), flat_text);
    if (!json_equal(buf_view(&back), view_of(settings)))
        fail_msg("%s\nbecame %.*s", settings, VIEW_ARG(buf_view(&back)));
    buf_free(&back);
    buf_free(&shown);
}

static void ours(void **state)
{
    (void)state;
    fixture x;
    planned_connector(&x, &source_hello);
    assert_form(&x, "text  text \"Text\" = Hello (What to say.)\n"
                    "count  text \"Count\" = 3 (How many greetings to send.)\n");
    assert_there_and_back(&x, "{\"text\":\"\",\"count\":5}", "text=;count=5;");
    assert_true(ft_plan_form(x.plan)->table_selection);
    done(&x);
    planned_connector(&x, &materialize_sqlite);
    assert_form(&x, "path*  text \"Path\" (The database file. It is made if it does not exist.)\n"
                    "busy_timeout  text \"Busy Timeout\" = 60 (How many seconds to wait while another process writes to the database.)\n"
                    "cache_mb  text \"Cache Mb\" = 8 (Megabytes of memory for pages of the database. More is faster for large tables whose keys come in no order.)\n");
    assert_there_and_back(&x, "{\"path\":\"a b.db\",\"cache_mb\":1e2}", "path=a b.db;cache_mb=1e2;");
    assert_false(ft_plan_form(x.plan)->table_selection);
    done(&x);
    planned_connector(&x, &source_files);
    assert_form(&x, "streams*  text \"Streams\" (The streams, each with the files it consists of. To be given as JSON.)\n"
                    "base  text \"Base folder\" (The folder that relative paths start from.)\n"
                    "sample  text \"Sample size\" = 16 (How many MiB of each stream are read to learn its schema.)\n");
    assert_there_and_back(&x, "{\"streams\":[{\"name\":\"s\",\"path\":\"*.csv\"}]}", "streams=[{\"name\":\"s\",\"path\":\"*.csv\"}];");
    done(&x);
}

static weir_rc nothing(weir_task *t, void *self) { (void)t; (void)self; return WEIR_OK; }
static weir_rc no_pull(weir_task *t, void *self, const weir_binding *b, size_t n) { (void)t; (void)self; (void)b; (void)n; return WEIR_OK; }
static const weir_capture capture = {.discover = nothing, .pull = no_pull};

static void planned_schema(fixture *x, const char *schema)
{
    const weir_connector c = {.abi = WEIR_ABI, .name = "source-x", .version = "1", .config_schema = view_of(schema), .capture = &capture};
    planned_connector(x, &c);
}

/* airbyte-source-faker 7.2.1: a property without `order` among others with it. */
static void faker(void **state)
{
    (void)state;
    fixture x;
    planned_schema(&x, "{\"$schema\":\"http://json-schema.org/draft-07/schema#\",\"type\":\"object\",\"required\":[],\"additionalProperties\":true,\"properties\":{"
                       "\"count\":{\"title\":\"Count\",\"type\":\"integer\",\"minimum\":1,\"default\":1000,\"order\":0},"
                       "\"seed\":{\"title\":\"Seed\",\"type\":\"integer\",\"default\":-1,\"order\":1},"
                       "\"records_per_slice\":{\"title\":\"Records Per Stream Slice\",\"type\":\"integer\",\"minimum\":1,\"default\":1000,\"order\":2},"
                       "\"always_updated\":{\"title\":\"Always Updated\",\"type\":\"boolean\",\"default\":true},"
                       "\"parallelism\":{\"title\":\"Parallelism\",\"type\":\"integer\",\"minimum\":1,\"default\":4,\"order\":4}}}");
    assert_form(&x, "count  text \"Count\" = 1000\nseed  text \"Seed\" = -1\nrecords_per_slice  text \"Records Per Stream Slice\" = 1000\n"
                    "parallelism  text \"Parallelism\" = 4\nalways_updated  toggle \"Always Updated\" = true\n");
    assert_there_and_back(&x, "{\"count\":20,\"parallelism\":1,\"always_updated\":false,\"seed\":1}", "count=20;seed=1;parallelism=1;always_updated=false;");
    done(&x);
}

/* A low-code source of airbyte-cdk 7: an object about which nothing is said. */
static void low_code(void **state)
{
    (void)state;
    fixture x;
    planned_schema(&x, "{\"type\":\"object\",\"required\":[\"__injected_declarative_manifest\"],\"additionalProperties\":true,\"properties\":{"
                       "\"__injected_declarative_manifest\":{\"title\":\"Low-code manifest\",\"type\":\"object\"}}}");
    assert_form(&x, "__injected_declarative_manifest*  text \"Low-code manifest\" (To be given as JSON.)\n");
    assert_there_and_back(&x, "{\"__injected_declarative_manifest\":{\"version\":\"6.1.0\",\"streams\":[]}}",
                          "__injected_declarative_manifest={\"version\":\"6.1.0\",\"streams\":[]};");
    done(&x);
}

/* In the manner of pydantic 1 and 2, as the kits of sources of files make their specs: references inside of allOf, alternatives with null, discriminators. */
static void pydantic(void **state)
{
    (void)state;
    fixture x;
    planned_schema(&x, "{\"title\":\"Config\",\"type\":\"object\",\"required\":[\"streams\",\"provider\"],\"properties\":{"
                       "\"start_date\":{\"title\":\"Start Date\",\"examples\":[\"2021-01-01T00:00:00.000000Z\"],\"format\":\"date-time\",\"pattern\":\"^[0-9]{4}-\",\"order\":1,\"anyOf\":[{\"type\":\"string\"},{\"type\":\"null\"}],\"default\":null},"
                       "\"streams\":{\"title\":\"The streams\",\"type\":\"array\",\"items\":{\"$ref\":\"#/definitions/Stream\"},\"order\":10},"
                       "\"mode\":{\"title\":\"Mode\",\"allOf\":[{\"$ref\":\"#/definitions/Mode\"}],\"default\":\"fast\"},"
                       "\"provider\":{\"title\":\"Storage\",\"order\":2,\"discriminator\":{\"propertyName\":\"storage\",\"mapping\":{}},"
                       "\"oneOf\":[{\"$ref\":\"#/definitions/Web\"},{\"$ref\":\"#/definitions/Bucket\"}]}},"
                       "\"definitions\":{\"Stream\":{\"type\":\"object\",\"properties\":{\"name\":{\"type\":\"string\"}}},"
                       "\"Mode\":{\"title\":\"Mode\",\"enum\":[\"fast\",\"safe\"],\"type\":\"string\"},"
                       "\"Web\":{\"title\":\"HTTPS\",\"type\":\"object\",\"properties\":{\"storage\":{\"const\":\"HTTPS\",\"default\":\"HTTPS\",\"type\":\"string\"},\"user_agent\":{\"default\":false,\"type\":\"boolean\"}}},"
                       "\"Bucket\":{\"title\":\"Bucket\",\"type\":\"object\",\"required\":[\"storage\",\"bucket\"],\"properties\":{\"storage\":{\"enum\":[\"S3\"],\"type\":\"string\"},"
                       "\"bucket\":{\"type\":\"string\"},\"aws_secret\":{\"anyOf\":[{\"type\":\"string\",\"writeOnly\":true,\"format\":\"password\"},{\"type\":\"null\"}],\"airbyte_secret\":true}}}}}");
    assert_form(&x, "start_date  text \"Start Date\" ~ 2021-01-01T00:00:00.000000Z\n"
                    "storage*  described \"Storage\" of HTTPS | S3\n"
                    "if storage is HTTPS\n  user_agent  toggle \"User Agent\" = false\n"
                    "if storage is S3\n  bucket*  text \"Bucket\"\n  aws_secret  password \"Aws Secret\"\n"
                    "streams*  text \"The streams\" (To be given as JSON.)\n"
                    "mode  dropdown \"Mode\" of fast | safe = fast\n");
    assert_there_and_back(&x, "{\"streams\":[],\"provider\":{\"storage\":\"S3\",\"bucket\":\"b\",\"aws_secret\":\"s\"},\"mode\":\"safe\",\"start_date\":\"2024-01-01T00:00:00Z\"}",
                          "start_date=2024-01-01T00:00:00Z;storage=S3;bucket=b;aws_secret=s;streams=[];mode=safe;");
    done(&x);
}

/* In the manner of singer-sdk: types are lists, secrets are said twice. */
static void singer(void **state)
{
    (void)state;
    fixture x;
    planned_schema(&x, "{\"type\":\"object\",\"properties\":{\"api_url\":{\"type\":[\"string\"],\"title\":\"API URL\",\"description\":\"Where.\"},"
                       "\"auth_token\":{\"type\":[\"string\",\"null\"],\"secret\":true,\"writeOnly\":true},"
                       "\"headers\":{\"type\":[\"object\",\"null\"],\"properties\":{},\"additionalProperties\":true},"
                       "\"streams\":{\"type\":[\"array\",\"null\"],\"items\":{\"type\":[\"object\",\"null\"],\"properties\":{\"path\":{\"type\":[\"string\"]}}}},"
                       "\"ids\":{\"type\":[\"array\",\"null\"],\"items\":{\"type\":[\"string\"]}},"
                       "\"limit\":{\"type\":[\"integer\",\"null\"],\"default\":50}},\"required\":[\"api_url\"]}");
    assert_form(&x, "api_url*  text \"API URL\" (Where.)\n"
                    "auth_token  password \"Auth Token\"\n"
                    "headers  text \"Headers\" (To be given as JSON.)\n"
                    "streams  text \"Streams\" (To be given as JSON.)\n"
                    "ids  text \"Ids\" (A list: texts with commas between them, or a JSON array.)\n"
                    "limit  text \"Limit\" = 50\n");
    assert_there_and_back(&x, "{\"api_url\":\"http://x\",\"headers\":{\"a\":\"b\"},\"streams\":[{\"path\":\"/\"}],\"ids\":[\"1\",\"2,3\"],\"limit\":0}",
                          "api_url=http://x;headers={\"a\":\"b\"};streams=[{\"path\":\"/\"}];ids=[\"1\",\"2,3\"];limit=0;");
    done(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ours),     cmocka_unit_test(faker),  cmocka_unit_test(low_code),
        cmocka_unit_test(pydantic), cmocka_unit_test(singer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
