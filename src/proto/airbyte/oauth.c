#include "proto/airbyte/oauth.h"

#include "base/map.h"
#include "json/pointer.h"
#include "json/tree.h"
#include "model/spec.h"

/* ---- templates: Mustache (flow.md 7) to Airbyte's placeholders and filters ---- */

static const struct {
    const char *name, *theirs;
} variables[] = {
    {"client_id", "{{client_id_value}}"},       {"client_secret", "{{client_secret_value}}"},
    {"redirect_uri", "{{redirect_uri_value}}"}, {"state", "{{state_value}}"},
    {"code", "{{auth_code_value}}"},            {"code_challenge", "{{ {{state_value}} | codeChallengeS256 }}"},
    {"code_challenge_method", "S256"},          {"code_verifier", "{{state_value}}"},
};

static const struct {
    const char *name, *filter;
} sections[] = {{"urlencode", "urlEncoder"}, {"basicauth", "base64Encoder"}};

typedef struct template {
    weir_view rest;
    arena *names;
    map *settings;  /* of the connector that it asks for: name -> name */
    bool encode;    /* false: values are encoded by whoever sends them */
} template;

static weir_view trim(weir_view v)
{
    while (v.len && *v.ptr == ' ')
        v = view_from(v, 1);
    while (v.len && v.ptr[v.len - 1] == ' ')
        v.len--;
    return v;
}

/* Takes the tag that `rest` begins with. @return what is between its braces; {NULL, 0}: it has no end */
static weir_view take_tag(template *t)
{
    const bool triple = view_starts(t->rest, VIEW("{{{"));
    const weir_view close = triple ? VIEW("}}}") : VIEW("}}");
    weir_view inside = view_from(t->rest, close.len);
    const char *end = inside.len ? memmem(inside.ptr, inside.len, close.ptr, close.len) : NULL;
    if (!end)
        return (weir_view){NULL, 0};
    const size_t len = (size_t)(end - inside.ptr);
    t->rest = view_from(inside, len + close.len);
    return trim((weir_view){inside.ptr, len});
}

static bool put_variable(template *t, weir_view name, buf *out)
{
    const weir_view config = VIEW("config.");
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++)
        if (view_is(name, variables[i].name)) {
            buf_adds(out, variables[i].theirs);
            return true;
        }
    if (!view_starts(name, config) || name.len == config.len || memchr(name.ptr + config.len, '.', name.len - config.len))
        return false;
    weir_view setting = arena_dup(t->names, view_from(name, config.len));
    buf_printf(out, "{{%.*s}}", VIEW_ARG(setting));
    if (setting.ptr && !map_put(t->settings, setting, (void *)(uintptr_t)setting.ptr))
        t->names->failed = true;
    return true;
}

static bool put_until(template *t, weir_view section, buf *out);

static bool put_section(template *t, weir_view name, buf *out)
{
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
        if (!view_is(name, sections[i].name))
            continue;
        const bool filter = t->encode || i;
        buf_adds(out, filter ? "{{ " : "");
        bool ok = put_until(t, name, out);
        if (filter)
            buf_printf(out, " | %s }}", sections[i].filter);
        return ok;
    }
    return false;
}

/* @return false: there is no counterpart for something in it */
static bool put_until(template *t, weir_view section, buf *out)
{
    while (t->rest.len) {
        const char *tag = memmem(t->rest.ptr, t->rest.len, "{{", 2);
        const size_t text = tag ? (size_t)(tag - t->rest.ptr) : t->rest.len;
        buf_add(out, t->rest.ptr, text);
        t->rest = view_from(t->rest, text);
        if (!tag)
            break;
        weir_view name = take_tag(t);
        if (name.len && *name.ptr == '/')
            return view_eq(trim(view_from(name, 1)), section);
        if (!name.len || !(*name.ptr == '#' ? put_section(t, trim(view_from(name, 1)), out) : put_variable(t, name, out)))
            return false;
    }
    return !section.len;
}

typedef struct describer {
    const tree *oauth;  /* Flow's description */
    arena a;
    map settings;
    bool unsaid;        /* something had no counterpart */
} describer;

static weir_view translated(describer *d, weir_view text, bool encode)
{
    buf out = {0};
    template t = {.rest = text, .names = &d->a, .settings = &d->settings, .encode = encode};
    if (!put_until(&t, (weir_view){0}, &out))
        d->unsaid = true;
    weir_view kept = buf_ok(&out) ? arena_dup(&d->a, buf_view(&out)) : (weir_view){0};
    d->a.failed |= !buf_ok(&out);
    buf_free(&out);
    return kept;
}

/* ---- the request for a token ---- */

static void put_params(describer *d, json_out *w, const tree *body)
{
    for (const tree *m = body->first; m; m = m->next)
        if (m->kind == TREE_STRING)
            out_text(out_namev(w, m->name), translated(d, m->text, false));
        else
            d->unsaid = true;
}

