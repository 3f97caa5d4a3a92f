#include "run/stop.h"

#include <errno.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"

static sigset_t stopping(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    return set;
}

int stop_signals(err *e)
{
    const sigset_t set = stopping();
    signal(SIGPIPE, SIG_IGN);
    int failure = pthread_sigmask(SIG_BLOCK, &set, NULL);
    int fd = failure ? -1 : signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0)
        err_errno(e, failure ? failure : errno, "signals");
    return fd;
}

int stop_take(int fd, int64_t *asked_ms)
{
    struct signalfd_siginfo info;
    if (fd < 0 || read(fd, &info, sizeof info) != (ssize_t)sizeof info)
        return 0;
    int signum = (int)info.ssi_signo;
    if (!*asked_ms) {
        *asked_ms = clock_ms();
    } else if (clock_ms() - *asked_ms >= STOP_AGAIN_MS) {
        stop_by(signum);
    }
    return signum;
}

weir_rc stop_read_file(const char *path, size_t max, buf *out, err *e)
{
    const sigset_t set = stopping();
    sigset_t before;
    pthread_sigmask(SIG_UNBLOCK, &set, &before);
    weir_rc rc = io_read_file(path, max, out, e);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc;
}

void stop_by(int signum)
{
    const sigset_t set = stopping();
    signal(signum, SIG_DFL);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    raise(signum);
}
