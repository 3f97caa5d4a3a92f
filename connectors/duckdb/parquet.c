/* Parquet files for the library (weir_parquet.h): DuckDB reads and writes them, in databases that live in memory only and may not spill. */
#include <weir_parquet.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "column.h"
#include "moment.h"
#include "value.h"

static weir_rc fail(char *why, weir_rc rc, const char *words)
{
    words = words ? words : "unknown error";
    snprintf(why, WEIR_PARQUET_WHY, "%.*s", (int)strcspn(words, "\n"), words);
    return rc;
}

static weir_rc no_memory(char *why) { return fail(why, WEIR_E_NOMEM, "out of memory"); }

/* ---------------------------------------------------------------------------------------------------------------- texts -- */

/* Text that grows; NULL without memory. */
typedef struct text {
    char *bytes;
    size_t len, room;
    bool failed;
} text;

static void add(text *t, const char *bytes, size_t len)
{
    if (t->len + len + 1 > t->room && !t->failed) {
        size_t room = 2 * (t->len + len + 64);
        char *grown = realloc(t->bytes, room);
        t->failed = !grown;
        t->bytes = grown ? grown : t->bytes;
        t->room = grown ? room : t->room;
    }
    if (t->failed)
        return;
    memcpy(t->bytes + t->len, bytes, len);
    t->len += len;
    t->bytes[t->len] = 0;
}

static void adds(text *t, const char *words) { add(t, words, strlen(words)); }

/* Between quotes, those within doubled. */
static void add_quoted(text *t, char quote, weir_view v)
{
    add(t, &quote, 1);
    for (size_t i = 0; i < v.len; i++) {
        if (v.ptr[i] == quote)
            add(t, &quote, 1);
        add(t, v.ptr + i, 1);
    }
    add(t, &quote, 1);
}

static weir_view view(const char *words) { return (weir_view){words, strlen(words)}; }

/* ------------------------------------------------------------------------------------------------------------- databases -- */

typedef struct base {
    duckdb_database database;
    duckdb_connection connection;
} base;

static void base_close(base *b)
{
    if (b->connection)
        duckdb_disconnect(&b->connection);
    if (b->database)
        duckdb_close(&b->database);
}

static weir_rc code_of(duckdb_error_type type, weir_rc otherwise)
{
    return type == DUCKDB_ERROR_OUT_OF_MEMORY ? WEIR_E_NOMEM : type == DUCKDB_ERROR_INTERNAL || type == DUCKDB_ERROR_FATAL ? WEIR_E_BUG : otherwise;
}

static weir_rc base_run(base *b, const text *sql, weir_rc otherwise, char *why)
{
    duckdb_result r;
    if (sql->failed)
        return no_memory(why);
    weir_rc rc = WEIR_OK;
    if (duckdb_query(b->connection, sql->bytes, &r) == DuckDBError)
        rc = fail(why, code_of(duckdb_result_error_type(&r), otherwise), duckdb_result_error(&r));
    duckdb_destroy_result(&r);
    return rc;
}

/* One thread: rows stay in their order, and calls of a server do not take all processors. Nothing spills to a disk, nothing is fetched, and a file that claims to
 * be huge does not take the machine's memory. */
static const char *const settings[][2] = {
    {"threads", "1"}, {"memory_limit", "2GB"}, {"temp_directory", ""}, {"autoinstall_known_extensions", "false"}, {"autoload_known_extensions", "false"},
};

static weir_rc base_open(base *b, char *why)
{
    duckdb_config c = NULL;
    char *words = NULL;
    bool ok = duckdb_create_config(&c) == DuckDBSuccess;
    for (size_t i = 0; ok && i < sizeof settings / sizeof *settings; i++)
        ok = duckdb_set_config(c, settings[i][0], settings[i][1]) == DuckDBSuccess;
    weir_rc rc = ok ? WEIR_OK : fail(why, WEIR_E_BUG, "DuckDB refuses a setting");
    if (!rc && duckdb_open_ext(NULL, &b->database, c, &words) == DuckDBError)
        rc = fail(why, WEIR_E_NOMEM, words);
    if (!rc && duckdb_connect(b->database, &b->connection) == DuckDBError)
        rc = fail(why, WEIR_E_NOMEM, "DuckDB cannot be connected to");
    duckdb_free(words);
    duckdb_destroy_config(&c);
    if (!rc)
        rc = base_run(b, &(text){.bytes = (char *)(size_t)"SET TimeZone = 'UTC'"}, WEIR_E_BUG, why);
    return rc;
}

/* -------------------------------------------------------------------------------------------------------------- reading -- */

