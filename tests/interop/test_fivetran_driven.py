"""Weir drives Fivetran's sources and destinations: servers of grpcio (peers/fivetran_*.py) and a connector of the vendor's SDK."""

import json
import sqlite3
import subprocess
from collections import Counter
from pathlib import Path

import pytest

import fivetran

if fivetran.missing():
    pytest.skip(fivetran.missing(), allow_module_level=True)

import catalogs
from conftest import HERE, Weir, kit, ours, program, weir_program
from fivetran_files import EACH, EXTREMES
from fivetran_sink import READ

VALUES = {c: k for c, k in EACH.items() if k != "NAIVE_TIME"}  # not from sources


class Driven:
    """A source of grpcio, a catalog that drives it, and SQLite."""

    def __init__(self, weir: Weir, folder: Path, tables: list[dict], argv=None, config=None, **described):
        self.weir, self.folder, self.database, self.audit = weir, folder, folder / "out.db", folder / "audit.ndjson"
        self.flow = folder / "flow.yaml"
        self.say({"tables": tables, **described}, [])
        argv = argv or program("fivetran", str(HERE / "peers/fivetran_source.py"))
        local = {"command": argv, "protocol": "fivetran", "config": config or {"dir": str(folder), "token": "s3cret-token"}, "env": {"PEER_AUDIT": str(self.audit)}}
        catalogs.write(self.flow, {"captures": {"acme/peer": {"endpoint": {"local": local}, "bindings": []}}})

    def say(self, schema, script):
        if schema:
            (self.folder / "schema.json").write_text(json.dumps(schema))
        (self.folder / "script.json").write_text(json.dumps(script))

    def discover(self):
        self.weir("discover", "--source", self.flow, "--name", "acme/peer")
        content = catalogs.read(self.flow)
        bindings = content["captures"]["acme/peer"]["bindings"]
        into = [{"resource": {"table": b["target"].split("/", 1)[1].replace("/", "__")}, "source": b["target"]} for b in bindings]
        content["materializations"] = {"acme/db": {"endpoint": {"native": {"connector": "materialize-sqlite", "config": {"path": str(self.database)}}}, "bindings": into}}
        catalogs.write(self.flow, content)
        return content

    def run(self, script=None, status=0):
        if script is not None:
            self.say(None, script)
        return self.weir("run", "--once", "--source", self.flow, "--data", self.folder / "data", "--idle", "60s", status=status, LOG_FORMAT="json")

    def rows(self, table, order="id"):
        return sorted(catalogs.rows(self.database, table), key=lambda r: str(r[order]))

    def asked(self, method):
        return [said for name, said in map(json.loads, self.audit.open()) if name == method]


def table(name, columns, key=("id",), schema=""):
    return {"name": name, "columns": columns, "key": list(key), "schema": schema}


T = table("t", {"id": "LONG", "v": "STRING", "n": "INT"})
CHECKPOINT = ["CHECKPOINT"]


def upsert(n, v="v", where="t", **more):
    return ["UPSERT", where, {"id": str(n), "v": v, "n": str(n), **more}]


# ---------------------------------------------------------------------------------------------------------------------------- sources


def test_every_type_and_its_extremes(weir, tmp_path):
    d = Driven(weir, tmp_path, [table("t", {"id": "LONG", **VALUES})])
    d.discover()
    script = [["UPSERT", "t", {"id": str(n), **{c: row.get(c) for c in VALUES}}] for n, row in enumerate(EXTREMES)]
    d.run([["TRUNCATE", "t"], ["BATCH", script[:3]], *script[3:], CHECKPOINT])
    got = d.rows("t")
    assert len(got) == len(EXTREMES)
    for row, said in zip(got, EXTREMES):
        for column, kind in VALUES.items():
            text = said.get(column)
            kind = kind.partition("(")[0]
            if text is None or column == "json" and text == "null":
                assert row[column] in (None, "null"), f"{column}: {row[column]!r}, not null"
            elif column == "json" and text == '"null"':
                assert row[column] in ("null", '"null"')
            else:
                assert READ[kind][1](row[column]) == READ[kind][0](text), f"{column}: {row[column]!r}, not {text}"


