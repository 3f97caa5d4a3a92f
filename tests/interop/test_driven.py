"""Weir drives taps, targets, Airbyte sources and destinations that nobody here wrote: discover, run, and run again when there is more."""

import csv
import json
import sqlite3
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Callable

import pytest

import catalogs
import dbf
from conftest import Weir, kit, ours, plain_files, singer_dbf, singer_rest, tool, write_lines
from drive_airbyte import Connector, configured
from drive_singer import Program, select
from test_airbyte_destination import smoke_source
from test_singer_target import THINGS, classic, sdk
from test_singer_tap import sql_target


def decimals(text):
    return json.loads(text, parse_float=Decimal)


@dataclass
class Driven:
    """A source and what it says when nothing of ours is involved: read(state) gives the documents by stream id, and the state then.
    volatile: properties that differ from run to run. choose: changes a binding that Weir discovered, as a user would. numbered: documents without a key are
    numbered on, because there is a state to keep the number in."""

    protocol: str
    argv: list[str]
    config: dict
    read: Callable
    grow: Callable[[], None] = lambda: None
    volatile: set[str] = field(default_factory=set)
    choose: Callable[[dict], None] = lambda binding: None
    numbered: bool = True


# ----------------------------------------------------------------------------------------------------------------------- sources


def airbyte(argv: list[str], config: dict, **more) -> Driven:
    source = Connector(argv)
    catalog = configured(source.discover(config))

    def read(state):
        run = source.read(config, catalog, state)
        last = {json.dumps(s.get("stream", {}).get("stream_descriptor")): s for s in (state or []) + run.states()}
        return {s["stream"]["name"]: run.records(decimals).get(s["stream"]["name"], []) for s in catalog["streams"]}, list(last.values())

    return Driven("airbyte", argv, config, read, **more)


def singer(tap: Program, config: dict, edit=lambda entry: None, **more) -> Driven:
    catalog = select(tap.discover(config))
    for entry in catalog["streams"]:
        edit(entry)

    def read(state):
        run = tap.sync(config, catalog, state)
        return {e["tap_stream_id"]: run.records(decimals).get(e["stream"], []) for e in catalog["streams"]}, run.state() or state

    return Driven("singer", tap.argv, config, read, **more)


FAKER = {"count": 20, "parallelism": 1, "always_updated": False, "seed": 1}


def faker_cdk_6(folder: Path, api) -> Driven:
    return airbyte([tool("faker", "source-faker")], FAKER, volatile={"updated_at", "created_at"})


def faker_cdk_0(folder: Path, api) -> Driven:
    return airbyte([tool("airbyte", "source-faker")], FAKER, volatile={"updated_at", "created_at"})


def hardcoded_records(folder: Path, api) -> Driven:
    return airbyte([tool("pyairbyte", "source-hardcoded-records")], {"count": 20})


def smoke_test(folder: Path, api) -> Driven:
    """It never sends a STATE."""
    return airbyte(smoke_source(folder).argv, {"all_fast_streams": True}, numbered=False)


def tap_classic(folder: Path, api) -> Driven:
    tap, config = classic(folder)
    grow = lambda: write_lines(folder / "things.ndjson", [*THINGS, {"id": 1, "updated_at": "2026-02-01T00:00:00Z", "text": "changed"}])
    return singer(tap, config, grow=grow)


def by_seq(entry: dict):
    """The user picks a cursor: in the entry, and in the metadata for taps that look there."""
    if entry["tap_stream_id"] == "main-users":
        entry |= {"replication_method": "INCREMENTAL", "replication_key": "seq"}
        (root,) = [m["metadata"] for m in entry["metadata"] if not m["breadcrumb"]]
        root |= {"replication-method": "INCREMENTAL", "replication-key": "seq"}


def tap_sdk(folder: Path, api) -> Driven:
    tap, config = sdk(folder)

    def grow():
        with sqlite3.connect(folder / "source.db") as connection:
            connection.execute("INSERT INTO users VALUES (3, 'new', 3, 0.1, NULL)")

    return singer(tap, config, by_seq, grow=grow, choose=lambda binding: by_seq(binding["resource"]))


