#!/usr/bin/env python3
"""fivetran.py [PART-OF-A-NAME...] - sources of Fivetran's protocol that misbehave (fivetran_peer.py), driven by `weir discover` and `weir run --once` into SQLite.

Each behaviour sends two rows, a checkpoint, then what is wrong, then rows 3 to 5 and a checkpoint. A case says which exit statuses may be, which rows the table
may then have, and which words the error must have. Always looked at: it ends in time, nobody is left, one error line, no secret in the log. It needs the
environment `fivetran` of tests/interop.
"""
import json
import signal
import sqlite3
import sys
import tempfile
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "interop"))
from fivetran_python import PYTHON, enter

if __name__ == "__main__":
    enter("fivetran")

from fivetran_peer import BEHAVIOURS
from harness import CONFIG, FAILED, OK, PROTOCOL, REMOTE, TRANSIENT, HERE, WEIR, environment, log_records, must, report, run

BEGIN, ALL, NINE = [1, 2], [1, 2, 3, 4, 5], [1, 2, 3, 4, 5, 9]
ANY_FAILURE = {FAILED, CONFIG, TRANSIENT, REMOTE, PROTOCOL}


class Case:
    """rows: what the table may have after a good end; after a failure it has what was committed, BEGIN. says: words of the error.
    check(rows): a look at the values. warns: words that a warning must have when it is taken."""

    def __init__(self, rows=None, fails=False, says=None, statuses=None, check=None, warns=None, table="t", at=None, **more):
        self.rows, self.fails, self.says, self.check, self.warns, self.table = rows, fails, says, check, warns, table
        self.statuses = statuses or ANY_FAILURE
        self.at = at if at is not None else BEGIN
        self.silent, self.stops = more.pop("silent", False), more.pop("stops", False)
        assert not more, more


def taken(*rows, **more):
    """It must be taken."""
    return Case(rows=list(rows), **more)


def refused(says=None, **more):
    """It must fail, with a reason."""
    return Case(fails=True, says=says, **more)


def either(*rows, says=None, **more):
    """Taken as it is, or refused."""
    return Case(rows=list(rows), fails=True, says=says, **more)


def value(wanted):
    def check(rows):
        found = {r["id"]: r["v"] for r in rows}.get(9)
        must(found in wanted, f"v of row 9 is {found!r}, not one of {wanted}")
    return check


def nothing_said(**more):
    return refused(at=[], **more)


