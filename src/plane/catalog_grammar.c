/* The grammar of a catalog, as tables: what is allowed where, and of what kind. To add a key, add a row. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "json/number.h"
#include "json/pointer.h"
#include "json/text.h"
#include "plane/catalog_parts.h"

#define ANY  (1 << TREE_NULL | GRAMMAR_BOOL | GRAMMAR_NUMBER | GRAMMAR_TEXT | GRAMMAR_LIST | GRAMMAR_OBJECT)
#define KEYS (const grammar_key[])

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

/* clang-format off */
static const grammar_type anything = {.what = "anything", .kinds = ANY};
static const grammar_type boolean = {.what = "true or false", .kinds = GRAMMAR_BOOL};
static const grammar_type integer = {.what = "a number", .kinds = GRAMMAR_NUMBER};
static const grammar_type count = {.what = "a number", .kinds = GRAMMAR_NUMBER, .check = check_count};
static const grammar_type text = {.what = "a text", .kinds = GRAMMAR_TEXT};
static const grammar_type texts = {.what = "a list of texts", .kinds = GRAMMAR_LIST, .each = &text};
static const grammar_type text_map = {.what = "an object of texts", .kinds = GRAMMAR_OBJECT, .each = &text};
static const grammar_type object = {.what = "an object", .kinds = GRAMMAR_OBJECT};
static const grammar_type duration = {.what = "a duration such as 5m", .kinds = GRAMMAR_TEXT, .check = check_duration};
static const grammar_type base64 = {.what = "a text in base64", .kinds = GRAMMAR_TEXT, .check = check_base64};
static const grammar_type pointer = {.what = "a JSON pointer such as /id", .kinds = GRAMMAR_TEXT, .check = check_pointer};
static const grammar_type pointers = {.what = "a list of JSON pointers", .kinds = GRAMMAR_LIST, .each = &pointer};
static const grammar_type key = {.what = "a list of JSON pointers", .kinds = GRAMMAR_LIST, .each = &pointer, .check = check_key};
static const grammar_type config = {.what = "an object, or the name of a file that holds one", .kinds = GRAMMAR_OBJECT | GRAMMAR_TEXT};
static const grammar_type schema = {.what = "a JSON Schema, or the name of a file that holds one", .kinds = GRAMMAR_OBJECT | GRAMMAR_TEXT | GRAMMAR_BOOL};
static const grammar_type documents = {.what = "a list of documents, or the name of a file that holds one", .kinds = GRAMMAR_LIST | GRAMMAR_TEXT,
                                       .each = &object};
static const grammar_type level = {.what = "a log level", .kinds = GRAMMAR_TEXT,
                                   .choices = (const char *const[]){"error", "warn", "info", "debug", "trace", NULL}};
static const grammar_type on_change = {.what = "what to do about a schema change", .kinds = GRAMMAR_TEXT,
                                       .choices = (const char *const[]){"backfill", "abort", "disableBinding", "disableTask", NULL}};

static const grammar_type shards = {.what = "an object", .kinds = GRAMMAR_OBJECT, .keys = KEYS{
    {"disable", &boolean, false}, {"minTxnDuration", &duration, false}, {"maxTxnDuration", &duration, false},
    {"hotStandbys", &count, false}, {"ringBufferSize", &count, false}, {"readChannelSize", &count, false}, {"logLevel", &level, false}, {0}}};

/* Endpoints */
static const grammar_type command = {.what = "a list: the program and its arguments", .kinds = GRAMMAR_LIST, .each = &text, .check = check_command};
static const grammar_type env = {.what = "an object of texts", .kinds = GRAMMAR_OBJECT, .each = &text, .check = check_env};
static const grammar_type image_endpoint = {.what = "an object", .kinds = GRAMMAR_OBJECT, .keys = KEYS{
    {"image", &text, true}, {"config", &config, false}, {0}}};
static const grammar_type local_endpoint = {.what = "an object", .kinds = GRAMMAR_OBJECT, .keys = KEYS{
    {"command", &command, true}, {"config", &config, false}, {"env", &env, false}, {"protobuf", &boolean, false},
    {"protocol", &text, false}, {0}}};
static const grammar_type native_endpoint = {.what = "an object", .kinds = GRAMMAR_OBJECT, .keys = KEYS{
    {"connector", &text, true}, {"config", &config, false}, {0}}};
static const grammar_type dekaf_endpoint = {.what = "an object", .kinds = GRAMMAR_OBJECT, .keys = KEYS{
    {"variant", &text, false}, {"config", &config, false}, {0}}};
static const grammar_type capture_endpoint = {.what = "an object", .kinds = GRAMMAR_OBJECT, .keys = KEYS{
    {"connector", &image_endpoint, false}, {"local", &local_endpoint, false}, {"native", &native_endpoint, false},
    {"python", &object, false}, {0}}, .one_of = true};
