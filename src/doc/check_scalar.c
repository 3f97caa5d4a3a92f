#include "doc/format.h"
#include "doc/schema_program.h"
#include "json/number.h"

/* ---------------------------------------------------------------------------------------------------------------- numbers -- */

/* An integer as most are written. */
static bool small_integer(weir_view text, int64_t *ret)
{
    const size_t sign = text.ptr[0] == '-';
    int64_t v = 0;
    if (text.len - sign > 18)
        return false;
    for (size_t i = sign; i < text.len; i++) {
        unsigned digit = (unsigned char)text.ptr[i] - (unsigned)'0';
        if (digit > 9)
            return false;
        v = v * 10 + digit;
    }
    *ret = sign ? -v : v;
    return true;
}

static int compare(const checker *c, uint32_t node, const number_rule *n)
{
    int64_t v;
    weir_view text = tape_text(c->tape, node);
    if (n->is_small && small_integer(text, &v))
        return (v > n->small) - (v < n->small);
    return number_compare(text, n->number);
}

static bool refuse_number(checker *c, const op *o, uint32_t node, const char *how)
{
    const number_rule *n = o->u.data;
    return check_refuse(c, o, node, "is %s %.*s", how, VIEW_ARG(n->number));
}

bool run_minimum(checker *c, const op *o, uint32_t node, uint64_t begun)
{
    (void)begun;
    return compare(c, node, o->u.data) >= 0 || refuse_number(c, o, node, "less than");
}

bool run_maximum(checker *c, const op *o, uint32_t node, uint64_t begun)
{
    (void)begun;
    return compare(c, node, o->u.data) <= 0 || refuse_number(c, o, node, "more than");
}

bool run_above(checker *c, const op *o, uint32_t node, uint64_t begun)
{
    (void)begun;
    return compare(c, node, o->u.data) > 0 || refuse_number(c, o, node, "not more than");
}

bool run_below(checker *c, const op *o, uint32_t node, uint64_t begun)
{
    (void)begun;
    return compare(c, node, o->u.data) < 0 || refuse_number(c, o, node, "not less than");
}

bool run_multiple(checker *c, const op *o, uint32_t node, uint64_t begun)
{
    (void)begun;
    const number_rule *n = o->u.data;
    if (number_is_multiple(tape_text(c->tape, node), n->number, &c->text))
        return true;
    if (!buf_ok(&c->text)) {
        buf_clear(&c->text);
        check_stop(c, WEIR_E_NOMEM, NULL);
    }
    return refuse_number(c, o, node, "no multiple of");
}

/* ------------------------------------------------------------------------------------------------------------------ texts -- */

/* Code points of UTF-8: every byte that does not continue one. */
static size_t count_characters(weir_view text)
{
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++)
        n += ((unsigned char)text.ptr[i] & 0xc0) != 0x80;
    return n;
}

/* Bounds that need no counting: there are at most as many characters as bytes, and at least a quarter (of those that are not escaped). */
static bool surely(const tape_node *v, uint64_t least, uint64_t most)
{
    size_t len = v->len - 2u;
    return !v->escaped && len / 4 >= least && len <= most;
}

bool run_min_length(checker *c, const op *o, uint32_t node, uint64_t begun)
{
    (void)begun;
    if (surely(&c->tape->nodes[node], o->u.n, UINT64_MAX))
        return true;
    size_t n = count_characters(check_text(c, node));
    return n >= o->u.n || check_refuse(c, o, node, "has %zu characters, fewer than %llu", n, (unsigned long long)o->u.n);
}

bool run_max_length(checker *c, const op *o, uint32_t node, uint64_t begun)
{
    (void)begun;
    if (surely(&c->tape->nodes[node], 0, o->u.n))
        return true;
    size_t n = count_characters(check_text(c, node));
    return n <= o->u.n || check_refuse(c, o, node, "has %zu characters, more than %llu", n, (unsigned long long)o->u.n);
}

bool run_pattern(checker *c, const op *o, uint32_t node, uint64_t begun)
{
    (void)begun;
    return check_pattern(c, o, node, o->u.data, check_text(c, node), "") || check_refuse(c, o, node, "does not match the pattern");
}

bool run_format(checker *c, const op *o, uint32_t node, uint64_t begun)
{
    (void)begun;
    const format_rule *f = o->u.data;
    weir_view text = check_text(c, node);
    return (!c->stopped && f->test(text)) || check_refuse(c, o, node, "is no %s", f->name);
}
