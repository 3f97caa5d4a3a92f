/* yaml.h - YAML (and so JSON) files as value trees, with marks.
 *
 * YAML 1.2 core schema for plain scalars (`no` is a string); numbers become JSON number text (0o7, 0x1f, .5, +1 normalised; .inf
 * and .nan are errors). Keys must be scalars and are taken as they are written. The merge key `<<` is understood. Duplicate keys,
 * tags beyond those of the core schema and a second document are errors. Hostile input meets limits: depth 128, 2 million values,
 * and aliases that stand for more than 100,000 values or 64 MiB of text. An alias shares the children of its anchor: never change
 * a tree in place.
 *
 * Text that is strict JSON is read by the JSON parser and has what comes with it (`raw`, surrogate pairs, any depth up to
 * JSON_DEPTH).
 */
#ifndef WEIR_PLANE_YAML_H
#define WEIR_PLANE_YAML_H

#include "json/tree.h"

enum { YAML_FILE_MAX = 64 << 20 }; /* larger files are refused */

/** Parses one document; an empty one is null. Errors are WEIR_E_CONFIG: "FILE:LINE:COLUMN: what". `file` is for marks and must
 *  outlive the tree; the text need not. */
weir_rc yaml_parse(arena *a, weir_view text, const char *file, tree **ret, err *e);
/** Reads and parses a file (YAML or JSON). */
weir_rc yaml_read(arena *a, const char *path, tree **ret, err *e);

/** Appends a tree as YAML, two spaces a level, strings quoted only where they must be (by YAML 1.1 readers too), short leaves on
 *  one line: what `weir discover` writes. Ends with a newline. */
void yaml_write(buf *out, const tree *t);
/** The same without the first line's indentation, every further line indented by `indent`, no newline at the end: to put a value
 *  into a file that is there. The first line suits a place behind "- " at column `indent` - 2. */
void yaml_write_at(buf *out, const tree *t, size_t indent);

/** Appends the marked line of its file and a caret below the marked place, two lines, if the file can be read; otherwise nothing.
 *  The line may hold a secret: send it through log_masked(). */
void yaml_show(buf *out, tree_mark mark);

#endif
