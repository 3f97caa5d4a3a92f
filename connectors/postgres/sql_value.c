/* Types and values of weir_sql as PostgreSQL has them. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sql.h"

/* A default of NULL, written so that it can be told from none: marks texts that are XML, since xml itself would refuse what only claims to be some. */
#define XML "text DEFAULT nullif('xml', 'xml')"

static const struct {
    weir_sql_type type;
    const char *name, *typname;
    unsigned number; /* pg_type.oid, which no server changes */
} types[] = {
    {WEIR_SQL_BOOLEAN, "boolean", "bool", 16},
    {WEIR_SQL_SHORT, "smallint", "int2", 21},
    {WEIR_SQL_INT, "integer", "int4", 23},
    {WEIR_SQL_LONG, "bigint", "int8", 20},
    {WEIR_SQL_DECIMAL, "numeric", "numeric", 1700},
    {WEIR_SQL_FLOAT, "real", "float4", 700},
    {WEIR_SQL_DOUBLE, "double precision", "float8", 701},
    {WEIR_SQL_DATE, "date", "date", 1082},
    {WEIR_SQL_DATETIME, "timestamp", "timestamp", 1114},
    {WEIR_SQL_TIMESTAMP, "timestamp with time zone", "timestamptz", 1184},
    {WEIR_SQL_TIME, "time", "time", 1083},
    {WEIR_SQL_BINARY, "bytea", "bytea", 17},
    {WEIR_SQL_JSON, "json", "json", 114},
    {WEIR_SQL_JSON, "jsonb", "jsonb", 3802},
    {WEIR_SQL_XML, XML, "xml", 142},
    {WEIR_SQL_TEXT, "text", "text", 25},
};
enum { TYPES = sizeof types / sizeof *types };

weir_view pg_sql_type_name(weir_task *t, const weir_sql_column *c)
{
    size_t i = 0;
    if (c->type == WEIR_SQL_DECIMAL && c->precision)
        return weir_format(t, "numeric(%u,%u)", (unsigned)c->precision, (unsigned)c->scale);
    while (i + 1 < TYPES && types[i].type != c->type)
        i++;
    return (weir_view){types[i].name, strlen(types[i].name)};
}

const char *pg_sql_cast(weir_sql_type type)
{
    size_t i = 0;
    while (i + 1 < TYPES && types[i].type != type)
        i++;
    return type == WEIR_SQL_XML ? "text" : types[i].name;
}

/* The modifier of numeric holds precision and scale, and 4 more (catalogs, pg_attribute.atttypmod). */
void pg_sql_type_of(const char *typname, int modifier, bool marked, weir_sql_column *ret)
{
    size_t i = 0;
    while (i + 1 < TYPES && strcmp(types[i].typname, typname) != 0)
        i++;
    ret->type = marked && types[i].type == WEIR_SQL_TEXT ? WEIR_SQL_XML : types[i].type;
    if (ret->type == WEIR_SQL_DECIMAL && modifier >= 4) {
        ret->precision = (uint32_t)(modifier - 4) >> 16 & 0xffff;
        ret->scale = (uint32_t)(modifier - 4) & 0x7ff;
    }
    if (strcmp(typname, "varchar") == 0 && modifier > 4)
        ret->length = 0; /* it counts characters, not bytes: not a limit that could be told */
}

/* -------------------------------------------------------------------------------------------------------------- converting -- */

/* As texts have one form, fractions of a second have their digits in groups of three. */
static const struct {
    weir_sql_type from;
    const char *before, *behind; /* around the expression: its text */
} texts[] = {
    {WEIR_SQL_DECIMAL, "trim_scale(", ")::text"},
    {WEIR_SQL_BINARY, "translate(encode(", ", 'base64'), E'\\n', '')"},
    {WEIR_SQL_DATETIME, "regexp_replace(to_char(", ", 'YYYY-MM-DD\"T\"HH24:MI:SS.US'), '(\\.000)?000$', '')"},
    {WEIR_SQL_TIMESTAMP, "regexp_replace(to_char(", " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US'), '(\\.000)?000$', '') || 'Z'"},
    {WEIR_SQL_TIME, "regexp_replace(to_char(date '2000-01-01' + ", ", 'HH24:MI:SS.US'), '(\\.000)?000$', '')"},
};

