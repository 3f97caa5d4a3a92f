#include "proto/airbyte/wire.h"

#include <time.h>

#include "json/number.h"
#include "json/quick.h"
#include "json/text.h"
#include "proto/message.h"

/* By type: the wire's word and the key of the body (airbyte.md 2.1). */
static const struct {
    const char *name, *key;
} types[] = {
    [AIRBYTE_NOTHING] = {"nothing", NULL},
    [AIRBYTE_RECORD] = {"RECORD", "record"},
    [AIRBYTE_STATE] = {"STATE", "state"},
    [AIRBYTE_LOG] = {"LOG", "log"},
    [AIRBYTE_SPEC] = {"SPEC", "spec"},
    [AIRBYTE_CONNECTION_STATUS] = {"CONNECTION_STATUS", "connectionStatus"},
    [AIRBYTE_CATALOG] = {"CATALOG", "catalog"},
    [AIRBYTE_TRACE] = {"TRACE", "trace"},
    [AIRBYTE_CONTROL] = {"CONTROL", "control"},
    [AIRBYTE_DESTINATION_CATALOG] = {"DESTINATION_CATALOG", "destination_catalog"},
};
enum { TYPES = sizeof types / sizeof *types };

const char *airbyte_type_name(airbyte_type type) { return types[type].name; }
const char *airbyte_type_key(airbyte_type type) { return types[type].key; }

/* ---- the usual RECORD, told by comparing bytes ---- */

#define BEHIND(at, end, word) quick_word(at, end, word, sizeof(word) - 1)

/* Behind the string at `at`, if there is one without escapes; else NULL. */
static inline const char *usual_text(const char *at, const char *end, airbyte_text *ret)
{
    if (at == end || *at != '"' || ret->raw.ptr)
        return NULL;
    const char *to = quick_plain(at + 1, end);
    if (to == end || *to != '"')
        return NULL;
    *ret = (airbyte_text){{at + 1, (size_t)(to - at) - 1}, false};
    return to + 1;
}

static inline const char *usual_number(const char *at, const char *end, weir_view *ret)
{
    const char *to = at == end || ret->ptr ? NULL : quick_number(at, end);
    *ret = (weir_view){at, to ? (size_t)(to - at) : 0};
    return to;
}

static inline const char *usual_data(const char *at, const char *end, airbyte_message *m)
{
    enum { DEPTH = 2 }; /* objects around it */
    if (at == end || *at != '{' || m->data.ptr)
        return NULL;
    json_scan s = json_scan_of((weir_view){at, (size_t)(end - at)});
    s.depth = DEPTH;
    if (!json_skip(&s, &m->data))
        return NULL;
    m->lines = s.lines;
    return s.at;
}

/* Behind a member that is null, as writers of every key write those that are absent. */
static inline const char *usual_null(const char *at, const char *end)
{
    airbyte_text name = {0};
    const char *p = usual_text(at, end, &name);
    p = p ? BEHIND(p, end, ":") : NULL;
    return p ? BEHIND(quick_space(p, end), end, "null") : NULL;
}

/* One member of a record. A name that comes twice is not usual. */
static inline const char *usual_member(const char *at, const char *end, airbyte_message *m)
{
    const char *p;
    if ((p = BEHIND(at, end, "\"stream\":")))
        return usual_text(quick_space(p, end), end, &m->stream);
    if ((p = BEHIND(at, end, "\"data\":")))
        return usual_data(quick_space(p, end), end, m);
    if ((p = BEHIND(at, end, "\"emitted_at\":")))
        return usual_number(quick_space(p, end), end, &m->emitted_at);
    if ((p = BEHIND(at, end, "\"namespace\":"))) {
        p = quick_space(p, end);
        const char *none = m->name_space.raw.ptr ? NULL : BEHIND(p, end, "null");
        return none ? none : usual_text(p, end, &m->name_space);
    }
    return usual_null(at, end);
}

/* To the next member: *ret_last says that there is none. NULL if neither comma nor brace is there. */
static inline const char *usual_step(const char *at, const char *end, bool *ret_last)
{
    at = quick_space(at, end);
    if (at == end || (*at != ',' && *at != '}'))
        return NULL;
    *ret_last = *at == '}';
    return *ret_last ? at + 1 : quick_space(at + 1, end);
}

