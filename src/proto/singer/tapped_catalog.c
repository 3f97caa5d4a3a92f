#include "proto/singer/tapped_catalog.h"

#include "base/map.h"
#include "json/pointer.h"
#include "json/write.h"

/* ---- looking at entries ---- */

weir_view singer_tapped_id(const tree *entry)
{
    weir_view id = tree_text(entry, "tap_stream_id");
    return id.len ? id : tree_text(entry, "stream");
}

weir_view singer_tapped_name(const tree *entry)
{
    weir_view name = tree_text(entry, "stream");
    return name.len ? name : tree_text(entry, "tap_stream_id");
}

const tree *singer_tapped_find(const tree *catalog, weir_view id)
{
    const tree *streams = tree_get(catalog, "streams"), *by_name = NULL;
    size_t same_name = 0;
    for (const tree *entry = streams ? streams->first : NULL; entry; entry = entry->next) {
        if (view_eq(singer_tapped_id(entry), id))
            return entry;
        if (view_eq(singer_tapped_name(entry), id)) {
            by_name = entry;
            same_name++;
        }
    }
    return same_name == 1 ? by_name : NULL;
}

static const tree *object_of(const tree *t) { return t && t->kind == TREE_OBJECT ? t : NULL; }
static const tree *first_of(const tree *t) { return t && (t->kind == TREE_ARRAY || t->kind == TREE_OBJECT) ? t->first : NULL; }

static const tree *metadata_of(const tree *item) { return object_of(tree_get(item, "metadata")); }

static bool is_root(const tree *item)
{
    const tree *crumb = tree_get(item, "breadcrumb");
    return crumb && crumb->kind == TREE_ARRAY && !crumb->count;
}

static const tree *root_metadata(const tree *entry)
{
    for (const tree *item = first_of(tree_get(entry, "metadata")); item; item = item->next)
        if (is_root(item))
            return metadata_of(item);
    return NULL;
}

/* A field of the document itself: its name, else the empty view. */
static weir_view field_of(const tree *item)
{
    const tree *crumb = tree_get(item, "breadcrumb");
    bool plain = crumb && crumb->kind == TREE_ARRAY && crumb->count == 2 && crumb->first->kind == TREE_STRING && crumb->last->kind == TREE_STRING;
    return plain && view_is(crumb->first->text, "properties") ? crumb->last->text : (weir_view){0};
}

/* Spec and libraries have booleans and strings (section 2). */
static bool is_true(const tree *t)
{
    switch (t ? t->kind : TREE_NULL) {
    case TREE_BOOL:
        return t->boolean;
    case TREE_STRING:
        return t->text.len && !view_is(t->text, "false") && !view_is(t->text, "False");
    case TREE_NUMBER:
        return !view_is(t->text, "0");
    default:
        return !tree_is_null(t);
    }
}

static const tree *properties_of(const tree *entry) { return object_of(tree_get(object_of(tree_get(entry, "schema")), "properties")); }

static weir_view text_of(const tree *entry, const char *in_entry, const tree *metadata, const char *in_metadata)
{
    weir_view v = tree_text(entry, in_entry);
    return v.len ? v : tree_text(metadata, in_metadata);
}

/* A list of names that is not empty, else NULL. */
static const tree *names_of(const tree *t)
{
    return t && t->kind == TREE_ARRAY && t->count ? t : NULL;
}

const weir_view *singer_tapped_parents(arena *a, const tree *entry)
{
    const tree *parents = tree_get(root_metadata(entry), "parent-tap-stream-id");
    size_t n = 0;
    weir_view *list = arena_array(a, (parents ? parents->count : 0) + 2, sizeof *list);
    if (!list)
        return NULL;
    if (parents && parents->kind == TREE_STRING && parents->text.len)
        list[n++] = parents->text;
    for (const tree *p = names_of(parents) ? parents->first : NULL; p; p = p->next)
        if (p->kind == TREE_STRING && p->text.len)
            list[n++] = p->text;
    return list;
}

/* ---- replication ---- */

