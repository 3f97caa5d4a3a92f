"""source-bench again, with airbyte-cdk: a stream whose read_records() yields dicts. `read --config F --catalog F`"""

import sys
from typing import Any

from airbyte_cdk.entrypoint import launch
from airbyte_cdk.sources import AbstractSource
from airbyte_cdk.sources.streams import Stream

from records import record

PROPERTIES: dict[str, Any] = {
    "id": {"type": "integer"}, "account": {"type": "integer"}, "name": {"type": "string"}, "email": {"type": "string"}, "city": {"type": "string"},
    "active": {"type": "boolean"}, "score": {"type": "number"}, "amount": {"type": "string"}, "created": {"type": "string"}, "note": {"type": "string"},
}


class Records(Stream):
    name = "records"
    primary_key = "id"

    def __init__(self, count: int):
        super().__init__()
        self.count = count

    def get_json_schema(self):
        return {"type": "object", "properties": PROPERTIES}

    def read_records(self, sync_mode, cursor_field=None, stream_slice=None, stream_state=None):
        for n in range(self.count):
            made = record(n)
            # the kit takes neither fragments nor times
            yield {**made, "amount": "12345678901234567890.12", "created": made["created"].isoformat()}


class Source(AbstractSource):
    def check_connection(self, logger, config):
        return True, None

    def streams(self, config):
        return [Records(config["count"])]

    def spec(self, logger):
        from airbyte_cdk.models import ConnectorSpecification

        return ConnectorSpecification(connectionSpecification={"type": "object"})


launch(Source(), sys.argv[1:])
