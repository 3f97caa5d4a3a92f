/* From checked trees to the structs of catalog.h. Trees may still be wrong in places: those were noted, and are stepped over here.
 */
#include "base/clock.h"
#include "base/log.h"
#include "json/number.h"
#include "json/text.h"
#include "plane/catalog_parts.h"
#include "proto/protocol.h"

const tree *object_member(const tree *t, const char *name)
{
    const tree *m = tree_get(t, name);
    return m && m->kind == TREE_OBJECT ? m : NULL;
}

bool is_true_member(const tree *t, const char *name)
{
    const tree *m = tree_get(t, name);
    return m && m->kind == TREE_BOOL && m->boolean;
}

weir_view json_of(catalog_reader *r, const tree *t) { return tree_json(r->mem, t); }

static void remember(catalog_reader *r, map *m, weir_view key, const void *value)
{
    if (!map_put(m, key, (void *)value))
        r->mem->failed = true;
}

/* Calls each() for every member of the sections of that name, file by file. */
void each_spec(catalog_reader *r, const char *section, void (*each)(catalog_reader *, const tree *spec))
{
    for (const catalog_file *f = r->files; f; f = f->next) {
        const tree *specs = object_member(f->root, section);
        for (const tree *t = specs ? specs->first : NULL; t; t = t->next)
            each(r, t);
    }
}

/* -------------------------------------------------------------------------------------------------------------- names -- */

static void check_unique(catalog_reader *r, const tree *spec)
{
    const tree *before = map_get(&r->specs, spec->name);
    if (before)
        problem_at(&r->found, spec->name_mark, "the name \"%.*s\" is taken: it was given at %s:%zu:%zu", VIEW_ARG(spec->name),
                   before->name_mark.file, before->name_mark.line, before->name_mark.column);
    else
        remember(r, &r->specs, spec->name, spec);
}

static void check_collection(catalog_reader *r, weir_view name, tree_mark at)
{
    enum { MOST_NAMES = 10000 };
    if (!name.ptr || map_get(&r->collections, name))
        return;
    size_t names = r->c->collection_count < MOST_NAMES ? r->c->collection_count : 0;
    problem_at(&r->found, at, "no collection is named \"%.*s\"%s", VIEW_ARG(name),
               suggestion(&r->found, name, r->collection_names, names));
}

/* The name in a source: a text, or an object with it. */
static const tree *source_name(const tree *source)
{
    const tree *name = source && source->kind == TREE_OBJECT ? tree_get(source, "name") : source;
    return name && name->kind == TREE_STRING ? name : NULL;
}

const collection *source_collection(catalog_reader *r, const tree *source)
{
    const tree *name = source_name(source);
    if (!name)
        return NULL;
    check_collection(r, name->text, name->mark);
    return map_get(&r->collections, name->text);
}

static bool is_partitioned(const collection *c, weir_view field)
{
    return is_true_member(tree_getv(c->projections, field), "partition");
}

/* A selector names fields by which the collection is partitioned (flow.md 6.1). */
static const tree *selected_fields(catalog_reader *r, const tree *fields, const collection *c)
{
    size_t n = 0, known = c->projections ? c->projections->count : 0;
    const char **names = arena_array(r->mem, known, sizeof *names);
    for (const tree *t = known && names ? c->projections->first : NULL; t; t = t->next)
        if (is_partitioned(c, t->name))
            names[n++] = t->name.ptr;
    for (const tree *t = fields ? fields->first : NULL; t && names; t = t->next)
        if (!is_partitioned(c, t->name))
            problem_at(&r->found, t->name_mark, "\"%.*s\" is not partitioned by a field \"%.*s\"%s", VIEW_ARG(c->name), VIEW_ARG(t->name),
                       suggestion(&r->found, t->name, names, n));
    return fields;
}

void fill_partitions(catalog_reader *r, const tree *partitions, const collection *c, reading *to)
{
    if (!c || !partitions)
        return;
    to->include = selected_fields(r, object_member(partitions, "include"), c);
    to->exclude = selected_fields(r, object_member(partitions, "exclude"), c);
}

static bool time_member(const tree *t, const char *name, int64_t *ret)
{
    uint32_t nanos;
    return clock_read_time(tree_text(t, name), ret, &nanos);
}

