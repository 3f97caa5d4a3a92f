"""Catalogs for Weir, and what its runs leave behind."""

import json
import sqlite3
from decimal import Decimal
from pathlib import Path
from urllib.parse import unquote

import yaml

from drive import Peer


def write(path: Path, content: dict):
    path.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), "utf-8")


def read(path: Path) -> dict:
    return yaml.safe_load(path.read_text("utf-8"))


def write_capture(path: Path, peer: Peer, audit: Path):
    env = {**peer.env, "PEER_AUDIT": str(audit)}
    local = {"command": peer.argv, "env": env, "config": peer.config, **({"protobuf": True} if peer.protobuf else {})}
    write(path, {"captures": {"acme/peer": {"endpoint": {"local": local}, "bindings": []}}})


def targets(path: Path, discovered: list[dict]) -> list[str]:
    """The collection that each discovered stream became a binding to."""
    bindings = read(path)["captures"]["acme/peer"]["bindings"]
    bare = [({k: v for k, v in b["resource"].items() if k != "_meta"}, b["target"]) for b in bindings]
    assert len(bare) == len(discovered)
    return [next(target for resource, target in bare if resource == found["resourceConfig"]) for found in discovered]


def add_database(path: Path, database: Path, collections: list[str]):
    """Materializes each collection into a table t0, t1 ... with the whole document in flow_document besides its columns."""
    content = read(path)
    bindings = [
        {"resource": {"table": f"t{i}"}, "source": name, "fields": {"recommended": 1, "require": {"flow_document": {}}}}
        for i, name in enumerate(collections)
    ]
    endpoint = {"native": {"connector": "materialize-sqlite", "config": {"path": str(database)}}}
    content["materializations"] = {"acme/db": {"endpoint": endpoint, "bindings": bindings}}
    write(path, content)


def rows(database: Path, table: str) -> list[dict]:
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(f'SELECT * FROM "{table}"')]


def journal(data: Path, collection: str) -> list[dict]:
    """All documents of a collection, oldest first."""
    folders = data / "journals"
    segments = [s for f in folders.iterdir() if unquote(f.name) == collection for s in sorted(f.glob("*.ndjson"))]
    return [json.loads(line, parse_float=Decimal) for segment in segments for line in segment.open("rb")]


def plain(doc, volatile: set[str]):
    """A document without what the runtime added (/_meta/uuid) and what differs from run to run."""
    doc = {k: v for k, v in doc.items() if k not in volatile}
    if isinstance(doc.get("_meta"), dict):
        doc["_meta"] = {k: v for k, v in doc["_meta"].items() if k != "uuid"}
        if not doc["_meta"]:
            del doc["_meta"]
    return doc


def key_of(doc, pointers: list[str]) -> tuple:
    def at(value, pointer):
        for token in pointer.split("/")[1:]:
            value = value[token.replace("~1", "/").replace("~0", "~")]
        return value

    return tuple(at(doc, p) for p in pointers)


def reduced(docs: list[dict], key: list[str]) -> dict[tuple, dict]:
    """What a table must hold: the last document of each key, unless that is a deletion."""
    table = {}
    for doc in docs:
        if doc.get("_meta", {}).get("op") == "d":
            table.pop(key_of(doc, key), None)
        else:
            table[key_of(doc, key)] = doc
    return table


def column_of(name: str) -> str:
    return name or "_"  # SQLite has no column without a name


def holds(column, value) -> bool:
    """Is a SQLite column what a JSON value should become? Exactly; numbers that SQLite cannot hold are text."""
    if value is None:
        return column is None
    if isinstance(value, bool):
        return column == int(value)
    if isinstance(value, (int, Decimal)):
        return not isinstance(column, bytes) and Decimal(str(column)) == value
    if isinstance(value, str):
        return column == value
    return json.loads(column, parse_float=Decimal) == value
