#!/usr/bin/env python3
"""served.py [PART-OF-A-NAME...] - hostile platforms: our programs as Airbyte source, Airbyte destination, Singer tap and Singer target, given arguments, files
and lines that are wrong in every way we could think of.

Expected each time: an exit status that the protocol page knows (airbyte.md 1.2, singer.md 4), output that is the protocol's to the last byte, one error that
names the thing where there is a failure, and a database that holds what was confirmed.
"""
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from harness import BIN, FAILED, OK, environment, must, report, run

USAGE = 2
HELLO, FILES, SQLITE = (str(BIN / p) for p in ("source-hello", "source-files", "materialize-sqlite"))
TYPES = {"RECORD": "record", "STATE": "state", "LOG": "log", "SPEC": "spec", "CONNECTION_STATUS": "connectionStatus", "CATALOG": "catalog", "TRACE": "trace",
         "CONTROL": "control"}
LEVELS = ["FATAL", "ERROR", "WARN", "INFO", "DEBUG", "TRACE"]
SCHEMA = {"type": "object", "properties": {"id": {"type": "integer"}, "name": {"type": ["null", "string"]}}}


# ---- running and reading ----

def start(argv, folder, stdin=b"", limit=20, **more):
    env = environment(TMPDIR=str(folder), LOG_FORMAT="text")
    ended = run(argv, folder, env, stdin=stdin, limit=limit, **more)
    must(ended.status >= 0 or ended.status == -signal.SIGPIPE, f"it died of signal {-ended.status}\n{ended.err[-600:]}")
    must(not re.search("Sanitizer|runtime error", ended.err), ended.err[-1500:])
    return ended


def unique(pairs):
    keys = [k for k, _ in pairs]
    must(len(set(keys)) == len(keys), f"a key twice in our output: {keys}")
    return dict(pairs)


def no_constant(word):
    must(False, f"{word} in our output")


def exact(text):
    """Numbers stay text; keys are there once."""
    return json.loads(text, object_pairs_hook=unique, parse_constant=no_constant, parse_float=lambda n: ("number", n), parse_int=lambda n: ("number", n))


def whole_lines(out):
    must(out.endswith(b"\n") or not out, f"standard output ends inside a line: {out[-200:]!r}")
    return out.decode().splitlines() if out.count(b"\r") == 0 else out.decode().split("\n")[:-1]


def airbyte_messages(out, echoes=False):
    """All messages, each with what its type must have (2). echoes: states are those of others."""
    messages = []
    for line in whole_lines(out):
        m = exact(line)
        must(isinstance(m, dict) and m.get("type") in TYPES, f"standard output holds what is no message: {line[:200]}")
        body = m.get(TYPES[m["type"]])
        must(isinstance(body, dict), f"a message without its body: {line[:200]}")
        must(m["type"] != "LOG" or body["level"] in LEVELS and isinstance(body["message"], str), f"an odd log: {line[:200]}")
        must(m["type"] != "STATE" or echoes or body.get("type") in ("STREAM", "GLOBAL"), f"a state without type: {line[:200]}")
        messages.append(m)
    return messages


def bodies(messages, kind):
    return [m[TYPES[kind]] for m in messages if m["type"] == kind]


def errors(messages):
    return [t["error"] for t in bodies(messages, "TRACE") if t["type"] == "ERROR"]


def check_error(messages, says):
    found = errors(messages)
    must(found, f"status 1 without a TRACE ERROR: {messages[-3:]}")
    for e in found:
        must(e.get("failure_type") in ("system_error", "config_error", "transient_error"), f"failure_type is {e.get('failure_type')}")
        must(isinstance(e["message"], str) and 0 < len(e["message"]) < 1000, f"the message of an error is {e['message'][:300]!r}")
    must(not says or any(re.search(says, e["message"] + str(e.get("internal_message"))) for e in found),
         f"no error says {says}: {[e['message'] for e in found]}")


def numbers(value):
    return int(value[1]) if isinstance(value, tuple) else value


# ---- files that are wrong ----

def put_files(folder):
    """Each is a file that is not what it should be; what stands behind it is said by its name."""
    (folder / "folder.json").mkdir()
    for name, content in BROKEN.items():
        if content is not None:
            (folder / f"{name}.json").write_bytes(content)


BROKEN = {
    "missing": None, "folder": None, "empty": b"", "blank": b" \n", "words": b"not json", "cut": b'{"count":3', "list": b'[{"count":3}]',
    "number": b"7", "text": b'"x"',
    "null": b"null", "two": b'{"count":3}{"count":4}', "comma": b'{"count":3,}', "quotes": b"{'count': 3}", "yaml": b"count: 3\n", "utf-8": b'{"text":"\xff"}',
    "utf-16": '{"count":3}'.encode("utf-16"), "nan": b'{"count":NaN}', "deep": b'{"count":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "zero": b'{"text":"a\x00b"}',
}
MAY_BE = {"source-read-state": {"list"}, "tap-state": {"empty", "blank", "null"}}  # as far as its form goes; a file with nothing in it is no state
HELLO_CATALOG = {"streams": [{"stream": {"name": "greetings", "json_schema": {"type": "object", "properties": {"n": {"type": "integer"}}},
                                         "supported_sync_modes": ["full_refresh", "incremental"]},
                              "sync_mode": "incremental", "destination_sync_mode": "append", "cursor_field": ["n"], "primary_key": [["n"]],
                              "generation_id": 1, "minimum_generation_id": 0, "sync_id": 1}]}
SINGER_CATALOG = {"streams": [{"tap_stream_id": "greetings", "stream": "greetings", "schema": {"type": "object", "properties": {"n": {"type": "integer"}}},
                               "key_properties": ["n"], "metadata": [{"breadcrumb": [], "metadata": {"selected": True}}]}]}
SINK_CATALOG = {"streams": [{"stream": {"name": "t", "json_schema": SCHEMA, "supported_sync_modes": ["full_refresh", "incremental"]},
                             "sync_mode": "incremental", "destination_sync_mode": "append_dedup", "primary_key": [["id"]], "cursor_field": ["id"],
                             "generation_id": 1, "minimum_generation_id": 0, "sync_id": 1}]}


def good_files(folder):
    for name, value in (("config", {"count": 5}), ("catalog", HELLO_CATALOG), ("singer", SINGER_CATALOG), ("sink", {"path": "out.db"}), ("sinks", SINK_CATALOG),
                        ("state", [])):
        (folder / f"{name}.json").write_text(json.dumps(value))


def f(name):
    return f"{name}.json"


# What is asked of whom, with @ where the broken file goes.
ASKED = {
    "source-check-config": [HELLO, "check", "--config", "@"],
    "source-discover-config": [HELLO, "discover", "--config", "@"],
    "source-read-config": [HELLO, "read", "--config", "@", "--catalog", f("catalog")],
    "source-read-catalog": [HELLO, "read", "--config", f("config"), "--catalog", "@"],
    "source-read-state": [HELLO, "read", "--config", f("config"), "--catalog", f("catalog"), "--state", "@"],
    "destination-check-config": [SQLITE, "check", "--config", "@"],
    "destination-write-config": [SQLITE, "write", "--config", "@", "--catalog", f("sinks")],
    "destination-write-catalog": [SQLITE, "write", "--config", f("sink"), "--catalog", "@"],
    "tap-config": [HELLO, "--config", "@", "--catalog", f("singer")],
    "tap-discover-config": [HELLO, "--config", "@", "--discover"],
    "tap-catalog": [HELLO, "--config", f("config"), "--catalog", "@"],
    "tap-properties": [HELLO, "--config", f("config"), "--properties", "@"],
    "tap-state": [HELLO, "--config", f("config"), "--catalog", f("singer"), "--state", "@"],
    "target-config": [SQLITE, "--config", "@"],
}


def file_case(asked, broken):
    with tempfile.TemporaryDirectory(prefix="weir-hostile-") as path:
        folder = Path(path)
        good_files(folder)
        put_files(folder)
        argv = [f(broken) if a == "@" else a for a in ASKED[asked]]
        ended = start(argv, folder)
        airbyte = argv[1] in ("check", "discover", "read", "write")
        if broken in MAY_BE.get(asked, ()):
            must(ended.status in (OK, FAILED), f"exit status {ended.status}")
        else:
            must(ended.status == FAILED, f"exit status {ended.status}, expected 1\n{ended.out[-300:]!r}\n{ended.err[-600:]}")
        if ended.status == OK:
            return
        if airbyte:
            messages = airbyte_messages(ended.out)
            check_error(messages, re.escape(f(broken)))
            must(not bodies(messages, "CONNECTION_STATUS") and not bodies(messages, "RECORD"), "a failure with a result")
        else:
            must(ended.out == b"", f"a failure with output: {ended.out[:300]!r}")
            must(f(broken) in ended.err, f"nothing on stderr names the file: {ended.err[-600:]}")


# ---- arguments that are wrong ----

CONFIG_OF_HELLO, CATALOG_OF_HELLO = ["--config", f("config")], ["--catalog", f("catalog")]
ARGUMENTS = {
    # name: (arguments, exit statuses that may be)
    "unknown command": ([HELLO, "fly"], {USAGE}),
    "command in upper case": ([HELLO, "SPEC"], {USAGE}),
    "empty command": ([HELLO, ""], {USAGE}),
    "check without config": ([HELLO, "check"], {USAGE}),
    "read without anything": ([HELLO, "read"], {USAGE}),
    "read without catalog": ([HELLO, "read"] + CONFIG_OF_HELLO, {USAGE}),
    "read without config": ([HELLO, "read"] + CATALOG_OF_HELLO, {USAGE}),
    "config without value": ([HELLO, "check", "--config"], {USAGE}),
    "config with empty value": ([HELLO, "check", "--config="], {USAGE, FAILED}),
    "unknown flag": ([HELLO, "check", "--fancy", "x"] + CONFIG_OF_HELLO, {USAGE}),
    "unknown short flag": ([HELLO, "check", "-q"] + CONFIG_OF_HELLO, {USAGE}),
    "word too many": ([HELLO, "check", "again"] + CONFIG_OF_HELLO, {USAGE}),
    "two commands": ([HELLO, "spec", "check"], {USAGE}),
    "a source does not write": ([HELLO, "write"] + CONFIG_OF_HELLO + CATALOG_OF_HELLO, {USAGE, FAILED}),
    "a destination does not read": ([SQLITE, "read", "--config", f("sink"), "--catalog", f("sinks")], {USAGE, FAILED}),
    "a destination has no state": ([SQLITE, "write", "--config", f("sink"), "--catalog", f("sinks"), "--state", f("state")], {USAGE, FAILED, OK}),
    "a file name of a megabyte's tenth": ([HELLO, "check", "--config", "x" * 100_000], {FAILED}),
    "a flag that is no utf-8": ([HELLO, "check", b"--\xff\xfe"], {USAGE}),
    "singer unknown flag": ([HELLO, "--fancy"] + CONFIG_OF_HELLO, {USAGE}),
    "singer config without value": ([HELLO, "--config"], {USAGE}),
    "singer word": ([HELLO, "--config", f("config"), "word"], {USAGE}),
    "singer about in no such format": ([HELLO, "--about", "--format", "xml"], {USAGE, FAILED}),
    "singer test of nothing known": ([HELLO, "--config", f("config"), "--test=fancy"], {OK, USAGE, FAILED}),
    "singer missing file": ([HELLO, "--config", "nope.json", "--discover"], {FAILED}),
    "target with a catalog": ([SQLITE, "--config", f("sink"), "--catalog", f("singer")], {USAGE, FAILED}),
    "target discovers": ([SQLITE, "--config", f("sink"), "--discover"], {USAGE, FAILED}),
}


def argument_case(_, name):
    argv, statuses = ARGUMENTS[name]
    with tempfile.TemporaryDirectory(prefix="weir-hostile-") as path:
        folder = Path(path)
        good_files(folder)
        env = environment(LOG_FORMAT="text")
        process = subprocess.run(argv, cwd=folder, env=env, input=b"", capture_output=True, timeout=20)
        must(process.returncode in statuses,
             f"exit status {process.returncode}, expected {sorted(statuses)}\n{process.stdout[-300:]!r}\n{process.stderr[-600:]!r}")
        if process.returncode == USAGE:
            must(process.stderr.strip(), "wrong usage, and nothing is said on standard error")
            must(b"RECORD" not in process.stdout, "wrong usage, and records come")


# ---- catalogs and states for the source ----

def entry(**more):
    return HELLO_CATALOG["streams"][0] | more


def of(name, **more):
    return entry(stream=HELLO_CATALOG["streams"][0]["stream"] | {"name": name} | more)


