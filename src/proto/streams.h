/* streams.h - what a connector discovers, kept: for the served sides whose platforms name streams, not resources. */
#ifndef WEIR_PROTO_STREAMS_H
#define WEIR_PROTO_STREAMS_H

#include "run/session.h"

typedef struct stream_list {
    arena arena;
    struct stream_item *items, *last;
    size_t count;
} stream_list;

/** All views live in the list's arena; resource and resource_path are always filled. */
typedef struct stream_item {
    struct stream_item *next;
    weir_stream s;
} stream_item;

/** Runs the connector's discovery in a session of its own. {0} is an empty list. */
weir_rc streams_discover(stream_list *l, const weir_connector *c, const tree *config, log_sink *log, weir_view task_name, int stop_fd, err *e);
/** What a listener that discovers in a session of its own does in discovered(). */
weir_rc streams_add(stream_list *l, weir_task *t, const weir_stream *s, weir_view resource, weir_view path);
/** By name and namespace (empty: none). NULL: there is none. */
const stream_item *streams_find(const stream_list *l, weir_view name, weir_view name_space);
void streams_free(stream_list *l);

#endif
