/* A catalog as a user or runner gives it: what is selected, and how it is to be read. */
#include <stdlib.h>

#include "base/map.h"
#include "json/pointer.h"
#include "json/write.h"
#include "proto/singer/catalog_parts.h"
#include "proto/singer/maps.h"
#include "proto/singer/select.h"

/* One entry. */
typedef struct reading {
    arena *a;
    const catalog_options *o;
    bool in_schemas;      /* selection stands in the schemas */
    const tree *entry;
    const tree *metadata; /* of the stream; may be NULL */
    const tap_source *from;
    selection picks;
    stream_map map;
    tap_stream *to;
    weir_view *keys;
    size_t key_count;
    weir_view replication_key; /* empty: none */
    buf drops;                 /* weir_views: pointers */
} reading;

/* ---- what may be written with - or _, in the entry or its metadata; empty is absent (singer.md 1, 2) ---- */

static weir_view stated(const tree *object, const char *dashes, const char *underscores)
{
    weir_view v = tree_text(object, dashes);
    return v.len ? v : tree_text(object, underscores);
}

static weir_view stated_method(const reading *r)
{
    weir_view v = stated(r->entry, "replication_method", "replication-method");
    if (!v.len)
        v = stated(r->metadata, "replication-method", "replication_method");
    return v.len ? v : stated(r->metadata, "forced-replication-method", "forced_replication_method");
}

static weir_view stated_key(const reading *r)
{
    weir_view v = stated(r->entry, "replication_key", "replication-key");
    return v.len ? v : stated(r->metadata, "replication-key", "replication_key");
}

static bool names_of(arena *a, const tree *list, weir_view **ret, size_t *ret_count)
{
    size_t n = 0;
    weir_view *names = arena_array(a, list->count, sizeof *names);
    for (const tree *c = names ? list->first : NULL; c; c = c->next)
        if (c->kind == TREE_STRING)
            names[n++] = c->text;
    *ret = names;
    *ret_count = n;
    return names != NULL;
}

/* ---- replication ---- */

static weir_rc choose_mode(reading *r, err *e)
{
    static const unsigned all[] = {WEIR_FULL_REFRESH, WEIR_INCREMENTAL, WEIR_LOG_BASED};
    const unsigned modes = singer_modes(r->from);
    const weir_view method = stated_method(r);
    unsigned wanted = 0;
    if (!method.len) {
        r->to->full_table = modes == WEIR_FULL_REFRESH;
        return WEIR_OK;
    }
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (view_is(method, singer_method_name(all[i])))
            wanted = all[i];
    if (!wanted)
        return err_fail(e, WEIR_E_CONFIG, "replication method '%.*s' is not known: FULL_TABLE, INCREMENTAL and LOG_BASED are", VIEW_ARG(method));
    if (wanted != WEIR_FULL_REFRESH && !(modes & wanted))
        return err_fail(e, WEIR_E_CONFIG, "it cannot be read as %.*s, only as %s%s", VIEW_ARG(method), singer_method_name(singer_usual_mode(r->from)),
                        singer_usual_mode(r->from) == WEIR_FULL_REFRESH ? "" : " or FULL_TABLE");
    r->to->full_table = wanted == WEIR_FULL_REFRESH;
    r->to->mode = modes & wanted; /* a stream that knows no such mode is read whole by giving it no state */
    return WEIR_OK;
}

static weir_rc choose_cursor(reading *r, err *e)
{
    weir_view *valid, key = stated_key(r);
    size_t count;
    buf pointer = {0}, one = {0};
    if (!singer_cursors(r->from, r->a, &valid, &count))
        return err_nomem(e);
    if (!key.len || r->to->full_table)
        return WEIR_OK;
    if (count && !singer_is_among(key, valid, count)) {
        buf names = {0};
        for (size_t i = 0; i < count; i++)
            buf_printf(&names, "%s%.*s", i ? ", " : "", VIEW_ARG(valid[i]));
        weir_rc rc = err_fail(e, WEIR_E_CONFIG, "'%.*s' cannot be its replication key: there are %s", VIEW_ARG(key), buf_text(&names));
        buf_free(&names);
        return rc;
    }
    r->replication_key = key;
    pointer_push(&pointer, key);
    json_strings(&one, &key, 1);
    r->to->cursor = arena_dup(r->a, buf_view(&pointer));
    r->to->bookmark = arena_dup(r->a, buf_view(&one));
    bool ok = buf_ok(&pointer) && buf_ok(&one) && !r->a->failed;
    buf_free(&pointer);
    buf_free(&one);
    return ok ? WEIR_OK : err_nomem(e);
}

