"""weir shim: the same as the Python shims, states and all; in chains; and what goes through it comes out as it went in, between every two protocols."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

import catalogs
import dbf
import exact
from conftest import Weir, airbyte_shim, kit, ours, singer_dbf, singer_rest, tool, write_lines
from drive import FULL_RANGE, Capture, Peer, Process, call, capture, capture_spec, discover, merge_patch
from drive_airbyte import Connector, configured, record, status, stream_state
from drive_materialize import Binding, Materialization
from drive_singer import Program, select
from test_run import without_times
from test_singer_target import classic

PROTOCOLS = ["flow", "airbyte", "singer"]


def shim(weir: Weir, source: str, target: str, command: list[str], folder: Path) -> list[str]:
    """The argv of a shim, as a script of its own: platforms add their arguments behind it."""
    script = folder / f"{source}-as-{target}-{len(list(folder.iterdir()))}"
    quoted = " ".join(f"'{part}'" for part in command)
    script.write_text(f'#!/bin/sh\nexec {weir.program} shim --from {source} --as {target} -- {quoted} -- "$@"\n')
    script.chmod(0o755)
    return [str(script)]


# --------------------------------------------------------------------------------------------------- beside the Python shims


class Pair:
    """The same connector behind flow-sdk's shim and behind ours, both as Flow captures."""

    def __init__(self, python: Peer, ours: Peer, grow, volatile: set[str]):
        self.python, self.ours, self.grow, self.volatile = python, ours, grow, volatile
        self.found = {}

    def documents(self, found: list[dict], done: Capture) -> dict[str, list[dict]]:
        return {f["recommendedName"]: [catalogs.plain(d, self.volatile) for d in done.of(i)] for i, f in enumerate(found)}


@pytest.fixture(params=["airbyte_faker", "singer_dbf", "singer_rest"])
def pair(request, weir, tmp_path, api) -> Pair:
    (folder := tmp_path / "peer data").mkdir()
    shims = tmp_path / "shims"
    shims.mkdir()
    if request.param == "airbyte_faker":
        case, name, command = airbyte_shim(folder), "airbyte", [tool("airbyte", "source-faker")]
    elif request.param == "singer_dbf":
        case, name, command = singer_dbf(folder), "singer", [tool("singer-dbf", "tap-dbf")]
    else:
        case, name, command = singer_rest(api), "singer", [tool("singer-rest", "tap-rest-api-msdk")]
    grow = case.grow
    if request.param == "singer_dbf":
        grow = lambda: dbf.write(folder / "tags.dbf", [("NAME", "C", 20, 0)], [("c",)])
    return Pair(case.peer, Peer(shim(weir, name, "flow", command, shims), case.peer.config), grow, case.volatile)


def test_the_same_as_the_python_shim(pair):
    """Spec and discovery, documents with their row numbers, folded state; then each resumes from the other's state."""
    spec, own = (call(peer, "spec", {"connectorType": "LOCAL", "config": {}}) for peer in (pair.python, pair.ours))
    assert own["resourcePathPointers"] == spec["resourcePathPointers"]
    assert own["resourceConfigSchema"]["required"] == spec["resourceConfigSchema"]["required"]
    assert set(own["resourceConfigSchema"]["properties"]) >= set(spec["resourceConfigSchema"]["properties"])
    assert set(own["configSchema"]["properties"]) >= set(spec["configSchema"]["properties"])

    found, ours = discover(pair.python), discover(pair.ours)
    by_name = lambda bindings: {b["recommendedName"]: b for b in bindings}
    assert by_name(ours).keys() == by_name(found).keys()
    for name, binding in by_name(found).items():
        own = by_name(ours)[name]
        assert own["key"] == binding["key"]
        assert own["resourceConfig"] == binding["resourceConfig"]
        assert own["documentSchema"] == binding["documentSchema"]

    task, own_task = capture_spec(pair.python, found), capture_spec(pair.ours, found)
    assert [b["resourcePath"] for b in own_task["bindings"]] == [b["resourcePath"] for b in task["bindings"]]
    python, weir = capture(pair.python, task, {}), capture(pair.ours, own_task, {})
    assert pair.documents(found, weir) == pair.documents(found, python) and not weir.loose
    assert without_times(weir.state) == without_times(python.state)

    pair.grow()
    runs = {f"{name} after {other}": capture(peer, t, state) for name, peer, t in (("python", pair.python, task), ("weir", pair.ours, own_task))
            for other, state in (("python", python.state), ("weir", weir.state))}  # fmt: skip
    want = runs["python after python"]
    for name, run in runs.items():
        assert pair.documents(found, run) == pair.documents(found, want), name
        assert without_times(run.state) == without_times(want.state), name


