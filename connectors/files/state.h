/* state.h - how far each file of a stream has been read.
 *
 *     {"files": {"data/a.csv": {"size": 12, "mtime": "2024-01-02T03:04:05.000000006Z", "offset": 12, "rows": 1, "lines": 2, "done":
 * true, "head": "cbf29ce484222325", "tail": "84222325cbf29ce4", "dialect": ",\"1"}}}
 *
 * offset, rows and lines say where to go on; size and mtime tell a changed file; head and tail are hashes of the first bytes and of
 * those before the offset, which tell a file that has grown from one that was written anew. They are absent where offsets are not
 * those of the file itself (compressed or transcoded).
 */
#ifndef FILES_STATE_H
#define FILES_STATE_H

#include "reader.h"

enum { STATE_SAMPLE = 4096, STATE_TIME = 40 };

typedef struct file_state {
    weir_view name;
    int64_t size;
    char mtime[STATE_TIME];
    char head[17], tail[17]; /* "": none */
    reader_place place;
    bool done;
    bool present; /* a scan found it */
} file_state;

typedef struct stream_state {
    file_state *files; /* sorted by name */
    size_t count;
    strbuf texts;      /* what the names point into */
} stream_state;

/** Reads a binding's state; what is not understood counts as never read. @return false without memory */
bool stream_state_read(stream_state *s, weir_view state);
void stream_state_free(stream_state *s);
file_state *stream_state_find(const stream_state *s, const char *name);

/** Describes a file and a place in it. @return false with errno if it cannot be read */
bool file_state_set(file_state *f, const reader *r, const reader_place *place, bool done);
/** Size and time only. */
void file_state_stat(file_state *f, const struct stat *st);
/** Has it the same size and time? */
bool file_state_same(const file_state *a, const file_state *b);
/** Is this a file that was read up to the state's place and has only grown since? @return 1: yes; 0: no, or it cannot be opened;
 * -1: errno */
int file_state_continues(const file_state *f, const char *path);
/** Appends a member for a merge patch: NAME:{...} */
void file_state_patch(strbuf *out, const char *name, const file_state *f);
/** Appends the merge patch that forgets the files that are not present. @return how many */
size_t stream_state_forget(const stream_state *s, strbuf *out);

#endif
