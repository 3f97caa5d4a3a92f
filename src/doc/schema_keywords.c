#include "doc/format.h"
#include "doc/schema_compile.h"
#include "json/number.h"

typedef void keyword_compiler(compiler *c, building *b);

enum { K_NUMBER = 1 << TREE_NUMBER, K_STRING = 1 << TREE_STRING, K_ARRAY = 1 << TREE_ARRAY, K_OBJECT = 1 << TREE_OBJECT };

static const weir_view no_name = {NULL, 0};

/* ----------------------------------------------------------------------------------------------------------------- values -- */

static unsigned kind_named(weir_view name)
{
    static const char *const names[KINDS] = {"null", "boolean", "number", "string", "array", "object"};
    for (unsigned i = 0; i < KINDS; i++)
        if (view_is(name, names[i]))
            return 1u << i;
    return view_is(name, "integer") ? INTEGERS : 0;
}

static void compile_type(compiler *c, building *b)
{
    const tree *said = index_said(b->at, "type");
    if (!said)
        return;
    b->types = 0;
    const tree *first = said->kind == TREE_ARRAY ? said->first : said;
    for (const tree *t = first; t; t = said->kind == TREE_ARRAY ? t->next : NULL) {
        unsigned kind = t->kind == TREE_STRING ? kind_named(t->text) : 0;
        if (!kind) {
            compile_fail(c, b, "type", "there is no such type");
            return;
        }
        b->types |= kind;
    }
    if (said->kind == TREE_ARRAY && !said->count)
        compile_fail(c, b, "type", "an empty list");
}

/* A value of the schema as a tape. */
static value_rule *constant(compiler *c, const tree *value)
{
    value_rule *v = compile_alloc(c, 1, sizeof *v);
    weir_view text = compile_json(c, value);
    if (!v || c->rc)
        return NULL;
    v->next = c->out->values;
    c->out->values = v;
    c->rc = tape_read(&v->tape, text, c->e);
    return c->rc ? NULL : v;
}

/* Of many constants, a table. */
static void index_constants(compiler *c, value_rule *v)
{
    enum { FEW = 8 };
    uint32_t room = 16;
    if (v->tape.nodes[0].count <= FEW)
        return;
    while (room < v->tape.nodes[0].count * 2)
        room *= 2;
    v->slots = compile_alloc(c, room, sizeof *v->slots);
    v->mask = room - 1;
    for (uint32_t i = 1; v->slots && i < v->tape.count; i = v->tape.nodes[i].next) {
        uint32_t slot = (uint32_t)tape_hash(&v->tape, i, 0) & v->mask;
        while (v->slots[slot])
            slot = (slot + 1) & v->mask;
        v->slots[slot] = i;
    }
}

static void compile_const(compiler *c, building *b)
{
    const tree *said = index_said(b->at, "const");
    value_rule *v = said ? constant(c, said) : NULL;
    op *o = v ? compile_op(c, b, run_const, "const", ANY_KIND) : NULL;
    if (o) {
        v->kinds = 1u << v->tape.nodes[0].kind;
        o->u.data = v;
    }
}

static void compile_enum(compiler *c, building *b)
{
    const tree *said = compile_said(c, b, "enum", TREE_ARRAY);
    value_rule *v = said ? constant(c, said) : NULL;
    op *o = v ? compile_op(c, b, run_enum, "enum", ANY_KIND) : NULL;
    if (!o)
        return;
    for (uint32_t i = 1; i < v->tape.count; i = v->tape.nodes[i].next)
        v->kinds |= 1u << v->tape.nodes[i].kind;
    o->u.data = v;
    index_constants(c, v);
}

/* ---------------------------------------------------------------------------------------------------------------- numbers -- */

static const number_rule *number_of(compiler *c, const tree *said)
{
    number_rule *n = compile_alloc(c, 1, sizeof *n);
    if (!n)
        return NULL;
    n->number = compile_text(c, said->text);
    n->is_small = number_to_i64(said->text, &n->small);
    return n;
}

static void compile_limit(compiler *c, building *b, const char *keyword, op_run *run)
{
    const tree *said = compile_said(c, b, keyword, TREE_NUMBER);
    const number_rule *n = said ? number_of(c, said) : NULL;
    op *o = n ? compile_op(c, b, run, keyword, K_NUMBER) : NULL;
    if (o)
        o->u.data = n;
}

