#include "column.h"

#include "moment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ----------------------------------------------------------------------------------------------------------------- types -- */

static const struct {
    const char *name; /* in a definition */
    const char *shown; /* by DuckDB; NULL: the same */
    duckdb_type type;
} kinds[] = {
    [DUCK_NOTHING] = {"JSON", NULL, DUCKDB_TYPE_VARCHAR},     [DUCK_BOOLEAN] = {"BOOLEAN", NULL, DUCKDB_TYPE_BOOLEAN},
    [DUCK_BIGINT] = {"BIGINT", NULL, DUCKDB_TYPE_BIGINT},     [DUCK_HUGEINT] = {"HUGEINT", NULL, DUCKDB_TYPE_HUGEINT},
    [DUCK_DOUBLE] = {"DOUBLE", NULL, DUCKDB_TYPE_DOUBLE},     [DUCK_DECIMAL] = {"DECIMAL", NULL, DUCKDB_TYPE_DECIMAL},
    [DUCK_DATE] = {"DATE", NULL, DUCKDB_TYPE_DATE},           [DUCK_TIMESTAMPTZ] = {"TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE", DUCKDB_TYPE_TIMESTAMP_TZ},
    [DUCK_BLOB] = {"BLOB", NULL, DUCKDB_TYPE_BLOB},           [DUCK_VARCHAR] = {"VARCHAR", NULL, DUCKDB_TYPE_VARCHAR},
    [DUCK_JSON] = {"JSON", NULL, DUCKDB_TYPE_VARCHAR},        [DUCK_OTHER] = {"JSON", "", DUCKDB_TYPE_VARCHAR},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static bool is_word(weir_view v, const char *word) { return v.len == strlen(word) && memcmp(v.ptr, word, v.len) == 0; }

static bool is_integers(duck_type t) { return t.kind == DUCK_BIGINT || t.kind == DUCK_HUGEINT; }

bool duck_type_is_number(duck_type t) { return is_integers(t) || t.kind == DUCK_DOUBLE || t.kind == DUCK_DECIMAL; }

static bool is_string(duck_type t) { return t.kind >= DUCK_DATE && t.kind <= DUCK_VARCHAR; }

bool duck_type_same(duck_type a, duck_type b) { return a.kind == b.kind && (a.kind != DUCK_DECIMAL || a.behind == b.behind); }

void duck_type_name(duck_type t, char *out, size_t room)
{
    if (t.kind == DUCK_DECIMAL)
        snprintf(out, room, "DECIMAL(%d,%d)", DUCK_DIGITS, t.behind);
    else
        snprintf(out, room, "%s", kinds[t.kind].name);
}

duck_type duck_type_parse(weir_view name)
{
    char text[64];
    int width, scale;
    snprintf(text, sizeof text, "%.*s", (int)name.len, name.ptr);
    if (sscanf(text, "DECIMAL(%d,%d)", &width, &scale) == 2)
        return (duck_type){.kind = width == DUCK_DIGITS ? DUCK_DECIMAL : DUCK_OTHER, .behind = scale};
    for (duck_kind k = DUCK_BOOLEAN; k < DUCK_OTHER; k++)
        if (is_word(name, kinds[k].shown ? kinds[k].shown : kinds[k].name))
            return (duck_type){.kind = k};
    return (duck_type){.kind = DUCK_OTHER};
}

duckdb_logical_type duck_type_logical(duck_type t)
{
    return t.kind == DUCK_DECIMAL ? duckdb_create_decimal_type(DUCK_DIGITS, (uint8_t)t.behind) : duckdb_create_logical_type(kinds[t.kind].type);
}

static unsigned types_of(const weir_column *c) { return c->types & ~(unsigned)WEIR_IS_NULL; }

bool duck_type_texts(const weir_column *c)
{
    return types_of(c) == WEIR_IS_STRING && !c->key && (is_word(c->format, "integer") || is_word(c->format, "number"));
}

/* A key that is a string stays one: two that are not the same must not become equal. */
static duck_kind wanted_string(const weir_column *c)
{
    static const struct {
        const char *format;
        duck_kind kind;
    } formats[] = {{"date", DUCK_DATE}, {"date-time", DUCK_TIMESTAMPTZ}, {"integer", DUCK_BIGINT}, {"number", DUCK_DECIMAL}};
    if (is_word(c->encoding, "base64"))
        return c->key ? DUCK_VARCHAR : DUCK_BLOB;
    for (size_t i = 0; i < sizeof formats / sizeof *formats && !c->key; i++)
        if (is_word(c->format, formats[i].format))
            return formats[i].kind;
    return DUCK_VARCHAR;
}

duck_type duck_type_wanted(const weir_column *c)
{
    enum { CENTS = 2 }; /* digits behind the point until more are seen */
    duck_type t = {.kind = DUCK_JSON};
    switch (types_of(c)) {
    case WEIR_IS_BOOLEAN: t.kind = DUCK_BOOLEAN; break;
    case WEIR_IS_INTEGER: t.kind = DUCK_BIGINT; break;
    case WEIR_IS_NUMBER: case WEIR_IS_NUMBER | WEIR_IS_INTEGER: t.kind = DUCK_DOUBLE; break;
    case WEIR_IS_STRING: t.kind = wanted_string(c); break;
    default: break;
    }
    t.behind = t.kind == DUCK_DECIMAL ? CENTS : 0;
    return t;
}

/* ------------------------------------------------------------------------------------------------------------ widening -- */

static int larger(int a, int b) { return a > b ? a : b; }

static duck_type join_numbers(duck_type a, duck_type b, duck_kind top)
{
    duck_type t = {.kind = a.kind > b.kind ? a.kind : b.kind, .whole = larger(a.whole, b.whole), .behind = larger(a.behind, b.behind)};
    bool integers = is_integers(a) || is_integers(b);
    if (t.kind == DUCK_DOUBLE && integers && larger(is_integers(a) ? a.whole : 0, is_integers(b) ? b.whole : 0) > DUCK_EXACT)
        t.kind = DUCK_DECIMAL;
    if (t.kind == DUCK_DECIMAL && t.whole + t.behind > DUCK_DIGITS)
        t.kind = top;
    return t;
}

duck_type duck_type_join(duck_type a, duck_type b, bool texts)
{
    const duck_kind top = texts ? DUCK_VARCHAR : DUCK_JSON;
    if (a.kind == DUCK_NOTHING || b.kind == DUCK_NOTHING)
        return a.kind == DUCK_NOTHING ? b : a;
    if (duck_type_is_number(a) && duck_type_is_number(b))
        return join_numbers(a, b, top);
    if (a.kind == b.kind)
        return a;
    bool strings = is_string(a) && is_string(b);
    bool both = texts && (is_string(a) || duck_type_is_number(a)) && (is_string(b) || duck_type_is_number(b));
    return (duck_type){.kind = strings || both ? DUCK_VARCHAR : DUCK_JSON};
}

/* ------------------------------------------------------------------------------------------------------------- numbers -- */

__extension__ typedef unsigned __int128 wide_bits;

bool duck_scaled(const digits *d, int scale, duckdb_hugeint *ret)
{
    int zeros = scale - (d->count - d->point);
    wide_bits n = 0;
    *ret = (duckdb_hugeint){0};
    if (!d->count)
        return true;
    if (zeros < 0 || d->count + zeros > DUCK_DIGITS)
        return false;
    for (int i = 0; i < d->count + zeros; i++)
        n = n * 10 + (i < d->count ? (unsigned)(d->at[i] - '0') : 0u);
    n = d->negative ? -n : n;
    ret->lower = (uint64_t)n;
    ret->upper = (int64_t)(uint64_t)(n >> 64);
    return true;
}

/* The digits of a value: of a number or, in a column of texts, of a string that is one. */
static bool number_of(const duck_column *c, weir_view json, weir_view *ret)
{
    if (!c->texts) {
        *ret = json;
        return json.ptr[0] == '-' || is_digit(json.ptr[0]);
    }
    *ret = json.len > 2 ? (weir_view){json.ptr + 1, json.len - 2} : (weir_view){0};
    return json.ptr[0] == '"' && digits_are_number(*ret);
}

static duck_type type_of_number(weir_view number, duck_kind top, lite_text *scratch)
{
    digits d;
    double r;
    lite_value v = lite_value_read(number, (value_hint){.integer = true}, scratch);
    duck_type t = {.kind = top};
    if (!digits_take(number, &d)) {
        t.whole = DUCK_FAR;
        return t;
    }
    t.whole = digits_before(&d);
    t.behind = digits_behind(&d);
    if (v.kind == VALUE_INTEGER)
        t.kind = DUCK_BIGINT;
    else if (!t.behind && t.whole <= DUCK_DIGITS && !memchr(number.ptr, 'e', number.len) && !memchr(number.ptr, 'E', number.len))
        t.kind = DUCK_HUGEINT;
    else if (v.kind == VALUE_REAL || digits_to_double(&d, &r))
        t.kind = DUCK_DOUBLE;
    else if (t.whole + t.behind <= DUCK_DIGITS)
        t.kind = DUCK_DECIMAL;
    return t;
}

static duck_kind kind_of_string(const duck_column *c, weir_view json, lite_text *scratch)
{
    int32_t day;
    int64_t micros;
    weir_view inner = {json.ptr + 1, json.len - 2};
    if (c->type.kind == DUCK_BLOB && lite_value_read(json, (value_hint){.base64 = true}, scratch).kind == VALUE_BLOB)
        return DUCK_BLOB;
    if (c->type.kind == DUCK_DATE && inner.len == 10 && moment_date(inner, &day))
        return DUCK_DATE;
    return c->type.kind == DUCK_TIMESTAMPTZ && moment_read(inner, &micros) ? DUCK_TIMESTAMPTZ : DUCK_VARCHAR;
}

duck_type duck_type_of(const duck_column *c, weir_view json, lite_text *scratch)
{
    weir_view number;
    const char first = json.len ? json.ptr[0] : 'n';
    scratch->len = 0;
    if (first == 'n' || !lite_text_reserve(scratch, json.len))
        return (duck_type){0};
    if (first == 't' || first == 'f')
        return (duck_type){.kind = DUCK_BOOLEAN};
    if (number_of(c, json, &number))
        return type_of_number(number, c->texts ? DUCK_VARCHAR : DUCK_JSON, scratch);
    return (duck_type){.kind = first == '"' ? kind_of_string(c, json, scratch) : DUCK_JSON};
}

/* ------------------------------------------------------------------------------------------------------------- putting -- */

/* Where a value goes. */
typedef struct target {
    duckdb_vector v;
    idx_t row;
    bool borrow;
    lite_text *scratch;
} target;

typedef bool put_value(const duck_column *c, const target *to, weir_view json);

static void *place(const target *to, size_t size) { return (char *)duckdb_vector_get_data(to->v) + to->row * size; }

static bool put_boolean(const duck_column *c, const target *to, weir_view json)
{
    (void)c;
    *(bool *)place(to, sizeof(bool)) = json.ptr[0] == 't';
    return json.ptr[0] == 't' || json.ptr[0] == 'f';
}

/* Most are short and plain. */
static bool plain_integer(weir_view n, int64_t *ret)
{
    bool negative = n.ptr[0] == '-';
    int64_t value = 0;
    if (n.len > 18)
        return false;
    for (size_t i = negative; i < n.len; i++) {
        if (!is_digit(n.ptr[i]))
            return false;
        value = value * 10 + (n.ptr[i] - '0');
    }
    *ret = negative ? -value : value;
    return true;
}

static bool put_bigint(const duck_column *c, const target *to, weir_view json)
{
    weir_view n;
    int64_t *at = place(to, sizeof *at);
    if (!number_of(c, json, &n))
        return false;
    if (plain_integer(n, at))
        return true;
    lite_value x = lite_value_read(n, (value_hint){.integer = true}, to->scratch);
    *at = x.integer;
    return x.kind == VALUE_INTEGER;
}

static bool put_scaled(const duck_column *c, const target *to, weir_view json)
{
    weir_view n;
    digits d;
    return number_of(c, json, &n) && digits_take(n, &d) &&
           duck_scaled(&d, c->type.kind == DUCK_DECIMAL ? c->type.behind : 0, place(to, sizeof(duckdb_hugeint)));
}

static bool put_double(const duck_column *c, const target *to, weir_view json)
{
    const int64_t most = 999999999999999;
    weir_view n;
    if (!number_of(c, json, &n))
        return false;
    lite_value x = lite_value_read(n, (value_hint){0}, to->scratch);
    if (x.kind == VALUE_TEXT) { /* far from the point, or of too many digits */
        digits d;
        return digits_take(n, &d) && digits_to_double(&d, place(to, sizeof(double)));
    }
    *(double *)place(to, sizeof(double)) = x.kind == VALUE_INTEGER ? (double)x.integer : x.real;
    return x.kind == VALUE_REAL || (x.kind == VALUE_INTEGER && x.integer <= most && x.integer >= -most);
}

static bool put_date(const duck_column *c, const target *to, weir_view json)
{
    (void)c;
    return json.ptr[0] == '"' && json.len == 12 && moment_date((weir_view){json.ptr + 1, 10}, place(to, sizeof(int32_t)));
}

static bool put_moment(const duck_column *c, const target *to, weir_view json)
{
    (void)c;
    return json.ptr[0] == '"' && moment_read((weir_view){json.ptr + 1, json.len - 2}, place(to, sizeof(int64_t)));
}

/* Every document is checked UTF-8. What had to be decoded lies in the scratch, which the next value overwrites. */
static void assign(const target *to, weir_view text)
{
    const char *scratch = to->scratch->ptr;
    bool decoded = scratch && text.ptr >= scratch && text.ptr < scratch + to->scratch->cap;
    if (!to->borrow || decoded || text.len <= sizeof(((duckdb_string_t *)0)->value.inlined.inlined)) {
        duckdb_unsafe_vector_assign_string_element_len(to->v, to->row, text.len ? text.ptr : "", text.len);
        return;
    }
    duckdb_string_t *s = place(to, sizeof *s);
    s->value.pointer.length = (uint32_t)text.len;
    memcpy(s->value.pointer.prefix, text.ptr, sizeof s->value.pointer.prefix);
    s->value.pointer.ptr = (char *)(uintptr_t)text.ptr;
}

static bool put_text(const duck_column *c, const target *to, weir_view json)
{
    bool bytes = c->type.kind == DUCK_BLOB;
    if (json.ptr[0] != '"')
        return false;
    lite_value x = lite_value_read(json, (value_hint){.base64 = bytes}, to->scratch);
    assign(to, x.bytes);
    return x.kind == (bytes ? VALUE_BLOB : VALUE_TEXT);
}

/* Of a key: what is equal has one text. */
static weir_view key_text(const target *to, weir_view json)
{
    lite_text *x = to->scratch;
    if (!lite_text_reserve(x, 7 * json.len + DIGITS_ROOM))
        return json;
    if (json.ptr[0] == '-' || is_digit(json.ptr[0]))
        return (weir_view){x->ptr, digits_canonical(json, x->ptr)};
    if (json.ptr[0] != '"' || !memchr(json.ptr, '\\', json.len))
        return json;
    weir_view text = lite_value_read(json, (value_hint){0}, x).bytes;
    size_t from = x->len;
    lite_value_quote(x, text);
    return (weir_view){x->ptr + from, x->len - from};
}

static bool put_json(const duck_column *c, const target *to, weir_view json)
{
    bool nested = json.ptr[0] == '{' || json.ptr[0] == '[';
    assign(to, nested ? lite_value_read(json, (value_hint){0}, to->scratch).bytes : c->key ? key_text(to, json) : json);
    return !to->scratch->failed;
}

static put_value *const puts_[] = {
    [DUCK_BOOLEAN] = put_boolean, [DUCK_BIGINT] = put_bigint, [DUCK_HUGEINT] = put_scaled, [DUCK_DOUBLE] = put_double, [DUCK_DECIMAL] = put_scaled,
    [DUCK_DATE] = put_date, [DUCK_TIMESTAMPTZ] = put_moment, [DUCK_BLOB] = put_text, [DUCK_VARCHAR] = put_text, [DUCK_JSON] = put_json,
};

bool duck_column_put(const duck_column *c, duckdb_vector v, idx_t row, weir_view json, bool borrow, lite_text *scratch, bool *ret_null)
{
    const target to = {v, row, borrow, scratch};
    *ret_null = !json.len || json.ptr[0] == 'n';
    scratch->len = 0;
    if (!*ret_null)
        return puts_[c->type.kind](c, &to, json);
    duckdb_vector_ensure_validity_writable(v);
    duckdb_validity_set_row_invalid(duckdb_vector_get_validity(v), row);
    return true;
}

/* ----------------------------------------------------------------------------------------------------------------- SQL -- */

void duck_add(lite_text *sql, const char *words) { lite_text_add(sql, words, strlen(words)); }

static void add_quoted(lite_text *sql, char quote, const char *text)
{
    lite_text_add(sql, &quote, 1);
    for (; *text; text++) {
        if (*text == quote)
            lite_text_add(sql, &quote, 1);
        lite_text_add(sql, text, 1);
    }
    lite_text_add(sql, &quote, 1);
}

void duck_add_name(lite_text *sql, const char *name) { add_quoted(sql, '"', name); }
void duck_add_text(lite_text *sql, const char *text) { add_quoted(sql, '\'', text); }

/* How a value is written in a document, without quotes; `%` is the column. */
static const char *text_of(duck_type from)
{
    switch (from.kind) {
    case DUCK_DECIMAL: return "regexp_replace(CAST(% AS VARCHAR), '\\.0*$|(\\.[0-9]*[1-9])0+$', '\\1')"; /* as few digits as a value needs */
    case DUCK_TIMESTAMPTZ: return "regexp_replace(strftime(% AT TIME ZONE 'UTC', '%%Y-%%m-%%dT%%H:%%M:%%S.%%fZ'), '\\.?0+Z$', 'Z')";
    case DUCK_DOUBLE: return DUCK_NUMBER "(CAST(% AS VARCHAR))";
    case DUCK_DATE: return "strftime(%, '%%Y-%%m-%%d')";
    case DUCK_BLOB: return "to_base64(%)";
    case DUCK_VARCHAR: return "%";
    default: return "CAST(% AS VARCHAR)";
    }
}

static void add_filled(lite_text *sql, const char *form, const char *name)
{
    for (; *form; form++) {
        if (form[0] == '%' && form[1] == '%')
            lite_text_add(sql, form++, 1);
        else if (*form == '%')
            duck_add(sql, name);
        else
            lite_text_add(sql, form, 1);
    }
}

void duck_convert(lite_text *sql, const char *name, duck_type from, duck_type to, bool texts)
{
    char type[32];
    duck_type_name(to, type, sizeof type);
    bool string = is_string(from) || (texts && duck_type_is_number(from));
    bool plain = from.kind == to.kind && from.kind != DUCK_DECIMAL;
    if (plain) {
        duck_add(sql, name);
    } else if (to.kind == DUCK_JSON && from.kind != DUCK_OTHER) {
        duck_add(sql, string ? "to_json(" : "CAST(");
        add_filled(sql, text_of(from), name);
        duck_add(sql, string ? ")" : " AS JSON)");
    } else if (to.kind == DUCK_VARCHAR && from.kind != DUCK_OTHER) {
        add_filled(sql, text_of(from), name);
    } else {
        /* A double by its digits: times a power of ten it would not be exact. */
        duck_add(sql, from.kind == DUCK_DOUBLE ? "CAST(CAST(" : "CAST(");
        duck_add(sql, name);
        duck_add(sql, from.kind == DUCK_DOUBLE ? " AS VARCHAR) AS " : " AS ");
        duck_add(sql, type);
        duck_add(sql, ")");
    }
}

static void canonical(duckdb_function_info info, duckdb_data_chunk in, duckdb_vector out)
{
    duckdb_vector texts = duckdb_data_chunk_get_vector(in, 0);
    duckdb_string_t *from = duckdb_vector_get_data(texts);
    uint64_t *valid = duckdb_vector_get_validity(texts);
    lite_text room = {0};
    for (idx_t i = 0; i < duckdb_data_chunk_get_size(in); i++) {
        weir_view v = {duckdb_string_t_data(&from[i]), duckdb_string_t_length(from[i])};
        if (valid && !duckdb_validity_row_is_valid(valid, i)) {
            duckdb_vector_ensure_validity_writable(out);
            duckdb_validity_set_row_invalid(duckdb_vector_get_validity(out), i);
        } else if (lite_text_reserve(&room, v.len + DIGITS_ROOM)) {
            duckdb_vector_assign_string_element_len(out, i, room.ptr, digits_canonical(v, room.ptr));
        } else {
            duckdb_scalar_function_set_error(info, "out of memory");
        }
    }
    lite_text_free(&room);
}

/* Once for all connections of a database: another one may have made it. */
void duck_add_number(duckdb_connection c)
{
    duckdb_scalar_function f = duckdb_create_scalar_function();
    duckdb_logical_type varchar = duckdb_create_logical_type(DUCKDB_TYPE_VARCHAR);
    duckdb_scalar_function_set_name(f, DUCK_NUMBER);
    duckdb_scalar_function_add_parameter(f, varchar);
    duckdb_scalar_function_set_return_type(f, varchar);
    duckdb_scalar_function_set_function(f, canonical);
    duckdb_register_scalar_function(c, f);
    duckdb_destroy_logical_type(&varchar);
    duckdb_destroy_scalar_function(&f);
}
