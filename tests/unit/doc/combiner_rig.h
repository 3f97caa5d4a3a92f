/* combiner_rig.h - two bindings, and what comes out of them as text. */
#ifndef WEIR_TEST_DOC_COMBINER_RIG_H
#define WEIR_TEST_DOC_COMBINER_RIG_H

#include "reduce_rig.h"

#include "doc/combiner.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

enum { BINDINGS = 2 };

static const char schema_text[] =
    "{\"type\":\"object\",\"required\":[\"k\"],\"properties\":{"
    "\"k\":{\"type\":[\"integer\",\"string\"]},"
    "\"op\":{\"type\":\"string\"},"
    "\"n\":{\"type\":\"integer\",\"reduce\":{\"strategy\":\"sum\"}},"
    "\"l\":{\"type\":\"array\",\"reduce\":{\"strategy\":\"append\"}},"
    "\"m\":{\"type\":\"integer\",\"reduce\":{\"strategy\":\"minimize\"}},"
    "\"f\":{\"reduce\":{\"strategy\":\"firstWriteWins\"}},"
    "\"o\":{\"type\":\"object\",\"reduce\":{\"strategy\":\"merge\"},\"additionalProperties\":{\"if\":{\"type\":\"null\"},\"then\":{\"reduce\":{\"strategy\":"
    "\"lastWriteWins\",\"delete\":true}},\"else\":{\"reduce\":{\"strategy\":\"sum\"}}}},"
    "\"s\":{\"type\":\"object\",\"reduce\":{\"strategy\":\"set\"},\"properties\":{\"add\":{\"additionalProperties\":{\"reduce\":{\"strategy\":\"sum\"}}}}}},"
    "\"if\":{\"properties\":{\"op\":{\"const\":\"d\"}}},\"then\":{\"reduce\":{\"strategy\":\"merge\",\"delete\":true}},\"else\":{\"reduce\":{\"strategy\":\"merge\"}}}";

static const weir_view key_k[] = {{"/k", 2}};

typedef struct pair {
    combiner_binding bindings[BINDINGS];
    combiner_options o;
} pair;

static inline void pair_make(pair *p, const schema *s, size_t budget)
{
    for (size_t i = 0; i < BINDINGS; i++)
        p->bindings[i] = (combiner_binding){.schema = s, .key = key_k, .key_count = 1, .partial = i == 1, .what = i ? "collection acme/parts" : "collection acme/all"};
    p->o = (combiner_options){.bindings = p->bindings, .count = BINDINGS, .budget = budget};
}

static inline weir_rc collect(void *arg, const combined_doc *d, err *e)
{
    (void)e;
    buf_printf(arg, "%u %.*s%s%s%s\n", d->binding, VIEW_ARG(d->doc), d->exists ? " exists" : "", d->deleted ? " deleted" : "", d->unchanged ? " unchanged" : "");
    return WEIR_OK;
}

#endif
