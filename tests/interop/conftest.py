"""What the tests share: where Weir and the peers are, and the cases: a peer, its data now, and its data later."""

import json
import os
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Callable
from urllib.parse import parse_qsl, urlsplit

import pytest

import dbf
from drive import Peer

# ------------------------------------------------------------------------------------------------------------- how tests are run


def pytest_addoption(parser):
    parser.addoption("--lines", type=int, metavar="FD", help="write 'ok NAME', 'not ok NAME' and 'ok NAME # SKIP reason' to a descriptor")
    parser.addoption("--part", default="", metavar="TEXT", help="only tests with this in their name")


def name_of(nodeid: str) -> str:
    """test_run.py::test_spec[x] is run/spec[x]; xdist writes @ and a group behind it."""
    file, _, test = nodeid.partition("@")[0].partition("::")
    return f"{file.removeprefix('test_').removesuffix('.py')}/{test.removeprefix('test_')}"


def pytest_collection_modifyitems(config, items):
    part = config.getoption("--part")
    items[:] = [item for item in items if part in name_of(item.nodeid)]


class Lines:
    """A line for each test, as bin/test reads them."""

    def __init__(self, fd: int):
        self.file, self.said = open(fd, "w", buffering=1), set()

    def pytest_runtest_logreport(self, report):
        name = name_of(report.nodeid)
        if report.failed:
            details = [report.longreprtext, *(text for _, text in report.sections)]
            self.say(name, f"not ok {name}\n" + "".join(f"# {line}\n" for text in details for line in text.splitlines()))
        elif report.skipped:
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else "expected to fail"
            self.say(name, f"ok {name} # SKIP {reason.removeprefix('Skipped: ')}\n")
        elif report.when == "teardown":
            self.say(name, f"ok {name}\n")

    def say(self, name, text):
        if name not in self.said:  # the first word counts: a test that fails is torn down, too
            self.said.add(name)
            self.file.write(text)


def pytest_configure(config):
    if config.getoption("--lines") is not None and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Lines(config.getoption("--lines")))


# ---------------------------------------------------------------------------------------------------------------- what they share

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PEERS = Path(os.environ.get("WEIR_PEERS") or Path.home() / ".cache" / "weir-peers")
DEADLINE = 300  # seconds for one run of anything; a bound, not a wait


class Weir:
    def __init__(self, program: Path):
        self.program = program

    def __call__(self, *args, status: int | None = 0, **env) -> subprocess.CompletedProcess:
        """status: the one that is expected; None for any. env: added to the environment."""
        argv = [str(self.program), *map(str, args)]
        env = {**os.environ, **env}
        done = subprocess.run(argv, capture_output=True, text=True, timeout=DEADLINE, stdin=subprocess.DEVNULL, env=env)
        assert status is None or done.returncode == status, f"{argv} exited {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done


@pytest.fixture(scope="session")
def weir() -> Weir:
    if not weir_program().exists():
        pytest.skip(f"{weir_program()} is not there: build it, or set WEIR_BIN")
    return Weir(weir_program())


def program(environment: str, *args: str) -> list[str]:
    """The argv of a peer. Skips if its environment could not be made."""
    if environment == "suite":
        return [sys.executable, *args]
    if not (PEERS / environment / "installed.txt").exists():
        pytest.skip(f"no environment '{environment}' in {PEERS}: see tests/interop/setup.sh")
    return [str(PEERS / environment / "bin" / "python"), *args]


def write_lines(path: Path, records: list[dict]):
    path.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records), "utf-8")


@dataclass
class Case:
    """A peer and its data. grow() adds data for a second session. volatile: properties that differ from run to run.
    acks: it wants acknowledgements. ordered: documents of a binding come in the same order every time."""

    peer: Peer
    grow: Callable[[], None] = lambda: None
    volatile: set[str] = field(default_factory=set)
    acks: bool = False
    ordered: bool = True


# ------------------------------------------------------------------------------------------------------------- estuary-cdk

THINGS = [
    {"id": 1, "null": None, "true": True, "text": "é 🚀 \u0001 \" \\ / \u2028 \t", "empty": "", "list": [], "object": {}},
    {"id": 2, "int53": 2**53 + 1, "int63": 2**63 - 1, "min63": -(2**63), "int64": 2**64 - 1, "huge": 10**40, "fraction": 0.1, "tiny": 5e-324},
    {"id": 3, "true": False, "nested": {"a": [1, {"b": [None, False, {"ü": {}}]}]}, "text": "x" * 5000, "": "no name", "a/b~c": "odd name"},
]
EVENTS = [{"id": 100 + i, "text": None if i % 3 == 0 else f"event {i}", "n": i / 8} for i in range(10)]
HISTORY = [{"id": i, "text": f"old {i}"} for i in range(1, 6)]


