#include "proto/singer/settings.h"

#define LIST(...) (const char *const[]){__VA_ARGS__, NULL}

static const weir_field encoding[] = {
    {.name = "format", .type = WEIR_TEXT, .offset = offsetof(singer_batch, encoding.format) - offsetof(singer_batch, encoding), .fallback = "jsonl",
     .choices = LIST("jsonl"), .help = "Format of the batch files."},
    {.name = "compression", .type = WEIR_TEXT, .offset = offsetof(singer_batch, encoding.compression) - offsetof(singer_batch, encoding),
     .flags = WEIR_OPTIONAL, .choices = LIST("gzip", "zstd", "none"), .help = "Compression of the batch files."},
    {0},
};

static const weir_field storage[] = {
    {.name = "root", .type = WEIR_TEXT, .offset = offsetof(singer_batch, storage.root) - offsetof(singer_batch, storage),
     .help = "The folder of the batch files, as a file:// URL."},
    {.name = "prefix", .type = WEIR_TEXT, .offset = offsetof(singer_batch, storage.prefix) - offsetof(singer_batch, storage), .fallback = "",
     .help = "What the names of batch files begin with."},
    {.name = "params", .type = WEIR_JSON, .offset = offsetof(singer_batch, storage.params) - offsetof(singer_batch, storage), .flags = WEIR_OPTIONAL,
     .help = "Settings of the storage; files need none."},
    {0},
};

static const weir_field batch_config[] = {
    {.name = "encoding", .type = WEIR_OBJECT, .offset = offsetof(singer_batch, encoding), .fields = encoding, .help = "How records are written."},
    {.name = "storage", .type = WEIR_OBJECT, .offset = offsetof(singer_batch, storage), .fields = storage, .help = "Where batch files are put."},
    {.name = "batch_size", .type = WEIR_INT, .offset = offsetof(singer_batch, size), .fallback = "10000", .min = 1, .max = INT64_MAX,
     .help = "How many records a batch file holds at most."},
    {0},
};

static const weir_field tap_fields[] = {
    {.name = "stream_maps", .type = WEIR_JSON, .offset = offsetof(singer_tap_settings, stream_maps), .flags = WEIR_OPTIONAL,
     .help = "An object: null for a stream leaves it out; for a field of a stream null leaves that out, __alias__ renames the stream, __else__ null "
             "leaves out fields that are not listed, __key_properties__ names its key. Expressions are not supported."},
    {.name = "emit_activate_version_messages", .type = WEIR_BOOL, .offset = offsetof(singer_tap_settings, emit_activate_version_messages),
     .fallback = "false", .help = "Number the versions of streams that are read whole, and say when a version is complete, so that targets remove the rows "
                                  "of former ones."},
    {.name = "batch_config", .type = WEIR_OBJECT, .offset = offsetof(singer_tap_settings, batch_config), .flags = WEIR_OPTIONAL, .fields = batch_config,
     .help = "Write records into files and send only their names."},
    {0},
};

#define NO_EXPRESSIONS "expressions of stream_maps are not supported, so nothing would use it: remove it"
#define NO_FLATTENING "flattening is not supported here: let the target do it, or remove it"

const singer_side singer_tap_side = {
    .fields = tap_fields,
    .capabilities = LIST("catalog", "discover", "state", "about", "test", "activate-version", "stream-maps", "batch", "structured-logging"),
    .refused = (const struct singer_refusal[]){
        {"stream_map_config", NO_EXPRESSIONS},     {"faker_config", NO_EXPRESSIONS},       {"flattening_enabled", NO_FLATTENING},
        {"flattening_max_depth", NO_FLATTENING},   {"flattening_separator", NO_FLATTENING}, {"flattening_max_key_length", NO_FLATTENING}, {0},
    },
};

static const weir_field target_fields[] = {
    {.name = "add_record_metadata", .type = WEIR_BOOL, .offset = offsetof(singer_target_settings, add_record_metadata), .fallback = "false",
     .help = "Store the _sdc_ columns: when a record was extracted, received, loaded and deleted, and in which order."},
    {.name = "load_method", .type = WEIR_TEXT, .offset = offsetof(singer_target_settings, load_method), .fallback = "upsert",
     .choices = LIST("append-only", "upsert", "overwrite"),
     .help = "append-only: each record is a row; upsert: a record replaces the row with its key, if the stream has one; overwrite: upsert, and the "
             "first record of a run empties the table."},
    {.name = "batch_size_rows", .type = WEIR_INT, .offset = offsetof(singer_target_settings, batch_size_rows), .fallback = "10000", .min = 1, .max = INT64_MAX,
     .help = "How many rows a batch holds at most."},
    {.name = "validate_records", .type = WEIR_BOOL, .offset = offsetof(singer_target_settings, validate_records), .fallback = "true",
     .help = "Records without their key are refused, always; full validation against the schema comes with a later version."},
    {.name = "process_activate_version_messages", .type = WEIR_BOOL, .offset = offsetof(singer_target_settings, process_activate_version_messages),
     .fallback = "true", .help = "Remove rows of former versions when a tap says that a new one is complete."},
    {.name = "hard_delete", .type = WEIR_BOOL, .offset = offsetof(singer_target_settings, hard_delete), .fallback = "false",
     .help = "Remove deleted rows; otherwise they are marked in _sdc_deleted_at."},
    {.name = "default_target_schema", .type = WEIR_TEXT, .offset = offsetof(singer_target_settings, default_target_schema), .flags = WEIR_OPTIONAL,
     .help = "The schema of tables whose stream does not name one."},
    {0},
};

const singer_side singer_target_side = {
    .fields = target_fields,
    .capabilities = LIST("about", "batch", "activate-version", "hard-delete", "soft-delete", "target-schema", "validate-records", "structured-logging"),
    .refused = (const struct singer_refusal[]){
        {"stream_maps", "stream maps are not supported by this target: use the tap's, or remove it"},
        {"stream_map_config", NO_EXPRESSIONS},
        {"faker_config", NO_EXPRESSIONS},
        {"flattening_enabled", "flattening is not supported by this target: nested objects are stored as JSON"},
        {"flattening_max_depth", "flattening is not supported by this target: nested objects are stored as JSON"},
        {0},
    },
};
