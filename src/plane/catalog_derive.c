/* Derivations of a catalog: tasks of the names of the collections that they make. */
#include "base/clock.h"
#include "json/number.h"
#include "json/text.h"
#include "json/write.h"
#include "plane/catalog_parts.h"
#include "plane/file_url.h"

/* ------------------------------------------------------------------------------------------------------------ lambdas -- */

static bool has_blank(weir_view text)
{
    for (size_t i = 0; i < text.len; i++)
        if (strchr(" \t\r\n;", text.ptr[i]))
            return true;
    return false;
}

/* Does the text name a file, or is it the thing itself? */
static bool names_file(weir_view text, const char *extension)
{
    return view_ends(text, view_of(extension)) && text.len > strlen(extension) && !has_blank(text);
}

static weir_view quoted(catalog_reader *r, weir_view text, tree_mark at)
{
    buf json = {0};
    if (!json_quote(&json, text))
        problem_at(&r->found, at, "the text is not UTF-8");
    weir_view kept = buf_ok(&json) ? arena_dup(r->mem, buf_view(&json)) : (weir_view){NULL, 0};
    r->mem->failed = r->mem->failed || !buf_ok(&json);
    buf_free(&json);
    return kept;
}

static bool names_value(weir_view text)
{
    return names_file(text, ".yaml") || names_file(text, ".yml") || names_file(text, ".json");
}

static weir_view url_of(catalog_reader *r, const char *path)
{
    const char *url = file_url(r->mem, path);
    r->mem->failed |= !url;
    return view_of(url);
}

/* SQL is a text, inline or from NAME.sql; for other connectors NAME.yaml and NAME.json are read, too.
 * @param ret_missing as task_transform.lambda_missing */
static weir_view lambda_of(catalog_reader *r, const tree *lambda, const char **ret_missing)
{
    *ret_missing = NULL;
    if (tree_is_null(lambda))
        return (weir_view){NULL, 0};
    if (lambda->kind != TREE_STRING)
        return json_of(r, lambda);
    bool sql = names_file(lambda->text, ".sql"), value = names_value(lambda->text);
    if (sql || value)
        *ret_missing = file_missing(r, lambda);
    if (*ret_missing)
        return quoted(r, url_of(r, *ret_missing), lambda->mark);
    if (sql)
        return quoted(r, file_text(r, lambda, "lambda"), lambda->mark);
    const tree *t = value ? file_value(r, lambda, "lambda") : NULL;
    if (value)
        return t ? json_of(r, t) : (weir_view){NULL, 0};
    return quoted(r, lambda->text, lambda->mark);
}

/* --------------------------------------------------------------------------------------------------------- transforms -- */

static void fill_shuffle(catalog_reader *r, const tree *spec, task_transform *to)
{
    const tree *shuffle = object_member(spec, "shuffle");
    const tree *key = tree_get(shuffle, "key"), *lambda = tree_get(shuffle, "lambda");
    if (key && key->kind == TREE_ARRAY) {
        to->shuffle_key = json_of(r, key);
        if (!key->first)
            problem_at(&r->found, key->mark, "\"key\" is empty: it takes at least one pointer, or write shuffle: any");
    }
    const char *missing;
    to->shuffle_lambda = lambda_of(r, lambda, &missing);
    if (missing)
        problem_at(&r->found, lambda->mark, "lambda: there is no file \"%s\"", missing);
}

static void fill_transform(catalog_reader *r, const tree *spec, task_transform *to)
{
    const tree *source = tree_get(spec, "source");
    *to = (task_transform){.name = tree_text(spec, "name"), .backfill = count_member(spec, "backfill"), .priority = priority_member(spec), .mark = spec->mark};
    to->collection = source_collection(r, source);
    if (to->collection)
        fill_reading(r, source && source->kind == TREE_OBJECT ? source : NULL, to->collection, &to->reading);
    to->lambda_json = lambda_of(r, tree_get(spec, "lambda"), &to->lambda_missing);
    fill_shuffle(r, spec, to);
    if (!clock_duration(tree_text(spec, "readDelay"), &to->read_delay_ms))
        to->read_delay_ms = 0;
}

