#include "doc/schema.h"

#include <stdlib.h>

#include "doc/schema_compile.h"

/* -------------------------------------------------------------------------------------------------------------- building -- */

void *compile_alloc(compiler *c, size_t count, size_t size)
{
    void *p = c->rc ? NULL : arena_array(&c->out->memory, count, size);
    if (!p && !c->rc)
        c->rc = err_nomem(c->e);
    return p;
}

weir_view compile_text(compiler *c, weir_view text)
{
    weir_view copy = c->rc ? (weir_view){NULL, 0} : arena_dup(&c->out->memory, text);
    if (!copy.ptr && !c->rc)
        c->rc = err_nomem(c->e);
    return copy;
}

weir_view compile_json(compiler *c, const tree *value)
{
    if (value->raw.len)
        return compile_text(c, value->raw);
    buf out = {0}; /* of YAML */
    tree_write(&out, value);
    weir_view text = buf_ok(&out) ? compile_text(c, buf_view(&out)) : compile_text(c, (weir_view){0});
    if (!buf_ok(&out) && !c->rc)
        c->rc = err_nomem(c->e);
    buf_free(&out);
    return text;
}

bool compile_fail(compiler *c, const building *b, const char *keyword, const char *fmt, ...)
{
    if (c->rc)
        return false;
    buf text = {0};
    va_list args;
    va_start(args, fmt);
    buf_vprintf(&text, fmt, args);
    va_end(args);
    c->rc = buf_ok(&text) ? index_fail(&c->index, b->at, keyword, c->e, "%s", buf_text(&text)) : err_nomem(c->e);
    buf_free(&text);
    return false;
}

static bool no_memory(compiler *c)
{
    if (!c->rc)
        c->rc = err_nomem(c->e);
    return false;
}

static bool room_for_sub(compiler *c)
{
    if (c->out->count < c->room)
        return true;
    uint32_t room = c->room ? c->room * 2 : 64;
    const spot **queue = realloc(c->queue, room * sizeof *queue);
    if (!queue)
        return no_memory(c);
    c->queue = queue;
    sub *subs = realloc(c->out->subs, room * sizeof *subs);
    if (!subs)
        return no_memory(c);
    c->out->subs = subs;
    c->room = room;
    return true;
}

int32_t compile_sub(compiler *c, const spot *at)
{
    if (c->rc || !at) {
        no_memory(c);
        return SUB_NONE;
    }
    if (at->schema->kind != TREE_OBJECT && at->schema->kind != TREE_BOOL) {
        building b = {.at = at};
        compile_fail(c, &b, NULL, "a schema is an object, true or false, not %s", tree_kind_name(at->schema->kind));
        return SUB_NONE;
    }
    const weir_view key = {(const char *)&at->schema, sizeof at->schema};
    void *known = map_get(&c->subs, key);
    if (known)
        return (int32_t)((uintptr_t)known - 1);
    if (!room_for_sub(c))
        return SUB_NONE;
    uint32_t index = c->out->count;
    if (!map_put(&c->subs, key, (void *)(uintptr_t)(index + 1))) {
        no_memory(c);
        return SUB_NONE;
    }
    c->out->subs[index] = (sub){.types = ANY_KIND, .resource = at->in->index, .place = at->place};
    c->queue[index] = at;
    c->out->count++;
    return (int32_t)index;
}

int32_t compile_inner(compiler *c, const building *b, const tree *self, const char *keyword, weir_view name, long item)
{
    return compile_sub(c, index_inner(&c->index, b->at, self, keyword, name, item));
}

op *compile_op(compiler *c, building *b, op_run *run, const char *keyword, unsigned kinds)
{
    if (b->count == b->room) {
        size_t room = b->room ? b->room * 2 : 16;
        op *ops = realloc(b->ops, room * sizeof *ops);
        if (ops)
            b->ops = ops;
        unsigned *list = ops ? realloc(b->kinds, room * sizeof *list) : NULL;
        if (!list) {
            no_memory(c);
            return NULL;
        }
        b->kinds = list;
        b->room = room;
    }
    op *o = &b->ops[b->count];
    b->kinds[b->count++] = kinds;
    *o = (op){.run = run, .keyword = keyword, .owner = b->index, .sub = SUB_NONE};
    return o;
}

const tree *compile_said(compiler *c, const building *b, const char *keyword, tree_kind kind)
{
    const tree *value = index_said(b->at, keyword);
    if (!value || value->kind == kind)
        return value;
    compile_fail(c, b, keyword, "this is %s, and must be %s", tree_kind_name(value->kind), tree_kind_name(kind));
    return NULL;
}

