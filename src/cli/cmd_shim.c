/* weir shim: a connector of one protocol, served as one of another. */
#include "base/io.h"
#include "cli/command.h"
#include "json/scan.h"
#include "proto/protocol.h"

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static bool is_named(const char *const *command, const char *const *prefixes)
{
    for (; *prefixes; prefixes++)
        if (view_starts(view_of(base_name(command[0])), view_of(*prefixes)))
            return true;
    return false;
}

/* "target-x", "destination-x", "materialize-x" are destinations, as everywhere in the field; so is whatever is asked to write. */
static bool is_destination(const cli *c, const char *const *command, char *const *args, size_t count)
{
    static const char *const prefixes[] = {"target-", "destination-", "materialize-", NULL};
    return c->a.destination || is_named(command, prefixes) || (count && strcmp(args[0], "write") == 0);
}

static bool is_derivation(const cli *c, const char *const *command)
{
    static const char *const prefixes[] = {"derive-", NULL};
    return c->a.derivation || (!c->a.destination && is_named(command, prefixes));
}

static weir_rc known(const char *option, const char *name, const protocol **ret, err *e)
{
    if (!name)
        return err_fail(e, WEIR_E_CONFIG, "weir shim: --%s is missing: see weir shim --help", option);
    return err_wrap(e, protocol_named(name, ret, e), "weir shim: --%s", option);
}

static weir_rc read_oauth2(const char *path, buf *out, err *e)
{
    const char *what;
    size_t at;
    weir_rc rc = path ? io_read_file(path, 1 << 20, out, e) : WEIR_OK;
    if (!rc && path && !json_check(buf_view(out), &what, &at))
        rc = err_fail(e, WEIR_E_CONFIG, "%s: %s at byte %zu", path, what, at);
    return err_wrap(e, rc, "--oauth2");
}

/* What stands behind the first `--`: COMMAND [PLATFORM-ARG...], or COMMAND ARG... -- [PLATFORM-ARG...]. */
static weir_rc split(const cli *c, arena *a, const char ***ret_command, char ***ret_args, size_t *ret_count, err *e)
{
    size_t n = c->a.rest_count, own = n ? 1 : 0, skip = 0;
    if (!n)
        return err_fail(e, WEIR_E_CONFIG, "weir shim: the connector's command is missing: see weir shim --help");
    for (size_t i = 1; i < n && !skip; i++)
        if (strcmp(c->a.rest[i], "--") == 0) {
            own = i;
            skip = 1;
        }
    const char **command = arena_array(a, own + 1, sizeof *command);
    if (!command)
        return err_nomem(e);
    for (size_t i = 0; i < own; i++)
        command[i] = c->a.rest[i];
    *ret_command = command;
    *ret_args = c->a.rest + own + skip;
    *ret_count = n - own - skip;
    return WEIR_OK;
}

weir_rc cmd_shim(cli *c, err *e)
{
    arena a = {0};
    buf oauth2 = {0};
    const protocol *from, *as;
    const char **command = NULL;
    char **args = NULL;
    size_t count = 0;
    weir_rc rc = known("from", c->a.from, &from, e);
    if (!rc)
        rc = known("as", c->a.as, &as, e);
    if (!rc)
        rc = split(c, &a, &command, &args, &count, e);
    if (!rc)
        rc = read_oauth2(c->a.oauth2, &oauth2, e);
    if (!rc) {
        const weir_shim s = {.from = from->name, .command = command, .destination = is_destination(c, command, args, count),
                             .derivation = is_derivation(c, command), .docs_url = c->a.docs_url, .oauth2 = oauth2.len ? buf_text(&oauth2) : NULL};
        c->status = program_shim(&(serving){.log = c->log, .name = "weir shim", .p = as, .args = args, .arg_count = count, .stop_fd = c->stop_fd}, &s);
    }
    buf_free(&oauth2);
    arena_free(&a);
    return rc;
}
