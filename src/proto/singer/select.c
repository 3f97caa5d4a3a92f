#include "proto/singer/select.h"

#include "json/number.h"
#include "json/text.h"

#define ROOT VIEW("[]")

static weir_rc add(selection *s, const tree *item, size_t i, err *e)
{
    const tree *crumbs = tree_get(item, "breadcrumb"), *metadata = tree_get(item, "metadata");
    buf key = {0};
    if (!crumbs || crumbs->kind != TREE_ARRAY || !metadata || metadata->kind != TREE_OBJECT)
        return err_fail(e, WEIR_E_CONFIG, "metadata %zu needs a breadcrumb, which is a list, and metadata, which is an object", i);
    buf_addc(&key, '[');
    for (const tree *c = crumbs->first; c; c = c->next) {
        buf_adds(&key, c == crumbs->first ? "" : ",");
        json_quote_lossy(&key, c->kind == TREE_STRING ? c->text : c->raw);
    }
    buf_addc(&key, ']');
    weir_view kept = buf_ok(&key) ? arena_dup(s->arena, buf_view(&key)) : (weir_view){0};
    buf_free(&key);
    return kept.ptr && map_put(&s->entries, kept, (void *)(uintptr_t)metadata) ? WEIR_OK : err_nomem(e);
}

weir_rc singer_selection_init(selection *s, arena *a, const tree *metadata, err *e)
{
    *s = (selection){.arena = a, .all = !metadata || !metadata->first};
    if (!tree_is_null(metadata) && metadata->kind != TREE_ARRAY)
        return err_fail(e, WEIR_E_CONFIG, "metadata is %s instead of a list", tree_kind_name(metadata->kind));
    size_t i = 0;
    weir_rc rc = WEIR_OK;
    for (const tree *item = metadata ? metadata->first : NULL; item && !rc; item = item->next)
        rc = add(s, item, i++, e);
    return rc;
}

void singer_selection_free(selection *s) { map_free(&s->entries); }

const tree *singer_selection_metadata(const selection *s, weir_view breadcrumb) { return map_get(&s->entries, breadcrumb); }

bool singer_selection_truth(const tree *value)
{
    if (tree_is_null(value))
        return false;
    if (value->kind == TREE_BOOL)
        return value->boolean;
    if (value->kind == TREE_NUMBER)
        return number_compare(value->text, VIEW("0")) != 0;
    return value->kind == TREE_STRING ? value->text.len : value->count;
}

/* Rules 3 to 7 for a place that is mentioned and whose parent is not excluded. */
static bool by_metadata(const tree *metadata, bool parent)
{
    const weir_view inclusion = tree_text(metadata, "inclusion");
    const tree *chosen = tree_get(metadata, "selected"), *fallback = tree_get(metadata, "selected-by-default");
    if (view_is(inclusion, "unsupported"))
        return false;
    if (view_is(inclusion, "automatic"))
        return true;
    if (!tree_is_null(chosen))
        return singer_selection_truth(chosen);
    return tree_is_null(fallback) ? parent : singer_selection_truth(fallback);
}

selected singer_selection_root(const selection *s)
{
    const tree *metadata = singer_selection_metadata(s, ROOT);
    if (s->all)
        return (selected){true, true};
    if (!metadata)
        return (selected){true, false};
    bool yes = by_metadata(metadata, false);
    return (selected){yes, yes};
}

selected singer_selection_of(const selection *s, weir_view breadcrumb, selected parent)
{
    const tree *metadata = s->all ? NULL : singer_selection_metadata(s, breadcrumb);
    if (!metadata)
        return parent;
    bool yes = parent.below && by_metadata(metadata, parent.below);
    return (selected){yes, yes};
}
