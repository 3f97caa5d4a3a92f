/* proc: start, pipes, environment, signals, stop. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/io.h"
#include "base/proc.h"
#include "fault.h"

/* ------------------------------------------------------------------------------------------------------------- helpers -- */

enum { LONG_MS = 60000 };

static void start(proc *p, const char *const *argv, const char *const *env)
{
    err e = {0};
    if (proc_start(p, argv, env, &e))
        fail_msg("%s", err_text(&e));
    err_free(&e);
}

static void start_shell(proc *p, const char *script, const char *const *env)
{
    start(p, (const char *const[]){"/bin/sh", "-c", script, NULL}, env);
}

static void read_all(int fd, buf *out)
{
    ssize_t n;
    do {
        assert_true(buf_reserve(out, 4096));
        n = read(fd, out->ptr + out->len, out->cap - out->len);
        assert_true(n >= 0 || errno == EINTR);
        out->len += n > 0 ? (size_t)n : 0;
    } while (n);
}

/* Reads what it says until it closes stdout. */
static void expect_output(proc *p, const char *text)
{
    buf got = {0};
    read_all(p->out, &got);
    assert_string_equal(buf_text(&got), text);
    buf_free(&got);
}

static void read_line(int fd, char *line, size_t room)
{
    size_t n = 0;
    while (n + 1 < room && read(fd, line + n, 1) == 1 && line[n] != '\n')
        n++;
    line[n] = '\0';
}

static void expect_description(const proc *p, const char *text)
{
    buf b = {0};
    proc_describe(p, &b);
    assert_string_equal(buf_text(&b), text);
    buf_free(&b);
}

static void expect_no_start(const char *const *argv, weir_rc rc, const char *text)
{
    err e = {0};
    proc p;
    assert_int_equal(proc_start(&p, argv, NULL, &e), rc);
    assert_int_equal(e.rc, rc);
    assert_string_equal(err_text(&e), text);
    assert_int_equal(p.pid, 0);
    assert_int_equal(p.in, -1);
    assert_int_equal(p.out, -1);
    assert_int_equal(p.log, -1);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no child is left */
    proc_free(&p);
    err_free(&e);
}

/* Waits until a process that is not our child has ended. */
static bool ends(pid_t pid)
{
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (fd < 0)
        return errno == ESRCH;
    struct pollfd p = {fd, POLLIN, 0};
    int n = poll(&p, 1, LONG_MS);
    close(fd);
    return n == 1;
}

