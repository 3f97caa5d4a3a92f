#include "doc/format.h"

#include "doc/format_idn.h"
#include "doc/pattern.h"
#include "json/format.h"
#include "json/pointer.h"
#include "json/utf8.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

static bool is_hex(char c)
{
    return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

static weir_view to(weir_view all, size_t len)
{
    return (weir_view){all.ptr, len};
}

/* Where c is, or the length. */
static size_t find(weir_view text, char c)
{
    const char *at = text.len ? memchr(text.ptr, c, text.len) : NULL;
    return at ? (size_t)(at - text.ptr) : text.len;
}

/* --------------------------------------------------------------------------------------------------------------- durations -- */

/* Digits and one of `units`, which come in their order, each at most once. @return how many there are */
static size_t take_units(weir_view *rest, const char *units)
{
    size_t count = 0;
    while (rest->len) {
        size_t n = 0;
        while (n < rest->len && is_digit(rest->ptr[n]))
            n++;
        const char *unit = n && n < rest->len ? strchr(units, rest->ptr[n]) : NULL;
        if (!unit || !*unit)
            return count;
        /* without a gap: hours and seconds need minutes between them (RFC 3339, appendix A) */
        if (count && unit != units)
            return 0;
        units = unit + 1;
        count++;
        *rest = view_from(*rest, n + 1);
    }
    return count;
}

static bool is_duration(weir_view text)
{
    if (!text.len || text.ptr[0] != 'P')
        return false;
    text = view_from(text, 1);
    weir_view weeks = text;
    if (take_units(&weeks, "W") == 1)
        return weeks.len == 0;
    size_t days = take_units(&text, "YMD");
    if (!text.len)
        return days > 0;
    if (text.ptr[0] != 'T')
        return false;
    text = view_from(text, 1);
    return take_units(&text, "HMS") > 0 && !text.len;
}

/* --------------------------------------------------------------------------------------------------------------- addresses -- */

static bool is_ipv4(weir_view text)
{
    for (int part = 0; part < 4; part++) {
        size_t n = find(text, '.');
        unsigned v = 0;
        for (size_t i = 0; i < n && i < 4; i++) {
            if (!is_digit(text.ptr[i]))
                return false;
            v = v * 10 + (unsigned)(text.ptr[i] - '0');
        }
        if (!n || n > 3 || v > 255 || (n > 1 && text.ptr[0] == '0') || (n == text.len) != (part == 3))
            return false;
        text = view_from(text, n + 1);
    }
    return true;
}

/* Groups of hexadecimal digits with colons between them, an IPv4 address as the last two. @return how many, -1 if there is anything else */
static int count_groups(weir_view text, bool may_end_in_ipv4)
{
    int count = 0;
    if (!text.len)
        return 0;
    for (;;) {
        size_t n = find(text, ':');
        if (n == text.len && may_end_in_ipv4 && find(text, '.') < text.len)
            return is_ipv4(text) ? count + 2 : -1;
        for (size_t i = 0; i < n; i++)
            if (!is_hex(text.ptr[i]))
                return -1;
        if (!n || n > 4)
            return -1;
        count++;
        if (n == text.len)
            return count;
        text = view_from(text, n + 1);
        if (!text.len)
            return -1;
    }
}

static bool is_ipv6(weir_view text)
{
    for (size_t i = 0; i + 1 < text.len; i++)
        if (text.ptr[i] == ':' && text.ptr[i + 1] == ':') {
            int before = count_groups(to(text, i), false), behind = count_groups(view_from(text, i + 2), true);
            return before >= 0 && behind >= 0 && before + behind < 8;
        }
    return count_groups(text, true) == 8;
}

/* -------------------------------------------------------------------------------------------------------------- host names -- */

static bool is_ascii_label(weir_view label)
{
    for (size_t i = 0; i < label.len; i++)
        if (!is_digit(label.ptr[i]) && !is_letter(label.ptr[i]) && label.ptr[i] != '-')
            return false;
    if (!label.len || label.len > 63 || label.ptr[0] == '-' || label.ptr[label.len - 1] == '-')
        return false;
    if (label.len >= 4 && label.ptr[2] == '-' && label.ptr[3] == '-')
        return (label.ptr[0] | 0x20) == 'x' && (label.ptr[1] | 0x20) == 'n' && idn_a_label(label);
    return true;
}

/* The next label; dots of other scripts divide international ones (RFC 3490, section 3.1). */
static weir_view take_label(weir_view *rest, bool international, bool *last)
{
    static const char *const dots[] = {".", "\xe3\x80\x82", "\xef\xbc\x8e", "\xef\xbd\xa1"};
    weir_view all = *rest;
    for (size_t i = 0; i < all.len; i++)
        for (size_t k = 0; k < (international ? 4 : 1); k++)
            if (view_starts(view_from(all, i), view_of(dots[k]))) {
                *rest = view_from(all, i + strlen(dots[k]));
                return to(all, i);
            }
    *last = true;
    return all;
}

static bool is_ascii(weir_view text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((signed char)text.ptr[i] < 0)
            return false;
    return true;
}

bool format_hostname(weir_view text, bool international)
{
    bool last = false;
    if (!text.len || text.len > 253 * (international ? 4 : 1))
        return false;
    while (!last) {
        weir_view label = take_label(&text, international, &last);
        if (!(is_ascii(label) ? is_ascii_label(label) : international && idn_u_label(label)))
            return false;
    }
    return true;
}

static bool is_hostname(weir_view text)
{
    return format_hostname(text, false);
}

static bool is_idn_hostname(weir_view text)
{
    return format_hostname(text, true);
}

/* ------------------------------------------------------------------------------------------------------------------- email -- */

static bool is_atom(char c, bool international)
{
    return is_letter(c) || is_digit(c) || (c && strchr("!#$%&'*+-/=?^_`{|}~", c)) || (international && (signed char)c < 0);
}

static bool is_local_part(weir_view text, bool international)
{
    if (text.len > 1 && text.ptr[0] == '"' && text.ptr[text.len - 1] == '"') {
        for (size_t i = 1; i + 1 < text.len; i++) {
            if (text.ptr[i] == '\\' && ++i + 1 == text.len)
                return false;
            if (text.ptr[i] == '"' && text.ptr[i - 1] != '\\')
                return false;
            if (!international && (signed char)text.ptr[i] < ' ')
                return false;
        }
        return true;
    }
    bool dot = true; /* none may come at the beginning, the end, or twice */
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '.' ? dot : !is_atom(text.ptr[i], international))
            return false;
        dot = text.ptr[i] == '.';
    }
    return !dot;
}

