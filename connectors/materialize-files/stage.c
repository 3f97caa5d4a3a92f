#include "stage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define STAGED ".weir-staged"
#define LOCK ".lock"

typedef struct move {
    char *name, *place; /* in the staging folder; below the root */
} move;

struct stage {
    char *root, *task, *folder;
    int lock; /* -1: not begun */
    move *moves;
    size_t count, room;
    size_t names; /* made so far */
};

static weir_rc nomem(weir_task *t) { return weir_fail(t, WEIR_E_NOMEM, "out of memory"); }

static weir_rc failed(weir_task *t, const char *doing, const char *path)
{
    weir_rc rc = errno == ENOSPC || errno == EIO || errno == EMFILE || errno == ENFILE || errno == ENOMEM ? WEIR_E_NOMEM : WEIR_E_CONFIG;
    return weir_fail(t, rc, "%s '%s': %s", doing, path, strerror(errno));
}

static char *joined(const char *a, const char *b)
{
    char *out;
    return asprintf(&out, "%s/%s", a, b) < 0 ? NULL : out;
}

void stage_id(char out[17])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char bytes[8];
    while (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        ;
    for (size_t i = 0; i < 16; i++)
        out[i] = digits[bytes[i / 2] >> (i % 2 ? 0 : 4) & 15];
    out[16] = 0;
}

/* ------------------------------------------------------------------------------------------------------------- folders -- */

static weir_rc sync_folder(weir_task *t, const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return failed(t, "open folder", path);
    weir_rc rc = fsync(fd) && errno != EINVAL ? failed(t, "fsync folder", path) : WEIR_OK;
    close(fd);
    return rc;
}

/* The folder that `path` ends in, to be freed. */
static char *parent_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == path ? strdup("/") : slash ? strndup(path, (size_t)(slash - path)) : strdup(".");
}

/* Makes a folder and those above it, each durable in the one above. */
static weir_rc make_folders(weir_task *t, const char *path)
{
    struct stat st;
    if (stat(path, &st) == 0)
        return S_ISDIR(st.st_mode) ? WEIR_OK : weir_fail(t, WEIR_E_CONFIG, "'%s' is a file, not a folder", path);
    char *parent = parent_of(path);
    weir_rc rc = parent ? make_folders(t, parent) : nomem(t);
    if (!rc && mkdir(path, 0777) && errno != EEXIST)
        rc = failed(t, "make folder", path);
    if (!rc)
        rc = sync_folder(t, parent);
    free(parent);
    return rc;
}

static bool is_plain(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' || c == '.'; }

/* A file name for any task: what is not a letter, a digit, `-`, `_` or `.` is written `%2F`. */
static char *folder_name(const char *task)
{
    char *out = malloc(3 * strlen(task) + 2), *at = out;
    for (size_t i = 0; out && task[i]; i++) {
        if (is_plain(task[i]) && !(i == 0 && (task[i] == '.' || task[i] == '-')))
            *at++ = task[i];
        else
            at += sprintf(at, "%%%02X", (unsigned char)task[i]);
    }
    if (out)
        *at = 0;
    return out;
}

weir_rc stage_new(weir_task *t, stage **ret, const char *root, weir_view task)
{
    stage *s = calloc(1, sizeof *s);
    if (!s)
        return nomem(t);
    uint32_t begin, end;
    weir_key_range(t, &begin, &end);
    if (task.len && begin) /* a part of a task that others do parts of; the first one goes on with what the whole had */
        task = weir_format(t, "%.*s@%08x", (int)task.len, task.ptr, (unsigned)begin);
    s->lock = -1;
    s->root = strdup(root);
    s->task = strndup(task.ptr ? task.ptr : "", task.len);
    if (s->root && s->task) {
        *ret = s;
        return WEIR_OK;
    }
    stage_free(s);
    return nomem(t);
}

static void forget_moves(stage *s)
{
    for (size_t i = 0; i < s->count; i++) {
        free(s->moves[i].name);
        free(s->moves[i].place);
    }
    s->count = 0;
}

static weir_rc each_file(weir_task *t, const char *folder, weir_rc (*work)(weir_task *, void *, const char *name), void *arg)
{
    DIR *d = opendir(folder);
    weir_rc rc = d ? WEIR_OK : failed(t, "open folder", folder);
    for (const struct dirent *e; !rc && d && (e = readdir(d)) != NULL;)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            rc = work(t, arg, e->d_name);
    if (d)
        closedir(d);
    return rc;
}

static bool is_listed(const stage *s, const char *name)
{
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->moves[i].name, name) == 0)
            return true;
    return false;
}

