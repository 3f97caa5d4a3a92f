/* files.c - source-files: CSV, NDJSON and JSON files, plain or compressed, as streams of documents. */
#include "files.h"

#include <stdlib.h>

#include "json_rows.h"

static const char *const formats[] = {"auto", "csv", "ndjson", "json", NULL};
static const char *const headers[] = {"auto", "yes", "no", NULL};
static const char *const encodings[] = {"auto", "utf-8", "utf-16le", "utf-16be", "latin-1", "windows-1252", NULL};
static const char *const types[] = {"auto", "text", NULL};
static const char *const mismatches[] = {"text", "null", "error", NULL};
static const char *const on_errors[] = {"fail", "skip", NULL};

static const weir_field text_item[] = {{.name = "item", .type = WEIR_TEXT, .help = "One text."}, {0}};

#define TEXTS(setting, what)                                                                                                       \
    .name = setting, .type = WEIR_LIST, .fallback = "[]", .fields = text_item, .item_size = sizeof(const char *), .help = what
#define IN_CSV(member) .offset = offsetof(csv_settings, member)
#define IN_STREAM(member) .offset = offsetof(stream_settings, member)
#define IN_CONFIG(member) .offset = offsetof(files_settings, member)

static const weir_field csv_fields[] = {
    {.name = "delimiter", .type = WEIR_TEXT, IN_CSV(delimiter), .fallback = "auto",
     .help = "What separates fields: one character, or tab, or auto."},
    {.name = "quote", .type = WEIR_TEXT, IN_CSV(quote), .fallback = "\"", .help = "What encloses fields: one character, or none."},
    {.name = "header", .type = WEIR_TEXT, IN_CSV(header), .fallback = "auto", .choices = headers,
     .help = "Does the first row name the columns?"},
    {TEXTS("columns", "Names of the columns, from the first; instead of a header, or to rename."), IN_CSV(columns)},
    {.name = "skip_lines", .type = WEIR_INT, IN_CSV(skip_lines), .fallback = "0", .max = 1000000,
     .help = "How many lines stand in front of the header."},
    {.name = "encoding", .type = WEIR_TEXT, IN_CSV(encoding), .fallback = "auto", .choices = encodings,
     .help = "How the text is encoded; auto is UTF-8, or UTF-16 with a byte order mark."},
    {TEXTS("null_values", "Values that mean null, besides the empty one."), IN_CSV(null_values)},
    {.name = "types", .type = WEIR_TEXT, IN_CSV(types), .fallback = "auto", .choices = types,
     .help = "Learn types from the values, or leave everything text."},
    {.name = "mismatch", .type = WEIR_TEXT, IN_CSV(mismatch), .fallback = "text", .choices = mismatches,
     .help = "What becomes of a value that its column's type does not allow."},
    {0},
};

static const weir_field stream_fields[] = {
    {.name = "name", .type = WEIR_TEXT, IN_STREAM(name), .help = "What the stream is called."},
    {.name = "path", .type = WEIR_TEXT, IN_STREAM(path), .help = "Its files: a path, or a pattern such as data/*.csv.gz."},
    {.name = "format", .type = WEIR_TEXT, IN_STREAM(format), .fallback = "auto", .choices = formats,
     .help = "What is in the files; auto goes by name and content."},
    {.name = "pointer", .type = WEIR_TEXT, IN_STREAM(pointer), .fallback = "",
     .help = "JSON: the JSON pointer to the list of rows, such as /data/items."},
    {TEXTS("key", "Columns or JSON pointers that identify a row; none: its file and number."), IN_STREAM(key)},
    {.name = "on_error", .type = WEIR_TEXT, IN_STREAM(on_error), .fallback = "fail", .choices = on_errors, .title = "On error",
     .help = "What to do about a row or file that cannot be read."},
    {.name = "csv", .type = WEIR_OBJECT, IN_STREAM(csv), .fields = csv_fields, .title = "CSV", .flags = WEIR_ADVANCED,
     .help = "How CSV files are written, where it cannot be guessed."},
    {0},
};

