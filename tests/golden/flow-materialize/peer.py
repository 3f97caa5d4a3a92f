#!/usr/bin/env python3
"""A Flow materialization written from the protocol's page alone (JSON codec, flow.md 1, 5, 6.3), for driving. It keeps its tables in one JSON file, and is
strict: whatever the platform does out of order, or says wrongly, ends it with a reason.

config: path      the file: {"tables": {TABLE: [[KEY, DOCUMENT], ...]}, "checkpoint": ...}
        mode      dict: written with startCommit; keeper: the same, and it keeps the checkpoint; files: staged files, which are listed in the state and merged
                  after the acknowledgement
        forbid    fields it does not take
        impossible  fields that do not fit, until the binding is filled anew
        delta     every store is appended
        late      loaded documents come with the flush only
        old       sends states that replace, not merge
        load_all  every key is to be loaded, although it could not exist
        rows      it keeps values instead of documents
        count     it counts how often each key was stored, beside the tables
        tell      a file that gets every request but stores, as JSON lines
        validated members of each validated binding, beside the usual ones
        constraints  by field, instead of the usual ones

KILL=self:N or both:N in the environment: with the N-th message or change of a file it dies, both takes its parent along.
"""

import base64
import json
import os
import signal
import struct
import sys

KILL = os.environ.get("KILL", "nobody:0").split(":")
EVENTS = 0


def event():
    global EVENTS
    EVENTS += 1
    if KILL[0] != "nobody" and EVENTS == int(KILL[1]):
        sys.stdout.flush()
        if KILL[0] == "both":
            os.kill(os.getppid(), signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)


def unpack(data):
    """A packed tuple (flow.md 6.3)."""
    at, out = 0, []

    def text():
        nonlocal at
        got = b""
        while True:
            end = data.index(b"\0", at)
            got += data[at:end]
            at = end + 1
            if at < len(data) and data[at] == 0xFF:
                got += b"\0"
                at += 1
            else:
                return got

    while at < len(data):
        code = data[at]
        at += 1
        if code == 0:
            out.append(None)
        elif code == 1:
            out.append(json.loads(text()))
        elif code == 2:
            out.append(text().decode())
        elif 0x0C <= code <= 0x1C:
            n = abs(code - 0x14)
            value = int.from_bytes(data[at:at + n], "big")
            out.append(value if code >= 0x14 else value - (256**n - 1))
            at += n
        elif code == 0x21:
            bits = data[at:at + 8]
            at += 8
            bits = bytes([bits[0] ^ 0x80]) + bits[1:] if bits[0] & 0x80 else bytes(255 - b for b in bits)
            out.append(struct.unpack(">d", bits)[0])
        elif code in (0x26, 0x27):
            out.append(code == 0x27)
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
    event()
    sys.stdout.write(json.dumps({kind: body}) + "\n")


SPEC = {
    "protocol": 3032023,
    "documentationUrl": "https://example.com",
    "configSchema": {"type": "object", "properties": {"path": {"type": "string"}}},
    "resourceConfigSchema": {"type": "object", "properties": {"table": {"type": "string", "x-collection-name": True}}, "required": ["table"]},
}


def constraint(config, projection, backfill):
    if projection["field"] in config.get("constraints", {}):
        return config["constraints"][projection["field"]]
    if projection["field"] in config.get("forbid", []):
        return {"type": "FIELD_FORBIDDEN", "reason": "it is on the list"}
    if projection["field"] in config.get("impossible", []) and backfill < config.get("until", 1 << 32):
        return {"type": "INCOMPATIBLE", "reason": "the column is a date"}
    if projection["ptr"] == "" or projection.get("isPrimaryKey"):
        return {"type": "LOCATION_REQUIRED", "reason": "needed"}
    return {"type": "FIELD_OPTIONAL"}


