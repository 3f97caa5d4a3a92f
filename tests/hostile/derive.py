#!/usr/bin/env python3
"""derive.py [PART-OF-A-NAME...] - drives every behaviour of derive_peer.py through `weir run --once`, and serves a derivation to platforms that misbehave.

Driven: a good derivation has made two documents of two when it turns bad and three more wait. Expected each time: the exit status; one error line that says what
happened; nobody left behind, nobody unreaped; what the transaction published is not there. Then a good one goes on from its state, and every document is there once, numbered on.
"""
import json
import os
import signal
import sqlite3
import struct
import sys
import tempfile
from pathlib import Path

from derive_peer import BEHAVIOURS
from harness import BIN, CODES, CONFIG, HERE, OK, PROTOCOL, REMOTE, WEIR, environment, log_records, must, report, run

FIRST, ALL = 2, 5
BALANCES = str(BIN.parent / "examples/derive/derive-balances")

# behaviour: exit status, part of the error. A list: what is allowed.
CASES = {
    "good": (OK, None), "noisy": (OK, None), "one-byte-at-a-time": (OK, None), "floods": (OK, None),
    "published-after-started-is-of-the-next": (OK, None),
    "killed-at-open": (REMOTE, "killed by signal 9"), "killed-at-read": (REMOTE, "killed by signal 9"), "killed-at-flush": (REMOTE, "killed by signal 9"),
    "killed-at-startcommit": (REMOTE, "killed by signal 9"),
    "exits-at-open": (PROTOCOL, "ended without an answer to 'open'"), "exits-at-read": (PROTOCOL, "has ended its output"),
    "exits-at-flush": (PROTOCOL, "flush: the connector has ended its output"), "exits-at-startcommit": (PROTOCOL, "startCommit: the connector has ended its output"),
    "fails-at-open": (REMOTE, "the moon is full"), "fails-at-read": (REMOTE, "the moon is full"), "fails-at-flush": (REMOTE, "the moon is full"),
    "fails-at-startcommit": (REMOTE, "the moon is full"),
    "hushes-at-open": (PROTOCOL, "ended without an answer to 'open'"), "hushes-at-read": (PROTOCOL, "has ended its output"), "hushes-at-flush": (PROTOCOL, "has ended its output"),
    "hushes-at-startcommit": (PROTOCOL, "has ended its output"),
    "half-a-message-at-open": (PROTOCOL, "the connector's output"), "half-a-message-at-read": (PROTOCOL, "the connector's output"),
    "half-a-message-at-flush": (PROTOCOL, "the connector's output"), "half-a-message-at-startcommit": (PROTOCOL, "the connector's output"),
    "junk-at-open": (PROTOCOL, 'expected an object at byte 0 of the message "Traceback'), "junk-at-read": (PROTOCOL, 'of the message "Traceback'),
    "junk-at-flush": (PROTOCOL, 'of the message "Traceback'), "junk-at-startcommit": (PROTOCOL, 'of the message "Traceback'),
    "published-after-flushed": (PROTOCOL, "the connector sent 'published' after 'flushed'"),
    "published-before-opened": (PROTOCOL, "answered 'open' with 'published'"),
    "opened-twice": (PROTOCOL, "the connector sent 'opened' while reading"),
    "flushed-twice": (PROTOCOL, "the connector sent 'flushed' after 'flushed'"),
    "flushed-before-it-is-asked": (PROTOCOL, "the connector sent 'flushed'"),
    "started-before-it-is-asked": ([PROTOCOL, OK], None),
    "started-twice": ([PROTOCOL, OK], None),
    "answers-another-question": (PROTOCOL, "flush: the connector sent 'startedCommit' while reading"),
    "answers-of-others": (PROTOCOL, "unknown kind of message"), "two-kinds": (PROTOCOL, "a second kind of message in one"), "captured": (PROTOCOL, "unknown kind of message"),
    "no-document": (PROTOCOL, "a document is missing"), "a-list": (PROTOCOL, "expected a document, which is an object"),
    "a-transform-nobody-has": (PROTOCOL, "unknown key"), "not-utf8": (PROTOCOL, "UTF-8"), "deep": (PROTOCOL, "nested"),
    "endless-line": (PROTOCOL, "is longer than the 67108868 bytes allowed"),
    "a-state-that-is-no-object": (PROTOCOL, "startCommit: the connector's state is no object"),
    "a-state-that-is-no-patch": (PROTOCOL, "mergePatch of the connector's state is neither true nor false"),
    "more": (PROTOCOL, "('more'), which is not supported"),
    "validates-fewer": (PROTOCOL, "the connector validated 0 transforms of 1"), "validates-more": (PROTOCOL, "the connector validated 2 transforms of 1"),
    "validates-twice": (PROTOCOL, "went on with 'validated' after its answer"), "generates-no-text": (PROTOCOL, "that is no text"),
    "opened-with-a-number": (PROTOCOL, "opened.runtimeCheckpoint is no object"),
    "a-document-that-does-not-fit": (CONFIG, "a document for collection acme/out is not valid: /n"),
    "a-document-without-its-key": (PROTOCOL, "lacks part 1 of its key"),
    "leaves-a-child": (REMOTE, "killed by signal 9"),
    "silent": ("stop", None), "deaf": ("stop", None), "never-stops-publishing": ("stop", None),
    "never-exits": (PROTOCOL, "has not exited within 10 s after the end of its input"),
}


