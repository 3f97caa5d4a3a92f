#!/usr/bin/env python3
"""shims.py [PART-OF-A-NAME...] - behaviours of airbyte.py and singer.py through `weir shim`, served as the other protocol and as their own.

Expected: output that is the protocol's; status 0 and all records, or 1 and an error with the peer's reason; no secret. A good peer that goes on from the last
state through the same shim completes the records: a state is never ahead of what was sent before it.
"""
import functools
import json
import re
import sys
import tempfile
from pathlib import Path

import served
from airbyte import SECRET
from harness import FAILED, HERE, OK, WEIR, environment, must, report, run
from peer import LAST

ALL = list(range(1, LAST + 1))
MOON = "the moon is not there"
# What its records are if all goes well; or the reason that must be given. The odd names and counts of driven.py are not repeated here.
SOURCES = {
    "source": ALL, "junk-lines": ALL, "escapes-in-keys": ALL, "nulls-everywhere": ALL, "numbers-of-many-digits": ALL, "large-records": ALL,
    "tells-everything": ALL, "state-global": ALL, "state-with-odd-keys": ALL, "floods-stderr": ALL,
    "error-of-config": MOON, "error-that-passes": MOON, "exit1-with-words": MOON, "killed-in-a-record": "signal 9",
    "record-nested-deeply": "nested", "without-spec": "(?i)spec", "dies-at-once": "no such module",
}
TAPS = {
    "tap": ALL, "blank-lines": ALL, "escapes-in-keys": ALL, "nulls-everywhere": ALL, "numbers-of-many-digits": ALL, "large-records": ALL,
    "schemas-that-change": ALL,
    "batches": ALL, "state-verbatim": ALL, "floods-stderr": ALL, "lower-case-types": ALL,
    "exits-with-the-secret": "status 1", "killed-in-a-record": "signal 9", "line-nested-deeply": "nested",
    "batch-cut-off": "batch.jsonl", "half-a-last-line": "line|RECORD|end", "dies-at-once": "no such module",
}
KINDS = {"source": ("airbyte", SOURCES), "tap": ("singer", TAPS)}


def shim(folder, kind, platform, behaviour, arguments):
    protocol = KINDS[kind][0]
    env = environment(HOSTILE_DIR=str(folder), TMPDIR=str(folder / "tmp"), LOG_LEVEL="info" if behaviour != "floods-stderr" else "error")
    (folder / "tmp").mkdir(exist_ok=True)
    ended = run([WEIR, "shim", "--from", protocol, "--as", platform, "--", sys.executable, "-S", "-E", HERE / "play.py", protocol, behaviour, "--"] + arguments,
                folder, env)
    must(ended.status in (OK, FAILED), f"exit status {ended.status}\n{ended.err[-600:]}")
    must(b"hunter2" not in ended.out and "hunter2" not in ended.err, "the secret is in the output or in the log")
    left = [p.name for p in (folder / "tmp").iterdir()]
    must(not left, f"files are left: {left}")
    return ended


@functools.cache
def catalog(kind, platform):
    """What a good peer discovers, all of it selected. (Two threads may both ask for it first; they get the same.)"""
    with tempfile.TemporaryDirectory(prefix="weir-hostile-") as path:
        return discover(Path(path), kind, platform)


def discover(folder, kind, platform):
    write_config(folder)
    ended = shim(folder, kind, platform, kind, (["discover"] if platform == "airbyte" else ["--discover"]) + ["--config", "config.json"])
    must(ended.status == OK, f"discovery fails: {ended.err[-600:]}")
    if platform == "airbyte":
        found = json.loads(next(line for line in ended.out.splitlines() if b'"CATALOG"' in line))["catalog"]["streams"]
        return {"streams": [{"stream": s, "sync_mode": "incremental", "destination_sync_mode": "append", "generation_id": 1,
                             "minimum_generation_id": 0, "sync_id": 1}
                            for s in found]}
    streams = json.loads(ended.out)
    for s in streams["streams"]:
        next(m for m in s["metadata"] if m["breadcrumb"] == [])["metadata"]["selected"] = True
    return streams


def write_config(folder):
    (folder / "config.json").write_text(json.dumps({"password": SECRET}))


def sync(folder, kind, platform, behaviour, state):
    arguments = (["read"] if platform == "airbyte" else []) + ["--config", "config.json", "--catalog", "catalog.json"]
    if state is not None:
        (folder / "state.json").write_text(state)
        arguments += ["--state", "state.json"]
    return shim(folder, kind, platform, behaviour, arguments)


def take(platform, ended):
    """(ids of the records, how many of them came before the last state, that state as a state file, or None)"""
    ids, before, state = [], 0, None
    messages = served.airbyte_messages(ended.out) if platform == "airbyte" else [served.exact(line) for line in served.whole_lines(ended.out)]
    texts = ended.out.splitlines()
    for m, text in zip(messages, texts):
        if m["type"] == "RECORD":
            ids.append(served.numbers((m["record"]["data"] if platform == "airbyte" else m["record"])["id"]))
        elif m["type"] == "STATE":
            before, body = len(ids), json.loads(text)
            state = json.dumps([body["state"]] if platform == "airbyte" else body["value"])
    return ids, before, state


def check_end(platform, ended, expected):
    if isinstance(expected, list):
        must(ended.status == OK, f"exit status 1\n{ended.err[-600:]}")
        return
    must(ended.status == FAILED, "exit status 0")
    if platform == "airbyte":
        served.check_error(served.airbyte_messages(ended.out), expected)
    else:
        must(re.search(expected, ended.err), f"the log is\n{ended.err[-600:]}\nexpected\n  {expected}")


def shim_case(kind, platform, behaviour):
    expected = KINDS[kind][1][behaviour]
    with tempfile.TemporaryDirectory(prefix="weir-hostile-") as path:
        folder = Path(path)
        write_config(folder)
        (folder / "catalog.json").write_text(json.dumps(catalog(kind, platform)))
        ended = sync(folder, kind, platform, behaviour, None)
        check_end(platform, ended, expected)
        ids, before, state = take(platform, ended)
        must(not isinstance(expected, list) or ids == expected, f"records {ids}")
        rest = sync(folder, kind, platform, kind, state)
        must(rest.status == OK, f"a good one afterwards fails: {rest.err[-600:]}")
        more = take(platform, rest)[0]
        must(ids[:before] + more == ALL, f"records {ids}, a state behind {before} of them; then {more}")


def main(parts):
    report([(kind, platform, behaviour) for kind, (_, cases) in KINDS.items() for platform in ("airbyte", "singer") for behaviour in cases], shim_case, parts)


if __name__ == "__main__":
    main(sys.argv[1:])
