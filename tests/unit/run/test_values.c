/* Documents that are given to an outlet as values, and outlets that take documents out of their buffer (run/session.h). */
#include "rig.h"

/* Notes what it is given, a line a document. */
static buf noted;
static weir_rc refuse_end;

static void note_value(weir_name name, const char *kind, weir_view text)
{
    buf_printf(&noted, " %.*s%s:%.*s", (int)name.len, name.quoted, kind, VIEW_ARG(text));
}

static void note_number(weir_name name, const char *kind, long long v)
{
    buf_printf(&noted, " %.*s%s:%lld", (int)name.len, name.quoted, kind, v);
}

static weir_rc on_begin(outlet *o, weir_task *t)
{
    (void)o;
    (void)t;
    buf_adds(&noted, "begin");
    return WEIR_OK;
}

static void on_null(outlet *o, weir_name n) { (void)o; note_value(n, "null", VIEW("")); }
static void on_boolean(outlet *o, weir_name n, bool v) { (void)o; note_number(n, "boolean", v); }
static void on_integer(outlet *o, weir_name n, int64_t v) { (void)o; note_number(n, "integer", v); }
static void on_natural(outlet *o, weir_name n, uint64_t v) { (void)o; note_number(n, "natural", (long long)v); }
static void on_number(outlet *o, weir_name n, double v) { (void)o; note_number(n, "number*8", (long long)(v * 8)); }
static void on_decimal(outlet *o, weir_name n, weir_view v) { (void)o; note_value(n, "decimal", v); }
static void on_text(outlet *o, weir_name n, weir_view v) { (void)o; note_value(n, "text", v); }
static void on_time(outlet *o, weir_name n, int64_t s, uint32_t nanos) { (void)o; (void)nanos; note_number(n, "time", s); }
static void on_bytes(outlet *o, weir_name n, weir_view v) { (void)o; note_value(n, "bytes", v); }
static void on_json(outlet *o, weir_name n, weir_view v) { (void)o; note_value(n, "json", v); }

static weir_rc on_finish(outlet *o, weir_task *t, size_t *ret_held)
{
    (void)o;
    *ret_held = 10;
    buf_adds(&noted, " end\n");
    return refuse_end ? weir_fail(t, refuse_end, "refused") : WEIR_OK;
}

static void on_drop(outlet *o)
{
    (void)o;
    buf_adds(&noted, " drop\n");
}

static const outlet_values values = {on_begin, on_null, on_boolean, on_integer, on_natural, on_number, on_decimal,
                                     on_text,  on_time, on_bytes,   on_json,    on_finish,  on_drop};

static weir_rc take(outlet *o, weir_task *t, size_t start, size_t *ret_held)
{
    (void)t;
    buf_printf(&noted, "taken %d %.*s\n", (int)o->op, (int)(o->to->len - start), o->to->ptr + start);
    o->to->len = start;
    *ret_held = 5;
    return WEIR_OK;
}

static weir_rc attach(listener *l, weir_task *t, lane *ln)
{
    (void)l;
    (void)t;
    ln->outlets[0] = (outlet){.to = &ln->shared, .prefix = VIEW(""), .suffix = VIEW(""), .take = take, .values = &values};
    return WEIR_OK;
}

static weir_rc nothing(listener *l, weir_task *t, lane *ln)
{
    (void)l;
    (void)t;
    (void)ln;
    return WEIR_OK;
}

static weir_rc seal(listener *l, weir_task *t, lane *ln, const checkpoint *c)
{
    (void)l;
    buf_printf(&noted, "seal %zu held %zu\n", ln->documents, ln->held);
    return task_sealed(t, c);
}

static const listener_ops ops = {.attach = attach, .spill = nothing, .seal = seal};

static void run(rig_pull *pull, weir_rc rc, const char *said)
{
    rig r = {0};
    listener to = {&ops};
    buf_clear(&noted);
    refuse_end = WEIR_OK;
    rig_open_to(&r, &to, pull, 1, "{}");
    assert_int_equal(session_pull(r.s, &r.e), rc);
    assert_string_equal(buf_text(&noted), said);
    rig_close(&r);
    buf_free(&noted);
}

static const weir_name a = WEIR_NAME("a"), b2 = WEIR_NAME("b");

static weir_rc all_kinds(weir_task *t, void *self, const weir_binding *b, size_t count)
{
    (void)self;
    (void)count;
    weir_rc rc = weir_begin(t, b, WEIR_UPSERT);
    weir_put_null(t, a);
    weir_put_bool(t, a, true);
    weir_put_int(t, a, -5);
    weir_put_uint(t, a, 5);
    weir_put_double(t, a, 0.5);
    weir_put_decimal(t, a, (weir_view)WEIR_LIT("1.50"));
    weir_put_text(t, a, (weir_view)WEIR_LIT("x\"y"));
    weir_put_time(t, a, 9, 0);
    weir_put_bytes(t, a, "raw", 3);
    weir_put_json(t, a, (weir_view)WEIR_LIT("[1,\n2]"));
    rc = rc ? rc : weir_end(t);
    return rc ? rc : weir_checkpoint(t, b, (weir_view)WEIR_LIT("{}"));
}

