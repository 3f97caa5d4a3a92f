/* What a tap writes: SCHEMA, RECORD, STATE, ACTIVATE_VERSION and BATCH (singer.md 1). */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/io.h"
#include "json/patch.h"
#include "json/write.h"
#include "proto/singer/logs.h"
#include "proto/singer/tap.h"

enum { HOLD_MS = 1000, METRICS_MS = 60000, FILE_MS = 60000 /* a batch file waits so long for more records */,
       ALWAYS_TOLD = 16 * 1024 /* a larger state is not told at the end of every stream, of which there may be thousands */ };

void singer_tap_failed(tap *t, err *e)
{
    pthread_mutex_lock(&t->lock);
    if (!t->failure.rc)
        err_move(&t->failure, e);
    else
        err_clear(e);
    pthread_mutex_unlock(&t->lock);
    session_stop(t->s);
}

/* ---------------------------------------------------------------------------------------------------------------- schemas -- */

void singer_tap_put_schema(const tap_stream *s, weir_view schema, buf *out)
{
    json_out w = json_out_to(out);
    out_open(&w, '{');
    out_text(out_name(&w, "type"), VIEW("SCHEMA"));
    out_text(out_name(&w, "stream"), s->name);
    out_raw(out_name(&w, "schema"), schema);
    out_raw(out_name(&w, "key_properties"), s->key);
    if (s->bookmark.len)
        out_raw(out_name(&w, "bookmark_properties"), s->bookmark);
    out_close(&w, '}');
    buf_addc(out, '\n');
}

static const tap_stream *stream_of(const tap *t, const weir_binding *b) { return &t->catalog.streams[t->base + b->index]; }
static tap_progress *progress_of(const tap *t, const weir_binding *b) { return &t->progress[t->base + b->index]; }

/* The source has said more about its documents: told at once, but only if it is news (singer.md 1, ordering 2). */
static void on_schema(const framing *f, buf *out, const weir_binding *b, weir_view schema)
{
    tap *t = f->context;
    tap_progress *p = progress_of(t, b);
    buf now = {0};
    err e = {0};
    pthread_mutex_lock(&t->lock);
    weir_rc rc = singer_tap_widen(stream_of(t, b), p->sent.len ? buf_view(&p->sent) : stream_of(t, b)->schema, schema, &now, &e);
    if (!rc && now.len) {
        singer_tap_put_schema(stream_of(t, b), buf_view(&now), out);
        buf swap = p->sent;
        p->sent = now;
        now = swap;
    }
    pthread_mutex_unlock(&t->lock);
    if (rc)
        singer_tap_failed(t, &e);
    err_free(&e);
    buf_free(&now);
}

/* ----------------------------------------------------------------------------------------------------------------- states -- */

/* Does a state wait for documents that would make it worth its bytes? */
static bool is_held(const tap *t)
{
    return !t->last && t->told_size > t->since && clock_ms() - t->told_ms < HOLD_MS;
}

static void put_state(tap *t, buf *out)
{
    size_t from = out->len;
    singer_state_write(&t->state, t->syncing, out);
    t->told_size = out->len - from;
    t->since = 0;
    t->told_ms = clock_ms();
    t->dirty = false;
    t->told = true;
    t->told_at = out->len;
}

/* What was counted since the last time; in the end also if that is nothing. */
static void report_count(tap *t, size_t stream, bool end)
{
    tap_progress *p = &t->progress[stream];
    char text[NUMBER_TEXT];
    uint64_t news = p->records - p->reported;
    t->metrics_ms = clock_ms();
    if (!news && !end)
        return;
    p->reported = p->records;
    singer_metric_log(t->log, &(singer_metric){"counter", "record_count", {text, number_u64(text, news)}, t->catalog.streams[stream].name, NULL});
}

static void on_settle(const framing *f, buf *out)
{
    tap *t = f->context;
    if (t->one_each)
        return;
    t->since += out->len;
    t->told = t->told && (!out->len || out->len == t->told_at);
    t->told_at = 0;
    if (clock_ms() - t->metrics_ms >= METRICS_MS)
        for (size_t i = 0; i < t->catalog.count; i++)
            report_count(t, i, false);
    if (t->last ? t->dirty || !t->told : t->dirty && !is_held(t)) {
        put_state(t, out);
        t->told_at = 0; /* nothing comes behind it in this buffer */
    }
}

