/* csv_sniff.c - which delimiter, and does the first record name the columns? Each candidate parses the beginning of the file; the
 * one under which the records have the same number of fields wins. */
#include <ctype.h>
#include <stdlib.h>

#include "csv.h"
#include "value.h"

enum { SNIFF_BYTES = 256 << 10, SNIFF_ROWS = 500 };

/* --------------------------------------------------------------------------------------------------------- the delimiter -- */

typedef struct candidate {
    char delimiter;
    size_t rows, bad;
    size_t columns; /* the most frequent number of fields */
    size_t agreeing;  /* rows that have it */
} candidate;

/* Counts how many rows have which number of fields: the most frequent, and of these the largest. */
static void most_frequent(candidate *c, const size_t *widths)
{
    for (size_t i = 0; i < c->rows; i++) {
        size_t same = 0;
        for (size_t k = 0; k < c->rows; k++)
            same += widths[k] == widths[i];
        if (same > c->agreeing || (same == c->agreeing && widths[i] > c->columns)) {
            c->agreeing = same;
            c->columns = widths[i];
        }
    }
}

/* @return false without memory */
static bool try_candidate(candidate *c, weir_view text, bool last, char quote)
{
    size_t widths[SNIFF_ROWS], used;
    csv_parser p;
    csv_init(&p, (csv_dialect){.delimiter = c->delimiter, .quote = quote});
    csv_status status = CSV_ROW;
    while (c->rows < SNIFF_ROWS && status != CSV_MORE && status != CSV_END && status != CSV_NOMEM) {
        status = csv_next(&p, text.ptr, text.len, last, &used);
        if (status == CSV_MORE || status == CSV_END || status == CSV_NOMEM)
            break;
        if (status == CSV_ROW)
            widths[c->rows++] = p.count;
        else
            c->bad++;
        text.ptr += used;
        text.len -= used;
    }
    most_frequent(c, widths);
    csv_free(&p);
    return status != CSV_NOMEM;
}

/* In 1,5;2,5;3,5 the comma agrees with itself as well as the semicolon does: is every comma inside a number? */
static bool only_decimal_commas(weir_view text)
{
    bool any = false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] != ',')
            continue;
        if (i == 0 || i + 1 == text.len || !isdigit((unsigned char)text.ptr[i - 1]) || !isdigit((unsigned char)text.ptr[i + 1]))
            return false;
        any = true;
    }
    return any;
}

static bool better(const candidate *a, const candidate *than, bool decimal_commas)
{
    bool a_splits = a->columns > 1, b_splits = than->columns > 1;
    if (a_splits != b_splits)
        return a_splits;
    size_t a_all = a->rows + a->bad, b_all = than->rows + than->bad;
    size_t x = a->agreeing * b_all, y = than->agreeing * a_all;
    if (x != y)
        return x > y;
    if (decimal_commas && (than->delimiter == ',') != (a->delimiter == ','))
        return than->delimiter == ',';
    return a->columns > than->columns;
}

static bool sniff_delimiter(weir_view text, bool last, csv_dialect *d)
{
    static const char signs[] = ",;\t|";
    bool decimal_commas = only_decimal_commas(text);
    candidate best = {0};
    for (const char *sign = signs; *sign; sign++) {
        candidate c = {.delimiter = *sign};
        if (!try_candidate(&c, text, last, d->quote))
            return false;
        if (!best.delimiter || better(&c, &best, decimal_commas))
            best = c;
    }
    d->delimiter = best.delimiter;
    return true;
}

/* ------------------------------------------------------------------------------------------------------------ the header -- */

/* A column under the first record. */
typedef struct header_cell {
    weir_view text;
    value_class first, rest; /* rest: what all further values are; VALUE_TEXT if they differ */
    bool any, repeated;      /* there are further values; one of them is the first again */
} header_cell;

typedef struct header_row {
    header_cell *cells;
    size_t count;
} header_row;

