#include "json/tree.h"

#include <stdlib.h>

#include "json/scan.h"
#include "json/text.h"
#include "json/utf8.h"

/* ----------------------------------------------------------------------------------------------------------- parsing -- */

typedef struct parser {
    arena *mem;
    json_scan scan;
    tree_mark mark; /* of the byte at `marked` */
    const char *marked;
    tree *open[JSON_DEPTH];
    size_t depth;
    tree *twice;     /* the member that made an object's names ambiguous */
    tree_mark first; /* where its name was before */
    bool lenient;    /* names may repeat */
    bool nomem;
} parser;

/** Line and column of a place; places must not go back. */
static tree_mark mark_at(parser *p, const char *place)
{
    for (; p->marked < place; p->marked++) {
        if (*p->marked == '\n') {
            p->mark.line++;
            p->mark.column = 1;
        } else if (!utf8_follows((unsigned char)*p->marked)) {
            p->mark.column++;
        }
    }
    return p->mark;
}

void tree_append(tree *parent, tree *child)
{
    if (!parent || !child)
        return;
    *(parent->last ? &parent->last->next : &parent->first) = child;
    parent->last = child;
    parent->count++;
}

/** A node of the container that is open, or the root. */
static tree *add_node(parser *p)
{
    tree *t = arena_alloc(p->mem, sizeof *t), *parent = p->depth ? p->open[p->depth - 1] : NULL;
    p->nomem |= !t;
    tree_append(parent, t);
    return t;
}

/** A decoded copy with a NUL behind it of what was between quotes. */
static bool copy_text(parser *p, weir_view raw, bool escaped, weir_view *ret)
{
    *ret = escaped ? json_decode(p->mem, (weir_view){raw.ptr - 1, raw.len + 2}) : arena_dup(p->mem, raw);
    p->nomem = p->nomem || !ret->ptr;
    return ret->ptr != NULL;
}

static bool take_string(parser *p, tree *t)
{
    weir_view raw;
    bool escaped;
    if (!json_string(&p->scan, &raw, &escaped))
        return false;
    t->kind = TREE_STRING;
    t->raw = (weir_view){raw.ptr - 1, raw.len + 2};
    return copy_text(p, raw, escaped, &t->text);
}

static bool take_plain(parser *p, tree *t)
{
    if (!json_skip(&p->scan, &t->raw))
        return false;
    char c = t->raw.ptr[0];
    t->kind = c == 'n' ? TREE_NULL : c == 't' || c == 'f' ? TREE_BOOL : TREE_NUMBER;
    t->boolean = c == 't';
    t->text = t->kind == TREE_NUMBER ? t->raw : (weir_view){NULL, 0};
    return true;
}

static bool open_container(parser *p, tree *t, char bracket)
{
    if (p->depth == JSON_DEPTH)
        return json_bad(&p->scan, "nested too deeply");
    t->kind = bracket == '{' ? TREE_OBJECT : TREE_ARRAY;
    t->raw.ptr = p->scan.at;
    p->open[p->depth++] = t;
    return json_enter(&p->scan, bracket);
}

/** Takes a scalar, or goes into a container. */
static bool begin_value(parser *p, tree *t)
{
    char c = json_peek(&p->scan);
    t->mark = mark_at(p, p->scan.at);
    if (c == '"')
        return take_string(p, t);
    return c == '{' || c == '[' ? open_container(p, t, c) : take_plain(p, t);
}

/* Members of the same name in the order in which they were written. */
static int by_name(const void *left, const void *right)
{
    const tree *a = *(tree *const *)left, *b = *(tree *const *)right;
    int c = view_cmp(a->name, b->name);
    return c ? c : (a->raw.ptr > b->raw.ptr) - (a->raw.ptr < b->raw.ptr);
}

static bool is_twice(parser *p, tree *before, tree *t)
{
    if (!view_eq(before->name, t->name))
        return false;
    p->twice = t;
    p->first = before->name_mark;
    return true;
}

/** Compares neighbours after sorting: linear comparison of many names would take quadratic time. */
static bool check_many_names(parser *p, const tree *object)
{
    tree **sorted = object->count > SIZE_MAX / sizeof *sorted ? NULL : malloc(object->count * sizeof *sorted);
    if (!sorted) {
        p->nomem = true;
        return false;
    }
    size_t n = 0, i = 1;
    for (tree *t = object->first; t; t = t->next)
        sorted[n++] = t;
    qsort(sorted, n, sizeof *sorted, by_name);
    while (i < n && !is_twice(p, sorted[i - 1], sorted[i]))
        i++;
    free(sorted);
    return i >= n;
}

static bool check_names(parser *p, const tree *object)
{
    enum { FEW = 12 };
    if (object->count > FEW)
        return check_many_names(p, object);
    for (tree *t = object->first; t; t = t->next) {
        for (tree *before = object->first; before != t; before = before->next) {
            if (is_twice(p, before, t))
                return false;
        }
    }
    return true;
}

