"""`weir test-source` and `weir test-destination` with connectors of grpcio (peers/fivetran_*.py), which know nothing of Weir: what is in the warehouse, what was in the
files."""

import json
import sqlite3
from datetime import datetime, timezone
from decimal import Decimal

import pytest

import fivetran

if fivetran.missing():
    pytest.skip(fivetran.missing(), allow_module_level=True)

import duckdb
from conftest import ROOT, kit, ours, weir_program
from fivetran_files import EACH, EXTREMES, UNMODIFIED
from fivetran_sink import READ

VALUES = {c: k for c, k in EACH.items() if k != "NAIVE_TIME"}  # not from sources
CHECKPOINT = ["CHECKPOINT"]


def events(done):
    return [json.loads(line) for line in done.stdout.splitlines()]


# ----------------------------------------------------------------------------------------------------------------- sources


class Source:
    def __init__(self, weir, folder, tables, warehouse):
        if warehouse == "duckdb" and not (weir_program().parent.parent / "lib/materialize-duckdb.so").exists():
            pytest.skip("weir was built without DuckDB")
        self.weir, self.folder, self.warehouse = weir, folder, warehouse
        (folder / "schema.json").write_text(json.dumps({"tables": tables}))
        (folder / "configuration.json").write_text(json.dumps({"dir": str(folder), "token": "s3cret-token"}))

    def __call__(self, script, *args, status=0):
        (self.folder / "script.json").write_text(json.dumps(script))
        return self.weir("test-source", "--json", "--data", self.folder, "--warehouse", self.warehouse, *args, "--", *kit("fivetran", "fivetran_source.py"), status=status,
                         LOG_FORMAT="json")

    def rows(self, table, columns):
        names = ", ".join(f'"{c}"' for c in columns)
        if self.warehouse == "sqlite":
            with sqlite3.connect(self.folder / "warehouse.db") as db:
                return db.execute(f'SELECT {names} FROM "default_schema__{table}" ORDER BY 1').fetchall()
        with duckdb.connect(str(self.folder / "warehouse.db"), read_only=True) as db:
            db.execute("SET TimeZone = 'UTC'")
            return db.execute(f'SELECT {names} FROM default_schema."{table}" ORDER BY 1').fetchall()


def meant(kind, text, warehouse):
    kind = kind.partition("(")[0]
    if text is None:
        return None
    if kind in ("NAIVE_DATETIME", "UTC_DATETIME", "NAIVE_DATE") and warehouse == "duckdb":
        made = datetime.fromisoformat(text.removesuffix("Z")[:26])  # microseconds
        return made.date() if kind == "NAIVE_DATE" else made.replace(tzinfo=timezone.utc) if kind == "UTC_DATETIME" else made
    return READ[kind][0](text)


def shown(kind, value, warehouse):
    kind = kind.partition("(")[0]
    if value is None or (warehouse == "duckdb" and kind in ("NAIVE_DATETIME", "UTC_DATETIME", "NAIVE_DATE")):
        return value.astimezone(timezone.utc) if kind == "UTC_DATETIME" and value is not None else value
    return READ[kind][1](value)


@pytest.mark.parametrize("warehouse", ["duckdb", "sqlite"])
def test_every_type_and_its_extremes(weir, tmp_path, warehouse):
    tested = Source(weir, tmp_path, [{"name": "t", "columns": {"id": "LONG", **VALUES}, "key": ["id"]}], warehouse)
    done = tested([["BATCH", [["UPSERT", "t", {"id": str(n), **{c: row.get(c) for c in VALUES}}] for n, row in enumerate(EXTREMES)]], CHECKPOINT])
    assert events(done)[-1]["succeeded"] and "s3cret" not in done.stdout + done.stderr
    got = tested.rows("t", ["id", *VALUES, "_fivetran_deleted"])
    assert [row[0] for row in got] == list(range(len(EXTREMES)))
    for row, said in zip(got, EXTREMES):
        assert not row[-1]
        for (column, kind), value in zip(VALUES.items(), row[1:]):
            if column == "json" and said.get(column) == "null" and value is None:
                continue  # JSON's null, in SQL
            assert shown(kind, value, warehouse) == meant(kind, said.get(column), warehouse), column


