/* What was discovered, as a catalog. */
#include "proto/singer/catalog.h"

#include "base/map.h"
#include "json/pointer.h"
#include "json/write.h"
#include "proto/singer/catalog_parts.h"
#include "proto/singer/schema.h"

/* ---------------------------------------------------------------------------------------------------------------- streams -- */

/* The names that single-token pointers stand for; none if one of them is nested. */
static bool top_level(arena *a, weir_view pointers, weir_view **ret, size_t *ret_count, bool all_or_none)
{
    weir_view *texts, *tokens;
    size_t n = 0, count, kept = 0;
    *ret = NULL;
    *ret_count = 0;
    if (!pointers.len)
        return true;
    if (!pointer_list(a, pointers, &texts, &n))
        return !a->failed;
    for (size_t i = 0; i < n; i++) {
        bool single = pointer_split(a, texts[i], &tokens, &count) && count == 1;
        if (single)
            texts[kept++] = tokens[0];
        else if (all_or_none)
            return !a->failed;
    }
    *ret = texts;
    *ret_count = kept;
    return !a->failed;
}

static weir_view id_of(arena *a, const weir_stream *s)
{
    return s->name_space.len ? arena_printf(a, "%.*s-%.*s", VIEW_ARG(s->name_space), VIEW_ARG(s->name)) : arena_dup(a, s->name);
}

static weir_rc make_source(tap_sources *all, tap_source *s, const stream_item *item, err *e)
{
    arena *a = &all->arena;
    buf schema = {0};
    s->item = item;
    s->id = id_of(a, &item->s);
    weir_rc rc = s->id.ptr ? unwrap_stream(&s->unwrap, a, &item->s, e) : err_nomem(e);
    s->deletions = item->s.deletes || s->unwrap.deletes;
    if (!rc)
        rc = singer_schema(s->unwrap.schema, s->deletions, &schema, e);
    if (!rc) {
        s->schema = arena_dup(a, buf_view(&schema));
        rc = s->schema.ptr && top_level(a, s->unwrap.key, &s->keys, &s->key_count, true) ? WEIR_OK : err_nomem(e);
    }
    buf_free(&schema);
    return err_wrap(e, rc, "stream %.*s", VIEW_ARG(item->s.name));
}

weir_rc singer_sources_make(tap_sources *s, const stream_list *l, err *e)
{
    map ids = {0};
    weir_rc rc = WEIR_OK;
    s->items = arena_array(&s->arena, l->count, sizeof *s->items);
    if (!s->items)
        return err_nomem(e);
    for (const stream_item *i = l->items; i && !rc; i = i->next) {
        tap_source *to = &s->items[s->count++];
        rc = make_source(s, to, i, e);
        if (!rc && map_get(&ids, to->id))
            rc = err_fail(e, WEIR_E_CONFIG, "two streams are called '%.*s'", VIEW_ARG(to->id));
        if (!rc && !map_put(&ids, to->id, to))
            rc = err_nomem(e);
    }
    map_free(&ids);
    return rc;
}

void singer_sources_free(tap_sources *s)
{
    arena_free(&s->arena);
    *s = (tap_sources){0};
}

/* ----------------------------------------------------------------------------------------------------------------- replication -- */

const char *singer_method_name(unsigned mode)
{
    return mode == WEIR_LOG_BASED ? "LOG_BASED" : mode == WEIR_INCREMENTAL ? "INCREMENTAL" : "FULL_TABLE";
}

unsigned singer_modes(const tap_source *s) { return s->item->s.modes ? s->item->s.modes : (unsigned)WEIR_INCREMENTAL; }

unsigned singer_usual_mode(const tap_source *s)
{
    unsigned modes = singer_modes(s);
    return modes & WEIR_LOG_BASED ? WEIR_LOG_BASED : modes & WEIR_INCREMENTAL ? WEIR_INCREMENTAL : WEIR_FULL_REFRESH;
}

bool singer_cursors(const tap_source *s, arena *a, weir_view **ret, size_t *ret_count)
{
    return top_level(a, s->item->s.cursors, ret, ret_count, false);
}

bool singer_is_among(weir_view name, const weir_view *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (view_eq(names[i], name))
            return true;
    return false;
}

/* ---------------------------------------------------------------------------------------------------------------- printing -- */

