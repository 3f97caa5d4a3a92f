/* hello.c - sends greetings and remembers where it stopped. The template: copy this folder, rename, make it yours.
 *
 *   1. what a user may set      settings, fields
 *   2. what can be captured     greetings, discover()
 *   3. how it is read           pull(): emit documents, then a checkpoint that says where to go on
 */
#include <inttypes.h>
#include <weir.h>

typedef struct {
    const char *text;
    int64_t count;
} settings;

static const weir_field fields[] = {
    {.name = "text", .type = WEIR_TEXT, .offset = offsetof(settings, text), .fallback = "Hello", .help = "What to say."},
    {.name = "count", .type = WEIR_INT, .offset = offsetof(settings, count), .fallback = "3", .help = "How many greetings to send."},
    {0},
};

static const weir_field resource[] = {
    {.name = "stream", .type = WEIR_TEXT, .flags = WEIR_PATH, .help = "The stream to read: greetings."},
    {0},
};

static const weir_stream greetings = {
    .name = WEIR_LIT("greetings"),
    .key = WEIR_LIT("[\"/n\"]"),
    .schema = WEIR_LIT("{\"type\":\"object\",\"properties\":{\"n\":{\"type\":\"integer\"},\"text\":{\"type\":\"string\"}},\"required\":[\"n\",\"text\"]}"),
};

static weir_rc discover(weir_task *t, void *self)
{
    (void)self;
    return weir_discovered(t, &greetings);
}

static weir_rc pull(weir_task *t, void *self, const weir_binding *b, size_t bindings)
{
    const settings *s = self;
    (void)bindings; /* always 1: this connector did not ask for all_in_one */

    for (int64_t n = weir_json_int(b->state, "/n", 0); n < s->count && !weir_stopping(t); n++) {
        weir_rc rc = weir_emit(t, b, WEIR_UPSERT, weir_format(t, "{\"n\":%" PRId64 ",\"text\":%s}", n, weir_quote(t, s->text)));
        if (!rc)
            rc = weir_checkpoint(t, b, weir_format(t, "{\"n\":%" PRId64 "}", n + 1));
        if (rc)
            return weir_wrap(t, rc, "greeting %" PRId64, n);
    }
    return WEIR_OK;
}

const weir_connector source_hello = {
    .abi = WEIR_ABI, .name = "source-hello", .version = "1.0.0", .title = "Greetings, to try things with",
    .config = fields, .config_size = sizeof(settings), .resource = resource, .resource_size = sizeof(const char *),
    .capture = &(const weir_capture){.discover = discover, .pull = pull},
};
