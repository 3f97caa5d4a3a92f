#include "parquet.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <weir_parquet.h>

#include "digits.h"
#include "moment.h"

#define PLUGIN "materialize-duckdb.so"

/* What was seen in a column. */
typedef struct seen {
    bool not_boolean, not_integer, not_number, not_date, not_moment, not_base64;
    bool not_double;     /* a number of more digits */
    bool not_decimal;    /* of more than DECIMAL has */
    int whole, behind;   /* digits of numbers */
} seen;

struct parquet {
    const weir_parquet *functions;
    weir_parquet_writer *writer;
    const parquet_column *columns;
    size_t count;
    seen *seen;
    weir_view *texts;
    lite_text scratch;
};

static weir_rc nomem(weir_task *t) { return weir_fail(t, WEIR_E_NOMEM, "out of memory"); }

/* -------------------------------------------------------------------------------------------------------------- plug-in -- */

/* Where a build folder and an installation have it, seen from the program. */
static const char *const folders[] = {"../lib", "../lib/weir", "../lib/x86_64-linux-gnu/weir", "../lib64/weir", NULL};

static void *try_folder(const char *base, const char *folder, char *why, size_t room)
{
    char path[4096];
    int n = snprintf(path, sizeof path, "%s/%s/" PLUGIN, base, folder);
    if (n < 0 || (size_t)n >= sizeof path || access(path, F_OK) != 0)
        return NULL;
    void *library = dlopen(path, RTLD_LAZY | RTLD_LOCAL | RTLD_NODELETE);
    if (!library)
        snprintf(why, room, "%s", dlerror());
    return library;
}

static void own_folder(char *out, size_t room)
{
    ssize_t n = readlink("/proc/self/exe", out, room - 1);
    out[n > 0 ? n : 0] = 0;
    char *slash = strrchr(out, '/');
    *(slash ? slash : out) = 0;
}

static weir_rc load(weir_task *t, const weir_parquet **ret)
{
    char base[4096], why[512] = PLUGIN " is not in $WEIR_PLUGINS, nor where this program is installed";
    const char *given = getenv("WEIR_PLUGINS");
    own_folder(base, sizeof base);
    void *library = given && *given ? try_folder(given, ".", why, sizeof why) : NULL;
    for (const char *const *f = folders; !library && *f; f++)
        library = try_folder(base, *f, why, sizeof why);
    void *symbol = library ? dlsym(library, "weir_duckdb_parquet") : NULL;
    weir_parquet_functions *functions;
    if (!symbol)
        return weir_fail(t, WEIR_E_CONFIG, "Parquet needs the DuckDB plug-in: %s", why);
    memcpy(&functions, &symbol, sizeof functions);
    *ret = functions();
    return (*ret)->abi == WEIR_PARQUET_ABI ? WEIR_OK : weir_fail(t, WEIR_E_CONFIG, "Parquet needs the DuckDB plug-in: the one found is of another version");
}

weir_rc parquet_check(weir_task *t)
{
    const weir_parquet *functions;
    return load(t, &functions);
}

/* ---------------------------------------------------------------------------------------------------------------- rows -- */

static bool is_word(weir_view v, const char *word) { return v.len == strlen(word) && memcmp(v.ptr, word, v.len) == 0; }

static void note_number(seen *x, weir_view number)
{
    digits d;
    double r;
    bool plain = !memchr(number.ptr, '.', number.len) && !memchr(number.ptr, 'e', number.len) && !memchr(number.ptr, 'E', number.len);
    if (!digits_take(number, &d)) {
        x->not_integer |= !plain;
        x->not_double = x->not_decimal = true;
        return;
    }
    int whole = digits_before(&d), behind = digits_behind(&d);
    x->not_integer |= !plain;
    x->not_double |= !digits_to_double(&d, &r);
    x->whole = whole > x->whole ? whole : x->whole;
    x->behind = behind > x->behind ? behind : x->behind;
}

static void note_string(seen *x, const parquet_column *c, weir_view json, weir_view text, lite_text *scratch)
{
    int32_t day;
    int64_t micros;
    x->not_boolean = true;
    x->not_date |= text.len != 10 || !moment_date(text, &day);
    x->not_moment |= !moment_read(text, &micros);
    if (is_word(c->encoding, "base64"))
        x->not_base64 |= lite_value_read(json, (value_hint){.base64 = true}, scratch).kind != VALUE_BLOB;
    if ((is_word(c->format, "integer") || is_word(c->format, "number")) && digits_are_number(text))
        note_number(x, text);
    else
        x->not_number = true;
}

static weir_view note(seen *x, const parquet_column *c, weir_view json, lite_text *scratch)
{
    const char first = json.ptr[0];
    bool number = first == '-' || (first >= '0' && first <= '9');
    if (first == '"') {
        weir_view text = lite_value_read(json, (value_hint){0}, scratch).bytes;
        note_string(x, c, json, text, scratch);
        return text.len ? text : (weir_view){"", 0};
    }
    x->not_date = x->not_moment = x->not_base64 = true;
    x->not_boolean |= first != 't' && first != 'f';
    x->not_number |= !number;
    if (number)
        note_number(x, json);
    return first == '{' || first == '[' ? lite_value_read(json, (value_hint){0}, scratch).bytes : json;
}

