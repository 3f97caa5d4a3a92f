/* source-files as the runtime drives it: schemas, documents, and what is read again when files change. */
#include <errno.h>
#include <zlib.h>

#include "fault.h"
#include "files_rig.h"

#define META(file, row) "'_meta':{'file':'" file "','row':" #row "}"
#define DOC(members, file, row) "doc {" members "," META(file, row) "}\n"
#define OUR_SCHEMA "'_meta':{'type':'object','properties':" FILE_AND_ROW ",'required':['file','row']}"
#define OUR_CLOSED_SCHEMA "'_meta':{'type':'object','properties':" FILE_AND_ROW ",'required':['file','row']," CLOSED "}"
#define FILE_AND_ROW "{'file':{'type':'string'},'row':{'type':'integer'}}"
#define CLOSED "'additionalProperties':false"
#define OR_NULL(type) "{'type':['" type "','null']}"
#define A_DATE "{'type':['string','null'],'format':'date'}"
#define A_DATE_TIME "{'type':['string','null'],'format':'date-time'}"
#define SCHEMA(properties, required)                                                                                               \
    "schema {'type':'object','properties':{" properties "," OUR_CLOSED_SCHEMA "},'required':[" required "]," CLOSED "}\n"

/* --------------------------------------------------------------------------------------------------------------- schemas -- */

static void types_come_from_all_values_of_a_column(void **state)
{
    rig *r = *state;
    r->config = "'path':'t.csv','key':['id']";
    put(r, "t.csv",
        "id,num,zip,mixed,bool,day,ts,none,sci,big\n"
        "1,1.50,007,1,true,2024-01-01,2024-01-01T00:00:00Z,,1e5,12345678901234567890123\n"
        "2,2,123,x,FALSE,2024-02-29,2024-01-01T00:00:00.5+01:00,,1e-05,\"1\"\n"
        "3,-0.0,\"\",\"\",,,,,,\n");
    discover(r);
    assert_string_equal(buf_text(&r->key), quoted(r, "['/id']"));
    assert_string_equal(buf_text(&r->schema),
                        quoted(r, "{'type':'object','properties':{'id':{'type':'integer'},'num':" OR_NULL("number")
                                  ",'zip':" OR_NULL("string") ",'mixed':" OR_NULL("string") ",'bool':" OR_NULL("boolean")
                                  ",'day':" A_DATE ",'ts':" A_DATE_TIME ",'none':" OR_NULL("string") ",'sci':" OR_NULL("string")
                                  ",'big':" OR_NULL("integer") "," OUR_SCHEMA
                                  "},'required':['_meta','id'],'x-infer-schema':true}"));
    expect_pull(r,
                DOC("'id':1,'num':1.50,'zip':'007','mixed':'1','bool':true,'day':'2024-01-01','ts':'2024-01-01T00:00:00Z',"
                    "'none':null,'sci':'1e5','big':12345678901234567890123", "t.csv", 1)
                DOC("'id':2,'num':2,'zip':'123','mixed':'x','bool':false,'day':'2024-02-29','ts':'2024-01-01T00:00:00.5+01:00',"
                    "'none':null,'sci':'1e-05','big':1", "t.csv", 2)
                DOC("'id':3,'num':-0.0,'zip':'','mixed':'','bool':null,'day':null,'ts':null,'none':null,'sci':null,'big':null",
                    "t.csv", 3));
}

static void without_a_key_file_and_row_are_one(void **state)
{
    rig *r = *state;
    r->config = "'path':'t.csv','csv':{'types':'text','header':'yes'}";
    put(r, "t.csv", "a,a,,_meta\n1,2,3,4\n");
    discover(r);
    assert_string_equal(buf_text(&r->key), quoted(r, "['/_meta/file','/_meta/row']"));
    expect_pull(r, DOC("'a':'1','a_2':'2','column_3':'3','_meta_2':'4'", "t.csv", 1));
}

