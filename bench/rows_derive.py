"""The row of derivations: documents through SQL that remembers something; README.md says what it means."""

import hashlib
import json
import random
from collections.abc import Iterable
from pathlib import Path

from measuring import BenchFailed, Place, Sample
from rows import Row, Variant

ACCOUNTS = 100_000
IN_TRANSACTION = 20_000
FIELDS = {"id": "integer", "account": "integer", "amount": "number", "currency": "string", "at": "string", "note": "string", "ok": "boolean",
          "branch": "integer", "rate": "number", "tags": "array"}
MIGRATION = "CREATE TABLE balances (account INTEGER PRIMARY KEY, balance REAL NOT NULL);"
LAMBDA = ("INSERT INTO balances (account, balance) VALUES ($account, $amount) ON CONFLICT (account) DO UPDATE SET balance = balance + $amount;\n"
          "SELECT $id, $account, $currency, $at, balance FROM balances WHERE account = $account;")


def opening(path: Path | None) -> dict:
    """`open` of a derivation; its state is in the file, or in memory."""
    fields = [{"ptr": "", "field": "flow_document", "inference": {"types": ["object"], "exists": "MUST"}}]
    fields += [{"ptr": f"/{f}", "field": f, "isPrimaryKey": f == "id", "inference": {"types": [t], "exists": "MUST"}} for f, t in FIELDS.items()]
    source = {"name": "bench/payments", "key": ["/id"], "readSchema": {"type": "object"}, "writeSchema": {"type": "object"}, "projections": fields}
    config = {"migrations": [MIGRATION]} | ({"path": str(path)} if path else {})
    transforms = [{"name": "pay", "collection": source, "lambdaConfig": LAMBDA, "stateKey": "pay"}]
    derivation = {"connectorType": "SQLITE", "config": config, "transforms": transforms}
    collection = {"name": "bench/balances", "key": ["/id"], "writeSchema": {"type": "object"}, "derivation": derivation}
    return {"open": {"collection": collection, "version": "1", "range": {"keyEnd": 4294967295, "rClockEnd": 4294967295}, "state": {}}}


def payments(count: int) -> Iterable[dict]:
    chance = random.Random(45)
    for i in range(count):
        yield {"id": i, "account": chance.randrange(ACCOUNTS), "amount": round(chance.uniform(-100, 100), 2), "currency": "EUR", "at": "2026-11-28T02:00:00Z",
               "note": "a payment like many others", "ok": True, "branch": i * 7, "rate": i / 4, "tags": ["x", "y"]}


def write_session(to: Path, state: Path | None, count: int) -> None:
    with to.open("w") as out:
        say = lambda message: out.write(json.dumps(message, separators=(",", ":")) + "\n")
        say(opening(state))
        for i, doc in enumerate(payments(count), 1):
            say({"read": {"doc": doc}})
            if i % IN_TRANSACTION == 0 or i == count:
                say({"flush": {}})
                say({"startCommit": {"runtimeCheckpoint": {"sources": {"j;s": {"readThrough": str(i)}}}}})


def published(path: Path) -> tuple[int, str]:
    """How many documents, and a digest of them by value."""
    digest, count = hashlib.sha256(), 0
    for line in path.read_bytes().splitlines():
        message = json.loads(line, parse_int=float)
        if "published" in message:
            digest.update(json.dumps(message["published"]["doc"], sort_keys=True).encode())
            count += 1
    return count, digest.hexdigest()


def derive(p: Place, scale: float) -> Row:
    count, few = int(500_000 * scale), int(100_000 * scale)
    state = p.work / "derive.db"
    sessions = {"file": p.work / "derive-file.jsonl", "memory": p.work / "derive-memory.jsonl", "few": p.work / "derive-few.jsonl"}
    write_session(sessions["file"], state, count)
    write_session(sessions["memory"], None, count)
    write_session(sessions["few"], state, few)

    def run(command: list, session: str, **how) -> Sample:
        for stale in p.work.glob("derive.db*"):
            stale.unlink()
        return p.measure(command, feed=["cat", sessions[session]], **how)

    ours, theirs = [p.build / "bin" / "derive-sqlite"], [p.python, p.peers / "derive_sqlite.py"]
    made = p.work / "derive-out.jsonl"
    run(ours, "few", keep=made)
    expected = published(made)
    if expected[0] != few:
        raise BenchFailed(f"{expected[0]} documents came of {few}")
    variants = [
        Variant("derive-sqlite, state in a file", lambda: run(ours, "file", drain=True), count, "weir"),
        Variant("derive-sqlite, state in memory", lambda: run(ours, "memory", drain=True), count, "weir"),
    ]
    if p.has_peers():
        run(theirs, "few", keep=made)
        if published(made) != expected:
            raise BenchFailed("derive-sqlite and the Python peer do not publish the same")
        variants.append(Variant("Python, orjson and sqlite3", lambda: run(theirs, "few", drain=True), few))
    return Row("derive", "documents of 10 fields through a SELECT and an upsert in SQLite, as a Flow derivation", "docs", variants,
               "150k documents per CPU second", lambda r: r["derive-sqlite, state in a file"]["rate"] >= 150e3)


ROWS = {"derive": derive}
