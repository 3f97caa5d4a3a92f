"""materialize-sqlite as an Airbyte destination: what it keeps, what it echoes, PyAirbyte's smoke test, real sources piped in."""

import json
import os
import sqlite3
import subprocess
import uuid
from decimal import Decimal
from pathlib import Path

import pytest

import catalogs
import exact
from conftest import DEADLINE, judged, kit, ours, tool
from drive_airbyte import Connector, Run, configured, record, status, stream_state, to_destination

OWN = {"_airbyte_raw_id", "_airbyte_extracted_at", "_airbyte_meta", "_airbyte_generation_id"}


@pytest.fixture
def destination() -> Connector:
    return Connector([ours("materialize-sqlite")])


def stream(name: str, properties: dict, key: list[str] | None = None, namespace=None, **more) -> dict:
    found = {"name": name, "json_schema": {"type": "object", "properties": properties}, "supported_sync_modes": ["full_refresh", "incremental"]}
    found |= {"source_defined_primary_key": [[part] for part in key]} if key else {}
    return {**found, **({"namespace": namespace} if namespace else {}), **more}


PEOPLE = {"id": {"type": "integer"}, "name": {"type": ["null", "string"]}, "seen": {"type": "integer"}}


def people(*records: tuple, **more) -> list[dict]:
    return [record("people", dict(zip(PEOPLE, values)), **more) for values in records]


def table(database: Path, name: str) -> list[tuple]:
    """A table's own columns, without Airbyte's."""
    rows = catalogs.rows(database, name)
    return sorted(tuple(v for k, v in row.items() if k not in OWN) for row in rows)


# ---------------------------------------------------------------------------------------------------------------------- by itself


def test_spec_and_check(destination, tmp_path):
    spec = destination.spec()
    assert {"append", "overwrite", "append_dedup"} <= set(spec["supported_destination_sync_modes"])
    assert "path" in spec["connectionSpecification"]["properties"]
    assert destination.check({"path": str(tmp_path / "x.db")})["status"] == "SUCCEEDED"
    for wrong in {"path": str(tmp_path / "no/folder/x.db")}, {"path": 7}, {}:
        failed = destination.check(wrong)
        assert failed["status"] == "FAILED" and "path" in failed["message"] or "folder" in failed["message"]
    run = destination.write({"path": 7}, configured([stream("people", PEOPLE)]), [], expect=1)
    assert run.errors() and run.errors()[0]["failure_type"] == "config_error"


def test_columns(destination, tmp_path):
    database, catalog = tmp_path / "x.db", configured([stream("people", PEOPLE)])
    changes = {"changes": [{"field": "name", "change": "NULLED", "reason": "SOURCE_RETRIEVAL_ERROR"}]}
    lines = people((1, "Zoë", 5)) + people((2, None, 6), meta=changes, emitted_at=1_700_000_000_123) + [status("people", "COMPLETE")]
    destination.write({"path": str(database)}, catalog, lines)
    rows = catalogs.rows(database, "people")
    assert set(rows[0]) == {*PEOPLE, *OWN} and table(database, "people") == [(1, "Zoë", 5), (2, None, 6)]
    assert len({row["_airbyte_raw_id"] for row in rows}) == 2
    assert all(uuid.UUID(row["_airbyte_raw_id"]) for row in rows)
    two = next(row for row in rows if row["id"] == 2)
    assert two["_airbyte_generation_id"] == 1
    meta = json.loads(two["_airbyte_meta"])
    assert meta["sync_id"] == 1 and meta["changes"] == changes["changes"]
    assert two["_airbyte_extracted_at"].startswith("2023-11-14T22:13:20.123") and two["_airbyte_extracted_at"].endswith(("Z", "+00:00"))


def test_a_value_that_does_not_fit_is_not_lost_silently(destination, tmp_path):
    """Null and listed in _airbyte_meta, or kept as it is; and the others are there."""
    database = tmp_path / "x.db"
    destination.write({"path": str(database)}, configured([stream("people", PEOPLE)]), people((1, "a", "soon"), (2, "b", 2)) + [status("people", "COMPLETE")])
    one, two = sorted(catalogs.rows(database, "people"), key=lambda row: row["id"])
    listed = [change["field"] for change in json.loads(one["_airbyte_meta"]).get("changes", [])]
    assert one["seen"] == "soon" or one["seen"] is None and listed == ["seen"]
    assert two["seen"] == 2


