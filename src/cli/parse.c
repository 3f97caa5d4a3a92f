/* The command line, by the tables. */
#include <stdlib.h>

#include "base/map.h"
#include "cli/command.h"

const cli_option *cli_option_find(const char *name, size_t len)
{
    weir_view v = {name, len};
    for (const cli_option *o = cli_options; o->name; o++)
        if (view_is(v, o->name) || (o->alias && view_is(v, o->alias)))
            return o;
    return NULL;
}

static bool takes(const cli_command *c, const cli_option *o)
{
    for (const char *const *n = c->options; *n; n++)
        if (strcmp(*n, o->name) == 0)
            return true;
    return false;
}

static weir_rc unknown(const cli_command *c, const char *arg, err *e)
{
    size_t n = 0;
    const char *words[64];
    const char *eq = strchr(arg, '=');
    weir_view name = {arg + 2, eq ? (size_t)(eq - arg) - 2 : strlen(arg) - 2};
    for (const char *const *o = c->options; *o && n < 64; o++)
        words[n++] = *o;
    const char *near = map_nearest(name, words, n);
    return err_fail(e, WEIR_E_CONFIG, "weir %s: unknown option '--%.*s'%s%s%s; see weir %s --help", c->name, VIEW_ARG(name),
                    near ? ", did you mean '--" : "", near ? near : "", near ? "'" : "", c->name);
}

static weir_rc parse_option(const cli_command *c, int argc, char **argv, int *i, cli_args *ret, err *e)
{
    const char *arg = argv[*i], *eq = strchr(arg, '=');
    const cli_option *o = cli_option_find(arg + 2, eq ? (size_t)(eq - arg) - 2 : strlen(arg) - 2);
    if (!o || !takes(c, o))
        return unknown(c, arg, e);
    char *place = (char *)ret + o->offset;
    if (!o->arg) {
        if (eq)
            return err_fail(e, WEIR_E_CONFIG, "weir %s: --%s takes no value", c->name, o->name);
        *(bool *)(void *)place = true;
        return WEIR_OK;
    }
    if (!eq && *i + 1 >= argc)
        return err_fail(e, WEIR_E_CONFIG, "weir %s: --%s needs a value: %s", c->name, o->name, o->arg);
    *(const char **)(void *)place = eq ? eq + 1 : argv[++*i];
    return WEIR_OK;
}

weir_rc cli_parse(const cli_command *c, int argc, char **argv, cli_args *ret, err *e)
{
    *ret = (cli_args){0};
    int i = 0;
    for (; i < argc; i++) {
        if (strcmp(argv[i], "--") == 0) {
            if (++i == argc)
                return err_fail(e, WEIR_E_CONFIG, "weir %s: nothing follows '--'", c->name);
            break;
        }
        if (strncmp(argv[i], "--", 2) != 0)
            break;
        weir_rc rc = parse_option(c, argc, argv, &i, ret, e);
        if (rc)
            return rc;
    }
    ret->rest = argv + i;
    ret->rest_count = (size_t)(argc - i);
    return WEIR_OK;
}