def tap_jsonfile(folder: Path, api) -> Driven:
    write_lines(folder / "a.jsonl", [{"id": i, "text": f"é {i}", "n": i / 4, "deep": {"x": [i]}} for i in range(20)])
    grow = lambda: write_lines(folder / "b.jsonl", [{"id": 20, "text": "more"}])
    return singer(Program([tool("singer-sdk", "tap-jsonfile")]), {"paths": [str(folder / "*.jsonl")], "stream_name": "records"}, grow=grow)


def tap_dbf(folder: Path, api) -> Driven:
    case = singer_dbf(folder)
    grow = lambda: dbf.write(folder / "tags.dbf", [("NAME", "C", 20, 0)], [("c",)])
    return singer(Program([tool("singer-dbf", "tap-dbf")]), case.peer.config, grow=grow)


def tap_rest(folder: Path, api) -> Driven:
    case = singer_rest(api)
    return singer(Program([tool("singer-rest", "tap-rest-api-msdk")]), case.peer.config, grow=case.grow)


SOURCES = [faker_cdk_6, faker_cdk_0, hardcoded_records, smoke_test, tap_classic, tap_sdk, tap_jsonfile, tap_dbf, tap_rest]


def write_catalog(path: Path, protocol: str, argv: list[str], config: dict):
    local = {"command": argv, "protocol": protocol, "config": config}
    catalogs.write(path, {"captures": {"acme/peer": {"endpoint": {"local": local}, "bindings": []}}})


def id_of(binding: dict) -> str:
    resource = binding["resource"]
    return resource.get("tap_stream_id") or resource["stream"]


@pytest.mark.parametrize("make", SOURCES, ids=lambda make: make.__name__)
def test_sources(weir, tmp_path, api, make):
    """Journals hold what the source says, each document once, the second time what it says from its own state; tables the last of each key."""
    (folder := tmp_path / "peer data").mkdir()
    case, catalog, database, data = make(folder, api), tmp_path / "flow.yaml", tmp_path / "out.db", tmp_path / "data"
    write_catalog(catalog, case.protocol, case.argv, case.config)
    weir("discover", "--source", catalog, "--name", "acme/peer")
    content = catalogs.read(catalog)
    bindings = content["captures"]["acme/peer"]["bindings"]
    for binding in bindings:
        case.choose(binding)
    catalogs.write(catalog, content)
    targets = {id_of(b): b["target"] for b in bindings}
    keys = [content["collections"][name]["key"] for name in targets.values()]
    catalogs.add_database(catalog, database, list(targets.values()))

    state, told = None, {name: [] for name in targets}
    for number in range(2):
        if number:
            case.grow()
        said, state = case.read(state)
        assert said.keys() == targets.keys()
        for name, docs in said.items():
            told[name] += docs
        weir("run", "--source", catalog, "--once", "--data", data)
        for i, (name, collection) in enumerate(targets.items()):
            journal = catalogs.journal(data, collection)
            assert Counter(map(mark(case), journal)) == Counter(map(mark(case), told[name])), name
            if keys[i] == ["/_meta/row_id"] and case.numbered:
                assert [doc["_meta"]["row_id"] for doc in journal] == list(range(1, len(journal) + 1))
            stored = {json.dumps(catalogs.key_of(json.loads(r["flow_document"]), keys[i])) for r in catalogs.rows(database, f"t{i}")}
            assert stored == {json.dumps(catalogs.key_of(doc, keys[i])) for doc in journal} and len(catalogs.rows(database, f"t{i}")) == len(stored)


def mark(case: Driven) -> Callable[[dict], str]:
    """A document as text, without what Weir adds and what differs."""
    return lambda doc: json.dumps({k: v for k, v in doc.items() if k != "_meta" and k not in case.volatile}, sort_keys=True, default=repr)


