/* args.h - the command lines of taps and targets, of the SDK and of the classic kind, in any mix (singer.md 4). */
#ifndef WEIR_SINGER_ARGS_H
#define WEIR_SINGER_ARGS_H

#include "base/arena.h"
#include "base/err.h"

typedef struct singer_args {
    const char **configs; /* paths, `ENV` or `-`, in order */
    size_t config_count;
    bool discover, about, version, help;
    bool dev;                     /* classic, without a meaning here */
    const char *catalog, *properties, *state, *input, *format;
    const char *test;             /* "all" if it was given without a value */
} singer_args;

/** Reads them; both `--flag VALUE` and `--flag=VALUE`. Of a flag that is repeated the last one counts, but for --config.
 *  @return WEIR_E_CONFIG: a usage error */
weir_rc singer_args_read(singer_args *ret, arena *a, char *const *args, size_t count, bool target, err *e);
/** Appends how a tap or target is called. */
void singer_usage(const char *program, bool target, buf *out);

#endif
