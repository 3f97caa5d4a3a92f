/* order.h - which of two values is the later one, as cursors count: numbers, moments, texts. */
#ifndef WEIR_JSON_ORDER_H
#define WEIR_JSON_ORDER_H

#include "base/view.h"

/** Compares two (checked) JSON values; an empty view is absent.
 *
 *      absent, null, array, object   have no order: before everything else, and equal
 *      text                          by its bytes (UTF-8), decoded
 *      text that is a moment         by when it is, to the last digit: 2024-01-31, with T or a space 12:30, 12:30:59, 12:30:59.25, and then Z, +01, +0100,
 *                                    +01:00; without any of those it is UTC
 *      number                        by value, exactly, whatever its length; false is 0, true is 1
 *
 *  Kinds come in this order. @param digits a text that is a JSON number counts as that number  @return -1, 0, 1 */
int order_compare(weir_view a, weir_view b, bool digits);
/** Has it an order at all? */
bool order_has(weir_view value);

#endif
