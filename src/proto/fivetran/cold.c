#include "proto/fivetran/cold.h"

#include "fivetran_pb/descriptors.h"
#include "json/scan.h"
#include "proto/fivetran/types.h"
#include "proto/flow/pb.h"

/* ---- looking through ---- */

/* A message that is being looked through, inside of another. */
typedef struct level {
    const struct level *outer;
    const ProtobufCMessageDescriptor *type;
    weir_view bytes;
    const ProtobufCFieldDescriptor *field; /* the one that is being looked at */
    const char *at;                        /* behind it */
    unsigned depth;
} level;

/* Which one of its kind a repeated field is, from 0. */
static size_t index_of(const level *l)
{
    pb_reader r = pb_reader_of(l->bytes);
    pb_field f;
    size_t index = 0;
    while (pb_next(&r, &f) && r.p < l->at)
        index += f.tag == l->field->id;
    return index;
}

/* fields[2].name */
static void put_path(const level *l, buf *out)
{
    if (!l || !l->field)
        return;
    put_path(l->outer, out);
    buf_printf(out, "%s%s", out->len ? "." : "", l->field->name);
    if (l->field->label == PROTOBUF_C_LABEL_REPEATED)
        buf_printf(out, "[%zu]", index_of(l));
}

static weir_rc wrong(const level *l, const char *what, err *e)
{
    buf path = {0};
    put_path(l, &path);
    weir_rc rc = err_fail(e, WEIR_E_PROTOCOL, "%s%s%s", buf_text(&path), path.len ? ": " : "", what);
    buf_free(&path);
    return rc;
}

static weir_rc look_through(level *l, err *e);

static weir_rc look_inside(const level *l, weir_view bytes, err *e)
{
    level inner = {.outer = l, .type = l->field->descriptor, .bytes = bytes, .depth = l->depth + 1};
    return inner.depth > FT_DEPTH ? wrong(l, "messages are nested too deeply", e) : look_through(&inner, e);
}

static weir_rc look_at(const level *l, const pb_field *f, err *e)
{
    if (f->wire != PB_BYTES)
        return WEIR_OK; /* protobuf-c minds the rest */
    if (l->field->type == PROTOBUF_C_TYPE_MESSAGE)
        return look_inside(l, f->bytes, e);
    if (l->field->type != PROTOBUF_C_TYPE_STRING)
        return WEIR_OK;
    if (!json_utf8(f->bytes))
        return wrong(l, "not UTF-8", e);
    return f->bytes.len && memchr(f->bytes.ptr, '\0', f->bytes.len) ? wrong(l, "a NUL inside of a text", e) : WEIR_OK;
}

static weir_rc look_through(level *l, err *e)
{
    pb_reader r = pb_reader_of(l->bytes);
    pb_field f;
    weir_rc rc = WEIR_OK;
    while (!rc && pb_next(&r, &f)) {
        l->field = protobuf_c_message_descriptor_get_field(l->type, f.tag);
        l->at = r.p;
        rc = l->field ? look_at(l, &f, e) : WEIR_OK;
    }
    return rc ? rc : r.error ? wrong(l->outer, r.error, e) : WEIR_OK;
}

/* ---- packing ---- */

static void *take(void *a, size_t size)
{
    return arena_alloc(a, size);
}

static void give_back(void *a, void *memory)
{
    (void)a;
    (void)memory;
}

weir_rc ft_unpack(arena *a, const ProtobufCMessageDescriptor *type, weir_view bytes, ProtobufCMessage **ret, err *e)
{
    level top = {.type = type, .bytes = bytes};
    weir_rc rc = look_through(&top, e);
    if (rc)
        return err_wrap(e, rc, "%s", type->short_name);
    ProtobufCAllocator memory = {.alloc = take, .free = give_back, .allocator_data = a};
    ProtobufCMessage *m = protobuf_c_message_unpack(type, &memory, bytes.len, (const uint8_t *)(bytes.len ? bytes.ptr : ""));
    if (a->failed)
        return err_nomem(e);
    if (!m)
        return err_fail(e, WEIR_E_PROTOCOL, "%s: a field is of another type than it should be", type->short_name);
    *ret = m;
    return WEIR_OK;
}

void ft_pack(const ProtobufCMessage *m, buf *out)
{
    size_t size = protobuf_c_message_get_packed_size(m);
    if (buf_reserve(out, size) && size)
        out->len += protobuf_c_message_pack(m, (uint8_t *)out->ptr + out->len);
}

char *ft_text(arena *a, weir_view text)
{
    enum { REPLACED = 3 };
    char *out = text.len > SIZE_MAX / REPLACED - 1 ? NULL : arena_alloc(a, text.len * REPLACED + 1);
    if (out)
        ft_clean_text(out, text);
    return out;
}

weir_view ft_descriptors(void)
{
    return (weir_view){(const char *)ft_descriptor_set, ft_descriptor_set_size};
}
