"""Our sources as Singer taps: judged by both libraries and their test suites, piped into targets, run by Meltano."""

import copy
import gzip
import json
import os
import signal
import subprocess
import time
from decimal import Decimal
from pathlib import Path

import pytest
import yaml

import catalogs
import exact
from conftest import DEADLINE, HERE, SERVED, WRONG, judged, kit, ours, plain_files, program, served_peer, source_hello, tool
from drive import capture, capture_spec, discover
from drive_singer import Program, Run, select
from test_airbyte_source import inner_pytest

KINDS = {"source-hello": source_hello, "source-files": plain_files}


@pytest.fixture(params=SERVED)
def name(request) -> str:
    return request.param


def tap(name: str) -> Program:
    return Program([ours(name)])


def decimals(text):
    return json.loads(text, parse_float=Decimal)


def check_sync(run: Run, resumed=False):
    """SCHEMA before a stream's records and again only if it changes, nothing but the five types, a state last; when resuming, one first."""
    messages, known = run.messages(), {}
    for message in messages:
        assert message["type"] in ("SCHEMA", "RECORD", "STATE", "ACTIVATE_VERSION")
        if message["type"] == "SCHEMA":
            assert known.get(message["stream"]) != message, "a schema that did not change"
            known[message["stream"]] = message
        elif message["type"] != "STATE":
            assert message["stream"] in known
    assert messages[-1]["type"] == "STATE"
    assert not resumed or messages[0]["type"] == "STATE"


def test_syncs_what_is_selected(name, tmp_path):
    program, config = tap(name), SERVED[name](tmp_path, False)
    found = program.discover(config)
    run = program.sync(config, select(found))
    check_sync(run)
    peer = served_peer(name, tmp_path)
    flow = discover(peer)
    done = capture(peer, capture_spec(peer, flow), {})
    assert run.records(decimals) == {f["recommendedName"]: done.of(i) for i, f in enumerate(flow)}
    for entry in found["streams"]:
        only = program.sync(config, select(found, [entry["tap_stream_id"]]))
        assert set(only.records()) == set(only.schemas()) == {entry["stream"]}
    nothing = program.sync(config, select(found, []))
    assert not nothing.records() and not nothing.schemas()


def test_documents_are_the_files_lines(tmp_path):
    program, config = tap("source-files"), SERVED["source-files"](tmp_path, False)
    got = program.sync(config, select(program.discover(config))).records(exact.loads)
    want = [exact.loads(line) for line in exact.lines((tmp_path / "files/log-1.ndjson").read_bytes())]
    assert [{k: v for k, v in doc.items() if k != "_meta"} for doc in got["log"]] == want


def test_resumes(name, tmp_path):
    program, config = tap(name), SERVED[name](tmp_path, False)
    catalog = select(program.discover(config))
    first = program.sync(config, catalog)
    again = program.sync(config, catalog, first.state())
    check_sync(again, resumed=True)
    assert again.records() == {} and again.state() == first.state()
    config = SERVED[name](tmp_path, True)
    more = program.sync(config, catalog, again.state())
    check_sync(more, resumed=True)
    whole = program.sync(config, catalog)
    assert more.records()
    for stream, docs in whole.records().items():
        together = first.records().get(stream, []) + more.records().get(stream, [])
        assert {json.dumps(d, sort_keys=True) for d in together} == {json.dumps(d, sort_keys=True) for d in docs}


def test_state_that_it_does_not_know_is_kept(name, tmp_path):
    program, config = tap(name), SERVED[name](tmp_path, False)
    catalog = select(program.discover(config))
    state = program.sync(config, catalog).state()
    odd = {**state, "mine": {"x": [1, None]}, "bookmarks": {**state["bookmarks"], "somebody else": {"a": 1}}, "currently_syncing": None}
    run = program.sync(config, catalog, odd)
    assert run.records() == {}
    assert run.state()["mine"] == odd["mine"] and run.state()["bookmarks"]["somebody else"] == {"a": 1}


def test_every_state_resumes_behind_its_records(tmp_path):
    program, config = tap("source-hello"), {"text": "x", "count": 6}
    catalog, said, points = select(program.discover(config)), [], []
    for message in program.sync(config, catalog).messages():
        if message["type"] == "RECORD":
            said.append(message["record"])
        elif message["type"] == "STATE":
            points.append((message["value"], len(said)))
    assert points[-1][1] == len(said) == 6
    for state, at in points:
        assert program.sync(config, catalog, state).records().get("greetings", []) == said[at:]


