"""The smallest Airbyte platform: runs a source or destination as airbyte.md says, and shares no code or assumption with Weir."""

import json
import os
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

DEADLINE = 300  # seconds for one run; a bound, not a wait
KINDS = {
    "RECORD": "record",
    "STATE": "state",
    "LOG": "log",
    "SPEC": "spec",
    "CONNECTION_STATUS": "connectionStatus",
    "CATALOG": "catalog",
    "TRACE": "trace",
    "CONTROL": "control",
}


class Failed(AssertionError):
    pass


@dataclass
class Run:
    """What a connector said: its messages in order as (type, payload); what was not a message; its exit status."""

    status: int
    messages: list[tuple[str, dict]]
    junk: list[bytes]
    log: str
    out: bytes

    def of(self, kind: str) -> list[dict]:
        return [payload for found, payload in self.messages if found == kind]

    def one(self, kind: str) -> dict:
        found = self.of(kind)
        if len(found) != 1:
            raise Failed(f"{len(found)} {kind} messages; status {self.status}\n{self.out.decode()}\n{self.log}")
        return found[0]

    def records(self, loads=json.loads) -> dict[str, list[dict]]:
        """By stream; a namespace goes before its name with a dot. loads: how data is to be read."""
        found = {}
        for line in self.out.split(b"\n"):
            message = _message(line, loads)
            if message and message[0] == "RECORD":
                found.setdefault(name_of(message[1]), []).append(message[1]["data"])
        return found

    def states(self) -> list[dict]:
        """What a platform keeps of its STATE messages for the next run: the last of each stream."""
        last = {}
        for state in self.of("STATE"):
            if state.get("type") == "STREAM":
                last[name_of(state["stream"]["stream_descriptor"], "name")] = state
            else:
                last = {"": state}
        return list(last.values())

    def errors(self) -> list[dict]:
        return [t["error"] for t in self.of("TRACE") if t["type"] == "ERROR"]

    def statuses(self) -> dict[str, list[str]]:
        found = {}
        for trace in self.of("TRACE"):
            if trace["type"] == "STREAM_STATUS":
                status = trace["stream_status"]
                found.setdefault(name_of(status["stream_descriptor"], "name"), []).append(status["status"])
        return found


def name_of(body: dict, member="stream") -> str:
    return f"{body['namespace']}.{body[member]}" if body.get("namespace") else body[member]


def _message(line: bytes, loads=json.loads) -> tuple[str, dict] | None:
    try:
        message = loads(line)
        payload = message[KINDS[message["type"]]]
    except (ValueError, KeyError, TypeError):
        return None
    return (message["type"], payload) if isinstance(payload, dict) else None


@dataclass
class Connector:
    argv: list[str]
    env: dict[str, str] = field(default_factory=dict)

    def run(self, command: str, input: bytes | None = None, expect: int | None = 0, **files) -> Run:
        """files: what to hand over in files by flag; a list or an object."""
        with tempfile.TemporaryDirectory() as folder:
            argv = [*self.argv, command]
            for flag, content in files.items():
                path = Path(folder, f"{flag}.json")
                path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
                argv += [f"--{flag}", str(path)]
            done = subprocess.run(argv, input=input, stdin=subprocess.DEVNULL if input is None else None, capture_output=True,
                                  timeout=DEADLINE, env={**os.environ, **self.env})  # fmt: skip
        messages, junk = [], []
        for line in done.stdout.split(b"\n"):
            if line:
                message = _message(line)
                messages.append(message) if message else junk.append(line)
        result = Run(done.returncode, messages, junk, done.stderr.decode(), done.stdout)
        if expect is not None and result.status != expect:
            raise Failed(f"{argv} exited {result.status}\n{result.out.decode()}\n{result.log}")
        return result

    def spec(self) -> dict:
        return self.run("spec").one("SPEC")

    def check(self, config: dict) -> dict:
        return self.run("check", config=config).one("CONNECTION_STATUS")

    def discover(self, config: dict) -> list[dict]:
        return self.run("discover", config=config).one("CATALOG")["streams"]

    def read(self, config: dict, catalog: dict, state: list | None = None, expect: int | None = 0) -> Run:
        files = {"config": config, "catalog": catalog, **({} if state is None else {"state": state})}
        return self.run("read", expect=expect, **files)

    def write(self, config: dict, catalog: dict, lines: list[bytes] | list[dict], expect: int | None = 0) -> Run:
        encoded = b"".join((line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n" for line in lines)
        return self.run("write", input=encoded, expect=expect, config=config, catalog=catalog)


def configured(streams: list[dict], mode="incremental", destination="append", generation=1, minimum=0, **more) -> dict:
    """A configured catalog. mode: where a stream has it; destination: append_dedup only where there is a key."""
    found = []
    for stream in streams:
        key = stream.get("source_defined_primary_key") or more.get("primary_key") or []
        found.append({
            "stream": stream,
            "sync_mode": mode if mode in stream["supported_sync_modes"] else "full_refresh",
            "destination_sync_mode": "append" if destination == "append_dedup" and not key else destination,
            "cursor_field": stream.get("default_cursor_field") or [],
            "primary_key": key,
            "generation_id": generation,
            "minimum_generation_id": minimum,
            "sync_id": 1,
        })  # fmt: skip
    return {"streams": found}


def to_destination(run: Run) -> list[bytes]:
    """What a platform passes on from a source: records, states, stream statuses; a terminal status for every stream that has none."""
    kept = []
    for line in run.out.split(b"\n"):
        message = _message(line)
        if message and (message[0] in ("RECORD", "STATE") or message[0] == "TRACE" and message[1]["type"] == "STREAM_STATUS"):
            kept.append(line)
    return kept


def record(stream: str, data: dict, emitted_at=1_700_000_000_000, **more) -> dict:
    return {"type": "RECORD", "record": {"stream": stream, "data": data, "emitted_at": emitted_at, **more}}


def stream_state(stream: str, state: dict, count: float | None = None, namespace=None, **more) -> dict:
    descriptor = {"name": stream, **({"namespace": namespace} if namespace else {})}
    stats = {"sourceStats": {"recordCount": count}} if count is not None else {}
    return {"type": "STATE", "state": {"type": "STREAM", "stream": {"stream_descriptor": descriptor, "stream_state": state}, **stats, **more}}


def status(stream: str, what: str, namespace=None) -> dict:
    descriptor = {"name": stream, **({"namespace": namespace} if namespace else {})}
    trace = {"type": "STREAM_STATUS", "emitted_at": 1.7e12, "stream_status": {"stream_descriptor": descriptor, "status": what}}
    return {"type": "TRACE", "trace": trace}
