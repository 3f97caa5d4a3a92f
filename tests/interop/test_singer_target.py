"""materialize-sqlite as a Singer target: Meltano's SDK test suite with all its streams, what is stored, which states are printed, real taps piped in."""

import gzip
import json
import signal
import sqlite3
import subprocess
from decimal import Decimal
from pathlib import Path

import pytest

import catalogs
import exact
from conftest import DEADLINE, HERE, copied, kit, ours, program, singer_dbf, tool, write_lines
from drive_singer import Program, record, schema, select, state
from test_airbyte_source import inner_pytest
from test_singer_tap import Meltano, plugin


@pytest.fixture
def target() -> Program:
    return Program([ours("materialize-sqlite")])


def decimals(text):
    return json.loads(text, parse_float=Decimal)


INT, TEXT = {"type": ["null", "integer"]}, {"type": ["null", "string"]}
SDC = {"_sdc_extracted_at", "_sdc_received_at", "_sdc_batched_at", "_sdc_deleted_at", "_sdc_sequence", "_sdc_table_version", "_sdc_sync_started_at"}


def rows(database: Path, table: str) -> list[dict]:
    return catalogs.rows(database, table)


def values(database: Path, table: str, *columns: str) -> list[tuple]:
    return sorted((tuple(row[c] for c in columns) for row in rows(database, table)), key=repr)


# ----------------------------------------------------------------------------------------------- the streams of Meltano's SDK


def streams_folder() -> Path:
    (found,) = (Path(program("singer-sdk")[0]).parent.parent / "lib").glob("python*/site-packages/singer_sdk/testing/target_test_streams")
    return found


REFUSED = {stream: f"test_{stream}" for stream in ("invalid_schema", "record_before_schema", "record_missing_key_property")}
LOADED = ["array_data", "camelcase", "camelcase_complex_schema", "duplicate_records", "encoded_string_data", "multiple_state_messages", "no_primary_keys",
          "optional_attributes", "pk_updates", "record_missing_fields", "record_missing_required_property", "schema_no_properties", "schema_updates",
          "special_chars_in_attributes", "user_location_data"]  # fmt: skip
THEN = {"no_primary_keys": "no_primary_keys_append", "user_location_data": "user_location_upsert_data"}


def test_all_streams_are_looked_at():
    found = {path.stem for path in streams_folder().glob("*.singer")}
    assert found == {*REFUSED, *LOADED, *THEN.values()}


class Model:
    """What the messages say a destination holds: by stream, the rows; the last of each key, or all where there is none."""

    def __init__(self):
        self.keys, self.columns, self.rows = {}, {}, {}

    def take(self, text: bytes):
        for message in (decimals(line) for line in exact.lines(text)):
            if message["type"] == "SCHEMA":
                self.keys[message["stream"]] = message.get("key_properties") or []
                self.columns.setdefault(message["stream"], {}).update(message["schema"]["properties"])
                self.rows.setdefault(message["stream"], {})
            elif message["type"] == "RECORD":
                stored, key = self.rows[message["stream"]], self.keys[message["stream"]]
                mark = tuple(message["record"][k] for k in key) if key else ("row", len(stored))
                stored[mark] = message["record"]


@pytest.mark.parametrize("name", LOADED)
def test_stores_the_streams_of_the_sdk(target, tmp_path, name):
    database, model = tmp_path / "x.db", Model()
    for file in [name, *([THEN[name]] if name in THEN else [])]:
        text = (streams_folder() / f"{file}.singer").read_bytes()
        model.take(text)
        done, states = target.load({"path": str(database)}, text)
        sent = [exact.loads(line)["value"] for line in exact.lines(text) if exact.loads(line)["type"] == "STATE"]
        assert [exact.loads(line) for line in exact.lines(done.out)][-1:] == [s for s in sent if s][-1:]
        assert all(json.loads(json.dumps(s)) in [json.loads(json.dumps(x)) for x in sent] for s in map(exact.loads, exact.lines(done.out)))
    for stream, stored in model.rows.items():
        if not stored and not has_table(database, stream):
            continue  # a table may wait for its first record
        found = rows(database, stream)
        assert len(found) == len(stored)
        mark = lambda row: json.dumps([row.get(k, row.get(k.lower())) for k in ("id", "Id", "_id", "metric")], default=str)
        for row, doc in zip(sorted(found, key=mark), sorted(stored.values(), key=mark)) if "object_schema" not in stream else ():
            for column in model.columns[stream]:
                assert catalogs.holds(row[column], doc.get(column)), f"{stream}.{column}: {row[column]!r}, not {doc.get(column)!r}"


