/* Which declared type says which type. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sql.h"

static const struct {
    const char *word, *declared;
} types[] = {
    [WEIR_SQL_NULL] = {"NULL", ""},
    [WEIR_SQL_BOOLEAN] = {"BOOLEAN", "BOOLEAN"},
    [WEIR_SQL_SHORT] = {"SHORT", "SMALLINT"},
    [WEIR_SQL_INT] = {"INT", "INT"},
    [WEIR_SQL_LONG] = {"LONG", "INTEGER"},
    [WEIR_SQL_DECIMAL] = {"DECIMAL", "DECIMAL BLOB"},
    [WEIR_SQL_FLOAT] = {"FLOAT", "FLOAT"},
    [WEIR_SQL_DOUBLE] = {"DOUBLE", "DOUBLE"},
    [WEIR_SQL_DATE] = {"DATE", "DATE"},
    [WEIR_SQL_DATETIME] = {"DATETIME", "DATETIME"},
    [WEIR_SQL_TIMESTAMP] = {"TIMESTAMP", "TIMESTAMPTZ"},
    [WEIR_SQL_TIME] = {"TIME", "TIME"},
    [WEIR_SQL_BINARY] = {"BINARY", "BLOB"},
    [WEIR_SQL_TEXT] = {"TEXT", "TEXT"},
    [WEIR_SQL_JSON] = {"JSON", "JSON TEXT"},
    [WEIR_SQL_XML] = {"XML", "XML TEXT"},
};

/* What others write, beside the names above. */
static const struct {
    const char *declared;
    weir_sql_type type;
} others[] = {
    {"BOOL", WEIR_SQL_BOOLEAN},  {"TINYINT", WEIR_SQL_SHORT},   {"INT2", WEIR_SQL_SHORT},
    {"INT4", WEIR_SQL_INT},      {"MEDIUMINT", WEIR_SQL_INT},   {"BIGINT", WEIR_SQL_LONG},
    {"INT8", WEIR_SQL_LONG},     {"DECIMAL", WEIR_SQL_DECIMAL}, {"NUMERIC", WEIR_SQL_DECIMAL},
    {"NUMBER", WEIR_SQL_DECIMAL}, {"TIMESTAMP", WEIR_SQL_DATETIME}, {"JSON", WEIR_SQL_JSON},
    {"XML", WEIR_SQL_XML},       {"ANY", WEIR_SQL_TEXT},        {"", WEIR_SQL_TEXT},
};

/* Rules of SQLite's documentation ("Determination Of Column Affinity"), in their order. */
static const struct {
    const char *part;
    weir_sql_type type;
} affinities[] = {
    {"INT", WEIR_SQL_LONG}, {"CHAR", WEIR_SQL_TEXT}, {"CLOB", WEIR_SQL_TEXT}, {"TEXT", WEIR_SQL_TEXT}, {"BLOB", WEIR_SQL_BINARY},
    {"REAL", WEIR_SQL_DOUBLE}, {"FLOA", WEIR_SQL_DOUBLE}, {"DOUB", WEIR_SQL_DOUBLE}, {"", WEIR_SQL_DECIMAL},
};

const char *lite_sql_type_word(weir_sql_type type)
{
    return (size_t)type < sizeof types / sizeof *types ? types[type].word : "?";
}

weir_view lite_sql_type_name(weir_task *t, const weir_sql_column *c)
{
    if (c->type == WEIR_SQL_DECIMAL && c->precision)
        return weir_format(t, "%s(%u,%u)", types[c->type].declared, (unsigned)c->precision, (unsigned)c->scale);
    return weir_format(t, "%s", (size_t)c->type < sizeof types / sizeof *types ? types[c->type].declared : "");
}

static weir_sql_type named(const char *word)
{
    for (size_t i = WEIR_SQL_BOOLEAN; i < sizeof types / sizeof *types; i++)
        if (strcasecmp(types[i].declared, word) == 0)
            return (weir_sql_type)i;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strcasecmp(others[i].declared, word) == 0)
            return others[i].type;
    for (size_t i = 0;; i++)
        if (strcasestr(word, affinities[i].part))
            return affinities[i].type;
}

void lite_sql_type_of(const char *declared, weir_sql_column *ret)
{
    const char *open = declared ? strchr(declared, '(') : NULL;
    size_t len = open ? (size_t)(open - declared) : strlen(declared ? declared : "");
    while (len && declared[len - 1] == ' ')
        len--;
    char word[64];
    snprintf(word, sizeof word, "%.*s", (int)(len < sizeof word ? len : sizeof word - 1), declared ? declared : "");
    ret->type = named(word);
    ret->precision = ret->scale = 0;
    if (ret->type != WEIR_SQL_DECIMAL || !open)
        return;
    char *end;
    ret->precision = (uint32_t)strtoul(open + 1, &end, 10);
    ret->scale = *end == ',' ? (uint32_t)strtoul(end + 1, NULL, 10) : 0;
}
