/* fuzz_schema - JSON Schema: a line with a schema, then lines with documents. A document is JSON for the tape if the scanner says so; just checked, with notes
 * collected, explained, and without white space, it is valid or not all the same. */
#include "doc/schema.h"
#include "fuzz.h"
#include "json/scan.h"
#include "json/text.h"

static weir_view take_line(weir_view *rest)
{
    const char *end = rest->len ? memchr(rest->ptr, '\n', rest->len) : NULL;
    weir_view line = {rest->ptr, end ? (size_t)(end - rest->ptr) : rest->len};
    *rest = view_from(*rest, line.len + 1);
    return line;
}

/* @return false: it could not be checked to the end */
static bool check(checker *c, tape *t, weir_view doc, bool notes, bool *valid)
{
    err e = {0};
    MUST(tape_read(t, doc, &e) == WEIR_OK);
    weir_rc rc = checker_run(c, t, notes, valid, &e);
    MUST(rc == WEIR_OK || rc == WEIR_E_CONFIG);
    err_free(&e);
    return rc == WEIR_OK;
}

static void check_document(checker *c, tape *t, weir_view doc)
{
    bool valid = false, other = false;
    buf out = {0};
    if (!check(c, t, doc, false, &valid))
        return;
    MUST(tape_equal(t, 0, t, 0) && tape_compare(t, 0, t, 0) == 0);
    if (check(c, t, doc, true, &other))
        MUST(valid == other);
    for (uint32_t i = 0; i < t->count; i++)
        MUST(!checker_note(c, i) || valid);
    checker_explain(c, t, 5, &out);
    MUST(valid == (out.len == 0));
    buf_clear(&out);
    json_compact(&out, doc);
    MUST(check(c, t, buf_view(&out), false, &other) && valid == other);
    buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    weir_view rest = {(const char *)data, size}, text = take_line(&rest);
    const schema_options formats = {.formats = true};
    schema *s = NULL;
    checker *c = NULL;
    tape t = {0};
    err e = {0};
    weir_rc rc = schema_make(text, &formats, &s, &e);
    MUST(rc == WEIR_OK || (rc == WEIR_E_CONFIG && *err_text(&e)));
    if (!rc)
        MUST(checker_make(s, &c, &e) == WEIR_OK);
    for (int i = 0; i < 4 && rest.len; i++) {
        weir_view doc = take_line(&rest);
        const bool good = json_check(doc, NULL, NULL);
        MUST((tape_read(&t, doc, &e) == WEIR_OK) == good);
        if (c && good)
            check_document(c, &t, doc);
    }
    tape_free(&t);
    checker_free(c);
    schema_free(s);
    err_free(&e);
    return 0;
}
