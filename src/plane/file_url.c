#include "plane/file_url.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"

/* What a URL's path may hold as it is (RFC 3986, 3.3), but for what SQL ends with. */
static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c && strchr("/-._~!$&'()*+,=:@", c));
}

static const char *encoded(arena *a, const char *path)
{
    buf url = {0};
    buf_adds(&url, "file://");
    for (const char *c = path; *c; c++)
        if (is_plain(*c))
            buf_addc(&url, *c);
        else
            buf_printf(&url, "%%%02X", (unsigned)(unsigned char)*c);
    const char *kept = buf_ok(&url) ? arena_text(a, buf_view(&url)) : NULL;
    buf_free(&url);
    return kept;
}

/* Absolute and without links, as far as the folder is there. */
static const char *absolute(arena *a, const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    const char *folder = slash == path ? "/" : slash ? arena_text(a, (weir_view){path, (size_t)(slash - path)}) : ".";
    char real[PATH_MAX];
    if (folder && realpath(folder, real))
        return arena_printf(a, "%s/%s", strcmp(real, "/") == 0 ? "" : real, name).ptr;
    return path[0] == '/' || !getcwd(real, sizeof real) ? path : arena_printf(a, "%s/%s", real, path).ptr;
}

const char *file_url(arena *a, const char *path)
{
    const char *whole = absolute(a, path);
    return whole ? encoded(a, whole) : NULL;
}

const char *file_url_path(arena *a, weir_view url)
{
    buf path = {0};
    if (!view_starts(url, VIEW("file:///")))
        return NULL;
    for (size_t i = strlen("file://"); i < url.len; i++) {
        bool escape = url.ptr[i] == '%' && i + 2 < url.len && hex_digit(url.ptr[i + 1]) >= 0 && hex_digit(url.ptr[i + 2]) >= 0;
        buf_addc(&path, escape ? (char)(hex_digit(url.ptr[i + 1]) << 4 | hex_digit(url.ptr[i + 2])) : url.ptr[i]);
        i += escape ? 2 : 0;
    }
    bool ok = buf_ok(&path) && !memchr(path.ptr, '\0', path.len);
    const char *kept = ok ? arena_text(a, buf_view(&path)) : NULL;
    buf_free(&path);
    return kept;
}

static bool holds_catalog(arena *a, const char *folder)
{
    static const char *const names[] = {"flow.yaml", "flow.yml", "flow.json"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *path = arena_printf(a, "%s/%s", folder, names[i]).ptr;
        if (path && access(path, F_OK) == 0)
            return true;
    }
    return false;
}

/* "/" is "", so that a slash follows. */
static const char *parent_of(arena *a, const char *folder)
{
    const char *slash = strrchr(folder, '/');
    return slash ? arena_text(a, (weir_view){folder, (size_t)(slash - folder)}) : NULL;
}

const char *file_project(arena *a, const char *catalog)
{
    char here[PATH_MAX];
    if (strcmp(catalog, "-") == 0)
        return getcwd(here, sizeof here) ? arena_text(a, view_of(here)) : NULL;
    const char *whole = absolute(a, catalog), *folder = whole ? parent_of(a, whole) : NULL;
    for (const char *up = folder ? parent_of(a, folder) : NULL; up && holds_catalog(a, up); up = parent_of(a, up))
        folder = up;
    return folder;
}
