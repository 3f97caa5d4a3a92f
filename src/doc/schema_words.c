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
    {"title", ALL_DRAFTS, V_META_DATA, W_VALUE},
    {"default", ALL_DRAFTS, V_META_DATA, W_VALUE},
    {"reduce", ALL_DRAFTS, V_ALL, W_VALUE}, /* Flow's own: whatever the vocabulary */
    {"redact", ALL_DRAFTS, V_ALL, W_VALUE},
    {"secret", ALL_DRAFTS, V_ALL, W_VALUE},
    {"airbyte_secret", ALL_DRAFTS, V_ALL, W_VALUE},
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
    {"draft-04/schema", D4},         {"draft-06/schema", D6},         {"draft-07/schema", D7},
    {"draft/2019-09/schema", D2019}, {"draft/2020-12/schema", D2020}, {"schema", D2020},
};

weir_view schema_org_path(weir_view uri)
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
    weir_view path = schema_org_path(uri);
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
    weir_view path = schema_org_path(uri);
    for (size_t i = 0; i < sizeof vocabularies / sizeof *vocabularies; i++)
        if (view_is(path, vocabularies[i].path))
            return vocabularies[i].vocabulary;
    return 0;
}