def test_a_wrong_config_is_told_by_the_shim(pair):
    wrong = {"airbyte": {"count": "many"}, "singer": {}}["airbyte" if "airbyte" in pair.ours.argv[0] else "singer"]
    task = capture_spec(pair.ours, discover(pair.ours))
    process = Process(Peer(pair.ours.argv, wrong))
    process.send("validate", {"name": "acme/x", "connectorType": "LOCAL", "config": wrong,
                              "bindings": [{part: b[part] for part in ("resourceConfig", "collection")} for b in task["bindings"]]})  # fmt: skip
    process.child.stdin.close()
    assert process.line() is None and process.end() != 0 and process.log


# ------------------------------------------------------------------------------------------------------------------- as they were

COLUMNS = {
    "big": ({"type": "integer"}, "123456789012345678901234567890"),
    "decimal": ({"type": "number"}, "123456789012345.678901234567890"),
    "float": ({"type": "number"}, "1.50e-07"),
    "flag": ({"type": "boolean"}, "true"),
    "nothing": ({"type": ["null", "string"]}, "null"),
    "at": ({"type": "string", "format": "date-time"}, '"2026-01-02T03:04:05.000006+05:30"'),
    "text": ({"type": "string"}, '"é 🚀 \\u0001 \\" \\\\ \\/ \\u2028 \\ud83d\\ude80 \\u00e9 \\n"'),
    "object": ({"type": "object", "properties": {"a": {"type": "object"}}}, '{"a":{"b":[],"":null,"ü.x/y":1.0}, "z":{}}'),
    "list": ({"type": "array"}, '[1,1.0,"x",null,{"k":[true,-0.0,1E300]}]'),
    "odd name./~🚀 1": ({"type": "string"}, '""'),
}
SCHEMA = {"type": "object", "properties": {"id": {"type": "integer"}, **{name: schema for name, (schema, _) in COLUMNS.items()}}, "required": ["id"]}


def lines(first: int, last: int) -> list[str]:
    body = ", ".join(f"{json.dumps(name)} : {text}" for name, (_, text) in COLUMNS.items())
    return [f'{{"id":{n},{body}}}' for n in range(first, last)]


def read_flow(argv: list[str], config: dict, state: dict) -> tuple[list[dict], dict]:
    """All documents, exactly, and the folded state."""
    peer = Peer(argv, config)
    found = discover(peer)
    assert len(found) == 1 and found[0]["key"] == ["/id"]
    task, process, docs = capture_spec(peer, found), Process(peer), []
    process.send("open", {"capture": task, "version": "1", "range": FULL_RANGE, "state": state})
    process.child.stdin.close()
    while line := process.line():
        message = exact.loads(line)
        if "captured" in message:
            docs.append(message["captured"]["doc"])
        elif "checkpoint" in message:
            update = json.loads(line)["checkpoint"]["state"]
            state = merge_patch(state, update["updated"]) if update.get("mergePatch") else update["updated"]
    assert process.end() == 0, process.log.decode()
    return docs, state


def read_airbyte(argv: list[str], config: dict, state) -> tuple[list[dict], list]:
    source = Connector(argv)
    assert source.check(config)["status"] == "SUCCEEDED"
    found = source.discover(config)
    assert len(found) == 1 and found[0]["source_defined_primary_key"] == [["id"]]
    run = source.read(config, configured(found), state or None)
    assert list(run.statuses().values())[0][-1] == "COMPLETE"
    return next(iter(run.records(exact.loads).values()), []), run.states()


def read_singer(argv: list[str], config: dict, state) -> tuple[list[dict], dict]:
    tap = Program(argv)
    found = tap.discover(config)
    (entry,) = found["streams"]
    assert entry["key_properties"] == ["id"]
    run = tap.sync(config, select(found), state or None)
    return next(iter(run.records(exact.loads).values()), []), run.state()


READ = {"flow": read_flow, "airbyte": read_airbyte, "singer": read_singer}
PAIRS = [(a, b) for a in PROTOCOLS for b in PROTOCOLS if a != b]


def same(docs: list[dict], texts: list[str]) -> int:
    """How many columns are in all documents what they were, if nothing else changed."""
    want = [exact.loads(text) for text in texts]
    assert [doc["id"] for doc in docs] == [doc["id"] for doc in want]
    for doc in docs:
        assert set(doc) - {"_meta"} == {"id", *COLUMNS}
    return sum(all(got[name] == was[name] and type(got[name]) is type(was[name]) for got, was in zip(docs, want)) for name in COLUMNS)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_our_scripts_and_readers_keep_them(tmp_path, protocol):
    """Without any shim between: what the other tests take for granted."""
    (tmp_path / "data.ndjson").write_text("".join(line + "\n" for line in lines(0, 5)), "utf-8")
    config = {"file": str(tmp_path / "data.ndjson"), "schema": SCHEMA, "name": "odd stream"}
    docs, state = READ[protocol](kit("suite", "script_source.py", protocol), config, {})
    assert same(docs, lines(0, 5)) == 10 and READ[protocol](kit("suite", "script_source.py", protocol), config, state)[0] == []


