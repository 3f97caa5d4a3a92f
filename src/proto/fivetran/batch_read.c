#include "proto/fivetran/batch_read.h"

#include <stdlib.h>

#include "proto/fivetran/batch_read_input.h"
#include "proto/fivetran/csv.h"
#include "proto/fivetran/parquet.h"

enum { CELLS = 16384 }; /* values that are handed out at once, about */

struct ft_batch_reader {
    char *path;
    const ft_batch_format *format;
    const weir_sql_column *columns; /* of the table */
    size_t count;
    bool *has;
    ft_input *input;
    buf bytes;      /* from `at` on not taken */
    size_t at;
    bool ended;     /* nothing more in input */
    ft_csv csv;
    ft_parquet *parquet;     /* NULL: it is CSV */
    weir_sql_value *raw;     /* rows as Parquet has them */
    size_t *places; /* for each column of the file: which of the table's */
    size_t width;   /* columns of the file */
    uint64_t row;   /* number of the last row that was taken */
    arena a;        /* of values, until the next call */
    weir_sql_value *values;
    size_t rows_max;
};

void ft_batch_reader_free(ft_batch_reader *r)
{
    if (!r)
        return;
    ft_input_free(r->input);
    buf_wipe(&r->bytes);
    ft_csv_free(&r->csv);
    ft_parquet_free(r->parquet);
    free(r->raw);
    arena_free(&r->a);
    free(r->path);
    free(r->has);
    free(r->places);
    free(r->values);
    free(r);
}

const bool *ft_batch_reader_has(const ft_batch_reader *r)
{
    return r->has;
}

static weir_rc in_file(ft_batch_reader *r, weir_rc rc, err *e)
{
    return err_wrap(e, rc, "batch file '%s'", r->path);
}

/* ------------------------------------------------------------------------------------------------------------------ rows -- */

/* Reads more behind what was not taken, which moves to the front. */
static weir_rc refill(ft_batch_reader *r, err *e)
{
    size_t n = 0;
    buf_drop(&r->bytes, r->at);
    r->at = 0;
    if (r->bytes.len > FT_CSV_ROW_MAX)
        return err_fail(e, WEIR_E_PROTOCOL, "row %llu has more than %d bytes", (unsigned long long)r->row + 1, (int)FT_CSV_ROW_MAX);
    size_t more = r->bytes.len > FT_INPUT_BLOCK ? r->bytes.len : FT_INPUT_BLOCK;
    if (!buf_reserve(&r->bytes, more))
        return err_nomem(e);
    while (more && !r->ended) {
        weir_rc rc = r->input->read(r->input, r->bytes.ptr + r->bytes.len, more, &n, e);
        if (rc)
            return rc;
        r->ended = n == 0;
        r->bytes.len += n;
        more -= n;
    }
    return WEIR_OK;
}

static weir_rc row_fault(const ft_batch_reader *r, ft_csv_status s, err *e)
{
    if (s == FT_CSV_NOMEM)
        return err_nomem(e);
    weir_rc rc = err_fail(e, WEIR_E_PROTOCOL, "field %zu: %s", r->csv.count + 1, ft_csv_problem(s));
    return r->places ? err_wrap(e, rc, "row %llu", (unsigned long long)r->row + 1) : err_wrap(e, rc, "header");
}

/* The next row into r->csv. @return WEIR_STOPPED: it is not in the bytes, or there is none */
static weir_rc take_row(ft_batch_reader *r, err *e)
{
    size_t used = 0;
    ft_csv_status s = ft_csv_next(&r->csv, r->bytes.ptr + r->at, r->bytes.len - r->at, r->ended, &used);
    if (s == FT_CSV_MORE || s == FT_CSV_END)
        return WEIR_STOPPED;
    if (s != FT_CSV_ROW)
        return row_fault(r, s, e);
    r->at += used;
    return WEIR_OK;
}

/* The same, reading what it needs. */
static weir_rc need_row(ft_batch_reader *r, err *e)
{
    weir_rc rc;
    while ((rc = r->bytes.ptr ? take_row(r, e) : WEIR_STOPPED) == WEIR_STOPPED && !(r->ended && r->at == r->bytes.len)) {
        rc = refill(r, e);
        if (rc)
            return rc;
    }
    return rc;
}

