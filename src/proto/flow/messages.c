/* Capture messages (flow.md 3.1, 3.2, 3.4, 6.1). Parts that only the platform reads (shard templates, journal specs) are left out: unknown tags are
 * skipped coming in, and we never send them. */
#include "proto/flow/messages.h"

#define MESSAGE(m) .type = PB_T_MESSAGE, .message = &(m)
#define MESSAGES(m) MESSAGE(m), .repeated = true

static const pb_enum connector_types[] = {{"INVALID", 0}, {"IMAGE", 7}, {"LOCAL", 8}, {0}};
static const pb_enum exists_values[] = {{"INVALID", 0}, {"MUST", 1}, {"MAY", 2}, {"IMPLICIT", 3}, {"CANNOT", 4}, {0}};

/* ---- shared types ---- */

static const pb_message inference_string = {"Inference.String", (const pb_def[]){
    {"contentType", 3, PB_T_TEXT}, {"format", 4, PB_T_TEXT}, {"maxLength", 6, PB_T_U32}, {"contentEncoding", 7, PB_T_TEXT}, {0}}};

static const pb_message inference = {"Inference", (const pb_def[]){
    {"types", 1, PB_T_TEXT, .repeated = true},
    {"string", 3, MESSAGE(inference_string)},
    {"title", 4, PB_T_TEXT},
    {"description", 5, PB_T_TEXT},
    {"default", 6, PB_T_JSON},
    {"secret", 7, PB_T_BOOL},
    {"exists", 8, PB_T_ENUM, .values = exists_values},
    {"enum", 11, PB_T_JSON, .repeated = true},
    {0}}};

static const pb_message projection = {"Projection", (const pb_def[]){
    {"ptr", 1, PB_T_TEXT}, {"field", 2, PB_T_TEXT}, {"explicit", 3, PB_T_BOOL}, {"isPartitionKey", 4, PB_T_BOOL},
    {"isPrimaryKey", 5, PB_T_BOOL}, {"inference", 6, MESSAGE(inference)}, {0}}};

static const pb_message collection_spec = {"CollectionSpec", (const pb_def[]){
    {"name", 1, PB_T_TEXT},
    {"key", 3, PB_T_TEXT, .repeated = true},
    {"uuidPtr", 4, PB_T_TEXT},
    {"partitionFields", 5, PB_T_TEXT, .repeated = true},
    {"projections", 6, MESSAGES(projection)},
    {"ackTemplate", 7, PB_T_JSON},
    {"writeSchema", 8, PB_T_JSON},
    {"readSchema", 11, PB_T_JSON},
    {0}}};

static const pb_message network_port = {"NetworkPort", (const pb_def[]){
    {"number", 1, PB_T_U32}, {"protocol", 2, PB_T_TEXT}, {"public", 3, PB_T_BOOL}, {0}}};

static const pb_message range_spec = {"RangeSpec", (const pb_def[]){
    {"keyBegin", 2, PB_T_FIXED32}, {"keyEnd", 3, PB_T_FIXED32}, {"rClockBegin", 4, PB_T_FIXED32}, {"rClockEnd", 5, PB_T_FIXED32}, {0}}};

static const pb_message connector_state = {"ConnectorState", (const pb_def[]){
    {"updated", 1, PB_T_JSON}, {"mergePatch", 2, PB_T_BOOL}, {0}}};

static const pb_message oauth2 = {"OAuth2", (const pb_def[]){
    {"provider", 1, PB_T_TEXT}, {"authUrlTemplate", 2, PB_T_TEXT}, {"accessTokenUrlTemplate", 3, PB_T_TEXT},
    {"accessTokenBody", 4, PB_T_TEXT}, {"accessTokenHeaders", 5, PB_T_JSON_MAP}, {"accessTokenResponseMap", 6, PB_T_JSON_MAP},
    {"refreshTokenUrlTemplate", 7, PB_T_TEXT}, {"refreshTokenBody", 8, PB_T_TEXT}, {"refreshTokenHeaders", 9, PB_T_JSON_MAP},
    {"refreshTokenResponseMap", 10, PB_T_JSON_MAP}, {"accessTokenMethod", 11, PB_T_TEXT}, {"refreshTokenMethod", 12, PB_T_TEXT}, {0}}};

/* ---- the task ---- */

static const pb_message capture_binding = {"CaptureSpec.Binding", (const pb_def[]){
    {"resourceConfig", 1, PB_T_JSON}, {"resourcePath", 2, PB_T_TEXT, .repeated = true}, {"collection", 3, MESSAGE(collection_spec)},
    {"backfill", 4, PB_T_U32}, {"stateKey", 5, PB_T_TEXT}, {0}}};

static const pb_message capture_spec = {"CaptureSpec", (const pb_def[]){
    {"name", 1, PB_T_TEXT},
    {"connectorType", 2, PB_T_ENUM, .values = connector_types},
    {"config", 3, PB_T_JSON},
    {"bindings", 4, MESSAGES(capture_binding)},
    {"intervalSeconds", 5, PB_T_U32},
    {"networkPorts", 8, MESSAGES(network_port)},
    {"inactiveBindings", 9, MESSAGES(capture_binding)},
    {"redactSalt", 10, PB_T_BASE64},
    {0}}};

/* ---- requests ---- */

static const pb_message spec_request = {"Request.Spec", (const pb_def[]){
    {"connectorType", 1, PB_T_ENUM, .values = connector_types}, {"config", 2, PB_T_JSON}, {0}}};

