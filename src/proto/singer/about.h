/* about.h - what a tap or target says about itself (singer.md 4, --about), and the definition that Meltano's hub keeps of it: all from the descriptor.
 */
#ifndef WEIR_SINGER_ABOUT_H
#define WEIR_SINGER_ABOUT_H

#include "proto/singer/settings.h"

typedef struct singer_about {
    const weir_connector *c;
    const char *name;
    const singer_side *side;
} singer_about;

/** tap-NAME or target-NAME: the program's own name if it begins so, else made from the connector's (`source-hello` is `tap-hello`). NULL without memory. */
const char *singer_name(arena *a, const weir_connector *c, const char *program, bool target);
/** Appends the JSON Schema (2020-12) of all settings, the connector's and those of its side. */
weir_rc singer_settings_schema(const singer_about *about, buf *out, err *e);
/** Appends it in one of the formats "json", "markdown", "text" and "meltano". @return WEIR_E_CONFIG for another */
weir_rc singer_about_write(const singer_about *about, const char *format, buf *out, err *e);
/** Appends Meltano's plugin definition as YAML. */
weir_rc singer_meltano_write(const singer_about *about, buf *out, err *e);

#endif
