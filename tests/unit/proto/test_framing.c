/* framing, stream: documents of every size on their way through a session, a writer and back, in both codecs. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "json/patch.h"
#include "proto/flow/flow.h"
#include "proto/flow/stream.h"
#include "vectors.h"

/* ---- the header before a document, byte by byte ---- */

static void headers_are_those_of_protobuf(void **state)
{
    (void)state;
    vectors all = vectors_load();
    for (const header *h = all.h; h < all.h + all.headers; h++) {
        weir_binding b = {.index = h->binding};
        arena texts = {0};
        buf to = {0};
        outlet o = {.to = &to};
        assert_true(flow_protobuf_framing.outlet(&flow_protobuf_framing, &texts, &b, &o));
        buf_adds(&to, "before");
        assert_int_equal(o.prefix.len, 0);
        assert_int_equal(o.suffix.len, 0);
        assert_true(buf_reserve(&to, o.head + h->size));
        memset(to.ptr + to.len + o.head, 'x', h->size);
        to.len += o.head + h->size;
        o.finish(&o, 6);
        assert_true(buf_ok(&to));
        assert_int_equal(to.len, 6 + h->bytes.len + h->size);
        assert_memory_equal(to.ptr, "before", 6);
        assert_memory_equal(to.ptr + 6, h->bytes.ptr, h->bytes.len);
        const char *doc = to.ptr + 6 + h->bytes.len;
        assert_true(doc[0] == 'x' && memcmp(doc, doc + 1, h->size - 1) == 0);
        buf_free(&to);
        arena_free(&texts);
    }
    vectors_free(&all);
}

/* ---- a capture that says all there is to say ---- */

enum { BINDINGS = 301 };
static const uint32_t used[] = {0, 1, 127, 128, 300};
static const size_t sizes[] = {2, 126, 127, 128, 129, 16382, 16383, 16384, 16385, 70000, 2 << 20};
enum { USED = sizeof used / sizeof *used, SIZES = sizeof sizes / sizeof *sizes };

/* {} or {"v":"xxx"} of this many bytes */
static weir_view document(buf *b, size_t size)
{
    buf_clear(b);
    buf_adds(b, size > 8 ? "{\"v\":\"" : "{}");
    while (size > 8 && b->len < size - 2)
        buf_addc(b, (char)('a' + b->len % 26));
    buf_adds(b, size > 8 ? "\"}" : "");
    assert_int_equal(b->len, size);
    return buf_view(b);
}

static weir_rc emit_built(weir_task *t, const weir_binding *b, weir_view doc)
{
    static const weir_name v = WEIR_NAME("v");
    weir_rc rc = weir_begin(t, b, WEIR_UPSERT);
    if (!rc && doc.len > 2)
        weir_put_text(t, v, (weir_view){doc.ptr + 6, doc.len - 8});
    return rc ? rc : weir_end(t);
}

static weir_rc discover(weir_task *t, void *self)
{
    (void)t;
    (void)self;
    return WEIR_OK;
}

static weir_rc pull(weir_task *t, void *self, const weir_binding *b, size_t n)
{
    (void)self;
    assert_int_equal(n, BINDINGS);
    buf doc = {0};
    weir_rc rc = weir_sourced_schema(t, &b[1], VIEW("{\"type\":\n\"object\"}"));
    for (size_t i = 0; !rc && i < SIZES * USED; i++) {
        weir_view text = document(&doc, sizes[i / USED]);
        const weir_binding *to = &b[used[i % USED]];
        rc = weir_emit(t, to, WEIR_UPSERT, text);
        if (!rc)
            rc = emit_built(t, to, text);
        if (!rc && i % 3 == 0)
            rc = weir_checkpoint(t, to, weir_format(t, "{\"i\": %zu\n}", i));
    }
    if (!rc)
        rc = weir_emit(t, &b[300], WEIR_DELETE, VIEW("{\"id\":\n1}"));
    if (!rc)
        rc = weir_checkpoint_patch(t, NULL, VIEW("{\"all\":\n{\"x\":null}}"));
    if (!rc)
        rc = weir_checkpoint(t, NULL, VIEW("{}"));
    buf_free(&doc);
    return rc;
}

static const weir_connector talker = {
    .abi = WEIR_ABI, .name = "source-talker", .version = "1", .config_schema = WEIR_LIT("{\"type\":\"object\"}"),
    .resource_schema = WEIR_LIT("{\"type\":\"object\"}"), .capture = &(const weir_capture){.discover = discover, .pull = pull, .all_in_one = true},
};

