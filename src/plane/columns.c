#include "plane/columns.h"

#include "json/facet.h"
#include "json/inference.h"
#include "json/number.h"
#include "json/pointer.h"
#include "plane/catalog_parts.h"
#include "plane/keywords.h"

enum { DEPTH_MAX = 64 }; /* of locations asked for: deeper ones have no field of their own */

/* A field that could be a column. */
typedef struct projection {
    weir_view field, pointer;
    const location *at; /* NULL: the schema does not know it */
    bool given;         /* by the catalog */
    bool partition;
    bool excluded, selected;
} projection;

typedef struct selection {
    arena *mem;
    const collection *c;
    const task_binding *b;
    problems found;
    locations locations;
    projection *all;
    size_t count;
    map fields; /* field -> projection */
    map places; /* pointer -> location */
    map given;  /* pointer -> first projection that the catalog gives and does not exclude */
    weir_column *columns;
    size_t column_count;
} selection;

static const tree *binding_field(const selection *s, const char *name)
{
    const tree *t = tree_get(s->b->fields, name);
    return tree_is_null(t) ? NULL : t;
}

static void put(selection *s, map *m, weir_view key, const void *value)
{
    if (!map_put(m, key, (void *)value))
        s->mem->failed = true;
}

/* -------------------------------------------------------------------------------------------------------- the schema -- */

static tree *member_of(arena *a, tree *object, const char *name, const tree *value)
{
    tree *t = arena_alloc(a, sizeof *t);
    if (!t || !value)
        return NULL;
    *t = *value;
    t->next = NULL;
    t->name = view_of(name);
    *(object->last ? &object->last->next : &object->first) = t;
    object->last = t;
    object->count++;
    return t;
}

const tree *collection_known_schemas(arena *a, const collection *c, const tree *inferred)
{
    tree *known = arena_alloc(a, sizeof *known), *any = arena_alloc(a, sizeof *any);
    if (!known || !any)
        return NULL;
    known->kind = any->kind = TREE_OBJECT;
    member_of(a, known, "flow://write-schema", c->write_schema);
    member_of(a, known, "flow://relaxed-write-schema", inferred ? schema_relaxed(a, c->write_schema) : c->write_schema);
    member_of(a, known, "flow://inferred-schema", inferred ? inferred : any);
    return a->failed ? NULL : known;
}

static unsigned levels_of(weir_view pointer)
{
    unsigned n = 0;
    for (size_t i = 0; i < pointer.len && n < DEPTH_MAX; i++)
        n += pointer.ptr[i] == '/';
    return n;
}

static unsigned deepest(unsigned a, unsigned b)
{
    return a > b ? a : b;
}

static weir_view pointer_of(const tree *given)
{
    return given->kind == TREE_STRING ? given->text : tree_text(given, "location");
}

unsigned columns_recommended_depth(const tree *fields)
{
    const tree *t = tree_get(fields, "recommended");
    uint64_t n;
    if (tree_is_null(t))
        return 1;
    if (t->kind == TREE_BOOL)
        return t->boolean ? DEPTH_MAX : 0;
    return number_to_u64(t->text, &n) && n < DEPTH_MAX ? (unsigned)n : DEPTH_MAX;
}

/* How deep locations must be known, for everything that is asked for. */
static unsigned depth_needed(const selection *s, const weir_view *key, size_t parts)
{
    static const char *const maps[] = {"include", "require"};
    const tree *group_by = binding_field(s, "groupBy");
    unsigned depth = deepest(columns_recommended_depth(s->b->fields), 1);
    for (const tree *t = group_by ? group_by->first : NULL; t; t = t->next)
        depth = deepest(depth, levels_of(t->text) + 1);
    for (size_t i = 0; i < parts; i++)
        depth = deepest(depth, levels_of(key[i]));
    for (const tree *t = s->c->projections ? s->c->projections->first : NULL; t; t = t->next)
        depth = deepest(depth, levels_of(pointer_of(t)));
    for (size_t i = 0; i < 2; i++) {
        const tree *list = binding_field(s, maps[i]);
        for (const tree *t = list ? list->first : NULL; t; t = t->next)
            depth = deepest(depth, levels_of(t->name) + 1);
    }
    return depth;
}

