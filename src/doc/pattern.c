#include "doc/pattern.h"

#include <stdlib.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "json/utf8.h"

enum { MOST_STEPS = 2000000, MOST_KIB = 20000, LONGEST = 1 << 20 };

struct pattern {
    pcre2_code *code;
    size_t len;
    char text[];
};

struct pattern_space {
    pcre2_match_data *match;
    pcre2_match_context *context;
};

/* --------------------------------------------------------------------------------------------------------- translating -- */

/* ECMA-262's white space and line terminators, and all others. */
#define SPACE "\\t-\\r \\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}\\x{feff}"
#define NO_SPACE                                                                                                                                               \
    "\\x{00}-\\x{08}\\x{0e}-\\x{1f}!-\\x{9f}\\x{a1}-\\x{167f}\\x{1681}-\\x{1fff}\\x{200b}-\\x{2027}\\x{202a}-\\x{202e}\\x{2030}-\\x{205e}\\x{2060}-"           \
    "\\x{2fff}\\x{3001}-\\x{d7ff}\\x{e000}-\\x{fefe}\\x{ff00}-\\x{10ffff}"

typedef struct translation {
    const char *at, *end, *begin;
    buf out;
    bool in_class;
    const char *wrong; /* NULL: nothing */
} translation;

static bool wrong(translation *t, const char *what)
{
    t->wrong = t->wrong ? t->wrong : what;
    return false;
}

/* Names of general categories: Unicode, PropertyValueAliases. PCRE2 knows the short ones. */
static const struct {
    const char *name, *letters;
} categories[] = {
    {"Letter", "L"}, {"Cased_Letter", "L&"}, {"Uppercase_Letter", "Lu"}, {"Lowercase_Letter", "Ll"}, {"Titlecase_Letter", "Lt"},
    {"Modifier_Letter", "Lm"}, {"Other_Letter", "Lo"}, {"Mark", "M"}, {"Combining_Mark", "M"}, {"Nonspacing_Mark", "Mn"},
    {"Spacing_Mark", "Mc"}, {"Enclosing_Mark", "Me"}, {"Number", "N"}, {"Decimal_Number", "Nd"}, {"digit", "Nd"},
    {"Letter_Number", "Nl"}, {"Other_Number", "No"}, {"Punctuation", "P"}, {"punct", "P"}, {"Connector_Punctuation", "Pc"},
    {"Dash_Punctuation", "Pd"}, {"Open_Punctuation", "Ps"}, {"Close_Punctuation", "Pe"}, {"Initial_Punctuation", "Pi"},
    {"Final_Punctuation", "Pf"}, {"Other_Punctuation", "Po"}, {"Symbol", "S"}, {"Math_Symbol", "Sm"}, {"Currency_Symbol", "Sc"},
    {"Modifier_Symbol", "Sk"}, {"Other_Symbol", "So"}, {"Separator", "Z"}, {"Space_Separator", "Zs"}, {"Line_Separator", "Zl"},
    {"Paragraph_Separator", "Zp"}, {"Other", "C"}, {"Control", "Cc"}, {"cntrl", "Cc"}, {"Format", "Cf"}, {"Surrogate", "Cs"},
    {"Private_Use", "Co"}, {"Unassigned", "Cn"}, {"LC", "L&"},
};

static weir_view category(weir_view name)
{
    for (size_t i = 0; i < sizeof categories / sizeof *categories; i++)
        if (view_is(name, categories[i].name))
            return view_of(categories[i].letters);
    return name;
}

/* Behind `\p`: {Letter}, {gc=Lu}, {Script=Greek}. */
static bool property(translation *t, char p)
{
    const char *close = t->at < t->end && *t->at == '{' ? memchr(t->at, '}', (size_t)(t->end - t->at)) : NULL;
    if (!close)
        return wrong(t, "\\p needs a property in braces");
    weir_view name = {t->at + 1, (size_t)(close - t->at - 1)};
    static const char *const before[] = {"General_Category=", "gc=", "Script=", "sc=", "Script_Extensions=", "scx="};
    weir_view kind = {NULL, 0};
    for (size_t i = 0; i < sizeof before / sizeof *before; i++)
        if (view_starts(name, view_of(before[i]))) {
            name = view_from(name, strlen(before[i]));
            kind = i < 2 ? (weir_view){NULL, 0} : i < 4 ? VIEW("sc:") : VIEW("scx:");
            break;
        }
    if (!kind.len)
        name = category(name);
    if (!name.len || memchr(name.ptr, '^', name.len))
        return wrong(t, "no such property");
    buf_printf(&t->out, "\\%c{", p);
    buf_addv(&t->out, kind);
    buf_addv(&t->out, name);
    buf_addc(&t->out, '}');
    t->at = close + 1;
    return true;
}

