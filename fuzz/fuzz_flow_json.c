/* Lines of Flow's JSON codec, as requests and as responses of captures, materializations and derivations: what is accepted can be written again and reads as the same, in both
 * codecs.
 */
#include "flow_same.h"

static void rewrite(flow_direction dir, const flow_message *m)
{
    buf out = {0}, scratch = {0};
    err e = {0};
    flow_message back;
    MUST(flow_write(FLOW_JSON, dir, m->kind, m->body, &out, &e) == WEIR_OK);
    MUST(read_frame(FLOW_JSON, dir, &out, &back, &scratch, &e) == WEIR_OK);
    must_be_sound(&back);
    must_be_same(m, &back);
    MUST(same_json(m->body, back.body) && !back.lines);
    buf_free(&out);
    buf_free(&scratch);
    err_free(&e);
}

/* The body in the words that we use ourselves. */
static void put_body(buf *out, const flow_message *m)
{
    if (m->kind == FLOW_CAPTURED || m->kind == FLOW_SOURCED_SCHEMA)
        buf_printf(out, "{\"binding\":%u,\"%s\":%.*s}", m->binding, m->kind == FLOW_CAPTURED ? "doc" : "documentSchema",
                   VIEW_ARG(m->doc));
    else
        buf_addv(out, m->body);
}

/* In protobuf a message has types: what does not fit them is refused. What has no tag is left out. */
static void transcode(flow_direction dir, const flow_message *m)
{
    buf body = {0}, out = {0}, scratch = {0};
    err e = {0};
    flow_message back;
    put_body(&body, m);
    if (flow_write(FLOW_PROTOBUF, dir, m->kind, buf_view(&body), &out, &e) == WEIR_OK) {
        MUST(read_frame(FLOW_PROTOBUF, dir, &out, &back, &scratch, &e) == WEIR_OK);
        must_be_sound(&back);
        must_be_same(m, &back);
    }
    buf_free(&body);
    buf_free(&out);
    buf_free(&scratch);
    err_free(&e);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    weir_view line = {(const char *)bytes, len};
    buf scratch = {0};
    if (len && memchr(bytes, '\n', len))
        return 0; /* not one line */
    for (int dir = FLOW_REQUEST; dir <= FLOW_DERIVE_RESPONSE; dir++) {
        err e = {0};
        flow_message m;
        weir_rc rc = flow_read(FLOW_JSON, (flow_direction)dir, line, &m, &scratch, &e);
        MUST(rc == WEIR_OK || (rc == WEIR_E_PROTOCOL && json_utf8(view_of(err_text(&e)))));
        if (!rc) {
            must_be_sound(&m);
            rewrite((flow_direction)dir, &m);
            transcode((flow_direction)dir, &m);
            if (m.kind == FLOW_CHECKPOINT)
                check_checkpoint(&m);
        }
        err_free(&e);
    }
    buf_free(&scratch);
    return 0;
}
