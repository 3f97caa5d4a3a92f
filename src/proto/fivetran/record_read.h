/* record_read.h - Records taken apart, from inside: entries and their values, for documents (record_json.c). */
#ifndef WEIR_PROTO_FIVETRAN_RECORD_READ_H
#define WEIR_PROTO_FIVETRAN_RECORD_READ_H

#include "proto/fivetran/record.h"

enum { DATA_TAG = 0x22, RECORD_DATA = 4 };

/* A ValueType on its way: of two members of the oneof the last one counts; a Timestamp that comes again is merged, as messages are. */
typedef struct reading {
    bool any;
    ft_value v;
} reading;

static inline unsigned wire_of(ft_type type)
{
    return type <= FT_LONG ? PB_VARINT : type == FT_FLOAT ? PB_FIXED32 : type == FT_DOUBLE ? PB_FIXED64 : PB_BYTES;
}

static inline bool is_time(ft_type type)
{
    return type == FT_NAIVE_DATE || type == FT_NAIVE_DATETIME || type == FT_UTC_DATETIME || type == FT_NAIVE_TIME;
}

/* A field with this tag byte whose length is one byte, in front of the reader: nearly all of them. Takes it. */
static inline bool quick_field(pb_reader *r, unsigned char tag, weir_view *ret)
{
    const unsigned char *p = (const unsigned char *)r->p;
    if (r->end - r->p < 2 || p[0] != tag || p[1] >= 0x80 || p[1] > r->end - r->p - 2)
        return false;
    *ret = (weir_view){r->p + 2, p[1]};
    r->p += 2 + p[1];
    return true;
}

/* The next entry, not looked into. @return false: no more, or *error */
static inline bool next_entry(weir_view record, size_t *at, weir_view *ret, const char **error)
{
    pb_reader r = pb_reader_of(view_from(record, *at));
    pb_field f;
    if (quick_field(&r, DATA_TAG, ret)) {
        *at = (size_t)(r.p - record.ptr);
        return true;
    }
    while (pb_next(&r, &f)) {
        if (f.tag != RECORD_DATA || f.wire != PB_BYTES)
            continue;
        *at = (size_t)(r.p - record.ptr);
        *ret = f.bytes;
        return true;
    }
    *error = r.error;
    return false;
}

/** An entry's name and value, not looked at. @return false: it is none, see *error */
bool record_read_entry(weir_view bytes, weir_view *ret_name, reading *in, const char **error);
/** What is wrong with a value, as an error that names the table and the column. */
weir_rc record_wrong(weir_view table, weir_view name, const char *what, err *e);

#endif
