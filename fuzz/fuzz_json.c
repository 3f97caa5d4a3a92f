/* JSON text: the ways to read it agree, and what is written from it reads back as the same.
 *
 * Input: a JSON text. Before it may stand JSON pointers, one a line, ended by a NUL, which no JSON text holds.
 */
#include "fuzz.h"
#include "json/number.h"
#include "json/patch.h"
#include "json/pointer.h"
#include "json/scan.h"
#include "json/text.h"
#include "json/tree.h"

enum { POINTERS = 64, DEEP = 40 /* below, looking for every node from the top takes too long */ };

typedef struct pointers {
    weir_view at[POINTERS];
    size_t count;
} pointers;

/* ---------------------------------------------------------------------------------------------------------- scanning -- */

/* Text that can be taken back: decoded, quoted, decoded again. */
static void check_string(weir_view raw)
{
    buf plain = {0}, quoted = {0}, again = {0};
    MUST(json_unquote(&plain, raw));
    MUST(json_utf8(buf_view(&plain)));
    MUST(json_quote(&quoted, buf_view(&plain)));
    MUST(json_check(buf_view(&quoted), NULL, NULL));
    MUST(json_unquote(&again, (weir_view){quoted.ptr + 1, quoted.len - 2}));
    MUST_EQ(buf_view(&plain), buf_view(&again));
    buf_free(&plain);
    buf_free(&quoted);
    buf_free(&again);
}

static void check_number(weir_view text)
{
    char out[NUMBER_TEXT];
    double d, back;
    int64_t i;
    uint64_t u;
    MUST(number_is(text));
    MUST(number_compare(text, text) == 0);
    MUST(number_to_double(text, &d));
    size_t n = number_double(out, d);
    if (n) {
        MUST(number_is((weir_view){out, n}));
        MUST(number_to_double((weir_view){out, n}, &back) && memcmp(&d, &back, sizeof d) == 0);
    }
    if (number_to_i64(text, &i)) {
        MUST(number_is_integer(text));
        MUST(number_compare(text, (weir_view){out, number_i64(out, i)}) == 0);
    }
    if (number_to_u64(text, &u)) {
        MUST(number_is_integer(text));
        MUST(number_compare(text, (weir_view){out, number_u64(out, u)}) == 0);
    }
    number_fits_double(text);
}

/* Takes one value step by step. */
static void walk(json_scan *s)
{
    json_key key;
    weir_view span;
    char c = json_peek(s);
    if (c == '{') {
        for (json_enter(s, '{'); json_member(s, &key);) {
            check_string(key.raw);
            walk(s);
        }
    } else if (c == '[') {
        for (json_enter(s, '['); json_item(s);)
            walk(s);
    } else if (c == '"') {
        if (json_string(s, &span, NULL))
            check_string(span);
    } else if (json_skip(s, &span) && (c == '-' || (c >= '0' && c <= '9'))) {
        check_number(span);
    }
}

/* Both ways to scan, which must agree. */
static bool scan(weir_view text)
{
    const char *error = NULL;
    size_t offset = 0;
    bool whole = json_check(text, &error, &offset);
    json_scan s = json_scan_of(text);
    walk(&s);
    MUST(whole == json_done(&s));
    MUST(whole == !error && whole == !s.error);
    MUST(offset <= text.len);
    MUST(s.at >= s.begin && s.at <= s.end);
    MUST(!whole || s.depth == 0);
    MUST(!whole || json_utf8(text));
    MUST(!whole || s.lines == (memchr(text.ptr, '\n', text.len) || memchr(text.ptr, '\r', text.len)));
    MUST(number_is(text) == (whole && !s.lines && (*text.ptr == '-' || (*text.ptr >= '0' && *text.ptr <= '9')) &&
                             !memchr(text.ptr, ' ', text.len) && !memchr(text.ptr, '\t', text.len)));
    return whole;
}

/* The same inside of a larger text, wherever its blocks begin. */
static void scan_padded(weir_view text)
{
    buf padded = {0};
    buf_adds(&padded, "{\"padding\":");
    for (size_t i = text.len % 67; i; i--)
        buf_addc(&padded, ' ');
    buf_addv(&padded, text);
    buf_adds(&padded, ",\"more\":\"");
    for (int i = 0; i < 130; i++)
        buf_addc(&padded, 'x');
    buf_adds(&padded, "\"}");
    scan(buf_view(&padded));
    buf_free(&padded);
}

/* ---------------------------------------------------------------------------------------------------------- rewriting -- */

static void check_compact(weir_view text, buf *compact)
{
    buf again = {0};
    json_compact(compact, text);
    MUST(json_check(buf_view(compact), NULL, NULL));
    json_compact(&again, buf_view(compact));
    MUST_EQ(buf_view(compact), buf_view(&again));
    MUST(compact->len <= text.len);
    MUST(json_equal(text, buf_view(compact)));
    buf_free(&again);
}