struct weir_parquet_reader {
    base base;
    duckdb_prepared_statement prepared;
    duckdb_result result;
    bool has_result;
    size_t columns;
    duckdb_logical_type *types;
    duckdb_data_chunk chunk; /* rows from `at` on were not handed out */
    idx_t at, count;
    char *room;              /* for texts of `room_rows` rows */
    size_t room_rows;
};

static void reader_close(weir_parquet_reader *r)
{
    if (!r)
        return;
    if (r->chunk)
        duckdb_destroy_data_chunk(&r->chunk);
    for (size_t i = 0; r->types && i < r->columns; i++)
        duckdb_destroy_logical_type(&r->types[i]);
    if (r->has_result)
        duckdb_destroy_result(&r->result);
    duckdb_destroy_prepare(&r->prepared);
    base_close(&r->base);
    free(r->types);
    free(r->room);
    free(r);
}

static weir_rc prepare(weir_parquet_reader *r, const text *sql, char *why)
{
    duckdb_destroy_prepare(&r->prepared);
    if (sql->failed)
        return no_memory(why);
    if (duckdb_prepare(r->base.connection, sql->bytes, &r->prepared) == DuckDBSuccess)
        return WEIR_OK;
    return fail(why, WEIR_E_PROTOCOL, duckdb_prepare_error(r->prepared));
}

/* How a column that duck_take() does not know becomes one that it does: `%` is its name. */
static const struct {
    duckdb_type type;
    const char *as; /* NULL: not at all */
} casts[] = {
    {DUCKDB_TYPE_TIMESTAMP_NS, "strftime(%, '%Y-%m-%dT%H:%M:%S.%n')"}, {DUCKDB_TYPE_TIMESTAMP_MS, "CAST(% AS TIMESTAMP)"},
    {DUCKDB_TYPE_TIMESTAMP_S, "CAST(% AS TIMESTAMP)"}, {DUCKDB_TYPE_UHUGEINT, "CAST(% AS VARCHAR)"}, {DUCKDB_TYPE_UUID, "CAST(% AS VARCHAR)"},
    {DUCKDB_TYPE_ENUM, "CAST(% AS VARCHAR)"}, {DUCKDB_TYPE_LIST, NULL}, {DUCKDB_TYPE_STRUCT, NULL}, {DUCKDB_TYPE_MAP, NULL}, {DUCKDB_TYPE_ARRAY, NULL},
    {DUCKDB_TYPE_UNION, NULL}, {DUCKDB_TYPE_INTERVAL, NULL}, {DUCKDB_TYPE_BIT, NULL},
};

/* @return false: such columns are not read */
static bool add_column(text *sql, duckdb_type type, weir_view name)
{
    const char *as = "%";
    for (size_t i = 0; i < sizeof casts / sizeof *casts; i++)
        if (casts[i].type == type)
            as = casts[i].as;
    bool known = as != NULL, put = false;
    for (; as && *as; as++) {
        if (*as == '%' && !put) {
            add_quoted(sql, '"', name);
            put = true;
        } else {
            add(sql, as, 1);
        }
    }
    if (known && type != DUCKDB_TYPE_INVALID) {
        adds(sql, " AS ");
        add_quoted(sql, '"', name);
    }
    return known;
}

static void add_file(text *sql, const char *path)
{
    adds(sql, " FROM read_parquet(");
    add_quoted(sql, '\'', view(path));
    adds(sql, ", hive_partitioning = false)");
}

/* The columns are known when the whole file is asked for; those that need it are cast then. */
static weir_rc plan(weir_parquet_reader *r, const char *path, char *why)
{
    text all = {0}, cast = {0};
    adds(&all, "SELECT *");
    adds(&cast, "SELECT ");
    add_file(&all, path);
    weir_rc rc = prepare(r, &all, why);
    r->columns = rc ? 0 : duckdb_prepared_statement_column_count(r->prepared);
    for (size_t i = 0; !rc && i < r->columns; i++) {
        const char *name = duckdb_prepared_statement_column_name(r->prepared, i);
        if (i)
            adds(&cast, ", ");
        if (!add_column(&cast, duckdb_prepared_statement_column_type(r->prepared, i), view(name ? name : ""))) {
            snprintf(why, WEIR_PARQUET_WHY, "column '%.200s' holds several values in one", name ? name : "");
            rc = WEIR_E_PROTOCOL;
        }
        duckdb_free((void *)(size_t)name);
    }
    add_file(&cast, path);
    rc = rc ? rc : prepare(r, &cast, why);
    free(all.bytes);
    free(cast.bytes);
    return rc;
}

