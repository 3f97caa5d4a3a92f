"""The rows of columns: collections into DuckDB and into files; README.md says what they mean."""

import json
import shutil
import subprocess
from pathlib import Path

from measuring import BenchFailed, Place, Sample
from rows import EVERY, Row, Variant, catalog

COLUMNS = {"id": "BIGINT", "account": "BIGINT", "name": "VARCHAR", "email": "VARCHAR", "city": "VARCHAR", "active": "BOOLEAN", "score": "DOUBLE",
           "amount": "DECIMAL(38,2)", "created": "TIMESTAMPTZ", "note": "VARCHAR"}
DIGEST = "SELECT concat_ws(' ', count(*), sum(id), sum(score), sum(epoch(created)), bit_xor(hash(id, account, name, email, city, active, note))) FROM "


def ask(p: Place, database, *sql: str) -> str:
    return subprocess.run([p.tool("duckdb-sql"), database, *sql], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def captured(p: Place, count: int) -> Path:
    """A data folder with so many records in its journal, of which nothing was read."""
    data = p.work / "data-warehouse"
    if not (p.work / "warehouse.captured").exists():
        source = catalog(p, "warehouse", [p.tool("source-bench")], {"count": count, "every": EVERY})
        p.measure([p.weir, "run", "--source", source, "--data", data, "--once", "--quiet", "--only", "bench/source"])
        shutil.copy(data / "weir.db", p.work / "warehouse.captured")
    return data


def into(p: Place, data: Path, name: str, native: dict, resource: dict, made: str):
    """How to load the journal, again and again, into what `made` names."""
    whole = json.loads((p.work / "warehouse.flow.yaml").read_text())
    whole["materializations"] = {"bench/tables": {"endpoint": {"native": native}, "bindings": [{"source": "bench/records", "resource": resource}]}}
    source = p.work / f"warehouse-{name}.flow.yaml"
    source.write_text(json.dumps(whole))

    def run() -> Sample:
        for stale in (*data.glob("weir.db*"), *p.work.glob(f"{made}*")):
            shutil.rmtree(stale) if stale.is_dir() else stale.unlink()
        shutil.copy(p.work / "warehouse.captured", data / "weir.db")
        return p.measure([p.weir, "run", "--source", source, "--data", data, "--once", "--quiet", "--only", "bench/tables"])

    return run


def without_duckdb(p: Place) -> bool:
    return not Path(p.tool("duckdb-sql")).exists()


def duckdb(p: Place, scale: float) -> Row:
    count = int(1_000_000 * scale)
    data = captured(p, count)
    goal = "1.8 CPU seconds for a million rows"
    if without_duckdb(p):
        return Row("duckdb", "weir was built without DuckDB", "rows", [], goal)
    config = {"connector": "materialize-duckdb", "config": {"path": str(p.work / "weir.duckdb"), "threads": 1}}
    by_weir = into(p, data, "duckdb", config, {"table": "records"}, "weir.duckdb")
    journal, csv, theirs = f"{data}/journals/*/*.ndjson", p.work / "records.csv", p.work / "theirs.duckdb"
    by_weir()
    expected = ask(p, p.work / "weir.duckdb", DIGEST + "records")
    ask(p, p.work / "weir.duckdb", f"COPY (FROM records ORDER BY id) TO '{csv}' (HEADER)")

    def reader(columns: dict, form: str):
        table = ", ".join(f"{name} {kind}" for name, kind in columns.items())
        shape = "{" + ", ".join(f"{name}: '{kind}'" for name, kind in columns.items()) + "}"
        sql = f"INSERT INTO records FROM read_csv('{csv}', header = true, columns = {shape})" if form == "csv" else \
              f"INSERT INTO records FROM read_json('{journal}', format = 'newline_delimited', columns = {shape})"

        def run() -> Sample:
            for stale in p.work.glob("theirs.duckdb*"):
                stale.unlink()
            return p.measure([p.tool("duckdb-sql"), theirs, f"CREATE TABLE records ({table})", sql])

        return run

    by_json, by_csv = (reader(COLUMNS | {"amount": "VARCHAR"}, form) for form in ("json", "csv"))
    by_json()
    if ask(p, theirs, DIGEST + "records") != expected or not expected.startswith(f"{count} "):
        raise BenchFailed("DuckDB's JSON reader and Weir do not make the same table")
    variants = [Variant("weir run, journal to table", by_weir, count, "weir"),
                Variant("DuckDB's read_json of the journal, decimals as text, one transaction", by_json, count, "limit"),
                Variant("DuckDB's read_csv, decimals as text, one transaction", by_csv, count, "limit")]
    return Row("duckdb", "rows of 10 columns into a DuckDB table, by key", "rows", variants, goal,
               lambda r: r["weir run, journal to table"]["rate"] >= 1e6 / 1.8)


def files(p: Place, scale: float) -> Row:
    count = int(1_000_000 * scale)
    data = captured(p, count)
    forms = ["ndjson", "csv"] + ([] if without_duckdb(p) else ["parquet"])
    variants = []
    for form in forms:
        native = {"connector": "materialize-files", "config": {"path": str(p.work / f"lake-{form}"), "format": form}}
        run = into(p, data, form, native, {"path": "records"}, f"lake-{form}")
        variants.append(Variant(f"weir run, journal to {form}", run, count, "weir"))
    journal = data / "journals"
    variants.append(Variant("cat of the journal", lambda: p.measure(["sh", "-c", f"cat {journal}/*/* >{p.work}/copied"]), count, "limit"))
    if not without_duckdb(p):
        shape = "{" + ", ".join(f"{name}: '{kind}'" for name, kind in COLUMNS.items()) + "}"
        sql = f"COPY (FROM read_json('{journal}/*/*', format = 'newline_delimited', columns = {shape})) TO '{p.work}/theirs.parquet' (COMPRESSION zstd)"
        variants.append(Variant("DuckDB, journal to parquet", lambda: p.measure([p.tool("duckdb-sql"), ":memory:", sql]), count, "peer"))
    return Row("files", "rows of 10 columns into files", "rows", variants, "0.65 CPU seconds for a million rows of NDJSON, 0.55 of CSV",
               lambda r: r["weir run, journal to ndjson"]["rate"] >= 1e6 / 0.65 and r["weir run, journal to csv"]["rate"] >= 1e6 / 0.55)


ROWS = {"duckdb": duckdb, "files": files}
