/* yaml.h - YAML (and so JSON) files as value trees, with marks. YAML 1.2 core schema for plain scalars (`no` is a string); numbers become
 * JSON number text (0o7, 0x1f, .5, +1 normalised; .inf and .nan are errors); duplicate keys, other tags, non-string keys that are not scalars,
 * and expanding aliases beyond 100,000 nodes or depth 128 are errors. */
#ifndef WEIR_PLANE_YAML_H
#define WEIR_PLANE_YAML_H

#include "json/tree.h"

/** Parses one document. `file` is for marks and must outlive the tree. */
weir_rc yaml_parse(arena *a, weir_view text, const char *file, tree **ret, err *e);
/** Reads and parses a file (YAML or JSON). */
weir_rc yaml_read(arena *a, const char *path, tree **ret, err *e);
/** Appends a tree as YAML, two spaces a level, strings quoted only where they must be: what `weir discover` writes. */
void yaml_write(buf *out, const tree *t);
/** Appends "FILE:LINE:COLUMN: message" with the line and a caret below it, for terminals, if the file can be read. */
void yaml_show(buf *out, tree_mark mark);

#endif