static int run_into_file(const framing *f)
{
    int fd = memfd_create("out", MFD_CLOEXEC);
    err e = {0};
    writer *w = writer_new(fd, f);
    session *s = session_new(&(session_options){.connector = &talker, .to = writer_listener(w), .task_name = VIEW("acme/talker")});
    static weir_binding bindings[BINDINGS];
    const tree *resources[BINDINGS] = {0};
    tree config = {.kind = TREE_OBJECT};
    for (uint32_t i = 0; i < BINDINGS; i++)
        bindings[i] = (weir_binding){.name = VIEW("acme/x"), .state_key = i == 300 ? VIEW("a%2F\"300\"") : VIEW("other")};
    if (session_open(s, &config, &e) || session_bind(s, bindings, resources, BINDINGS, (weir_view){0}, &e) || session_pull(s, &e) || writer_flush(w, &e))
        fail_msg("%s", err_text(&e));
    uint64_t documents, bytes, checkpoints;
    writer_totals(w, &documents, &bytes, &checkpoints);
    assert_int_equal(documents, SIZES * USED * 2 + 1);
    assert_int_equal(bytes, lseek(fd, 0, SEEK_CUR));
    assert_int_equal(checkpoints, (SIZES * USED + 2) / 3 + 2);
    session_free(s);
    writer_free(w);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    return fd;
}

static flow_message next(flow_stream *s, flow_kind kind)
{
    flow_message m;
    err e = {0};
    bool more;
    if (flow_stream_next(s, FLOW_RESPONSE, &m, &more, &e))
        fail_msg("%s", err_text(&e));
    assert_true(more);
    assert_string_equal(flow_kind_name(m.kind), flow_kind_name(kind));
    return m;
}

static void expect_checkpoint(flow_stream *s, const char *state, bool merge)
{
    flow_message m = next(s, FLOW_CHECKPOINT);
    if (!json_equal(m.state, view_of(state)))
        fail_msg("%.*s, expected %s", VIEW_ARG(m.state), state);
    assert_int_equal(m.merge, merge);
}

static void expect_talk(flow_stream *s)
{
    buf doc = {0}, text = {0};
    assert_true(view_is(next(s, FLOW_OPENED).body, "{}"));
    flow_message m = next(s, FLOW_SOURCED_SCHEMA);
    assert_int_equal(m.binding, 1);
    assert_true(view_is(m.doc, "{\"type\":\"object\"}"));
    for (size_t i = 0; i < SIZES * USED; i++) {
        weir_view expected = document(&doc, sizes[i / USED]);
        for (int times = 0; times < 2; times++) {
            m = next(s, FLOW_CAPTURED);
            assert_int_equal(m.binding, used[i % USED]);
            assert_int_equal(m.doc.len, expected.len);
            assert_memory_equal(m.doc.ptr, expected.ptr, expected.len);
            assert_false(m.lines);
        }
        buf_clear(&text);
        buf_printf(&text, "{\"bindingStateV1\":{\"%s\":{\"i\":%zu}}}", used[i % USED] == 300 ? "a%2F\\\"300\\\"" : "other", i);
        if (i % 3 == 0)
            expect_checkpoint(s, buf_text(&text), true);
    }
    m = next(s, FLOW_CAPTURED);
    assert_int_equal(m.binding, 300);
    assert_true(json_equal(m.doc, VIEW("{\"id\":1,\"_meta\":{\"op\":\"d\"}}")));
    expect_checkpoint(s, "{\"all\":{\"x\":null}}", true);
    expect_checkpoint(s, "{}", false);
    buf_free(&doc);
    buf_free(&text);
    err e = {0};
    bool more;
    assert_int_equal(flow_stream_next(s, FLOW_RESPONSE, &m, &more, &e), WEIR_OK);
    assert_false(more);
}

static void comes_back(const framing *f, const char *codec)
{
    int fd = run_into_file(f);
    flow_stream s;
    err e = {0};
    assert_int_equal(flow_stream_init(&s, fd, codec, "it", &e), WEIR_OK);
    expect_talk(&s);
    flow_stream_free(&s);
    close(fd);
}

static void json_comes_back(void **state)
{
    (void)state;
    comes_back(&flow_json_framing, "json");
}

static void protobuf_comes_back(void **state)
{
    (void)state;
    comes_back(&flow_protobuf_framing, "proto");
}

static void the_codec_shows(void **state)
{
    (void)state;
    comes_back(&flow_json_framing, NULL);
    comes_back(&flow_protobuf_framing, "");
}

/* ---- the limit of a message ---- */

