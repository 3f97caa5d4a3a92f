#!/usr/bin/env python3
"""run.py [PART-OF-A-NAME...] - drives every behaviour of peer.py through `weir capture`, `weir preview` and `weir run --once`.

Expected each time: the exit status; one error line that names the capture, who has to act and what happened; nobody left behind, nobody unreaped;
the collection and weir.db as of the last checkpoint. Then a good connector goes on from there, and every document is there once.
"""
import json
import sqlite3
import sys
import tempfile
from pathlib import Path

from harness import CODES, CONFIG, HERE, OK, PROTOCOL, REMOTE, TRANSIENT, WEIR, environment, log_records, must, parse_lines, report, run
from peer import LAST, behaviours

PEER = HERE / "peer.py"
COMMANDS = ("capture", "preview", "run")
STOPPED = COMMANDS + ("stop",)  # a run that gets SIGTERM


class Case:
    """What is expected of a behaviour.

    committed: the documents of the collection afterwards; state: None if there must be none.
    silent: it stops talking: capture and stop are ended by SIGTERM, preview by --timeout, run by --idle.
    patience: for --timeout and --idle.
    """

    def __init__(self, status, says=None, committed=(), state=None, silent=False, **more):
        self.status, self.says, self.committed, self.state, self.silent = status, says, list(committed), state, silent
        self.seconds = more.pop("seconds", 12 if silent else 9)  # at most
        self.waits = 12 <= self.seconds <= 25         # for a time limit, using nothing
        self.commands = more.pop("commands", STOPPED if silent else COMMANDS)
        self.patience = more.pop("patience", "4s" if silent else None)
        self.protobuf = more.pop("protobuf", False)
        self.logs = more.pop("logs", [])              # other lines that stderr must hold: parts of messages
        self.log_level = more.pop("log_level", None)
        self.elsewhere = more.pop("elsewhere", False) # a process of another session is left, and nothing can be done
        assert not more, more


def before(status, says, **more):
    """It fails before anything is captured."""
    return Case(status, says, **more)


def after_two(status, says, **more):
    return Case(status, says, committed=[1, 2], state={"n": 2}, **more)


def complete(**more):
    return Case(OK, None, committed=range(1, LAST + 1), state={"n": LAST}, **more)


