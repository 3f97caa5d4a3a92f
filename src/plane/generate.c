#include "plane/generate.h"

#include <limits.h>
#include <unistd.h>

#include "base/io.h"
#include "plane/derivation.h"
#include "plane/file_url.h"
#include "plane/stub.h"
#include "plane/yaml.h"

typedef struct made {
    struct made *next;
    const char *url;
    weir_view text;
} made;

typedef struct generating {
    const generate_options *o;
    arena arena;
    const char *project; /* a URL, with a slash at its end */
    made *files, *last;
    buf problems;
    weir_rc rc;          /* of the first of them */
} generating;

/* Of two texts for one file the later one counts: a connector knows more than its schema says. */
static weir_rc add_file(generating *g, const char *url, weir_view text, err *e)
{
    made *m = g->files;
    while (m && url && strcmp(m->url, url))
        m = m->next;
    bool known = m != NULL;
    if (!known)
        m = arena_alloc(&g->arena, sizeof *m);
    if (!m || !url)
        return err_nomem(e);
    *m = (made){.next = m->next, .url = url, .text = arena_dup(&g->arena, text)};
    if (!known) {
        *(g->last ? &g->last->next : &g->files) = m;
        g->last = m;
    }
    return m->text.ptr ? WEIR_OK : err_nomem(e);
}

/* ---- settings ---- */

static weir_rc schema_of(generating *g, const weir_connector *c, void (*put)(const weir_connector *, buf *), const tree **ret, err *e)
{
    buf text = {0};
    tree *t = NULL;
    put(c, &text);
    weir_view kept = buf_ok(&text) ? arena_dup(&g->arena, buf_view(&text)) : (weir_view){NULL, 0};
    buf_free(&text);
    weir_rc rc = kept.ptr ? tree_parse(&g->arena, kept, NULL, WEIR_E_PROTOCOL, &t, e) : err_nomem(e);
    *ret = t;
    return err_wrap(e, rc, "the schema of its settings");
}

/* @param bound the name of the collection that the settings are for; may be empty */
static weir_rc add_stub(generating *g, const char *path, const tree *schema, weir_view bound, const tree **ret, err *e)
{
    buf text = {0};
    const tree *stub = stub_of(&g->arena, schema, bound);
    if (stub && view_ends(view_of(path), VIEW(".json"))) {
        tree_write_pretty(&text, stub);
        buf_addc(&text, '\n');
    } else if (stub) {
        yaml_write(&text, stub);
    }
    weir_rc rc = stub && buf_ok(&text) ? add_file(g, file_url(&g->arena, path), buf_view(&text), e) : err_nomem(e);
    buf_free(&text);
    *ret = stub;
    return rc;
}

/* A lambda of SQL is a text, which its connector makes. */
static const char *lambda_missing(const task_transform *x)
{
    return x->lambda_missing && !view_ends(view_of(x->lambda_missing), VIEW(".sql")) ? x->lambda_missing : NULL;
}

static bool lacks_settings(const task *t)
{
    bool any = t->endpoint.config_missing;
    for (size_t i = 0; i < t->binding_count; i++)
        any |= t->bindings[i].resource_missing != NULL;
    for (size_t i = 0; i < t->transform_count; i++)
        any |= lambda_missing(&t->transforms[i]) != NULL;
    return any;
}

static weir_rc add_resources(generating *g, const task *t, const tree *schema, err *e)
{
    weir_rc rc = WEIR_OK;
    const tree *stub;
    for (size_t i = 0; !rc && i < t->binding_count; i++)
        if (t->bindings[i].resource_missing && t->bindings[i].collection)
            rc = add_stub(g, t->bindings[i].resource_missing, schema, t->bindings[i].collection->name, &stub, e);
    for (size_t i = 0; !rc && i < t->transform_count; i++)
        if (lambda_missing(&t->transforms[i]))
            rc = add_stub(g, t->transforms[i].lambda_missing, schema, t->transforms[i].collection->name, &stub, e);
    return rc;
}

/* @param ret_config what stands in the place of settings that are missing; NULL: none are */
static weir_rc add_settings(generating *g, const task *t, const tree **ret_config, err *e)
{
    opened_endpoint end;
    const tree *config, *resource;
    weir_rc rc = endpoint_open(t, g->o->natives, g->o->log, g->o->stop_fd, &end, e);
    if (rc)
        return rc;
    rc = schema_of(g, end.connector, spec_config_schema, &config, e);
    if (!rc)
        rc = schema_of(g, end.connector, spec_resource_schema, &resource, e);
    if (!rc && t->endpoint.config_missing)
        rc = add_stub(g, t->endpoint.config_path, config, (weir_view){0}, ret_config, e);
    if (!rc)
        rc = add_resources(g, t, resource, e);
    endpoint_close(&end);
    return rc;
}

/* ---- derivations ---- */

