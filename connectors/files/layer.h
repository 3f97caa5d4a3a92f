/* layer.h - what a stream is made of: each layer reads from the one below and hands out something more useful. */
#ifndef FILES_LAYER_H
#define FILES_LAYER_H

#include <sys/types.h>

#include "stream.h"

typedef struct layer layer;

struct layer {
    /* Up to cap (at least LAYER_ROOM) bytes into out. @return 0 at the end, -1 with *problem filled */
    ssize_t (*read)(layer *, char *out, size_t cap, stream_problem *problem);
    void (*free)(layer *); /* this one only */
    layer *below;
};

enum { LAYER_INPUT = 128 << 10, LAYER_ROOM = 4096 };

/** The input of a layer that reads blocks from below. */
typedef struct layer_input {
    char *bytes; /* LAYER_INPUT of them */
    size_t at, len;
    bool ended;
} layer_input;

/** Reads the next block when nothing is left of the last. @return false on failure; the end sets `ended` */
bool layer_refill(layer *l, layer_input *in, stream_problem *problem);
ssize_t layer_fail(stream_problem *problem, weir_rc rc, const char *what);
/** The data stops where it must not. */
ssize_t layer_cut_off(stream_problem *problem, const char *what);

/* Each takes over `below` and is freed with it; NULL without memory (below is then still the caller's). */
layer *layer_file(int fd, uint64_t size);
layer *layer_gzip(layer *below);
layer *layer_zstd(layer *below);
/** @param begun bytes that were read from below already */
layer *layer_transcode(layer *below, stream_encoding from, weir_view begun);

/** Moves a file layer. @return false with errno */
bool layer_file_seek(layer *l, uint64_t offset);

#endif
