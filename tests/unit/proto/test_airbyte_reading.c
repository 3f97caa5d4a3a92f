/* A read as Airbyte sees it, line by line: whatever a connector does and however many lanes it has, each STATE counts the records of its stream since the
 * one before, covers no document behind it, and every stream has one last status after its last line (docs/protocols/airbyte.md 2.3, 3.1, 3.2). */
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/io.h"
#include "json/number.h"
#include "json/pointer.h"
#include "json/tree.h"
#include "json/patch.h"
#include "model/state.h"
#include "proto/airbyte/airbyte.h"
#include "proto/airbyte/catalog.h"
#include "proto/airbyte/reading.h"

enum { STREAMS = 6 };

/* What the connector is to do; the same for every stream but for its seed. */
typedef struct script {
    uint64_t seed;
    unsigned lanes;
    bool together;          /* one pull for all */
    bool task_state;        /* checkpoints of the task */
    bool shared;            /* which hold more than the parts of bindings, from the middle on */
    bool bursts;            /* checkpoints come one upon the other, then not for long */
    int64_t documents;      /* of a stream */
    unsigned every;         /* a checkpoint after so many, more or less */
    size_t size;            /* of a document, at most */
    size_t state_size;
    int fails;              /* the stream that does; -1: none */
    weir_rc failure;
    bool rest;              /* the last documents get no checkpoint */
} script;

static script plan; /* of the connector in this process */

static const weir_field resource[] = {{.name = "stream", .type = WEIR_TEXT, .flags = WEIR_PATH, .help = "which"}, {0}};

static weir_rc discover(weir_task *t, void *self)
{
    static const char *const names[STREAMS] = {"s0", "s1", "s2", "s3", "s4", "s5"};
    (void)self;
    for (size_t i = 0; i < STREAMS; i++) {
        const weir_stream s = {.name = view_of(names[i]), .schema = VIEW("{\"type\":\"object\",\"properties\":{\"n\":{}}}"), .key = VIEW("[\"/n\"]")};
        weir_rc rc = weir_discovered(t, &s);
        if (rc)
            return rc;
    }
    return WEIR_OK;
}

static uint64_t next(uint64_t *x)
{
    *x ^= *x << 13;
    *x ^= *x >> 7;
    *x ^= *x << 17;
    return *x;
}

static weir_rc emit(weir_task *t, const weir_binding *b, int64_t n, uint64_t *x)
{
    const size_t pad = plan.size ? next(x) % plan.size : 0;
    return weir_emit(t, b, WEIR_UPSERT, weir_format(t, "{\"n\":%" PRId64 ",\"pad\":\"%0*d\"}", n, (int)pad + 1, 0));
}

static weir_rc seal(weir_task *t, const weir_binding *b, int64_t n)
{
    weir_view state = weir_format(t, "{\"n\":%" PRId64 ",\"pad\":\"%0*d\"}", n, (int)plan.state_size + 1, 0);
    if (!plan.task_state)
        return weir_checkpoint(t, b, state);
    return weir_checkpoint_patch(t, NULL, weir_format(t, "{%s\"bindingStateV1\":{\"%.*s\":%.*s}}", plan.shared && n > plan.documents / 2 ? "\"lsn\":1," : "",
                                                      VIEW_ARG(b->state_key), VIEW_ARG(state)));
}

static unsigned pause_after(uint64_t *x, unsigned *turn)
{
    return plan.bursts ? (unsigned[]){1, 1, plan.every}[(*turn)++ % 3] + 1 : (unsigned)(next(x) % plan.every) + 2;
}

static weir_rc pull_one(weir_task *t, const weir_binding *b)
{
    uint64_t x = plan.seed * 0x9e3779b97f4a7c15 + b->index + 1;
    int64_t n = weir_json_int(b->state, "/n", 0);
    unsigned turn = 0;
    for (unsigned due = 1; n < plan.documents && !weir_stopping(t); due--) {
        weir_rc rc = emit(t, b, n++, &x);
        if (!rc && (int)b->index == plan.fails && n > plan.documents / 2)
            return weir_fail(t, plan.failure, "row %" PRId64 " is spoiled", n);
        if (!rc && due == 1 && !(plan.rest && n > plan.documents - 5))
            rc = seal(t, b, n);
        if (rc)
            return rc;
        due = due == 1 ? pause_after(&x, &turn) : due;
    }
    return plan.rest ? WEIR_OK : seal(t, b, n);
}

