/* err: chains, codes, and what is left of them without memory. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/err.h"
#include "fault.h"

static void a_chain_reads_from_outside_in(void **state)
{
    (void)state;
    err e = {0};
    assert_string_equal(err_text(&e), "");
    assert_int_equal(err_fail(&e, WEIR_E_REMOTE, "status %d", 429), WEIR_E_REMOTE);
    assert_int_equal(err_wrap(&e, WEIR_E_REMOTE, "GET %s", "/v1/orders"), WEIR_E_REMOTE);
    assert_int_equal(err_wrap(&e, WEIR_E_REMOTE, "page %d", 3), WEIR_E_REMOTE);
    assert_int_equal(e.rc, WEIR_E_REMOTE);
    assert_string_equal(err_text(&e), "page 3: GET /v1/orders: status 429");
    assert_string_equal(err_text(&e), "page 3: GET /v1/orders: status 429");
    err_free(&e);
}

static void success_passes_through(void **state)
{
    (void)state;
    err e = {0};
    assert_int_equal(err_wrap(&e, WEIR_OK, "nothing"), WEIR_OK);
    assert_int_equal(e.rc, WEIR_OK);
    assert_null(e.text.ptr);
    assert_string_equal(err_text(&e), "");
    err_free(&e);
}

static void a_new_failure_replaces_the_chain(void **state)
{
    (void)state;
    err e = {0};
    err_fail(&e, WEIR_E_CONFIG, "first");
    err_fail(&e, WEIR_E_BUG, "second");
    assert_int_equal(e.rc, WEIR_E_BUG);
    assert_string_equal(err_text(&e), "second");
    err_clear(&e);
    assert_string_equal(err_text(&e), "");
    assert_int_equal(e.rc, WEIR_OK);
    err_free(&e);
}

static void a_failure_may_quote_the_chain_it_replaces(void **state)
{
    (void)state;
    err e = {0};
    err_fail(&e, WEIR_E_REMOTE, "inner");
    err_fail(&e, WEIR_E_CONFIG, "outer (%s)", err_text(&e));
    assert_string_equal(err_text(&e), "outer (inner)");
    err_wrap(&e, WEIR_E_CONFIG, "twice: %s", err_text(&e));
    assert_string_equal(err_text(&e), "twice: outer (inner): outer (inner)");
    fault_from(FAULT_ALLOC, 0, ENOMEM);
    err_fail(&e, WEIR_E_CONFIG, "short");
    err_fail(&e, WEIR_E_CONFIG, "not %s", err_text(&e));
    assert_true(fault_clear());
    assert_string_equal(err_text(&e), "not short");
    err_free(&e);
}

static void wrapping_may_change_the_code(void **state)
{
    (void)state;
    err e = {0};
    err_fail(&e, WEIR_E_CONFIG, "no such table");
    assert_int_equal(err_wrap(&e, WEIR_E_BUG, "creating it"), WEIR_E_BUG);
    assert_int_equal(e.rc, WEIR_E_BUG);
    err_free(&e);
}

static void wrapping_nothing_begins_a_chain(void **state)
{
    (void)state;
    err e = {0};
    err_wrap(&e, WEIR_E_REMOTE, "alone");
    assert_string_equal(err_text(&e), "alone");
    err_free(&e);
}

static void long_messages_are_whole(void **state)
{
    (void)state;
    err e = {0};
    char *text = malloc(100001);
    assert_non_null(text);
    memset(text, 'x', 100000);
    text[100000] = '\0';
    err_fail(&e, WEIR_E_REMOTE, "%s", text);
    err_wrap(&e, WEIR_E_REMOTE, "%s", text);
    assert_int_equal(strlen(err_text(&e)), 200002);
    free(text);
    err_free(&e);
}

static void a_move_takes_everything(void **state)
{
    (void)state;
    err from = {0}, to = {0};
    err_fail(&to, WEIR_E_BUG, "old");
    err_fail(&from, WEIR_E_REMOTE, "new");
    assert_int_equal(err_move(&to, &from), WEIR_E_REMOTE);
    assert_string_equal(err_text(&to), "new");
    assert_string_equal(err_text(&from), "");
    assert_int_equal(from.rc, WEIR_OK);
    assert_int_equal(err_move(&to, &to), WEIR_E_REMOTE);
    assert_string_equal(err_text(&to), "new");
    err_free(&from);
    err_free(&to);
}

static void errno_becomes_a_code(void **state)
{
    (void)state;
    static const struct {
        int errnum;
        weir_rc rc;
    } cases[] = {
        {ENOENT, WEIR_E_CONFIG}, {EACCES, WEIR_E_CONFIG}, {ENOSPC, WEIR_E_NOMEM}, {EDQUOT, WEIR_E_NOMEM}, {EMFILE, WEIR_E_NOMEM},
        {ETIMEDOUT, WEIR_E_TRANSIENT}, {ECONNREFUSED, WEIR_E_TRANSIENT}, {EPIPE, WEIR_E_PROTOCOL}, {EBADF, WEIR_E_BUG},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        err e = {0};
        assert_int_equal(err_errno(&e, cases[i].errnum, "opening '%s'", "f"), cases[i].rc);
        assert_int_equal(e.rc, cases[i].rc);
        err_free(&e);
    }
    err e = {0};
    err_errno(&e, ENOENT, "opening '%s'", "f");
    assert_string_equal(err_text(&e), "opening 'f': No such file or directory");
    err_free(&e);
}

static void codes_have_names(void **state)
{
    (void)state;
    for (int rc = WEIR_OK; rc <= WEIR_E_BUG; rc++) {
        assert_non_null(rc_name((weir_rc)rc));
        assert_non_null(rc_who((weir_rc)rc));
    }
    assert_string_equal(rc_name(WEIR_E_CONFIG), "config");
    assert_string_equal(rc_name(WEIR_E_TRANSIENT), "transient");
    assert_string_equal(rc_name((weir_rc)99), "unknown");
    assert_string_equal(rc_who((weir_rc)-1), "unknown");
}

static void the_innermost_reason_survives_without_memory(void **state)
{
    (void)state;
    err e = {0};
    fault_from(FAULT_ALLOC, 0, ENOMEM);
    assert_int_equal(err_nomem(&e), WEIR_E_NOMEM);
    assert_int_equal(err_wrap(&e, WEIR_E_NOMEM, "loading"), WEIR_E_NOMEM);
    assert_string_equal(err_text(&e), "out of memory");
    assert_string_equal(err_text(&e), "out of memory");
    assert_true(fault_clear());
    assert_int_equal(e.rc, WEIR_E_NOMEM);
    err_free(&e);
}

static void the_chain_survives_a_wrap_without_memory(void **state)
{
    (void)state;
    err e = {0};
    err_fail(&e, WEIR_E_REMOTE, "status 429");
    fault_from(FAULT_ALLOC, 0, ENOMEM);
    err_wrap(&e, WEIR_E_REMOTE, "GET /");
    assert_true(fault_clear());
    assert_string_equal(err_text(&e), "status 429");
    err_wrap(&e, WEIR_E_REMOTE, "page 1"); /* there is memory again */
    assert_string_equal(err_text(&e), "page 1: status 429");
    err_free(&e);
}

