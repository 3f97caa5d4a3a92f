/* Messages of Flow's protobuf codec, as requests and as responses of captures, materializations and derivations: what is accepted says the same as a line of the JSON codec, and
 * the JSON form goes to protobuf and back without a change.
 */
#include "flow_same.h"

static void check_message(flow_direction dir, weir_view bytes)
{
    buf scratch = {0}, line = {0}, unused = {0};
    err e = {0};
    flow_message m, back;
    weir_rc rc = flow_read(FLOW_PROTOBUF, dir, bytes, &m, &scratch, &e);
    MUST(rc == WEIR_OK || rc == WEIR_E_PROTOCOL);
    if (!rc) {
        must_be_sound(&m);
        if (m.kind == FLOW_CHECKPOINT) {
            check_checkpoint(&m);
        } else if (m.kind == FLOW_LOAD || m.kind == FLOW_STORE || m.kind == FLOW_LOADED) {
            check_row(dir, &m);
        } else if (m.kind == FLOW_READ) {
            check_read(&m);
        } else if (m.kind != FLOW_CAPTURED && m.kind != FLOW_PUBLISHED) {
            MUST(flow_write(FLOW_JSON, dir, m.kind, m.body, &line, &e) == WEIR_OK);
            MUST(read_frame(FLOW_JSON, dir, &line, &back, &unused, &e) == WEIR_OK);
            must_be_same(&m, &back);
        }
    }
    buf_free(&scratch);
    buf_free(&line);
    buf_free(&unused);
    err_free(&e);
}

/* The first JSON form may say what protobuf leaves out (a member that is null): from the second on nothing changes. */
static void check_transcoder(const pb_message *type, weir_view bytes)
{
    buf json[3] = {0}, pb[2] = {0};
    err e = {0};
    weir_rc rc = pb_to_json(type, bytes, &json[0], &e);
    MUST(rc == WEIR_OK || rc == WEIR_E_PROTOCOL);
    for (int i = 0; !rc && i < 2; i++) {
        MUST(json_check(buf_view(&json[i]), NULL, NULL));
        MUST(pb_from_json(type, buf_view(&json[i]), &pb[i], &e) == WEIR_OK);
        MUST(pb_to_json(type, buf_view(&pb[i]), &json[i + 1], &e) == WEIR_OK);
    }
    if (!rc) {
        MUST_EQ(buf_view(&json[1]), buf_view(&json[2]));
        MUST_EQ(buf_view(&pb[0]), buf_view(&pb[1]));
    }
    for (int i = 0; i < 3; i++)
        buf_free(&json[i]);
    buf_free(&pb[0]);
    buf_free(&pb[1]);
    err_free(&e);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    weir_view message = {(const char *)bytes, len};
    check_message(FLOW_REQUEST, message);
    check_message(FLOW_RESPONSE, message);
    check_message(FLOW_MATERIALIZE_REQUEST, message);
    check_message(FLOW_MATERIALIZE_RESPONSE, message);
    check_message(FLOW_DERIVE_REQUEST, message);
    check_message(FLOW_DERIVE_RESPONSE, message);
    check_transcoder(&flow_request_pb, message);
    check_transcoder(&flow_response_pb, message);
    check_transcoder(&flow_materialize_request_pb, message);
    check_transcoder(&flow_materialize_response_pb, message);
    check_transcoder(&flow_derive_request_pb, message);
    check_transcoder(&flow_derive_response_pb, message);
    return 0;
}
