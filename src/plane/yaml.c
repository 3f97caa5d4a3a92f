#include "plane/yaml.h"

#include <stdlib.h>
#include <yaml.h>

#include "base/io.h"
#include "base/map.h"
#include "json/scan.h"
#include "plane/yaml_scalar.h"

enum { DEPTH = 128, ALIAS_NODES = 100000, ALIAS_BYTES = 64 << 20, NODES = 2000000 };

/* What a subtree weighs once its aliases are expanded. */
typedef struct weight {
    size_t nodes, bytes;
    size_t height; /* 1: a scalar */
} weight;

typedef struct anchor {
    tree *node;
    weight weight;
    bool open; /* its node is still being read: an alias would contain itself */
} anchor;

/* A sequence or mapping that is being read. */
typedef struct level {
    tree *node;
    weight weight;
    anchor *anchor; /* its own, or NULL */
    weir_view key;  /* mapping: the key whose value comes next; ptr NULL: a key comes next */
    tree_mark key_mark;
    bool merge;   /* the key is << */
    tree *merged; /* its value; NULL: none */
} level;

typedef struct reader {
    arena *mem;
    const char *file;
    err *e;
    yaml_parser_t parser;
    weir_view text;
    level open[DEPTH];
    size_t depth;
    map anchors; /* name -> anchor, the latest of that name */
    weight aliases;
    size_t nodes;
    tree *root;
    bool documents; /* one has begun */
    buf number;
} reader;

static tree_mark mark_of(const reader *r, yaml_mark_t m)
{
    return (tree_mark){r->file, m.line + 1, m.column + 1};
}

static weir_rc fail_at(reader *r, tree_mark at, const char *fmt, ...) WEIR_PRINTF(3, 4);
static weir_rc fail_at(reader *r, tree_mark at, const char *fmt, ...)
{
    buf text = {0};
    va_list args;
    tree_where(&text, at);
    va_start(args, fmt);
    buf_vprintf(&text, fmt, args);
    va_end(args);
    weir_rc rc = buf_ok(&text) ? err_fail(r->e, WEIR_E_CONFIG, "%.*s", VIEW_ARG(buf_view(&text))) : err_nomem(r->e);
    buf_free(&text);
    return rc;
}

/* ------------------------------------------------------------------------------------------------------------- nodes -- */

static weir_rc new_node(reader *r, tree_kind kind, tree_mark at, tree **ret)
{
    if (++r->nodes > NODES)
        return fail_at(r, at, "more than %d values in one file", NODES);
    if (!(*ret = arena_alloc(r->mem, sizeof **ret)))
        return err_nomem(r->e);
    (*ret)->kind = kind;
    (*ret)->mark = at;
    return WEIR_OK;
}

static void append(tree *parent, tree *child)
{
    child->next = NULL;
    *(parent->last ? &parent->last->next : &parent->first) = child;
    parent->last = child;
    parent->count++;
}

static void add_weight(level *l, weight w)
{
    l->weight.nodes += w.nodes;
    l->weight.bytes += w.bytes;
    if (l->weight.height <= w.height)
        l->weight.height = w.height + 1;
}

static weir_rc take_key(reader *r, level *l, tree *t, weir_view written)
{
    if (t->kind == TREE_ARRAY || t->kind == TREE_OBJECT)
        return fail_at(r, t->mark, "a key cannot be %s", tree_kind_name(t->kind));
    l->key = written.ptr ? written : VIEW("");
    l->key_mark = t->mark;
    return WEIR_OK;
}

static weir_rc keep_merged(reader *r, level *l, tree *t)
{
    if (l->merged)
        return fail_at(r, t->name_mark, "the key \"<<\" appears twice; merge a list of aliases instead");
    l->merged = t;
    return WEIR_OK;
}

/* Puts a finished value, or one that is about to be filled, where it belongs. `written`: a scalar's text as it stands in the file.
 */
static weir_rc place(reader *r, tree *t, weir_view written, bool merge_word)
{
    if (!r->depth) {
        r->root = t;
        return WEIR_OK;
    }
    level *l = &r->open[r->depth - 1];
    if (l->node->kind == TREE_ARRAY) {
        append(l->node, t);
        return WEIR_OK;
    }
    if (!l->key.ptr) {
        l->merge = merge_word;
        return take_key(r, l, t, written);
    }
    t->name = l->key;
    t->name_mark = l->key_mark;
    l->key = (weir_view){NULL, 0};
    if (l->merge)
        return keep_merged(r, l, t);
    append(l->node, t);
    return WEIR_OK;
}

static void weigh(reader *r, weight w)
{
    if (r->depth)
        add_weight(&r->open[r->depth - 1], w);
}

