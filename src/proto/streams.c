#include "proto/streams.h"

#include "run/conduct.h"

typedef struct collector {
    listener base;
    stream_list *l;
} collector;

weir_rc streams_add(stream_list *l, weir_task *t, const weir_stream *s, weir_view resource, weir_view path)
{
    arena *a = &l->arena;
    stream_item *item = arena_alloc(a, sizeof *item);
    if (!item)
        return err_nomem(task_error(t));
    item->s = *s;
    item->s.resource = resource;
    item->s.resource_path = path;
    weir_view *const texts[] = {
        &item->s.name, &item->s.name_space, &item->s.schema, &item->s.key, &item->s.resource, &item->s.resource_path, &item->s.cursors,
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (texts[i]->len)
            *texts[i] = arena_dup(a, *texts[i]);
    if (a->failed)
        return err_nomem(task_error(t));
    *(l->last ? &l->last->next : &l->items) = item;
    l->last = item;
    l->count++;
    return WEIR_OK;
}

static weir_rc collect(listener *base, weir_task *t, const weir_stream *s, weir_view resource, weir_view path)
{
    return streams_add(((collector *)base)->l, t, s, resource, path);
}

static const listener_ops ops = {.discovered = collect};

weir_rc streams_discover(stream_list *l, const weir_connector *c, const tree *config, log_sink *log, weir_view task_name, int stop_fd, err *e)
{
    collector to = {{&ops}, l};
    session *s = session_new(&(session_options){.connector = c, .to = &to.base, .log = log, .task_name = task_name});
    if (!s)
        return err_nomem(e);
    conductor *watch = conductor_start(&(conductor_options){.s = s, .stop_fd = stop_fd, .in = -1}, e);
    weir_rc rc = watch ? session_open(s, config, e) : e->rc;
    if (!rc)
        rc = session_discover(s, e);
    conductor_end(watch);
    if (!rc && session_stopping(s))
        rc = err_fail(e, WEIR_STOPPED, "stopped by a signal");
    session_free(s);
    return rc;
}

const stream_item *streams_find(const stream_list *l, weir_view name, weir_view name_space)
{
    for (const stream_item *i = l->items; i; i = i->next)
        if (view_eq(i->s.name, name) && view_eq(i->s.name_space, name_space))
            return i;
    return NULL;
}

void streams_free(stream_list *l)
{
    arena_free(&l->arena);
    *l = (stream_list){0};
}
