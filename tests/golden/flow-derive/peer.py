#!/usr/bin/env python3
"""A Flow derivation written from the protocol's page alone (JSON codec, flow.md 1, 4, 6.3), for driving. It publishes each document with `n` multiplied as its
transform's lambda says, and with `seen`: how many of its `id` came before, which is its state. It is strict: whatever the platform does out of order, or says
wrongly, ends it with a reason.

config: late      documents are published with the flush only
        old       sends states that replace, not merge
        keeper    a file: {"seen": ..., "checkpoint": ...} is kept there instead of in the state
        deaf      `reset` is not understood, as by flow-sdk 0.1.9
        stub      a file that is generated in validation, unless the lambda of the first transform is an object
"""

import base64
import json
import os
import sys


def unpack(data):
    """Of a packed tuple what this uses of it: texts and small integers (flow.md 6.3)."""
    at, out = 0, []
    while at < len(data):
        code = data[at]
        at += 1
        if code == 2:
            end = data.index(b"\0", at)
            out.append(data[at:end].decode())
            at = end + 1
        elif 0x14 <= code <= 0x1C:
            out.append(int.from_bytes(data[at:at + code - 0x14], "big"))
            at += code - 0x14
        else:
            raise ValueError(f"tuple code {code:#x}")
    return out


def fail(text):
    print(json.dumps({"level": "error", "msg": text}), file=sys.stderr)
    sys.exit(1)


def check(ok, text):
    if not ok:
        fail(text)


def send(kind, body):
    sys.stdout.write(json.dumps({kind: body}) + "\n")


SPEC = {
    "protocol": 3032023,
    "documentationUrl": "https://example.com",
    "configSchema": {"type": "object"},
    "resourceConfigSchema": {"type": "object", "properties": {"times": {"type": "integer"}}},
}


def check_collection(c):
    fields = [p["field"] for p in c["projections"]]
    check(fields == sorted(fields), f"projections are not sorted: {fields}")
    check("" in [p["ptr"] for p in c["projections"]], "the document has no projection")
    check(set(c["key"]) <= {p["ptr"] for p in c["projections"]}, "the key has no projection")
    check(isinstance(c["writeSchema"], dict), "no schema")


def validate(m):
    check(m["connectorType"] == "LOCAL", "wrong type")
    check_collection(m["collection"])
    for t in m["transforms"]:
        check_collection(t["collection"])
    stub = m["config"].get("stub") if not isinstance(m["transforms"][0]["lambdaConfig"], dict) else None
    send("validated", {
        "transforms": [{"readOnly": t["lambdaConfig"].get("times") == 0} if isinstance(t["lambdaConfig"], dict) else {} for t in m["transforms"]],
        "generatedFiles": {stub: '{"times": 1}\n'} if stub else {},
    })


class Session:
    def __init__(self, m):
        self.d = m["collection"]["derivation"]
        self.config = self.d["config"]
        check_collection(m["collection"])
        for t in self.d["transforms"]:
            check_collection(t["collection"])
            suffix = f'derive/{m["collection"]["name"]}/{t["name"]}' + (f'.v{t["backfill"]}' if t.get("backfill") else "")
            check(t["journalReadSuffix"] == suffix, f"journalReadSuffix is {t['journalReadSuffix']}")
        check(m["range"]["keyEnd"] == m["range"]["rClockEnd"] == 4294967295, "another range")
        self.kept = {"seen": m["state"].get("seen", {})}
        if self.config.get("keeper") and os.path.exists(self.config["keeper"]):
            with open(self.config["keeper"]) as file:
                self.kept = json.load(file)
        self.begin()
        send("opened", {"runtimeCheckpoint": self.kept["checkpoint"]} if self.kept.get("checkpoint") else {})

    def begin(self):
        self.flushed, self.waiting, self.changed = False, [], {}

    def publish(self, doc):
        send("published", {"doc": doc})

    def read(self, m):
        check(not self.flushed, "read after flush")
        t = self.d["transforms"][m.get("transform", 0)]
        shuffle, doc = m.get("shuffle", {}), m["doc"]
        if t["shuffleKey"]:
            key = [doc[p[1:]] for p in t["shuffleKey"]]
            check(shuffle["key"] == key == unpack(base64.b64decode(shuffle["packed"])), f"the shuffle key of {doc} is {shuffle}")
            check(t["shuffleKey"] != ["/id"] or doc["id"] != "ann" or shuffle["hash"] == 0xE8D0375A, f"another hash: {shuffle}")  # by github.com/minio/highwayhash
        name = str(doc["id"])
        before = self.kept["seen"].get(name, 0)
        self.kept["seen"][name] = self.changed[name] = before + 1
        doc = {"id": doc["id"], "n": doc["n"] * t["lambdaConfig"]["times"], "seen": before}
        if self.config.get("late"):
            self.waiting.append(doc)
        else:
            self.publish(doc)

    def flush(self, m):
        check(not self.flushed, "a second flush")
        for doc in self.waiting:
            self.publish(doc)
        self.flushed = True
        send("flushed", {})

    def startCommit(self, m):
        check(self.flushed, "startCommit before flush")
        answer = {"state": {"updated": self.kept if self.config.get("old") else {"seen": self.changed}, "mergePatch": not self.config.get("old")}}
        if self.config.get("keeper"):
            self.kept["checkpoint"] = m.get("runtimeCheckpoint", {})
            with open(self.config["keeper"] + ".new", "w") as file:
                json.dump(self.kept, file)
            os.rename(self.config["keeper"] + ".new", self.config["keeper"])
            answer = {}
        self.begin()
        send("startedCommit", answer)

    def reset(self, m):
        check(not self.config.get("deaf"), "malformed request")
        self.kept = {"seen": {}}
        self.begin()


def main():
    session = None
    for line in sys.stdin:
        message = json.loads(line)
        kind = next(k for k in message if k != "$internal")
        body = message[kind]
        if kind == "spec":
            send("spec", SPEC)
        elif kind == "validate":
            validate(body)
        elif kind == "open":
            session = Session(body)
        else:
            check(session, f"{kind} before open")
            getattr(session, kind)(body)
        sys.stdout.flush()


main()
