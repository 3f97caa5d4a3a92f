/* SQL of derivations: a block has the statements that SQLite's own test of completeness finds, a field's parameter is one to SQLite
 * and leads back to the field, and any JSON value can be bound.
 *
 * Input: a line with the name of a field, a line with a JSON value, then the block.
 */
#include <sqlite3.h>

#include "block.h"
#include "bound.h"
#include "fuzz.h"
#include "param.h"

/* The next statement as flow.md 4.5 has it: up to the first semicolon with which the text is complete. NULL: there is none. */
static const char *plain_end(char *at)
{
    for (char *semicolon = strchr(at, ';'); semicolon; semicolon = strchr(semicolon + 1, ';')) {
        char had = semicolon[1];
        semicolon[1] = '\0';
        bool complete = sqlite3_complete(at) != 0;
        semicolon[1] = had;
        if (complete)
            return semicolon + 1;
    }
    return NULL;
}

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static const char *first_of(const char *at)
{
    while (is_blank(*at))
        at++;
    return at;
}

static void split(weir_view sql)
{
    dsql_block b;
    dsql_statement s = {.line = 0};
    dsql_error e = {WEIR_OK, NULL};
    if (dsql_block_open(&b, sql, &e)) {
        MUST(e.rc == WEIR_E_CONFIG && memchr(sql.ptr, '\0', sql.len));
        dsql_error_free(&e);
        return;
    }
    char *copy = strndup(sql.len ? sql.ptr : "", sql.len);
    const char *at = copy, *end;
    weir_rc rc;
    while (!(rc = dsql_block_next(&b, &s, &e)) && s.sql.len) {
        do {
            end = plain_end((char *)at);
            MUST(end);
            at = first_of(at);
            if (end == at + 1)
                at = end;
        } while (at == end);
        MUST(s.sql.len == (size_t)(end - at) && memcmp(s.sql.ptr, at, s.sql.len) == 0);
        MUST(s.line == dsql_line((weir_view){copy, sql.len}, (size_t)(at - copy), 1));
        at = end;
    }
    while ((end = plain_end((char *)at))) {
        MUST(first_of(at) + 1 == end);
        at = end;
    }
    MUST(!rc == !*first_of(at));
    dsql_error_free(&e);
    dsql_block_close(&b);
    free(copy);
}

static void name(weir_view field, sqlite3 *db)
{
    if (!field.len || memchr(field.ptr, '\0', field.len) || memchr(field.ptr, ')', field.len))
        return;
    weir_column column = {.field = field};
    weir_transform t = {.columns = &column, .column_count = 1};
    dsql_error e = {WEIR_OK, NULL};
    size_t found = 1;
    char *parameter = dsql_param_name(field), *sql = sqlite3_mprintf("SELECT %s;", parameter);
    sqlite3_stmt *st = NULL;
    MUST(sqlite3_prepare_v2(db, sql, -1, &st, NULL) == SQLITE_OK);
    MUST(sqlite3_bind_parameter_count(st) == 1 && strcmp(sqlite3_bind_parameter_name(st, 1), parameter) == 0);
    MUST(dsql_param_find(&t, parameter, &found, &e) == WEIR_OK && found == 0);
    sqlite3_finalize(st);
    sqlite3_free(sql);
    sqlite3_free(parameter);
}

static void bind(weir_view json)
{
    if (weir_json_at(json, "").len != json.len || !json.len)
        return;
    for (dsql_kind kind = DSQL_PLAIN; kind <= DSQL_TRUNCATED; kind++) {
        lite_text scratch = {0};
        MUST(lite_text_reserve(&scratch, json.len + DSQL_TIME_ROOM));
        lite_value v = dsql_bound_value(kind, json, 0, &scratch);
        bool bytes = v.kind == VALUE_TEXT || v.kind == VALUE_BLOB;
        MUST(!bytes || v.bytes.len <= json.len + DSQL_TIME_ROOM);
        lite_text_free(&scratch);
    }
}

static weir_view line(weir_view *rest)
{
    const char *end = rest->len ? memchr(rest->ptr, '\n', rest->len) : NULL;
    weir_view taken = {rest->ptr, end ? (size_t)(end - rest->ptr) : rest->len};
    size_t used = taken.len + (end != NULL);
    *rest = (weir_view){rest->ptr + used, rest->len - used};
    return taken;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static sqlite3 *db;
    if (!db)
        MUST(sqlite3_open(":memory:", &db) == SQLITE_OK);
    weir_view rest = {(const char *)data, size};
    name(line(&rest), db);
    bind(line(&rest));
    split(rest);
    return 0;
}
