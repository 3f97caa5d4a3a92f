/* Being the platform for a tap or a target: how it is described, configured and started. drive.c and drive_target.c do the rest. */
#include <stdlib.h>

#include "base/clock.h"
#include "json/patch.h"
#include "json/write.h"
#include "proto/singer/driven.h"

enum { ABOUT_MS = 60000, ABOUT_MAX = 8 << 20 };

/* ---- processes ---- */

static size_t count_of(const char *const *list)
{
    size_t n = 0;
    while (list[n])
        n++;
    return n;
}

weir_rc singer_driven_start(child **ret, const driven *d, const char *const *args, log_sink *log, int stop_fd, err *e)
{
    size_t own = count_of(d->o.argv), more = count_of(args);
    const char **argv = calloc(own + more + 1, sizeof *argv);
    if (!argv)
        return err_nomem(e);
    memcpy(argv, d->o.argv, own * sizeof *argv);
    memcpy(argv + own, args, more * sizeof *argv);
    drive_options o = d->o;
    o.log = log;
    const child_options options = {
        .argv = argv, .env = d->o.env, .more_env = d->env, .o = &o, .stop_fd = stop_fd, .line_max = SINGER_LINE_MAX, .open_end = true, .levels = true,
    };
    weir_rc rc = child_start(ret, &options, e);
    free(argv);
    return rc;
}

weir_rc singer_driven_read(child *c, int64_t until, size_t max, buf *out, err *e)
{
    for (;;) {
        weir_view line;
        bool more;
        weir_rc rc = child_line_until(c, until, &line, &more, e);
        if (rc || !more)
            return rc;
        if (!line.ptr)
            return err_fail(e, WEIR_E_PROTOCOL, "the connector has not ended in time");
        if (out->len + line.len >= max)
            return err_fail(e, WEIR_E_PROTOCOL, "the connector prints more than %zu bytes", max);
        buf_addv(out, line);
        buf_addc(out, '\n');
        if (!buf_ok(out))
            return err_nomem(e);
    }
}

/* ---- settings ---- */

static bool contains_folded(weir_view text, const char *word)
{
    for (; text.len >= strlen(word); text = view_from(text, 1))
        if (strncasecmp(text.ptr, word, strlen(word)) == 0)
            return true;
    return false;
}

