"""Destinations that are pushed to, killed at random points, resumed from the last state they gave back: what is in SQLite, or in DuckDB, afterwards equals a reference.

    push.py [ROUNDS [FIRST-SEED [DATABASE]]]

Each round draws streams (with a key and deletions, with a cursor, without a key, with changing schemas), their messages and states from a seed; a target or an Airbyte
destination gets them, dies of faults.so at its N-th read, write or sync, or of SIGTERM, and gets the messages behind its last state again. Rows with a key
must be exactly those of the reference; rows without one must all be there, and, if nothing but SIGTERM has come between, exactly once.
"""

import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("WEIR_BUILD", ROOT / "build")).resolve()
DUCKDB = Path(os.environ.get("WEIR_PEERS", Path.home() / ".cache" / "weir-peers")) / "target-duckdb" / "bin" / "python" # reads what ours has written
FAULTS = BUILD / "tests" / "faults.so"
TYPES = {"id": ["integer"], "k": ["string"], "n": ["null", "number"], "t": ["null", "string"], "o": ["null", "object", "array"], "late": ["null", "string"],
         "Late": ["null", "integer"]}
DELETED = {"singer": "_sdc_deleted_at", "airbyte": "_ab_cdc_deleted_at"}


def value(rng, field):
    if field == "id":
        return rng.randint(1, 60)
    if field == "k":
        return rng.choice(["a", "é", "\x00", "x y", "😀", ""])
    if field == "n":
        return rng.choice([None, 0, -1, 2**63, 2**64 - 1, 10**30, Decimal("0.1"), Decimal("-12345678901234567890.123"), 1.5, rng.randint(-9, 9)])
    if field == "o":
        return rng.choice([None, {}, {"a": [1, {"b": None}]}, [], [1, "two"]])
    if field == "Late":
        return rng.choice([None, 7, "not a number"])
    return rng.choice([None, "", "text", "\u2028\\\"", "y" * rng.randint(0, 3000)])


def text(message):
    """As JSON, decimals with all their digits."""
    return json.dumps(plain(message), ensure_ascii=False).replace('"<number>', "").replace('</number>"', "")


def plain(v):
    if isinstance(v, Decimal):
        return f"<number>{v}</number>"
    if isinstance(v, dict):
        return {k: plain(x) for k, x in v.items()}
    return [plain(x) for x in v] if isinstance(v, list) else v


class Stream:
    def __init__(self, rng, name, protocol):
        self.name, self.protocol = name, protocol
        self.key = rng.choice([["id"], ["id", "k"], []])
        self.fields = ["id", "k", "n", "t", "o"] + (["late", "Late"] if protocol == "airbyte" else [])
        self.cursor = "n" if self.key and protocol == "airbyte" and rng.random() < 0.5 else None
        self.mode = "append_dedup" if self.key else rng.choice(["append", "overwrite"])

    def schema(self):
        return {"type": "object", "properties": {f: {"type": TYPES[f]} for f in self.fields}}


def story(rng, protocol):
    """What a source would say from the beginning: (kind, stream, payload)."""
    streams = [Stream(rng, name, protocol) for name in ["orders", "Orders", "a.b \"c\""][: rng.randint(1, 3)]]
    items = [("schema", s, s.schema()) for s in streams]
    for _ in range(rng.choice([30, 300, 1500])):
        s = rng.choice(streams)
        roll = rng.random()
        if roll < 0.05:
            items.append(("state", None, None))
        elif roll < 0.07 and protocol == "singer" and "Late" not in s.fields:
            s.fields.append("Late" if "late" in s.fields else "late")
            items.append(("schema", s, s.schema()))
        elif roll < 0.12 and s.key:
            items.append(("delete", s, {f: value(rng, f) for f in s.key}))
        else:
            items.append(("record", s, {f: value(rng, f) for f in s.fields if f in s.key or rng.random() < 0.9}))
    return streams, items + [("state", None, None)]


def messages(protocol, streams, items, start):
    """The messages from item number `start` on, as a source sends them that is resumed there."""
    known = {}
    for kind, s, payload in items[:start]:
        if kind == "schema":
            known[s] = payload
    if protocol == "singer":
        for s, schema in known.items():
            yield {"type": "SCHEMA", "stream": s.name, "schema": schema, "key_properties": s.key}
    for at, (kind, s, payload) in enumerate(items[start:], start + 1):
        data = dict(payload, **{DELETED[protocol]: "2026-01-01T00:00:00Z"}) if kind == "delete" else payload
        if protocol == "singer":
            if kind == "schema":
                yield {"type": "SCHEMA", "stream": s.name, "schema": payload, "key_properties": s.key}
            elif kind == "state":
                yield {"type": "STATE", "value": {"bookmarks": {"pos": at}}}
            else:
                yield {"type": "RECORD", "stream": s.name, "record": data}
        elif kind == "state":
            yield {"type": "STATE", "state": {"type": "GLOBAL", "global": {"shared_state": {"pos": at}, "stream_states": []}}}
        elif kind != "schema":
            yield {"type": "RECORD", "record": {"stream": s.name, "data": data, "emitted_at": 1700000000000}}
    if protocol == "airbyte":
        for s in streams:
            yield {"type": "TRACE", "trace": {"type": "STREAM_STATUS", "emitted_at": 1.5,
                                              "stream_status": {"stream_descriptor": {"name": s.name}, "status": "COMPLETE"}}}


