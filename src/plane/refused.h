/* refused.h - documents that a task was not to take, with the reason why: dead letters. Our extension; nothing of Flow's.
 *
 * Where a binding says `onInvalid: divert`, what its collection's schema refuses does not fail the task, but goes to a journal of its own, for each task and
 * collection, committed in the same transaction as everything else:
 *
 *     DATA/journals/refused%3Bacme%2Fsource%3Bacme%2Forders/...    the journal "refused;acme/source;acme/orders": no collection has such a name
 *     {"at":"2026-11-28T02:00:00Z","reason":"is not valid: /n: ...","document":{...}}
 *
 * `weir replay` has the task put them through again, in transactions of its own. How far it is, is one of the task's offsets in what it reads.
 */
#ifndef WEIR_PLANE_REFUSED_H
#define WEIR_PLANE_REFUSED_H

#include "base/log.h"
#include "plane/journal.h"
#include "plane/store.h"

typedef struct refused refused;

/** Appends the name of the journal. */
void refused_name(buf *out, weir_view task, weir_view collection);
/** @param data_dir borrowed */
weir_rc refused_make(refused **ret, store *s, const char *data_dir, weir_view task, weir_view collection, err *e);
void refused_free(refused *r);

/** Notes a document. It counts once it is sealed. */
weir_rc refused_add(refused *r, weir_view doc, weir_view why, int64_t now, err *e);
void refused_seal(refused *r);
/** Takes back what was noted since the last seal. */
void refused_unseal(refused *r);
/** Bytes that were noted and not committed. */
size_t refused_bytes(const refused *r);

/** Puts what is sealed on the disk, behind what is committed. *ret is what store_commit_all() is to be told. @return with *ret_any false: there is nothing */
weir_rc refused_write(refused *r, offset *ret, bool *ret_any, err *e);
/** weir.db knows of it: logs how many there were. */
void refused_committed(refused *r, log_sink *log);

/** The documents that were refused so far, from the first one that was not put through again. */
typedef struct refused_reader refused_reader;

weir_rc refused_reader_make(refused_reader **ret, store *s, const char *data_dir, weir_view task, weir_view collection, err *e);
void refused_reader_free(refused_reader *r);
/** Where it is, as one of the task's offsets. */
offset refused_reader_at(const refused_reader *r);
/** A checkpoint that somebody else keeps says that it is further. */
void refused_reader_skip(refused_reader *r, uint64_t at);
/** Appends some of them, a line each; nothing: that was all. */
weir_rc refused_read(refused_reader *r, buf *documents, size_t *ret_count, err *e);
/** Is there any that was not put through again? */
weir_rc refused_waits(store *s, weir_view task, weir_view collection, bool *ret, err *e);

#endif
