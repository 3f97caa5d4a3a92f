#include "json/inference.h"

#include <stdio.h>

#include "json/facet.h"
#include "json/write.h"

/* Numbers include integers. */
static void put_types(json_out *w, unsigned types)
{
    static const struct {
        unsigned bit;
        const char *name;
    } all[] = {{WEIR_IS_ARRAY, "array"}, {WEIR_IS_BOOLEAN, "boolean"}, {WEIR_IS_INTEGER, "integer"}, {WEIR_IS_NULL, "null"},
               {WEIR_IS_NUMBER, "number"}, {WEIR_IS_OBJECT, "object"}, {WEIR_IS_STRING, "string"}};
    types = types ? types : FACET_ANY;
    if (types & WEIR_IS_NUMBER)
        types &= ~(unsigned)WEIR_IS_INTEGER;
    out_open(w, '[');
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (types & all[i].bit)
            out_text(w, view_of(all[i].name));
    out_close(w, ']');
}

void inference_types(buf *out, unsigned types)
{
    json_out w = json_out_to(out);
    put_types(&w, types);
}

static void put_view(json_out *w, const char *name, weir_view text)
{
    if (text.len)
        out_text(out_name(w, name), text);
}

static void put_tree(json_out *w, const tree *value)
{
    buf text = {0};
    tree_write(&text, value);
    w->to->failed |= !buf_ok(&text);
    out_raw(w, buf_view(&text));
    buf_free(&text);
}

static int64_t bounded(uint64_t n)
{
    return n < UINT32_MAX ? (int64_t)n : (int64_t)UINT32_MAX; /* the field has 32 bits */
}

static void put_string(json_out *w, const facet *f)
{
    if (!f->format.len && !f->encoding.len && !f->notes.media.len && !f->notes.has_max_length)
        return;
    out_open(out_name(w, "string"), '{');
    put_view(w, "contentType", f->notes.media);
    put_view(w, "format", f->format);
    if (f->notes.has_max_length)
        out_int(out_name(w, "maxLength"), bounded(f->notes.max_length));
    put_view(w, "contentEncoding", f->encoding);
    out_close(w, '}');
}

static void put_numeric(json_out *w, const facet *f)
{
    if (!f->notes.least && !f->notes.most)
        return;
    out_open(out_name(w, "numeric"), '{');
    if (f->notes.least) {
        out_bool(out_name(w, "hasMinimum"), true);
        out_raw(out_name(w, "minimum"), f->notes.least->text);
    }
    if (f->notes.most) {
        out_bool(out_name(w, "hasMaximum"), true);
        out_raw(out_name(w, "maximum"), f->notes.most->text);
    }
    out_close(w, '}');
}

static void put_array(json_out *w, const facet *f)
{
    if (!f->items && !f->notes.has_min_items && !f->notes.has_max_items)
        return;
    out_open(out_name(w, "array"), '{');
    if (f->notes.has_min_items)
        out_int(out_name(w, "minItems"), bounded(f->notes.min_items));
    if (f->notes.has_max_items) {
        out_bool(out_name(w, "hasMaxItems"), true);
        out_int(out_name(w, "maxItems"), bounded(f->notes.max_items));
    }
    if (f->items)
        put_types(out_name(w, "itemTypes"), facet_types(f->items));
    out_close(w, '}');
}

/* `lastWriteWins` -> REDUCE_LAST_WRITE_WINS. */
static void put_strategy(json_out *w, const char *name, const char *prefix, const tree *keyword, bool several)
{
    buf text = {0};
    weir_view strategy = tree_text(keyword, "strategy");
    if (!keyword && !several)
        return;
    buf_adds(&text, prefix);
    for (size_t i = 0; !several && i < strategy.len; i++) {
        const char c = strategy.ptr[i];
        if (c >= 'A' && c <= 'Z')
            buf_addc(&text, '_');
        buf_addc(&text, c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c);
    }
    buf_adds(&text, several ? "MULTIPLE" : "");
    w->to->failed |= !buf_ok(&text);
    out_text(out_name(w, name), buf_view(&text));
    buf_free(&text);
}

static const char *existence(const location *at, bool key)
{
    return at->facet->types == FACET_NONE ? "CANNOT" : at->present || key ? "MUST" : "MAY";
}

void inference_write(buf *out, const location *at, bool key)
{
    const facet *f = at->facet;
    json_out w = json_out_to(out);
    out_open(&w, '{');
    put_types(out_name(&w, "types"), at->types);
    if (f->types & WEIR_IS_STRING)
        put_string(&w, f);
    put_view(&w, "title", at->title);
    put_view(&w, "description", at->description);
    if (f->notes.fallback)
        put_tree(out_name(&w, "default"), f->notes.fallback);
    if (f->notes.secret)
        out_bool(out_name(&w, "secret"), true);
    out_text(out_name(&w, "exists"), view_of(existence(at, key)));
    put_numeric(&w, f);
    if (f->types & WEIR_IS_ARRAY && f->types != FACET_ANY)
        put_array(&w, f);
    if (f->notes.choices)
        put_tree(out_name(&w, "enum"), f->notes.choices);
    put_strategy(&w, "reduce", "REDUCE_", f->notes.reduce, f->notes.several_reduce);
    put_strategy(&w, "redact", "REDACT_", f->notes.redact, f->notes.several_redact);
    put_view(&w, "contentMediaType", f->notes.media);
    out_close(&w, '}');
}
