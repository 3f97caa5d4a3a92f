#include "doc/schema_words.h"

static const word words[] = {
    {"$ref", ALL_DRAFTS, V_CORE, W_VALUE},
    {"$dynamicRef", D2020, V_CORE, W_VALUE},
    {"$recursiveRef", D2019, V_CORE, W_VALUE},
    {"$defs", ALL_DRAFTS, V_CORE, W_MAP},
    {"definitions", ALL_DRAFTS, V_CORE, W_MAP},
    {"allOf", ALL_DRAFTS, V_APPLICATOR, W_LIST},
    {"anyOf", ALL_DRAFTS, V_APPLICATOR, W_LIST},
    {"oneOf", ALL_DRAFTS, V_APPLICATOR, W_LIST},
    {"not", ALL_DRAFTS, V_APPLICATOR, W_SCHEMA},
    {"if", SINCE_7, V_APPLICATOR, W_SCHEMA},
    {"then", SINCE_7, V_APPLICATOR, W_SCHEMA},
    {"else", SINCE_7, V_APPLICATOR, W_SCHEMA},
    {"properties", ALL_DRAFTS, V_APPLICATOR, W_MAP},
    {"patternProperties", ALL_DRAFTS, V_APPLICATOR, W_MAP},
    {"additionalProperties", ALL_DRAFTS, V_APPLICATOR, W_SCHEMA},
    {"propertyNames", SINCE_6, V_APPLICATOR, W_SCHEMA},
    {"dependencies", ALL_DRAFTS, V_APPLICATOR, W_MAP},
    {"dependentSchemas", SINCE_2019, V_APPLICATOR, W_MAP},
    {"prefixItems", D2020, V_APPLICATOR, W_LIST},
    {"items", ALL_DRAFTS, V_APPLICATOR, W_SCHEMA_OR_LIST},
    {"additionalItems", UP_TO_7 | D2019, V_APPLICATOR, W_SCHEMA},
    {"contains", SINCE_6, V_APPLICATOR, W_SCHEMA},
    {"unevaluatedItems", SINCE_2019, V_UNEVALUATED, W_SCHEMA},
    {"unevaluatedProperties", SINCE_2019, V_UNEVALUATED, W_SCHEMA},
    {"contentSchema", SINCE_2019, V_CONTENT, W_SCHEMA},
    {"type", ALL_DRAFTS, V_VALIDATION, W_VALUE},
    {"enum", ALL_DRAFTS, V_VALIDATION, W_VALUE},
    {"const", SINCE_6, V_VALIDATION, W_VALUE},
    {"multipleOf", ALL_DRAFTS, V_VALIDATION, W_VALUE},
    {"maximum", ALL_DRAFTS, V_VALIDATION, W_VALUE},
    {"exclusiveMaximum", ALL_DRAFTS, V_VALIDATION, W_VALUE},
    {"minimum", ALL_DRAFTS, V_VALIDATION, W_VALUE},
    {"exclusiveMinimum", ALL_DRAFTS, V_VALIDATION, W_VALUE},
    {"maxLength", ALL_DRAFTS, V_VALIDATION, W_VALUE},
    {"minLength", ALL_DRAFTS, V_VALIDATION, W_VALUE},
    {"pattern", ALL_DRAFTS, V_VALIDATION, W_VALUE},
    {"maxItems", ALL_DRAFTS, V_VALIDATION, W_VALUE},
    {"minItems", ALL_DRAFTS, V_VALIDATION, W_VALUE},
    {"uniqueItems", ALL_DRAFTS, V_VALIDATION, W_VALUE},
    {"maxContains", SINCE_2019, V_VALIDATION, W_VALUE},
    {"minContains", SINCE_2019, V_VALIDATION, W_VALUE},
    {"maxProperties", ALL_DRAFTS, V_VALIDATION, W_VALUE},
    {"minProperties", ALL_DRAFTS, V_VALIDATION, W_VALUE},
    {"required", ALL_DRAFTS, V_VALIDATION, W_VALUE},
    {"dependentRequired", SINCE_2019, V_VALIDATION, W_VALUE},
    {"format", ALL_DRAFTS, V_FORMAT | V_FORMAT_ASSERTS, W_VALUE},
    {"reduce", ALL_DRAFTS, V_ALL, W_VALUE}, /* Flow's own: whatever the vocabulary */
    {"redact", ALL_DRAFTS, V_ALL, W_VALUE},
};

const word *word_named(weir_view name)
{
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (view_is(name, words[i].name))
            return &words[i];
    return NULL;
}

/* -------------------------------------------------------------------------------------------------------- well-known URIs -- */

