/* schema_words.h - the keywords of JSON Schema: which drafts and vocabularies have them, and whether schemas stand in their values. Private to this room. */
#ifndef WEIR_DOC_SCHEMA_WORDS_H
#define WEIR_DOC_SCHEMA_WORDS_H

#include "json/tree.h"

enum { /* drafts */
    D4 = 1,
    D6 = 2,
    D7 = 4,
    D2019 = 8,
    D2020 = 16,
    SINCE_6 = D6 | D7 | D2019 | D2020,
    SINCE_7 = D7 | D2019 | D2020,
    SINCE_2019 = D2019 | D2020,
    UP_TO_7 = D4 | D6 | D7,
    ALL_DRAFTS = D4 | SINCE_6
};

enum { /* vocabularies */
    V_CORE = 1,
    V_APPLICATOR = 2,
    V_UNEVALUATED = 4,
    V_VALIDATION = 8,
    V_FORMAT = 16,        /* annotates */
    V_FORMAT_ASSERTS = 32,
    V_CONTENT = 64,
    V_META_DATA = 128,
    V_ALL = V_CORE | V_APPLICATOR | V_UNEVALUATED | V_VALIDATION | V_FORMAT | V_CONTENT | V_META_DATA
};

typedef enum word_shape { W_VALUE, W_SCHEMA, W_LIST, W_SCHEMA_OR_LIST, W_MAP } word_shape;

typedef struct word {
    const char *name;
    unsigned drafts, vocabulary;
    word_shape shape;
} word;

/** NULL: no draft has it. */
const word *word_named(weir_view name);
/** 2020-12 and the like, by the URI of `$schema`; 0: none that we know. */
unsigned draft_named(weir_view uri);
/** A vocabulary by its URI; 0: none that we know. */
unsigned vocabulary_named(weir_view uri);
/** What follows https://json-schema.org/ in a URI (http: will do), without a # at the end; empty: it is another one. */
weir_view schema_org_path(weir_view uri);
/** The metaschema, or part of one, at a URI without fragment; empty: there is none. */
weir_view metaschema_at(weir_view uri);

#endif
