/* What discovery found goes into the file: which bindings stay, which are new, what the file should then mean, and the report. */
#include <stdlib.h>

#include "base/io.h"
#include "json/number.h"
#include "json/patch.h"
#include "json/pointer.h"
#include "json/text.h"
#include "plane/catalog_edit.h"
#include "plane/catalog_parts.h"
#include "plane/yaml.h"

typedef weir_rc (*path_finder)(void *arg, const tree *resource, buf *out, err *e);

/* A binding that is in the file, or a stream that was found. */
typedef struct entry {
    weir_view path;  /* JSON array of strings, in one form, so that equal paths are equal texts */
    weir_view label; /* for the report */
    weir_view target;
    const tree *resource, *schema, *key; /* of a stream */
    const found *stream;
    struct entry *match; /* of a stream: the first binding of that path; of a binding: its stream */
    bool makes_collection;
} entry;

typedef struct writer {
    const catalog *c;
    const task *t;
    arena mem;
    buf text; /* of the file, as it is now */
    const char *file;
    const tree *root, *capture, *list; /* of the file; list: its bindings, may be NULL */
    entry *bindings, *streams;
    size_t binding_count, stream_count;
    bool *keep;
    map paths, targets; /* path -> binding or stream; name -> anything: names that are taken */
    tree *added, *collections;
    err *e;
} writer;

static const char taken; /* marks a name */

/* -------------------------------------------------------------------------------------------------- trees with changes -- */

static tree *node(writer *w, tree_kind kind, const char *name)
{
    tree *t = arena_alloc(&w->mem, sizeof *t);
    if (t)
        *t = (tree){.kind = kind, .name = view_of(name)};
    return t;
}

static tree *append(writer *w, tree *parent, weir_view name, const tree *value)
{
    tree *t = parent && value ? arena_alloc(&w->mem, sizeof *t) : NULL;
    if (!t)
        return NULL;
    *t = *value;
    t->next = NULL;
    t->name = name;
    *(parent->last ? &parent->last->next : &parent->first) = t;
    parent->last = t;
    parent->count++;
    return t;
}

static void append_text(writer *w, tree *parent, const char *name, weir_view text)
{
    append(w, parent, view_of(name), &(const tree){.kind = TREE_STRING, .text = text});
}

/* A copy of the object with one member replaced, or added at its end. */
static tree *with_member(writer *w, const tree *object, const char *name, const tree *value)
{
    tree *copy = node(w, TREE_OBJECT, "");
    bool there = false;
    for (const tree *m = object ? object->first : NULL; m; m = m->next) {
        bool same = view_is(m->name, name);
        append(w, copy, m->name, same ? value : m);
        there = there || same;
    }
    if (!there)
        append(w, copy, view_of(name), value);
    return copy;
}

/* -------------------------------------------------------------------------------------------------------------- paths -- */

/* Brings a resource path into one form and makes its label. */
static weir_rc take_path(writer *w, entry *x, weir_view json, weir_rc rc, const char *what)
{
    weir_view *parts;
    size_t count;
    buf path = {0}, label = {0};
    if (!pointer_list(&w->mem, json, &parts, &count) || !count)
        return w->mem.failed ? err_nomem(w->e) : err_fail(w->e, rc, "%s: %.*s is no resource path", what, VIEW_ARG(json));
    json_strings(&path, parts, count);
    for (size_t i = 0; i < count; i++)
        buf_printf(&label, "%s%.*s", i ? "/" : "", VIEW_ARG(parts[i]));
    x->path = arena_dup(&w->mem, buf_view(&path));
    x->label = arena_dup(&w->mem, buf_view(&label));
    bool good = buf_ok(&path) && buf_ok(&label) && !w->mem.failed;
    buf_free(&path);
    buf_free(&label);
    return good ? WEIR_OK : err_nomem(w->e);
}

static weir_rc find_path(writer *w, entry *x, const tree *resource, path_finder path_of, void *arg, const char *what)
{
    buf path = {0};
    weir_rc rc = path_of(arg, resource, &path, w->e);
    if (!rc)
        rc = buf_ok(&path) ? take_path(w, x, buf_view(&path), WEIR_E_BUG, what) : err_nomem(w->e);
    else
        rc = err_wrap(w->e, rc, "%s", what);
    buf_free(&path);
    return rc;
}