static weir_rc define(reader *r, const yaml_char_t *name, tree *t, weight w, bool open, anchor **ret)
{
    *ret = NULL;
    if (!name)
        return WEIR_OK;
    anchor *a = arena_alloc(r->mem, sizeof *a);
    weir_view key = arena_dup(r->mem, view_of((const char *)name));
    if (!a || !key.ptr || !map_put(&r->anchors, key, a))
        return err_nomem(r->e);
    *a = (anchor){t, w, open};
    *ret = a;
    return WEIR_OK;
}

/* ----------------------------------------------------------------------------------------------------------- scalars -- */

static const char core_tag[] = "tag:yaml.org,2002:";

/* The kinds a tag allows, as bits; 0: it is none of the core schema. */
static unsigned kinds_of_tag(const char *tag)
{
    static const struct {
        const char *name;
        unsigned kinds;
    } tags[] = {
        {"str", 1 << TREE_STRING}, {"int", 1 << TREE_NUMBER}, {"float", 1 << TREE_NUMBER}, {"bool", 1 << TREE_BOOL},
        {"null", 1 << TREE_NULL},  {"seq", 1 << TREE_ARRAY},  {"map", 1 << TREE_OBJECT},
    };
    if (strncmp(tag, core_tag, sizeof core_tag - 1) != 0)
        return 0;
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++)
        if (strcmp(tag + sizeof core_tag - 1, tags[i].name) == 0)
            return tags[i].kinds;
    return 0;
}

static weir_rc bad_tag(reader *r, tree_mark at, const char *tag)
{
    bool core = strncmp(tag, core_tag, sizeof core_tag - 1) == 0;
    return fail_at(r, at, "the tag \"%s%s\" does not fit here", core ? "!!" : "", core ? tag + sizeof core_tag - 1 : tag);
}

static weir_rc become_number(reader *r, tree *t)
{
    if (!buf_ok(&r->number))
        return err_nomem(r->e);
    t->kind = TREE_NUMBER;
    t->text = arena_dup(r->mem, buf_view(&r->number));
    return t->text.ptr ? WEIR_OK : err_nomem(r->e);
}

static weir_rc resolve_plain(reader *r, tree *t, weir_view text)
{
    buf_clear(&r->number);
    switch (yaml_meaning_of(text, &r->number)) {
    case YAML_IS_NUMBER:
        return become_number(r, t);
    case YAML_IS_TRUE:
    case YAML_IS_FALSE:
        t->kind = TREE_BOOL;
        t->boolean = (text.ptr[0] | 0x20) == 't';
        return WEIR_OK;
    case YAML_IS_NULL:
        t->kind = TREE_NULL;
        return WEIR_OK;
    case YAML_IS_NOT_FINITE:
        return fail_at(r, t->mark, "\"%.*s\" is no JSON number; quote it if it is text", VIEW_ARG(text));
    case YAML_IS_TOO_LONG:
        return fail_at(r, t->mark, "a number of more than %d digits; quote it if it is text", YAML_RADIX_DIGITS);
    case YAML_IS_TEXT:
        break;
    }
    return WEIR_OK;
}

static bool is_key(const reader *r)
{
    const level *l = r->depth ? &r->open[r->depth - 1] : NULL;
    return l && l->node->kind == TREE_OBJECT && !l->key.ptr;
}

/* Gives the scalar its kind. A key is text whatever it looks like, a quoted or !!str scalar too. */
static weir_rc resolve(reader *r, const yaml_event_t *ev, tree *t)
{
    const char *tag = (const char *)ev->data.scalar.tag;
    bool plain = ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    bool non_specific = tag && strcmp(tag, "!") == 0;
    unsigned allowed = tag && !non_specific ? kinds_of_tag(tag) : 0;
    if (tag && !non_specific && !allowed)
        return bad_tag(r, t->mark, tag);
    if (is_key(r) || non_specific || allowed == 1 << TREE_STRING || (!allowed && !plain))
        return WEIR_OK;
    weir_rc rc = resolve_plain(r, t, t->text);
    return rc || !allowed || allowed & 1u << t->kind ? rc : bad_tag(r, t->mark, tag);
}

static weir_rc on_scalar(reader *r, const yaml_event_t *ev)
{
    tree *t;
    anchor *ignored;
    weir_rc rc = new_node(r, TREE_STRING, mark_of(r, ev->start_mark), &t);
    if (rc)
        return rc;
    weir_view text = arena_dup(r->mem, (weir_view){(const char *)ev->data.scalar.value, ev->data.scalar.length});
    if (!text.ptr)
        return err_nomem(r->e);
    bool merge_word = ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && view_is(text, "<<");
    weight w = {1, text.len, 1};
    t->text = text;
    rc = resolve(r, ev, t);
    if (!rc)
        rc = define(r, ev->data.scalar.anchor, t, w, false, &ignored);
    if (!rc)
        weigh(r, w);
    return rc ? rc : place(r, t, text, merge_word);
}