static weir_rc pull(weir_task *t, void *self, const weir_binding *b, size_t count)
{
    (void)self;
    for (size_t i = 0; i < count; i++) {
        weir_rc rc = pull_one(t, &b[i]);
        if (rc)
            return rc;
    }
    return WEIR_OK;
}

/* ---- the platform ---- */

typedef struct seen {
    int64_t records, since; /* in all; since its last STATE */
    int64_t covered;        /* what its last STATE says: n */
    size_t states;
    bool started, running, ended, complete, error;
} seen;

typedef struct platform {
    seen s[STREAMS];
    int64_t since; /* records that no state has covered */
    size_t globals;
    int out[2];
    char *text;
    size_t len, room;
    pthread_t reader;
    const weir_connector *c;
    char state[64];
} platform;

static void *read_all(void *arg)
{
    platform *p = arg;
    for (ssize_t n = 1; n > 0;) {
        if (p->room - p->len < 65536) {
            p->room = p->room * 2 + (1 << 20);
            p->text = realloc(p->text, p->room);
            assert_non_null(p->text);
        }
        n = read(p->out[0], p->text + p->len, p->room - p->len);
        p->len += n > 0 ? (size_t)n : 0;
    }
    return NULL;
}

static seen *of(platform *p, weir_view name)
{
    assert_int_equal(name.len, 2);
    assert_true(name.ptr[0] == 's' && name.ptr[1] >= '0' && name.ptr[1] < '0' + STREAMS);
    return &p->s[name.ptr[1] - '0'];
}

static int64_t integer(const tree *t)
{
    int64_t n = -1;
    assert_true(t && number_to_i64(t->text, &n));
    return n;
}

static void hear_record(platform *p, const tree *m)
{
    seen *s = of(p, tree_text(m, "stream"));
    assert_true(s->running && !s->ended);
    assert_int_equal(integer(tree_at(m, VIEW("/data/n"))), s->records); /* each once, in order */
    assert_int_equal(tree_get(m, "emitted_at")->text.len, 13);
    s->records++;
    s->since++;
    p->since++;
}

static void hear_stream_state(seen *s, const tree *m)
{
    const tree *n = tree_at(m, VIEW("/stream_state/n"));
    assert_true(s->started && !s->ended);
    s->states++;
    if (!n)
        return;
    assert_true(integer(n) <= s->records); /* never ahead of the records */
    assert_true(integer(n) >= s->covered);
    s->covered = integer(n);
}

static void hear_state(platform *p, const tree *m)
{
    const weir_view count = tree_at(m, VIEW("/sourceStats/recordCount"))->text;
    assert_true(view_ends(count, VIEW(".0")));
    if (view_is(tree_text(m, "type"), "STREAM")) {
        assert_int_equal(p->globals, 0);
        seen *s = of(p, tree_text(tree_at(m, VIEW("/stream/stream_descriptor")), "name"));
        hear_stream_state(s, tree_get(m, "stream"));
        assert_int_equal(integer(tree_at(m, VIEW("/sourceStats/recordCount"))), s->since);
        p->since -= s->since;
        s->since = 0;
        return;
    }
    p->globals++;
    assert_int_equal(integer(tree_at(m, VIEW("/sourceStats/recordCount"))), p->since);
    p->since = 0;
    for (const tree *t = tree_at(m, VIEW("/global/stream_states"))->first; t; t = t->next) {
        seen *s = of(p, tree_text(tree_get(t, "stream_descriptor"), "name"));
        assert_true(integer(tree_at(t, VIEW("/stream_state/n"))) <= s->records);
        s->covered = integer(tree_at(t, VIEW("/stream_state/n")));
        s->since = 0;
    }
}