/* ------------------------------------------------------------------------------------------------------- projections -- */

static void add_projection(selection *s, weir_view field, weir_view pointer, bool given)
{
    if (map_get(&s->fields, field))
        return; /* a field that the catalog gives hides the one of the schema */
    projection *p = &s->all[s->count++];
    *p = (projection){.field = field, .pointer = pointer, .at = map_get(&s->places, pointer), .given = given};
    put(s, &s->fields, field, p);
}

static void add_given(selection *s, const tree *spec)
{
    const tree *partition = spec->kind == TREE_OBJECT ? tree_get(spec, "partition") : NULL;
    const size_t at = s->count;
    add_projection(s, spec->name, pointer_of(spec), true);
    if (s->count > at)
        s->all[at].partition = partition && partition->kind == TREE_BOOL && partition->boolean;
}

static void exclude(selection *s)
{
    const tree *list = binding_field(s, "exclude");
    for (const tree *t = list ? list->first : NULL; t; t = t->next) {
        projection *p = map_get(&s->fields, t->text);
        if (p)
            p->excluded = true;
    }
}

static bool contains(weir_view text, weir_view what)
{
    return text.len >= what.len && memmem(text.ptr, text.len, what.ptr, what.len) != NULL;
}

static bool is_flagged(const tree *schema, const char *keyword)
{
    const tree *flag = tree_get(schema, keyword);
    return flag && flag->kind == TREE_BOOL && flag->boolean;
}

bool collection_infers(const collection *c)
{
    return is_flagged(c->write_schema, "x-infer-schema") || contains(c->read_schema_json, VIEW("flow://inferred-schema"));
}

bool collection_has_parts(const collection *c)
{
    return is_flagged(c->write_schema, "x-partial-updates") || is_flagged(c->read_schema, "x-partial-updates");
}

/* Fields that are not of the schema (flow.md 6.1). */
static const struct {
    weir_view field, pointer;
    weir_column is;
} virtual_fields[] = {
    {WEIR_LIT("flow_document"), WEIR_LIT(""), {.types = WEIR_IS_OBJECT, .required = true, .inference = WEIR_LIT("{\"types\":[\"object\"],\"exists\":\"MUST\"}")}},
    {WEIR_LIT("flow_published_at"), WEIR_LIT("/_meta/uuid"),
     {.types = WEIR_IS_STRING, .format = WEIR_LIT("date-time"), .description = WEIR_LIT("When the document was published"),
      .inference = WEIR_LIT("{\"types\":[\"string\"],\"string\":{\"format\":\"date-time\",\"contentEncoding\":\"uuid\"},\"title\":\"Flow Publication Time\",\"exists\":\"MAY\"}")}},
    {WEIR_LIT("_meta/flow_truncated"), WEIR_LIT("/_meta/flow_truncated"),
     {.types = WEIR_IS_BOOLEAN, .required = true, .description = WEIR_LIT("Was anything of the row cut?"),
      .inference = WEIR_LIT("{\"types\":[\"boolean\"],\"title\":\"Flow truncation indicator\",\"exists\":\"MUST\"}")}},
};
enum { VIRTUAL_FIELDS = sizeof virtual_fields / sizeof *virtual_fields };

static void list_projections(selection *s)
{
    size_t given = s->c->projections ? s->c->projections->count : 0;
    s->all = arena_array(s->mem, given + s->locations.count + VIRTUAL_FIELDS, sizeof *s->all);
    if (!s->all)
        return;
    for (size_t i = 0; i < s->locations.count; i++)
        put(s, &s->places, s->locations.items[i].pointer, &s->locations.items[i]);
    for (const tree *t = given ? s->c->projections->first : NULL; t; t = t->next)
        add_given(s, t);
    for (size_t i = 0; i < s->locations.count; i++)
        add_projection(s, s->locations.items[i].field, s->locations.items[i].pointer, false);
    for (size_t i = 0; i < VIRTUAL_FIELDS; i++)
        add_projection(s, virtual_fields[i].field, virtual_fields[i].pointer, false);
    exclude(s);
    for (size_t i = 0; i < given && i < s->count; i++)
        if (s->all[i].given && !s->all[i].excluded && !map_get(&s->given, s->all[i].pointer))
            put(s, &s->given, s->all[i].pointer, &s->all[i]);
}

