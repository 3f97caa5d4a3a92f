/* The grammar of a catalog, as tables: what is allowed where, and of what kind. To add a key, add a row. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "json/number.h"
#include "json/pointer.h"
#include "json/text.h"
#include "plane/catalog_parts.h"
#include "proto/protocol.h"

#define ANY (1 << TREE_NULL | GRAMMAR_BOOL | GRAMMAR_NUMBER | GRAMMAR_TEXT | GRAMMAR_LIST | GRAMMAR_OBJECT)

/* ------------------------------------------------------------------------------------------ what a table cannot say -- */

static void check_names(problems *p, const tree *specs)
{
    for (const tree *t = specs->first; t; t = t->next)
        if (!name_valid(t->name))
            problem_at(p, t->name_mark,
                       "\"%.*s\" is no valid name: it takes two or more tokens of letters, digits and -_. with slashes between, "
                       "such as acme/orders",
                       VIEW_ARG(t->name));
}

static void check_pointer(problems *p, const tree *t)
{
    if (!t->text.len || !pointer_valid(t->text))
        problem_at(p, t->mark, "\"%.*s\" is no JSON pointer: it begins with / and names a place in the document, such as /id",
                   VIEW_ARG(t->text));
}

static void check_projection(problems *p, const tree *t)
{
    if (t->kind == TREE_STRING)
        check_pointer(p, t);
}

static void check_key(problems *p, const tree *key)
{
    enum { MOST = 100 };
    if (!key->first)
        problem_at(p, key->mark, "\"key\" is empty: a collection needs at least one pointer, such as /id");
    if (key->count > MOST)
        problem_at(p, key->mark, "a key of more than %d parts", MOST);
    for (const tree *t = key->first; t && key->count <= MOST; t = t->next)
        for (const tree *before = key->first; before != t; before = before->next)
            if (view_eq(before->text, t->text))
                problem_at(p, t->mark, "\"%.*s\" appears twice in the key", VIEW_ARG(t->text));
}

static void check_duration(problems *p, const tree *t)
{
    int64_t ms;
    if (!clock_duration(t->text, &ms))
        problem_at(p, t->mark, "\"%.*s\" is no duration: write it as 30s, 5m, 1h30m or 2d", VIEW_ARG(t->text));
}

static void check_count(problems *p, const tree *t)
{
    uint64_t n;
    if (!number_to_u64(t->text, &n) || n > UINT32_MAX)
        problem_at(p, t->mark, "\"%.*s\" must be a whole number from 0 to 4294967295, is %.*s", VIEW_ARG(t->name),
                   VIEW_ARG(t->text));
}

static void check_priority(problems *p, const tree *t)
{
    int64_t n;
    if (!number_to_i64(t->text, &n) || n < INT32_MIN || n > INT32_MAX)
        problem_at(p, t->mark, "\"%.*s\" must be a whole number of 32 bits, is %.*s", VIEW_ARG(t->name), VIEW_ARG(t->text));
}

static void check_time(problems *p, const tree *t)
{
    int64_t seconds;
    uint32_t nanos;
    if (!clock_read_time(t->text, &seconds, &nanos))
        problem_at(p, t->mark, "\"%.*s\" is no time: write it as 2024-01-31T12:00:00Z", VIEW_ARG(t->text));
}

static void check_depth(problems *p, const tree *t)
{
    if (t->kind == TREE_NUMBER)
        check_count(p, t);
}

static void check_base64(problems *p, const tree *t)
{
    buf bytes = {0};
    if (!base64_decode(&bytes, t->text))
        problem_at(p, t->mark, "\"%.*s\" must be base64", VIEW_ARG(t->name));
    buf_free(&bytes);
}

static void check_command(problems *p, const tree *t)
{
    if (!t->first || (t->first->kind == TREE_STRING && !t->first->text.len))
        problem_at(p, t->mark, "\"command\" names no program");
}

