/* files_rig.h - source-files in a session, over a folder of its own; what is sealed is kept, with the state, from one pull to
 * the next. JSON that tests write down has ' where it means ". */
#ifndef FILES_RIG_H
#define FILES_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include <cmocka.h>

#include "json/patch.h"
#include "folder.h"
#include "run/session.h"

extern const weir_connector source_files;

typedef struct rig {
    listener base;
    char *folder;
    const char *config;  /* of one stream, without its name and braces: 'path':'*.csv' */
    arena a;
    buf schema, key;     /* as discovered, or as the test wants them */
    buf said;            /* "doc {...}" and "schema {...}", sealed; a line each */
    buf state;
    size_t seals, limit; /* checkpoints in this pull, and after how many one is refused; 0: never */
    void (*on_seal)(struct rig *);
    buf log;
    FILE *log_file;
    log_sink *sink;
    err e;
    int64_t clock;       /* every file written is a second younger than the last */
} rig;

static inline weir_rc rig_attach(listener *l, weir_task *t, lane *ln)
{
    (void)l;
    (void)t;
    ln->outlets[0] = (outlet){.to = &ln->shared, .prefix = VIEW("doc "), .suffix = VIEW("\n")};
    return WEIR_OK;
}

/* Nothing leaves the lane before it is sealed. */
static inline weir_rc rig_spill(listener *l, weir_task *t, lane *ln)
{
    (void)l;
    (void)t;
    (void)ln;
    return WEIR_OK;
}

static inline weir_rc rig_seal(listener *l, weir_task *t, lane *ln, const checkpoint *c)
{
    rig *r = (rig *)l;
    buf merged = {0};
    if (r->limit && r->seals == r->limit)
        return WEIR_STOPPED;
    assert_true(c->merge);
    if (!patch_apply(&merged, buf_view(&r->state), c->state)) {
        buf_free(&merged);
        return err_fail(task_error(t), WEIR_E_NOMEM, "no memory in the rig");
    }
    buf_free(&r->state);
    r->state = merged;
    buf_addv(&r->said, buf_view(&ln->shared));
    buf_clear(&ln->shared);
    r->seals++;
    if (r->on_seal)
        r->on_seal(r);
    return task_sealed(t, c);
}

static inline weir_rc rig_schema(listener *l, weir_task *t, lane *ln, const weir_binding *b, weir_view schema)
{
    (void)l;
    (void)b;
    buf_printf(&ln->shared, "schema %.*s\n", VIEW_ARG(schema));
    return buf_ok(&ln->shared) ? WEIR_OK : err_fail(task_error(t), WEIR_E_NOMEM, "no memory in the rig");
}

static inline weir_rc rig_discovered(listener *l, weir_task *t, const weir_stream *s, weir_view resource, weir_view path)
{
    rig *r = (rig *)l;
    (void)path;
    assert_true(view_is(resource, "{\"stream\":\"s\"}"));
    buf_clear(&r->schema);
    buf_clear(&r->key);
    buf_addv(&r->schema, s->schema);
    buf_addv(&r->key, s->key);
    return buf_ok(&r->schema) && buf_ok(&r->key) ? WEIR_OK : err_fail(task_error(t), WEIR_E_NOMEM, "no memory in the rig");
}

static inline void rig_problem(listener *l, weir_task *t, const weir_binding *b, weir_view message)
{
    (void)t;
    (void)b;
    buf_printf(&((rig *)l)->said, "problem %.*s\n", VIEW_ARG(message));
}

static inline int rig_set_up(void **state)
{
    static const listener_ops ops = {.attach = rig_attach, .spill = rig_spill, .seal = rig_seal, .schema = rig_schema,
                                     .discovered = rig_discovered, .problem = rig_problem};
    rig *r = calloc(1, sizeof *r);
    r->base.ops = &ops;
    r->folder = folder_make();
    r->log_file = tmpfile();
    r->sink = log_open(fileno(r->log_file));
    r->clock = time(NULL) - 1000000;
    *state = r;
    return 0;
}

