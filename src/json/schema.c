#include "json/schema.h"

#include "json/facet.h"
#include "json/pointer.h"

/* What is known of a member; NULL if no document can have it. */
static const facet *member_facet(const facet *object, const facet_member *m)
{
    const facet *f = facet_of_member(object, m);
    f = f ? f : &facet_anything;
    return f->types == FACET_NONE ? NULL : f;
}

static bool has_members(const facet *f)
{
    return f->types & WEIR_IS_OBJECT;
}

static size_t count_locations(const facet *object)
{
    size_t count = 0;
    for (const facet_member *m = has_members(object) ? object->members : NULL; m; m = m->next) {
        const facet *f = member_facet(object, m);
        count += f ? 1 + count_locations(f) : 0;
    }
    return count;
}

typedef struct filler {
    arena *arena;
    locations *to;
    buf pointer, field; /* of the object that is gone through */
} filler;

static void fill_one(filler *fill, const facet *f, bool present)
{
    location *l = &fill->to->items[fill->to->count++];
    *l = (location){
        .pointer = arena_dup(fill->arena, buf_view(&fill->pointer)),
        .field = arena_dup(fill->arena, buf_view(&fill->field)),
        .types = facet_types(f),
        .required = present && !(f->types & WEIR_IS_NULL),
        .present = present,
        .facet = f,
        .format = f->format,
        .encoding = f->encoding,
        .title = f->title,
        .description = f->description,
        .has_min = f->has_min,
        .has_max = f->has_max,
        .min = f->min,
        .max = f->max,
        .open = has_members(f) && !f->closed,
    };
}

static void fill_object(filler *fill, const facet *object, bool present)
{
    size_t pointer = fill->pointer.len, field = fill->field.len;
    for (const facet_member *m = has_members(object) ? object->members : NULL; m; m = m->next) {
        const facet *f = member_facet(object, m);
        if (!f)
            continue;
        pointer_push(&fill->pointer, m->name);
        if (pointer)
            buf_addc(&fill->field, '/');
        buf_addv(&fill->field, m->name);
        bool required = present && m->required;
        fill_one(fill, f, required);
        fill_object(fill, f, required && f->types == WEIR_IS_OBJECT);
        fill->pointer.len = pointer;
        fill->field.len = field;
    }
}

weir_rc schema_locations(arena *a, const tree *schema, const tree *known, unsigned depth, locations *ret, err *e)
{
    facet *root;
    weir_rc rc = facet_read(a, schema, known, depth, WEIR_E_CONFIG, &root, e);
    if (rc)
        return rc;
    const facet *f = root ? root : &facet_anything;
    if (!has_members(f))
        return err_fail(e, WEIR_E_CONFIG, "the schema does not allow an object");
    locations found = {.items = arena_array(a, count_locations(f), sizeof *found.items)};
    filler fill = {.arena = a, .to = &found};
    if (found.items)
        fill_object(&fill, f, true);
    bool good = buf_ok(&fill.pointer) && buf_ok(&fill.field) && !a->failed;
    buf_free(&fill.pointer);
    buf_free(&fill.field);
    if (!good)
        return err_nomem(e);
    *ret = found;
    return WEIR_OK;
}