static int open_fds(void)
{
    int n = 0;
    for (int fd = 0; fd < 256; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

/* --------------------------------------------------------------------------------------------------------------- pipes -- */

static void three_pipes_connect(void **state)
{
    (void)state;
    int before = open_fds();
    proc p;
    buf log = {0};
    err e = {0};
    start_shell(&p, "read x; echo \"out $x\"; echo \"log $x\" >&2; exit 3", NULL);
    assert_int_equal(io_write(p.in, VIEW("hello\n"), "it", &e), WEIR_OK);
    expect_output(&p, "out hello\n");
    read_all(p.log, &log);
    assert_string_equal(buf_text(&log), "log hello\n");
    assert_true(proc_wait(&p, LONG_MS));
    assert_int_equal(p.pid, 0);
    expect_description(&p, "exited with status 3");
    assert_false(proc_succeeded(&p));
    assert_true(proc_wait(&p, LONG_MS));
    proc_free(&p);
    assert_int_equal(p.out, -1);
    proc_free(&p);
    assert_int_equal(open_fds(), before);
    buf_free(&log);
}

static void programs_are_found_on_path(void **state)
{
    (void)state;
    proc p;
    start(&p, (const char *const[]){"cat", NULL}, NULL);
    proc_close_in(&p);
    proc_close_in(&p);
    expect_output(&p, "");
    assert_true(proc_wait(&p, -1));
    assert_true(proc_succeeded(&p));
    expect_description(&p, "exited with status 0");
    proc_free(&p);
}

static void pipes_are_large_where_allowed(void **state)
{
    (void)state;
    proc p;
    start(&p, (const char *const[]){"cat", NULL}, NULL);
    int in = fcntl(p.in, F_GETPIPE_SZ), out = fcntl(p.out, F_GETPIPE_SZ);
    int pair[2];
    assert_int_equal(pipe(pair), 0);
    int allowed = fcntl(pair[0], F_SETPIPE_SZ, 1 << 20);
    assert_true(allowed < 0 || (in == 1 << 20 && out == 1 << 20));
    close(pair[0]);
    close(pair[1]);
    assert_true(fcntl(p.in, F_GETFD) & FD_CLOEXEC);
    assert_true(fcntl(p.out, F_GETFD) & FD_CLOEXEC);
    assert_true(fcntl(p.log, F_GETFD) & FD_CLOEXEC);
    assert_false(fcntl(p.out, F_GETFL) & O_NONBLOCK);
    proc_free(&p);
}

/* A second child must not hold the first one's pipes, or the first would never see the end of its input. */
static void children_get_nothing_but_their_three(void **state)
{
    (void)state;
    proc first, second;
    char script[160];
    start(&first, (const char *const[]){"cat", NULL}, NULL);
    snprintf(script, sizeof script,
             "for n in %d %d %d; do [ -e /proc/$$/fd/$n ] && echo $n; done; [ -e /proc/$$/fd/2 ] && echo all", first.in, first.out,
             first.log);
    start_shell(&second, script, NULL);
    expect_output(&second, "all\n");
    proc_close_in(&first);
    expect_output(&first, "");
    assert_true(proc_wait(&first, LONG_MS));
    proc_free(&first);
    proc_free(&second);
}

/* Whoever starts us may have closed 0, 1 and 2. */
static void it_works_without_standard_descriptors(void **state)
{
    (void)state;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        for (int fd = 0; fd < 3; fd++)
            close(fd);
        err e = {0};
        proc p;
        char got[8] = "";
        bool ok = !proc_start(&p, (const char *const[]){"cat", NULL}, NULL, &e) && p.in > 2 && p.out > 2 && p.log > 2 &&
                  write(p.in, "hello", 5) == 5 && read(p.out, got, sizeof got) == 5 && memcmp(got, "hello", 5) == 0;
        proc_free(&p);
        _exit(ok ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* -------------------------------------------------------------------------------------------------------- environment -- */

static void the_environment_is_ours_plus_what_is_given(void **state)
{
    (void)state;
    setenv("WEIR_KEPT", "kept", 1);
    setenv("WEIR_REPLACED", "old", 1);
    setenv("WEIR_REMOVED", "old", 1);
    setenv("WEIR_REPLACED_NOT", "kept", 1);
    proc p;
    start_shell(&p, "echo $WEIR_KEPT,$WEIR_REPLACED,${WEIR_REMOVED-gone},$WEIR_REPLACED_NOT,$WEIR_ADDED; env | grep -c ^WEIR_",
                (const char *const[]){"WEIR_REPLACED=x", "WEIR_ADDED=a=b c", "WEIR_REMOVED", "WEIR_REPLACED=new", NULL});
    expect_output(&p, "kept,new,gone,kept,a=b c\n4\n");
    proc_free(&p);
    assert_string_equal(getenv("WEIR_REPLACED"), "old"); /* ours is as it was */
    assert_null(getenv("WEIR_ADDED"));
}

static void the_childs_path_is_searched(void **state)
{
    (void)state;
    char folder[] = "/tmp/weir-proc-XXXXXX", path[64], entry[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/weir-only-here", folder);
    snprintf(entry, sizeof entry, "PATH=%s", folder);
    assert_int_equal(symlink("/bin/true", path), 0);
    proc p;
    start(&p, (const char *const[]){"weir-only-here", NULL}, (const char *const[]){entry, NULL});
    assert_true(proc_wait(&p, LONG_MS));
    assert_true(proc_succeeded(&p));
    proc_free(&p);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
}

/* ----------------------------------------------------------------------------------------------------- what cannot be -- */

static void what_cannot_be_started_is_named(void **state)
{
    (void)state;
    int before = open_fds();
    expect_no_start((const char *const[]){"weir-no-such-program", NULL}, WEIR_E_CONFIG,
                    "cannot start \"weir-no-such-program\": No such file or directory");
    expect_no_start((const char *const[]){"/nowhere/x", "arg", NULL}, WEIR_E_CONFIG,
                    "cannot start \"/nowhere/x\": No such file or directory");
    expect_no_start((const char *const[]){"/", NULL}, WEIR_E_CONFIG, "cannot start \"/\": Permission denied");
    expect_no_start((const char *const[]){"", NULL}, WEIR_E_CONFIG, "no program is named");
    expect_no_start((const char *const[]){NULL}, WEIR_E_CONFIG, "no program is named");
    expect_no_start(NULL, WEIR_E_CONFIG, "no program is named");
    assert_int_equal(open_fds(), before);
}

static void a_missing_interpreter_is_told_apart(void **state)
{
    (void)state;
    char path[] = "/tmp/weir-proc-XXXXXX", text[128];
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "#!/nowhere/python\n", 18), 18);
    assert_int_equal(fchmod(fd, 0755), 0);
    close(fd);
    snprintf(text, sizeof text, "cannot start \"%s\": the file is there, the interpreter it needs is not", path);
    expect_no_start((const char *const[]){path, NULL}, WEIR_E_CONFIG, text);
    unlink(path);
}

static int first_free(void)
{
    int fd = dup(STDOUT_FILENO);
    close(fd);
    return fd;
}

static void shortage_is_the_machines_fault(void **state)
{
    (void)state;
    int before = open_fds();
    fault_at(FAULT_ALLOC, 0, ENOMEM);
    expect_no_start((const char *const[]){"cat", NULL}, WEIR_E_NOMEM, "cannot start \"cat\": Cannot allocate memory");
    assert_true(fault_clear());
    struct rlimit old, few;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    for (int spare = 0; spare < 8; spare++) { /* eight are needed */
        few = (struct rlimit){(rlim_t)(first_free() + spare), old.rlim_max};
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
        expect_no_start((const char *const[]){"cat", NULL}, WEIR_E_NOMEM, "cannot start \"cat\": Too many open files");
    }
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    assert_int_equal(open_fds(), before);
}

/* ------------------------------------------------------------------------------------------------------------- signals -- */

static void expect_zero(const char *status, const char *name)
{
    const char *at = strstr(status, name);
    assert_non_null(at);
    assert_true(strtoull(at + strlen(name), NULL, 16) == 0);
}

static void handle(int number)
{
    (void)number;
}

static void signals_are_reset_in_the_child(void **state)
{
    (void)state;
    sigset_t set, old;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, &old);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGUSR1, handle);
    proc p;
    buf got = {0};
    start(&p, (const char *const[]){"cat", "/proc/self/status", NULL}, NULL);
    read_all(p.out, &got);
    const char *text = buf_text(&got);
    expect_zero(text, "SigBlk:");
    expect_zero(text, "SigIgn:");
    expect_zero(text, "SigCgt:");
    proc_free(&p);
    buf_free(&got);
    sigset_t now; /* ours are as they were */
    sigprocmask(SIG_SETMASK, &old, &now);
    assert_true(sigismember(&now, SIGTERM) && sigismember(&now, SIGINT) && !sigismember(&now, SIGUSR2));
    signal(SIGUSR1, SIG_DFL);
    signal(SIGPIPE, SIG_DFL);
}

static void it_has_a_group_of_its_own(void **state)
{
    (void)state;
    proc p;
    start(&p, (const char *const[]){"sleep", "1000", NULL}, NULL);
    assert_int_equal(getpgid(p.pid), p.pid);
    assert_true(getpgrp() != p.pid);
    expect_description(&p, "still runs");
    assert_false(proc_succeeded(&p));
    assert_false(proc_wait(&p, 0));
    assert_false(proc_wait(&p, 1));
    proc_free(&p);
    expect_description(&p, "was killed by signal 15 (Terminated)");
}

static void an_end_is_noticed_at_once(void **state)
{
    (void)state;
    proc p;
    start_shell(&p, "read x; kill -9 $$", NULL);
    assert_false(proc_wait(&p, 0));
    proc_close_in(&p);
    assert_true(proc_wait(&p, LONG_MS));
    expect_description(&p, "was killed by signal 9 (Killed)");
    assert_false(proc_succeeded(&p));
    proc_free(&p);
}

/* Without a descriptor for the wait it looks again and again instead. */
static void waiting_needs_no_descriptor(void **state)
{
    (void)state;
    struct rlimit old;
    proc p;
    start_shell(&p, "read x; exit 4", NULL);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    struct rlimit none = {(rlim_t)first_free(), old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    bool early = proc_wait(&p, 1);
    assert_int_equal(write(p.in, "\n", 1), 1);
    bool ended = proc_wait(&p, LONG_MS);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    assert_false(early);
    assert_true(ended);
    expect_description(&p, "exited with status 4");
    proc_free(&p);
}

static void whoever_ignores_sigterm_is_killed(void **state)
{
    (void)state;
    char line[16];
    proc p;
    start_shell(&p, "trap '' TERM; echo ready; while :; do sleep 1000; done", NULL);
    read_line(p.out, line, sizeof line);
    assert_string_equal(line, "ready");
    proc_stop(&p, 1);
    expect_description(&p, "was killed by signal 9 (Killed)");
    proc_stop(&p, 1);
    proc_free(&p);
}

static void whoever_takes_sigterm_may_finish(void **state)
{
    (void)state;
    char line[16];
    proc p;
    start_shell(&p, "trap 'echo bye; exit 7' TERM; echo ready; while :; do sleep 1000 & wait; done", NULL);
    read_line(p.out, line, sizeof line);
    proc_stop(&p, LONG_MS);
    read_line(p.out, line, sizeof line);
    assert_string_equal(line, "bye");
    expect_description(&p, "exited with status 7");
    proc_free(&p);
}

/* What a child leaves behind in its group goes with it, also if the child itself has already ended. */
static void leftovers_are_killed(void **state)
{
    (void)state;
    static const char *const scripts[] = {"sleep 1000 & echo $!; exit 0", "sleep 1000 & echo $!; wait",
                                          "(trap '' TERM; echo $(exec sh -c 'echo $PPID'); while :; do sleep 1000; done)"};
    for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++) {
        char line[16];
        proc p;
        start_shell(&p, scripts[i], NULL);
        read_line(p.out, line, sizeof line);
        pid_t left = (pid_t)atoi(line);
        assert_true(left > 1);
        proc_stop(&p, i == 0 ? LONG_MS : 1);
        assert_true(ends(left));
        proc_free(&p);
    }
}

/* A killed parent takes its children along: one starts `sleep`, tells its pid and is killed. */
static void it_dies_with_us(void **state)
{
    (void)state;
    int tell[2];
    pid_t sleeper = 0;
    assert_int_equal(pipe(tell), 0);
    pid_t parent = fork();
    assert_true(parent >= 0);
    if (parent == 0) {
        err e = {0};
        proc p;
        if (proc_start(&p, (const char *const[]){"sleep", "1000", NULL}, NULL, &e))
            _exit(1);
        if (write(tell[1], &p.pid, sizeof p.pid) != sizeof p.pid)
            _exit(1);
        for (;;)
            pause();
    }
    assert_int_equal(read(tell[0], &sleeper, sizeof sleeper), sizeof sleeper);
    assert_int_equal(kill(sleeper, 0), 0);
    assert_int_equal(kill(parent, SIGKILL), 0);
    assert_int_equal(waitpid(parent, NULL, 0), parent);
    assert_true(ends(sleeper));
    close(tell[0]);
    close(tell[1]);
}

static void a_status_somebody_else_took_is_no_success(void **state)
{
    (void)state;
    proc p;
    start(&p, (const char *const[]){"true", NULL}, NULL);
    assert_int_equal(waitpid(p.pid, NULL, 0), p.pid);
    assert_true(proc_wait(&p, LONG_MS));
    assert_false(proc_succeeded(&p));
    expect_description(&p, "ended, nobody knows how");
    proc_free(&p);
}

static void none_is_accepted(void **state)
{
    (void)state;
    proc p = PROC_NONE;
    assert_true(proc_wait(&p, -1));
    proc_stop(&p, 0);
    proc_close_in(&p);
    proc_free(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_pipes_connect),
        cmocka_unit_test(programs_are_found_on_path),
        cmocka_unit_test(pipes_are_large_where_allowed),
        cmocka_unit_test(children_get_nothing_but_their_three),
        cmocka_unit_test(it_works_without_standard_descriptors),
        cmocka_unit_test(the_environment_is_ours_plus_what_is_given),
        cmocka_unit_test(the_childs_path_is_searched),
        cmocka_unit_test(what_cannot_be_started_is_named),
        cmocka_unit_test(a_missing_interpreter_is_told_apart),
        cmocka_unit_test(shortage_is_the_machines_fault),
        cmocka_unit_test(signals_are_reset_in_the_child),
        cmocka_unit_test(it_has_a_group_of_its_own),
        cmocka_unit_test(an_end_is_noticed_at_once),
        cmocka_unit_test(waiting_needs_no_descriptor),
        cmocka_unit_test(whoever_ignores_sigterm_is_killed),
        cmocka_unit_test(whoever_takes_sigterm_may_finish),
        cmocka_unit_test(leftovers_are_killed),
        cmocka_unit_test(it_dies_with_us),
        cmocka_unit_test(a_status_somebody_else_took_is_no_success),
        cmocka_unit_test(none_is_accepted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