static bool is_address(weir_view text, bool international)
{
    size_t at = text.len;
    while (at && text.ptr[at - 1] != '@')
        at--;
    if (at < 2 || !is_local_part(to(text, at - 1), international))
        return false;
    weir_view host = view_from(text, at);
    if (host.len < 2 || host.ptr[0] != '[' || host.ptr[host.len - 1] != ']')
        return format_hostname(host, international);
    host = (weir_view){host.ptr + 1, host.len - 2};
    return view_starts(host, VIEW("IPv6:")) ? is_ipv6(view_from(host, 5)) : is_ipv4(host);
}

static bool is_email(weir_view text)
{
    return is_address(text, false);
}

static bool is_idn_email(weir_view text)
{
    return is_address(text, true);
}

/* -------------------------------------------------------------------------------------------------------------------- URIs -- */

/* RFC 3986, with RFC 3987's characters if `international`. `also`: beside unreserved characters, escapes and sub-delimiters. */
static bool is_made_of(weir_view text, const char *also, bool international)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '%') {
            if (text.len - i < 3 || !is_hex(text.ptr[i + 1]) || !is_hex(text.ptr[i + 2]))
                return false;
            i += 2;
        } else if ((signed char)c < 0 ? !international : !is_letter(c) && !is_digit(c) && (!c || (!strchr("-._~!$&'()*+,;=", c) && !strchr(also, c)))) {
            return false;
        }
    }
    return true;
}

static bool is_ip_literal(weir_view host)
{
    weir_view inside = {host.ptr + 1, host.len - 2};
    if (inside.len && (inside.ptr[0] | 0x20) == 'v') {
        size_t dot = find(inside, '.');
        for (size_t i = 1; i < dot; i++)
            if (!is_hex(inside.ptr[i]))
                return false;
        return dot > 1 && dot + 1 < inside.len && is_made_of(view_from(inside, dot + 1), ":", false) && find(inside, '%') == inside.len;
    }
    return is_ipv6(inside);
}

static bool is_authority(weir_view text, bool international)
{
    size_t at = find(text, '@');
    if (at < text.len) {
        if (!is_made_of(to(text, at), ":", international))
            return false;
        text = view_from(text, at + 1);
    }
    size_t host = text.len && text.ptr[0] == '[' ? find(text, ']') + 1 : find(text, ':');
    if (host > text.len)
        return false;
    weir_view port = view_from(text, host);
    for (size_t i = 0; i < port.len; i++)
        if (i ? !is_digit(port.ptr[i]) : port.ptr[i] != ':')
            return false;
    text = to(text, host);
    return text.len && text.ptr[0] == '[' ? is_ip_literal(text) : is_made_of(text, "", international);
}

static size_t scheme_length(weir_view text)
{
    size_t n = find(text, ':');
    if (n == text.len || n == 0 || !is_letter(text.ptr[0]))
        return 0;
    for (size_t i = 0; i < n; i++)
        if (!is_letter(text.ptr[i]) && !is_digit(text.ptr[i]) && !strchr("+-.", text.ptr[i]))
            return 0;
    return n + 1;
}