REFUSED, EITHER, ALL5, NONE = "refused", "either", [0, 1, 2, 3, 4], []
WIDE = {"type": "object", "properties": {f"column {i}": {"type": "string"} for i in range(5000)}}
CATALOGS = {
    # name: (catalog, what may be: records, or refused; names that get INCOMPLETE without STARTED)
    "good": (HELLO_CATALOG, [ALL5], []),
    "no streams": ({"streams": []}, [NONE], []),
    "empty object": ({}, [NONE, REFUSED], []),
    "streams null": ({"streams": None}, [NONE, REFUSED], []),
    "streams object": ({"streams": {"greetings": entry()}}, [REFUSED], []),
    "streams text": ({"streams": "greetings"}, [REFUSED], []),
    "stream number": ({"streams": [7]}, [REFUSED], []),
    "stream null": ({"streams": [None]}, [REFUSED], []),
    "stream text": ({"streams": ["greetings"]}, [REFUSED], []),
    "without stream": ({"streams": [{"sync_mode": "full_refresh", "destination_sync_mode": "append"}]}, [REFUSED], []),
    "with null stream": ({"streams": [entry(stream=None)]}, [REFUSED], []),
    "without name": ({"streams": [of(None)]}, [REFUSED], []),
    "numbered name": ({"streams": [of(7)]}, [REFUSED], []),
    "unknown sync mode": ({"streams": [entry(sync_mode="INVALID")]}, [REFUSED], []),
    "numbered sync mode": ({"streams": [entry(sync_mode=7)]}, [REFUSED], []),
    "null sync mode": ({"streams": [entry(sync_mode=None)]}, [ALL5, REFUSED], []),
    "unknown destination mode": ({"streams": [entry(destination_sync_mode="INVALID")]}, [ALL5, REFUSED], []),
    "null destination mode": ({"streams": [entry(destination_sync_mode=None)]}, [ALL5, REFUSED], []),
    "unknown stream": ({"streams": [of("nope")]}, [NONE], ["nope"]),
    "unknown stream first": ({"streams": [of("nope"), entry()]}, [ALL5], ["nope"]),
    "unknown namespace": ({"streams": [of("greetings", namespace="nope")]}, [NONE, ALL5], None),
    "other case": ({"streams": [of("Greetings")]}, [NONE], ["Greetings"]),
    "unknown stream and mode": ({"streams": [of("nope") | {"sync_mode": "INVALID"}]}, [REFUSED], []),
    "stream twice": ({"streams": [entry(), entry()]}, [ALL5, REFUSED], None),
    "nulls everywhere": ({"streams": [entry(cursor_field=None, primary_key=None, generation_id=None, minimum_generation_id=None, sync_id=None,
                                            include_files=None,
                                            destination_object_name=None, stream=HELLO_CATALOG["streams"][0]["stream"] | {
                                                "namespace": None, "default_cursor_field": None, "source_defined_primary_key": None, "is_resumable": None,
                                                "source_defined_cursor": None, "is_file_based": None})]}, [ALL5], []),
    "unknown keys": ({"streams": [entry(fancy={"stream": {"name": "nope"}})], "more": [1], "stream": 7}, [ALL5], []),
    "schema null": ({"streams": [of("greetings", json_schema=None)]}, [ALL5, REFUSED], []),
    "schema of text": ({"streams": [of("greetings", json_schema="object")]}, [ALL5, REFUSED], []),
    "schema empty": ({"streams": [of("greetings", json_schema={})]}, [ALL5, REFUSED], []),
    "schema of 5000 columns": ({"streams": [of("greetings", json_schema=WIDE)]}, [ALL5], []),
    "modes empty": ({"streams": [of("greetings", supported_sync_modes=[])]}, [ALL5, REFUSED], []),
    "cursor of text": ({"streams": [entry(cursor_field="n")]}, [ALL5, REFUSED], []),
    "cursor of nothing known": ({"streams": [entry(cursor_field=["nope", "deeper"])]}, [ALL5, REFUSED], []),
    "key of text": ({"streams": [entry(primary_key=["n"])]}, [ALL5, REFUSED], []),
    "generation of text": ({"streams": [entry(generation_id="one")]}, [ALL5, REFUSED], []),
    "generation of many digits": ({"streams": [entry(generation_id=10 ** 30)]}, [ALL5, REFUSED], []),
    "full refresh": ({"streams": [entry(sync_mode="full_refresh", destination_sync_mode="overwrite")]}, [ALL5], []),
    "5000 unknown streams": ({"streams": [of(f"nope {i}") for i in range(5000)] + [entry()]}, [ALL5], None),
}


def stream_state(state, name="greetings", **more):
    return {"type": "STREAM", "stream": {"stream_descriptor": {"name": name}, "stream_state": state}} | more


def global_state(parts, shared=None, key="global", **more):
    return {"type": "GLOBAL", key: {"shared_state": shared, "stream_states": parts}} | more


PART = {"stream_descriptor": {"name": "greetings", "namespace": None}, "stream_state": {"n": 3}}
FROM3 = [3, 4]
STATES = {
    # name: (text of the file, what may be)
    "list": ("[]", [ALL5]),
    "object": ("{}", [ALL5]),
    "stream": (json.dumps([stream_state({"n": 3})]), [FROM3]),
    "stream with nulls": (json.dumps([stream_state({"n": 3}, **{"global": None, "data": None, "sourceStats": None, "destinationStats": None})]), [FROM3]),
    "as pyairbyte": ('[{"type":"STREAM","stream":{"stream_descriptor":{"name":"greetings","namespace":null},"stream_state":{"n":3}},"global_":null,'
                     '\n"data":null,"sourceStats":null,"destinationStats":null,"global_":null}]', [FROM3]),
    "without type": ('[{"stream":{"stream_descriptor":{"name":"greetings"},"stream_state":{"n":3}}}]', [FROM3]),
    "global": (json.dumps([global_state([PART], {})]), [FROM3]),
    "global with null shared": (json.dumps([global_state([PART])]), [FROM3]),
    "global with shared": (json.dumps([global_state([PART], {"lsn": 7})]), [FROM3, REFUSED]),
    "global_": (json.dumps([global_state([PART], {}, "global_")]), [FROM3]),
    "global_ twice": ('[{"type":"GLOBAL","global_":null,"global":null,"stream":null,"data":null,'
                      '"global_":%s}]' % json.dumps(global_state([PART])["global"]), [FROM3]),
    "legacy": ('[{"type":"LEGACY","data":{"greetings":{"n":3}}}]', [FROM3, ALL5, REFUSED]),
    "legacy without type": ('[{"data":{"greetings":{"n":3}}}]', [FROM3, ALL5, REFUSED]),
    "bare legacy": ('{"greetings":{"n":3}}', [FROM3, REFUSED]),
    "bare stream": (json.dumps(stream_state({"n": 3})), [FROM3, REFUSED]),
    "in envelopes": (json.dumps([{"type": "STATE", "state": stream_state({"n": 3})}]), [FROM3, REFUSED]),
    "of others": (json.dumps([stream_state({"n": 3}, "others"), stream_state({"x": [1]}, "more")]), [ALL5]),
    "of others too": (json.dumps([stream_state({"n": 1}, "others"), stream_state({"n": 3})]), [FROM3]),
    "of other case": (json.dumps([stream_state({"n": 3}, "Greetings")]), [ALL5]),
    "of another namespace": (json.dumps([{"type": "STREAM", "stream": {"stream_descriptor": {"name": "greetings", "namespace": "x"},
                                                                       "stream_state": {"n": 3}}}]),
                             [ALL5, FROM3]),
    "twice": (json.dumps([stream_state({"n": 1}), stream_state({"n": 3})]), [FROM3, REFUSED]),
    "null stream state": (json.dumps([stream_state(None)]), [ALL5]),
    "empty stream state": (json.dumps([stream_state({})]), [ALL5]),
    "unknown keys": (json.dumps([stream_state({"n": 3, "more": {"a": [1]}}, id=7, partition_id="p")]), [FROM3]),
    "at the end": (json.dumps([stream_state({"n": 5})]), [NONE]),
    "behind the end": (json.dumps([stream_state({"n": 99999999999})]), [NONE]),
    "negative": (json.dumps([stream_state({"n": -1})]), None),
    "number of many digits": ('[{"type":"STREAM","stream":{"stream_descriptor":{"name":"greetings"},'
                              '"stream_state":{"n":123456789012345678901234567890}}}]', None),
    "text for a number": (json.dumps([stream_state({"n": "3"})]), [FROM3, ALL5, REFUSED]),
    "stream state list": (json.dumps([stream_state([3])]), [REFUSED]),
    "stream state number": (json.dumps([stream_state(3)]), [REFUSED]),
    "stream state text": (json.dumps([stream_state('{"n":3}')]), [REFUSED]),
    "unknown type": ('[{"type":"FANCY","stream":{"stream_descriptor":{"name":"greetings"},"stream_state":{"n":3}}}]', [REFUSED, FROM3]),
    "stream without body": ('[{"type":"STREAM"}]', [REFUSED]),
    "stream with null": ('[{"type":"STREAM","stream":null}]', [REFUSED]),
    "stream without descriptor": ('[{"type":"STREAM","stream":{"stream_state":{"n":3}}}]', [REFUSED]),
    "descriptor with number": ('[{"type":"STREAM","stream":{"stream_descriptor":{"name":7},"stream_state":{"n":3}}}]', [REFUSED]),
    "global without body": ('[{"type":"GLOBAL"}]', [REFUSED]),
    "global of list": ('[{"type":"GLOBAL","global":[]}]', [REFUSED]),
    "global without parts": ('[{"type":"GLOBAL","global":{"shared_state":{}}}]', [REFUSED, ALL5]),
    "global with odd parts": ('[{"type":"GLOBAL","global":{"shared_state":{},"stream_states":[7,null]}}]', [REFUSED]),
    "element number": ("[7]", [REFUSED]),
    "element null": ("[null]", [REFUSED, ALL5]),
    "element list": ("[[]]", [REFUSED]),
    "element empty": ("[{}]", [REFUSED, ALL5]),
    "number": ("7", [REFUSED]),
    "text": ('"x"', [REFUSED]),
    "null": ("null", [REFUSED, ALL5]),
    "30 MB": (json.dumps([stream_state({"n": 3, "much": "x" * 30_000_000})]), [FROM3]),
}


def described(state):
    """The streams that a STATE is about. A run that was handed GLOBAL may go on so."""
    parts = [state["stream"]] if state["type"] == "STREAM" else state["global"]["stream_states"]
    return [p["stream_descriptor"]["name"] for p in parts]


def check_life(messages, streams, complete):
    """3.2: STARTED, RUNNING before the first record, one terminal status at the end; a STATE with counts at least; nothing behind it."""
    for name in streams:
        story, counted, said = [], 0, 0
        for m in messages:
            body = m[TYPES[m["type"]]]
            if m["type"] == "RECORD" and body["stream"] == name:
                story.append("RECORD")
                counted += 1
            elif m["type"] == "STATE" and name in described(body):
                story.append("STATE")
                said += float(body["sourceStats"]["recordCount"][1])
            elif m["type"] == "TRACE" and body["type"] == "STREAM_STATUS" and body["stream_status"]["stream_descriptor"]["name"] == name:
                story.append(body["stream_status"]["status"])
        must(story[:1] == ["STARTED"], f"{name} begins with {story[:3]}")
        must(story[-1:] == [complete], f"{name} ends with {story[-3:]}")
        must(sum(s in ("COMPLETE", "INCOMPLETE") for s in story) == 1, f"{name} ends more than once")
        must("RECORD" not in story or story.index("RUNNING") < story.index("RECORD"), f"{name} has records before RUNNING")
        must("STATE" in story and (counted == 0 or story[-2] == "STATE"), f"{name} has no STATE at its end: {story[-3:]}")
        must(said == counted, f"{name}: sourceStats count {said} records, there are {counted}")


def check_read(ended, may_be, missing, says=None):
    """missing: streams that are not there; None: do not look at statuses."""
    must(ended.status in (OK, FAILED), f"exit status {ended.status}\n{ended.err[-600:]}")
    messages = airbyte_messages(ended.out)
    if ended.status == FAILED:
        must(may_be is None or REFUSED in may_be, f"it is refused: {[e['message'] for e in errors(messages)]}")
        return check_error(messages, says)
    got = [numbers(r["data"]["n"]) for r in bodies(messages, "RECORD")]
    must(may_be is None or got in [m for m in may_be if m != REFUSED], f"records {got}, expected {may_be}")
    must(not errors(messages), f"status 0 with {errors(messages)}")
    if missing is None:
        return
    for name in missing:
        found = [t["stream_status"]["status"] for t in bodies(messages, "TRACE") if t["type"] == "STREAM_STATUS"
                 and t["stream_status"]["stream_descriptor"]["name"] == name]
        must(found == ["INCOMPLETE"], f"the unknown stream {name} has the statuses {found}, expected INCOMPLETE alone (1.2)")
    known = {r["stream"] for r in bodies(messages, "RECORD")}
    check_life(messages, known, "COMPLETE")


def read_case(folder, catalog=HELLO_CATALOG, state=None):
    good_files(folder)
    (folder / "catalog.json").write_text(json.dumps(catalog))
    argv = [HELLO, "read", "--config", f("config"), "--catalog", f("catalog")]
    if state is not None:
        (folder / "state.json").write_text(state)
        argv += ["--state", f("state")]
    return start(argv, folder)


