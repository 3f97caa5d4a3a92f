#include "doc/schema_index.h"

#include <stdlib.h>

#include "json/pointer.h"
#include "json/refs.h"

static weir_rc find_resource(schema_index *x, const resource *from, weir_view uri, const resource **ret, err *e);

/* ------------------------------------------------------------------------------------------------------------------ small -- */

/* Says where in which schema it was. */
static weir_rc say_where(const schema_index *x, weir_view place_in, const char *keyword, weir_rc rc, err *e)
{
    const char *file = x->options ? x->options->file : NULL;
    return err_wrap(e, rc, "%s%sschema %.*s%s%s", file ? file : "", file ? ": " : "", VIEW_ARG(place_in), keyword ? "/" : "", keyword ? keyword : "");
}

weir_rc index_fail(const schema_index *x, const spot *at, const char *keyword, err *e, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    err_vfail(e, WEIR_E_CONFIG, fmt, args);
    va_end(args);
    return say_where(x, at->place, keyword, WEIR_E_CONFIG, e);
}

static weir_rc no_memory(err *e)
{
    return err_nomem(e);
}

static weir_view without_fragment(weir_view uri)
{
    const char *hash = uri.len ? memchr(uri.ptr, '#', uri.len) : NULL;
    return hash ? (weir_view){uri.ptr, (size_t)(hash - uri.ptr)} : uri;
}

static weir_view fragment_of(weir_view uri)
{
    return view_from(view_from(uri, without_fragment(uri).len), 1);
}

static weir_view place_of(schema_index *x, weir_view base, const char *keyword, weir_view name, long item)
{
    buf p = {0};
    buf_addv(&p, base);
    pointer_push(&p, view_of(keyword));
    if (item >= 0)
        buf_printf(&p, "/%ld", item);
    else if (name.ptr)
        pointer_push(&p, name);
    weir_view where = buf_ok(&p) ? arena_dup(x->memory, buf_view(&p)) : (weir_view){NULL, 0};
    x->memory->failed = x->memory->failed || !buf_ok(&p);
    buf_free(&p);
    return where;
}

static weir_view address(const tree *const *t)
{
    return (weir_view){(const char *)t, sizeof *t};
}

static bool put(schema_index *x, map *m, weir_view key, const void *value)
{
    if (x->memory->failed)
        return false;
    if (map_get(m, key))
        return true; /* the first one stays */
    return map_put(m, key, (void *)(uintptr_t)value);
}

const tree *index_said(const spot *at, const char *keyword)
{
    const tree *value = tree_get(at->schema, keyword);
    if (!value)
        return NULL;
    const word *w = word_named(view_of(keyword));
    return w && (w->drafts & at->in->draft) && (w->vocabulary & at->in->vocabulary) ? value : NULL;
}

/* -------------------------------------------------------------------------------------------------------------- indexing -- */

static bool index_schema(schema_index *x, const tree *self, const resource *in, weir_view where, const spot **ret, weir_rc *rc, err *e);

/* Of drafts up to 7 what stands beside $ref does not count. */
static bool only_refers(const tree *self, unsigned draft)
{
    return (draft & UP_TO_7) && tree_get(self, "$ref") && tree_get(self, "$ref")->kind == TREE_STRING;
}

static weir_view id_of(const tree *self, unsigned draft)
{
    return only_refers(self, draft) ? (weir_view){NULL, 0} : tree_text(self, draft & D4 ? "id" : "$id");
}

static weir_rc add_anchor(schema_index *x, map *m, const spot *at, weir_view name, err *e)
{
    weir_view key = arena_printf(x->memory, "%.*s#%.*s", VIEW_ARG(at->in->base), VIEW_ARG(name));
    return put(x, m, key, at) ? WEIR_OK : no_memory(e);
}

static weir_rc add_anchors(schema_index *x, const spot *at, err *e)
{
    const unsigned draft = at->in->draft;
    weir_view id = id_of(at->schema, draft), anchor = tree_text(at->schema, "$anchor"), dynamic = tree_text(at->schema, "$dynamicAnchor");
    weir_rc rc = WEIR_OK;
    if ((draft & UP_TO_7) && id.len > 1 && id.ptr[0] == '#')
        rc = add_anchor(x, &x->anchors, at, view_from(id, 1), e);
    if (!rc && (draft & SINCE_2019) && anchor.len)
        rc = add_anchor(x, &x->anchors, at, anchor, e);
    if (!rc && (draft & D2020) && dynamic.len) {
        rc = add_anchor(x, &x->anchors, at, dynamic, e);
        rc = rc ? rc : add_anchor(x, &x->dynamic, at, dynamic, e);
    }
    return rc;
}