/* The key that needs no choice. */
static weir_view only_key(const tree *entry)
{
    const tree *metadata = root_metadata(entry), *valid = names_of(tree_get(metadata, "valid-replication-keys"));
    weir_view key = text_of(entry, "replication_key", metadata, "replication-key");
    return !key.len && valid && valid->count == 1 && valid->first->kind == TREE_STRING ? valid->first->text : key;
}

/* The method that a tap has for a stream, if nobody chooses: an empty one counts as none (section 1). */
static weir_view own_method(const tree *entry)
{
    const tree *metadata = root_metadata(entry);
    weir_view method = text_of(entry, "replication_method", metadata, "forced-replication-method");
    if (!method.len)
        method = tree_text(metadata, "replication-method");
    return method.len ? method : only_key(entry).len ? VIEW("INCREMENTAL") : VIEW("FULL_TABLE");
}

static weir_view chosen_method(unsigned mode, const tapped_choice *c)
{
    const tree *metadata = root_metadata(c->resource);
    if (mode)
        return mode == WEIR_LOG_BASED ? VIEW("LOG_BASED") : mode == WEIR_INCREMENTAL ? VIEW("INCREMENTAL") : VIEW("FULL_TABLE");
    weir_view method = text_of(c->resource, "replication_method", metadata, "replication-method");
    return method.len ? method : own_method(c->entry);
}

static weir_rc chosen_key(arena *a, weir_view cursor, tapped_choice *c, err *e)
{
    weir_view *tokens;
    size_t count;
    if (!cursor.len) {
        c->key = text_of(c->resource, "replication_key", root_metadata(c->resource), "replication-key");
        c->key = c->key.len ? c->key : only_key(c->entry);
        return WEIR_OK;
    }
    if (!pointer_split(a, cursor, &tokens, &count))
        return a->failed ? err_nomem(e) : err_fail(e, WEIR_E_CONFIG, "'%.*s' is no JSON pointer", VIEW_ARG(cursor));
    if (count != 1)
        return err_fail(e, WEIR_E_CONFIG, "'%.*s' cannot be a replication key: it must be a field of the record itself", VIEW_ARG(cursor));
    c->key = tokens[0];
    return WEIR_OK;
}

weir_rc singer_tapped_choose(arena *a, unsigned mode, weir_view cursor, tapped_choice *c, err *e)
{
    weir_rc rc = chosen_key(a, cursor, c, e);
    if (rc)
        return rc;
    c->method = chosen_method(mode, c);
    if (view_is(c->method, "INCREMENTAL") && !c->key.len && !view_eq(c->method, own_method(c->entry)))
        return err_fail(e, WEIR_E_CONFIG, "INCREMENTAL replication needs a replication_key: choose one in the resource settings, or FULL_TABLE");
    return WEIR_OK;
}

/* ---- discovery ---- */

static weir_view keep(arena *a, buf *b)
{
    weir_view v = buf_ok(b) ? arena_dup(a, buf_view(b)) : (weir_view){0};
    a->failed |= !buf_ok(b);
    buf_free(b);
    return v;
}

/* Names of fields as JSON pointers; what begins with a slash is one already (flow.md 10.3). */
static weir_view pointers_of(arena *a, const tree *names, weir_view name)
{
    buf out = {0}, pointer = {0};
    json_out w = json_out_to(&out);
    out_open(&w, '[');
    for (const tree *n = names ? names->first : NULL; n; n = n->next) {
        if (n->kind != TREE_STRING)
            continue;
        buf_clear(&pointer);
        if (view_starts(n->text, VIEW("/")))
            buf_addv(&pointer, n->text);
        else
            pointer_push(&pointer, n->text);
        out_text(&w, buf_view(&pointer));
    }
    if (!names && name.len) {
        pointer_push(&pointer, name);
        out_text(&w, buf_view(&pointer));
    }
    out_close(&w, ']');
    out.failed |= !buf_ok(&pointer);
    buf_free(&pointer);
    return keep(a, &out);
}

static weir_view key_of(arena *a, const tree *entry, weir_view row_id)
{
    const tree *metadata = root_metadata(entry), *names = names_of(tree_get(entry, "key_properties"));
    names = names ? names : names_of(tree_get(metadata, "table-key-properties"));
    names = names ? names : names_of(tree_get(metadata, "view-key-properties"));
    return names ? pointers_of(a, names, (weir_view){0}) : row_id;
}