void fill_reading(catalog_reader *r, const tree *source, const collection *c, reading *to)
{
    fill_partitions(r, object_member(source, "partitions"), c, to);
    to->has_not_before = time_member(source, "notBefore", &to->not_before);
    to->has_not_after = time_member(source, "notAfter", &to->not_after);
    if (to->has_not_before && to->has_not_after && to->not_before > to->not_after)
        problem_at(&r->found, tree_get(source, "notAfter")->mark, "\"notAfter\" is before \"notBefore\": nothing would be read");
}

/* -------------------------------------------------------------------------------------------------------- collections -- */

static const tree *schema_member(catalog_reader *r, const tree *spec, const char *name)
{
    const tree *value = tree_get(spec, name);
    bool fits = value && (value->kind == TREE_STRING || value->kind == TREE_OBJECT || value->kind == TREE_BOOL);
    return fits ? schema_value(r, value, name) : NULL;
}

static void fill_schemas(catalog_reader *r, const tree *spec, collection *to)
{
    to->write_schema = to->read_schema = schema_member(r, spec, "schema");
    if (!to->write_schema) {
        to->write_schema = schema_member(r, spec, "writeSchema");
        to->read_schema = schema_member(r, spec, "readSchema");
    }
    if (to->write_schema)
        to->write_schema_json = json_of(r, to->write_schema);
    to->read_schema_json = to->read_schema == to->write_schema ? to->write_schema_json
                           : to->read_schema                   ? json_of(r, to->read_schema)
                                                               : (weir_view){NULL, 0};
}

static void add_collection(catalog_reader *r, const tree *spec)
{
    collection *to = &r->c->collections[r->c->collection_count];
    const tree *key = tree_get(spec, "key");
    if (map_get(&r->collections, spec->name))
        return;
    *to = (collection){.name = spec->name, .mark = spec->name_mark};
    if (key)
        to->key_json = json_of(r, key);
    fill_schemas(r, spec, to);
    to->projections = object_member(spec, "projections");
    to->derived = !tree_is_null(tree_get(spec, "derive"));
    r->collection_names[r->c->collection_count++] = spec->name.ptr;
    remember(r, &r->collections, spec->name, to);
}

/* ---------------------------------------------------------------------------------------------------------- endpoints -- */

static const char **argv_of(catalog_reader *r, const tree *command)
{
    const char **argv = arena_array(r->mem, (command ? command->count : 0) + 1, sizeof *argv);
    size_t n = 0;
    for (const tree *t = command && argv ? command->first : NULL; t; t = t->next)
        argv[n++] = t->text.ptr ? t->text.ptr : "";
    if (n && strchr(argv[0], '/'))
        argv[0] = path_beside(r->mem, command->mark.file, view_of(argv[0]));
    return argv;
}

static const char **env_of(catalog_reader *r, const tree *env)
{
    const char **list = arena_array(r->mem, (env ? env->count : 0) + 1, sizeof *list);
    size_t n = 0;
    for (const tree *t = env && list ? env->first : NULL; t; t = t->next)
        list[n++] = arena_printf(r->mem, "%.*s=%.*s", VIEW_ARG(t->name), VIEW_ARG(t->text)).ptr;
    return list;
}

static const tree *empty_object(catalog_reader *r, tree_mark at)
{
    tree *t = arena_alloc(r->mem, sizeof *t);
    if (t)
        *t = (tree){.kind = TREE_OBJECT, .mark = at};
    return t;
}

/* An object, inline or in a file. */
static const tree *settings_of(catalog_reader *r, const tree *value, const char *what)
{
    const tree *t = value->kind == TREE_STRING || value->kind == TREE_OBJECT ? file_value(r, value, what) : NULL;
    if (t && t->kind != TREE_OBJECT)
        problem_at(&r->found, t->mark, "%s must be an object, is %s", what, tree_kind_name(t->kind));
    return t && t->kind == TREE_OBJECT ? t : NULL;
}

static const tree *config_of(catalog_reader *r, const tree *kind)
{
    const tree *value = tree_get(kind, "config");
    const tree *config = tree_is_null(value)      ? empty_object(r, kind->mark)
                         : file_missing(r, value) ? NULL
                                                  : settings_of(r, value, "config");
    const tree *sops = tree_get(config, "sops");
    if (!tree_is_null(sops))
        problem_at(&r->found, sops->name_mark, "encrypted with sops: not supported yet by this version");
    return config;
}

