"""Files that materialize-files writes, and tables that materialize-duckdb makes, read by others: pyarrow, Python's csv, zstandard, DuckDB."""

import json
import os
import subprocess
from decimal import Decimal

import pytest

from conftest import program, weir_program

DOCUMENTS = [
    {"id": 1, "i": 9223372036854775807, "n": 0.1, "d": "12.50", "b": True, "s": 'a,b"c"\r\nd', "at": "2024-01-02T03:04:05.123456+02:00", "day": "2024-02-29", "raw": "AAEC/w==",
     "o": {"k": [1, None]}, "mixed": "x"},
    {"id": 2, "i": -1, "n": 1e300, "d": "-0.05", "b": False, "s": "", "at": "0001-01-01T00:00:00Z", "day": "1969-12-31", "raw": "", "o": {}, "mixed": 5},
    {"id": 3, "i": None, "s": "é\U0001f600 \u0000 nul", "mixed": None},
]
BIG = '{"id":4,"i":170141183460469231731687303715884105727,"n":12345678901234567890.125,"s":" edges "}'
SCHEMA = {"type": "object", "required": ["id"], "properties": {
    "id": {"type": "integer"}, "i": {"type": ["integer", "null"]}, "n": {"type": "number"}, "d": {"type": "string", "format": "number"}, "b": {"type": "boolean"},
    "s": {"type": "string"}, "at": {"type": "string", "format": "date-time"}, "day": {"type": "string", "format": "date"},
    "raw": {"type": "string", "contentEncoding": "base64"}, "o": {"type": "object"}, "mixed": {"type": ["string", "integer", "null"]}}}
FIELDS = list(SCHEMA["properties"])


def run(weir, folder, lines, endpoint, resource):
    (folder / "in").mkdir()
    (folder / "in" / "a.ndjson").write_text("\n".join(lines) + "\n")
    catalog = {
        "captures": {"t/in": {"endpoint": {"native": {"connector": "source-files", "config": {"streams": [{"name": "a", "path": str(folder / "in" / "*"), "key": ["id"]}]}}},
                              "bindings": [{"resource": {"stream": "a"}, "target": "t/a"}]}},
        "collections": {"t/a": {"schema": SCHEMA, "key": ["/id"]}},
        "materializations": {"t/out": {"endpoint": {"native": endpoint}, "bindings": [{
            "resource": resource, "source": "t/a", "fields": {"recommended": False, "require": {f: {} for f in FIELDS}}}]}},
    }
    (folder / "flow.yaml").write_text(json.dumps(catalog))
    weir("run", "--once", "--quiet", "--source", folder / "flow.yaml", "--data", folder / "data")


def read(script, *args):
    """What a script of the environment `fivetran`, which has all of these libraries, prints."""
    python = program("fivetran", "-c")[:-1]
    done = subprocess.run([*python, "-c", script, *map(str, args)], capture_output=True, text=True, env={**os.environ, "TZ": "UTC"})
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def files(weir, folder, lines, **config):
    run(weir, folder, lines, {"connector": "materialize-files", "config": {"path": str(folder / "lake"), **config}}, {"path": "a"})
    found = list((folder / "lake" / "a").rglob("*.*"))
    assert len(found) == 1
    return found[0]


def needs_duckdb():
    if not (weir_program().parent.parent / "lib/materialize-duckdb.so").exists():
        pytest.skip("weir was built without DuckDB")


TEXTS = [json.dumps(d, ensure_ascii=False) for d in DOCUMENTS]
READ_TEXT = """
import sys, json, zstandard, gzip
raw = open(sys.argv[1], 'rb').read()
raw = zstandard.ZstdDecompressor().stream_reader(raw).read() if sys.argv[1].endswith('zst') else gzip.decompress(raw) if sys.argv[1].endswith('gz') else raw
print(json.dumps(raw.decode()))
"""


@pytest.mark.parametrize("compression", ["none", "gzip", "zstd"])
def test_ndjson_is_the_documents(weir, tmp_path, compression):
    lines = read(READ_TEXT, files(weir, tmp_path, [*TEXTS, BIG], compression=compression)).splitlines()
    exact = [json.loads(line, parse_float=str, parse_int=str) for line in lines]
    assert all(doc.pop("_meta") for doc in exact)  # the source's
    assert exact == [json.loads(line, parse_float=str, parse_int=str) for line in [*TEXTS, BIG]]


READ_CSV = """
import csv, io, json, sys, zstandard
raw = zstandard.ZstdDecompressor().stream_reader(open(sys.argv[1], 'rb')).read().decode()
print(json.dumps(list(csv.reader(io.StringIO(raw, newline=''), strict=True))))
"""


def test_csv_by_python(weir, tmp_path):
    header, *rows = read(READ_CSV, files(weir, tmp_path, [*TEXTS, BIG], format="csv", compression="zstd"))
    assert sorted(header) == sorted([*FIELDS, "_op"])
    found = [dict(zip(header, row)) for row in rows]
    for wanted, row in zip([json.loads(line, parse_float=str, parse_int=str) for line in [*TEXTS, BIG]], found):
        for field in FIELDS:
            value = wanted.get(field)
            if isinstance(value, dict):
                assert json.loads(row[field], parse_int=str) == value
            else:
                assert row[field] == ("" if value is None else str(value).lower() if isinstance(value, bool) else value)
        assert row["_op"] == "c"