def has_table(database: Path, name: str) -> bool:
    with sqlite3.connect(database) as connection:
        return bool(connection.execute("SELECT count(*) FROM sqlite_schema WHERE name = ?", [name]).fetchone()[0])


def test_duplicates_and_objects_of_the_sdk(target, tmp_path):
    """By hand, so that not only our own model says so."""
    database = tmp_path / "x.db"
    for name in "duplicate_records", "schema_no_properties", "encoded_string_data":
        target.load({"path": str(database)}, (streams_folder() / f"{name}.singer").read_bytes())
    assert values(database, "test_duplicate_records", "id", "metric") == [(1, 100), (2, 20)]
    objects = [json.loads(row["object_store"]) for row in rows(database, "test_object_schema_no_properties")]
    assert sorted(objects, key=lambda o: o["id"]) == [{"id": 1, "metric": 1}, {"id": 2, "metric": 2}]
    texts = {row["id"]: row["info"] for row in rows(database, "test_strings")}
    assert texts[10] == "Double quoting: \\u0000 \\u0041 \\u0001" and texts[11] == "Control Characters in string: \0 A \1"


@pytest.mark.parametrize("name", REFUSED)
def test_refuses_what_the_sdk_wants_refused(target, tmp_path, name):
    done, states = target.load({"path": str(tmp_path / "x.db")}, (streams_folder() / f"{name}.singer").read_bytes(), expect=1)
    assert REFUSED[name] in done.log and not states


def test_meltanos_sdk_target_suite(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"path": str(tmp_path / "suite.db")}))
    folder = tmp_path / "tests"
    folder.mkdir()
    (folder / "test_target.py").write_text((HERE / "peers/sdk_target_suite.py").read_text())
    last = inner_pytest(program("singer-sdk"), folder, WEIR_TARGET=json.dumps([ours("materialize-sqlite")]), WEIR_CONFIG=str(tmp_path / "config.json"))
    assert last.startswith("16 passed"), last


# ------------------------------------------------------------------------------------------------------------------ what it reads


def test_started_by_its_name(tmp_path):
    """target-sqlite without a config flag would be a target, too; with one it is anyway."""
    link = copied(tmp_path, "target-sqlite", ours("materialize-sqlite"))
    (tmp_path / "config.json").write_text(json.dumps({"path": str(tmp_path / "x.db")}))
    lines = [schema("t", {"id": INT}, ["id"]), record("t", {"id": 1}), state({"n": 1})]
    _, states = Program([link]).load({"path": str(tmp_path / "x.db")}, lines)
    assert states == [{"n": 1}] and values(tmp_path / "x.db", "t", "id") == [(1,)]
    done = subprocess.run([link], input=b"", capture_output=True, timeout=DEADLINE)
    assert done.returncode == 1 and b"config" in done.stderr and not done.stdout, "a target needs its config"


def test_lenient_reader(target, tmp_path):
    """A state before any schema, blank lines, types in lower case, unknown types, no key_properties, unions, no `type`, nulls, no last newline."""
    database = tmp_path / "x.db"
    lines = [
        b'{"type":"STATE","value":{"bookmarks":{}}}', b"", b"  \r",
        b'{"type":"schema","stream":"t","schema":{"$schema":"https://json-schema.org/draft/2020-12/schema","properties":'
        b'{"id":{"type":"integer"},"at":{"anyOf":[{"type":"string","format":"date-time"},{"type":["string","null"]}]},"any":{},"n":{"type":["integer","null"]}}}}',
        b'{"type":"LOG","level":"INFO"}',
        b'{"type":"Record","stream":"t","record":{"id":1,"at":"2026-01-02T03:04:05Z","any":{"x":[1]},"n":1.0,"undeclared":1},"version":null,"time_extracted":null}',
        b'{ "type" : "RECORD" , "stream" : "t" , "record" : { "id" : 2 , "at" : null , "any" : "text" } }',
        b'{"type":"STATE","value":{"n":2}}',
    ]  # fmt: skip
    done, states = target.load({"path": str(database)}, b"\n".join(lines))
    assert states[-1] == {"n": 2} and "LOG" in done.log
    found = {row["id"]: row for row in rows(database, "t")}
    assert found[1]["at"] == "2026-01-02T03:04:05Z" and json.loads(found[1]["any"]) == {"x": [1]} and found[1]["n"] == 1
    assert found[2]["at"] is None and found[2]["any"] == "text"