static inline int rig_tear_down(void **state)
{
    rig *r = *state;
    folder_remove(r->folder);
    log_close(r->sink);
    fclose(r->log_file);
    arena_free(&r->a);
    buf_free(&r->schema);
    buf_free(&r->key);
    buf_free(&r->said);
    buf_free(&r->state);
    buf_free(&r->log);
    err_free(&r->e);
    free(r);
    return 0;
}

static inline const char *rig_path(rig *r, const char *name) { return arena_printf(&r->a, "%s/%s", r->folder, name).ptr; }

/* Makes a file, or appends to it. */
static inline void rig_write(rig *r, const char *name, const char *mode, const void *bytes, size_t len)
{
    const char *path = rig_path(r, name);
    struct timespec at = {.tv_sec = r->clock++};
    FILE *f = fopen(path, mode);
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(utimensat(-1, path, (struct timespec[]){at, at}, 0), 0);
}

static inline void put(rig *r, const char *name, const char *text) { rig_write(r, name, "w", text, strlen(text)); }
static inline void append(rig *r, const char *name, const char *text) { rig_write(r, name, "a", text, strlen(text)); }

/* JSON as tests write it down. */
static inline const char *quoted(rig *r, const char *text)
{
    char *copy = arena_text(&r->a, view_of(text));
    for (char *p = copy; *p; p++)
        *p = *p == '\'' ? '"' : *p;
    return copy;
}

typedef weir_rc rig_work(session *s, err *e);

static inline weir_rc rig_run(rig *r, rig_work *work)
{
    arena a = {0};
    tree *config, *resource = NULL;
    weir_binding b = {.name = VIEW("x/s"), .state_key = VIEW("s"), .schema = buf_view(&r->schema), .key = buf_view(&r->key)};
    buf text = {0};
    const char *config_text = quoted(r, r->config);
    buf_printf(&text, "{\"base\":\"%s\",\"streams\":[{\"name\":\"s\",%s}]}", r->folder, config_text);
    err_clear(&r->e);
    r->seals = 0;
    const session_options o = {.connector = &source_files, .to = &r->base, .log = r->sink, .task_name = VIEW("x/task")};
    session *s = session_new(&o);
    weir_rc rc = s && buf_ok(&text) ? WEIR_OK : err_nomem(&r->e);
    if (!rc)
        rc = tree_parse(&a, buf_view(&text), NULL, WEIR_E_BUG, &config, &r->e);
    if (!rc)
        rc = tree_parse(&a, VIEW("{\"stream\":\"s\"}"), NULL, WEIR_E_BUG, &resource, &r->e);
    if (!rc)
        rc = session_open(s, config, &r->e);
    const tree *const resources[] = {resource};
    weir_view before = buf_ok(&r->state) ? arena_dup(&a, buf_view(&r->state)) : (weir_view){0};
    if (!rc)
        rc = session_bind(s, &b, resources, 1, before, &r->e);
    if (!rc)
        rc = work(s, &r->e);
    session_free(s);
    buf_free(&text);
    arena_free(&a);
    return rc;
}

static inline void discover(rig *r) { assert_int_equal(rig_run(r, session_discover), WEIR_OK); }

/* Pulls; what was said before is forgotten. */
static inline weir_rc pull(rig *r)
{
    buf_clear(&r->said);
    return rig_run(r, session_pull);
}

static inline void expect_error(rig *r, weir_rc got, weir_rc want, const char *text)
{
    if (got != want || !strstr(err_text(&r->e), text))
        fail_msg("%d: %s", got, err_text(&r->e));
}

static inline void expect_pull(rig *r, const char *said)
{
    weir_rc rc = pull(r);
    if (rc)
        fail_msg("%s", err_text(&r->e));
    assert_string_equal(buf_text(&r->said), quoted(r, said));
}

/* What the log says since the start, with the lines of a kind. */
static inline bool was_logged(rig *r, const char *text)
{
    char line[4096];
    bool found = false;
    rewind(r->log_file);
    while (fgets(line, sizeof line, r->log_file))
        found |= strstr(line, text) != NULL;
    return found;
}

/* The value at a member of the state of a file. */
static inline bool state_says(rig *r, const char *text) { return strstr(buf_text(&r->state), text) != NULL; }

#endif
