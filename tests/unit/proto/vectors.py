#!/usr/bin/env python3
"""vectors.py > vectors.txt - messages of Flow's captures, materializations and derivations as protobuf and as JSON, for test_wire.c and test_framing.c.

The bytes come from Google's protobuf library (pip install protobuf), the definitions below from docs/protocols/flow.md (3.1, 3.2, 3.4, 4.1, 4.2, 4.4, 5.1, 5.2, 5.4, 5.7,
6.1, 7) and, of the runtime checkpoint, from Gazette's consumer protocol, not from our own table of messages. Run it again when that page changes; the result is committed, so that tests need neither Python nor protobuf.
"""
import base64
import json
import random
import sys

import google.protobuf
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

# MESSAGE: FIELD TAG TYPE ... with * for repeated, % for map<string, TYPE>, ! for a field that the JSON form leaves out (only the platform reads it).
DEFINITIONS = """
ConnectorState: updated_json 1 json, merge_patch 2 bool
RangeSpec: key_begin 2 fixed32, key_end 3 fixed32, r_clock_begin 4 fixed32, r_clock_end 5 fixed32
NetworkPort: number 1 u32, protocol 2 text, public 3 bool
InferenceString: content_type 3 text, format 4 text, max_length 6 u32, content_encoding 7 text
InferenceNumeric: has_minimum 1 bool, minimum 2 double, has_maximum 3 bool, maximum 4 double
InferenceArray: min_items 1 u32, has_max_items 2 bool, max_items 3 u32, item_types 4 *text
Inference: types 1 *text, string 3 InferenceString, title 4 text, description 5 text, default_json 6 json, secret 7 bool, exists 8 Exists, numeric 9 InferenceNumeric, array 10 InferenceArray, enum_json_vec 11 *json, reduce 12 Reduce, redact 13 Redact, content_media_type 14 text
Projection: ptr 1 text, field 2 text, explicit 3 bool, is_partition_key 4 bool, is_primary_key 5 bool, inference 6 Inference
CollectionSpec: name 1 text, key 3 *text, uuid_ptr 4 text, partition_fields 5 *text, projections 6 *Projection, ack_template_json 7 json, write_schema_json 8 json, partition_template 9 !text, read_schema_json 11 json, derivation 12 !text
CaptureBinding: resource_config_json 1 json, resource_path 2 *text, collection 3 CollectionSpec, backfill 4 u32, state_key 5 text
CaptureSpec: name 1 text, connector_type 2 ConnectorType, config_json 3 json, bindings 4 *CaptureBinding, interval_seconds 5 u32, shard_template 6 !text, recovery_log_template 7 !text, network_ports 8 *NetworkPort, inactive_bindings 9 *CaptureBinding, redact_salt 10 bytes
OAuth2: provider 1 text, auth_url_template 2 text, access_token_url_template 3 text, access_token_body 4 text, access_token_headers_json_map 5 %json, access_token_response_json_map 6 %json, refresh_token_url_template 7 text, refresh_token_body 8 text, refresh_token_headers_json_map 9 %json, refresh_token_response_json_map 10 %json, access_token_method 11 text, refresh_token_method 12 text
SpecRequest: connector_type 1 ConnectorType, config_json 2 json
DiscoverRequest: connector_type 1 ConnectorType, config_json 2 json, name 3 text
ValidateBinding: resource_config_json 1 json, collection 2 CollectionSpec, backfill 3 u32
ValidateRequest: name 1 text, connector_type 2 ConnectorType, config_json 3 json, bindings 4 *ValidateBinding, last_capture 5 CaptureSpec, last_version 6 text
ApplyRequest: capture 1 CaptureSpec, version 2 text, last_capture 4 CaptureSpec, last_version 5 text
OpenRequest: capture 1 CaptureSpec, version 2 text, range 3 RangeSpec, state_json 4 json
AcknowledgeRequest: checkpoints 1 u32
Request: spec 1 SpecRequest, discover 2 DiscoverRequest, validate 3 ValidateRequest, apply 4 ApplyRequest, open 5 OpenRequest, acknowledge 6 AcknowledgeRequest, internal 100 !bytes
SpecResponse: protocol 1 u32, config_schema_json 2 json, resource_config_schema_json 3 json, documentation_url 4 text, oauth2 5 OAuth2, resource_path_pointers 6 *text
DiscoveredBinding: recommended_name 1 text, resource_config_json 2 json, document_schema_json 3 json, key 4 *text, disable 5 bool, resource_path 6 *text, is_fallback_key 7 bool
DiscoveredResponse: bindings 1 *DiscoveredBinding
ValidatedBinding: resource_path 1 *text
ValidatedResponse: bindings 1 *ValidatedBinding
AppliedResponse: action_description 1 text
OpenedResponse: explicit_acknowledgements 1 bool
CapturedResponse: binding 1 u32, doc_json 2 json
CheckpointResponse: state 1 ConnectorState
SourcedSchemaResponse: binding 1 u32, document_schema_json 2 json
BackfillResponse: binding 1 u32
Response: spec 1 SpecResponse, discovered 2 DiscoveredResponse, validated 3 ValidatedResponse, applied 4 AppliedResponse, opened 5 OpenedResponse, captured 6 CapturedResponse, checkpoint 7 CheckpointResponse, sourced_schema 8 SourcedSchemaResponse, backfill_begin 9 BackfillResponse, backfill_complete 10 BackfillResponse, internal 100 !bytes
SerPolicy: str_truncate_after 1 u32, nested_obj_truncate_after 2 u32, array_truncate_after 3 u32
FieldSelection: keys 1 *text, values 2 *text, document 3 text, field_config_json_map 4 %json
DestinationBinding: resource_config_json 1 json, resource_path 2 *text, collection 3 CollectionSpec, field_selection 4 FieldSelection, delta_updates 5 bool, partition_selector 7 !text, journal_read_suffix 8 text, priority 9 u32, backfill 12 u32, state_key 13 text, ser_policy 14 SerPolicy
MaterializationSpec: name 1 text, connector_type 2 DestinationType, config_json 3 json, bindings 4 *DestinationBinding, shard_template 5 !text, network_ports 7 *NetworkPort, inactive_bindings 9 *DestinationBinding
ProducerState: last_ack 1 fixed64, begin 2 i64
ProducerEntry: id 1 bytes, state 2 ProducerState
Source: read_through 1 i64, producers 2 *ProducerEntry
RuntimeCheckpoint: sources 1 %Source, ack_intents 2 %bytes, rebuild 536870911 bool
DestinationSpecRequest: connector_type 1 DestinationType, config_json 2 json
DestinationValidateBinding: resource_config_json 1 json, collection 2 CollectionSpec, field_config_json_map 3 %json, backfill 4 u32, group_by 5 *text
DestinationValidateRequest: name 1 text, connector_type 2 DestinationType, config_json 3 json, bindings 4 *DestinationValidateBinding, last_materialization 5 MaterializationSpec, last_version 6 text
DestinationApplyRequest: materialization 1 MaterializationSpec, version 2 text, last_materialization 4 MaterializationSpec, last_version 5 text, state_json 6 json
DestinationOpenRequest: materialization 1 MaterializationSpec, version 2 text, range 3 RangeSpec, state_json 4 json
LoadRequest: binding 1 u32, key_json 2 json, key_packed 3 bytes
EmptyMessage: nothing 100 !bytes
StoreRequest: binding 1 u32, key_json 2 json, key_packed 3 bytes, values_json 4 json, values_packed 5 bytes, doc_json 6 json, exists 7 bool, delete 8 bool
StartCommitRequest: runtime_checkpoint 1 RuntimeCheckpoint
MaterializeRequest: spec 1 DestinationSpecRequest, validate 2 DestinationValidateRequest, apply 3 DestinationApplyRequest, open 4 DestinationOpenRequest, load 5 LoadRequest, flush 6 EmptyMessage, store 7 StoreRequest, start_commit 8 StartCommitRequest, acknowledge 9 EmptyMessage, internal 100 !bytes
Constraint: type 2 ConstraintType, reason 3 text, folded_field 4 text
DestinationValidatedBinding: constraints 1 %Constraint, resource_path 2 *text, delta_updates 3 bool, ser_policy 4 SerPolicy, case_insensitive_fields 5 bool
DestinationValidatedResponse: bindings 1 *DestinationValidatedBinding
DestinationAppliedResponse: action_description 1 text, state 2 ConnectorState
DestinationOpenedResponse: runtime_checkpoint 1 RuntimeCheckpoint, disable_load_optimization 2 bool
LoadedResponse: binding 1 u32, doc_json 2 json
StateResponse: state 1 ConnectorState
MaterializeResponse: spec 1 SpecResponse, validated 2 DestinationValidatedResponse, applied 3 DestinationAppliedResponse, opened 4 DestinationOpenedResponse, loaded 5 LoadedResponse, flushed 6 StateResponse, started_commit 7 StateResponse, acknowledged 8 StateResponse, internal 100 !bytes
DerivationTransform: name 1 text, collection 2 CollectionSpec, partition_selector 3 !text, priority 4 u32, read_delay_seconds 5 u32, shuffle_key 6 *text, shuffle_lambda_config_json 7 json, lambda_config_json 8 json, read_only 9 bool, journal_read_suffix 10 text, not_before 11 !text, not_after 12 !text, backfill 13 u32, state_key 14 text
Derivation: connector_type 1 DerivationType, config_json 2 json, transforms 3 *DerivationTransform, shuffle_key_types 4 *ShuffleType, shard_template 5 !text, recovery_log_template 6 !text, network_ports 7 *NetworkPort, inactive_transforms 8 *DerivationTransform, redact_salt 9 bytes
DerivedCollection: name 1 text, key 3 *text, uuid_ptr 4 text, partition_fields 5 *text, projections 6 *Projection, ack_template_json 7 json, write_schema_json 8 json, partition_template 9 !text, read_schema_json 11 json, derivation 12 Derivation
DerivationSpecRequest: connector_type 1 DerivationType, config_json 2 json
DerivationValidateTransform: name 1 text, collection 2 CollectionSpec, shuffle_lambda_config_json 3 json, lambda_config_json 4 json, backfill 5 u32
DerivationValidateRequest: connector_type 1 DerivationType, config_json 2 json, collection 3 DerivedCollection, transforms 4 *DerivationValidateTransform, shuffle_key_types 5 *ShuffleType, project_root 6 text, import_map 7 %text, last_collection 8 DerivedCollection, last_version 9 text
DerivationOpenRequest: collection 1 DerivedCollection, version 2 text, range 3 RangeSpec, state_json 5 json
UUIDParts: node 1 fixed64, clock 2 fixed64
Shuffle: key_json 1 json, packed 2 bytes, hash 3 u32
ReadRequest: transform 1 u32, uuid 2 UUIDParts, shuffle 3 Shuffle, doc_json 4 json
DeriveRequest: spec 1 DerivationSpecRequest, validate 2 DerivationValidateRequest, open 3 DerivationOpenRequest, read 4 ReadRequest, flush 5 EmptyMessage, start_commit 6 StartCommitRequest, reset 7 EmptyMessage, internal 100 !bytes
DerivationValidatedTransform: read_only 1 bool
DerivationValidatedResponse: transforms 1 *DerivationValidatedTransform, generated_files 2 %text
DerivationOpenedResponse: runtime_checkpoint 1 RuntimeCheckpoint
PublishedResponse: doc_json 1 json
DeriveResponse: spec 1 SpecResponse, validated 2 DerivationValidatedResponse, opened 3 DerivationOpenedResponse, published 4 PublishedResponse, flushed 5 StateResponse, started_commit 6 StateResponse, internal 100 !bytes
"""
ENUMS = {
    "ConnectorType": {"INVALID": 0, "IMAGE": 7, "LOCAL": 8},
    "DestinationType": {"INVALID": 0, "SQLITE": 2, "IMAGE": 8, "LOCAL": 9, "DEKAF": 10},
    "DerivationType": {"INVALID_CONNECTOR_TYPE": 0, "SQLITE": 1, "TYPESCRIPT": 2, "IMAGE": 3, "LOCAL": 4, "PYTHON": 5},
    "ShuffleType": {"INVALID_SHUFFLE_TYPE": 0, "BOOLEAN": 1, "INTEGER": 2, "STRING": 3},
    "ConstraintType": {"INVALID": 0, "FIELD_REQUIRED": 1, "LOCATION_REQUIRED": 2, "LOCATION_RECOMMENDED": 3, "FIELD_OPTIONAL": 4, "FIELD_FORBIDDEN": 5, "UNSATISFIABLE": 6, "INCOMPATIBLE": 7},
    "Reduce": {f"REDUCE_{n}": i for i, n in enumerate("UNSET MULTIPLE APPEND FIRST_WRITE_WINS LAST_WRITE_WINS MAXIMIZE MERGE MINIMIZE SET SUM JSON_SCHEMA_MERGE".split())},
    "Redact": {f"REDACT_{n}": i for i, n in enumerate("UNSET MULTIPLE BLOCK SHA256".split())},
    "Exists": {"INVALID": 0, "MUST": 1, "MAY": 2, "IMPLICIT": 3, "CANNOT": 4},
}
JSON_NAMES = {"enum_json_vec": "enum", "access_token_response_json_map": "accessTokenResponseMap", "refresh_token_response_json_map": "refreshTokenResponseMap"}
SCALARS = {"text": 9, "json": 9, "bytes": 12, "u32": 13, "fixed32": 7, "bool": 8, "double": 1, "i64": 3, "fixed64": 6}


