/* patch.h - RFC 7396 merge patches on text. Members keep the order of the target; new ones follow. Input is checked JSON. */
#ifndef WEIR_JSON_PATCH_H
#define WEIR_JSON_PATCH_H

#include "base/buf.h"

/** Appends merge(target, patch). An empty target counts as null. @return false without memory */
bool patch_apply(buf *out, weir_view target, weir_view patch);
/** Appends a patch P with merge(from, P) = to, where `to` is an object whose nulls count as absent. `{}` if nothing changed. */
bool patch_diff(buf *out, weir_view from, weir_view to);
/** Same value? Numbers by value, members in any order. */
bool json_equal(weir_view a, weir_view b);

#endif
