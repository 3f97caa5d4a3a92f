"""`weir test-source` and `weir test-destination` before servers of grpcio: the warehouse is read with the duckdb package, what a destination got is what it says
itself."""

import json
import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest

import fivetran

if fivetran.missing():
    pytest.skip(fivetran.missing(), allow_module_level=True)

from conftest import HERE, Weir, program, weir_program
from fivetran_files import EACH, EXTREMES
from test_fivetran_driven import CHECKPOINT, table, upsert

HOSTILE = HERE.parent / "hostile/fivetran_peer.py"
T = table("t", {"id": "LONG", "v": "STRING", "n": "INT"})


class Tested:
    def __init__(self, weir: Weir, folder: Path, peer: str):
        self.weir, self.folder, self.inside = weir, folder, folder / "inside"
        self.argv = program("fivetran", str(HERE / "peers" / peer))
        self.inside.mkdir()
        (folder / "configuration.json").write_text(json.dumps({"dir": str(self.inside)}))

    def source(self, schema=None, script=(), status=0, *args):
        if schema:
            (self.inside / "schema.json").write_text(json.dumps(schema))
        (self.inside / "script.json").write_text(json.dumps(script))
        return self.weir("test-source", "--data", self.folder, *args, "--", *self.argv, status=status)

    def destination(self, *args, status=0, peer=(), **files):
        for name, content in files.items():
            (self.folder / f"{name}.json").write_text(json.dumps(content))
        return self.weir("test-destination", "--data", self.folder, *args, "--", *self.argv, *peer, status=status)

    def query(self, sql):
        import duckdb

        with duckdb.connect(str(self.folder / "warehouse.db"), read_only=True) as db:
            return db.execute(sql).fetchall()

    def tables(self):
        return json.loads((self.inside / "tables.json").read_text())

    def calls(self):
        return [json.loads(line) for line in (self.inside / "calls.ndjson").open()]


@pytest.fixture
def duck():
    if not (weir_program().parent.parent / "lib/materialize-duckdb.so").exists():
        pytest.skip("this Weir was built without DuckDB")


# ----------------------------------------------------------------------------------------------------------------------------- sources


def test_a_source_in_full_and_then_more(weir, tmp_path, duck):
    t = Tested(weir, tmp_path, "fivetran_source.py")
    first = [["TRUNCATE", "t"], *(upsert(n) for n in range(5)), ["UPSERT", "nokey", {"v": "x"}], CHECKPOINT]
    done = t.source({"tables": [T, table("nokey", {"v": "STRING"}, [])]}, first)
    assert "succeeded" in done.stdout
    assert t.query("SELECT id, v, n, _fivetran_deleted FROM default_schema.t ORDER BY id") == [(n, "v", n, False) for n in range(5)]
    assert json.loads((tmp_path / "state.json").read_text()) == {"n": len(first)}
    more = [["UPDATE", "t", {"id": "1", "v": "changed"}], ["UPDATE", "t", {"id": "77", "v": "nobody"}], ["DELETE", "t", {"id": "3"}], upsert(9), CHECKPOINT]
    t.source(None, first + more)
    live = "SELECT id, v, n FROM default_schema.t WHERE NOT coalesce(_fivetran_deleted, false) ORDER BY id"
    assert t.query(live) == [(0, "v", 0), (1, "changed", 1), (2, "v", 2), (4, "v", 4), (9, "v", 9)]
    assert t.query("SELECT id FROM default_schema.t WHERE _fivetran_deleted") == [(3,)]
    t.source(None, first + more + [["TRUNCATE", "t"], upsert(2, "again"), CHECKPOINT])
    assert t.query(live) == [(2, "again", 2)]
    assert t.query("SELECT count(*), count(DISTINCT _fivetran_id) FROM default_schema.nokey") == [(1, 1)]
    t.source(None, first, 0, "--reset")
    assert len(t.query(live)) == 5


