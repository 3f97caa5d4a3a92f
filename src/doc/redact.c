#include "doc/redact.h"

#include <math.h>
#include <openssl/evp.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/dynlib.h"
#include "json/number.h"
#include "json/text.h"

typedef struct crypto {
    __typeof__(EVP_Digest) *EVP_Digest;
    __typeof__(EVP_sha256) *EVP_sha256;
} crypto;

#define FUNCTION(name) {#name, offsetof(crypto, name)}
static const dynlib_function functions[] = {FUNCTION(EVP_Digest), FUNCTION(EVP_sha256)};
static const dynlib openssl = {"OpenSSL", "libcrypto.so.3", "libssl3", functions, sizeof functions / sizeof *functions};

enum { DIGEST = 32 };

struct redactor {
    buf hashed;    /* the salt, and behind it what is hashed */
    size_t salt;
    crypto api;
    bool loaded;
    const tape *doc;
    const checker *notes;
    buf *out;
    uint32_t *order; /* nodes being sorted, a stack */
    size_t order_room, ordered;
    arena names;
    err *e;
};

weir_rc redactor_make(weir_view salt, redactor **ret, err *e)
{
    redactor *r = calloc(1, sizeof *r);
    if (!r)
        return err_nomem(e);
    buf_addv(&r->hashed, salt);
    r->salt = salt.len;
    if (buf_ok(&r->hashed)) {
        *ret = r;
        return WEIR_OK;
    }
    redactor_free(r);
    return err_nomem(e);
}

void redactor_free(redactor *r)
{
    if (!r)
        return;
    buf_wipe(&r->hashed);
    arena_free(&r->names);
    free(r->order);
    free(r);
}

/* --------------------------------------------------------------------------------------------- values as they are hashed -- */

static void put_fixed(buf *to, uint64_t v)
{
    for (int i = 0; i < 8; i++)
        buf_addc(to, (char)(v >> 8 * i));
}

static bool is_whole(double v) { return fabs(v) <= 9007199254740992.0 && trunc(v) == v; }

/* An integer of 64 bits, written as one. */
static bool is_integer(weir_view number, uint64_t *ret)
{
    int64_t i;
    if (memchr(number.ptr, '.', number.len) || memchr(number.ptr, 'e', number.len) || memchr(number.ptr, 'E', number.len))
        return false;
    if (!number_to_i64(number, &i))
        return number_to_u64(number, ret);
    *ret = (uint64_t)i;
    return true;
}

static void put_number(buf *to, weir_view number)
{
    double d = 0;
    uint64_t bits;
    if (!is_integer(number, &bits)) {
        number_to_double(number, &d);
        memcpy(&bits, &d, sizeof bits);
        bits = is_whole(d) ? (uint64_t)(int64_t)d : bits;
    }
    put_fixed(to, bits);
}

static weir_view name_of(redactor *r, uint32_t node)
{
    weir_view raw = tape_name(r->doc, node);
    char *to = r->doc->nodes[node].name_escaped ? arena_alloc(&r->names, raw.len) : NULL;
    return to ? (weir_view){to, json_unquote_to(to, raw)} : raw;
}

static void put_text(redactor *r, uint32_t node)
{
    weir_view raw = tape_text(r->doc, node);
    json_unquote(&r->hashed, (weir_view){raw.ptr + 1, raw.len - 2});
}

static void put_json(redactor *r, uint32_t node);

static void put_decoded(redactor *r, weir_view raw)
{
    buf text = {0};
    json_unquote(&text, raw);
    r->hashed.failed |= text.failed;
    json_quote(&r->hashed, buf_view(&text));
    buf_free(&text);
}

static bool push(redactor *r, uint32_t node)
{
    if (r->ordered == r->order_room) {
        size_t room = r->order_room ? 2 * r->order_room : 64;
        uint32_t *order = realloc(r->order, room * sizeof *order);
        r->hashed.failed |= !order;
        if (!order)
            return false;
        r->order = order;
        r->order_room = room;
    }
    r->order[r->ordered++] = node;
    return true;
}

/* Members by their names, as the runtime keeps them. */
static void put_object(redactor *r, uint32_t object)
{
    const size_t from = r->ordered;
    for (uint32_t m = object + 1; m < r->doc->nodes[object].next; m = r->doc->nodes[m].next) {
        if (!push(r, m))
            return;
        for (size_t i = r->ordered - 1; i > from && view_cmp(name_of(r, r->order[i - 1]), name_of(r, r->order[i])) > 0; i--) {
            r->order[i] = r->order[i - 1];
            r->order[i - 1] = m;
        }
    }
    buf_addc(&r->hashed, '{');
    for (size_t i = from; i < from + r->doc->nodes[object].count; i++) {
        if (i > from)
            buf_addc(&r->hashed, ',');
        put_decoded(r, tape_name(r->doc, r->order[i]));
        buf_addc(&r->hashed, ':');
        put_json(r, r->order[i]);
    }
    buf_addc(&r->hashed, '}');
    r->ordered = from;
}

static void put_array(redactor *r, uint32_t array)
{
    buf_addc(&r->hashed, '[');
    for (uint32_t m = array + 1; m < r->doc->nodes[array].next; m = r->doc->nodes[m].next) {
        if (m > array + 1)
            buf_addc(&r->hashed, ',');
        put_json(r, m);
    }
    buf_addc(&r->hashed, ']');
}