static bool on_holds(const framing *f)
{
    const tap *t = f->context;
    return t->dirty;
}

static void forget_told_files(tap_outlet *o);

/* @param sealed by a checkpoint; otherwise the lane's rest was dropped */
static void count_fresh(const lane *ln, bool sealed)
{
    tap_outlet *first = ln->outlets ? ln->outlets[0].context : NULL;
    if (!first)
        return;
    for (tap_outlet *o = first->lane->fresh; o; o = o->next_fresh) {
        o->progress->records += o->fresh;
        o->fresh = 0;
        if (o->t->batches && sealed)
            forget_told_files(o);
    }
    first->lane->fresh = NULL;
}

/* ---------------------------------------------------------------------------------------------------------------- batches -- */

static tap_file *begin_file(tap_outlet *o, err *e)
{
    tap *t = o->t;
    tap_file *f = calloc(1, sizeof *f);
    pthread_mutex_lock(&t->lock);
    uint64_t n = ++o->progress->batches;
    pthread_mutex_unlock(&t->lock);
    weir_rc rc = f ? singer_batch_open(&f->file, &t->place, o->stream->name, n, e) : err_nomem(e);
    if (rc) {
        free(f);
        return NULL;
    }
    f->lane = o->lane;
    pthread_mutex_lock(&t->lock);
    f->next = o->progress->files;
    o->progress->files = f;
    pthread_mutex_unlock(&t->lock);
    return f;
}

static void complete_file(tap *t, size_t stream, tap_file *f, buf *out)
{
    err e = {0};
    batch_file *file = f->file;
    f->file = NULL;
    if (file && singer_batch_close(file, &t->place, t->catalog.streams[stream].name, &f->message, &e))
        singer_tap_failed(t, &e);
    buf_addv(out, buf_view(&f->message));
    out->failed |= !buf_ok(&f->message);
    err_free(&e);
}

static void free_file(tap_file *f)
{
    buf_free(&f->message);
    free(f);
}

/* The lane's messages have just been sealed. */
static void forget_told_files(tap_outlet *o)
{
    pthread_mutex_lock(&o->t->lock);
    for (tap_file **at = &o->progress->files; *at;) {
        tap_file *f = *at;
        if (f->file || f->lane != o->lane) {
            at = &f->next;
            continue;
        }
        *at = f->next;
        free_file(f);
    }
    pthread_mutex_unlock(&o->t->lock);
}

static void close_file(tap_outlet *o, buf *out)
{
    complete_file(o->t, o->index, o->file, out);
    o->file = NULL;
    o->closed++;
}

/* The same among what is sealed already. */
static void close_sealed(tap_outlet *o, buf *out)
{
    close_file(o, out);
    forget_told_files(o);
}

/* Of all lanes that read the stream, which none does any more. What is complete and still here was dropped with its lane, but states may count on it. */
static void close_all(tap *t, size_t stream, buf *out)
{
    while (t->progress[stream].files) {
        tap_file *f = t->progress[stream].files;
        complete_file(t, stream, f, out);
        t->progress[stream].files = f->next;
        free_file(f);
    }
}

/* Is there a file of another lane, or of any if none is given, that has not been told? */
static bool others_are_open(tap *t, const tap_outlet *o)
{
    bool open = false;
    pthread_mutex_lock(&t->lock);
    for (size_t i = o ? o->index : 0; i < (o ? o->index + 1 : t->catalog.count); i++)
        for (const tap_file *f = t->progress[i].files; f; f = f->next)
            open |= !o || f != o->file;
    pthread_mutex_unlock(&t->lock);
    return open;
}

/* What is at `doc` in the outlet's buffer moves into its file; a BATCH message takes its place when that is full. */
static void to_file(tap_outlet *o, buf *to, size_t start, weir_view doc)
{
    err e = {0};
    weir_rc rc = WEIR_OK;
    if (!o->file && !(o->file = begin_file(o, &e)))
        rc = e.rc;
    if (!rc)
        rc = singer_batch_add(o->file->file, doc, &e);
    if (rc)
        singer_tap_failed(o->t, &e);
    to->len = start;
    if (!rc && singer_batch_records(o->file->file) >= (uint64_t)o->t->settings.batch_config.size)
        close_file(o, to);
    err_free(&e);
}

