#include "plane/yaml.h"

#include <stdio.h>

#include "base/io.h"
#include "json/scan.h"
#include "json/utf8.h"

enum {
    FLOW_WIDTH = 72, /* a leaf that is not wider stays on one line */
    KEY_MAX = 160    /* a longer one gets a ?: YAML lets a key without it have 1024 characters, as escaped */
};

/* ------------------------------------------------------------------------------------------------------------ scalars -- */

static uint32_t code_point(const unsigned char *p, size_t len)
{
    uint32_t c = len == 1 ? p[0] : p[0] & (0xffu >> (len + 1));
    for (size_t i = 1; i < len; i++)
        c = c << 6 | (p[i] & 0x3fu);
    return c;
}

/* Takes the next character. What is not UTF-8 counts as U+FFFD. */
static uint32_t next_char(weir_view *rest, size_t *ret_len)
{
    const unsigned char *p = (const unsigned char *)rest->ptr;
    size_t len = p[0] < 0x80 ? 1 : utf8_sequence(p, rest->len);
    uint32_t c = len ? code_point(p, len) : 0xfffd;
    *ret_len = len ? len : utf8_broken(p, rest->len);
    *rest = view_from(*rest, *ret_len);
    return c;
}

/* c-printable without line breaks and the byte order mark: what may stand in a file as it is. */
static bool is_printable(uint32_t c)
{
    return (c >= 0x20 && c < 0x7f) || (c >= 0xa0 && c < 0xd800 && c != 0x2028 && c != 0x2029) ||
           (c >= 0xe000 && c < 0xfffe && c != 0xfeff) || c >= 0x10000;
}

static void put_escape(buf *out, uint32_t c)
{
    static const char letters[][2] = {{'"', '"'}, {'\\', '\\'}, {'\n', 'n'}, {'\t', 't'}, {'\r', 'r'}};
    for (size_t i = 0; i < sizeof letters / sizeof *letters; i++) {
        if (c == (unsigned char)letters[i][0]) {
            buf_addc(out, '\\');
            buf_addc(out, letters[i][1]);
            return;
        }
    }
    buf_printf(out, "\\u%04x", (unsigned)c);
}

static void put_quoted(buf *out, weir_view text)
{
    buf_addc(out, '"');
    while (text.len) {
        const char *from = text.ptr;
        size_t len;
        uint32_t c = next_char(&text, &len);
        if (c == '"' || c == '\\' || !is_printable(c))
            put_escape(out, c);
        else if (c == 0xfffd)
            buf_adds(out, "\xef\xbf\xbd");
        else
            buf_add(out, from, len);
    }
    buf_addc(out, '"');
}