static inline const char *usual_record(const char *at, const char *end, airbyte_message *m)
{
    bool last = false;
    const char *p = BEHIND(at, end, "{");
    p = p ? quick_space(p, end) : NULL;
    while (p && !last)
        if ((p = usual_member(p, end, m)))
            p = usual_step(p, end, &last);
    m->body = (weir_view){at, p ? (size_t)(p - at) : 0};
    return m->data.ptr && m->stream.raw.ptr ? p : NULL;
}

/* {"type":"RECORD","record":{...}}, and any other key with null. @return false if it is something else, or wrong: read_any() says what */
static bool read_usual(weir_view line, airbyte_message *m)
{
    const char *end = line.ptr + line.len, *p = line.len ? BEHIND(line.ptr, end, "{") : NULL, *next;
    bool last = false;
    *m = (airbyte_message){0};
    p = p ? quick_space(p, end) : NULL;
    while (p && !last) {
        if ((next = BEHIND(p, end, "\"type\":"))) {
            p = m->type ? NULL : BEHIND(quick_space(next, end), end, "\"RECORD\"");
            m->type = AIRBYTE_RECORD;
        } else if ((next = BEHIND(p, end, "\"record\":"))) {
            p = m->body.ptr ? NULL : usual_record(quick_space(next, end), end, m);
        } else {
            p = usual_null(p, end);
        }
        p = p ? usual_step(p, end, &last) : NULL;
    }
    return p && m->type && m->body.ptr && quick_space(p, end) == end;
}

/* ---- anything ---- */

static bool take_object(json_scan *s, weir_view *ret)
{
    return message_value(s, ret) && (!ret->len || *ret->ptr == '{' || message_bad_from(s, *ret, "expected an object"));
}

static bool take_number(json_scan *s, weir_view *ret)
{
    return message_value(s, ret) && (!ret->len || number_is(*ret) || message_bad_from(s, *ret, "expected a number"));
}

static bool key_is(json_key key, const char *name) { return json_key_is(key, view_of(name)); }

static bool take_data(json_scan *s, airbyte_message *m)
{
    json_peek(s); /* a line break before it is none of its own */
    s->lines = false;
    bool ok = take_object(s, &m->data);
    m->lines = s->lines;
    return ok;
}

/* Where names repeat, the last one wins: values are simply set again. */
static void read_record(json_scan *s, airbyte_message *m)
{
    json_key key;
    bool ok = json_enter(s, '{');
    while (ok && json_member(s, &key)) {
        if (key_is(key, "stream"))
            ok = message_text(s, &m->stream);
        else if (key_is(key, "data"))
            ok = take_data(s, m);
        else if (key_is(key, "emitted_at"))
            ok = take_number(s, &m->emitted_at);
        else if (key_is(key, "namespace"))
            ok = message_text(s, &m->name_space);
        else if (key_is(key, "meta"))
            ok = take_object(s, &m->meta);
        else
            ok = json_skip(s, NULL);
    }
    if (!s->error && !m->stream.raw.ptr)
        json_bad(s, "a RECORD without a stream");
    if (!s->error && !m->data.ptr)
        json_bad(s, "a RECORD without data");
}

static bool read_descriptor(json_scan *s, airbyte_message *m)
{
    json_key key;
    m->stream = m->name_space = (airbyte_text){0};
    if (json_peek(s) == 'n')
        return json_skip(s, NULL);
    bool ok = json_enter(s, '{');
    while (ok && json_member(s, &key))
        ok = key_is(key, "name") ? message_text(s, &m->stream) : key_is(key, "namespace") ? message_text(s, &m->name_space) : json_skip(s, NULL);
    return ok;
}

/* {"stream_descriptor":{...},"stream_state":...} */
static void read_stream_state(json_scan *s, airbyte_message *m)
{
    json_key key;
    bool ok = json_enter(s, '{');
    while (ok && json_member(s, &key))
        ok = key_is(key, "stream_descriptor") ? read_descriptor(s, m) : key_is(key, "stream_state") ? message_value(s, &m->stream_state)
             : json_skip(s, NULL);
    if (!s->error && !m->stream.raw.ptr)
        json_bad(s, "a STATE without the name of its stream");
}

