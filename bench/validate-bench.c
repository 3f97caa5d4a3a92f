/* validate-bench SCHEMA FILE TIMES [plain] - checks each line of FILE, so many times over, as documents of a collection are checked: read, checked against the schema,
 * what it notes collected (plain: not). Prints how many were valid, and how many notes were seen. */
#include <stdio.h>
#include <stdlib.h>

#include "doc/schema.h"

static weir_view read_file(const char *path)
{
    static const size_t block = 1 << 20;
    buf out = {0};
    FILE *f = fopen(path, "rb");
    if (!f) {
        perror(path);
        exit(2);
    }
    for (size_t n = 1; n && buf_reserve(&out, block); out.len += n)
        n = fread(out.ptr + out.len, 1, block, f);
    fclose(f);
    return buf_view(&out);
}

typedef struct counts {
    unsigned long valid, documents, notes;
} counts;

static weir_rc check_lines(weir_view text, checker *c, tape *t, bool notes, counts *n, err *e)
{
    for (weir_view rest = text; rest.len;) {
        const char *end = memchr(rest.ptr, '\n', rest.len);
        weir_view line = {rest.ptr, end ? (size_t)(end - rest.ptr) : rest.len};
        bool valid = false;
        weir_rc rc = tape_read(t, line, e);
        rc = rc ? rc : checker_run(c, t, notes, &valid, e);
        if (rc)
            return rc;
        n->documents++;
        n->valid += valid;
        for (uint32_t i = 0; notes && i < t->count; i++)
            n->notes += checker_note(c, i) != NULL;
        rest = view_from(rest, line.len + 1);
    }
    return WEIR_OK;
}

int main(int argc, char **argv)
{
    err e = {0};
    schema *s = NULL;
    checker *c = NULL;
    tape t = {0};
    counts n = {0};
    if (argc < 4) {
        fprintf(stderr, "usage: validate-bench SCHEMA FILE TIMES [plain]\n");
        return 2;
    }
    weir_view lines = read_file(argv[2]);
    weir_rc rc = schema_make(read_file(argv[1]), NULL, &s, &e);
    rc = rc ? rc : checker_make(s, &c, &e);
    for (long i = strtol(argv[3], NULL, 10); i > 0 && !rc; i--)
        rc = check_lines(lines, c, &t, argc == 4, &n, &e);
    if (rc)
        fprintf(stderr, "validate-bench: %s\n", err_text(&e));
    printf("%lu of %lu, %lu notes\n", n.valid, n.documents, n.notes);
    return rc ? 1 : 0;
}