static void a_contradiction_widens_before_it_is_sent(void **state)
{
    rig *r = *state;
    r->config = "'path':'*.csv','key':['id']";
    put(r, "1.csv", "id,n,d\n1,2,2024-01-01\n");
    discover(r);
    expect_pull(r, DOC("'id':1,'n':2,'d':'2024-01-01'", "1.csv", 1));
    put(r, "2.csv", "id,n,d\n2,3,2024-01-02\n3,N/A,\n4,5,later\n5,6,\n");
    expect_pull(r,
                DOC("'id':2,'n':3,'d':'2024-01-02'", "2.csv", 1)
                SCHEMA("'id':{'type':'integer'},'n':{'type':['integer','string','null']},'d':" A_DATE, "'_meta','id'")
                DOC("'id':3,'n':'N/A','d':null", "2.csv", 2)
                SCHEMA("'id':{'type':'integer'},'n':{'type':['integer','string','null']},'d':" OR_NULL("string"), "'_meta','id'")
                DOC("'id':4,'n':5,'d':'later'", "2.csv", 3)
                DOC("'id':5,'n':6,'d':null", "2.csv", 4));
    put(r, "3.csv", "id,n\nseven,1\n");
    expect_error(r, pull(r), WEIR_E_REMOTE,
                 "'3.csv:2' has \"seven\" in column 'id', which is part of the key and has another type");
}

static void the_collections_schema_decides(void **state)
{
    rig *r = *state;
    r->config = "'path':'t.csv'";
    put(r, "t.csv", "a,b,c,d,e\n1,2,3,,5\n");
    buf_adds(&r->schema, quoted(r, "{'type':'object','properties':{'a':{'type':'string'},'b':{},'c':{'type':['integer','string']},"
                                   "'d':{'type':'integer'}}}"));
    /* e is not described: it is learned and told. d must not be null, so it is left out. */
    expect_pull(r, DOC("'a':'1','b':2,'c':3,'e':5", "t.csv", 1)
                   SCHEMA("'a':" OR_NULL("string") ",'c':{'type':['integer','string','null']},'d':" OR_NULL("integer")
                          ",'e':" OR_NULL("integer"), "'_meta'"));
}

static void mismatches_can_be_null_or_errors(void **state)
{
    rig *r = *state;
    r->config = "'path':'1.csv'";
    put(r, "1.csv", "n\n1\n");
    discover(r);
    put(r, "1.csv", "n\n-\nx\n");
    r->config = "'path':'1.csv','csv':{'null_values':['-'],'mismatch':'null'}";
    expect_pull(r, DOC("'n':null", "1.csv", 1) DOC("'n':null", "1.csv", 2));
    buf_clear(&r->state);
    r->config = "'path':'1.csv','csv':{'null_values':['-'],'mismatch':'error'}";
    expect_error(r, pull(r), WEIR_E_REMOTE, "'1.csv:3' has \"x\" in column 'n', which has another type");
    assert_string_equal(buf_text(&r->said), quoted(r, DOC("'n':null", "1.csv", 1))); /* what was good is kept */
    assert_true(state_says(r, "\"rows\":1,"));
}

/* ------------------------------------------------------------------------------------------------------------ increments -- */

static void only_what_is_new_is_read(void **state)
{
    rig *r = *state;
    r->config = "'path':'*.csv'";
    put(r, "a.csv", "v\nx\n");
    put(r, "b.csv", "v\ny\n");
    discover(r);
    expect_pull(r, DOC("'v':'x'", "a.csv", 1) DOC("'v':'y'", "b.csv", 1));
    assert_int_equal(r->seals, 1);
    expect_pull(r, "");
    assert_int_equal(r->seals, 0);
    append(r, "a.csv", "z\n");
    put(r, "c.csv", "v\nw\n");
    remove(rig_path(r, "b.csv"));
    expect_pull(r, DOC("'v':'z'", "a.csv", 2) DOC("'v':'w'", "c.csv", 1));
    assert_false(state_says(r, "b.csv"));
    expect_pull(r, "");
}

