/* patch.h - RFC 7396 merge patches on text. Members keep the order of the target; new ones follow. Values that stay or come whole
 * are copied as they were written. Input is checked JSON; empty text counts as null; of duplicate names the last one counts. */
#ifndef WEIR_JSON_PATCH_H
#define WEIR_JSON_PATCH_H

#include "base/buf.h"

/** Appends merge(target, patch). @return false without memory (nothing is appended then) */
bool patch_apply(buf *out, weir_view target, weir_view patch);
/** Appends a patch P with merge(from, P) = to, where `to` is an object whose nulls count as absent. `{}` if nothing changed.
 *  @return false without memory (nothing is appended then) */
bool patch_diff(buf *out, weir_view from, weir_view to);
/** Appends an object that is `base` with each of the members of `part` in the place of its own: whole values, null is one. Members of both keep the order of
 *  `base`. Both are objects. @return false without memory, or if one is none (nothing is appended then) */
bool patch_overlay(buf *out, weir_view base, weir_view part);
/** Same value? Numbers by value, members in any order. False without memory: a patch is then too large, not wrong. */
bool json_equal(weir_view a, weir_view b);

#endif
