#include "proto/airbyte/say.h"

#include "json/write.h"

void airbyte_descriptor(buf *out, weir_view name, weir_view name_space)
{
    json_out w = json_out_to(out);
    out_open(&w, '{');
    out_text(out_name(&w, "name"), name);
    if (name_space.len)
        out_text(out_name(&w, "namespace"), name_space);
    out_close(&w, '}');
}

static json_out open_trace(buf *out, const char *type)
{
    airbyte_open(out, AIRBYTE_TRACE);
    json_out w = json_out_to(out);
    out_open(&w, '{');
    out_text(out_name(&w, "type"), view_of(type));
    out_int(out_name(&w, "emitted_at"), airbyte_now());
    return w;
}

static void close_trace(json_out *w)
{
    out_close(w, '}');
    airbyte_close(w->to);
}

void airbyte_say_status(buf *out, weir_view descriptor, airbyte_status status)
{
    static const char *const words[] = {
        [AIRBYTE_STARTED] = "STARTED", [AIRBYTE_RUNNING] = "RUNNING", [AIRBYTE_COMPLETE] = "COMPLETE", [AIRBYTE_INCOMPLETE] = "INCOMPLETE",
    };
    json_out w = open_trace(out, "STREAM_STATUS");
    out_open(out_name(&w, "stream_status"), '{');
    out_raw(out_name(&w, "stream_descriptor"), descriptor);
    out_text(out_name(&w, "status"), view_of(words[status]));
    out_close(&w, '}');
    close_trace(&w);
}

const char *airbyte_level(weir_level level)
{
    static const char *const words[] = {
        [WEIR_ERROR] = "ERROR", [WEIR_WARN] = "WARN", [WEIR_INFO] = "INFO", [WEIR_DEBUG] = "DEBUG", [WEIR_TRACE] = "TRACE",
    };
    return words[level];
}

void airbyte_say_log(buf *out, const char *level, weir_view message)
{
    airbyte_open(out, AIRBYTE_LOG);
    json_out w = json_out_to(out);
    out_open(&w, '{');
    out_text(out_name(&w, "level"), view_of(level));
    out_text(out_name(&w, "message"), message);
    out_close(&w, '}');
    airbyte_close(out);
}

void airbyte_say_error(buf *out, weir_rc rc, weir_view message, weir_view descriptor)
{
    json_out w = open_trace(out, "ERROR");
    out_open(out_name(&w, "error"), '{');
    out_text(out_name(&w, "message"), message);
    out_text(out_name(&w, "internal_message"), view_of(rc_who(rc)));
    out_text(out_name(&w, "failure_type"), view_of(airbyte_failure_type(rc)));
    if (descriptor.len)
        out_raw(out_name(&w, "stream_descriptor"), descriptor);
    out_close(&w, '}');
    close_trace(&w);
}