static const weir_field stream_item[] = {
    {.name = "stream", .type = WEIR_OBJECT, .fields = stream_fields, .help = "One stream and its files."},
    {0},
};

const weir_field files_config[] = {
    {.name = "streams", .type = WEIR_LIST, IN_CONFIG(streams), .fields = stream_item, .item_size = sizeof(stream_settings),
     .help = "The streams, each with the files it consists of."},
    {.name = "base", .type = WEIR_TEXT, IN_CONFIG(base), .title = "Base folder", .flags = WEIR_OPTIONAL,
     .help = "The folder that relative paths start from."},
    {.name = "sample", .type = WEIR_INT, IN_CONFIG(sample), .fallback = "16", .min = 1, .max = 4096, .title = "Sample size",
     .flags = WEIR_ADVANCED, .help = "How many MiB of each stream are read to learn its schema."},
    {0},
};

const weir_field files_resource_fields[] = {
    {.name = "stream", .type = WEIR_TEXT, .offset = offsetof(files_resource, stream), .flags = WEIR_PATH,
     .help = "The name of the stream."},
    {0},
};

/* ------------------------------------------------------------------------------------------------------------- settings -- */

static const stream_settings *stream_at(const files_settings *s, size_t i) { return (const stream_settings *)s->streams.items + i; }

const stream_settings *settings_stream(const files_settings *s, const char *name)
{
    for (size_t i = 0; i < s->streams.count; i++)
        if (text_is(stream_at(s, i)->name, name))
            return stream_at(s, i);
    return NULL;
}

static bool is_sign(const char *text) { return text[0] && !text[1] && (unsigned char)text[0] < 0x80 && !strchr("\r\n", text[0]); }

static weir_rc check_csv(weir_task *t, const stream_settings *s)
{
    const char *d = s->csv.delimiter, *q = s->csv.quote;
    if (!text_is(d, "auto") && !text_is(d, "tab") && !is_sign(d))
        return weir_fail(t, WEIR_E_CONFIG, "stream '%s': delimiter '%s' is not one ASCII character, 'tab' or 'auto'", s->name, d);
    if (!text_is(q, "none") && !is_sign(q))
        return weir_fail(t, WEIR_E_CONFIG, "stream '%s': quote '%s' is not one ASCII character or 'none'", s->name, q);
    if (text_is(d, q))
        return weir_fail(t, WEIR_E_CONFIG, "stream '%s': delimiter and quote are the same", s->name);
    return WEIR_OK;
}

static weir_rc check_key(weir_task *t, const stream_settings *s)
{
    for (size_t i = 0; i < s->key.count; i++) {
        const char *k = list_text(&s->key, i);
        if (!*k || (*k == '/' && !json_pointer_valid(k)))
            return weir_fail(t, WEIR_E_CONFIG, "stream '%s': key '%s' is neither a column nor a JSON pointer", s->name, k);
    }
    return WEIR_OK;
}

static weir_rc check_stream(weir_task *t, const files_settings *all, size_t i)
{
    const stream_settings *s = stream_at(all, i);
    if (!*s->name || !*s->path)
        return weir_fail(t, WEIR_E_CONFIG, "stream %zu has no %s", i + 1, *s->name ? "path" : "name");
    if (settings_stream(all, s->name) != s)
        return weir_fail(t, WEIR_E_CONFIG, "there are two streams '%s'", s->name);
    if (!json_pointer_valid(s->pointer))
        return weir_fail(t, WEIR_E_CONFIG, "stream '%s': '%s' is no JSON pointer; one begins with a slash, as in '/items'", s->name,
                         s->pointer);
    if (*s->pointer && (text_is(s->format, "csv") || text_is(s->format, "ndjson")))
        return weir_fail(t, WEIR_E_CONFIG, "stream '%s': a pointer has no meaning in %s files", s->name, s->format);
    weir_rc rc = check_key(t, s);
    return rc ? rc : check_csv(t, s);
}