/* Of an array of two objects: the patch from one to the other, applied to the one, gives the other. */
static void check_patch(weir_view text)
{
    json_scan s = json_scan_of(text);
    weir_view from, to;
    if (!json_enter(&s, '[') || !json_item(&s) || json_peek(&s) != '{' || !json_skip(&s, &from))
        return;
    if (!json_item(&s) || json_peek(&s) != '{' || !json_skip(&s, &to))
        return;
    buf start = {0}, wanted = {0}, patch = {0}, got = {0};
    MUST(patch_apply(&start, VIEW("{}"), from));
    MUST(patch_apply(&wanted, VIEW("{}"), to));
    MUST(patch_diff(&patch, buf_view(&start), to));
    MUST(patch_apply(&got, buf_view(&start), buf_view(&patch)));
    MUST(json_check(buf_view(&patch), NULL, NULL) && json_check(buf_view(&got), NULL, NULL));
    if (!json_equal(buf_view(&wanted), buf_view(&got)))
        MUST_EQ(buf_view(&wanted), buf_view(&got));
    buf_clear(&got);
    MUST(patch_apply(&got, from, to)); /* whatever the texts hold */
    MUST(json_check(buf_view(&got), NULL, NULL));
    buf_free(&start);
    buf_free(&wanted);
    buf_free(&patch);
    buf_free(&got);
}

/* --------------------------------------------------------------------------------------------------------------- trees -- */

/* Every node is found by its own pointer, in the tree and in the text. */
static void check_nodes(arena *a, weir_view text, const tree *root, const tree *t, buf *path, pointers *p, int depth)
{
    size_t index = 0, len = path->len;
    MUST(tree_at(root, buf_view(path)) == t);
    weir_view found = pointer_find(text, buf_view(path));
    MUST(found.ptr == t->raw.ptr && found.len == t->raw.len);
    if (p->count < POINTERS)
        p->at[p->count++] = arena_dup(a, buf_view(path));
    if (t->kind == TREE_STRING && pointer_valid(t->text) && p->count < POINTERS)
        p->at[p->count++] = t->text; /* any pointer the text cares to name */
    for (const tree *child = t->first; child && depth < DEEP; child = child->next, index++) {
        char number[NUMBER_TEXT];
        pointer_push(path, t->kind == TREE_OBJECT ? child->name : (weir_view){number, number_u64(number, index)});
        check_nodes(a, text, root, child, path, p, depth + 1);
        path->len = len;
    }
}

static void check_writing(weir_view text, weir_view compact, const tree *root)
{
    buf out = {0};
    tree_write(&out, root);
    MUST_EQ(compact, buf_view(&out));
    buf_clear(&out);
    tree_write_pretty(&out, root);
    MUST(json_check(buf_view(&out), NULL, NULL));
    /* A lone surrogate in a name becomes U+FFFD here, and nothing but an escape makes one. */
    MUST(memmem(text.ptr, text.len, "\\u", 2) || json_equal(text, buf_view(&out)));
    buf_free(&out);
}

static void check_tree(arena *a, weir_view text, bool valid, weir_view compact, pointers *p)
{
    err e = {0};
    tree *root = NULL;
    weir_rc rc = tree_parse(a, text, "f.json", WEIR_E_CONFIG, &root, &e);
    if (rc) {
        MUST(rc == WEIR_E_CONFIG && root == NULL);
        MUST(!valid || strstr(err_text(&e), " appears twice"));
    } else {
        MUST(valid && root);
        buf path = {0};
        check_nodes(a, text, root, root, &path, p, 0);
        check_writing(text, compact, root);
        buf_free(&path);
    }
    err_free(&e);
}

/* ------------------------------------------------------------------------------------------------------------ pointers -- */

static weir_view given_pointers(weir_view input, pointers *p)
{
    const char *end = input.len ? memchr(input.ptr, 0, input.len) : NULL;
    const char *at = input.ptr;
    while (end && at < end && p->count < POINTERS / 2) {
        const char *line = memchr(at, '\n', (size_t)(end - at));
        line = line ? line : end;
        p->at[p->count++] = (weir_view){at, (size_t)(line - at)};
        at = line + (line < end);
    }
    return end ? view_from(input, (size_t)(end - input.ptr) + 1) : input;
}

/* The picker agrees with itself when it is asked again, and with what a single pointer finds. */
static void check_picker(arena *a, weir_view text, bool valid, const pointers *p)
{
    err e = {0};
    picker *k;
    weir_view values[POINTERS];
    bool well_formed = true;
    for (size_t i = 0; i < p->count; i++)
        well_formed &= pointer_valid(p->at[i]);
    weir_rc rc = picker_make(a, p->at, p->count, &k, &e);
    MUST(well_formed || rc == WEIR_E_CONFIG);
    for (int round = 0; !rc && round < 2; round++) {
        MUST(picker_run(k, text, values) == valid);
        for (size_t i = 0; valid && i < p->count; i++) {
            weir_view one = pointer_find(text, p->at[i]);
            MUST(one.len == values[i].len && (!one.len || one.ptr == values[i].ptr));
        }
    }
    err_free(&e);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    arena a = {0};
    buf compact = {0}, junk = {0};
    pointers p = {0};
    weir_view text = given_pointers((weir_view){(const char *)bytes, len}, &p);
    bool valid = scan(text);
    scan_padded(text);
    if (valid) {
        check_compact(text, &compact);
        check_patch(text);
    }
    check_tree(&a, text, valid, buf_view(&compact), &p);
    check_picker(&a, text, valid, &p);
    if (base64_decode(&junk, text)) {
        buf encoded = {0}, again = {0};
        base64_encode(&encoded, buf_view(&junk));
        MUST(base64_decode(&again, buf_view(&encoded)));
        MUST_EQ(buf_view(&junk), buf_view(&again));
        buf_free(&encoded);
        buf_free(&again);
    }
    buf_free(&compact);
    buf_free(&junk);
    arena_free(&a);
    return 0;
}
