/* The columns of a binding, from the projections of its collection, and what holds for them. */
#include "json/facet.h"
#include "json/pointer.h"
#include "proto/flow/names.h"
#include "proto/flow/serve_derivation.h"
#include "proto/flow/serve_destination.h"

/* ---- columns from projections (flow.md 6.1) ---- */

static unsigned types_of(const tree *inference)
{
    const tree *list = name_get(inference, "types");
    unsigned types = 0;
    for (const tree *t = list && list->kind == TREE_ARRAY ? list->first : NULL; t; t = t->next)
        types |= facet_types_named(t->text);
    return types == FACET_ANY ? 0 : types;
}

static weir_column column_of(const tree *projection, bool key)
{
    const tree *inference = name_get(projection, "inference"), *string = name_get(inference, "string");
    weir_view title = name_text(inference, "title");
    weir_column c = {
        .field = name_text(projection, "field"), .pointer = name_text(projection, "ptr"), .types = types_of(inference),
        .format = name_text(string, "format"), .encoding = name_text(string, "contentEncoding"),
        .description = title.len ? title : name_text(inference, "description"), .key = key, .named = true,
        .fallback = name_raw(inference, "default"), .inference = inference ? inference->raw : (weir_view){0}, .given = name_flag(projection, "explicit"),
        .partition = name_flag(projection, "isPartitionKey"),
    };
    if (!c.pointer.len && !key)
        c.types = WEIR_IS_OBJECT;
    c.required = (view_is(name_text(inference, "exists"), "MUST") && c.types && !(c.types & WEIR_IS_NULL)) || !c.pointer.len;
    return c;
}

static const tree *projections_of(const tree *binding)
{
    const tree *list = name_get(name_get(binding, "collection"), "projections");
    return list && list->kind == TREE_ARRAY ? list : NULL;
}

static const tree *by_field(const tree *projections, weir_view field)
{
    for (const tree *p = projections ? projections->first : NULL; p; p = p->next)
        if (view_eq(name_text(p, "field"), field))
            return p;
    return NULL;
}

/* The projection that stands for a part of the key: one that is given in the catalog, if there are several. */
static const tree *by_pointer(const tree *projections, weir_view pointer)
{
    const tree *found = NULL;
    for (const tree *p = projections ? projections->first : NULL; p; p = p->next)
        if (view_eq(name_text(p, "ptr"), pointer) && (!found || name_flag(p, "explicit")))
            found = p;
    return found;
}

static weir_rc no_projection(const weir_binding *b, const char *what, weir_view name, err *e)
{
    return err_fail(e, WEIR_E_PROTOCOL, "binding %.*s: the collection has no projection for the %s \"%.*s\"", VIEW_ARG(b->name), what, VIEW_ARG(name));
}

/* The fields of a list, as columns. */
static weir_rc add_fields(weir_binding *b, weir_column *to, const tree *projections, const tree *fields, bool key, err *e)
{
    for (const tree *f = fields && fields->kind == TREE_ARRAY ? fields->first : NULL; f; f = f->next) {
        const tree *p = by_field(projections, f->text);
        if (!p)
            return no_projection(b, "field", f->text, e);
        to[b->column_count++] = column_of(p, key);
    }
    return WEIR_OK;
}

/* What the user asked of single fields. */
static void take_config(weir_column *columns, size_t count, const tree *config)
{
    for (size_t i = 0; config && i < count; i++) {
        const tree *of = tree_getv(config, columns[i].field);
        if (of)
            columns[i].config = of->raw;
    }
}

weir_rc flow_selected_columns(flow_server *v, const tree *item, weir_binding *b, err *e)
{
    const tree *selection = name_get(item, "fieldSelection"), *projections = projections_of(item);
    const tree *keys = name_get(selection, "keys"), *values = name_get(selection, "values");
    weir_view document = name_text(selection, "document");
    weir_column *columns = arena_array(&v->arena, (keys ? keys->count : 0) + (values ? values->count : 0) + 1, sizeof *columns);
    if (!columns)
        return err_nomem(e);
    weir_rc rc = add_fields(b, columns, projections, keys, true, e);
    b->key_count = b->column_count;
    if (!rc)
        rc = add_fields(b, columns, projections, values, false, e);
    if (!rc && document.len)
        columns[b->column_count++] = (weir_column){.field = document, .pointer = VIEW(""), .types = WEIR_IS_OBJECT, .required = true, .named = true};
    take_config(columns, b->column_count, name_get(selection, "fieldConfig"));
    b->columns = columns;
    return rc;
}

weir_rc flow_possible_columns(flow_server *v, const tree *item, weir_binding *b, err *e)
{
    const tree *projections = projections_of(item), *group_by = name_get(item, "groupBy");
    weir_view *key;
    size_t parts, all = projections ? projections->count : 0;
    if (!pointer_list(&v->arena, b->key.len ? b->key : VIEW("[]"), &key, &parts))
        return err_fail(e, WEIR_E_PROTOCOL, "binding %.*s: the key of the collection is no list of pointers", VIEW_ARG(b->name));
    weir_column *columns = arena_array(&v->arena, all + parts + (group_by ? group_by->count : 0), sizeof *columns);
    if (!columns)
        return err_nomem(e);
    weir_rc rc = add_fields(b, columns, projections, group_by, true, e);
    for (size_t i = 0; !rc && !(group_by && group_by->count) && i < parts; i++) {
        const tree *p = by_pointer(projections, key[i]);
        rc = p ? WEIR_OK : no_projection(b, "key", key[i], e);
        if (!rc)
            columns[b->column_count++] = column_of(p, true);
    }
    b->key_count = b->column_count;
    for (const tree *p = !rc && projections ? projections->first : NULL; p; p = p->next) {
        bool taken = false;
        for (size_t i = 0; i < b->key_count; i++)
            taken |= view_eq(columns[i].field, name_text(p, "field"));
        if (!taken)
            columns[b->column_count++] = column_of(p, false);
    }
    take_config(columns, b->column_count, name_get(item, "fieldConfig"));
    b->columns = columns;
    return rc;
}

