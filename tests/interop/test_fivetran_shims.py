"""weir shim from Fivetran's protocol and to it: a source of grpcio as a Flow capture, an Airbyte source and a Singer tap; Airbyte's source-faker and Singer taps
served as Fivetran sources; a target and a destination served as Fivetran destinations."""

import json
from pathlib import Path

import pytest

import fivetran

if fivetran.missing():
    pytest.skip(fivetran.missing(), allow_module_level=True)

import exact
from conftest import HERE, Weir, ours, program, tool
from drive import Peer, capture, capture_spec, discover
from drive_airbyte import Connector, configured
from drive_singer import Program, select
from fivetran import flat, serving
from test_fivetran_driven import CHECKPOINT, table, upsert
from test_fivetran_source import Synced, update
from test_shims import shim
from test_singer_target import classic, jsonfile

T = table("t", {"id": "LONG", "v": "STRING", "n": "INT", "d": "DECIMAL(38,2)"})
ROWS = [upsert(n, "é" if n % 2 else None, d="12345678901234567890.25") for n in range(5)]


class Source:
    """A source of grpcio behind a shim."""

    def __init__(self, weir: Weir, folder: Path, target: str):
        self.inside = folder / "inside"
        self.inside.mkdir()
        (folder / "shims").mkdir()
        self.say(ROWS + [["UPSERT", "nokey", {"v": "x"}], CHECKPOINT])
        (self.inside / "schema.json").write_text(json.dumps({"tables": [T, table("nokey", {"v": "STRING"}, [])]}))
        self.config = {"dir": str(self.inside)}
        self.argv = shim(weir, "fivetran", target, program("fivetran", str(HERE / "peers/fivetran_source.py")), folder / "shims")

    def say(self, script):
        self.script = script
        (self.inside / "script.json").write_text(json.dumps(script))


def plain(docs):
    return [(d["id"], d["v"], d["n"], str(d["d"])) for d in docs]


WANTED = [(n, "é" if n % 2 else None, n, "12345678901234567890.25") for n in range(5)]


def test_as_a_flow_capture(weir, tmp_path):
    s = Source(weir, tmp_path, "flow")
    peer = Peer(s.argv, s.config)
    found = discover(peer)
    assert [f["resourceConfig"]["table"] for f in found] == ["t", "nokey"]
    assert found[0]["key"] == ["/id"]
    task = capture_spec(peer, found)
    first = capture(peer, task, {})
    assert plain(first.of(0)) == WANTED and [d["v"] for d in first.of(1)] == ["x"]
    s.say(s.script + [upsert(9, d="1.00"), ["DELETE", "t", {"id": "1"}], CHECKPOINT])
    more = capture(peer, task, first.state)
    assert [d["id"] for d in more.of(0)] == [9, 1] and more.of(0)[1]["_meta"]["op"] == "d"


def test_as_an_airbyte_source(weir, tmp_path):
    s = Source(weir, tmp_path, "airbyte")
    source = Connector(s.argv)
    assert source.check(s.config)["status"] == "SUCCEEDED"
    catalog = configured(source.discover(s.config))
    run = source.read(s.config, catalog)
    assert plain(run.records()["t"]) == WANTED and [d["v"] for d in run.records()["nokey"]] == ["x"]
    s.say(s.script + [upsert(9, d="1.00"), ["DELETE", "t", {"id": "1"}], CHECKPOINT])
    more = source.read(s.config, catalog, run.states()).records()["t"]
    assert [d["id"] for d in more] == [9, 1] and more[1]["_ab_cdc_deleted_at"]


def test_a_check_that_fails(weir, tmp_path):
    s = Source(weir, tmp_path, "airbyte")
    answer = Connector(s.argv).check({"dir": str(tmp_path / "nowhere")})
    assert answer["status"] == "FAILED" and "nowhere" in answer["message"]


def test_as_a_singer_tap(weir, tmp_path):
    s = Source(weir, tmp_path, "singer")
    tap = Program(s.argv)
    catalog = select(tap.discover(s.config))
    run = tap.sync(s.config, catalog)
    assert plain(run.records()["t"]) == WANTED and [d["v"] for d in run.records()["nokey"]] == ["x"]
    s.say(s.script + [upsert(9, d="1.00"), CHECKPOINT])
    assert [d["id"] for d in tap.sync(s.config, catalog, run.state()).records()["t"]] == [9]


