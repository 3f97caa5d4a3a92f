/* Lanes: what is emitted, what a checkpoint seals, what states become on the wire, what goes wrong. */
#include "rig.h"

static weir_rc emit_two(weir_task *t, void *self, const weir_binding *b, size_t n)
{
    (void)self;
    (void)n;
    weir_rc rc = weir_emit(t, b, WEIR_UPSERT, VIEW("{\"id\":1}"));
    if (!rc)
        rc = weir_emit(t, b, WEIR_UPSERT, VIEW(" {\"id\" : 2,\n \"t\":\"a b\\n\"}\n"));
    return rc ? rc : weir_checkpoint(t, b, VIEW("{\"n\":2}"));
}

static void test_documents_then_state(void **unused)
{
    (void)unused;
    rig r = {0};
    rig_open(&r, emit_two, 1, "");
    rig_expect(&r, WEIR_OK,
               "opened\n"
               "doc 0 {\"id\":1}\n"
               "doc 0 {\"id\":2,\"t\":\"a b\\n\"}\n"
               "checkpoint merge {\"bindingStateV1\":{\"a\":{\"n\":2}}}\n");
    rig_close(&r);
}

static weir_rc states(weir_task *t, void *self, const weir_binding *b, size_t n)
{
    (void)self;
    (void)n;
    assert_string_equal(weir_json_text(t, b->state, "/gone", "?"), "x");
    weir_rc rc = weir_checkpoint(t, b, VIEW("{\"kept\":1,\"new\":{\"deep\":true}}"));
    if (!rc)
        rc = weir_checkpoint(t, b, VIEW("{\"kept\":1,\"new\":{\"deep\":true}}"));
    if (!rc)
        rc = weir_checkpoint_patch(t, b, VIEW("{\"new\":null,\"p\":2}"));
    if (!rc)
        rc = weir_checkpoint(t, b, VIEW("{\"p\":2}"));
    if (!rc)
        rc = weir_checkpoint(t, NULL, VIEW("{\"whole\":1}"));
    return rc ? rc : weir_checkpoint_patch(t, NULL, VIEW("{\"part\":1}"));
}

/* A binding's state is replaced by its connector and patched on the wire: what is gone becomes null. */
static void test_replace_becomes_patch(void **unused)
{
    (void)unused;
    rig r = {0};
    rig_open(&r, states, 1, "{\"bindingStateV1\":{\"a\":{\"gone\":\"x\",\"kept\":1},\"other\":{\"y\":1}}}");
    rig_expect(&r, WEIR_OK,
               "opened\n"
               "checkpoint merge {\"bindingStateV1\":{\"a\":{\"gone\":null,\"new\":{\"deep\":true}}}}\n"
               "checkpoint merge {\"bindingStateV1\":{\"a\":{}}}\n"
               "checkpoint merge {\"bindingStateV1\":{\"a\":{\"new\":null,\"p\":2}}}\n"
               "checkpoint merge {\"bindingStateV1\":{\"a\":{\"kept\":null}}}\n"
               "checkpoint {\"whole\":1}\n"
               "checkpoint merge {\"part\":1}\n");
    rig_close(&r);
}

static weir_rc states_both_ways(weir_task *t, void *self, const weir_binding *b, size_t n)
{
    (void)self;
    (void)n;
    weir_rc rc = weir_checkpoint(t, b, VIEW("{\"n\":1}"));
    if (!rc)
        rc = weir_checkpoint(t, NULL, VIEW("{\"whole\":1}"));
    if (!rc)
        rc = weir_checkpoint(t, b, VIEW("{\"n\":1}"));
    if (!rc)
        rc = weir_checkpoint_patch(t, NULL, VIEW("{\"bindingStateV1\":{\"a\":{\"m\":2}}}"));
    if (!rc)
        rc = weir_checkpoint(t, b, VIEW("{\"n\":1}"));
    if (!rc)
        rc = weir_checkpoint(t, NULL, VIEW("{\"bindingStateV1\":{\"a\":{\"n\":7}}}"));
    if (!rc)
        rc = weir_checkpoint_patch(t, NULL, VIEW("{\"bindingStateV1\":{\"a\":null}}"));
    return rc ? rc : weir_checkpoint(t, b, VIEW("{\"n\":7}"));
}