# ------------------------------------------------------------------------------------------------------------------- selection


def selected(program: Program, config: dict, catalog: dict) -> dict[str, set[str]]:
    """The fields of each stream that came; SCHEMA and records must agree."""
    run, found = program.sync(config, catalog), {}
    for stream, (schema,) in run.schemas().items():
        found[stream] = set(schema["schema"]["properties"]) - {"_meta"}
        for record in run.records().get(stream, []):
            assert set(record) - {"_meta"} <= found[stream]
        assert set(schema["schema"].get("required", [])) <= set(schema["schema"]["properties"])
    return found


def with_metadata(catalog: dict, stream: dict | None, fields: dict[str, dict]) -> dict:
    """A catalog with one stream, people, whose metadata is this and nothing else."""
    catalog = copy.deepcopy(catalog)
    (entry,) = catalog["streams"] = [e for e in catalog["streams"] if e["stream"] == "people"]
    entry["metadata"] = [{"breadcrumb": [], "metadata": stream}] if stream is not None else []
    entry["metadata"] += [{"breadcrumb": ["properties", field], "metadata": m} for field, m in fields.items()]
    return catalog


def test_selection(tmp_path):
    """singer.md 2, the SDK's rules 1 to 7."""
    program, config = tap("source-files"), plain_files(tmp_path, False)
    found = program.discover(config)
    every = {"id", "name", "price", "day", "at", "ok"}
    come = lambda stream, **fields: selected(program, config, with_metadata(found, stream, fields)).get("people")
    automatic = {"inclusion": "automatic"}

    bare = with_metadata(found, None, {})
    del bare["streams"][0]["metadata"]
    assert selected(program, config, bare) == {"people": every}, "1: no metadata at all"
    assert come({"selected": False}, name={"selected": True}, id=automatic) is None, "2: parent not selected"
    assert come({"selected": True}, name={"inclusion": "unsupported", "selected": True}) == every - {"name"}, "3"
    assert come({"selected": True}, name={"inclusion": "automatic", "selected": False}) == every, "4"
    assert come({"selected": True}, name={"selected": False}, price={"inclusion": "available", "selected": True}) == every - {"name"}, "5"
    assert come({"selected": True}, name={"selected-by-default": False}, price={"selected-by-default": True}) == every - {"name"}, "6"
    assert come({"selected": True}) == every, "7: the parent's"
    assert come({"inclusion": "available"}) is None, "7: a stream is not selected by itself"
    assert come({"selected-by-default": True}) == every
    assert come({"selected": "true"}, name={"selected": False}) == every - {"name"}
    kept = come({"selected": True}, id={"inclusion": "available", "selected": False})
    assert kept in (every, every - {"id"})


def test_a_legacy_catalog(name, tmp_path):
    """--properties, with selection inside of the schema."""
    program, config = tap(name), SERVED[name](tmp_path, False)
    found = program.discover(config)
    legacy = copy.deepcopy(found)
    for entry in legacy["streams"]:
        entry["schema"]["selected"] = True
    want = program.sync(config, select(found)).records()
    assert program.run(config=config, properties=legacy).records() == want
    assert program.run(config=config, properties=select(found)).records() == want


def test_without_a_catalog_everything_comes(name, tmp_path):
    program, config = tap(name), SERVED[name](tmp_path, False)
    assert program.sync(config).records() == program.sync(config, select(program.discover(config))).records()


def test_full_table_comes_whole_every_time(tmp_path):
    program, config = tap("source-files"), plain_files(tmp_path, False)
    catalog = select(program.discover(config), ["people"], method={"people": "FULL_TABLE"})
    first = program.sync(config, catalog)
    again = program.sync(config, catalog, first.state())
    assert len(first.records()["people"]) == 3 and again.records() == first.records()


# ---------------------------------------------------------------------------------------------------------------- command line


def test_about(name):
    """The members that Meltano's SDK prints; settings are a JSON Schema with our config in it."""
    about = json.loads(tap(name).run("--about", "--format=json").out)
    assert {"name", "description", "version", "capabilities", "settings"} <= set(about)
    assert {"catalog", "discover", "state", "about"} <= set(about["capabilities"])
    assert set(next(iter(WRONG[name]))) and next(iter(WRONG[name])) in about["settings"]["properties"]
    assert about["settings"]["type"] == "object"
    text = tap(name).run("--about", "--format", "markdown").out.decode()
    assert text.startswith("#") and next(iter(WRONG[name])) in text
    assert tap(name).run("--version").out.decode().strip()