CASES = {
    "good": complete(),
    "good-with-acks": complete(),
    "good-in-protobuf": complete(protobuf=True),
    "applies-after-some-words": complete(logs=["something failed, but we go on"]),

    "dies-at-once": before(REMOTE, "the connector exited with status 3 with no log output"),
    "dies-with-words": before(REMOTE, "the connector exited with status 1: error: the moon is not there", logs=["looking for the moon", "good bye"]),
    "killed-at-once": before(REMOTE, "the connector was killed by signal 9 (Killed) with no log output"),
    "answers-nothing": before(PROTOCOL, "the connector ended without an answer to 'spec'"),
    "greets-on-stdout": before(PROTOCOL, 'expected an object at byte 0 of the message "Hello, I am a connector"'),
    "echoes": before(PROTOCOL, "spec: protocol is missing, 3032023 is expected"),
    "closes-its-input": before(REMOTE, "the connector exited with status 7: error: I do not listen"),
    "spec-of-another-protocol": before(PROTOCOL, "spec: protocol is 3032022, 3032023 is expected"),
    "spec-without-config-schema": before(PROTOCOL, "spec: configSchema, resourceConfigSchema and documentationUrl must not be empty"),
    "spec-without-resource-schema": before(PROTOCOL, "spec: configSchema, resourceConfigSchema and documentationUrl must not be empty"),
    "spec-without-documentation": before(PROTOCOL, "spec: configSchema, resourceConfigSchema and documentationUrl must not be empty"),
    "spec-twice": before(PROTOCOL, "the connector went on with 'spec' after its answer"),
    "spec-is-opened": before(PROTOCOL, "the connector answered 'spec' with 'opened'"),
    "never-answers": Case(OK, silent=True, commands=("capture", "stop")),
    "never-exits-output-open": before(PROTOCOL, "the connector has not exited within 10 s after the end of its input: it was killed", seconds=20),
    "never-exits-output-closed": before(PROTOCOL, "the connector has not exited within 10 s after the end of its output: it was killed", seconds=20),

    "validates-fewer": before(PROTOCOL, "validate: the connector validated 0 bindings of 1"),
    "validates-more": before(PROTOCOL, "validate: the connector validated 2 bindings of 1"),
    "validates-without-path": before(PROTOCOL, "validate: the connector gave no resourcePath for binding 0 (acme/docs)"),
    "validates-number-as-path": before(PROTOCOL, "resource path [1] is no list of strings"),
    "validates-twice": before(PROTOCOL, "validate: the connector went on with 'validated' after its answer"),
    "validation-fails": before(REMOTE, "validate: the connector exited with status 1: password is wrong", logs=["connecting"]),
    "validation-fails-our-way": before(CONFIG, "validate: the connector exited with status 2: no such table"),
    "validation-transient-our-way": before(TRANSIENT, "validate: the connector exited with status 3: the table is locked"),
    "applies-half": before(PROTOCOL, "apply: the connector's output ends inside a line: the last 11 bytes have no newline"),

    "captures-before-opened": before(PROTOCOL, "the connector answered 'open' with 'captured'"),
    "opens-twice": after_two(PROTOCOL, "the connector sent 'opened' while capturing"),
    "writes-rubbish": after_two(PROTOCOL, 'expected an object at byte 0 of the message "Traceback (most recent call last):"'),
    "writes-an-empty-line": after_two(PROTOCOL, 'expected an object at byte 0 of the message ""'),
    "writes-bad-utf8": after_two(PROTOCOL, "bytes that are not UTF-8 at byte 47"),
    "writes-an-unknown-key": after_two(PROTOCOL, "unknown key at byte 40 of the message"),
    "writes-an-unknown-kind": after_two(PROTOCOL, "unknown kind of message at byte 1 of the message"),
    "writes-two-kinds": after_two(PROTOCOL, "a second kind of message in one at byte 41 of the message"),
    "writes-another-binding": after_two(PROTOCOL, "the connector sent 'captured' for binding 7 of 1"),
    "writes-schema-of-another-binding": after_two(PROTOCOL, "the connector sent 'sourcedSchema' for binding 1 of 1"),
    "writes-negative-binding": after_two(PROTOCOL, "expected a number from 0 to 4294967295 at byte 23 of the message"),
    "writes-a-list-as-document": after_two(PROTOCOL, "expected a document, which is an object, at byte 31 of the message"),
    "writes-no-document": after_two(PROTOCOL, "a document is missing"),
    "writes-a-number-as-state": after_two(PROTOCOL, "expected an object at byte 34 of the message"),
    "writes-deep-nesting": after_two(PROTOCOL, "nested too deeply"),
    "writes-a-long-line": after_two(PROTOCOL, "is longer than the", seconds=30),
    "writes-without-end": after_two(PROTOCOL, "is longer than the", seconds=30),
    "writes-without-key": after_two(PROTOCOL, 'a document for collection acme/docs lacks part 1 of its key ["/id"]', commands=("run",)),
    "writes-a-truncation": after_two(PROTOCOL, 'a document for collection acme/docs lacks part 1 of its key ["/id"]', commands=("run",)),
    "goes-on-after-a-mistake": after_two(PROTOCOL, "the connector sent 'captured' for binding 7 of 1"),

    "dies-after-documents": after_two(REMOTE, "the connector exited with status 1: lost the connection"),
    "dies-after-a-checkpoint": Case(REMOTE, "the connector exited with status 1: panic: out of cheese", committed=range(1, LAST + 1), state={"n": LAST}),
    "dies-mid-line": after_two(REMOTE, "the connector exited with status 139: segmentation fault, nearly"),
    "killed-mid-line": after_two(REMOTE, "the connector was killed by signal 9 (Killed) with no log output"),
    "ends-mid-line": after_two(PROTOCOL, "the connector's output ends inside a line: the last 28 bytes have no newline"),
    "ends-with-documents": after_two(PROTOCOL, "the connector ended with 1 document after its last checkpoint: dropped"),
    "ends-with-many-documents": after_two(PROTOCOL, "the connector ended with 1000 documents after its last checkpoint: dropped"),
    "stops-mid-line": after_two(OK, None, silent=True),
    "stops-after-documents": after_two(OK, None, silent=True),
    "ignores-sigterm": after_two(OK, None, silent=True, seconds=20),
    "closes-stderr-and-stops": after_two(OK, None, silent=True),
    "never-exits-after-capture": Case(PROTOCOL, "the connector has not exited within 10 s after the end of its output: it was killed",
                                      committed=range(1, LAST + 1),
                                      state={"n": LAST}, seconds=20),
    "never-exits-and-ignores-sigterm": Case(PROTOCOL, "the connector has not exited within 10 s after the end of its output: it was killed",
                                            committed=range(1, LAST + 1), state={"n": LAST}, seconds=25),

    "is-slow-with-much": complete(patience="1s"),

    "leaves-a-grandchild": complete(seconds=12),
    "leaves-a-grandchild-elsewhere": complete(seconds=6, elsewhere=True),
    "dies-and-leaves-a-grandchild": after_two(REMOTE, "the connector exited with status 1: error: gone, but not alone"),

    "leaves-before-the-last-ack": complete(),
    "closes-its-input-while-capturing": complete(),
    "wants-acks-but-is-deaf": Case(PROTOCOL, "the connector asked for acknowledgements, but has not read its input for 10 s", state={"n": 0}, seconds=20),

    "floods-stderr": complete(log_level="error", seconds=40, commands=("capture", "run")),
    "floods-stderr-without-lines": complete(log_level="error", seconds=40, commands=("run",)),
    "logs-half-json": after_two(REMOTE, 'the connector exited with status 1: {"level":"error","msg":"half a rec', logs=["unfinished", "bytes"]),

    "half-a-frame": Case(PROTOCOL, "the connector's output ends inside a message: 1 of 32 bytes", committed=[1], state={"n": 1}, protobuf=True),
    "a-long-frame": Case(PROTOCOL, "a message of 134217728 bytes: more than 64 MiB, or not the protobuf codec", committed=[1], state={"n": 1}, protobuf=True),
}