static weir_view as_text(weir_task *t, weir_view x, weir_sql_type from)
{
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (texts[i].from == from)
            return weir_format(t, "(%s%.*s%s)", texts[i].before, (int)x.len, x.ptr, texts[i].behind);
    return weir_format(t, "(%.*s)::text", (int)x.len, x.ptr);
}

static bool is_text(weir_sql_type type) { return type == WEIR_SQL_TEXT || type == WEIR_SQL_XML; }
static bool is_floating(weir_sql_type type) { return type == WEIR_SQL_FLOAT || type == WEIR_SQL_DOUBLE; }
static bool is_number(weir_sql_type type) { return type >= WEIR_SQL_SHORT && type <= WEIR_SQL_DOUBLE; }

weir_view pg_sql_convert(weir_task *t, weir_view x, const weir_sql_column *from, const weir_sql_column *to)
{
    const char *name = to->type == WEIR_SQL_XML ? "text" : weir_format(t, "%.*s", (int)pg_sql_type_name(t, to).len, pg_sql_type_name(t, to).ptr).ptr;
    if (to->type == WEIR_SQL_BINARY && from->type != WEIR_SQL_BINARY) {
        x = as_text(t, x, from->type);
        return weir_format(t, "convert_to(%.*s, 'UTF8')", (int)x.len, x.ptr);
    }
    if (to->type == WEIR_SQL_JSON && from->type != WEIR_SQL_JSON) {
        x = is_number(from->type) || from->type == WEIR_SQL_BOOLEAN ? x : as_text(t, x, from->type);
        return weir_format(t, "to_json(%.*s)", (int)x.len, x.ptr);
    }
    if (is_text(to->type) || from->type == WEIR_SQL_BINARY || (is_floating(from->type) && to->type == WEIR_SQL_DECIMAL)) /* the shortest digits that are it */
        x = as_text(t, x, from->type);
    else if (from->type == WEIR_SQL_BOOLEAN && is_number(to->type))
        x = weir_format(t, "(%.*s)::integer", (int)x.len, x.ptr);
    else if (is_number(from->type) && to->type == WEIR_SQL_BOOLEAN)
        return weir_format(t, "((%.*s) <> 0)", (int)x.len, x.ptr);
    return name ? weir_format(t, "(%.*s)::%s", (int)x.len, x.ptr, name) : (weir_view){0};
}

/* ---------------------------------------------------------------------------------------------------------------- writing -- */

static void add(lite_text *out, const char *text) { lite_text_add(out, text, strlen(text)); }

static void write_bytes(lite_text *out, weir_view bytes)
{
    static const char hex[] = "0123456789abcdef";
    add(out, "\\x");
    for (size_t i = 0; i < bytes.len; i++) {
        unsigned char c = (unsigned char)bytes.ptr[i];
        char two[] = {hex[c >> 4], hex[c & 15]};
        lite_text_add(out, two, 2);
    }
}

static void write_number(lite_text *out, double n, int digits)
{
    char text[40];
    if (isnan(n) || isinf(n))
        add(out, isnan(n) ? "NaN" : n > 0 ? "Infinity" : "-Infinity");
    else if (snprintf(text, sizeof text, "%.*g", digits, n) > 0)
        add(out, text);
}

static bool write_text(lite_text *out, weir_view text, bool replace_nul)
{
    for (size_t from = 0; from < text.len;) {
        const char *nul = memchr(text.ptr + from, 0, text.len - from);
        size_t end = nul ? (size_t)(nul - text.ptr) : text.len;
        if (nul && !replace_nul)
            return false;
        lite_text_add(out, text.ptr + from, end - from);
        if (nul)
            add(out, "\xef\xbf\xbd");
        from = end + (nul != NULL);
    }
    return true;
}