/* ---------------------------------------------------------------------------------------------------- what is in the file -- */

static weir_rc read_again(writer *w)
{
    const catalog_file *f = w->c->files;
    while (f && (!f->path || !w->t->mark.file || strcmp(f->path, w->t->mark.file) != 0))
        f = f->next;
    if (!f || !f->real)
        return err_fail(w->e, WEIR_E_CONFIG, "standard input cannot be rewritten; name a file, or print what was found");
    tree *root;
    w->file = f->path;
    weir_rc rc = io_read_file(f->real, YAML_FILE_MAX, &w->text, w->e);
    if (!rc)
        rc = yaml_parse(&w->mem, buf_view(&w->text), w->file, &root, w->e);
    if (rc)
        return rc;
    w->root = root;
    w->capture = tree_getv(tree_get(root, "captures"), w->t->name);
    if (!w->capture || w->capture->kind != TREE_OBJECT)
        return err_fail(w->e, WEIR_E_CONFIG, "\"%s\" has changed: the capture \"%.*s\" is gone", w->file, VIEW_ARG(w->t->name));
    w->list = tree_get(w->capture, "bindings");
    if (w->list && w->list->kind != TREE_ARRAY)
        w->list = NULL;
    return WEIR_OK;
}

/* A resource may be the name of a file. */
static weir_rc resource_of(writer *w, const tree *binding, const tree **ret)
{
    const tree *t = tree_get(binding, "resource");
    tree *read = NULL;
    weir_rc rc = WEIR_OK;
    if (t && t->kind == TREE_STRING) {
        const char *path = path_beside(&w->mem, t->mark.file, t->text);
        rc = path ? yaml_read(&w->mem, path, &read, w->e) : err_nomem(w->e);
        t = read;
    }
    *ret = t;
    return rc ? rc : t && t->kind == TREE_OBJECT ? WEIR_OK : err_fail(w->e, WEIR_E_CONFIG, "it has no resource");
}

static weir_rc take_binding(writer *w, const tree *spec, entry *x, path_finder path_of, void *arg)
{
    const tree *resource;
    weir_rc rc = resource_of(w, spec, &resource);
    if (!rc)
        rc = find_path(w, x, resource, path_of, arg, "its resource");
    if (rc)
        return err_wrap(w->e, rc, "%s:%zu:%zu", w->file, spec->mark.line, spec->mark.column);
    x->target = tree_text(spec, "target");
    entry *first = map_get(&w->paths, x->path);
    if (first) { /* both stay or go; validation is what complains */
        x->match = first;
        return WEIR_OK;
    }
    return map_put(&w->paths, x->path, x) ? WEIR_OK : err_nomem(w->e);
}

static weir_rc take_bindings(writer *w, path_finder path_of, void *arg)
{
    size_t count = w->list ? w->list->count : 0;
    weir_rc rc = WEIR_OK;
    w->bindings = arena_array(&w->mem, count, sizeof *w->bindings);
    w->keep = arena_array(&w->mem, count, sizeof *w->keep);
    if (!w->bindings || !w->keep)
        return err_nomem(w->e);
    for (const tree *t = w->list ? w->list->first : NULL; t && !rc; t = t->next)
        rc = take_binding(w, t, &w->bindings[w->binding_count++], path_of, arg);
    return rc;
}

/* ---------------------------------------------------------------------------------------------------- what was found -- */

static weir_rc parse_part(writer *w, const found *f, weir_view json, const char *what, tree_kind kind, const tree **ret)
{
    tree *t = NULL;
    weir_rc rc = tree_parse(&w->mem, json, NULL, WEIR_E_PROTOCOL, &t, w->e);
    if (!rc && t->kind != kind && !(kind == TREE_OBJECT && t->kind == TREE_BOOL))
        rc = err_fail(w->e, WEIR_E_PROTOCOL, "must be %s, is %s", tree_kind_name(kind), tree_kind_name(t->kind));
    *ret = t;
    return err_wrap(w->e, rc, "%s of stream \"%.*s\"", what, VIEW_ARG(f->name));
}

