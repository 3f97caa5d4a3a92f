/* Documents pushed into a destination, which notes everything that is asked of it. */
#include <stdio.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fault.h"
#include "json/text.h"
#include "run/load.h"

typedef struct place {
    const char *table, *schema;
} place;

static const weir_field one_setting[] = {
    {.name = "table", .type = WEIR_TEXT, .offset = offsetof(place, table), .flags = WEIR_COLLECTION_NAME | WEIR_PATH, .help = "where"}, {0}};
static const weir_field two_settings[] = {
    {.name = "table", .type = WEIR_TEXT, .offset = offsetof(place, table), .flags = WEIR_COLLECTION_NAME | WEIR_PATH, .help = "where"},
    {.name = "schema", .type = WEIR_TEXT, .offset = offsetof(place, schema), .fallback = "dbo", .flags = WEIR_SCHEMA_NAME | WEIR_PATH, .help = "where"},
    {0}};

/* The rig is the connector's self; weir_main's open() gets none, so it travels in the task's name. */
typedef struct rig {
    buf said;
    weir_connector c;
    weir_materialize m;
    load *l;
    log_sink *log;
    err e;
    arena a;
    weir_rc refuse; /* what store answers */
    weir_view holds; /* its document with the key 2; empty: {} */
} rig;

static rig *current;

static weir_rc rig_open(weir_task *t, const weir_connector *me, const void *config, void **ret)
{
    (void)t;
    (void)me;
    (void)config;
    *ret = current;
    return weir_resume(t, VIEW("{\"was\":1}"));
}

static weir_rc rig_validate(weir_task *t, void *self, const weir_binding *b, size_t count)
{
    rig *r = self;
    (void)t;
    (void)b;
    buf_printf(&r->said, "validate %zu\n", count);
    return WEIR_OK;
}

static weir_rc rig_apply(weir_task *t, void *self, const weir_binding *b, size_t count)
{
    rig *r = self;
    (void)t;
    for (size_t i = 0; i < count; i++) {
        buf_printf(&r->said, "apply %u %.*s %.*s:", b[i].index, VIEW_ARG(b[i].resource_json), VIEW_ARG(b[i].resource_path));
        for (size_t k = 0; k < b[i].column_count; k++)
            buf_printf(&r->said, "%s%.*s", k == b[i].key_count ? " | " : " ", VIEW_ARG(b[i].columns[k].field));
        buf_adds(&r->said, b[i].delta_updates ? " delta\n" : "\n");
        assert_true(b[i].pushed);
    }
    return WEIR_OK;
}

static weir_rc rig_load(weir_task *t, void *self, const weir_row *keys, size_t count)
{
    rig *r = self;
    weir_rc rc = WEIR_OK;
    for (size_t i = 0; i < count && !rc; i++) {
        buf_printf(&r->said, "load %.*s\n", VIEW_ARG(keys[i].values[0]));
        if (view_is(keys[i].values[0], "2"))
            rc = weir_loaded(t, &keys[i], r->holds.len ? r->holds : VIEW("{}"));
    }
    return rc;
}

static weir_rc rig_flush(weir_task *t, void *self)
{
    (void)t;
    buf_adds(&((rig *)self)->said, "flush\n");
    return WEIR_OK;
}

static weir_rc rig_store(weir_task *t, void *self, const weir_row *rows, size_t count)
{
    rig *r = self;
    if (r->refuse)
        return weir_fail(t, r->refuse, "no room");
    for (size_t i = 0; i < count; i++) {
        static const char *const exists[] = {"", " new", " old"};
        buf_printf(&r->said, "%s %u%s%s", rows[i].op == WEIR_DELETE ? "delete" : "store", rows[i].binding->index, exists[rows[i].exists],
                   rows[i].regardless ? " regardless" : "");
        for (size_t k = 0; rows[i].values && k < rows[i].binding->column_count; k++)
            buf_printf(&r->said, " %.*s", VIEW_ARG(rows[i].values[k].len ? rows[i].values[k] : VIEW("-")));
        if (!rows[i].values)
            buf_printf(&r->said, " %.*s", VIEW_ARG(rows[i].doc));
        buf_addc(&r->said, '\n');
    }
    return WEIR_OK;
}

static weir_rc rig_commit(weir_task *t, void *self, weir_view position)
{
    buf_printf(&((rig *)self)->said, "commit %.*s\n", VIEW_ARG(position));
    return weir_keep(t, VIEW("{\"mine\":1}"));
}

static bool is_of(const weir_binding *b, const weir_column *column)
{
    return !column || (column >= b->columns && column < b->columns + b->column_count);
}

static weir_rc rig_expire(weir_task *t, void *self, const weir_binding *b, const weir_expiry *x)
{
    (void)t;
    assert_true(is_of(b, x->age) && is_of(b, x->mark));
    buf_printf(&((rig *)self)->said, "expire %u %.*s<%lld %.*s=%.*s\n", b->index, VIEW_ARG(x->age ? x->age->field : VIEW("")), (long long)x->below,
               VIEW_ARG(x->mark ? x->mark->field : VIEW("")), VIEW_ARG(x->value));
    return WEIR_OK;
}

static weir_rc rig_acknowledge(weir_task *t, void *self)
{
    (void)t;
    buf_adds(&((rig *)self)->said, "acknowledge\n");
    return WEIR_OK;
}

