/* types.h - Fivetran's tables, columns and types, and what they are in JSON documents (fivetran.md 1.1, 2.5). No I/O. */
#ifndef WEIR_PROTO_FIVETRAN_TYPES_H
#define WEIR_PROTO_FIVETRAN_TYPES_H

#include "base/arena.h"
#include "json/tree.h"

/** DataType, by its numbers on the wire. */
typedef enum ft_type {
    FT_UNSPECIFIED = 0, FT_BOOLEAN, FT_SHORT, FT_INT, FT_LONG, FT_DECIMAL, FT_FLOAT, FT_DOUBLE, FT_NAIVE_DATE, FT_NAIVE_DATETIME, FT_UTC_DATETIME, FT_BINARY,
    FT_XML, FT_STRING, FT_JSON, FT_NAIVE_TIME, FT_TYPES
} ft_type;

/** RecordType. */
typedef enum ft_op { FT_UPSERT = 0, FT_UPDATE = 1, FT_DELETE = 2, FT_TRUNCATE = 3 } ft_op;

/** "LONG"; NULL for a number that is none. */
const char *ft_type_name(int type);
/** By name, in any case. @return false: there is none */
bool ft_type_named(weir_view name, ft_type *ret);
/** The number of the ValueType member that carries it: not its own number (fivetran.md 1.1). FT_UNSPECIFIED: of `null`. */
static inline unsigned ft_value_tag(ft_type type)
{
    static const unsigned char tags[FT_TYPES] = {
        [FT_UNSPECIFIED] = 1, [FT_BOOLEAN] = 2,    [FT_SHORT] = 3,           [FT_INT] = 4,           [FT_LONG] = 5,    [FT_FLOAT] = 6,
        [FT_DOUBLE] = 7,      [FT_NAIVE_DATE] = 8, [FT_NAIVE_DATETIME] = 9,  [FT_UTC_DATETIME] = 10, [FT_DECIMAL] = 11, [FT_BINARY] = 12,
        [FT_STRING] = 13,     [FT_JSON] = 14,      [FT_XML] = 15,            [FT_NAIVE_TIME] = 16,
    };
    return tags[type];
}
/** The other way. @return false: no member has this number; 1, of `null`, is FT_UNSPECIFIED */
bool ft_value_type(uint32_t tag, ft_type *ret);

typedef struct ft_column {
    weir_view name;
    ft_type type;
    bool key;
    uint32_t precision, scale; /* of DECIMAL; precision 0: not said */
    uint32_t length;           /* of STRING, bytes; 0: not said */
} ft_column;

typedef struct ft_table {
    weir_view schema, name; /* schema: empty where there are none */
    ft_column *columns;
    size_t count;
} ft_table;

/** The columns of documents with this schema: one for each top-level property, in its order, then what of the key it does not describe. Objects and arrays are
 *  JSON, truth values, numbers and strings that share a column STRING; UNSPECIFIED if the schema says nothing at all. Integers are LONG, or what their bounds or
 *  format say if these are those of a machine type; numbers DOUBLE, or DECIMAL if they are multiples of a decimal fraction. Strings by their format: date, date-time (NAIVE_DATETIME if
 *  `airbyte_type` says so), decimals that travel as text (`number`, `integer`, `singer.decimal`), contentEncoding base64, contentMediaType XML. WEIR_E_CONFIG: a key
 *  inside of an object.
 *  @param key JSON array of JSON pointers */
weir_rc ft_columns_of_schema(arena *a, const tree *schema, weir_view key, ft_table *ret, err *e);
/** The other way: a JSON Schema for the documents that ft_row_json() makes. */
void ft_schema_of_columns(const ft_table *t, buf *out);
/** The JSON array of key pointers. */
void ft_key_of_columns(const ft_table *t, buf *out);
/** The narrowest type that holds what both do: LONG and DECIMAL are DECIMAL, anything and JSON is JSON ... */
ft_type ft_type_join(ft_type a, ft_type b);
/** Copies a text for a string of a message: what is not UTF-8 becomes U+FFFD, as does a NUL. @param to room for 3 * len  @return its end */
char *ft_clean_text(char *to, weir_view text);

#endif