pattern *compile_pattern(compiler *c, const building *b, const char *keyword, weir_view regex)
{
    schema *s = c->out;
    err e = {0};
    if (c->rc || !check_grow((void **)&s->patterns, &s->pattern_room, s->pattern_count + 1, sizeof *s->patterns)) {
        no_memory(c);
        return NULL;
    }
    pattern *p = NULL;
    weir_rc rc = pattern_make(regex, &p, &e);
    if (rc == WEIR_E_NOMEM)
        no_memory(c);
    else if (rc)
        compile_fail(c, b, keyword, "%s", err_text(&e));
    else
        s->patterns[s->pattern_count++] = p;
    err_free(&e);
    return p;
}

/* The operations of a schema, sorted by the kinds of values that they are for. */
static void finish(compiler *c, building *b)
{
    for (unsigned kind = 0; kind < KINDS && !c->rc; kind++) {
        uint32_t count = 0;
        for (size_t i = 0; i < b->count; i++)
            count += b->kinds[i] >> kind & 1;
        op *ops = compile_alloc(c, count, sizeof *ops);
        uint32_t n = 0;
        for (size_t i = 0; ops && i < b->count; i++)
            if (b->kinds[i] >> kind & 1)
                ops[n++] = b->ops[i];
        sub *s = &c->out->subs[b->index];
        s->ops[kind] = ops;
        s->counts[kind] = count;
    }
    sub *s = &c->out->subs[b->index];
    s->types = b->types;
    s->note = b->note;
    s->simple = !b->count && !b->note;
    s->notes = b->note != NULL;
}

static void compile_one(compiler *c, uint32_t index)
{
    building b = {.at = c->queue[index], .index = index, .types = ANY_KIND};
    if (b.at->schema->kind == TREE_BOOL) {
        b.types = b.at->schema->boolean ? ANY_KIND : 0;
    } else {
        compile_notes(c, &b);
        compile_keywords(c, &b);
    }
    finish(c, &b);
    free(b.ops);
    free(b.kinds);
}

/* --------------------------------------------------------------------------------------------------- dynamic references -- */

/* The schema that a name leads to in a resource. */
static int32_t dynamic_sub(compiler *c, const resource *r, const dynamic_name *n)
{
    if (!n->name.len) {
        const spot *root = NULL;
        if (r->recursive)
            c->rc = c->rc ? c->rc : index_follow(&c->index, r, VIEW("#"), &root, NULL, c->e);
        return r->recursive && !c->rc ? compile_sub(c, root) : SUB_NONE;
    }
    const spot *at = index_dynamic(&c->index, r, n->name);
    return at ? compile_sub(c, at) : SUB_NONE;
}

/* Compiles all that dynamic references may lead to. New schemas may bring new references, and resources. @return whether anything was new */
static bool compile_dynamic(compiler *c)
{
    uint32_t before = c->out->count;
    for (dynamic_name *n = c->names; n && !c->rc; n = n->next)
        for (uint32_t i = 0; i < c->index.count && !c->rc; i++)
            dynamic_sub(c, c->index.resources[i], n);
    return c->out->count > before;
}

static void fill_dynamic(compiler *c)
{
    for (dynamic_name *n = c->names; n && !c->rc; n = n->next) {
        int32_t *list = compile_alloc(c, c->index.count, sizeof *list);
        for (uint32_t i = 0; list && i < c->index.count; i++)
            list[i] = dynamic_sub(c, c->index.resources[i], n);
        n->rule->by_resource = list;
        c->out->dynamic = true;
    }
    c->out->resources = c->index.count;
}

/* ------------------------------------------------------------------------------------------------- who needs to be tracked -- */

static bool visit_all(schema *s, bool (*visit)(schema *s, sub *from, const op *o))
{
    bool changed = false;
    for (uint32_t i = 0; i < s->count; i++)
        for (unsigned kind = 0; kind < KINDS; kind++)
            for (uint32_t k = 0; s->subs[i].ops[kind] && k < s->subs[i].counts[kind]; k++)
                changed |= visit(s, &s->subs[i], &s->subs[i].ops[kind][k]);
    return changed;
}

static bool set(bool *flag)
{
    bool was = *flag;
    *flag = true;
    return !was;
}

static bool begins_tracking(schema *s, sub *from, const op *o)
{
    (void)s;
    return (o->run == run_unevaluated_items || o->run == run_unevaluated_properties) && set(&from->tracks);
}

static bool everything_is_tracked(schema *s)
{
    for (uint32_t i = 0; i < s->count; i++)
        s->subs[i].tracks = true;
    return false;
}

