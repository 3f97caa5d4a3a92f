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

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PEERS = Path(os.environ.get("WEIR_PEERS") or Path.home() / ".cache" / "weir-peers")
DEADLINE = 120  # seconds for one run of weir; a bound, not a wait


class Weir:
    def __init__(self, program: Path):
        self.program = program

    def __call__(self, *args, status=0) -> subprocess.CompletedProcess:
        argv = [str(self.program), *map(str, args)]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=DEADLINE, stdin=subprocess.DEVNULL)
        assert status is None or done.returncode == status, f"{argv} exited {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done


@pytest.fixture(scope="session")
def weir() -> Weir:
    program = Path(os.environ.get("WEIR_BIN") or ROOT / "build" / "bin" / "weir").resolve()
    if not program.exists():
        pytest.skip(f"{program} is not there: build it, or set WEIR_BIN")
    return Weir(program)


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
    """A peer and its data. grow() adds data for a second session. volatile: properties that differ from run to run."""

    peer: Peer
    grow: Callable[[], None] = lambda: None
    volatile: set[str] = field(default_factory=set)


# ------------------------------------------------------------------------------------------------------------- estuary-cdk

THINGS = [
    {"id": 1, "null": None, "true": True, "text": "é 🚀 \u0001 \" \\ / \u2028 \t", "empty": "", "list": [], "object": {}},
    {"id": 2, "int53": 2**53 + 1, "int63": 2**63 - 1, "min63": -(2**63), "int64": 2**64 - 1, "huge": 10**40, "fraction": 0.1, "tiny": 5e-324},
    {"id": 3, "nested": {"a": [1, {"b": [None, False, {"ü": {}}]}]}, "text": "x" * 5000, "": "no name", "a/b~c": "odd name"},
]
EVENTS = [{"id": 100 + i, "text": None if i % 3 == 0 else f"event {i}", "n": i / 8} for i in range(10)]
HISTORY = [{"id": i, "text": f"old {i}"} for i in range(1, 6)]


def cdk_source(folder: Path, once=True) -> Case:
    write_lines(folder / "things.ndjson", THINGS)
    write_lines(folder / "history.ndjson", HISTORY)
    write_lines(folder / "events.ndjson", EVENTS[:7])
    write_lines(folder / "odd.ndjson", [{"a/b": "x", "k": {"~n": 1}}, {"a/b": "x", "k": {"~n": 2}}])

    def grow():  # one thing changes and one goes; the logs grow
        write_lines(folder / "things.ndjson", [{**THINGS[0], "text": "changed"}, THINGS[2]])
        write_lines(folder / "events.ndjson", EVENTS)
        write_lines(folder / "odd.ndjson", [{"a/b": "x", "k": {"~n": 1}}, {"a/b": "x", "k": {"~n": 2}}, {"a/b": "", "k": {"~n": -1}}])

    return Case(Peer(program("suite", str(HERE / "peers/cdk_source.py")), {"dir": str(folder), "once": once, "token": "s3cret"}), grow)


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


CASES = ["cdk_source", "airbyte_shim", "singer_dbf", "singer_rest"]


def make_case(name: str, folder: Path, api: Api) -> Case:
    folder.mkdir()
    return singer_rest(api) if name == "singer_rest" else globals()[name](folder)


@pytest.fixture(params=CASES)
def case(request, tmp_path, api) -> Case:
    return make_case(request.param, tmp_path / "peer data", api)
