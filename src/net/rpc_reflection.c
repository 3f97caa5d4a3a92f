/* Server reflection, v1 and v1alpha: the same messages under two names (fivetran.md 4.5).
 *
 *     request    3 file_by_filename, 4 file_containing_symbol, 5 file_containing_extension, 6 all_extension_numbers_of_type, 7 list_services
 *     response   2 original_request, 4 file_descriptor_response{1 file*}, 6 list_services_response{1 {1 name}*}, 7 error_response{1 code, 2 message}
 *
 * A FileDescriptorSet is itself "field 1: file*", so its bytes are a file_descriptor_response as they are: whatever is known is answered with all files.
 */
#include "net/field.h"
#include "net/server.h"

/* -------------------------------------------------------------------------------------------------- is it in the files -- */

/* What a descriptor holds that has a name, by kind: FileDescriptorProto, DescriptorProto, EnumDescriptorProto, ServiceDescriptorProto, ... */
typedef enum kind { FILE_OF, MESSAGE, ENUM, SERVICE, LEAF } kind;

static const struct {
    kind of;
    uint32_t number;
    kind is;
} members[] = {
    {FILE_OF, 4, MESSAGE}, {FILE_OF, 5, ENUM}, {FILE_OF, 6, SERVICE},
    {MESSAGE, 3, MESSAGE}, {MESSAGE, 4, ENUM}, {MESSAGE, 2, LEAF}, /* fields */
    {SERVICE, 2, LEAF},                                            /* methods */
};

/* `scope.` taken off the symbol; false if the symbol is not in there. */
static bool enter(weir_view *symbol, weir_view scope)
{
    if (!view_starts(*symbol, scope) || (symbol->len > scope.len && symbol->ptr[scope.len] != '.'))
        return false;
    *symbol = view_from(*symbol, symbol->len > scope.len ? scope.len + 1 : scope.len);
    return true;
}

static bool holds(weir_view descriptor, kind of, weir_view symbol);

static bool member_holds(const rpc_field *f, kind of, weir_view symbol)
{
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        if (members[i].of == of && members[i].number == f->number && f->bytes) {
            weir_view inner = symbol;
            return enter(&inner, rpc_field_find(f->value, 1)) && (!inner.len || holds(f->value, members[i].is, inner));
        }
    return false;
}

static bool holds(weir_view descriptor, kind of, weir_view symbol)
{
    bool found = false;
    for (rpc_field f; !found && rpc_field_next(&descriptor, &f);)
        found = member_holds(&f, of, symbol);
    return found;
}

static bool file_holds(weir_view file, weir_view symbol)
{
    weir_view package = rpc_field_find(file, 2);
    return (!package.len || enter(&symbol, package)) && symbol.len && holds(file, FILE_OF, symbol);
}

static bool file_is(weir_view file, weir_view name)
{
    return view_eq(rpc_field_find(file, 1), name);
}

static bool any_file(weir_view set, bool (*test)(weir_view file, weir_view name), weir_view name)
{
    bool found = false;
    for (rpc_field f; !found && rpc_field_next(&set, &f);)
        found = f.number == 1 && f.bytes && test(f.value, name);
    return found;
}

/* ---------------------------------------------------------------------------------------------------------------- answers -- */

static void answer_error(buf *out, rpc_code code, const char *text)
{
    buf error = {0};
    rpc_field_add_number(&error, 1, code);
    rpc_field_add_bytes(&error, 2, view_of(text));
    rpc_field_add_bytes(out, 7, buf_view(&error));
    out->failed |= error.failed;
    buf_free(&error);
}

static void answer_files(const rpc_server *s, buf *out, bool known)
{
    if (known)
        rpc_field_add_bytes(out, 4, s->options.descriptors);
    else
        answer_error(out, RPC_NOT_FOUND, "no such file or symbol");
}

static void answer_file(const rpc_server *s, weir_view name, buf *out)
{
    answer_files(s, out, any_file(s->options.descriptors, file_is, name));
}

static void answer_symbol(const rpc_server *s, weir_view name, buf *out)
{
    answer_files(s, out, any_file(s->options.descriptors, file_holds, name));
}

static void answer_extensions(const rpc_server *s, weir_view name, buf *out)
{
    (void)s, (void)name;
    answer_error(out, RPC_NOT_FOUND, "no extensions");
}

static void answer_services(const rpc_server *s, weir_view name, buf *out)
{
    (void)name;
    buf list = {0}, service = {0};
    for (const char *const *p = s->options.services; p && *p; p++) {
        buf_clear(&service);
        rpc_field_add_bytes(&service, 1, view_of(*p));
        rpc_field_add_bytes(&list, 1, buf_view(&service));
        list.failed |= service.failed;
    }
    rpc_field_add_bytes(out, 6, buf_view(&list));
    out->failed |= list.failed;
    buf_free(&list);
    buf_free(&service);
}

static void (*const answers[])(const rpc_server *s, weir_view name, buf *out) = {
    [3] = answer_file, [4] = answer_symbol, [5] = answer_extensions, [6] = answer_extensions, [7] = answer_services,
};

static void answer(const rpc_server *s, weir_view request, buf *out)
{
    rpc_field_add_bytes(out, 2, request);
    rpc_field asked = {0};
    for (rpc_field f; rpc_field_next(&request, &f);)
        if (f.bytes && f.number < sizeof answers / sizeof *answers && answers[f.number])
            asked = f; /* of a oneof the last counts */
    if (asked.number)
        answers[asked.number](s, asked.value, out);
    else
        answer_error(out, RPC_INVALID_ARGUMENT, "nothing that is known was asked for");
}

static weir_rc reflect(rpc_call *c, void *context, err *e)
{
    weir_view request;
    weir_rc rc;
    while (!(rc = rpc_receive(c, &request, e))) {
        buf out = {0};
        answer(context, request, &out);
        rc = rpc_send(c, &out, false, e);
        buf_free(&out);
        if (rc)
            break;
    }
    return rc == WEIR_STOPPED && !rpc_cancelled(c) ? WEIR_OK : rc;
}

const rpc_method rpc_reflection_methods[] = {
    {"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", reflect, NULL},
    {"/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", reflect, NULL},
    {0},
};
