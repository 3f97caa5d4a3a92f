/* duckdb-sql FILE SQL... - runs SQL in a DuckDB database, on one thread, with the library that the plug-in has; prints the first value of the last result. For bin/bench. */
#include <duckdb.h>
#include <stdio.h>

static int failed(const char *words)
{
    fprintf(stderr, "%s\n", words ? words : "DuckDB fails");
    return 1;
}

int main(int argc, char **argv)
{
    duckdb_database d;
    duckdb_connection c;
    duckdb_result r;
    if (argc < 3 || duckdb_open(argv[1], &d) == DuckDBError || duckdb_connect(d, &c) == DuckDBError)
        return failed("usage: duckdb-sql FILE SQL...");
    duckdb_query(c, "SET threads = 1; SET TimeZone = 'UTC'", NULL);
    for (int i = 2; i < argc; i++) {
        if (duckdb_query(c, argv[i], &r) == DuckDBError)
            return failed(duckdb_result_error(&r));
        char *text = i == argc - 1 && duckdb_row_count(&r) ? duckdb_value_varchar(&r, 0, 0) : NULL;
        if (text)
            puts(text);
        duckdb_free(text);
        duckdb_destroy_result(&r);
    }
    duckdb_disconnect(&c);
    duckdb_close(&d);
    return 0;
}
