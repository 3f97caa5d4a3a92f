#include "json/blocks.h"

#include "json/token.h"

#if defined(__x86_64__)

#include <immintrin.h>

#define TARGET __attribute__((target("avx512f,avx512bw,avx512vbmi2,pclmul,bmi,popcnt")))
#define INLINE static inline __attribute__((always_inline)) TARGET

enum { BLOCK = 64, CHUNK_BLOCKS = 8, CHUNK = BLOCK * CHUNK_BLOCKS };

typedef struct tokens {
    const char *begin, *at, *end;   /* of the chunk that was looked through; where the next one begins; of the text */
    uint64_t in_string;             /* all bits set: the next block begins inside of a string */
    uint64_t escaped, word;         /* bit 0: its first byte is escaped; follows a byte of a number or word */
    __m512i before;                 /* the last block */
    uint64_t wide;                  /* its bytes that are not ASCII */
    bool bad;
    bool lines;                     /* a line break in a former chunk */
    unsigned blocks, most;          /* of this chunk; of the next one */
    uint64_t breaks[CHUNK_BLOCKS];  /* bits of line breaks between tokens */
    unsigned count;
    uint16_t from[CHUNK + 32];      /* where tokens begin, counted from `begin` */
} tokens;

/* ---- UTF-8: each pair of neighbours is looked up by its three upper nibbles (J. Keiser, D. Lemire: Validating UTF-8 In Less Than One Instruction Per Byte,
 * 2020). A bit stands for one way in which a pair is wrong, and stays set only if all three nibbles say so. ---- */

enum {
    LEAD_LEAD = 1,          /* a sequence begins before the former one is complete */
    STRAY = 2,              /* a continuation behind ASCII */
    LONG_2 = 4,             /* C0, C1: two bytes for what needs one */
    LONG_3 = 8,             /* E0 80..9F */
    SURROGATE = 16,         /* ED A0..BF */
    HIGH = 32,              /* F4 90..BF, F5.. 90..BF */
    LONG_4_OR_HIGHER = 64,  /* F0 80..8F, F5.. 80..8F */
    CONT_CONT = 128,        /* right only as the third or fourth byte */
    ANY_LOW = LEAD_LEAD | STRAY | CONT_CONT,                /* whatever the lower nibble of the first byte is */
    LOW_5_UP = ANY_LOW | HIGH | LONG_4_OR_HIGHER,
    ANY_CONT = STRAY | LONG_2 | CONT_CONT                   /* whichever continuation comes second */
};

/* 16 bytes, four times over. */
#define TABLE(...) _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)(const void *)(const unsigned char[16]){__VA_ARGS__}))

/* The bytes that stand `by` (1 to 3) places before. */
#define EARLIER(now, across, by) _mm512_alignr_epi8(now, across, 16 - (by))

INLINE __m512i high_nibble(__m512i v)
{
    return _mm512_and_si512(_mm512_srli_epi16(v, 4), _mm512_set1_epi8(15));
}

INLINE bool is_utf8(__m512i now, __m512i before)
{
    const __m512i first_high = TABLE(STRAY, STRAY, STRAY, STRAY, STRAY, STRAY, STRAY, STRAY, CONT_CONT, CONT_CONT, CONT_CONT, CONT_CONT, LEAD_LEAD | LONG_2,
                                     LEAD_LEAD, LEAD_LEAD | LONG_3 | SURROGATE, LEAD_LEAD | HIGH | LONG_4_OR_HIGHER);
    const __m512i first_low = TABLE(ANY_LOW | LONG_2 | LONG_3 | LONG_4_OR_HIGHER, ANY_LOW | LONG_2, ANY_LOW, ANY_LOW, ANY_LOW | HIGH, LOW_5_UP, LOW_5_UP, LOW_5_UP,
                                    LOW_5_UP, LOW_5_UP, LOW_5_UP, LOW_5_UP, LOW_5_UP, LOW_5_UP | SURROGATE, LOW_5_UP, LOW_5_UP);
    const __m512i second_high =
        TABLE(LEAD_LEAD, LEAD_LEAD, LEAD_LEAD, LEAD_LEAD, LEAD_LEAD, LEAD_LEAD, LEAD_LEAD, LEAD_LEAD, ANY_CONT | LONG_3 | LONG_4_OR_HIGHER,
              ANY_CONT | LONG_3 | HIGH, ANY_CONT | SURROGATE | HIGH, ANY_CONT | SURROGATE | HIGH, LEAD_LEAD, LEAD_LEAD, LEAD_LEAD, LEAD_LEAD);
    /* the last 16 bytes of the block before and the first 48 of this one */
    const __m512i across = _mm512_alignr_epi64(now, before, 6);
    const __m512i first = EARLIER(now, across, 1);
    const __m512i pairs = _mm512_and_si512(
        _mm512_and_si512(_mm512_shuffle_epi8(first_high, high_nibble(first)), _mm512_shuffle_epi8(first_low, _mm512_and_si512(first, _mm512_set1_epi8(15)))),
        _mm512_shuffle_epi8(second_high, high_nibble(now)));
    /* where a third or fourth byte is due, two continuations in a row are right, and must be */
    const __mmask64 third = _mm512_cmpge_epu8_mask(EARLIER(now, across, 2), _mm512_set1_epi8((char)0xe0));
    const __mmask64 fourth = _mm512_cmpge_epu8_mask(EARLIER(now, across, 3), _mm512_set1_epi8((char)0xf0));
    const __m512i due = _mm512_maskz_set1_epi8(third | fourth, (char)CONT_CONT);
    return _mm512_cmpneq_epi8_mask(due, pairs) == 0;
}

