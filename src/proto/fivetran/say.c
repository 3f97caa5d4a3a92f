#include "proto/fivetran/say.h"

#include "base/io.h"
#include "json/write.h"

/* ---- logs ---- */

static const char *const levels[] = {
    [WEIR_ERROR] = "SEVERE", [WEIR_WARN] = "WARNING", [WEIR_INFO] = "INFO", [WEIR_DEBUG] = "INFO", [WEIR_TRACE] = "INFO",
};

static void put_line(void *arg, weir_level level, weir_view text)
{
    const ft_logs *l = arg;
    buf line = {0};
    err unheard = {0};
    json_out w = json_out_to(&line);
    out_open(&w, '{');
    out_text(out_name(&w, "level"), view_of(levels[level]));
    out_text(out_name(&w, "message"), text);
    out_text(out_name(&w, "message-origin"), view_of(l->origin));
    out_close(&w, '}');
    buf_addc(&line, '\n');
    if (buf_ok(&line))
        io_write(l->fd, buf_view(&line), "the log", &unheard);
    err_free(&unheard);
    buf_free(&line);
}

void ft_logs_begin(ft_logs *l, log_sink *log, int fd, bool destination)
{
    *l = (ft_logs){.outlet = {put_line, l}, .log = log, .fd = fd, .origin = destination ? "sdk_destination" : "sdk_connector"};
    log_redirect(log, &l->outlet);
}

void ft_logs_end(ft_logs *l)
{
    log_redirect(l->log, NULL);
}

/* ---- errors ---- */

enum { TASK = 1, FAILURE = 2, WARNING = 4 };

/* Who must act? The user, where settings are wrong: nothing else is a task. A test is there to tell what is wrong, whoever is to blame; only what says nothing about
 * the settings is a status. One table's trouble is not another's, unless it is ours or the machine's. */
static const unsigned becomes[] = {
    [WEIR_OK] = 0,
    [WEIR_STOPPED] = 0,
    [WEIR_E_CONFIG] = TASK | FAILURE | WARNING,
    [WEIR_E_TRANSIENT] = FAILURE | WARNING,
    [WEIR_E_REMOTE] = FAILURE | WARNING,
    [WEIR_E_PROTOCOL] = FAILURE | WARNING,
    [WEIR_E_NOMEM] = 0,
    [WEIR_E_BUG] = 0,
};

static bool may_become(weir_rc rc, unsigned what)
{
    return (size_t)rc < sizeof becomes / sizeof *becomes && becomes[rc] & what;
}

bool ft_is_task(weir_rc rc) { return may_become(rc, TASK); }
bool ft_is_failure(weir_rc rc) { return may_become(rc, FAILURE); }
bool ft_is_warning(weir_rc rc) { return may_become(rc, WARNING); }

void ft_reason(const log_sink *log, err *e, buf *out)
{
    log_masked(log, view_of(err_text(e)), out);
}

weir_rc ft_concluded(log_sink *log, const char *call, weir_rc rc, err *e)
{
    buf text = {0};
    if (!rc)
        return WEIR_OK;
    ft_reason(log, e, &text);
    if (rc == WEIR_STOPPED)
        log_line(log, WEIR_INFO, "%s: %s", call, buf_text(&text));
    else
        log_line(log, WEIR_ERROR, "%s: %s", call, buf_text(&text));
    if (buf_ok(&text))
        err_fail(e, rc, "%s", buf_text(&text));
    else
        err_nomem(e);
    buf_free(&text);
    return rc;
}
