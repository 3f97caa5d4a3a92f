/* state: bookmarks on one side, the task's state on the other (singer.md 3). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/singer/state.h"

static tap_stream streams[] = {{.id = WEIR_LIT("a")}, {.id = WEIR_LIT("s-b")}, {.id = WEIR_LIT("whole"), .full_table = true}};
static const tap_catalog catalog = {streams, 3};
static const weir_view keys[] = {WEIR_LIT("a"), WEIR_LIT("s%2Fb.v0"), WEIR_LIT("whole")};

typedef struct fixture {
    arena arena;
    tap_state state;
    buf text;
} fixture;

static void begin(fixture *f, bool numbered, const char *state)
{
    err e = {0};
    *f = (fixture){0};
    assert_int_equal(singer_state_read(&f->state, &f->arena, &catalog, keys, numbered, view_of(state), &e), WEIR_OK);
}

static void end(fixture *f)
{
    singer_state_free(&f->state);
    buf_free(&f->text);
    arena_free(&f->arena);
}

static const char *task(fixture *f)
{
    buf_clear(&f->text);
    singer_state_task(&f->state, &f->text);
    return buf_text(&f->text);
}

static const char *message(fixture *f, const char *syncing)
{
    buf_clear(&f->text);
    singer_state_write(&f->state, view_of(syncing), &f->text);
    return buf_text(&f->text);
}

static void note(fixture *f, const weir_binding *b, const char *state, bool merge)
{
    assert_true(singer_state_note(&f->state, &(checkpoint){.binding = b, .state = view_of(state), .merge = merge}, 0));
}

static void to_the_task(void **state)
{
    (void)state;
    fixture f;
    begin(&f, false, "{\"bookmarks\":{\"a\":{\"n\":1.50},\"s-b\":{\"x\":[1, 2]},\"whole\":{\"n\":9},\"gone\":{\"z\":0}},\"lsn\":\"0/1\",\"currently_syncing\":\"s-b\"}");
    assert_string_equal(task(&f), "{\"bindingStateV1\":{\"a\":{\"n\":1.50},\"s%2Fb.v0\":{\"x\":[1,2]}},\"lsn\":\"0/1\"}");
    assert_true(view_is(f.state.syncing, "s-b"));
    assert_true(singer_state_any(&f.state));
    end(&f);
    begin(&f, false, "{}");
    assert_string_equal(task(&f), "{\"bindingStateV1\":{}}");
    assert_false(singer_state_any(&f.state));
    end(&f);
}

static void goes_out_as_it_came(void **state)
{
    (void)state;
    fixture f;
    begin(&f, false, "{\"bookmarks\":{\"gone\":{\"z\":0},\"whole\":{\"n\":9},\"a\":{\"n\":1.50}},\"lsn\":\"0/1\",\"activate_versions\":{\"a\":3},\"currently_syncing\":null}");
    assert_string_equal(message(&f, ""), "{\"type\":\"STATE\",\"value\":{\"bookmarks\":{\"a\":{\"n\":1.50},\"whole\":{\"n\":9},\"gone\":{\"z\":0}},\"lsn\":\"0/1\","
                                         "\"activate_versions\":{\"a\":3}}}\n");
    assert_string_equal(message(&f, "a") + 24, "{\"currently_syncing\":\"a\",\"bookmarks\":{\"a\":{\"n\":1.50},\"whole\":{\"n\":9},\"gone\":{\"z\":0}},\"lsn\":\"0/1\","
                                              "\"activate_versions\":{\"a\":3}}}\n");
    end(&f);
}

static void a_binding_has_moved_on(void **state)
{
    (void)state;
    fixture f;
    const weir_binding b = {.index = 1};
    begin(&f, false, "{\"bookmarks\":{\"a\":{\"n\":1}}}");
    note(&f, &b, "{\"bindingStateV1\":{\"s%2Fb.v0\":{\"x\":2,\"y\":1}}}", true);
    note(&f, &b, "{\"bindingStateV1\":{\"s%2Fb.v0\":{\"x\":\"longer\",\"y\":null}}}", true);
    note(&f, &b, "{\"bindingStateV1\":{\"s%2Fb.v0\":{\"z\":3}}}", true);
    assert_string_equal(message(&f, ""), "{\"type\":\"STATE\",\"value\":{\"bookmarks\":{\"a\":{\"n\":1},\"s-b\":{\"x\":\"longer\",\"z\":3}}}}\n");
    end(&f);
}

static void the_task_has_moved_on(void **state)
{
    (void)state;
    fixture f;
    begin(&f, false, "{\"bookmarks\":{\"a\":{\"n\":1},\"gone\":{\"z\":0}},\"keep\":7}");
    note(&f, NULL, "{}", true);
    note(&f, NULL, "{\"bindingStateV1\":{\"a\":{\"m\":2},\"s\\u00252Fb.v0\":{\"x\":1}},\"lsn\":5}", true);
    assert_string_equal(message(&f, ""), "{\"type\":\"STATE\",\"value\":{\"bookmarks\":{\"a\":{\"n\":1,\"m\":2},\"s-b\":{\"x\":1},\"gone\":{\"z\":0}},\"keep\":7,\"lsn\":5}}\n");
    note(&f, NULL, "{\"bindingStateV1\":{\"a\":null},\"keep\":null}", true);
    assert_string_equal(message(&f, ""), "{\"type\":\"STATE\",\"value\":{\"bookmarks\":{\"s-b\":{\"x\":1},\"gone\":{\"z\":0}},\"lsn\":5}}\n");
    note(&f, NULL, "{\"bindingStateV1\":{\"a\":{\"n\":4}},\"new\":true}", false);
    assert_string_equal(message(&f, ""), "{\"type\":\"STATE\",\"value\":{\"bookmarks\":{\"a\":{\"n\":4},\"gone\":{\"z\":0}},\"new\":true}}\n");
    end(&f);
}

static void versions(void **state)
{
    (void)state;
    fixture f;
    begin(&f, true, "{\"activate_versions\":{\"a\":3,\"gone\":1}}");
    assert_int_equal(singer_state_version(&f.state, VIEW("a")), 3);
    assert_int_equal(singer_state_version(&f.state, VIEW("s-b")), 0);
    assert_true(singer_state_set_version(&f.state, VIEW("s-b"), 1795237126937));
    note(&f, NULL, "{\"activate_versions\":{\"a\":99}}", true); /* a connector's own: ours hold */
    assert_string_equal(message(&f, ""), "{\"type\":\"STATE\",\"value\":{\"bookmarks\":{},\"activate_versions\":{\"a\":3,\"gone\":1,\"s-b\":1795237126937}}}\n");
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(to_the_task), cmocka_unit_test(goes_out_as_it_came), cmocka_unit_test(a_binding_has_moved_on),
        cmocka_unit_test(the_task_has_moved_on), cmocka_unit_test(versions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