def position(protocol, output):
    """Of the last state that came out."""
    found = None
    for line in output.decode().split("\n")[:-1]: # without a line that was cut
        m = json.loads(line)
        if protocol == "singer":
            found = m["bookmarks"]["pos"]
        elif m["type"] == "STATE":
            found = m["state"]["global"]["shared_state"]["pos"]
    return found


READ_DUCKDB = """
import duckdb, json, sys
c = duckdb.connect(sys.argv[1], read_only=True)
quoted = lambda name: '"' + name.replace('"', '""') + '"'
found = {}
for table, asked in c.execute("SELECT table_name, asked FROM weir_tables").fetchall():
    of = dict(c.execute("SELECT field, column_name FROM weir_columns WHERE table_name = ?", [table]).fetchall())
    types = dict(c.execute("SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = ?", [table]).fetchall())
    columns = ", ".join(f"CAST({quoted(n)} AS VARCHAR)" for n in of.values())
    found[asked] = [list(of), [types[n] for n in of.values()], c.execute(f"SELECT {columns} FROM {quoted(table)}").fetchall()]
print(json.dumps(found))
"""


def of_duckdb(kind, v):
    if v is None or kind == "VARCHAR":
        return v
    return Decimal(v) if kind != "JSON" else seen_exact(json.loads(v, parse_float=Decimal, parse_int=Decimal), v)


def seen_exact(v, raw):
    return json.dumps(json.loads(raw)) if isinstance(v, (dict, list)) else v


