"""What is measured: each function makes one row of the table, a list of variants of the same work. README.md says what they mean."""

import hashlib
import json
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from measuring import BenchFailed, Place, Sample

EVERY = 2000  # records between two checkpoints: below the megabyte from which estuary-cdk would spill to disk


@dataclass
class Variant:
    name: str
    run: Callable[[], Sample]
    amount: float = 0  # of work in one run, in the row's unit
    kind: str = "peer"  # "weir", "peer" or "limit"


@dataclass
class Row:
    name: str
    title: str
    unit: str  # of the amounts; "": only time counts
    variants: list[Variant]
    goal: str = ""
    reached: Callable[[dict[str, dict]], bool] | None = None  # of the results by variant
    runs: int = 1  # in each round
    most: int = 1000  # rounds
    said: Callable[[dict[str, dict]], str] | None = None  # of the results, a line that says more than the table


# ------------------------------------------------------------------------------------------------------------- emit --


def requests(count: int) -> bytes:
    """What a platform says to the capture that is to emit."""
    binding = {
        "resourceConfig": {"stream": "records"},
        "resourcePath": ["records"],
        "collection": {"name": "bench/records", "key": ["/id"], "writeSchema": {"type": "object"}},
        "stateKey": "records",
    }
    config = {"count": count, "every": EVERY}
    capture = {"name": "bench/source", "connectorType": "LOCAL", "config": config, "bindings": [binding], "intervalSeconds": 0}
    full = {"keyEnd": 4294967295, "rClockEnd": 4294967295}
    opening = {"open": {"capture": capture, "version": "1", "range": full, "state": {}}}
    return SPEC + json.dumps(opening).encode() + b"\n"


SPEC = b'{"spec":{"connectorType":"LOCAL","config":{}}}\n'


def documents(path) -> list:
    """The documents in a file of Flow lines; numbers by value, times in one spelling."""
    found = []
    for line in path.read_bytes().splitlines():
        captured = json.loads(line, parse_float=str).get("captured")
        if captured:
            doc = captured["doc"]
            doc["score"], doc["created"] = float(doc["score"]), datetime.fromisoformat(doc["created"])
            found.append(doc)
    return found


def emitters(p: Place, count: int) -> dict[str, Callable[..., Sample]]:
    made = {"weir": lambda **o: p.measure([p.tool("source-bench")], say=requests(count), hold=True, **o)}
    if p.has_peers():
        made["estuary-cdk"] = lambda **o: p.measure([p.python, p.peers / "emit_cdk.py"], say=requests(count), hold=True, **o)
        made["orjson"] = lambda **o: p.measure([p.python, p.peers / "emit_orjson.py", count, EVERY, "made"], **o)
    return made


