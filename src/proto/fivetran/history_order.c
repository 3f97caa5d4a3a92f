#include "proto/fivetran/history_order.h"

#include <stdlib.h>

#include "base/map.h"

void ft_order_init(ft_order *o, const ft_sql_table *t, size_t start, size_t limit)
{
    *o = (ft_order){.t = t, .start = start, .limit = limit, .full = limit, .to = UINT64_MAX};
}

static void drop_rows(ft_order *o)
{
    for (size_t i = 0; i < o->count; i++)
        free(o->rows[i]);
    o->count = o->bytes = 0;
}

void ft_order_free(ft_order *o)
{
    drop_rows(o);
    free(o->rows);
    o->rows = NULL;
    o->room = 0;
}

/* ------------------------------------------------------------------------------------------------------------------ keys -- */

/* Equal keys are written equally (weir_sql_value); of doubles 0 and -0 are not. */
static uint64_t hash_of(const ft_order *o, const weir_sql_value *values)
{
    uint64_t hash = 0;
    for (size_t i = 0; i < o->t->count; i++) {
        const weir_sql_value *v = &values[i];
        if (!o->t->columns[i].key || i == o->start)
            continue;
        const double number = v->number + 0.0;
        hash = map_hash(hash, (weir_view){(const char *)&v->integer, sizeof v->integer});
        hash = map_hash(hash, (weir_view){(const char *)&number, sizeof number});
        hash = map_hash(hash, v->text);
    }
    return hash;
}

static void keep_up_to(ft_order *o, uint64_t to)
{
    size_t kept = 0;
    o->to = to;
    for (size_t i = 0; i < o->count; i++) {
        ft_ordered_row *row = o->rows[i];
        if (row->hash <= to) {
            o->rows[kept++] = row;
            continue;
        }
        o->bytes -= row->size;
        free(row);
    }
    o->count = kept;
}

/* Fewer keys, until there is room, or one is left: then there is room again for as much. */
static void narrow(ft_order *o)
{
    while (o->bytes > o->full) {
        uint64_t least = UINT64_MAX, most = 0;
        for (size_t i = 0; i < o->count; i++) {
            least = o->rows[i]->hash < least ? o->rows[i]->hash : least;
            most = o->rows[i]->hash > most ? o->rows[i]->hash : most;
        }
        keep_up_to(o, least + (most - least) / 2);
        o->full = least == most ? 2 * o->bytes : o->limit;
    }
}

bool ft_order_next(ft_order *o)
{
    drop_rows(o);
    if (o->to == UINT64_MAX)
        return false;
    o->from = o->to + 1;
    o->to = UINT64_MAX;
    o->full = o->limit;
    return true;
}

/* ------------------------------------------------------------------------------------------------------------------ rows -- */

static bool make_room(ft_order *o)
{
    if (o->count < o->room)
        return true;
    size_t room = o->room ? 2 * o->room : 256;
    ft_ordered_row **rows = reallocarray(o->rows, room, sizeof(ft_ordered_row *));
    if (!rows)
        return false;
    o->rows = rows;
    o->room = room;
    return true;
}

static ft_ordered_row *copy_row(const ft_order *o, const weir_sql_value *values)
{
    const size_t count = o->t->count;
    size_t size = sizeof(ft_ordered_row) + count * sizeof *values;
    for (size_t i = 0; i < count; i++)
        size += values[i].text.len;
    ft_ordered_row *row = malloc(size);
    if (!row)
        return NULL;
    row->size = size + sizeof row;
    memcpy(row->values, values, count * sizeof *values);
    char *texts = (char *)&row->values[count];
    for (size_t i = 0; i < count; i++) {
        weir_view *text = &row->values[i].text;
        if (!text->len)
            continue;
        memcpy(texts, text->ptr, text->len);
        text->ptr = texts;
        texts += text->len;
    }
    return row;
}

bool ft_order_add(ft_order *o, const weir_sql_value *values, const char *path, uint64_t number)
{
    const uint64_t hash = hash_of(o, values);
    if (hash < o->from || hash > o->to)
        return true;
    ft_ordered_row *row = make_room(o) ? copy_row(o, values) : NULL;
    if (!row)
        return false;
    row->hash = hash;
    row->path = path;
    row->number = number;
    row->arrival = o->count ? o->rows[o->count - 1]->arrival + 1 : 0;
    o->rows[o->count++] = row;
    o->bytes += row->size;
    narrow(o);
    return true;
}

/* ----------------------------------------------------------------------------------------------------------------- sorting -- */

/* The text of an instant without its Z: a fraction of a second is then behind none. */
static weir_view start_of(const ft_ordered_row *row, size_t column)
{
    weir_view text = row->values[column].text;
    text.len -= view_ends(text, VIEW("Z"));
    return text;
}

static int compare_rows(const void *a, const void *b, void *start)
{
    const ft_ordered_row *x = *(ft_ordered_row *const *)a, *y = *(ft_ordered_row *const *)b;
    int order = view_cmp(start_of(x, *(size_t *)start), start_of(y, *(size_t *)start));
    return order ? order : (x->arrival > y->arrival) - (x->arrival < y->arrival);
}

void ft_order_sort(ft_order *o)
{
    if (o->count)
        qsort_r(o->rows, o->count, sizeof(ft_ordered_row *), compare_rows, &o->start);
}