static unsigned modes_of(const tree *entry)
{
    const tree *metadata = root_metadata(entry);
    weir_view forced = tree_text(metadata, "forced-replication-method"), method = own_method(entry);
    if (view_is(forced, "FULL_TABLE"))
        return WEIR_FULL_REFRESH;
    if (view_is(forced, "INCREMENTAL"))
        return WEIR_INCREMENTAL;
    if (view_is(forced, "LOG_BASED"))
        return WEIR_LOG_BASED;
    bool keys = names_of(tree_get(metadata, "valid-replication-keys")) || only_key(entry).len;
    return WEIR_FULL_REFRESH | (keys ? WEIR_INCREMENTAL : 0u) | (view_is(method, "LOG_BASED") ? WEIR_LOG_BASED : 0u);
}

static void put_members_but(json_out *w, const tree *object, const char *const *without)
{
    for (const tree *m = first_of(object); m; m = m->next) {
        bool skip = false;
        for (const char *const *name = without; *name && !skip; name++)
            skip = view_is(m->name, *name);
        if (!skip)
            out_raw(out_namev(w, m->name), m->raw);
    }
}

#define WITHOUT(...) (const char *const[]){__VA_ARGS__, NULL}

/* Metadata as it is, everything that may be selected selected, as flow-sdk does (singer.md 10). */
static void put_all_selected(json_out *w, const tree *metadata)
{
    out_open(out_name(w, "metadata"), '[');
    for (const tree *item = metadata->first; item; item = item->next) {
        const tree *m = metadata_of(item);
        if (!view_is(tree_text(m, "inclusion"), "available")) {
            out_raw(w, item->raw);
            continue;
        }
        out_open(w, '{');
        put_members_but(w, item, WITHOUT("metadata"));
        out_open(out_name(w, "metadata"), '{');
        put_members_but(w, m, WITHOUT("selected"));
        out_bool(out_name(w, "selected"), true);
        out_close(w, '}');
        out_close(w, '}');
    }
    out_close(w, ']');
}

static weir_view resource_of(arena *a, const tree *entry)
{
    buf out = {0};
    json_out w = json_out_to(&out);
    const tree *metadata = tree_get(entry, "metadata");
    out_open(&w, '{');
    put_members_but(&w, entry, WITHOUT("schema", "metadata", "tap_stream_id", "stream", "replication_method"));
    out_text(out_name(&w, "tap_stream_id"), singer_tapped_id(entry));
    out_text(out_name(&w, "stream"), singer_tapped_name(entry));
    out_text(out_name(&w, "replication_method"), own_method(entry));
    if (metadata && metadata->kind == TREE_ARRAY)
        put_all_selected(&w, metadata);
    out_close(&w, '}');
    return keep(a, &out);
}

static weir_view schema_of(arena *a, const tree *entry)
{
    const tree *schema = object_of(tree_get(entry, "schema"));
    buf out = {0};
    if (!schema)
        return VIEW("{\"type\":\"object\"}");
    json_compact(&out, schema->raw);
    return keep(a, &out);
}

weir_rc singer_tapped_describe(arena *a, const tree *entry, weir_view row_id, tapped_stream *ret, err *e)
{
    const tree *metadata = root_metadata(entry);
    if (!singer_tapped_id(entry).len)
        return err_fail(e, WEIR_E_PROTOCOL, "an entry of the catalog has no tap_stream_id");
    *ret = (tapped_stream){
        .id = singer_tapped_id(entry), .schema = schema_of(a, entry), .key = key_of(a, entry, row_id), .resource = resource_of(a, entry),
        .cursors = pointers_of(a, names_of(tree_get(metadata, "valid-replication-keys")), only_key(entry)), .modes = modes_of(entry),
        .unsupported = view_is(tree_text(metadata, "inclusion"), "unsupported"),
        .deletes = tree_get(properties_of(entry), "_sdc_deleted_at") != NULL,
    };
    return a->failed ? err_nomem(e) : WEIR_OK;
}

/* ---- the catalog of a run ---- */