def test_resumed_with_updates_and_deletions(weir, tmp_path):
    d = Driven(weir, tmp_path, [T, table("nokey", {"v": "STRING"}, [])])
    d.discover()
    first = [["TRUNCATE", "t"], *(upsert(n) for n in range(5)), ["UPSERT", "nokey", {"v": "x"}], ["UPSERT", "nokey", {"v": "x"}], CHECKPOINT]
    d.run(first)
    assert [(r["id"], r["v"], r["n"]) for r in d.rows("t")] == [(n, "v", n) for n in range(5)]
    assert len(catalogs.rows(d.database, "nokey")) == 2
    more = [["UPDATE", "t", {"id": "1", "v": "changed"}], ["UPDATE", "t", {"id": "2", "v": None}], ["UPDATE", "t", {"id": "77", "v": "nobody"}], ["DELETE", "t", {"id": "3"}],
            ["DELETE", "t", {"id": "78"}], upsert(4, "new"), upsert(9), ["UPSERT", "nokey", {"v": "y"}], CHECKPOINT]  # fmt: skip
    d.run(first + more)
    want = [(0, "v", 0), (1, "changed", 1), (2, None, 2), (4, "new", 4), (9, "v", 9)]
    assert [(r["id"], r["v"], r["n"]) for r in d.rows("t")] == want
    assert Counter(r["v"] for r in catalogs.rows(d.database, "nokey")) == {"x": 2, "y": 1}
    assert [u.get("state_json", "{}") for u in d.asked("Update")][-1] == json.dumps({"n": len(first)})
    d.run(first + more)
    assert [(r["id"], r["v"], r["n"]) for r in d.rows("t")] == want


@pytest.mark.parametrize("state", ['{"n": 2}', ' { "n" : 2 , "x":[1.0,1e3,null,"\\u00e9 é \\ud83d\\ude80"],"":{} } ', '{"n":2,"big":123456789012345678901234567890.10}'])
def test_a_state_comes_back_as_it_was(weir, tmp_path, state):
    """It is the source's own text, whatever stands in it."""
    d = Driven(weir, tmp_path, [T])
    d.discover()
    d.run([upsert(1), ["STATE", state]])
    d.run([upsert(1), ["STATE", state], upsert(2), CHECKPOINT])
    said = d.asked("Update")[-1]["state_json"]
    assert json.loads(said, parse_float=str, parse_int=str) == json.loads(state, parse_float=str, parse_int=str)
    assert [r["id"] for r in d.rows("t")] == [1, 2]


def test_a_truncate_empties_the_table(weir, tmp_path):
    d = Driven(weir, tmp_path, [T, table("u", T["columns"])])
    d.discover()
    first = [["TRUNCATE", "t"], ["TRUNCATE", "u"], *(upsert(n) for n in range(5)), *(upsert(n, where="u") for n in range(3)), CHECKPOINT]
    d.run(first)
    d.run(first + [upsert(6), ["TRUNCATE", "t"], upsert(2, "again"), upsert(7), CHECKPOINT])
    assert [(r["id"], r["v"]) for r in d.rows("t")] == [(2, "again"), (7, "v")]
    assert len(d.rows("u")) == 3


def test_what_comes_behind_the_last_checkpoint_never_happened(weir, tmp_path):
    d = Driven(weir, tmp_path, [T])
    d.discover()
    d.run([upsert(1), CHECKPOINT, upsert(2), ["ABORT", "UNAVAILABLE", "the moon is not there"]], status=None)
    done = d.run([upsert(1), CHECKPOINT, upsert(2), ["ABORT", "UNAVAILABLE", "the moon is not there"]], status=None)
    assert done.returncode != 0 and "the moon is not there" in done.stderr
    assert [r["id"] for r in d.rows("t")] == [1]
    d.run([upsert(1), CHECKPOINT, upsert(2), CHECKPOINT])
    assert [r["id"] for r in d.rows("t")] == [1, 2]


def test_the_schema_changes_on_the_way(weir, tmp_path):
    d = Driven(weir, tmp_path, [T])
    d.discover()
    wider = {**T, "columns": {"id": "LONG", "v": "STRING", "n": "STRING", "extra": "DECIMAL(30,2)"}}
    d.run([upsert(1), ["SCHEMA", {"tables": [wider]}], ["UPSERT", "t", {"id": "2", "v": "w", "n": "text", "extra": "12345678901234567890.25"}], CHECKPOINT])
    one, two = d.rows("t")
    assert (one["v"], two["v"], str(two["n"])) == ("v", "w", "text")
    if "extra" not in two:  # a column that the catalog did not have is there after it was discovered again
        journal = catalogs.journal(tmp_path / "data", "acme/t")
        assert str(journal[-1]["extra"]) == "12345678901234567890.25"
    else:
        assert str(two["extra"]) == "12345678901234567890.25"


def kinds(database: Path, table: str) -> dict[str, str]:
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        return {name: kind for _, name, kind, *_ in connection.execute(f'PRAGMA table_info("{table}")')}


