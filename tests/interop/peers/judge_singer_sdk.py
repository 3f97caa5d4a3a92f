"""Reads a tap's lines and says what Meltano's SDK thinks of them: its reader and its message classes; and what JSON Schema (2020-12) says of each
record against the last SCHEMA of its stream. Prints one line for each complaint. With --catalog it reads a catalog."""

import sys

import singer_sdk.singerlib as singer
from jsonschema import Draft202012Validator
from singer_sdk.singerlib.encoding import SimpleSingerReader

CLASSES = {
    "SCHEMA": singer.SchemaMessage,
    "RECORD": singer.RecordMessage,
    "STATE": singer.StateMessage,
    "ACTIVATE_VERSION": singer.ActivateVersionMessage,
}


class Reader(SimpleSingerReader):
    def _process_schema_message(self, message): ...
    def _process_record_message(self, message): ...
    def _process_state_message(self, message): ...
    def _process_activate_version_message(self, message): ...
    def _process_batch_message(self, message): ...


def complaints(line: str, reader: Reader, validators: dict):
    message = reader.deserialize_json(line)
    kind = message["type"]
    if kind not in CLASSES:
        yield f"unknown type {kind}"
        return
    parsed = CLASSES[kind].from_dict(message)
    if unknown := set(message) - set(parsed.to_dict()):
        yield f"not in the message class: {sorted(unknown)}"
    if nulls := [key for key, value in message.items() if value is None]:
        yield f"null: {nulls}"
    if kind == "SCHEMA":
        Draft202012Validator.check_schema(message["schema"])
        validators[message["stream"]] = Draft202012Validator(message["schema"], format_checker=Draft202012Validator.FORMAT_CHECKER)
        if missing := set(message["key_properties"]) - set(message["schema"]["properties"]):
            yield f"keys that are no properties: {sorted(missing)}"
    elif kind == "RECORD":
        for error in validators[message["stream"]].iter_errors(message["record"]):
            yield f"{error.json_path}: {error.message}"
        if missing := set(message["record"]) - set(validators[message["stream"]].schema["properties"]):
            yield f"fields that are no properties: {sorted(missing)}"
    elif kind == "ACTIVATE_VERSION" and message["stream"] not in validators:
        yield "before the stream's SCHEMA"


def judge(lines):
    reader, validators = Reader(), {}
    for number, line in enumerate(lines, 1):
        try:
            found = list(complaints(line.decode(), reader, validators)) if line.endswith(b"\n") else ["the line has no end"]
        except Exception as error:  # whatever it is, it is about this line
            found = [f"{type(error).__name__}: {error}"]
        for complaint in found:
            print(f"{number}: {complaint}: {line[:300]!r}")


def judge_catalog(text: str):
    import json

    catalog = singer.Catalog.from_dict(json.loads(text))
    for entry in catalog.streams:
        Draft202012Validator.check_schema(entry.schema.to_dict())
        root = entry.metadata.root
        if list(root.table_key_properties or []) != list(entry.key_properties or []):
            print(f"{entry.tap_stream_id}: table-key-properties {root.table_key_properties}, key_properties {entry.key_properties}")
        for name in entry.schema.properties or {}:
            if ("properties", name) not in entry.metadata:
                print(f"{entry.tap_stream_id}: no metadata of {name}")


if __name__ == "__main__":
    judge_catalog(sys.stdin.read()) if sys.argv[1:] == ["--catalog"] else judge(sys.stdin.buffer)
