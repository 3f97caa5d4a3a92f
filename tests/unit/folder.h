/* folder.h - a temporary folder for a test, removed behind it. */
#ifndef TEST_PLANE_FOLDER_H
#define TEST_PLANE_FOLDER_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

static inline int remove_entry(const char *path, const struct stat *st, int flag, struct FTW *f)
{
    (void)st;
    (void)flag;
    (void)f;
    return remove(path);
}

static inline void folder_remove(char *path)
{
    nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    free(path);
}

static inline char *folder_make(void)
{
    const char *tmp = getenv("TMPDIR");
    char *path = NULL;
    if (asprintf(&path, "%s/weir-test-XXXXXX", tmp ? tmp : "/tmp") < 0 || !mkdtemp(path))
        abort();
    return path;
}

#endif