# ---- definitions ----

def json_name(name):
    if name in JSON_NAMES:
        return JSON_NAMES[name]
    words = name.removesuffix("_json_map").removesuffix("_json").split("_")
    return words[0] + "".join(w.capitalize() for w in words[1:])


class Field:
    def __init__(self, text):
        self.name, tag, kind = text.split()
        self.tag = int(tag)
        self.hidden, self.repeated, self.map = "!" in kind, "*" in kind, "%" in kind
        self.type = kind.lstrip("!*%")
        self.json = json_name(self.name)


FIELDS = {}
for line in DEFINITIONS.strip().split("\n"):
    message, _, fields = line.partition(": ")
    FIELDS[message] = [Field(text) for text in fields.split(", ")]


def build():
    file = descriptor_pb2.FileDescriptorProto(name="flow.proto", package="f", syntax="proto3")
    for name, values in ENUMS.items():
        enum = file.enum_type.add(name=name)
        for value, number in values.items():
            enum.value.add(name=f"{name}_{value}", number=number)
    for name, fields in FIELDS.items():
        m = file.message_type.add(name=name)
        for f in fields:
            d = m.field.add(name=f.name, number=f.tag, label=3 if f.repeated or f.map else 1)
            if f.map:
                entry = m.nested_type.add(name="".join(w.capitalize() for w in f.name.split("_")) + "Entry")
                entry.options.map_entry = True
                entry.field.add(name="key", number=1, label=1, type=9)
                value = entry.field.add(name="value", number=2, label=1, type=SCALARS.get(f.type, 11))
                if f.type not in SCALARS:
                    value.type_name = f".f.{f.type}"
                d.type, d.type_name = 11, f".f.{name}.{entry.name}"
            elif f.type in SCALARS:
                d.type = SCALARS[f.type]
            else:
                d.type, d.type_name = (14 if f.type in ENUMS else 11), f".f.{f.type}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"f.{name}")) for name in FIELDS}