/* ---------------------------------------------------------------------------------------------------------------- header -- */

static size_t column_named(const ft_batch_reader *r, weir_view name)
{
    size_t i = 0;
    while (i < r->count && !view_eq(r->columns[i].name, name))
        i++;
    return i;
}

static weir_rc read_header(ft_batch_reader *r, err *e)
{
    weir_rc rc = r->parquet ? WEIR_OK : need_row(r, e);
    if (rc)
        return rc == WEIR_STOPPED ? err_fail(e, WEIR_E_PROTOCOL, "it has no header") : rc;
    const size_t width = r->parquet ? ft_parquet_columns(r->parquet) : r->csv.count;
    size_t *places = calloc(width + 1, sizeof *places);
    if (!places)
        return err_nomem(e);
    r->places = places;
    r->width = width;
    for (size_t i = 0; i < r->width; i++) {
        weir_view name = r->parquet ? ft_parquet_name(r->parquet, i) : r->csv.fields[i];
        places[i] = column_named(r, name);
        if (places[i] == r->count)
            return err_fail(e, WEIR_E_PROTOCOL, "header: '%.*s' is no column of the table", VIEW_ARG(name));
        if (r->has[places[i]])
            return err_fail(e, WEIR_E_PROTOCOL, "header: column '%.*s' comes twice", VIEW_ARG(name));
        r->has[places[i]] = true;
    }
    return WEIR_OK;
}

/* ---------------------------------------------------------------------------------------------------------------- values -- */

static weir_rc value_fault(ft_batch_reader *r, const weir_sql_column *c, weir_view text, err *e)
{
    enum { SHOWN = 60 };
    if (r->a.failed)
        return err_nomem(e);
    bool binary = c->type >= WEIR_SQL_BINARY; /* broken UTF-8 cannot be shown, and it is long */
    return binary ? err_fail(e, WEIR_E_PROTOCOL, "row %llu, column '%.*s': it is not %s", (unsigned long long)r->row, VIEW_ARG(c->name),
                             ft_sql_type_word(c->type))
                  : err_fail(e, WEIR_E_PROTOCOL, "row %llu, column '%.*s': '%.*s%s' is no %s", (unsigned long long)r->row, VIEW_ARG(c->name),
                             (int)(text.len > SHOWN ? SHOWN : text.len), text.ptr, text.len > SHOWN ? "..." : "", ft_sql_type_word(c->type));
}

static weir_rc read_values(ft_batch_reader *r, weir_sql_value *to, err *e)
{
    r->row++;
    if (r->csv.count != r->width)
        return err_fail(e, WEIR_E_PROTOCOL, "row %llu has %zu fields, the header has %zu", (unsigned long long)r->row, r->csv.count, r->width);
    if (r->width < r->count)
        memset(to, 0, r->count * sizeof *to);
    for (size_t i = 0; i < r->width; i++) {
        const weir_sql_column *c = &r->columns[r->places[i]];
        weir_sql_value *v = &to[r->places[i]];
        weir_view text = r->csv.fields[i];
        if (view_eq(text, r->format->null_string))
            *v = (weir_sql_value){0};
        else if (view_eq(text, r->format->unmodified_string) && text.len)
            *v = (weir_sql_value){.integer = FT_UNMODIFIED};
        else if (!ft_value_parse(c->type, text, &r->a, v))
            return value_fault(r, c, text, e);
    }
    return WEIR_OK;
}

