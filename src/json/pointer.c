#include "json/pointer.h"

#include "json/scan.h"
#include "json/text.h"

bool pointer_valid(weir_view pointer)
{
    if (pointer.len && pointer.ptr[0] != '/')
        return false;
    for (size_t i = 0; i < pointer.len; i++)
        if (pointer.ptr[i] == '~' && (i + 1 == pointer.len || (pointer.ptr[i + 1] != '0' && pointer.ptr[i + 1] != '1')))
            return false;
    return true;
}

void pointer_push(buf *pointer, weir_view token)
{
    buf_addc(pointer, '/');
    for (size_t i = 0; i < token.len; i++) {
        if (token.ptr[i] == '~')
            buf_add(pointer, "~0", 2);
        else if (token.ptr[i] == '/')
            buf_add(pointer, "~1", 2);
        else
            buf_addc(pointer, token.ptr[i]);
    }
}

/* The token as written, behind the slash that `rest` begins with; `rest` then begins with the next slash, or is empty. */
static weir_view take_token(weir_view *rest)
{
    weir_view all = view_from(*rest, 1);
    const char *slash = all.len ? memchr(all.ptr, '/', all.len) : NULL;
    weir_view token = {all.ptr, slash ? (size_t)(slash - all.ptr) : all.len};
    *rest = view_from(all, token.len);
    return token;
}

/* Decodes ~0 and ~1; copies only if there is something to decode. {NULL, 0} without memory. */
static weir_view decode_token(arena *a, weir_view token)
{
    if (!token.len || !memchr(token.ptr, '~', token.len))
        return token;
    char *out = arena_alloc(a, token.len);
    if (!out)
        return (weir_view){NULL, 0};
    size_t n = 0;
    for (size_t i = 0; i < token.len; i++)
        out[n++] = token.ptr[i] != '~' ? token.ptr[i] : token.ptr[++i] == '0' ? '~' : '/';
    return (weir_view){out, n};
}

bool pointer_split(arena *a, weir_view pointer, weir_view **ret_tokens, size_t *ret_count)
{
    if (!pointer_valid(pointer))
        return false;
    size_t count = 0;
    for (size_t i = 0; i < pointer.len; i++)
        count += pointer.ptr[i] == '/';
    weir_view *tokens = arena_array(a, count, sizeof *tokens);
    for (size_t i = 0; tokens && i < count; i++)
        tokens[i] = arena_dup(a, decode_token(a, take_token(&pointer)));
    if (a->failed)
        return false;
    *ret_tokens = tokens;
    *ret_count = count;
    return true;
}

bool pointer_list(arena *a, weir_view json_array, weir_view **ret_texts, size_t *ret_count)
{
    size_t count = 0, i = 0;
    json_scan s = json_scan_of(json_array);
    if (!json_enter(&s, '['))
        return false;
    while (json_item(&s))
        count += json_string(&s, NULL, NULL);
    if (!json_done(&s))
        return false;
    weir_view *texts = arena_array(a, count, sizeof *texts);
    s = json_scan_of(json_array);
    json_enter(&s, '[');
    while (texts && json_item(&s)) {
        weir_view span;
        json_skip(&s, &span);
        texts[i++] = json_decode(a, span);
    }
    if (a->failed)
        return false;
    *ret_texts = texts;
    *ret_count = count;
    return true;
}

bool pointer_index(weir_view token, size_t *ret_index)
{
    size_t index = 0;
    if (!token.len || (token.len > 1 && token.ptr[0] == '0'))
        return false;
    for (size_t i = 0; i < token.len; i++) {
        unsigned digit = (unsigned char)token.ptr[i] - '0';
        if (digit > 9 || index > (SIZE_MAX - digit) / 10)
            return false;
        index = index * 10 + digit;
    }
    *ret_index = index;
    return true;
}

/* The value of the last member of that name: where names repeat, the last one wins. */
static weir_view find_member(json_scan *s, weir_view name)
{
    weir_view found = {NULL, 0}, span;
    json_key key;
    json_enter(s, '{');
    while (json_member(s, &key))
        if (json_skip(s, &span) && json_key_is(key, name))
            found = span;
    return found;
}

static weir_view find_item(json_scan *s, weir_view token)
{
    weir_view found = {NULL, 0}, span;
    size_t index = 0, i = 0;
    bool any = pointer_index(token, &index);
    json_enter(s, '[');
    while (json_item(s))
        if (json_skip(s, &span) && any && i++ == index)
            found = span;
    return found;
}

/* One step down from the value that `text` is; empty if there is nothing, or anything is malformed. */
static weir_view find_child(weir_view text, weir_view token)
{
    json_scan s = json_scan_of(text);
    char c = json_peek(&s);
    weir_view found = c == '{' ? find_member(&s, token) : c == '[' ? find_item(&s, token) : (weir_view){NULL, 0};
    return json_done(&s) ? found : (weir_view){NULL, 0};
}

weir_view pointer_find(weir_view json, weir_view pointer)
{
    const weir_view none = {NULL, 0};
    json_scan s = json_scan_of(json);
    if (!pointer_valid(pointer))
        return none;
    if (!pointer.len)
        return json_skip(&s, &json) && json_done(&s) ? json : none;
    arena a = {0};
    while (json.len && pointer.len) {
        weir_view token = decode_token(&a, take_token(&pointer));
        json = a.failed ? none : find_child(json, token);
    }
    arena_free(&a);
    return json.len ? json : none;
}
