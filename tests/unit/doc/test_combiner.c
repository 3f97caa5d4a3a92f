/* The combiner against a model that keeps every document and reduces them one after the other, with budgets that make it spill at random; what is kept apart. */
#include "combiner_rig.h"

#include <malloc.h>
#include <stdio.h>

#include "model/tuple.h"

/* --------------------------------------------------------------------------------------------------------------- model -- */

enum { KEYS = 40 };

typedef struct held {
    buf packed, base;
    buf docs, parts; /* what was added, and what came out in parts: each with a newline behind it */
    bool given;
} held;

typedef struct model {
    rig r;
    held of[BINDINGS][KEYS];
    uint32_t binding; /* of the last that was drained */
    buf last;         /* its key */
    size_t drained;
    buf result, other;
} model;

static weir_view next_line(weir_view *rest)
{
    const char *end = memchr(rest->ptr, '\n', rest->len);
    weir_view one = {rest->ptr, (size_t)(end - rest->ptr)};
    *rest = view_from(*rest, one.len + 1);
    return one;
}

static void step(model *m, weir_view doc, bool alone, bool *deleted)
{
    reduced what = REDUCED;
    buf_clear(&m->other);
    if (rig_reduce(&m->r, alone ? (weir_view){0} : buf_view(&m->result), doc, true, &m->other, &what))
        fail_msg("the model: %s", err_text(&m->r.e));
    buf old = m->result;
    m->result = m->other;
    m->other = old;
    *deleted = what == REDUCED_AWAY;
}

/* One after the other into the base, or into nothing. What was deleted does not come back: behind it all begins anew. @return it is deleted in the end */
static bool expect(model *m, const buf *base, const buf *docs)
{
    bool deleted = false, some = base->len > 0;
    buf_clear(&m->result);
    buf_addv(&m->result, buf_view(base));
    for (weir_view rest = buf_view(docs); rest.len; some = true)
        step(m, next_line(&rest), !some || deleted, &deleted);
    return deleted;
}

/* Whoever reduces the parts comes to the same as from the documents; and without deletions there is but one. */
static void check_parts(model *m)
{
    buf none = {0}, whole = {0};
    for (size_t k = 0; k < KEYS; k++) {
        held *h = &m->of[1][k];
        const bool deleted = expect(m, &none, &h->docs);
        buf_clear(&whole);
        buf_addv(&whole, buf_view(&m->result));
        assert_int_equal(expect(m, &none, &h->parts), deleted);
        if (h->docs.len && !same_value(buf_view(&whole), buf_view(&m->result)))
            fail_msg("%.*s instead of %.*s, of %.*s, parts %.*s", VIEW_ARG(buf_view(&m->result)), VIEW_ARG(buf_view(&whole)), VIEW_ARG(buf_view(&h->docs)), VIEW_ARG(buf_view(&h->parts)));
        const bool deletes = h->docs.len && (memmem(h->docs.ptr, h->docs.len, "\"op\":\"d\"", 8) || memmem(h->docs.ptr, h->docs.len, ":null", 5));
        if (h->docs.len && !deletes)
            assert_ptr_equal(memchr(h->parts.ptr, '\n', h->parts.len), h->parts.ptr + h->parts.len - 1);
    }
    buf_free(&whole);
}

static void compare_whole(model *m, held *h, const combined_doc *d)
{
    assert_false(h->given);
    h->given = true;
    assert_int_equal(d->deleted, expect(m, &h->base, &h->docs));
    if (!same_value(buf_view(&m->result), d->doc))
        fail_msg("%.*s instead of %.*s, of %.*s %.*s", VIEW_ARG(d->doc), VIEW_ARG(buf_view(&m->result)), VIEW_ARG(buf_view(&h->base)), VIEW_ARG(buf_view(&h->docs)));
    assert_int_equal(d->exists, h->base.len > 0);
    assert_int_equal(d->unchanged, h->base.len && !h->docs.len);
}

static void keep_part(held *h, const combined_doc *d)
{
    assert_false(d->deleted || d->exists || d->unchanged);
    buf_addv(&h->parts, d->doc);
    buf_addc(&h->parts, '\n');
}

