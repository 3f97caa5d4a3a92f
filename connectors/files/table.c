#include "table.h"

#include <stdlib.h>

void table_init(table *t, infer *in, const stream_settings *settings) { *t = (table){.in = in, .settings = settings}; }

void tables_free(table *t)
{
    for (size_t i = 0; i < t->count; i++)
        free(t->columns[i]);
    free(t->columns);
    free(t->of);
    free(t->kinds);
    strbuf_free(&t->problem);
    *t = (table){0};
}

/* ------------------------------------------------------------------------------------------------------------- columns -- */

static void settle_mode(column *c)
{
    unsigned types = c->node ? c->node->types & ~(unsigned)WEIR_IS_NULL : 0;
    if (!c->node || c->node->any || !types)
        c->mode = c->node ? COLUMN_NATURAL : COLUMN_TEXT;
    else
        c->mode = types == WEIR_IS_STRING && c->node->format == INFER_FREE ? COLUMN_TEXT : COLUMN_TYPED;
}

static column *add_column(table *t, weir_view name)
{
    if (t->count == t->cap) {
        size_t cap = t->cap ? t->cap * 2 : 32;
        column **columns = realloc(t->columns, cap * sizeof(column *));
        if (!columns)
            return NULL;
        t->columns = columns;
        t->cap = cap;
    }
    column *c = calloc(1, sizeof *c);
    infer_node *node = infer_member_of(t->in, t->in->root, name);
    if (!c || t->in->failed) {
        free(c);
        return NULL;
    }
    c->node = node;
    for (size_t i = 0; node && i < t->in->root->count; i++) /* the name that stays */
        if (t->in->root->members[i].node == node)
            c->name = t->in->root->members[i].name;
    settle_mode(c);
    t->columns[t->count++] = c;
    return c;
}

/* Files of a stream mostly have the same columns in the same order: position i is tried first. */
static column *find_column(const table *t, weir_view name, size_t i)
{
    if (i < t->count && view_same(t->columns[i]->name, name))
        return t->columns[i];
    for (i = 0; i < t->count; i++)
        if (view_same(t->columns[i]->name, name))
            return t->columns[i];
    return NULL;
}

bool table_match(table *t, const reader *r)
{
    if (r->column_count > t->of_cap) {
        column **of = realloc(t->of, r->column_count * sizeof(column *));
        t->of = of ? of : t->of;
        field_kind *kinds = realloc(t->kinds, r->column_count * sizeof *kinds);
        t->kinds = kinds ? kinds : t->kinds;
        if (!of || !kinds)
            return false;
        t->of_cap = r->column_count;
    }
    t->width = r->column_count;
    for (size_t i = 0; i < t->width; i++) {
        t->of[i] = find_column(t, r->columns[i], i);
        if (!t->of[i])
            t->of[i] = add_column(t, r->columns[i]);
        if (!t->of[i])
            return false;
    }
    return true;
}

static bool is_unsettled(const column *c) { return c->node && !c->node->any && !c->node->types; }

bool table_unsettled(const table *t)
{
    for (size_t i = 0; i < t->width; i++)
        if (is_unsettled(t->of[i]))
            return true;
    return false;
}

/* -------------------------------------------------------------------------------------------------------------- sample -- */

static bool is_null(const table *t, const csv_field *f)
{
    const weir_list *nulls = &t->settings->csv.null_values;
    if (!f->len)
        return !f->quoted;
    for (size_t i = 0; i < nulls->count; i++) {
        const char *null = list_text(nulls, i);
        if (*null == *f->ptr && strlen(null) == f->len && !memcmp(null, f->ptr, f->len))
            return true;
    }
    return false;
}

void table_observe(table *t, const csv_field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!fields[i].len || is_null(t, &fields[i]))
            t->of[i]->empty_seen = true;
        else
            t->of[i]->seen |= 1u << value_classify(fields[i].ptr, fields[i].len);
    }
}

enum { SAW_INTEGER = 1 << VALUE_INTEGER, SAW_NUMBER = 1 << VALUE_NUMBER, SAW_BOOLEAN = 1 << VALUE_BOOLEAN };

/* The type that all values have. A key is never a number with a fraction, and if one was empty, only text can say so. */
static void settle_column(table *t, column *c)
{
    bool key = c->node->required, text = text_is(t->settings->csv.types, "text") || (key && c->empty_seen);
    unsigned type = WEIR_IS_STRING;
    if (!text && c->seen == SAW_INTEGER)
        type = WEIR_IS_INTEGER;
    else if (!text && !key && (c->seen == SAW_NUMBER || c->seen == (SAW_NUMBER | SAW_INTEGER)))
        type = WEIR_IS_NUMBER;
    else if (!text && c->seen == SAW_BOOLEAN)
        type = WEIR_IS_BOOLEAN;
    infer_format format = text || key                       ? INFER_FREE
                          : c->seen == 1 << VALUE_DATE      ? INFER_DATE
                          : c->seen == 1 << VALUE_DATE_TIME ? INFER_DATE_TIME
                                                            : INFER_FREE;
    infer_widen(t->in, c->node, type, format);
    if (!key)
        c->node->types |= WEIR_IS_NULL;
}

