#include "cli/report.h"

#include "json/write.h"

static const char *kind_of(const test_step *s) { return s->verify ? "verify" : "ingest"; }

/* flow.yaml:12:7: step 2, verify acme/totals (what it is for) */
static void step_line(buf *out, const test_result *r)
{
    const test_step *s = r->step;
    tree_where(out, s ? s->mark : r->test->mark);
    if (s)
        buf_printf(out, "step %zu, %s %.*s", r->step_number, kind_of(s), VIEW_ARG(s->collection->name));
    else
        buf_adds(out, "before the first step");
    weir_view why = s && s->description.len ? s->description : r->test->description;
    if (why.len)
        buf_printf(out, " (%.*s)", VIEW_ARG(why));
}

static void indented(buf *out, weir_view text, const char *indent)
{
    while (text.len) {
        const char *nl = memchr(text.ptr, '\n', text.len);
        size_t len = nl ? (size_t)(nl - text.ptr) : text.len;
        buf_printf(out, "%s%.*s\n", indent, (int)len, text.ptr);
        text = view_from(text, nl ? len + 1 : len);
    }
}

void report_text(buf *out, const test_result *r)
{
    buf_printf(out, "%s  %.*s\n", r->passed ? "ok  " : "FAIL", VIEW_ARG(r->test->name));
    if (r->passed)
        return;
    buf_adds(out, "      ");
    step_line(out, r);
    buf_adds(out, ":\n");
    indented(out, r->failure, "        ");
}

void report_json(buf *out, const test_result *r)
{
    json_out w = json_out_to(out);
    out_open(&w, '{');
    out_text(out_name(&w, "test"), r->test->name);
    out_text(out_name(&w, "result"), view_of(r->passed ? "passed" : "failed"));
    out_int(out_name(&w, "documents"), (int64_t)r->documents);
    out_int(out_name(&w, "microseconds"), r->microseconds);
    if (!r->passed) {
        const tree_mark at = r->step ? r->step->mark : r->test->mark;
        out_text(out_name(&w, "file"), view_of(at.file));
        out_int(out_name(&w, "line"), (int64_t)at.line);
        out_int(out_name(&w, "column"), (int64_t)at.column);
        if (r->step) {
            out_int(out_name(&w, "step"), (int64_t)r->step_number);
            out_text(out_name(&w, "kind"), view_of(kind_of(r->step)));
            out_text(out_name(&w, "collection"), r->step->collection->name);
        }
        out_text(out_name(&w, "failure"), r->failure);
    }
    out_close(&w, '}');
    buf_addc(out, '\n');
}

/* ---- JUnit ---- */

/* XML 1.0 has no word for most control characters. */
static void xml_char(buf *out, char c)
{
    static const struct {
        char c;
        const char *as;
    } named[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}};
    for (size_t i = 0; i < sizeof named / sizeof *named; i++)
        if (c == named[i].c) {
            buf_adds(out, named[i].as);
            return;
        }
    buf_addc(out, (unsigned char)c < 0x20 && c != '\n' && c != '\t' ? '?' : c);
}

static void xml_text(buf *out, weir_view text)
{
    for (size_t i = 0; i < text.len; i++)
        xml_char(out, text.ptr[i]);
}

static void seconds(buf *out, int64_t microseconds)
{
    buf_printf(out, "%lld.%06lld", (long long)(microseconds / 1000000), (long long)(microseconds % 1000000));
}

void report_junit(buf *out, const char *path, const test_result *r)
{
    buf_adds(out, "    <testcase classname=\"");
    xml_text(out, view_of(path));
    buf_adds(out, "\" name=\"");
    xml_text(out, r->test->name);
    buf_adds(out, "\" time=\"");
    seconds(out, r->microseconds);
    if (r->passed) {
        buf_adds(out, "\"/>\n");
        return;
    }
    buf where = {0};
    step_line(&where, r);
    buf_adds(out, "\">\n      <failure message=\"");
    xml_text(out, buf_view(&where));
    buf_adds(out, "\">\n");
    xml_text(out, r->failure);
    buf_adds(out, "</failure>\n    </testcase>\n");
    buf_free(&where);
}

void report_junit_file(buf *out, const char *path, const buf *cases, size_t passed, size_t failed, int64_t microseconds)
{
    buf_adds(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite name=\"");
    xml_text(out, view_of(path));
    buf_printf(out, "\" tests=\"%zu\" failures=\"%zu\" errors=\"0\" skipped=\"0\" time=\"", passed + failed, failed);
    seconds(out, microseconds);
    buf_adds(out, "\">\n");
    buf_addv(out, buf_view(cases));
    buf_adds(out, "  </testsuite>\n</testsuites>\n");
}
