#!/usr/bin/env python3
"""driven.py [PART-OF-A-NAME...] - drives every behaviour of airbyte.py and singer.py through `weir run --once` and `weir discover`.

Expected of a source or tap: the exit status; one error line that names the capture and what happened; what is missing was spoken of; nobody left behind,
no file, no secret. Then a good one goes on from the state that weir hands it, and every document is there once.
Of a destination or target: the same, and after a good one has gone on every document is stored.
"""
import json
import re
import sqlite3
import sys
import tempfile
from pathlib import Path

import airbyte
import singer
from harness import (CODES, CONFIG, HERE, OK, PROTOCOL, REMOTE, TRANSIENT, WEIR, BIN, environment, log_records, must, parse_lines, report, run)
from peer import LAST, behaviours

ALL = list(range(1, LAST + 1))
PEERS = {"source": ("airbyte", airbyte.Source), "tap": ("singer", singer.Tap), "destination": ("airbyte", airbyte.Destination),
         "target": ("singer", singer.Target)}
RESOURCES = {"source": {"stream": "users", "syncMode": "incremental"},
             "tap": {"stream": "users", "tap_stream_id": "users", "replication_method": "INCREMENTAL", "replication_key": "id"},
             "destination": {"stream": "docs"}, "target": {"stream": "docs"}}


class Case:
    """What is expected of a behaviour. outcomes: the exit statuses that may be, each with the ids that are committed then; None: it does not matter which.

    says: a pattern that the error must have, if there is one. spoken: a pattern that some line of the log must have if a document is missing though weir
    says that all went well. state(text): looks at the state that the next run is handed. finally_: the ids after a good peer has gone on.
    silent: it stops talking, and is left by --idle or SIGTERM.
    """

    def __init__(self, outcomes, says=None, **more):
        self.outcomes, self.says = outcomes, says
        self.spoken = more.pop("spoken", None)
        self.state = more.pop("state", None)
        self.finally_ = more.pop("finally_", ALL)
        self.silent = more.pop("silent", False)
        self.seconds = more.pop("seconds", 12 if self.silent else 9)
        self.waits = more.pop("waits", self.silent)
        self.log_level = more.pop("log_level", "info")
        self.megabytes = more.pop("megabytes", 100)
        self.command = more.pop("command", "run")
        self.config = more.pop("config", None)        # the settings stand in a file, and must be these afterwards
        self.count = more.pop("count", 5)             # documents for a destination
        self.must_speak = more.pop("must_speak", None)  # a pattern that some line must have in any case
        self.goes_on = more.pop("goes_on", True)      # does a good one go on afterwards?
        assert not more, more


def fine(**more):
    """All is well, and the state too: a good peer goes on where the case is about that (it takes three more processes)."""
    about_state = any(k in more for k in ("state", "finally_", "config"))
    return Case({OK: ALL}, goes_on=more.pop("goes_on", about_state), **more)


def after_two(status, says, **more):
    return Case({status: [1, 2]}, says, **more)


def before(status, says, **more):
    return Case({status: []}, says, **more)


def fourth(says, taken=True, skipped=True, refused=True, **more):
    """Record 4 is wrong. It may be taken for good, skipped if that is said, or refused."""
    outcomes = {}
    if taken or skipped:
        outcomes[OK] = [ALL] * taken + [[1, 2, 3, 5]] * skipped
    if refused:
        outcomes[PROTOCOL] = [1, 2, 3]
    return Case(outcomes, says, spoken=says, finally_=None, **more)


def wrong_state(says):
    """After record 3 comes a state that is none, then exit 1: either is an error, and 3 is not committed with a state that counts it."""
    return Case({PROTOCOL: [1, 2], REMOTE: [1, 2]}, says)


# ---- what a state must be for the next run ----

def json_exactly(text):
    return json.loads(text, parse_int=lambda n: ("number", n), parse_float=lambda n: ("number", n))


def array_of_states(text):
    """airbyte.md 2.3: an array of inner objects; each has a type (trap 3), and what belongs to it."""
    states = json_exactly(text)
    must(isinstance(states, list), f"the state file is no array: {text[:200]}")
    for s in states:
        must(isinstance(s, dict) and s.get("type") in ("STREAM", "GLOBAL", "LEGACY") and "state" not in s, f"the state file holds {str(s)[:200]}")
        must(s.get({"STREAM": "stream", "GLOBAL": "global", "LEGACY": "data"}[s["type"]]) is not None, f"a state without its body: {str(s)[:200]}")
    return states


def of_stream(extra=None):
    def look(text):
        states = array_of_states(text)
        must(len(states) == 1 and states[0]["type"] == "STREAM", f"one STREAM state is expected: {text[:300]}")
        must(states[0]["stream"]["stream_descriptor"]["name"] == "users", f"the state is of another stream: {text[:300]}")
        must(states[0]["stream"].get("stream_state") == {"n": ("number", "5")} | (extra or {}), f"another stream_state: {text[:300]}")
    return look


def global_(shared):
    def look(text):
        states = array_of_states(text)
        must(len(states) == 1 and states[0]["type"] == "GLOBAL", f"a single GLOBAL state is expected: {text[:300]}")
        must(states[0]["global"].get("shared_state") == shared, f"another shared_state: {text[:300]}")
        must([s["stream_descriptor"]["name"] for s in states[0]["global"]["stream_states"]] == ["users"], f"other stream_states: {text[:300]}")
    return look


def legacy(text):
    states = array_of_states(text)
    must(states == [{"type": "LEGACY", "data": {"users": {"n": ("number", "5")}}}], f"a LEGACY state is expected: {text[:300]}")


def nothing_of_users(text):
    """A reset stream: no state, or a null one."""
    for s in array_of_states(text or "[]"):
        must(s["type"] != "STREAM" or not s["stream"].get("stream_state"), f"the stream was reset: {text[:300]}")


def verbatim(text):
    want = json_exactly('{%s,"bookmarks":{"users":{"z":0,"n":5,"a":-0.0},"nope":{"n":7}}}' % singer.StateVerbatim.extra)
    must(json_exactly(text) == want, f"the state is\n{text[:400]}\nexpected\n{want}")


SHARED = {"lsn": ("number", "5"), "big": ("number", "123456789012345678901234567890")}
ODD = {"": {"/a~b": "é"}, "n.m": ("number", "1.10"), "type": "GLOBAL", "stream_descriptor": ("number", "7")}
DIED = r"status 3"
MOON = airbyte.MOON
NO_ANSWER = "(?i)spec"


