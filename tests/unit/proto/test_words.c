/* words, names: what connectors say on stderr (docs/protocols/flow.md 1.8), and how they may spell members (2). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "proto/flow/names.h"
#include "proto/words.h"

/* ---- words ---- */

typedef struct hearing {
    words w;
    log_sink *log;
    int log_fd, pipe[2];
} hearing;

static void begin(hearing *h)
{
    setenv("LOG_LEVEL", "trace", 1);
    setenv("LOG_FORMAT", "json", 1);
    h->log_fd = memfd_create("log", MFD_CLOEXEC);
    h->log = log_open(h->log_fd);
    assert_int_equal(pipe(h->pipe), 0);
    words_init(&h->w, h->log, VIEW("acme/a"));
}

static void say(hearing *h, weir_view text)
{
    while (text.len) { /* a pipe holds 64 KiB */
        size_t n = text.len < 65536 ? text.len : 65536;
        assert_int_equal(write(h->pipe[1], text.ptr, n), (ssize_t)n);
        assert_true(words_read(&h->w, h->pipe[0]));
        text = view_from(text, n);
    }
}

static void hang_up(hearing *h)
{
    close(h->pipe[1]);
    assert_false(words_read(&h->w, h->pipe[0]));
    words_end(&h->w);
}

/* What was logged, one "level message fields" a line; times left out. */
static char *logged(hearing *h)
{
    static char text[8192];
    ssize_t n = pread(h->log_fd, text, sizeof text - 1, 0);
    assert_true(n >= 0);
    text[n] = '\0';
    return text;
}

static void end(hearing *h)
{
    words_free(&h->w);
    log_close(h->log);
    close(h->log_fd);
    close(h->pipe[0]);
}

static void expect_level(const char *line, const char *level, const char *message)
{
    hearing h;
    buf expected = {0};
    begin(&h);
    say(&h, view_of(line));
    say(&h, VIEW("\n"));
    hang_up(&h);
    buf_printf(&expected, "\"level\":\"%s\",\"message\":\"%s\"", level, message);
    if (!strstr(logged(&h), buf_text(&expected)))
        fail_msg("%s: %s, expected %s", line, logged(&h), buf_text(&expected));
    buf_free(&expected);
    end(&h);
}

static void plain_words_are_warnings_or_errors(void **state)
{
    (void)state;
    static const char *const alarming[] = {
        "error", "Error: x", "it FAILED", "kernel panic", "a timeout", "unable to", "unrecognised option", "Unrecognized", "terror",
    };
    static const char *const harmless[] = {"hello", "info: starting", "erro", "fail", "warning", "E", "unabl"};
    for (size_t i = 0; i < sizeof alarming / sizeof *alarming; i++) {
        assert_int_equal(words_guess(view_of(alarming[i])), WEIR_ERROR);
        expect_level(alarming[i], "error", alarming[i]);
    }
    for (size_t i = 0; i < sizeof harmless / sizeof *harmless; i++) {
        assert_int_equal(words_guess(view_of(harmless[i])), WEIR_WARN);
        expect_level(harmless[i], "warn", harmless[i]);
    }
    assert_int_equal(words_guess(VIEW("")), WEIR_WARN);
}

