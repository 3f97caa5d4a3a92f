/* tuples - packed tuples, line by line: of a JSON array, its values packed, in hexadecimal; of hexadecimal digits, the tuple as a JSON array. What cannot be done is
 * answered with `error` and why. For test_tuples.py. */
#include <stdio.h>
#include <stdlib.h>

#include "json/scan.h"
#include "model/tuple.h"

static weir_rc pack(weir_view array, buf *out, err *e)
{
    buf packed = {0};
    json_scan s = json_scan_of(array);
    weir_view value;
    weir_rc rc = json_enter(&s, '[') ? WEIR_OK : err_fail(e, WEIR_E_PROTOCOL, "no array");
    while (!rc && json_item(&s) && json_skip(&s, &value))
        if (!tuple_pack(&packed, value))
            rc = err_fail(e, WEIR_E_PROTOCOL, "cannot be packed: %.*s", VIEW_ARG(value));
    for (size_t i = 0; !rc && i < packed.len; i++)
        buf_printf(out, "%02x", (unsigned char)packed.ptr[i]);
    buf_free(&packed);
    return rc;
}

static weir_rc unpack(weir_view hex, buf *out, err *e)
{
    buf packed = {0};
    unsigned byte;
    weir_rc rc = WEIR_OK;
    for (size_t i = 0; !rc && i + 1 < hex.len; i += 2) {
        const char digits[3] = {hex.ptr[i], hex.ptr[i + 1], '\0'};
        if (sscanf(digits, "%2x", &byte) == 1)
            buf_addc(&packed, (char)byte);
        else
            rc = err_fail(e, WEIR_E_PROTOCOL, "no hexadecimal digits: %s", digits);
    }
    rc = rc ? rc : tuple_unpack(out, buf_view(&packed), e);
    buf_free(&packed);
    return rc;
}

int main(void)
{
    char *line = NULL;
    size_t room = 0;
    for (ssize_t n; (n = getline(&line, &room, stdin)) > 0;) {
        buf out = {0};
        err e = {0};
        const weir_view text = {line, (size_t)n - (line[n - 1] == '\n')};
        weir_rc rc = text.len && text.ptr[0] == '[' ? pack(text, &out, &e) : unpack(text, &out, &e);
        printf("%s%s\n", rc ? "error " : "", rc ? err_text(&e) : buf_text(&out));
        buf_free(&out);
        err_free(&e);
    }
    free(line);
    return 0;
}
