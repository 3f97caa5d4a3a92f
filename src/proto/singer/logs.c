#include "proto/singer/logs.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "json/scan.h"
#include "json/tree.h"
#include "json/write.h"
#include "proto/singer/config.h"

#define METRIC "METRIC: "

static const char *setting(const char *name)
{
    const char *text = getenv(name);
    return text && *text ? text : NULL;
}

/* Python's words; ours are understood, too. */
static weir_level level_of(weir_view word)
{
    return word.len == 8 && strncasecmp(word.ptr, "critical", 8) == 0 ? WEIR_ERROR : log_level_of(word);
}

/* ---------------------------------------------------------------------------------------------------------- structured -- */

static void write_structured(void *arg, weir_level level, weir_view text)
{
    static const char *const names[] = {[WEIR_ERROR] = "error", [WEIR_WARN] = "warning", [WEIR_INFO] = "info", [WEIR_DEBUG] = "debug", [WEIR_TRACE] = "debug"};
    const singer_logs *l = arg;
    const weir_view body = view_starts(text, VIEW(METRIC)) ? view_from(text, sizeof METRIC - 1) : (weir_view){0};
    const bool metric = body.len && json_check(body, NULL, NULL);
    int64_t seconds;
    uint32_t nanos;
    char ts[40];
    buf line = {0};
    err unheard = {0};
    json_out w = json_out_to(&line);
    clock_now(&seconds, &nanos);
    weir_view stamp = {ts, (size_t)snprintf(ts, sizeof ts, "%lld.%06u", (long long)seconds, nanos / 1000)};
    out_open(&w, '{');
    out_text(out_name(&w, "level"), view_of(names[level]));
    out_int(out_name(&w, "pid"), getpid());
    out_text(out_name(&w, "logger_name"), view_of(l->name));
    out_raw(out_name(&w, "ts"), stamp);
    out_text(out_name(&w, "thread_name"), VIEW("MainThread"));
    out_text(out_name(&w, "app_name"), view_of(l->name));
    out_null(out_name(&w, "stream_name"));
    out_text(out_name(&w, "message"), metric ? VIEW("METRIC") : text);
    if (metric)
        out_raw(out_name(&w, "metric_info"), body);
    out_raw(out_name(&w, "extra"), VIEW("{}"));
    out_close(&w, '}');
    buf_addc(&line, '\n');
    if (buf_ok(&line))
        io_write(2, buf_view(&line), "the log", &unheard);
    err_free(&unheard);
    buf_free(&line);
}

/* ----------------------------------------------------------------------------------------------------------- begin, end -- */

typedef struct wishes {
    bool structured;
    weir_level level; /* 0: none */
} wishes;

static bool mentions(weir_view text, const char *word)
{
    return text.len && memmem(text.ptr, text.len, word, strlen(word));
}

/* A dictConfig, as JSON or YAML: all we take from it is whether it wants structured lines and, from JSON, the level of its root. */
static wishes from_file(const char *path)
{
    wishes w = {0};
    arena a = {0};
    err e = {0};
    buf text = {0};
    tree *t;
    if (io_read_file(path, 1 << 20, &text, &e) == WEIR_OK) {
        w.structured = mentions(buf_view(&text), "StructuredFormatter");
        if (tree_parse(&a, buf_view(&text), NULL, WEIR_E_CONFIG, &t, &e) == WEIR_OK)
            w.level = level_of(tree_text(tree_get(t, "root"), "level"));
    }
    arena_free(&a);
    err_free(&e);
    buf_free(&text);
    return w;
}

static void choose_level(log_sink *log, const char *name, weir_level wish)
{
    buf variable = {0};
    singer_variable(name, VIEW("LOGLEVEL"), &variable);
    const char *text = buf_ok(&variable) ? setting(buf_text(&variable)) : NULL;
    text = text ? text : setting("LOGLEVEL");
    weir_level level = text ? level_of(view_of(text)) : wish;
    if (level)
        log_set_level(log, level);
    else if (text)
        log_line(log, WEIR_WARN, "a log level is \"%s\": critical, error, warning, info and debug are known", text);
    buf_free(&variable);
}

void singer_logs_begin(singer_logs *l, log_sink *log, const char *name)
{
    const char *format = setting("LOG_FORMAT"), *path = setting("SINGER_SDK_LOG_CONFIG");
    wishes w = path ? from_file(path) : (wishes){0};
    *l = (singer_logs){.outlet = {write_structured, l}, .name = name};
    if (!setting("LOG_LEVEL"))
        choose_level(log, name, w.level);
    l->structured = format ? strcasecmp(format, "singer") == 0 : w.structured;
    if (l->structured)
        log_redirect(log, &l->outlet);
}

void singer_logs_end(singer_logs *l, log_sink *log)
{
    if (l->structured)
        log_redirect(log, NULL);
}

/* ---------------------------------------------------------------------------------------------------------------- metrics -- */

void singer_metric_log(log_sink *log, const singer_metric *m)
{
    buf text = {0};
    if (!log_enabled(log, WEIR_INFO))
        return;
    buf_adds(&text, METRIC);
    json_out w = json_out_to(&text);
    out_open(&w, '{');
    out_text(out_name(&w, "type"), view_of(m->type));
    out_text(out_name(&w, "metric"), view_of(m->name));
    out_raw(out_name(&w, "value"), m->value);
    out_open(out_name(&w, "tags"), '{');
    out_text(out_name(&w, "stream"), m->stream);
    out_int(out_name(&w, "pid"), getpid());
    out_raw(out_name(&w, "context"), VIEW("{}"));
    if (m->status)
        out_text(out_name(&w, "status"), view_of(m->status));
    out_close(&w, '}');
    out_close(&w, '}');
    if (buf_ok(&text))
        log_record(log, WEIR_INFO, (weir_view){0}, buf_view(&text), NULL, 0);
    buf_free(&text);
}
