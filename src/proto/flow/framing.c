/* How captured and checkpoint messages, and published ones, are framed for a writer, in both codecs. */
#include "json/text.h"
#include "proto/flow/flow.h"
#include "proto/flow/pb.h"

/* ---- JSON: {"captured":{"binding":N,"doc": ... }} ---- */

static bool json_outlet(const framing *f, arena *a, const weir_binding *b, outlet *o)
{
    (void)f;
    o->prefix = arena_printf(a, "{\"captured\":{\"binding\":%u,\"doc\":", b->index);
    o->suffix = VIEW("}}\n");
    o->max = FLOW_MESSAGE_MAX;
    return o->prefix.ptr != NULL;
}

static void json_checkpoint(const framing *f, buf *out, const lane *ln, const checkpoint *c)
{
    (void)f;
    (void)ln;
    flow_write_checkpoint(FLOW_JSON, c->state, c->merge, out);
}

static void schema_of(flow_codec codec, buf *out, const weir_binding *b, weir_view schema)
{
    buf body = {0};
    err e = {0};
    buf_printf(&body, "{\"binding\":%u,\"documentSchema\":", b->index);
    buf_addv(&body, schema);
    buf_addc(&body, '}');
    if (!buf_ok(&body) || flow_write(codec, FLOW_RESPONSE, FLOW_SOURCED_SCHEMA, buf_view(&body), out, &e))
        out->failed = true;
    buf_free(&body);
    err_free(&e);
}

static void opened_of(flow_codec codec, buf *out, bool explicit_acks)
{
    err e = {0};
    if (flow_write(codec, FLOW_RESPONSE, FLOW_OPENED, explicit_acks ? VIEW("{\"explicitAcknowledgements\":true}") : VIEW("{}"), out, &e))
        out->failed = true;
    err_free(&e);
}

static void json_schema(const framing *f, buf *out, const weir_binding *b, weir_view schema)
{
    (void)f;
    schema_of(FLOW_JSON, out, b, schema);
}

static void json_opened(const framing *f, buf *out, bool explicit_acks)
{
    (void)f;
    opened_of(FLOW_JSON, out, explicit_acks);
}

const framing flow_json_framing = {.outlet = json_outlet, .checkpoint = json_checkpoint, .schema = json_schema, .opened = json_opened};

/* {"published":{"doc": ... }} */
static bool json_published(const framing *f, arena *a, const weir_binding *b, outlet *o)
{
    (void)f;
    (void)a;
    (void)b;
    o->prefix = VIEW("{\"published\":{\"doc\":");
    o->suffix = VIEW("}}\n");
    o->max = FLOW_MESSAGE_MAX;
    return true;
}

static void no_checkpoint(const framing *f, buf *out, const lane *ln, const checkpoint *c)
{
    (void)f;
    (void)out;
    (void)ln;
    (void)c;
}

const framing flow_json_publishing = {.outlet = json_published, .checkpoint = no_checkpoint};

/* ---- protobuf: u32 length, then Response{6: Captured{1: binding, 2: doc}}, or Response{4: Published{1: doc}} ----
 *
 * The lengths stand before the document and are not known until it is complete. Room for the usual case (two-byte lengths: documents of 128 to 16,383
 * bytes) is kept free; where the header turns out longer or shorter, the document moves by that little.
 */

static size_t binding_size(uint32_t binding)
{
    return binding ? 1 + pb_varint_size(binding) : 0;
}

static size_t header_size(uint32_t binding, size_t doc)
{
    size_t body = binding_size(binding) + 1 + pb_varint_size(doc) + doc;
    return 4 + 1 + pb_varint_size(body) + body - doc;
}

/* @param kind, field tags: of the message, and of the document in it */
static void finish(outlet *o, size_t start, uint32_t kind, uint32_t binding, uint32_t field)
{
    buf *to = o->to;
    size_t doc = to->len - start - o->head, head = header_size(binding, doc);
    if (head > o->head && !buf_reserve(to, head - o->head))
        return;
    char *p = to->ptr + start;
    if (head != o->head)
        memmove(p + head, p + o->head, doc);
    to->len = start + head + doc;
    pb_put_frame(p, head + doc - 4);
    p += 4;
    *p++ = (char)(kind << 3 | PB_BYTES);
    p = pb_put_varint(p, binding_size(binding) + 1 + pb_varint_size(doc) + doc);
    if (binding) {
        *p++ = 1 << 3 | PB_VARINT;
        p = pb_put_varint(p, binding);
    }
    *p++ = (char)(field << 3 | PB_BYTES);
    pb_put_varint(p, doc);
}

static void pb_finish(outlet *o, size_t start)
{
    finish(o, start, 6, ((const weir_binding *)o->context)->index, 2);
}

static void pb_finish_published(outlet *o, size_t start)
{
    finish(o, start, 4, 0, 1);
}

static bool pb_outlet(const framing *f, arena *a, const weir_binding *b, outlet *o)
{
    (void)f;
    (void)a;
    o->prefix = o->suffix = VIEW("");
    o->head = header_size(b->index, 1000);
    o->max = FLOW_MESSAGE_MAX;
    o->finish = pb_finish;
    o->context = (void *)(uintptr_t)b; /* only read */
    return true;
}

static void pb_checkpoint(const framing *f, buf *out, const lane *ln, const checkpoint *c)
{
    (void)f;
    (void)ln;
    flow_write_checkpoint(FLOW_PROTOBUF, c->state, c->merge, out);
}

static void pb_schema(const framing *f, buf *out, const weir_binding *b, weir_view schema)
{
    (void)f;
    schema_of(FLOW_PROTOBUF, out, b, schema);
}

static void pb_opened(const framing *f, buf *out, bool explicit_acks)
{
    (void)f;
    opened_of(FLOW_PROTOBUF, out, explicit_acks);
}

const framing flow_protobuf_framing = {.outlet = pb_outlet, .checkpoint = pb_checkpoint, .schema = pb_schema, .opened = pb_opened};

static bool pb_published(const framing *f, arena *a, const weir_binding *b, outlet *o)
{
    (void)f;
    (void)a;
    (void)b;
    o->prefix = o->suffix = VIEW("");
    o->head = header_size(0, 1000);
    o->max = FLOW_MESSAGE_MAX;
    o->finish = pb_finish_published;
    return true;
}

const framing flow_protobuf_publishing = {.outlet = pb_published, .checkpoint = no_checkpoint};