static void hear_status(platform *p, const tree *m)
{
    seen *s = of(p, tree_text(tree_get(m, "stream_descriptor"), "name"));
    weir_view word = tree_text(m, "status");
    assert_false(s->ended);
    if (view_is(word, "STARTED")) {
        assert_false(s->started);
        s->started = true;
    } else if (view_is(word, "RUNNING")) {
        assert_true(s->started && !s->running);
        s->running = true;
    } else {
        s->ended = true;
        s->complete = view_is(word, "COMPLETE");
        assert_true(s->complete || view_is(word, "INCOMPLETE"));
    }
}

static void hear(platform *p, weir_view line)
{
    arena a = {0};
    err e = {0};
    tree *m;
    if (tree_parse(&a, line, NULL, WEIR_E_BUG, &m, &e))
        fail_msg("%.*s: %s", VIEW_ARG(line), err_text(&e));
    weir_view type = tree_text(m, "type");
    const tree *trace = tree_get(m, "trace");
    if (view_is(type, "RECORD"))
        hear_record(p, tree_get(m, "record"));
    else if (view_is(type, "STATE"))
        hear_state(p, tree_get(m, "state"));
    else if (view_is(tree_text(trace, "type"), "STREAM_STATUS"))
        hear_status(p, tree_get(trace, "stream_status"));
    else if (view_is(tree_text(trace, "type"), "ERROR") && tree_at(trace, VIEW("/error/stream_descriptor")))
        of(p, tree_at(trace, VIEW("/error/stream_descriptor/name"))->text)->error = true;
    arena_free(&a);
}

static void put_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

/* Runs `read` and listens to all of it. @return exit status */
static int run(platform *p)
{
    static const weir_connector rig = {.abi = WEIR_ABI, .name = "source-rig", .version = "1", .resource = resource, .resource_size = sizeof(const char *)};
    weir_capture capture = {.discover = discover, .pull = pull, .lanes = plan.lanes, .all_in_one = plan.together};
    weir_connector c = rig;
    char folder[] = "/tmp/weir-reading-XXXXXX", config[64], catalog[64];
    c.capture = &capture;
    assert_non_null(mkdtemp(folder));
    snprintf(config, sizeof config, "%s/config", folder);
    snprintf(catalog, sizeof catalog, "%s/catalog", folder);
    put_file(config, "{}");
    buf text = {0};
    buf_adds(&text, "{\"streams\":[");
    for (int i = 0; i < STREAMS; i++)
        buf_printf(&text, "%s{\"stream\":{\"name\":\"s%d\"},\"sync_mode\":\"incremental\"}", i ? "," : "", i);
    buf_adds(&text, "]}");
    put_file(catalog, buf_text(&text));
    buf_free(&text);

    char read[] = "read", config_flag[] = "--config", catalog_flag[] = "--catalog";
    char *args[] = {read, config_flag, config, catalog_flag, catalog};
    log_sink *log = log_open(2);
    serve_end end = {.status = -1};
    err e = {0};
    log_set_level(log, WEIR_ERROR);
    assert_int_equal(pipe2(p->out, O_CLOEXEC), 0);
    assert_int_equal(pthread_create(&p->reader, NULL, read_all, p), 0);
    (void)airbyte_serve(&c, &(serve_options){.in = -1, .out = p->out[1], .log = log, .stop_fd = -1, .program = "source-rig", .args = args, .arg_count = 5},
                        &end, &e);
    close(p->out[1]);
    pthread_join(p->reader, NULL);
    close(p->out[0]);
    log_close(log);
    err_free(&e);
    unlink(config);
    unlink(catalog);
    rmdir(folder);
    for (weir_view rest = {p->text, p->len}; rest.len;) {
        const char *nl = memchr(rest.ptr, '\n', rest.len);
        assert_non_null(nl);
        hear(p, (weir_view){rest.ptr, (size_t)(nl - rest.ptr)});
        rest = view_from(rest, (size_t)(nl - rest.ptr) + 1);
    }
    free(p->text);
    return end.status;
}

static void expect_whole(platform *p)
{
    for (size_t i = 0; i < STREAMS; i++) {
        const seen *s = &p->s[i];
        assert_true(s->started && s->ended && s->complete);
        assert_int_equal(s->running, s->records > 0);
        assert_int_equal(s->records, plan.documents);
        assert_int_equal(s->since, 0); /* all of them are counted */
        assert_true(s->states > 0 || p->globals > 0);
    }
}