/* Documents that are to meet are shuffled by keys of the same number of parts. */
static void check_shuffles(catalog_reader *r, const task *t, const tree *list)
{
    const task_transform *first = NULL;
    size_t parts = 0, i = 0;
    const tree *types = t->shuffle_key_types;
    for (const tree *spec = list->first; spec; spec = spec->next) {
        const tree *key = tree_get(object_member(spec, "shuffle"), "key");
        if (spec->kind != TREE_OBJECT || is_true_member(spec, "disable"))
            continue;
        const task_transform *to = &t->transforms[i++];
        if (!key || key->kind != TREE_ARRAY)
            continue;
        if (types && types->count != key->count)
            problem_at(&r->found, key->mark, "the shuffle key has %zu part%s, \"shuffleKeyTypes\" has %zu", key->count, key->count == 1 ? "" : "s", types->count);
        else if (first && parts != key->count)
            problem_at(&r->found, key->mark, "the shuffle key has %zu part%s, that of \"%.*s\" has %zu", key->count, key->count == 1 ? "" : "s",
                       VIEW_ARG(first->name), parts);
        if (!first) {
            first = to;
            parts = key->count;
        }
    }
}

static void fill_transforms(catalog_reader *r, const tree *list, task *to)
{
    to->transforms = arena_array(r->mem, list ? list->count : 0, sizeof *to->transforms);
    for (const tree *t = list && to->transforms ? list->first : NULL; t; t = t->next)
        if (t->kind == TREE_OBJECT && !is_true_member(t, "disable"))
            fill_transform(r, t, &to->transforms[to->transform_count++]);
    if (list && to->transforms)
        check_shuffles(r, to, list);
}

/* -------------------------------------------------------------------------------------------------------------- using -- */

static tree *node(catalog_reader *r, tree_kind kind, const char *name, tree_mark at)
{
    tree *t = arena_alloc(r->mem, sizeof *t);
    if (t)
        *t = (tree){.kind = kind, .name = view_of(name), .mark = at, .name_mark = at};
    return t;
}

static weir_view migration_of(catalog_reader *r, const tree *t)
{
    if (!names_file(t->text, ".sql"))
        return t->text;
    const char *missing = file_missing(r, t);
    return missing ? url_of(r, missing) : file_text(r, t, "migration");
}

/* {"migrations": [SQL, ...]}, for the native connector that stands behind `using: sqlite` (flow.md 4.5). */
static const tree *sqlite_config(catalog_reader *r, const tree *sqlite)
{
    const tree *list = tree_get(sqlite, "migrations");
    tree *config = node(r, TREE_OBJECT, NULL, sqlite->mark), *texts = node(r, TREE_ARRAY, "migrations", list ? list->mark : sqlite->mark);
    tree_append(config, texts);
    for (const tree *t = list && list->kind == TREE_ARRAY ? list->first : NULL; t && texts; t = t->next) {
        tree *text = node(r, TREE_STRING, NULL, t->mark);
        if (text && t->kind == TREE_STRING)
            text->text = migration_of(r, t);
        tree_append(texts, text);
    }
    return config;
}

static void fill_using(catalog_reader *r, const tree *using, task *to)
{
    const tree *sqlite = object_member(using, "sqlite");
    if (!sqlite) {
        fill_endpoint(r, using, &to->endpoint);
        return;
    }
    to->endpoint = (endpoint){.kind = ENDPOINT_NATIVE, .connector = VIEW("derive-sqlite"), .config = sqlite_config(r, sqlite), .mark = sqlite->name_mark};
}

/* ------------------------------------------------------------------------------------------------------------ imports -- */

/* @param pointer to the value, from where `derive` is */
static void put_import(catalog_reader *r, json_out *w, const tree *value, const char *pointer)
{
    const char *path = value && value->kind == TREE_STRING ? path_beside(r->mem, value->mark.file, value->text) : NULL;
    if (path && pointer)
        out_text(out_name(w, pointer), url_of(r, path));
}

static void put_using(catalog_reader *r, json_out *w, const tree *using)
{
    const tree *list = tree_get(object_member(using, "sqlite"), "migrations"), *config = tree_get(object_member(using, "local"), "config");
    size_t i = 0;
    for (const tree *t = list && list->kind == TREE_ARRAY ? list->first : NULL; t; t = t->next, i++)
        if (t->kind == TREE_STRING && names_file(t->text, ".sql"))
            put_import(r, w, t, arena_printf(r->mem, "/using/sqlite/migrations/%zu", i).ptr);
    put_import(r, w, config, "/using/local/config");
}

