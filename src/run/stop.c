#include "run/stop.h"

#include <errno.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"

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

void stop_by(int signum)
{
    const sigset_t set = stopping();
    signal(signum, SIG_DFL);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    raise(signum);
}
