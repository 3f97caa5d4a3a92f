#include "plane/catalog_edit.h"

#include <stdlib.h>
#include <yaml.h>

#include "plane/yaml.h"

/* -------------------------------------------------------------------------------------------- where things are written -- */

/* A value in the text, by byte offsets. */
typedef struct extent {
    size_t from, to; /* to: behind the last of its content, comments behind it not included */
    size_t column;   /* of `from` */
    bool there, block, list, object;
    size_t count; /* of items or members */
} extent;

typedef struct outline {
    yaml_parser_t parser;
    yaml_event_t event; /* the one that was read last */
    weir_view text;
    size_t at_char, at_byte; /* the same place, counted in both ways */
    extent root, capture, bindings, collections;
    size_t bindings_key, collections_key; /* behind the key, at its colon */
    extent *items;                        /* of bindings */
    size_t item_count, item_room;
    bool failed, nomem;
} outline;

/* Marks count characters. Places mostly go on, so the count does, too. */
static size_t byte_of(outline *o, size_t at)
{
    if (at < o->at_char)
        o->at_char = o->at_byte = 0;
    while (o->at_char < at && o->at_byte < o->text.len) {
        do {
            o->at_byte++;
        } while (o->at_byte < o->text.len && (o->text.ptr[o->at_byte] & 0xc0) == 0x80);
        o->at_char++;
    }
    return o->at_byte;
}

static bool next(outline *o)
{
    yaml_event_delete(&o->event);
    if (o->failed || !yaml_parser_parse(&o->parser, &o->event)) {
        o->event = (yaml_event_t){0};
        o->nomem = o->nomem || o->parser.error == YAML_MEMORY_ERROR;
        o->failed = true;
    }
    return !o->failed;
}

static bool is(const outline *o, yaml_event_type_t type)
{
    return !o->failed && o->event.type == type;
}

/* Behind the content of the event: a block scalar's ends before its last line break, a block collection has no end of its own. */
static size_t content_end(outline *o)
{
    size_t to = byte_of(o, o->event.end_mark.index);
    bool scalar = o->event.type == YAML_SCALAR_EVENT;
    if (scalar && o->event.data.scalar.style >= YAML_LITERAL_SCALAR_STYLE && to && o->text.ptr[to - 1] == '\n')
        to--;
    return to;
}

static extent begin(outline *o)
{
    extent x = {.from = byte_of(o, o->event.start_mark.index), .column = o->event.start_mark.column, .there = true};
    x.list = o->event.type == YAML_SEQUENCE_START_EVENT;
    x.object = o->event.type == YAML_MAPPING_START_EVENT;
    x.block = (x.list && o->event.data.sequence_start.style == YAML_BLOCK_SEQUENCE_STYLE) ||
              (x.object && o->event.data.mapping_start.style == YAML_BLOCK_MAPPING_STYLE);
    x.to = x.list || x.object ? x.from : content_end(o);
    return x;
}

/* The event ends a collection; one in flow style ends with a visible bracket. */
static void end(outline *o, extent *x)
{
    if (o->event.end_mark.index > o->event.start_mark.index)
        x->to = byte_of(o, o->event.end_mark.index);
}

/* Takes the value that the present event begins. */
static extent skip(outline *o)
{
    extent x = begin(o);
    size_t depth = x.list || x.object;
    while (depth && next(o)) {
        bool ends = is(o, YAML_SEQUENCE_END_EVENT) || is(o, YAML_MAPPING_END_EVENT);
        bool begins = is(o, YAML_SEQUENCE_START_EVENT) || is(o, YAML_MAPPING_START_EVENT);
        depth += begins;
        depth -= ends;
        if (ends)
            end(o, &x);
        else if (!begins)
            x.to = content_end(o);
    }
    return x;
}

/* In an object that has begun: takes the next key and goes on to its value. @return false at the end */
static bool member(outline *o, extent *object, weir_view *key, size_t *behind)
{
    if (!next(o) || is(o, YAML_MAPPING_END_EVENT)) {
        if (!o->failed)
            end(o, object);
        return false;
    }
    bool scalar = is(o, YAML_SCALAR_EVENT);
    extent k = skip(o);
    *key = scalar ? (weir_view){o->text.ptr + k.from, k.to - k.from} : VIEW("");
    *behind = k.to;
    object->count++;
    return next(o);
}

/* A key as it is written: plain, or in quotes without escapes. Others are found by their meaning to be absent: the caller notices.
 */