/* What a tracked schema applies in place is tracked, too. */
static bool hands_on(schema *s, sub *from, const op *o)
{
    bool changed = false;
    if (!from->tracks)
        return false;
    if (o->run == run_dynamic_ref)
        return everything_is_tracked(s);
    if (o->run == run_ref || o->run == run_not)
        return set(&s->subs[o->sub].tracks);
    if (o->run == run_all || o->run == run_any || o->run == run_one) {
        const sub_list *list = o->u.data;
        for (size_t i = 0; i < list->count; i++)
            changed |= set(&s->subs[list->subs[i]].tracks);
    } else if (o->run == run_if) {
        const if_rule *r = o->u.data;
        const int32_t subs[] = {r->condition, r->then, r->otherwise};
        for (int i = 0; i < 3; i++)
            changed |= subs[i] != SUB_NONE && set(&s->subs[subs[i]].tracks);
    } else if (o->run == run_dependent) {
        const dependent_rules *r = o->u.data;
        for (size_t i = 0; i < r->count; i++)
            changed |= r->rules[i].sub != SUB_NONE && set(&s->subs[r->rules[i].sub].tracks);
    }
    return changed;
}

static bool list_notes(const schema *s, const sub_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        if (s->subs[list->subs[i]].notes)
            return true;
    return false;
}

static bool object_notes(const schema *s, const object_rules *r)
{
    bool notes = r->rest != SUB_NONE && s->subs[r->rest].notes;
    for (uint32_t i = 0; i < r->count; i++)
        notes |= r->members[i].sub != SUB_NONE && s->subs[r->members[i].sub].notes;
    for (size_t i = 0; i < r->pattern_count; i++)
        notes |= s->subs[r->patterns[i].sub].notes;
    return notes;
}

static bool items_note(const schema *s, const item_rules *r)
{
    return (r->rest != SUB_NONE && s->subs[r->rest].notes) || list_notes(s, &(sub_list){.subs = r->first, .count = r->count});
}

static bool dependents_note(const schema *s, const dependent_rules *r)
{
    for (size_t i = 0; i < r->count; i++)
        if (r->rules[i].sub != SUB_NONE && s->subs[r->rules[i].sub].notes)
            return true;
    return false;
}

static bool if_notes(const schema *s, const if_rule *r)
{
    return s->subs[r->condition].notes || (r->then != SUB_NONE && s->subs[r->then].notes) || (r->otherwise != SUB_NONE && s->subs[r->otherwise].notes);
}

/* A schema notes something if what it applies does. */
static bool takes_notes(schema *s, sub *from, const op *o)
{
    bool notes = o->sub != SUB_NONE && s->subs[o->sub].notes;
    if (from->notes || o->run == run_not)
        return false;
    if (o->run == run_dynamic_ref)
        notes = s->annotates;
    else if (o->run == run_all || o->run == run_any || o->run == run_one)
        notes = list_notes(s, o->u.data);
    else if (o->run == run_object)
        notes = object_notes(s, o->u.data);
    else if (o->run == run_items)
        notes = items_note(s, o->u.data);
    else if (o->run == run_dependent)
        notes = dependents_note(s, o->u.data);
    else if (o->run == run_if)
        notes = if_notes(s, o->u.data);
    return notes && set(&from->notes);
}

static void spread(schema *s)
{
    visit_all(s, begins_tracking);
    while (visit_all(s, hands_on))
        ;
    while (s->annotates && visit_all(s, takes_notes))
        ;
}

/* ---------------------------------------------------------------------------------------------------------------- making -- */

static void compile_all(compiler *c)
{
    do {
        while (c->done < c->out->count && !c->rc)
            compile_one(c, c->done++);
    } while (!c->rc && compile_dynamic(c));
    fill_dynamic(c);
    if (!c->rc)
        spread(c->out);
}

weir_rc schema_make(weir_view text, const schema_options *o, schema **ret, err *e)
{
    tree *root = NULL;
    const spot *at = NULL;
    schema *s = calloc(1, sizeof *s);
    if (!s)
        return err_nomem(e);
    compiler c = {.out = s, .e = e, .formats = o && o->formats};
    text = arena_dup(&s->memory, text);
    weir_rc rc = text.ptr ? tree_parse(&s->memory, text, o ? o->file : NULL, WEIR_E_CONFIG, &root, e) : err_nomem(e);
    rc = rc ? rc : index_open(&c.index, &s->memory, root, o, &at, e);
    c.rc = rc;
    if (!rc) {
        s->root = compile_sub(&c, at);
        compile_all(&c);
    }
    index_free(&c.index);
    map_free(&c.subs);
    free(c.queue);
    if (c.rc)
        schema_free(s);
    else
        *ret = s;
    return c.rc;
}

void schema_free(schema *s)
{
    if (!s)
        return;
    for (value_rule *v = s->values; v; v = v->next)
        tape_free(&v->tape);
    for (size_t i = 0; i < s->pattern_count; i++)
        pattern_free(s->patterns[i]);
    free(s->patterns);
    free(s->subs);
    arena_free(&s->memory);
    free(s);
}

bool schema_reduces(const schema *s)
{
    return s->reduces;
}

bool schema_redacts(const schema *s)
{
    return s->redacts;
}

bool schema_deletes(const schema *s)
{
    return s->deletes;
}

bool schema_hides(const schema *s)
{
    return s->secrets;
}
