/* Messages of captures (flow.md 3.1, 3.2, 3.4, 6.1), materializations (flow.md 5.1, 5.2, 5.4, 5.7) and derivations (flow.md 4.1, 4.2, 4.4). Parts that only the platform reads (shard
 * templates, journal specs) are left out: unknown tags are skipped coming in, and we never send them. */
#include "proto/flow/messages.h"

#define F(field, number, kind) {.name = (field), .tag = (number), .type = (kind)}
#define MESSAGE(m) .type = PB_T_MESSAGE, .message = &(m)
#define MESSAGES(m) MESSAGE(m), .repeated = true
#define MAP(entry) .type = PB_T_MAP, .message = &(entry)

static const pb_enum connector_types[] = {{"INVALID", 0}, {"IMAGE", 7}, {"LOCAL", 8}, {0}};
static const pb_enum exists_values[] = {{"INVALID", 0}, {"MUST", 1}, {"MAY", 2}, {"IMPLICIT", 3}, {"CANNOT", 4}, {0}};

/* ---- shared types ---- */

static const pb_message inference_string = {"Inference.String", (const pb_def[]){
    F("contentType", 3, PB_T_TEXT), F("format", 4, PB_T_TEXT), F("maxLength", 6, PB_T_U32), F("contentEncoding", 7, PB_T_TEXT), {0}}};

static const pb_message inference_numeric = {"Inference.Numeric", (const pb_def[]){
    F("hasMinimum", 1, PB_T_BOOL), F("minimum", 2, PB_T_DOUBLE), F("hasMaximum", 3, PB_T_BOOL), F("maximum", 4, PB_T_DOUBLE), {0}}};

static const pb_message inference_array = {"Inference.Array", (const pb_def[]){
    F("minItems", 1, PB_T_U32), F("hasMaxItems", 2, PB_T_BOOL), F("maxItems", 3, PB_T_U32), {"itemTypes", 4, PB_T_TEXT, .repeated = true}, {0}}};

static const pb_enum reduce_values[] = {
    {"REDUCE_UNSET", 0}, {"REDUCE_MULTIPLE", 1}, {"REDUCE_APPEND", 2}, {"REDUCE_FIRST_WRITE_WINS", 3}, {"REDUCE_LAST_WRITE_WINS", 4}, {"REDUCE_MAXIMIZE", 5},
    {"REDUCE_MERGE", 6}, {"REDUCE_MINIMIZE", 7}, {"REDUCE_SET", 8}, {"REDUCE_SUM", 9}, {"REDUCE_JSON_SCHEMA_MERGE", 10}, {0}};
static const pb_enum redact_values[] = {{"REDACT_UNSET", 0}, {"REDACT_MULTIPLE", 1}, {"REDACT_BLOCK", 2}, {"REDACT_SHA256", 3}, {0}};

static const pb_message inference = {"Inference", (const pb_def[]){
    {"types", 1, PB_T_TEXT, .repeated = true},
    {"string", 3, MESSAGE(inference_string)},
    F("title", 4, PB_T_TEXT),
    F("description", 5, PB_T_TEXT),
    F("default", 6, PB_T_JSON),
    F("secret", 7, PB_T_BOOL),
    {"exists", 8, PB_T_ENUM, .values = exists_values},
    {"numeric", 9, MESSAGE(inference_numeric)},
    {"array", 10, MESSAGE(inference_array)},
    {"enum", 11, PB_T_JSON, .repeated = true},
    {"reduce", 12, PB_T_ENUM, .values = reduce_values},
    {"redact", 13, PB_T_ENUM, .values = redact_values},
    F("contentMediaType", 14, PB_T_TEXT),
    {0}}};

static const pb_message projection = {"Projection", (const pb_def[]){
    F("ptr", 1, PB_T_TEXT), F("field", 2, PB_T_TEXT), F("explicit", 3, PB_T_BOOL), F("isPartitionKey", 4, PB_T_BOOL),
    F("isPrimaryKey", 5, PB_T_BOOL), {"inference", 6, MESSAGE(inference)}, {0}}};

