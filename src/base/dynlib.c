#include "base/dynlib.h"

#include <dlfcn.h>

/* What the dynamic linker says begins with the file's name as we gave it, or as it found it; that is said already. */
static const char *reason(const char *file)
{
    const char *text = dlerror();
    if (!text)
        return "unknown reason";
    size_t len = strlen(file);
    return strncmp(text, file, len) == 0 && strncmp(text + len, ": ", 2) == 0 ? text + len + 2 : text;
}

weir_rc dynlib_load(const dynlib *l, void *table, err *e)
{
    void *library = dlopen(l->file, RTLD_LAZY | RTLD_LOCAL | RTLD_NODELETE);
    if (!library)
        return err_fail(e, WEIR_E_CONFIG, "%s is not installed: %s: %s (Debian: %s)", l->what, l->file, reason(l->file), l->package);
    for (size_t i = 0; i < l->count; i++) {
        void *function = dlsym(library, l->functions[i].name); /* also searches what the library itself needs */
        if (!function)
            return err_fail(e, WEIR_E_CONFIG, "%s: %s has no '%s': it is not the version of Debian's package %s", l->what, l->file, l->functions[i].name, l->package);
        memcpy((char *)table + l->functions[i].offset, &function, sizeof function);
    }
    return WEIR_OK;
}