weir_rc settings_check(weir_task *t, const files_settings *s)
{
    if (!s->streams.count)
        return weir_fail(t, WEIR_E_CONFIG, "the settings name no stream");
    for (size_t i = 0; i < s->streams.count; i++) {
        weir_rc rc = check_stream(t, s, i);
        if (rc)
            return rc;
    }
    return WEIR_OK;
}

/* Appends the pointer that a key of the settings means: it is one, or a column's name. */
static void add_pointer(strbuf *out, const char *key)
{
    if (*key == '/') {
        strbuf_adds(out, key);
        return;
    }
    strbuf_addc(out, '/');
    for (; *key; key++) {
        if (*key == '~' || *key == '/')
            strbuf_adds(out, *key == '~' ? "~0" : "~1");
        else
            strbuf_addc(out, *key);
    }
}

bool settings_key(const stream_settings *s, infer *in)
{
    strbuf pointer = {0};
    bool ok = true;
    for (size_t i = 0; ok && i < s->key.count; i++) {
        strbuf_clear(&pointer);
        add_pointer(&pointer, list_text(&s->key, i));
        ok = infer_require(in, strbuf_text(&pointer)) && !pointer.failed;
    }
    strbuf_free(&pointer);
    return ok;
}

void settings_key_json(const stream_settings *s, strbuf *out)
{
    strbuf pointer = {0};
    strbuf_addc(out, '[');
    for (size_t i = 0; i < s->key.count; i++) {
        strbuf_clear(&pointer);
        add_pointer(&pointer, list_text(&s->key, i));
        strbuf_adds(out, i ? "," : "");
        strbuf_quote(out, strbuf_view(&pointer));
        out->failed |= pointer.failed;
    }
    strbuf_adds(out, s->key.count ? "]" : "\"/_meta/file\",\"/_meta/row\"]");
    strbuf_free(&pointer);
}

/* ----------------------------------------------------------------------------------------------------------- connector -- */

static weir_rc open_files(weir_task *t, const weir_connector *me, const void *config, void **ret_self)
{
    (void)me;
    weir_rc rc = settings_check(t, config);
    if (!rc)
        *ret_self = (void *)(uintptr_t)config; /* never written to */
    return rc;
}

static void validate_binding(weir_task *t, const files_settings *s, const weir_binding *b, strbuf *problem)
{
    const files_resource *resource = b->resource;
    const stream_settings *stream = settings_stream(s, resource->stream);
    found_files found;
    if (!stream) {
        weir_problem(t, b, "the settings have no stream '%s'", resource->stream);
        return;
    }
    strbuf_clear(problem);
    weir_rc rc = files_find(s, stream, &found, problem);
    if (!rc && !found.count && !b->state.len)
        rc = files_none(s, stream, problem);
    if (rc)
        weir_problem(t, b, "stream '%s': %s", stream->name, strbuf_text(problem));
    files_found_free(&found);
}

weir_rc files_validate(weir_task *t, void *self, const weir_binding *bindings, size_t count)
{
    strbuf problem = {0};
    for (size_t i = 0; i < count; i++)
        validate_binding(t, self, &bindings[i], &problem);
    strbuf_free(&problem);
    return WEIR_OK;
}

static const weir_capture files_capture = {
    .discover = files_discover,
    .validate = files_validate,
    .pull = files_pull,
};

extern const weir_connector source_files;
const weir_connector source_files = {
    .abi = WEIR_ABI,
    .name = "source-files",
    .version = "1.0.0",
    .title = "CSV, NDJSON and JSON files",
    .config = files_config,
    .config_size = sizeof(files_settings),
    .resource = files_resource_fields,
    .resource_size = sizeof(files_resource),
    .open = open_files,
    .capture = &files_capture,
};
