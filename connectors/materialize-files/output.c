#include "output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "parquet.h"

typedef struct column {
    char *name, *pointer, *format, *encoding;
    lite_text quoted; /* "name": */
} column;

struct output {
    const output_settings *o;
    stage *stage;
    char *folder, *state_key;
    column *columns;
    parquet_column *described; /* the same for Parquet, and the operation */
    size_t count;
    weir_view *values;         /* of the row at hand, and the operation */
    int64_t seq;
    bool moved_on;             /* seq has changed since the state was told */
    /* the file at hand */
    sink *sink;
    parquet *parquet;
    char *path, *place;
    int64_t rows, bytes;
    lite_text line, scratch;
};

static weir_rc nomem(weir_task *t) { return weir_fail(t, WEIR_E_NOMEM, "out of memory"); }

static void adds(lite_text *x, const char *words) { lite_text_add(x, words, strlen(words)); }

static bool is_open(const output *x) { return x->sink || x->parquet; }

const char *output_folder(const weir_binding *b) { return ((const output_resource *)b->resource)->path; }

/* ---------------------------------------------------------------------------------------------------------------- names -- */

typedef struct name_parts {
    char date[16], time[16], seq[32], id[17];
} name_parts;

static const char *const parts[] = {"date", "time", "seq", "id"};
enum { PARTS = sizeof parts / sizeof *parts };

/* Which part stands at `at`, behind a brace; PARTS: none. */
static size_t part_at(const char *at)
{
    size_t i = 0;
    while (i < PARTS && (strncmp(at, parts[i], strlen(parts[i])) != 0 || at[strlen(parts[i])] != '}'))
        i++;
    return i;
}

const char *output_name_refused(const char *file_name)
{
    if (!strstr(file_name, "{id}"))
        return "must have {id} in it: without it two files could have one name";
    for (const char *brace = file_name; (brace = strchr(brace, '{')) != NULL; brace++)
        if (part_at(brace + 1) == PARTS)
            return "may have {date}, {time}, {seq} and {id} in it, and no other {";
    return stage_refused(file_name);
}

static void make_parts(const output *x, name_parts *p)
{
    struct timespec now;
    struct tm utc;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    strftime(p->date, sizeof p->date, "%Y-%m-%d", &utc);
    strftime(p->time, sizeof p->time, "%H%M%S", &utc);
    snprintf(p->seq, sizeof p->seq, "%010lld", (long long)x->seq);
    stage_id(p->id);
}

static const char *extension(const output *x)
{
    static const char *const formats[] = {[OUTPUT_NDJSON] = ".ndjson", [OUTPUT_CSV] = ".csv", [OUTPUT_PARQUET] = ".parquet"};
    return formats[x->o->format];
}

static const char *suffix(const output *x)
{
    if (x->o->format == OUTPUT_PARQUET)
        return "";
    return strcmp(x->o->compression, "gzip") == 0 ? ".gz" : strcmp(x->o->compression, "zstd") == 0 ? ".zst" : "";
}

/* Where the file is to be moved, to be freed. */
static char *make_place(const output *x)
{
    name_parts p;
    lite_text out = {0};
    make_parts(x, &p);
    const char *const texts[PARTS] = {p.date, p.time, p.seq, p.id};
    adds(&out, x->folder);
    adds(&out, "/");
    for (const char *at = x->o->file_name; *at; at++) {
        size_t part = *at == '{' ? part_at(at + 1) : PARTS;
        if (part == PARTS) {
            lite_text_add(&out, at, 1);
            continue;
        }
        adds(&out, texts[part]);
        at += strlen(parts[part]) + 1;
    }
    adds(&out, extension(x));
    adds(&out, suffix(x));
    lite_text_add(&out, "", 1);
    if (!out.failed)
        return out.ptr;
    lite_text_free(&out);
    return NULL;
}

/* -------------------------------------------------------------------------------------------------------------- writing -- */

static sink_codec codec_of(const output *x)
{
    return strcmp(x->o->compression, "gzip") == 0 ? SINK_GZIP : strcmp(x->o->compression, "zstd") == 0 ? SINK_ZSTD : SINK_PLAIN;
}

static weir_rc put_line(weir_task *t, output *x)
{
    if (x->line.failed || x->scratch.failed)
        return nomem(t);
    x->bytes += (int64_t)x->line.len;
    return sink_write(t, x->sink, x->line.ptr, x->line.len);
}

static bool has_operation(const output *x) { return x->o->operation[0] != 0; }

static bool is_blank(char c) { return c == ' ' || c == '\t'; }

