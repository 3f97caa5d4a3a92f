#!/usr/bin/env python3
"""Kills whole chains at random points: capture -> derive -> materialize in one `weir run`; afterwards the tables are the reduction of the input, nothing twice, nothing lost.

    chain.py [KILLS [FIRST-SEED]]

Numbered documents become sums with a state in SQL (`using: sqlite`), balances with a state in a program (examples/derive), sums that the destinations reduce, and
rows that are only added. Documents of a file, deletions among them, are reduced, too. All of it goes into PostgreSQL (in the runner's process, or through a
program that speaks Flow in JSON or protobuf), SQLite and DuckDB. Half of the chains are cut into two or three shards, and some of those further behind a kill.

Who dies: the runner, the source, the program that derives, the one that loads, each with its parent, or everything at once; a process of the PostgreSQL server,
whereupon it restarts all of them; a session of it (pg_terminate_backend); the connection. When: at a read, write or sync of theirs (faults.so), or when some
number of buffers has passed between the connector and the server. Up to six of them, each followed by the next run, then a run to the end, which has to succeed.
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
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import kill
from kill import BUILD, DOCUMENTS, EVERY, FAULTS, KINDS, ROOT, WEIR

sys.path.append(str(ROOT / "tests" / "postgres"))
import proxy  # noqa: E402
import server  # noqa: E402

BUCKETS, USERS, LIMIT, EVENTS = 10, 13, -20000, 600
WORKERS = 2
PEERS = Path(os.environ.get("WEIR_PEERS", Path.home() / ".cache" / "weir-peers"))
DUCKDB_PYTHON = PEERS / "fivetran" / "bin" / "python"
POSTGRES = str(BUILD / "bin" / "materialize-postgres")
FORMS = {
    "native": lambda config: {"native": {"connector": "materialize-postgres", "config": config}},
    "json": lambda config: {"local": {"command": [POSTGRES], "config": config}},
    "protobuf": lambda config: {"local": {"command": [POSTGRES], "protobuf": True, "config": config}},
}
TABLES = ("sums", "balances", "totals", "events")

# ---- the catalog ----

INTEGER, TEXT = {"type": "integer"}, {"type": "string"}
SUM = dict(INTEGER, reduce={"strategy": "sum"})
FIGURES = {"bucket": INTEGER, "n": SUM, "total": SUM, "high": dict(INTEGER, reduce={"strategy": "maximize"})}
DELETED = {"required": ["_meta"], "properties": {"_meta": {"required": ["op"], "properties": {"op": {"const": "d"}}}}}


def collection(properties, key, **more):
    return {"schema": {"type": "object", "properties": properties, "required": [key], **more}, "key": ["/" + key]}


def derived(properties, key, using, *transforms, **more):
    return dict(collection(properties, key, **more), derive={"using": using, "transforms": list(transforms)})


def by_sql(*sql, source="records", shuffle="any"):
    return {"name": "t", "source": f"test/{source}", "shuffle": shuffle, "lambda": " ".join(sql)}


def moving(kind, amount):
    return {"name": kind, "source": "test/moves", "shuffle": {"key": ["/user"]}, "lambda": {"kind": kind, "amount": amount}}


MERGE = {"reduce": {"strategy": "merge"}}
CAPTURES = dict(kill.CATALOG["captures"], **{
    "test/file": {
        "endpoint": {"native": {"connector": "source-files", "config": {"streams": [{"name": "events", "path": "events.ndjson"}]}}},
        "bindings": [{"resource": {"stream": "events"}, "target": "test/events"}],
        "shards": {"maxTxnDuration": "1ms"},
    }
})
COLLECTIONS = dict(kill.CATALOG["collections"], **{
    "test/sums": derived({"bucket": INTEGER, "n": INTEGER, "total": INTEGER}, "bucket",
                         {"sqlite": {"migrations": ["create table sums (bucket integer primary key, n integer, total integer);"]}},
                         by_sql("insert into sums values ($bucket, 1, $id) on conflict do update set n = n + 1, total = total + $id;",
                                "select bucket, n, total from sums where bucket = $bucket;", source="moves", shuffle={"key": ["/bucket"]})),
    "test/totals": derived(FIGURES, "bucket", {"sqlite": {}}, by_sql(f"select $id % {BUCKETS} as bucket, 1 as n, $id as total, $id as high;"), **MERGE),
    "test/moves": derived({"id": INTEGER, "bucket": INTEGER, "user": TEXT, "in": INTEGER, "out": INTEGER}, "id", {"sqlite": {}},
                          by_sql(f"select $id, $id % {BUCKETS} as bucket, 'u' || ($id % {USERS}) as user, iif($id % {USERS} = 0, 0, 100) as \"in\", iif($id % {USERS} = 0, 500, $id % 50) as \"out\";")),
    "test/balances": derived({"user": TEXT, "balance": INTEGER, "refused": INTEGER}, "user",
                             {"local": {"command": [str(BUILD / "examples" / "derive" / "derive-balances")], "config": {"limit": LIMIT}}},
                             moving("deposit", "/in"), moving("withdrawal", "/out")),
    "test/events": collection(dict(FIGURES, _meta={"type": "object", "properties": {"op": TEXT}}), "bucket",
                              **{"if": DELETED, "then": {"reduce": {"strategy": "merge", "delete": True}}, "else": MERGE}),
})


def bindings(names, **resource):
    return [{"resource": {"table": name, **resource}, "source": f"test/{name}", "fields": {"recommended": True, "exclude": ["_meta"] if name == "events" else []}}
            for name in names]


def catalog(form, config, duckdb):
    endpoints = {"postgres": FORMS[form](config), "sqlite": {"native": {"connector": "materialize-sqlite", "config": {"path": "out.db"}}}}
    if duckdb:
        endpoints["duckdb"] = {"native": {"connector": "materialize-duckdb", "config": {"path": "out.duckdb"}}}
    wanted = {name: {"endpoint": e, "bindings": bindings(TABLES)} for name, e in endpoints.items()}
    wanted["postgres"]["bindings"] += bindings(["moves"], delta_updates=True)
    return {"captures": CAPTURES, "collections": COLLECTIONS, "materializations": {f"test/{name}": m for name, m in wanted.items()}}


def events(rng):
    """Lines of the file, and the rows that they come to: what is deleted begins anew."""
    lines, rows = [], {}
    for n in range(EVENTS):
        bucket = rng.randrange(BUCKETS * 3)
        if rng.random() < 0.1:
            lines.append({"bucket": bucket, "_meta": {"op": "d"}})
            rows.pop(bucket, None)
        else:
            lines.append({"bucket": bucket, "n": 1, "total": n, "high": n, "_meta": {"op": "c"}})
            before = rows.get(bucket, (0, 0, 0))
            rows[bucket] = (before[0] + 1, before[1] + n, n)
    return "".join(json.dumps(line) + "\n" for line in lines), sorted((b, *row) for b, row in rows.items())


def expected(of_file):
    of = {b: range(b, DOCUMENTS, BUCKETS) for b in range(BUCKETS)}
    balances = []
    for user in range(USERS):
        ids = range(user, DOCUMENTS, USERS)
        possible = -LIMIT // 500
        balances.append((f"u{user}", sum(100 - i % 50 for i in ids), 0) if user else ("u0", -500 * min(possible, len(ids)), max(0, len(ids) - possible)))
    return {
        "sums": [(b, len(ids), sum(ids)) for b, ids in of.items()],
        "totals": [(b, len(ids), sum(ids), max(ids)) for b, ids in of.items()],
        "balances": sorted(balances),
        "events": of_file,
    }


# ---- looking ----

COLUMNS = {"sums": "bucket, n, total", "totals": "bucket, n, total, high", "balances": "\"user\", balance, refused", "events": "bucket, n, total, high"}


QUERY = " UNION ALL ".join(f"SELECT '{t} ' || concat_ws(' ', {columns}) FROM {t}" for t, columns in COLUMNS.items())
FROM_DUCKDB = "import duckdb, sys\nfor row in duckdb.connect('out.duckdb', read_only=True).execute(sys.argv[1]).fetchall(): print(*row)"


def tables_of(lines):
    """@param lines table and row as text"""
    tables = {t: [] for t in COLUMNS}
    for table, *row in map(str.split, lines):
        tables[table].append(tuple(v if v.startswith("u") else int(v) for v in row))
    return {t: sorted(rows) for t, rows in tables.items()}


def tables_of_postgres(place):
    return tables_of(place.server.ask(QUERY).splitlines())


def tables_of_sqlite(place):
    with sqlite3.connect(place.folder / "out.db") as db:
        return {t: sorted(db.execute(f"SELECT {columns} FROM {t}")) for t, columns in COLUMNS.items()}


def tables_of_duckdb(place):
    return tables_of(subprocess.run([DUCKDB_PYTHON, "-c", FROM_DUCKDB, QUERY], cwd=place.folder, capture_output=True, text=True, check=True).stdout.splitlines())


def journal(place, name):
    parts = sorted((place.folder / "data" / "journals" / f"test%2F{name}").iterdir())
    return [json.loads(line) for line in b"".join(p.read_bytes() for p in parts).splitlines()]


def check(place):
    for name in ("records", "moves"):
        ids = [doc["id"] for doc in journal(place, name)]
        if (ids if place.shards == 1 else sorted(ids)) != list(range(DOCUMENTS)):
            return f"collection {name}: {len(ids)} documents, {len(set(ids))} different, {DOCUMENTS} expected"
    destinations = {"postgres": tables_of_postgres, "sqlite": tables_of_sqlite, **({"duckdb": tables_of_duckdb} if place.duckdb else {})}
    for destination, tables in destinations.items():
        for table, got in tables(place).items():
            rows = place.expected[table]
            if got != rows:
                return f"{destination}, table {table}: {len(got)} rows, {len(rows)} expected; different: {sorted(set(got) ^ set(rows))[:6]}"
    added = Counter(int(i) for i in place.server.ask("SELECT id FROM moves").split())
    wrong = [i for i in range(DOCUMENTS) if added[i] != 1]
    return f"postgres, additions: {len(wrong)} not there once: {[(i, added[i]) for i in wrong[:5]]}" if wrong or len(added) != DOCUMENTS else None


# ---- runs ----

class Place:
    """A folder with a catalog, and an empty database."""

    def __init__(self, host, rng, duckdb):
        self.server, self.duckdb = host, duckdb and rng.random() < 0.5
        self.form = rng.choice(list(FORMS))
        self.shards = rng.choice([1, 1, 2, 3])
        self.folder = Path(tempfile.mkdtemp(prefix="weir-kill-"))
        lines, rows = events(rng)
        (self.folder / "events.ndjson").write_text(lines)
        self.expected = expected(rows)
        host.ask("DROP SCHEMA public CASCADE; CREATE SCHEMA public")

    def start(self, fault=None, count=None, port=None):
        config = self.server.config(**({"address": f"127.0.0.1:{port}"} if port else {}))
        (self.folder / "flow.yaml").write_text(json.dumps(catalog(self.form, config, self.duckdb)))
        env = dict(os.environ, LOG_LEVEL="info", LOG_FORMAT="text")
        env.pop("WEIR_FAULT", None)
        if fault:
            env.update(LD_PRELOAD=str(FAULTS), WEIR_FAULT=fault)
        if count:
            env["WEIR_FAULT_COUNT"] = str(count)
        return subprocess.Popen([WEIR, "run", "--once", "--idle", "30s", "--source", "flow.yaml", "--data", "data", "--quiet", "--shards", str(self.shards)],
                                cwd=self.folder, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True)

    def run(self, **how):
        process = self.start(**how)
        log = process.communicate(timeout=120)[1]
        return process.returncode, log

    def run_until(self, act, at):
        """@param act called with the process and the port of the connection when `at` buffers have passed"""
        running = []
        between = proxy.Proxy(self.server.port, at, lambda port, sockets: act(running[0], port, sockets))
        try:
            running.append(self.start(port=between.port))
            log = running[0].communicate(timeout=120)[1]
        finally:
            between.close()
        return running[0].returncode, log

    def backend(self, port):
        return [int(pid) for pid in self.server.ask(f"SELECT pid FROM pg_stat_activity WHERE client_port = {port}").split()]

    def remove(self):
        shutil.rmtree(self.folder, ignore_errors=True)


def kill_backend(place):
    def act(_process, port, _sockets):
        for pid in place.backend(port):
            proxy.kill(pid)
    return act


def terminate_session(place):
    return lambda _process, port, _sockets: place.server.ask(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE client_port = {port}")


def drop_connection(_place):
    return lambda _process, _port, sockets: [s.shutdown(2) for s in sockets]


def kill_runner(_place):
    return lambda process, _port, _sockets: proxy.kill(process.pid)


def kill_everything(place):
    def act(process, port, _sockets):
        for pid in [process.pid, *proxy.descendants(process.pid), *place.backend(port)]:
            proxy.kill(pid)
    return act


BETWEEN = {"kill backend": kill_backend, "terminate session": terminate_session, "drop connection": drop_connection, "kill runner": kill_runner,
           "kill everything": kill_everything}
TRANSIENT = 3 # exit status: try again. So it has to be after what happens to the server
OF_SERVER = ("kill backend", "terminate session", "drop connection")
PROGRAMS = ["weir", "weir", "weir", "source-bench", "derive-balances"]


def one_kill(place, rng, totals):
    """@return what was done, how it ended (0: it did not come to it), and what is wrong with that"""
    wrong = None
    if rng.random() < 0.4:
        what, at = rng.choice(list(BETWEEN)), 1 + int(totals["buffers", place.form] * rng.random() ** 2)
        status, log = place.run_until(BETWEEN[what](place), at)
        if what in OF_SERVER and status not in (0, TRANSIENT):
            wrong = f"{what}: ended with {status}, as if trying again would not help: {log[-800:]}"
        what = f"{what} at {at}"
    else:
        program = rng.choice(PROGRAMS + ([] if place.form == "native" else ["materialize-postgres"]))
        kind = rng.choice(KINDS if program == "weir" else ["io"])
        action = "kill" if program == "weir" else rng.choice(["kill", "killboth"])
        what = f"{action}:{kind}:{1 + int(totals[program, kind] * rng.random() ** 2)}:{program}"
        status, _log = place.run(fault=what)
    return f"{what} -> {status}", status, wrong


def one_round(host, seed, totals, duckdb):
    rng = random.Random(f"chain {seed}")
    place = Place(host, rng, duckdb)
    history, kills = [f"{place.form}{', duckdb' if place.duckdb else ''}, {place.shards} shards"], 0
    try:
        for _ in range(rng.randint(3, 6)):
            done, status, wrong = one_kill(place, rng, totals)
            proxy.healthy_again(host)
            history.append(done)
            kills += status != 0
            if wrong:
                return kills, history, wrong
            if status == 0: # nothing is left to be done
                break
            if 1 < place.shards < 6 and rng.random() < 0.3:
                place.shards *= 2
                history.append(f"{place.shards} shards")
        status, log = place.run()
        return kills, history, f"the last run ended with {status}: {log[-800:]}" if status else check(place)
    except Exception as problem:  # pylint: disable=broad-except
        return kills, history, repr(problem)
    finally:
        place.remove()


def count(host, duckdb):
    """How much there is to be killed: calls of each program, buffers of each form."""
    totals = {}
    for form in FORMS:
        place = Place(host, random.Random(0), False)
        place.form, place.duckdb, place.shards = form, duckdb and form == "native", 1
        between = proxy.Proxy(host.port, -1, None)
        status, log = place.run(port=between.port)
        totals["buffers", form] = between.count
        between.close()
        problem = f"ended with {status}: {log}" if status else check(place)
        place.remove()
        if problem:
            raise RuntimeError(f"an undisturbed run, {form}: {problem}")
    for program in (*PROGRAMS, "materialize-postgres"):
        for kind in KINDS if program == "weir" else ["io"]:
            if (program, kind) not in totals:
                place = Place(host, random.Random(0), False)
                place.form, place.shards = "json", 1
                place.run(fault=f"count:{kind}:1:{program}", count=place.folder / "calls")
                totals[program, kind] = int((place.folder / "calls").read_text())
                place.remove()
    return totals


class Work:
    """Rounds, by some at a time, until there were enough kills."""

    def __init__(self, kills, first):
        self.lock = threading.Lock()
        self.wanted, self.kills, self.next, self.rounds, self.failed = kills, 0, first, 0, 0

    def take(self):
        with self.lock:
            if self.kills >= self.wanted:
                return None
            self.next += 1
            return self.next - 1

    def done(self, seed, kills, history, problem):
        with self.lock:
            self.kills += kills
            self.rounds += 1
            self.failed += problem is not None
            name = f"kill/chain-{seed} {'; '.join(history)}"
            print(f"not ok {name}\n# " + problem.replace("\n", "\n# ") if problem else f"ok {name}", flush=True)


def work_on(host, work, totals, duckdb):
    while (seed := work.take()) is not None:
        work.done(seed, *one_round(host, seed, totals, duckdb))


def main():
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    if not server.programs():
        print("ok kill/chain # SKIP PostgreSQL is not installed: bin/setup")
        return 0
    duckdb = (BUILD / "lib" / "materialize-duckdb.so").exists() and DUCKDB_PYTHON.exists()
    work = Work(kills, first)
    with ExitStack() as open_ones, ThreadPoolExecutor(WORKERS) as pool:
        hosts = list(pool.map(lambda _: open_ones.enter_context(server.Server("max_wal_size=256MB", "restart_after_crash=on")), range(WORKERS)))
        totals = count(hosts[0], duckdb)
        print(f"# chain{'' if duckdb else ', without DuckDB'}: of undisturbed runs:", ", ".join(f"{p} {k} {n}" for (p, k), n in totals.items()), flush=True)
        list(pool.map(lambda host: work_on(host, work, totals, duckdb), hosts))
    print(f"# chain: {work.kills} kills in {work.rounds} rounds, {work.failed} failed", flush=True)
    return work.failed > 0 or work.kills < kills


if __name__ == "__main__":
    sys.exit(main())