static void a_file_written_anew_is_read_anew(void **state)
{
    rig *r = *state;
    r->config = "'path':'a.csv'";
    put(r, "a.csv", "v\nx\ny\n");
    discover(r);
    expect_pull(r, DOC("'v':'x'", "a.csv", 1) DOC("'v':'y'", "a.csv", 2));
    put(r, "a.csv", "v\nx\nz\n"); /* as large as before */
    expect_pull(r, DOC("'v':'x'", "a.csv", 1) DOC("'v':'z'", "a.csv", 2));
    put(r, "a.csv", "v\nx\nw\nq\n"); /* larger, but other bytes before the old end */
    expect_pull(r, DOC("'v':'x'", "a.csv", 1) DOC("'v':'w'", "a.csv", 2) DOC("'v':'q'", "a.csv", 3));
    put(r, "a.csv", "v\nx\n"); /* smaller */
    expect_pull(r, DOC("'v':'x'", "a.csv", 1));
    put(r, "a.csv", "v\nx\n"); /* only touched: nobody can know */
    expect_pull(r, DOC("'v':'x'", "a.csv", 1));
}

static void a_last_line_may_get_its_end_later(void **state)
{
    rig *r = *state;
    r->config = "'path':'a.csv'";
    put(r, "a.csv", "n,v\n1,x\n2,y");
    discover(r);
    expect_pull(r, DOC("'n':1,'v':'x'", "a.csv", 1) DOC("'n':2,'v':'y'", "a.csv", 2));
    append(r, "a.csv", "\n3,z\n");
    expect_pull(r, DOC("'n':3,'v':'z'", "a.csv", 3));
    put(r, "a.csv", "n,v\n1,x\n2,y");
    expect_pull(r, DOC("'n':1,'v':'x'", "a.csv", 1) DOC("'n':2,'v':'y'", "a.csv", 2));
    append(r, "a.csv", "yy\n3,z\n"); /* the line was not complete after all */
    expect_pull(r, DOC("'n':1,'v':'x'", "a.csv", 1) DOC("'n':2,'v':'yyy'", "a.csv", 2) DOC("'n':3,'v':'z'", "a.csv", 3));
}

static void keep_writing(rig *r)
{
    r->on_seal = NULL;
    append(r, "a.csv", "cut");
}

static void a_line_that_is_being_written_is_left_for_the_next_time(void **state)
{
    rig *r = *state;
    buf text = {0};
    buf_adds(&text, "v\n");
    for (int i = 0; i < 10001; i++)
        buf_printf(&text, "value\n");
    buf_adds(&text, "un");
    put(r, "a.csv", buf_text(&text));
    r->config = "'path':'a.csv'";
    discover(r);
    r->on_seal = keep_writing; /* in the middle */
    assert_int_equal(pull(r), WEIR_OK);
    assert_null(strstr(buf_text(&r->said), "un"));
    assert_true(state_says(r, "\"rows\":10001,"));
    assert_true(was_logged(r, "is being written"));
    append(r, "a.csv", " off\nlast\n");
    expect_pull(r, DOC("'v':'uncut off'", "a.csv", 10002) DOC("'v':'last'", "a.csv", 10003));
    buf_free(&text);
}

static void ndjson_goes_on_where_it_ended(void **state)
{
    rig *r = *state;
    r->config = "'path':'*.ndjson','key':['/id']";
    put(r, "a.ndjson", "{\"id\":1}\n{\"id\":2}");
    discover(r);
    expect_pull(r, DOC("'id':1", "a.ndjson", 1) DOC("'id':2", "a.ndjson", 2));
    append(r, "a.ndjson", "\n{\"id\":3,\"_meta\":{\"file\":0,\"uuid\":\"u\"} , \"x\":[1, 2]}\n");
    expect_pull(r, "doc {'id':3, 'x':[1, 2],'_meta':{'file':'a.ndjson','row':3,'uuid':'u'}}\n"
                   "schema {'type':'object','properties':{'id':{'type':'integer'},'x':{'type':['array','null'],'items':"
                   OR_NULL("integer") "},'_meta':{'type':'object','properties':{'file':{'type':'string'},'row':{'type':'integer'},"
                   "'uuid':" OR_NULL("string") "},'required':['file','row']," CLOSED "}},'required':['_meta','id']," CLOSED "}\n");
    append(r, "a.ndjson", "{\"_meta\":1}\n");
    expect_error(r, pull(r), WEIR_E_REMOTE, "'a.ndjson:4' lacks a part of the key");
}