static const char *nearest_field(selection *s, weir_view field)
{
    const char **names = arena_array(s->mem, s->count, sizeof *names);
    size_t n = 0;
    for (size_t i = 0; i < s->count && names; i++)
        names[n++] = arena_text(s->mem, s->all[i].field);
    return s->mem->failed ? "" : suggestion(&s->found, field, names, n);
}

/* ---------------------------------------------------------------------------------------------------------- selecting -- */

static weir_view described(const location *at)
{
    return at->title.len ? at->title : at->description;
}

static weir_view inference_of(selection *s, const location *at, bool key)
{
    buf text = {0};
    inference_write(&text, at, key);
    weir_view json = buf_ok(&text) ? arena_dup(s->mem, buf_view(&text)) : (weir_view){0};
    s->mem->failed |= !json.ptr;
    buf_free(&text);
    return json;
}

static void describe_virtual(const projection *p, weir_column *to)
{
    for (size_t i = 0; i < VIRTUAL_FIELDS; i++)
        if (view_eq(p->field, virtual_fields[i].field) && view_eq(p->pointer, virtual_fields[i].pointer)) {
            *to = virtual_fields[i].is;
            to->field = p->field;
            to->pointer = p->pointer;
        }
}

static void select_one(selection *s, projection *p, bool key)
{
    if (p->selected)
        return;
    p->selected = true;
    weir_column *to = &s->columns[s->column_count++];
    *to = (weir_column){.field = p->field, .pointer = p->pointer};
    if (!p->pointer.len)
        *to = (weir_column){.field = p->field, .pointer = VIEW(""), .types = WEIR_IS_OBJECT, .required = true, .inference = virtual_fields[0].is.inference};
    describe_virtual(p, to);
    to->key = key;
    to->given = p->given;
    to->partition = p->partition;
    if (!p->at)
        return;
    to->types = p->at->types;
    to->format = p->at->format;
    to->encoding = p->at->encoding;
    to->description = described(p->at);
    to->required = p->at->required;
    to->inference = inference_of(s, p->at, key);
    if (p->at->facet->notes.fallback)
        to->fallback = tree_json(s->mem, p->at->facet->notes.fallback);
}

/* The projection that stands for a location: given by the catalog, or its own. */
static projection *projection_of(const selection *s, const location *at)
{
    projection *given = map_get(&s->given, at->pointer), *own = map_get(&s->fields, at->field);
    return given ? given : own && view_eq(own->pointer, at->pointer) ? own : NULL;
}

static void unknown_key(selection *s, weir_view pointer)
{
    const char **names = arena_array(s->mem, s->locations.count, sizeof *names);
    size_t n = 0;
    for (size_t i = 0; i < s->locations.count && names; i++)
        names[n++] = arena_text(s->mem, s->locations.items[i].pointer);
    problem_at(&s->found, s->c->mark, "the schema of \"%.*s\" does not know the key \"%.*s\"%s", VIEW_ARG(s->c->name),
               VIEW_ARG(pointer), s->mem->failed ? "" : suggestion(&s->found, pointer, names, n));
}

static bool cannot_be_key(const location *at)
{
    return at && at->types && !(at->types & ~(unsigned)(WEIR_IS_OBJECT | WEIR_IS_ARRAY));
}

static void select_key(selection *s, weir_view pointer)
{
    const location *at = map_get(&s->places, pointer);
    projection *p = at ? projection_of(s, at) : NULL;
    if (!at) {
        unknown_key(s, pointer);
    } else if (cannot_be_key(at)) {
        problem_at(&s->found, s->c->mark, "the key \"%.*s\" of \"%.*s\" cannot be an object or array", VIEW_ARG(pointer),
                   VIEW_ARG(s->c->name));
    } else if (!p) {
        problem_at(&s->found, s->c->mark, "no projection of \"%.*s\" has the key \"%.*s\": its field \"%.*s\" is another one's",
                   VIEW_ARG(s->c->name), VIEW_ARG(pointer), VIEW_ARG(at->field));
    } else if (p->excluded) {
        problem_at(&s->found, binding_field(s, "exclude")->mark, "\"%.*s\" is part of the key and cannot be excluded",
                   VIEW_ARG(p->field));
    } else {
        select_one(s, p, true);
    }
}

