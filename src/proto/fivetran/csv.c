#include "proto/fivetran/csv.h"

#include <stdlib.h>

static bool add_field(ft_csv *c, const char *from, size_t len)
{
    if (c->count == c->room) {
        size_t room = c->room ? 2 * c->room : 64;
        weir_view *fields = reallocarray(c->fields, room, sizeof *fields);
        if (!fields)
            return false;
        c->fields = fields;
        c->room = room;
    }
    c->fields[c->count++] = (weir_view){from, len};
    return true;
}

/* Whether all of the row is there is found out first: only then is anything overwritten. @return its end, the line break included; NULL: not there */
static const char *row_end(const char *at, const char *end, bool last, bool *ret_quoted)
{
    bool quoted = false;
    *ret_quoted = false;
    for (;;) {
        const char *lf = memchr(at, '\n', (size_t)(end - at)), *stop = lf ? lf : end;
        for (const char *q = at; (q = memchr(q, '"', (size_t)(stop - q))); q++) {
            quoted = !quoted;
            *ret_quoted = true;
        }
        if (lf && !quoted)
            return lf + 1;
        if (!lf)
            return last ? end : NULL;
        at = lf + 1;
    }
}

/* The field in quotes that begins behind `at`. @return the byte behind its closing quote; NULL: there is none */
static char *take_quoted(char *at, char *end, char **ret_end)
{
    char *to = at;
    for (;;) {
        char *quote = memchr(at, '"', (size_t)(end - at));
        if (!quote)
            return NULL;
        if (to != at)
            memmove(to, at, (size_t)(quote - at));
        to += quote - at;
        if (quote + 1 == end || quote[1] != '"') {
            *ret_end = to;
            return quote + 1;
        }
        *to++ = '"';
        at = quote + 2;
    }
}

static ft_csv_status take_quoted_row(ft_csv *c, char *at, char *end)
{
    for (;;) {
        char *from = at, *to;
        if (at < end && *at == '"') {
            from = at + 1;
            at = take_quoted(from, end, &to);
            if (!at)
                return FT_CSV_UNCLOSED;
            if (at < end && *at != ',')
                return FT_CSV_BEHIND;
        } else {
            to = memchr(at, ',', (size_t)(end - at));
            to = to ? to : end;
            if (memchr(from, '"', (size_t)(to - from)))
                return FT_CSV_QUOTE;
            at = to;
        }
        if (!add_field(c, from, (size_t)(to - from)))
            return FT_CSV_NOMEM;
        if (at == end)
            return FT_CSV_ROW;
        at++;
    }
}

static ft_csv_status take_plain_row(ft_csv *c, const char *at, const char *end)
{
    for (const char *from = at;; at++)
        if (at == end || *at == ',') {
            if (!add_field(c, from, (size_t)(at - from)))
                return FT_CSV_NOMEM;
            if (at == end)
                return FT_CSV_ROW;
            from = at + 1;
        }
}

ft_csv_status ft_csv_next(ft_csv *c, char *bytes, size_t len, bool last, size_t *ret_used)
{
    bool quoted;
    c->count = 0;
    if (!len)
        return last ? FT_CSV_END : FT_CSV_MORE;
    const char *stop = row_end(bytes, bytes + len, last, &quoted);
    if (!stop)
        return FT_CSV_MORE;
    char *end = bytes + (stop - bytes);
    *ret_used = (size_t)(end - bytes);
    if (end[-1] == '\n')
        end -= end - bytes >= 2 && end[-2] == '\r' ? 2 : 1;
    return quoted ? take_quoted_row(c, bytes, end) : take_plain_row(c, bytes, end);
}

void ft_csv_free(ft_csv *c)
{
    free(c->fields);
    *c = (ft_csv){0};
}

const char *ft_csv_problem(ft_csv_status s)
{
    static const char *const problems[] = {
        [FT_CSV_QUOTE] = "a quote inside of a field that does not begin with one",
        [FT_CSV_BEHIND] = "text behind a closing quote",
        [FT_CSV_UNCLOSED] = "the file ends inside of quotes: it is cut off, or a quote is not doubled",
        [FT_CSV_NOMEM] = "out of memory",
    };
    return (size_t)s < sizeof problems / sizeof *problems ? problems[s] : NULL;
}
