#include "proto/fivetran/types.h"

#include <strings.h>

#include "json/utf8.h"

static const char *const names[FT_TYPES] = {
    "UNSPECIFIED", "BOOLEAN",        "SHORT",        "INT",    "LONG", "DECIMAL", "FLOAT", "DOUBLE",
    "NAIVE_DATE",  "NAIVE_DATETIME", "UTC_DATETIME", "BINARY", "XML",  "STRING",  "JSON",  "NAIVE_TIME",
};

const char *ft_type_name(int type)
{
    return type >= 0 && type < FT_TYPES ? names[type] : NULL;
}

bool ft_type_named(weir_view name, ft_type *ret)
{
    for (int t = 0; t < FT_TYPES; t++)
        if (name.len == strlen(names[t]) && strncasecmp(name.ptr, names[t], name.len) == 0) {
            *ret = (ft_type)t;
            return true;
        }
    return false;
}

bool ft_value_type(uint32_t tag, ft_type *ret)
{
    static const ft_type types[] = {
        FT_UNSPECIFIED, FT_UNSPECIFIED,    FT_BOOLEAN,      FT_SHORT,   FT_INT,    FT_LONG,   FT_FLOAT, FT_DOUBLE,     FT_NAIVE_DATE,
        FT_NAIVE_DATETIME, FT_UTC_DATETIME, FT_DECIMAL, FT_BINARY, FT_STRING, FT_JSON,  FT_XML, FT_NAIVE_TIME,
    };
    if (tag == 0 || tag >= sizeof types / sizeof *types)
        return false;
    *ret = types[tag];
    return true;
}

/* ---- joining ---- */

/* Of two types one holds the other's values, or a third one both; what is not in the table has STRING in common. */
static const struct {
    ft_type a, b, both;
} joins[] = {
    {FT_SHORT, FT_INT, FT_INT},
    {FT_SHORT, FT_LONG, FT_LONG},
    {FT_INT, FT_LONG, FT_LONG},
    {FT_SHORT, FT_DECIMAL, FT_DECIMAL},
    {FT_INT, FT_DECIMAL, FT_DECIMAL},
    {FT_LONG, FT_DECIMAL, FT_DECIMAL},
    {FT_SHORT, FT_FLOAT, FT_FLOAT},
    {FT_INT, FT_FLOAT, FT_DOUBLE},
    {FT_LONG, FT_FLOAT, FT_DOUBLE},
    {FT_SHORT, FT_DOUBLE, FT_DOUBLE},
    {FT_INT, FT_DOUBLE, FT_DOUBLE},
    {FT_LONG, FT_DOUBLE, FT_DOUBLE},
    {FT_FLOAT, FT_DOUBLE, FT_DOUBLE},
    {FT_NAIVE_DATE, FT_NAIVE_DATETIME, FT_NAIVE_DATETIME},
};

ft_type ft_type_join(ft_type a, ft_type b)
{
    if (a == b || b == FT_UNSPECIFIED)
        return a;
    if (a == FT_UNSPECIFIED)
        return b;
    if (a == FT_JSON || b == FT_JSON)
        return FT_JSON;
    for (size_t i = 0; i < sizeof joins / sizeof *joins; i++)
        if ((joins[i].a == a && joins[i].b == b) || (joins[i].a == b && joins[i].b == a))
            return joins[i].both;
    return FT_STRING;
}

/* ---- texts ---- */

char *ft_clean_text(char *to, weir_view text)
{
    const unsigned char *p = (const unsigned char *)text.ptr;
    for (size_t i = 0, n; i < text.len; i += n) {
        n = p[i] == 0 ? 0 : p[i] < 0x80 ? 1 : utf8_sequence(p + i, text.len - i);
        if (n)
            to = (char *)memcpy(to, p + i, n) + n;
        else
            to += utf8_put(to, 0xfffd);
        n = n ? n : p[i] == 0 ? 1 : utf8_broken(p + i, text.len - i);
    }
    return to;
}
