/* Lines of Singer: what is accepted is sound, means the same with its members turned round (the close way to read them) and with blanks as the classic
 * library writes them (the quick way).
 */
#include "fuzz.h"
#include "json/text.h"
#include "proto/singer/wire.h"

static void must_be(weir_view v, char first)
{
    MUST(!v.ptr || (json_check(v, NULL, NULL) && (!first || *v.ptr == first)));
}

static void must_be_text(singer_text t)
{
    MUST(!t.raw.ptr || (t.raw.ptr[-1] == '"' && json_check((weir_view){t.raw.ptr - 1, t.raw.len + 2}, NULL, NULL)));
    MUST(!t.raw.ptr || t.escaped == (memchr(t.raw.ptr, '\\', t.raw.len) != NULL));
}

static void must_be_sound(const singer_message *m)
{
    must_be_text(m->type_name);
    must_be_text(m->stream);
    must_be(m->record, '{');
    must_be(m->schema, '{');
    must_be(m->key_properties, '[');
    must_be(m->bookmark_properties, '[');
    must_be(m->time_extracted, '"');
    must_be(m->version, 0);
    must_be(m->value, 0);
    must_be(m->encoding, '{');
    must_be(m->manifest, '[');
    MUST(m->lines || !m->record.len || (!memchr(m->record.ptr, '\n', m->record.len) && !memchr(m->record.ptr, '\r', m->record.len)));
    MUST(m->type == SINGER_UNKNOWN || (m->type == SINGER_STATE ? m->value.ptr : m->stream.raw.ptr) != NULL);
    MUST(m->type != SINGER_RECORD || m->record.ptr);
    MUST(m->type != SINGER_SCHEMA || m->schema.ptr);
    MUST(m->type != SINGER_ACTIVATE_VERSION || m->version.ptr);
    MUST(m->type != SINGER_BATCH || (m->encoding.ptr && m->manifest.ptr));
}

static void must_be_same(const singer_message *a, const singer_message *b)
{
    MUST(a->type == b->type);
    MUST_EQ(a->stream.raw, b->stream.raw);
    MUST_EQ(a->record, b->record);
    MUST_EQ(a->time_extracted, b->time_extracted);
    MUST_EQ(a->version, b->version);
    MUST_EQ(a->value, b->value);
    MUST_EQ(a->schema, b->schema);
    MUST_EQ(a->key_properties, b->key_properties);
    MUST_EQ(a->manifest, b->manifest);
}

static void put(buf *out, const char *blank, const char *name, weir_view value)
{
    if (value.ptr)
        buf_printf(out, "%s\"%s\":%s%.*s", out->len ? blank : "{", name, *blank == ',' && blank[1] ? " " : "", VIEW_ARG(value));
}

static weir_view quoted(singer_text t) { return t.raw.ptr ? (weir_view){t.raw.ptr - 1, t.raw.len + 2} : t.raw; }

/* The order of the usual writers. */
static void write_usual(const singer_message *m, const char *comma, buf *out)
{
    put(out, comma, "type", quoted(m->type_name));
    put(out, comma, "stream", quoted(m->stream));
    put(out, comma, "record", m->record);
    put(out, comma, "value", m->value);
    put(out, comma, "schema", m->schema);
    put(out, comma, "key_properties", m->key_properties);
    put(out, comma, "encoding", m->encoding);
    put(out, comma, "manifest", m->manifest);
    put(out, comma, "version", m->version);
    put(out, comma, "time_extracted", m->time_extracted);
    buf_addc(out, '}');
}

static void write_turned(const singer_message *m, buf *out)
{
    put(out, " , ", "time_extracted", m->time_extracted);
    put(out, " , ", "version", m->version);
    put(out, " , ", "manifest", m->manifest);
    put(out, " , ", "encoding", m->encoding);
    put(out, " , ", "key_properties", m->key_properties);
    put(out, " , ", "schema", m->schema);
    put(out, " , ", "value", m->value);
    put(out, " , ", "record", m->record);
    put(out, " , ", "stream", quoted(m->stream));
    put(out, " , ", "type", quoted(m->type_name));
    buf_addc(out, '}');
}

static void read_again(const singer_message *m, int way)
{
    buf out = {0};
    err e = {0};
    singer_message back;
    if (way == 2)
        write_turned(m, &out);
    else
        write_usual(m, way ? ", " : ",", &out);
    MUST(singer_read(buf_view(&out), &back, &e) == WEIR_OK);
    must_be_sound(&back);
    must_be_same(m, &back);
    buf_free(&out);
    err_free(&e);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    weir_view line = {(const char *)bytes, len};
    err e = {0};
    singer_message m;
    if (len && memchr(bytes, '\n', len))
        return 0; /* not one line */
    weir_rc rc = singer_read(line, &m, &e);
    MUST(rc == WEIR_OK || (rc == WEIR_E_PROTOCOL && json_utf8(view_of(err_text(&e)))));
    if (!rc) {
        MUST(json_check(line, NULL, NULL));
        must_be_sound(&m);
        for (int way = 0; way < 3; way++)
            read_again(&m, way);
    }
    err_free(&e);
    return 0;
}
