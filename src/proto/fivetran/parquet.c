/* The plug-in that reads and writes Parquet, and files that are in memory only. */
#include "proto/fivetran/parquet.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/dynlib.h"

#define PLUGIN "materialize-duckdb.so"

typedef struct plugin {
    weir_parquet_functions *weir_duckdb_parquet;
} plugin;

static const dynlib_function functions[] = {{"weir_duckdb_parquet", offsetof(plugin, weir_duckdb_parquet)}};

/* The folder that this program is in. */
static weir_view own_folder(char *out, size_t room)
{
    ssize_t n = readlink("/proc/self/exe", out, room - 1);
    out[n > 0 ? n : 0] = '\0';
    char *slash = strrchr(out, '/');
    return (weir_view){out, slash ? (size_t)(slash - out) : 0};
}

/* Where connectors/plugins.c looks for it, too: $WEIR_PLUGINS, beside a build folder's programs, and those of an installation. @return NULL: nowhere */
static const char *find(arena *a)
{
    static const char *const folders[] = {"../lib", "../" WEIR_LIBDIR "/weir"};
    char own[4096];
    const char *given = getenv("WEIR_PLUGINS"), *path = given && *given ? arena_printf(a, "%s/" PLUGIN, given).ptr : NULL;
    weir_view base = own_folder(own, sizeof own);
    for (size_t i = 0; !(path && access(path, F_OK) == 0) && i < sizeof folders / sizeof *folders; i++)
        path = arena_printf(a, "%.*s/%s/" PLUGIN, VIEW_ARG(base), folders[i]).ptr;
    return path && access(path, F_OK) == 0 ? path : NULL;
}

weir_rc ft_parquet_load(const weir_parquet **ret, err *e)
{
    arena a = {0};
    plugin p = {0};
    weir_rc rc = WEIR_OK;
    const char *path = find(&a);
    if (!path)
        rc = a.failed ? err_nomem(e) : err_fail(e, WEIR_E_CONFIG, PLUGIN " is not in $WEIR_PLUGINS, nor where this program is installed");
    else
        rc = dynlib_load(&(dynlib){"DuckDB", path, "none: it is built with weir", functions, sizeof functions / sizeof *functions}, &p, e);
    arena_free(&a);
    if (!rc) {
        *ret = p.weir_duckdb_parquet();
        if ((*ret)->abi != WEIR_PARQUET_ABI)
            rc = err_fail(e, WEIR_E_CONFIG, PLUGIN " is of another version");
    }
    return err_wrap(e, rc, "Parquet needs the DuckDB plug-in");
}

weir_rc ft_parquet_fail(weir_rc rc, const char *why, err *e)
{
    return err_fail(e, rc, "Parquet: %s", why);
}

weir_rc ft_memory_file(int *ret_fd, char ret_path[FT_MEMORY_PATH], err *e)
{
    int fd = memfd_create("weir-batch", MFD_CLOEXEC);
    if (fd < 0)
        return err_errno(e, errno, "a file in memory");
    snprintf(ret_path, FT_MEMORY_PATH, "/proc/self/fd/%d", fd);
    *ret_fd = fd;
    return WEIR_OK;
}