def test_columns_have_their_types_from_the_beginning(weir, tmp_path):
    """The source's schema says them, before there is a row."""
    d = Driven(weir, tmp_path, [table("t", {"id": "LONG", "n": "INT", "d": "DECIMAL(30,2)", "b": "BINARY", "ok": "BOOLEAN"}), table("nokey", {"n": "INT", "b": "BINARY"}, [])])
    content = d.discover()
    write = {name: c["writeSchema"] for name, c in content["collections"].items()}
    assert set(write["acme/t"]["properties"]) == {"id", "_meta"} and set(write["acme/nokey"]["properties"]) == {"_meta"}
    d.run([CHECKPOINT])
    assert kinds(d.database, "t") == {"id": "INTEGER", "n": "INTEGER", "d": "TEXT", "b": "BLOB", "ok": "INTEGER"}
    assert kinds(d.database, "nokey") == {"_meta/row_id": "INTEGER", "n": "INTEGER", "b": "BLOB"}


def test_columns_widen_in_a_later_sync(weir, tmp_path):
    """Rows that are there stay what they are."""
    tables = lambda key, columns: [table("t", {"id": key, **columns}), table("nokey", columns, [])]
    row = lambda key, **columns: [["UPSERT", "t", {"id": key, **columns}], ["UPSERT", "nokey", columns]]
    d = Driven(weir, tmp_path, tables("INT", {"n": "INT"}))
    d.discover()
    first = [*row("1", n="1"), CHECKPOINT]
    d.run(first)
    assert kinds(d.database, "t")["n"] == kinds(d.database, "nokey")["n"] == "INTEGER"
    d.run([*first, ["SCHEMA", {"tables": tables("LONG", {"n": "STRING", "b": "BINARY"})}], *row("3000000000", n="text 2", b="AQI="), CHECKPOINT])
    want = [(1, None), ("text 2", b"\1\2")]
    assert [(r["n"], r["b"]) for r in d.rows("t")] == [(r["n"], r["b"]) for r in d.rows("nokey", "_meta/row_id")] == want
    assert [r["id"] for r in d.rows("t")] == [1, 3000000000]
    assert kinds(d.database, "t")["b"] == kinds(d.database, "nokey")["b"] == "BLOB"


def test_warnings_and_tasks(weir, tmp_path):
    d = Driven(weir, tmp_path, [T])
    d.discover()
    said = d.run([upsert(1), ["WARNING", "be careful"], CHECKPOINT])
    assert any(r["level"].startswith("warn") and "be careful" in r["message"] for r in map(json.loads, said.stderr.splitlines()) if "level" in r)
    said = d.run([upsert(1), ["WARNING", "x"], CHECKPOINT, upsert(2), CHECKPOINT, ["TASK", "renew your password"], upsert(3), CHECKPOINT], status=2)
    assert "renew your password" in said.stderr
    assert [r["id"] for r in d.rows("t")] in ([1, 2], [1])


def test_tables_in_schemas(weir, tmp_path):
    d = Driven(weir, tmp_path, [table("t", T["columns"], schema="one"), table("t", T["columns"], schema="two")], schemas=True)
    content = d.discover()
    assert {b["resource"]["schema"] for b in content["captures"]["acme/peer"]["bindings"]} == {"one", "two"}
    d.run([upsert(1, where="one.t"), upsert(2, where="two.t"), CHECKPOINT])
    found = {b["resource"]["table"]: [r["id"] for r in d.rows(b["resource"]["table"])] for b in content["materializations"]["acme/db"]["bindings"]}
    assert sorted(found.values()) == [[1], [2]]
    names = [s["schema_name"] for s in d.asked("Update")[-1]["selection"]["with_schema"]["schemas"]]
    assert sorted(names) == ["one", "two"]


def test_a_source_without_schema(weir, tmp_path):
    """It does not say what it has: a binding names the table."""
    d = Driven(weir, tmp_path, [], unknown=True)
    content = catalogs.read(d.flow)
    content["captures"]["acme/peer"]["bindings"] = [{"resource": {"table": "t"}, "target": "acme/t"}]
    content["collections"] = {"acme/t": {"schema": {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]}, "key": ["/id"]}}
    catalogs.write(d.flow, content)
    d.run([["UPSERT", "t", {"id": "a", "v": "x"}], CHECKPOINT])
    assert [(x["id"], x["v"]) for x in catalogs.journal(tmp_path / "data", "acme/t")] == [("a", "x")]