/* Which vocabularies a metaschema wants. */
static weir_rc read_vocabularies(const tree *meta, unsigned *ret, err *e)
{
    const tree *said = tree_get(meta, "$vocabulary");
    *ret = V_ALL;
    if (!said || said->kind != TREE_OBJECT)
        return WEIR_OK;
    *ret = V_CORE;
    for (const tree *t = said->first; t; t = t->next) {
        unsigned known = vocabulary_named(t->name);
        *ret |= known;
        if (!known && t->boolean)
            return err_fail(e, WEIR_E_CONFIG, "unknown vocabulary '%.*s'", VIEW_ARG(t->name));
    }
    return WEIR_OK;
}

/* Sets draft and vocabularies of a resource by its $schema. */
static weir_rc read_dialect(schema_index *x, resource *r, err *e)
{
    weir_view uri = tree_text(r->root, "$schema");
    unsigned draft = draft_named(uri);
    if (!uri.len || draft) {
        r->draft = draft ? draft : r->draft;
        r->vocabulary = draft ? V_ALL : r->vocabulary;
        return WEIR_OK;
    }
    const resource *meta = NULL;
    uri = without_fragment(uri);
    if (view_eq(uri, r->base))
        return WEIR_OK; /* a metaschema of its own */
    if (++x->depth > 16)
        return err_fail(e, WEIR_E_CONFIG, "the $schema of a $schema ... without end");
    weir_rc rc = find_resource(x, NULL, uri, &meta, e);
    x->depth--;
    if (!rc) {
        r->draft = meta->draft;
        rc = r->draft & SINCE_2019 ? read_vocabularies(meta->root, &r->vocabulary, e) : WEIR_OK;
    }
    return rc == WEIR_E_CONFIG ? say_where(x, r->document, "$schema", rc, e) : rc;
}

static resource *new_resource(schema_index *x, const tree *root, weir_view base, weir_view document, const resource *around)
{
    resource *r = arena_alloc(x->memory, sizeof *r);
    if (!r)
        return NULL;
    *r = (resource){.root = root, .base = base, .document = document, .draft = D2020, .vocabulary = V_ALL, .index = x->count};
    if (around) {
        r->draft = around->draft;
        r->vocabulary = around->vocabulary;
    }
    if (x->count == x->room) {
        uint32_t room = x->room ? x->room * 2 : 16;
        resource **list = realloc(x->resources, room * sizeof *list);
        if (!list)
            return NULL;
        x->resources = list;
        x->room = room;
    }
    x->resources[x->count++] = r;
    const tree *recursive = tree_get(root, "$recursiveAnchor");
    r->recursive = recursive && recursive->kind == TREE_BOOL && recursive->boolean;
    return r;
}

/* The resource that begins at a schema with an id of its own; otherwise `in`. */
static const resource *resource_at(schema_index *x, const tree *self, const resource *in, weir_view document, weir_rc *rc, err *e)
{
    /* An embedded schema may be of another draft, and then have an id in the manner of that one. */
    weir_view uri = tree_text(self, "$schema");
    unsigned draft = uri.len && self != in->root ? draft_named(uri) : 0;
    weir_view id = without_fragment(id_of(self, draft ? draft : in->draft));
    if (!id.len || self == in->root)
        return in;
    weir_view base = refs_resolve(x->memory, in->base, id);
    resource *r = base.ptr ? new_resource(x, self, base, document, in) : NULL;
    if (!r || !put(x, &x->uris, base, r)) {
        *rc = no_memory(e);
        return NULL;
    }
    *rc = read_dialect(x, r, e);
    return *rc ? NULL : r;
}

static weir_rc index_list(schema_index *x, const spot *at, const tree *value, const char *keyword, err *e)
{
    weir_rc rc = WEIR_OK;
    long item = 0;
    for (const tree *t = value->first; t && !rc; t = t->next, item++)
        index_schema(x, t, at->in, place_of(x, at->place, keyword, (weir_view){NULL, 0}, item), NULL, &rc, e);
    return rc;
}

static weir_rc index_children(schema_index *x, const spot *at, err *e)
{
    weir_rc rc = WEIR_OK;
    for (const tree *t = at->schema->first; t && !rc; t = t->next) {
        const word *w = word_named(t->name);
        if (!w || !(w->drafts & at->in->draft) || w->shape == W_VALUE)
            continue;
        if (t->kind == TREE_ARRAY && (w->shape == W_LIST || w->shape == W_SCHEMA_OR_LIST)) {
            rc = index_list(x, at, t, w->name, e);
        } else if (t->kind == TREE_OBJECT && w->shape == W_MAP) {
            for (const tree *m = t->first; m && !rc; m = m->next)
                index_schema(x, m, at->in, place_of(x, at->place, w->name, m->name, -1), NULL, &rc, e);
        } else if (w->shape == W_SCHEMA || w->shape == W_SCHEMA_OR_LIST) {
            index_schema(x, t, at->in, place_of(x, at->place, w->name, (weir_view){NULL, 0}, -1), NULL, &rc, e);
        }
    }
    return rc;
}

