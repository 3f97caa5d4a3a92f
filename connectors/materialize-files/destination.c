/* destination.c - materialize-files: collections into NDJSON, CSV or Parquet files of a folder; every change is a row in exactly one file.
 *
 * Read on in this order: stage.h (how files come into sight), output.h (the files of a binding), sink.h (bytes), parquet.h.
 */
#include <stdlib.h>
#include <string.h>

#include "output.h"
#include "parquet.h"

extern const weir_connector materialize_files;

typedef struct settings {
    const char *path, *format, *compression, *content, *operation_column, *file_name;
    int64_t file_mb, file_rows;
} settings;

static const char *const formats[] = {"ndjson", "csv", "parquet", NULL}; /* as output_format */
static const char *const compressions[] = {"auto", "none", "gzip", "zstd", "snappy", NULL};
static const char *const contents[] = {"documents", "fields", NULL};

static const weir_field config_fields[] = {
    {.name = "path",
     .type = WEIR_TEXT,
     .offset = offsetof(settings, path),
     .help = "The folder for all files, as a path or a file:// URL. It is made if it does not exist."},
    {.name = "format",
     .type = WEIR_TEXT,
     .offset = offsetof(settings, format),
     .fallback = "ndjson",
     .help = "What the files are. Parquet needs the DuckDB plug-in.",
     .choices = formats},
    {.name = "compression",
     .type = WEIR_TEXT,
     .offset = offsetof(settings, compression),
     .fallback = "auto",
     .help = "How files are compressed; auto is zstd for Parquet and none for others. Only Parquet has snappy.",
     .choices = compressions},
    {.name = "content",
     .type = WEIR_TEXT,
     .offset = offsetof(settings, content),
     .fallback = "documents",
     .help = "What a line of NDJSON is: the document as it is, or an object of the selected fields.",
     .choices = contents},
    {.name = "operation_column",
     .type = WEIR_TEXT,
     .offset = offsetof(settings, operation_column),
     .fallback = "_op",
     .help = "A column of this name says what a row is: c a document, u an update of some of its fields, d a deletion. Empty: there is none, and deletions are "
             "refused. Documents of NDJSON have it in /_meta/op instead.",
     .flags = WEIR_ADVANCED},
    {.name = "file_name",
     .type = WEIR_TEXT,
     .offset = offsetof(settings, file_name),
     .fallback = "{date}/{time}-{seq}-{id}",
     .help = "The name of a file within the folder of its binding; a slash makes a folder. {date} and {time} are in UTC, {seq} counts, {id} is random.",
     .flags = WEIR_ADVANCED},
    {.name = "file_mb",
     .type = WEIR_INT,
     .offset = offsetof(settings, file_mb),
     .fallback = "256",
     .help = "Megabytes, before compression, after which another file is begun.",
     .flags = WEIR_ADVANCED,
     .min = 1,
     .max = 1 << 20},
    {.name = "file_rows",
     .type = WEIR_INT,
     .offset = offsetof(settings, file_rows),
     .fallback = "0",
     .help = "Rows after which another file is begun; 0 is any number.",
     .flags = WEIR_ADVANCED,
     .min = 0,
     .max = INT64_MAX},
    {0},
};

static const weir_field resource_fields[] = {
    {.name = "path",
     .type = WEIR_TEXT,
     .offset = offsetof(output_resource, path),
     .help = "The folder for the collection's files, within the folder for all.",
     .flags = WEIR_COLLECTION_NAME | WEIR_PATH},
    {0},
};

typedef struct destination {
    output_settings o;
    stage *stage;
    output **outputs; /* by index of the binding; NULL: not begun */
    size_t count;
    bool broken;      /* a store or commit failed: nothing more may be committed */
    lite_text seqs;
} destination;

/* ------------------------------------------------------------------------------------------------------- open and close -- */

static void close_destination(void *self)
{
    destination *d = self;
    if (!d)
        return;
    for (size_t i = 0; i < d->count; i++)
        output_free(d->outputs[i]);
    free(d->outputs);
    stage_free(d->stage);
    lite_text_free(&d->seqs);
    free(d);
}

