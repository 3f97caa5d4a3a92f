/* papers.h - files that are handed to a connector process: its config, catalog, state. They lie in a folder of their own that only we may enter, under
 * $TMPDIR (default /tmp), and go with it. A folder is locked as long as its maker lives: one whose maker was killed is removed by whoever makes the next
 * one.
 */
#ifndef WEIR_PROTO_PAPERS_H
#define WEIR_PROTO_PAPERS_H

#include "base/arena.h"
#include "base/err.h"

typedef struct papers {
    arena arena; /* of paths */
    char *dir;   /* absolute; NULL: none yet */
    int fd;      /* of dir, locked; valid if there is one */
} papers;

/** Writes a file NAME (such as config.json), mode 0600, anew if it is there, and gives its path, good until papers_free(). {0} is a valid papers. */
weir_rc papers_put(papers *p, const char *name, weir_view content, const char **ret_path, err *e);
/** What is in a file now: a connector may have written it anew. */
weir_rc papers_get(const papers *p, const char *name, buf *out, err *e);
/** Overwrites and removes everything. Accepts {0}. */
void papers_free(papers *p);

#endif
