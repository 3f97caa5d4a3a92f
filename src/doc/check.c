#include <stdlib.h>

#include "base/map.h"
#include "doc/schema_program.h"
#include "json/number.h"
#include "json/text.h"
#include "json/utf8.h"

enum { DEEPEST = 6000 }; /* schemas within schemas: a document is at most JSON_DEPTH deep */

bool check_grow(void **items, size_t *room, size_t need, size_t size)
{
    if (need <= *room)
        return true;
    size_t more = *room ? *room * 2 : 32;
    more = more < need ? need : more;
    void *grown = more > SIZE_MAX / size ? NULL : realloc(*items, more * size);
    if (!grown)
        return false;
    *items = grown;
    *room = more;
    return true;
}

void check_stop(checker *c, weir_rc rc, const char *what)
{
    if (c->stopped)
        return;
    c->stopped = true;
    c->rc = rc == WEIR_E_NOMEM ? err_nomem(c->e) : err_fail(c->e, rc, "%s", what);
}

/* ---------------------------------------------------------------------------------------------------------------- making -- */

weir_rc checker_make(const schema *s, checker **ret, err *e)
{
    checker *c = calloc(1, sizeof *c);
    if (!c)
        return err_nomem(e);
    c->schema = s;
    c->space = pattern_space_new();
    c->guesses = calloc(s->guesses ? s->guesses : 1, sizeof *c->guesses);
    c->names.nodes = calloc(1, sizeof *c->names.nodes);
    c->names.count = c->names.room = 1;
    c->seed = map_seed(c);
    if (!c->space || !c->guesses || !c->names.nodes) {
        checker_free(c);
        return err_nomem(e);
    }
    *ret = c;
    return WEIR_OK;
}

void checker_free(checker *c)
{
    if (!c)
        return;
    pattern_space_free(c->space);
    free(c->trail);
    free(c->notes);
    free(c->evaluated);
    free(c->guesses);
    free(c->hashes);
    free(c->failures);
    free(c->secrets);
    arena_free(&c->mixed);
    buf_free(&c->text);
    buf_free(&c->name);
    buf_free(&c->said);
    tape_free(&c->names);
    free(c);
}

/* ----------------------------------------------------------------------------------------------------- what was collected -- */

static bool keep(checker *c, trail_entry entry)
{
    if (!check_grow((void **)&c->trail, &c->trail_room, c->trail_count + 1, sizeof *c->trail)) {
        check_stop(c, WEIR_E_NOMEM, NULL);
        return false;
    }
    c->trail[c->trail_count++] = entry;
    return true;
}

void check_mark(checker *c, uint32_t node)
{
    if (keep(c, (trail_entry){.node = node, .was.stamp = c->evaluated[node]}))
        c->evaluated[node] = ++c->stamp;
}

static bool same_key(const note *a, const note *b)
{
    if (a->key_count != b->key_count)
        return false;
    for (size_t i = 0; i < a->key_count; i++) {
        const note_pointer *x = &a->keys[i], *y = &b->keys[i];
        if (x->count != y->count)
            return false;
        for (size_t k = 0; k < x->count; k++)
            if (!view_eq(x->tokens[k], y->tokens[k]))
                return false;
    }
    return true;
}

static bool agree(const note *a, const note *b)
{
    const bool reduce = !a->reduces || !b->reduces ||
                        (a->reduce == b->reduce && a->del == b->del && a->not_associative == b->not_associative && same_key(a, b));
    return reduce && (!a->redact || !b->redact || a->redact == b->redact);
}

/* Does the newer note say anything that the former does not? */
static bool brings(const note *before, const note *now)
{
    return (now->reduces && !before->reduces) || (now->redact && !before->redact) || (now->secret && !before->secret) ||
           (now->title.len && !before->title.len) || (now->fallback.len && !before->fallback.len);
}

/* The conflict that a place's notes are in; NULL: they are in none. */
static const mixed_note *conflict_of(const checker *c, const note *n)
{
    const mixed_note *m = c->conflicts;
    while (m && &m->mixed != n)
        m = m->next;
    return m;
}

/* What two schemas note of one place. If they differ, that is remembered: one of them may still turn out not to be valid. */
static const note *both(checker *c, const note *before, const note *now)
{
    const bool good = agree(before, now);
    if (conflict_of(c, before))
        return before;
    if (good && !brings(before, now))
        return before;
    mixed_note *m = arena_alloc(&c->mixed, sizeof *m);
    if (!m) {
        c->mixed.failed = false;
        check_stop(c, WEIR_E_NOMEM, NULL);
        return before;
    }
    *m = (mixed_note){.mixed = before->reduces ? *before : *now, .former = good ? NULL : before, .latter = now, .next = c->conflicts};
    m->mixed.redact = before->redact ? before->redact : now->redact;
    m->mixed.secret = before->secret || now->secret;
    m->mixed.title = before->title.len ? before->title : now->title;
    m->mixed.fallback = before->fallback.len ? before->fallback : now->fallback;
    if (!good)
        c->conflicts = m;
    return &m->mixed;
}

