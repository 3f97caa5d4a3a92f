#include "proto/flow/stream.h"

weir_rc flow_stream_init(flow_stream *s, int fd, const char *codec, const char *what, err *e)
{
    *s = (flow_stream){0};
    io_reader_init(&s->in, fd, FLOW_MESSAGE_MAX + 4, what);
    weir_view word = view_of(codec);
    if (!word.len)
        s->guess = true;
    else if (view_is(word, "proto") || view_is(word, "protobuf"))
        s->codec = FLOW_PROTOBUF;
    else if (!view_is(word, "json"))
        return err_fail(e, WEIR_E_CONFIG, "FLOW_RUNTIME_CODEC is '%s': json and proto are known", codec);
    return WEIR_OK;
}

void flow_stream_free(flow_stream *s)
{
    io_reader_free(&s->in);
    buf_free(&s->scratch);
}

static size_t frame_length(const char *p)
{
    const unsigned char *u = (const unsigned char *)p;
    return (size_t)u[0] | (size_t)u[1] << 8 | (size_t)u[2] << 16 | (size_t)u[3] << 24;
}

static size_t waiting(const flow_stream *s)
{
    return s->in.bytes.len - s->in.at;
}

/* The codec shows in the fourth byte. With fewer there is no frame, and no useful JSON either: its reader says what is wrong. */
static void settle(flow_stream *s, bool ended)
{
    if (!s->guess || (waiting(s) < 4 && !ended))
        return;
    s->codec = waiting(s) >= 4 && (unsigned char)s->in.bytes.ptr[s->in.at + 3] <= 4 ? FLOW_PROTOBUF : FLOW_JSON;
    s->guess = false;
}

static weir_rc guess(flow_stream *s, err *e)
{
    weir_view head;
    weir_rc rc = io_reader_peek(&s->in, 4, &head, e);
    if (!rc && head.len)
        settle(s, true);
    return rc;
}

static weir_rc next_frame(flow_stream *s, weir_view *ret, bool *ret_more, err *e)
{
    weir_view head;
    weir_rc rc = io_reader_bytes(&s->in, 4, &head, ret_more, e);
    if (rc || !*ret_more)
        return rc;
    size_t len = frame_length(head.ptr);
    if (len > FLOW_MESSAGE_MAX)
        return err_fail(e, WEIR_E_PROTOCOL, "%s: a message of %zu bytes: more than 64 MiB, or not the protobuf codec", s->in.what, len);
    if (len == 0) {
        *ret = (weir_view){0};
        return WEIR_OK;
    }
    bool whole = true;
    rc = io_reader_bytes(&s->in, len, ret, &whole, e);
    if (!rc && !whole)
        rc = err_fail(e, WEIR_E_PROTOCOL, "%s ends inside a message: %zu bytes are announced", s->in.what, len);
    return rc;
}

weir_rc flow_stream_next(flow_stream *s, flow_direction dir, flow_message *ret, bool *ret_more, err *e)
{
    weir_view bytes;
    weir_rc rc = s->guess ? guess(s, e) : WEIR_OK;
    if (!rc)
        rc = s->codec == FLOW_JSON ? io_reader_line(&s->in, &bytes, ret_more, e) : next_frame(s, &bytes, ret_more, e);
    if (rc || !*ret_more)
        return rc;
    rc = flow_read(s->codec, dir, bytes, ret, &s->scratch, e);
    return rc ? err_wrap(e, rc, "%s", s->in.what) : rc;
}

weir_rc flow_stream_fill(flow_stream *s, bool *ret_more, err *e)
{
    return io_reader_fill(&s->in, ret_more, e);
}

void flow_stream_cut(flow_stream *s) { s->in.eof = true; }
bool flow_stream_ended(const flow_stream *s) { return s->in.eof; }

bool flow_stream_ready(flow_stream *s)
{
    settle(s, false);
    if (s->guess || s->codec == FLOW_JSON)
        return io_reader_has_line(&s->in);
    if (waiting(s) < 4)
        return false;
    size_t len = frame_length(s->in.bytes.ptr + s->in.at);
    return len > FLOW_MESSAGE_MAX || waiting(s) - 4 >= len; /* one that is too long is there to be refused */
}
