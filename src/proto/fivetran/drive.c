/* Being the platform for a Fivetran source or destination: a gRPC server becomes an ordinary weir_connector (fivetran.md 1, 2). The server runs as long as the
 * connector is there; sessions share it.
 */
#include "proto/fivetran/drive.h"

#include <stdlib.h>

#include "json/write.h"
#include "proto/flow/pb.h"
#include "proto/fivetran/fivetran.h"

/* ---- requests ---- */

void ft_say_number(buf *out, unsigned tag, uint64_t n)
{
    if (!buf_reserve(out, 20))
        return;
    char *p = pb_put_varint(out->ptr + out->len, (uint64_t)tag << 3 | PB_VARINT);
    out->len = (size_t)(pb_put_varint(p, n) - out->ptr);
}

void ft_say_text(buf *out, unsigned tag, weir_view text)
{
    if (!buf_reserve(out, 20 + text.len))
        return;
    char *p = pb_put_varint(out->ptr + out->len, (uint64_t)tag << 3 | PB_BYTES);
    p = pb_put_varint(p, text.len);
    if (text.len)
        memcpy(p, text.ptr, text.len);
    out->len = (size_t)(p - out->ptr) + text.len;
}

static void say_pairs(const ft_flat *flat, buf *out)
{
    buf entry = {0};
    for (size_t i = 0; i < flat->count; i++) {
        buf_clear(&entry);
        ft_say_text(&entry, 1, flat->items[i].name);
        ft_say_text(&entry, 2, flat->items[i].value);
        ft_say_text(out, 1, buf_view(&entry));
        out->failed |= entry.failed;
    }
    buf_wipe(&entry);
}

/* ---- resources ---- */

weir_rc ft_resource_of(arena *a, const weir_binding *b, ft_resource *ret, err *e)
{
    tree *t;
    weir_rc rc = tree_parse(a, b->resource_json, "resource", WEIR_E_CONFIG, &t, e);
    if (rc)
        return rc;
    const tree *table = tree_get(t, "table");
    weir_view deletions = tree_text(t, "deletions");
    if (!table || table->kind != TREE_STRING || !table->text.len)
        return err_fail(e, WEIR_E_CONFIG, "resource: /table is missing: the name of the table");
    if (!tree_is_null(tree_get(t, "deletions")) && !view_is(deletions, "soft") && !view_is(deletions, "hard"))
        return err_fail(e, WEIR_E_CONFIG, "resource: /deletions must be hard or soft");
    *ret = (ft_resource){.schema = tree_text(t, "schema"), .table = table->text, .soft = view_is(deletions, "soft")};
    return WEIR_OK;
}

static const char source_resource[] =
    "{\"type\":\"object\",\"properties\":{\"table\":{\"type\":\"string\",\"title\":\"Table\",\"description\":\"The table, as the connector calls it.\"},"
    "\"schema\":{\"type\":\"string\",\"title\":\"Schema\",\"description\":\"Its schema, if the connector has any.\"}},\"required\":[\"table\"]}";

static const char destination_resource[] =
    "{\"type\":\"object\",\"properties\":{\"table\":{\"type\":\"string\",\"title\":\"Table\",\"description\":\"The table to load into. It is made if it does not "
    "exist.\",\"x-collection-name\":true},\"schema\":{\"type\":\"string\",\"title\":\"Schema\",\"description\":\"The schema of the table; the destination's own default if it "
    "is empty.\",\"x-schema-name\":true},\"deletions\":{\"type\":\"string\",\"title\":\"Deletions\",\"description\":\"hard removes rows, soft sets _fivetran_deleted in "
    "them.\",\"enum\":[\"hard\",\"soft\"],\"default\":\"hard\"},\"delta_updates\":{\"type\":\"boolean\",\"title\":\"Delta updates\",\"description\":\"Every document is a row of "
    "its own, whose key is made of what it holds.\",\"default\":false,\"x-delta-updates\":true}},\"required\":[\"table\"]}";

/* ---- open and close ---- */

/* The server that runs, or a new one if that has died. */
static weir_rc take_server(ft_driven *d, ft_server **ret, err *e)
{
    weir_rc rc = WEIR_OK;
    pthread_mutex_lock(&d->lock);
    if (d->server && ft_server_is_dead(d->server)) {
        ft_server_free(d->server);
        d->server = NULL;
    }
    if (!d->server)
        rc = ft_server_start(&d->server, &d->o, e);
    if (!rc)
        *ret = ft_server_share(d->server);
    pthread_mutex_unlock(&d->lock);
    return rc;
}

static weir_rc flatten(ft_run *r, weir_view settings, err *e)
{
    arena a = {0};
    tree *t;
    ft_flat flat = {0};
    weir_rc rc = tree_parse(&a, settings, NULL, WEIR_E_CONFIG, &t, e);
    if (!rc)
        rc = ft_plan_flat(&a, r->d->plan, t, &flat, e);
    if (!rc && !ft_form_complete(&a, &r->d->form, &flat))
        rc = err_nomem(e);
    if (!rc)
        say_pairs(&flat, &r->configuration);
    arena_free(&a);
    return rc || buf_ok(&r->configuration) ? rc : err_nomem(e);
}

static void driven_close(void *self)
{
    ft_run *r = self;
    if (!r)
        return;
    ft_loading_free(r->loading);
    ft_server_free(r->server);
    buf_wipe(&r->configuration);
    free(r);
}