@pytest.mark.parametrize("warehouse", ["duckdb", "sqlite"])
def test_the_second_sync_goes_on_where_the_first_one_ended(weir, tmp_path, warehouse):
    table = {"name": "t", "columns": {"id": "LONG", "v": "STRING"}, "key": ["id"]}
    tested = Source(weir, tmp_path, [table, {"name": "nokey", "columns": {"v": "STRING"}, "key": []}], warehouse)
    first = [["TRUNCATE", "t"], *(["UPSERT", "t", {"id": str(n), "v": "v"}] for n in range(5)), ["UPSERT", "nokey", {"v": "x"}], ["UPSERT", "nokey", {"v": "x"}], CHECKPOINT]
    tested(first)
    assert json.loads((tmp_path / "state.json").read_text()) == {"n": len(first)}
    more = [["UPDATE", "t", {"id": "1", "v": "changed"}], ["UPDATE", "t", {"id": "77", "v": "nobody"}], ["DELETE", "t", {"id": "3"}], ["UPSERT", "t", {"id": "4"}],
            ["SCHEMA", {"tables": [{**table, "columns": {"id": "LONG", "v": "STRING", "n": "DECIMAL(30,2)"}}]}],
            ["UPSERT", "t", {"id": "5", "n": "12345678901234567890.25"}], ["UPSERT", "nokey", {"v": "y"}], CHECKPOINT]  # fmt: skip
    done = tested(first + more)
    counts = {e["table"]: e for e in events(done) if e["event"] == "table"}
    assert {k: counts["t"][k] for k in ("upserts", "updates", "deletes", "truncates", "schema_changes")} == {
        "upserts": 2, "updates": 2, "deletes": 1, "truncates": 0, "schema_changes": 1}  # fmt: skip
    got = [(i, v, None if n is None else Decimal(str(n)), bool(d)) for i, v, n, d in tested.rows("t", ["id", "v", "n", "_fivetran_deleted"])]
    assert got == [(0, "v", None, False), (1, "changed", None, False), (2, "v", None, False), (3, "v", None, True), (4, None, None, False),
                   (5, None, Decimal("12345678901234567890.25"), False)]  # fmt: skip
    assert tested.rows("nokey", ["v"]) == [("x",), ("y",)]
    again = tested(first + more + [["ABORT", "UNAVAILABLE", "the moon is not there"]], status=3)
    assert events(again)[-1]["error"] == "update: UNAVAILABLE: the moon is not there"
    assert not events(tested(first + more, "--reset"))[-1]["problems"]


# ------------------------------------------------------------------------------------------------------------ destinations


def run_destination(weir, folder, *args, status=0):
    (folder / "peer").mkdir()
    (folder / "configuration.json").write_text(json.dumps({"dir": str(folder / "peer")}))
    return weir("test-destination", "--json", "--data", folder, *args, "--", *kit("fivetran", "fivetran_destination.py"), status=status, LOG_FORMAT="json")


def calls(folder):
    return [json.loads(line) for line in (folder / "peer/calls.ndjson").open()]


