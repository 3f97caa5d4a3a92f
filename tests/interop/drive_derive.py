"""The smallest Flow runtime for derivations, JSON codec: says what flow.md 4 says, and shares no code or assumption with Weir."""

import json
from dataclasses import dataclass, field

from drive import FULL_RANGE, Peer, PeerFailed, Process, call, merge_patch
from drive_materialize import pack


def collection(name: str, key: str, properties: dict) -> dict:
    """properties: of its documents, name -> schema."""
    projections = [{"ptr": "", "field": "flow_document", "inference": {"types": ["object"], "exists": "MUST"}}]
    for name_, schema in properties.items():
        types = schema["type"]
        inference = {"types": [types] if isinstance(types, str) else types, "exists": "MUST" if name_ == key else "MAY"}
        projections.append({"ptr": f"/{name_}", "field": name_, "isPrimaryKey": name_ == key, "inference": inference})
    projections.sort(key=lambda projection: projection["field"])
    schema = {"type": "object", "properties": properties, "required": [key]}
    return {"name": name, "key": [f"/{key}"], "uuidPtr": "/_meta/uuid", "projections": projections, "writeSchema": schema, "readSchema": schema}


@dataclass
class Transform:
    name: str
    source: dict  # a collection
    lambda_: object
    shuffle: list[str] = field(default_factory=list)


class Derivation:
    """A session: validated and opened. transaction() reads documents and gives what was published; state is as the platform keeps it."""

    def __init__(self, peer: Peer, target: dict, transforms: list[Transform], state: dict):
        self.peer, self.state, self.lines = peer, state, []
        request = {
            "connectorType": "LOCAL", "config": peer.config, "collection": target, "shuffleKeyTypes": ["STRING"], "projectRoot": "file:///", "importMap": {},
            "transforms": [{"name": t.name, "collection": t.source, "lambdaConfig": t.lambda_} for t in transforms],
        }
        self.validated = call(peer, "validate", request)
        assert len(self.validated["transforms"]) == len(transforms)
        self.transforms = transforms
        derivation = {
            "connectorType": "LOCAL", "config": peer.config, "shuffleKeyTypes": ["STRING"],
            "transforms": [{"name": t.name, "collection": t.source, "lambdaConfig": t.lambda_, "shuffleKey": t.shuffle, "stateKey": t.name,
                            "journalReadSuffix": f"derive/{target['name']}/{t.name}"} for t in transforms],
        }
        self.process = Process(peer)
        self.process.send("spec", {"connectorType": "LOCAL", "config": {}})
        self.lines.append({"spec": self.process.expect("spec")})
        self.process.send("open", {"collection": {**target, "derivation": derivation}, "version": "1", "range": FULL_RANGE, "state": state})
        self.lines.append({"opened": self.process.expect("opened")})

    def take(self, last: str, published: list) -> dict:
        while line := self.process.line():
            message = {k: v for k, v in json.loads(line).items() if v is not None}
            self.lines.append(message)
            ((kind, body),) = message.items()
            if kind == last:
                return body
            if kind != "published":
                raise PeerFailed(f"unexpected {kind}: {line[:200]}")
            published.append(body["doc"])
        raise PeerFailed(f"no {last}; status {self.process.end()}; log:\n{self.process.log.decode()}")

    def transaction(self, reads: list[tuple[int, dict]]) -> list[dict]:
        """reads: (transform, document)."""
        published = []
        for n, (index, doc) in enumerate(reads):
            key = [doc[p[1:]] for p in self.transforms[index].shuffle]
            shuffle = {"shuffle": {"key": key, "packed": pack(key), "hash": 1}} if key else {}
            self.process.send("read", {"transform": index, "uuid": {"node": "1", "clock": str(n + 1)}, **shuffle, "doc": doc})
        self.process.send("flush", {})
        self.take("flushed", published)
        self.process.send("startCommit", {"runtimeCheckpoint": {}})
        update = self.take("startedCommit", []).get("state") or {}
        if update.get("mergePatch"):
            self.state = merge_patch(self.state, update.get("updated", {}))
        elif "updated" in update:
            self.state = update["updated"]
        return published

    def end(self) -> int:
        return self.process.end()