SOURCES = {
    "source": fine(state=of_stream()),

    "junk-lines": fine(must_speak="Downloading the model"),
    "json-that-is-no-message": fine(),
    "unknown-types": fine(must_speak="FANCY"),
    "pretty-prints-words": fine(),
    "blank-lines": fine(goes_on=True),
    "bad-utf8-words": fine(must_speak="caf"),
    "deep-words": fine(),
    "long-words": fine(megabytes=150),
    "tells-everything": fine(),
    "line-ends-of-windows": fine(),
    "byte-order-mark": fine(),
    "without-last-newline": fine(state=of_stream()),
    "half-a-last-line": Case({OK: ALL, PROTOCOL: ALL}, "id", must_speak=r'\\?"id\\?":6|newline|inside a line'),

    "nulls-everywhere": fine(state=of_stream()),
    "type-last": fine(goes_on=True),
    "escapes-in-keys": fine(state=of_stream()),
    "spaces-everywhere": fine(goes_on=True),
    "unknown-keys": fine(state=of_stream()),
    "records-with-meta": fine(),
    "large-records": fine(goes_on=True, megabytes=250, seconds=20),
    "numbers-of-many-digits": fine(),
    "duplicate-keys-in-data": fine(),

    "record-of-unknown-stream": fourth("nope", taken=False),
    "record-of-another-namespace": fourth("elsewhere", taken=False),
    "record-without-stream": fourth("stream", taken=False),
    "record-of-a-number": fourth("stream", taken=False),
    "record-without-data": fourth("data", taken=False),
    "record-of-a-list": fourth("data|object|document", taken=False),
    "record-of-null": fourth("data|object|document", taken=False),
    "record-of-text": fourth("data|object|document", taken=False),
    "record-that-is-a-list": fourth("record|RECORD", taken=False),
    "record-that-is-null": fourth("record|RECORD", taken=False),
    "record-without-time": fourth("emitted_at"),
    "record-with-half-a-time": fourth("emitted_at"),
    "record-with-text-as-time": fourth("emitted_at"),
    "record-with-huge-time": fourth("emitted_at"),
    "record-in-two-lines": fourth(r"RECORD|data", taken=False),
    "two-records-in-a-line": fourth("RECORD|record", taken=False),
    "record-and-words": fourth("RECORD|record", taken=False),
    "record-with-nan": fourth("NaN", taken=False),
    "record-of-bad-utf8": fourth("UTF-8|RECORD", taken=False),
    "record-with-a-lone-surrogate": fourth("surrogate|RECORD|ud800"),
    "record-with-control-bytes": fourth("RECORD|record|byte", taken=False),
    "record-in-latin1": fourth("UTF-8|RECORD", taken=False),
    "record-in-python": fourth("RECORD|record", taken=False),
    "record-with-trailing-comma": fourth("RECORD|record", taken=False),
    "record-nested-deeply": fourth("nested", taken=False, skipped=False),
    "record-with-key-of-null": Case({OK: [1, 2, 3, None, 5], CONFIG: [1, 2, 3]}, "/id: null is not", finally_=None),
    "record-with-two-types": fourth("RECORD|record|LOG|x"),
    "record-too-long": fourth("longer", skipped=False, megabytes=400, seconds=20),

    "counts-too-many": Case({OK: ALL, PROTOCOL: None}, "1000", must_speak="1000"),
    "counts-too-few": Case({OK: ALL, PROTOCOL: None}, "users", must_speak="recordCount|records"),
    "counts-nonsense": Case({OK: ALL, PROTOCOL: None}, "recordCount|sourceStats"),
    "counts-in-integers": fine(),

    "state-global": fine(state=global_(SHARED)),
    "state-global-with-underscore": fine(state=global_(SHARED)),
    "state-global-twice": fine(state=global_(SHARED)),
    "state-global-without-shared": fine(state=global_(None)),
    "state-global-without-type": fine(state=global_(SHARED)),
    "state-legacy": fine(state=legacy),
    "state-legacy-without-type": fine(state=legacy),
    "state-of-stream-without-type": fine(state=of_stream()),
    "state-of-stream-and-legacy": fine(state=of_stream()),
    "state-with-odd-keys": fine(state=of_stream(ODD)),
    "state-that-is-large": fine(goes_on=True, megabytes=400, seconds=20),
    "state-that-forgets": fine(state=nothing_of_users, finally_=ALL + ALL),
    "state-of-unknown-stream": fine(goes_on=True),
    "stream-and-global-mixed": Case({OK: ALL, PROTOCOL: None}, "GLOBAL"),
    "state-without-records": Case({OK: []}, finally_=[], state=of_stream()),
    "without-states": fine(finally_=ALL + ALL),
    "without-last-state": fine(finally_=None),

    "without-status": fine(goes_on=True),
    "complete-twice": fine(),
    "complete-first": fine(goes_on=True),
    "status-of-unknown-stream": Case({OK: ALL, PROTOCOL: None}, "nope"),
    "status-unheard-of": Case({OK: ALL, PROTOCOL: None}, "FINISHED|status"),
    "incomplete-and-exit0": Case({OK: [[1, 2], [1, 2, 3]], TRANSIENT: [1, 2], REMOTE: [1, 2]}, "users",
                                 must_speak="INCOMPLETE|incomplete|not complete", finally_=None),
    "complete-and-exit1": Case({REMOTE: ALL}, "status 1"),
    "complete-and-incomplete": Case({OK: ALL, TRANSIENT: ALL, REMOTE: ALL, PROTOCOL: ALL}, "users"),

    "error-and-exit0": after_two(REMOTE, MOON),
    "error-and-exit1": after_two(REMOTE, MOON),
    "error-of-config": after_two(CONFIG, MOON),
    "error-that-passes": after_two(TRANSIENT, MOON),
    "error-of-another-kind": after_two(REMOTE, MOON),
    "error-then-success": Case({REMOTE: ALL}, MOON),
    "error-without-words": Case({REMOTE: [1, 2], PROTOCOL: [1, 2]}, "status 1|error|TRACE"),
    "error-that-is-long": after_two(REMOTE, MOON, megabytes=150),
    "exit1-without-words": after_two(REMOTE, "status 1"),
    "exit1-with-words": after_two(REMOTE, "status 1.*" + MOON),
    "exit1-with-log-fatal": after_two(REMOTE, "status 1.*" + MOON),
    "killed-in-a-record": after_two(REMOTE, "signal 9"),
    "terminated-in-a-record": after_two(REMOTE, "signal 15"),
    "only-garbage": Case({OK: [], PROTOCOL: []}, "users|message", must_speak="garbage"),
    "nothing-at-all": Case({OK: [], PROTOCOL: []}, "users|message"),

    "changes-its-config": fine(config=airbyte.ChangesItsConfig.new),
    "changes-settings-in-the-catalog": fine(must_speak="changed its settings"),
    "controls-nonsense": Case({OK: ALL, PROTOCOL: None}, "CONTROL|config"),

    "without-spec": before(PROTOCOL, "(?i)spec"),
    "spec-twice": fine(),
    "spec-of-nothing": before(PROTOCOL, "connectionSpecification"),
    "spec-of-text": before(PROTOCOL, "connectionSpecification"),
    "spec-and-exit1": Case({REMOTE: [], OK: ALL}, "status 1"),
    "check-fails": before(CONFIG, "the password .* is wrong"),
    "check-fails-without-words": before(CONFIG, "check"),
    "check-says-maybe": before(PROTOCOL, "MAYBE"),
    "check-without-status": before(PROTOCOL, "check|CONNECTION_STATUS"),
    "check-twice": fine(),
    "check-throws": before(REMOTE, MOON),

    "without-catalog": before(PROTOCOL, "discover|CATALOG", command="discover"),
    "catalog-twice": Case({OK: ["users"]}, command="discover"),
    "catalog-of-null": before(PROTOCOL, "catalog|CATALOG|streams", command="discover"),
    "catalog-of-nonsense": before(PROTOCOL, "stream", command="discover"),
    "catalog-without-name": before(PROTOCOL, "name", command="discover"),
    "catalog-with-same-names": Case({PROTOCOL: [], OK: ["users"]}, "users", command="discover", must_speak="users"),
    "catalog-and-error": Case({OK: ["users"], TRANSIENT: []}, "half of it", command="discover", must_speak="half of it"),
    "catalog-too-large": Case({PROTOCOL: [], OK: ["users", "large"]}, "longer", command="discover", seconds=25, megabytes=700),
    "catalog-among-much": Case({OK: ["users"]}, command="discover", log_level="error", seconds=20),
    "discover-dies": before(REMOTE, "signal 9", command="discover"),
    "catalog-with-nulls": Case({OK: ["users"]}, command="discover"),
    "odd-names": Case({OK: airbyte.OddNames.names}, command="discover and run", seconds=20),
    "empty-name": Case({OK: ["users"], PROTOCOL: []}, "name", command="discover"),
    "two-namespaces": Case({OK: ["users", "users", "users"]}, command="discover and run"),
    "columns-by-the-thousand": Case({OK: ["users"]}, command="discover and run", seconds=20),

    "floods-stderr": fine(log_level="error", seconds=30),
    "closes-stdout-and-lives": Case({OK: ALL, PROTOCOL: ALL}, "exit", seconds=25, waits=True),
    "hangs-after-the-end": Case({OK: [1, 2]}, silent=True),
    "hangs-in-a-record": Case({OK: [1, 2]}, silent=True),
    "ignores-sigterm": Case({OK: [1, 2]}, silent=True, seconds=20),
    "never-ends": Case({OK: None}, command="stop", log_level="warn"),
    "two-streams": Case({OK: ["users", "orders"]}, command="merge"),
    "one-of-two-fails": Case({REMOTE: None}, MOON, command="part"),
    "leaves-a-grandchild": Case({OK: ALL}, seconds=14, waits=True),
    "dies-and-leaves-a-grandchild": after_two(REMOTE, "status 1", seconds=14, waits=True),
    "dies-at-once": before(REMOTE, "status 3.*no such module"),
}
SOURCES.update({f"state-of-wrong-shape:{i}": wrong_state("state|STATE|status 1") for i in range(len(airbyte.StateOfWrongShape.texts))})
for i in (10, 11):  # stream_state is opaque: a list or a number may be believed, and is handed back as it was
    SOURCES[f"state-of-wrong-shape:{i}"] = Case({PROTOCOL: [1, 2], REMOTE: [[1, 2], [1, 2, 3]]}, "state|status 1", goes_on=False)

