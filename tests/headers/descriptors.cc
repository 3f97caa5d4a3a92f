// A connector in C++17, where there are no designated initializers: descriptors are filled by assignment.
#include <weir.h>

#include <string>

namespace {

struct settings {
    const char *text;
    int64_t count;
    bool loud;
};

weir_field field(const char *name, weir_type type, size_t offset, const char *fallback, const char *help)
{
    weir_field f = {};
    f.name = name;
    f.type = type;
    f.offset = offset;
    f.fallback = fallback;
    f.help = help;
    return f;
}

const weir_field fields[] = {
    field("text", WEIR_TEXT, offsetof(settings, text), "Hello", "What to say."),
    field("count", WEIR_INT, offsetof(settings, count), "3", "How often."),
    field("loud", WEIR_BOOL, offsetof(settings, loud), "false", "Say it louder."),
    weir_field(),
};

const weir_name n_name = WEIR_NAME("n");
const weir_name text_name = WEIR_NAME("text");

weir_rc discover(weir_task *t, void *)
{
    weir_stream s = {};
    s.name = WEIR_LIT("greetings");
    s.key = WEIR_LIT("[\"/n\"]");
    s.schema = WEIR_LIT("{\"type\":\"object\"}");
    s.modes = WEIR_INCREMENTAL | WEIR_FULL_REFRESH;
    return weir_discovered(t, &s);
}

weir_rc pull(weir_task *t, void *self, const weir_binding *b, size_t)
{
    const auto *s = static_cast<const settings *>(self);
    for (int64_t n = weir_json_int(b->state, "/n", 0); n < s->count && !weir_stopping(t); n++) {
        const std::string text = std::string(s->text) + (s->loud ? "!" : ".");
        weir_begin(t, b, WEIR_UPSERT);
        weir_put_int(t, n_name, n);
        weir_put_text(t, text_name, weir_view{text.data(), text.size()});
        weir_open_array(t, weir_name_of(t, WEIR_LIT("list")));
        weir_put_double(t, WEIR_ITEM, 0.5);
        weir_close(t);
        weir_rc rc = weir_end(t);
        if (rc == WEIR_OK)
            rc = weir_checkpoint(t, b, weir_format(t, "{\"n\":%lld}", static_cast<long long>(n + 1)));
        if (rc != WEIR_OK)
            return weir_wrap(t, rc, "greeting %lld", static_cast<long long>(n));
    }
    return WEIR_OK;
}

weir_capture make_capture()
{
    weir_capture c = {};
    c.discover = discover;
    c.pull = pull;
    c.lanes = 2;
    return c;
}

const weir_capture capture = make_capture();

weir_connector make_connector()
{
    weir_connector c = {};
    c.abi = WEIR_ABI;
    c.name = "source-greetings";
    c.version = "1.0.0";
    c.config = fields;
    c.config_size = sizeof(settings);
    c.resource_schema = WEIR_LIT("{\"type\":\"object\"}");
    c.capture = &capture;
    return c;
}

} // namespace

int main(int argc, char **argv)
{
    const weir_connector connector = make_connector();
    return weir_main(&connector, argc, argv);
}
