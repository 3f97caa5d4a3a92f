/* fuzz_reduce - reductions: a letter that says which schema, then documents, a line each. What they come to is JSON, the same in
 * whatever brackets they are put together, and the same whether a combiner holds them in memory or writes each of them to the disk.
 * */
#include "fuzz.h"
#include "doc/combiner.h"

enum { DOCS = 3, MOST = 4096 };

#define SUMS "\"additionalProperties\":{\"reduce\":{\"strategy\":\"sum\"}}"

/* Those whose laws hold for every document, not just for sorted ones. */
static const char *const schemas[] = {
    "{}",
    "{\"reduce\":{\"strategy\":\"firstWriteWins\"}}",
    "{\"reduce\":{\"strategy\":\"append\"}}",
    "{\"reduce\":{\"strategy\":\"maximize\"}}",
    "{\"reduce\":{\"strategy\":\"minimize\"}}",
    "{\"reduce\":{\"strategy\":\"maximize\",\"key\":[\"/k\"]},\"properties\":{\"n\":{\"reduce\":{\"strategy\":\"sum\"}}}}",
    "{\"reduce\":{\"strategy\":\"sum\"}}",
    "{\"reduce\":{\"strategy\":\"merge\"}," SUMS ",\"properties\":{\"k\":true,\"a\":{\"reduce\":{\"strategy\":\"append\"}}}}",
    "{\"reduce\":{\"strategy\":\"merge\"},\"items\":{\"reduce\":{\"strategy\":\"minimize\"}}}",
    "{\"reduce\":{\"strategy\":\"merge\"},\"properties\":{\"s\":{\"reduce\":{\"strategy\":\"set\"},\"properties\":{\"add\":{" SUMS "}}}}}",
    "{\"reduce\":{\"strategy\":\"merge\"},\"additionalProperties\":{\"if\":{\"type\":\"null\"},\"then\":{\"reduce\":{\"strategy\":\"lastWriteWins\",\"delete\":true}},\"else\":{"
    "\"reduce\":{\"strategy\":\"sum\"}}}}",
    "{\"reduce\":{\"strategy\":\"set\",\"key\":[\"\"]}}",
    "{\"reduce\":{\"strategy\":\"merge\",\"key\":[\"/k\"]}}",
    "{\"reduce\":{\"strategy\":\"jsonSchemaMerge\"}}",
};

enum { LAWFUL = 11, SCHEMAS = sizeof schemas / sizeof *schemas };

typedef struct rig {
    schema *schema;
    checker *check;
    reducer *reducer;
    tape tapes[2];
    err e;
} rig;

/* @return false: it fails, or is kept apart */
static bool reduces(rig *r, weir_view left, weir_view right, bool full, buf *out)
{
    bool valid = false;
    reduced what = REDUCED;
    buf_clear(out);
    MUST(tape_read(&r->tapes[1], right, &r->e) == WEIR_OK);
    MUST(checker_run(r->check, &r->tapes[1], true, &valid, &r->e) == WEIR_OK && valid);
    MUST(!left.len || tape_read(&r->tapes[0], left, &r->e) == WEIR_OK);
    weir_rc rc = left.len ? reduce(r->reducer, &r->tapes[0], &r->tapes[1], r->check, full, out, &what, &r->e)
                          : reduce_alone(r->reducer, &r->tapes[1], r->check, out, &what, &r->e);
    MUST(rc == WEIR_OK || (rc == WEIR_E_CONFIG && out->len == 0));
    if (rc || what == REDUCED_APART)
        return false;
    MUST(tape_read(&r->tapes[0], buf_view(out), &r->e) == WEIR_OK);
    return true;
}

static bool same(rig *r, weir_view a, weir_view b)
{
    MUST(tape_read(&r->tapes[0], a, &r->e) == WEIR_OK && tape_read(&r->tapes[1], b, &r->e) == WEIR_OK);
    return tape_equal(&r->tapes[0], 0, &r->tapes[1], 0);
}

