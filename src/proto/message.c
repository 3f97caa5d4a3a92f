#include "proto/message.h"

#include "json/text.h"

weir_rc message_bad(weir_view message, size_t at, const char *what, err *e)
{
    enum { BEFORE = 60, SHOWN = 120 };
    size_t from = at > BEFORE && message.len > SHOWN ? at - BEFORE : 0;
    weir_view rest = view_from(message, from);
    bool cut = rest.len > SHOWN;
    buf shown = {0};
    json_quote_lossy(&shown, (weir_view){rest.ptr, cut ? SHOWN : rest.len});
    weir_rc rc = err_fail(e, WEIR_E_PROTOCOL, "%s at byte %zu of the message %s%s%s", what, at, from ? "..." : "", buf_text(&shown),
                          cut ? "..." : "");
    buf_free(&shown);
    return rc;
}

bool message_bad_from(json_scan *s, weir_view from, const char *what)
{
    if (!s->error)
        s->at = from.ptr;
    return json_bad(s, what);
}

bool message_text(json_scan *s, json_key *ret)
{
    if (json_peek(s) != 'n')
        return json_string(s, &ret->raw, &ret->escaped);
    *ret = (json_key){0};
    return json_skip(s, NULL);
}

bool message_value(json_scan *s, weir_view *ret)
{
    if (!json_skip(s, ret))
        return false;
    if (view_is(*ret, "null"))
        *ret = (weir_view){0};
    return true;
}
