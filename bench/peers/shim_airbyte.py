"""flow-sdk's Airbyte shim around a source whose records are the lines of a file (config.path)."""

import json

from airbyte_cdk.models import (
    AirbyteCatalog, AirbyteConnectionStatus, AirbyteMessage, AirbyteStream, ConnectorSpecification, Status, SyncMode,
)
from airbyte_cdk.sources import Source
from flow_sdk.shim_airbyte_cdk import CaptureShim


class Lines(Source):
    def spec(self, logger):
        return ConnectorSpecification(connectionSpecification={"type": "object"}, documentationUrl="https://example.com")

    def check(self, logger, config):
        return AirbyteConnectionStatus(status=Status.SUCCEEDED)

    def discover(self, logger, config):
        return AirbyteCatalog(streams=[AirbyteStream(name="records", json_schema={}, supported_sync_modes=[SyncMode.full_refresh])])

    def read(self, logger, config, catalog, state=None):
        with open(config["path"], "rb") as lines:
            for line in lines:
                yield AirbyteMessage.parse_obj(json.loads(line))


CaptureShim(delegate=Lines(), oauth2=None).main()