# ---- running ----

def write_catalog(folder, behaviour, protobuf):
    (folder / "flow.yaml").write_text(json.dumps({
        "captures": {"acme/hostile": {
            "endpoint": {"local": {"command": [sys.executable, "-S", "-E", str(PEER), behaviour], "config": {}, "protobuf": protobuf}},
            "bindings": [{"resource": {"stream": "a"}, "target": "acme/docs"}]}},
        "collections": {"acme/docs": {"schema": {"type": "object", "properties": {"id": {"type": "integer"}}, "required": ["id"]}, "key": ["/id"]}},
    }))


def arguments(command, case):
    if command == "capture":
        return ["capture", "--name", "acme/hostile"]
    if command == "preview":
        return ["preview", "--name", "acme/hostile", "--output-state"] + (["--timeout", case.patience] if case.patience else [])
    return ["run", "--once", "--quiet", "--data", "data", "--idle", case.patience if case.patience and command == "run" else "40s"]


def run_weir(folder, command, case):
    ready = folder / "ready"
    env = environment(HOSTILE_READY=str(ready))
    if case.log_level:
        env["LOG_LEVEL"] = case.log_level

    def stop(weir):
        arrived = state_of(folder) == case.state if command == "stop" else weir.printed().count(b'{"checkpoint"') >= bool(case.state)
        if ready.exists() and arrived:
            weir.terminate()
            ready.unlink()

    return run([WEIR] + arguments(command, case), folder, env, poll=stop if case.silent and command in ("capture", "stop") else None)


# ---- judging ----

def check_log(command, case, text):
    records = log_records(text)
    for part in case.logs:
        must(any(part in r["message"] for r in records), f"the connector's words '{part}' are not in the log")
    ours = [r for r in records if "who" in r.get("fields", {}) and not r["fields"].get("task") == "acme/hostile" or r["message"].startswith("capture acme/")]
    ours = [r for r in ours if r["message"] != "a task failed, see above"]
    if case.says is None:
        must(not ours, f"an error where none is expected: {ours}")
        return
    must(len(ours) == 1, f"{len(ours)} error lines of weir, expected one: {[r['message'] for r in ours]}\n{text[-1000:]}")
    record = ours[0]
    must(record["level"] == "error" and record["message"].startswith("capture acme/hostile: "), f"the error does not begin with the capture: {record}")
    must(case.says in record["message"], f"the error is\n  {record['message']}\nexpected\n  {case.says}")
    must(len(record["message"]) < 400, f"the error is {len(record['message'])} bytes long")
    must(record["fields"].get("code") == CODES[case.status], f"its code is {record['fields'].get('code')}, expected {CODES[case.status]}")
    must(" has to act" in record["fields"].get("who", "") or case.status == TRANSIENT, f"it does not say who has to act: {record['fields']}")


