#include "plane/gate.h"

#include <stdlib.h>

#include "doc/redact.h"
#include "json/pointer.h"
#include "plane/columns.h"
#include "plane/key.h"
#include "plane/keywords.h"

enum { TOLD = 3 /* failures of one document */ };

typedef struct check {
    schema *s;
    checker *c; /* NULL: anything is valid */
} check;

struct gate {
    const collection *c;
    const tree *schema, *inferred;
    arena arena;
    collection_key key;
    note_pointer *parts_of_key;
    tape tape;
    check whole;
    check part;   /* the same, but nothing is required; made when it is first needed */
    bool parts;   /* documents may be parts */
    redactor *redactor; /* NULL: there is nothing to redact */
    checker *checked; /* that found the document at hand valid */
};

weir_rc collection_compile(const collection *c, bool read, const tree *inferred, schema **ret, err *e)
{
    arena a = {0};
    const schema_options o = {.known = collection_known_schemas(&a, c, inferred)};
    weir_rc rc = o.known ? schema_make(read ? c->read_schema_json : c->write_schema_json, &o, ret, e) : err_nomem(e);
    arena_free(&a);
    return err_wrap(e, rc, "the %s schema of collection %.*s", read ? "read" : "write", VIEW_ARG(c->name));
}

/* `true` and {} say nothing. */
static bool says_nothing(const tree *s) { return s->kind == TREE_BOOL ? s->boolean : !s->first; }

static weir_rc read_key(gate *g, err *e)
{
    weir_rc rc = collection_key_of(&g->arena, g->c, g->inferred, &g->key, e);
    g->parts_of_key = rc ? NULL : arena_array(&g->arena, g->key.count, sizeof *g->parts_of_key);
    for (size_t i = 0; g->parts_of_key && i < g->key.count; i++) {
        weir_view *tokens;
        if (!pointer_split(&g->arena, g->key.pointers[i], &tokens, &g->parts_of_key[i].count))
            break; /* they are pointers: there is no memory */
        g->parts_of_key[i].tokens = tokens;
    }
    return rc || !g->arena.failed ? rc : err_nomem(e);
}

static weir_rc make(gate **ret, const collection *c, bool read, const tree *inferred, weir_view salt, err *e)
{
    gate *g = calloc(1, sizeof *g);
    if (!g)
        return err_nomem(e);
    g->c = c;
    g->schema = read ? c->read_schema : c->write_schema;
    g->inferred = inferred;
    g->parts = collection_has_parts(c);
    weir_rc rc = read_key(g, e);
    if (!rc && !says_nothing(g->schema))
        rc = collection_compile(c, read, inferred, &g->whole.s, e);
    if (!rc && g->whole.s)
        rc = checker_make(g->whole.s, &g->whole.c, e);
    if (!rc && !read && g->whole.s && schema_redacts(g->whole.s))
        rc = redactor_make(salt, &g->redactor, e);
    if (rc)
        gate_free(g);
    else
        *ret = g;
    return rc;
}

weir_rc gate_make(gate **ret, const collection *c, weir_view salt, err *e) { return make(ret, c, false, NULL, salt, e); }

weir_rc gate_make_reading(gate **ret, const collection *c, const tree *inferred, err *e) { return make(ret, c, true, inferred, (weir_view){0}, e); }

static void free_check(check *k)
{
    checker_free(k->c);
    schema_free(k->s);
}

void gate_free(gate *g)
{
    if (!g)
        return;
    free_check(&g->whole);
    free_check(&g->part);
    redactor_free(g->redactor);
    tape_free(&g->tape);
    arena_free(&g->arena);
    free(g);
}

static weir_rc make_part_check(gate *g, err *e)
{
    arena a = {0};
    buf text = {0};
    const tree *loose = schema_without_required(&a, g->schema);
    if (loose)
        tree_write(&text, loose);
    const schema_options o = {.known = collection_known_schemas(&a, g->c, g->inferred)};
    weir_rc rc = loose && o.known && buf_ok(&text) ? schema_make(buf_view(&text), &o, &g->part.s, e) : err_nomem(e);
    if (!rc)
        rc = checker_make(g->part.s, &g->part.c, e);
    buf_free(&text);
    arena_free(&a);
    return rc;
}

