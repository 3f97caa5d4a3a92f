#include "param.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

static const char explicit_prefix[] = "$p::(";

/* ------------------------------------------------------------------------------------------------------------ characters -- */

/* Bytes of the blank at the beginning of a text, in UTF-8; 0: there is none. (Unicode's White_Space) */
static size_t blank_at(weir_view s)
{
    static const char *const wide[] = {"\xc2\x85",     "\xc2\xa0",     "\xe1\x9a\x80", "\xe2\x80\x80", "\xe2\x80\x81",
                                       "\xe2\x80\x82", "\xe2\x80\x83", "\xe2\x80\x84", "\xe2\x80\x85", "\xe2\x80\x86",
                                       "\xe2\x80\x87", "\xe2\x80\x88", "\xe2\x80\x89", "\xe2\x80\x8a", "\xe2\x80\xa8",
                                       "\xe2\x80\xa9", "\xe2\x80\xaf", "\xe2\x81\x9f", "\xe3\x80\x80"};
    if (s.len && (s.ptr[0] == ' ' || (s.ptr[0] >= '\t' && s.ptr[0] <= '\r')))
        return 1;
    for (size_t i = 0; i < sizeof wide / sizeof *wide; i++) {
        size_t len = strlen(wide[i]);
        if (s.len >= len && memcmp(s.ptr, wide[i], len) == 0)
            return len;
    }
    return 0;
}

static weir_view drop(weir_view s, size_t n)
{
    return (weir_view){s.ptr + n, s.len - n};
}

static bool same(weir_view a, weir_view b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (unsigned char)c >= 0x80;
}

/* ------------------------------------------------------------------------------------------------------------- distances -- */

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Characters, not bytes. @return how many */
static size_t take_characters(weir_view s, uint32_t *to)
{
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        bool goes_on = ((unsigned char)s.ptr[i] & 0xc0) == 0x80 && n;
        if (goes_on)
            to[n - 1] = to[n - 1] << 8 | (unsigned char)s.ptr[i];
        else
            to[n++] = (unsigned char)s.ptr[i];
    }
    return n;
}

/* The optimal string alignment distance, by rows: of two before, of one before, this one. */
static size_t align(const uint32_t *a, size_t a_len, const uint32_t *b, size_t b_len, size_t *rows)
{
    size_t width = b_len + 1, *before = rows, *last = rows + width, *now = rows + 2 * width;
    for (size_t j = 0; j <= b_len; j++)
        last[j] = j;
    for (size_t i = 1; i <= a_len; i++) {
        now[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            now[j] = least(least(last[j], now[j - 1]) + 1, last[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                now[j] = least(now[j], before[j - 2] + 1);
        }
        size_t *spare = before;
        before = last;
        last = now;
        now = spare;
    }
    return last[b_len];
}

size_t dsql_param_distance(weir_view a, weir_view b)
{
    uint32_t *letters = malloc((a.len + b.len + 1) * sizeof *letters);
    size_t *rows = malloc(3 * (b.len + 1) * sizeof *rows), distance = SIZE_MAX;
    if (letters && rows) {
        size_t a_len = take_characters(a, letters), b_len = take_characters(b, letters + a_len);
        distance = align(letters, a_len, letters + a_len, b_len, rows);
    }
    free(letters);
    free(rows);
    return distance;
}

/* ---------------------------------------------------------------------------------------------------------------- naming -- */

static bool is_simple(weir_view field)
{
    for (size_t i = 0; i < field.len; i++)
        if (!is_letter(field.ptr[i]) && !strchr(" \t\n\v\f\r_-/", field.ptr[i]))
            return false;
    return field.len > 0;
}

char *dsql_param_name(weir_view field)
{
    bool simple = is_simple(field);
    sqlite3_str *out = sqlite3_str_new(NULL);
    sqlite3_str_appendall(out, simple ? "$" : explicit_prefix);
    while (field.len) {
        size_t blank = blank_at(field);
        char c = blank || (simple && field.ptr[0] == '-') ? '_' : simple && field.ptr[0] == '/' ? '$' : field.ptr[0];
        sqlite3_str_append(out, &c, 1);
        field = drop(field, blank ? blank : 1);
    }
    sqlite3_str_appendall(out, simple ? "" : ")");
    return sqlite3_str_finish(out);
}

/* Is it the field, with `_` in some places? */
static bool matches(weir_view name, weir_view field, bool is_explicit)
{
    while (name.len && field.len) {
        size_t taken = name.ptr[0] == field.ptr[0] ? 1 : 0;
        if (!taken && name.ptr[0] == '_')
            taken = blank_at(field) ? blank_at(field) : field.ptr[0] == '-' && !is_explicit;
        if (!taken)
            return false;
        name = drop(name, 1);
        field = drop(field, taken);
    }
    return name.len == 0 && field.len == 0;
}

static const weir_column *find(const weir_transform *t, weir_view name, bool is_explicit)
{
    for (size_t i = 0; i < t->column_count; i++)
        if (same(name, t->columns[i].field))
            return &t->columns[i];
    for (size_t i = 0; i < t->column_count; i++)
        if (matches(name, t->columns[i].field, is_explicit))
            return &t->columns[i];
    return NULL;
}

static weir_rc unknown(const weir_transform *t, const char *parameter, weir_view name, dsql_error *e)
{
    const weir_column *nearest = NULL;
    size_t best = SIZE_MAX;
    for (size_t i = 0; i < t->column_count; i++) {
        size_t distance = dsql_param_distance(name, t->columns[i].field);
        if (distance < best) {
            best = distance;
            nearest = &t->columns[i];
        }
    }
    if (!nearest)
        return dsql_say(e, WEIR_E_CONFIG, "parameter %s: '%.*s' has no fields", parameter, (int)t->collection.len,
                        t->collection.ptr);
    char *near = dsql_param_name(nearest->field);
    if (!near)
        return dsql_say(e, WEIR_E_NOMEM, "out of memory");
    dsql_say(e, WEIR_E_CONFIG, "parameter %s: '%.*s' has no such field; did you mean %s?", parameter, (int)t->collection.len,
             t->collection.ptr, near);
    sqlite3_free(near);
    return e->rc;
}

weir_rc dsql_param_find(const weir_transform *t, const char *parameter, size_t *ret_column, dsql_error *e)
{
    if (!parameter || parameter[0] == '?')
        return dsql_say(e, WEIR_E_CONFIG, "parameter %s: it must name a field, such as $id", parameter ? parameter : "?");
    bool is_explicit = strncmp(parameter, explicit_prefix, strlen(explicit_prefix)) == 0;
    weir_view given = {parameter + 1, strlen(parameter) - 1};
    if (is_explicit)
        given = (weir_view){parameter + strlen(explicit_prefix), strlen(parameter) - strlen(explicit_prefix) - 1};
    char *name = malloc(given.len + 1);
    if (!name)
        return dsql_say(e, WEIR_E_NOMEM, "out of memory");
    for (size_t i = 0; i < given.len; i++)
        name[i] = given.ptr[i] == '$' && !is_explicit ? '/' : given.ptr[i];
    const weir_column *found = find(t, (weir_view){name, given.len}, is_explicit);
    if (found)
        *ret_column = (size_t)(found - t->columns);
    else
        unknown(t, parameter, (weir_view){name, given.len}, e);
    free(name);
    return found ? WEIR_OK : e->rc;
}