static void take_note(checker *c, uint32_t node, const note *n)
{
    if (keep(c, (trail_entry){.node = node, .is_note = true, .was.note = c->notes[node]}))
        c->notes[node] = c->notes[node] ? both(c, c->notes[node], n) : n;
}

static void take_back(checker *c, size_t mark)
{
    while (c->trail_count > mark) {
        const trail_entry *t = &c->trail[--c->trail_count];
        if (t->is_note)
            c->notes[t->node] = t->was.note;
        else
            c->evaluated[t->node] = t->was.stamp;
    }
}

/* What a note says, as it is written. */
static void put_note(buf *out, const note *n)
{
    static const char *const strategies[] = {"lastWriteWins", "firstWriteWins", "append", "maximize", "minimize", "merge", "set", "sum", "jsonSchemaMerge"};
    static const char *const redactions[] = {"", "block", "sha256"};
    if (n->reduces)
        buf_printf(out, "reduce %s%s%s%s", strategies[n->reduce], n->key_count ? " by a key" : "", n->del ? " with delete" : "",
                   n->not_associative ? " not associative" : "");
    if (n->redact)
        buf_printf(out, "%sredact %s", n->reduces ? ", " : "", redactions[n->redact]);
}

/* The document is valid: notes of one place that differ are an error now. */
static void refuse_conflicts(checker *c)
{
    for (size_t i = 0; i < c->trail_count; i++) {
        const trail_entry *t = &c->trail[i];
        const mixed_note *m = t->is_note ? conflict_of(c, c->notes[t->node]) : NULL;
        if (!m)
            continue;
        buf out = {0};
        buf_adds(&out, "the schema notes different things of '");
        tape_pointer(c->document, t->node, &out);
        buf_adds(&out, "': ");
        put_note(&out, m->former);
        buf_adds(&out, "; ");
        put_note(&out, m->latter);
        check_stop(c, buf_ok(&out) ? WEIR_E_CONFIG : WEIR_E_NOMEM, buf_text(&out));
        buf_free(&out);
        return;
    }
}

bool checker_deletes(const checker *c) { return c->schema->deletes; }

const note *checker_note(const checker *c, uint32_t node)
{
    return node < c->room ? c->notes[node] : NULL;
}

/* What a node is a part of stands before it, and ends behind it. */
bool checker_hides(const checker *c, uint32_t node, tree_kind kind)
{
    bool hidden = c->schema->secrets && kind >= TREE_ARRAY;
    for (uint32_t i = 0; c->schema->secrets && i <= node && node < c->room && !hidden; i++) {
        const note *n = c->notes[i];
        hidden = n && n->secret && node < c->document->nodes[i].next;
    }
    return hidden;
}

/* --------------------------------------------------------------------------------------------------------------- running -- */

static bool is_integer(const checker *c, uint32_t node)
{
    weir_view text = tape_text(c->tape, node);
    for (size_t i = 0; i < text.len; i++) {
        char ch = text.ptr[i];
        if (ch == '.' || (ch | 0x20) == 'e')
            return number_is_integer(text);
    }
    return true;
}

static bool run_ops(checker *c, const sub *s, uint32_t node, unsigned kind);

/* Of what is of the wrong type nothing else is told, but it may be called secret by what the schema applies to it. */
static void look_for_secrets(checker *c, const sub *s, uint32_t node)
{
    const size_t failures = c->failure_count;
    run_ops(c, s, node, c->tape->nodes[node].kind);
    c->failure_count = failures;
}

static __attribute__((noinline)) bool wrong_type(checker *c, const sub *s, int32_t index, uint32_t node)
{
    const op o = {.keyword = s->types ? "type" : NULL, .owner = (uint32_t)index};
    if (!c->explaining)
        return false;
    if (c->schema->secrets)
        look_for_secrets(c, s, node);
    if (!s->types)
        return check_refuse(c, &o, node, "is not allowed here");
    static const char *const names[] = {"null", "a boolean", "a number", "a string", "an array", "an object", "an integer"};
    buf wanted = {0};
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
        if (s->types >> i & 1)
            buf_printf(&wanted, "%s%s", wanted.len ? " or " : "", names[i]);
    check_refuse(c, &o, node, "is not %s", buf_text(&wanted));
    buf_free(&wanted);
    return false;
}