static int hex(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10 : -1;
}

/* `digits` of them, or -1. */
static long hex_number(const char *at, const char *end, int digits)
{
    long v = 0;
    if (end - at < digits)
        return -1;
    for (int i = 0; i < digits; i++) {
        int h = hex(at[i]);
        if (h < 0)
            return -1;
        v = v << 4 | h;
    }
    return v;
}

/* Behind `\u`: four digits, two such that make a pair, or any number in braces. */
static long code_point(translation *t)
{
    if (t->at < t->end && *t->at == '{') {
        long v = 0;
        const char *p = t->at + 1;
        for (; p < t->end && hex(*p) >= 0 && v <= 0x10ffff; p++)
            v = v << 4 | hex(*p);
        if (p == t->end || *p != '}' || p == t->at + 1 || v > 0x10ffff)
            return -1;
        t->at = p + 1;
        return v;
    }
    long v = hex_number(t->at, t->end, 4);
    if (v < 0)
        return -1;
    t->at += 4;
    if (v >= 0xd800 && v < 0xdc00 && t->end - t->at >= 6 && t->at[0] == '\\' && t->at[1] == 'u') {
        long low = hex_number(t->at + 2, t->end, 4);
        if (low >= 0xdc00 && low < 0xe000) {
            t->at += 6;
            return 0x10000 + ((v & 0x3ff) << 10 | (low & 0x3ff));
        }
    }
    return v;
}

static bool put_code_point(translation *t, long c)
{
    if (c < 0)
        return wrong(t, "bad number of a character");
    if (c >= 0xd800 && c < 0xe000)
        c = 0xfffd; /* as texts have it */
    buf_printf(&t->out, "\\x{%lx}", c);
    return true;
}

static bool class_of(translation *t, char c)
{
    static const struct {
        char letter;
        const char *alone, *in_class;
    } classes[] = {
        {'d', "[0-9]", "0-9"}, {'D', "[^0-9]", "\\x{00}-/:-\\x{10ffff}"}, {'w', "[A-Za-z0-9_]", "A-Za-z0-9_"},
        {'W', "[^A-Za-z0-9_]", "\\x{00}-/:-@\\[-\\^`{-\\x{10ffff}"}, {'s', "[" SPACE "]", SPACE}, {'S', "[^" SPACE "]", NO_SPACE},
    };
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
        if (classes[i].letter == c) {
            buf_adds(&t->out, t->in_class ? classes[i].in_class : classes[i].alone);
            return true;
        }
    return false;
}

/* Behind a backslash. */
static bool escape(translation *t)
{
    if (t->at == t->end)
        return wrong(t, "a backslash at the end");
    char c = *t->at++;
    if (class_of(t, c))
        return true;
    switch (c) {
    case 'p': case 'P':
        return property(t, c);
    case 'u':
        return put_code_point(t, code_point(t));
    case 'x':
        t->at += 2;
        return put_code_point(t, t->at <= t->end ? hex_number(t->at - 2, t->end, 2) : -1);
    case 'c':
        if (t->at == t->end || (*t->at | 0x20) < 'a' || (*t->at | 0x20) > 'z')
            return wrong(t, "\\c needs a letter");
        return put_code_point(t, *t->at++ & 0x1f);
    case 'v':
        return put_code_point(t, 0x0b);
    case '0':
        if (t->at < t->end && *t->at >= '0' && *t->at <= '9')
            return wrong(t, "octal numbers are no escapes");
        return put_code_point(t, 0);
    case 't': case 'n': case 'r': case 'f':
        break;
    case 'b':
        if (t->in_class)
            return put_code_point(t, 8);
        break;
    case 'k':
        if (t->in_class || t->at == t->end || *t->at != '<')
            return wrong(t, "\\k needs the name of a group");
        break;
    case 'B':
        if (t->in_class)
            return wrong(t, "\\B is not possible in a class");
        break;
    default:
        if (c >= '1' && c <= '9' && t->in_class)
            return wrong(t, "there are no groups in a class");
        if ((c | 0x20) >= 'a' && (c | 0x20) <= 'z')
            return wrong(t, "no such escape");
        if ((signed char)c < 0) { /* a character that needs none */
            buf_addc(&t->out, c);
            return true;
        }
    }
    buf_addc(&t->out, '\\');
    buf_addc(&t->out, c);
    return true;
}