def catalog_case(_, name):
    catalog, may_be, missing = CATALOGS[name]
    with tempfile.TemporaryDirectory(prefix="weir-hostile-") as path:
        check_read(read_case(Path(path), catalog), may_be, missing)


def state_case(_, name):
    text, may_be = STATES[name]
    with tempfile.TemporaryDirectory(prefix="weir-hostile-") as path:
        check_read(read_case(Path(path), state=text), may_be, [])


CONFIGS = {
    # name: the config; each violates the settings of source-hello
    "wrong type": {"count": "x"}, "fraction": {"count": 1.5}, "too many digits": {"count": 10 ** 30}, "list": {"text": ["x"]}, "object": {"text": {}},
}


def config_case(_, name):
    """A config that violates the spec: check says FAILED with status 0, everything else fails (1.2)."""
    with tempfile.TemporaryDirectory(prefix="weir-hostile-") as path:
        folder = Path(path)
        good_files(folder)
        (folder / "config.json").write_text(json.dumps(CONFIGS[name]))
        ended = start([HELLO, "check", "--config", f("config")], folder)
        found = bodies(airbyte_messages(ended.out), "CONNECTION_STATUS")
        must(ended.status == OK and len(found) == 1 and found[0]["status"] == "FAILED" and found[0].get("message"), f"check: status {ended.status}, {found}")
        key = next(iter(CONFIGS[name]))
        must(key in found[0]["message"], f"the message does not name '{key}': {found[0]['message']}")
        for argv in ([HELLO, "discover"], [HELLO, "read", "--catalog", f("catalog")]):
            ended = start(argv + ["--config", f("config")], folder)
            must(ended.status == FAILED, f"{argv[1]}: status {ended.status}")
            messages = airbyte_messages(ended.out)
            check_error(messages, key)
            must(errors(messages)[0]["failure_type"] == "config_error", f"failure_type is {errors(messages)[0]['failure_type']}")
        ended = start([HELLO, "--config", f("config"), "--catalog", f("singer")], folder)
        must(ended.status == FAILED and ended.out == b"" and key in ended.err, f"tap: status {ended.status}, {ended.err[-300:]}")


# ---- catalogs and states for the tap ----

def singer_entry(**more):
    return SINGER_CATALOG["streams"][0] | more


def selecting(value):
    return singer_entry(metadata=[{"breadcrumb": [], "metadata": {"selected": value}}])


SINGER_CATALOGS = {
    "good": (SINGER_CATALOG, [ALL5]),
    "no streams": ({"streams": []}, [NONE]),
    "empty object": ({}, [NONE, REFUSED]),
    "streams null": ({"streams": None}, [NONE, REFUSED]),
    "streams object": ({"streams": {}}, [REFUSED]),
    "stream number": ({"streams": [7]}, [REFUSED]),
    "stream null": ({"streams": [None]}, [REFUSED]),
    "without id": ({"streams": [{k: v for k, v in singer_entry().items() if k != "tap_stream_id"}]}, [ALL5, NONE, REFUSED]),
    "numbered id": ({"streams": [singer_entry(tap_stream_id=7)]}, [ALL5, REFUSED]),
    "unknown id": ({"streams": [singer_entry(tap_stream_id="nope", stream="nope")]}, [NONE, REFUSED]),
    "unknown id beside": ({"streams": [singer_entry(tap_stream_id="nope", stream="nope"), singer_entry()]}, [ALL5, REFUSED]),
    "twice": ({"streams": [singer_entry(), singer_entry()]}, [ALL5, REFUSED]),
    "no metadata": ({"streams": [{k: v for k, v in singer_entry().items() if k != "metadata"}]}, [ALL5]),
    "null metadata": ({"streams": [singer_entry(metadata=None)]}, [ALL5, NONE]),
    "metadata object": ({"streams": [singer_entry(metadata={})]}, [REFUSED]),
    "metadata number": ({"streams": [singer_entry(metadata=[7])]}, [REFUSED]),
    "breadcrumb text": ({"streams": [singer_entry(metadata=[{"breadcrumb": "", "metadata": {"selected": True}}])]}, [REFUSED, ALL5, NONE]),
    "breadcrumb null": ({"streams": [singer_entry(metadata=[{"breadcrumb": None, "metadata": {"selected": True}}])]}, [REFUSED, ALL5, NONE]),
    "breadcrumb odd": ({"streams": [singer_entry(metadata=SINGER_CATALOG["streams"][0]["metadata"] + [
        {"breadcrumb": ["properties", "n", "items", 7, "nope"], "metadata": {"selected": False}}])]}, [REFUSED, ALL5]),
    "not selected": ({"streams": [selecting(False)]}, [NONE]),
    "selected null": ({"streams": [selecting(None)]}, [NONE, ALL5]),
    "selected text": ({"streams": [selecting("false")]}, [ALL5, NONE, REFUSED]),
    "selected number": ({"streams": [selecting(1)]}, [ALL5, REFUSED]),
    "inclusion only": ({"streams": [singer_entry(metadata=[{"breadcrumb": [], "metadata": {"inclusion": "available"}}])]}, [NONE]),
    "inclusion unsupported": ({"streams": [singer_entry(metadata=[{"breadcrumb": [], "metadata": {"inclusion": "unsupported", "selected": True}}])]}, [NONE]),
    "inclusion unheard of": ({"streams": [singer_entry(metadata=[{"breadcrumb": [], "metadata": {"inclusion": "fancy", "selected": True}}])]}, [ALL5, REFUSED]),
    "method empty": ({"streams": [singer_entry(replication_method="")]}, [ALL5]),
    "method null": ({"streams": [singer_entry(replication_method=None, replication_key=None)]}, [ALL5]),
    "method unheard of": ({"streams": [singer_entry(replication_method="FANCY")]}, [REFUSED, ALL5]),
    "method number": ({"streams": [singer_entry(replication_method=7)]}, [REFUSED, ALL5]),
    "key unheard of": ({"streams": [singer_entry(replication_method="INCREMENTAL", replication_key="nope")]}, [REFUSED, ALL5]),
    "schema null": ({"streams": [singer_entry(schema=None)]}, [ALL5, REFUSED]),
    "schema text": ({"streams": [singer_entry(schema="object")]}, [ALL5, REFUSED]),
    "schema wide": ({"streams": [singer_entry(schema=WIDE)]}, [ALL5]),
    "unknown keys": ({"streams": [singer_entry(fancy=[{}], is_view=None, row_count=-1, stream_alias=None)], "more": {}}, [ALL5]),
    "messages named otherwise": ({"streams": [singer_entry(stream="other name")]}, [ALL5]),
}
SINGER_STATES = {
    "empty": ("{}", [ALL5]),
    "bookmark": ('{"bookmarks":{"greetings":{"n":3}}}', [FROM3]),
    "currently syncing": ('{"currently_syncing":"greetings","bookmarks":{"greetings":{"n":3}}}', [FROM3]),
    "currently syncing another": ('{"currently_syncing":"nope","bookmarks":{"greetings":{"n":3}}}', [FROM3]),
    "currently syncing null": ('{"currently_syncing":null,"bookmarks":{"greetings":{"n":3}}}', [FROM3]),
    "currently syncing number": ('{"currently_syncing":7,"bookmarks":{"greetings":{"n":3}}}', [FROM3, REFUSED]),
    "others": ('{"bookmarks":{"nope":{"n":3}},"more":{"x":1.10}}', [ALL5]),
    "others too": ('{"bookmarks":{"nope":{"n":1},"greetings":{"n":3}},"more":{"x":1.10,"big":123456789012345678901234567890}}', [FROM3]),
    "bookmarks null": ('{"bookmarks":null}', [ALL5, REFUSED]),
    "bookmarks list": ('{"bookmarks":[]}', [ALL5, REFUSED]),
    "bookmark null": ('{"bookmarks":{"greetings":null}}', [ALL5, REFUSED]),
    "bookmark number": ('{"bookmarks":{"greetings":7}}', [REFUSED]),
    "bookmark list": ('{"bookmarks":{"greetings":[3]}}', [REFUSED]),
    "whole message": ('{"type":"STATE","value":{"bookmarks":{"greetings":{"n":3}}}}', [FROM3, ALL5, REFUSED]),
    "list": ("[]", [ALL5, REFUSED]),
    "list of one": ('[{"bookmarks":{}}]', [REFUSED]),
    "number": ("7", [REFUSED]),
    "null": ("null", [ALL5, REFUSED]),
    "two lines": ('{"bookmarks":{"greetings":{"n":1}}}\n{"bookmarks":{"greetings":{"n":3}}}\n', [FROM3, REFUSED]),
    "at the end": ('{"bookmarks":{"greetings":{"n":5}}}', [NONE]),
    "negative": ('{"bookmarks":{"greetings":{"n":-1}}}', None),
    "same key twice": ('{"bookmarks":{"greetings":{"n":1}},"bookmarks":{"greetings":{"n":3}}}', None),
    "30 MB": ('{"bookmarks":{"greetings":{"n":3}},"much":"' + "x" * 30_000_000 + '"}', [FROM3]),
}


def check_tap(ended, may_be, says=None, kept=None):
    """singer.md 1, 11. kept: the state that came in; what is not about our stream must go out again as it was."""
    must(ended.status in (OK, FAILED), f"exit status {ended.status}\n{ended.err[-600:]}")
    if ended.status == FAILED:
        must(may_be is None or REFUSED in may_be, f"it is refused: {ended.err[-600:]}")
        must(ended.err.strip() and (not says or re.search(says, ended.err)), f"a failure without words: {ended.err[-600:]}")
        return
    schemas, got, last = {}, [], None
    for line in whole_lines(ended.out):
        m = last = exact(line)
        must(m.get("type") in ("SCHEMA", "RECORD", "STATE", "ACTIVATE_VERSION", "BATCH"), f"standard output holds {line[:200]}")
        must(not any(v is None for v in m.values()), f"a null at the top: {line[:200]}")
        if m["type"] == "SCHEMA":
            must(m["stream"] not in schemas, f"SCHEMA of {m['stream']} twice")
            must(isinstance(m["key_properties"], list) and isinstance(m["schema"], dict), f"an odd SCHEMA: {line[:300]}")
            schemas[m["stream"]] = m
        elif m["type"] == "RECORD":
            must(m["stream"] in schemas, "RECORD before SCHEMA")
            got.append(numbers(m["record"]["n"]))
        elif m["type"] == "STATE":
            must(isinstance(m["value"], dict), f"an odd STATE: {line[:200]}")
    must(may_be is None or got in [m for m in may_be if m != REFUSED], f"records {got}, expected {may_be}\n{ended.err[-300:]}")
    must(not got or last["type"] == "STATE", f"the last line is no STATE: {last}")
    if kept and last and last["type"] == "STATE":
        for key, value in exact(kept).items():
            if key not in ("bookmarks", "currently_syncing"):
                must(last["value"].get(key) == value, f"'{key}' of the state became {str(last['value'].get(key))[:200]}")
        for stream, value in (exact(kept).get("bookmarks") or {}).items():
            must(stream == "greetings" or last["value"]["bookmarks"].get(stream) == value, f"the bookmark of {stream} became {last['value']['bookmarks']}")


def tap_case(folder, catalog=SINGER_CATALOG, state=None, flag="--catalog"):
    good_files(folder)
    (folder / "singer.json").write_text(json.dumps(catalog))
    argv = [HELLO, "--config", f("config"), flag, f("singer")]
    if state is not None:
        (folder / "state.json").write_text(state)
        argv += ["--state", f("state")]
    return start(argv, folder)


def singer_catalog_case(_, name):
    catalog, may_be = SINGER_CATALOGS[name]
    for flag in ("--catalog", "--properties"):
        with tempfile.TemporaryDirectory(prefix="weir-hostile-") as path:
            check_tap(tap_case(Path(path), catalog, flag=flag), may_be)


def singer_state_case(_, name):
    text, may_be = SINGER_STATES[name]
    with tempfile.TemporaryDirectory(prefix="weir-hostile-") as path:
        check_tap(tap_case(Path(path), state=text), may_be, kept=text if may_be in ([FROM3], [ALL5]) and len(text) < 10_000 else None)


# ---- lines for the destination ----

def rec(n, stream="t", **more):
    return json.dumps({"type": "RECORD", "record": {"stream": stream, "data": {"id": n, "name": f"n{n}"} | more, "emitted_at": 1795237126937}}).encode()


def st(n, stream="t", **more):
    return json.dumps({"type": "STATE",
                       "state": {"type": "STREAM", "stream": {"stream_descriptor": {"name": stream}, "stream_state": {"n": n}}} | more}).encode()


def status(word, stream="t", **more):
    return json.dumps({"type": "TRACE", "trace": {"type": "STREAM_STATUS", "emitted_at": 1.5, "stream_status": {
        "stream_descriptor": {"name": stream} | more, "status": word}}}).encode()


def raw_record(data=b'{"id":9}', stream=b'"t"', emitted=b"1", more=b""):
    return b'{"type":"RECORD","record":{"stream":%s,"data":%s,"emitted_at":%s%s}}' % (stream, data, emitted, more)