static bool sounds_secret(weir_view name)
{
    static const char *const words[] = {"password", "passwd", "passphrase", "secret", "token", "credential", "private", "apikey", "api_key", "api-key",
                                        "authkey", "auth_key", "auth-key", "access_key", "access-key", "accesskey"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (contains_folded(name, words[i]))
            return true;
    return false;
}

/* Of settings that nobody has described the names are all there is to tell what is secret. */
static void mask_by_names(const driven *d, const tree *t, bool secret)
{
    secret |= t->name.len && sounds_secret(t->name);
    if (secret && (t->kind == TREE_STRING || t->kind == TREE_NUMBER) && t->text.len)
        log_mask(d->o.log, t->text);
    for (const tree *c = t->first; c; c = c->next)
        mask_by_names(d, c, secret);
}

static weir_rc mask_config(const driven *d, weir_view config, err *e)
{
    arena a = {0};
    tree *settings;
    weir_rc rc = d->described ? WEIR_OK : tree_parse(&a, config, "config", WEIR_E_CONFIG, &settings, e);
    if (!rc && !d->described)
        mask_by_names(d, settings, false);
    arena_free(&a);
    return rc;
}

weir_rc singer_driven_open(weir_task *t, const weir_connector *me, const void *config, void **ret_self)
{
    const weir_view *text = config;
    singer_driven_run *r = calloc(1, sizeof *r);
    if (!r)
        return weir_fail(t, WEIR_E_NOMEM, "out of memory");
    r->d = (const driven *)me;
    buf_addv(&r->config, *text);
    *ret_self = r;
    return buf_ok(&r->config) ? mask_config(r->d, *text, task_error(t)) : weir_fail(t, WEIR_E_NOMEM, "out of memory");
}

void singer_driven_close(void *self)
{
    singer_driven_run *r = self;
    if (!r)
        return;
    singer_targeted_free(r->target);
    buf_wipe(&r->config);
    free(r);
}

weir_rc singer_driven_config(singer_driven_run *r, papers *p, const char **ret_path, err *e)
{
    return papers_put(p, "config.json", buf_view(&r->config), ret_path, e);
}

weir_rc singer_driven_config_changed(weir_task *t, singer_driven_run *r, const papers *p)
{
    buf text = {0}, now = {0};
    err e = {0};
    weir_rc rc = WEIR_OK;
    if (!p->dir || papers_get(p, "config.json", &text, &e)) {
        err_free(&e);
        return WEIR_OK; /* it has removed it */
    }
    json_scan s = json_scan_of(buf_view(&text));
    if (json_peek(&s) != '{' || !json_check(buf_view(&text), NULL, NULL)) {
        weir_log(t, WEIR_WARN, "the connector has changed its config file, but not to a JSON object: the change is left out");
    } else if (!json_equal(buf_view(&text), buf_view(&r->config))) {
        json_compact(&now, buf_view(&text));
        rc = mask_config(r->d, buf_view(&now), task_error(t));
        if (!rc)
            rc = buf_ok(&now) ? weir_config_changed(t, buf_view(&now)) : err_nomem(task_error(t));
        buf swap = r->config;
        r->config = now;
        now = swap;
    }
    buf_wipe(&text);
    buf_wipe(&now);
    return rc;
}

/* ---- what it says about itself ---- */

static bool says_true(const tree *t, const char *name)
{
    const tree *m = tree_get(t, name);
    return m && m->kind == TREE_BOOL && m->boolean;
}

/* A schema of settings as it should be: a type alone among alternatives becomes a schema (singer.md 4, quirk), what only may be written is secret. */
static void put_settings(json_out *w, const tree *t, bool alternative)
{
    if (alternative && t->kind == TREE_STRING) {
        out_open(w, '{');
        out_text(out_name(w, "type"), t->text);
        out_close(w, '}');
        return;
    }
    if (t->kind != TREE_OBJECT && t->kind != TREE_ARRAY) {
        out_raw(w, t->raw);
        return;
    }
    bool object = t->kind == TREE_OBJECT;
    out_open(w, object ? '{' : '[');
    for (const tree *m = t->first; m; m = m->next) {
        if (object && (view_is(m->name, "default") || view_is(m->name, "examples") || view_is(m->name, "enum") || view_is(m->name, "const"))) {
            out_raw(out_namev(w, m->name), m->raw);
            continue;
        }
        bool list = view_is(t->name, "anyOf") || view_is(t->name, "oneOf") || view_is(t->name, "allOf");
        put_settings(object ? out_namev(w, m->name) : w, m, !object && list);
    }
    if (object && says_true(t, "writeOnly") && !tree_get(t, "secret"))
        out_bool(out_name(w, "secret"), true);
    out_close(w, object ? '}' : ']');
}

static weir_view kept(arena *a, buf *b)
{
    weir_view v = buf_ok(b) ? arena_dup(a, buf_view(b)) : (weir_view){0};
    a->failed |= !buf_ok(b);
    buf_free(b);
    return v;
}

static void take_about(driven *d, const tree *about)
{
    weir_view name = tree_text(about, "name"), version = tree_text(about, "version"), title = tree_text(about, "description");
    const tree *settings = tree_get(about, "settings");
    buf schema = {0};
    json_out w = json_out_to(&schema);
    if (name.len)
        d->base.name = arena_text(&d->arena, name);
    if (version.len)
        d->base.version = arena_text(&d->arena, version);
    if (title.len)
        d->base.title = arena_text(&d->arena, title);
    if (!settings || settings->kind != TREE_OBJECT)
        return;
    put_settings(&w, settings, false);
    d->base.config_schema = kept(&d->arena, &schema);
    d->described = true;
}

/* Connectors made with the SDK describe themselves; of all others any object may be the config. */
static weir_rc learn(driven *d, err *e)
{
    static const char *const args[] = {"--about", "--format=json", NULL};
    child *c = NULL;
    buf text = {0};
    arena a = {0};
    int status = 0;
    weir_rc rc = singer_driven_start(&c, d, args, NULL, d->o.stop_fd, e); /* what it says against the flag is nobody's business */
    if (rc)
        return rc;
    child_close_input(c);
    rc = singer_driven_read(c, clock_ms() + ABOUT_MS, ABOUT_MAX, &text, e);
    if (!rc)
        rc = child_finish(c, &status, e);
    child_free(c);
    if (rc == WEIR_STOPPED || rc == WEIR_E_NOMEM) {
        buf_free(&text);
        return rc;
    }
    tree *about = NULL;
    err none = {0};
    bool known = !rc && status == 0 && tree_parse(&a, buf_view(&text), NULL, WEIR_E_PROTOCOL, &about, &none) == WEIR_OK && tree_get(about, "settings");
    err_free(&none);
    err_clear(e);
    if (known)
        take_about(d, about);
    else
        log_record(d->o.log, WEIR_DEBUG, d->o.task_name, VIEW("the connector does not know --about: any object may be its config"), NULL, 0);
    arena_free(&a);
    buf_free(&text);
    return d->arena.failed ? err_nomem(e) : WEIR_OK;
}

/* ---- making one ---- */

/* The SDK's loggers look at LOGLEVEL (singer.md 4). */
static const char *log_level_variable(driven *d)
{
    weir_level level = d->o.log_level ? d->o.log_level : WEIR_INFO;
    if (!d->o.log_level && d->o.log && log_enabled(d->o.log, WEIR_DEBUG))
        level = WEIR_DEBUG;
    return level >= WEIR_DEBUG ? "LOGLEVEL=DEBUG" : level == WEIR_INFO ? "LOGLEVEL=INFO" : level == WEIR_WARN ? "LOGLEVEL=WARNING" : "LOGLEVEL=ERROR";
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

weir_rc singer_drive(const drive_options *o, weir_connector **ret, err *e)
{
    driven *d = calloc(1, sizeof *d);
    singer_discovery *last = calloc(1, sizeof *last);
    if (!d || !last) {
        free(d);
        free(last);
        return err_nomem(e);
    }
    *last = (singer_discovery){.lock = PTHREAD_MUTEX_INITIALIZER};
    d->last = last;
    d->o = *o;
    d->env[0] = log_level_variable(d);
    d->env[1] = "LOG_FORMAT=json"; /* of our own programs: whatever our log looks like, it is read by us */
    d->base = (weir_connector){
        .abi = WEIR_ABI, .name = base_name(o->argv[0]), .version = "0", .open = singer_driven_open, .close = singer_driven_close,
        .config_schema = VIEW("{\"$schema\":\"http://json-schema.org/draft-07/schema#\",\"type\":\"object\",\"additionalProperties\":true}"),
    };
    if (o->destination) {
        d->base.materialize = &singer_targeted_materialize;
        d->base.resource_schema = VIEW("{\"type\":\"object\",\"properties\":{\"stream\":{\"type\":\"string\",\"title\":\"Stream\",\"description\":\"Name "
                                       "of the stream that the target is told\",\"x-collection-name\":true}},\"required\":[\"stream\"]}");
        d->base.resource_path_pointers = VIEW("[\"/stream\"]");
    } else {
        d->base.capture = &singer_tapped_capture;
        d->base.resource_schema = VIEW("{\"type\":\"object\",\"properties\":{\"stream\":{\"type\":\"string\"},\"replication_method\":{\"type\":\"string\","
                                       "\"enum\":[\"INCREMENTAL\",\"FULL_TABLE\"]},\"replication_key\":{\"type\":\"string\"}},\"required\":[\"stream\","
                                       "\"replication_method\"]}"); /* flow.md 10.3 */
        d->base.resource_path_pointers = VIEW("[\"/tap_stream_id\"]");
    }
    weir_rc rc = learn(d, e);
    if (rc)
        singer_drive_free(&d->base);
    else
        *ret = &d->base;
    return rc;
}

void singer_drive_free(weir_connector *c)
{
    driven *d = (driven *)c;
    if (!d)
        return;
    pthread_mutex_destroy(&d->last->lock);
    buf_wipe(&d->last->config);
    buf_free(&d->last->printed);
    free(d->last);
    arena_free(&d->arena);
    free(d);
}
