#include "json/utf8.h"
#include "plane/catalog_parts.h"

/* Blocks outside ASCII that hold no letters and digits. A single symbol inside a block of letters passes: a name is an identifier
 * for people, and the exact table of Unicode would be longer than the rest of this file. */
static const struct {
    uint32_t from, to;
} symbols[] = {
    {0x80, 0xa9},     {0xab, 0xb1},     {0xb4, 0xb4},     {0xb6, 0xb8},       {0xbb, 0xbb},        {0xbf, 0xbf},
    {0xd7, 0xd7},     {0xf7, 0xf7},     {0x2c2, 0x2c5},   {0x2d2, 0x2df},     {0x300, 0x36f},      {0x2000, 0x206f},
    {0x20a0, 0x20ff}, {0x2190, 0x245f}, {0x2500, 0x2bff}, {0x2e00, 0x2e7f},   {0x3000, 0x3004},    {0x3008, 0x3020},
    {0x3030, 0x3030}, {0xd800, 0xf8ff}, {0xfd3e, 0xfd3f}, {0xfe00, 0xfe6f},   {0xfeff, 0xff0f},    {0xff1a, 0xff20},
    {0xff3b, 0xff40}, {0xff5b, 0xff65}, {0xffe0, 0xffff}, {0x1f000, 0x1faff}, {0xe0000, 0x10ffff},
};

static bool is_symbol(uint32_t c)
{
    for (size_t i = 0; i < sizeof symbols / sizeof *symbols; i++)
        if (c >= symbols[i].from && c <= symbols[i].to)
            return true;
    return false;
}

static bool is_ascii_name(char c)
{
    return ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}

/* Bytes of the character at the beginning, which may stand in a token; 0 if it may not. */
static size_t token_char(weir_view v)
{
    const unsigned char *p = (const unsigned char *)v.ptr;
    if (p[0] < 0x80)
        return is_ascii_name((char)p[0]);
    size_t len = utf8_sequence(p, v.len);
    uint32_t c = len ? p[0] & (0xffu >> (len + 1)) : 0;
    for (size_t i = 1; i < len; i++)
        c = c << 6 | (p[i] & 0x3fu);
    return is_symbol(c) ? 0 : len;
}

/* Behind the first token; empty tokens have length 0. */
static weir_view token_of(weir_view rest)
{
    const char *slash = rest.len ? memchr(rest.ptr, '/', rest.len) : NULL;
    return (weir_view){rest.ptr, slash ? (size_t)(slash - rest.ptr) : rest.len};
}

bool token_valid(weir_view token)
{
    if (!token.len)
        return false;
    while (token.len) {
        size_t len = token_char(token);
        if (!len)
            return false;
        token = view_from(token, len);
    }
    return true;
}

bool name_valid(weir_view name)
{
    size_t tokens = 0;
    for (;;) {
        weir_view token = token_of(name);
        if (!token_valid(token))
            return false;
        tokens++;
        if (token.len == name.len)
            return tokens >= 2;
        name = view_from(name, token.len + 1);
    }
}

static void normalise_token(buf *out, weir_view token)
{
    while (token.len) {
        const unsigned char *p = (const unsigned char *)token.ptr;
        size_t good = token_char(token), len = good;
        if (!len)
            len = p[0] < 0x80 ? 1 : utf8_sequence(p, token.len);
        if (!len)
            len = utf8_broken(p, token.len);
        if (good)
            buf_add(out, token.ptr, good);
        else
            buf_addc(out, '_');
        token = view_from(token, len);
    }
}

void name_normalise(buf *out, weir_view name)
{
    size_t before = out->len;
    while (name.len) {
        weir_view token = token_of(name);
        if (token.len && out->len > before)
            buf_addc(out, '/');
        normalise_token(out, token);
        name = view_from(name, token.len + 1);
    }
    if (out->len == before)
        buf_addc(out, '_');
}
