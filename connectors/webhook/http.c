#include "http.h"

#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

enum { KEPT_BYTES = 256, ANSWER_MAX = 1 << 20, BACKOFF_FIRST_MS = 500, BACKOFF_MAX_MS = 60000 };

static weir_rc nomem(weir_task *t) { return weir_fail(t, WEIR_E_NOMEM, "out of memory"); }

/* ---------------------------------------------------------------------------------------------------------------- the answer -- */

/* Printable, on one line: it goes into an error. */
static size_t take_body(char *bytes, size_t size, size_t count, void *arg)
{
    http *h = arg;
    size_t len = size * count;
    for (size_t i = 0; i < len && h->said.len < KEPT_BYTES; i++) {
        unsigned char c = (unsigned char)bytes[i];
        lite_text_add(&h->said, c < 0x20 || c == 0x7f ? " " : bytes + i, 1);
    }
    h->got += len;
    return h->got > ANSWER_MAX ? 0 : len; /* whoever says more than that is not listened to */
}

static int is_stopped(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    (void)a, (void)b, (void)c, (void)d;
    return weir_stopping(((http *)arg)->t);
}

/* Who has to act, by the status. */
static const struct {
    long from, to;
    weir_rc rc;
    const char *what;
} statuses[] = {
    {200, 299, WEIR_OK, ""},
    {300, 399, WEIR_E_CONFIG, "it is somewhere else, and redirections are not followed: their target would get the headers, too"},
    {401, 401, WEIR_E_CONFIG, "it wants to know who we are: set a header"},
    {403, 403, WEIR_E_CONFIG, "it does not let us in"},
    {404, 405, WEIR_E_CONFIG, "there is nothing that takes it"},
    {408, 408, WEIR_E_TRANSIENT, "it did not get all of it in time"},
    {410, 410, WEIR_E_CONFIG, "there is nothing that takes it any more"},
    {413, 413, WEIR_E_CONFIG, "it is too large for it: make `batch_bytes` or `batch_documents` smaller"},
    {425, 425, WEIR_E_TRANSIENT, "it is too early"},
    {429, 429, WEIR_E_TRANSIENT, "it wants less at a time"},
    {400, 499, WEIR_E_REMOTE, "it refuses the documents"},
    {500, 599, WEIR_E_TRANSIENT, "it has failed"},
    {0, 999, WEIR_E_REMOTE, "that is no answer to it"},
};

static weir_rc judge(weir_task *t, const http *h, const char *url)
{
    long status = 0;
    size_t i = 0;
    curl_easy_getinfo(h->curl, CURLINFO_RESPONSE_CODE, &status);
    while (status < statuses[i].from || status > statuses[i].to)
        i++;
    if (!statuses[i].rc)
        return WEIR_OK;
    return weir_fail(t, statuses[i].rc, "%s %s: status %ld, %s%s%.*s", h->method, url, status, statuses[i].what, h->said.len ? ": " : "", (int)h->said.len,
                     h->said.len ? h->said.ptr : "");
}

/* What went wrong before there was an answer; most of it may go away. */
static weir_rc broken(weir_task *t, const http *h, const char *url, CURLcode code)
{
    static const CURLcode lasting[] = {CURLE_UNSUPPORTED_PROTOCOL, CURLE_URL_MALFORMAT, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE,
                                       CURLE_SSL_CERTPROBLEM, CURLE_SSL_CIPHER};
    weir_rc rc = code == CURLE_OUT_OF_MEMORY ? WEIR_E_NOMEM : WEIR_E_TRANSIENT;
    for (size_t i = 0; i < sizeof lasting / sizeof *lasting; i++)
        rc = code == lasting[i] ? WEIR_E_CONFIG : rc;
    if (code == CURLE_ABORTED_BY_CALLBACK)
        return WEIR_STOPPED;
    return weir_fail(t, rc, "%s %s: %s", h->method, url, *h->words ? h->words : curl_easy_strerror(code));
}

/* ------------------------------------------------------------------------------------------------------------------- waiting -- */

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Between half of it and all of it, so that many who failed at once do not come again at once. */
static int64_t jittered(int64_t ms)
{
    uint32_t r = 0;
    return getrandom(&r, sizeof r, GRND_NONBLOCK) == sizeof r ? ms / 2 + (int64_t)(r % (uint32_t)(ms / 2 + 1)) : ms;
}

/* How long the receiver wants to be left alone, or else longer each time. */
static int64_t pause_ms(const http *h, int tries)
{
    curl_off_t after = 0;
    int64_t ms = BACKOFF_FIRST_MS;
    if (curl_easy_getinfo(h->curl, CURLINFO_RETRY_AFTER, &after) == CURLE_OK && after > 0)
        return after < 86400 ? (int64_t)after * 1000 : 86400000;
    while (tries-- > 0 && ms < BACKOFF_MAX_MS)
        ms *= 2;
    return jittered(ms < BACKOFF_MAX_MS ? ms : BACKOFF_MAX_MS);
}

