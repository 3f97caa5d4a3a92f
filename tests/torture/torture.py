"""Lets every allocation, read, write, sync, new descriptor, process and thread of a program fail once, and looks what becomes of it.

    torture.py [PART-OF-A-NAME]

A scenario is a command, run undisturbed first to learn what it prints and how many calls of each kind it makes. Then it runs once for
each of those calls (for a sample of them, if they are many) with faults.so preloaded, which lets that one fail. Whatever fails, the
program must not crash, hang or leave processes behind. It says in one error record what went wrong and exits with the status that
belongs to it, or it does all that it does undisturbed. What it has printed by then is the beginning of what it prints otherwise. After
a run that failed the next one completes the work, with every document exactly once.

WEIR_TORTURE_MOST is how many calls of a kind are tried in a scenario (default 400), WEIR_BUILD the build folder.
"""

import gzip
import json
import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("WEIR_BUILD", "build")
BIN = BUILD / "bin"
FAULTS = BUILD / "tests" / "faults.so"
KINDS = ["malloc", "read", "write", "sync", "open", "start"]
EVERY, MOST = 150, int(os.environ.get("WEIR_TORTURE_MOST", "400"))
TIMEOUT = 20
ROWS_A, ROWS_B = 300, 200
CODES = {"config": 2, "transient": 3, "remote": 4, "protocol": 5, "machine": 6, "memory": 6, "bug": 7}


# ---------------------------------------------------------------------------------------------------------- running --


class Result:
    def __init__(self, status, out, err, hung=False, left=()):
        self.status, self.out, self.err, self.hung, self.left = status, out, err, hung, left


def living(group):
    """The processes of a group that are not just waiting to be reaped."""
    found = []
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return found
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                name, rest = Path("/proc", entry, "stat").read_text().rsplit(")", 1)
            except OSError:
                continue
            fields = rest.split()
            if fields[0] not in "ZX" and int(fields[2]) == group:
                found.append(name.split("(", 1)[1])
    return found


def kill_group(group):
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        pass


def execute(command, cwd, stdin=b"", env=(), fault=None, count=None):
    full = {k: v for k, v in os.environ.items() if not k.startswith(("WEIR_", "LOG_", "FLOW_"))}
    full.update(env, LOG_FORMAT="json", LOG_LEVEL="info")
    if fault:
        full.update(LD_PRELOAD=str(FAULTS), WEIR_FAULT=fault)
    if count:
        full["WEIR_FAULT_COUNT"] = str(count)
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        given.write(stdin)
        given.seek(0)
        child = subprocess.Popen(command, cwd=cwd, env=full, stdin=given, stdout=out, stderr=err, start_new_session=True)
        hung = False
        try:
            child.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            hung = True
        left = [] if hung else living(child.pid)
        if hung or left:
            kill_group(child.pid)
            child.wait()
        out.seek(0)
        err.seek(0)
        return Result(child.returncode, out.read(), err.read(), hung, left)


# -------------------------------------------------------------------------------------------------------- scenarios --


class Scenario:
    """A command that prints something."""

    shared = None  # a folder with files to read
    most = MOST  # of a kind's calls, so many are tried

    def __init__(self, name, program, command, stdin=b"", env=()):
        self.name, self.program, self.command, self.stdin, self.env = name, program, [str(c) for c in command], stdin, dict(env)

    def prepare(self, folder):
        """Makes what the command works on."""

    def run(self, folder, fault=None, count=None):
        return execute(self.command, folder, self.stdin, self.env, fault, count)

    def learn(self, folder, result):
        """Remembers what is right."""
        self.out = result.out

    def complete(self, folder, result):
        """Is this all? @return what is wrong, or None"""
        return None if result.out == self.out else f"prints something else: {difference(self.out, result.out)}"

    def partial(self, folder, result):
        """Is this a beginning?"""
        return None if self.out.startswith(result.out) else f"prints something else: {difference(self.out, result.out)}"

    def recover(self, folder):
        """What another run, undisturbed, makes of what a failed one left. @return what is wrong, or None"""
        return None


def difference(a, b):
    at = next((i for i in range(min(len(a), len(b))) if a[i] != b[i]), min(len(a), len(b)))
    return f"at byte {at} of {len(a)}: {a[at:at + 60]!r} has become {b[at:at + 60]!r} of {len(b)}"