static const struct {
    const char *path;
    unsigned draft;
} drafts[] = {
    {"draft-04/schema", D4}, {"draft-06/schema", D6}, {"draft-07/schema", D7}, {"draft/2019-09/schema", D2019}, {"draft/2020-12/schema", D2020}, {"schema", D2020},
};

/* What follows json-schema.org/, or nothing. */
static weir_view path_of(weir_view uri)
{
    static const char *const before[] = {"https://json-schema.org/", "http://json-schema.org/"};
    while (uri.len && strchr("#/", uri.ptr[uri.len - 1]))
        uri.len--;
    for (size_t i = 0; i < 2; i++)
        if (view_starts(uri, view_of(before[i])))
            return view_from(uri, strlen(before[i]));
    return (weir_view){NULL, 0};
}

unsigned draft_named(weir_view uri)
{
    weir_view path = path_of(uri);
    for (size_t i = 0; i < sizeof drafts / sizeof *drafts; i++)
        if (view_is(path, drafts[i].path))
            return drafts[i].draft;
    return 0;
}

static const struct {
    const char *path;
    unsigned vocabulary;
} vocabularies[] = {
    {"draft/2019-09/vocab/core", V_CORE},
    {"draft/2019-09/vocab/applicator", V_APPLICATOR | V_UNEVALUATED},
    {"draft/2019-09/vocab/validation", V_VALIDATION},
    {"draft/2019-09/vocab/meta-data", V_META_DATA},
    {"draft/2019-09/vocab/format", V_FORMAT},
    {"draft/2019-09/vocab/content", V_CONTENT},
    {"draft/2020-12/vocab/core", V_CORE},
    {"draft/2020-12/vocab/applicator", V_APPLICATOR},
    {"draft/2020-12/vocab/unevaluated", V_UNEVALUATED},
    {"draft/2020-12/vocab/validation", V_VALIDATION},
    {"draft/2020-12/vocab/meta-data", V_META_DATA},
    {"draft/2020-12/vocab/format-annotation", V_FORMAT},
    {"draft/2020-12/vocab/format-assertion", V_FORMAT_ASSERTS},
    {"draft/2020-12/vocab/content", V_CONTENT},
};

unsigned vocabulary_named(weir_view uri)
{
    weir_view path = path_of(uri);
    for (size_t i = 0; i < sizeof vocabularies / sizeof *vocabularies; i++)
        if (view_is(path, vocabularies[i].path))
            return vocabularies[i].vocabulary;
    return 0;
}

/* ----------------------------------------------------------------------------------------------------------- metaschemas -- */

/* What the drafts' own schemas demand of a schema, in our words. The parts of 2019-09 and 2020-12 differ in how a schema refers to a schema. */
#define COUNT "{\"type\":\"integer\",\"minimum\":0}"
#define TEXTS "{\"type\":\"array\",\"items\":{\"type\":\"string\"},\"uniqueItems\":true}"
#define TYPE "{\"enum\":[\"array\",\"boolean\",\"integer\",\"null\",\"number\",\"object\",\"string\"]}"
#define TYPES "{\"anyOf\":[" TYPE ",{\"type\":\"array\",\"items\":" TYPE ",\"minItems\":1,\"uniqueItems\":true}]}"
#define LIST(S) "{\"type\":\"array\",\"minItems\":1,\"items\":" S "}"
#define MAP(S) "{\"type\":\"object\",\"additionalProperties\":" S "}"
#define PATTERNS(S) "{\"type\":\"object\",\"additionalProperties\":" S ",\"propertyNames\":{\"format\":\"regex\"}}"
#define BOOLEAN "{\"type\":\"boolean\"}"
#define STRING "{\"type\":\"string\"}"
#define NUMBER "{\"type\":\"number\"}"
#define COUNTS                                                                                                                                                 \
    "\"maxLength\":" COUNT ",\"minLength\":" COUNT ",\"maxItems\":" COUNT ",\"minItems\":" COUNT ",\"maxProperties\":" COUNT ",\"minProperties\":" COUNT