/* Does the document say that it is not a whole one? */
static bool is_less(const gate *g)
{
    static const weir_view path[] = {WEIR_LIT("_meta"), WEIR_LIT("op")};
    uint32_t op = tape_at(&g->tape, 0, path, 2);
    weir_view text = op == UINT32_MAX ? (weir_view){0} : tape_text(&g->tape, op);
    return view_is(text, "\"d\"") || (g->parts && view_is(text, "\"u\""));
}

static weir_rc check_part(gate *g, bool *ret_valid, err *e)
{
    weir_rc rc = g->part.c ? WEIR_OK : make_part_check(g, e);
    g->checked = g->part.c;
    return rc ? rc : checker_run(g->part.c, &g->tape, g->redactor != NULL, ret_valid, e);
}

static void explain(checker *c, const tape *t, buf *why)
{
    buf lines = {0};
    checker_explain(c, t, TOLD, &lines);
    buf_adds(why, "is not valid: ");
    for (size_t i = 0; i < lines.len; i++)
        if (lines.ptr[i] != '\n')
            buf_addc(why, lines.ptr[i]);
        else if (i + 1 < lines.len)
            buf_adds(why, "; ");
    why->failed |= !buf_ok(&lines);
    buf_free(&lines);
}

static weir_rc check_schema(gate *g, buf *why, err *e)
{
    bool valid = true;
    weir_rc rc = checker_run(g->whole.c, &g->tape, g->redactor != NULL, &valid, e);
    g->checked = g->whole.c;
    bool less = !rc && !valid && is_less(g);
    if (less)
        rc = check_part(g, &valid, e);
    if (!rc && !valid)
        explain(less ? g->part.c : g->whole.c, &g->tape, why);
    return rc;
}

weir_rc gate_check(gate *g, weir_view doc, buf *why, err *e)
{
    buf_clear(why);
    weir_rc rc = tape_read(&g->tape, doc, e);
    for (size_t i = 0; !rc && i < g->key.count && !why->len; i++)
        if (!g->key.fallbacks[i].len && tape_at(&g->tape, 0, g->parts_of_key[i].tokens, g->parts_of_key[i].count) == UINT32_MAX)
            buf_printf(why, "lacks part %zu of its key %.*s", i + 1, VIEW_ARG(g->c->key_json));
    if (!rc && !why->len && g->whole.c)
        rc = check_schema(g, why, e);
    return rc || buf_ok(why) ? rc : err_nomem(e);
}

bool gate_redacts(const gate *g) { return g->redactor != NULL; }
bool gate_hides(const gate *g) { return g->redactor || (g->whole.s && schema_hides(g->whole.s)); }

weir_rc gate_clean(gate *g, buf *out, err *e)
{
    bool changed = false;
    weir_rc rc = redact(g->redactor, &g->tape, g->checked, out, &changed, e);
    if (!rc && !changed)
        buf_addv(out, g->tape.doc);
    return rc || buf_ok(out) ? rc : err_nomem(e);
}

weir_rc gate_no_aside(const collection *c, err *e)
{
    return err_fail(e, WEIR_E_CONFIG, "the schema of collection %.*s redacts, and onInvalid: divert would keep documents as they are", VIEW_ARG(c->name));
}

weir_rc gate_refuse(const collection *c, weir_rc keyless, weir_view doc, const buf *why, err *e)
{
    weir_rc rc = view_starts(buf_view(why), VIEW("lacks ")) ? keyless : WEIR_E_CONFIG;
    if (!doc.len)
        return err_fail(e, rc, "a document for collection %.*s %.*s", VIEW_ARG(c->name), VIEW_ARG(buf_view(why)));
    return err_fail(e, rc, "a document for collection %.*s %.*s: %.*s%s", VIEW_ARG(c->name), VIEW_ARG(buf_view(why)),
                    (int)(doc.len > 120 ? 120 : doc.len), doc.ptr, doc.len > 120 ? "..." : "");
}
