"""Our own connectors, served as Flow captures in both codecs: driven by drive.py, judged by models.py."""

import copy
import json
import struct
from dataclasses import replace
from decimal import Decimal

import pytest

import catalogs
import models
from codec import Protobuf, fill, message_class
from conftest import SERVED, THINGS, WRONG, served_peer
from drive import FULL_RANGE, Peer, Process, call, capture, capture_spec, discover, unary_requests


@pytest.fixture(params=[(name, protobuf) for name in SERVED for protobuf in (False, True)], ids=lambda p: f"{p[0]}-{['json', 'protobuf'][p[1]]}")
def served(request, tmp_path):
    """A function that gives the peer, with or without more to read."""
    name, protobuf = request.param
    return lambda more=False: served_peer(name, tmp_path, more, protobuf)


def raw(peer: Peer, *requests: dict) -> list[str]:
    """Sends requests all at once, and returns all messages of the answer as lines of JSON."""
    process = Process(peer)
    for request in requests:
        (message,) = request.items()
        process.child.stdin.write(process.codec.write(*message))
    return rest(process)


def rest(process: Process) -> list[str]:
    process.child.stdin.close()
    lines = list(iter(process.line, None))
    assert process.end() == 0, process.log.decode()
    return lines


SPEC = {"spec": {"connectorType": "LOCAL", "config": {}}}


def test_unary_responses_are_well_formed(served):
    peer = served()
    task = capture_spec(peer, discover(peer))
    for kind, body in unary_requests(task).items():
        answers = raw(peer, SPEC, {kind: body})
        assert len(answers) == 2
        for line in answers:
            models.check(line)


def test_captures_and_resumes(served):
    peer = served()
    task = capture_spec(peer, discover(peer))
    first = capture(peer, task, {})
    assert first.docs and not first.loose and first.status == 0
    assert capture(peer, task, first.state).docs == []
    peer = served(more=True)
    more = capture(peer, {**task, "config": peer.config}, first.state)
    whole = capture(peer, {**task, "config": peer.config}, {})
    assert more.docs and not more.loose
    for i, binding in enumerate(task["bindings"]):
        key = binding["collection"]["key"]
        assert catalogs.reduced(first.of(i) + more.of(i), key) == catalogs.reduced(whole.of(i), key)


def without_zeros(tree):
    """Protobuf leaves zeros out, JSON may have them."""
    if isinstance(tree, dict):
        return {k: without_zeros(v) for k, v in tree.items() if v not in (0, False, "", [])}
    return [without_zeros(v) for v in tree] if isinstance(tree, list) else tree


def test_codecs_say_the_same(tmp_path):
    for name in SERVED:
        said = []
        first = served_peer(name, tmp_path)
        for peer in first, replace(first, protobuf=True):
            spec, found = call(peer, "spec", SPEC["spec"]), discover(peer)
            done = capture(peer, capture_spec(peer, found), {})
            said.append((without_zeros(spec), without_zeros(found), [done.of(i) for i in range(len(found))], done.state))
        assert said[0] == said[1]


def test_codec_is_told_by_its_first_bytes(served):
    """Without FLOW_RUNTIME_CODEC, which platforms set for some connectors only."""
    peer = served()
    want = raw(peer, SPEC)
    peer.env["FLOW_RUNTIME_CODEC"] = ""
    assert raw(peer, SPEC) == want


def test_documents_are_what_the_files_say(tmp_path):
    peer = served_peer("source-files", tmp_path)
    found = discover(peer)
    done = capture(peer, capture_spec(peer, found), {})
    names = {f["recommendedName"]: [catalogs.plain(d, {"_meta"}) for d in done.of(i)] for i, f in enumerate(found)}
    assert names["log"] == json.loads(json.dumps(THINGS[:2]), parse_float=Decimal)
    assert names["tree"] == [{"k": "a", "v": [1, None]}, {"k": "b", "v": {}}]
    assert [r["name"] for r in names["rows"]] == ['a "b", c', "é", "two\nlines"]
    assert [r["id"] for r in names["rows"]] == [1, 2, 3]
    assert [Decimal(str(r["price"])) for r in names["rows"]] == [Decimal("0.1"), Decimal("12345678901234567890.5"), Decimal("1e3")]


def open_request(peer: Peer, **changes) -> dict:
    task = capture_spec(peer, discover(peer))
    return {"capture": {**task, **changes}, "version": "1", "range": FULL_RANGE, "state": {}}


def test_capture_stream_is_well_formed(served):
    peer = served()
    request = open_request(peer)
    first, *rest = raw(peer, SPEC, {"open": request})
    models.check(first)
    models.check_capture(rest, len(request["capture"]["bindings"]))


def test_backfill_starts_again(served):
    peer = served()
    request = open_request(peer)
    task = request["capture"]
    first = capture(peer, task, {})
    for binding in task["bindings"]:
        binding["backfill"], binding["stateKey"] = 1, binding["stateKey"] + ".v1"
    assert capture(peer, task, first.state).docs == first.docs