TAPS = {
    "tap": fine(goes_on=True),
    "blank-lines": fine(goes_on=True),
    "line-ends-of-windows": fine(),
    "without-last-newline": fine(goes_on=True),
    "lower-case-types": fine(),
    "type-last": fine(goes_on=True),
    "escapes-in-keys": fine(goes_on=True),
    "spaces-everywhere": fine(goes_on=True),
    "nulls-everywhere": fine(),
    "large-records": fine(goes_on=True, megabytes=250, seconds=20),
    "numbers-of-many-digits": fine(),
    "duplicate-keys-in-record": fine(),

    "junk-line": fourth("Traceback", taken=False),
    "line-of-json-log": fourth("type|words", taken=False),
    "line-of-a-list": fourth("object|RECORD", taken=False),
    "line-of-a-number": fourth("object|4", taken=False),
    "line-of-null": fourth("object|null", taken=False),
    "line-of-an-empty-object": fourth("type|{}", taken=False),
    "line-of-unknown-type": fourth("FANCY", taken=False),
    "line-of-numbered-type": fourth("type", taken=False),
    "line-of-null-type": fourth("type", taken=False),
    "line-with-byte-order-mark": fourth("RECORD|byte"),
    "line-broken-in-two": fourth("RECORD", taken=False),
    "line-of-two-messages": fourth("RECORD", taken=False),
    "line-with-words-behind": fourth("RECORD", taken=False),
    "line-with-nan": fourth("NaN", taken=False),
    "line-of-bad-utf8": fourth("UTF-8|RECORD", taken=False),
    "line-with-lone-surrogate": fourth("surrogate|RECORD|ud800"),
    "line-with-control-bytes": fourth("RECORD|byte", taken=False),
    "line-of-python": fourth("RECORD", taken=False),
    "line-with-trailing-comma": fourth("RECORD", taken=False),
    "line-nested-deeply": fourth("nested", taken=False, skipped=False),
    "line-with-two-types": fourth("type|RECORD"),
    "line-too-long": fourth("longer", skipped=False, megabytes=400, seconds=20),
    "record-of-unknown-stream": fourth("nope", taken=False),
    "record-without-stream": fourth("stream", taken=False),
    "record-of-a-numbered-stream": fourth("stream", taken=False),
    "record-without-record": fourth("record", taken=False),
    "record-of-null": fourth("record|object|document", taken=False),
    "record-of-a-list": fourth("record|object|document", taken=False),
    "record-of-text": fourth("record|object|document", taken=False),
    "record-with-key-of-null": Case({OK: [1, 2, 3, None, 5], CONFIG: [1, 2, 3]}, "/id: null is not", finally_=None),
    "record-with-odd-time": fine(),

    "record-before-schema": Case({OK: [1] + ALL, PROTOCOL: []}, "SCHEMA|schema", finally_=None),
    "without-schema": Case({OK: ALL, PROTOCOL: []}, "SCHEMA|schema"),
    "without-anything": Case({OK: [], PROTOCOL: []}, "SCHEMA|schema|users", must_speak="SCHEMA|schema|users|nothing"),
    "schema-with-each-record": fine(),
    "schemas-that-change": fine(),
    "schema-without-keys": fine(),
    "schema-with-null-keys": fine(),
    "schema-with-other-keys": Case({OK: ALL, PROTOCOL: None}, "key"),
    "schema-missing": Case({OK: ALL, PROTOCOL: []}, "schema"),
    "schema-of-null": Case({OK: ALL, PROTOCOL: []}, "schema"),
    "schema-of-a-list": Case({OK: ALL, PROTOCOL: []}, "schema"),
    "schema-of-text": Case({OK: ALL, PROTOCOL: []}, "schema"),
    "schema-with-a-key-of-text": Case({OK: ALL, PROTOCOL: []}, "key_properties"),
    "schema-with-keys-of-numbers": Case({OK: ALL, PROTOCOL: []}, "key_properties"),
    "schema-with-a-key-that-is-no-property": Case({OK: ALL, PROTOCOL: []}, "key_properties"),
    "schema-without-stream": Case({OK: ALL, PROTOCOL: []}, "stream"),
    "schema-of-unsound-types": Case({OK: ALL, PROTOCOL: []}, "schema|type"),
    "schema-nested-deeply": Case({OK: ALL, PROTOCOL: []}, "nested"),
    "columns-by-the-thousand": Case({OK: ["users"]}, command="discover and run", seconds=20),

    "state-verbatim": fine(state=verbatim),
    "state-first": fine(goes_on=True),
    "state-often": fine(goes_on=True),
    "state-of-nothing-at-the-end": fine(finally_=None),
    "state-that-is-large": fine(goes_on=True, megabytes=400, seconds=20),
    "without-states": fine(finally_=ALL + ALL),
    "without-last-state": fine(finally_=None),

    "activates-versions": Case({OK: ALL, PROTOCOL: []}, "ACTIVATE_VERSION"),
    "activates-nonsense": Case({OK: ALL, PROTOCOL: None}, "ACTIVATE_VERSION|version|nope"),
    "batches": fine(goes_on=True),
    "batch-that-is-missing": Case({PROTOCOL: [1, 2], REMOTE: [1, 2], CONFIG: [1, 2]}, "batch.jsonl"),
    "batch-that-is-a-folder": Case({PROTOCOL: [1, 2], REMOTE: [1, 2], CONFIG: [1, 2]}, "/tmp"),
    "batch-of-elsewhere": Case({PROTOCOL: [1, 2], REMOTE: [1, 2], CONFIG: [1, 2]}, "s3://bucket/batch.jsonl|s3"),
    "batch-of-no-url": after_two(PROTOCOL, "manifest|BATCH|batch"),
    "batch-of-parquet": Case({PROTOCOL: [1, 2], CONFIG: [1, 2]}, "parquet"),
    "batch-cut-off": Case({PROTOCOL: [1, 2], REMOTE: [1, 2]}, "batch.jsonl"),
    "batch-that-is-not-packed": Case({OK: None, PROTOCOL: [1, 2], REMOTE: [1, 2]}, "batch.jsonl", finally_=None),
    "batch-of-junk": Case({PROTOCOL: [1, 2], REMOTE: [1, 2]}, "batch.jsonl"),
    "batch-of-lists": Case({PROTOCOL: [1, 2], REMOTE: [1, 2]}, "batch.jsonl"),
    "batch-without-manifest": after_two(PROTOCOL, "manifest|BATCH|batch"),

    "exits-one-after-all": Case({REMOTE: ALL}, "status 1"),
    "exits-one-without-words": after_two(REMOTE, "status 1"),
    "exits-one-with-critical": after_two(REMOTE, "status 1.*" + MOON),
    "exits-with-the-secret": after_two(REMOTE, "status 1"),
    "half-a-last-line": after_two(PROTOCOL, "inside a line|newline|RECORD|end"),
    "killed-in-a-record": after_two(REMOTE, "signal 9"),
    "only-garbage": before(PROTOCOL, "garbage|object|byte"),

    "catalog-after-words": Case({PROTOCOL: [], OK: ["users"]}, "Discovering|catalog", command="discover"),
    "catalog-of-junk": before(PROTOCOL, "no catalog today|catalog", command="discover"),
    "catalog-of-nothing": before(PROTOCOL, "catalog", command="discover"),
    "catalog-of-a-list": before(PROTOCOL, "catalog|object|streams", command="discover"),
    "catalog-of-null": before(PROTOCOL, "streams|catalog", command="discover"),
    "catalog-of-numbers": before(PROTOCOL, "stream", command="discover"),
    "catalog-without-id": Case({PROTOCOL: [], OK: ["users"]}, "tap_stream_id", command="discover"),
    "catalog-with-same-ids": Case({PROTOCOL: [], OK: ["users"]}, "users", command="discover", must_speak="users"),
    "catalog-cut-off": before(PROTOCOL, "catalog|end|discover", command="discover"),
    "catalog-and-failure": before(REMOTE, "half of it", command="discover"),
    "catalog-too-large": Case({PROTOCOL: [], OK: ["users", "large"]}, "large|longer|MiB", command="discover", seconds=25, megabytes=1000),
    "catalog-without-metadata": Case({OK: ["users"]}, command="discover"),
    "names-of-messages-differ": Case({OK: ["users"]}, command="discover and run"),
    "odd-names": Case({OK: singer.OddNames.names}, command="discover and run", seconds=20),
    "discover-dies": before(REMOTE, "signal 9", command="discover"),
    "without-about": fine(),
    "about-of-junk": Case({OK: ALL, PROTOCOL: []}, "about"),
    "about-of-unsound-schema": fine(),

    "floods-stderr": fine(log_level="error", seconds=30),
    "measures-itself": fine(),
    "closes-stdout-and-lives": Case({OK: ALL, PROTOCOL: ALL}, "exit", seconds=25, waits=True),
    "hangs-after-records": Case({OK: [1, 2]}, silent=True),
    "hangs-in-a-record": Case({OK: [1, 2]}, silent=True),
    "ignores-sigterm": Case({OK: [1, 2]}, silent=True, seconds=20),
    "never-ends": Case({OK: None}, command="stop", log_level="warn"),
    "two-streams": Case({OK: ["users", "orders"]}, command="merge"),
    "leaves-a-grandchild": Case({OK: ALL}, seconds=14, waits=True),
    "dies-and-leaves-a-grandchild": after_two(REMOTE, "status 1", seconds=14, waits=True),
    "dies-at-once": before(REMOTE, "status 3.*no such module"),
}
TAPS.update({f"state-of-wrong-shape:{i}": wrong_state("state|STATE|value|status 1") for i in range(len(singer.StateOfWrongShape.texts))})