def test_test(name, tmp_path):
    program, config = tap(name), SERVED[name](tmp_path, False)
    run = program.run("--test", config=config)
    assert all(len(records) == 1 for records in run.records().values())
    schema = program.run("--test=schema", config=config)
    assert {m["type"] for m in schema.messages()} <= {"SCHEMA", "STATE"} and schema.schemas().keys() == run.schemas().keys()


def test_exit_codes(name, tmp_path):
    program, config, word = tap(name), SERVED[name](tmp_path, False), next(iter(WRONG[name]))
    failed = program.run("--protocol", "singer", config=WRONG[name], expect=1)
    assert word in failed.log and not failed.out
    for files in {"config": "{"}, {"config": "[]"}, {"config": config, "catalog": "{"}, {"config": config, "state": "nonsense"}:
        assert program.run("--protocol", "singer", expect=1, **files).log
    for argv in ["--config", "/nowhere/config.json"], ["--config", "/nowhere/config.json", "--discover"]:
        done = subprocess.run([*program.argv, *argv], capture_output=True, timeout=DEADLINE, stdin=subprocess.DEVNULL)
        assert done.returncode == 1 and done.stderr and not done.stdout
    assert program.run("--bogus", config=config, expect=2).log
    state = program.sync(config).state()
    assert program.run("--discover", config=config, state=state).out == program.run("--discover", config=config).out


def test_config_from_several_places(tmp_path):
    """Files merged from left to right; ENV adds variables that override them."""
    program, files = tap("source-hello"), [{"text": "a", "count": 2}, {"count": 3}]
    argv = []
    for i, content in enumerate(files):
        (tmp_path / f"{i}.json").write_text(json.dumps(content))
        argv += ["--config", str(tmp_path / f"{i}.json")]
    texts = lambda run: [r["text"] for r in run.records()["greetings"]]
    assert texts(program.run(*argv)) == ["a"] * 3
    prefix = json.loads(program.run("--about", "--format=json").out)["name"].upper().replace("-", "_")
    env = {f"{prefix}_TEXT": "from the environment", f"{prefix}_COUNT": "4"}
    assert texts(Program(program.argv, env).run(*argv)) == ["a"] * 3, "the environment counts only when asked for"
    assert texts(Program(program.argv, env).run(*argv, "--config", "ENV")) == ["from the environment"] * 4


def test_a_reader_that_leaves_and_a_signal(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"text": "x" * 1000, "count": 100_000_000}))
    argv = [*tap("source-hello").argv, "--config", str(tmp_path / "config.json")]
    child = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert child.stdout.readline().startswith(b"{")
    child.stdout.close()
    assert child.wait(30) != 0
    child = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    child.stdout.readline()
    child.send_signal(signal.SIGTERM)
    last = child.stdout.read().split(b"\n")[-2]
    assert child.wait(30) == 0 and json.loads(last)["type"] == "STATE", "a state at the end, also of what was stopped"


# ---------------------------------------------------------------------------------------------------------- judged and used by kits


@pytest.mark.parametrize("judge", ["singer-sdk", "singer-python"])
def test_every_line_fits_the_libraries(judge, tmp_path):
    said, discovered = b"", []
    for name in SERVED:
        (folder := tmp_path / name).mkdir()
        program, config = tap(name), SERVED[name](folder, False)
        found = program.run("--discover", config=config)
        discovered.append(found.out)
        catalog = json.loads(found.out)
        first = program.sync(config, select(catalog))
        said += first.out + program.sync(config, select(catalog), first.state()).out + program.run("--test", config=config).out
        said += program.sync(config, select(catalog, method={e["tap_stream_id"]: "FULL_TABLE" for e in catalog["streams"]})).out
    assert judged(judge, said) == []
    for text in discovered:
        assert judged(judge, text, "--catalog") == []


@pytest.mark.parametrize("name", KINDS)
def test_singer_check_tap(name, tmp_path):
    """Its mode for standard input, because the other has a race; and again from the last state."""
    program, config = tap(name), KINDS[name](tmp_path, False)
    catalog = select(program.discover(config))
    first = program.sync(config, catalog)
    for run in first, program.sync(KINDS[name](tmp_path, True), catalog, first.state()):
        done = subprocess.run([tool("singer-classic", "singer-check-tap")], input=run.out, capture_output=True, timeout=DEADLINE, cwd=tmp_path)
        said = (done.stdout + done.stderr).decode()
        assert done.returncode == 0, said
        assert "The output is valid" in said and f"{sum(map(len, run.records().values()))} record" in said


