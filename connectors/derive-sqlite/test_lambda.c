/* Lambdas: parameters, values, rows. Expected values are those of flow.md 4.5 and of what Flow's own tests of its SQLite
 * derivations expect. */
#include "test_harness.h"

#include "param.h"

/* ----------------------------------------------------------------------------------------------------------------- blocks -- */

static void test_statements_of_a_block(void **state)
{
    (void)state;
    DERIVES("-- Some comments;\nselect $n + 1 as a where ';' = ';';\n/* another ; one */ select [b;c] from (select 2 as [b;c]);;\n "
            ";\n/* none */ ;\n",
            "{\"n\":1}", "{\"a\":2}\n{\"b;c\":2}\n", field("n"));
    DERIVES("", "{}", "");
    DERIVES("  \n\t ", "{}", "");
    DERIVES("-- nothing to do\n;", "{}", "");
}

static void refuse(const char *sql, const char *error)
{
    run r;
    run_open(&r, "{}");
    TRANSFORM(&r, sql, field("id"), field("sender"), field("With/Nesting"), field("with$Dollar"));
    assert_error(&r, try_begin(&r), WEIR_E_CONFIG, error);
    err_clear(&r.e);
    assert_int_equal(try_validate(&r), WEIR_OK);
    if (!strstr(buf_text(&r.said), error) || strncmp(buf_text(&r.said), "problem: ", 9) != 0)
        fail_msg("validate says \"%s\", not \"%s\"", buf_text(&r.said), error);
    run_close(&r);
}

static void test_what_is_wrong_has_a_line(void **state)
{
    (void)state;
    refuse("select 1;\n\nselect 2\n", "transform \"t0\": line 3: there is no ';' at the end of 'select 2'");
    refuse("select 1;\n-- comment", "line 2: there is no ';'");
    refuse("select 1;\nselect 'abc;\n", "line 2: there is no ';'");
    refuse("select 1;\n\n select 2\n  frm x y z;\n", "transform \"t0\": line 4: near \"x\": syntax error");
    refuse("select 1;\nselect * from nowhere;", "line 2: no such table: nowhere");
    refuse("select 1\nselect 2;", "line 2: near \"select\": syntax error");
}

static void test_a_nul_character_is_refused(void **state)
{
    (void)state;
    run r;
    run_open(&r, "{}");
    TRANSFORM(&r, "x")->lambda_json = view_of("\"select 1;\\n \\u0000 select 2;\"");
    assert_error(&r, try_begin(&r), WEIR_E_CONFIG, "transform \"t0\": line 2: a NUL character");
    err_clear(&r.e);
    r.transforms[0].lambda_json = view_of("{\"sql\":1}");
    assert_error(&r, try_begin(&r), WEIR_E_CONFIG, "the lambda must be a text");
    run_close(&r);
}

static void test_what_is_the_runtimes(void **state)
{
    (void)state;
    refuse("commit;", "BEGIN, COMMIT and ROLLBACK are not for SQL of a derivation");
    refuse("select 1;\nrollback;", "line 2: a transaction is always open");
    refuse("attach 'x.db' as x;", "ATTACH and DETACH");
    refuse("delete from gazette_checkpoint;", "are the runtime's");
    refuse("drop table flow_migrations;", "are the runtime's");
    refuse("alter table Gazette_Checkpoint add column x;", "are the runtime's");
}

/* -------------------------------------------------------------------------------------------------------------- parameters -- */

