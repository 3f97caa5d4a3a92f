/* metadata.yaml: how Airbyte's registries and tools know a connector (airbyte.md 5). */
#include <inttypes.h>

#include "base/map.h"
#include "json/write.h"
#include "model/spec.h"
#include "proto/airbyte/airbyte.h"

/* A definition id must be a UUID and stay the same: version 8 (RFC 9562, section 5.8), made from the name. */
static void put_id(const char *name, buf *out)
{
    uint64_t high = map_hash(0x57454952, view_of(name)), low = map_hash(0x52494557, view_of(name));
    high = (high & ~UINT64_C(0xf000)) | UINT64_C(0x8000);
    low = (low & ~(UINT64_C(3) << 62)) | UINT64_C(1) << 63;
    buf_printf(out, "%08" PRIx64 "-%04" PRIx64 "-%04" PRIx64 "-%04" PRIx64 "-%012" PRIx64, high >> 32, high >> 16 & 0xffff, high & 0xffff,
               low >> 48, low & UINT64_C(0xffffffffffff));
}

/* JSON's strings are YAML's. */
static void put_text(buf *out, const char *name, weir_view text)
{
    buf_printf(out, "  %s: ", name);
    json_quote_lossy(out, text);
    buf_addc(out, '\n');
}

/* source-x, destination-x: what Airbyte calls it. */
static void put_label(const weir_connector *c, buf *out)
{
    static const char *const prefixes[] = {"source-", "destination-", "materialize-", "capture-", "tap-", "target-"};
    weir_view name = view_of(c->name);
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (view_starts(name, view_of(prefixes[i])))
            name = view_from(name, strlen(prefixes[i]));
    buf_adds(out, c->capture ? "source-" : "destination-");
    buf_addv(out, name);
}

weir_rc airbyte_metadata(const weir_connector *c, const char *image, const char *license, buf *out, err *e)
{
    buf url = {0}, label = {0}, id = {0};
    weir_rc rc = spec_check(c, e);
    if (rc)
        return rc;
    spec_docs_url(c, &url);
    put_label(c, &label);
    put_id(c->name, &id);
    buf_adds(out, "metadataSpecVersion: \"1.0\"\ndata:\n");
    put_text(out, "name", view_of(c->title ? c->title : c->name));
    put_text(out, "connectorType", c->capture ? VIEW("source") : VIEW("destination"));
    put_text(out, "connectorSubtype", VIEW("custom"));
    put_text(out, "definitionId", buf_view(&id));
    put_text(out, "dockerRepository", image ? view_of(image) : buf_view(&label));
    put_text(out, "dockerImageTag", view_of(c->version ? c->version : "0.0.0"));
    put_text(out, "githubIssueLabel", buf_view(&label));
    put_text(out, "documentationUrl", buf_view(&url));
    if (license)
        put_text(out, "license", view_of(license));
    put_text(out, "releaseStage", VIEW("custom"));
    put_text(out, "supportLevel", VIEW("community"));
    buf_adds(out, "  tags:\n    - \"language:c\"\n");
    bool ok = buf_ok(out) && buf_ok(&url) && buf_ok(&label) && buf_ok(&id);
    buf_free(&url);
    buf_free(&label);
    buf_free(&id);
    return ok ? WEIR_OK : err_nomem(e);
}