static bool run_ops(checker *c, const sub *s, uint32_t node, unsigned kind)
{
    const size_t mark = c->trail_count;
    const uint64_t begun = c->stamp;
    const scope *outer = c->scope, here = {outer, s->resource};
    bool good = true;
    if (__builtin_expect(++c->depth > DEEPEST, 0))
        check_stop(c, WEIR_E_CONFIG, "the schema refers to itself without end");
    if (__builtin_expect(c->stopped, 0)) {
        c->depth--;
        return false;
    }
    if (c->schema->dynamic && (!outer || outer->resource != s->resource))
        c->scope = &here;
    if (c->noting && s->note)
        take_note(c, node, s->note);
    if (__builtin_expect(c->telling, 0))
        check_tell_secret(c, s, node);
    const op *o = s->ops[kind];
    for (uint32_t n = s->counts[kind]; n; n--, o++) {
        if (o->run(c, o, node, begun))
            continue;
        good = false;
        if (!c->explaining || c->stopped)
            break;
    }
    good = good && !c->stopped;
    if (!good)
        take_back(c, mark);
    c->scope = outer;
    c->depth--;
    return good;
}

bool check_value(checker *c, int32_t index, uint32_t node)
{
    const sub *s = &c->schema->subs[index];
    const unsigned kind = c->tape->nodes[node].kind;
    if (!(s->types >> kind & 1) && !(kind == TREE_NUMBER && (s->types & INTEGERS) && is_integer(c, node)))
        return wrong_type(c, s, index, node);
    return s->simple || run_ops(c, s, node, kind);
}

bool check_quietly(checker *c, int32_t index, uint32_t node)
{
    const bool explaining = c->explaining;
    c->explaining = false;
    bool good = check_value(c, index, node);
    c->explaining = explaining;
    return good;
}

bool check_for_notes(checker *c, int32_t index, uint32_t node)
{
    const bool stopped = c->stopped;
    const size_t failures = c->failure_count;
    const bool good = check_quietly(c, index, node);
    if (c->undecided && !stopped) {
        c->undecided = c->stopped = false;
        c->failure_count = failures;
    }
    return good;
}

bool check_pattern(checker *c, const op *o, uint32_t node, const pattern *p, weir_view text, const char *what)
{
    const pattern_found found = c->stopped ? PATTERN_ABSENT : pattern_find(p, c->space, text);
    if (found == PATTERN_NOMEM)
        check_stop(c, WEIR_E_NOMEM, NULL);
    if (found != PATTERN_TOO_LONG)
        return found == PATTERN_FOUND;
    enum { SHOWN = 200 };
    const weir_view regex = pattern_text(p), shown = utf8_cut(regex, SHOWN);
    const bool explaining = c->explaining;
    c->explaining = c->telling;
    check_refuse(c, o, node, "%stakes too long for the pattern '%.*s'%s", what, VIEW_ARG(shown), shown.len < regex.len ? "..." : "");
    c->explaining = explaining;
    c->stopped = c->undecided = true;
    return false;
}

weir_view check_text(checker *c, uint32_t node)
{
    weir_view text = tape_text(c->tape, node);
    text = (weir_view){text.ptr + 1, text.len - 2};
    if (!c->tape->nodes[node].escaped)
        return text;
    buf_clear(&c->text);
    if (json_unquote(&c->text, text) && c->text.ptr)
        return buf_view(&c->text);
    if (buf_ok(&c->text))
        return VIEW("");
    check_stop(c, WEIR_E_NOMEM, NULL);
    return (weir_view){NULL, 0};
}

static bool room_for(checker *c, size_t nodes)
{
    if (nodes <= c->room)
        return true;
    size_t room = c->room, same = c->room;
    if (!check_grow((void **)&c->notes, &room, nodes, sizeof *c->notes) || !check_grow((void **)&c->evaluated, &same, nodes, sizeof *c->evaluated))
        return false;
    memset(c->notes + c->room, 0, (room - c->room) * sizeof *c->notes);
    memset(c->evaluated + c->room, 0, (same - c->room) * sizeof *c->evaluated);
    c->room = room;
    return true;
}

weir_rc checker_run(checker *c, const tape *doc, bool notes, bool *ret_valid, err *e)
{
    take_back(c, 0);
    arena_reset(&c->mixed);
    c->e = e;
    c->rc = WEIR_OK;
    c->stopped = c->undecided = false;
    c->depth = 0;
    c->scope = NULL;
    c->named = 0;
    c->noting = notes && c->schema->annotates;
    c->tape = c->document = doc;
    if (!room_for(c, doc->count))
        return err_nomem(e);
    c->conflicts = NULL;
    *ret_valid = check_value(c, c->schema->root, 0);
    if (c->conflicts && *ret_valid && !c->stopped)
        refuse_conflicts(c);
    if (c->stopped)
        take_back(c, 0);
    return c->rc;
}