static weir_rc start(weir_parquet_reader *r, char *why)
{
    if (duckdb_execute_prepared_streaming(r->prepared, &r->result) == DuckDBError) {
        weir_rc rc = fail(why, code_of(duckdb_result_error_type(&r->result), WEIR_E_PROTOCOL), duckdb_result_error(&r->result));
        duckdb_destroy_result(&r->result);
        return rc;
    }
    r->has_result = true;
    r->columns = duckdb_column_count(&r->result);
    r->types = calloc(r->columns + 1, sizeof *r->types);
    for (size_t i = 0; r->types && i < r->columns; i++)
        r->types[i] = duckdb_column_logical_type(&r->result, i);
    return r->types ? WEIR_OK : no_memory(why);
}

static weir_rc reader_open(weir_parquet_reader **ret, const char *path, char *why)
{
    weir_parquet_reader *r = calloc(1, sizeof *r);
    if (!r)
        return no_memory(why);
    weir_rc rc = base_open(&r->base, why);
    if (!rc)
        rc = plan(r, path, why);
    if (!rc)
        rc = start(r, why);
    if (rc)
        reader_close(r);
    else
        *ret = r;
    return rc;
}

static size_t reader_columns(const weir_parquet_reader *r) { return r->columns; }

static weir_view reader_name(const weir_parquet_reader *r, size_t column)
{
    const char *name = duckdb_column_name((duckdb_result *)(size_t)&r->result, column);
    return view(name ? name : "");
}

static weir_rc refill(weir_parquet_reader *r, char *why)
{
    r->at = r->count = 0;
    do {
        if (r->chunk)
            duckdb_destroy_data_chunk(&r->chunk);
        r->chunk = duckdb_fetch_chunk(r->result);
        r->count = r->chunk ? duckdb_data_chunk_get_size(r->chunk) : 0;
    } while (r->chunk && !r->count);
    if (!r->chunk && duckdb_result_error(&r->result))
        return fail(why, code_of(duckdb_result_error_type(&r->result), WEIR_E_PROTOCOL), duckdb_result_error(&r->result));
    return WEIR_OK;
}

static bool make_room(weir_parquet_reader *r, size_t rows)
{
    char *room = rows <= r->room_rows ? r->room : realloc(r->room, rows * r->columns * DUCK_TEXT + 1);
    if (!room)
        return false;
    r->room = room;
    r->room_rows = rows > r->room_rows ? rows : r->room_rows;
    return true;
}

static weir_rc reader_next(weir_parquet_reader *r, weir_sql_value *values, size_t max, size_t *ret_count, char *why)
{
    weir_rc rc = r->at < r->count ? WEIR_OK : refill(r, why);
    size_t count = r->count - r->at < max ? r->count - r->at : max;
    *ret_count = 0;
    if (!rc && !make_room(r, count))
        rc = no_memory(why);
    for (size_t c = 0; !rc && count && c < r->columns; c++) {
        duckdb_vector v = duckdb_data_chunk_get_vector(r->chunk, c);
        for (size_t i = 0; !rc && i < count; i++)
            if (!duck_take(v, r->types[c], r->at + i, r->room + (i * r->columns + c) * DUCK_TEXT, &values[i * r->columns + c]))
                rc = fail(why, WEIR_E_PROTOCOL, "a column is of a type that cannot be read");
    }
    r->at += rc ? 0 : count;
    *ret_count = rc ? 0 : count;
    return rc;
}

/* -------------------------------------------------------------------------------------------------------------- writing -- */

struct weir_parquet_writer {
    base base;
    duckdb_appender appender;
    size_t columns;
};

static void writer_drop(weir_parquet_writer *w)
{
    if (!w)
        return;
    if (w->appender)
        duckdb_appender_destroy(&w->appender);
    base_close(&w->base);
    free(w);
}

static weir_rc writer_begin(weir_parquet_writer **ret, size_t columns, char *why)
{
    text sql = {0};
    weir_parquet_writer *w = calloc(1, sizeof *w);
    if (!w)
        return no_memory(why);
    w->columns = columns;
    adds(&sql, "CREATE TABLE weir_rows (");
    for (size_t i = 0; i < columns; i++) {
        char one[48];
        snprintf(one, sizeof one, "%sc%zu VARCHAR", i ? ", " : "", i);
        adds(&sql, one);
    }
    adds(&sql, ")");
    weir_rc rc = base_open(&w->base, why);
    if (!rc)
        rc = base_run(&w->base, &sql, WEIR_E_BUG, why);
    if (!rc && duckdb_appender_create(w->base.connection, NULL, "weir_rows", &w->appender) == DuckDBError)
        rc = fail(why, WEIR_E_NOMEM, w->appender ? duckdb_appender_error(w->appender) : NULL);
    free(sql.bytes);
    if (rc)
        writer_drop(w);
    else
        *ret = w;
    return rc;
}