/* Takes in a schema and those inside of it. @return false on error */
static bool index_schema(schema_index *x, const tree *self, const resource *in, weir_view where, const spot **ret, weir_rc *rc, err *e)
{
    const spot *known = map_get(&x->spots, address(&self));
    if (known) {
        if (ret)
            *ret = known;
        return true;
    }
    if (self->kind != TREE_OBJECT && self->kind != TREE_BOOL)
        return true; /* whoever needs it says so */
    if (self->kind == TREE_OBJECT)
        in = resource_at(x, self, in, in->document, rc, e);
    if (!in)
        return false;
    spot *s = arena_alloc(x->memory, sizeof *s);
    if (s)
        *s = (spot){self, in, where};
    if (!s || !put(x, &x->spots, address(&s->schema), s)) {
        *rc = no_memory(e);
        return false;
    }
    if (ret)
        *ret = s;
    if (self->kind == TREE_OBJECT) {
        *rc = add_anchors(x, s, e);
        *rc = *rc ? *rc : index_children(x, s, e);
    }
    return !*rc;
}

const spot *index_inner(schema_index *x, const spot *at, const tree *self, const char *keyword, weir_view name, long item)
{
    const spot *known = map_get(&x->spots, address(&self));
    if (known)
        return known;
    spot *s = arena_alloc(x->memory, sizeof *s);
    if (s)
        *s = (spot){self, at->in, place_of(x, at->place, keyword, name, item)};
    return s;
}

const spot *index_dynamic(schema_index *x, const resource *in, weir_view name)
{
    weir_view key = arena_printf(x->memory, "%.*s#%.*s", VIEW_ARG(in->base), VIEW_ARG(name));
    return key.ptr ? map_get(&x->dynamic, key) : NULL;
}

/* ------------------------------------------------------------------------------------------------------------ documents -- */

/* @param from what refers to it: where it says nothing, it is of the same draft; NULL: nothing does */
static weir_rc take_document(schema_index *x, const resource *from, const tree *root, weir_view base, weir_view document, const resource **ret, err *e)
{
    resource *r = new_resource(x, root, base, document, NULL);
    if (r && from)
        r->draft = from->draft;
    if (!r || !put(x, &x->uris, base, r))
        return no_memory(e);
    weir_rc rc = read_dialect(x, r, e);
    if (rc)
        return rc;
    weir_view id = without_fragment(id_of(root, r->draft));
    if (id.len) {
        r->base = refs_resolve(x->memory, base, id);
        if (!r->base.ptr || !put(x, &x->uris, r->base, r))
            return no_memory(e);
    }
    *ret = r;
    weir_view where = document.len ? arena_printf(x->memory, "%.*s#", VIEW_ARG(document)) : VIEW("");
    index_schema(x, root, r, where, NULL, &rc, e);
    return rc;
}

weir_rc index_open(schema_index *x, arena *memory, const tree *root, const schema_options *o, const spot **ret, err *e)
{
    const resource *r = NULL;
    *x = (schema_index){.memory = memory, .options = o, .root = root};
    weir_rc rc = take_document(x, NULL, root, VIEW(""), (weir_view){NULL, 0}, &r, e);
    if (rc)
        return rc;
    *ret = map_get(&x->spots, address(&root));
    spot no_schema = {root, r, VIEW("")};
    return *ret ? WEIR_OK : index_fail(x, &no_schema, NULL, e, "a schema is an object, true or false, not %s", tree_kind_name(root->kind));
}

void index_free(schema_index *x)
{
    map_free(&x->uris);
    map_free(&x->anchors);
    map_free(&x->dynamic);
    map_free(&x->spots);
    free(x->resources);
    x->resources = NULL;
}

static weir_rc parse_document(schema_index *x, const resource *from, weir_view text, weir_view uri, const resource **ret, err *e)
{
    tree *root = NULL;
    text = arena_dup(x->memory, text);
    uri = arena_dup(x->memory, uri);
    if (x->memory->failed)
        return no_memory(e);
    weir_rc rc = tree_parse(x->memory, text, NULL, WEIR_E_CONFIG, &root, e);
    return rc ? err_wrap(e, rc, "schema '%.*s'", VIEW_ARG(uri)) : take_document(x, from, root, uri, uri, ret, e);
}

/* A schema that stands in the definitions under its URI as a name. */
static const tree *named_by_uri(const schema_index *x, weir_view uri)
{
    const tree *found = tree_getv(tree_get(x->root, "$defs"), uri);
    return found ? found : tree_getv(tree_get(x->root, "definitions"), uri);
}