/* a=b&c=d */
static void put_form(describer *d, json_out *w, weir_view body)
{
    while (body.len) {
        const char *end = memchr(body.ptr, '&', body.len);
        weir_view pair = {body.ptr, end ? (size_t)(end - body.ptr) : body.len};
        const char *equals = memchr(pair.ptr, '=', pair.len);
        body = view_from(body, pair.len + 1);
        if (!equals) {
            d->unsaid = true;
            return;
        }
        out_text(out_namev(w, (weir_view){pair.ptr, (size_t)(equals - pair.ptr)}),
                 translated(d, view_from(pair, (size_t)(equals - pair.ptr) + 1), false));
    }
}

static void put_token_body(describer *d, json_out *w)
{
    const tree *body = tree_get(d->oauth, "accessTokenBody");
    tree *parsed = NULL;
    err e = {0};
    if (tree_is_null(body) || (body->kind == TREE_STRING && !body->text.len))
        return;
    out_open(out_name(w, "access_token_params"), '{');
    if (body->kind == TREE_OBJECT)
        put_params(d, w, body);
    else if (body->kind == TREE_STRING && !tree_parse(&d->a, body->text, NULL, WEIR_E_CONFIG, &parsed, &e) && parsed->kind == TREE_OBJECT)
        put_params(d, w, parsed);
    else
        put_form(d, w, body->text);
    out_close(w, '}');
    err_free(&e);
}

static void put_token_headers(describer *d, json_out *w)
{
    const tree *headers = tree_get(d->oauth, "accessTokenHeaders");
    if (tree_is_null(headers) || headers->kind != TREE_OBJECT || !headers->count)
        return;
    out_open(out_name(w, "access_token_headers"), '{');
    put_params(d, w, headers);
    out_close(w, '}');
}

/* ---- what comes back ---- */

typedef struct token {
    weir_view name; /* in the connector's settings */
    weir_view at;   /* JSON pointer in the answer */
} token;

/* The mapped keys that are found at a place in the answer; without a map the usual two. */
static size_t tokens_of(describer *d, token **ret)
{
    const tree *mapped = tree_get(d->oauth, "accessTokenResponseMap");
    size_t n = 0, count = mapped && mapped->kind == TREE_OBJECT ? mapped->count : 0;
    token *list = arena_array(&d->a, count + 2, sizeof *list);
    *ret = list;
    for (const tree *m = list && count ? mapped->first : NULL; m; m = m->next)
        if (m->kind == TREE_STRING && m->text.len && *m->text.ptr == '/')
            list[n++] = (token){m->name, m->text};
    if (list && !count)
        list[n++] = (token){VIEW("access_token"), VIEW("/access_token")};
    if (list && !count && tree_text(d->oauth, "refreshTokenUrlTemplate").len)
        list[n++] = (token){VIEW("refresh_token"), VIEW("/refresh_token")};
    return n;
}

static void put_path(describer *d, json_out *w, weir_view pointer)
{
    weir_view *tokens;
    size_t count;
    out_open(w, '[');
    for (size_t i = 0; pointer_split(&d->a, pointer, &tokens, &count) && i < count; i++)
        out_text(w, tokens[i]);
    out_close(w, ']');
}

/* "data.access_token" */
static void put_dotted(describer *d, json_out *w, weir_view pointer)
{
    weir_view *tokens;
    size_t count;
    buf text = {0};
    for (size_t i = 0; pointer_split(&d->a, pointer, &tokens, &count) && i < count; i++)
        buf_printf(&text, "%s%.*s", i ? "." : "", VIEW_ARG(tokens[i]));
    out_text(w, buf_view(&text));
    d->a.failed |= !buf_ok(&text);
    buf_free(&text);
}

static void open_properties(json_out *w, const char *name)
{
    out_open(out_name(w, name), '{');
    out_text(out_name(w, "type"), VIEW("object"));
    out_open(out_name(w, "properties"), '{');
}

static void close_properties(json_out *w)
{
    out_close(w, '}');
    out_close(w, '}');
}

/* A text that is merged into the settings, under `credentials` (flow.md 7: injection). @param from pointer in the answer; empty: no answer */
static void put_merged(describer *d, json_out *w, weir_view name, weir_view from)
{
    out_open(out_namev(w, name), '{');
    out_text(out_name(w, "type"), VIEW("string"));
    out_open(out_name(w, "path_in_connector_config"), '[');
    out_text(w, VIEW("credentials"));
    out_text(w, name);
    out_close(w, ']');
    if (from.len)
        put_path(d, out_name(w, "path_in_oauth_response"), from);
    out_close(w, '}');
}