static void test_parameters_and_fields(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"Simple", "$Simple"},
        {"under_Score", "$under_Score"},
        {"with space", "$with_space"},
        {"with-hyphen", "$with_hyphen"},
        {"\xc3\xa4\xc3\xab\xc3\xaf\xc3\xb6\xc3\xbc/4-2", "$\xc3\xa4\xc3\xab\xc3\xaf\xc3\xb6\xc3\xbc$4_2"},
        {"With/Nesting", "$With$Nesting"},
        {"with$Dollar", "$p::(with$Dollar)"},
        {"With/Nesting/and+special-hyphen", "$p::(With/Nesting/and+special-hyphen)"},
        {"hello, world!", "$p::(hello,_world!)"},
        {"wide\xe3\x80\x80"
         "blank",
         "$wide_blank"},
    };
    enum { COUNT = sizeof pairs / sizeof *pairs };
    weir_column columns[COUNT];
    for (size_t i = 0; i < COUNT; i++)
        columns[i] = field(pairs[i][0]);
    weir_transform t = {.columns = columns, .column_count = COUNT, .collection = view_of("acme/in")};
    dsql_error e = {WEIR_OK, NULL};
    size_t found = 0;
    for (size_t i = 0; i < COUNT; i++) {
        char *name = dsql_param_name(view_of(pairs[i][0]));
        assert_string_equal(name, pairs[i][1]);
        sqlite3_free(name);
        assert_int_equal(dsql_param_find(&t, pairs[i][1], &found, &e), WEIR_OK);
        assert_int_equal(found, i);
    }
    static const char *const wrong[][2] = {
        {"$simplee", "parameter $simplee: 'acme/in' has no such field; did you mean $Simple?"},
        {"$with$nesting", "did you mean $With$Nesting?"},
        {"$With$Nesting$and_special_hyphen", "did you mean $p::(With/Nesting/and+special-hyphen)?"},
        {"$way_off", "did you mean $Simple?"},
        {"$p::(with_hyphen)", "did you mean $with_hyphen?"},
        {"?", "it must name a field"},
        {"?2", "it must name a field"},
        {"$", "did you mean"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(dsql_param_find(&t, wrong[i][0], &found, &e), WEIR_E_CONFIG);
        if (!strstr(e.text, wrong[i][1]))
            fail_msg("%s: \"%s\", not \"%s\"", wrong[i][0], e.text, wrong[i][1]);
        dsql_error_free(&e);
    }
    t.column_count = 0;
    assert_int_equal(dsql_param_find(&t, "$a", &found, &e), WEIR_E_CONFIG);
    assert_non_null(strstr(e.text, "has no fields"));
    dsql_error_free(&e);
}

/* Distances of the optimal string alignment, as the literature and other libraries have them. */
static void test_distances(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        size_t distance;
    } cases[] = {{"", "", 0},      {"", "abc", 3},          {"kitten", "sitting", 3}, {"ab", "ba", 1},
                 {"ca", "abc", 3}, {"a cat", "an abct", 4}, {"\xc3\xa4", "a", 1},     {"same", "same", 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(dsql_param_distance(view_of(cases[i].a), view_of(cases[i].b)), cases[i].distance);
        assert_int_equal(dsql_param_distance(view_of(cases[i].b), view_of(cases[i].a)), cases[i].distance);
    }
}

static void test_an_unknown_parameter_has_a_line(void **state)
{
    (void)state;
    refuse("select 1;\n select $sendre;",
           "transform \"t0\": line 2: parameter $sendre: 'acme/in' has no such field; did you mean $sender?");
    refuse("select ?;", "line 1: parameter ?: it must name a field");
    refuse("select $p::(With$Nesting);", "did you mean $With$Nesting?");
}

static void test_ways_to_name_a_field(void **state)
{
    (void)state;
    DERIVES("select $a$b as x, $p::(a/b) as y, :c as z, @c as w, $d_e as v, $f_g as u, $p::(f_g) as s;",
            "{\"a\":{\"b\":1},\"c\":2,\"d-e\":3,\"f g\":4}", "{\"x\":1,\"y\":1,\"z\":2,\"w\":2,\"v\":3,\"u\":4,\"s\":4}\n",
            field("a/b"), field("c"), field("d-e"), field("f g"));
    /* A field that has the very name goes before one that matches. */
    DERIVES("select $d_e as x;", "{\"d-e\":1,\"d_e\":2}", "{\"x\":2}\n", field("d-e"), field("d_e"));
}

/* ----------------------------------------------------------------------------------------------------------------- values -- */

static void test_values_in_and_out(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"true", "1"},
        {"false", "0"},
        {"null", "null"},
        {"\"hello\"", "\"hello\""},
        {"\"\"", "\"\""},
        {"\"a\\u00e4\\n\\\"\\ud83d\\ude00\"", "\"a\xc3\xa4\\n\\\"\xf0\x9f\x98\x80\""},
        {"123", "123"},
        {"-456", "-456"},
        {"9223372036854775807", "9223372036854775807"},
        {"-9223372036854775808", "-9223372036854775808"},
        {"9223372036854775808", "\"9223372036854775808\""}, /* beyond 64 bits: its digits */
        {"1.5", "1.5"},
        {"0.1", "0.1"},
        {"0.30000000000000004", "0.30000000000000004"},
        {"2.718281828459045", "2.718281828459045"},
        {"1e300", "1e+300"},
        {"12345678901234567890.12", "\"12345678901234567890.12\""},
        {"1e400", "\"1e400\""},
        {"[1, 2, \"three\"]", "[1,2,\"three\"]"},
        {"{\"four\": 4}", "{\"four\":4}"},
        {"\"[1,2,\\\"three\\\"]\"", "[1,2,\"three\"]"},
        {"\"{\\\"four\\\": 4}\"", "{\"four\": 4}"},
        {"\"[1 2 \\\"three\\\"]\"", "\"[1 2 \\\"three\\\"]\""},
        {"\"{four 4}\"", "\"{four 4}\""},
        {"\"{\"", "\"{\""},
        {"\"VGhpcyBpcyBiYXNlNjQ=\"", "\"VGhpcyBpcyBiYXNlNjQ=\""},
    };
    run r;
    run_open(&r, "{}");
    TRANSFORM(&r, "select $in as \"out\";", field("in"));
    begin(&r);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *doc = text("{\"in\":%s}", cases[i][0]), *want = text("{\"out\":%s}\n", cases[i][1]);
        put(&r, 0, doc);
        assert_published(&r, want);
        free(doc);
        free(want);
    }
    put(&r, 0, "{}");
    assert_published(&r, "{\"out\":null}\n");
    run_close(&r);
}