/* Words that some YAML reader takes for something else than text. */
static bool is_special_word(weir_view text)
{
    static const char *const words[] = {"null", "true", "false", "yes", "no", "on", "off"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (text.len == strlen(words[i]) && strncasecmp(text.ptr, words[i], text.len) == 0)
            return true;
    return false;
}

static bool is_letter(char c)
{
    return ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_' || c == '/' || c == '$';
}

/* May this character stand inside a plain scalar? `next`: the one behind it, 0 at the end. */
static bool is_plain(uint32_t c, char next, bool flow)
{
    if (c >= 0x7f || c < ' ')
        return c >= 0x80 && is_printable(c);
    if ((c >= '0' && c <= '9') || is_letter((char)c) || strchr("-.+@", (int)c))
        return true;
    if (c == ' ')
        return next && !strchr(" #:", next);
    if (c == ':')
        return next && (is_letter(next) || (next >= '0' && next <= '9'));
    return !flow && strchr(",'();=%!?*&<>^~", (int)c);
}

static bool can_be_plain(weir_view text, bool flow)
{
    if (!text.len || !((signed char)*text.ptr < 0 || is_letter(*text.ptr)) || is_special_word(text))
        return false;
    while (text.len) {
        const char *at = text.ptr;
        size_t len;
        uint32_t c = next_char(&text, &len);
        if ((c == 0xfffd && utf8_sequence((const unsigned char *)at, len) != len) || !is_plain(c, text.len ? *text.ptr : 0, flow))
            return false;
    }
    return true;
}

static void put_text(buf *out, weir_view text, bool flow)
{
    if (can_be_plain(text, flow))
        buf_addv(out, text);
    else
        put_quoted(out, text);
}

/* Can the text be written as a literal block: several lines, a visible beginning, at most one line break at the end? */
static bool can_be_literal(weir_view text)
{
    if (!text.len || !memchr(text.ptr, '\n', text.len) || strchr(" \t\n", *text.ptr) || view_ends(text, VIEW("\n\n")))
        return false;
    while (text.len) {
        size_t len;
        uint32_t c = next_char(&text, &len);
        if ((c != '\n' && c != '\t' && !is_printable(c)) || c == 0xfffd)
            return false;
    }
    return true;
}

static void break_line(buf *out, size_t indent)
{
    buf_addc(out, '\n');
    while (indent--)
        buf_addc(out, ' ');
}

static void put_literal(buf *out, weir_view text, size_t indent)
{
    bool ends = view_ends(text, VIEW("\n"));
    buf_adds(out, ends ? "|" : "|-");
    if (ends)
        text.len--;
    while (text.len) {
        const char *end = memchr(text.ptr, '\n', text.len);
        weir_view line = {text.ptr, end ? (size_t)(end - text.ptr) : text.len};
        break_line(out, line.len ? indent : 0);
        buf_addv(out, line);
        text = view_from(text, line.len + 1);
    }
}

/* ------------------------------------------------------------------------------------------------------------- values -- */

static bool is_container(const tree *t)
{
    return t->kind == TREE_ARRAY || t->kind == TREE_OBJECT;
}

static void put_scalar(buf *out, const tree *t, bool flow)
{
    if (t->kind == TREE_STRING)
        put_text(out, t->text, flow);
    else if (t->kind == TREE_NUMBER)
        buf_addv(out, t->text);
    else
        buf_adds(out, t->kind == TREE_NULL ? "null" : t->boolean ? "true" : "false");
}

/* Does it fit on one line: a scalar, or a container of scalars and lists of scalars? */
static bool is_leaf(const tree *t, unsigned levels)
{
    if (!is_container(t))
        return true;
    if (!levels)
        return !t->first;
    for (const tree *c = t->first; c; c = c->next)
        if (c->name.len > FLOW_WIDTH || c->text.len > FLOW_WIDTH || (c->kind == TREE_OBJECT && c->first) || !is_leaf(c, levels - 1))
            return false;
    return true;
}

static void put_flow(buf *out, const tree *t)
{
    if (!is_container(t)) {
        put_scalar(out, t, true);
        return;
    }
    bool named = t->kind == TREE_OBJECT;
    buf_addc(out, named ? '{' : '[');
    for (const tree *c = t->first; c; c = c->next) {
        if (c != t->first)
            buf_adds(out, ", ");
        if (named) {
            put_text(out, c->name, true);
            buf_adds(out, ": ");
        }
        put_flow(out, c);
    }
    buf_addc(out, named ? '}' : ']');
}

/* Writes the container on one line if it is short. */
static bool put_short(buf *out, const tree *t)
{
    size_t before = out->len;
    if (!is_leaf(t, 2))
        return false;
    put_flow(out, t);
    if (t->first && out->len - before > FLOW_WIDTH && buf_ok(out)) {
        out->len = before;
        return false;
    }
    return true;
}

static void put_block(buf *out, const tree *t, size_t indent);

/* What follows "key:": on the same line, or from the next one, indented. */
static void put_after_key(buf *out, const tree *t, size_t indent)
{
    if (t->kind == TREE_STRING && can_be_literal(t->text)) {
        buf_addc(out, ' ');
        put_literal(out, t->text, indent);
    } else if (!is_container(t)) {
        buf_addc(out, ' ');
        put_scalar(out, t, false);
    } else {
        size_t before = out->len;
        buf_addc(out, ' ');
        if (put_short(out, t))
            return;
        if (buf_ok(out))
            out->len = before;
        break_line(out, indent);
        put_block(out, t, indent);
    }
}

static void put_member(buf *out, const tree *t, size_t indent)
{
    bool explicit_key = t->name.len > KEY_MAX;
    if (explicit_key)
        buf_adds(out, "? ");
    put_text(out, t->name, true);
    if (explicit_key)
        break_line(out, indent);
    buf_addc(out, ':');
    put_after_key(out, t, indent + 2);
}

static void put_item(buf *out, const tree *t, size_t indent)
{
    buf_adds(out, "- ");
    if (is_container(t) && put_short(out, t))
        return;
    put_block(out, t, indent + 2);
}

/* A value whose first line begins here, at column `indent`. */
static void put_block(buf *out, const tree *t, size_t indent)
{
    if (t->kind == TREE_STRING && can_be_literal(t->text)) {
        put_literal(out, t->text, indent);
    } else if (!is_container(t) || !t->first) {
        if (is_container(t))
            put_flow(out, t);
        else
            put_scalar(out, t, false);
    } else {
        for (const tree *c = t->first; c; c = c->next) {
            if (c != t->first)
                break_line(out, indent);
            (t->kind == TREE_OBJECT ? put_member : put_item)(out, c, indent);
        }
    }
}

void yaml_write_at(buf *out, const tree *t, size_t indent)
{
    put_block(out, t, indent);
}

void yaml_write(buf *out, const tree *t)
{
    bool literal = t->kind == TREE_STRING && can_be_literal(t->text);
    if (literal)
        put_literal(out, t->text, 2);
    else
        put_block(out, t, 0);
    buf_addc(out, '\n');
}

/* ------------------------------------------------------------------------------------------------------ for terminals -- */

static weir_view line_of(weir_view text, size_t number)
{
    while (--number && text.len) {
        const char *end = memchr(text.ptr, '\n', text.len);
        text = view_from(text, end ? (size_t)(end - text.ptr) + 1 : text.len);
    }
    const char *end = text.len ? memchr(text.ptr, '\n', text.len) : NULL;
    text.len = end ? (size_t)(end - text.ptr) : text.len;
    if (view_ends(text, VIEW("\r")))
        text.len--;
    return text;
}

/* Blanks up to the marked character; tabs stay tabs, so that the caret is below it. */
static void put_caret(buf *out, weir_view line, size_t column)
{
    for (size_t i = 0; i < line.len && column > 1; i++)
        if (!utf8_follows((unsigned char)line.ptr[i])) {
            buf_addc(out, line.ptr[i] == '\t' ? '\t' : ' ');
            column--;
        }
    buf_adds(out, "^\n");
}

void yaml_show(buf *out, tree_mark mark)
{
    enum { WIDE = 400 }; /* nobody reads more of a line, such as of JSON written without line breaks */
    buf text = {0};
    err ignored = {0};
    if (!mark.file || !mark.line || !mark.column || io_read_file(mark.file, YAML_FILE_MAX, &text, &ignored) != WEIR_OK) {
        buf_free(&text);
        err_free(&ignored);
        return;
    }
    weir_view line = line_of(buf_view(&text), mark.line);
    if (line.len && line.len < WIDE && json_utf8(line)) {
        buf_addv(out, line);
        buf_addc(out, '\n');
        put_caret(out, line, mark.column);
    }
    buf_free(&text);
}
