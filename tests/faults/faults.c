/* faults.so - preloaded into a program under test: the N-th call of a kind fails, or kills.
 *
 *     WEIR_FAULT=ACTION:KIND:N[:PROGRAM]      ACTION  fail, kill, killboth (the parent too), count
 *                                             KIND    malloc (and calloc, realloc), read, write (all forms), sync, io (read, write and sync),
 *                                                     open (whatever makes a descriptor), start (processes and threads)
 *                                             PROGRAM only in programs of this name
 *
 * Calls on descriptors that cannot fail in this way, such as an eventfd, are counted but do not.
 * `count` writes the number of calls to the file named by WEIR_FAULT_COUNT when the program ends. Calls before main are not counted.
 */
#undef _FILE_OFFSET_BITS /* both families of names are defined here */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind { K_MALLOC, K_READ, K_WRITE, K_SYNC, K_OPEN, K_START, KINDS };
enum action { A_NONE, A_FAIL, A_KILL, A_KILLBOTH, A_COUNT };

static enum action action;
static bool counted[KINDS];
static unsigned long at;
static atomic_ulong calls;
static atomic_bool ready;

static void setup(const char *text)
{
    char what[16], kind[16], program[64] = "";
    if (sscanf(text, "%15[^:]:%15[^:]:%lu:%63s", what, kind, &at, program) < 3)
        return;
    if (*program && strcmp(program, program_invocation_short_name) != 0)
        return;
    static const char *const names[] = {"malloc", "read", "write", "sync", "open", "start"};
    for (int i = 0; i < KINDS; i++)
        counted[i] = strcmp(kind, names[i]) == 0 || (i >= K_READ && i <= K_SYNC && strcmp(kind, "io") == 0);
    static const char *const actions[] = {"", "fail", "kill", "killboth", "count"};
    for (int i = 1; i <= A_COUNT; i++)
        if (strcmp(what, actions[i]) == 0)
            action = (enum action)i;
}

__attribute__((constructor)) static void begin(void)
{
    const char *text = getenv("WEIR_FAULT");
    if (text)
        setup(text);
    atomic_store(&ready, true);
}

__attribute__((destructor)) static void end(void)
{
    const char *path = getenv("WEIR_FAULT_COUNT");
    if (action != A_COUNT || !path)
        return;
    char text[32];
    int n = snprintf(text, sizeof text, "%lu\n", atomic_load(&calls));
    action = A_NONE;
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (fd >= 0) {
        ssize_t put = write(fd, text, (size_t)n);
        (void)put;
        close(fd);
    }
}

/* Files, pipes, terminals and sockets have a type, the kernel's own objects have none. */
static bool can_fail(int fd)
{
    struct stat s;
    int before = errno;
    bool can = fstat(fd, &s) != 0 || (s.st_mode & S_IFMT) != 0;
    errno = before;
    return can;
}

/* Is it this call? Kills at once, if that is the action. `fd`: what it is about, or -1 */
static bool hit(enum kind k, int fd)
{
    if (!atomic_load(&ready) || action == A_NONE || !counted[k])
        return false;
    if (atomic_fetch_add(&calls, 1) + 1 != at || action == A_COUNT)
        return false;
    if (action == A_KILLBOTH)
        kill(getppid(), SIGKILL);
    if (action != A_FAIL)
        kill(getpid(), SIGKILL);
    return fd < 0 || can_fail(fd);
}

#pragma GCC visibility push(default) /* these take the place of the C library's */

#define REAL(type, name, ...)                                                                                                                        \
    static type (*real)(__VA_ARGS__);                                                                                                                \
    if (!real)                                                                                                                                       \
    *(void **)&real = dlsym(RTLD_NEXT, #name)

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);

void *malloc(size_t n)
{
    if (hit(K_MALLOC, -1)) {
        errno = ENOMEM;
        return NULL;
    }
    return __libc_malloc(n);
}

void *calloc(size_t a, size_t b)
{
    if (hit(K_MALLOC, -1)) {
        errno = ENOMEM;
        return NULL;
    }
    return __libc_calloc(a, b);
}

void *realloc(void *p, size_t n)
{
    if (hit(K_MALLOC, -1)) {
        errno = ENOMEM;
        return NULL;
    }
    return __libc_realloc(p, n);
}

#define FAILING(kind, fd, error)                                                                                                                         \
    if (hit(kind, fd)) {                                                                                                                              \
        errno = error;                                                                                                                               \
        return -1;                                                                                                                                   \
    }

ssize_t read(int fd, void *p, size_t n)
{
    REAL(ssize_t, read, int, void *, size_t);
    FAILING(K_READ, fd, EIO)
    return real(fd, p, n);
}

