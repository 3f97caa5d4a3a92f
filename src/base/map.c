#include "base/map.h"

#include <endian.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/clock.h"

/* --------------------------------------------------------------------------------------------------------------- hash -- */

/* SipHash-1-3 (Aumasson, Bernstein): a peer that chooses the keys cannot make them collide without knowing the seed. */
typedef struct sip {
    uint64_t a, b, c, d;
} sip;

static inline uint64_t turn(uint64_t x, int n)
{
    return x << n | x >> (64 - n);
}

static inline void stir(sip *s)
{
    s->a += s->b, s->c += s->d;
    s->b = turn(s->b, 13) ^ s->a, s->d = turn(s->d, 16) ^ s->c;
    s->a = turn(s->a, 32);
    s->c += s->b, s->a += s->d;
    s->b = turn(s->b, 17) ^ s->c, s->d = turn(s->d, 21) ^ s->a;
    s->c = turn(s->c, 32);
}

static inline void absorb(sip *s, uint64_t word)
{
    s->d ^= word;
    stir(s);
    s->a ^= word;
}

static inline uint64_t whole_word(const char *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof word);
    return le64toh(word);
}

static inline uint64_t part_of_word(const char *p, size_t len)
{
    uint64_t word = 0;
    for (size_t i = 0; i < len; i++)
        word |= (uint64_t)(unsigned char)p[i] << 8 * i;
    return word;
}

uint64_t map_hash(uint64_t seed, weir_view bytes)
{
    uint64_t low = seed, high = seed * 0x9e3779b97f4a7c15; /* both halves of the key; 0 stays 0 */
    sip s = {low ^ 0x736f6d6570736575, high ^ 0x646f72616e646f6d, low ^ 0x6c7967656e657261, high ^ 0x7465646279746573};
    size_t i = 0;
    for (; bytes.len - i >= 8; i += 8)
        absorb(&s, whole_word(bytes.ptr + i));
    uint64_t tail = i < bytes.len ? part_of_word(bytes.ptr + i, bytes.len - i) : 0;
    absorb(&s, (uint64_t)bytes.len << 56 | tail);
    s.c ^= 0xff;
    stir(&s), stir(&s), stir(&s);
    return s.a ^ s.b ^ s.c ^ s.d;
}

/* -------------------------------------------------------------------------------------------------------------- table -- */

enum { FIRST_ROOM = 8 };

uint64_t map_seed(const void *of)
{
    uint64_t seed;
    if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) == (ssize_t)sizeof seed)
        return seed;
    int64_t seconds;
    uint32_t nanos;
    clock_now(&seconds, &nanos);
    return (uint64_t)seconds * 1000000007 ^ (uint64_t)nanos << 20 ^ (uint64_t)(uintptr_t)of;
}

/* The slot that has the key, or the free one where it belongs. Never full: half of the slots stay free. */
static size_t find(const map *m, weir_view key, uint64_t hash)
{
    size_t mask = m->slot_count - 1;
    for (size_t i = hash & mask;; i = (i + 1) & mask) {
        uint32_t slot = m->slots[i];
        if (!slot)
            return i;
        const map_entry *e = &m->entries[slot - 1];
        if (e->hash == hash && view_eq(e->key, key))
            return i;
    }
}

void *map_get(const map *m, weir_view key)
{
    if (!m->count)
        return NULL;
    uint32_t slot = m->slots[find(m, key, map_hash(m->seed, key))];
    return slot ? m->entries[slot - 1].value : NULL;
}

static bool grow(map *m)
{
    size_t room = m->room ? m->room * 2 : FIRST_ROOM;
    if (room > UINT32_MAX / 2 || room > SIZE_MAX / 2 / sizeof *m->entries)
        return false;
    uint32_t *slots = calloc(room * 2, sizeof *slots);
    map_entry *entries = slots ? realloc(m->entries, room * sizeof *entries) : NULL;
    if (!entries) {
        free(slots);
        return false;
    }
    if (!m->room)
        m->seed = map_seed(m);
    free(m->slots);
    m->entries = entries;
    m->room = room;
    m->slots = slots;
    m->slot_count = room * 2;
    for (size_t i = 0; i < m->count; i++)
        slots[find(m, entries[i].key, entries[i].hash)] = (uint32_t)i + 1;
    return true;
}

bool map_put(map *m, weir_view key, void *value)
{
    if (!m->room && !grow(m))
        return false;
    uint64_t hash = map_hash(m->seed, key);
    size_t at = find(m, key, hash);
    if (m->slots[at]) {
        m->entries[m->slots[at] - 1].value = value;
        return true;
    }
    if (m->count == m->room) {
        if (!grow(m))
            return false;
        at = find(m, key, hash);
    }
    m->entries[m->count] = (map_entry){key, value, hash};
    m->slots[at] = (uint32_t)++m->count;
    return true;
}

void map_free(map *m)
{
    free(m->entries);
    free(m->slots);
    *m = (map){0};
}

/* ------------------------------------------------------------------------------------------------------------ nearest -- */

enum { MOST_EDITS = 4, BAND = 2 * MOST_EDITS + 1, FAR = MOST_EDITS + 1 };

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool same(char a, char b)
{
    return lower(a) == lower(b);
}

static int least(int a, int b)
{
    return a < b ? a : b;
}

/* Insertions, deletions, replacements and swaps of neighbours between a and b; FAR stands for more than MOST_EDITS. Only the band
 * around the diagonal can stay below that, so a row is as short as the band, however long the words are: cell k of row i is column
 * i + k - MOST_EDITS. */
static int distance(weir_view a, weir_view b)
{
    int rows[3][BAND + 1];
    int *before = rows[0], *last = rows[1], *row = rows[2];
    for (int k = 0; k <= BAND; k++) {
        before[k] = FAR;
        last[k] = k >= MOST_EDITS && k < BAND ? k - MOST_EDITS : FAR; /* row 0 */
    }
    for (size_t i = 1; i <= a.len; i++) {
        for (int k = 0; k < BAND; k++) {
            size_t j = i + (size_t)k - MOST_EDITS; /* wraps, to a huge one, left of column 0 */
            row[k] = FAR;
            if (j > b.len)
                continue;
            row[k] = least(last[k + 1] + 1, k ? row[k - 1] + 1 : FAR);
            if (j)
                row[k] = least(row[k], last[k] + !same(a.ptr[i - 1], b.ptr[j - 1]));
            if (i > 1 && j > 1 && same(a.ptr[i - 1], b.ptr[j - 2]) && same(a.ptr[i - 2], b.ptr[j - 1]))
                row[k] = least(row[k], before[k] + 1);
            row[k] = least(row[k], FAR);
        }
        row[BAND] = FAR;
        int *spare = before;
        before = last, last = row, row = spare;
    }
    size_t gap = b.len + MOST_EDITS - a.len; /* the cell of the last column in the last row */
    return gap < BAND ? last[gap] : FAR;
}

const char *map_nearest(weir_view word, const char *const *words, size_t count)
{
    const char *best = NULL;
    int best_edits = FAR;
    for (size_t i = 0; i < count; i++) {
        weir_view other = view_of(words[i]);
        size_t slip = (word.len > other.len ? word.len : other.len) / 3; /* more than that is another word */
        int edits = distance(word, other);
        if (edits < best_edits && (size_t)edits <= slip) {
            best = words[i];
            best_edits = edits;
        }
    }
    return best;
}