weir_rc parquet_row(weir_task *t, parquet *p, const weir_view *values)
{
    char why[WEIR_PARQUET_WHY];
    size_t need = 0;
    for (size_t i = 0; i < p->count; i++)
        need += 2 * values[i].len;
    p->scratch.len = 0;
    if (!lite_text_reserve(&p->scratch, need))
        return nomem(t);
    for (size_t i = 0; i < p->count; i++) {
        bool null = !values[i].len || values[i].ptr[0] == 'n';
        p->texts[i] = null ? (weir_view){0} : note(&p->seen[i], &p->columns[i], values[i], &p->scratch);
    }
    weir_rc rc = p->functions->row(p->writer, p->texts, why);
    return rc ? weir_fail(t, rc, "Parquet: %s", why) : WEIR_OK;
}

/* --------------------------------------------------------------------------------------------------------------- types -- */

static weir_parquet_column number_type(const seen *x, bool integer)
{
    weir_parquet_column c = {.type = WEIR_SQL_TEXT};
    if (x->not_number)
        return c;
    if (integer && !x->not_integer && x->whole <= 18 && !x->not_decimal)
        c.type = WEIR_SQL_LONG;
    else if (!integer && !x->not_double)
        c.type = WEIR_SQL_DOUBLE;
    else if (!x->not_decimal && x->whole + x->behind <= DIGITS_MOST)
        c = (weir_parquet_column){.type = WEIR_SQL_DECIMAL, .precision = DIGITS_MOST, .scale = (uint32_t)x->behind};
    return c;
}

/* A string that is a number gets a type that does not depend on the values, as far as possible: decimals are no doubles. */
static weir_parquet_column string_type(const parquet_column *c, const seen *x)
{
    seen exact = *x;
    exact.not_double = true;
    if (is_word(c->encoding, "base64"))
        return (weir_parquet_column){.type = x->not_base64 ? WEIR_SQL_TEXT : WEIR_SQL_BINARY};
    if (is_word(c->format, "date"))
        return (weir_parquet_column){.type = x->not_date ? WEIR_SQL_TEXT : WEIR_SQL_DATE};
    if (is_word(c->format, "date-time"))
        return (weir_parquet_column){.type = x->not_moment ? WEIR_SQL_TEXT : WEIR_SQL_TIMESTAMP};
    if (is_word(c->format, "integer") || is_word(c->format, "number"))
        return number_type(&exact, is_word(c->format, "integer"));
    return (weir_parquet_column){.type = WEIR_SQL_TEXT};
}

static weir_parquet_column type_of(const parquet_column *c, const seen *x)
{
    weir_parquet_column t = {.type = WEIR_SQL_TEXT};
    switch (c->types & ~(unsigned)WEIR_IS_NULL) {
    case WEIR_IS_BOOLEAN:
        t.type = x->not_boolean ? WEIR_SQL_TEXT : WEIR_SQL_BOOLEAN;
        break;
    case WEIR_IS_INTEGER:
        t = number_type(x, true);
        break;
    case WEIR_IS_NUMBER: case WEIR_IS_NUMBER | WEIR_IS_INTEGER:
        t = number_type(x, false);
        break;
    case WEIR_IS_STRING:
        t = string_type(c, x);
        break;
    default:
        break;
    }
    t.name = c->name;
    return t;
}

/* ---------------------------------------------------------------------------------------------------------------- files -- */

weir_rc parquet_open(weir_task *t, parquet **ret, const parquet_column *columns, size_t count)
{
    char why[WEIR_PARQUET_WHY];
    parquet *p = calloc(1, sizeof *p);
    if (!p)
        return nomem(t);
    p->columns = columns;
    p->count = count;
    p->seen = calloc(count + 1, sizeof *p->seen);
    p->texts = calloc(count + 1, sizeof *p->texts);
    weir_rc rc = p->seen && p->texts ? load(t, &p->functions) : nomem(t);
    if (!rc && (rc = p->functions->begin(&p->writer, count, why)) != WEIR_OK)
        rc = weir_fail(t, rc, "Parquet: %s", why);
    if (rc)
        parquet_drop(p);
    else
        *ret = p;
    return rc;
}

static weir_rc make_durable(weir_task *t, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    weir_rc rc = fd < 0 || fsync(fd) ? weir_fail(t, WEIR_E_NOMEM, "fsync '%s': %s", path, strerror(errno)) : WEIR_OK;
    if (fd >= 0)
        close(fd);
    return rc;
}

weir_rc parquet_finish(weir_task *t, parquet *p, const char *path, const char *compression)
{
    char why[WEIR_PARQUET_WHY];
    weir_parquet_column *columns = calloc(p->count + 1, sizeof *columns);
    weir_rc rc = columns ? WEIR_OK : nomem(t);
    for (size_t i = 0; !rc && i < p->count; i++)
        columns[i] = type_of(&p->columns[i], &p->seen[i]);
    if (!rc && (rc = p->functions->finish_as(p->writer, columns, path, compression, why)) != WEIR_OK)
        rc = weir_fail(t, rc, "write '%s': %s", path, why);
    if (!rc)
        rc = make_durable(t, path);
    free(columns);
    parquet_drop(p);
    return rc;
}

void parquet_drop(parquet *p)
{
    if (!p)
        return;
    if (p->functions)
        p->functions->drop(p->writer);
    lite_text_free(&p->scratch);
    free(p->seen);
    free(p->texts);
    free(p);
}