static int set_up(void **state)
{
    rig *r = calloc(1, sizeof *r);
    r->m = (weir_materialize){.apply = rig_apply, .store = rig_store, .commit = rig_commit, .expire = rig_expire};
    r->c = (weir_connector){.abi = WEIR_ABI, .name = "materialize-test", .version = "1", .resource = one_setting, .resource_size = sizeof(place),
                            .open = rig_open, .materialize = &r->m};
    r->log = log_open(2);
    current = r;
    *state = r;
    return 0;
}

static int tear_down(void **state)
{
    rig *r = *state;
    load_close(r->l);
    buf_free(&r->said);
    err_free(&r->e);
    arena_free(&r->a);
    log_close(r->log);
    free(r);
    return 0;
}

static weir_rc try_begin(rig *r)
{
    return load_open(&r->l, &(load_options){.connector = &r->c, .log = r->log, .stop_fd = -1}, &r->e);
}

static void begin(rig *r)
{
    if (try_begin(r))
        fail_msg("open: %s", err_text(&r->e));
}

#define SCHEMA "{\"type\":\"object\",\"properties\":{\"id\":{\"type\":\"integer\"},\"v\":{\"type\":\"string\"},\"gone\":{\"type\":\"boolean\"}}}"

static load_stream_spec spec(const char *name, const char *key)
{
    return (load_stream_spec){.name = view_of(name), .schema = VIEW(SCHEMA), .key = view_of(key)};
}

static size_t stream(rig *r, load_stream_spec s)
{
    size_t at = SIZE_MAX;
    if (load_stream(r->l, SIZE_MAX, &s, &at, &r->e))
        fail_msg("stream: %s", err_text(&r->e));
    return at;
}

static void put(rig *r, size_t at, const char *doc)
{
    if (load_add(r->l, at, WEIR_UPSERT, view_of(doc), NULL, &r->e))
        fail_msg("add: %s", err_text(&r->e));
}

static void commit(rig *r)
{
    if (load_commit(r->l, LOAD_EVERYTHING, VIEW("{\"at\":1}"), &r->e))
        fail_msg("commit: %s", err_text(&r->e));
}

#define SAID(r, text)                                        \
    do {                                                     \
        assert_string_equal(buf_text(&(r)->said), text);     \
        buf_clear(&(r)->said);                               \
    } while (0)

/* ---- rows ---- */

static void test_last_write_wins(void **state)
{
    rig *r = *state;
    r->m.acknowledge = rig_acknowledge;
    r->m.validate = rig_validate;
    begin(r);
    assert_true(view_is(load_checkpoint(r->l), "{\"was\":1}"));
    load_stream_spec s = spec("t", "[\"/id\"]");
    s.deleted = VIEW("/gone");
    size_t at = stream(r, s);
    put(r, at, "{\"id\":3,\"v\":\"x\"}");
    put(r, at, "{\"id\":1,\"v\":\"a\"}");
    put(r, at, "{\"id\":3,\"v\":\"y\",\"other\":[1]}");
    put(r, at, "{\"id\":2,\"v\":\"b\"}");
    put(r, at, "{\"id\":2,\"gone\":true}");
    put(r, at, "{\"id\":1,\"gone\":null}");
    assert_true(load_uncommitted(r->l) > 0);
    SAID(r, "");
    commit(r);
    assert_int_equal(load_uncommitted(r->l), 0);
    assert_true(view_is(load_checkpoint(r->l), "{\"at\":1}"));
    SAID(r, "validate 1\n"
            "apply 0 {\"table\":\"t\"} [\"t\"]: id | v gone\n"
            "acknowledge\n"
            "store 0 1 - null\ndelete 0 2 - true\nstore 0 3 \"y\" -\n"
            "commit {\"at\":1}\nacknowledge\n");
    commit(r);
    SAID(r, "commit {\"at\":1}\nacknowledge\n");
}

static void test_every_document_is_a_row(void **state)
{
    rig *r = *state;
    begin(r);
    load_stream_spec append = spec("b", "[\"/id\"]");
    append.append = true;
    append.deleted = VIEW("/gone");
    size_t a = stream(r, spec("a", "")), b = stream(r, append);
    put(r, a, "{\"id\":2}");
    put(r, b, "{\"id\":1}");
    put(r, a, "{\"id\":1}");
    put(r, b, "{\"id\":1,\"gone\":true}");
    put(r, b, "{}"); /* no key is needed */
    commit(r);
    SAID(r, "apply 0 {\"table\":\"a\"} [\"a\"]: | id v gone delta\napply 1 {\"table\":\"b\"} [\"b\"]: | id v gone delta\n"
            "store 0 2 - -\nstore 0 1 - -\nstore 1 1 - -\nstore 1 1 - true\nstore 1 - - -\ncommit {\"at\":1}\n");
}

static void test_extras(void **state)
{
    rig *r = *state;
    begin(r);
    const load_extra extras[] = {{VIEW("_at"), WEIR_IS_STRING, VIEW("date-time")}, {VIEW("gone"), WEIR_IS_STRING, VIEW("")}, {VIEW("id"), WEIR_IS_STRING, VIEW("")}};
    load_stream_spec s = spec("t", "[\"/id\"]");
    s.extras = extras;
    s.extra_count = 3;
    size_t at = stream(r, s);
    const weir_view all[] = {VIEW("\"now\""), VIEW("\"yes\""), VIEW("9")}, few[3] = {{0}};
    assert_int_equal(load_add(r->l, at, WEIR_UPSERT, VIEW("{\"id\":1,\"gone\":true,\"_at\":5}"), all, &r->e), WEIR_OK);
    assert_int_equal(load_add(r->l, at, WEIR_UPSERT, VIEW("{\"id\":2,\"gone\":true,\"_at\":5}"), few, &r->e), WEIR_OK);
    assert_int_equal(load_add(r->l, at, WEIR_DELETE, VIEW("{\"id\":3}"), few, &r->e), WEIR_OK);
    commit(r);
    SAID(r, "apply 0 {\"table\":\"t\"} [\"t\"]: id | _at gone v\n"
            "store 0 1 \"now\" \"yes\" -\nstore 0 2 5 true -\ndelete 0 3 - - -\ncommit {\"at\":1}\n");
}