def test_types_of_the_warehouse(weir, tmp_path, duck):
    values = {c: k for c, k in EACH.items() if k != "NAIVE_TIME"}
    t = Tested(weir, tmp_path, "fivetran_source.py")
    t.source({"tables": [table("t", {"id": "LONG", **values})]}, [["UPSERT", "t", {"id": str(n), **{c: r.get(c) for c in values}}] for n, r in enumerate(EXTREMES)] + [CHECKPOINT])
    types = dict(t.query("SELECT column_name, data_type FROM information_schema.columns WHERE table_name = 't'"))
    want = {"b": "BOOLEAN", "s": "SMALLINT", "i": "INTEGER", "l": "BIGINT", "d": "DECIMAL(38,10)", "f": "FLOAT", "g": "DOUBLE", "day": "DATE", "at": "TIMESTAMP",
            "utc": "TIMESTAMP WITH TIME ZONE", "bytes": "BLOB", "xml": "VARCHAR", "text": "VARCHAR", "json": "JSON", "_fivetran_synced": "TIMESTAMP WITH TIME ZONE",
            "_fivetran_deleted": "BOOLEAN"}  # fmt: skip
    assert {c: types[c] for c in want} == want
    texts = "SELECT b, s, i, l, d, g, bytes, xml, text, CAST(day AS VARCHAR) FROM default_schema.t WHERE id IN (0, 1, 2) ORDER BY id"
    for row, said in zip(t.query(texts), EXTREMES):
        b, s, i, l, d, g, data, xml, text, day = row
        assert (str(b).lower(), str(s), str(i), str(l), xml, text, day) == tuple(said[c] for c in ("b", "s", "i", "l", "xml", "text", "day"))
        assert d == Decimal(said["d"]) and g == float(said["g"])
    assert t.query("SELECT count(*) FROM default_schema.t WHERE b IS NULL") == [(2,)]


def test_the_schema_changes_on_the_way(weir, tmp_path, duck):
    t = Tested(weir, tmp_path, "fivetran_source.py")
    wider = {**T, "columns": {"id": "LONG", "v": "STRING", "n": "STRING", "extra": "DECIMAL(30,2)"}}
    t.source({"tables": [T]}, [upsert(1), ["SCHEMA", {"tables": [wider]}], ["UPSERT", "t", {"id": "2", "v": "w", "n": "x", "extra": "1.25"}], CHECKPOINT])
    assert t.query("SELECT id, n, extra FROM default_schema.t ORDER BY id") == [(1, "1", None), (2, "x", Decimal("1.25"))]


def test_a_column_more_of_a_table_without_a_key(weir, tmp_path):
    """Rows that came before it have nothing there, not even what tells them apart."""
    t = Tested(weir, tmp_path, "fivetran_source.py")
    script = [["UPSERT", "nokey", {"v": "x"}], ["UPSERT", "nokey", {"v": "y", "more": "z"}], CHECKPOINT]
    t.source({"tables": [table("nokey", {"v": "STRING"}, [])]}, script, 0, "--warehouse", "sqlite")
    with closing(sqlite3.connect(tmp_path / "warehouse.db")) as db:
        assert db.execute("SELECT v, more FROM default_schema__nokey ORDER BY v").fetchall() == [("x", None), ("y", "z")]


def test_what_fails(weir, tmp_path):
    """A task, a failing test, an error: status other than 0, and the state stays at the last checkpoint."""
    t = Tested(weir, tmp_path, "fivetran_source.py")
    assert "pay your bill" in (said := t.source({"tables": [T]}, [upsert(1), CHECKPOINT, ["TASK", "pay your bill"]], None, "--warehouse", "sqlite")).stdout + said.stderr
    assert said.returncode != 0
    said = t.source(None, [upsert(1), CHECKPOINT, upsert(2), CHECKPOINT, upsert(3), ["ABORT", "UNAVAILABLE", "the moon is not there"]], None, "--warehouse", "sqlite")
    assert said.returncode != 0 and "the moon is not there" in said.stdout + said.stderr
    assert json.loads((tmp_path / "state.json").read_text()) == {"n": 4}