static output_format format_of(const char *name)
{
    output_format f = OUTPUT_NDJSON;
    while (strcmp(formats[f], name) != 0)
        f++;
    return f;
}

/* A path, of what may be a URL; NULL, and an error, if it is of something else than this machine. */
static weir_rc folder_of(weir_task *t, const char *path, const char **ret)
{
    *ret = strncmp(path, "file://", 7) == 0 ? path + 7 : path;
    if (strstr(*ret, "://"))
        return weir_fail(t, WEIR_E_CONFIG, "\"path\" \"%s\": only folders of this machine can be written, as a path or a file:// URL", path);
    if (*ret != path && **ret != '/')
        return weir_fail(t, WEIR_E_CONFIG, "\"path\" \"%s\": a file:// URL has three slashes, and no host", path);
    return **ret ? WEIR_OK : weir_fail(t, WEIR_E_CONFIG, "\"path\" must name a folder");
}

static weir_rc check_settings(weir_task *t, const settings *s, output_settings *o)
{
    const char *wrong = output_name_refused(s->file_name);
    if (wrong)
        return weir_fail(t, WEIR_E_CONFIG, "\"file_name\" \"%s\" %s", s->file_name, wrong);
    *o = (output_settings){.format = format_of(s->format), .compression = s->compression, .whole = strcmp(s->content, "documents") == 0,
                           .operation = s->operation_column, .file_name = s->file_name, .file_rows = s->file_rows, .file_bytes = s->file_mb << 20};
    if (strcmp(s->compression, "auto") == 0)
        o->compression = o->format == OUTPUT_PARQUET ? "zstd" : "none";
    if (o->format == OUTPUT_PARQUET && strcmp(o->compression, "none") == 0)
        o->compression = "uncompressed";
    if (o->format != OUTPUT_PARQUET && strcmp(o->compression, "snappy") == 0)
        return weir_fail(t, WEIR_E_CONFIG, "\"compression\" snappy is for Parquet only");
    return o->format == OUTPUT_PARQUET ? parquet_check(t) : WEIR_OK;
}

static weir_rc open_destination(weir_task *t, const weir_connector *me, const void *config, void **ret_self)
{
    (void)me;
    const settings *s = config;
    const char *folder;
    destination *d = calloc(1, sizeof *d);
    if (!d)
        return weir_fail(t, WEIR_E_NOMEM, "out of memory");
    weir_rc rc = folder_of(t, s->path, &folder);
    if (!rc)
        rc = check_settings(t, s, &d->o);
    if (!rc)
        rc = stage_new(t, &d->stage, folder, weir_task_name(t));
    if (rc)
        close_destination(d);
    else
        *ret_self = d;
    return rc;
}

/* ------------------------------------------------------------------------------------------------------------- bindings -- */

static const char *fault_of(const destination *d, const weir_binding *b)
{
    const char *wrong = stage_refused(output_folder(b));
    if (!wrong && b->column_count == 0 && !(d->o.format == OUTPUT_NDJSON && d->o.whole))
        wrong = "would have no columns: select some fields";
    for (size_t i = 0; !wrong && i < b->column_count; i++) {
        weir_view field = b->columns[i].field;
        if (field.len && memchr(field.ptr, 0, field.len))
            wrong = "cannot have a column whose name holds a NUL";
        if (d->o.operation[0] && field.len == strlen(d->o.operation) && memcmp(field.ptr, d->o.operation, field.len) == 0)
            wrong = "has a field that is named as the \"operation_column\": give that another name";
    }
    return wrong;
}

static weir_rc validate(weir_task *t, void *self, const weir_binding *bindings, size_t count)
{
    weir_rc rc = WEIR_OK;
    for (size_t i = 0; !rc && i < count; i++) {
        const char *wrong = fault_of(self, &bindings[i]);
        if (wrong)
            weir_problem(t, &bindings[i], "folder \"%s\" %s", output_folder(&bindings[i]), wrong);
        rc = weir_delta_updates(t, &bindings[i]);
    }
    return rc;
}

