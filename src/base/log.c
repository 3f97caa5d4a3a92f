#include "base/log.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/mask.h"

struct log_sink {
    int fd;
    log_format format;
    atomic_int level;
    pthread_mutex_t lock; /* of what follows */
    mask_list masks;
    bool blind; /* a secret could not be remembered */
    const log_outlet *outlet;
    pthread_mutex_t turn; /* of the outlet */
};

#define WITHHELD "(withheld: there was no memory to remember what must be masked)"

/* -------------------------------------------------------------------------------------------------------------- levels -- */

static const struct {
    const char *word;
    weir_level level;
} words[] = {
    {"error", WEIR_ERROR}, {"warn", WEIR_WARN},       {"info", WEIR_INFO},   {"debug", WEIR_DEBUG},
    {"trace", WEIR_TRACE}, {"warning", WEIR_WARN},    {"fatal", WEIR_ERROR}, {"panic", WEIR_ERROR},
};

static const char *const colors[] = {
    [WEIR_ERROR] = "\033[31m", [WEIR_WARN] = "\033[33m",  [WEIR_INFO] = "\033[32m",
    [WEIR_DEBUG] = "\033[36m", [WEIR_TRACE] = "\033[90m",
};

static weir_level clip(weir_level level)
{
    return level < WEIR_ERROR ? WEIR_ERROR : level > WEIR_TRACE ? WEIR_TRACE : level;
}

const char *log_level_name(weir_level level)
{
    return words[clip(level) - WEIR_ERROR].word;
}

weir_level log_level_of(weir_view word)
{
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (word.len == strlen(words[i].word) && strncasecmp(word.ptr, words[i].word, word.len) == 0)
            return words[i].level;
    return 0;
}

bool log_enabled(const log_sink *l, weir_level level)
{
    return l && (int)level <= atomic_load_explicit(&l->level, memory_order_relaxed);
}

void log_set_level(log_sink *l, weir_level level)
{
    if (l)
        atomic_store_explicit(&l->level, (int)clip(level), memory_order_relaxed);
}

/* -------------------------------------------------------------------------------------------------------- open, close -- */

static const char *setting(const char *name)
{
    const char *text = getenv(name);
    return text && *text ? text : NULL;
}

static log_format default_format(int fd)
{
    const char *term = setting("TERM");
    if (!isatty(fd))
        return LOG_JSON;
    return setting("NO_COLOR") || !term || strcmp(term, "dumb") == 0 ? LOG_TEXT : LOG_COLOR;
}

static void read_level(log_sink *l)
{
    const char *text = setting("LOG_LEVEL");
    weir_level level = log_level_of(view_of(text));
    log_set_level(l, level ? level : WEIR_INFO);
    if (text && !level)
        log_line(l, WEIR_WARN, "LOG_LEVEL is \"%s\": error, warn, info, debug and trace are known; info it is", text);
}

static void read_format(log_sink *l)
{
    static const char *const names[] = {[LOG_JSON] = "json", [LOG_TEXT] = "text", [LOG_COLOR] = "color"};
    const char *text = setting("LOG_FORMAT");
    l->format = text ? LOG_JSON : default_format(l->fd);
    if (text && strcasecmp(text, "singer") == 0)
        return; /* JSON, until it is known whether that is served: proto/singer/logs.h */
    for (int i = LOG_JSON; text && i <= LOG_COLOR; i++) {
        if (strcasecmp(text, names[i]) == 0) {
            l->format = (log_format)i;
            return;
        }
    }
    if (text)
        log_line(l, WEIR_WARN, "LOG_FORMAT is \"%s\": json, text and color are known; json it is", text);
}

static void begin(log_sink *l, int fd)
{
    l->fd = fd;
    atomic_init(&l->level, WEIR_INFO);
    pthread_mutex_init(&l->lock, NULL);
    pthread_mutex_init(&l->turn, NULL);
    read_format(l);
    read_level(l);
}

/* Who has no log cannot say why: so it is said here. */
static void say_no_memory(int fd)
{
    log_sink spare = {0};
    begin(&spare, fd);
    const log_field fields[] = {{"code", view_of(rc_name(WEIR_E_NOMEM)), false}, {"who", view_of(rc_who(WEIR_E_NOMEM)), false}};
    log_record(&spare, WEIR_ERROR, (weir_view){0}, VIEW("out of memory"), fields, 2);
    pthread_mutex_destroy(&spare.lock);
    pthread_mutex_destroy(&spare.turn);
}

