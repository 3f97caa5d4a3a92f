"""The Airbyte and Singer kits by themselves: the judges reject what is wrong, the peers work, and what README.md says about them is so. Needs no Weir."""

import json

import pytest

from conftest import judged, kit, tool
from drive_airbyte import Connector, configured, record, status, stream_state
from drive_singer import Program, schema, state
from drive_singer import record as row
from test_airbyte_destination import smoke_source, stream
from test_driven import SOURCES as DRIVEN
from test_singer_tap import sql_target

GOOD = {
    "airbyte": [
        {"type": "RECORD", "record": {"stream": "a", "namespace": "n", "data": {}, "emitted_at": 1}},
        {"type": "STATE", "state": {"type": "STREAM", "stream": {"stream_descriptor": {"name": "a"}, "stream_state": {"x": 1}}, "sourceStats": {"recordCount": 1.0}}},
        {"type": "LOG", "log": {"level": "WARN", "message": "x"}},
        status("a", "RUNNING"),
    ],
    "singer-sdk": [schema("a", {"id": {"type": "integer"}}, ["id"]), row("a", {"id": 1}, version=1), state({}), {"type": "ACTIVATE_VERSION", "stream": "a", "version": 1}],
    "singer-python": [schema("a", {"id": {"type": "integer"}}, ["id"]), row("a", {"id": 1}, time_extracted="2026-01-02T03:04:05.000006Z"), state({})],
}
WRONG = {
    "airbyte": {
        "a fraction": {"type": "RECORD", "record": {"stream": "a", "data": {}, "emitted_at": 1.5}},
        "no emitted_at": {"type": "RECORD", "record": {"stream": "a", "data": {}}},
        "unknown member": {"type": "RECORD", "record": {"stream": "a", "data": {}, "emitted_at": 1, "version": 1}},
        "unknown level": {"type": "LOG", "log": {"level": "WARNING", "message": "x"}},
        "null sibling": {"type": "LOG", "log": {"level": "WARN", "message": "x"}, "record": None},
        "no sync mode": {"type": "CATALOG", "catalog": {"streams": [{"name": "a", "json_schema": {}, "supported_sync_modes": []}]}},
        "a flat key": {"type": "CATALOG", "catalog": {"streams": [{"name": "a", "json_schema": {}, "supported_sync_modes": ["incremental"], "source_defined_primary_key": ["id"]}]}},
        "unknown status": status("a", "DONE"),
    },
    "singer-sdk": {
        "record first": row("b", {}),
        "wrong type": row("a", {"id": "x"}),
        "undeclared field": row("a", {"id": 1, "x": 2}),
        "unknown member": row("a", {"id": 1}, extra=1),
        "null member": row("a", {"id": 1}, version=None),
        "lower case": {**row("a", {"id": 1}), "type": "record"},
        "no such key": schema("a", {"id": {}}, ["nope"]),
        "no schema": schema("a", {"id": {"type": "text"}}, ["id"]),
    },
    "singer-python": {
        "record first": row("b", {}),
        "no key_properties": {"type": "SCHEMA", "stream": "c", "schema": {}},
        "unknown type": {"type": "LOG"},
    },
}


@pytest.mark.parametrize("judge", GOOD)
def test_judges(judge):
    """All lines that are right pass, and of each wrong one it is said which it is."""
    lines = [*GOOD[judge], *WRONG[judge].values()]
    said = judged(judge, b"".join(json.dumps(line).encode() + b"\n" for line in lines))
    accused = {int(line.split(":")[0]) for line in said if line.split(":")[0].isdigit()}
    assert accused == set(range(len(GOOD[judge]) + 1, len(lines) + 1))


# ------------------------------------------------------------------------------------------------------------------------- sources

