#include "stub.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "lite_error.h"
#include "param.h"

/* Each as it stands is a migration that works, whichever of them are missing. */
weir_rc dsql_stub_migration(weir_task *t, weir_view url, size_t index)
{
    static const char text[] =
        "-- A migration: makes or changes the tables in which the derivation keeps what it remembers.\n"
        "-- Each migration is run once, in the order of the catalog. To change a table later, add another one.\n"
        "--\n"
        "-- A lambda then uses it, and what it selects becomes documents:\n"
        "--\n"
        "-- INSERT INTO %s (id, n) VALUES ($id, 1) ON CONFLICT (id) DO UPDATE SET n = n + 1;\n"
        "-- SELECT $id, n FROM %s WHERE id = $id;\n"
        "\n"
        "CREATE TABLE %s (\n"
        "    id INTEGER PRIMARY KEY NOT NULL,\n"
        "    n  INTEGER NOT NULL DEFAULT 0\n"
        ");\n";
    char name[32] = "counts";
    if (index)
        snprintf(name, sizeof name, "counts_%zu", index + 1);
    weir_view made = weir_format(t, text, name, name, name);
    return made.ptr ? weir_generated_file(t, url, made) : lite_nomem(t);
}

/* On one line, and not as the end of a comment. */
static void comment(sqlite3_str *out, weir_view text)
{
    for (size_t i = 0; i < text.len; i++)
        sqlite3_str_append(out, (unsigned char)text.ptr[i] < ' ' ? " " : &text.ptr[i], 1);
}

static bool add_field(sqlite3_str *out, const weir_column *c, bool first)
{
    char *name = dsql_param_name(c->field);
    if (name) {
        sqlite3_str_appendf(out, "%s    -- %s%.*s", first ? "" : ",\n", c->key ? "key, at " : "at ", (int)c->pointer.len,
                            c->pointer.ptr);
        sqlite3_str_appendall(out, c->description.len ? ": " : "");
        comment(out, c->description);
        sqlite3_str_appendf(out, "\n    %s", name);
    }
    sqlite3_free(name);
    return name != NULL;
}

/* The whole document has a SELECT of its own, whether a value was cut is for destinations, and no parameter can name a field with a parenthesis that closes it. */
static bool is_worth_it(const weir_column *c)
{
    static const char cut[] = "/_meta/flow_truncated";
    bool virtual = c->pointer.len == sizeof cut - 1 && memcmp(c->pointer.ptr, cut, sizeof cut - 1) == 0;
    return c->pointer.len && !virtual && !memchr(c->field.ptr, ')', c->field.len);
}

static bool add_fields(sqlite3_str *out, const weir_transform *tr)
{
    bool ok = true, first = true;
    for (size_t i = 0; ok && i < tr->column_count; i++) {
        if (!is_worth_it(&tr->columns[i]))
            continue;
        ok = add_field(out, &tr->columns[i], first);
        first = false;
    }
    sqlite3_str_appendall(out, first ? "    NULL" : "");
    return ok;
}

static bool add_whole(sqlite3_str *out, const weir_transform *tr)
{
    for (size_t i = 0; i < tr->column_count; i++) {
        if (tr->columns[i].pointer.len)
            continue;
        char *name = dsql_param_name(tr->columns[i].field);
        if (name)
            sqlite3_str_appendf(out, "\n-- Publishes every document as it is. A WHERE chooses some of them.\nSELECT JSON(%s);\n",
                                name);
        sqlite3_free(name);
        return name != NULL;
    }
    return true;
}

weir_rc dsql_stub_lambda(weir_task *t, const weir_transform *tr, weir_view url)
{
    sqlite3_str *out = sqlite3_str_new(NULL);
    sqlite3_str_appendf(out, "-- SQL that runs for each document of %.*s. Rows that it selects are published as documents.\n",
                        (int)tr->collection.len, tr->collection.ptr);
    bool ok = add_whole(out, tr);
    sqlite3_str_appendall(
        out, "\n-- Every field there is; AS gives it another name. Take out WHERE FALSE to have it published.\nSELECT\n");
    ok = ok && add_fields(out, tr);
    sqlite3_str_appendall(out, "\nWHERE FALSE;\n");
    int len = sqlite3_str_length(out);
    char *text = sqlite3_str_finish(out);
    weir_rc rc = ok && text ? weir_generated_file(t, url, (weir_view){text, (size_t)len}) : lite_nomem(t);
    sqlite3_free(text);
    return rc;
}
