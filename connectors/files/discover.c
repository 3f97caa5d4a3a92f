/* discover.c - one stream for each pattern, with the schema that a sample of its rows has. */
#include <inttypes.h>

#include "files.h"
#include "reader.h"
#include "table.h"

enum { MAX_SAMPLED = 64 }; /* files of a stream that are looked into */

typedef struct sampler {
    weir_task *task;
    const stream_settings *stream;
    infer in;
    table table;
    uint64_t rows;
    bool nomem;
    weir_rc first_rc; /* of the first file that could not be read */
    strbuf first;
} sampler;

/* What is wrong with a row is only mentioned: pull() will insist. */
static void mention(const sampler *s, const found_file *f, const reader *r, const char *problem)
{
    weir_log(s->task, WEIR_WARN, "stream '%s': while sampling, '%s:%" PRIu64 "' %s", s->stream->name, f->name, r->row_line,
             problem);
}

/* So is what is wrong with a file, unless there is no other. */
static void mention_file(sampler *s, const found_file *f, reader *r)
{
    const char *problem = strbuf_text(&r->problem);
    weir_log(s->task, WEIR_WARN, "stream '%s': while sampling, '%s' %s", s->stream->name, f->name, problem);
    if (!s->first_rc) {
        s->first_rc = r->rc;
        strbuf_printf(&s->first, "'%s' %s", f->name, problem);
    }
}

static void sample_json(sampler *s, const found_file *f, reader *r)
{
    infer_seen seen;
    infer_status status = infer_observe(&s->in, r->text, &seen);
    if (status == INFER_BAD)
        mention(s, f, r, seen.problem);
    s->rows += status == INFER_OK || status == INFER_NO_KEY;
    s->nomem |= status == INFER_NOMEM;
}

static void sample_row(sampler *s, const found_file *f, reader *r)
{
    if (r->format != READER_CSV) {
        sample_json(s, f, r);
        return;
    }
    table_observe(&s->table, r->fields, r->column_count);
    s->rows++;
}

/* Reads rows until `budget` bytes of the file are read. */
static void sample_rows(sampler *s, const found_file *f, reader *r, uint64_t budget)
{
    uint64_t begin = reader_at(r).offset;
    for (reader_status status; !s->nomem && reader_at(r).offset - begin < budget;) {
        status = reader_next(r);
        if (status == READER_ROW) {
            sample_row(s, f, r);
            continue;
        }
        if (status == READER_END)
            break;
        if (status != READER_BAD && !r->passable) {
            mention_file(s, f, r);
            break;
        }
        mention(s, f, r, strbuf_text(&r->problem));
    }
}

/* @return the bytes read of it */
static uint64_t sample_file(sampler *s, const found_file *f, uint64_t budget)
{
    reader r;
    reader_status status = reader_open(&r, s->stream, f->path, NULL);
    uint64_t taken = 0;
    if (status == READER_ROW && r.format == READER_CSV && !table_match(&s->table, &r))
        s->nomem = true;
    else if (status == READER_ROW)
        sample_rows(s, f, &r, budget);
    else
        mention_file(s, f, &r);
    if (r.in)
        taken = reader_at(&r).offset;
    reader_close(&r);
    return taken;
}

/* Spreads the sample over the files: what one does not use is left to the next. Of very many, some evenly chosen ones are looked
 * into, the last among them. */
static weir_rc sample_files(sampler *s, const found_files *found, uint64_t budget)
{
    size_t many = found->count < MAX_SAMPLED ? found->count : MAX_SAMPLED;
    for (size_t i = 0; i < many && !weir_stopping(s->task); i++) {
        size_t at = many < 2 ? 0 : i * (found->count - 1) / (many - 1);
        uint64_t share = budget / (many - i), taken = sample_file(s, &found->items[at], share);
        budget -= taken < budget ? taken : budget;
        if (s->nomem)
            return weir_fail(s->task, WEIR_E_NOMEM, "stream '%s': out of memory", s->stream->name);
    }
    if (s->rows)
        table_settle(&s->table);
    else if (s->first_rc && !skips_errors(s->stream))
        return weir_fail(s->task, s->first_rc, "stream '%s': %s", s->stream->name, strbuf_text(&s->first));
    return WEIR_OK;
}

