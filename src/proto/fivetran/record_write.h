/* record_write.h - documents into Records, from inside: what the quick way (record_write.c) and the slow way (record_write_slow.c) have in common. */
#ifndef WEIR_PROTO_FIVETRAN_RECORD_WRITE_H
#define WEIR_PROTO_FIVETRAN_RECORD_WRITE_H

#include "base/map.h"
#include "json/quick.h"
#include "proto/fivetran/record.h"

enum { TYPES_OF_RECORD = 4 };

typedef struct column {
    ft_name name;
    quick_name seen; /* as it was written in the last document */
    ft_type type;
    bool key, selected;
} column;

struct ft_writing {
    arena memory;
    weir_view table;
    weir_view heads[TYPES_OF_RECORD]; /* `0a LEN schema 12 LEN table 18 type` */
    column *columns;
    size_t count;
    bool keyed;
    map index;   /* name -> column */
    buf scratch; /* a decoded name or text */
};

/* A document on its way. */
typedef struct writer {
    ft_writing *w;
    const char *at, *end; /* of the document */
    char *p;              /* of the record */
    buf *out;
    ft_type needed; /* of a value that does not fit */
} writer;

/** Room for an entry with a text of `len` bytes. */
static inline bool make_room(writer *r, const ft_name *n, size_t len)
{
    r->out->len = (size_t)(r->p - r->out->ptr);
    if (!buf_reserve(r->out, FT_ENTRY_ROOM + n->len + len))
        return false;
    r->p = r->out->ptr + r->out->len;
    return true;
}

/** Does a value begin as a number does? */
static inline bool is_number(weir_view json)
{
    return json.ptr[0] == '-' || (json.ptr[0] >= '0' && json.ptr[0] <= '9');
}

static inline bool fits_integer(ft_type type, int64_t v)
{
    return type == FT_LONG || (type == FT_INT ? v == (int32_t)v : v == (int16_t)v);
}

/** Takes the value at `at`, of any type, whatever way it is written. @return false: it does not fit, see needed; or no memory */
bool writer_put_slow(writer *r, const column *c);
/** The text of the value at `at`, which is behind it then. */
weir_view writer_take_span(writer *r);
/** What is between the quotes, decoded; good until the next call. */
weir_view writer_text_of(writer *r, weir_view string);
/** The type that a value asks for where there is no column yet; null: FT_UNSPECIFIED. */
ft_type writer_type_of(weir_view json);

#endif