def catalog(folder, behaviour, count):
    schema = lambda **properties: {"type": "object", "properties": {n: {"type": "integer"} for n in properties}, "required": list(properties)}
    (folder / "flow.yaml").write_text(json.dumps({
        "captures": {"acme/hello": {"endpoint": {"native": {"connector": "source-hello", "config": {"count": count}}},
                                    "bindings": [{"resource": {"stream": "greetings"}, "target": "acme/in"}]}},
        "collections": {
            "acme/in": {"schema": schema(n=1), "key": ["/n"]},
            "acme/out": {"schema": schema(n=1, at=1), "key": ["/n", "/at"], "derive": {
                "using": {"local": {"command": [sys.executable, str(HERE / "derive_peer.py"), behaviour]}},
                "transforms": [{"name": "one", "source": "acme/in", "shuffle": {"key": ["/n"]}, "lambda": {}}]}},
        },
    }))


def derived(folder):
    """What counts: the journal as far as it is committed."""
    with sqlite3.connect(f"file:{folder}/data/weir.db?mode=ro", uri=True) as db:
        (committed,) = db.execute("SELECT committed FROM journals WHERE journal = 'acme/out'").fetchone()
    text = b"".join(s.read_bytes() for s in sorted((folder / "data/journals/acme%2Fout").glob("*.ndjson")))
    return [(d["n"], d["at"]) for d in map(json.loads, text[:committed].splitlines())]


def weir_run(folder, **more):
    return run([WEIR, "run", "--once", "--quiet", "--data", "data"], folder, environment(TMPDIR=str(folder)), limit=60, **more)


def stop_when_it_waits(folder):
    """SIGTERM once the derivation is at work: its process is there and has been asked to open."""
    def poll(process):
        journal = folder / "data/journals/acme%2Fin"
        if process.poll() is None and journal.exists() and sum(s.read_bytes().count(b"\n") for s in journal.glob("*.ndjson")) >= ALL:
            poll.seen += 1
            if poll.seen == 40:
                os.kill(process.pid, signal.SIGTERM)
    poll.seen = 0
    return poll


