#include "proto/papers.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"

#define PREFIX "weir-papers-"

/* ---- removing ---- */

static void overwrite(int dir, const char *name, off_t size)
{
    static const char zeros[4096];
    int fd = openat(dir, name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return;
    for (off_t left = size; left > 0;) {
        ssize_t n = write(fd, zeros, left < (off_t)sizeof zeros ? (size_t)left : sizeof zeros);
        if (n <= 0)
            break;
        left -= n;
    }
    close(fd);
}

static void empty_folder(int dir);

static void remove_entry(int dir, const char *name)
{
    struct stat st;
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return;
    if (!S_ISDIR(st.st_mode)) {
        if (S_ISREG(st.st_mode))
            overwrite(dir, name, st.st_size);
        unlinkat(dir, name, 0);
        return;
    }
    int sub = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (sub >= 0) {
        empty_folder(sub);
        close(sub);
    }
    unlinkat(dir, name, AT_REMOVEDIR);
}

static bool is_dots(const char *name) { return strcmp(name, ".") == 0 || strcmp(name, "..") == 0; }

/* A connector may have left more here than we wrote. */
static void empty_folder(int dir)
{
    int again = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = again < 0 ? NULL : fdopendir(again);
    if (!d) {
        if (again >= 0)
            close(again);
        return;
    }
    for (struct dirent *entry; (entry = readdir(d));)
        if (!is_dots(entry->d_name))
            remove_entry(dir, entry->d_name);
    closedir(d);
}

static bool lock(int fd) { return flock(fd, LOCK_EX | LOCK_NB) == 0; }

/* Removes a folder of ours whose maker does not live any more: then nobody holds its lock. */
static void remove_if_left(int parent, const char *name)
{
    struct stat st;
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return;
    if (fstat(fd, &st) == 0 && st.st_uid == geteuid() && lock(fd)) {
        empty_folder(fd);
        unlinkat(parent, name, AT_REMOVEDIR);
    }
    close(fd);
}

static void remove_left_over(const char *parent)
{
    DIR *d = opendir(parent);
    if (!d)
        return;
    for (struct dirent *entry; (entry = readdir(d));)
        if (strncmp(entry->d_name, PREFIX, sizeof PREFIX - 1) == 0)
            remove_if_left(dirfd(d), entry->d_name);
    closedir(d);
}

/* ---- making ---- */

static char *parent_folder(arena *a)
{
    const char *tmp = getenv("TMPDIR");
    char *absolute = realpath(tmp && *tmp ? tmp : "/tmp", NULL);
    char *copy = absolute ? arena_text(a, view_of(absolute)) : NULL;
    free(absolute);
    return copy;
}

/* Between the making of a folder and its lock it looks like one that was left over: then it is gone, and the next one is tried.
 * @return 1: done, 0: gone, -1: errno says */
static int try_folder(papers *p, char *path)
{
    struct stat st;
    if (!mkdtemp(path))
        return -1;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 0 : -1;
    if (!lock(fd) || fstat(fd, &st) < 0 || st.st_nlink == 0) {
        close(fd);
        return 0;
    }
    p->dir = path;
    p->fd = fd;
    return 1;
}

static weir_rc make_folder(papers *p, err *e)
{
    const char *parent = parent_folder(&p->arena);
    if (!parent)
        return p->arena.failed ? err_nomem(e) : err_errno(e, errno, "the folder for temporary files ($TMPDIR)");
    remove_left_over(parent);
    for (int done = 0; !done;) {
        char *path = (char *)(uintptr_t)arena_printf(&p->arena, "%s/" PREFIX "XXXXXX", parent).ptr;
        if (!path)
            return err_nomem(e);
        done = try_folder(p, path);
        if (done < 0)
            return err_errno(e, errno, "a temporary folder in '%s'", parent);
    }
    return WEIR_OK;
}

/* ---- the files ---- */

static weir_rc write_file(int fd, weir_view content, const char *path, err *e)
{
    if (fd < 0)
        return err_errno(e, errno, "'%s'", path);
    weir_rc rc = io_write(fd, content, path, e);
    if (close(fd) < 0 && !rc)
        rc = err_errno(e, errno, "'%s'", path);
    return rc;
}

weir_rc papers_put(papers *p, const char *name, weir_view content, const char **ret_path, err *e)
{
    weir_rc rc = p->dir ? WEIR_OK : make_folder(p, e);
    const char *path = rc ? NULL : arena_printf(&p->arena, "%s/%s", p->dir, name).ptr;
    if (!rc && !path)
        rc = err_nomem(e);
    if (rc)
        return rc;
    remove_entry(p->fd, name);
    rc = write_file(openat(p->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600), content, path, e);
    if (!rc)
        *ret_path = path;
    return rc;
}

weir_rc papers_get(const papers *p, const char *name, buf *out, err *e)
{
    buf path = {0};
    buf_printf(&path, "%s/%s", p->dir ? p->dir : "", name);
    weir_rc rc = buf_ok(&path) ? io_read_file(buf_text(&path), 0, out, e) : err_nomem(e);
    buf_free(&path);
    return rc;
}

void papers_free(papers *p)
{
    if (p->dir) {
        empty_folder(p->fd);
        rmdir(p->dir);
        close(p->fd);
    }
    arena_free(&p->arena);
    *p = (papers){0};
}
