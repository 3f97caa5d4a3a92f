/* Which documents are a shard's. Hashes are those of github.com/minio/highwayhash 1.0.4 under the key of flow.md 1.9, of keys packed as FoundationDB's tuples. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>

#include "fault.h"
#include "model/keyhash.h"
#include "model/tuple.h"
#include "plane/range.h"

static bool has(const char *const *pointers, const char *const *fallbacks, size_t count, uint32_t begin, uint32_t end, const char *doc)
{
    weir_view names[4], values[4];
    range *r;
    err e = {0};
    bool ret = false;
    for (size_t i = 0; i < count; i++) {
        names[i] = view_of(pointers[i]);
        values[i] = fallbacks && fallbacks[i] ? view_of(fallbacks[i]) : (weir_view){NULL, 0};
    }
    assert_int_equal(range_make(&r, &(range_options){names, fallbacks ? values : NULL, count, begin, end}, &e), WEIR_OK);
    assert_non_null(r);
    memset(names, 0xff, sizeof names);
    assert_int_equal(range_has(r, view_of(doc), &ret, &e), WEIR_OK);
    range_free(r);
    return ret;
}

/* It has this hash: it is in the range that is nothing else, and in neither of those beside it. */
static void assert_hash(const char *const *pointers, const char *const *fallbacks, size_t count, const char *doc, uint32_t hash)
{
    if (!has(pointers, fallbacks, count, hash, hash, doc))
        fail_msg("%s has not %08x", doc, hash);
    assert_false(has(pointers, fallbacks, count, 0, hash - 1, doc));
    assert_false(has(pointers, fallbacks, count, hash + 1, UINT32_MAX, doc));
    assert_true(has(pointers, fallbacks, count, 0, hash, doc));
    assert_true(has(pointers, fallbacks, count, hash, UINT32_MAX, doc));
}

static uint32_t hash_of(const char *const *values, size_t count)
{
    buf packed = {0};
    for (size_t i = 0; i < count; i++)
        assert_true(tuple_pack(&packed, view_of(values[i])));
    uint32_t hash = key_hash(buf_view(&packed));
    buf_free(&packed);
    return hash;
}

static const char *const id[] = {"/id"}, *const two[] = {"/a", "/b/c"};

static void test_vectors(void **unused)
{
    (void)unused;
    assert_hash(id, NULL, 1, "{\"id\":1}", 0xcc4c71ef);
    assert_hash(id, NULL, 1, "{\"x\":[1],\"id\":0,\"y\":2}", 0x880b744c);
    assert_hash(id, NULL, 1, "{\"id\":\"ann\"}", 0xe8d0375a);
    assert_hash(NULL, NULL, 0, "{\"id\":1}", 0xdeff486a); /* of nothing */
}

/* What is one key of a table is one hash, however it is written. */
static void test_one_key(void **unused)
{
    (void)unused;
    assert_hash(id, NULL, 1, "{\"id\":\"\\u0061n\\u006E\"}", 0xe8d0375a);
    assert_hash(id, NULL, 1, "{\"\\u0069d\":1}", 0xcc4c71ef);
    assert_hash(two, NULL, 2, "{\"a\":true,\"b\":{\"c\":\"x\"}}", hash_of((const char *const[]){"true", "\"x\""}, 2));
    assert_hash(two, NULL, 2, "{\"b\":{\"c\":\"x\",\"d\":1},\"a\":true}", hash_of((const char *const[]){"true", "\"x\""}, 2));
}

static void test_missing(void **unused)
{
    (void)unused;
    const uint32_t null = hash_of((const char *const[]){"null"}, 1);
    assert_hash(id, NULL, 1, "{}", null);
    assert_hash(id, NULL, 1, "{\"id\":null}", null);
    assert_hash(id, (const char *const[]){NULL}, 1, "{}", null);
    assert_hash(id, (const char *const[]){"1"}, 1, "{}", 0xcc4c71ef);
    assert_hash(id, (const char *const[]){"\"ann\""}, 1, "{\"b\":1}", 0xe8d0375a);
    assert_hash(id, (const char *const[]){"1"}, 1, "{\"id\":0}", 0x880b744c);
    assert_hash(id, (const char *const[]){"1"}, 1, "{\"id\":null}", null); /* is there */
    assert_hash(two, (const char *const[]){NULL, "7"}, 2, "{\"a\":1,\"b\":{}}", hash_of((const char *const[]){"1", "7"}, 2));
    assert_hash(two, (const char *const[]){NULL, "7"}, 2, "{\"a\":1,\"b\":\"c\"}", hash_of((const char *const[]){"1", "7"}, 2));
}

/* Each has a place of its own, in exactly one of the ranges, though no tuple of the protocol holds it. */
static void test_odd(void **unused)
{
    (void)unused;
    static const char *const docs[] = {"{\"id\":123456789012345678901234567890}", "{\"id\":1e400}", "{\"id\":[1,2]}", "{\"id\":{\"a\":1}}", "{\"id\":0.1}", "{\"id\":-1e-400}"};
    for (size_t i = 0; i < sizeof docs / sizeof *docs; i++) {
        size_t found = 0;
        for (uint64_t k = 0; k < 64; k++)
            found += has(id, NULL, 1, (uint32_t)(k << 26), (uint32_t)((k + 1) << 26) - 1, docs[i]);
        if (found != 1)
            fail_msg("%s is in %zu of 64 ranges", docs[i], found);
    }
}

static void test_not_json(void **unused)
{
    (void)unused;
    for (uint64_t k = 0; k < 4; k++)
        assert_true(has(id, NULL, 1, (uint32_t)(k << 30), (uint32_t)((k + 1) << 30) - 1, "{\"id\":"));
}

static void test_whole(void **unused)
{
    (void)unused;
    err e = {0};
    range *r = (range *)&e;
    assert_int_equal(range_make(&r, &(range_options){.end = UINT32_MAX}, &e), WEIR_OK);
    assert_null(r);
    range_free(r);
}

static void test_no_memory(void **unused)
{
    (void)unused;
    bool again = true, in;
    size_t failures = 0;
    for (size_t n = 0; again; n++) {
        range *r;
        err e = {0};
        fault_at(FAULT_ALLOC, n, ENOMEM);
        weir_rc rc = range_make(&r, &(range_options){&(weir_view){"/id", 3}, &(weir_view){"1", 1}, 1, 5, 6}, &e);
        if (!rc)
            rc = range_has(r, VIEW("{\"id\":\"a long key, so that there is no room for it in what is there already\"}"), &in, &e);
        again = fault_clear();
        assert_int_equal(rc, again ? WEIR_E_NOMEM : WEIR_OK);
        failures += rc != WEIR_OK;
        range_free(r);
        err_free(&e);
    }
    assert_true(failures > 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors), cmocka_unit_test(test_one_key), cmocka_unit_test(test_missing), cmocka_unit_test(test_odd),
        cmocka_unit_test(test_not_json), cmocka_unit_test(test_whole), cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
