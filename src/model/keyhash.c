/* HighwayHash (Alakuijala, Cox, Wassenberg: Fast keyed hash/pseudo-random function using SIMD multiply and permute, arXiv:1612.06257), portable, for 64 bits. */
#include "model/keyhash.h"

#include <string.h>

enum { LANES = 4, PACKET = 32, FINAL_ROUNDS = 4 };

typedef struct highway {
    uint64_t v0[LANES], v1[LANES], mul0[LANES], mul1[LANES];
} highway;

/* 332757d16f0fb1cf 2d4f676f85e34c6a 8b85aa58f42bb081 449d8eb2e4ed529f (flow.md 1.9), each read as little-endian. */
static const uint64_t flow_key[LANES] = {0xcfb10f6fd1572733, 0x6a4ce3856f674f2d, 0x81b02bf458aa858b, 0x9f52ede4b28e9d44};

static uint64_t rotate32(uint64_t v) { return v >> 32 | v << 32; }

static void begin(highway *h)
{
    static const uint64_t mul0[LANES] = {0xdbe6d5d5fe4cce2f, 0xa4093822299f31d0, 0x13198a2e03707344, 0x243f6a8885a308d3};
    static const uint64_t mul1[LANES] = {0x3bd39e10cb0ef593, 0xc0acf169b5f18a8c, 0xbe5466cf34e90c6c, 0x452821e638d01377};
    for (int i = 0; i < LANES; i++) {
        h->mul0[i] = mul0[i];
        h->mul1[i] = mul1[i];
        h->v0[i] = mul0[i] ^ flow_key[i];
        h->v1[i] = mul1[i] ^ rotate32(flow_key[i]);
    }
}

/* Byte n of v. */
static uint64_t byte(uint64_t v, int n) { return v >> 8 * n & 0xff; }

/* Adds the bytes of two words to two others, zipped: each byte moves to where few others of its word go. */
static void zip(uint64_t a, uint64_t b, uint64_t *to_a, uint64_t *to_b)
{
    *to_a += byte(a, 3) | byte(b, 4) << 8 | byte(a, 2) << 16 | byte(a, 5) << 24 | byte(b, 6) << 32 | byte(a, 1) << 40 | byte(b, 7) << 48 | byte(a, 0) << 56;
    *to_b += byte(b, 3) | byte(a, 4) << 8 | byte(b, 2) << 16 | byte(b, 5) << 24 | byte(b, 1) << 32 | byte(a, 6) << 40 | byte(b, 0) << 48 | byte(a, 7) << 56;
}

static void mix(highway *h, const uint64_t *words)
{
    for (int i = 0; i < LANES; i++) {
        h->v1[i] += h->mul0[i] + words[i];
        h->mul0[i] ^= (h->v1[i] & UINT32_MAX) * (h->v0[i] >> 32);
        h->v0[i] += h->mul1[i];
        h->mul1[i] ^= (h->v0[i] & UINT32_MAX) * (h->v1[i] >> 32);
    }
    for (int i = 0; i < LANES; i += 2)
        zip(h->v1[i], h->v1[i + 1], &h->v0[i], &h->v0[i + 1]);
    for (int i = 0; i < LANES; i += 2)
        zip(h->v0[i], h->v0[i + 1], &h->v1[i], &h->v1[i + 1]);
}

static void mix_packet(highway *h, const unsigned char *p)
{
    uint64_t words[LANES] = {0};
    for (int i = 0; i < PACKET; i++)
        words[i / 8] |= (uint64_t)p[i] << 8 * (i % 8);
    mix(h, words);
}

/* Each half of a word, by n of its 32 bits. */
static uint64_t rotate_halves(uint64_t v, unsigned n)
{
    uint64_t low = v & UINT32_MAX, high = v >> 32;
    low = (low << n | low >> (32 - n)) & UINT32_MAX;
    high = (high << n | high >> (32 - n)) & UINT32_MAX;
    return low | high << 32;
}

/* What is left of less than a packet, 1 to 31 bytes. */
static void mix_rest(highway *h, const unsigned char *p, size_t n)
{
    unsigned char packet[PACKET] = {0};
    const size_t odd = n & 3, even = n - odd;
    for (int i = 0; i < LANES; i++) {
        h->v0[i] += (uint64_t)n << 32 | n;
        h->v1[i] = rotate_halves(h->v1[i], (unsigned)n);
    }
    memcpy(packet, p, even);
    if (n & 16) {
        memcpy(packet + 28, p + n - 4, 4);
    } else if (odd) {
        packet[16] = p[even];
        packet[17] = p[even + (odd >> 1)];
        packet[18] = p[n - 1];
    }
    mix_packet(h, packet);
}

uint64_t key_hash64(weir_view packed)
{
    highway h;
    const unsigned char *p = (const unsigned char *)packed.ptr;
    size_t left = packed.len;
    begin(&h);
    for (; left >= PACKET; left -= PACKET, p += PACKET)
        mix_packet(&h, p);
    if (left)
        mix_rest(&h, p, left);
    for (int i = 0; i < FINAL_ROUNDS; i++)
        mix(&h, (const uint64_t[]){rotate32(h.v0[2]), rotate32(h.v0[3]), rotate32(h.v0[0]), rotate32(h.v0[1])});
    return h.v0[0] + h.v1[0] + h.mul0[0] + h.mul1[0];
}

uint32_t key_hash(weir_view packed) { return (uint32_t)(key_hash64(packed) >> 32); }
