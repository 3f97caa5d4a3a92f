/* Each allocation fails in turn: either the work still succeeds, or it says that memory ran out, and nothing leaks (the sanitizer
 * looks). */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "fault.h"
#include "model/fields.h"
#include "model/spec.h"
#include "model/state.h"
#include "model/tuple.h"

typedef struct item {
    const char *name;
    weir_list tags;
} item;

typedef struct settings {
    const char *key;
    weir_list items;
    weir_view extra;
    struct {
        const char *kind, *token;
    } login;
} settings;

static const char *const kinds[] = {"x", "y", NULL};
static const weir_field tag = {.type = WEIR_TEXT, .choices = kinds};
static const weir_field item_fields[] = {
    {.name = "name", .type = WEIR_TEXT, .offset = offsetof(item, name)},
    {.name = "tags",
     .type = WEIR_LIST,
     .offset = offsetof(item, tags),
     .fallback = "[\"x\"]",
     .fields = &tag,
     .item_size = sizeof(char *)},
    {0},
};
static const weir_field one_item = {.type = WEIR_OBJECT, .fields = item_fields};
static const weir_field token_fields[] = {{.name = "token", .type = WEIR_TEXT, .offset = sizeof(char *), .help = "A token."}, {0}};
static const weir_field logins[] = {{.name = "token", .type = WEIR_OBJECT, .fields = token_fields}, {0}};
static const weir_field table[] = {
    {.name = "key", .type = WEIR_TEXT, .offset = offsetof(settings, key), .flags = WEIR_PATH, .help = "A key."},
    {.name = "items", .type = WEIR_LIST, .offset = offsetof(settings, items), .fields = &one_item, .item_size = sizeof(item)},
    {.name = "extra", .type = WEIR_JSON, .offset = offsetof(settings, extra), .fallback = "[1]"},
    {.name = "login",
     .type = WEIR_ONE_OF,
     .offset = offsetof(settings, login),
     .fallback = "{\"by\":\"token\",\"token\":\"t\"}",
     .fields = logins,
     .discriminator = "by"},
    {0},
};

static weir_rc discover(weir_task *t, void *self)
{
    (void)t, (void)self;
    return WEIR_OK;
}

static weir_rc pull(weir_task *t, void *self, const weir_binding *b, size_t n)
{
    (void)t, (void)self, (void)b, (void)n;
    return WEIR_OK;
}

static const weir_capture capture = {.discover = discover, .pull = pull};
static const weir_connector connector = {
    .abi = WEIR_ABI,
    .name = "source-x",
    .config = table,
    .config_size = sizeof(settings),
    .resource = table,
    .resource_size = sizeof(settings),
    .capture = &capture,
};

/* What the works below share; a and out are empty at their start. */
typedef struct fixture {
    arena a;
    err e;
    buf out;
    const tree *good, *bad;
} fixture;

static weir_rc parse_good(fixture *x)
{
    settings s = {0};
    weir_rc rc = fields_parse(table, x->good, "config", &s, &x->a, &x->e);
    if (!rc) {
        const item *items = s.items.items;
        assert_string_equal(s.key, "k");
        assert_int_equal(s.items.count, 1);
        assert_string_equal(items->name, "n");
        assert_string_equal(((const char *const *)items->tags.items)[0], "x");
        assert_true(view_is(s.extra, "[1]"));
        assert_string_equal(s.login.token, "t");
    }
    return rc;
}

static weir_rc parse_bad(fixture *x)
{
    settings s = {0};
    weir_rc rc = fields_parse(table, x->bad, "config", &s, &x->a, &x->e);
    assert_int_not_equal(rc, WEIR_OK);
    assert_int_not_equal(strlen(err_text(&x->e)), 0);
    return rc == WEIR_E_CONFIG ? WEIR_OK : rc;
}

static weir_rc text_of(fixture *x, void (*of)(const weir_connector *, buf *), const char *ends)
{
    of(&connector, &x->out);
    if (!buf_ok(&x->out))
        return WEIR_E_NOMEM;
    assert_true(view_ends(buf_view(&x->out), view_of(ends)));
    return WEIR_OK;
}

static weir_rc schema(fixture *x)
{
    return text_of(x, spec_config_schema, "\"order\":1}}}],\"order\":3}}}");
}

static weir_rc pointers(fixture *x)
{
    return text_of(x, spec_path_pointers, "[\"/key\"]");
}

static weir_rc help(fixture *x)
{
    fields_help(table, &x->out);
    if (!buf_ok(&x->out))
        return WEIR_E_NOMEM;
    assert_true(view_ends(buf_view(&x->out), VIEW("token  (text, required)\n              A token.\n")));
    return WEIR_OK;
}

static weir_rc check(fixture *x)
{
    return spec_check(&connector, &x->e);
}

static weir_rc path(fixture *x)
{
    weir_rc rc = spec_resource_path(&connector, x->good, &x->out, &x->e);
    assert_true(view_is(buf_view(&x->out), rc ? "" : "[\"k\"]"));
    return rc;
}

static weir_rc key(fixture *x)
{
    bool ok = state_key(&x->out, VIEW("[\"a\\u0041\",\"b\"]"), 2);
    assert_true(view_is(buf_view(&x->out), ok ? "aA%2Fb.v2" : ""));
    return ok ? WEIR_OK : WEIR_E_NOMEM;
}

static weir_rc pack(fixture *x)
{
    bool ok = tuple_pack(&x->out, VIEW("{\"a\" : [1, \"x\"]}"));
    assert_int_equal(x->out.len, ok ? 15 : 0);
    return ok ? WEIR_OK : WEIR_E_NOMEM;
}

static weir_rc unpack(fixture *x)
{
    static const char packed[] = "\x02"
                                 "abc\0\xff"
                                 "z\0\x01{}\0\x15";
    weir_rc rc = tuple_unpack(&x->out, (weir_view){packed, sizeof packed}, &x->e); /* the literal's NUL ends 15 00 */
    assert_true(view_is(buf_view(&x->out), rc ? "" : "[\"abc\\u0000z\",{},0]"));
    return rc;
}

static tree *tree_of(arena *a, const char *json)
{
    err e = {0};
    tree *t = NULL;
    assert_int_equal(tree_parse(a, view_of(json), NULL, WEIR_E_CONFIG, &t, &e), WEIR_OK);
    return t;
}

static void test_no_memory(void **state)
{
    static weir_rc (*const works[])(fixture *) = {parse_good, parse_bad, schema, pointers, help, check, path, key, pack, unpack};
    arena trees = {0};
    const tree *good = tree_of(&trees, "{\"key\":\"k\",\"items\":[{\"name\":\"n\"}]}");
    const tree *bad =
        tree_of(&trees, "{\"kye\":\"k\",\"items\":[{\"nmae\":\"n\",\"tags\":[\"z\",1]}],\"login\":{\"by\":\"tken\"}}");
    (void)state;
    for (size_t w = 0; w < sizeof works / sizeof *works; w++) {
        bool again = true;
        for (size_t n = 0; again; n++) {
            fixture x = {.good = good, .bad = bad};
            fault_at(FAULT_ALLOC, n, ENOMEM);
            weir_rc rc = works[w](&x);
            again = fault_clear();
            if (rc != WEIR_OK && (!again || rc != WEIR_E_NOMEM))
                fail_msg("work %zu, allocation %zu: %s: %s", w, n, rc_name(rc), err_text(&x.e));
            arena_free(&x.a);
            err_free(&x.e);
            buf_free(&x.out);
        }
    }
    arena_free(&trees);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
