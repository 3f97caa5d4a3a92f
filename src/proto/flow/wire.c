#include "proto/flow/wire_parts.h"

#include "json/number.h"
#include "json/quick.h"
#include "json/text.h"
#include "proto/flow/names.h"
#include "proto/flow/pb.h"
#include "proto/message.h"

/* Kinds by direction (flow.md 3.1, 3.2): the JSON key and the protobuf tag. */
static const struct {
    const char *name;
    flow_kind kind;
    flow_direction dir;
    uint32_t tag;
} kinds[] = {
    {"spec", FLOW_SPEC, FLOW_REQUEST, 1},
    {"discover", FLOW_DISCOVER, FLOW_REQUEST, 2},
    {"validate", FLOW_VALIDATE, FLOW_REQUEST, 3},
    {"apply", FLOW_APPLY, FLOW_REQUEST, 4},
    {"open", FLOW_OPEN, FLOW_REQUEST, 5},
    {"acknowledge", FLOW_ACKNOWLEDGE, FLOW_REQUEST, 6},
    {"captured", FLOW_CAPTURED, FLOW_RESPONSE, 6}, /* first of its direction: by far the most frequent */
    {"checkpoint", FLOW_CHECKPOINT, FLOW_RESPONSE, 7},
    {"spec", FLOW_SPEC, FLOW_RESPONSE, 1},
    {"discovered", FLOW_DISCOVERED, FLOW_RESPONSE, 2},
    {"validated", FLOW_VALIDATED, FLOW_RESPONSE, 3},
    {"applied", FLOW_APPLIED, FLOW_RESPONSE, 4},
    {"opened", FLOW_OPENED, FLOW_RESPONSE, 5},
    {"sourcedSchema", FLOW_SOURCED_SCHEMA, FLOW_RESPONSE, 8},
    {"backfillBegin", FLOW_BACKFILL_BEGIN, FLOW_RESPONSE, 9},
    {"backfillComplete", FLOW_BACKFILL_COMPLETE, FLOW_RESPONSE, 10},
    {"store", FLOW_STORE, FLOW_MATERIALIZE_REQUEST, 7}, /* flow.md 5.1, 5.2; again by frequency */
    {"load", FLOW_LOAD, FLOW_MATERIALIZE_REQUEST, 5},
    {"spec", FLOW_SPEC, FLOW_MATERIALIZE_REQUEST, 1},
    {"validate", FLOW_VALIDATE, FLOW_MATERIALIZE_REQUEST, 2},
    {"apply", FLOW_APPLY, FLOW_MATERIALIZE_REQUEST, 3},
    {"open", FLOW_OPEN, FLOW_MATERIALIZE_REQUEST, 4},
    {"flush", FLOW_FLUSH, FLOW_MATERIALIZE_REQUEST, 6},
    {"startCommit", FLOW_START_COMMIT, FLOW_MATERIALIZE_REQUEST, 8},
    {"acknowledge", FLOW_ACKNOWLEDGE, FLOW_MATERIALIZE_REQUEST, 9},
    {"loaded", FLOW_LOADED, FLOW_MATERIALIZE_RESPONSE, 5},
    {"spec", FLOW_SPEC, FLOW_MATERIALIZE_RESPONSE, 1},
    {"validated", FLOW_VALIDATED, FLOW_MATERIALIZE_RESPONSE, 2},
    {"applied", FLOW_APPLIED, FLOW_MATERIALIZE_RESPONSE, 3},
    {"opened", FLOW_OPENED, FLOW_MATERIALIZE_RESPONSE, 4},
    {"flushed", FLOW_FLUSHED, FLOW_MATERIALIZE_RESPONSE, 6},
    {"startedCommit", FLOW_STARTED_COMMIT, FLOW_MATERIALIZE_RESPONSE, 7},
    {"acknowledged", FLOW_ACKNOWLEDGED, FLOW_MATERIALIZE_RESPONSE, 8},
    {"read", FLOW_READ, FLOW_DERIVE_REQUEST, 4}, /* flow.md 4.1, 4.2 */
    {"spec", FLOW_SPEC, FLOW_DERIVE_REQUEST, 1},
    {"validate", FLOW_VALIDATE, FLOW_DERIVE_REQUEST, 2},
    {"open", FLOW_OPEN, FLOW_DERIVE_REQUEST, 3},
    {"flush", FLOW_FLUSH, FLOW_DERIVE_REQUEST, 5},
    {"startCommit", FLOW_START_COMMIT, FLOW_DERIVE_REQUEST, 6},
    {"reset", FLOW_RESET, FLOW_DERIVE_REQUEST, 7},
    {"published", FLOW_PUBLISHED, FLOW_DERIVE_RESPONSE, 4},
    {"spec", FLOW_SPEC, FLOW_DERIVE_RESPONSE, 1},
    {"validated", FLOW_VALIDATED, FLOW_DERIVE_RESPONSE, 2},
    {"opened", FLOW_OPENED, FLOW_DERIVE_RESPONSE, 3},
    {"flushed", FLOW_FLUSHED, FLOW_DERIVE_RESPONSE, 5},
    {"startedCommit", FLOW_STARTED_COMMIT, FLOW_DERIVE_RESPONSE, 6},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

const char *flow_kind_name(flow_kind kind)
{
    for (size_t i = 0; i < KINDS; i++)
        if (kinds[i].kind == kind)
            return kinds[i].name;
    return "none";
}

static bool is_request(flow_direction dir)
{
    return dir == FLOW_REQUEST || dir == FLOW_MATERIALIZE_REQUEST || dir == FLOW_DERIVE_REQUEST;
}

static const pb_message *table_of(flow_direction dir)
{
    static const pb_message *const tables[] = {
        [FLOW_REQUEST] = &flow_request_pb,
        [FLOW_RESPONSE] = &flow_response_pb,
        [FLOW_MATERIALIZE_REQUEST] = &flow_materialize_request_pb,
        [FLOW_MATERIALIZE_RESPONSE] = &flow_materialize_response_pb,
        [FLOW_DERIVE_REQUEST] = &flow_derive_request_pb,
        [FLOW_DERIVE_RESPONSE] = &flow_derive_response_pb,
    };
    return tables[dir];
}

/* A key by its JSON name, or as the .proto spells it. */
bool flow_is_named(json_key key, const char *name)
{
    return json_key_is(key, view_of(name)) || (!key.escaped && name_is(key.raw, name));
}

static flow_kind kind_of_key(flow_direction dir, json_key key)
{
    for (size_t i = 0; i < KINDS; i++)
        if (kinds[i].dir == dir && flow_is_named(key, kinds[i].name))
            return kinds[i].kind;
    return FLOW_NONE;
}

/* For errors: the place, and of a response what stands around it, printable. A request is not shown: it may hold credentials. */
weir_rc flow_bad_message(flow_direction dir, weir_view bytes, size_t at, const char *what, err *e)
{
    if (is_request(dir))
        return err_fail(e, WEIR_E_PROTOCOL, "%s at byte %zu of the message", what, at);
    return message_bad(bytes, at, what, e);
}

/* ---- the JSON codec ---- */

static bool bad_key(json_scan *s, json_key key, const char *what)
{
    return message_bad_from(s, (weir_view){key.raw.ptr - 1, 1}, what);
}

bool flow_take_u32(json_scan *s, uint32_t *out)
{
    weir_view v;
    uint64_t n = 0;
    if (!message_value(s, &v))
        return false;
    if (v.len && (!number_to_u64(v, &n) || n > UINT32_MAX))
        return message_bad_from(s, v, "expected a number from 0 to 4294967295");
    *out = (uint32_t)n;
    return true;
}

bool flow_take_doc(json_scan *s, weir_view *doc, bool *lines)
{
    bool before = s->lines;
    s->lines = false;
    if (json_peek(s) != '{')
        return json_bad(s, "expected a document, which is an object,");
    bool ok = json_skip(s, doc);
    *lines = s->lines;
    s->lines |= before;
    return ok;
}

bool flow_take_bool(json_scan *s, bool *out)
{
    weir_view v;
    if (!message_value(s, &v))
        return false;
    *out = view_is(v, "true");
    return !v.len || *out || view_is(v, "false") ? true : message_bad_from(s, v, "expected true or false");
}

static bool is_doc(flow_kind kind, json_key key)
{
    if (kind == FLOW_SOURCED_SCHEMA)
        return flow_is_named(key, "documentSchema") || flow_is_named(key, "schema_json");
    return kind != FLOW_BACKFILL_BEGIN && kind != FLOW_BACKFILL_COMPLETE && flow_is_named(key, "doc");
}

/* {"binding": 0, "doc": {...}}; loaded, sourcedSchema and backfill... have the same shape, published has the document alone. */
static bool read_captured(json_scan *s, flow_message *m)
{
    json_key key;
    if (!json_enter(s, '{'))
        return false;
    while (json_member(s, &key)) {
        bool ok;
        if (m->kind != FLOW_PUBLISHED && flow_is_named(key, "binding"))
            ok = flow_take_u32(s, &m->binding);
        else if (is_doc(m->kind, key))
            ok = flow_take_doc(s, &m->doc, &m->lines);
        else
            ok = bad_key(s, key, "unknown key");
        if (!ok)
            return false;
    }
    if (!s->error && !m->doc.ptr && m->kind != FLOW_BACKFILL_BEGIN && m->kind != FLOW_BACKFILL_COMPLETE)
        json_bad(s, "a document is missing before here");
    return !s->error;
}

static bool read_state(json_scan *s, flow_message *m)
{
    json_key key;
    if (json_peek(s) == 'n')
        return json_skip(s, NULL);
    if (!json_enter(s, '{'))
        return false;
    while (json_member(s, &key)) {
        bool ok;
        if (flow_is_named(key, "updated"))
            ok = message_value(s, &m->state);
        else if (flow_is_named(key, "mergePatch"))
            ok = flow_take_bool(s, &m->merge);
        else
            ok = bad_key(s, key, "unknown key");
        if (!ok)
            return false;
    }
    if (!s->error && m->state.len && *m->state.ptr != '{')
        message_bad_from(s, m->state, "expected an object");
    return !s->error;
}

static bool read_checkpoint(json_scan *s, flow_message *m)
{
    json_key key;
    if (!json_enter(s, '{'))
        return false;
    while (json_member(s, &key))
        if (flow_is_named(key, "state") ? !read_state(s, m) : !bad_key(s, key, "unknown key"))
            return false;
    return !s->error;
}

static bool read_kind(json_scan *s, flow_message *m)
{
    json_scan from = *s;
    bool ok;
    switch (m->kind) {
    case FLOW_STORE: case FLOW_LOAD:
        ok = flow_read_row(s, m);
        break;
    case FLOW_READ:
        ok = flow_read_read(s, m);
        break;
    case FLOW_CAPTURED: case FLOW_LOADED: case FLOW_PUBLISHED: case FLOW_SOURCED_SCHEMA: case FLOW_BACKFILL_BEGIN: case FLOW_BACKFILL_COMPLETE:
        ok = read_captured(s, m);
        break;
    case FLOW_CHECKPOINT:
        ok = read_checkpoint(s, m);
        break;
    default:
        ok = json_peek(s) == '{' ? json_skip(s, NULL) : json_bad(s, "expected an object");
    }
    m->body = (weir_view){from.at, (size_t)(s->at - from.at)};
    return ok;
}

/* Behind `"binding":N,` at p, which may be missing; NULL if N is not plain and short. */
static const char *usual_binding(const char *p, const char *end, uint32_t *ret)
{
    enum { DIGITS = 9 };
    const char *from = quick_word(p, end, "\"binding\":", 10), *to;
    if (!from)
        return p;
    for (to = from; to < end && *to >= '0' && *to <= '9' && to - from < DIGITS; to++)
        *ret = *ret * 10 + (uint32_t)(*to - '0');
    return to > from && (*from != '0' || to - from == 1) ? quick_word(to, end, ",", 1) : NULL;
}

/* Nearly all messages are {"captured":{"binding":N,"doc":{...}}}, or {"published":{"doc":{...}}}, without any space.
 * @return false if this is something else, or wrong: read_json() says what */
static bool read_usual(flow_direction dir, weir_view line, flow_message *m)
{
    const bool captured = dir == FLOW_RESPONSE;
    const char *end = line.ptr + line.len;
    const char *body = captured ? quick_word(line.ptr, end, "{\"captured\":", 12) : quick_word(line.ptr, end, "{\"published\":", 13);
    const char *p = body ? quick_word(body, end, "{", 1) : NULL;
    uint32_t binding = 0;
    p = p && captured ? usual_binding(p, end, &binding) : p;
    p = p ? quick_word(p, end, "\"doc\":", 6) : NULL;
    if (!p || p == end || *p != '{')
        return false;
    json_scan s = json_scan_of((weir_view){p, (size_t)(end - p)});
    s.depth = 2;
    weir_view doc;
    if (!json_skip(&s, &doc) || s.end - s.at != 2 || memcmp(s.at, "}}", 2) != 0)
        return false;
    weir_view all = {body, (size_t)(end - 1 - body)};
    *m = (flow_message){.kind = captured ? FLOW_CAPTURED : FLOW_PUBLISHED, .binding = binding, .doc = doc, .lines = s.lines, .body = all};
    return true;
}

static weir_rc read_json(flow_direction dir, weir_view line, flow_message *m, err *e)
{
    json_scan s = json_scan_of(line);
    json_key key;
    bool twice = false;
    if ((dir == FLOW_RESPONSE || dir == FLOW_DERIVE_RESPONSE) && read_usual(dir, line, m))
        return WEIR_OK;
    *m = (flow_message){0};
    json_enter(&s, '{');
    while (json_member(&s, &key)) {
        flow_kind kind = kind_of_key(dir, key);
        if (json_peek(&s) == 'n' && json_skip(&s, NULL))
            continue;
        if (kind == FLOW_NONE) {
            if (!is_request(dir) && !json_key_is(key, VIEW("$internal")))
                bad_key(&s, key, "unknown kind of message");
            else
                json_skip(&s, NULL);
            continue;
        }
        if (m->kind) {
            twice = true;
            break;
        }
        m->kind = kind;
        if (!read_kind(&s, m))
            break;
    }
    if (twice)
        bad_key(&s, key, "a second kind of message in one");
    if (json_done(&s) && m->kind)
        return WEIR_OK;
    return flow_bad_message(dir, line, (size_t)(s.at - s.begin), s.error ? s.error : "no known kind of message", e);
}

/* ---- the protobuf codec ---- */

weir_rc flow_bad_pb(const char *what, const pb_reader *r, weir_view message, err *e)
{
    return err_fail(e, WEIR_E_PROTOCOL, "%s at byte %zu of a protobuf message", what, (size_t)(r->p - message.ptr));
}

/* A JSON object held in a protobuf field; space around it is taken off. */
weir_rc flow_check_object(weir_view *json, const char *what, bool *lines, err *e)
{
    json_scan s = json_scan_of(*json);
    weir_view object;
    if (json_peek(&s) != '{')
        json_bad(&s, "expected an object");
    if (!json_skip(&s, &object) || !json_done(&s)) {
        flow_bad_message(FLOW_RESPONSE, *json, (size_t)(s.at - s.begin), s.error, e);
        return err_wrap(e, WEIR_E_PROTOCOL, "%s", what);
    }
    *json = object;
    if (lines)
        *lines = s.lines;
    return WEIR_OK;
}

static weir_rc read_pb_captured(weir_view message, weir_view body, flow_message *m, err *e)
{
    pb_reader r = pb_reader_of(body);
    pb_field f;
    while (pb_next(&r, &f)) {
        if (f.tag == 1 && f.wire == PB_VARINT)
            m->binding = (uint32_t)f.number;
        else if (f.tag == 2 && f.wire == PB_BYTES)
            m->doc = f.bytes;
    }
    if (r.error)
        return flow_bad_pb(r.error, &r, message, e);
    return flow_check_object(&m->doc, "document", &m->lines, e);
}

static weir_rc read_pb_state(weir_view message, weir_view body, flow_message *m, err *e)
{
    pb_reader r = pb_reader_of(body);
    pb_field f;
    while (pb_next(&r, &f)) {
        if (f.tag == 1 && f.wire == PB_BYTES)
            m->state = f.bytes;
        else if (f.tag == 2 && f.wire == PB_VARINT)
            m->merge = f.number != 0;
    }
    return r.error ? flow_bad_pb(r.error, &r, message, e) : WEIR_OK;
}

static weir_rc read_pb_checkpoint(weir_view message, weir_view body, flow_message *m, err *e)
{
    pb_reader r = pb_reader_of(body);
    pb_field f;
    while (pb_next(&r, &f)) {
        weir_rc rc = f.tag == 1 && f.wire == PB_BYTES ? read_pb_state(message, f.bytes, m, e) : WEIR_OK;
        if (rc)
            return rc;
    }
    if (r.error)
        return flow_bad_pb(r.error, &r, message, e);
    return m->state.len ? flow_check_object(&m->state, "state", NULL, e) : WEIR_OK;
}

/* Is there a kind that has this tag? Other tags are skipped. */
static bool is_kind(flow_direction dir, uint32_t tag)
{
    for (size_t i = 0; i < KINDS; i++)
        if (kinds[i].dir == dir && kinds[i].tag == tag)
            return true;
    return false;
}

/* The hot kinds, by direction and tag. */
static const struct {
    flow_direction dir;
    uint32_t tag;
    flow_kind kind;
    weir_rc (*read)(weir_view message, weir_view body, flow_message *m, err *e);
} hot_kinds[] = {
    {FLOW_RESPONSE, 6, FLOW_CAPTURED, read_pb_captured},
    {FLOW_RESPONSE, 7, FLOW_CHECKPOINT, read_pb_checkpoint},
    {FLOW_MATERIALIZE_REQUEST, 7, FLOW_STORE, flow_read_pb_row},
    {FLOW_MATERIALIZE_REQUEST, 5, FLOW_LOAD, flow_read_pb_row},
    {FLOW_MATERIALIZE_RESPONSE, 5, FLOW_LOADED, read_pb_captured},
    {FLOW_DERIVE_REQUEST, 4, FLOW_READ, flow_read_pb_read},
    {FLOW_DERIVE_RESPONSE, 4, FLOW_PUBLISHED, flow_read_pb_published},
};
enum { HOT_KINDS = sizeof hot_kinds / sizeof *hot_kinds };

/* The hot kinds are taken apart in place; *ret_hot says whether this was one. */
static weir_rc read_hot(flow_direction dir, weir_view bytes, flow_message *m, bool *ret_hot, err *e)
{
    pb_reader r = pb_reader_of(bytes);
    pb_field f;
    size_t i = 0;
    *m = (flow_message){0};
    *ret_hot = false;
    if (!pb_next(&r, &f))
        return r.error ? flow_bad_pb(r.error, &r, bytes, e) : WEIR_OK;
    while (i < HOT_KINDS && (hot_kinds[i].dir != dir || hot_kinds[i].tag != f.tag))
        i++;
    if (i == HOT_KINDS || f.wire != PB_BYTES)
        return WEIR_OK;
    *ret_hot = true;
    m->kind = hot_kinds[i].kind;
    weir_rc rc = hot_kinds[i].read(bytes, f.bytes, m, e);
    while (!rc && pb_next(&r, &f))
        if (is_kind(dir, f.tag))
            rc = flow_bad_pb("a second kind of message", &r, bytes, e);
    return rc || !r.error ? rc : flow_bad_pb(r.error, &r, bytes, e);
}

static weir_rc read_pb(flow_direction dir, weir_view bytes, flow_message *m, buf *scratch, err *e)
{
    bool hot = false;
    weir_rc rc = dir == FLOW_REQUEST ? WEIR_OK : read_hot(dir, bytes, m, &hot, e); /* which has none */
    if (rc || hot)
        return rc;
    buf_clear(scratch);
    rc = pb_to_json(table_of(dir), bytes, scratch, e);
    return rc ? rc : read_json(dir, buf_view(scratch), m, e);
}

/* A state goes into lines as it is: line breaks between its tokens must go. */
static weir_rc flatten_state(flow_message *m, buf *scratch, err *e)
{
    if (!m->state.len || (!memchr(m->state.ptr, '\n', m->state.len) && !memchr(m->state.ptr, '\r', m->state.len)))
        return WEIR_OK;
    buf_clear(scratch);
    json_compact(scratch, m->state);
    m->state = buf_view(scratch);
    return buf_ok(scratch) ? WEIR_OK : err_nomem(e);
}

weir_rc flow_read(flow_codec codec, flow_direction dir, weir_view bytes, flow_message *ret, buf *scratch, err *e)
{
    weir_rc rc = codec == FLOW_JSON ? read_json(dir, bytes, ret, e) : read_pb(dir, bytes, ret, scratch, e);
    return rc ? rc : flatten_state(ret, scratch, e);
}

/* ---- writing ---- */

weir_rc flow_write(flow_codec codec, flow_direction dir, flow_kind kind, weir_view body, buf *out, err *e)
{
    buf json = {0};
    buf_printf(&json, "{\"%s\":", flow_kind_name(kind));
    json_compact(&json, body);
    buf_addc(&json, '}');
    weir_rc rc = buf_ok(&json) ? WEIR_OK : err_nomem(e);
    if (!rc && codec == FLOW_JSON) {
        buf_addv(out, buf_view(&json));
        buf_addc(out, '\n');
    } else if (!rc) {
        size_t at = out->len;
        buf_add(out, "\0\0\0", 4);
        rc = pb_from_json(table_of(dir), buf_view(&json), out, e);
        if (!rc && buf_ok(out))
            pb_put_frame(out->ptr + at, out->len - at - 4);
    }
    if (!rc && !buf_ok(out))
        rc = err_nomem(e);
    buf_free(&json);
    return rc;
}

static void write_checkpoint_pb(weir_view state, bool merge, buf *out)
{
    size_t state_len = (state.len ? 1 + pb_varint_size(state.len) + state.len : 0) + (merge ? 2 : 0);
    size_t body_len = 1 + pb_varint_size(state_len) + state_len;
    size_t frame_len = 1 + pb_varint_size(body_len) + body_len;
    if (frame_len > UINT32_MAX || !buf_reserve(out, 4 + frame_len))
        return;
    char *p = out->ptr + out->len;
    pb_put_frame(p, frame_len);
    p += 4;
    *p++ = 7 << 3 | PB_BYTES;
    p = pb_put_varint(p, body_len);
    *p++ = 1 << 3 | PB_BYTES;
    p = pb_put_varint(p, state_len);
    if (state.len) {
        *p++ = 1 << 3 | PB_BYTES;
        p = pb_put_varint(p, state.len);
        memcpy(p, state.ptr, state.len);
        p += state.len;
    }
    if (merge) {
        *p++ = 2 << 3 | PB_VARINT;
        *p++ = 1;
    }
    out->len = (size_t)(p - out->ptr);
}

void flow_write_checkpoint(flow_codec codec, weir_view state, bool merge, buf *out)
{
    if (codec == FLOW_PROTOBUF) {
        write_checkpoint_pb(state, merge, out);
        return;
    }
    buf_adds(out, "{\"checkpoint\":{\"state\":{\"updated\":");
    buf_addv(out, state.len ? state : VIEW("{}"));
    if (merge)
        buf_adds(out, ",\"mergePatch\":true");
    buf_adds(out, "}}}\n");
}
