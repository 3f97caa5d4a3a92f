/* fuzz_order - cursors: what three JSON values, a line each, compare as is an order, the same for every way to write them. */
#include "fuzz.h"
#include "json/order.h"
#include "json/scan.h"
#include "json/text.h"

enum { VALUES = 3 };

/* A string with every ASCII character of it as \u00XX, escapes aside; other values as they are. */
static weir_view spelled(buf *out, weir_view v)
{
    buf plain = {0};
    if (*v.ptr != '"')
        return v;
    MUST(json_unquote(&plain, (weir_view){v.ptr + 1, v.len - 2}) || plain.len == 0);
    buf_addc(out, '"');
    for (size_t i = 0; i < plain.len; i++) {
        unsigned char c = (unsigned char)plain.ptr[i];
        if (c < 0x80)
            buf_printf(out, "\\u%04x", c);
        else
            buf_addc(out, (char)c);
    }
    buf_addc(out, '"');
    buf_free(&plain);
    return buf_view(out);
}

static void check(const weir_view *v, bool digits)
{
    int o[VALUES][VALUES];
    for (int i = 0; i < VALUES; i++)
        for (int k = 0; k < VALUES; k++)
            o[i][k] = order_compare(v[i], v[k], digits);
    for (int i = 0; i < VALUES; i++)
        for (int k = 0; k < VALUES; k++) {
            MUST(o[i][k] == -o[k][i]);
            for (int j = 0; j < VALUES; j++)
                MUST(!(o[i][k] <= 0 && o[k][j] <= 0) || o[i][j] <= 0);
        }
}

/* Long texts are only decoded as they are compared, and then are no moments or numbers: both ways to write one must be short, or both long. */
static void check_spellings(weir_view v, bool digits)
{
    enum { SHORT = 256 };
    buf out = {0};
    weir_view other = spelled(&out, v);
    if (other.len - 2 <= SHORT || (v.len - 2 > SHORT && memchr(v.ptr, '\\', v.len)))
        MUST(order_compare(v, other, digits) == 0);
    buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    weir_view v[VALUES], rest = {(const char *)data, size};
    for (int i = 0; i < VALUES; i++) {
        const char *end = rest.len ? memchr(rest.ptr, '\n', rest.len) : NULL;
        v[i] = (weir_view){rest.ptr, end ? (size_t)(end - rest.ptr) : rest.len};
        rest = view_from(rest, v[i].len + 1);
        if (!v[i].len || strchr(" \t\r", *v[i].ptr) || strchr(" \t\r", v[i].ptr[v[i].len - 1]) || !json_check(v[i], NULL, NULL))
            return 0;
    }
    for (int digits = 0; digits < 2; digits++) {
        check(v, digits);
        for (int i = 0; i < VALUES; i++)
            check_spellings(v[i], digits);
    }
    return 0;
}
