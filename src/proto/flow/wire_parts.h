/* wire_parts.h - what wire.c, wire_materialize.c and wire_derive.c share: members of JSON messages, checks of protobuf ones. */
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
/** A read, a published document. */
bool flow_read_read(json_scan *s, flow_message *m);
weir_rc flow_read_pb_read(weir_view message, weir_view body, flow_message *m, err *e);
weir_rc flow_read_pb_published(weir_view message, weir_view body, flow_message *m, err *e);

/** What is between the quotes of base64; an array. False: it is something else, and the scan has failed. */
bool flow_take_packed(json_scan *s, weir_view *out);
bool flow_take_array(json_scan *s, weir_view *out);
/** An array of a request in protobuf; an empty view is none. */
weir_rc flow_check_array(weir_view json, const char *what, err *e);

/* Writing: members that hold something, with a comma where one is due (of JSON), fields that do (of protobuf). */
void flow_put_comma(buf *out);
void flow_put_packed(const char *name, weir_view packed, buf *out);
void flow_put_json(const char *name, weir_view json, buf *out);
size_t flow_bytes_size(weir_view v);
char *flow_put_bytes(char *p, uint32_t tag, weir_view v);
size_t flow_number_size(uint64_t n);
char *flow_put_number(char *p, uint32_t tag, uint64_t n);
/** A frame around one message of `size` bytes with this tag. @return where the message goes; NULL without memory */
char *flow_begin_frame(uint32_t tag, size_t size, buf *out);

#endif
