#include "proto/singer/wire.h"

#include <ctype.h>

#include "base/arena.h"
#include "json/pointer.h"
#include "json/quick.h"
#include "json/text.h"
#include "proto/message.h"

static const char *const type_names[] = {
    [SINGER_UNKNOWN] = "unknown", [SINGER_SCHEMA] = "SCHEMA", [SINGER_RECORD] = "RECORD", [SINGER_STATE] = "STATE",
    [SINGER_ACTIVATE_VERSION] = "ACTIVATE_VERSION", [SINGER_BATCH] = "BATCH",
};
enum { TYPES = sizeof type_names / sizeof *type_names };

const char *singer_type_name(singer_type type)
{
    return type_names[(unsigned)type < TYPES ? type : SINGER_UNKNOWN];
}

/* In any case (section 1). */
static singer_type type_of(singer_text text)
{
    for (singer_type type = SINGER_SCHEMA; (int)type < (int)TYPES; type++) {
        size_t i = 0, len = strlen(type_names[type]);
        while (i < len && i < text.raw.len && toupper((unsigned char)text.raw.ptr[i]) == type_names[type][i])
            i++;
        if ((i == len && i == text.raw.len) || (text.escaped && json_key_is(text, view_of(type_names[type]))))
            return type;
    }
    return SINGER_UNKNOWN;
}

/* ---- members ---- */

/* A value whose text begins with this byte; null counts as absent. */
static bool take(json_scan *s, char first, const char *expected, weir_view *out)
{
    return message_value(s, out) && (!out->len || *out->ptr == first || message_bad_from(s, *out, expected));
}

static bool take_value(json_scan *s, weir_view *out)
{
    if (!json_skip(s, out))
        return false;
    if (view_is(*out, "null"))
        *out = (weir_view){0};
    return true;
}

static bool take_document(json_scan *s, singer_message *m)
{
    bool before = s->lines;
    s->lines = false;
    bool ok = take(s, '{', "expected a record, which is an object,", &m->record);
    m->lines = s->lines;
    s->lines |= before;
    return ok;
}

static bool take_texts(json_scan *s, weir_view *out)
{
    weir_view v = {0};
    if (!take(s, '[', "expected an array of strings", &v))
        return false;
    json_scan items = json_scan_of(v);
    json_enter(&items, '[');
    while (v.len && json_item(&items))
        if (!json_string(&items, NULL, NULL))
            return message_bad_from(s, (weir_view){items.at, 0}, "expected a string");
    *out = v;
    return true;
}

/* What is only informational is taken if it is what it should be, and otherwise counts as absent. */
static bool take_hint(json_scan *s, bool (*fits)(weir_view), weir_view *out)
{
    weir_view v;
    if (!json_skip(s, &v))
        return false;
    *out = fits(v) ? v : (weir_view){0};
    return true;
}

static bool is_string(weir_view v) { return *v.ptr == '"'; }
static bool is_number(weir_view v) { return *v.ptr == '-' || (unsigned char)(*v.ptr - '0') <= 9; }
static bool is_array(weir_view v) { return *v.ptr == '['; }

static bool take_member(json_scan *s, json_key key, singer_message *m)
{
    if (json_key_is(key, VIEW("type")))
        return message_text(s, &m->type_name);
    if (json_key_is(key, VIEW("stream")))
        return message_text(s, &m->stream);
    if (json_key_is(key, VIEW("record")))
        return take_document(s, m);
    if (json_key_is(key, VIEW("value")))
        return take_value(s, &m->value);
    if (json_key_is(key, VIEW("time_extracted")))
        return take_hint(s, is_string, &m->time_extracted);
    if (json_key_is(key, VIEW("version")))
        return take_hint(s, is_number, &m->version);
    if (json_key_is(key, VIEW("schema")))
        return take(s, '{', "expected a schema, which is an object,", &m->schema);
    if (json_key_is(key, VIEW("key_properties")))
        return take_texts(s, &m->key_properties);
    if (json_key_is(key, VIEW("bookmark_properties")))
        return take_hint(s, is_array, &m->bookmark_properties);
    if (json_key_is(key, VIEW("encoding")))
        return take(s, '{', "expected an encoding, which is an object,", &m->encoding);
    if (json_key_is(key, VIEW("manifest")))
        return take_texts(s, &m->manifest);
    return json_skip(s, NULL);
}

/* ---- errors ---- */

/* The tokens that Python writes for numbers that JSON does not have (section 6). */
static weir_view python_number(weir_view at)
{
    static const char *const tokens[] = {"NaN", "Infinity", "-Infinity"};
    for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++)
        if (view_starts(at, view_of(tokens[i])))
            return (weir_view){at.ptr, strlen(tokens[i])};
    return (weir_view){0};
}

/* Takes the value that comes next. @return false at its first error, with the pointer to that place appended */
static bool walk(json_scan *s, buf *pointer)
{
    size_t at = pointer->len, index = 0;
    json_key key;
    char open = json_peek(s);
    if (open != '{' && open != '[')
        return json_skip(s, NULL);
    json_enter(s, open);
    while (open == '{' ? json_member(s, &key) : json_item(s)) {
        buf name = {0};
        if (open == '{')
            json_unquote(&name, key.raw);
        else
            buf_printf(&name, "%zu", index++);
        pointer_push(pointer, buf_view(&name));
        buf_free(&name);
        if (!walk(s, pointer))
            return false;
        pointer->len = at;
    }
    return !s->error;
}

