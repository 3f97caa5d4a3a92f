#include "plugins.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct plugin {
    const weir_connector *absent; /* stands for it */
    const char *symbol;           /* of its descriptor */
    const char *needs;            /* what it is made of */
    const char *missing;          /* why it was not built; empty: it was */
} plugin;

/* ---------------------------------------------------------------------------------------------------------------- loading -- */

/* Beside the programs of a build folder, and of an installation. */
static const char *const folders[] = {"../lib", "../" WEIR_LIBDIR "/weir", NULL};

static void *load(const char *folder, const char *name, char *ret_why, size_t room)
{
    char path[4096];
    int n = snprintf(path, sizeof path, "%s/%s.so", folder, name);
    if (n < 0 || (size_t)n >= sizeof path || access(path, F_OK) != 0)
        return NULL;
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library)
        snprintf(ret_why, room, "%s", dlerror());
    return library;
}

static void *load_from(const char *base, const char *folder, const char *name, char *ret_why, size_t room)
{
    char path[4096];
    int n = snprintf(path, sizeof path, "%s/%s", base, folder);
    return n > 0 && (size_t)n < sizeof path ? load(path, name, ret_why, room) : NULL;
}

/* The folder this program is in. */
static void own_folder(char *out, size_t room)
{
    ssize_t n = readlink("/proc/self/exe", out, room - 1);
    out[n > 0 ? n : 0] = 0;
    char *slash = strrchr(out, '/');
    *(slash ? slash : out) = 0;
}

static const weir_connector *plugin_load(const plugin *p, char *ret_why, size_t room)
{
    char base[4096];
    const char *given = getenv("WEIR_PLUGINS");
    const char *name = p->absent->name;
    if (*p->missing) {
        snprintf(ret_why, room, "%s", p->missing);
        return NULL;
    }
    snprintf(ret_why, room, "%s.so is not installed", name);
    own_folder(base, sizeof base);
    void *library = given && *given ? load(given, name, ret_why, room) : NULL;
    for (const char *const *f = folders; !library && *f; f++)
        library = load_from(base, *f, name, ret_why, room);
    const weir_connector *c = library ? dlsym(library, p->symbol) : NULL;
    if (library && !c)
        snprintf(ret_why, room, "%s.so has no %s", name, p->symbol);
    return c;
}

/* ---------------------------------------------------------------------------------------------------------------- absence -- */

static weir_rc open_absent(weir_task *t, const weir_connector *me, const void *config, void **ret_self);

static weir_rc store_absent(weir_task *t, void *self, const weir_row *rows, size_t count)
{
    (void)self, (void)rows, (void)count;
    return weir_fail(t, WEIR_E_BUG, "it is not there");
}

static weir_rc apply_absent(weir_task *t, void *self, const weir_binding *bindings, size_t count)
{
    (void)bindings, (void)count;
    return store_absent(t, self, NULL, 0);
}

static weir_rc commit_absent(weir_task *t, void *self, weir_view checkpoint)
{
    (void)checkpoint;
    return store_absent(t, self, NULL, 0);
}

static const weir_materialize absent = {.apply = apply_absent, .store = store_absent, .commit = commit_absent};

/* It refuses before it looks at any setting, and so takes all of them. */
static const weir_connector duckdb_absent = {
    .abi = WEIR_ABI, .name = "materialize-duckdb", .version = "0.1.0", .title = "Loads collections and tables into a DuckDB database file",
    .config_schema = WEIR_LIT("{\"type\":\"object\"}"), .resource_schema = WEIR_LIT("{\"type\":\"object\"}"), .open = open_absent,
    .materialize = &absent, .sql = &(const weir_sql){0},
};

static const weir_connector postgres_absent = {
    .abi = WEIR_ABI, .name = "materialize-postgres", .version = "0.1.0", .title = "Loads collections into tables of a PostgreSQL database",
    .config_schema = WEIR_LIT("{\"type\":\"object\"}"), .resource_schema = WEIR_LIT("{\"type\":\"object\"}"), .open = open_absent,
    .materialize = &absent,
};

static const weir_connector webhook_absent = {
    .abi = WEIR_ABI, .name = "materialize-webhook", .version = "0.1.0", .title = "Sends documents to an HTTP address",
    .config_schema = WEIR_LIT("{\"type\":\"object\"}"), .resource_schema = WEIR_LIT("{\"type\":\"object\"}"), .open = open_absent,
    .materialize = &absent,
};

static const plugin plugins[] = {
    {&duckdb_absent, "materialize_duckdb", "DuckDB", WEIR_NO_DUCKDB},
    {&postgres_absent, "materialize_postgres", "libpq", WEIR_NO_POSTGRES},
    {&webhook_absent, "materialize_webhook", "libcurl", WEIR_NO_WEBHOOK},
};

static weir_rc open_absent(weir_task *t, const weir_connector *me, const void *config, void **ret_self)
{
    char why[512] = "";
    const plugin *p = plugins;
    (void)config, (void)ret_self;
    while (p->absent != me)
        p++;
    plugin_load(p, why, sizeof why);
    return weir_fail(t, WEIR_E_CONFIG, "this weir was built without %s: %s", p->needs, why);
}

const weir_connector *plugin_find(weir_view name)
{
    char why[512];
    for (size_t i = 0; i < sizeof plugins / sizeof *plugins; i++) {
        const char *own = plugins[i].absent->name;
        if (strlen(own) != name.len || memcmp(own, name.ptr, name.len) != 0)
            continue;
        const weir_connector *c = plugin_load(&plugins[i], why, sizeof why);
        return c ? c : plugins[i].absent;
    }
    return NULL;
}