static bool was_seen(const infer_node *n) { return (n->types & ~(unsigned)WEIR_IS_NULL) && !n->ours; }

/* The first members there are, for a message. */
static void add_names(const sampler *s, strbuf *out)
{
    size_t told = 0;
    for (size_t i = 0; told < 20 && i < s->in.root->count; i++)
        if (was_seen(s->in.root->members[i].node))
            strbuf_printf(out, "%s%s", told++ ? ", " : "", s->in.root->members[i].name.ptr);
}

/* A key that no row has is a mistake in the settings. */
static weir_rc check_key(sampler *s)
{
    for (size_t i = 0; s->rows && i < s->in.root->count; i++) {
        const infer_member *m = &s->in.root->members[i];
        if (!m->node->required || m->node->ours || was_seen(m->node))
            continue;
        strbuf names = {0};
        add_names(s, &names);
        weir_fail(s->task, WEIR_E_CONFIG, "stream '%s': no row has the key '%s'; there are: %s", s->stream->name, m->name.ptr,
                  strbuf_text(&names));
        strbuf_free(&names);
        return WEIR_E_CONFIG;
    }
    return WEIR_OK;
}

static weir_rc report(sampler *s)
{
    strbuf schema = {0}, key = {0};
    infer_schema(&s->in, &schema, false);
    settings_key_json(s->stream, &key);
    weir_rc rc = check_key(s);
    if (!rc && (schema.failed || key.failed || s->in.failed))
        rc = weir_fail(s->task, WEIR_E_NOMEM, "stream '%s': out of memory", s->stream->name);
    if (!rc)
        rc = weir_discovered(s->task, &(weir_stream){
                                          .name = view_text(s->stream->name),
                                          .schema = strbuf_view(&schema),
                                          .key = strbuf_view(&key),
                                          .modes = WEIR_INCREMENTAL | WEIR_FULL_REFRESH,
                                          .fallback_key = !s->stream->key.count,
                                      });
    strbuf_free(&schema);
    strbuf_free(&key);
    return rc;
}

static weir_rc find(weir_task *t, const files_settings *settings, const stream_settings *wanted, found_files *found)
{
    strbuf problem = {0};
    weir_rc rc = files_find(settings, wanted, found, &problem);
    if (!rc && !found->count)
        rc = files_none(settings, wanted, &problem);
    if (rc)
        weir_fail(t, rc, "stream '%s': %s", wanted->name, strbuf_text(&problem));
    if (rc)
        files_found_free(found);
    strbuf_free(&problem);
    return rc;
}

static weir_rc discover_stream(weir_task *t, const files_settings *settings, const stream_settings *wanted)
{
    found_files found;
    weir_rc rc = find(t, settings, wanted, &found);
    if (rc)
        return rc;
    sampler s = {.task = t, .stream = wanted};
    bool ok = infer_init(&s.in) && settings_key(wanted, &s.in);
    table_init(&s.table, &s.in, wanted);
    rc = ok ? sample_files(&s, &found, (uint64_t)settings->sample << 20)
            : weir_fail(t, WEIR_E_NOMEM, "stream '%s': out of memory", wanted->name);
    if (!rc)
        rc = report(&s);
    tables_free(&s.table);
    infer_free(&s.in);
    strbuf_free(&s.first);
    files_found_free(&found);
    return rc;
}

weir_rc files_discover(weir_task *t, void *self)
{
    const files_settings *settings = self;
    for (size_t i = 0; i < settings->streams.count && !weir_stopping(t); i++) {
        weir_rc rc = discover_stream(t, settings, (const stream_settings *)settings->streams.items + i);
        if (rc)
            return rc;
    }
    return WEIR_OK;
}
