"""Kills a run at random points and looks whether every document is in its collection and in SQLite exactly once afterwards.

    kill.py [ROUNDS [FIRST-SEED]]

Each round: a capture of numbered documents and its materialization run with faults.so preloaded, which kills the runner, the connector, or both at
the N-th read, write or sync of one of them. Up to three kills, then a run to the end. The points are drawn from a seed, which a failure names.
"""

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
WHO = [("weir", "kill"), ("source-bench", "kill"), ("source-bench", "killboth")]
KINDS = ["io", "read", "write", "sync"]

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
    "materializations": {
        "test/db": {
            "endpoint": {"native": {"connector": "materialize-sqlite", "config": {"path": "out.db"}}},
            "bindings": [{"resource": {"table": "records"}, "source": "test/records"}],
        }
    },
}


def run(folder, fault=None, count=None):
    env = dict(os.environ, LOG_LEVEL="info", LOG_FORMAT="text")
    env.pop("WEIR_FAULT", None)
    if fault:
        env.update(LD_PRELOAD=str(FAULTS), WEIR_FAULT=fault)
    if count:
        env["WEIR_FAULT_COUNT"] = str(count)
    return subprocess.run(
        [WEIR, "run", "--once", "--idle", "30s", "--source", "flow.yaml", "--data", "data", "--quiet"],
        cwd=folder, env=env, capture_output=True, text=True, timeout=120, start_new_session=True)


def new_folder():
    folder = Path(tempfile.mkdtemp(prefix="weir-kill-"))
    (folder / "flow.yaml").write_text(json.dumps(CATALOG))
    return folder


def count_calls(program, kind):
    """How many calls of a kind an undisturbed run makes."""
    folder = new_folder()
    try:
        run(folder, f"count:{kind}:1:{program}", folder / "calls")
        return int((folder / "calls").read_text())
    finally:
        shutil.rmtree(folder)


def check(folder):
    journal = sorted((folder / "data" / "journals" / "test%2Frecords").iterdir())
    lines = b"".join(p.read_bytes() for p in journal).splitlines()
    ids = [json.loads(line)["id"] for line in lines]
    if ids != list(range(DOCUMENTS)):
        return f"collection: {len(ids)} documents, {len(set(ids))} different, {DOCUMENTS} expected"
    with sqlite3.connect(folder / "out.db") as db:
        rows = db.execute("SELECT id, name, score, amount FROM records ORDER BY id").fetchall()
    expected = [(n, "Jacqueline Montgomery", n % 1000 / 8, "12345678901234567890.12") for n in range(DOCUMENTS)]
    if rows != expected:
        wrong = next((pair for pair in zip(rows, expected) if pair[0] != pair[1]), None)
        return f"table: {len(rows)} rows, {DOCUMENTS} expected; first difference {wrong}"
    return None


def one_round(seed, totals):
    rng = random.Random(seed)
    folder = new_folder()
    history = []
    try:
        for _ in range(rng.randint(1, 3)):
            program, action = rng.choice(WHO)
            kind = rng.choice(KINDS if program == "weir" else ["io"])
            fault = f"{action}:{kind}:{rng.randint(1, totals[program, kind])}:{program}"
            result = run(folder, fault)
            history.append(f"{fault} -> {result.returncode}")
        result = run(folder)
        if result.returncode != 0:
            return seed, history, f"the last run failed: {result.stderr[-600:]}"
        return seed, history, check(folder)
    except (OSError, subprocess.TimeoutExpired, sqlite3.Error, ValueError) as problem:
        return seed, history, repr(problem)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    totals = {("weir", kind): count_calls("weir", kind) for kind in KINDS}
    totals["source-bench", "io"] = count_calls("source-bench", "io")
    print("# calls of an undisturbed run:", ", ".join(f"{p} {k} {n}" for (p, k), n in totals.items()), flush=True)
    failed = 0
    with ThreadPoolExecutor(2) as pool:
        for seed, history, problem in pool.map(lambda s: one_round(s, totals), range(first, first + rounds)):
            if problem:
                failed += 1
                print(f"not ok kill/{seed}\n# {'; '.join(history)}\n# {problem}", flush=True)
            else:
                print(f"ok kill/{seed} {'; '.join(history)}", flush=True)
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
