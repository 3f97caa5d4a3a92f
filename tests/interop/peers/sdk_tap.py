"""A tap made with Meltano's SDK: every table of the SQLite database config.path. Without a catalog it selects nothing."""

import sys

from singer_sdk import typing as th
from singer_sdk.sql import SQLConnector, SQLStream, SQLTap


class Connector(SQLConnector):
    def get_sqlalchemy_url(self, config) -> str:
        return f"sqlite:///{config['path']}"


class Stream(SQLStream):
    connector_class = Connector
    is_sorted = True


class Tap(SQLTap):
    name = "tap-sdk"
    default_stream_class = Stream
    config_jsonschema = th.PropertiesList(th.Property("path", th.StringType, required=True)).to_dict()


if __name__ == "__main__":
    sys.exit(Tap.cli())