def emit(p: Place, scale: float) -> Row:
    count = int(1_000_000 * scale)
    expected = None
    for name, run in emitters(p, 1000).items():
        run(keep=p.work / "sample")
        found = documents(p.work / "sample")
        expected = expected or found
        if len(found) != 1000 or found != expected:
            raise BenchFailed(f"{name} emits other documents than source-bench")
    names = {"weir": "weir, typed values", "estuary-cdk": "estuary-cdk, dicts", "orjson": "orjson alone, dicts"}
    variants = [
        Variant(names[n], lambda run=run: run(drain=True), count, "weir" if n == "weir" else "peer") for n, run in emitters(p, count).items()
    ]
    if p.has_peers():
        ready = [p.python, p.peers / "emit_orjson.py", count, EVERY, "ready"]
        variants.append(Variant("orjson alone, dicts ready-made", lambda: p.measure(ready, drain=True), count))
    lines, per_file = sample_lines(p)
    for mode, name in (("copy", "memcpy and write"), ("raw", "write")):
        argv = [p.tool("flood"), mode, lines, max(1, count // per_file)]
        variants.append(Variant(name, lambda argv=argv: p.measure(argv, drain=True), argv[3] * per_file, "limit"))
    return Row(
        "emit", "records of 10 columns to a pipe, as Flow lines", "rec", variants,
        "5M rec per CPU second (3M at least)", lambda r: r["weir, typed values"]["rate"] >= 5e6,
    )


# ------------------------------------------------------------------------------------------------------------- read --


def sample_lines(p: Place):
    """A file of Flow lines: documents and checkpoints. @return its path and how many documents it holds"""
    path, count = p.work / "lines.ndjson", 10 * EVERY
    if not path.exists():
        p.measure([p.tool("source-bench")], say=requests(count), hold=True, keep=p.work / "said")
        said = (p.work / "said").read_bytes().splitlines(keepends=True)
        path.write_bytes(b"".join(line for line in said if line.startswith((b'{"captured"', b'{"checkpoint"'))))
    return path, count


def catalog(p: Place, name: str, command: list, config: dict) -> str:
    """A catalog with one capture, and its collection in SQLite."""
    schema = {
        "type": "object",
        "properties": {
            "id": {"type": "integer"}, "account": {"type": "integer"}, "name": {"type": "string"}, "email": {"type": "string"},
            "city": {"type": "string"}, "active": {"type": "boolean"}, "score": {"type": "number"}, "amount": {"type": "number"},
            "created": {"type": "string", "format": "date-time"}, "note": {"type": "string"},
        },
        "required": ["id"],
    }
    local = {"command": [str(c) for c in command], "config": config, "env": p.flood_report()}
    sqlite = {"connector": "materialize-sqlite", "config": {"path": str(p.work / "weir.sqlite")}}
    path = p.work / f"{name}.flow.yaml"
    path.write_text(json.dumps({  # JSON is YAML
        "collections": {"bench/records": {"schema": schema, "key": ["/id"]}},
        "captures": {"bench/source": {"endpoint": {"local": local},
                                      "bindings": [{"resource": {"stream": "records"}, "target": "bench/records"}]}},
        "materializations": {"bench/tables": {"endpoint": {"native": sqlite},
                                              "bindings": [{"source": "bench/records", "resource": {"table": "records"}}]}},
    }))
    return str(path)


def capture(p: Place, megabytes: float) -> tuple[Callable[[], Sample], float]:
    """`weir capture` of so many megabytes of Flow lines to /dev/null. @return how to run it, and how many bytes that are"""
    lines, _ = sample_lines(p)
    size = lines.stat().st_size
    times = max(1, round(megabytes * 1e6 / size))
    source = catalog(p, f"flood-{times}", [p.tool("flood"), "flow", lines, times], {})
    return lambda: p.measure([p.weir, "capture", "--source", source, "--name", "bench/source"]), times * size


def read(p: Place, scale: float) -> Row:
    lines, _ = sample_lines(p)
    size = lines.stat().st_size
    run, amount = capture(p, 1000 * scale)
    variants = [Variant("weir capture", run, amount, "weir")]

    def piped(name: str, argv: list, megabytes: float, kind="peer") -> None:
        times = max(1, round(megabytes * scale * 1e6 / size))
        feed = [p.tool("flood"), "raw", lines, times]
        variants.append(Variant(name, lambda: p.measure(argv, feed=feed), times * size, kind))

    if p.has_peers():
        piped("Python, readline and orjson", [p.python, p.peers / "read_json.py", "orjson"], 300)
    piped("Python, readline and json", ["python3", p.peers / "read_json.py", "json"], 100)
    piped("cat", ["cat"], 1000, "limit")
    return Row(
        "read", "Flow lines from a connector, checked, to /dev/null; the reader's CPU only", "B", variants,
        "1 GB per CPU second", lambda r: r["weir capture"]["rate"] >= 1e9,
    )


# ------------------------------------------------------------------------------------------------------------- load --


def shell(p: Place, database, sql: str, *options: str) -> bytes:
    return subprocess.run(["sqlite3", *options, str(database), sql], check=True, stdout=subprocess.PIPE).stdout


def digest(p: Place, database) -> str:
    return hashlib.sha256(shell(p, database, "SELECT * FROM records ORDER BY id", "-csv")).hexdigest()


def load(p: Place, scale: float) -> Row:
    count = int(500_000 * scale)
    data, ours, theirs, table = p.work / "data", p.work / "weir.sqlite", p.work / "import.sqlite", p.work / "records.csv"
    source = catalog(p, "load", [p.tool("source-bench")], {"count": count, "every": EVERY})
    weir = [p.weir, "run", "--source", source, "--data", data, "--once", "--quiet", "--only"]
    p.measure([*weir, "bench/source"])
    shutil.copy(data / "weir.db", p.work / "weir.db.captured")

    def by_weir() -> Sample:
        for stale in p.work.glob("weir.sqlite*"):
            stale.unlink()
        for stale in data.glob("weir.db*"):
            stale.unlink()
        shutil.copy(p.work / "weir.db.captured", data / "weir.db")
        return p.measure([*weir, "bench/tables"])

    by_weir()
    expected = digest(p, ours)
    schema = shell(p, ours, "SELECT sql || ';' FROM sqlite_schema WHERE name = 'records'").decode()
    table.write_bytes(shell(p, ours, "SELECT * FROM records ORDER BY id", "-csv"))

    def emptied() -> None:
        for stale in p.work.glob("import.sqlite*"):
            stale.unlink()
        shell(p, theirs, schema)

    def by_import() -> Sample:
        emptied()
        return p.measure(["sqlite3", theirs, f".import --csv {table} records"])

    def by_python() -> Sample:
        emptied()
        return p.measure([p.python, p.peers / "load_sqlite.py", theirs, "records", *sorted(data.rglob("*.ndjson"))])

    by_import()
    if digest(p, theirs) != expected or shell(p, ours, "SELECT count(*) FROM records").strip() != str(count).encode():
        raise BenchFailed(".import and Weir do not make the same table")
    variants = [Variant("weir run, journal to table", by_weir, count, "weir")]
    if p.has_peers():
        variants.append(Variant("Python, orjson and executemany", by_python, count))
    variants.append(Variant("sqlite3 .import of CSV", by_import, count, "limit"))
    return Row(
        "load", "rows of 10 columns into an SQLite table with a primary key", "rows", variants,
        "0.8 of .import's speed", lambda r: r["sqlite3 .import of CSV"]["ratio"] >= 0.8,
    )


# ---------------------------------------------------------------------------------------------------- start and memory --


def start(p: Place, scale: float) -> Row:
    hello = p.build / "bin" / "source-hello"
    variants = [
        Variant("source-hello", lambda: p.measure([hello], say=SPEC, env={"FLOW_RUNTIME_CODEC": "json"}), kind="weir"),
        Variant("weir spec -- source-hello", lambda: p.measure([p.weir, "spec", "--", hello]), kind="weir"),
    ]
    if p.has_peers():
        variants.append(Variant("estuary-cdk", lambda: p.measure([p.python, p.peers / "emit_cdk.py"], say=SPEC)))
    variants.append(Variant("python3 -c pass", lambda: p.measure(["python3", "-c", "pass"])))
    variants.append(Variant("/bin/true", lambda: p.measure(["/bin/true"]), kind="limit"))
    return Row("start", "from exec to the end of `spec`", "", variants, "5 ms on the clock", lambda r: r["source-hello"]["wall"] <= 0.005, runs=4)


def memory(p: Place, scale: float, long: bool = False) -> Row:
    variants = []
    for name, megabytes in (("100 MB", 100), ("1 GB", 1000), ("10 GB", 10000)):
        if megabytes <= 1000 or long:
            run, amount = capture(p, megabytes * scale)
            variants.append(Variant(f"weir capture, {name}", run, amount, "weir"))
    return Row(
        "memory", "memory while so much passes through `weir capture` to /dev/null", "B", variants,
        "16 MB, however much", lambda r: all(v["rss"] <= 16384 for v in r.values()), most=2,
    )


ROWS = {"emit": emit, "read": read, "load": load, "start": start, "memory": memory}
