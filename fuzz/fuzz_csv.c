/* CSV: the same records however the bytes arrive; what is written from them reads back as the same; dialects can always be guessed.
 *
 * Input: two bytes that choose delimiter, quote and size of the pieces, then the text.
 */
#include "csv.h"
#include "fuzz.h"
#include "value.h"

/* Records as one text: a field is its length, a colon and its bytes; a record ends with its line and a status. */
static void note(buf *out, const csv_parser *p, csv_status status)
{
    for (size_t i = 0; status == CSV_ROW && i < p->count; i++) {
        buf_printf(out, "%zu:", p->fields[i].len);
        buf_add(out, p->fields[i].ptr, p->fields[i].len);
    }
    buf_printf(out, " %d @%llu\n", status, (unsigned long long)p->line);
}

/* Parses text that arrives in pieces, each time at another address and with nothing behind it. @return whether there was no error
 */
static bool parse(csv_dialect d, weir_view text, size_t piece, buf *out)
{
    csv_parser p;
    csv_init(&p, d);
    size_t begin = 0, have = piece < text.len ? piece : text.len;
    bool good = true;
    csv_status status;
    do {
        size_t used = 0, n = have - begin;
        char *bytes = malloc(n ? n : 1);
        MUST(bytes);
        memcpy(bytes, text.ptr + begin, n);
        status = csv_next(&p, bytes, n, have == text.len, &used);
        MUST(status != CSV_NOMEM && used <= n);
        MUST(status != CSV_MORE || have < text.len);
        if (status == CSV_MORE) {
            have = text.len - have < piece ? text.len : have + piece;
        } else {
            MUST(used > 0 || status == CSV_END);
            note(out, &p, status);
            begin += used;
        }
        good &= status != CSV_STRAY && status != CSV_UNCLOSED;
        free(bytes);
    } while (status != CSV_END);
    MUST(begin == text.len);
    csv_free(&p);
    return good;
}

static void quote(buf *out, const csv_field *f, char sign)
{
    buf_addc(out, sign);
    for (size_t i = 0; i < f->len; i++) {
        if (f->ptr[i] == sign)
            buf_addc(out, sign);
        buf_addc(out, f->ptr[i]);
    }
    buf_addc(out, sign);
}

/* Every record, with all fields quoted. Its line breaks are the same in number, so lines stay what they were: only empty lines go.
 */
static void rewrite(csv_dialect d, weir_view text, buf *out, buf *fields)
{
    csv_parser p;
    size_t used;
    csv_init(&p, d);
    while (csv_next(&p, text.ptr, text.len, true, &used) == CSV_ROW) {
        for (size_t i = 0; i < p.count; i++) {
            if (i)
                buf_addc(out, d.delimiter);
            quote(out, &p.fields[i], d.quote);
            buf_printf(fields, "%zu:", p.fields[i].len);
            buf_add(fields, p.fields[i].ptr, p.fields[i].len);
            value_classify(p.fields[i].ptr, p.fields[i].len);
        }
        buf_adds(out, "\r\n");
        buf_addc(fields, '\n');
        text = view_from(text, used);
    }
    csv_free(&p);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static const char delimiters[] = ",;\t|", quotes[] = {'"', '\'', 0, '"'};
    if (len < 2)
        return 0;
    csv_dialect d = {.delimiter = delimiters[bytes[0] & 3], .quote = quotes[bytes[0] >> 2 & 3]};
    weir_view text = {(const char *)bytes + 2, len - 2};
    buf whole = {0}, pieces = {0};
    bool good = parse(d, text, SIZE_MAX, &whole);
    parse(d, text, 1 + bytes[1], &pieces);
    MUST_EQ(buf_view(&whole), buf_view(&pieces));
    if (good && d.quote) {
        buf written = {0}, fields = {0}, again = {0}, same = {0};
        rewrite(d, text, &written, &fields);
        rewrite(d, buf_view(&written), &again, &same);
        MUST_EQ(buf_view(&written), buf_view(&again));
        MUST_EQ(buf_view(&fields), buf_view(&same));
        buf_free(&written);
        buf_free(&fields);
        buf_free(&again);
        buf_free(&same);
    }
    MUST(csv_sniff(text.ptr, text.len, bytes[1] & 1, CSV_SNIFF_DELIMITER | CSV_SNIFF_HEADER, &d));
    MUST(memchr(delimiters, d.delimiter, 4));
    buf_free(&whole);
    buf_free(&pieces);
    return 0;
}