/* The members of a key lie wherever it says; a member called like a place is another one. */
static void test_nested_keys(void **state)
{
    rig *r = *state;
    begin(r);
    load_stream_spec s = spec("t", "[\"/a/b\",\"/x~1y\"]");
    s.schema = VIEW("{\"properties\":{\"a/b\":{},\"a\":{\"type\":\"object\",\"properties\":{\"b\":{\"type\":\"integer\"}}}}}");
    size_t at = stream(r, s);
    put(r, at, "{\"a\":{\"b\":1},\"x/y\":2,\"a/b\":3}");
    commit(r);
    SAID(r, "apply 0 {\"table\":\"t\"} [\"t\"]: a/b x/y | /a~1b a\nstore 0 1 2 3 {\"b\":1}\ncommit {\"at\":1}\n");
}

/* Equal numbers are one key, however they are written; those that no tuple holds are keys, too. */
static void test_odd_keys(void **state)
{
    rig *r = *state;
    begin(r);
    size_t at = stream(r, spec("t", "[\"/id\"]"));
    put(r, at, "{\"id\":1.0,\"v\":\"a\"}");
    put(r, at, "{\"id\":1,\"v\":\"b\"}");
    put(r, at, "{\"id\":1e999,\"v\":\"c\"}");
    put(r, at, "{\"id\":\"1\",\"v\":\"d\"}");
    put(r, at, "{\"id\":null,\"v\":\"e\"}");
    commit(r);
    SAID(r, "apply 0 {\"table\":\"t\"} [\"t\"]: id | v gone\n"
            "store 0 null \"e\" -\nstore 0 \"1\" \"d\" -\nstore 0 1 \"b\" -\nstore 0 1e999 \"c\" -\ncommit {\"at\":1}\n");
}

/* ---- cursors ---- */

#define CURSORS "{\"properties\":{\"id\":{\"type\":\"integer\"},\"c\":{\"type\":[\"null\",\"integer\"]},\"gone\":{\"type\":\"boolean\"}}}"

static load_stream_spec with_cursor(void)
{
    return (load_stream_spec){.name = VIEW("t"), .schema = VIEW(CURSORS), .key = VIEW("[\"/id\"]"), .deleted = VIEW("/gone"), .cursor = VIEW("/c")};
}

static void test_the_largest_cursor_stays(void **state)
{
    rig *r = *state;
    begin(r);
    size_t at = stream(r, with_cursor());
    static const char *const docs[] = {
        "{\"id\":1,\"c\":7}", "{\"id\":1,\"c\":2}", "{\"id\":1,\"c\":100}", "{\"id\":1,\"c\":11}", /* by value */
        "{\"id\":2,\"c\":5,\"gone\":null}", "{\"id\":2,\"c\":5.0}", "{\"id\":2,\"c\":4}",      /* of equal ones the last */
        "{\"id\":3,\"c\":null}", "{\"id\":3}",                                                  /* the same */
        "{\"id\":4,\"c\":-1}", "{\"id\":4,\"c\":null}", "{\"id\":4}",                           /* nothing is less than anything */
        "{\"id\":5,\"c\":9007199254740993}", "{\"id\":5,\"c\":9007199254740992}",             /* the same double */
    };
    for (size_t i = 0; i < sizeof docs / sizeof *docs; i++)
        put(r, at, docs[i]);
    commit(r);
    SAID(r, "apply 0 {\"table\":\"t\"} [\"t\"]: id | c gone\n"
            "store 0 1 100 -\nstore 0 2 5.0 -\nstore 0 3 - -\nstore 0 4 -1 -\nstore 0 5 9007199254740993 -\ncommit {\"at\":1}\n");
}

/* A deletion counts by its cursor; one without, by when it came: then, too, what is stored is not compared with what comes behind it. */
static void test_deletions_and_cursors(void **state)
{
    rig *r = *state;
    begin(r);
    size_t at = stream(r, with_cursor());
    static const char *const docs[] = {
        "{\"id\":1,\"c\":5}", "{\"id\":1,\"c\":4,\"gone\":true}",
        "{\"id\":2,\"c\":5}", "{\"id\":2,\"c\":5,\"gone\":true}",
        "{\"id\":3,\"c\":5,\"gone\":true}", "{\"id\":3,\"c\":4}",
        "{\"id\":4,\"c\":5}", "{\"id\":4,\"gone\":true}",
        "{\"id\":5,\"c\":5}", "{\"id\":5,\"gone\":true}", "{\"id\":5,\"c\":1}", "{\"id\":5,\"c\":0}",
        "{\"id\":6,\"c\":5}", "{\"id\":6,\"c\":null,\"gone\":true}", "{\"id\":6,\"c\":null}",
    };
    for (size_t i = 0; i < sizeof docs / sizeof *docs; i++)
        put(r, at, docs[i]);
    commit(r);
    SAID(r, "apply 0 {\"table\":\"t\"} [\"t\"]: id | c gone\n"
            "store 0 1 5 -\ndelete 0 2 5 true\ndelete 0 3 5 true\ndelete 0 regardless 4 - true\nstore 0 regardless 5 1 -\nstore 0 regardless 6 null -\n"
            "commit {\"at\":1}\n");
    put(r, at, "{\"id\":1,\"gone\":true}"); /* alone */
    put(r, at, "{\"id\":2,\"c\":1,\"gone\":true}");
    commit(r);
    SAID(r, "delete 0 regardless 1 - true\ndelete 0 2 1 true\ncommit {\"at\":1}\n");
}