@pytest.mark.parametrize("make, wrong", [(faker_cdk_6, {"count": "many"}), (tap_rest, {}), (tap_classic, {"dir": "/nowhere"})], ids=["airbyte", "sdk", "classic"])
def test_failures_are_reported(weir, tmp_path, api, make, wrong):
    (folder := tmp_path / "peer data").mkdir()
    case, catalog = make(folder, api), tmp_path / "flow.yaml"
    write_catalog(catalog, case.protocol, case.argv, case.config)
    weir("discover", "--source", catalog, "--name", "acme/peer")
    content = catalogs.read(catalog)
    content["captures"]["acme/peer"]["endpoint"]["local"]["config"] = wrong
    catalogs.write(catalog, content)
    failed = weir("capture", "--source", catalog, "--name", "acme/peer", status=None)
    assert failed.returncode > 0 and {"count": "many", "dir": "nowhere"}.get(next(iter(wrong), ""), "api_url") in failed.stderr


# ------------------------------------------------------------------------------------------------------------------ destinations


def resource_of(weir: Weir, catalog: Path, stream: str) -> dict:
    """The setting that names the stream is marked in the resource's schema."""
    spec = json.loads(weir("spec", "--source", catalog, "--name", "acme/out").stdout)
    (name,) = [n for n, schema in spec["resourceConfigSchema"]["properties"].items() if schema.get("x-collection-name")]
    return {name: stream}


def into(weir: Weir, folder: Path, local: dict, streams=("people", "log")) -> Path:
    """A catalog that brings plain_files' streams `people` and `log` into a destination under the same names."""
    catalog, files = folder / "flow.yaml", plain_files(folder, False)
    captures = {"acme/files": {"endpoint": {"local": {"command": [ours("source-files")], "config": files}}, "bindings": []}}
    catalogs.write(catalog, {"captures": captures})
    weir("discover", "--source", catalog, "--name", "acme/files")
    content = catalogs.read(catalog)
    content["materializations"] = {"acme/out": {"endpoint": {"local": local}, "bindings": []}}
    catalogs.write(catalog, content)
    for binding in content["captures"]["acme/files"]["bindings"]:
        if binding["resource"]["stream"] not in streams:
            continue
        resource = resource_of(weir, catalog, binding["resource"]["stream"])
        content["materializations"]["acme/out"]["bindings"].append({"resource": resource, "source": binding["target"]})
    catalogs.write(catalog, content)
    return catalog


PEOPLE = [(1, "Zoë €", 1.25), (2, None, -0.5), (3, 'a "b", c\n\\ /', 1e6)]


def run_twice(weir: Weir, folder: Path, local: dict, streams=("people", "log")):
    """Yields after a first run, a second that has nothing to do, and a third with more."""
    catalog = into(weir, folder, local, streams)
    for more in False, False, True:
        plain_files(folder, more)
        weir("run", "--source", catalog, "--once", "--data", folder / "data")
        yield more


def people(rows: list[dict]) -> list[tuple]:
    """The last row of each key: a file that has grown is read from its start, and not every target knows keys."""
    return sorted((r["id"], r["name"] or None, float(r["price"])) for r in {r["id"]: r for r in rows}.values())


@pytest.mark.parametrize("which", ["sdk", "target-sqlite", "target-duckdb"])
def test_sql_targets(weir, tmp_path, which):
    target, config, rows = sql_target(which, tmp_path)
    for more in run_twice(weir, tmp_path, {"command": target.argv, "protocol": "singer", "config": config}, ["people"]):
        assert people(rows("people")) == PEOPLE + ([(4, "new", 0.0)] if more else [])
        assert len(rows("people")) == (4 if more else 3)


def test_target_jsonl(weir, tmp_path):
    """A target that stores no state unless the last message is one."""
    (out := tmp_path / "out").mkdir()
    config = {"destination_path": str(out), "do_timestamp_file": False}
    for more in run_twice(weir, tmp_path, {"command": [tool("target-jsonl", "target-jsonl")], "protocol": "singer", "config": config}, ["people"]):
        rows = [json.loads(line) for line in (out / "people.jsonl").open()]
        assert people(rows) == PEOPLE + ([(4, "new", 0.0)] if more else []) and len(rows) == (4 if more else 3)