/* Folders are made with the first file. */
static weir_rc apply(weir_task *t, void *self, const weir_binding *bindings, size_t count)
{
    weir_rc rc = WEIR_OK;
    for (size_t i = 0; !rc && i < count; i++) {
        const char *wrong = fault_of(self, &bindings[i]);
        if (wrong)
            rc = weir_fail(t, WEIR_E_CONFIG, "folder \"%s\" %s", output_folder(&bindings[i]), wrong);
    }
    return rc;
}

static bool reserve(destination *d, size_t count)
{
    if (count <= d->count)
        return true;
    output **outputs = reallocarray(d->outputs, count, sizeof(output *));
    if (!outputs)
        return false;
    memset(outputs + d->count, 0, (count - d->count) * sizeof(output *));
    d->outputs = outputs;
    d->count = count;
    return true;
}

/* The output of a binding. One whose columns have changed ends its file and begins another one. */
static weir_rc output_for(weir_task *t, destination *d, const weir_binding *b, output **ret)
{
    if (!reserve(d, (size_t)b->index + 1))
        return weir_fail(t, WEIR_E_NOMEM, "out of memory");
    output **x = &d->outputs[b->index], *former = *x && !output_fits(*x, b) ? *x : NULL;
    const char *wrong = *x && !former ? NULL : fault_of(d, b);
    weir_rc rc = wrong ? weir_fail(t, WEIR_E_CONFIG, "folder \"%s\" %s", output_folder(b), wrong) : WEIR_OK;
    if (!rc && former)
        rc = output_finish(t, former);
    if (!rc && (former || !*x))
        rc = output_new(t, x, &d->o, d->stage, b, former);
    if (!rc)
        output_free(former);
    *ret = *x;
    return rc;
}

/* ----------------------------------------------------------------------------------------------------------- transactions -- */

static weir_rc after_failure(weir_task *t) { return weir_fail(t, WEIR_E_BUG, "a store or commit failed before"); }

static weir_rc store(weir_task *t, void *self, const weir_row *rows, size_t count)
{
    destination *d = self;
    output *x = NULL;
    weir_rc rc = d->broken ? after_failure(t) : count ? output_for(t, d, rows[0].binding, &x) : WEIR_OK;
    if (!rc && count)
        rc = output_store(t, x, rows, count);
    d->broken |= rc != WEIR_OK;
    return rc;
}

/* "seq":{...}, of what was written. */
static weir_view remembered(weir_task *t, destination *d)
{
    for (size_t i = 0; i < d->count; i++)
        if (d->outputs[i])
            output_remember(d->outputs[i], &d->seqs);
    weir_view out = d->seqs.len ? weir_format(t, "\"seq\":{%.*s}", (int)d->seqs.len, d->seqs.ptr) : (weir_view){0};
    d->seqs.len = 0;
    return out;
}

static weir_rc commit(weir_task *t, void *self, weir_view checkpoint)
{
    destination *d = self;
    (void)checkpoint; /* the platform has it, and the list of files with it */
    weir_rc rc = d->broken ? after_failure(t) : WEIR_OK;
    for (size_t i = 0; !rc && i < d->count; i++)
        if (d->outputs[i])
            rc = output_finish(t, d->outputs[i]);
    if (!rc)
        rc = stage_commit(t, d->stage, remembered(t, d));
    d->broken |= rc != WEIR_OK;
    return rc;
}

static weir_rc acknowledge(weir_task *t, void *self)
{
    destination *d = self;
    weir_rc rc = stage_begin(t, d->stage);
    return rc ? rc : stage_publish(t, d->stage);
}

static const weir_materialize materialize = {.validate = validate, .apply = apply, .store = store, .commit = commit, .acknowledge = acknowledge, .updates = true};

const weir_connector materialize_files = {
    .abi = WEIR_ABI,
    .name = "materialize-files",
    .version = "0.1.0",
    .title = "Writes collections as NDJSON, CSV or Parquet files into a folder",
    .config = config_fields,
    .config_size = sizeof(settings),
    .resource = resource_fields,
    .resource_size = sizeof(output_resource),
    .open = open_destination,
    .close = close_destination,
    .materialize = &materialize,
};
