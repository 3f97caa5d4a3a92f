"""A tap made with singer-python, of the classic kind: free-form bookmarks, `currently_syncing`, a top-level member of its own in the state.

config.dir/things.ndjson is read incrementally by `updated_at` (inclusive), config.dir/notes.ndjson whole. Its streams' ids are not their names.
"""

import json
from decimal import Decimal
from pathlib import Path

import singer
from singer import metadata
from singer.catalog import Catalog, CatalogEntry
from singer.schema import Schema

NULLABLE = ["null", "string"]
THINGS = {
    "id": {"type": "integer"},
    "updated_at": {"type": "string", "format": "date-time"},
    "text": {"type": NULLABLE},
    "amount": {"type": ["null", "number"]},
    "big": {"type": ["null", "integer"]},
    "nested": {"type": ["null", "object"], "properties": {"a": {"type": ["null", "array"], "items": {}}}},
    "odd name/1": {"type": NULLABLE},
}
NOTES = {"text": {"type": NULLABLE}}


def entry(name: str, properties: dict, keys: list[str], replication_key: str | None) -> CatalogEntry:
    schema = {"type": "object", "properties": properties, "additionalProperties": False}
    mdata = metadata.get_standard_metadata(schema, "files", keys, [replication_key] if replication_key else None,
                                           "INCREMENTAL" if replication_key else "FULL_TABLE")  # fmt: skip
    return CatalogEntry(tap_stream_id=f"files-{name}", stream=name, schema=Schema.from_dict(schema), key_properties=keys, metadata=mdata)


def records(config: dict, name: str):
    with open(Path(config["dir"], f"{name}.ndjson"), "rb") as lines:
        for line in lines:
            yield json.loads(line, parse_float=Decimal)


def sync(config: dict, state: dict, catalog: Catalog):
    state = {"since": "first", **state}
    for stream in catalog.get_selected_streams(state):
        name, bookmark = stream.tap_stream_id, "updated_at" if stream.stream == "things" else None
        singer.set_currently_syncing(state, name)
        singer.write_state(state)
        singer.write_schema(stream.stream, stream.schema.to_dict(), stream.key_properties, [bookmark] if bookmark else None)
        since = singer.get_bookmark(state, name, bookmark) or ""
        with singer.metrics.record_counter(stream.stream) as counter:
            for record in records(config, stream.stream):
                if bookmark and record[bookmark] < since:
                    continue
                singer.write_record(stream.stream, record)
                counter.increment()
                if bookmark:
                    singer.write_bookmark(state, name, bookmark, record[bookmark])
                    singer.write_state(state)
    singer.set_currently_syncing(state, None)
    state["since"] = "later"
    singer.write_state(state)


@singer.utils.handle_top_exception(singer.get_logger())
def main():
    args = singer.utils.parse_args(["dir"])
    found = Catalog([entry("things", THINGS, ["id"], "updated_at"), entry("notes", NOTES, [], None)])
    if args.discover:
        found.dump()
    elif args.catalog or args.properties:
        sync(args.config, args.state, args.catalog or Catalog.from_dict(args.properties))


if __name__ == "__main__":
    main()