for i in (2, 3, 4, 6):  # a value is opaque: one that is no object may be believed, and is handed back as it was
    TAPS[f"state-of-wrong-shape:{i}"] = Case({PROTOCOL: [1, 2], REMOTE: [[1, 2], [1, 2, 3]]}, "state|STATE|value|status 1", goes_on=False)


def stored(**more):
    return Case({OK: None}, **more)


def lost(status, says, **more):
    statuses = status if isinstance(status, tuple) else (status,)
    return Case({s: None for s in statuses}, says, **more)


UNCONFIRMED = "(?i)state|confirm|closed its input|ended|exit|line|unterminated"
DESTINATIONS = {
    "destination": stored(),
    "hoards": stored(),
    "echoes-nothing": lost(PROTOCOL, UNCONFIRMED),
    "echoes-backwards": lost((OK, PROTOCOL), UNCONFIRMED),
    "echoes-only-the-first": lost((OK, PROTOCOL), UNCONFIRMED),
    "echoes-twice": lost((OK, PROTOCOL), UNCONFIRMED),
    "echoes-something-else": lost(PROTOCOL, UNCONFIRMED),
    "echoes-another-stream": lost(PROTOCOL, UNCONFIRMED),
    "echoes-nonsense": lost(PROTOCOL, UNCONFIRMED),
    "echoes-before-reading": lost((OK, PROTOCOL), UNCONFIRMED),
    "echoes-less": Case({OK: None, PROTOCOL: None}, "recordCount|records|4", must_speak="recordCount|records"),
    "echoes-without-stats": stored(),
    "echoes-as-python-does": stored(),
    "echoes-without-newline": stored(),
    "echoes-half": lost(PROTOCOL, UNCONFIRMED),
    "echoes-among-noise": stored(must_speak="Downloading"),
    "talks-before-it-reads": stored(log_level="error", seconds=20, count=3000),
    "says-the-secret": stored(),
    "dies-after-half": lost(REMOTE, "status 1.*the disk is full"),
    "is-killed-after-half": lost(REMOTE, "signal 9", count=3000),
    "ends-after-half": lost((REMOTE, PROTOCOL), UNCONFIRMED, count=3000),
    "says-error-after-half": lost(TRANSIENT, "the disk is full"),
    "says-error-at-the-end": lost(CONFIG, "the disk is full"),
    "fails-at-the-end": lost(REMOTE, "status 1"),
    "ends-at-once": lost((REMOTE, PROTOCOL), UNCONFIRMED),
    "closes-its-input": lost(REMOTE, "status 1.*I do not listen", count=3000),
    "closes-its-input-and-lives": lost((REMOTE, PROTOCOL), "input|pipe|read", count=3000, seconds=30, waits=True),
    "never-reads": Case({OK: None}, silent=True, count=3000),
    "never-reads-and-ignores-sigterm": Case({OK: None}, silent=True, seconds=25),
    "reads-and-never-ends": Case({OK: None}, silent=True, seconds=25),
    "closes-its-output-and-never-ends": lost((OK, PROTOCOL), "exit|end", seconds=30, waits=True),
    "leaves-a-child": stored(seconds=14, waits=True),
    "destination-check-fails": lost(CONFIG, "the password .* is wrong"),
    "destination-without-status": lost(PROTOCOL, "check|CONNECTION_STATUS"),
    "destination-without-spec": lost(PROTOCOL, "(?i)spec"),
}