log_sink *log_open(int fd)
{
    log_sink *l = calloc(1, sizeof *l);
    if (l)
        begin(l, fd);
    else
        say_no_memory(fd);
    return l;
}

void log_close(log_sink *l)
{
    if (!l)
        return;
    mask_free(&l->masks);
    pthread_mutex_destroy(&l->lock);
    pthread_mutex_destroy(&l->turn);
    free(l);
}

/* ------------------------------------------------------------------------------------------------------------ escaping -- */

/* A run that does not fit a limited buf is cut at a character, so that the spare line below is as full as it can be. */
static void add_run(buf *out, const char *p, size_t n)
{
    bool cut = out->max && !out->failed && n > out->max - out->len;
    if (cut)
        for (n = out->max - out->len; n && ((unsigned char)p[n] & 0xc0) == 0x80;)
            n--;
    buf_add(out, p, n);
    out->failed |= cut;
}

/* Length of the well-formed UTF-8 character at p (RFC 3629), 0 if there is none. */
static size_t character(const unsigned char *p, size_t len)
{
    unsigned char low = 0x80, high = 0xbf;
    if (p[0] < 0x80)
        return 1;
    size_t n = p[0] >= 0xc2 && p[0] < 0xe0 ? 2 : p[0] >= 0xe0 && p[0] < 0xf0 ? 3 : p[0] >= 0xf0 && p[0] < 0xf5 ? 4 : 0;
    if (!n || n > len)
        return 0;
    low = p[0] == 0xe0 ? 0xa0 : p[0] == 0xf0 ? 0x90 : low;
    high = p[0] == 0xed ? 0x9f : p[0] == 0xf4 ? 0x8f : high;
    if (p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < n; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    return n;
}

static void add_control(buf *out, unsigned code)
{
    static const char letters[] = "\b\f\n\r\t", escaped[] = "bfnrt";
    const char *found = code ? strchr(letters, (int)code) : NULL;
    if (found)
        buf_printf(out, "\\%c", escaped[found - letters]);
    else
        buf_printf(out, "\\u%04x", code);
}

/* Makes the inside of a JSON string, or with quotes false one line of text that no terminal obeys; what is not UTF-8 becomes
 * U+FFFD. */
static void escape(buf *out, weir_view v, bool quotes)
{
    const unsigned char *p = (const unsigned char *)v.ptr;
    size_t run = 0, i = 0, n;
    for (; i < v.len; i += n) {
        n = character(p + i, v.len - i);
        bool high_control = n == 2 && p[i] == 0xc2 && p[i + 1] < 0xa0;
        bool marked = quotes && (p[i] == '"' || p[i] == '\\');
        if (n && p[i] >= 0x20 && p[i] != 0x7f && !high_control && !marked)
            continue;
        add_run(out, v.ptr + run, i - run);
        if (!n)
            buf_adds(out, "\xef\xbf\xbd");
        else if (marked)
            buf_add(out, p[i] == '"' ? "\\\"" : "\\\\", 2);
        else
            add_control(out, high_control ? p[i + 1] : p[i]);
        n = n ? n : 1;
        run = i + n;
    }
    add_run(out, v.ptr ? v.ptr + run : "", v.len - run);
}

static void put_raw(buf *out, weir_view v) { buf_addv(out, v); }
static void put_inside(buf *out, weir_view v) { escape(out, v, true); }
static void put_line(buf *out, weir_view v) { escape(out, v, false); }

/* ------------------------------------------------------------------------------------------------------------- masking -- */

typedef void put_fn(buf *out, weir_view clean);

static void put_masked(const log_sink *l, weir_view text, int min_depth, put_fn *put, buf *out)
{
    size_t done = 0, len;
    for (size_t at = 0; mask_next(&l->masks, text, min_depth, &at, &len); at = done) {
        put(out, (weir_view){text.ptr + done, at - done});
        buf_adds(out, "***");
        done = at + len;
    }
    if (text.len)
        put(out, view_from(text, done));
}

static void put_string(const log_sink *l, weir_view text, buf *out)
{
    buf_addc(out, '"');
    put_masked(l, text, 0, put_inside, out);
    buf_addc(out, '"');
}

static bool has_secret(const log_sink *l, weir_view text)
{
    size_t at = 0, len;
    return mask_next(&l->masks, text, 0, &at, &len);
}

/* Length of the JSON string that v begins with, quotes included; 0 if it has no end. */
static size_t string_length(weir_view v)
{
    for (size_t i = 1; i < v.len; i++) {
        if (v.ptr[i] == '"')
            return i + 1;
        i += v.ptr[i] == '\\';
    }
    return 0;
}

static bool is_scalar(char c)
{
    return (unsigned char)c > ' ' && !strchr("{}[],:\"", c);
}

/* Token by token, so that the result is JSON again. @return false if a string has no end */
static bool put_tokens(const log_sink *l, weir_view v, buf *out)
{
    for (size_t n; v.len; v = view_from(v, n)) {
        n = 0;
        if (*v.ptr == '"') {
            n = string_length(v);
            if (!n)
                return false;
            buf_addc(out, '"');
            put_masked(l, (weir_view){v.ptr + 1, n - 2}, 1, put_line, out);
            buf_addc(out, '"');
            continue;
        }
        while (n < v.len && is_scalar(v.ptr[n]))
            n++;
        weir_view scalar = {v.ptr, n};
        if (n && has_secret(l, scalar))
            buf_adds(out, "\"***\"");
        else if (n)
            put_line(out, scalar);
        else
            buf_addc(out, (unsigned char)v.ptr[n++] < ' ' ? ' ' : v.ptr[0]);
    }
    return true;
}

/* A secret that reaches across tokens, such as a whole JSON object, turns the value into a string. */
static void put_json(const log_sink *l, weir_view v, buf *out)
{
    size_t start = out->len;
    if (!v.len)
        buf_adds(out, "null");
    bool whole = put_tokens(l, v, out);
    if (!out->failed && (!whole || has_secret(l, view_from(buf_view(out), start)))) {
        out->len = start;
        put_string(l, v, out);
    }
}

/* ------------------------------------------------------------------------------------------------------------- records -- */

typedef struct record {
    weir_level level;
    char time[CLOCK_TEXT];
    size_t time_len;
    weir_view scope, message;
    const log_field *fields;
    size_t count;
} record;

static weir_view name_of(const record *r, const log_field *f)
{
    return r->scope.len && strcmp(f->name, "task") == 0 ? VIEW("inner_task") : view_of(f->name);
}

static void json_fields(const log_sink *l, const record *r, buf *out)
{
    const char *comma = "";
    buf_adds(out, ",\"fields\":{");
    if (r->scope.len) {
        buf_adds(out, "\"task\":");
        put_string(l, r->scope, out);
        comma = ",";
    }
    for (size_t i = 0; i < r->count; i++, comma = ",") {
        const log_field *f = &r->fields[i];
        buf_adds(out, comma);
        put_string(l, name_of(r, f), out);
        buf_addc(out, ':');
        (f->json ? put_json : put_string)(l, f->value, out);
    }
    buf_addc(out, '}');
}

static void json_begin(const record *r, buf *out)
{
    buf_printf(out, "{\"ts\":\"%.*s\",\"level\":\"%s\",\"message\":\"", (int)r->time_len, r->time, log_level_name(r->level));
}

static void text_begin(const log_sink *l, const record *r, buf *out)
{
    bool color = l->format == LOG_COLOR;
    buf_printf(out, "%.*s %s%-5s%s ", (int)r->time_len, r->time, color ? colors[r->level] : "", log_level_name(r->level),
               color ? "\033[0m" : "");
    if (r->scope.len) {
        put_masked(l, r->scope, 0, put_line, out);
        buf_adds(out, ": ");
    }
}

static bool needs_quotes(weir_view v)
{
    for (size_t i = 0; i < v.len; i++)
        if (!is_scalar(v.ptr[i]))
            return true;
    return !v.len;
}

static void text_fields(const log_sink *l, const record *r, buf *out)
{
    for (size_t i = 0; i < r->count; i++) {
        const log_field *f = &r->fields[i];
        buf_addc(out, ' ');
        put_masked(l, view_of(f->name), 0, put_line, out);
        buf_addc(out, '=');
        if (!f->json && needs_quotes(f->value))
            put_string(l, f->value, out);
        else
            put_masked(l, f->value, 0, put_line, out);
    }
}

static void build(const log_sink *l, const record *r, buf *out)
{
    bool json = l->format == LOG_JSON;
    if (json)
        json_begin(r, out);
    else
        text_begin(l, r, out);
    put_masked(l, r->message, 0, json ? put_inside : put_line, out);
    buf_adds(out, json ? "\"" : "");
    if (!json)
        text_fields(l, r, out);
    else if (r->count || r->scope.len)
        json_fields(l, r, out);
    buf_adds(out, json ? "}\n" : "\n");
}

/* For an outlet: message and fields as text, masked. */
static void build_plain(const log_sink *l, const record *r, buf *out)
{
    put_masked(l, r->message, 0, put_line, out);
    text_fields(l, r, out);
}

void log_redirect(log_sink *l, const log_outlet *o)
{
    if (!l)
        return;
    pthread_mutex_lock(&l->lock);
    l->outlet = o;
    pthread_mutex_unlock(&l->lock);
}

/* The same in the memory that is there: as much of the message as fits. It is cut after masking, so no half of a secret is left. */
static void build_short(const log_sink *l, record r, buf *out)
{
    static const char cut[] = "\xe2\x80\xa6";
    const char *end = l->format == LOG_JSON ? "\"}\n" : "\n";
    size_t cap = out->cap;
    r.scope = (weir_view){0};
    out->max = out->cap = cap - strlen(cut) - strlen(end);
    if (l->format == LOG_JSON)
        json_begin(&r, out);
    else
        text_begin(l, &r, out);
    put_masked(l, r.message, 0, l->format == LOG_JSON ? put_inside : put_line, out);
    out->max = out->cap = cap;
    if (out->failed) {
        out->failed = false;
        buf_adds(out, cut);
    }
    buf_adds(out, end);
}

static void stamp(record *r)
{
    int64_t seconds;
    uint32_t nanos;
    clock_now(&seconds, &nanos);
    r->time_len = clock_rfc3339(seconds, nanos / 1000000 * 1000000, r->time);
}

void log_record(log_sink *l, weir_level level, weir_view scope, weir_view message, const log_field *fields, size_t count)
{
    if (!log_enabled(l, level))
        return;
    record r = {.level = clip(level), .scope = scope, .message = message, .fields = fields, .count = count};
    char room[1024];
    buf line = {0}, spare = {.ptr = room, .cap = sizeof room - 1};
    stamp(&r);
    pthread_mutex_lock(&l->lock);
    if (l->blind) {
        r.message = VIEW(WITHHELD);
        r.count = 0;
    }
    const log_outlet *outlet = l->outlet;
    if (outlet)
        build_plain(l, &r, &line);
    else
        build(l, &r, &line);
    if (!buf_ok(&line) && !outlet)
        build_short(l, r, &spare);
    pthread_mutex_unlock(&l->lock);
    if (outlet) {
        pthread_mutex_lock(&l->turn);
        outlet->write(outlet->arg, r.level, buf_ok(&line) ? buf_view(&line) : VIEW("(a message was lost: out of memory)"));
        pthread_mutex_unlock(&l->turn);
        buf_free(&line);
        return;
    }
    err unheard = {0}; /* where should it go? */
    io_write(l->fd, buf_view(buf_ok(&line) ? &line : &spare), "the log", &unheard);
    err_free(&unheard);
    buf_free(&line);
}

void log_line(log_sink *l, weir_level level, const char *fmt, ...)
{
    if (!log_enabled(l, level))
        return;
    buf message = {0};
    va_list args;
    va_start(args, fmt);
    buf_vprintf(&message, fmt, args);
    va_end(args);
    /* without memory the format says at least what it was about, and holds no secret */
    log_record(l, level, (weir_view){0}, buf_ok(&message) ? buf_view(&message) : view_of(fmt), NULL, 0);
    buf_wipe(&message);
}

/* ------------------------------------------------------------------------------------------------------------- secrets -- */

enum { LINE_MIN = 8 };

static bool add_lines(mask_list *m, weir_view secret)
{
    bool ok = true;
    while (secret.len) {
        const char *nl = memchr(secret.ptr, '\n', secret.len);
        weir_view line = {secret.ptr, nl ? (size_t)(nl - secret.ptr) : secret.len};
        secret = view_from(secret, line.len + 1);
        if (view_ends(line, VIEW("\r")))
            line.len--;
        ok = (line.len < LINE_MIN || mask_add(m, line)) && ok;
    }
    return ok;
}

void log_mask(log_sink *l, weir_view secret)
{
    if (!l)
        return;
    pthread_mutex_lock(&l->lock);
    bool several = secret.len && memchr(secret.ptr, '\n', secret.len);
    if (!mask_add(&l->masks, secret) || (several && !add_lines(&l->masks, secret)))
        l->blind = true;
    pthread_mutex_unlock(&l->lock);
}

void log_masked(const log_sink *l, weir_view text, buf *out)
{
    if (!l) {
        buf_addv(out, text);
        return;
    }
    pthread_mutex_t *lock = (pthread_mutex_t *)&l->lock;
    pthread_mutex_lock(lock);
    if (l->blind)
        buf_adds(out, WITHHELD);
    else
        put_masked(l, text, 0, put_raw, out);
    pthread_mutex_unlock(lock);
}
