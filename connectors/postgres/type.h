/* type.h - the types of columns: which one a field gets, which one takes its place when that is too narrow, and JSON values as COPY's binary format has
 * them. Pure: no database, no task.
 *
 *     schema                              column              what is stored
 *     boolean                             boolean
 *     integer                             bigint              numeric, once an integer of more than 64 bits has come
 *     number                              numeric             every digit as it was written
 *     number, format double or float      double precision
 *     string                              text
 *       format integer, number            numeric             NaN and Infinity, too
 *       format date-time, date, time      timestamp with time zone, date, time
 *       format uuid, ipv4, ipv6, macaddr  uuid, inet, macaddr
 *       contentEncoding base64            bytea               the bytes
 *     array, object, the document         jsonb
 *     several of these, or none said      jsonb               scalars, too
 *
 * Strings of a key, or that order rows, are text whatever their format: two that differ stay different.
 */
#ifndef POSTGRES_TYPE_H
#define POSTGRES_TYPE_H

#include <arpa/inet.h>
#include <string.h>
#include <weir.h>

#include "lite_value.h"

typedef enum pg_type {
    PG_BOOL, PG_INT2, PG_INT4, PG_BIGINT, PG_NUMERIC, PG_REAL, PG_DOUBLE, PG_TEXT, PG_BYTEA, PG_TIMESTAMPTZ, PG_DATE, PG_TIME, PG_UUID, PG_INET,
    PG_MACADDR, PG_JSON, PG_JSONB,
    PG_OTHER /* somebody has changed the column: values go there as texts, and the server reads them */
} pg_type;

/** As SQL has it; of PG_OTHER that of its values, text. */
const char *pg_type_name(pg_type type);
/** From pg_type.typname. */
pg_type pg_type_of(const char *typname);
/** What a column gets. @param exact strings are told apart by every byte */
pg_type pg_type_wanted(const weir_column *c, bool exact);
/** What a column of this type becomes so that it holds values of the other one, too; itself if it does. */
pg_type pg_type_join(pg_type had, pg_type wanted);
/** The same, for a value that has come although nothing said it would. Itself: nothing helps. */
pg_type pg_type_relaxed(pg_type had, weir_view value);
/** Appends the values of a column, given by an expression, as those of another type. */
void pg_type_convert(lite_text *out, const char *expression, pg_type from, pg_type to);

typedef enum pg_fit { PG_FITS, PG_MISFIT, PG_HAS_NUL } pg_fit;

/** A column, as far as its values are concerned. */
typedef struct pg_shape {
    pg_type type;
    unsigned types; /* WEIR_IS_..., of the schema */
    bool digits;    /* texts are numbers: `format: integer` or `number` */
    bool base64;    /* texts are bytes */
} pg_shape;

typedef struct pg_encoder {
    lite_text out;
    lite_text scratch;
    bool refuse_nul; /* U+0000, which no text of PostgreSQL can hold, is PG_HAS_NUL; otherwise it becomes U+FFFD */
    bool replaced;   /* that has happened */
    bool no_infinity; /* of numeric: the server is too old */
} pg_encoder;

/** Appends a field: its length and its bytes; -1 for null. Nothing unless it fits. */
pg_fit pg_encode(pg_encoder *e, const pg_shape *shape, weir_view json);
/** lite_text_add(), at hand where there is room: it is called for every field. */
static inline void pg_put(lite_text *out, const void *bytes, size_t len)
{
    if (out->failed || out->cap - out->len < len) {
        lite_text_add(out, bytes, len);
        return;
    }
    if (len) {
        memcpy(out->ptr + out->len, bytes, len);
        out->len += len;
    }
}

static inline void pg_put16(lite_text *out, uint16_t n)
{
    n = htons(n);
    pg_put(out, &n, sizeof n);
}

static inline void pg_put32(lite_text *out, uint32_t n)
{
    n = htonl(n);
    pg_put(out, &n, sizeof n);
}

/** Of JSON, or of digits: not empty. */
static inline bool pg_is_number(weir_view json) { return json.ptr[0] == '-' || (json.ptr[0] >= '0' && json.ptr[0] <= '9'); }

/** -1: it is none. */
static inline int pg_hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10 : -1;
}

/** Appends what the server writes of a value, as a text, as the JSON that it came as. @return false for NULL: nothing is appended */
bool pg_decode(lite_text *out, const pg_shape *shape, const char *text, size_t len, bool null);

#endif