def validate(request):
    bindings = []
    for b in request["bindings"]:
        fields = [p["field"] for p in b["collection"]["projections"]]
        check(fields == sorted(fields), f"projections are not sorted: {fields}")
        bindings.append({
            "resourcePath": ["db", b["resourceConfig"]["table"]],
            "deltaUpdates": request["config"].get("delta", False),
            "constraints": {p["field"]: constraint(request["config"], p, b.get("backfill", 0)) for p in b["collection"]["projections"]},
            **request["config"].get("validated", {}),
        })
    send("validated", {"bindings": bindings})


def check_task(task):
    for b in task["bindings"]:
        check(b["resourceConfig"]["_meta"]["path"] == b["resourcePath"] == ["db", b["resourceConfig"]["table"]], "wrong resource path")
        check(b["fieldSelection"]["document"] == "flow_document" or "flow_document" in task["config"].get("constraints", {}), "the document is not selected")
        check(b["fieldSelection"]["values"] == sorted(b["fieldSelection"]["values"]), "values are not sorted")


def backfills(task):
    return {b["resourcePath"][1]: b.get("backfill", 0) for b in (task or {}).get("bindings", [])}


def drop_old(request):
    """Tables that are to be filled anew."""
    path, last = request["materialization"]["config"]["path"], backfills(request.get("lastMaterialization"))
    gone = [t for t, n in backfills(request["materialization"]).items() if n > last.get(t, n)]
    if gone:
        with open(path) as file:
            data = json.load(file)
        data["tables"] = {t: rows for t, rows in data["tables"].items() if t not in gone}
        with open(path, "w") as file:
            json.dump(data, file)


def apply(request):
    check_task(request["materialization"])
    drop_old(request)
    if request.get("state", {}).get("applied"):
        send("applied", {})
    else:
        send("applied", {"actionDescription": "made tables", "state": {"updated": {"applied": True}, "mergePatch": True}})


