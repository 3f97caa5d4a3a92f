#include "value.h"

#include <stdio.h>
#include <string.h>

/* ----------------------------------------------------------------------------------------------------------------- into -- */

static const struct {
    duckdb_type type;
    const char *cast;
} carriers[] = {
    [WEIR_SQL_NULL] = {DUCKDB_TYPE_VARCHAR, ""},         [WEIR_SQL_BOOLEAN] = {DUCKDB_TYPE_BOOLEAN, ""},
    [WEIR_SQL_SHORT] = {DUCKDB_TYPE_BIGINT, ""},         [WEIR_SQL_INT] = {DUCKDB_TYPE_BIGINT, ""},
    [WEIR_SQL_LONG] = {DUCKDB_TYPE_BIGINT, ""},          [WEIR_SQL_DECIMAL] = {DUCKDB_TYPE_VARCHAR, "DECIMAL"},
    [WEIR_SQL_FLOAT] = {DUCKDB_TYPE_DOUBLE, ""},         [WEIR_SQL_DOUBLE] = {DUCKDB_TYPE_DOUBLE, ""},
    [WEIR_SQL_DATE] = {DUCKDB_TYPE_VARCHAR, "DATE"},     [WEIR_SQL_DATETIME] = {DUCKDB_TYPE_VARCHAR, "TIMESTAMP"},
    [WEIR_SQL_TIMESTAMP] = {DUCKDB_TYPE_VARCHAR, "TIMESTAMPTZ"}, [WEIR_SQL_TIME] = {DUCKDB_TYPE_VARCHAR, "TIME"},
    [WEIR_SQL_BINARY] = {DUCKDB_TYPE_BLOB, ""},          [WEIR_SQL_TEXT] = {DUCKDB_TYPE_VARCHAR, ""},
    [WEIR_SQL_JSON] = {DUCKDB_TYPE_VARCHAR, "JSON"},     [WEIR_SQL_XML] = {DUCKDB_TYPE_VARCHAR, ""},
};

enum { DECIMAL_DIGITS = 38 };

/* Digits before and behind the point of plain decimal text. @return false: it is written otherwise (an exponent) */
static bool digits_of(weir_view text, size_t *whole, size_t *behind)
{
    size_t i = text.len && (text.ptr[0] == '-' || text.ptr[0] == '+');
    size_t from = i, point = text.len;
    for (; i < text.len; i++) {
        if (text.ptr[i] == '.' && point == text.len)
            point = i;
        else if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
    }
    while (from < point && text.ptr[from] == '0')
        from++;
    *whole = point - from;
    *behind = point < text.len ? text.len - point - 1 : 0;
    return true;
}

/* Decimals are cast to the narrowest type that holds them all; where none does they stay text. */
static void cast_decimals(const weir_sql_value *values, size_t columns, size_t rows, size_t at, duck_carrier *c)
{
    size_t whole = 0, behind = 0;
    c->cast[0] = 0;
    for (size_t r = 0; r < rows; r++) {
        const weir_sql_value *v = &values[r * columns + at];
        size_t w, b;
        if (v->type == WEIR_SQL_NULL)
            continue;
        if (!digits_of(v->text, &w, &b))
            return;
        whole = w > whole ? w : whole;
        behind = b > behind ? b : behind;
    }
    if (whole + behind <= DECIMAL_DIGITS)
        snprintf(c->cast, sizeof c->cast, "DECIMAL(%d,%u)", DECIMAL_DIGITS, (unsigned)behind);
}

bool duck_carrier_of(const weir_sql_value *values, size_t columns, size_t rows, size_t at, duck_carrier *ret)
{
    weir_sql_type type = WEIR_SQL_NULL;
    for (size_t r = 0; r < rows; r++) {
        weir_sql_type t = values[r * columns + at].type;
        if (t == WEIR_SQL_NULL || t == type)
            continue;
        if (type == WEIR_SQL_NULL)
            type = t;
        else if (carriers[t].type != carriers[type].type || strcmp(carriers[t].cast, carriers[type].cast) != 0)
            return false;
    }
    *ret = (duck_carrier){.type = carriers[type].type};
    strcpy(ret->cast, carriers[type].cast);
    if (type == WEIR_SQL_DECIMAL)
        cast_decimals(values, columns, rows, at, ret);
    return true;
}