/* Random plans; what goes wrong names its number. */
static void counts_add_up(void **state)
{
    (void)state;
    enum { PLANS = 60 };
    for (uint64_t seed = 1; seed <= PLANS; seed++) {
        uint64_t x = seed * 0xd1b54a32d192ed03;
        next(&x);
        plan = (script){
            .seed = seed, .lanes = (unsigned)(next(&x) % 4), .together = next(&x) % 4 == 0, .documents = (int64_t)(next(&x) % 3000),
            .every = (unsigned[]){1, 3, 50, 5000}[next(&x) % 4], .size = (size_t[]){0, 20, 400, 2000}[next(&x) % 4],
            .state_size = (size_t[]){0, 30, 30000}[next(&x) % 3], .fails = -1, .rest = next(&x) % 3 == 0, .bursts = next(&x) % 4 == 0,
        };
        if (seed % 8 == 0) { /* states wait while documents go out before their checkpoint */
            plan.bursts = true;
            plan.every = 1000;
            plan.size = 2000;
            plan.state_size = 30000;
        }
        if (plan.state_size > 1000 && plan.every < 50)
            plan.every = 50;
        plan.task_state = plan.together && next(&x) % 2;
        plan.shared = plan.task_state && next(&x) % 2;
        platform p = {0};
        print_message("plan %" PRIu64 ": %u lanes%s%s%s, %" PRId64 " documents of %zu, states of %zu each %u\n", seed, plan.lanes,
                      plan.together ? " together" : "", plan.shared ? " shared" : plan.task_state ? " task" : "", plan.bursts ? " bursts" : "",
                      plan.documents, plan.size, plan.state_size, plan.every);
        assert_int_equal(run(&p), 0);
        expect_whole(&p);
        assert_int_equal(p.globals > 0, plan.shared && plan.documents > 1);
    }
}

static void one_failure_does_not_stop_the_others(void **state)
{
    (void)state;
    static const weir_rc codes[] = {WEIR_E_CONFIG, WEIR_E_TRANSIENT, WEIR_E_REMOTE, WEIR_E_PROTOCOL};
    for (size_t k = 0; k < 4; k++)
        for (unsigned lanes = 1; lanes <= 3; lanes += 2)
            for (unsigned every = 3; every <= 30000; every *= 100) { /* at times it fails after documents have gone out without a checkpoint */
                plan = (script){.seed = 7 + k, .lanes = lanes, .documents = 4000, .every = every, .size = 400, .state_size = 30, .fails = 2, .failure = codes[k]};
                platform p = {0};
                assert_int_equal(run(&p), 1);
                for (size_t i = 0; i < STREAMS; i++) {
                    const seen *s = &p.s[i];
                    assert_true(s->started && s->ended);
                    assert_int_equal(s->complete, i != 2);
                    assert_int_equal(s->error, i == 2);
                    assert_true(s->records == plan.documents || (i == 2 && s->records < plan.documents / 2 + 2));
                }
            }
}

static void a_bug_stops_everything_but_not_without_statuses(void **state)
{
    (void)state;
    for (unsigned together = 0; together < 2; together++) {
        plan = (script){.seed = 3, .lanes = 1, .together = together, .documents = 100, .every = 3, .size = 20, .fails = 1, .failure = WEIR_E_BUG};
        platform p = {0};
        assert_int_equal(run(&p), 1);
        for (size_t i = 0; i < STREAMS; i++) {
            assert_true(p.s[i].ended);
            assert_int_equal(p.s[i].complete, i == 0 && !together);
            assert_int_equal(p.s[i].started, i <= 1 || together);
        }
    }
}

/* ---- by hand ---- */

typedef struct hand {
    reading r;
    airbyte_part part;
    reading_stream stream;
    weir_binding b;
    outlet o;
    lane ln;
    arena a;
    buf out;
} hand;

