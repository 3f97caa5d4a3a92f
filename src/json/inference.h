/* inference.h - what a schema says of a place, as Flow tells it to connectors: an Inference (flow.md 6.1). */
#ifndef WEIR_JSON_INFERENCE_H
#define WEIR_JSON_INFERENCE_H

#include "base/buf.h"
#include "json/schema.h"

/** Appends it as a JSON object: types, string, title, description, default, secret, exists, numeric, array, enum, reduce, redact, contentMediaType; what is
 *  not known is left out. @param key the place is part of a key, so that it is there */
void inference_write(buf *out, const location *at, bool key);
/** Appends the member `types` (names; FACET_... or weir.h's bits, 0: any). */
void inference_types(buf *out, unsigned types);

#endif
