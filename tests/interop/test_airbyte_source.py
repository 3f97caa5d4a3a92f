"""Our sources as Airbyte sources: judged by Airbyte's models and standard tests, read by PyAirbyte, driven by drive_airbyte.py."""

import copy
import json
import os
import signal
import subprocess
from decimal import Decimal
from pathlib import Path

import pytest

import exact
from conftest import DEADLINE, HERE, SERVED, WRONG, judged, kit, ours, plain_files, program, served_peer, source_hello
from drive import capture, capture_spec, discover
from drive_airbyte import Connector, Run, configured, name_of

KINDS = {"source-hello": source_hello, "source-files": plain_files}


@pytest.fixture(params=SERVED)
def name(request) -> str:
    return request.param


def connector(name: str) -> Connector:
    return Connector([ours(name)])


# ------------------------------------------------------------------------------------------------------------- rules of a read


def check_read(run: Run, catalog: dict):
    """The life of each stream: STARTED, RUNNING at the first record, states that count what came since the last one, COMPLETE at the very end."""
    streams = [name_of(s["stream"], "name") for s in catalog["streams"]]
    phase, waiting = {s: None for s in streams}, {s: 0 for s in streams}
    counted, states = {s: 0 for s in streams}, {s: 0 for s in streams}
    for kind, body in run.messages:
        if kind == "RECORD":
            stream = name_of(body)
            assert phase[stream] == "RUNNING"
            assert type(body["emitted_at"]) is int and body["emitted_at"] > 1.6e12
            waiting[stream] += 1
        elif kind == "STATE":
            assert body["type"] == "STREAM"
            stream = name_of(body["stream"]["stream_descriptor"], "name")
            assert phase[stream] in ("STARTED", "RUNNING")
            assert body["sourceStats"]["recordCount"] == waiting[stream]
            counted[stream] += waiting[stream]
            waiting[stream], states[stream] = 0, states[stream] + 1
        elif kind == "TRACE" and body["type"] == "STREAM_STATUS":
            stream = name_of(body["stream_status"]["stream_descriptor"], "name")
            status = body["stream_status"]["status"]
            assert (phase[stream], status) in [(None, "STARTED"), ("STARTED", "RUNNING"), ("STARTED", "COMPLETE"), ("RUNNING", "COMPLETE")]
            phase[stream] = status
            assert status != "COMPLETE" or states[stream] and not waiting[stream], "a stream ends behind its last state"
    assert set(phase.values()) == {"COMPLETE"}
    assert counted == {s: len(run.records().get(s, [])) for s in streams}


def test_life_of_streams(name, tmp_path):
    source, config = connector(name), SERVED[name](tmp_path, False)
    for mode in "incremental", "full_refresh":
        catalog = configured(source.discover(config), mode)
        run = source.read(config, catalog)
        check_read(run, catalog)
        assert run.records() and not run.junk
        check_read(source.read(config, catalog, run.states()), catalog)


def decimals(text):
    return json.loads(text, parse_float=Decimal)


def test_reads_the_same_as_over_flow(name, tmp_path):
    source, config = connector(name), SERVED[name](tmp_path, False)
    got = source.read(config, configured(source.discover(config), "full_refresh")).records(decimals)
    peer = served_peer(name, tmp_path)
    found = discover(peer)
    flow = capture(peer, capture_spec(peer, found), {})
    assert got == {f["recommendedName"]: flow.of(i) for i, f in enumerate(found)}


def test_documents_are_the_files_lines(tmp_path):
    """Byte for byte as JSON values: numbers of any size and precision, any text, odd names."""
    source, config = connector("source-files"), SERVED["source-files"](tmp_path, False)
    got = source.read(config, configured(source.discover(config), "full_refresh")).records(exact.loads)
    want = [exact.loads(line) for line in exact.lines((tmp_path / "files/log-1.ndjson").read_bytes())]
    assert [{k: v for k, v in doc.items() if k != "_meta"} for doc in got["log"]] == want


def test_resumes(name, tmp_path):
    source = connector(name)
    config = SERVED[name](tmp_path, False)
    catalog = configured(source.discover(config))
    first = source.read(config, catalog)
    again = source.read(config, catalog, first.states())
    assert again.records() == {}
    config = SERVED[name](tmp_path, True)
    more = source.read(config, catalog, again.states())
    whole = source.read(config, catalog)
    check_read(more, catalog)
    assert more.records()
    for stream, docs in whole.records().items():
        together = first.records().get(stream, []) + more.records().get(stream, [])
        assert {json.dumps(d, sort_keys=True) for d in together} == {json.dumps(d, sort_keys=True) for d in docs}


