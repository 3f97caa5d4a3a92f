#!/usr/bin/env python3
"""numbered.py PROTOCOL ... - an Airbyte source or Singer tap of numbered records, for tests that kill it.

The stream `records` holds {"id": 0} to NUMBERS - 1, with a state after every 7. KILL=self:N or both:N: with the N-th write it dies, both takes its parent
along. Writes end anywhere, as those of a program with a buffer do; where, is drawn from SEED.
"""
import json
import os
import random
import signal
import sys

COUNT, EVERY = int(os.environ.get("NUMBERS", "700")), 7
SCHEMA = {"type": "object", "properties": {"id": {"type": "integer"}, "name": {"type": "string"}}}


class Output:
    def __init__(self):
        self.random = random.Random(os.environ.get("SEED", "1"))
        self.who, _, at = os.environ.get("KILL", "nobody:0").partition(":")
        self.left = int(at)
        self.held = b""

    def say(self, message):
        self.held += json.dumps(message, separators=(",", ":")).encode() + b"\n"
        while len(self.held) > 3000:
            self.write(self.random.randint(500, 3000))

    def write(self, size):
        os.write(1, self.held[:size])
        self.held = self.held[size:]
        self.left -= 1
        if self.left == 0 and self.who != "nobody":
            if self.who == "both":
                os.kill(os.getppid(), signal.SIGKILL)
            os.kill(os.getpid(), signal.SIGKILL)

    def close(self):
        while self.held:
            self.write(1000)


def flag(name):
    return sys.argv[sys.argv.index(name) + 1] if name in sys.argv else None


def load(path):
    with open(path, encoding="utf-8") as f:
        return json.load(f)


def records(first, record, state):
    for n in range(first, COUNT):
        record(n)
        if n % EVERY == EVERY - 1 or n == COUNT - 1:
            state(n + 1)


def airbyte(out, command):
    descriptor = {"name": "records"}
    stream = {"name": "records", "json_schema": SCHEMA, "supported_sync_modes": ["full_refresh", "incremental"], "source_defined_cursor": True,
              "default_cursor_field": ["id"], "source_defined_primary_key": [["id"]], "is_resumable": True}
    if command == "spec":
        out.say({"type": "SPEC", "spec": {"connectionSpecification": {"type": "object", "properties": {}}}})
    elif command == "check":
        out.say({"type": "CONNECTION_STATUS", "connectionStatus": {"status": "SUCCEEDED"}})
    elif command == "discover":
        out.say({"type": "CATALOG", "catalog": {"streams": [stream]}})
    else:
        def status(word):
            out.say({"type": "TRACE", "trace": {"type": "STREAM_STATUS", "emitted_at": 1.5, "stream_status": {"stream_descriptor": descriptor,
                                                                                                              "status": word}}})
        state = load(flag("--state")) if flag("--state") else []
        status("STARTED")
        records(state[0]["stream"]["stream_state"]["n"] if state else 0,
                lambda n: out.say({"type": "RECORD", "record": {"stream": "records", "data": {"id": n, "name": f"é{n}"}, "emitted_at": 1}}),
                lambda n: out.say({"type": "STATE", "state": {"type": "STREAM", "stream": {"stream_descriptor": descriptor, "stream_state": {"n": n}}}}))
        status("COMPLETE")


def singer(out):
    if "--about" in sys.argv:
        out.say({"name": "numbers", "description": "", "version": "1", "sdk_version": "1", "supported_python_versions": None,
                 "capabilities": ["catalog", "discover", "state"], "settings": {"type": "object", "properties": {}}})
    elif "--discover" in sys.argv:
        out.say({"streams": [{"tap_stream_id": "records", "stream": "records", "schema": SCHEMA, "key_properties": ["id"], "metadata": [
            {"breadcrumb": [], "metadata": {"inclusion": "available", "table-key-properties": ["id"], "valid-replication-keys": ["id"]}}]}]})
    else:
        state = load(flag("--state")) if flag("--state") else {}
        out.say({"type": "SCHEMA", "stream": "records", "schema": SCHEMA, "key_properties": ["id"]})
        records(state.get("bookmarks", {}).get("records", {}).get("n", 0),
                lambda n: out.say({"type": "RECORD", "stream": "records", "record": {"id": n, "name": f"é{n}"}}),
                lambda n: out.say({"type": "STATE", "value": {"bookmarks": {"records": {"n": n}}}}))


if __name__ == "__main__":
    output = Output()
    if sys.argv[1] == "airbyte":
        airbyte(output, sys.argv[2])
    else:
        singer(output)
    output.close()
