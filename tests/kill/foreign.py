"""Kills programs of Airbyte and Singer, and those who run them, at random points.

    foreign.py [ROUNDS [FIRST-SEED]]

Driven: `weir run` with an Airbyte source and with a Singer tap (numbered.py) into SQLite; the runner is killed at its N-th read, write or sync, or the source
at its N-th write, or the source and with it the runner. After a last run to the end every record is in its collection and in its table exactly once. The
same with materialize-sqlite driven as an Airbyte destination and as a Singer target.

Served: source-hello as source and tap, materialize-sqlite as destination and target are killed at their N-th read, write or sync and go on from the last
state they have said. A state is never ahead of what it stands for: what it counts has been received, or is in the table. In the end every record is
there, once where there is a key, at least once otherwise.

The points are drawn from a seed, which a failure names.
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
WEIR, HELLO, SQLITE, FAULTS = BUILD / "bin/weir", BUILD / "bin/source-hello", BUILD / "bin/materialize-sqlite", BUILD / "tests/faults.so"
NUMBERS = Path(__file__).resolve().parent / "numbered.py"
COUNT = 700                    # of numbered.py
GREETINGS = 20_000             # of source-hello
ROWS, EVERY = 3_000, 7         # for a destination
KINDS = ["io", "read", "write", "sync"]
SCHEMA = {"type": "object", "properties": {"id": {"type": "integer"}, "name": {"type": "string"}}}


class Wrong(Exception):
    pass


def must(condition, complaint):
    if not condition:
        raise Wrong(complaint)


def environment(**more):
    env = {k: v for k, v in os.environ.items() if not k.startswith(("LOG_", "FLOW_", "WEIR_F"))}
    return env | {"LOG_FORMAT": "text", "LOG_LEVEL": "warn"} | more


def fault(text, count=None):
    return {"LD_PRELOAD": str(FAULTS), "WEIR_FAULT": text} | ({"WEIR_FAULT_COUNT": str(count)} if count else {})


def calls(work, program, kind):
    """How many calls of a kind an undisturbed run makes. work(folder, env)"""
    with tempfile.TemporaryDirectory(prefix="weir-kill-") as folder:
        path = Path(folder) / "calls"
        work(Path(folder), fault(f"count:{kind}:1:{program}", path))
        return int(path.read_text())


def point(rng, totals, key, kinds, program):
    """Where to kill: rather early, since a run that goes on from a state makes fewer calls."""
    kind = rng.choice(kinds)
    return f"kill:{kind}:{1 + int(totals[key, kind] * rng.random() ** 2)}:{program}"


# ---- driven ----

def catalog(protocol):
    resource = {"airbyte": {"stream": "records", "syncMode": "incremental"},
                "singer": {"stream": "records", "tap_stream_id": "records", "replication_method": "INCREMENTAL", "replication_key": "id"}}[protocol]
    return {"captures": {"test/source": {
                "endpoint": {"local": {"command": [sys.executable, "-S", "-E", str(NUMBERS), protocol], "protocol": protocol, "config": {}}},
                "bindings": [{"resource": resource, "target": "test/records"}], "shards": {"maxTxnDuration": "1ms"}}},
            "collections": {"test/records": {"schema": SCHEMA | {"required": ["id"]}, "key": ["/id"]}},
            "materializations": {"test/db": {"endpoint": {"native": {"connector": "materialize-sqlite", "config": {"path": "out.db"}}},
                                             "bindings": [{"resource": {"table": "records"}, "source": "test/records"}]}}}


def run_weir(folder, catalog, env, limit=60):
    (folder / "flow.yaml").write_text(json.dumps(catalog))
    return subprocess.run([WEIR, "run", "--once", "--idle", "30s", "--data", "data", "--quiet"], cwd=folder, env=environment(**env), capture_output=True,
                          text=True, timeout=limit, start_new_session=True)


def check_driven(folder):
    journal = sorted((folder / "data/journals/test%2Frecords").iterdir())
    ids = [json.loads(line)["id"] for line in b"".join(p.read_bytes() for p in journal).splitlines()]
    must(ids == list(range(COUNT)), f"collection: {len(ids)} documents, {len(set(ids))} different, {COUNT} expected")
    with sqlite3.connect(folder / "out.db") as db:
        rows = db.execute("SELECT id, name FROM records ORDER BY id").fetchall()
    must(rows == [(n, f"é{n}") for n in range(COUNT)], f"table: {len(rows)} rows, {COUNT} expected")


def driven(folder, protocol, rng, totals, history):
    for _ in range(rng.randint(1, 2)):
        who = rng.choice(["weir", "self", "both"])
        if who == "weir":
            at = point(rng, totals, protocol, KINDS, "weir")
            result = run_weir(folder, catalog(protocol), fault(at))
        else:
            at = f"{who}:{rng.randint(1, 40)}"
            result = run_weir(folder, catalog(protocol), {"KILL": at, "SEED": str(rng.random())})
        history.append(f"{at} -> {result.returncode}")
        must(result.returncode not in (5, 7), f"a kill is taken for another fault: {result.stderr[-500:]}")
    result = run_weir(folder, catalog(protocol), {})
    must(result.returncode == 0, f"the last run failed: {result.stderr[-600:]}")
    check_driven(folder)


# ---- driven: destinations ----

def loading(protocol):
    """source-hello into SQLite, by way of materialize-sqlite as a foreign destination."""
    resource = {"table" if protocol == "fivetran" else "stream": "greetings"}
    return {"captures": {"test/hello": {
                "endpoint": {"local": {"command": [str(HELLO)], "config": {"count": COUNT, "text": "é"}}},
                "bindings": [{"resource": {"stream": "greetings"}, "target": "test/greetings"}], "shards": {"maxTxnDuration": "1ms"}}},
            "collections": {"test/greetings": {"schema": {"type": "object", "properties": {"n": {"type": "integer"}, "text": {"type": "string"}},
                                                          "required": ["n"]},
                                               "key": ["/n"]}},
            "materializations": {"test/db": {"endpoint": {"local": {"command": [str(SQLITE)], "protocol": protocol, "config": {"path": "out.db"}}},
                                             "bindings": [{"resource": resource, "source": "test/greetings"}]}}}


def calls_loading(protocol):
    """How many calls of each kind an undisturbed run makes, by program."""
    return {(f"{protocol} {program}", kind): calls(lambda f, e: run_weir(f, loading(protocol), e), program, kind)
            for program in ("weir", "materialize-sqlite") for kind in KINDS}


def loaded(folder, protocol, rng, totals, history):
    for _ in range(rng.randint(1, 3)):
        program, action = rng.choice([("weir", "kill"), ("materialize-sqlite", "kill"), ("materialize-sqlite", "killboth")])
        at = action + point(rng, totals, f"{protocol} {program}", KINDS, program).removeprefix("kill")
        result = run_weir(folder, loading(protocol), fault(at))
        history.append(f"{at} -> {result.returncode}")
        must(result.returncode not in (5, 7), f"a kill is taken for another fault: {result.stderr[-500:]}")
    result = run_weir(folder, loading(protocol), {})
    must(result.returncode == 0, f"the last run failed: {result.stderr[-600:]}")
    with sqlite3.connect(folder / "out.db") as db:
        rows = [r[0] for r in db.execute("SELECT n FROM greetings ORDER BY n")]
    must(rows == list(range(COUNT)), f"table: {len(rows)} rows, {len(set(rows))} different, {COUNT} expected")


# ---- served: sources ----

def hello(folder, protocol, state, env):
    config, papers = folder / "config.json", folder / "catalog.json"
    config.write_text(json.dumps({"count": GREETINGS, "text": "x" * 100}))
    stream = {"name": "greetings", "json_schema": {"type": "object", "properties": {"n": {}, "text": {}}}, "supported_sync_modes": ["incremental"]}
    papers.write_text(json.dumps({"streams": [{
        "airbyte": {"stream": stream, "sync_mode": "incremental", "destination_sync_mode": "append", "generation_id": 1, "minimum_generation_id": 0,
                    "sync_id": 1},
        "singer": {"tap_stream_id": "greetings", "stream": "greetings", "schema": stream["json_schema"], "key_properties": ["n"],
                   "metadata": [{"breadcrumb": [], "metadata": {"selected": True}}]}}[protocol]]}))
    argv = [HELLO] + (["read"] if protocol == "airbyte" else []) + ["--config", config, "--catalog", papers]
    if state is not None:
        (folder / "state.json").write_text(json.dumps(state))
        argv += ["--state", folder / "state.json"]
    return subprocess.run(argv, cwd=folder, env=environment(**env), stdin=subprocess.DEVNULL, capture_output=True, timeout=60)


def take(protocol, out, received):
    """The records of a tap or source that may have been killed. @return the last state, or None"""
    state = None
    for line in out.split(b"\n")[:-1]:
        m = json.loads(line)
        if m["type"] == "RECORD":
            received.append((m["record"]["data"] if protocol == "airbyte" else m["record"])["n"])
        elif m["type"] == "STATE":
            state = [m["state"]] if protocol == "airbyte" else m["value"]
            n = (m["state"]["stream"]["stream_state"] if protocol == "airbyte" else m["value"]["bookmarks"]["greetings"]).get("n", 0)
            must(set(range(n)) <= set(received), f"a state counts {n}, and {sorted(set(range(n)) - set(received))[:5]} are missing")
    return state


def source(folder, protocol, rng, totals, history):
    state, received = None, []
    for left in range(rng.randint(1, 4), -1, -1):
        at = point(rng, totals, protocol + "-source", ["io", "write"], "source-hello") if left else ""
        result = hello(folder, protocol, state, fault(at) if at else {})
        history.append(f"{at} -> {result.returncode}")
        state = take(protocol, result.stdout, received) or state
    must(result.returncode == 0, f"the last run failed: {result.stderr[-600:]}")
    must(set(received) == set(range(GREETINGS)), f"{len(set(received))} records, {GREETINGS} expected")


# ---- served: destinations ----

def lines(protocol, first):
    """The fixed stream, from a record on."""
    if protocol == "singer":
        yield {"type": "SCHEMA", "stream": "records", "schema": SCHEMA, "key_properties": ["id"]}
    for n in range(first, ROWS):
        data = {"id": n, "name": f"é{n}"}
        yield ({"type": "RECORD", "record": {"stream": "records", "data": data, "emitted_at": 1795237126937}} if protocol == "airbyte" else
               {"type": "RECORD", "stream": "records", "record": data})
        if n % EVERY == EVERY - 1 or n == ROWS - 1:
            yield ({"type": "STATE", "state": {"type": "STREAM", "stream": {"stream_descriptor": {"name": "records"}, "stream_state": {"n": n + 1}}}}
                   if protocol == "airbyte" else {"type": "STATE", "value": {"n": n + 1}})
    if protocol == "airbyte":
        yield {"type": "TRACE", "trace": {"type": "STREAM_STATUS", "emitted_at": 1.5, "stream_status": {"stream_descriptor": {"name": "records"},
                                                                                                        "status": "COMPLETE"}}}


def sink(folder, protocol, mode, first, env):
    config, papers = folder / "config.json", folder / "catalog.json"
    config.write_text(json.dumps({"path": "out.db"}))
    generation = {"overwrite": (2, 2)}.get(mode, (1, 0))
    papers.write_text(json.dumps({"streams": [{
        "stream": {"name": "records", "json_schema": SCHEMA, "supported_sync_modes": ["incremental"]}, "sync_mode": "incremental",
        "destination_sync_mode": mode,
        "primary_key": [["id"]], "cursor_field": ["id"], "generation_id": generation[0], "minimum_generation_id": generation[1], "sync_id": 1}]}))
    argv = [SQLITE] + (["write", "--config", config, "--catalog", papers] if protocol == "airbyte" else ["--config", config])
    text = "".join(json.dumps(m, separators=(",", ":")) + "\n" for m in lines(protocol, first))
    return subprocess.run(argv, cwd=folder, env=environment(**env), input=text.encode(), capture_output=True, timeout=60)


def confirmed(protocol, out):
    """The counts of the states that came back, in whole lines."""
    for line in out.split(b"\n")[:-1]:
        m = json.loads(line)
        if protocol == "singer":
            yield m["n"]
        elif m["type"] == "STATE":
            yield m["state"]["stream"]["stream_state"]["n"]


def held(folder):
    if not (folder / "out.db").exists():
        return []
    db = sqlite3.connect(folder / "out.db")
    try:
        return [r[0] for r in db.execute("SELECT id FROM records")]
    except sqlite3.OperationalError as e:
        must("no such table" in str(e), str(e))
        return []
    finally:
        db.close()


def old_rows(folder):
    """What an earlier generation left: rows that only a successful end may take away (airbyte.md 3.4)."""
    result = sink(folder, "airbyte", "append", ROWS - 20, {})
    must(result.returncode == 0, f"the generation before failed: {result.stdout[-600:]}")
    with sqlite3.connect(folder / "out.db") as db:
        db.execute("UPDATE records SET id = id + 1000000")
    old = set(held(folder))
    must(len(old) == 20, f"the generation before has {len(old)} rows, 20 expected")
    return old


def destination(folder, protocol, mode, rng, totals, history):
    first, old = 0, old_rows(folder) if mode == "overwrite" else set()
    for left in range(rng.randint(1, 4), -1, -1):
        at = point(rng, totals, protocol + "-destination", KINDS, "materialize-sqlite") if left else ""
        result = sink(folder, protocol, mode, first, fault(at) if at else {})
        states = list(confirmed(protocol, result.stdout))
        must(states == sorted(states), f"states in another order: {states}")
        first = states[-1] if states else first
        history.append(f"{at} -> {result.returncode}, state {first}")
        if mode != "overwrite":
            missing = set(range(first)) - set(held(folder))
            must(not missing, f"the state counts {first}, and {sorted(missing)[:5]} are missing")
        if result.returncode == 0:
            break  # done before it could be killed
        if mode == "overwrite":
            must(old <= set(held(folder)) or set(held(folder)) == set(range(ROWS)),
                 "rows of the generation before are gone, and the new ones are not all there")
    must(result.returncode == 0, f"the last run failed: {result.stderr[-600:]} {result.stdout[-300:]}")
    must(first == ROWS, f"the last state counts {first}")
    rows = held(folder)
    must(set(rows) == set(range(ROWS)), f"{len(set(rows))} different rows, {ROWS} expected")
    must(mode != "append_dedup" or len(rows) == ROWS, f"{len(rows)} rows for {ROWS} keys")


# ---- rounds ----

GROUPS = {
    "airbyte-load": lambda *a: loaded(a[0], "airbyte", *a[1:]), "singer-load": lambda *a: loaded(a[0], "singer", *a[1:]),
    "airbyte-run": lambda *a: driven(a[0], "airbyte", *a[1:]), "singer-run": lambda *a: driven(a[0], "singer", *a[1:]),
    "airbyte-source": lambda *a: source(a[0], "airbyte", *a[1:]), "singer-tap": lambda *a: source(a[0], "singer", *a[1:]),
    "airbyte-dedup": lambda *a: destination(a[0], "airbyte", "append_dedup", *a[1:]),
    "airbyte-append": lambda *a: destination(a[0], "airbyte", "append", *a[1:]),
    "airbyte-overwrite": lambda *a: destination(a[0], "airbyte", "overwrite", *a[1:]),
    "singer-target": lambda *a: destination(a[0], "singer", "append_dedup", *a[1:]),
}


def one_round(group, seed, totals):
    folder, history = Path(tempfile.mkdtemp(prefix="weir-kill-")), []
    try:
        GROUPS[group](folder, random.Random(f"{group} {seed}"), totals, history)
        return history, None
    except (Wrong, OSError, subprocess.TimeoutExpired, sqlite3.Error, ValueError, KeyError) as problem:
        return history, f"{type(problem).__name__}: {problem}"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def count_all():
    totals = {}
    for protocol in ("airbyte", "singer"):
        totals |= calls_loading(protocol)
        for kind in KINDS:
            totals[protocol, kind] = calls(lambda f, e: run_weir(f, catalog(protocol), e), "weir", kind)
            totals[protocol + "-destination", kind] = calls(lambda f, e: sink(f, protocol, "append_dedup", 0, e), "materialize-sqlite", kind)
            totals[protocol + "-source", kind] = max(1, calls(lambda f, e: hello(f, protocol, None, e), "source-hello", kind))
    return totals


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    groups = sys.argv[3:] or list(GROUPS)
    totals = count_all()
    print("# calls of undisturbed runs:", ", ".join(f"{p} {k} {n}" for (p, k), n in totals.items()), flush=True)
    jobs = [(g, s) for s in range(first, first + rounds) for g in groups]
    with ThreadPoolExecutor(2) as pool:
        for (group, seed), (history, problem) in zip(jobs, pool.map(lambda j: one_round(*j, totals), jobs)):
            print(f"{'not ok' if problem else 'ok'} {group}/{seed} {'; '.join(history)}" if not problem else
                  f"not ok {group}/{seed}\n# {'; '.join(history)}\n# {problem}", flush=True)


if __name__ == "__main__":
    main()