@pytest.mark.parametrize("name", KINDS)
def test_meltanos_sdk_tap_suite(name, tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(KINDS[name](tmp_path, False)))
    folder = tmp_path / "tests"
    folder.mkdir()
    (folder / "test_tap.py").write_text((HERE / "peers/sdk_tap_suite.py").read_text())
    last = inner_pytest(program("singer-sdk"), folder, WEIR_TAP=json.dumps([ours(name)]), WEIR_CONFIG=str(tmp_path / "config.json"))
    assert " passed" in last and "failed" not in last and int(last.split()[0]) >= 12, last


def test_into_target_jsonl(tmp_path):
    """What it stores are the records, and it stores a state, because the last line is one; the second run adds what is new."""
    program, out = tap("source-files"), tmp_path / "out"
    out.mkdir()
    target = Program([tool("target-jsonl", "target-jsonl")])
    want, state = {}, None
    catalog = select(program.discover(plain_files(tmp_path, False)))
    for more in False, True:
        run = program.sync(plain_files(tmp_path, more), catalog, state)
        _, states = target.load({"destination_path": str(out), "do_timestamp_file": False}, run.out)
        assert states[-1] == run.state()
        state = states[-1]
        for stream, records in run.records().items():
            want.setdefault(stream, []).extend(records)
    assert {path.stem: [json.loads(line) for line in path.open()] for path in out.iterdir()} == want
    assert len(want["log"]) == 6 and want["people"][-1]["id"] == 4


@pytest.mark.parametrize("which", ["sdk", "target-sqlite", "target-duckdb"])
def test_into_sql_targets(which, tmp_path):
    program, target, config, rows = tap("source-files"), *sql_target(which, tmp_path)
    state, catalog = None, select(program.discover(plain_files(tmp_path, False)), ["people"])
    for more in False, True:
        run = program.sync(plain_files(tmp_path, more), catalog, state)
        _, states = target.load(config, run.out)
        assert states[-1] == run.state()
        state = states[-1]
    got = sorted(rows("people"), key=lambda r: r["id"])
    assert [(r["id"], r["name"] or None, float(r["price"]), r["ok"]) for r in got] == [
        (1, "Zoë €", 1.25, True), (2, None, -0.5, False), (3, 'a "b", c\n\\ /', 1e6, None), (4, "new", 0.0, True)]  # fmt: skip


def sql_target(which: str, folder: Path):
    """A target, its config, and a function that gives the rows of a table."""

    def sqlite(path: Path):
        def rows(table: str) -> list[dict]:
            return catalogs.rows(path, table)

        return rows

    if which == "sdk":
        return Program(kit("singer-sdk", "sdk_target.py")), {"path": str(folder / "sdk.db")}, sqlite(folder / "sdk.db")
    if which == "target-sqlite":
        return Program(kit("singer-classic", "old_target_sqlite.py")), {"database": str(folder / "old.db")}, sqlite(folder / "old.db")

    def duckdb(table: str) -> list[dict]:
        ask = f"""import duckdb,json
r=duckdb.connect({str(folder / "x.duckdb")!r}).execute('select * from "{table}"')
print(json.dumps([dict(zip([d[0] for d in r.description],row)) for row in r.fetchall()],default=str))"""
        done = subprocess.run([*program("target-duckdb"), "-c", ask], capture_output=True, text=True, timeout=DEADLINE)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return Program([tool("target-duckdb", "target-duckdb")]), {"path": str(folder / "x.duckdb"), "default_target_schema": "main"}, duckdb


# --------------------------------------------------------------------------------------------------------------------- Meltano


def plugin(name: str, executable: str, config: dict, **more) -> dict:
    settings = [{"name": key, "kind": "array" if isinstance(value, list) else "string"} for key, value in config.items()]
    return {"name": name, "namespace": name.replace("-", "_"), "executable": executable, "settings": settings, "config": config, **more}


