"""source-bench again, with singer-sdk: a stream whose get_records() yields dicts. `--config F`; MSGSPEC=1 takes the kit's faster writer."""

import os
import sys
from decimal import Decimal

from singer_sdk import Stream, Tap
from singer_sdk import typing as th

from records import record

AMOUNT = Decimal("12345678901234567890.12")


class Records(Stream):
    name = "records"
    primary_keys = ("id",)
    schema = th.PropertiesList(
        th.Property("id", th.IntegerType), th.Property("account", th.IntegerType), th.Property("name", th.StringType),
        th.Property("email", th.StringType), th.Property("city", th.StringType), th.Property("active", th.BooleanType),
        th.Property("score", th.NumberType), th.Property("amount", th.NumberType), th.Property("created", th.DateTimeType),
        th.Property("note", th.StringType),
    ).to_dict()

    def get_records(self, context):
        for n in range(self.config["count"]):
            yield {**record(n), "amount": AMOUNT}


class Bench(Tap):
    name = "tap-bench"
    config_jsonschema = th.PropertiesList(th.Property("count", th.IntegerType)).to_dict()

    if os.environ.get("MSGSPEC"):
        from singer_sdk.contrib.msgspec import MsgSpecWriter

        message_writer_class = MsgSpecWriter

    def discover_streams(self):
        return [Records(self)]


sys.exit(Bench.cli())