static const pb_message collection_spec = {"CollectionSpec", (const pb_def[]){
    F("name", 1, PB_T_TEXT),
    {"key", 3, PB_T_TEXT, .repeated = true},
    F("uuidPtr", 4, PB_T_TEXT),
    {"partitionFields", 5, PB_T_TEXT, .repeated = true},
    {"projections", 6, MESSAGES(projection)},
    F("ackTemplate", 7, PB_T_JSON),
    F("writeSchema", 8, PB_T_JSON),
    F("readSchema", 11, PB_T_JSON),
    {0}}};

static const pb_message network_port = {"NetworkPort", (const pb_def[]){
    F("number", 1, PB_T_U32), F("protocol", 2, PB_T_TEXT), F("public", 3, PB_T_BOOL), {0}}};

static const pb_message range_spec = {"RangeSpec", (const pb_def[]){
    F("keyBegin", 2, PB_T_FIXED32), F("keyEnd", 3, PB_T_FIXED32), F("rClockBegin", 4, PB_T_FIXED32), F("rClockEnd", 5, PB_T_FIXED32), {0}}};

static const pb_message connector_state = {"ConnectorState", (const pb_def[]){
    F("updated", 1, PB_T_JSON), F("mergePatch", 2, PB_T_BOOL), {0}}};

static const pb_message oauth2 = {"OAuth2", (const pb_def[]){
    F("provider", 1, PB_T_TEXT), F("authUrlTemplate", 2, PB_T_TEXT), F("accessTokenUrlTemplate", 3, PB_T_TEXT),
    F("accessTokenBody", 4, PB_T_TEXT), F("accessTokenHeaders", 5, PB_T_JSON_MAP), F("accessTokenResponseMap", 6, PB_T_JSON_MAP),
    F("refreshTokenUrlTemplate", 7, PB_T_TEXT), F("refreshTokenBody", 8, PB_T_TEXT), F("refreshTokenHeaders", 9, PB_T_JSON_MAP),
    F("refreshTokenResponseMap", 10, PB_T_JSON_MAP), F("accessTokenMethod", 11, PB_T_TEXT), F("refreshTokenMethod", 12, PB_T_TEXT), {0}}};

/* ---- the task ---- */

static const pb_message capture_binding = {"CaptureSpec.Binding", (const pb_def[]){
    F("resourceConfig", 1, PB_T_JSON), {"resourcePath", 2, PB_T_TEXT, .repeated = true}, {"collection", 3, MESSAGE(collection_spec)},
    F("backfill", 4, PB_T_U32), F("stateKey", 5, PB_T_TEXT), {0}}};

static const pb_message capture_spec = {"CaptureSpec", (const pb_def[]){
    F("name", 1, PB_T_TEXT),
    {"connectorType", 2, PB_T_ENUM, .values = connector_types},
    F("config", 3, PB_T_JSON),
    {"bindings", 4, MESSAGES(capture_binding)},
    F("intervalSeconds", 5, PB_T_U32),
    {"networkPorts", 8, MESSAGES(network_port)},
    {"inactiveBindings", 9, MESSAGES(capture_binding)},
    F("redactSalt", 10, PB_T_BASE64),
    {0}}};

/* ---- requests ---- */

static const pb_message spec_request = {"Request.Spec", (const pb_def[]){
    {"connectorType", 1, PB_T_ENUM, .values = connector_types}, F("config", 2, PB_T_JSON), {0}}};

static const pb_message discover_request = {"Request.Discover", (const pb_def[]){
    {"connectorType", 1, PB_T_ENUM, .values = connector_types}, F("config", 2, PB_T_JSON), F("name", 3, PB_T_TEXT), {0}}};

static const pb_message validate_binding = {"Request.Validate.Binding", (const pb_def[]){
    F("resourceConfig", 1, PB_T_JSON), {"collection", 2, MESSAGE(collection_spec)}, F("backfill", 3, PB_T_U32), {0}}};

static const pb_message validate_request = {"Request.Validate", (const pb_def[]){
    F("name", 1, PB_T_TEXT),
    {"connectorType", 2, PB_T_ENUM, .values = connector_types},
    F("config", 3, PB_T_JSON),
    {"bindings", 4, MESSAGES(validate_binding)},
    {"lastCapture", 5, MESSAGE(capture_spec)},
    F("lastVersion", 6, PB_T_TEXT),
    {0}}};

