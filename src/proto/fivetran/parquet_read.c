#include <stdlib.h>
#include <unistd.h>

#include "base/io.h"
#include "json/number.h"
#include "proto/fivetran/batch_read_input.h"
#include "proto/fivetran/batch_read_value.h"
#include "proto/fivetran/parquet.h"

enum { BYTES_MAX = 1 << 30 }; /* of a file, unpacked; platforms do not exceed 100 MB packed */

struct ft_parquet {
    const weir_parquet *api;
    weir_parquet_reader *reader;
    int fd;
};

bool ft_is_parquet(weir_view b)
{
    return view_starts(b, VIEW("PAR1")) && b.len > 4 && (unsigned char)b.ptr[4] < ' ' && !memchr("\t\n\r", b.ptr[4], 3);
}

void ft_parquet_free(ft_parquet *p)
{
    if (!p)
        return;
    if (p->reader)
        p->api->close(p->reader);
    if (p->fd >= 0)
        close(p->fd);
    free(p);
}

/* Parquet begins at its end: all of it has to be there. */
static weir_rc gather(int fd, weir_view beginning, ft_input *rest, err *e)
{
    size_t total = beginning.len, n = 1;
    char *block = malloc(FT_INPUT_BLOCK);
    weir_rc rc = block ? io_write(fd, beginning, "a file in memory", e) : err_nomem(e);
    while (!rc && n) {
        rc = rest->read(rest, block, FT_INPUT_BLOCK, &n, e);
        total += rc ? 0 : n;
        if (!rc && total > BYTES_MAX)
            rc = err_fail(e, WEIR_E_PROTOCOL, "it has more than %d bytes when it is unpacked", (int)BYTES_MAX);
        if (!rc && n)
            rc = io_write(fd, (weir_view){block, n}, "a file in memory", e);
    }
    if (block)
        explicit_bzero(block, FT_INPUT_BLOCK);
    free(block);
    return rc;
}

weir_rc ft_parquet_open(ft_parquet **ret, weir_view beginning, ft_input *rest, err *e)
{
    char why[WEIR_PARQUET_WHY] = "", path[FT_MEMORY_PATH];
    ft_parquet *p = calloc(1, sizeof *p);
    if (!p)
        return err_nomem(e);
    p->fd = -1;
    weir_rc rc = ft_parquet_load(&p->api, e);
    if (!rc)
        rc = ft_memory_file(&p->fd, path, e);
    if (!rc)
        rc = gather(p->fd, beginning, rest, e);
    if (!rc && (rc = p->api->open(&p->reader, path, why)) != WEIR_OK)
        rc = ft_parquet_fail(rc, why, e);
    if (rc)
        ft_parquet_free(p);
    else
        *ret = p;
    return rc;
}

size_t ft_parquet_columns(const ft_parquet *p) { return p->api->columns(p->reader); }
weir_view ft_parquet_name(const ft_parquet *p, size_t column) { return p->api->name(p->reader, column); }

weir_rc ft_parquet_next(ft_parquet *p, weir_sql_value *values, size_t max, size_t *ret_count, err *e)
{
    char why[WEIR_PARQUET_WHY] = "";
    weir_rc rc = p->api->next(p->reader, values, max, ret_count, why);
    return rc ? ft_parquet_fail(rc, why, e) : WEIR_OK;
}

/* --------------------------------------------------------------------------------------------------------------- values -- */

static bool is_whole(weir_sql_type t) { return t == WEIR_SQL_SHORT || t == WEIR_SQL_INT || t == WEIR_SQL_LONG; }
static bool is_float(weir_sql_type t) { return t == WEIR_SQL_FLOAT || t == WEIR_SQL_DOUBLE; }

bool ft_parquet_is_text(const weir_sql_value *v)
{
    return v->type == WEIR_SQL_TEXT || v->type == WEIR_SQL_JSON || v->type == WEIR_SQL_BINARY;
}

/* The value as CSV would have it. */
static weir_view text_of(const weir_sql_value *v, char room[NUMBER_TEXT])
{
    if (v->type == WEIR_SQL_BOOLEAN)
        return v->integer ? VIEW("true") : VIEW("false");
    if (is_whole(v->type))
        return (weir_view){room, number_i64(room, v->integer)};
    if (is_float(v->type))
        return v->number - v->number != 0 ? VIEW("NaN or infinite") : (weir_view){room, number_double(room, v->number)};
    return v->text;
}

bool ft_parquet_value(weir_sql_type type, const weir_sql_value *from, arena *a, weir_sql_value *ret)
{
    char room[NUMBER_TEXT];
    *ret = *from;
    ret->type = type;
    if (from->type == WEIR_SQL_NULL) {
        *ret = (weir_sql_value){0};
        return true;
    }
    if ((from->type == type && type != WEIR_SQL_TEXT && type != WEIR_SQL_DATE && type != WEIR_SQL_DATETIME && type != WEIR_SQL_TIMESTAMP) ||
        (is_float(type) && is_float(from->type)))
        return true;
    weir_view text = text_of(from, room);
    if (text.ptr == room)
        text = arena_dup(a, text);
    return !a->failed && ft_value_parse(type, text, a, ret);
}
