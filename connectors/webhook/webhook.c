/* webhook.c - materialize-webhook: documents as they come, in batches, to whoever takes an HTTP request.
 *
 * Every document is an addition (flow.md 5.6, pattern 4: at least once). A transaction is committed when the receiver has answered each of its requests with 2xx;
 * what was sent before a failure is sent again.
 */
#include <stdlib.h>
#include <string.h>

#include "http.h"

extern WEIR_API const weir_connector materialize_webhook;

typedef struct header {
    const char *name, *value;
} header;

typedef struct advanced {
    const char *method, *format, *ca_file;
    int64_t documents, bytes, timeout, retry_for;
} advanced;

typedef struct settings {
    const char *address;
    weir_list headers;
    advanced more;
} settings;

typedef struct resource {
    const char *path;
} resource;

static const char *const methods[] = {"POST", "PUT", "PATCH", NULL};
static const char *const formats[] = {"array", "ndjson", NULL};

static const weir_field header_fields[] = {
    {.name = "name", .type = WEIR_TEXT, .offset = offsetof(header, name), .help = "Name of the header.", .placeholder = "Authorization"},
    {.name = "value", .type = WEIR_TEXT, .offset = offsetof(header, value), .help = "Its value.", .flags = WEIR_SECRET},
    {0},
};
static const weir_field header_item[] = {{.name = "header", .type = WEIR_OBJECT, .fields = header_fields, .help = "A header."}, {0}};

static const weir_field advanced_fields[] = {
    {.name = "method",
     .type = WEIR_TEXT,
     .offset = offsetof(advanced, method),
     .fallback = "POST",
     .help = "The method of requests.",
     .choices = methods},
    {.name = "format",
     .type = WEIR_TEXT,
     .offset = offsetof(advanced, format),
     .fallback = "array",
     .help = "What a request holds: one JSON array of documents, or a document a line (application/x-ndjson).",
     .choices = formats},
    {.name = "batch_documents",
     .type = WEIR_INT,
     .offset = offsetof(advanced, documents),
     .fallback = "1000",
     .help = "How many documents a request holds at most.",
     .min = 1,
     .max = 1000000},
    {.name = "batch_bytes",
     .type = WEIR_INT,
     .offset = offsetof(advanced, bytes),
     .fallback = "1048576",
     .help = "How many bytes a request holds at most; a document that is larger goes alone.",
     .min = 1,
     .max = 1 << 26},
    {.name = "timeout",
     .type = WEIR_INT,
     .offset = offsetof(advanced, timeout),
     .fallback = "60",
     .help = "How many seconds a request may take.",
     .min = 1,
     .max = 3600},
    {.name = "retry_for",
     .type = WEIR_INT,
     .offset = offsetof(advanced, retry_for),
     .fallback = "300",
     .help = "How many seconds to try a request again that failed for a reason which may pass, before the task fails.",
     .min = 0,
     .max = 86400},
    {.name = "ca_file",
     .type = WEIR_TEXT,
     .offset = offsetof(advanced, ca_file),
     .help = "File with the certificates of the authorities that may vouch for the receiver, instead of the system's.",
     .title = "CA File",
     .flags = WEIR_OPTIONAL},
    {0},
};

static const weir_field config_fields[] = {
    {.name = "address",
     .type = WEIR_TEXT,
     .offset = offsetof(settings, address),
     .help = "The URL that gets the documents. In it {path} is the binding's path, {collection} the collection's name, {task} the task's.",
     .placeholder = "https://example.com/in/{path}"},
    {.name = "headers",
     .type = WEIR_LIST,
     .offset = offsetof(settings, headers),
     .fallback = "[]",
     .help = "Headers of every request.",
     .fields = header_item,
     .item_size = sizeof(header)},
    {.name = "advanced",
     .type = WEIR_OBJECT,
     .offset = offsetof(settings, more),
     .help = "What is seldom changed.",
     .flags = WEIR_ADVANCED,
     .fields = advanced_fields},
    {0},
};

static const weir_field resource_fields[] = {
    {.name = "path",
     .type = WEIR_TEXT,
     .offset = offsetof(resource, path),
     .help = "What stands for {path} in the address.",
     .flags = WEIR_COLLECTION_NAME | WEIR_PATH},
    {0},
};

typedef struct sender {
    const settings *s;
    http h;
    bool lines;      /* a document a line */
    lite_text body;  /* documents that were not sent yet ... */
    size_t count;    /* ... so many ... */
    lite_text url;   /* ... to this address */
    uint32_t of;     /* binding */
} sender;

