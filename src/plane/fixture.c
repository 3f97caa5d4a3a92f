#include "plane/fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/io.h"
#include "json/tree.h"

enum { FIXTURE_MAX = 64 << 20 /* of a line, or of a file that is one array */ };

struct fixture {
    const char *path;
    int fd, stop_fd;
    io_reader in;
    size_t line;
    arena arena;         /* of a line, or of the array */
    const tree *next;    /* transaction of the array */
    bool begun, listed;  /* a transaction was given; it is an array */
};

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

weir_rc fixture_open(fixture **ret, const char *path, err *e)
{
    bool standard = strcmp(path, "-") == 0;
    fixture *f = calloc(1, sizeof *f);
    if (!f)
        return err_nomem(e);
    f->path = standard ? "stdin" : path;
    f->stop_fd = -1;
    f->fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (f->fd < 0) {
        free(f);
        return err_fail(e, WEIR_E_CONFIG, "fixture: cannot read \"%s\": %s", path, strerror(errno));
    }
    io_reader_init(&f->in, f->fd, FIXTURE_MAX, "the fixture");
    f->in.open_end = true;
    *ret = f;
    return WEIR_OK;
}

void fixture_stop_on(fixture *f, int fd) { f->stop_fd = fd; }

void fixture_close(fixture *f)
{
    if (!f)
        return;
    io_reader_free(&f->in);
    arena_free(&f->arena);
    if (f->fd != STDIN_FILENO)
        close(f->fd);
    free(f);
}

/* ---- lines ---- */

static weir_rc await(fixture *f, err *e)
{
    struct pollfd fds[] = {{f->fd, POLLIN, 0}, {f->stop_fd, POLLIN, 0}};
    if (io_reader_has_line(&f->in) || f->in.eof)
        return WEIR_OK;
    while (poll(fds, 2, -1) < 0 && errno == EINTR)
        ;
    return fds[1].revents ? err_fail(e, WEIR_STOPPED, "stopped") : WEIR_OK;
}

/* The next line that is not blank. */
static weir_rc next_line(fixture *f, weir_view *ret, bool *ret_more, err *e)
{
    weir_rc rc;
    do {
        rc = await(f, e);
        if (!rc)
            rc = io_reader_line(&f->in, ret, ret_more, e);
        f->line++;
        while (!rc && *ret_more && ret->len && is_blank(*ret->ptr))
            *ret = view_from(*ret, 1);
    } while (!rc && *ret_more && !ret->len);
    return rc;
}

static weir_rc bad(const fixture *f, const tree *t, err *e)
{
    return err_fail(e, WEIR_E_CONFIG, "%s:%zu: not [\"collection\", {document}] or {\"commit\": true}", f->path, f->listed ? t->mark.line : f->line);
}

typedef weir_rc taker(void *arg, weir_view collection, weir_view doc, err *e);

static weir_rc give(const fixture *f, const tree *pair, taker *take, void *arg, err *e)
{
    const tree *name = pair->kind == TREE_ARRAY ? pair->first : NULL, *doc = name ? name->next : NULL;
    buf line = {0};
    if (!doc || doc->next || name->kind != TREE_STRING || doc->kind != TREE_OBJECT)
        return bad(f, pair, e);
    tree_write(&line, doc);
    weir_rc rc = buf_ok(&line) ? take(arg, name->text, buf_view(&line), e) : err_nomem(e);
    buf_free(&line);
    return rc;
}

/* @param ret_committed the transaction ends here */
static weir_rc take_line(fixture *f, weir_view line, taker *take, void *arg, bool *ret_committed, err *e)
{
    tree *t;
    arena_reset(&f->arena);
    weir_rc rc = tree_parse(&f->arena, line, NULL, WEIR_E_CONFIG, &t, e);
    if (rc)
        return err_wrap(e, rc, "%s:%zu", f->path, f->line);
    const tree *commit = tree_get(t, "commit");
    *ret_committed = commit && commit->kind == TREE_BOOL && commit->boolean;
    return *ret_committed ? WEIR_OK : give(f, t, take, arg, e);
}

static weir_rc take_lines(fixture *f, weir_view line, taker *take, void *arg, err *e)
{
    bool more = true, committed = false;
    weir_rc rc = WEIR_OK;
    while (!rc && more && !committed) {
        rc = take_line(f, line, take, arg, &committed, e);
        if (!rc && !committed)
            rc = next_line(f, &line, &more, e);
    }
    return rc;
}

/* ---- an array ---- */

static weir_rc read_array(fixture *f, weir_view line, err *e)
{
    buf all = {.max = FIXTURE_MAX};
    tree *t;
    bool more = true;
    weir_rc rc = WEIR_OK;
    for (size_t i = 1; i < f->line; i++)
        buf_addc(&all, '\n'); /* so that marks count on */
    while (!rc && more) {
        buf_addv(&all, line);
        buf_addc(&all, '\n');
        rc = await(f, e);
        if (!rc)
            rc = io_reader_line(&f->in, &line, &more, e);
    }
    weir_view kept = buf_ok(&all) ? arena_dup(&f->arena, buf_view(&all)) : (weir_view){NULL, 0};
    if (!rc)
        rc = kept.ptr ? tree_parse(&f->arena, kept, f->path, WEIR_E_CONFIG, &t, e) : err_fail(e, WEIR_E_CONFIG, "%s: larger than %d MiB", f->path, FIXTURE_MAX >> 20);
    buf_free(&all);
    if (rc)
        return rc;
    f->listed = true;
    f->next = t->first;
    return WEIR_OK;
}

static weir_rc take_transaction(fixture *f, taker *take, void *arg, bool *ret_any, err *e)
{
    const tree *list = f->next;
    weir_rc rc = WEIR_OK;
    *ret_any = list || !f->begun;
    f->begun = true;
    if (!list)
        return WEIR_OK;
    f->next = list->next;
    if (list->kind != TREE_ARRAY)
        return bad(f, list, e);
    for (const tree *t = list->first; t && !rc; t = t->next)
        rc = give(f, t, take, arg, e);
    return rc;
}

/* Does the line begin an array of transactions rather than ["collection", ...? */
static bool begins_array(weir_view line)
{
    size_t i = 1;
    while (i < line.len && is_blank(line.ptr[i]))
        i++;
    return line.ptr[0] == '[' && (i == line.len || line.ptr[i] == '[' || line.ptr[i] == ']');
}

weir_rc fixture_next(fixture *f, taker *take, void *arg, bool *ret_any, err *e)
{
    weir_view line;
    bool more = true;
    if (f->listed)
        return take_transaction(f, take, arg, ret_any, e);
    weir_rc rc = next_line(f, &line, &more, e);
    if (!rc && more && !f->begun && begins_array(line)) {
        rc = read_array(f, line, e);
        return rc ? rc : take_transaction(f, take, arg, ret_any, e);
    }
    *ret_any = more || !f->begun;
    f->begun = true;
    return rc || !more ? rc : take_lines(f, line, take, arg, e);
}