/* ------------------------------------------------------------------------------------------------------------ aliases -- */

static weir_rc check_expansion(reader *r, tree_mark at, weight w)
{
    r->aliases.nodes += w.nodes;
    r->aliases.bytes += w.bytes;
    if (r->aliases.nodes > ALIAS_NODES || r->aliases.bytes > ALIAS_BYTES)
        return fail_at(r, at, "aliases that stand for more than %d values or %d MiB of text", ALIAS_NODES, ALIAS_BYTES >> 20);
    if (r->depth + w.height > DEPTH)
        return fail_at(r, at, "nested more than %d levels deep", DEPTH);
    return WEIR_OK;
}

static weir_rc on_alias(reader *r, const yaml_event_t *ev)
{
    tree_mark at = mark_of(r, ev->start_mark);
    weir_view name = view_of((const char *)ev->data.alias.anchor);
    const anchor *a = map_get(&r->anchors, name);
    if (!a || a->open)
        return fail_at(r, at,
                       a ? "the alias \"*%.*s\" is inside what it stands for" : "no anchor \"&%.*s\" comes before this alias",
                       VIEW_ARG(name));
    weir_rc rc = check_expansion(r, at, a->weight);
    tree *copy = rc ? NULL : arena_alloc(r->mem, sizeof *copy);
    if (!copy)
        return rc ? rc : err_nomem(r->e);
    *copy = *a->node;
    copy->next = NULL;
    weigh(r, a->weight);
    return place(r, copy, copy->text, false);
}

/* -------------------------------------------------------------------------------------------- sequences and mappings -- */

static weir_rc push(reader *r, const yaml_event_t *ev, tree_kind kind, const yaml_char_t *anchor_name, const yaml_char_t *tag)
{
    tree *t;
    anchor *own = NULL;
    tree_mark at = mark_of(r, ev->start_mark);
    if (r->depth == DEPTH)
        return fail_at(r, at, "nested more than %d levels deep", DEPTH);
    if (tag && strcmp((const char *)tag, "!") != 0 && !(kinds_of_tag((const char *)tag) & 1u << kind))
        return bad_tag(r, at, (const char *)tag);
    weir_rc rc = new_node(r, kind, at, &t);
    if (!rc)
        rc = define(r, anchor_name, t, (weight){0}, true, &own);
    if (!rc)
        rc = place(r, t, (weir_view){NULL, 0}, false);
    if (!rc)
        r->open[r->depth++] = (level){.node = t, .weight = {1, 0, 1}, .anchor = own};
    return rc;
}

/* Members of `source` that the object does not have yet become its own. */
static weir_rc merge_from(reader *r, tree *object, map *names, const tree *source, tree_mark at)
{
    if (source->kind != TREE_OBJECT)
        return fail_at(r, at, "<< merges objects, this is %s", tree_kind_name(source->kind));
    for (const tree *m = source->first; m; m = m->next) {
        if (map_get(names, m->name))
            continue;
        tree *copy = arena_alloc(r->mem, sizeof *copy);
        if (!copy || !map_put(names, m->name, copy))
            return err_nomem(r->e);
        *copy = *m;
        append(object, copy);
    }
    return WEIR_OK;
}

static weir_rc merge(reader *r, tree *object, map *names, const tree *merged)
{
    weir_rc rc = WEIR_OK;
    if (merged->kind != TREE_ARRAY)
        return merge_from(r, object, names, merged, merged->mark);
    for (const tree *item = merged->first; item && !rc; item = item->next)
        rc = merge_from(r, object, names, item, item->mark);
    return rc;
}

/* Finds duplicate keys, then merges. */
static weir_rc finish_mapping(reader *r, level *l)
{
    map names = {0};
    weir_rc rc = WEIR_OK;
    for (tree *m = l->node->first; m && !rc; m = m->next) {
        const tree *before = map_get(&names, m->name);
        if (before)
            rc = fail_at(r, m->name_mark, "the key \"%.*s\" appears twice, first at %zu:%zu", VIEW_ARG(m->name),
                         before->name_mark.line, before->name_mark.column);
        else if (!map_put(&names, m->name, m))
            rc = err_nomem(r->e);
    }
    if (!rc && l->merged)
        rc = merge(r, l->node, &names, l->merged);
    map_free(&names);
    return rc;
}

static weir_rc pop(reader *r)
{
    level *l = &r->open[r->depth - 1];
    weir_rc rc = l->node->kind == TREE_OBJECT ? finish_mapping(r, l) : WEIR_OK;
    if (l->anchor)
        *l->anchor = (anchor){l->node, l->weight, false};
    r->depth--;
    weigh(r, l->weight);
    return rc;
}