/* Blanks around a field are part of it (RFC 4180), but not every reader knows. Empty, a text could not be told from none. */
static bool has_bare_edges(weir_view v) { return v.len && !is_blank(v.ptr[0]) && !is_blank(v.ptr[v.len - 1]); }

/* A field that RFC 4180 wants in quotes. */
static bool needs_quotes(weir_view v)
{
    if (!has_bare_edges(v))
        return true;
    for (size_t i = 0; i < v.len; i++)
        if (v.ptr[i] == '"' || v.ptr[i] == ',' || v.ptr[i] == '\n' || v.ptr[i] == '\r')
            return true;
    return false;
}

static char *put_quoted(char *at, weir_view v)
{
    *at++ = '"';
    for (const char *from = v.ptr, *end = v.ptr + v.len; from < end;) {
        const char *quote = memchr(from, '"', (size_t)(end - from)), *stop = quote ? quote + 1 : end;
        at = mempcpy(at, from, (size_t)(stop - from));
        if (quote)
            *at++ = '"';
        from = stop;
    }
    *at++ = '"';
    return at;
}

/* At most twice the length and two bytes. */
static char *put_field(char *at, weir_view v) { return needs_quotes(v) ? put_quoted(at, v) : mempcpy(at, v.ptr, v.len); }

/* A JSON string without escapes has neither quotes nor line ends in it. */
static char *put_string(output *x, char *at, weir_view json)
{
    weir_view inner = {json.ptr + 1, json.len - 2};
    if (memchr(inner.ptr, '\\', inner.len))
        return put_field(at, lite_value_read(json, (value_hint){0}, &x->scratch).bytes);
    return has_bare_edges(inner) && !memchr(inner.ptr, ',', inner.len) ? mempcpy(at, inner.ptr, inner.len) : put_quoted(at, inner);
}

/* Texts without their quotes, everything else as the document has it; nothing for null. */
static char *put_csv_value(output *x, char *at, weir_view json)
{
    x->scratch.len = 0;
    switch (json.len ? json.ptr[0] : 'n') {
    case 'n': return at;
    case '"': return put_string(x, at, json);
    case '{': case '[': return put_field(at, lite_value_read(json, (value_hint){0}, &x->scratch).bytes);
    default: return mempcpy(at, json.ptr, json.len);
    }
}

/* Room for a line of these values, and for decoding each of them. */
static bool make_room(output *x, const weir_view *values, size_t count)
{
    size_t need = 2, most = 0;
    for (size_t i = 0; i < count; i++) {
        need += 2 * values[i].len + 3;
        most = values[i].len > most ? values[i].len : most;
    }
    x->line.len = x->scratch.len = 0;
    return lite_text_reserve(&x->line, need) && lite_text_reserve(&x->scratch, most);
}

static weir_rc end_csv_line(weir_task *t, output *x, char *at)
{
    if (at == x->line.ptr) /* a line of nothing would be no row to most readers */
        at = put_quoted(at, (weir_view){"", 0});
    *at++ = '\r';
    *at++ = '\n';
    x->line.len = (size_t)(at - x->line.ptr);
    return put_line(t, x);
}

static weir_rc csv_begin(weir_task *t, output *x)
{
    const size_t count = x->count + has_operation(x);
    for (size_t i = 0; i < count; i++)
        x->values[i] = x->described[i].name;
    if (!make_room(x, x->values, count))
        return nomem(t);
    char *at = x->line.ptr;
    for (size_t i = 0; i < count; i++) {
        if (i)
            *at++ = ',';
        at = put_field(at, x->values[i]);
    }
    return end_csv_line(t, x, at);
}

static weir_rc csv_row(weir_task *t, output *x, const weir_row *row)
{
    const size_t count = x->count + has_operation(x);
    (void)row;
    if (!make_room(x, x->values, count))
        return nomem(t);
    char *at = x->line.ptr;
    for (size_t i = 0; i < count; i++) {
        if (i)
            *at++ = ',';
        at = put_csv_value(x, at, x->values[i]);
    }
    return end_csv_line(t, x, at);
}

static weir_rc fields_row(weir_task *t, output *x)
{
    const char *comma = "";
    x->line.len = 0;
    adds(&x->line, "{");
    for (size_t i = 0; i < x->count; i++) {
        weir_view v = x->values[i];
        if (!v.len)
            continue;
        x->scratch.len = 0;
        adds(&x->line, comma);
        lite_text_add(&x->line, x->columns[i].quoted.ptr, x->columns[i].quoted.len);
        bool nested = (v.ptr[0] == '{' || v.ptr[0] == '[') && lite_text_reserve(&x->scratch, v.len);
        if (nested)
            v = lite_value_read(v, (value_hint){0}, &x->scratch).bytes;
        lite_text_add(&x->line, v.ptr, v.len);
        comma = ",";
    }
    if (has_operation(x)) {
        adds(&x->line, comma);
        lite_value_quote(&x->line, (weir_view){x->o->operation, strlen(x->o->operation)});
        adds(&x->line, ":");
        lite_text_add(&x->line, x->values[x->count].ptr, x->values[x->count].len);
    }
    adds(&x->line, "}\n");
    return put_line(t, x);
}

