#include "docs.h"

#include "cursor.h"

/* Marks the collection's key as required. Its own `_meta` is always there. */
static bool require_key(docs *d, weir_view key)
{
    cursor c = cursor_of(key);
    weir_view raw;
    bool escaped, first = true, ok = true;
    if (cursor_peek(&c) != '[')
        return true;
    cursor_enter(&c, '[');
    while (ok && cursor_item(&c, &first) && cursor_string(&c, &raw, &escaped)) {
        strbuf_clear(&d->doc);
        cursor_decode(&d->doc, raw);
        const char *pointer = strbuf_text(&d->doc);
        if (strncmp(pointer, "/_meta/", 7) && json_pointer_valid(pointer))
            ok = infer_require(&d->in, pointer) && !d->doc.failed;
    }
    return ok;
}

bool docs_init(docs *d, weir_task *t, const weir_binding *b, const stream_settings *s)
{
    *d = (docs){.task = t, .binding = b};
    bool ok = infer_init(&d->in) && infer_load(&d->in, b->schema) && require_key(d, b->key);
    table_init(&d->table, &d->in, s);
    d->in.news = d->in.contradicted = false;
    return ok;
}

void docs_free(docs *d)
{
    tables_free(&d->table);
    infer_free(&d->in);
    strbuf_free(&d->file);
    strbuf_free(&d->doc);
    strbuf_free(&d->problem);
}

static void preview_row(void *arg, const csv_field *fields, size_t count) { table_observe(arg, fields, count); }

static bool match_columns(docs *d, reader *r)
{
    table *t = &d->table;
    if (!table_match(t, r))
        return false;
    if (table_unsettled(t)) {
        if (!reader_preview(r, preview_row, t))
            return false;
        table_settle(t);
    }
    for (size_t i = 0; i < t->width; i++)
        if (!t->of[i]->quoted.len)
            t->of[i]->quoted = weir_name_of(d->task, t->of[i]->name);
    return true;
}

weir_rc docs_file(docs *d, reader *r, const char *name)
{
    strbuf_clear(&d->file);
    strbuf_quote(&d->file, view_text(name));
    bool ok = !d->file.failed && (r->format != READER_CSV || match_columns(d, r));
    return ok ? WEIR_OK : weir_fail(d->task, WEIR_E_NOMEM, "file '%s': out of memory", name);
}

weir_rc docs_tell(docs *d)
{
    if (!d->in.news && !d->in.contradicted)
        return WEIR_OK;
    strbuf schema = {0};
    infer_schema(&d->in, &schema, true);
    weir_rc rc = schema.failed ? weir_fail(d->task, WEIR_E_NOMEM, "the schema of '%.*s': out of memory", (int)d->binding->name.len,
                                           d->binding->name.ptr)
                               : weir_sourced_schema(d->task, d->binding, strbuf_view(&schema));
    strbuf_free(&schema);
    d->in.news = d->in.contradicted = false;
    return rc;
}

static docs_status bad_text(docs *d, const char *what, const char *in_column)
{
    strbuf_clear(&d->problem);
    strbuf_adds(&d->problem, what);
    if (in_column)
        strbuf_printf(&d->problem, " in column '%s'", in_column);
    strbuf_adds(&d->problem, "; set the encoding");
    return DOCS_BAD;
}

/* What emitting said. A document that is refused although it is sound is too large. */
static docs_status emitted(docs *d, weir_rc rc)
{
    if (rc != WEIR_E_REMOTE)
        return rc ? DOCS_FAILED : DOCS_OK;
    strbuf_clear(&d->problem);
    strbuf_adds(&d->problem, "is larger than a document may be");
    return DOCS_BAD;
}

/* ----------------------------------------------------------------------------------------------------------------- CSV -- */

static const weir_name meta_name = WEIR_NAME("_meta"), file_name = WEIR_NAME("file"), row_name = WEIR_NAME("row");

static void put_field(weir_task *t, weir_name name, field_kind kind, const csv_field *f)
{
    weir_view text = {f->ptr, f->len};
    switch (kind) {
    case FIELD_TEXT: weir_put_text(t, name, text); break;
    case FIELD_NUMBER: weir_put_decimal(t, name, text); break;
    case FIELD_TRUE: weir_put_bool(t, name, true); break;
    case FIELD_FALSE: weir_put_bool(t, name, false); break;
    case FIELD_NULL: weir_put_null(t, name); break;
    case FIELD_LEFT_OUT: break;
    }
}

static weir_rc put_row(docs *d, const reader *r)
{
    weir_task *t = d->task;
    const table *tab = &d->table;
    weir_rc rc = weir_begin(t, d->binding, WEIR_UPSERT);
    if (rc)
        return rc;
    for (size_t i = 0; i < tab->width; i++)
        put_field(t, tab->of[i]->quoted, tab->kinds[i], &r->fields[i]);
    weir_open_object(t, meta_name);
    weir_put_json(t, file_name, strbuf_view(&d->file));
    weir_put_uint(t, row_name, r->row);
    weir_close(t);
    return weir_end(t);
}

/* The builder checks what it writes, so this is only asked when it refused. */
static bool is_utf8(docs *d, const reader *r, size_t *ret_field)
{
    size_t bad;
    for (*ret_field = 0; *ret_field < d->table.width; ++*ret_field)
        if (!value_utf8(r->fields[*ret_field].ptr, r->fields[*ret_field].len, &bad))
            return false;
    return true;
}

