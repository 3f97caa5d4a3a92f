"""The smallest Flow runtime for materializations, JSON codec: says what flow.md 5 says, and shares no code or assumption with Weir."""

import base64
import json
import struct

from drive import FULL_RANGE, Peer, PeerFailed, Process, call, merge_patch, state_key


def integer(value: int) -> bytes:
    size = (abs(value).bit_length() + 7) // 8
    if size > 8:  # positive only
        return bytes([0x1D, size]) + value.to_bytes(size, "big")
    return bytes([0x14 + size]) + value.to_bytes(size, "big") if value >= 0 else bytes([0x14 - size]) + (value + 256**size - 1).to_bytes(size, "big")


def double(value: float) -> bytes:
    bits = struct.pack(">d", value)
    return b"\x21" + (bytes(b ^ 0xFF for b in bits) if bits[0] & 0x80 else bytes([bits[0] ^ 0x80]) + bits[1:])


def text(mark: bytes, value: str) -> bytes:
    return mark + value.encode().replace(b"\x00", b"\x00\xff") + b"\x00"


PACKED = {
    type(None): lambda _: b"\x00",
    bool: lambda value: b"\x27" if value else b"\x26",
    int: integer,
    float: double,
    str: lambda value: text(b"\x02", value),
    dict: lambda value: text(b"\x01", json.dumps(value, ensure_ascii=False)),
    list: lambda value: text(b"\x01", json.dumps(value, ensure_ascii=False)),
}


def pack(values: list) -> str:
    """A packed tuple (flow.md 6.3) in base64."""
    return base64.b64encode(b"".join(PACKED[type(value)](value) for value in values)).decode()


class Binding:
    """A collection into a resource. properties: of its documents, name -> schema; one of them is the key."""

    def __init__(self, name: str, resource: dict, key: str, properties: dict):
        self.key, self.resource = key, resource
        schema = {"type": "object", "properties": properties, "required": [key]}
        projections = [{"ptr": "", "field": "flow_document", "inference": {"types": ["object"], "exists": "MUST"}}]
        for field in sorted(properties):
            types = properties[field]["type"]
            inference = {"types": [types] if isinstance(types, str) else types, "exists": "MUST" if field == key else "MAY"}
            pointer = "/" + field.replace("~", "~0").replace("/", "~1")
            projections.append({"ptr": pointer, "field": field, "isPrimaryKey": field == key, "inference": inference})
        projections.sort(key=lambda projection: projection["field"])
        self.collection = {"name": name, "key": [f"/{key}"], "uuidPtr": "/_meta/uuid", "projections": projections, "writeSchema": schema, "readSchema": schema}
        self.request = {"resourceConfig": resource, "collection": self.collection, "fieldConfig": {}}


class Materialization:
    """Validated and applied; run() is one session of transactions."""

    def __init__(self, peer: Peer, bindings: list[Binding], name="acme/out"):
        self.peer, self.bindings = peer, bindings
        request = {"name": name, "connectorType": "LOCAL", "config": peer.config, "bindings": [b.request for b in bindings]}
        self.spec = {**request, "bindings": []}
        for binding, answer in zip(bindings, call(peer, "validate", request)["bindings"]):
            self.spec["bindings"].append(self.selected(binding, answer))
        self.applied = call(peer, "apply", {"materialization": self.spec, "version": "1"})

    def selected(self, binding: Binding, answer: dict) -> dict:
        constraints = {field: constraint["type"] for field, constraint in answer["constraints"].items()}
        if bad := {f: c for f, c in constraints.items() if c in ("UNSATISFIABLE", "INCOMPATIBLE", "INVALID")}:
            raise PeerFailed(f"{binding.collection['name']}: {bad}")
        wanted = [f for f, c in constraints.items() if c != "FIELD_FORBIDDEN" and f not in (binding.key, "flow_document")]
        selection = {"keys": [binding.key], "values": sorted(wanted), "document": "flow_document" if constraints.get("flow_document") != "FIELD_FORBIDDEN" else ""}
        path = answer["resourcePath"]
        return {**binding.request, "fieldSelection": selection, "resourcePath": path, "deltaUpdates": answer.get("deltaUpdates", False), "stateKey": state_key(path)}

    def store(self, index: int, document: str) -> str:
        """A Store request; the document goes in byte for byte."""
        spec, doc = self.spec["bindings"][index], json.loads(document)
        values = [doc.get(field) for field in spec["fieldSelection"]["values"]]
        body = {"binding": index, "keyPacked": pack([doc[self.bindings[index].key]]), "valuesPacked": pack(values)}
        return json.dumps({"store": body})[:-2] + f',"doc":{document}}}}}\n'

    def run(self, transactions: list[list[tuple[int, str]]], state: dict | None = None) -> dict:
        """Each transaction is a list of (binding, document). Returns the state then."""
        process, state = Process(self.peer), state or {}
        process.send("spec", {"connectorType": "LOCAL", "config": {}})
        process.expect("spec")
        process.send("open", {"materialization": self.spec, "version": "1", "range": FULL_RANGE, "state": state})
        process.expect("opened")
        for number, stores in enumerate(transactions):
            process.send("acknowledge", {})
            state = folded(state, process.expect("acknowledged"))
            process.send("flush", {})
            state = folded(state, process.expect("flushed"))
            for index, document in stores:
                process.child.stdin.write(self.store(index, document).encode())
            process.send("startCommit", {"runtimeCheckpoint": {"sources": {f"n{number}": {"readThrough": str(number + 1)}}}})
            state = folded(state, process.expect("startedCommit"))
        process.send("acknowledge", {})
        state = folded(state, process.expect("acknowledged"))
        process.child.stdin.close()
        extra = process.line()
        if process.end() or extra:
            raise PeerFailed(f"extra {extra!r}; log:\n{process.log.decode()}")
        return state


def folded(state: dict, message: dict) -> dict:
    update = message.get("state") or {}
    if update.get("mergePatch"):
        return merge_patch(state, update.get("updated") or {})
    return update["updated"] if "updated" in update else state