/* {"stream_states":[{"stream_descriptor":...},...],"shared_state":...}: every element names its stream. */
static void read_global(json_scan *s)
{
    json_key key;
    bool ok = json_enter(s, '{'), found = false;
    while (ok && json_member(s, &key)) {
        if (!key_is(key, "stream_states")) {
            ok = json_skip(s, NULL);
            continue;
        }
        found = ok = json_enter(s, '[');
        while (ok && json_item(s)) {
            airbyte_message element = {0};
            read_stream_state(s, &element);
            ok = !s->error;
        }
    }
    if (!s->error && !found)
        json_bad(s, "a STATE of type GLOBAL without stream_states");
}

typedef struct state_parts {
    airbyte_text type;
    weir_view stream, global, alias;
} state_parts;

static const struct {
    const char *name;
    airbyte_state_type type;
} state_types[] = {{"STREAM", AIRBYTE_STATE_STREAM}, {"GLOBAL", AIRBYTE_STATE_GLOBAL}, {"LEGACY", AIRBYTE_STATE_LEGACY}};
enum { STATE_TYPES = sizeof state_types / sizeof *state_types };

/* As it says; or, if it does not, as the filled key tells: legacy sources repeat `data` beside `stream` (airbyte.md 2.3). */
static bool state_type(const state_parts *p, airbyte_message *m)
{
    if (!p->type.raw.ptr) {
        m->state_type = p->stream.len ? AIRBYTE_STATE_STREAM : m->global.len ? AIRBYTE_STATE_GLOBAL : AIRBYTE_STATE_LEGACY;
        return p->stream.len || m->global.len || m->legacy.len;
    }
    for (size_t i = 0; i < STATE_TYPES; i++)
        if (key_is(p->type, state_types[i].name)) {
            m->state_type = state_types[i].type;
            return true;
        }
    return false;
}

static void read_state(json_scan *s, airbyte_message *m)
{
    state_parts p = {0};
    json_key key;
    bool ok = json_enter(s, '{');
    while (ok && json_member(s, &key)) {
        if (key_is(key, "type"))
            ok = message_text(s, &p.type);
        else if (key_is(key, "stream"))
            ok = take_object(s, &p.stream);
        else if (key_is(key, "global"))
            ok = take_object(s, &p.global);
        else if (key_is(key, "global_"))
            ok = take_object(s, &p.alias);
        else if (key_is(key, "data"))
            ok = take_object(s, &m->legacy);
        else if (key_is(key, "sourceStats"))
            ok = take_object(s, &m->source_stats);
        else
            ok = json_skip(s, NULL);
    }
    if (s->error)
        return;
    m->global = p.global.len ? p.global : p.alias;
    if (!state_type(&p, m))
        json_bad(s, p.type.raw.ptr ? "a STATE of an unknown type" : "a STATE without any state");
    else if (m->state_type == AIRBYTE_STATE_GLOBAL && !m->global.len)
        json_bad(s, "a STATE of type GLOBAL without global");
    else if (m->state_type == AIRBYTE_STATE_STREAM && !p.stream.len)
        json_bad(s, "a STATE of type STREAM without stream");
    else if (m->state_type == AIRBYTE_STATE_LEGACY && !m->legacy.len)
        json_bad(s, "a STATE of type LEGACY without data");
    if (s->error || m->state_type == AIRBYTE_STATE_LEGACY)
        return;
    json_scan inner = *s; /* the same text, so that an error knows its place */
    inner.at = m->state_type == AIRBYTE_STATE_STREAM ? p.stream.ptr : m->global.ptr;
    if (m->state_type == AIRBYTE_STATE_STREAM)
        read_stream_state(&inner, m);
    else
        read_global(&inner);
    if (inner.error)
        *s = inner;
}

