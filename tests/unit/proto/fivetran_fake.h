/* fivetran_fake.h - a Fivetran connector of a few functions, served in this process, for those who drive one. */
#ifndef WEIR_TESTS_FIVETRAN_FAKE_H
#define WEIR_TESTS_FIVETRAN_FAKE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/rpc.h"
#include "proto/fivetran/cold.h"
#include "proto/fivetran/drive.h"
#include "proto/fivetran/fivetran.h"
#include "proto/fivetran/record.h"
#include "run/session.h"

static inline void ft_ok(weir_rc rc, err *e)
{
    if (rc)
        fail_msg("%s: %s", rc_name(rc), err_text(e));
}

/* What a handler got, and what it answers. */
typedef struct ft_fake {
    buf got;       /* the last request, by hex of what is not text */
    buf answer;    /* of a unary call */
    buf stream[64]; /* of a stream */
    size_t count;
    weir_rc end;   /* the status */
    const char *why;
    bool hang;     /* before the end */
    unsigned calls;
} ft_fake;

static inline weir_rc ft_fake_unary(rpc_call *c, void *context, err *e)
{
    ft_fake *f = context;
    weir_view request;
    weir_rc rc = rpc_receive(c, &request, e);
    if (rc)
        return rc;
    f->calls++;
    buf_clear(&f->got);
    buf_addv(&f->got, request);
    if (f->end)
        return err_fail(e, f->end, "%s", f->why);
    buf answer = {0};
    buf_addv(&answer, buf_view(&f->answer));
    rc = rpc_send(c, &answer, false, e);
    buf_free(&answer); /* if it could not be sent */
    return rc;
}

static inline weir_rc ft_fake_stream(rpc_call *c, void *context, err *e)
{
    ft_fake *f = context;
    weir_view request;
    weir_rc rc = rpc_receive(c, &request, e);
    if (rc)
        return rc;
    f->calls++;
    buf_clear(&f->got);
    buf_addv(&f->got, request);
    const size_t count = f->count; /* the test may prepare the next call while this one ends */
    for (size_t i = 0; i < count && !rc; i++) {
        buf copy = {0};
        buf_addv(&copy, buf_view(&f->stream[i]));
        rc = rpc_send(c, &copy, false, e);
        buf_free(&copy); /* if it could not be sent */
    }
    while (f->hang && !rpc_cancelled(c))
        usleep(1000);
    return f->end ? err_fail(e, f->end, "%s", f->why) : rc;
}

static inline void ft_fake_free(ft_fake *f)
{
    buf_free(&f->got);
    buf_free(&f->answer);
    for (size_t i = 0; i < f->count; i++)
        buf_free(&f->stream[i]);
}

#endif
