#include "tester/setup.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "json/write.h"
#include "tester/ask.h"

/* ---------------------------------------------------------------------------------------------------------------- faults -- */

typedef struct faults {
    report *r;
    map names; /* of fields */
    arena *a;
} faults;

static bool has_options(const ft_field *f)
{
    return f->ask == FT_ASK_DROPDOWN || f->ask == FT_ASK_DESCRIBED;
}

static void look_at(faults *x, const ft_field *f)
{
    if (f->ask == FT_ASK_NOTHING)
        tester_problem(x->r, "form_field", "field '%.*s' is of no kind that the protocol has", VIEW_ARG(f->name));
    if (map_get(&x->names, f->name))
        tester_problem(x->r, "form_name", "two fields are named '%.*s'", VIEW_ARG(f->name));
    if (!map_put(&x->names, f->name, (void *)f))
        x->a->failed = true;
    if (has_options(f) && !f->option_count)
        tester_problem(x->r, "form_field", "dropdown '%.*s' has nothing to choose from", VIEW_ARG(f->name));
    for (size_t i = 0; i < f->file_type_count; i++)
        if (!f->file_types[i].len || f->file_types[i].ptr[0] != '.')
            tester_problem(x->r, "form_field", "upload '%.*s': file type '%.*s' does not begin with a dot", VIEW_ARG(f->name), VIEW_ARG(f->file_types[i]));
}

static void look_through(faults *x, const ft_field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (fields[i].ask == FT_ASK_GROUP)
            look_through(x, fields[i].fields, fields[i].count);
        else
            look_at(x, &fields[i]);
    }
}

static void look_at_conditions(faults *x, const ft_field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (fields[i].ask != FT_ASK_GROUP)
            continue;
        if (!map_get(&x->names, fields[i].condition.field))
            tester_problem(x->r, "form_condition", "fields depend on '%.*s', which the form does not have", VIEW_ARG(fields[i].condition.field));
        if (fields[i].condition.when == FT_WHEN_ALWAYS)
            tester_problem(x->r, "form_condition", "fields that depend on '%.*s' do not say on which value", VIEW_ARG(fields[i].condition.field));
        look_at_conditions(x, fields[i].fields, fields[i].count);
    }
}

static void look_at_form(tester_setup *s, report *r)
{
    faults x = {.r = r, .a = &s->arena};
    look_through(&x, s->form.fields, s->form.count);
    look_at_conditions(&x, s->form.fields, s->form.count);
    for (size_t i = 0; i < s->form.test_count; i++) {
        if (!s->form.tests[i].value.len)
            tester_problem(r, "form_test", "a test has no name");
        for (size_t k = 0; k < i; k++)
            if (view_eq(s->form.tests[i].value, s->form.tests[k].value))
                tester_problem(r, "form_test", "two tests are named '%.*s'", VIEW_ARG(s->form.tests[i].value));
    }
    map_free(&x.names);
}

/* --------------------------------------------------------------------------------------------------------- configuration -- */

static weir_rc take_members(tester_setup *s, const tree *t, err *e)
{
    s->flat.items = arena_array(&s->arena, t->count + 1, sizeof *s->flat.items);
    if (!s->flat.items)
        return err_nomem(e);
    for (const tree *m = t->first; m; m = m->next) {
        if (m->kind != TREE_STRING)
            return err_fail(e, WEIR_E_CONFIG, "%s:%zu:%zu: %.*s is %s: the platform knows texts only, \"true\" and \"12\" too", s->path, m->mark.line, m->mark.column,
                            VIEW_ARG(m->name), tree_kind_name(m->kind));
        s->flat.items[s->flat.count++] = (ft_pair){m->name, m->text};
    }
    return WEIR_OK;
}