static bool key_is(weir_view written, weir_view name)
{
    bool quoted = written.len >= 2 && strchr("'\"", *written.ptr) && written.ptr[written.len - 1] == *written.ptr;
    return view_eq(quoted ? (weir_view){written.ptr + 1, written.len - 2} : written, name);
}

static void cover(extent *outer, const extent *inner)
{
    if (inner->to > outer->to)
        outer->to = inner->to;
}

static void add_item(outline *o, extent item)
{
    if (o->item_count == o->item_room) {
        size_t room = o->item_room ? o->item_room * 2 : 16;
        extent *items = realloc(o->items, room * sizeof *items);
        if (!items) {
            o->failed = o->nomem = true;
            return;
        }
        o->items = items;
        o->item_room = room;
    }
    o->items[o->item_count++] = item;
}

static extent take_items(outline *o)
{
    extent list = begin(o);
    while (list.list && next(o) && !is(o, YAML_SEQUENCE_END_EVENT)) {
        extent item = skip(o);
        add_item(o, item);
        cover(&list, &item);
        list.count++;
    }
    if (list.list && !o->failed)
        end(o, &list);
    return list;
}

static extent take_capture(outline *o)
{
    weir_view key;
    size_t behind;
    extent capture = begin(o), value;
    if (!capture.object)
        return skip(o);
    while (member(o, &capture, &key, &behind)) {
        bool found = key_is(key, VIEW("bindings"));
        value = found ? take_items(o) : skip(o);
        if (found && !value.list)
            value = skip(o);
        if (found) {
            o->bindings = value;
            o->bindings_key = behind;
        }
        cover(&capture, &value);
    }
    return capture;
}

static extent take_captures(outline *o, weir_view name)
{
    weir_view key;
    size_t behind;
    extent captures = begin(o), value;
    if (!captures.object)
        return skip(o);
    while (member(o, &captures, &key, &behind)) {
        bool found = key_is(key, name);
        value = found ? take_capture(o) : skip(o);
        if (found)
            o->capture = value;
        cover(&captures, &value);
    }
    return captures;
}

static extent take_collections(outline *o)
{
    weir_view key;
    size_t behind;
    extent collections = begin(o);
    if (!collections.object)
        return skip(o);
    while (member(o, &collections, &key, &behind)) {
        extent value = skip(o);
        cover(&collections, &value);
    }
    return collections;
}

static void take_root(outline *o, weir_view capture)
{
    weir_view key;
    size_t behind;
    o->root = begin(o);
    while (o->root.object && member(o, &o->root, &key, &behind)) {
        extent value;
        if (key_is(key, VIEW("captures"))) {
            value = take_captures(o, capture);
        } else if (key_is(key, VIEW("collections"))) {
            value = o->collections = take_collections(o);
            o->collections_key = behind;
        } else {
            value = skip(o);
        }
        cover(&o->root, &value);
    }
}

static bool read_outline(outline *o, weir_view capture)
{
    o->nomem = !yaml_parser_initialize(&o->parser);
    if (o->nomem)
        return false;
    yaml_parser_set_encoding(&o->parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&o->parser, (const unsigned char *)o->text.ptr, o->text.len);
    while (next(o) && !is(o, YAML_DOCUMENT_START_EVENT) && !is(o, YAML_STREAM_END_EVENT))
        ;
    if (is(o, YAML_DOCUMENT_START_EVENT) && next(o))
        take_root(o, capture);
    yaml_event_delete(&o->event);
    yaml_parser_delete(&o->parser);
    return !o->failed;
}

/* -------------------------------------------------------------------------------------------------------------- edits -- */

typedef struct edit {
    size_t from, to; /* is replaced by added[at .. at + len) */
    size_t at, len;
    bool lines; /* it begins on a line of its own */
} edit;

typedef struct edits {
    weir_view text; /* of the file */
    edit *items;
    size_t count, room;
    buf added; /* texts that are put in */
    bool failed;
} edits;

/* Replaces from..to by what was appended to e->added since `at`. */
static void replace(edits *e, size_t from, size_t to, size_t at, bool lines)
{
    if (e->count == e->room) {
        size_t room = e->room ? e->room * 2 : 16;
        edit *items = realloc(e->items, room * sizeof *items);
        if (!items) {
            e->failed = true;
            return;
        }
        e->items = items;
        e->room = room;
    }
    e->items[e->count++] = (edit){from, to, at, e->added.len - at, lines};
}

static size_t line_start(weir_view text, size_t at)
{
    while (at && text.ptr[at - 1] != '\n')
        at--;
    return at;
}

