#!/usr/bin/env python3
"""Kills runs whose tasks are cut into shards at random points, and cuts them further in between; afterwards everything was read, derived and stored exactly once.

    shards.py [ROUNDS [FIRST-SEED]]

Numbered documents are captured, and get a bucket by SQL without a state. Of those, the number that each one has in its bucket is counted twice: by SQL, whose
databases hold the checkpoints, and by a program that leaves its state to the runner (derive_counter.py). Sums are reduced by the destination. SQLite takes rows by
key and as additions, in the runner's process or as programs that speak Flow; so does DuckDB, in the runner's process; materialize-files stages files (NDJSON, CSV
or Parquet), all of which together hold each document once. What DuckDB and Parquet hold is read by the DuckDB of the interop suite; without it they are left out.

Each round begins with one to three shards. Up to four kills of the runner at its N-th read, write or sync, of the programs it started, or of both; the run behind
a kill goes on with as many shards or cuts each in two. Then a run to the end. The points are drawn from a seed, which a failure names.
"""
import csv
import json
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

import kill
from kill import BUILD, DOCUMENTS, DUCKDB, FILES, KINDS, SQLITE, journal, run

COUNTER = ["python3", str(Path(__file__).resolve().parent / "derive_counter.py")]
BUCKETS, MOST = 13, 12
INTEGER = {"type": "integer"}
LINE = {"id": INTEGER, "bucket": INTEGER, "seen": INTEGER}
PROGRAMS = [("weir", "kill"), ("weir", "kill"), ("weir", "kill"), ("source-bench", "kill"), ("source-bench", "killboth"), ("python3", "kill"), ("python3", "killboth")]
OF_FLOW = [("materialize-sqlite", "kill"), ("materialize-sqlite", "killboth"), ("materialize-files", "kill"), ("materialize-files", "killboth")]


def derived(properties, key, using, source, shuffle, **more):
    transform = {"name": "t", "source": f"test/{source}", "shuffle": shuffle, **more}
    return {"schema": {"type": "object", "properties": properties, "required": [key], "reduce": {"strategy": "merge"}}, "key": ["/" + key],
            "derive": {"using": using, "transforms": [transform]}}


BY_BUCKET = {"key": ["/bucket"]}
COLLECTIONS = dict(kill.CATALOG["collections"], **{
    "test/lines": derived(LINE, "id", {"sqlite": {}}, "records", "any", **{"lambda": f"select $id, $id % {BUCKETS} as bucket;"}),
    "test/sql": derived(LINE, "id", {"sqlite": {"migrations": ["create table seen (bucket integer primary key, n integer);"]}}, "lines", BY_BUCKET, **{
        "lambda": "insert into seen values ($bucket, 1) on conflict do update set n = n + 1; select $id, $bucket, n as seen from seen where bucket = $bucket;"}),
    "test/program": derived(LINE, "id", {"local": {"command": COUNTER, "config": {"by": "bucket"}}}, "lines", BY_BUCKET),
    "test/sums": derived({"bucket": INTEGER, "n": dict(INTEGER, reduce={"strategy": "sum"})}, "bucket", {"sqlite": {}}, "records", "any", **{
        "lambda": f"select $id % {BUCKETS} as bucket, 1 as n;"}),
})


def endpoint(form, connector, program, config):
    if form == "native":
        return {"native": {"connector": connector, "config": config}}
    return {"local": {"command": [program], "protobuf": form == "protobuf", "config": config}}


class Variant:
    """Who loads, and what."""

    def __init__(self, rng=None):
        self.form = rng.choice(["native", "native", "json", "protobuf"]) if rng else "json"
        self.duckdb = DUCKDB.exists() and (BUILD / "lib" / "materialize-duckdb.so").exists()
        self.format = rng.choice(["ndjson", "csv", "parquet"] if self.duckdb else ["ndjson", "csv"]) if rng else "ndjson"
        self.duckdb = bool(self.duckdb and rng and rng.random() < 0.4)

    def __str__(self):
        return f"{self.form}, {self.format}{', duckdb' if self.duckdb else ''}"

    def new_folder(self):
        folder = Path(tempfile.mkdtemp(prefix="weir-kill-"))
        (folder / "flow.yaml").write_text(json.dumps(self.catalog()))
        return folder

    def catalog(self):
        def tables(*sources):
            return [{"resource": {"table": s, **({"delta_updates": True} if s == "program" else {})}, "source": f"test/{s}"} for s in sources]
        wanted = {
            "test/db": {"endpoint": endpoint(self.form, "materialize-sqlite", SQLITE, {"path": "out.db"}), "bindings": tables("sql", "sums", "program")},
            "test/files": {"endpoint": endpoint(self.form, "materialize-files", FILES, {"path": "out", "format": self.format, "file_rows": 100}),
                           "bindings": [{"resource": {"path": "program"}, "source": "test/program"}]},
        }
        if self.duckdb:
            wanted["test/duckdb"] = {"endpoint": {"native": {"connector": "materialize-duckdb", "config": {"path": "out.duckdb", "threads": 1}}},
                                     "bindings": tables("sql", "sums", "program")}
        return dict(kill.CATALOG, collections=COLLECTIONS, materializations=wanted)