def cdk_source(folder: Path, once=True) -> Case:
    write_lines(folder / "things.ndjson", THINGS)
    write_lines(folder / "history.ndjson", HISTORY)
    write_lines(folder / "events.ndjson", EVENTS[:7])
    write_lines(folder / "odd.ndjson", [{"a/b": "x", "k": {"~n": 1}}, {"a/b": "x", "k": {"~n": 2}}])

    def grow():  # one thing changes, in a type and with a new member, and one goes; the logs grow
        write_lines(folder / "things.ndjson", [{**THINGS[0], "text": "changed", "true": "yes", "late": {"x": [1]}}, THINGS[2]])
        write_lines(folder / "events.ndjson", EVENTS)
        write_lines(folder / "odd.ndjson", [{"a/b": "x", "k": {"~n": 1}}, {"a/b": "x", "k": {"~n": 2}}, {"a/b": "", "k": {"~n": -1}}])

    return Case(Peer(program("suite", str(HERE / "peers/cdk_source.py")), {"dir": str(folder), "once": once, "token": "s3cret"}), grow, ordered=False)


# ------------------------------------------------------------------------------------------------------- flow-sdk, Airbyte


def airbyte_shim(folder: Path) -> Case:
    config = {"count": 30, "seed": 1, "parallelism": 1, "records_per_slice": 7, "always_updated": False}
    return Case(Peer(program("airbyte", str(HERE / "peers/airbyte_shim.py")), config), volatile={"updated_at"})


# -------------------------------------------------------------------------------------------------------- flow-sdk, Singer


def singer_dbf(folder: Path) -> Case:
    columns = [("NAME", "C", 20, 0), ("PRICE", "N", 10, 2), ("QTY", "N", 6, 0), ("OK", "L", 1, 0), ("DAY", "D", 8, 0)]
    goods = [("Zoë €", 12.5, 3, True, "20260102"), ("", None, None, None, None), ("x", -0.01, 0, False, "19991231")]
    dbf.write(folder / "goods.dbf", columns, goods)
    dbf.write(folder / "tags.dbf", columns[:1], [("a",), ("b",), ("a",)])
    return Case(Peer(program("singer-dbf", str(HERE / "peers/singer_shim.py"), "tap_dbf.tap:TapDBF"), {"path": f"{folder}/*.dbf"}))


class Api(ThreadingHTTPServer):
    """A REST API on the loopback: GET /<name>?since=<updated_at>&page=<offset>, two records a page."""

    def __init__(self):
        self.tables: dict[str, list[dict]] = {}
        super().__init__(("127.0.0.1", 0), ApiHandler)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class ApiHandler(BaseHTTPRequestHandler):
    def do_GET(self):
        url = urlsplit(self.path)
        query = dict(parse_qsl(url.query))
        found = [r for r in self.server.tables[url.path[1:]] if r["updated_at"] >= query.get("since", "")]
        at = int(query.get("page", 0))
        page = {"items": found[at : at + 2], **({"next_page": at + 2} if at + 2 < len(found) else {})}
        body = json.dumps(page).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def api():
    server = Api()
    yield server
    server.shutdown()
    server.server_close()


def order(n: int, change=0) -> dict:
    stamp = f"2026-01-{n + change:02}T00:00:00Z"
    return {"id": n, "name": f"order {n} ü", "updated_at": stamp, "total": n / 4, "lines": [n, None], "paid": n % 2 == 0}


def singer_rest(api: Api) -> Case:
    api.tables = {"orders": [order(n) for n in range(1, 6)], "notes": [order(1), order(2)]}
    stream = {"records_path": "$.items[*]", "start_date": "2020-01-01T00:00:00Z"}
    orders = {"name": "orders", "path": "/orders", "primary_keys": ["id"], "replication_key": "updated_at"}
    search = {"source_search_field": "since", "source_search_query": "$last_run_date"}
    config = {
        "api_url": f"http://127.0.0.1:{api.server_port}",
        "streams": [{**orders, **stream, **search}, {"name": "notes", "path": "/notes", **stream}],
    }

    def grow():  # one order changes, one is new
        api.tables["orders"] = [order(1), order(3), order(4), order(5), order(2, change=4), order(7)]

    return Case(Peer(program("singer-rest", str(HERE / "peers/singer_shim.py"), "tap_rest_api_msdk.tap:TapRestApiMsdk"), config), grow)


# ----------------------------------------------------------------------------------------------------------- protobuf's library


def proto_source(folder: Path) -> Case:
    write_lines(folder / "rows.ndjson", THINGS)
    write_lines(folder / "notes.ndjson", HISTORY)

    def grow():
        write_lines(folder / "rows.ndjson", [*THINGS, {**THINGS[0], "text": "changed"}, {"id": 4, "new": "column"}])

    return Case(Peer(program("suite", str(HERE / "peers/proto_source.py")), {"dir": str(folder)}, protobuf=True), grow, acks=True)


PYTHON_KITS = ["cdk_source", "airbyte_shim", "singer_dbf", "singer_rest"]
CASES = [*PYTHON_KITS, "proto_source"]


def make_case(name: str, folder: Path, api: Api) -> Case:
    folder.mkdir()
    return singer_rest(api) if name == "singer_rest" else globals()[name](folder)