class Discover(Scenario):
    """Rewrites the catalog: it is the old one or the new one."""

    def prepare(self, folder):
        (folder / "flow.yaml").write_text(json_catalog(self.shared, bindings=False))

    def learn(self, folder, result):
        super().learn(folder, result)
        self.old, self.new = json_catalog(self.shared, bindings=False), (folder / "flow.yaml").read_text()
        assert self.old != self.new

    def complete(self, folder, result):
        text = (folder / "flow.yaml").read_text()
        return super().complete(folder, result) or (None if text == self.new else "the catalog is not what it is without the fault")

    def partial(self, folder, result):
        text = (folder / "flow.yaml").read_text()
        others = sorted(p.name for p in folder.iterdir() if p.name != "flow.yaml")
        if text not in (self.old, self.new):
            return "the catalog is neither the old one nor the new one"
        return super().partial(folder, result) or (f"leaves {others}" if others else None)

    def recover(self, folder):
        result = self.run(folder)
        if result.status != 0:
            return f"the next run failed: {result.err.decode(errors='replace')[-400:]}"
        return None if (folder / "flow.yaml").read_text() == self.new else "the catalog is not what it should be after the next run"


class Generate(Scenario):
    """Writes files that are missing: each is whole or not there."""

    def prepare(self, folder):
        (folder / "flow.yaml").write_text(json.dumps({
            "captures": {"t/s": {"endpoint": {"native": {"connector": "source-files", "config": "s.yaml"}}, "bindings": [{"resource": "s/r.json", "target": "t/in"}]}},
            "collections": {"t/in": {"schema": {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}, "key": ["/n"]},
                            "t/out": {"schema": {"type": "object"}, "key": ["/n"], "derive": {"using": {"sqlite": {"migrations": ["sql/m.sql"]}},
                                      "transforms": [{"name": "t", "source": "t/in", "lambda": "sql/t.sql"}]}}}}))

    def made(self, folder):
        return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}

    def learn(self, folder, result):
        super().learn(folder, result)
        self.files = self.made(folder)
        assert len(self.files) == 5

    def complete(self, folder, result):
        return super().complete(folder, result) or (None if self.made(folder) == self.files else "the files are not what they are without the fault")

    def partial(self, folder, result):
        wrong = [name for name, content in self.made(folder).items() if self.files.get(name) != content]
        return super().partial(folder, result) or (f"leaves {wrong}" if wrong else None)

    def recover(self, folder):
        result = self.run(folder)
        return None if result.status == 0 and self.made(folder) == self.files else "the files are not what they should be after the next run"