static bool take_header(header_row *h, const csv_parser *p)
{
    h->cells = calloc(p->count ? p->count : 1, sizeof *h->cells);
    if (!h->cells)
        return false;
    h->count = p->count;
    for (size_t i = 0; i < p->count; i++) {
        h->cells[i].text = (weir_view){p->fields[i].ptr, p->fields[i].len};
        h->cells[i].first = value_classify(p->fields[i].ptr, p->fields[i].len);
    }
    return true;
}

static void compare_row(header_row *h, const csv_parser *p)
{
    for (size_t i = 0; i < h->count && i < p->count; i++) {
        header_cell *c = &h->cells[i];
        weir_view v = {p->fields[i].ptr, p->fields[i].len};
        if (!v.len)
            continue;
        value_class k = value_classify(v.ptr, v.len);
        if (k == VALUE_INTEGER && c->any && c->rest == VALUE_NUMBER)
            k = VALUE_NUMBER;
        c->rest = !c->any || (c->rest == VALUE_INTEGER && k == VALUE_NUMBER) || c->rest == k ? k : VALUE_TEXT;
        c->any = true;
        c->repeated |= view_same(v, c->text);
    }
}

/* Could the first record be names at all? Some text in every cell (the last may be empty: a trailing delimiter), none twice. */
static bool could_be_names(const header_row *h)
{
    bool text = false;
    for (size_t i = 0; i < h->count; i++) {
        if (!h->cells[i].text.len && (i + 1 < h->count || h->count == 1))
            return false;
        text |= h->cells[i].first == VALUE_TEXT;
        for (size_t k = 0; k < i && h->count <= 512; k++)
            if (view_same(h->cells[i].text, h->cells[k].text))
                return false;
    }
    return text;
}

/* Votes of the columns. Positive: names over values; negative: more of the same. */
static int votes(const header_row *h)
{
    int sum = 0;
    for (size_t i = 0; i < h->count; i++) {
        const header_cell *c = &h->cells[i];
        if (!c->any)
            continue;
        if (c->rest != VALUE_TEXT)
            sum += c->first == VALUE_TEXT ? 1 : -1;
        else if (c->repeated)
            sum--;
    }
    return sum;
}

/* 1,5 and 31.12.2024 and 12:30 are texts, but no names. */
static bool has_digits_only(weir_view text)
{
    bool digit = false;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (isalpha(c) || c == '_' || c >= 0x80)
            return false;
        digit |= isdigit(c) != 0;
    }
    return digit;
}

static bool only_names(const header_row *h)
{
    for (size_t i = 0; i < h->count; i++)
        if (h->cells[i].text.len && (h->cells[i].first != VALUE_TEXT || has_digits_only(h->cells[i].text)))
            return false;
    return true;
}

/* Undoubled values of the first record do not survive the second: its bytes are kept by a parser of its own. */
static bool sniff_header(weir_view text, bool last, csv_dialect *d)
{
    csv_parser first, rest;
    header_row h = {0};
    size_t used;
    csv_init(&first, *d);
    csv_init(&rest, *d);
    csv_status status = csv_next(&first, text.ptr, text.len, last, &used);
    bool ok = status != CSV_NOMEM;
    d->header = false;
    if (status == CSV_ROW && (ok = take_header(&h, &first))) {
        for (int i = 0; i < SNIFF_ROWS && status == CSV_ROW; i++) {
            text.ptr += used;
            text.len -= used;
            status = csv_next(&rest, text.ptr, text.len, last, &used);
            if (status == CSV_ROW)
                compare_row(&h, &rest);
        }
        int sum = votes(&h);
        d->header = could_be_names(&h) && (sum > 0 || (sum == 0 && only_names(&h)));
    }
    free(h.cells);
    csv_free(&first);
    csv_free(&rest);
    return ok && status != CSV_NOMEM;
}

bool csv_sniff(const char *bytes, size_t len, bool last, unsigned what, csv_dialect *d)
{
    weir_view text = {bytes, len};
    if (text.len > SNIFF_BYTES) {
        text.len = SNIFF_BYTES;
        last = false;
    }
    if ((what & CSV_SNIFF_DELIMITER) && !sniff_delimiter(text, last, d))
        return false;
    return !(what & CSV_SNIFF_HEADER) || sniff_header(text, last, d);
}
