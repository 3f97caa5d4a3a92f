#include <stdlib.h>

#include "doc/schema_program.h"
#include "json/pointer.h"
#include "json/text.h"
#include "json/utf8.h"

/* Values in messages are cut to so many bytes; failures beyond so many are not told. */
enum { SHOWN = 60, MOST_FAILURES = 1000 };

static void put_value(buf *out, const tape *t, uint32_t node)
{
    weir_view text = tape_text(t, node), shown = utf8_cut(text, SHOWN);
    if (t->nodes[node].kind >= TREE_ARRAY) {
        buf_adds(out, t->nodes[node].kind == TREE_ARRAY ? "the array" : "the object");
        return;
    }
    buf_addv(out, shown);
    if (shown.len < text.len)
        buf_adds(out, "...");
}

/* ------------------------------------------------------------------------------------------------------------ secret values -- */

void check_tell_secret(checker *c, const sub *s, uint32_t node)
{
    if (!s->note || !s->note->secret || c->tape != c->document)
        return;
    if (check_grow((void **)&c->secrets, &c->secret_room, c->secret_count + 1, sizeof *c->secrets))
        c->secrets[c->secret_count++] = node;
    else
        check_stop(c, WEIR_E_NOMEM, NULL);
}

/* A run that did not get to its end has not seen all schemas. */
static bool is_hidden(const checker *c, const failure *f)
{
    if (f->kind >= TREE_ARRAY)
        return false;
    bool hidden = c->schema->redacts || (c->stopped && c->schema->secrets);
    for (size_t i = 0; i < c->secret_count && !hidden; i++)
        hidden = c->secrets[i] <= f->node && f->node < c->document->nodes[c->secrets[i]].next;
    return hidden;
}

static void put_failure(const checker *c, const failure *f, buf *out)
{
    const weir_view said = buf_view(&c->said);
    if (is_hidden(c, f)) {
        buf_add(out, said.ptr + f->at, f->value - f->at);
        buf_adds(out, tree_kind_name((tree_kind)f->kind));
        buf_add(out, said.ptr + f->value + f->value_len, f->at + f->len - f->value - f->value_len);
    } else {
        buf_add(out, said.ptr + f->at, f->len);
    }
    buf_addc(out, '\n');
}

/* ---------------------------------------------------------------------------------------------------------------- failures -- */

/* "/address/zip: " */
static uint32_t put_place(checker *c, uint32_t node)
{
    size_t from = c->said.len;
    tape_pointer(c->document, c->named ? c->named : node, &c->said);
    uint32_t depth = (uint32_t)pointer_levels(view_from(buf_view(&c->said), from));
    buf_adds(&c->said, c->said.len == from ? "the document: " : ": ");
    if (c->named)
        buf_adds(&c->said, "the name ");
    return depth;
}

bool check_refuse(checker *c, const op *o, uint32_t node, const char *fmt, ...)
{
    if (!c->explaining || c->stopped || c->failure_count == MOST_FAILURES)
        return false;
    const size_t at = c->said.len;
    const sub *s = &c->schema->subs[o->owner];
    failure f = {.depth = put_place(c, node), .weight = (uint32_t)c->failure_count, .at = at, .node = c->named ? c->named : node, .kind = c->tape->nodes[node].kind};
    f.value = c->said.len;
    put_value(&c->said, c->tape, node);
    f.value_len = c->said.len - f.value;
    buf_addc(&c->said, ' ');
    va_list args;
    va_start(args, fmt);
    buf_vprintf(&c->said, fmt, args);
    va_end(args);
    buf_printf(&c->said, " (schema %.*s%s%s)", VIEW_ARG(s->place), o->keyword ? "/" : "", o->keyword ? o->keyword : "");
    f.len = c->said.len - at;
    if (buf_ok(&c->said) && check_grow((void **)&c->failures, &c->failure_room, c->failure_count + 1, sizeof *c->failures))
        c->failures[c->failure_count++] = f;
    return false;
}

void check_keep_failures(checker *c, size_t from, size_t best, size_t end)
{
    if (end > best)
        memmove(c->failures + from, c->failures + best, (end - best) * sizeof *c->failures);
    c->failure_count = from + (end - best);
}

static uint32_t deepest(const checker *c, size_t at, size_t end)
{
    uint32_t depth = 0;
    for (; at < end; at++)
        depth = c->failures[at].depth > depth ? c->failures[at].depth : depth;
    return depth;
}

/* An alternative that fails deeper came closer; of those that fail as deep, the one that fails less often. */
bool check_tells_more(const checker *c, size_t a, size_t a_end, size_t b, size_t b_end)
{
    uint32_t x = deepest(c, a, a_end), y = deepest(c, b, b_end);
    return x != y ? x > y : a_end - a < b_end - b;
}

static int most_telling(const void *x, const void *y)
{
    const failure *a = x, *b = y;
    if (a->depth != b->depth)
        return a->depth > b->depth ? -1 : 1;
    return (a->weight > b->weight) - (a->weight < b->weight);
}

void checker_explain(checker *c, const tape *doc, size_t most, buf *out)
{
    bool valid = true;
    err e = {0};
    c->explaining = c->telling = true;
    c->failure_count = c->secret_count = 0;
    buf_clear(&c->said);
    weir_rc rc = checker_run(c, doc, false, &valid, &e);
    c->explaining = c->telling = false;
    if (rc)
        buf_printf(out, "%s\n", err_text(&e));
    if (c->failure_count > 1)
        qsort(c->failures, c->failure_count, sizeof *c->failures, most_telling);
    for (size_t i = 0; i < c->failure_count && i < most; i++)
        put_failure(c, &c->failures[i], out);
    err_free(&e);
}
