"""Reads lines and says what Airbyte's own models think of them: the serializer that sources are run with (airbyte-cdk) and the pydantic models that are made
from the protocol's schema. Prints one line for each complaint; a key that the schema does not have is one."""

import sys

import orjson
from airbyte_cdk.models import AirbyteMessageSerializer
from airbyte_protocol.models import AirbyteMessage, AirbyteStateBlob
from pydantic import BaseModel

PAYLOADS = {
    "RECORD": "record",
    "STATE": "state",
    "LOG": "log",
    "SPEC": "spec",
    "CONNECTION_STATUS": "connectionStatus",
    "CATALOG": "catalog",
    "TRACE": "trace",
    "CONTROL": "control",
}


def extras(model, where=""):
    """Keys that a model let through because it lets everything through. What a state holds is the connector's own business."""
    if isinstance(model, AirbyteStateBlob):
        return
    if isinstance(model, BaseModel):
        for key in model.model_extra or {}:
            yield f"{where}.{key}"
        for name in model.model_fields_set & set(type(model).model_fields):
            yield from extras(getattr(model, name), f"{where}.{name}")
    elif isinstance(model, list):
        for index, item in enumerate(model):
            yield from extras(item, f"{where}[{index}]")


def complaints(line: bytes):
    try:
        message = orjson.loads(line)
        AirbyteMessageSerializer.load(message)
        parsed = AirbyteMessage.model_validate_json(line)
    except Exception as error:  # whatever it is, it is about this line
        yield f"{type(error).__name__}: {error}"
        return
    wanted = {"type", PAYLOADS[message["type"]]}
    if set(message) != wanted:
        yield f"has {sorted(message)}, not {sorted(wanted)}"
    if unknown := list(extras(parsed)):
        yield f"not in the schema: {unknown}"


if __name__ == "__main__":
    for number, line in enumerate(sys.stdin.buffer, 1):
        for complaint in complaints(line) if line.endswith(b"\n") else ["the line has no end"]:
            print(f"{number}: {complaint}: {line[:300]!r}")
