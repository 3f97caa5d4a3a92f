/* message.h - what the readers of all protocols' messages do alike. */
#ifndef WEIR_PROTO_MESSAGE_H
#define WEIR_PROTO_MESSAGE_H

#include "base/err.h"
#include "json/scan.h"

/** WEIR_E_PROTOCOL: what is wrong, at which byte of the message, and what stands around it, printable. */
weir_rc message_bad(weir_view message, size_t at, const char *what, err *e);
/** An error of the scanner that is shown where `from` begins. @return false */
bool message_bad_from(json_scan *s, weir_view from, const char *what);
/** Takes a string as it stands; an explicit null counts as absent: raw.ptr NULL. @return false on error */
bool message_text(json_scan *s, json_key *ret);
/** Takes any value; an explicit null counts as absent: the empty view. @return false on error */
bool message_value(json_scan *s, weir_view *ret);

#endif
