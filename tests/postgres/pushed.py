"""Platforms that push into materialize-postgres: a Singer target, an Airbyte destination: pushed.py [PART-OF-A-NAME]"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from harness import BIN, has, run_all, same

PROGRAM = str(BIN / "materialize-postgres")


def target(server, *messages):
    with tempfile.TemporaryDirectory(prefix="weir-pgp-") as folder:
        config = Path(folder) / "config.json"
        config.write_text(json.dumps(server.config()))
        text = "".join(json.dumps(m) + "\n" for m in messages)
        done = subprocess.run([PROGRAM, "--config", str(config)], input=text, env={**os.environ, "LOG_FORMAT": "text"}, capture_output=True, text=True, timeout=60)
    if done.returncode:
        raise AssertionError(f"status {done.returncode}: {done.stderr}")
    return done.stdout.splitlines(), done.stderr


def schema(stream, properties, key):
    return {"type": "SCHEMA", "stream": stream, "schema": {"type": "object", "properties": properties}, "key_properties": key}


def record(stream, version=None, **values):
    return {"type": "RECORD", "stream": stream, "record": values, **({"version": version} if version else {})}


INT, STR, NUM = {"type": ["null", "integer"]}, {"type": ["null", "string"]}, {"type": ["null", "number"]}


def test_singer(server):
    said, _ = target(server, schema("users", {"id": INT, "name": STR, "at": {"type": "string", "format": "date-time"}}, ["id"]), record("users", id=1, name="a", at="2020-01-01T00:00:00Z"),
                     record("users", id=2, name="b"), {"type": "STATE", "value": {"n": 1}}, record("users", id=1, name="A"),
                     schema("users", {"id": INT, "name": STR, "more": NUM}, ["id"]), record("users", id=3, more=1.50), {"type": "STATE", "value": {"n": 2}})
    same(said[-1], '{"n": 2}' if said[-1].count(" ") else '{"n":2}')
    same(server.ask("SELECT id, name, more FROM users ORDER BY id"), "1|A|NULL\n2|b|NULL\n3|NULL|1.5")


def test_singer_versions(server):
    """Rows of a lower version are marked, those of none are not meant."""
    users = schema("users", {"id": INT, "name": STR}, ["id"])
    target(server, users, record("users", id=9, name="none"), {"type": "STATE", "value": {}})
    target(server, users, record("users", 4, id=1, name="v4"), record("users", 4, id=2, name="v4"), {"type": "STATE", "value": {}})
    target(server, users, record("users", 5, id=1, name="v5"), {"type": "ACTIVATE_VERSION", "stream": "users", "version": 5}, {"type": "STATE", "value": {}})
    same(server.ask("SELECT id, name, _sdc_deleted_at IS NULL FROM users ORDER BY id"), "1|v5|t\n2|v4|f\n9|none|t")


def test_singer_names_and_keys(server):
    long = "s" * 80
    target(server, schema("Users", {"id": INT}, ["id"]), record("Users", id=1), schema("users", {"id": INT}, []), record("users", id=2), record("users", id=2),
           schema(long, {"id": INT}, ["id"]), record(long, id=3), schema("weir_tables", {"id": INT}, ["id"]), record("weir_tables", id=4), {"type": "STATE", "value": {}})
    same(server.ask('SELECT u.id, (SELECT count(*) FROM users) FROM "Users" u'), "1|2")
    tables = server.ask("SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 1").split("\n")
    same(len(tables), 6)
    same([t for t in tables if t.startswith("ssss")][0][:54], "s" * 54)
    target(server, schema("users", {"id": INT, "k": STR}, []), record("users", id=2, k="new"), {"type": "STATE", "value": {}})
    same(server.ask("SELECT count(*), count(k) FROM users"), "3|1")


def airbyte(server, catalog, *messages):
    with tempfile.TemporaryDirectory(prefix="weir-pgp-") as folder:
        config, streams = Path(folder) / "config.json", Path(folder) / "catalog.json"
        config.write_text(json.dumps(server.config()))
        streams.write_text(json.dumps({"streams": [catalog]}))
        text = "".join(json.dumps(m) + "\n" for m in messages)
        done = subprocess.run([PROGRAM, "write", "--config", str(config), "--catalog", str(streams)], input=text, capture_output=True, text=True, timeout=60)
    if done.returncode:
        raise AssertionError(done.stdout + done.stderr)
    return done.stdout


def state(n):
    return {"type": "STATE", "state": {"type": "STREAM", "stream": {"stream_descriptor": {"name": "orders", "namespace": "shop"}, "stream_state": {"n": n}}}}


def row(**data):
    return {"type": "RECORD", "record": {"stream": "orders", "namespace": "shop", "emitted_at": 1, "data": data}}


DONE = {"type": "TRACE", "trace": {"type": "STREAM_STATUS", "emitted_at": 1, "stream_status": {"stream_descriptor": {"name": "orders", "namespace": "shop"}, "status": "COMPLETE"}}}


def test_airbyte_dedup(server):
    """The schema of PostgreSQL is Airbyte's namespace; of rows with one key the one with the largest cursor stays."""
    configured = {
        "stream": {"name": "orders", "namespace": "shop", "supported_sync_modes": ["incremental"], "json_schema": {"type": "object", "properties": {
            "id": INT, "at": {"type": ["null", "string"], "format": "date-time", "airbyte_type": "timestamp_with_timezone"}, "v": STR}}},
        "sync_mode": "incremental", "destination_sync_mode": "append_dedup", "primary_key": [["id"]], "cursor_field": ["at"],
        "generation_id": 1, "minimum_generation_id": 0, "sync_id": 1}
    said = airbyte(server, configured, row(id=1, at="2020-01-02T00:00:00Z", v="new"), row(id=2, at="2020-01-01T00:00:00Z", v="b"), state(1),
                   row(id=1, at="2020-01-01T23:00:00Z", v="old"), row(id=2, at="2020-01-01T00:00:00.000000001Z", v="b2"), state(2), DONE)
    has(said, '"n": 2')
    same(server.ask("SELECT id, v FROM shop.orders ORDER BY id"), "1|new\n2|b2")
    airbyte(server, configured, row(id=2, at="2020-01-01T00:00:00Z", v="older"), row(id=1, at="2020-01-02T01:00:00+01:00", v="same"), state(3), DONE)
    same(server.ask("SELECT id, v FROM shop.orders ORDER BY id"), "1|same\n2|b2")


if __name__ == "__main__":
    sys.exit(run_all([f for n, f in sorted(globals().items()) if n.startswith("test_")], sys.argv[1] if len(sys.argv) > 1 else ""))
