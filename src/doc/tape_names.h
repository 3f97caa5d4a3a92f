/* tape_names.h - the names of an object's members: do any repeat? Private to this room. */
#ifndef WEIR_DOC_TAPE_NAMES_H
#define WEIR_DOC_TAPE_NAMES_H

#include "doc/tape.h"

/** Sets *repeats if two members of the object have the same name. @return false without memory */
bool tape_names_differ(tape *t, uint32_t object, bool *repeats);
/** Keeps the last one of the members that have the same name, where the first one stood, in all objects. @return false without memory */
bool tape_drop_repeats(tape *t);
/** A name as it is compared: decoded, into `scratch` if need be. {NULL, 0} without memory. */
weir_view tape_plain_name(const tape *t, uint32_t node, buf *scratch);

#endif