static void test_types_of_bound_values(void **state)
{
    (void)state;
    static const struct {
        const char *json, *format, *type;
    } cases[] = {
        {"true", "", "integer 1"},
        {"12", "", "integer 12"},
        {"12.0", "", "real 12.0"},
        {"\"12\"", "", "text '12'"},
        {"\"12\"", "integer", "integer 12"},
        {"\"-12\"", "integer", "integer -12"},
        {"\"+12\"", "integer", "integer 12"},
        {"\"9223372036854775807\"", "integer", "integer 9223372036854775807"},
        {"\"9223372036854775808\"", "integer", "text '9223372036854775808'"},
        {"\"1.5\"", "integer", "text '1.5'"},
        {"\"x\"", "integer", "text 'x'"},
        {"\"\"", "integer", "text ''"},
        {"7", "integer", "integer 7"},
        {"\"7.5\"", "number", "real 7.5"},
        {"\"7\"", "number", "real 7.0"},
        {"\"+7e1\"", "number", "real 70.0"},
        {"\".5\"", "number", "real 0.5"},
        {"\"5.\"", "number", "real 5.0"},
        {"\"+-5\"", "number", "text '+-5'"},
        {"\".\"", "number", "text '.'"},
        {"\"1e\"", "number", "text '1e'"},
        {"\"9007199254740993\"", "number", "integer 9007199254740993"}, /* no double has it */
        {"\"12345678901234567890.5\"", "number", "text '12345678901234567890.5'"},
        {"\"NaN\"", "number", "null NULL"},
        {"\"Infinity\"", "number", "real Inf"},
        {"\"-Infinity\"", "number", "real -Inf"},
        {"\"inf\"", "number", "text 'inf'"},
        {"\"VGhpcw==\"", "base64", "blob X'54686973'"},
        {"\"VGhpcw\"", "base64", "blob X'54686973'"},
        {"\"no base64!\"", "base64", "text 'no base64!'"},
        {"[1, {\"a\" : 2}]", "", "text '[1,{\"a\":2}]'"},
        {"null", "", "null NULL"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bool bytes = strcmp(cases[i].format, "base64") == 0;
        buf quoted = {0};
        json_quote_lossy(&quoted, view_of(cases[i].type));
        char *doc = text("{\"v\":%s}", cases[i].json), *want = text("{\"is\":%s}\n", buf_text(&quoted));
        DERIVES("select typeof($v) || ' ' || quote($v) as \"is\";", doc, want,
                bytes ? encoded("v") : formatted("v", cases[i].format));
        buf_free(&quoted);
        free(doc);
        free(want);
    }
}

static void test_defaults(void **state)
{
    (void)state;
    weir_column c = field("sender");
    c.fallback = view_of("\"the default\"");
    DERIVES("select $sender;", "{}", "{\"sender\":\"the default\"}\n", c);
    DERIVES("select $sender;", "{\"sender\":null}", "{\"sender\":null}\n", c);
    DERIVES("select $sender;", "{\"sender\":\"x\"}", "{\"sender\":\"x\"}\n", c);
    DERIVES("select $a$b;", "{\"a\":1}", "{\"a/b\":null}\n", field("a/b"));
}

static void test_results(void **state)
{
    (void)state;
    DERIVES("select $str_int * 10, $str_num * 2.5, $str_base64, cast($str_base64 as text) as str_base64_text, cast('a raw string' "
            "as blob) as blob_fixture;",
            "{\"str_int\":\"12\",\"str_num\":\"7.5\",\"str_base64\":\"VGhpcyBpcyBiYXNlNjQ=\"}",
            "{\"$str_int * 10\":120,\"$str_num * 2.5\":18.75,\"str_base64\":\"VGhpcyBpcyBiYXNlNjQ=\",\"str_base64_text\":\"This is "
            "base64\","
            "\"blob_fixture\":\"YSByYXcgc3RyaW5n\"}\n",
            formatted("str_int", "integer"), formatted("str_num", "number"), encoded("str_base64"));
    DERIVES("select json_object('case', 'top-level-object', 'str-int', $str_int);", "{\"str_int\":\"12\"}",
            "{\"case\":\"top-level-object\",\"str-int\":12}\n", formatted("str_int", "integer"));
    DERIVES("select JSON($flow_document);", "{\"a\": [1,\n2]}", "{\"a\":[1,2]}\n");
    DERIVES("select $flow_document as JsonDoc;", "{ \"a\" : 12345678901234567890.123 }", "{\"a\":12345678901234567890.123}\n");
    DERIVES("select json_object('foo', $id), $id;", "{\"id\":1}", "{\"json_object('foo', $id)\":{\"foo\":1},\"id\":1}\n",
            field("id"));
    DERIVES("with r as (select $id, $p::(nested/prop)) select r.*, 1 as id2 from r;", "{\"id\":1,\"nested\":{\"prop\":\"x\"}}",
            "{\"id\":1,\"nested/prop\":\"x\",\"id2\":1}\n", field("id"), field("nested/prop"));
    DERIVES("select 1 as a, 2 as b, 3 as a;", "{}", "{\"b\":2,\"a\":3}\n");
    DERIVES("select 9e999 as x, -9e999 as y;", "{}", "{\"x\":\"Infinity\",\"y\":\"-Infinity\"}\n");
    DERIVES("select x'' as x, '' as y, null as z;", "{}", "{\"x\":\"\",\"y\":\"\",\"z\":null}\n");
    DERIVES("select 1 as \"a\\\"\"\n\";", "{}", "{\"a\\\\\\\"\\n\":1}\n");
    DERIVES("explain query plan select 1 where $id = 1;", "{\"id\":1}",
            "{\"id\":1,\"parent\":0,\"notused\":0,\"detail\":\"SCAN CONSTANT ROW\"}\n", field("id"));
    DERIVES("select value, $id from json_each($list);", "{\"id\":7,\"list\":[1,\"b\",{\"c\":3}]}",
            "{\"value\":1,\"id\":7}\n{\"value\":\"b\",\"id\":7}\n{\"value\":{\"c\":3},\"id\":7}\n", field("id"), field("list"));
}

static void test_a_whole_document_must_be_one(void **state)
{
    (void)state;
    static const char *const cases[] = {"null", "'[1]'", "'{no'", "1", "'text'", "x'7b7d'"};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        run r;
        char *sql = text("select 1 as a;\nselect %s as json_x;", cases[i]);
        run_open(&r, "{}");
        TRANSFORM(&r, sql, field("id"));
        begin(&r);
        assert_error(&r, try_read(&r, 0, "{\"id\":5}"), WEIR_E_CONFIG,
                     "transform \"t0\", line 2, document {\"id\":5}: its only column, \"json_x\", is to be a document, and is no "
                     "JSON object");
        free(sql);
        run_close(&r);
    }
}

