/* keyhash: against github.com/minio/highwayhash 1.0.4, under the key of flow.md 1.9. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "model/keyhash.h"
#include "model/tuple.h"

/* Sum64 of the first n bytes of 11, 48, 85 ... (37 more each, modulo 256). */
static void test_every_length(void **unused)
{
    (void)unused;
    static const uint64_t sums[] = {
        0xdeff486a61098734, 0x4965d5fc924407ec, 0x26f994d417787dff, 0xdfe1a33eceaaf539, 0x4610e194294e01ff, 0x676b0fd4fe379741,
        0x0b4b02e7a58f16fb, 0x87c639054619c080, 0x816a6a11013b529f, 0xd8c4accb80ad7744, 0xb58a99a5ac35bd48, 0xcac50a1e989a6525,
        0x1235f05ea3af7ee2, 0x677947b78b4274c5, 0x2c6d373870e352f1, 0x4963e31a00cbde18, 0xad5060667fb77a01, 0x9537a107ddb0949c,
        0x1d9a3bfa4a55914f, 0x049ebb7294b57bfc, 0x6f95b0ccab902e8b, 0x41a1a95c109411d4, 0xd330073624596fa0, 0xde4b7f5a736e29fe,
        0x061dfa23b59bc04b, 0x4a09d0fbb886f7f5, 0x0bf15260d29bf680, 0x36e589aa2bfef4d8, 0xb547c323b6fad237, 0x12d688a1149acd07,
        0x31a87626b84f0a8f, 0x296362aee2bb1e43, 0x7f82e10dc60dfad6, 0x3c3c86ea38522b07, 0x38e05da0f80f22eb, 0xf8f2374061f95131,
        0xb6e06d8c27684718, 0x496c37cf5c9c7245, 0x0f6d93925d6c876d, 0x7f0ee6c3ca06f8ab, 0xba6c16b26cff1f48, 0xb29407596ba8eeb2,
        0x5be9f7ef19cad8cf, 0xd9a0dda6f44d0ffa, 0x7034d31d8d885539, 0x91c7f274a2ee72dc, 0x5201bcf3e875cc3d, 0xf370f907fd2472e7,
        0xee6a20c246859780, 0x2cbc399824083722, 0x5adc08592f317228, 0x303e07a9bd2e2261, 0xb8fd2d89135c5def, 0xbb016028243ec246,
        0x249341ff6cbc12bd, 0x35172b31321fb424, 0xdad0b876bc337bac, 0xa4f00db85bf6cd78, 0x1f282ab779b657c7, 0xd0514bafa32eac9b,
        0xeabffb89003956d9, 0xc9ecbfc942f06fb1, 0xd98d73c0e51e3bf7, 0x6c8d3bde5d394abd, 0xc0625636bb770a52, 0x9a71246a60910e0d,
        0x75e4e423980a3346, 0xfaff30db65596f77, 0xffa555c7fb741539, 0x6991edca0940fee5, 0x70e6a467d4584b14, 0x98ce122599dd7cb2,
        0xcbd73b1164d1a1d9, 0x0a1f5b8fd93846f6, 0x7b2ed11f2da45523, 0xff2ed843e42e5ef6, 0xcef0498eb7f5043e, 0x98f2760fbc803533,
        0xa8a6710d47caea6f, 0x33cb7e9f8f8a2f34, 0x46a9c62651014dcb, 0xf2446b5e0533b153, 0xa615f785d409a910, 0x0217222ba2cdfa8b,
        0x336998695271702c, 0xd586671ba4d760b0, 0x59112352bb43f1b0, 0x6248395a32409d59, 0x13a7dd03b016d4d3, 0x6badce42370cbb73,
        0xd8d664f2fb648ead, 0xd0c92261b4ea8272, 0x6ba2bf2d7b3793c8, 0xffdbe503f16fa8f1, 0x226891443de2cafd, 0x0f28093debfa35ff,
        0x2ad0da89be10c778, 0xe60d66e0b3e7bdaf, 0x91976566c30dfced, 0x16ccadf8dd019be2, 0x21ca2410e1f4505f,
    };
    for (size_t n = 0; n < sizeof sums / sizeof *sums; n++) {
        char *bytes = malloc(n ? n : 1); /* of its exact size, so that a sanitizer sees what reads past it */
        for (size_t i = 0; i < n; i++)
            bytes[i] = (char)(i * 37 + 11);
        if (key_hash64((weir_view){bytes, n}) != sums[n])
            fail_msg("%zu bytes: %016llx, expected %016llx", n, (unsigned long long)key_hash64((weir_view){bytes, n}), (unsigned long long)sums[n]);
        free(bytes);
    }
}

static void test_keys(void **unused)
{
    (void)unused;
    static const struct {
        const char *values[3];
        uint32_t hash; /* the high half of Sum64 */
    } cases[] = {{{NULL}, 0xdeff486a}, {{"\"ann\""}, 0xe8d0375a}, {{"1"}, 0xcc4c71ef}, {{"0"}, 0x880b744c}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        buf packed = {0};
        for (size_t k = 0; k < 3 && cases[i].values[k]; k++)
            assert_true(tuple_pack(&packed, view_of(cases[i].values[k])));
        assert_int_equal(key_hash(buf_view(&packed)), cases[i].hash);
        buf_free(&packed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_length), cmocka_unit_test(test_keys)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
