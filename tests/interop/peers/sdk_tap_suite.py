"""The tap tests of Meltano's SDK (singer_sdk.testing) for any executable: `pytest sdk_tap_suite.py`. The executable is $WEIR_TAP (a JSON list), its config
$WEIR_CONFIG. Classes of the SDK stand in for it: its catalog becomes streams, and a stream's records are what it says when only that is selected.
"""

import json
import os
import subprocess
import tempfile

from singer_sdk import Stream, Tap
from singer_sdk.testing import SuiteConfig, get_tap_test_class


def run(*argv: str) -> bytes:
    argv = [*json.loads(os.environ["WEIR_TAP"]), "--config", os.environ["WEIR_CONFIG"], *argv]
    return subprocess.run(argv, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, check=True).stdout


class ExecutableStream(Stream):
    def __init__(self, tap, entry):
        self.entry = entry
        super().__init__(tap, schema=entry["schema"], name=entry["tap_stream_id"])
        self.primary_keys = entry.get("key_properties") or []

    def get_records(self, context):
        entry = json.loads(json.dumps(self.entry))
        for item in entry["metadata"]:
            item["metadata"]["selected"] = True
        with tempfile.NamedTemporaryFile("w", suffix=".json") as catalog:
            json.dump({"streams": [entry]}, catalog)
            catalog.flush()
            lines = run("--catalog", catalog.name).split(b"\n")
        for message in (json.loads(line) for line in lines if line):
            if message["type"] == "RECORD":
                yield message["record"]


class Executable(Tap):
    name = "tap-executable"
    config_jsonschema = {"type": "object", "properties": {}}

    def discover_streams(self):
        return [ExecutableStream(self, entry) for entry in json.loads(run("--discover"))["streams"]]


TestTap = get_tap_test_class(tap_class=Executable, config={}, suite_config=SuiteConfig())