AGAIN = {  # how many documents a second read from the state of the first finds, before there is more and when there is
    "faker_cdk_6": ({"products": 0, "users": 0, "purchases": 0}, None),
    "hardcoded_records": ({"products": 20, "customers": 20, "dummy_fields": 20}, None),
    "tap_classic": ({"files-things": 1, "files-notes": 2}, {"files-things": 2, "files-notes": 2}),
    "tap_sdk": ({"main-users": 1, "main-odd table": 3}, {"main-users": 2, "main-odd table": 3}),
    "tap_jsonfile": ({"records": 0}, {"records": 1}),
    "tap_dbf": ({"goods": 3, "tags": 3}, {"goods": 3, "tags": 1}),
    "tap_rest": ({"orders": 1, "notes": 2}, {"orders": 3, "notes": 2}),
}


@pytest.mark.parametrize("make", [make for make in DRIVEN if make.__name__ in AGAIN], ids=lambda make: make.__name__)
def test_sources_resume(tmp_path, api, make):
    (folder := tmp_path / "peer data").mkdir()
    case = make(folder, api)
    said, state = case.read(None)
    assert all(said.values())
    count = lambda said: {name: len(docs) for name, docs in said.items()}
    again, later = AGAIN[make.__name__]
    assert count(case.read(state)[0]) == again
    if later:
        case.grow()
        assert count(case.read(state)[0]) == later


def test_the_smoke_source_sends_no_state(tmp_path):
    source = smoke_source(tmp_path)
    run = source.read({"all_fast_streams": True}, configured(source.discover({"all_fast_streams": True})))
    assert run.records() and not run.of("STATE") and run.statuses()["empty_stream"][-1] == "COMPLETE"


# ------------------------------------------------------------------------------------------------------------------ destinations

LINES = [schema("t", {"id": {"type": "integer"}, "v": {"type": ["null", "string"]}}, ["id"]), row("t", {"id": 1, "v": "a"}), state({"n": 1}), row("t", {"id": 2, "v": "é"})]


def test_target_jsonl_prints_a_state_only_if_it_comes_last(tmp_path):
    target = Program([tool("target-jsonl", "target-jsonl")])
    config = {"destination_path": str(tmp_path), "do_timestamp_file": False}
    assert target.load(config, LINES)[1] == [] and target.load(config, [*LINES, state({"n": 2})])[1] == [{"n": 2}]
    assert len((tmp_path / "t.jsonl").read_text().splitlines()) == 4
    assert target.load(config, [*LINES, {"type": "LOG"}], expect=None)[0].status == 1


def marked(n: int) -> dict:
    return state({"bookmarks": {"t": {"id": n}}})


@pytest.mark.parametrize("which", ["sdk", "target-sqlite", "target-duckdb"])
def test_targets_store_every_row(tmp_path, which):
    """Counted, because one that loses rows exits 0 and prints the state, too. target-duckdb knows bookmarks: of any other
    state it prints the first, and what comes behind a full batch it leaves out."""
    target, config, rows = sql_target(which, tmp_path)
    many = [row("t", {"id": i, "v": f"v{i}"}) for i in range(1, 1000)]
    _, states = target.load({**config, "batch_size_rows": 100, "batch_size": 100}, [LINES[0], *many[:500], marked(500), *many[500:], marked(999)])
    assert states[-1] == marked(999)["value"]
    assert sorted((r["id"], r["v"]) for r in rows("t")) == [(i, f"v{i}") for i in range(1, 1000)]


def test_the_cdk_destination(tmp_path):
    """It loses unknown members of a STATE, and dies of an unknown type."""
    destination = Connector(kit("pyairbyte", "cdk_destination.py"))
    catalog = configured([stream("t", {"id": {"type": "integer"}})])
    assert destination.check({"dir": str(tmp_path)})["status"] == "SUCCEEDED"
    lines = [record("t", {"id": 1}), stream_state("t", {"n": 1}, 1.0, id=7), record("t", {"id": 2}), status("t", "COMPLETE")]
    run = destination.write({"dir": str(tmp_path)}, catalog, lines)
    assert run.of("STATE") == [stream_state("t", {"n": 1}, 1.0)["state"]]
    assert (tmp_path / "t.ndjson").read_text() == '{"id": 1}\n{"id": 2}\n'
    assert destination.write({"dir": str(tmp_path)}, catalog, [{"type": "NEW"}], expect=None).status == 1