/* A part of the key that no projection stands for has the name that one would have. */
static weir_column key_column(const tree *projections, weir_view pointer)
{
    const tree *p = by_pointer(projections, pointer);
    return p ? column_of(p, true) : (weir_column){.field = view_from(pointer, pointer.len ? 1 : 0), .pointer = pointer, .key = true, .required = true};
}

weir_rc flow_all_fields(flow_server *v, const tree *collection, flow_fields *ret, err *e)
{
    const tree *list = name_get(collection, "projections"), *projections = list && list->kind == TREE_ARRAY ? list : NULL;
    weir_view key = name_raw(collection, "key"), *parts;
    *ret = (flow_fields){0};
    if (!pointer_list(&v->arena, key.len ? key : VIEW("[]"), &parts, &ret->keys))
        return err_fail(e, WEIR_E_PROTOCOL, "the key of the collection %.*s is no list of pointers", VIEW_ARG(name_text(collection, "name")));
    weir_column *columns = arena_array(&v->arena, ret->keys + (projections ? projections->count : 0), sizeof *columns);
    if (!columns)
        return err_nomem(e);
    for (; ret->count < ret->keys; ret->count++)
        columns[ret->count] = key_column(projections, parts[ret->count]);
    for (const tree *p = projections ? projections->first : NULL; p; p = p->next) {
        bool taken = false;
        for (size_t i = 0; i < ret->keys; i++)
            taken |= view_eq(columns[i].field, name_text(p, "field"));
        if (!taken)
            columns[ret->count++] = column_of(p, false);
    }
    ret->columns = columns;
    return WEIR_OK;
}

/* ---- constraints ---- */

static const char *const need_names[] = { /* flow.md 5.3 */
    [WEIR_COLUMN_OPTIONAL] = "FIELD_OPTIONAL",         [WEIR_COLUMN_RECOMMENDED] = "LOCATION_RECOMMENDED",
    [WEIR_COLUMN_REQUIRED] = "FIELD_REQUIRED",         [WEIR_COLUMN_PLACE_REQUIRED] = "LOCATION_REQUIRED",
    [WEIR_COLUMN_FORBIDDEN] = "FIELD_FORBIDDEN",       [WEIR_COLUMN_IMPOSSIBLE] = "UNSATISFIABLE",
};

/* Where the connector says nothing. */
static demand usual_need(const flow_destination *d, const weir_column *c)
{
    enum { SCALAR = WEIR_IS_NULL | WEIR_IS_BOOLEAN | WEIR_IS_INTEGER | WEIR_IS_NUMBER | WEIR_IS_STRING };
    if (c->key)
        return (demand){.need = WEIR_COLUMN_PLACE_REQUIRED, .reason = VIEW("it is part of the key")};
    if (!c->pointer.len && d->v->c->materialize->relay)
        return (demand){.need = WEIR_COLUMN_PLACE_REQUIRED, .reason = VIEW("documents are stored as a whole")};
    if (!c->pointer.len)
        return (demand){.need = WEIR_COLUMN_OPTIONAL, .reason = VIEW("the whole document can be stored")};
    if (c->types == WEIR_IS_NULL)
        return (demand){.need = WEIR_COLUMN_FORBIDDEN, .reason = VIEW("it can only be null")};
    if (c->types && !(c->types & ~(unsigned)SCALAR))
        return (demand){.need = WEIR_COLUMN_RECOMMENDED, .reason = VIEW("it is a scalar")};
    return (demand){.need = WEIR_COLUMN_OPTIONAL, .reason = VIEW("it can be stored as JSON")};
}

/* What was said of a column; of one that holds the whole document, also what was said of documents. */
static demand need_of(const flow_destination *d, const weir_binding *b, size_t i)
{
    const demand none = {0}, *own = d->said[b->index].columns ? &d->said[b->index].columns[i] : &none, *document = &d->said[b->index].document;
    const weir_column *c = &b->columns[i];
    demand use = own->any ? *own : !c->pointer.len && !c->key && document->any ? *document : usual_need(d, c);
    use.folded = own->folded.len ? own->folded : !c->pointer.len && !c->key ? document->folded : (weir_view){0};
    return use;
}

void flow_put_constraints(const flow_destination *d, const weir_binding *b, json_out *w)
{
    out_open(out_name(w, "constraints"), '{');
    for (size_t i = 0; i < b->column_count; i++) {
        const demand use = need_of(d, b, i);
        out_open(out_namev(w, b->columns[i].field), '{');
        out_text(out_name(w, "type"), view_of(need_names[use.need]));
        if (use.reason.len)
            out_text(out_name(w, "reason"), use.reason);
        if (use.folded.len)
            out_text(out_name(w, "foldedField"), use.folded);
        out_close(w, '}');
    }
    out_close(w, '}');
}
