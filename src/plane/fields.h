/* fields.h - what a materialization remembers of the tables it stores into: notes in weir.db beside its state. Fields that are stored stay; bindings that no
 * longer fit what is there are filled anew, or left out, as the catalog says (onIncompatibleSchemaChange, flow.md 8: `backfill` unless it says otherwise).
 */
#ifndef WEIR_PLANE_FIELDS_H
#define WEIR_PLANE_FIELDS_H

#include "base/log.h"
#include "plane/prepare.h"
#include "plane/store.h"

typedef struct fields {
    const task *t;      /* of the catalog */
    store *store;
    log_sink *log;
    arena arena;
    bool *off;          /* by binding of the catalog: left out */
    bool *renewed;      /* ... a backfill has begun, and that is enough */
    size_t *from;       /* by binding of the session: which one of the catalog it is */
    bool disabled;      /* the whole task */
} fields;

weir_rc fields_init(fields *f, const task *t, store *s, log_sink *log, err *e);
void fields_free(fields *f);
/** The task as it is to run: without the bindings that are left out, with the backfills that were begun here beside those of the catalog. */
weir_rc fields_task(fields *f, arena *a, const task **ret, err *e);
/** After validation: the columns of all bindings become those to be stored. *ret_again: something did not fit, and that is settled: begin anew with fields_task()
 *  (unless it is `disabled` now). WEIR_E_CONFIG: it cannot be settled. */
weir_rc fields_choose(fields *f, prepared *p, bool *ret_again, err *e);
/** The tables are made: their fields are noted. */
weir_rc fields_applied(fields *f, const prepared *p, err *e);

#endif
