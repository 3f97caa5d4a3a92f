#include "base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"

enum { PIPE_SIZE = 1 << 20, FREE_GRACE_MS = 1000, STATUS_LOST = -1 /* neither exited nor killed, to the W macros */ };

/* --------------------------------------------------------------------------------------------------------------- pipes -- */

enum { IN, OUT, LOG, NEWS /* errno, if the program cannot be started */, PIPES };
enum { READ_END, WRITE_END };

typedef struct pipes {
    int fd[PIPES][2];
} pipes;

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void close_pipes(pipes *p)
{
    for (int i = 0; i < PIPES; i++) {
        close_fd(&p->fd[i][READ_END]);
        close_fd(&p->fd[i][WRITE_END]);
    }
}

/* Whoever closed 0, 1 or 2 would get them here, and the child's dup2 would then run over its own ends. */
static bool lift(int *fd)
{
    if (*fd > STDERR_FILENO)
        return true;
    int high = fcntl(*fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (high < 0)
        return false;
    close(*fd);
    *fd = high;
    return true;
}

static bool open_pipes(pipes *p)
{
    memset(p, -1, sizeof *p);
    for (int i = 0; i < PIPES; i++) {
        if (pipe2(p->fd[i], O_CLOEXEC) != 0 || !lift(&p->fd[i][READ_END]) || !lift(&p->fd[i][WRITE_END]))
            return false;
        if (i == IN || i == OUT) /* not the log: a user's pipes together may only take so much */
            (void)fcntl(p->fd[i][READ_END], F_SETPIPE_SZ, (int)PIPE_SIZE);
    }
    return true;
}

/* -------------------------------------------------------------------------------------------------------- environment -- */

extern char **environ;

static size_t name_length(const char *entry)
{
    return strcspn(entry, "=");
}

static bool names(const char *const *env, const char *entry)
{
    size_t len = name_length(entry);
    for (; env && *env; env++)
        if (name_length(*env) == len && memcmp(*env, entry, len) == 0)
            return true;
    return false;
}

static size_t count_of(const char *const *list)
{
    size_t n = 0;
    while (list && list[n])
        n++;
    return n;
}

/* What we have, less what env names, plus env; of two entries with one name the last counts. */
static const char **merge_env(arena *a, const char *const *env)
{
    const char *const *ours = (const char *const *)environ;
    const char **all = arena_array(a, count_of(ours) + count_of(env) + 1, sizeof *all);
    size_t n = 0;
    for (; all && ours && *ours; ours++)
        if (!names(env, *ours))
            all[n++] = *ours;
    for (; all && env && *env; env++)
        if (!names(env + 1, *env) && strchr(*env, '='))
            all[n++] = *env;
    return all;
}

/* --------------------------------------------------------------------------------------------------------------- start -- */

/* Between fork and exec: only async-signal-safe calls. Every signal is blocked until the handlers are the default ones. */
static _Noreturn void child(const pipes *p, pid_t parent, const char *const *argv, const char **env)
{
    for (int s = 1; s < NSIG; s++)
        signal(s, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setpgid(0, 0);
    bool ok = prctl(PR_SET_PDEATHSIG, SIGKILL) == 0;
    if (getppid() != parent)
        _exit(1); /* it died before prctl could see it */
    ok = ok && dup2(p->fd[IN][READ_END], STDIN_FILENO) >= 0 && dup2(p->fd[OUT][WRITE_END], STDOUT_FILENO) >= 0 &&
         dup2(p->fd[LOG][WRITE_END], STDERR_FILENO) >= 0;
    if (ok) {
        environ = (char **)env; /* its PATH is the one to search */
        execvp(argv[0], (char *const *)argv);
    }
    int failed = errno;
    while (write(p->fd[NEWS][WRITE_END], &failed, sizeof failed) < 0 && errno == EINTR)
        ;
    _exit(127);
}

/* @return errno of fork */
static int fork_child(const pipes *p, const char *const *argv, const char **env, pid_t *ret_pid)
{
    sigset_t all, old;
    sigfillset(&all);
    pid_t parent = getpid();
    pthread_sigmask(SIG_SETMASK, &all, &old);
    pid_t pid = fork();
    int failed = errno;
    if (pid == 0)
        child(p, parent, argv, env);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    *ret_pid = pid;
    return pid < 0 ? failed : 0;
}

/* Returns when the program runs, or does not. @return 0, or errno of what failed in the child */
static int hear(int fd)
{
    int news = 0;
    ssize_t n;
    do
        n = read(fd, &news, sizeof news);
    while (n < 0 && errno == EINTR);
    return n == (ssize_t)sizeof news ? news : 0;
}

static bool is_shortage(int errnum)
{
    return errnum == ENOMEM || errnum == EAGAIN || errnum == EMFILE || errnum == ENFILE || errnum == EIO;
}

static weir_rc cannot_start(const char *program, int errnum, err *e)
{
    weir_rc rc = err_errno(e, errnum, "cannot start \"%s\"", program);
    if (errnum == ENOENT && strchr(program, '/') && access(program, F_OK) == 0)
        rc = err_fail(e, WEIR_E_CONFIG, "cannot start \"%s\": the file is there, the interpreter it needs is not", program);
    if (!is_shortage(errnum))
        e->rc = rc = WEIR_E_CONFIG;
    return rc;
}

weir_rc proc_start(proc *p, const char *const *argv, const char *const *env, err *e)
{
    *p = PROC_NONE;
    if (!argv || !argv[0] || !argv[0][0])
        return err_fail(e, WEIR_E_CONFIG, "no program is named");
    arena a = {0};
    pipes ends;
    pid_t pid = 0;
    const char **all = merge_env(&a, env);
    int failed = !all ? ENOMEM : !open_pipes(&ends) ? errno : fork_child(&ends, argv, all, &pid);
    if (all && !failed) {
        close_fd(&ends.fd[NEWS][WRITE_END]);
        failed = hear(ends.fd[NEWS][READ_END]);
        if (failed)
            while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
                ;
    }
    if (!failed) {
        *p = (proc){.pid = pid, .in = ends.fd[IN][WRITE_END], .out = ends.fd[OUT][READ_END], .log = ends.fd[LOG][READ_END]};
        ends.fd[IN][WRITE_END] = ends.fd[OUT][READ_END] = ends.fd[LOG][READ_END] = -1;
    }
    if (all)
        close_pipes(&ends);
    arena_free(&a);
    return failed ? cannot_start(argv[0], failed, e) : WEIR_OK;
}

void proc_close_in(proc *p)
{
    close_fd(&p->in);
}

/* ---------------------------------------------------------------------------------------------------------------- wait -- */

/* Has it ended? It stays a zombie, so its pid cannot become anybody else's. */
static bool has_ended(pid_t pid)
{
    siginfo_t info = {0};
    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 ? errno == ECHILD : info.si_pid == pid;
}

static void reap(proc *p)
{
    pid_t got;
    do
        got = waitpid(p->pid, &p->status, 0);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        p->status = STATUS_LOST; /* SIGCHLD is ignored, or somebody else has waited */
    __atomic_store_n(&p->pid, 0, __ATOMIC_RELAXED);
}

static int open_pid(pid_t pid)
{
    return (int)syscall(SYS_pidfd_open, pid, 0);
}

/* A kernel or a sandbox without pidfd_open leaves only looking again and again. */
static void nap(int64_t left_ms)
{
    enum { NAP_MS = 5 };
    struct timespec t = {0, (left_ms < NAP_MS ? left_ms : NAP_MS) * 1000000L};
    nanosleep(&t, NULL);
}

/* Waits up to ms without reaping. */
static bool wait_end(pid_t pid, int ms)
{
    if (has_ended(pid))
        return true;
    int64_t until = clock_ms() + ms;
    int fd = open_pid(pid);
    for (int64_t left; !has_ended(pid) && (left = until - clock_ms()) > 0;) {
        struct pollfd end = {fd, POLLIN, 0};
        if (fd < 0)
            nap(left);
        else
            (void)poll(&end, 1, (int)left);
    }
    if (fd >= 0)
        close(fd);
    return has_ended(pid);
}

bool proc_wait(proc *p, int ms)
{
    if (p->pid && ms >= 0 && !wait_end(p->pid, ms))
        return false;
    if (p->pid)
        reap(p);
    return true;
}

bool proc_ended(const proc *p, int ms)
{
    return !p->pid || wait_end(p->pid, ms);
}

int proc_end_fd(const proc *p)
{
    return p->pid ? open_pid(p->pid) : -1;
}

void proc_signal(const proc *p, int signum)
{
    pid_t pid = __atomic_load_n(&p->pid, __ATOMIC_RELAXED); /* another thread may just reap it */
    if (pid)
        kill(-pid, signum);
}

void proc_stop(proc *p, int grace_ms)
{
    if (!p->pid)
        return;
    if (!has_ended(p->pid)) {
        kill(-p->pid, SIGTERM);
        (void)wait_end(p->pid, grace_ms > 0 ? grace_ms : 0);
    }
    kill(-p->pid, SIGKILL); /* also what it started and left behind in its group */
    reap(p);
}

void proc_free(proc *p)
{
    close_fd(&p->in);
    close_fd(&p->out);
    close_fd(&p->log);
    proc_stop(p, FREE_GRACE_MS);
}

/* -------------------------------------------------------------------------------------------------------------- report -- */

void proc_describe(const proc *p, buf *out)
{
    if (p->pid)
        buf_adds(out, "still runs");
    else if (WIFEXITED(p->status))
        buf_printf(out, "exited with status %d", WEXITSTATUS(p->status));
    else if (WIFSIGNALED(p->status))
        buf_printf(out, "was killed by signal %d (%s)", WTERMSIG(p->status), strsignal(WTERMSIG(p->status)));
    else
        buf_adds(out, "ended, nobody knows how");
}

bool proc_succeeded(const proc *p)
{
    return !p->pid && WIFEXITED(p->status) && WEXITSTATUS(p->status) == 0;
}