static const pb_message apply_request = {"Request.Apply", (const pb_def[]){
    {"capture", 1, MESSAGE(capture_spec)}, F("version", 2, PB_T_TEXT), {"lastCapture", 4, MESSAGE(capture_spec)},
    F("lastVersion", 5, PB_T_TEXT), {0}}};

static const pb_message open_request = {"Request.Open", (const pb_def[]){
    {"capture", 1, MESSAGE(capture_spec)}, F("version", 2, PB_T_TEXT), {"range", 3, MESSAGE(range_spec)}, F("state", 4, PB_T_JSON), {0}}};

static const pb_message acknowledge_request = {"Request.Acknowledge", (const pb_def[]){F("checkpoints", 1, PB_T_U32), {0}}};

const pb_message flow_request_pb = {"Request", (const pb_def[]){
    {"spec", 1, MESSAGE(spec_request)}, {"discover", 2, MESSAGE(discover_request)}, {"validate", 3, MESSAGE(validate_request)},
    {"apply", 4, MESSAGE(apply_request)}, {"open", 5, MESSAGE(open_request)}, {"acknowledge", 6, MESSAGE(acknowledge_request)}, {0}}};

/* ---- responses ---- */

static const pb_message spec_response = {"Response.Spec", (const pb_def[]){
    F("protocol", 1, PB_T_U32), F("configSchema", 2, PB_T_JSON), F("resourceConfigSchema", 3, PB_T_JSON), F("documentationUrl", 4, PB_T_TEXT),
    {"oauth2", 5, MESSAGE(oauth2)}, {"resourcePathPointers", 6, PB_T_TEXT, .repeated = true}, {0}}};

static const pb_message discovered_binding = {"Response.Discovered.Binding", (const pb_def[]){
    F("recommendedName", 1, PB_T_TEXT), F("resourceConfig", 2, PB_T_JSON), F("documentSchema", 3, PB_T_JSON),
    {"key", 4, PB_T_TEXT, .repeated = true}, F("disable", 5, PB_T_BOOL), {"resourcePath", 6, PB_T_TEXT, .repeated = true},
    F("isFallbackKey", 7, PB_T_BOOL), {0}}};

static const pb_message discovered_response = {"Response.Discovered", (const pb_def[]){{"bindings", 1, MESSAGES(discovered_binding)}, {0}}};

static const pb_message validated_binding = {"Response.Validated.Binding", (const pb_def[]){
    {"resourcePath", 1, PB_T_TEXT, .repeated = true}, {0}}};

static const pb_message validated_response = {"Response.Validated", (const pb_def[]){{"bindings", 1, MESSAGES(validated_binding)}, {0}}};

static const pb_message applied_response = {"Response.Applied", (const pb_def[]){F("actionDescription", 1, PB_T_TEXT), {0}}};

static const pb_message opened_response = {"Response.Opened", (const pb_def[]){F("explicitAcknowledgements", 1, PB_T_BOOL), {0}}};

static const pb_message captured_response = {"Response.Captured", (const pb_def[]){F("binding", 1, PB_T_U32), F("doc", 2, PB_T_JSON), {0}}};

static const pb_message checkpoint_response = {"Response.Checkpoint", (const pb_def[]){{"state", 1, MESSAGE(connector_state)}, {0}}};

static const pb_message schema_response = {"Response.SourcedSchema", (const pb_def[]){
    F("binding", 1, PB_T_U32), F("documentSchema", 2, PB_T_JSON), {0}}};

static const pb_message backfill_response = {"Response.Backfill", (const pb_def[]){F("binding", 1, PB_T_U32), {0}}};

const pb_message flow_response_pb = {"Response", (const pb_def[]){
    {"spec", 1, MESSAGE(spec_response)}, {"discovered", 2, MESSAGE(discovered_response)}, {"validated", 3, MESSAGE(validated_response)},
    {"applied", 4, MESSAGE(applied_response)}, {"opened", 5, MESSAGE(opened_response)}, {"captured", 6, MESSAGE(captured_response)},
    {"checkpoint", 7, MESSAGE(checkpoint_response)}, {"sourcedSchema", 8, MESSAGE(schema_response)},
    {"backfillBegin", 9, MESSAGE(backfill_response)}, {"backfillComplete", 10, MESSAGE(backfill_response)}, {0}}};