@pytest.mark.parametrize("source, target", PAIRS, ids=lambda p: p)
def test_ten_of_ten_columns(weir, tmp_path, source, target):
    """Integers beyond 64 bits, decimals of 30 digits, any text, nested values, odd names: the same JSON values on the other side. And it resumes."""
    data = tmp_path / "data.ndjson"
    config = {"file": str(data), "schema": SCHEMA, "name": "odd stream"}
    data.write_text("".join(line + "\n" for line in lines(0, 5)), "utf-8")
    argv = shim(weir, source, target, kit("suite", "script_source.py", source), tmp_path)
    docs, state = READ[target](argv, config, {})
    columns = same(docs, lines(0, 5))
    assert columns == len(COLUMNS) == 10, f"{columns} of 10 columns"
    again, state = READ[target](argv, config, state)
    assert again == []
    data.write_text("".join(line + "\n" for line in lines(0, 8)), "utf-8")
    docs, _ = READ[target](argv, config, state)
    assert same(docs, lines(5, 8)) == 10


@pytest.mark.parametrize("route", [["singer", "airbyte", "flow", "singer"], ["airbyte", "flow", "singer", "airbyte"], ["flow", "singer", "airbyte", "flow"]], ids="-".join)
def test_chains_give_back_the_same(weir, tmp_path, route):
    data = tmp_path / "data.ndjson"
    config = {"file": str(data), "schema": SCHEMA, "name": "odd stream"}
    data.write_text("".join(line + "\n" for line in lines(0, 5)), "utf-8")
    argv = kit("suite", "script_source.py", route[0])
    for source, target in zip(route, route[1:]):
        argv = shim(weir, source, target, argv, tmp_path)
    docs, state = READ[route[-1]](argv, config, {})
    assert same(docs, lines(0, 5)) == 10
    data.write_text("".join(line + "\n" for line in lines(0, 6)), "utf-8")
    docs, _ = READ[route[-1]](argv, config, state)
    assert same(docs, lines(5, 6)) == 10


def test_a_real_tap_through_the_chain(weir, tmp_path):
    """singer -> airbyte -> flow -> singer around a tap of singer-python: the same records by stream, and the same after resuming."""
    (folder := tmp_path / "tap").mkdir()
    shims = tmp_path / "shims"
    shims.mkdir()
    tap, config = classic(folder)
    argv = tap.argv
    for source, target in ("singer", "airbyte"), ("airbyte", "flow"), ("flow", "singer"):
        argv = shim(weir, source, target, argv, shims)
    chain = Program(argv)
    found, through = tap.discover(config), chain.discover(config)
    assert len(through["streams"]) == len(found["streams"])
    sorted_records = lambda run: sorted(json.dumps(r, sort_keys=True) for rs in run.records(exact.loads).values() for r in rs)
    direct, run = tap.sync(config, select(found)), chain.sync(config, select(through))
    assert sorted_records(run) == sorted_records(direct)
    assert sorted(map(len, run.records().values())) == sorted(map(len, direct.records().values()))
    write_lines(folder / "things.ndjson", [*map(json.loads, (folder / "things.ndjson").open()), {"id": 9, "updated_at": "2026-02-01T00:00:00Z", "text": "late"}])
    assert sorted_records(chain.sync(config, select(through), run.state())) == sorted_records(tap.sync(config, select(found), direct.state()))


# ------------------------------------------------------------------------------------------------------------------ destinations


def destination_shim(weir: Weir, source: str, target: str, command: list[str], folder: Path) -> list[str]:
    """By the command's name Weir tells that it is a destination."""
    inner = folder / {"airbyte": "destination-script", "singer": "target-script", "flow": "materialize-script"}[source]
    inner.write_text("#!/bin/sh\nexec " + " ".join(f"'{part}'" for part in command) + ' "$@"\n')
    inner.chmod(0o755)
    return shim(weir, source, target, [str(inner)], folder)


