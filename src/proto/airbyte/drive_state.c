/* States of a driven source, as text. */
#include "proto/airbyte/driven.h"

/* Members that a state has once, whoever wrote it how often (airbyte.md 4.1). Counts are not part of it (3.1). */
static const char *const known[] = {"type", "stream", "global", "global_", "data", "sourceStats", "destinationStats", NULL};
enum { TYPE, STREAM, GLOBAL, ALIAS, DATA, SOURCE_STATS, DESTINATION_STATS, KNOWN };

static int known_of(json_key key)
{
    for (int i = 0; i < KNOWN; i++)
        if (json_key_is(key, view_of(known[i])))
            return i;
    return KNOWN;
}

static void put_member(json_out *w, int which, weir_view value)
{
    if (value.len)
        out_raw(out_name(w, known[which]), value);
}

void airbyte_put_others(json_out *w, weir_view object, const char *const *without)
{
    json_scan s = json_scan_of(object);
    json_key key;
    weir_view value;
    if (!object.len || !json_enter(&s, '{'))
        return;
    while (json_member(&s, &key) && json_skip(&s, &value)) {
        bool skip = view_is(value, "null");
        for (const char *const *name = without; *name && !skip; name++)
            skip = json_key_is(key, view_of(*name));
        if (skip)
            continue;
        buf_adds(w->to, w->comma ? ",\"" : "\"");
        buf_addv(w->to, key.raw);
        buf_adds(w->to, "\":");
        w->comma = false;
        out_raw(w, value);
    }
}

void airbyte_put_state(buf *out, const airbyte_message *m)
{
    static const char *const types[] = {[AIRBYTE_STATE_STREAM] = "STREAM", [AIRBYTE_STATE_GLOBAL] = "GLOBAL", [AIRBYTE_STATE_LEGACY] = "LEGACY"};
    weir_view last[KNOWN + 1] = {{0}};
    json_scan s = json_scan_of(m->body);
    json_key key;
    weir_view value;
    json_enter(&s, '{');
    while (json_member(&s, &key) && json_skip(&s, &value))
        last[known_of(key)] = view_is(value, "null") ? (weir_view){0} : value;
    json_out w = json_out_to(out);
    out_open(&w, '{');
    out_text(out_name(&w, known[TYPE]), view_of(types[m->state_type]));
    put_member(&w, STREAM, last[STREAM]);
    put_member(&w, GLOBAL, last[GLOBAL].len ? last[GLOBAL] : last[ALIAS]);
    put_member(&w, DATA, last[DATA]);
    airbyte_put_others(&w, m->body, known);
    out_close(&w, '}');
}

static bool has_nulls(json_scan *s)
{
    json_key key;
    bool found = false;
    if (json_peek(s) != '{') {
        found = json_peek(s) == 'n';
        json_skip(s, NULL);
        return found;
    }
    json_enter(s, '{');
    while (json_member(s, &key))
        found |= has_nulls(s);
    return found;
}

bool airbyte_state_has_nulls(weir_view state)
{
    json_scan s = json_scan_of(state);
    return state.len && *state.ptr == '{' && memmem(state.ptr, state.len, "null", 4) && has_nulls(&s);
}
