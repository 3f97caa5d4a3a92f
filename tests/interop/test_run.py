"""Weir runs captures that it did not make into SQLite: discover, run, and run again when the source has more."""

import json
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest

import catalogs
import models
from conftest import CASES, HERE, Case, Weir, cdk_source, make_case, program, write_lines
from drive import Capture, Peer, call, capture, capture_spec, discover


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


def sessions(audit: Path) -> list[list[dict]]:
    found = []
    for line in audit.open("rb") if audit.exists() else []:
        message = json.loads(line)
        if "peer" in message:
            found.append([])
        else:
            found[-1].append(message)
    return found


@pytest.fixture(scope="module", params=CASES)
def story(request, weir: Weir, tmp_path_factory, api) -> Story:
    folder = tmp_path_factory.mktemp(request.param)
    case = make_case(request.param, folder / "peer data", api)
    catalog, audit, data, database = (folder / name for name in ("flow.yaml", "audit", "data", "out.db"))

    discovered = discover(case.peer)
    catalogs.write_capture(catalog, case.peer, audit)
    weir("discover", "--source", catalog, "--name", "acme/peer")
    collections = catalogs.targets(catalog, discovered)
    catalogs.add_database(catalog, database, collections)

    task, state, runs = capture_spec(case.peer, discovered), {}, []
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
    return Story(case, discovered, catalog, collections, runs)


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
                assert name not in row or catalogs.holds(row[name], value), f"column {name} is {row[name]!r}, not {value!r}"


@pytest.mark.parametrize("runs", [1, 2])
def test_journals_hold_every_document_once(story, runs):
    def sortable(docs):
        return sorted(json.dumps(catalogs.plain(d, story.case.volatile), sort_keys=True, default=str) for d in docs)

    for i in range(len(story.discovered)):
        assert sortable(story.runs[runs - 1].journals[i]) == sortable(documents(story, runs, i))


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
            assert len(rest) <= 1, "one request to a process, and nobody asked for acknowledgements"
            kinds += rest
        assert kinds.count("open") == 1 and kinds.index("apply") < kinds.index("open") == len(kinds) - 1

        (opened,) = [m["open"] for session in run.sessions for m in session if "open" in m]
        assert opened["version"] and opened["capture"]["name"] == "acme/peer"
        assert {k: v for k, v in opened["range"].items() if v} == {"keyEnd": 0xFFFFFFFF, "rClockEnd": 0xFFFFFFFF}
        bindings = opened["capture"]["bindings"]
        assert sorted(b["collection"]["name"] for b in bindings) == sorted(story.collections)
        assert len({b["stateKey"] for b in bindings}) == len(bindings)


def test_spec(weir, story):
    printed = json.loads(weir("spec", "--source", story.catalog, "--name", "acme/peer").stdout)
    assert printed == {"spec": call(story.case.peer, "spec", {"connectorType": "LOCAL", "config": {}})}


def test_validate(weir, story):
    weir("validate", "--source", story.catalog, "--name", "acme/peer")


def test_discovering_again_changes_nothing(weir, story):
    before = catalogs.read(story.catalog)
    weir("discover", "--source", story.catalog, "--name", "acme/peer")
    assert catalogs.read(story.catalog) == before


# ------------------------------------------------------------------------------------------------------- single occasions


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
    write_lines(tmp_path / "queue.ndjson", [{"id": i} for i in range(5)])
    peer = Peer(program("suite", str(HERE / "peers/cdk_acks.py")), {"dir": str(tmp_path)})
    catalog, collections = prepare(weir, peer, tmp_path)
    for count in 5, 8:
        write_lines(tmp_path / "queue.ndjson", [{"id": i} for i in range(count)])
        weir("run", "--source", catalog, "--once", "--data", tmp_path / "data", "--idle", "3s")
        assert (tmp_path / "taken").read_text() == str(count)
        assert sorted(r["id"] for r in catalogs.rows(tmp_path / "out.db", "t0")) == list(range(count))
        assert len(catalogs.journal(tmp_path / "data", collections[0])) == count


def test_the_peers_last_words_are_reported(weir, tmp_path):
    (tmp_path / "peer data").mkdir()
    case = cdk_source(tmp_path / "peer data")
    catalog, _ = prepare(weir, case.peer, tmp_path)
    content = catalogs.read(catalog)
    content["captures"]["acme/peer"]["bindings"][0]["resource"] = {"name": "nope"}
    catalogs.write(catalog, content)
    failed = weir("validate", "--source", catalog, "--name", "acme/peer", status=None)
    assert failed.returncode and "Resource 'nope' was not found" in failed.stderr and "s3cret" not in failed.stderr


def test_wrong_config_is_reported(weir, tmp_path):
    case = cdk_source(tmp_path)
    catalogs.write_capture(tmp_path / "flow.yaml", Peer(case.peer.argv, {"once": True}), tmp_path / "audit")
    failed = weir("discover", "--source", tmp_path / "flow.yaml", "--name", "acme/peer", status=None)
    assert failed.returncode and failed.stderr
    assert catalogs.read(tmp_path / "flow.yaml")["captures"]["acme/peer"]["bindings"] == []