/* It may lie deeper, and then has a column of its own; or be what comes beside the documents. */
static void test_where_cursors_lie(void **state)
{
    rig *r = *state;
    begin(r);
    load_stream_spec s = with_cursor();
    s.cursor = VIEW("/m/c");
    s.schema = VIEW("{\"properties\":{\"id\":{},\"m\":{\"type\":\"object\",\"properties\":{\"c\":{\"type\":\"string\"}}}}}");
    size_t at = stream(r, s);
    put(r, at, "{\"id\":1,\"m\":{\"c\":\"9\"}}");
    put(r, at, "{\"id\":1,\"m\":{\"c\":\"10\"}}"); /* a text */
    s = with_cursor();
    s.name = VIEW("u");
    s.extras = &(load_extra){VIEW("c"), WEIR_IS_INTEGER, VIEW("")};
    s.extra_count = 1;
    size_t beside = stream(r, s);
    assert_int_equal(load_add(r->l, beside, WEIR_UPSERT, VIEW("{\"id\":1,\"c\":1}"), (const weir_view[]){VIEW("6")}, &r->e), WEIR_OK);
    assert_int_equal(load_add(r->l, beside, WEIR_UPSERT, VIEW("{\"id\":1,\"c\":2}"), (const weir_view[]){VIEW("5")}, &r->e), WEIR_OK);
    s = with_cursor();
    s.name = VIEW("v");
    s.schema = VIEW("{\"properties\":{\"c\":{\"type\":\"string\",\"contentEncoding\":\"base64\"}}}"); /* bytes: the last one stays */
    size_t bytes = stream(r, s);
    put(r, bytes, "{\"id\":1,\"c\":\"zzzz\"}");
    put(r, bytes, "{\"id\":1,\"c\":\"AAAA\"}");
    commit(r);
    SAID(r, "apply 0 {\"table\":\"t\"} [\"t\"]: id | m m/c\napply 1 {\"table\":\"u\"} [\"u\"]: id | c gone\napply 2 {\"table\":\"v\"} [\"v\"]: id | c\n"
            "store 0 1 {\"c\":\"9\"} \"9\"\nstore 1 1 6 -\nstore 2 1 \"AAAA\"\ncommit {\"at\":1}\n");
}

/* A destination that gives back what it holds is asked first. */
static void test_held_rows_are_compared(void **state)
{
    rig *r = *state;
    r->m.needs_exists = true;
    r->m.load = rig_load;
    r->holds = VIEW("{\"id\":2,\"c\":5}");
    begin(r);
    size_t at = stream(r, with_cursor());
    put(r, at, "{\"id\":2,\"c\":4}");
    commit(r);
    put(r, at, "{\"id\":1,\"c\":1}");
    put(r, at, "{\"id\":2,\"c\":4,\"gone\":true}");
    put(r, at, "{\"id\":3,\"c\":1}");
    commit(r);
    put(r, at, "{\"id\":2,\"c\":5}");
    commit(r);
    put(r, at, "{\"id\":2,\"gone\":true}");
    commit(r);
    SAID(r, "apply 0 {\"table\":\"t\"} [\"t\"]: id | c gone\nload 2\ncommit {\"at\":1}\n"
            "load 1\nload 2\nload 3\nstore 0 new 1 1 -\nstore 0 new 3 1 -\ncommit {\"at\":1}\n"
            "load 2\nstore 0 old 2 5 -\ncommit {\"at\":1}\n"
            "load 2\ndelete 0 old regardless 2 - true\ncommit {\"at\":1}\n");
}

static void test_documents_without_their_key(void **state)
{
    rig *r = *state;
    begin(r);
    size_t at = stream(r, spec("t", "[\"/id\"]"));
    put(r, at, "{\"id\":1}");
    assert_int_equal(load_add(r->l, at, WEIR_UPSERT, VIEW("{\"v\":1}"), NULL, &r->e), WEIR_E_CONFIG);
    assert_string_equal(err_text(&r->e), "stream t: a document without its key /id: {\"v\":1}");
    put(r, at, "{\"id\":2}");
    commit(r);
    SAID(r, "apply 0 {\"table\":\"t\"} [\"t\"]: id | v gone\nstore 0 1 - -\nstore 0 2 - -\ncommit {\"at\":1}\n");
}

/* ---- transactions ---- */

static void test_a_key_comes_once_in_a_transaction(void **state)
{
    rig *r = *state;
    begin(r);
    size_t at = stream(r, spec("t", "[\"/id\"]")), free_of_keys = stream(r, spec("u", ""));
    put(r, at, "{\"id\":1}");
    put(r, free_of_keys, "{\"id\":1}");
    assert_int_equal(load_expire(r->l, at, VIEW("id"), 5, VIEW("v"), VIEW("\"old\""), &r->e), WEIR_OK);
    assert_int_equal(load_expire(r->l, free_of_keys, VIEW(""), 0, VIEW(""), VIEW(""), &r->e), WEIR_OK);
    SAID(r, "apply 0 {\"table\":\"t\"} [\"t\"]: id | v gone\napply 1 {\"table\":\"u\"} [\"u\"]: | id v gone delta\n"
            "store 0 1 - -\nexpire 0 id<5 v=\"old\"\nstore 1 1 - -\nexpire 1 <0 =\n");
    put(r, free_of_keys, "{\"id\":2}");
    assert_int_equal(load_expire(r->l, free_of_keys, VIEW("id"), 2, VIEW(""), VIEW(""), &r->e), WEIR_OK);
    SAID(r, "store 1 2 - -\nexpire 1 id<2 =\n");
    put(r, at, "{\"id\":1,\"v\":\"x\"}");
    commit(r);
    SAID(r, "commit {\"was\":1}\nstore 0 1 \"x\" -\ncommit {\"at\":1}\n");
    assert_int_equal(load_expire(r->l, at, VIEW("nothing"), 5, VIEW(""), VIEW(""), &r->e), WEIR_E_BUG);
}

