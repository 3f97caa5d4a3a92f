#include "plane/catalog.h"

#include "plane/catalog_parts.h"

static weir_rc read_catalog(catalog *c, const char *path, bool missing, err *e)
{
    *c = (catalog){0};
    catalog_reader r = {.c = c, .mem = &c->arena, .found = {.mem = &c->arena}, .missing = missing};
    c->path = arena_text(&c->arena, view_of(path));
    if (c->path)
        read_files(&r, c->path);
    c->files = r.files;
    read_specs(&r);
    weir_rc rc = problems_result(&r.found, e);
    map_free(&r.reals);
    map_free(&r.documents);
    map_free(&r.specs);
    map_free(&r.collections);
    if (rc)
        catalog_free(c);
    return rc;
}

weir_rc catalog_read(catalog *c, const char *path, err *e) { return read_catalog(c, path, false, e); }
weir_rc catalog_read_missing(catalog *c, const char *path, err *e) { return read_catalog(c, path, true, e); }

void catalog_free(catalog *c)
{
    arena_free(&c->arena);
    *c = (catalog){0};
}

const collection *catalog_collection(const catalog *c, weir_view name)
{
    for (size_t i = 0; i < c->collection_count; i++)
        if (view_eq(c->collections[i].name, name))
            return &c->collections[i];
    return NULL;
}

/* ---------------------------------------------------------------------------------------------------- finding a task -- */

const char *task_kind_name(task_kind kind)
{
    static const char *const names[TASK_KINDS] = {[TASK_CAPTURE] = "capture", [TASK_MATERIALIZE] = "materialization", [TASK_DERIVE] = "derivation"};
    return kind < TASK_KINDS ? names[kind] : "task";
}

static const char *kind_name(int kind)
{
    return kind < 0 ? "task" : task_kind_name((task_kind)kind);
}

static bool fits(const task *t, int kind)
{
    return kind < 0 || (int)t->kind == kind;
}

static weir_rc only_task(const catalog *c, int kind, const task **ret, err *e)
{
    buf names = {0};
    const task *only = NULL;
    size_t count = 0;
    for (size_t i = 0; i < c->task_count; i++) {
        if (!fits(&c->tasks[i], kind))
            continue;
        only = &c->tasks[i];
        buf_printf(&names, "%s%.*s", count++ ? ", " : "", VIEW_ARG(only->name));
    }
    weir_rc rc = WEIR_OK;
    if (!count)
        rc = err_fail(e, WEIR_E_CONFIG, "\"%s\" has no %s", c->path, kind_name(kind));
    else if (count > 1)
        rc = err_fail(e, WEIR_E_CONFIG, "\"%s\" has %zu %ss, name one of them: %s", c->path, count, kind_name(kind),
                      buf_text(&names));
    else
        *ret = only;
    buf_free(&names);
    return rc;
}

static weir_rc no_such_task(const catalog *c, weir_view name, int kind, err *e)
{
    arena mem = {0};
    const char **names = arena_array(&mem, c->task_count, sizeof *names);
    size_t count = 0;
    for (size_t i = 0; i < c->task_count && names; i++)
        if (fits(&c->tasks[i], kind))
            names[count++] = c->tasks[i].name.ptr;
    weir_rc rc = err_fail(e, WEIR_E_CONFIG, "\"%s\" has no %s \"%.*s\"%s", c->path, kind_name(kind), VIEW_ARG(name),
                          suggestion(&(problems){.mem = &mem}, name, names, count));
    arena_free(&mem);
    return rc;
}

weir_rc catalog_task(const catalog *c, weir_view name, int kind, const task **ret, err *e)
{
    if (!name.len)
        return only_task(c, kind, ret, e);
    for (size_t i = 0; i < c->task_count; i++) {
        const task *t = &c->tasks[i];
        if (!view_eq(t->name, name))
            continue;
        if (!fits(t, kind))
            return err_fail(e, WEIR_E_CONFIG, "\"%.*s\" is a %s, not a %s", VIEW_ARG(name), kind_name((int)t->kind),
                            kind_name(kind));
        *ret = t;
        return WEIR_OK;
    }
    return no_such_task(c, name, kind, e);
}
