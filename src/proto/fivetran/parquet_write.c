#include <stdlib.h>
#include <unistd.h>

#include "proto/fivetran/batch_read_value.h"
#include "proto/fivetran/batch_write.h"
#include "proto/fivetran/parquet.h"

enum { DIGITS = 38 }; /* that a decimal has at most */

typedef struct column {
    weir_parquet_column as;
    weir_sql_type type;     /* what its values must be; WEIR_SQL_TEXT: anything */
    size_t whole, behind;   /* digits of decimals */
    bool marked;            /* a value is unmodified */
} column;

struct ft_parquet_file {
    const weir_parquet *api;
    weir_parquet_writer *writer;
    arena names, texts; /* of columns; of a row */
    column *columns;
    weir_view *row;
    size_t count;
    weir_view unmodified;
    uint64_t size;
};

/* What has no entry is a string (fivetran.md 2.5). */
static const struct {
    ft_type type;
    weir_sql_type of, as; /* what the values are, and what the file has */
} kinds[] = {
    {FT_BOOLEAN, WEIR_SQL_BOOLEAN, WEIR_SQL_BOOLEAN}, {FT_SHORT, WEIR_SQL_SHORT, WEIR_SQL_INT}, {FT_INT, WEIR_SQL_INT, WEIR_SQL_INT},
    {FT_LONG, WEIR_SQL_LONG, WEIR_SQL_LONG}, {FT_DECIMAL, WEIR_SQL_DECIMAL, WEIR_SQL_DECIMAL}, {FT_FLOAT, WEIR_SQL_FLOAT, WEIR_SQL_FLOAT},
    {FT_DOUBLE, WEIR_SQL_DOUBLE, WEIR_SQL_DOUBLE}, {FT_BINARY, WEIR_SQL_BINARY, WEIR_SQL_BINARY},
};

static column column_of(arena *a, const ft_column *c)
{
    column x = {.as = {.name = arena_dup(a, c->name), .type = WEIR_SQL_TEXT}, .type = WEIR_SQL_TEXT};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (kinds[i].type == c->type) {
            x.type = kinds[i].of;
            x.as.type = kinds[i].as;
        }
    if (c->precision >= c->scale) {
        x.whole = c->precision - c->scale;
        x.behind = c->scale;
    }
    return x;
}

void ft_parquet_drop(ft_parquet_file *f)
{
    if (!f)
        return;
    if (f->writer)
        f->api->drop(f->writer);
    arena_free(&f->names);
    arena_free(&f->texts);
    free(f->columns);
    free(f->row);
    free(f);
}

weir_rc ft_parquet_begin(ft_parquet_file **ret, const ft_table *columns, const char *unmodified_string, err *e)
{
    char why[WEIR_PARQUET_WHY] = "";
    ft_parquet_file *f = calloc(1, sizeof *f);
    if (!f)
        return err_nomem(e);
    f->count = columns->count;
    f->unmodified = view_of(unmodified_string);
    f->columns = calloc(f->count + 1, sizeof *f->columns);
    f->row = calloc(f->count + 1, sizeof *f->row);
    for (size_t i = 0; f->columns && i < f->count; i++)
        f->columns[i] = column_of(&f->names, &columns->columns[i]);
    weir_rc rc = f->columns && f->row && !f->names.failed ? ft_parquet_load(&f->api, e) : err_nomem(e);
    if (!rc && (rc = f->api->begin(&f->writer, f->count, why)) != WEIR_OK)
        rc = ft_parquet_fail(rc, why, e);
    if (rc)
        ft_parquet_drop(f);
    else
        *ret = f;
    return rc;
}

/* Plain decimal digits. */
static void measure(column *c, weir_view digits)
{
    if (digits.len && digits.ptr[0] == '-')
        digits = view_from(digits, 1);
    const char *point = digits.len ? memchr(digits.ptr, '.', digits.len) : NULL;
    size_t whole = point ? (size_t)(point - digits.ptr) : digits.len, behind = point ? digits.len - whole - 1 : 0;
    c->whole = whole > c->whole ? whole : c->whole;
    c->behind = behind > c->behind ? behind : c->behind;
}

/* A cell's text, once it is known to be of the column's type. */
static weir_rc take(ft_parquet_file *f, column *c, weir_view text, weir_view *ret, err *e)
{
    enum { SHOWN = 60 };
    weir_sql_value v;
    *ret = text;
    if (c->type == WEIR_SQL_TEXT)
        return WEIR_OK;
    if (!ft_value_parse(c->type, text, &f->texts, &v))
        return f->texts.failed ? err_nomem(e)
                               : err_fail(e, WEIR_E_CONFIG, "column '%.*s': '%.*s' is no %s, as Parquet needs it", VIEW_ARG(c->as.name),
                                          (int)(text.len > SHOWN ? SHOWN : text.len), text.ptr, ft_sql_type_word(c->type));
    if (c->type == WEIR_SQL_DECIMAL) {
        *ret = v.text;
        measure(c, v.text);
    }
    return WEIR_OK;
}

weir_rc ft_parquet_row(ft_parquet_file *f, const ft_cell *cells, err *e)
{
    char why[WEIR_PARQUET_WHY] = "";
    weir_rc rc = WEIR_OK;
    arena_reset(&f->texts);
    for (size_t i = 0; !rc && i < f->count; i++) {
        weir_view *to = &f->row[i];
        *to = (weir_view){0};
        if (cells[i].kind == FT_CELL_UNMODIFIED)
            *to = f->unmodified;
        else if (cells[i].kind == FT_CELL_VALUE)
            rc = take(f, &f->columns[i], cells[i].text, to, e);
        if (cells[i].kind != FT_CELL_NULL && !to->ptr)
            *to = VIEW("");
        f->columns[i].marked |= cells[i].kind == FT_CELL_UNMODIFIED;
        f->size += to->len + 1;
    }
    if (!rc && (rc = f->api->row(f->writer, f->row, why)) != WEIR_OK)
        rc = ft_parquet_fail(rc, why, e);
    return rc;
}

uint64_t ft_parquet_size(const ft_parquet_file *f) { return f->size; }

static weir_parquet_column decided(const column *c)
{
    weir_parquet_column x = c->as;
    if (c->marked || (x.type == WEIR_SQL_DECIMAL && c->whole + c->behind > DIGITS))
        x.type = WEIR_SQL_TEXT;
    x.precision = (uint32_t)(c->whole + c->behind ? c->whole + c->behind : 1);
    x.scale = (uint32_t)c->behind;
    return x;
}

weir_rc ft_parquet_finish(ft_parquet_file *f, int *ret_fd, err *e)
{
    char why[WEIR_PARQUET_WHY] = "", path[FT_MEMORY_PATH];
    int fd = -1;
    weir_parquet_column *columns = arena_array(&f->names, f->count + 1, sizeof *columns);
    weir_rc rc = columns ? ft_memory_file(&fd, path, e) : err_nomem(e);
    for (size_t i = 0; !rc && i < f->count; i++)
        columns[i] = decided(&f->columns[i]);
    if (!rc && (rc = f->api->finish(f->writer, columns, path, why)) != WEIR_OK)
        rc = ft_parquet_fail(rc, why, e);
    if (rc && fd >= 0)
        close(fd);
    else if (!rc)
        *ret_fd = fd;
    return rc;
}
