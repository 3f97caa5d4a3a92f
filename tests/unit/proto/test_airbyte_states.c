/* Airbyte states: what is taken from a file, what goes back, how much of it and when. Expectations: docs/protocols/airbyte.md 2.3, 3.1, 4.1. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fault.h"
#include "json/patch.h"
#include "json/scan.h"
#include "proto/airbyte/states.h"

typedef struct world {
    arena a;
    airbyte_part parts[3]; /* a, public.b, b */
    airbyte_states s;
    buf out;
    err e;
} world;

static void init(world *w)
{
    w->parts[0] = (airbyte_part){.name = VIEW("a"), .descriptor = VIEW("{\"name\":\"a\"}"), .key = VIEW("ka")};
    w->parts[1] = (airbyte_part){.name = VIEW("b"), .name_space = VIEW("public"), .descriptor = VIEW("{\"name\":\"b\",\"namespace\":\"public\"}"),
                                 .key = VIEW("public%2Fb")};
    w->parts[2] = (airbyte_part){.name = VIEW("b"), .descriptor = VIEW("{\"name\":\"b\"}"), .key = VIEW("b\"")};
    assert_true(airbyte_states_init(&w->s, w->parts, 3));
}

static int set_up(void **state)
{
    world *w = test_calloc(1, sizeof *w);
    init(w);
    *state = w;
    return 0;
}

static void clear(world *w)
{
    airbyte_states_free(&w->s);
    buf_free(&w->out);
    err_free(&w->e);
    arena_free(&w->a);
}

static int tear_down(void **state)
{
    clear(*state);
    test_free(*state);
    return 0;
}

static weir_rc take(world *w, const char *text)
{
    tree *file;
    assert_int_equal(tree_parse_lenient(&w->a, view_of(text), "s", WEIR_E_BUG, &file, &w->e), WEIR_OK);
    return airbyte_states_take(&w->s, file, &w->e);
}

/* What the task's state is after taking this. */
static void expect_taken(world *w, const char *text, const char *task)
{
    clear(w);
    init(w);
    if (take(w, text))
        fail_msg("%s: %s", text, err_text(&w->e));
    airbyte_states_task(&w->s, &w->out);
    if (!json_equal(buf_view(&w->out), view_of(task)))
        fail_msg("%s: %s", text, buf_text(&w->out));
}

#define A_STATE "{\"type\":\"STREAM\",\"stream\":{\"stream_descriptor\":{\"name\":\"a\",\"namespace\":null},\"stream_state\":{\"c\":1.50}}}"
#define B_STATE "{\"type\":\"STREAM\",\"stream\":{\"stream_descriptor\":{\"name\":\"b\",\"namespace\":\"public\"},\"stream_state\":{\"c\":2}}}"

static void shapes(void **state)
{
    world *w = *state;
    const char *both = "{\"bindingStateV1\":{\"ka\":{\"c\":1.50},\"public%2Fb\":{\"c\":2}}}", *one = "{\"bindingStateV1\":{\"ka\":{\"c\":1.50}}}",
               *none = "{\"bindingStateV1\":{}}";
    expect_taken(w, "[]", none);
    expect_taken(w, "{}", none);
    expect_taken(w, "[" A_STATE "," B_STATE "]", both);
    expect_taken(w, A_STATE, one);
    expect_taken(w, "[{\"type\":\"STATE\",\"state\":" A_STATE "}]", one);
    expect_taken(w, "[{\"stream\":{\"stream_descriptor\":{\"name\":\"a\"},\"stream_state\":{\"c\":1.50}},\"data\":{\"a\":{\"c\":9}}}]", one);
    expect_taken(w, "[{\"type\":\"LEGACY\",\"data\":{\"a\":{\"c\":1.50}}}]", one);
    expect_taken(w, "{\"a\":{\"c\":1.50}}", one);
    /* the last of two */
    expect_taken(w, "[{\"stream\":{\"stream_descriptor\":{\"name\":\"a\"},\"stream_state\":{\"c\":0}}}," A_STATE "]", one);
    /* null resets, the dummy means nothing, unknown streams are passed over */
    expect_taken(w, "[" A_STATE ",{\"stream\":{\"stream_descriptor\":{\"name\":\"a\"},\"stream_state\":null}}]", none);
    expect_taken(w, "[{\"stream\":{\"stream_descriptor\":{\"name\":\"a\"},\"stream_state\":{\"__ab_no_cursor_state_message\":true}}}]", none);
    expect_taken(w, "[{\"stream\":{\"stream_descriptor\":{\"name\":\"zz\"},\"stream_state\":{\"c\":0}}}]", none);
    /* the state of a task */
    expect_taken(w, "{\"bindingStateV1\":{\"ka\":{\"c\":1.50},\"gone\":{}},\"lsn\":7}", "{\"bindingStateV1\":{\"ka\":{\"c\":1.50}},\"lsn\":7}");
}

