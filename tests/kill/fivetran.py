#!/usr/bin/env python3
"""Kills programs of Fivetran's protocol, and those who run them, at random points.

    fivetran.py [ROUNDS [FIRST-SEED [GROUP...]]]

run: `weir run` with a Fivetran source (fivetran_numbers.py) into SQLite; the runner is killed at its N-th read, write or sync, or the source at its N-th message, or
both. After a last run to the end every record is in its collection and in its table exactly once. load: source-hello into materialize-sqlite, driven as a Fivetran
destination; every row is there once. batch: materialize-sqlite is killed in the middle of a call that writes; the table is as before the call or as after it, as
after it if the client was told so, and the same call again makes it so.

The points are drawn from a seed, which a failure names. It needs the environment `fivetran` of tests/interop.
"""
import functools
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "interop"))
import fivetran_python

if __name__ == "__main__":
    fivetran_python.enter("fivetran")

import fivetran_files as files
import foreign
import grpc
from foreign import SQLITE, Wrong, calls, check_driven, fault, must, point

wire = fivetran_python.wire()
run_weir = functools.partial(foreign.run_weir, limit=90)  # its source is an interpreter that loads gRPC
KINDS = ["io", "write", "sync"]
SCHEMA = {"type": "object", "properties": {"id": {"type": "integer"}, "name": {"type": "string"}}, "required": ["id"]}


# ---- run: a source that is driven ----

def run_catalog():
    return {"captures": {"test/source": {
                "endpoint": {"local": {"command": [str(fivetran_python.PYTHON), str(HERE / "fivetran_numbers.py")], "protocol": "fivetran", "config": {}}},
                "bindings": [{"resource": {"table": "records"}, "target": "test/records"}], "shards": {"maxTxnDuration": "1ms"}}},
            "collections": {"test/records": {"schema": SCHEMA, "key": ["/id"]}},
            "materializations": {"test/db": {"endpoint": {"native": {"connector": "materialize-sqlite", "config": {"path": "out.db"}}},
                                             "bindings": [{"resource": {"table": "records"}, "source": "test/records"}]}}}


def run(folder, rng, totals, history):
    for _ in range(rng.randint(1, 2)):
        who = rng.choice(["weir", "self", "both"])
        at = point(rng, totals, "run", KINDS, "weir") if who == "weir" else f"{who}:{rng.randint(1, 40)}"
        result = run_weir(folder, run_catalog(), fault(at) if who == "weir" else {"KILL": at, "SEED": str(rng.random())})
        history.append(f"{at} -> {result.returncode}")
        must(result.returncode not in (5, 7), f"a kill is taken for another fault: {result.stderr[-500:]}")
    result = run_weir(folder, run_catalog(), {})
    must(result.returncode == 0, f"the last run failed: {result.stderr[-600:]}")
    check_driven(folder)


# ---- batch: a destination in the middle of a call ----

SYNCED, DELETED = "_fivetran_synced", "_fivetran_deleted"
STAMP = "2026-01-02T00:00:00Z"


class Calls:
    """The calls that write, and a table before them."""

    def __init__(self, folder, port):
        c, self.d = wire.common, wire.destination
        self.stub = wire.destination_rpc.DestinationConnectorStub(grpc.insecure_channel(f"127.0.0.1:{port}", options=[("grpc.use_local_subchannel_pool", 1)]))
        self.head = {"configuration": {"path": str(folder / "x.db")}, "schema_name": "s"}
        columns = {"id": c.LONG, "v": c.STRING, SYNCED: c.UTC_DATETIME, DELETED: c.BOOLEAN}
        self.table = c.Table(name="t", columns=[c.Column(name=n, type=t, primary_key=n == "id") for n, t in columns.items()])
        self.files = files.Files(folder / "files")
        self.wider = c.Table(name="t", columns=[*self.table.columns, c.Column(name="more", type=c.STRING)])

    def write(self, **lists):
        paths = {f"{kind}_files": [self.files.write(["id", "v", SYNCED, DELETED], rows, kind)] for kind, rows in lists.items()}
        params = self.d.FileParams(compression=self.d.ZSTD, encryption=self.d.AES, null_string=files.NULL, unmodified_string=files.UNMODIFIED)
        return self.stub.WriteBatch(self.d.WriteBatchRequest(**self.head, table=self.table, keys=self.files.keys, file_params=params, **paths), timeout=30)

    def prepare(self):
        must(self.stub.CreateTable(self.d.CreateTableRequest(**self.head, table=self.table)).success, "no table")
        return self.write(replace=[self.row(n, "old") for n in range(2000)])

    def row(self, n, v, deleted="false"):
        return {"id": str(n), "v": v, SYNCED: STAMP, DELETED: deleted}

    def batch(self):
        return self.write(replace=[self.row(n, "new") for n in range(1000, 4000)], update=[self.row(n, files.UNMODIFIED, "true") for n in range(500)],
                          delete=[self.row(n, None, None) for n in range(500, 900)])

    def alter(self):
        return self.stub.AlterTable(self.d.AlterTableRequest(**self.head, table=self.wider, drop_columns=False), timeout=30)

    def retype(self):
        wanted = wire.common.Table(name="t", columns=[wire.common.Column(name="id", type=wire.common.STRING, primary_key=True), *self.table.columns[1:]])
        return self.stub.AlterTable(self.d.AlterTableRequest(**self.head, table=wanted), timeout=30)

    def truncate(self):
        return self.stub.Truncate(self.d.TruncateRequest(**self.head, table_name="t", synced_column=SYNCED, soft=self.d.SoftTruncate(deleted_column=DELETED)), timeout=30)

    def migrate(self):
        operation = self.d.TableSyncModeMigrationOperation(type=self.d.SOFT_DELETE_TO_HISTORY, soft_deleted_column=DELETED)
        details = self.d.MigrationDetails(schema="s", table="t", table_sync_mode_migration=operation)
        return self.stub.Migrate(self.d.MigrateRequest(configuration=self.head["configuration"], details=details), timeout=30)


