/* doc-bench: documents of ten fields, reduced. For bin/bench.
 *
 *     doc-bench combine DOCUMENTS KEYS MIB [shown]   so many documents, over so many keys that come in no order, put together within
 *                                                    so many MiB, and drained; shown: printed
 *     doc-bench reduce DOCUMENTS                     each checked and reduced into one, again and again
 *     doc-bench print DOCUMENTS KEYS                 those that combine makes, a line each
 *
 * What comes out is added up and compared with what went in.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "doc/combiner.h"

#define REDUCED(type, strategy) "{\"type\":\"" type "\",\"reduce\":{\"strategy\":\"" strategy "\"}}"

static const char schema_text[] =
    "{\"type\":\"object\",\"required\":[\"id\",\"count\"],\"reduce\":{\"strategy\":\"merge\"},\"properties\":{"
    "\"id\":{\"type\":\"integer\"},\"name\":{\"type\":\"string\"},\"email\":{\"type\":\"string\",\"maxLength\":100},"
    "\"city\":{\"type\":\"string\"},\"active\":{\"type\":\"boolean\"},\"note\":{\"type\":[\"string\",\"null\"]},"
    "\"count\":" REDUCED("integer", "sum") ",\"amount\":" REDUCED("number", "sum") ","
    "\"first\":" REDUCED("string", "minimize") ",\"last\":" REDUCED("string", "maximize") "}}";

enum { ROOM = 400 };

static uint64_t drawn(uint64_t n)
{
    uint64_t x = n * 0x9e3779b97f4a7c15u;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

static size_t put_unsigned(char *to, uint64_t v, size_t digits)
{
    for (size_t i = digits; i-- > 0; v /= 10)
        to[i] = (char)('0' + v % 10);
    return digits;
}

/* 243 bytes; only what differs is written. */
static size_t put_document(char *to, uint64_t n, uint64_t id)
{
    static const char pattern[] =
        "{\"id\":1########,\"name\":\"Jacqueline Montgomery\",\"email\":\"jacqueline.montgomery@example.com\","
        "\"city\":\"Santiago de Compostela\",\"active\":true,\"count\":1,\"amount\":1###.25,\"first\":\"2024-01-01T00:########Z\","
        "\"last\":\"2024-01-01T00:########Z\",\"note\":null}";
    enum { ID = 7, AMOUNT = 157, FIRST = 187, LAST = 220 };
    memcpy(to, pattern, sizeof pattern);
    put_unsigned(to + ID, id, 8);
    put_unsigned(to + AMOUNT, n % 1000, 3);
    put_unsigned(to + FIRST, n % 100000000, 8);
    put_unsigned(to + LAST, n % 100000000, 8);
    return sizeof pattern - 1;
}

static int failed(weir_rc rc, err *e)
{
    if (rc)
        fprintf(stderr, "doc-bench: %s\n", err_text(e));
    return rc != WEIR_OK;
}

/* ------------------------------------------------------------------------------------------------------------- combine -- */

typedef struct totals {
    uint64_t keys, count;
    bool shown;
} totals;

static weir_rc add_up(void *arg, const combined_doc *d, err *e)
{
    totals *t = arg;
    (void)e;
    const char *at = memmem(d->doc.ptr, d->doc.len, "\"count\":", 8);
    t->keys++;
    if (t->shown)
        printf("%.*s\n", VIEW_ARG(d->doc));
    t->count += at ? strtoull(at + 8, NULL, 10) : 0;
    return WEIR_OK;
}

static weir_rc combine(const schema *s, uint64_t documents, uint64_t keys, size_t budget, bool shown, err *e)
{
    static const weir_view key[] = {{"/id", 3}};
    const combiner_binding b = {.schema = s, .key = key, .key_count = 1, .what = "collection bench/records"};
    const combiner_options o = {.bindings = &b, .count = 1, .budget = budget};
    combiner *c = NULL;
    totals t = {.shown = shown};
    char text[ROOM];
    weir_rc rc = combiner_make(&o, &c, e);
    for (uint64_t n = 0; n < documents && !rc; n++)
        rc = combiner_add(c, 0, (weir_view){text, put_document(text, n, drawn(n) % keys)}, false, e);
    if (!rc)
        rc = combiner_drain(c, add_up, &t, e);
    combiner_free(c);
    if (!rc && t.count != documents)
        rc = err_fail(e, WEIR_E_BUG, "%" PRIu64 " documents went in, %" PRIu64 " came out", documents, t.count);
    if (!shown)
        printf("%" PRIu64 " keys\n", t.keys);
    return rc;
}

/* -------------------------------------------------------------------------------------------------------------- reduce -- */

static weir_rc reduce_one(reducer *r, checker *k, tape tapes[2], weir_view left, weir_view right, buf *out, err *e)
{
    bool valid = false;
    reduced what;
    weir_rc rc = tape_read(&tapes[0], left, e);
    rc = rc ? rc : tape_read(&tapes[1], right, e);
    rc = rc ? rc : checker_run(k, &tapes[1], true, &valid, e);
    if (!rc && !valid)
        rc = err_fail(e, WEIR_E_BUG, "a document is not valid");
    return rc ? rc : reduce(r, &tapes[0], &tapes[1], k, false, out, &what, e);
}

static weir_rc reduce_all(const schema *s, uint64_t documents, err *e)
{
    checker *k = NULL;
    reducer *r = NULL;
    tape tapes[2] = {0};
    buf out[2] = {0};
    char text[ROOM];
    weir_rc rc = checker_make(s, &k, e);
    rc = rc ? rc : reducer_make(&r, e);
    buf_add(&out[0], text, put_document(text, 0, 0));
    for (uint64_t n = 1; n < documents && !rc; n++) {
        buf_clear(&out[n & 1]);
        rc = reduce_one(r, k, tapes, buf_view(&out[!(n & 1)]), (weir_view){text, put_document(text, n, 0)}, &out[n & 1], e);
    }
    if (!rc)
        printf("%.*s\n", VIEW_ARG(buf_view(&out[(documents - 1) & 1])));
    for (int i = 0; i < 2; i++) {
        tape_free(&tapes[i]);
        buf_free(&out[i]);
    }
    reducer_free(r);
    checker_free(k);
    return rc;
}

static void print_all(uint64_t documents, uint64_t keys)
{
    char text[ROOM];
    for (uint64_t n = 0; n < documents; n++) {
        size_t len = put_document(text, n, drawn(n) % keys);
        text[len] = '\n';
        fwrite(text, 1, len + 1, stdout);
    }
}

int main(int argc, char **argv)
{
    err e = {0};
    schema *s = NULL;
    uint64_t numbers[3] = {1000000, 100000, 64};
    for (int i = 2; i < argc && i < 5; i++)
        numbers[i - 2] = strtoull(argv[i], NULL, 10);
    weir_rc rc = schema_make(VIEW(schema_text), NULL, &s, &e);
    const char *what = argc > 1 ? argv[1] : "";
    if (strcmp(what, "print") == 0)
        print_all(numbers[0], numbers[1]);
    else if (!rc && strcmp(what, "combine") == 0)
        rc = combine(s, numbers[0], numbers[1], (size_t)numbers[2] << 20, argc > 5, &e);
    else if (!rc)
        rc = reduce_all(s, numbers[0], &e);
    int status = failed(rc, &e);
    schema_free(s);
    err_free(&e);
    return status;
}