CASES = {
    "good": taken(ALL),
    "bad-utf8-in-a-value": either(NINE, says="UTF-8", check=value(["a\ufffd"])),
    "bad-utf8-in-a-batch": refused("UTF-8"),
    "bad-utf8-in-a-column": refused("UTF-8"),
    "bad-utf8-in-a-table": refused("UTF-8"),
    "bad-utf8-in-a-state": refused("UTF-8"),
    "bad-utf8-in-a-warning": either(ALL, says="UTF-8"),
    "bad-utf8-in-the-schema": nothing_said(says="UTF-8"),
    "a-zero-byte-in-a-value": taken(NINE, check=value(["a\0b"])),
    "a-value-without-a-member": refused("'v'"),
    "a-value-with-two-members": taken(NINE, check=value(["last"])),
    "null-that-is-false": either(NINE, check=value([None])),
    "a-column-twice": taken(NINE, check=value(["last"])),
    "a-number-for-text": either(NINE, says="'v'", check=value(["7", 7])),
    "text-for-the-key": Case(rows=[ALL + ["nine"], [str(n) for n in ALL] + ["nine"]], fails=True, says="'id'"),
    "an-unknown-column": either(NINE, says="'more'"),
    "without-the-key": refused('"/id"'),
    "null-for-the-key": refused("'id'"),
    "an-update-without-key": refused('"/id"'),
    "a-deletion-without-key": refused('"/id"'),
    "a-truncation-with-data": either(ALL),
    "a-type-that-is-none": refused(),
    "a-decimal-that-is-none": refused("'v'"),
    "a-decimal-of-nothing": refused("'v'"),
    "a-decimal-beyond-all": either(NINE, check=value(["1e999999999", "1E999999999"])),
    "json-that-is-none": refused("'v'"),
    "a-time-beyond-all": refused("'v'"),
    "a-time-before-all": refused("'v'"),
    "nanos-beyond-all": refused("'v'"),
    "negative-nanos": refused("'v'"),
    "a-time-of-day": either(NINE, check=value(["01:00:00", "01:00:00Z"])),
    "not-a-number": either(NINE, check=value(["NaN", None])),
    "infinite": either(NINE, check=value(["Infinity", "Inf", float("inf")])),
    "rubbish": refused(),
    "half-a-message": refused(),
    "a-field-of-another-type": either(ALL),
    "an-empty-message": either(ALL),
    "an-unknown-operation": either(ALL),
    "an-empty-batch": taken(ALL),
    "a-batch-of-101": either(ALL + list(range(100, 201)), says="10"),
    "a-batch-of-3-MB": either(ALL + list(range(100, 200))),
    "a-record-of-20-MB": either(NINE),
    "an-unknown-table": either(ALL, says="nothing", warns="nothing"),
    "a-table-without-a-name": either(ALL, warns="table"),
    "a-schema-that-is-none": either(ALL, says="elsewhere", warns="left out"),
    "2000-warnings": taken(ALL, warns="warning 1999"),
    "a-task": refused("pay your bill", statuses={CONFIG}),
    "a-task-without-words": refused(statuses={CONFIG}),
    "a-state-that-is-no-json": either(ALL, says="JSON"),
    "a-state-of-nothing": either(ALL),
    "a-state-that-is-a-list": either(ALL, says="state"),
    "a-state-of-2-MB": taken(ALL),
    "no-checkpoint-at-the-end": Case(rows=[BEGIN, BEGIN + [9]], fails=True, warns="checkpoint"),
    "changes-to-nothing": either(ALL),
    "changes-to-no-tables": either(ALL),
    "changes-away-the-key": either(ALL),
    "changes-another-table": either(ALL),
    "a-schema-without-a-member": either(ALL, at=[]),
    "a-schema-of-rubbish": nothing_said(),
    "a-table-twice": either(ALL, at=[]),
    "a-column-twice-in-the-schema": either(ALL, at=[]),
    "a-nameless-table-in-the-schema": nothing_said(),
    "an-unknown-type-in-the-schema": either(ALL, at=[]),
    "columns-of-the-platform": either(ALL, at=[]),
    "10000-columns": taken(ALL),
    "named-with-dots": taken(ALL, table="a.b.c"),
    "named-with-an-emoji": taken(ALL, table="🚀 ü"),
    "named-with-a-newline": taken(ALL, table="a\nb"),
    "named-with-a-slash": taken(ALL, table="a/b~c"),
    "named-with-quotes": taken(ALL, table='a"b\'c'),
    "named-of-5000-letters": either(ALL, table="x" * 5000, at=[]),
    "a-form-of-rubbish": nothing_said(),
    "a-form-too-deep": either(ALL, at=[]),
    "a-form-with-a-name-twice": either(ALL, at=[]),
    "a-field-without-a-kind": either(ALL, at=[]),
    "a-test-without-a-member": either(ALL, at=[]),
    "a-test-that-fails": nothing_said(says="the moon is not there"),
    "dies": refused("exited with status 3"),
    "dies-with-words": refused("the moon is not there"),
    "is-killed": refused("signal 9"),
    "exits-at-once": nothing_said(says="exited with status 3"),
    "aborts": refused("the moon is not there", statuses={TRANSIENT}),
    "aborts-with-6-KB": refused("the moon is not there"),
    "aborts-with-20-KB": refused("the moon is not there"),
    "aborts-without-words": refused("DATA_LOSS"),
    "hangs-after-its-rows": taken(ALL, silent=True),
    "hangs-in-the-middle": taken(BEGIN, silent=True),
    "never-listens": Case(rows=[[]], fails=True, at=[], stops=True),
    "prints-rubbish": taken(ALL),
    "prints-without-an-end": taken(ALL),
}