/* A resource by its URI without fragment, from wherever it may be had. */
static weir_rc find_resource(schema_index *x, const resource *from, weir_view uri, const resource **ret, err *e)
{
    const schema_options *o = x->options;
    const tree *known = o && o->known ? tree_getv(o->known, uri) : NULL;
    weir_view text = metaschema_at(uri);
    *ret = map_get(&x->uris, uri);
    if (*ret)
        return WEIR_OK;
    if (!known)
        known = named_by_uri(x, uri);
    if (known) {
        uri = arena_dup(x->memory, uri);
        return x->memory->failed ? no_memory(e) : take_document(x, from, known, uri, uri, ret, e);
    }
    if (!text.len && o && o->fetch) {
        weir_rc rc = o->fetch(o->arg, uri, &text, e);
        if (rc)
            return rc;
    }
    return text.len ? parse_document(x, from, text, uri, ret, e) : err_fail(e, WEIR_E_CONFIG, "there is no schema '%.*s'", VIEW_ARG(uri));
}

/* ------------------------------------------------------------------------------------------------------------ following -- */

static int hex(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10 : -1;
}

static weir_view decode_percent(arena *a, weir_view text)
{
    char *out = arena_alloc(a, text.len);
    size_t n = 0;
    for (size_t i = 0; out && i < text.len; i++) {
        bool escape = text.ptr[i] == '%' && text.len - i > 2 && hex(text.ptr[i + 1]) >= 0 && hex(text.ptr[i + 2]) >= 0;
        out[n++] = escape ? (char)(hex(text.ptr[i + 1]) << 4 | hex(text.ptr[i + 2])) : text.ptr[i];
        i += escape ? 2 : 0;
    }
    return (weir_view){out, n};
}

static const tree *child_of(const tree *t, weir_view token)
{
    size_t index;
    if (t->kind != TREE_ARRAY)
        return tree_getv(t, token);
    if (!pointer_index(token, &index) || index >= t->count)
        return NULL;
    for (t = t->first; index; index--)
        t = t->next;
    return t;
}

/* Goes down a pointer; what stands there may be a schema that nobody took for one so far. */
static weir_rc follow_pointer(schema_index *x, const resource *in, weir_view pointer, const spot **ret, err *e)
{
    weir_view *tokens = NULL;
    size_t count = 0;
    const tree *t = in->root;
    const spot *known = map_get(&x->spots, address(&t));
    buf where = {0};
    if (known)
        buf_addv(&where, known->place);
    bool good = pointer_split(x->memory, pointer, &tokens, &count);
    for (size_t i = 0; good && i < count; i++) {
        t = child_of(t, tokens[i]);
        known = t ? map_get(&x->spots, address(&t)) : NULL;
        in = known ? known->in : in;
        good = t != NULL;
        pointer_push(&where, tokens[i]);
    }
    weir_view name = arena_dup(x->memory, buf_view(&where));
    bool memory = buf_ok(&where) && !x->memory->failed;
    buf_free(&where);
    if (!memory)
        return no_memory(e);
    if (!good)
        return err_fail(e, WEIR_E_CONFIG, "nothing is there");
    *ret = NULL;
    weir_rc rc = WEIR_OK;
    index_schema(x, t, in, name, ret, &rc, e);
    return rc || *ret ? rc : err_fail(e, WEIR_E_CONFIG, "%s is there, and no schema", tree_kind_name(t->kind));
}

weir_rc index_follow(schema_index *x, const resource *from, weir_view ref, const spot **ret, weir_view *ret_name, err *e)
{
    weir_view uri = without_fragment(ref), fragment = decode_percent(x->memory, fragment_of(ref));
    const resource *to = from;
    weir_rc rc = WEIR_OK;
    if (ret_name)
        *ret_name = (weir_view){NULL, 0};
    if (uri.len) {
        weir_view full = refs_resolve(x->memory, from->base, uri);
        if (!full.ptr)
            return no_memory(e);
        rc = find_resource(x, from, full, &to, e);
    }
    if (rc)
        return rc;
    if (x->memory->failed)
        return no_memory(e);
    if (!fragment.len || fragment.ptr[0] == '/')
        return follow_pointer(x, to, fragment, ret, e);
    weir_view key = arena_printf(x->memory, "%.*s#%.*s", VIEW_ARG(to->base), VIEW_ARG(fragment));
    if (!key.ptr)
        return no_memory(e);
    *ret = map_get(&x->anchors, key);
    if (!*ret)
        return err_fail(e, WEIR_E_CONFIG, "there is no anchor '%.*s'", VIEW_ARG(fragment));
    if (ret_name && map_get(&x->dynamic, key))
        *ret_name = fragment;
    return WEIR_OK;
}