@pytest.mark.parametrize("broken", [b"not JSON", b'{"type":"RECORD","stream":"t"}', b'{"type":"RECORD","stream":"t","record":{"id":NaN}}', b"[1]",
                                    b'{"type":"SCHEMA","stream":"t"}', b'{"type":"RECORD","stream":"t","record":{"id":2}'])  # fmt: skip
def test_broken_input_is_refused(target, tmp_path, broken):
    lines = [json.dumps(x).encode() for x in (schema("t", {"id": INT}, ["id"]), record("t", {"id": 1}), state({"n": 1}))] + [broken]
    lines += [json.dumps(x).encode() for x in (record("t", {"id": 3}), state({"n": 3}))]
    done, states = target.load({"path": str(tmp_path / "x.db")}, lines, expect=1)
    assert states in ([], [{"n": 1}]) and done.log
    assert not states or (1,) in values(tmp_path / "x.db", "t", "id")


def test_names_and_exact_values(target, tmp_path):
    """Integers beyond 64 bits, decimals of 30 digits, singer.decimal as text and as a number, odd names: as they came."""
    database = tmp_path / "x.db"
    names = {"big": "123456789012345678901234567890", "dec": "123456789012345.678901234567890", "tiny": "0.1", "exp": "1e3", "neg": "-0.0"}
    properties = {"id": INT, **{n: {"type": ["null", "number"]} for n in names}, "big": INT, "d1": {"type": ["null", "string"], "format": "singer.decimal"},
                  "d2": {"type": ["null", "string"], "format": "singer.decimal"}, "a.b/c d🚀": TEXT, "Id2": TEXT, "1st": TEXT, "select": TEXT}  # fmt: skip
    body = ",".join(f'"{n}":{text}' for n, text in names.items())
    lines = [json.dumps(schema("ünï code/1.x", properties, ["id"])).encode()]
    lines += [('{"type":"RECORD","stream":"ünï code/1.x","record":{"id":1,%s,"d1":"12.3400","d2":12.3400,"a.b/c d🚀":"x","Id2":"y","1st":"z","select":"w"}}' % body).encode()]
    target.load({"path": str(database)}, lines)
    (row,) = rows(database, "ünï code/1.x")
    for name, text in names.items():
        assert Decimal(str(row[name])) == Decimal(text), name
    assert str(row["big"]) == names["big"] and row["dec"] == names["dec"]
    assert Decimal(str(row["d1"])) == Decimal(str(row["d2"])) == Decimal("12.34")
    assert [row[n] for n in ("a.b/c d🚀", "Id2", "1st", "select")] == ["x", "y", "z", "w"]


# ------------------------------------------------------------------------------------------------------------------------- states


def test_states_are_printed_as_they_came(target, tmp_path):
    """Bare values, one compact line each, byte for byte as JSON values; `{}` and repeats may stay away, the last one that says something may not."""
    texts = ['{"z": 1, "a": {"n": 123456789012345678901234567890, "d": 1.10, "e": 1E3}}', '{"bookmarks": {"t": {"é\\u0001\\"": null, "x": [1, {}]}}}']
    lines = [json.dumps(schema("t", {"id": INT}, ["id"])).encode()]
    for i, text in enumerate(texts):
        lines += [json.dumps(record("t", {"id": i})).encode(), f'{{"type": "STATE", "value": {text}}}'.encode()]
    done, _ = target.load({"path": str(tmp_path / "x.db")}, lines + [b'{"type":"STATE","value":{}}'])
    printed = exact.lines(done.out)
    printed = [line for line in printed if line != b"{}"]
    wanted = [exact.loads(text) for text in texts]
    assert exact.loads(printed[-1]) == wanted[-1] and list(exact.loads(printed[-1])) == list(wanted[-1])
    assert [exact.loads(line) for line in printed] == [w for w in wanted if w in [exact.loads(line) for line in printed]], "in order"
    one = target.load({"path": str(tmp_path / "y.db")}, lines[:3])[0]
    assert [exact.loads(line) for line in exact.lines(one.out)] == wanted[:1] and list(exact.loads(exact.lines(one.out)[0])) == ["z", "a"]


