#include "cli/progress.h"

#include <inttypes.h>
#include <libsmartcols.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/io.h"
#include "json/write.h"

enum { LINES_MS = 2000 };

struct progress {
    progress_mode mode;
    int fd;
    size_t drawn;          /* lines on the terminal to be drawn over */
    int64_t begun, said;
    uint64_t said_documents;
    task_progress *last;   /* of the latest update */
    size_t count;
};

progress *progress_new(progress_mode mode, int fd)
{
    progress *p = calloc(1, sizeof *p);
    if (p)
        *p = (progress){.mode = mode, .fd = fd, .begun = clock_ms()};
    return p;
}

void progress_free(progress *p)
{
    if (p)
        free(p->last);
    free(p);
}

/* 12,345,678 */
static void grouped(buf *out, uint64_t n)
{
    char digits[NUMBER_TEXT];
    size_t len = number_u64(digits, n);
    for (size_t i = 0; i < len; i++) {
        if (i && (len - i) % 3 == 0)
            buf_addc(out, ',');
        buf_addc(out, digits[i]);
    }
}

static void size_text(buf *out, uint64_t bytes)
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
    double v = (double)bytes;
    size_t u = 0;
    for (; v >= 1000 && u < 4; u++)
        v /= 1000;
    buf_printf(out, u ? "%.1f %s" : "%.0f %s", v, units[u]);
}

static double seconds(const task_progress *t)
{
    return (double)t->busy_ms / 1000;
}

static uint64_t per_second(uint64_t n, const task_progress *t)
{
    return t->busy_ms > 0 ? n * 1000 / (uint64_t)t->busy_ms : 0;
}

static const char *kind_name(const task_progress *t) { return task_kind_name(t->kind); }

static void line_of(buf *out, const task_progress *t)
{
    buf_printf(out, "%-15s %.*s: %s, ", kind_name(t), VIEW_ARG(t->name), t->phase);
    grouped(out, t->documents);
    buf_adds(out, " documents, ");
    size_text(out, t->bytes);
    buf_adds(out, ", ");
    grouped(out, per_second(t->documents, t));
    buf_adds(out, "/s");
    if (t->kind != TASK_CAPTURE) {
        buf_adds(out, ", lag ");
        size_text(out, t->lag);
    }
}

static void json_of(buf *out, const task_progress *t)
{
    json_out w = json_out_to(out);
    out_open(&w, '{');
    out_text(out_name(&w, "task"), t->name);
    out_text(out_name(&w, "kind"), view_of(kind_name(t)));
    out_text(out_name(&w, "phase"), view_of(t->phase));
    out_int(out_name(&w, "documents"), (int64_t)t->documents);
    out_int(out_name(&w, "bytes"), (int64_t)t->bytes);
    out_int(out_name(&w, "commits"), (int64_t)t->commits);
    out_int(out_name(&w, "milliseconds"), t->busy_ms);
    out_int(out_name(&w, "lag"), (int64_t)t->lag);
    out_text(out_name(&w, "result"), view_of(rc_name(t->rc)));
    out_close(&w, '}');
}

static void draw(progress *p, buf *out, const task_progress *tasks, size_t count)
{
    if (p->drawn)
        buf_printf(out, "\033[%zuA", p->drawn);
    for (size_t i = 0; i < count; i++) {
        buf_adds(out, "\r\033[K");
        line_of(out, &tasks[i]);
        buf_addc(out, '\n');
    }
    p->drawn = count;
}

/* Elsewhere than on a terminal: every two seconds, and only if something moved. @return in how many milliseconds lines are due; negative: not */
static int lines_due(const progress *p, const task_progress *tasks, size_t count)
{
    uint64_t all = 0;
    int64_t left = (p->said ? p->said : p->begun) + LINES_MS - clock_ms();
    for (size_t i = 0; i < count; i++)
        all += tasks[i].documents;
    return all == p->said_documents ? -1 : left > 0 ? (int)left : 0;
}

static void say(progress *p, buf *out, const task_progress *tasks, size_t count)
{
    p->said = clock_ms();
    p->said_documents = 0;
    for (size_t i = 0; i < count; i++) {
        p->said_documents += tasks[i].documents;
        if (p->mode == PROGRESS_JSON)
            json_of(out, &tasks[i]);
        else
            line_of(out, &tasks[i]);
        buf_addc(out, '\n');
    }
}