static weir_rc read_file(tester_setup *s, err *e)
{
    buf text = {0};
    tree *t = NULL;
    if (access(s->path, F_OK) != 0)
        return WEIR_OK;
    weir_rc rc = io_read_file(s->path, 16 << 20, &text, e);
    weir_view kept = rc ? (weir_view){0} : arena_dup(&s->arena, buf_view(&text));
    buf_wipe(&text);
    if (!rc && !kept.ptr)
        return err_nomem(e);
    if (!rc)
        rc = tree_parse(&s->arena, kept, s->path, WEIR_E_CONFIG, &t, e);
    if (!rc && t->kind != TREE_OBJECT)
        rc = err_fail(e, WEIR_E_CONFIG, "%s: expected an object of texts", s->path);
    return rc ? rc : take_members(s, t, e);
}

static weir_rc write_file(const tester_setup *s, err *e)
{
    buf text = {0};
    json_out w = json_out_to(&text);
    out_open(&w, '{');
    for (size_t i = 0; i < s->flat.count; i++)
        out_text(out_namev(&w, s->flat.items[i].name), s->flat.items[i].value);
    out_close(&w, '}');
    buf_addc(&text, '\n');
    int fd = open(s->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600); /* replacing it keeps these rights */
    weir_rc rc = fd < 0 ? err_errno(e, errno, "write %s", s->path) : buf_ok(&text) ? WEIR_OK : err_nomem(e);
    if (fd >= 0)
        close(fd);
    if (!rc && chmod(s->path, 0600) != 0)
        rc = err_errno(e, errno, "chmod %s", s->path);
    if (!rc)
        rc = io_replace_file(s->path, buf_view(&text), e);
    buf_wipe(&text);
    return rc;
}

static weir_rc add_answer(tester_setup *s, weir_view name, weir_view value, err *e)
{
    ft_pair *items = arena_array(&s->arena, s->flat.count + 1, sizeof *items);
    if (!items)
        return err_nomem(e);
    if (s->flat.count)
        memcpy(items, s->flat.items, s->flat.count * sizeof *items);
    items[s->flat.count] = (ft_pair){name, value};
    s->flat.items = items;
    s->flat.count++;
    return WEIR_OK;
}

/* What is shown, and has no answer: asked for on a terminal, otherwise its default. */
static weir_rc complete(tester_setup *s, const tester_setup_options *o, bool *ret_asked, err *e)
{
    size_t at = 0;
    const ft_field *f;
    weir_rc rc = WEIR_OK;
    while (!rc && (f = ft_form_visible(&s->form, &s->flat, &at))) {
        weir_view answer = f->ask == FT_ASK_TOGGLE && !f->fallback.ptr ? VIEW("false") : f->fallback; /* toggles have a value, always */
        if (ft_flat_get(&s->flat, f->name).ptr)
            continue;
        if (o->ask && f->ask != FT_ASK_HIDDEN) {
            rc = tester_ask(f, &s->arena, o->stop_fd, &answer, e);
            *ret_asked = true;
        } else if (f->required && !answer.ptr && f->ask != FT_ASK_HIDDEN) {
            rc = err_fail(e, WEIR_E_CONFIG, "%s: '%.*s' is required and missing", s->path, VIEW_ARG(f->name));
        }
        if (!rc && answer.ptr)
            rc = add_answer(s, f->name, answer, e);
    }
    return rc;
}

static void mask(const tester_setup *s, const ft_field *fields, size_t count, log_sink *log)
{
    for (size_t i = 0; i < count; i++) {
        if (fields[i].ask == FT_ASK_GROUP)
            mask(s, fields[i].fields, fields[i].count, log);
        else if (fields[i].ask == FT_ASK_PASSWORD || fields[i].ask == FT_ASK_UPLOAD)
            log_mask(log, ft_flat_get(&s->flat, fields[i].name));
    }
}

static void look_at_answers(const tester_setup *s, report *r)
{
    for (size_t i = 0; i < s->flat.count; i++)
        if (!ft_form_shows(&s->form, &s->flat, s->flat.items[i].name))
            tester_warn(r, "configuration", "%s: '%.*s' is not asked for by the form with these answers", s->path, VIEW_ARG(s->flat.items[i].name));
}

