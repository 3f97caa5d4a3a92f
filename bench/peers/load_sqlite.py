"""Loads NDJSON into an SQLite table: `load_sqlite.py DATABASE TABLE FILE`. orjson and executemany, one transaction."""

import sqlite3
import sys

import orjson

COLUMNS = ("id", "account", "name", "email", "city", "active", "score", "amount", "created", "note")


def rows(path: str):
    with open(path, "rb") as lines:
        for line in lines:
            doc = orjson.loads(line)
            yield [doc[c] for c in COLUMNS]


def main(database: str, table: str, path: str) -> None:
    db = sqlite3.connect(database)
    names, marks = ", ".join(COLUMNS), ", ".join("?" * len(COLUMNS))
    db.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", rows(path))
    db.commit()


main(*sys.argv[1:])
