#include <stdlib.h>

#include "json/text.h"
#include "plane/catalog_parts.h"

enum {
    TOLD = 100,  /* nobody reads more */
    KEPT = 1000, /* hostile input could make millions */
    WORD = 200   /* nothing is near to a longer one */
};

static void note(problems *p, tree_mark at, weir_view text, bool placed)
{
    problem *new = p->count++ < KEPT ? arena_alloc(p->mem, sizeof *new) : NULL;
    if (!new)
        return;
    *new = (problem){.next = p->first, .at = at, .order = p->count, .text = text, .placed = placed};
    p->first = new;
}

void problem_at(problems *p, tree_mark at, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    note(p, at, p->count < KEPT ? arena_vprintf(p->mem, fmt, args) : VIEW(""), false);
    va_end(args);
}

void problem_text(problems *p, tree_mark from, const char *text)
{
    note(p, from, arena_dup(p->mem, view_of(text)), true);
}

const char *suggestion(problems *p, weir_view word, const char *const *words, size_t count)
{
    const char *near = word.len > WORD || p->count > TOLD ? NULL : map_nearest(word, words, count);
    const char *text = near ? arena_printf(p->mem, "; did you mean \"%s\"?", near).ptr : NULL;
    return text ? text : "";
}

static int compare(size_t a, size_t b)
{
    return (a > b) - (a < b);
}

static int by_place(const void *left, const void *right)
{
    const problem *a = *(const problem *const *)left, *b = *(const problem *const *)right;
    int c = a->at.file && b->at.file ? strcmp(a->at.file, b->at.file) : !a->at.file - !b->at.file;
    c = c ? c : compare(a->at.line, b->at.line);
    c = c ? c : compare(a->at.column, b->at.column);
    return c ? c : compare(a->order, b->order);
}

static void write_problem(buf *out, const problem *p)
{
    if (out->len)
        buf_addc(out, '\n');
    if (!p->placed)
        tree_where(out, p->at);
    buf_addv(out, p->text);
}

weir_rc problems_result(const problems *p, err *e)
{
    if (p->mem->failed)
        return err_nomem(e);
    if (!p->count)
        return WEIR_OK;
    const problem **sorted = calloc(KEPT, sizeof(problem *));
    if (!sorted)
        return err_nomem(e);
    size_t n = 0;
    for (const problem *each = p->first; each; each = each->next)
        sorted[n++] = each;
    qsort(sorted, n, sizeof *sorted, by_place);
    buf text = {0};
    for (size_t i = 0; i < n && i < TOLD; i++)
        write_problem(&text, sorted[i]);
    if (p->count > TOLD)
        buf_printf(&text, "\n... and %zu more", p->count - TOLD);
    free(sorted);
    weir_rc rc = buf_ok(&text) ? err_fail(e, WEIR_E_CONFIG, "%s", buf_text(&text)) : err_nomem(e);
    buf_free(&text);
    return rc;
}