# In the middle of a stream, and it must not matter: not a message, or one that destinations do not look at (1.3, 2.1, 3.2, 4.2).
NOISE = {
    "blank": b"", "blanks": b" \t ", "carriage return": b"\r", "words": b"Traceback (most recent call last):",
    "list": b'[{"type":"RECORD"}]', "number": b"7", "text": b'"RECORD"', "null": b"null", "true": b"true", "empty object": b"{}", "no type": b'{"record":{}}',
    "null type": b'{"type":null}', "numbered type": b'{"type":7}', "unknown type": b'{"type":"FANCY","fancy":{"id":9}}', "bad utf-8": b"caf\xe9 \xff\xfe",
    "zero bytes": b"\x00\x00\x00", "log": b'{"type":"LOG","log":{"level":"INFO","message":"x"}}', "odd log": b'{"type":"LOG","log":null}',
    "debug": b'{"type":"DEBUG","message":"x","data":{}}', "started": status("STARTED"), "running": status("RUNNING"),
    "estimate": b'{"type":"TRACE","trace":{"type":"ESTIMATE","emitted_at":1,"estimate":{"name":"t","type":"STREAM","row_estimate":5}}}',
    "analytics": b'{"type":"TRACE","trace":{"type":"ANALYTICS","emitted_at":1,"analytics":{"type":"x","value":"y"}}}',
    "trace null": b'{"type":"TRACE","trace":null}',
    "control": b'{"type":"CONTROL","control":{"type":"CONNECTOR_CONFIG","emitted_at":1,"connectorConfig":{"config":{}}}}',
    "spec": b'{"type":"SPEC","spec":{"connectionSpecification":{}}}', "catalog": b'{"type":"CATALOG","catalog":{"streams":[]}}',
    "connection status": b'{"type":"CONNECTION_STATUS","connectionStatus":{"status":"FAILED"}}', "long words": b"x" * 3_000_000, "deep words": b"[" * 200_000,
    "pretty log": json.dumps({"type": "LOG", "log": {"level": "INFO", "message": "x"}}, indent=1).encode(),
    "record in python": b"{'type': 'RECORD', 'record': {'stream': 't', 'data': {'id': 9}, 'emitted_at': 1}}",
}
# A record 9 that something is wrong with: taken, skipped with words, or refused.
ODD_RECORDS = {
    "cut off": b'{"type":"RECORD"', "unknown stream": raw_record(stream=b'"nope"'), "other case": raw_record(stream=b'"T"'),
    "other namespace": raw_record(more=b',"namespace":"elsewhere"'),
    "no stream": b'{"type":"RECORD","record":{"data":{"id":9},"emitted_at":1}}', "numbered stream": raw_record(stream=b"7"),
    "null stream": raw_record(stream=b"null"),
    "no data": b'{"type":"RECORD","record":{"stream":"t","emitted_at":1}}', "null data": raw_record(b"null"), "list data": raw_record(b'[{"id":9}]'),
    "text data": raw_record(b'"x"'), "null record": b'{"type":"RECORD","record":null}', "list record": b'{"type":"RECORD","record":[]}',
    "no record": b'{"type":"RECORD"}', "no time": b'{"type":"RECORD","record":{"stream":"t","data":{"id":9}}}', "null time": raw_record(emitted=b"null"),
    "text time": raw_record(emitted=b'"2026-01-01"'), "fraction time": raw_record(emitted=b"1.5"), "seconds time": raw_record(emitted=b"1795237126"),
    "huge time": raw_record(emitted=b"99999999999999999999999999"), "no key": raw_record(b'{"name":"x"}'), "null key": raw_record(b'{"id":null}'),
    "text key": raw_record(b'{"id":"nine"}'), "list key": raw_record(b'{"id":[9]}'), "wrong type": raw_record(b'{"id":9,"name":{"a":[1]}}'),
    "undeclared": raw_record(b'{"id":9,"fancy":1}'), "duplicate keys": raw_record(b'{"id":9,"name":"a","name":"b"}'), "nan": raw_record(b'{"id":9,"name":NaN}'),
    "bad utf-8": raw_record(b'{"id":9,"name":"\xff"}'), "surrogate": raw_record(b'{"id":9,"name":"\\ud800"}'),
    "zero": raw_record(b'{"id":9,"name":"a\\u0000b"}'),
    "deep": raw_record(b'{"id":9,"name":' + b"[" * 5000 + b"]" * 5000 + b"}"), "many digits": raw_record(b'{"id":123456789012345678901234567890}'),
    "fraction key": raw_record(b'{"id":9.0}'), "exponent key": raw_record(b'{"id":9e0}'), "5000 columns": json.dumps({"type": "RECORD", "record": {
        "stream": "t", "data": {"id": 9} | {f"c{i}": i for i in range(5000)}, "emitted_at": 1}}).encode(),
    "two in a line": raw_record() + raw_record(), "words behind": raw_record() + b" done", "byte order mark": b"\xef\xbb\xbf" + raw_record(),
    "lower case": raw_record().replace(b"RECORD", b"record"),
    "two types": b'{"type":"LOG","type":"RECORD","record":{"stream":"t","data":{"id":9},"emitted_at":1}}',
    "in two lines": b'{"type":"RECORD","record":{"stream":"t",\n"data":{"id":9},"emitted_at":1}}',
    "too long": raw_record(b'{"id":9,"name":"' + b"x" * (70 << 20) + b'"}'),
    "null meta": raw_record(more=b',"meta":null,"namespace":null,"file_reference":null'), "odd meta": raw_record(more=b',"meta":{"changes":7}'),
}
# States that are good ones: to be echoed as they were, but for destinationStats (3.1).
ODD_STATES = {
    "unknown keys": st(7, id=7, partition_id="p", more={"a": [1.10, 1e5]}), "null siblings": st(7, **{"global": None, "data": None, "sourceStats": None}),
    "global": b'{"type":"STATE","state":{"type":"GLOBAL","global":{"shared_state":{"lsn":123456789012345678901234567890,"x":1.10},"stream_states":'
              b'[{"stream_descriptor":{"name":"t","namespace":null},"stream_state":{"n":7,"e":1E+2}}]}}}',
    "global twice": b'{"type":"STATE","log":null,"state":{"type":"GLOBAL","stream":null,"global_":{"shared_state":null,"stream_states":[]},"data":null}}',
    "empty stream state": b'{"type":"STATE","state":{"type":"STREAM","stream":{"stream_descriptor":{"name":"t"},"stream_state":{}}}}',
    "null stream state": b'{"type":"STATE","state":{"type":"STREAM","stream":{"stream_descriptor":{"name":"t"},"stream_state":null}}}',
    "no stream state": b'{"type":"STATE","state":{"type":"STREAM","stream":{"stream_descriptor":{"name":"t"}}}}',
    "lying stats": st(7, sourceStats={"recordCount": 1000.0}), "odd stats": st(7, sourceStats={"recordCount": "many"}),
    "stats of its own": st(7, destinationStats={"recordCount": 77.0}), "envelope keys": b'{"a":1,' + st(7)[1:-1] + b',"z":[{}]}',
    "escapes": b'{"\\u0074ype":"STAT\\u0045","state":{"type":"STREAM","stream":{"stream_descriptor":{"name":"\\u0074"},"stream_state":{"n":"\\u00e9\\/"}}}}',
    "spaces": b'  { "type" : "STATE" ,\t"state" : { "type" : "STREAM" , "stream" : { "stream_descriptor" : { "name" : "t" } ,'
              b' "stream_state" : { "n" : 7 } } } } \r',
    "megabyte": st(7, stream="t") .replace(b'"n": 7', b'"n":7,"much":"' + b"x" * 1_000_000 + b'"'), "same again": st(2),
}
# States that cannot be understood: refused, or skipped with words; never echoed as if they were good while something is lost.
WRONG_STATES = {
    "null": b'{"type":"STATE","state":null}', "list": b'{"type":"STATE","state":[]}', "none": b'{"type":"STATE"}', "empty": b'{"type":"STATE","state":{}}',
    "stream null": b'{"type":"STATE","state":{"type":"STREAM","stream":null}}',
    "no descriptor": b'{"type":"STATE","state":{"type":"STREAM","stream":{"stream_state":{}}}}',
    "numbered name": b'{"type":"STATE","state":{"type":"STREAM","stream":{"stream_descriptor":{"name":7},"stream_state":{}}}}',
    "unknown type": b'{"type":"STATE","state":{"type":"FANCY","stream":{"stream_descriptor":{"name":"t"}}}}', "unknown stream": st(7, "nope"),
    "legacy": b'{"type":"STATE","state":{"type":"LEGACY","data":{"t":7}}}', "without type": b'{"type":"STATE","state":{"data":{"t":7}}}',
}
ENDS = {
    # name: (last lines as they stand, exit statuses, must a STATE 3 have been echoed)
    "complete": (st(3) + b"\n" + status("COMPLETE") + b"\n", {OK}, True),
    "no status": (st(3) + b"\n", {OK, FAILED}, True),
    "incomplete": (st(3) + b"\n" + status("INCOMPLETE") + b"\n", {OK, FAILED}, True),
    "state without newline": (status("COMPLETE") + b"\n" + st(3), {OK}, True),
    "half a state": (status("COMPLETE") + b"\n" + st(3)[:-9], {OK, FAILED}, False),
    "half a record": (st(3) + b"\n" + status("COMPLETE") + b"\n" + rec(9)[:40], {OK, FAILED}, True),
    "no state": (status("COMPLETE") + b"\n", {OK}, False),
    "complete twice": (st(3) + b"\n" + status("COMPLETE") + b"\n" + status("COMPLETE") + b"\n", {OK, FAILED}, True),
    "status of unknown stream": (st(3) + b"\n" + status("COMPLETE") + b"\n" + status("COMPLETE", "nope") + b"\n", {OK, FAILED}, True),
    "status of nonsense": (st(3) + b"\n" + status("FANCY") + b"\n" + status("COMPLETE") + b"\n", {OK, FAILED}, True),
    "record after complete": (status("COMPLETE") + b"\n" + rec(9) + b"\n" + st(3) + b"\n", {OK, FAILED}, False),
    "state after complete": (status("COMPLETE") + b"\n" + st(3) + b"\n", {OK, FAILED}, False),
}


def table(folder, name="t", column="id"):
    """The values of a column; [] without such a table."""
    if not (folder / "out.db").exists():
        return []
    db = sqlite3.connect(f"file:{folder}/out.db?mode=ro", uri=True)
    try:
        return [r[0] for r in db.execute(f'SELECT "{column}" FROM "{name}"')]
    except sqlite3.OperationalError:
        return []
    finally:
        db.close()


def sent_states(data):
    states = []
    for line in data.split(b"\n"):
        try:
            m = json.loads(line, parse_float=lambda n: ("number", n), parse_int=lambda n: ("number", n))
            if m["type"] == "STATE":
                states.append(m)
        except (ValueError, TypeError, KeyError, RecursionError):
            pass
    return states


def as_sent(message):
    """For comparison: without destinationStats, an alias by its name, absent for null."""
    state = {("global" if k == "global_" else k): v for k, v in message["state"].items() if k != "destinationStats" and v is not None}
    return {k: v for k, v in message.items() if k != "state" and v is not None} | {"state": state}


def echoed(folder, data, ended):
    """The states of the output: those of the input, in order (3.1); all of them if it says that all went well."""
    messages = airbyte_messages(ended.out, echoes=True)
    got = [m for m in messages if m["type"] == "STATE"]
    want = [as_sent(m) for m in sent_states(data) if isinstance(m.get("state"), dict)]
    at = 0
    for m in got:
        while at < len(want) and want[at] != as_sent(m):
            at += 1
        must(at < len(want), f"a state that was not sent, or in another order: {str(m)[:400]}")
        at += 1
        stats = m["state"].get("destinationStats")
        must(isinstance(stats, dict) and isinstance(stats.get("recordCount"), tuple), f"a state without destinationStats: {str(m)[:300]}")
    return messages, got


def write(folder, data, catalog=SINK_CATALOG, **more):
    good_files(folder)
    (folder / "sinks.json").write_text(json.dumps(catalog))
    return start([SQLITE, "write", "--config", f("sink"), "--catalog", f("sinks")], folder, stdin=data, **more)


def spoken(messages, pattern):
    return any(re.search(pattern, log["message"]) for log in bodies(messages, "LOG") if log["level"] in ("WARN", "ERROR", "FATAL", "INFO"))


def script(middle):
    return b"\n".join([status("STARTED"), rec(1), rec(2), st(2, sourceStats={"recordCount": 2.0}), middle, rec(3), st(3), status("COMPLETE"), b""])


def counts_of(states):
    return {numbers(s["state"]["stream"]["stream_state"]["n"]): float(s["state"]["destinationStats"]["recordCount"][1]) for s in states
            if s["state"].get("type") == "STREAM" and "n" in (s["state"]["stream"].get("stream_state") or {})}