def driven(name):
    status, says = CASES[name]
    with tempfile.TemporaryDirectory(prefix="weir-hostile-") as path:
        folder = Path(path)
        catalog(folder, "good", FIRST)
        must(weir_run(folder).status == OK and derived(folder) == [(n, n) for n in range(FIRST)], "the good one before it failed")
        catalog(folder, name, ALL)
        ended = weir_run(folder, poll=stop_when_it_waits(folder) if status == "stop" else None)
        allowed = [OK, -signal.SIGTERM, 128 + signal.SIGTERM] if status == "stop" else status if isinstance(status, list) else [status]
        must(ended.status in allowed, f"exit status {ended.status}, expected {allowed}\n{ended.err[-800:]}")
        must(ended.megabytes < 300, f"it took {ended.megabytes:.0f} MB")
        must(ended.seconds < 25, f"it took {ended.seconds:.0f} s")
        errors = [r for r in log_records(ended.err) if r["level"] == "error" and r["message"].startswith("derivation acme/out")]
        if ended.status > 0:
            must(len(errors) == 1, f"{len(errors)} errors: {errors}")
            must(errors[0]["fields"]["code"] == CODES[ended.status], f"{errors}")
            must(not says or says in errors[0]["message"], f"{errors[0]['message']}, expected: {says}")
            must(derived(folder) == [(n, n) for n in range(FIRST)], f"the transaction counts: {derived(folder)}")
        if name in ("started-twice", "started-before-it-is-asked", "published-after-started-is-of-the-next") and ended.status == OK:
            return
        catalog(folder, "good", ALL)
        after = weir_run(folder)
        must(after.status == OK, f"a good one does not go on: {after.err[-800:]}")
        docs = sorted(set(derived(folder)))
        must(docs == [(n, n) for n in range(ALL)], f"documents: {derived(folder)[:20]}")
        must(name == "floods" or len(derived(folder)) == ALL, f"something twice: {derived(folder)[:20]}")


# ---- platforms ----

OPEN = {"open": {"collection": {"name": "t/b", "key": ["/user"], "writeSchema": {}, "derivation": {"config": {}, "transforms": [
    {"name": "in", "collection": {"name": "t/i", "key": ["/id"], "writeSchema": {}}, "lambdaConfig": {"kind": "deposit"}}]}}, "version": "1"}}
READ = {"read": {"doc": {"user": "ann", "cents": 1}}}


def lines(*messages):
    return b"".join(m if isinstance(m, bytes) else json.dumps(m).encode() + b"\n" for m in messages)


def frame(data):
    return struct.pack("<I", len(data)) + data


# name: input, exit status, part of the error
PLATFORMS = {
    "ends-in-a-transaction": (lines(OPEN, READ, READ), OK, None),
    "ends-after-flush": (lines(OPEN, READ, {"flush": {}}), OK, None),
    "ends-in-a-message": (lines(OPEN, READ) + b'{"flu', PROTOCOL, "standard input ends"),
    "reads-before-open": (lines(READ), PROTOCOL, "request 'read' before open"),
    "reads-after-flush": (lines(OPEN, {"flush": {}}, READ), PROTOCOL, "a document after 'flush'"),
    "flushes-twice": (lines(OPEN, {"flush": {}}, {"flush": {}}), PROTOCOL, "a second one in a transaction"),
    "commits-before-flush": (lines(OPEN, READ, {"startCommit": {}}), PROTOCOL, "before 'flush'"),
    "commits-twice": (lines(OPEN, {"flush": {}}, {"startCommit": {}}, {"startCommit": {}}), PROTOCOL, "before 'flush'"),
    "a-transform-that-is-not": (lines(OPEN, {"read": {"transform": 1, "doc": {}}}), PROTOCOL, "transform 1 of 1"),
    "a-transform-beyond-32-bits": (lines(OPEN, {"read": {"transform": 1 << 32, "doc": {}}}), PROTOCOL, "expected a number from 0"),
    "acknowledges": (lines(OPEN, {"acknowledge": {}}), PROTOCOL, "no known kind of message"),
    "opens-twice": (lines(OPEN, OPEN), PROTOCOL, "a 'open' request while deriving"),
    "opens-nothing": (lines({"open": {}}), PROTOCOL, "the collection has no derivation"),
    "opens-a-list": (lines({"open": []}), PROTOCOL, "expected an object"),
    "lambdas-are-lists": (lines({"open": {"collection": {"derivation": {"transforms": [{"lambdaConfig": [1]}]}}}}), CONFIG, "lambda"),
    "transforms-are-an-object": (lines({"open": {"collection": {"derivation": {"transforms": {"a": 1}}}}}, {"flush": {}}), OK, None),
    "a-key-that-is-no-tuple": (lines(OPEN, {"read": {"shuffle": {"packed": "//8="}, "doc": {"user": "a", "cents": 1}}}), PROTOCOL, "the shuffle key"),
    "a-key-that-is-no-base64": (lines(OPEN, {"read": {"shuffle": {"packed": "*"}, "doc": {"user": "a", "cents": 1}}}), PROTOCOL, "the shuffle key"),
    "a-line-of-65-MiB": (lines(OPEN) + b'{"read":{"doc":{"user":"' + b"x" * (65 << 20) + b'"}}}\n', PROTOCOL, "is longer than the 67108868 bytes allowed"),
    "resets-at-any-time": (lines(OPEN, {"reset": {}}, READ, {"reset": {}}, {"flush": {}}, {"reset": {}}, READ, {"flush": {}}, {"startCommit": {}}, {"reset": {}}), OK, None),
    "protobuf-of-noise": (frame(bytes(range(256))), PROTOCOL, None),
    "half-a-frame": (frame(b"\x0a\x00")[:5], PROTOCOL, "inside a message"),
    "a-frame-of-zeros": (frame(b"") * 3, PROTOCOL, None),
    "a-packed-type-cut-off": (frame(b"\x12\x03\x2a\x01\x80"), PROTOCOL, "varint"),
}