#define OLD_COMMON(S, ITEMS)                                                                                                                                   \
    "\"$schema\":{\"type\":\"string\",\"format\":\"uri\"},\"$ref\":{\"type\":\"string\",\"format\":\"uri-reference\"},\"title\":" STRING                       \
    ",\"description\":" STRING "," COUNTS ",\"pattern\":{\"type\":\"string\",\"format\":\"regex\"},\"additionalItems\":" S ",\"items\":" ITEMS                 \
    ",\"uniqueItems\":" BOOLEAN ",\"additionalProperties\":" S ",\"definitions\":" MAP(S) ",\"properties\":" MAP(S) ",\"patternProperties\":" MAP(S)           \
    ",\"dependencies\":" MAP("{\"anyOf\":[" S "," TEXTS "]}") ",\"enum\":{\"type\":\"array\"},\"type\":" TYPES ",\"format\":" STRING                           \
    ",\"allOf\":" LIST(S) ",\"anyOf\":" LIST(S) ",\"oneOf\":" LIST(S) ",\"not\":" S ",\"maximum\":" NUMBER ",\"minimum\":" NUMBER                              \
    ",\"multipleOf\":{\"type\":\"number\",\"exclusiveMinimum\":0}"

#define SELF "{\"$ref\":\"#\"}"
#define SELF_OR_LIST "{\"anyOf\":[" SELF "," LIST(SELF) "]}"
#define SINCE_DRAFT_6                                                                                                                                          \
    OLD_COMMON(SELF, SELF_OR_LIST)                                                                                                                             \
    ",\"$id\":{\"type\":\"string\",\"format\":\"uri-reference\"},\"examples\":{\"type\":\"array\"},\"required\":" TEXTS                                        \
    ",\"exclusiveMaximum\":" NUMBER ",\"exclusiveMinimum\":" NUMBER ",\"contains\":" SELF ",\"propertyNames\":" SELF

/* Parts, with what a reference to a schema looks like. */
#define PART(DRAFT, NAME, ANCHOR, PROPERTIES)                                                                                                        \
    "{\"$schema\":\"https://json-schema.org/draft/" DRAFT "/schema\",\"$id\":\"https://json-schema.org/draft/" DRAFT "/meta/" NAME                             \
    "\"," ANCHOR ",\"type\":[\"object\",\"boolean\"],\"properties\":{" PROPERTIES "}}"
#define APPLICATOR(S)                                                                                                                                          \
    "\"contains\":" S ",\"additionalProperties\":" S ",\"properties\":" MAP(S) ",\"patternProperties\":" PATTERNS(S) ",\"dependentSchemas\":" MAP(S)           \
    ",\"propertyNames\":" S ",\"if\":" S ",\"then\":" S ",\"else\":" S ",\"allOf\":" LIST(S) ",\"anyOf\":" LIST(S) ",\"oneOf\":" LIST(S) ",\"not\":" S
#define VALIDATION                                                                                                                                             \
    COUNTS ",\"type\":" TYPES ",\"const\":true,\"enum\":{\"type\":\"array\"},\"multipleOf\":{\"type\":\"number\",\"exclusiveMinimum\":0},\"maximum\":" NUMBER  \
           ",\"exclusiveMaximum\":" NUMBER ",\"minimum\":" NUMBER ",\"exclusiveMinimum\":" NUMBER ",\"pattern\":{\"type\":\"string\",\"format\":\"regex\"}"    \
           ",\"uniqueItems\":" BOOLEAN ",\"maxContains\":" COUNT ",\"minContains\":" COUNT ",\"required\":" TEXTS ",\"dependentRequired\":" MAP(TEXTS)
#define META_DATA                                                                                                                                              \
    "\"title\":" STRING ",\"description\":" STRING ",\"deprecated\":" BOOLEAN ",\"readOnly\":" BOOLEAN ",\"writeOnly\":" BOOLEAN                              \
    ",\"examples\":{\"type\":\"array\"}"
#define CONTENT(S) "\"contentEncoding\":" STRING ",\"contentMediaType\":" STRING ",\"contentSchema\":" S
#define URI "{\"type\":\"string\",\"format\":\"uri\"}"
#define URI_REFERENCE "{\"type\":\"string\",\"format\":\"uri-reference\"}"
#define ID "{\"type\":\"string\",\"format\":\"uri-reference\",\"pattern\":\"^[^#]*#?$\"}"
#define VOCABULARIES "{\"type\":\"object\",\"propertyNames\":" URI ",\"additionalProperties\":" BOOLEAN "}"

#define NAME_2019 "{\"type\":\"string\",\"pattern\":\"^[A-Za-z][-A-Za-z0-9.:_]*$\"}"
#define S_2019 "{\"$recursiveRef\":\"#\"}"
#define ANCHOR_2019 "\"$recursiveAnchor\":true"
#define PART_2019(NAME, PROPERTIES) PART("2019-09", NAME, ANCHOR_2019, PROPERTIES)
#define REF_2019(NAME) "{\"$ref\":\"meta/" NAME "\"}"
#define VOCAB_2019(NAME, MUST) "\"https://json-schema.org/draft/2019-09/vocab/" NAME "\":" MUST

