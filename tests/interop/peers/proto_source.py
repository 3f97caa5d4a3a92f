"""A source that speaks protobuf with protobuf's own library, and awkwardly where the rules allow it: members in descending order, zeros
written out, members that nobody knows, the platform's private field beside the kind.

config.dir/rows.ndjson and notes.ndjson hold the documents; the state counts them. Wants acknowledgements, and goes on only when its last
checkpoint but one is acknowledged.

With PEER_BREAKS in its environment it comes to an end behind its third document, which no checkpoint follows: `end` is a quiet one, `half`
breaks off within a message, `die` kills itself, `kill` kills the runner.
"""

import json
import os
import signal
import struct
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from audit import Audit
from codec import Protobuf

BREAKS = os.environ.get("PEER_BREAKS")
STREAMS = ["rows", "notes"]
SPEC = {
    "protocol": 3032023,
    "configSchema": {"type": "object", "properties": {"dir": {"type": "string"}}, "required": ["dir"]},
    "resourceConfigSchema": {"type": "object", "properties": {"stream": {"type": "string"}}, "required": ["stream"]},
    "documentationUrl": "https://example.com/proto-source",
    "resourcePathPointers": ["/stream"],
}
SCHEMA = {"type": "object", "properties": {"id": {"type": "integer"}}, "required": ["id"], "x-infer-schema": True}
SOURCED = {"type": "object", "properties": {"id": {"type": "integer"}, "sourced": {"type": "string"}}, "additionalProperties": False}


def varint(n: int) -> bytes:
    return bytes([n & 127 | 128]) + varint(n >> 7) if n > 127 else bytes([n])


def member(number: int, content: bytes | int) -> bytes:
    if isinstance(content, int):
        return varint(number << 3) + varint(content)
    return varint(number << 3 | 2) + varint(len(content)) + content


class Source:
    def __init__(self):
        self.audit, self.codec, self.unacknowledged = Audit(), Protobuf("Request"), 0

    def request(self) -> dict | None:
        line = self.codec.read(sys.stdin.buffer)
        if line:
            self.audit.write(line.encode())
        return json.loads(line) if line else None

    def answer(self, kind: str, body: dict):
        sys.stdout.buffer.write(self.codec.write(kind, body))
        sys.stdout.buffer.flush()

    def awkward(self, kind: int, *members: bytes):
        message = member(2000, b"unknown") + member(100, b"\x00private") + member(kind, member(99, 7) + b"".join(members))
        sys.stdout.buffer.write(struct.pack("<I", len(message)) + message)
        sys.stdout.buffer.flush()

    def checkpoint(self, state: dict):
        update = json.dumps({"bindingStateV1": state}).encode()
        self.awkward(7, member(1, member(2, 1) + member(1, update)))
        self.unacknowledged += 1

    def acknowledged(self, but: int):
        while self.unacknowledged > but:
            self.unacknowledged -= self.request()["acknowledge"]["checkpoints"]

    def capture(self, open: dict):
        bindings, old = open["capture"]["bindings"], open.get("state", {}).get("bindingStateV1", {})
        self.answer("opened", {"explicitAcknowledgements": True})
        for index, binding in enumerate(bindings):
            key = binding["stateKey"]
            lines = Path(open["capture"]["config"]["dir"], binding["resourceConfig"]["stream"] + ".ndjson").read_bytes().splitlines()
            self.awkward(8, member(2, json.dumps(SOURCED).encode()), member(1, index))
            for at in range(old.get(key, {}).get("count", 0), len(lines), 2):
                for line in lines[at : at + 2]:
                    self.awkward(6, member(2, line), member(1, index))
                if at == 2 and BREAKS:
                    return self.breaks()
                self.checkpoint({key: {"count": min(at + 2, len(lines)), "gone": None, "kept": {"at": at}}})
                self.acknowledged(but=1)
        self.acknowledged(but=0)

    def breaks(self):
        if BREAKS == "half":
            sys.stdout.buffer.write(b"\x20\0\0\0half of it")
        if BREAKS in ("die", "kill"):
            os.kill(os.getpid() if BREAKS == "die" else os.getppid(), signal.SIGKILL)

    def serve(self):
        while request := self.request():
            (kind, body), = request.items()
            if kind == "spec":
                self.answer("spec", SPEC)
            elif kind == "discover":
                found = [{"recommendedName": s, "resourceConfig": {"stream": s}, "documentSchema": SCHEMA, "key": ["/id"]} for s in STREAMS]
                self.answer("discovered", {"bindings": found})
            elif kind == "validate":
                self.answer("validated", {"bindings": [{"resourcePath": [b["resourceConfig"]["stream"]]} for b in body["bindings"]]})
            elif kind == "apply":
                self.answer("applied", {})
            else:
                return self.capture(body)


if __name__ == "__main__":
    Source().serve()
