#!/usr/bin/env python3
"""Kills runs with derivations at random points and looks whether every document was derived exactly once afterwards, with a state that has seen it exactly once.

    derive.py [ROUNDS [FIRST-SEED]]

A capture of numbered documents, and of them: a collection made by SQL whose database holds the checkpoint; one made by a program that speaks Flow and leaves its
state to the runner (derive_counter.py); and sums by SQL, which the destination adds up (reduce: sum). Each round: up to three kills of the runner at its N-th
read, write or sync, of the programs it started, or of both, then a run to the end. The points are drawn from a seed, which a failure names.
"""
import json
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

import kill
from kill import DOCUMENTS, KINDS, journal, run

COUNTER = ["python3", str(Path(__file__).resolve().parent / "derive_counter.py")]
BUCKETS = 10
PROGRAMS = [("weir", "kill"), ("weir", "kill"), ("source-bench", "kill"), ("source-bench", "killboth"), ("python3", "kill"), ("python3", "killboth")]


def collection(properties, key, using, transform):
    return {"schema": {"type": "object", "properties": properties, "required": [key], "reduce": {"strategy": "merge"}}, "key": ["/" + key],
            "derive": {"using": using, "transforms": [{"name": "t", "source": "test/records", "shuffle": "any", **transform}]}}


INTEGER = {"type": "integer"}
CATALOG = dict(kill.CATALOG, materializations={
    "test/db": {"endpoint": {"native": {"connector": "materialize-sqlite", "config": {"path": "out.db"}}},
                "bindings": [{"resource": {"table": "sums"}, "source": "test/sums"}]}})
CATALOG["collections"] = dict(CATALOG["collections"], **{
    "test/sql": collection({"id": INTEGER, "seen": INTEGER}, "id", {"sqlite": {"migrations": ["create table seen (n integer); insert into seen values (0);"]}},
                           {"lambda": "update seen set n = n + 1; select $id, n as seen from seen;"}),
    "test/program": collection({"id": INTEGER, "seen": INTEGER}, "id", {"local": {"command": COUNTER, "config": {}}}, {}),
    "test/sums": collection({"bucket": INTEGER, "n": dict(INTEGER, reduce={"strategy": "sum"})}, "bucket", {"sqlite": {}},
                            {"lambda": f"select $id % {BUCKETS} as bucket, 1 as n;"}),
})


def new_folder():
    folder = Path(tempfile.mkdtemp(prefix="weir-kill-"))
    (folder / "flow.yaml").write_text(json.dumps(CATALOG))
    return folder


def count_calls(program, kind):
    return kill.count_in(new_folder(), program, kind, run)


def check(folder):
    for name in ("sql", "program"):
        docs = journal(folder, name)
        wrong = next((d for n, d in enumerate(docs) if (d["id"], d["seen"]) != (n, n + 1)), None)
        if wrong or len(docs) != DOCUMENTS:
            return f"{name}: {len(docs)} documents, {DOCUMENTS} expected; the first that is wrong: {wrong}"
    with sqlite3.connect(folder / "out.db") as db:
        sums = db.execute("SELECT bucket, n FROM sums ORDER BY bucket").fetchall()
    expected = [(b, len(range(b, DOCUMENTS, BUCKETS))) for b in range(BUCKETS)]
    return None if sums == expected else f"sums: {sums}, {expected} expected"


def one_round(seed, totals):
    rng = random.Random(f"derive {seed}")
    folder = new_folder()
    history = []
    try:
        for _ in range(rng.randint(1, 3)):
            program, action = rng.choice(PROGRAMS)
            kind = rng.choice(KINDS if program == "weir" else ["io"])
            fault = f"{action}:{kind}:{rng.randint(1, max(1, totals[program, kind]))}:{program}"
            result = run(folder, fault)
            history.append(f"{fault} -> {result.returncode}")
        result = run(folder)
        if result.returncode != 0:
            return seed, history, f"the last run failed: {result.stderr[-600:]}"
        return seed, history, check(folder)
    except (OSError, subprocess.TimeoutExpired, sqlite3.Error, ValueError, KeyError) as problem:
        return seed, history, repr(problem)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    totals = {(p, k): count_calls(p, k) for p in {p for p, _ in PROGRAMS} for k in (KINDS if p == "weir" else ["io"])}
    print("# derive: calls of an undisturbed run:", ", ".join(f"{p} {k} {n}" for (p, k), n in sorted(totals.items())), flush=True)
    return kill.tell_rounds("kill/derive-", lambda seed: one_round(seed, totals), first, rounds) > 0


if __name__ == "__main__":
    sys.exit(main())