/* Behind the line break of the line. */
static size_t line_end(weir_view text, size_t at)
{
    const char *newline = at < text.len ? memchr(text.ptr + at, '\n', text.len - at) : NULL;
    return newline ? (size_t)(newline - text.ptr) + 1 : text.len;
}

static size_t indent_of(weir_view text, size_t line)
{
    size_t n = 0;
    while (line + n < text.len && text.ptr[line + n] == ' ')
        n++;
    return n;
}

/* Where lines that follow a block go: behind its last line, and behind comments that stand below it as far to the right. */
static size_t behind_block(weir_view text, size_t to, size_t indent)
{
    size_t at = line_end(text, to);
    while (at < text.len) {
        size_t n = indent_of(text, at);
        if (n < indent || at + n >= text.len || text.ptr[at + n] != '#')
            break;
        at = line_end(text, at);
    }
    return at;
}

static void put_indent(buf *out, size_t n)
{
    while (n--)
        buf_addc(out, ' ');
}

/* Puts a block of lines in at a line's beginning. */
static void insert_lines(edits *e, size_t at, const tree *block, size_t indent, const char *heading, size_t heading_indent)
{
    size_t before = e->added.len;
    if (!block->first)
        return;
    if (heading) {
        put_indent(&e->added, heading_indent);
        buf_printf(&e->added, "%s:\n", heading);
    }
    put_indent(&e->added, indent);
    yaml_write_at(&e->added, block, indent);
    buf_addc(&e->added, '\n');
    replace(e, at, at, before, true);
}

static bool has_dash(weir_view text, size_t line, size_t column)
{
    return indent_of(text, line) == column && line + column < text.len && text.ptr[line + column] == '-';
}

static bool is_comment_or_blank(weir_view text, size_t line)
{
    size_t at = line + indent_of(text, line);
    return at >= text.len || strchr("#\r\n", text.ptr[at]);
}

/* The beginning of the line with an item's dash: its own, or one above it; SIZE_MAX if there is none. */
static size_t dash_line(weir_view text, size_t item, size_t column)
{
    size_t line = line_start(text, item);
    if (has_dash(text, line, column))
        return line;
    if (line + indent_of(text, line) < item)
        return SIZE_MAX;
    while (line) {
        line = line_start(text, line - 1);
        if (has_dash(text, line, column))
            return line;
        if (!is_comment_or_blank(text, line))
            break;
    }
    return SIZE_MAX;
}

/* Takes the value off the line of its key, with the blanks before it, and puts another there. */
static bool replace_value(edits *e, size_t key, const extent *value, const char *text)
{
    size_t colon = key, at = e->added.len;
    while (colon < e->text.len && e->text.ptr[colon] == ' ')
        colon++;
    if (colon >= e->text.len || e->text.ptr[colon] != ':')
        return false;
    buf_adds(&e->added, text);
    replace(e, colon + 1, value->to > colon ? value->to : colon + 1, at, false);
    return true;
}

/* ----------------------------------------------------------------------------------------------------------- bindings -- */

static const tree *all_bindings(arena *a, const catalog_change *change)
{
    tree *all = arena_alloc(a, sizeof *all);
    size_t i = 0;
    if (!all)
        return NULL;
    all->kind = TREE_ARRAY;
    for (int added = 0; added < 2; added++) {
        const tree *from = added ? change->added : change->bindings;
        for (const tree *t = from ? from->first : NULL; t; t = t->next) {
            tree *copy = added || change->keep[i++] ? arena_alloc(a, sizeof *copy) : NULL;
            if (!copy)
                continue;
            *copy = *t;
            copy->next = NULL;
            *(all->last ? &all->last->next : &all->first) = copy;
            all->last = copy;
            all->count++;
        }
    }
    return a->failed ? NULL : all;
}

static bool remove_items(edits *e, const outline *o, const catalog_change *change)
{
    for (size_t i = 0; i < o->item_count; i++) {
        size_t from = change->keep[i] ? 0 : dash_line(e->text, o->items[i].from, o->bindings.column);
        if (from == SIZE_MAX)
            return false;
        if (!change->keep[i])
            replace(e, from, line_end(e->text, o->items[i].to), e->added.len, false);
    }
    return true;
}

static bool edit_list(edits *e, const outline *o, const catalog_change *change)
{
    size_t kept = 0, column = o->bindings.column, inside = column > o->capture.column ? column : column + 1;
    for (size_t i = 0; i < o->item_count; i++)
        kept += change->keep[i];
    if (!kept && !change->added->first) {
        if (!replace_value(e, o->bindings_key, &(const extent){0}, " []"))
            return false;
    }
    if (!remove_items(e, o, change))
        return false;
    insert_lines(e, behind_block(e->text, o->bindings.to, inside), change->added, column, NULL, 0);
    return true;
}

