"""materialize-sqlite as a Fivetran destination: a client of grpcio, batch files of `cryptography` and `zstandard`, tables read back with sqlite3 and compared
with fivetran_model.py."""

import io
import random
from pathlib import Path

import pytest

import fivetran

if fivetran.missing():
    pytest.skip(fivetran.missing(), allow_module_level=True)

import grpc
from conftest import ours
from fivetran_files import EACH, EXTREMES, UNMODIFIED
from fivetran_model import ACTIVE, DELETED, END, FOREVER, NEVER, START, SYNCED, Table, before, moment
from fivetran_sink import SCHEMA, Sink

UTC = "UTC_DATETIME"
HISTORY = {START: UTC, END: UTC, ACTIVE: "BOOLEAN"}
@pytest.fixture(scope="module")
def server():
    with fivetran.serving(ours("materialize-sqlite"), "--port", "0") as served:
        yield served


@pytest.fixture
def sink(server, tmp_path):
    return Sink(server, tmp_path)


def at(n: int, ms=0) -> str:
    return f"2026-01-02T{n // 3600:02}:{n // 60 % 60:02}:{n % 60:02}.{ms:03}Z"


# ------------------------------------------------------------------------------------------------------------------------- tables


@pytest.mark.parametrize("compression,encrypted", [("OFF", False), ("OFF", True), ("ZSTD", True), ("ZSTD", False), ("GZIP", True), ("GZIP", False)])
def test_values_of_every_type(server, tmp_path, compression, encrypted):
    sink = Sink(server, tmp_path, compression, encrypted)
    sink.create("each", {"id": "LONG", **EACH, SYNCED: UTC})
    rows = [{"id": str(n), SYNCED: at(n), **{c: row.get(c) for c in EACH}} for n, row in enumerate(EXTREMES)]
    sink.write("each", replace=rows)
    sink.check("each")
    changed = [{"id": "0", SYNCED: at(9), **{c: UNMODIFIED for c in EACH}, "text": None}, {"id": "3", SYNCED: at(9), **{c: EXTREMES[0][c] for c in EACH}}]
    sink.write("each", update=changed)
    sink.check("each")


def test_what_describe_says_of_what_is_not_there(sink):
    assert sink.describe("nothing").WhichOneof("response") == "not_found" and sink.describe("nothing").not_found
    assert sink.describe("nothing", "").WhichOneof("response") == "not_found"


def test_create_makes_the_schema_and_refuses_what_is_there(sink):
    sink.create("t", {"id": "LONG", "d": "DECIMAL(12,3)", "text": "STRING", SYNCED: UTC})
    sink.check("t")
    request = fivetran.destination.CreateTableRequest(configuration=sink.configuration, schema_name=SCHEMA, table=sink.message("t"))
    try:
        assert sink.stub.CreateTable(request).WhichOneof("response") in ("task", "warning")
    except grpc.RpcError as e:
        assert e.details()


@pytest.mark.parametrize("name", ["a.b c", "ünï🚀", "select", "1st", "with/slash", 'quo"te', "x" * 120, "semi;colon--", "new\nline", "t__u", "%", "_"])
def test_odd_names(sink, name):
    sink.create(name, {"id": "LONG", name: "STRING", SYNCED: UTC})
    sink.write(name, replace=[{"id": "1", name: name, SYNCED: at(1)}])
    assert [r[name] for r in sink.rows(name)] == [name]
    assert {c.name for c in sink.describe(name).table.columns} == {"id", name, SYNCED}