/* Metadata that is the user's: it stands in the resource config as the user left it. All other is the tap's, as it was discovered now. */
static bool is_users(weir_view name)
{
    static const char *const names[] = {"selected", "replication-key", "replication-method", "view-key-properties"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (view_is(name, names[i]))
            return true;
    return false;
}

static bool is_taps(weir_view name)
{
    static const char *const names[] = {"inclusion", "selected-by-default", "valid-replication-keys", "forced-replication-method", "table-key-properties",
                                        "schema-name", "database-name", "is-view", "row-count", "sql-datatype", "parent-tap-stream-id"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (view_is(name, names[i]))
            return true;
    return false;
}

/* One entry on its way into a catalog. */
typedef struct entry_out {
    json_out w;
    const tree *entry;
    const tapped_choice *c; /* NULL: not wanted */
    bool bound;
    arena a;
    map edited;   /* breadcrumb -> metadata in the resource config */
    map selected; /* field -> its tree of `yes` or `no` */
} entry_out;

static const bool yes = true, no = false;

static weir_view crumb_text(arena *a, const tree *item)
{
    buf out = {0};
    const tree *crumb = tree_get(item, "breadcrumb");
    if (crumb)
        tree_write(&out, crumb);
    return keep(a, &out);
}

static bool index_edited(entry_out *x)
{
    bool ok = true;
    for (const tree *item = x->bound ? first_of(tree_get(x->c->resource, "metadata")) : NULL; item && ok; item = item->next)
        ok = !metadata_of(item) || map_put(&x->edited, crumb_text(&x->a, item), (void *)(uintptr_t)metadata_of(item));
    return ok && !x->a.failed;
}

static bool field_selected(const tree *metadata, const tree *edited)
{
    weir_view inclusion = tree_text(metadata, "inclusion");
    const tree *said = tree_get(edited, "selected");
    if (view_is(inclusion, "unsupported"))
        return false;
    return view_is(inclusion, "automatic") || tree_is_null(said) || is_true(said);
}

static bool is_replication(weir_view name) { return view_is(name, "replication-key") || view_is(name, "replication-method"); }

/* The members of one breadcrumb's metadata. */
static void put_metadata(entry_out *x, const tree *metadata, const tree *edited, bool root, bool selected)
{
    json_out *w = &x->w;
    bool ours = root && x->bound;
    out_open(out_name(w, "metadata"), '{');
    for (const tree *m = first_of(metadata); m; m = m->next) {
        const tree *other = is_users(m->name) ? tree_getv(edited, m->name) : NULL;
        if (!view_is(m->name, "selected") && !(ours && is_replication(m->name)))
            out_raw(out_namev(w, m->name), other ? other->raw : m->raw);
    }
    for (const tree *m = first_of(edited); m; m = m->next)
        if (!tree_getv(metadata, m->name) && !is_taps(m->name) && !view_is(m->name, "selected") && !(ours && is_replication(m->name)))
            out_raw(out_namev(w, m->name), m->raw);
    out_bool(out_name(w, "selected"), selected);
    if (ours)
        out_text(out_name(w, "replication-method"), x->c->method);
    if (ours && x->c->key.len)
        out_text(out_name(w, "replication-key"), x->c->key);
    out_close(w, '}');
}

static void put_item(entry_out *x, const tree *item)
{
    bool root = is_root(item);
    if (!root && !x->bound) {
        out_raw(&x->w, item->raw);
        return;
    }
    const tree *metadata = metadata_of(item), *edited = map_get(&x->edited, crumb_text(&x->a, item));
    bool selected = root ? x->c != NULL : field_selected(metadata, edited);
    weir_view field = field_of(item);
    if (field.len && !map_put(&x->selected, field, (void *)(uintptr_t)(selected ? &yes : &no)))
        x->a.failed = true;
    out_open(&x->w, '{');
    put_members_but(&x->w, item, WITHOUT("metadata"));
    put_metadata(x, metadata, edited, root, selected);
    out_close(&x->w, '}');
}

static void put_missing_field(entry_out *x, weir_view name)
{
    json_out *w = &x->w;
    out_open(w, '{');
    out_open(out_name(w, "breadcrumb"), '[');
    out_text(w, VIEW("properties"));
    out_text(w, name);
    out_close(w, ']');
    put_metadata(x, NULL, NULL, false, true);
    out_close(w, '}');
}

static void put_list(entry_out *x)
{
    const tree *list = tree_get(x->entry, "metadata");
    bool root = false;
    if (x->bound && !names_of(list))
        list = tree_get(x->c->resource, "metadata");
    for (const tree *item = first_of(list); item; item = item->next) {
        root |= is_root(item);
        put_item(x, item);
    }
    if (!root) {
        out_open(&x->w, '{');
        out_raw(out_name(&x->w, "breadcrumb"), VIEW("[]"));
        put_metadata(x, NULL, NULL, true, x->c != NULL);
        out_close(&x->w, '}');
    }
    for (const tree *p = x->bound ? first_of(properties_of(x->entry)) : NULL; p; p = p->next)
        if (!map_get(&x->selected, p->name))
            put_missing_field(x, p->name);
}

/* The schema with `selected` in it and in its fields. */
static void put_schema(entry_out *x, const tree *schema)
{
    json_out *w = &x->w;
    const tree *properties = object_of(tree_get(schema, "properties"));
    out_open(out_name(w, "schema"), '{');
    put_members_but(w, schema, x->bound ? WITHOUT("selected", "properties") : WITHOUT("selected"));
    out_bool(out_name(w, "selected"), x->c != NULL);
    if (x->bound && properties) {
        out_open(out_name(w, "properties"), '{');
        for (const tree *p = properties->first; p; p = p->next) {
            out_open(out_namev(w, p->name), '{');
            put_members_but(w, object_of(p), WITHOUT("selected"));
            out_bool(out_name(w, "selected"), map_get(&x->selected, p->name) != &no);
            out_close(w, '}');
        }
        out_close(w, '}');
    }
    out_close(w, '}');
}

static void put_entry(entry_out *x, bool in_schema)
{
    json_out *w = &x->w;
    const tree *schema = object_of(tree_get(x->entry, "schema"));
    out_open(w, '{');
    put_members_but(w, x->entry,
                    x->bound ? WITHOUT("metadata", "schema", "replication_method", "replication_key") : WITHOUT("metadata", "schema"));
    if (x->bound)
        out_text(out_name(w, "replication_method"), x->c->method);
    if (x->bound && x->c->key.len)
        out_text(out_name(w, "replication_key"), x->c->key);
    out_open(out_name(w, "metadata"), '[');
    put_list(x);
    out_close(w, ']');
    if (schema && in_schema)
        put_schema(x, schema);
    else if (schema)
        out_raw(out_name(w, "schema"), schema->raw);
    out_close(w, '}');
}

static const tapped_choice *choice_of(const tapped_choice *choices, size_t count, const tree *entry)
{
    for (size_t i = 0; i < count; i++)
        if (choices[i].entry == entry)
            return &choices[i];
    return NULL;
}

static bool write_entry(buf *out, const tree *entry, const tapped_choice *c, bool in_schema)
{
    entry_out x = {.w = json_out_to(out), .entry = entry, .c = c, .bound = c && c->resource};
    bool ok = index_edited(&x);
    if (ok)
        put_entry(&x, in_schema);
    ok = ok && !x.a.failed;
    map_free(&x.edited);
    map_free(&x.selected);
    arena_free(&x.a);
    return ok;
}

weir_rc singer_tapped_catalog_write(buf *out, const tree *catalog, const tapped_choice *choices, size_t count, bool in_schema, err *e)
{
    json_out w = json_out_to(out);
    bool ok = true;
    out_open(&w, '{');
    put_members_but(&w, catalog, WITHOUT("streams"));
    out_open(out_name(&w, "streams"), '[');
    for (const tree *entry = first_of(tree_get(catalog, "streams")); entry && ok; entry = entry->next) {
        if (entry != tree_get(catalog, "streams")->first)
            buf_addc(out, ',');
        ok = write_entry(out, entry, choice_of(choices, count, entry), in_schema);
    }
    out_close(&w, ']');
    out_close(&w, '}');
    return ok && buf_ok(out) ? WEIR_OK : err_nomem(e);
}
