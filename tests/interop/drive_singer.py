"""The smallest Singer runner: runs a tap or target as singer.md says, and shares no code or assumption with Weir."""

import copy
import json
import os
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

DEADLINE = 300  # seconds for one run; a bound, not a wait


class Failed(AssertionError):
    pass


@dataclass
class Run:
    """What a tap said, or which states a target printed."""

    status: int
    out: bytes
    log: str

    def messages(self, loads=json.loads) -> list[dict]:
        return [loads(line) for line in self.out.split(b"\n") if line]

    def records(self, loads=json.loads) -> dict[str, list[dict]]:
        found = {}
        for message in self.messages(loads):
            if message["type"] == "RECORD":
                found.setdefault(message["stream"], []).append(message["record"])
        return found

    def schemas(self) -> dict[str, list[dict]]:
        found = {}
        for message in self.messages():
            if message["type"] == "SCHEMA":
                found.setdefault(message["stream"], []).append(message)
        return found

    def states(self) -> list[dict]:
        return [message["value"] for message in self.messages() if message["type"] == "STATE"]

    def state(self) -> dict | None:
        return self.states()[-1] if self.states() else None


@dataclass
class Program:
    argv: list[str]
    env: dict[str, str] = field(default_factory=dict)

    def run(self, *flags: str, input: bytes | None = None, expect: int | None = 0, **files) -> Run:
        with tempfile.TemporaryDirectory() as folder:
            argv = [*self.argv, *flags]
            for flag, content in files.items():
                if content is not None:
                    path = Path(folder, f"{flag}.json")
                    path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
                    argv += [f"--{flag}", str(path)]
            done = subprocess.run(argv, input=input, stdin=subprocess.DEVNULL if input is None else None, capture_output=True,
                                  timeout=DEADLINE, env={**os.environ, **self.env})  # fmt: skip
        result = Run(done.returncode, done.stdout, done.stderr.decode())
        if expect is not None and result.status != expect:
            raise Failed(f"{argv} exited {result.status}\n{result.out.decode()}\n{result.log}")
        return result

    def discover(self, config: dict) -> dict:
        return json.loads(self.run("--discover", config=config).out)

    def sync(self, config: dict, catalog: dict | None = None, state: dict | None = None, expect: int | None = 0, **more) -> Run:
        return self.run(config=config, catalog=catalog, state=state, expect=expect, **more)

    def load(self, config: dict, lines: bytes | list, expect: int | None = 0) -> tuple[Run, list]:
        """Feeds a target. Returns what it did and the states that it printed."""
        if isinstance(lines, list):
            lines = b"".join((line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n" for line in lines)
        done = self.run(input=lines, config=config, expect=expect)
        return done, [json.loads(line) for line in done.out.split(b"\n") if line]


def select(catalog: dict, streams: list[str] | None = None, fields: dict[str, bool] | None = None, method: dict[str, str] | None = None) -> dict:
    """A catalog with these streams (default: all) selected the way every tap understands. method: stream -> replication method."""
    catalog = copy.deepcopy(catalog)
    for entry in catalog["streams"]:
        wanted = streams is None or entry["tap_stream_id"] in streams
        metadata = entry.setdefault("metadata", [])
        root = next((m for m in metadata if not m["breadcrumb"]), None)
        if root is None:
            root = {"breadcrumb": [], "metadata": {}}
            metadata.append(root)
        root["metadata"]["selected"] = wanted
        if wanted and method and entry["tap_stream_id"] in method:
            root["metadata"]["replication-method"] = entry["replication_method"] = method[entry["tap_stream_id"]]
        known = {tuple(m["breadcrumb"]): m for m in metadata}
        for name in entry["schema"].get("properties", {}):
            if ("properties", name) not in known:
                metadata.append({"breadcrumb": ["properties", name], "metadata": {}})
        for m in metadata:
            if m["breadcrumb"]:
                m["metadata"]["selected"] = (fields or {}).get(m["breadcrumb"][-1], wanted)
    return catalog


def schema(stream: str, properties: dict, key: list[str] | None = None, **more) -> dict:
    found = {"type": "SCHEMA", "stream": stream, "schema": {"type": "object", "properties": properties}}
    return {**found, **({} if key is None else {"key_properties": key}), **more}


def record(stream: str, data: dict, **more) -> dict:
    return {"type": "RECORD", "stream": stream, "record": data, **more}


def state(value) -> dict:
    return {"type": "STATE", "value": value}
