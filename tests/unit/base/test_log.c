/* log: records, formats, levels, masks, threads, no memory. */
#include <errno.h>
#include <fcntl.h>
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
#include "base/log.h"
#include "fault.h"

/* ------------------------------------------------------------------------------------------------------------- helpers -- */

typedef struct bench {
    log_sink *log;
    io_reader r;
    int fd[2];
    err e;
} bench;

static void bench_open(bench *b, const char *level, const char *format)
{
    setenv("LOG_LEVEL", level, 1);
    setenv("LOG_FORMAT", format, 1);
    b->e = (err){0};
    assert_int_equal(pipe(b->fd), 0);
    (void)fcntl(b->fd[1], F_SETPIPE_SZ, 1 << 20);
    io_reader_init(&b->r, b->fd[0], 0, "the log");
    b->log = log_open(b->fd[1]);
    assert_non_null(b->log);
}

static void bench_close(bench *b)
{
    log_close(b->log);
    close(b->fd[1]);
    weir_view line;
    bool more = true;
    assert_int_equal(io_reader_line(&b->r, &line, &more, &b->e), WEIR_OK);
    if (more)
        fail_msg("there is a line nobody expected: %.*s", VIEW_ARG(line));
    io_reader_free(&b->r);
    close(b->fd[0]);
    err_free(&b->e);
}

static weir_view next_line(bench *b)
{
    weir_view line = {0};
    bool more = false;
    assert_int_equal(io_reader_line(&b->r, &line, &more, &b->e), WEIR_OK);
    assert_true(more);
    return line;
}

/* The next line, without the time it begins with. */
static void expect_after_time(bench *b, weir_view before, const char *text)
{
    weir_view line = next_line(b);
    assert_true(view_starts(line, before));
    line = view_from(line, before.len);
    const char *z = memchr(line.ptr, 'Z', line.len < 25 ? line.len : 25);
    if (!z || line.ptr[4] != '-' || line.ptr[10] != 'T')
        fail_msg("no time: %.*s", VIEW_ARG(line));
    line = view_from(line, (size_t)(z + 1 - line.ptr));
    if (!view_is(line, text))
        fail_msg("%.*s\nis not\n%s", VIEW_ARG(line), text);
}

static void expect_json(bench *b, const char *rest)
{
    expect_after_time(b, VIEW("{\"ts\":\""), rest);
}

static void expect_text(bench *b, const char *rest)
{
    expect_after_time(b, (weir_view){0}, rest);
}

static void say(bench *b, const char *message)
{
    log_record(b->log, WEIR_INFO, (weir_view){0}, view_of(message), NULL, 0);
}

static void expect_message(bench *b, const char *escaped)
{
    char rest[512];
    snprintf(rest, sizeof rest, "\",\"level\":\"info\",\"message\":\"%s\"}", escaped);
    expect_json(b, rest);
}

static void say_field(bench *b, const char *json)
{
    log_field f = {"f", view_of(json), true};
    log_record(b->log, WEIR_INFO, (weir_view){0}, VIEW("m"), &f, 1);
}

static void expect_field(bench *b, const char *json)
{
    char rest[512];
    snprintf(rest, sizeof rest, "\",\"level\":\"info\",\"message\":\"m\",\"fields\":{\"f\":%s}}", json);
    expect_json(b, rest);
}

/* ------------------------------------------------------------------------------------------------------------- records -- */

static void a_record_is_one_json_line(void **state)
{
    (void)state;
    bench b;
    bench_open(&b, "info", "json");
    log_line(b.log, WEIR_INFO, "plain %d", 1);
    expect_json(&b, "\",\"level\":\"info\",\"message\":\"plain 1\"}");
    log_field fields[] = {
        {"count", VIEW("12"), true},
        {"name", VIEW("a \"b\""), false},
        {"more", VIEW("{\"x\": [1,\n null]}"), true},
        {"none", {0}, true},
    };
    log_record(b.log, WEIR_WARN, VIEW("acmeCo/orders"), VIEW("with fields"), fields, 4);
    expect_json(&b, "\",\"level\":\"warn\",\"message\":\"with fields\",\"fields\":{\"task\":\"acmeCo/orders\",\"count\":12,"
                    "\"name\":\"a \\\"b\\\"\",\"more\":{\"x\": [1,  null]},\"none\":null}}");
    log_record(b.log, WEIR_ERROR, VIEW("t"), (weir_view){0}, &(log_field){"task", VIEW("inside"), false}, 1);
    expect_json(&b, "\",\"level\":\"error\",\"message\":\"\",\"fields\":{\"task\":\"t\",\"inner_task\":\"inside\"}}");
    log_record(b.log, WEIR_ERROR, (weir_view){0}, (weir_view){0}, &(log_field){"task", VIEW("its"), false}, 1);
    expect_json(&b, "\",\"level\":\"error\",\"message\":\"\",\"fields\":{\"task\":\"its\"}}");
    bench_close(&b);
}