void duck_put(duckdb_vector v, const duck_carrier *c, idx_t row, const weir_sql_value *value)
{
    if (value->type == WEIR_SQL_NULL) {
        duckdb_vector_ensure_validity_writable(v);
        duckdb_validity_set_row_invalid(duckdb_vector_get_validity(v), row);
        return;
    }
    void *data = duckdb_vector_get_data(v);
    switch (c->type) {
    case DUCKDB_TYPE_BOOLEAN:
        ((bool *)data)[row] = value->integer != 0;
        break;
    case DUCKDB_TYPE_BIGINT:
        ((int64_t *)data)[row] = value->integer;
        break;
    case DUCKDB_TYPE_DOUBLE:
        ((double *)data)[row] = value->number;
        break;
    default:
        duckdb_vector_assign_string_element_len(v, row, value->text.ptr ? value->text.ptr : "", value->text.len);
    }
}

duckdb_state duck_bind(duckdb_prepared_statement p, idx_t at, const weir_sql_value *value)
{
    const char *text = value->text.ptr ? value->text.ptr : "";
    if (value->type == WEIR_SQL_NULL)
        return duckdb_bind_null(p, at);
    switch (carriers[value->type].type) {
    case DUCKDB_TYPE_BOOLEAN:
        return duckdb_bind_boolean(p, at, value->integer != 0);
    case DUCKDB_TYPE_BIGINT:
        return duckdb_bind_int64(p, at, value->integer);
    case DUCKDB_TYPE_DOUBLE:
        return duckdb_bind_double(p, at, value->number);
    case DUCKDB_TYPE_BLOB:
        return duckdb_bind_blob(p, at, text, value->text.len);
    default:
        return duckdb_bind_varchar_length(p, at, text, value->text.len);
    }
}

/* --------------------------------------------------------------------------------------------------------------- out of -- */

static void set_text(weir_sql_value *ret, weir_sql_type type, char *room, int len)
{
    ret->type = type;
    ret->text = (weir_view){room, (size_t)len};
}

__extension__ typedef __int128 wide;
__extension__ typedef unsigned __int128 wide_bits;

/* A number without its point, and how many of its digits stand behind it. */
static void put_decimal(weir_sql_value *ret, wide v, unsigned scale, char *room)
{
    char digits[DUCK_TEXT];
    wide_bits rest = v < 0 ? -(wide_bits)v : (wide_bits)v;
    size_t n = 0, len = 0;
    for (; scale && rest % 10 == 0; scale--)
        rest /= 10;
    do
        digits[n++] = (char)('0' + (int)(rest % 10));
    while ((rest /= 10) || n <= scale);
    if (v < 0)
        room[len++] = '-';
    while (n) {
        if (n == scale && scale)
            room[len++] = '.';
        room[len++] = digits[--n];
    }
    set_text(ret, WEIR_SQL_DECIMAL, room, (int)len);
}

static void put_hugeint(weir_sql_value *ret, duckdb_hugeint h, unsigned scale, char *room)
{
    put_decimal(ret, (wide)(((wide_bits)(uint64_t)h.upper << 64) | h.lower), scale, room);
}

static void take_decimal(const void *data, duckdb_logical_type type, idx_t row, char *room, weir_sql_value *ret)
{
    unsigned scale = duckdb_decimal_scale(type);
    switch (duckdb_decimal_internal_type(type)) {
    case DUCKDB_TYPE_SMALLINT:
        put_decimal(ret, ((const int16_t *)data)[row], scale, room);
        break;
    case DUCKDB_TYPE_INTEGER:
        put_decimal(ret, ((const int32_t *)data)[row], scale, room);
        break;
    case DUCKDB_TYPE_BIGINT:
        put_decimal(ret, ((const int64_t *)data)[row], scale, room);
        break;
    default:
        put_hugeint(ret, ((const duckdb_hugeint *)data)[row], scale, room);
    }
}

/* Behind "15:30:00": three or six digits, or none. */
static int put_fraction(char *room, int32_t micros)
{
    if (!micros)
        return 0;
    return micros % 1000 ? snprintf(room, 8, ".%06d", (int)(micros % 1000000)) : snprintf(room, 8, ".%03d", (int)(micros / 1000 % 1000));
}

static int put_clock(char *room, duckdb_time_struct x)
{
    int len = snprintf(room, DUCK_TEXT, "%02d:%02d:%02d", x.hour, x.min, x.sec);
    return len + put_fraction(room + len, x.micros);
}

static int put_date(char *room, duckdb_date_struct x)
{
    return snprintf(room, DUCK_TEXT, "%04d-%02d-%02d", (int)x.year, x.month, x.day);
}