/** Takes all but the last member of each name out. Only after names were found to repeat. */
static bool keep_last(parser *p, tree *object)
{
    tree **sorted = malloc(object->count * sizeof *sorted);
    if (!sorted) {
        p->nomem = true;
        return false;
    }
    size_t n = 0;
    for (tree *t = object->first; t; t = t->next)
        sorted[n++] = t;
    qsort(sorted, n, sizeof *sorted, by_name);
    for (size_t i = 1; i < n; i++)
        if (view_eq(sorted[i - 1]->name, sorted[i]->name))
            sorted[i - 1]->name.ptr = NULL;
    free(sorted);
    object->last = NULL;
    for (tree **at = &object->first; *at;) {
        if ((*at)->name.ptr) {
            object->last = *at;
            at = &(*at)->next;
        } else {
            *at = (*at)->next;
            object->count--;
        }
    }
    return true;
}

static bool close_container(parser *p)
{
    tree *t = p->open[--p->depth];
    t->raw.len = (size_t)(p->scan.at - t->raw.ptr);
    if (t->kind == TREE_ARRAY || check_names(p, t))
        return true;
    if (!p->lenient || p->nomem)
        return false;
    p->twice = NULL;
    return keep_last(p, t);
}

/** Takes the next member's name or steps to the next item, and begins its value; closes the container if there is none. */
static bool step(parser *p)
{
    json_key key = {0};
    bool named = p->open[p->depth - 1]->kind == TREE_OBJECT;
    if (!(named ? json_member(&p->scan, &key) : json_item(&p->scan)))
        return !p->scan.error && close_container(p);
    tree *t = add_node(p);
    if (!t)
        return false;
    if (named) {
        t->name_mark = mark_at(p, key.raw.ptr - 1);
        if (!copy_text(p, key.raw, key.escaped, &t->name))
            return false;
    }
    return begin_value(p, t);
}

static weir_rc fail(parser *p, weir_rc rc, err *e)
{
    if (p->nomem)
        return err_nomem(e);
    buf text = {0};
    tree_where(&text, p->twice ? p->twice->name_mark : mark_at(p, p->scan.at));
    if (p->twice) {
        buf_adds(&text, "member ");
        json_quote_lossy(&text, p->twice->name);
        buf_printf(&text, " appears twice, first at %zu:%zu", p->first.line, p->first.column);
    } else {
        buf_adds(&text, p->scan.error ? p->scan.error : "malformed JSON");
    }
    rc = buf_ok(&text) ? err_fail(e, rc, "%.*s", VIEW_ARG(buf_view(&text))) : err_nomem(e);
    buf_free(&text);
    return rc;
}

static weir_rc parse(arena *a, weir_view json, const char *file, bool lenient, weir_rc rc, tree **ret, err *e)
{
    if (!json.ptr)
        json = VIEW("");
    parser p = {.mem = a, .scan = json_scan_of(json), .mark = {file, 1, 1}, .marked = json.ptr, .lenient = lenient};
    tree *root = add_node(&p);
    bool good = root && begin_value(&p, root);
    while (good && p.depth)
        good = step(&p);
    if (!good || !json_done(&p.scan))
        return fail(&p, rc, e);
    *ret = root;
    return WEIR_OK;
}

weir_rc tree_parse(arena *a, weir_view json, const char *file, weir_rc rc, tree **ret, err *e)
{
    return parse(a, json, file, false, rc, ret, e);
}

weir_rc tree_parse_lenient(arena *a, weir_view json, const char *file, weir_rc rc, tree **ret, err *e)
{
    return parse(a, json, file, true, rc, ret, e);
}

/* ---------------------------------------------------------------------------------------------------------- reading -- */

const tree *tree_getv(const tree *t, weir_view name)
{
    if (!t || t->kind != TREE_OBJECT)
        return NULL;
    const tree *member = t->first;
    while (member && !view_eq(member->name, name))
        member = member->next;
    return member;
}

const tree *tree_get(const tree *t, const char *name)
{
    return tree_getv(t, view_of(name));
}

/** Is this the name that a pointer's token stands for (~1 is /, ~0 is ~)? */
static bool token_is(weir_view token, weir_view name)
{
    size_t n = 0;
    for (size_t i = 0; i < token.len; i++, n++) {
        char c = token.ptr[i];
        if (c == '~') {
            if (++i == token.len || (token.ptr[i] != '0' && token.ptr[i] != '1'))
                return false;
            c = token.ptr[i] == '0' ? '~' : '/';
        }
        if (n >= name.len || name.ptr[n] != c)
            return false;
    }
    return n == name.len;
}

