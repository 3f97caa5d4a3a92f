"""Two runs of one task at once: the older one is stopped at a random point, the newer one goes on where the database says, and the older one, awake again,
is refused: fences.py [PART-OF-A-NAME]"""

import os
import random
import shutil
import signal
import subprocess
import sys
import threading

from harness import Place, has, run_all
from kill import LOCAL, check, documents
from proxy import Proxy, descendants, named


def two_runs(server, seed):
    rng = random.Random(seed)
    lines, keyed, added = documents(rng)
    with Place(server) as p:
        p.local = LOCAL[rng.choice(list(LOCAL))]
        p.collection("keyed", {"id": {"type": "integer"}, "n": {"type": "integer"}, "t": {"type": "string"}})
        p.collection("added", {"id": {"type": "integer"}, "v": {"type": "integer"}}, resource={"delta_updates": True})
        for stream, doc in lines:
            p.put(stream, doc)
        p.run("--only", "t/source")
        other = p.folder.with_name(p.folder.name + "-newer")
        shutil.copytree(p.folder, other)
        try:
            return run_both(server, p, other, rng.randint(1, 100), keyed, added)
        finally:
            shutil.rmtree(other)


def took_over(server):
    try:
        return server.ask("SELECT count(pid) FROM weir_checkpoints") == "1"
    except RuntimeError:
        return False


def run_both(server, p, other, at, keyed, added):
    older = []
    stopped = threading.Event()

    def those_who_load():
        return [older[0].pid, *(pid for pid in descendants(older[0].pid) if named(pid, b"materialize-postgres"))]

    def act(_port, _sockets):
        if not took_over(server):
            proxy.at = proxy.count + 3
            return
        for pid in those_who_load():
            os.kill(pid, signal.SIGSTOP)
        stopped.set()

    proxy = Proxy(server.port, at, act)
    p.config = server.config(address=f"127.0.0.1:{proxy.port}")
    p.write()
    env = {**os.environ, "LOG_LEVEL": "info", "LOG_FORMAT": "text"}
    older.append(subprocess.Popen(p.command(), cwd=p.folder, env=env, stderr=subprocess.PIPE, text=True))
    reached = stopped.wait(30)
    newer = subprocess.run(p.command(), cwd=other, env=env, capture_output=True, text=True, timeout=120, check=False)
    for pid in those_who_load() if reached else []:
        os.kill(pid, signal.SIGCONT)
    said = older[0].communicate(timeout=120)[1]
    proxy.close()
    if newer.returncode:
        raise AssertionError(f"the newer run ended with {newer.returncode}: {newer.stderr}\nand the older one said: {said}")
    problem = check(server, keyed, added)
    if problem:
        raise AssertionError(f"{problem}\nthe older run said: {said}")
    if reached and older[0].returncode:
        has(said, "fenced off: another run of task")
    return reached and older[0].returncode != 0


def test_the_older_of_two_runs_is_refused(server):
    refused = 0
    for seed in range(int(os.environ.get("WEIR_FENCES", 8))):
        server.ask("DROP DATABASE IF EXISTS weir WITH (FORCE)", database="postgres")
        server.ask("CREATE DATABASE weir", database="postgres")
        refused += two_runs(server, seed)
    if not refused:
        raise AssertionError("no older run was refused: none was stopped in time")


if __name__ == "__main__":
    sys.exit(run_all([test_the_older_of_two_runs_is_refused], sys.argv[1] if len(sys.argv) > 1 else ""))