/* A state may be told once the files with its documents are complete, and those of the states before it: of all lanes that read the stream. */
static bool note_behind_file(tap *t, tap_outlet *o, const checkpoint *c, buf *out)
{
    bool ok = true;
    if (o->waits && o->closed > o->noted && !others_are_open(t, o)) {
        ok = singer_state_copy(&t->state, &t->noted, o->index);
        t->dirty = true;
    }
    ok = ok && singer_state_note(&t->noted, c, t->base);
    if (o->file && clock_ms() - singer_batch_began(o->file->file) >= FILE_MS)
        close_sealed(o, out);
    o->waits = o->file != NULL;
    o->noted = o->closed;
    if (ok && !o->waits && !others_are_open(t, o)) {
        ok = singer_state_copy(&t->state, &t->noted, o->index);
        t->dirty = true;
    }
    return ok;
}

/* The state of all streams waits for all files: those of this lane are completed once they hold enough, or for long enough. */
static bool note_behind_files(tap *t, const lane *ln, const checkpoint *c, buf *out)
{
    uint64_t records = 0;
    int64_t now = clock_ms(), began = now;
    size_t count;
    session_bindings(t->s, &count);
    bool ok = singer_state_note(&t->noted, c, t->base);
    for (size_t i = 0; ln->outlets && i < count; i++) {
        const tap_outlet *o = ln->outlets[i].context;
        records += o->file ? singer_batch_records(o->file->file) : 0;
        began = o->file && singer_batch_began(o->file->file) < began ? singer_batch_began(o->file->file) : began;
    }
    if (records && records < (uint64_t)t->settings.batch_config.size && now - began < FILE_MS)
        return ok;
    for (size_t i = 0; ln->outlets && i < count; i++) {
        tap_outlet *o = ln->outlets[i].context;
        if (o->file)
            close_sealed(o, out);
    }
    if (others_are_open(t, NULL))
        return ok;
    t->dirty = true;
    return ok && singer_state_copy(&t->state, &t->noted, SIZE_MAX);
}

/* ------------------------------------------------------------------------------------------------------------ checkpoints -- */

static bool note_versions(tap *t, const lane *ln);

static void on_checkpoint(const framing *f, buf *out, const lane *ln, const checkpoint *c)
{
    tap *t = f->context;
    bool ok;
    count_fresh(ln, true);
    if (t->one_each || t->failure.rc)
        return;
    if (!t->batches) {
        ok = singer_state_note(&t->state, c, t->base);
        t->dirty = true;
    } else if (c->binding) {
        ok = note_behind_file(t, ln->outlets[c->binding->index].context, c, out);
    } else {
        ok = note_behind_files(t, ln, c, out);
    }
    out->failed |= !ok || !note_versions(t, ln);
}

/* ---------------------------------------------------------------------------------------------------------------- records -- */

/* Milliseconds are enough, six digits are what readers expect (singer.md 1). */
static void write_time(char *to, const struct timespec *at)
{
    char text[CLOCK_TEXT];
    unsigned ms = (unsigned)(at->tv_nsec / 1000000);
    if (clock_rfc3339(at->tv_sec, 0, text) != 20)
        return;
    memcpy(to, text, 19);
    to[19] = '.';
    to[20] = (char)('0' + ms / 100);
    to[21] = (char)('0' + ms / 10 % 10);
    to[22] = (char)('0' + ms % 10);
    memcpy(to + 23, "000Z", 4);
}

/* The suffix holds the time at which it was last another one: a document that comes in the same tick of the clock is finished as it is. */
static inline void stamp(tap_outlet *x, buf *to)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    if (__builtin_expect(now.tv_nsec == x->at.tv_nsec && now.tv_sec == x->at.tv_sec, 1))
        return;
    x->at = now;
    write_time(x->time, &now);
    memcpy(to->ptr + to->len - (sizeof "\"}\n" - 1) - TAP_TIME, x->time, TAP_TIME);
}