static void documents_keep_their_own_members_only(void **state)
{
    rig *r = *state;
    r->config = "'path':'a.json','format':'json'";
    put(r, "a.json", "[ {\"_meta\":{\"file\":1}}, {\"_meta\":2 , \"a\" : 1}, {\"a\":1 , \"_meta\" : null }, { } ]");
    discover(r);
    expect_pull(r, "doc {" META("a.json", 1) "}\n"
                   "doc { 'a' : 1," META("a.json", 2) "}\n"
                   "doc {'a':1," META("a.json", 3) "}\n"
                   "doc {" META("a.json", 4) "}\n");
}

/* --------------------------------------------------------------------------------------------------------- interruptions -- */

typedef enum shape_of_file { CSV, LIST, LINES } shape_of_file;

static void add_row(buf *text, shape_of_file shape, int id)
{
    if (shape == CSV)
        buf_printf(text, "%d,\"a\nb\"\r\n", id);
    else
        buf_printf(text, "%s{\"id\":%d}\n", shape == LIST && id > 1 ? "," : "", id);
}

static void pack(rig *r, const char *name, const buf *text)
{
    gzFile f = gzopen(rig_path(r, name), "wb");
    assert_int_equal(gzwrite(f, text->ptr, (unsigned)text->len), text->len);
    assert_int_equal(gzclose(f), Z_OK);
    append(r, name, ""); /* sets its time */
}

static void put_big(rig *r, const char *name, shape_of_file shape)
{
    static const char *const heads[] = {"id,text\r\n", "{\"n\":1,\"deep\":{\"rows\":[", ""};
    static const char *const feet[] = {"", "],\"z\":[]},\"y\":{}}", ""};
    buf text = {0};
    buf_adds(&text, heads[shape]);
    for (int i = 1; i <= 35000; i++)
        add_row(&text, shape, i);
    buf_adds(&text, feet[shape]);
    if (strstr(name, ".gz"))
        pack(r, name, &text);
    else
        put(r, name, buf_text(&text));
    buf_free(&text);
}

/* The ids are 1, 2, 3 ... */
static void check_numbers(weir_view said, int want)
{
    int n = 0;
    const char *p = said.ptr, *end = said.ptr + said.len;
    while ((p = memmem(p, (size_t)(end - p), "\"id\":", 5))) {
        int id = 0;
        for (p += 5; *p >= '0' && *p <= '9'; p++)
            id = id * 10 + (*p - '0');
        assert_int_equal(id, ++n);
    }
    assert_int_equal(n, want);
}

/* However often it is interrupted at a checkpoint, every row is sealed exactly once. */
static void goes_on_after_every_checkpoint(void **state)
{
    static const struct {
        const char *name;
        shape_of_file shape;
        const char *config;
    } cases[] = {
        {"a.csv", CSV, "'path':'a.csv'"},
        {"b.csv.gz", CSV, "'path':'b.csv.gz'"},
        {"c.json", LIST, "'path':'c.json','pointer':'/deep/rows'"},
        {"d.json.gz", LIST, "'path':'d.json.gz','pointer':'/deep'"},
        {"e.ndjson", LINES, "'path':'e.ndjson'"},
    };
    rig *r = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        buf all = {0};
        put_big(r, cases[i].name, cases[i].shape);
        r->config = cases[i].config;
        buf_clear(&r->state);
        discover(r);
        r->limit = 1;
        do {
            assert_int_equal(pull(r), WEIR_OK);
            buf_addv(&all, buf_view(&r->said));
        } while (r->seals);
        check_numbers(buf_view(&all), 35000);
        r->limit = 0;
        expect_pull(r, "");
        buf_free(&all);
    }
}

