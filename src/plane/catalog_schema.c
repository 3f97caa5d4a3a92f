/* Schemas from files. What a schema refers to in other files is brought into its own $defs, so that it stands alone:
 *
 *     $ref: point.yaml#/$defs/x      ->      $ref: #/$defs/point.yaml/$defs/x      with $defs: {point.yaml: ...}
 */
#include "plane/catalog_parts.h"
#include "plane/keywords.h"

/* A file that was brought in. */
typedef struct part {
    struct part *next;
    const char *path;
    weir_view name; /* in $defs */
    tree *copy;
} part;

typedef struct bundle {
    catalog_reader *r;
    const tree *root; /* the schema that is made to stand alone */
    part *parts;
} bundle;

static bool is_name_char(char c)
{
    return ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || (c >= '0' && c <= '9') || strchr("-_.", c);
}

/* Does the reference name a file: has neither a scheme nor only a fragment? */
static bool names_file(weir_view ref)
{
    size_t n = 0;
    while (n < ref.len && (is_name_char(ref.ptr[n]) || ref.ptr[n] == '+'))
        n++;
    return ref.len && ref.ptr[0] != '#' && !(n && n < ref.len && ref.ptr[n] == ':');
}

static weir_view fragment_of(weir_view ref)
{
    const char *hash = ref.len ? memchr(ref.ptr, '#', ref.len) : NULL;
    return hash ? view_from(ref, (size_t)(hash - ref.ptr) + 1) : (weir_view){ref.ptr + ref.len, 0};
}

static weir_view file_of(weir_view ref)
{
    const char *hash = ref.len ? memchr(ref.ptr, '#', ref.len) : NULL;
    return (weir_view){ref.ptr, hash ? (size_t)(hash - ref.ptr) : ref.len};
}

static bool is_ref(const tree *t)
{
    return t->kind == TREE_STRING && view_is(t->name, "$ref");
}

/* @param named t's own name is no keyword */
static bool refers_to_files(const tree *t, bool named)
{
    bool names = !named && keyword_holds_names(t->name);
    if (is_ref(t))
        return names_file(t->text);
    if (!named && keyword_holds_data(t->name))
        return false;
    for (const tree *c = t->first; c; c = c->next)
        if (refers_to_files(c, names))
            return true;
    return false;
}

/* ----------------------------------------------------------------------------------------------------------- bundling -- */

static bool name_taken(const bundle *b, weir_view name)
{
    for (const part *p = b->parts; p; p = p->next)
        if (view_eq(p->name, name))
            return true;
    return tree_getv(tree_get(b->root, "$defs"), name) != NULL;
}

/* The file's name with what a pointer would have to escape replaced, and a number if that is taken. */
static weir_view name_part(bundle *b, const char *path)
{
    const char *slash = strrchr(path, '/');
    weir_view base = arena_dup(b->r->mem, view_of(slash ? slash + 1 : path)), name = base;
    for (char *c = (char *)base.ptr; c && *c; c++)
        *c = is_name_char(*c) ? *c : '_';
    for (size_t n = 2; name.ptr && name_taken(b, name); n++)
        name = arena_printf(b->r->mem, "%.*s_%zu", VIEW_ARG(base), n);
    return name;
}

static tree *copy_schema(bundle *b, const tree *t, bool named, const part *in);

static const part *bring_in(bundle *b, const char *path, tree_mark from)
{
    part **end = &b->parts;
    for (; *end; end = &(*end)->next)
        if (strcmp((*end)->path, path) == 0)
            return *end;
    const tree *t = file_tree(b->r, path, from, "schema");
    part *new = t ? arena_alloc(b->r->mem, sizeof *new) : NULL;
    if (!new)
        return NULL;
    *new = (part){.path = path, .name = name_part(b, path)};
    *end = new; /* before it is copied: files may refer to each other */
    new->copy = copy_schema(b, t, true, new);
    return new;
}

/* The reference as it reads from the root. @param in the part that holds it; NULL: the root itself */
static weir_view rewrite_ref(bundle *b, const tree *ref, const part *in)
{
    weir_view fragment = fragment_of(ref->text);
    if (names_file(ref->text)) {
        const char *path = path_beside(b->r->mem, ref->mark.file, file_of(ref->text));
        in = path ? bring_in(b, path, ref->mark) : NULL;
        if (!in)
            return ref->text;
    } else if (!in || !view_starts(ref->text, VIEW("#"))) {
        return ref->text;
    }
    return arena_printf(b->r->mem, "#/$defs/%.*s%.*s", VIEW_ARG(in->name), VIEW_ARG(fragment));
}

static void append(tree *parent, tree *child)
{
    if (!child)
        return;
    *(parent->last ? &parent->last->next : &parent->first) = child;
    parent->last = child;
    parent->count++;
}

/* @param named t's own name is no keyword  @param in the part that t belongs to; NULL: the root */
static tree *copy_schema(bundle *b, const tree *t, bool named, const part *in)
{
    bool names = !named && keyword_holds_names(t->name);
    tree *copy = arena_alloc(b->r->mem, sizeof *copy);
    if (!copy)
        return NULL;
    *copy = *t;
    copy->next = NULL;
    if (!named && keyword_holds_data(t->name))
        return copy;
    if (is_ref(t))
        copy->text = rewrite_ref(b, t, in);
    copy->raw = (weir_view){NULL, 0};
    copy->first = copy->last = NULL;
    copy->count = 0;
    for (const tree *c = t->first; c; c = c->next)
        append(copy, copy_schema(b, c, names, in));
    return copy;
}

static tree *member(tree *object, const char *name)
{
    for (tree *t = object->first; t; t = t->next)
        if (view_is(t->name, name))
            return t;
    return NULL;
}

static tree *make_node(arena *a, tree_kind kind, weir_view name, weir_view text, tree_mark at)
{
    tree *t = arena_alloc(a, sizeof *t);
    if (t)
        *t = (tree){.kind = kind, .name = name, .text = text, .mark = at, .name_mark = at};
    return t;
}

static const tree *stand_alone(bundle *b)
{
    tree *copy = copy_schema(b, b->root, true, NULL);
    tree *defs = copy ? member(copy, "$defs") : NULL;
    if (copy && !defs) {
        defs = make_node(b->r->mem, TREE_OBJECT, VIEW("$defs"), (weir_view){NULL, 0}, copy->mark);
        append(copy, defs);
    }
    for (part *p = b->parts; p && defs; p = p->next) {
        if (p->copy) {
            p->copy->name = p->name;
            append(defs, p->copy);
        }
    }
    return copy;
}

static const tree *schema_of_ref(catalog_reader *r, weir_view ref, tree_mark at)
{
    tree *root = make_node(r->mem, TREE_OBJECT, (weir_view){NULL, 0}, (weir_view){NULL, 0}, at);
    if (root)
        append(root, make_node(r->mem, TREE_STRING, VIEW("$ref"), ref, at));
    return root;
}

const tree *schema_value(catalog_reader *r, const tree *value, const char *what)
{
    const tree *schema = value;
    if (value->kind == TREE_STRING) {
        bool whole = names_file(value->text) && !fragment_of(value->text).len;
        schema = whole ? file_value(r, value, what) : schema_of_ref(r, value->text, value->mark);
    }
    if (!schema)
        return NULL;
    if (schema->kind != TREE_OBJECT && schema->kind != TREE_BOOL) {
        problem_at(&r->found, schema->mark, "%s must be a JSON Schema, is %s", what, tree_kind_name(schema->kind));
        return NULL;
    }
    bundle b = {.r = r, .root = schema};
    return refers_to_files(schema, true) ? stand_alone(&b) : schema;
}