/* Behind "(?": only what ECMA-262 has. */
static bool group(translation *t)
{
    static const char *const kinds[] = {":", "=", "!", "<=", "<!"};
    weir_view rest = {t->at, (size_t)(t->end - t->at)};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (view_starts(rest, view_of(kinds[i]))) {
            buf_adds(&t->out, kinds[i]);
            t->at += strlen(kinds[i]);
            return true;
        }
    if (rest.len > 1 && rest.ptr[0] == '<' && rest.ptr[1] != '>') {
        buf_addc(&t->out, '<');
        t->at++;
        return true;
    }
    return wrong(t, "no such group");
}

/* `{2}`, `{2,}`, `{2,3}`: its length, or 0. */
static size_t braces(const translation *t)
{
    const char *p = t->at, *digits = p;
    while (p < t->end && *p >= '0' && *p <= '9')
        p++;
    if (p == digits)
        return 0;
    if (p < t->end && *p == ',')
        for (p++; p < t->end && *p >= '0' && *p <= '9';)
            p++;
    return p < t->end && *p == '}' ? (size_t)(p + 1 - t->at) : 0;
}

/* A plus behind a quantifier would make it possessive, which ECMA-262 has not. */
static bool quantifier(translation *t, char c)
{
    buf_addc(&t->out, c);
    if (c == '{') {
        size_t len = braces(t);
        buf_add(&t->out, t->at, len);
        t->at += len;
        if (!len)
            return true; /* just a brace */
    }
    if (t->at < t->end && *t->at == '?')
        buf_addc(&t->out, *t->at++);
    if (t->at < t->end && (*t->at == '+' || *t->at == '*' || *t->at == '?'))
        return wrong(t, "nothing to repeat");
    return true;
}

static bool in_class(translation *t, char c)
{
    if (c == ']') {
        t->in_class = false;
        buf_addc(&t->out, c);
    } else if (c == '[') {
        buf_adds(&t->out, "\\[");
    } else {
        buf_addc(&t->out, c);
    }
    return true;
}

static bool outside(translation *t, char c)
{
    switch (c) {
    case '.':
        buf_adds(&t->out, "[^\\n\\r\\x{2028}\\x{2029}]");
        return true;
    case '[':
        t->in_class = true;
        buf_addc(&t->out, c);
        if (t->at < t->end && *t->at == '^') {
            buf_addc(&t->out, '^');
            t->at++;
        }
        return true;
    case '(':
        if (t->at < t->end && *t->at == '*')
            return wrong(t, "nothing to repeat");
        buf_addc(&t->out, c);
        if (t->at == t->end || *t->at != '?')
            return true;
        buf_addc(&t->out, '?');
        t->at++;
        return group(t);
    case '+': case '*': case '?': case '{':
        return quantifier(t, c);
    default:
        buf_addc(&t->out, c);
        return true;
    }
}

static bool translate(translation *t)
{
    while (t->at < t->end && !t->wrong) {
        char c = *t->at++;
        if (c == '\\')
            escape(t);
        else if (t->in_class)
            in_class(t, c);
        else
            outside(t, c);
    }
    if (t->in_class)
        wrong(t, "a class does not end");
    return !t->wrong && buf_ok(&t->out);
}

/* ----------------------------------------------------------------------------------------------------------- compiling -- */