TARGETS = {
    "target": stored(),
    "prints-each-state": stored(),
    "prints-nothing": lost((REMOTE, PROTOCOL), UNCONFIRMED),
    "prints-state-only-if-last": stored(),
    "prints-python-spaces": stored(),
    "prints-junk": stored(),
    "prints-empty-state": stored(),
    "prints-only-empty-state": lost((REMOTE, PROTOCOL), UNCONFIRMED),
    "prints-messages": lost((OK, REMOTE, PROTOCOL), UNCONFIRMED),
    "prints-json-logs": lost((OK, REMOTE, PROTOCOL), UNCONFIRMED),
    "prints-state-of-its-own": lost((REMOTE, PROTOCOL), UNCONFIRMED),
    "prints-state-before-reading": lost((REMOTE, PROTOCOL), UNCONFIRMED),
    "prints-state-and-fails": lost(REMOTE, "status 1.*and then it broke"),
    "prints-half-a-state": lost((REMOTE, PROTOCOL), UNCONFIRMED),
    "dies-after-half": lost(REMOTE, "status 1.*the disk is full"),
    "ends-after-half": lost((REMOTE, PROTOCOL), UNCONFIRMED, count=3000),
    "is-killed-after-half": lost(REMOTE, "signal 9", count=3000),
    "ends-at-once": lost((REMOTE, PROTOCOL), UNCONFIRMED),
    "closes-its-input": lost(REMOTE, "status 1.*I do not listen", count=3000),
    "closes-its-input-and-lives": lost((REMOTE, PROTOCOL), "input|pipe|read", count=3000, seconds=30, waits=True),
    "never-reads": Case({OK: None}, silent=True, count=3000),
    "never-reads-and-ignores-sigterm": Case({OK: None}, silent=True, seconds=25),
    "reads-and-never-ends": Case({OK: None}, silent=True, seconds=25),
    "talks-before-it-reads": stored(log_level="error", seconds=20, count=3000),
    "says-the-secret": stored(),
    "leaves-a-child": stored(seconds=14, waits=True),
}
KINDS = {"source": SOURCES, "tap": TAPS, "destination": DESTINATIONS, "target": TARGETS}
FRAMES = {"wrong", "noisy", "wrong-record", "stated", "wrong-line", "wrong-schema", "wrong-batch", "state-of-wrong-shape"}


