/* Regular expressions: what ECMA-262 (Unicode mode) says, where PCRE2 says something else. More of it is in the public suite: tests/suites/schema. */
#include "json/helpers.h"

#include "doc/pattern.h"

static void check(const char *regex, const char *text, bool expected)
{
    pattern *p = NULL;
    err e = {0};
    pattern_space *s = pattern_space_new();
    assert_non_null(s);
    if (pattern_make(view_of(regex), &p, &e))
        fail_msg("%s: %s", regex, err_text(&e));
    if (pattern_find(p, s, view_of(text)) != expected)
        fail_msg("/%s/ in '%s'", regex, text);
    pattern_space_free(s);
    pattern_free(p);
    err_free(&e);
}

static void test_meaning(void **state)
{
    (void)state;
    check("b", "abc", true);
    check("^b", "abc", false);
    check("", "", true);
    check("^$", "\n", false);
    check("a$", "a\n", false);
    check("^.$", "\n", false);
    check("^.$", "\xe2\x80\xa8", false); /* a line separator */
    check("^.$", "\xf0\x9f\x98\x80", true);
    check("^[^x]$", "\n", true);
    check("^\\d$", "\xd9\xa3", false); /* an Arabic digit */
    check("^\\w$", "\xc3\xa4", false);
    check("^\\W$", "\xc3\xa4", true);
    check("^[\\W]$", "a", false);
    check("^[\\D_]$", "a", true);
    check("^[\\D_]$", "7", false);
    check("^\\s$", "\xc2\xa0", true);
    check("^\\s$", "\xef\xbb\xbf", true);
    check("^\\S$", "\xc2\xa0", false);
    check("^[\\S]$", "\xe3\x80\x80", false);
    check("^[\\S]$", "\xe3\x80\x81", true);
    check("^\\u00e4\\u{1F600}\\ud83d\\ude00\\x41\\cJ\\v\\0$", "\xc3\xa4\xf0\x9f\x98\x80\xf0\x9f\x98\x80"
                                                              "A\n\v",
          false); /* the NUL is not there */
    check("^\\u00e4\\u{1F600}\\ud83d\\ude00\\x41\\cJ\\v$", "\xc3\xa4\xf0\x9f\x98\x80\xf0\x9f\x98\x80"
                                                           "A\n\v",
          true);
    check("^\\p{Letter}\\p{Lu}\\p{gc=digit}\\P{L}\\p{Script=Greek}\\p{sc=Cyrl}$", "\xc3\xa4Z7-\xce\xb1\xd0\xb6", true);
    check("^[\\p{Letter}]$", "1", false);
    check("^[[a]$", "[", true); /* no set in a set */
    check("^[[:alpha:]]$", "a]", true); /* no POSIX class: one of [:alph, then ] */
    check("^[\\b]$", "\b", true);
    check("[]", "a", false);
    check("^[^]$", "\n", true);
    check("^(?:a|b)+?(?=c)(?!d)c$", "abc", true);
    check("(?<x>a)\\k<x>", "aa", true);
    check("(?<=a)b", "ab", true);
    check("(?<!a)b", "ab", false);
    check("^\\/\\-\\.\\$$", "/-.$", true);
    check("^a{2,3}$", "aaa", true);
    check("^a{,3}$", "a{,3}", true);
    check("^\xc3\xa4\\\xc3\xa4$", "\xc3\xa4\xc3\xa4", true);
}

static void test_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"(", ")", "[", "a**", "a++", "a?+", "a{2}+", "\\a", "\\Z", "\\A", "\\h", "\\Q", "\\e", "(?i)a", "(?>a)", "(?#a)", "(*UTF)a", "(?P<x>a)", "\\p", "\\pL",
                                      "\\p{NoSuch}", "\\x4", "\\u{110000}", "\\c1", "\\07", "\\", "[b-a]", "\\k", "[\\B]"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (pattern_valid(view_of(bad[i])))
            fail_msg("/%s/ is taken", bad[i]);
    assert_true(pattern_valid(VIEW("^a[b]+\\.c$")));
}

/* What would take forever ends. */
static void test_limits(void **state)
{
    (void)state;
    pattern *p = NULL;
    err e = {0};
    pattern_space *s = pattern_space_new();
    assert_int_equal(pattern_make(VIEW("^(([a-z])+.)+[A-Z]([a-z])+$"), &p, &e), WEIR_OK);
    assert_int_equal(pattern_find(p, s, VIEW("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")), PATTERN_TOO_LONG);
    assert_int_equal(pattern_find(p, s, VIEW("aaBc")), PATTERN_FOUND);
    assert_int_equal(pattern_find(p, s, VIEW("aabc")), PATTERN_ABSENT);
    assert_true(view_is(pattern_text(p), "^(([a-z])+.)+[A-Z]([a-z])+$"));
    pattern_space_free(s);
    pattern_free(p);
    err_free(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_meaning),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
