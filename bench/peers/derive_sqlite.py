"""A Flow derivation by SQL: reads its messages from stdin, answers on stdout. orjson, and the sqlite3 of Python with its cache of prepared statements."""

import re
import sqlite3
import sys

import orjson


class Lambda:
    """The statements of a transform. Parameters are fields of the document itself."""

    def __init__(self, sql: str):
        self.statements = [s.strip() for s in sql.split(";") if s.strip()]
        self.fields = sorted(set(re.findall(r"\$(\w+)", sql)))

    def run(self, db: sqlite3.Connection, doc: dict):
        values = {f: doc.get(f) for f in self.fields}
        for statement in self.statements:
            cursor = db.execute(statement, values)
            if cursor.description:
                names = [c[0].removeprefix("$") for c in cursor.description]
                for row in cursor:
                    yield dict(zip(names, row))


def main() -> None:
    out = sys.stdout.buffer
    for line in sys.stdin.buffer:
        message = orjson.loads(line)
        if "read" in message:
            for doc in block.run(db, message["read"]["doc"]):
                out.write(orjson.dumps({"published": {"doc": doc}}) + b"\n")
        elif "flush" in message:
            out.write(b'{"flushed":{}}\n')
        elif "startCommit" in message:
            db.execute("UPDATE gazette_checkpoint SET checkpoint = ?", [orjson.dumps(message["startCommit"]["runtimeCheckpoint"])])
            db.execute("COMMIT")
            db.execute("BEGIN EXCLUSIVE")
            out.write(b'{"startedCommit":{}}\n')
        elif "open" in message:
            derivation = message["open"]["collection"]["derivation"]
            db = sqlite3.connect(derivation["config"].get("path", ":memory:"), isolation_level=None)
            db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE gazette_checkpoint (checkpoint BLOB);"
                             "INSERT INTO gazette_checkpoint VALUES ('')")
            db.execute("BEGIN EXCLUSIVE")
            for script in derivation["config"]["migrations"]:
                db.execute(script)
            block = Lambda(derivation["transforms"][0]["lambdaConfig"])
            out.write(b'{"opened":{}}\n')
    out.flush()


main()