static void no_field(selection *s, tree_mark mark, weir_view field)
{
    problem_at(&s->found, mark, "\"%.*s\" has no field \"%.*s\"%s", VIEW_ARG(s->c->name), VIEW_ARG(field), nearest_field(s, field));
}

/* Fields take the place of the collection's key. */
static void select_group_by(selection *s, const tree *list)
{
    for (const tree *t = list->first; t; t = t->next) {
        projection *p = map_get(&s->fields, t->text);
        if (!p)
            no_field(s, t->mark, t->text);
        else if (p->selected)
            problem_at(&s->found, t->mark, "\"%.*s\" is there twice", VIEW_ARG(t->text));
        else if (p->excluded)
            problem_at(&s->found, t->mark, "\"%.*s\" is part of the key and cannot be excluded", VIEW_ARG(t->text));
        else if (!p->pointer.len || cannot_be_key(p->at))
            problem_at(&s->found, t->mark, "\"%.*s\" cannot be part of a key: it is an object or array", VIEW_ARG(t->text));
        else
            select_one(s, p, true);
    }
}

/* What the user asks for by name has to be there. */
static void check_required(selection *s, const char *name)
{
    const tree *list = binding_field(s, name);
    for (const tree *t = list ? list->first : NULL; t; t = t->next) {
        projection *p = map_get(&s->fields, t->name);
        if (!p)
            no_field(s, t->name_mark, t->name);
        else if (p->excluded)
            problem_at(&s->found, t->name_mark, "\"%.*s\" is excluded as well", VIEW_ARG(t->name));
    }
}

static void note_required(selection *s, const char *name)
{
    const tree *list = binding_field(s, name);
    for (const tree *t = list ? list->first : NULL; t; t = t->next)
        for (size_t i = 0; i < s->column_count; i++)
            if (view_eq(s->columns[i].field, t->name)) {
                s->columns[i].named = true;
                s->columns[i].config = tree_json(s->mem, t);
            }
}

/* Those of the key; the places of the schema in its order; what the catalog gives; what is of no schema. */
static void list_columns(selection *s, const weir_view *key, size_t parts, size_t *ret_keys)
{
    const tree *group_by = binding_field(s, "groupBy");
    s->columns = arena_array(s->mem, s->count + 1, sizeof *s->columns);
    if (!s->columns)
        return;
    if (group_by && group_by->count)
        select_group_by(s, group_by);
    for (size_t i = 0; !(group_by && group_by->count) && i < parts; i++)
        select_key(s, key[i]);
    *ret_keys = s->column_count;
    for (unsigned round = 0; round < 3; round++)
        for (size_t i = 0; i < s->count; i++)
            if (round == (s->all[i].given ? 1u : s->all[i].at && !(view_is(s->all[i].field, "flow_published_at")) ? 0u : 2u))
                select_one(s, &s->all[i], false);
    check_required(s, "include");
    check_required(s, "require");
    note_required(s, "include");
    note_required(s, "require");
}

/* All there is; schemas that describe too much for that are looked into as deeply as has to be. */
static weir_rc read_locations(selection *s, const tree *inferred, unsigned needed, err *e)
{
    err deep = {0};
    weir_rc rc = schema_locations(s->mem, s->c->read_schema, collection_known_schemas(s->mem, s->c, inferred), DEPTH_MAX, &s->locations, &deep);
    err_free(&deep);
    if (rc == WEIR_E_NOMEM)
        return err_nomem(e);
    if (rc)
        rc = schema_locations(s->mem, s->c->read_schema, collection_known_schemas(s->mem, s->c, inferred), needed, &s->locations, e);
    return err_wrap(e, rc, "the read schema of \"%.*s\"", VIEW_ARG(s->c->name));
}

