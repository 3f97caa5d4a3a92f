/* fivetran_records.h - records written and read one by one, from blocks of their exact size. */
#ifndef WEIR_TESTS_FIVETRAN_RECORDS_H
#define WEIR_TESTS_FIVETRAN_RECORDS_H

#include <stdio.h>
#include <stdlib.h>

#include "proto/fivetran/record.h"

#define BYTES(s) ((weir_view){s, sizeof(s) - 1})

/* A heap block of its exact size, so that a sanitizer sees what reads past it. */
static inline weir_view exact(weir_view v)
{
    char *p = malloc(v.len ? v.len : 1);
    return (weir_view){v.len ? memcpy(p, v.ptr, v.len) : p, v.len};
}

static inline void drop(weir_view v)
{
    free((void *)(uintptr_t)v.ptr);
}

static inline void same_bytes(weir_view found, weir_view expected, const char *of)
{
    if (view_eq(found, expected))
        return;
    fprintf(stderr, "%s\n  expected ", of);
    for (size_t i = 0; i < expected.len; i++)
        fprintf(stderr, "%02x", (unsigned char)expected.ptr[i]);
    fprintf(stderr, "\n  found    ");
    for (size_t i = 0; i < found.len; i++)
        fprintf(stderr, "%02x", (unsigned char)found.ptr[i]);
    fprintf(stderr, "\n  as text  %.*s\n", VIEW_ARG(found));
    fail();
}

/* Writes a document and wraps it as an update. */
static inline weir_rc write_one(ft_writing *w, ft_op op, weir_view doc, buf *out, ft_misfit *misfit, err *e)
{
    weir_view own = exact(doc);
    buf record = {0};
    weir_rc rc = ft_write_record(w, op, own, &record, misfit, e);
    if (!rc)
        ft_record_message(buf_view(&record), out);
    else
        assert_int_equal(record.len, 0);
    buf_free(&record);
    drop(own);
    return rc;
}

static inline weir_rc read_one(const ft_table *t, weir_view message, buf *out, uint32_t *types, weir_view *unknown, err *e)
{
    ft_update u;
    ft_record rec;
    size_t at = 0;
    weir_view none;
    weir_rc rc = ft_read_update(message, &u, e);
    if (!rc)
        rc = ft_next_record(&u, &at, &rec, e);
    ft_reading *r = ft_reading_new(t);
    if (!rc)
        rc = ft_row_json(r, &rec, out, types, unknown ? unknown : &none, e);
    ft_reading_free(r);
    return rc;
}

#endif
