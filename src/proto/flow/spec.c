/* What a connector says about itself and its streams, as bodies of Flow responses (flow.md 3.2). */
#include "json/patch.h"
#include "json/write.h"
#include "model/spec.h"
#include "proto/flow/flow.h"

static void raw_member(json_out *w, const char *name, void (*append)(const weir_connector *, buf *), const weir_connector *c)
{
    buf text = {0};
    append(c, &text);
    if (!buf_ok(&text))
        w->to->failed = true;
    out_raw(out_name(w, name), buf_view(&text));
    buf_free(&text);
}

weir_rc flow_spec_body(const weir_connector *c, buf *out, err *e)
{
    weir_rc rc = spec_check(c, e);
    if (rc)
        return rc;
    buf url = {0};
    spec_docs_url(c, &url);
    json_out w = json_out_to(out);
    out_open(&w, '{');
    out_int(out_name(&w, "protocol"), FLOW_PROTOCOL);
    raw_member(&w, "configSchema", spec_config_schema, c);
    raw_member(&w, "resourceConfigSchema", spec_resource_schema, c);
    out_text(out_name(&w, "documentationUrl"), buf_view(&url));
    if (c->oauth2.len)
        out_raw(out_name(&w, "oauth2"), c->oauth2);
    if (c->capture)
        raw_member(&w, "resourcePathPointers", spec_path_pointers, c);
    out_close(&w, '}');
    bool ok = buf_ok(out) && buf_ok(&url);
    buf_free(&url);
    return ok ? WEIR_OK : err_nomem(e);
}

/* Documents with /_meta/op "d" remove their key, and parts are merged into what is there (flow.md 8.2): said in the schema, where the platform looks for it. */
#define IF_DELETED                                                                                                                                     \
    "{\"properties\":{\"_meta\":{\"type\":\"object\",\"properties\":{\"op\":{\"enum\":[\"c\",\"u\",\"d\"]}}}},"                                              \
    "\"if\":{\"properties\":{\"_meta\":{\"properties\":{\"op\":{\"const\":\"d\"}},\"required\":[\"op\"]}},\"required\":[\"_meta\"]},"
static const weir_view deletions = WEIR_LIT(IF_DELETED "\"then\":{\"reduce\":{\"strategy\":\"lastWriteWins\",\"delete\":true}}}");
/* A whole document takes the place of what is there, a part is merged into it. */
static const weir_view updates =
    WEIR_LIT(IF_DELETED "\"then\":{\"reduce\":{\"strategy\":\"lastWriteWins\",\"delete\":true}},\"x-partial-updates\":true,"
                        "\"else\":{\"if\":{\"properties\":{\"_meta\":{\"properties\":{\"op\":{\"const\":\"u\"}},\"required\":[\"op\"]}},\"required\":[\"_meta\"]},"
                        "\"then\":{\"reduce\":{\"strategy\":\"merge\"}},\"else\":{\"reduce\":{\"strategy\":\"lastWriteWins\"}}}}");

bool flow_stream_schema(const weir_stream *s, buf *out)
{
    if (s->deletes || s->updates)
        return patch_apply(out, s->schema, s->updates ? updates : deletions);
    buf_addv(out, s->schema);
    return buf_ok(out);
}

void flow_discovered_binding(const weir_stream *s, weir_view resource, weir_view path, buf *out)
{
    buf schema = {0};
    out->failed |= !flow_stream_schema(s, &schema);
    json_out w = json_out_to(out);
    out_open(&w, '{');
    out_text(out_name(&w, "recommendedName"), s->name);
    out_raw(out_name(&w, "resourceConfig"), resource);
    out_raw(out_name(&w, "documentSchema"), buf_view(&schema));
    out_raw(out_name(&w, "key"), s->key.len ? s->key : VIEW("[]"));
    if (s->disabled)
        out_bool(out_name(&w, "disable"), true);
    if (path.len)
        out_raw(out_name(&w, "resourcePath"), path);
    if (s->fallback_key)
        out_bool(out_name(&w, "isFallbackKey"), true);
    out_close(&w, '}');
    if (!buf_ok(&schema))
        out->failed = true;
    buf_free(&schema);
}
