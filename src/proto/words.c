#include "proto/words.h"

#include <ctype.h>
#include <errno.h>
#include <unistd.h>

#include "json/tree.h"

enum { LINE_MAX_BYTES = 1 << 20 }; /* a longer line is logged in pieces */

void words_init(words *w, log_sink *log, weir_view task)
{
    *w = (words){.log = log, .task = task, .pending.max = 2 * LINE_MAX_BYTES, .lock = PTHREAD_MUTEX_INITIALIZER};
}

static bool starts_folded(weir_view text, const char *word)
{
    size_t n = strlen(word);
    return text.len >= n && strncasecmp(text.ptr, word, n) == 0;
}

weir_level words_guess(weir_view text)
{
    static const char *const alarming[] = {"error", "failed", "panic", "timeout", "unable", "unrecognised", "unrecognized"};
    for (; text.len; text = view_from(text, 1)) {
        if (!strchr("efptu", *text.ptr | 0x20)) /* none begins otherwise: a flood of words shall not keep us busy */
            continue;
        for (size_t i = 0; i < sizeof alarming / sizeof *alarming; i++)
            if (starts_folded(text, alarming[i]))
                return WEIR_ERROR;
    }
    return WEIR_WARN;
}

static weir_view first_text(const tree *t, const char *a, const char *b)
{
    weir_view v = tree_text(t, a);
    return v.len ? v : tree_text(t, b);
}

/* A connector that says we broke the protocol has found a bug of ours. */
static weir_rc code_of(const tree *record)
{
    weir_view name = tree_text(tree_get(record, "fields"), "code");
    for (weir_rc rc = WEIR_E_CONFIG; name.len && rc <= WEIR_E_BUG; rc++)
        if (view_is(name, rc_name(rc)))
            return rc == WEIR_E_PROTOCOL ? WEIR_E_BUG : rc;
    return WEIR_E_REMOTE;
}

enum { RANK_MESSAGE = 1, RANK_ERROR, RANK_CRITICAL };

/* What ranks lower does not replace what was said before. */
static void note(words *w, int rank, weir_view message, weir_rc code)
{
    pthread_mutex_lock(&w->lock);
    if (message.len && rank >= w->last_rank) {
        buf_clear(&w->last);
        buf_addv(&w->last, message);
        w->last_rank = rank;
        w->code = code;
    }
    pthread_mutex_unlock(&w->lock);
}

static int rank_of(weir_level level) { return level == WEIR_ERROR ? RANK_ERROR : RANK_MESSAGE; }

void words_said(words *w, weir_level level, weir_view message, weir_rc code) { note(w, rank_of(level), message, code); }

/* Every member that is not time, level or message goes on as a field. */
static size_t gather_fields(const tree *record, arena *a, log_field **ret)
{
    static const char *const known[] = {"ts", "timestamp", "time", "level", "lvl", "message", "msg", "_meta", "shard", "spans"};
    const tree *own = tree_get(record, "fields");
    size_t room = record->count + (own ? own->count : 0), n = 0;
    log_field *fields = arena_array(a, room, sizeof *fields);
    for (int pass = 0; fields && pass < 2; pass++) {
        const tree *from = pass ? own : record;
        for (const tree *m = from && from->kind == TREE_OBJECT ? from->first : NULL; m; m = m->next) {
            bool skip = !pass && view_is(m->name, "fields");
            for (size_t i = 0; !pass && i < sizeof known / sizeof *known; i++)
                skip |= view_is(m->name, known[i]);
            if (!skip && n < room)
                fields[n++] = (log_field){m->name.ptr, m->kind == TREE_STRING ? m->text : m->raw, m->kind != TREE_STRING};
        }
    }
    *ret = fields;
    return fields ? n : 0;
}

static bool is_metric(const words *w, weir_view message) { return w->levels && view_starts(message, VIEW("METRIC")); }

static bool log_json(words *w, weir_view line)
{
    arena a = {0};
    err e = {0};
    tree *record = NULL;
    bool ok = tree_parse(&a, line, NULL, WEIR_E_PROTOCOL, &record, &e) == WEIR_OK && record->kind == TREE_OBJECT;
    if (ok) {
        weir_view message = first_text(record, "message", "msg");
        weir_level level = log_level_of(first_text(record, "level", "lvl"));
        log_field *fields;
        size_t n = gather_fields(record, &a, &fields);
        if (!message.len)
            message = line;
        if (!level)
            level = words_guess(message);
        if (is_metric(w, message))
            level = WEIR_DEBUG;
        words_said(w, level, message, code_of(record));
        log_record(w->log, level, w->task, message, fields, n);
    }
    arena_free(&a);
    err_free(&e);
    return ok;
}

static weir_view trim(weir_view text)
{
    while (text.len && isspace((unsigned char)*text.ptr))
        text = view_from(text, 1);
    while (text.len && isspace((unsigned char)text.ptr[text.len - 1]))
        text.len--;
    return text;
}

/* Takes what stands before `end` off the text. @return false if it does not come */
static bool take_until(weir_view *text, char end, weir_view *ret)
{
    const char *at = text->len ? memchr(text->ptr, end, text->len) : NULL;
    if (!at)
        return false;
    *ret = (weir_view){text->ptr, (size_t)(at - text->ptr)};
    *text = view_from(*text, ret->len + 1);
    return true;
}

