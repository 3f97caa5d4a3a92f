#include "doc/combiner_table.h"

#include <stdlib.h>

#include "base/map.h"

enum { UNIT = 8, UNITS = 1 << 15, BLOCK = UNITS * UNIT, LARGE = BLOCK / 4, BLOCKS_MAX = 1 << 17 };
enum { FIRST_SLOTS = 64, KEEP_BLOCKS = 4 };

/* -------------------------------------------------------------------------------------------------------------- blocks -- */

static bool more_blocks(table *t)
{
    size_t room = t->room_blocks ? 2 * t->room_blocks : 16;
    if (room > BLOCKS_MAX)
        return false;
    table_block *blocks = realloc(t->blocks, room * sizeof *blocks);
    if (!blocks)
        return false;
    t->blocks = blocks;
    t->room_blocks = room;
    return true;
}

/* Goes on in a spare block, or a new one. */
static bool next_block(table *t)
{
    if (t->used_blocks == t->have_blocks) {
        if (t->have_blocks == t->room_blocks && !more_blocks(t))
            return false;
        char *ptr = malloc(BLOCK);
        if (!ptr)
            return false;
        t->blocks[t->have_blocks++] = (table_block){ptr, BLOCK};
    }
    t->filling = t->used_blocks++;
    t->at = t->filling == 0; /* 0 is nobody's address */
    t->used += BLOCK;
    return true;
}

/* What is large has a block for itself. */
static table_ref own_block(table *t, size_t size)
{
    size_t i = t->holes - 1;
    if (!t->used_blocks && !next_block(t))
        return 0;
    if (!t->holes && t->have_blocks == t->room_blocks && !more_blocks(t))
        return 0;
    char *ptr = malloc(size);
    if (!ptr)
        return 0;
    if (t->holes) {
        t->holes = t->blocks[i].size;
    } else {
        i = t->used_blocks++;
        if (i < t->have_blocks)
            t->blocks[t->have_blocks] = t->blocks[i]; /* a spare one */
        t->have_blocks++;
    }
    t->blocks[i] = (table_block){ptr, size};
    t->used += size;
    return (table_ref)(i << 15);
}

static void give_back(table *t, size_t i)
{
    t->used -= t->blocks[i].size;
    free(t->blocks[i].ptr);
    t->blocks[i] = (table_block){NULL, t->holes};
    t->holes = i + 1;
}

void table_reset(table *t, bool shrink)
{
    size_t kept = 0;
    for (size_t i = 0; i < t->have_blocks; i++) {
        table_block b = t->blocks[i];
        if (b.ptr && b.size == BLOCK && (!shrink || kept < KEEP_BLOCKS))
            t->blocks[kept++] = b;
        else
            free(b.ptr);
    }
    t->have_blocks = kept;
    t->used_blocks = t->at = t->filling = t->holes = t->keys = t->used = 0;
    memset(t->free, 0, sizeof t->free);
    if (shrink && t->slot_count > BLOCK / sizeof *t->slots) {
        free(t->slots);
        t->slots = NULL;
        t->slot_count = 0;
    }
    if (t->slots)
        memset(t->slots, 0, t->slot_count * sizeof *t->slots);
    t->sorted = false;
}

void table_free(table *t)
{
    for (size_t i = 0; i < t->have_blocks; i++)
        free(t->blocks[i].ptr);
    free(t->blocks);
    free(t->slots);
    *t = (table){0};
}

/* ----------------------------------------------------------------------------------------------------------- allocating -- */

/* Sizes come in classes: each up to 32 units, then eight for each doubling. */
static size_t class_of(size_t *units)
{
    if (*units <= 32)
        return *units;
    unsigned log = 63 - (unsigned)__builtin_clzll(*units - 1);
    size_t step = (size_t)1 << (log - 3);
    *units = (*units + step - 1) / step * step;
    return 32 + (log - 5) * 8 + (*units >> (log - 3)) - 8;
}

static size_t units_for(size_t bytes) { return (bytes + UNIT - 1) / UNIT; }