def write_airbyte(argv: list[str], config: dict, first: int, last: int) -> list:
    """Feeds the columns' documents. Returns the states that came back."""
    stream = {"name": "odd stream", "json_schema": SCHEMA, "supported_sync_modes": ["incremental"], "source_defined_primary_key": [["id"]]}
    catalog = configured([stream], destination="append_dedup")
    said = [f'{{"type":"RECORD","record":{{"stream":"odd stream","data":{text},"emitted_at":1700000000000}}}}'.encode() for text in lines(first, last)]
    said += [json.dumps(m).encode() for m in (stream_state("odd stream", {"n": last}, float(last - first), id=7), status("odd stream", "COMPLETE"))]
    destination = Connector(argv)
    assert destination.check(config)["status"] == "SUCCEEDED" and set(config) <= set(destination.spec()["connectionSpecification"]["properties"])
    states = destination.write(config, catalog, said).of("STATE")
    assert [(s["stream"]["stream_state"], s["id"], s["destinationStats"]["recordCount"]) for s in states] == [({"n": last}, 7, last - first)]
    return states


def write_singer(argv: list[str], config: dict, first: int, last: int) -> list:
    said = [json.dumps({"type": "SCHEMA", "stream": "odd stream", "schema": SCHEMA, "key_properties": ["id"]}).encode()]
    said += [f'{{"type":"RECORD","stream":"odd stream","record":{text}}}'.encode() for text in lines(first, last)]
    _, states = Program(argv).load(config, said + [json.dumps({"type": "STATE", "value": {"bookmarks": {"odd stream": {"n": last}}}}).encode()])
    assert states[-1] == {"bookmarks": {"odd stream": {"n": last}}}
    return states


def write_flow(argv: list[str], config: dict, first: int, last: int) -> list:
    peer = Peer(argv, config)
    schema = call(peer, "spec", {"connectorType": "LOCAL", "config": {}})["resourceConfigSchema"]
    (member,) = [name for name, property in schema["properties"].items() if property.get("x-collection-name")]
    binding = Binding("acme/odd", {member: "odd stream"}, "id", SCHEMA["properties"])
    return [Materialization(peer, [binding]).run([[(0, text) for text in lines(first, last)]])]


WRITE = {"flow": write_flow, "airbyte": write_airbyte, "singer": write_singer}
INTO_SCRIPTS = [(a, b) for a in ("airbyte", "singer") for b in PROTOCOLS if a != b]


@pytest.mark.parametrize("source, target", INTO_SCRIPTS, ids=lambda p: p)
def test_ten_of_ten_columns_into_destinations(weir, tmp_path, source, target):
    """A destination or target of `source`, used as one of `target`."""
    out = tmp_path / "out.ndjson"
    argv = destination_shim(weir, source, target, kit("suite", "script_destination.py", source), tmp_path)
    for first, last in (0, 5), (5, 7):
        WRITE[target](argv, {"file": str(out)}, first, last)
    assert same([exact.loads(line) for line in exact.lines(out.read_bytes())], lines(0, 7)) == 10


@pytest.mark.parametrize("source, target", PAIRS, ids=lambda p: p)
def test_our_destination_behind_a_shim(weir, tmp_path, source, target):
    """materialize-sqlite speaking `source`, used as a destination of `target`: its columns hold the values."""
    database = tmp_path / "out.db"
    argv = destination_shim(weir, source, target, [ours("materialize-sqlite"), "--protocol", source], tmp_path)
    for first, last in (0, 5), (3, 7):
        WRITE[target](argv, {"path": str(database)}, first, last)
    rows = sorted(catalogs.rows(database, "odd stream"), key=lambda row: row["id"])
    docs = [json.loads(text, parse_float=Decimal) for text in lines(0, 7)]
    assert [row["id"] for row in rows] == [doc["id"] for doc in docs]
    for name in COLUMNS:
        assert all(catalogs.holds(row[name], doc[name]) for row, doc in zip(rows, docs)), f"{name}: {rows[0][name]!r}"


@pytest.mark.parametrize("source", ["flow", "singer"])
def test_appending_through_a_shim(weir, tmp_path, source):
    """Airbyte's append: every record is a row, though the stream has a key; also in the next run."""
    stream = {"name": "t", "json_schema": {"type": "object", "properties": {"id": {"type": "integer"}}}, "supported_sync_modes": ["incremental"],
              "source_defined_primary_key": [["id"]]}  # fmt: skip
    argv = destination_shim(weir, source, "airbyte", [ours("materialize-sqlite"), "--protocol", source], tmp_path)
    for _ in range(2):
        lines = [record("t", {"id": 1}), record("t", {"id": 1}), stream_state("t", {"n": 1}, 2.0), status("t", "COMPLETE")]
        Connector(argv).write({"path": str(tmp_path / "out.db")}, configured([stream], destination="append"), lines)
    assert [row["id"] for row in catalogs.rows(tmp_path / "out.db", "t")] == [1] * 4