/* The clock of flow.md 6.1: of the read, or of the UUID in the document. 13814000-1dd2-11b2 is 1970. */
static void test_when_it_was_published(void **state)
{
    (void)state;
    weir_column c = formatted("flow_published_at", "date-time"), cut = field("_meta/flow_truncated");
    c.pointer = view_of("/_meta/uuid");
    DERIVES("select $flow_published_at as at;", "{\"_meta\":{\"uuid\":\"13814000-1dd2-11b2-8000-071353030311\"}}",
            "{\"at\":\"1970-01-01T00:00:00Z\"}\n", c);
    DERIVES("select $flow_published_at as at;", "{\"_meta\":{\"uuid\":\"13814001-1dd2-11b2-8000-071353030311\"}}",
            "{\"at\":\"1970-01-01T00:00:00.0000001Z\"}\n", c);
    DERIVES("select $flow_published_at as at;", "{}", "{\"at\":null}\n", c);
    DERIVES("select $flow_published_at as at;", "{\"_meta\":{\"uuid\":\"x\"}}", "{\"at\":null}\n", c);
    DERIVES("select $_meta$flow_truncated as cut;", "{}", "{\"cut\":0}\n", cut);
}

/* --------------------------------------------------------------------------------------------------------------- validating -- */

static void test_validate_tells_what_changes_nothing(void **state)
{
    (void)state;
    run r;
    run_open(&r, "{\"migrations\":[\"create table a (x);\"]}");
    TRANSFORM(&r, "select $id; select x from a;", field("id"));
    TRANSFORM(&r, "select $id; insert into a values ($id);", field("id"));
    TRANSFORM(&r, "insert into a values ($id) returning x;", field("id"));
    TRANSFORM(&r, "-- nothing\n;");
    assert_int_equal(try_validate(&r), WEIR_OK);
    assert_string_equal(buf_text(&r.said), "read only: t0\nread only: t3\n");
    run_close(&r);
}