/* Of draft 4, `exclusive...` says how the limit beside it is meant. */
static void compile_old_limit(compiler *c, building *b, const char *keyword, const char *exclusive, op_run *run, op_run *strict)
{
    const tree *said = compile_said(c, b, exclusive, TREE_BOOL);
    compile_limit(c, b, keyword, said && said->boolean ? strict : run);
}

static void compile_numbers(compiler *c, building *b)
{
    if (b->at->in->draft == D4) {
        compile_old_limit(c, b, "minimum", "exclusiveMinimum", run_minimum, run_above);
        compile_old_limit(c, b, "maximum", "exclusiveMaximum", run_maximum, run_below);
    } else {
        compile_limit(c, b, "minimum", run_minimum);
        compile_limit(c, b, "maximum", run_maximum);
        compile_limit(c, b, "exclusiveMinimum", run_above);
        compile_limit(c, b, "exclusiveMaximum", run_below);
    }
    const tree *multiple = compile_said(c, b, "multipleOf", TREE_NUMBER);
    if (multiple && number_compare(multiple->text, VIEW("0")) <= 0)
        compile_fail(c, b, "multipleOf", "%.*s is not greater than 0", VIEW_ARG(multiple->text));
    else
        compile_limit(c, b, "multipleOf", run_multiple);
}

/* Of sizes. @return whether it is there */
static bool count_of(compiler *c, building *b, const char *keyword, uint64_t *ret)
{
    const tree *said = compile_said(c, b, keyword, TREE_NUMBER);
    if (!said)
        return false;
    if (!number_is_integer(said->text) || number_compare(said->text, VIEW("0")) < 0)
        return compile_fail(c, b, keyword, "%.*s is no number of something", VIEW_ARG(said->text));
    if (!number_to_u64(said->text, ret))
        *ret = UINT64_MAX; /* there will never be so many */
    return true;
}

static void compile_count(compiler *c, building *b, const char *keyword, op_run *run, unsigned kinds)
{
    uint64_t n = 0;
    op *o = count_of(c, b, keyword, &n) ? compile_op(c, b, run, keyword, kinds) : NULL;
    if (o)
        o->u.n = n;
}

static void compile_counts(compiler *c, building *b)
{
    compile_count(c, b, "minLength", run_min_length, K_STRING);
    compile_count(c, b, "maxLength", run_max_length, K_STRING);
    compile_count(c, b, "minItems", run_min_items, K_ARRAY);
    compile_count(c, b, "maxItems", run_max_items, K_ARRAY);
    compile_count(c, b, "minProperties", run_min_properties, K_OBJECT);
    compile_count(c, b, "maxProperties", run_max_properties, K_OBJECT);
}

/* ------------------------------------------------------------------------------------------------------------------ texts -- */

static void compile_texts(compiler *c, building *b)
{
    const tree *said = compile_said(c, b, "pattern", TREE_STRING);
    const pattern *p = said ? compile_pattern(c, b, "pattern", said->text) : NULL;
    op *o = p ? compile_op(c, b, run_pattern, "pattern", K_STRING) : NULL;
    if (o)
        o->u.data = p;
    said = compile_said(c, b, "format", TREE_STRING);
    const bool asserts = c->formats || !(b->at->in->vocabulary & V_FORMAT);
    const format_rule *f = said && asserts ? format_rule_named(said->text) : NULL;
    o = f ? compile_op(c, b, run_format, "format", K_STRING) : NULL;
    if (o)
        o->u.data = f;
}

/* ---------------------------------------------------------------------------------------------------------------- objects -- */

typedef struct member_list {
    member_rule *rules;
    uint32_t count, room;
    map by_name; /* counted from 1 */
} member_list;

static member_rule *member_named(compiler *c, object_rules *r, member_list *l, weir_view name)
{
    void *known = map_get(&l->by_name, name);
    if (known)
        return &l->rules[(uintptr_t)known - 1];
    if (c->rc || l->count == l->room || !map_put(&l->by_name, name, (void *)(uintptr_t)(l->count + 1))) {
        c->rc = c->rc ? c->rc : err_nomem(c->e);
        return NULL;
    }
    l->rules[l->count] = (member_rule){.name = name, .sub = SUB_NONE};
    r->count = l->count + 1;
    return &l->rules[l->count++];
}

