#include "proto/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "proto/words.h"

struct child {
    proc p;
    io_reader out;
    pthread_t pump;
    bool pumping;
    int stop_fd;
    int end;             /* becomes readable when the process has ended; or -1 */
    int quit;            /* eventfd: the pump shall end */
    int gone;            /* eventfd: the process has ended, and its output had time to end, too */
    int halt;            /* eventfd: it was told to stop, for who waits to write */
    atomic_bool closed;  /* it has closed its input */
    atomic_bool stopped; /* it was told to stop from outside */
    words words;         /* its stderr */
};

/* ---- the pump: stderr, the order to stop, the end of the process ---- */

static void raise_event(int fd)
{
    uint64_t one = 1;
    ssize_t n = write(fd, &one, sizeof one);
    (void)n; /* an eventfd that is hardly ever written takes it */
}

/* Something to be done at a time. */
typedef struct timer {
    int64_t at; /* 0: not set */
} timer;

static void set(timer *t, int64_t ms) { t->at = clock_ms() + ms; }

static bool is_due(timer *t)
{
    bool due = t->at && clock_ms() >= t->at;
    if (due)
        t->at = 0;
    return due;
}

static int wait_for(const timer *a, const timer *b)
{
    int64_t at = !a->at || (b->at && b->at < a->at) ? b->at : a->at, left = at - clock_ms();
    return !at ? -1 : left < 0 ? 0 : (int)left;
}

/* Takes stderr apart until told to quit. Whoever waits for the process's output wakes up when it has ended, though a grandchild
 * holds the pipe open. */
static void *pump(void *arg)
{
    child *c = arg;
    enum { LOG, STOP, END, QUIT, FDS };
    struct pollfd fds[FDS] = {{c->p.log, POLLIN, 0}, {c->stop_fd, POLLIN, 0}, {c->end, POLLIN, 0}, {c->quit, POLLIN, 0}};
    timer kill_it = {0}, rest = {0};
    for (;;) {
        if (poll(fds, FDS, wait_for(&kill_it, &rest)) < 0 && errno != EINTR)
            break;
        if (fds[LOG].revents && !words_read(&c->words, c->p.log))
            fds[LOG].fd = -1;
        if (fds[STOP].revents) {
            fds[STOP].fd = -1;
            atomic_store(&c->stopped, true);
            raise_event(c->halt);
            proc_signal(&c->p, SIGTERM);
            set(&kill_it, CHILD_TERM_MS);
        }
        if (fds[END].revents) {
            fds[END].fd = -1;
            set(&rest, CHILD_REST_MS);
        }
        if (is_due(&kill_it))
            proc_signal(&c->p, SIGKILL);
        if (is_due(&rest)) {
            proc_signal(&c->p, SIGKILL); /* what it left behind in its group */
            raise_event(c->gone);
        }
        if (fds[QUIT].revents && !fds[LOG].revents)
            break; /* it is dead and has said all; a grandchild may hold the pipe open */
    }
    words_end(&c->words);
    return NULL;
}

/* ---- start ---- */

/* What it is to log: as the task says, else as we do, but not trace: the Python kits do not know the word and die of it. */
static weir_level level_for(const drive_options *o)
{
    weir_level level = o->log_level ? o->log_level : o->log ? WEIR_ERROR : WEIR_INFO;
    while (!o->log_level && level < WEIR_DEBUG && log_enabled(o->log, level + 1))
        level++;
    return level;
}

static size_t count_of(const char *const *list)
{
    size_t n = 0;
    while (list && list[n])
        n++;
    return n;
}

static const char **environment(const child_options *o, arena *a)
{
    size_t more = count_of(o->more_env), own = count_of(o->env), k = 0;
    const char **env = arena_array(a, more + own + 2, sizeof *env);
    if (!env)
        return NULL;
    env[k++] = arena_printf(a, "LOG_LEVEL=%s", log_level_name(level_for(o->o))).ptr;
    for (size_t i = 0; i < more; i++)
        env[k++] = o->more_env[i];
    for (size_t i = 0; i < own; i++)
        env[k++] = o->env[i];
    return a->failed ? NULL : env;
}