METHODS = ["batch", "batch", "alter", "retype", "truncate", "migrate"]
AGAIN = {"batch", "truncate", "alter", "retype"}  # what the platform may send again


def held(folder):
    """The table: its columns and rows; and nothing is broken."""
    with sqlite3.connect(folder / "x.db") as db:
        must(db.execute("PRAGMA integrity_check").fetchone() == ("ok",), "the database is broken")
        names = [n for (n,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'") if n.endswith("t") and n.startswith("s")]
        must(names == ["s__t"], f"tables {names}")
        return [c[1:3] for c in db.execute('PRAGMA table_info("s__t")')], sorted(map(repr, db.execute('SELECT * FROM "s__t"')))


def serving(folder, act, env):
    """act(calls) with a server that may be killed. @return its answer; None: the server was gone"""
    try:
        served = wire.Served([SQLITE, "--port", "0"], folder, **env)
    except AssertionError:
        if env:
            return None  # killed before it listened
        raise
    try:
        answer = act(Calls(folder, served.port))
        must(answer.WhichOneof("response") == "success", f"{answer}")
        return answer
    except grpc.RpcError as e:
        must(e.code() == grpc.StatusCode.UNAVAILABLE, f"{e.code()} {e.details()}")
        return None
    finally:
        if served.alive():
            served.stop()


def begin(folder):
    must(serving(folder, lambda c: c.prepare(), {}), "it cannot begin")


def expected(method):
    """What a table is before and after a call."""
    with tempfile.TemporaryDirectory(prefix="weir-kill-") as path:
        folder = Path(path)
        begin(folder)
        before = held(folder)
        serving(folder, lambda c: getattr(c, method)(), {})
        return before, held(folder)


def batch(folder, rng, totals, history):
    method = rng.choice(METHODS)
    before, after = totals["states"][method]
    begin(folder)
    must(held(folder) == before, "it does not begin as it should")
    for _ in range(2):
        at = point(rng, totals, f"batch {method}", KINDS, "materialize-sqlite")
        answer = serving(folder, lambda c: getattr(c, method)(), fault(at))
        history.append(f"{method} {at} -> {'answered' if answer else 'killed'}")
        found = held(folder)
        must(found in (before, after), f"neither before nor after: {len(found[1])} rows, columns {found[0]}")
        must(not answer or found == after, "it was answered, and nothing is there")
        if found == after and method not in AGAIN:
            return
    serving(folder, lambda c: getattr(c, method)(), {})
    must(held(folder) == after, "the call again does not make it whole")


# ---- rounds ----

GROUPS = {"run": run, "load": lambda *a: foreign.loaded(a[0], "fivetran", *a[1:]), "batch": batch}


def one_round(group, seed, totals):
    folder, history = Path(tempfile.mkdtemp(prefix="weir-kill-")), []
    try:
        GROUPS[group](folder, random.Random(f"{group} {seed}"), totals, history)
        return history, None
    except (Wrong, OSError, AssertionError, subprocess.TimeoutExpired, sqlite3.Error, ValueError, KeyError) as problem:
        return history, f"{type(problem).__name__}: {problem}"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def count_all(groups):
    totals = {"states": {}}
    for kind in KINDS:
        if "run" in groups:
            totals["run", kind] = calls(lambda f, e: run_weir(f, run_catalog(), e), "weir", kind)
    if "load" in groups:
        totals |= foreign.calls_loading("fivetran")
    for method in sorted(set(METHODS)) if "batch" in groups else ():
        totals["states"][method] = expected(method)
        for kind in KINDS:
            def work(folder, env, method=method):
                begin(folder)
                serving(folder, lambda c: getattr(c, method)(), env)
            totals[f"batch {method}", kind] = calls(work, "materialize-sqlite", kind)
    return totals


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    groups = sys.argv[3:] or list(GROUPS)
    totals = count_all(groups)
    print("# calls of undisturbed runs:", ", ".join(f"{k[0]} {k[1]} {n}" for k, n in totals.items() if k != "states"), flush=True)
    jobs = [(g, s) for s in range(first, first + rounds) for g in groups] + [("batch", s) for s in range(first + rounds, first + 4 * rounds) if "batch" in groups]
    with ThreadPoolExecutor(2) as pool:
        for (group, seed), (history, problem) in zip(jobs, pool.map(lambda j: one_round(*j, totals), jobs)):
            name = f"fivetran-{group}/{seed}"
            print(f"not ok {name}\n# {'; '.join(history)}\n# {problem}" if problem else f"ok {name} {'; '.join(history)}", flush=True)


if __name__ == "__main__":
    main()