/* ---- materializations ---- */

static const pb_enum destination_types[] = {{"INVALID", 0}, {"SQLITE", 2}, {"IMAGE", 8}, {"LOCAL", 9}, {"DEKAF", 10}, {0}};

/* Pre-2023 numbers were one less (flow.md 5.3): nobody speaks them any more. */
static const pb_enum constraint_types[] = {
    {"INVALID", 0}, {"FIELD_REQUIRED", 1}, {"LOCATION_REQUIRED", 2}, {"LOCATION_RECOMMENDED", 3}, {"FIELD_OPTIONAL", 4},
    {"FIELD_FORBIDDEN", 5}, {"UNSATISFIABLE", 6}, {"INCOMPATIBLE", 7}, {0}};

static const pb_message field_selection = {"FieldSelection", (const pb_def[]){
    {"keys", 1, PB_T_TEXT, .repeated = true}, {"values", 2, PB_T_TEXT, .repeated = true}, F("document", 3, PB_T_TEXT),
    F("fieldConfig", 4, PB_T_JSON_MAP), {0}}};

static const pb_message ser_policy = {"SerPolicy", (const pb_def[]){
    F("strTruncateAfter", 1, PB_T_U32), F("nestedObjTruncateAfter", 2, PB_T_U32), F("arrayTruncateAfter", 3, PB_T_U32), {0}}};

static const pb_message destination_binding = {"MaterializationSpec.Binding", (const pb_def[]){
    F("resourceConfig", 1, PB_T_JSON), {"resourcePath", 2, PB_T_TEXT, .repeated = true}, {"collection", 3, MESSAGE(collection_spec)},
    {"fieldSelection", 4, MESSAGE(field_selection)}, F("deltaUpdates", 5, PB_T_BOOL), F("journalReadSuffix", 8, PB_T_TEXT),
    F("priority", 9, PB_T_U32), F("backfill", 12, PB_T_U32), F("stateKey", 13, PB_T_TEXT), {"serPolicy", 14, MESSAGE(ser_policy)}, {0}}};

static const pb_message materialization_spec = {"MaterializationSpec", (const pb_def[]){
    F("name", 1, PB_T_TEXT),
    {"connectorType", 2, PB_T_ENUM, .values = destination_types},
    F("config", 3, PB_T_JSON),
    {"bindings", 4, MESSAGES(destination_binding)},
    {"networkPorts", 7, MESSAGES(network_port)},
    {"inactiveBindings", 9, MESSAGES(destination_binding)},
    {0}}};

/* Where a runtime is in its journals: Gazette's consumer.Checkpoint. `rebuild` is the sentinel of flow.md 5.6: the highest field number there is. */
static const pb_message producer_state = {"ProducerState", (const pb_def[]){F("lastAck", 1, PB_T_FIXED64), F("begin", 2, PB_T_I64), {0}}};
static const pb_message producer = {"ProducerEntry", (const pb_def[]){F("id", 1, PB_T_BASE64), {"state", 2, MESSAGE(producer_state)}, {0}}};
static const pb_message source = {"Source", (const pb_def[]){F("readThrough", 1, PB_T_I64), {"producers", 2, MESSAGES(producer)}, {0}}};
static const pb_message source_entry = {"SourcesEntry", (const pb_def[]){F("key", 1, PB_T_TEXT), {"value", 2, MESSAGE(source)}, {0}}};
static const pb_message intent_entry = {"AckIntentsEntry", (const pb_def[]){F("key", 1, PB_T_TEXT), F("value", 2, PB_T_BASE64), {0}}};
static const pb_message runtime_checkpoint = {"Checkpoint", (const pb_def[]){
    {"sources", 1, MAP(source_entry)}, {"ackIntents", 2, MAP(intent_entry)}, F("rebuild", 0x1fffffff, PB_T_BOOL), {0}}};

