/* Bindings as tables, and rows as lines of batch files (fivetran.md 2.4, 2.5). */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "json/number.h"
#include "json/pointer.h"
#include "json/scan.h"
#include "json/text.h"
#include "proto/fivetran/drive_loading.h"
#include "proto/fivetran/moment.h"

enum { FILE_BYTES = 64 << 20 /* of a file; platforms do not exceed 100 MB */ };

/* ---- columns ---- */

static ft_type type_of_text(const weir_column *c)
{
    if (view_is(c->encoding, "base64"))
        return FT_BINARY;
    return view_is(c->format, "date")                                           ? FT_NAIVE_DATE
           : view_is(c->format, "date-time")                                    ? FT_UTC_DATETIME
           : view_is(c->format, "number") || view_is(c->format, "integer")      ? FT_DECIMAL
                                                                                : FT_STRING;
}

/* What may hold all that the schema allows: objects and arrays are JSON, scalars of several types texts. */
static ft_type type_of(const weir_column *c)
{
    const unsigned types = c->types & ~(unsigned)WEIR_IS_NULL, numbers = WEIR_IS_INTEGER | WEIR_IS_NUMBER;
    if (!types || types & (WEIR_IS_ARRAY | WEIR_IS_OBJECT))
        return types || c->types == 0 ? FT_JSON : FT_STRING;
    if (types == WEIR_IS_BOOLEAN)
        return FT_BOOLEAN;
    if (types == WEIR_IS_INTEGER)
        return FT_LONG;
    if (!(types & ~numbers))
        return FT_DOUBLE;
    if (types == WEIR_IS_STRING)
        return type_of_text(c);
    if (!(types & ~(numbers | WEIR_IS_STRING)) && view_is(c->format, "number"))
        return FT_DOUBLE; /* whose texts are NaN and the infinities */
    return FT_STRING;
}

const ft_column *ft_target_column(const ft_table *t, weir_view name)
{
    for (size_t i = 0; i < t->count; i++)
        if (t->columns[i].name.len == name.len && strncasecmp(t->columns[i].name.ptr, name.ptr, name.len) == 0)
            return &t->columns[i];
    return NULL;
}

static bool is_like_ours(weir_view name)
{
    const weir_view ours = VIEW("_fivetran_");
    return name.len >= ours.len && strncasecmp(name.ptr, ours.ptr, ours.len) == 0;
}

/* Letters, digits and _ only, and no digit first (fivetran.md 2.3); ours begin with _fivetran_. */
static weir_view column_name(arena *a, const ft_table *t, weir_view field)
{
    char *name = arena_alloc(a, field.len + 24);
    size_t len = 0;
    if (!name)
        return (weir_view){0};
    if (field.len && ((unsigned char)(field.ptr[0] - '0') < 10 || is_like_ours(field)))
        name[len++] = '_';
    for (size_t i = 0; i < field.len; i++) {
        const unsigned char c = (unsigned char)field.ptr[i];
        const bool word = c >= 0x80 || (c | 0x20u) - 'a' < 26u || (unsigned)(c - '0') < 10u || c == '_';
        name[len++] = word ? (char)c : '_';
    }
    if (!len)
        name[len++] = '_';
    const size_t plain = len;
    for (unsigned n = 2; ft_target_column(t, (weir_view){name, len}); n++)
        len = plain + (size_t)snprintf(name + plain, 16, "_%u", n);
    return (weir_view){name, len};
}

static size_t add_own(ft_target *x, const char *name, ft_type type, bool key)
{
    x->t.columns[x->t.count] = (ft_column){.name = view_of(name), .type = type, .key = key};
    return x->t.count++;
}

static weir_rc make_columns(ft_target *x, const weir_binding *b, err *e)
{
    arena *a = &x->arena;
    x->t.columns = arena_array(a, b->column_count + 3, sizeof *x->t.columns);
    x->above = arena_array(a, b->column_count + 1, sizeof *x->above);
    x->cells = arena_array(a, b->column_count + 3, sizeof *x->cells);
    if (!x->t.columns || !x->above || !x->cells)
        return err_nomem(e);
    for (size_t i = 0; i < b->column_count; i++) {
        const weir_column *c = &b->columns[i];
        const char *second = c->pointer.len ? memchr(c->pointer.ptr + 1, '/', c->pointer.len - 1) : NULL;
        x->above[i] = second ? arena_dup(a, (weir_view){c->pointer.ptr, (size_t)(second - c->pointer.ptr)}) : (weir_view){0};
        x->has_document |= !c->pointer.len;
        const ft_column column = {.name = column_name(a, &x->t, c->field), .type = type_of(c), .key = !x->delta && i < b->key_count};
        x->t.columns[x->t.count++] = column;
    }
    x->given = x->t.count;
    x->id = x->delta ? add_own(x, FT_ID, FT_STRING, true) : SIZE_MAX;
    x->synced = add_own(x, FT_SYNCED, FT_UTC_DATETIME, false);
    x->deleted = x->soft && !x->delta ? add_own(x, FT_DELETED, FT_BOOLEAN, false) : SIZE_MAX;
    return a->failed ? err_nomem(e) : WEIR_OK;
}