static const char *config_path(catalog_reader *r, const tree *kind)
{
    const tree *value = tree_get(kind, "config");
    return value && value->kind == TREE_STRING ? path_beside(r->mem, value->mark.file, value->text) : NULL;
}

static void fill_local(catalog_reader *r, const tree *local, endpoint *to)
{
    const tree *command = tree_get(local, "command");
    to->kind = ENDPOINT_LOCAL;
    to->argv = argv_of(r, command && command->kind == TREE_ARRAY ? command : NULL);
    to->env = env_of(r, object_member(local, "env"));
    to->protobuf = is_true_member(local, "protobuf");
    to->protocol = tree_text(local, "protocol");
    to->address = tree_text(local, "address").ptr;
    if (to->address && !to->protocol.len)
        to->protocol = view_of(protocol_listening()->name);
}

void fill_endpoint(catalog_reader *r, const tree *spec, endpoint *to)
{
    const tree *kind = spec ? spec->first : NULL;
    while (kind && kind->kind != TREE_OBJECT)
        kind = kind->next;
    *to = (endpoint){.kind = ENDPOINT_OTHER, .mark = spec ? spec->mark : (tree_mark){0}};
    if (!kind)
        return;
    to->mark = kind->name_mark;
    if (view_is(kind->name, "local")) {
        fill_local(r, kind, to);
    } else if (view_is(kind->name, "native")) {
        to->kind = ENDPOINT_NATIVE;
        to->connector = tree_text(kind, "connector");
    } else if (view_is(kind->name, "connector")) {
        to->kind = ENDPOINT_IMAGE;
        to->image = tree_text(kind, "image");
    }
    to->config = config_of(r, kind);
    to->config_path = config_path(r, kind);
    to->config_missing = to->config_path && !to->config && file_missing(r, tree_get(kind, "config"));
}

/* -------------------------------------------------------------------------------------------------------------- tasks -- */

on_invalid invalid_member(const tree *t)
{
    return view_is(tree_text(t, "onInvalid"), "divert") ? INVALID_DIVERT : INVALID_FAIL;
}

weir_view base64_member(catalog_reader *r, const tree *t, const char *name)
{
    buf bytes = {0};
    weir_view text = tree_text(t, name);
    if (text.len)
        base64_decode(&bytes, text);
    weir_view kept = arena_dup(r->mem, buf_view(&bytes));
    r->mem->failed = r->mem->failed || !buf_ok(&bytes);
    buf_free(&bytes);
    return kept;
}

uint32_t count_member(const tree *t, const char *name)
{
    const tree *m = tree_get(t, name);
    uint64_t n = 0;
    return m && m->kind == TREE_NUMBER && number_to_u64(m->text, &n) && n <= UINT32_MAX ? (uint32_t)n : 0;
}

int32_t priority_member(const tree *t)
{
    const tree *m = tree_get(t, "priority");
    int64_t n = 0;
    return m && m->kind == TREE_NUMBER && number_to_i64(m->text, &n) && n >= INT32_MIN && n <= INT32_MAX ? (int32_t)n : 0;
}

static void fill_binding(catalog_reader *r, const tree *spec, const char *end, task_binding *to)
{
    const tree *resource = tree_get(spec, "resource"), *source = tree_get(spec, end);
    *to = (task_binding){.backfill = count_member(spec, "backfill"), .priority = priority_member(spec), .on_invalid = invalid_member(spec), .mark = spec->mark};
    to->resource_missing = resource ? file_missing(r, resource) : NULL;
    to->resource = resource && !to->resource_missing ? settings_of(r, resource, "resource") : NULL;
    to->fields = object_member(spec, "fields");
    to->source = source && source->kind == TREE_OBJECT ? source : NULL;
    to->collection = source_collection(r, source);
    if (to->collection && to->source)
        fill_reading(r, to->source, to->collection, &to->reading);
    if (to->collection && to->collection->derived && view_is(view_of(end), "target"))
        problem_at(&r->found, source->mark, "\"%.*s\" is made by a derivation: a capture cannot write to it", VIEW_ARG(to->collection->name));
}

static weir_view on_incompatible(const tree *binding, const tree *of_task)
{
    weir_view own = tree_text(binding, "onIncompatibleSchemaChange");
    return own.len ? own : tree_text(of_task, "onIncompatibleSchemaChange");
}

