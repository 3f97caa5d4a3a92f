"""Kills a run at random points and looks whether every document is in its collection and in SQLite exactly once afterwards.

    kill.py [ROUNDS [FIRST-SEED [DESTINATION]]]

The destinations: SQLite in the runner's process (ROUNDS rounds); the same as a process that speaks Flow, as JSON and as protobuf, into a table that takes
every row as an addition, so that nothing may be stored twice; a materialization that stages files and merges them when the runner has committed,
which gets rows at least once; DuckDB, rows by key and as additions; and files of materialize-files, of which all together must hold each document once
(a quarter of the rounds each). What DuckDB holds is read by the DuckDB of the interop suite; without it those destinations are skipped.
And the derivation of examples/derive between the capture and SQLite, as protobuf, which sums up the numbers (an eighth of the rounds); more of derivations
is in derive.py.

Each round: a capture of numbered documents and its materialization run with faults.so preloaded, which kills the runner, the connector, or both at
the N-th read, write or sync of one of them. Up to three kills, then a run to the end. The points are drawn from a seed, which a failure names.
"""

import csv
import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("WEIR_BUILD", ROOT / "build")).resolve()
WEIR = BUILD / "bin" / "weir"
SOURCE = BUILD / "bench" / "source-bench"
FAULTS = BUILD / "tests" / "faults.so"
DOCUMENTS, EVERY = 1500, 7
KINDS = ["io", "read", "write", "sync"]
SQLITE = str(BUILD / "bin" / "materialize-sqlite")
PEER = ["python3", str(ROOT / "tests" / "golden" / "flow-materialize" / "peer.py")]
FILES = str(BUILD / "bin" / "materialize-files")
DUCKDB = Path(os.environ.get("WEIR_PEERS", Path.home() / ".cache" / "weir-peers")) / "target-duckdb" / "bin" / "python"


def duckdb_table(**resource):
    return {"native": {"connector": "materialize-duckdb", "config": {"path": "out.duckdb", "threads": 1}}}, {"table": "records", **resource}, None


def files_of(form, **config):
    return {"native": {"connector": "materialize-files", "config": {"path": "out", "format": form, **config}}}, {"path": "records"}, None


DESTINATIONS = {
    "native": ({"native": {"connector": "materialize-sqlite", "config": {"path": "out.db"}}}, {"table": "records"}, None),
    "flow-json": ({"local": {"command": [SQLITE], "config": {"path": "out.db"}}}, {"table": "records", "delta_updates": True}, "materialize-sqlite"),
    "flow-protobuf": ({"local": {"command": [SQLITE], "protobuf": True, "config": {"path": "out.db"}}}, {"table": "records", "delta_updates": True},
                      "materialize-sqlite"),
    "flow-files": ({"local": {"command": PEER, "config": {"path": "out.json", "mode": "files"}}}, {"table": "records"}, "python3"),
    "duckdb": duckdb_table(),
    "duckdb-delta": duckdb_table(delta_updates=True),
    "ndjson": files_of("ndjson", file_rows=100),
    "csv": files_of("csv"),
    "parquet": files_of("parquet"),
    "flow-ndjson": ({"local": {"command": [FILES], "config": {"path": "out", "file_rows": 100}}}, {"path": "records"}, "materialize-files"),
}

BALANCES = str(BUILD / "examples" / "derive" / "derive-balances")
DERIVATIONS = {
    "derive-protobuf": ({"local": {"command": [BALANCES], "protobuf": True, "config": {}}}, {"kind": "deposit", "user": "/name", "amount": "/id"}, "derive-balances"),
}
DERIVED = {
    "schema": {"type": "object", "properties": {"user": {"type": "string"}, "balance": {"type": "integer"}}, "required": ["user", "balance"]},
    "key": ["/user"],
}

CATALOG = {
    "captures": {
        "test/source": {
            "endpoint": {"local": {"command": [str(SOURCE)], "config": {"count": DOCUMENTS, "every": EVERY}}},
            "bindings": [{"resource": {"stream": "records"}, "target": "test/records"}],
            "shards": {"maxTxnDuration": "1ms"},
        }
    },
    "collections": {
        "test/records": {
            "schema": {
                "type": "object",
                "properties": {
                    "id": {"type": "integer"},
                    "name": {"type": "string"},
                    "score": {"type": "number"},
                    "amount": {"type": "number"},
                },
                "required": ["id"],
            },
            "key": ["/id"],
        }
    },
}