static table_ref take(table *t, size_t *units)
{
    if (*units * UNIT > LARGE)
        return own_block(t, *units * UNIT);
    size_t class = class_of(units);
    table_ref ref = t->free[class];
    if (ref) {
        t->free[class] = table_doc_at(t, ref)->next;
        return ref;
    }
    if ((!t->used_blocks || t->at + *units > UNITS) && !next_block(t))
        return 0;
    ref = (table_ref)(t->filling << 15 | t->at);
    t->at += *units;
    return ref;
}

static void put_back(table *t, table_ref ref)
{
    table_doc *d = table_doc_at(t, ref);
    size_t units = d->room;
    if (units * UNIT > LARGE) {
        give_back(t, ref >> 15);
        return;
    }
    size_t class = class_of(&units);
    d->next = t->free[class];
    t->free[class] = ref;
}

size_t table_size_with(const table *t, size_t key, size_t doc)
{
    size_t more = sizeof(table_key) + key + sizeof(table_doc) + doc + 2 * UNIT, slots = t->slot_count * sizeof *t->slots;
    size_t left = t->used_blocks ? (size_t)(UNITS - t->at) * UNIT : 0;
    if (2 * (t->keys + 1) > t->slot_count)
        slots *= 3; /* the old ones are needed until all are moved */
    return t->used - (more <= left ? left : 0) + more + slots;
}

/* ---------------------------------------------------------------------------------------------------------------- keys -- */

uint32_t table_hash(const table *t, uint32_t binding, weir_view key)
{
    uint64_t h = map_hash(t->seed ^ (uint64_t)binding * 0x9e3779b97f4a7c15u, key);
    return (uint32_t)(h ^ h >> 32);
}

table_ref table_find(const table *t, uint32_t binding, weir_view key, uint32_t hash)
{
    const size_t mask = t->slot_count - 1;
    if (!t->keys)
        return 0;
    for (size_t i = hash & mask; t->slots[i].key; i = (i + 1) & mask) {
        if (t->slots[i].hash != hash)
            continue;
        const table_key *k = table_key_at(t, t->slots[i].key);
        if (k->binding == binding && view_eq((weir_view){k->key, k->len}, key))
            return t->slots[i].key;
    }
    return 0;
}

static void put_slot(table_slot *slots, size_t mask, table_slot s)
{
    size_t i = s.hash & mask;
    while (slots[i].key)
        i = (i + 1) & mask;
    slots[i] = s;
}

static bool more_slots(table *t)
{
    size_t count = t->slot_count ? 2 * t->slot_count : FIRST_SLOTS;
    table_slot *slots = calloc(count, sizeof *slots);
    if (!slots)
        return false;
    for (size_t i = 0; i < t->slot_count; i++)
        if (t->slots[i].key)
            put_slot(slots, count - 1, t->slots[i]);
    free(t->slots);
    t->slots = slots;
    t->slot_count = count;
    return true;
}

table_ref table_add_key(table *t, uint32_t binding, weir_view key, uint32_t hash)
{
    if (2 * (t->keys + 1) > t->slot_count && !more_slots(t))
        return 0;
    size_t units = units_for(sizeof(table_key) + key.len);
    table_ref ref = take(t, &units);
    if (!ref)
        return 0;
    table_key *k = table_key_at(t, ref);
    *k = (table_key){.binding = binding, .len = (uint32_t)key.len};
    memcpy(k->key, key.ptr, key.len);
    put_slot(t->slots, t->slot_count - 1, (table_slot){hash, ref});
    t->keys++;
    return ref;
}

/* It is the end of its run of slots, so that nothing behind it needs to move. */
void table_drop_key(table *t, table_ref key, uint32_t hash)
{
    const size_t mask = t->slot_count - 1;
    size_t i = hash & mask;
    while (t->slots[i].key != key)
        i = (i + 1) & mask;
    t->slots[i] = (table_slot){0};
    t->keys--;
}

/* ----------------------------------------------------------------------------------------------------------- documents -- */

static table_ref make_doc(table *t, weir_view text, unsigned flags)
{
    size_t units = units_for(sizeof(table_doc) + text.len);
    table_ref ref = units >= 1 << 28 ? 0 : take(t, &units);
    if (!ref)
        return 0;
    table_doc *d = table_doc_at(t, ref);
    d->next = 0;
    d->len = (uint32_t)text.len;
    d->room = (uint32_t)units & 0xfffffff;
    d->flags = flags & 15;
    memcpy(d->text, text.ptr, text.len);
    return ref;
}

