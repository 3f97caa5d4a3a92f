/* Batch files: the layers taken off again by OpenSSL's and zstd's own programs, and the CSV that the protocol page describes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "folder.h"
#include "base/io.h"
#include "proto/fivetran/batch_write.h"

static const ft_batch_options options = {true, true, "null-m8yilkvPsNulehxl2G6pmSQ3G3WWdLP", "unmod-NcK9NIjPUutCsz4mjOQQztbnwnE1sY3", false};
static const ft_table table = {.name = WEIR_LIT("t"), .columns = (ft_column[]){{.name = WEIR_LIT("id")}, {.name = WEIR_LIT("a b")}, {.name = WEIR_LIT("c\"d")}}, .count = 3};

#define VALUE(s) {FT_CELL_VALUE, WEIR_LIT(s)}

static void ok(weir_rc rc, err *e)
{
    if (rc)
        fail_msg("%s", err_text(e));
}

static void output_of(const char *command, buf *out)
{
    FILE *p = popen(command, "r");
    char piece[4096];
    assert_non_null(p);
    for (size_t n; (n = fread(piece, 1, sizeof piece, p)) > 0;)
        buf_add(out, piece, n);
    assert_int_equal(pclose(p), 0);
}

/* By programs that know nothing of us: the first 16 bytes are the initial vector. */
static void decode(const char *path, const unsigned char *key, buf *out)
{
    char command[1024], hex[2 * FT_KEY_BYTES + 1];
    for (size_t i = 0; i < FT_KEY_BYTES; i++)
        sprintf(hex + 2 * i, "%02x", key[i]);
    snprintf(command, sizeof command, "tail -c +17 '%s' | openssl enc -d -aes-256-cbc -K %s -iv $(head -c 16 '%s' | od -An -v -tx1 | tr -d ' \\n') | zstd -dc", path,
             hex, path);
    output_of(command, out);
}

static void test_layers(void **unused)
{
    (void)unused;
    char *folder = folder_make(), *path = NULL;
    err e = {0};
    buf text = {0};
    ft_batch_file *f;
    unsigned char key[FT_KEY_BYTES], other[FT_KEY_BYTES];
    struct stat st;
    assert_true(asprintf(&path, "%s/t_upsert.csv", folder) > 0);
    ok(ft_batch_open(&f, path, &table, &options, &e), &e);
    ok(ft_batch_row(f, (const ft_cell[]){VALUE("1"), {.kind = FT_CELL_NULL}, {.kind = FT_CELL_UNMODIFIED}}, &e), &e);
    ok(ft_batch_row(f, (const ft_cell[]){VALUE("-2"), VALUE("say \"hi\",\nnow"), VALUE("")}, &e), &e);
    ok(ft_batch_row(f, (const ft_cell[]){VALUE("2007-12-03T10:15:30.5Z"), VALUE("abcdefghijklmnopqrstuvwxyz"), VALUE("a,b")}, &e), &e);
    assert_int_equal(ft_batch_open(&f, path, &table, &options, &e), WEIR_E_CONFIG); /* never over a file that is there */
    err_clear(&e);
    ok(ft_batch_close(f, key, &e), &e);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(st.st_size % 16, 0);
    decode(path, key, &text);
    assert_string_equal(buf_text(&text),
                        "id,\"a b\",\"c\"\"d\"\n"
                        "1,null-m8yilkvPsNulehxl2G6pmSQ3G3WWdLP,\"unmod-NcK9NIjPUutCsz4mjOQQztbnwnE1sY3\"\n"
                        "-2,\"say \"\"hi\"\",\nnow\",\n"
                        "2007-12-03T10:15:30.5Z,\"abcdefghijklmnopqrstuvwxyz\",\"a,b\"\n");
    assert_int_equal(unlink(path), 0);
    ok(ft_batch_open(&f, path, &table, &options, &e), &e);
    ok(ft_batch_close(f, other, &e), &e);
    assert_memory_not_equal(key, other, sizeof key);
    assert_int_equal(unlink(path), 0);
    ok(ft_batch_open(&f, path, &table, &options, &e), &e);
    ft_batch_abort(f);
    assert_int_not_equal(stat(path, &st), 0);
    buf_free(&text);
    err_free(&e);
    free(path);
    folder_remove(folder);
}

static void test_much(void **unused)
{
    (void)unused;
    enum { ROWS = 100000 };
    char *folder = folder_make(), *path = NULL, number[24];
    err e = {0};
    buf text = {0}, want = {0};
    ft_batch_file *f;
    unsigned char key[FT_KEY_BYTES];
    assert_true(asprintf(&path, "%s/t.csv", folder) > 0);
    ok(ft_batch_open(&f, path, &table, &options, &e), &e);
    buf_adds(&want, "id,\"a b\",\"c\"\"d\"\n");
    for (unsigned i = 0; i < ROWS; i++) {
        snprintf(number, sizeof number, "%u", i * 2654435761u);
        ok(ft_batch_row(f, (const ft_cell[]){{FT_CELL_VALUE, view_of(number)}, VALUE("x"), VALUE("y")}, &e), &e);
        buf_printf(&want, "%s,x,y\n", number);
    }
    ok(ft_batch_close(f, key, &e), &e);
    decode(path, key, &text);
    assert_true(view_eq(buf_view(&text), buf_view(&want)));
    buf_free(&text);
    buf_free(&want);
    free(path);
    folder_remove(folder);
}

static void test_in_the_clear(void **unused)
{
    (void)unused;
    char *folder = folder_make(), *path = NULL;
    err e = {0};
    buf text = {0};
    ft_batch_file *f;
    unsigned char key[FT_KEY_BYTES];
    const ft_batch_options clear = {false, false, "NULL", "SAME", false};
    assert_true(asprintf(&path, "%s/t.csv", folder) > 0);
    ok(ft_batch_open(&f, path, &table, &clear, &e), &e);
    ok(ft_batch_row(f, (const ft_cell[]){VALUE("1"), {.kind = FT_CELL_NULL}, {.kind = FT_CELL_UNMODIFIED}}, &e), &e);
    ok(ft_batch_close(f, key, &e), &e);
    ok(io_read_file(path, 0, &text, &e), &e);
    assert_string_equal(buf_text(&text), "id,\"a b\",\"c\"\"d\"\n1,NULL,SAME\n");
    buf_free(&text);
    free(path);
    folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_layers), cmocka_unit_test(test_much), cmocka_unit_test(test_in_the_clear)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