static const tree *child_named(const tree *object, weir_view token)
{
    const tree *member = object->first;
    while (member && !token_is(token, member->name))
        member = member->next;
    return member;
}

static const tree *child_at(const tree *array, weir_view token)
{
    size_t index = 0;
    if (token.len == 0 || (token.len > 1 && token.ptr[0] == '0'))
        return NULL;
    for (size_t i = 0; i < token.len; i++) {
        if (token.ptr[i] < '0' || token.ptr[i] > '9' || index > array->count)
            return NULL;
        index = index * 10 + (size_t)(token.ptr[i] - '0');
    }
    const tree *item = array->first;
    while (item && index--)
        item = item->next;
    return item;
}

const tree *tree_at(const tree *t, weir_view pointer)
{
    while (t && pointer.len) {
        if (pointer.ptr[0] != '/')
            return NULL;
        pointer = view_from(pointer, 1);
        const char *slash = pointer.len ? memchr(pointer.ptr, '/', pointer.len) : NULL;
        weir_view token = {pointer.ptr, slash ? (size_t)(slash - pointer.ptr) : pointer.len};
        pointer = view_from(pointer, token.len);
        t = t->kind == TREE_OBJECT ? child_named(t, token) : t->kind == TREE_ARRAY ? child_at(t, token) : NULL;
    }
    return t;
}

weir_view tree_text(const tree *t, const char *name)
{
    const tree *member = tree_get(t, name);
    return member && member->kind == TREE_STRING ? member->text : (weir_view){NULL, 0};
}

bool tree_is_null(const tree *t)
{
    return !t || t->kind == TREE_NULL;
}

/* ---------------------------------------------------------------------------------------------------------- writing -- */

static void write_scalar(buf *out, const tree *t)
{
    if (t->raw.len)
        buf_addv(out, t->raw);
    else if (t->kind == TREE_STRING)
        json_quote_lossy(out, t->text);
    else if (t->kind == TREE_NUMBER)
        buf_addv(out, t->text);
    else
        buf_adds(out, t->kind == TREE_NULL ? "null" : t->boolean ? "true" : "false");
}

static bool is_container(const tree *t)
{
    return t->kind == TREE_OBJECT || t->kind == TREE_ARRAY;
}

static void break_line(buf *out, size_t level)
{
    buf_addc(out, '\n');
    while (level--)
        buf_add(out, "  ", 2);
}

static void write_value(buf *out, const tree *t, bool pretty, size_t level);

/** Writes the children with their brackets. @param level of nesting, for people; otherwise all on one line */
static void write_children(buf *out, const tree *t, bool pretty, size_t level)
{
    bool named = t->kind == TREE_OBJECT;
    buf_addc(out, named ? '{' : '[');
    for (const tree *child = t->first; child; child = child->next) {
        if (child != t->first)
            buf_addc(out, ',');
        if (pretty)
            break_line(out, level + 1);
        if (named) {
            json_quote_lossy(out, child->name);
            buf_adds(out, pretty ? ": " : ":");
        }
        write_value(out, child, pretty, level + 1);
    }
    if (pretty && t->first)
        break_line(out, level);
    buf_addc(out, named ? '}' : ']');
}

static void write_value(buf *out, const tree *t, bool pretty, size_t level)
{
    if (!is_container(t))
        write_scalar(out, t);
    else if (t->raw.len && !pretty)
        json_compact(out, t->raw);
    else
        write_children(out, t, pretty, level);
}

static const tree nothing = {.kind = TREE_NULL};

void tree_write(buf *out, const tree *t)
{
    write_value(out, t ? t : &nothing, false, 0);
}

weir_view tree_json(arena *a, const tree *t)
{
    buf text = {0};
    tree_write(&text, t);
    weir_view json = buf_ok(&text) ? arena_dup(a, buf_view(&text)) : (weir_view){NULL, 0};
    a->failed |= !json.ptr;
    buf_free(&text);
    return json;
}

void tree_write_pretty(buf *out, const tree *t)
{
    write_value(out, t ? t : &nothing, true, 0);
}

/* --------------------------------------------------------------------------------------------------------- messages -- */

const char *tree_kind_name(tree_kind kind)
{
    static const char *const names[] = {
        [TREE_NULL] = "null",       [TREE_BOOL] = "a boolean", [TREE_NUMBER] = "a number",
        [TREE_STRING] = "a string", [TREE_ARRAY] = "an array", [TREE_OBJECT] = "an object",
    };
    return (size_t)kind < sizeof names / sizeof *names ? names[kind] : "unknown";
}

void tree_where(buf *out, tree_mark mark)
{
    if (mark.file)
        buf_printf(out, mark.line ? "%s:" : "%s: ", mark.file);
    if (mark.line)
        buf_printf(out, mark.column ? "%zu:%zu: " : "%zu: ", mark.line, mark.column);
}