#define NAME_2020 "{\"type\":\"string\",\"pattern\":\"^[A-Za-z_][-A-Za-z0-9._]*$\"}"
#define S_2020 "{\"$dynamicRef\":\"#meta\"}"
#define ANCHOR_2020 "\"$dynamicAnchor\":\"meta\""
#define PART_2020(NAME, PROPERTIES) PART("2020-12", NAME, ANCHOR_2020, PROPERTIES)
#define REF_2020(NAME) "{\"$ref\":\"meta/" NAME "\"}"
#define VOCAB_2020(NAME, MUST) "\"https://json-schema.org/draft/2020-12/vocab/" NAME "\":" MUST

static const struct {
    const char *path;
    weir_view text;
} metaschemas[] = {
    {"draft-04/schema",
     WEIR_LIT("{\"$schema\":\"http://json-schema.org/draft-04/schema#\",\"id\":\"http://json-schema.org/draft-04/schema#\",\"type\":\"object\",\"properties\":{"
              "\"id\":" STRING ",\"$schema\":" STRING ",\"$ref\":" STRING ",\"title\":" STRING ",\"description\":" STRING "," COUNTS
              ",\"pattern\":{\"type\":\"string\",\"format\":\"regex\"},\"additionalItems\":{\"anyOf\":[" BOOLEAN "," SELF "]},\"items\":" SELF_OR_LIST
              ",\"uniqueItems\":" BOOLEAN ",\"additionalProperties\":{\"anyOf\":[" BOOLEAN "," SELF "]},\"definitions\":" MAP(SELF) ",\"properties\":" MAP(SELF)
              ",\"patternProperties\":" MAP(SELF) ",\"dependencies\":" MAP("{\"anyOf\":[" SELF ",{\"type\":\"array\",\"minItems\":1,\"items\":" STRING
              ",\"uniqueItems\":true}]}") ",\"enum\":{\"type\":\"array\",\"minItems\":1,\"uniqueItems\":true},\"type\":" TYPES ",\"format\":" STRING
              ",\"allOf\":" LIST(SELF) ",\"anyOf\":" LIST(SELF) ",\"oneOf\":" LIST(SELF) ",\"not\":" SELF ",\"maximum\":" NUMBER ",\"minimum\":" NUMBER
              ",\"exclusiveMaximum\":" BOOLEAN ",\"exclusiveMinimum\":" BOOLEAN ",\"multipleOf\":{\"type\":\"number\",\"minimum\":0,\"exclusiveMinimum\":true}"
              ",\"required\":{\"type\":\"array\",\"minItems\":1,\"items\":" STRING ",\"uniqueItems\":true}},"
              "\"dependencies\":{\"exclusiveMaximum\":[\"maximum\"],\"exclusiveMinimum\":[\"minimum\"]}}")},
    {"draft-06/schema",
     WEIR_LIT("{\"$schema\":\"http://json-schema.org/draft-06/schema#\",\"$id\":\"http://json-schema.org/draft-06/schema#\",\"type\":[\"object\",\"boolean\"],"
              "\"properties\":{" SINCE_DRAFT_6 "}}")},
    {"draft-07/schema",
     WEIR_LIT("{\"$schema\":\"http://json-schema.org/draft-07/schema#\",\"$id\":\"http://json-schema.org/draft-07/schema#\",\"type\":[\"object\",\"boolean\"],"
              "\"properties\":{" SINCE_DRAFT_6 ",\"$comment\":" STRING ",\"readOnly\":" BOOLEAN ",\"writeOnly\":" BOOLEAN ",\"if\":" SELF ",\"then\":" SELF ",\"else\":" SELF
              ",\"contentMediaType\":" STRING ",\"contentEncoding\":" STRING "}}")},

    {"draft/2019-09/schema",
     WEIR_LIT("{\"$schema\":\"https://json-schema.org/draft/2019-09/schema\",\"$id\":\"https://json-schema.org/draft/2019-09/schema\",\"$vocabulary\":{" VOCAB_2019(
         "core", "true") "," VOCAB_2019("applicator", "true") "," VOCAB_2019("validation", "true") "," VOCAB_2019("meta-data", "true") "," VOCAB_2019("format", "false") "," VOCAB_2019("content",
                                                                                                                                                                                      "true") "}," ANCHOR_2019
              ",\"allOf\":[" REF_2019("core") "," REF_2019("applicator") "," REF_2019("validation") "," REF_2019("meta-data") "," REF_2019("format") "," REF_2019("content") "],"
              "\"type\":[\"object\",\"boolean\"],\"properties\":{\"definitions\":" MAP(S_2019) ",\"dependencies\":" MAP("{\"anyOf\":[" S_2019 "," TEXTS "]}") "}}")},
    {"draft/2019-09/meta/core",
     WEIR_LIT(PART_2019("core", "\"$id\":" ID ",\"$schema\":" URI ",\"$anchor\":" NAME_2019 ",\"$ref\":" URI_REFERENCE ",\"$recursiveRef\":" URI_REFERENCE
                                ",\"$recursiveAnchor\":" BOOLEAN ",\"$vocabulary\":" VOCABULARIES ",\"$comment\":" STRING ",\"$defs\":" MAP(S_2019)))},
    {"draft/2019-09/meta/applicator",
     WEIR_LIT(PART_2019("applicator", APPLICATOR(S_2019) ",\"items\":{\"anyOf\":[" S_2019 "," LIST(S_2019) "]},\"additionalItems\":" S_2019
                                      ",\"unevaluatedItems\":" S_2019 ",\"unevaluatedProperties\":" S_2019))},
    {"draft/2019-09/meta/validation", WEIR_LIT(PART_2019("validation", VALIDATION))},
    {"draft/2019-09/meta/meta-data", WEIR_LIT(PART_2019("meta-data", META_DATA))},
    {"draft/2019-09/meta/format", WEIR_LIT(PART_2019("format", "\"format\":" STRING))},
    {"draft/2019-09/meta/content", WEIR_LIT(PART_2019("content", CONTENT(S_2019)))},

    {"draft/2020-12/schema",
     WEIR_LIT("{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"$id\":\"https://json-schema.org/draft/2020-12/schema\",\"$vocabulary\":{" VOCAB_2020(
         "core", "true") "," VOCAB_2020("applicator", "true") "," VOCAB_2020("unevaluated", "true") "," VOCAB_2020("validation", "true") "," VOCAB_2020("meta-data",
                                                                                                                                                   "true") "," VOCAB_2020("format-annotation", "true") "," VOCAB_2020("content", "true") "}," ANCHOR_2020
              ",\"allOf\":[" REF_2020("core") "," REF_2020("applicator") "," REF_2020("unevaluated") "," REF_2020("validation") "," REF_2020("meta-data") "," REF_2020(
                  "format-annotation") "," REF_2020("content") "],"
              "\"type\":[\"object\",\"boolean\"],\"properties\":{\"definitions\":" MAP(S_2020) ",\"dependencies\":" MAP("{\"anyOf\":[" S_2020 "," TEXTS "]}")
              ",\"$recursiveAnchor\":{\"type\":\"string\"},\"$recursiveRef\":" URI_REFERENCE "}}")},
    {"draft/2020-12/meta/core",
     WEIR_LIT(PART_2020("core", "\"$id\":" ID ",\"$schema\":" URI ",\"$ref\":" URI_REFERENCE ",\"$anchor\":" NAME_2020 ",\"$dynamicRef\":" URI_REFERENCE
                                ",\"$dynamicAnchor\":" NAME_2020 ",\"$vocabulary\":" VOCABULARIES ",\"$comment\":" STRING ",\"$defs\":" MAP(S_2020)))},
    {"draft/2020-12/meta/applicator", WEIR_LIT(PART_2020("applicator", APPLICATOR(S_2020) ",\"prefixItems\":" LIST(S_2020) ",\"items\":" S_2020))},
    {"draft/2020-12/meta/unevaluated", WEIR_LIT(PART_2020("unevaluated", "\"unevaluatedItems\":" S_2020 ",\"unevaluatedProperties\":" S_2020))},
    {"draft/2020-12/meta/validation", WEIR_LIT(PART_2020("validation", VALIDATION))},
    {"draft/2020-12/meta/meta-data", WEIR_LIT(PART_2020("meta-data", META_DATA))},
    {"draft/2020-12/meta/format-annotation", WEIR_LIT(PART_2020("format-annotation", "\"format\":" STRING))},
    {"draft/2020-12/meta/format-assertion", WEIR_LIT(PART_2020("format-assertion", "\"format\":" STRING))},
    {"draft/2020-12/meta/content", WEIR_LIT(PART_2020("content", CONTENT(S_2020)))},
};

weir_view metaschema_at(weir_view uri)
{
    weir_view path = path_of(uri);
    for (size_t i = 0; i < sizeof metaschemas / sizeof *metaschemas; i++)
        if (view_is(path, metaschemas[i].path))
            return metaschemas[i].text;
    return (weir_view){NULL, 0};
}
