#include "rewrite.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---------------------------------------------------------------------------------------------------------------- tokens -- */

typedef enum token_kind { T_END, T_WORD, T_QUOTED, T_PARAMETER, T_OPEN, T_CLOSE, T_COMMA, T_OTHER } token_kind;

typedef struct token {
    token_kind kind;
    const char *at;
    size_t len;
} token;

/* Behind a quoted name or text; a quote within is doubled. */
static size_t quoted_length(const char *at)
{
    size_t n = 1;
    while (at[n] && (at[n] != *at || at[n + 1] == *at))
        n += at[n] == *at ? 2 : 1;
    return at[n] ? n + 1 : n;
}

static size_t word_length(const char *at)
{
    size_t n = 0;
    while (isalnum((unsigned char)at[n]) || at[n] == '_' || (unsigned char)at[n] >= 0x80)
        n++;
    return n;
}

static token token_at(const char *at)
{
    static const struct { char c; token_kind kind; } signs[] = {{'?', T_PARAMETER}, {'(', T_OPEN}, {')', T_CLOSE}, {',', T_COMMA}, {0, T_END}};
    while (isspace((unsigned char)*at))
        at++;
    if (*at == '"' || *at == '\'')
        return (token){T_QUOTED, at, quoted_length(at)};
    if (word_length(at))
        return (token){T_WORD, at, word_length(at)};
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (*at == signs[i].c)
            return (token){signs[i].kind, at, *at != 0};
    return (token){T_OTHER, at, 1};
}

static bool is_word(token x, const char *word)
{
    return x.kind == T_WORD && x.len == strlen(word) && strncasecmp(x.at, word, x.len) == 0;
}

static token after(token x) { return token_at(x.at + x.len); }

/* From an opening bracket to the one that closes it. */
static token closing(token open)
{
    int depth = 0;
    for (token x = open;; x = after(x)) {
        depth += (x.kind == T_OPEN) - (x.kind == T_CLOSE);
        if (x.kind == T_END || !depth)
            return x;
    }
}

/* The first of these words from `x` on that is in no bracket; T_END: none. */
static token find_word(token x, const char *word)
{
    while (x.kind != T_END && !is_word(x, word))
        x = after(x.kind == T_OPEN ? closing(x) : x);
    return x;
}

static size_t parameters(const char *from, const char *to)
{
    size_t n = 0;
    for (token x = token_at(from); x.kind != T_END && x.at < to; x = after(x))
        n += x.kind == T_PARAMETER;
    return n;
}

/* --------------------------------------------------------------------------------------------------------------- writing -- */

typedef struct rewriting {
    const duck_carrier *carriers;
    size_t columns, seen; /* parameters so far */
    char *out;
    size_t len;
    bool *keys;
} rewriting;

static void put(rewriting *w, const char *text, size_t len)
{
    memcpy(w->out + w->len, text, len);
    w->len += len;
    w->out[w->len] = 0;
}

static void puts_at(rewriting *w, const char *text) { put(w, text, strlen(text)); }

static void put_parameter(rewriting *w)
{
    char text[96];
    const char *cast = w->carriers[w->seen].cast;
    w->seen++;
    if (*cast)
        snprintf(text, sizeof text, "CAST(" DUCK_ROWS ".c%zu AS %s)", w->seen, cast);
    else
        snprintf(text, sizeof text, DUCK_ROWS ".c%zu", w->seen);
    puts_at(w, text);
}

/* Copies what stands between, its parameters replaced. */
static void copy(rewriting *w, const char *from, const char *to)
{
    for (token x = token_at(from); x.kind != T_END && x.at < to; x = after(x)) {
        put(w, from, (size_t)(x.at - from));
        if (x.kind == T_PARAMETER)
            put_parameter(w);
        else
            put(w, x.at, x.len);
        from = x.at + x.len;
    }
    put(w, from, (size_t)(to - from));
}

/* ------------------------------------------------------------------------------------------------------------ statements -- */

/* The place of a name in the bracketed list of names at `open`; SIZE_MAX: none. */
static size_t place_of(token open, token name)
{
    size_t at = 0;
    for (token x = after(open); x.kind != T_CLOSE && x.kind != T_END; x = after(x)) {
        if (x.kind == T_COMMA)
            at++;
        else if (x.len == name.len && strncasecmp(x.at, name.at, x.len) == 0)
            return at;
    }
    return SIZE_MAX;
}