class Run(Scenario):
    """Files into collections and from there into SQLite."""

    def __init__(self, name, program, most=MOST, before=False, protobuf=False):
        command = [BIN / "weir", "run", "--once", "--idle", "30s", "--source", "flow.yaml", "--data", "data", "--quiet"]
        super().__init__(name, program, command)
        self.most, self.before, self.protobuf = min(most, MOST), before, protobuf

    def prepare(self, folder):
        (folder / "flow.yaml").write_text(json_catalog(folder if self.before else self.shared, protobuf=self.protobuf))
        if not self.before:
            return
        # Something is there already. Then a file grows.
        write_files(folder, ROWS_A, ROWS_B // 2)
        result = self.run(folder)
        assert result.status == 0, result.err
        write_rows(folder, ROWS_B)

    def learn(self, folder, result):
        problem = self.complete(folder, result)
        if problem:
            raise RuntimeError(f"the undisturbed run went wrong: {problem}")

    def partial(self, folder, result):
        return None

    def complete(self, folder, result):
        for name, rows in (("a", ROWS_A), ("b", ROWS_B)):
            journal = folder / "data" / "journals" / f"t%2F{name}"
            lines = b"".join(p.read_bytes() for p in sorted(journal.iterdir())).splitlines() if journal.is_dir() else []
            ids = [json.loads(line)["id"] for line in lines]
            if sorted(ids) != list(range(rows)):
                return f"collection {name}: {len(ids)} documents, {len(set(ids))} different, {rows} expected"
            with sqlite3.connect(f"file:{folder}/out.db?mode=ro", uri=True) as db:
                got = db.execute(f"SELECT id, {'name, amount' if name == 'a' else 'text, 0'} FROM {name} ORDER BY id").fetchall()
            if got != [row(name, i) for i in range(rows)]:
                return f"table {name}: {len(got)} rows, {rows} expected"
        return None

    def recover(self, folder):
        result = self.run(folder)
        if result.status != 0:
            return f"the next run failed: {result.err.decode(errors='replace')[-400:]}"
        problem = self.complete(folder, result)
        return f"after the next run: {problem}" if problem else None


class Derive(Run):
    """... and from collections into others: one by SQL with state, of which one is made in turn, whose documents are refused now and then."""

    def prepare(self, folder):
        super().prepare(folder)
        catalog = json.loads((folder / "flow.yaml").read_text())
        integer = {"type": "integer"}
        catalog["collections"]["t/seen"] = {
            "schema": {"type": "object", "properties": {"id": integer, "seen": integer}, "required": ["id"]}, "key": ["/id"],
            "derive": {"using": {"sqlite": {"migrations": ["create table seen (n integer); insert into seen values (0);"]}},
                       "transforms": [{"name": "t", "source": "t/a", "shuffle": "any", "lambda": "update seen set n = n + 1; select $id, n as seen from seen;"}]}}
        catalog["collections"]["t/even"] = {
            "schema": {"type": "object", "properties": {"id": integer, "odd": {"const": 0}}, "required": ["id"]}, "key": ["/id"],
            "derive": {"using": {"sqlite": {}}, "onInvalid": "divert",
                       "transforms": [{"name": "t", "source": "t/seen", "shuffle": "any", "lambda": "select $id, $id % 2 as odd;"}]}}
        (folder / "flow.yaml").write_text(json.dumps(catalog))

    def complete(self, folder, result):
        wrong = super().complete(folder, result)
        for name, expected in (("t%2Fseen", [(i, i + 1) for i in range(ROWS_A)]), ("t%2Feven", [(i, None) for i in range(0, ROWS_A, 2)]),
                               ("refused%3Bt%2Feven%3Bt%2Feven", [(i, None) for i in range(1, ROWS_A, 2)])):
            journal = folder / "data" / "journals" / name
            docs = [json.loads(line) for p in sorted(journal.glob("*")) for line in p.read_bytes().splitlines()]
            got = [(d["id"], d.get("seen")) for d in (d.get("document", d) for d in docs)]
            if not wrong and got != expected:
                wrong = f"{name}: {len(got)} documents, {len(expected)} expected"
        return wrong


class Shards(Run):
    """... in two shards, which are cut in two again when a file has grown; and a collection by SQL with a state by key."""

    def __init__(self, name, program, most):
        super().__init__(name, program, most, before=True)
        self.former, self.command = ([str(c) for c in (*self.command, "--shards", n)] for n in (2, 4))

    def prepare(self, folder):
        write_files(folder, ROWS_A, ROWS_B // 2)
        catalog = json.loads(json_catalog(folder))
        properties = {n: {"type": t} for n, t in (("id", "integer"), ("text", "string"), ("seen", "integer"))}
        catalog["collections"]["t/seen"] = {
            "schema": {"type": "object", "properties": properties, "required": ["id"]}, "key": ["/id"],
            "derive": {"using": {"sqlite": {"migrations": ["create table seen (text text primary key, n integer);"]}},
                       "transforms": [{"name": "t", "source": "t/b", "shuffle": {"key": ["/text"]},
                                       "lambda": "insert into seen values ($text, 1) on conflict do update set n = n + 1; select $id, $text, n as seen from seen where text = $text;"}]}}
        (folder / "flow.yaml").write_text(json.dumps(catalog))
        result = execute(self.former, folder)
        assert result.status == 0, result.err
        write_rows(folder, ROWS_B)

    def complete(self, folder, result):
        wrong = super().complete(folder, result)
        docs = [json.loads(line) for p in sorted((folder / "data" / "journals" / "t%2Fseen").glob("*")) for line in p.read_bytes().splitlines()]
        got = sorted((d.get("text"), d["seen"]) for d in docs)
        expected = sorted(("é" * (i % 7), i // 7 + 1) for i in range(ROWS_B))
        return wrong or (None if got == expected else f"t/seen: {len(got)} documents, {ROWS_B} expected, or their numbers are wrong")


# ------------------------------------------------------------------------------------------------------------- data --


def row(name, i):
    return (i, f"name, {i}", i + 0.5) if name == "a" else (i, "é" * (i % 7), 0)


def write_files(folder, rows_a, rows_b):
    with open(folder / "a.csv.gz", "wb") as raw, gzip.GzipFile(fileobj=raw, mode="wb", mtime=0) as file:
        file.write(b"id,name,amount,when\n")
        for i in range(rows_a):
            file.write(f'{i},"name, {i}",{i}.50,2024-01-{i % 28 + 1:02d}\n'.encode())
    write_rows(folder, rows_b)


def write_rows(folder, count):
    with open(folder / "b.ndjson", "w") as file:
        for i in range(count):
            file.write(json.dumps({"id": i, "text": "é" * (i % 7), "list": [i], "nested": {"x": None}}) + "\n")


def files_config(folder):
    return {"streams": [{"name": "a", "path": f"{folder}/a.csv.gz", "key": ["id"]},
                        {"name": "b", "path": f"{folder}/b.ndjson", "key": ["/id"]}]}


def json_catalog(folder, bindings=True, protobuf=False):
    properties = {"a": {"id": {"type": "integer"}, "name": {"type": "string"}, "amount": {"type": "number"}},
                  "b": {"id": {"type": "integer"}, "text": {"type": "string"}}}
    local = {"command": [str(BIN / "source-files")], "config": files_config(folder), "protobuf": protobuf}
    catalog = {"captures": {"t/files": {"endpoint": {"local": local}, "bindings": []}}}
    if bindings:
        catalog["captures"]["t/files"]["bindings"] = [{"resource": {"stream": n}, "target": f"t/{n}"} for n in "ab"]
        catalog["collections"] = {
            f"t/{n}": {"schema": {"type": "object", "properties": properties[n], "required": ["id"]}, "key": ["/id"]} for n in "ab"}
        catalog["materializations"] = {"t/db": {
            "endpoint": {"native": {"connector": "materialize-sqlite", "config": {"path": "out.db"}}},
            "bindings": [{"resource": {"table": n}, "source": f"t/{n}"} for n in "ab"]}}
    # Block style, which discover can edit: JSON would have to be written anew.
    return json.dumps(catalog) if bindings else (
        "# made for a test\ncaptures:\n  t/files:\n    endpoint:\n      local: " + json.dumps(local) + "\n    bindings: []\n")


def capture_of(name, config, streams, key):
    return {"name": name, "connectorType": "LOCAL", "config": config, "intervalSeconds": 300, "bindings": [
        {"resourceConfig": {"stream": s, "_meta": {"path": [s]}}, "resourcePath": [s], "backfill": 0, "stateKey": s,
         "collection": {"name": f"t/{s}", "key": [key], "writeSchema": {"type": "object"}}} for s in streams]}


def requests(*messages):
    return "".join(json.dumps(m, ensure_ascii=False) + "\n" for m in messages).encode()


def opening(name, config, streams, key):
    capture = capture_of(name, config, streams, key)
    everything = {"keyEnd": 4294967295, "rClockEnd": 4294967295}
    return requests({"apply": {"capture": capture, "version": "1"}},
                    {"open": {"capture": capture, "version": "1", "range": everything, "state": {}}})


def deriving():
    """Questions, two transactions with a reset between them, of examples/derive."""
    collection = lambda name, key: {"name": name, "key": [key], "writeSchema": {"type": "object"}, "projections": [
        {"ptr": key, "field": key[1:], "isPrimaryKey": True, "inference": {"types": ["string"], "exists": "MUST", "default": "-"}}]}
    transforms = [{"name": n, "collection": collection(f"t/{n}", "/id"), "lambdaConfig": {"kind": kind}} for n, kind in (("in", "deposit"), ("out", "withdrawal"))]
    target = collection("t/balances", "/user")
    move = lambda transform, user, cents: {"read": {"transform": transform, "shuffle": {"packed": "AmFubgA="}, "doc": {"user": user, "cents": cents}}}
    end = [{"flush": {}}, {"startCommit": {"runtimeCheckpoint": {"sources": {"j": {"readThrough": "1"}}}}}]
    return requests({"spec": {"connectorType": "LOCAL", "config": {}}},
                    {"validate": {"connectorType": "LOCAL", "config": {}, "collection": target, "transforms": transforms}},
                    {"open": {"collection": {**target, "derivation": {"config": {}, "transforms": transforms}}, "state": {"users": {"ann": {"balance": 9}}}}},
                    *[move(i % 2, f"user {i % 7}", i) for i in range(40)], *end, {"reset": {}}, move(0, "é", 1), *end)


# Frames made with Google's protobuf library: validate and open of source-hello.
HELLO_FRAMES = bytes.fromhex(
    "480000001a460a0a61636d652f68656c6c6f10081a027b7d22320a167b2273747265616d223a226772656574696e6773227d12180a0e61636d652f677265"
    "6574696e67731a022f6e42027b7d"
    "7c0000002a7a0a650a0a61636d652f68656c6c6f10081a0b7b22636f756e74223a327d22480a167b2273747265616d223a226772656574696e6773227d12"
    "096772656574696e67731a180a0e61636d652f6772656574696e67731a022f6e42027b7d2a096772656574696e67731201311a0a1dffffffff2dffffffff"
    "22027b7d")


def scenarios(shared):
    Scenario.shared = shared
    hello, files, weir = BIN / "source-hello", BIN / "source-files", BIN / "weir"
    config = files_config(shared)
    yield Scenario("hello/spec", "source-hello", [hello], requests({"spec": {"connectorType": "LOCAL", "config": {}}}))
    yield Scenario("hello/discover", "source-hello", [hello],
                   requests({"discover": {"connectorType": "LOCAL", "config": {"text": "é"}}}))
    yield Scenario("hello/open", "source-hello", [hello],
                   opening("t/hello", {"text": "Grüß \"Gott\"", "count": 20}, ["greetings"], "/n"))
    yield Scenario("hello/protobuf", "source-hello", [hello], HELLO_FRAMES, {"FLOW_RUNTIME_CODEC": "proto"})
    yield Scenario("files/discover", "source-files", [files], requests({"discover": {"connectorType": "LOCAL", "config": config}}))
    yield Scenario("files/capture", "source-files", [files], opening("t/files", config, "ab", "/id"))
    balances = BUILD / "examples" / "derive" / "derive-balances"
    yield Scenario("derive", "derive-balances", [balances], deriving())
    for program in ("weir", "derive-balances"):
        yield Scenario(f"derive, driven/{program}", program, [weir, "shim", "--from", "flow", "--as", "flow", "--derivation", "--", balances, "--"], deriving())
    for command in (["spec"], ["validate"], ["capture"], ["preview"], ["discover", "--emit-raw"]):
        for program in ("weir", "source-files"):
            yield Scenario(f"weir {command[0]}/{program}", program,
                           [weir, *command, "--source", shared / "flow.yaml", "--name", "t/files"])
    yield Discover("weir discover into the catalog/weir", "weir", [weir, "discover", "--source", "flow.yaml", "--name", "t/files"])
    yield Run("weir run/source-files", "source-files", most=150)
    yield Run("weir run/weir", "weir")
    yield Derive("weir run with derivations/weir", "weir")
    yield Shards("weir run, cut into shards/weir", "weir", most=150)
    yield Scenario("weir test/weir", "weir", [weir, "test", "--source", ROOT / "examples" / "orders" / "flow.yaml"])
    orders = [{"id": i, "customer": f"c{i % 3}", "day": "2026-01-31", "cents": i + 1} for i in range(40)]
    fixture = "".join(json.dumps(["shop/orders", o]) + "\n" + ('{"commit": true}\n' if i % 10 == 9 else "") for i, o in enumerate(orders))
    yield Scenario("weir preview of a derivation/weir", "weir", [weir, "preview", "--source", ROOT / "examples" / "orders" / "flow.yaml", "--name", "shop/balances",
                                                                 "--fixture", "-", "--sessions", "2,-1"], fixture.encode())
    yield Generate("weir generate/weir", "weir", [weir, "generate"])
    yield Run("weir run, protobuf/weir", "weir", most=100, protobuf=True)
    yield Run("weir run again with more/weir", "weir", most=150, before=True)
    yield Run("weir run again with more/source-files", "source-files", most=150, before=True)


# ---------------------------------------------------------------------------------------------------------- judging --


def judge_errors(result):
    """A failed program says why: one error record, that fits the exit status."""
    records, problems = [], []
    for line in result.err.decode(errors="replace").splitlines():
        try:
            records.append(json.loads(line))
        except ValueError:
            problems.append(f"not a log record: {line[:200]!r}")
    errors = [r for r in records if r.get("level") == "error"]
    if not errors:
        problems.append("no error record")
    for text in (r.get("message", "") for r in errors):
        if not text or "(null)" in text or "Success" in text:
            problems.append(f"says {text!r}")
    last = errors[-1] if errors else {}
    code = last.get("fields", {}).get("code")
    if errors and code and CODES.get(code, result.status) != result.status:
        problems.append(f"status {result.status}, but the error is called {code}")
    if len(errors) > 1 and len({r["message"] for r in errors}) != len(errors):
        problems.append("says the same twice")
    return problems


def judge(scenario, folder, result):
    """@return what is wrong with what the program did, as a list"""
    if result.hung:
        return [f"hangs for {TIMEOUT} s"]
    problems = [f"leaves {name} running" for name in result.left]
    if result.status < 0:
        return problems + [f"dies by {signal.Signals(-result.status).name}"]
    if result.status == 0:
        wrong = scenario.complete(folder, result)
        return problems + ([f"exits with 0, but {wrong}"] if wrong else [])
    if result.status not in CODES.values():
        problems.append(f"exits with {result.status}")
    problems += judge_errors(result)
    for wrong in (scenario.partial(folder, result), scenario.recover(folder)):
        if wrong:
            problems.append(wrong)
    return problems


def attempt(scenario, kind, n):
    folder = Path(tempfile.mkdtemp(prefix="weir-torture-"))
    try:
        scenario.prepare(folder)
        fault = f"fail:{kind}:{n}:{scenario.program}"
        result = scenario.run(folder, fault)
        problems = judge(scenario, folder, result)
        if problems:
            problems.append(f"WEIR_FAULT={fault}, status {result.status}, said: {result.err.decode(errors='replace')[-500:]}")
        return n, result.status, problems
    except (OSError, ValueError, KeyError, sqlite3.Error, AssertionError) as error:
        return n, None, [repr(error)]
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def points(total, most):
    """Every call up to EVERY (or half of what may be tried), and of the rest as many as are left, evenly spread."""
    first = list(range(1, min(total, EVERY, most if most >= total else most // 2) + 1))
    rest, room = total - len(first), most - len(first)
    if rest <= room:
        return list(range(1, total + 1))
    return first + [len(first) + 1 + rest * i // room for i in range(room)]


def count(scenario, kind):
    folder = Path(tempfile.mkdtemp(prefix="weir-torture-"))
    try:
        scenario.prepare(folder)
        result = scenario.run(folder, f"count:{kind}:1:{scenario.program}", folder / "calls")
        if result.hung or result.left or result.status != 0:
            raise RuntimeError(f"undisturbed: status {result.status}: {result.err.decode(errors='replace')[-600:]}")
        calls = int((folder / "calls").read_text())
        (folder / "calls").unlink()
        scenario.learn(folder, result)
        return calls
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def torture(scenario, pool):
    failures = 0
    for kind in KINDS:
        begun = time.monotonic()
        name = f"{scenario.name}/{kind}"
        try:
            calls = count(scenario, kind)
        except (RuntimeError, OSError, ValueError, AssertionError) as error:
            print(f"not ok {name}\n# {error}", flush=True)
            failures += 1
            continue
        tried = points(calls, scenario.most)
        wrong, refused = [], 0
        for n, status, problems in pool.map(lambda n, k=kind: attempt(scenario, k, n), tried):
            refused += bool(status)
            if problems:
                wrong.append((n, problems))
        if not tried:
            continue
        seconds = time.monotonic() - begun
        summary = f"{name} ({len(tried)} of {calls} calls: {refused} refused, {len(tried) - refused} got over; {seconds:.1f} s)"
        failures += bool(wrong)
        print(f"{'not ok' if wrong else 'ok'} {summary}", flush=True)
        for n, problems in wrong[:6]:
            print("\n".join(f"# {n}: {line}" for p in problems for line in p.splitlines()), flush=True)
        if len(wrong) > 6:
            print(f"# and {len(wrong) - 6} more: {' '.join(str(n) for n, _ in wrong[6:])[:300]}", flush=True)
    return failures


def main():
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    shared = Path(tempfile.mkdtemp(prefix="weir-torture-shared-"))
    try:
        write_files(shared, ROWS_A, ROWS_B)
        (shared / "flow.yaml").write_text(json_catalog(shared))
        with ThreadPoolExecutor(3 * (os.cpu_count() or 1)) as pool:
            return sum(torture(s, pool) for s in scenarios(shared) if wanted in f"torture/{s.name}") > 0
    finally:
        shutil.rmtree(shared, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