static void long_reasons_are_cut_to_the_reserve(void **state)
{
    (void)state;
    err e = {0};
    fault_from(FAULT_ALLOC, 0, ENOMEM);
    err_fail(&e, WEIR_E_REMOTE, "%0500d", 7);
    assert_true(fault_clear());
    assert_int_equal(strlen(err_text(&e)), sizeof e.reserve - 1);
    err_free(&e);
    assert_string_equal(err_text(&e), "");
}

/* Each allocation fails in turn: the code is always right, the text always says something true. */
static void every_allocation_may_fail(void **state)
{
    (void)state;
    for (size_t n = 0, again = 1; again; n++) {
        err e = {0};
        fault_at(FAULT_ALLOC, n, ENOMEM);
        err_errno(&e, ENOENT, "opening 'f'");
        err_wrap(&e, WEIR_E_CONFIG, "reading the catalog");
        err moved = {0};
        err_move(&moved, &e);
        assert_int_equal(moved.rc, WEIR_E_CONFIG);
        const char *text = err_text(&moved);
        assert_non_null(strstr(text, "No such file"));
        again = fault_clear();
        assert_true(again || strcmp(text, "reading the catalog: opening 'f': No such file or directory") == 0);
        err_free(&moved);
        err_free(&e);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_chain_reads_from_outside_in),
        cmocka_unit_test(success_passes_through),
        cmocka_unit_test(a_new_failure_replaces_the_chain),
        cmocka_unit_test(a_failure_may_quote_the_chain_it_replaces),
        cmocka_unit_test(wrapping_may_change_the_code),
        cmocka_unit_test(wrapping_nothing_begins_a_chain),
        cmocka_unit_test(long_messages_are_whole),
        cmocka_unit_test(a_move_takes_everything),
        cmocka_unit_test(errno_becomes_a_code),
        cmocka_unit_test(codes_have_names),
        cmocka_unit_test(the_innermost_reason_survives_without_memory),
        cmocka_unit_test(the_chain_survives_a_wrap_without_memory),
        cmocka_unit_test(long_reasons_are_cut_to_the_reserve),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