weir_rc tester_setup_read(tester_setup *s, tester_peer *p, const tester_setup_options *o, report *r, err *e)
{
    buf answer = {0};
    bool asked = false;
    FivetranSdk__V2__ConfigurationFormRequest q = FIVETRAN_SDK__V2__CONFIGURATION_FORM_REQUEST__INIT;
    weir_rc rc = tester_peer_raw(p, "ConfigurationForm", &q.base, &answer, e);
    weir_view kept = rc ? (weir_view){0} : arena_dup(&s->arena, buf_view(&answer));
    buf_free(&answer);
    s->path = o->configuration ? o->configuration : arena_printf(&s->arena, "%s/configuration.json", o->data).ptr;
    if (!rc && (!kept.ptr || !s->path))
        rc = err_nomem(e);
    if (!rc)
        rc = ft_form_read(&s->arena, kept, &s->form, e);
    if (rc)
        return err_wrap(e, rc, "configuration form");
    tester_say(r, "form", "%zu fields, %zu tests", s->form.count, s->form.test_count);
    look_at_form(s, r);
    rc = read_file(s, e);
    mask(s, s->form.fields, s->form.count, r->log);
    if (!rc)
        rc = complete(s, o, &asked, e);
    mask(s, s->form.fields, s->form.count, r->log);
    if (!rc && asked)
        rc = write_file(s, e);
    if (!rc)
        look_at_answers(s, r);
    return rc;
}

/* ----------------------------------------------------------------------------------------------------------------- tests -- */

static weir_rc run_test(const tester_setup *s, const ft_option *test, tester_peer *p, report *r, arena *a, err *e)
{
    FivetranSdk__V2__TestRequest q = FIVETRAN_SDK__V2__TEST_REQUEST__INIT;
    ProtobufCMessage *m = NULL;
    q.name = ft_text(a, test->value);
    TESTER_CONFIGURATION(a, s, &q, FivetranSdk__V2__TestRequest__ConfigurationEntry, FIVETRAN_SDK__V2__TEST_REQUEST__CONFIGURATION_ENTRY__INIT);
    if (a->failed)
        return err_nomem(e);
    weir_rc rc = tester_peer_call(p, "Test", &q.base, &fivetran_sdk__v2__test_response__descriptor, a, &m, e);
    if (rc)
        return rc;
    const FivetranSdk__V2__TestResponse *t = (const void *)m;
    if (t->response_case == FIVETRAN_SDK__V2__TEST_RESPONSE__RESPONSE_FAILURE)
        return err_fail(e, WEIR_E_CONFIG, "%s", t->failure);
    if (t->response_case != FIVETRAN_SDK__V2__TEST_RESPONSE__RESPONSE_SUCCESS)
        tester_problem(r, "no_member", "the response to test '%.*s' says neither success nor failure", VIEW_ARG(test->value));
    else if (!t->success)
        tester_problem(r, "success_false", "the response to test '%.*s' is success: false, which says nothing", VIEW_ARG(test->value));
    else
        tester_say(r, "test", "%.*s (%.*s): passed", VIEW_ARG(test->label), VIEW_ARG(test->value));
    return WEIR_OK;
}

weir_rc tester_setup_test(const tester_setup *s, tester_peer *p, report *r, err *e)
{
    weir_rc rc = WEIR_OK;
    for (size_t i = 0; !rc && i < s->form.test_count; i++) {
        arena a = {0};
        rc = err_wrap(e, run_test(s, &s->form.tests[i], p, r, &a, e), "test '%.*s'", VIEW_ARG(s->form.tests[i].value));
        arena_free(&a);
    }
    return rc;
}

void tester_setup_free(tester_setup *s)
{
    arena_free(&s->arena);
}
