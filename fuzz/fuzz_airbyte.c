/* A line of Airbyte's protocol: what is accepted says the same when every key is written in another order and form, and with every other key null, as
 * some platforms print it; its parts are checked text from within the line. A document gets its /_meta/row_id, in whatever state it came.
 */
#include "fuzz.h"
#include "json/patch.h"
#include "json/pointer.h"
#include "json/text.h"
#include "proto/airbyte/wire.h"
#include "proto/flowdoc.h"

static bool within(weir_view part, weir_view line)
{
    return !part.ptr || (part.ptr >= line.ptr && part.ptr + part.len <= line.ptr + line.len);
}

static void must_be_sound(const airbyte_message *m, weir_view line)
{
    const weir_view values[] = {m->body, m->data, m->emitted_at, m->meta, m->stream_state, m->global, m->legacy, m->source_stats};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        MUST(within(values[i], line) && (!values[i].len || json_check(values[i], NULL, NULL)));
    MUST(within(m->stream.raw, line) && within(m->name_space.raw, line));
    MUST(*m->body.ptr == '{');
    MUST(m->type != AIRBYTE_RECORD || (m->data.len && *m->data.ptr == '{' && m->stream.raw.ptr));
    MUST(m->type != AIRBYTE_STATE || m->state_type != AIRBYTE_STATE_STREAM || m->stream.raw.ptr);
    MUST(m->type != AIRBYTE_STATE || m->state_type != AIRBYTE_STATE_GLOBAL || m->global.len);
    MUST(m->lines || !m->data.len || (!memchr(m->data.ptr, '\n', m->data.len) && !memchr(m->data.ptr, '\r', m->data.len)));
}

static void put_text(buf *out, airbyte_text text)
{
    if (text.raw.ptr)
        buf_printf(out, "\"%.*s\"", VIEW_ARG(text.raw));
    else
        buf_adds(out, "null");
}

/* In the order and with the nulls of PyAirbyte (airbyte.md 4.2), and in an order that nobody uses. */
static void write_record(buf *out, const airbyte_message *m, bool usual)
{
    const char *order = usual ? "nsdem" : "medsn";
    buf_adds(out, usual ? "{\"type\":\"RECORD\",\"log\":null,\"record\":{" : "{\"record\":{");
    for (size_t i = 0; order[i]; i++) {
        buf_adds(out, i ? "," : "");
        buf_adds(out, order[i] == 'n' ? "\"namespace\":" : order[i] == 's' ? "\"stream\":" : order[i] == 'd' ? "\"data\":" : order[i] == 'e' ? "\"emitted_at\":" : "\"meta\":");
        if (order[i] == 'n' || order[i] == 's')
            put_text(out, order[i] == 'n' ? m->name_space : m->stream);
        else
            buf_addv(out, order[i] == 'd' ? m->data : order[i] == 'e' && m->emitted_at.len ? m->emitted_at : order[i] == 'm' && m->meta.len ? m->meta : VIEW("null"));
    }
    buf_adds(out, usual ? "},\"state\":null}" : "},\"type\":\"RECORD\"}");
}

static void rewrite(const airbyte_message *m)
{
    for (int usual = 0; usual < 2; usual++) {
        buf out = {0};
        err e = {0};
        airbyte_message back;
        write_record(&out, m, usual);
        MUST(airbyte_read(buf_view(&out), &back, NULL, &e) == WEIR_OK && back.type == AIRBYTE_RECORD);
        MUST_EQ(back.data, m->data);
        MUST_EQ(back.stream.raw, m->stream.raw);
        MUST_EQ(back.name_space.raw, m->name_space.raw);
        MUST_EQ(back.emitted_at, m->emitted_at);
        MUST_EQ(back.meta, m->meta);
        MUST(back.stream.escaped == m->stream.escaped && back.lines == m->lines);
        buf_free(&out);
        err_free(&e);
    }
}

static void check_document(const airbyte_message *m)
{
    buf head = {0}, whole = {0};
    err e = {0};
    weir_view rest;
    weir_rc rc = flowdoc_split(&head, m->data, m->lines, 42, true, &rest, &e);
    MUST(rc == WEIR_OK || rc == WEIR_E_PROTOCOL);
    if (!rc) {
        buf_addv(&whole, buf_view(&head));
        if (m->lines)
            json_compact(&whole, rest);
        else
            buf_addv(&whole, rest);
        MUST(json_check(buf_view(&whole), NULL, NULL) && (!memchr(whole.ptr, '\r', whole.len)));
        MUST_EQ(pointer_find(buf_view(&whole), VIEW("/_meta/row_id")), VIEW("42"));
        MUST_EQ(pointer_find(buf_view(&whole), VIEW("/_meta/op")), VIEW("\"d\""));
    }
    buf_free(&head);
    buf_free(&whole);
    err_free(&e);
}

/* Echoing it and reading it again must not change it. */
static void echo(const airbyte_message *m)
{
    buf out = {0};
    err e = {0};
    airbyte_message back;
    airbyte_open(&out, m->type);
    buf_addv(&out, m->body);
    airbyte_close(&out);
    MUST(airbyte_read((weir_view){out.ptr, out.len - 1}, &back, NULL, &e) == WEIR_OK && back.type == m->type);
    MUST_EQ(back.body, m->body);
    MUST_EQ(back.stream_state, m->stream_state);
    MUST_EQ(back.global, m->global);
    buf_free(&out);
    err_free(&e);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    weir_view line = {(const char *)bytes, len};
    err e = {0};
    airbyte_message m;
    const char *why;
    if (len && memchr(bytes, '\n', len))
        return 0; /* not one line */
    weir_rc rc = airbyte_read(line, &m, &why, &e);
    MUST(rc == WEIR_OK || (rc == WEIR_E_PROTOCOL && json_utf8(view_of(err_text(&e)))));
    MUST(rc || m.type || why);
    if (!rc && m.type) {
        must_be_sound(&m, line);
        echo(&m);
        if (m.type == AIRBYTE_RECORD) {
            rewrite(&m);
            check_document(&m);
        }
    }
    err_free(&e);
    return 0;
}