static void messages_are_escaped(void **state)
{
    (void)state;
    static const struct {
        const char *message, *escaped;
    } cases[] = {
        {"quote \" backslash \\ slash /", "quote \\\" backslash \\\\ slash /"},
        {"\b\f\n\r\t\x01\x1f\x7f", "\\b\\f\\n\\r\\t\\u0001\\u001f\\u007f"},
        {"\x1b[31mred", "\\u001b[31mred"},
        {"\xc2\x9b[31mred", "\\u009b[31mred"}, /* the same for terminals */
        {"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80", "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80"},
        {"\xff", "\xef\xbf\xbd"},
        {"a\xc3", "a\xef\xbf\xbd"},
        {"\xc3(", "\xef\xbf\xbd("},
        {"\xe2\x82", "\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd"},                                  /* overlong */
        {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},                  /* surrogate */
        {"\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"}, /* beyond U+10FFFF */
        {"\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf", "\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf"},
    };
    bench b;
    bench_open(&b, "info", "json");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        say(&b, cases[i].message);
        expect_message(&b, cases[i].escaped);
    }
    log_record(b.log, WEIR_INFO, (weir_view){0}, (weir_view){"a\0b", 3}, NULL, 0);
    expect_message(&b, "a\\u0000b");
    bench_close(&b);
}

static void people_read_text(void **state)
{
    (void)state;
    bench b;
    bench_open(&b, "info", "text");
    log_field fields[] = {
        {"count", VIEW("12"), true}, {"name", VIEW("x y"), false}, {"word", VIEW("x"), false}, {"no", {0}, false}};
    log_record(b.log, WEIR_WARN, VIEW("orders"), VIEW("two\nlines \x1b[31m \"quoted\" \\"), fields, 4);
    expect_text(&b, " warn  orders: two\\nlines \\u001b[31m \"quoted\" \\ count=12 name=\"x y\" word=x no=\"\"");
    log_line(b.log, WEIR_ERROR, "short");
    expect_text(&b, " error short");
    bench_close(&b);
    bench_open(&b, "info", "color");
    log_line(b.log, WEIR_ERROR, "short");
    expect_text(&b, " \033[31merror\033[0m short");
    bench_close(&b);
}

static void json_is_the_default_where_nobody_looks(void **state)
{
    (void)state;
    bench b;
    bench_open(&b, "", "");
    log_line(b.log, WEIR_INFO, "x");
    log_line(b.log, WEIR_DEBUG, "not this");
    expect_json(&b, "\",\"level\":\"info\",\"message\":\"x\"}");
    bench_close(&b);
}

static void long_messages_are_whole(void **state)
{
    (void)state;
    enum { LEN = 300000 };
    bench b;
    bench_open(&b, "info", "json");
    char *text = malloc(LEN + 1);
    memset(text, 'x', LEN);
    text[LEN] = '\0';
    int size = fcntl(b.fd[1], F_GETPIPE_SZ);
    if (size > LEN + 1000) {
        say(&b, text);
        assert_in_range(next_line(&b).len, LEN + 50, LEN + 100);
    }
    free(text);
    bench_close(&b);
}

/* -------------------------------------------------------------------------------------------------------------- levels -- */

