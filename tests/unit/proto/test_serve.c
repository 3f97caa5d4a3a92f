/* serve: being a Flow capture for a platform that acknowledges, stops, goes away or lies; several lanes at once. */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#include "json/patch.h"
#include "json/pointer.h"
#include "proto/flow/flow.h"
#include "proto/flow/stream.h"

/* ---- the platform ---- */

typedef struct platform {
    const weir_connector *c;
    int to[2], from[2], stop; /* pipes; eventfd in place of a signalfd */
    flow_stream in;
    pthread_t thread;
    weir_rc rc;
    err served, e;
} platform;

static void *serve(void *arg)
{
    platform *p = arg;
    p->rc = flow_serve(p->c, &(serve_options){.in = p->to[0], .out = p->from[1], .stop_fd = p->stop}, &(serve_end){0}, &p->served);
    close(p->from[1]);
    close(p->to[0]);
    return NULL;
}

static void start(platform *p, const weir_connector *c)
{
    *p = (platform){.c = c, .stop = -1};
    setenv("FLOW_RUNTIME_CODEC", "json", 1);
    assert_int_equal(pipe(p->to), 0);
    assert_int_equal(pipe(p->from), 0);
    assert_int_equal(flow_stream_init(&p->in, p->from[0], "json", "the connector", &p->e), WEIR_OK);
    assert_int_equal(pthread_create(&p->thread, NULL, serve, p), 0);
}

static void say(platform *p, const char *line)
{
    size_t n = strlen(line);
    assert_int_equal(write(p->to[1], line, n), (ssize_t)n);
}

static flow_message hear(platform *p, flow_kind kind)
{
    flow_message m;
    bool more;
    if (flow_stream_next(&p->in, FLOW_RESPONSE, &m, &more, &p->e))
        fail_msg("%s", err_text(&p->e));
    if (!more) {
        pthread_join(p->thread, NULL);
        fail_msg("it ended, '%s' was expected: %s", flow_kind_name(kind), err_text(&p->served));
    }
    assert_string_equal(flow_kind_name(m.kind), flow_kind_name(kind));
    return m;
}

static void hang_up(platform *p)
{
    close(p->to[1]);
    p->to[1] = -1;
}

/* Reads what is left and waits. @param says NULL: no error is expected */
static void end(platform *p, weir_rc rc, const char *says)
{
    flow_message m;
    bool more = true;
    while (more)
        assert_int_equal(flow_stream_next(&p->in, FLOW_RESPONSE, &m, &more, &p->e), WEIR_OK);
    pthread_join(p->thread, NULL);
    if (p->rc != rc || (says && !strstr(err_text(&p->served), says)))
        fail_msg("code %d, %s; expected %d, %s", p->rc, err_text(&p->served), rc, says ? says : "no error");
    if (p->to[1] >= 0)
        close(p->to[1]);
    close(p->from[0]);
    flow_stream_free(&p->in);
    err_free(&p->served);
}

static const char open_two[] =
    "{\"open\":{\"capture\":{\"name\":\"acme/queue\",\"config\":{},\"bindings\":["
    "{\"resourceConfig\":{\"s\":\"a\"},\"resourcePath\":[\"a\"],\"stateKey\":\"a\",\"collection\":{\"name\":\"acme/a\"}},"
    "{\"resourceConfig\":{\"s\":\"b\"},\"resourcePath\":[\"b\"],\"stateKey\":\"b\",\"collection\":{\"name\":\"acme/b\"}}]},"
    "\"state\":{\"bindingStateV1\":{\"b\":{\"k\":\"v\"}},\"own\":1}}}\n";

/* ---- a queue: it goes on only when the platform has acknowledged ---- */

typedef struct queue {
    int rounds;
    pthread_mutex_t lock;
    int acked_fd;    /* semaphore: acknowledged checkpoints */
    buf told;        /* what acked() was told */
} queue;

static queue the_queue;

static weir_rc nothing_to_discover(weir_task *t, void *self)
{
    (void)t;
    (void)self;
    return WEIR_OK;
}

/* @return false: stopped */
static bool wait_ack(weir_task *t)
{
    struct pollfd fds[2] = {{the_queue.acked_fd, POLLIN, 0}, {weir_stop_fd(t), POLLIN, 0}};
    uint64_t one;
    while (poll(fds, 2, -1) < 0)
        ;
    return fds[0].revents && read(the_queue.acked_fd, &one, sizeof one) == (ssize_t)sizeof one;
}

