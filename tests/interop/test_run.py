"""Weir runs captures that it did not make into SQLite: discover, run, and run again when the source has more."""

import io
import json
import os
import sqlite3
import subprocess
import threading
import time
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest

import catalogs
import models
from conftest import CASES, HERE, SERVED, Case, Weir, airbyte_shim, cdk_source, make_case, program, proto_source, served_peer, singer_dbf, write_lines
from drive import Capture, Peer, call, capture, capture_spec, discover, merge_patch


@dataclass
class Run:
    """What is there after a run of Weir, and what the peer says when it is driven directly with the same data."""

    direct: Capture
    tables: list[list[dict]]
    journals: list[list[dict]]
    sessions: list[list[dict]]  # what the peer was told during this run: requests of each process


@dataclass
class Story:
    case: Case
    discovered: list[dict]
    catalog: Path
    collections: list[str]
    runs: list[Run]
    printed: list[str]  # by weir capture, of what the first run found
    previewed: list[list]  # by weir preview: a session of two transactions and then the rest, of the same
    previewed_directly: list[Capture]  # the same two sessions


def sessions(audit: Path) -> list[list[dict]]:
    found = []
    for line in audit.open("rb") if audit.exists() else []:
        message = json.loads(line)
        if "peer" in message:
            found.append([])
        else:
            found[-1].append(message)
    return found


# The mark keeps the tests of one story in one process.
@pytest.fixture(scope="module", params=[pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in CASES])
def story(request, weir: Weir, tmp_path_factory, api) -> Story:
    folder = tmp_path_factory.mktemp(request.param)
    case = make_case(request.param, folder / "peer data", api)
    catalog, audit, data, database = (folder / name for name in ("flow.yaml", "audit", "data", "out.db"))

    discovered = discover(case.peer)
    catalogs.write_capture(catalog, case.peer, audit)
    weir("discover", "--source", catalog, "--name", "acme/peer")
    collections = catalogs.targets(catalog, discovered)
    catalogs.add_database(catalog, database, collections)

    named = ["--source", catalog, "--name", "acme/peer"]
    printed = list(io.StringIO(weir("capture", *named).stdout, newline="\n"))
    previewed = [json.loads(line, parse_float=Decimal) for line in
                 io.StringIO(weir("preview", *named, "--sessions", "2,-1", "--output-state").stdout, newline="\n")]
    task, state, runs = capture_spec(case.peer, discovered), {}, []
    two = capture(case.peer, task, {}, until=lambda c: c.checkpoints == 2)
    directly = [two, capture(case.peer, task, two.state)]
    for number in range(2):
        if number:
            case.grow()
        direct = capture(case.peer, task, state)
        state = direct.state
        audit.unlink(missing_ok=True)
        weir("run", "--source", catalog, "--once", "--data", data, "--idle", "3s")
        runs.append(
            Run(
                direct,
                [catalogs.rows(database, f"t{i}") for i in range(len(collections))],
                [catalogs.journal(data, name) for name in collections],
                sessions(audit),
            )
        )
    return Story(case, discovered, catalog, collections, runs, printed, previewed, directly)


def documents(story: Story, runs: int, binding: int) -> list[dict]:
    return [catalogs.plain(d, story.case.volatile) for run in story.runs[:runs] for d in run.direct.of(binding)]


def test_discover_writes_what_the_peer_said(story):
    written = catalogs.read(story.catalog)["collections"]
    for found, name in zip(story.discovered, story.collections):
        assert written[name]["key"] == found["key"]
        schema = written[name].get("writeSchema") or written[name]["schema"]
        assert schema == found["documentSchema"] or isinstance(schema, str)


@pytest.mark.parametrize("runs", [1, 2])
def test_rows_are_what_the_peer_said(story, runs):
    for i, found in enumerate(story.discovered):
        want = catalogs.reduced(documents(story, runs, i), found["key"])
        got = story.runs[runs - 1].tables[i]
        stored = [catalogs.plain(json.loads(r["flow_document"], parse_float=Decimal), story.case.volatile) for r in got]
        assert {catalogs.key_of(d, found["key"]): d for d in stored} == want
        assert len(stored) == len(want)
        for row, doc in zip(got, stored):
            for name, value in doc.items():
                column = catalogs.column_of(name)
                assert column in row or name == "_meta" or value is None, f"no column {column}"
                assert column not in row or catalogs.holds(row[column], value), f"column {column} is {row[column]!r}, not {value!r}"