static void hand_open(hand *h)
{
    *h = (hand){.part = {.name = VIEW("s0"), .descriptor = VIEW("{\"name\":\"s0\"}"), .key = VIEW("s0")}};
    h->stream.part = &h->part;
    h->r.streams = &h->stream;
    h->r.count = 1;
    assert_true(airbyte_states_init(&h->r.states, &h->part, 1));
    airbyte_reading_init(&h->r);
    h->ln.outlets = &h->o;
    h->o.to = &h->ln.shared;
    assert_true(h->r.framing.outlet(&h->r.framing, &h->a, &h->b, &h->o));
}

static void hand_close(hand *h)
{
    airbyte_states_free(&h->r.states);
    buf_free(&h->ln.shared);
    buf_free(&h->out);
    arena_free(&h->a);
}

static void hand_emit(hand *h, const char *doc)
{
    buf *to = &h->ln.shared;
    const size_t start = to->len;
    buf_addv(to, h->o.prefix);
    buf_adds(to, doc);
    buf_addv(to, h->o.suffix);
    h->o.finish(&h->o, start);
}

static void hand_seal_patch(hand *h, weir_view patch)
{
    buf state = {0};
    state_patch(&state, VIEW("s0"), patch);
    buf_clear(&h->ln.shared);
    h->r.framing.checkpoint(&h->r.framing, &h->out, &h->ln, &(checkpoint){.binding = &h->b, .state = buf_view(&state), .merge = true});
    buf_free(&state);
}

/* With what makes this of the state before. */
static void hand_seal(hand *h, const char *state)
{
    buf patch = {0};
    assert_true(patch_diff(&patch, buf_view(&h->part.state), view_of(state)));
    hand_seal_patch(h, buf_view(&patch));
    buf_free(&patch);
}

static const char *settled(hand *h)
{
    buf_clear(&h->out);
    h->r.framing.settle(&h->r.framing, &h->out);
    return buf_text(&h->out);
}

#define LARGE(n) "{\"n\":" n ",\"pad\":\"0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789\"}"
#define STATE(s, n) \
    "{\"type\":\"STATE\",\"state\":{\"type\":\"STREAM\",\"stream\":{\"stream_descriptor\":{\"name\":\"s0\"},\"stream_state\":" s "}," \
    "\"sourceStats\":{\"recordCount\":" n "}}}\n"

/* Records of a lane that go out before their checkpoint are not among those that the states until then have counted. */
static void what_waits_goes_out_before_documents_without_a_checkpoint(void **state)
{
    (void)state;
    hand h;
    hand_open(&h);
    hand_emit(&h, "{}");
    hand_seal(&h, LARGE("1"));
    assert_string_equal(settled(&h), STATE(LARGE("1"), "1.0"));
    hand_emit(&h, "{}");
    hand_seal(&h, LARGE("2"));
    assert_string_equal(settled(&h), "");
    assert_true(h.r.framing.holds(&h.r.framing));
    hand_emit(&h, "{}");
    hand_emit(&h, "{}");
    h.r.framing.spill(&h.r.framing, &h.ln);
    assert_string_equal(settled(&h), STATE(LARGE("2"), "1.0"));
    buf_clear(&h.ln.shared);
    assert_string_equal(settled(&h), "");
    hand_emit(&h, "{}");
    hand_seal(&h, "{}");
    assert_string_equal(settled(&h), STATE("{}", "3.0"));
    hand_close(&h);
}

/* Lanes may share a binding: a STATE holds what the sealed checkpoints say, and nothing of one that is still on its way. */
static void lanes_that_share_a_binding_tell_what_they_sealed(void **state)
{
    (void)state;
    hand h;
    hand_open(&h);
    hand_emit(&h, "{}");
    hand_seal_patch(&h, VIEW("{\"b\":2}"));
    assert_string_equal(settled(&h), STATE("{\"b\":2}", "1.0"));
    hand_emit(&h, "{}");
    hand_seal_patch(&h, VIEW("{\"a\":1,\"gone\":null}"));
    assert_string_equal(settled(&h), STATE("{\"b\":2,\"a\":1}", "1.0"));
    hand_close(&h);
}