static weir_rc remove_unlisted(weir_task *t, void *arg, const char *name)
{
    const stage *s = arg;
    if (strcmp(name, LOCK) == 0 || is_listed(s, name))
        return WEIR_OK;
    char *path = joined(s->folder, name);
    weir_rc rc = path ? WEIR_OK : nomem(t);
    if (path && unlink(path) && errno != ENOENT)
        rc = failed(t, "remove", path);
    free(path);
    return rc;
}

/* Of a session that has no name nobody knows later: its folder goes with it. */
static void remove_own(const stage *s)
{
    char *lock = joined(s->folder, LOCK);
    if (lock)
        unlink(lock);
    free(lock);
    rmdir(s->folder);
}

void stage_free(stage *s)
{
    if (!s)
        return;
    if (s->lock >= 0 && s->folder && !s->task[0] && !s->count)
        remove_own(s);
    if (s->lock >= 0)
        close(s->lock);
    forget_moves(s);
    free(s->moves);
    free(s->root);
    free(s->task);
    free(s->folder);
    free(s);
}

/* ------------------------------------------------------------------------------------------------------------- locking -- */

static int try_lock(const char *folder, int flags)
{
    char *path = joined(folder, LOCK);
    int fd = path ? open(path, O_RDWR | O_CLOEXEC | flags, 0666) : -1;
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB)) {
        close(fd);
        fd = -2;
    }
    free(path);
    return fd;
}

/* What a killed session without a name has left: whoever holds no lock is dead. */
static weir_rc remove_orphan(weir_task *t, void *arg, const char *name)
{
    if (name[0] != '-')
        return WEIR_OK;
    stage orphan = {.folder = joined(arg, name)};
    int fd = orphan.folder ? try_lock(orphan.folder, 0) : -1;
    if (fd >= 0 && each_file(t, orphan.folder, remove_unlisted, &orphan) == WEIR_OK)
        remove_own(&orphan);
    if (fd >= 0)
        close(fd);
    free(orphan.folder);
    return WEIR_OK;
}

static weir_rc enter(weir_task *t, stage *s)
{
    char id[18] = "-";
    char *staged = joined(s->root, STAGED);
    stage_id(id + 1);
    char *name = s->task[0] ? folder_name(s->task) : strdup(id);
    s->folder = staged && name ? joined(staged, name) : NULL;
    weir_rc rc = s->folder ? make_folders(t, s->folder) : nomem(t);
    if (!rc && !s->task[0])
        rc = each_file(t, staged, remove_orphan, staged);
    if (!rc) {
        s->lock = try_lock(s->folder, O_CREAT);
        if (s->lock == -2)
            rc = weir_fail(t, WEIR_E_TRANSIENT, "another run of task \"%s\" is writing to '%s'", s->task, s->root);
        else if (s->lock < 0)
            rc = failed(t, "lock", s->folder);
    }
    free(staged);
    free(name);
    return rc;
}

/* -------------------------------------------------------------------------------------------------------------- moving -- */

static weir_rc add_move(weir_task *t, stage *s, const char *name, const char *place)
{
    if (s->count == s->room) {
        size_t room = 2 * s->room + 8;
        move *moves = reallocarray(s->moves, room, sizeof *moves);
        if (!moves)
            return nomem(t);
        s->moves = moves;
        s->room = room;
    }
    move m = {strdup(name), strdup(place)};
    s->moves[s->count++] = m;
    return m.name && m.place ? WEIR_OK : nomem(t);
}

/* "moves": [["name", "place"], ...]. Somebody may have edited it. */
static weir_rc read_moves(weir_task *t, stage *s)
{
    weir_view state = weir_state(t);
    for (size_t i = 0;; i++) {
        char at[48];
        snprintf(at, sizeof at, "/moves/%zu/0", i);
        const char *name = weir_json_text(t, state, at, NULL);
        snprintf(at, sizeof at, "/moves/%zu/1", i);
        const char *place = weir_json_text(t, state, at, NULL);
        if (!name || !place)
            return WEIR_OK;
        if (strchr(name, '/') || name[0] == '.' || stage_refused(place))
            return weir_fail(t, WEIR_E_REMOTE, "the state names '%s' as a file, and '%s' as its place, which cannot be", name, place);
        weir_rc rc = add_move(t, s, name, place);
        if (rc)
            return rc;
    }
}

