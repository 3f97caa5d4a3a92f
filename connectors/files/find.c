/* find.c - the files that a pattern matches. */
#include <dirent.h>
#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"

static bool is_special(char c) { return c == '*' || c == '?' || c == '[' || c == '\\'; }

/* Appends a path that means only itself. */
static void add_literal(strbuf *out, const char *path)
{
    for (; *path; path++) {
        if (is_special(*path))
            strbuf_addc(out, '\\');
        strbuf_addc(out, *path);
    }
}

static bool has_base(const files_settings *s, const stream_settings *stream) { return s->base && *s->base && *stream->path != '/'; }

/* BASE/ or nothing. */
static void add_base(strbuf *out, const files_settings *s, const stream_settings *stream, bool literal)
{
    if (!has_base(s, stream))
        return;
    if (literal)
        add_literal(out, s->base);
    else
        strbuf_adds(out, s->base);
    if (s->base[strlen(s->base) - 1] != '/')
        strbuf_addc(out, '/');
}

/* The folder in front of the pattern's first special character. */
static void fixed_folder(strbuf *out, const files_settings *s, const stream_settings *stream)
{
    const char *end = stream->path;
    for (const char *p = stream->path; *p && !is_special(*p); p++)
        if (*p == '/')
            end = p + 1;
    add_base(out, s, stream, false);
    strbuf_add(out, stream->path, (size_t)(end - stream->path));
    if (!out->len)
        strbuf_adds(out, ".");
}

static weir_rc no_memory(strbuf *problem)
{
    strbuf_clear(problem);
    strbuf_adds(problem, "looking for files: out of memory");
    return WEIR_E_NOMEM;
}

/* Does the folder exist, and may it be read? glob() would quietly find nothing. A folder that only lets through is fine for a
 * single file. */
static weir_rc check_folder(const files_settings *s, const stream_settings *stream, strbuf *problem)
{
    strbuf folder = {0};
    fixed_folder(&folder, s, stream);
    DIR *d = opendir(strbuf_text(&folder));
    weir_rc rc = WEIR_OK;
    if (d) {
        closedir(d);
    } else if (folder.failed || errno == EMFILE || errno == ENFILE || errno == ENOMEM) {
        rc = no_memory(problem);
    } else if (errno != EACCES || access(folder.ptr, X_OK)) {
        strbuf_printf(problem, "folder '%s': %s", folder.ptr, strerror(errno));
        rc = WEIR_E_CONFIG;
    }
    strbuf_free(&folder);
    return rc;
}

static bool add_found(found_files *f, const char *path)
{
    struct stat st;
    if (stat(path, &st) < 0 || !S_ISREG(st.st_mode))
        return true;
    char *copy = strdup(path);
    if (!copy)
        return false;
    f->items[f->count++] = (found_file){copy, copy + f->base};
    return true;
}

static int by_name(const void *a, const void *b) { return strcmp(((const found_file *)a)->name, ((const found_file *)b)->name); }

static bool take_matches(found_files *f, const glob_t *g)
{
    f->items = calloc(g->gl_pathc + 1, sizeof *f->items);
    if (!f->items)
        return false;
    for (size_t i = 0; i < g->gl_pathc; i++)
        if (!add_found(f, g->gl_pathv[i]))
            return false;
    qsort(f->items, f->count, sizeof *f->items, by_name);
    return true;
}

/* A name that looks like a pattern, such as "data[1].csv". */
static bool take_literal(found_files *f, const char *path)
{
    f->items = f->items ? f->items : calloc(1, sizeof *f->items);
    return f->items && add_found(f, path);
}

static weir_rc run_glob(const stream_settings *stream, const char *pattern, const char *literal, found_files *f, strbuf *problem)
{
    glob_t g = {0};
    int rc = glob(pattern, GLOB_ERR | GLOB_NOSORT, NULL, &g);
    int error = errno;
    bool ok = rc == 0 ? take_matches(f, &g) : rc == GLOB_NOMATCH ? take_literal(f, literal) : true;
    globfree(&g);
    if (!ok || rc == GLOB_NOSPACE)
        return no_memory(problem);
    if (rc != GLOB_ABORTED)
        return WEIR_OK;
    strbuf_printf(problem, "a folder in '%s' cannot be read: %s", stream->path, strerror(error));
    return WEIR_E_CONFIG;
}

weir_rc files_find(const files_settings *s, const stream_settings *stream, found_files *ret, strbuf *problem)
{
    strbuf pattern = {0}, literal = {0};
    *ret = (found_files){0};
    weir_rc rc = check_folder(s, stream, problem);
    if (rc)
        return rc;
    add_base(&pattern, s, stream, true);
    add_base(&literal, s, stream, false);
    ret->base = literal.len;
    strbuf_adds(&pattern, stream->path);
    strbuf_adds(&literal, stream->path);
    rc = run_glob(stream, strbuf_text(&pattern), strbuf_text(&literal), ret, problem);
    if (!rc && (pattern.failed || literal.failed))
        rc = no_memory(problem);
    strbuf_free(&pattern);
    strbuf_free(&literal);
    if (rc)
        files_found_free(ret);
    return rc;
}

void files_found_free(found_files *f)
{
    for (size_t i = 0; i < f->count; i++)
        free(f->items[i].path);
    free(f->items);
    *f = (found_files){0};
}

weir_rc files_none(const files_settings *s, const stream_settings *stream, strbuf *problem)
{
    strbuf_printf(problem, "no file matches '%s'", stream->path);
    if (has_base(s, stream))
        strbuf_printf(problem, " in '%s'", s->base);
    return WEIR_E_CONFIG;
}