static weir_rc compare(void *arg, const combined_doc *d, err *e)
{
    model *m = arg;
    (void)e;
    const bool again = m->drained && m->binding == d->binding && view_eq(buf_view(&m->last), d->packed);
    if (m->drained && !again)
        assert_true(m->binding < d->binding || (m->binding == d->binding && view_cmp(buf_view(&m->last), d->packed) < 0));
    m->drained += !again;
    m->binding = d->binding;
    buf_clear(&m->last);
    buf_addv(&m->last, d->packed);
    for (size_t k = 0; k < KEYS; k++) {
        held *h = &m->of[d->binding][k];
        if (!view_eq(buf_view(&h->packed), d->packed))
            continue;
        if (d->binding == 0)
            compare_whole(m, h, d);
        else
            keep_part(h, d);
        return WEIR_OK;
    }
    fail_msg("a key that nobody has: %.*s", VIEW_ARG(d->doc));
    return WEIR_OK;
}

static void forget(model *m)
{
    for (size_t b = 0; b < BINDINGS; b++)
        for (size_t k = 0; k < KEYS; k++) {
            held *h = &m->of[b][k];
            buf_free(&h->packed);
            buf_free(&h->base);
            buf_free(&h->docs);
            buf_free(&h->parts);
            h->given = false;
        }
    m->drained = 0;
}

static void model_free(model *m)
{
    forget(m);
    rig_free(&m->r);
    buf_free(&m->last);
    buf_free(&m->result);
    buf_free(&m->other);
}

/* ----------------------------------------------------------------------------------------------------------- documents -- */

static void key_of(buf *out, size_t k)
{
    if (k % 2)
        buf_printf(out, "\"%.*s%zu\"", (int)(k % 5), "kkkkk", k);
    else
        buf_printf(out, "%zu", k * k);
}

static void some_list(buf *out, uint64_t *seed, size_t most)
{
    for (size_t n = roll(seed, most), i = 0; i < n; i++)
        buf_printf(out, "%s%u", i ? "," : "", (unsigned)roll(seed, 100));
}

static void document(buf *out, uint64_t *seed, size_t k, bool base, size_t longest)
{
    buf_clear(out);
    buf_adds(out, "{\"k\":");
    key_of(out, k);
    buf_printf(out, ",\"op\":\"%s\"", base || roll(seed, 4) ? "u" : "d");
    if (roll(seed, 2))
        buf_printf(out, ",\"n\":%d", (int)roll(seed, 100) - 50);
    if (roll(seed, 2)) {
        buf_adds(out, ",\"l\":[");
        some_list(out, seed, longest);
        buf_addc(out, ']');
    }
    if (roll(seed, 3) == 0)
        buf_printf(out, ",\"m\":%d,\"f\":%d", (int)roll(seed, 100), (int)roll(seed, 100));
    if (roll(seed, 3) == 0)
        buf_printf(out, ",\"o\":{\"%c\":%s,\"z\":1}", (char)('a' + roll(seed, 3)), !base && roll(seed, 2) ? "null" : "5");
    if (roll(seed, 3) == 0)
        buf_printf(out, ",\"s\":{\"add\":{\"%c\":1}%s}", (char)('a' + roll(seed, 3)), base || roll(seed, 2) ? "" : ",\"remove\":{\"b\":0}");
    buf_addc(out, '}');
}

static void remember(model *m, uint32_t binding, size_t k, weir_view doc, bool base)
{
    held *h = &m->of[binding][k];
    if (!h->packed.len) {
        buf key = {0};
        key_of(&key, k);
        assert_true(tuple_pack(&h->packed, buf_view(&key)));
        buf_free(&key);
    }
    buf_addv(base ? &h->base : &h->docs, doc);
    if (!base)
        buf_addc(&h->docs, '\n');
}

static void fill(model *m, combiner *c, uint64_t *seed, size_t count, size_t longest)
{
    buf doc = {0};
    err e = {0};
    for (size_t i = 0; i < count; i++) {
        uint32_t binding = (uint32_t)roll(seed, BINDINGS);
        size_t k = roll(seed, KEYS);
        bool base = binding == 0 && !roll(seed, 4) && !m->of[binding][k].base.len;
        document(&doc, seed, k, base, longest);
        if (combiner_add(c, binding, buf_view(&doc), base, &e))
            fail_msg("%s", err_text(&e));
        remember(m, binding, k, buf_view(&doc), base);
    }
    assert_int_equal(combiner_documents(c), count);
    buf_free(&doc);
    err_free(&e);
}

static size_t keys_of(const model *m)
{
    size_t n = 0;
    for (size_t b = 0; b < BINDINGS; b++)
        for (size_t k = 0; k < KEYS; k++)
            n += m->of[b][k].packed.len > 0;
    return n;
}

/* ---------------------------------------------------------------------------------------------------------- like a model -- */