/* The parameter that is the value at this place of VALUES (...); SIZE_MAX: it is more than just a parameter. */
static size_t parameter_at(token values, size_t place)
{
    size_t at = 0, seen = 0;
    token end = closing(values), x = after(values);
    for (; at < place && x.at < end.at; x = after(x.kind == T_OPEN ? closing(x) : x)) {
        if (x.kind == T_OPEN)
            seen += parameters(x.at, closing(x).at);
        at += x.kind == T_COMMA;
        seen += x.kind == T_PARAMETER;
    }
    bool alone = x.kind == T_PARAMETER && (after(x).kind == T_COMMA || after(x).at == end.at);
    return alone ? seen : SIZE_MAX;
}

/* ON CONFLICT (names): rows of the same key depend on each other. */
static bool mark_conflict(rewriting *w, token names, token values, token conflict)
{
    token open = after(conflict);
    if (open.kind != T_OPEN || names.kind != T_OPEN)
        return false;
    for (token x = after(open); x.kind != T_CLOSE; x = after(x)) {
        if (x.kind == T_COMMA)
            continue;
        size_t place = place_of(names, x);
        size_t parameter = place == SIZE_MAX ? SIZE_MAX : parameter_at(values, place);
        if (parameter >= w->columns)
            return false;
        w->keys[parameter] = true;
    }
    return true;
}

static bool rewrite_insert(rewriting *w, const char *sql)
{
    token word = find_word(token_at(sql), "VALUES"), names = token_at(sql);
    if (word.kind == T_END || after(word).kind != T_OPEN)
        return false;
    token values = after(word), end = closing(values), rest = after(end);
    if (end.kind == T_END || rest.kind == T_COMMA || parameters(end.at, sql + strlen(sql)))
        return false;
    while (names.kind != T_OPEN && names.at < word.at)
        names = after(names);
    token conflict = find_word(rest, "CONFLICT");
    if (conflict.kind != T_END && !mark_conflict(w, names, values, conflict))
        return false;
    copy(w, sql, word.at);
    puts_at(w, "SELECT ");
    copy(w, values.at + 1, end.at);
    puts_at(w, " FROM " DUCK_ROWS " ");
    puts_at(w, rest.at);
    return true;
}

static void mark_where(rewriting *w, const char *sql, token where)
{
    for (size_t i = parameters(sql, where.at); i < w->columns; i++)
        w->keys[i] = true;
}

static bool rewrite_update(rewriting *w, const char *sql)
{
    token where = find_word(token_at(sql), "WHERE");
    if (find_word(token_at(sql), "FROM").kind != T_END || find_word(token_at(sql), "RETURNING").kind != T_END || where.kind == T_END)
        return false;
    mark_where(w, sql, where);
    copy(w, sql, where.at);
    puts_at(w, "FROM " DUCK_ROWS " ");
    copy(w, where.at, sql + strlen(sql));
    return true;
}

static bool rewrite_delete(rewriting *w, const char *sql)
{
    token where = find_word(token_at(sql), "WHERE");
    if (find_word(token_at(sql), "USING").kind != T_END || where.kind == T_END)
        return false;
    copy(w, sql, where.at);
    puts_at(w, "USING " DUCK_ROWS " ");
    copy(w, where.at, sql + strlen(sql));
    return true;
}

static const struct {
    const char *word;
    bool (*rewrite)(rewriting *, const char *);
} statements[] = {{"INSERT", rewrite_insert}, {"UPDATE", rewrite_update}, {"DELETE", rewrite_delete}};

static bool rewrite(rewriting *w, const char *sql)
{
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++)
        if (is_word(token_at(sql), statements[i].word))
            return statements[i].rewrite(w, sql) && w->seen == w->columns;
    return false;
}

bool duck_rewrite(const char *sql, const duck_carrier *carriers, size_t columns, char **ret_sql, bool **ret_keys)
{
    rewriting w = {.carriers = carriers, .columns = columns};
    if (parameters(sql, sql + strlen(sql)) != columns)
        return false;
    w.out = calloc(1, strlen(sql) + 64 + columns * 96);
    w.keys = calloc(columns + 1, sizeof *w.keys);
    if (!w.out || !w.keys || !rewrite(&w, sql)) {
        free(w.out);
        free(w.keys);
        return false;
    }
    *ret_sql = w.out;
    *ret_keys = w.keys;
    return true;
}