# ---- running ----

def endpoint(kind, behaviour, config=None):
    """The one that behaves well has the name of its kind."""
    protocol = PEERS[kind][0]
    return {"local": {"command": [sys.executable, "-S", "-E", str(HERE / "play.py"), protocol, behaviour], "protocol": protocol,
                      "config": config or {"password": airbyte.SECRET}}}


def capture_catalog(kind, behaviour, bound, config=None):
    return {"captures": {"acme/hostile": {"endpoint": endpoint(kind, behaviour, config),
                                          "bindings": [{"resource": RESOURCES[kind], "target": "acme/docs"}] if bound else []}},
            "collections": {"acme/docs": {"schema": {"type": "object", "properties": {"id": {"type": "integer"}}, "required": ["id"]},
                                          "key": ["/id"]}} if bound else {}}


def materialization_catalog(kind, behaviour, count):
    """source-hello fills the collection: documents {"n": 0} to count - 1, a kilobyte each if they are many."""
    text = "x" * 1000 if count > 100 else "é\"\n"
    return {"captures": {"acme/hello": {"endpoint": {"local": {"command": [str(BIN / "source-hello")], "config": {"count": count, "text": text}}},
                                        "bindings": [{"resource": {"stream": "greetings"}, "target": "acme/docs"}]}},
            "collections": {"acme/docs": {"schema": {"type": "object", "properties": {"n": {"type": "integer"}, "text": {"type": "string"}}, "required": ["n"]},
                                          "key": ["/n"]}},
            "materializations": {"acme/hostile": {"endpoint": endpoint(kind, behaviour), "bindings": [{"resource": RESOURCES[kind], "source": "acme/docs"}]}}}


def weir(folder, arguments, case, stop=False):
    temporary, ready = folder / "tmp", folder / "ready"
    temporary.mkdir(exist_ok=True)
    env = environment(HOSTILE_DIR=str(folder), HOSTILE_READY=str(ready), TMPDIR=str(temporary), LOG_LEVEL=case.log_level)

    def arrived(process):
        """What comes before the silence: weir has it. The pipe may still hold it when the peer says that it is ready."""
        expected = case.outcomes.get(OK)
        if not case.silent or not expected:
            return True
        return covered(process.printed()) == expected if arguments[0] == "capture" else committed_ids(folder) == expected

    def terminate(process):
        if ready.exists() and arrived(process):
            process.terminate()
            ready.unlink()

    ended = run([WEIR] + arguments, folder, env, poll=terminate if stop else None)
    left = [p.name for p in temporary.iterdir()]
    must(not left, f"files are left: {left}")
    must(b"hunter2" not in ended.out, "the secret is on standard output")
    leak = next((line for line in ended.err.splitlines() if "hunter2" in line), None)
    must(leak is None, f"the secret is in the log: {leak}")
    return ended


IDLE = "4s"  # longer than Python takes to start on a machine that is busy with all suites


def run_once(folder, case, stop=False):
    return weir(folder, ["run", "--once", "--quiet", "--data", "data", "--idle", IDLE if case.silent else "40s"], case, stop)


# ---- judging ----

def ledger(folder):
    path = folder / "ledger"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def check_ledger(folder):
    """How the peer was called: nothing secret but in files that only we can read."""
    for call in ledger(folder):
        must(not any("hunter2" in a for a in call["argv"]), f"the secret is in an argument: {call['argv']}")
        must(not call["env"], f"the secret is in the environment: {call['env']}")
        mode = call["modes"].get("config", 0)
        must(not mode & 0o77, f"the config file has mode {mode:o}")


def check_log(task, case, ended):
    records = log_records(ended.err)
    ours = [r for r in records if r["message"].startswith(task + ": ") and r.get("fields", {}).get("who")]
    if ended.status == OK:
        must(not ours, f"an error where none is expected: {ours}")
    else:
        must(len(ours) == 1, f"{len(ours)} error lines of weir, expected one: {[r['message'] for r in ours]}\n{ended.err[-1500:]}")
        record = ours[0]
        must(record["level"] == "error", f"the error is no error: {record}")
        must(re.search(case.says, record["message"], re.S), f"the error is\n  {record['message']}\nexpected\n  {case.says}")
        must(len(record["message"]) < 700, f"the error is {len(record['message'])} bytes long")
        must(record["fields"].get("code") == CODES[ended.status], f"its code is {record['fields'].get('code')}, expected {CODES[ended.status]}")
    must(not case.must_speak or spoken(records, case.must_speak), f"no line of the log says {case.must_speak}\n{ended.err[-1500:]}")
    return records


def spoken(records, pattern):
    return any(re.search(pattern, r["message"] + json.dumps(r.get("fields", {}), ensure_ascii=False), re.S) for r in records)


def query(folder, text):
    """All rows, or none if there is no such table yet."""
    if not (folder / "data/weir.db").exists():
        return []
    db = sqlite3.connect(f"file:{folder}/data/weir.db?mode=ro", uri=True)
    try:
        return db.execute(text).fetchall()
    except sqlite3.OperationalError:
        return []
    finally:
        db.close()


def journals(folder):
    """The committed documents of each collection."""
    found = {}
    for name, committed in query(folder, "SELECT journal, committed FROM journals"):
        data = b"".join(p.read_bytes() for p in sorted((folder / "data/journals" / name.replace("/", "%2F")).glob("*")))
        must(len(data) >= committed, f"weir.db says {committed} bytes, the journal {name} has {len(data)}")
        found[name] = [json.loads(line) for line in data[:committed].splitlines()]
    return found


def ids(folder):
    return [d.get("id") for d in journals(folder).get("acme/docs", [])]


def committed_ids(folder):
    """The same while weir is at work."""
    try:
        return ids(folder)
    except sqlite3.OperationalError:
        return None  # there is no weir.db yet


def covered(out):
    """The documents that weir capture has printed a checkpoint for."""
    got, sealed = [], []
    for line in out[:out.rfind(b"\n") + 1].splitlines():
        message = json.loads(line)
        if "captured" in message:
            got.append(message["captured"]["doc"].get("id"))
        elif "checkpoint" in message:
            sealed = list(got)
    return sealed


