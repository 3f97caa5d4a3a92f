#include "doc/schema_compile.h"
#include "json/pointer.h"

enum { /* options of a strategy */
    O_KEY = 1,
    O_DELETE = 2,
    O_ASSOCIATIVE = 4
};

/* (flow.md 8.2) */
static const struct {
    const char *name;
    reduce_strategy strategy;
    unsigned options;
} strategies[] = {
    {"append", REDUCE_APPEND, 0},
    {"firstWriteWins", REDUCE_FIRST_WRITE_WINS, 0},
    {"lastWriteWins", REDUCE_LAST_WRITE_WINS, O_DELETE | O_ASSOCIATIVE},
    {"maximize", REDUCE_MAXIMIZE, O_KEY},
    {"minimize", REDUCE_MINIMIZE, O_KEY},
    {"merge", REDUCE_MERGE, O_KEY | O_DELETE},
    {"set", REDUCE_SET, O_KEY},
    {"sum", REDUCE_SUM, 0},
    {"jsonSchemaMerge", REDUCE_JSON_SCHEMA_MERGE, 0},
};

static bool read_key(compiler *c, const building *b, const tree *t, note *n)
{
    if (t->kind != TREE_ARRAY || !t->count)
        return compile_fail(c, b, "reduce", "`key` must be a list of JSON pointers, at least one");
    note_pointer *keys = compile_alloc(c, t->count, sizeof *keys);
    for (const tree *k = t->first; keys && k; k = k->next) {
        weir_view *tokens = NULL, text = compile_text(c, k->text);
        size_t count = 0;
        if (k->kind != TREE_STRING || !pointer_valid(k->text))
            return compile_fail(c, b, "reduce", "`key` must be a list of JSON pointers");
        if (c->rc || !pointer_split(&c->out->memory, text, &tokens, &count))
            return compile_alloc(c, SIZE_MAX, 2) != NULL; /* no memory */
        keys[n->key_count++] = (note_pointer){tokens, count};
    }
    n->keys = keys;
    return !c->rc;
}

static bool read_option(compiler *c, const building *b, const tree *t, unsigned allowed, note *n)
{
    const unsigned option = view_is(t->name, "key") ? O_KEY : view_is(t->name, "delete") ? O_DELETE : view_is(t->name, "associative") ? O_ASSOCIATIVE : 0;
    if (!(option & allowed))
        return compile_fail(c, b, "reduce", "unknown option '%.*s' of this strategy", VIEW_ARG(t->name));
    if (option == O_KEY)
        return read_key(c, b, t, n);
    if (t->kind != TREE_BOOL)
        return compile_fail(c, b, "reduce", "`%.*s` must be true or false", VIEW_ARG(t->name));
    if (option == O_DELETE)
        n->del = t->boolean;
    else
        n->not_associative = !t->boolean;
    return true;
}

static bool read_reduce(compiler *c, const building *b, const tree *said, note *n)
{
    weir_view name = tree_text(said, "strategy");
    if (said->kind != TREE_OBJECT || !name.ptr)
        return compile_fail(c, b, "reduce", "this must be an object with a `strategy`");
    for (size_t i = 0; i < sizeof strategies / sizeof *strategies; i++) {
        if (!view_is(name, strategies[i].name))
            continue;
        n->reduce = strategies[i].strategy;
        n->reduces = true;
        c->out->reduces = true;
        for (const tree *t = said->first; t; t = t->next)
            if (!view_is(t->name, "strategy") && !read_option(c, b, t, strategies[i].options, n))
                return false;
        c->out->deletes |= n->del;
        return true;
    }
    return compile_fail(c, b, "reduce", "unknown strategy '%.*s'", VIEW_ARG(name));
}

static bool read_redact(compiler *c, const building *b, const tree *said, note *n)
{
    weir_view name = tree_text(said, "strategy");
    n->redact = view_is(name, "block") ? REDACT_BLOCK : view_is(name, "sha256") ? REDACT_SHA256 : REDACT_NONE;
    if (!n->redact)
        return compile_fail(c, b, "redact", "this must be {\"strategy\": \"block\"} or {\"strategy\": \"sha256\"}");
    if (said->count > 1)
        return compile_fail(c, b, "redact", "there are no options but `strategy`");
    c->out->redacts = true;
    return true;
}

static bool read_secret(compiler *c, const building *b, const char *keyword, note *n)
{
    const tree *said = index_said(b->at, keyword);
    if (said && said->kind != TREE_BOOL)
        return compile_fail(c, b, keyword, "this must be true or false");
    n->secret |= said && said->boolean;
    c->out->secrets |= n->secret;
    return true;
}

void compile_notes(compiler *c, building *b)
{
    const tree *reduce = index_said(b->at, "reduce"), *redact = index_said(b->at, "redact"), *title = index_said(b->at, "title"),
               *fallback = index_said(b->at, "default");
    note n = {0};
    if ((reduce && !read_reduce(c, b, reduce, &n)) || (redact && !read_redact(c, b, redact, &n)) || !read_secret(c, b, "secret", &n) ||
        !read_secret(c, b, "airbyte_secret", &n))
        return;
    if (title && title->kind == TREE_STRING)
        n.title = compile_text(c, title->text);
    if (fallback)
        n.fallback = compile_json(c, fallback);
    if (!n.reduces && !n.redact && !n.secret && !n.title.len && !n.fallback.len)
        return;
    note *kept = compile_alloc(c, 1, sizeof *kept);
    if (!kept)
        return;
    *kept = n;
    b->note = kept;
    c->out->annotates = true;
}