/* The document: sent beside the columns, or as one of them. */
static weir_view document_of(const output *x, const weir_row *row)
{
    weir_view doc = row->doc;
    for (size_t i = 0; !doc.len && i < x->count; i++)
        if (!x->columns[i].pointer[0])
            doc = x->values[i];
    return doc.len && doc.ptr[0] == '{' ? doc : (weir_view){0};
}

static weir_rc ndjson_row(weir_task *t, output *x, const weir_row *row)
{
    weir_view doc = x->o->whole ? document_of(x, row) : (weir_view){0};
    if (!doc.len)
        return fields_row(t, x);
    if (row->op == WEIR_DELETE && strcmp(weir_json_text(t, doc, "/_meta/op", ""), "d") != 0)
        doc = weir_json_overlay(t, doc, (weir_view)WEIR_LIT("{\"_meta\":{\"op\":\"d\"}}"));
    if (!doc.len)
        return nomem(t);
    x->line.len = x->scratch.len = 0;
    if ((memchr(doc.ptr, '\n', doc.len) || memchr(doc.ptr, '\r', doc.len)) && lite_text_reserve(&x->scratch, doc.len))
        doc = lite_value_read(doc, (value_hint){0}, &x->scratch).bytes;
    lite_text_add(&x->line, doc.ptr, doc.len);
    adds(&x->line, "\n");
    return put_line(t, x);
}

static weir_rc ndjson_begin(weir_task *t, output *x)
{
    (void)t, (void)x;
    return WEIR_OK;
}

static weir_rc parquet_write(weir_task *t, output *x, const weir_row *row)
{
    (void)row;
    for (size_t i = 0; i < x->count; i++)
        x->bytes += (int64_t)x->values[i].len;
    return parquet_row(t, x->parquet, x->values);
}

static const struct {
    weir_rc (*begin)(weir_task *, output *);
    weir_rc (*row)(weir_task *, output *, const weir_row *);
} formats[] = {
    [OUTPUT_NDJSON] = {ndjson_begin, ndjson_row}, [OUTPUT_CSV] = {csv_begin, csv_row}, [OUTPUT_PARQUET] = {NULL, parquet_write},
};

/* ---------------------------------------------------------------------------------------------------------------- files -- */

static void forget_file(output *x)
{
    free(x->path);
    free(x->place);
    x->path = x->place = NULL;
    x->sink = NULL;
    x->parquet = NULL;
    x->rows = x->bytes = 0;
}

static weir_rc begin_file(weir_task *t, output *x)
{
    weir_rc rc = stage_path(t, x->stage, extension(x), &x->path);
    if (!rc)
        x->place = make_place(x);
    if (!rc && !x->place)
        rc = nomem(t);
    if (!rc && x->o->format == OUTPUT_PARQUET)
        rc = parquet_open(t, &x->parquet, x->described, x->count + has_operation(x));
    else if (!rc && !(rc = sink_open(t, &x->sink, x->path, codec_of(x))))
        rc = formats[x->o->format].begin(t, x);
    x->seq += !rc;
    x->moved_on |= !rc;
    return rc;
}

weir_rc output_finish(weir_task *t, output *x)
{
    if (!is_open(x))
        return WEIR_OK;
    weir_rc rc = x->parquet ? parquet_finish(t, x->parquet, x->path, x->o->compression) : sink_finish(t, x->sink);
    if (!rc)
        rc = stage_finished(t, x->stage, x->path, x->place);
    forget_file(x);
    return rc;
}

static bool is_full(const output *x)
{
    return (x->o->file_rows && x->rows >= x->o->file_rows) || x->bytes >= x->o->file_bytes;
}

