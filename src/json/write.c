#include "json/write.h"

/** What comes before a value or name, and the comma after it is due. */
static buf *next(json_out *w)
{
    if (w->comma)
        buf_addc(w->to, ',');
    w->comma = true;
    return w->to;
}

json_out *out_name(json_out *w, const char *name)
{
    buf *to = next(w);
    buf_addc(to, '"');
    buf_adds(to, name);
    buf_add(to, "\":", 2);
    w->comma = false;
    return w;
}

json_out *out_namev(json_out *w, weir_view name)
{
    json_quote_lossy(next(w), name);
    buf_addc(w->to, ':');
    w->comma = false;
    return w;
}

void out_open(json_out *w, char bracket)
{
    buf_addc(next(w), bracket);
    w->comma = false;
}

void out_close(json_out *w, char bracket)
{
    buf_addc(w->to, bracket);
    w->comma = true;
}

void out_text(json_out *w, weir_view text)
{
    json_quote_lossy(next(w), text);
}

void out_int(json_out *w, int64_t v)
{
    char text[NUMBER_TEXT];
    buf_add(next(w), text, number_i64(text, v));
}

void out_bool(json_out *w, bool v)
{
    buf_adds(next(w), v ? "true" : "false");
}

void out_null(json_out *w)
{
    buf_adds(next(w), "null");
}

void out_raw(json_out *w, weir_view json)
{
    if (json.len == 0)
        out_null(w);
    else if (memchr(json.ptr, '\n', json.len) || memchr(json.ptr, '\r', json.len))
        json_compact(next(w), json);
    else
        buf_addv(next(w), json);
}