/* A program to be started, or the address of a server that runs: which only one of the protocols knows. */
static void check_local(problems *p, const tree *t)
{
    const tree *command = tree_get(t, "command"), *address = tree_get(t, "address"), *spoken = tree_get(t, "protocol");
    const protocol *wanted = tree_is_null(spoken) ? NULL : protocol_find(spoken->text);
    static const char *const others[] = {"config", "env", "protobuf", "protocol"};
    size_t known = 0;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        known += tree_get(t, others[i]) != NULL;
    if (tree_is_null(command) && tree_is_null(address)) {
        if (t->count == known) /* an unknown key is told already, and may be what was meant */
            problem_at(p, t->mark, "\"command\" is missing");
    }
    if (!tree_is_null(command) && !tree_is_null(address))
        problem_at(p, address->name_mark, "\"command\" and \"address\" exclude each other");
    else if (!tree_is_null(address) && wanted && !wanted->listens)
        problem_at(p, address->name_mark, "\"address\" is for protocol %s: others start a command", protocol_listening()->name);
}

/* Whatever is written there, protocols are known by their table. */
static void check_protocol(problems *p, const tree *t)
{
    enum { MOST = 16 };
    const char *names[MOST];
    size_t n = 0;
    buf all = {0};
    if (protocol_find(t->text))
        return;
    for (const protocol *k = protocols; k->name && n < MOST; k++)
        names[n++] = k->name;
    protocol_names(&all);
    problem_at(p, t->mark, "protocol \"%.*s\" is not known: there %s %s%s", VIEW_ARG(t->text), n > 1 ? "are" : "is", buf_text(&all),
               suggestion(p, t->text, names, n));
    buf_free(&all);
}

/* Names of transforms stand in journals' readers and in states, as those of tasks do: one token each. */
static void check_transforms(problems *p, const tree *list)
{
    for (const tree *t = list->first; t; t = t->next) {
        const tree *name = tree_get(t, "name");
        if (!name || name->kind != TREE_STRING)
            continue;
        if (!token_valid(name->text))
            problem_at(p, name->mark, "\"%.*s\" is no valid name of a transform: it takes letters, digits and -_.", VIEW_ARG(name->text));
        for (const tree *before = list->first; before != t; before = before->next)
            if (view_eq(tree_text(before, "name"), name->text)) {
                problem_at(p, name->mark, "another transform is named \"%.*s\"", VIEW_ARG(name->text));
                break;
            }
    }
}

static void check_env(problems *p, const tree *env)
{
    for (const tree *t = env->first; t; t = t->next)
        if (!t->name.len || memchr(t->name.ptr, '=', t->name.len))
            problem_at(p, t->name_mark, "\"%.*s\" cannot be the name of an environment variable", VIEW_ARG(t->name));
}

static void check_schemas(problems *p, const tree *t)
{
    const tree *both = tree_get(t, "schema"), *write = tree_get(t, "writeSchema"), *read = tree_get(t, "readSchema");
    bool none = tree_is_null(both) && tree_is_null(write) && tree_is_null(read);
    if (!tree_is_null(both) && (!tree_is_null(write) || !tree_is_null(read)))
        problem_at(p, (write ? write : read)->name_mark,
                   "\"schema\" excludes \"writeSchema\" and \"readSchema\": give one schema or both of the two");
    else if (none)
        problem_at(p, t->mark, "\"schema\" is missing; or give \"writeSchema\" and \"readSchema\"");
    else if (tree_is_null(both) && (tree_is_null(write) || tree_is_null(read)))
        problem_at(p, (write ? write : read)->name_mark, "\"%s\" is missing: \"writeSchema\" and \"readSchema\" go together",
                   tree_is_null(write) ? "writeSchema" : "readSchema");
}

/* ------------------------------------------------------------------------------------------------------------- tables -- */

#define KEYS(...)                                                                                                                  \
    .keys = (const grammar_key[])                                                                                                  \
    {                                                                                                                              \
        __VA_ARGS__,                                                                                                               \
        {                                                                                                                          \
            0                                                                                                                      \
        }                                                                                                                          \
    }
#define MUST(name, type)                                                                                                           \
    {                                                                                                                              \
        name, &(type), true                                                                                                        \
    }
#define MAY(name, type)                                                                                                            \
    {                                                                                                                              \
        name, &(type), false                                                                                                       \
    }
