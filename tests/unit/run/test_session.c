/* Sessions: parallel lanes, acknowledgements, stopping. */
#include "rig.h"

static weir_rc per_binding(weir_task *t, void *self, const weir_binding *b, size_t n)
{
    (void)self;
    assert_int_equal(n, 1);
    for (int i = 0; i < 200; i++) {
        weir_rc rc = weir_emit(t, b, WEIR_UPSERT, weir_format(t, "{\"i\":%d}", i));
        if (!rc)
            rc = weir_checkpoint(t, b, weir_format(t, "{\"n\":%d}", i));
        if (rc)
            return rc;
    }
    return WEIR_OK;
}

/* Every checkpoint stands right behind its own lane's document. */
static void test_lanes_do_not_mix(void **unused)
{
    (void)unused;
    rig r = {.capture = {.lanes = 2}};
    rig_open(&r, per_binding, 2, "");
    assert_int_equal(session_pull(r.s, &r.e), WEIR_OK);
    int next[2] = {0, 0};
    char *line = strtok((char *)(uintptr_t)buf_text(&r.said), "\n");
    assert_string_equal(line, "opened");
    while ((line = strtok(NULL, "\n"))) {
        int which, i, n;
        char key;
        assert_int_equal(sscanf(line, "doc %d {\"i\":%d}", &which, &i), 2);
        assert_int_equal(i, next[which]++);
        line = strtok(NULL, "\n");
        assert_non_null(line);
        assert_int_equal(sscanf(line, "checkpoint merge {\"bindingStateV1\":{\"%c\":{\"n\":%d}}}", &key, &n), 2);
        assert_int_equal(key, which ? 'b' : 'a');
        assert_int_equal(n, i);
    }
    assert_int_equal(next[0], 200);
    assert_int_equal(next[1], 200);
    rig_close(&r);
}

static weir_rc one_fails(weir_task *t, void *self, const weir_binding *b, size_t n)
{
    (void)self;
    (void)n;
    if (b->index == 1)
        return weir_fail(t, WEIR_E_TRANSIENT, "503");
    for (uint64_t i = 0; !weir_stopping(t); i++)
        assert_true(i < UINT64_MAX);
    return WEIR_STOPPED;
}

static void test_first_failure_stops_the_others(void **unused)
{
    (void)unused;
    rig r = {.capture = {.lanes = 2}};
    rig_open(&r, one_fails, 2, "");
    assert_int_equal(session_pull(r.s, &r.e), WEIR_E_TRANSIENT);
    assert_string_equal(err_text(&r.e), "binding x/b: 503");
    rig_close(&r);
}

static size_t acked_count; /* of the test at hand; one thread */
static char acked_last[64];

static weir_rc acked(weir_task *t, void *self, const weir_ack *acks, size_t count)
{
    (void)t;
    (void)self;
    acked_count += count;
    snprintf(acked_last, sizeof acked_last, "%s %.*s", acks[count - 1].binding ? acks[count - 1].binding->name.ptr : "-",
             VIEW_ARG(acks[count - 1].state));
    return WEIR_OK;
}

static weir_rc three_checkpoints(weir_task *t, void *self, const weir_binding *b, size_t n)
{
    (void)self;
    (void)n;
    weir_rc rc = WEIR_OK;
    for (int i = 1; i <= 3 && !rc; i++)
        rc = weir_checkpoint(t, b, weir_format(t, "{\"n\":%d}", i));
    return rc;
}

static void test_acknowledgements_pop_the_queue(void **unused)
{
    (void)unused;
    rig r = {.capture = {.acked = acked}};
    acked_count = 0;
    rig_open(&r, three_checkpoints, 1, "");
    assert_int_equal(session_pull(r.s, &r.e), WEIR_OK);
    assert_memory_equal(r.said.ptr, "opened acks\n", 12);
    assert_int_equal(session_acked(r.s, 0, &r.e), WEIR_E_PROTOCOL);
    assert_int_equal(session_acked(r.s, 2, &r.e), WEIR_OK);
    assert_int_equal(acked_count, 2);
    assert_string_equal(acked_last, "x/a {\"n\":2}");
    assert_int_equal(session_acked(r.s, 2, &r.e), WEIR_E_PROTOCOL);
    assert_int_equal(session_acked(r.s, 1, &r.e), WEIR_OK);
    assert_int_equal(acked_count, 3);
    rig_close(&r);
}