static weir_rc store_row(weir_task *t, output *x, const weir_row *row)
{
    static const weir_view operations[] = {[WEIR_UPSERT] = WEIR_LIT("\"c\""), [WEIR_UPDATE] = WEIR_LIT("\"u\""), [WEIR_DELETE] = WEIR_LIT("\"d\"")};
    weir_rc rc = is_open(x) ? WEIR_OK : begin_file(t, x);
    if (rc)
        return rc;
    if (x->count)
        memcpy(x->values, row->values, x->count * sizeof *x->values);
    x->values[x->count] = operations[row->op];
    if (row->op != WEIR_UPSERT && !has_operation(x) && !(x->o->format == OUTPUT_NDJSON && x->o->whole))
        return weir_fail(t, WEIR_E_CONFIG, "a row is deleted or updated in part, and no column would say so: set \"operation_column\"");
    rc = formats[x->o->format].row(t, x, row);
    x->rows++;
    return rc || !is_full(x) ? rc : output_finish(t, x);
}

weir_rc output_store(weir_task *t, output *x, const weir_row *rows, size_t count)
{
    weir_rc rc = WEIR_OK;
    for (size_t i = 0; !rc && i < count; i++)
        rc = store_row(t, x, &rows[i]);
    return weir_wrap(t, rc, "files of \"%s\"", x->folder);
}

/* ------------------------------------------------------------------------------------------------------------- bindings -- */

static char *copy(weir_view v) { return strndup(v.ptr ? v.ptr : "", v.len); }
static weir_view view(const char *s) { return (weir_view){s, strlen(s)}; }

static bool copy_column(column *x, parquet_column *p, const weir_column *c)
{
    *x = (column){.name = copy(c->field), .pointer = copy(c->pointer), .format = copy(c->format), .encoding = copy(c->encoding)};
    if (!x->name || !x->pointer || !x->format || !x->encoding)
        return false;
    lite_value_quote(&x->quoted, c->field);
    adds(&x->quoted, ":");
    *p = (parquet_column){.name = view(x->name), .types = c->types, .format = view(x->format), .encoding = view(x->encoding)};
    return !x->quoted.failed;
}

static char *make_folder(const weir_binding *b)
{
    char *out;
    const char *path = output_folder(b);
    if (!b->backfill)
        return strdup(path);
    return asprintf(&out, "%s/v%u", path, (unsigned)b->backfill) < 0 ? NULL : out;
}

weir_rc output_new(weir_task *t, output **ret, const output_settings *o, stage *s, const weir_binding *b, const output *former)
{
    output *x = calloc(1, sizeof *x);
    if (!x)
        return nomem(t);
    x->o = o;
    x->stage = s;
    x->folder = make_folder(b);
    x->state_key = copy(b->state_key);
    x->columns = calloc(b->column_count + 1, sizeof *x->columns);
    x->described = calloc(b->column_count + 2, sizeof *x->described);
    x->values = calloc(b->column_count + 2, sizeof *x->values);
    bool ok = x->folder && x->state_key && x->columns && x->described && x->values;
    for (size_t i = 0; ok && i < b->column_count; i++)
        ok = copy_column(&x->columns[x->count++], &x->described[i], &b->columns[i]);
    if (!ok) {
        output_free(x);
        return nomem(t);
    }
    x->described[x->count] = (parquet_column){.name = view(o->operation), .types = WEIR_IS_STRING};
    x->seq = former ? former->seq : weir_json_int(weir_state(t), weir_format(t, "/seq/%s", x->state_key).ptr, 0);
    x->moved_on = former && former->moved_on;
    *ret = x;
    return WEIR_OK;
}

bool output_fits(const output *x, const weir_binding *b)
{
    bool same = x->count == b->column_count;
    for (size_t i = 0; same && i < x->count; i++) {
        const weir_column *c = &b->columns[i];
        same = strlen(x->columns[i].name) == c->field.len && (!c->field.len || memcmp(x->columns[i].name, c->field.ptr, c->field.len) == 0) &&
               x->described[i].types == c->types;
    }
    return same;
}

void output_remember(output *x, lite_text *out)
{
    char digits[32];
    if (!x->moved_on)
        return;
    snprintf(digits, sizeof digits, ":%lld", (long long)x->seq);
    adds(out, out->len ? "," : "");
    lite_value_quote(out, view(x->state_key));
    adds(out, digits);
    x->moved_on = false;
}

void output_free(output *x)
{
    if (!x)
        return;
    sink_drop(x->sink);
    parquet_drop(x->parquet);
    forget_file(x);
    for (size_t i = 0; i < x->count; i++) {
        free(x->columns[i].name);
        free(x->columns[i].pointer);
        free(x->columns[i].format);
        free(x->columns[i].encoding);
        lite_text_free(&x->columns[i].quoted);
    }
    free(x->columns);
    free(x->described);
    free(x->values);
    free(x->folder);
    free(x->state_key);
    lite_text_free(&x->line);
    lite_text_free(&x->scratch);
    free(x);
}