#define OBJECT_WITH(...) .kinds = GRAMMAR_OBJECT, KEYS(__VA_ARGS__)
#define OBJECT_OF(type)  .kinds = GRAMMAR_OBJECT, .each = &(type)
#define LIST_OF(type)    .kinds = GRAMMAR_LIST, .each = &(type)
#define ONE_OF(...)                                                                                                                \
    .kinds = GRAMMAR_TEXT, .choices = (const char *const[])                                                                        \
    {                                                                                                                              \
        __VA_ARGS__, NULL                                                                                                          \
    }

/* clang-format off */

/* Values */
static const grammar_type anything = {"anything", .kinds = ANY};
static const grammar_type boolean = {"true or false", .kinds = GRAMMAR_BOOL};
static const grammar_type priority = {"a number", .kinds = GRAMMAR_NUMBER, .check = check_priority};
static const grammar_type count = {"a number", .kinds = GRAMMAR_NUMBER, .check = check_count};
static const grammar_type text = {"a text", .kinds = GRAMMAR_TEXT};
static const grammar_type duration = {"a duration such as 5m", .kinds = GRAMMAR_TEXT, .check = check_duration};
static const grammar_type moment = {"a time such as 2024-01-31T12:00:00Z", .kinds = GRAMMAR_TEXT, .check = check_time};
static const grammar_type base64 = {"a text in base64", .kinds = GRAMMAR_TEXT, .check = check_base64};
static const grammar_type pointer = {"a JSON pointer such as /id", .kinds = GRAMMAR_TEXT, .check = check_pointer};
static const grammar_type level = {"a log level", ONE_OF("error", "warn", "info", "debug", "trace")};
static const grammar_type object = {"an object", .kinds = GRAMMAR_OBJECT};
static const grammar_type texts = {"a list of texts", LIST_OF(text)};
static const grammar_type text_map = {"an object of texts", OBJECT_OF(text)};
static const grammar_type values = {"a list of values", LIST_OF(anything)};
static const grammar_type pointers = {"a list of JSON pointers", LIST_OF(pointer)};

/* Values, or the names of files that hold them */
static const grammar_type config = {"an object, or the name of a file that holds one", .kinds = GRAMMAR_OBJECT | GRAMMAR_TEXT};
static const grammar_type schema = {
    "a JSON Schema, or the name of a file that holds one", .kinds = GRAMMAR_OBJECT | GRAMMAR_TEXT | GRAMMAR_BOOL};
static const grammar_type documents = {
    "a list of documents, or the name of a file that holds one", .kinds = GRAMMAR_LIST | GRAMMAR_TEXT, .each = &object};
static const grammar_type lambda = {"a text, the name of a file, or an object", .kinds = GRAMMAR_TEXT | GRAMMAR_OBJECT};

/* Endpoints */
static const grammar_type command = {"a list: the program and its arguments", LIST_OF(text), .check = check_command};
static const grammar_type env = {"an object of texts", OBJECT_OF(text), .check = check_env};
static const grammar_type protocol_name = {"the name of a protocol", .kinds = GRAMMAR_TEXT, .check = check_protocol};
static const grammar_type image = {"an object with image", OBJECT_WITH(MUST("image", text), MAY("config", config))};
static const grammar_type local = {"an object with command", OBJECT_WITH(
    MAY("address", text), MAY("command", command), MAY("config", config), MAY("env", env), MAY("protobuf", boolean), MAY("protocol", protocol_name)),
    .check = check_local};
static const grammar_type native = {"an object with connector", OBJECT_WITH(MUST("connector", text), MAY("config", config))};
static const grammar_type dekaf = {"an object", OBJECT_WITH(MAY("variant", text), MAY("config", config))};
static const grammar_type capture_endpoint = {"an object", OBJECT_WITH(
    MAY("connector", image), MAY("local", local), MAY("native", native), MAY("python", object)), .one_of = true};
static const grammar_type materialization_endpoint = {"an object", OBJECT_WITH(
    MAY("connector", image), MAY("local", local), MAY("native", native), MAY("dekaf", dekaf)), .one_of = true};