static void global_shapes(void **state)
{
    world *w = *state;
    const char *task = "{\"lsn\":5,\"bindingStateV1\":{\"b\\\"\":{\"c\":3}}}";
    expect_taken(w, "[{\"type\":\"GLOBAL\",\"global\":{\"shared_state\":{\"lsn\":5},\"stream_states\":[{\"stream_descriptor\":{\"name\":\"b\"},"
                    "\"stream_state\":{\"c\":3}}]}}]", task);
    assert_true(w->s.global);
    expect_taken(w, "{\"global_\":{\"shared_state\":{\"lsn\":5},\"stream_states\":[{\"stream_descriptor\":{\"name\":\"b\"},\"stream_state\":{\"c\":3}}]},"
                    "\"global_\":{\"shared_state\":{\"lsn\":5},\"stream_states\":[{\"stream_descriptor\":{\"name\":\"b\"},\"stream_state\":{\"c\":3}}]}}", task);
    expect_taken(w, "[{\"type\":\"GLOBAL\",\"global\":{\"shared_state\":null,\"stream_states\":[]}}]", "{\"bindingStateV1\":{}}");
    assert_true(w->s.global);
}

static void expect_refused(world *w, const char *text, const char *says)
{
    clear(w);
    init(w);
    assert_int_equal(take(w, text), WEIR_E_CONFIG);
    assert_string_equal(err_text(&w->e), says);
}

static void what_cannot_be_understood(void **state)
{
    world *w = *state;
    expect_refused(w, "7", "s:1:1: a state is an array of states, or an object");
    expect_refused(w, "[7]", "s:1:2: a state is an object");
    expect_refused(w, "[{\"type\":\"WEEKLY\"}]", "s:1:10: the type of a state can only be STREAM, GLOBAL or LEGACY");
    expect_refused(w, "[{}]", "s:1:2: a state without anything in it");
    expect_refused(w, "[{\"type\":\"STREAM\"}]", "s:1:2: a state without anything in it");
    expect_refused(w, "[{\"type\":\"STREAM\",\"stream\":{\"stream_state\":{}}}]", "s:1:28: a state of a stream without stream_descriptor and name");
    expect_refused(w, "[{\"type\":\"STREAM\",\"stream\":{\"stream_descriptor\":{\"name\":\"a\"},\"stream_state\":5}}]", "s:1:77: stream_state is not an object");
    expect_refused(w, "[{\"type\":\"GLOBAL\",\"global\":{\"shared_state\":5,\"stream_states\":[]}}]", "s:1:44: shared_state is not an object");
    expect_refused(w, "[{\"type\":\"GLOBAL\",\"global\":{\"shared_state\":{}}}]", "s:1:28: stream_states is not an array");
    expect_refused(w, "[{\"type\":\"GLOBAL\",\"global\":{\"stream_states\":{}}}]", "s:1:45: stream_states is not an array");
    expect_refused(w, "[{\"type\":\"GLOBAL\",\"global\":[]}]", "s:1:28: global is not an object");
    expect_refused(w, "[{\"type\":\"GLOBAL\",\"global\":{\"stream_states\":[7]}}]", "s:1:46: a state of a stream without stream_descriptor and name");
    expect_refused(w, "[{\"type\":\"STREAM\",\"stream\":{\"stream_descriptor\":{\"name\":7},\"stream_state\":{}}}]",
                   "s:1:57: name and namespace of a stream are not strings");
    expect_refused(w, "[{\"type\":\"STREAM\",\"stream\":{\"stream_descriptor\":{\"name\":\"a\",\"namespace\":7}}}]",
                   "s:1:57: name and namespace of a stream are not strings");
}

/* ---- going back ---- */

static void expect_put(world *w, bool all, int64_t now, const char *lines)
{
    buf_clear(&w->out);
    airbyte_states_put(&w->s, &w->out, all, now);
    assert_true(buf_ok(&w->out));
    assert_string_equal(buf_text(&w->out), lines);
}

#define STREAM(d, s, n) \
    "{\"type\":\"STATE\",\"state\":{\"type\":\"STREAM\",\"stream\":{\"stream_descriptor\":" d ",\"stream_state\":" s "},\"sourceStats\":{\"recordCount\":" n "}}}\n"
#define A "{\"name\":\"a\"}"
#define B "{\"name\":\"b\",\"namespace\":\"public\"}"