static void against_model(size_t budget, size_t count, size_t longest, uint64_t seed)
{
    model m = {0};
    combiner *c;
    pair p;
    err e = {0};
    rig_make(&m.r, VIEW(schema_text));
    pair_make(&p, m.r.schema, budget);
    assert_int_equal(combiner_make(&p.o, &c, &e), WEIR_OK);
    for (int transaction = 0; transaction < 3; transaction++) {
        fill(&m, c, &seed, count >> transaction, longest);
        assert_true(combiner_keys(c) >= keys_of(&m) + (budget && budget < 2000)); /* that much is spilled */
        if (combiner_drain(c, compare, &m, &e))
            fail_msg("%s", err_text(&e));
        assert_int_equal(m.drained, keys_of(&m));
        check_parts(&m);
        assert_int_equal(combiner_keys(c), 0);
        assert_int_equal(combiner_documents(c), 0);
        forget(&m);
    }
    combiner_free(c);
    model_free(&m);
    err_free(&e);
}

static void test_in_memory(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed < 8; seed++)
        against_model(0, 500, 5, seed);
}

static void test_spilled(void **state)
{
    (void)state;
    static const size_t budgets[] = {1, 2000, 5000, 20000, 100000};
    for (size_t i = 0; i < sizeof budgets / sizeof *budgets; i++)
        for (uint64_t seed = 20; seed < 23; seed++)
            against_model(budgets[i], 1200, 12, seed + i);
}

/* An item at a time: what waits must not be lost, and comes in order. */
static void test_growing_list(void **state)
{
    (void)state;
    enum { ITEMS = 20000 };
    rig r;
    pair p;
    combiner *c;
    buf out = {0}, expected = {0};
    char doc[64];
    rig_make(&r, VIEW(schema_text));
    pair_make(&p, r.schema, 0);
    assert_int_equal(combiner_make(&p.o, &c, &r.e), WEIR_OK);
    buf_adds(&expected, "0 {\"k\":1,\"op\":\"u\",\"l\":[");
    for (int i = 0; i < ITEMS; i++) {
        snprintf(doc, sizeof doc, "{\"k\":1,\"op\":\"u\",\"l\":[%d]}", i);
        buf_printf(&expected, "%s%d", i ? "," : "", i);
        assert_int_equal(combiner_add(c, 0, view_of(doc), false, &r.e), WEIR_OK);
    }
    buf_adds(&expected, "]}\n");
    assert_int_equal(combiner_drain(c, collect, &out, &r.e), WEIR_OK);
    assert_view(buf_view(&out), buf_view(&expected));
    buf_free(&out);
    buf_free(&expected);
    combiner_free(c);
    rig_free(&r);
}

/* Longer than a chunk, longer than a block. */
static void test_long_documents(void **state)
{
    (void)state;
    against_model(0, 200, 60000, 40);
    against_model(300000, 200, 60000, 41);
}

/* Of large documents, each a segment of its own, a drain holds a few at a time. */
typedef struct large {
    char *text;
    size_t len, count, most; /* most: bytes in use */
} large;

static weir_rc take_large(void *arg, const combined_doc *d, err *e)
{
    large *l = arg;
    (void)e;
    const size_t used = mallinfo2().uordblks + mallinfo2().hblkhd;
    l->most = used > l->most ? used : l->most;
    snprintf(l->text, 16, "{\"k\":%05zu", l->count++ + 10000);
    l->text[10] = ',';
    const weir_view expected = {l->text, l->len};
    assert_true(view_eq(d->doc, expected));
    return WEIR_OK;
}

static void test_large_documents(void **state)
{
    (void)state;
    enum { SIZE = 3 << 20, MANY = 12 };
    rig r;
    pair p;
    combiner *c;
    large l = {.text = malloc(SIZE), .len = SIZE};
    memset(l.text, 'x', SIZE);
    memcpy(l.text, "{\"k\":10000,\"v\":\"", 16);
    memcpy(l.text + SIZE - 2, "\"}", 2);
    for (size_t i = 20; i < SIZE - 2; i++) /* hard to compress */
        l.text[i] = (char)('a' + (i * 2654435761u >> 13) % 26);
    rig_make(&r, VIEW("{\"reduce\":{\"strategy\":\"merge\"}}"));
    pair_make(&p, r.schema, 1);
    assert_int_equal(combiner_make(&p.o, &c, &r.e), WEIR_OK);
    for (int i = MANY; i-- > 0;) {
        snprintf(l.text, 16, "{\"k\":%05d", i + 10000);
        l.text[10] = ',';
        assert_int_equal(combiner_add(c, 0, (weir_view){l.text, SIZE}, false, &r.e), WEIR_OK);
    }
    const size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
    assert_int_equal(combiner_drain(c, take_large, &l, &r.e), WEIR_OK);
    assert_int_equal(l.count, MANY);
    assert_true(l.most < before + 6u * SIZE);
    free(l.text);
    combiner_free(c);
    rig_free(&r);
}