ssize_t pread(int fd, void *p, size_t n, off_t o)
{
    REAL(ssize_t, pread, int, void *, size_t, off_t);
    FAILING(K_READ, fd, EIO)
    return real(fd, p, n, o);
}

ssize_t pread64(int fd, void *p, size_t n, off64_t o)
{
    REAL(ssize_t, pread64, int, void *, size_t, off64_t);
    FAILING(K_READ, fd, EIO)
    return real(fd, p, n, o);
}

ssize_t write(int fd, const void *p, size_t n)
{
    REAL(ssize_t, write, int, const void *, size_t);
    FAILING(K_WRITE, fd, ENOSPC)
    return real(fd, p, n);
}

ssize_t writev(int fd, const struct iovec *v, int n)
{
    REAL(ssize_t, writev, int, const struct iovec *, int);
    FAILING(K_WRITE, fd, ENOSPC)
    return real(fd, v, n);
}

ssize_t pwrite(int fd, const void *p, size_t n, off_t o)
{
    REAL(ssize_t, pwrite, int, const void *, size_t, off_t);
    FAILING(K_WRITE, fd, ENOSPC)
    return real(fd, p, n, o);
}

ssize_t pwrite64(int fd, const void *p, size_t n, off64_t o)
{
    REAL(ssize_t, pwrite64, int, const void *, size_t, off64_t);
    FAILING(K_WRITE, fd, ENOSPC)
    return real(fd, p, n, o);
}

int ftruncate64(int fd, off64_t n)
{
    REAL(int, ftruncate64, int, off64_t);
    FAILING(K_WRITE, fd, EIO)
    return real(fd, n);
}

int ftruncate(int fd, off_t n)
{
    REAL(int, ftruncate, int, off_t);
    FAILING(K_WRITE, fd, EIO)
    return real(fd, n);
}

int rename(const char *a, const char *b)
{
    REAL(int, rename, const char *, const char *);
    FAILING(K_WRITE, -1, EIO)
    return real(a, b);
}

int fsync(int fd)
{
    REAL(int, fsync, int);
    FAILING(K_SYNC, fd, EIO)
    return real(fd);
}

int fdatasync(int fd)
{
    REAL(int, fdatasync, int);
    FAILING(K_SYNC, fd, EIO)
    return real(fd);
}

/* The mode counts only where a file may be made. */
#define MODE(flags)                                                                                                                                  \
    mode_t mode = 0;                                                                                                                                 \
    if ((flags) & (O_CREAT | O_TMPFILE)) {                                                                                                           \
        va_list args;                                                                                                                                \
        va_start(args, flags);                                                                                                                       \
        mode = va_arg(args, mode_t);                                                                                                                 \
        va_end(args);                                                                                                                                \
    }

int open(const char *path, int flags, ...)
{
    REAL(int, open, const char *, int, ...);
    MODE(flags)
    FAILING(K_OPEN, -1, EMFILE)
    return real(path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    REAL(int, open64, const char *, int, ...);
    MODE(flags)
    FAILING(K_OPEN, -1, EMFILE)
    return real(path, flags, mode);
}

int openat(int dir, const char *path, int flags, ...)
{
    REAL(int, openat, int, const char *, int, ...);
    MODE(flags)
    FAILING(K_OPEN, -1, EMFILE)
    return real(dir, path, flags, mode);
}

int openat64(int dir, const char *path, int flags, ...)
{
    REAL(int, openat64, int, const char *, int, ...);
    MODE(flags)
    FAILING(K_OPEN, -1, EMFILE)
    return real(dir, path, flags, mode);
}

int pipe2(int fd[2], int flags)
{
    REAL(int, pipe2, int *, int);
    FAILING(K_OPEN, -1, EMFILE)
    return real(fd, flags);
}

int eventfd(unsigned count, int flags)
{
    REAL(int, eventfd, unsigned, int);
    FAILING(K_OPEN, -1, EMFILE)
    return real(count, flags);
}

int signalfd(int fd, const sigset_t *mask, int flags)
{
    REAL(int, signalfd, int, const sigset_t *, int);
    FAILING(K_OPEN, -1, EMFILE)
    return real(fd, mask, flags);
}

int socketpair(int domain, int type, int protocol, int fd[2])
{
    REAL(int, socketpair, int, int, int, int *);
    FAILING(K_OPEN, -1, EMFILE)
    return real(domain, type, protocol, fd);
}

pid_t fork(void)
{
    REAL(pid_t, fork, void);
    FAILING(K_START, -1, EAGAIN)
    return real();
}

int pthread_create(pthread_t *ret, const pthread_attr_t *attributes, void *(*run)(void *), void *arg)
{
    REAL(int, pthread_create, pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    return hit(K_START, -1) ? EAGAIN : real(ret, attributes, run, arg);
}