static const pb_message destination_spec_request = {"Request.Spec", (const pb_def[]){
    {"connectorType", 1, PB_T_ENUM, .values = destination_types}, F("config", 2, PB_T_JSON), {0}}};

static const pb_message destination_validate_binding = {"Request.Validate.Binding", (const pb_def[]){
    F("resourceConfig", 1, PB_T_JSON), {"collection", 2, MESSAGE(collection_spec)}, F("fieldConfig", 3, PB_T_JSON_MAP), F("backfill", 4, PB_T_U32),
    {"groupBy", 5, PB_T_TEXT, .repeated = true}, {0}}};

static const pb_message destination_validate_request = {"Request.Validate", (const pb_def[]){
    F("name", 1, PB_T_TEXT),
    {"connectorType", 2, PB_T_ENUM, .values = destination_types},
    F("config", 3, PB_T_JSON),
    {"bindings", 4, MESSAGES(destination_validate_binding)},
    {"lastMaterialization", 5, MESSAGE(materialization_spec)},
    F("lastVersion", 6, PB_T_TEXT),
    {0}}};

static const pb_message destination_apply_request = {"Request.Apply", (const pb_def[]){
    {"materialization", 1, MESSAGE(materialization_spec)}, F("version", 2, PB_T_TEXT), {"lastMaterialization", 4, MESSAGE(materialization_spec)},
    F("lastVersion", 5, PB_T_TEXT), F("state", 6, PB_T_JSON), {0}}};

static const pb_message destination_open_request = {"Request.Open", (const pb_def[]){
    {"materialization", 1, MESSAGE(materialization_spec)}, F("version", 2, PB_T_TEXT), {"range", 3, MESSAGE(range_spec)}, F("state", 4, PB_T_JSON),
    {0}}};

static const pb_message load_request = {"Request.Load", (const pb_def[]){
    F("binding", 1, PB_T_U32), F("key", 2, PB_T_JSON), F("keyPacked", 3, PB_T_BASE64), {0}}};

static const pb_message store_request = {"Request.Store", (const pb_def[]){
    F("binding", 1, PB_T_U32), F("key", 2, PB_T_JSON), F("keyPacked", 3, PB_T_BASE64), F("values", 4, PB_T_JSON), F("valuesPacked", 5, PB_T_BASE64),
    F("doc", 6, PB_T_JSON), F("exists", 7, PB_T_BOOL), F("delete", 8, PB_T_BOOL), {0}}};

static const pb_message start_commit_request = {"Request.StartCommit", (const pb_def[]){{"runtimeCheckpoint", 1, MESSAGE(runtime_checkpoint)}, {0}}};

static const pb_message empty_message = {"empty", (const pb_def[]){{0}}};

const pb_message flow_materialize_request_pb = {"Request", (const pb_def[]){
    {"spec", 1, MESSAGE(destination_spec_request)}, {"validate", 2, MESSAGE(destination_validate_request)},
    {"apply", 3, MESSAGE(destination_apply_request)}, {"open", 4, MESSAGE(destination_open_request)}, {"load", 5, MESSAGE(load_request)},
    {"flush", 6, MESSAGE(empty_message)}, {"store", 7, MESSAGE(store_request)}, {"startCommit", 8, MESSAGE(start_commit_request)},
    {"acknowledge", 9, MESSAGE(empty_message)}, {0}}};

static const pb_message constraint = {"Constraint", (const pb_def[]){
    {"type", 2, PB_T_ENUM, .values = constraint_types}, F("reason", 3, PB_T_TEXT), F("foldedField", 4, PB_T_TEXT), {0}}};
static const pb_message constraint_entry = {"ConstraintsEntry", (const pb_def[]){F("key", 1, PB_T_TEXT), {"value", 2, MESSAGE(constraint)}, {0}}};

static const pb_message destination_validated_binding = {"Response.Validated.Binding", (const pb_def[]){
    {"constraints", 1, MAP(constraint_entry)}, {"resourcePath", 2, PB_T_TEXT, .repeated = true}, F("deltaUpdates", 3, PB_T_BOOL),
    {"serPolicy", 4, MESSAGE(ser_policy)}, F("caseInsensitiveFields", 5, PB_T_BOOL), {0}}};