static void read_properties(compiler *c, building *b, object_rules *r, member_list *l, const tree *said)
{
    for (const tree *t = said->first; t && !c->rc; t = t->next) {
        member_rule *m = member_named(c, r, l, compile_text(c, t->name));
        int32_t s = compile_inner(c, b, t, "properties", t->name, -1);
        if (m)
            m->sub = s;
    }
}

static void read_required(compiler *c, building *b, object_rules *r, member_list *l, const tree *said)
{
    for (const tree *t = said->first; t && !c->rc; t = t->next) {
        member_rule *m = t->kind == TREE_STRING ? member_named(c, r, l, compile_text(c, t->text)) : NULL;
        if (t->kind != TREE_STRING)
            compile_fail(c, b, "required", "a list of names");
        if (m && !m->required) {
            m->required = true;
            r->required++;
        }
    }
}

static void index_members(compiler *c, object_rules *r)
{
    uint32_t room = 4;
    while (room < r->count * 2)
        room *= 2;
    uint32_t *slots = compile_alloc(c, room, sizeof *slots);
    for (uint32_t i = 0; slots && i < r->count; i++) {
        uint32_t slot = name_hash(r->members[i].name) & (room - 1);
        while (slots[slot])
            slot = (slot + 1) & (room - 1);
        slots[slot] = i + 1;
    }
    r->slots = slots;
    r->mask = room - 1;
    r->guess = c->out->guesses;
    c->out->guesses += r->count + 1;
}

static void read_patterns(compiler *c, building *b, object_rules *r, const tree *said)
{
    pattern_rule *rules = compile_alloc(c, said->count, sizeof *rules);
    for (const tree *t = said->first; t && rules && !c->rc; t = t->next) {
        const pattern *p = compile_pattern(c, b, "patternProperties", t->name);
        rules[r->pattern_count++] = (pattern_rule){p, compile_inner(c, b, t, "patternProperties", t->name, -1)};
    }
    r->patterns = rules;
}

/* A keyword whose value is one schema. SUB_NONE if it is not there. */
static int32_t schema_of(compiler *c, building *b, const char *keyword)
{
    const tree *said = index_said(b->at, keyword);
    return said ? compile_inner(c, b, said, keyword, no_name, -1) : SUB_NONE;
}

static void compile_object(compiler *c, building *b)
{
    const tree *properties = compile_said(c, b, "properties", TREE_OBJECT), *patterns = compile_said(c, b, "patternProperties", TREE_OBJECT);
    /* Of draft 3 `required` was a boolean: some still write it. */
    const tree *required = index_said(b->at, "required");
    if (required && required->kind == TREE_BOOL)
        required = NULL;
    else
        required = compile_said(c, b, "required", TREE_ARRAY);
    member_list l = {.room = (uint32_t)((properties ? properties->count : 0) + (required ? required->count : 0))};
    object_rules *r = compile_alloc(c, 1, sizeof *r);
    l.rules = compile_alloc(c, l.room, sizeof *l.rules);
    if (!r || !l.rules)
        return;
    if (properties)
        read_properties(c, b, r, &l, properties);
    if (required)
        read_required(c, b, r, &l, required);
    if (patterns)
        read_patterns(c, b, r, patterns);
    map_free(&l.by_name);
    r->members = l.rules;
    r->rest = schema_of(c, b, "additionalProperties");
    r->names = schema_of(c, b, "propertyNames");
    index_members(c, r);
    if (c->rc || (!r->count && !r->pattern_count && r->rest == SUB_NONE && r->names == SUB_NONE))
        return;
    op *o = compile_op(c, b, run_object, "properties", K_OBJECT);
    if (o)
        o->u.data = r;
}

static text_list names_of(compiler *c, building *b, const char *keyword, const tree *said)
{
    weir_view *names = compile_alloc(c, said->count, sizeof *names);
    size_t count = 0;
    for (const tree *t = said->first; t && names && !c->rc; t = t->next) {
        if (t->kind == TREE_STRING)
            names[count++] = compile_text(c, t->text);
        else
            compile_fail(c, b, keyword, "a list of names");
    }
    return (text_list){names, count};
}