static size_t giant; /* size of the document */
static bool giant_built;

static weir_rc pull_giant(weir_task *t, void *self, const weir_binding *b, size_t n)
{
    (void)self;
    (void)n;
    char *doc = malloc(giant);
    memset(doc, 'x', giant);
    memcpy(doc, "{\"v\":\"", 6);
    memcpy(doc + giant - 2, "\"}", 2);
    weir_view text = {doc, giant};
    weir_rc rc = giant_built ? emit_built(t, b, text) : weir_emit(t, b, WEIR_UPSERT, text);
    free(doc);
    return rc ? rc : weir_checkpoint(t, NULL, VIEW("{}"));
}

static const weir_connector giants = {
    .abi = WEIR_ABI, .name = "source-giants", .version = "1", .config_schema = WEIR_LIT("{\"type\":\"object\"}"),
    .resource_schema = WEIR_LIT("{\"type\":\"object\"}"),
    .capture = &(const weir_capture){.discover = discover, .pull = pull_giant, .all_in_one = true},
};

static weir_rc send_giant(const framing *f, size_t doc, bool built, err *e)
{
    int fd = memfd_create("out", MFD_CLOEXEC);
    writer *w = writer_new(fd, f);
    session *s = session_new(&(session_options){.connector = &giants, .to = writer_listener(w), .task_name = VIEW("acme/giants")});
    weir_binding b = {.name = VIEW("acme/x")};
    const tree *resource = NULL;
    tree config = {.kind = TREE_OBJECT};
    giant = doc;
    giant_built = built;
    weir_rc rc = session_open(s, &config, e);
    if (!rc)
        rc = session_bind(s, &b, &resource, 1, (weir_view){0}, e);
    if (!rc)
        rc = session_pull(s, e);
    if (!rc)
        rc = writer_flush(w, e);
    session_free(s);
    writer_free(w);
    close(fd);
    return rc;
}

/* The largest document that fits into 64 MiB with all that stands around it is sent, one byte more is refused. */
static void messages_have_a_limit(void **state)
{
    (void)state;
    static const struct { const framing *f; size_t around; } cases[] = {
        {&flow_json_framing, sizeof "{\"captured\":{\"binding\":0,\"doc\":}}\n" - 1},
        {&flow_protobuf_framing, 4 + 1 + 4 + 1 + 4}, /* two tags, three lengths of four bytes */
    };
    for (size_t i = 0; i < 4; i++) {
        err e = {0};
        size_t largest = FLOW_MESSAGE_MAX - cases[i / 2].around;
        if (send_giant(cases[i / 2].f, largest, i % 2, &e))
            fail_msg("%s", err_text(&e));
        assert_int_equal(send_giant(cases[i / 2].f, largest + 1, i % 2, &e), WEIR_E_REMOTE);
        assert_non_null(strstr(err_text(&e), ": 67108864 are the limit"));
        err_free(&e);
    }
}

/* ---- streams ---- */

typedef struct source {
    int fds[2];
    flow_stream s;
    err e;
} source;

static void begin(source *s, const char *codec)
{
    *s = (source){0};
    assert_int_equal(pipe(s->fds), 0);
    assert_int_equal(fcntl(s->fds[0], F_SETFL, O_NONBLOCK), 0);
    assert_int_equal(flow_stream_init(&s->s, s->fds[0], codec, "the pipe", &s->e), WEIR_OK);
}

static void feed(source *s, weir_view bytes)
{
    assert_int_equal(write(s->fds[1], bytes.ptr, bytes.len), (ssize_t)bytes.len);
}

static void fill(source *s, bool expect_more)
{
    bool more;
    assert_int_equal(flow_stream_fill(&s->s, &more, &s->e), WEIR_OK);
    assert_int_equal(more, expect_more);
}

static void end_input(source *s)
{
    close(s->fds[1]);
    s->fds[1] = -1;
}

static void end(source *s)
{
    flow_stream_free(&s->s);
    err_free(&s->e);
    close(s->fds[0]);
    if (s->fds[1] >= 0)
        close(s->fds[1]);
}

static void expect_kind(source *s, flow_kind kind)
{
    flow_message m;
    bool more;
    if (flow_stream_next(&s->s, FLOW_REQUEST, &m, &more, &s->e))
        fail_msg("%s", err_text(&s->e));
    assert_int_equal(more, kind != FLOW_NONE);
    if (more)
        assert_int_equal(m.kind, kind);
}

