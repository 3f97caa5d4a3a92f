#include "proto/singer/args.h"

#include "base/map.h"

typedef enum takes { TAKES_NOTHING, TAKES_VALUE, TAKES_CONFIG, TAKES_TEST } takes;
enum { OF_TAP = 1, OF_TARGET = 2, OF_BOTH = 3 };

static const struct flag {
    const char *name, *brief; /* brief: classic's one letter */
    takes takes;
    unsigned of;
    size_t offset;
    const char *shows, *help;
} flags[] = {
    {"--config", "-c", TAKES_CONFIG, OF_BOTH, 0, "FILE", "settings; several are merged, ENV is the environment"},
    {"--discover", "-d", TAKES_NOTHING, OF_TAP, offsetof(singer_args, discover), "", "print the catalog"},
    {"--catalog", NULL, TAKES_VALUE, OF_TAP, offsetof(singer_args, catalog), "FILE", "which streams and fields are wanted"},
    {"--properties", "-p", TAKES_VALUE, OF_TAP, offsetof(singer_args, properties), "FILE", "the same, as old runners say it"},
    {"--state", "-s", TAKES_VALUE, OF_TAP, offsetof(singer_args, state), "FILE", "where to go on"},
    {"--test", NULL, TAKES_TEST, OF_TAP, offsetof(singer_args, test), "[=schema]", "a record of every stream; or only the schemas"},
    {"--input", NULL, TAKES_VALUE, OF_TARGET, offsetof(singer_args, input), "FILE", "messages, instead of standard input"},
    {"--about", NULL, TAKES_NOTHING, OF_BOTH, offsetof(singer_args, about), "", "capabilities and settings"},
    {"--format", NULL, TAKES_VALUE, OF_BOTH, offsetof(singer_args, format), "FORMAT", "of --about: text, json, markdown, meltano"},
    {"--version", NULL, TAKES_NOTHING, OF_BOTH, offsetof(singer_args, version), "", ""},
    {"--help", "-h", TAKES_NOTHING, OF_BOTH, offsetof(singer_args, help), "", ""},
    {"--dev", NULL, TAKES_NOTHING, OF_BOTH, offsetof(singer_args, dev), NULL, ""},
};
enum { FLAGS = sizeof flags / sizeof *flags };

static const struct flag *find(weir_view name, unsigned of)
{
    for (size_t i = 0; i < FLAGS; i++)
        if (flags[i].of & of && (view_is(name, flags[i].name) || (flags[i].brief && view_is(name, flags[i].brief))))
            return &flags[i];
    return NULL;
}

static weir_rc unknown(const char *arg, weir_view name, unsigned of, err *e)
{
    const char *words[FLAGS];
    size_t n = 0;
    for (size_t i = 0; i < FLAGS; i++)
        if (flags[i].of & of)
            words[n++] = flags[i].name;
    const char *near = map_nearest(name, words, n);
    return err_fail(e, WEIR_E_CONFIG, "unknown argument '%s'%s%s%s", arg, near ? ", did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static void *member(singer_args *to, const struct flag *f) { return (char *)to + f->offset; }

/* @param value NULL: none was given  @param next the argument behind it, or NULL  @param used set if that was taken */
static weir_rc take(singer_args *to, const struct flag *f, const char *value, const char *next, bool *used, err *e)
{
    if (f->takes == TAKES_NOTHING) {
        if (value)
            return err_fail(e, WEIR_E_CONFIG, "%s takes no value", f->name);
        *(bool *)member(to, f) = true;
        return WEIR_OK;
    }
    if (f->takes == TAKES_TEST) {
        bool word = !value && next && (strcmp(next, "all") == 0 || strcmp(next, "schema") == 0);
        *used = word;
        *(const char **)member(to, f) = value ? value : word ? next : "all";
        return WEIR_OK;
    }
    *used = !value;
    value = value ? value : next;
    if (!value || !*value)
        return err_fail(e, WEIR_E_CONFIG, "%s needs a value", f->name);
    if (f->takes == TAKES_CONFIG)
        to->configs[to->config_count++] = value;
    else
        *(const char **)member(to, f) = value;
    return WEIR_OK;
}

weir_rc singer_args_read(singer_args *ret, arena *a, char *const *args, size_t count, bool target, err *e)
{
    const unsigned of = target ? OF_TARGET : OF_TAP;
    *ret = (singer_args){.configs = arena_array(a, count, sizeof *ret->configs)};
    if (!ret->configs)
        return err_nomem(e);
    for (size_t i = 0; i < count; i++) {
        const char *equals = strncmp(args[i], "--", 2) == 0 ? strchr(args[i], '=') : NULL;
        weir_view name = {args[i], equals ? (size_t)(equals - args[i]) : strlen(args[i])};
        const struct flag *f = find(name, of);
        bool used = false;
        weir_rc rc = f ? take(ret, f, equals ? equals + 1 : NULL, i + 1 < count ? args[i + 1] : NULL, &used, e) : unknown(args[i], name, of, e);
        if (rc)
            return rc;
        i += used;
    }
    return WEIR_OK;
}

void singer_usage(const char *program, bool target, buf *out)
{
    buf_printf(out, "usage: %s [--config FILE]... %s\n", program, target ? "< MESSAGES" : "[--discover | --catalog FILE [--state FILE]]");
    for (size_t i = 0; i < FLAGS; i++) {
        const struct flag *f = &flags[i];
        if (!(f->of & (target ? OF_TARGET : OF_TAP)) || !f->shows)
            continue;
        size_t len = out->len;
        buf_printf(out, "  %s%s%s%s%s", f->brief ? f->brief : "", f->brief ? ", " : "", f->name, *f->shows && *f->shows != '[' ? " " : "", f->shows);
        while (*f->help && out->len - len < 26)
            buf_addc(out, ' ');
        buf_printf(out, "%s\n", f->help);
    }
}