static weir_rc take_generated(void *arg, weir_view url, weir_view content, err *e)
{
    generating *g = arg;
    return add_file(g, arena_text(&g->arena, url), content, e);
}

static weir_view inferred_of(void *arg, const collection *c, arena *a) { return learned_schema(((generating *)arg)->o->learned, c, a); }

static weir_rc take_published(void *arg, weir_view doc, err *e)
{
    (void)arg;
    (void)doc;
    return err_fail(e, WEIR_E_PROTOCOL, "a document, and it was validated only");
}

static void set_live(void *arg, session *s)
{
    const generate_options *o = ((generating *)arg)->o;
    if (o->live)
        o->live(o->live_arg, s);
}

static weir_rc ask_derivation(generating *g, const task *t, const tree *config, err *e)
{
    const generate_options *o = g->o;
    derivation *d = NULL;
    weir_rc rc = derivation_open(&d, &(derivation_options){
        .t = t, .natives = o->natives, .log = o->log, .stop_fd = o->stop_fd, .config = config, .inferred = inferred_of, .published = take_published, .generated = take_generated,
        .live = set_live, .arg = g, .validate_only = true}, e);
    derivation_close(d);
    return rc;
}

/* ---- all of them ---- */

/* What is wrong with it is told at the end. Without memory, or stopped, there is nothing to go on with. */
static weir_rc generate_task(generating *g, const task *t, err *e)
{
    const tree *config = NULL;
    weir_rc rc = lacks_settings(t) ? add_settings(g, t, &config, e) : WEIR_OK;
    if (!rc && t->kind == TASK_DERIVE)
        rc = ask_derivation(g, t, config, e);
    if (!rc || rc == WEIR_E_NOMEM || rc == WEIR_STOPPED)
        return err_wrap(e, rc, "%s %.*s", task_kind_name(t->kind), VIEW_ARG(t->name));
    buf_printf(&g->problems, "%s%s %.*s: %s", g->problems.len ? "\n" : "", task_kind_name(t->kind), VIEW_ARG(t->name), err_text(e));
    g->rc = g->rc ? g->rc : rc;
    err_clear(e);
    return WEIR_OK;
}

static bool is_there(const char *path, weir_view text)
{
    buf now = {.max = YAML_FILE_MAX};
    err ignored = {0};
    bool same = io_read_file(path, YAML_FILE_MAX, &now, &ignored) == WEIR_OK && view_eq(buf_view(&now), text);
    buf_wipe(&now); /* it may hold secrets */
    err_free(&ignored);
    return same;
}

static weir_rc make_folder(generating *g, const char *path, err *e)
{
    const char *folder = arena_text(&g->arena, (weir_view){path, (size_t)(strrchr(path, '/') - path)});
    return folder ? *folder ? io_make_dirs(folder, e) : WEIR_OK : err_nomem(e);
}

/* As seen from the current folder, where that is above it. */
static const char *shown(const char *path)
{
    char here[PATH_MAX];
    size_t len = getcwd(here, sizeof here) ? strlen(here) : 0;
    return len && strncmp(path, here, len) == 0 && path[len] == '/' ? path + len + 1 : path;
}

static weir_rc write_file(generating *g, const made *m, err *e)
{
    const char *path = file_url_path(&g->arena, view_of(m->url));
    if (g->arena.failed)
        return err_nomem(e);
    if (!path || !view_starts(view_of(m->url), view_of(g->project)) || strstr(path, "/../")) {
        log_line(g->o->log, WEIR_WARN, "not written, since it is not in the folder of the project, \"%s\": \"%s\"", g->project, m->url);
        return WEIR_OK;
    }
    if (is_there(path, m->text))
        return WEIR_OK;
    weir_rc rc = make_folder(g, path, e);
    if (!rc)
        rc = io_replace_file(path, m->text, e);
    return rc ? rc : g->o->wrote(g->o->arg, shown(path), e);
}

static weir_rc find_project(generating *g, err *e)
{
    const char *folder = file_project(&g->arena, g->o->catalog->path), *below = folder ? arena_printf(&g->arena, "%s/", folder).ptr : NULL;
    g->project = below ? file_url(&g->arena, below) : NULL;
    return g->project ? WEIR_OK : err_nomem(e);
}

weir_rc generate_files(const generate_options *o, err *e)
{
    generating g = {.o = o};
    weir_rc rc = find_project(&g, e);
    for (size_t i = 0; !rc && i < o->catalog->task_count; i++)
        rc = generate_task(&g, &o->catalog->tasks[i], e);
    for (const made *m = g.files; m && !rc; m = m->next)
        rc = write_file(&g, m, e);
    if (!rc && g.rc)
        rc = buf_ok(&g.problems) ? err_fail(e, g.rc, "%s", buf_text(&g.problems)) : err_nomem(e);
    buf_free(&g.problems);
    arena_free(&g.arena);
    return rc;
}
