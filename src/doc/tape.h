/* tape.h - the values of a document in a row: what validation and reduction walk over instead of a tree. Made in one pass that also checks the text; the nodes
 * lie in memory that is used again for the next document, so that nothing is allocated once it has grown to the size that is needed.
 *
 * A value's children follow it: the first one is the node behind it, the next sibling is where `next` says.
 */
#ifndef WEIR_DOC_TAPE_H
#define WEIR_DOC_TAPE_H

#include "base/err.h"
#include "json/tree.h"

typedef struct tape_node {
    uint32_t at, len;         /* its text in the document, quotes and brackets included */
    uint32_t next;            /* the node behind this value and all it holds */
    uint32_t count;           /* items or members */
    uint32_t name_at, name_len; /* as a member: its name between the quotes, as written */
    uint8_t kind;             /* TREE_NULL ... TREE_OBJECT (json/tree.h) */
    bool escaped;             /* a string that holds a backslash */
    bool name_escaped;
    bool yes;                 /* TREE_BOOL */
} tape_node;

typedef struct tape {
    weir_view doc;            /* borrowed: what the nodes point into */
    tape_node *nodes;         /* nodes[0] is the document */
    size_t count, room;
    tape_node *spare;         /* the rest: where names repeat, and of objects with many members */
    size_t spare_room;
    uint32_t *slots, *kept;
    size_t slot_room, kept_room, kept_count;
    buf scratch;
    uint64_t seed;
} tape;

/** Replaces what the tape holds; {0} is a tape that holds nothing. Names that repeat: the last one stays, where the first one stood.
 *  @return WEIR_E_CONFIG if it is not JSON ("expected ... at byte N"), WEIR_E_NOMEM */
weir_rc tape_read(tape *t, weir_view doc, err *e);
void tape_free(tape *t);

static inline weir_view tape_text(const tape *t, uint32_t node)
{
    return (weir_view){t->doc.ptr + t->nodes[node].at, t->nodes[node].len};
}
static inline weir_view tape_name(const tape *t, uint32_t node)
{
    return (weir_view){t->doc.ptr + t->nodes[node].name_at, t->nodes[node].name_len};
}
/** The member of an object; 0: there is none (node 0 is nobody's member). */
uint32_t tape_member(const tape *t, uint32_t object, weir_view name);
/** The value at decoded tokens of a pointer, from `node` on; UINT32_MAX: there is none. */
uint32_t tape_at(const tape *t, uint32_t node, const weir_view *tokens, size_t count);
/** Appends the pointer of a node: for messages. */
void tape_pointer(const tape *t, uint32_t node, buf *out);
/** JSON equality of values in any two tapes: numbers by value, whatever their length; members in any order; texts decoded. */
bool tape_equal(const tape *a, uint32_t x, const tape *b, uint32_t y);
/** The same for what is equal. */
uint64_t tape_hash(const tape *t, uint32_t node, uint64_t seed);
/** The order that reductions compare by (flow.md 8.2): null, false, true, numbers by value, texts by their UTF-8, arrays item by item, objects member by member in
 *  the order of their names. */
int tape_compare(const tape *a, uint32_t x, const tape *b, uint32_t y);

#endif
