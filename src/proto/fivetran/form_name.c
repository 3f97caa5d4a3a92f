/* Names of fields. They have to be unique in the whole form (fivetran.md 2.2), and the same for the same schema, whatever the settings are:
 *
 *   1. A setting at the top keeps its name.
 *   2. A setting inside of another keeps its own name if nothing else has it; otherwise as many names of what it is in are put before it as it takes: parent_leaf,
 *      grandparent_parent_leaf. Inside of a variant, the variant's value counts as a name (letters and digits, the rest is _).
 *   3. What is still not unique then gets a number: _2, _3 ...
 */
#include "base/map.h"
#include "proto/fivetran/form_plan.h"

/* A name on probation. @param more how many names are put before the leaf's own */
static weir_view candidate(arena *a, const ft_node *leaf, size_t more)
{
    weir_view name = leaf->property.len ? leaf->property : VIEW("value"); /* JSON has members without a name, forms have not */
    for (const ft_node *n = leaf->around; more && n && n->around; n = n->around, more--)
        name = arena_printf(a, "%.*s_%.*s", VIEW_ARG(n->property), VIEW_ARG(name));
    return name;
}

static size_t depth_of(const ft_node *leaf)
{
    size_t depth = 0;
    for (const ft_node *n = leaf->around; n; n = n->around)
        depth++;
    return depth;
}

static bool try_names(ft_plan *p, const map *taken, weir_view *names, size_t more)
{
    map tried = {0};
    ft_node shared; /* stands for whoever wants the same name */
    bool good = true;
    for (size_t i = 0; i < p->leaf_count && good; i++)
        if (!p->leaves[i]->name.ptr) {
            names[i] = candidate(p->arena, p->leaves[i], more);
            good = map_put(&tried, names[i], map_get(&tried, names[i]) || map_get(taken, names[i]) ? &shared : p->leaves[i]);
        }
    for (size_t i = 0; i < p->leaf_count && good; i++)
        if (!p->leaves[i]->name.ptr && map_get(&tried, names[i]) == p->leaves[i])
            p->leaves[i]->name = names[i];
    map_free(&tried);
    return good;
}

static bool take_names(const ft_plan *p, map *taken)
{
    bool good = true;
    for (size_t i = 0; i < p->leaf_count && good; i++)
        if (p->leaves[i]->name.ptr)
            good = map_put(taken, p->leaves[i]->name, p->leaves[i]);
    return good;
}

static bool number_names(ft_plan *p, map *taken, const weir_view *names)
{
    bool good = true;
    for (size_t i = 0; i < p->leaf_count && good; i++) {
        ft_node *leaf = p->leaves[i];
        for (unsigned n = 1; !leaf->name.ptr && good; n++) {
            weir_view name = n > 1 ? arena_printf(p->arena, "%.*s_%u", VIEW_ARG(names[i]), n) : names[i];
            good = name.ptr != NULL;
            if (good && !map_get(taken, name)) {
                leaf->name = name;
                good = map_put(taken, name, leaf);
            }
        }
    }
    return good;
}

weir_rc ft_plan_name(ft_plan *p, err *e)
{
    map taken = {0};
    weir_view *names = arena_array(p->arena, p->leaf_count, sizeof *names);
    size_t deepest = 0;
    bool good = names != NULL;
    for (size_t i = 0; i < p->leaf_count; i++) {
        size_t depth = depth_of(p->leaves[i]);
        deepest = depth > deepest ? depth : deepest;
        if (depth == 1 && p->leaves[i]->property.len)
            p->leaves[i]->name = p->leaves[i]->property;
    }
    for (size_t more = 0; more < deepest && good; more++)
        good = take_names(p, &taken) && try_names(p, &taken, names, more);
    good = good && take_names(p, &taken) && number_names(p, &taken, names);
    map_free(&taken);
    return good && !p->arena->failed ? WEIR_OK : err_nomem(e);
}
