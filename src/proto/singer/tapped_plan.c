/* What is read of a tap: its discovery, and what the bindings want of it. */
#include <ctype.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "json/patch.h"
#include "json/write.h"
#include "proto/singer/tapped.h"

enum { RECENT_MS = 60000 };

/* ---- discovery ---- */

bool singer_tapped_is_blank(weir_view line)
{
    while (line.len && isspace((unsigned char)*line.ptr))
        line = view_from(line, 1);
    return !line.len;
}

bool singer_tapped_unknown_flag(int status, const char *flag, err *e)
{
    return WIFEXITED(status) && WEXITSTATUS(status) == 2 && strstr(err_text(e), flag);
}

/* From the first line that begins an object on: some print a greeting before it. */
static weir_view catalog_text(weir_view text)
{
    while (text.len) {
        weir_view line = text;
        while (line.len && (*line.ptr == ' ' || *line.ptr == '\t'))
            line = view_from(line, 1);
        if (line.len && *line.ptr == '{')
            return text;
        const char *nl = memchr(text.ptr, '\n', text.len);
        text = nl ? view_from(text, (size_t)(nl - text.ptr) + 1) : (weir_view){0};
    }
    return text;
}

static weir_rc parse_catalog(arena *a, weir_view printed, tree **ret, err *e)
{
    weir_view text = arena_dup(a, catalog_text(printed));
    if (a->failed)
        return err_nomem(e);
    if (!text.len)
        return err_fail(e, WEIR_E_PROTOCOL, "discovery printed no catalog");
    weir_rc rc = tree_parse(a, text, "catalog", WEIR_E_PROTOCOL, ret, e);
    const tree *streams = rc ? NULL : tree_get(*ret, "streams");
    if (!rc && (!streams || streams->kind != TREE_ARRAY))
        rc = err_fail(e, WEIR_E_PROTOCOL, "there is no list of streams in it");
    return err_wrap(e, rc, "the catalog that discovery printed");
}

/* What was discovered last, of which config. */
static void remember(singer_driven_run *r, weir_view config, weir_view printed)
{
    singer_discovery *last = r->d->last;
    pthread_mutex_lock(&last->lock);
    buf_wipe(&last->config);
    buf_clear(&last->printed);
    buf_addv(&last->config, config);
    buf_addv(&last->printed, printed);
    last->at_ms = buf_ok(&last->config) && buf_ok(&last->printed) ? clock_ms() : 0;
    pthread_mutex_unlock(&last->lock);
}

/* @return false: nothing, or it is too old */
static bool recall(singer_driven_run *r, buf *printed)
{
    singer_discovery *last = r->d->last;
    pthread_mutex_lock(&last->lock);
    bool fresh = last->at_ms && clock_ms() - last->at_ms < RECENT_MS && view_eq(buf_view(&last->config), buf_view(&r->config));
    if (fresh)
        buf_addv(printed, buf_view(&last->printed));
    pthread_mutex_unlock(&last->lock);
    return fresh && buf_ok(printed);
}

weir_rc singer_tapped_discover(weir_task *t, singer_driven_run *r, arena *a, tree **ret, bool *ret_known)
{
    err *e = task_error(t);
    papers p = {0};
    child *c = NULL;
    buf text = {0};
    const char *config;
    int status = 0;
    *ret_known = true;
    weir_rc rc = singer_driven_config(r, &p, &config, e);
    if (!rc)
        rc = singer_driven_start(&c, r->d, (const char *const[]){"--config", config, "--discover", NULL}, r->d->o.log, weir_stop_fd(t), e);
    if (!rc) {
        child_close_input(c);
        rc = singer_driven_read(c, 0, SINGER_TEXT_MAX, &text, e);
    }
    if (!rc)
        rc = child_finish(c, &status, e);
    if (!rc && child_stopped(c))
        rc = err_fail(e, WEIR_STOPPED, "stopped");
    if (!rc && status) {
        rc = child_describe(c, e);
        *ret_known = !(singer_tapped_is_blank(buf_view(&text)) && singer_tapped_unknown_flag(status, "--discover", e));
    }
    if (!rc)
        rc = parse_catalog(a, buf_view(&text), ret, e);
    child_free(c);
    weir_rc changed = singer_driven_config_changed(t, r, &p);
    if (!rc && !changed)
        remember(r, buf_view(&r->config), buf_view(&text));
    papers_free(&p);
    buf_free(&text);
    return rc ? rc : changed;
}

/* ---- the plan ---- */

/* Takes a tap without discovery at its resource configs' word: they are catalog entries, but for the schema. */
static weir_rc plan_without_discovery(tapped_plan *p, err *e)
{
    buf out = {0};
    weir_rc rc = WEIR_OK;
    buf_adds(&out, "{\"streams\":[");
    for (size_t i = 0; i < p->n && !rc; i++) {
        buf schema = {0}, patch = {0}, entry = {0};
        rc = flowdoc_plain_schema(&schema, p->b[i].schema.len ? p->b[i].schema : VIEW("{}"), e);
        buf_printf(&patch, "{\"_meta\":null,\"schema\":%.*s}", VIEW_ARG(buf_view(&schema)));
        if (!rc && (!buf_ok(&patch) || !patch_apply(&entry, p->b[i].resource_json, buf_view(&patch))))
            rc = err_nomem(e);
        if (i)
            buf_addc(&out, ',');
        buf_addv(&out, buf_view(&entry));
        buf_free(&schema);
        buf_free(&patch);
        buf_free(&entry);
    }
    buf_adds(&out, "]}");
    if (!rc)
        rc = buf_ok(&out) ? parse_catalog(&p->a, buf_view(&out), &p->catalog, e) : err_nomem(e);
    buf_free(&out);
    return rc;
}