static inline void count(tap_outlet *x)
{
    if (!x->fresh++) {
        x->next_fresh = x->lane->fresh;
        x->lane->fresh = x;
    }
}

static void finish_plain(outlet *o, size_t start)
{
    tap_outlet *x = o->context;
    (void)start;
    if (!buf_ok(o->to))
        return;
    stamp(x, o->to);
    count(x);
}

static bool rewrite_deletion(tap_outlet *x, buf *to, size_t from, size_t len);

/* What the document at `from` loses. @return its new length */
static size_t strip(const tap_outlet *x, char *doc, size_t len)
{
    if (x->stream->from->unwrap.row_id)
        len = unwrap_row_id(doc, len);
    return x->stream->prune ? prune_in_place(x->stream->prune, doc, len) : len;
}

static void finish_changed(outlet *o, size_t start)
{
    tap_outlet *x = o->context;
    buf *to = o->to;
    const size_t from = start + o->prefix.len;
    if (!buf_ok(to))
        return;
    size_t len = to->len - o->suffix.len - from;
    if (x->stream->from->unwrap.deletes && unwrap_deletes((weir_view){to->ptr + from, len})) {
        to->len = from + len;
        if (!rewrite_deletion(x, to, from, len))
            return;
        len = to->len - from;
        buf_addv(to, o->suffix);
        if (!buf_ok(to))
            return;
    }
    size_t left = strip(x, to->ptr + from, len);
    if (left != len) {
        memmove(to->ptr + from + left, to->ptr + from + len, o->suffix.len);
        to->len -= len - left;
    }
    if (x->t->batches) {
        to_file(x, to, start, (weir_view){to->ptr + from, left});
        count(x);
        return;
    }
    stamp(x, to);
    count(x);
}

/* A test wants one record of each stream. It is kept apart: the connector is stopped now, and how it takes that is its own business. */
static void finish_first(outlet *o, size_t start)
{
    tap_outlet *x = o->context;
    if (!atomic_exchange(&x->t->satisfied, true)) {
        finish_changed(o, start);
        if (buf_ok(o->to))
            buf_add(&x->t->first, o->to->ptr + start, o->to->len - start);
        session_stop(x->t->s);
    }
    if (buf_ok(o->to))
        o->to->len = start;
}

/* ---- deletions: `_sdc_deleted_at` (singer.md 1, replication methods) ---- */

static bool add_deleted_at(weir_view doc, buf *out)
{
    struct timespec now;
    char time[TAP_TIME];
    buf patch = {0};
    clock_gettime(CLOCK_REALTIME, &now);
    write_time(time, &now);
    buf_printf(&patch, "{\"_sdc_deleted_at\":\"%.*s\"}", TAP_TIME, time);
    bool ok = buf_ok(&patch) && patch_apply(out, doc, buf_view(&patch));
    buf_free(&patch);
    return ok;
}

static bool on_mark(const outlet *o, weir_op op, weir_view doc, buf *out)
{
    (void)o;
    (void)op; /* a deletion: updates are refused */
    return add_deleted_at(doc, out);
}

static bool rewrite_deletion(tap_outlet *x, buf *to, size_t from, size_t len)
{
    buf doc = {0};
    (void)x;
    bool ok = add_deleted_at((weir_view){to->ptr + from, len}, &doc) && buf_ok(&doc);
    if (ok) {
        to->len = from;
        buf_addv(to, buf_view(&doc));
    }
    to->failed |= !ok;
    buf_free(&doc);
    return buf_ok(to);
}

/* ---- outlets ---- */

static void record_texts(const tap_outlet *x, int64_t version, buf *prefix, buf *suffix)
{
    buf_adds(prefix, "{\"type\":\"RECORD\",\"stream\":");
    json_quote_lossy(prefix, x->stream->name);
    buf_adds(prefix, ",\"record\":");
    if (version)
        buf_printf(suffix, ",\"version\":%lld", (long long)version);
    buf_adds(suffix, ",\"time_extracted\":\"0000-00-00T00:00:00.000000Z\"}\n");
}

static int64_t version_of(tap *t, const tap_progress *p)
{
    pthread_mutex_lock(&t->lock);
    int64_t version = p->version;
    pthread_mutex_unlock(&t->lock);
    return version;
}

