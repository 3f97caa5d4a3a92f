#include "base/map.h"
#include "doc/tape.h"
#include "json/number.h"
#include "json/text.h"

static uint64_t mix(uint64_t h, uint64_t v)
{
    h = (h ^ v) * 0x9e3779b97f4a7c15u;
    return h ^ h >> 29;
}

/* Decoded in pieces, so that no memory is needed. */
static uint64_t hash_text(uint64_t seed, weir_view raw)
{
    enum { PIECE = 64 };
    char piece[PIECE + 4];
    size_t len = 0;
    uint64_t h = seed;
    for (const char *p = raw.ptr, *end = p + raw.len; p < end;) {
        if (*p == '\\')
            len += json_take_escape(&p, end, piece + len);
        else
            piece[len++] = *p++;
        if (len >= PIECE) {
            h = map_hash(h, (weir_view){piece, PIECE});
            memmove(piece, piece + PIECE, len - PIECE);
            len -= PIECE;
        }
    }
    return map_hash(h, (weir_view){piece, len});
}

uint64_t tape_hash(const tape *t, uint32_t node, uint64_t seed)
{
    const tape_node *v = &t->nodes[node];
    weir_view text = tape_text(t, node);
    uint64_t h = mix(seed, (uint64_t)v->kind + 1);
    switch ((tree_kind)v->kind) {
    case TREE_NULL:
        return h;
    case TREE_BOOL:
        return mix(h, v->yes);
    case TREE_NUMBER:
        return mix(h, number_hash(text));
    case TREE_STRING:
        return mix(h, hash_text(seed, (weir_view){text.ptr + 1, text.len - 2}));
    case TREE_ARRAY:
        for (uint32_t i = node + 1; i < v->next; i = t->nodes[i].next)
            h = mix(h, tape_hash(t, i, seed));
        return h;
    case TREE_OBJECT:
        break;
    }
    uint64_t sum = 0; /* members come in any order */
    for (uint32_t i = node + 1; i < v->next; i = t->nodes[i].next)
        sum += mix(tape_hash(t, i, seed), hash_text(seed, tape_name(t, i)));
    return mix(h, sum);
}
