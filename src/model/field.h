/* field.h - what the parts of fields.h share about one line of a settings table. Private to this room. */
#ifndef WEIR_MODEL_FIELD_H
#define WEIR_MODEL_FIELD_H

#include "model/fields.h"

/** Goes over the lines of a table, which may be NULL: `for (const weir_field *f = table; field_more(f); f++)`. */
static inline bool field_more(const weir_field *f)
{
    return f && (f->type || f->name);
}

/** Must settings have it? An object must be there if something in it must. */
bool field_required(const weir_field *f);
/** The line with this name, or NULL. */
const weir_field *field_named(const weir_field *table, weir_view name);
/** Bounds of an integer that has any; those of 64 bits count as none. */
bool field_min(const weir_field *f, int64_t *ret);
bool field_max(const weir_field *f, int64_t *ret);
/** How many choices there are. */
size_t field_choices(const weir_field *f);
/** Appends what a form shows. */
void field_title(const weir_field *f, buf *out);
/** Parses the fallback of a setting into the struct at `out`: would the setting itself accept it? Otherwise WEIR_E_BUG.
 *  @param what names the setting in the error */
weir_rc field_try_fallback(const weir_field *f, const char *what, void *out, arena *a, err *e);

#endif