static const grammar_type shards = {"an object", OBJECT_WITH(
    MAY("disable", boolean), MAY("minTxnDuration", duration), MAY("maxTxnDuration", duration), MAY("hotStandbys", count),
    MAY("ringBufferSize", count), MAY("readChannelSize", count), MAY("logLevel", level))};

static const grammar_type when_invalid = {"what to do about a document that is not valid", ONE_OF("fail", "divert")};

/* Captures */
static const grammar_type auto_discover = {"an object", OBJECT_WITH(
    MAY("addNewBindings", boolean), MAY("evolveIncompatibleCollections", boolean))};
static const grammar_type capture_binding = {"an object with resource and target", OBJECT_WITH(
    MUST("resource", config), MUST("target", text), MAY("disable", boolean), MAY("backfill", count),
    MAY("onInvalid", when_invalid))};
static const grammar_type capture_bindings = {"a list of bindings", LIST_OF(capture_binding)};
static const grammar_type capture = {"an object", OBJECT_WITH(
    MAY("autoDiscover", auto_discover), MUST("endpoint", capture_endpoint), MAY("bindings", capture_bindings),
    MAY("interval", duration), MAY("redactSalt", base64), MAY("shards", shards), MAY("secrets", text_map),
    MAY("expectPubId", text), MAY("delete", boolean), MAY("reset", boolean))};
static const grammar_type captures = {"an object of captures by name", OBJECT_OF(capture), .check = check_names};

/* Where documents come from */
static const grammar_type partition_values = {"an object of lists by field", OBJECT_OF(values)};
static const grammar_type partitions = {"an object", OBJECT_WITH(
    MAY("include", partition_values), MAY("exclude", partition_values))};
static const grammar_type source = {
    "the name of a collection, or an object with it", .kinds = GRAMMAR_TEXT | GRAMMAR_OBJECT, KEYS(
    MUST("name", text), MAY("partitions", partitions), MAY("notBefore", moment), MAY("notAfter", moment))};

/* Collections */
static const grammar_type projection = {
    "a JSON pointer, or an object with location and partition", .kinds = GRAMMAR_TEXT | GRAMMAR_OBJECT, KEYS(
    MUST("location", pointer), MAY("partition", boolean)), .check = check_projection};
static const grammar_type projections = {"an object of JSON pointers by field", OBJECT_OF(projection)};
static const grammar_type shuffle = {
    "any, or an object with key or lambda", .kinds = GRAMMAR_TEXT | GRAMMAR_OBJECT,
    KEYS(MAY("key", pointers), MAY("lambda", lambda)),
    .one_of = true, .choices = (const char *const[]){"any", NULL}};
static const grammar_type transform = {"an object with name and source", OBJECT_WITH(
    MUST("name", text), MUST("source", source), MAY("shuffle", shuffle), MAY("priority", priority), MAY("readDelay", duration),
    MAY("lambda", lambda), MAY("disable", boolean), MAY("backfill", count))};
static const grammar_type transforms = {"a list of transforms", LIST_OF(transform), .check = check_transforms};
static const grammar_type shuffle_key_type = {"the type of a part of a shuffle key", ONE_OF("boolean", "integer", "string")};
static const grammar_type shuffle_key_types = {"a list of types", LIST_OF(shuffle_key_type)};
static const grammar_type sqlite = {"an object", OBJECT_WITH(MAY("migrations", texts))};
static const grammar_type typescript = {"an object with module", OBJECT_WITH(MUST("module", text))};
static const grammar_type python = {"an object with module", OBJECT_WITH(MUST("module", text), MAY("dependencies", text_map))};
static const grammar_type using = {"an object", OBJECT_WITH(
    MAY("sqlite", sqlite), MAY("typescript", typescript), MAY("python", python), MAY("connector", image), MAY("local", local),
    MAY("native", native)), .one_of = true};
static const grammar_type derive = {"an object with using and transforms", OBJECT_WITH(
    MUST("using", using), MAY("transforms", transforms), MAY("shuffleKeyTypes", shuffle_key_types), MAY("redactSalt", base64),
    MAY("shards", shards), MAY("onInvalid", when_invalid))};