/* Each round: two checkpoints, one of binding 1 and one of the task, then both must be acknowledged. */
static weir_rc pull_queue(weir_task *t, void *self, const weir_binding *b, size_t n)
{
    (void)self;
    assert_int_equal(n, 2);
    assert_true(view_is(weir_state(t), "{\"bindingStateV1\":{\"b\":{\"k\":\"v\"}},\"own\":1}"));
    assert_true(view_is(b[1].state, "{\"k\":\"v\"}"));
    weir_rc rc = WEIR_OK;
    for (int i = 0; !rc && i < the_queue.rounds; i++) {
        rc = weir_emit(t, &b[0], WEIR_UPSERT, weir_format(t, "{\"i\":%d}", i));
        if (!rc)
            rc = weir_checkpoint(t, &b[1], weir_format(t, "{\"i\":%d}", i));
        if (!rc)
            rc = weir_checkpoint_patch(t, NULL, weir_format(t, "{\"own\":%d}", i));
        if (!rc && !(wait_ack(t) && wait_ack(t)))
            break;
    }
    return rc;
}

static weir_rc acked(weir_task *t, void *self, const weir_ack *acks, size_t count)
{
    uint64_t n = count;
    (void)t;
    (void)self;
    pthread_mutex_lock(&the_queue.lock);
    buf_printf(&the_queue.told, "[");
    for (size_t i = 0; i < count; i++)
        buf_printf(&the_queue.told, "%s:%.*s ", acks[i].binding ? "b" : "task", VIEW_ARG(acks[i].state));
    buf_printf(&the_queue.told, "]");
    pthread_mutex_unlock(&the_queue.lock);
    assert_int_equal(write(the_queue.acked_fd, &n, sizeof n), (ssize_t)sizeof n);
    return WEIR_OK;
}

static const weir_connector queued = {
    .abi = WEIR_ABI, .name = "source-queue", .version = "1", .config_schema = WEIR_LIT("{\"type\":\"object\"}"),
    .resource_schema = WEIR_LIT("{\"type\":\"object\"}"),
    .capture = &(const weir_capture){.discover = nothing_to_discover, .pull = pull_queue, .acked = acked, .all_in_one = true},
};

static void start_queue(platform *p, int rounds)
{
    the_queue = (queue){.rounds = rounds, .lock = PTHREAD_MUTEX_INITIALIZER, .acked_fd = eventfd(0, EFD_SEMAPHORE)};
    start(p, &queued);
    say(p, open_two);
    assert_true(view_is(hear(p, FLOW_OPENED).body, "{\"explicitAcknowledgements\":true}"));
}

static void hear_round(platform *p)
{
    hear(p, FLOW_CAPTURED);
    hear(p, FLOW_CHECKPOINT);
    hear(p, FLOW_CHECKPOINT);
}

static void end_queue(platform *p, weir_rc rc, const char *says, const char *told)
{
    end(p, rc, says);
    assert_string_equal(buf_text(&the_queue.told), told);
    buf_free(&the_queue.told);
    close(the_queue.acked_fd);
}

static void one_acknowledgement_each(void **state)
{
    (void)state;
    platform p;
    start_queue(&p, 2);
    hear_round(&p);
    say(&p, "{\"acknowledge\":{\"checkpoints\":1}}\n{\"acknowledge\":{\"checkpoints\":1}}\n");
    hear_round(&p);
    say(&p, "{\"acknowledge\":{\"checkpoints\":1}}\n");
    say(&p, "{\"acknowledge\":{\"checkpoints\":1}}\n");
    end_queue(&p, WEIR_OK, NULL,
              "[b:{\"i\":0} ][task:{\"own\":0} ][b:{\"i\":1} ][task:{\"own\":1} ]");
}

static void one_acknowledgement_for_many(void **state)
{
    (void)state;
    platform p;
    start_queue(&p, 1);
    hear_round(&p);
    say(&p, "{\"later\":{},\"acknowledge\":{\"checkpoints\":2,\"later\":1}}\n");
    end_queue(&p, WEIR_OK, NULL, "[b:{\"i\":0} task:{\"own\":0} ]");
}

static void acknowledgements_come_in_pieces(void **state)
{
    (void)state;
    platform p;
    start_queue(&p, 1);
    hear_round(&p);
    static const char message[] = "{\"acknowledge\":{\"checkpoints\":2}}\n";
    for (const char *c = message; *c; c++)
        say(&p, (char[]){*c, 0});
    end_queue(&p, WEIR_OK, NULL, "[b:{\"i\":0} task:{\"own\":0} ]");
}

