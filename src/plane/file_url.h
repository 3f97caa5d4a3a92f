/* file_url.h - files as URLs, which connectors know them by (flow.md 4.1), and the folder that is a project. */
#ifndef WEIR_PLANE_FILE_URL_H
#define WEIR_PLANE_FILE_URL_H

#include "base/arena.h"

/** "file:///data/my%20sums/add.sql" of a path, relative ones from the current folder; the file need not be there. NULL without memory. */
const char *file_url(arena *a, const char *path);
/** The path of such a URL; NULL: it is none, or without memory. */
const char *file_url_path(arena *a, weir_view url);
/** The folder of a catalog file: its own, or the outermost of those above it, one by one, that hold a flow.yaml, flow.yml or flow.json, too. Of standard input ("-") the
 *  current one. "/" is "". NULL without memory. */
const char *file_project(arena *a, const char *catalog);

#endif
