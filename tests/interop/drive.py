"""The smallest Flow runtime: speaks to a capture in either codec, and shares no code or assumption with Weir.

What it collects is what a peer really says; the tests compare Weir's results with it.
"""

import json
import os
import subprocess
import threading
from dataclasses import dataclass, field
from decimal import Decimal
from urllib.parse import quote

from codec import JsonLines, Protobuf

FULL_RANGE = {"keyEnd": 0xFFFFFFFF, "rClockEnd": 0xFFFFFFFF}
DEADLINE = 150  # seconds for one process; a bound, not a wait


class PeerFailed(AssertionError):
    pass


@dataclass
class Peer:
    """How to start a connector, and its endpoint config."""

    argv: list[str]
    config: dict
    env: dict[str, str] = field(default_factory=dict)
    protobuf: bool = False
    strict: bool = False  # protobuf with fields that capture.proto does not have is an error


@dataclass
class Capture:
    """What one session of a capture said."""

    docs: list[tuple[int, dict]] = field(default_factory=list)  # sealed by a checkpoint
    loose: int = 0  # documents after the last checkpoint
    checkpoints: int = 0
    state: dict = field(default_factory=dict)
    status: int | None = None  # None: it was still running and has been killed

    def of(self, binding: int) -> list[dict]:
        return [doc for index, doc in self.docs if index == binding]


class Process:
    def __init__(self, peer: Peer):
        told = {"LOG_LEVEL": "info", "FLOW_RUNTIME_CODEC": "proto" if peer.protobuf else "json", **peer.env}
        self.codec = Protobuf("Response", strict=peer.strict) if peer.protobuf else JsonLines()
        self.child = subprocess.Popen(
            peer.argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **told},
        )
        self.overdue = False
        self.watchdog = threading.Timer(DEADLINE, self._give_up)
        self.watchdog.start()
        self.log = b""
        self.reader = threading.Thread(target=self._read_log)
        self.reader.start()

    def _give_up(self):
        self.overdue = True
        self.child.kill()

    def _read_log(self):
        self.log = self.child.stderr.read()

    def send(self, kind: str, body: dict):
        self.child.stdin.write(self.codec.write(kind, body))
        self.child.stdin.flush()

    def line(self) -> str | None:
        """The next message of its standard output as a line of JSON; None at the end."""
        return self.codec.read(self.child.stdout)

    def expect(self, kind: str) -> dict:
        line = self.line()
        message = json.loads(line) if line else {}
        if message.get(kind) is None:
            raise PeerFailed(f"expected {kind}, got {line!r}; status {self.end(kill=True)}; log:\n{self.log.decode()}")
        return message[kind]

    def end(self, kill=False) -> int:
        if kill:
            self.child.kill()
        if not self.child.stdin.closed:
            try:
                self.child.stdin.close()
            except BrokenPipeError:
                pass
        self.child.stdout.read()
        status = self.child.wait()
        self.watchdog.cancel()
        self.reader.join()
        if self.overdue:
            raise PeerFailed(f"no end within {DEADLINE} s; log:\n{self.log.decode()}")
        return status


def call(peer: Peer, kind: str, body: dict) -> dict:
    """One unary exchange as a runtime makes it: a hidden spec first, then the request, then end of input. Returns the response's message."""
    process = Process(peer)
    process.send("spec", {"connectorType": "LOCAL", "config": {}})
    spec = process.expect("spec")
    if kind == "spec":
        response = spec
    else:
        process.send(kind, body)
        process.child.stdin.close()
        response = process.expect({"discover": "discovered", "validate": "validated", "apply": "applied"}[kind])
    process.child.stdin.close()
    extra = process.line()
    status = process.end()
    if extra or status:
        raise PeerFailed(f"{kind}: status {status}, extra {extra!r}; log:\n{process.log.decode()}")
    return response


def discover(peer: Peer) -> list[dict]:
    return call(peer, "discover", {"connectorType": "LOCAL", "config": peer.config})["bindings"]


def state_key(path: list[str]) -> str:
    return quote("/".join(path), safe="+=").replace("~", "%7E")


def capture_spec(peer: Peer, discovered: list[dict], name="acme/peer") -> dict:
    """Validates what was discovered and makes a CaptureSpec of it."""
    bindings = [
        {
            "resourceConfig": found["resourceConfig"],
            "collection": {"name": f"acme/c{i}", "key": found["key"], "writeSchema": found["documentSchema"]},
        }
        for i, found in enumerate(discovered)
    ]
    request = {"name": name, "connectorType": "LOCAL", "config": peer.config, "bindings": bindings}
    validated = call(peer, "validate", request)["bindings"]
    assert len(validated) == len(bindings)
    for binding, answer in zip(bindings, validated):
        binding["resourcePath"] = answer["resourcePath"]
        binding["resourceConfig"] = {**binding["resourceConfig"], "_meta": {"path": answer["resourcePath"]}}
        binding["stateKey"] = state_key(answer["resourcePath"])
    return {**request, "intervalSeconds": 300}


def unary_requests(task: dict) -> dict[str, dict]:
    """Requests with one answer, for a CaptureSpec."""
    bindings = [{part: binding[part] for part in ("resourceConfig", "collection")} for binding in task["bindings"]]
    return {
        "discover": {"connectorType": "LOCAL", "config": task["config"]},
        "validate": {**{part: task[part] for part in ("name", "connectorType", "config")}, "bindings": bindings},
        "apply": {"capture": task, "version": "1"},
    }


def merge_patch(target, patch):
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return merged


def capture(peer: Peer, spec: dict, state: dict, until=None) -> Capture:
    """Applies and opens, and collects until the peer exits, or until(result) is true at a checkpoint."""
    call(peer, "apply", {"capture": spec, "version": "1"})
    process, result, pending = Process(peer), Capture(state=state), []
    process.send("spec", {"connectorType": "LOCAL", "config": {}})
    process.expect("spec")
    process.send("open", {"capture": spec, "version": "1", "range": FULL_RANGE, "state": state})
    acknowledge = process.expect("opened").get("explicitAcknowledgements", False)

    while line := process.line():
        (kind, body), = ((k, v) for k, v in json.loads(line, parse_float=Decimal).items() if v is not None)
        if kind == "captured":
            pending.append((body.get("binding", 0), body["doc"]))
        elif kind == "checkpoint":
            update = (json.loads(line)["checkpoint"].get("state")) or {}
            if update.get("mergePatch"):
                result.state = merge_patch(result.state, update.get("updated", {}))
            elif "updated" in update:
                result.state = update["updated"]
            result.docs += pending
            result.checkpoints += 1
            pending = []
            if acknowledge:
                process.send("acknowledge", {"checkpoints": 1})
            if until and until(result):
                process.end(kill=True)
                return result
        elif kind != "sourcedSchema":
            raise PeerFailed(f"unexpected {kind}: {line[:200]}")
    result.loose = len(pending)
    result.status = process.end()
    if result.status:
        raise PeerFailed(f"status {result.status}; log:\n{process.log.decode()}")
    return result