def test_documents_without_a_key_are_appended(weir, tmp_path):
    """Their key is the number that they got, below _meta: each is a row, once."""
    (out := tmp_path / "out").mkdir()
    config = {"destination_path": str(out), "do_timestamp_file": False}
    for more in run_twice(weir, tmp_path, {"command": [tool("target-jsonl", "target-jsonl")], "protocol": "singer", "config": config}, ["log"]):
        rows = [json.loads(line) for line in (out / "log.jsonl").open()]
        assert [r["id"] for r in rows] == list(range(6 if more else 5))
        assert rows[2]["nested"] == {"a": [2, None, {"ü": "x"}]}


def test_target_csv(weir, tmp_path):
    """One of Meltano's SDK with files, which it begins anew at every start: the last transaction is there."""
    (out := tmp_path / "out").mkdir()
    config = {"output_path": str(out), "file_naming_scheme": "{stream_name}.csv"}
    for more in run_twice(weir, tmp_path, {"command": [tool("singer-sdk", "target-csv")], "protocol": "singer", "config": config}, ["people"]):
        rows = list(csv.DictReader((out / "people.csv").open(newline="")))
        assert [(int(r["id"]), r["name"]) for r in rows] == ([(4, "new")] if more else [(id, name or "") for id, name, _ in PEOPLE])


def test_airbyte_destination(weir, tmp_path):
    (out := tmp_path / "out").mkdir()
    argv = kit("pyairbyte", "cdk_destination.py")
    for more in run_twice(weir, tmp_path, {"command": argv, "protocol": "airbyte", "config": {"dir": str(out)}}):
        read = lambda name: [json.loads(line) for line in (out / f"{name}.ndjson").open()]
        assert people(read("people")) == PEOPLE + ([(4, "new", 0.0)] if more else [])
        assert sorted(r["id"] for r in read("log")) == list(range(6 if more else 5))
    for said in map(json.loads, (out / "catalogs.ndjson").open()):
        for stream in said:
            assert all(type(n) is int for n in stream["generation"]) and stream["sync_mode"] in ("incremental", "full_refresh")
            assert stream["primary_key"] == ([["id"]] if stream["name"] == "people" else stream["primary_key"])


@pytest.mark.parametrize("protocol", ["airbyte", "singer"])
def test_our_own_both_ways(weir, tmp_path, protocol):
    """Our source as a tap or Airbyte source, our destination as a target or Airbyte destination, both driven."""
    database = tmp_path / "out.db"
    catalog = into(weir, tmp_path, {"command": [ours("materialize-sqlite")], "protocol": protocol, "config": {"path": str(database)}})
    content = catalogs.read(catalog)
    files = content["captures"].pop("acme/files")["endpoint"]["local"]
    content["captures"]["acme/files"] = {"endpoint": {"local": {**files, "protocol": protocol}}, "bindings": []}
    content["collections"], targets = {}, {}
    materialization = content.pop("materializations")
    catalogs.write(catalog, content)
    weir("discover", "--source", catalog, "--name", "acme/files")
    content = catalogs.read(catalog)
    targets = {id_of(b): b["target"] for b in content["captures"]["acme/files"]["bindings"]}
    assert set(targets) == {"people", "log"}
    bindings = materialization["acme/out"]["bindings"]
    for binding, name in zip(bindings, ("people", "log")):
        (member,) = binding["resource"]
        binding |= {"resource": {member: name}, "source": targets[name]}
    content["materializations"] = materialization
    catalogs.write(catalog, content)
    for more in False, False, True:
        plain_files(tmp_path, more)
        weir("run", "--source", catalog, "--once", "--data", tmp_path / "data")
        assert people(catalogs.rows(database, "people")) == PEOPLE + ([(4, "new", 0.0)] if more else [])
        assert len(catalogs.rows(database, "log")) == (6 if more else 5)