weir_rc columns_possible(arena *a, const collection *c, const task_binding *b, const tree *inferred, weir_column **ret, size_t *ret_count, size_t *ret_keys,
                         err *e)
{
    weir_view *key;
    size_t parts, keys = 0;
    selection s = {.mem = a, .c = c, .b = b, .found = {.mem = a}};
    if (!pointer_list(a, c->key_json, &key, &parts))
        return a->failed ? err_nomem(e) : err_fail(e, WEIR_E_BUG, "the key of \"%.*s\" is no list", VIEW_ARG(c->name));
    weir_rc rc = read_locations(&s, inferred, depth_needed(&s, key, parts), e);
    if (rc)
        return rc;
    list_projections(&s);
    if (s.all)
        list_columns(&s, key, parts, &keys);
    rc = problems_result(&s.found, e);
    map_free(&s.fields);
    map_free(&s.places);
    map_free(&s.given);
    if (rc)
        return rc;
    *ret = s.columns;
    *ret_count = s.column_count;
    *ret_keys = keys;
    return WEIR_OK;
}

weir_rc columns_select(arena *a, const collection *c, const task_binding *b, const tree *inferred, weir_column **ret,
                       size_t *ret_count, size_t *ret_keys, err *e)
{
    weir_binding all = {.name = c->name};
    weir_column *columns;
    weir_rc rc = columns_possible(a, c, b, inferred, &columns, &all.column_count, &all.key_count, e);
    all.columns = columns;
    if (!rc)
        rc = columns_choose(a, c, b, &(demands){0}, NULL, &all, NULL, e);
    if (rc)
        return rc;
    *ret = (weir_column *)(uintptr_t)all.columns; /* made here */
    *ret_count = all.column_count;
    *ret_keys = all.key_count;
    return WEIR_OK;
}

/* -------------------------------------------------------------------------------------------------------- all of them -- */

/* A part of the key: under the name of the projection that the catalog gives, its own, or, where the schema is silent, the pointer's. */
static void key_first(selection *s, weir_view pointer)
{
    const location *at = map_get(&s->places, pointer);
    projection *p = at ? projection_of(s, at) : map_get(&s->given, pointer);
    if (p) {
        select_one(s, p, true);
        return;
    }
    weir_view *tokens;
    size_t n;
    buf field = {0};
    if (pointer_split(s->mem, pointer, &tokens, &n))
        for (size_t i = 0; i < n; i++)
            buf_printf(&field, "%s%.*s", i ? "/" : "", VIEW_ARG(tokens[i]));
    s->columns[s->column_count++] = (weir_column){.field = arena_dup(s->mem, buf_view(&field)), .pointer = pointer, .key = true};
    buf_free(&field);
}

weir_rc columns_all(arena *a, const collection *c, const tree *inferred, weir_column **ret, size_t *ret_count, size_t *ret_keys, err *e)
{
    static const task_binding all = {0};
    weir_view *key;
    size_t parts;
    selection s = {.mem = a, .c = c, .b = &all, .found = {.mem = a}};
    if (!pointer_list(a, c->key_json, &key, &parts))
        return a->failed ? err_nomem(e) : err_fail(e, WEIR_E_BUG, "the key of \"%.*s\" is no list", VIEW_ARG(c->name));
    weir_rc rc = schema_locations(a, c->read_schema, collection_known_schemas(a, c, inferred), DEPTH_MAX, &s.locations, e);
    if (rc)
        return err_wrap(e, rc, "the read schema of \"%.*s\"", VIEW_ARG(c->name));
    list_projections(&s);
    s.columns = s.all ? arena_array(a, s.count + parts, sizeof *s.columns) : NULL;
    for (size_t i = 0; s.columns && i < parts; i++)
        key_first(&s, key[i]);
    for (size_t i = 0; s.columns && i < s.count; i++)
        select_one(&s, &s.all[i], false);
    map_free(&s.fields);
    map_free(&s.places);
    map_free(&s.given);
    if (a->failed)
        return err_nomem(e);
    *ret = s.columns;
    *ret_count = s.column_count;
    *ret_keys = parts;
    return WEIR_OK;
}
