"""The target tests of Meltano's SDK (singer_sdk.testing) for any executable: `pytest sdk_target_suite.py`. The executable is $WEIR_TARGET (a JSON list), its
config $WEIR_CONFIG. A class of the SDK stands in for it that hands the lines over and says what the executable refused in the SDK's own words.
"""

import json
import os
import subprocess
import sys

from singer_sdk import Target
from singer_sdk.exceptions import MissingKeyPropertiesError, RecordsWithoutSchemaException
from singer_sdk.sinks import RecordSink
from singer_sdk.testing import get_target_test_class


class Sink(RecordSink):
    def process_record(self, record, context): ...


class Executable(Target):
    name = "target-executable"
    config_jsonschema = {"type": "object", "properties": {}}
    default_sink_class = Sink

    def process_lines(self, file_input):
        lines = file_input.read()
        argv = [*json.loads(os.environ["WEIR_TARGET"]), "--config", os.environ["WEIR_CONFIG"]]
        done = subprocess.run(argv, input=lines, capture_output=True, text=True, encoding="utf-8")
        sys.stdout.write(done.stdout)
        if done.returncode:
            self.refused(lines, done.stderr)

    def refused(self, lines: str, why: str):
        first = json.loads(lines.split("\n")[0])
        if first["stream"] in why and first["type"] == "RECORD" and "schema" in why.lower():
            raise RecordsWithoutSchemaException(why)
        if first["stream"] in why and any(f" key /{key}:" in why for key in first.get("key_properties", [])):
            raise MissingKeyPropertiesError(why)
        raise RuntimeError(why)

    def process_endofpipe(self): ...


TestTarget = get_target_test_class(target_class=Executable, config={})