static const grammar_type materialization_endpoint = {.what = "an object", .kinds = GRAMMAR_OBJECT, .keys = KEYS{
    {"connector", &image_endpoint, false}, {"local", &local_endpoint, false}, {"native", &native_endpoint, false},
    {"dekaf", &dekaf_endpoint, false}, {0}}, .one_of = true};

/* Captures */
static const grammar_type auto_discover = {.what = "an object", .kinds = GRAMMAR_OBJECT, .keys = KEYS{
    {"addNewBindings", &boolean, false}, {"evolveIncompatibleCollections", &boolean, false}, {0}}};
static const grammar_type capture_binding = {.what = "an object with resource and target", .kinds = GRAMMAR_OBJECT, .keys = KEYS{
    {"resource", &config, true}, {"target", &text, true}, {"disable", &boolean, false}, {"backfill", &count, false}, {0}}};
static const grammar_type capture_bindings = {.what = "a list of bindings", .kinds = GRAMMAR_LIST, .each = &capture_binding};
static const grammar_type capture = {.what = "an object", .kinds = GRAMMAR_OBJECT, .keys = KEYS{
    {"autoDiscover", &auto_discover, false}, {"endpoint", &capture_endpoint, true}, {"bindings", &capture_bindings, false},
    {"interval", &duration, false}, {"redactSalt", &base64, false}, {"shards", &shards, false}, {"secrets", &text_map, false},
    {"expectPubId", &text, false}, {"delete", &boolean, false}, {"reset", &boolean, false}, {0}}};
static const grammar_type captures = {.what = "an object of captures by name", .kinds = GRAMMAR_OBJECT, .each = &capture, .check = check_names};

/* Where documents come from */
static const grammar_type partition_values = {.what = "an object of lists by field", .kinds = GRAMMAR_OBJECT,
                                              .each = &(const grammar_type){.what = "a list of values", .kinds = GRAMMAR_LIST, .each = &anything}};
static const grammar_type partitions = {.what = "an object", .kinds = GRAMMAR_OBJECT, .keys = KEYS{
    {"include", &partition_values, false}, {"exclude", &partition_values, false}, {0}}};
static const grammar_type source = {.what = "the name of a collection, or an object with it", .kinds = GRAMMAR_TEXT | GRAMMAR_OBJECT, .keys = KEYS{
    {"name", &text, true}, {"partitions", &partitions, false}, {"notBefore", &text, false}, {"notAfter", &text, false}, {0}}};

/* Collections */
static const grammar_type projection = {.what = "a JSON pointer, or an object with location and partition", .kinds = GRAMMAR_TEXT | GRAMMAR_OBJECT, .keys = KEYS{
    {"location", &pointer, true}, {"partition", &boolean, false}, {0}}, .check = check_projection};
static const grammar_type projections = {.what = "an object of JSON pointers by field", .kinds = GRAMMAR_OBJECT, .each = &projection};
static const grammar_type lambda = {.what = "a text, the name of a file, or an object", .kinds = GRAMMAR_TEXT | GRAMMAR_OBJECT};
static const grammar_type shuffle = {.what = "any, or an object with key or lambda", .kinds = GRAMMAR_TEXT | GRAMMAR_OBJECT, .keys = KEYS{
    {"key", &pointers, false}, {"lambda", &lambda, false}, {0}}, .choices = (const char *const[]){"any", NULL}, .one_of = true};
static const grammar_type transform = {.what = "an object with name and source", .kinds = GRAMMAR_OBJECT, .keys = KEYS{
    {"name", &text, true}, {"source", &source, true}, {"shuffle", &shuffle, false}, {"priority", &integer, false},
    {"readDelay", &duration, false}, {"lambda", &lambda, false}, {"disable", &boolean, false}, {"backfill", &count, false}, {0}}};
static const grammar_type transforms = {.what = "a list of transforms", .kinds = GRAMMAR_LIST, .each = &transform};
static const grammar_type sqlite = {.what = "an object", .kinds = GRAMMAR_OBJECT, .keys = KEYS{{"migrations", &texts, false}, {0}}};
static const grammar_type typescript = {.what = "an object", .kinds = GRAMMAR_OBJECT, .keys = KEYS{{"module", &text, true}, {0}}};
static const grammar_type python = {.what = "an object", .kinds = GRAMMAR_OBJECT, .keys = KEYS{{"module", &text, true}, {"dependencies", &text_map, false}, {0}}};
static const grammar_type using = {.what = "an object", .kinds = GRAMMAR_OBJECT, .keys = KEYS{
    {"sqlite", &sqlite, false}, {"typescript", &typescript, false}, {"python", &python, false}, {"connector", &image_endpoint, false},
    {"local", &local_endpoint, false}, {"native", &native_endpoint, false}, {0}}, .one_of = true};
static const grammar_type derive = {.what = "an object with using and transforms", .kinds = GRAMMAR_OBJECT, .keys = KEYS{
    {"using", &using, true}, {"transforms", &transforms, false}, {"shuffleKeyTypes", &texts, false}, {"redactSalt", &base64, false},
    {"shards", &shards, false}, {0}}};