def derived_catalog(name):
    using, lambda_, _ = DERIVATIONS[name]
    derive = {"using": using, "transforms": [{"name": "sum", "source": "test/records", "shuffle": {"key": ["/name"]}, "lambda": lambda_}]}
    collections = dict(CATALOG["collections"], **{"test/sums": dict(DERIVED, derive=derive)})
    endpoint = {"native": {"connector": "materialize-sqlite", "config": {"path": "out.db"}}}
    return dict(CATALOG, collections=collections, materializations={
        "test/db": {"endpoint": endpoint, "bindings": [{"resource": {"table": "sums"}, "source": "test/sums"}]}})


def catalog_of(destination):
    if destination in DERIVATIONS:
        return derived_catalog(destination)
    endpoint, resource, _ = DESTINATIONS[destination]
    return dict(CATALOG, materializations={
        "test/db": {"endpoint": endpoint, "bindings": [{"resource": resource, "source": "test/records"}]}})


def programs_of(destination):
    """Who may die, and with whom."""
    program = {**DESTINATIONS, **DERIVATIONS}[destination][2]
    return [("weir", "kill"), ("source-bench", "kill"), ("source-bench", "killboth")] + ([(program, "kill"), (program, "killboth")] if program else [])


def run(folder, fault=None, count=None, command=("run", "--once", "--idle", "30s")):
    env = dict(os.environ, LOG_LEVEL="info", LOG_FORMAT="text")
    env.pop("WEIR_FAULT", None)
    if fault:
        env.update(LD_PRELOAD=str(FAULTS), WEIR_FAULT=fault)
    if count:
        env["WEIR_FAULT_COUNT"] = str(count)
    return subprocess.run(
        [WEIR, *command, "--source", "flow.yaml", "--data", "data", "--quiet"],
        cwd=folder, env=env, capture_output=True, text=True, timeout=120, start_new_session=True)


def new_folder(destination):
    folder = Path(tempfile.mkdtemp(prefix="weir-kill-"))
    (folder / "flow.yaml").write_text(json.dumps(catalog_of(destination)))
    return folder


def count_in(folder, program, kind, run):
    """How many calls of a kind an undisturbed run(folder, fault, calls) makes: of several processes of that name, the last to end. The folder goes."""
    try:
        run(folder, f"count:{kind}:1:{program}", folder / "calls")
        return int((folder / "calls").read_text())
    finally:
        shutil.rmtree(folder)


def journal(folder, name):
    parts = sorted((folder / "data" / "journals" / f"test%2F{name}").iterdir())
    return [json.loads(line) for line in b"".join(p.read_bytes() for p in parts).splitlines()]


def count_calls(destination, program, kind):
    return count_in(new_folder(destination), program, kind, run)


EXPECTED = [(n, "Jacqueline Montgomery", n % 1000 / 8, "12345678901234567890.12") for n in range(DOCUMENTS)]


def rows_of_database(path):
    with sqlite3.connect(path) as db:
        return db.execute("SELECT id, name, score, amount FROM records ORDER BY id").fetchall()


def rows_of_file(path):
    """Python reads the amount as a double, and that is what the file has."""
    docs = [doc for _, doc in json.loads(path.read_text())["tables"]["records"]]
    amount = EXPECTED[0][3]
    return sorted((d["id"], d["name"], d["score"], amount if d["amount"] == float(amount) else d["amount"]) for d in docs)


def check_sums(folder):
    """Every document was counted once: the sums that were published grow, and the last one, which is the row of the table, is that of all."""
    lines = b"".join(p.read_bytes() for p in sorted((folder / "data" / "journals" / "test%2Fsums").iterdir())).splitlines()
    sums = [json.loads(line)["balance"] for line in lines]
    total = sum(range(DOCUMENTS))
    if sums != sorted(set(sums)) or sums[-1] != total:
        return f"sums: {sums[:3]} ... {sums[-3:]}, {total} expected at their end, and no two alike"
    with sqlite3.connect(folder / "out.db") as db:
        rows = db.execute("SELECT user, balance FROM sums").fetchall()
    return None if rows == [("Jacqueline Montgomery", total)] else f"table: {rows}"


def ask_duckdb(folder, source):
    """Rows, by another program's DuckDB."""
    query = f"SELECT id, name, score, CAST(amount AS VARCHAR) FROM {source} ORDER BY ALL"
    script = "import duckdb, json, sys; print(json.dumps(duckdb.connect(sys.argv[1]).execute(sys.argv[2]).fetchall()))"
    database = "out.duckdb" if (folder / "out.duckdb").exists() else ":memory:"
    result = subprocess.run([DUCKDB, "-c", script, database, query], cwd=folder, capture_output=True, text=True, timeout=60)
    if result.returncode:
        raise ValueError(result.stderr[-600:])
    return [tuple(row) for row in json.loads(result.stdout)]