static bool on_outlet(const framing *f, arena *a, const weir_binding *b, outlet *o)
{
    tap *t = f->context;
    tap_outlet *x = arena_alloc(a, sizeof *x), *first = b->index ? (o - b->index)->context : NULL;
    buf prefix = {0}, suffix = {0};
    if (!x)
        return false;
    *x = (tap_outlet){.t = t, .stream = stream_of(t, b), .progress = progress_of(t, b), .index = t->base + b->index};
    x->lane = first ? first->lane : arena_alloc(a, sizeof *x->lane);
    if (t->batches)
        buf_adds(&suffix, "\n");
    else
        record_texts(x, version_of(t, x->progress), &prefix, &suffix);
    weir_view text = arena_dup(a, buf_view(&suffix));
    o->prefix = prefix.len ? arena_dup(a, buf_view(&prefix)) : VIEW("");
    o->suffix = text;
    if (t->framing.truncate) {
        buf_clear(&suffix);
        buf_clear(&prefix);
        record_texts(x, 1000000000000, &prefix, &suffix);
        x->numbered = arena_dup(a, buf_view(&suffix));
        a->failed |= !x->numbered.ptr;
    }
    bool ok = !a->failed && buf_ok(&prefix) && buf_ok(&suffix) && x->lane && o->prefix.ptr && text.ptr;
    if (ok && !t->batches)
        x->time = (char *)(uintptr_t)text.ptr + text.len - (sizeof "\"}\n" - 1) - TAP_TIME;
    bool plain = !t->batches && !x->stream->prune && !x->stream->from->unwrap.row_id && !x->stream->from->unwrap.deletes;
    o->finish = t->one_each ? finish_first : plain ? finish_plain : finish_changed;
    o->mark = on_mark;
    o->whole = true;
    o->context = x;
    buf_free(&prefix);
    buf_free(&suffix);
    return ok;
}

/* ---------------------------------------------------------------------------------------------------------------- streams -- */

static void put_activate(const tap_stream *s, int64_t version, buf *out)
{
    buf_adds(out, "{\"type\":\"ACTIVATE_VERSION\",\"stream\":");
    json_quote_lossy(out, s->name);
    buf_printf(out, ",\"version\":%lld}\n", (long long)version);
}

/* Time goes on by a millisecond at least. */
static int64_t next_version(tap *t, tap_progress *p)
{
    int64_t now = singer_tap_version_now();
    pthread_mutex_lock(&t->lock);
    now = now > p->version ? now : p->version + 1;
    p->version = now;
    pthread_mutex_unlock(&t->lock);
    return now;
}

/* Rows of a version lower than the new one, which the records have from now on, are obsolete: told before them. The version goes into the state, so that
 * records of later runs have it, too. */
static void on_truncate(const framing *f, buf *out, lane *ln, const weir_binding *b)
{
    tap *t = f->context;
    outlet *o = &ln->outlets[b->index];
    tap_outlet *x = o->context;
    char *text = (char *)(uintptr_t)x->numbered.ptr, digits[24];
    x->version = next_version(t, x->progress);
    x->lane->truncated = true;
    put_activate(x->stream, x->version, out);
    if (snprintf(digits, sizeof digits, "%lld", (long long)x->version) != VERSION_DIGITS)
        return;
    memcpy(text + sizeof ",\"version\":" - 1, digits, VERSION_DIGITS);
    o->suffix = x->numbered;
    x->time = text + x->numbered.len - (sizeof "\"}\n" - 1) - TAP_TIME;
    x->at = (struct timespec){0}; /* none is in it yet */
}

static bool note_versions(tap *t, const lane *ln)
{
    const tap_outlet *first = ln->outlets ? ln->outlets[0].context : NULL;
    size_t count;
    bool ok = true;
    if (!first || !first->lane->truncated)
        return true;
    session_bindings(t->s, &count);
    for (size_t i = 0; i < count && ok; i++) {
        const tap_outlet *x = ln->outlets[i].context;
        if (x->version)
            ok = singer_state_set_version(&t->state, x->stream->id, x->version);
    }
    first->lane->truncated = false;
    return ok;
}

