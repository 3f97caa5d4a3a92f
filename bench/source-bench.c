/* source-bench: 10-column records made from typed values, as fast as they will go. For bin/bench. */
#include <inttypes.h>
#include <weir.h>

typedef struct {
    int64_t count, every;
} settings;

static const weir_field fields[] = {
    {.name = "count", .type = WEIR_INT, .offset = offsetof(settings, count), .fallback = "1000000", .help = "How many records."},
    {.name = "every", .type = WEIR_INT, .offset = offsetof(settings, every), .fallback = "10000", .help = "Records between two checkpoints."},
    {0},
};

static const weir_field resource[] = {{.name = "stream", .type = WEIR_TEXT, .flags = WEIR_PATH, .help = "records"}, {0}};

static const weir_stream records = {
    .name = WEIR_LIT("records"),
    .key = WEIR_LIT("[\"/id\"]"),
    .schema = WEIR_LIT("{\"type\":\"object\",\"properties\":{\"id\":{\"type\":\"integer\"},\"account\":{\"type\":\"integer\"},\"name\":{\"type\":\"string\"},"
                       "\"email\":{\"type\":\"string\"},\"city\":{\"type\":\"string\"},\"active\":{\"type\":\"boolean\"},\"score\":{\"type\":\"number\"},"
                       "\"amount\":{\"type\":\"number\"},\"created\":{\"type\":\"string\",\"format\":\"date-time\"},\"note\":{\"type\":\"string\"}},"
                       "\"required\":[\"id\"]}"),
};

static weir_rc discover(weir_task *t, void *self)
{
    (void)self;
    return weir_discovered(t, &records);
}

static const weir_name id = WEIR_NAME("id"), account = WEIR_NAME("account"), name = WEIR_NAME("name"), email = WEIR_NAME("email"),
                       city = WEIR_NAME("city"), active = WEIR_NAME("active"), score = WEIR_NAME("score"), amount = WEIR_NAME("amount"),
                       created = WEIR_NAME("created"), note = WEIR_NAME("note");
static const weir_view cities[] = {WEIR_LIT("Amsterdam"), WEIR_LIT("S\xc3\xa3o Paulo"), WEIR_LIT("New York"), WEIR_LIT("K\xc3\xb6ln")};

static weir_rc record(weir_task *t, const weir_binding *b, int64_t n)
{
    static const char text[] = "The quick brown fox jumps over the lazy dog, \"twice\", and then goes home for the day.";
    weir_rc rc = weir_begin(t, b, WEIR_UPSERT);
    if (rc)
        return rc;
    weir_put_int(t, id, n);
    weir_put_int(t, account, n * 7919 % 1000003);
    weir_put_text(t, name, (weir_view)WEIR_LIT("Jacqueline Montgomery"));
    weir_put_text(t, email, (weir_view)WEIR_LIT("jacqueline.montgomery@example.com"));
    weir_put_text(t, city, cities[n & 3]);
    weir_put_bool(t, active, n & 1);
    weir_put_double(t, score, (double)(n % 1000) / 8);
    weir_put_decimal(t, amount, (weir_view)WEIR_LIT("12345678901234567890.12"));
    weir_put_time(t, created, 1700000000 + n, 0);
    weir_put_text(t, note, (weir_view){text, 60 + (size_t)(n % 20)});
    return weir_end(t);
}

static weir_rc pull(weir_task *t, void *self, const weir_binding *b, size_t bindings)
{
    const settings *s = self;
    (void)bindings;
    for (int64_t n = weir_json_int(b->state, "/n", 0); n < s->count && !weir_stopping(t);) {
        int64_t until = n + s->every < s->count ? n + s->every : s->count;
        for (; n < until; n++) {
            weir_rc rc = record(t, b, n);
            if (rc)
                return rc;
        }
        weir_rc rc = weir_checkpoint(t, b, weir_format(t, "{\"n\":%" PRId64 "}", n));
        if (rc)
            return rc;
    }
    return WEIR_OK;
}

static const weir_connector source_bench = {
    .abi = WEIR_ABI, .name = "source-bench", .version = "1.0.0", .title = "Records for benchmarks",
    .config = fields, .config_size = sizeof(settings), .resource = resource, .resource_size = sizeof(const char *),
    .capture = &(const weir_capture){.discover = discover, .pull = pull},
};

int main(int argc, char **argv) { return weir_main(&source_bench, argc, argv); }