bool pg_sql_write(lite_text *out, const weir_sql_value *v, bool replace_nul)
{
    char digits[24];
    bool ok = true;
    switch (v->type) {
    case WEIR_SQL_BOOLEAN:
        add(out, v->integer ? "true" : "false");
        break;
    case WEIR_SQL_SHORT:
    case WEIR_SQL_INT:
    case WEIR_SQL_LONG:
        snprintf(digits, sizeof digits, "%lld", (long long)v->integer);
        add(out, digits);
        break;
    case WEIR_SQL_FLOAT:
        write_number(out, v->number, 9);
        break;
    case WEIR_SQL_DOUBLE:
        write_number(out, v->number, 17);
        break;
    case WEIR_SQL_BINARY:
        write_bytes(out, v->text);
        break;
    default:
        ok = write_text(out, v->text, replace_nul);
    }
    lite_text_add(out, "", 1);
    return ok;
}

/* ---------------------------------------------------------------------------------------------------------------- reading -- */

/* Fractions in groups of three digits, without a zone. */
static void read_clock(lite_text *out, const char *text, size_t len)
{
    const char *point = memchr(text, '.', len);
    size_t whole = point ? (size_t)(point - text) : len, digits = point ? len - whole - 1 : 0;
    lite_text_add(out, text, point ? len : whole);
    for (; digits % 3; digits++)
        add(out, "0");
}

static void read_moment(weir_sql_value *v, const char *text, size_t len, lite_text *out)
{
    size_t from = out->len;
    bool zone = v->type == WEIR_SQL_TIMESTAMP && len > 3;
    read_clock(out, text, zone ? len - 3 : len); /* +00: the session's zone is UTC */
    char *space = out->failed ? NULL : memchr(out->ptr + from, ' ', out->len - from);
    if (space)
        *space = 'T';
    add(out, zone ? "Z" : "");
    v->text = out->failed ? (weir_view){0} : (weir_view){out->ptr + from, out->len - from};
}

static void read_decimal(weir_sql_value *v, const char *text, size_t len)
{
    if (memchr(text, '.', len))
        while (len && (text[len - 1] == '0' || text[len - 1] == '.'))
            if (text[--len] == '.')
                break;
    v->text = (weir_view){text, len};
}

static int hex_digit(char c) { return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10; }

static void read_bytes(weir_sql_value *v, const char *text, size_t len, lite_text *out)
{
    size_t from = out->len;
    for (size_t i = 2; i + 1 < len; i += 2) {
        char byte = (char)(hex_digit(text[i]) << 4 | hex_digit(text[i + 1]));
        lite_text_add(out, &byte, 1);
    }
    v->text = out->failed ? (weir_view){0} : (weir_view){out->ptr + from, out->len - from};
}

/* `out` has room for all of the row's values: it does not move. */
void pg_sql_read(weir_sql_value *ret, unsigned number, const char *text, size_t len, lite_text *out)
{
    size_t i = 0;
    while (i + 1 < TYPES && types[i].number != number)
        i++;
    *ret = (weir_sql_value){.type = types[i].type};
    switch (ret->type) {
    case WEIR_SQL_BOOLEAN:
        ret->integer = *text == 't';
        break;
    case WEIR_SQL_SHORT:
    case WEIR_SQL_INT:
    case WEIR_SQL_LONG:
        ret->integer = strtoll(text, NULL, 10);
        break;
    case WEIR_SQL_FLOAT:
    case WEIR_SQL_DOUBLE:
        ret->number = strtod(text, NULL);
        break;
    case WEIR_SQL_DECIMAL:
        read_decimal(ret, text, len);
        break;
    case WEIR_SQL_DATETIME:
    case WEIR_SQL_TIMESTAMP:
    case WEIR_SQL_TIME:
        read_moment(ret, text, len, out);
        break;
    case WEIR_SQL_BINARY:
        read_bytes(ret, text, len, out);
        break;
    default:
        ret->text = (weir_view){text, len};
    }
}