static void fails_cleanly_without_memory(void **state)
{
    rig *r = *state;
    put(r, "a.csv", "id,text\n1,\"a\"\"b\"\n2,c\n");
    put(r, "b.csv", "id,more\n3,x\n");
    r->config = "'path':'*.csv','key':['id']";
    for (int what = 0; what < 2; what++) {
        if (what)
            discover(r);
        for (size_t n = 0;; n++) {
            buf_clear(&r->state);
            buf_reserve(&r->state, 4096);
            buf_clear(&r->said);
            fault_at(FAULT_ALLOC, n, ENOMEM);
            weir_rc rc = rig_run(r, what ? session_pull : session_discover);
            bool fired = fault_clear();
            if (rc != WEIR_OK && rc != WEIR_E_NOMEM && what == 1)
                fail_msg("%d, allocation %zu: %d %s", what, n, rc, err_text(&r->e));
            if (!fired) {
                assert_int_equal(rc, WEIR_OK);
                break;
            }
        }
    }
    check_numbers(buf_view(&r->said), 3);
}

/* --------------------------------------------------------------------------------------------------------------- mistakes -- */

static void bad_rows_fail_or_are_left_out(void **state)
{
    static const char good[] = DOC("'a':1,'b':2", "m.csv", 1) DOC("'a':4,'b':5", "m.csv", 4) DOC("'a':6,'b':7", "m.csv", 7);
    rig *r = *state;
    put(r, "m.csv", "a,b\n1,2\n3\n\"x\"y,2\n4,5\n1,\xff\n\"open,1\n6,7\n");
    r->config = "'path':'m.csv','csv':{'header':'yes'}";
    buf_adds(&r->schema, quoted(r, "{'type':'object','properties':{'a':" OR_NULL("integer")
                                   ",'b':{'type':['integer','string']}}}"));
    expect_error(r, pull(r), WEIR_E_REMOTE, "'m.csv:3' has 1 field, but the columns are 2");
    r->config = "'path':'m.csv','on_error':'skip','csv':{'header':'yes'}";
    buf_clear(&r->state);
    expect_pull(r, good);
    assert_true(was_logged(r, "'m.csv:4' has text behind the closing quote of field 1"));
    assert_true(was_logged(r, "'m.csv:6' has bytes that are not UTF-8 in column 'b'"));
    assert_true(was_logged(r, "'m.csv:7' has a quote that is not closed"));
    expect_pull(r, "");
}

static void broken_files_fail_or_are_left_out(void **state)
{
    rig *r = *state;
    put(r, "a.csv", "id\n1\n");
    put(r, "b.csv", "\x1f\x8b\x08rubbish-rubbish");
    put(r, "c.csv", "id\n2\n");
    r->config = "'path':'*.csv'";
    discover(r);
    expect_error(r, pull(r), WEIR_E_REMOTE, "'b.csv' is broken gzip data");
    r->config = "'path':'*.csv','on_error':'skip'";
    buf_clear(&r->state);
    expect_pull(r, DOC("'id':1", "a.csv", 1) DOC("'id':2", "c.csv", 1));
    assert_true(was_logged(r, "left out: 'b.csv' is broken gzip data"));
}

static void settings_are_checked(void **state)
{
    static const struct {
        const char *config, *error;
    } cases[] = {
        {"'path':'none/*.csv'", "none/': No such file or directory"},
        {"'path':'*.none'", "no file matches '*.none'"},
        {"'path':'a.csv','key':['nope']", "no row has the key 'nope'; there are: id, name"},
        {"'path':'a.csv','csv':{'delimiter':'::'}", "delimiter '::' is not one ASCII character"},
        {"'path':'a.csv','csv':{'delimiter':'|','quote':'|'}", "delimiter and quote are the same"},
        {"'path':'a.csv','pointer':'items'", "'items' is no JSON pointer"},
        {"'path':'a.csv','format':'csv','pointer':'/items'", "a pointer has no meaning in csv files"},
        {"'path':'a.csv','key':['/a~2']", "key '/a~2' is neither a column nor a JSON pointer"},
        {"'path':'a.csv','csv':{'columns':['a','b','c']}", "has 2 columns, but the settings name 3"},
        {"'path':'a.csv'},{'name':'s','path':'x'", "there are two streams 's'"},
        {"'path':''", "stream 1 has no path"},
        {"'path':'a.csv','format':'xml'", "format"},
    };
    rig *r = *state;
    put(r, "a.csv", "id,name\n1,x\n");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        r->config = cases[i].config;
        expect_error(r, rig_run(r, session_discover), WEIR_E_CONFIG, cases[i].error);
    }
}

