#include "doc/schema_program.h"
#include "json/text.h"

static inline bool same_bytes(const char *a, const char *b, size_t len)
{
    uint64_t x, y;
    if (len >= 8) {
        for (size_t i = 0; i + 8 <= len; i += 8) {
            memcpy(&x, a + i, 8);
            memcpy(&y, b + i, 8);
            if (x != y)
                return false;
        }
        memcpy(&x, a + len - 8, 8);
        memcpy(&y, b + len - 8, 8);
        return x == y;
    }
    while (len--)
        if (a[len] != b[len])
            return false;
    return true;
}

static inline bool same_name(weir_view a, weir_view b)
{
    return a.len == b.len && same_bytes(a.ptr, b.ptr, a.len);
}

/* A member's name, decoded. {NULL, 0} without memory, and then the run has stopped. */
static inline weir_view name_of(checker *c, const tape *t, uint32_t node)
{
    weir_view raw = tape_name(t, node);
    if (__builtin_expect(!t->nodes[node].name_escaped, 1))
        return raw;
    buf_clear(&c->name);
    if (json_unquote(&c->name, raw))
        return c->name.ptr ? buf_view(&c->name) : VIEW("");
    check_stop(c, WEIR_E_NOMEM, NULL);
    return (weir_view){NULL, 0};
}

static const member_rule *look_up(const object_rules *r, weir_view name)
{
    for (uint32_t slot = name_hash(name) & r->mask; r->slots[slot]; slot = (slot + 1) & r->mask) {
        const member_rule *m = &r->members[r->slots[slot] - 1];
        if (same_name(m->name, name))
            return m;
    }
    return NULL;
}

/* The rule of a member: probably the one that followed the former rule last time. *at: where that guess stands; moved on. */
static inline const member_rule *rule_of(checker *c, const object_rules *r, weir_view name, uint32_t *at)
{
    uint32_t *guess = &c->guesses[r->guess + *at];
    if (*guess < r->count && same_name(r->members[*guess].name, name)) {
        *at = *guess + 1;
        return &r->members[*guess];
    }
    const member_rule *m = look_up(r, name);
    if (m) {
        *guess = (uint32_t)(m - r->members);
        *at = *guess + 1;
    }
    return m;
}

static bool refuse_missing(checker *c, const op *o, uint32_t node, const object_rules *r)
{
    const op as_required = {.keyword = "required", .owner = o->owner};
    for (uint32_t i = 0; c->explaining && i < r->count; i++)
        if (r->members[i].required && !tape_member(c->tape, node, r->members[i].name))
            check_refuse(c, &as_required, node, "lacks \"%.*s\"", VIEW_ARG(r->members[i].name));
    return false;
}

/* The name itself as a string. */
static bool check_name(checker *c, const object_rules *r, uint32_t member)
{
    const tape *document = c->tape;
    const tape_node *m = &document->nodes[member];
    const bool noting = c->noting;
    if (document == &c->names)
        return true; /* a name has no members */
    c->names.doc = document->doc;
    c->names.nodes[0] = (tape_node){.at = m->name_at - 1, .len = m->name_len + 2, .next = 1, .kind = TREE_STRING, .escaped = m->name_escaped};
    c->tape = &c->names;
    c->named = member;
    c->noting = false;
    bool good = check_value(c, r->names, 0);
    c->noting = noting;
    c->named = 0;
    c->tape = document;
    return good;
}

static bool check_patterns(checker *c, const op *o, const object_rules *r, uint32_t member, weir_view name, bool *matched)
{
    const op as_patterns = {.keyword = "patternProperties", .owner = o->owner};
    bool good = true;
    for (size_t i = 0; i < r->pattern_count && (good || c->explaining); i++) {
        /* the name may stand in memory that schemas of inner objects use again */
        if (i && c->tape->nodes[member].name_escaped)
            name = name_of(c, c->tape, member);
        if (!check_pattern(c, &as_patterns, member, r->patterns[i].pattern, name, "has a name that "))
            continue;
        *matched = true;
        good &= check_value(c, r->patterns[i].sub, member);
    }
    return good;
}

