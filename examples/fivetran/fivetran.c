/* fivetran.c - a connector with everything that Fivetran's setup form and syncs know: fields that appear with a choice, tests, two tables, batches, single updates and
 * deletions, a cursor, a row that is too large for a batch. There is no API behind it: its rows are made up.
 *
 *   1. what a user may set       settings, fields
 *   2. what the setup can try    connects(), selects(): tests
 *   3. what can be read          table1, table2: discover()
 *   4. how it is read            pull(): rows from the cursor on, then a checkpoint that says where to go on
 */
#include <inttypes.h>
#include <string.h>
#include <weir.h>

typedef struct {
    const char *base_url, *authentication, *client_id, *client_secret, *api_key, *username, *password, *version;
    bool metrics;
} settings;

typedef struct {
    const char *table;
} place;

static const char *const authentications[] = {"OAuth2.0", "API Key", "Basic Auth", "None", NULL};
static const char *const versions[] = {"v1", "v2", "v3", NULL};
static const char *const version_help[] = {"For accounts that were made before 2020.", "What new accounts have.", "Not yet complete.", NULL};

#define TEXT(member) .type = WEIR_TEXT, .offset = offsetof(settings, member)
#define ONLY_FOR(value) .shown_by = "authentication", .shown_for = (value)

static const weir_field fields[] = {
    {.name = "baseUrl", TEXT(base_url), .title = "API base URL", .placeholder = "https://api.example.com", .help = "Where the API is."},
    {.name = "authentication", TEXT(authentication), .fallback = "None", .choices = authentications, .title = "Authentication method",
     .help = "How the API knows you."},
    {.name = "clientId", TEXT(client_id), .flags = WEIR_OPTIONAL, ONLY_FOR("OAuth2.0"), .title = "Client ID", .help = "Of the application that you registered."},
    {.name = "clientSecret", TEXT(client_secret), .flags = WEIR_OPTIONAL | WEIR_SECRET, ONLY_FOR("OAuth2.0"), .title = "Client secret", .help = "What belongs to it."},
    {.name = "apiKey", TEXT(api_key), .flags = WEIR_OPTIONAL | WEIR_SECRET, ONLY_FOR("API Key"), .title = "API key", .help = "From your account's page."},
    {.name = "username", TEXT(username), .flags = WEIR_OPTIONAL, ONLY_FOR("Basic Auth"), .help = "Your name there."},
    {.name = "password", TEXT(password), .flags = WEIR_OPTIONAL | WEIR_SECRET, ONLY_FOR("Basic Auth"), .help = "Your password there."},
    {.name = "version", TEXT(version), .fallback = "v2", .choices = versions, .choice_help = version_help, .title = "API version", .help = "Which API is called."},
    {.name = "metrics", .type = WEIR_BOOL, .offset = offsetof(settings, metrics), .fallback = "false", .title = "Enable metrics?", .help = "Counts calls."},
    {0},
};

static const weir_field resource[] = {{.name = "table", .type = WEIR_TEXT, .offset = offsetof(place, table), .flags = WEIR_PATH, .help = "table1 or table2."}, {0}};

/* ---- tests ---- */

static weir_rc need(weir_task *t, const char *value, const char *name, const char *why)
{
    return value && *value ? WEIR_OK : weir_fail(t, WEIR_E_CONFIG, "%s is empty: %s needs it", name, why);
}

static weir_rc connects(weir_task *t, void *self)
{
    const settings *s = self;
    const struct {
        const char *method, *name, *value;
    } needed[] = {
        {"OAuth2.0", "the client ID", s->client_id}, {"OAuth2.0", "the client secret", s->client_secret}, {"API Key", "the API key", s->api_key},
        {"Basic Auth", "the username", s->username}, {"Basic Auth", "the password", s->password},
    };
    weir_rc rc = WEIR_OK;
    if (strncmp(s->base_url, "https://", 8) != 0 && strncmp(s->base_url, "http://", 7) != 0)
        return weir_fail(t, WEIR_E_CONFIG, "'%s' is no URL of an API: it begins neither with https:// nor with http://", s->base_url);
    for (size_t i = 0; i < sizeof needed / sizeof *needed && !rc; i++)
        if (strcmp(s->authentication, needed[i].method) == 0)
            rc = need(t, needed[i].value, needed[i].name, needed[i].method);
    return rc;
}

static weir_rc selects(weir_task *t, void *self)
{
    const settings *s = self;
    return strcmp(s->version, "v3") == 0 ? weir_fail(t, WEIR_E_CONFIG, "API version v3 has no tables yet") : connects(t, self);
}