static void test_memory_is_bounded(void **state)
{
    rig *r = *state;
    enum { DOCS = 3000, EACH = 20000 };
    char *doc = malloc(EACH + 1);
    begin(r);
    size_t at = stream(r, spec("t", "")), most = 0;
    int n = snprintf(doc, EACH, "{\"v\":\"");
    memset(doc + n, 'x', (size_t)(EACH - n - 2));
    memcpy(doc + EACH - 2, "\"}", 3);
    for (int i = 0; i < DOCS; i++) {
        put(r, at, doc);
        most = load_uncommitted(r->l) > most ? load_uncommitted(r->l) : most;
        if (r->said.len) { /* the transaction is open: the rows have left */
            assert_true(load_uncommitted(r->l) >= LOAD_BYTES);
            buf_free(&r->said);
        }
    }
    assert_true(most >= DOCS * (size_t)EACH - LOAD_BYTES);
    commit(r);
    free(doc);
}

static void test_no_allocation_for_each_document(void **state)
{
    rig *r = *state;
    enum { DOCS = 100000 };
    begin(r);
    size_t at = stream(r, spec("t", "[\"/id\"]"));
    char doc[64];
    fault_clear();
    for (int i = 0; i < DOCS; i++) {
        snprintf(doc, sizeof doc, "{\"id\":%d,\"v\":\"x\"}", i * 7919 % DOCS);
        put(r, at, doc);
    }
    assert_true(fault_count(FAULT_ALLOC) < 100);
    commit(r);
}

static void test_what_nobody_confirms_waits_on(void **state)
{
    rig *r = *state;
    begin(r);
    size_t a = stream(r, spec("a", "[\"/id\"]")), b = stream(r, spec("b", ""));
    put(r, a, "{\"id\":1}");
    commit(r);
    put(r, a, "{\"id\":2}");
    put(r, b, "{\"id\":2}");
    uint64_t mark = load_mark(r->l);
    put(r, a, "{\"id\":3}");
    put(r, a, "{\"id\":2,\"v\":\"x\"}");
    put(r, b, "{\"id\":3}");
    buf_clear(&r->said);
    assert_int_equal(load_commit(r->l, mark, VIEW("{\"at\":2}"), &r->e), WEIR_OK);
    SAID(r, "store 0 2 - -\nstore 1 2 - -\ncommit {\"at\":2}\n");
    assert_int_equal(load_commit(r->l, mark, VIEW("{\"at\":3}"), &r->e), WEIR_OK);
    SAID(r, "commit {\"at\":3}\n");
    put(r, a, "{\"id\":1}");
    uint64_t second = load_mark(r->l);
    put(r, b, "{\"id\":4}");
    assert_true(second > mark && load_uncommitted(r->l) == load_mark(r->l) - mark);
    assert_int_equal(load_commit(r->l, second, VIEW("{\"at\":4}"), &r->e), WEIR_OK);
    SAID(r, "store 0 1 - -\nstore 0 2 \"x\" -\nstore 0 3 - -\nstore 1 3 - -\ncommit {\"at\":4}\n");
    commit(r);
    SAID(r, "store 1 4 - -\ncommit {\"at\":1}\n");
}

/* ---- streams that appear and change ---- */

static void test_streams_change(void **state)
{
    rig *r = *state;
    begin(r);
    size_t at = stream(r, spec("t", "[\"/id\"]"));
    put(r, at, "{\"id\":1,\"v\":\"a\"}");
    load_stream_spec s = spec("t", "[\"/v\"]");
    s.schema = VIEW("{\"properties\":{\"v\":{},\"w\":{}}}");
    assert_int_equal(load_stream(r->l, at, &s, NULL, &r->e), WEIR_OK);
    SAID(r, "apply 0 {\"table\":\"t\"} [\"t\"]: id | v gone\nstore 0 1 \"a\" -\n");
    put(r, at, "{\"v\":\"b\",\"w\":1}");
    size_t more = stream(r, spec("u", ""));
    put(r, more, "{\"id\":9}");
    commit(r);
    SAID(r, "commit {\"was\":1}\napply 0 {\"table\":\"t\"} [\"t\"]: v | w id gone\napply 1 {\"table\":\"u\"} [\"u\"]: | id v gone delta\n"
            "store 0 \"b\" 1 - -\nstore 1 9 - -\ncommit {\"at\":1}\n");
    for (int i = 0; i < 100; i++) { /* the array of bindings moves */
        char name[8];
        snprintf(name, sizeof name, "s%d", i);
        put(r, stream(r, spec(name, "")), "{\"id\":1}");
    }
    put(r, at, "{\"v\":\"c\"}");
    buf_clear(&r->said);
    commit(r);
    assert_non_null(strstr(buf_text(&r->said), "\nstore 0 \"c\" - - -\nstore 2 1 - -\n"));
    assert_non_null(strstr(buf_text(&r->said), "\nstore 101 1 - -\ncommit"));
}