static const grammar_type key = {"a list of JSON pointers", LIST_OF(pointer), .check = check_key};
static const grammar_type a_collection = {"an object", OBJECT_WITH(
    MAY("schema", schema), MAY("writeSchema", schema), MAY("readSchema", schema), MUST("key", key), MAY("projections", projections),
    MAY("journals", object), MAY("derive", derive), MAY("expectPubId", text), MAY("delete", boolean), MAY("reset", boolean)),
    .check = check_schemas};
static const grammar_type collections = {"an object of collections by name", OBJECT_OF(a_collection), .check = check_names};

/* Materializations */
static const grammar_type on_change = {
    "what to do about a schema change", ONE_OF("backfill", "abort", "disableBinding", "disableTask")};
static const grammar_type recommended = {
    "true, false or a depth", .kinds = GRAMMAR_BOOL | GRAMMAR_NUMBER, .check = check_depth};
static const grammar_type fields = {"an object", OBJECT_WITH(
    MAY("groupBy", texts), MAY("require", object), MAY("include", object), MAY("exclude", texts), MAY("recommended", recommended))};
static const grammar_type materialization_binding = {"an object with resource and source", OBJECT_WITH(
    MUST("resource", config), MUST("source", source), MAY("disable", boolean), MAY("priority", priority), MAY("fields", fields),
    MAY("backfill", count), MAY("onIncompatibleSchemaChange", on_change), MAY("onInvalid", when_invalid))};
static const grammar_type materialization_bindings = {"a list of bindings", LIST_OF(materialization_binding)};
static const grammar_type source_capture = {
    "the name of a capture, or an object with it", .kinds = GRAMMAR_TEXT | GRAMMAR_OBJECT};
static const grammar_type materialization = {"an object", OBJECT_WITH(
    MAY("source", source_capture), MAY("sourceCapture", source_capture), MAY("onIncompatibleSchemaChange", on_change),
    MUST("endpoint", materialization_endpoint), MAY("bindings", materialization_bindings), MAY("shards", shards),
    MAY("secrets", text_map), MAY("expectPubId", text), MAY("delete", boolean), MAY("reset", boolean))};
static const grammar_type materializations = {
    "an object of materializations by name", OBJECT_OF(materialization), .check = check_names};

/* Tests */
static const grammar_type ingest = {"an object with collection and documents", OBJECT_WITH(
    MAY("description", text), MUST("collection", text), MUST("documents", documents))};
static const grammar_type verify = {"an object with collection and documents", OBJECT_WITH(
    MAY("description", text), MUST("collection", source), MUST("documents", documents), MAY("partitions", partitions))};
static const grammar_type step = {"an object with ingest or verify", OBJECT_WITH(
    MAY("ingest", ingest), MAY("verify", verify)), .one_of = true};
static const grammar_type steps = {"a list of steps", LIST_OF(step)};
static const grammar_type a_test = {
    "a list of steps, or an object with it", .kinds = GRAMMAR_LIST | GRAMMAR_OBJECT, .each = &step, KEYS(
    MAY("description", text), MUST("steps", steps), MAY("expectPubId", text), MAY("delete", boolean))};
static const grammar_type tests = {"an object of tests by name", OBJECT_OF(a_test), .check = check_names};

const grammar_type grammar_catalog = {
    "an object with captures, collections, materializations, tests or import", OBJECT_WITH(
    MAY("$schema", text), MAY("import", texts), MAY("captures", captures), MAY("collections", collections),
    MAY("materializations", materializations), MAY("tests", tests))};

/* clang-format on */

/* ------------------------------------------------------------------------------------------------------------- walker -- */

static const grammar_key *find_key(const grammar_type *type, weir_view name)
{
    for (const grammar_key *k = type->keys; k->name; k++)
        if (view_is(name, k->name))
            return k;
    return NULL;
}

static void unknown_key(problems *p, const grammar_type *type, const tree *t)
{
    enum { MOST = 16 };
    const char *names[MOST];
    buf all = {0};
    size_t n = 0;
    for (const grammar_key *k = type->keys; k->name && n < MOST; k++) {
        names[n++] = k->name;
        buf_printf(&all, "%s%s", n > 1 ? ", " : "", k->name);
    }
    const char *near = suggestion(p, t->name, names, n);
    if (*near)
        problem_at(p, t->name_mark, "unknown key \"%.*s\"%s", VIEW_ARG(t->name), near);
    else
        problem_at(p, t->name_mark, "unknown key \"%.*s\"; known here: %s", VIEW_ARG(t->name), buf_text(&all));
    buf_free(&all);
}