def test_modes(destination, tmp_path):
    """append adds, append_dedup keeps the last of each key, overwrite replaces the table when the stream is complete."""
    database = tmp_path / "x.db"
    end = [stream_state("people", {"n": 1}, 3.0), status("people", "COMPLETE")]
    write = lambda catalog, *records, last=end, **more: destination.write({"path": str(database)}, catalog, people(*records) + last, **more)
    keyed = [stream("people", PEOPLE, ["id"])]

    write(configured([stream("people", PEOPLE)]), (1, "a", 1), (1, "a", 1), (2, "b", 2))
    write(configured([stream("people", PEOPLE)]), (1, "c", 3))
    assert table(database, "people") == [(1, "a", 1), (1, "a", 1), (1, "c", 3), (2, "b", 2)]

    database = tmp_path / "y.db"
    write(configured(keyed, destination="append_dedup"), (1, "a", 1), (2, "b", 2), (1, "c", 3))
    write(configured(keyed, destination="append_dedup"), (2, "d", 4), (3, "e", 5))
    assert table(database, "people") == [(1, "c", 3), (2, "d", 4), (3, "e", 5)]

    for wanted in "append", "overwrite", "append_dedup":  # what replaces everything is the generation; overwrite says the same
        database = tmp_path / f"{wanted}.db"
        catalog = lambda generation: configured(keyed, destination=wanted, generation=generation, minimum=generation)
        write(catalog(1), (1, "a", 1), (2, "b", 2))
        write(catalog(2), (3, "c", 3), (4, "d", 4))
        assert table(database, "people") == [(3, "c", 3), (4, "d", 4)]
        assert {row["_airbyte_generation_id"] for row in catalogs.rows(database, "people")} == {2}
        write(catalog(3), (5, "e", 5), last=[status("people", "INCOMPLETE")], expect=None)
        assert {(3, "c", 3), (4, "d", 4)} <= set(table(database, "people")), "what was there goes only when the new is complete"


def test_namespaces_and_odd_names(destination, tmp_path):
    database = tmp_path / "x.db"
    names = ["a.b c", "ünï🚀", "select", "1st", "with/slash", 'quo"te']
    streams = [stream("people", PEOPLE, namespace="one"), stream("people", PEOPLE, namespace="two"), *(stream(name, {"id": {"type": "integer"}, name: {}}) for name in names)]
    lines = people((1, "a", 1), namespace="one") + people((2, "b", 2), namespace="two")
    lines += [record(name, {"id": 1, name: name}) for name in names]
    lines += [status("people", "COMPLETE", "one"), status("people", "COMPLETE", "two"), *(status(name, "COMPLETE") for name in names)]
    destination.write({"path": str(database)}, configured(streams), lines)
    assert table(database, "one__people") == [(1, "a", 1)] and table(database, "two__people") == [(2, "b", 2)]
    for name in names:
        with sqlite3.connect(database) as connection:
            quoted = name.replace('"', '""')
            assert list(connection.execute(f'SELECT id, "{quoted}" FROM "{quoted}"')) == [(1, name)]


def test_declared_fields_only(destination, tmp_path):
    database = tmp_path / "x.db"
    lines = [record("people", {"id": 1, "seen": 1, "undeclared": {"a": 1}}), status("people", "COMPLETE")]
    destination.write({"path": str(database)}, configured([stream("people", PEOPLE)]), lines)
    assert set(catalogs.rows(database, "people")[0]) == {*PEOPLE, *OWN}
    wider = {**PEOPLE, "undeclared": {"type": "object"}}
    lines = [record("people", {"id": 2, "seen": 1, "undeclared": {"a": 1}}), status("people", "COMPLETE")]
    destination.write({"path": str(database)}, configured([stream("people", wider)]), lines)
    rows = {row["id"]: row for row in catalogs.rows(database, "people")}
    assert rows[1]["undeclared"] is None and json.loads(rows[2]["undeclared"]) == {"a": 1}


# ----------------------------------------------------------------------------------------------------------------------- states


def echoed(run: Run) -> list[dict]:
    return run.of("STATE")


def test_states_come_back_as_they_were(destination, tmp_path):
    """In order, with unknown keys and the text of numbers, and destinationStats beside sourceStats."""
    streams = [stream("people", PEOPLE), stream("b", {"id": {"type": "integer"}}, namespace="n s")]
    lines = [
        stream_state("people", {"z": 1, "a": None}, 0.0, id=7, partition_id="p-1", more={"x": [1]}),
        *people((1, "a", 1), (2, "b", 2)),
        stream_state("people", {"c": 2}, 2.0, id=8),
        record("b", {"id": 1}, namespace="n s"),
        stream_state("people", {"c": 3}, 0.0),
        stream_state("b", {"c": 1}, 1.0, namespace="n s"),
        *people((3, "c", 3)),
        stream_state("people", {"c": 4}, 1.0),
    ]
    raw = [json.dumps(line).encode() for line in lines]
    raw[0] = raw[0].replace(b'"z": 1', b'"z": 123456789012345678901234567890.10')
    raw += [json.dumps(status("people", "COMPLETE")).encode(), json.dumps(status("b", "COMPLETE", "n s")).encode()]
    run = destination.write({"path": str(tmp_path / "x.db")}, configured(streams), raw)
    sent = [exact.loads(line)["state"] for line in raw if b'"STATE"' in line]
    got = [exact.loads(line)["state"] for line in exact.lines(run.out) if b'"STATE"' in line]
    assert len(got) == len(sent)
    for was, now in zip(sent, got):
        stats = now.pop("destinationStats")
        assert now == was and float(stats["recordCount"]) == float(was["sourceStats"]["recordCount"])
    assert not run.junk