# The rule that each breaks, by its name in src/tester/README.md; or, with a space, words of the error that ends the test.
STRICT = {
    "a-batch-of-101": "batch_records", "a-value-without-a-member": "value", "a-time-of-day": "naive_time", "bad-utf8-in-a-value": "value", "without-the-key": "key",
    "a-state-that-is-no-json": "state", "columns-of-the-platform": "system_name", "a-decimal-that-is-none": "value", "json-that-is-none": "json",
    "a-table-twice": "name", "a-test-without-a-member": "no_member", "a-type-that-is-none": "type 7", "a-test-that-fails": "the moon is not there",
    "dies": "exited with status 3", "rubbish": "message 4",
}  # fmt: skip


@pytest.mark.parametrize("behaviour", STRICT)
def test_strict(weir, tmp_path, behaviour):
    """What breaks a rule is told by its name, and the test fails; with --json every line is one object."""
    (tmp_path / "configuration.json").write_text("{}")
    argv = program("fivetran", str(HOSTILE), behaviour)
    done = weir("test-source", "--data", tmp_path, "--json", "--warehouse", "sqlite", "--", *argv, status=None)
    assert done.returncode not in (0, 7) and done.returncode > 0, f"{done.returncode} {done.stdout} {done.stderr}"
    *lines, result = [json.loads(line) for line in done.stdout.splitlines()]
    wanted = STRICT[behaviour]
    assert (wanted in result["error"]) if " " in wanted else (set(result["rules"]) == {wanted}), result
    assert behaviour != "a-test-without-a-member" or not [line for line in lines if line.get("step") == "test"], "a test that has not passed"


def test_a_decimal_that_no_database_has(weir, tmp_path, duck):
    """It is told, and the test goes on: the column is as if nothing had been said of its digits."""
    t = Tested(weir, tmp_path, "fivetran_source.py")
    said = t.source({"tables": [table("t", {"id": "LONG", "d": "DECIMAL(5,10)"})]}, [["UPSERT", "t", {"id": "1", "d": "12.5"}], CHECKPOINT], None, "--json")
    result = json.loads(said.stdout.splitlines()[-1])
    assert result["rules"] == {"decimal": 1} and "error" not in result, result
    assert t.query("SELECT d FROM default_schema.t") == [(Decimal("12.5"),)]


def test_a_good_one_passes_the_strict_test(weir, tmp_path):
    (tmp_path / "configuration.json").write_text("{}")
    weir("test-source", "--data", tmp_path, "--json", "--warehouse", "sqlite", "--", *program("fivetran", str(HOSTILE), "good"))


def test_the_vendors_sdk_passes(weir, tmp_path):
    (tmp_path / "configuration.json").write_text('{"count": "50"}')
    argv = program("fivetran-sdk", str(HERE / "peers/fivetran_sdk_connector.py"))
    done = weir("test-source", "--data", tmp_path, "--warehouse", "sqlite", "--", *argv, status=None)
    assert done.returncode == 0, done.stdout + done.stderr


# ------------------------------------------------------------------------------------------------------------------------ destinations

INPUT = {
    "create_table": {
        "t": {"columns": {"id": "INT", "v": "STRING", "d": {"type": "DECIMAL", "precision": 30, "scale": 2}}, "primary_key": ["id"], "history_mode": False},
    },
    "ops": [
        {"upsert": {"t": [{"id": 1, "v": "a", "d": "BIG"}, {"id": 2, "v": 'q"uo,te\n', "d": None}, {"id": 3, "v": None, "d": "0.5"}]}},
        {"update": {"t": [{"id": 1, "v": "changed"}]}},
        {"delete": {"t": [{"id": 3}]}},
        {"update": {"t": [{"id": 77, "v": "nobody"}]}},
    ],
    "describe_table": ["t"],
}