/* What is refused is put aside by collection. */
static void check_aside(catalog_reader *r, const task *t)
{
    for (size_t i = 0; i < t->binding_count; i++)
        for (size_t k = 0; k < t->binding_count; k++)
            if (k != i && t->bindings[i].on_invalid == INVALID_DIVERT && t->bindings[i].collection && t->bindings[k].collection == t->bindings[i].collection) {
                problem_at(&r->found, t->bindings[i].mark, "onInvalid: divert, and another binding reads \"%.*s\", too: put one of them into a materialization of its own",
                           VIEW_ARG(t->bindings[i].collection->name));
                break;
            }
}

static void fill_bindings(catalog_reader *r, const tree *spec, task *to)
{
    const tree *list = tree_get(spec, "bindings");
    to->bindings = arena_array(r->mem, list ? list->count : 0, sizeof *to->bindings);
    for (const tree *t = list && to->bindings ? list->first : NULL; t; t = t->next)
        if (t->kind == TREE_OBJECT && !is_true_member(t, "disable")) {
            task_binding *b = &to->bindings[to->binding_count++];
            fill_binding(r, t, to->kind == TASK_CAPTURE ? "target" : "source", b);
            b->on_incompatible = on_incompatible(t, spec);
        }
    if (to->kind == TASK_MATERIALIZE)
        check_aside(r, to);
}

task *add_task_of(catalog_reader *r, const tree *spec, const tree *shards, task_kind kind)
{
    enum { FIVE_MINUTES = 5 * 60 * 1000 };
    task *to = &r->c->tasks[r->c->task_count++];
    *to = (task){.kind = kind, .name = spec->name, .spec = spec, .mark = spec->name_mark, .interval_ms = FIVE_MINUTES};
    to->disabled = is_true_member(shards, "disable");
    to->log_level = log_level_of(tree_text(shards, "logLevel"));
    to->max_txn_ms = -1;
    if (!clock_duration(tree_text(shards, "maxTxnDuration"), &to->max_txn_ms))
        to->max_txn_ms = -1;
    return to;
}

/* They are kept by the platform, which puts them into the config. */
static void refuse_secrets(catalog_reader *r, const tree *spec)
{
    const tree *secrets = object_member(spec, "secrets");
    if (secrets && secrets->count)
        problem_at(&r->found, secrets->name_mark, "\"secrets\" are not supported by this version: write them into the config");
}

static void add_task(catalog_reader *r, const tree *spec, task_kind kind)
{
    int64_t ms;
    task *to = add_task_of(r, spec, object_member(spec, "shards"), kind);
    fill_endpoint(r, object_member(spec, "endpoint"), &to->endpoint);
    fill_bindings(r, spec, to);
    to->redact_salt = base64_member(r, spec, "redactSalt");
    refuse_secrets(r, spec);
    if (kind == TASK_CAPTURE && clock_duration(tree_text(spec, "interval"), &ms))
        to->interval_ms = ms;
}

static void add_capture(catalog_reader *r, const tree *spec)
{
    add_task(r, spec, TASK_CAPTURE);
}
static void add_materialization(catalog_reader *r, const tree *spec)
{
    add_task(r, spec, TASK_MATERIALIZE);
}

static size_t count_specs(const catalog_reader *r, const char *section)
{
    size_t n = 0;
    for (const catalog_file *f = r->files; f; f = f->next) {
        const tree *specs = object_member(f->root, section);
        n += specs ? specs->count : 0;
    }
    return n;
}

void read_specs(catalog_reader *r)
{
    catalog *c = r->c;
    size_t collections = count_specs(r, "collections");
    c->collections = arena_array(r->mem, collections, sizeof *c->collections);
    c->tasks = arena_array(r->mem, count_specs(r, "captures") + count_specs(r, "materializations") + collections, sizeof *c->tasks);
    c->tests = arena_array(r->mem, count_specs(r, "tests"), sizeof *c->tests);
    r->collection_names = arena_array(r->mem, collections, sizeof *r->collection_names);
    if (!c->collections || !c->tasks || !c->tests || !r->collection_names)
        return;
    static const char *const sections[] = {"collections", "captures", "materializations", "tests"};
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++)
        each_spec(r, sections[i], check_unique);
    each_spec(r, "collections", add_collection);
    each_spec(r, "captures", add_capture);
    each_spec(r, "materializations", add_materialization);
    read_derivations(r);
    read_tests(r);
}
