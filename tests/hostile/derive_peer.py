#!/usr/bin/env python3
"""derive_peer.py BEHAVIOUR - a Flow derivation (JSON codec, flow.md 4) that misbehaves in one way; `good` does not.

A good one publishes each document with `at`, how many came before it; that count is its state, {"n": N}.
"""

import json
import os
import subprocess
import sys
import time

SPEC = {"protocol": 3032023, "configSchema": {"type": "object"}, "resourceConfigSchema": {"type": "object"}, "documentationUrl": "https://example.com"}


def write(data):
    """At once, or as much as is taken."""
    while data:
        data = data[os.write(1, data):]


def send(kind, body):
    write(json.dumps({kind: body}).encode() + b"\n")


class Good:
    def spec(self, m):
        send("spec", SPEC)

    def validate(self, m):
        send("validated", {"transforms": [{} for _ in m["transforms"]], "generatedFiles": {}})

    def open(self, m):
        self.n = m["state"].get("n", 0)
        send("opened", {})

    def read(self, m):
        send("published", {"doc": {"n": m["doc"]["n"], "at": self.n}})
        self.n += 1

    def flush(self, m):
        send("flushed", {})

    def startCommit(self, m):
        send("startedCommit", {"state": {"updated": {"n": self.n}, "mergePatch": True}})

    def run(self):
        while line := sys.stdin.buffer.readline():
            ((kind, body),) = json.loads(line).items()
            getattr(self, kind)(body)


BEHAVIOURS = {"good": Good}


def behaviour(c):
    """The class's name, with dashes."""
    name = "".join("-" + x.lower() if x.isupper() else x for x in c.__name__).strip("-")
    BEHAVIOURS[name] = c
    return c


def at_each(name, act):
    """Four behaviours: the act in place of the answer to open, read, flush, startCommit."""
    for step in ("open", "read", "flush", "startCommit"):
        BEHAVIOURS[f"{name}-at-{step.lower()}"] = type(f"{name}{step}", (Good,), {step: lambda self, m, act=act: act()})


def in_place(name, step, *messages):
    """A behaviour that writes these lines in place of an answer."""
    def act(self, m):
        self.n = getattr(self, "n", 0)
        write(b"".join(x if isinstance(x, bytes) else json.dumps(x).encode() + b"\n" for x in messages))

    BEHAVIOURS[name] = type(name, (Good,), {step: act})


def fail():
    print(json.dumps({"level": "error", "msg": "the moon is full"}), file=sys.stderr, flush=True)
    sys.exit(3)


at_each("killed", lambda: os.kill(os.getpid(), 9))
at_each("exits", lambda: sys.exit(0))
at_each("fails", fail)
at_each("hushes", lambda: (os.close(1), time.sleep(60)))
at_each("half-a-message", lambda: (write(b'{"published":{"doc":{'), sys.exit(0)))
at_each("junk", lambda: write(b"Traceback: it failed\n"))

PUBLISHED = {"published": {"doc": {"n": 77, "at": 77}}}
FLUSHED, STARTED = {"flushed": {}}, {"startedCommit": {}}
in_place("published-after-flushed", "flush", FLUSHED, PUBLISHED)
in_place("published-after-started-is-of-the-next", "startCommit", STARTED, PUBLISHED)
in_place("published-before-opened", "open", PUBLISHED, {"opened": {}})
in_place("opened-twice", "open", {"opened": {}}, {"opened": {}})
in_place("flushed-twice", "flush", FLUSHED, FLUSHED)
in_place("flushed-before-it-is-asked", "read", FLUSHED)
in_place("started-before-it-is-asked", "flush", FLUSHED, STARTED)
in_place("started-twice", "startCommit", STARTED, STARTED)
in_place("answers-another-question", "flush", STARTED)
in_place("answers-of-others", "flush", {"acknowledged": {}})
in_place("two-kinds", "flush", {"published": {"doc": {"n": 7}}, "flushed": {}})
in_place("captured", "read", {"captured": {"binding": 0, "doc": {"n": 7, "at": 7}}})
in_place("no-document", "read", {"published": {}})
in_place("a-list", "read", {"published": {"doc": [1]}})
in_place("a-transform-nobody-has", "read", {"published": {"transform": 9, "doc": {"n": 1}}})
in_place("not-utf8", "read", b'{"published":{"doc":{"n":"\xff"}}}\n')
in_place("deep", "read", b'{"published":{"doc":{"n":' + b"[" * 100000 + b"]" * 100000 + b"}}}\n")
in_place("endless-line", "read", *[b'{"published":{"doc":{"n":"'] + [b"x" * (1 << 20)] * 70)
in_place("a-state-that-is-no-object", "startCommit", {"startedCommit": {"state": {"updated": [1]}}})
in_place("a-state-that-is-no-patch", "startCommit", {"startedCommit": {"state": {"updated": {}, "mergePatch": "yes"}}})
in_place("more", "flush", {"flushed": {"more": True}})
in_place("validates-fewer", "validate", {"validated": {"transforms": []}})
in_place("validates-more", "validate", {"validated": {"transforms": [{}, {}]}})
in_place("validates-twice", "validate", {"validated": {"transforms": [{}]}}, {"validated": {"transforms": [{}]}})
in_place("generates-no-text", "validate", {"validated": {"transforms": [{}], "generatedFiles": {"file:///a": [1]}}})
in_place("opened-with-a-number", "open", {"opened": {"runtimeCheckpoint": 7}})
in_place("a-document-that-does-not-fit", "read", {"published": {"doc": {"n": "text", "at": 0}}})
in_place("a-document-without-its-key", "read", {"published": {"doc": {"at": 0}}})


@behaviour
class Silent(Good):
    def flush(self, m):
        time.sleep(600)


@behaviour
class Deaf(Good):
    """It does not read, and does not answer."""

    def open(self, m):
        super().open(m)
        time.sleep(600)


@behaviour
class Floods(Good):
    """Writes megabytes before it reads again: whoever drives it must read while it writes."""

    def read(self, m):
        write(b"".join(b'{"published":{"doc":{"n":%d,"at":%d,"x":"%s"}}}\n' % (m["doc"]["n"], self.n, b"x" * 1000) for _ in range(8000)))
        self.n += 1


@behaviour
class NeverStopsPublishing(Good):
    def flush(self, m):
        while True:
            write(b'{"published":{"doc":{"n":1,"at":1,"x":"' + b"x" * 1000 + b'"}}}\n')


@behaviour
class LeavesAChild(Good):
    def flush(self, m):
        subprocess.Popen(["sleep", "600"], stdin=subprocess.DEVNULL)
        os.kill(os.getpid(), 9)


@behaviour
class Noisy(Good):
    def read(self, m):
        os.write(2, b"something failed, but we go on\n" * 1000)
        super().read(m)


@behaviour
class NeverExits(Good):
    def run(self):
        super().run()
        time.sleep(600)


@behaviour
class OneByteAtATime(Good):
    def read(self, m):
        for c in json.dumps({"published": {"doc": {"n": m["doc"]["n"], "at": self.n}}}).encode() + b"\n":
            os.write(1, bytes([c]))
        self.n += 1


if __name__ == "__main__":
    BEHAVIOURS[sys.argv[1]]().run()