@pytest.mark.parametrize("options", [(), ("--plain-text",)])
def test_a_destination(weir, tmp_path, options):
    t = Tested(weir, tmp_path, "fivetran_destination.py")
    text = json.dumps(INPUT).replace('"BIG"', "1234567890123456789012345678.25")  # a number, which no double holds
    (tmp_path / "input_1.json").write_text(text)
    t.destination(*options)
    (name, found), = t.tables().items()
    assert name == "tester.t" and found["key"] == ["id"]
    assert {c: k for c, k in found["columns"].items() if not c.startswith("_")} == {"id": "INT", "v": "STRING", "d": "DECIMAL(30,2)"}
    rows = {r["id"]: (r["v"], r["d"]) for r in found["rows"]}
    assert {k: v for k, (v, _) in rows.items()} == {"1": "changed", "2": 'q"uo,te\n'}
    assert Decimal(rows["1"][1]) == Decimal("1234567890123456789012345678.25") and rows["2"][1] is None
    (method, batch), = [c for c in t.calls() if c[0] == "WriteBatch"]
    assert [len(batch["rows"][k]) for k in ("replace", "update", "delete")] == [3, 2, 1], "operations of one file are merged"


PARQUET = ("--batch-file-type", "PARQUET")


@pytest.mark.parametrize("options", [(), ("--plain-text",)])
def test_parquet_for_a_destination(weir, tmp_path, duck, options):
    """Every type, read by pyarrow; what an update leaves alone; history."""
    t = Tested(weir, tmp_path, "fivetran_destination.py")
    numbers = {"s", "i", "l", "d", "f", "g"}
    say = lambda n, row: {"id": n} | {c: (v == "true" if c == "b" else f"#{v}#" if c in numbers else v) for c, v in row.items()}
    made = {"create_table": {"each": {"columns": {"id": "INT"} | {c: {"type": "DECIMAL", "precision": 38, "scale": 10} if c == "d" else k for c, k in EACH.items()}, "primary_key": ["id"]}}}
    rows = [say(n, row) for n, row in enumerate(EXTREMES)]
    ops = [{"upsert": {"each": rows}}, {"update": {"each": [{"id": 0, "b": False, "text": None, "bytes": "AA=="}, {"id": 3, "s": 7}]}}, {"delete": {"each": [{"id": 1}]}}]
    (tmp_path / "input_1.json").write_text(json.dumps(made | {"ops": ops}).replace('"#', "").replace('#"', ""))
    history = {"create_table": {"h": {"columns": {"id": "INT", "v": "STRING"}, "primary_key": ["id"], "history_mode": True}},
               "ops": [{"upsert": {"h": [{"id": 1, "v": v, "op_time": f"2026-01-0{n}T00:00:00Z"}]}} for n, v in ((2, "a"), (3, "b"))]}  # fmt: skip
    t.destination(*PARQUET, *options, input_2=history, peer=("--parquet",))
    found = {int(r["id"]): r for r in t.tables()["tester.each"]["rows"]}
    assert sorted(found) == [0, 2, 3, 4]
    want = {0: EXTREMES[0] | {"b": "false", "text": None, "bytes": "AA=="}, 2: EXTREMES[2], 3: {"s": "7"}, 4: EXTREMES[4]}
    for n, row in want.items():
        for c in EACH:
            had, wanted = found[n][c], row.get(c)
            same = Decimal(had) == Decimal(wanted) if c == "d" and wanted else float(had) == pytest.approx(float(wanted), rel=1e-7) if c in "fg" and wanted else had == wanted
            assert same, (n, c, had, wanted)
    assert sorted((r["v"], r["_fivetran_active"]) for r in t.tables()["tester.h"]["rows"]) == [("a", "false"), ("b", "true")]


