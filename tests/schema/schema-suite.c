/* schema-suite [-f] FILE - checks documents for the public JSON-Schema-Test-Suite. FILE: an object of schemas by URI. -f: formats assert.
 *
 * Reads a line of JSON for each schema, {"schema": ..., "documents": [...]}, and answers with one: a letter for each document, v (valid) or i (invalid); or, if the
 * schema was refused or could not be run to its end, `error` and why. Every document is checked three times: alone, with notes, and explained; they must agree.
 */
#include <stdio.h>
#include <stdlib.h>

#include "doc/schema.h"
#include "json/scan.h"

static weir_view read_file(const char *path, buf *out)
{
    char block[65536];
    FILE *f = fopen(path, "rb");
    if (!f) {
        perror(path);
        exit(2);
    }
    for (size_t n; (n = fread(block, 1, sizeof block, f)) > 0;)
        buf_add(out, block, n);
    fclose(f);
    return buf_view(out);
}

/* The texts of both members. */
static void take_apart(weir_view line, weir_view *text, weir_view *documents)
{
    json_scan s = json_scan_of(line);
    json_key key;
    json_enter(&s, '{');
    while (json_member(&s, &key))
        json_skip(&s, json_key_is(key, VIEW("schema")) ? text : documents);
    if (!json_done(&s)) {
        fprintf(stderr, "schema-suite: %s\n", s.error);
        exit(2);
    }
}

static weir_rc check_one(checker *c, tape *t, weir_view doc, buf *out, err *e)
{
    bool valid = false, with_notes = false;
    buf why = {0};
    weir_rc rc = tape_read(t, doc, e);
    rc = rc ? rc : checker_run(c, t, false, &valid, e);
    rc = rc ? rc : checker_run(c, t, true, &with_notes, e);
    if (!rc)
        checker_explain(c, t, 10, &why);
    if (!rc && (valid != with_notes || valid != (why.len == 0)))
        rc = err_fail(e, WEIR_E_BUG, "ways to check disagree about %.*s: %d, %d, '%s'", VIEW_ARG(doc), valid, with_notes, buf_text(&why));
    buf_addc(out, valid ? 'v' : 'i');
    buf_free(&why);
    return rc;
}

static weir_rc check_line(weir_view line, const schema_options *o, buf *out, err *e)
{
    weir_view text = {0}, documents = {0}, doc;
    schema *s = NULL;
    checker *c = NULL;
    tape t = {0};
    take_apart(line, &text, &documents);
    weir_rc rc = schema_make(text, o, &s, e);
    rc = rc ? rc : checker_make(s, &c, e);
    json_scan scan = json_scan_of(documents);
    json_enter(&scan, '[');
    while (!rc && json_item(&scan)) {
        json_skip(&scan, &doc);
        rc = check_one(c, &t, doc, out, e);
    }
    tape_free(&t);
    checker_free(c);
    schema_free(s);
    return rc;
}

int main(int argc, char **argv)
{
    const bool formats = argc > 1 && view_is(view_of(argv[1]), "-f");
    buf known_text = {0}, out = {0};
    arena memory = {0};
    tree *known = NULL;
    err e = {0};
    if (argc != 2 + formats) {
        fprintf(stderr, "usage: schema-suite [-f] FILE\n");
        return 2;
    }
    if (tree_parse(&memory, read_file(argv[1 + formats], &known_text), argv[1 + formats], WEIR_E_CONFIG, &known, &e)) {
        fprintf(stderr, "%s\n", err_text(&e));
        return 2;
    }
    const schema_options options = {.known = known, .formats = formats};
    char *line = NULL;
    size_t room = 0;
    for (ssize_t len; (len = getline(&line, &room, stdin)) > 0;) {
        buf_clear(&out);
        weir_rc rc = check_line((weir_view){line, (size_t)len}, &options, &out, &e);
        printf("%s%s\n", rc ? "error " : buf_text(&out), rc ? err_text(&e) : "");
        fflush(stdout);
        err_clear(&e);
    }
    free(line);
    buf_free(&out);
    buf_free(&known_text);
    arena_free(&memory);
    err_free(&e);
    return 0;
}