def assert_same(story: Story, got: list[dict], want: list[dict]):
    """The same documents, each as often, and in the same order if there is one."""
    texts = [[json.dumps(catalogs.plain(d, story.case.volatile), sort_keys=True, default=repr) for d in docs] for docs in (got, want)]
    assert (texts[0] == texts[1]) if story.case.ordered else (sorted(texts[0]) == sorted(texts[1]))


@pytest.mark.parametrize("runs", [1, 2])
def test_journals_hold_every_document_once(story, runs):
    for i in range(len(story.discovered)):
        assert_same(story, story.runs[runs - 1].journals[i], documents(story, runs, i))


def test_capture_prints_responses(story):
    models.check_capture(story.printed, len(story.discovered))
    messages = [json.loads(line, parse_float=Decimal) for line in story.printed]
    assert bool(messages[0]["opened"].get("explicitAcknowledgements")) == story.case.acks
    captured = [m["captured"] for m in messages if "captured" in m]
    for i in range(len(story.discovered)):
        assert_same(story, [c["doc"] for c in captured if c.get("binding", 0) == i], story.runs[0].direct.of(i))


def test_preview_prints_documents_and_resumes(story):
    first, second = story.previewed_directly
    for i, name in enumerate(story.collections):
        assert_same(story, [doc for target, doc in story.previewed if target == name], first.of(i) + second.of(i))
    state, updates = {}, [body for target, body in story.previewed if target == "connectorState"]
    assert len(updates) == first.checkpoints + second.checkpoints
    for update in updates:
        state = merge_patch(state, update["updated"]) if update.get("mergePatch") else update["updated"]
    assert without_times(state) == without_times(second.state)


def without_nulls(body: dict) -> dict:
    return {k: v for k, v in body.items() if v is not None}


def without_times(state):
    """A state without what differs from run to run, and without nulls, which a merge patch takes for absent."""
    if isinstance(state, dict):
        return {k: without_times(v) for k, v in state.items() if v is not None and k not in ("last_initialized", "updated_at")}
    return state


def test_second_run_resumes_from_the_state_of_the_first(story):
    (opened,) = [m["open"] for session in story.runs[1].sessions for m in session if "open" in m]
    assert without_times(opened["state"]) == without_times(story.runs[0].direct.state)


def test_runner_keeps_the_rules(story):
    from estuary_cdk.capture import Request

    model = Request[models.AnyObject, models.AnyObject, models.AnyObject]
    for run in story.runs:
        kinds = []
        for session in run.sessions:
            for message in session:
                (kind,) = message  # one, and no null siblings
                model.model_validate(message)
                body = message[kind]
                assert body.get("connectorType", body.get("capture", {}).get("connectorType", "LOCAL")) == "LOCAL"
            first, *rest = [next(iter(message)) for message in session]
            assert first == "spec" and session[0]["spec"]["config"] == {}
            acks = [m["acknowledge"]["checkpoints"] for m in session if "acknowledge" in m]
            assert rest[1:] == ["acknowledge"] * len(acks), "one request to a process"
            assert sum(acks) == (run.direct.checkpoints if story.case.acks and rest[:1] == ["open"] else 0)
            kinds += rest[:1]
        assert kinds.count("open") == 1 and kinds.index("apply") < kinds.index("open") == len(kinds) - 1

        (opened,) = [m["open"] for session in run.sessions for m in session if "open" in m]
        assert opened["version"] and opened["capture"]["name"] == "acme/peer"
        assert {k: v for k, v in opened["range"].items() if v} == {"keyEnd": 0xFFFFFFFF, "rClockEnd": 0xFFFFFFFF}


def test_runner_opens_what_was_validated(story):
    """Config, resource configs with their paths, state keys, keys and schemas: as our smallest runtime makes them."""
    want = capture_spec(story.case.peer, story.discovered)
    for run in story.runs:
        (opened,) = [m["open"]["capture"] for session in run.sessions for m in session if "open" in m]
        assert opened["config"] == want["config"]
        got = {binding["collection"]["name"]: binding for binding in opened["bindings"]}
        assert len(got) == len(opened["bindings"]) == len(want["bindings"])
        for name, binding in zip(story.collections, want["bindings"]):
            for part in "resourceConfig", "resourcePath", "stateKey":
                assert got[name][part] == binding[part]
            for part in "key", "writeSchema":
                assert got[name]["collection"][part] == binding["collection"][part]