static void put_instant(weir_sql_value *ret, weir_sql_type type, duckdb_timestamp at, char *room)
{
    duckdb_timestamp_struct x = duckdb_from_timestamp(at);
    int len = put_date(room, x.date);
    room[len++] = 'T';
    len += put_clock(room + len, x.time);
    if (type == WEIR_SQL_TIMESTAMP)
        room[len++] = 'Z';
    set_text(ret, type, room, len);
}

static void take_text(const void *data, duckdb_logical_type type, bool binary, idx_t row, weir_sql_value *ret)
{
    duckdb_string_t *s = (duckdb_string_t *)data + row;
    ret->text = (weir_view){duckdb_string_t_data(s), duckdb_string_t_length(*s)};
    ret->type = binary ? WEIR_SQL_BINARY : WEIR_SQL_TEXT;
    char *alias = binary ? NULL : duckdb_logical_type_get_alias(type);
    if (alias && strcmp(alias, "JSON") == 0)
        ret->type = WEIR_SQL_JSON;
    duckdb_free(alias);
}

static weir_sql_value integer(weir_sql_type type, int64_t v) { return (weir_sql_value){.type = type, .integer = v}; }
static weir_sql_value number(weir_sql_type type, double v) { return (weir_sql_value){.type = type, .number = v}; }

bool duck_take(duckdb_vector v, duckdb_logical_type type, idx_t row, char *room, weir_sql_value *ret)
{
    const void *data = duckdb_vector_get_data(v);
    uint64_t *validity = duckdb_vector_get_validity(v);
    *ret = (weir_sql_value){0};
    if (validity && !duckdb_validity_row_is_valid(validity, row))
        return true;
    switch (duckdb_get_type_id(type)) {
    case DUCKDB_TYPE_SQLNULL: break;
    case DUCKDB_TYPE_BOOLEAN: *ret = integer(WEIR_SQL_BOOLEAN, ((const bool *)data)[row]); break;
    case DUCKDB_TYPE_TINYINT: *ret = integer(WEIR_SQL_SHORT, ((const int8_t *)data)[row]); break;
    case DUCKDB_TYPE_UTINYINT: *ret = integer(WEIR_SQL_SHORT, ((const uint8_t *)data)[row]); break;
    case DUCKDB_TYPE_SMALLINT: *ret = integer(WEIR_SQL_SHORT, ((const int16_t *)data)[row]); break;
    case DUCKDB_TYPE_USMALLINT: *ret = integer(WEIR_SQL_INT, ((const uint16_t *)data)[row]); break;
    case DUCKDB_TYPE_INTEGER: *ret = integer(WEIR_SQL_INT, ((const int32_t *)data)[row]); break;
    case DUCKDB_TYPE_UINTEGER: *ret = integer(WEIR_SQL_LONG, ((const uint32_t *)data)[row]); break;
    case DUCKDB_TYPE_BIGINT: *ret = integer(WEIR_SQL_LONG, ((const int64_t *)data)[row]); break;
    case DUCKDB_TYPE_UBIGINT: put_decimal(ret, ((const uint64_t *)data)[row], 0, room); break;
    case DUCKDB_TYPE_HUGEINT: put_hugeint(ret, ((const duckdb_hugeint *)data)[row], 0, room); break;
    case DUCKDB_TYPE_DECIMAL: take_decimal(data, type, row, room, ret); break;
    case DUCKDB_TYPE_FLOAT: *ret = number(WEIR_SQL_FLOAT, (double)((const float *)data)[row]); break;
    case DUCKDB_TYPE_DOUBLE: *ret = number(WEIR_SQL_DOUBLE, ((const double *)data)[row]); break;
    case DUCKDB_TYPE_DATE: set_text(ret, WEIR_SQL_DATE, room, put_date(room, duckdb_from_date(((const duckdb_date *)data)[row]))); break;
    case DUCKDB_TYPE_TIME: set_text(ret, WEIR_SQL_TIME, room, put_clock(room, duckdb_from_time(((const duckdb_time *)data)[row]))); break;
    case DUCKDB_TYPE_TIMESTAMP: put_instant(ret, WEIR_SQL_DATETIME, ((const duckdb_timestamp *)data)[row], room); break;
    case DUCKDB_TYPE_TIMESTAMP_TZ: put_instant(ret, WEIR_SQL_TIMESTAMP, ((const duckdb_timestamp *)data)[row], room); break;
    case DUCKDB_TYPE_VARCHAR: take_text(data, type, false, row, ret); break;
    case DUCKDB_TYPE_BLOB: take_text(data, type, true, row, ret); break;
    default: return false;
    }
    return true;
}