def test_the_type_of_files_is_the_destinations(weir, tmp_path, duck):
    t = Tested(weir, tmp_path, "fivetran_destination.py")
    assert "--batch-file-type PARQUET" in t.destination(input_1=INPUT, peer=("--parquet",), status=2).stderr
    assert "CSV" in t.destination(*PARQUET, status=2).stderr


def test_truncation_and_soft_deletes(weir, tmp_path):
    t = Tested(weir, tmp_path, "fivetran_destination.py")
    ops = [{"upsert": {"t": [{"id": n, "v": "old"} for n in range(4)]}}, {"truncate_before": ["t"]}, {"upsert": {"t": [{"id": n, "v": "new"} for n in (2, 9)]}},
           {"soft_delete": {"t": [{"id": 9}]}}]  # fmt: skip
    t.destination(input_1={"create_table": {"t": {"columns": {"id": "INT", "v": "STRING"}, "primary_key": ["id"]}}, "ops": ops})
    rows = {r["id"]: (r["v"], r.get("_fivetran_deleted")) for r in t.tables()["tester.t"]["rows"]}
    assert set(rows) == {"2", "9"} and rows["2"][0] == rows["9"][0] == "new" and rows["9"][1] == "true"


def test_history(weir, tmp_path):
    t = Tested(weir, tmp_path, "fivetran_destination.py")
    columns = {"id": "INT", "v": "STRING"}
    ops = [{"upsert": {"h": [{"id": 1, "v": "a", "op_time": "2026-01-02T00:00:00Z"}, {"id": 1, "v": "b", "op_time": "2026-01-03T00:00:00Z"}]}}]
    t.destination(input_1={"create_table": {"h": {"columns": columns, "primary_key": ["id"], "history_mode": True}}, "ops": ops})
    rows = sorted((r["_fivetran_start"][:10], r["v"], r["_fivetran_active"], r["_fivetran_end"][:23]) for r in t.tables()["tester.h"]["rows"])
    assert rows == [("2026-01-02", "a", "false", "2026-01-02T23:59:59.999"), ("2026-01-03", "b", "true", "9999-12-31T23:59:59.999")]


def test_alterations_and_migrations(weir, tmp_path):
    """The peer supports no migration, so each is asked for once and said to be unsupported."""
    t = Tested(weir, tmp_path, "fivetran_destination.py")
    made = {"create_table": {"t": {"columns": {"id": "INT", "v": "STRING"}, "primary_key": ["id"]}}}
    t.destination(input_1=made, input_2={"alter_table": {"t": {"columns": {"id": "INT", "v": "STRING", "w": "DOUBLE"}, "primary_key": ["id"]}}},
                  input_3={"schema_migration": [{"rename_column": [{"table": "t", "from_column": "v", "to_column": "x"}]}, {"drop_table": [{"table": "t"}]}]}, status=None)  # fmt: skip
    assert t.tables()["tester.t"]["columns"]["w"] == "DOUBLE"
    asked = [said["details"] for method, said in t.calls() if method == "Migrate"]
    assert [set(a) - {"schema", "table"} for a in asked] == [{"rename"}, {"drop"}]
    assert asked[0]["rename"]["rename_column"] == {"from_column": "v", "to_column": "x"}


@pytest.mark.parametrize("content", ["[]", "{", '{"ops": 7}', '{"ops": [{"upset": {}}]}', '{"create_table": {"t": {"columns": {"id": "INTEGRAL"}}}}', '{"unheard": {}}',
                                     '{"create_table": {"t": {"columns": {"id": {"type": "DECIMAL", "precision": "ten"}}}}}', '{"schema_migration": ["drop_table"]}'])
def test_input_that_is_none(weir, tmp_path, content):
    t = Tested(weir, tmp_path, "fivetran_destination.py")
    (tmp_path / "input_1.json").write_text(content)
    done = t.destination(status=None)
    assert done.returncode not in (0, 7) and done.returncode > 0 and "input_1" in done.stdout + done.stderr