/* ---- keys ---- */

static const tree *stated_keys(const reading *r)
{
    const tree *own = tree_get(r->entry, "key_properties"), *view = tree_get(r->metadata, "view-key-properties");
    const tree *table = tree_get(r->metadata, "table-key-properties");
    if (r->map.keys)
        return r->map.keys;
    if (own && own->kind == TREE_ARRAY && own->count)
        return own;
    if (view && view->kind == TREE_ARRAY && view->count)
        return view;
    return own && own->kind == TREE_ARRAY ? own : table && table->kind == TREE_ARRAY ? table : NULL;
}

static bool same_names(const weir_view *a, size_t n, const weir_view *b, size_t m)
{
    for (size_t i = 0; n == m && i < n; i++)
        if (!view_eq(a[i], b[i]))
            return false;
    return n == m;
}

static bool key_texts(reading *r)
{
    buf names = {0}, pointers = {0};
    weir_view *list = arena_array(r->a, r->key_count, sizeof *list);
    for (size_t i = 0; list && i < r->key_count; i++) {
        buf one = {0};
        pointer_push(&one, r->keys[i]);
        list[i] = arena_dup(r->a, buf_view(&one));
        buf_free(&one);
    }
    json_strings(&names, r->keys, r->key_count);
    if (list)
        json_strings(&pointers, list, r->key_count);
    r->to->key = arena_dup(r->a, buf_view(&names));
    r->to->key_pointers = same_names(r->keys, r->key_count, r->from->keys, r->from->key_count) ? r->from->unwrap.key : arena_dup(r->a, buf_view(&pointers));
    bool ok = buf_ok(&names) && buf_ok(&pointers) && !r->a->failed;
    buf_free(&names);
    buf_free(&pointers);
    return ok;
}

static weir_rc choose_keys(reading *r, err *e)
{
    const tree *list = stated_keys(r);
    r->keys = r->from->keys;
    r->key_count = r->from->key_count;
    if (list && !names_of(r->a, list, &r->keys, &r->key_count))
        return err_nomem(e);
    for (size_t i = 0; i < r->key_count; i++)
        if (singer_map_drops(&r->map, r->keys[i]))
            return err_fail(e, WEIR_E_CONFIG, "stream_maps leave out '%.*s', which is its key: name another with __key_properties__", VIEW_ARG(r->keys[i]));
    return key_texts(r) ? WEIR_OK : err_nomem(e);
}

/* ---- fields ---- */

/* Where the walk through the schema is. */
typedef struct spot {
    buf *crumbs;  /* breadcrumb, without brackets */
    buf *pointer; /* of documents: arrays are passed through */
    selected pick;
    bool root;
} spot;

static bool is_kept_anyway(const reading *r, weir_view name)
{
    return singer_is_among(name, r->keys, r->key_count) || view_eq(name, r->replication_key) || (r->from->deletions && view_is(name, "_sdc_deleted_at"));
}

/* Selection within the schema, as the oldest runners write it: only what says no counts. */
static bool legacy_says_no(const reading *r, const tree *schema)
{
    const tree *chosen = tree_get(schema, "selected");
    return r->o->legacy && ((chosen && chosen->kind == TREE_BOOL && !chosen->boolean) || view_is(tree_text(schema, "inclusion"), "unsupported"));
}

