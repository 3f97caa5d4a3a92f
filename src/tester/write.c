/* A batch becomes files, and a call that names them (fivetran.md 2.4, 2.5). */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "tester/send.h"

enum { FILE_MAX = 96 << 20, FILES_MAX = 64 }; /* bytes of a file: 100 MB at most; files of one kind */

typedef struct written {
    char *paths[FILES_MAX]; /* as the server sees them */
    char *local[FILES_MAX];
    unsigned char keys[FILES_MAX][FT_KEY_BYTES];
    size_t count;
} written;

static const char *const kinds[] = {[TESTER_EARLIEST] = "earliest", [TESTER_UPSERTS] = "upsert", [TESTER_UPDATES] = "update", [TESTER_DELETES] = "delete"};

static weir_rc open_file(dest_test *x, const tester_batch *b, tester_file kind, const char *stem, const ft_table *columns, written *w, ft_batch_file **ret, err *e)
{
    char more[16] = "";
    if (w->count == FILES_MAX)
        return err_fail(e, WEIR_E_CONFIG, "more than %d files of %s", FILES_MAX, kinds[kind]);
    if (w->count)
        snprintf(more, sizeof more, "_%zu", w->count + 1);
    weir_view name = arena_printf(&x->arena, "%.*s_%s_%s%s.%s%s", VIEW_ARG(b->target->table.name), stem, kinds[kind], more, x->parquet ? "parquet" : "csv", x->o->plain_text ? "" : ".zstd.aes");
    for (size_t i = 0; i < name.len; i++)
        if (name.ptr[i] == '/')
            ((char *)(uintptr_t)name.ptr)[i] = '_'; /* ours */
    w->local[w->count] = arena_text(&x->arena, arena_printf(&x->arena, "%s/%.*s", x->o->data, VIEW_ARG(name)));
    w->paths[w->count] = arena_text(&x->arena, arena_printf(&x->arena, "%s/%.*s", x->folder, VIEW_ARG(name)));
    if (x->arena.failed)
        return err_nomem(e);
    if (unlink(w->local[w->count]) != 0 && errno != ENOENT)
        return err_errno(e, errno, "remove %s", w->local[w->count]);
    const ft_batch_options o = {.aes = !x->o->plain_text, .zstd = !x->o->plain_text, .null_string = x->null_string, .unmodified_string = x->unmodified_string,
                                .parquet = x->parquet};
    return ft_batch_open(ret, w->local[w->count], columns, &o, e);
}

static weir_rc write_kind(dest_test *x, const tester_batch *b, tester_file kind, const char *stem, written *w, err *e)
{
    arena texts = {0};
    ft_table columns;
    ft_batch_file *f = NULL;
    weir_rc rc = tester_plan_columns(&x->arena, b->target, kind, &columns, e);
    ft_cell *cells = rc ? NULL : arena_array(&x->arena, columns.count + 1, sizeof *cells);
    if (!rc && !cells)
        rc = err_nomem(e);
    for (const tester_row *row = b->first[kind]; !rc && row; row = row->next) {
        if (!f)
            rc = open_file(x, b, kind, stem, &columns, w, &f, e);
        if (!rc)
            rc = tester_plan_cells(&texts, b->target, kind, &columns, row, cells, e);
        if (!rc)
            rc = ft_batch_row(f, cells, e);
        if (!rc && (!row->next || ft_batch_size(f) >= FILE_MAX)) {
            rc = ft_batch_close(f, w->keys[w->count], e);
            w->count += !rc;
            f = NULL;
        }
        arena_reset(&texts);
    }
    ft_batch_abort(f);
    arena_free(&texts);
    return rc;
}

/* ---- the call ---- */

static FivetranSdk__V2__FileParams *params_of(dest_test *x)
{
    FivetranSdk__V2__FileParams *p = arena_alloc(&x->arena, sizeof *p);
    if (!p)
        return NULL;
    *p = (FivetranSdk__V2__FileParams)FIVETRAN_SDK__V2__FILE_PARAMS__INIT;
    p->compression = x->o->plain_text ? FIVETRAN_SDK__V2__COMPRESSION__OFF : FIVETRAN_SDK__V2__COMPRESSION__ZSTD;
    p->encryption = x->o->plain_text ? FIVETRAN_SDK__V2__ENCRYPTION__NONE : FIVETRAN_SDK__V2__ENCRYPTION__AES;
    p->null_string = x->null_string;
    p->unmodified_string = x->unmodified_string;
    return p;
}

/* The keys of all files, as the map of a request: the entries of both requests are made alike. */
#define KEYS(x, w, q, TYPE, INIT)                                                                                                                              \
    do {                                                                                                                                                       \
        (q)->keys = arena_array(&(x)->arena, TESTER_FILES * FILES_MAX, sizeof(TYPE *));                                                                        \
        for (size_t k_ = 0; (q)->keys && !(x)->o->plain_text && k_ < TESTER_FILES; k_++)                                                                       \
            for (size_t i_ = 0; i_ < (w)[k_].count; i_++) {                                                                                                    \
                TYPE *entry_ = arena_alloc(&(x)->arena, sizeof *entry_);                                                                                       \
                if (!entry_)                                                                                                                                   \
                    break;                                                                                                                                     \
                *entry_ = (TYPE)INIT;                                                                                                                          \
                entry_->key = (w)[k_].paths[i_];                                                                                                               \
                entry_->value = (ProtobufCBinaryData){FT_KEY_BYTES, (w)[k_].keys[i_]};                                                                         \
                (q)->keys[(q)->n_keys++] = entry_;                                                                                                             \
            }                                                                                                                                                  \
    } while (0)