def open_target(target: Program, folder: Path, config: dict) -> subprocess.Popen:
    (folder / "config.json").write_text(json.dumps(config))
    return subprocess.Popen([*target.argv, "--config", str(folder / "config.json")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)


def say(child: subprocess.Popen, *messages: dict):
    child.stdin.write(b"".join(json.dumps(m).encode() + b"\n" for m in messages))
    child.stdin.flush()


def test_a_state_means_that_its_rows_are_there(target, tmp_path):
    """While its input is still open, across streams."""
    database = tmp_path / "x.db"
    child = open_target(target, tmp_path, {"path": str(database)})
    say(child, schema("a", {"id": INT}, ["id"]), schema("b", {"id": INT}, []))
    for n in range(1, 4):
        say(child, record("a", {"id": n}), record("b", {"id": n}), state({"n": n}))
        assert json.loads(child.stdout.readline()) == {"n": n}
        assert len(rows(database, "a")) == len(rows(database, "b")) == n
    child.stdin.close()
    child.stdout.read()
    assert child.wait(30) == 0


def test_a_signal_commits_and_prints(target, tmp_path):
    database = tmp_path / "x.db"
    child = open_target(target, tmp_path, {"path": str(database)})
    say(child, schema("a", {"id": INT}, ["id"]), record("a", {"id": 1}), state({"n": 1}))
    first = child.stdout.readline()  # so that we know it has read it
    say(child, record("a", {"id": 2}))
    child.send_signal(signal.SIGTERM)
    rest = child.stdout.read()
    assert child.wait(30) == 0 and json.loads(first) == {"n": 1}
    assert (1,) in values(database, "a", "id") and all(json.loads(x) == {"n": 1} for x in exact.lines(rest))


# ----------------------------------------------------------------------------------------------------------- load methods, versions


def load(target: Program, database: Path, *messages: dict, **config) -> list:
    return target.load({"path": str(database), **config}, list(messages))[1]


ONE = schema("t", {"id": INT, "v": TEXT}, ["id"])


def test_load_methods(target, tmp_path):
    first, second = [ONE, record("t", {"id": 1, "v": "a"}), record("t", {"id": 2, "v": "b"})], [ONE, record("t", {"id": 2, "v": "c"}), record("t", {"id": 3, "v": "d"})]
    want = {
        None: [(1, "a"), (2, "c"), (3, "d")],
        "upsert": [(1, "a"), (2, "c"), (3, "d")],
        "append-only": [(1, "a"), (2, "b"), (2, "c"), (3, "d")],
        "overwrite": [(2, "c"), (3, "d")],
    }
    for method, expected in want.items():
        database, config = tmp_path / f"{method}.db", {"load_method": method} if method else {}
        load(target, database, *first, **config)
        load(target, database, *second, **config)
        assert values(database, "t", "id", "v") == expected, method


def test_activate_version(target, tmp_path):
    """Rows of an older version go, or are marked; buffered ones are stored first; rows of another stream and rows without a version stay."""
    old, new = [record("t", {"id": i, "v": "old"}, version=1) for i in (1, 2)], [record("t", {"id": 2, "v": "new"}, version=2)]
    other = [schema("u", {"id": INT}, ["id"]), record("u", {"id": 9}, version=1)]
    activate = lambda n: {"type": "ACTIVATE_VERSION", "stream": "t", "version": n}
    lines = [ONE, *other, record("t", {"id": 7, "v": "none"}), *old, activate(1), *new, activate(2)]

    load(target, tmp_path / "hard.db", *lines, hard_delete=True, add_record_metadata=True)
    assert values(tmp_path / "hard.db", "t", "id", "v") == [(2, "new"), (7, "none")]
    assert values(tmp_path / "hard.db", "u", "id") == [(9,)]

    load(target, tmp_path / "soft.db", *lines, hard_delete=False, add_record_metadata=True)
    gone = {row["id"]: row["_sdc_deleted_at"] for row in rows(tmp_path / "soft.db", "t")}
    assert set(gone) == {1, 2, 7} and gone[1] and gone[2] is None and gone[7] is None

    load(target, tmp_path / "off.db", *lines, hard_delete=True, add_record_metadata=True, process_activate_version_messages=False)
    assert values(tmp_path / "off.db", "t", "id") == [(1,), (2,), (7,)]

    across = tmp_path / "across.db"  # the versions of rows are kept between runs
    load(target, across, ONE, *old, hard_delete=True, add_record_metadata=True)
    load(target, across, ONE, *new, activate(2), hard_delete=True, add_record_metadata=True)
    assert values(across, "t", "id", "v") == [(2, "new")]


def test_record_metadata(target, tmp_path):
    stamp = "2026-01-02T03:04:05.000006Z"
    lines = [ONE, record("t", {"id": 1, "v": "a"}, time_extracted=stamp, version=3), record("t", {"id": 2, "v": "b", "_sdc_deleted_at": stamp})]
    load(target, tmp_path / "with.db", *lines, add_record_metadata=True)
    found = {row["id"]: row for row in rows(tmp_path / "with.db", "t")}
    assert SDC <= set(found[1])
    assert found[1]["_sdc_extracted_at"].startswith("2026-01-02T03:04:05.000006") and found[1]["_sdc_table_version"] == 3
    assert found[1]["_sdc_received_at"] and found[1]["_sdc_batched_at"] and found[1]["_sdc_sequence"] > 1.6e12 and found[1]["_sdc_deleted_at"] is None
    assert found[2]["_sdc_deleted_at"].startswith("2026-01-02T03:04:05") if 2 in found else True
    load(target, tmp_path / "without.db", ONE, record("t", {"id": 1, "v": "a"}, time_extracted=stamp))
    assert not SDC & set(rows(tmp_path / "without.db", "t")[0])


def test_keys_and_schemas_change_on_the_way(target, tmp_path):
    """What came before a new SCHEMA is stored as the old one said."""
    wide = schema("t", {"id": INT, "v": TEXT, "w": INT}, ["id"])
    load(target, tmp_path / "x.db", ONE, record("t", {"id": 1, "v": "a"}), wide, record("t", {"id": 2, "v": "b", "w": 5}), wide, record("t", {"id": 1, "v": "c", "w": 6}))
    assert values(tmp_path / "x.db", "t", "id", "v", "w") == [(1, "c", 6), (2, "b", 5)]
    narrow = schema("t", {"id": INT, "w": INT}, ["id"])
    load(target, tmp_path / "x.db", narrow, record("t", {"id": 3, "w": 7}))
    assert values(tmp_path / "x.db", "t", "id", "v", "w") == [(1, "c", 6), (2, "b", 5), (3, None, 7)]


def test_validation(target, tmp_path):
    """A record that its schema does not allow is kept as it is, when nobody is to look."""
    lines = [schema("t", {"id": INT, "v": {"type": "integer"}}, ["id"]), record("t", {"id": 1, "v": "many"}), state({"n": 1})]
    target.load({"path": str(tmp_path / "off.db"), "validate_records": False}, lines)
    assert values(tmp_path / "off.db", "t", "id", "v") == [(1, "many")]


@pytest.mark.parametrize("compression", ["gzip", "none"])
def test_batches(target, tmp_path, compression):
    body = b"".join(json.dumps({"id": i, "v": f"r{i}"}).encode() + b"\n" for i in range(500))
    file = tmp_path / ("b.jsonl.gz" if compression == "gzip" else "b.jsonl")
    file.write_bytes(gzip.compress(body) if compression == "gzip" else body)
    batch = {"type": "BATCH", "stream": "t", "encoding": {"format": "jsonl", "compression": compression}, "manifest": [f"file://{file}"]}
    states = load(target, tmp_path / "x.db", ONE, record("t", {"id": 3, "v": "before"}), batch, record("t", {"id": 4, "v": "after"}), state({"n": 1}))
    assert states == [{"n": 1}] and len(rows(tmp_path / "x.db", "t")) == 500
    found = dict(values(tmp_path / "x.db", "t", "id", "v"))
    assert found[3] == "r3" and found[4] == "after"


def test_command_line(target, tmp_path):
    about = json.loads(target.run("--about", "--format=json").out)
    assert {"name", "description", "version", "capabilities", "settings"} <= set(about)
    wanted = {"path", "add_record_metadata", "load_method", "hard_delete", "batch_size_rows", "validate_records", "process_activate_version_messages"}
    assert wanted <= set(about["settings"]["properties"])
    assert target.run("--about", "--format", "markdown").out.startswith(b"#")
    (tmp_path / "in.singer").write_text("".join(json.dumps(m) + "\n" for m in (ONE, record("t", {"id": 1, "v": "a"}), state({"n": 1}))))
    done = target.run("--input", str(tmp_path / "in.singer"), config={"path": str(tmp_path / "x.db")})
    assert json.loads(done.out) == {"n": 1} and len(rows(tmp_path / "x.db", "t")) == 1
    assert target.run("--protocol", "singer", "--bogus", config={"path": "x"}, expect=2).log
    assert "path" in target.run("--protocol", "singer", input=b"", config={"path": 7}, expect=1).log


# ---------------------------------------------------------------------------------------------------------------- real taps piped in


THINGS = [
    {"id": 1, "updated_at": "2026-01-01T00:00:00Z", "text": 'é 🚀 \u0001 " \\ / \u2028', "amount": 12.25, "big": 2**70, "nested": {"a": [1, None]}, "odd name/1": "x"},
    {"id": 2, "updated_at": "2026-01-02T00:00:00Z", "text": None},
    {"id": 3, "updated_at": "2026-01-03T00:00:00Z", "text": "three", "nested": None},
]


def classic(folder: Path) -> tuple[Program, dict]:
    write_lines(folder / "things.ndjson", THINGS)
    write_lines(folder / "notes.ndjson", [{"text": "a"}, {"text": None}])
    return Program(kit("singer-classic", "classic_tap.py")), {"dir": str(folder)}


def sdk(folder: Path) -> tuple[Program, dict]:
    with sqlite3.connect(folder / "source.db") as connection:
        connection.execute("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, seq INTEGER, price DECIMAL(30, 4), at TIMESTAMP)")
        connection.execute("INSERT INTO users VALUES (1, 'Zoë', 1, 1.5, '2026-01-02 03:04:05'), (2, NULL, 2, 20, NULL)")
        connection.execute('CREATE TABLE "odd table" (a TEXT)')
        connection.execute("INSERT INTO \"odd table\" VALUES ('x'), ('x'), (NULL)")
    return Program(kit("singer-sdk", "sdk_tap.py")), {"path": str(folder / "source.db")}


def jsonfile(folder: Path) -> tuple[Program, dict]:
    write_lines(folder / "a.jsonl", [{"id": i, "text": f"é {i}", "n": i / 4, "deep": {"x": [i]}} for i in range(20)])
    return Program([tool("singer-sdk", "tap-jsonfile")]), {"paths": [str(folder / "*.jsonl")], "stream_name": "records"}


def dbf(folder: Path) -> tuple[Program, dict]:
    case = singer_dbf(folder)
    return Program([tool("singer-dbf", "tap-dbf")]), case.peer.config


@pytest.mark.parametrize("make", [classic, sdk, jsonfile, dbf], ids=lambda make: make.__name__)
def test_real_taps_piped_in(target, tmp_path, make):
    """Every row and every value, counted and compared; and the last state comes back as it was."""
    (tmp_path / "tap").mkdir()
    tap, config = make(tmp_path / "tap")
    run = tap.sync(config, select(tap.discover(config)))
    _, states = target.load({"path": str(tmp_path / "x.db")}, run.out)
    assert states[-1:] == run.states()[-1:]
    model = Model()
    model.take(run.out)
    assert model.rows
    for stream, stored in model.rows.items():
        found = [tuple(row[c] for c in model.columns[stream]) for row in rows(tmp_path / "x.db", stream)]
        wanted = [tuple(doc.get(c) for c in model.columns[stream]) for doc in stored.values()]
        assert len(found) == len(wanted) > 0
        for doc in wanted:
            match = next((row for row in found if all(map(catalogs.holds, row, doc))), None)
            assert match is not None, f"{stream}: no row for {doc} in {found}"
            found.remove(match)


def test_meltano_loads_into_ours(tmp_path):
    """A tap of its SDK, with resume; Meltano takes every line that we print for a state."""
    (tmp_path / "tap").mkdir()
    tap, config = sdk(tmp_path / "tap")
    script = tmp_path / "tap-sdk"
    script.write_text("#!/bin/sh\nexec " + " ".join(f"'{part}'" for part in tap.argv) + ' "$@"\n')
    script.chmod(0o755)
    metadata = {"main-users": {"replication-method": "INCREMENTAL", "replication-key": "seq"}}
    extractor = plugin("tap-sdk", str(script), config, select=["main-users.*"], metadata=metadata)
    loader = plugin("target-weir", ours("materialize-sqlite"), {"path": str(tmp_path / "x.db")})
    meltano = Meltano(tmp_path / "project", extractor, loader)
    assert meltano.run()["bookmarks"]["main-users"]["replication_key_value"] == 2
    with sqlite3.connect(tmp_path / "tap/source.db") as connection:
        connection.execute("INSERT INTO users VALUES (3, 'new', 3, 0.1, NULL)")
    assert meltano.run()["bookmarks"]["main-users"]["replication_key_value"] == 3
    assert values(tmp_path / "x.db", "main-users", "id", "name") == [(1, "Zoë"), (2, None), (3, "new")]