static void compile_dependent_of(compiler *c, building *b, const char *keyword)
{
    const tree *said = compile_said(c, b, keyword, TREE_OBJECT);
    dependent_rules *r = said ? compile_alloc(c, 1, sizeof *r) : NULL;
    dependent_rule *rules = r ? compile_alloc(c, said->count, sizeof *rules) : NULL;
    if (!rules)
        return;
    for (const tree *t = said->first; t && !c->rc; t = t->next) {
        dependent_rule *d = &rules[r->count++];
        *d = (dependent_rule){.name = compile_text(c, t->name), .sub = SUB_NONE};
        if (t->kind == TREE_ARRAY)
            d->required = names_of(c, b, keyword, t);
        else if (t->kind == TREE_STRING && b->at->in->draft == D4)
            d->required = names_of(c, b, keyword, &(tree){.first = (tree *)(uintptr_t)t, .count = 1});
        else
            d->sub = compile_inner(c, b, t, keyword, t->name, -1);
    }
    r->rules = rules;
    op *o = compile_op(c, b, run_dependent, keyword, K_OBJECT);
    if (o)
        o->u.data = r;
}

static void compile_dependents(compiler *c, building *b)
{
    compile_dependent_of(c, b, "dependencies");
    compile_dependent_of(c, b, "dependentRequired");
    compile_dependent_of(c, b, "dependentSchemas");
}

/* ----------------------------------------------------------------------------------------------------------------- arrays -- */

static int32_t *list_of(compiler *c, building *b, const char *keyword, const tree *said)
{
    int32_t *subs = compile_alloc(c, said->count, sizeof *subs);
    long n = 0;
    for (const tree *t = said->first; t && subs && !c->rc; t = t->next, n++)
        subs[n] = compile_inner(c, b, t, keyword, no_name, n);
    return subs;
}

static void compile_items(compiler *c, building *b)
{
    const tree *first = compile_said(c, b, "prefixItems", TREE_ARRAY), *items = index_said(b->at, "items");
    item_rules *r = compile_alloc(c, 1, sizeof *r);
    if (!r)
        return;
    r->rest = SUB_NONE;
    r->first_keyword = "prefixItems";
    if (items && items->kind == TREE_ARRAY && b->at->in->draft != D2020) {
        first = items;
        r->first_keyword = "items";
        r->rest = schema_of(c, b, "additionalItems");
    } else if (items) {
        r->rest = schema_of(c, b, "items");
    }
    if (first) {
        r->first = list_of(c, b, r->first_keyword, first);
        r->count = first->count;
    }
    op *o = r->count || r->rest != SUB_NONE ? compile_op(c, b, run_items, "items", K_ARRAY) : NULL;
    if (o)
        o->u.data = r;
}

static void compile_contains(compiler *c, building *b)
{
    int32_t s = schema_of(c, b, "contains");
    contains_rule *r = s != SUB_NONE ? compile_alloc(c, 1, sizeof *r) : NULL;
    if (!r)
        return;
    *r = (contains_rule){.min = 1, .max = UINT64_MAX, .evaluates = b->at->in->draft == D2020};
    count_of(c, b, "minContains", &r->min);
    count_of(c, b, "maxContains", &r->max);
    op *o = compile_op(c, b, run_contains, "contains", K_ARRAY);
    if (o) {
        o->u.data = r;
        o->sub = s;
    }
}

static void compile_unique(compiler *c, building *b)
{
    const tree *said = compile_said(c, b, "uniqueItems", TREE_BOOL);
    if (said && said->boolean)
        compile_op(c, b, run_unique, "uniqueItems", K_ARRAY);
}

static void compile_unevaluated(compiler *c, building *b)
{
    int32_t items = schema_of(c, b, "unevaluatedItems"), members = schema_of(c, b, "unevaluatedProperties");
    op *o = items != SUB_NONE ? compile_op(c, b, run_unevaluated_items, "unevaluatedItems", K_ARRAY) : NULL;
    if (o)
        o->sub = items;
    o = members != SUB_NONE ? compile_op(c, b, run_unevaluated_properties, "unevaluatedProperties", K_OBJECT) : NULL;
    if (o)
        o->sub = members;
}

/* -------------------------------------------------------------------------------------------------------- other schemas -- */

