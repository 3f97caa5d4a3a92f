#include "cli/printing.h"

#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "plane/settings.h"
#include "run/conduct.h"

typedef struct printing {
    framing framing;  /* first: on_config() gets back from it */
    prepared *p;
    bool told;        /* that changed settings will be lost */
    session *s;
    writer *w;
    int written;      /* eventfd: counts checkpoints to acknowledge */
    err error;
} printing;

/* A lane says so, one at a time. */
static void on_config(const framing *f, buf *out, weir_view config)
{
    printing *k = (printing *)(uintptr_t)f;
    tree *parsed = NULL;
    err e = {0};
    (void)out;
    if (tree_parse(&k->p->arena, config, NULL, WEIR_E_PROTOCOL, &parsed, &e) == WEIR_OK) {
        k->p->o.config = parsed;
        settings_keep(&k->p->t->endpoint, config, k->p->o.log, k->p->t->name, &k->told);
    }
    err_free(&e);
}

/* On whatever thread writes. */
static void on_written(void *arg, uint64_t checkpoints)
{
    const printing *p = arg;
    ssize_t n = write(p->written, &checkpoints, sizeof checkpoints);
    (void)n;
}

/* On the conductor's thread: what is printed is acknowledged. */
static bool acknowledge(void *arg)
{
    printing *p = arg;
    uint64_t n = 0;
    if (read(p->written, &n, sizeof n) != (ssize_t)sizeof n)
        return true;
    weir_rc rc = session_acked(p->s, (size_t)n, &p->error);
    if (rc)
        session_stop(p->s);
    return !rc;
}

static weir_rc pull(cli *c, printing *p, bool acks, int64_t timeout_ms, err *e)
{
    const conductor_options o = {
        .s = p->s, .w = p->w, .eager = acks, .stop_fd = c->stop_fd, .in = acks ? p->written : -1, .on_input = acks ? acknowledge : NULL, .arg = p,
        .timeout_ms = timeout_ms,
    };
    conductor *k = conductor_start(&o, e);
    if (!k)
        return e->rc;
    weir_rc rc = session_pull(p->s, e);
    conductor_end(k);
    err flush = {0};
    if (writer_flush(p->w, &flush) && !rc)
        rc = err_move(e, &flush);
    if (!rc && p->error.rc)
        rc = err_move(e, &p->error);
    err_free(&flush);
    err_free(&p->error);
    return rc;
}

/* With somebody listening for signals: a connector may wait long in open(). */
static weir_rc begin(session *s, const prepared *p, weir_view state, err *e)
{
    p->o.live(p->o.arg, s);
    weir_rc rc = session_open(s, prepared_config(p), e);
    if (!rc)
        rc = session_bind(s, p->bindings, p->resources, p->count, state, e);
    p->o.live(p->o.arg, NULL);
    return rc;
}

weir_rc print_session(cli *c, prepared *p, const framing *f, weir_view state, uint64_t limit, int64_t timeout_ms, bool *ret_stopped,
                      err *e)
{
    printing k = {.framing = *f, .p = p, .written = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    k.framing.config = on_config;
    k.w = writer_new(1, &k.framing);
    bool acks = p->end.connector->capture->acked != NULL;
    k.s = k.w && k.written >= 0 ? prepared_session(p, writer_listener(k.w), e) : NULL;
    weir_rc rc = k.s ? begin(k.s, p, state, e) : err_nomem(e);
    if (!rc) {
        if (acks)
            writer_on_written(k.w, on_written, &k);
        writer_limit(k.w, limit);
        rc = pull(c, &k, acks, timeout_ms, e);
        uint64_t documents, bytes, checkpoints;
        writer_totals(k.w, &documents, &bytes, &checkpoints);
        if (ret_stopped)
            *ret_stopped = session_stopping(k.s) && (!limit || checkpoints < limit);
    }
    session_free(k.s);
    writer_free(k.w);
    if (k.written >= 0)
        close(k.written);
    return rc;
}