def test_global_states_and_null_envelopes(destination, tmp_path):
    """As PyAirbyte writes them: every key of the envelope, mostly null; `global` as `global_`, twice."""
    parts = [{"stream_descriptor": {"name": "people", "namespace": None}, "stream_state": {"c": 1}}]
    inner = {"shared_state": {"lsn": 5}, "stream_states": parts}
    nulls = {k: None for k in ("log", "spec", "connectionStatus", "catalog", "trace", "control", "destination_catalog")}
    one = {"type": "RECORD", **nulls, "record": {"namespace": None, "stream": "people", "data": {"id": 1, "name": "a", "seen": 1},
           "emitted_at": 1_700_000_000_000, "meta": None, "file_reference": None}, "state": None}  # fmt: skip
    mixed = '{"type":"STATE","record":null,"state":{"type":"GLOBAL","stream":null,"global_":%s,"data":null,"sourceStats":{"recordCount":0.0},"global_":%s}}'
    lines = [
        json.dumps(one).encode(),
        json.dumps({"type": "STATE", **nulls, "record": None, "state": {"type": "GLOBAL", "global": inner, "sourceStats": {"recordCount": 1.0}}}).encode(),
        (mixed % (json.dumps(inner), json.dumps(inner))).encode(),
        b"",
        b"a line that is no message",
        b'{"type":"DEBUG","message":"x","data":{}}',
        json.dumps({"type": "LOG", "log": {"level": "INFO", "message": "hello"}}).encode(),
        json.dumps(status("people", "COMPLETE")).encode(),
    ]
    run = destination.write({"path": str(tmp_path / "x.db")}, configured([stream("people", PEOPLE)]), lines)
    states = echoed(run)
    assert [s.get("global") or s.get("global_") for s in states] == [inner, inner]
    assert [s["destinationStats"]["recordCount"] for s in states] == [1, 0]
    assert table(tmp_path / "x.db", "people") == [(1, "a", 1)]


def test_a_state_comes_when_its_rows_are_there(destination, tmp_path):
    """While its input is still open: whoever reads a state finds the rows."""
    database, catalog = tmp_path / "x.db", tmp_path / "catalog.json"
    catalog.write_text(json.dumps(configured([stream("people", PEOPLE)])))
    (tmp_path / "config.json").write_text(json.dumps({"path": str(database)}))
    argv = [*destination.argv, "write", "--config", str(tmp_path / "config.json"), "--catalog", str(catalog)]
    child = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    for n in range(1, 4):
        for line in [*people((n, "x", n)), stream_state("people", {"n": n}, 1.0)]:
            child.stdin.write(json.dumps(line).encode() + b"\n")
        child.stdin.flush()
        message = {}
        while message.get("type") != "STATE":
            message = json.loads(child.stdout.readline())
        assert message["state"]["stream"]["stream_state"] == {"n": n}
        assert len(table(database, "people")) == n
    child.stdin.write(json.dumps(status("people", "COMPLETE")).encode() + b"\n")
    child.stdin.close()
    child.stdout.read()
    assert child.wait(30) == 0


def test_no_state_for_what_failed(destination, tmp_path):
    """A record of a stream that is not in the catalog, or a broken one: status 1, an error; only earlier states."""
    for broken in (b'{"type":"RECORD","record":{"stream":"people","emitted_at":1}}', b'{"type":"RECORD","record":{"stream":"people","data":{"id":'):
        database = tmp_path / f"{len(broken)}.db"
        lines = [json.dumps(x).encode() for x in [*people((1, "a", 1)), stream_state("people", {"n": 1}, 1.0)]]
        lines += [broken] + [json.dumps(x).encode() for x in [*people((2, "b", 2)), stream_state("people", {"n": 2}, 1.0), status("people", "COMPLETE")]]
        run = destination.write({"path": str(database)}, configured([stream("people", PEOPLE)]), lines, expect=None)
        if run.status:
            assert run.status == 1 and run.errors()
            assert [s["stream"]["stream_state"]["n"] for s in echoed(run)] in ([], [1])
        else:  # a line that is no message is a log line
            assert len(table(database, "people")) == 2


