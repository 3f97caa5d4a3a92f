/* The plug-in that reads and writes Parquet, and files that are in memory only. */
#include "proto/fivetran/parquet.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define PLUGIN "materialize-duckdb.so"

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

/* Lazily: what the plug-in's connector needs of the library is not in every program, and the functions for Parquet need none of it. It stays loaded. */
static weir_rc load(const char *path, const weir_parquet **ret, err *e)
{
    weir_parquet_functions *functions;
    void *library = dlopen(path, RTLD_LAZY | RTLD_LOCAL | RTLD_NODELETE), *symbol = library ? dlsym(library, "weir_duckdb_parquet") : NULL;
    if (!symbol)
        return err_fail(e, WEIR_E_CONFIG, "%s", dlerror());
    memcpy(&functions, &symbol, sizeof functions);
    *ret = functions();
    return (*ret)->abi == WEIR_PARQUET_ABI ? WEIR_OK : err_fail(e, WEIR_E_CONFIG, "%s is of another version", path);
}

weir_rc ft_parquet_load(const weir_parquet **ret, err *e)
{
    arena a = {0};
    const char *path = find(&a);
    weir_rc rc = path       ? load(path, ret, e)
                 : a.failed ? err_nomem(e)
                            : err_fail(e, WEIR_E_CONFIG, PLUGIN " is not in $WEIR_PLUGINS, nor where this program is installed");
    arena_free(&a);
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