static bool check_rest(checker *c, const op *o, const object_rules *r, uint32_t member)
{
    if (c->schema->subs[r->rest].types)
        return check_value(c, r->rest, member);
    const op as_additional = {.keyword = "additionalProperties", .owner = o->owner};
    return check_refuse(c, &as_additional, member, "is a property that the schema does not know");
}

bool run_object(checker *c, const op *o, uint32_t node, uint64_t begun)
{
    (void)begun;
    const object_rules *r = o->u.data;
    const tape *t = c->tape;
    const bool tracks = c->schema->subs[o->owner].tracks;
    const uint32_t end = t->nodes[node].next;
    uint32_t required = 0, at = 0;
    bool good = true;
    for (uint32_t i = node + 1; i < end && (good || c->explaining); i = t->nodes[i].next) {
        weir_view name = name_of(c, t, i);
        if (c->stopped)
            return false;
        const member_rule *m = rule_of(c, r, name, &at);
        bool matched = m && m->sub != SUB_NONE;
        required += m && m->required;
        if (r->pattern_count)
            good &= check_patterns(c, o, r, i, name, &matched);
        if (m && m->sub != SUB_NONE)
            good &= check_value(c, m->sub, i);
        if (r->names != SUB_NONE)
            good &= check_name(c, r, i);
        if (!matched && r->rest != SUB_NONE) {
            matched = true;
            good &= check_rest(c, o, r, i);
        }
        if (tracks && matched)
            check_mark(c, i);
    }
    if (!good && !c->explaining)
        return false;
    return required == r->required ? good : refuse_missing(c, o, node, r);
}

static bool check_dependent(checker *c, const op *o, uint32_t node, const dependent_rule *r)
{
    bool good = true;
    if (!tape_member(c->tape, node, r->name))
        return true;
    for (size_t i = 0; i < r->required.count; i++) {
        weir_view name = r->required.texts[i];
        if (!tape_member(c->tape, node, name))
            good = check_refuse(c, o, node, "lacks \"%.*s\", which \"%.*s\" needs", VIEW_ARG(name), VIEW_ARG(r->name));
    }
    return (r->sub == SUB_NONE || check_value(c, r->sub, node)) && good;
}

bool run_dependent(checker *c, const op *o, uint32_t node, uint64_t begun)
{
    (void)begun;
    const dependent_rules *r = o->u.data;
    bool good = true;
    for (size_t i = 0; i < r->count && (good || c->explaining); i++)
        good &= check_dependent(c, o, node, &r->rules[i]);
    return good;
}

bool run_unevaluated_properties(checker *c, const op *o, uint32_t node, uint64_t begun)
{
    const tape *t = c->tape;
    const bool closed = !c->schema->subs[o->sub].types;
    bool good = true;
    for (uint32_t i = node + 1; i < t->nodes[node].next && (good || c->explaining); i = t->nodes[i].next) {
        if (c->evaluated[i] > begun)
            continue;
        good &= closed ? check_refuse(c, o, i, "is a property that no schema knows") : check_value(c, o->sub, i);
        check_mark(c, i);
    }
    return good;
}

bool run_min_properties(checker *c, const op *o, uint32_t node, uint64_t begun)
{
    (void)begun;
    uint32_t count = c->tape->nodes[node].count;
    return count >= o->u.n || check_refuse(c, o, node, "has %u members, fewer than %llu", count, (unsigned long long)o->u.n);
}

bool run_max_properties(checker *c, const op *o, uint32_t node, uint64_t begun)
{
    (void)begun;
    uint32_t count = c->tape->nodes[node].count;
    return count <= o->u.n || check_refuse(c, o, node, "has %u members, more than %llu", count, (unsigned long long)o->u.n);
}