/* Whoever replaces the state of the task replaces that of its bindings, and what is compared with it later. */
static void test_task_state_and_binding_state_agree(void **unused)
{
    (void)unused;
    rig r = {0};
    rig_open(&r, states_both_ways, 1, "");
    rig_expect(&r, WEIR_OK,
               "opened\n"
               "checkpoint merge {\"bindingStateV1\":{\"a\":{\"n\":1}}}\n"
               "checkpoint {\"whole\":1}\n"
               "checkpoint merge {\"bindingStateV1\":{\"a\":{\"n\":1}}}\n"
               "checkpoint merge {\"bindingStateV1\":{\"a\":{\"m\":2}}}\n"
               "checkpoint merge {\"bindingStateV1\":{\"a\":{\"m\":null}}}\n"
               "checkpoint {\"bindingStateV1\":{\"a\":{\"n\":7}}}\n"
               "checkpoint merge {\"bindingStateV1\":{\"a\":null}}\n"
               "checkpoint merge {\"bindingStateV1\":{\"a\":{\"n\":7}}}\n");
    rig_close(&r);
}

static weir_rc deletions(weir_task *t, void *self, const weir_binding *b, size_t n)
{
    (void)self;
    (void)n;
    weir_rc rc = weir_emit(t, b, WEIR_DELETE, VIEW("{\"id\":1}"));
    if (!rc)
        rc = weir_emit(t, b, WEIR_DELETE, VIEW("{\"id\":2,\"_meta\":{\"row\":7,\"op\":\"u\"},\"z\":1}"));
    if (!rc)
        rc = weir_emit(t, b, WEIR_DELETE, VIEW("{}"));
    return rc ? rc : weir_checkpoint(t, b, VIEW("{}"));
}

static void test_deletions_carry_their_op(void **unused)
{
    (void)unused;
    rig r = {0};
    rig_open(&r, deletions, 1, "");
    rig_expect(&r, WEIR_OK,
               "opened\n"
               "doc 0 {\"id\":1,\"_meta\":{\"op\":\"d\"}}\n"
               "doc 0 {\"id\":2,\"_meta\":{\"row\":7,\"op\":\"d\"},\"z\":1}\n"
               "doc 0 {\"_meta\":{\"op\":\"d\"}}\n"
               "checkpoint merge {\"bindingStateV1\":{\"a\":{}}}\n");
    rig_close(&r);
}

static weir_rc unsealed(weir_task *t, void *self, const weir_binding *b, size_t n)
{
    (void)self;
    (void)n;
    return weir_emit(t, b, WEIR_UPSERT, VIEW("{\"id\":1}"));
}

/* A pull that ends well without a checkpoint loses nothing. */
static void test_rest_is_sealed(void **unused)
{
    (void)unused;
    rig r = {0};
    rig_open(&r, unsealed, 1, "");
    rig_expect(&r, WEIR_OK, "opened\ndoc 0 {\"id\":1}\ncheckpoint merge {}\n");
    rig_close(&r);
}

static weir_rc fails(weir_task *t, void *self, const weir_binding *b, size_t n)
{
    weir_rc rc = unsealed(t, self, b, n);
    return rc ? rc : weir_wrap(t, weir_fail(t, WEIR_E_REMOTE, "status %d", 429), "GET /v1/orders");
}

/* One that fails does: nothing of it is sealed. */
static void test_failure_drops_unsealed(void **unused)
{
    (void)unused;
    rig r = {0};
    rig_open(&r, fails, 1, "");
    rig_expect(&r, WEIR_E_REMOTE, "opened\n");
    assert_string_equal(err_text(&r.e), "binding x/a: GET /v1/orders: status 429");
    rig_close(&r);
}