static weir_rc take_stream(writer *w, const found *f, entry *x, path_finder path_of, void *arg)
{
    x->stream = f;
    weir_rc rc = parse_part(w, f, f->resource, "the resource", TREE_OBJECT, &x->resource);
    if (!rc)
        rc = parse_part(w, f, f->schema, "the schema", TREE_OBJECT, &x->schema);
    if (!rc)
        rc = parse_part(w, f, f->key.len ? f->key : VIEW("[]"), "the key", TREE_ARRAY, &x->key);
    if (!rc && f->path.len && !view_is(f->path, "[]"))
        rc = take_path(w, x, f->path, WEIR_E_PROTOCOL, "a discovered stream");
    else if (!rc)
        rc = find_path(w, x, x->resource, path_of, arg, "a discovered stream");
    if (rc)
        return rc;
    entry *same = map_get(&w->paths, x->path);
    if (same && same->stream)
        return err_fail(w->e, WEIR_E_PROTOCOL, "the connector discovered %.*s twice", VIEW_ARG(x->path));
    x->match = same;
    if (same)
        same->match = x;
    return same || map_put(&w->paths, x->path, x) ? WEIR_OK : err_nomem(w->e);
}

static weir_rc take_streams(writer *w, const found *streams, size_t count, path_finder path_of, void *arg)
{
    weir_rc rc = WEIR_OK;
    w->streams = arena_array(&w->mem, count, sizeof *w->streams);
    if (!w->streams)
        return err_nomem(w->e);
    for (size_t i = 0; i < count && !rc; i++)
        rc = take_stream(w, &streams[i], &w->streams[w->stream_count++], path_of, arg);
    for (size_t i = 0; i < w->binding_count; i++) {
        const entry *b = &w->bindings[i], *first = b->match && !b->match->stream ? b->match : b;
        w->keep[i] = first->match && first->match->stream;
    }
    return rc;
}

/* -------------------------------------------------------------------------------------------------------------- names -- */

static weir_rc take_name(writer *w, weir_view name)
{
    return map_put(&w->targets, name, (void *)&taken) ? WEIR_OK : err_nomem(w->e);
}

/* Names that a new binding cannot have: tasks', and those that bindings which stay write to. */
static weir_rc take_names(writer *w)
{
    weir_rc rc = WEIR_OK;
    for (size_t i = 0; i < w->c->task_count && !rc; i++)
        rc = take_name(w, w->c->tasks[i].name);
    for (size_t i = 0; i < w->binding_count && !rc; i++)
        if (w->keep[i] && w->bindings[i].target.len)
            rc = take_name(w, w->bindings[i].target);
    return rc;
}

static bool collection_exists(const writer *w, weir_view name)
{
    return catalog_collection(w->c, name) || tree_getv(tree_get(w->root, "collections"), name);
}

/* The capture's name up to its last slash, and the stream's; a number behind it if that is taken. */
static weir_rc name_target(writer *w, entry *x)
{
    weir_view name = w->t->name;
    const char *slash = memrchr(name.ptr, '/', name.len);
    buf text = {0};
    buf_add(&text, name.ptr, slash ? (size_t)(slash - name.ptr) + 1 : 0);
    name_normalise(&text, x->stream->name);
    size_t len = text.len;
    for (size_t n = 2; buf_ok(&text) && map_get(&w->targets, buf_view(&text)); n++) {
        text.len = len;
        buf_printf(&text, "_%zu", n);
    }
    x->target = arena_dup(&w->mem, buf_view(&text));
    bool good = buf_ok(&text) && x->target.ptr;
    buf_free(&text);
    return good ? take_name(w, x->target) : err_nomem(w->e);
}

/* -------------------------------------------------------------------------------------------------------- new contents -- */

/* A schema that the platform shall infer is written in two: documents are held to what the source says, readers to what was seen.
 */
static void add_schemas(writer *w, tree *spec, const tree *schema)
{
    const tree *infer = tree_get(schema, "x-infer-schema");
    if (!infer || !infer->boolean) {
        append(w, spec, VIEW("schema"), schema);
        return;
    }
    append(w, spec, VIEW("writeSchema"), schema);
    tree *read = append(w, spec, VIEW("readSchema"), &(const tree){.kind = TREE_OBJECT});
    tree *all = append(w, read, VIEW("allOf"), &(const tree){.kind = TREE_ARRAY});
    static const char *const urls[] = {"flow://relaxed-write-schema", "flow://inferred-schema"};
    for (size_t i = 0; i < 2; i++)
        append_text(w, append(w, all, VIEW(""), &(const tree){.kind = TREE_OBJECT}), "$ref", view_of(urls[i]));
}

