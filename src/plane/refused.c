#include "plane/refused.h"

#include <stdlib.h>

#include "base/clock.h"
#include "json/pointer.h"
#include "json/write.h"

struct refused {
    const char *data_dir;
    char *task, *collection;
    buf name;           /* of the journal */
    journal *j;         /* NULL: not opened yet */
    uint64_t committed, written; /* written: its end once weir.db knows */
    buf lines;
    size_t sealed;      /* of lines */
    size_t count, sealed_count;
    buf reason;         /* of the first one that is not committed */
};

void refused_name(buf *out, weir_view task, weir_view collection)
{
    buf_adds(out, "refused;");
    buf_addv(out, task);
    buf_addc(out, ';');
    buf_addv(out, collection);
}

weir_rc refused_make(refused **ret, store *s, const char *data_dir, weir_view task, weir_view collection, err *e)
{
    refused *r = calloc(1, sizeof *r);
    if (!r)
        return err_nomem(e);
    r->data_dir = data_dir;
    refused_name(&r->name, task, collection);
    r->task = strndup(task.ptr, task.len);
    r->collection = strndup(collection.ptr, collection.len);
    weir_rc rc = buf_ok(&r->name) && r->task && r->collection ? store_journal(s, buf_view(&r->name), &r->committed, e) : err_nomem(e);
    if (rc)
        refused_free(r);
    else
        *ret = r;
    return rc;
}

void refused_free(refused *r)
{
    if (!r)
        return;
    journal_close(r->j);
    free(r->task);
    free(r->collection);
    buf_free(&r->name);
    buf_free(&r->lines);
    buf_free(&r->reason);
    free(r);
}

weir_rc refused_add(refused *r, weir_view doc, weir_view why, int64_t now, err *e)
{
    char at[CLOCK_TEXT];
    size_t before = r->lines.len;
    json_out w = json_out_to(&r->lines);
    out_open(&w, '{');
    out_text(out_name(&w, "at"), (weir_view){at, clock_rfc3339(now, 0, at)});
    out_text(out_name(&w, "reason"), why);
    out_raw(out_name(&w, "document"), doc);
    out_close(&w, '}');
    buf_addc(&r->lines, '\n');
    if (!r->count++) {
        buf_clear(&r->reason);
        buf_addv(&r->reason, why);
    }
    if (buf_ok(&r->lines) && buf_ok(&r->reason))
        return WEIR_OK;
    buf_clear(&r->reason);
    r->lines.failed = false;
    r->lines.len = before;
    r->count--;
    return err_nomem(e);
}

void refused_seal(refused *r)
{
    r->sealed = r->lines.len;
    r->sealed_count = r->count;
}

void refused_unseal(refused *r)
{
    r->lines.len = r->sealed;
    r->count = r->sealed_count;
}

size_t refused_bytes(const refused *r) { return r->lines.len; }

weir_rc refused_write(refused *r, offset *ret, bool *ret_any, err *e)
{
    weir_rc rc = WEIR_OK;
    *ret_any = r->sealed > 0;
    if (!r->sealed)
        return WEIR_OK;
    if (!r->j)
        rc = journal_open(&r->j, r->data_dir, buf_view(&r->name), r->committed, 0, e);
    else
        rc = journal_cut(r->j, r->committed, e); /* what was written before a commit that failed */
    if (!rc)
        rc = journal_append(r->j, (weir_view){r->lines.ptr, r->sealed}, e);
    if (!rc)
        rc = journal_sync(r->j, e);
    if (rc)
        return err_wrap(e, rc, "documents that were refused");
    r->written = journal_end(r->j);
    *ret = (offset){buf_view(&r->name), r->written};
    return WEIR_OK;
}

void refused_committed(refused *r, log_sink *log)
{
    if (!r->sealed)
        return;
    log_line(log, WEIR_WARN, "%s: %zu document%s for collection %s refused and put aside; the first one %.*s", r->task, r->sealed_count,
             r->sealed_count == 1 ? "" : "s", r->collection, VIEW_ARG(buf_view(&r->reason)));
    r->committed = r->written;
    buf_drop(&r->lines, r->sealed);
    r->count -= r->sealed_count;
    r->sealed = r->sealed_count = 0;
}

/* ------------------------------------------------------------------------------------------------------------ reading -- */

enum { PIECE_BYTES = 1 << 20 };

struct refused_reader {
    const char *data_dir;
    buf name;
    arena arena;
    picker *document;
    journal_reader *r;
    uint64_t at, limit;
    buf lines;
};

static weir_rc find(store *s, weir_view task, weir_view name, uint64_t *ret_at, uint64_t *ret_limit, err *e)
{
    weir_rc rc = store_journal(s, name, ret_limit, e);
    return rc ? rc : store_read_offset(s, task, name, ret_at, e);
}

weir_rc refused_waits(store *s, weir_view task, weir_view collection, bool *ret, err *e)
{
    buf name = {0};
    uint64_t at = 0, limit = 0;
    refused_name(&name, task, collection);
    weir_rc rc = buf_ok(&name) ? find(s, task, buf_view(&name), &at, &limit, e) : err_nomem(e);
    *ret = limit > at;
    buf_free(&name);
    return rc;
}

weir_rc refused_reader_make(refused_reader **ret, store *s, const char *data_dir, weir_view task, weir_view collection, err *e)
{
    refused_reader *r = calloc(1, sizeof *r);
    if (!r)
        return err_nomem(e);
    r->data_dir = data_dir;
    refused_name(&r->name, task, collection);
    weir_rc rc = buf_ok(&r->name) ? find(s, task, buf_view(&r->name), &r->at, &r->limit, e) : err_nomem(e);
    if (!rc)
        rc = picker_make(&r->arena, &(weir_view)WEIR_LIT("/document"), 1, &r->document, e);
    if (rc)
        refused_reader_free(r);
    else
        *ret = r;
    return rc;
}

void refused_reader_free(refused_reader *r)
{
    if (!r)
        return;
    if (r->r)
        journal_reader_close(r->r);
    buf_free(&r->name);
    buf_free(&r->lines);
    arena_free(&r->arena);
    free(r);
}

offset refused_reader_at(const refused_reader *r) { return (offset){buf_view(&r->name), r->at}; }

void refused_reader_skip(refused_reader *r, uint64_t at)
{
    if (!r->r && at > r->at)
        r->at = at;
}

weir_rc refused_read(refused_reader *r, buf *documents, size_t *ret_count, err *e)
{
    *ret_count = 0;
    if (r->at >= r->limit)
        return WEIR_OK;
    buf_clear(&r->lines);
    weir_rc rc = r->r ? WEIR_OK : journal_reader_open(&r->r, r->data_dir, buf_view(&r->name), r->at, e);
    if (!rc)
        rc = journal_read(r->r, r->limit, PIECE_BYTES, &r->lines, &r->at, e);
    for (weir_view rest = buf_view(&r->lines); rest.len && !rc;) {
        const char *nl = memchr(rest.ptr, '\n', rest.len);
        size_t len = (size_t)(nl - rest.ptr);
        weir_view doc;
        if (!picker_run(r->document, (weir_view){rest.ptr, len}, &doc) || !doc.len)
            rc = err_fail(e, WEIR_E_CONFIG, "the journal \"%.*s\" has been changed: a line of it holds no document", VIEW_ARG(buf_view(&r->name)));
        buf_addv(documents, doc);
        buf_addc(documents, '\n');
        ++*ret_count;
        rest = view_from(rest, len + 1);
    }
    return rc || buf_ok(documents) ? rc : err_nomem(e);
}
