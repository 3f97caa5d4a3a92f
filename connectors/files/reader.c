#include "reader.h"

#include <stdlib.h>

enum { HEAD = 256 << 10 }; /* what is looked at to tell formats and dialects */

static reader_status fail(reader *r, reader_status status, weir_rc rc, const char *what)
{
    strbuf_clear(&r->problem);
    strbuf_adds(&r->problem, what);
    r->rc = rc;
    return status;
}

static reader_status no_memory(reader *r) { return fail(r, READER_BROKEN, WEIR_E_NOMEM, "cannot be read: out of memory"); }

static reader_status stream_failed(reader *r, const stream_problem *p)
{
    fail(r, p->cut_off ? READER_CUT : READER_BROKEN, p->rc, p->what);
    if (p->error)
        strbuf_printf(&r->problem, ": %s", strerror(p->error));
    return p->cut_off ? READER_CUT : READER_BROKEN;
}

/* Lets the window grow until it holds `want` bytes or all there are. @return READER_ROW, or what went wrong */
static reader_status look_ahead(reader *r, size_t want)
{
    while (stream_window(r->in).len < want && !stream_ended(r->in))
        if (stream_more(r->in) < 0)
            return stream_failed(r, stream_error(r->in));
    return READER_ROW;
}

/* A row did not fit the window. @return READER_ROW if it can be gone on */
static reader_status more(reader *r)
{
    int grown = stream_more(r->in);
    if (grown < 0)
        return stream_failed(r, stream_error(r->in));
    if (!grown && (r->format != READER_DOCUMENT || !json_rows_let_go(&r->json)))
        return fail(r, READER_BROKEN, WEIR_E_REMOTE,
                    r->format == READER_CSV ? "has a row of more than 64 MiB; is a quote not closed?"
                                            : "has a row of more than 64 MiB");
    return READER_ROW;
}

/* ----------------------------------------------------------------------------------------------------------------- CSV -- */

static char one_sign(const char *setting)
{
    return text_is(setting, "tab") ? '\t' : text_is(setting, "none") ? 0 : *setting;
}

/* Takes whole physical lines, as skip_lines wants. */
static reader_status skip_lines(reader *r, int64_t count)
{
    while (count > 0) {
        weir_view w = stream_window(r->in);
        const char *end = w.len ? memchr(w.ptr, '\n', w.len) : NULL;
        if (!end && stream_ended(r->in)) {
            stream_use(r->in, w.len);
            return READER_ROW;
        }
        if (!end) {
            reader_status status = more(r);
            if (status != READER_ROW)
                return status;
            continue;
        }
        stream_use(r->in, (size_t)(end + 1 - w.ptr));
        r->lines++;
        count--;
    }
    return READER_ROW;
}

/* The settings decide; what they leave open is what an earlier run has found, or is guessed. */
static bool settle_dialect(reader *r, csv_dialect *d, const reader_place *from)
{
    const csv_settings *s = &r->settings->csv;
    weir_view w = stream_window(r->in);
    bool known = from && from->dialect[0];
    unsigned open = (text_is(s->delimiter, "auto") ? CSV_SNIFF_DELIMITER : 0) | (text_is(s->header, "auto") ? CSV_SNIFF_HEADER : 0);
    *d = (csv_dialect){one_sign(s->delimiter), one_sign(s->quote), text_is(s->header, "yes")};
    if (known && open & CSV_SNIFF_DELIMITER)
        d->delimiter = from->dialect[0];
    if (known && open & CSV_SNIFF_HEADER)
        d->header = from->dialect[2] == '1';
    return known || csv_sniff(w.ptr, w.len, stream_ended(r->in), open, d);
}

static reader_status record_status(reader *r, const csv_parser *p, csv_status status)
{
    r->passable = status == CSV_UNCLOSED;
    if (status == CSV_UNCLOSED)
        return fail(r, READER_CUT, WEIR_E_REMOTE, "has a quote that is not closed");
    if (status != CSV_STRAY)
        return status == CSV_ROW ? READER_ROW : READER_END;
    fail(r, READER_BAD, WEIR_E_REMOTE, "");
    strbuf_printf(&r->problem, "has text behind the closing quote of field %zu", p->count + 1);
    return READER_BAD;
}