/* Never onto a file that is there. Where the file system cannot say so at once, the name has 64 random bits. */
static int move_file(const char *from, const char *to)
{
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return -1;
    if (access(to, F_OK) == 0) {
        errno = EEXIST;
        return -1;
    }
    return rename(from, to);
}

/* One that is not there any more was moved before. */
static weir_rc publish(weir_task *t, const stage *s, const move *m, char **synced)
{
    char *from = joined(s->folder, m->name), *to = joined(s->root, m->place), *folder = to ? parent_of(to) : NULL;
    weir_rc rc = from && folder ? make_folders(t, folder) : nomem(t);
    if (!rc && move_file(from, to) && errno != ENOENT)
        rc = failed(t, "move a file to", to);
    if (!rc && (!*synced || strcmp(*synced, folder) != 0)) { /* the former one, which has all of its files now */
        rc = *synced ? sync_folder(t, *synced) : WEIR_OK;
        free(*synced);
        *synced = folder;
        folder = NULL;
    }
    free(from);
    free(to);
    free(folder);
    return rc;
}

weir_rc stage_publish(weir_task *t, stage *s)
{
    char *synced = NULL;
    weir_rc rc = WEIR_OK;
    for (size_t i = 0; !rc && i < s->count; i++)
        rc = publish(t, s, &s->moves[i], &synced);
    if (!rc && synced)
        rc = sync_folder(t, synced);
    free(synced);
    if (!rc && s->count)
        rc = weir_keep(t, (weir_view)WEIR_LIT("{\"moves\":null}"));
    if (!rc)
        forget_moves(s);
    return rc;
}

weir_rc stage_begin(weir_task *t, stage *s)
{
    if (s->lock >= 0)
        return WEIR_OK;
    weir_rc rc = enter(t, s);
    if (!rc)
        rc = read_moves(t, s);
    if (!rc)
        rc = each_file(t, s->folder, remove_unlisted, s);
    return rc ? rc : stage_publish(t, s);
}

/* -------------------------------------------------------------------------------------------------------------- staging -- */

weir_rc stage_path(weir_task *t, stage *s, const char *extension, char **ret_path)
{
    char id[17];
    weir_rc rc = stage_begin(t, s);
    if (rc)
        return rc;
    stage_id(id);
    return asprintf(ret_path, "%s/%zu-%s%s", s->folder, s->names++, id, extension) < 0 ? nomem(t) : WEIR_OK;
}

weir_rc stage_finished(weir_task *t, stage *s, const char *path, const char *place)
{
    return add_move(t, s, strrchr(path, '/') + 1, place);
}

weir_rc stage_commit(weir_task *t, stage *s, weir_view more)
{
    size_t room = 64 + more.len, len = 0;
    if (!s->count)
        return WEIR_OK;
    weir_rc rc = sync_folder(t, s->folder);
    if (rc)
        return rc;
    for (size_t i = 0; i < s->count; i++)
        room += 6 * (strlen(s->moves[i].name) + strlen(s->moves[i].place)) + 16;
    char *patch = malloc(room);
    if (!patch)
        return nomem(t);
    len = (size_t)snprintf(patch, room, "{\"moves\":[");
    for (size_t i = 0; i < s->count; i++) {
        const char *name = weir_quote(t, s->moves[i].name), *place = weir_quote(t, s->moves[i].place);
        len += (size_t)snprintf(patch + len, room - len, "%s[%s,%s]", i ? "," : "", name, place);
    }
    len += (size_t)snprintf(patch + len, room - len, "]%s%.*s}", more.len ? "," : "", (int)more.len, more.ptr ? more.ptr : "");
    rc = weir_keep(t, (weir_view){patch, len});
    free(patch);
    return rc;
}

const char *stage_refused(const char *place)
{
    if (!place[0] || place[0] == '/')
        return "must be below the folder";
    for (const char *at = place; at; at = strchr(at, '/') ? strchr(at, '/') + 1 : NULL) {
        size_t len = strcspn(at, "/");
        if (!len)
            return "has an empty part";
        if (at[0] == '.' && (len == 1 || (len == 2 && at[1] == '.')))
            return "must not lead out of the folder";
        if (strncmp(at, STAGED, len) == 0 && len == strlen(STAGED))
            return "is a folder of this connector's own";
        if (len > 255)
            return "has a part that is longer than a file name may be";
    }
    return NULL;
}