def test_tables_of_two_schemas_are_two(sink):
    for schema, text in (("one", "a"), ("two", "b"), ("", "c")):
        table = Table({"id": "LONG", "v": "STRING"}, ["id"])
        message = sink.message("t", table)
        sink.ask("CreateTable", schema_name=schema, table=message)
        path = sink.files.write(["id", "v"], [{"id": "1", "v": text}])
        sink.ask("WriteBatch", schema_name=schema, table=message, keys=sink.files.keys, file_params=sink.params(), replace_files=[path])
    import sqlite3

    with sqlite3.connect(sink.path) as db:
        names = [n for (n,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE '%\"v\"%' OR sql LIKE '%v %TEXT%'")]
        found = sorted(v for n in names for (v,) in db.execute(f'SELECT v FROM "{n}"'))
    assert found == ["a", "b", "c"]


def test_alter(sink):
    """Columns come, change their types, stay when they are not named, go when they are to; the key changes."""
    table = sink.create("t", {"id": "LONG", "a": "INT", "b": "STRING", "c": "SHORT", SYNCED: UTC})
    sink.write("t", replace=[{"id": str(n), "a": str(n * 10), "b": f"b{n}", "c": str(n), SYNCED: at(n)} for n in range(5)])

    def alter(columns, key=("id",), drop=False):
        wanted = Table(columns, list(key))
        sink.ask("AlterTable", schema_name=SCHEMA, table=sink.message("t", wanted), drop_columns=drop)
        table.columns = dict(columns) if drop else {**table.columns, **columns}
        table.key = list(key)
        for row in table.rows:
            for gone in set(row) - set(table.columns):
                del row[gone]
            for new in set(table.columns) - set(row):
                row[new] = None

    alter({"id": "LONG", "a": "INT", "b": "STRING", "c": "SHORT", "new": "DOUBLE", SYNCED: UTC})
    sink.check("t")
    alter({"id": "LONG", "a": "LONG", "b": "STRING", "c": "STRING", "new": "DOUBLE", SYNCED: UTC})
    sink.check("t")
    alter({"id": "LONG", "a": "LONG", SYNCED: UTC})
    sink.check("t")
    alter({"id": "LONG", "a": "LONG", "b": "STRING", SYNCED: UTC}, drop=True)
    sink.check("t")
    alter({"id": "LONG", "a": "LONG", "b": "STRING", SYNCED: UTC}, key=["id", "a"])
    sink.check("t")
    sink.write("t", replace=[{"id": "1", "a": "10", "b": "same", SYNCED: at(9)}, {"id": "1", "a": "11", "b": "other", SYNCED: at(9)}])
    sink.check("t")


def test_decimals_grow(sink):
    table = sink.create("t", {"id": "LONG", "d": "DECIMAL(5,2)", SYNCED: UTC})
    sink.write("t", replace=[{"id": "1", "d": "123.45", SYNCED: at(1)}])
    table.columns["d"] = "DECIMAL(31,9)"
    sink.ask("AlterTable", schema_name=SCHEMA, table=sink.message("t"))
    sink.check("t")
    sink.write("t", replace=[{"id": "2", "d": "1234567890123456789012.123456789", SYNCED: at(2)}])
    sink.check("t")


# ------------------------------------------------------------------------------------------------------------------------ batches


@pytest.mark.parametrize("seed", range(4))
def test_random_batches(sink, seed):
    """Upserts, updates, soft and hard deletions, keys twice in a file, several files of a kind: as the model, after every batch."""
    rng = random.Random(seed)
    columns = {"a": "LONG", "b": "STRING", "v": "STRING", "n": "DECIMAL(20,4)", SYNCED: UTC, DELETED: "BOOLEAN"}
    sink.create("t", columns, key=("a", "b"))
    value = lambda: rng.choice([None, "", "x" * rng.randint(1, 40), 'q"q', "a,b", "é\n🚀"])
    number = lambda: rng.choice([None, "0", "1234567890.1234", "-0.5", "100"])
    clock = 0
    for _ in range(12):
        lists = {}
        for kind, most in (("replace", 8), ("update", 6), ("delete", 3)):
            files = []
            for _ in range(rng.randint(0, 2)):
                some = []
                for _ in range(rng.randint(1, most)):
                    clock += 1
                    row = {"a": str(rng.randint(-2, 3)), "b": rng.choice(["k", "K", "", "ü,"]), SYNCED: at(clock)}
                    if kind == "replace":
                        row |= {"v": value(), "n": number(), DELETED: "false"}
                    elif kind == "update" and rng.random() < 0.3:
                        row |= {"v": UNMODIFIED, "n": UNMODIFIED, DELETED: "true"}
                    elif kind == "update":
                        row |= {"v": rng.choice([UNMODIFIED, value()]), "n": rng.choice([UNMODIFIED, number()]), DELETED: UNMODIFIED}
                    else:
                        row |= {"v": None, "n": None, DELETED: None}
                    some.append(row)
                files.append(some)
            lists[kind] = files
        sink.write("t", **lists)
        sink.check("t")


def test_a_table_without_a_key_of_its_own(sink):
    sink.create("t", {"_fivetran_id": "STRING", "v": "STRING", SYNCED: UTC}, key=("_fivetran_id",))
    sink.write("t", replace=[{"_fivetran_id": f"h{n % 3}", "v": f"{n}", SYNCED: at(n)} for n in range(7)])
    sink.check("t")


def test_keys_of_every_kind(sink):
    """The last row of a key stays, whatever is its type; 1.0 and 1.00 are one decimal."""
    kinds = {k: v for k, v in EACH.items() if k not in ("json", "xml", "f", "g")}
    for column, kind in kinds.items():
        sink.create(f"t_{column}", {column: kind, "v": "STRING", SYNCED: UTC}, key=(column,))
        rows = [{column: row[column], "v": str(n), SYNCED: at(n)} for n, row in enumerate(EXTREMES) if row.get(column) is not None]
        sink.write(f"t_{column}", replace=rows)
        sink.write(f"t_{column}", replace=[{**rows[0], "v": "again"}], delete=[{column: rows[1][column], "v": None, SYNCED: at(99)}])
        sink.check(f"t_{column}")


def test_wide_and_long(sink):
    """600 columns, a cell of 6 MB, 20,000 rows."""
    wide = {"id": "LONG", **{f"c{n}": "STRING" for n in range(600)}, SYNCED: UTC}
    sink.create("wide", wide)
    sink.write("wide", replace=[{"id": str(r), SYNCED: at(r), **{f"c{n}": f"{r}.{n}" for n in range(600)}} for r in range(20)])
    sink.check("wide")
    sink.create("long", {"id": "LONG", "v": "STRING", SYNCED: UTC})
    sink.write("long", model=False, replace=[{"id": str(n), "v": "line\n" * 1_200_000 if n == 77 else f"v{n}", SYNCED: at(1)} for n in range(20_000)])
    assert sorted((r["id"], len(r["v"])) for r in sink.rows("long")) == [(n, 6_000_000 if n == 77 else len(f"v{n}")) for n in range(20_000)]


def test_no_files_at_all(sink):
    sink.create("t", {"id": "LONG", SYNCED: UTC})
    sink.write("t", replace=[])
    sink.check("t")


def test_a_column_that_a_file_does_not_have(sink):
    """A replaced row without it has null there; an updated one keeps what it has."""
    table = sink.create("t", {"id": "LONG", "v": "STRING", "w": "STRING", SYNCED: UTC})
    sink.write("t", replace=[{"id": "1", "v": "a", "w": "b", SYNCED: at(1)}, {"id": "2", "v": "a", "w": "b", SYNCED: at(1)}])
    sink.write("t", update=[{"id": "1", "v": "c", SYNCED: at(2)}])
    sink.check("t")
    assert table.rows


# ----------------------------------------------------------------------------------------------------------------------- truncate


def stamped(sink, name="t", times=("1969-12-31T23:59:59.500Z", "1970-01-01T00:00:00Z", at(1), at(1, 1), at(2))):
    sink.create(name, {"id": "LONG", "v": "STRING", SYNCED: UTC, DELETED: "BOOLEAN"})
    sink.write(name, replace=[{"id": str(n), "v": "x", SYNCED: t, DELETED: "false"} for n, t in enumerate(times)])


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("until", [None, "1969-12-31T23:59:59.500Z", "1970-01-01T00:00:00Z", at(1), at(1, 1), at(1, 2), at(500)])
def test_truncate(sink, soft, until):
    stamped(sink)
    fields = dict(schema_name=SCHEMA, table_name="t", synced_column=SYNCED)
    if until is not None:
        from google.protobuf.timestamp_pb2 import Timestamp

        stamp = Timestamp()
        stamp.FromJsonString(until)
        fields["utc_delete_before"] = stamp
    if soft:
        fields["soft"] = fivetran.destination.SoftTruncate(deleted_column=DELETED)
    sink.ask("Truncate", **fields)
    sink.tables["t"].truncate(SYNCED, until, DELETED if soft else None)
    sink.check("t")


def test_truncate_of_nothing(sink):
    sink.ask("Truncate", schema_name=SCHEMA, table_name="nothing", synced_column=SYNCED)
    sink.ask("Truncate", schema_name="nowhere", table_name="nothing", synced_column=SYNCED, soft=fivetran.destination.SoftTruncate(deleted_column=DELETED))


# ------------------------------------------------------------------------------------------------------------------------ history


def versions(rng, clock, keys, table):
    """A batch as the platform makes one: for each key some versions, of which the newest is active; the earliest of each; keys that end. Only of
    a key that has a version before is one told by its changes."""
    replace, update, delete, earliest = [], [], [], {}
    for key in rng.sample(keys, rng.randint(1, len(keys))):
        if rng.random() < 0.2:
            delete.append({"id": key, "v": None, "w": None, SYNCED: at(clock, 9), START: None, END: at(clock + 50), ACTIVE: "false"})
            continue
        starts = sorted(rng.sample(range(clock, clock + 40), rng.randint(1, 3)))
        known = any(r["id"] == key and moment(r[START]) < moment(at(starts[0])) for r in table.rows)
        kind = rng.choice(["replace", "update"] if known else ["replace"])
        for n, start in enumerate(starts):
            last = n + 1 == len(starts)
            row = {"id": key, SYNCED: at(clock, 9), START: at(start), END: FOREVER if last else before(at(starts[n + 1])), ACTIVE: "true" if last else "false"}
            fresh = lambda: rng.choice([None, "", f"{key} at {start}"])
            row |= {"v": fresh(), "w": fresh()} if kind == "replace" else {"v": fresh(), "w": UNMODIFIED}
            (replace if kind == "replace" else update).append(row)
        earliest[key] = {"id": key, START: at(starts[0])}
    return dict(earliest_start=list(earliest.values()), replace=replace, update=update, delete=delete)


@pytest.mark.parametrize("seed", range(4))
def test_random_history(sink, seed):
    rng = random.Random(seed)
    table = sink.create("t", {"id": "LONG", "v": "STRING", "w": "STRING", SYNCED: UTC, **HISTORY}, key=("id", START))
    clock = 0
    for _ in range(10):
        sink.history("t", **versions(rng, clock, ["1", "2", "3", "4"], table))
        sink.check("t")
        clock += rng.choice([10, 60, 60])  # at times, a batch begins before the one before it has ended


@pytest.mark.parametrize("seed", range(4))
def test_history_in_any_order(sink, seed):
    """The versions of a key are spread over three files, in any order."""
    rng = random.Random(seed)
    table = sink.create("t", {"id": "LONG", "v": "STRING", "w": "STRING", SYNCED: UTC, **HISTORY}, key=("id", START))
    for clock in range(0, 1000, 60):
        batch = versions(rng, clock, ["1", "2", "3", "4"], table)
        for row in batch["update"]:
            row["v"] = rng.choice([UNMODIFIED, row["v"]])
        for rows in batch.values():
            rng.shuffle(rows)
        batch["update"] = [some for n in range(3) if (some := batch["update"][n::3])]
        sink.history("t", **batch)
        sink.check("t")


def test_history_larger_than_what_is_kept_in_memory(sink):
    """Versions of 80 MB, the last one first: more than 64 MiB are not ordered at once."""
    sink.create("t", {"id": "LONG", "v": "STRING", "w": "STRING", SYNCED: UTC, **HISTORY}, key=("id", START))
    keys, count = range(20), 4
    row = lambda key, n: {"id": str(key), SYNCED: at(99), START: at(n), END: FOREVER if n == count else before(at(n + 1)), ACTIVE: str(n == count).lower()}
    sink.history("t", replace=[{**row(key, 0), "v": "x", "w": "0"} for key in keys])
    updates = [{**row(key, n), "v": UNMODIFIED if n % 2 else f"{key}.{n} " + "y" * 2_000_000, "w": UNMODIFIED} for n in range(count, 0, -1) for key in keys]
    sink.history("t", update=updates)
    sink.check("t")


def test_an_update_before_all_versions_is_not_lost(sink):
    """The earliest start is before every version there is, so they go; the version that is inserted then has nothing to be filled from, but it is there."""
    sink.create("t", {"id": "LONG", "v": "STRING", "w": "STRING", SYNCED: UTC, **HISTORY}, key=("id", START))
    row = {"id": "1", "v": "a", "w": "b", SYNCED: at(1), START: at(20), END: FOREVER, ACTIVE: "true"}
    sink.history("t", earliest_start=[{"id": "1", START: at(20)}], replace=[row])
    sink.history("t", model=False, earliest_start=[{"id": "1", START: at(10)}], update=[{**row, "v": "new", "w": UNMODIFIED, START: at(10)}])
    assert [(r["id"], r["v"]) for r in sink.rows("t")] == [(1, "new")]


def test_history_without_earliest_of_a_deletion(sink):
    sink.create("t", {"id": "LONG", "v": "STRING", "w": "STRING", SYNCED: UTC, **HISTORY}, key=("id", START))
    row = {"id": "1", "v": "a", "w": None, SYNCED: at(1), START: at(1), END: FOREVER, ACTIVE: "true"}
    sink.history("t", earliest_start=[{"id": "1", START: at(1)}], replace=[row])
    gone = {"id": "1", "v": None, "w": None, SYNCED: at(5), START: None, END: at(5), ACTIVE: "false"}
    sink.history("t", delete=[gone, {**gone, "id": "77"}])
    sink.check("t")
    assert [(r["v"], r[ACTIVE]) for r in sink.rows("t")] == [("a", 0)]


# --------------------------------------------------------------------------------------------------------------------- migrations


@pytest.fixture
def live(sink):
    sink.create("t", {"id": "LONG", "v": "STRING", "n": "INT", SYNCED: UTC, DELETED: "BOOLEAN"})
    sink.write("t", replace=[{"id": str(n), "v": None if n == 3 else f"v{n}", "n": str(n), SYNCED: at(n), DELETED: "true" if n % 3 == 1 else "false"} for n in range(6)])
    return sink


@pytest.fixture
def past(sink):
    """Keys 1 to 3 with two versions each; 3 has ended."""
    sink.create("t", {"id": "LONG", "v": "STRING", SYNCED: UTC, **HISTORY}, key=("id", START))
    rows = []
    for n in (1, 2, 3):
        rows.append({"id": str(n), "v": "old", SYNCED: at(1), START: at(n), END: before(at(10 + n)), ACTIVE: "false"})
        rows.append({"id": str(n), "v": None if n == 2 else "new", SYNCED: at(2), START: at(10 + n), END: FOREVER, ACTIVE: "true"})
    sink.history("t", replace=rows)
    sink.history("t", delete=[{"id": "3", "v": None, SYNCED: at(20), START: None, END: at(20), ACTIVE: "false"}])
    return sink


def columns_of(sink, **changes):
    sink.tables["t"].columns |= changes


@pytest.mark.parametrize("kind,value", [("STRING", "x y"), ("STRING", ""), ("INT", "-7"), ("BOOLEAN", "true"), ("DECIMAL", "12345678901234567890.5"), ("JSON", '{"a": 1}'),
                                        ("UTC_DATETIME", at(3)), ("NAIVE_DATE", "2026-01-02"), ("DOUBLE", "1.5"), ("BINARY", "AAEC"), ("STRING", "NULL")])  # fmt: skip
def test_add_column_with_default_value(live, kind, value):
    import fivetran as f

    if kind == "STRING" and value == "NULL":
        value = None
    live.tables["t"].columns["extra"] = kind
    for row in live.tables["t"].rows:
        row["extra"] = value
    operation = {"add_column_with_default_value": {"column": "extra", "column_type": f.common.DataType.Value(kind), "default_value": "NULL" if value is None else value}}
    for _ in range(2):  # it may be sent again
        live.migrated("t", add=operation)
        live.check("t")
    live.write("t", replace=[{"id": "9", "v": "later", "n": "9", SYNCED: at(9), DELETED: "false", "extra": None}])
    live.check("t")


@pytest.mark.parametrize("value", ["seven", "NULL", ""])
def test_update_column_value(live, value):
    for row in live.tables["t"].rows:
        row["v"] = None if value == "NULL" else value
    live.migrated("t", update_column_value={"column": "v", "value": value})
    live.check("t")


def test_rename_and_copy_columns(live):
    table = live.tables["t"]
    live.migrated("t", copy={"copy_column": {"from_column": "n", "to_column": "m"}})
    table.columns["m"] = "INT"
    for row in table.rows:
        row["m"] = row["n"]
    live.check("t")
    live.migrated("t", rename={"rename_column": {"from_column": "v", "to_column": "w"}})
    table.columns["w"] = table.columns.pop("v")
    for row in table.rows:
        row["w"] = row.pop("v")
    live.check("t")


def test_rename_copy_and_drop_tables(live):
    live.migrated("t", copy={"copy_table": {"from_table": "t", "to_table": "u"}})
    live.tables["u"] = live.tables["t"]
    live.check("t")
    live.check("u")
    live.migrated("t", copy={"copy_table": {"from_table": "t", "to_table": "u"}})  # retried
    live.check("u")
    live.migrated("t", rename={"rename_table": {"from_table": "u", "to_table": "w"}})
    live.tables["w"] = live.tables.pop("u")
    live.check("w")
    assert live.describe("u").not_found
    live.migrated("w", drop={"drop_table": True})
    assert live.describe("w").not_found
    live.check("t")


def test_add_column_in_history_mode(past):
    table = past.tables["t"]
    for column, value in (("extra", "5"), ("more", "6")):  # several with one time are one version
        past.migrated("t", add={"add_column_in_history_mode": {"column": column, "column_type": fivetran.common.INT, "default_value": value, "operation_timestamp": at(30)}})
        table.columns[column] = "INT"
        for row in table.rows:
            row[column] = None
        table.fork(at(30), column, value)
        past.check("t")


def test_add_column_in_history_mode_to_an_empty_table(sink):
    sink.create("t", {"id": "LONG", "v": "STRING", SYNCED: UTC, **HISTORY}, key=("id", START))
    sink.migrated("t", add={"add_column_in_history_mode": {"column": "extra", "column_type": fivetran.common.INT, "default_value": "5", "operation_timestamp": at(30)}})
    sink.tables["t"].columns["extra"] = "INT"
    sink.check("t")


def test_drop_column_in_history_mode(past):
    past.migrated("t", drop={"drop_column_in_history_mode": {"column": "v", "operation_timestamp": at(30)}})
    past.tables["t"].fork(at(30), "v", None, lambda row: row["v"] is not None)
    past.check("t")


def test_copy_table_to_history_mode(live):
    live.migrated("t", copy={"copy_table_to_history_mode": {"from_table": "t", "to_table": "h", "soft_deleted_column": DELETED}})
    live.check("t")
    table = live.tables["t"]
    made = Table(table.columns, table.key)
    made.rows = [dict(r) for r in table.rows]
    made.soft_to_history(DELETED)
    live.tables["h"] = made
    live.check("h")


KIND = "table_sync_mode_migration"


def test_soft_delete_to_history(live):
    kinds = fivetran.destination.TableSyncModeMigrationType
    live.migrated("t", **{KIND: {"type": kinds.Value("SOFT_DELETE_TO_HISTORY"), "soft_deleted_column": DELETED}})
    live.tables["t"].soft_to_history(DELETED)
    live.check("t")


@pytest.mark.parametrize("keep", [None, True])
def test_history_to_soft_delete(past, keep):
    kinds = fivetran.destination.TableSyncModeMigrationType
    past.migrated("t", **{KIND: {"type": kinds.Value("HISTORY_TO_SOFT_DELETE"), "soft_deleted_column": DELETED} | ({} if keep is None else {"keep_deleted_rows": keep})})
    past.tables["t"].history_to_soft(DELETED)
    past.check("t")


@pytest.mark.parametrize("kind", ["SOFT_DELETE_TO_LIVE", "HISTORY_TO_LIVE", "LIVE_TO_SOFT_DELETE", "LIVE_TO_HISTORY"])
def test_live_migrations_are_not_supported(live, kind):
    answer = live.migrate("t", **{KIND: {"type": fivetran.destination.TableSyncModeMigrationType.Value(kind), "soft_deleted_column": DELETED}})
    if answer.WhichOneof("response") == "success":  # done, then: the rows are there
        assert len(live.rows("t")) in (4, 6)
    else:
        assert answer.WhichOneof("response") == "unsupported" and answer.unsupported
        live.check("t")


def test_of_an_unknown_table(sink):
    """Nothing changes, and it is said."""
    for operation in ({"rename": {"rename_column": {"from_column": "a", "to_column": "b"}}}, {"update_column_value": {"column": "a", "value": "b"}}):
        try:
            assert sink.migrate("nothing", **operation).WhichOneof("response") in ("task", "warning", "unsupported")
        except grpc.RpcError as e:
            assert e.details()
    assert sink.describe("nothing").not_found


# ------------------------------------------------------------------------------------------------------------------------ Parquet


@pytest.fixture(scope="module")
def parquet_server():
    if not (Path(ours("materialize-sqlite")).parent.parent / "lib/materialize-duckdb.so").exists():
        pytest.skip("this Weir was built without DuckDB, which reads Parquet")
    with fivetran.serving(ours("materialize-sqlite"), "--port", "0", "--batch-file-type", "PARQUET") as served:
        yield served


@pytest.fixture
def parquet_sink(parquet_server, tmp_path):
    return Sink(parquet_server, tmp_path, parquet=True)


def test_capabilities(server, parquet_server):
    kinds, ask = fivetran.destination, fivetran.destination.CapabilitiesRequest()
    assert server.destination().Capabilities(ask).batch_file_format == kinds.CSV
    assert parquet_server.destination().Capabilities(ask).batch_file_format == kinds.PARQUET


@pytest.mark.parametrize("compression,encrypted", [("OFF", False), ("ZSTD", True), ("GZIP", True)])
def test_parquet_values_of_every_type(parquet_server, tmp_path, compression, encrypted):
    sink = Sink(parquet_server, tmp_path, compression, encrypted, parquet=True)
    sink.create("each", {"id": "LONG", **EACH, SYNCED: UTC})
    rows = [{"id": str(n), SYNCED: at(n), **{c: row.get(c) for c in EACH}} for n, row in enumerate(EXTREMES)]
    sink.write("each", replace=rows)
    sink.check("each")
    sink.write("each", update=[{"id": "0", SYNCED: at(9), **{c: UNMODIFIED for c in EACH}, "text": None},
                               {"id": "3", SYNCED: at(9), **{c: EXTREMES[0][c] for c in EACH}}])  # fmt: skip
    sink.check("each")


@pytest.mark.parametrize("seed", range(2))
def test_parquet_random_batches(parquet_sink, seed):
    test_random_batches(parquet_sink, seed)


@pytest.mark.parametrize("seed", range(2))
def test_parquet_random_history(parquet_sink, seed):
    test_random_history(parquet_sink, seed)


def test_parquet_of_many_rows_in_their_order(parquet_sink):
    """Several row groups, of one key the last row wins; columns in another order, one of them missing."""
    parquet_sink.create("t", {"id": "LONG", "v": "STRING", "n": "INT", SYNCED: UTC})
    rows = [{"id": str(n % 7000), "v": f"v{n}", SYNCED: at(n % 86000)} for n in range(20_000)]
    parquet_sink.write("t", replace=rows)
    parquet_sink.check("t")


def test_types_of_parquets_own(parquet_sink):
    """Dates, times and instants that a writer has not made strings of."""
    import datetime

    import pyarrow as pa
    import pyarrow.parquet as pq

    parquet_sink.create("t", {"id": "INT", "day": "NAIVE_DATE", "at": "NAIVE_DATETIME", "utc": "UTC_DATETIME", "time": "NAIVE_TIME", "n": "DECIMAL(12,2)"})
    when = datetime.datetime(2026, 1, 2, 3, 4, 5, 678000)
    made = pa.table({
        "utc": pa.array([when.replace(tzinfo=datetime.UTC)], pa.timestamp("us", "UTC")), "id": pa.array([7], pa.int64()), "n": pa.array([5], pa.int32()),
        "day": pa.array([when.date()], pa.date32()), "at": pa.array([when], pa.timestamp("ns")), "time": pa.array([when.time()], pa.time64("us")),
    })  # fmt: skip
    out = io.BytesIO()
    pq.write_table(made, out)
    path = parquet_sink.files.write_bytes(out.getvalue())
    parquet_sink.ask("WriteBatch", schema_name=SCHEMA, table=parquet_sink.message("t"), keys=parquet_sink.files.keys, file_params=parquet_sink.params(), replace_files=[path])
    parquet_sink.apply("WriteBatch", "t", [("replace", {"id": "7", "n": "5", "day": "2026-01-02", "at": "2026-01-02T03:04:05.678", "utc": "2026-01-02T03:04:05.678Z",
                                                        "time": "03:04:05.678"})])  # fmt: skip
    parquet_sink.check("t")


@pytest.mark.parametrize("values,says", [(["x"], "row 1, column 'n'"), ([1, 40_000], "row 2, column 'n'"), ([[1]], "several values")])
def test_parquet_that_does_not_fit(parquet_sink, values, says):
    import pyarrow as pa
    import pyarrow.parquet as pq

    parquet_sink.create("t", {"id": "LONG", "n": "SHORT", SYNCED: UTC})
    out = io.BytesIO()
    pq.write_table(pa.table({"id": list(range(len(values))), "n": values}), out)
    for data, said in ((out.getvalue(), says), (out.getvalue()[:-20], "arquet")):
        path = parquet_sink.files.write_bytes(data)
        with pytest.raises(grpc.RpcError) as e:
            parquet_sink.ask("WriteBatch", schema_name=SCHEMA, table=parquet_sink.message("t"), keys=parquet_sink.files.keys, file_params=parquet_sink.params(),
                             replace_files=[path])  # fmt: skip
        assert e.value.code() == grpc.StatusCode.INVALID_ARGUMENT and path in e.value.details() and said in e.value.details()
    assert parquet_sink.rows("t") == []
