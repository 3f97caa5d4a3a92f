/* Typed values to records, without JSON text between: what a column is made for is written at once. Everything else is written as the text that it would have been,
 * and goes the way of documents, which knows all conversions. */
#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "json/number.h"
#include "json/scan.h"
#include "json/text.h"
#include "proto/fivetran/update_parts.h"

typedef struct typed_column {
    const char *quoted; /* "name": as a weir_name has it; in ft_typed.names */
    size_t len;
    const ft_name *name;
    ft_type type;
    bool selected, limited; /* limited: by a length or precision */
} typed_column;

struct ft_typed {
    typed_column *columns;
    size_t count;
    size_t next;      /* the column that is guessed to come */
    unsigned version; /* of ft_columns */
    buf names;
    buf head;         /* of a Record: all that stands before the data */
    buf text, doc, one;
    weir_rc rc;       /* what has gone wrong with this document */
    err e;
};

enum { DECIMAL_DIGITS = 38 }; /* that fit for certain, sign and point included (fivetran.md 2.5) */

/* ---- what is known of the table ---- */

static bool learn_columns(ft_typed *ty, const ft_columns *c)
{
    typed_column *columns = realloc(ty->columns, (c->count + 1) * sizeof *columns);
    if (!columns)
        return false;
    ty->columns = columns;
    ty->count = c->count;
    ty->version = c->version;
    buf_clear(&ty->names);
    for (size_t i = 0; i < c->count; i++) {
        const ft_column *from = &c->items[i];
        size_t start = ty->names.len;
        json_quote_lossy(&ty->names, from->name);
        buf_addc(&ty->names, ':');
        columns[i] = (typed_column){.len = ty->names.len - start, .name = ft_writing_name(c->writing, i), .type = from->type,
                                    .selected = c->selected[i] || from->key, .limited = from->length || from->precision};
    }
    const char *quoted = ty->names.ptr;
    for (size_t i = 0; i < c->count && buf_ok(&ty->names); quoted += columns[i++].len)
        columns[i].quoted = quoted;
    return buf_ok(&ty->names);
}

static weir_rc learn(ft_slot *s, err *e)
{
    ft_typed *ty = s->typed;
    ft_misfit misfit;
    buf_clear(&ty->head);
    weir_rc rc = learn_columns(ty, &s->columns) ? WEIR_OK : err_nomem(e);
    if (!rc)
        rc = ft_write_record(s->columns.writing, FT_UPSERT, VIEW("{}"), &ty->head, &misfit, e);
    if (rc)
        ty->count = 0;
    return rc;
}

void ft_typed_free(ft_typed *ty)
{
    if (!ty)
        return;
    free(ty->columns);
    buf *const all[] = {&ty->names, &ty->head, &ty->text, &ty->doc, &ty->one};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        buf_free(all[i]);
    err_free(&ty->e);
    free(ty);
}

/* ---- values in general ---- */

/* What is known of the table may be out of date by now: it is learnt anew for the next document. */
static void went_wrong(ft_typed *ty, weir_rc rc)
{
    if (!ty->rc)
        ty->rc = rc;
    ty->count = 0;
    buf_clear(&ty->head);
}

/* A record of this one member; what fits no column makes the table grow. */
static weir_rc write_member(ft_slot *s, err *e)
{
    ft_typed *ty = s->typed;
    for (;;) {
        ft_misfit misfit;
        buf_clear(&ty->one);
        weir_rc rc = ft_write_record(s->columns.writing, FT_UPSERT, buf_view(&ty->doc), &ty->one, &misfit, e);
        if (rc != WEIR_E_CONFIG)
            return rc;
        rc = ft_lane_fit(s, &misfit, e);
        if (!rc)
            rc = learn(s, e);
        if (rc)
            return rc;
        err_clear(e);
    }
}

static void put_general(ft_slot *s, weir_name name, weir_view json)
{
    ft_typed *ty = s->typed;
    if (ty->rc)
        return;
    buf_clear(&ty->doc);
    buf_addc(&ty->doc, '{');
    buf_add(&ty->doc, name.quoted, name.len);
    buf_addv(&ty->doc, json);
    buf_addc(&ty->doc, '}');
    weir_rc rc = buf_ok(&ty->doc) ? write_member(s, &ty->e) : err_nomem(&ty->e);
    if (rc)
        went_wrong(ty, rc);
    else
        buf_addv(&s->of->record, view_from(buf_view(&ty->one), ty->head.len));
}