def run_in(folder, shards, fault=None, count=None):
    return run(folder, fault, count, ("run", "--once", "--idle", "30s", *(["--shards", str(shards)] if shards else [])))


def count_calls(program, kind):
    return kill.count_in(Variant().new_folder(), program, kind, lambda folder, *faults: run_in(folder, 3, *faults))


# ---- looking ----

def check_ids(what, docs):
    ids = [d["id"] for d in docs]
    return None if sorted(ids) == list(range(DOCUMENTS)) else f"{what}: {len(ids)} documents, {len(set(ids))} different, {DOCUMENTS} expected"


def check_counted(what, docs):
    """Each bucket's documents have the numbers from 1 on, one each. (What a transaction publishes is in the order of its keys, not in that of the numbers.)"""
    for bucket in range(BUCKETS):
        seen = sorted(d["seen"] for d in docs if d["bucket"] == bucket)
        if seen != list(range(1, len(seen) + 1)):
            wrong = next(pair for pair in zip(seen, range(1, len(seen) + 1)) if pair[0] != pair[1])
            return f"{what}: bucket {bucket} has {len(seen)} documents, and number {wrong[0]} where {wrong[1]} is expected"
    return check_ids(what, docs)


def of_sqlite(folder, query):
    with sqlite3.connect(folder / "out.db") as db:
        return db.execute(query).fetchall()


def of_duckdb(folder, query, database="out.duckdb"):
    script = "import duckdb, json, sys; print(json.dumps(duckdb.connect(sys.argv[1]).execute(sys.argv[2]).fetchall()))"
    result = subprocess.run([DUCKDB, "-c", script, database, query], cwd=folder, capture_output=True, text=True, timeout=60)
    if result.returncode:
        raise ValueError(result.stderr[-600:])
    return [tuple(row) for row in json.loads(result.stdout)]


def check_database(what, folder, ask):
    sums = ask(folder, "SELECT bucket, n FROM sums ORDER BY bucket")
    if sums != [(b, len(range(b, DOCUMENTS, BUCKETS))) for b in range(BUCKETS)]:
        return f"{what}, table sums: {sums}"
    ids = {table: [{"id": i} for i, in ask(folder, f"SELECT id FROM {table}")] for table in ("sql", "program")}
    return check_ids(f"{what}, table sql", ids["sql"]) or check_ids(f"{what}, additions", ids["program"])


def rows_of(path):
    with open(path, newline="") as f:
        return [{"id": int(row["id"])} for row in csv.DictReader(f)] if path.suffix == ".csv" else [json.loads(line) for line in f]


def check_files(folder, form):
    left = [p.name for p in (folder / "out" / ".weir-staged").rglob("*") if p.is_file() and p.name != ".lock"]
    if left:
        return f"left behind: {left}"
    if form == "parquet":
        return check_ids("files", [{"id": i} for i, in of_duckdb(folder, "SELECT id FROM read_parquet('out/program/*/*.parquet')", ":memory:")])
    return check_ids("files", [row for path in (folder / "out" / "program").rglob(f"*.{form}") for row in rows_of(path)])


def check(folder, variant):
    return (check_ids("records", journal(folder, "records")) or check_ids("lines", journal(folder, "lines"))
            or check_counted("by SQL", journal(folder, "sql")) or check_counted("by a program", journal(folder, "program"))
            or check_database("SQLite", folder, of_sqlite) or (variant.duckdb and check_database("DuckDB", folder, of_duckdb)) or check_files(folder, variant.format) or None)


# ---- rounds ----

def one_round(seed, totals):
    rng = random.Random(f"shards {seed}")
    variant = Variant(rng)
    folder, shards = variant.new_folder(), rng.randint(1, 3)
    history = [str(variant)]
    try:
        for n in range(rng.randint(1, 4)):
            program, action = rng.choice(PROGRAMS + ([] if variant.form == "native" else OF_FLOW))
            kind = rng.choice(KINDS if program == "weir" else ["io"])
            fault = f"{action}:{kind}:{1 + int(totals[program, kind] * rng.random())}:{program}"
            result = run_in(folder, shards if n == 0 or rng.random() < 0.5 else None, fault)
            history.append(f"{shards} shards, {fault} -> {result.returncode}")
            if shards * 2 <= MOST and rng.random() < 0.4:
                shards *= 2
        result = run_in(folder, shards)
        history.append(f"{shards} shards")
        if result.returncode != 0:
            return seed, history, f"the last run failed: {result.stderr[-900:]}"
        return seed, history, check(folder, variant)
    except (OSError, subprocess.TimeoutExpired, sqlite3.Error, ValueError, KeyError) as problem:
        return seed, history, repr(problem)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    totals = {(p, k): count_calls(p, k) for p in {p for p, _ in PROGRAMS + OF_FLOW} for k in (KINDS if p == "weir" else ["io"])}
    print("# shards: calls of an undisturbed run:", ", ".join(f"{p} {k} {n}" for (p, k), n in sorted(totals.items())), flush=True)
    return kill.tell_rounds("kill/shards-", lambda seed: one_round(seed, totals), first, rounds) > 0


if __name__ == "__main__":
    sys.exit(main())