static weir_rc driven_open(weir_task *t, const weir_connector *me, const void *config, void **ret_self)
{
    err *e = task_error(t);
    ft_run *r = calloc(1, sizeof *r);
    if (!r)
        return err_nomem(e);
    r->d = (ft_driven *)(uintptr_t)me; /* ours */
    weir_rc rc = flatten(r, *(const weir_view *)config, e);
    if (!rc)
        rc = take_server(r->d, &r->server, e);
    if (rc)
        driven_close(r);
    else
        *ret_self = r;
    return rc;
}

/* ---- tests ---- */

static weir_rc run_test(weir_task *t, ft_run *r, const ft_option *test, bool *ret_failed)
{
    err *e = task_error(t);
    arena a = {0};
    buf request = {0}, response = {0};
    ProtobufCMessage *m;
    ft_say_text(&request, 1, test->value);
    pb_reader pairs = pb_reader_of(buf_view(&r->configuration));
    for (pb_field f; pb_next(&pairs, &f);)
        ft_say_text(&request, 2, f.bytes);
    weir_rc rc = ft_server_ask(r->server, "Test", &request, &response, FT_WORK_MS, weir_stop_fd(t), e);
    if (!rc)
        rc = ft_unpack(&a, &fivetran_sdk__v2__test_response__descriptor, buf_view(&response), &m, e);
    const FivetranSdk__V2__TestResponse *said = rc ? NULL : (const FivetranSdk__V2__TestResponse *)(const void *)m;
    *ret_failed |= said && !(said->response_case == FIVETRAN_SDK__V2__TEST_RESPONSE__RESPONSE_SUCCESS && said->success);
    if (said && said->response_case == FIVETRAN_SDK__V2__TEST_RESPONSE__RESPONSE_FAILURE)
        weir_problem(t, NULL, "test '%.*s' (%.*s): %s", VIEW_ARG(test->value), VIEW_ARG(test->label), said->failure);
    else if (*ret_failed)
        weir_problem(t, NULL, "test '%.*s' (%.*s) has not succeeded, and says no reason", VIEW_ARG(test->value), VIEW_ARG(test->label));
    buf_wipe(&request);
    buf_free(&response);
    arena_free(&a);
    return err_wrap(e, rc, "test '%.*s'", VIEW_ARG(test->value));
}

weir_rc ft_run_tests(weir_task *t, ft_run *r, bool *ret_failed)
{
    const ft_form *f = &r->d->form;
    weir_rc rc = WEIR_OK;
    *ret_failed = false;
    for (size_t i = 0; i < f->test_count && !rc; i++) {
        bool failed = false;
        rc = run_test(t, r, &f->tests[i], &failed);
        *ret_failed |= failed;
    }
    return rc;
}

/* ---- making one ---- */

static weir_rc take_form(ft_driven *d, weir_view message, err *e)
{
    buf schema = {0};
    tree *parsed = NULL;
    weir_rc rc = ft_form_read(&d->arena, message, &d->form, e);
    if (!rc) {
        const char *slash = strrchr(d->base.name, '/');
        ft_form_schema(&d->form, view_of(slash ? slash + 1 : d->base.name), &schema);
        d->base.config_schema = arena_dup(&d->arena, buf_view(&schema));
        rc = buf_ok(&schema) && d->base.config_schema.ptr ? WEIR_OK : err_nomem(e);
    }
    if (!rc)
        rc = tree_parse(&d->arena, d->base.config_schema, NULL, WEIR_E_BUG, &parsed, e);
    if (!rc)
        rc = ft_plan_new(&d->arena, parsed, &d->plan, e);
    buf_free(&schema);
    return rc;
}

static weir_rc learn(ft_driven *d, err *e)
{
    buf request = {0}, response = {0};
    weir_rc rc = ft_server_start(&d->server, &d->o, e);
    if (!rc)
        rc = ft_server_ask(d->server, "ConfigurationForm", &request, &response, FT_ASK_MS, d->o.stop_fd, e);
    weir_view kept = rc ? (weir_view){0} : arena_dup(&d->arena, response.len ? buf_view(&response) : VIEW(""));
    if (!rc)
        rc = kept.ptr ? err_wrap(e, take_form(d, kept, e), "ConfigurationForm") : err_nomem(e);
    buf_free(&request);
    buf_free(&response);
    return rc;
}

weir_rc fivetran_drive(const drive_options *o, weir_connector **ret, err *e)
{
    ft_driven *d = calloc(1, sizeof *d);
    if (!d)
        return err_nomem(e);
    d->o = *o;
    pthread_mutex_init(&d->lock, NULL);
    d->base = (weir_connector){
        .abi = WEIR_ABI, .name = o->address ? o->address : o->argv[0], .version = "0", .open = driven_open, .close = driven_close,
        .resource_schema = view_of(o->destination ? destination_resource : source_resource),
        .resource_path_pointers = VIEW("[\"/schema\",\"/table\"]"),
        .capture = o->destination ? NULL : &ft_driven_capture, .materialize = o->destination ? &ft_driven_materialize : NULL,
    };
    weir_rc rc = learn(d, e);
    if (rc)
        fivetran_drive_free(&d->base);
    else
        *ret = &d->base;
    return rc;
}

void fivetran_drive_free(weir_connector *c)
{
    ft_driven *d = (ft_driven *)c;
    if (!d)
        return;
    ft_server_free(d->server);
    pthread_mutex_destroy(&d->lock);
    arena_free(&d->arena);
    free(d);
}