static void test_values_of_each_kind(void **state)
{
    (void)state;
    run(all_kinds, WEIR_OK,
        "begin \"a\":null: \"a\":boolean:1 \"a\":integer:-5 \"a\":natural:5 \"a\":number*8:4 \"a\":decimal:1.50 \"a\":text:x\"y \"a\":time:9 \"a\":bytes:raw "
        "\"a\":json:[1,2] end\nseal 1 held 10\n");
}

static weir_rc nested(weir_task *t, void *self, const weir_binding *b, size_t count)
{
    (void)self;
    (void)count;
    weir_rc rc = weir_begin(t, b, WEIR_UPSERT);
    weir_open_object(t, a);
    weir_put_int(t, a, 1);
    weir_open_array(t, b2);
    weir_put_text(t, WEIR_ITEM, (weir_view)WEIR_LIT("x"));
    weir_put_null(t, WEIR_ITEM);
    weir_close(t);
    weir_close(t);
    weir_put_int(t, b2, 2);
    weir_open_array(t, b2);
    weir_close(t);
    return rc ? rc : weir_end(t);
}

static void test_what_is_inside_comes_as_json(void **state)
{
    (void)state;
    run(nested, WEIR_OK, "begin \"a\":json:{\"a\":1,\"b\":[\"x\",null]} \"b\":integer:2 \"b\":json:[] end\nseal 1 held 10\n");
}

static weir_rc other_operations(weir_task *t, void *self, const weir_binding *b, size_t count)
{
    (void)self;
    (void)count;
    weir_rc rc = weir_begin(t, b, WEIR_DELETE);
    weir_put_int(t, a, 1);
    rc = rc ? rc : weir_end(t);
    return rc ? rc : weir_emit(t, b, WEIR_UPSERT, (weir_view)WEIR_LIT("{\"a\":\n2}"));
}

static void test_other_documents_are_taken_as_text(void **state)
{
    (void)state;
    run(other_operations, WEIR_OK, "taken 1 {\"a\":1,\"_meta\":{\"op\":\"d\"}}\ntaken 0 {\"a\":2}\nseal 2 held 10\n");
}

static weir_rc truncates_after_values(weir_task *t, void *self, const weir_binding *b, size_t count)
{
    (void)self;
    (void)count;
    weir_rc rc = weir_begin(t, b, WEIR_UPSERT);
    weir_put_int(t, a, 1);
    rc = rc ? rc : weir_end(t);
    return rc ? rc : weir_truncate(t, b);
}

/* They count as documents: what came before can be out of date. */
static void test_values_are_documents(void **state)
{
    (void)state;
    run(truncates_after_values, WEIR_E_CONFIG, "begin \"a\":integer:1 end\n");
}

static weir_rc mistakes(weir_task *t, void *self, const weir_binding *b, size_t count)
{
    (void)self;
    (void)count;
    assert_int_equal(weir_begin(t, b, WEIR_UPSERT), WEIR_OK);
    weir_put_int(t, WEIR_ITEM, 1);
    assert_int_equal(weir_end(t), WEIR_E_BUG); /* no name */
    assert_int_equal(weir_begin(t, b, WEIR_UPSERT), WEIR_OK);
    weir_open_object(t, WEIR_ITEM);
    weir_close(t);
    assert_int_equal(weir_end(t), WEIR_E_BUG); /* nor here */
    assert_int_equal(weir_begin(t, b, WEIR_UPSERT), WEIR_OK);
    weir_open_object(t, a);
    assert_int_equal(weir_end(t), WEIR_E_BUG); /* not closed */
    assert_int_equal(weir_begin(t, b, WEIR_UPSERT), WEIR_OK);
    weir_close(t);
    assert_int_equal(weir_end(t), WEIR_E_BUG); /* nothing open */
    assert_int_equal(weir_begin(t, b, WEIR_UPSERT), WEIR_OK);
    assert_int_equal(weir_emit(t, b, WEIR_UPSERT, (weir_view)WEIR_LIT("{}")), WEIR_E_BUG);
    assert_int_equal(weir_begin(t, b, WEIR_UPSERT), WEIR_E_BUG);
    assert_int_equal(weir_truncate(t, b), WEIR_E_BUG);
    refuse_end = WEIR_E_REMOTE;
    assert_int_equal(weir_end(t), WEIR_E_REMOTE);
    refuse_end = WEIR_OK;
    assert_int_equal(weir_end(t), WEIR_E_BUG); /* none was begun */
    weir_put_int(t, a, 1);                     /* does nothing, then */
    weir_close(t);
    return weir_begin(t, b, WEIR_UPSERT);
}

static void test_mistakes_drop_the_document(void **state)
{
    (void)state;
    run(mistakes, WEIR_E_BUG, "begin drop\nbegin drop\nbegin drop\nbegin drop\nbegin end\nbegin drop\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_of_each_kind),
        cmocka_unit_test(test_what_is_inside_comes_as_json),
        cmocka_unit_test(test_other_documents_are_taken_as_text),
        cmocka_unit_test(test_values_are_documents),
        cmocka_unit_test(test_mistakes_drop_the_document),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