class Meltano:
    """A project that knows no hub and installs nothing."""

    def __init__(self, folder: Path, extractor: dict, loader: dict):
        self.folder, self.plugins = folder, (extractor["name"], loader["name"])
        extractor.setdefault("capabilities", ["catalog", "discover", "state", "about"])
        content = {
            **{"default_environment": "dev", "send_anonymous_usage_stats": False, "project_id": "00000000-0000-0000-0000-000000000001"},
            **{"environments": [{"name": "dev"}], "plugins": {"extractors": [extractor], "loaders": [loader]}},
        }
        folder.mkdir()
        (folder / "meltano.yml").write_text(yaml.safe_dump(content, allow_unicode=True))
        quiet = {"MELTANO_SEND_ANONYMOUS_USAGE_STATS": "false", "MELTANO_CLI_DISABLE_VERSION_CHECK": "true", "NO_COLOR": "1"}
        self.env = {**os.environ, **quiet, "MELTANO_HUB_API_ROOT": "http://127.0.0.1:9/", "HOME": str(folder)}

    def __call__(self, *args: str, status: int | None = 0) -> subprocess.CompletedProcess:
        done = subprocess.run([tool("singer-sdk", "meltano"), *args], cwd=self.folder, env=self.env, capture_output=True, text=True, timeout=DEADLINE)
        assert status is None or done.returncode == status, done.stdout + done.stderr
        return done

    def run(self) -> dict:
        """Runs and returns the state that is stored then."""
        self("run", *self.plugins)
        return json.loads(self("state", "get", "dev:{}-to-{}".format(*self.plugins)).stdout)["singer_state"]


def test_meltano_runs_and_resumes(tmp_path):
    out, config = tmp_path / "out", plain_files(tmp_path, False)
    out.mkdir()
    extractor = plugin("tap-weir", ours("source-files"), config, select=["people.*", "!people.price", "log.*"])
    loader = plugin("target-jsonl", tool("target-jsonl", "target-jsonl"), {"destination_path": str(out), "do_timestamp_file": False})
    loader["settings"][1]["kind"] = "boolean"
    meltano = Meltano(tmp_path / "project", extractor, loader)
    lines = lambda name: [json.loads(line) for line in (out / f"{name}.jsonl").open()]
    first = meltano.run()
    assert [r["id"] for r in lines("people")] == [1, 2, 3] and len(lines("log")) == 5
    assert "price" not in lines("people")[0] and "name" in lines("people")[0]
    plain_files(tmp_path, True)
    second = meltano.run()
    assert [r["id"] for r in lines("log")] == list(range(6)), "what was there is not read again"
    assert [r["id"] for r in lines("people")][-1] == 4 and first != second


# ------------------------------------------------------------------------------------------------------------ batches and versions


def test_batches_are_loaded_by_a_target_of_the_sdk(tmp_path):
    """With batch_config the records are in files that messages name: gzip, one bare record a line."""
    program, config, folder = tap("source-files"), plain_files(tmp_path, False), tmp_path / "batches"
    folder.mkdir()
    catalog = select(program.discover(config), ["people"])
    storage = {"encoding": {"format": "jsonl", "compression": "gzip"}, "storage": {"root": f"file://{folder}", "prefix": "weir-"}}
    run = program.sync({**config, "batch_config": storage}, catalog)
    (batch,) = [m for m in run.messages() if m["type"] == "BATCH"]
    assert batch["encoding"] == storage["encoding"] and not run.records() and run.messages()[-1]["type"] == "STATE"
    files = [Path(url.removeprefix("file://")) for url in batch["manifest"]]
    records = [json.loads(line) for file in files for line in gzip.decompress(file.read_bytes()).split(b"\n") if line]
    assert records == program.sync(config, catalog).records()["people"] and all(file.name.startswith("weir-") for file in files)
    target, config, rows = sql_target("sdk", tmp_path)
    _, states = target.load(config, run.out)
    assert sorted(r["id"] for r in rows("people")) == [1, 2, 3] and states[-1] == run.state()


def test_full_table_tells_which_rows_are_out_of_date(tmp_path):
    """ACTIVATE_VERSION at the end, so that targets can drop what is gone; judged, and obeyed by our own target."""
    program, target = tap("source-files"), Program([ours("materialize-sqlite")])
    config = {**plain_files(tmp_path, True), "emit_activate_version_messages": True}
    catalog = select(program.discover(config), ["people"], method={"people": "FULL_TABLE"})
    where = {"path": str(tmp_path / "x.db"), "hard_delete": True, "add_record_metadata": True}
    versions = []
    for more in True, False:
        plain_files(tmp_path, more)
        run = program.sync(config, catalog)
        assert judged("singer-sdk", run.out) == []
        messages = [m for m in run.messages() if m.get("version")]
        versions.append({m["version"] for m in messages})
        assert len(versions[-1]) == 1 and messages[-1]["type"] == "ACTIVATE_VERSION"
        target.load(where, run.out)
        assert sorted(r["id"] for r in catalogs.rows(tmp_path / "x.db", "people")) == ([1, 2, 3, 4] if more else [1, 2, 3])
        time.sleep(0.002)  # a version is a time in milliseconds
    assert max(versions[0]) < min(versions[1])