def line_case(group, name):
    """In the middle of a good stream comes something else."""
    middle = {"noise": NOISE, "record": ODD_RECORDS, "state": ODD_STATES, "wrong state": WRONG_STATES}[group.partition("-")[2]][name]
    data = script(middle)
    with tempfile.TemporaryDirectory(prefix="weir-hostile-") as path:
        folder = Path(path)
        ended = write(folder, data, limit=30)
        must(ended.status in (OK, FAILED), f"exit status {ended.status}\n{ended.err[-600:]}")
        messages, got = echoed(folder, data, ended)
        rows, counts = table(folder), counts_of(got)
        must(ended.status == OK or not (group.endswith("noise") or group == "destination-state"), f"it is refused: {[e['message'] for e in errors(messages)]}")
        if ended.status == OK:
            must(set(rows) >= {1, 2, 3} and 3 in counts and 2 in counts, f"rows {rows}, states {counts}")
            must(not errors(messages), f"status 0 with {errors(messages)}")
            must(group != "destination-state" or len(got) == 3, f"{len(got)} states echoed of 3")
            if group == "destination-record" and len(rows) == 3:
                must(spoken(messages, "."), "a record is left out, and the log says nothing")
                warned = any(log["level"] in ("WARN", "ERROR") for log in bodies(messages, "LOG"))
                must(warned or name in ("in two lines", "lower case", "byte order mark"), "a record is left out without a warning")
            must(group != "destination-noise" or sorted(rows) == [1, 2, 3], f"noise was stored: {rows}")
        else:
            check_error(messages, None)
            must(all(set(range(1, n + 1)) <= set(rows) for n in counts if n <= 3), f"states {counts} are confirmed, and the rows are {rows}")
        must(len(rows) == len(set(rows)), f"a key twice: {rows}")
        must(2 not in counts or counts[2] == 2 or name == "same again", f"destinationStats of the first state: {counts}, two records were sent")
        # Afterwards all is well for a stream that is in order.
        again = write(folder, script(b""))
        must(again.status == OK and set(table(folder)) >= {1, 2, 3},
             f"a good stream afterwards: status {again.status}, rows {table(folder)}\n{again.out[-600:]!r}")


def end_case(_, name):
    last, statuses, echoes = ENDS[name]
    data = b"\n".join([rec(1), rec(2), st(2), rec(3), b""]) + last
    with tempfile.TemporaryDirectory(prefix="weir-hostile-") as path:
        folder = Path(path)
        ended = write(folder, data)
        must(ended.status in statuses, f"exit status {ended.status}, expected {sorted(statuses)}\n{ended.out[-600:]!r}")
        messages, got = echoed(folder, data, ended)
        counts, rows = counts_of(got), table(folder)
        must(not echoes or 3 in counts, f"the last state is not confirmed: {counts}")
        must(all(set(range(1, n + 1)) <= set(rows) for n in counts), f"states {counts} are confirmed, and the rows are {rows}")
        if ended.status == OK:
            must(set(rows) >= {1, 2, 3}, f"all went well, it says, and the rows are {rows}")
            must(name != "half a record" and name != "half a state" or spoken(messages, "line|newline|JSON|inside|cut"), "half a line, and nothing is said")
        else:
            check_error(messages, None)


def overwrite(generation, minimum, mode):
    return {"streams": [SINK_CATALOG["streams"][0] | {"destination_sync_mode": mode, "generation_id": generation, "minimum_generation_id": minimum,
                                                      "sync_id": generation}]}


REFRESHES = {
    # name: (mode, minimum generation of the second run, the second run's last lines, rows that must be there, rows that must not)
    "complete": ("overwrite", 2, [rec(3), st(3), status("COMPLETE")], {3}, {1, 2}),
    "incomplete": ("overwrite", 2, [rec(3), st(3), status("INCOMPLETE")], {1, 2}, set()),
    "no status": ("overwrite", 2, [rec(3), st(3)], {1, 2}, set()),
    "half a line": ("overwrite", 2, [rec(3), st(3), status("COMPLETE")[:50]], {1, 2}, set()),
    "append, complete": ("append", 2, [rec(3), st(3), status("COMPLETE")], {3}, {1, 2}),
    "append, incomplete": ("append", 2, [rec(3), st(3), status("INCOMPLETE")], {1, 2}, set()),
    "append, all kept": ("append", 0, [rec(3), st(3), status("COMPLETE")], {1, 2, 3}, set()),
    "dedup, complete": ("append_dedup", 2, [rec(3), st(3), status("COMPLETE")], {3}, {1, 2}),
    "dedup, incomplete": ("append_dedup", 2, [rec(3), st(3), status("INCOMPLETE")], {1, 2}, set()),
    "nothing, complete": ("overwrite", 2, [st(0), status("COMPLETE")], set(), {1, 2}),
}


def refresh_case(_, name):
    """Old rows go at the successful end only (3.4)."""
    mode, minimum, last, there, gone = REFRESHES[name]
    with tempfile.TemporaryDirectory(prefix="weir-hostile-") as path:
        folder = Path(path)
        first = write(folder, b"\n".join([rec(1), rec(2), st(2), status("COMPLETE"), b""]), overwrite(1, 0 if minimum == 0 else 1, mode))
        must(first.status == OK and set(table(folder)) == {1, 2}, f"the first run: status {first.status}, rows {table(folder)}\n{first.out[-600:]!r}")
        second = write(folder, b"\n".join(last + [b""]), overwrite(2, minimum, mode))
        must(second.status in (OK, FAILED), f"exit status {second.status}")
        rows = set(table(folder))
        must(rows >= there and not rows & gone, f"rows {rows}, expected {there} and not {gone}; status {second.status}")


def with_cursor(rows, first):
    """Records of one key, numbered by when they come. A cursor is JSON text, "~": none; an "x" behind it: the record deletes."""
    lines = []
    for n, text in enumerate(rows, first):
        members = [f'"id":1,"n":{n}'] + ([f'"c":{text.removesuffix("x")}'] if text[0] != "~" else []) + (
            ['"_ab_cdc_deleted_at":"2026-01-01T00:00:00Z"'] if text.endswith("x") else [])
        lines.append(f'{{"type":"RECORD","record":{{"stream":"t","data":{{{",".join(members)}}},"emitted_at":1}}}}'.encode())
    return b"\n".join(lines + [st(1), status("COMPLETE"), b""])


def at(text):
    return f'"2024-01-31T{text}"'


MOMENTS = {"type": ["null", "string"], "format": "date-time"}
CURSORS = {
    # name: (schema of the cursor, the cursors of one key in the order they come, which of them stays; None: the row is gone)
    "ascending": ({"type": "integer"}, ["3", "5"], 1), "descending": ({"type": "integer"}, ["5", "3"], 0), "equal": ({"type": "integer"}, ["4", "4"], 1),
    "many": ({"type": "integer"}, ["7", "2", "100", "11", "99"], 2), "negative": ({"type": "integer"}, ["-5", "-10", "-7"], 0),
    "integers of one double": ({"type": "integer"}, ["9007199254740993", "9007199254740992"], 0),
    "integers of 30 digits": ({"type": "integer"}, ["123456789012345678901234567891", "123456789012345678901234567890", "99"], 0),
    "decimals of one double": ({"type": "number"}, ["0.10000000000000001", "0.1", "1e-2"], 0),
    "forms of a number": ({"type": "number"}, ["1e3", "1000.0", "999"], 1),
    "null after": (MOMENTS, [at("10:00:00Z"), "null", "~"], 0), "null before": (MOMENTS, ["~", "null", at("10:00:00Z")], 2), "null only": (MOMENTS, ["null", "~"], 1),
    "offsets": (MOMENTS, [at("10:00:00Z"), at("10:30:00+01:00")], 0), "offsets of one moment": (MOMENTS, [at("10:00:00Z"), at("11:00:00+01:00")], 1),
    "fractions": (MOMENTS, [at("10:00:00.1Z"), at("10:00:00.09999999999999999999Z"), at("10:00:00Z")], 0), "fraction and none": (MOMENTS, [at("10:00:00Z"), at("10:00:00.000Z")], 1),
    "escapes": (MOMENTS, [at("10:00:00\\u002b00:00"), at("09:59:59Z")], 0),
    "texts": ({"type": "string"}, ['"b"', '"a"', '"B"'], 0), "texts of digits": ({"type": "string"}, ['"9"', '"10"'], 0),
    "digits where numbers may be": ({"type": ["string", "integer"]}, ['"9"', "10", '"8"'], 1),
    "objects": ({"type": "object"}, ['{"a":2}', '{"a":1}'], 1), "of another type than it should be": ({"type": "integer"}, ["5", '"x"', "4"], 0),
    "nothing is said": ({}, ["5", "4", "6"], 2),
    "deleted": ({"type": "integer"}, ["5", "6x"], None), "deleted by the same": ({"type": "integer"}, ["5", "5x"], None),
    "deleted before": ({"type": "integer"}, ["5", "4x"], 0), "deleted without a cursor": ({"type": "integer"}, ["5", "~x"], None),
    "made again": ({"type": "integer"}, ["5", "6x", "7"], 2), "made again by less": ({"type": "integer"}, ["5", "~x", "2"], 2),
}


def cursor_case(_, name):
    """append_dedup keeps the row of a key whose cursor is the largest, whether all come at once or each in a run of its own."""
    kind, cursors, stays = CURSORS[name]
    schema = {"type": "object", "properties": {"id": {"type": "integer"}, "n": {"type": "integer"}, "c": kind,
                                               "_ab_cdc_deleted_at": {"type": ["null", "string"], "format": "date-time"}}}
    catalog = {"streams": [SINK_CATALOG["streams"][0] | {"cursor_field": ["c"],
                                                         "stream": {"name": "t", "json_schema": schema, "supported_sync_modes": ["incremental"]}}]}
    want = [] if stays is None else [stays]
    for runs in ([(0, cursors)], [(n, [c]) for n, c in enumerate(cursors)], [(0, cursors[:1]), (1, cursors[1:])]):
        with tempfile.TemporaryDirectory(prefix="weir-hostile-") as path:
            folder = Path(path)
            for first, rows in runs:
                ended = write(folder, with_cursor(rows, first), catalog)
                must(ended.status == OK, f"exit status {ended.status}\n{ended.out[-600:]!r}")
            must(table(folder, "t", "n") == want, f"in {len(runs)} runs: of {cursors} stays {table(folder, 't', 'n')}, expected {want}")


def placed(name, space):
    stream = {"name": name, "json_schema": SCHEMA, "supported_sync_modes": ["incremental"]} | ({"namespace": space} if space else {})
    return SINK_CATALOG["streams"][0] | {"stream": stream}


def placed_lines(n, name, space):
    more = {"namespace": space} if space else {}
    return [json.dumps({"type": "RECORD", "record": {"stream": name, "data": {"id": n}, "emitted_at": 1} | more}).encode(),
            json.dumps({"type": "STATE", "state": {"type": "STREAM", "stream": {"stream_descriptor": {"name": name} | more,
                                                                                "stream_state": {"n": n}}}}).encode(),
            status("COMPLETE", name, **more)]


PLACES = {
    # Two streams: each in a table of its own, or refused; never in one.
    "namespaces": (("t", "a"), ("t", "b")), "with and without": (("t", "a"), ("t", None)), "underscores": (("c", "a__b"), ("b__c", "a")),
    "underscores and none": (("a__b", None), ("b", "a")), "cases": (("t", None), ("T", None)), "cases of namespaces": (("t", "a"), ("t", "A")),
}


def place_case(_, name):
    first, second = PLACES[name]
    data = b"\n".join(placed_lines(1, *first) + placed_lines(2, *second) + [b""])
    with tempfile.TemporaryDirectory(prefix="weir-hostile-") as path:
        folder = Path(path)
        ended = write(folder, data, {"streams": [placed(*first), placed(*second)]})
        if ended.status == FAILED:
            must("namespaces" != name != "with and without", "it is refused")
            return check_error(airbyte_messages(ended.out), first[0])
        must(ended.status == OK, f"exit status {ended.status}")
        held = sorted(rows for rows in ids_by_table(folder).values() if rows)
        must(held == [[1], [2]], f"the tables hold {ids_by_table(folder)}")