/* Which value of which stream's message is such a number. The stream may stand behind it: so the tokens are blotted out until the rest can be read. */
static weir_rc bad_number(weir_view line, size_t at, weir_view token, err *e)
{
    enum { TRIES = 64 };
    buf pointer = {0}, copy = {0};
    json_scan s = json_scan_of(line);
    walk(&s, &pointer);
    buf_addv(&copy, line);
    singer_message m = {0};
    weir_view name = token;
    for (int i = 0; i < TRIES && name.len && buf_ok(&copy); i++) {
        memset(copy.ptr + at, ' ', name.len);
        copy.ptr[at] = '0';
        m = (singer_message){0};
        s = json_scan_of(buf_view(&copy));
        json_key key;
        json_enter(&s, '{');
        while (json_member(&s, &key) && take_member(&s, key, &m))
            ;
        at = (size_t)(s.at - s.begin);
        name = s.error ? python_number(view_from(buf_view(&copy), at)) : (weir_view){0};
    }
    buf stream = {0};
    json_unquote(&stream, m.stream.raw);
    weir_rc rc = err_fail(e, WEIR_E_PROTOCOL, "%s is %.*s, a number that JSON does not have", buf_text(&pointer), VIEW_ARG(token));
    if (stream.len)
        err_wrap(e, rc, "stream '%s'", buf_text(&stream));
    buf_free(&pointer);
    buf_free(&copy);
    buf_free(&stream);
    return rc;
}

static weir_rc bad_line(weir_view line, const json_scan *s, err *e)
{
    size_t at = (size_t)(s->at - s->begin);
    weir_view token = python_number(view_from(line, at));
    return token.len ? bad_number(line, at, token, e) : message_bad(line, at, s->error, e);
}

/* ---- whole messages ---- */

/* What a type demands (section 1, table). */
static const char *missing(const singer_message *m)
{
    if (!m->type_name.raw.ptr)
        return "no type";
    if (m->type == SINGER_UNKNOWN)
        return NULL;
    if (m->type == SINGER_STATE)
        return m->value.ptr ? NULL : "no value";
    if (!m->stream.raw.ptr)
        return "no stream";
    if (m->type == SINGER_RECORD)
        return m->record.ptr ? NULL : "no record";
    if (m->type == SINGER_SCHEMA)
        return m->schema.ptr ? NULL : "no schema";
    if (m->type == SINGER_ACTIVATE_VERSION)
        return m->version.ptr ? NULL : "no version";
    return !m->encoding.ptr ? "no encoding" : !m->manifest.ptr ? "no manifest" : NULL;
}

static const char *past_blank(const char *p, const char *end) { return p < end && *p == ' ' ? p + 1 : p; }

/* Behind `"NAME":` and a blank, if that is what is there; p may be NULL. */
static const char *usual_name(const char *p, const char *end, const char *name, size_t len)
{
    p = p ? quick_word(p, end, name, len) : NULL;
    return p ? past_blank(p, end) : NULL;
}

/* What may follow the record: times and versions of plain form, then the end. */
static bool usual_rest(const char *p, const char *end, singer_message *m)
{
    while (p < end && *p == ',') {
        const char *name = past_blank(p + 1, end), *time = usual_name(name, end, "\"time_extracted\":", 17);
        const char *value = time ? time : usual_name(name, end, "\"version\":", 10);
        if (!value || value == end || !(p = quick_scalar(value, end)))
            return false;
        weir_view v = {value, (size_t)(p - value)};
        if (time ? !is_string(v) : !is_number(v))
            return false;
        *(time ? &m->time_extracted : &m->version) = v;
    }
    return end - p == 1 && *p == '}';
}

/* Nearly all messages are {"type":"RECORD","stream":"s","record":{...}}, with a time or version behind, with or without a blank behind colons and commas.
 * @return false if this is something else, or wrong: the caller looks closely */
static bool read_usual(weir_view line, singer_message *m)
{
    const char *end = line.ptr + line.len, *type = usual_name(line.ptr, end, "{\"type\":", 8);
    const char *p = type ? quick_word(type, end, "\"RECORD\",", 9) : NULL;
    if (!p || !(p = usual_name(past_blank(p, end), end, "\"stream\":", 9)) || p == end || *p != '"')
        return false;
    const char *stream = p + 1, *stream_end = quick_plain(stream, end);
    if (stream_end == end || *stream_end != '"' || !(p = quick_word(stream_end + 1, end, ",", 1)))
        return false;
    p = usual_name(past_blank(p, end), end, "\"record\":", 9);
    if (!p || p == end || *p != '{')
        return false;
    json_scan s = json_scan_of((weir_view){p, (size_t)(end - p)});
    s.depth = 1;
    *m = (singer_message){.type = SINGER_RECORD, .type_name = {.raw = {type + 1, 6}}};
    m->stream.raw = (weir_view){stream, (size_t)(stream_end - stream)};
    if (!json_skip(&s, &m->record))
        return false;
    m->lines = s.lines;
    return usual_rest(s.at, end, m);
}

weir_rc singer_read(weir_view line, singer_message *ret, err *e)
{
    if (line.len && read_usual(line, ret))
        return WEIR_OK;
    *ret = (singer_message){0};
    json_scan s = json_scan_of(line);
    json_key key;
    json_enter(&s, '{');
    while (json_member(&s, &key))
        if (!take_member(&s, key, ret))
            break;
    if (!json_done(&s))
        return bad_line(line, &s, e);
    ret->type = ret->type_name.raw.ptr ? type_of(ret->type_name) : SINGER_UNKNOWN;
    const char *what = missing(ret);
    return what ? message_bad(line, 0, what, e) : WEIR_OK;
}