static void states_of_streams(void **state)
{
    world *w = *state;
    airbyte_states_count(&w->s, &w->parts[0], 3, 300);
    assert_true(airbyte_states_note(&w->s, &w->parts[0], VIEW("{\"c\":1}")));
    airbyte_states_count(&w->s, &w->parts[0], 2, 200);
    assert_true(airbyte_states_note(&w->s, &w->parts[1], VIEW("{}")));
    assert_true(airbyte_states_note(&w->s, &w->parts[0], VIEW("{\"c\":2.0}")));
    assert_true(airbyte_states_waiting(&w->s));
    expect_put(w, false, 1000, STREAM(A, "{\"c\":2.0}", "5.0") STREAM(B, "{}", "0.0"));
    assert_false(airbyte_states_waiting(&w->s));
    expect_put(w, false, 1000, "");
    /* the last one goes out if something is left to be covered, or nothing ever went out */
    buf_clear(&w->out);
    airbyte_states_put_last(&w->s, &w->parts[0], true, &w->out, 1000);
    airbyte_states_put_last(&w->s, &w->parts[2], false, &w->out, 1000);
    assert_string_equal(buf_text(&w->out), "");
    airbyte_states_count(&w->s, &w->parts[0], 1, 100);
    airbyte_states_put_last(&w->s, &w->parts[0], true, &w->out, 1000);
    airbyte_states_put_last(&w->s, &w->parts[2], true, &w->out, 1000);
    assert_string_equal(buf_text(&w->out), STREAM(A, "{\"c\":2.0}", "1.0") STREAM("{\"name\":\"b\"}", "{\"__ab_no_cursor_state_message\":true}", "0.0"));
}

static void a_large_state_waits_for_more(void **state)
{
    world *w = *state;
    const char *large = "{\"c\":\"0123456789012345678901234567890123456789\"}";
    airbyte_part *a = &w->parts[0], *b = &w->parts[1];
    /* the first does not: nobody knows yet whether more will come */
    assert_true(airbyte_states_note(&w->s, a, view_of(large)));
    expect_put(w, false, 5000, STREAM(A, "{\"c\":\"0123456789012345678901234567890123456789\"}", "0.0"));
    airbyte_states_count(&w->s, a, 1, 10);
    assert_true(airbyte_states_note(&w->s, a, view_of(large)));
    airbyte_states_count(&w->s, b, 1, 10);
    assert_true(airbyte_states_note(&w->s, b, VIEW("{\"c\":1}")));
    expect_put(w, false, 5010, STREAM(B, "{\"c\":1}", "1.0"));
    assert_true(airbyte_states_waiting(&w->s));
    expect_put(w, false, 5999, "");
    expect_put(w, false, 6000, STREAM(A, "{\"c\":\"0123456789012345678901234567890123456789\"}", "1.0"));
    /* nor if the records are more, or nothing may wait */
    airbyte_states_count(&w->s, a, 5, 50);
    assert_true(airbyte_states_note(&w->s, a, view_of(large)));
    expect_put(w, false, 6001, STREAM(A, "{\"c\":\"0123456789012345678901234567890123456789\"}", "5.0"));
    assert_true(airbyte_states_note(&w->s, a, view_of(large)));
    expect_put(w, true, 6002, STREAM(A, "{\"c\":\"0123456789012345678901234567890123456789\"}", "0.0"));
    /* one that waits goes out at its stream's end */
    airbyte_states_count(&w->s, a, 1, 10);
    assert_true(airbyte_states_note(&w->s, a, view_of(large)));
    expect_put(w, false, 6003, "");
    buf_clear(&w->out);
    airbyte_states_put_last(&w->s, a, false, &w->out, 6004);
    assert_string_equal(buf_text(&w->out), STREAM(A, "{\"c\":\"0123456789012345678901234567890123456789\"}", "1.0"));
    assert_false(airbyte_states_waiting(&w->s));
}

static void the_state_of_a_task_is_taken_apart(void **state)
{
    world *w = *state;
    airbyte_states_count(&w->s, &w->parts[0], 1, 1000);
    assert_true(airbyte_states_note_task(&w->s, VIEW("{\"bindingStateV1\":{\"ka\":{\"c\":1,\"d\":{\"x\":1}}}}"), true));
    assert_true(airbyte_states_note_task(&w->s, VIEW("{}"), true));
    assert_true(airbyte_states_note_task(&w->s, VIEW("{\"bindingStateV1\":{\"k\\u0061\":{\"c\":2,\"d\":{\"x\":null}},\"public%2Fb\":{\"c\":9}}}"), true));
    expect_put(w, false, 1, STREAM(A, "{\"c\":2,\"d\":{}}", "1.0") STREAM(B, "{\"c\":9}", "0.0"));
    /* replaced as a whole: what is the same does not go out again, what is gone is reset */
    assert_true(airbyte_states_note_task(&w->s, VIEW("{\"bindingStateV1\":{\"ka\":{\"c\":2,\"d\":{}}}}"), false));
    expect_put(w, true, 2, STREAM(B, "{\"__ab_no_cursor_state_message\":true}", "0.0"));
    assert_false(w->s.global);
}