static void keep(progress *p, const task_progress *tasks, size_t count)
{
    if (p->count != count) {
        task_progress *grown = realloc(p->last, (count ? count : 1) * sizeof *grown);
        if (!grown)
            return;
        p->last = grown;
        p->count = count;
    }
    if (count)
        memcpy(p->last, tasks, count * sizeof *tasks);
}

int progress_update(void *arg, const task_progress *tasks, size_t count)
{
    progress *p = arg;
    buf out = {0};
    err e = {0};
    int due = p->mode == PROGRESS_LINES || p->mode == PROGRESS_JSON ? lines_due(p, tasks, count) : -1;
    keep(p, tasks, count);
    if (p->mode == PROGRESS_TERMINAL)
        draw(p, &out, tasks, count);
    if (due == 0)
        say(p, &out, tasks, count);
    io_write(p->fd, buf_view(&out), "progress", &e); /* who closed it does not want it */
    err_free(&e);
    buf_free(&out);
    return due > 0 ? due : -1;
}

/* ---- the summary ---- */

static void set_cell(struct libscols_line *line, size_t column, buf *text)
{
    scols_line_set_data(line, column, buf_text(text));
    buf_clear(text);
}

static bool add_row(struct libscols_table *table, const task_progress *t)
{
    struct libscols_line *line = scols_table_new_line(table, NULL);
    buf text = {0};
    if (!line)
        return false;
    buf_addv(&text, t->name);
    set_cell(line, 0, &text);
    buf_adds(&text, kind_name(t));
    set_cell(line, 1, &text);
    grouped(&text, t->documents);
    set_cell(line, 2, &text);
    size_text(&text, t->bytes);
    set_cell(line, 3, &text);
    buf_printf(&text, "%.2f", seconds(t));
    set_cell(line, 4, &text);
    grouped(&text, per_second(t->documents, t));
    set_cell(line, 5, &text);
    buf_adds(&text, t->rc ? rc_name(t->rc) : t->documents ? "ok" : "nothing new");
    set_cell(line, 6, &text);
    buf_free(&text);
    return true;
}

static struct libscols_table *make_table(void)
{
    static const struct { const char *name; int flags; } columns[] = {
        {"TASK", 0}, {"KIND", 0}, {"DOCUMENTS", SCOLS_FL_RIGHT}, {"SIZE", SCOLS_FL_RIGHT}, {"SECONDS", SCOLS_FL_RIGHT},
        {"PER SECOND", SCOLS_FL_RIGHT}, {"RESULT", 0},
    };
    struct libscols_table *table = scols_new_table();
    for (size_t i = 0; table && i < sizeof columns / sizeof *columns; i++)
        if (!scols_table_new_column(table, columns[i].name, 0, columns[i].flags)) {
            scols_unref_table(table);
            return NULL;
        }
    return table;
}

/* Did everybody do well and nobody find anything to do? */
static bool nothing_new(const progress *p)
{
    for (size_t i = 0; i < p->count; i++)
        if (p->last[i].documents || p->last[i].rc)
            return false;
    return true;
}

void progress_summary(progress *p, buf *out)
{
    if (p->mode == PROGRESS_JSON || p->mode == PROGRESS_NONE || !p->count) {
        for (size_t i = 0; p->mode == PROGRESS_JSON && i < p->count; i++) {
            json_of(out, &p->last[i]);
            buf_addc(out, '\n');
        }
        return;
    }
    struct libscols_table *table = make_table();
    bool ok = table != NULL;
    for (size_t i = 0; ok && i < p->count; i++)
        ok = add_row(table, &p->last[i]);
    char *text = NULL;
    if (ok && scols_print_table_to_string(table, &text) == 0) {
        buf_adds(out, text);
        if (out->len && out->ptr[out->len - 1] != '\n')
            buf_addc(out, '\n');
    } else {
        out->failed = true;
    }
    free(text);
    if (table)
        scols_unref_table(table);
    if (nothing_new(p))
        buf_adds(out, "Nothing new since the last run.\n");
}
