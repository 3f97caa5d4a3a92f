/* stream.h - a file as a stream of decoded bytes: gzip and zstd (by their content, not their name; members and frames one behind
 * the other) undone, other encodings turned into UTF-8, a byte order mark taken off.
 *
 * A stream is a window that moves over the bytes: stream_more() lets it grow at its end, stream_use() takes bytes off its
 * beginning. So a record that lies across two blocks is simply waited for, and memory is as large as the largest record.
 */
#ifndef FILES_STREAM_H
#define FILES_STREAM_H

#include <sys/stat.h>
#include <sys/types.h>
#include <weir.h>

typedef enum stream_encoding {
    STREAM_AUTO,         /* UTF-8, or UTF-16 if a byte order mark says so */
    STREAM_UTF8,
    STREAM_UTF16LE,
    STREAM_UTF16BE,
    STREAM_LATIN1,       /* ISO 8859-1 */
    STREAM_WINDOWS1252
} stream_encoding;

/** What went wrong: constant text, and errno if there is one. */
typedef struct stream_problem {
    weir_rc rc;
    const char *what; /* "the gzip data is broken" */
    int error;        /* errno, or 0 */
    bool cut_off;     /* the data ends too early: a writer may still be at it */
} stream_problem;

typedef struct stream stream;

enum { STREAM_LIMIT = 64 << 20 }; /* the largest window: no record may be longer */

/** Opens a regular file, as large as it is now: what is appended later is not seen.
 *  @return NULL with *ret_problem filled */
stream *stream_open(const char *path, stream_encoding encoding, stream_problem *ret_problem);
void stream_close(stream *s);

/** The window. Stays where it is until stream_more(). Sixty-four bytes behind it may be read (not used). */
weir_view stream_window(const stream *s);
/** Nothing follows the window. */
bool stream_ended(const stream *s);
/** Lets the window grow. @return 1: it did, or it is known now that the stream has ended; 0: it is as large as it may become;
 *  -1: see stream_error() */
int stream_more(stream *s);
/** Takes n bytes off the window's beginning. */
void stream_use(stream *s, size_t n);
/** Goes to an offset of the decoded stream that lies ahead. @return as stream_more(); 0: the stream is shorter */
int stream_skip(stream *s, uint64_t offset);
/** The offset of the window's first byte in the decoded stream (a byte order mark counts). */
uint64_t stream_offset(const stream *s);

const stream_problem *stream_error(const stream *s);
/** Offsets are those of the file itself: it may be continued where it ended, and read with stream_peek(). */
bool stream_is_plain(const stream *s);
/** The file's attributes when it was opened. */
const struct stat *stream_stat(const stream *s);
/** Has the file been changed since it was opened? */
bool stream_changed(const stream *s);
/** Reads bytes of the file itself, anywhere. @return how many; fewer than wanted at its end; -1 with errno */
ssize_t stream_peek(const stream *s, uint64_t offset, void *bytes, size_t len);

#endif