static const pb_message discover_request = {"Request.Discover", (const pb_def[]){
    {"connectorType", 1, PB_T_ENUM, .values = connector_types}, {"config", 2, PB_T_JSON}, {"name", 3, PB_T_TEXT}, {0}}};

static const pb_message validate_binding = {"Request.Validate.Binding", (const pb_def[]){
    {"resourceConfig", 1, PB_T_JSON}, {"collection", 2, MESSAGE(collection_spec)}, {"backfill", 3, PB_T_U32}, {0}}};

static const pb_message validate_request = {"Request.Validate", (const pb_def[]){
    {"name", 1, PB_T_TEXT},
    {"connectorType", 2, PB_T_ENUM, .values = connector_types},
    {"config", 3, PB_T_JSON},
    {"bindings", 4, MESSAGES(validate_binding)},
    {"lastCapture", 5, MESSAGE(capture_spec)},
    {"lastVersion", 6, PB_T_TEXT},
    {0}}};

static const pb_message apply_request = {"Request.Apply", (const pb_def[]){
    {"capture", 1, MESSAGE(capture_spec)}, {"version", 2, PB_T_TEXT}, {"lastCapture", 4, MESSAGE(capture_spec)},
    {"lastVersion", 5, PB_T_TEXT}, {0}}};

static const pb_message open_request = {"Request.Open", (const pb_def[]){
    {"capture", 1, MESSAGE(capture_spec)}, {"version", 2, PB_T_TEXT}, {"range", 3, MESSAGE(range_spec)}, {"state", 4, PB_T_JSON}, {0}}};

static const pb_message acknowledge_request = {"Request.Acknowledge", (const pb_def[]){{"checkpoints", 1, PB_T_U32}, {0}}};

const pb_message flow_request_pb = {"Request", (const pb_def[]){
    {"spec", 1, MESSAGE(spec_request)}, {"discover", 2, MESSAGE(discover_request)}, {"validate", 3, MESSAGE(validate_request)},
    {"apply", 4, MESSAGE(apply_request)}, {"open", 5, MESSAGE(open_request)}, {"acknowledge", 6, MESSAGE(acknowledge_request)}, {0}}};

/* ---- responses ---- */

static const pb_message spec_response = {"Response.Spec", (const pb_def[]){
    {"protocol", 1, PB_T_U32}, {"configSchema", 2, PB_T_JSON}, {"resourceConfigSchema", 3, PB_T_JSON}, {"documentationUrl", 4, PB_T_TEXT},
    {"oauth2", 5, MESSAGE(oauth2)}, {"resourcePathPointers", 6, PB_T_TEXT, .repeated = true}, {0}}};

static const pb_message discovered_binding = {"Response.Discovered.Binding", (const pb_def[]){
    {"recommendedName", 1, PB_T_TEXT}, {"resourceConfig", 2, PB_T_JSON}, {"documentSchema", 3, PB_T_JSON},
    {"key", 4, PB_T_TEXT, .repeated = true}, {"disable", 5, PB_T_BOOL}, {"resourcePath", 6, PB_T_TEXT, .repeated = true},
    {"isFallbackKey", 7, PB_T_BOOL}, {0}}};

static const pb_message discovered_response = {"Response.Discovered", (const pb_def[]){{"bindings", 1, MESSAGES(discovered_binding)}, {0}}};

static const pb_message validated_binding = {"Response.Validated.Binding", (const pb_def[]){
    {"resourcePath", 1, PB_T_TEXT, .repeated = true}, {0}}};

static const pb_message validated_response = {"Response.Validated", (const pb_def[]){{"bindings", 1, MESSAGES(validated_binding)}, {0}}};

static const pb_message applied_response = {"Response.Applied", (const pb_def[]){{"actionDescription", 1, PB_T_TEXT}, {0}}};

static const pb_message opened_response = {"Response.Opened", (const pb_def[]){{"explicitAcknowledgements", 1, PB_T_BOOL}, {0}}};

static const pb_message captured_response = {"Response.Captured", (const pb_def[]){{"binding", 1, PB_T_U32}, {"doc", 2, PB_T_JSON}, {0}}};

static const pb_message checkpoint_response = {"Response.Checkpoint", (const pb_def[]){{"state", 1, MESSAGE(connector_state)}, {0}}};

static const pb_message schema_response = {"Response.SourcedSchema", (const pb_def[]){
    {"binding", 1, PB_T_U32}, {"documentSchema", 2, PB_T_JSON}, {0}}};

static const pb_message backfill_response = {"Response.Backfill", (const pb_def[]){{"binding", 1, PB_T_U32}, {0}}};

const pb_message flow_response_pb = {"Response", (const pb_def[]){
    {"spec", 1, MESSAGE(spec_response)}, {"discovered", 2, MESSAGE(discovered_response)}, {"validated", 3, MESSAGE(validated_response)},
    {"applied", 4, MESSAGE(applied_response)}, {"opened", 5, MESSAGE(opened_response)}, {"captured", 6, MESSAGE(captured_response)},
    {"checkpoint", 7, MESSAGE(checkpoint_response)}, {"sourcedSchema", 8, MESSAGE(schema_response)},
    {"backfillBegin", 9, MESSAGE(backfill_response)}, {"backfillComplete", 10, MESSAGE(backfill_response)}, {0}}};