/* What stands in a file of its own, by its place in the derivation as its connector sees it: without transforms that are disabled. */
static weir_view imports_of(catalog_reader *r, const tree *using, const tree *transforms)
{
    buf text = {0};
    json_out w = json_out_to(&text);
    size_t i = 0;
    out_open(&w, '{');
    put_using(r, &w, using);
    for (const tree *t = transforms ? transforms->first : NULL; t; t = t->next) {
        if (t->kind != TREE_OBJECT || is_true_member(t, "disable"))
            continue;
        const tree *lambda = tree_get(t, "lambda");
        if (lambda && lambda->kind == TREE_STRING && (names_file(lambda->text, ".sql") || names_value(lambda->text)))
            put_import(r, &w, lambda, arena_printf(r->mem, "/transforms/%zu/lambda", i).ptr);
        i++;
    }
    out_close(&w, '}');
    weir_view kept = buf_ok(&text) ? arena_dup(r->mem, buf_view(&text)) : (weir_view){NULL, 0};
    r->mem->failed |= !kept.ptr;
    buf_free(&text);
    return kept;
}

/* ------------------------------------------------------------------------------------------------------------- cycles -- */

typedef enum visit { UNSEEN, OPEN, DONE } visit;

typedef struct order {
    catalog_reader *r;
    task *tasks;     /* as they are in the files */
    size_t count;
    visit *visits;   /* by task */
    task *sorted;    /* those that are read from come first */
    size_t placed;
    map by_name;     /* -> task */
} order;

static task *maker_of(const order *o, const collection *c)
{
    return c && c->derived ? map_get(&o->by_name, c->name) : NULL;
}

/* @param path the names so far, " -> " between */
static void place(order *o, task *t, const char *path)
{
    size_t i = (size_t)(t - o->tasks);
    if (o->visits[i] == DONE)
        return;
    o->visits[i] = OPEN;
    for (size_t k = 0; k < t->transform_count; k++) {
        const task_transform *from = &t->transforms[k];
        task *maker = maker_of(o, from->collection);
        if (maker && o->visits[maker - o->tasks] == OPEN)
            problem_at(&o->r->found, from->mark, "the transform \"%.*s\" closes a circle of derivations: %s -> %.*s", VIEW_ARG(from->name), path,
                       VIEW_ARG(maker->name));
        else if (maker)
            place(o, maker, arena_printf(o->r->mem, "%s -> %.*s", path, VIEW_ARG(maker->name)).ptr);
    }
    o->visits[i] = DONE;
    o->sorted[o->placed++] = *t;
}

/* A derivation is behind those whose collections it reads: for whoever goes through them in turn. */
static void sort_derivations(catalog_reader *r, task *tasks, size_t count)
{
    order o = {.r = r, .tasks = tasks, .count = count};
    o.visits = arena_array(r->mem, count, sizeof *o.visits);
    o.sorted = arena_array(r->mem, count, sizeof *o.sorted);
    for (size_t i = 0; i < count; i++)
        r->mem->failed = r->mem->failed || !map_put(&o.by_name, tasks[i].name, &tasks[i]);
    for (size_t i = 0; i < count && !r->mem->failed; i++)
        place(&o, &tasks[i], tasks[i].name.ptr);
    if (o.placed == count && count)
        memcpy(tasks, o.sorted, count * sizeof *tasks);
    map_free(&o.by_name);
}

/* --------------------------------------------------------------------------------------------------------------- all -- */

static const char *project_of(catalog_reader *r)
{
    const char *folder = file_project(r->mem, r->c->path), *url = folder ? file_url(r->mem, *folder ? folder : "/") : NULL;
    r->mem->failed |= !url;
    return url;
}

static void add_derivation(catalog_reader *r, const tree *spec)
{
    const tree *derive = object_member(spec, "derive");
    const collection *c = map_get(&r->collections, spec->name);
    if (!derive || !c || c->mark.line != spec->name_mark.line || c->mark.file != spec->name_mark.file)
        return; /* a second collection of one name was told */
    task *to = add_task_of(r, spec, object_member(derive, "shards"), TASK_DERIVE);
    const tree *list = tree_get(derive, "transforms"), *types = tree_get(derive, "shuffleKeyTypes");
    to->bindings = arena_array(r->mem, 1, sizeof *to->bindings);
    to->shuffle_key_types = types && types->kind == TREE_ARRAY ? types : NULL;
    if (to->bindings)
        to->bindings[to->binding_count++] = (task_binding){.collection = c, .on_invalid = invalid_member(derive), .mark = derive->mark};
    to->redact_salt = base64_member(r, derive, "redactSalt");
    fill_using(r, object_member(derive, "using"), to);
    list = list && list->kind == TREE_ARRAY ? list : NULL;
    fill_transforms(r, list, to);
    to->imports = imports_of(r, object_member(derive, "using"), list);
    to->project_root = project_of(r);
}

void read_derivations(catalog_reader *r)
{
    size_t first = r->c->task_count;
    each_spec(r, "collections", add_derivation);
    sort_derivations(r, r->c->tasks + first, r->c->task_count - first);
}