static const pb_message destination_validated_response = {"Response.Validated", (const pb_def[]){
    {"bindings", 1, MESSAGES(destination_validated_binding)}, {0}}};

static const pb_message destination_applied_response = {"Response.Applied", (const pb_def[]){
    F("actionDescription", 1, PB_T_TEXT), {"state", 2, MESSAGE(connector_state)}, {0}}};

static const pb_message destination_opened_response = {"Response.Opened", (const pb_def[]){
    {"runtimeCheckpoint", 1, MESSAGE(runtime_checkpoint)}, F("disableLoadOptimization", 2, PB_T_BOOL), {0}}};

static const pb_message loaded_response = {"Response.Loaded", (const pb_def[]){F("binding", 1, PB_T_U32), F("doc", 2, PB_T_JSON), {0}}};

static const pb_message state_response = {"Response with state", (const pb_def[]){{"state", 1, MESSAGE(connector_state)}, {0}}};

const pb_message flow_materialize_response_pb = {"Response", (const pb_def[]){
    {"spec", 1, MESSAGE(spec_response)}, {"validated", 2, MESSAGE(destination_validated_response)},
    {"applied", 3, MESSAGE(destination_applied_response)}, {"opened", 4, MESSAGE(destination_opened_response)},
    {"loaded", 5, MESSAGE(loaded_response)}, {"flushed", 6, MESSAGE(state_response)}, {"startedCommit", 7, MESSAGE(state_response)},
    {"acknowledged", 8, MESSAGE(state_response)}, {0}}};

/* ---- derivations ---- */

static const pb_enum derivation_types[] = {{"INVALID_CONNECTOR_TYPE", 0}, {"SQLITE", 1}, {"TYPESCRIPT", 2}, {"IMAGE", 3}, {"LOCAL", 4}, {"PYTHON", 5}, {0}};
static const pb_enum shuffle_types[] = {{"INVALID_SHUFFLE_TYPE", 0}, {"BOOLEAN", 1}, {"INTEGER", 2}, {"STRING", 3}, {0}};

static const pb_message transform = {"Derivation.Transform", (const pb_def[]){
    F("name", 1, PB_T_TEXT), {"collection", 2, MESSAGE(collection_spec)}, F("priority", 4, PB_T_U32), F("readDelaySeconds", 5, PB_T_U32),
    {"shuffleKey", 6, PB_T_TEXT, .repeated = true}, F("shuffleLambdaConfig", 7, PB_T_JSON), F("lambdaConfig", 8, PB_T_JSON),
    F("readOnly", 9, PB_T_BOOL), F("journalReadSuffix", 10, PB_T_TEXT), F("backfill", 13, PB_T_U32), F("stateKey", 14, PB_T_TEXT), {0}}};

static const pb_message derivation = {"Derivation", (const pb_def[]){
    {"connectorType", 1, PB_T_ENUM, .values = derivation_types},
    F("config", 2, PB_T_JSON),
    {"transforms", 3, MESSAGES(transform)},
    {"shuffleKeyTypes", 4, PB_T_ENUM, .repeated = true, .values = shuffle_types},
    {"networkPorts", 7, MESSAGES(network_port)},
    {"inactiveTransforms", 8, MESSAGES(transform)},
    F("redactSalt", 9, PB_T_BASE64),
    {0}}};

/* A collection with its derivation, which those that stand in a task do not have (flow.md 6.1): otherwise the same. */
static const pb_message derived_collection = {"CollectionSpec", (const pb_def[]){
    F("name", 1, PB_T_TEXT),
    {"key", 3, PB_T_TEXT, .repeated = true},
    F("uuidPtr", 4, PB_T_TEXT),
    {"partitionFields", 5, PB_T_TEXT, .repeated = true},
    {"projections", 6, MESSAGES(projection)},
    F("ackTemplate", 7, PB_T_JSON),
    F("writeSchema", 8, PB_T_JSON),
    F("readSchema", 11, PB_T_JSON),
    {"derivation", 12, MESSAGE(derivation)},
    {0}}};