static const weir_test tests[] = {
    {"connect", "Tests connection", connects},
    {"select", "Tests selection", selects},
    {0},
};

/* ---- tables ---- */

/* A property of which nothing is said is a column whose type is told by its values. */
static const weir_stream table1 = {
    .name = WEIR_LIT("table1"), .key = WEIR_LIT("[\"/a1\"]"), .updates = true, .deletes = true,
    .schema = WEIR_LIT("{\"type\":\"object\",\"properties\":{\"a1\":{},\"a2\":{\"type\":\"number\"}},\"required\":[\"a1\"]}"),
};

static const weir_stream table2 = {
    .name = WEIR_LIT("table2"), .key = WEIR_LIT("[\"/b1\"]"),
    .schema = WEIR_LIT("{\"type\":\"object\",\"properties\":{\"b1\":{\"type\":\"string\"},\"b2\":{}},\"required\":[\"b1\"]}"),
};

static weir_rc discover(weir_task *t, void *self)
{
    (void)self;
    weir_rc rc = weir_discovered(t, &table1);
    return rc ? rc : weir_discovered(t, &table2);
}

/* ---- rows ---- */

enum { ROWS = 250 }; /* of table1 in a sync: more than two batches */

static const weir_name a1 = WEIR_NAME("a1"), a2 = WEIR_NAME("a2"), b1 = WEIR_NAME("b1"), b2 = WEIR_NAME("b2");

static weir_rc put_row1(weir_task *t, const weir_binding *b, weir_op op, int64_t n, double value)
{
    weir_rc rc = weir_begin(t, b, op);
    if (rc)
        return rc;
    weir_put_text(t, a1, weir_format(t, "a-%" PRId64, n));
    if (op != WEIR_DELETE)
        weir_put_double(t, a2, value);
    return weir_end(t);
}

/* Rows from the cursor on, then one that has changed, and one that is gone. */
static weir_rc pull_table1(weir_task *t, const weir_binding *b, int64_t cursor)
{
    weir_rc rc = WEIR_OK;
    for (int64_t n = cursor; n < cursor + ROWS && !rc; n++)
        rc = put_row1(t, b, WEIR_UPSERT, n, (double)n / 4);
    if (!rc)
        rc = put_row1(t, b, WEIR_UPDATE, cursor, 110.5);
    if (!rc)
        rc = put_row1(t, b, WEIR_DELETE, cursor + 1, 0);
    return rc;
}

static weir_rc put_row2(weir_task *t, const weir_binding *b, const char *id, weir_view text)
{
    weir_rc rc = weir_begin(t, b, WEIR_UPSERT);
    if (rc)
        return rc;
    weir_put_text(t, b1, (weir_view){id, strlen(id)});
    weir_put_text(t, b2, text);
    return weir_end(t);
}

/* The second row is larger than a batch may be: it goes alone, with a warning. */
static weir_rc pull_table2(weir_task *t, const weir_binding *b)
{
    weir_rc rc = put_row2(t, b, "b-small", (weir_view)WEIR_LIT("ben"));
    if (!rc)
        rc = put_row2(t, b, "b-large", weir_format(t, "%0*d", 200 * 1000, 0));
    return rc ? rc : put_row2(t, b, "b-last", (weir_view)WEIR_LIT("done"));
}

static weir_rc pull(weir_task *t, void *self, const weir_binding *b, size_t bindings)
{
    const settings *s = self;
    const int64_t cursor = weir_json_int(b->state, "/cursor", 0);
    const bool first = strcmp(((const place *)b->resource)->table, "table1") == 0;
    (void)bindings;
    weir_rc rc = first ? pull_table1(t, b, cursor) : pull_table2(t, b);
    if (!rc)
        rc = weir_checkpoint(t, b, weir_format(t, "{\"cursor\":%" PRId64 "}", cursor + (first ? ROWS : 3)));
    if (!rc && s->metrics)
        weir_log(t, WEIR_INFO, "%.*s: read up to %" PRId64, (int)b->name.len, b->name.ptr, cursor + (first ? ROWS : 3));
    return rc;
}

static const weir_connector example = {
    .abi = WEIR_ABI, .name = "source-fivetran-example", .version = "1.0.0", .title = "Two tables, as an example for Fivetran",
    .config = fields, .config_size = sizeof(settings), .resource = resource, .resource_size = sizeof(place), .tests = tests,
    .capture = &(const weir_capture){.discover = discover, .pull = pull},
};

int main(int argc, char **argv)
{
    return weir_main(&example, argc, argv);
}
