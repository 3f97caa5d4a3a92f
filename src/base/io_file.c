/* Small files as a whole, and folders. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/io.h"

static int open_again(const char *path, int flags, mode_t mode)
{
    int fd;
    do
        fd = open(path, flags | O_CLOEXEC, mode);
    while (fd < 0 && errno == EINTR);
    return fd;
}

/* ------------------------------------------------------------------------------------------------------------- reading -- */

enum { READ_STEP = 64 * 1024 };

/* What a file says its size is, plus one byte to see the end by; files that say nothing are read in steps. */
static size_t first_step(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 ? (size_t)st.st_size + 1 : READ_STEP;
}

static weir_rc read_to_end(int fd, const char *path, size_t max, buf *out, err *e)
{
    size_t start = out->len;
    for (size_t step = first_step(fd);; step = READ_STEP) {
        size_t allowed = max ? max - (out->len - start) + 1 : step;
        if (!buf_reserve(out, step < allowed ? step : allowed))
            return err_wrap(e, err_nomem(e), "reading \"%s\"", path);
        size_t room = out->cap - out->len;
        ssize_t n = read(fd, out->ptr + out->len, max && room > allowed ? allowed : room);
        if (n < 0 && errno != EINTR)
            return err_errno(e, errno, "cannot read \"%s\"", path);
        if (n == 0)
            return WEIR_OK;
        out->len += n > 0 ? (size_t)n : 0;
        if (max && out->len - start > max)
            return err_fail(e, WEIR_E_CONFIG, "\"%s\" is larger than the %zu bytes allowed", path, max);
    }
}

weir_rc io_read_file(const char *path, size_t max, buf *out, err *e)
{
    int fd = open_again(path, O_RDONLY, 0);
    if (fd < 0)
        return err_errno(e, errno, "cannot read \"%s\"", path);
    size_t start = out->len;
    weir_rc rc = read_to_end(fd, path, max, out, e);
    if (rc)
        out->len = start;
    close(fd);
    return rc;
}

/* ----------------------------------------------------------------------------------------------------------- replacing -- */

/* "." for a name without a folder. */
static const char *folder_of(arena *a, const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return ".";
    return slash == path ? "/" : arena_text(a, (weir_view){path, (size_t)(slash - path)});
}

/* A symbolic link is followed: what it points at is what gets replaced. NULL without memory. */
static const char *target_of(arena *a, const char *path)
{
    char *real = realpath(path, NULL);
    const char *copy = real ? arena_text(a, view_of(real)) : errno == ENOMEM ? NULL : path;
    free(real);
    return copy;
}

/* A new file beside the target, with the rights of the one it replaces. @return its name, NULL with errno set */
static const char *make_beside(arena *a, const char *target, int *ret_fd)
{
    enum { TRIES = 16 };
    struct stat old;
    bool is_there = stat(target, &old) == 0;
    for (int i = 0; i < TRIES; i++) {
        uint64_t salt = 0;
        if (getrandom(&salt, sizeof salt, GRND_NONBLOCK) < 0)
            salt = (uint64_t)getpid() << 8 | (uint64_t)i;
        const char *name = arena_printf(a, "%s.%016llx.tmp", target, (unsigned long long)salt).ptr;
        if (!name) {
            errno = ENOMEM;
            return NULL;
        }
        *ret_fd = open_again(name, O_WRONLY | O_CREAT | O_EXCL, is_there ? 0600 : 0666);
        if (*ret_fd >= 0) {
            if (is_there)
                (void)!fchmod(*ret_fd, old.st_mode & (fchown(*ret_fd, old.st_uid, old.st_gid) == 0 ? 07777 : 0777));
            return name;
        }
        if (errno != EEXIST)
            return NULL;
    }
    return NULL;
}

/* Contents on disk first, name second: a crash leaves the old file or the new one. */
static weir_rc fill_and_rename(int fd, const char *name, const char *target, weir_view bytes, err *e)
{
    weir_rc rc = io_write(fd, bytes, "the file", e);
    if (!rc && fsync(fd) != 0)
        rc = err_errno(e, errno, "fsync");
    if (close(fd) != 0 && !rc)
        rc = err_errno(e, errno, "close");
    if (!rc && rename(name, target) != 0)
        rc = err_errno(e, errno, "rename");
    if (rc)
        unlink(name);
    return rc;
}

weir_rc io_replace_file(const char *path, weir_view bytes, err *e)
{
    arena a = {0};
    int fd = -1;
    weir_rc rc = WEIR_OK;
    const char *target = target_of(&a, path);
    const char *folder = target ? folder_of(&a, target) : NULL;
    const char *name = folder ? make_beside(&a, target, &fd) : NULL;
    if (name)
        rc = fill_and_rename(fd, name, target, bytes, e);
    else
        rc = folder ? err_errno(e, errno, "making a file beside it") : err_nomem(e);
    if (!rc)
        rc = io_sync_dir(folder, e);
    arena_free(&a);
    return rc ? err_wrap(e, rc, "cannot write \"%s\"", path) : rc;
}

/* ------------------------------------------------------------------------------------------------------------- folders -- */

weir_rc io_sync_dir(const char *path, err *e)
{
    int fd = open_again(path, O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0)
        return err_errno(e, errno, "cannot open folder \"%s\"", path);
    int failed = fsync(fd) != 0 ? errno : 0;
    close(fd);
    /* EINVAL, ENOTSUP: a file system that cannot sync folders has nothing to wait for */
    if (failed && failed != EINVAL && failed != ENOTSUP)
        return err_errno(e, failed, "cannot sync folder \"%s\"", path);
    return WEIR_OK;
}

static bool is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* @return errno, 0 if the folder is there now */
static int make_one(const char *path)
{
    if (mkdir(path, 0777) == 0)
        return 0;
    int failed = errno; /* an existing folder may answer EEXIST, EROFS, EACCES or EISDIR: only what is there counts */
    if (is_folder(path))
        return 0;
    return failed == EEXIST ? ENOTDIR : failed;
}

weir_rc io_make_dirs(const char *path, err *e)
{
    buf copy = {0};
    buf_adds(&copy, path);
    buf_addc(&copy, '\0');
    if (!buf_ok(&copy)) {
        buf_free(&copy);
        return err_nomem(e);
    }
    int failed = 0;
    char *at = copy.ptr;
    while (!failed) {
        at += strspn(at, "/");
        at += strcspn(at, "/");
        char kept = *at;
        *at = '\0';
        failed = make_one(copy.ptr);
        *at = kept;
        if (!at[strspn(at, "/")])
            break;
    }
    buf_free(&copy);
    return failed ? err_errno(e, failed, "cannot make folder \"%s\"", path) : WEIR_OK;
}