static void add_stream(writer *w, entry *x)
{
    tree *binding = append(w, w->added, VIEW(""), &(const tree){.kind = TREE_OBJECT});
    append(w, binding, VIEW("resource"), x->resource);
    append_text(w, binding, "target", x->target);
    if (x->stream->disabled)
        append(w, binding, VIEW("disable"), &(const tree){.kind = TREE_BOOL, .boolean = true});
    if (collection_exists(w, x->target))
        return;
    x->makes_collection = true;
    tree *spec = append(w, w->collections, x->target, &(const tree){.kind = TREE_OBJECT});
    if (spec)
        add_schemas(w, spec, x->schema);
    append(w, spec, VIEW("key"), x->key);
}

static weir_rc add_streams(writer *w)
{
    weir_rc rc = take_names(w);
    w->added = node(w, TREE_ARRAY, "");
    w->collections = node(w, TREE_OBJECT, "");
    for (size_t i = 0; i < w->stream_count && !rc; i++) {
        entry *x = &w->streams[i];
        if (x->match)
            continue;
        rc = name_target(w, x);
        if (!rc)
            add_stream(w, x);
    }
    return rc ? rc : w->mem.failed ? err_nomem(w->e) : WEIR_OK;
}

/* What the whole file shall mean. */
static const tree *wanted(writer *w)
{
    tree *list = node(w, TREE_ARRAY, "");
    size_t i = 0;
    for (const tree *t = w->list ? w->list->first : NULL; t; t = t->next)
        if (w->keep[i++])
            append(w, list, VIEW(""), t);
    for (const tree *t = w->added->first; t; t = t->next)
        append(w, list, VIEW(""), t);
    const tree *capture = with_member(w, w->capture, "bindings", list);
    const tree *captures = with_member(w, tree_get(w->root, "captures"), w->t->name.ptr, capture);
    const tree *root = with_member(w, w->root, "captures", captures);
    if (!w->collections->first)
        return root;
    tree *all = node(w, TREE_OBJECT, "");
    const tree *before = tree_get(w->root, "collections");
    for (const tree *t = before ? before->first : NULL; t; t = t->next)
        append(w, all, t->name, t);
    for (const tree *t = w->collections->first; t; t = t->next)
        append(w, all, t->name, t);
    return with_member(w, root, "collections", all);
}

/* ------------------------------------------------------------------------------------------------------------ writing -- */

/* The same value: members in any order, but mostly they are in the same. */
static bool is_same(const tree *a, const tree *b)
{
    if (a->kind != b->kind || a->count != b->count)
        return false;
    if (a->kind == TREE_NUMBER)
        return number_compare(a->text, b->text) == 0;
    if (a->kind == TREE_STRING)
        return view_eq(a->text, b->text);
    if (a->kind == TREE_BOOL)
        return a->boolean == b->boolean;
    const tree *x = a->first;
    for (const tree *y = b->first; x && y; x = x->next, y = y->next) {
        const tree *z = view_eq(x->name, y->name) ? y : tree_getv(b, x->name);
        if (!z || !is_same(x, z))
            return false;
    }
    return true;
}

/* Does the text mean what it should? */
static weir_rc compare(writer *w, weir_view text, const tree *want, bool *ret_same)
{
    tree *t;
    err failed = {0};
    weir_rc rc = yaml_parse(&w->mem, text, w->file, &t, &failed);
    *ret_same = !rc && is_same(t, want);
    err_free(&failed);
    return rc == WEIR_E_NOMEM ? err_nomem(w->e) : WEIR_OK;
}

/* JSON stays JSON; YAML is edited, or, if that does not give what it should, written anew. */
static weir_rc make_text(writer *w, const tree *want, buf *out, bool *ret_anew)
{
    if (w->root->raw.len) {
        tree_write_pretty(out, want);
        buf_addc(out, '\n');
        return WEIR_OK;
    }
    const catalog_change change = {w->t->name, w->list, w->keep, w->added, w->collections};
    bool good = catalog_edit(buf_view(&w->text), &change, out);
    if (!buf_ok(out))
        return err_nomem(w->e);
    weir_rc rc = good ? compare(w, buf_view(out), want, &good) : WEIR_OK;
    if (rc || good)
        return rc;
    *ret_anew = true;
    buf_clear(out);
    yaml_write(out, want);
    return WEIR_OK;
}

