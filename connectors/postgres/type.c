#include "type.h"

#include <string.h>

static const struct {
    const char *sql, *typname;
} names[] = {
    [PG_BOOL] = {"boolean", "bool"},       [PG_INT2] = {"smallint", "int2"},    [PG_INT4] = {"integer", "int4"},
    [PG_BIGINT] = {"bigint", "int8"},      [PG_NUMERIC] = {"numeric", "numeric"}, [PG_REAL] = {"real", "float4"},
    [PG_DOUBLE] = {"double precision", "float8"}, [PG_TEXT] = {"text", "text"}, [PG_BYTEA] = {"bytea", "bytea"},
    [PG_TIMESTAMPTZ] = {"timestamp with time zone", "timestamptz"}, [PG_DATE] = {"date", "date"}, [PG_TIME] = {"time", "time"},
    [PG_UUID] = {"uuid", "uuid"},          [PG_INET] = {"inet", "inet"},        [PG_MACADDR] = {"macaddr", "macaddr"},
    [PG_JSON] = {"json", "json"},          [PG_JSONB] = {"jsonb", "jsonb"},     [PG_OTHER] = {"text", ""},
};

const char *pg_type_name(pg_type type) { return names[type].sql; }

pg_type pg_type_of(const char *typname)
{
    for (pg_type type = PG_BOOL; type < PG_OTHER; type++)
        if (strcmp(names[type].typname, typname) == 0)
            return type;
    return PG_OTHER;
}

/* ----------------------------------------------------------------------------------------------------------------- wanted -- */

static bool is_word(weir_view text, const char *word) { return text.len == strlen(word) && memcmp(text.ptr, word, text.len) == 0; }

static pg_type of_string(const weir_column *c, bool exact)
{
    static const struct {
        const char *format;
        pg_type type;
    } formats[] = {
        {"integer", PG_NUMERIC}, {"number", PG_NUMERIC}, {"date-time", PG_TIMESTAMPTZ}, {"date", PG_DATE}, {"time", PG_TIME},
        {"uuid", PG_UUID},       {"ipv4", PG_INET},      {"ipv6", PG_INET},             {"macaddr", PG_MACADDR},
    };
    if (exact)
        return PG_TEXT;
    if (is_word(c->encoding, "base64"))
        return PG_BYTEA;
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (is_word(c->format, formats[i].format))
            return formats[i].type;
    return PG_TEXT;
}

pg_type pg_type_wanted(const weir_column *c, bool exact)
{
    unsigned types = c->types & ~(unsigned)WEIR_IS_NULL;
    bool digits = is_word(c->format, "integer") || is_word(c->format, "number");
    switch (types) {
    case WEIR_IS_BOOLEAN:
        return PG_BOOL;
    case WEIR_IS_INTEGER:
        return PG_BIGINT;
    case WEIR_IS_NUMBER:
    case WEIR_IS_NUMBER | WEIR_IS_INTEGER:
        return is_word(c->format, "double") || is_word(c->format, "float") ? PG_DOUBLE : PG_NUMERIC;
    case WEIR_IS_STRING:
        return of_string(c, exact);
    case WEIR_IS_STRING | WEIR_IS_NUMBER:
    case WEIR_IS_STRING | WEIR_IS_INTEGER:
    case WEIR_IS_STRING | WEIR_IS_INTEGER | WEIR_IS_NUMBER:
        return digits && !exact ? PG_NUMERIC : PG_JSONB;
    default:
        return PG_JSONB;
    }
}

/* ------------------------------------------------------------------------------------------------------------------ wider -- */

enum { A_BOOL = 1, A_NUMBER, A_STRING, A_JSON, ANY };

static int kind_of(pg_type type)
{
    return type == PG_BOOL ? A_BOOL : type <= PG_DOUBLE ? A_NUMBER : type < PG_JSON ? A_STRING : type <= PG_JSONB ? A_JSON : ANY;
}

pg_type pg_type_join(pg_type had, pg_type wanted)
{
    int a = kind_of(had), b = kind_of(wanted);
    if (had == wanted || a == ANY || a == A_JSON)
        return had;
    if (had == PG_TEXT && (b == A_STRING || b == A_NUMBER)) /* digits */
        return had;
    if (a == A_NUMBER && b == A_NUMBER)
        return had > wanted && had <= PG_NUMERIC ? had : had == PG_REAL && wanted == PG_DOUBLE ? PG_DOUBLE : wanted == PG_BIGINT && had < PG_BIGINT ? PG_BIGINT : PG_NUMERIC;
    if (a == A_STRING && b == A_STRING)
        return PG_TEXT;
    return PG_JSONB;
}

pg_type pg_type_relaxed(pg_type had, weir_view value)
{
    char first = value.len ? value.ptr[0] : 'n';
    bool number = first == '-' || (first >= '0' && first <= '9');
    if (had == PG_JSONB)
        return PG_JSON;
    if (had == PG_JSON || had == PG_OTHER)
        return had;
    if (number && kind_of(had) == A_NUMBER)
        return had < PG_BIGINT ? PG_BIGINT : had == PG_NUMERIC ? PG_TEXT : PG_NUMERIC;
    if (first == '"' && kind_of(had) == A_STRING && had != PG_TEXT)
        return PG_TEXT;
    return PG_JSONB;
}

static void add(lite_text *out, const char *text) { lite_text_add(out, text, strlen(text)); }

static void as_text(lite_text *out, const char *x, pg_type from)
{
    static const char *const around[PG_OTHER + 1][2] = {
        [PG_TIMESTAMPTZ] = {"to_char(", " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"},
        [PG_TIME] = {"(", "::text || 'Z')"},
        [PG_BYTEA] = {"translate(encode(", ", 'base64'), E'\\n', '')"},
        [PG_INET] = {"host(", ")"},
    };
    bool plain = !around[from][0];
    add(out, plain ? "(" : around[from][0]);
    add(out, x);
    add(out, plain ? "::text)" : around[from][1]);
}

void pg_type_convert(lite_text *out, const char *expression, pg_type from, pg_type to)
{
    bool json = to == PG_JSON || to == PG_JSONB;
    if (to == PG_TEXT) {
        as_text(out, expression, from);
    } else if (json && kind_of(from) == A_STRING) {
        add(out, to == PG_JSON ? "to_json(" : "to_jsonb(");
        as_text(out, expression, from);
        add(out, ")");
    } else if (json && kind_of(from) != A_JSON) {
        add(out, to == PG_JSON ? "to_json(" : "to_jsonb(");
        add(out, expression);
        add(out, ")");
    } else {
        add(out, expression);
        add(out, "::");
        add(out, pg_type_name(to));
    }
}
