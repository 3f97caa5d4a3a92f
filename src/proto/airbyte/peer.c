#include "proto/airbyte/peer.h"

#include "json/pointer.h"
#include "json/text.h"
#include "json/tree.h"

/* ---- start ---- */

static size_t count_of(const char *const *list)
{
    size_t n = 0;
    while (list[n])
        n++;
    return n;
}

/* Its own arguments, the command, and a file for each flag. */
static weir_rc arguments(airbyte_peer *p, const char *command, const airbyte_paper *files, size_t count, const char ***ret, err *e)
{
    size_t own = count_of(p->o->argv), k = 0;
    const char **argv = arena_array(&p->papers.arena, own + 2 + 2 * count, sizeof *argv);
    if (!argv)
        return err_nomem(e);
    while (k < own) {
        argv[k] = p->o->argv[k];
        k++;
    }
    argv[k++] = command;
    for (size_t i = 0; i < count; i++) {
        argv[k++] = files[i].flag;
        weir_rc rc = papers_put(&p->papers, files[i].name, files[i].content, &argv[k++], e);
        if (rc)
            return rc;
    }
    *ret = argv;
    return WEIR_OK;
}

weir_rc airbyte_peer_start(airbyte_peer *p, const drive_options *o, int stop_fd, const char *command, const airbyte_paper *files, size_t count, err *e)
{
    *p = (airbyte_peer){.o = o};
    const char **argv = NULL;
    weir_rc rc = arguments(p, command, files, count, &argv, e);
    if (rc)
        return rc;
    static const char *const ours[] = {"LOG_FORMAT=json", NULL}; /* one of ours shall be read as such, whatever we were told */
    const child_options c = {.argv = argv, .env = o->env, .more_env = ours, .o = o, .stop_fd = stop_fd, .open_end = true, .levels = true};
    return child_start(&p->c, &c, e);
}

/* ---- what it logs ---- */

enum { SHOWN = 4096 }; /* of a line that is no message */

void airbyte_put_words(buf *out, weir_view text)
{
    enum { MOST = 300 };
    while (text.len && (unsigned char)text.ptr[text.len - 1] <= ' ')
        text.len--;
    size_t len = text.len > MOST ? MOST : text.len;
    while (len && len < text.len && ((unsigned char)text.ptr[len] & 0xc0) == 0x80)
        len--; /* not within a character */
    buf_add(out, text.ptr, len);
    if (len < text.len)
        buf_printf(out, "... (%zu bytes)", text.len);
}

static void remember(airbyte_peer *p, weir_level level, weir_view message)
{
    buf text = {0};
    airbyte_put_words(&text, message);
    child_said(p->c, level, buf_view(&text), WEIR_E_REMOTE);
    buf_free(&text);
}

static void note_junk(airbyte_peer *p, weir_view line)
{
    while (line.len && (unsigned char)line.ptr[line.len - 1] <= ' ')
        line.len--;
    if (!line.len)
        return;
    p->junk++;
    if (!log_enabled(p->o->log, WEIR_INFO))
        return;
    buf text = {0};
    buf_add(&text, line.ptr, line.len < SHOWN ? line.len : SHOWN);
    if (line.len > SHOWN)
        buf_printf(&text, "... (%zu bytes)", line.len);
    log_record(p->o->log, WEIR_INFO, p->o->task_name, buf_view(&text), NULL, 0);
    remember(p, WEIR_INFO, buf_view(&text));
    buf_free(&text);
}

static void note_log(airbyte_peer *p, weir_view body)
{
    arena a = {0};
    weir_view message = json_decode(&a, pointer_find(body, VIEW("/message")));
    weir_view stack = json_decode(&a, pointer_find(body, VIEW("/stack_trace")));
    weir_level level = log_level_of(json_decode(&a, pointer_find(body, VIEW("/level"))));
    const log_field field = {.name = "stack_trace", .value = stack};
    level = level ? level : WEIR_INFO;
    log_record(p->o->log, level, p->o->task_name, message, &field, stack.len > 0);
    remember(p, level, message);
    arena_free(&a);
}