/* Schemas that go to and fro: once everything is known, nothing changes, and nothing is stored out of turn. */
static void test_schemas_to_and_fro(void **state)
{
    rig *r = *state;
    static const char *const schemas[] = {"{\"properties\":{\"id\":{\"type\":\"integer\"},\"a\":{\"type\":\"string\"}}}",
                                          "{\"properties\":{\"id\":{\"type\":\"integer\"},\"b\":{\"type\":\"string\"}}}",
                                          "{\"properties\":{\"id\":{\"type\":\"integer\"},\"a\":{\"type\":\"integer\"}}}"};
    begin(r);
    load_stream_spec s = spec("t", "[\"/id\"]");
    size_t at = SIZE_MAX;
    for (int i = 0; i < 3; i++) {
        s.schema = view_of(schemas[i]);
        assert_int_equal(load_stream(r->l, at, &s, &at, &r->e), WEIR_OK);
    }
    commit(r);
    SAID(r, "apply 0 {\"table\":\"t\"} [\"t\"]: id | a b\ncommit {\"at\":1}\n");
    for (int i = 0; i < 9; i++) {
        char doc[64];
        s.schema = view_of(schemas[i % 3]);
        assert_int_equal(load_stream(r->l, at, &s, NULL, &r->e), WEIR_OK);
        snprintf(doc, sizeof doc, "{\"id\":%d,\"a\":1,\"b\":2}", i % 2);
        put(r, at, doc);
    }
    SAID(r, "");
    commit(r);
    SAID(r, "store 0 0 1 2\nstore 0 1 1 2\ncommit {\"at\":1}\n");
}

static void test_places(void **state)
{
    rig *r = *state;
    begin(r);
    load_stream_spec s = spec("t", ""), other = spec("a__t", "");
    stream(r, s);
    s.name_space = VIEW("a");
    stream(r, s);
    assert_int_equal(load_stream(r->l, SIZE_MAX, &other, NULL, &r->e), WEIR_E_CONFIG);
    assert_string_equal(err_text(&r->e), "stream a__t: it goes to the same place as stream a/t: [\"a__t\"]");
    s.resource = VIEW("{\"table\": \"elsewhere\"}");
    stream(r, s);
    commit(r);
    assert_non_null(strstr(buf_text(&r->said), "apply 0 {\"table\":\"t\"} [\"t\"]:"));
    assert_non_null(strstr(buf_text(&r->said), "apply 1 {\"table\":\"a__t\"} [\"a__t\"]:"));
    assert_non_null(strstr(buf_text(&r->said), "apply 2 {\"table\": \"elsewhere\"} [\"elsewhere\"]:"));
}

static void test_places_with_schemas(void **state)
{
    rig *r = *state;
    r->c.resource = two_settings;
    begin(r);
    load_stream_spec s = spec("t", "");
    stream(r, s);
    s.name_space = VIEW("a");
    stream(r, s);
    commit(r);
    assert_non_null(strstr(buf_text(&r->said), "apply 0 {\"table\":\"t\"} [\"t\"]:"));
    assert_non_null(strstr(buf_text(&r->said), "apply 1 {\"table\":\"t\",\"schema\":\"a\"} [\"t\",\"a\"]:"));
}

/* A connector that gives a schema of its resources instead of a table. */
static void test_places_by_schema(void **state)
{
    rig *r = *state;
    r->c.resource = NULL;
    r->c.resource_size = 0;
    r->c.resource_path_pointers = VIEW("[\"/ns\",\"/name\"]");
    r->c.resource_schema = VIEW("{\"type\":\"object\",\"properties\":{\"ns\":{\"x-schema-name\":true},\"name\":{\"x-collection-name\":true}}}");
    begin(r);
    load_stream_spec s = spec("t", "");
    s.name_space = VIEW("a");
    stream(r, s);
    commit(r);
    assert_non_null(strstr(buf_text(&r->said), "apply 0 {\"name\":\"t\",\"ns\":\"a\"} [\"a\",\"t\"]:"));
}

static weir_rc demanding_validate(weir_task *t, void *self, const weir_binding *b, size_t count)
{
    weir_rc rc = WEIR_OK;
    (void)self;
    for (size_t i = 0; i < count && !rc; i++) {
        rc = weir_resource_path(t, &b[i], VIEW("[\"said\",\"here\"]"));
        for (size_t k = 0; k < b[i].column_count && !rc; k++)
            if (view_is(b[i].columns[k].field, "v"))
                rc = weir_constrain(t, &b[i], &b[i].columns[k], WEIR_COLUMN_FORBIDDEN, VIEW("no v"));
        if (!rc)
            rc = weir_constrain(t, &b[i], NULL, WEIR_COLUMN_REQUIRED, VIEW(""));
        if (!rc && view_is(b[i].name, "d"))
            rc = weir_delta_updates(t, &b[i]);
    }
    return rc;
}

