/* vectors.h - reads vectors.txt: see its first lines. Every message is a heap block of its exact size, so that a sanitizer sees what reads past it. */
#ifndef WEIR_TESTS_VECTORS_H
#define WEIR_TESTS_VECTORS_H

#include <ctype.h>
#include <stdlib.h>

#include "base/io.h"
#include "proto/flow/wire.h"

typedef enum vector_mode { MODE_BOTH, MODE_DECODE, MODE_PARTS, MODE_ENCODE, MODE_REFUSE } vector_mode;

typedef struct vector {
    flow_direction dir;
    vector_mode mode;
    char *name;
    weir_view bytes, json; /* heap blocks */
} vector;

typedef struct header {
    uint32_t binding;
    size_t size;      /* of the document */
    weir_view bytes;
} header;

typedef struct vectors {
    vector *v;
    header *h;
    size_t count, headers;
} vectors;

/** A copy in a block of its own, without a byte behind it. */
static inline weir_view exact(weir_view v)
{
    char *p = malloc(v.len);
    if (v.len)
        memcpy(p, v.ptr, v.len);
    return (weir_view){p, v.len};
}

static inline void release(weir_view v) { free((char *)(uintptr_t)v.ptr); }

static inline weir_view from_hex(weir_view hex)
{
    char *p = malloc(hex.len / 2);
    for (size_t i = 0; i < hex.len / 2; i++) {
        char two[3] = {hex.ptr[2 * i], hex.ptr[2 * i + 1], 0};
        p[i] = (char)strtoul(two, NULL, 16);
    }
    return (weir_view){p, hex.len / 2};
}

static inline weir_view next_line(weir_view *text)
{
    const char *nl = memchr(text->ptr, '\n', text->len);
    weir_view line = {text->ptr, nl ? (size_t)(nl - text->ptr) : text->len};
    *text = view_from(*text, line.len + 1);
    return line;
}

static inline weir_view next_word(weir_view *line)
{
    const char *space = line->len ? memchr(line->ptr, ' ', line->len) : NULL;
    weir_view word = {line->ptr, space ? (size_t)(space - line->ptr) : line->len};
    *line = view_from(*line, word.len + 1);
    return word;
}

static inline vector_mode mode_of(weir_view word)
{
    static const char *const modes[] = {"both", "decode", "parts", "encode", "refuse"};
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
        if (view_is(word, modes[i]))
            return (vector_mode)i;
    abort();
}

static inline flow_direction direction_of(weir_view word)
{
    static const char *const words[] = {"request", "response", "materializerequest", "materializeresponse", "deriverequest", "deriveresponse"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (view_is(word, words[i]))
            return (flow_direction)i;
    abort();
}

static inline vectors vectors_load(void)
{
    vectors all = {0};
    buf file = {0};
    err e = {0};
    if (io_read_file(SOURCE_ROOT "/tests/unit/proto/vectors.txt", 0, &file, &e))
        abort();
    weir_view text = buf_view(&file);
    all.v = calloc(text.len / 8, sizeof *all.v);
    all.h = calloc(text.len / 8, sizeof *all.h);
    while (text.len) {
        weir_view line = next_line(&text), word = next_word(&line);
        if (!word.len || *word.ptr == '#')
            continue;
        if (view_is(word, "header")) {
            weir_view binding = next_word(&line), size = next_word(&line);
            all.h[all.headers++] = (header){(uint32_t)strtoul(binding.ptr, NULL, 10), strtoul(size.ptr, NULL, 10), from_hex(line)};
            continue;
        }
        vector *v = &all.v[all.count++];
        v->dir = direction_of(word);
        v->mode = mode_of(next_word(&line));
        v->name = calloc(1, line.len + 1);
        memcpy(v->name, line.ptr, line.len);
        v->bytes = from_hex(next_line(&text));
        v->json = exact(next_line(&text));
    }
    buf_free(&file);
    return all;
}

static inline void vectors_free(vectors *all)
{
    for (size_t i = 0; i < all->count; i++) {
        free(all->v[i].name);
        release(all->v[i].bytes);
        release(all->v[i].json);
    }
    for (size_t i = 0; i < all->headers; i++)
        release(all->h[i].bytes);
    free(all->v);
    free(all->h);
}

#endif