/* Parses the next record, whatever its width. READER_END: there is none. */
static reader_status next_record(reader *r, csv_parser *p, bool use)
{
    for (;;) {
        weir_view w = stream_window(r->in);
        size_t used = 0;
        csv_status status = csv_next(p, w.ptr, w.len, stream_ended(r->in), &used);
        if (status == CSV_NOMEM)
            return no_memory(r);
        if (status != CSV_MORE) {
            if (use)
                stream_use(r->in, used);
            r->row_line = p->line;
            r->ended = p->ended;
            return record_status(r, p, status);
        }
        reader_status grown = more(r);
        if (grown != READER_ROW)
            return grown;
    }
}

static bool name_taken(const reader *r, size_t count, weir_view name)
{
    if (view_says(name, "_meta"))
        return true;
    for (size_t i = 0; i < count; i++)
        if (view_same(r->columns[i], name))
            return true;
    return false;
}

/* Appends a column's name, made unique: a second "x" becomes "x_2". Offsets for now: the bytes still move. */
static void add_name(reader *r, size_t i, weir_view wanted)
{
    size_t at = r->names.len;
    strbuf_addv(&r->names, wanted);
    if (!wanted.len)
        strbuf_printf(&r->names, "column_%zu", i + 1);
    size_t plain = r->names.len;
    for (unsigned n = 2; !r->names.failed; n++) {
        r->columns[i] = (weir_view){r->names.ptr + at, r->names.len - at};
        if (!name_taken(r, i, r->columns[i]))
            return;
        r->names.len = plain;
        strbuf_printf(&r->names, "_%u", n);
    }
}

/* Names the columns: by the settings, by the header (NULL: none), by number. */
static reader_status name_columns(reader *r, const csv_parser *header, size_t count)
{
    const weir_list *given = &r->settings->csv.columns;
    size_t room = 0;
    if (given->count > count) {
        fail(r, READER_BROKEN, WEIR_E_CONFIG, "");
        strbuf_printf(&r->problem, "has %zu columns, but the settings name %zu", count, given->count);
        return READER_BROKEN;
    }
    for (size_t i = 0; i < count; i++)
        room += 32 + (i < given->count ? strlen(list_text(given, i)) : header ? header->fields[i].len : 0);
    r->columns = calloc(count + 1, sizeof *r->columns);
    r->column_count = count;
    if (!r->columns || !strbuf_reserve(&r->names, room)) /* so the names do not move */
        return no_memory(r);
    for (size_t i = 0; i < count; i++) {
        weir_view name = {NULL, 0};
        if (i < given->count)
            name = view_text(list_text(given, i));
        else if (header)
            name = (weir_view){header->fields[i].ptr, header->fields[i].len};
        add_name(r, i, name);
    }
    return r->names.failed ? no_memory(r) : READER_ROW;
}

static reader_status check_names(reader *r, const csv_parser *header)
{
    size_t bad;
    for (size_t i = 0; i < header->count; i++)
        if (!value_utf8(header->fields[i].ptr, header->fields[i].len, &bad)) {
            fail(r, READER_BROKEN, WEIR_E_REMOTE, "");
            strbuf_printf(&r->problem, "has a name in column %zu that is not UTF-8; set the encoding", i + 1);
            return READER_BROKEN;
        }
    return READER_ROW;
}

/* Reads or skips the first record and names the columns. */
static reader_status read_header(reader *r)
{
    csv_parser first;
    csv_init(&first, r->csv.dialect);
    first.next_line = r->lines + 1;
    reader_status status = next_record(r, &first, r->csv.dialect.header);
    size_t count = first.count;
    if (status == READER_BAD || status == READER_CUT)
        status = status == READER_CUT || r->csv.dialect.header ? READER_BROKEN : READER_ROW;
    if (status == READER_ROW && r->csv.dialect.header) {
        r->csv.next_line = first.next_line;
        if (count > 1 && !first.fields[count - 1].len && r->settings->csv.columns.count < count)
            count--; /* a delimiter at the end of every line */
        status = check_names(r, &first);
        status = status == READER_ROW ? name_columns(r, &first, count) : status;
    } else if (status == READER_ROW) {
        status = name_columns(r, NULL, count);
    }
    csv_free(&first);
    return status == READER_END ? READER_ROW : status;
}

static reader_status open_csv(reader *r, const reader_place *from)
{
    csv_dialect d;
    reader_status status = skip_lines(r, r->settings->csv.skip_lines);
    if (status == READER_ROW)
        status = look_ahead(r, HEAD);
    if (status != READER_ROW)
        return status;
    if (!settle_dialect(r, &d, from))
        return no_memory(r);
    csv_init(&r->csv, d);
    r->csv.next_line = r->lines + 1;
    return read_header(r);
}