ft_target *ft_target_make(const weir_binding *b, err *e)
{
    ft_target *x = calloc(1, sizeof *x);
    ft_resource where;
    if (!x) {
        err_nomem(e);
        return NULL;
    }
    weir_rc rc = ft_resource_of(&x->arena, b, &where, e);
    if (!rc) {
        x->t.schema = where.schema;
        x->t.name = where.table;
        x->soft = where.soft;
        x->delta = b->delta_updates || !b->key_count;
        x->key_of = arena_dup(&x->arena, b->state_key);
        rc = make_columns(x, b, e);
    }
    if (!rc)
        return x;
    ft_target_free(x);
    return NULL;
}

static void forget_files(ft_target *x)
{
    for (size_t k = 0; k < FT_FILE_KINDS; k++) {
        ft_batch_abort(x->files[k]);
        x->files[k] = NULL;
        buf_wipe(&x->written[k]);
    }
}

void ft_target_free(ft_target *x)
{
    if (!x)
        return;
    forget_files(x);
    arena_free(&x->arena);
    free(x);
}

/* ---- cells ---- */

static weir_view add_text(buf *text, size_t from)
{
    return (weir_view){text->ptr + from, text->len - from};
}

/* Instants are written in UTC; what is none is left to the destination to complain about. */
static void put_instant(buf *out, size_t from, ft_type type)
{
    char text[CLOCK_TEXT];
    int64_t seconds;
    uint32_t nanos;
    size_t len = ft_time_of_text(type, add_text(out, from), &seconds, &nanos) ? ft_text_of_time(type, seconds, (int32_t)nanos, text) : 0;
    if (!len)
        return;
    out->len = from;
    buf_add(out, text, len);
}

static bool view_is_digits(weir_view json)
{
    for (size_t i = 0; i < json.len; i++)
        if (!(json.ptr[i] == '-' || (json.ptr[i] >= '0' && json.ptr[i] <= '9')))
            return false;
    return true;
}

/* The value of a column as CSV has it, before quoting. `text` has room for it: what was put there before does not move. */
static ft_cell cell_of(ft_type type, weir_view json, buf *text)
{
    if (view_is(json, "null"))
        return (ft_cell){.kind = FT_CELL_NULL};
    int64_t whole;
    if (type == FT_LONG && !view_is_digits(json) && number_to_i64(json, &whole)) { /* 1.0, 1e3 */
        buf_reserve(text, NUMBER_TEXT);
        const size_t at = text->len;
        text->len += number_i64(text->ptr + at, whole);
        return (ft_cell){FT_CELL_VALUE, add_text(text, at)};
    }
    if (type == FT_JSON || *json.ptr != '"')
        return (ft_cell){FT_CELL_VALUE, json};
    const size_t from = text->len;
    json_unquote(text, (weir_view){json.ptr + 1, json.len - 2});
    if (type == FT_UTC_DATETIME)
        put_instant(text, from, type);
    return (ft_cell){FT_CELL_VALUE, add_text(text, from)};
}

/* ---- rows ---- */

static const char *const kind_names[] = {"upsert", "update", "delete"};

static weir_rc begin_file(ft_loading *l, ft_target *x, ft_file_kind kind, err *e)
{
    x->paths[kind] = arena_printf(&l->paths, "%s/%llu_%s.%s.zstd.aes", l->papers.dir, (unsigned long long)l->files++, kind_names[kind],
                                  l->options.parquet ? "parquet" : "csv").ptr;
    if (!x->paths[kind])
        return err_nomem(e);
    return ft_batch_open(&x->files[kind], x->paths[kind], &x->t, &l->options, e);
}

static weir_rc end_file(ft_target *x, ft_file_kind kind, err *e)
{
    ft_written w = {.path = view_of(x->paths[kind])};
    ft_batch_file *f = x->files[kind];
    if (!f)
        return WEIR_OK;
    x->files[kind] = NULL;
    weir_rc rc = ft_batch_close(f, w.key, e);
    if (!rc)
        buf_add(&x->written[kind], &w, sizeof w);
    explicit_bzero(w.key, sizeof w.key);
    return rc || buf_ok(&x->written[kind]) ? rc : err_nomem(e);
}

weir_rc ft_target_close(ft_target *x, err *e)
{
    weir_rc rc = WEIR_OK;
    for (unsigned k = 0; k < FT_FILE_KINDS && !rc; k++)
        rc = end_file(x, (ft_file_kind)k, e);
    return rc;
}