/* The stream that an error is about, before its text. */
static void put_descriptor(buf *out, const tree *error)
{
    const tree *d = tree_get(error, "stream_descriptor");
    weir_view name = tree_text(d, "name"), name_space = tree_text(d, "namespace");
    if (name.len)
        buf_printf(out, "stream %.*s%s%.*s: ", VIEW_ARG(name_space), name_space.len ? "." : "", VIEW_ARG(name));
}

/* What users are told, and what is behind it: the CDK's messages are often the same for everything. */
static void put_error(buf *out, const tree *error)
{
    weir_view message = tree_text(error, "message"), internal = tree_text(error, "internal_message");
    put_descriptor(out, error);
    airbyte_put_words(out, message.len ? message : VIEW("an error without a message"));
    if (!internal.len || view_eq(internal, message))
        return;
    buf_adds(out, " (");
    airbyte_put_words(out, internal);
    buf_addc(out, ')');
}

/* The first is the reason; a last one often only sums up. */
static weir_rc note_error(airbyte_peer *p, const tree *error, err *e)
{
    buf text = {0};
    weir_view stack = tree_text(error, "stack_trace");
    const log_field field = {.name = "stack_trace", .value = stack};
    put_error(&text, error);
    bool first = p->failures++ == 0;
    if (first) {
        p->failure = airbyte_failure_code(tree_text(error, "failure_type"));
        buf_addv(&p->failed, buf_view(&text));
    }
    if (!first || stack.len)
        log_record(p->o->log, first ? WEIR_DEBUG : WEIR_ERROR, p->o->task_name, buf_view(&text), &field, stack.len > 0);
    weir_rc rc = buf_ok(&p->failed) && buf_ok(&text) ? WEIR_OK : err_nomem(e);
    buf_free(&text);
    return rc;
}

/* *ret_taken: it was an error. */
static weir_rc note_trace(airbyte_peer *p, weir_view body, bool *ret_taken, err *e)
{
    arena a = {0};
    tree *t;
    err unused = {0};
    weir_rc rc = tree_parse(&a, body, NULL, WEIR_E_PROTOCOL, &t, &unused);
    const tree *error = rc ? NULL : tree_get(t, "error");
    *ret_taken = !tree_is_null(error) && error->kind == TREE_OBJECT;
    rc = *ret_taken ? note_error(p, error, e) : WEIR_OK;
    arena_free(&a);
    err_free(&unused);
    return rc;
}

/* ---- its messages ---- */

weir_rc airbyte_peer_next_until(airbyte_peer *p, int64_t until, airbyte_message *ret, bool *ret_more, err *e)
{
    for (;;) {
        weir_view line;
        weir_rc rc = child_line_until(p->c, until, &line, ret_more, e);
        if (rc || !*ret_more)
            return rc;
        *ret = (airbyte_message){0};
        if (!line.ptr)
            return WEIR_OK;
        rc = airbyte_read(line, ret, NULL, e);
        if (rc && child_stopped(p->c))
            return err_fail(e, WEIR_STOPPED, "stopped"); /* in the middle of a line (airbyte.md 1.2) */
        if (rc || ret->type == AIRBYTE_RECORD)
            return rc;
        bool taken = ret->type == AIRBYTE_NOTHING || ret->type == AIRBYTE_LOG;
        if (ret->type == AIRBYTE_NOTHING)
            note_junk(p, line);
        else if (ret->type == AIRBYTE_LOG)
            note_log(p, ret->body);
        else if (ret->type == AIRBYTE_TRACE)
            rc = note_trace(p, ret->body, &taken, e);
        if (rc || !taken)
            return rc;
    }
}

weir_rc airbyte_peer_next(airbyte_peer *p, airbyte_message *ret, bool *ret_more, err *e)
{
    return airbyte_peer_next_until(p, 0, ret, ret_more, e);
}