def test_every_state_resumes_behind_its_records(tmp_path):
    """From any STATE on, exactly what came after it comes."""
    source, config = connector("source-hello"), {"text": "x", "count": 6}
    catalog = configured(source.discover(config))
    run, said, points = source.read(config, catalog), [], []
    for kind, body in run.messages:
        if kind == "RECORD":
            said.append(body["data"])
        elif kind == "STATE":
            points.append((body, len(said)))
    assert points[-1][1] == len(said) == 6
    for state, at in points:
        assert source.read(config, catalog, [state]).records().get("greetings", []) == said[at:]


def test_state_as_others_write_it(tmp_path):
    """All nulls written out, `global_` for `global` and twice; GLOBAL without a shared state; nothing at all."""
    source, config = connector("source-hello"), {"text": "x", "count": 3}
    catalog = configured(source.discover(config))
    (state,) = source.read(config, catalog).states()
    stream = json.dumps({"stream_descriptor": {**state["stream"]["stream_descriptor"], "namespace": None}, "stream_state": state["stream"]["stream_state"]})
    nulls = '"global_":null,"data":null,"sourceStats":null,"destinationStats":null'
    parts = f'{{"shared_state":null,"stream_states":[{stream}]}}'
    done = [
        f'[\n {{"type":"STREAM",\n"stream":{stream},{nulls},"global_":null}}]',
        f'[{{"stream":{stream}}}]',
        f'[{{"type":"GLOBAL","global":{parts}}}]',
        f'[{{"type":"GLOBAL","global_":{parts},"stream":null,"data":null,"global_":{parts}}}]',
    ]
    for text in done:
        assert source.read(config, catalog, text).records() == {}
    for text in "[]", "{}", f'[{{"type":"STREAM","stream":{{"stream_descriptor":{{"name":"greetings"}},"stream_state":null}}}}]':
        assert len(source.read(config, catalog, text).records()["greetings"]) == 3


def test_exit_codes(name, tmp_path):
    """airbyte.md 1.2."""
    source, config, wrong = connector(name), SERVED[name](tmp_path, False), WRONG[name]
    word = next(iter(wrong))
    failed = source.run("check", config=wrong)
    assert failed.one("CONNECTION_STATUS")["status"] == "FAILED" and word in failed.one("CONNECTION_STATUS")["message"]
    catalog = configured(source.discover(config))
    unknown = {"streams": [{**catalog["streams"][0], "stream": {**catalog["streams"][0]["stream"], "name": "nope"}}]}
    mode = {"streams": [{**catalog["streams"][0], "sync_mode": "INVALID"}]}
    failures = [
        source.run("discover", expect=1, config=wrong),
        source.read(wrong, catalog, expect=1),
        source.run("check", expect=1, config="{"),
        source.run("check", expect=1, config="[]"),
        source.read(config, mode, expect=1),
        source.run("read", expect=1, config=config, catalog="nonsense"),
        source.run("read", expect=1, config=config, catalog=catalog, state="nonsense"),
        missing_file(source),
    ]
    for run in failures:
        assert not run.of("CONNECTION_STATUS") and len(run.errors()) >= 1, run.out
        assert run.errors()[-1]["message"] and run.errors()[-1]["failure_type"] in ("config_error", "system_error", "transient_error")
    assert failures[0].errors()[0]["failure_type"] == "config_error" and word in failures[0].errors()[0]["message"]
    run = source.read(config, unknown)
    assert run.statuses() == {"nope": ["INCOMPLETE"]} and not run.records()
    for argv in ["bogus"], ["check"], ["read", "--config", "x"]:
        done = subprocess.run([*source.argv, "--protocol", "airbyte", *argv], capture_output=True, timeout=DEADLINE)
        assert done.returncode == 2 and done.stderr and not done.stdout
    done = subprocess.run([*source.argv, "--protocol", "airbyte"], capture_output=True, timeout=DEADLINE, stdin=subprocess.DEVNULL)
    assert done.returncode == 1


def missing_file(source: Connector) -> Run:
    done = subprocess.run([*source.argv, "check", "--config", "/nowhere/config.json"], capture_output=True, timeout=DEADLINE)
    assert done.returncode == 1
    return Run(1, [(m["type"], m[m["type"].lower()]) for m in map(json.loads, done.stdout.split(b"\n")[:-1])], [], "", done.stdout)