def test_the_files_of_the_operations(weir, tmp_path):
    for name in ("1_tables.json", "2_truncate.json"):
        (tmp_path / name).write_bytes((ROOT / "tests/tester/input" / name).read_bytes())
    assert events(run_destination(weir, tmp_path))[-1]["succeeded"]
    said = calls(tmp_path)
    first = {}
    for method, s in said:
        if method.startswith("Write"):
            first.setdefault(s["table"]["name"], s)
    assert {n: list(s["rows"]) for n, s in first.items()} == {
        "everything": ["replace", "update"], "pairs": ["replace", "delete"], "keyless": ["replace"], "versions": ["earliest_start", "replace", "update", "delete"]}  # fmt: skip
    one = first["everything"]["rows"]["replace"][0]
    assert one["amount"] == "1234567890123456789012345678.0123456789" and one["text"] == 'one, "two"\nthree' and json.loads(one["document"]) == {"a": [1, None]}
    assert first["everything"]["rows"]["replace"][2]["text"] == "" and first["everything"]["rows"]["replace"][1]["value"] is None
    updates = first["everything"]["rows"]["update"]
    assert [(u["id"], u["value"], u["text"], u["_fivetran_deleted"]) for u in updates] == [
        ("2", "2.5", UNMODIFIED, UNMODIFIED), ("99", "1", UNMODIFIED, UNMODIFIED), ("3", UNMODIFIED, UNMODIFIED, "true")]  # fmt: skip
    assert [(r["a"], r["b"], r["note"]) for r in first["pairs"]["rows"]["replace"]] == [("x", "1", "first"), ("x", "2", "second"), ("x", "1", "again")]
    gone = first["pairs"]["rows"]["delete"][0]
    assert (gone["a"], gone["b"], gone["note"]) == ("x", "2", None) and gone["_fivetran_synced"]
    history = first["versions"]["rows"]
    assert history["earliest_start"] == [{"id": "1", "_fivetran_start": "2024-01-01T00:00:00Z"}, {"id": "2", "_fivetran_start": "2024-01-01T00:00:00Z"}]
    assert [(r["_fivetran_start"], r["_fivetran_end"], r["_fivetran_active"]) for r in history["replace"][:2] + history["update"]] == [
        ("2024-01-01T00:00:00Z", "2024-01-01T23:59:59.999Z", "false"), ("2024-01-02T00:00:00Z", "2024-01-02T23:59:59.999Z", "false"),
        ("2024-01-03T00:00:00Z", "9999-12-31T23:59:59.999Z", "true")]  # fmt: skip
    assert [(r["_fivetran_start"], r["_fivetran_end"], r["_fivetran_active"]) for r in history["delete"]] == [(None, "2024-02-01T00:00:00Z", "false")]


def test_truncations_leave_what_came_later(weir, tmp_path):
    for name in ("1_tables.json", "2_truncate.json", "3_alter.json"):
        (tmp_path / name).write_bytes((ROOT / "tests/tester/input" / name).read_bytes())
    run_destination(weir, tmp_path)
    tables = json.loads((tmp_path / "peer/tables.json").read_text())
    assert sorted((r["a"], r["b"], r["more"]) for r in tables["tester.pairs"]["rows"]) == [("new", "1", None), ("new", "4294967296", "0.25")]
    assert {r["_fivetran_id"]: r["_fivetran_deleted"] for r in tables["tester.keyless"]["rows"]} == {"one": "true", "two": "true", "old": "true", "new": "false"}
    assert tables["tester.pairs"]["columns"]["b"] == "LONG" and tables["tester.pairs"]["key"] == ["a", "b"]
    assert not list(tmp_path.glob("*.aes"))


def test_migrations_that_are_not_supported_are_told(weir, tmp_path):
    (tmp_path / "in.json").write_text(json.dumps({"create_table": {"t": {"columns": {"id": "INT", "v": "STRING"}, "primary_key": ["id"]}},
                                                  "schema_migration": [{"rename_column": [{"table": "t", "from_column": "v", "to_column": "w"}]}]}))  # fmt: skip
    last = events(run_destination(weir, tmp_path))[-1]
    assert last["succeeded"] and last["rules"] == {"unsupported": 1}
    method, said = calls(tmp_path)[-1]
    assert method == "Migrate" and said["details"] == {"schema": "tester", "table": "t", "rename": {"rename_column": {"from_column": "v", "to_column": "w"}}}


def test_150_000_rows(weir, tmp_path):
    rows = [{"id": n, "name": f"name {n}"} for n in range(150_000)]
    (tmp_path / "in.json").write_text(json.dumps({"create_table": {"t": {"columns": {"id": "LONG", "name": "STRING"}, "primary_key": ["id"]}}, "ops": [{"upsert": {"t": rows}}]}))
    (tmp_path / "configuration.json").write_text(json.dumps({"path": str(tmp_path / "out.db")}))
    weir("test-destination", "--data", tmp_path, "--", ours("materialize-sqlite"))
    with sqlite3.connect(tmp_path / "out.db") as db:
        assert db.execute("SELECT id, name FROM tester__t ORDER BY id").fetchall() == [(n, f"name {n}") for n in range(150_000)]
