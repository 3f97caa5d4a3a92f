/* What a connector says beside documents and checkpoints. */
#include <stdlib.h>
#include <string.h>

#include "json/scan.h"
#include "json/write.h"
#include "run/task.h"

weir_rc weir_opened(weir_task *t, bool explicit_acks)
{
    listener *l = t->s->to;
    if (explicit_acks && t->s->no_acks)
        return weir_fail(t, WEIR_E_CONFIG, "the connector wants its checkpoints acknowledged, which this platform cannot do");
    return l->ops->opened ? l->ops->opened(l, t, explicit_acks) : WEIR_OK;
}

weir_rc weir_estimate(weir_task *t, const weir_binding *b, uint64_t documents, uint64_t bytes)
{
    listener *l = t->s->to;
    return l->ops->estimate ? l->ops->estimate(l, t, &t->lane, b, documents, bytes) : WEIR_OK;
}

weir_rc task_config_lost(weir_task *t)
{
    weir_log(t, WEIR_WARN, "the connector's settings have changed by themselves, but cannot be kept here: update them by hand if the next run is refused");
    return WEIR_OK;
}

weir_rc weir_config_changed(weir_task *t, weir_view config)
{
    listener *l = t->s->to;
    weir_rc rc = session_mask_config(t->s, config, &t->err);
    if (rc)
        return rc;
    return l->ops->config ? l->ops->config(l, t, &t->lane, config) : task_config_lost(t);
}

weir_rc weir_keep(weir_task *t, weir_view patch)
{
    listener *l = t->s->to;
    const char *error;
    size_t at;
    if (!json_check(patch, &error, &at))
        return weir_fail(t, WEIR_E_BUG, "state to keep is not JSON: %s at byte %zu", error, at);
    return l->ops->keep ? l->ops->keep(l, t, patch) : weir_fail(t, WEIR_E_CONFIG, "state cannot be kept here");
}

/* ---- discovery ---- */

/* {"<first resource setting>": name} */
static weir_view default_resource(weir_task *t, const weir_stream *stream)
{
    const weir_field *f = t->s->connector->resource;
    buf text = {0};
    json_out w = json_out_to(&text);
    out_open(&w, '{');
    if (f && f->name)
        out_text(out_name(&w, f->name), stream->name);
    out_close(&w, '}');
    weir_view v = buf_ok(&text) ? arena_dup(&t->arena, buf_view(&text)) : (weir_view){0};
    buf_free(&text);
    return v;
}

static weir_rc path_of(weir_task *t, weir_view resource, weir_view *ret)
{
    tree *parsed;
    buf text = {0};
    weir_rc rc = tree_parse(&t->arena, resource, "resource", WEIR_E_BUG, &parsed, &t->err);
    if (!rc)
        rc = spec_resource_path(t->s->connector, parsed, &text, &t->err);
    if (!rc) {
        *ret = arena_dup(&t->arena, buf_view(&text));
        rc = ret->ptr ? WEIR_OK : task_nomem(t);
    }
    buf_free(&text);
    return rc;
}

weir_rc weir_discovered(weir_task *t, const weir_stream *stream)
{
    listener *l = t->s->to;
    if (!l->ops->discovered)
        return weir_fail(t, WEIR_E_BUG, "weir_discovered outside discover()");
    if (!stream->name.len || !json_check(stream->schema, NULL, NULL))
        return weir_fail(t, WEIR_E_BUG, "discovered stream '%.*s' needs a name and a JSON Schema", VIEW_ARG(stream->name));
    weir_view resource = stream->resource.len ? stream->resource : default_resource(t, stream), path = stream->resource_path;
    if (!resource.ptr)
        return task_nomem(t);
    weir_rc rc = path.len ? WEIR_OK : path_of(t, resource, &path);
    if (!rc)
        rc = l->ops->discovered(l, t, stream, resource, path);
    return weir_wrap(t, rc, "stream %.*s", VIEW_ARG(stream->name));
}

/* ---- validation ---- */