def test_only_what_is_bound_is_selected(weir, tmp_path):
    d = Driven(weir, tmp_path, [T, table("u", T["columns"])])
    content = d.discover()
    content["captures"]["acme/peer"]["bindings"] = [b for b in content["captures"]["acme/peer"]["bindings"] if b["resource"]["table"] == "t"]
    content["materializations"]["acme/db"]["bindings"] = [b for b in content["materializations"]["acme/db"]["bindings"] if b["source"] == "acme/t"]
    catalogs.write(d.flow, content)
    d.run([upsert(1), CHECKPOINT])
    (asked,) = d.asked("Update")
    chosen = asked["selection"]["without_schema"]
    assert [t["table_name"] for t in chosen["tables"] if t.get("included")] == ["t"] and not chosen.get("include_new_tables")
    assert asked["configuration"]["dir"] == str(tmp_path)


def test_no_secret_is_said(weir, tmp_path):
    d = Driven(weir, tmp_path, [T])
    d.discover()
    done = d.run([upsert(1), ["WARNING", "the token is s3cret-token"], CHECKPOINT])
    assert "s3cret-token" not in done.stderr + done.stdout


def test_large_and_many(weir, tmp_path):
    """Records of 3 MB, and 30,000 in batches of 100."""
    d = Driven(weir, tmp_path, [T])
    d.discover()
    batches = [["BATCH", [upsert(n) for n in range(at, at + 100)]] for at in range(0, 30_000, 100)]
    d.run([*batches, upsert(30_000, "x" * 3_000_000), CHECKPOINT])
    with sqlite3.connect(d.database) as db:
        assert db.execute("SELECT count(*), count(DISTINCT id), max(length(v)) FROM t").fetchone() == (30_001, 30_001, 3_000_000)


def test_preview(weir, tmp_path):
    d = Driven(weir, tmp_path, [T])
    d.discover()
    d.say(None, [["TRUNCATE", "t"], upsert(1), ["UPDATE", "t", {"id": "1", "v": "w"}], CHECKPOINT])
    lines = [json.loads(line) for line in weir("preview", "--source", d.flow, "--name", "acme/peer").stdout.splitlines()]
    docs = [doc for _, doc in lines if "id" in doc]
    assert [(doc["id"], doc["v"]) for doc in docs] == [(1, "v"), (1, "w")]


# ----------------------------------------------------------------------------------------------------------------- the vendor's SDK


def test_a_connector_of_the_vendors_sdk(weir, tmp_path):
    argv = kit("fivetran-sdk", "fivetran_sdk_connector.py")
    d = Driven(weir, tmp_path, [], argv, {"count": "250"})
    d.discover()
    d.run()
    orders = {r["id"]: r for r in d.rows("orders")}
    assert sorted(orders) == list(range(250)) and len(d.rows("lines", "order_id")) == 250
    assert orders[7]["name"] == "é 7" and str(orders[7]["total"]) == "7.25" and orders[7]["at"] == "2026-01-02T03:04:05Z"
    assert json.loads(orders[7]["tags"]) == {"a": [7, None]} and bool(orders[8]["paid"])
    content = catalogs.read(d.flow)
    content["captures"]["acme/peer"]["endpoint"]["local"]["config"] = {"count": "260"}
    catalogs.write(d.flow, content)
    d.run()
    orders = {r["id"]: r for r in d.rows("orders")}
    assert sorted(orders) == [0, *range(2, 260)] and orders[0]["name"] == "changed" and str(orders[0]["total"]) == "0.25"


# ----------------------------------------------------------------------------------------------------------------------- destinations


class Sunk:
    """A collection in a destination of grpcio."""

    def __init__(self, weir, folder: Path, schema: dict, key: list[str], source: dict, *options):
        self.weir, self.folder, self.flow = weir, folder, folder / "sink.yaml"
        argv = [*program("fivetran", str(HERE / "peers/fivetran_destination.py")), *options]
        catalogs.write(self.flow, {
            "captures": source,
            "collections": {"acme/t": {"schema": schema, "key": key}},
            "materializations": {"acme/ft": {"endpoint": {"local": {"command": argv, "protocol": "fivetran", "config": {"dir": str(folder)}}},
                                             "bindings": [{"resource": {"table": "t", "schema": "crm"}, "source": "acme/t"}]}},
        })  # fmt: skip

    def run(self, status=0):
        return self.weir("run", "--once", "--source", self.flow, "--data", self.folder / "data", "--idle", "60s", status=status)

    def table(self, name="crm.t"):
        return json.loads((self.folder / "tables.json").read_text())[name]

    def calls(self):
        return [json.loads(line) for line in (self.folder / "calls.ndjson").open()]