static weir_rc compile(weir_view regex, const char *text, size_t len, pcre2_code **ret, err *e)
{
    enum { MESSAGE = 256 };
    int code;
    size_t at;
    const uint32_t options = PCRE2_UTF | PCRE2_NO_UTF_CHECK | PCRE2_DOLLAR_ENDONLY | PCRE2_ALLOW_EMPTY_CLASS | PCRE2_MATCH_UNSET_BACKREF;
    *ret = pcre2_compile((const unsigned char *)text, len, options, &code, &at, NULL);
    if (*ret) {
        pcre2_jit_compile(*ret, PCRE2_JIT_COMPLETE); /* without it, it is slower */
        return WEIR_OK;
    }
    unsigned char message[MESSAGE] = "?";
    pcre2_get_error_message(code, message, sizeof message);
    return code == PCRE2_ERROR_HEAP_FAILED ? err_nomem(e)
                                           : err_fail(e, WEIR_E_CONFIG, "regular expression '%.*s': %s", VIEW_ARG(regex), (const char *)message);
}

static pattern *new_pattern(weir_view regex)
{
    pattern *p = calloc(1, sizeof *p + regex.len);
    if (!p)
        return NULL;
    p->len = regex.len;
    if (regex.len)
        memcpy(p->text, regex.ptr, regex.len);
    return p;
}

weir_rc pattern_make(weir_view regex, pattern **ret, err *e)
{
    translation t = {.at = regex.ptr, .begin = regex.ptr, .end = regex.len ? regex.ptr + regex.len : regex.ptr};
    weir_rc rc;
    pattern *p = NULL;
    if (regex.len > LONGEST)
        return err_fail(e, WEIR_E_CONFIG, "a regular expression of %zu bytes is too long", regex.len);
    if (!translate(&t))
        rc = !t.wrong ? err_nomem(e)
                      : err_fail(e, WEIR_E_CONFIG, "regular expression '%.*s': %s, at byte %zu", VIEW_ARG(regex), t.wrong, (size_t)(t.at - t.begin));
    else if (!(p = new_pattern(regex)))
        rc = err_nomem(e);
    else
        rc = compile(regex, buf_text(&t.out), t.out.len, &p->code, e);
    buf_free(&t.out);
    if (rc)
        free(p);
    else
        *ret = p;
    return rc;
}

void pattern_free(pattern *p)
{
    if (!p)
        return;
    pcre2_code_free(p->code);
    free(p);
}

weir_view pattern_text(const pattern *p) { return (weir_view){p->text, p->len}; }

bool pattern_valid(weir_view regex)
{
    err e = {0};
    pattern *p = NULL;
    bool good = pattern_make(regex, &p, &e) == WEIR_OK;
    pattern_free(p);
    err_free(&e);
    return good;
}

/* ------------------------------------------------------------------------------------------------------------ matching -- */

pattern_space *pattern_space_new(void)
{
    pattern_space *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->match = pcre2_match_data_create(1, NULL);
    s->context = pcre2_match_context_create(NULL);
    if (!s->match || !s->context) {
        pattern_space_free(s);
        return NULL;
    }
    pcre2_set_match_limit(s->context, MOST_STEPS);
    pcre2_set_heap_limit(s->context, MOST_KIB);
    return s;
}

void pattern_space_free(pattern_space *s)
{
    if (!s)
        return;
    pcre2_match_data_free(s->match);
    pcre2_match_context_free(s->context);
    free(s);
}

pattern_found pattern_find(const pattern *p, pattern_space *s, weir_view text)
{
    const unsigned char *at = (const unsigned char *)(text.ptr ? text.ptr : "");
    int rc = pcre2_match(p->code, at, text.len, 0, PCRE2_NO_UTF_CHECK, s->match, s->context);
    if (rc == PCRE2_ERROR_JIT_STACKLIMIT)
        rc = pcre2_match(p->code, at, text.len, 0, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, s->match, s->context);
    return rc >= 0                        ? PATTERN_FOUND
           : rc == PCRE2_ERROR_NOMATCH    ? PATTERN_ABSENT
           : rc == PCRE2_ERROR_NOMEMORY   ? PATTERN_NOMEM
                                          : PATTERN_TOO_LONG;
}
