/* schema_rig.h - a schema, its checker and a document, for tests that check texts. */
#ifndef WEIR_TEST_DOC_SCHEMA_RIG_H
#define WEIR_TEST_DOC_SCHEMA_RIG_H

#include "json/helpers.h"

#include "doc/schema.h"

typedef struct rig {
    schema *schema;
    checker *checker;
    tape tape;
    err e;
} rig;

static inline rig rig_of(const char *text, const schema_options *o)
{
    rig r = {0};
    weir_rc rc = schema_make(view_of(text), o, &r.schema, &r.e);
    rc = rc ? rc : checker_make(r.schema, &r.checker, &r.e);
    if (rc)
        fail_msg("%s: %s", text, err_text(&r.e));
    return r;
}

static inline void rig_free(rig *r)
{
    tape_free(&r->tape);
    checker_free(r->checker);
    schema_free(r->schema);
    err_free(&r->e);
}

static inline bool valid(rig *r, const char *doc, bool notes)
{
    bool good = false;
    if (tape_read(&r->tape, view_of(doc), &r->e) || checker_run(r->checker, &r->tape, notes, &good, &r->e))
        fail_msg("%s: %s", doc, err_text(&r->e));
    return good;
}

/* Of the document that was checked, at /a/b. */
static inline const note *note_at(rig *r, const char *a, const char *b)
{
    const weir_view tokens[] = {view_of(a), view_of(b)};
    uint32_t node = tape_at(&r->tape, 0, tokens, (size_t)(a != NULL) + (b != NULL));
    assert_int_not_equal(node, UINT32_MAX);
    return checker_note(r->checker, node);
}

#endif
