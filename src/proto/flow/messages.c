/* Capture messages (flow.md 3.1, 3.2, 3.4, 6.1). Parts that only the platform reads (shard templates, journal specs) are left out: unknown tags are
 * skipped coming in, and we never send them. */
#include "proto/flow/messages.h"

#define F(field, number, kind) {.name = (field), .tag = (number), .type = (kind)}
#define MESSAGE(m) .type = PB_T_MESSAGE, .message = &(m)
#define MESSAGES(m) MESSAGE(m), .repeated = true

static const pb_enum connector_types[] = {{"INVALID", 0}, {"IMAGE", 7}, {"LOCAL", 8}, {0}};
static const pb_enum exists_values[] = {{"INVALID", 0}, {"MUST", 1}, {"MAY", 2}, {"IMPLICIT", 3}, {"CANNOT", 4}, {0}};

/* ---- shared types ---- */

static const pb_message inference_string = {"Inference.String", (const pb_def[]){
    F("contentType", 3, PB_T_TEXT), F("format", 4, PB_T_TEXT), F("maxLength", 6, PB_T_U32), F("contentEncoding", 7, PB_T_TEXT), {0}}};

static const pb_message inference = {"Inference", (const pb_def[]){
    {"types", 1, PB_T_TEXT, .repeated = true},
    {"string", 3, MESSAGE(inference_string)},
    F("title", 4, PB_T_TEXT),
    F("description", 5, PB_T_TEXT),
    F("default", 6, PB_T_JSON),
    F("secret", 7, PB_T_BOOL),
    {"exists", 8, PB_T_ENUM, .values = exists_values},
    {"enum", 11, PB_T_JSON, .repeated = true},
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