static weir_rc start_pump(child *c, err *e)
{
    c->quit = eventfd(0, EFD_CLOEXEC);
    c->gone = eventfd(0, EFD_CLOEXEC);
    c->halt = eventfd(0, EFD_CLOEXEC);
    c->end = proc_end_fd(&c->p);
    int failure = c->quit < 0 || c->gone < 0 || c->halt < 0 ? errno : pthread_create(&c->pump, NULL, pump, c);
    if (failure)
        return err_errno(e, failure, "cannot start a thread");
    c->pumping = true;
    return WEIR_OK;
}

weir_rc child_start(child **ret, const child_options *o, err *e)
{
    child *c = calloc(1, sizeof *c);
    arena a = {0};
    if (!c)
        return err_nomem(e);
    c->p = PROC_NONE;
    c->end = c->quit = c->gone = c->halt = -1;
    c->stop_fd = o->stop_fd;
    words_init(&c->words, o->o->log, o->o->task_name);
    c->words.levels = o->levels;
    const char **env = environment(o, &a);
    weir_rc rc = env ? proc_start(&c->p, o->argv, env, e) : err_nomem(e);
    io_reader_init(&c->out, c->p.out, o->line_max, "the connector's output");
    c->out.open_end = o->open_end;
    if (!rc && fcntl(c->p.in, F_SETFL, O_NONBLOCK) < 0)
        rc = err_errno(e, errno, "pipe");
    if (!rc)
        rc = start_pump(c, e);
    arena_free(&a);
    if (rc)
        child_free(c);
    else
        *ret = c;
    return rc;
}

/* ---- its input ---- */

/* Waits until it reads. @return false with nothing in *e: it was stopped */
static bool await_room(child *c, int patience_ms, err *e)
{
    struct pollfd fds[2] = {{c->p.in, POLLOUT, 0}, {c->halt, POLLIN, 0}};
    int ready = poll(fds, 2, patience_ms);
    if (ready == 0) {
        err_fail(e, WEIR_E_PROTOCOL, "the connector has not read its input for %d s", patience_ms / 1000);
        return false;
    }
    return !(ready > 0 && fds[1].revents);
}

weir_rc child_write_some(child *c, weir_view *bytes, err *e)
{
    while (bytes->len) {
        ssize_t n = write(c->p.in, bytes->ptr, bytes->len);
        if (n > 0) {
            *bytes = view_from(*bytes, (size_t)n);
            continue;
        }
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EPIPE) {
            atomic_store(&c->closed, true);
            if (child_stopped(c)) /* that is why */
                return err_fail(e, WEIR_STOPPED, "stopped");
            return err_fail(e, WEIR_E_PROTOCOL, "the connector has closed its input");
        }
        return n < 0 && errno != EAGAIN ? err_errno(e, errno, "the connector's input") : WEIR_OK;
    }
    return WEIR_OK;
}

weir_rc child_write(child *c, weir_view bytes, int patience_ms, err *e)
{
    for (;;) {
        weir_rc rc = child_write_some(c, &bytes, e);
        if (rc || !bytes.len)
            return rc;
        if (!await_room(c, patience_ms, e))
            return e->rc ? e->rc : err_fail(e, WEIR_STOPPED, "stopped");
    }
}

void child_await_room(child *c, bool *ret_readable, bool *ret_gone)
{
    struct pollfd fds[] = {{c->p.in, POLLOUT, 0}, {c->p.out, POLLIN, 0}, {c->gone, POLLIN, 0}, {c->halt, POLLIN, 0}};
    int n = poll(fds, sizeof fds / sizeof *fds, -1);
    *ret_readable = n > 0 && fds[1].revents;
    *ret_gone = n > 0 && !*ret_readable && fds[2].revents;
}

void child_close_input(child *c) { proc_close_in(&c->p); }
bool child_deaf(const child *c) { return atomic_load(&((child *)(uintptr_t)c)->closed); }
bool child_stopped(const child *c) { return atomic_load(&((child *)(uintptr_t)c)->stopped); }

bool child_ended(const child *c, int ms) { return proc_ended(&c->p, ms); }

size_t child_unread(const child *c)
{
    int unread = 0;
    return ioctl(c->p.in, FIONREAD, &unread) < 0 || unread < 0 ? 0 : (size_t)unread;
}

/* ---- its output ---- */