static void put_server(describer *d, json_out *w)
{
    static const weir_view names[] = {WEIR_LIT("client_id"), WEIR_LIT("client_secret")};
    open_properties(w, "complete_oauth_server_input_specification");
    for (size_t i = 0; i < 2; i++) {
        out_open(out_namev(w, names[i]), '{');
        out_text(out_name(w, "type"), VIEW("string"));
        out_close(w, '}');
    }
    close_properties(w);
    open_properties(w, "complete_oauth_server_output_specification");
    for (size_t i = 0; i < 2; i++)
        put_merged(d, w, names[i], (weir_view){0});
    close_properties(w);
}

static void put_user_input(describer *d, json_out *w)
{
    if (!d->settings.count)
        return;
    open_properties(w, "oauth_user_input_from_connector_config_specification");
    for (size_t i = 0; i < d->settings.count; i++) {
        out_open(out_namev(w, d->settings.entries[i].key), '{');
        out_text(out_name(w, "type"), VIEW("string"));
        out_open(out_name(w, "path_in_connector_config"), '[');
        out_text(w, d->settings.entries[i].key);
        out_close(w, ']');
        out_close(w, '}');
    }
    close_properties(w);
}

/* The way to log in. @return false: it cannot be said */
static bool put_login(describer *d, const token *tokens, size_t count, buf *out)
{
    json_out inner = json_out_to(out), *w = &inner;
    weir_view consent = translated(d, tree_text(d->oauth, "authUrlTemplate"), true),
              url = translated(d, tree_text(d->oauth, "accessTokenUrlTemplate"), true);
    out_open(w, '{');
    out_text(out_name(w, "consent_url"), consent);
    out_text(out_name(w, "access_token_url"), url);
    put_token_headers(d, w);
    put_token_body(d, w);
    out_open(out_name(w, "extract_output"), '[');
    for (size_t i = 0; i < count; i++)
        put_dotted(d, w, tokens[i].at);
    out_close(w, ']');
    out_close(w, '}');
    return consent.len && url.len && !d->unsaid;
}

/* ---- where it applies ---- */

/* The variant of `credentials` that is for logging in says so (flow.md 7: x-oauth2-provider); it is told by its constant member. */
static void put_predicate(json_out *w, const tree *schema)
{
    const tree *variants = tree_get(tree_get(tree_get(schema, "properties"), "credentials"), "oneOf");
    for (const tree *v = variants ? variants->first : NULL; v; v = v->next) {
        const tree *members = tree_get(v, "properties");
        if (!tree_text(v, "x-oauth2-provider").len)
            continue;
        for (const tree *m = members ? members->first : NULL; m; m = m->next) {
            if (!tree_text(m, "const").len)
                continue;
            out_open(out_name(w, "predicate_key"), '[');
            out_text(w, VIEW("credentials"));
            out_text(w, m->name);
            out_close(w, ']');
            out_text(out_name(w, "predicate_value"), tree_text(m, "const"));
            return;
        }
    }
}

static void put_specification(describer *d, json_out *w)
{
    buf login = {0};
    token *tokens;
    size_t count = tokens_of(d, &tokens);
    bool sayable = put_login(d, tokens, count, &login);
    out_open(out_name(w, "oauth_config_specification"), '{');
    if (sayable) {
        out_raw(out_name(w, "oauth_connector_input_specification"), buf_view(&login));
        put_user_input(d, w);
    }
    open_properties(w, "complete_oauth_output_specification");
    for (size_t i = 0; i < count; i++)
        put_merged(d, w, tokens[i].name, tokens[i].at);
    close_properties(w);
    put_server(d, w);
    out_close(w, '}');
    d->a.failed |= !buf_ok(&login);
    buf_free(&login);
}

weir_rc airbyte_advanced_auth(const weir_connector *c, json_out *w, err *e)
{
    describer d = {0};
    tree *oauth, *schema;
    buf settings = {0};
    spec_config_schema(c, &settings);
    weir_rc rc = buf_ok(&settings) ? tree_parse(&d.a, c->oauth2, NULL, WEIR_E_CONFIG, &oauth, e) : err_nomem(e);
    if (!rc)
        rc = tree_parse(&d.a, buf_view(&settings), NULL, WEIR_E_PROTOCOL, &schema, e);
    if (!rc) {
        d.oauth = oauth;
        out_open(out_name(w, "advanced_auth"), '{');
        out_text(out_name(w, "auth_flow_type"), VIEW("oauth2.0"));
        put_predicate(w, schema);
        put_specification(&d, w);
        out_close(w, '}');
        rc = d.a.failed ? err_nomem(e) : WEIR_OK;
    }
    map_free(&d.settings);
    arena_free(&d.a);
    buf_free(&settings);
    return err_wrap(e, rc, "OAuth2 description of '%s'", c->name);
}
