/* check and discover: what can be had with these settings (airbyte.md 2.6, 2.7). */
#include <signal.h>

#include "json/write.h"
#include "proto/airbyte/airbyte.h"
#include "proto/airbyte/catalog.h"
#include "proto/streams.h"
#include "run/conduct.h"

/* ---- check ---- */

/* Opens the connector, has it check its settings in its own words, and then, of a source, looks at what is there: that needs the access that reading needs. */
static weir_rc try_out(const airbyte_call *k, session *s, err *e)
{
    weir_rc rc = session_open(s, k->config, e);
    if (!rc)
        rc = session_bind(s, NULL, NULL, 0, (weir_view){0}, e);
    if (!rc)
        rc = session_validate(s, e);
    return rc || !k->c->capture ? rc : session_discover(s, e);
}

static weir_rc attended(const airbyte_call *k, session *s, err *e)
{
    conductor *watch = conductor_start(&(conductor_options){.s = s, .stop_fd = k->o->stop_fd, .in = -1}, e);
    if (!watch)
        return e->rc;
    weir_rc rc = try_out(k, s, e);
    k->end->signal = conductor_end(watch);
    return k->end->signal ? err_fail(e, WEIR_STOPPED, "stopped by a signal") : rc;
}

static weir_rc say_outcome(const airbyte_call *k, const char *why, err *e)
{
    buf line = {0}, message = {0};
    airbyte_open(&line, AIRBYTE_CONNECTION_STATUS);
    json_out w = json_out_to(&line);
    out_open(&w, '{');
    out_text(out_name(&w, "status"), why ? VIEW("FAILED") : VIEW("SUCCEEDED"));
    if (why) {
        log_masked(k->o->log, view_of(why), &message);
        out_text(out_name(&w, "message"), buf_view(&message));
    }
    out_close(&w, '}');
    airbyte_close(&line);
    weir_rc rc = buf_ok(&line) && buf_ok(&message) ? airbyte_put(k, &line, e) : err_nomem(e);
    buf_free(&line);
    buf_free(&message);
    return rc;
}

/* What the user can put right is the outcome of a check; anything else is its failure (2.6). */
weir_rc airbyte_check(const airbyte_call *k, err *e)
{
    listener l = {&listener_quiet};
    err found = {0};
    session *s = session_new(&(session_options){.connector = k->c, .to = &l, .log = k->o->log, .task_name = view_of(k->c->name), .no_acks = true});
    weir_rc rc = s ? attended(k, s, &found) : err_nomem(&found);
    session_free(s);
    if (!rc || rc == WEIR_E_CONFIG)
        rc = say_outcome(k, rc ? err_text(&found) : NULL, e);
    else
        err_move(e, &found);
    err_free(&found);
    return rc;
}

/* ---- discover ---- */

static weir_rc put_catalog(const stream_list *found, buf *out, err *e)
{
    arena a = {0};
    weir_rc rc = WEIR_OK;
    airbyte_open(out, AIRBYTE_CATALOG);
    buf_adds(out, "{\"streams\":[");
    for (const stream_item *i = found->items; i && !rc; i = i->next) {
        unwrap u;
        if (i != found->items)
            buf_addc(out, ',');
        rc = unwrap_stream(&u, &a, &i->s, e);
        if (!rc)
            rc = airbyte_stream(&i->s, &u, out, e);
        arena_reset(&a);
    }
    buf_adds(out, "]}");
    airbyte_close(out);
    arena_free(&a);
    return rc;
}

weir_rc airbyte_discover(const airbyte_call *k, err *e)
{
    stream_list found = {0};
    buf line = {0};
    weir_rc rc = streams_discover(&found, k->c, k->config, k->o->log, view_of(k->c->name), k->o->stop_fd, e);
    if (rc == WEIR_STOPPED)
        k->end->signal = SIGTERM;
    if (!rc)
        rc = put_catalog(&found, &line, e);
    if (!rc)
        rc = airbyte_put(k, &line, e);
    streams_free(&found);
    buf_free(&line);
    return rc;
}