weir_rc weir_resource_path(weir_task *t, const weir_binding *b, weir_view path)
{
    listener *l = t->s->to;
    return l->ops->resource_path ? l->ops->resource_path(l, t, b, path) : WEIR_OK;
}

weir_rc weir_constrain(weir_task *t, const weir_binding *b, const weir_column *column, weir_need need, weir_view reason)
{
    listener *l = t->s->to;
    return l->ops->constrain ? l->ops->constrain(l, t, b, column, need, reason) : WEIR_OK;
}

weir_rc weir_delta_updates(weir_task *t, const weir_binding *b)
{
    listener *l = t->s->to;
    return l->ops->delta ? l->ops->delta(l, t, b) : WEIR_OK;
}

weir_rc weir_fold(weir_task *t, const weir_binding *b, const weir_column *column, weir_view name)
{
    listener *l = t->s->to;
    return l->ops->fold ? l->ops->fold(l, t, b, column, name) : WEIR_OK;
}

/* The session keeps them, too: it cuts what it stores. */
weir_rc weir_row_rules(weir_task *t, const weir_binding *b, const weir_rules *rules)
{
    session *s = t->s;
    if (b->index >= s->rule_count) {
        const size_t count = (size_t)b->index + 1;
        weir_rules *more = realloc(s->rules, count * sizeof *more);
        if (!more)
            return err_nomem(&t->err);
        memset(more + s->rule_count, 0, (count - s->rule_count) * sizeof *more);
        s->rules = more;
        s->rule_count = count;
    }
    s->rules[b->index] = *rules;
    return s->to->ops->rules ? s->to->ops->rules(s->to, t, b, rules) : WEIR_OK;
}

weir_rc weir_load_all(weir_task *t)
{
    listener *l = t->s->to;
    return l->ops->load_all ? l->ops->load_all(l, t) : WEIR_OK;
}

weir_rc task_applied(weir_task *t, weir_view spec, weir_view version)
{
    listener *l = t->s->to;
    return l->ops->applied ? l->ops->applied(l, t, spec, version) : WEIR_OK;
}

bool task_runs_ahead(const weir_task *t) { return t->s->runs_ahead; }

void weir_key_range(const weir_task *t, uint32_t *ret_begin, uint32_t *ret_end)
{
    *ret_begin = t->s->key_begin;
    *ret_end = t->s->key_end;
}

weir_view weir_last_spec(const weir_task *t, weir_view *ret_version)
{
    if (ret_version)
        *ret_version = t->s->last_version;
    return t->s->last_spec;
}

weir_rc weir_read_only(weir_task *t, const weir_transform *x)
{
    listener *l = t->s->to;
    return l->ops->read_only ? l->ops->read_only(l, t, x) : WEIR_OK;
}

weir_rc weir_generated_file(weir_task *t, weir_view url, weir_view content)
{
    listener *l = t->s->to;
    return l->ops->generated ? l->ops->generated(l, t, url, content) : WEIR_OK;
}

weir_rc weir_loaded(weir_task *t, const weir_row *row, weir_view doc)
{
    listener *l = t->s->to;
    return l->ops->loaded ? l->ops->loaded(l, t, row, doc) : weir_fail(t, WEIR_E_BUG, "weir_loaded outside load()");
}

weir_rc weir_resume(weir_task *t, weir_view position)
{
    listener *l = t->s->to;
    return l->ops->resume ? l->ops->resume(l, t, position) : WEIR_OK;
}

void weir_problem(weir_task *t, const weir_binding *b, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    weir_view message = arena_vprintf(&t->arena, fmt, args);
    va_end(args);
    session *s = t->s;
    if (s->to->ops->problem) {
        s->to->ops->problem(s->to, t, b, message);
        return;
    }
    pthread_mutex_lock(&s->lock);
    if (s->problems.len)
        buf_addc(&s->problems, '\n');
    if (b)
        buf_printf(&s->problems, "binding %.*s: ", VIEW_ARG(b->name));
    buf_addv(&s->problems, message.len ? message : VIEW("out of memory"));
    pthread_mutex_unlock(&s->lock);
}