CLASSES = build()


# ---- the JSON form, flow.md 2 ----

class Raw(str):
    """Text that is JSON already."""


def compact(value):
    """json.dumps, but a Raw goes as it is, on one line."""
    if isinstance(value, Raw):
        return str(value) if "\n" not in value else json.dumps(json.loads(value), ensure_ascii=False)
    if isinstance(value, dict):
        return "{" + ",".join(json.dumps(k, ensure_ascii=False) + ":" + compact(v) for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(compact, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def scalar(f, value):
    if f.type == "json":
        return Raw(value)
    if f.type == "bytes":
        return base64.b64encode(value).decode()
    if f.type in ("i64", "fixed64"):
        return str(value)
    if f.type in ENUMS:
        return next((name for name, number in ENUMS[f.type].items() if number == value), value)
    return value if f.type in SCALARS else to_json(f.type, value)


def to_json(name, message):
    out = {}
    for f in FIELDS[name]:
        value = getattr(message, f.name)
        if f.hidden:
            continue
        if f.map:
            if value:
                out[f.json] = {k: scalar(f, value[k]) for k in sorted(value)}
        elif f.repeated:
            if len(value):
                out[f.json] = [scalar(f, v) for v in value]
        elif f.type in SCALARS or f.type in ENUMS:
            if value:
                out[f.json] = scalar(f, value)
        elif message.HasField(f.name):
            out[f.json] = to_json(f.type, value)
    return out


# ---- messages ----

TEXTS = ["", "a", "/id", "acme/söurce", "日本語", "😀", 'quote " and \\', "line\nbreak\ttab", "\u0000", "\u001f\u007f\u2028", "x" * 127, "y" * 128]
JSONS = ["{}", "[]", "true", "0", "-1.5e+10", '"text"', '{"a":{"b":[1,2,{"c":null}]}}', '{"ü":"\\u00fc\\ud83d\\ude00"}', "12345678901234567890.123456789", '{"k":"' + "v" * 120 + '"}']
OBJECTS = [j for j in JSONS if j.startswith("{")]
NUMBERS = [0, 1, 127, 128, 16383, 16384, 2**21, 2**31 - 1, 2**31, 2**32 - 1]
MAP_KEYS = [t for t in TEXTS if t != "a"]  # none the beginning of another: there the library's order is its own
ARRAYS = ["[]", "[1]", '["a",1,true]', '[{"k":[]},null,12345678901234567890.25]']
MUST_BE_OBJECT = {"doc_json", "updated_json"}


def value_of(rng, f):
    if f.name in ("key_json", "values_json"):
        return rng.choice(ARRAYS)
    if f.type == "json":
        return rng.choice(OBJECTS if f.name in MUST_BE_OBJECT or f.name == "document_schema_json" else JSONS)
    if f.type == "text":
        return rng.choice(TEXTS)
    if f.type == "bytes":
        return bytes(rng.randrange(256) for _ in range(rng.choice([0, 1, 2, 3, 16])))
    if f.type in ("u32", "fixed32"):
        return rng.choice(NUMBERS)
    if f.type in ("i64", "fixed64"):
        return rng.choice(NUMBERS + [2**63 - 1] + ([-1, -2**63] if f.type == "i64" else [2**64 - 1]))
    if f.type == "bool":
        return rng.random() < 0.7
    if f.type == "double":
        return rng.choice([0.0, 1.5, -1e300])
    if f.type in ENUMS:
        return rng.choice(list(ENUMS[f.type].values()) + [5])
    raise KeyError(f.type)


def fill(rng, name, chance, depth=0):
    """A message with every field set by chance; `chance` 1: all of them."""
    m = CLASSES[name]()
    for f in FIELDS[name]:
        if rng.random() >= chance or f.type == "bytes" and f.name == "internal":
            continue
        count = rng.choice([1, 2, 3]) if chance < 1 else 2
        if f.map:
            for k in range(count):
                if f.type in SCALARS:
                    getattr(m, f.name)[rng.choice(MAP_KEYS) or f"k{k}"] = rng.choice(JSONS) if f.type == "json" else value_of(rng, f)
                else:
                    getattr(m, f.name)[rng.choice(MAP_KEYS) or f"k{k}"].CopyFrom(fill(rng, f.type, chance, depth + 1))
        elif f.type not in SCALARS and f.type not in ENUMS:
            for _ in range(count if f.repeated else 1):
                inner = fill(rng, f.type, chance * (0.6 if depth > 1 else 1), depth + 1)
                (getattr(m, f.name).add() if f.repeated else getattr(m, f.name)).CopyFrom(inner)
                if not f.repeated:
                    getattr(m, f.name).SetInParent()
        elif f.repeated:
            getattr(m, f.name).extend(value_of(rng, f) for _ in range(count))
        else:
            setattr(m, f.name, value_of(rng, f))
    return m


def wrapped(direction, field, inner):
    m = CLASSES[direction]()
    getattr(m, field.name).CopyFrom(inner)
    getattr(m, field.name).SetInParent()
    return m


def encode(m):
    return m.SerializeToString(deterministic=True)


def show(direction, mode, name, data, text):
    print(f"{direction.lower()} {mode} {name}\n{data.hex()}\n{text}\n")


def has_hidden(name, message):
    for f in FIELDS[name]:
        value = getattr(message, f.name)
        if f.hidden and value and (f.type in SCALARS or message.HasField(f.name)):
            return True
        if f.type in FIELDS and not f.hidden:
            items = value.values() if f.map else value if f.repeated else [value] if message.HasField(f.name) else []
            if any(has_hidden(f.type, i) for i in items):
                return True
    return False


def show_message(direction, name, m, mode=None):
    mode = mode or ("decode" if has_hidden(direction, m) else "both")
    show(direction, mode, name, encode(m), compact(to_json(direction, m)))


def kinds(directions, seed):
    rng = random.Random(seed)
    for direction in directions:
        for f in FIELDS[direction]:
            if f.hidden:
                continue
            needs = {n: "{}" for n in ("doc_json", "document_schema_json") if f.name != "store" and any(g.name == n for g in FIELDS[f.type])}
            show_message(direction, f.json + ".least", wrapped(direction, f, CLASSES[f.type](**needs)))
            show_message(direction, f.json + ".most", wrapped(direction, f, fill(rng, f.type, 1)))
            for i in range(4):
                inner = fill(rng, f.type, 0.5 if len(FIELDS[f.type]) > 2 else 0.8)
                for n, v in needs.items():
                    if not getattr(inner, n):
                        setattr(inner, n, v)
                show_message(direction, f"{f.json}.{i}", wrapped(direction, f, inner))


# ---- bytes that a serializer would not write, but a reader must take: checked by the library's own parser ----

def loose(direction, name, data, mode="decode"):
    m = CLASSES[direction]()
    m.ParseFromString(data)
    show(direction, mode, name, data, compact(to_json(direction, m)))


def field(tag, wire, payload):
    return varint(tag << 3 | wire) + payload


def varint(n):
    out = b""
    while n >= 0x80:
        out += bytes([n & 0x7f | 0x80])
        n >>= 7
    return out + bytes([n])


def block(tag, data):
    return field(tag, 2, varint(len(data)) + data)


def unusual():
    state = block(1, b'{"a":1}') + field(2, 0, b"\1")
    captured = field(1, 0, b"\5") + block(2, b'{"id":1}')
    strangers = field(19, 0, varint(2**64 - 1)) + field(20, 1, b"12345678") + field(21, 5, b"1234") + block(22, b"\xff\xfe") + block(2**29 - 1, b"")
    loose("Response", "captured.doc-first", block(6, block(2, b'{"id":1}') + field(1, 0, b"\5")))
    loose("Response", "captured.strangers-inside", block(6, strangers + captured + strangers))
    loose("Response", "captured.strangers-beside", strangers + block(6, captured) + strangers, "parts")
    loose("Response", "captured.strangers-behind", block(6, captured) + strangers, "parts")
    loose("Response", "checkpoint.strangers-behind", block(7, block(1, state)) + strangers, "parts")
    loose("Response", "captured.internal-behind", block(6, captured) + block(100, b"\1\2\3"), "parts")
    loose("Response", "captured.internal-before", block(100, b"\1\2\3") + block(6, captured), "parts")
    loose("Response", "captured.twice-the-same-field", block(6, field(1, 0, b"\1") + block(2, b'{"old":1}') + captured))
    loose("Response", "captured.long-varint", block(6, field(1, 0, b"\x85\x80\x80\x80\x80\x00") + block(2, b"{}")))
    loose("Response", "captured.line-breaks", block(6, block(2, b'{\n "a": [1,\r\n\t2]\n}')))
    loose("Response", "checkpoint.merge-first", block(7, block(1, field(2, 0, b"\1") + block(1, b'{"a":1}'))))
    loose("Response", "checkpoint.strangers", block(7, strangers + block(1, strangers + state)))
    loose("Response", "checkpoint.merge-is-two", block(7, block(1, block(1, b'{"a":1}') + field(2, 0, b"\2"))))
    loose("Response", "checkpoint.line-breaks", block(7, block(1, block(1, b'{\n "a": 1\n}'))))
    loose("Response", "opened.strangers", block(5, strangers + field(1, 0, b"\1")))
    loose("Response", "spec.explicit-defaults", block(1, field(1, 0, b"\0") + block(2, b"") + block(4, b"")))
    loose("Request", "open.strangers", block(5, block(4, b'{"s":1}') + strangers + block(1, strangers + block(1, b"acme/a"))))
    loose("Request", "acknowledge.of-64-bits", block(6, field(1, 0, varint(2**32 + 3))))


def unusual_materializations():
    row = field(1, 0, b"\5") + block(3, b"\x15\1") + block(5, b"\2x\0") + field(7, 0, b"\2")
    strangers = field(19, 0, varint(2**64 - 1)) + field(20, 1, b"12345678") + field(21, 5, b"1234") + block(22, b"\xff\xfe")
    loose("MaterializeRequest", "store.strangers-inside", block(7, strangers + row + strangers))
    loose("MaterializeRequest", "store.strangers-beside", strangers + block(7, row) + strangers, "parts")
    loose("MaterializeRequest", "store.line-breaks", block(7, row + block(6, b'{\n "a": [1,\r\n\t2]\n}')))
    loose("MaterializeRequest", "load.key-last", block(5, block(3, b"\x14") + field(1, 0, b"\1")))
    loose("MaterializeRequest", "flush.newer", block(6, block(1, b"[{}]") + block(2, field(1, 0, b"\1"))))
    loose("MaterializeResponse", "opened.rebuild", block(4, block(1, b"\xf8\xff\xff\xff\x0f\x01")))
    loose("MaterializeResponse", "validated.entry-without-value", block(2, block(1, block(1, block(1, b"a")))))
    loose("MaterializeRequest", "startCommit.entry-without-value", block(8, block(1, block(1, block(1, b"j")) + block(2, block(1, b"k")))))


def unusual_derivations():
    uuid, shuffle = field(2, 1, b"\1\2\3\4\5\6\7\x88"), block(1, b"[1]") + block(2, b"\x15\1") + field(3, 0, varint(7))
    read = field(1, 0, b"\5") + block(2, uuid) + block(3, shuffle)
    strangers = field(19, 0, varint(2**64 - 1)) + field(20, 1, b"12345678") + field(21, 5, b"1234") + block(22, b"\xff\xfe")
    loose("DeriveRequest", "read.strangers-inside", block(4, strangers + read + strangers + block(4, b"{}")))
    loose("DeriveRequest", "read.strangers-deeper", block(4, block(2, strangers + uuid) + block(3, strangers + shuffle + strangers) + block(4, b"{}")))
    loose("DeriveRequest", "read.strangers-beside", strangers + block(4, read + block(4, b"{}")) + strangers, "parts")
    loose("DeriveRequest", "read.line-breaks", block(4, block(4, b'{\n "a": [1,\r\n\t2]\n}')))
    loose("DeriveRequest", "read.doc-first", block(4, block(4, b'{"a":1}') + read))
    loose("DeriveRequest", "flush.newer", block(5, block(1, b"[{}]")))
    loose("DeriveRequest", "validate.types-one-by-one", block(2, field(5, 0, b"\1") + field(5, 0, b"\3")))
    loose("DeriveResponse", "published.strangers", block(4, strangers + block(1, b'{"a":1}') + strangers))
    loose("DeriveResponse", "published.line-breaks", block(4, block(1, b'{\n"a":\n1}')))
    loose("DeriveResponse", "opened.rebuild", block(3, block(1, b"\xf8\xff\xff\xff\x0f\x01")))
    loose("DeriveResponse", "validated.file-without-content", block(2, block(2, block(1, b"file:///a"))))


def refused():
    """Not a message at all; the library's own parser refuses what is marked."""
    doc = block(2, b"{}")
    cases = [
        ("Response", "nothing", b"", False),
        ("Response", "an-unknown-kind", block(11, b""), False),
        ("Response", "internal-alone", block(100, b"\1"), False),
        ("Response", "two-kinds", block(6, doc) + block(7, b""), False),
        ("Response", "two-kinds-swapped", block(7, b"") + block(6, doc), False),
        ("Response", "two-cold-kinds", block(5, b"") + block(4, b""), False),
        ("Response", "a-hot-kind-behind-a-cold-one", block(5, b"") + block(6, doc), False),
        ("Response", "captured-without-doc", block(6, field(1, 0, b"\1")), False),
        ("Response", "captured-doc-is-no-json", block(6, block(2, b"{]")), False),
        ("Response", "captured-doc-is-no-object", block(6, block(2, b"[]")), False),
        ("Response", "captured-doc-and-more", block(6, block(2, b"{}{}")), False),
        ("Response", "captured-doc-is-no-utf8", block(6, block(2, b'{"a":"\xff"}')), True),
        ("Response", "checkpoint-state-is-no-object", block(7, block(1, block(1, b"1"))), False),
        ("Response", "sourced-schema-is-no-object", block(8, block(2, b"true")), False),
        ("Response", "applied-text-is-no-utf8", block(4, block(1, b"\xc0\x80")), True),
        ("Response", "spec-schema-is-no-json", block(1, block(2, b"{")), False),
        ("Response", "kind-as-varint", field(6, 0, b"\1"), False),
        ("Response", "cold-kind-as-varint", field(5, 0, b"\1"), False),
        ("Response", "field-as-fixed", block(5, field(1, 5, b"\1\0\0\0")), False),
        ("Response", "a-group", field(6, 3, b"") + field(6, 4, b""), False),
        ("Response", "wire-type-6", field(6, 6, b""), True),
        ("Response", "wire-type-7", block(6, field(1, 7, b"")), True),
        ("Response", "tag-0", field(0, 0, b"\1"), True),
        ("Response", "tag-0-inside", block(6, field(0, 0, b"\1")), True),
        ("Response", "varint-of-11-bytes", b"\xff" * 10 + b"\1", True),
        ("Response", "varint-of-11-bytes-inside", block(6, field(1, 0, b"\xff" * 10 + b"\1")), True),
        ("Response", "longer-than-there-is", field(6, 2, varint(100) + doc), True),
        ("Response", "longer-than-there-is-inside", block(6, field(2, 2, varint(3) + b"{}")), True),
        ("Response", "longer-than-memory", field(6, 2, varint(2**63) + doc), True),
        ("Response", "state-longer-than-there-is", block(7, block(1, field(1, 2, varint(3) + b"{}"))), True),
        ("Request", "nothing", b"", False),
        ("Request", "an-unknown-kind", block(7, b""), False),
        ("Request", "two-kinds", block(1, b"") + block(2, b""), False),
        ("Request", "config-is-no-json", block(1, block(2, b"nul")), False),
        ("Request", "name-is-no-utf8", block(3, block(1, b"\xed\xa0\x80")), True),
        ("MaterializeRequest", "store-doc-is-no-object", block(7, block(6, b"[]")), False),
        ("MaterializeRequest", "store-key-is-no-array", block(7, block(2, b"{}")), False),
        ("MaterializeRequest", "store-values-are-no-json", block(7, block(4, b"[1")), False),
        ("MaterializeRequest", "two-kinds", block(7, doc) + block(5, b""), False),
        ("MaterializeRequest", "store-as-varint", field(7, 0, b"\1"), False),
        ("MaterializeRequest", "number-as-bytes", block(8, block(1, block(1, block(1, b"j") + block(2, block(1, b"1"))))), False),
        ("MaterializeRequest", "an-unknown-kind", block(10, b""), False),
        ("DeriveRequest", "read-without-doc", block(4, field(1, 0, b"\1")), False),
        ("DeriveRequest", "read-doc-is-no-object", block(4, block(4, b"[]")), False),
        ("DeriveRequest", "read-key-is-no-array", block(4, block(3, block(1, b"{}")) + block(4, b"{}")), False),
        ("DeriveRequest", "read-clock-longer-than-there-is", block(4, block(2, field(2, 1, b"1234")) + block(4, b"{}")), True),
        ("DeriveRequest", "read-as-varint", field(4, 0, b"\1"), False),
        ("DeriveRequest", "two-kinds", block(4, block(4, b"{}")) + block(5, b""), False),
        ("DeriveRequest", "an-unknown-kind", block(8, b""), False),
        ("DeriveRequest", "a-type-longer-than-its-field", block(2, block(5, b"\x80")), True),
        ("DeriveResponse", "published-without-doc", block(4, b""), False),
        ("DeriveResponse", "published-doc-and-more", block(4, block(1, b"{}{}")), False),
        ("DeriveResponse", "an-unknown-kind", block(7, b""), False),
        ("MaterializeResponse", "loaded-without-doc", block(5, field(1, 0, b"\1")), False),
        ("MaterializeResponse", "constraint-as-number", block(2, block(1, block(1, block(1, b"a") + field(2, 0, b"\1")))), False),
    ]
    for direction, name, data, by_library in cases:
        if by_library:
            try:
                CLASSES[direction]().ParseFromString(data)
            except google.protobuf.message.DecodeError:
                pass
            else:
                sys.exit(f"the library takes {name}")
        show(direction, "refuse", name, data, "-")


# ---- JSON that is read but not written: other names, numbers for enums, nulls, unknown keys ----

def encodings():
    capture = CLASSES["CaptureSpec"](name="a/b", connector_type=8, config_json='{"k":1}', interval_seconds=300)
    capture.bindings.add(resource_config_json='{"s":"a"}', resource_path=["a", ""], state_key="a")
    m = CLASSES["Request"](open=CLASSES["OpenRequest"](capture=capture, version="v", state_json='{"s":1}'))
    show("Request", "encode", "open.snake-case", encode(m),
         '{"open":{"capture":{"name":"a/b","connector_type":"LOCAL","config_json":{"k":1},"bindings":[{"resource_config_json":{"s":"a"},"resource_path":["a",""],'
         '"state_key":"a"}],"interval_seconds":300},"version":"v","state_json":{"s":1}}}')
    show("Request", "encode", "open.nulls-and-strangers", encode(m),
         '{"open":{"capture":{"name":"a/b","connectorType":8,"config":{"k":1},"bindings":[{"resourceConfig":{"s":"a"},"resourcePath":["a",""],"collection":null,'
         '"backfill":0,"stateKey":"a","later":[1]}],"intervalSeconds":300,"networkPorts":[],"inactiveBindings":null,"secrets":{}},"version":"v","range":null,"state":{"s":1},"more":{}}}')
    applied = CLASSES["Response"](applied=CLASSES["AppliedResponse"](action_description="tür\n"))
    show("Response", "encode", "applied.escapes", encode(applied), '{"\\u0061pplied":{"action\\u0044escription":"t\\u00fcr\\n"}}')
    salt = CLASSES["Request"](apply=CLASSES["ApplyRequest"](capture=CLASSES["CaptureSpec"](redact_salt=b"\xfb\xff\xfe")))
    show("Request", "encode", "apply.base64-of-urls", encode(salt), '{"apply":{"capture":{"redactSalt":"-__-"}}}')


# ---- headers of captured messages, by binding and size of the document ----

def headers():
    near = lambda n, back, on: range(n - back, n + on)
    sizes = sorted({1, 2, *near(128, 16, 8), *near(16384, 16, 8), *near(2**21, 18, 8)})
    for binding in (0, 1, 127, 128, 300, 2**32 - 1):
        for size in sizes:
            inner = CLASSES["CapturedResponse"](binding=binding, doc_json="x" * size)
            data = encode(CLASSES["Response"](captured=inner))
            print(f"header {binding} {size} {(len(data).to_bytes(4, 'little') + data[:-size]).hex()}")
    print()


def main():
    print(f"# Made by vectors.py with protobuf {google.protobuf.__version__}. DIRECTION MODE NAME, protobuf in hex, JSON:")
    print("#   both    the same in both directions        decode  read only: the bytes are not what a serializer writes, or hold what JSON leaves out")
    print("#   parts   as decode, of several parts: cut between them it may still be a message")
    print("#   encode  written only                       refuse  must not be read")
    print("# header BINDING SIZE: what stands before a document of that size, frame length included.\n")
    kinds(("Request", "Response"), 3032023)
    kinds(("MaterializeRequest", "MaterializeResponse"), 5)
    kinds(("DeriveRequest", "DeriveResponse"), 4)
    unusual()
    unusual_materializations()
    unusual_derivations()
    refused()
    encodings()
    headers()


main()