/* A discovery may take seconds, or minutes; a run's validation has just made one. */
static weir_rc get_catalog(weir_task *t, tapped_plan *p, bool recent, bool *ret_known)
{
    buf printed = {0};
    *ret_known = true;
    weir_rc rc = recent && recall(p->r, &printed) ? parse_catalog(&p->a, buf_view(&printed), &p->catalog, task_error(t))
                                                  : singer_tapped_discover(t, p->r, &p->a, &p->catalog, ret_known);
    buf_free(&printed);
    return rc;
}

weir_rc singer_tapped_plan(weir_task *t, tapped_plan *p, bool recent)
{
    err *e = task_error(t);
    bool known;
    weir_rc rc = get_catalog(t, p, recent, &known);
    if (rc && !known) {
        err_clear(e);
        weir_log(t, WEIR_WARN, "the tap has no discovery: its streams are taken as the resource configs say");
        rc = plan_without_discovery(p, e);
    }
    p->resources = arena_array(&p->a, p->n, sizeof *p->resources);
    const tree *streams = tree_get(p->catalog, "streams");
    p->choices = arena_array(&p->a, p->n + (streams ? streams->count : 0), sizeof *p->choices);
    for (size_t i = 0; i < p->n && !rc && !p->a.failed; i++) {
        tree *resource;
        rc = tree_parse(&p->a, p->b[i].resource_json, "resource", WEIR_E_CONFIG, &resource, e);
        p->resources[i] = resource;
    }
    return rc ? rc : p->a.failed ? err_nomem(e) : WEIR_OK;
}

static weir_rc no_such_stream(const tapped_plan *p, weir_view id, err *e)
{
    enum { SHOWN = 10 };
    const tree *streams = tree_get(p->catalog, "streams"), *entry = streams ? streams->first : NULL;
    buf found = {0};
    for (size_t i = 0; entry && i < SHOWN; entry = entry->next, i++)
        buf_printf(&found, "%s%.*s", i ? ", " : "", VIEW_ARG(singer_tapped_id(entry)));
    if (entry)
        buf_printf(&found, " and %zu more", streams->count - SHOWN);
    weir_rc rc = err_fail(e, WEIR_E_CONFIG, "the tap has no stream '%.*s': discovery found %s", VIEW_ARG(id), found.len ? buf_text(&found) : "none");
    buf_free(&found);
    return rc;
}

weir_rc singer_tapped_decide(tapped_plan *p, size_t i, err *e)
{
    const weir_binding *b = &p->b[i];
    tapped_choice *c = &p->choices[i];
    weir_view id = singer_tapped_id(p->resources[i]);
    if (!id.len)
        return err_fail(e, WEIR_E_CONFIG, "the resource config has neither tap_stream_id nor stream");
    *c = (tapped_choice){.entry = singer_tapped_find(p->catalog, id), .resource = p->resources[i]};
    if (!c->entry)
        return no_such_stream(p, id, e);
    weir_rc rc = singer_tapped_choose(&p->a, b->mode, b->cursor, c, e);
    for (size_t k = 0; k < i && !rc; k++) {
        if (!p->choices[k].entry)
            continue;
        if (p->choices[k].entry == c->entry)
            rc = err_fail(e, WEIR_E_CONFIG, "two bindings are of stream '%.*s'", VIEW_ARG(singer_tapped_id(c->entry)));
        else if (view_eq(singer_tapped_name(p->choices[k].entry), singer_tapped_name(c->entry)))
            rc = err_fail(e, WEIR_E_CONFIG, "'%.*s' and '%.*s' both call their stream '%.*s': their messages cannot be told apart. Bind one of them, or each "
                                            "in a task of its own", VIEW_ARG(singer_tapped_id(p->choices[k].entry)), VIEW_ARG(singer_tapped_id(c->entry)),
                          VIEW_ARG(singer_tapped_name(c->entry)));
    }
    return rc;
}

weir_rc singer_tapped_add_parents(tapped_plan *p, err *e)
{
    for (size_t i = 0; i < p->choice_count; i++) {
        const weir_view *parent = singer_tapped_parents(&p->a, p->choices[i].entry);
        for (; parent && parent->len; parent++) {
            const tree *entry = singer_tapped_find(p->catalog, *parent);
            bool there = !entry;
            for (size_t k = 0; k < p->choice_count && !there; k++)
                there = p->choices[k].entry == entry;
            if (!there)
                p->choices[p->choice_count++] = (tapped_choice){.entry = entry};
        }
    }
    return p->a.failed ? err_nomem(e) : WEIR_OK;
}

