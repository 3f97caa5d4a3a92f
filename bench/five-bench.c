/* five-bench: records of five columns (a long, two texts, a double, a boolean), from typed values or from JSON documents that are at hand. For bin/bench. */
#include <inttypes.h>
#include <stdio.h>
#include <weir.h>

typedef struct {
    int64_t count, every;
    bool json;
} settings;

static const weir_field fields[] = {
    {.name = "count", .type = WEIR_INT, .offset = offsetof(settings, count), .fallback = "1000000", .help = "How many records."},
    {.name = "every", .type = WEIR_INT, .offset = offsetof(settings, every), .fallback = "10000", .help = "Records between two checkpoints."},
    {.name = "json", .type = WEIR_BOOL, .offset = offsetof(settings, json), .fallback = "false", .help = "Documents instead of typed values."},
    {0},
};

static const weir_field resource[] = {{.name = "stream", .type = WEIR_TEXT, .flags = WEIR_PATH, .help = "records"}, {0}};

static const weir_stream records = {
    .name = WEIR_LIT("records"),
    .key = WEIR_LIT("[\"/id\"]"),
    .schema = WEIR_LIT("{\"type\":\"object\",\"properties\":{\"id\":{\"type\":\"integer\"},\"name\":{\"type\":\"string\"},\"email\":{\"type\":\"string\"},"
                       "\"score\":{\"type\":\"number\"},\"active\":{\"type\":\"boolean\"}},\"required\":[\"id\"]}"),
};

static weir_rc discover(weir_task *t, void *self)
{
    (void)self;
    return weir_discovered(t, &records);
}

static const weir_name id = WEIR_NAME("id"), name = WEIR_NAME("name"), email = WEIR_NAME("email"), score = WEIR_NAME("score"), active = WEIR_NAME("active");

static weir_rc typed(weir_task *t, const weir_binding *b, int64_t n)
{
    weir_rc rc = weir_begin(t, b, WEIR_UPSERT);
    if (rc)
        return rc;
    weir_put_int(t, id, n);
    weir_put_text(t, name, (weir_view)WEIR_LIT("Jacqueline Montgomery"));
    weir_put_text(t, email, (weir_view)WEIR_LIT("jacqueline.montgomery@example.com"));
    weir_put_double(t, score, (double)(n % 1000) / 8);
    weir_put_bool(t, active, n & 1);
    return weir_end(t);
}

/* A document as it may have come from elsewhere: made once for each of 1,000 ids, so that making it is no part of what is measured. */
enum { AT_HAND = 1000 };

typedef struct {
    char text[AT_HAND][160];
    size_t len[AT_HAND];
} documents;

static void make_documents(documents *d)
{
    for (size_t n = 0; n < AT_HAND; n++)
        d->len[n] = (size_t)snprintf(d->text[n], sizeof d->text[n],
                                     "{\"id\":%zu,\"name\":\"Jacqueline Montgomery\",\"email\":\"jacqueline.montgomery@example.com\",\"score\":%g,\"active\":%s}",
                                     1000000 + n, (double)n / 8, n & 1 ? "true" : "false");
}

static weir_rc pull(weir_task *t, void *self, const weir_binding *b, size_t bindings)
{
    const settings *s = self;
    documents d;
    (void)bindings;
    if (s->json)
        make_documents(&d);
    for (int64_t n = weir_json_int(b->state, "/n", 0); n < s->count && !weir_stopping(t);) {
        int64_t until = n + s->every < s->count ? n + s->every : s->count;
        for (; n < until; n++) {
            size_t at = (size_t)(n % AT_HAND);
            weir_rc rc = s->json ? weir_emit(t, b, WEIR_UPSERT, (weir_view){d.text[at], d.len[at]}) : typed(t, b, n);
            if (rc)
                return rc;
        }
        weir_rc rc = weir_checkpoint(t, b, weir_format(t, "{\"n\":%" PRId64 "}", n));
        if (rc)
            return rc;
    }
    return WEIR_OK;
}

static const weir_connector five_bench = {
    .abi = WEIR_ABI, .name = "source-five", .version = "1.0.0", .title = "Records for benchmarks",
    .config = fields, .config_size = sizeof(settings), .resource = resource, .resource_size = sizeof(const char *),
    .capture = &(const weir_capture){.discover = discover, .pull = pull},
};

int main(int argc, char **argv) { return weir_main(&five_bench, argc, argv); }