static selected pick_at(reading *r, buf *crumbs, selected parent)
{
    buf breadcrumb = {0};
    buf_printf(&breadcrumb, "[%.*s]", VIEW_ARG(buf_view(crumbs)));
    selected s = singer_selection_of(&r->picks, buf_view(&breadcrumb), parent);
    r->drops.failed |= breadcrumb.failed;
    buf_free(&breadcrumb);
    return s;
}

static void drop_pointer(reading *r, weir_view pointer)
{
    weir_view kept = arena_dup(r->a, pointer);
    buf_add(&r->drops, &kept, sizeof kept);
}

static void put_selected(reading *r, json_out *w, const tree *schema, spot at);

static void push_crumb(buf *crumbs, const char *word, weir_view name)
{
    buf_printf(crumbs, "%s\"%s\"", crumbs->len ? "," : "", word);
    if (name.ptr) {
        buf_addc(crumbs, ',');
        json_quote_lossy(crumbs, name);
    }
}

static bool is_dropped(const reading *r, const tree *property, const spot *at)
{
    if (at->root && singer_map_drops(&r->map, property->name))
        return true;
    if (at->root && is_kept_anyway(r, property->name))
        return false;
    return !at->pick.here || legacy_says_no(r, property);
}

static void put_properties(reading *r, json_out *w, const tree *properties, spot at)
{
    const size_t crumbs = at.crumbs->len, pointer = at.pointer->len;
    out_open(w, '{');
    for (const tree *p = properties->first; p; p = p->next) {
        spot inside = at;
        push_crumb(at.crumbs, "properties", p->name);
        pointer_push(at.pointer, p->name);
        inside.pick = pick_at(r, at.crumbs, at.pick);
        if (is_dropped(r, p, &inside)) {
            drop_pointer(r, buf_view(at.pointer));
        } else {
            inside.root = false;
            out_namev(w, p->name);
            put_selected(r, w, p, inside);
        }
        at.crumbs->len = crumbs;
        at.pointer->len = pointer;
    }
    out_close(w, '}');
}

/* The names that stay. */
static void put_required(reading *r, json_out *w, const tree *required, const tree *properties, spot at)
{
    const size_t crumbs = at.crumbs->len;
    out_open(w, '[');
    for (const tree *c = required->first; c; c = c->next) {
        spot inside = at;
        const tree *p = c->kind == TREE_STRING ? tree_getv(properties, c->text) : NULL;
        push_crumb(at.crumbs, "properties", c->text.ptr ? c->text : VIEW(""));
        inside.pick = pick_at(r, at.crumbs, at.pick);
        if (!p || !is_dropped(r, p, &inside))
            out_raw(w, c->raw);
        at.crumbs->len = crumbs;
    }
    out_close(w, ']');
}

static void put_selected(reading *r, json_out *w, const tree *schema, spot at)
{
    const tree *properties = tree_get(schema, "properties");
    if (schema->kind != TREE_OBJECT) {
        out_raw(w, schema->raw);
        return;
    }
    out_open(w, '{');
    for (const tree *m = schema->first; m; m = m->next) {
        const size_t crumbs = at.crumbs->len;
        out_namev(w, m->name);
        if (view_is(m->name, "properties") && m->kind == TREE_OBJECT) {
            put_properties(r, w, m, at);
        } else if (view_is(m->name, "required") && m->kind == TREE_ARRAY && properties) {
            put_required(r, w, m, properties, at);
        } else if (view_is(m->name, "items") && m->kind == TREE_OBJECT) {
            spot inside = at;
            inside.root = false;
            push_crumb(at.crumbs, "items", (weir_view){0});
            put_selected(r, w, m, inside);
            at.crumbs->len = crumbs;
        } else {
            out_raw(w, m->raw);
        }
    }
    out_close(w, '}');
}

/* What the source has and the catalog's schema has not, was taken out of it by somebody (singer.md 2: pruned schemas propagate). */
static weir_rc drop_undescribed(reading *r, const tree *given, err *e)
{
    tree *whole;
    weir_rc rc = tree_parse(r->a, r->from->schema, NULL, WEIR_E_BUG, &whole, e);
    const tree *known = rc ? NULL : tree_get(whole, "properties"), *kept = tree_get(given, "properties");
    for (const tree *p = known ? known->first : NULL; p; p = p->next) {
        buf pointer = {0};
        if (tree_getv(kept, p->name) || is_kept_anyway(r, p->name))
            continue;
        pointer_push(&pointer, p->name);
        drop_pointer(r, buf_view(&pointer));
        r->drops.failed |= pointer.failed;
        buf_free(&pointer);
    }
    return rc;
}