/* What only the destination knows: where a stream goes, which columns it takes, whether rows replace others. */
static void test_validation_decides(void **state)
{
    rig *r = *state;
    const load_extra extras[] = {{VIEW("_a"), WEIR_IS_STRING, VIEW("")}, {VIEW("v"), WEIR_IS_STRING, VIEW("")}, {VIEW("_b"), WEIR_IS_STRING, VIEW("")}};
    const weir_view values[] = {VIEW("\"a\""), VIEW("\"v\""), VIEW("\"b\"")};
    r->m.validate = demanding_validate;
    r->c.resource = NULL;
    r->c.resource_size = 0;
    r->c.resource_schema = VIEW("{\"type\":\"object\",\"properties\":{\"name\":{\"x-collection-name\":true}}}");
    r->c.resource_path_pointers = VIEW("[]");
    begin(r);
    load_stream_spec s = spec("d", "[\"/id\"]");
    s.extras = extras;
    s.extra_count = 3;
    size_t at = stream(r, s);
    for (int i = 0; i < 2; i++)
        assert_int_equal(load_add(r->l, at, WEIR_UPSERT, VIEW("{\"id\":1}"), values, &r->e), WEIR_OK);
    commit(r);
    SAID(r, "apply 0 {\"name\":\"d\"} [\"said\",\"here\"]: id | _a _b gone flow_document delta\n"
            "store 0 1 \"a\" \"b\" - {\"id\":1}\nstore 0 1 \"a\" \"b\" - {\"id\":1}\ncommit {\"at\":1}\n");
}

/* A column is looked up among those that are left. */
static void test_expiry_where_validation_decides(void **state)
{
    rig *r = *state;
    r->m.validate = demanding_validate;
    begin(r);
    size_t at = stream(r, spec("t", "[\"/id\"]"));
    put(r, at, "{\"id\":1}");
    assert_int_equal(load_expire(r->l, at, VIEW("id"), 5, VIEW("gone"), VIEW("true"), &r->e), WEIR_OK);
    assert_int_equal(load_expire(r->l, at, VIEW("v"), 5, VIEW(""), VIEW(""), &r->e), WEIR_E_BUG);
    assert_non_null(strstr(buf_text(&r->said), "expire 0 id<5 gone=true\n"));
}

static void test_bad_streams(void **state)
{
    rig *r = *state;
    static const struct {
        const char *schema, *key, *says;
    } cases[] = {
        {"{", "[]", "stream t: schema: "},
        {"{\"$ref\":\"#/nowhere\"}", "[]", "stream t: schema: "},
        {SCHEMA, "[\"id\"]", "stream t: part of its key is no JSON pointer: \"id\""},
        {SCHEMA, "[1]", "stream t: its key is no list of texts: [1]"},
    };
    begin(r);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        load_stream_spec s = spec("t", cases[i].key);
        s.schema = view_of(cases[i].schema);
        assert_int_equal(load_stream(r->l, SIZE_MAX, &s, NULL, &r->e), WEIR_E_CONFIG);
        assert_true(strncmp(err_text(&r->e), cases[i].says, strlen(cases[i].says)) == 0);
    }
    put(r, stream(r, spec("t", "")), "{}");
    commit(r);
}

/* ---- kinds of destinations ---- */

static void test_relay(void **state)
{
    rig *r = *state;
    r->m.relay = true;
    begin(r);
    load_stream_spec s = spec("t", "[\"/id\"]");
    s.deleted = VIEW("/gone");
    size_t at = stream(r, s);
    put(r, at, "{\"id\":2, \"v\":1}");
    put(r, at, "{\"id\":1}");
    put(r, at, "{\"id\":2,\"gone\":\"now\"}");
    put(r, at, "{\"no\":\"key\",\"gone\":null}");
    commit(r);
    SAID(r, "apply 0 {\"table\":\"t\"} [\"t\"]: id | v gone\n"
            "store 0 {\"id\":2, \"v\":1}\nstore 0 {\"id\":1}\ndelete 0 {\"id\":2,\"gone\":\"now\"}\nstore 0 {\"no\":\"key\",\"gone\":null}\ncommit {\"at\":1}\n");
}

static void test_rows_are_looked_up(void **state)
{
    rig *r = *state;
    r->m.load = rig_load;
    r->m.flush = rig_flush;
    r->m.needs_exists = true;
    begin(r);
    size_t a = stream(r, spec("a", "[\"/id\"]")), b = stream(r, spec("b", "[\"/id\"]")), c = stream(r, spec("c", ""));
    put(r, a, "{\"id\":2}");
    put(r, a, "{\"id\":1}");
    put(r, b, "{\"id\":2}");
    put(r, c, "{\"id\":2}");
    commit(r);
    SAID(r, "apply 0 {\"table\":\"a\"} [\"a\"]: id | v gone\napply 1 {\"table\":\"b\"} [\"b\"]: id | v gone\napply 2 {\"table\":\"c\"} [\"c\"]: | id v gone delta\n"
            "load 1\nload 2\nload 2\nflush\nstore 0 new 1 - -\nstore 0 old 2 - -\nstore 1 old 2 - -\nstore 2 2 - -\ncommit {\"at\":1}\n");
}

static void test_a_source_takes_nothing(void **state)
{
    rig *r = *state;
    r->c.materialize = NULL;
    assert_int_equal(try_begin(r), WEIR_E_CONFIG);
}

static void test_no_expiry(void **state)
{
    rig *r = *state;
    r->m.expire = NULL;
    begin(r);
    assert_false(load_can_expire(r->l, false));
    size_t at = stream(r, spec("t", ""));
    assert_int_equal(load_expire(r->l, at, VIEW(""), 0, VIEW(""), VIEW(""), &r->e), WEIR_E_CONFIG);
}