def test_accepts_what_runtimes_send(served):
    """Null siblings, $internal, unknown keys, enums as numbers, zero values left out, `_meta` in a resource config."""
    peer = served()
    plain = open_request(peer)
    want = raw(peer, SPEC, {"open": plain})[1:]
    request = copy.deepcopy(plain)
    request["capture"] |= {"connectorType": 8, "shardTemplate": {"id": "x"}, "networkPorts": [], "intervalSeconds": 0}
    for binding in request["capture"]["bindings"]:
        projections = [{"ptr": "", "field": "flow_document"}]
        binding["collection"] |= {"uuidPtr": "/_meta/uuid", "projections": projections, "ackTemplate": {}}
        if not peer.protobuf:
            binding["collection"] |= {"partitionTemplate": None, "new": {"key": [1]}}
    del request["range"], request["state"]
    process = Process(peer)
    process.child.stdin.write(process.codec.write(*SPEC.items().__iter__().__next__()))
    process.child.stdin.write(with_extras(process.codec, request))
    assert rest(process)[1:] == want
    del request["capture"]["intervalSeconds"]
    assert raw(peer, SPEC, SPEC, {"open": request})[2:] == want


def with_extras(codec, request: dict) -> bytes:
    """An open request with what is not for connectors around it."""
    if not isinstance(codec, Protobuf):
        message = {"spec": None, "open": {**request, "new": "key"}, "acknowledge": None, "$internal": "AA=="}
        return json.dumps(message).encode() + b"\n"
    message = message_class("Request")()
    fill(message, {"open": request, "$internal": "AA=="})
    message.open.capture.MergeFromString(b"\xfa\x3f\x03new")  # tag 1023
    encoded = message.SerializeToString() + b"\xf8\x3f\x05"
    return struct.pack("<I", len(encoded)) + encoded


@pytest.mark.parametrize("name", SERVED)
def test_accepts_snake_case(tmp_path, name):
    peer = served_peer(name, tmp_path)
    request = open_request(peer)
    bindings = [
        {
            "resource_config_json": b["resourceConfig"],
            "resource_path": b["resourcePath"],
            "state_key": b["stateKey"],
            "collection": {"name": b["collection"]["name"], "key": b["collection"]["key"], "write_schema_json": b["collection"]["writeSchema"]},
        }
        for b in request["capture"]["bindings"]
    ]
    capture = {"name": "acme/x", "connector_type": "LOCAL", "config_json": peer.config, "interval_seconds": 300, "bindings": bindings}
    snake = {"capture": capture, "version": "1", "range": {"key_end": 4294967295, "r_clock_end": 4294967295}, "state_json": {}}
    assert raw(peer, SPEC, {"open": snake})[1:] == raw(peer, SPEC, {"open": request})[1:]


NONSENSE = {
    "half a line": b'{"open":',
    "no JSON": b"hello\n",
    "unknown kind": b'{"bogus":{}}\n',
    "two kinds": b'{"spec":{},"discover":{}}\n',
    "no end": b'{"spec":{}}',
    "half a length": b"\x05\0",
    "half a frame": b"\x05\0\0\0\x0a\x03",
    "too long a frame": b"\x01\0\0\x05{}",
    "a broken frame": b"\x02\0\0\0\x0a\x03",
    "an empty frame": b"\0\0\0\0",
}


@pytest.mark.parametrize("what", NONSENSE)
def test_refuses_nonsense_and_says_so_last(tmp_path, what):
    peer = served_peer("source-hello", tmp_path, protobuf="frame" in what or "length" in what)
    process = Process(peer)
    process.child.stdin.write(NONSENSE[what])
    process.child.stdin.close()
    out = process.child.stdout.read()
    assert process.end() != 0 and not out
    last = json.loads(process.log.splitlines()[-1])
    assert last["level"] == "error" and last["message"], "the last line on stderr is what a platform shows"


def test_end_of_input_is_a_clean_end(served):
    assert raw(served()) == []
    assert len(raw(served(), SPEC)) == 1


def refused(peer: Peer, kind: str, body: dict) -> str:
    """Sends a request that must end the process with an error. Returns the last line of its log."""
    process = Process(peer)
    process.send(kind, body)
    process.child.stdin.close()
    assert process.line() is None and process.end() != 0
    return process.log.decode().splitlines()[-1]


def test_wrong_config_fails_but_spec_does_not_look_at_it(served):
    peer = served()
    wrong = WRONG[peer.argv[0].rpartition("/")[2]]
    models.check(raw(peer, {"spec": {"connectorType": "LOCAL", "config": wrong}})[0])
    assert next(iter(wrong)) in refused(peer, "discover", {"connectorType": "LOCAL", "config": wrong})


def test_unknown_resource_is_refused(served):
    peer = served()
    task = capture_spec(peer, discover(peer))
    wrongs = [{}, {"stream": 7}, {"stream": task["bindings"][0]["resourceConfig"]["stream"], "more": 1}]
    for wrong in wrongs if "hello" in peer.argv[0] else [*wrongs, {"stream": "nope"}]:  # the template takes any name
        task["bindings"][0]["resourceConfig"] = wrong
        assert "stream" in refused(peer, "validate", unary_requests(task)["validate"])