/* A row of Parquet: in texts the marks count as they do in CSV. */
static weir_rc convert_values(ft_batch_reader *r, const weir_sql_value *from, weir_sql_value *to, err *e)
{
    r->row++;
    if (r->width < r->count)
        memset(to, 0, r->count * sizeof *to);
    for (size_t i = 0; i < r->width; i++) {
        const weir_sql_column *c = &r->columns[r->places[i]];
        weir_sql_value *v = &to[r->places[i]];
        const bool text = ft_parquet_is_text(&from[i]);
        if (text && from[i].text.len && view_eq(from[i].text, r->format->null_string))
            *v = (weir_sql_value){0};
        else if (text && from[i].text.len && view_eq(from[i].text, r->format->unmodified_string))
            *v = (weir_sql_value){.integer = FT_UNMODIFIED};
        else if (!ft_parquet_value(c->type, &from[i], &r->a, v))
            return value_fault(r, c, text ? from[i].text : VIEW("the value"), e);
    }
    return WEIR_OK;
}

static weir_rc next_of_parquet(ft_batch_reader *r, ft_rows *ret, err *e)
{
    size_t count = 0;
    weir_rc rc = ft_parquet_next(r->parquet, r->raw, r->rows_max, &count, e);
    for (size_t i = 0; !rc && i < count; i++)
        rc = convert_values(r, r->raw + i * r->width, r->values + i * r->count, e);
    ret->count = rc ? 0 : count;
    return in_file(r, rc, e);
}

weir_rc ft_batch_reader_next(ft_batch_reader *r, ft_rows *ret, err *e)
{
    *ret = (ft_rows){r->values, 0, r->row + 1};
    arena_reset(&r->a);
    if (r->parquet)
        return next_of_parquet(r, ret, e);
    weir_rc rc = need_row(r, e);
    while (!rc) {
        rc = read_values(r, r->values + ret->count++ * r->count, e);
        if (!rc)
            rc = ret->count < r->rows_max ? take_row(r, e) : WEIR_STOPPED;
    }
    return rc == WEIR_STOPPED ? WEIR_OK : in_file(r, rc, e);
}

/* ------------------------------------------------------------------------------------------------------------------ open -- */

static weir_rc open_layers(ft_batch_reader *r, weir_view key, err *e)
{
    ft_input *i = NULL;
    weir_rc rc = ft_input_file(r->path, &i, e);
    if (!rc && r->format->aes)
        rc = ft_input_aes(i, key, &i, e);
    if (!rc && r->format->packing == FT_PACKED_ZSTD)
        rc = ft_input_zstd(i, &i, e);
    if (!rc && r->format->packing == FT_PACKED_GZIP)
        rc = ft_input_gzip(i, &i, e);
    r->input = rc ? NULL : i;
    return rc;
}

/* What is in the layers says itself what it is; the name of the file does not (fivetran.md 2.5). */
static weir_rc open_parquet(ft_batch_reader *r, err *e)
{
    weir_rc rc = refill(r, e);
    if (rc || !ft_is_parquet(buf_view(&r->bytes)))
        return rc;
    rc = ft_parquet_open(&r->parquet, buf_view(&r->bytes), r->input, e);
    if (rc)
        return rc;
    buf_wipe(&r->bytes);
    const size_t width = ft_parquet_columns(r->parquet);
    r->raw = calloc(r->rows_max * (width + 1), sizeof *r->raw);
    return r->raw ? WEIR_OK : err_nomem(e);
}

weir_rc ft_batch_reader_open(ft_batch_reader **ret, const char *path, const ft_batch_format *format, weir_view key, const weir_sql_column *columns,
                             size_t count, err *e)
{
    ft_batch_reader *r = calloc(1, sizeof *r);
    if (!r)
        return err_nomem(e);
    size_t rows = count < CELLS ? CELLS / (count ? count : 1) : 1;
    *r = (ft_batch_reader){.format = format, .columns = columns, .count = count, .rows_max = rows, .path = strdup(path)};
    r->has = calloc(count + 1, sizeof *r->has);
    r->values = calloc(rows * (count + 1), sizeof *r->values);
    weir_rc rc = r->path && r->has && r->values ? open_layers(r, key, e) : err_nomem(e);
    if (!rc)
        rc = open_parquet(r, e);
    if (!rc)
        rc = read_header(r, e);
    if (rc) {
        if (r->path)
            in_file(r, rc, e);
        ft_batch_reader_free(r);
        return rc;
    }
    *ret = r;
    return WEIR_OK;
}
