#include "plane/settings.h"

#include "base/io.h"
#include "plane/yaml.h"

/* In the format that the file has now; one that is gone gets the one its name says. */
static bool is_json(const char *path)
{
    buf now = {.max = YAML_FILE_MAX};
    err ignored = {0};
    weir_view name = view_of(path);
    bool json = name.len > 5 && view_is(view_from(name, name.len - 5), ".json");
    if (io_read_file(path, YAML_FILE_MAX, &now, &ignored) == WEIR_OK) {
        weir_view text = buf_view(&now);
        while (text.len && strchr(" \t\r\n", *text.ptr))
            text = view_from(text, 1);
        json = text.len && *text.ptr == '{';
    }
    buf_wipe(&now); /* it may hold secrets */
    err_free(&ignored);
    return json;
}

static weir_rc replace(const char *path, weir_view config, err *e)
{
    arena a = {0};
    buf text = {0};
    tree *parsed;
    weir_rc rc = tree_parse(&a, config, NULL, WEIR_E_PROTOCOL, &parsed, e);
    if (!rc && is_json(path)) {
        tree_write(&text, parsed);
        buf_addc(&text, '\n');
    } else if (!rc) {
        yaml_write(&text, parsed);
    }
    if (!rc)
        rc = buf_ok(&text) ? io_replace_file(path, buf_view(&text), e) : err_nomem(e);
    buf_wipe(&text);
    arena_free(&a);
    return rc;
}

static void warn(log_sink *log, weir_view name, const char *why)
{
    buf text = {0};
    buf_printf(&text, "the connector has changed its settings, and they will be lost at the end of this run: %s", why);
    log_record(log, WEIR_WARN, name, buf_view(&text), NULL, 0);
    buf_free(&text);
}

void settings_keep(const endpoint *e, weir_view config, log_sink *log, weir_view name, bool *told)
{
    err failure = {0};
    weir_rc rc = e->config_path ? replace(e->config_path, config, &failure) : WEIR_OK;
    if ((!e->config_path || rc) && !*told) {
        warn(log, name, rc ? err_text(&failure) : "they stand in the catalog itself; put them into a file of their own and name it as the config");
        *told = true;
    }
    err_free(&failure);
}