static const pb_message derivation_spec_request = {"Request.Spec", (const pb_def[]){
    {"connectorType", 1, PB_T_ENUM, .values = derivation_types}, F("config", 2, PB_T_JSON), {0}}};

static const pb_message derivation_validate_transform = {"Request.Validate.Transform", (const pb_def[]){
    F("name", 1, PB_T_TEXT), {"collection", 2, MESSAGE(collection_spec)}, F("shuffleLambdaConfig", 3, PB_T_JSON), F("lambdaConfig", 4, PB_T_JSON),
    F("backfill", 5, PB_T_U32), {0}}};

static const pb_message text_entry = {"TextEntry", (const pb_def[]){F("key", 1, PB_T_TEXT), F("value", 2, PB_T_TEXT), {0}}};

static const pb_message derivation_validate_request = {"Request.Validate", (const pb_def[]){
    {"connectorType", 1, PB_T_ENUM, .values = derivation_types},
    F("config", 2, PB_T_JSON),
    {"collection", 3, MESSAGE(derived_collection)},
    {"transforms", 4, MESSAGES(derivation_validate_transform)},
    {"shuffleKeyTypes", 5, PB_T_ENUM, .repeated = true, .values = shuffle_types},
    F("projectRoot", 6, PB_T_TEXT),
    {"importMap", 7, MAP(text_entry)},
    {"lastCollection", 8, MESSAGE(derived_collection)},
    F("lastVersion", 9, PB_T_TEXT),
    {0}}};

static const pb_message derivation_open_request = {"Request.Open", (const pb_def[]){
    {"collection", 1, MESSAGE(derived_collection)}, F("version", 2, PB_T_TEXT), {"range", 3, MESSAGE(range_spec)}, F("state", 5, PB_T_JSON), {0}}};

static const pb_message uuid_parts = {"UUIDParts", (const pb_def[]){F("node", 1, PB_T_FIXED64), F("clock", 2, PB_T_FIXED64), {0}}};
static const pb_message shuffle = {"Request.Read.Shuffle", (const pb_def[]){
    F("key", 1, PB_T_JSON), F("packed", 2, PB_T_BASE64), F("hash", 3, PB_T_U32), {0}}};
static const pb_message read_request = {"Request.Read", (const pb_def[]){
    F("transform", 1, PB_T_U32), {"uuid", 2, MESSAGE(uuid_parts)}, {"shuffle", 3, MESSAGE(shuffle)}, F("doc", 4, PB_T_JSON), {0}}};

const pb_message flow_derive_request_pb = {"Request", (const pb_def[]){
    {"spec", 1, MESSAGE(derivation_spec_request)}, {"validate", 2, MESSAGE(derivation_validate_request)}, {"open", 3, MESSAGE(derivation_open_request)},
    {"read", 4, MESSAGE(read_request)}, {"flush", 5, MESSAGE(empty_message)}, {"startCommit", 6, MESSAGE(start_commit_request)},
    {"reset", 7, MESSAGE(empty_message)}, {0}}};

static const pb_message derivation_validated_transform = {"Response.Validated.Transform", (const pb_def[]){F("readOnly", 1, PB_T_BOOL), {0}}};
static const pb_message derivation_validated_response = {"Response.Validated", (const pb_def[]){
    {"transforms", 1, MESSAGES(derivation_validated_transform)}, {"generatedFiles", 2, MAP(text_entry)}, {0}}};
static const pb_message derivation_opened_response = {"Response.Opened", (const pb_def[]){{"runtimeCheckpoint", 1, MESSAGE(runtime_checkpoint)}, {0}}};
static const pb_message published_response = {"Response.Published", (const pb_def[]){F("doc", 1, PB_T_JSON), {0}}};

const pb_message flow_derive_response_pb = {"Response", (const pb_def[]){
    {"spec", 1, MESSAGE(spec_response)}, {"validated", 2, MESSAGE(derivation_validated_response)}, {"opened", 3, MESSAGE(derivation_opened_response)},
    {"published", 4, MESSAGE(published_response)}, {"flushed", 5, MESSAGE(state_response)}, {"startedCommit", 6, MESSAGE(state_response)}, {0}}};