def ids_by_table(folder):
    db = sqlite3.connect(f"file:{folder}/out.db?mode=ro", uri=True)
    try:
        names = [r[0] for r in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'weir!_%' ESCAPE '!'")]
        return {n: [r[0] for r in db.execute(f'SELECT id FROM "{n}"')] for n in names}
    finally:
        db.close()


SAME_COLUMNS = {"id": 1, "ID": 2, "Id": 3, "iD": 4, "rowid": 5, "oid": 6, "": 7, " ": 8, "é": 9, "É": 10, "e\u0301": 11, "a.b": 12, "a_b": 13,
                "select": 14, "x" * 100: 15, "x" * 100 + "y": 16}


def column_case(_, protocol):
    """Columns that SQLite takes for the same, or for its own: every value is somewhere, each in a column of its own."""
    schema = {"type": "object", "properties": {k: {"type": "integer"} for k in SAME_COLUMNS}}
    with tempfile.TemporaryDirectory(prefix="weir-hostile-") as path:
        folder = Path(path)
        if protocol == "airbyte":
            line = json.dumps({"type": "RECORD", "record": {"stream": "t", "data": SAME_COLUMNS, "emitted_at": 1}}).encode()
            ended = write(folder, b"\n".join([line, st(1), status("COMPLETE"), b""]), {"streams": [SINK_CATALOG["streams"][0] | {
                "stream": {"name": "t", "json_schema": schema, "supported_sync_modes": ["incremental"]}}]})
        else:
            ended = load(folder, b"\n".join([t_schema(schema=schema), json.dumps({"type": "RECORD", "stream": "t", "record": SAME_COLUMNS}).encode(),
                                             t_state(b'{"n":1}'), b""]))
        must(ended.status == OK, f"exit status {ended.status}\n{ended.out[-600:]!r}\n{ended.err[-600:]}")
        db = sqlite3.connect(folder / "out.db")
        row = db.execute("SELECT * FROM t").fetchone()
        db.close()
        must(set(SAME_COLUMNS.values()) <= set(row), f"the row is {row}")


SINK_CATALOGS = {
    # name: (catalog, may it be refused, must it be)
    "between generations": (overwrite(5, 3, "append"), True, False),
    "generation nulls": ({"streams": [SINK_CATALOG["streams"][0] | {"generation_id": None, "minimum_generation_id": None, "sync_id": None}]}, True, False),
    "no generation": ({"streams": [{k: v for k, v in SINK_CATALOG["streams"][0].items() if "_id" not in k}]}, False, False),
    "unknown mode": (overwrite(1, 0, "FANCY"), True, True),
    "activation mode": (overwrite(1, 0, "soft_delete"), True, True),
    "no streams": ({"streams": []}, False, False),
    "dedup without key": ({"streams": [SINK_CATALOG["streams"][0] | {"primary_key": None}]}, True, False),
    "dedup with empty key": ({"streams": [SINK_CATALOG["streams"][0] | {"primary_key": []}]}, True, False),
    "key that is no column": ({"streams": [SINK_CATALOG["streams"][0] | {"primary_key": [["nope"]]}]}, True, False),
    "nested key": ({"streams": [SINK_CATALOG["streams"][0] | {"primary_key": [["id", "deep"]]}]}, True, False),
    "key of text": ({"streams": [SINK_CATALOG["streams"][0] | {"primary_key": ["id"]}]}, True, True),
    "cursor that is no column": ({"streams": [SINK_CATALOG["streams"][0] | {"cursor_field": ["nope"]}]}, True, True),
    "cursor that is no column, but nothing is compared": ({"streams": [SINK_CATALOG["streams"][0] | {"cursor_field": ["nope"],
                                                                                                    "destination_sync_mode": "append"}]}, False, False),
    "cursor within a number": ({"streams": [SINK_CATALOG["streams"][0] | {"cursor_field": ["id", "deep"]}]}, False, False),
    "empty cursor": ({"streams": [SINK_CATALOG["streams"][0] | {"cursor_field": []}]}, False, False),
    "cursor null": ({"streams": [SINK_CATALOG["streams"][0] | {"cursor_field": None}]}, False, False),
    "cursor of text": ({"streams": [SINK_CATALOG["streams"][0] | {"cursor_field": "id"}]}, True, True),
    "default cursor of text": ({"streams": [SINK_CATALOG["streams"][0] | {"cursor_field": [], "stream": SINK_CATALOG["streams"][0]["stream"] | {
        "default_cursor_field": "id"}}]}, False, False),
    "default cursor that is no column": ({"streams": [SINK_CATALOG["streams"][0] | {"cursor_field": [], "stream": SINK_CATALOG["streams"][0]["stream"] | {
        "default_cursor_field": ["nope"]}}]}, False, False),
    "stream twice": ({"streams": SINK_CATALOG["streams"] * 2}, True, True),
    "schema null": ({"streams": [SINK_CATALOG["streams"][0] | {"stream": {"name": "t", "json_schema": None,
                                                                          "supported_sync_modes": ["incremental"]}}]}, True, False),
    "schema of 5000 columns": ({"streams": [SINK_CATALOG["streams"][0] | {"stream": {"name": "t", "json_schema": {"type": "object", "properties": {
        "id": {"type": "integer"}} | {f"c{i}": {"type": "string"} for i in range(5000)}}, "supported_sync_modes": ["incremental"]}}]}, True, False),
    "empty name": ({"streams": [SINK_CATALOG["streams"][0] | {"stream": {"name": "", "json_schema": SCHEMA,
                                                                         "supported_sync_modes": ["incremental"]}}]}, True, False),
}


def sink_catalog_case(_, name):
    catalog, may, has_to = SINK_CATALOGS[name]
    data = b"" if name in ("no streams", "empty name") else script(b"")
    with tempfile.TemporaryDirectory(prefix="weir-hostile-") as path:
        folder = Path(path)
        ended = write(folder, data, catalog)
        must(ended.status in (OK, FAILED), f"exit status {ended.status}\n{ended.err[-600:]}")
        messages, got = echoed(folder, data, ended)
        if ended.status == FAILED:
            must(may or has_to, f"it is refused: {[e['message'] for e in errors(messages)]}")
            check_error(messages, None)
        else:
            must(not has_to, "it is accepted")
            must(not data or set(table(folder)) >= {1, 2, 3}, f"all went well, it says, and the rows are {table(folder)}")


ODD_NAMES = ["Users", "users", "USERS", "with space", "with.dot", "with/slash", "../up", "9lives", 'quo"te', "apo'strophe", "back\\slash", "emoji 🎉",
             "naïve", "nai\u0308ve",
             "a__b", "%2F", "tab\tin", "new\nline", "-", "null", "x" * 200, "select", "table", "{}", "test:SpecialChars!in?attributes",
             "sqlite_master", "weir_tables", "t\u0000z"]


def tables(folder):
    """Every table of the database that holds documents, with its ids."""
    db = sqlite3.connect(f"file:{folder}/out.db?mode=ro", uri=True)
    try:
        names = [r[0] for r in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        found = {}
        for n in names:
            quoted = '"' + n.replace('"', '""') + '"'
            columns = [r[1] for r in db.execute(f"PRAGMA table_info({quoted})")]
            if "id" in columns and "who" in columns:
                found[n] = [tuple(r) for r in db.execute(f'SELECT id, who FROM {quoted} ORDER BY id')]
        return found
    finally:
        db.close()


def name_case(who, name):
    """A stream of an odd name beside one of an ordinary name and, where there is one, a stream whose name differs in case only: nothing mixes."""
    name = ODD_NAMES[int(name)]
    both = [name, "ordinary"] + [n for n in ("users", "Users") if n != name and n.lower() == name.lower()]
    schema = {"type": "object", "properties": {"id": {"type": "integer"}, "who": {"type": "string"}, name: {"type": "string"}}}
    with tempfile.TemporaryDirectory(prefix="weir-hostile-") as path:
        folder = Path(path)
        good_files(folder)
        if who == "destination-name":
            catalog = {"streams": [SINK_CATALOG["streams"][0] | {"stream": {"name": n, "json_schema": schema,
                                                                            "supported_sync_modes": ["incremental"]}} for n in both]}
            lines = [rec(i, n, who=n, **{name: "v"}) for i in (1, 2) for n in both] + [st(2, n) for n in both] + [status("COMPLETE", n) for n in both]
            ended = write(folder, b"\n".join(lines + [b""]), catalog)
        else:
            lines = [json.dumps({"type": "SCHEMA", "stream": n, "schema": schema, "key_properties": ["id"]}).encode() for n in both]
            lines += [json.dumps({"type": "RECORD", "stream": n, "record": {"id": i, "who": n, name: "v"}}).encode() for i in (1, 2) for n in both]
            ended = start([SQLITE, "--config", f("sink")], folder, stdin=b"\n".join(lines + [b'{"type":"STATE","value":{"n":2}}', b""]))
        must(ended.status in (OK, FAILED), f"exit status {ended.status}\n{ended.err[-600:]}")
        if ended.status == FAILED:
            must(name in ("sqlite_master", "weir_tables", "t\u0000z") or len(both) > 2, f"it is refused: {ended.out[-600:]!r} {ended.err[-600:]}")
            return
        found = tables(folder)
        want = sorted([(1, n), (2, n)] for n in both)
        must(sorted(found.values()) == want, f"tables {found}")


# ---- lines for the target ----

def t_schema(stream="t", **more):
    return json.dumps({"type": "SCHEMA", "stream": stream, "schema": SCHEMA, "key_properties": ["id"]} | more).encode()


def t_rec(n, stream="t", **more):
    return json.dumps({"type": "RECORD", "stream": stream, "record": {"id": n, "name": f"n{n}"} | more}).encode()


def t_raw(body=b'{"id":9}', stream=b'"t"', more=b""):
    return b'{"type":"RECORD","stream":%s,"record":%s%s}' % (stream, body, more)


def t_state(value):
    return b'{"type":"STATE","value":' + value + b"}"


# The target must go on, with a warning or without (singer.md 1, 11).
T_GOOD = {
    "blank": b"", "blanks": b"  \t", "carriage return": b"\r", "unknown type": b'{"type":"FANCY","stream":"t"}', "log type": b'{"type":"LOG","message":"x"}',
    "lower-case state": b'{"type":"state","value":{"n":7}}', "lower-case schema": t_schema().replace(b"SCHEMA", b"schema"), "schema again": t_schema(),
    "schema without keys": json.dumps({"type": "SCHEMA", "stream": "u", "schema": SCHEMA}).encode(),
    "schema with null keys": t_schema("u", key_properties=None),
    "schema with type list": t_schema("u", schema={"type": ["null", "object"], "properties": {"id": {"type": ["integer", "null"]}}}),
    "schema with anyOf": t_schema("u", schema={"properties": {"id": {"anyOf": [{"type": "integer"}, {"type": "null"}]}, "x": {}}}),
    "schema with $schema": t_schema("u", schema={"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object",
                                                 "properties": {"id": {"type": "integer"}}}),
    "schema of a new column": t_schema(schema={"type": "object", "properties": {"id": {"type": "integer"}, "fresh": {"type": "array"}}}),
    "schema of fewer columns": t_schema(schema={"type": "object", "properties": {"id": {"type": "integer"}}}),
    "schema of another type": t_schema(schema={"type": "object", "properties": {"id": {"type": "integer"}, "name": {"type": ["integer", "null"]}}}),
    "state first": t_state(b'{"n":7}'), "state again": t_state(b'{"n":2}'),
    "state verbatim": t_state(b'{"a":1.10,"big":123456789012345678901234567890,"e":1E+2,"":{}}'),
    "activate": b'{"type":"ACTIVATE_VERSION","stream":"t","version":1}',
    "unknown keys": t_rec(3)[:-1] + b',"fancy":{"record":{"id":9}},"version":null,"time_extracted":null}',
    "state of a megabyte": t_state(b'{"n":"' + b"x" * 1_000_000 + b'"}'),
}
T_ODD = {
    "words": b"Traceback (most recent call last):", "half": b'{"type":"RECORD"', "list": b'[{"type":"RECORD"}]', "number": b"7", "null": b"null",
    "empty object": b"{}",
    "null type": b'{"type":null}', "numbered type": b'{"type":7}', "bad utf-8": b"caf\xe9", "zero bytes": b"\x00\x00",
    "pretty": b'{\n"type":"STATE",\n"value":{}}',
    "python": b"{'type': 'RECORD'}", "deep": b"[" * 200_000, "byte order mark": b"\xef\xbb\xbf" + t_raw(), "two in a line": t_raw() + t_raw(),
    "words behind": t_raw() + b" done", "unknown stream": t_raw(stream=b'"nope"'), "no stream": b'{"type":"RECORD","record":{"id":9}}',
    "numbered stream": t_raw(stream=b"7"), "other case": t_raw(stream=b'"T"'), "no record": b'{"type":"RECORD","stream":"t"}', "null record": t_raw(b"null"),
    "list record": t_raw(b'[9]'), "text record": t_raw(b'"x"'), "no key": t_raw(b'{"name":"x"}'), "null key": t_raw(b'{"id":null}'),
    "text key": t_raw(b'{"id":"nine"}'),
    "wrong type": t_raw(b'{"id":9,"name":{"a":1}}'), "undeclared": t_raw(b'{"id":9,"fancy":1}'), "duplicate keys": t_raw(b'{"id":9,"name":"a","name":"b"}'),
    "nan": t_raw(b'{"id":9,"name":NaN}'), "bad utf-8 in a record": t_raw(b'{"id":9,"name":"\xff"}'), "surrogate": t_raw(b'{"id":9,"name":"\\ud800"}'),
    "zero": t_raw(b'{"id":9,"name":"a\\u0000b"}'), "deep record": t_raw(b'{"id":9,"name":' + b"[" * 5000 + b"]" * 5000 + b"}"),
    "many digits": t_raw(b'{"id":123456789012345678901234567890}'), "fraction key": t_raw(b'{"id":9.0}'),
    "odd time": t_raw(more=b',"time_extracted":"yesterday"'),
    "odd version": t_raw(more=b',"version":"one"'), "too long": t_raw(b'{"id":9,"name":"' + b"x" * (70 << 20) + b'"}'),
    "two types": b'{"type":"STATE","type":"RECORD","stream":"t","record":{"id":9}}',
    "lower case": t_raw().replace(b"RECORD", b"record"), "schema without stream": b'{"type":"SCHEMA","schema":{"properties":{}},"key_properties":[]}',
    "schema without schema": b'{"type":"SCHEMA","stream":"u","key_properties":[]}', "schema null": t_schema("u", schema=None),
    "schema list": t_schema("u", schema=[]),
    "schema text": t_schema("u", schema="{}"), "schema without properties": t_schema("u", schema={"type": "object"}),
    "keys text": t_schema("u", key_properties="id"),
    "keys numbers": t_schema("u", key_properties=[7]), "key of no property": t_schema("u", key_properties=["nope"]),
    "keys change": t_schema(key_properties=["name"]),
    "keys go": t_schema(key_properties=[]), "keys grow": t_schema(key_properties=["id", "name"]), "schema of 5000 columns": t_schema("u", schema=WIDE,
                                                                                                                                     key_properties=[]),
    "record of 5000 columns": json.dumps({"type": "RECORD", "stream": "t", "record": {"id": 9} | {f"c{i}": i for i in range(5000)}}).encode(),
    "state null": t_state(b"null"), "state number": t_state(b"7"), "state text": t_state(b'"x"'), "state list": t_state(b"[1]"),
    "no value": b'{"type":"STATE"}',
    "state empty": t_state(b"{}"), "activate unknown": b'{"type":"ACTIVATE_VERSION","stream":"nope","version":1}',
    "activate without version": b'{"type":"ACTIVATE_VERSION","stream":"t"}',
    "activate text": b'{"type":"ACTIVATE_VERSION","stream":"t","version":"one"}',
    "activate huge": b'{"type":"ACTIVATE_VERSION","stream":"t","version":99999999999999999999}',
    "batch missing": b'{"type":"BATCH","stream":"t","encoding":{"format":"jsonl"},"manifest":["file:///nonexistent/x.jsonl"]}',
    "batch elsewhere": b'{"type":"BATCH","stream":"t","encoding":{"format":"jsonl"},"manifest":["s3://bucket/x"]}',
    "batch parquet": b'{"type":"BATCH","stream":"t","encoding":{"format":"parquet"},"manifest":["file:///dev/null"]}',
    "batch without manifest": b'{"type":"BATCH","stream":"t","encoding":{"format":"jsonl"}}',
    "batch null": b'{"type":"BATCH","stream":"t","encoding":null,"manifest":null}',
    "batch of a fifo": b'{"type":"BATCH","stream":"t","encoding":{"format":"jsonl"},"manifest":["file://FIFO"]}',
    "batch of standard input": b'{"type":"BATCH","stream":"t","encoding":{"format":"jsonl"},"manifest":["file:///dev/stdin"]}',
    "batch of a folder": b'{"type":"BATCH","stream":"t","encoding":{"format":"jsonl"},"manifest":["file:///tmp"]}',
    "batch of unknown stream": b'{"type":"BATCH","stream":"nope","encoding":{"format":"jsonl"},"manifest":[]}',
}


def t_script(middle):
    return b"\n".join([t_schema(), t_rec(1), t_rec(2), t_state(b'{"n":2}'), middle, t_rec(3), t_state(b'{"n":3}'), b""])


def printed(data, ended):
    """States of the output: bare values that were sent, in order (singer.md 1)."""
    sent = []
    for line in data.split(b"\n"):
        try:
            m = json.loads(line, parse_float=lambda n: ("number", n), parse_int=lambda n: ("number", n))
            if m["type"].upper() == "STATE":
                sent.append(m["value"])
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            pass
    got, at = [exact(line) for line in whole_lines(ended.out)], 0
    for value in got:
        while at < len(sent) and sent[at] != value:
            at += 1
        must(at < len(sent), f"standard output holds what was not sent, or in another order: {str(value)[:300]}")
        at += 1
    return got


def load(folder, data, **more):
    good_files(folder)
    return start([SQLITE, "--config", f("sink")], folder, stdin=data, **more)


def target_case(group, name):
    good = group == "target-good"
    middle = (T_GOOD if good else T_ODD)[name]
    data = t_script(middle)
    if name == "state first":
        data = middle + b"\n" + t_script(b"")
    with tempfile.TemporaryDirectory(prefix="weir-hostile-") as path:
        folder = Path(path)
        os.mkfifo(folder / "fifo")
        ended = load(folder, data.replace(b"FIFO", str(folder / "fifo").encode()), limit=10)
        must(ended.status in (OK, FAILED), f"exit status {ended.status}\n{ended.err[-600:]}")
        got, rows = printed(data, ended), table(folder)
        counts = [numbers(v["n"]) for v in got if isinstance(v, dict) and isinstance(v.get("n"), tuple)]
        must(not good or ended.status == OK, f"it is refused: {ended.err[-600:]}")
        if ended.status == OK:
            must(set(rows) >= {1, 2, 3}, f"all went well, it says, and the rows are {rows}")
            must(got and got[-1] == {"n": ("number", "3")}, f"the last state is not printed: {got}")
            must(good or len(rows) > 3 or "state" in name or re.search("(?i)warn|error", ended.err) or name in HARMLESS,
                 f"left out without a warning:\n{ended.err[-600:]}")
        else:
            must(ended.err.strip(), "a failure without words")
            must(all(set(range(1, n + 1)) <= set(rows) for n in counts), f"states {counts} are printed, and the rows are {rows}")
        must(len(rows) == len(set(rows)) or name in ("keys change", "keys go", "keys grow", "no key", "null key"), f"a key twice: {rows}")
        again = load(folder, t_script(b""))
        must(again.status == OK and set(table(folder)) >= {1, 2, 3} or name.startswith("keys "),
             f"a good stream afterwards: status {again.status}, rows {table(folder)}\n{again.err[-600:]}")


# Nothing of theirs is lost if they are taken as they are.
HARMLESS = {"schema without properties", "schema of 5000 columns", "keys change", "keys go", "keys grow", "activate unknown",
            "activate without version", "activate text",
            "activate huge", "batch of unknown stream", "key of no property", "pretty", "keys text", "keys numbers", "schema null", "schema list",
            "schema text"}


def versioned(n, version):
    return json.dumps({"type": "RECORD", "stream": "t", "record": {"id": n}, "version": version}).encode()


VERSIONS = {
    # name: (lines, the ids that are left with hard_delete, and which of them without are marked as deleted) (singer.md 1, ACTIVATE_VERSION)
    "first, then second": ([versioned(1, 1), 1, versioned(2, 2), 2], {2}, {1}), "waiting rows": ([versioned(1, 1), versioned(2, 2), 2], {2}, {1}),
    "same again": ([versioned(1, 1), 1, 1, versioned(2, 1), 1], {1, 2}, set()), "older": ([versioned(1, 5), 5, versioned(2, 5), 3], {1, 2}, set()),
    "before the records": ([2, versioned(1, 2), versioned(2, 2)], {1, 2}, set()), "without version": ([t_rec(1), versioned(2, 2), 2], {1, 2}, set()),
    "without rows": ([versioned(1, 1), 1, 2], set(), {1}), "row in both": ([versioned(1, 1), versioned(2, 1), 1, versioned(1, 2), 2], {1}, {2}),
}


def version_case(_, name):
    parts, left, marked = VERSIONS[name]
    lines = [p if isinstance(p, bytes) else json.dumps({"type": "ACTIVATE_VERSION", "stream": "t", "version": p}).encode() for p in parts]
    data = b"\n".join([t_schema()] + lines + [t_state(b'{"n":1}'), b""])
    for hard in (True, False):
        with tempfile.TemporaryDirectory(prefix="weir-hostile-") as path:
            folder = Path(path)
            good_files(folder)
            (folder / "sink.json").write_text(json.dumps({"path": "out.db", "hard_delete": hard}))
            ended = start([SQLITE, "--config", f("sink")], folder, stdin=data)
            must(ended.status == OK, f"exit status {ended.status}\n{ended.err[-600:]}")
            if hard:
                must(set(table(folder)) == left, f"rows {table(folder)}, expected {left}")
            else:
                must(set(table(folder)) == left | marked, f"rows {table(folder)}, expected {left | marked}, some of them marked")
                gone = {i for i, at in zip(table(folder), table(folder, "t", "_sdc_deleted_at")) if at} if marked else set()
                must(gone == marked, f"marked as deleted are {gone}, expected {marked}")


def many_case(_, what):
    """Much of one thing, in bounded time and memory."""
    with tempfile.TemporaryDirectory(prefix="weir-hostile-") as path:
        folder = Path(path)
        if what == "states of a target":
            ended = load(folder, b"\n".join([t_schema(), t_rec(1)] + [t_state(b'{"n":%d}' % n) for n in range(100_000)] + [b""]))
            must(exact(ended.out.splitlines()[-1]) == {"n": ("number", "99999")}, f"the last state is {ended.out[-100:]!r}")
        elif what == "states of a destination":
            data = b"\n".join([rec(1)] + [st(n) for n in range(30_000)] + [status("COMPLETE"), b""])
            ended = write(folder, data)
            must(len(echoed(folder, data, ended)[1]) == 30_000, "states are missing")
        elif what == "streams of a target":
            ended = load(folder, b"\n".join([line for n in range(500) for line in (t_schema(f"s{n}"), t_rec(n, f"s{n}"))] + [t_state(b'{"n":1}'), b""]))
            must(sum(len(r) for r in ids_by_table(folder).values()) == 500, "rows are missing")
        else:
            shapes = [{"type": "object", "properties": {"id": {"type": "integer"}, c: {"type": "string"}}} for c in ("a", "b")]
            ended = load(folder, b"\n".join([line for n in range(400) for line in (t_schema(schema=shapes[n % 2]), t_rec(n))] + [t_state(b'{"n":1}'), b""]))
            must(sorted(table(folder)) == list(range(400)), "rows are missing")
        must(ended.status == OK, f"exit status {ended.status}\n{ended.err[-600:]}")
        must(ended.megabytes < 100, f"it took {ended.megabytes:.0f} MB")


def device_case(asked, device):
    """Files without an end."""
    with tempfile.TemporaryDirectory(prefix="weir-hostile-") as path:
        folder = Path(path)
        good_files(folder)
        ended = start([device if a == "@" else a for a in ASKED[asked.removeprefix("endless-")]], folder, limit=15)
        must(ended.status == FAILED, f"exit status {ended.status}")
        must(device in ended.err or device.encode() in ended.out, f"nothing names the file: {ended.err[-600:]}")


def terminated_waiting(_, asked):
    """SIGTERM while it waits for a file that is a pipe."""
    with tempfile.TemporaryDirectory(prefix="weir-hostile-") as path:
        folder = Path(path)
        good_files(folder)
        os.mkfifo(folder / "fifo")
        process = start_process(["fifo" if a == "@" else a for a in ASKED[asked]], folder)
        time.sleep(0.2)  # until it waits; if it does not yet, the signal comes all the sooner
        process.terminate()
        end_of(process, 5)


# ---- streams that break off, and signals ----

MANY = 2_000_000_000


def start_process(argv, folder, stdin=subprocess.DEVNULL):
    return subprocess.Popen(argv, cwd=folder, env=environment(LOG_FORMAT="text"), stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            start_new_session=True)


def end_of(process, limit=15):
    """What it still says, on both. (communicate() forgets what readline() has read ahead.)"""
    clock = threading.Timer(limit, process.kill)
    clock.start()
    with process.stdout, process.stderr:
        said = process.stdout.read(), process.stderr.read()
    process.wait()
    must(clock.is_alive(), f"it hangs: it has not ended within {limit} s")
    clock.cancel()
    return said


def endless(folder, protocol):
    good_files(folder)
    (folder / "config.json").write_text(json.dumps({"count": MANY}))
    return [HELLO] + (["read"] if protocol == "airbyte" else []) + ["--config", f("config"), "--catalog", f("catalog" if protocol == "airbyte" else "singer")]


def reader_leaves(_, protocol):
    """Of a source or tap: EPIPE ends it soon, quietly, with a status that is not 0 (1.2; singer.md 11)."""
    with tempfile.TemporaryDirectory(prefix="weir-hostile-") as path:
        process = start_process(endless(Path(path), protocol), path)
        for _ in range(10):
            process.stdout.readline()
        process.stdout.close()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            must(False, "it goes on without a reader")
        err = process.stderr.read().decode()
        process.stderr.close()
        must(process.returncode in (FAILED, -signal.SIGPIPE), f"exit status {process.returncode}\n{err[-600:]}")
        must(len(err.splitlines()) <= 3, f"not quietly: {err[-600:]}")


def full_disk(_, what):
    """Standard output is full."""
    with tempfile.TemporaryDirectory(prefix="weir-hostile-") as path, open("/dev/full", "wb") as full:
        folder = Path(path)
        good_files(folder)
        argv, stdin = {"airbyte": (endless(folder, "airbyte"), b""), "singer": (endless(folder, "singer"), b""), "spec": ([HELLO, "spec"], b""),
                       "about": ([HELLO, "--about"], b""), "write": ([SQLITE, "write", "--config", f("sink"), "--catalog", f("sinks")], script(b"")),
                       "target": ([SQLITE, "--config", f("sink")], t_script(b""))}[what]
        ended = start(argv, folder, stdin=stdin, stdout=full)
        must(ended.status not in (OK, USAGE), f"exit status {ended.status} though nothing could be written")


def last_of(lines, protocol):
    """The count of the last state, and of the last record before it."""
    n, records, before = None, -1, -1
    for line in lines:
        m = json.loads(line)
        if m["type"] == "RECORD":
            records = (m["record"]["data"] if protocol == "airbyte" else m["record"])["n"]
        elif m["type"] == "STATE":
            n = (m["state"]["stream"]["stream_state"] if protocol == "airbyte" else m["value"]["bookmarks"]["greetings"])["n"]
            before = records
    return n, before


def terminated_reading(_, protocol):
    """SIGTERM in the middle: whole lines, a last state that agrees with the records before it, soon."""
    with tempfile.TemporaryDirectory(prefix="weir-hostile-") as path:
        process = start_process(endless(Path(path), protocol), path)
        first = [process.stdout.readline() for _ in range(2000)]
        process.send_signal(signal.SIGTERM)
        rest, err = end_of(process)
        must(process.returncode in ((OK,) if protocol == "singer" else (OK, FAILED, 128 + signal.SIGTERM, -signal.SIGTERM)),
             f"exit status {process.returncode}\n{err[-600:]}")
        lines = b"".join(first).splitlines() + [line.encode() for line in whole_lines(rest)]
        n, before = last_of(lines, protocol)
        must(n is not None and n == before + 1, f"the last state counts {n}, the last record before it is {before}")
        must(protocol != "singer" or json.loads(lines[-1])["type"] == "STATE", f"the last line is {lines[-1][:200]}")


def feed_some(process, lines, until):
    """Writes, and waits until the condition holds."""
    process.stdin.write(b"\n".join(lines) + b"\n")
    process.stdin.flush()
    limit = time.monotonic() + 10
    while not until() and time.monotonic() < limit:
        time.sleep(0.02)


def terminated_writing(_, protocol):
    """SIGTERM with the input still open: what has a state is committed and confirmed, exit 0 (singer.md 4, 11; the same for Airbyte)."""
    with tempfile.TemporaryDirectory(prefix="weir-hostile-") as path:
        folder = Path(path)
        good_files(folder)
        airbyte = protocol == "airbyte"
        argv = [SQLITE, "write", "--config", f("sink"), "--catalog", f("sinks")] if airbyte else [SQLITE, "--config", f("sink")]
        lines = [rec(1), rec(2), st(2), rec(3)] if airbyte else [t_schema(), t_rec(1), t_rec(2), t_state(b'{"n":2}'), t_rec(3)]
        process = start_process(argv, folder, subprocess.PIPE)
        feed_some(process, lines, lambda: consumed(process.stdin))
        process.send_signal(signal.SIGTERM)
        out, err = end_of(process)
        process.stdin.close()
        must(process.returncode == OK, f"exit status {process.returncode}\n{err[-600:]}\n{out[-600:]!r}")
        if airbyte:
            counts = list(counts_of([m for m in airbyte_messages(out) if m["type"] == "STATE"]))
        else:
            counts = [numbers(v["n"]) for v in printed(b"\n".join(lines), type("E", (), {"out": out}))]
        must(counts == [2], f"states {counts} are confirmed, expected 2")
        must({1, 2} <= set(table(folder)), f"the rows are {table(folder)}")


def consumed(pipe):
    """Is the pipe empty? FIONREAD."""
    import fcntl
    import struct
    return struct.unpack("i", fcntl.ioctl(pipe.fileno(), 0x541B, b"\0" * 4))[0] == 0


def killed_writing(_, protocol):
    """SIGKILL after a confirmed state: the rows of the state are there, and a next run is not disturbed."""
    with tempfile.TemporaryDirectory(prefix="weir-hostile-") as path:
        folder = Path(path)
        good_files(folder)
        airbyte = protocol == "airbyte"
        argv = [SQLITE, "write", "--config", f("sink"), "--catalog", f("sinks")] if airbyte else [SQLITE, "--config", f("sink")]
        process = start_process(argv, folder, subprocess.PIPE)
        lines = [rec(1), rec(2), st(2)] if airbyte else [t_schema(), t_rec(1), t_rec(2), t_state(b'{"n":2}')]
        process.stdin.write(b"\n".join(lines) + b"\n")
        process.stdin.flush()
        os.set_blocking(process.stdout.fileno(), False)
        until, out = time.monotonic() + 10, b""
        while b'"n"' not in out and time.monotonic() < until:
            time.sleep(0.02)
            out += process.stdout.read() or b""
        process.kill()
        process.wait()
        process.stdin.close(), process.stdout.close(), process.stderr.close()
        must(b'"n"' in out, "no state was confirmed within 10 s")
        must({1, 2} <= set(table(folder)), f"the state is confirmed, and the rows are {table(folder)}")
        again = write(folder, script(b"")) if airbyte else load(folder, t_script(b""))
        must(again.status == OK and sorted(table(folder)) == [1, 2, 3], f"afterwards: status {again.status}, rows {table(folder)}\n{again.err[-600:]}")


def database_is_busy(_, protocol):
    """Another process writes to the database and does not stop: an error in time, and nothing is confirmed."""
    with tempfile.TemporaryDirectory(prefix="weir-hostile-") as path:
        folder = Path(path)
        good_files(folder)
        first = write(folder, script(b"")) if protocol == "airbyte" else load(folder, t_script(b""))
        must(first.status == OK, f"the first run: {first.err[-600:]}")
        (folder / "sink.json").write_text(json.dumps({"path": "out.db", "busy_timeout": 1}))
        other = sqlite3.connect(folder / "out.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        argv, data = ([SQLITE, "write", "--config", f("sink"), "--catalog", f("sinks")], script(b"")) if protocol == "airbyte" else (
            [SQLITE, "--config", f("sink")], t_script(b""))
        ended = start(argv, folder, stdin=data)
        other.execute("ROLLBACK")
        other.close()
        must(ended.status == FAILED, f"exit status {ended.status}")
        if protocol == "airbyte":
            messages = airbyte_messages(ended.out)
            check_error(messages, "lock|busy")
            must(errors(messages)[0]["failure_type"] == "transient_error", f"failure_type is {errors(messages)[0]['failure_type']}")
            must(not bodies(messages, "STATE"), "a state is confirmed")
        else:
            must(ended.out == b"" and re.search("lock|busy", ended.err), f"{ended.out[:200]!r} {ended.err[-600:]}")


# ---- odd streams and columns of a source ----

ODD_COLUMNS = ["id", "Id", "with space", "with.dot", "a/b~c", 'quo"te', "emoji 🎉", "9lives", "_meta2", "ünï", "x" * 300, "back\\slash", "tab\tin"]


def odd_source(folder):
    """source-files with a CSV of odd columns, one of 5,000 columns, and NDJSON of odd keys; streams with odd names."""
    import csv
    with open(folder / "odd.csv", "w", newline="", encoding="utf-8") as out:
        csv.writer(out).writerows([ODD_COLUMNS, [str(i) for i in range(len(ODD_COLUMNS))]])
    with open(folder / "wide.csv", "w", newline="") as out:
        csv.writer(out).writerows([[f"c{i}" for i in range(5000)], list(range(5000))])
    (folder / "big.ndjson").write_text(json.dumps({"id": 1, "text": "x" * 10_000_000}) + "\n" + '{"id":123456789012345678901234567890,"d":1.10}\n')
    return {"streams": [{"name": "odd 🎉/name.x", "path": "odd.csv", "key": ["id"]}, {"name": "5000", "path": "wide.csv", "key": ["c0"]},
                        {"name": 'b"ig', "path": "big.ndjson", "key": ["id"]}]}


def check_odd(records):
    by_stream = {}
    for stream, data in records:
        by_stream.setdefault(stream, []).append({k: v for k, v in data.items() if k != "_meta"})
    must(set(by_stream) == {"odd 🎉/name.x", "5000", 'b"ig'}, f"records of {set(by_stream)}")
    row = by_stream["odd 🎉/name.x"][0]
    must([numbers(row[c]) for c in ODD_COLUMNS] == list(range(len(ODD_COLUMNS))), f"odd columns: {row}")
    must([numbers(v) for v in by_stream["5000"][0].values()] == list(range(5000)), "5,000 columns are not all there")
    must(len(by_stream['b"ig'][0]["text"]) == 10_000_000 and by_stream['b"ig'][1] == {"id": ("number", "123456789012345678901234567890"),
                                                                                      "d": ("number", "1.10")},
         f"a large record or many digits: {str(by_stream)[:300]}")


def odd_streams(_, protocol):
    with tempfile.TemporaryDirectory(prefix="weir-hostile-") as path:
        folder = Path(path)
        (folder / "config.json").write_text(json.dumps(odd_source(folder)))
        if protocol == "airbyte":
            found = start([FILES, "discover", "--config", f("config")], folder)
            streams = bodies(airbyte_messages(found.out), "CATALOG")[0]["streams"]
            streams = json.loads(found.out.splitlines()[-1] if b"CATALOG" in found.out.splitlines()[-1]
                                 else next(x for x in found.out.splitlines() if b"CATALOG" in x))["catalog"]["streams"]
            (folder / "catalog.json").write_text(json.dumps({"streams": [
                {"stream": s, "sync_mode": "incremental", "destination_sync_mode": "append", "generation_id": 1, "minimum_generation_id": 0,
                 "sync_id": 1} for s in streams]}))
            ended = start([FILES, "read", "--config", f("config"), "--catalog", f("catalog")], folder)
            messages = airbyte_messages(ended.out)
            check_odd([(r["stream"], r["data"]) for r in bodies(messages, "RECORD")])
            check_life(messages, {s["name"] for s in streams}, "COMPLETE")
        else:
            found = start([FILES, "--config", f("config"), "--discover"], folder)
            catalog = json.loads(found.out)
            for s in catalog["streams"]:
                next(m for m in s["metadata"] if m["breadcrumb"] == [])["metadata"]["selected"] = True
            (folder / "singer.json").write_text(json.dumps(catalog))
            ended = start([FILES, "--config", f("config"), "--catalog", f("singer")], folder)
            check_odd([(m["stream"], m["record"]) for m in map(exact, whole_lines(ended.out)) if m["type"] == "RECORD"])
        must(ended.status == OK, f"exit status {ended.status}\n{ended.err[-600:]}")
        must(ended.megabytes < 150, f"it took {ended.megabytes:.0f} MB")


BOTH = ("airbyte", "singer")
GROUPS = {
    "arguments": (argument_case, ARGUMENTS), "source-config": (config_case, CONFIGS), "source-catalog": (catalog_case, CATALOGS),
    "source-state": (state_case, STATES),
    "tap-catalog": (singer_catalog_case, SINGER_CATALOGS), "tap-state": (singer_state_case, SINGER_STATES),
    "destination-noise": (line_case, NOISE), "destination-record": (line_case, ODD_RECORDS), "destination-state": (line_case, ODD_STATES),
    "destination-wrong state": (line_case, WRONG_STATES), "destination-end": (end_case, ENDS), "destination-refresh": (refresh_case, REFRESHES),
    "destination-catalog": (sink_catalog_case, SINK_CATALOGS), "destination-name": (name_case, [str(i) for i in range(len(ODD_NAMES))]),
    "target-name": (name_case, [str(i) for i in range(len(ODD_NAMES))]), "target-good": (target_case, T_GOOD), "target-odd": (target_case, T_ODD),
    "reader-leaves": (reader_leaves, BOTH), "full-disk": (full_disk, ("airbyte", "singer", "spec", "about", "write", "target")),
    "terminated-reading": (terminated_reading, BOTH), "terminated-writing": (terminated_writing, BOTH), "killed-writing": (killed_writing, BOTH),
    "database-is-busy": (database_is_busy, BOTH), "odd-streams": (odd_streams, BOTH),
    "destination-cursor": (cursor_case, CURSORS), "destination-place": (place_case, PLACES), "same-columns": (column_case, BOTH),
    "target-version": (version_case, VERSIONS),
    "many": (many_case, ("states of a target", "states of a destination", "streams of a target", "schemas to and fro")),
    "endless-tap-state": (device_case, ["/dev/zero"]), "endless-source-read-state": (device_case, ["/dev/zero"]),
    "terminated-waiting": (terminated_waiting, ("source-read-config", "tap-config", "target-config")),
} | {f"file-{asked}": (file_case, BROKEN) for asked in ASKED}


def file_job(group, name):
    work = GROUPS[group][0]
    work(group.removeprefix("file-") if work is file_case else group, name)


def main(parts):
    report([(group, name) for group, (_, cases) in GROUPS.items() for name in cases], file_job, parts)


if __name__ == "__main__":
    main(sys.argv[1:])
