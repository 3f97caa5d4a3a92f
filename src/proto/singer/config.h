/* config.h - the settings of a tap or target: files merged shallowly, left to right, and the environment (singer.md 4). */
#ifndef WEIR_SINGER_CONFIG_H
#define WEIR_SINGER_CONFIG_H

#include "proto/singer/args.h"
#include "proto/singer/settings.h"

typedef struct singer_config {
    tree *own;        /* the connector's settings: an object */
    tree *settings;   /* those of singer_side: an object */
    const char *path; /* the only file they come from; NULL: none, or not only */
} singer_config;

/** Reads them. Members keep the marks of the file they stand in; those from the environment are marked with the variable's name.
 *  @param name of the tap or target: variables are called NAME_SETTING in capitals, `-` being `_`
 *  @param schema of the connector's own settings, a JSON object */
weir_rc singer_config_read(singer_config *ret, arena *a, const singer_args *args, const char *name, const tree *schema, const singer_side *side, err *e);
/** Fills the struct of a side; all problems in one error. What is known but not supported is refused with its reason. */
weir_rc singer_settings_parse(const singer_side *side, const tree *settings, void *out, arena *a, err *e);
/** Reads a file as one JSON value; `-` is standard input. The text lives in the arena. */
weir_rc singer_read_json(arena *a, const char *path, tree **ret, err *e);
/** The name of the variable that holds a setting. */
void singer_variable(const char *name, weir_view setting, buf *out);

#endif
