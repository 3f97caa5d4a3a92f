#include "plane/position.h"

#include <stdio.h>

#include "json/patch.h"
#include "json/text.h"
#include "json/write.h"

static void put_read(json_out *w, offset o, weir_view folder)
{
    char digits[24];
    snprintf(digits, sizeof digits, "%llu", (unsigned long long)o.at);
    out_open(out_namev(w, o.journal), '{');
    out_text(out_name(w, "readThrough"), view_of(digits));
    out_open(out_name(w, "producers"), '[');
    out_open(w, '{');
    out_text(out_name(w, "id"), folder);
    out_close(w, '}');
    out_close(w, ']');
    out_close(w, '}');
}

static void put_written(json_out *w, offset o)
{
    char digits[24];
    buf text = {0};
    snprintf(digits, sizeof digits, "%llu", (unsigned long long)o.at);
    base64_encode(&text, view_of(digits));
    out_text(out_namev(w, o.journal), buf_view(&text));
    w->to->failed |= !buf_ok(&text);
    buf_free(&text);
}

bool position_put(buf *out, weir_view former, const places *p)
{
    buf now = {0};
    json_out w = json_out_to(&now);
    out_open(&w, '{');
    out_open(out_name(&w, "sources"), '{');
    for (size_t i = 0; i < p->read_count; i++)
        put_read(&w, p->reads[i], p->folder);
    out_close(&w, '}');
    if (p->written_count)
        out_open(out_name(&w, "ackIntents"), '{');
    for (size_t i = 0; i < p->written_count; i++)
        put_written(&w, p->written[i]);
    if (p->written_count)
        out_close(&w, '}');
    out_close(&w, '}');
    bool ok = buf_ok(&now) && patch_apply(out, former.len ? former : VIEW("{}"), buf_view(&now));
    buf_free(&now);
    return ok && buf_ok(out);
}

uint64_t position_read(const tree *position, weir_view name)
{
    const tree *n = tree_get(tree_getv(tree_get(position, "sources"), name), "readThrough");
    uint64_t at = 0;
    if (n && (n->kind == TREE_NUMBER || n->kind == TREE_STRING))
        number_to_u64(n->text, &at);
    return at;
}

static bool is_foreign(const tree *source, weir_view folder)
{
    const tree *producers = tree_get(source, "producers");
    const tree *id = producers && producers->kind == TREE_ARRAY ? tree_get(producers->first, "id") : NULL;
    return id && id->kind == TREE_STRING && !view_eq(id->text, folder);
}

bool position_is_foreign(const tree *position, weir_view name, weir_view folder)
{
    return is_foreign(tree_getv(tree_get(position, "sources"), name), folder);
}

bool position_has_foreign(const tree *position, weir_view folder)
{
    const tree *sources = tree_get(position, "sources");
    for (const tree *n = sources ? sources->first : NULL; n; n = n->next)
        if (is_foreign(n, folder))
            return true;
    return false;
}

bool position_written(const tree *position, weir_view name, uint64_t *ret)
{
    const tree *t = tree_getv(tree_get(position, "ackIntents"), name);
    buf digits = {0};
    bool ok = t && t->kind == TREE_STRING && base64_decode(&digits, t->text) && number_to_u64(buf_view(&digits), ret);
    buf_free(&digits);
    return ok;
}