static weir_rc nomem(weir_task *t) { return weir_fail(t, WEIR_E_NOMEM, "out of memory"); }

/* ---------------------------------------------------------------------------------------------------------------- addresses -- */

static void add_encoded(lite_text *url, weir_view text)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/", hex[] = "0123456789ABCDEF";
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        char escape[] = {'%', hex[c >> 4], hex[c & 15]};
        if (c && strchr(plain, c))
            lite_text_add(url, text.ptr + i, 1);
        else
            lite_text_add(url, escape, sizeof escape);
    }
}

/* The address of a binding. A brace that begins no name we know stands for itself. */
static void make_url(weir_task *t, const settings *s, const weir_binding *b, lite_text *url)
{
    const char *path = b ? ((const resource *)b->resource)->path : "x";
    const struct {
        const char *name;
        weir_view value;
    } names[] = {{"{path}", {path, strlen(path)}}, {"{collection}", b ? b->name : (weir_view){"x", 1}}, {"{task}", weir_task_name(t)}};
    url->len = 0;
    for (const char *at = s->address; *at;) {
        size_t i = 0;
        while (i < 3 && strncmp(at, names[i].name, strlen(names[i].name)) != 0)
            i++;
        if (i < 3)
            add_encoded(url, names[i].value);
        else
            lite_text_add(url, at, 1);
        at += i < 3 ? strlen(names[i].name) : 1;
    }
    lite_text_add(url, "", 1);
}

static weir_rc check_address(weir_task *t, const settings *s)
{
    lite_text url = {0};
    char *scheme = NULL, *password = NULL;
    CURLU *parts = curl_url();
    make_url(t, s, NULL, &url);
    CURLUcode code = !parts || url.failed ? CURLUE_OUT_OF_MEMORY : curl_url_set(parts, CURLUPART_URL, url.ptr, 0);
    if (!code)
        code = curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0);
    if (!code && curl_url_get(parts, CURLUPART_PASSWORD, &password, 0) == CURLUE_OK)
        weir_mask(t, password);
    weir_rc rc = code == CURLUE_OUT_OF_MEMORY ? nomem(t)
                 : code                       ? weir_fail(t, WEIR_E_CONFIG, "\"address\" is no URL: %s", curl_url_strerror(code))
                 : strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0
                     ? WEIR_OK
                     : weir_fail(t, WEIR_E_CONFIG, "\"address\" begins with %s://, not with http:// or https://", scheme);
    curl_free(scheme);
    curl_free(password);
    curl_url_cleanup(parts);
    lite_text_free(&url);
    return rc;
}

/* ----------------------------------------------------------------------------------------------------------- open and close -- */

static void close_sender(void *self)
{
    sender *x = self;
    if (!x)
        return;
    http_close(&x->h);
    lite_text_free(&x->body);
    lite_text_free(&x->url);
    free(x);
}

/* Line breaks in a header would begin another one. */
static weir_rc make_headers(weir_task *t, const settings *s, const char **ret)
{
    const header *given = s->headers.items;
    for (size_t i = 0; i < s->headers.count; i++) {
        if (!*given[i].name || given[i].name[strcspn(given[i].name, ": \t\r\n")] || given[i].value[strcspn(given[i].value, "\r\n")])
            return weir_fail(t, WEIR_E_CONFIG, "\"headers\": \"%s\" is no header", given[i].name);
        ret[i] = weir_format(t, *given[i].value ? "%s: %s" : "%s;%s", given[i].name, given[i].value).ptr;
        if (!ret[i])
            return nomem(t);
    }
    return WEIR_OK;
}

static weir_rc open_sender(weir_task *t, const weir_connector *me, const void *config, void **ret_self)
{
    (void)me;
    const settings *s = config;
    sender *x = calloc(1, sizeof *x);
    const char **headers = weir_alloc(t, (s->headers.count + 3) * sizeof *headers);
    if (!x || !headers) {
        free(x);
        return nomem(t);
    }
    *x = (sender){.s = s, .lines = strcmp(s->more.format, "ndjson") == 0,
                  .h = {.method = s->more.method, .ca_file = s->more.ca_file, .timeout = s->more.timeout, .retry_for = s->more.retry_for}};
    headers[0] = x->lines ? "Content-Type: application/x-ndjson" : "Content-Type: application/json";
    headers[1] = "Expect:"; /* or a large body would wait for a leave that many servers never give */
    weir_rc rc = make_headers(t, s, headers + 2);
    if (!rc)
        rc = http_open(t, &x->h, headers, s->headers.count + 2);
    if (!rc)
        rc = check_address(t, s);
    if (rc)
        close_sender(x);
    else
        *ret_self = x;
    return rc;
}

