/* settings.h - the settings that every tap or target has beside its connector's own (singer.md 4, built-in settings), as far as they are supported: what is
 * in these tables is what --about lists.
 */
#ifndef WEIR_SINGER_SETTINGS_H
#define WEIR_SINGER_SETTINGS_H

#include "model/fields.h"

/** `batch_config` (singer.md 1, BATCH). storage.root NULL: records go over the pipe. */
typedef struct singer_batch {
    struct {
        const char *format, *compression;
    } encoding;
    struct {
        const char *root, *prefix;
        weir_view params;
    } storage;
    int64_t size;
} singer_batch;

typedef struct singer_tap_settings {
    weir_view stream_maps;
    bool emit_activate_version_messages;
    singer_batch batch_config;
} singer_tap_settings;

typedef struct singer_target_settings {
    bool add_record_metadata;
    const char *load_method; /* append-only, upsert, overwrite */
    int64_t batch_size_rows;
    bool validate_records;
    bool process_activate_version_messages;
    bool hard_delete;
    const char *default_target_schema; /* NULL: none */
} singer_target_settings;

/** One side: its table, its words for --about, and what is known but not done. */
typedef struct singer_side {
    const weir_field *fields;
    const char *const *capabilities; /* ended by NULL */
    const struct singer_refusal {
        const char *name, *why;
    } *refused; /* settings that ask for something else than nothing are an error with this reason; ended by a row without a name */
} singer_side;

extern const singer_side singer_tap_side, singer_target_side;

#endif