static void put_number_text(redactor *r, weir_view number)
{
    char text[NUMBER_TEXT];
    double d = 0;
    uint64_t bits;
    if (is_integer(number, &bits)) {
        buf_addv(&r->hashed, number);
        return;
    }
    number_to_double(number, &d);
    size_t len = number_double(text, d);
    buf_add(&r->hashed, text, len);
    if (!memchr(text, '.', len) && !memchr(text, 'e', len))
        buf_add(&r->hashed, ".0", 2);
}

static void put_json(redactor *r, uint32_t node)
{
    weir_view text = tape_text(r->doc, node);
    switch (r->doc->nodes[node].kind) {
    case TREE_OBJECT:
        put_object(r, node);
        return;
    case TREE_ARRAY:
        put_array(r, node);
        return;
    case TREE_STRING:
        put_decoded(r, (weir_view){text.ptr + 1, text.len - 2});
        return;
    case TREE_NUMBER:
        put_number_text(r, text);
        return;
    default:
        buf_addv(&r->hashed, text);
    }
}

static void put_value(redactor *r, uint32_t node)
{
    const tape_node *n = &r->doc->nodes[node];
    switch (n->kind) {
    case TREE_NULL:
        return;
    case TREE_BOOL:
        buf_addc(&r->hashed, n->yes ? 1 : 0);
        return;
    case TREE_NUMBER:
        put_number(&r->hashed, tape_text(r->doc, node));
        return;
    case TREE_STRING:
        put_text(r, node);
        return;
    default:
        put_json(r, node);
    }
}

/* ------------------------------------------------------------------------------------------------------------- hashing -- */

static bool is_hex(char c) { return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f'); }

/* Of what is a digest already nothing more is to be hidden. */
static bool is_digest(weir_view json)
{
    static const char prefix[] = "\"sha256:";
    const size_t before = sizeof prefix - 1;
    if (json.len != before + 2 * DIGEST + 1 || memcmp(json.ptr, prefix, before) != 0)
        return false;
    for (size_t i = before; i + 1 < json.len; i++)
        if (!is_hex(json.ptr[i]))
            return false;
    return true;
}

static weir_rc put_digest(redactor *r, uint32_t node)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    weir_rc rc = r->loaded ? WEIR_OK : dynlib_load(&openssl, &r->api, r->e);
    if (rc)
        return rc;
    r->loaded = true;
    put_value(r, node);
    const bool good = buf_ok(&r->hashed);
    if (good && r->api.EVP_Digest(r->hashed.ptr ? r->hashed.ptr : "", r->hashed.len, digest, &len, r->api.EVP_sha256(), NULL) != 1)
        return err_fail(r->e, WEIR_E_BUG, "SHA-256: OpenSSL refuses");
    r->hashed.len = r->salt;
    r->hashed.failed = false;
    if (!good)
        return err_nomem(r->e);
    buf_adds(r->out, "\"sha256:");
    for (unsigned i = 0; i < len; i++) {
        buf_addc(r->out, digits[digest[i] >> 4]);
        buf_addc(r->out, digits[digest[i] & 15]);
    }
    buf_addc(r->out, '"');
    return WEIR_OK;
}

/* ------------------------------------------------------------------------------------------------------------- writing -- */

static redact_strategy strategy_of(const redactor *r, uint32_t node)
{
    const note *n = checker_note(r->notes, node);
    return n ? n->redact : REDACT_NONE;
}

static weir_rc put_redacted(redactor *r, uint32_t node);

static weir_rc put_container(redactor *r, uint32_t node)
{
    const tape_node *nodes = r->doc->nodes;
    const bool object = nodes[node].kind == TREE_OBJECT;
    weir_rc rc = WEIR_OK;
    bool some = false;
    buf_addc(r->out, object ? '{' : '[');
    for (uint32_t m = node + 1; m < nodes[node].next && !rc; m = nodes[m].next) {
        if (strategy_of(r, m) == REDACT_BLOCK)
            continue;
        if (some)
            buf_addc(r->out, ',');
        some = true;
        if (object) {
            buf_addc(r->out, '"');
            buf_addv(r->out, tape_name(r->doc, m));
            buf_add(r->out, "\":", 2);
        }
        rc = put_redacted(r, m);
    }
    buf_addc(r->out, object ? '}' : ']');
    return rc;
}

static weir_rc put_redacted(redactor *r, uint32_t node)
{
    const uint8_t kind = r->doc->nodes[node].kind;
    weir_view text = tape_text(r->doc, node);
    if (strategy_of(r, node) == REDACT_SHA256 && !is_digest(text))
        return put_digest(r, node);
    if (strategy_of(r, node) == REDACT_NONE && (kind == TREE_OBJECT || kind == TREE_ARRAY))
        return put_container(r, node);
    buf_addv(r->out, text);
    return WEIR_OK;
}

static bool is_noted(const redactor *r)
{
    for (uint32_t i = 0; i < r->doc->count; i++)
        if (strategy_of(r, i) != REDACT_NONE)
            return true;
    return false;
}

weir_rc redact(redactor *r, const tape *doc, const checker *notes, buf *out, bool *ret_changed, err *e)
{
    const size_t before = out->len;
    r->doc = doc;
    r->notes = notes;
    r->out = out;
    r->e = e;
    r->ordered = 0;
    *ret_changed = false;
    if (!is_noted(r))
        return WEIR_OK;
    if (strategy_of(r, 0) == REDACT_BLOCK)
        return err_fail(e, WEIR_E_CONFIG, "the schema blocks the whole document");
    weir_rc rc = put_redacted(r, 0);
    if (!rc && (!buf_ok(out) || r->names.failed))
        rc = err_nomem(e);
    arena_reset(&r->names);
    if (rc)
        out->len = before;
    *ret_changed = !rc;
    return rc;
}
