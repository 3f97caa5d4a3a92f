/* wire_parts.h - what wire.c and wire_materialize.c share: members of JSON messages, checks of protobuf ones. */
#ifndef WEIR_FLOW_WIRE_PARTS_H
#define WEIR_FLOW_WIRE_PARTS_H

#include "proto/flow/pb.h"
#include "proto/flow/wire.h"

/** A key by its JSON name, or as the .proto spells it. */
bool flow_is_named(json_key key, const char *name);
/** Take one value each; an explicit null counts as absent. False: it is something else, and the scan has failed. */
bool flow_take_u32(json_scan *s, uint32_t *out);
bool flow_take_bool(json_scan *s, bool *out);
bool flow_take_doc(json_scan *s, weir_view *doc, bool *lines);
/** An error that begins where a value began. @return false */

weir_rc flow_bad_message(flow_direction dir, weir_view bytes, size_t at, const char *what, err *e);
weir_rc flow_bad_pb(const char *what, const pb_reader *r, weir_view message, err *e);
/** A JSON object held in a protobuf field; space around it is taken off. @param lines it has raw line breaks; may be NULL */
weir_rc flow_check_object(weir_view *json, const char *what, bool *lines, err *e);

/** A load or store. */
bool flow_read_row(json_scan *s, flow_message *m);
weir_rc flow_read_pb_row(weir_view message, weir_view body, flow_message *m, err *e);

#endif
