#include "model/state.h"

#include "json/scan.h"
#include "json/write.h"

#define BINDINGS "bindingStateV1"

/* What a state key keeps as it is: the platform's own rule, so that both sides come to the same key (flow 3.3, rule 11). */
static bool kept(unsigned char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '-' || c == '_' || c == '+' || c == '.' ||
           c == '=';
}

static void percent_encode(buf *out, weir_view text)
{
    static const char hex[] = "0123456789ABCDEF";
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (kept(c))
            buf_addc(out, (char)c);
        else
            buf_add(out, (char[]){'%', hex[c >> 4], hex[c & 15]}, 3);
    }
}

/* Appends the components, encoded. `text` is memory for those with escapes. */
static bool encode_path(buf *out, weir_view path, buf *text)
{
    json_scan s = json_scan_of(path);
    bool next = false;
    if (!json_enter(&s, '['))
        return false;
    while (json_item(&s)) {
        weir_view raw;
        bool escaped;
        if (!json_string(&s, &raw, &escaped))
            return false;
        if (escaped) {
            buf_clear(text);
            if (!json_unquote(text, raw))
                return false;
            raw = buf_view(text);
        }
        if (next)
            percent_encode(out, VIEW("/"));
        next = true;
        percent_encode(out, raw);
    }
    return json_done(&s);
}

bool state_key(buf *out, weir_view path, uint32_t backfill)
{
    size_t from = out->len;
    buf text = {0};
    bool ok = encode_path(out, path, &text);
    buf_free(&text);
    if (ok && backfill)
        buf_printf(out, ".v%u", (unsigned)backfill);
    if (!ok)
        out->len = from;
    return ok && buf_ok(out);
}

/* The value of a member of an object, the last if there are several, as most readers have it; empty if there is none. */
static weir_view member(weir_view object, weir_view name)
{
    json_scan s = json_scan_of(object);
    weir_view found = {NULL, 0}, value;
    json_key key;
    if (json_peek(&s) != '{' || !json_enter(&s, '{'))
        return found;
    while (json_member(&s, &key) && json_skip(&s, &value))
        if (json_key_is(key, name))
            found = value;
    return s.error ? (weir_view){NULL, 0} : found;
}

weir_view state_of_binding(weir_view task_state, weir_view key)
{
    weir_view state = member(member(task_state, VIEW(BINDINGS)), key);
    return view_is(state, "null") ? (weir_view){NULL, 0} : state;
}

void state_patch(buf *out, weir_view key, weir_view patch)
{
    json_out w = json_out_to(out);
    out_open(&w, '{');
    out_open(out_name(&w, BINDINGS), '{');
    out_raw(out_namev(&w, key), patch);
    out_close(&w, '}');
    out_close(&w, '}');
}