def platform(name):
    data, status, says = PLATFORMS[name]
    with tempfile.TemporaryDirectory(prefix="weir-hostile-") as path:
        ended = run([BALANCES], path, environment(TMPDIR=path), stdin=data, limit=30)
        must(ended.status == status, f"exit status {ended.status}, expected {status}\n{ended.err[-600:]}")
        must(ended.megabytes < 150, f"it took {ended.megabytes:.0f} MB")
        errors = [r["message"] for r in log_records(ended.err) if r["level"] == "error"]
        must(len(errors) == (status != OK), f"errors: {errors}")
        must(not says or says in errors[0], f"{errors}, expected: {says}")
        published = ended.out.count(b'"published"')
        must(published <= 2, f"{published} documents of transactions that did not get so far")


def leaves(name):
    """Nobody reads what is published any more; or a signal comes while it waits in a transaction."""
    with tempfile.TemporaryDirectory(prefix="weir-hostile-") as path:
        if name == "reader-is-gone":
            gone = os.open("/dev/full", os.O_WRONLY)
            ended = run([BALANCES], path, environment(TMPDIR=path), stdin=lines(OPEN, READ, {"flush": {}}), stdout=gone)
            os.close(gone)
            must(ended.status > 0, f"exit status {ended.status}")
        else:
            def poll(process):
                if not poll.said:
                    process.stdin.write(lines(OPEN, READ))
                    process.stdin.flush()
                    poll.said = True
                elif b'"opened"' in process.printed():
                    os.kill(process.pid, signal.SIGTERM)
            poll.said = False
            ended = run([BALANCES], path, environment(TMPDIR=path), stdin=None, poll=poll)
            must(ended.status == OK and b'"flushed"' not in ended.out, f"exit status {ended.status}\n{ended.err}")


GROUPS = {"driven": (driven, CASES), "platform": (platform, PLATFORMS), "leaves": (leaves, ("reader-is-gone", "terminated-in-a-transaction"))}


def job(_, group, name):
    GROUPS[group][0](name)


def main(parts):
    missing = set(BEHAVIOURS) ^ set(CASES)
    if missing:
        print(f"not ok derive/cases\n# without a case, or without a behaviour: {sorted(missing)}")
    report([("derive", group, name) for group, (_, names) in GROUPS.items() for name in names], job, parts, waits=lambda j: j[2] in ("never-exits",))


if __name__ == "__main__":
    main(sys.argv[1:])
