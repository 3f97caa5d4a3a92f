"""flow-sdk's Singer shim around a tap whose records are those in the lines of a file (config.path)."""

import json

from flow_sdk.shim_singer_sdk import CaptureShim
from singer_sdk import Stream, Tap
from singer_sdk import typing as th


class Records(Stream):
    name = "records"
    primary_keys = ["id"]
    schema = {"type": "object", "properties": {}}

    def get_records(self, context):
        with open(self.config["path"], "rb") as lines:
            for line in lines:
                message = json.loads(line)
                if message["type"] == "RECORD":
                    yield message["record"]


class Lines(Tap):
    name = "tap-lines"
    config_jsonschema = th.PropertiesList(th.Property("path", th.StringType)).to_dict()

    def discover_streams(self):
        return [Records(self)]


CaptureShim(config_schema=Lines.config_jsonschema, delegate_factory=Lines).main()