static reader_status check_width(reader *r)
{
    size_t count = r->csv.count;
    r->fields = r->csv.fields;
    if (count == r->column_count || (count == r->column_count + 1 && !r->fields[count - 1].len))
        return READER_ROW;
    fail(r, READER_BAD, WEIR_E_REMOTE, "");
    strbuf_printf(&r->problem, "has %zu field%s, but the columns are %zu", count, count == 1 ? "" : "s", r->column_count);
    return READER_BAD;
}

static reader_status next_csv(reader *r)
{
    reader_status status = next_record(r, &r->csv, true);
    r->row += status != READER_END;
    return status == READER_ROW ? check_width(r) : status;
}

bool reader_preview(reader *r, void (*each)(void *arg, const csv_field *fields, size_t count), void *arg)
{
    csv_parser p;
    look_ahead(r, HEAD); /* what is wrong with the file will be told when it is read */
    weir_view w = stream_window(r->in);
    csv_status status;
    csv_init(&p, r->csv.dialect);
    for (;;) {
        size_t used;
        status = csv_next(&p, w.ptr, w.len, stream_ended(r->in), &used);
        if (status != CSV_ROW && status != CSV_STRAY)
            break;
        if (status == CSV_ROW && p.count >= r->column_count)
            each(arg, p.fields, r->column_count);
        w.ptr += used;
        w.len -= used;
    }
    csv_free(&p);
    return status != CSV_NOMEM;
}

/* ---------------------------------------------------------------------------------------------------------------- JSON -- */

static uint64_t count_lines(const char *p, size_t len)
{
    uint64_t n = 0;
    for (size_t i = 0; i < len; i++)
        n += p[i] == '\n';
    return n;
}

static reader_status json_broken(reader *r, weir_view w)
{
    bool cut = r->json.cut_off;
    r->row_line = r->lines + count_lines(w.ptr, w.len) + 1;
    return fail(r, cut ? READER_CUT : READER_BROKEN, WEIR_E_REMOTE, r->json.problem);
}

static void took_json(reader *r, weir_view w, size_t used)
{
    r->text = r->json.row;
    r->row++;
    uint64_t before = count_lines(w.ptr, (size_t)(r->text.ptr - w.ptr));
    r->row_line = r->lines + before + 1;
    const char *end = r->format == READER_LINES ? r->text.ptr + r->text.len : r->text.ptr; /* a line has none inside */
    r->lines += before + count_lines(end, (size_t)(w.ptr + used - end));
    r->ended = r->format == READER_DOCUMENT || (used && w.ptr[used - 1] == '\n');
}

static reader_status next_json(reader *r)
{
    for (;;) {
        weir_view w = stream_window(r->in);
        size_t used = 0;
        rows_status status = json_rows_next(&r->json, w.ptr, w.len, stream_ended(r->in), &used);
        stream_use(r->in, used);
        if (status == ROWS_ROW) {
            took_json(r, w, used);
            return READER_ROW;
        }
        r->lines += count_lines(w.ptr, used);
        if (status == ROWS_BROKEN)
            return json_broken(r, (weir_view){w.ptr + used, r->json.at});
        if (status == ROWS_NOMEM)
            return no_memory(r);
        if (status == ROWS_END)
            return READER_END;
        reader_status grown = more(r);
        if (grown != READER_ROW)
            return grown;
    }
}

static void open_json(reader *r, const reader_place *from)
{
    if (r->format == READER_LINES)
        json_rows_lines(&r->json);
    else if (from)
        json_rows_resume(&r->json, r->settings->pointer, from->open);
    else
        json_rows_document(&r->json, r->settings->pointer);
}

/* --------------------------------------------------------------------------------------------------------------- opening -- */

static bool ends_with(const char *path, size_t len, const char *end)
{
    size_t n = strlen(end);
    return len >= n && !strncasecmp(path + len - n, end, n);
}

/* By the name: the extension in front of .gz or .zst. */
static bool format_by_name(const char *path, reader_format *ret)
{
    static const char *const packed[] = {".gz", ".zst", ".zstd"};
    static const struct {
        const char *end;
        reader_format format;
    } known[] = {
        {".csv", READER_CSV},      {".tsv", READER_CSV},        {".txt", READER_CSV},       {".ndjson", READER_LINES},
        {".jsonl", READER_LINES},  {".json", READER_DOCUMENT},  {".geojson", READER_DOCUMENT},
    };
    size_t len = strlen(path);
    for (size_t i = 0; i < sizeof packed / sizeof *packed; i++)
        if (ends_with(path, len, packed[i])) {
            len -= strlen(packed[i]);
            break;
        }
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (ends_with(path, len, known[i].end)) {
            *ret = known[i].format;
            return true;
        }
    return false;
}

