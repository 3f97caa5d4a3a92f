/* oauth.h - an OAuth2 description (flow.md 7) as Airbyte's advanced_auth (airbyte.md 2.5.2). */
#ifndef WEIR_AIRBYTE_OAUTH_H
#define WEIR_AIRBYTE_OAUTH_H

#include "base/err.h"
#include "json/write.h"

/** Writes the member advanced_auth of a SPEC. What has no counterpart is left out; the way to log in as a whole if its templates cannot be said. */
weir_rc airbyte_advanced_auth(const weir_connector *c, json_out *w, err *e);

#endif