/* ------------------------------------------------------------------------------------------------------------------- sending -- */

static weir_rc send_batch(weir_task *t, sender *x)
{
    if (!x->count)
        return WEIR_OK;
    if (!x->lines)
        lite_text_add(&x->body, "]", 1);
    weir_rc rc = http_send(t, &x->h, x->url.ptr, &x->body);
    x->body.len = x->count = 0;
    return rc;
}

/* Where the platform sends columns only, they are the document. */
static void add_columns(lite_text *body, const weir_row *row)
{
    const char *comma = "{";
    for (size_t i = 0; i < row->binding->column_count; i++) {
        if (!row->values[i].len)
            continue;
        lite_text_add(body, comma, 1);
        lite_value_quote(body, row->binding->columns[i].field);
        lite_text_add(body, ":", 1);
        lite_text_add(body, row->values[i].ptr, row->values[i].len);
        comma = ",";
    }
    lite_text_add(body, *comma == '{' ? "{}" : "}", *comma == '{' ? 2 : 1);
}

/* A document of several lines becomes one: outside of texts, which have none, line breaks mean nothing. */
static void add_document(sender *x, const weir_row *row)
{
    size_t begin = x->body.len;
    if (row->doc.len)
        lite_text_add(&x->body, row->doc.ptr, row->doc.len);
    else
        add_columns(&x->body, row);
    for (size_t i = begin; x->lines && !x->body.failed && i < x->body.len; i++)
        if (x->body.ptr[i] == '\n' || x->body.ptr[i] == '\r')
            x->body.ptr[i] = ' ';
}

static weir_rc add_row(weir_task *t, sender *x, const weir_row *row)
{
    size_t before = x->body.len;
    lite_text_add(&x->body, x->lines ? "" : x->count ? "," : "[", !x->lines);
    add_document(x, row);
    lite_text_add(&x->body, "\n", x->lines);
    if (x->body.failed)
        return nomem(t);
    if (x->count && x->body.len + !x->lines > (size_t)x->s->more.bytes) { /* one too many: it begins the next request */
        x->body.len = before;
        weir_rc rc = send_batch(t, x);
        return rc ? rc : add_row(t, x, row);
    }
    return ++x->count >= (size_t)x->s->more.documents ? send_batch(t, x) : WEIR_OK;
}

static weir_rc turn_to(weir_task *t, sender *x, const weir_binding *b)
{
    if (x->url.len && x->of == b->index)
        return WEIR_OK;
    weir_rc rc = send_batch(t, x);
    x->of = b->index;
    make_url(t, x->s, b, &x->url);
    return rc ? rc : x->url.failed ? nomem(t) : WEIR_OK;
}

/* ----------------------------------------------------------------------------------------------------------------- callbacks -- */

static weir_rc validate(weir_task *t, void *self, const weir_binding *bindings, size_t count)
{
    weir_rc rc = WEIR_OK;
    (void)self;
    for (size_t i = 0; !rc && i < count; i++) {
        rc = weir_delta_updates(t, &bindings[i]);
        if (!rc)
            rc = weir_constrain(t, &bindings[i], NULL, WEIR_COLUMN_RECOMMENDED, (weir_view)WEIR_LIT("whole documents are sent"));
    }
    return rc;
}

/* Nothing has to be made before. */
static weir_rc apply(weir_task *t, void *self, const weir_binding *bindings, size_t count)
{
    (void)t, (void)self, (void)bindings, (void)count;
    return WEIR_OK;
}

static weir_rc store(weir_task *t, void *self, const weir_row *rows, size_t count)
{
    sender *x = self;
    weir_rc rc = count ? turn_to(t, x, rows[0].binding) : WEIR_OK;
    for (size_t i = 0; !rc && i < count; i++)
        rc = add_row(t, x, &rows[i]);
    return rc;
}

static weir_rc commit(weir_task *t, void *self, weir_view checkpoint)
{
    (void)checkpoint;
    return send_batch(t, self);
}

static const weir_materialize materialize = {.validate = validate, .apply = apply, .store = store, .commit = commit};

const weir_connector materialize_webhook = {
    .abi = WEIR_ABI,
    .name = "materialize-webhook",
    .version = "0.1.0",
    .title = "Sends documents to an HTTP address",
    .config = config_fields,
    .config_size = sizeof(settings),
    .resource = resource_fields,
    .resource_size = sizeof(resource),
    .open = open_sender,
    .close = close_sender,
    .materialize = &materialize,
};