# ----------------------------------------------------------------------------------------------------------- our own connectors


def source_hello(folder: Path, more: bool) -> dict:
    return {"text": 'é "quoted" \\ 🚀\u2028', "count": 7 if more else 4}


def source_files(folder: Path, more: bool) -> dict:
    """Three streams: CSV with a key and typed columns, NDJSON without a key in a growing set of files, a list within a JSON file."""
    (folder / "files").mkdir(exist_ok=True)
    rows = ['1,"a ""b"", c",0.1,2026-01-02,true', "2,é,12345678901234567890.5,,false", '3,"two\nlines",1e3,2026-01-03,']
    rows += ["4,x,-0.0,2026-01-04,true"] if more else []
    (folder / "files/rows.csv").write_text("id,name,price,day,ok\n" + "".join(row + "\n" for row in rows), "utf-8")
    if more:
        write_lines(folder / "files/log-2.ndjson", THINGS[2:])
    else:
        write_lines(folder / "files/log-1.ndjson", THINGS[:2])
        (folder / "files/tree.json").write_text(json.dumps({"data": {"items": [{"k": "a", "v": [1, None]}, {"k": "b", "v": {}}]}}))
    streams = [
        {"name": "rows", "path": "rows.csv", "key": ["id"]},
        {"name": "log", "path": "log-*.ndjson"},
        {"name": "tree", "path": "tree.json", "pointer": "/data/items", "key": ["k"]},
    ]
    return {"base": str(folder / "files"), "streams": streams}


SERVED = {"source-hello": source_hello, "source-files": source_files}  # a config, with data in a folder, before and after something was added
WRONG = {"source-hello": {"count": "many"}, "source-files": {"streams": "many"}}  # the word in it that must be complained about comes first


def weir_program() -> Path:
    return Path(os.environ.get("WEIR_BIN") or ROOT / "build" / "bin" / "weir").resolve()


def served_peer(name: str, folder: Path, more=False, protobuf=False) -> Peer:
    found = weir_program().parent / name
    if not found.exists():
        pytest.skip(f"{found} is not there: build it")
    return Peer([str(found)], SERVED[name](folder, more), protobuf=protobuf, strict=True)


def ours(name: str) -> str:
    """The path of one of our own programs."""
    found = weir_program().parent / name
    if not found.exists():
        pytest.skip(f"{found} is not there: build it")
    return str(found)


def plain_files(folder: Path, more: bool) -> dict:
    """Like source_files, with values that the Python kits can hold: the stream `people` has a key, `log` has none and grows."""
    (folder / "plain").mkdir(exist_ok=True)
    people = ["1,Zoë €,1.25,2026-01-02,2026-01-02T03:04:05Z,true", "2,,-0.5,,,false", '3,"a ""b"", c\n\\ /",1000000,1999-12-31,1999-12-31T23:59:59Z,']
    people += ["4,new,0.0,2026-01-04,2026-01-04T00:00:00Z,true"] if more else []
    text = "id,name,price,day,at,ok\n" + "".join(row + "\n" for row in people)
    if not (folder / "plain/people.csv").exists() or (folder / "plain/people.csv").read_text("utf-8") != text:  # what is written anew is read anew
        (folder / "plain/people.csv").write_text(text, "utf-8")
    if not (folder / "plain/log-1.ndjson").exists():
        write_lines(folder / "plain/log-1.ndjson", [{"id": i, "text": f"line {i} 🚀", "nested": {"a": [i, None, {"ü": "x"}]}} for i in range(5)])
    if more:
        write_lines(folder / "plain/log-2.ndjson", [{"id": 5, "text": "line 5", "nested": {"a": []}}])
    streams = [{"name": "people", "path": "people.csv", "key": ["id"]}, {"name": "log", "path": "log-*.ndjson"}]
    return {"base": str(folder / "plain"), "streams": streams}


# ------------------------------------------------------------------------------------------------------- the Airbyte and Singer kits


def tool(environment: str, name: str) -> str:
    """An executable that a package brought."""
    return str(Path(program(environment)[0]).parent / name)


def kit(environment: str, script: str, *args: str) -> list[str]:
    """The argv of a script in peers/."""
    return program(environment, str(HERE / "peers" / script), *args)


JUDGES = {"airbyte": ("pyairbyte", "judge_airbyte.py"), "singer-sdk": ("singer-sdk", "judge_singer_sdk.py"), "singer-python": ("singer-classic", "judge_singer_python.py"),
          "flow-sdk": ("airbyte", "judge_sdk_derive.py")}


def judged(judge: str, said: bytes, *args: str) -> list[str]:
    """What a judge has to complain about."""
    done = subprocess.run([*kit(*JUDGES[judge]), *args], input=said, capture_output=True, timeout=DEADLINE)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().splitlines()


def copied(folder: Path, name: str, source: str) -> str:
    """A program under another name: a link in a folder of its own."""
    link = folder / name
    if not link.exists():
        link.symlink_to(source)
    return str(link)