/* A stream that was never read whole becomes visible while it is read; others when they are complete (singer.md 1, ACTIVATE_VERSION). */
static void on_begin(const framing *f, buf *out, const weir_binding *b)
{
    tap *t = f->context;
    const tap_stream *s = stream_of(t, b);
    tap_progress *p = progress_of(t, b);
    singer_tap_put_schema(s, s->schema, out);
    p->began = clock_ms();
    if (t->version && s->full_table && !t->one_each && !singer_state_version(&t->state, s->id))
        put_activate(s, p->version, out);
    if (!t->several)
        t->syncing = s->id;
}

static void log_duration(tap *t, const tap_stream *s, const tap_progress *p, bool well)
{
    char text[40];
    int64_t ms = clock_ms() - p->began;
    weir_view value = {text, (size_t)snprintf(text, sizeof text, "%lld.%03d", (long long)(ms / 1000), (int)(ms % 1000))};
    singer_metric_log(t->log, &(singer_metric){"timer", "sync_duration", value, s->name, well ? "succeeded" : "failed"});
}

static weir_rc on_end(const framing *f, buf *out, const lane *ln, const weir_binding *b, weir_rc rc, err *e)
{
    tap *t = f->context;
    const tap_stream *s = stream_of(t, b);
    tap_progress *p = progress_of(t, b);
    (void)e;
    count_fresh(ln, !rc);
    if (t->one_each) {
        buf_addv(out, buf_view(&t->first));
        out->failed |= t->first.failed;
        buf_clear(&t->first);
        return rc;
    }
    close_all(t, t->base + b->index, out);
    bool complete = !rc && !t->failure.rc && !session_stopping(t->s), ok = true;
    if (t->batches && !t->failure.rc)
        ok = singer_state_copy(&t->state, &t->noted, t->base + b->index);
    if (complete && t->version && s->full_table) {
        put_activate(s, version_of(t, p), out);
        ok = ok && singer_state_set_version(&t->state, s->id, version_of(t, p));
    }
    if (complete && view_eq(t->syncing, s->id))
        t->syncing = (weir_view){0};
    if (rc != WEIR_STOPPED) { /* nobody reads: not a word */
        report_count(t, t->base + b->index, true);
        log_duration(t, s, p, complete);
    }
    if (ok && (t->told_size <= ALWAYS_TOLD || !is_held(t)))
        put_state(t, out);
    else
        t->dirty = true;
    out->failed |= !ok;
    return rc;
}

/* ---------------------------------------------------------------------------------------------------------------- settings -- */

static void put_config(const tap *t, const tree *config, buf *out)
{
    json_out w = json_out_to(out);
    out_open(&w, '{');
    for (const tree *m = config->first; m; m = m->next)
        out_raw(out_namev(&w, m->name), m->raw);
    for (const tree *m = t->job->settings->first; m; m = m->next)
        out_raw(out_namev(&w, m->name), m->raw);
    out_close(&w, '}');
    buf_addc(out, '\n');
}

/* Taps that rotate tokens write their config file anew (singer.md 4). */
static void on_config(const framing *f, buf *out, weir_view config)
{
    tap *t = f->context;
    arena a = {0};
    err e = {0};
    buf text = {0};
    tree *parsed;
    (void)out;
    if (!t->job->config_path) {
        log_line(t->log, WEIR_WARN, "the settings have changed by themselves, but do not come from one file: update them by hand if the next run is refused");
        return;
    }
    weir_rc rc = tree_parse(&a, config, NULL, WEIR_E_BUG, &parsed, &e);
    if (!rc) {
        put_config(t, parsed, &text);
        rc = buf_ok(&text) ? io_replace_file(t->job->config_path, buf_view(&text), &e) : err_nomem(&e);
    }
    if (rc)
        log_line(t->log, WEIR_WARN, "the settings have changed by themselves, but cannot be kept: %s", err_text(&e));
    buf_wipe(&text);
    err_free(&e);
    arena_free(&a);
}

void singer_tap_framing(tap *t)
{
    t->framing = (framing){.outlet = on_outlet, .checkpoint = on_checkpoint, .schema = on_schema, .settle = on_settle, .holds = on_holds,
                           .begin = on_begin, .end = on_end, .config = on_config, .context = t};
    if (t->version && !t->batches && !t->one_each)
        t->framing.truncate = on_truncate;
}
