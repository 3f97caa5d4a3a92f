#include "proto/intake.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>

#include "base/clock.h"
#include "run/stop.h"

enum { LOOK_EVERY = 256 }; /* lines between two looks at the clock */

typedef enum news { NEWS_LINE, NEWS_LATE, NEWS_END, NEWS_STOP } news;

void intake_state(intake *n, size_t bytes)
{
    n->waits = true;
    n->waiting += bytes;
    n->mark = load_mark(n->l);
}

static weir_rc commit(intake *n, uint64_t mark, err *e)
{
    weir_rc rc = load_commit(n->l, mark, (weir_view){0}, e);
    n->committed_ms = clock_ms();
    if (rc || !n->waits)
        return rc;
    n->waits = false;
    n->waiting = 0;
    return n->ops->confirm(n->arg, e);
}

weir_rc intake_commit(intake *n, err *e) { return commit(n, LOAD_EVERYTHING, e); }

weir_rc intake_settle(void *arg, err *e)
{
    intake *n = arg;
    return n->waits ? commit(n, n->mark, e) : WEIR_OK;
}

static int64_t due_ms(const intake *n)
{
    return n->waits ? n->committed_ms + INTAKE_LINGER_MS : INT64_MAX;
}

weir_rc intake_breathe(intake *n, err *e)
{
    bool look = ++n->lines >= LOOK_EVERY;
    if (load_uncommitted(n->l) >= LOAD_COMMIT_BYTES || n->waiting >= LOAD_COMMIT_BYTES) {
        weir_rc rc = intake_settle(n, e);
        return rc || load_uncommitted(n->l) < LOAD_COMMIT_BYTES ? rc : intake_commit(n, e);
    }
    if (!n->waits || !look)
        return WEIR_OK;
    n->lines = 0;
    return clock_ms() >= due_ms(n) ? intake_settle(n, e) : WEIR_OK;
}

/* ---- lines ---- */

static int patience(const intake *n)
{
    int64_t left = n->waits ? due_ms(n) - clock_ms() : -1;
    return !n->waits ? -1 : left < 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}

/* Waits for more of the input. */
static weir_rc fill(intake *n, news *ret, err *e)
{
    struct pollfd fds[2] = {{n->in, POLLIN, 0}, {n->stop_fd, POLLIN, 0}};
    bool more;
    int ready = poll(fds, 2, patience(n));
    if (ready < 0 && errno != EINTR)
        return err_errno(e, errno, "waiting for standard input");
    if (ready > 0 && fds[1].revents && stop_take(n->stop_fd, &n->asked_ms))
        *ret = NEWS_STOP;
    else if (ready == 0)
        *ret = NEWS_LATE;
    else if (ready > 0 && fds[0].revents)
        return io_reader_fill(&n->reader, &more, e);
    return WEIR_OK;
}

/* At the end of the input: what stands behind the last line break, or nothing. */
static weir_rc take_rest(intake *n, weir_view *ret, news *ret_news, bool *ret_cut, err *e)
{
    io_reader *r = &n->reader;
    bool more = true;
    size_t left = r->bytes.len - r->at;
    *ret_news = left ? NEWS_LINE : NEWS_END;
    *ret_cut = left > 0;
    return left ? io_reader_bytes(r, left, ret, &more, e) : WEIR_OK;
}

static weir_rc next(intake *n, weir_view *ret, news *ret_news, bool *ret_cut, err *e)
{
    io_reader *r = &n->reader;
    bool more;
    for (;;) {
        *ret_news = NEWS_LINE;
        *ret_cut = false;
        if (io_reader_has_line(r))
            return io_reader_line(r, ret, &more, e);
        if (r->eof)
            return take_rest(n, ret, ret_news, ret_cut, e);
        weir_rc rc = fill(n, ret_news, e);
        if (rc || *ret_news != NEWS_LINE)
            return rc;
    }
}

static bool blank(weir_view line)
{
    size_t i = 0;
    while (i < line.len && (line.ptr[i] == ' ' || line.ptr[i] == '\t' || line.ptr[i] == '\r'))
        i++;
    return i == line.len;
}

static weir_rc take_lines(intake *n, news *ret_news, err *e)
{
    for (;;) {
        weir_view line;
        bool cut;
        weir_rc rc = next(n, &line, ret_news, &cut, e);
        if (!rc && *ret_news == NEWS_LINE && !blank(line))
            rc = n->ops->line(n->arg, line, cut, e);
        if (!rc && *ret_news == NEWS_LATE)
            rc = intake_settle(n, e);
        if (!rc && *ret_news == NEWS_LINE)
            rc = intake_breathe(n, e);
        if (rc || *ret_news == NEWS_END || *ret_news == NEWS_STOP)
            return rc;
    }
}

/* ---- ending ---- */

/* Saves what can be saved; `e` holds why it ends. If the destination is what failed, it fails again, and nothing is confirmed. */
static void end_early(intake *n)
{
    err second = {0};
    intake_settle(n, &second);
    err_free(&second);
}

weir_rc intake_run(intake *n, err *e)
{
    news what = NEWS_LINE;
    io_reader_init(&n->reader, n->in, INTAKE_LINE_MAX, "standard input");
    weir_rc rc = take_lines(n, &what, e);
    if (!rc && what == NEWS_STOP)
        rc = err_fail(e, WEIR_STOPPED, "stopped by a signal");
    if (!rc && n->ops->end)
        rc = n->ops->end(n->arg, e);
    if (rc)
        end_early(n);
    else
        rc = intake_commit(n, e);
    if (!rc)
        rc = load_finish(n->l, e);
    io_reader_free(&n->reader);
    return rc;
}