def in_outcome(got, allowed):
    options = allowed if allowed and isinstance(allowed[0], list) else [allowed]
    return allowed is None or got in options


def write_catalog(folder, catalog):
    (folder / "flow.yaml").write_text(json.dumps(catalog))


def go_on(kind, folder, case, dropped):
    """A good peer takes over with what weir hands it. dropped: a document was skipped, and that was said."""
    write_catalog(folder, capture_catalog(kind, kind, True, "config.json" if case.config else None))
    ended = run_once(folder, Case({OK: None}))
    must(ended.status == OK, f"a good one afterwards fails:\n{ended.err[-1500:]}")
    got = ids(folder)
    if case.finally_ is None:
        must(set(got) | set(dropped) >= set(ALL), f"in the end the collection holds {got}")
    else:
        want = [n for n in case.finally_ if n not in dropped]
        must(sorted(got) == sorted(want), f"in the end the collection holds {got}, expected {want}")
    last = [c for c in ledger(folder) if "catalog" in c["files"]][-1]
    if case.state:
        case.state(last["text"].get("state", ""))
    must(not case.config or last["files"]["config"] == case.config, f"the next run's config is {last['files']['config']}, expected {case.config}")


def check_capture(kind, behaviour, case):
    with tempfile.TemporaryDirectory(prefix="weir-hostile-") as path:
        folder = Path(path)
        for stop in [False, True] if case.silent else [False]:
            for leftover in ("data", "ledger", "ready"):
                remove(folder / leftover)
            (folder / "config.json").write_text(json.dumps({"password": airbyte.SECRET}))
            write_catalog(folder, capture_catalog(kind, behaviour, True, "config.json" if case.config else None))
            ended = run_once(folder, case, stop)
            must(ended.status in case.outcomes, f"exit status {ended.status}, expected {list(case.outcomes)}\n{ended.err[-1500:]}")
            records = check_log("capture acme/hostile", case, ended)
            got, allowed = ids(folder), case.outcomes[ended.status]
            must(in_outcome(got, allowed), f"with status {ended.status} the collection holds {got}, expected {allowed}\n{ended.err[-1000:]}")
            dropped = set(ALL) - set(got) if ended.status == OK and not case.silent and got else set()
            must(not dropped or not case.spoken or spoken(records, case.spoken),
                 f"{dropped} is lost without a word that matches {case.spoken}\n{ended.err[-1000:]}")
            check_ledger(folder)
            if case.goes_on:
                go_on(kind, folder, case, dropped)
            must(ended.seconds <= case.seconds, f"it took {ended.seconds:.1f} s, expected at most {case.seconds}")
            must(ended.megabytes <= case.megabytes, f"it took {ended.megabytes:.0f} MB, expected at most {case.megabytes}")


def check_printed(kind, behaviour, case):
    """The same through `weir capture`, which prints documents and checkpoints: what the last checkpoint covers is what would be committed."""
    with tempfile.TemporaryDirectory(prefix="weir-hostile-") as path:
        folder = Path(path)
        write_catalog(folder, capture_catalog(kind, behaviour, True))
        ended = weir(folder, ["capture", "--name", "acme/hostile"], case, stop=case.silent)
        must(ended.status in case.outcomes, f"exit status {ended.status}, expected {list(case.outcomes)}\n{ended.err[-1500:]}")
        check_log("capture acme/hostile", case, ended)
        parse_lines(ended.out)
        sealed = covered(ended.out)
        must(in_outcome(sealed, case.outcomes[ended.status]), f"documents up to the last checkpoint: {sealed}, expected {case.outcomes[ended.status]}")
        must(ended.seconds <= case.seconds, f"it took {ended.seconds:.1f} s, expected at most {case.seconds}")


def remove(path):
    if path.is_dir():
        for p in path.iterdir():
            remove(p)
        path.rmdir()
    else:
        path.unlink(missing_ok=True)


def check_stopped(kind, behaviour, case):
    """SIGTERM in full flow, twice: what is committed goes on without a gap and without a repetition."""
    with tempfile.TemporaryDirectory(prefix="weir-hostile-") as path:
        folder, held = Path(path), 0
        write_catalog(folder, capture_catalog(kind, behaviour, True))
        for _ in range(2):
            ended = run_once(folder, case, stop=True)
            must(ended.status == OK, f"exit status {ended.status} after SIGTERM\n{ended.err[-1500:]}")
            got = ids(folder)
            must(len(got) > held, "nothing came")
            must(got == list(range(1, len(got) + 1)), f"the collection of {len(got)} documents has gaps or repetitions")
            must(len(got) % 10 == 0, f"{len(got)} documents are committed: more than a state stands for")
            must(ended.seconds <= case.seconds, f"it took {ended.seconds:.1f} s, expected at most {case.seconds}")
            held = len(got)


def check_merged(kind, behaviour, case):
    """A stream of which a run says nothing keeps its state."""
    with tempfile.TemporaryDirectory(prefix="weir-hostile-") as path:
        folder = Path(path)
        write_catalog(folder, capture_catalog(kind, behaviour, False))
        ended = weir(folder, ["discover", "--name", "acme/hostile"], case)
        must(ended.status == OK, f"discovery fails:\n{ended.err[-1500:]}")
        for _ in range(3):
            ended = run_once(folder, case)
            must(ended.status == OK, f"exit status {ended.status}\n{ended.err[-1500:]}")
        state = [c for c in ledger(folder) if "catalog" in c["files"]][-1]["files"]["state"]
        parts = {s["stream"]["stream_descriptor"]["name"]: s["stream"]["stream_state"] for s in state} if kind == "source" else state["bookmarks"]
        must(parts == {"users": {"n": 4}, "orders": {"n": 2}}, f"the third run is handed {state}")
        for target, stream in found_streams(folder):
            got = [d["id"] for d in journals(folder)[target]]
            must(got == ([1, 2, 3, 4, 3, 4] if stream == "users" else [1, 2]), f"{target} holds {got}")


def check_part(kind, behaviour, case):
    """One stream fails, the other is complete: it is committed, and the run fails. What the first one has sent may be committed with a state of the
    other's, and comes again: at least once (airbyte.md 3.1)."""
    with tempfile.TemporaryDirectory(prefix="weir-hostile-") as path:
        folder = Path(path)
        write_catalog(folder, capture_catalog(kind, behaviour, False))
        ended = weir(folder, ["discover", "--name", "acme/hostile"], case)
        must(ended.status == OK, f"discovery fails:\n{ended.err[-1500:]}")
        for _ in range(2):
            ended = run_once(folder, case)
            must(ended.status in case.outcomes, f"exit status {ended.status}, expected {list(case.outcomes)}\n{ended.err[-1500:]}")
            check_log("capture acme/hostile", case, ended)
            held = {stream: [d["id"] for d in journals(folder).get(target, [])] for target, stream in found_streams(folder)}
            must(held["users"] == ALL and set(held["orders"]) <= {1}, f"the collections hold {held}")