/* The members that both requests have. */
#define FILL(x, b, w, q)                                                                                                                                       \
    do {                                                                                                                                                       \
        (q)->schema_name = (char *)(uintptr_t)(x)->o->schema;                                                                                                  \
        (q)->table = tester_target_message(&(x)->arena, &(b)->target->table);                                                                                  \
        (q)->replace_files = (w)[TESTER_UPSERTS].paths;                                                                                                        \
        (q)->n_replace_files = (w)[TESTER_UPSERTS].count;                                                                                                      \
        (q)->update_files = (w)[TESTER_UPDATES].paths;                                                                                                         \
        (q)->n_update_files = (w)[TESTER_UPDATES].count;                                                                                                       \
        (q)->delete_files = (w)[TESTER_DELETES].paths;                                                                                                         \
        (q)->n_delete_files = (w)[TESTER_DELETES].count;                                                                                                       \
        (q)->file_params = params_of(x);                                                                                                                       \
    } while (0)

static weir_rc send(dest_test *x, const char *method, const ProtobufCMessage *q, err *e)
{
    ProtobufCMessage *m = NULL;
    weir_rc rc = tester_call(x, method, q, &fivetran_sdk__v2__write_batch_response__descriptor, &m, e);
    return rc ? rc : tester_judge(x, method, TESTER_ANSWER((const FivetranSdk__V2__WriteBatchResponse *)(void *)m, WRITE_BATCH), e);
}

static weir_rc send_plain(dest_test *x, const tester_batch *b, written *w, err *e)
{
    FivetranSdk__V2__WriteBatchRequest q = FIVETRAN_SDK__V2__WRITE_BATCH_REQUEST__INIT;
    TESTER_CONFIGURATION(&x->arena, &x->setup, &q, FivetranSdk__V2__WriteBatchRequest__ConfigurationEntry,
                         FIVETRAN_SDK__V2__WRITE_BATCH_REQUEST__CONFIGURATION_ENTRY__INIT);
    KEYS(x, w, &q, FivetranSdk__V2__WriteBatchRequest__KeysEntry, FIVETRAN_SDK__V2__WRITE_BATCH_REQUEST__KEYS_ENTRY__INIT);
    FILL(x, b, w, &q);
    return send(x, "WriteBatch", &q.base, e);
}

static weir_rc send_history(dest_test *x, const tester_batch *b, written *w, err *e)
{
    FivetranSdk__V2__WriteHistoryBatchRequest q = FIVETRAN_SDK__V2__WRITE_HISTORY_BATCH_REQUEST__INIT;
    TESTER_CONFIGURATION(&x->arena, &x->setup, &q, FivetranSdk__V2__WriteHistoryBatchRequest__ConfigurationEntry,
                         FIVETRAN_SDK__V2__WRITE_HISTORY_BATCH_REQUEST__CONFIGURATION_ENTRY__INIT);
    KEYS(x, w, &q, FivetranSdk__V2__WriteHistoryBatchRequest__KeysEntry, FIVETRAN_SDK__V2__WRITE_HISTORY_BATCH_REQUEST__KEYS_ENTRY__INIT);
    FILL(x, b, w, &q);
    q.earliest_start_files = w[TESTER_EARLIEST].paths;
    q.n_earliest_start_files = w[TESTER_EARLIEST].count;
    return send(x, "WriteHistoryBatch", &q.base, e);
}

/* Without its key a file is of no use to anybody; those in plain text may be looked at. */
static void tidy(const dest_test *x, written *w)
{
    for (size_t k = 0; !x->o->plain_text && k < TESTER_FILES; k++) {
        for (size_t i = 0; i < w[k].count; i++)
            unlink(w[k].local[i]);
        explicit_bzero(w[k].keys, sizeof w[k].keys);
    }
}

weir_rc tester_write(dest_test *x, const tester_batch *b, const char *stem, err *e)
{
    weir_rc rc = WEIR_OK;
    written *w = arena_array(&x->arena, TESTER_FILES, sizeof *w);
    if (!w)
        return err_nomem(e);
    for (int kind = 0; !rc && kind < TESTER_FILES; kind++)
        rc = write_kind(x, b, (tester_file)kind, stem, &w[kind], e);
    if (!rc)
        rc = b->target->history ? send_history(x, b, w, e) : send_plain(x, b, w, e);
    if (!rc)
        tester_say(x->r, "write", "%.*s: %zu upserts, %zu updates, %zu deletes%s", VIEW_ARG(b->target->table.name), b->count[TESTER_UPSERTS],
                   b->count[TESTER_UPDATES], b->count[TESTER_DELETES], b->target->history ? ", with history" : "");
    for (int kind = TESTER_UPSERTS; kind < TESTER_FILES; kind++)
        x->rows += b->count[kind];
    tidy(x, w);
    return err_wrap(e, rc, "table '%.*s'", VIEW_ARG(b->target->table.name));
}