static void records_keep_their_level(void **state)
{
    (void)state;
    static const char *const cases[][3] = {
        {"{\"level\":\"info\",\"message\":\"m\"}", "info", "m"},
        {"{\"lvl\":\"INFO\",\"msg\":\"m\"}", "info", "m"},
        {"{\"level\":\"Warning\",\"msg\":\"m\"}", "warn", "m"},
        {"{\"level\":\"FATAL\",\"msg\":\"m\"}", "error", "m"},
        {"{\"level\":\"panic\",\"msg\":\"m\"}", "error", "m"},
        {"{\"level\":\"debug\",\"msg\":\"m\"}", "debug", "m"},
        {"{\"level\":\"trace\",\"msg\":\"m\"}", "trace", "m"},
        {"{\"level\":\"loud\",\"msg\":\"m\"}", "warn", "m"},
        {"{\"msg\":\"m\"}", "warn", "m"},
        {"{\"msg\":\"it failed\"}", "error", "it failed"},
        {"{\"level\":\"info\",\"msg\":\"an error, they say\"}", "info", "an error, they say"},
        {"{\"level\":\"info\",\"msg\":\"z\\u00fcge \\\"x\\\"\"}", "info", "z\303\274ge \\\"x\\\""},
        {"{\"level\":\"info\"}", "info", "{\\\"level\\\":\\\"info\\\"}"},
        {"{\"level\":\"info\",\"msg\":\"half", "warn", "{\\\"level\\\":\\\"info\\\",\\\"msg\\\":\\\"half"},
        {"[\"error\"]", "error", "[\\\"error\\\"]"},
        {"  indented\t ", "warn", "  indented"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_level(cases[i][0], cases[i][1], cases[i][2]);
}

static void other_members_become_fields(void **state)
{
    (void)state;
    hearing h;
    begin(&h);
    say(&h, VIEW("{\"ts\":\"2024-01-01T00:00:00Z\",\"level\":\"info\",\"msg\":\"m\",\"page\":3,\"fields\":{\"url\":\"/x\",\"n\":[1]},\"shard\":{}}\n"));
    assert_non_null(strstr(logged(&h), "\"fields\":{\"task\":\"acme/a\",\"page\":3,\"url\":\"/x\",\"n\":[1]}"));
    hang_up(&h);
    end(&h);
}

static void expect_logged(bool levels, const char *line, const char *level, const char *message, const char *logger)
{
    hearing h;
    buf want = {0};
    begin(&h);
    h.w.levels = levels;
    say(&h, view_of(line));
    hang_up(&h);
    buf_printf(&want, "\"level\":\"%s\",\"message\":\"%s\"", level, message);
    if (!strstr(logged(&h), buf_text(&want)))
        fail_msg("%s: %s", line, logged(&h));
    buf_clear(&want);
    buf_printf(&want, "\"logger\":\"%s\"", logger ? logger : "");
    assert_true((strstr(logged(&h), logger ? buf_text(&want) : "\"logger\"") != NULL) == (logger != NULL));
    buf_free(&want);
    end(&h);
}

/* The forms of singer.md 4, Logs, and Python's own. */
static void loggers_of_python(void **state)
{
    (void)state;
    static const char *const cases[][4] = {
        {"2026-01-02 03:04:05,123 | WARNING  | tap-x.orders | slow | very", "warn", "slow | very", "tap-x.orders"},
        {"2026-01-02 03:04:05,123 | INFO     | tap-x | no error here", "info", "no error here", "tap-x"},
        {"2026-01-02T03:04:05Z ERROR gone", "error", "gone", NULL},
        {"INFO Starting sync", "info", "Starting sync", NULL},
        {"CRITICAL 'start_date'", "error", "'start_date'", NULL},
        {"WARNING:root:careful", "warn", "careful", "root"},
        {"[DEBUG] x", "debug", "x", NULL},
        {"ERROR", "error", "", NULL},
        {"INFO METRIC: {\"type\":\"counter\"}", "debug", "METRIC: {\\\"type\\\":\\\"counter\\\"}", NULL},
        {"2026-01-02 03:04:05,123 | INFO | singer_sdk.metrics | METRIC: {}", "debug", "METRIC: {}", "singer_sdk.metrics"},
        {"{\"level\":\"info\",\"message\":\"METRIC: {}\"}", "debug", "METRIC: {}", NULL},
        {"time=2026-11-27 20:46:23 name=target_duckdb level=INFO message=Table created", "info", "Table created", "target_duckdb"},
        {"time=2026-11-27 20:46:23 name=target_duckdb", "warn", "time=2026-11-27 20:46:23 name=target_duckdb", NULL},
        {"INFORMATION: it failed", "error", "INFORMATION: it failed", NULL},
        {"TRACEBACK", "warn", "TRACEBACK", NULL},
        {"ValueError: no such table", "error", "ValueError: no such table", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_logged(true, cases[i][0], cases[i][1], cases[i][2], cases[i][3]);
    expect_logged(false, "INFO Starting sync", "warn", "INFO Starting sync", NULL);
}

static void lines_come_in_pieces(void **state)
{
    (void)state;
    hearing h;
    begin(&h);
    say(&h, VIEW("one\ntw"));
    assert_non_null(strstr(logged(&h), "\"one\""));
    assert_null(strstr(logged(&h), "tw"));
    say(&h, VIEW("o\n\n\r\n  \nthree"));
    assert_non_null(strstr(logged(&h), "\"two\""));
    assert_null(strstr(logged(&h), "three"));
    hang_up(&h);
    assert_non_null(strstr(logged(&h), "\"three\""));
    int lines = 0;
    for (const char *p = logged(&h); *p; p++)
        lines += *p == '\n';
    assert_int_equal(lines, 3); /* empty ones say nothing */
    end(&h);
}

/* A line without end is logged in pieces, so that memory stays bounded. */
static void a_line_without_end(void **state)
{
    (void)state;
    hearing h;
    begin(&h);
    log_set_level(h.log, WEIR_ERROR);
    buf much = {0};
    for (int i = 0; i < 1 << 20; i++)
        buf_addc(&much, 'x');
    for (int i = 0; i < 5; i++)
        say(&h, buf_view(&much));
    assert_true(h.w.pending.len <= (2 << 20));
    hang_up(&h);
    assert_true(words_last(&h.w).len > 1000);
    buf_free(&much);
    end(&h);
}

static void expect_last_of(bool levels, const char *lines, const char *last, weir_rc code)
{
    hearing h;
    begin(&h);
    h.w.levels = levels;
    say(&h, view_of(lines));
    hang_up(&h);
    if (!view_is(words_last(&h.w), last))
        fail_msg("%s: the last words are '%.*s', expected '%s'", lines, VIEW_ARG(words_last(&h.w)), last);
    assert_int_equal(words_code(&h.w), code);
    end(&h);
}

static void expect_last(const char *lines, const char *last, weir_rc code) { expect_last_of(false, lines, last, code); }

/* Runners take the CRITICAL line for the headline (singer.md 4, Logs). */
static void the_headline(void **state)
{
    (void)state;
    static const char lines[] = "INFO on\nCRITICAL the moon is not there\nTraceback (most recent call last):\n  File x\nValueError: moon\n";
    expect_last_of(true, lines, "the moon is not there", WEIR_E_REMOTE);
    expect_last_of(false, lines, "ValueError: moon", WEIR_E_REMOTE);
    expect_last_of(true, "CRITICAL one\nCRITICAL two\nERROR three\n", "two", WEIR_E_REMOTE);
}

/* The last record is the reason (flow.md 1.7), but what came after an error at a lower level does not hide it. */
static void the_last_words(void **state)
{
    (void)state;
    expect_last("", "", WEIR_E_REMOTE);
    expect_last("a\nb\n", "b", WEIR_E_REMOTE);
    expect_last("a\nb", "b", WEIR_E_REMOTE);
    expect_last("error 1\nerror 2\nbye\n", "error 2", WEIR_E_REMOTE);
    expect_last("{\"level\":\"fatal\",\"msg\":\"why\"}\n{\"level\":\"info\",\"msg\":\"closing\"}\n", "why", WEIR_E_REMOTE);
    expect_last("{\"level\":\"error\",\"message\":\"why\",\"fields\":{\"code\":\"config\"}}\n", "why", WEIR_E_CONFIG);
    expect_last("{\"level\":\"error\",\"message\":\"why\",\"fields\":{\"code\":\"transient\"}}\nbye\n", "why", WEIR_E_TRANSIENT);
    expect_last("{\"level\":\"error\",\"message\":\"why\",\"fields\":{\"code\":\"machine\"}}\n", "why", WEIR_E_NOMEM);
    expect_last("{\"level\":\"error\",\"message\":\"why\",\"fields\":{\"code\":\"protocol\"}}\n", "why", WEIR_E_BUG);
    expect_last("{\"level\":\"error\",\"message\":\"why\",\"fields\":{\"code\":\"E1234\"}}\n", "why", WEIR_E_REMOTE);
    expect_last("{\"level\":\"error\",\"message\":\"why\",\"fields\":{\"code\":2}}\n", "why", WEIR_E_REMOTE);
    expect_last("{\"level\":\"error\",\"message\":\"a\",\"fields\":{\"code\":\"config\"}}\nerror b\n", "error b", WEIR_E_REMOTE);
}

static void secrets_are_masked(void **state)
{
    (void)state;
    hearing h;
    begin(&h);
    log_mask(h.log, VIEW("hunter2"));
    say(&h, VIEW("password hunter2\n{\"level\":\"info\",\"msg\":\"hunter2\",\"fields\":{\"p\":\"hunter2\",\"j\":{\"q\":\"hunter2\"}}}\n"));
    hang_up(&h);
    assert_null(strstr(logged(&h), "hunter2"));
    end(&h);
}

/* ---- names ---- */

static void names_in_two_spellings(void **state)
{
    (void)state;
    static const struct { const char *key, *name; bool same; } cases[] = {
        {"resourceConfig", "resourceConfig", true},       {"resource_config", "resourceConfig", true},
        {"resource_config_json", "resourceConfig", true}, {"resourceConfig_json", "resourceConfig", true},
        {"config", "config", true},                       {"config_json", "config", true},
        {"resourceconfig", "resourceConfig", false},      {"resource_Config", "resourceConfig", false},
        {"resource__config", "resourceConfig", false},    {"resource_config_", "resourceConfig", false},
        {"resource_config_jso", "resourceConfig", false}, {"resource", "resourceConfig", false},
        {"resource_", "resourceConfig", false},           {"configs", "config", false},
        {"", "config", false},                            {"_config", "config", false},
        {"is_fallback_key", "isFallbackKey", true},       {"r_clock_begin", "rClockBegin", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (name_is(view_of(cases[i].key), cases[i].name) != cases[i].same)
            fail_msg("'%s' and '%s'", cases[i].key, cases[i].name);
}

static void members_by_name(void **state)
{
    (void)state;
    arena a = {0};
    err e = {0};
    tree *t;
    assert_int_equal(tree_parse(&a, VIEW("{\"null_one\":null,\"state_key\":\"k\",\"is_on\":true,\"count\":5,\"both\":1,\"bo_th\":2,\"x_json\":{\"a\": 1}}"), NULL,
                                WEIR_E_PROTOCOL, &t, &e), WEIR_OK);
    assert_null(name_get(t, "nullOne"));
    assert_null(name_get(t, "missing"));
    assert_null(name_get(NULL, "missing"));
    assert_null(name_get(t->first, "missing"));
    assert_true(view_is(name_text(t, "stateKey"), "k"));
    assert_int_equal(name_text(t, "count").len, 0);
    assert_true(name_flag(t, "isOn"));
    assert_false(name_flag(t, "count"));
    assert_true(view_is(name_raw(t, "x"), "{\"a\": 1}"));
    assert_true(view_is(name_raw(t, "both"), "1"));
    assert_int_equal(name_raw(t, "nullOne").len, 0);
    arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_words_are_warnings_or_errors),
        cmocka_unit_test(records_keep_their_level),
        cmocka_unit_test(other_members_become_fields),
        cmocka_unit_test(loggers_of_python),
        cmocka_unit_test(lines_come_in_pieces),
        cmocka_unit_test(a_line_without_end),
        cmocka_unit_test(the_headline),
        cmocka_unit_test(the_last_words),
        cmocka_unit_test(secrets_are_masked),
        cmocka_unit_test(names_in_two_spellings),
        cmocka_unit_test(members_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