@pytest.mark.parametrize("target", ["airbyte", "singer"])
def test_an_update_of_single_fields(weir, tmp_path, target):
    """There, a record is the whole row: what only has the changes must not look like one."""
    s = Source(weir, tmp_path, target)
    s.say(ROWS + [CHECKPOINT, ["UPDATE", "t", {"id": "1", "v": "changed"}], CHECKPOINT])
    if target == "airbyte":
        source = Connector(s.argv)
        run = source.read(s.config, configured(source.discover(s.config)), expect=None)
    else:
        tap = Program(s.argv)
        run = tap.sync(s.config, select(tap.discover(s.config)), expect=None)
    assert run.status != 0 or all("n" in d and d["n"] is not None for d in run.records()["t"]), "a row of changes alone"


# ----------------------------------------------------------------------------------------------- others, served as Fivetran sources

FAKER = {"count": 20, "parallelism": 1, "always_updated": False, "seed": 1}


def value(member, v):
    """A value as it stands in a document."""
    if member == "null":
        return None
    if member == "json":
        return json.loads(v)
    if member in ("naive_date", "naive_datetime", "utc_datetime"):
        return ("time", v.ToJsonString().rstrip("Z").partition("T")[0] if member == "naive_date" else v.seconds)
    return v


def rows_of(synced: Synced, name: str):
    return [{c: value(m, v) for c, (m, v) in data.items()} for kind, table, data in synced.records if table == name and kind == "UPSERT"]


def test_source_faker_as_a_fivetran_source(weir, tmp_path):
    command = [tool("faker", "source-faker")]
    source = Connector(command)
    catalog = configured(source.discover(FAKER))
    direct = source.read(FAKER, catalog).records()
    with serving(*shim(weir, "airbyte", "fivetran", command, tmp_path), "--port", "0") as served:
        stub, settings = served.source(), flat(FAKER)
        answer = stub.Schema(fivetran.source.SchemaRequest(configuration=settings))
        tables = {t.name: t for t in answer.without_schema.tables}
        assert set(tables) == set(direct)
        assert [c.name for c in tables["users"].columns if c.primary_key] == ["id"]
        first = Synced(update(stub, settings))
        for name, docs in direct.items():
            rows = rows_of(first, name)
            assert [r["id"] for r in rows] == [d["id"] for d in docs], name
            simple = lambda x: {k: v for k, v in x.items() if isinstance(v, (str, int)) and not k.endswith("_at")}
            assert [{k: r.get(k) for k in simple(d) if not isinstance(r.get(k), tuple)} for r, d in zip(rows, docs)] == [
                {k: v for k, v in simple(d).items() if not isinstance(r.get(k), tuple)} for r, d in zip(rows, docs)]
        assert first.states


@pytest.mark.parametrize("make", [classic, jsonfile], ids=lambda make: make.__name__)
def test_a_tap_as_a_fivetran_source(weir, tmp_path, make):
    (data := tmp_path / "data").mkdir()
    tap, config = make(data)
    direct = tap.sync(config, select(tap.discover(config))).records()
    (tmp_path / "shims").mkdir()
    with serving(*shim(weir, "singer", "fivetran", tap.argv, tmp_path / "shims"), "--port", "0") as served:
        first = Synced(update(served.source(), flat(config)))
        names = {name for _, name, _ in first.records}
        assert sum(len(rows_of(first, name)) for name in names) == sum(map(len, direct.values()))
        assert len(names) == len(direct)
        if make is jsonfile:
            (name,) = names
            docs = next(iter(direct.values()))
            assert [(r["id"], r["text"]) for r in rows_of(first, name)] == [(d["id"], d["text"]) for d in docs]


def test_a_flow_capture_as_a_fivetran_source(weir, tmp_path):
    with serving(*shim(weir, "flow", "fivetran", [ours("source-hello")], tmp_path), "--port", "0") as served:
        first = Synced(update(served.source(), {"count": "4", "text": "ü"}))
        assert [(r["n"], r["text"]) for r in first.rows("greetings")] == [(n, "ü") for n in range(4)]
        assert [r["n"] for r in Synced(update(served.source(), {"count": "6", "text": "ü"}, first.states[-1])).rows("greetings")] == [4, 5]


def test_and_back(weir, tmp_path):
    """Fivetran as Airbyte as Fivetran: the rows are the same."""
    s = Source(weir, tmp_path, "airbyte")
    with serving(*shim(weir, "airbyte", "fivetran", s.argv, tmp_path / "shims"), "--port", "0") as served:
        synced = Synced(update(served.source(), s.config))
        assert [(r["id"], r.get("v"), r["n"]) for r in synced.rows("t")] == [w[:3] for w in WANTED]
        assert {str(r["d"]) for r in synced.rows("t")} == {"12345678901234567890.25"}