def rows_of_files(folder):
    """The union of all files that are in sight."""
    rows = []
    for path in sorted((folder / "out" / "records").rglob("*.*")):
        if path.suffix == ".csv":
            with open(path, newline="") as f:
                rows += [(int(r["id"]), r["name"], float(r["score"]), r["amount"]) for r in csv.DictReader(f)]
        elif path.suffix == ".ndjson":
            with open(path) as f:
                docs = [json.loads(line, parse_float=str) for line in f]
            rows += [(d["id"], d["name"], float(d["score"]), d["amount"]) for d in docs]
    left = [p.name for p in (folder / "out" / ".weir-staged").rglob("*") if p.is_file() and p.name != ".lock"]
    if left:
        raise ValueError(f"left behind: {left}")
    return sorted(rows)


def rows_of(folder, destination):
    if destination == "flow-files":
        return rows_of_file(folder / "out.json")
    if destination.startswith("duckdb"):
        return ask_duckdb(folder, "records")
    if destination == "parquet":
        rows_of_files(folder)
        return ask_duckdb(folder, "read_parquet('out/records/*/*.parquet')")
    return rows_of_files(folder) if (folder / "out").exists() else rows_of_database(folder / "out.db")


def check(folder, destination):
    journal = sorted((folder / "data" / "journals" / "test%2Frecords").iterdir())
    lines = b"".join(p.read_bytes() for p in journal).splitlines()
    ids = [json.loads(line)["id"] for line in lines]
    if ids != list(range(DOCUMENTS)):
        return f"collection: {len(ids)} documents, {len(set(ids))} different, {DOCUMENTS} expected"
    if destination in DERIVATIONS:
        return check_sums(folder)
    rows = rows_of(folder, destination)
    if rows != EXPECTED:
        wrong = next((pair for pair in zip(rows, EXPECTED) if pair[0] != pair[1]), None)
        return f"table: {len(rows)} rows, {DOCUMENTS} expected; first difference {wrong}"
    return None


def one_round(destination, seed, totals):
    rng = random.Random(f"{destination} {seed}" if destination != "native" else seed)
    folder = new_folder(destination)
    history = []
    try:
        for _ in range(rng.randint(1, 3)):
            program, action = rng.choice(programs_of(destination))
            kind = rng.choice(KINDS if program == "weir" else ["io"])
            fault = f"{action}:{kind}:{rng.randint(1, totals[program, kind])}:{program}"
            result = run(folder, fault)
            history.append(f"{fault} -> {result.returncode}")
        result = run(folder)
        if result.returncode != 0:
            return seed, history, f"the last run failed: {result.stderr[-600:]}"
        return seed, history, check(folder, destination)
    except (OSError, subprocess.TimeoutExpired, sqlite3.Error, ValueError) as problem:
        return seed, history, repr(problem)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def needs_duckdb(destination):
    return destination.startswith("duckdb") or destination == "parquet"


def tell_rounds(prefix, one_round, first, rounds):
    """one_round(seed) gives (seed, history, what is wrong or None). How many failed."""
    failed = 0
    with ThreadPoolExecutor(2) as pool:
        for seed, history, problem in pool.map(one_round, range(first, first + rounds)):
            failed += problem is not None
            told = "; ".join(history)
            print(f"not ok {prefix}{seed}\n# {told}\n# {problem}" if problem else f"ok {prefix}{seed} {told}", flush=True)
    return failed


def run_rounds(destination, first, rounds):
    totals = {("weir", kind): count_calls(destination, "weir", kind) for kind in KINDS}
    for program, _ in programs_of(destination):
        if program != "weir":
            totals[program, "io"] = count_calls(destination, program, "io")
    print(f"# {destination}: calls of an undisturbed run:", ", ".join(f"{p} {k} {n}" for (p, k), n in totals.items()), flush=True)
    return tell_rounds("kill/" if destination == "native" else f"kill/{destination}-", lambda seed: one_round(destination, seed, totals), first, rounds)


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    only = sys.argv[3] if len(sys.argv) > 3 else None
    failed = 0
    for destination in [*DESTINATIONS, *DERIVATIONS]:
        part = 1 if destination == "native" or only else 8 if destination in DERIVATIONS else 4
        if needs_duckdb(destination) and not (DUCKDB.exists() and (BUILD / "lib" / "materialize-duckdb.so").exists()):
            print(f"ok kill/{destination} # SKIP no DuckDB", flush=True)
        elif not only or only == destination:
            failed += run_rounds(destination, first, max(1, rounds // part))
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
