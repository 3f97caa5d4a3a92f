"""Reads a tap's lines with singer-python's parser, and a catalog with its Catalog; prints one line for each complaint."""

import json
import sys

import singer
from singer.catalog import Catalog


def judge(lines):
    known = set()
    for number, line in enumerate(lines, 1):
        try:
            message = singer.parse_message(line.decode())
            found = [] if message else ["not a message that it knows"]
            if isinstance(message, singer.SchemaMessage):
                known.add(message.stream)
            elif isinstance(message, singer.RecordMessage) and message.stream not in known:
                found = ["before the stream's SCHEMA"]
        except Exception as error:  # whatever it is, it is about this line
            found = [f"{type(error).__name__}: {error}"]
        for complaint in found:
            print(f"{number}: {complaint}: {line[:300]!r}")


if __name__ == "__main__":
    if sys.argv[1:] == ["--catalog"]:
        text = json.load(sys.stdin)
        for entry, raw in zip(Catalog.from_dict(text).streams, text["streams"]):
            if entry.to_dict()["schema"].get("properties", {}).keys() != raw["schema"].get("properties", {}).keys():
                print(f"{entry.tap_stream_id}: its properties got lost")
    else:
        judge(sys.stdin.buffer)
