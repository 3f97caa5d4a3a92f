/* fivetran_update.h - a source of one table, and what it emits: for the tests of syncs. */
#ifndef WEIR_TESTS_FIVETRAN_UPDATE_H
#define WEIR_TESTS_FIVETRAN_UPDATE_H

#include <inttypes.h>

#include "fivetran_rig.h"

#define SCHEMA(properties) WEIR_LIT("{\"type\":\"object\",\"properties\":{" properties "}}")

static const weir_stream table_t = {.name = WEIR_LIT("t"), .key = WEIR_LIT("[\"/id\"]"),
                                    .schema = SCHEMA("\"id\":{\"type\":\"integer\"},\"a\":{\"type\":\"integer\"},\"b\":{\"type\":\"string\"}")};

static inline weir_rc emit(weir_task *t, const weir_binding *b, const char *doc)
{
    return weir_emit(t, b, WEIR_UPSERT, (weir_view){doc, strlen(doc)});
}

static inline weir_rc emits(weir_task *t, const weir_binding *b, const char *const *docs)
{
    weir_rc rc = WEIR_OK;
    for (; *docs && !rc; docs++)
        rc = emit(t, b, *docs);
    return rc;
}

#define EMIT(t, b, ...) emits(t, b, (const char *const[]){__VA_ARGS__, NULL})

static inline weir_rc seal(weir_task *t, const weir_binding *b, int64_t n)
{
    return weir_checkpoint(t, b, weir_format(t, "{\"n\":%" PRId64 "}", n));
}

static inline weir_rc nothing(weir_task *t, const weir_binding *b)
{
    (void)t;
    (void)b;
    return WEIR_OK;
}

static inline weir_rc operations(weir_task *t, const weir_binding *b)
{
    weir_rc rc = emit(t, b, "{\"id\":1,\"a\":1,\"b\":\"x\"}");
    if (!rc)
        rc = weir_emit(t, b, WEIR_UPDATE, (weir_view)WEIR_LIT("{\"id\":1,\"a\":2}"));
    if (!rc)
        rc = weir_emit(t, b, WEIR_DELETE, (weir_view)WEIR_LIT("{\"id\":1,\"a\":2}"));
    if (!rc)
        rc = weir_truncate(t, b);
    if (!rc)
        rc = emit(t, b, "{\"id\":3}");
    return rc ? rc : seal(t, b, 1);
}

static inline weir_rc large(weir_task *t, const weir_binding *b)
{
    weir_rc rc = emit(t, b, "{\"id\":1}");
    if (!rc)
        rc = weir_emit(t, b, WEIR_UPSERT, weir_format(t, "{\"id\":2,\"b\":\"%0*d\"}", 100000, 0));
    if (!rc)
        rc = emit(t, b, "{\"id\":3}");
    return rc ? rc : seal(t, b, 3);
}

#endif