static weir_rc bad_document(weir_task *t, void *self, const weir_binding *b, size_t n)
{
    (void)n;
    (void)self;
    static const char *const bad[] = {"", "[1]", "{\"a\":1}x", "{\"a\":01}", "{\"a\":\"\xff\"}", "{\"a\":1", "null", "{\"a\" 1}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(weir_emit(t, b, WEIR_UPSERT, view_of(bad[i])), WEIR_E_BUG);
    return weir_checkpoint(t, b, VIEW("[]"));
}

static void test_bad_documents_and_states_are_refused(void **unused)
{
    (void)unused;
    rig r = {0};
    rig_open(&r, bad_document, 1, "");
    rig_expect(&r, WEIR_E_BUG, "opened\n");
    rig_close(&r);
}

static weir_rc flood(weir_task *t, void *self, const weir_binding *b, size_t n)
{
    (void)self;
    (void)n;
    weir_rc rc = WEIR_OK;
    for (int i = 0; i < 100000 && !rc; i++)
        rc = weir_emit(t, b, WEIR_UPSERT, VIEW("{\"text\":\"0123456789012345678901234567890123456789\"}"));
    return rc;
}

/* Memory is bounded: what no checkpoint seals spills. */
static void test_spills(void **unused)
{
    (void)unused;
    rig r = {0};
    rig_open(&r, flood, 1, "");
    assert_int_equal(session_pull(r.s, &r.e), WEIR_OK);
    size_t bytes = 100000 * sizeof "doc 0 {\"text\":\"0123456789012345678901234567890123456789\"}";
    assert_true(r.spills >= bytes / LANE_SPILL - 1 && r.spills <= bytes / LANE_SPILL + 1);
    assert_int_equal(r.said.len, bytes + strlen("opened\ncheckpoint merge {}\n"));
    rig_close(&r);
}

static weir_rc large(weir_task *t, void *self, const weir_binding *b, size_t n)
{
    (void)self;
    (void)n;
    assert_int_equal(weir_emit(t, b, WEIR_UPSERT, VIEW("{\"text\":\"0123456789\"}")), WEIR_E_REMOTE);
    weir_rc rc = weir_emit(t, b, WEIR_UPSERT, VIEW("{\"id\":1}"));
    return rc ? rc : weir_checkpoint(t, b, VIEW("{}"));
}

/* A platform's limit for a message is told to the connector, not to the platform. */
static void test_too_large_a_document(void **unused)
{
    (void)unused;
    rig r = {.max = 20};
    rig_open(&r, large, 1, "");
    rig_expect(&r, WEIR_OK, "opened\ndoc 0 {\"id\":1}\ncheckpoint merge {\"bindingStateV1\":{\"a\":{}}}\n");
    rig_close(&r);
}

static weir_rc refused(weir_task *t, void *self, const weir_binding *b, size_t n)
{
    (void)self;
    (void)n;
    return weir_checkpoint(t, b, VIEW("{}"));
}

static void test_a_listener_that_fails_fails_the_pull(void **unused)
{
    (void)unused;
    rig r = {.refuse = WEIR_E_NOMEM};
    rig_open(&r, refused, 1, "");
    rig_expect(&r, WEIR_E_NOMEM, "opened\n");
    assert_string_equal(err_text(&r.e), "binding x/a: refused");
    rig_close(&r);
}

static weir_rc says_schema(weir_task *t, void *self, const weir_binding *b, size_t n)
{
    (void)self;
    (void)n;
    assert_int_equal(weir_sourced_schema(t, b, VIEW("{")), WEIR_E_BUG);
    weir_rc rc = weir_sourced_schema(t, b, VIEW("{\"type\":\"object\"}"));
    return rc ? rc : weir_checkpoint(t, b, VIEW("{}"));
}

static void test_sourced_schema(void **unused)
{
    (void)unused;
    rig r = {0};
    rig_open(&r, says_schema, 1, "");
    rig_expect(&r, WEIR_OK, "opened\nschema 0 {\"type\":\"object\"}\ncheckpoint merge {\"bindingStateV1\":{\"a\":{}}}\n");
    rig_close(&r);
}

/* ---- truncations, where the platform has no word for them ---- */

static weir_rc truncates_at_once(weir_task *t, void *self, const weir_binding *b, size_t n)
{
    (void)self;
    (void)n;
    weir_rc rc = weir_truncate(t, b);
    rc = rc ? rc : weir_emit(t, b, WEIR_UPSERT, VIEW("{\"x\":1}"));
    return rc ? rc : weir_checkpoint(t, b, VIEW("{\"n\":1}"));
}

static weir_rc truncates_late(weir_task *t, void *self, const weir_binding *b, size_t n)
{
    (void)self;
    (void)n;
    weir_rc rc = weir_emit(t, b, WEIR_UPSERT, VIEW("{\"x\":1}"));
    return rc ? rc : weir_truncate(t, b);
}

static weir_rc truncates_after_schema(weir_task *t, void *self, const weir_binding *b, size_t n)
{
    weir_rc rc = weir_sourced_schema(t, b, VIEW("{\"type\":\"object\",\"additionalProperties\":false}"));
    if (!rc)
        rc = weir_checkpoint_patch(t, NULL, VIEW("{}"));
    return rc ? rc : truncates_at_once(t, self, b, n);
}

/* Nothing can be out of date where nothing has come: neither documents nor a state, of the binding or of the task. */
static void test_truncation_of_nothing(void **unused)
{
    (void)unused;
    static const struct {
        rig_pull *pull;
        const char *state;
        weir_rc rc;
    } cases[] = {
        {truncates_at_once, "", WEIR_OK},
        {truncates_at_once, "{}", WEIR_OK},
        {truncates_at_once, "{\"bindingStateV1\":{\"b\":{\"n\":1}}}", WEIR_OK}, /* another one's */
        {truncates_at_once, "{\"bindingStateV1\":{\"a\":{\"n\":1}}}", WEIR_E_CONFIG},
        {truncates_at_once, "{\"cursor\":1}", WEIR_E_CONFIG},
        {truncates_after_schema, "", WEIR_OK},
        {truncates_late, "", WEIR_E_CONFIG},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rig r = {0};
        rig_open(&r, cases[i].pull, 1, cases[i].state);
        assert_int_equal(session_pull(r.s, &r.e), cases[i].rc);
        if (cases[i].rc)
            assert_non_null(strstr(err_text(&r.e), "x/a says that all its rows are out of date, and this platform has no word for it"));
        rig_close(&r);
    }
}

static weir_rc discovers(weir_task *t, void *self)
{
    (void)self;
    weir_stream s = {.name = VIEW("t"), .schema = VIEW("{}")};
    weir_rc rc = weir_discovered(t, &s);
    s.resource = VIEW("{\"stream\":\"x\",\"_meta\":{\"path\":[\"p\"]}}");
    if (!rc)
        rc = weir_discovered(t, &s);
    s.schema = VIEW("{");
    return rc ? rc : weir_discovered(t, &s);
}

static void test_discovery_fills_in(void **unused)
{
    (void)unused;
    rig r = {.capture = {.discover = discovers}};
    rig_open(&r, refused, 0, "");
    assert_int_equal(session_discover(r.s, &r.e), WEIR_E_BUG);
    assert_string_equal(buf_text(&r.said), "stream t {\"stream\":\"t\"} [\"t\"]\nstream t {\"stream\":\"x\",\"_meta\":{\"path\":[\"p\"]}} [\"p\"]\n");
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_documents_then_state),
        cmocka_unit_test(test_replace_becomes_patch),
        cmocka_unit_test(test_task_state_and_binding_state_agree),
        cmocka_unit_test(test_deletions_carry_their_op),
        cmocka_unit_test(test_rest_is_sealed),
        cmocka_unit_test(test_failure_drops_unsealed),
        cmocka_unit_test(test_bad_documents_and_states_are_refused),
        cmocka_unit_test(test_spills),
        cmocka_unit_test(test_too_large_a_document),
        cmocka_unit_test(test_a_listener_that_fails_fails_the_pull),
        cmocka_unit_test(test_sourced_schema),
        cmocka_unit_test(test_truncation_of_nothing),
        cmocka_unit_test(test_discovery_fills_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