static void test_validate_reports_all_problems(void **state)
{
    (void)state;
    run r;
    run_open(&r, "{}");
    TRANSFORM(&r, "selec 1;");
    TRANSFORM(&r, "select 1;");
    TRANSFORM(&r, "\nselect $x;", field("y"));
    r.v.imports = view_of("{\"/transforms/2/lambda\":\"file:///a/t.sql\"}");
    assert_int_equal(try_validate(&r), WEIR_OK);
    assert_string_equal(
        buf_text(&r.said),
        "problem: transform \"t0\": line 1: near \"selec\": syntax error\nread only: t1\n"
        "problem: transform \"t2\": file:///a/t.sql: line 2: parameter $x: 'acme/in' has no such field; did you mean $y?\n");
    run_close(&r);
    run_open(&r, "{\"migrations\":[\"select 1;\",\"selec 1;\"]}");
    r.v.imports = view_of("{\"/using/sqlite/migrations/1\":\"file:///a/m.sql\"}");
    assert_int_equal(try_validate(&r), WEIR_OK);
    assert_string_equal(buf_text(&r.said), "problem: file:///a/m.sql: migration 2: line 1: near \"selec\": syntax error\n");
    run_close(&r);
}

/* What is generated for a file that is not there must itself do. */
static void test_files_that_are_not_there(void **state)
{
    (void)state;
    run r;
    weir_column id = field("id"), name = field("full name");
    id.key = true;
    name.description = view_of("Two\nlines */ of it");
    run_open(&r, "{\"migrations\":[\"file:///x/m.sql\",\"create table a (x);\"]}");
    TRANSFORM(&r, "file:///x/t.sql", id, name, field("we+ird/na(me"), field("a)b"));
    TRANSFORM(&r, "select x from a;");
    assert_int_equal(try_validate(&r), WEIR_OK);
    const char *said = buf_text(&r.said), *lambda = strstr(said, "file file:///x/t.sql:\n");
    assert_non_null(strstr(said, "file file:///x/m.sql:\n--"));
    assert_non_null(lambda);
    assert_non_null(strstr(said, "read only: t0\nread only: t1\n"));
    assert_non_null(strstr(lambda, "    -- key, at /id\n    $id,\n    -- at /full name: Two lines */ of it\n    $full_name,\n"));
    char *sql = strndup(lambda + 22, (size_t)(strstr(lambda, "read only") - lambda) - 22);
    run_close(&r);
    DERIVES(sql, "{\"id\":1,\"full name\":\"x\"}", "{\"id\":1,\"full name\":\"x\"}\n", id, name, field("we+ird/na(me"),
            field("a)b"));
    free(sql);
    run_open(&r, "{}");
    TRANSFORM(&r, "file:///x/t.sql");
    assert_error(&r, try_begin(&r), WEIR_E_CONFIG, "transform \"t0\": there is no file 'file:///x/t.sql'");
    run_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_statements_of_a_block),
        cmocka_unit_test(test_what_is_wrong_has_a_line),
        cmocka_unit_test(test_a_nul_character_is_refused),
        cmocka_unit_test(test_what_is_the_runtimes),
        cmocka_unit_test(test_parameters_and_fields),
        cmocka_unit_test(test_distances),
        cmocka_unit_test(test_an_unknown_parameter_has_a_line),
        cmocka_unit_test(test_ways_to_name_a_field),
        cmocka_unit_test(test_values_in_and_out),
        cmocka_unit_test(test_types_of_bound_values),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_results),
        cmocka_unit_test(test_a_whole_document_must_be_one),
        cmocka_unit_test(test_when_it_was_published),
        cmocka_unit_test(test_validate_tells_what_changes_nothing),
        cmocka_unit_test(test_validate_reports_all_problems),
        cmocka_unit_test(test_files_that_are_not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
