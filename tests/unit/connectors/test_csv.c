/* The CSV parser against Python's (csv_vectors.h), and the guessing of dialects. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "fault.h"
#include "files/csv.h"

typedef struct vector {
    const char *delimiter, *text;
    size_t len;
    const char *rows;
    size_t rows_len;
    bool good;
} vector;

static const vector vectors[] = {
#include "csv_vectors.h"
};

/* Parses text that arrives in pieces, each time at another address and with nothing behind it, into rows as the vectors have them.
 */
static csv_status parse_pieces(csv_dialect d, const char *text, size_t len, size_t piece, strbuf *out)
{
    csv_parser p;
    csv_init(&p, d);
    size_t begin = 0, have = piece < len ? piece : len;
    csv_status status;
    do {
        size_t used = 0, n = have - begin;
        char *bytes = malloc(n ? n : 1);
        assert_non_null(bytes);
        memcpy(bytes, text + begin, n);
        status = csv_next(&p, bytes, n, have == len, &used);
        for (size_t i = 0; status == CSV_ROW && i < p.count; i++) {
            strbuf_add(out, p.fields[i].ptr, p.fields[i].len);
            strbuf_addc(out, '\037');
        }
        if (status == CSV_ROW)
            strbuf_addc(out, '\036');
        if (status == CSV_MORE)
            have = len - have < piece ? len : have + piece;
        else
            begin += used;
        free(bytes);
    } while (status == CSV_ROW || status == CSV_MORE);
    csv_free(&p);
    return status;
}

static void check_vector(const vector *v, size_t piece)
{
    strbuf out = {0};
    csv_status status = parse_pieces((csv_dialect){.delimiter = *v->delimiter, .quote = '"'}, v->text, v->len, piece, &out);
    if ((status == CSV_END) != v->good || out.len != v->rows_len || (out.len && memcmp(out.ptr, v->rows, out.len)))
        fail_msg("vector %zu in pieces of %zu: %s", (size_t)(v - vectors), piece, v->text);
    strbuf_free(&out);
}

static void reads_what_python_reads(void **state)
{
    static const size_t pieces[] = {1, 2, 3, 7, 63, 64, 65, SIZE_MAX};
    (void)state;
    for (const vector *v = vectors; v < vectors + sizeof vectors / sizeof *vectors; v++)
        for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++)
            check_vector(v, pieces[i]);
}

static void counts_lines_and_goes_on_after_errors(void **state)
{
    static const char text[] = "h1,h2\r\n\n\"a\nb\",2\n\"x\"y,\"3\n4\n5,6\n\"open\n7,8\n";
    static const struct {
        csv_status status;
        uint64_t line;
        size_t count;
    } want[] = {
        {CSV_ROW, 1, 2}, {CSV_ROW, 3, 2},      {CSV_STRAY, 5, 0}, {CSV_ROW, 6, 1},
        {CSV_ROW, 7, 2}, {CSV_UNCLOSED, 8, 0}, {CSV_ROW, 9, 2},   {CSV_END, 10, 0},
    };
    (void)state;
    csv_parser p;
    csv_init(&p, (csv_dialect){.delimiter = ',', .quote = '"'});
    weir_view left = {text, sizeof text - 1};
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        size_t used;
        assert_int_equal(csv_next(&p, left.ptr, left.len, true, &used), want[i].status);
        assert_int_equal(p.line, want[i].line);
        assert_int_equal(p.count, want[i].count);
        left.ptr += used;
        left.len -= used;
    }
    assert_int_equal(left.len, 0);
    csv_free(&p);
}

static void tells_quoted_from_plain_and_ended_from_cut(void **state)
{
    (void)state;
    csv_parser p;
    size_t used;
    csv_init(&p, (csv_dialect){.delimiter = ',', .quote = '"'});
    assert_int_equal(csv_next(&p, "\"\",\na,b", 7, true, &used), CSV_ROW);
    assert_true(p.fields[0].quoted && !p.fields[1].quoted && p.ended);
    assert_int_equal(csv_next(&p, "a,b", 3, true, &used), CSV_ROW);
    assert_false(p.ended);
    csv_free(&p);
}

static void quotes_nothing_without_a_quote(void **state)
{
    (void)state;
    strbuf out = {0};
    assert_int_equal(parse_pieces((csv_dialect){.delimiter = '\t'}, "\"a\tb\"\n", 6, 2, &out), CSV_END);
    assert_int_equal(out.len, 7);
    assert_memory_equal(out.ptr, "\"a\037b\"\037\036", 7);
    strbuf_free(&out);
}

static void survives_the_lack_of_memory(void **state)
{
    static const char text[] = "a,\"b\"\"c\"\n1,2\n";
    (void)state;
    for (size_t n = 0; n < 10; n++) {
        csv_parser p;
        size_t used;
        csv_init(&p, (csv_dialect){.delimiter = ',', .quote = '"'});
        fault_at(FAULT_ALLOC, n, ENOMEM);
        csv_status status = csv_next(&p, text, sizeof text - 1, true, &used);
        bool fired = fault_clear();
        assert_int_equal(status, fired ? CSV_NOMEM : CSV_ROW);
        csv_free(&p);
        if (!fired)
            return;
    }
    fail();
}

static void finds_the_dialect(void **state)
{
    static const struct {
        const char *text;
        char delimiter;
        bool header;
    } files[] = {
        {"id,name\n1,a\n2,b\n", ',', true},
        {"1,a\n2,b\n", ',', false},
        {"id;name;x\n1;a, b, c;2\n2;d, e;3\n", ';', true},
        {"id\tname\n1\ta,b\n2\tc\n", '\t', true},
        {"a|b|c\n1|2|3\n", '|', true},
        {"1,5;2,5;3,5\n4,5;5,5;6,5\n", ';', false},
        {"name,range\nx,\"a|b\"\ny,c|d\n", ',', true},
        {"name\nfoo\nbar\n", ',', true},
        {"city,country\nBerlin,Germany\nParis,France\n", ',', true},
        {"Berlin,Germany\nHamburg,Germany\nParis,France\n", ',', false},
        {"0000;<control>;Cc;0;BN;;;;;N;NULL;;;;\n0001;<control>;Cc;0;BN;;;;;N;START OF HEADING;;;;\n", ';', false},
        {"country,1990,1991\nDE,1.5,2\nFR,3,4.5\n", ',', false},
        {"id,day,ok\n1,2024-01-01,true\n2,2024-01-02,false\n", ',', true},
        {"a,b\n", ',', true},
        {"a,a\n1,2\n", ',', false},
        {"\"x;y\",\"z\"\n\"1;2\",\"3\"\n", ',', true},
        {"", ',', false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        csv_dialect d = {.quote = '"'};
        assert_true(csv_sniff(files[i].text, strlen(files[i].text), true, CSV_SNIFF_DELIMITER | CSV_SNIFF_HEADER, &d));
        if (d.delimiter != files[i].delimiter || d.header != files[i].header)
            fail_msg("file %zu: delimiter '%c', header %d", i, d.delimiter, d.header);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_python_reads),
        cmocka_unit_test(counts_lines_and_goes_on_after_errors),
        cmocka_unit_test(tells_quoted_from_plain_and_ended_from_cut),
        cmocka_unit_test(quotes_nothing_without_a_quote),
        cmocka_unit_test(survives_the_lack_of_memory),
        cmocka_unit_test(finds_the_dialect),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