/* ---- tokens ---- */

INLINE uint64_t equal(__m512i v, char c)
{
    return _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8(c));
}

/* { } [ ] : and the comma, by their lower nibble, the brackets together; a few control characters too, which the caller tells apart. */
INLINE uint64_t operators(__m512i v)
{
    const __m512i by_nibble = TABLE(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ':', '{', ',', '}', 0, 0);
    return _mm512_cmpeq_epi8_mask(_mm512_shuffle_epi8(by_nibble, v), _mm512_or_si512(v, _mm512_set1_epi8(0x20)));
}

/* Bits of escaped bytes. The escapes are checked, in the text itself. */
static TARGET __attribute__((noinline)) uint64_t escapes(tokens *t, const char *p, uint64_t backslash)
{
    uint64_t escaped = t->escaped;
    backslash &= ~escaped;
    t->escaped = 0;
    while (backslash) {
        unsigned i = (unsigned)__builtin_ctzll(backslash);
        if (!token_escape(p + i, t->end))
            t->bad = true;
        backslash &= backslash - 1;
        if (i == 63) {
            t->escaped = 1;
        } else {
            escaped |= (uint64_t)2 << i;
            backslash &= ~((uint64_t)2 << i);
        }
    }
    return escaped;
}

/* A bit for each byte from an opening quote (included) to its closing one (not). */
INLINE uint64_t inside(uint64_t quotes)
{
    return (uint64_t)_mm_cvtsi128_si64(_mm_clmulepi64_si128(_mm_set_epi64x(0, (long long)quotes), _mm_set1_epi8((char)0xff), 0));
}

static const unsigned char places[BLOCK] = {
    0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31,
    32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63};

INLINE void put_tokens(tokens *t, uint64_t found, unsigned base)
{
    const __m512i at = _mm512_maskz_compress_epi8(found, _mm512_loadu_si512(places)), from = _mm512_set1_epi16((short)base);
    const unsigned count = (unsigned)__builtin_popcountll(found);
    uint16_t *to = t->from + t->count; /* behind the last one it is rubbish that nobody reads */
    _mm512_storeu_si512(to, _mm512_add_epi16(_mm512_cvtepu8_epi16(_mm512_castsi512_si256(at)), from));
    if (__builtin_expect(count > 32, 0))
        _mm512_storeu_si512(to + 32, _mm512_add_epi16(_mm512_cvtepu8_epi16(_mm512_extracti64x4_epi64(at, 1)), from));
    t->count += count;
}

/* One block, v; p is where it stands in the text. */
INLINE void look_at_block(tokens *t, __m512i v, const char *p)
{
    const uint64_t backslash = equal(v, '\\'), control = _mm512_cmple_epu8_mask(v, _mm512_set1_epi8(0x1f)), wide = _mm512_movepi8_mask(v);
    uint64_t escaped = t->escaped, breaks = 0;
    if (__builtin_expect(backslash != 0, 0))
        escaped = escapes(t, p, backslash);
    else
        t->escaped = 0;
    const uint64_t quotes = equal(v, '"') & ~escaped;
    const uint64_t strings = inside(quotes) ^ t->in_string;
    const uint64_t ops = operators(v), space = equal(v, ' ') | control;
    if (__builtin_expect(control != 0, 0)) {
        breaks = equal(v, '\n') | equal(v, '\r');
        if ((control & strings) || (control & ~(breaks | equal(v, '\t'))))
            t->bad = true;
    }
    if (__builtin_expect(t->wide | wide, 0) && !is_utf8(v, t->before))
        t->bad = true;
    t->before = v;
    t->wide = wide >> 61; /* a sequence of four bytes may go on */
    const uint64_t value = ~(ops | space), word = value & ~quotes;
    const uint64_t starts = value & ~(word << 1 | t->word);
    t->in_string = (uint64_t)((int64_t)strings >> 63);
    t->word = word >> 63;
    t->breaks[t->blocks] = breaks;
    put_tokens(t, (ops | starts) & ~(strings ^ quotes), t->blocks * BLOCK);
    t->blocks++;
}

