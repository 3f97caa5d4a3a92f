"""The two codecs of the Flow protocol, without Weir: json's own library, and protobuf's over capture.proto.

Both read and write messages as JSON text, so that everything else here knows one form only.
"""

import base64
import json
import struct
import tempfile
from functools import cache
from pathlib import Path

HERE = Path(__file__).resolve().parent


class Malformed(AssertionError):
    pass


class JsonLines:
    def write(self, kind: str, body: dict) -> bytes:
        return json.dumps({kind: body}, ensure_ascii=False).encode() + b"\n"

    def read(self, stream) -> str | None:
        line = stream.readline()
        if line and not line.endswith(b"\n"):
            raise Malformed(f"the last line has no end: {line[:200]!r}")
        return line.decode() if line else None


@cache
def message_class(name: str):
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
    from grpc_tools import protoc

    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "descriptors"
        if protoc.main(["protoc", f"-I{HERE}", f"--descriptor_set_out={out}", str(HERE / "capture.proto")]):
            raise RuntimeError("protoc failed, see above")
        files = descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes())
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"interop.{name}"))


def is_map(field) -> bool:
    return field.message_type is not None and field.message_type.GetOptions().map_entry


def fill(message, body: dict):
    """Sets a message to what its JSON form says."""
    fields = {field.json_name: field for field in message.DESCRIPTOR.fields}
    for key, value in body.items():
        field = fields[key]
        if value is None:
            continue
        if is_map(field):
            for name, item in value.items():
                getattr(message, field.name)[name] = json.dumps(item, ensure_ascii=False).encode()
        elif field.message_type and field.is_repeated:
            for item in value:
                fill(getattr(message, field.name).add(), item)
        elif field.message_type:
            getattr(message, field.name).SetInParent()
            fill(getattr(message, field.name), value)
        elif field.is_repeated:
            getattr(message, field.name).extend(value)
        elif field.name.endswith("_json"):
            setattr(message, field.name, json.dumps(value, ensure_ascii=False).encode())
        elif field.type == field.TYPE_BYTES:
            setattr(message, field.name, base64.b64decode(value))
        elif field.enum_type and isinstance(value, str):
            setattr(message, field.name, field.enum_type.values_by_name[value].number)
        else:
            setattr(message, field.name, value)


def scalar_text(field, value) -> str:
    if field.name.endswith("_json"):
        json.loads(value)
        return value.decode()
    if field.type == field.TYPE_BYTES:
        return json.dumps(base64.b64encode(value).decode())
    if field.enum_type:
        return json.dumps(field.enum_type.values_by_number[value].name)
    return json.dumps(value)


def text_of(message) -> str:
    """The JSON form of a message, with JSON inside of it untouched."""
    members = []
    for field, value in message.ListFields():
        if field.name == "internal":
            continue
        if is_map(field):
            text = "{" + ",".join(f"{json.dumps(name)}:{value[name].decode()}" for name in sorted(value)) + "}"
        elif field.is_repeated:
            text = "[" + ",".join(text_of(item) if field.message_type else scalar_text(field, item) for item in value) + "]"
        else:
            text = text_of(value) if field.message_type else scalar_text(field, value)
        members.append(f"{json.dumps(field.json_name)}:{text}")
    return "{" + ",".join(members) + "}"


def refuse_unknown(message):
    """What capture.proto does not have, and what only platforms write."""
    from google.protobuf.unknown_fields import UnknownFieldSet

    if unknown := [field.field_number for field in UnknownFieldSet(message)]:
        raise Malformed(f"{message.DESCRIPTOR.name}: unknown fields {unknown}")
    for field, value in message.ListFields():
        if field.name == "internal":
            raise Malformed(f"{message.DESCRIPTOR.name}: $internal")
        if field.message_type and not is_map(field):
            for item in value if field.is_repeated else [value]:
                refuse_unknown(item)


class Protobuf:
    """direction: what is read, Request or Response. The other one is written."""

    def __init__(self, direction: str, strict=False):
        self.strict = strict
        self.reads, self.writes = direction, {"Request": "Response", "Response": "Request"}[direction]

    def write(self, kind: str, body: dict) -> bytes:
        message = message_class(self.writes)()
        fill(message, {kind: body})
        encoded = message.SerializeToString()
        return struct.pack("<I", len(encoded)) + encoded

    def read(self, stream) -> str | None:
        header = stream.read(4)
        if not header:
            return None
        size = struct.unpack("<I", header)[0] if len(header) == 4 else -1
        encoded = stream.read(size) if size >= 0 else b""
        if len(encoded) != size:
            raise Malformed(f"half a frame: {header + encoded[:200]!r}")
        message = message_class(self.reads).FromString(encoded)
        if self.strict:
            refuse_unknown(message)
        return text_of(message) + "\n"