/* Behind the time that a line may begin with. */
static weir_view behind_time(weir_view line)
{
    while (line.len && (strchr("0123456789-:.,+/ []()|\t", *line.ptr) || *line.ptr == 'T' || *line.ptr == 'Z')) {
        if ((*line.ptr == 'T' || *line.ptr == 'Z') && (line.len < 2 || isupper((unsigned char)line.ptr[1])))
            break; /* a word */
        line = view_from(line, 1);
    }
    return line;
}

/* "time=... name=LOGGER level=LEVEL message=TEXT", as the targets of one family write it: with the pairs before the level taken off.
 * @return false: it is no such line */
static bool strip_pairs(weir_view *line, weir_view *ret_logger)
{
    weir_view rest = *line, name;
    if (!view_starts(rest, VIEW("time=")))
        return false;
    while (rest.len && !view_starts(rest, VIEW("level="))) {
        if (view_starts(rest, VIEW("name=")) && take_until(&rest, ' ', &name))
            *ret_logger = view_from(name, 5);
        else
            rest = view_from(rest, 1);
    }
    *line = rest.len ? view_from(rest, 6) : *line;
    return rest.len > 0;
}

/* The level that a line of Python's loggers says, with what else it says. @return 0 if it says none */
static weir_level logger_line(weir_view line, weir_view *ret_logger, weir_view *ret_text, int *ret_rank)
{
    static const struct { const char *word; weir_level level; int rank; } levels[] = {
        {"CRITICAL", WEIR_ERROR, RANK_CRITICAL}, {"FATAL", WEIR_ERROR, RANK_CRITICAL}, {"ERROR", WEIR_ERROR, RANK_ERROR},
        {"WARNING", WEIR_WARN, RANK_MESSAGE}, {"WARN", WEIR_WARN, RANK_MESSAGE}, {"INFO", WEIR_INFO, RANK_MESSAGE}, {"DEBUG", WEIR_DEBUG, RANK_MESSAGE},
    };
    weir_view pairs_logger = {0}, rest = line;
    bool pairs = strip_pairs(&rest, &pairs_logger);
    rest = pairs ? rest : behind_time(line);
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
        weir_view text = view_from(rest, strlen(levels[i].word));
        if (!view_starts(rest, view_of(levels[i].word)) || (text.len && !strchr(" \t:|])", *text.ptr)))
            continue;
        bool named = text.len > 1 && text.ptr[0] == ':' && !isspace((unsigned char)text.ptr[1]);
        while (text.len && strchr(" \t:|])", *text.ptr)) {
            named |= *text.ptr == '|';
            text = view_from(text, 1);
        }
        *ret_logger = (weir_view){0};
        if (named)
            take_until(&text, rest.ptr[strlen(levels[i].word)] == ':' ? ':' : '|', ret_logger);
        if (pairs) {
            *ret_logger = pairs_logger;
            text = view_starts(text, VIEW("message=")) ? view_from(text, 8) : text;
        }
        *ret_logger = trim(*ret_logger);
        *ret_text = trim(text);
        *ret_rank = levels[i].rank;
        return levels[i].level;
    }
    return 0;
}

static void log_one(words *w, weir_view line)
{
    weir_view logger = {0}, text = line;
    while (text.len && isspace((unsigned char)text.ptr[text.len - 1]))
        text.len--;
    line = text;
    if (!line.len || (*line.ptr == '{' && log_json(w, line)))
        return;
    int rank = 0;
    weir_level level = w->levels ? logger_line(line, &logger, &text, &rank) : 0;
    if (!level)
        level = words_guess(line);
    if (is_metric(w, text))
        level = WEIR_DEBUG;
    note(w, rank ? rank : rank_of(level), text.len ? text : line, WEIR_E_REMOTE);
    log_record(w->log, level, w->task, text, &(log_field){"logger", logger, false}, logger.len > 0);
}

bool words_read(words *w, int fd)
{
    if (!buf_reserve(&w->pending, 64 * 1024))
        return false;
    ssize_t n = read(fd, w->pending.ptr + w->pending.len, 64 * 1024);
    if (n < 0)
        return errno == EINTR || errno == EAGAIN;
    if (n == 0)
        return false;
    w->pending.len += (size_t)n;
    size_t from = 0;
    const char *nl;
    while ((nl = memchr(w->pending.ptr + from, '\n', w->pending.len - from))) {
        size_t len = (size_t)(nl - w->pending.ptr) - from;
        log_one(w, (weir_view){w->pending.ptr + from, len});
        from += len + 1;
    }
    buf_drop(&w->pending, from);
    if (w->pending.len > LINE_MAX_BYTES)
        words_end(w);
    return true;
}

void words_end(words *w)
{
    log_one(w, buf_view(&w->pending));
    buf_clear(&w->pending);
}

weir_view words_last(const words *w) { return buf_view(&w->last); }
weir_rc words_code(const words *w) { return w->code ? w->code : WEIR_E_REMOTE; }

void words_free(words *w)
{
    buf_free(&w->pending);
    buf_free(&w->last);
    pthread_mutex_destroy(&w->lock);
}
