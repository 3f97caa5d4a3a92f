"""Runs that lose the runner, the connector, the server's process or the connection at random points: afterwards the tables are what the documents make of
them, and no row that is an addition is there twice.

    kill.py [ROUNDS [FIRST-SEED]]

Between the connector and the server stands a proxy (proxy.py), which acts at a number drawn from a seed. Up to four times a round, then runs to the end. Rows
with a key, rows that are additions, and sums of what a derivation makes of these: a document that counts twice anywhere on its way shows.
"""

import os
import random
import socket
import subprocess
import sys
import threading
from collections import Counter

from harness import BIN, Place, programs
from proxy import Proxy, descendants, healthy_again, kill, named
from server import Server

DOCUMENTS, KEYS = 900, 300
ACTIONS = ["drop", "backend", "runner", "connector"]
LOCAL = {"native": None, "json": {"command": [str(BIN / "materialize-postgres")]}, "protobuf": {"command": [str(BIN / "materialize-postgres")], "protobuf": True}}


def documents(rng):
    """Lines for two collections, and the tables that they make: rows by key, and additions."""
    keyed, added = {}, Counter()
    lines = []
    for n in range(DOCUMENTS):
        key = rng.randrange(KEYS)
        if rng.random() < 0.2:
            lines.append(("keyed", {"id": key, "_meta": {"op": "d"}}))
            keyed.pop(key, None)
        else:
            doc = {"id": key, "n": n, "t": "x" * rng.choice([0, 5, 900])}
            lines.append(("keyed", doc))
            keyed[key] = doc
        lines.append(("added", {"id": n, "v": rng.randrange(5)}))
        added[n] = 1
    return lines, keyed, added


def faulty_run(server, place, action, at):
    """One run with a fault. @return its exit status, and whether the fault came"""
    running, done = [], threading.Event()

    def act(port, sockets):
        done.set()
        if action == "drop":
            for s in sockets:
                s.shutdown(socket.SHUT_RDWR)
        elif action == "backend":
            for pid in server.ask(f"SELECT pid FROM pg_stat_activity WHERE client_port = {port}").split():
                kill(int(pid))
        elif action == "runner":
            kill(running[0].pid)
        else:
            for pid in descendants(running[0].pid):
                if named(pid, b"materialize-postgres"):
                    kill(pid)

    proxy = Proxy(server.port, at, act)
    place.config = server.config(address=f"127.0.0.1:{proxy.port}")
    place.write()
    env = {**os.environ, "LOG_LEVEL": "info", "LOG_FORMAT": "text"}
    with open(place.folder / "log", "ab") as log:
        process = subprocess.Popen(place.command(), cwd=place.folder, env=env, stdout=log, stderr=log)
        running.append(process)
        status = process.wait(120)
    proxy.close()
    return status, done.is_set()


def check_totals(server, lines):
    wanted = Counter(doc["v"] for stream, doc in lines if stream == "added")
    got = Counter({int(k): int(n) for k, n in (line.split("|") for line in server.ask("SELECT k, n FROM totals").splitlines())})
    return None if got == wanted else f"totals: {sorted(got.items())}, {sorted(wanted.items())} wanted"


def check(server, keyed, added):
    rows = {int(i): (int(n), int(t)) for i, n, t in (line.split("|") for line in server.ask("SELECT id, n, length(t) FROM keyed").splitlines())}
    wanted = {k: (d["n"], len(d["t"])) for k, d in keyed.items()}
    if rows != wanted:
        return f"keyed: {len(rows)} rows, {len(wanted)} wanted; different: {sorted(set(rows.items()) ^ set(wanted.items()))[:5]}"
    got = Counter({int(i): int(n) for i, n in (line.split("|") for line in server.ask("SELECT id, count(*) FROM added GROUP BY id").splitlines())})
    return None if got == added else f"added: missing {sorted((added - got).keys())[:5]}, more than once {sorted((got - added).keys())[:5]}"


def one_round(server, seed, history):
    rng = random.Random(seed)
    server.ask("DROP DATABASE IF EXISTS weir WITH (FORCE)", database="postgres")
    server.ask("CREATE DATABASE weir", database="postgres")
    lines, keyed, added = documents(rng)
    form = rng.choice(list(LOCAL))
    history.append(form)
    with Place(server) as p:
        p.local = LOCAL[form]
        p.collection("keyed", {"id": {"type": "integer"}, "n": {"type": "integer"}, "t": {"type": "string"}})
        p.collection("added", {"id": {"type": "integer"}, "v": {"type": "integer"}}, resource={"delta_updates": True})
        p.derive("totals", "k", {"k": {"type": "integer"}, "n": {"type": "integer", "reduce": {"strategy": "sum"}}}, "added", "select $v as k, 1 as n;")
        halves = [lines[:len(lines) // 2], lines[len(lines) // 2:]]  # the second one finds rows
        for turn in range(rng.randint(1, 4)):
            for stream, doc in halves.pop(0) if turn % 2 == 0 and halves else ():
                p.put(stream, doc)
            action = rng.choice(ACTIONS if p.local else ACTIONS[:-1])
            at = rng.randint(1, 120)
            status, came = faulty_run(server, p, action, at)
            history.append(f"{action} at {at} -> {status}{'' if came else ' (not reached)'}")
            healthy_again(server)
        for stream, doc in sum(halves, []):
            p.put(stream, doc)
        p.config = server.config()
        log = p.run(status=None)
        problem = check(server, keyed, added) or check_totals(server, lines)
        return problem and f"{problem}\n{log[-1000:]}"


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    if not programs():
        print("ok postgres/kill # SKIP PostgreSQL is not installed: bin/setup")
        return 0
    failed = 0
    with Server("max_wal_size=256MB", "restart_after_crash=on") as server:
        for seed in range(first, first + rounds):
            history = []
            try:
                problem = one_round(server, seed, history)
            except Exception as e:  # pylint: disable=broad-except
                problem = repr(e)
            failed += problem is not None
            print(f"not ok postgres/kill-{seed} {'; '.join(history)}\n# " + problem.replace("\n", "\n# ") if problem else
                  f"ok postgres/kill-{seed} {'; '.join(history)}", flush=True)
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