static weir_rc writer_row(weir_parquet_writer *w, const weir_view *texts, char *why)
{
    bool ok = true;
    for (size_t i = 0; ok && i < w->columns; i++)
        ok = (texts[i].ptr ? duckdb_append_varchar_length(w->appender, texts[i].ptr, texts[i].len) : duckdb_append_null(w->appender)) == DuckDBSuccess;
    ok = ok && duckdb_appender_end_row(w->appender) == DuckDBSuccess;
    return ok ? WEIR_OK : fail(why, WEIR_E_NOMEM, duckdb_appender_error(w->appender));
}

/* As JSON has it; zeros in front are let pass. */
static bool is_plain_number(weir_view v)
{
    size_t i = v.len && v.ptr[0] == '-', first = i;
    while (i < v.len && v.ptr[i] >= '0' && v.ptr[i] <= '9')
        i++;
    bool any = i > first;
    if (i < v.len && v.ptr[i] == '.')
        for (i++; i < v.len && v.ptr[i] >= '0' && v.ptr[i] <= '9'; i++)
            any = true;
    if (any && i < v.len && (v.ptr[i] == 'e' || v.ptr[i] == 'E')) {
        i += 1 + (i + 1 < v.len && (v.ptr[i + 1] == '-' || v.ptr[i + 1] == '+'));
        for (any = false; i < v.len && v.ptr[i] >= '0' && v.ptr[i] <= '9'; i++)
            any = true;
    }
    return any && i == v.len;
}

typedef bool read_text(weir_view text, int scale, void *to);

/* A function of a column of texts. */
static void each_text(duckdb_function_info info, duckdb_data_chunk in, duckdb_vector out, read_text *read, size_t size, const char *what)
{
    const int scale = (int)(intptr_t)duckdb_scalar_function_get_extra_info(info);
    duckdb_vector texts = duckdb_data_chunk_get_vector(in, 0);
    duckdb_string_t *from = duckdb_vector_get_data(texts);
    uint64_t *valid = duckdb_vector_get_validity(texts);
    for (idx_t i = 0; i < duckdb_data_chunk_get_size(in); i++) {
        weir_view v = {duckdb_string_t_data(&from[i]), duckdb_string_t_length(from[i])};
        if (valid && !duckdb_validity_row_is_valid(valid, i)) {
            duckdb_vector_ensure_validity_writable(out);
            duckdb_validity_set_row_invalid(duckdb_vector_get_validity(out), i);
        } else if (!read(v, scale, (char *)duckdb_vector_get_data(out) + i * size)) {
            char why[160];
            snprintf(why, sizeof why, "'%.*s' is no %s", (int)(v.len < 60 ? v.len : 60), v.ptr, what);
            duckdb_scalar_function_set_error(info, why);
            return;
        }
    }
}

static bool read_decimal(weir_view v, int scale, void *to)
{
    digits d;
    return is_plain_number(v) && digits_take(v, &d) && duck_scaled(&d, scale, to);
}

/* DuckDB's own cast of texts to decimals of 38 digits takes thirty microseconds for each. */
static void to_decimals(duckdb_function_info info, duckdb_data_chunk in, duckdb_vector out)
{
    each_text(info, in, out, read_decimal, sizeof(duckdb_hugeint), "decimal of 38 digits and its column's scale");
}

static bool read_moment(weir_view v, int scale, void *to)
{
    (void)scale;
    return moment_read(v, to);
}

/* DuckDB's own cast drops the offset, or asks for the rules of time zones. */
static void to_moments(duckdb_function_info info, duckdb_data_chunk in, duckdb_vector out)
{
    each_text(info, in, out, read_moment, sizeof(int64_t), "date-time (RFC 3339)");
}

/* Makes NAME(VARCHAR) of a type. */
static weir_rc add_function(base *b, const char *name, duckdb_scalar_function_t work, duckdb_logical_type type, uint32_t scale, char *why)
{
    duckdb_scalar_function f = duckdb_create_scalar_function();
    duckdb_logical_type varchar = duckdb_create_logical_type(DUCKDB_TYPE_VARCHAR);
    duckdb_scalar_function_set_name(f, name);
    duckdb_scalar_function_add_parameter(f, varchar);
    duckdb_scalar_function_set_return_type(f, type);
    duckdb_scalar_function_set_extra_info(f, (void *)(intptr_t)scale, NULL);
    duckdb_scalar_function_set_function(f, work);
    duckdb_state state = duckdb_register_scalar_function(b->connection, f);
    duckdb_destroy_logical_type(&varchar);
    duckdb_destroy_logical_type(&type);
    duckdb_destroy_scalar_function(&f);
    return state == DuckDBSuccess ? WEIR_OK : fail(why, WEIR_E_BUG, "DuckDB refuses a function");
}

