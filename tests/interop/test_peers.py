"""The peers by themselves, driven by drive.py: they work, and what README.md says about them is so."""

import io
import json
import subprocess

import pytest

import models
from conftest import HERE, PYTHON_KITS, cdk_source, make_case, program, write_lines
from drive import FULL_RANGE, Peer, PeerFailed, Process, call, capture, capture_spec, discover, unary_requests

SPEC_REQUEST = {"connectorType": "LOCAL", "config": {}}


@pytest.fixture(params=PYTHON_KITS)
def case(request, tmp_path, api):
    return make_case(request.param, tmp_path / "peer data", api)


def talk(peer: Peer, text: str, **env) -> subprocess.CompletedProcess:
    """Everything at once on standard input, then its end."""
    peer = Peer(peer.argv, peer.config, {**peer.env, **env})
    process = Process(peer)
    try:
        process.child.stdin.write(text.encode())
        process.child.stdin.close()
    except BrokenPipeError:
        pass
    out = process.child.stdout.read().decode()
    return subprocess.CompletedProcess(peer.argv, process.end(), out, process.log.decode())


def lines(text: str) -> list[str]:
    """Not splitlines(), which takes U+2028 inside of a JSON string for a line's end."""
    return list(io.StringIO(text, newline="\n"))


def request(kind, body) -> str:
    return json.dumps({kind: body}) + "\n"


def test_works_and_resumes(case):
    spec = call(case.peer, "spec", SPEC_REQUEST)
    assert spec["protocol"] == models.PROTOCOL
    found = discover(case.peer)
    task = capture_spec(case.peer, found)
    first = capture(case.peer, task, {})
    assert first.docs and first.checkpoints and not first.loose

    case.grow()
    second = capture(case.peer, task, first.state)
    names = [f["recommendedName"] for f in found]
    more = {name: second.of(i) for i, name in enumerate(names)}
    if "events" in names:
        assert [d["id"] for d in more["events"]] == [107, 108, 109]
        assert [d["_meta"]["op"] for d in more["things"]] == ["u", "u", "d"]
    elif "users" in names:
        assert len(first.docs) > 60 and not second.docs
    elif "orders" in names:  # the boundary, the change and the new one: a Singer bookmark is inclusive
        assert [d["id"] for d in more["orders"]] == [5, 2, 7]
        assert [d["_meta"]["row_id"] for d in more["orders"]] == [6, 7, 8]
        assert [d["_meta"]["row_id"] for d in more["notes"]] == [3, 4]  # no bookmark: all again, numbered on
    else:
        assert [d["_meta"]["row_id"] for d in more["goods"]] == [4, 5, 6]


def test_our_judge_finds_nothing_wrong_with_them(case):
    task = capture_spec(case.peer, discover(case.peer))
    for kind, body in unary_requests(task).items():
        done = talk(case.peer, request("spec", SPEC_REQUEST) + request(kind, body))
        assert done.returncode == 0
        for line in lines(done.stdout):
            models.check(line)
    done = talk(case.peer, request("open", {"capture": task, "version": "1", "range": FULL_RANGE, "state": {}}))
    assert done.returncode == 0
    models.check_capture(lines(done.stdout), len(task["bindings"]))


def test_snapshot_source_runs_on_after_end_of_input(tmp_path):
    case = cdk_source(tmp_path, once=False)
    task = capture_spec(case.peer, discover(case.peer))
    complete = lambda c: len(c.of(0)) == 3 and len(c.of(1)) == 12 and len(c.of(2)) == 2
    assert capture(case.peer, task, {}, until=complete).status is None


def test_queue_waits_for_acknowledgements(tmp_path):
    write_lines(tmp_path / "queue.ndjson", [{"id": i} for i in range(5)])
    peer = Peer(program("suite", str(HERE / "peers/cdk_acks.py")), {"dir": str(tmp_path)})
    task = capture_spec(peer, discover(peer))
    done = capture(peer, task, {})
    assert [d["id"] for _, d in done.docs] == [0, 1, 2, 3, 4] and (tmp_path / "taken").read_text() == "5"
    assert not capture(peer, task, done.state).docs


def without(tree, path):
    """A copy of a JSON tree without what is at the path."""
    head, *rest = path
    copy = list(tree) if isinstance(tree, list) else dict(tree)
    if rest:
        copy[head] = without(copy[head], rest)
    else:
        del copy[head]
    return copy


VALIDATE_BINDING = {"resourceConfig": {"name": "things"}, "collection": {"name": "a/b", "key": ["/_meta/row_id"], "writeSchema": {}}}
TASK = {
    "name": "a/c", "connectorType": "LOCAL", "config": {"dir": "/nowhere", "once": True}, "intervalSeconds": 0,
    "bindings": [{**VALIDATE_BINDING, "resourcePath": ["things"], "stateKey": "things"}],
}  # fmt: skip
MINIMAL = {
    "discover": {"connectorType": "LOCAL", "config": TASK["config"]},
    "validate": {"name": "a/c", "connectorType": "LOCAL", "config": TASK["config"], "bindings": [VALIDATE_BINDING]},
    "apply": {"capture": TASK, "version": ""},
    "open": {"capture": TASK, "version": "", "range": {}, "state": {}},
}


def required(kind):
    """Paths of what README.md lists as required by estuary-cdk, which is all there is in MINIMAL but for bindings."""
    binding = [["collection"], ["collection", "name"], ["collection", "key"], ["collection", "writeSchema"], ["resourceConfig"]]
    if kind in ("discover", "validate"):
        yield from [["connectorType"], ["config"]]
        if kind == "validate":
            yield from [["name"], *(["bindings", 0, *p] for p in binding)]
        return
    yield from [["version"], *([["range"], ["state"]] if kind == "open" else [])]
    yield from (["capture", name] for name in ("name", "connectorType", "config", "intervalSeconds"))
    yield from (["capture", "bindings", 0, *p] for p in [*binding, ["resourcePath"], ["stateKey"]])


def test_estuary_cdk_requires():
    from estuary_cdk.capture import Request, common
    from pydantic import ValidationError

    model = Request[models.AnyObject, common.ResourceConfig, common.ConnectorState[common.ResourceState]]
    for kind, body in MINIMAL.items():
        model.model_validate({kind: body})
        for path in required(kind):
            with pytest.raises(ValidationError):
                model.model_validate({kind: without(body, path)})


@pytest.mark.parametrize("level", ["trace", ""])
def test_python_kits_die_of_log_level(case, level):
    done = talk(case.peer, request("spec", SPEC_REQUEST), LOG_LEVEL=level)
    assert done.returncode == 1 and not done.stdout and "Unknown level" in done.stderr


def test_failure_status_and_last_log_line(tmp_path, case):
    done = talk(case.peer, request("spec", SPEC_REQUEST) + request("bogus", {}))
    last = json.loads(done.stderr.splitlines()[-1])
    assert last["level"] == "ERROR" and "malformed request" in last["msg"]
    assert done.returncode == (1 if "cdk" in case.peer.argv[1] else 255)


def test_unknown_resource_is_an_error_of_validate(tmp_path):
    peer = cdk_source(tmp_path).peer
    with pytest.raises(PeerFailed, match="Resource 'nope' was not found"):
        capture_spec(peer, [{"resourceConfig": {"name": "nope"}, "documentSchema": {}, "key": []}])