/* Fields that only the stream map names, or that no schema describes. */
static void drop_mapped(reading *r, const tree *schema)
{
    const tree *properties = tree_get(schema, "properties");
    for (const tree *m = r->map.fields && r->map.fields->kind == TREE_OBJECT ? r->map.fields->first : NULL; m; m = m->next) {
        buf pointer = {0};
        if (view_starts(m->name, VIEW("__")) || tree_getv(properties, m->name) || !singer_map_drops(&r->map, m->name))
            continue;
        pointer_push(&pointer, m->name);
        drop_pointer(r, buf_view(&pointer));
        r->drops.failed |= pointer.failed;
        buf_free(&pointer);
    }
}

static weir_rc choose_fields(reading *r, err *e)
{
    const tree *given = tree_get(r->entry, "schema"), *properties = tree_get(given, "properties");
    buf text = {0}, line = {0}, crumbs = {0}, pointer = {0};
    json_out w = json_out_to(&text);
    tree *whole;
    weir_rc rc = WEIR_OK;
    if (properties && properties->kind == TREE_OBJECT && properties->count)
        rc = drop_undescribed(r, given, e);
    else if (!(rc = tree_parse(r->a, r->from->schema, NULL, WEIR_E_BUG, &whole, e)))
        given = whole;
    if (!rc) {
        put_selected(r, &w, given, (spot){&crumbs, &pointer, singer_selection_root(&r->picks), true});
        drop_mapped(r, given);
        json_compact(&line, buf_ok(&text) ? buf_view(&text) : VIEW("{}"));
        r->to->schema = arena_dup(r->a, buf_view(&line));
    }
    const weir_view *list = (const weir_view *)(const void *)r->drops.ptr;
    prune *p = NULL;
    if (!rc && (!buf_ok(&text) || !buf_ok(&line) || !buf_ok(&crumbs) || !buf_ok(&pointer) || !buf_ok(&r->drops) || r->a->failed))
        rc = err_nomem(e);
    if (!rc && r->drops.len)
        rc = prune_make(r->a, list, r->drops.len / sizeof *list, &p, e);
    r->to->prune = p;
    buf_free(&text);
    buf_free(&line);
    buf_free(&crumbs);
    buf_free(&pointer);
    return rc;
}

/* ---- entries ---- */

static const tap_source *find(const tap_sources *s, weir_view id)
{
    for (size_t i = 0; i < s->count; i++)
        if (view_eq(s->items[i].id, id))
            return &s->items[i];
    return NULL;
}

static weir_rc no_such_stream(const tap_sources *s, weir_view id, err *e)
{
    const char **names = malloc((s->count + 1) * sizeof *names);
    for (size_t i = 0; names && i < s->count; i++)
        names[i] = s->items[i].id.ptr;
    const char *near = names ? map_nearest(id, names, s->count) : NULL;
    err_fail(e, WEIR_E_CONFIG, "the catalog selects '%.*s', but there is no such stream%s%s%s", VIEW_ARG(id), near ? ": did you mean '" : "", near ? near : "",
             near ? "'?" : "");
    free(names);
    return WEIR_E_CONFIG;
}

static const tree *schema_choice(const tree *entry) { return tree_get(tree_get(entry, "schema"), "selected"); }

/* Is it a legacy document whose schemas choose? Then silence means no. */
static bool chooses_in_schemas(const catalog_options *o, const tree *list)
{
    for (const tree *entry = o->legacy ? list->first : NULL; entry; entry = entry->next)
        if (schema_choice(entry))
            return true;
    return false;
}