/* weir_moment(VARCHAR) -> TIMESTAMPTZ, weir_decimal_S(VARCHAR) -> DECIMAL(38,S) */
static weir_rc add_functions(base *b, const weir_parquet_column *columns, size_t count, char *why)
{
    bool done[DUCK_DIGITS + 1] = {false};
    weir_rc rc = add_function(b, "weir_moment", to_moments, duckdb_create_logical_type(DUCKDB_TYPE_TIMESTAMP_TZ), 0, why);
    for (size_t i = 0; !rc && i < count; i++) {
        char name[32];
        uint32_t scale = columns[i].scale;
        if (columns[i].type != WEIR_SQL_DECIMAL || scale > DUCK_DIGITS || done[scale])
            continue;
        done[scale] = true;
        snprintf(name, sizeof name, "weir_decimal_%u", (unsigned)scale);
        rc = add_function(b, name, to_decimals, duckdb_create_decimal_type(DUCK_DIGITS, (uint8_t)scale), scale, why);
    }
    return rc;
}

static void add_typed(text *sql, size_t at, const weir_parquet_column *c)
{
    static const char *const names[] = {
        [WEIR_SQL_BOOLEAN] = "BOOLEAN", [WEIR_SQL_INT] = "INTEGER", [WEIR_SQL_LONG] = "BIGINT", [WEIR_SQL_FLOAT] = "FLOAT", [WEIR_SQL_DOUBLE] = "DOUBLE",
        [WEIR_SQL_DATE] = "DATE",
    };
    char one[96];
    const char *name = (size_t)c->type < sizeof names / sizeof *names ? names[c->type] : NULL;
    if (name)
        snprintf(one, sizeof one, "CAST(c%zu AS %s) AS ", at, name);
    else if (c->type == WEIR_SQL_DECIMAL)
        snprintf(one, sizeof one, "CAST(weir_decimal_%u(c%zu) AS DECIMAL(%u,%u)) AS ", (unsigned)c->scale, at, (unsigned)c->precision, (unsigned)c->scale);
    else if (c->type == WEIR_SQL_TIMESTAMP)
        snprintf(one, sizeof one, "weir_moment(c%zu) AS ", at);
    else
        snprintf(one, sizeof one, c->type == WEIR_SQL_BINARY ? "from_base64(c%zu) AS " : "c%zu AS ", at);
    adds(sql, one);
    add_quoted(sql, '"', c->name);
}

static weir_rc writer_finish_as(weir_parquet_writer *w, const weir_parquet_column *columns, const char *path, const char *compression, char *why)
{
    text sql = {0};
    if (duckdb_appender_close(w->appender) == DuckDBError)
        return fail(why, WEIR_E_NOMEM, duckdb_appender_error(w->appender));
    weir_rc rc = add_functions(&w->base, columns, w->columns, why);
    if (rc)
        return rc;
    adds(&sql, "COPY (SELECT ");
    for (size_t i = 0; i < w->columns; i++) {
        if (i)
            adds(&sql, ", ");
        add_typed(&sql, i, &columns[i]);
    }
    adds(&sql, " FROM weir_rows) TO ");
    add_quoted(&sql, '\'', view(path));
    adds(&sql, " (FORMAT parquet, COMPRESSION ");
    adds(&sql, compression);
    adds(&sql, ", USE_TMP_FILE false)");
    rc = base_run(&w->base, &sql, WEIR_E_CONFIG, why);
    free(sql.bytes);
    return rc;
}

/* Compression is the layer around it. */
static weir_rc writer_finish(weir_parquet_writer *w, const weir_parquet_column *columns, const char *path, char *why)
{
    return writer_finish_as(w, columns, path, "uncompressed", why);
}

const weir_parquet *weir_duckdb_parquet(void)
{
    static const weir_parquet functions = {
        .abi = WEIR_PARQUET_ABI, .open = reader_open, .columns = reader_columns, .name = reader_name, .next = reader_next, .close = reader_close,
        .begin = writer_begin, .row = writer_row, .finish = writer_finish, .drop = writer_drop,
        .finish_as = writer_finish_as,
    };
    return &functions;
}
