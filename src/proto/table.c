#include <stdlib.h>

#include "proto/airbyte/airbyte.h"
#include "proto/fivetran/fivetran.h"
#include "proto/flow/flow.h"
#include "proto/protocol.h"
#include "proto/singer/singer.h"

#define LIST(...) (const char *const[]){__VA_ARGS__, NULL}

const protocol protocols[] = {
    {.name = "flow",
     .vars = LIST("FLOW_RUNTIME_CODEC"),
     .usage = "%1$s                        Estuary Flow on standard input and output: JSON lines or protobuf, whichever comes,\n"
              "                                 or as FLOW_RUNTIME_CODEC says (json, proto)\n",
     .derives = true, .shards = true, .serve = flow_serve, .drive = flow_drive, .drive_free = flow_drive_free},
    {.name = "airbyte", .words = LIST("spec", "check", "discover", "read", "write"), .vars = LIST("AIRBYTE_ENTRYPOINT"), .prefixes = LIST("destination-"),
     .usage = "%1$s spec                 serve Airbyte: settings and what else there is to say\n"
              "%1$s check --config FILE | discover --config FILE\n"
              "%1$s read --config FILE --catalog FILE [--state FILE] | write --config FILE --catalog FILE\n",
     .ends = true, .serve = airbyte_serve, .refuse = airbyte_refuse, .drive = airbyte_drive, .drive_free = airbyte_drive_free},
    {.name = "singer",
     .flags = LIST("--config", "-c", "--discover", "-d", "--catalog", "--properties", "-p", "--state", "-s", "--about", "--test", "--input"),
     .vars = LIST("SINGER_SDK_LOG_CONFIG"), .prefixes = LIST("tap-", "target-"),
     .usage = "%1$s --config FILE          a Singer tap or target; more with --config FILE --help\n"
              "%1$s --config FILE --discover | --config FILE --catalog FILE [--state FILE]\n",
     .ends = true, .serve = singer_serve, .refuse = singer_refuse, .own_version = true, .drive = singer_drive, .drive_free = singer_drive_free},
    {.name = "fivetran", .flags = LIST("--port", "--listen"), .vars = LIST("FIVETRAN_ACCOUNT_NAME", "FIVETRAN_GROUP_NAME"),
     .usage = "%1$s --port N [--listen ADDRESS]   a Fivetran connector over gRPC; on this machine only, unless the platform runs it\n",
     .ends = true, .tables = true, .listens = true,
     .serve = fivetran_serve, .refuse = fivetran_refuse, .drive = fivetran_drive, .drive_free = fivetran_drive_free},
    {0},
};

const protocol *protocol_find(weir_view name)
{
    if (!name.len)
        return &protocols[0];
    for (const protocol *p = protocols; p->name; p++)
        if (view_is(name, p->name))
            return p;
    return NULL;
}

const protocol *protocol_listening(void)
{
    const protocol *p = protocols;
    while (p->name && !p->listens)
        p++;
    return p;
}

bool protocol_serves(const protocol *p, const weir_connector *c)
{
    return c->capture || c->materialize || (c->sql && p->tables) || (c->derive && p->derives);
}

void protocol_names(buf *out)
{
    for (const protocol *p = protocols; p->name; p++) {
        if (p != protocols)
            buf_adds(out, p[1].name ? ", " : " and ");
        buf_adds(out, p->name);
    }
}

weir_rc protocol_named(const char *name, const protocol **ret, err *e)
{
    buf names = {0};
    *ret = *name ? protocol_find(view_of(name)) : NULL;
    if (*ret)
        return WEIR_OK;
    protocol_names(&names);
    err_fail(e, WEIR_E_CONFIG, "protocol '%s' is not known: there are %s", name, buf_text(&names));
    buf_free(&names);
    return WEIR_E_CONFIG;
}

/* ---- detection ---- */

static bool listed(const char *const *list, weir_view word)
{
    for (; list && *list; list++)
        if (view_is(word, *list))
            return true;
    return false;
}

static const protocol *by_word(weir_view word)
{
    for (const protocol *p = protocols; p->name; p++)
        if (listed(p->words, word))
            return p;
    return NULL;
}

static const protocol *by_flag(weir_view arg)
{
    const char *equals = arg.len ? memchr(arg.ptr, '=', arg.len) : NULL;
    weir_view flag = {arg.ptr, equals ? (size_t)(equals - arg.ptr) : arg.len};
    for (const protocol *p = protocols; p->name; p++)
        if (listed(p->flags, flag))
            return p;
    return NULL;
}

static const protocol *by_environment(void)
{
    for (const protocol *p = protocols; p->name; p++)
        for (const char *const *v = p->vars; v && *v; v++)
            if (view_of(getenv(*v)).len)
                return p;
    return NULL;
}

static const protocol *by_name(weir_view program)
{
    for (const protocol *p = protocols; p->name; p++)
        for (const char *const *x = p->prefixes; x && *x; x++)
            if (view_starts(program, view_of(*x)))
                return p;
    return NULL;
}

/* Takes --protocol out. */
static const char *take_choice(char **args, size_t *count)
{
    static const weir_view flag = WEIR_LIT("--protocol");
    for (size_t i = 0; i < *count; i++) {
        weir_view arg = view_of(args[i]);
        bool joined = view_starts(arg, flag) && arg.len > flag.len && arg.ptr[flag.len] == '=', apart = view_eq(arg, flag);
        if (!joined && !apart)
            continue;
        size_t taken = apart && i + 1 < *count ? 2 : 1;
        const char *name = joined ? args[i] + flag.len + 1 : taken == 2 ? args[i + 1] : "";
        memmove(args + i, args + i + taken, (*count - i - taken) * sizeof *args);
        *count -= taken;
        return name;
    }
    return getenv("WEIR_PROTOCOL");
}

weir_rc protocol_detect(const char *program, char **args, size_t *count, const protocol **ret, err *e)
{
    const char *chosen = take_choice(args, count);
    const protocol *p = NULL;
    if (chosen && *chosen)
        return protocol_named(chosen, ret, e);
    for (size_t i = 0; i < *count && !p; i++) {
        if (strcmp(args[i], "--debug") == 0)
            continue;
        p = by_word(view_of(args[i]));
        break;
    }
    for (size_t i = 0; i < *count && !p; i++)
        p = by_flag(view_of(args[i]));
    if (!p)
        p = by_environment();
    if (!p)
        p = by_name(view_of(program));
    *ret = p ? p : &protocols[0];
    return WEIR_OK;
}
