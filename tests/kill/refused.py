#!/usr/bin/env python3
"""Kills runs that put refused documents aside, and the replays of those, at random points: afterwards each document is where it belongs, once.

    refused.py [ROUNDS [FIRST-SEED]]

Of numbered documents a capture refuses every third one, a derivation every fifth one of what it publishes, and a materialization every seventh one that it reads. Each
round: up to three kills of the runner, or of the source, or of both, then a run to the end; what was refused lies aside once, the rest is in its place once. Then the
schemas are mended, and `weir replay` is killed up to three times and run to its end, and a last run: everything is in its place once. The points are drawn from a seed,
which a failure names.
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
from kill import DOCUMENTS, KINDS, run

PROGRAMS = [("weir", "kill"), ("weir", "kill"), ("source-bench", "kill"), ("source-bench", "killboth")]
REPLAY = ("replay",)
ALL = set(range(DOCUMENTS))


def but(divisor):
    return {"properties": {"id": {"type": "integer", "not": {"multipleOf": divisor}}}}


def catalog(mended):
    capture = json.loads(json.dumps(kill.CATALOG["captures"]["test/source"]))
    capture["bindings"][0]["onInvalid"] = "divert"
    write, published, read = [{"properties": {"id": {"type": "integer"}}} if mended else but(n) for n in (3, 5, 7)]
    shape = {"type": "object", "required": ["id"]}
    return {
        "captures": {"test/source": capture},
        "collections": {
            "test/records": {"writeSchema": {**shape, **write}, "readSchema": {**shape, **read}, "key": ["/id"]},
            "test/seen": {"schema": {**shape, **published}, "key": ["/id"],
                          "derive": {"using": {"sqlite": {"migrations": ["create table seen (n integer); insert into seen values (0);"]}}, "onInvalid": "divert",
                                     "transforms": [{"name": "t", "source": "test/records", "shuffle": "any",
                                                     "lambda": "update seen set n = n + 1; select $id, n as seen from seen;"}]}},
        },
        "materializations": {"test/db": {
            "endpoint": {"native": {"connector": "materialize-sqlite", "config": {"path": "out.db"}}},
            "bindings": [{"resource": {"table": "records", "delta_updates": True}, "source": "test/records", "onInvalid": "divert", "fields": {"recommended": 1}}]}},
    }


def write_catalog(folder, mended):
    (folder / "flow.yaml").write_text(json.dumps(catalog(mended)))


def journal(folder, name):
    parts = sorted((folder / "data" / "journals" / name).glob("*"))
    docs = [json.loads(line) for line in b"".join(p.read_bytes() for p in parts).splitlines()]
    return [d.get("document", d)["id"] for d in docs]


def aside(folder, task, collection):
    return journal(folder, f"refused%3Btest%2F{task}%3Btest%2F{collection}")


def table(folder):
    with sqlite3.connect(folder / "out.db") as db:
        return [row[0] for row in db.execute("SELECT id FROM records")]


def differ(what, got, expected):
    twice = sorted({n for n in got if got.count(n) > 1}) if len(got) != len(set(got)) else []
    if twice:
        return f"{what}: twice: {twice[:5]}"
    lost, more = sorted(expected - set(got)), sorted(set(got) - expected)
    return f"{what}: lost {lost[:5]}, not expected {more[:5]}" if lost or more else None


def check(folder):
    kept = {n for n in ALL if n % 3}
    return (differ("collection", journal(folder, "test%2Frecords"), kept) or differ("refused by the capture", aside(folder, "source", "records"), ALL - kept)
            or differ("derived", journal(folder, "test%2Fseen"), {n for n in kept if n % 5})
            or differ("refused by the derivation", aside(folder, "seen", "seen"), {n for n in kept if n % 5 == 0})
            or differ("table", table(folder), {n for n in kept if n % 7}) or differ("refused by the table", aside(folder, "db", "records"), {n for n in kept if n % 7 == 0}))


def check_mended(folder):
    return (differ("collection, mended", journal(folder, "test%2Frecords"), ALL) or differ("derived, mended", journal(folder, "test%2Fseen"), ALL)
            or differ("table, mended", table(folder), ALL))


def new_folder():
    folder = Path(tempfile.mkdtemp(prefix="weir-kill-"))
    write_catalog(folder, False)
    return folder


def count_calls(program, kind, replay=False):
    folder = new_folder()
    try:
        if replay:
            run(folder)
            write_catalog(folder, True)
        run(folder, f"count:{kind}:1:{program}", folder / "calls", *[REPLAY] if replay else [])
        return int((folder / "calls").read_text())
    finally:
        shutil.rmtree(folder)


def killed(folder, rng, totals, history, command=None):
    more = {"command": command} if command else {}
    for _ in range(rng.randint(1, 3)):
        program, action = ("weir", "kill") if command else rng.choice(PROGRAMS)
        kind = rng.choice(KINDS if program == "weir" else ["io"])
        fault = f"{action}:{kind}:{rng.randint(1, totals[command, program, kind])}:{program}"
        history.append(f"{fault} -> {run(folder, fault, **more).returncode}")
    result = run(folder, **more)
    return None if result.returncode == 0 else f"the last {command[0] if command else 'run'} failed: {result.stderr[-600:]}"


def one_round(seed, totals):
    rng = random.Random(f"refused {seed}")
    folder, history = new_folder(), []
    try:
        problem = killed(folder, rng, totals, history) or check(folder)
        if not problem:
            write_catalog(folder, True)
            problem = killed(folder, rng, totals, history, REPLAY)
        if not problem:
            result = run(folder)
            problem = check_mended(folder) if result.returncode == 0 else f"the run behind the replay failed: {result.stderr[-600:]}"
        return seed, history, problem
    except (OSError, subprocess.TimeoutExpired, sqlite3.Error, ValueError, KeyError) as wrong:
        return seed, history, repr(wrong)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    totals = {(None, p, k): count_calls(p, k) for p in {p for p, _ in PROGRAMS} for k in (KINDS if p == "weir" else ["io"])}
    totals.update({(REPLAY, "weir", k): count_calls("weir", k, True) for k in KINDS})
    print("# refused: calls of undisturbed runs:", ", ".join(f"{c[0] if c else 'run'} {p} {k} {n}" for (c, p, k), n in totals.items()), flush=True)
    return kill.tell_rounds("kill/refused-", lambda seed: one_round(seed, totals), first, rounds) > 0


if __name__ == "__main__":
    sys.exit(main())