static weir_rc rest(weir_task *t, int64_t ms)
{
    struct pollfd stop = {.fd = weir_stop_fd(t), .events = POLLIN};
    return poll(&stop, 1, (int)ms) > 0 ? WEIR_STOPPED : WEIR_OK;
}

/* ------------------------------------------------------------------------------------------------------------------- sending -- */

static weir_rc attempt(weir_task *t, http *h, const char *url, struct curl_slist *headers, const lite_text *body)
{
    h->t = t;
    h->said.len = h->got = 0;
    h->words[0] = 0;
    curl_easy_reset(h->curl); /* connections stay */
    CURLcode code = curl_easy_setopt(h->curl, CURLOPT_URL, url);
    curl_easy_setopt(h->curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(h->curl, CURLOPT_CUSTOMREQUEST, h->method);
    curl_easy_setopt(h->curl, CURLOPT_POSTFIELDS, body->ptr);
    curl_easy_setopt(h->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body->len);
    curl_easy_setopt(h->curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(h->curl, CURLOPT_USERAGENT, "weir");
    curl_easy_setopt(h->curl, CURLOPT_ERRORBUFFER, h->words);
    curl_easy_setopt(h->curl, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(h->curl, CURLOPT_WRITEDATA, h);
    curl_easy_setopt(h->curl, CURLOPT_XFERINFOFUNCTION, is_stopped);
    curl_easy_setopt(h->curl, CURLOPT_XFERINFODATA, h);
    curl_easy_setopt(h->curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(h->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(h->curl, CURLOPT_CONNECTTIMEOUT, h->timeout < 30 ? (long)h->timeout : 30L);
    curl_easy_setopt(h->curl, CURLOPT_TIMEOUT, (long)h->timeout);
    if (!code && h->ca_file && *h->ca_file)
        code = curl_easy_setopt(h->curl, CURLOPT_CAINFO, h->ca_file);
    if (!code)
        code = curl_easy_perform(h->curl);
    bool overlong = code == CURLE_WRITE_ERROR && h->got > ANSWER_MAX;
    return code && !overlong ? broken(t, h, url, code) : judge(t, h, url);
}

static struct curl_slist *with_key(weir_task *t, http *h)
{
    weir_view key = weir_format(t, "Idempotency-Key: %016" PRIx64 "-%" PRIu64, h->session, h->requests++);
    struct curl_slist *all = key.ptr ? curl_slist_append(NULL, key.ptr) : NULL;
    for (const struct curl_slist *x = h->headers; all && x; x = x->next) {
        struct curl_slist *more = curl_slist_append(all, x->data);
        if (!more)
            curl_slist_free_all(all);
        all = more;
    }
    return all;
}

weir_rc http_send(weir_task *t, http *h, const char *url, const lite_text *body)
{
    struct curl_slist *headers = body->failed ? NULL : with_key(t, h);
    int64_t begun = now_ms(), pause;
    weir_rc rc = headers ? WEIR_OK : nomem(t);
    for (int tries = 0; !rc; tries++) {
        rc = attempt(t, h, url, headers, body);
        if (rc != WEIR_E_TRANSIENT)
            break;
        pause = pause_ms(h, tries);
        if (now_ms() + pause - begun > h->retry_for * 1000) {
            rc = weir_wrap(t, rc, "given up after %d tries in %" PRId64 " s", tries + 1, (now_ms() - begun) / 1000);
            break;
        }
        weir_log(t, WEIR_WARN, "the receiver cannot take documents just now: trying again in %" PRId64 " ms", pause);
        rc = rest(t, pause);
    }
    curl_slist_free_all(headers);
    return rc;
}

/* -------------------------------------------------------------------------------------------------------------------- opening -- */

weir_rc http_open(weir_task *t, http *h, const char *const *headers, size_t count)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) || !(h->curl = curl_easy_init()))
        return nomem(t);
    for (size_t i = 0; i < count; i++) {
        struct curl_slist *more = curl_slist_append(h->headers, headers[i]);
        if (!more)
            return nomem(t);
        h->headers = more;
    }
    return getrandom(&h->session, sizeof h->session, 0) == sizeof h->session ? WEIR_OK : weir_fail(t, WEIR_E_NOMEM, "no random numbers");
}

void http_close(http *h)
{
    curl_slist_free_all(h->headers);
    curl_easy_cleanup(h->curl);
    lite_text_free(&h->said);
}