static void level_words_are_read_in_any_case(void **state)
{
    (void)state;
    static const struct {
        const char *word;
        int level;
    } cases[] = {
        {"error", WEIR_ERROR}, {"ERROR", WEIR_ERROR}, {"fatal", WEIR_ERROR}, {"Panic", WEIR_ERROR}, {"warn", WEIR_WARN},
        {"WARNING", WEIR_WARN}, {"info", WEIR_INFO}, {"Debug", WEIR_DEBUG}, {"trace", WEIR_TRACE},
        {"", 0}, {"inf", 0}, {"infos", 0}, {"notice", 0}, {" info", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(log_level_of(view_of(cases[i].word)), cases[i].level);
    assert_int_equal(log_level_of((weir_view){0}), 0);
    for (weir_level l = WEIR_ERROR; l <= WEIR_TRACE; l++)
        assert_int_equal(log_level_of(view_of(log_level_name(l))), l);
}

static void levels_hold_records_back(void **state)
{
    (void)state;
    bench b;
    bench_open(&b, "Warning", "json");
    assert_true(log_enabled(b.log, WEIR_WARN));
    assert_false(log_enabled(b.log, WEIR_INFO));
    log_line(b.log, WEIR_INFO, "no");
    log_line(b.log, WEIR_WARN, "yes");
    expect_json(&b, "\",\"level\":\"warn\",\"message\":\"yes\"}");
    log_set_level(b.log, WEIR_TRACE);
    log_line(b.log, WEIR_TRACE, "yes");
    expect_json(&b, "\",\"level\":\"trace\",\"message\":\"yes\"}");
    bench_close(&b);
}

static void unknown_settings_are_warned_of(void **state)
{
    (void)state;
    bench b;
    bench_open(&b, "loud", "xml");
    expect_json(&b, "\",\"level\":\"warn\",\"message\":\"LOG_FORMAT is \\\"xml\\\": json, text and color are known; json it is\"}");
    expect_json(&b, "\",\"level\":\"warn\",\"message\":\"LOG_LEVEL is \\\"loud\\\": error, warn, info, debug and trace are known; "
                    "info it is\"}");
    assert_true(log_enabled(b.log, WEIR_INFO));
    assert_false(log_enabled(b.log, WEIR_DEBUG));
    bench_close(&b);
}

/* --------------------------------------------------------------------------------------------------------------- masks -- */

static void secrets_do_not_leave(void **state)
{
    (void)state;
    bench b;
    bench_open(&b, "info", "json");
    log_mask(b.log, VIEW("s3cret"));
    log_mask(b.log, VIEW("s3cret-longer"));
    log_mask(b.log, VIEW("s3cret"));
    log_mask(b.log, VIEW("ab")); /* too short to be one */
    log_mask(b.log, (weir_view){0});
    say(&b, "s3cret as3cretb s3cre s3crets3cret s3cret-longer abab");
    expect_message(&b, "*** a***b s3cre ****** *** abab");
    log_field fields[] = {{"s3cret", VIEW("is s3cret"), false}, {"j", VIEW("[\"s3cret\",1]"), true}};
    log_record(b.log, WEIR_INFO, VIEW("of s3cret"), VIEW("m"), fields, 2);
    expect_json(&b,
                "\",\"level\":\"info\",\"message\":\"m\",\"fields\":{\"task\":\"of ***\",\"***\":\"is ***\",\"j\":[\"***\",1]}}");
    bench_close(&b);
    bench_open(&b, "info", "text");
    log_mask(b.log, VIEW("s3cret"));
    log_record(b.log, WEIR_INFO, VIEW("of s3cret"), VIEW("m s3cret"), fields, 2);
    expect_text(&b, " info  of ***: m *** ***=\"is ***\" j=[\"***\",1]");
    bench_close(&b);
}

static void overlapping_secrets_leave_no_rest(void **state)
{
    (void)state;
    bench b;
    bench_open(&b, "info", "json");
    log_mask(b.log, VIEW("abcX"));
    log_mask(b.log, VIEW("cXyz"));
    log_mask(b.log, VIEW("zzzz"));
    say(&b, "<abcXyz> <abcXyzzzz> <cXyzz> <zzzzz>");
    expect_message(&b, "<***> <***> <***z> <***>");
    bench_close(&b);
}

/* pa"ss\wo/rd<TAB>é€😀, as JSON writers of all kinds write it: json.dumps, with and without ensure_ascii, Go (which escapes <>&),
 * PHP (which escapes slashes), and each of them within a string of another document. */
static void escaped_secrets_are_recognised(void **state)
{
    (void)state;
    static const char secret[] = "pa\"ss\\wo/rd\t<\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80";
    static const char *const forms[] = {
        "pa\\\"ss\\\\wo/rd\\t<\\u00e9\\u20ac\\ud83d\\ude00",
        "pa\\\"ss\\\\wo/rd\\t<\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80",
        "pa\\\"ss\\\\wo/rd\\t\\u003c\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80",
        "pa\\\"ss\\\\wo\\/rd\\u0009<\\u00E9\\u20AC\\uD83D\\uDE00",
        "\\u0070\\u0061\\u0022ss\\u005cwo/rd\\t<\\u00e9\\u20ac\\ud83d\\ude00",
        "pa\\\\\\\"ss\\\\\\\\wo/rd\\\\t<\\\\u00e9\\\\u20ac\\\\ud83d\\\\ude00",
        "pa\\u005c\\u0022ss\\u005c\\u005cwo/rd\\u005ct<\xc3\xa9\\\\u20ac\\\\ud83d\\\\ude00",
    };
    bench b;
    bench_open(&b, "info", "json");
    log_mask(b.log, view_of(secret));
    say(&b, secret);
    expect_message(&b, "***");
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        buf text = {0}, masked = {0};
        buf_printf(&text, "{\"password\":\"%s\"}", forms[i]);
        say(&b, buf_text(&text));
        expect_message(&b, "{\\\"password\\\":\\\"***\\\"}");
        log_masked(b.log, buf_view(&text), &masked);
        assert_string_equal(buf_text(&masked), "{\"password\":\"***\"}");
        say_field(&b, buf_text(&text));
        expect_field(&b, "{\"password\":\"***\"}");
        buf_free(&text);
        buf_free(&masked);
    }
    bench_close(&b);
}

static void json_fields_stay_json(void **state)
{
    (void)state;
    bench b;
    bench_open(&b, "info", "json");
    log_mask(b.log, VIEW("12345"));
    log_mask(b.log, VIEW("true"));
    log_mask(b.log, VIEW("n99"));
    static const struct {
        const char *json, *masked;
    } cases[] = {
        {"12345", "\"***\""},
        {"{\"a\":12345,\"b\":-1.12345e2}", "{\"a\":\"***\",\"b\":\"***\"}"},
        {"[true,false]", "[\"***\",false]"},
        {"{\"12345\":1}", "{\"***\":1}"},
        {"\"a\\n99\"", "\"\\\"a\\\\***\\\"\""},       /* \n, then 99: no secret to JSON, but one to whoever reads bytes */
        {"\"no end", "\"\\\"no end\""},
        {"\"no end \\", "\"\\\"no end \\\\\""},
        {"[1,\n\t2]", "[1,  2]"},
        {"\"raw\nnewline\"", "\"raw\\nnewline\""},
        {"\"\xff\"", "\"\xef\xbf\xbd\""},
        {"", "null"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        say_field(&b, cases[i].json);
        expect_field(&b, cases[i].masked);
    }
    log_mask(b.log, VIEW("\",\"")); /* across two tokens: what is left is no JSON */
    say_field(&b, "[\"a\",\"b\"]");
    expect_field(&b, "\"[\\\"a***b\\\"]\"");
    bench_close(&b);
}

static void lines_of_a_secret_are_secrets(void **state)
{
    (void)state;
    bench b;
    bench_open(&b, "info", "json");
    log_mask(b.log, VIEW("-----BEGIN KEY-----\r\nMIIEvQIBADANBgkq\nshort\n-----END KEY-----\n"));
    say(&b, "got MIIEvQIBADANBgkq, then short");
    expect_message(&b, "got ***, then short");
    say(&b, "-----BEGIN KEY-----\r\nMIIEvQIBADANBgkq\nshort\n-----END KEY-----\n");
    expect_message(&b, "***");
    say(&b, "-----BEGIN KEY-----\\r\\nMIIEvQIBADANBgkq\\nshort\\n-----END KEY-----\\n");
    expect_message(&b, "***");
    bench_close(&b);
}

static void texts_are_masked_for_others(void **state)
{
    (void)state;
    bench b;
    bench_open(&b, "info", "json");
    buf out = {0};
    log_mask(b.log, VIEW("s3cret"));
    buf_adds(&out, ">");
    log_masked(b.log, VIEW("a\ns3cret\"b\xff"), &out);
    log_masked(b.log, (weir_view){0}, &out);
    assert_string_equal(buf_text(&out), ">a\n***\"b\xff");
    buf_clear(&out);
    log_masked(NULL, VIEW("s3cret"), &out);
    assert_string_equal(buf_text(&out), "s3cret");
    buf_free(&out);
    bench_close(&b);
}

static void no_sink_is_fine(void **state)
{
    (void)state;
    assert_false(log_enabled(NULL, WEIR_ERROR));
    log_line(NULL, WEIR_ERROR, "x");
    log_record(NULL, WEIR_ERROR, VIEW("x"), VIEW("x"), NULL, 0);
    log_mask(NULL, VIEW("xxx"));
    log_set_level(NULL, WEIR_INFO);
    log_close(NULL);
}

/* ----------------------------------------------------------------------------------------------------------- no memory -- */

static void opening_may_fail(void **state)
{
    (void)state;
    bench b;
    bench_open(&b, "info", "json");
    fault_at(FAULT_ALLOC, 0, ENOMEM);
    assert_null(log_open(b.fd[1]));
    assert_true(fault_clear());
    expect_json(&b, "\",\"level\":\"error\",\"message\":\"out of memory\",\"fields\":{\"code\":\"machine\","
                    "\"who\":\"the machine is short of memory, disk or descriptors\"}}");
    bench_close(&b);
}

static void a_record_without_memory_is_cut(void **state)
{
    (void)state;
    static const char *const formats[] = {"json", "text"};
    for (size_t f = 0; f < 2; f++) {
        bench b;
        bench_open(&b, "info", formats[f]);
        log_mask(b.log, VIEW("s3cret"));
        char text[3000];
        for (size_t i = 0; i + 10 < sizeof text; i += 10)
            memcpy(text + i, "\xe2\x82\xac s3cret", 10);
        fault_from(FAULT_ALLOC, 0, ENOMEM);
        log_record(b.log, WEIR_ERROR, (weir_view){0}, (weir_view){text, 2990}, NULL, 0);
        log_line(b.log, WEIR_ERROR, "no memory for %s", "this");
        log_record(b.log, WEIR_ERROR, VIEW("task"), VIEW("short"), &(log_field){"a", VIEW("b"), false}, 1);
        assert_true(fault_clear());
        weir_view line = next_line(&b);
        assert_in_range(line.len, 1000, 1022);
        assert_true(view_ends(line, f == 0 ? VIEW("\xe2\x80\xa6\"}") : VIEW("\xe2\x80\xa6")));
        assert_null(memmem(line.ptr, line.len, "s3", 2));
        assert_non_null(memmem(line.ptr, line.len, "\xe2\x82\xac ***\xe2\x82\xac ***", 14));
        line = next_line(&b);
        assert_true(view_ends(line, f == 0 ? VIEW("no memory for %s\"}") : VIEW("no memory for %s")));
        line = next_line(&b);
        assert_true(view_ends(line, f == 0 ? VIEW("short\"}") : VIEW("short")));
        bench_close(&b);
    }
}

/* Every record leaves, in whole or cut, whichever allocation fails. */
static void every_allocation_may_fail(void **state)
{
    (void)state;
    bench b;
    bench_open(&b, "info", "json");
    log_mask(b.log, VIEW("s3cret"));
    for (size_t n = 0, again = 1; again; n++) {
        log_field f = {"j", VIEW("{\"a\":[\"s3cret\",true,null]}"), true};
        fault_at(FAULT_ALLOC, n, ENOMEM);
        log_record(b.log, WEIR_INFO, VIEW("t"), VIEW("m"), &f, 1);
        again = fault_clear();
        weir_view line = next_line(&b);
        assert_non_null(memmem(line.ptr, line.len, "\"message\":\"m", 12));
        assert_null(memmem(line.ptr, line.len, "s3cret", 6));
        assert_int_equal(!memmem(line.ptr, line.len, "[\"***\",true,null]", 17), again);
    }
    bench_close(&b);
}

/* A secret that could not be remembered must not leave later. */
static void a_forgotten_secret_silences_messages(void **state)
{
    (void)state;
    for (size_t n = 0; n < 2; n++) {
        bench b;
        bench_open(&b, "info", "json");
        fault_at(FAULT_ALLOC, n, ENOMEM);
        log_mask(b.log, VIEW("s3cret"));
        assert_true(fault_clear());
        say_field(&b, "\"s3cret\"");
        expect_message(&b, "(withheld: there was no memory to remember what must be masked)");
        buf out = {0};
        log_masked(b.log, VIEW("s3cret"), &out);
        assert_string_equal(buf_text(&out), "(withheld: there was no memory to remember what must be masked)");
        buf_free(&out);
        bench_close(&b);
    }
}

/* ------------------------------------------------------------------------------------------------------------- threads -- */

enum { THREADS = 4, EACH = 500 };

typedef struct voice {
    pthread_t thread;
    log_sink *log;
    int number;
} voice;

static void *speak(void *arg)
{
    voice *v = arg;
    char secret[32];
    for (int i = 0; i < EACH; i++) {
        if (i % 50 == 0) {
            snprintf(secret, sizeof secret, "hidden-%d-%d", v->number, i);
            log_mask(v->log, view_of(secret));
        }
        log_set_level(v->log, WEIR_INFO);
        log_line(v->log, WEIR_INFO, "voice %d says %d and %s", v->number, i, secret);
    }
    return NULL;
}

/* One write(2) a line: none is torn, none is lost, each voice's are in order. */
static void threads_do_not_mix(void **state)
{
    (void)state;
    bench b;
    voice voices[THREADS];
    int next[THREADS] = {0};
    bench_open(&b, "info", "json");
    for (int i = 0; i < THREADS; i++) {
        voices[i] = (voice){.log = b.log, .number = i};
        assert_int_equal(pthread_create(&voices[i].thread, NULL, speak, &voices[i]), 0);
    }
    for (int i = 0; i < THREADS * EACH; i++) {
        char text[256];
        int number, said, end = 0;
        weir_view line = next_line(&b);
        assert_true(line.len < sizeof text);
        memcpy(text, line.ptr, line.len);
        text[line.len] = '\0';
        const char *message = strstr(text, "voice ");
        assert_non_null(message);
        assert_int_equal(sscanf(message, "voice %d says %d and ***\"}%n", &number, &said, &end), 2);
        assert_int_equal(message[end], 0);
        assert_true(end > 0 && number >= 0 && number < THREADS);
        assert_int_equal(said, next[number]++);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(voices[i].thread, NULL);
    bench_close(&b);
}

static void a_line_is_one_write(void **state)
{
    (void)state;
    bench b;
    bench_open(&b, "info", "json");
    fault_clear();
    log_record(b.log, WEIR_INFO, VIEW("t"), VIEW("m"), &(log_field){"a", VIEW("b"), false}, 1);
    assert_int_equal(fault_count(FAULT_WRITE), 1);
    next_line(&b);
    bench_close(&b);
}

static void a_log_nobody_reads_is_no_failure(void **state)
{
    (void)state;
    int full = open("/dev/full", O_WRONLY);
    log_sink *l = log_open(full);
    log_line(l, WEIR_ERROR, "into the void");
    log_close(l);
    close(full);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_is_one_json_line),
        cmocka_unit_test(messages_are_escaped),
        cmocka_unit_test(people_read_text),
        cmocka_unit_test(json_is_the_default_where_nobody_looks),
        cmocka_unit_test(long_messages_are_whole),
        cmocka_unit_test(level_words_are_read_in_any_case),
        cmocka_unit_test(levels_hold_records_back),
        cmocka_unit_test(unknown_settings_are_warned_of),
        cmocka_unit_test(secrets_do_not_leave),
        cmocka_unit_test(overlapping_secrets_leave_no_rest),
        cmocka_unit_test(escaped_secrets_are_recognised),
        cmocka_unit_test(json_fields_stay_json),
        cmocka_unit_test(lines_of_a_secret_are_secrets),
        cmocka_unit_test(texts_are_masked_for_others),
        cmocka_unit_test(no_sink_is_fine),
        cmocka_unit_test(opening_may_fail),
        cmocka_unit_test(a_record_without_memory_is_cut),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(a_forgotten_secret_silences_messages),
        cmocka_unit_test(threads_do_not_mix),
        cmocka_unit_test(a_line_is_one_write),
        cmocka_unit_test(a_log_nobody_reads_is_no_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
