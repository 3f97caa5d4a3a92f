#include "proto/flow/names.h"

static bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }

bool name_is(weir_view key, const char *name)
{
    for (; *name; name++) {
        if (key.len && *key.ptr == *name)
            key = view_from(key, 1);
        else if (is_upper(*name) && key.len > 1 && key.ptr[0] == '_' && key.ptr[1] == *name - 'A' + 'a')
            key = view_from(key, 2);
        else
            return false;
    }
    return !key.len || view_is(key, "_json");
}

const tree *name_get(const tree *t, const char *name)
{
    const tree *m = tree_get(t, name);
    for (const tree *c = m || !t || t->kind != TREE_OBJECT ? NULL : t->first; c && !m; c = c->next)
        m = name_is(c->name, name) ? c : NULL;
    return tree_is_null(m) ? NULL : m;
}

weir_view name_raw(const tree *t, const char *name)
{
    const tree *m = name_get(t, name);
    return m ? m->raw : (weir_view){0};
}

weir_view name_text(const tree *t, const char *name)
{
    const tree *m = name_get(t, name);
    return m && m->kind == TREE_STRING ? m->text : (weir_view){0};
}

bool name_flag(const tree *t, const char *name)
{
    const tree *m = name_get(t, name);
    return m && m->kind == TREE_BOOL && m->boolean;
}
