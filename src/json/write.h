/* write.h - writing one JSON value step by step into a buf, commas and nesting looked after: for control messages and state.
 *
 *     json_out w = json_out_to(&buf);
 *     out_open(&w, '{');
 *     out_text(out_name(&w, "name"), v);
 *     out_raw(out_name(&w, "config"), json);
 *     out_close(&w, '}');
 */
#ifndef WEIR_JSON_WRITE_H
#define WEIR_JSON_WRITE_H

#include "json/number.h"
#include "json/text.h"

typedef struct json_out {
    buf *to;
    bool comma; /* one is due before the next value or name */
} json_out;

static inline json_out json_out_to(buf *to) { return (json_out){to, false}; }

/** Begins a member. The name needs no escaping. @return w, for chaining */
json_out *out_name(json_out *w, const char *name);
json_out *out_namev(json_out *w, weir_view name); /* any text */
void out_open(json_out *w, char bracket);  /* { or [ */
void out_close(json_out *w, char bracket); /* } or ] */
void out_text(json_out *w, weir_view text); /* bytes that are not UTF-8 become U+FFFD */
void out_int(json_out *w, int64_t v);
void out_bool(json_out *w, bool v);
void out_null(json_out *w);
void out_raw(json_out *w, weir_view json); /* checked JSON, empty is null; with line breaks it is compacted */

#endif