def test_spec(weir, story):
    want = without_nulls(call(story.case.peer, "spec", {"connectorType": "LOCAL", "config": {}}))
    task = ["--source", story.catalog, "--name", "acme/peer"]
    assert json.loads(weir("spec", *task).stdout) == want
    raw = weir("spec", *task, "--emit-raw").stdout
    models.check(raw)
    assert json.loads(raw) == {"spec": want}
    if not story.case.peer.protobuf:
        assert json.loads(weir("spec", "--", *story.case.peer.argv).stdout) == want


def test_validate(weir, story):
    printed = json.loads(weir("validate", "--source", story.catalog, "--name", "acme/peer").stdout)
    want = capture_spec(story.case.peer, story.discovered)["bindings"]
    assert [b["resourcePath"] for b in printed["bindings"]] == [b["resourcePath"] for b in want]
    assert [b["collection"] for b in printed["bindings"]] == story.collections


def test_discovering_again_changes_nothing(weir, story):
    before = catalogs.read(story.catalog)
    weir("discover", "--source", story.catalog, "--name", "acme/peer")
    assert catalogs.read(story.catalog) == before


# ------------------------------------------------------------------------------------------------------- single occasions

BREAKS = ["end", "half", "die", "kill"]  # what proto_source can do


def tables(database: Path) -> int:
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        return connection.execute("SELECT count(*) FROM sqlite_schema WHERE name GLOB 't[0-9]*'").fetchone()[0]


def prepare(weir: Weir, peer: Peer, folder: Path) -> tuple[Path, list[str]]:
    catalog = folder / "flow.yaml"
    catalogs.write_capture(catalog, peer, folder / "audit")
    weir("discover", "--source", catalog, "--name", "acme/peer")
    collections = catalogs.targets(catalog, discover(peer))
    catalogs.add_database(catalog, folder / "out.db", collections)
    return catalog, collections


def test_a_capture_that_never_ends_is_done_when_idle(weir, tmp_path):
    (tmp_path / "peer data").mkdir()
    case = cdk_source(tmp_path / "peer data", once=False)
    catalog, collections = prepare(weir, case.peer, tmp_path)
    weir("run", "--source", catalog, "--once", "--data", tmp_path / "data", "--idle", "3s")
    assert [len(catalogs.rows(tmp_path / "out.db", f"t{i}")) for i in range(3)] == [3, 12, 2]


def test_acknowledgements_move_the_queue(weir, tmp_path):
    """Each comes when what it acknowledges is committed: the peer looks at that moment."""
    write_lines(tmp_path / "queue.ndjson", [{"id": i} for i in range(5)])
    ledger = tmp_path / "data" / "weir.db"
    peer = Peer(program("suite", str(HERE / "peers/cdk_acks.py")), {"dir": str(tmp_path)}, {"PEER_LEDGER": str(ledger)})
    catalog, collections = prepare(weir, peer, tmp_path)
    for count in 5, 8:
        write_lines(tmp_path / "queue.ndjson", [{"id": i} for i in range(count)])
        weir("run", "--source", catalog, "--once", "--data", tmp_path / "data")
        assert (tmp_path / "taken").read_text() == str(count)
        assert sorted(r["id"] for r in catalogs.rows(tmp_path / "out.db", "t0")) == list(range(count))
        assert len(catalogs.journal(tmp_path / "data", collections[0])) == count
    seen = [json.loads(line) for line in (tmp_path / "seen").open()]
    lines = [len(line) for line in (tmp_path / "data/journals").glob("*/*.ndjson").__next__().open("rb")]
    assert [s["taken"] for s in seen] == [2, 4, 5, 7, 8]
    for s in seen:
        assert s["committed"] >= sum(lines[: s["taken"]])

    (tmp_path / "taken").unlink()  # the queue has forgotten: it sends everything again
    weir("capture", "--source", catalog, "--name", "acme/peer")
    assert (tmp_path / "taken").read_text() == "8"


