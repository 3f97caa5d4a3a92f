#include "block.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

size_t dsql_line(weir_view text, size_t offset, size_t first)
{
    for (size_t i = 0; i < offset && i < text.len; i++)
        first += text.ptr[i] == '\n';
    return first;
}

bool dsql_is_file(weir_view block)
{
    for (size_t i = 0; i < block.len; i++)
        if (is_blank(block.ptr[i]) || block.ptr[i] == ';' || block.ptr[i] == '\0')
            return false;
    return block.len > 0;
}

weir_rc dsql_block_open(dsql_block *b, weir_view sql, dsql_error *e)
{
    *b = (dsql_block){.line = 1};
    const char *nul = sql.len ? memchr(sql.ptr, '\0', sql.len) : NULL;
    if (nul)
        return dsql_say(e, WEIR_E_CONFIG, "line %lld: a NUL character cannot be part of SQL",
                        (long long)dsql_line(sql, (size_t)(nul - sql.ptr), 1));
    b->begin = malloc(sql.len + 1);
    if (!b->begin)
        return dsql_say(e, WEIR_E_NOMEM, "out of memory");
    memcpy(b->begin, sql.len ? sql.ptr : "", sql.len);
    b->begin[sql.len] = '\0';
    b->at = b->begin;
    b->end = b->begin + sql.len;
    return WEIR_OK;
}

void dsql_block_close(dsql_block *b)
{
    free(b->begin);
    *b = (dsql_block){0};
}

/* Behind the quoted text or comment that begins at `at`, or the next character if there is none. */
static const char *skip(const char *at)
{
    const char *close = *at == '[' ? "]" : *at == '\'' ? "'" : *at == '"' ? "\"" : *at == '`' ? "`" : NULL;
    if (at[0] == '-' && at[1] == '-')
        close = "\n";
    if (at[0] == '/' && at[1] == '*')
        close = "*/";
    if (!close)
        return at + 1;
    const char *end = strstr(at + (close[0] == '*' ? 2 : 1), close);
    return end ? end + strlen(close) : at + strlen(at);
}

/* Behind the next semicolon that is one, or NULL. SQLite says whether it ends a statement: within a trigger it does not. */
static char *next_semicolon(char *at)
{
    const char *c = at;
    while (*c && *c != ';')
        c = skip(c);
    return *c ? at + (c - at) + 1 : NULL;
}

static bool completes(const char *statement, char *end)
{
    char had = *end;
    *end = '\0';
    bool complete = sqlite3_complete(statement) != 0;
    *end = had;
    return complete;
}

static weir_rc trailing(const dsql_block *b, dsql_error *e)
{
    const char *at = b->at;
    while (is_blank(*at))
        at++;
    if (at == b->end)
        return WEIR_OK;
    size_t line = dsql_line((weir_view){b->at, (size_t)(b->end - b->at)}, (size_t)(at - b->at), b->line);
    return dsql_say(e, WEIR_E_CONFIG, "line %lld: there is no ';' at the end of '%!.*s'", (long long)line, (int)strcspn(at, "\r\n"),
                    at);
}

weir_rc dsql_block_next(dsql_block *b, dsql_statement *ret, dsql_error *e)
{
    *ret = (dsql_statement){{NULL, 0}, 0};
    for (char *end = next_semicolon(b->at); end; end = next_semicolon(end)) {
        if (!completes(b->at, end))
            continue;
        char *first = b->at;
        while (is_blank(*first))
            first++;
        *ret = (dsql_statement){.sql = {first, (size_t)(end - first)}};
        ret->line = dsql_line((weir_view){b->at, (size_t)(first - b->at)}, SIZE_MAX, b->line);
        b->line = dsql_line(ret->sql, SIZE_MAX, ret->line);
        b->at = end;
        if (ret->sql.len > 1)
            return WEIR_OK;
        *ret = (dsql_statement){{NULL, 0}, 0};
    }
    return trailing(b, e);
}