static void test_expiry_of_all_rows_only(void **state)
{
    rig *r = *state;
    r->m.expires_all_only = true;
    begin(r);
    assert_true(load_can_expire(r->l, false));
    assert_false(load_can_expire(r->l, true));
    size_t at = stream(r, spec("t", "[\"/id\"]"));
    put(r, at, "{\"id\":1}");
    assert_int_equal(load_expire(r->l, at, VIEW(""), 0, VIEW(""), VIEW(""), &r->e), WEIR_OK);
    assert_int_equal(load_expire(r->l, at, VIEW("id"), 5, VIEW(""), VIEW(""), &r->e), WEIR_E_CONFIG);
    assert_int_equal(load_expire(r->l, at, VIEW(""), 0, VIEW("v"), VIEW("1"), &r->e), WEIR_E_CONFIG);
    assert_non_null(strstr(err_text(&r->e), "cannot remove rows that are out of date, but for all of a table"));
    assert_non_null(strstr(buf_text(&r->said), "store 0 1 - -\nexpire 0 <0 =\n"));
}

static void test_a_destination_that_fails(void **state)
{
    rig *r = *state;
    begin(r);
    size_t at = stream(r, spec("t", ""));
    put(r, at, "{\"id\":1}");
    r->refuse = WEIR_E_NOMEM;
    assert_int_equal(load_commit(r->l, LOAD_EVERYTHING, VIEW("{}"), &r->e), WEIR_E_NOMEM);
    assert_string_equal(err_text(&r->e), "stream t: store: no room");
    assert_null(strstr(buf_text(&r->said), "commit"));
}

/* ---- without memory ---- */

static weir_rc whole_story(rig *r)
{
    const load_extra extras[] = {{VIEW("_at"), WEIR_IS_STRING, VIEW("date-time")}};
    load_stream_spec s = spec("t", "[\"/id\"]"), u = spec("u", "");
    size_t at = 0, other = 0;
    s.extras = u.extras = extras;
    s.extra_count = u.extra_count = 1;
    s.name_space = VIEW("n");
    s.deleted = VIEW("/gone");
    s.cursor = VIEW("/v/deep");
    const weir_view now = VIEW("\"now\"");
    weir_rc rc = try_begin(r);
    if (!rc)
        rc = load_stream(r->l, SIZE_MAX, &s, &at, &r->e);
    for (int i = 0; i < 3 && !rc; i++)
        rc = load_add(r->l, at, WEIR_UPSERT, i ? VIEW("{\"id\":1,\"v\":\"x\"}") : VIEW("{\"id\":2}"), &now, &r->e);
    if (!rc)
        rc = load_stream(r->l, SIZE_MAX, &u, &other, &r->e);
    s.schema = VIEW("{\"properties\":{\"w\":{}}}");
    if (!rc)
        rc = load_stream(r->l, at, &s, NULL, &r->e);
    if (!rc)
        rc = load_add(r->l, other, WEIR_UPSERT, VIEW("{\"id\":7}"), &now, &r->e);
    if (!rc)
        rc = load_add(r->l, at, WEIR_UPSERT, VIEW("{\"id\":1,\"w\":3}"), &now, &r->e);
    if (!rc)
        rc = load_expire(r->l, at, VIEW("w"), 3, VIEW(""), VIEW(""), &r->e);
    return rc ? rc : load_commit(r->l, LOAD_EVERYTHING, VIEW("{}"), &r->e);
}

static void test_every_allocation_fails(void **state)
{
    rig *r = *state;
    bool again = true;
    size_t n = 0;
    for (; again; n++) {
        buf_clear(&r->said);
        buf_reserve(&r->said, 4096); /* the rig's own notes are not tested */
        fault_at(FAULT_ALLOC, n, ENOMEM);
        weir_rc rc = whole_story(r);
        again = fault_clear();
        assert_true(rc == WEIR_OK || rc == WEIR_E_NOMEM);
        assert_true(again || rc == WEIR_OK);
        load_close(r->l);
        r->l = NULL;
        err_free(&r->e);
    }
    assert_true(n > 50);
    SAID(r, "apply 0 {\"table\":\"n__t\"} [\"n__t\"]: id | _at v gone v/deep\napply 1 {\"table\":\"u\"} [\"u\"]: | _at id v gone delta\n"
            "store 0 1 \"now\" \"x\" - -\nstore 0 2 \"now\" - - -\ncommit {\"was\":1}\n"
            "apply 0 {\"table\":\"n__t\"} [\"n__t\"]: id | _at w v/deep v gone\nstore 0 1 \"now\" 3 - - -\nexpire 0 w<3 =\nstore 1 \"now\" 7 - -\ncommit {}\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_last_write_wins),
        TEST(test_every_document_is_a_row),
        TEST(test_extras),
        TEST(test_nested_keys),
        TEST(test_odd_keys),
        TEST(test_documents_without_their_key),
        TEST(test_the_largest_cursor_stays),
        TEST(test_deletions_and_cursors),
        TEST(test_where_cursors_lie),
        TEST(test_held_rows_are_compared),
        TEST(test_a_key_comes_once_in_a_transaction),
        TEST(test_memory_is_bounded),
        TEST(test_no_allocation_for_each_document),
        TEST(test_what_nobody_confirms_waits_on),
        TEST(test_streams_change),
        TEST(test_schemas_to_and_fro),
        TEST(test_places),
        TEST(test_places_with_schemas),
        TEST(test_places_by_schema),
        TEST(test_validation_decides), TEST(test_expiry_where_validation_decides),
        TEST(test_bad_streams),
        TEST(test_relay),
        TEST(test_rows_are_looked_up),
        TEST(test_a_source_takes_nothing),
        TEST(test_no_expiry), TEST(test_expiry_of_all_rows_only),
        TEST(test_a_destination_that_fails),
        TEST(test_every_allocation_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