def test_the_peers_last_words_are_reported(weir, tmp_path):
    (tmp_path / "peer data").mkdir()
    case = cdk_source(tmp_path / "peer data")
    catalog, _ = prepare(weir, case.peer, tmp_path)
    content = catalogs.read(catalog)
    content["captures"]["acme/peer"]["bindings"][0]["resource"] = {"name": "nope"}
    catalogs.write(catalog, content)
    failed = weir("validate", "--source", catalog, "--name", "acme/peer", status=None)
    assert failed.returncode and "Resource 'nope' was not found" in failed.stderr and "s3cret" not in failed.stderr


@pytest.mark.parametrize("make", [cdk_source, airbyte_shim, singer_dbf], ids=lambda make: make.__name__)
def test_wrong_config_is_reported(weir, tmp_path, make):
    (tmp_path / "peer data").mkdir()
    case = make(tmp_path / "peer data")
    wrong = {"cdk_source": {"once": True}, "airbyte_shim": {"count": "many"}, "singer_dbf": {}}[make.__name__]
    catalogs.write_capture(tmp_path / "flow.yaml", Peer(case.peer.argv, wrong), tmp_path / "audit")
    failed = weir("discover" if wrong != {"count": "many"} else "preview", "--source", tmp_path / "flow.yaml", "--name", "acme/peer", status=None)
    assert failed.returncode and failed.stderr
    assert catalogs.read(tmp_path / "flow.yaml")["captures"]["acme/peer"]["bindings"] == []


@pytest.mark.parametrize("make, how", [(cdk_source, "raise"), (cdk_source, "kill"), *((proto_source, how) for how in BREAKS)],
                         ids=lambda v: v if isinstance(v, str) else v.__name__)  # fmt: skip
def test_what_breaks_off_is_made_up_for(weir, tmp_path, make, how):
    """The peer fails, or dies, or kills the runner: what was sealed stays, what was not comes once, with the next run."""
    (tmp_path / "peer data").mkdir()
    case = make(tmp_path / "peer data")
    catalog, collections = prepare(weir, case.peer, tmp_path)
    run = ["run", "--source", catalog, "--once", "--data", tmp_path / "data"]
    broken = weir(*run, status=None, PEER_BREAKS=how)
    assert broken.returncode == -9 if how == "kill" else broken.returncode > 0
    said = {"raise": "the source broke", "end": "1 document after its last checkpoint", "half": "10 of 32 bytes", "die": "signal 9"}
    assert said.get(how, "") in broken.stderr

    weir(*run)
    task = capture_spec(case.peer, discover(case.peer))
    want = capture(case.peer, task, {})
    for i, name in enumerate(collections):
        if name != "acme/things":  # a snapshot, which estuary-cdk takes again whenever it starts
            texts = lambda docs: sorted(json.dumps(catalogs.plain(d, set()), sort_keys=True, default=repr) for d in docs)
            assert texts(catalogs.journal(tmp_path / "data", name)) == texts(want.of(i))
        assert len(catalogs.rows(tmp_path / "out.db", f"t{i}")) == len(want.of(i))


def test_backfill_of_one_binding(weir, tmp_path):
    """Its state key changes, so the peer reads it from the start; the others go on."""
    (tmp_path / "peer data").mkdir()
    case = cdk_source(tmp_path / "peer data")
    catalog, collections = prepare(weir, case.peer, tmp_path)
    run = ["run", "--source", catalog, "--once", "--data", tmp_path / "data"]
    weir(*run)
    before = [len(catalogs.journal(tmp_path / "data", name)) for name in collections]
    content = catalogs.read(catalog)
    content["captures"]["acme/peer"]["bindings"][1]["backfill"] = 1
    catalogs.write(catalog, content)
    (tmp_path / "audit").unlink()
    weir(*run)
    after = [len(catalogs.journal(tmp_path / "data", name)) for name in collections]
    assert after[1:] == [2 * before[1], before[2]]
    (opened,) = [m["open"] for session in sessions(tmp_path / "audit") for m in session if "open" in m]
    assert [b["stateKey"] for b in opened["capture"]["bindings"]] == ["things", "events.v1", "odd%2Fn%C3%A4me%201"]
    assert len(catalogs.rows(tmp_path / "out.db", "t1")) == before[1]


