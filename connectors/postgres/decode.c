/* What the server writes of values, as the JSON that they came as. */
#include "type.h"

static void quote(lite_text *out, const char *text, size_t len) { lite_value_quote(out, (weir_view){text, len}); }

static void write_number(lite_text *out, const pg_shape *s, const char *text, size_t len)
{
    bool number = len && pg_is_number((weir_view){text, len}) && text[len - 1] != 'y'; /* -Infinity */
    if (number && !(s->digits && (s->types & WEIR_IS_STRING)))
        lite_text_add(out, text, len);
    else
        quote(out, text, len);
}

static void write_bytes(lite_text *out, const char *text, size_t len)
{
    lite_text bytes = {0};
    for (size_t i = 2; i + 1 < len; i += 2) { /* \x... */
        char byte = (char)(pg_hex_digit(text[i]) << 4 | pg_hex_digit(text[i + 1]));
        lite_text_add(&bytes, &byte, 1);
    }
    lite_value v = {.kind = VALUE_BLOB, .bytes = {bytes.ptr, bytes.len}};
    lite_value_write(out, &v, 0);
    out->failed |= bytes.failed;
    lite_text_free(&bytes);
}

/* 2020-01-02 03:04:05.6+00: an instant as RFC 3339 has it. */
static void write_instant(lite_text *out, const char *text, size_t len)
{
    const char *space = memchr(text, ' ', len);
    if (!space || len < 4 || memcmp(text + len - 3, "+00", 3) != 0) {
        quote(out, text, len);
        return;
    }
    lite_text_add(out, "\"", 1);
    lite_text_add(out, text, (size_t)(space - text));
    lite_text_add(out, "T", 1);
    lite_text_add(out, space + 1, len - (size_t)(space - text) - 4);
    lite_text_add(out, "Z\"", 2);
}

/* Digits stand in a column of texts where numbers had to be wider than its former type. */
static void write_text(lite_text *out, const pg_shape *s, const char *text, size_t len)
{
    weir_view v = {text, len};
    bool number = s->types && !(s->types & WEIR_IS_STRING) && len && pg_is_number(v) && weir_json_at(v, "").len == len;
    if (number)
        lite_text_add(out, text, len);
    else
        quote(out, text, len);
}

bool pg_decode(lite_text *out, const pg_shape *s, const char *text, size_t len, bool null)
{
    if (null)
        return false;
    switch (s->type) {
    case PG_BOOL:
        lite_text_add(out, *text == 't' ? "true" : "false", *text == 't' ? 4 : 5);
        break;
    case PG_INT2:
    case PG_INT4:
    case PG_BIGINT:
    case PG_NUMERIC:
    case PG_REAL:
    case PG_DOUBLE:
        write_number(out, s, text, len);
        break;
    case PG_BYTEA:
        write_bytes(out, text, len);
        break;
    case PG_TIMESTAMPTZ:
        write_instant(out, text, len);
        break;
    case PG_TIME:
        quote(out, text, len);
        out->len -= !out->failed;
        lite_text_add(out, "Z\"", 2);
        break;
    case PG_JSON:
    case PG_JSONB:
        lite_text_add(out, text, len);
        break;
    default:
        write_text(out, s, text, len);
    }
    return true;
}