class Round:
    def __init__(self, seed, database="sqlite"):
        self.rng = random.Random(seed)
        self.database, self.program = database, BUILD / "bin" / f"materialize-{database}"
        self.protocol = self.rng.choice(["singer", "airbyte"])
        self.streams, self.items = story(self.rng, self.protocol)
        self.folder = Path(tempfile.mkdtemp(prefix="weir-push-"))
        self.history, self.at, self.exact = [], 0, True
        settings = {"path": "out.db"}
        if self.protocol == "singer":
            settings["hard_delete"] = True
            if self.rng.random() < 0.5:
                settings["batch_size_rows"], self.exact = self.rng.randint(1, 200), False
        (self.folder / "c.json").write_text(json.dumps(settings))
        self.catalog(2)

    def catalog(self, generation):
        (self.folder / "catalog.json").write_text(json.dumps({"streams": [
            {"stream": {"name": s.name, "json_schema": {"type": "object", "properties": {f: {"type": TYPES[f]} for f in s.fields}}, "supported_sync_modes": ["full_refresh"]},
             "sync_mode": "incremental", "destination_sync_mode": s.mode, "primary_key": [[f] for f in s.key],
             "cursor_field": [s.cursor] if s.cursor else [],
             "generation_id": generation, "minimum_generation_id": generation if s.mode == "overwrite" else 0, "sync_id": 1} for s in self.streams]}))

    def run(self, lines, fault=None, term_after=None):
        command = [self.program, "--config", "c.json"] if self.protocol == "singer" else [self.program, "write", "--config", "c.json", "--catalog", "catalog.json"]
        env = {k: v for k, v in os.environ.items() if not k.startswith(("WEIR_", "LOG"))}
        env.update(LOG_LEVEL="error", LOG_FORMAT="text")
        if fault:
            env.update(LD_PRELOAD=str(FAULTS), WEIR_FAULT=fault)
        p = subprocess.Popen(command, cwd=self.folder, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if term_after is None:
            out, problem = p.communicate(lines)
            return p.returncode, out, problem
        p.stdin.write(lines[:term_after])
        p.stdin.flush()
        time.sleep(self.rng.random() / 50)
        p.send_signal(signal.SIGTERM)
        out, problem = p.stdout.read(), p.stderr.read()
        p.stdin.close()
        return p.wait(), out, problem

    def turn(self, how):
        """One process; afterwards self.at is where the next one begins."""
        lines = "".join(text(m) + "\n" for m in messages(self.protocol, self.streams, self.items, self.at)).encode()
        fault = term = None
        if how == "kill":
            fault, self.exact = f"kill:io:{self.rng.randint(1, 60 + len(lines) // 4000)}", False
        elif how == "term":
            term = lines.rfind(b"\n", 0, self.rng.randint(0, min(len(lines), 50000))) + 1 # a pipe holds 64 KiB
        code, out, problem = self.run(lines, fault, term)
        self.at = position(self.protocol, out) or self.at
        self.history.append(f"{fault or how}:{code}:{self.at}")
        died = {"kill": -9, "term": -15} # of SIGTERM before it was ready to take it
        if code not in (0, died.get(how, 0)):
            return f"status {code}: {problem.decode()[-400:]}"
        return None

    def expected(self, s):
        rows = {} if s.key else Counter()
        for kind, of, doc in self.items:
            if of is not s or kind == "schema":
                continue
            row = tuple(seen(doc.get(f)) for f in s.fields)
            if not s.key:
                rows[row] += 1
            elif kind == "delete":
                rows.pop(tuple(doc[f] for f in s.key), None)
            elif not s.cursor or not older(row, rows.get(tuple(doc[f] for f in s.key)), s.fields.index(s.cursor)):
                rows[tuple(doc[f] for f in s.key)] = row
        return Counter(rows.values()) if s.key else rows

    def tables(self):
        """Of each stream: its rows, with the fields in its order."""
        if self.database == "duckdb":
            done = subprocess.run([DUCKDB, "-c", READ_DUCKDB, self.folder / "out.db"], capture_output=True, text=True)
            if done.returncode:
                raise ValueError(done.stderr[-400:])
            for name, (fields, types, rows) in json.loads(done.stdout).items():
                s = next(s for s in self.streams if s.name == name)
                at = [fields.index(f) for f in s.fields]
                yield s, [tuple(of_duckdb(types[i], row[i]) for i in at) for row in rows]
            return
        with sqlite3.connect(self.folder / "out.db") as db:
            names = dict(db.execute("SELECT asked, name FROM weir_names"))
            for s in self.streams:
                of = dict(db.execute("SELECT field, column_name FROM weir_columns WHERE table_name = ?", [names[s.name]]))
                quoted = lambda name: '"' + name.replace('"', '""') + '"'
                rows = db.execute(f"SELECT {', '.join(quoted(of[f]) for f in s.fields)} FROM {quoted(names[s.name])}")
                yield s, [tuple(stored(v) for v in row) for row in rows]

    def check(self):
        for s, rows in self.tables():
            got, want = Counter(rows), self.expected(s)
            if got != want if s.key or self.exact else set(got) != set(want) or want - got:
                return f"{s.name}, key {s.key}: {sum(got.values())} rows, {sum(want.values())} expected; missing {list((want - got))[:2]}, too many {list((got - want))[:2]}"
        return None

    def play(self):
        if self.protocol == "airbyte": # rows of an older generation, to be replaced
            self.catalog(1)
            old = [m for m in messages(self.protocol, self.streams, self.items, 0) if m["type"] == "RECORD" and any(s.name == m["record"]["stream"] and s.mode == "overwrite" for s in self.streams)]
            self.run("".join(text(m) + "\n" for m in old[:20]).encode())
            self.catalog(2)
        for _ in range(self.rng.randint(0, 4)):
            problem = self.turn(self.rng.choice(["kill", "term"]))
            if problem or self.at == len(self.items):
                return problem or self.turn("end") or self.check()
        return self.turn("end") or self.check()


def older(row, than, at):
    """By its cursor; none is less than any."""
    return than is not None and than[at] is not None and (row[at] is None or row[at] < than[at])


def seen(v):
    """A value as it is compared: numbers by value, nested ones as they mean."""
    if isinstance(v, bool) or v is None or isinstance(v, str):
        return v
    return json.dumps(v) if isinstance(v, (dict, list)) else Decimal(str(v))


def stored(v):
    if isinstance(v, str) and v[:1] in ("{", "["):
        return json.dumps(json.loads(v))
    if isinstance(v, str) and len(v) > 1 and v.lstrip("-").replace(".", "", 1).isdigit():
        return Decimal(v)
    return Decimal(repr(v)) if isinstance(v, (int, float)) else v


def one_round(seed, database):
    r = Round(seed, database)
    try:
        return seed, r, r.play()
    except (OSError, sqlite3.Error, ValueError, KeyError) as problem:
        return seed, r, repr(problem)
    finally:
        shutil.rmtree(r.folder, ignore_errors=True)


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    database = sys.argv[3] if len(sys.argv) > 3 else "sqlite"
    failed = 0
    if database == "duckdb" and not (DUCKDB.exists() and (BUILD / "lib" / "materialize-duckdb.so").exists()):
        print("ok push/duckdb # SKIP no DuckDB")
        return False
    with ThreadPoolExecutor(2) as pool:
        for seed, r, problem in pool.map(lambda s: one_round(s, database), range(first, first + rounds)):
            said = f"{r.protocol}, {len(r.items)} items, {' '.join(r.history)}"
            failed += problem is not None
            name = f"push/{seed}" if database == "sqlite" else f"push/{database}-{seed}"
            print(f"not ok {name}\n# {said}\n# {problem}" if problem else f"ok {name} {said}", flush=True)
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