static void expect_error(source *s, const char *says)
{
    flow_message m;
    bool more;
    assert_int_equal(flow_stream_next(&s->s, FLOW_REQUEST, &m, &more, &s->e), WEIR_E_PROTOCOL);
    if (!strstr(err_text(&s->e), says))
        fail_msg("%s, expected: %s", err_text(&s->e), says);
}

/* A message is ready when its last byte is there, not before, whatever the codec and whether it was named. */
static void ready_with_the_last_byte(void **state)
{
    (void)state;
    static const struct { const char *codec; weir_view bytes; } cases[] = {
        {"json", WEIR_LIT("{\"spec\":{}}\n")}, {"proto", WEIR_LIT("\x02\x00\x00\x00\x0a\x00")},
        {NULL, WEIR_LIT("{\"spec\":{}}\n")},   {NULL, WEIR_LIT("\x02\x00\x00\x00\x0a\x00")},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        source s;
        begin(&s, cases[i].codec);
        for (int times = 0; times < 2; times++) {
            for (size_t k = 0; k < cases[i].bytes.len; k++) {
                assert_false(flow_stream_ready(&s.s));
                feed(&s, (weir_view){cases[i].bytes.ptr + k, 1});
                fill(&s, true);
            }
            assert_true(flow_stream_ready(&s.s));
            expect_kind(&s, FLOW_SPEC);
        }
        end_input(&s);
        fill(&s, false);
        expect_kind(&s, FLOW_NONE);
        end(&s);
    }
}

static void ends_inside_a_message(void **state)
{
    (void)state;
    static const struct { const char *codec; weir_view bytes; const char *says; } cases[] = {
        {"json", WEIR_LIT("{"), "the pipe ends inside a line: the last 1 bytes have no newline"},
        {"json", WEIR_LIT("{\"spec\":{}}"), "the pipe ends inside a line: the last 11 bytes have no newline"},
        {NULL, WEIR_LIT("{\"s"), "the pipe ends inside a line: the last 3 bytes have no newline"},
        {"proto", WEIR_LIT("\x02"), "the pipe ends inside a message: 1 of 4 bytes"},
        {"proto", WEIR_LIT("\x02\x00\x00\x00"), "the pipe ends inside a message: 2 bytes are announced"},
        {"proto", WEIR_LIT("\x02\x00\x00\x00\x0a"), "the pipe ends inside a message: 1 of 2 bytes"},
        {NULL, WEIR_LIT("\x02\x00\x00\x00\x0a"), "the pipe ends inside a message: 1 of 2 bytes"},
        {"proto", WEIR_LIT("\x00\x00\x00\x00"), "the pipe: no known kind of message"},
        {"proto", WEIR_LIT("{\"spec\":{}}\n"), "the pipe: a message of 1886593659 bytes: more than 64 MiB, or not the protobuf codec"},
        {"proto", WEIR_LIT("\x01\x00\x00\x04"), "the pipe: a message of 67108865 bytes: more than 64 MiB"},
        {"json", WEIR_LIT("\x02\x00\x00\x00\x0a\x00"), "the pipe: expected an object at byte 0 of the message"},
        {NULL, WEIR_LIT("\x01\x00\x00\x05\n"), "the pipe: expected an object at byte 0 of the message"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        source s;
        begin(&s, cases[i].codec);
        feed(&s, cases[i].bytes);
        end_input(&s);
        expect_error(&s, cases[i].says);
        end(&s);
    }
}

/* A length that is too long is refused when it is seen, not when so much has come. */
static void too_long_is_ready_at_once(void **state)
{
    (void)state;
    source s;
    begin(&s, "proto");
    feed(&s, VIEW("\xff\xff\xff\xff"));
    fill(&s, true);
    assert_true(flow_stream_ready(&s.s));
    expect_error(&s, "a message of 4294967295 bytes");
    end(&s);
}

static void codecs_have_names(void **state)
{
    (void)state;
    flow_stream s;
    err e = {0};
    assert_int_equal(flow_stream_init(&s, 0, "rubbish", "it", &e), WEIR_E_CONFIG);
    assert_string_equal(err_text(&e), "FLOW_RUNTIME_CODEC is 'rubbish': json and proto are known");
    err_free(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_are_those_of_protobuf),
        cmocka_unit_test(json_comes_back),
        cmocka_unit_test(protobuf_comes_back),
        cmocka_unit_test(the_codec_shows),
        cmocka_unit_test(messages_have_a_limit),
        cmocka_unit_test(ready_with_the_last_byte),
        cmocka_unit_test(ends_inside_a_message),
        cmocka_unit_test(too_long_is_ready_at_once),
        cmocka_unit_test(codecs_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