static void put_names(json_out *w, const char *name, const weir_view *names, size_t count)
{
    out_open(out_name(w, name), '[');
    for (size_t i = 0; i < count; i++)
        out_text(w, names[i]);
    out_close(w, ']');
}

typedef struct entry {
    json_out *w;
    const tap_source *s;
    weir_view *cursors;
    size_t cursor_count;
} entry;

static void put_stream_metadata(const entry *n)
{
    const weir_stream *s = &n->s->item->s;
    unsigned modes = singer_modes(n->s);
    out_open(n->w, '{');
    out_raw(out_name(n->w, "breadcrumb"), VIEW("[]"));
    out_open(out_name(n->w, "metadata"), '{');
    out_text(out_name(n->w, "inclusion"), VIEW("available"));
    out_bool(out_name(n->w, "selected-by-default"), !s->disabled);
    put_names(n->w, "table-key-properties", n->s->keys, n->s->key_count);
    if (n->cursor_count)
        put_names(n->w, "valid-replication-keys", n->cursors, n->cursor_count);
    if (!(modes & (modes - 1)))
        out_text(out_name(n->w, "forced-replication-method"), view_of(singer_method_name(modes)));
    if (s->name_space.len)
        out_text(out_name(n->w, "schema-name"), s->name_space);
    out_close(n->w, '}');
    out_close(n->w, '}');
}

static bool is_automatic(const entry *n, weir_view name)
{
    return singer_is_among(name, n->s->keys, n->s->key_count) || singer_is_among(name, n->cursors, n->cursor_count) ||
           (n->s->deletions && view_is(name, "_sdc_deleted_at"));
}

/* Every property, and those within objects: `crumbs` is the breadcrumb of the schema at hand, without its brackets. */
static void put_field_metadata(const entry *n, const tree *schema, buf *crumbs)
{
    const tree *properties = tree_get(schema, "properties");
    const size_t len = crumbs->len;
    for (const tree *p = properties && properties->kind == TREE_OBJECT ? properties->first : NULL; p; p = p->next) {
        buf_printf(crumbs, "%s\"properties\",", len ? "," : "");
        json_quote_lossy(crumbs, p->name);
        weir_view inside = buf_view(crumbs);
        out_open(n->w, '{');
        out_open(out_name(n->w, "breadcrumb"), '[');
        out_raw(n->w, inside);
        out_close(n->w, ']');
        out_open(out_name(n->w, "metadata"), '{');
        out_text(out_name(n->w, "inclusion"), !len && is_automatic(n, p->name) ? VIEW("automatic") : VIEW("available"));
        out_close(n->w, '}');
        out_close(n->w, '}');
        put_field_metadata(n, p, crumbs);
        crumbs->len = len;
    }
}

static void put_entry(json_out *w, arena *a, const tap_source *s)
{
    entry n = {.w = w, .s = s};
    tree *schema = NULL;
    buf crumbs = {0};
    err e = {0};
    if (!singer_cursors(s, a, &n.cursors, &n.cursor_count) || tree_parse(a, s->schema, NULL, WEIR_E_BUG, &schema, &e))
        w->to->failed = true;
    err_free(&e);
    out_open(w, '{');
    out_text(out_name(w, "tap_stream_id"), s->id);
    out_text(out_name(w, "stream"), s->id);
    put_names(w, "key_properties", s->keys, s->key_count);
    out_text(out_name(w, "replication_method"), view_of(singer_method_name(singer_usual_mode(s))));
    if (n.cursor_count == 1 && singer_usual_mode(s) == WEIR_INCREMENTAL)
        out_text(out_name(w, "replication_key"), n.cursors[0]);
    out_raw(out_name(w, "schema"), s->schema);
    out_open(out_name(w, "metadata"), '[');
    put_stream_metadata(&n);
    put_field_metadata(&n, schema, &crumbs);
    out_close(w, ']');
    out_close(w, '}');
    w->to->failed |= crumbs.failed;
    buf_free(&crumbs);
}

void singer_catalog_write(const tap_sources *s, buf *out)
{
    json_out w = json_out_to(out);
    out_open(&w, '{');
    out_open(out_name(&w, "streams"), '[');
    for (size_t i = 0; i < s->count; i++) {
        arena a = {0};
        put_entry(&w, &a, &s->items[i]);
        arena_free(&a);
    }
    out_close(&w, ']');
    out_close(&w, '}');
}