static const grammar_type a_collection = {.what = "an object", .kinds = GRAMMAR_OBJECT, .keys = KEYS{
    {"schema", &schema, false}, {"writeSchema", &schema, false}, {"readSchema", &schema, false}, {"key", &key, true},
    {"projections", &projections, false}, {"journals", &object, false}, {"derive", &derive, false}, {"expectPubId", &text, false},
    {"delete", &boolean, false}, {"reset", &boolean, false}, {0}}, .check = check_schemas};
static const grammar_type collections = {.what = "an object of collections by name", .kinds = GRAMMAR_OBJECT, .each = &a_collection, .check = check_names};

/* Materializations */
static const grammar_type recommended = {.what = "true, false or a depth", .kinds = GRAMMAR_BOOL | GRAMMAR_NUMBER, .check = check_depth};
static const grammar_type fields = {.what = "an object", .kinds = GRAMMAR_OBJECT, .keys = KEYS{
    {"groupBy", &texts, false}, {"require", &object, false}, {"include", &object, false}, {"exclude", &texts, false},
    {"recommended", &recommended, false}, {0}}};
static const grammar_type materialization_binding = {.what = "an object with resource and source", .kinds = GRAMMAR_OBJECT, .keys = KEYS{
    {"resource", &config, true}, {"source", &source, true}, {"disable", &boolean, false}, {"priority", &integer, false},
    {"fields", &fields, false}, {"backfill", &count, false}, {"onIncompatibleSchemaChange", &on_change, false}, {0}}};
static const grammar_type materialization_bindings = {.what = "a list of bindings", .kinds = GRAMMAR_LIST, .each = &materialization_binding};
static const grammar_type source_capture = {.what = "the name of a capture, or an object with it", .kinds = GRAMMAR_TEXT | GRAMMAR_OBJECT};
static const grammar_type materialization = {.what = "an object", .kinds = GRAMMAR_OBJECT, .keys = KEYS{
    {"source", &source_capture, false}, {"sourceCapture", &source_capture, false}, {"onIncompatibleSchemaChange", &on_change, false},
    {"endpoint", &materialization_endpoint, true}, {"bindings", &materialization_bindings, false}, {"shards", &shards, false},
    {"secrets", &text_map, false}, {"expectPubId", &text, false}, {"delete", &boolean, false}, {"reset", &boolean, false}, {0}}};
static const grammar_type materializations = {.what = "an object of materializations by name", .kinds = GRAMMAR_OBJECT, .each = &materialization,
                                              .check = check_names};

/* Tests */
static const grammar_type ingest = {.what = "an object with collection and documents", .kinds = GRAMMAR_OBJECT, .keys = KEYS{
    {"description", &text, false}, {"collection", &text, true}, {"documents", &documents, true}, {0}}};
static const grammar_type verify = {.what = "an object with collection and documents", .kinds = GRAMMAR_OBJECT, .keys = KEYS{
    {"description", &text, false}, {"collection", &source, true}, {"documents", &documents, true}, {"partitions", &partitions, false}, {0}}};
static const grammar_type step = {.what = "an object with ingest or verify", .kinds = GRAMMAR_OBJECT, .keys = KEYS{
    {"ingest", &ingest, false}, {"verify", &verify, false}, {0}}, .one_of = true};
static const grammar_type steps = {.what = "a list of steps", .kinds = GRAMMAR_LIST, .each = &step};
static const grammar_type a_test = {.what = "a list of steps, or an object with it", .kinds = GRAMMAR_LIST | GRAMMAR_OBJECT, .keys = KEYS{
    {"description", &text, false}, {"steps", &steps, true}, {"expectPubId", &text, false}, {"delete", &boolean, false}, {0}}, .each = &step};
static const grammar_type tests = {.what = "an object of tests by name", .kinds = GRAMMAR_OBJECT, .each = &a_test, .check = check_names};

const grammar_type grammar_catalog = {.what = "an object with captures, collections, materializations, tests or import", .kinds = GRAMMAR_OBJECT, .keys = KEYS{
    {"$schema", &text, false}, {"import", &texts, false}, {"captures", &captures, false}, {"collections", &collections, false},
    {"materializations", &materializations, false}, {"tests", &tests, false}, {0}}};

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
    const char *near = suggestion(p->mem, t->name, names, n);
    if (*near)
        problem_at(p, t->name_mark, "unknown key \"%.*s\"%s", VIEW_ARG(t->name), near);
    else
        problem_at(p, t->name_mark, "unknown key \"%.*s\"; known here: %s", VIEW_ARG(t->name), buf_text(&all));
    buf_free(&all);
}

static void check_missing(problems *p, const grammar_type *type, const tree *t)
{
    for (const grammar_key *k = type->keys; k->name; k++)
        if (k->required && tree_is_null(tree_get(t, k->name)))
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
               suggestion(p->mem, t->text, type->choices, n));
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
