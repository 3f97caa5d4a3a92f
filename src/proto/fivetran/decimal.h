/* decimal.h - decimals as texts, and what of them a DECIMAL can hold (fivetran.md 2.5). No I/O. */
#ifndef WEIR_PROTO_FIVETRAN_DECIMAL_H
#define WEIR_PROTO_FIVETRAN_DECIMAL_H

#include "base/view.h"

enum {
    FT_DECIMAL_DIGITS = 38,
    FT_DECIMAL_TEXT = 128
};

/** A JSON number, or a text that stands for one: "+5", "007". An exponent is not plain, but says no less. */
bool ft_decimal_is(weir_view text);
/** The plain digits of such a number, if a DECIMAL can hold it. @return length, 0 otherwise */
size_t ft_decimal_text(weir_view text, char out[FT_DECIMAL_TEXT]);

#endif