/* Are the bindings in the text those that the caller knows? */
static bool knows_bindings(const outline *o, const catalog_change *change)
{
    return o->capture.there && o->capture.block && o->item_count == (change->bindings ? change->bindings->count : 0);
}

static bool edit_bindings(edits *e, const outline *o, const catalog_change *change, arena *a)
{
    size_t column = o->capture.column;
    bool same = !change->added->first;
    if (!knows_bindings(o, change))
        return false;
    for (size_t i = 0; i < o->item_count; i++)
        same = same && change->keep[i];
    if (same)
        return true;
    if (o->bindings.there && o->bindings.block)
        return o->bindings.list && edit_list(e, o, change);
    const tree *all = all_bindings(a, change);
    if (!all)
        return false;
    if (!o->bindings.there) {
        insert_lines(e, behind_block(e->text, o->capture.to, column), all, column + 2, "bindings", column);
        return true;
    }
    insert_lines(e, line_end(e->text, o->bindings.to), all, column + 2, NULL, 0);
    return !o->bindings.object && replace_value(e, o->bindings_key, &o->bindings, all->first ? "" : " []");
}

/* -------------------------------------------------------------------------------------------------------- collections -- */

static bool edit_collections(edits *e, const outline *o, const tree *new)
{
    const extent *c = &o->collections;
    size_t root = o->root.column;
    if (!new->first)
        return true;
    if (!o->root.block)
        return false;
    if (!c->there) {
        insert_lines(e, behind_block(e->text, o->root.to, root + 1), new, root + 2, "collections", root);
        return true;
    }
    if (c->block) {
        insert_lines(e, behind_block(e->text, c->to, c->column), new, c->column, NULL, 0);
        return c->object;
    }
    insert_lines(e, line_end(e->text, c->to), new, root + 2, NULL, 0);
    return !c->list && !c->count && replace_value(e, o->collections_key, c, "");
}

/* ----------------------------------------------------------------------------------------------------------- applying -- */

static int by_place(const void *left, const void *right)
{
    const edit *a = left, *b = right;
    int c = (a->from > b->from) - (a->from < b->from);
    return c ? c : (a->at > b->at) - (a->at < b->at);
}

static void put_lines(buf *out, weir_view text, bool crlf)
{
    for (size_t i = 0; i < text.len; i++) {
        if (crlf && text.ptr[i] == '\n')
            buf_addc(out, '\r');
        buf_addc(out, text.ptr[i]);
    }
}

/* @return false if edits overlap */
static bool apply(edits *e, buf *out)
{
    const char *newline = e->text.len ? memchr(e->text.ptr, '\n', e->text.len) : NULL;
    bool crlf = newline && newline > e->text.ptr && newline[-1] == '\r';
    size_t at = 0;
    if (e->count)
        qsort(e->items, e->count, sizeof *e->items, by_place);
    for (size_t i = 0; i < e->count; i++) {
        const edit *x = &e->items[i];
        if (x->from < at)
            return false;
        buf_add(out, e->text.ptr + at, x->from - at);
        if (x->lines && out->len && out->ptr[out->len - 1] != '\n') /* the file ends without a line break */
            put_lines(out, VIEW("\n"), crlf);
        put_lines(out, (weir_view){e->added.ptr + x->at, x->len}, crlf);
        at = x->to;
    }
    buf_add(out, e->text.ptr + at, e->text.len - at);
    return true;
}

bool catalog_edit(weir_view text, const catalog_change *change, buf *out)
{
    if (view_starts(text, VIEW("\xef\xbb\xbf"))) {
        buf_add(out, text.ptr, 3);
        text = view_from(text, 3);
    }
    arena a = {0};
    outline *o = calloc(1, sizeof *o);
    edits e = {.text = text};
    bool good = o != NULL;
    if (good) {
        o->text = text;
        good = read_outline(o, change->capture) && edit_bindings(&e, o, change, &a) && edit_collections(&e, o, change->collections);
        free(o->items);
    }
    if (!o || o->nomem || e.failed || !buf_ok(&e.added) || a.failed)
        out->failed = true;
    good = good && buf_ok(out) && apply(&e, out);
    free(o);
    free(e.items);
    buf_free(&e.added);
    arena_free(&a);
    return good;
}