/* ---- the end ---- */

static weir_rc own_words(airbyte_peer *p, err *e)
{
    if (p->failures == 2)
        return err_fail(e, p->failure, "%s (and one more error)", buf_text(&p->failed));
    if (p->failures > 2)
        return err_fail(e, p->failure, "%s (and %zu more errors)", buf_text(&p->failed), p->failures - 1);
    return err_fail(e, p->failure, "%s", buf_text(&p->failed));
}

static void warn(const airbyte_peer *p, err *e, const char *what)
{
    buf text = {0};
    buf_printf(&text, "it has answered, but %s: %s", what, err_text(e));
    log_record(p->o->log, WEIR_WARN, p->o->task_name, buf_view(&text), NULL, 0);
    buf_free(&text);
}

weir_rc airbyte_peer_finish(airbyte_peer *p, bool answered, err *e)
{
    int status = 0;
    err said = {0};
    weir_rc rc = child_finish(p->c, &status, &said);
    bool died = !rc && status != 0 && !child_stopped(p->c);
    if (!child_stopped(p->c) && p->failure)
        rc = own_words(p, &said);
    else if (died)
        rc = child_describe(p->c, &said);
    if (rc && answered) {
        warn(p, &said, p->failure ? "reports an error" : "has not ended well");
        rc = WEIR_OK;
    } else if (rc) {
        err_move(e, &said);
    }
    err_free(&said);
    return rc;
}

weir_rc airbyte_peer_explain(airbyte_peer *p, weir_rc rc, err *e)
{
    if (!rc || rc == WEIR_STOPPED || !p->c || child_stopped(p->c))
        return rc;
    return p->failure && rc == WEIR_E_PROTOCOL ? own_words(p, e) : child_explain(p->c, rc, e);
}

void airbyte_peer_free(airbyte_peer *p)
{
    child_free(p->c);
    papers_free(&p->papers);
    buf_free(&p->failed);
    *p = (airbyte_peer){0};
}

/* ---- questions ---- */

weir_view airbyte_control_config(weir_view body)
{
    weir_view config = pointer_find(body, VIEW("/connectorConfig/config"));
    return config.len && *config.ptr == '{' ? config : (weir_view){0};
}

/* Reads on after the answer: the process shall not find its output closed (airbyte.md 1.3). */
static weir_rc read_answer(const airbyte_question *q, airbyte_peer *p, buf *ret_body, bool *ret_answered, err *e)
{
    for (;;) {
        airbyte_message m;
        bool more;
        weir_rc rc = airbyte_peer_next(p, &m, &more, e);
        if (rc || !more)
            return rc;
        weir_view config = m.type == AIRBYTE_CONTROL ? airbyte_control_config(m.body) : (weir_view){0};
        if (m.type == q->answer && !*ret_answered) {
            *ret_answered = true;
            buf_addv(ret_body, m.body);
        } else if (config.len && q->control) {
            rc = q->control(q->arg, config, e);
        }
        if (!rc && !buf_ok(ret_body))
            rc = err_nomem(e);
        if (rc)
            return rc;
    }
}

weir_rc airbyte_ask(const airbyte_question *q, const drive_options *o, int stop_fd, buf *ret_body, err *e)
{
    airbyte_peer p;
    bool answered = false;
    weir_rc rc = airbyte_peer_start(&p, o, stop_fd, q->command, q->papers, q->paper_count, e);
    if (!rc)
        child_close_input(p.c);
    if (!rc)
        rc = airbyte_peer_explain(&p, read_answer(q, &p, ret_body, &answered, e), e);
    if (!rc)
        rc = airbyte_peer_finish(&p, answered, e);
    if (!rc && !answered)
        rc = err_fail(e, WEIR_E_PROTOCOL, "the connector has ended without a %s message", airbyte_type_name(q->answer));
    airbyte_peer_free(&p);
    return err_wrap(e, rc, "%s", q->command);
}
