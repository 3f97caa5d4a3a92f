#include "fault.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/uio.h>
#include <unistd.h>

/* No lock: a child between fork and exec comes through here, too. */
static struct {
    atomic_size_t seen;
    atomic_size_t first, last; /* the calls that fail, last excluded */
    atomic_int errnum;
} plan[FAULT_CALLS];
static atomic_bool fired;

static void arm(fault_call call, size_t n, size_t count, int errnum)
{
    size_t first = plan[call].seen + n;
    plan[call].errnum = errnum;
    plan[call].first = first;
    plan[call].last = count > SIZE_MAX - first ? SIZE_MAX : first + count;
}

void fault_at(fault_call call, size_t n, int errnum)
{
    arm(call, n, 1, errnum);
}

void fault_from(fault_call call, size_t n, int errnum)
{
    arm(call, n, SIZE_MAX, errnum);
}

bool fault_clear(void)
{
    for (int i = 0; i < FAULT_CALLS; i++)
        plan[i].last = plan[i].first = plan[i].seen = 0;
    return atomic_exchange(&fired, false);
}

size_t fault_count(fault_call call)
{
    return plan[call].seen;
}

/* @return 0 if this call goes through, otherwise what to do instead */
static int verdict(fault_call call)
{
    size_t n = atomic_fetch_add(&plan[call].seen, 1);
    if (n >= plan[call].last || n < plan[call].first)
        return 0;
    fired = true;
    return plan[call].errnum;
}

/* Sets errno and says true if the call is to fail. */
static bool fails(int errnum)
{
    if (errnum > 0)
        errno = errnum;
    return errnum > 0;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *p, size_t size);
ssize_t __real_read(int fd, void *p, size_t size);
ssize_t __real_write(int fd, const void *p, size_t size);
ssize_t __real_writev(int fd, const struct iovec *iov, int count);
int __real_fsync(int fd);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *p, size_t size);
ssize_t __wrap_read(int fd, void *p, size_t size);
ssize_t __wrap_write(int fd, const void *p, size_t size);
ssize_t __wrap_writev(int fd, const struct iovec *iov, int count);
int __wrap_fsync(int fd);

void *__wrap_malloc(size_t size)
{
    return fails(verdict(FAULT_ALLOC)) ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails(verdict(FAULT_ALLOC)) ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *p, size_t size)
{
    return fails(verdict(FAULT_ALLOC)) ? NULL : __real_realloc(p, size);
}

ssize_t __wrap_read(int fd, void *p, size_t size)
{
    int what = verdict(FAULT_READ);
    return fails(what) ? -1 : __real_read(fd, p, what == FAULT_SHORT && size ? 1 : size);
}

ssize_t __wrap_write(int fd, const void *p, size_t size)
{
    int what = verdict(FAULT_WRITE);
    return fails(what) ? -1 : __real_write(fd, p, what == FAULT_SHORT && size ? 1 : size);
}

ssize_t __wrap_writev(int fd, const struct iovec *iov, int count)
{
    int what = verdict(FAULT_WRITE);
    if (what == FAULT_SHORT && count > 0)
        return __real_write(fd, iov[0].iov_base, iov[0].iov_len ? 1 : 0);
    return fails(what) ? -1 : __real_writev(fd, iov, count);
}

int __wrap_fsync(int fd)
{
    return fails(verdict(FAULT_FSYNC)) ? -1 : __real_fsync(fd);
}