/* A stream that fails leaves records on the wire that no state of its own covers; a GLOBAL one that follows counts them. */
static void what_failed_is_counted_as_far_as_it_went_out(void **state)
{
    (void)state;
    hand h;
    err e = {0};
    hand_open(&h);
    hand_emit(&h, "{}");
    hand_emit(&h, "{}");
    h.r.framing.spill(&h.r.framing, &h.ln);
    buf_clear(&h.ln.shared);
    hand_emit(&h, "{}");
    err_fail(&e, WEIR_E_REMOTE, "spoiled");
    assert_int_equal(h.r.framing.end(&h.r.framing, &h.out, &h.ln, &h.b, WEIR_E_REMOTE, &e), WEIR_OK);
    assert_int_equal(h.r.states.records, 2);
    assert_int_equal(h.stream.records, 2);
    assert_int_equal(h.r.failed, 1);
    assert_null(strstr(buf_text(&h.out), "\"STATE\""));
    err_free(&e);
    hand_close(&h);
}

/* One line that is this JSON, once its time is checked and taken out. */
static void expect_line(hand *h, const char *json)
{
    weir_view line = buf_view(&h->out), at;
    const char *mark = strstr(buf_text(&h->out), "\"emitted_at\":");
    buf left = {0};
    int64_t ms = 0;
    assert_int_equal(line.ptr[line.len - 1], '\n');
    assert_null(memchr(line.ptr, '\n', line.len - 1));
    assert_non_null(mark);
    at = view_from(line, (size_t)(mark - line.ptr) + strlen("\"emitted_at\":"));
    at.len = strspn(at.ptr, "0123456789");
    assert_true(number_to_i64(at, &ms) && ms > 1600000000000 && ms <= airbyte_now());
    buf_add(&left, line.ptr, (size_t)(mark - line.ptr));
    buf_adds(&left, at.ptr[at.len] == ',' ? at.ptr + at.len + 1 : at.ptr + at.len);
    if (left.len && strcmp(buf_text(&left), json) != 0)
        fail_msg("%s", buf_text(&left));
    buf_free(&left);
    buf_clear(&h->out);
}

static void estimates_and_settings(void **state)
{
    (void)state;
    hand h;
    hand_open(&h);
    h.part.name_space = VIEW("public");
    h.r.framing.estimate(&h.r.framing, &h.out, &h.b, 5, 2250);
    expect_line(&h, "{\"type\":\"TRACE\",\"trace\":{\"type\":\"ESTIMATE\",\"estimate\":{\"name\":\"s0\",\"namespace\":\"public\",\"type\":\"STREAM\","
                    "\"row_estimate\":5,\"byte_estimate\":2250}}}\n");
    h.r.framing.estimate(&h.r.framing, &h.out, &h.b, 0, 7);
    expect_line(&h, "{\"type\":\"TRACE\",\"trace\":{\"type\":\"ESTIMATE\",\"estimate\":{\"name\":\"s0\",\"namespace\":\"public\",\"type\":\"STREAM\","
                    "\"byte_estimate\":7}}}\n");
    h.r.framing.config(&h.r.framing, &h.out, VIEW("{\n \"token\": \"new\"\n}"));
    expect_line(&h, "{\"type\":\"CONTROL\",\"control\":{\"type\":\"CONNECTOR_CONFIG\",\"connectorConfig\":{\"config\":{\"token\":\"new\"}}}}\n");
    hand_close(&h);
}

static void names_that_need_quoting_and_namespaces(void **state)
{
    (void)state;
    hand h;
    hand_open(&h);
    h.part.name = VIEW("a \"b\"\n\xf0\x9f\x9a\x80");
    h.part.name_space = VIEW("n/s");
    assert_true(h.r.framing.outlet(&h.r.framing, &h.a, &h.b, &h.o));
    atomic_store(&h.stream.running, true);
    hand_emit(&h, "{}");
    buf_addv(&h.out, buf_view(&h.ln.shared));
    expect_line(&h, "{\"type\":\"RECORD\",\"record\":{\"stream\":\"a \\\"b\\\"\\n\xf0\x9f\x9a\x80\",\"namespace\":\"n/s\",\"data\":{},}}\n");
    hand_close(&h);
}