def found_streams(folder):
    """Of the catalog that discovery has written: (target, stream) of each binding."""
    text = (folder / "flow.yaml").read_text()
    bindings = json.loads(text)["captures"]["acme/hostile"].get("bindings") or []
    return [(b["target"], b["resource"].get("tap_stream_id") or b["resource"]["stream"]) for b in bindings]


def check_discover(kind, behaviour, case):
    with tempfile.TemporaryDirectory(prefix="weir-hostile-") as path:
        folder = Path(path)
        write_catalog(folder, capture_catalog(kind, behaviour, False))
        before_it = (folder / "flow.yaml").read_bytes()
        ended = weir(folder, ["discover", "--name", "acme/hostile"], case)
        must(ended.status in case.outcomes, f"exit status {ended.status}, expected {list(case.outcomes)}\n{ended.err[-1500:]}")
        must(not case.says or ended.status == OK or re.search(case.says, ended.err, re.S), f"the log is\n{ended.err[-1500:]}\nexpected\n  {case.says}")
        check_log_of_discovery(case, ended)
        must(ended.seconds <= case.seconds, f"it took {ended.seconds:.1f} s, expected at most {case.seconds}")
        must(ended.megabytes <= case.megabytes, f"it took {ended.megabytes:.0f} MB, expected at most {case.megabytes}")
        if ended.status != OK:
            must((folder / "flow.yaml").read_bytes() == before_it, "discovery failed, and the catalog is another one")
            return
        bindings = found_streams(folder)
        must(sorted(s for _, s in bindings) == sorted(case.outcomes[OK]), f"found {sorted(s for _, s in bindings)}, expected {sorted(case.outcomes[OK])}")
        must(len({t for t, _ in bindings}) == len(bindings), f"streams share collections: {bindings}")
        if case.command == "discover and run":
            check_found(folder, case, bindings)


def check_log_of_discovery(case, ended):
    records = log_records(ended.err)
    ours = [r for r in records if r["level"] == "error" and r.get("fields", {}).get("who")]
    must(len(ours) == (ended.status != OK), f"{len(ours)} error lines of weir with status {ended.status}\n{ended.err[-1500:]}")
    must(not case.must_speak or spoken(records, case.must_speak), f"no line of the log says {case.must_speak}\n{ended.err[-1500:]}")


def check_found(folder, case, bindings):
    """Every stream's documents are in its own collection."""
    ended = run_once(folder, case)
    must(ended.status == OK, f"the run after discovery fails:\n{ended.err[-1500:]}")
    held = journals(folder)
    for target, stream in bindings:
        documents = held.get(target, [])
        must([d.get("id") for d in documents] == ALL, f"{target} (stream {stream!r}) holds {[d.get('id') for d in documents]}")
        names = {d.get("stream", d.get("name")) for d in documents} - {None}
        must(len(names) <= 1 and (len(names) == 0 or names == {stream} or stream == "users"), f"{target} (stream {stream!r}) holds documents of {names}")


def held_rows(folder):
    path = folder / "stored"
    return [json.loads(line)["data"]["n"] for line in path.read_text().splitlines()] if path.exists() else []


def check_materialization(kind, behaviour, case):
    with tempfile.TemporaryDirectory(prefix="weir-hostile-") as path:
        folder = Path(path)
        write_catalog(folder, materialization_catalog(kind, behaviour, case.count))
        ended = run_once(folder, case, stop=case.silent)
        must(ended.status in case.outcomes, f"exit status {ended.status}, expected {list(case.outcomes)}\n{ended.err[-1500:]}")
        check_log("materialization acme/hostile", case, ended)
        check_ledger(folder)
        rows = held_rows(folder)
        if ended.status == OK and not case.silent:
            must(sorted(set(rows)) == list(range(case.count)), f"weir says that all went well, and {len(set(rows))} of {case.count} documents are stored")
        write_catalog(folder, materialization_catalog(kind, kind, case.count))
        good = run_once(folder, Case({OK: None}))
        must(good.status == OK, f"a good one afterwards fails:\n{good.err[-1500:]}")
        rows = held_rows(folder)
        must(sorted(set(rows)) == list(range(case.count)), f"in the end {len(set(rows))} of {case.count} documents are stored")
        must(behaviour != kind or len(rows) == case.count, f"{len(rows)} rows for {case.count} documents: some came twice")
        must(ended.seconds <= case.seconds, f"it took {ended.seconds:.1f} s, expected at most {case.seconds}")
        must(ended.megabytes <= case.megabytes, f"it took {ended.megabytes:.0f} MB, expected at most {case.megabytes}")


def run_case(kind, behaviour, command):
    case = KINDS[kind][behaviour]
    if command == "capture":
        check_printed(kind, behaviour, case)
    elif kind in ("destination", "target"):
        check_materialization(kind, behaviour, case)
    elif case.command == "run":
        check_capture(kind, behaviour, case)
    elif case.command == "stop":
        check_stopped(kind, behaviour, case)
    elif case.command == "merge":
        check_merged(kind, behaviour, case)
    elif case.command == "part":
        check_part(kind, behaviour, case)
    else:
        check_discover(kind, behaviour, case)


def commands(kind, name, case):
    """What is wrong at the end of a run is looked at once more in what it prints."""
    also = kind in ("source", "tap") and case.command == "run" and (OK not in case.outcomes or case.silent or name == kind) and ":" not in name
    return [case.command.replace(" ", "-")] + ["capture"] * also


def main(parts):
    for kind, (_, root) in PEERS.items():
        missing = set(behaviours(root)) - {n.partition(":")[0] for n in KINDS[kind]} - FRAMES
        if missing:
            print(f"not ok all behaviours are driven\n# not driven: {kind} {sorted(missing)}")
    jobs = [(kind, name, command) for kind, cases in KINDS.items() for name, case in cases.items() for command in commands(kind, name, case)]
    report(jobs, run_case, parts, lambda job: KINDS[job[0]][job[1]].waits)


if __name__ == "__main__":
    main(sys.argv[1:])