child_news child_await(child *c, int64_t until)
{
    for (;;) {
        struct pollfd fds[2] = {{c->p.out, POLLIN, 0}, {c->gone, POLLIN, 0}};
        int64_t left = until ? until - clock_ms() : -1;
        int n = poll(fds, 2, until && left < 0 ? 0 : (int)left);
        if (n == 0)
            return CHILD_LATE;
        if (n > 0)
            return fds[0].revents ? CHILD_READABLE : CHILD_GONE;
    }
}

int child_output(const child *c) { return c->p.out; }
void child_output_ended(child *c) { c->out.eof = true; }
bool child_has_line(child *c) { return io_reader_has_line(&c->out); }

weir_rc child_line_until(child *c, int64_t until, weir_view *ret, bool *ret_more, err *e)
{
    bool more = true;
    weir_rc rc = WEIR_OK;
    *ret = (weir_view){NULL, 0};
    *ret_more = true;
    while (!rc && more && !io_reader_has_line(&c->out)) {
        child_news news = child_await(c, until);
        if (news == CHILD_LATE)
            return WEIR_OK;
        if (news == CHILD_READABLE)
            rc = io_reader_fill(&c->out, &more, e);
        else
            c->out.eof = !(more = false);
    }
    if (!rc)
        rc = io_reader_line(&c->out, ret, ret_more, e);
    if ((rc || !*ret_more) && child_stopped(c))
        return err_fail(e, WEIR_STOPPED, "stopped");
    return rc;
}

weir_rc child_line(child *c, weir_view *ret, bool *ret_more, err *e)
{
    return child_line_until(c, 0, ret, ret_more, e);
}

/* ---- the end ---- */

static void end_pump(child *c)
{
    if (!c->pumping)
        return;
    raise_event(c->quit);
    pthread_join(c->pump, NULL);
    c->pumping = false;
}

/* Waits for its exit, ends what it left behind, hears its last words. @return false: it had to be killed */
static bool put_to_rest(child *c, int wait_ms)
{
    bool ended = proc_ended(&c->p, wait_ms);
    proc_stop(&c->p, CHILD_TERM_MS);
    end_pump(c);
    return ended;
}

weir_rc child_describe(child *c, err *e)
{
    buf how = {0};
    proc_describe(&c->p, &how);
    weir_view last = words_last(&c->words);
    weir_rc rc = words_code(&c->words);
    if (last.len)
        rc = err_fail(e, rc, "the connector %s: %.*s", buf_text(&how), VIEW_ARG(last));
    else
        rc = err_fail(e, rc, "the connector %s with no log output", buf_text(&how));
    buf_free(&how);
    return rc;
}

weir_rc child_explain(child *c, weir_rc rc, err *e)
{
    bool silent = child_deaf(c) || c->out.eof;
    if (rc != WEIR_E_PROTOCOL || !silent || child_stopped(c) || !proc_ended(&c->p, CHILD_REST_MS))
        return rc;
    put_to_rest(c, 0);
    return proc_succeeded(&c->p) ? rc : child_describe(c, e); /* its own words say more than what we saw of its death */
}

weir_rc child_finish(child *c, int *ret_status, err *e)
{
    proc_close_in(&c->p);
    bool ended = put_to_rest(c, CHILD_EXIT_MS);
    if (ret_status)
        *ret_status = c->p.status;
    if (child_stopped(c))
        return WEIR_OK;
    if (!ended)
        return err_fail(e, WEIR_E_PROTOCOL, "the connector has not exited within %d s after the end of its output: it was killed",
                        CHILD_EXIT_MS / 1000);
    return ret_status || proc_succeeded(&c->p) ? WEIR_OK : child_describe(c, e);
}

void child_said(child *c, weir_level level, weir_view message, weir_rc code)
{
    words_said(&c->words, level, message, code);
}

static void close_event(int fd)
{
    if (fd >= 0)
        close(fd);
}

void child_free(child *c)
{
    if (!c)
        return;
    proc_close_in(&c->p);
    proc_stop(&c->p, child_stopped(c) ? CHILD_TERM_MS : 100);
    end_pump(c);
    proc_free(&c->p);
    io_reader_free(&c->out);
    words_free(&c->words);
    close_event(c->end);
    close_event(c->quit);
    close_event(c->gone);
    close_event(c->halt);
    free(c);
}
