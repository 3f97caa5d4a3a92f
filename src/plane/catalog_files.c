#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/io.h"
#include "plane/catalog_parts.h"
#include "plane/yaml.h"

const char *path_beside(arena *a, const char *file, weir_view path)
{
    const char *slash = file ? strrchr(file, '/') : NULL;
    if (!slash || view_starts(path, VIEW("/")))
        return arena_text(a, path);
    while (view_starts(path, VIEW("./")))
        path = view_from(path, 2);
    return arena_printf(a, "%.*s%.*s", (int)(slash - file + 1), file, VIEW_ARG(path)).ptr;
}

/* -------------------------------------------------------------------------------------------------------------- texts -- */

static weir_rc read_stdin(buf *out, err *e)
{
    for (;;) {
        if (!buf_reserve(out, 65536))
            return out->len ? err_fail(e, WEIR_E_CONFIG, "standard input is larger than %d MiB", YAML_FILE_MAX >> 20)
                            : err_nomem(e);
        ssize_t n = read(STDIN_FILENO, out->ptr + out->len, out->cap - out->len);
        if (n == 0)
            return WEIR_OK;
        if (n < 0 && errno != EINTR)
            return err_errno(e, errno, "reading standard input");
        out->len += n > 0 ? (size_t)n : 0;
    }
}

/* Reads and parses; a problem is noted at `from`, or with its own place if the text is at fault. */
static const tree *parse_file(catalog_reader *r, const char *path, tree_mark from, const char *what)
{
    bool standard = strcmp(path, "-") == 0;
    buf text = {.max = YAML_FILE_MAX};
    err e = {0};
    tree *root = NULL;
    weir_rc rc = standard ? read_stdin(&text, &e) : io_read_file(path, YAML_FILE_MAX, &text, &e);
    bool read = !rc;
    if (read)
        rc = yaml_parse(r->mem, buf_view(&text), standard ? "stdin" : path, &root, &e);
    if (rc == WEIR_E_NOMEM)
        r->mem->failed = true;
    else if (rc && !read && from.file)
        problem_at(&r->found, from, "%s: %s", what, err_text(&e));
    else if (rc)
        problem_text(&r->found, from, err_text(&e));
    buf_wipe(&text); /* it may hold secrets */
    err_free(&e);
    return root;
}

/* ------------------------------------------------------------------------------------------------------ catalog files -- */

static const char *canonical(arena *a, const char *path)
{
    if (strcmp(path, "-") == 0)
        return NULL;
    char *real = realpath(path, NULL);
    const char *text = arena_text(a, view_of(real ? real : path));
    free(real);
    return text;
}

static void add_file(catalog_reader *r, const char *path, tree_mark from)
{
    const char *real = path ? canonical(r->mem, path) : NULL;
    catalog_file *f = arena_alloc(r->mem, sizeof *f);
    if (!path || !f || (real && map_get(&r->reals, view_of(real))))
        return;
    if (real && !map_put(&r->reals, view_of(real), f)) {
        r->mem->failed = true;
        return;
    }
    *f = (catalog_file){.path = path, .real = real, .root = parse_file(r, path, from, "import")};
    *(r->last_file ? &r->last_file->next : &r->files) = f;
    r->last_file = f;
}

static void add_imports(catalog_reader *r, const tree *root)
{
    const tree *list = tree_get(root, "import");
    for (const tree *t = list && list->kind == TREE_ARRAY ? list->first : NULL; t; t = t->next)
        if (t->kind == TREE_STRING)
            add_file(r, path_beside(r->mem, t->mark.file, t->text), t->mark);
}

void read_files(catalog_reader *r, const char *path)
{
    add_file(r, arena_text(r->mem, view_of(path)), (tree_mark){0});
    for (catalog_file *f = r->files; f; f = f->next) {
        if (!f->root)
            continue;
        grammar_check(&r->found, &grammar_catalog, f->root);
        add_imports(r, f->root);
        if (f->root->kind != TREE_OBJECT)
            f->root = NULL;
    }
}

/* -------------------------------------------------------------------------------------------------- files of values -- */

static const tree unreadable = {.kind = TREE_NULL};

const tree *file_tree(catalog_reader *r, const char *path, tree_mark from, const char *what)
{
    if (!path)
        return NULL;
    const tree *known = map_get(&r->documents, view_of(path));
    if (known)
        return known == &unreadable ? NULL : known;
    const tree *t = parse_file(r, path, from, what);
    if (!map_put(&r->documents, view_of(path), (void *)(t ? t : &unreadable)))
        r->mem->failed = true;
    return t;
}

static bool has_scheme(weir_view text)
{
    size_t n = 0;
    while (n < text.len && text.ptr[n] != ':' && text.ptr[n] != '/')
        n++;
    return view_starts(view_from(text, n), VIEW("://"));
}

const char *file_missing(catalog_reader *r, const tree *value)
{
    if (!r->missing || value->kind != TREE_STRING || !value->text.len || has_scheme(value->text))
        return NULL;
    const char *path = path_beside(r->mem, value->mark.file, value->text);
    return path && access(path, F_OK) && errno == ENOENT ? path : NULL;
}

const tree *file_value(catalog_reader *r, const tree *value, const char *what)
{
    if (value->kind != TREE_STRING)
        return value;
    if (!value->text.len || has_scheme(value->text)) {
        problem_at(&r->found, value->mark, "%s: \"%.*s\" is not the name of a file", what, VIEW_ARG(value->text));
        return NULL;
    }
    return file_tree(r, path_beside(r->mem, value->mark.file, value->text), value->mark, what);
}

weir_view file_text(catalog_reader *r, const tree *value, const char *what)
{
    const char *path = path_beside(r->mem, value->mark.file, value->text);
    buf text = {.max = YAML_FILE_MAX};
    err e = {0};
    weir_rc rc = path ? io_read_file(path, YAML_FILE_MAX, &text, &e) : WEIR_E_NOMEM;
    weir_view kept = rc ? (weir_view){NULL, 0} : arena_dup(r->mem, buf_view(&text));
    if (rc == WEIR_E_NOMEM)
        r->mem->failed = true;
    else if (rc)
        problem_at(&r->found, value->mark, "%s: %s", what, err_text(&e));
    buf_free(&text);
    err_free(&e);
    return kept;
}