/* ------------------------------------------------------------------------------------------------------------- events -- */

static weir_rc on_event(reader *r, const yaml_event_t *ev)
{
    switch (ev->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (r->documents)
            return fail_at(r, mark_of(r, ev->start_mark), "a second document begins here; there may be only one");
        r->documents = true;
        return WEIR_OK;
    case YAML_ALIAS_EVENT:
        return on_alias(r, ev);
    case YAML_SCALAR_EVENT:
        return on_scalar(r, ev);
    case YAML_SEQUENCE_START_EVENT:
        return push(r, ev, TREE_ARRAY, ev->data.sequence_start.anchor, ev->data.sequence_start.tag);
    case YAML_MAPPING_START_EVENT:
        return push(r, ev, TREE_OBJECT, ev->data.mapping_start.anchor, ev->data.mapping_start.tag);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        return pop(r);
    default:
        return WEIR_OK;
    }
}

static tree_mark mark_of_byte(const reader *r, size_t at)
{
    tree_mark m = {r->file, 1, 1};
    for (size_t i = 0; i < at && i < r->text.len; i++) {
        if (r->text.ptr[i] == '\n')
            m = (tree_mark){r->file, m.line + 1, 1};
        else if ((r->text.ptr[i] & 0xc0) != 0x80)
            m.column++;
    }
    return m;
}

static weir_rc syntax_error(reader *r)
{
    const yaml_parser_t *p = &r->parser;
    if (p->error == YAML_MEMORY_ERROR)
        return err_nomem(r->e);
    const char *problem = p->problem ? p->problem : "malformed YAML";
    if (p->error == YAML_READER_ERROR)
        return fail_at(r, mark_of_byte(r, p->problem_offset), "%s", problem);
    if (p->context && p->context_mark.line != p->problem_mark.line)
        return fail_at(r, mark_of(r, p->problem_mark), "%s (%s that begins in line %zu)", problem, p->context,
                       p->context_mark.line + 1);
    return fail_at(r, mark_of(r, p->problem_mark), "%s", problem);
}

static weir_rc read_events(reader *r)
{
    yaml_event_t ev;
    weir_rc rc = WEIR_OK;
    for (bool more = true; more && !rc;) {
        if (!yaml_parser_parse(&r->parser, &ev))
            return syntax_error(r);
        more = ev.type != YAML_STREAM_END_EVENT;
        rc = on_event(r, &ev);
        yaml_event_delete(&ev);
    }
    return rc;
}

static weir_rc parse_yaml(reader *r, tree **ret)
{
    if (!yaml_parser_initialize(&r->parser))
        return err_nomem(r->e);
    yaml_parser_set_encoding(&r->parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r->parser, (const unsigned char *)r->text.ptr, r->text.len);
    weir_rc rc = read_events(r);
    if (!rc && !r->root)
        rc = new_node(r, TREE_NULL, (tree_mark){r->file, 1, 1}, &r->root);
    if (!rc)
        *ret = r->root;
    yaml_parser_delete(&r->parser);
    map_free(&r->anchors);
    buf_free(&r->number);
    return rc;
}

static bool looks_like_json(weir_view text)
{
    while (text.len && strchr(" \t\r\n", *text.ptr))
        text = view_from(text, 1);
    return text.len && (*text.ptr == '{' || *text.ptr == '[');
}

weir_rc yaml_parse(arena *a, weir_view text, const char *file, tree **ret, err *e)
{
    if (view_starts(text, VIEW("\xef\xbb\xbf")))
        text = view_from(text, 3);
    if (!text.ptr)
        text = VIEW("");
    if (looks_like_json(text) && json_check(text, NULL, NULL)) {
        weir_view copy = arena_dup(a, text);
        return copy.ptr ? tree_parse(a, copy, file, WEIR_E_CONFIG, ret, e) : err_nomem(e);
    }
    reader *r = calloc(1, sizeof *r); /* too large for some threads' stacks */
    if (!r)
        return err_nomem(e);
    *r = (reader){.mem = a, .file = file, .e = e, .text = text};
    weir_rc rc = parse_yaml(r, ret);
    free(r);
    return rc;
}

weir_rc yaml_read(arena *a, const char *path, tree **ret, err *e)
{
    buf text = {0};
    const char *file = arena_text(a, view_of(path));
    if (!file)
        return err_nomem(e);
    weir_rc rc = io_read_file(path, YAML_FILE_MAX, &text, e);
    if (!rc)
        rc = yaml_parse(a, buf_view(&text), file, ret, e);
    buf_free(&text);
    return rc;
}