/* Looks through the next chunk that has tokens. @return false: there are none, or something is wrong */
static TARGET __attribute__((noinline)) bool next_chunk(tokens *t)
{
    t->count = 0;
    while (!t->count && t->at < t->end && !t->bad) {
        for (unsigned i = 0; i < t->blocks; i++)
            t->lines |= t->breaks[i] != 0;
        t->begin = t->at;
        t->blocks = 0;
        while (t->blocks < t->most && t->end - t->at >= BLOCK) {
            look_at_block(t, _mm512_loadu_si512(t->at), t->at);
            t->at += BLOCK;
        }
        if (t->blocks < t->most && t->at < t->end) {
            const __mmask64 rest = ((uint64_t)1 << (t->end - t->at)) - 1;
            look_at_block(t, _mm512_mask_loadu_epi8(_mm512_set1_epi8(' '), rest, t->at), t->at);
            t->at = t->end;
        }
        t->most = t->most < CHUNK_BLOCKS ? t->most * 2 : CHUNK_BLOCKS;
    }
    return t->count && !t->bad;
}

/* Is there a line break before p, which is in this chunk? */
static bool has_lines(const tokens *t, const char *p)
{
    size_t at = (size_t)(p - t->begin);
    uint64_t found = at % BLOCK ? t->breaks[at / BLOCK] & (((uint64_t)1 << at % BLOCK) - 1) : 0;
    for (size_t i = 0; i < at / BLOCK; i++)
        found |= t->breaks[i];
    return t->lines || found;
}

/* May this byte stand behind a number or word? */
static inline bool is_delimiter(char c)
{
    return c == ',' || c == '}' || c == ']' || c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

/* p: the next token; leaves the function if there is none. */
#define NEXT(p)                                                                                                                                                \
    do {                                                                                                                                                       \
        if (__builtin_expect(at == stop, 0)) {                                                                                                                 \
            if (!next_chunk(&t))                                                                                                                               \
                return NULL;                                                                                                                                   \
            at = t.from;                                                                                                                                       \
            stop = at + t.count;                                                                                                                               \
            begin = t.begin;                                                                                                                                   \
        }                                                                                                                                                      \
        (p) = begin + *at++;                                                                                                                                   \
    } while (0)

bool blocks_available(void)
{
    return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vbmi2") && __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("bmi") &&
           __builtin_cpu_supports("popcnt");
}

/* Nesting is a stack of bits, 1 for an object, with the innermost 64 at hand. */
TARGET const char *blocks_value_end(const char *p, const char *end, unsigned most, bool *lines)
{
    uint64_t nesting = 0, outer[JSON_DEPTH / 64 + 1];
    unsigned depth = 0;
    tokens t;
    t.begin = t.at = p;
    t.end = end;
    t.in_string = t.escaped = t.word = 0;
    t.before = _mm512_setzero_si512();
    t.wide = 0;
    t.bad = t.lines = false;
    t.blocks = t.count = 0;
    t.most = 2;
    const uint16_t *at = t.from, *stop = at;
    const char *begin = p;
    NEXT(p);

value:
    switch (*p) {
    case '"':
        break;
    case '{': case '[':
        if (depth == most)
            return NULL;
        if (depth % 64 == 0)
            outer[depth / 64] = nesting;
        nesting = nesting << 1 | (*p == '{');
        depth++;
        NEXT(p);
        if (*p == (nesting & 1 ? '}' : ']'))
            goto close;
        if (nesting & 1)
            goto key;
        goto value;
    case '-': case '0': case '1': case '2': case '3': case '4': case '5': case '6': case '7': case '8': case '9':
        p = token_number(p, end);
        if (!p || p == end || !is_delimiter(*p))
            return NULL;
        break;
    default:
        p = token_word(p, end);
        if (!p || p == end || !is_delimiter(*p))
            return NULL;
    }
after:
    NEXT(p);
    if (*p == ',') {
        NEXT(p);
        if (!(nesting & 1))
            goto value;
        goto key;
    }
    if (*p != (nesting & 1 ? '}' : ']'))
        return NULL;
close:
    if (--depth == 0) {
        *lines |= has_lines(&t, p);
        return p + 1;
    }
    nesting = depth % 64 ? nesting >> 1 : outer[depth / 64];
    goto after;
key:
    if (*p != '"')
        return NULL;
    NEXT(p);
    if (*p != ':')
        return NULL;
    NEXT(p);
    goto value;
}

#else

bool blocks_available(void)
{
    return false;
}

const char *blocks_value_end(const char *p, const char *end, unsigned depth, bool *lines)
{
    (void)p;
    (void)end;
    (void)depth;
    (void)lines;
    return NULL;
}

#endif