/* Text that was put together in ty->text. */
static void put_text_made(ft_slot *s, weir_name name)
{
    if (buf_ok(&s->typed->text))
        put_general(s, name, buf_view(&s->typed->text));
    else
        went_wrong(s->typed, err_nomem(&s->typed->e));
}

/* ---- which column ---- */

static inline bool is_named(const typed_column *c, weir_name name)
{
    return c->len == name.len && memcmp(c->quoted, name.quoted, name.len) == 0;
}

/* NULL: one that is not known, by this text at least. */
static const typed_column *search(ft_typed *ty, weir_name name)
{
    for (size_t i = 0; i < ty->count; i++)
        if (is_named(&ty->columns[i], name)) {
            ty->next = i + 1;
            return &ty->columns[i];
        }
    return NULL;
}

static inline const typed_column *column_of(ft_typed *ty, weir_name name)
{
    if (__builtin_expect(ty->next < ty->count && is_named(&ty->columns[ty->next], name), 1))
        return &ty->columns[ty->next++];
    return search(ty, name);
}

/* Room for one entry at the end of the record. NULL: no memory. */
static inline char *room(ft_slot *s, const typed_column *c, size_t text)
{
    buf *to = &s->of->record;
    if (__builtin_expect(!buf_reserve(to, FT_ENTRY_ROOM + c->name->len + text), 0))
        return NULL;
    return to->ptr + to->len;
}

static inline void wrote(ft_slot *s, const char *end)
{
    s->of->record.len = (size_t)(end - s->of->record.ptr);
}

#define FAST(s, c, text, put)               \
    do {                                    \
        char *p = room(s, c, text);         \
        if (p)                              \
            wrote(s, put);                  \
        return;                             \
    } while (0)

/* ---- values of each kind ---- */

/* The slot, and the column unless it is left out, in which case there is nothing to be done. */
#define SLOT_AND_COLUMN(o, name)                          \
    ft_slot *s = (o)->context;                            \
    const typed_column *c = column_of(s->typed, name);    \
    if (c && !c->selected)                                \
        return

static void put_null(outlet *o, weir_name name)
{
    SLOT_AND_COLUMN(o, name);
    if (c)
        FAST(s, c, 0, ft_put_null(p, c->name));
    put_general(s, name, VIEW("null"));
}

static void put_boolean(outlet *o, weir_name name, bool v)
{
    SLOT_AND_COLUMN(o, name);
    if (c && (c->type == FT_BOOLEAN || c->type == FT_UNSPECIFIED))
        FAST(s, c, 0, ft_put_bool(p, c->name, v));
    put_general(s, name, v ? VIEW("true") : VIEW("false"));
}

static bool holds_integer(ft_type type, int64_t v)
{
    switch (type) {
    case FT_LONG: case FT_UNSPECIFIED: return true;
    case FT_INT: return v >= INT32_MIN && v <= INT32_MAX;
    case FT_SHORT: return v >= INT16_MIN && v <= INT16_MAX;
    default: return false;
    }
}

static void put_integer(outlet *o, weir_name name, int64_t v)
{
    SLOT_AND_COLUMN(o, name);
    char digits[NUMBER_TEXT];
    if (c && holds_integer(c->type, v))
        FAST(s, c, 0, ft_put_integer(p, c->name, c->type == FT_UNSPECIFIED ? FT_LONG : c->type, v));
    if (c && c->type == FT_DOUBLE)
        FAST(s, c, 0, ft_put_double(p, c->name, (double)v));
    put_general(s, name, (weir_view){digits, number_i64(digits, v)});
}

static void put_natural(outlet *o, weir_name name, uint64_t v)
{
    ft_slot *s = o->context;
    char digits[NUMBER_TEXT];
    if (v <= INT64_MAX)
        put_integer(o, name, (int64_t)v);
    else
        put_general(s, name, (weir_view){digits, number_u64(digits, v)});
}

static void put_number(outlet *o, weir_name name, double v)
{
    SLOT_AND_COLUMN(o, name);
    char digits[NUMBER_TEXT];
    if (!isfinite(v))
        put_general(s, name, isnan(v) ? VIEW("\"NaN\"") : v > 0 ? VIEW("\"Infinity\"") : VIEW("\"-Infinity\""));
    else if (c && (c->type == FT_DOUBLE || c->type == FT_UNSPECIFIED))
        FAST(s, c, 0, ft_put_double(p, c->name, v));
    else
        put_general(s, name, (weir_view){digits, number_double(digits, v)});
}