#define GLOBAL(shared, streams, n) \
    "{\"type\":\"STATE\",\"state\":{\"type\":\"GLOBAL\",\"global\":{\"shared_state\":" shared ",\"stream_states\":[" streams "]},\"sourceStats\":{\"recordCount\":" n "}}}\n"
#define ITEM(d, s) "{\"stream_descriptor\":" d ",\"stream_state\":" s "}"

static void a_task_with_more_is_global(void **state)
{
    world *w = *state;
    airbyte_states_count(&w->s, &w->parts[0], 1, 1000);
    airbyte_states_count(&w->s, &w->parts[1], 2, 1000);
    assert_true(airbyte_states_note(&w->s, &w->parts[0], VIEW("{\"c\":1}")));
    assert_true(airbyte_states_note_task(&w->s, VIEW("{\"lsn\":1,\"deep\":{\"a\":1,\"b\":2},\"bindingStateV1\":{\"public%2Fb\":{\"c\":9}}}"), true));
    expect_put(w, false, 1, GLOBAL("{\"lsn\":1,\"deep\":{\"a\":1,\"b\":2}}", ITEM(A, "{\"c\":1}") "," ITEM(B, "{\"c\":9}"), "3.0"));
    expect_put(w, true, 2, "");
    /* it stays so, also if a binding alone says something */
    airbyte_states_count(&w->s, &w->parts[0], 5, 5000);
    assert_true(airbyte_states_note_task(&w->s, VIEW("{\"deep\":{\"b\":null}}"), true));
    assert_true(airbyte_states_note(&w->s, &w->parts[0], VIEW("{\"c\":2}")));
    expect_put(w, false, 3, GLOBAL("{\"lsn\":1,\"deep\":{\"a\":1}}", ITEM(A, "{\"c\":2}") "," ITEM(B, "{\"c\":9}"), "5.0"));
    /* keys of bindings that are not read are part of the rest */
    assert_true(airbyte_states_note_task(&w->s, VIEW("{\"bindingStateV1\":{\"gone\":{\"c\":4},\"ka\":{\"c\":3}}}"), false));
    expect_put(w, true, 4, GLOBAL("{\"bindingStateV1\":{\"gone\":{\"c\":4}}}", ITEM(A, "{\"c\":3}"), "0.0"));
    /* the ends of streams: at most one more */
    buf_clear(&w->out);
    for (size_t i = 0; i < 3; i++)
        airbyte_states_put_last(&w->s, &w->parts[i], true, &w->out, 5);
    assert_string_equal(buf_text(&w->out), "");
    airbyte_states_count(&w->s, &w->parts[2], 1, 10);
    for (size_t i = 0; i < 3; i++)
        airbyte_states_put_last(&w->s, &w->parts[i], true, &w->out, 5);
    assert_string_equal(buf_text(&w->out), GLOBAL("{\"bindingStateV1\":{\"gone\":{\"c\":4}}}", ITEM(A, "{\"c\":3}"), "1.0"));
}

static void a_state_without_lines(void **state)
{
    world *w = *state;
    assert_true(airbyte_states_note(&w->s, &w->parts[0], VIEW("{\n  \"c\": 1\n}")));
    expect_put(w, true, 1, STREAM(A, "{\"c\":1}", "0.0"));
}

static void no_memory(void **state)
{
    (void)state;
    bool again = true;
    for (size_t n = 0; again; n++) {
        world w = {0};
        init(&w);
        tree *file;
        assert_int_equal(tree_parse(&w.a, VIEW("[{\"global\":{\"shared_state\":{\"x\":1},\"stream_states\":[{\"stream_descriptor\":{\"name\":\"a\"},"
                                               "\"stream_state\":{\"c\":1}},{\"stream_descriptor\":{\"name\":\"q\"}}]}}]"),
                                    NULL, WEIR_E_BUG, &file, &w.e), WEIR_OK);
        fault_at(FAULT_ALLOC, n, ENOMEM);
        weir_rc rc = airbyte_states_take(&w.s, file, &w.e);
        bool ok = !rc && airbyte_states_note_task(&w.s, VIEW("{\"y\":2,\"bindingStateV1\":{\"ka\":{\"c\":2},\"z\":{}}}"), true);
        if (ok)
            airbyte_states_put(&w.s, &w.out, true, 1);
        again = fault_clear();
        assert_true(again || (ok && buf_ok(&w.out) && w.out.len));
        assert_true(!rc || rc == WEIR_E_NOMEM);
        clear(&w);
    }
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(shapes), TEST(global_shapes), TEST(what_cannot_be_understood), TEST(states_of_streams), TEST(a_large_state_waits_for_more),
        TEST(the_state_of_a_task_is_taken_apart), TEST(a_task_with_more_is_global), TEST(a_state_without_lines), TEST(no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