/* Streams: the SDK's rules; a legacy document may say it in the schema instead (singer.md 2, classic). */
static bool is_wanted(const reading *r)
{
    if (!r->in_schemas)
        return singer_selection_root(&r->picks).here;
    return singer_selection_truth(schema_choice(r->entry)) ||
           (!r->picks.all && singer_selection_metadata(&r->picks, VIEW("[]")) && singer_selection_root(&r->picks).here);
}

/* In a legacy document the schema selects the stream: its fields take their default from that. */
static void settle_legacy(reading *r)
{
    if (r->in_schemas && !singer_selection_root(&r->picks).here)
        r->picks.all = true;
}

static weir_rc read_stream(reading *r, err *e)
{
    r->to->from = r->from;
    r->to->id = r->from->id;
    r->to->name = r->map.alias.len ? r->map.alias : r->from->id;
    weir_rc rc = choose_mode(r, e);
    rc = rc ? rc : choose_cursor(r, e);
    rc = rc ? rc : choose_keys(r, e);
    return rc ? rc : choose_fields(r, e);
}

static weir_rc read_entry(tap_catalog *ret, arena *a, const tap_sources *s, const catalog_options *o, const tree *entry, bool in_schemas, err *e)
{
    reading r = {.a = a, .o = o, .in_schemas = in_schemas, .entry = entry, .to = &ret->streams[ret->count]};
    weir_view id = tree_text(entry, tree_get(entry, "tap_stream_id") ? "tap_stream_id" : "stream");
    if (!id.len)
        return err_fail(e, WEIR_E_CONFIG, "an entry of the catalog has no tap_stream_id");
    weir_rc rc = singer_selection_init(&r.picks, a, tree_get(entry, "metadata"), e);
    if (!rc)
        rc = singer_map_find(&r.map, o->stream_maps, id, e);
    if (!rc && is_wanted(&r) && !r.map.drop) {
        r.metadata = singer_selection_metadata(&r.picks, VIEW("[]"));
        r.from = find(s, id);
        settle_legacy(&r);
        rc = r.from ? read_stream(&r, e) : no_such_stream(s, id, e);
        ret->count++;
    }
    singer_selection_free(&r.picks);
    buf_free(&r.drops);
    return rc && r.from ? err_wrap(e, rc, "stream '%.*s'", VIEW_ARG(id)) : rc;
}

/* A map that finds no stream would leave nothing out where somebody counts on it. */
static weir_rc check_maps(const tap_sources *s, const tree *maps, err *e)
{
    for (const tree *m = maps ? maps->first : NULL; m; m = m->next)
        if (singer_map_names(m) && !find(s, m->name))
            return err_fail(e, WEIR_E_CONFIG, "stream_maps/%.*s: there is no such stream", VIEW_ARG(m->name));
    return WEIR_OK;
}

static weir_rc check_twice(const tap_catalog *c, err *e)
{
    for (size_t i = 0; i + 1 < c->count; i++)
        if (view_eq(c->streams[i].id, c->streams[c->count - 1].id))
            return err_fail(e, WEIR_E_CONFIG, "the catalog has stream '%.*s' twice", VIEW_ARG(c->streams[i].id));
    return WEIR_OK;
}

weir_rc singer_catalog_read(tap_catalog *ret, arena *a, const tap_sources *s, const catalog_options *o, err *e)
{
    const tree *list = tree_get(o->doc, "streams");
    *ret = (tap_catalog){0};
    if (!list || list->kind != TREE_ARRAY)
        return err_fail(e, WEIR_E_CONFIG, "the catalog is not an object with a list `streams`");
    const bool in_schemas = chooses_in_schemas(o, list);
    ret->streams = arena_array(a, list->count, sizeof *ret->streams);
    weir_rc rc = ret->streams ? check_maps(s, o->stream_maps, e) : err_nomem(e);
    for (const tree *entry = list->first; entry && !rc; entry = entry->next) {
        size_t before = ret->count;
        rc = read_entry(ret, a, s, o, entry, in_schemas, e);
        if (!rc && ret->count > before)
            rc = check_twice(ret, e);
    }
    return rc;
}