/* ---------------------------------------------------------------------------------------------------------------- apart -- */

static void combined_as(const char *schema_json, const char *const *docs, size_t count, size_t budget, const char *expected)
{
    rig r;
    pair p;
    combiner *c;
    buf out = {0};
    rig_make(&r, view_of(schema_json));
    pair_make(&p, r.schema, budget);
    assert_int_equal(combiner_make(&p.o, &c, &r.e), WEIR_OK);
    for (size_t i = 0; i < count; i++) /* "0 DOC", "1 DOC", "0b BASE" */
        if (combiner_add(c, (uint32_t)(docs[i][0] - '0'), view_of(strchr(docs[i], ' ') + 1), docs[i][1] == 'b', &r.e))
            fail_msg("%s", err_text(&r.e));
    if (combiner_drain(c, collect, &out, &r.e))
        fail_msg("%s", err_text(&r.e));
    assert_view(buf_view(&out), view_of(expected));
    buf_free(&out);
    combiner_free(c);
    rig_free(&r);
}

static void test_apart(void **state)
{
    (void)state;
    static const char merge_patch[] =
        "{\"oneOf\":[{\"type\":\"object\",\"reduce\":{\"strategy\":\"merge\"},\"additionalProperties\":{\"$ref\":\"#\"}},{\"type\":\"null\",\"reduce\":{\"strategy\":"
        "\"lastWriteWins\",\"delete\":true}},{\"type\":[\"array\",\"boolean\",\"number\",\"string\"]}]}";
    static const char *const docs[] = {
        "0 {\"k\":1,\"v\":{\"a\":4,\"c\":1}}", "0 {\"k\":1,\"v\":{\"a\":{\"n\":1},\"c\":null}}", "0 {\"k\":1,\"v\":{\"a\":{\"m\":2}}}",
        "1 {\"k\":1,\"v\":{\"a\":4,\"c\":1}}", "1 {\"k\":1,\"v\":{\"a\":{\"n\":1},\"c\":null}}", "1 {\"k\":1,\"v\":{\"a\":{\"m\":2}}}",
        "0b {\"k\":1,\"x\":0}", "0b {\"k\":2,\"x\":0}", "0 {\"k\":3,\"x\":null}",
    };
    for (size_t budget = 0; budget < 2; budget++)
        combined_as(merge_patch, docs, COUNT(docs), budget,
                    "0 {\"k\":1,\"x\":0,\"v\":{\"a\":{\"n\":1,\"m\":2}}} exists\n"
                    "0 {\"k\":2,\"x\":0} exists unchanged\n"
                    "0 {\"k\":3}\n"
                    "1 {\"k\":1,\"v\":{\"a\":4,\"c\":1}}\n"
                    "1 {\"k\":1,\"v\":{\"a\":{\"n\":1,\"m\":2},\"c\":null}}\n");
}

/* What does not fit its strategy is no error as long as there is nothing to reduce it with. */
static void test_alone(void **state)
{
    (void)state;
    static const char *const docs[] = {"0 {\"k\":1,\"v\":null}", "1 {\"k\":1,\"v\":null}"};
    combined_as("{\"reduce\":{\"strategy\":\"merge\"},\"properties\":{\"v\":{\"reduce\":{\"strategy\":\"sum\"}}}}", docs, COUNT(docs), 0,
                "0 {\"k\":1,\"v\":null}\n1 {\"k\":1,\"v\":null}\n");
}

/* Where nothing is said, the last one stays. */
static void test_last_write_wins(void **state)
{
    (void)state;
    static const char *const docs[] = {"0 {\"k\":2,\"v\":1}", "0 {\"k\":1}", "0 {\"k\":2,\"v\":\"longer than the one before\"}", "0b {\"k\":2}", "1 {\"k\":2}", "0b {\"k\":3}"};
    for (size_t budget = 0; budget < 2; budget++)
        combined_as("{\"type\":\"object\"}", docs, COUNT(docs), budget,
                    "0 {\"k\":1}\n0 {\"k\":2,\"v\":\"longer than the one before\"} exists\n0 {\"k\":3} exists unchanged\n1 {\"k\":2}\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_in_memory),
        cmocka_unit_test(test_spilled),
        cmocka_unit_test(test_long_documents),
        cmocka_unit_test(test_apart),
        cmocka_unit_test(test_growing_list),
        cmocka_unit_test(test_large_documents),
        cmocka_unit_test(test_alone),
        cmocka_unit_test(test_last_write_wins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