SINK = {"type": "object", "properties": {"id": {"type": "integer"}, "name": {"type": ["string", "null"]}, "price": {"type": ["number", "null"]},
                                         "ok": {"type": "boolean"},
                                         "at": {"type": "string", "format": "date-time"}, "day": {"type": "string", "format": "date"}, "nested": {"type": "object"}},
        "required": ["id"]}  # fmt: skip


def from_files(folder: Path, rows: list[dict]) -> dict:
    (folder / "rows-1.ndjson").write_text("".join(json.dumps(r) + "\n" for r in rows), "utf-8")
    config = {"base": str(folder), "streams": [{"name": "t", "path": "rows-*.ndjson", "key": ["id"]}]}
    return {"acme/files": {"endpoint": {"local": {"command": [ours("source-files")], "config": config}}, "bindings": [{"resource": {"stream": "t"}, "target": "acme/t"}]}}


@pytest.mark.parametrize("options", [(), ("--parquet",)])
def test_a_destination_is_loaded(weir, tmp_path, options):
    if options and not (weir_program().parent.parent / "lib/materialize-duckdb.so").exists():
        pytest.skip("this Weir was built without DuckDB, which writes Parquet")
    rows = [{"id": 1, "name": 'é "q", \n🚀', "price": 1.25, "ok": True, "at": "2026-01-02T03:04:05.678Z", "day": "2026-01-02", "nested": {"a": [1, None]}},
            {"id": 2, "name": "", "price": None}, {"id": 3, "name": None, "ok": False, "price": 12345678901234567890.5}, {"id": 1, "name": "later"},
            *({"id": n, "name": "x" * n} for n in range(100, 600))]  # fmt: skip
    sunk = Sunk(weir, tmp_path, SINK, ["/id"], from_files(tmp_path, rows), *options)
    sunk.run()
    table = sunk.table()
    assert table["key"] == ["id"] and table["columns"]["id"] == "LONG" and table["columns"]["ok"] == "BOOLEAN"
    assert table["columns"]["at"] in ("UTC_DATETIME", "STRING") and "_fivetran_synced" in table["columns"]
    found = {int(r["id"]): r for r in table["rows"]}
    assert sorted(found) == [1, 2, 3, *range(100, 600)]
    assert found[1]["name"] == "later" and found[2]["name"] == "" and found[3]["name"] is None
    assert found[2]["price"] is None and found[3]["ok"] == "false" and all(found[n]["name"] == "x" * n for n in range(100, 600))
    assert all(r["_fivetran_synced"] for r in table["rows"])
    assert not list(tmp_path.glob("**/*.aes")), "batch files are left"
    (tmp_path / "rows-2.ndjson").write_text(json.dumps({"id": 2, "name": "new"}) + "\n" + json.dumps({"id": 4, "name": "four"}) + "\n")
    sunk.run()
    found = {int(r["id"]): r["name"] for r in sunk.table()["rows"]}
    assert found[2] == "new" and found[4] == "four" and len(found) == 504


def test_from_source_to_destination_by_the_protocol_alone(weir, tmp_path):
    """Updates, deletions and truncations of a driven source arrive at a driven destination."""
    d = Driven(weir, tmp_path, [table("t", {"id": "LONG", "v": "STRING", "n": "INT"})])
    d.discover()
    content = catalogs.read(d.flow)
    argv = program("fivetran", str(HERE / "peers/fivetran_destination.py"))
    content["materializations"] = {"acme/ft": {"endpoint": {"local": {"command": argv, "protocol": "fivetran", "config": {"dir": str(tmp_path)}}},
                                               "bindings": [{"resource": {"table": "t", "schema": "crm"}, "source": "acme/t"}]}}  # fmt: skip
    catalogs.write(d.flow, content)
    held = lambda: sorted((int(r["id"]), r["v"], r["n"]) for r in json.loads((tmp_path / "tables.json").read_text())["crm.t"]["rows"] if r.get("_fivetran_deleted") != "true")
    first = [["TRUNCATE", "t"], *(upsert(n) for n in range(5)), CHECKPOINT]
    d.run(first)
    assert held() == [(n, "v", str(n)) for n in range(5)]
    more = [["UPDATE", "t", {"id": "1", "v": "changed"}], ["DELETE", "t", {"id": "3"}], upsert(9), CHECKPOINT]
    d.run(first + more)
    assert held() == [(0, "v", "0"), (1, "changed", "1"), (2, "v", "2"), (4, "v", "4"), (9, "v", "9")]
    d.run(first + more + [["TRUNCATE", "t"], upsert(2, "again"), CHECKPOINT])
    assert held() == [(2, "again", "2")]
