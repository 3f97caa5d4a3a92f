/* CSV of Fivetran's batch files, and the values in it: the same rows however the bytes arrive; rows that are written anew read back as the same; a value in the one form
 * that databases get is read as itself.
 *
 * Input: one byte that chooses the size of the pieces, then the text.
 */
#include "fuzz.h"
#include "proto/fivetran/batch_read_value.h"
#include "proto/fivetran/csv.h"

static void note(buf *out, const ft_csv *c)
{
    for (size_t i = 0; i < c->count; i++) {
        buf_printf(out, "%zu:", c->fields[i].len);
        buf_addv(out, c->fields[i]);
    }
    buf_addc(out, '\n');
}

static void quote(buf *out, weir_view field)
{
    buf_addc(out, '"');
    for (size_t i = 0; i < field.len; i++) {
        if (field.ptr[i] == '"')
            buf_addc(out, '"');
        buf_addc(out, field.ptr[i]);
    }
    buf_addc(out, '"');
}

/* What comes back of a value must be what went in: the form has no other reading. */
static void check_value(weir_sql_type type, weir_view field)
{
    arena a = {0};
    weir_sql_value v, again, before;
    if (ft_value_parse(type, field, &a, &v) && v.text.len && type != WEIR_SQL_BINARY) {
        MUST(ft_value_parse(type, v.text, &a, &again));
        MUST_EQ(v.text, again.text);
        MUST(v.text.ptr != NULL && again.integer == v.integer);
        if (type == WEIR_SQL_TIMESTAMP && ft_instant_before(&v, &a, &before))
            MUST(ft_value_parse(type, before.text, &a, &again) && view_eq(again.text, before.text));
    }
    arena_free(&a);
}

static void check_values(const ft_csv *c)
{
    for (size_t i = 0; i < c->count; i++)
        for (weir_sql_type type = WEIR_SQL_NULL; type <= WEIR_SQL_XML; type++)
            check_value(type, c->fields[i]);
}

/* Reads text that arrives in pieces, each time at another address and with nothing behind it. @param rewritten its rows, all fields quoted; NULL: not wanted */
static ft_csv_status parse(weir_view text, size_t piece, buf *rows, buf *rewritten)
{
    ft_csv c = {0};
    size_t begin = 0, have = piece < text.len ? piece : text.len;
    ft_csv_status status;
    do {
        size_t used = 0, n = have - begin;
        char *bytes = malloc(n ? n : 1);
        MUST(bytes);
        if (n)
            memcpy(bytes, text.ptr + begin, n);
        status = ft_csv_next(&c, bytes, n, have == text.len, &used);
        MUST(status != FT_CSV_MORE || have < text.len);
        if (status == FT_CSV_MORE)
            have = text.len - have < piece ? text.len : have + piece;
        if (status == FT_CSV_ROW) {
            MUST(used > 0 && used <= n);
            note(rows, &c);
            for (size_t i = 0; rewritten && i < c.count; i++) {
                buf_adds(rewritten, i ? "," : "");
                quote(rewritten, c.fields[i]);
            }
            if (rewritten) {
                buf_addc(rewritten, '\n');
                check_values(&c);
            }
            begin += used;
        }
        free(bytes);
    } while (status == FT_CSV_ROW || status == FT_CSV_MORE);
    ft_csv_free(&c);
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (!len)
        return 0;
    weir_view text = {(const char *)bytes + 1, len - 1};
    buf whole = {0}, pieces = {0}, written = {0}, same = {0};
    ft_csv_status status = parse(text, SIZE_MAX, &whole, &written);
    MUST(parse(text, 1u + bytes[0], &pieces, NULL) == status);
    MUST_EQ(buf_view(&whole), buf_view(&pieces));
    MUST(parse(buf_view(&written), SIZE_MAX, &same, NULL) == FT_CSV_END);
    MUST_EQ(buf_view(&whole), buf_view(&same));
    buf_free(&whole);
    buf_free(&pieces);
    buf_free(&written);
    buf_free(&same);
    return 0;
}