class Store:
    """One session."""

    def __init__(self, request):
        self.task = request["materialization"]
        check_task(self.task)
        self.config = self.task["config"]
        self.mode = self.config.get("mode", "dict")
        self.state = request["state"]
        check(self.state.get("applied"), "the state of apply is lost")
        self.fields = [b["fieldSelection"] for b in self.task["bindings"]]
        self.pointers = [[next(p["ptr"] for p in b["collection"]["projections"] if p["field"] == f) for f in b["fieldSelection"]["keys"]]
                         for b in self.task["bindings"]]
        self.read()
        self.acknowledged = self.flushed = False
        self.asked, self.found, self.stores = set(), [], []
        self.transactions = self.state.get("transactions", 0)
        opened = {}
        if self.mode == "keeper" and self.data.get("checkpoint"):
            opened["runtimeCheckpoint"] = self.data["checkpoint"]
        if self.config.get("load_all"):
            opened["disableLoadOptimization"] = True
        send("opened", opened)

    def read(self):
        try:
            with open(self.config["path"]) as file:
                self.data = json.load(file)
        except FileNotFoundError:
            self.data = {"tables": {}}
        self.tables = {t: {json.dumps(k): d for k, d in rows} for t, rows in self.data["tables"].items()}
        if self.config.get("delta"):
            self.tables = {t: list(rows) for t, rows in self.data["tables"].items()}

    def write(self):
        self.data["tables"] = {t: rows if isinstance(rows, list) else [[json.loads(k), d] for k, d in sorted(rows.items())]
                               for t, rows in self.tables.items()}
        partial = f'{self.config["path"]}.{os.getpid()}'
        with open(partial, "w") as file:
            json.dump(self.data, file)
        event()
        os.rename(partial, self.config["path"])
        event()

    def table(self, binding):
        return self.tables.setdefault(self.task["bindings"][binding]["resourcePath"][1], [] if self.config.get("delta") else {})

    def key_of(self, m):
        key = unpack(base64.b64decode(m["keyPacked"]))
        check(key == m["key"], f"key {m['key']} is packed as {key}")
        return json.dumps(key)

    def load(self, m):
        check(not self.flushed, "load after flush")
        check(not self.config.get("delta"), "load for delta updates")
        binding, key = m.get("binding", 0), self.key_of(m)
        check((binding, key) not in self.asked, f"key {key} is loaded twice")
        self.asked.add((binding, key))
        doc = self.table(binding).get(key)
        if doc is None:
            return
        if self.config.get("late"):
            self.found.append((binding, doc))
        else:
            send("loaded", {"binding": binding, "doc": doc})

    def flush(self, m):
        check(self.acknowledged and not self.flushed, "flush out of order")
        for binding, doc in self.found:
            send("loaded", {"binding": binding, "doc": doc})
        self.flushed, self.found = True, []
        send("flushed", {})

    def store(self, m):
        check(self.flushed, "store before flush")
        binding, key = m.get("binding", 0), self.key_of(m)
        values = unpack(base64.b64decode(m["valuesPacked"]))
        check(len(values) == len(self.fields[binding]["values"]) == len(m["values"]), "a store of another number of values")
        for field, value, packed in zip(self.fields[binding]["values"], m["values"], values):
            check(value == packed or float(value) == packed, f"{field} {value} is packed as {packed}")
        if not self.config.get("delta"):
            check((binding, key) in self.asked or not self.config.get("load_all"), f"key {key} was not loaded")
            exists = key in self.table(binding)
            check(m.get("exists", False) == exists, f"key {key}: exists is {m.get('exists', False)}, should be {exists}")
        row = dict(zip(self.fields[binding]["values"], m["values"]))
        self.stores.append((binding, key, m.get("delete", False), m.get("doc", row) if not self.config.get("rows") else row))

    def merge(self, stores):
        for binding, key, delete, doc in stores:
            table = self.table(binding)
            if self.config.get("count"):
                counts = self.data.setdefault("counts", {})
                counts[key] = counts.get(key, 0) + 1
            if isinstance(table, list):
                table.append([json.loads(key), doc])
            elif delete:
                table.pop(key, None)
            else:
                table[key] = doc

    def updated(self, patch):
        self.state = {k: v for k, v in {**self.state, **patch}.items() if v is not None}
        old = self.config.get("old")
        return {"state": {"updated": self.state if old else patch, "mergePatch": not old}}

    def startCommit(self, m):
        check(self.flushed, "startCommit before flush")
        self.transactions += 1
        answer = {}
        if self.mode == "files":
            name = f'{self.config["path"]}.staged-{os.getpid()}-{self.transactions}'
            with open(name, "w") as file:
                json.dump(self.stores, file)
            event()
            answer = self.updated({"files": [name], "transactions": self.transactions})
        else:
            self.merge(self.stores)
            if self.mode == "keeper":
                self.data["checkpoint"] = m["runtimeCheckpoint"]
            self.write()
        self.acknowledged = self.flushed = False
        self.asked, self.stores = set(), []
        send("startedCommit", answer)

    def acknowledge(self, m):
        check(not self.acknowledged, "acknowledge out of order")
        files = self.state.get("files", [])
        merged = self.data.setdefault("merged", []) if self.config.get("count") else [] # merging twice is harmless, but would be counted
        for name in files:
            if name not in merged:
                with open(name) as file:
                    self.merge(json.load(file))
        if files:
            merged[:] = files
            self.write()
        self.acknowledged = True
        send("acknowledged", self.updated({"files": None}) if files else {})


def tell(kind, body, config):
    if config.get("tell") and kind != "store":
        with open(config["tell"], "a") as file:
            file.write(json.dumps({kind: body}) + "\n")


def main():
    store, config = None, {}
    for line in sys.stdin:
        message = json.loads(line)
        kind = next(k for k in message if k != "$internal")
        body = message[kind]
        config = body.get("config") or body.get("materialization", {}).get("config") or config
        tell(kind, body, config)
        if kind == "spec":
            send("spec", SPEC)
        elif kind == "validate":
            validate(body)
        elif kind == "apply":
            apply(body)
        elif kind == "open":
            store = Store(body)
        else:
            check(store, f"{kind} before open")
            getattr(store, kind)(body)
        sys.stdout.flush()


main()