static bool has_exponent(weir_view digits)
{
    for (size_t i = 0; i < digits.len; i++)
        if ((digits.ptr[i] | 0x20) == 'e')
            return true;
    return false;
}

static void put_decimal(outlet *o, weir_name name, weir_view digits)
{
    SLOT_AND_COLUMN(o, name);
    if (c && c->type == FT_DECIMAL && !c->limited && digits.len <= DECIMAL_DIGITS && !has_exponent(digits))
        FAST(s, c, digits.len, ft_put_text(p, c->name, FT_DECIMAL, digits));
    put_general(s, name, digits);
}

static void put_text(outlet *o, weir_name name, weir_view text)
{
    SLOT_AND_COLUMN(o, name);
    ft_typed *ty = s->typed;
    if (!json_utf8(text)) {
        went_wrong(ty, err_fail(&ty->e, WEIR_E_REMOTE, "text that is not UTF-8"));
        return;
    }
    if (c && (c->type == FT_STRING || c->type == FT_XML || c->type == FT_UNSPECIFIED) && !c->limited)
        FAST(s, c, text.len, ft_put_text(p, c->name, c->type == FT_XML ? FT_XML : FT_STRING, text));
    buf_clear(&ty->text);
    json_quote(&ty->text, text);
    put_text_made(s, name);
}

static void put_time(outlet *o, weir_name name, int64_t seconds, uint32_t nanos)
{
    SLOT_AND_COLUMN(o, name);
    ft_typed *ty = s->typed;
    char text[CLOCK_TEXT + 2];
    static const int64_t first = -62135596800, last = 253402300799; /* the years 1 to 9999 (fivetran.md 1.5) */
    if (c && c->type == FT_UTC_DATETIME && seconds >= first && seconds <= last && nanos < 1000000000)
        FAST(s, c, 0, ft_put_time(p, c->name, FT_UTC_DATETIME, seconds, nanos));
    size_t n = clock_rfc3339(seconds, nanos, text + 1);
    text[0] = text[n + 1] = '"';
    if (n)
        put_general(s, name, (weir_view){text, n + 2});
    else
        went_wrong(ty, err_fail(&ty->e, WEIR_E_REMOTE, "a time outside the years 0 to 9999"));
}

static void put_bytes(outlet *o, weir_name name, weir_view bytes)
{
    SLOT_AND_COLUMN(o, name);
    if (c && c->type == FT_BINARY)
        FAST(s, c, bytes.len, ft_put_text(p, c->name, FT_BINARY, bytes));
    buf_clear(&s->typed->text);
    buf_addc(&s->typed->text, '"');
    base64_encode(&s->typed->text, bytes);
    buf_addc(&s->typed->text, '"');
    put_text_made(s, name);
}

static void put_json(outlet *o, weir_name name, weir_view json)
{
    SLOT_AND_COLUMN(o, name);
    put_general(s, name, json);
}

/* ---- documents ---- */

static weir_rc begin(outlet *o, weir_task *t)
{
    ft_slot *s = o->context;
    buf *record = &s->of->record;
    weir_rc rc = s->columns.writing ? WEIR_OK : ft_lane_refresh(s, task_error(t));
    if (rc)
        return rc;
    if (!s->typed && !(s->typed = calloc(1, sizeof *s->typed)))
        return err_nomem(task_error(t));
    if (!s->typed->head.len || s->typed->version != s->columns.version)
        rc = learn(s, task_error(t));
    s->typed->next = 0;
    s->typed->rc = WEIR_OK;
    buf_clear(record);
    buf_addv(record, buf_view(&s->typed->head));
    return rc;
}

static weir_rc end(outlet *o, weir_task *t, size_t *ret_held)
{
    ft_slot *s = o->context;
    ft_typed *ty = s->typed;
    *ret_held = s->of->record.len;
    if (!buf_ok(&s->of->record))
        return err_nomem(task_error(t));
    if (ty->rc) {
        err_move(task_error(t), &ty->e);
        return weir_wrap(t, ty->rc, "document for %.*s", VIEW_ARG(s->target->table.table.name));
    }
    return ft_lane_add(s, task_error(t));
}

static void drop(outlet *o)
{
    buf_clear(&((ft_slot *)o->context)->of->record);
}

const outlet_values ft_typed_values = {
    .begin = begin,
    .null = put_null,
    .boolean = put_boolean,
    .integer = put_integer,
    .natural = put_natural,
    .number = put_number,
    .decimal = put_decimal,
    .text = put_text,
    .time = put_time,
    .bytes = put_bytes,
    .json = put_json,
    .end = end,
    .drop = drop,
};