static void a_deletion_that_the_connector_tells(void **state)
{
    (void)state;
    hand h;
    buf doc = {0};
    hand_open(&h);
    assert_true(h.o.mark(&h.o, WEIR_DELETE, VIEW("{\"id\":1,\"_ab_cdc_deleted_at\":null}"), &doc));
    weir_view at = pointer_find(buf_view(&doc), VIEW("/_ab_cdc_deleted_at"));
    assert_true(view_starts(at, VIEW("\"20")) && view_ends(at, VIEW("Z\"")));
    assert_true(view_is(pointer_find(buf_view(&doc), VIEW("/id")), "1"));
    buf_free(&doc);
    hand_close(&h);
}

static void expect_record(const char *doc, bool row_id, bool deletes, const char *left, bool deleted)
{
    hand h;
    arena a = {0};
    err e = {0};
    tree *m;
    hand_open(&h);
    h.stream.row_id = row_id;
    h.stream.deletes = deletes;
    atomic_store(&h.stream.running, true);
    hand_emit(&h, doc);
    hand_emit(&h, "{\"next\":1}");
    weir_view line = buf_view(&h.ln.shared);
    line.len = (size_t)((char *)memchr(line.ptr, '\n', line.len) - line.ptr);
    if (tree_parse(&a, line, NULL, WEIR_E_BUG, &m, &e))
        fail_msg("%.*s: %s", VIEW_ARG(line), err_text(&e));
    const tree *data = tree_at(m, VIEW("/record/data")), *at = tree_get(data, AIRBYTE_DELETED_AT);
    assert_int_equal(at != NULL, deleted);
    assert_true(!at || (at->text.len == strlen("2026-01-01T00:00:00.000Z") || at->text.len == strlen("2026-01-01T00:00:00Z")));
    const tree *emitted = tree_at(m, VIEW("/record/emitted_at"));
    int64_t ms = 0;
    assert_true(emitted && number_to_i64(emitted->text, &ms) && ms > 1600000000000 && ms <= airbyte_now());
    if (!deleted && !view_is(data->raw, left))
        fail_msg("%.*s", VIEW_ARG(data->raw));
    if (deleted && !view_starts(data->raw, view_of(left)))
        fail_msg("%.*s", VIEW_ARG(data->raw));
    arena_free(&a);
    hand_close(&h);
}

static void documents_lose_what_flow_added(void **state)
{
    (void)state;
    expect_record("{\"a\":1}", false, false, "{\"a\":1}", false);
    expect_record("{\"_meta\":{\"row_id\":7},\"a\":1}", false, false, "{\"_meta\":{\"row_id\":7},\"a\":1}", false);
    expect_record("{\"_meta\":{\"row_id\":7},\"a\":1}", true, false, "{\"a\":1}", false);
    expect_record("{\"a\":1,\"_meta\":{\"row_id\":7,\"op\":\"u\"}}", false, true, "{\"a\":1,\"_meta\":{\"row_id\":7,\"op\":\"u\"}}", false);
    expect_record("{\"a\":1,\"_meta\":{\"op\":\"d\"}}", false, true, "{\"a\":1,\"_meta\":{\"op\":\"d\"},\"_ab_cdc_deleted_at\":\"20", true);
    expect_record("{\"_meta\":{\"op\":\"d\"}}", false, true, "{\"_meta\":{\"op\":\"d\"},\"_ab_cdc_deleted_at\":\"20", true);
    expect_record("{\"_meta\":{\"row_id\":1}}", true, true, "{}", false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_add_up),
        cmocka_unit_test(one_failure_does_not_stop_the_others),
        cmocka_unit_test(a_bug_stops_everything_but_not_without_statuses),
        cmocka_unit_test(what_waits_goes_out_before_documents_without_a_checkpoint),
        cmocka_unit_test(lanes_that_share_a_binding_tell_what_they_sealed),
        cmocka_unit_test(what_failed_is_counted_as_far_as_it_went_out),
        cmocka_unit_test(estimates_and_settings),
        cmocka_unit_test(names_that_need_quoting_and_namespaces),
        cmocka_unit_test(a_deletion_that_the_connector_tells),
        cmocka_unit_test(documents_lose_what_flow_added),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