static bool is_reference(weir_view text, bool absolute, bool international)
{
    size_t scheme = scheme_length(text);
    if (absolute && !scheme)
        return false;
    text = view_from(text, scheme);
    size_t n = find(text, '#');
    if (!is_made_of(view_from(text, n + 1), ":@/?", international))
        return false;
    text = to(text, n);
    n = find(text, '?');
    if (!is_made_of(view_from(text, n + 1), ":@/?", international))
        return false;
    text = to(text, n);
    if (view_starts(text, VIEW("//"))) {
        weir_view authority = view_from(text, 2);
        n = find(authority, '/');
        if (!is_authority(to(authority, n), international))
            return false;
        text = view_from(authority, n);
    } else if (!scheme && find(to(text, find(text, '/')), ':') < find(text, '/')) {
        return false; /* what stands before the colon would be a scheme */
    }
    return is_made_of(text, ":@/", international);
}

static bool is_uri(weir_view text)
{
    return is_reference(text, true, false);
}

static bool is_uri_reference(weir_view text)
{
    return is_reference(text, false, false);
}

static bool is_iri(weir_view text)
{
    return is_reference(text, true, true);
}

static bool is_iri_reference(weir_view text)
{
    return is_reference(text, false, true);
}

/* `name`, `name:3`, `name*`: RFC 6570, section 2.3. */
static bool is_variable(weir_view text)
{
    if (text.len && text.ptr[text.len - 1] == '*')
        text.len--;
    size_t colon = find(text, ':');
    weir_view most = view_from(text, colon + 1);
    if (colon < text.len) {
        if (!most.len || most.len > 4 || most.ptr[0] == '0')
            return false;
        for (size_t i = 0; i < most.len; i++)
            if (!is_digit(most.ptr[i]))
                return false;
    }
    text = to(text, colon);
    bool dot = true;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '.' ? dot : c == '%' ? text.len - i < 3 || !is_hex(text.ptr[i + 1]) || !is_hex(text.ptr[i + 2]) : !is_letter(c) && !is_digit(c) && c != '_')
            return false;
        dot = c == '.';
        i += c == '%' ? 2 : 0;
    }
    return !dot;
}

static bool is_expression(weir_view text)
{
    if (text.len && strchr("+#./;?&=,!@|", text.ptr[0]))
        text = view_from(text, 1);
    for (;;) {
        size_t n = find(text, ',');
        if (!is_variable(to(text, n)))
            return false;
        if (n == text.len)
            return true;
        text = view_from(text, n + 1);
    }
}

static bool is_uri_template(weir_view text)
{
    while (text.len) {
        char c = text.ptr[0];
        size_t n = 1;
        if (c == '{') {
            n = find(text, '}');
            if (n == text.len || !is_expression((weir_view){text.ptr + 1, n - 1}))
                return false;
            n++;
        } else if (c == '%') {
            if (text.len < 3 || !is_hex(text.ptr[1]) || !is_hex(text.ptr[2]))
                return false;
        } else if ((signed char)c >= 0 && (c <= ' ' || c == 0x7f || strchr("\"'<>\\^`{|}", c))) {
            return false;
        }
        text = view_from(text, n);
    }
    return true;
}

/* ---------------------------------------------------------------------------------------------------------------- pointers -- */

static bool is_relative_pointer(weir_view text)
{
    size_t n = 0;
    while (n < text.len && is_digit(text.ptr[n]))
        n++;
    if (!n || (n > 1 && text.ptr[0] == '0'))
        return false;
    text = view_from(text, n);
    return view_is(text, "#") || pointer_valid(text);
}

/* ------------------------------------------------------------------------------------------------------------------- table -- */

static bool is_date_time(weir_view text) { return format_named(VIEW("date-time"))(text); }
static bool is_date(weir_view text) { return format_named(VIEW("date"))(text); }
static bool is_time(weir_view text) { return format_named(VIEW("time"))(text); }
static bool is_uuid(weir_view text) { return format_named(VIEW("uuid"))(text); }
static bool is_integer(weir_view text) { return format_named(VIEW("integer"))(text); }
static bool is_number(weir_view text) { return format_named(VIEW("number"))(text); }

static const format_rule formats[] = {
    {"date-time", is_date_time},
    {"date", is_date},
    {"time", is_time},
    {"duration", is_duration},
    {"email", is_email},
    {"idn-email", is_idn_email},
    {"hostname", is_hostname},
    {"host-name", is_hostname},
    {"idn-hostname", is_idn_hostname},
    {"ipv4", is_ipv4},
    {"ip-address", is_ipv4},
    {"ipv6", is_ipv6},
    {"uri", is_uri},
    {"uri-reference", is_uri_reference},
    {"iri", is_iri},
    {"iri-reference", is_iri_reference},
    {"uri-template", is_uri_template},
    {"uuid", is_uuid},
    {"json-pointer", pointer_valid},
    {"relative-json-pointer", is_relative_pointer},
    {"regex", pattern_valid},
    {"integer", is_integer}, /* Flow's, of texts that stand for numbers */
    {"number", is_number},
};

const format_rule *format_rule_named(weir_view name)
{
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (view_is(name, formats[i].name))
            return &formats[i];
    return NULL;
}