/* The type that a member's value names; AIRBYTE_NOTHING if it is none. */
static airbyte_type type_of(weir_view value)
{
    json_scan s = json_scan_of(value);
    json_key word;
    if (!value.len || !json_string(&s, &word.raw, &word.escaped))
        return AIRBYTE_NOTHING;
    for (int t = 1; t < TYPES; t++)
        if (key_is(word, types[t].name))
            return (airbyte_type)t;
    return AIRBYTE_NOTHING;
}

static void note_body(weir_view *bodies, json_key key, weir_view value)
{
    for (int t = 1; t < TYPES; t++)
        if (key_is(key, types[t].key))
            bodies[t] = value;
}

static weir_rc nothing(const char *why, const char **ret_why)
{
    if (ret_why)
        *ret_why = why;
    return WEIR_OK;
}

static bool carries_data(airbyte_type type) { return type == AIRBYTE_RECORD || type == AIRBYTE_STATE; }

static weir_rc read_body(weir_view line, airbyte_message *m, err *e)
{
    json_scan s = json_scan_of(line);
    s.at = m->body.ptr;
    s.end = m->body.ptr + m->body.len;
    s.depth = 1;
    if (m->type == AIRBYTE_RECORD)
        read_record(&s, m);
    else if (m->type == AIRBYTE_STATE)
        read_state(&s, m);
    return s.error ? message_bad(line, (size_t)(s.at - line.ptr), s.error, e) : WEIR_OK;
}

static weir_rc read_any(weir_view line, airbyte_message *m, const char **ret_why, err *e)
{
    weir_view bodies[TYPES] = {{0}}, value;
    airbyte_type type = AIRBYTE_NOTHING;
    bool typed = false;
    json_scan s = json_scan_of(line);
    json_key key;
    *m = (airbyte_message){0};
    if (json_peek(&s) != '{')
        return nothing("not a JSON object", ret_why);
    json_enter(&s, '{');
    while (json_member(&s, &key) && message_value(&s, &value)) {
        if (key_is(key, "type")) {
            type = type_of(value);
            typed = true;
        } else {
            note_body(bodies, key, value);
        }
    }
    if (!json_done(&s))
        return carries_data(type) ? message_bad(line, (size_t)(s.at - line.ptr), s.error, e) : nothing(s.error, ret_why);
    if (!type)
        return nothing(typed ? "its type is none of Airbyte's" : "it has no type", ret_why);
    if (!bodies[type].len || *bodies[type].ptr != '{') {
        const char *what = "the object that goes with its type is missing";
        return carries_data(type) ? message_bad(line, (size_t)(line.ptr - line.ptr), what, e) : nothing(what, ret_why);
    }
    m->type = type;
    m->body = bodies[type];
    return read_body(line, m, e);
}

weir_rc airbyte_read(weir_view line, airbyte_message *ret, const char **ret_why, err *e)
{
    if (ret_why)
        *ret_why = NULL;
    return read_usual(line, ret) ? WEIR_OK : read_any(line, ret, ret_why, e);
}

/* ---- who must act ---- */

static const struct {
    const char *word;
    weir_rc rc;
} failures[] = {{"config_error", WEIR_E_CONFIG}, {"transient_error", WEIR_E_TRANSIENT}, {"system_error", WEIR_E_REMOTE}};
enum { FAILURES = sizeof failures / sizeof *failures };

const char *airbyte_failure_type(weir_rc rc)
{
    for (size_t i = 0; i < FAILURES; i++)
        if (failures[i].rc == rc)
            return failures[i].word;
    return "system_error";
}

weir_rc airbyte_failure_code(weir_view failure_type)
{
    for (size_t i = 0; i < FAILURES; i++)
        if (view_is(failure_type, failures[i].word))
            return failures[i].rc;
    return WEIR_E_REMOTE;
}

/* ---- writing ---- */

void airbyte_open(buf *out, airbyte_type type)
{
    buf_adds(out, "{\"type\":\"");
    buf_adds(out, types[type].name);
    buf_adds(out, "\",\"");
    buf_adds(out, types[type].key);
    buf_adds(out, "\":");
}

void airbyte_close(buf *out) { buf_add(out, "}\n", 2); }

int64_t airbyte_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