/* Was the key written with a slip? That was told, and is enough. */
static bool is_misspelt(const grammar_type *type, const tree *t, const char *name)
{
    enum { MOST = 64 };
    size_t n = 0;
    for (const tree *m = t->first; m && n++ < MOST; m = m->next)
        if (!find_key(type, m->name) && m->name.len < MOST && map_nearest(m->name, &name, 1))
            return true;
    return false;
}

static void check_missing(problems *p, const grammar_type *type, const tree *t)
{
    for (const grammar_key *k = type->keys; k->name; k++)
        if (k->required && tree_is_null(tree_get(t, k->name)) && !is_misspelt(type, t, k->name))
            problem_at(p, t->mark, "\"%s\" is missing", k->name);
}

/* Exactly one of the keys is there? Unknown ones were told already. */
static void check_one(problems *p, const grammar_type *type, const tree *t)
{
    const tree *chosen = NULL;
    buf all = {0};
    for (const tree *m = t->first; m; m = m->next) {
        if (m->kind == TREE_NULL || !find_key(type, m->name))
            continue;
        if (chosen)
            problem_at(p, m->name_mark, "\"%.*s\" and \"%.*s\" exclude each other", VIEW_ARG(chosen->name), VIEW_ARG(m->name));
        chosen = m;
    }
    for (const grammar_key *k = type->keys; k->name && !chosen; k++)
        buf_printf(&all, "%s\"%s\"", k == type->keys ? "" : ", ", k->name);
    if (!chosen && (!t->first || t->first->kind == TREE_NULL)) /* otherwise an unknown key was told, which is what was meant */
        problem_at(p, t->mark, "one of %s is missing", buf_text(&all));
    buf_free(&all);
}

static void check_members(problems *p, const grammar_type *type, const tree *t)
{
    for (const tree *m = t->first; m; m = m->next) {
        const grammar_key *k = find_key(type, m->name);
        if (!k)
            unknown_key(p, type, m);
        else if (m->kind != TREE_NULL)
            grammar_check(p, k->type, m);
    }
    check_missing(p, type, t);
    if (type->one_of)
        check_one(p, type, t);
}

static void check_choice(problems *p, const grammar_type *type, const tree *t)
{
    size_t n = 0;
    while (type->choices[n] && !view_is(t->text, type->choices[n]))
        n++;
    if (type->choices[n])
        return;
    buf all = {0};
    for (size_t i = 0; i < n; i++)
        buf_printf(&all, "%s%s", i ? ", " : "", type->choices[i]);
    problem_at(p, t->mark, "\"%.*s\" is not one of: %s%s", VIEW_ARG(t->text), buf_text(&all),
               suggestion(p, t->text, type->choices, n));
    buf_free(&all);
}

static void wrong_kind(problems *p, const grammar_type *type, const tree *t)
{
    bool quote = type->kinds & GRAMMAR_TEXT && (t->kind == TREE_BOOL || t->kind == TREE_NUMBER);
    const char *hint = quote ? "; put it in quotes if it is meant as text" : "";
    if (t->name.len)
        problem_at(p, t->mark, "\"%.*s\" must be %s, is %s%s", VIEW_ARG(t->name), type->what, tree_kind_name(t->kind), hint);
    else
        problem_at(p, t->mark, "expected %s, found %s%s", type->what, tree_kind_name(t->kind), hint);
}

void grammar_check(problems *p, const grammar_type *type, const tree *t)
{
    if (!(type->kinds & 1u << t->kind)) {
        wrong_kind(p, type, t);
        return;
    }
    if (t->kind == TREE_OBJECT && type->keys)
        check_members(p, type, t);
    else if (type->each)
        for (const tree *m = t->first; m; m = m->next)
            grammar_check(p, type->each, m);
    if (t->kind == TREE_STRING && type->choices)
        check_choice(p, type, t);
    if (type->check)
        type->check(p, t);
}
