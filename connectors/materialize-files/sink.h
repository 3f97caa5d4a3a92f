/* sink.h - a file that is written once, compressed or not, and durable when it is finished. */
#ifndef FILES_SINK_H
#define FILES_SINK_H

#include <weir.h>

typedef enum sink_codec { SINK_PLAIN, SINK_GZIP, SINK_ZSTD } sink_codec;

typedef struct sink sink;

/** Makes the file at `path`, which must not exist. */
weir_rc sink_open(weir_task *t, sink **ret, const char *path, sink_codec codec);
weir_rc sink_write(weir_task *t, sink *s, const char *bytes, size_t len);
/** Writes what is left, fsyncs and closes; frees it, also on failure. */
weir_rc sink_finish(weir_task *t, sink *s);
/** Closes without finishing; accepts NULL. */
void sink_drop(sink *s);

#endif
