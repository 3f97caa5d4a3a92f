/* Rows of JSON files: the same rows however the bytes arrive; what is learned from a row accepts it, and agrees with the JSON
 * scanner.
 *
 * Input: a byte that chooses lines or document and the size of the pieces, a JSON pointer, a line break, the text.
 */
#include "json_rows.h"

#include "fuzz.h"
#include "infer.h"
#include "json/scan.h"

static rows_status feed(json_rows *r, weir_view text, size_t piece, buf *out)
{
    size_t begin = 0, have = piece < text.len ? piece : text.len;
    rows_status status;
    do {
        size_t used = 0, n = have - begin;
        char *bytes = malloc(n ? n : 1);
        MUST(bytes);
        memcpy(bytes, text.ptr + begin, n);
        status = json_rows_next(r, bytes, n, have == text.len, &used);
        MUST(status != ROWS_NOMEM && used <= n);
        MUST(status != ROWS_MORE || have < text.len);
        begin += used;
        if (status == ROWS_ROW)
            buf_printf(out, "%zu:%.*s\n", r->row.len, (int)r->row.len, r->row.ptr);
        if (status == ROWS_MORE)
            have = text.len - have < piece ? text.len : have + piece;
        free(bytes);
    } while (status == ROWS_ROW || status == ROWS_MORE);
    return status;
}

static void begin(json_rows *r, bool lines, const char *pointer)
{
    if (lines)
        json_rows_lines(r);
    else
        json_rows_document(r, pointer);
}

/* A document is learned from; what was learned has nothing to add the second time, neither directly nor by way of its schema. */
static void check_infer(weir_view row)
{
    infer in, loaded;
    infer_seen seen;
    strbuf schema = {0};
    MUST(infer_init(&in) && infer_init(&loaded));
    infer_status status = infer_observe(&in, row, &seen);
    const char *error = NULL;
    bool object = json_check(row, &error, NULL);
    if (object) {
        json_scan s = json_scan_of(row);
        object = json_peek(&s) == '{';
    }
    MUST((status == INFER_OK) == object || (error && !json_utf8(row)));
    if (status == INFER_OK) {
        infer_schema(&in, &schema, false);
        MUST(json_check(strbuf_view(&schema), NULL, NULL) || !json_utf8(row));
        in.news = in.contradicted = false;
        MUST(infer_observe(&in, row, &seen) == INFER_OK && !in.contradicted);
        MUST(infer_load(&loaded, strbuf_view(&schema)));
        loaded.news = loaded.contradicted = false;
        MUST(infer_observe(&loaded, row, &seen) == INFER_OK && !loaded.contradicted);
        strbuf_clear(&schema);
        infer_schema(&in, &schema, true);
        MUST(json_check(strbuf_view(&schema), NULL, NULL) || !json_utf8(row));
    }
    strbuf_free(&schema);
    infer_free(&in);
    infer_free(&loaded);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    const uint8_t *line = len > 1 ? memchr(bytes + 1, '\n', len - 1) : NULL;
    if (!line)
        return 0;
    weir_view text = {(const char *)line + 1, len - (size_t)(line + 1 - bytes)};
    buf pointer = {0}, whole = {0}, pieces = {0};
    buf_add(&pointer, bytes + 1, (size_t)(line - bytes - 1));
    bool lines = bytes[0] & 1;
    if (json_pointer_valid(buf_text(&pointer))) {
        json_rows a, b;
        begin(&a, lines, buf_text(&pointer));
        begin(&b, lines, buf_text(&pointer));
        rows_status first = feed(&a, text, SIZE_MAX, &whole), second = feed(&b, text, 1 + (bytes[0] >> 1), &pieces);
        MUST(first == second);
        MUST_EQ(buf_view(&whole), buf_view(&pieces));
    }
    json_rows_sniff_lines(text.ptr, text.len, bytes[0] & 2);
    check_infer(text);
    buf_free(&pointer);
    buf_free(&whole);
    buf_free(&pieces);
    return 0;
}