bool table_add_doc(table *t, table_ref key, weir_view text, unsigned flags, bool front)
{
    table_ref ref = make_doc(t, text, flags);
    if (!ref)
        return false;
    table_key *k = table_key_at(t, key);
    if (front) {
        table_doc_at(t, ref)->next = k->first;
        k->first = ref;
        k->last = k->last ? k->last : ref;
        return true;
    }
    if (k->last)
        table_doc_at(t, k->last)->next = ref;
    else
        k->first = ref;
    k->last = ref;
    return true;
}

bool table_replace(table *t, table_ref key, table_ref before, weir_view text)
{
    table_ref old = before ? table_doc_at(t, before)->next : table_key_at(t, key)->first;
    table_doc *d = table_doc_at(t, old);
    if (sizeof *d + text.len <= (size_t)d->room * UNIT) {
        memcpy(d->text, text.ptr, text.len);
        d->len = (uint32_t)text.len;
        return true;
    }
    table_ref ref = make_doc(t, text, d->flags);
    if (!ref)
        return false;
    table_key *k = table_key_at(t, key);
    table_doc_at(t, ref)->next = table_doc_at(t, old)->next;
    if (before)
        table_doc_at(t, before)->next = ref;
    else
        k->first = ref;
    k->last = k->last == old ? ref : k->last;
    put_back(t, old);
    return true;
}

void table_drop_last(table *t, table_ref key, table_ref before)
{
    table_key *k = table_key_at(t, key);
    put_back(t, k->last);
    table_doc_at(t, before)->next = 0;
    k->last = before;
}

/* ------------------------------------------------------------------------------------------------------------- sorting -- */

static uint64_t head_of(const table_key *k)
{
    uint64_t v = 0;
    memcpy(&v, k->key, k->len < sizeof v ? k->len : sizeof v);
    return __builtin_bswap64(v);
}

static inline bool is_before(const table *t, const table_item *a, const table_item *b)
{
    if (a->binding != b->binding)
        return a->binding < b->binding;
    if (a->head != b->head)
        return a->head < b->head;
    const table_key *x = table_key_at(t, a->key), *y = table_key_at(t, b->key);
    return view_cmp((weir_view){x->key, x->len}, (weir_view){y->key, y->len}) < 0;
}

static inline void swap(table_item *a, table_item *b)
{
    table_item c = *a;
    *a = *b;
    *b = c;
}

static void sort_few(const table *t, table_item *items, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        table_item item = items[i];
        size_t k = i;
        for (; k && is_before(t, &item, &items[k - 1]); k--)
            items[k] = items[k - 1];
        items[k] = item;
    }
}

/* The libc's sort would take memory again as much. Which item divides is drawn, so that no order of keys is a bad one. */
static void sort_items(const table *t, table_item *items, size_t n, uint64_t dice)
{
    enum { FEW = 16 };
    while (n > FEW) {
        dice = dice * 6364136223846793005u + 1442695040888963407u;
        swap(&items[0], &items[(dice >> 33) % n]);
        size_t low = 0, high = n;
        for (;;) {
            do
                low++;
            while (low < n && is_before(t, &items[low], &items[0]));
            do
                high--;
            while (is_before(t, &items[0], &items[high]));
            if (low >= high)
                break;
            swap(&items[low], &items[high]);
        }
        swap(&items[0], &items[high]);
        if (high < n - high) { /* the smaller part first: the stack stays shallow */
            sort_items(t, items, high, dice);
            items += high + 1;
            n -= high + 1;
        } else {
            sort_items(t, items + high + 1, n - high - 1, dice);
            n = high;
        }
    }
    sort_few(t, items, n);
}

/* The slots are half empty: moved together, each has room for an item. */
const table_item *table_sort(table *t)
{
    size_t n = 0;
    for (size_t i = 0; i < t->slot_count; i++)
        if (t->slots[i].key)
            t->slots[n++] = t->slots[i];
    t->sorted = true;
    table_item *items = (table_item *)(void *)t->slots;
    for (size_t i = n; i-- > 0;) {
        table_ref ref = t->slots[i].key;
        const table_key *k = table_key_at(t, ref);
        items[i] = (table_item){head_of(k), k->binding, ref};
    }
    sort_items(t, items, n, t->seed);
    return items;
}