static const anchor_rule *dynamic_rule(compiler *c, weir_view name)
{
    for (dynamic_name *n = c->names; n; n = n->next)
        if (view_eq(n->name, name))
            return n->rule;
    dynamic_name *n = compile_alloc(c, 1, sizeof *n);
    anchor_rule *r = n ? compile_alloc(c, 1, sizeof *r) : NULL;
    if (!r)
        return NULL;
    *n = (dynamic_name){.next = c->names, .name = name.len ? compile_text(c, name) : no_name, .rule = r};
    c->names = n;
    return r;
}

/* @param dynamic of where it leads depends on where one comes from: by the name of an anchor, or by $recursiveAnchor */
static void compile_ref(compiler *c, building *b, const char *keyword, bool dynamic)
{
    const tree *said = compile_said(c, b, keyword, TREE_STRING);
    const spot *to = NULL;
    weir_view name = {NULL, 0};
    if (!said || c->rc)
        return;
    err e = {0};
    weir_rc rc = index_follow(&c->index, b->at->in, said->text, &to, &name, &e);
    if (rc == WEIR_E_CONFIG)
        compile_fail(c, b, keyword, "'%.*s' leads nowhere: %s", VIEW_ARG(said->text), err_text(&e));
    else if (rc)
        c->rc = err_move(c->e, &e);
    err_free(&e);
    int32_t s = rc ? SUB_NONE : compile_sub(c, to);
    if (s == SUB_NONE)
        return;
    const bool recursive = dynamic && view_is(view_of(keyword), "$recursiveRef");
    dynamic = dynamic && (recursive ? to->in->recursive && to->schema == to->in->root : name.len > 0);
    const anchor_rule *r = dynamic ? dynamic_rule(c, recursive ? no_name : name) : NULL;
    op *o = compile_op(c, b, r ? run_dynamic_ref : run_ref, keyword, ANY_KIND);
    if (o) {
        o->sub = s;
        o->u.data = r;
    }
}

static void compile_refs(compiler *c, building *b)
{
    compile_ref(c, b, "$ref", false);
    compile_ref(c, b, "$recursiveRef", true);
    compile_ref(c, b, "$dynamicRef", true);
}

static void compile_list(compiler *c, building *b, const char *keyword, op_run *run)
{
    const tree *said = compile_said(c, b, keyword, TREE_ARRAY);
    sub_list *l = said ? compile_alloc(c, 1, sizeof *l) : NULL;
    if (!l)
        return;
    l->subs = list_of(c, b, keyword, said);
    l->count = said->count;
    op *o = compile_op(c, b, run, keyword, ANY_KIND);
    if (o)
        o->u.data = l;
}

static void compile_lists(compiler *c, building *b)
{
    compile_list(c, b, "allOf", run_all);
    compile_list(c, b, "anyOf", run_any);
    compile_list(c, b, "oneOf", run_one);
}

static void compile_not(compiler *c, building *b)
{
    int32_t s = schema_of(c, b, "not");
    op *o = s != SUB_NONE ? compile_op(c, b, run_not, "not", ANY_KIND) : NULL;
    if (o)
        o->sub = s;
}

static void compile_if(compiler *c, building *b)
{
    if_rule *r = index_said(b->at, "if") ? compile_alloc(c, 1, sizeof *r) : NULL;
    if (!r)
        return;
    *r = (if_rule){schema_of(c, b, "if"), schema_of(c, b, "then"), schema_of(c, b, "else")};
    op *o = r->condition != SUB_NONE ? compile_op(c, b, run_if, "if", ANY_KIND) : NULL;
    if (o)
        o->u.data = r;
}

/* In the order in which they run: what is quick first, what needs to know about the others last. */
static keyword_compiler *const compilers[] = {
    compile_type,  compile_const, compile_enum,     compile_numbers, compile_counts, compile_texts,    compile_object, compile_items,
    compile_refs,  compile_lists, compile_not,      compile_if,      compile_dependents, compile_contains, compile_unique, compile_unevaluated,
};

void compile_keywords(compiler *c, building *b)
{
    const tree *ref = index_said(b->at, "$ref");
    if ((b->at->in->draft & UP_TO_7) && ref && ref->kind == TREE_STRING) {
        compile_ref(c, b, "$ref", false); /* what stands beside it does not count */
        return;
    }
    for (size_t i = 0; i < sizeof compilers / sizeof *compilers && !c->rc; i++)
        compilers[i](c, b);
}
