"""What the tests of materialize-postgres share: a catalog with lines that are captured and loaded, and one `ok` or `not ok` a test."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path

from server import Server, programs

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("WEIR_BUILD", ROOT / "build")).resolve()
BIN = BUILD / "bin"
EMIT = [sys.executable, str(ROOT / "tests" / "postgres" / "emit.py"), "lines"]


class Place:
    """A folder with a catalog. Lines are (stream, document as a dict or as JSON text)."""

    def __init__(self, server, config=None):
        self.server, self.folder = server, Path(tempfile.mkdtemp(prefix="weir-pgt-"))
        self.config = config or server.config()
        self.collections, self.bindings, self.lines = {}, {}, []
        self.derived = {}
        self.local = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder, ignore_errors=True)

    def collection(self, name, properties, key=("id",), required=(), resource=None, **binding):
        self.collections[name] = {"schema": {"type": "object", "properties": properties, "required": [*key, *required]}, "key": [f"/{k}" for k in key]}
        self.bindings[name] = {"resource": {"table": name, **(resource or {})}, "source": f"t/{name}", **binding}
        return self

    def derive(self, name, key, properties, source, sql):
        """A collection that SQL makes of another one, documents of one key reduced, and its table."""
        schema = {"type": "object", "properties": properties, "required": [key], "reduce": {"strategy": "merge"}}
        transform = {"name": "from", "source": f"t/{source}", "shuffle": "any", "lambda": sql}
        self.derived[name] = {"schema": schema, "key": [f"/{key}"], "derive": {"using": {"sqlite": {}}, "transforms": [transform]}}
        self.bindings[name] = {"resource": {"table": name}, "source": f"t/{name}"}

    def put(self, stream, *documents):
        self.lines += [f"{stream} {d if isinstance(d, str) else json.dumps(d)}" for d in documents]
        return self

    def write(self):
        endpoint = {"native": {"connector": "materialize-postgres", "config": self.config}}
        if self.local:
            endpoint = {"local": {**self.local, "config": self.config}}
        streams = [{"resource": {"stream": n}, "target": f"t/{n}"} for n in self.collections]
        catalog = {
            "captures": {"t/source": {"endpoint": {"local": {"command": EMIT, "config": {}}}, "bindings": streams}},
            "collections": {f"t/{n}": c for n, c in (self.collections | self.derived).items()},
            "materializations": {"t/db": {"endpoint": endpoint, "bindings": list(self.bindings.values())}},
        }
        (self.folder / "flow.yaml").write_text(json.dumps(catalog))
        (self.folder / "lines").write_text("".join(line + "\n" for line in self.lines))

    def command(self, *more):
        return [str(BIN / "weir"), "run", "--once", "--idle", "30s", "--source", "flow.yaml", "--data", "data", "--quiet", *more]

    def run(self, *more, status=0, env=None):
        self.write()
        told = {**os.environ, "LOG_LEVEL": "info", "LOG_FORMAT": "text", **(env or {})}
        done = subprocess.run(self.command(*more), cwd=self.folder, env=told, capture_output=True, text=True, timeout=120)
        if status is not None and done.returncode != status:
            raise AssertionError(f"weir run ended with {done.returncode}, not {status}: {done.stderr}")
        if self.server.password in done.stderr + done.stdout:
            raise AssertionError("the password is in the log")
        return done.stderr


def same(got, wanted):
    if got != wanted:
        raise AssertionError(f"got\n{got}\nwanted\n{wanted}")


def has(text, part):
    if part not in text:
        raise AssertionError(f"{part!r} is not in\n{text}")


def run_all(tests, part):
    """Each test gets the server and a database of its own name."""
    if not programs():
        print("ok postgres # SKIP PostgreSQL is not installed: bin/setup")
        return 0
    failed = 0
    with Server() as server:
        for test in tests:
            name = "postgres/" + test.__name__.removeprefix("test_")
            if part not in name:
                continue
            server.ask("DROP DATABASE IF EXISTS weir WITH (FORCE)", database="postgres")
            server.ask("CREATE DATABASE weir", database="postgres")
            try:
                test(server)
                print(f"ok {name}", flush=True)
            except Exception:  # pylint: disable=broad-except
                failed += 1
                print(f"not ok {name}", flush=True)
                print("".join(f"# {line}\n" for line in traceback.format_exc().splitlines()), end="", flush=True)
    return failed > 0
