"""A target made with Meltano's SDK: tables of the SQLite database config.path; rows of the same key replace one another."""

import json
import sqlite3
import sys
from decimal import Decimal

from singer_sdk import typing as th
from singer_sdk.sql import SQLConnector, SQLSink, SQLTarget


sqlite3.register_adapter(Decimal, str)
sqlite3.register_adapter(dict, lambda value: json.dumps(value, default=str))
sqlite3.register_adapter(list, lambda value: json.dumps(value, default=str))


class Connector(SQLConnector):
    allow_temp_tables = False
    allow_column_alter = False

    def get_sqlalchemy_url(self, config) -> str:
        return f"sqlite:///{config['path']}"


class Sink(SQLSink):
    connector_class = Connector

    def generate_insert_statement(self, full_table_name, schema):
        return super().generate_insert_statement(full_table_name, schema).prefix_with("OR REPLACE")


class Target(SQLTarget):
    name = "target-sdk"
    default_sink_class = Sink
    max_parallelism = 1  # the adapters are known in this process only
    config_jsonschema = th.PropertiesList(th.Property("path", th.StringType, required=True)).to_dict()


if __name__ == "__main__":
    sys.exit(Target.cli())