static docs_status csv_row(docs *d, const reader *r, weir_rc *ret_rc)
{
    if (!table_decide(&d->table, r->fields)) {
        strbuf_clear(&d->problem);
        strbuf_addv(&d->problem, strbuf_view(&d->table.problem));
        return DOCS_BAD;
    }
    if (d->in.contradicted && (*ret_rc = docs_tell(d)))
        return DOCS_FAILED;
    *ret_rc = put_row(d, r);
    size_t field;
    if (*ret_rc == WEIR_E_REMOTE && !is_utf8(d, r, &field))
        return bad_text(d, "has bytes that are not UTF-8", d->table.of[field]->name.ptr);
    return emitted(d, *ret_rc);
}

/* ---------------------------------------------------------------------------------------------------------------- JSON -- */

static const char *trim_end(const char *begin, const char *end)
{
    while (end > begin && (end[-1] == ' ' || end[-1] == '\n' || end[-1] == '\r' || end[-1] == '\t'))
        end--;
    return end;
}

/* Appends the members of the document, but for its own `_meta`, and a comma if there were any. */
static void add_members(strbuf *doc, weir_view text, const infer_seen *seen)
{
    const char *begin = (const char *)memchr(text.ptr, '{', text.len) + 1, *end = trim_end(begin, seen->close);
    if (seen->meta.len) {
        const char *before = trim_end(begin, seen->meta.ptr);
        cursor c = {seen->meta.ptr + seen->meta.len, end, NULL};
        bool more = cursor_peek(&c) == ',';
        if (!more && before > begin)
            before = trim_end(begin, before - 1); /* the comma in front of it */
        strbuf_add(doc, begin, (size_t)(before - begin));
        begin = more ? c.at + 1 : c.at;
    }
    strbuf_add(doc, begin, (size_t)(end - begin));
    if (trim_end(doc->ptr, doc->ptr + doc->len) > doc->ptr + 1)
        strbuf_addc(doc, ',');
}

/* What else the document's own `_meta` says stays. */
static void add_own_meta(strbuf *doc, weir_view meta)
{
    cursor c = cursor_of(meta);
    cursor_key key;
    weir_view value;
    if (cursor_peek(&c) != '{')
        return;
    cursor_enter(&c, '{');
    for (bool first = true; cursor_member(&c, &first, &key) && cursor_skip(&c, &value);) {
        if (cursor_key_is(key, "file") || cursor_key_is(key, "row"))
            continue;
        strbuf_adds(doc, ",\"");
        strbuf_addv(doc, key.raw);
        strbuf_adds(doc, "\":");
        strbuf_addv(doc, value);
    }
}

static void compose(docs *d, const reader *r, const infer_seen *seen)
{
    strbuf *doc = &d->doc;
    char digits[24];
    char *p = digits + sizeof digits;
    for (uint64_t n = r->row; n || p == digits + sizeof digits; n /= 10)
        *--p = (char)('0' + n % 10);
    strbuf_clear(doc);
    strbuf_reserve(doc, r->text.len + d->file.len + 64);
    strbuf_addc(doc, '{');
    add_members(doc, r->text, seen);
    strbuf_adds(doc, "\"_meta\":{\"file\":");
    strbuf_addv(doc, strbuf_view(&d->file));
    strbuf_adds(doc, ",\"row\":");
    strbuf_add(doc, p, (size_t)(digits + sizeof digits - p));
    add_own_meta(doc, seen->meta_value);
    strbuf_adds(doc, "}}");
}

static docs_status bad_json(docs *d, const infer_seen *seen, infer_status status)
{
    strbuf_clear(&d->problem);
    if (status == INFER_NO_KEY)
        strbuf_adds(&d->problem, "lacks a part of the key");
    else if (!seen->at)
        strbuf_adds(&d->problem, seen->problem);
    else
        strbuf_printf(&d->problem, "%s, at byte %zu of the row", seen->problem, seen->at + 1);
    return DOCS_BAD;
}

static docs_status json_row(docs *d, const reader *r, weir_rc *ret_rc)
{
    infer_seen seen;
    size_t bad;
    infer_status status = infer_observe(&d->in, r->text, &seen);
    if (status == INFER_NOMEM) {
        *ret_rc = weir_fail(d->task, WEIR_E_NOMEM, "a row of %zu bytes: out of memory", r->text.len);
        return DOCS_FAILED;
    }
    if (status != INFER_OK)
        return bad_json(d, &seen, status);
    if (!value_utf8(r->text.ptr, r->text.len, &bad))
        return bad_text(d, "has bytes that are not UTF-8", NULL);
    if (d->in.contradicted && (*ret_rc = docs_tell(d)))
        return DOCS_FAILED;
    compose(d, r, &seen);
    *ret_rc = d->doc.failed ? weir_fail(d->task, WEIR_E_NOMEM, "a row of %zu bytes: out of memory", r->text.len)
                            : weir_emit(d->task, d->binding, WEIR_UPSERT, strbuf_view(&d->doc));
    return emitted(d, *ret_rc);
}

docs_status docs_row(docs *d, const reader *r, weir_rc *ret_rc)
{
    return r->format == READER_CSV ? csv_row(d, r, ret_rc) : json_row(d, r, ret_rc);
}