static void check_brackets(rig *r, const weir_view d[DOCS], bool lawful)
{
    buf t[4] = {0};
    bool first = reduces(r, d[0], d[1], false, &t[0]) && reduces(r, buf_view(&t[0]), d[2], false, &t[1]);
    bool second = reduces(r, d[1], d[2], false, &t[2]) && reduces(r, d[0], buf_view(&t[2]), false, &t[3]);
    if (first && second && lawful && !same(r, buf_view(&t[1]), buf_view(&t[3])))
        MUST_EQ(buf_view(&t[1]), buf_view(&t[3]));
    first = reduces(r, d[1], d[2], false, &t[0]) && reduces(r, d[0], buf_view(&t[0]), true, &t[1]);
    second = reduces(r, d[0], d[1], true, &t[2]) && reduces(r, buf_view(&t[2]), d[2], true, &t[3]);
    if (first && second && lawful && !same(r, buf_view(&t[1]), buf_view(&t[3])))
        MUST_EQ(buf_view(&t[1]), buf_view(&t[3]));
    for (int i = 0; i < 4; i++)
        buf_free(&t[i]);
}

/* ------------------------------------------------------------------------------------------------------------- combined -- */

static weir_rc take(void *arg, const combined_doc *d, err *e)
{
    (void)e;
    buf_addv(arg, d->doc);
    buf_addc(arg, '\n');
    return WEIR_OK;
}

static bool combine(const rig *r, const weir_view d[DOCS], size_t budget, buf *out)
{
    static const weir_view key[] = {{"/k", 2}};
    const combiner_binding b = {.schema = r->schema, .key = key, .key_count = 1, .what = "docs"};
    const combiner_options o = {.bindings = &b, .count = 1, .budget = budget};
    combiner *c;
    err e = {0};
    bool good = true;
    MUST(combiner_make(&o, &c, &e) == WEIR_OK);
    for (int i = 0; i < DOCS; i++)
        good &= combiner_add(c, 0, d[i], false, &e) == WEIR_OK;
    good &= combiner_drain(c, take, out, &e) == WEIR_OK;
    combiner_free(c);
    err_free(&e);
    return good;
}

static weir_view next_line(weir_view *rest)
{
    const char *end = memchr(rest->ptr, '\n', rest->len);
    MUST(end);
    weir_view one = {rest->ptr, (size_t)(end - rest->ptr)};
    *rest = view_from(*rest, one.len + 1);
    return one;
}

static void check_combined(rig *r, const weir_view d[DOCS], bool lawful)
{
    buf memory = {0}, disk = {0};
    bool both = combine(r, d, 0, &memory);
    both &= combine(r, d, 1, &disk);
    weir_view m = buf_view(&memory), k = buf_view(&disk);
    while (both && lawful && (m.len || k.len)) {
        MUST(m.len && k.len);
        weir_view one = next_line(&m), other = next_line(&k);
        if (!same(r, one, other))
            MUST_EQ(one, other);
    }
    buf_free(&memory);
    buf_free(&disk);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    rig r = {0};
    weir_view d[DOCS], rest = {(const char *)data, size};
    bool doubles = false;
    if (!size || size > MOST)
        return 0;
    size_t which = data[0] % SCHEMAS;
    rest = view_from(rest, 1);
    for (int i = 0; i < DOCS; i++) {
        const char *end = rest.len ? memchr(rest.ptr, '\n', rest.len) : NULL;
        d[i] = (weir_view){rest.ptr, end ? (size_t)(end - rest.ptr) : rest.len};
        rest = view_from(rest, d[i].len + 1);
        if (!d[i].len || tape_read(&r.tapes[0], d[i], &r.e))
            goto out;
        for (size_t k = 0; k < d[i].len; k++)
            doubles |= strchr(".eE", d[i].ptr[k]) != NULL;
    }
    MUST(schema_make(view_of(schemas[which]), NULL, &r.schema, &r.e) == WEIR_OK);
    MUST(checker_make(r.schema, &r.check, &r.e) == WEIR_OK && reducer_make(&r.reducer, &r.e) == WEIR_OK);
    bool lawful = which < LAWFUL && !(doubles && strstr(schemas[which], "sum"));
    check_brackets(&r, d, lawful);
    check_combined(&r, d, lawful);
out:
    checker_free(r.check);
    schema_free(r.schema);
    reducer_free(r.reducer);
    tape_free(&r.tapes[0]);
    tape_free(&r.tapes[1]);
    err_free(&r.e);
    return 0;
}