/* By the name, and where that says nothing or "JSON" of some kind, by what is inside. */
static reader_format guess_format(const reader *r, const char *path)
{
    reader_format format;
    weir_view w = stream_window(r->in);
    bool named = format_by_name(path, &format);
    if (named && format != READER_DOCUMENT)
        return format;
    size_t at = 0;
    while (at < w.len && strchr(" \n\r\t", w.ptr[at]) && w.ptr[at])
        at++;
    bool json = at < w.len && (w.ptr[at] == '{' || w.ptr[at] == '[');
    if (!named && !json)
        return READER_CSV;
    return json && json_rows_sniff_lines(w.ptr + at, w.len - at, stream_ended(r->in)) && !*r->settings->pointer ? READER_LINES
                                                                                                                : READER_DOCUMENT;
}

static reader_format settle_format(const reader *r, const char *path)
{
    const char *asked = r->settings->format;
    return text_is(asked, "auto")     ? guess_format(r, path)
           : text_is(asked, "csv")    ? READER_CSV
           : text_is(asked, "ndjson") ? READER_LINES
                                      : READER_DOCUMENT;
}

static stream_encoding encoding_of(const char *name)
{
    static const struct {
        const char *name;
        stream_encoding encoding;
    } known[] = {
        {"utf-8", STREAM_UTF8},       {"utf-16le", STREAM_UTF16LE},         {"utf-16be", STREAM_UTF16BE},
        {"latin-1", STREAM_LATIN1},   {"windows-1252", STREAM_WINDOWS1252},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (text_is(name, known[i].name))
            return known[i].encoding;
    return STREAM_AUTO;
}

/* Goes to the place where an earlier run stopped. */
static reader_status go_to(reader *r, const reader_place *from)
{
    int there = stream_skip(r->in, from->offset);
    if (there < 0)
        return stream_failed(r, stream_error(r->in));
    if (!there)
        return fail(r, READER_CUT, WEIR_E_REMOTE, "is shorter than it was");
    r->row = from->rows;
    r->lines = from->lines;
    r->csv.next_line = from->lines + 1;
    return READER_ROW;
}

reader_status reader_open(reader *r, const stream_settings *s, const char *path, const reader_place *from)
{
    stream_problem problem;
    *r = (reader){.settings = s};
    r->in = stream_open(path, encoding_of(s->csv.encoding), &problem);
    if (!r->in)
        return stream_failed(r, &problem);
    reader_status status = look_ahead(r, HEAD);
    if (status != READER_ROW)
        return status;
    r->format = settle_format(r, path);
    if (r->format == READER_CSV)
        status = open_csv(r, from);
    else
        open_json(r, from);
    return status == READER_ROW && from && from->offset ? go_to(r, from) : status;
}

void reader_close(reader *r)
{
    stream_close(r->in);
    csv_free(&r->csv);
    strbuf_free(&r->names);
    strbuf_free(&r->problem);
    free(r->columns);
    *r = (reader){0};
}

reader_status reader_next(reader *r)
{
    bool csv = r->format == READER_CSV;
    r->begin = stream_offset(r->in);
    r->lines_before = csv ? r->csv.next_line - 1 : r->lines;
    r->open_before = r->json.open;
    r->row_before = r->row;
    return csv ? next_csv(r) : next_json(r);
}

reader_place reader_at(const reader *r)
{
    reader_place p = {.offset = stream_offset(r->in), .rows = r->row, .lines = r->lines};
    if (r->format == READER_CSV) {
        p.lines = r->csv.next_line - 1;
        p.dialect[0] = r->csv.dialect.delimiter;
        p.dialect[1] = r->csv.dialect.quote;
        p.dialect[2] = r->csv.dialect.header ? '1' : '0';
    } else if (r->format == READER_DOCUMENT) {
        p.open = json_rows_open(&r->json);
    }
    return p;
}

reader_place reader_before(const reader *r)
{
    reader_place p = reader_at(r);
    p.offset = r->begin;
    p.rows = r->row_before;
    p.lines = r->lines_before;
    if (r->format == READER_DOCUMENT)
        p.open = r->open_before;
    return p;
}