def test_a_stream_comes_and_one_goes(weir, tmp_path):
    (tmp_path / "peer data").mkdir()
    case = singer_dbf(tmp_path / "peer data")
    catalog, collections = prepare(weir, case.peer, tmp_path)
    before = catalogs.read(catalog)
    (tmp_path / "peer data/tags.dbf").rename(tmp_path / "peer data/marks.dbf")
    weir("discover", "--source", catalog, "--name", "acme/peer")
    after = catalogs.read(catalog)
    bindings = {b["resource"]["tap_stream_id"]: b for b in after["captures"]["acme/peer"]["bindings"]}
    assert set(bindings) == {"goods", "marks"} and bindings["marks"]["target"] in after["collections"]
    assert bindings["goods"] in before["captures"]["acme/peer"]["bindings"]
    assert before["collections"].items() <= after["collections"].items()
    assert after["materializations"] == before["materializations"]


@pytest.mark.parametrize("ours, shards, want", [(None, None, "info"), ("debug", None, "debug"), ("error", None, "error"), ("trace", None, "debug"),
                                                ("", None, "info"), ("trace", "warn", "warn"), ("error", "debug", "debug")])  # fmt: skip
def test_peers_get_a_log_level_that_they_know(weir, tmp_path, monkeypatch, ours, shards, want):
    peer = proto_source(tmp_path).peer
    catalogs.write_capture(tmp_path / "flow.yaml", peer, tmp_path / "audit")
    content = catalogs.read(tmp_path / "flow.yaml")
    if shards:
        content["captures"]["acme/peer"]["shards"] = {"logLevel": shards}
        catalogs.write(tmp_path / "flow.yaml", content)
    monkeypatch.delenv("LOG_LEVEL", raising=False)
    weir("discover", "--source", tmp_path / "flow.yaml", **({} if ours is None else {"LOG_LEVEL": ours}))
    opening = [json.loads(line) for line in (tmp_path / "audit").open()]
    assert {line["log_level"] for line in opening if "peer" in line} == {want}


def test_a_run_that_goes_on_ends_when_told(weir, tmp_path):
    """Without --once, with a peer that never ends: SIGTERM, and everything that came is there, and the peer is gone."""
    (tmp_path / "peer data").mkdir()
    case = cdk_source(tmp_path / "peer data", once=False)
    catalog, collections = prepare(weir, case.peer, tmp_path)
    child = subprocess.Popen([weir.program, "run", "--source", catalog, "--data", tmp_path / "data"], stderr=subprocess.PIPE, text=True)
    watchdog = threading.Timer(60, child.kill)
    watchdog.start()
    found = lambda: [len(catalogs.rows(tmp_path / "out.db", f"t{i}")) for i in range(3)]
    while child.poll() is None and not ((tmp_path / "out.db").exists() and tables(tmp_path / "out.db") >= 3 and found() == [3, 12, 2]):
        time.sleep(0.05)
    child.terminate()
    _, log = child.communicate()
    watchdog.cancel()
    assert child.returncode == 0 and found() == [3, 12, 2], log
    for line in (tmp_path / "audit").open():
        if "peer" in (message := json.loads(line)):
            with pytest.raises(ProcessLookupError):
                os.kill(message["peer"], 0)


@pytest.mark.parametrize("protobuf", [False, True], ids=["json", "protobuf"])
@pytest.mark.parametrize("name", SERVED)
def test_our_own_connectors_in_both_codecs(weir, tmp_path, name, protobuf):
    catalog = tmp_path / "flow.yaml"
    for more in False, True:
        peer = served_peer(name, tmp_path, more, protobuf)
        if more:
            content = catalogs.read(catalog)
            content["captures"]["acme/peer"]["endpoint"]["local"]["config"] = peer.config
            catalogs.write(catalog, content)
        else:
            catalog, collections = prepare(weir, peer, tmp_path)
        weir("run", "--source", catalog, "--once", "--data", tmp_path / "data")
        found = discover(peer)
        direct = capture(peer, capture_spec(peer, found), {})
        for i, collection in enumerate(collections):
            want = catalogs.reduced(direct.of(i), found[i]["key"])
            rows = catalogs.rows(tmp_path / "out.db", f"t{i}")
            assert {catalogs.key_of(d, found[i]["key"]): d for d in (json.loads(r["flow_document"], parse_float=Decimal) for r in rows)} == want
            assert len(rows) == len(want) == len(catalogs.journal(tmp_path / "data", collection))
            for row in rows:
                for column, value in json.loads(row["flow_document"], parse_float=Decimal).items():
                    assert value is None or column == "_meta" or catalogs.holds(row[catalogs.column_of(column)], value)