static void wrong_acknowledgements(void **state)
{
    (void)state;
    static const struct { const char *line, *says; } cases[] = {
        {"{\"acknowledge\":{\"checkpoints\":0}}\n", "an acknowledgement of 0 checkpoints"},
        {"{\"acknowledge\":{}}\n", "an acknowledgement of 0 checkpoints"},
        {"{\"acknowledge\":{\"checkpoints\":3}}\n", "3 checkpoints acknowledged, but only 2 are outstanding"},
        {"{\"acknowledge\":{\"checkpoints\":18446744073709551615}}\n", "but only 2 are outstanding"},
        {"{\"acknowledge\":{\"checkpoints\":-1}}\n", "acknowledge.checkpoints is not a count: -1"},
        {"{\"acknowledge\":{\"checkpoints\":\"2\"}}\n", "acknowledge.checkpoints is not a count"},
        {"{\"acknowledge\":2}\n", "standard input: expected an object at byte 15"},
        {"{\"spec\":{}}\n", "a 'spec' request while capturing"},
        {"{\"open\":{}}\n", "a 'open' request while capturing"},
        {"rubbish\n", "standard input: expected an object at byte 0"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        platform p;
        start_queue(&p, 2);
        hear_round(&p);
        say(&p, cases[i].line);
        end_queue(&p, WEIR_E_PROTOCOL, cases[i].says, "");
    }
}

static void half_an_acknowledgement(void **state)
{
    (void)state;
    platform p;
    start_queue(&p, 2);
    hear_round(&p);
    say(&p, "{\"acknowledge\":{\"check");
    hang_up(&p);
    end_queue(&p, WEIR_E_PROTOCOL, "standard input ends inside a line", "");
}

/* The platform may close its end early: what was acknowledged counts, and the capture goes on until it is told to stop. */
static void the_platform_says_no_more(void **state)
{
    (void)state;
    platform p;
    start_queue(&p, 1);
    hear_round(&p);
    say(&p, "{\"acknowledge\":{\"checkpoints\":2}}\n");
    hang_up(&p);
    end_queue(&p, WEIR_OK, NULL, "[b:{\"i\":0} task:{\"own\":0} ]");
}

static void nothing_may_come_before_opened(void **state)
{
    (void)state;
    platform p;
    buf both = {0};
    the_queue = (queue){.rounds = 1, .acked_fd = -1};
    buf_printf(&both, "%s{\"acknowledge\":{\"checkpoints\":1}}\n", open_two);
    start(&p, &queued);
    say(&p, buf_text(&both));
    end(&p, WEIR_E_PROTOCOL, "open: a request before Opened");
    buf_free(&both);
}

/* ---- lanes ---- */

enum { LANES = 4, CHECKPOINTS = 60 };

/* Some transactions fit into a lane, some do not. */
static int documents_of(uint32_t binding, int transaction)
{
    return (transaction + (int)binding) % 7 == 0 ? 400 : (transaction * 5 + (int)binding) % 9;
}

static weir_rc pull_lane(weir_task *t, void *self, const weir_binding *b, size_t n)
{
    (void)self;
    assert_int_equal(n, 1);
    static const char filler[1000] = "filler";
    weir_rc rc = WEIR_OK;
    for (int c = 0; !rc && c < CHECKPOINTS; c++) {
        for (int d = 0; !rc && d < documents_of(b->index, c); d++)
            rc = weir_emit(t, b, WEIR_UPSERT, weir_format(t, "{\"c\":%d,\"d\":%d,\"f\":\"%0*d%s\"}", c, d, 900, 0, filler));
        if (!rc)
            rc = weir_checkpoint(t, b, weir_format(t, "{\"c\":%d}", c));
    }
    return rc;
}

static const weir_connector lanes = {
    .abi = WEIR_ABI, .name = "source-lanes", .version = "1", .config_schema = WEIR_LIT("{\"type\":\"object\"}"),
    .resource_schema = WEIR_LIT("{\"type\":\"object\"}"),
    .capture = &(const weir_capture){.discover = nothing_to_discover, .pull = pull_lane, .lanes = LANES},
};

static uint32_t lane_of_state(weir_view state)
{
    for (uint32_t i = 0; i < LANES; i++)
        if (pointer_find(state, (weir_view){(const char *[]){"/bindingStateV1/0", "/bindingStateV1/1", "/bindingStateV1/2", "/bindingStateV1/3"}[i], 17}).len)
            return i;
    fail_msg("whose state is %.*s?", VIEW_ARG(state));
    return 0;
}

/* Documents and the checkpoint that seals them stay together, whatever the other lanes do. */
static void lanes_do_not_mix(void **state)
{
    (void)state;
    platform p;
    buf open = {0};
    buf_adds(&open, "{\"open\":{\"capture\":{\"name\":\"acme/lanes\",\"config\":{},\"bindings\":[");
    for (int i = 0; i < LANES; i++)
        buf_printf(&open, "%s{\"resourceConfig\":{},\"resourcePath\":[\"%d\"],\"stateKey\":\"%d\",\"collection\":{\"name\":\"a/%d\"}}", i ? "," : "", i, i, i);
    buf_adds(&open, "]}}}\n");
    start(&p, &lanes);
    say(&p, buf_text(&open));
    assert_true(view_is(hear(&p, FLOW_OPENED).body, "{}"));
    int done[LANES] = {0};
    for (int seen = 0; seen < LANES * CHECKPOINTS; seen++) {
        int64_t binding = -1;
        int documents = 0;
        flow_message m;
        bool more;
        for (;; documents++) {
            assert_int_equal(flow_stream_next(&p.in, FLOW_RESPONSE, &m, &more, &p.e), WEIR_OK);
            assert_true(more);
            if (m.kind != FLOW_CAPTURED)
                break;
            assert_true(binding < 0 || binding == m.binding);
            binding = m.binding;
            assert_int_equal(weir_json_int(m.doc, "/c", -1), done[binding]);
            assert_int_equal(weir_json_int(m.doc, "/d", -1), documents);
        }
        assert_int_equal(m.kind, FLOW_CHECKPOINT);
        assert_true(m.merge);
        uint32_t of = lane_of_state(m.state);
        assert_true(binding < 0 || binding == of);
        assert_int_equal(documents, documents_of(of, done[of]));
        done[of]++;
    }
    end(&p, WEIR_OK, NULL);
    buf_free(&open);
}

/* ---- how it ends ---- */

static weir_rc pull_rest(weir_task *t, void *self, const weir_binding *b, size_t n)
{
    (void)self;
    (void)n;
    return weir_emit(t, b, WEIR_UPSERT, VIEW("{\"last\":true}"));
}

static const weir_connector resting = {
    .abi = WEIR_ABI, .name = "source-rest", .version = "1", .config_schema = WEIR_LIT("{}"), .resource_schema = WEIR_LIT("{}"),
    .capture = &(const weir_capture){.discover = nothing_to_discover, .pull = pull_rest, .all_in_one = true},
};

/* A pull that ends without a checkpoint: its documents are sealed with the state as it is. */
static void documents_at_the_end_are_sealed(void **state)
{
    (void)state;
    platform p;
    start(&p, &resting);
    say(&p, open_two);
    hear(&p, FLOW_OPENED);
    assert_true(view_is(hear(&p, FLOW_CAPTURED).doc, "{\"last\":true}"));
    flow_message m = hear(&p, FLOW_CHECKPOINT);
    assert_true(m.merge && view_is(m.state, "{}"));
    end(&p, WEIR_OK, NULL);
}

static weir_rc pull_and_fail(weir_task *t, void *self, const weir_binding *b, size_t n)
{
    (void)self;
    (void)n;
    weir_rc rc = weir_emit(t, b, WEIR_UPSERT, VIEW("{\"kept\":true}"));
    if (!rc)
        rc = weir_checkpoint(t, b, VIEW("{}"));
    if (!rc)
        rc = weir_emit(t, b, WEIR_UPSERT, VIEW("{\"lost\":true}"));
    return rc ? rc : weir_wrap(t, weir_fail(t, WEIR_E_TRANSIENT, "status %d", 503), "GET /v1/a");
}

static const weir_connector failing = {
    .abi = WEIR_ABI, .name = "source-failing", .version = "1", .config_schema = WEIR_LIT("{}"), .resource_schema = WEIR_LIT("{}"),
    .capture = &(const weir_capture){.discover = nothing_to_discover, .pull = pull_and_fail},
};

static void a_failure_drops_what_is_not_sealed(void **state)
{
    (void)state;
    platform p;
    start(&p, &failing);
    say(&p, open_two);
    hear(&p, FLOW_OPENED);
    assert_true(view_is(hear(&p, FLOW_CAPTURED).doc, "{\"kept\":true}"));
    hear(&p, FLOW_CHECKPOINT);
    bool more;
    flow_message m;
    assert_int_equal(flow_stream_next(&p.in, FLOW_RESPONSE, &m, &more, &p.e), WEIR_OK);
    assert_false(more);
    end(&p, WEIR_E_TRANSIENT, "open: binding acme/a: GET /v1/a: status 503");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_acknowledgement_each),
        cmocka_unit_test(one_acknowledgement_for_many),
        cmocka_unit_test(acknowledgements_come_in_pieces),
        cmocka_unit_test(wrong_acknowledgements),
        cmocka_unit_test(half_an_acknowledgement),
        cmocka_unit_test(the_platform_says_no_more),
        cmocka_unit_test(nothing_may_come_before_opened),
        cmocka_unit_test(lanes_do_not_mix),
        cmocka_unit_test(documents_at_the_end_are_sealed),
        cmocka_unit_test(a_failure_drops_what_is_not_sealed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
