/* Being a Singer tap or target: the command line (singer.md 4). */
#include <stdlib.h>

#include "base/io.h"
#include "model/spec.h"
#include "proto/singer/about.h"
#include "proto/singer/config.h"
#include "proto/singer/logs.h"
#include "proto/singer/singer.h"

typedef struct server {
    const weir_connector *c;
    const serve_options *o;
    const singer_side *side;
    const char *name;
    bool target;
    arena arena;
    singer_args args;
} server;

enum { FAILED = 1, USAGE = 2 };

static weir_rc print(const server *v, buf *text, err *e)
{
    weir_rc rc = buf_ok(text) ? io_write(v->o->out, buf_view(text), "standard output", e) : err_nomem(e);
    buf_free(text);
    return rc;
}

/* ---- what needs no settings ---- */

static weir_rc show_version(server *v, err *e)
{
    buf text = {0};
    buf_printf(&text, "%s v%s, Weir v%s\n", v->name, v->c->version, weir_version());
    return print(v, &text, e);
}

static weir_rc show_about(server *v, err *e)
{
    const singer_about about = {v->c, v->name, v->side};
    buf text = {0};
    weir_rc rc = singer_about_write(&about, v->args.format ? v->args.format : "text", &text, e);
    if (!rc)
        return print(v, &text, e);
    buf_free(&text);
    return rc;
}

static weir_rc show_help(server *v, err *e)
{
    buf text = {0};
    singer_usage(v->o->program, v->target, &text);
    return print(v, &text, e);
}

/* ---- what does ---- */

static weir_rc own_schema(server *v, tree **ret, err *e)
{
    buf text = {0};
    spec_config_schema(v->c, &text);
    weir_view kept = buf_ok(&text) ? arena_dup(&v->arena, buf_view(&text)) : (weir_view){0};
    buf_free(&text);
    return kept.ptr ? tree_parse(&v->arena, kept, NULL, WEIR_E_PROTOCOL, ret, e) : err_nomem(e);
}

static void mask_one(void *arg, weir_view secret) { log_mask(arg, secret); }

/* All that is wrong, the connector's settings and the general ones, is said at once. */
static weir_rc check_settings(server *v, const singer_config *config, err *e)
{
    union {
        singer_tap_settings tap;
        singer_target_settings target;
    } general = {0};
    err also = {0};
    void *own = arena_alloc(&v->arena, v->c->config_size);
    if (!own)
        return err_nomem(e);
    if (v->c->config)
        fields_secrets(v->c->config, config->own, mask_one, v->o->log);
    weir_rc rc = v->c->config ? fields_parse(v->c->config, config->own, "config", own, &v->arena, e) : WEIR_OK;
    weir_rc second = singer_settings_parse(v->side, config->settings, &general, &v->arena, &also);
    if (rc && second) {
        buf both = {0};
        buf_printf(&both, "%s\n%s", err_text(e), err_text(&also));
        rc = err_fail(e, rc, "%s", buf_text(&both));
        buf_free(&both);
    } else if (second) {
        rc = err_move(e, &also);
    }
    err_free(&also);
    return rc;
}

static weir_rc work(server *v, bool *ret_broken, err *e)
{
    const singer_args *args = &v->args;
    tree *schema;
    singer_config config;
    weir_rc rc = own_schema(v, &schema, e);
    if (!rc)
        rc = singer_config_read(&config, &v->arena, args, v->name, schema, v->side, e);
    if (rc)
        return rc;
    rc = check_settings(v, &config, e);
    if (rc)
        return rc;
    const singer_job job = {
        .c = v->c, .o = v->o, .name = v->name, .config = config.own, .settings = config.settings, .config_path = config.path,
        .catalog = args->catalog ? args->catalog : args->properties, .legacy = !args->catalog && args->properties, .state = args->state,
        .test = args->test, .input = args->input,
    };
    if (v->target)
        return singer_target(&job, e);
    return args->discover ? singer_discover(&job, e) : singer_tap(&job, ret_broken, e);
}

static weir_rc run(server *v, serve_end *end, err *e)
{
    bool broken = false;
    weir_rc rc = v->args.help      ? show_help(v, e)
                 : v->args.version ? show_version(v, e)
                 : v->args.about   ? show_about(v, e)
                                   : work(v, &broken, e);
    if (broken) /* nobody reads any more: to be noticed, but not a word (singer.md 11) */
        *end = (serve_end){.status = FAILED, .reported = true};
    else if (rc == WEIR_STOPPED && v->args.discover)
        end->status = FAILED; /* there is no catalog */
    else
        end->status = rc && rc != WEIR_STOPPED ? FAILED : 0;
    return rc;
}

/* All problems, a line each. */
static void report(log_sink *log, weir_rc rc, err *e)
{
    const log_field fields[] = {{"code", view_of(rc_name(rc)), false}, {"who", view_of(rc_who(rc)), false}};
    for (weir_view rest = view_of(err_text(e)); rest.len;) {
        const char *nl = memchr(rest.ptr, '\n', rest.len);
        weir_view line = {rest.ptr, nl ? (size_t)(nl - rest.ptr) : rest.len};
        log_record(log, WEIR_ERROR, (weir_view){0}, line, fields, 2);
        rest = view_from(rest, line.len + 1);
    }
}

static void show_usage(server *v)
{
    buf text = {0};
    err unheard = {0};
    singer_usage(v->o->program, v->target, &text);
    if (buf_ok(&text))
        io_write(2, buf_view(&text), "standard error", &unheard);
    err_free(&unheard);
    buf_free(&text);
}

weir_rc singer_serve(const weir_connector *c, const serve_options *o, serve_end *end, err *e)
{
    const bool target = c->materialize && (!c->capture || strncmp(o->program, "target-", 7) == 0);
    server v = {.c = c, .o = o, .target = target, .side = target ? &singer_target_side : &singer_tap_side};
    singer_logs logs = {0};
    v.name = singer_name(&v.arena, c, o->program, target);
    weir_rc rc = v.name ? WEIR_OK : err_nomem(e);
    end->status = FAILED;
    if (!rc) {
        singer_logs_begin(&logs, o->log, v.name);
        rc = singer_args_read(&v.args, &v.arena, o->args, o->arg_count, target, e);
        if (rc == WEIR_E_CONFIG) {
            end->status = USAGE;
            show_usage(&v);
        } else if (!rc) {
            rc = run(&v, end, e);
        }
    }
    if (rc && rc != WEIR_STOPPED && !end->reported) {
        report(o->log, rc, e);
        end->reported = true;
    }
    singer_logs_end(&logs, o->log);
    arena_free(&v.arena);
    return rc;
}

void singer_refuse(const serve_options *o, serve_end *end, weir_rc rc, err *e)
{
    (void)o;
    (void)e;
    end->status = rc == WEIR_STOPPED ? 0 : FAILED;
}