def test_csv_by_duckdb_tells_null_from_empty(weir, tmp_path):
    path = files(weir, tmp_path, [*TEXTS, BIG], format="csv")
    script = "import duckdb, json, sys; print(json.dumps(duckdb.sql(f\"SELECT id, s FROM read_csv('{sys.argv[1]}', all_varchar = true, quote = '\\\"', escape = '\\\"', " \
             "allow_quoted_nulls = false) ORDER BY id\").fetchall()))"
    assert read(script, path) == [["1", 'a,b"c"\r\nd'], ["2", ""], ["3", "é\U0001f600 \u0000 nul"], ["4", " edges "]]


READ_PARQUET = """
import json, sys, pyarrow.parquet as pq
t = pq.read_table(sys.argv[1])
print(json.dumps([{n: str(ty) for n, ty in zip(t.schema.names, t.schema.types)}, [{k: v.hex() if isinstance(v, bytes) else v.isoformat() if hasattr(v, 'isoformat') else v
      if isinstance(v, (bool, int, float, type(None))) else str(v) for k, v in r.items()} for r in t.to_pylist()], pq.ParquetFile(sys.argv[1]).metadata.row_group(0).column(0).compression]))
"""


@pytest.mark.parametrize("compression", ["auto", "none", "gzip", "snappy"])
def test_parquet_by_pyarrow(weir, tmp_path, compression):
    needs_duckdb()
    types, rows, used = read(READ_PARQUET, files(weir, tmp_path, TEXTS, format="parquet", compression=compression))
    assert used == {"auto": "ZSTD", "none": "UNCOMPRESSED", "gzip": "GZIP", "snappy": "SNAPPY"}[compression]
    assert types == {"id": "int64", "i": "decimal128(38, 0)", "n": "double", "d": "decimal128(38, 2)", "b": "bool", "s": "string", "at": "timestamp[us, tz=UTC]",
                     "day": "date32[day]", "raw": "binary", "o": "string", "mixed": "string", "_op": "string"}
    assert rows[0] == {"id": 1, "i": "9223372036854775807", "n": 0.1, "d": "12.50", "b": True, "s": 'a,b"c"\r\nd', "at": "2024-01-02T01:04:05.123456+00:00",
                       "day": "2024-02-29", "raw": "000102ff", "o": '{"k":[1,null]}', "mixed": "x", "_op": "c"}
    assert rows[1] == {"id": 2, "i": "-1", "n": 1e300, "d": "-0.05", "b": False, "s": "", "at": "0001-01-01T00:00:00+00:00", "day": "1969-12-31", "raw": "", "o": "{}",
                       "mixed": "5", "_op": "c"}
    assert rows[2] == dict.fromkeys(FIELDS) | {"id": 3, "s": "é\U0001f600 \u0000 nul", "_op": "c"}


def test_parquet_keeps_every_digit(weir, tmp_path):
    needs_duckdb()
    types, rows, _ = read(READ_PARQUET, files(weir, tmp_path, ['{"id":1,"n":0.5,"i":1}', BIG], format="parquet"))
    assert types["n"] == "decimal128(38, 3)" and types["i"] == "string"  # 39 digits
    assert [Decimal(r["n"]) for r in rows] == [Decimal("0.5"), Decimal("12345678901234567890.125")]
    assert rows[1]["i"] == "170141183460469231731687303715884105727"


READ_DUCKDB = """
import duckdb, json, sys
c = duckdb.connect(sys.argv[1], read_only=True)
rows = c.execute('''SELECT CAST(COLUMNS(* EXCLUDE (raw, "at")) AS VARCHAR), hex(raw), strftime("at" AT TIME ZONE 'UTC', '%Y-%m-%d %H:%M:%S.%f') FROM a ORDER BY id''').fetchall()
print(json.dumps([[r[1] for r in c.execute("DESCRIBE a").fetchall()], rows]))
"""


def test_duckdb_by_duckdb(weir, tmp_path):
    needs_duckdb()
    database = tmp_path / "a.duckdb"
    run(weir, tmp_path, TEXTS, {"connector": "materialize-duckdb", "config": {"path": str(database)}}, {"table": "a"})
    types, rows = read(READ_DUCKDB, database)
    assert dict(zip(FIELDS, types)) == {"id": "BIGINT", "i": "BIGINT", "n": "DOUBLE", "d": "DECIMAL(38,2)", "b": "BOOLEAN", "s": "VARCHAR", "at": "TIMESTAMP WITH TIME ZONE",
                                        "day": "DATE", "raw": "BLOB", "o": "JSON", "mixed": "JSON"}
    assert rows == [["1", "9223372036854775807", "0.1", "12.50", "true", 'a,b"c"\r\nd', "2024-02-29", '{"k":[1,null]}', '"x"', "000102FF", "2024-01-02 01:04:05.123456"],
                    ["2", "-1", "1e+300", "-0.05", "false", "", "1969-12-31", "{}", "5", "", "0001-01-01 00:00:00.000000"],
                    ["3", None, None, None, None, "é\U0001f600 \u0000 nul", None, None, None, None, None]]