def test_flags_in_every_form(name, tmp_path):
    source, config = connector(name), SERVED[name](tmp_path, False)
    catalog = configured(source.discover(config))
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "catalog.txt").write_text(json.dumps(catalog, indent=1))
    want = source.read(config, catalog).records()
    for argv in (
        ["read", f"--config={tmp_path}/config.json", f"--catalog={tmp_path}/catalog.txt"],
        ["--debug", "read", "--catalog", f"{tmp_path}/catalog.txt", "--config", f"{tmp_path}/config.json"],
        ["read", "--config", f"{tmp_path}/config.json", "--debug", "--catalog", f"{tmp_path}/catalog.txt"],
    ):
        done = subprocess.run([*source.argv, *argv], capture_output=True, timeout=DEADLINE, check=True)
        assert Run(0, [], [], "", done.stdout).records() == want


def test_catalog_with_nulls_and_unknown_keys(name, tmp_path):
    source, config = connector(name), SERVED[name](tmp_path, False)
    catalog = configured(source.discover(config))
    want = source.read(config, catalog).records()
    odd = copy.deepcopy(catalog)
    for stream in odd["streams"]:
        stream |= {"cursor_field": None, "primary_key": None, "new": {"a": 1}, "generation_id": None, "sync_id": None, "sync_mode": "incremental"}
        stream["stream"] |= {"namespace": None, "is_file_based": None, "more": []}
    assert source.read(config, odd).records() == want
    bare = {"streams": [{k: s[k] for k in ("stream", "sync_mode", "destination_sync_mode")} for s in catalog["streams"]]}
    assert source.read(config, bare).records() == want
    if len(catalog["streams"]) > 1:
        assert list(source.read(config, {"streams": catalog["streams"][1:2]}).records()) == [catalog["streams"][1]["stream"]["name"]]
    assert source.read(config, {"streams": []}).messages is not None


def test_a_reader_that_leaves_and_a_signal(tmp_path):
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"text": "x" * 1000, "count": 100_000_000}))
    source = connector("source-hello")
    (tmp_path / "catalog.json").write_text(json.dumps(configured(source.discover({"text": "x", "count": 1}))))
    argv = [*source.argv, "read", "--config", str(config), "--catalog", str(tmp_path / "catalog.json")]
    child = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert child.stdout.readline().startswith(b"{")
    child.stdout.close()
    assert child.wait(30) != 0
    child = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    child.stdout.readline()
    child.send_signal(signal.SIGTERM)
    child.stdout.read()
    assert child.wait(30) in (0, 143, -signal.SIGTERM)


# ---------------------------------------------------------------------------------------------------------- judged and used by kits


def test_every_line_fits_airbytes_models(tmp_path):
    said = b""
    for name in SERVED:
        (folder := tmp_path / name).mkdir()
        source, config = connector(name), SERVED[name](folder, False)
        found = source.run("discover", config=config)
        catalog = configured(found.one("CATALOG")["streams"])
        first = source.read(config, catalog)
        runs = [found, first, source.run("spec"), source.run("check", config=config), source.run("check", config=WRONG[name])]
        runs += [source.read(config, catalog, first.states()), source.run("discover", expect=1, config=WRONG[name])]
        runs += [source.read(config, configured(found.one("CATALOG")["streams"], "full_refresh"))]
        for run in runs:
            assert not run.junk and run.out.endswith(b"\n")
            said += run.out
    assert judged("airbyte", said) == []


METADATA = {
    "data": {
        **{"name": "Weir", "dockerRepository": "airbyte/source-weir", "dockerImageTag": "0.1.0", "githubIssueLabel": "source-weir"},
        **{"definitionId": "00000000-0000-4000-8000-000000000001", "connectorType": "source", "connectorSubtype": "file"},
        **{"license": "Apache-2.0", "documentationUrl": "https://example.com", "releaseStage": "alpha", "supportLevel": "community", "tags": []},
    },
    "metadataSpecVersion": "1.0",
}


