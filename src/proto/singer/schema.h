/* schema.h - the schema of a stream as a tap gives it (singer.md 7): an object with `properties`, everything inlined, nullable unless certain. */
#ifndef WEIR_SINGER_SCHEMA_H
#define WEIR_SINGER_SCHEMA_H

#include "base/arena.h"
#include "base/err.h"

/** Appends the schema of a discovered stream in that form. References are put in place (a schema that contains itself becomes `{}` there); properties that
 *  may be absent take null, too; a decimal that travels as text (format `number`) becomes `singer.decimal`.
 *  @param deletions declare `_sdc_deleted_at` */
weir_rc singer_schema(weir_view schema, bool deletions, buf *out, err *e);

#endif
