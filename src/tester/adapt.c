#include "tester/adapt.h"

#include "json/number.h"
#include "json/scan.h"
#include "json/text.h"

typedef enum shape { NOTHING, TRUTH, WHOLE, REAL, WORDS } shape;

static shape shape_of(weir_sql_type type)
{
    static const shape shapes[] = {
        [WEIR_SQL_NULL] = NOTHING, [WEIR_SQL_BOOLEAN] = TRUTH, [WEIR_SQL_SHORT] = WHOLE, [WEIR_SQL_INT] = WHOLE, [WEIR_SQL_LONG] = WHOLE,
        [WEIR_SQL_FLOAT] = REAL, [WEIR_SQL_DOUBLE] = REAL, [WEIR_SQL_DECIMAL] = WORDS, [WEIR_SQL_DATE] = WORDS, [WEIR_SQL_DATETIME] = WORDS,
        [WEIR_SQL_TIMESTAMP] = WORDS, [WEIR_SQL_TIME] = WORDS, [WEIR_SQL_BINARY] = WORDS, [WEIR_SQL_TEXT] = WORDS, [WEIR_SQL_JSON] = WORDS, [WEIR_SQL_XML] = WORDS,
    };
    return shapes[type];
}

static weir_view digits(const weir_sql_value *v, arena *a)
{
    char text[NUMBER_TEXT];
    size_t n = shape_of(v->type) == REAL ? number_double(text, v->number) : number_i64(text, v->integer);
    return n ? arena_dup(a, (weir_view){text, n}) : arena_printf(a, "%g", v->number);
}

static weir_view words(const weir_sql_value *v, arena *a)
{
    if (v->type == WEIR_SQL_BOOLEAN)
        return v->integer ? VIEW("true") : VIEW("false");
    return shape_of(v->type) == WORDS ? v->text : digits(v, a);
}

/* Numbers, truth values and JSON are JSON; other texts become strings. */
static weir_view json_of(const weir_sql_value *v, weir_view text, arena *a)
{
    buf out = {0};
    bool is_json = shape_of(v->type) != WORDS || v->type == WEIR_SQL_JSON || v->type == WEIR_SQL_DECIMAL;
    if (is_json && json_check(text, NULL, NULL))
        return text;
    if (v->type == WEIR_SQL_BINARY) {
        buf_addc(&out, '"');
        base64_encode(&out, text);
        buf_addc(&out, '"');
    } else {
        json_quote_lossy(&out, text);
    }
    weir_view kept = arena_dup(a, buf_view(&out));
    buf_free(&out);
    return kept;
}

/* A day is its midnight, a wall clock is read as UTC. */
static weir_view instant(const weir_sql_value *v, weir_sql_type type, arena *a)
{
    const char *zone = type == WEIR_SQL_TIMESTAMP ? "Z" : "";
    weir_view text = v->text;
    if (v->type == WEIR_SQL_DATE)
        return arena_printf(a, "%.*sT00:00:00%s", VIEW_ARG(text), zone);
    if (v->type == WEIR_SQL_TIMESTAMP && text.len)
        text.len--;
    return arena_printf(a, "%.*s%s", VIEW_ARG(text), zone);
}

weir_sql_value tester_adapt(const weir_sql_value *v, weir_sql_type type, arena *a)
{
    weir_sql_value to = *v;
    if (v->type == WEIR_SQL_NULL || (v->type == type && type != WEIR_SQL_JSON))
        return to;
    to.type = type;
    switch (shape_of(type)) {
    case REAL:
        if (shape_of(v->type) == WHOLE)
            to.number = (double)v->integer;
        else if (shape_of(v->type) == WORDS && !number_to_double(v->text, &to.number))
            to.type = WEIR_SQL_NULL;
        break;
    case WORDS:
        to.text = words(v, a);
        if (type == WEIR_SQL_JSON)
            to.text = json_of(v, to.text, a);
        else if (type == WEIR_SQL_DATETIME || type == WEIR_SQL_TIMESTAMP)
            to.text = instant(v, type, a);
        break;
    default:
        break; /* joined types never narrow */
    }
    return to;
}