def test_every_line_fits_airbytes_models(destination, tmp_path):
    said = b""
    for run in (
        destination.run("spec"),
        destination.run("check", config={"path": str(tmp_path / "x.db")}),
        destination.run("check", config={"path": 7}),
        destination.write({"path": 7}, configured([stream("people", PEOPLE)]), [], expect=1),
        destination.write({"path": str(tmp_path / "x.db")}, configured([stream("people", PEOPLE)]),
                          [*people((1, "a", 1)), stream_state("people", {"n": 1}, 1.0), status("people", "COMPLETE")]),
    ):  # fmt: skip
        assert not run.junk
        said += run.out
    assert judged("airbyte", said) == []


# ---------------------------------------------------------------------------------------------------------------- kits and sources


def smoke_source(folder: Path) -> Connector:
    script = folder / "source-smoke-test"
    script.write_text("#!/bin/sh\nexec " + " ".join(f"'{part}'" for part in kit("pyairbyte", "smoke_source.py")) + ' "$@"\n')
    script.chmod(0o755)
    return Connector([str(script)])


def assert_holds(database: Path, name: str, records: list[dict], schema: dict, key: list[str]):
    """The rows of a table are the records, the last of each key; a value in each column as it was."""
    want = list(catalogs.reduced(records, [f"/{part}" for part in key]).values()) if key else records
    rows = catalogs.rows(database, name)
    assert len(rows) == len(want)
    mark = lambda row: json.dumps([row.get("id", 0), row.get("name")], default=str)
    for row, doc in zip(sorted(rows, key=mark), sorted(want, key=mark)):
        for field in schema["properties"]:
            assert catalogs.holds(row[catalogs.column_of(field)], doc.get(field)), f"{name}.{field}: {row[field]!r}, not {doc.get(field)!r}"


def test_pyairbytes_smoke_test(destination, tmp_path):
    source, database = smoke_source(tmp_path), tmp_path / "smoke.db"
    link = tmp_path / "destination-sqlite"
    link.symlink_to(destination.argv[0])
    env = {**os.environ, "AIRBYTE_OFFLINE_MODE": "1", "DO_NOT_TRACK": "1", "HOME": str(tmp_path), "AIRBYTE_LOGGING_ROOT": str(tmp_path / "logs")}
    env["PATH"] = f"{tmp_path}:{env['PATH']}"
    argv = [tool("pyairbyte", "pyab"), "destination-smoke-test", f"--destination={link}", f"--config={json.dumps({'path': str(database)})}"]
    done = subprocess.run([*argv, "--scenarios=all", "--reuse-namespace=smoke"], capture_output=True, text=True, timeout=DEADLINE, env=env, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    result = json.loads(done.stdout[done.stdout.index("{") :])
    assert result["success"] and result["preflight_passed"] and result["records_delivered"] == 1059

    config = {"all_fast_streams": True, "all_slow_streams": True}
    found = source.discover(config)
    records = source.read(config, configured(found)).records(lambda line: json.loads(line, parse_float=Decimal))
    assert sum(map(len, records.values())) == 1059 and len(found) >= 21
    for stream in found:
        key = [path[0] for path in stream.get("source_defined_primary_key") or []]
        assert_holds(database, f"smoke__{stream['name']}", records.get(stream["name"], []), stream["json_schema"], key)


SOURCES = {
    "hardcoded-records": (("pyairbyte", "source-hardcoded-records"), {"count": 20}),
    "faker-cdk-6": (("faker", "source-faker"), {"count": 20, "parallelism": 1, "always_updated": False, "seed": 1}),
    "faker-cdk-0": (("airbyte", "source-faker"), {"count": 20, "parallelism": 1, "always_updated": False, "seed": 1}),
}


@pytest.mark.parametrize("name", SOURCES)
def test_real_sources_piped_in(destination, tmp_path, name):
    where, config = SOURCES[name]
    source, database = Connector([tool(*where)]), tmp_path / "x.db"
    catalog = configured(source.discover(config), destination="append_dedup")
    run = source.read(config, catalog)
    written = destination.write({"path": str(database)}, catalog, to_destination(run))
    assert [{k: v for k, v in s.items() if k != "destinationStats"} for s in echoed(written)] == run.of("STATE")
    assert [s["destinationStats"]["recordCount"] for s in echoed(written)] == [s["sourceStats"]["recordCount"] for s in run.of("STATE")]
    for stream in catalog["streams"]:
        schema, key = stream["stream"]["json_schema"], [path[0] for path in stream["primary_key"]]
        assert_holds(database, stream["stream"]["name"], run.records(lambda line: json.loads(line, parse_float=Decimal))[stream["stream"]["name"]], schema, key)