def catalog(behaviour, table):
    local = {"command": [str(PYTHON), "-S", str(HERE / "fivetran_peer.py"), behaviour], "protocol": "fivetran", "config": {},
             "env": {"PYTHONPATH": str(next((PYTHON.parents[1] / "lib").glob("python3*/site-packages")))}}
    return {"captures": {"acme/peer": {"endpoint": {"local": local}, "bindings": [{"resource": {"table": table}, "target": "acme/t"}]}},
            "collections": {"acme/t": {"schema": {"type": "object", "properties": {"id": {"type": ["integer", "string"]}}, "required": ["id"]}, "key": ["/id"]}},
            "materializations": {"acme/db": {"endpoint": {"native": {"connector": "materialize-sqlite", "config": {"path": "out.db"}}},
                                             "bindings": [{"resource": {"table": "t"}, "source": "acme/t", "fields": {"recommended": True}}]}}}


def rows_of(folder):
    """The documents of the collection, reduced by key; the table is looked at, too."""
    path = folder / "data/journals/acme%2Ft"
    docs = {}
    for segment in sorted(path.iterdir()) if path.exists() else []:
        for line in segment.read_bytes().splitlines():
            doc = json.loads(line)
            op = doc.get("_meta", {}).get("op")
            if op == "t":
                docs.clear()
            elif op == "d":
                docs.pop(doc["id"], None)
            elif op == "u":
                docs.get(doc["id"], {}).update(doc)
            else:
                docs[doc["id"]] = doc
    if (folder / "out.db").exists():
        with sqlite3.connect(folder / "out.db") as db:
            try:
                (count,) = db.execute("SELECT count(*) FROM t").fetchone()
                must(count == len(docs), f"the table has {count} rows, the collection {len(docs)} documents")
            except sqlite3.OperationalError as e:
                must("no such table" in str(e) and not docs, str(e))
    return [{"id": key, "v": doc.get("v")} for key, doc in docs.items()]


def stop_soon():
    """Ends weir as soon as it has started the peer."""
    def poll(process):
        if Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().strip():
            process.send_signal(signal.SIGTERM)
    return poll


def attempt(_, name):
    case = CASES[name]
    with tempfile.TemporaryDirectory(prefix="weir-hostile-") as path:
        folder = Path(path)
        (folder / "flow.yaml").write_text(json.dumps(catalog(name, case.table)))
        argv = [WEIR, "run", "--once", "--idle", "3s" if case.silent else "60s", "--data", "data", "--quiet"]
        ended = run(argv, folder, environment(), limit=90, poll=stop_soon() if case.stops else None)
        records = log_records(ended.err)
        rows = rows_of(folder)
        ids = sorted((r["id"] for r in rows), key=str)
        errors = [r["message"] for r in records if r["level"] == "error" and r["message"] != "a task failed, see above"]
        if ended.status == OK:
            must(case.rows is not None, f"it is taken; rows {ids}, last words {[r['message'] for r in records][-3:]}")
            must(ids in [sorted(r, key=str) for r in case.rows], f"rows {ids}, expected {case.rows}; {[r['message'] for r in records][-3:]}")
            if case.check and 9 in ids:
                case.check(rows)
            warnings = [r["message"] for r in records if r["level"].startswith("warn")]
            must(not case.warns or any(case.warns in w for w in warnings), f"no warning has '{case.warns}': {warnings[:5]}")
        else:
            must(case.fails, f"exit status {ended.status}: {errors}")
            must(ended.status in case.statuses or case.stops, f"exit status {ended.status}, expected {case.statuses}: {errors}")
            must(len(errors) == 1 or case.stops, f"{len(errors)} error lines: {errors}")
            must(not case.says or case.says in errors[0], f"the error does not say '{case.says}': {errors}")
            must(all(len(e) < 30_000 for e in errors), "an error of more than 30 KB")
            must(ids == case.at, f"rows {ids} after a failure, expected {case.at}: {errors}")
        must(ended.megabytes < 300, f"{ended.megabytes:.0f} MB")


if __name__ == "__main__":
    missing = set(BEHAVIOURS) ^ set(CASES)
    must(not missing, f"behaviours without a case, or cases without one: {missing}")
    report([("fivetran-driven", name) for name in CASES], attempt, sys.argv[1:], waits=lambda job: CASES[job[1]].silent)
