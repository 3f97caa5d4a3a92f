/* text.h - JSON strings: quoting, decoding; compacting. */
#ifndef WEIR_JSON_TEXT_H
#define WEIR_JSON_TEXT_H

#include "base/arena.h"
#include "base/buf.h"

/** Appends text as a JSON string with its quotes. Control characters, quote and backslash are escaped, the rest goes as it is.
 *  @return false (and nothing appended) if it is not UTF-8. Without memory: true, ask buf_ok() */
bool json_quote(buf *out, weir_view text);
/** The same for text that may be anything: bytes that are not UTF-8 become U+FFFD. For messages. */
void json_quote_lossy(buf *out, weir_view text);
/** Appends the decoded form of what is between the quotes of a (checked) JSON string. A lone surrogate becomes U+FFFD.
 *  @return false without memory */
bool json_unquote(buf *out, weir_view raw);
/** The same into `to`, which has room for raw.len bytes. @return bytes put */
size_t json_unquote_to(char *to, weir_view raw);
/** Decodes a whole JSON string value, quotes included, into the arena; {NULL,0} if it is not a string. NUL-terminated. */
weir_view json_decode(arena *a, weir_view string);
/** For comparing strings by value: equal for two raw texts if and only if they mean the same, lone surrogates included. `raw` itself
 *  if it holds no escape, otherwise in the arena; {NULL,0} without memory, and then the arena has failed. */
weir_view json_identity(arena *a, weir_view raw);
/** Decodes the escape at the backslash *at, inside a checked string that ends at `end`; moves *at on. A lone surrogate stays one, in three bytes, as
 *  json_identity() has it. @return bytes in out */
size_t json_take_escape(const char **at, const char *end, char out[4]);
/** Appends the (checked) JSON value with all whitespace between tokens removed: for line protocols. */
void json_compact(buf *out, weir_view json);
/** Appends a JSON array of strings from `count` texts. */
void json_strings(buf *out, const weir_view *texts, size_t count);
/** Appends bytes as base64 (standard alphabet, padded), and back. @return false (and nothing appended) if text is
 *  not base64; padding may be missing, the url alphabet is accepted. Without memory: true, ask buf_ok() */
void base64_encode(buf *out, weir_view bytes);
bool base64_decode(buf *out, weir_view text);

#endif