static weir_rc write_file(writer *w, const tree *want, bool *ret_anew)
{
    buf out = {0};
    weir_rc rc = w->mem.failed ? err_nomem(w->e) : make_text(w, want, &out, ret_anew);
    if (!rc)
        rc = buf_ok(&out) && !w->mem.failed ? io_replace_file(w->file, buf_view(&out), w->e) : err_nomem(w->e);
    buf_wipe(&out);
    return rc;
}

static bool is_changed(const writer *w)
{
    for (size_t i = 0; i < w->binding_count; i++)
        if (!w->keep[i])
            return true;
    return w->added->first != NULL;
}

/* -------------------------------------------------------------------------------------------------------------- report -- */

static void report_line(buf *report, const char *what, const entry *x)
{
    buf_printf(report, "  %-10s %.*s -> %.*s\n", what, VIEW_ARG(x->label), VIEW_ARG(x->target));
}

/* What a look at the collection should tell: discovery leaves those alone that are there. */
static void report_collection(const writer *w, buf *report, const entry *x, weir_view target)
{
    const collection *c = catalog_collection(w->c, target);
    const tree *key = x->key;
    if (x->makes_collection && !key->first)
        buf_printf(report, "  note: no key of %.*s is known: set \"key\" before it can be used\n", VIEW_ARG(target));
    if (x->makes_collection || !c)
        return;
    if (!json_equal(c->write_schema_json, x->stream->schema))
        buf_printf(report, "  note: the schema of %.*s is not the one discovered; it was left as it is\n", VIEW_ARG(target));
    if (key->first && !x->stream->fallback_key && !json_equal(c->key_json, x->stream->key))
        buf_printf(report, "  note: the key of %.*s is not the one discovered; it was left as it is\n", VIEW_ARG(target));
}

static void write_report(const writer *w, bool changed, bool anew, buf *report)
{
    size_t count = changed + w->collections->count;
    buf_printf(report, "Wrote %zu specification%s under %s.\n", count, count == 1 ? "" : "s", w->file);
    for (size_t i = 0; i < w->stream_count; i++)
        if (!w->streams[i].match)
            report_line(report, "added", &w->streams[i]);
    for (size_t i = 0; i < w->binding_count; i++)
        if (!w->keep[i])
            report_line(report, "removed", &w->bindings[i]);
    for (size_t i = 0; i < w->binding_count; i++)
        if (w->keep[i])
            report_line(report, "unchanged", &w->bindings[i]);
    for (size_t i = 0; i < w->stream_count; i++) {
        const entry *x = &w->streams[i];
        report_collection(w, report, x, x->match ? x->match->target : x->target);
    }
    if (anew)
        buf_printf(report, "  note: %s was written anew: comments and layout are lost\n", w->file);
}

static weir_rc write_discovered(writer *w, const found *streams, size_t count, path_finder path_of, void *arg, buf *report)
{
    bool anew = false;
    weir_rc rc = read_again(w);
    if (!rc)
        rc = take_bindings(w, path_of, arg);
    if (!rc)
        rc = take_streams(w, streams, count, path_of, arg);
    if (!rc)
        rc = add_streams(w);
    if (!rc && is_changed(w))
        rc = write_file(w, wanted(w), &anew);
    if (!rc)
        write_report(w, is_changed(w), anew, report);
    return rc ? rc : buf_ok(report) ? WEIR_OK : err_nomem(w->e);
}

weir_rc catalog_write_discovered(const catalog *c, const task *t, const found *streams, size_t count, path_finder path_of,
                                 void *arg, buf *report, err *e)
{
    writer w = {.c = c, .t = t, .e = e};
    weir_rc rc = write_discovered(&w, streams, count, path_of, arg, report);
    map_free(&w.paths);
    map_free(&w.targets);
    buf_wipe(&w.text); /* it may hold secrets */
    arena_free(&w.mem);
    return rc;
}