void table_settle(table *t)
{
    for (size_t i = 0; i < t->count; i++) {
        if (is_unsettled(t->columns[i]))
            settle_column(t, t->columns[i]);
        settle_mode(t->columns[i]);
    }
}

/* ---------------------------------------------------------------------------------------------------------------- rows -- */

static field_kind kind_of(value_class k, const csv_field *f)
{
    switch (k) {
    case VALUE_INTEGER:
    case VALUE_NUMBER: return FIELD_NUMBER;
    case VALUE_BOOLEAN: return value_is_true(f->ptr) ? FIELD_TRUE : FIELD_FALSE;
    default: return FIELD_TEXT;
    }
}

static bool refuse(table *t, const column *c, const csv_field *f, const char *why)
{
    strbuf_clear(&t->problem);
    strbuf_adds(&t->problem, "has ");
    strbuf_quote(&t->problem, (weir_view){f->ptr, f->len < 100 ? f->len : 100});
    strbuf_printf(&t->problem, " in column '%s', %s", c->name.ptr, why);
    return false;
}

/* An empty field. A key that is text says so with an empty text. */
static bool decide_null(table *t, column *c, const csv_field *f, field_kind *ret)
{
    const infer_node *n = c->node;
    if (!n || n->any || n->types & WEIR_IS_NULL)
        *ret = FIELD_NULL;
    else if (!n->required)
        *ret = FIELD_LEFT_OUT;
    else if (n->types & WEIR_IS_STRING && !f->len)
        *ret = FIELD_TEXT;
    else
        return refuse(t, c, f, "which is part of the key");
    return true;
}

/* A value of a type that the column does not have. */
static bool decide_mismatch(table *t, column *c, const csv_field *f, field_kind *ret)
{
    const char *policy = t->settings->csv.mismatch;
    if (c->node->required)
        return refuse(t, c, f, "which is part of the key and has another type");
    if (text_is(policy, "error"))
        return refuse(t, c, f, "which has another type");
    if (text_is(policy, "null")) {
        *ret = c->node->types & WEIR_IS_NULL ? FIELD_NULL : FIELD_LEFT_OUT;
        return true;
    }
    infer_widen(t->in, c->node, WEIR_IS_STRING, INFER_FREE);
    settle_mode(c);
    *ret = FIELD_TEXT;
    return true;
}

static bool decide_text(table *t, column *c, const csv_field *f, value_class k, field_kind *ret)
{
    infer_format format = k == VALUE_DATE ? INFER_DATE : k == VALUE_DATE_TIME ? INFER_DATE_TIME : INFER_FREE;
    infer_format wanted = c->node->format;
    *ret = FIELD_TEXT;
    if (wanted == INFER_FREE || wanted == format)
        return true;
    if (c->node->required || !text_is(t->settings->csv.mismatch, "text"))
        return decide_mismatch(t, c, f, ret);
    infer_widen(t->in, c->node, WEIR_IS_STRING, format);
    settle_mode(c);
    return true;
}

static bool decide_typed(table *t, column *c, const csv_field *f, field_kind *ret)
{
    static const unsigned wanted[] = {
        [VALUE_TEXT] = 0, [VALUE_INTEGER] = WEIR_IS_INTEGER | WEIR_IS_NUMBER, [VALUE_NUMBER] = WEIR_IS_NUMBER,
        [VALUE_BOOLEAN] = WEIR_IS_BOOLEAN, [VALUE_DATE] = 0, [VALUE_DATE_TIME] = 0,
    };
    value_class k = value_classify(f->ptr, f->len);
    if (c->node->types & wanted[k]) {
        *ret = kind_of(k, f);
        return true;
    }
    if (!f->len)
        return decide_null(t, c, f, ret);
    return c->node->types & WEIR_IS_STRING ? decide_text(t, c, f, k, ret) : decide_mismatch(t, c, f, ret);
}

bool table_decide(table *t, const csv_field *fields)
{
    for (size_t i = 0; i < t->width; i++) {
        const csv_field *f = &fields[i];
        column *c = t->of[i];
        field_kind *kind = &t->kinds[i];
        if (is_null(t, f)) {
            if (!decide_null(t, c, f, kind))
                return false;
        } else if (c->mode == COLUMN_TEXT) {
            *kind = FIELD_TEXT;
        } else if (c->mode == COLUMN_NATURAL) {
            *kind = kind_of(value_classify(f->ptr, f->len), f);
        } else if (!decide_typed(t, c, f, kind)) {
            return false;
        }
    }
    return true;
}
