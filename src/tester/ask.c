#include "tester/ask.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include "base/io.h"
#include "json/text.h"

/* --------------------------------------------------------------------------------------------------------------- showing -- */

static weir_rc show(const buf *text, err *e)
{
    return buf_ok(text) ? io_write(2, buf_view(text), "the terminal", e) : err_nomem(e);
}

static void put_question(const ft_field *f, buf *out)
{
    buf_printf(out, "%.*s", VIEW_ARG(f->label.len ? f->label : f->name));
    if (f->description.len)
        buf_printf(out, " (%.*s)", VIEW_ARG(f->description));
    buf_addc(out, '\n');
    for (size_t i = 0; i < f->option_count; i++) {
        const ft_option *o = &f->options[i];
        buf_printf(out, "  %zu  %.*s%s%.*s\n", i + 1, VIEW_ARG(o->label.len ? o->label : o->value), o->description.len ? ": " : "", VIEW_ARG(o->description));
    }
    if (f->ask == FT_ASK_TOGGLE)
        buf_adds(out, "  true or false");
    else if (f->ask == FT_ASK_UPLOAD)
        buf_adds(out, "  path of a file");
    if (f->fallback.len)
        buf_printf(out, " [%.*s]", VIEW_ARG(f->fallback));
    else if (f->placeholder.len)
        buf_printf(out, " (such as %.*s)", VIEW_ARG(f->placeholder));
    else if (!f->required)
        buf_adds(out, " (may be left out)");
    buf_adds(out, "> ");
}

/* --------------------------------------------------------------------------------------------------------------- reading -- */

/* The next byte of the terminal. @return false: there is none, or somebody wants to stop */
static bool read_byte(int stop_fd, char *c, bool *ret_stopped)
{
    struct pollfd fds[] = {{.fd = 0, .events = POLLIN}, {.fd = stop_fd, .events = POLLIN}};
    if (poll(fds, 2, -1) < 0)
        return false;
    *ret_stopped = fds[1].revents != 0;
    return !*ret_stopped && read(0, c, 1) == 1;
}

/* A line of the terminal; without echo if it is a secret. Byte by byte: what follows belongs to others. */
static weir_rc read_line(bool secret, int stop_fd, buf *out, err *e)
{
    struct termios was, silent;
    bool changed = secret && tcgetattr(0, &was) == 0;
    char c = 0;
    bool more, stopped = false;
    if (changed) {
        silent = was;
        silent.c_lflag &= ~(tcflag_t)ECHO;
        silent.c_lflag |= ECHONL;
        changed = tcsetattr(0, TCSAFLUSH, &silent) == 0;
    }
    while ((more = read_byte(stop_fd, &c, &stopped)) && c != '\n')
        buf_addc(out, c);
    if (changed)
        tcsetattr(0, TCSAFLUSH, &was);
    if (stopped)
        return err_fail(e, WEIR_STOPPED, "stopped");
    if (!more)
        return err_fail(e, WEIR_E_CONFIG, "the answers have ended");
    return buf_ok(out) ? WEIR_OK : err_nomem(e);
}

/* ------------------------------------------------------------------------------------------------------------- answering -- */

/* @return what is wrong with it; NULL: nothing */
typedef const char *taker(const ft_field *f, buf *line, arena *a, weir_view *ret);

static const char *take_text(const ft_field *f, buf *line, arena *a, weir_view *ret)
{
    (void)f;
    *ret = arena_dup(a, buf_view(line));
    return NULL;
}

static const char *take_toggle(const ft_field *f, buf *line, arena *a, weir_view *ret)
{
    static const struct { const char *typed, *value; } words[] = {{"true", "true"}, {"yes", "true"}, {"y", "true"}, {"false", "false"}, {"no", "false"}, {"n", "false"}};
    (void)f, (void)a;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (view_is(buf_view(line), words[i].typed)) {
            *ret = view_of(words[i].value);
            return NULL;
        }
    return "true or false, please";
}

/* By its number, or as it is. */
static const char *take_option(const ft_field *f, buf *line, arena *a, weir_view *ret)
{
    char *end;
    unsigned long n = strtoul(buf_text(line), &end, 10);
    (void)a;
    for (size_t i = 0; i < f->option_count; i++)
        if (view_eq(f->options[i].value, buf_view(line)) || (!*end && n == i + 1)) {
            *ret = f->options[i].value;
            return NULL;
        }
    return "one of the numbers, please";
}

static const char *take_file(const ft_field *f, buf *line, arena *a, weir_view *ret)
{
    buf content = {0}, text = {0};
    err why = {0};
    const char *wrong = NULL;
    if (io_read_file(buf_text(line), f->max_bytes > 0 ? (size_t)f->max_bytes : 0, &content, &why))
        wrong = "this file cannot be read, or is too large";
    base64_encode(&text, buf_view(&content));
    if (!wrong)
        *ret = arena_dup(a, buf_view(&text));
    buf_wipe(&content);
    buf_wipe(&text);
    err_free(&why);
    return wrong;
}

static taker *const takers[] = {
    [FT_ASK_NOTHING] = take_text, [FT_ASK_TEXT] = take_text, [FT_ASK_PASSWORD] = take_text, [FT_ASK_HIDDEN] = take_text, [FT_ASK_DROPDOWN] = take_option,
    [FT_ASK_DESCRIBED] = take_option, [FT_ASK_TOGGLE] = take_toggle, [FT_ASK_UPLOAD] = take_file, [FT_ASK_GROUP] = take_text,
};

static weir_rc ask_once(const ft_field *f, arena *a, int stop_fd, weir_view *ret, bool *ret_again, err *e)
{
    buf text = {0}, line = {0};
    const char *wrong = NULL;
    *ret_again = false;
    put_question(f, &text);
    weir_rc rc = show(&text, e);
    if (!rc)
        rc = read_line(f->ask == FT_ASK_PASSWORD, stop_fd, &line, e);
    if (!rc && line.len)
        wrong = takers[f->ask](f, &line, a, ret);
    else if (!rc && f->required && !ret->ptr)
        wrong = "this is required";
    if (wrong) {
        buf_clear(&text);
        buf_printf(&text, "%s\n", wrong);
        rc = show(&text, e);
        *ret_again = true;
    }
    buf_free(&text);
    buf_wipe(&line);
    return !rc && a->failed ? err_nomem(e) : rc;
}

weir_rc tester_ask(const ft_field *f, arena *a, int stop_fd, weir_view *ret, err *e)
{
    bool again = true;
    weir_rc rc = WEIR_OK;
    while (!rc && again)
        rc = ask_once(f, a, stop_fd, ret, &again, e);
    return rc;
}
