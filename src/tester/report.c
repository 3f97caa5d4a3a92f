#include "tester/report.h"

#include <ctype.h>
#include <libsmartcols.h>
#include <stdlib.h>

#include "base/io.h"
#include "json/write.h"

void tester_report_free(report *r)
{
    map_free(&r->rules);
    arena_free(&r->arena);
    err_free(&r->failed);
}

static void out(report *r, const buf *text)
{
    buf masked = {0};
    if (r->log)
        log_masked(r->log, buf_view(text), &masked);
    else
        buf_addv(&masked, buf_view(text));
    if (!r->failed.rc)
        io_write(1, buf_view(&masked), "standard output", &r->failed);
    buf_free(&masked);
}

/* One line: `{"event":...,"RULE-OR-STEP":...,"message":...}` or text. */
static void line(report *r, const char *event, const char *name, const char *value, weir_view message, const char *mark)
{
    buf text = {0};
    if (r->json) {
        json_out w = json_out_to(&text);
        out_open(&w, '{');
        out_text(out_name(&w, "event"), view_of(event));
        out_text(out_name(&w, name), view_of(value));
        out_text(out_name(&w, "message"), message);
        out_close(&w, '}');
    } else {
        buf_printf(&text, "%s%s: %.*s", mark, value, VIEW_ARG(message));
    }
    buf_addc(&text, '\n');
    out(r, &text);
    buf_free(&text);
}

void tester_say(report *r, const char *step, const char *fmt, ...)
{
    buf message = {0};
    va_list args;
    va_start(args, fmt);
    buf_vprintf(&message, fmt, args);
    va_end(args);
    line(r, "step", "step", step, buf_view(&message), "");
    buf_free(&message);
}

/* How often has this rule been broken, this time included? */
static size_t count(report *r, const char *rule)
{
    size_t *n = map_get(&r->rules, view_of(rule));
    if (!n) {
        n = arena_alloc(&r->arena, sizeof *n);
        if (!n || !map_put(&r->rules, view_of(rule), n))
            return 1;
    }
    return ++*n;
}

static void tell(report *r, const char *event, const char *rule, const char *mark, const char *fmt, va_list args)
{
    buf message = {0};
    size_t n = count(r, rule);
    if (n > TESTER_TOLD)
        return;
    buf_vprintf(&message, fmt, args);
    if (n == TESTER_TOLD)
        buf_adds(&message, " (further cases of this rule are only counted)");
    line(r, event, "rule", rule, buf_view(&message), mark);
    buf_free(&message);
}

void tester_problem(report *r, const char *rule, const char *fmt, ...)
{
    va_list args;
    r->problems++;
    va_start(args, fmt);
    tell(r, "problem", rule, "problem: ", fmt, args);
    va_end(args);
}

void tester_warn(report *r, const char *rule, const char *fmt, ...)
{
    va_list args;
    r->warnings++;
    va_start(args, fmt);
    tell(r, "warning", rule, "warning: ", fmt, args);
    va_end(args);
}

/* ---------------------------------------------------------------------------------------------------------------- tables -- */

static void json_row(const char *event, const weir_view *head, const weir_view *cells, size_t columns, unsigned numbers, buf *text)
{
    json_out w = json_out_to(text);
    out_open(&w, '{');
    out_text(out_name(&w, "event"), view_of(event));
    for (size_t c = 0; c < columns; c++) {
        char name[64] = "";
        for (size_t i = 0; i < head[c].len && i + 1 < sizeof name; i++)
            name[i] = head[c].ptr[i] == ' ' ? '_' : (char)tolower((unsigned char)head[c].ptr[i]);
        out_name(&w, name);
        if (numbers >> c & 1)
            out_raw(&w, cells[c]);
        else
            out_text(&w, cells[c]);
    }
    out_close(&w, '}');
    buf_addc(text, '\n');
}

static bool fill(struct libscols_table *t, const weir_view *cells, size_t columns, size_t rows, unsigned numbers)
{
    buf text = {0};
    bool ok = true;
    for (size_t c = 0; ok && c < columns; c++) {
        buf_clear(&text);
        buf_addv(&text, cells[c]);
        ok = scols_table_new_column(t, buf_text(&text), 0, numbers >> c & 1 ? SCOLS_FL_RIGHT : 0) != NULL;
    }
    for (size_t r = 1; ok && r < rows; r++) {
        struct libscols_line *l = scols_table_new_line(t, NULL);
        for (size_t c = 0; (ok = ok && l != NULL) && c < columns; c++) {
            buf_clear(&text);
            buf_addv(&text, cells[r * columns + c]);
            ok = scols_line_set_data(l, c, buf_text(&text)) == 0;
        }
    }
    buf_free(&text);
    return ok;
}

void tester_print(report *r, const char *event, const weir_view *cells, size_t columns, size_t rows, unsigned numbers)
{
    buf text = {0};
    char *printed = NULL;
    if (r->json) {
        for (size_t i = 1; i < rows; i++)
            json_row(event, cells, cells + i * columns, columns, numbers, &text);
    } else if (rows > 1) {
        struct libscols_table *t = scols_new_table();
        if (t && fill(t, cells, columns, rows, numbers) && scols_print_table_to_string(t, &printed) == 0)
            buf_adds(&text, printed);
        if (text.len && text.ptr[text.len - 1] != '\n')
            buf_addc(&text, '\n');
        free(printed);
        if (t)
            scols_unref_table(t);
    }
    out(r, &text);
    buf_free(&text);
}

/* --------------------------------------------------------------------------------------------------------------- the end -- */

static void json_verdict(const report *r, const char *what, bool ok, err *e, buf *text)
{
    json_out w = json_out_to(text);
    out_open(&w, '{');
    out_text(out_name(&w, "event"), VIEW("result"));
    out_text(out_name(&w, "test"), view_of(what));
    out_bool(out_name(&w, "succeeded"), ok);
    out_int(out_name(&w, "problems"), (int64_t)r->problems);
    out_int(out_name(&w, "warnings"), (int64_t)r->warnings);
    out_open(out_name(&w, "rules"), '{');
    for (size_t i = 0; i < r->rules.count; i++)
        out_int(out_namev(&w, r->rules.entries[i].key), (int64_t)*(const size_t *)r->rules.entries[i].value);
    out_close(&w, '}');
    if (e->rc) {
        out_text(out_name(&w, "error"), view_of(err_text(e)));
        out_text(out_name(&w, "code"), view_of(rc_name(e->rc)));
    }
    out_close(&w, '}');
}

bool tester_verdict(report *r, const char *what, err *e)
{
    buf text = {0};
    bool ok = !e->rc && !r->problems;
    if (r->json) {
        json_verdict(r, what, ok, e, &text);
    } else {
        buf_printf(&text, "%s %s", what, ok ? "succeeded" : e->rc == WEIR_STOPPED ? "was stopped" : "failed");
        if (r->problems || r->warnings)
            buf_printf(&text, ": %zu %s, %zu %s", r->problems, r->problems == 1 ? "problem" : "problems", r->warnings,
                       r->warnings == 1 ? "warning" : "warnings");
    }
    buf_addc(&text, '\n');
    out(r, &text);
    buf_free(&text);
    if (!e->rc && r->failed.rc)
        err_move(e, &r->failed);
    return ok && !e->rc;
}