static void validation_tells_what_is_missing(void **state)
{
    rig *r = *state;
    r->config = "'path':'*.none'";
    rig_run(r, session_validate);
    assert_non_null(strstr(buf_text(&r->said), "stream 's': no file matches '*.none'"));
}

static void an_inbox_may_become_empty(void **state)
{
    rig *r = *state;
    r->config = "'path':'*.csv'";
    expect_error(r, pull(r), WEIR_E_CONFIG, "no file matches '*.csv'");
    put(r, "a.csv", "id\n1\n");
    discover(r);
    expect_pull(r, DOC("'id':1", "a.csv", 1));
    remove(rig_path(r, "a.csv"));
    expect_pull(r, "");
    expect_pull(r, "");
}

/* ---------------------------------------------------------------------------------------------------------------- dialects -- */

static void columns_are_named_by_the_settings(void **state)
{
    rig *r = *state;
    put(r, "u.txt", "0000;<control>;Cc;0;;\r\n0041;LATIN CAPITAL LETTER A;Lu;0;;0061\r\n");
    r->config = "'path':'u.txt','key':['code'],'csv':{'columns':['code','name','category','class']}";
    discover(r);
    expect_pull(r,
                DOC("'code':'0000','name':'<control>','category':'Cc','class':0,'column_5':null,'column_6':null", "u.txt", 1)
                DOC("'code':'0041','name':'LATIN CAPITAL LETTER A','category':'Lu','class':0,'column_5':null,'column_6':'0061'",
                    "u.txt", 2));
}

static void lines_before_the_header_are_skipped(void **state)
{
    rig *r = *state;
    put(r, "a.tsv", "\xef\xbb\xbfReport \"of\" today\n\nid\tv\t\n1\t\"x\ty\"\t\n2\tz\n");
    r->config = "'path':'a.tsv','csv':{'skip_lines':2}";
    discover(r);
    expect_pull(r, DOC("'id':1,'v':'x\\ty'", "a.tsv", 1) DOC("'id':2,'v':'z'", "a.tsv", 2));
    append(r, "a.tsv", "3\tw\n");
    expect_pull(r, DOC("'id':3,'v':'w'", "a.tsv", 3));
}

static void names_that_look_like_patterns_are_found(void **state)
{
    rig *r = *state;
    put(r, "data[1].csv", "id\n1\n");
    r->config = "'path':'data[1].csv'";
    discover(r);
    expect_pull(r, DOC("'id':1", "data[1].csv", 1));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, rig_set_up, rig_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(types_come_from_all_values_of_a_column),
        TEST(without_a_key_file_and_row_are_one),
        TEST(a_contradiction_widens_before_it_is_sent),
        TEST(the_collections_schema_decides),
        TEST(mismatches_can_be_null_or_errors),
        TEST(only_what_is_new_is_read),
        TEST(a_file_written_anew_is_read_anew),
        TEST(a_last_line_may_get_its_end_later),
        TEST(a_line_that_is_being_written_is_left_for_the_next_time),
        TEST(ndjson_goes_on_where_it_ended),
        TEST(documents_keep_their_own_members_only),
        TEST(goes_on_after_every_checkpoint),
        TEST(fails_cleanly_without_memory),
        TEST(bad_rows_fail_or_are_left_out),
        TEST(broken_files_fail_or_are_left_out),
        TEST(settings_are_checked),
        TEST(validation_tells_what_is_missing),
        TEST(an_inbox_may_become_empty),
        TEST(columns_are_named_by_the_settings),
        TEST(lines_before_the_header_are_skipped),
        TEST(names_that_look_like_patterns_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
