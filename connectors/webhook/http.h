/* http.h - one request, until it is answered: timeouts, and another try where that may help. */
#ifndef WEBHOOK_HTTP_H
#define WEBHOOK_HTTP_H

#include <curl/curl.h>
#include <weir.h>

#include "lite_value.h" /* lite_text: bytes that grow */

typedef struct http {
    CURL *curl;
    struct curl_slist *headers; /* of every request */
    const char *method, *ca_file;
    int64_t timeout, retry_for; /* seconds */
    weir_task *t;               /* whose callback runs */
    lite_text said;             /* the beginning of the answer's body */
    size_t got;                 /* how much of it came */
    char words[CURL_ERROR_SIZE];
    uint64_t session, requests; /* which make the key by which a receiver knows a request that it has seen before */
} http;

/** @param headers "Name: value" each */
weir_rc http_open(weir_task *t, http *h, const char *const *headers, size_t count);
void http_close(http *h);
/** Sends the body. WEIR_OK: the receiver has said that it took it (2xx). */
weir_rc http_send(weir_task *t, http *h, const char *url, const lite_text *body);

#endif