def check_capture(case, out):
    lines = parse_lines(out)
    kinds = [next(iter(m)) for m in lines]
    last = max((i for i, k in enumerate(kinds) if k == "checkpoint"), default=-1)
    ids = [m["captured"]["doc"]["id"] for m in lines[:last + 1] if "captured" in m]
    must(ids == case.committed, f"documents up to the last checkpoint: {ids}, expected {case.committed}")
    state = {}
    for m in lines:
        if "checkpoint" in m:
            must(m["checkpoint"]["state"]["mergePatch"] is True, "a state that is no patch")
            state.update(m["checkpoint"]["state"]["updated"])
    must((state or None) == case.state, f"state {state}, expected {case.state}")
    must(not kinds or kinds[0] == "opened", f"it begins with {kinds[:1]}")


def check_preview(case, out):
    lines = parse_lines(out)
    last = max((i for i, m in enumerate(lines) if m[0] == "connectorState"), default=-1)
    ids = [m[1]["id"] for m in lines[:last + 1] if m[0] == "acme/docs"]
    must(ids == case.committed, f"documents up to the last checkpoint: {ids}, expected {case.committed}")
    states = [m[1]["updated"] for m in lines if m[0] == "connectorState"]
    must((states[-1] if states else None) == case.state, f"state {states[-1:]}, expected {case.state}")


def journal(folder, committed):
    data = b"".join(p.read_bytes() for p in sorted((folder / "data/journals/acme%2Fdocs").glob("*")))
    must(len(data) >= committed, f"weir.db says {committed} bytes, the journal has {len(data)}")
    return [json.loads(line)["id"] for line in data[:committed].splitlines()]


def query(folder, text):
    """The first value, or None."""
    db = sqlite3.connect(f"file:{folder}/data/weir.db?mode=ro", uri=True)
    try:
        row = db.execute(text).fetchone()
        return row and row[0]
    finally:
        db.close()


def state_of(folder):
    try:
        text = query(folder, "SELECT state FROM tasks WHERE task = 'acme/hostile'")
    except sqlite3.OperationalError:
        return None  # not made yet
    return json.loads(text) if text else None


def check_data(folder, expected, state):
    ids = journal(folder, query(folder, "SELECT committed FROM journals WHERE journal = 'acme/docs'") or 0)
    must(ids == expected, f"the collection holds {ids}, expected {expected}")
    got = state_of(folder)
    must(got == state, f"weir.db has the state {got}, expected {state}")


def go_on(folder):
    """A good connector takes over."""
    good = complete()
    write_catalog(folder, "good", False)
    ended = run_weir(folder, "run", good)
    must(ended.status == OK, f"a good connector afterwards fails: {ended.err[-500:]}")
    check_data(folder, good.committed, good.state)


def run_case(name, command):
    case = CASES[name]
    with tempfile.TemporaryDirectory(prefix="weir-hostile-") as path:
        folder = Path(path)
        write_catalog(folder, name, case.protobuf)
        ended = run_weir(folder, command, case)
        must(ended.status == case.status, f"exit status {ended.status}, expected {case.status}\n{ended.err[-1000:]}")
        check_log(command, case, ended.err)
        if command == "capture":
            check_capture(case, ended.out)
        elif command == "preview":
            check_preview(case, ended.out)
        else:
            check_data(folder, case.committed, case.state)
            go_on(folder)
        must(ended.seconds <= case.seconds, f"it took {ended.seconds:.1f} s, expected at most {case.seconds}")


def main(parts):
    missing = set(behaviours()) - set(CASES) - {"wrong"}
    if missing:
        print(f"not ok all behaviours are driven\n# not driven: {sorted(missing)}")
    jobs = [(name, command) for name, case in CASES.items() for command in case.commands]
    report(jobs, run_case, parts, lambda job: CASES[job[0]].waits)


if __name__ == "__main__":
    main(sys.argv[1:])
