/* The drafts' own schemas: what they demand of a schema, in our words. */
#include "doc/schema_words.h"

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

/* A draft that has parts: each is a vocabulary, and all of them together are the metaschema. */
#define ROOT(DRAFT, ANCHOR, VOCABULARY, PARTS, PROPERTIES)                                                                                                     \
    "{\"$schema\":\"https://json-schema.org/draft/" DRAFT "/schema\",\"$id\":\"https://json-schema.org/draft/" DRAFT "/schema\",\"$vocabulary\":{" VOCABULARY   \
    "}," ANCHOR ",\"allOf\":[" PARTS "],\"type\":[\"object\",\"boolean\"],\"properties\":{" PROPERTIES "}}"
#define VOCABULARY(DRAFT, NAME, REQUIRED) "\"https://json-schema.org/draft/" DRAFT "/vocab/" NAME "\":" REQUIRED
#define REF(NAME) "{\"$ref\":\"meta/" NAME "\"}"
#define OLD_NAMES(S) "\"definitions\":" MAP(S) ",\"dependencies\":" MAP("{\"anyOf\":[" S "," TEXTS "]}")

#define NAME_2019 "{\"type\":\"string\",\"pattern\":\"^[A-Za-z][-A-Za-z0-9.:_]*$\"}"
#define S_2019 "{\"$recursiveRef\":\"#\"}"
#define ANCHOR_2019 "\"$recursiveAnchor\":true"
#define PART_2019(NAME, PROPERTIES) PART("2019-09", NAME, ANCHOR_2019, PROPERTIES)
#define VOCABULARIES_2019                                                                                                                                      \
    VOCABULARY("2019-09", "core", "true") "," VOCABULARY("2019-09", "applicator", "true") "," VOCABULARY("2019-09", "validation", "true") ","                  \
    VOCABULARY("2019-09", "meta-data", "true") "," VOCABULARY("2019-09", "format", "false") "," VOCABULARY("2019-09", "content", "true")
#define PARTS_2019 REF("core") "," REF("applicator") "," REF("validation") "," REF("meta-data") "," REF("format") "," REF("content")

#define NAME_2020 "{\"type\":\"string\",\"pattern\":\"^[A-Za-z_][-A-Za-z0-9._]*$\"}"
#define S_2020 "{\"$dynamicRef\":\"#meta\"}"
#define ANCHOR_2020 "\"$dynamicAnchor\":\"meta\""
#define PART_2020(NAME, PROPERTIES) PART("2020-12", NAME, ANCHOR_2020, PROPERTIES)
#define VOCABULARIES_2020                                                                                                                                      \
    VOCABULARY("2020-12", "core", "true") "," VOCABULARY("2020-12", "applicator", "true") "," VOCABULARY("2020-12", "unevaluated", "true") ","                 \
    VOCABULARY("2020-12", "validation", "true") "," VOCABULARY("2020-12", "meta-data", "true") "," VOCABULARY("2020-12", "format-annotation", "true") ","      \
    VOCABULARY("2020-12", "content", "true")
#define PARTS_2020                                                                                                                                             \
    REF("core") "," REF("applicator") "," REF("unevaluated") "," REF("validation") "," REF("meta-data") "," REF("format-annotation") "," REF("content")

#define ROOT_OLD(DRAFT, ID, TYPE_OF, PROPERTIES)                                                                                                               \
    "{\"$schema\":\"http://json-schema.org/" DRAFT "/schema#\",\"" ID "\":\"http://json-schema.org/" DRAFT "/schema#\",\"type\":" TYPE_OF                   \
    ",\"properties\":{" PROPERTIES "}"
#define OBJECT_OR_BOOLEAN "[\"object\",\"boolean\"]"
#define SELF_OR_BOOLEAN "{\"anyOf\":[" BOOLEAN "," SELF "]}"
#define TEXTS_4 "{\"type\":\"array\",\"minItems\":1,\"items\":" STRING ",\"uniqueItems\":true}"
#define DRAFT_4                                                                                                                                                \
    "\"id\":" STRING ",\"$schema\":" STRING ",\"$ref\":" STRING ",\"title\":" STRING ",\"description\":" STRING "," COUNTS                                      \
    ",\"pattern\":{\"type\":\"string\",\"format\":\"regex\"},\"additionalItems\":" SELF_OR_BOOLEAN ",\"items\":" SELF_OR_LIST ",\"uniqueItems\":" BOOLEAN          \
    ",\"additionalProperties\":" SELF_OR_BOOLEAN ",\"definitions\":" MAP(SELF) ",\"properties\":" MAP(SELF) ",\"patternProperties\":" MAP(SELF)                \
    ",\"dependencies\":" MAP("{\"anyOf\":[" SELF "," TEXTS_4 "]}") ",\"enum\":{\"type\":\"array\",\"minItems\":1,\"uniqueItems\":true},\"type\":" TYPES          \
    ",\"format\":" STRING ",\"allOf\":" LIST(SELF) ",\"anyOf\":" LIST(SELF) ",\"oneOf\":" LIST(SELF) ",\"not\":" SELF ",\"maximum\":" NUMBER                   \
    ",\"minimum\":" NUMBER ",\"exclusiveMaximum\":" BOOLEAN ",\"exclusiveMinimum\":" BOOLEAN                                                                \
    ",\"multipleOf\":{\"type\":\"number\",\"minimum\":0,\"exclusiveMinimum\":true},\"required\":" TEXTS_4

static const struct {
    const char *path;
    weir_view text;
} metaschemas[] = {
    {"draft-04/schema", WEIR_LIT(ROOT_OLD("draft-04", "id", "\"object\"", DRAFT_4)
                                 ",\"dependencies\":{\"exclusiveMaximum\":[\"maximum\"],\"exclusiveMinimum\":[\"minimum\"]}}")},
    {"draft-06/schema", WEIR_LIT(ROOT_OLD("draft-06", "$id", OBJECT_OR_BOOLEAN, SINCE_DRAFT_6) "}")},
    {"draft-07/schema",
     WEIR_LIT(ROOT_OLD("draft-07", "$id", OBJECT_OR_BOOLEAN,
                       SINCE_DRAFT_6 ",\"$comment\":" STRING ",\"readOnly\":" BOOLEAN ",\"writeOnly\":" BOOLEAN ",\"if\":" SELF ",\"then\":" SELF
                                     ",\"else\":" SELF ",\"contentMediaType\":" STRING ",\"contentEncoding\":" STRING) "}")},

    {"draft/2019-09/schema", WEIR_LIT(ROOT("2019-09", ANCHOR_2019, VOCABULARIES_2019, PARTS_2019, OLD_NAMES(S_2019)))},
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

    {"draft/2020-12/schema", WEIR_LIT(ROOT("2020-12", ANCHOR_2020, VOCABULARIES_2020, PARTS_2020,
                                           OLD_NAMES(S_2020) ",\"$recursiveAnchor\":" STRING ",\"$recursiveRef\":" URI_REFERENCE))},
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
    weir_view path = schema_org_path(uri);
    for (size_t i = 0; i < sizeof metaschemas / sizeof *metaschemas; i++)
        if (view_is(path, metaschemas[i].path))
            return metaschemas[i].text;
    return (weir_view){NULL, 0};
}
