/* yaml_scalar.h - what a plain scalar means in the core schema of YAML 1.2 (section 10.3). */
#ifndef WEIR_PLANE_YAML_SCALAR_H
#define WEIR_PLANE_YAML_SCALAR_H

#include "base/buf.h"

typedef enum yaml_meaning {
    YAML_IS_TEXT,
    YAML_IS_NULL,
    YAML_IS_TRUE,
    YAML_IS_FALSE,
    YAML_IS_NUMBER,
    YAML_IS_NOT_FINITE, /* .inf, .nan: JSON has no such number */
    YAML_IS_TOO_LONG    /* 0x or 0o with more than YAML_RADIX_DIGITS digits */
} yaml_meaning;

enum { YAML_RADIX_DIGITS = 64 };

/** @param number gets the JSON text appended if it is a number */
yaml_meaning yaml_meaning_of(weir_view plain, buf *number);

#endif