def standard_folder(folder: Path, good: dict, bad: dict) -> Path:
    """A folder that looks like a connector's, for peers/cdk_standard.py."""
    connector = folder / "source-weir"
    connector.mkdir()
    one = {"tests": [{"config_path": "good.json"}]}
    checks = [{"config_path": "good.json", "status": "succeed"}, {"config_path": "bad.json", "status": "failed"}]
    tests = {"connection": {"tests": checks}, "spec": one, "discovery": one, "basic_read": one, "full_refresh": one}
    for name, content in ("good.json", good), ("bad.json", bad), ("metadata.yaml", METADATA):
        (connector / name).write_text(json.dumps(content, ensure_ascii=False), "utf-8")  # it is read as YAML
    (connector / "acceptance-test-config.yml").write_text(json.dumps({"connector_image": "airbyte/source-weir:dev", "acceptance_tests": tests}))
    (connector / "conftest.py").write_text('pytest_plugins = ["airbyte_cdk.test.standard_tests.pytest_hooks"]\n')
    (connector / "test_standard.py").write_text((HERE / "peers/cdk_standard.py").read_text())
    return connector


def inner_pytest(argv: list[str], folder: Path, **env) -> str:
    """Runs another kit's tests. Returns what pytest says at the end; fails when one of them failed."""
    argv = [*argv, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", "/dev/null", "--rootdir", str(folder)]
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "COV_"))}
    done = subprocess.run([*argv, str(folder), "-m", "not image_tests"], capture_output=True, text=True, timeout=DEADLINE, cwd=folder, env={**kept, **env})
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip().split("\n")[-1]


@pytest.mark.parametrize("name", KINDS)
def test_airbytes_standard_tests(name, tmp_path):
    folder = standard_folder(tmp_path, KINDS[name](tmp_path, False), WRONG[name])
    last = inner_pytest(program("pyairbyte"), folder, WEIR_SOURCE=ours(name))
    assert last.startswith("7 passed"), last


OFFLINE = {"AIRBYTE_OFFLINE_MODE": "1", "DO_NOT_TRACK": "1"}


def pyairbyte(folder: Path, jobs: list[dict]) -> list[dict]:
    homes = {name: str(folder) for name in ("HOME", "AIRBYTE_PROJECT_DIR", "AIRBYTE_TEMP_DIR", "AIRBYTE_CACHE_ROOT", "AIRBYTE_LOGGING_ROOT")}
    done = subprocess.run(kit("pyairbyte", "pyairbyte_read.py"), input=json.dumps(jobs), capture_output=True, text=True, timeout=DEADLINE,
                          cwd=folder, env={**os.environ, **OFFLINE, **homes})  # fmt: skip
    assert done.returncode == 0, done.stderr[-6000:]
    return json.loads(done.stdout)


def test_pyairbyte_checks_reads_and_resumes(tmp_path):
    """One process for all, because PyAirbyte takes long to start: a first read, one that finds nothing new, one that finds more."""
    hello, config = [source_hello(tmp_path, more) for more in (False, True)], plain_files(tmp_path, True)
    moves = [[str(path), f"{path}.later"] for path in (tmp_path / "plain").iterdir()]
    for path, later in moves:
        Path(path).rename(later)
    plain_files(tmp_path, False)
    (tmp_path / "plain/log-1.ndjson.later").unlink()  # a log only grows by files
    moves = [[later, path] for path, later in moves if not path.endswith("log-1.ndjson")]
    jobs = [
        {"name": "source-hello", "reads": [{"config": hello[0]}, {"config": hello[0]}, {"config": hello[1]}]},
        {"name": "source-files", "reads": [{"config": config}, {"config": config}, {"config": config, "moves": moves}]},
    ]
    said = pyairbyte(tmp_path, [{**job, "program": ours(job["name"]), "folder": str(tmp_path / job["name"])} for job in jobs])

    assert [read["records"] for read in said[0]["reads"]] == [4, 0, 3]
    rows = said[0]["reads"][-1]["rows"]["greetings"]
    assert sorted(r["n"] for r in rows) == list(range(7)) and {r["text"] for r in rows} == {hello[1]["text"]}

    want = connector("source-files").read(config, configured(connector("source-files").discover(config), "full_refresh")).records()
    before, again, after = said[1]["reads"]
    assert [before["records"], again["records"]] == [8, 0] and again["rows"] == before["rows"]
    people = sorted(after["rows"]["people"], key=lambda r: r["id"])
    assert [(r["id"], r["name"] or None, r["price"]) for r in people] == [(d["id"], d["name"], d["price"]) for d in want["people"]]
    log = sorted(after["rows"]["log"], key=lambda r: r["id"])
    assert [(r["text"], json.loads(r["nested"])) for r in log] == [(d["text"], d["nested"]) for d in want["log"]]