static ft_file_kind kind_of(const ft_target *x, weir_op op)
{
    if (x->delta || op == WEIR_UPSERT)
        return FT_REPLACE; /* where every row is an addition, so is a deletion */
    return op == WEIR_UPDATE || x->soft ? FT_CHANGE : FT_REMOVE;
}

/* Of a part what it has not stays; members of the document are replaced whole, so that a field inside of one that comes without it is gone. */
static ft_cell_kind absent(const ft_target *x, const weir_row *row, size_t i, ft_file_kind kind)
{
    if (kind != FT_CHANGE || row->op == WEIR_DELETE)
        return kind == FT_CHANGE ? FT_CELL_UNMODIFIED : FT_CELL_NULL;
    return x->above[i].len && pointer_find(row->doc, x->above[i]).len ? FT_CELL_NULL : FT_CELL_UNMODIFIED;
}

/* A key for rows that have none: what they hold, as the platform does it (fivetran.md 2.3). */
static weir_rc put_id(const weir_row *row, buf *text, ft_cell *ret, err *e)
{
    const size_t from = text->len;
    buf all = {0};
    char digest[FT_DIGEST_TEXT];
    for (size_t i = 0; !row->doc.len && i < row->binding->column_count; i++) {
        buf_addv(&all, row->values[i]);
        buf_addc(&all, '\0');
    }
    weir_rc rc = buf_ok(&all) ? ft_digest(row->doc.len ? row->doc : buf_view(&all), digest, e) : err_nomem(e);
    buf_free(&all);
    buf_adds(text, rc ? "" : digest);
    *ret = (ft_cell){FT_CELL_VALUE, add_text(text, from)};
    return rc;
}

static weir_rc fill_cells(ft_loading *l, ft_target *x, const weir_row *row, ft_file_kind kind, err *e)
{
    const bool keys_only = row->op == WEIR_DELETE && !x->delta;
    size_t need = FT_DIGEST_TEXT;
    for (size_t i = 0; i < x->given; i++)
        need += row->values[i].len + CLOCK_TEXT;
    buf_clear(&l->text);
    if (!buf_reserve(&l->text, need))
        return err_nomem(e);
    for (size_t i = 0; i < x->given; i++) {
        const bool has = row->values[i].len && (!keys_only || x->t.columns[i].key);
        x->cells[i] = has ? cell_of(x->t.columns[i].type, row->values[i], &l->text) : (ft_cell){.kind = absent(x, row, i, kind)};
        if (x->t.columns[i].key && x->cells[i].kind != FT_CELL_VALUE)
            return err_fail(e, WEIR_E_CONFIG, "a document has no value for the key column '%.*s'", VIEW_ARG(x->t.columns[i].name));
    }
    x->cells[x->synced] = (ft_cell){FT_CELL_VALUE, view_of(l->now)};
    if (x->deleted != SIZE_MAX)
        x->cells[x->deleted] = kind == FT_REPLACE           ? (ft_cell){FT_CELL_VALUE, VIEW("false")}
                               : row->op == WEIR_DELETE     ? (ft_cell){FT_CELL_VALUE, VIEW("true")}
                                                            : (ft_cell){.kind = FT_CELL_UNMODIFIED};
    return x->id == SIZE_MAX ? WEIR_OK : put_id(row, &l->text, &x->cells[x->id], e);
}

weir_rc ft_target_row(ft_loading *l, ft_target *x, const weir_row *row, err *e)
{
    const ft_file_kind kind = kind_of(x, row->op);
    if (row->op == WEIR_UPDATE && x->has_document && !x->delta)
        return err_fail(e, WEIR_E_CONFIG, "its source updates single fields of rows, and a column for whole documents cannot follow: leave flow_document out of the binding's fields");
    weir_rc rc = fill_cells(l, x, row, kind, e);
    if (!rc && x->files[kind] && ft_batch_size(x->files[kind]) >= FILE_BYTES)
        rc = end_file(x, kind, e);
    if (!rc && !x->files[kind])
        rc = begin_file(l, x, kind, e);
    return rc ? rc : ft_batch_row(x->files[kind], x->cells, e);
}

void ft_loading_tick(ft_loading *l, bool strictly)
{
    int64_t seconds;
    uint32_t nanos;
    clock_now(&seconds, &nanos);
    const int64_t now = seconds * 1000 + nanos / 1000000;
    l->now_ms = now > l->now_ms ? now : l->now_ms + strictly;
    size_t len = ft_text_of_time(FT_UTC_DATETIME, l->now_ms / 1000, (int32_t)(l->now_ms % 1000 * 1000000), l->now);
    l->now[len] = '\0';
}