static weir_rc until_stopped(weir_task *t, void *self, const weir_binding *b, size_t n)
{
    (void)b;
    (void)n;
    (void)self;
    session_stop(task_session(t));
    return weir_stopping(t) ? WEIR_STOPPED : WEIR_OK;
}

static void test_stopping_is_no_failure(void **unused)
{
    (void)unused;
    rig r = {0};
    rig_open(&r, until_stopped, 1, "");
    rig_expect(&r, WEIR_OK, "opened\n");
    rig_close(&r);
}

static weir_rc nothing(weir_task *t, void *arg, size_t i)
{
    (void)t;
    (void)arg;
    (void)i;
    return WEIR_OK;
}

static weir_rc parallel_after_documents(weir_task *t, void *self, const weir_binding *b, size_t n)
{
    (void)self;
    (void)n;
    weir_rc rc = weir_emit(t, b, WEIR_UPSERT, VIEW("{}"));
    return rc ? rc : weir_parallel(t, 2, 2, nothing, NULL);
}

/* The lanes could wait for ever for the turn that this one has. */
static void test_parallel_needs_a_checkpoint_before(void **unused)
{
    (void)unused;
    rig r = {.capture = {.all_in_one = true}};
    rig_open(&r, parallel_after_documents, 1, "");
    assert_int_equal(session_pull(r.s, &r.e), WEIR_E_BUG);
    assert_string_equal(err_text(&r.e), "weir_parallel after 1 documents without a checkpoint");
    rig_close(&r);
}

static weir_rc count_emitted(weir_task *t, void *self, const weir_binding *b, size_t n)
{
    (void)self;
    (void)n;
    uint64_t before = session_emitted(task_session(t));
    assert_int_equal(weir_emit(t, b, WEIR_UPSERT, VIEW("{}")), WEIR_OK);
    assert_int_equal(session_emitted(task_session(t)), before + 1);
    assert_int_equal(weir_checkpoint(t, b, VIEW("{}")), WEIR_OK);
    assert_int_equal(weir_emit(t, b, WEIR_UPSERT, VIEW("{}")), WEIR_OK);
    assert_int_equal(session_emitted(task_session(t)), before + 2);
    return WEIR_OK;
}

static void test_emitted_counts_what_is_not_sealed(void **unused)
{
    (void)unused;
    rig r = {0};
    rig_open(&r, count_emitted, 2, "");
    assert_int_equal(session_pull(r.s, &r.e), WEIR_OK);
    assert_int_equal(session_emitted(r.s), 4);
    rig_close(&r);
}

static const weir_field secret_resource[] = {
    {.name = "stream", .type = WEIR_TEXT, .flags = WEIR_PATH, .help = "which"},
    {.name = "token", .type = WEIR_TEXT, .offset = sizeof(char *), .flags = WEIR_SECRET, .help = "of this stream"},
    {0},
};

/* Secrets of a resource are masked like those of the config, before anything complains about it. */
static void test_secrets_of_resources_are_masked(void **unused)
{
    (void)unused;
    rig r = {0};
    arena a = {0};
    tree *parsed;
    buf text = {0};
    rig_open(&r, until_stopped, 0, "");
    r.connector.resource = secret_resource;
    r.connector.resource_size = 2 * sizeof(char *);
    weir_binding b = {.name = VIEW("x/a")};
    assert_int_equal(tree_parse(&a, VIEW("{\"stream\":\"s\",\"token\":\"hush-hush\",\"tokne\":1}"), NULL, WEIR_E_BUG, &parsed, &r.e), WEIR_OK);
    const tree *resource = parsed;
    assert_int_equal(session_bind(r.s, &b, &resource, 1, VIEW(""), &r.e), WEIR_E_CONFIG);
    log_masked(r.log, VIEW("hush-hush"), &text);
    assert_string_equal(buf_text(&text), "***");
    buf_free(&text);
    arena_free(&a);
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lanes_do_not_mix),
        cmocka_unit_test(test_first_failure_stops_the_others),
        cmocka_unit_test(test_acknowledgements_pop_the_queue),
        cmocka_unit_test(test_stopping_is_no_failure),
        cmocka_unit_test(test_parallel_needs_a_checkpoint_before),
        cmocka_unit_test(test_emitted_counts_what_is_not_sealed),
        cmocka_unit_test(test_secrets_of_resources_are_masked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
