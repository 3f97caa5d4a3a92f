/* Tests of a catalog: documents that are put into collections, and those that are expected there. */
#include "plane/catalog_parts.h"

static const tree *documents_of(catalog_reader *r, const tree *spec)
{
    const tree *given = tree_get(spec, "documents"), *list = tree_is_null(given) ? NULL : file_value(r, given, "documents");
    if (!list)
        return NULL;
    if (list->kind != TREE_ARRAY) {
        problem_at(&r->found, list->mark, "documents must be a list, is %s", tree_kind_name(list->kind));
        return NULL;
    }
    for (const tree *t = given == list ? NULL : list->first; t; t = t->next)
        if (t->kind != TREE_OBJECT)
            problem_at(&r->found, t->mark, "a document must be an object, is %s", tree_kind_name(t->kind));
    return list;
}

static void fill_step(catalog_reader *r, const tree *spec, test_step *to)
{
    const tree *source = tree_get(spec, "collection");
    *to = (test_step){.verify = view_is(spec->name, "verify"), .description = tree_text(spec, "description"), .mark = spec->name_mark};
    to->collection = source_collection(r, source);
    to->documents = documents_of(r, spec);
    if (!to->collection)
        return;
    if (!to->verify && to->collection->derived)
        problem_at(&r->found, source->mark, "\"%.*s\" is made by a derivation: ingest documents into what that reads", VIEW_ARG(to->collection->name));
    if (source->kind == TREE_OBJECT)
        fill_reading(r, source, to->collection, &to->reading);
    if (object_member(spec, "partitions"))
        fill_partitions(r, object_member(spec, "partitions"), to->collection, &to->reading);
}

static const tree *step_of(const tree *t)
{
    const tree *step = t->kind == TREE_OBJECT ? t->first : NULL;
    while (step && step->kind != TREE_OBJECT)
        step = step->next;
    return step;
}

static void add_test(catalog_reader *r, const tree *spec)
{
    const tree *steps = spec->kind == TREE_OBJECT ? tree_get(spec, "steps") : spec;
    catalog_test *to = &r->c->tests[r->c->test_count++];
    *to = (catalog_test){.name = spec->name, .description = tree_text(spec, "description"), .mark = spec->name_mark};
    if (!steps || steps->kind != TREE_ARRAY)
        return;
    if (!steps->count)
        problem_at(&r->found, steps->mark, "test \"%.*s\" has no steps", VIEW_ARG(spec->name));
    to->steps = arena_array(r->mem, steps->count, sizeof *to->steps);
    for (const tree *t = to->steps ? steps->first : NULL; t; t = t->next)
        if (step_of(t))
            fill_step(r, step_of(t), &to->steps[to->step_count++]);
}

void read_tests(catalog_reader *r)
{
    each_spec(r, "tests", add_test);
}
