#include "json/refs.h"

#include "json/pointer.h"

/* ---------------------------------------------------------------------------------------------------------------- URIs -- */

typedef struct uri_parts {
    weir_view scheme, authority, path, query; /* with ":", "//", "?" */
} uri_parts;

/* Takes off the front everything before the first of `stops`. */
static weir_view take_until(weir_view *rest, const char *stops)
{
    weir_view all = *rest;
    size_t n = 0;
    while (n < all.len && !strchr(stops, all.ptr[n]))
        n++;
    *rest = view_from(all, n);
    return (weir_view){all.ptr, n};
}

static bool is_alpha(char c)
{
    return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

/* The scheme with its colon, or nothing: "a:b" has one, "1:2" and "a/b:c" have none. */
static weir_view take_scheme(weir_view *rest)
{
    size_t n = 0;
    while (n < rest->len && (is_alpha(rest->ptr[n]) || (n && strchr("0123456789+-.", rest->ptr[n]))))
        n++;
    if (n == 0 || n == rest->len || rest->ptr[n] != ':')
        return (weir_view){rest->ptr, 0};
    weir_view scheme = {rest->ptr, n + 1};
    *rest = view_from(*rest, n + 1);
    return scheme;
}

static uri_parts parse_uri(weir_view text)
{
    uri_parts u = {.scheme = take_scheme(&text)};
    if (view_starts(text, VIEW("//"))) {
        weir_view from = text;
        text = view_from(text, 2);
        u.authority = (weir_view){from.ptr, take_until(&text, "/?").len + 2};
    }
    u.path = take_until(&text, "?");
    u.query = text;
    return u;
}

/* RFC 3986, section 5.2.4, in place. */
static size_t remove_dots(char *path, size_t len)
{
    static const weir_view dot = WEIR_LIT("/."), dots = WEIR_LIT("/..");
    size_t out = 0;
    weir_view in = {path, len};
    while (in.len) {
        if (view_starts(in, VIEW("../")) || view_starts(in, VIEW("./"))) {
            in = view_from(in, in.ptr[1] == '.' ? 3 : 2);
        } else if (view_starts(in, VIEW("/./"))) {
            in = view_from(in, 2);
        } else if (view_eq(in, dot) || view_eq(in, dots) || view_starts(in, VIEW("/../"))) {
            bool up = in.len > 2 && in.ptr[2] == '.', last = in.len < 4 && in.ptr[in.len - 1] == '.';
            while (up && out && path[--out] != '/')
                ;
            in = view_from(in, up ? 3 : 2);
            if (last)
                path[out++] = '/';
        } else if (view_is(in, ".") || view_is(in, "..")) {
            break;
        } else {
            do {
                path[out++] = *in.ptr;
                in = view_from(in, 1);
            } while (in.len && *in.ptr != '/');
        }
    }
    return out;
}

/* The base's path up to its last slash, to put a relative path behind. */
static weir_view folder_of(uri_parts base)
{
    size_t n = base.path.len;
    while (n && base.path.ptr[n - 1] != '/')
        n--;
    return !base.path.len && base.authority.len ? VIEW("/") : (weir_view){base.path.ptr, n};
}

weir_view refs_resolve(arena *a, weir_view base_text, weir_view ref)
{
    uri_parts base = parse_uri(base_text), to = parse_uri(ref);
    weir_view folder = {NULL, 0};
    bool has_authority = to.scheme.len || to.authority.len, keep = !has_authority && !to.path.len;
    if (!to.scheme.len)
        to.scheme = base.scheme;
    if (!has_authority) {
        to.authority = base.authority;
        if (!to.path.len)
            to.query = to.query.len ? to.query : base.query;
        else if (to.path.ptr[0] != '/')
            folder = folder_of(base);
        if (!to.path.len)
            to.path = base.path;
    }
    buf out = {0};
    buf_addv(&out, to.scheme);
    buf_addv(&out, to.authority);
    size_t path = out.len;
    buf_addv(&out, folder);
    buf_addv(&out, to.path);
    if (buf_ok(&out) && !keep)
        out.len = path + remove_dots(out.ptr + path, out.len - path);
    buf_addv(&out, to.query);
    weir_view result = buf_ok(&out) ? arena_dup(a, buf_view(&out)) : (weir_view){NULL, 0};
    buf_free(&out);
    return result;
}

/* ------------------------------------------------------------------------------------------------------------ indexing -- */

static weir_view before_hash(weir_view text)
{
    return take_until(&text, "#");
}

/* The id of a schema; of draft 4's `id` only what cannot be mistaken for data. */
static weir_view id_of(const tree *schema)
{
    weir_view id = tree_text(schema, "$id");
    if (!id.len) {
        id = tree_text(schema, "id");
        if (id.len && id.ptr[0] != '#' && !memchr(id.ptr, ':', id.len))
            id = (weir_view){NULL, 0};
    }
    return id;
}

place refs_inner(refs *r, place from, const tree *schema)
{
    weir_view id = before_hash(id_of(schema));
    if (!id.len)
        return (place){schema, from.root, from.base};
    weir_view base = refs_resolve(r->arena, from.base, id);
    r->failed = r->failed || !base.ptr;
    return (place){schema, schema, base};
}

/* The first one of a URI stays. */
static void add_place(refs *r, weir_view name, place p)
{
    place *copy = map_get(&r->places, name) ? NULL : arena_alloc(r->arena, sizeof *copy);
    if (copy) {
        *copy = p;
        r->failed = r->failed || !map_put(&r->places, name, copy);
    }
}

static void add_anchor(refs *r, place p, weir_view anchor)
{
    if (anchor.len) {
        weir_view name = arena_printf(r->arena, "%.*s#%.*s", VIEW_ARG(p.base), VIEW_ARG(anchor));
        add_place(r, name, p);
    }
}

static bool holds_data(const tree *member)
{
    static const char *const names[] = {"enum", "const", "default", "examples", "example"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (view_is(member->name, names[i]))
            return true;
    return false;
}

static void add_places(refs *r, place p)
{
    weir_view id = id_of(p.schema);
    if (p.schema == p.root)
        add_place(r, p.base, p);
    if (id.len && id.ptr[0] == '#')
        add_anchor(r, p, view_from(id, 1));
    add_anchor(r, p, tree_text(p.schema, "$anchor"));
    add_anchor(r, p, tree_text(p.schema, "$dynamicAnchor"));
    for (const tree *t = p.schema->first; t; t = t->next)
        if (t->first && !holds_data(t))
            add_places(r, refs_inner(r, p, t));
}

void refs_init(refs *r, arena *a, const tree *schema, const tree *known, place *ret_root)
{
    *r = (refs){.arena = a};
    add_place(r, VIEW(""), (place){schema, schema, VIEW("")});
    *ret_root = refs_inner(r, (place){NULL, NULL, VIEW("")}, schema);
    ret_root->root = schema;
    add_places(r, *ret_root);
    for (const tree *t = known ? known->first : NULL; t; t = t->next) {
        place p = {t, t, before_hash(t->name)};
        add_place(r, p.base, p);
        p = refs_inner(r, (place){NULL, NULL, p.base}, t);
        p.root = t;
        add_places(r, p);
    }
    r->failed = r->failed || a->failed;
}

void refs_free(refs *r)
{
    map_free(&r->places);
}

/* ----------------------------------------------------------------------------------------------------------- following -- */

static int hex(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : is_alpha(c) && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10 : -1;
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

static bool follow_pointer(refs *r, place from, weir_view pointer, place *ret)
{
    weir_view *tokens;
    size_t count;
    if (!pointer_split(r->arena, pointer, &tokens, &count))
        return false;
    for (size_t i = 0; i < count; i++) {
        const tree *child = child_of(from.schema, tokens[i]);
        if (!child)
            return false;
        from = refs_inner(r, from, child);
    }
    *ret = from;
    return true;
}

bool refs_follow(refs *r, place from, weir_view ref, place *ret)
{
    weir_view fragment = ref, file = take_until(&fragment, "#");
    place to = {from.root, from.root, from.base};
    if (file.len) {
        weir_view uri = refs_resolve(r->arena, from.base, file);
        const place *found = map_get(&r->places, uri);
        found = found ? found : map_get(&r->places, file);
        r->failed = r->failed || !uri.ptr;
        if (!found || r->failed)
            return false;
        to = *found;
    }
    fragment = decode_percent(r->arena, view_from(fragment, 1));
    r->failed = r->failed || r->arena->failed;
    if (r->failed)
        return false;
    if (!fragment.len || fragment.ptr[0] == '/')
        return follow_pointer(r, to, fragment, ret);
    const place *anchor = map_get(&r->places, arena_printf(r->arena, "%.*s#%.*s", VIEW_ARG(to.base), VIEW_ARG(fragment)));
    if (anchor)
        *ret = *anchor;
    return anchor != NULL;
}
